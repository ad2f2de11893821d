// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/tlb.h"

#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr uint8_t kVmid = 7;
constexpr uint64_t kPage = 0x80001000;
constexpr uint8_t kAll = kPermRead | kPermWrite;

// Instances 2 and 3 name one tree, through bank 3, that maps kPage.
class MayTlb : public ::testing::Test {
 protected:
  void SetUp() override {
    root = rig.OpenPair(kVmid);
    for (const size_t i : {size_t{2}, size_t{3}}) {
      rig.Write(i, 0x68, 0);
      ASSERT_TRUE(rig.GlobalSync(i));
    }
    rig.Map(root, kPage, kPage, kAll);
  }
  uint8_t Held(size_t instance = 2) { return rig.machine->MayHold(instance, kVmid, kPage); }
  void Ipas2(size_t instance, uint64_t ipa) { rig.Write64(instance, Rig::Cb(3, 0x638), ipa >> 12); }
  bool BankSync(size_t instance, uint32_t bank) {
    rig.Write(instance, Rig::Cb(bank, 0x7f0), 0);
    return rig.Read(instance, Rig::Cb(bank, 0x7f4)) == 0;
  }
  // Removes more than can be noted singly.
  void Overflow() {
    const uint64_t count = Tlb::EntryCapacity(rig.arena.pool_pages) + 1;
    for (uint64_t i = 0; i < count; ++i) {
      rig.Map(root, 0x100000000 + i * 0x1000, kPage, kAll);
      rig.Unmap(root, 0x100000000 + i * 0x1000);
    }
  }
  Rig rig{"tiny"};
  uint64_t root = 0;
};

TEST_F(MayTlb, ContentsAreUnknownUntilACompletedFlush) {
  Rig fresh("tiny");
  EXPECT_TRUE(fresh.machine->TlbUnknown(2));
  EXPECT_TRUE(fresh.GlobalSync(2));  // without a flush before it
  EXPECT_TRUE(fresh.machine->TlbUnknown(2));
  fresh.Write(2, 0x68, 0);
  EXPECT_TRUE(fresh.machine->TlbUnknown(2));
  EXPECT_TRUE(fresh.GlobalSync(2));
  EXPECT_FALSE(fresh.machine->TlbUnknown(2));
  EXPECT_TRUE(fresh.machine->TlbUnknown(3));
}

TEST_F(MayTlb, FlushOfBeforeALossOfPowerCoversNothing) {
  rig.Write(2, 0x68, 0);
  rig.machine->PowerLoss(1);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_TRUE(rig.machine->TlbUnknown(2));
  rig.Write(2, 0x68, 0);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_FALSE(rig.machine->TlbUnknown(2));
}

TEST_F(MayTlb, WhatIsStillMappedIsNotStale) { EXPECT_EQ(Held(), 0); }

TEST_F(MayTlb, UnmapWithoutFlushMayHoldOnEachInstance) {
  rig.Unmap(root, kPage);
  EXPECT_EQ(Held(2), kAll);
  EXPECT_EQ(Held(3), kAll);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid + 1, kPage), 0);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + 0x1000), 0);
  EXPECT_EQ(rig.machine->MayHold(0, kVmid, kPage), 0);
}

TEST_F(MayTlb, FlushAloneDoesNotEndIt) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0x64, kVmid);
  EXPECT_EQ(Held(), kAll);
  rig.Write(2, 0x70, 0);
  EXPECT_EQ(Held(), kAll);  // nobody has seen the sync complete
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(Held(2), 0);
  EXPECT_EQ(Held(3), kAll);
}

TEST_F(MayTlb, FlushBeforeTheRemovalCoversNothing) {
  rig.Write(2, 0x64, kVmid);
  rig.Unmap(root, kPage);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
}

TEST_F(MayTlb, FlushAfterTheSyncCommandWaitsForTheNext) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0x70, 0);
  rig.Write(2, 0x64, kVmid);
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(Held(), kAll);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), 0);
}

TEST_F(MayTlb, Ipas2AfterTheSyncCommandWaitsForTheNext) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0x70, 0);
  Ipas2(2, kPage);
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  rig.Write(2, 0xb8, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));  // TLBIIPAS2 is complete only now, and TLBIVMIDS1 too early
  EXPECT_EQ(Held(), kAll);
  rig.Write(2, 0xb8, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), 0);
}

// A command that comes again between a sync and the look at it does not undo what the sync covers.
TEST_F(MayTlb, SecondIpas2AfterTheSyncCommandTakesNothingBack) {
  rig.Unmap(root, kPage);
  Ipas2(2, kPage);
  rig.Write(2, 0x70, 0);
  Ipas2(2, kPage);
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  rig.Write(2, 0xb8, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), 0);
}

TEST_F(MayTlb, SyncThatNeverCompletesEndsNothing) {
  rig.machine->SetSyncMode(2, 2, 0);
  rig.Unmap(root, kPage);
  rig.Write(2, 0x68, 0);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
}

TEST_F(MayTlb, OtherVmidIsNotCovered) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0x64, kVmid + 1);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
}

TEST_F(MayTlb, Ipas2LeavesCombinedEntries) {
  rig.Unmap(root, kPage);
  Ipas2(2, kPage);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
  rig.Write(2, 0xb8, kVmid);  // TLBIVMIDS1
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), 0);
}

TEST_F(MayTlb, Ipas2NamesAllOfItsAddress) {
  constexpr uint64_t kHigh = uint64_t{0x8001} << 32 | kPage;
  constexpr uint64_t kOther = kPage + 0x5000;
  rig.Map(root, kHigh, kOther, kAll);
  rig.Unmap(root, kHigh);
  rig.Unmap(root, kPage);
  // The lower half alone is another address.
  rig.Write(2, Rig::Cb(3, 0x630), static_cast<uint32_t>(kHigh >> 12));
  Ipas2(2, kPage | uint64_t{1} << 46);
  rig.Write(2, 0xb8, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kOther), kAll);
  EXPECT_EQ(Held(), kAll);
  Ipas2(2, kHigh);
  EXPECT_TRUE(rig.GlobalSync(2));
  rig.Write(2, 0xb8, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kOther), 0);
  EXPECT_EQ(Held(), kAll);
}

TEST_F(MayTlb, VmidS1LeavesStage2Entries) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0xb8, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
  Ipas2(2, kPage + 0x1000);  // another address
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
}

// While the stage-2-only entry is there, a combined one can be made of it again.
TEST_F(MayTlb, VmidS1BeforeIpas2IsCompleteCoversNothing) {
  for (const bool wait : {true, false}) {
    rig.Map(root, kPage, kPage, kAll);
    rig.Unmap(root, kPage);
    if (wait) {
      rig.Write(2, 0xb8, kVmid);
      EXPECT_TRUE(rig.GlobalSync(2));
      Ipas2(2, kPage);
    } else {
      Ipas2(2, kPage);
      rig.Write(2, 0xb8, kVmid);
    }
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_EQ(Held(), kAll);
    rig.Write(2, 0xb8, kVmid);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_EQ(Held(), 0);
  }
}

TEST_F(MayTlb, BankSyncCoversOnlyThatBanksCommands) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0x64, kVmid);
  EXPECT_TRUE(BankSync(2, 3));
  EXPECT_EQ(Held(), kAll);
  rig.Write(2, 0x64, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), 0);
  // TLBIVMIDS1 tells whether the bank's sync has completed TLBIIPAS2.
  for (const uint32_t bank : {1u, 3u}) {
    rig.Map(root, kPage, kPage, kAll);
    rig.Unmap(root, kPage);
    Ipas2(2, kPage);
    EXPECT_TRUE(BankSync(2, bank));
    rig.Write(2, 0xb8, kVmid);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_EQ(Held(), bank == 3 ? 0 : kAll);
  }
}

TEST_F(MayTlb, LowHalfOfIpas2ActsAndHighHalfDoesNot) {
  for (const uint32_t offset : {0x634u, 0x630u}) {
    rig.Map(root, kPage, kPage, kAll);
    rig.Unmap(root, kPage);
    rig.Write(2, Rig::Cb(3, offset), kPage >> 12);
    EXPECT_TRUE(rig.GlobalSync(2));
    rig.Write(2, 0xb8, kVmid);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_EQ(Held(), offset == 0x630 ? 0 : kAll);
  }
}

TEST_F(MayTlb, Ipas2InAStageOneBankIsIgnored) {
  rig.Write(2, 0x10008, 0x30300 | kVmid);
  rig.Unmap(root, kPage);
  rig.Write(2, 0xb8, kVmid);
  rig.Write64(2, Rig::Cb(2, 0x630), kPage >> 12);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
}

TEST_F(MayTlb, StageOneAndHypFlushesRemoveNothing) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0x6c, 0xffffffff);
  rig.Write64(2, Rig::Cb(1, 0x620), kPage >> 12);
  rig.Write(2, Rig::Cb(1, 0x618), 0);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
}

TEST_F(MayTlb, RemappedAndRemovedAgainNeedsItsOwnFlush) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0x64, kVmid);
  rig.Map(root, kPage, kPage, kPermRead);
  rig.Unmap(root, kPage);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_NE(Held(), 0);
}

TEST_F(MayTlb, WeakerPermissionLeavesTheStrongerStale) {
  rig.Map(root, kPage, kPage, kPermRead);
  EXPECT_EQ(Held(), kAll);
}

TEST_F(MayTlb, BankThatStopsNamingATreeMayHoldAllOfIt) {
  rig.Write(2, Rig::Cb(3, 0), 0);
  EXPECT_EQ(Held(2), kAll);
  EXPECT_EQ(Held(3), 0);
  EXPECT_EQ(rig.watcher.live.count(root), 1u);
  rig.Write(2, 0x64, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(2), 0);
}

TEST_F(MayTlb, TreeEndsWithItsLastStaleReference) {
  for (const size_t i : {size_t{2}, size_t{3}}) rig.Write(i, Rig::Cb(3, 0), 0);
  EXPECT_EQ(rig.watcher.live.count(root), 1u);
  rig.Unmap(root, kPage);  // while only the TLB may hold it
  EXPECT_EQ(Held(2), kAll);
  for (const size_t i : {size_t{2}, size_t{3}}) {
    rig.Write(i, 0x68, 0);
    EXPECT_TRUE(rig.GlobalSync(i));
    EXPECT_EQ(Held(i), 0);
  }
  EXPECT_EQ(rig.watcher.live.count(root), 0u);
  EXPECT_TRUE(rig.watcher.sound);
}

TEST_F(MayTlb, ChangeOfVmidLeavesTheOldOneStale) {
  rig.Write(2, 0x1000c, 9);
  EXPECT_EQ(Held(2), kAll);
  EXPECT_EQ(rig.machine->MayHold(2, 9, kPage), 0);
  rig.Unmap(root, kPage);
  EXPECT_EQ(rig.machine->MayHold(2, 9, kPage), kAll);
  EXPECT_EQ(Held(2), kAll);
}

TEST_F(MayTlb, RewritingTheSameValuesLeavesNothingStale) {
  rig.Stage2Bank(2, 3, root, kVmid);
  EXPECT_EQ(Held(2), 0);
  EXPECT_TRUE(rig.watcher.sound);
}

TEST_F(MayTlb, ForEachStaleNamesWhatMayHoldNames) {
  rig.Map(root, kPage + 0x1000, kPage + 0x5000, kPermRead);
  rig.Unmap(root, kPage);
  rig.Unmap(root, kPage + 0x1000);
  std::map<uint64_t, uint8_t> seen;
  rig.machine->ForEachStale(2, kVmid, [&](uint64_t page, uint8_t perm) { seen[page] |= perm; });
  EXPECT_EQ(seen, (std::map<uint64_t, uint8_t>{{kPage, kAll}, {kPage + 0x5000, kPermRead}}));
}

TEST_F(MayTlb, AThousandRemovalsFit) {
  for (uint64_t i = 0; i < 1000; ++i) rig.Map(root, kPage + i * 0x1000, kPage + i * 0x1000, kAll);
  for (uint64_t i = 0; i < 1000; ++i) rig.Unmap(root, kPage + i * 0x1000);
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, kVmid));
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + i * 0x1000), kAll);
  }
  rig.Write(2, 0x64, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + i * 0x1000), 0);
  }
}

TEST_F(MayTlb, SecondFlushAfterTheSyncDoesNotTakeTheFirstAway) {
  rig.Unmap(root, kPage);
  rig.Write(2, 0x64, kVmid);
  rig.Write(2, 0x70, 0);
  rig.Map(root, kPage + 0x1000, kPage + 0x1000, kAll);
  rig.Unmap(root, kPage + 0x1000);
  rig.Write(2, 0x64, kVmid);
  rig.Write(2, 0x64, kVmid);
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(Held(), 0);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + 0x1000), kAll);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + 0x1000), 0);
}

TEST_F(MayTlb, TooManyRemovalsMayHoldEverythingOfTheVmid) {
  Overflow();
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, kVmid));
  EXPECT_TRUE(rig.machine->MayHoldEverything(3, kVmid));
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, 0x87654000), kAll);
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, 200));
  EXPECT_EQ(rig.machine->MayHold(2, 200, 0x87654000), 0);
  rig.Write(2, 0x68, 0);
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, kVmid));
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, kVmid));
  EXPECT_EQ(Held(), 0);
  EXPECT_TRUE(rig.machine->MayHoldEverything(3, kVmid));
}

TEST_F(MayTlb, FlushOfTheVmidEndsTooManyRemovals) {
  Overflow();
  rig.Write(2, 0x64, kVmid + 1);
  rig.Write(2, 0xb8, kVmid);  // combined entries only
  Ipas2(2, kPage);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, kVmid));
  rig.Write(2, 0x70, 0);
  rig.Write(2, 0x64, kVmid);  // after the sync
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, kVmid));
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, kVmid));
  EXPECT_EQ(Held(), 0);
}

TEST_F(MayTlb, FlushOfTheVmidBeforeTooManyRemovalsCoversThemNot) {
  rig.Write(2, 0x64, kVmid);
  rig.Write(2, 0x68, 0);
  Overflow();
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, kVmid));
}

TEST_F(MayTlb, FlushOfTheVmidAmongTooManyRemovalsCoversTheFirstOnly) {
  Overflow();
  rig.Write(2, 0x64, kVmid);
  rig.Map(root, 0x200000000, kPage, kAll);
  rig.Unmap(root, 0x200000000);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, kVmid));
}

TEST_F(MayTlb, TooManyTreesMayHoldEverythingUntilTheVmidIsFlushed) {
  // One bank, whose root moves over more pages than there is room for references to trees.
  const uint64_t pages = kMaxStaleTrees + 2;
  for (uint64_t i = 0; i < pages; ++i) rig.Write64(2, Rig::Cb(3, 0x20), 0x80000000 + i * 0x1000);
  rig.Write(2, Rig::Cb(3, 0), 0);
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, kVmid));
  rig.Write(2, 0x64, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, kVmid));
}

// A host that gives back much memory, and flushes as it does elsewhere: by VMID.
TEST(MayTlbOfABoard, FlushByVmidEndsTenThousandRemovals) {
  constexpr uint64_t kPages = 10000;
  Rig rig("tegra234");
  const uint64_t root = rig.NewPage();
  for (size_t i = 0; i < 5; ++i) rig.Stage2Bank(i, 3, root, kVmid);
  for (uint64_t i = 0; i < kPages; ++i) rig.Map(root, kPage + i * 0x1000, kPage, kAll);
  for (uint64_t i = 0; i < kPages; ++i) rig.Unmap(root, kPage + i * 0x1000);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(rig.machine->MayHoldEverything(i, kVmid));
    rig.Write(i, 0x64, kVmid);
    EXPECT_TRUE(rig.GlobalSync(i));
    EXPECT_FALSE(rig.machine->MayHoldEverything(i, kVmid));
    EXPECT_EQ(rig.machine->MayHold(i, kVmid, kPage), 0);
  }
}

// What combines both stages is found by the address before stage 1, which stage 2 alone has not.
TEST_F(MayTlb, CombinedEntriesDoNotAnswerStageTwoAlone) {
  rig.NestedBank(2, 1, 3, kVmid, 0x80100000);
  rig.HostTables(0x80100000);
  rig.PutHost(0x80100000, 0x5000, kPage | 0x443);
  rig.Map(root, 0x80100000, 0x80100000, kAll);
  for (uint64_t at = 0x80101000; at < 0x80104000; at += 0x1000) rig.Map(root, at, at, kAll);
  rig.Stream(2, 1, 5, 1);
  rig.Unmap(root, kPage);
  Ipas2(2, kPage);
  ASSERT_TRUE(BankSync(2, 3));
  const DmaRequest alone = {.side = 1, .sid = 6, .address = kPage, .instance = 0};
  const DmaRequest nested = {.side = 1, .sid = 5, .address = 0x5000, .instance = 0};
  rig.Choose({1, 1});
  EXPECT_EQ(rig.machine->Dma(alone).fault, FaultKind::kTranslation);
  rig.Write(2, Rig::Cb(3, 0x58), 0xffffffff);
  rig.Choose({1, 1});
  EXPECT_TRUE(rig.machine->Dma(nested).stale);
  EXPECT_EQ(Held(), kAll);
}

TEST_F(MayTlb, StaleEntryAnswersWhenTheHardwareChooses) {
  rig.Unmap(root, kPage);
  const DmaRequest request = {.side = 1, .sid = 6, .address = kPage + 8, .instance = 0};
  rig.Choose({0});
  EXPECT_EQ(rig.machine->Dma(request).fault, FaultKind::kTranslation);
  rig.Choose({1});
  const DmaResult stale = rig.machine->Dma(request);
  EXPECT_EQ(stale.fault, FaultKind::kNone);
  EXPECT_TRUE(stale.stale);
  EXPECT_EQ(stale.pa, kPage + 8);
  EXPECT_EQ(rig.machine->Translate(request).fault, FaultKind::kTranslation);
  rig.Write(2, 0x64, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));
  rig.Choose({1});
  EXPECT_EQ(rig.machine->Dma(request).fault, FaultKind::kTranslation);
}

// ------------------------------------------------------------------ what a leaf said, and says now

// Stream 6 of instance 2 at kPage, with these choices.
class StaleLeaf : public MayTlb {
 protected:
  DmaResult Go(std::vector<uint8_t> choices, bool write = false, bool instruction = false) {
    rig.Write(2, Rig::Cb(3, 0x58), 0xffffffff);
    rig.Choose(std::move(choices));
    return rig.machine->Dma({.side = 1,
                             .sid = 6,
                             .address = kPage + 4,
                             .write = write,
                             .instruction = instruction,
                             .instance = 0});
  }
  void Leaf(uint64_t bits, uint64_t page = kPage) { rig.Put(root, kPage, page | bits); }
  void Flush() {
    rig.Write(2, 0x64, kVmid);
    EXPECT_TRUE(rig.GlobalSync(2));
  }
  uint32_t Status() { return rig.Read(2, Rig::Cb(3, 0x58)) & 0x1fe; }
  static constexpr uint64_t kFull = kLeafBits | 0xc0;
  static constexpr uint64_t kNever = uint64_t{1} << 54;
  static constexpr uint64_t kAf = 1 << 10;
};

TEST_F(StaleLeaf, PermissionThatWasAddedMayBeRefused) {
  for (const uint64_t less : {uint64_t{0}, uint64_t{0x40}}) {
    Leaf(kLeafBits | less);
    Flush();
    Leaf(kFull);
    EXPECT_EQ(Go({}, true).fault, FaultKind::kNone);
    const DmaResult refused = Go({1}, true);
    EXPECT_EQ(refused.fault, FaultKind::kPermission);
    EXPECT_EQ(refused.stage, 2);
    EXPECT_EQ(refused.level, 3);
    EXPECT_TRUE(refused.stale);
    EXPECT_EQ(Status(), 8u);
    EXPECT_EQ(Go({1}).fault, less != 0 ? FaultKind::kNone : FaultKind::kPermission);
    Flush();
    EXPECT_EQ(Go({1}, true).fault, FaultKind::kNone);
  }
}

TEST_F(StaleLeaf, ExecuteNeverThatChangedHoldsBothWays) {
  Leaf(kFull | kNever);
  EXPECT_EQ(Go({}, false, true).fault, FaultKind::kPermission);
  EXPECT_EQ(Go({1}, false, true).fault, FaultKind::kNone);
  Flush();
  EXPECT_EQ(Go({1}, false, true).fault, FaultKind::kPermission);
  Leaf(kFull);
  EXPECT_EQ(Go({}, false, true).fault, FaultKind::kNone);
  EXPECT_EQ(Go({1}, false, true).fault, FaultKind::kPermission);
}

TEST_F(StaleLeaf, AccessFlagThatWasTakenAwayMayStillBeThere) {
  Leaf(kFull & ~kAf);
  EXPECT_EQ(Go({}).fault, FaultKind::kAccessFlag);
  EXPECT_EQ(Go({1}).fault, FaultKind::kNone);
  Flush();
  EXPECT_EQ(Go({1}).fault, FaultKind::kAccessFlag);
}

// A leaf without access flag is not cached, unless SCTLR.AFFD says that the flag means nothing.
TEST_F(StaleLeaf, LeafWithoutAccessFlagIsNotCached) {
  Leaf((kFull & ~kAf) | kNever);
  Flush();
  Leaf(kFull);
  EXPECT_EQ(Go({1}, false, true).fault, FaultKind::kNone);
  rig.Write(2, Rig::Cb(3, 0), 0x169);
  EXPECT_EQ(Go({1}, false, true).fault, FaultKind::kPermission);
}

// What was cached while nobody looked at the flag does not know that somebody does, be the leaf
// still in the tables or not.
TEST_F(StaleLeaf, LeafWithoutAccessFlagOutlivesAffd) {
  for (const bool removed : {false, true}) {
    const FaultKind by_tables = removed ? FaultKind::kTranslation : FaultKind::kAccessFlag;
    rig.Write(2, Rig::Cb(3, 0), 0x169);
    Leaf(kFull & ~kAf);
    Flush();
    if (removed) Leaf(0);
    for (const uint32_t sctlr : {0x169u, 0x161u}) {
      rig.Write(2, Rig::Cb(3, 0), sctlr);
      const bool counts = sctlr == 0x161;
      EXPECT_EQ(Go({}).fault, counts || removed ? by_tables : FaultKind::kNone);
      const DmaResult found = Go({1});
      EXPECT_EQ(found.fault, FaultKind::kNone) << removed << sctlr;
      EXPECT_EQ(found.stale, removed || counts);
      EXPECT_EQ(found.pa, kPage + 4);
    }
    rig.Write(2, 0xb8, kVmid);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_EQ(Go({1}).fault, FaultKind::kNone);
    Flush();
    EXPECT_EQ(Go({1}).fault, by_tables);
  }
}

// A leaf that came without its flag once the flag counted, and went, was never there; what another
// VMID may hold is none of this one.
TEST_F(StaleLeaf, LeafOfAfterAffdAndItsFlushIsNotCached) {
  rig.Stage2Bank(2, 2, rig.NewPage(), kVmid + 1);
  for (const uint32_t bank : {2u, 3u}) {
    for (const uint32_t sctlr : {0x169u, 0x161u}) rig.Write(2, Rig::Cb(bank, 0), sctlr);
  }
  Leaf(0);
  Flush();
  Leaf(kFull & ~kAf);
  Leaf(0);
  EXPECT_EQ(Go({1}).fault, FaultKind::kTranslation);
}

// The tree was left before by a bank that looked at the flag.
TEST_F(StaleLeaf, AffdOfASecondTimeCounts) {
  Leaf(kFull & ~kAf);
  Flush();
  for (const uint32_t sctlr : {0x160u, 0x161u}) rig.Write(2, Rig::Cb(3, 0), sctlr);
  EXPECT_EQ(Go({1}).fault, FaultKind::kAccessFlag);
  for (const uint32_t sctlr : {0x169u, 0x161u}) rig.Write(2, Rig::Cb(3, 0), sctlr);
  EXPECT_EQ(Go({1}).fault, FaultKind::kNone);
}

// An entry names no bank: what one that does not look at the flag has made answers one that does.
TEST_F(StaleLeaf, BankWithAffdAnswersForItsVmid) {
  Leaf(kFull & ~kAf);
  Flush();
  EXPECT_EQ(Go({1}).fault, FaultKind::kAccessFlag);
  rig.Stage2Bank(2, 2, root, kVmid + 1);
  rig.Write(2, Rig::Cb(2, 0), 0x169);
  EXPECT_EQ(Go({1}).fault, FaultKind::kAccessFlag);
  rig.Write(2, 0x10008, kVmid);
  EXPECT_EQ(Go({}).fault, FaultKind::kAccessFlag);
  EXPECT_EQ(Go({1}).pa, kPage + 4);
  EXPECT_EQ(Go({1}).fault, FaultKind::kNone);
  rig.Write(2, Rig::Cb(2, 0), 0x160);
  EXPECT_EQ(Go({1}).fault, FaultKind::kNone);
  Flush();
  EXPECT_EQ(Go({1}).fault, FaultKind::kAccessFlag);
}

// A bank that takes another VMID leaves what it cached to whoever has the one of before.
TEST_F(StaleLeaf, LeafWithoutAccessFlagStaysWithItsVmid) {
  rig.Write(2, Rig::Cb(3, 0), 0x169);
  Leaf(kFull & ~kAf);
  Flush();
  rig.Write(2, 0x1000c, kVmid + 1);
  rig.Stage2Bank(2, 2, rig.NewPage(), kVmid);
  rig.Stream(2, 0, 6, 2);
  EXPECT_EQ(Go({}).fault, FaultKind::kTranslation);
  EXPECT_EQ(Go({1}).fault, FaultKind::kNone);
  Flush();
  EXPECT_EQ(Go({1}).fault, FaultKind::kTranslation);
}

TEST_F(StaleLeaf, AttributesAreThoseOfEither) {
  Leaf((kFull & ~uint64_t{0x3c}) | 2 << 8);  // nGnRnE
  EXPECT_EQ(Go({}).memory_attribute, 0);
  const DmaResult before = Go({1});
  EXPECT_TRUE(before.stale);
  EXPECT_EQ(before.memory_attribute, 0xff);
  EXPECT_EQ(before.pa, kPage + 4);
  Flush();
  EXPECT_EQ(Go({1}).memory_attribute, 0);
  Leaf(kFull);
  EXPECT_EQ(Go({}).memory_attribute, 0xff);
  EXPECT_EQ(Go({1}).memory_attribute, 0);
}

TEST_F(StaleLeaf, AddressThatChangedInPlaceIsEither) {
  Leaf(kFull, kPage + 0x2000);
  EXPECT_EQ(Go({}).pa, kPage + 0x2004);
  const DmaResult before = Go({1});
  EXPECT_EQ(before.pa, kPage + 4);
  EXPECT_TRUE(before.stale);
  Flush();
  EXPECT_EQ(Go({1}).pa, kPage + 0x2004);
}

// ------------------------------------------------------------------------------- TLB conflicts

TEST_F(StaleLeaf, BlockBesideItsPagesMayConflict) {
  // The table of level 3 becomes a block, over the same page, without an invalidation.
  rig.Put(root, kPage, (kPage & ~uint64_t{0x1fffff}) | (kFull & ~uint64_t{2}), 2);
  EXPECT_EQ(Go({}).pa, kPage + 4);
  EXPECT_EQ(Go({1}).pa, kPage + 4);
  // One single entry and the walk cache's table, and then the conflict.
  const DmaResult conflict = Go({1 | 2 << 1});
  EXPECT_EQ(conflict.fault, FaultKind::kTlbConflict);
  EXPECT_EQ(conflict.stage, 2);
  EXPECT_EQ(Status(), 1u << 5);
  Flush();
  EXPECT_EQ(Go({1 | 2 << 1}).fault, FaultKind::kNone);
}

TEST_F(StaleLeaf, OneTranslationConflictsWithNothing) {
  rig.Unmap(root, kPage);
  for (uint8_t which = 0; which < 4; ++which) {
    EXPECT_EQ(Go({static_cast<uint8_t>(1 | which << 1)}).fault, FaultKind::kNone);
  }
  Leaf(kFull, kPage + 0x2000);
  EXPECT_EQ(Go({1 | 1 << 1}).fault, FaultKind::kTlbConflict);
}

// --------------------------------------------------------------------- two trees under one VMID

// Bank 2 of instance 2 names another tree, under the VMID of bank 3.
class TwoTrees : public StaleLeaf {
 protected:
  void SetUp() override {
    StaleLeaf::SetUp();
    other = rig.NewPage();
    rig.Stage2Bank(2, 2, other, kVmid);
    rig.Map(other, kPage, kPage + 0x2000, kAll);
    rig.Map(other, kPage + 0x1000, kPage + 0x3000, kAll);
  }
  uint64_t other = 0;
};

// An entry of a TLB names no bank, so that what one of them made answers for both.
TEST_F(TwoTrees, EitherAnswersForTheOther) {
  EXPECT_EQ(Go({}).pa, kPage + 4);
  EXPECT_FALSE(Go({0}).stale);
  const DmaResult theirs = Go({1});
  EXPECT_EQ(theirs.pa, kPage + 0x2004);
  EXPECT_TRUE(theirs.stale);
  // Both can be there at once.
  EXPECT_EQ(Go({1 | 1 << 1}).fault, FaultKind::kTlbConflict);
  rig.Stream(2, 0, 6, 2);
  EXPECT_EQ(Go({}).pa, kPage + 0x2004);
  EXPECT_EQ(Go({1}).pa, kPage + 4);
}

TEST_F(TwoTrees, AnswersWhereTheOwnTreeHasNothing) {
  rig.Unmap(root, kPage);
  Flush();
  EXPECT_EQ(Go({}).fault, FaultKind::kTranslation);
  EXPECT_EQ(Go({1}).pa, kPage + 0x2004);
}

// No invalidation helps while both are on, and what is left of one goes with the VMID.
TEST_F(TwoTrees, EndsWithTheBankAndItsFlush) {
  Flush();
  EXPECT_EQ(Go({1}).pa, kPage + 0x2004);
  rig.Write(2, Rig::Cb(2, 0), 0x160);
  EXPECT_EQ(Go({1}).pa, kPage + 0x2004);
  Flush();
  EXPECT_EQ(Go({1}).pa, kPage + 4);
}

TEST_F(TwoTrees, AnotherVmidKeepsThemApart) {
  rig.Write(2, 0x10008, kVmid + 1);
  Flush();
  EXPECT_EQ(Go({1}).pa, kPage + 4);
}

// --------------------------------------------------------------------- unequal VMIDs of one pair

// Bank 1, off, nests on bank 3 with a VMID of its own.
class TwoVmids : public StaleLeaf {
 protected:
  static constexpr uint8_t kOwn = 9;
  void SetUp() override {
    StaleLeaf::SetUp();
    rig.NestedBank(2, 1, 3, kOwn, 0);
    rig.Write(2, Rig::Cb(1, 0), 0x160);
    rig.Stream(2, 0, 6, 1);
  }
};

TEST_F(TwoVmids, EitherTagsWhatIsUsed) {
  rig.Unmap(root, kPage);
  EXPECT_EQ(rig.machine->MayHold(2, kOwn, kPage), kAll);
  EXPECT_EQ(Held(), kAll);
  EXPECT_EQ(Go({0, 1}).fault, FaultKind::kNone);
  Flush();  // by the VMID of stage 2
  EXPECT_EQ(Held(), 0);
  EXPECT_EQ(rig.machine->MayHold(2, kOwn, kPage), kAll);
  EXPECT_EQ(Go({0, 1}).fault, FaultKind::kTranslation);
  EXPECT_EQ(Go({1, 1}).fault, FaultKind::kNone);
  rig.Write(2, 0x64, kOwn);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Go({1, 1}).fault, FaultKind::kTranslation);
}

TEST_F(TwoVmids, EitherOutlivesAffd) {
  rig.Write(2, Rig::Cb(3, 0), 0x169);
  Leaf(kFull & ~kAf);
  for (const uint8_t vmid : {kVmid, kOwn}) {
    rig.Write(2, 0x64, vmid);
    EXPECT_TRUE(rig.GlobalSync(2));
  }
  rig.Write(2, Rig::Cb(3, 0), 0x161);
  Flush();
  EXPECT_EQ(Go({0, 1}).fault, FaultKind::kAccessFlag);
  EXPECT_EQ(Go({1, 1}).fault, FaultKind::kNone);
  rig.Write(2, 0x64, kOwn);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Go({1, 1}).fault, FaultKind::kAccessFlag);
}

TEST_F(TwoVmids, RemainWhenThePairIsNoMore) {
  EXPECT_FALSE(rig.machine->MayWalk(2, kOwn, root));
  rig.Write(2, 0x10004, 0x30300 | kVmid);
  EXPECT_TRUE(rig.machine->MayWalk(2, kOwn, root));
  EXPECT_FALSE(rig.machine->MayWalk(2, kVmid, root));
  rig.Write(2, 0x64, kOwn);
  EXPECT_TRUE(rig.GlobalSync(2));
  rig.Write(2, 0x10004, 0x30300 | kOwn);
  EXPECT_FALSE(rig.machine->MayWalk(2, kOwn, root));
  rig.Write(2, Rig::Cb(3, 0), 0x160);
  EXPECT_TRUE(rig.machine->MayWalk(2, kOwn, root));
  EXPECT_TRUE(rig.machine->MayWalk(2, kVmid, root));
}

// ------------------------------------------------------------------- entries of before the reset

TEST_F(StaleLeaf, EntriesOfBeforeALossOfPowerGiveAnyPage) {
  rig.machine->PowerLoss(1);
  rig.Write(2, 0, 0x00200400);
  rig.Stage2Bank(2, 3, root, kVmid);
  rig.Stream(2, 0, 6, 3);
  EXPECT_EQ(Go({}).pa, kPage + 4);
  EXPECT_FALSE(Go({2}).stale);
  const Range& ram = rig.board->dram[0];
  const DmaResult any = Go({1, 0, 0, 3});
  EXPECT_EQ(any.fault, FaultKind::kNone);
  EXPECT_TRUE(any.stale);
  EXPECT_EQ(any.pa, ram.start + 0x3004);
  EXPECT_TRUE(ram.Contains(Go({1, 255, 255, 255}).pa));
  Flush();  // covers one VMID, and who knows which those entries have
  EXPECT_TRUE(Go({1, 0, 0, 3}).stale);
  rig.Write(2, 0x68, 0);
  EXPECT_TRUE(Go({1, 0, 0, 3}).stale);  // nobody has seen it complete
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_FALSE(Go({1, 0, 0, 3}).stale);
  EXPECT_EQ(rig.machine->Translate({.side = 1, .sid = 6, .address = kPage, .instance = 0}).pa,
            kPage);
}

// TLBIALLNSNH leaves entries without a VMID; a bank with HYPC finds those.
TEST_F(StaleLeaf, EntriesOfBeforeThatHaveNoVmidEndWithAllH) {
  rig.machine->PowerLoss(1);
  rig.Open(2);
  rig.NestedBank(2, 1, 0, 0, 0);
  rig.Write(2, Rig::Cb(1, 0), 0x160);
  rig.Write(2, 0x10004, 0x10400);
  rig.Stream(2, 0, 6, 1);
  EXPECT_FALSE(Go({1, 0, 0, 3}).stale);
  rig.machine->PowerLoss(1);
  rig.Write(2, 0, 0x00200400);
  rig.Write(2, 0x68, 0);
  EXPECT_TRUE(rig.GlobalSync(2));
  rig.NestedBank(2, 1, 0, 0, 0);
  rig.Write(2, Rig::Cb(1, 0), 0x160);
  rig.Write(2, 0x10004, 0x10400);
  rig.Stream(2, 0, 6, 1);
  EXPECT_TRUE(Go({1, 0, 0, 3}).stale);
  rig.Write(2, 0x6c, 0);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_FALSE(Go({1, 0, 0, 3}).stale);
}

}  // namespace
}  // namespace sidewall::model
