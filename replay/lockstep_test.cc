// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Host build and aarch64 build in lock-step over the boot traces (Linux in QEMU, not a board), and
// the proof that it can fail: an image that stores something else, or in another order, or gives
// another answer is caught at the event where this matters.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iterator>

#include "model/board.h"
#include "replay/engine_unicorn.h"
#include "replay/player.h"
#include "replay/rig.h"

namespace sidewall::replay {
namespace {

constexpr const char* kNames[] = {"linux-6.12-tegra234", "linux-6.12-tegra234-dma",
                                  "linux-6.12-tegra234-pt", "linux-6.1-stock"};

std::string Image(const std::string& name) {
  const char* build = std::getenv("SIDEWALL_BUILD_DIR");
  return std::string(build == nullptr ? "." : build) + "/replay/" + name;
}

Trace Load(const std::string& name) {
  Trace trace;
  TraceError error;
  EXPECT_TRUE(ReadTrace("corpus/traces/" + name + ".trace.zst", &trace, &error)) << error.Text();
  return trace;
}

TEST(LockstepTest, BothBuildsDoTheSameOverAllTraces) {
  UnicornEngine::SetImage(Image("driver-el2.elf"));
  for (const char* name : kNames) {
    const PlayReport report = Play(Load(name), {.host = true, .el2 = true});
    EXPECT_TRUE(report.clean()) << name;
    EXPECT_TRUE(report.divergences.empty()) << report.divergences.first[0].text;
    EXPECT_EQ(report.rows, report.head.counts.smmu + report.head.counts.mc) << name;
    EXPECT_EQ(report.dma_as_recorded, report.head.counts.dma) << name;
    // Every leaf of the host's memory and at least one access a row.
    EXPECT_GT(report.compared, 0x70000 + report.rows) << name;
  }
}

// What a kernel did under the driver itself, at EL2 in QEMU: each value that it read is given again
// by both builds.
TEST(LockstepTest, BootsUnderTheDriverReplay) {
  UnicornEngine::SetImage(Image("driver-el2.elf"));
  for (const char* name : {"boot-6.12-stock", "boot-6.12-stock-hostile", "boot-6.12-stock-late",
                           "boot-6.12-tegra234"}) {
    const PlayReport report = Play(Load(name), {.host = true, .el2 = true});
    EXPECT_TRUE(report.clean()) << name;
    EXPECT_TRUE(report.divergences.empty()) << name;
    EXPECT_GT(report.rows, 2500u) << name;
    EXPECT_EQ(report.rows, report.head.counts.smmu + report.head.counts.mc) << name;
    EXPECT_EQ(report.dma_as_recorded, report.head.counts.dma) << name;
  }
}

TEST(LockstepTest, TheAarch64BuildAloneReplaysToo) {
  UnicornEngine::SetImage(Image("driver-el2.elf"));
  const PlayReport report = Play(Load(kNames[1]), {.host = false, .el2 = true});
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.compared, 0u);
}

// The one place where an image differs from what ships.
Finding Difference(const char* image, const Trace& trace) {
  UnicornEngine::SetImage(Image(image));
  const PlayReport report = Play(trace, {.host = true, .el2 = true});
  EXPECT_EQ(report.divergences.count, 1u);
  if (report.divergences.count == 0) return {};
  const Finding finding = report.divergences.first[0];
  EXPECT_NE(finding.text.find("DIF01: event "), std::string::npos) << finding.text;
  return finding;
}

// The line of the first access of a kernel to a register, given its place in a mask of an offset.
size_t FirstAccess(const Trace& trace, bool write, uint32_t mask, uint32_t place) {
  for (const Record& record : trace.records) {
    const auto* access = std::get_if<AccessRecord>(&record.body);
    if (access == nullptr || access->write != write || (access->offset & mask) != place) continue;
    return record.line;
  }
  return 0;
}

TEST(LockstepTest, OneChangedMaskIsADivergenceAtItsEvent) {
  const Trace trace = Load(kNames[0]);
  const Finding finding = Difference("driver-el2-mask.elf", trace);
  EXPECT_NE(finding.text.find("TCR2"), std::string::npos) << finding.text;
  // The first TCR2 that the kernel writes is where the image differs.
  EXPECT_EQ(finding.line, FirstAccess(trace, true, 0x80ffff, 0x800010)) << finding.text;
}

TEST(LockstepTest, AnotherOrderIsADivergence) {
  EXPECT_NE(Difference("driver-el2-order.elf", Load(kNames[0])).text, "");
}

TEST(LockstepTest, AnotherAnswerIsADivergenceAtItsEvent) {
  const Trace trace = Load(kNames[0]);
  const Finding finding = Difference("driver-el2-answer.elf", trace);
  // The first IDR1 that the kernel reads.
  EXPECT_EQ(finding.line, FirstAccess(trace, false, ~0u, 0x24)) << finding.text;
}

TEST(LockstepTest, ThePositionOfADifferenceIsTheFirst) {
  const std::vector<Access> a = {{Access::kBarrier, 0, 0}, {Access::kWrite32, 4, 1}};
  std::vector<Access> b = a;
  EXPECT_EQ(FirstDifference(a, b), kSame);
  b[1].value = 2;
  EXPECT_EQ(FirstDifference(a, b), 1u);
  b.pop_back();
  EXPECT_EQ(FirstDifference(a, b), 1u);
  EXPECT_EQ(FirstDifference({}, b), 0u);
}

}  // namespace
}  // namespace sidewall::replay
