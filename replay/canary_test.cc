// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A replay that passes over any driver proves nothing: over the canary that this program is linked
// with (the one that forwards everything raw, or the one that refuses everything) it must fail.
#include <gtest/gtest.h>

#include "replay/player.h"

namespace sidewall::replay {
namespace {

TEST(CanaryTest, NoTracePassesOverACanary) {
  for (const char* name : {"linux-6.12-tegra234", "linux-6.12-tegra234-dma",
                           "linux-6.12-tegra234-pt", "linux-6.1-stock"}) {
    Trace trace;
    TraceError error;
    ASSERT_TRUE(ReadTrace(std::string("corpus/traces/") + name + ".trace.zst", &trace, &error));
    const PlayReport report = Play(trace, {});
    EXPECT_FALSE(report.clean()) << name;
    EXPECT_FALSE(report.violations.empty() && report.refused.empty()) << name;
  }
}

}  // namespace
}  // namespace sidewall::replay
