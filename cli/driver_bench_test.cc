// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// That the measurement measures what it says; what comes out of it depends on the machine.
#include "cli/driver_bench.h"

#include <gtest/gtest.h>

#include "cli/environment.h"

namespace sidewall::cli {
namespace {

TEST(DriverBench, BothBoardsDoTheSameAndOnlyOneKeepsARing) {
  const DriverBench bench =
      MeasureDriver({.trace = "corpus/traces/boot-6.12-stock.trace.zst", .rounds = 2});
  EXPECT_TRUE(bench.same);
  uint64_t mix = 0;
  for (const auto& [name, count] : bench.mix) mix += count;
  EXPECT_EQ(mix, bench.accesses);
  EXPECT_GT(bench.mix.at("smmu write"), 100u);
  EXPECT_GT(bench.registers_per_access, 0.5);
  ASSERT_EQ(bench.rows.size(), 3u);
  EXPECT_EQ(bench.at_access_price().name, "access");
  for (const DriverRate& rate : bench.rows) {
    EXPECT_GT(rate.with_ring, 0);
    EXPECT_DOUBLE_EQ(rate.ratio, rate.with_ring / rate.without_ring) << rate.name;
  }
  EXPECT_GT(bench.ring_records, 0u);
  EXPECT_EQ(bench.ring_records_without, 0u);
}

TEST(DriverBench, ATraceThatIsNoneIsSaid) {
  EXPECT_THROW(MeasureDriver({.trace = "corpus/README.md", .rounds = 1}), EnvironmentError);
}

}  // namespace
}  // namespace sidewall::cli
