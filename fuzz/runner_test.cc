// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/runner.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

#include "fuzz/mutator.h"
#include "fuzz/reproduce.h"
#include "model/board.h"
#include "oracle/engine_native.h"

namespace sidewall::fuzz {
namespace {

Program MustParse(const std::string& events) {
  Program program;
  ParseError error;
  EXPECT_TRUE(ParseText("# sidewall-program v1\n# board: tiny\n" + events, &program, &error))
      << error.line << ":" << error.column << " " << error.what;
  return program;
}

constexpr char kIdentity[] =
    "host.write32 niso0 SMR[0] id=6 mask=0x7f80 valid=1\n"
    "host.write32 niso0 S2CR[0] type=bypass\n";

TEST(Runner, ALegalProgramPasses) {
  const Program program = MustParse(std::string(kIdentity) +
                                    "dma client=mgbeard addr=0x80001000 read -> ok 0x80001000\n"
                                    "hyp.donate pages=0x80001000+1 to=guest0 -> ok\n"
                                    "dma client=mgbeard addr=0x80001000 read -> fault\n");
  Reproducer reproducer(AllInvariants());
  const RunResult result = reproducer.Run(program);
  EXPECT_TRUE(AsExpected(result, 0)) << ResultText(program, result);
  EXPECT_EQ(result.events, program.events.size());
}

TEST(Runner, AWrongExpectationIsAMismatch) {
  Program program = MustParse(std::string(kIdentity) +
                              "dma client=mgbeard addr=0x80001000 read -> fault\n"
                              "dma client=mgbeard addr=0x80002000 read -> ok\n");
  Reproducer reproducer(AllInvariants());
  RunResult result = reproducer.Run(program);
  EXPECT_TRUE(result.mismatch);
  EXPECT_EQ(result.mismatch_index, 2u);
  EXPECT_EQ(result.events, 4u);
  EXPECT_FALSE(AsExpected(result, 0));
  EXPECT_TRUE(Broke(result, 0));
  program.events[2].expect = Expect::kValue;
  program.events[2].arg[5] = 0x80002000;
  result = reproducer.Run(program);
  EXPECT_TRUE(result.mismatch) << "the address that it was delivered to is another one";
}

TEST(Runner, WhatIsNotThereIsSkippedAndCounted) {
  const Program program = MustParse(std::string(kIdentity) +
                                    "hw.fault niso0 bank=200 fsr=2\n"
                                    "hw.fault mc_sid bank=0 fsr=2\n");
  Reproducer reproducer(AllInvariants());
  const RunResult result = reproducer.Run(program);
  EXPECT_TRUE(AsExpected(result, 0)) << ResultText(program, result);
  EXPECT_EQ(result.skipped, 2u);
  EXPECT_EQ(result.skipped_index, 2u);
}

TEST(Runner, RunsDoNotInfluenceEachOther) {
  const Program attach =
      MustParse(std::string(kIdentity) + "dma client=mgbeard addr=0x80001000 read -> ok\n");
  const Program bare = MustParse("dma client=mgbeard addr=0x80001000 read -> fault\n");
  Reproducer reproducer(AllInvariants());
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(reproducer.Run(attach).mismatch);
    EXPECT_FALSE(reproducer.Run(bare).mismatch);
  }
}

TEST(Reproduce, NamesOfTools) {
  for (const char* driver : {"shipped", "passthrough", "denyall", "bug/SB012"}) {
    const std::string suffix = SuffixOfDriver(driver);
    EXPECT_EQ(DriverOfTool("/x.y/sidewall-tool" + (suffix.empty() ? "" : "." + suffix)), driver);
  }
}

// What a campaign that begins with nothing exercises. It imitates an engine: a pool of programs,
// of which one is taken, changed, run, and often kept.
TEST(Campaign, DrawsEventsThatDoSomething) {
  Coverage coverage;
  HarnessOptions options;
  options.board = model::FindBoard("tiny");
  options.armed = 0;
  options.coverage = &coverage;
  Harness<NativeEngine> harness(options);
  Mutator mutator(1);
  Random random(2);
  std::vector<Program> pool = {mutator.Fresh(*options.board)};
  for (int i = 0; i < 3000; ++i) {
    Program program = pool[random.Below(pool.size())];
    mutator.Mutate(&program, kMaxEvents);
    if (random.OneIn(4)) {
      program = mutator.Splice(program, pool[random.Below(pool.size())], kMaxEvents);
    }
    RunProgram(harness, program);
    if (pool.size() < 300) {
      pool.push_back(program);
    } else if (random.OneIn(3)) {
      pool[random.Below(pool.size())] = program;
    }
  }
  const double events = static_cast<double>(coverage.events);
  const auto share = [&](uint64_t count) { return 100 * static_cast<double>(count) / events; };
  EXPECT_GE(share(coverage.events_with_store), 30);
  EXPECT_GE(share(coverage.dma_ok), 10);
  EXPECT_GE(share(coverage.dma_fault), 10);
  RecordProperty("store", std::to_string(share(coverage.events_with_store)));
  std::printf("events %.0f: store %.1f %%, dma ok %.1f %%, dma fault %.1f %%\n", events,
              share(coverage.events_with_store), share(coverage.dma_ok), share(coverage.dma_fault));
}

// Every call of the waist is served in such programs, not only refused. A call that is refused for
// ever is a part of the driver that no campaign sees.
TEST(Campaign, ServesEveryCall) {
  HarnessOptions options;
  options.board = model::FindBoard("tegra234");
  options.armed = 0;
  Harness<NativeEngine> harness(options);
  std::map<EventKind, std::array<uint64_t, 8>> results;
  Mutator mutator(1);
  for (int i = 0; i < 500; ++i) {
    Program program = mutator.Fresh(*options.board);
    for (int n = 0; n < 12; ++n) mutator.Mutate(&program, kMaxEvents);
    harness.Begin(program.choices, program.schedule);
    for (const Event& event : program.events) {
      const Outcome outcome = harness.Apply(event);
      ++results[event.kind][static_cast<size_t>(outcome.result)];
    }
  }
  for (const EventSpec& spec : kEventSpecs) {
    const bool call = spec.kind >= EventKind::kHvcAllocDomain && spec.kind <= EventKind::kTick;
    // Of this one there is no OK: finalize has ended it.
    if (!call || spec.kind == EventKind::kHvcMcRegisterSid) continue;
    const auto& of = results[spec.kind];
    const uint64_t ok = of[static_cast<size_t>(Expect::kOk)];
    std::printf("%-20s ok %5d refused %5d degraded %4d\n", spec.name, static_cast<int>(ok),
                static_cast<int>(of[static_cast<size_t>(Expect::kRefused)]),
                static_cast<int>(of[static_cast<size_t>(Expect::kDegraded)]));
    EXPECT_GE(ok, 1u) << spec.name;
  }
  // And what makes a sync, or needs what waits for one, meets hardware that does not answer.
  for (const EventKind kind :
       {EventKind::kHvcAttachDev, EventKind::kHvcDetachDev, EventKind::kHvcIotlbSync,
        EventKind::kHvcSetIdentity, EventKind::kHvcDevBlockDma, EventKind::kHvcFreeDomain,
        EventKind::kVmAssign, EventKind::kVmUnassign, EventKind::kVmDestroy,
        EventKind::kPowerSuspend, EventKind::kPowerResume, EventKind::kTick}) {
    EXPECT_GE(results[kind][static_cast<size_t>(Expect::kDegraded)], 1u)
        << FindEventSpec(kind)->name;
  }
}

}  // namespace
}  // namespace sidewall::fuzz
