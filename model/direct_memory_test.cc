// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "model/memory.h"
#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr uint64_t kPage = 0x80002000;  // RAM of board `tiny`

// RAM at its own addresses, as software at EL2 has it: one page of the board is mapped here.
TEST(DirectMemory, IsWhatOtherSoftwareWrote) {
  void* page = mmap(reinterpret_cast<void*>(kPage), 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (page == MAP_FAILED) GTEST_SKIP() << "another mapping, of a sanitizer say, is at that address";
  const BoardSpec& board = *FindBoard("tiny");
  std::vector<uint64_t> pool(board.pool.size / 8);
  std::vector<uint64_t> work(Machine::WorkSize(board.pool.size / 4096) / 8 + 1);
  Arena arena;
  arena.pool = pool.data();
  arena.pool_pages = board.pool.size / 4096;
  arena.work = work.data();
  arena.work_size = work.size() * 8;
  arena.direct = true;
  auto machine = std::make_unique<Machine>();
  machine->Reset(board, arena, nullptr, nullptr);
  auto* words = static_cast<uint64_t*>(page);
  words[1] = 42;
  EXPECT_EQ(machine->Load64(kPage + 8), 42u);
  EXPECT_TRUE(machine->Store64(kPage + 16, 7));
  EXPECT_EQ(words[2], 7u);
  // What is no RAM is not touched, and the pool is where it always is.
  EXPECT_EQ(machine->Load64(0x7fff0000), 0u);
  EXPECT_FALSE(machine->Store64(0x7fff0000, 1));
  machine->TableWrite64(board.pool.start + 8, 5);
  EXPECT_EQ(pool[1], 5u);
  munmap(page, 4096);
}

}  // namespace
}  // namespace sidewall::model
