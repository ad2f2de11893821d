// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/boot_checks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

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
    Attach();
    Mark(boot::kMarkMasters);
    GiveQueues();
  }

  // The kernel points a stream at a bank in each window.
  void Attach() {
    for (uint64_t window : {0x07000000, 0x08000000, 0x10000000, 0x11000000, 0x12000000}) {
      Access(window + 0xc00, 4, true, 3, 0);
    }
  }
  // Each master reads and writes.
  void GiveQueues() {
    for (const boot::Master& master : boot::kMasters) {
      Piece(master.sid, 0xfff000, false).width = static_cast<uint8_t>(2 * master.side);
      Piece(master.sid, 0xfff800, true).width = static_cast<uint8_t>(2 * master.side);
    }
  }
  Row& Mark(uint64_t value) {
    Row row = {};
    row.kind = RowKind::kMark;
    row.value = value;
    row.leak = boot::kNoClient;
    record_.rows.push_back(row);
    return record_.rows.back();
  }
  // A piece of a transfer, delivered.
  Row& Piece(uint16_t sid, uint64_t iova, bool write) {
    Row row = {};
    row.kind = RowKind::kDma;
    row.reason = sid;
    row.ipa = iova;
    row.write = write ? 1 : 0;
    row.leak = boot::kNoClient;
    record_.rows.push_back(row);
    return record_.rows.back();
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
      ++record_.block.counters.traps;
    }
    row.leak = boot::kNoClient;
    record_.rows.push_back(row);
    return record_.rows.back();
  }
  // A hostile program of one access, which told of it and lived; its row is the last access.
  Row& Attack() {
    question_.hostile = true;
    Tell("try 1 W 4 0x12000000 0x201c37 CLIENTPD on niso0");
    Tell("dma: the control was copied");
    Tell("dma: the marked page stayed");
    Tell("queue: the marked page stayed");
    Tell("attempts 1");
    record_.block.attempts = 1;
    for (uint64_t& hits : record_.block.control_hits) hits = 1;
    Mark(boot::kMarkHostile);
    const size_t at = record_.rows.size();
    Access(0x12000000, 4, true, 0x201c37, boot::kFlagFromEl0);
    Piece(boot::kHostileSid, boot::kSecretPage, false).status = boot::kDmaStage2;
    Piece(boot::kMasters[0].sid, boot::kSecretPage, false).status = boot::kDmaTranslation;
    record_.block.dma_faults = 2;
    Mark(boot::kMarkHostileDone);
    GiveQueues();
    return record_.rows[at];
  }
  void Ran(const boot::DmatestRun& run, unsigned failures) {
    Tell(fmt::format("dmatest {}", run.name));
    Say(fmt::format("dmatest: {}-copy0: summary {} tests, {} failures 37.5 iops", run.channel,
                    run.tests, failures));
  }
  // A run with transfers, in which the page of one was given away, and all slept once.
  void Transfers() {
    question_.dmatest = true;
    Ran(boot::kRunPlain, 0);
    Ran(boot::kRunOther, 0);
    Ran(boot::kRunDonated, 1);
    Ran(boot::kRunAgain, 0);
    Tell("suspend: devices are back");
    Tell("suspend: the machine is back");
    Ran(boot::kRunAwake, 0);
    Access(0x02c000b0, 4, false, 0x0e, 0);
    Access(0x02c000a8, 4, false, 0x06, 0);
    Access(0x02c000a8, 4, true, 0x0b, 0).reason = SIDEWALL_REASON_SID;
    record_.block.system_suspends = 1;
    record_.block.power_cuts = 3;
    Donate();
    Mark(boot::kMarkSuspend);
    Attach();
    Mark(boot::kMarkAwake);
    Attach();
  }
  // The kernel's tables map 0xfff000 to the page, and the transfer's first piece faults.
  void Donate() {
    constexpr uint64_t kPageGiven = 0x45678000;
    Mark(boot::kMarkDonated);
    boot::Block& block = record_.block;
    block.donated_transfers = 1;
    block.donated_page = kPageGiven;
    block.donated_iova = 0xfff008;
    block.donated_row = record_.rows.size();
    block.dma_faults = 1;
    donated_ = record_.rows.size();
    Piece(4, 0xfff008, false).status = boot::kDmaStage2;
    const std::pair<uint16_t, uint64_t> entries[] = {
        {0, 0x41001003}, {0, 0x41002003}, {7, 0x41003003}, {511, kPageGiven | 0x743}};
    for (uint8_t level = 0; level < 4; ++level) {
      replay::BootTable table;
      table.row = block.donated_row;
      table.table.pa = 0x41000000 + level * uint64_t{0x1000};
      table.table.level = level;
      table.table.entries.push_back(entries[level]);
      record_.tables.push_back(table);
    }
  }
  // As the driver counts what its ring says.
  void CountDecisions() {
    uint64_t(&counted)[8] = record_.block.counters.by_decision;
    std::fill(std::begin(counted), std::end(counted), 0);
    for (const Row& row : record_.rows) {
      const bool had = row.kind == RowKind::kAccess && (row.flags & boot::kFlagRaw) == 0;
      if (had && row.decision != boot::kNoDecision) ++counted[row.decision];
    }
  }
  // The findings, in one line.
  std::string Findings() {
    if (counts_) CountDecisions();
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
  size_t donated_ = 0;
  bool counts_ = true;
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
  record_.rows[5].value = 0x20000;
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

TEST_F(BootChecksTest, CountersThatSayOtherThanTheRingAreAFinding) {
  CountDecisions();
  counts_ = false;
  --record_.block.counters.by_decision[SIDEWALL_DECISION_FORWARDED];
  ++record_.block.counters.by_decision[SIDEWALL_DECISION_REFUSED];
  ExpectFinding("the driver counted 5 accesses as forwarded, of which its ring has 6");
  ExpectFinding("the driver counted 1 accesses as refused, of which its ring has 0");
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
  row.decision = SIDEWALL_DECISION_FORWARDED;
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
  record_.block.control_hits[4] = 0;
  ExpectFinding("never reached the host's memory over iso: that it did not reach the marked page");
}

TEST_F(BootChecksTest, AMasterThatShowsTheMarkedPageOrIsNotAskedIsAFinding) {
  Attack();
  for (std::string& line : console_) {
    if (line == "sidewall: queue: the marked page stayed") line = "sidewall: queue: no registers";
  }
  ExpectFinding("a master's configuration shows bytes of the marked page");
}

TEST_F(BootChecksTest, WhatIsAimedAtTheMarkedPageMustFaultEachOnce) {
  Attack();
  Row& engine = record_.rows[record_.rows.size() - 9];
  ASSERT_EQ(engine.reason, boot::kHostileSid);
  engine.status = boot::kDmaOk;
  ExpectFinding("0 reads of the marked page by the attacker's engine faulted");
  record_.rows[record_.rows.size() - 8].status = boot::kDmaOk;
  ExpectFinding("0 reads of a queue in the marked page faulted");
}

TEST_F(BootChecksTest, MastersThatDoNotReachMemoryAfterTheAttackAreAFinding) {
  Attack();
  record_.rows.pop_back();
  ExpectFinding("no write of the master of stream 0x1 was delivered after mark 0x11");
}

TEST_F(BootChecksTest, TransfersAreSound) {
  Transfers();
  EXPECT_EQ(Findings(), "");
  EXPECT_EQ(checks_.dmatest_tests, 141u);
  EXPECT_EQ(checks_.dmatest_failures, 1u);
}

TEST_F(BootChecksTest, EachRunOfDmatestHasEachOfItsTests) {
  Transfers();
  std::string& last = console_.back();
  last = "dmatest: dma0chan2-copy0: summary 19 tests, 0 failures";
  ExpectFinding("dmatest 'after sleep': 19 tests, 0 failures; not 'after sleep': 20, 0");
  last = "dmatest: dma0chan2-copy0: summary 20 tests, 1 failures";
  ExpectFinding("dmatest 'after sleep': 20 tests, 1 failures; not");
  console_.pop_back();
  ExpectFinding("dmatest 'after sleep': 0 tests");
  console_.pop_back();
  ExpectFinding("dmatest ran 4 times, not 5");
}

TEST_F(BootChecksTest, OverridesAreReadAndEachThatIsWrittenIsRefused) {
  Transfers();
  for (Row& row : record_.rows) {
    if (row.reason == SIDEWALL_REASON_SID && row.kind == RowKind::kAccess) row.reason = 0;
  }
  ExpectFinding("of 1 overrides that the kernel wrote, all of a foreign stream, 0 were refused");
  for (Row& row : record_.rows) {
    if (row.ipa == 0x02c000a8 || row.ipa == 0x02c000b0) row.ipa = 0x12000000;
  }
  ExpectFinding("the kernel read 0 overrides, of masters that are described rightly none");
  ExpectFinding("the kernel wrote no override");
}

TEST_F(BootChecksTest, AMachineThatDoesNotSleepAndWakeIsAFinding) {
  Transfers();
  for (std::string& line : console_) {
    if (line.ends_with("the machine is back")) line = "sidewall: suspend: no";
  }
  record_.block.system_suspends = 0;
  record_.block.power_cuts = 2;
  record_.block.power_calls_failed = 1;
  ExpectFinding("the machine did not wake");
  ExpectFinding("the machine slept 0 times");
  ExpectFinding("2 SMMUs lost their power while the machine slept, not 3");
  ExpectFinding("1 calls of suspend and resume were not OK");
  record_.rows.pop_back();
  ExpectFinding("after mark 0x25 the kernel pointed streams at banks in 4 windows, not 5");
}

TEST_F(BootChecksTest, OnlyTheTransferWhosePageWasGivenAwayMayFault) {
  Transfers();
  Row& piece = record_.rows[donated_];
  piece.status = boot::kDmaTranslation;
  ExpectFinding("a read of stream 0x4 at 0xfff008 faulted, after mark 0x21: not one that must");
  piece.status = boot::kDmaStage2;
  Piece(4, 0x123000, true).status = boot::kDmaStage2;
  ExpectFinding("a write of stream 0x4 at 0x123000 faulted, after mark 0x25: not one that must");
}

// A driver that takes another page away than it was told, or an engine that gives away another than
// the transfer is on.
TEST_F(BootChecksTest, APageBesideTheOneGivenAwayIsAFinding) {
  Transfers();
  boot::Block& block = record_.block;
  // The transfer's first piece came through, and a later one met the page.
  record_.rows[donated_].status = boot::kDmaOk;
  block.donated_delivered = 2;
  block.donated_words = 1022;
  ExpectFinding("the first piece of the transfer whose page 0x45678000 was given away did not");
  ExpectFinding("2 pieces were delivered on the page that was given away");
  ExpectFinding("bytes of the page that was given away came, 1022 times 4");
  record_.rows[donated_].status = boot::kDmaStage2;
  record_.rows[donated_].ipa += 0x1000;
  ExpectFinding("the first piece of the transfer whose page 0x45678000 was given away did not");
  block.donated_page += 0x1000;
  ExpectFinding("page 0x45679000 was given away, which is not the one that the kernel's tables");
  block.donated_completed = 1;
  ExpectFinding("the transfer under which it was came to its end");
  block.donated_transfers = 0;
  ExpectFinding("no page was given away under a transfer");
}

TEST_F(BootChecksTest, AfterALateTakeoverNothingIsRawAndAllIsAttachedAgain) {
  question_.late = true;
  for (Row& row : record_.rows) row.flags = boot::kFlagRaw;
  record_.block.ring_records = 0;
  record_.block.counters.traps = 0;
  ExpectFinding("the driver did not take over");
  ExpectFinding("the kernel pointed streams at banks in 0 windows, not 5");
  Tell("taken over");
  Tell("suspend: devices are back");
  Mark(boot::kMarkTakenOver);
  ExpectFinding("devices slept 0 times, not 1");
  Mark(boot::kMarkSuspend);
  Attach();
  ExpectFinding("no read of the master of stream 0x6 was delivered after mark 0x30");
  GiveQueues();
  EXPECT_EQ(Findings(), "");
  Access(0x12000000, 4, true, 1, boot::kFlagRaw);
  ExpectFinding("after the takeover went to hardware as it was");
}

}  // namespace
}  // namespace sidewall::cli
