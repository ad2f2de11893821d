// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The embedding that README.md shows, run: registers and memory lie in a mapping of this process,
// at the same distance from each other as on a board.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "sidewall/driver.h"

extern "C" {
extern uintptr_t board_map;
bool board_boot(void);
bool board_abort(struct sidewall_regs* regs, uint64_t esr, uint64_t ipa);
bool board_take(uint64_t start, uint64_t size);
bool board_give_back(uint64_t start, uint64_t size);
bool board_suspend(void);
bool board_resume(void);
void board_tick(void);
}

namespace {

constexpr uint64_t kSpace = uint64_t{1} << 32;
constexpr uint64_t kEl2 = 0xfe000000, kPage = 0x80123000;
constexpr uint64_t kAddressBits = 0x0000fffffffff000;
constexpr uint64_t kRead = 5u | 3u << 24 | 2u << 22 | uint64_t{0x24} << 26;  // a word, to x0
constexpr uint64_t kWrite = kRead | 1u << 6;

volatile uint32_t& Register(uint64_t pa) { return *reinterpret_cast<uint32_t*>(board_map + pa); }

// Whether some table leads to the page: tables are the only thing in EL2's memory here.
bool IsMapped(uint64_t page) {
  const auto* words = reinterpret_cast<const uint64_t*>(board_map + kEl2);
  return std::any_of(words, words + 0x400000 / 8, [&](uint64_t word) {
    return (word & 3) == 3 && (word & kAddressBits) == page;
  });
}

constexpr uint64_t kSmmuWindows[] = {0x08000000, 0x07000000, 0x12000000, 0x11000000, 0x10000000};
constexpr uint64_t kMcSid = 0x02c00000, kStatus = 0x74;

void PutIds() {
  const uint32_t ids[] = {0x7c013e80, 0xe0000080, 0x00005555, 0, 0, 0, 0, 0x21};
  for (uint64_t window : kSmmuWindows) {
    for (uint32_t i = 0; i < 8; ++i) Register(window + 0x20 + 4 * i) = ids[i];
  }
}

// What decides where a stream goes: sCR0, the stream mapping, the banks, and the clients' words.
std::vector<uint32_t> Decided() {
  std::vector<uint32_t> words;
  const auto add = [&words](uint64_t pa) { words.push_back(uint32_t{Register(pa)}); };
  for (uint64_t window : kSmmuWindows) {
    add(window);
    for (uint64_t i = 0; i < 128; ++i) {
      add(window + 0x800 + 4 * i);
      add(window + 0xc00 + 4 * i);
    }
    for (uint64_t i = 0; i < 128; ++i) {
      add(window + 0x10000 + 4 * i);
      for (uint64_t at : {0x00, 0x20, 0x24, 0x30}) {
        add(window + 0x800000 + 0x10000 * i + at);
      }
    }
  }
  for (uint64_t i = 0; i < 1024; ++i) add(kMcSid + 4 * i);
  return words;
}

// Everything is as after a reset: clients pass the SMMU, and nothing that was stored is left.
void LosePower() {
  for (uint64_t window : kSmmuWindows) {
    std::memset(reinterpret_cast<void*>(board_map + window), 0, 0x1000000);
    Register(window) = 0x00200001;
  }
  PutIds();
  for (uint32_t i = 0; i < 512; ++i) {
    Register(kMcSid + 8 * i) = 0;
    Register(kMcSid + 8 * i + 4) = 1;
  }
}

bool HostReads(uint64_t address) {
  sidewall_regs regs{};
  return board_abort(&regs, kRead, address);
}

void ExpectSystemSuspend() {
  const std::vector<uint32_t> before = Decided();
  EXPECT_TRUE(board_resume()) << "nothing waits for it";
  ASSERT_TRUE(board_suspend());
  EXPECT_FALSE(board_suspend()) << "twice";
  EXPECT_FALSE(HostReads(0x08000000));
  LosePower();
  ASSERT_NE(Decided(), before);
  // A page that goes meanwhile is gone from the devices.
  EXPECT_TRUE(board_take(kPage, 0x1000));
  EXPECT_FALSE(IsMapped(kPage));
  EXPECT_TRUE(board_give_back(kPage, 0x1000));
  // A unit that is not what it was does not come back, and the others do.
  Register(0x12000020) = 0;
  EXPECT_FALSE(board_resume());
  EXPECT_FALSE(HostReads(0x12000000));
  EXPECT_TRUE(HostReads(0x08000000));
  EXPECT_TRUE(HostReads(0x10000000));
  EXPECT_FALSE(board_suspend()) << "while one waits for its resume";
  PutIds();
  EXPECT_TRUE(board_resume());
  EXPECT_TRUE(HostReads(0x12000000));
  EXPECT_EQ(Decided(), before);
}

// The last unit does not say that its sync is complete, so the two before it come back.
void ExpectSuspendRefused() {
  const std::vector<uint32_t> before = Decided();
  Register(0x10000000 + kStatus) = 1;
  EXPECT_FALSE(board_suspend());
  EXPECT_EQ(Decided(), before);
  for (uint64_t window : {0x08000000, 0x12000000, 0x10000000}) EXPECT_TRUE(HostReads(window));
  Register(0x10000000 + kStatus) = 0;
  board_tick();
  EXPECT_TRUE(board_suspend());
  EXPECT_TRUE(board_resume());
  EXPECT_EQ(Decided(), before);
}

TEST(Embedding, TakesAPageFromTheDevices) {
  void* space = mmap(nullptr, kSpace, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(space, MAP_FAILED);
  board_map = reinterpret_cast<uintptr_t>(space);
  EXPECT_FALSE(board_boot()) << "no SMMU answers with IDs of its own";

  PutIds();
  for (uint32_t i = 0; i < 512; ++i) Register(kMcSid + 8 * i + 4) = 1;
  for (uint64_t window : {0x02c10000, 0x02c20000, 0x02c30000, 0x02c40000, 0x02c50000, 0x02b80000,
                          0x02b90000, 0x02ba0000, 0x02bb0000, 0x01700000, 0x01710000, 0x01720000,
                          0x01730000, 0x01740000, 0x01750000, 0x01760000, 0x01770000}) {
    Register(window + 0x1820) = 0x80000002;
  }
  ASSERT_TRUE(board_boot());
  EXPECT_TRUE(IsMapped(kPage));
  EXPECT_FALSE(IsMapped(kEl2)) << "EL2's own memory";

  // The host asks for bypass and gets its stage 2, on both instances.
  sidewall_regs regs{};
  regs.x[0] = 0x00010000;
  EXPECT_TRUE(board_abort(&regs, kWrite, 0x08000c00));
  EXPECT_EQ(Register(0x08000c00), Register(0x07000c00));
  EXPECT_EQ(Register(0x08000c00) >> 16 & 3, 0u);
  EXPECT_TRUE(board_abort(&regs, kRead, 0x08000c00));
  EXPECT_EQ(regs.x[0], 0x00010000u);
  EXPECT_FALSE(board_abort(&regs, kRead, 0x03000000)) << "no window of the driver's";

  EXPECT_TRUE(board_take(kPage, 0x1000));
  EXPECT_FALSE(IsMapped(kPage));
  EXPECT_TRUE(IsMapped(kPage + 0x1000));
  EXPECT_TRUE(board_give_back(kPage, 0x1000));
  EXPECT_TRUE(IsMapped(kPage));
  board_tick();
  ExpectSystemSuspend();
  ExpectSuspendRefused();
  EXPECT_FALSE(board_boot()) << "twice";
  EXPECT_EQ(munmap(space, kSpace), 0);
}

}  // namespace
