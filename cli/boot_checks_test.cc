// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/boot_checks.h"

#include <gtest/gtest.h>

namespace sidewall::cli {
namespace {

using boot::Phase;
using boot::Row;
using boot::RowKind;

class BootChecksTest : public testing::Test {
 protected:
  BootChecksTest() {
    question_.driver = "shipped";
    question_.limit_s = 60;
    record_.block.phase = Phase::kOff;
    for (int i = 0; i < 3; ++i) {
      Say("arm-smmu iommu: SMMUv2 with:");
      Say("\tstream matching with 112 register groups");
      Say("\t112 context banks (0 stage-2 only)");
    }
    Say("sidewall: masters 3");
    Say("sidewall: done");
    Access(0x12000000, 4, true, 1, 0);
    for (uint64_t window : {0x07000000, 0x08000000, 0x10000000, 0x11000000, 0x12000000}) {
      Access(window + 0xc00, 4, true, 3, 0);
    }
  }

  void Say(const std::string& line) { console_.push_back("[    0.1] " + line); }
  void Tell(const std::string& line) { console_.push_back("sidewall: " + line); }
  Row& Access(uint64_t ipa, uint8_t width, bool write, uint64_t value, uint8_t flags) {
    Row row = {};
    row.kind = RowKind::kAccess;
    row.ipa = ipa;
    row.width = width;
    row.write = write ? 1 : 0;
    row.value = value;
    row.flags = flags;
    if ((flags & boot::kFlagRaw) == 0) {
      row.flags |= boot::kFlagRing;
      ++record_.block.ring_records;
    }
    row.leak = boot::kNoClient;
    record_.rows.push_back(row);
    ++record_.block.counters.traps;
    return record_.rows.back();
  }
  // A hostile program of one access, which told of it and lived.
  Row& Attack() {
    question_.hostile = true;
    Tell("try 1 W 4 0x12000000 0x201c37 CLIENTPD on niso0");
    Tell("dma: the control was copied");
    Tell("dma: the marked page stayed");
    Tell("attempts 1");
    record_.block.attempts = 1;
    record_.block.control_hits = 1;
    return Access(0x12000000, 4, true, 0x201c37, boot::kFlagFromEl0);
  }
  // A run with transfers, in which all slept once.
  void SleepAndWake() {
    question_.dmatest = true;
    Tell("suspend: devices are back");
    Tell("suspend: the machine is back");
    record_.block.system_suspends = 1;
    record_.block.power_cuts = 3;
  }
  // The findings, in one line.
  std::string Findings() {
    question_.end = &end_;
    question_.record = &record_;
    question_.console = &console_;
    checks_ = CheckBoot(question_);
    std::string all;
    for (const std::string& finding : checks_.findings) all += finding + "; ";
    return all;
  }
  void ExpectFinding(const std::string& text) {
    const std::string all = Findings();
    EXPECT_NE(all.find(text), std::string::npos) << all;
  }

  BootQuestion question_;
  BootEnd end_;
  replay::BootRecord record_;
  std::vector<std::string> console_;
  BootChecks checks_;
};

TEST_F(BootChecksTest, ASoundBootHasNoFindings) {
  EXPECT_EQ(Findings(), "");
  EXPECT_TRUE(checks_.ended);
  EXPECT_EQ(checks_.smmus, 3u);
  EXPECT_EQ(checks_.accesses, 6u);
}

TEST_F(BootChecksTest, MastersThatDoNotAttachAreAFinding) {
  console_.back() = "sidewall: done";
  console_[console_.size() - 2] = "sidewall: masters 2";
  ExpectFinding("not all 3 masters were bound to a driver");
  console_[console_.size() - 2] = "sidewall: nothing";
  ExpectFinding("not all 3 masters were bound to a driver");
  record_.rows.pop_back();
  ExpectFinding("the kernel pointed streams at banks in 4 windows, not 5");
  Say("sidewall: master a003e00.virtio does not rebind");
  ExpectFinding("a master did not come back");
}

TEST_F(BootChecksTest, WhatTheRingLacksIsAFinding) {
  record_.block.ring_missing = 1;
  ExpectFinding("1 accesses are not in the driver's ring");
  record_.block.ring_missing = 0;
  --record_.block.ring_records;
  ExpectFinding("the driver's ring has 5 records, of 6 accesses");
  ++record_.block.ring_records;
  record_.block.ring_others = 2;
  ExpectFinding("2 records of the driver's ring are of other accesses");
}

TEST_F(BootChecksTest, WhatEndsTheRunIsTheOneFinding) {
  end_.panicked = true;
  Say("Kernel panic - not syncing: no init");
  ExpectFinding("the kernel panicked: [    0.1] Kernel panic - not syncing: no init");
  EXPECT_EQ(checks_.findings.size(), 1u);
  EXPECT_FALSE(checks_.ended);
  end_.panicked = false;
  end_.timed_out = true;
  end_.last_line = "Waiting for root";
  ExpectFinding("did not end within 60 s");
  end_.timed_out = false;
  record_.block.phase = Phase::kDriverPanic;
  record_.block.failed_line = 77;
  ExpectFinding("the driver panicked (line 77");
}

TEST_F(BootChecksTest, AKernelThatProbesNothingIsAFinding) {
  console_ = {"sidewall: done"};
  ExpectFinding("the kernel probed no SMMU");
}

TEST_F(BootChecksTest, AnSmmuThatShowsMoreThanItsShareIsAFinding) {
  console_[1] = "\tstream matching with 128 register groups";
  ExpectFinding("not every SMMU was shown as 'stream matching with 112 register groups'");
  Say("\tnested translation");
  ExpectFinding("the kernel was shown nested translation");
}

TEST_F(BootChecksTest, FaultsTimeoutsAndLossesAreFindings) {
  Say("arm-smmu 12000000.iommu: Unhandled context fault: fsr=0x2");
  ExpectFinding("the kernel met 1 context faults");
  record_.block.counters.sync_timeouts = 1;
  ExpectFinding("1 syncs of the driver timed out");
  record_.block.rows_lost = 3;
  ExpectFinding("the record lost 3 rows");
  record_.block.aborts_injected = 1;
  ExpectFinding("the kernel was given 1 aborts");
  record_.block.counters.traps = 9;
  ExpectFinding("the driver counted 9 accesses, EL2 6");
}

TEST_F(BootChecksTest, AnAttackThatIsRecordedAndDecidedIsNoFinding) {
  Attack();
  EXPECT_EQ(Findings(), "");
  EXPECT_EQ(checks_.attempts, 1u);
  EXPECT_EQ(checks_.recorded, 1u);
  EXPECT_EQ(checks_.decided, 1u);
}

TEST_F(BootChecksTest, AnAttackThatIsNotTheOneToldOfIsAFinding) {
  Attack().value = 0x201c36;
  ExpectFinding("attempt 1 (CLIENTPD on niso0) is not what trapped");
  Access(0x12000004, 4, true, 0, boot::kFlagFromEl0);
  ExpectFinding("1 accesses told, 2 trapped");
}

TEST_F(BootChecksTest, AnAttackWithoutADecisionIsAFinding) {
  Attack().decision = boot::kNoDecision;
  ExpectFinding("was not decided");
}

TEST_F(BootChecksTest, AnAttackThatIsNotInTheRingIsAFinding) {
  Attack().flags = boot::kFlagFromEl0;
  ExpectFinding("attempt 1 (CLIENTPD on niso0) is not in the driver's ring");
  EXPECT_EQ(checks_.recorded, 0u);
}

TEST_F(BootChecksTest, AnAttackWithAnotherDecisionThanIsWrittenDownIsAFinding) {
  const std::vector<std::string> written = {"CLIENTPD on niso0: virtual"};
  question_.decisions = &written;
  Row& row = Attack();
  row.decision = SIDEWALL_DECISION_VIRTUAL;
  EXPECT_EQ(Findings(), "");
  record_.rows.back().decision = SIDEWALL_DECISION_FORWARDED;
  ExpectFinding("attempt 1 had the decision 'CLIENTPD on niso0: forwarded', not ");
  const std::vector<std::string> nothing;
  question_.decisions = &nothing;
  ExpectFinding("0 decisions are written down, of 1 hostile accesses");
}

TEST_F(BootChecksTest, AReachedPageIsAFindingThatNamesTheAccess) {
  Attack().leak = 0x58;
  ExpectFinding("first by 0x58, after a write of 0x201c37 at 0x12000000");
  record_.block.secret_leaks = 3;
  ExpectFinding("2 pieces of transfers brought bytes of a marked page");
}

TEST_F(BootChecksTest, AnAttackThatReachesNothingAtAllProvesNothing) {
  Attack();
  record_.block.control_hits = 0;
  ExpectFinding("proves nothing");
}

TEST_F(BootChecksTest, DmatestFailsExactlyOnce) {
  SleepAndWake();
  Say("dmatest: dma0chan1-copy0: summary 50 tests, 0 failures 37.5 iops");
  ExpectFinding("no page was given away under a transfer");
  record_.block.donated_transfers = 1;
  record_.block.dma_faults = 1;
  ExpectFinding("the kernel read 0 overrides, of masters that are described rightly none");
  ExpectFinding("the kernel wrote no override");
  Access(0x02c000b0, 4, false, 0x0e, 0);
  Access(0x02c000a8, 4, false, 0x06, 0);
  Access(0x02c000a8, 4, true, 0x0b, 0).reason = SIDEWALL_REASON_NONE;
  ExpectFinding("no override that the kernel wrote was refused");
  record_.rows.back().reason = SIDEWALL_REASON_SID;
  ExpectFinding("dmatest: 0 failures, not 1");
  Say("dmatest: dma0chan3-copy0: summary 1 tests, 1 failures 1.9 iops");
  EXPECT_EQ(Findings(), "");
  EXPECT_EQ(checks_.dmatest_tests, 51u);
  record_.block.dma_faults = 2;
  ExpectFinding("2 pieces of transfers faulted, not 1");
}

TEST_F(BootChecksTest, AMachineThatDoesNotSleepAndWakeIsAFinding) {
  SleepAndWake();
  console_.back() = "sidewall: suspend: the machine does not sleep";
  record_.block.system_suspends = 0;
  record_.block.power_cuts = 2;
  record_.block.power_calls_failed = 1;
  ExpectFinding("the machine did not wake");
  ExpectFinding("the machine slept 0 times");
  ExpectFinding("2 SMMUs lost their power while the machine slept, not 3");
  ExpectFinding("1 calls of suspend and resume were not OK");
}

TEST_F(BootChecksTest, OnlyTheTransferWhosePageWasGivenAwayMayFault) {
  SleepAndWake();
  Say("dmatest: dma0chan3-copy0: summary 1 tests, 1 failures 1.9 iops");
  record_.block.donated_transfers = 1;
  record_.block.dma_faults = 1;
  Row mark = {};
  mark.kind = RowKind::kMark;
  mark.value = boot::kMarkDonated;
  mark.leak = boot::kNoClient;
  Row piece = {};
  piece.kind = RowKind::kDma;
  piece.reason = 4;
  piece.ipa = 0xfff000;
  piece.status = boot::kDmaStage2;
  record_.rows.push_back(mark);
  const size_t mark_at = record_.rows.size() - 1;
  record_.rows.push_back(piece);
  EXPECT_EQ(Findings().find("faulted, after mark"), std::string::npos);
  record_.rows.back().write = 1;
  ExpectFinding("a write of stream 0x4 at 0xfff000 faulted, after mark 0x21");
  record_.rows.back().write = 0;
  record_.rows.back().status = boot::kDmaTranslation;
  ExpectFinding("a read of stream 0x4 at 0xfff000 faulted");
  record_.rows.back().status = boot::kDmaStage2;
  record_.rows[mark_at].value = boot::kMarkDmatest;
  ExpectFinding("faulted, after mark 0x20: not the page given away");
}

TEST_F(BootChecksTest, AfterALateTakeoverNothingIsRaw) {
  question_.late = true;
  ExpectFinding("the driver did not take over");
  Tell("taken over");
  Row mark = {};
  mark.kind = RowKind::kMark;
  mark.value = boot::kMarkTakenOver;
  mark.leak = boot::kNoClient;
  record_.rows.push_back(mark);
  EXPECT_EQ(Findings(), "");
  Access(0x12000000, 4, true, 1, boot::kFlagRaw);
  ExpectFinding("after the takeover went to hardware as it was");
}

}  // namespace
}  // namespace sidewall::cli
