// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A strided part of each sweep over the driver that is linked: the shipped one holds every floor,
// the canary that forwards everything breaks every one (POLICY_SWEEP_BREAKS).
#include "oracle/policy_sweep.h"

#include <gtest/gtest.h>

namespace sidewall {
namespace {

// Odd and near the golden section of 2^32, so that all bits change from one value to the next.
constexpr uint64_t kStride = 0x9e3779b1;
constexpr uint64_t kCount = 200000;

class PolicySweepTest : public testing::TestWithParam<Policy> {};

TEST_P(PolicySweepTest, EveryValueIsHeldByTheFloor) {
  PolicySweep sweep(GetParam());
  sweep.Run({.first = 0, .count = kCount, .stride = kStride});
  // Each bit alone and all but each, which a stride may miss in its part.
  for (unsigned bit = 0; bit < 32; bit++) {
    sweep.Run({.first = uint64_t{1} << bit, .count = 1});
    sweep.Run({.first = ~(uint64_t{1} << bit), .count = 1});
  }
  const SweepReport& report = sweep.report();
#ifdef POLICY_SWEEP_BREAKS
  EXPECT_TRUE(report.broken) << PolicyName(GetParam()) << " is held by a driver that holds nothing";
  EXPECT_GT(report.values, 0u) << report.what;
#else
  EXPECT_FALSE(report.broken) << report.what;
  EXPECT_EQ(report.values, kCount + 64);
  EXPECT_TRUE(report.guest) << "no stream is a guest's, so that none could be taken from it";
#endif
}

#ifndef POLICY_SWEEP_BREAKS
// Where the host may choose something, the sweep must have seen hardware follow it; a sweep in
// which nothing happens shows nothing.
TEST(PolicySweep, HardwareFollowsWhereTheHostMayChoose) {
  for (Policy policy : {Policy::kS2cr, Policy::kSmr, Policy::kSctlr}) {
    PolicySweep sweep(policy);
    sweep.Run({.first = 0, .count = 20000, .stride = kStride});
    EXPECT_GT(sweep.report().changed, 1000u) << PolicyName(policy);
  }
}
#endif

// Two parts are the same sweep as one.
TEST(PolicySweep, GoesOnWhereItStopped) {
  PolicySweep whole(Policy::kSmr), parts(Policy::kSmr);
  whole.Run({.first = 7, .count = 4000, .stride = kStride});
  parts.Run({.first = 7, .count = 1500, .stride = kStride});
  parts.Run({.first = 7 + 1500 * kStride, .count = 2500, .stride = kStride});
  EXPECT_EQ(whole.report().values, parts.report().values);
  EXPECT_EQ(whole.report().stores, parts.report().stores);
  EXPECT_EQ(whole.report().what, parts.report().what);
}

std::string Name(const testing::TestParamInfo<Policy>& info) { return PolicyName(info.param); }
INSTANTIATE_TEST_SUITE_P(Policies, PolicySweepTest, testing::ValuesIn(kPolicies), Name);

}  // namespace
}  // namespace sidewall
