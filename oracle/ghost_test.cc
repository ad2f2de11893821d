// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Pages in the same hands are counted as a walk that asks for one page at a time counts them.
#include "oracle/ghost.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "model/pages.h"

namespace sidewall {
namespace {

class GhostPages : public testing::TestWithParam<const char*> {
 protected:
  GhostPages() : spec_(*model::FindBoard(GetParam())), ghost_(spec_) {}

  // Pages from this one on that the same owner has, lent to the same, up to where the range ends.
  uint64_t Alike(const model::Range& range, uint64_t pa, uint64_t pages) const {
    uint64_t alike = 0;
    for (uint64_t at = pa; alike < pages && at - range.start < range.size; at += kPageSize) {
      if (ghost_.owner(at) != ghost_.owner(pa) || ghost_.Touchers(at) != ghost_.Touchers(pa)) break;
      alike++;
    }
    return alike;
  }

  const model::BoardSpec& spec_;
  Ghost ghost_;
};

// All pages are in the same hands here, so that only the end of a range ends a run.
TEST_P(GhostPages, ARunEndsWithItsRange) {
  for (size_t i = 0; i < size_t{spec_.dram_count} + spec_.host_mmio_count; i++) {
    const model::Range& range =
        i < spec_.dram_count ? spec_.dram[i] : spec_.host_mmio[i - spec_.dram_count];
    const uint64_t pages = range.size / kPageSize;
    EXPECT_EQ(ghost_.Alike(range.start, ~uint64_t{0}), pages);
    EXPECT_EQ(ghost_.Alike(range.start + range.size - kPageSize, 512), 1u);
    EXPECT_EQ(ghost_.Alike(range.start, pages - 1), pages - 1);
  }
}

TEST_P(GhostPages, ARunEndsWhereAnotherOwnerOrBorrowerBegins) {
  std::mt19937_64 random(3);
  const model::Range& ram = spec_.dram[0];
  constexpr uint64_t kPages = 256;
  constexpr uint8_t kBorrower = model::kOwnerGuest0 + 2;
  ghost_.Lend(ram.start, ram.size / kPageSize, model::kNobody);
  for (int i = 0; i < 5000; i++) {
    const uint64_t count = random() % 16 + 1;
    const uint64_t pa = ram.start + random() % (kPages - count) * kPageSize;
    const auto guest = static_cast<uint8_t>(model::kOwnerGuest0 + random() % 2);
    switch (random() % 4) {
      case 0:
        ghost_.Move(pa, count, model::kOwnerHost);
        break;
      case 1:
        ghost_.Move(pa, count, guest);
        break;
      case 2:
        ghost_.Lend(pa, count, kBorrower);
        break;
      default:
        ghost_.Lend(pa, count, model::kNobody);
        break;
    }
    const uint64_t asked = ram.start + random() % kPages * kPageSize;
    const uint64_t pages = random() % 64 + 1;
    ASSERT_EQ(ghost_.Alike(asked, pages), Alike(ram, asked, pages))
        << std::hex << asked << std::dec << ", " << pages << " pages";
  }
}

TEST_P(GhostPages, WhereThereIsNoMemoryAPageIsAlone) {
  EXPECT_EQ(ghost_.PageIndex(0), kNoPage);
  EXPECT_EQ(ghost_.Alike(0, 512), 1u);
}

INSTANTIATE_TEST_SUITE_P(Boards, GhostPages, testing::Values("tiny", "tegra234"),
                         [](const auto& board) { return std::string(board.param); });

}  // namespace
}  // namespace sidewall
