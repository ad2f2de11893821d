// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a fault leaves behind, and how the master sees it; stalls, interrupts, power.
#include <gtest/gtest.h>

#include "model/registers.h"
#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr size_t kNiso0 = 2;
constexpr uint64_t kPage = 0x80001000;
constexpr uint64_t kOther = 0x80002000;
constexpr uint64_t kTable = 0x80100000;
constexpr uint64_t kUserPage = 1 << 10 | 1 << 6 | 3;
constexpr uint32_t kM = 1, kCfre = 0x20, kCfie = 0x40, kCfcfg = 0x80, kHupcf = 0x100;

// Streams 6 and 7 through banks 1 and 2, both nested on bank 3.
class Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    root = rig.NewPage();
    rig.Open(kNiso0);
    rig.Stage2Bank(kNiso0, 3, root, 7);
    rig.Map(root, kPage, kPage, 3);
    for (uint32_t bank : {1u, 2u}) {
      rig.NestedBank(kNiso0, bank, 3, 7, kTable);
      Control(bank, 0);  // off: the address is the intermediate one
      rig.Stream(kNiso0, bank - 1, 5 + bank, bank);
    }
  }
  // Bank 1 walks, with kPage and kOther mapped at the same address, and its tables allowed.
  void Stage1() {
    rig.HostTables(kTable);
    for (const uint64_t page : {kPage, kOther}) rig.PutHost(kTable, page, page | kUserPage);
    for (uint64_t page = kTable; page < kTable + 0x8000; page += 0x1000) {
      rig.Map(root, page, page, 3);
    }
    Control(1, kM | kHupcf);
  }
  void Control(uint32_t bank, uint32_t value) { rig.Write(kNiso0, Rig::Cb(bank, 0), value); }
  DmaResult Go(uint64_t address, uint16_t sid = 6, bool write = false) {
    return rig.machine->Dma(
        {.side = 1, .sid = sid, .address = address, .write = write, .instance = 0});
  }
  uint32_t Bank(uint32_t bank, uint32_t offset) { return rig.Read(kNiso0, Rig::Cb(bank, offset)); }
  void Clear(uint32_t bank) { rig.Write(kNiso0, Rig::Cb(bank, 0x58), 0xffffffff); }
  void Resume(uint32_t bank, uint32_t how) { rig.Write(kNiso0, Rig::Cb(bank, 8), how); }
  Rig rig{"tiny"};
  uint64_t root = 0;
};

// ---------------------------------------------------------------------------------- the record

TEST_F(Faults, SyndromeOfAStageTwoFault) {
  Stage1();
  rig.machine->Dma({.side = 1,
                    .sid = 0x806,
                    .address = kOther + 4,
                    .write = true,
                    .privileged = true,
                    .instance = 0});
  EXPECT_EQ(Bank(3, 0x58), 0x402u);
  // Level 3, NESTED, WNR, PNU, S1CBNDX.
  EXPECT_EQ(Bank(3, 0x68), 3u | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 16);
  EXPECT_EQ(Bank(3, 0x60), kOther + 4);
  EXPECT_EQ(Bank(3, 0x70), kOther + 4);
  EXPECT_EQ(rig.Read(kNiso0, 0x1040c), 0x806u);
  EXPECT_EQ(Bank(1, 0x58), 0u);
  EXPECT_EQ(rig.Read(kNiso0, 0x48), 0u);
}

TEST_F(Faults, SyndromeOfAnInstructionFetch) {
  rig.Map(root, kOther, kOther, 2);
  rig.machine->Dma({.side = 1, .sid = 6, .address = kOther, .instruction = true, .instance = 0});
  EXPECT_EQ(Bank(3, 0x58), 0x408u);
  EXPECT_EQ(Bank(3, 0x68), 3u | 1 << 2 | 1 << 6 | 1 << 16);
}

TEST_F(Faults, SyndromeOfATableFetch) {
  Stage1();
  rig.Unmap(root, kTable + 0x1000);
  const DmaResult result = Go(kPage, 6, true);
  EXPECT_TRUE(result.stage1_walk);
  EXPECT_EQ(result.stage, 2);
  EXPECT_EQ(Bank(3, 0x68), 3u | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 16);
  EXPECT_EQ(Bank(3, 0x70), (kTable + 0x1000) | (kPage >> 30 & 511) * 8);
  EXPECT_EQ(Bank(3, 0x60), kPage);
}

TEST_F(Faults, AbortOfATableFetchNamesTheStageThatFetched) {
  Stage1();
  rig.machine->Store64(kTable, 0x12000000 | 3);
  rig.Map(root, 0x12000000, 0x12000000, 3);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kExternal);
  EXPECT_EQ(Bank(1, 0x58), 0x410u);
  EXPECT_EQ(Bank(1, 0x68), 1u | 1 << 10);  // PTWF
  rig.machine->TableWrite64(root, 0x12000000 | 3);
  EXPECT_EQ(Go(kPage, 7).fault, FaultKind::kExternal);
  EXPECT_EQ(Bank(3, 0x58), 0x410u);
  EXPECT_EQ(Bank(3, 0x68), 1u | 1 << 2 | 1 << 10 | 2 << 16);
}

TEST_F(Faults, StatusBitOfEachKind) {
  rig.Map(root, kOther, kOther, 1);
  Go(kOther, 6, true);
  EXPECT_EQ(Bank(3, 0x58), 0x408u);  // PF
  Clear(3);
  rig.Put(root, kOther, kOther | 3);
  Go(kOther);
  EXPECT_EQ(Bank(3, 0x58), 0x404u);  // AFF
  Clear(3);
  Go(0x1000000000000);
  EXPECT_EQ(Bank(1, 0x58), 0x480u);  // ASF
}

TEST_F(Faults, FirstFaultStaysAndLaterOnesSetMulti) {
  rig.machine->Dma({.side = 1, .sid = 6, .address = 0x5000, .write = true, .instance = 0});
  const uint32_t syndrome = Bank(3, 0x68);
  rig.Write(kNiso0, Rig::Cb(3, 0x6c), 0x55);
  rig.Put(root, kOther, kOther | 3);
  Go(kOther, 7);
  EXPECT_EQ(Bank(3, 0x58), 0x80000402u);
  EXPECT_EQ(Bank(3, 0x60), 0x5000u);
  EXPECT_EQ(Bank(3, 0x70), 0x5000u);
  EXPECT_EQ(Bank(3, 0x68), syndrome);
  EXPECT_EQ(rig.Read(kNiso0, 0x1040c), 6u);
  Clear(3);
  Go(kOther, 7);
  EXPECT_EQ(Bank(3, 0x58), 0x404u);
  EXPECT_EQ(Bank(3, 0x6c), 0u);
  EXPECT_EQ(rig.Read(kNiso0, 0x1040c), 7u);
}

TEST_F(Faults, GlobalSyndrome) {
  rig.Write(kNiso0, 0x58, 0x12345678);
  rig.machine->Dma({.side = 1,
                    .sid = 0x1055,
                    .address = 0x123456789a,
                    .write = true,
                    .privileged = true,
                    .instance = 0});
  EXPECT_EQ(rig.Read(kNiso0, 0x48), 2u);
  EXPECT_EQ(rig.Read(kNiso0, 0x50), 1u << 1 | 1 << 2);
  EXPECT_EQ(rig.Read(kNiso0, 0x54), 0x1055u);
  EXPECT_EQ(rig.Read(kNiso0, 0x58), 0x12345678u);
  EXPECT_EQ(rig.Read(kNiso0, 0x40), 0x3456789au);
  EXPECT_EQ(rig.Read(kNiso0, 0x44), 0x12u);
  rig.machine->Dma({.side = 1, .sid = 0x1155, .address = 1, .instruction = true, .instance = 0});
  EXPECT_EQ(rig.Read(kNiso0, 0x48), 0x80000002u);
  EXPECT_EQ(rig.Read(kNiso0, 0x50), 1u << 1 | 1 << 2);
}

// ---------------------------------------------------------------------------- the faulted state

TEST_F(Faults, StageOneFaultBlocksItsBankOnly) {
  Go(0x1000000000000);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kBlocked);
  EXPECT_EQ(Go(kPage, 7).fault, FaultKind::kNone);
  EXPECT_EQ(Bank(1, 0x58) >> 31, 0u);  // what is held back is not recorded
  Control(1, kHupcf);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kNone);
}

TEST_F(Faults, StageTwoFaultBlocksAllThatNestOnIt) {
  Control(3, kM);
  Go(0x5000);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kBlocked);
  EXPECT_EQ(Go(kPage, 7).fault, FaultKind::kBlocked);
  EXPECT_EQ(Bank(3, 0x58), 0x402u);
  Control(3, kM | kHupcf);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kNone);
  EXPECT_EQ(Go(kPage, 7).fault, FaultKind::kNone);
}

// ----------------------------------------------------------------------------------- the answer

TEST_F(Faults, AnswerByTheBankThatRecords) {
  EXPECT_EQ(Go(kPage).response, Response::kDelivered);
  Control(3, kM | kHupcf | kCfre);
  EXPECT_EQ(Go(0x5000).response, Response::kError);
  Control(3, kM | kHupcf);
  EXPECT_EQ(Go(0x5000).response, Response::kZero);
  Control(1, kHupcf | kCfre);
  EXPECT_EQ(Go(0x5000).response, Response::kZero);
  EXPECT_EQ(Go(0x1000000000000).response, Response::kError);
  Control(1, kCfre);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kBlocked);
  EXPECT_EQ(Go(kPage).response, Response::kError);
  Control(1, 0);
  EXPECT_EQ(Go(kPage).response, Response::kZero);
}

TEST_F(Faults, AnswerToAGlobalFault) {
  EXPECT_EQ(Go(kPage, 0x55).response, Response::kZero);
  rig.Write(kNiso0, 0, 0x00200402);  // GFRE
  EXPECT_EQ(Go(kPage, 0x55).response, Response::kError);
}

TEST_F(Faults, InterruptOfABank) {
  EXPECT_FALSE(rig.machine->IrqLine(kNiso0));
  Go(0x5000);
  EXPECT_TRUE(rig.machine->IrqLine(kNiso0));  // 0x161 has CFIE
  EXPECT_FALSE(rig.machine->IrqLine(kNiso0 + 1));
  Control(3, kM | kHupcf);
  EXPECT_FALSE(rig.machine->IrqLine(kNiso0));
  Control(3, kM | kHupcf | kCfie);
  EXPECT_TRUE(rig.machine->IrqLine(kNiso0));
  Clear(3);
  EXPECT_FALSE(rig.machine->IrqLine(kNiso0));
  rig.Write(kNiso0, Rig::Cb(3, 0x5c), 4);  // FSRRESTORE
  EXPECT_TRUE(rig.machine->IrqLine(kNiso0));
  EXPECT_FALSE(rig.machine->IrqLine(9));
}

TEST_F(Faults, InterruptOfAGlobalFault) {
  Go(kPage, 0x55);
  EXPECT_FALSE(rig.machine->IrqLine(kNiso0));
  rig.Write(kNiso0, 0, 0x00200404);  // GFIE
  EXPECT_TRUE(rig.machine->IrqLine(kNiso0));
  rig.Write(kNiso0, 0x48, 0xffffffff);
  EXPECT_FALSE(rig.machine->IrqLine(kNiso0));
}

// -------------------------------------------------------------------------------------- stalls

TEST_F(Faults, StallEndsByAnotherTry) {
  Control(3, kM | kCfcfg);
  const DmaResult first = Go(kOther);
  EXPECT_EQ(first.fault, FaultKind::kTranslation);
  EXPECT_EQ(first.response, Response::kHeld);
  EXPECT_EQ(Bank(3, 0x58), 0x40000402u);
  EXPECT_EQ(rig.machine->held_count(), 1u);
  rig.Map(root, kOther, kOther, 3);
  Resume(3, 0);  // the fault is not cleared yet: nothing happens
  EXPECT_EQ(rig.machine->held_count(), 1u);
  Clear(3);
  EXPECT_EQ(Bank(3, 0x58), 0x40000000u);
  EXPECT_EQ(Go(kPage, 7).response, Response::kHeld);  // SS alone is a faulted state too
  Resume(3, 0);
  EXPECT_EQ(Bank(3, 0x58), 0u);
  HeldDma done;
  ASSERT_TRUE(rig.machine->TakeResumed(&done));
  EXPECT_EQ(done.request.address, kOther);
  EXPECT_EQ(done.result.fault, FaultKind::kNone);
  EXPECT_EQ(done.result.pa, kOther);
  ASSERT_TRUE(rig.machine->TakeResumed(&done));
  EXPECT_EQ(done.request.sid, 7);
  EXPECT_EQ(done.result.pa, kPage);
  EXPECT_FALSE(rig.machine->TakeResumed(&done));
}

// What FSRRESTORE puts there is a recorded fault as any other: it holds back, and it is the first.
TEST_F(Faults, ARestoredFaultIsAFault) {
  Control(3, kM);
  rig.Write(kNiso0, Rig::Cb(3, 0x5c), 4);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kBlocked);
  EXPECT_EQ(Go(kPage, 7).fault, FaultKind::kBlocked);
  Control(3, kM | kHupcf);
  rig.Write(kNiso0, Rig::Cb(3, 0x60), 0x77);
  Go(0x5000);
  EXPECT_EQ(Bank(3, 0x58) & ~0x600u, 0x80000004u);
  EXPECT_EQ(Bank(3, 0x60), 0x77u);
}

// What nothing waits for can have no end: a fault without SS terminates what comes after it.
TEST_F(Faults, StallNeedsOneBeforeIt) {
  Control(3, kM | kCfcfg);
  rig.Write(2, Rig::Cb(3, 0x5c), 2);  // FSRRESTORE: TF
  const DmaResult result = Go(kPage);
  EXPECT_EQ(result.fault, FaultKind::kBlocked);
  EXPECT_EQ(result.response, Response::kZero);
  EXPECT_EQ(rig.machine->held_count(), 0u);
}

TEST_F(Faults, StallEndsByTermination) {
  Control(3, kM | kCfcfg | kCfre);
  Go(kOther);
  Go(kPage);
  Clear(3);
  rig.Map(root, kOther, kOther, 3);
  Resume(3, 1);
  HeldDma done;
  ASSERT_TRUE(rig.machine->TakeResumed(&done));
  EXPECT_EQ(done.result.fault, FaultKind::kTranslation);
  EXPECT_EQ(done.result.response, Response::kError);
  // What waited behind it goes on.
  ASSERT_TRUE(rig.machine->TakeResumed(&done));
  EXPECT_EQ(done.result.fault, FaultKind::kNone);
  EXPECT_EQ(Bank(3, 0x58), 0u);
}

TEST_F(Faults, ARetryMayStallAgain) {
  Control(3, kM | kCfcfg);
  Go(0x5000);
  Go(kPage, 7);
  Clear(3);
  Resume(3, 0);
  EXPECT_EQ(Bank(3, 0x58), 0x40000402u);
  EXPECT_EQ(rig.machine->held_count(), 2u);
  EXPECT_FALSE(rig.machine->TakeResumed(nullptr));
  Clear(3);
  Resume(3, 1);
  EXPECT_EQ(rig.machine->held_count(), 0u);
}

TEST_F(Faults, ResumeIsForOneBankOfOneInstance) {
  Control(1, kCfcfg);
  Go(0x1000000000000);
  EXPECT_EQ(rig.machine->held_count(), 1u);
  Resume(2, 0);
  rig.Write(kNiso0 + 1, Rig::Cb(1, 8), 0);
  EXPECT_EQ(rig.machine->held_count(), 1u);
  Clear(1);
  Resume(1, 1);
  EXPECT_EQ(rig.machine->held_count(), 0u);
}

TEST_F(Faults, WhatFindsNoRoomToWaitIsTerminated) {
  Control(3, kM | kCfcfg | kCfre);
  for (size_t i = 0; i < kMaxHeldDma; ++i) EXPECT_EQ(Go(0x5000).response, Response::kHeld);
  EXPECT_EQ(Go(0x5000).response, Response::kError);
  EXPECT_EQ(rig.machine->held_count(), kMaxHeldDma);
}

// SS says that something waits for RESUME, though the first fault of the bank was none that
// stalled.
TEST_F(Faults, StallBehindAFaultThatWasTerminated) {
  Control(3, kM | kHupcf);
  EXPECT_EQ(Go(0x5000).response, Response::kZero);
  EXPECT_EQ(Bank(3, 0x58), 0x402u);
  Control(3, kM | kHupcf | kCfcfg);
  EXPECT_EQ(Go(kOther).response, Response::kHeld);
  EXPECT_EQ(Bank(3, 0x58), 0xc0000402u);
  EXPECT_EQ(Bank(3, 0x60), 0x5000u);
  Clear(3);
  Control(3, kM | kCfcfg);
  EXPECT_EQ(Go(kPage, 7).response, Response::kHeld);  // behind it, since SS is set
  Resume(3, 1);
  EXPECT_EQ(Bank(3, 0x58), 0u);
  EXPECT_EQ(rig.machine->held_count(), 0u);
}

TEST_F(Faults, SyncDoesNotWaitForStalls) {
  Control(3, kM | kCfcfg);
  Go(0x5000);
  EXPECT_TRUE(rig.GlobalSync(kNiso0));
  EXPECT_EQ(rig.machine->held_count(), 1u);
}

TEST_F(Faults, StallsAreInTheSnapshot) {
  Control(3, kM | kCfcfg);
  Go(0x5000);
  ASSERT_TRUE(rig.machine->Mark());
  Clear(3);
  Resume(3, 1);
  EXPECT_EQ(rig.machine->held_count(), 0u);
  ASSERT_TRUE(rig.machine->Restore());
  EXPECT_EQ(rig.machine->held_count(), 1u);
  EXPECT_FALSE(rig.machine->TakeResumed(nullptr));
  EXPECT_EQ(Bank(3, 0x58), 0x40000402u);
}

// ------------------------------------------------------------------------------- address bit 39

TEST_F(Faults, Bit39IsAnAliasOrAnAddress) {
  rig.Map(root, kOther, kOther | kFormatBit, 3);
  DmaResult result = Go(kOther + 4);
  EXPECT_EQ(result.fault, FaultKind::kNone);
  EXPECT_EQ(result.pa, kOther + 4);
  EXPECT_EQ(result.output, (kOther | kFormatBit) + 4);
  rig.Choose({1});
  result = Go(kOther);
  EXPECT_EQ(result.fault, FaultKind::kExternal);
  EXPECT_EQ(result.stage, 0);
  EXPECT_EQ(Bank(1, 0x58), 0x410u);
  EXPECT_EQ(Bank(1, 0x68), 0u);  // no table fetch
  EXPECT_EQ(Bank(3, 0x58), 0u);
  EXPECT_EQ(rig.machine->Translate({.side = 1, .sid = 7, .address = kOther, .instance = 0}).pa,
            kOther);
}

// Where tables lie is free as what they give is.
TEST_F(Faults, Bit39OfTables) {
  Stage1();
  const uint64_t level1 = rig.machine->Load64(root) & kAddressMask;
  // TTBR of stage 1, a table of stage 1, a table of stage 2, and its root.
  for (int which = 0; which < 4; ++which) {
    if (which == 0) rig.Write64(kNiso0, Rig::Cb(1, 0x20), kTable | kFormatBit);
    if (which == 0) rig.Map(root, kTable | kFormatBit, kTable | kFormatBit, 3);
    if (which == 1) {
      rig.Write64(kNiso0, Rig::Cb(1, 0x20), kTable);
      rig.Map(root, kTable, kTable | kFormatBit, 3);
    }
    if (which == 2) rig.Map(root, kTable, kTable, 3);
    if (which == 2) rig.Store(root, level1 | kFormatBit | 3);
    if (which == 3) rig.Store(root, level1 | 3);
    if (which == 3) rig.Write64(kNiso0, Rig::Cb(3, 0x20), root | kFormatBit);
    rig.Write(kNiso0, 0x68, 0);
    ASSERT_TRUE(rig.GlobalSync(kNiso0));
    rig.Choose({});
    EXPECT_EQ(Go(kPage).pa, kPage) << which;
    rig.Write(kNiso0, 0x68, 0);
    ASSERT_TRUE(rig.GlobalSync(kNiso0));
    rig.Choose({1, 1, 1});
    const DmaResult abort = Go(kPage);
    EXPECT_EQ(abort.fault, FaultKind::kExternal) << which;
    EXPECT_EQ(abort.stage, which < 2 ? 1 : 2);
    Clear(1);
    Clear(3);
  }
  EXPECT_EQ(rig.machine->Translate({.side = 1, .sid = 6, .address = kPage, .instance = 0}).pa,
            kPage);
}

TEST_F(Faults, Bit39IsPartOfTheAddressWhereItIsNoFormat) {
  BoardSpec spec = *rig.board;
  spec.format_bit = false;
  Rig other(&spec, 16);
  EXPECT_EQ(
      other.machine->Dma({.side = 1, .sid = 6, .address = kPage | kFormatBit, .instance = 0}).pa,
      kPage | kFormatBit);
}

TEST_F(Faults, Bit39OfABypassedStream) {
  rig.Write(kNiso0, 0xc00, 0x10000);
  EXPECT_EQ(Go(kPage | kFormatBit).pa, kPage);
  rig.Choose({1});
  EXPECT_EQ(Go(kPage | kFormatBit).fault, FaultKind::kExternal);
  EXPECT_EQ(rig.Read(kNiso0, 0x48), 1u << 6);
}

TEST_F(Faults, Bit39WhereMemoryIs) {
  BoardSpec spec = *rig.board;
  spec.dram[spec.dram_count++] = {kFormatBit | 0x80000000, 0x100000};
  Rig other(&spec, 16);
  other.Choose({1});
  EXPECT_EQ(
      other.machine->Dma({.side = 1, .sid = 6, .address = kPage | kFormatBit, .instance = 0}).pa,
      kPage | kFormatBit);
}

TEST_F(Faults, Bit39PastTheSmmu) {
  const uint16_t client = FindClient("mgbeard")->id;
  rig.Choose({0, 1});
  const DmaResult result = rig.machine->Dma({.client = client, .address = kPage | kFormatBit});
  EXPECT_EQ(result.fault, FaultKind::kExternal);
  EXPECT_EQ(result.response, Response::kError);
  EXPECT_EQ(rig.Read(kNiso0, 0x48), 0u);
}

// -------------------------------------------------------------------------------------- power

TEST_F(Faults, WithoutPowerNothingAnswers) {
  Control(3, kM | kCfcfg);
  Go(0x5000);
  rig.machine->SetPower(1, false);
  EXPECT_FALSE(rig.machine->powered(1));
  EXPECT_TRUE(rig.machine->powered(0));
  uint64_t wide = 0;
  rig.Read(kNiso0, 0x20);
  EXPECT_FALSE(rig.answered);
  EXPECT_FALSE(rig.machine->Read64(rig.Window(kNiso0 + 1) + 0x40, &wide));
  rig.Write(kNiso0, 0x8, 0x55);
  rig.Write64(kNiso0, Rig::Cb(3, 0x20), 0x5000);
  // As it lost its power, and not as the stores would have it.
  EXPECT_EQ(rig.machine->Peek32(kNiso0, 0x8), 0u);
  EXPECT_EQ(rig.machine->Peek32(kNiso0, Rig::Cb(3, 0x20)), 0u);
  const DmaResult result = Go(kPage);
  EXPECT_EQ(result.fault, FaultKind::kHeld);
  EXPECT_EQ(result.response, Response::kHeld);
  EXPECT_EQ(rig.machine->Resolve(kNiso0, 6).route, Route::kUnmatched);
  EXPECT_EQ(rig.machine->held_count(), 0u);
  rig.Read(0, 0x20);
  EXPECT_TRUE(rig.answered);

  rig.machine->SetPower(1, true);
  EXPECT_EQ(rig.Read(kNiso0, 0), 0x00200001u);  // the reset state
  EXPECT_TRUE(rig.answered);
  EXPECT_EQ(rig.Read(kNiso0, 0x8), 0u);
  EXPECT_EQ(Bank(3, 0x20), 0u);
  EXPECT_TRUE(rig.machine->TlbUnknown(kNiso0));
  EXPECT_EQ(Go(kPage).via.route, Route::kBypass);
}

TEST_F(Faults, ClientsOfASideWithoutPowerWait) {
  const uint16_t client = FindClient("mgbeard")->id;
  rig.machine->SetPower(1, false);
  EXPECT_EQ(rig.machine->Dma({.client = client, .address = kPage}).fault, FaultKind::kHeld);
  rig.machine->SetPower(1, true);
  rig.machine->GateMasters(1, true);
  EXPECT_EQ(rig.machine->Dma({.client = client, .address = kPage}).fault, FaultKind::kHeld);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kHeld);
  EXPECT_EQ(rig.Read(kNiso0, 0), 0x00200001u);
  EXPECT_TRUE(rig.answered);
  rig.machine->GateMasters(1, false);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kNone);
}

TEST_F(Faults, PowerIsInTheSnapshot) {
  ASSERT_TRUE(rig.machine->Mark());
  rig.machine->SetPower(1, false);
  ASSERT_TRUE(rig.machine->Restore());
  EXPECT_TRUE(rig.machine->powered(1));
  EXPECT_EQ(Go(kPage).pa, kPage);
  rig.machine->SetPower(3, false);  // no such side
  EXPECT_FALSE(rig.machine->powered(3));
}

// Registers without a reset value show anything when the power is back, in either instance; those
// with one show it, and nothing is on that could use the others.
TEST(Power, RegistersWithoutAResetValueAreDrawn) {
  Rig rig("tiny");
  struct Register {
    const char* name;
    uint32_t offset;
    bool unknown;
  };
  const Register kRegisters[] = {{"sGFAR", 0x040, true},
                                 {"sGFSR", 0x048, true},
                                 {"sGFSYNR0", 0x050, true},
                                 {"sGFSYNR1", 0x054, true},
                                 {"SMR[3]", 0x80c, true},
                                 {"CBFRSYNRA[1]", 0x10404, true},
                                 {"TTBR0", Rig::Cb(1, 0x20), true},
                                 {"TTBR1", Rig::Cb(1, 0x28), true},
                                 {"TCR", Rig::Cb(1, 0x30), true},
                                 {"MAIR0", Rig::Cb(1, 0x38), true},
                                 {"FSR", Rig::Cb(1, 0x58), true},
                                 {"FAR", Rig::Cb(1, 0x60), true},
                                 {"FSYNR0", Rig::Cb(1, 0x68), true},
                                 {"sCR0", 0x000, false},
                                 {"sACR", 0x010, false},
                                 {"S2CR[3]", 0xc0c, false},
                                 {"CBAR[1]", 0x10004, false},
                                 {"CBA2R[1]", 0x10804, false},
                                 {"SCTLR", Rig::Cb(1, 0), false},
                                 {"ACTLR", Rig::Cb(1, 4), false},
                                 {"TCR2", Rig::Cb(1, 0x10), false}};
  Rig fresh("tiny");
  const auto differing = [&](const Register& r) {
    size_t count = 0;
    for (const size_t i : {size_t{2}, size_t{3}}) {
      count += rig.Read(i, r.offset) != fresh.Read(i, r.offset) ? 1 : 0;
    }
    return count;
  };
  const auto lose = [&](std::vector<uint8_t> choices, bool off) {
    rig.Choose(std::move(choices));
    if (off) rig.machine->SetPower(1, false);
    if (off) rig.machine->SetPower(1, true);
    if (!off) rig.machine->PowerLoss(1);
  };
  for (const bool off : {false, true}) {
    lose({1, 2, 3, 4}, off);
    for (const Register& r : kRegisters) EXPECT_EQ(differing(r), r.unknown ? 2u : 0u) << r.name;
    for (uint32_t n = 0; n < 5; ++n) EXPECT_EQ(rig.Read(2, 0x800 + 4 * n) >> 31, 0u);
    EXPECT_NE(rig.Read(2, 0x80c), rig.Read(3, 0x80c));
    lose({0, 2, 3, 4}, off);
    for (const Register& r : kRegisters) EXPECT_EQ(differing(r), 0u) << r.name;
  }
}

}  // namespace
}  // namespace sidewall::model
