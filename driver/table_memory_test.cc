// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// How much memory the host's stage 2 takes, on boards of the sizes that are sold. The figures are
// those of docs/adr/0005, which is held against them.
#include <fstream>
#include <sstream>
#include <string>

#include "driver/domain_test.h"

namespace sidewall_test {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

class TableMemoryTest : public DriverTest {
 public:
  // A board with so much RAM from 2 GiB on, of which EL2 has the last 256 MiB.
  void Start(uint64_t gib) {
    cfg.dram[0].size = gib * kGiB;
    cfg.el2_range[0] = {kDram + gib * kGiB - kReserve, kReserve};
    fake.MovePool(cfg.el2_range[0].start);
    fake.pool_left = 40000;
    Boot();
  }
  // One page of each 2 MiB has all the tables that the whole has.
  void GiveOneOfEach(uint64_t start, uint64_t end) {
    for (uint64_t pa = start; pa < end; pa += kBlockSize) {
      ASSERT_EQ(sidewall_host_stage2_idmap(state, pa, pa + kPage, SIDEWALL_PROT_RW).progress,
                kPage);
      ClearLog();
    }
  }
  static constexpr uint64_t kReserve = kGiB / 4;
};

// How many pages of the pool the RAM of a board of so many GiB takes, EL2's own part left out.
constexpr uint64_t Pages(uint64_t gib) {
  const uint64_t leaves = gib * 512 - 128;
  const uint64_t level2 = gib;
  const uint64_t level1 = 1;
  const uint64_t roots = 2;  // the host's, and the empty one of the fault banks
  return leaves + level2 + level1 + roots;
}
static_assert(Pages(32) == 16291 && Pages(64) == 32707);

TEST_F(TableMemoryTest, AWholeGibibyteTakesTwoMebibytes) {
  Start(2);
  const uint64_t before = Counters().pages;
  EXPECT_EQ(before, 2u);
  const sidewall_result result =
      sidewall_host_stage2_idmap(state, kDram, kDram + kGiB, SIDEWALL_PROT_RW);
  EXPECT_EQ(result.progress, kGiB) << "one call maps a gibibyte";
  EXPECT_EQ(Counters().pages - before, 512u + 2) << "with the first table of levels 1 and 2";
}

TEST_F(TableMemoryTest, Of32GiB) {
  Start(32);
  GiveOneOfEach(kDram, kDram + 32 * kGiB - kReserve);
  EXPECT_EQ(Counters().pages, Pages(32));
  EXPECT_EQ(fake.pages_out, Pages(32));
}

TEST_F(TableMemoryTest, Of64GiB) {
  Start(64);
  GiveOneOfEach(kDram, kDram + 64 * kGiB - kReserve);
  EXPECT_EQ(Counters().pages, Pages(64));
}

TEST_F(TableMemoryTest, OfAllRegistersBelowRam) {
  Start(2);
  const uint64_t before = Counters().pages;
  // Register windows of EL2 are skipped; two pages of 2 MiB hold nothing else.
  GiveOneOfEach(0, kDram);
  EXPECT_LE(Counters().pages - before, 1024u + 2 + 1);
  EXPECT_GE(Counters().pages - before, 1000u);
}

TEST_F(TableMemoryTest, TheFiguresOfTheDecisionAreThese) {
  std::ifstream file("docs/adr/0005-the-host-is-mapped-by-pages.md");
  ASSERT_TRUE(file);
  std::stringstream text;
  text << file.rdbuf();
  const auto mebibytes = [](uint64_t pages) {
    const uint64_t tenths = (pages * 4096 * 10 + (1 << 19)) >> 20;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
  };
  for (uint64_t gib : {32, 64}) {
    const std::string row = "| " + std::to_string(gib) + " GiB | " + std::to_string(Pages(gib)) +
                            " | " + mebibytes(Pages(gib)) + " MiB |";
    EXPECT_NE(text.str().find(row), std::string::npos) << "no row \"" << row << '"';
  }
}

}  // namespace
}  // namespace sidewall_test
