// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/values.h"

#include <gtest/gtest.h>

#include <set>

#include "fuzz/layout.h"
#include "fuzz/sketch.h"

namespace sidewall::fuzz {
namespace {

// The mutator's few offsets against the model's table.
TEST(Layout, AgreesWithTheModelByName) {
  using layout::Bank;
  const std::pair<const char*, uint32_t> kNames[] = {
      {"sCR0", layout::kScr0},
      {"IDR0", layout::kIdr0},
      {"sGFSR", layout::kSgfsr},
      {"TLBIVMID", layout::kTlbivmid},
      {"TLBIALLNSNH", layout::kTlbiallnsnh},
      {"TLBIALLH", layout::kTlbiallh},
      {"sTLBGSYNC", layout::kStlbgsync},
      {"sTLBGSTATUS", layout::kStlbgstatus},
      {"SMR[0]", layout::kSmr},
      {"S2CR[2]", layout::kS2cr + 8},
      {"CBAR[1]", layout::kCbar + 4},
      {"CBA2R[1]", layout::kCba2r + 4},
      {"CBFRSYNRA[1]", layout::kCbfrsynra + 4},
      {"CB[3].SCTLR", Bank(3, layout::kSctlr)},
      {"CB[0].TCR2", Bank(0, layout::kTcr2)},
      {"CB[0].TTBR0", Bank(0, layout::kTtbr0)},
      {"CB[0].TTBR1", Bank(0, layout::kTtbr1)},
      {"CB[0].TCR", Bank(0, layout::kTcr)},
      {"CB[0].MAIR0", Bank(0, layout::kMair0)},
      {"CB[0].MAIR1", Bank(0, layout::kMair1)},
      {"CB[0].FSR", Bank(0, layout::kFsr)},
      {"CB[0].FAR", Bank(0, layout::kFar)},
      {"CB[0].FSYNR0", Bank(0, layout::kFsynr0)},
      {"CB[0].TLBIVA", Bank(0, layout::kTlbiva)},
      {"CB[0].TLBIASID", Bank(0, layout::kTlbiasid)},
      {"CB[0].TLBIALL", Bank(0, layout::kTlbiall)},
      {"CB[0].TLBIVAL", Bank(0, layout::kTlbival)},
      {"CB[0].TLBSYNC", Bank(0, layout::kTlbsync)},
      {"CB[0].TLBSTATUS", Bank(0, layout::kTlbstatus)},
  };
  for (const auto& [name, offset] : kNames) {
    uint32_t parsed = 0;
    ASSERT_TRUE(model::ParseRegisterName(Window::kNiso0, name, &parsed)) << name;
    EXPECT_EQ(parsed, offset) << name;
  }
}

class EveryBoard : public testing::TestWithParam<const char*> {
 protected:
  const model::BoardSpec& board() const { return *model::FindBoard(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Boards, EveryBoard, testing::Values("tegra234", "tiny"));

TEST_P(EveryBoard, HostPagesAreRamAndNotThePool) {
  const Values values(board());
  ASSERT_GT(values.host_pages(), kFirstSlotPage + kTableSlots * kSlotPages);
  for (uint64_t n = 0; n < 2 * values.host_pages(); n += 1 + n / 64) {
    const uint64_t page = values.HostPage(n);
    bool in_ram = false;
    for (size_t i = 0; i < board().dram_count; ++i) in_ram |= board().dram[i].Contains(page);
    ASSERT_TRUE(in_ram) << n;
    ASSERT_FALSE(board().pool.Contains(page)) << n;
  }
}

TEST_P(EveryBoard, ClientsHaveAStreamOnASideOfTheBoard) {
  const Values values(board());
  ASSERT_GT(values.clients().size(), 10u);
  for (const model::ClientInfo* client : values.clients()) {
    EXPECT_NE(values.SmmuOfSide(client->side), nullptr) << client->name;
    EXPECT_NE(client->default_sid, 0) << client->name;
  }
}

TEST_P(EveryBoard, DrawsFavourWhatMatters) {
  const Values values(board());
  Random random(1);
  size_t entries = 0;
  size_t bit39 = 0;
  size_t outside = 0;
  constexpr size_t kDraws = 20000;
  for (size_t i = 0; i < kDraws; ++i) {
    const uint64_t offset = values.Register(&random, static_cast<uint64_t>(Window::kNiso0));
    entries += offset >= layout::kSmr && offset < 0xe00;
    const uint64_t address = values.Address(&random);
    bit39 += address >> 39 & 1;
    bool in_ram = false;
    for (size_t d = 0; d < board().dram_count; ++d) in_ram |= board().dram[d].Contains(address);
    outside += !in_ram;
  }
  EXPECT_GT(entries, kDraws / 4);
  EXPECT_GT(bit39, kDraws / 50);
  EXPECT_GT(outside, kDraws / 10);
  EXPECT_LT(outside, kDraws / 2);
}

TEST(RandomSource, TheSameEverywhere) {
  Random random(1);
  EXPECT_EQ(random.Next(), 0x910a2dec89025cc1u);
  EXPECT_EQ(random.Next(), 0xbeeb8da1658eec67u);
  EXPECT_EQ(Random(5).Below(0), 0u);
  constexpr unsigned kWeights[] = {0, 3, 0, 1};
  size_t drawn[4] = {};
  for (int i = 0; i < 4000; ++i) ++drawn[random.Weighted(kWeights)];
  EXPECT_EQ(drawn[0] + drawn[2], 0u);
  EXPECT_GT(drawn[1], 2 * drawn[3]);
}

}  // namespace
}  // namespace sidewall::fuzz
