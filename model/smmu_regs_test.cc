// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

class SmmuRegs : public ::testing::Test {
 protected:
  Rig rig{"tiny"};
  static constexpr size_t kIso = 4;
};

TEST_F(SmmuRegs, SmrKeepsFifteenBitsOfEach) {
  rig.Write(kIso, 0x800, 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, 0x800), 0xffff7fffu);
  // How a driver finds out how wide IDs and masks are.
  rig.Write(kIso, 0x804, 0x00007fff);
  EXPECT_EQ(rig.Read(kIso, 0x804), 0x00007fffu);
  rig.Write(kIso, 0x804, 0x7fff0000);
  EXPECT_EQ(rig.Read(kIso, 0x804), 0x7fff0000u);
}

TEST_F(SmmuRegs, EntriesAndBanksAboveTheCountAreNotThere) {
  const uint32_t absent[] = {0x800 + 4 * 5,   0xc00 + 4 * 5, 0x10000 + 4 * 4,   0x10400 + 4 * 4,
                             0x10800 + 4 * 4, Rig::Cb(4, 0), Rig::Cb(127, 0x20)};
  for (const uint32_t offset : absent) {
    rig.Write(kIso, offset, 0xffffffff);
    EXPECT_EQ(rig.Read(kIso, offset), 0u) << std::hex << offset;
  }
}

TEST_F(SmmuRegs, Scr0HasTheBitsOfMmu500) {
  rig.Write(kIso, 0, 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, 0), 0xffffffffu & ~0x30000330u);
  rig.Write(kIso, 0, 0);
  EXPECT_EQ(rig.Read(kIso, 0), 0x00200000u);  // SMCFCFG is fixed
  BoardSpec spec = *rig.board;
  spec.smmu[2].smcfcfg_writable = true;
  Rig other(&spec, 16);
  other.Write(kIso, 0, 0);
  EXPECT_EQ(other.Read(kIso, 0), 0u);
}

TEST_F(SmmuRegs, FaultStatusIsClearedByOnesAndRestored) {
  rig.Write(kIso, 0x4c, 0x80000003);  // sGFSRRESTORE
  EXPECT_EQ(rig.Read(kIso, 0x48), 0x80000003u);
  rig.Write(kIso, 0x48, 0x00000001);
  EXPECT_EQ(rig.Read(kIso, 0x48), 0x80000002u);
  rig.Write(kIso, 0x4c, 0x00000008);  // overwrites, and does not add
  EXPECT_EQ(rig.Read(kIso, 0x48), 0x00000008u);
  rig.machine->InjectFault(kIso, 1, 0x2, 0, 0x1234, 7);
  rig.Write(kIso, 0x10804, 1);
  const uint32_t fsr = Rig::Cb(1, 0x58);
  EXPECT_EQ(rig.Read(kIso, fsr), 2u);
  rig.Write(kIso, Rig::Cb(1, 0x5c), 0xffffffff);  // neither SS nor FORMAT
  EXPECT_EQ(rig.Read(kIso, fsr), 0x800001feu);
  rig.Write(kIso, fsr, 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, fsr), 0u);
}

TEST_F(SmmuRegs, FormatComesAndGoesWithTheFault) {
  rig.Write(kIso, 0x10804, 1);  // VA64
  rig.machine->InjectFault(kIso, 1, 0xa, 0x11, 0x123456789000, 7);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x58)), 0x40au);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x60)), 0x56789000u);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x64)), 0x1234u);
  EXPECT_EQ(rig.Read(kIso, 0x10404), 7u);
  rig.Write(kIso, Rig::Cb(1, 0x5c), 0x80000004);  // FSRRESTORE leaves FORMAT
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x58)), 0x80000404u);
  rig.Write(kIso, Rig::Cb(1, 0x5c), 0xa);
  rig.Write(kIso, Rig::Cb(1, 0x58), 0x8);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x58)), 0x402u);
  rig.Write(kIso, Rig::Cb(1, 0x58), 0x2);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x58)), 0u);
}

TEST_F(SmmuRegs, StallEndsByResumeAfterTheFaultIsCleared) {
  rig.Write(kIso, Rig::Cb(1, 0), 0x81);  // CFCFG
  rig.machine->InjectFault(kIso, 1, 2, 0, 0, 0);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x58)), 0x40000002u);
  rig.Write(kIso, Rig::Cb(1, 8), 1);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x58)), 0x40000002u);
  rig.Write(kIso, Rig::Cb(1, 0x58), 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x58)), 0x40000000u);
  rig.Write(kIso, Rig::Cb(1, 8), 1);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x58)), 0u);
}

TEST_F(SmmuRegs, CacheLockHoldsActlr) {
  rig.Write(kIso, Rig::Cb(1, 4), 0);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 4)), 3u);
  rig.Write(kIso, 0x10, 0);
  rig.Write(kIso, Rig::Cb(1, 4), 1);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 4)), 1u);
}

TEST_F(SmmuRegs, StageTwoBanksLackTheRegistersOfStageOne) {
  const uint32_t stage1_only[] = {0x10, 0x28, 0x2c, 0x34, 0x38, 0x3c, 0x50};
  for (const uint32_t offset : stage1_only) {
    rig.Write(kIso, 0x10000, 0x10000);
    rig.Write(kIso, Rig::Cb(0, offset), 0x4012);
    EXPECT_EQ(rig.Read(kIso, Rig::Cb(0, offset)), 0x4012u) << std::hex << offset;
    rig.Write(kIso, 0x10000, 0);
    EXPECT_EQ(rig.Read(kIso, Rig::Cb(0, offset)), 0u) << std::hex << offset;
    rig.Write(kIso, Rig::Cb(0, offset), 0xffff);
    rig.Write64(kIso, Rig::Cb(0, offset & ~7u), 0x123400001234);
    rig.Write(kIso, 0x10000, 0x30000);
    if (offset != 0x34) {  // shares its doubleword with TCR
      EXPECT_EQ(rig.Read(kIso, Rig::Cb(0, offset)), 0x4012u) << std::hex << offset;
    }
  }
  rig.Write(kIso, Rig::Cb(0, 0x70), 0x77);  // IPAFAR, now a stage-1 bank
  rig.Write(kIso, 0x10000, 0);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(0, 0x70)), 0u);
  rig.Write(kIso, Rig::Cb(0, 0x70), 0x77);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(0, 0x70)), 0x77u);
}

// What was stored in another form is shown in that of stage 2, whose bit 31 is one.
TEST_F(SmmuRegs, TcrIsShownInTheFormOfItsBank) {
  rig.Write(kIso, 0x10000, 0x10000);
  rig.Write(kIso, Rig::Cb(0, 0x30), 0x7fff0000);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(0, 0x30)), 0x7fff0000u);
  rig.Write(kIso, 0x10000, 0);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(0, 0x30)), 0x80070000u);
  EXPECT_EQ(rig.machine->Peek32(kIso, Rig::Cb(0, 0x30)), 0x80070000u);
}

TEST_F(SmmuRegs, WideRegistersTakeBothWidths) {
  rig.Write64(kIso, Rig::Cb(1, 0x20), 0x1111222233334444);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x20)), 0x33334444u);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x24)), 0x11112222u);
  rig.Write(kIso, Rig::Cb(1, 0x24), 0x5555);
  uint64_t value = 0;
  ASSERT_TRUE(rig.machine->Read64(rig.Window(kIso) + Rig::Cb(1, 0x20), &value));
  EXPECT_EQ(value, 0x0000555533334444u);
}

TEST_F(SmmuRegs, ReadOnlyFieldsOfGlobalPageOne) {
  rig.Write(kIso, 0x10000, 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, 0x10000), 0x00ffffffu);  // IRPTNDX
  rig.Write(kIso, 0x10800, 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, 0x10800), 3u);  // VMID16
}

TEST_F(SmmuRegs, PagesHaveNothingAfterTheirFirst4K) {
  rig.Write(kIso, 0x1000, 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, 0x1000), 0u);
  EXPECT_EQ(rig.Read(kIso, 0), 0x00200001u);
  rig.Write(kIso, 0x810000 + 0x1000, 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0)), 0x100u);
  rig.Write(kIso, 0x50000, 1);
  EXPECT_EQ(rig.Read(kIso, 0x50000), 0u);
}

TEST_F(SmmuRegs, UnalignedAndForeignAccessesDoNothing) {
  const uint64_t window = rig.Window(kIso);
  rig.machine->Write32(window + 0x802, 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, 0x800), 0u);
  uint32_t value = 0;
  uint64_t wide = 0;
  EXPECT_FALSE(rig.machine->Read32(window + 2, &value));
  EXPECT_FALSE(rig.machine->Read64(window + 4, &wide));
  EXPECT_FALSE(rig.machine->Read32(0x03000000, &value));
  rig.machine->Write64(0x03000000, 1);
}

TEST_F(SmmuRegs, FailingReadsAreCountedPerWindow) {
  rig.machine->FailReads(0, 2);
  rig.Read(1, 0);
  EXPECT_TRUE(rig.answered);
  rig.Read(0, 0);
  EXPECT_FALSE(rig.answered);
  uint64_t wide = 0;
  EXPECT_FALSE(rig.machine->Read64(rig.Window(0), &wide));
  rig.Read(0, 0);
  EXPECT_TRUE(rig.answered);
}

TEST_F(SmmuRegs, SyncCompletesAtTheStatusReadThatSaysSo) {
  EXPECT_TRUE(rig.GlobalSync(kIso));
  rig.machine->SetSyncMode(kIso, 1, 2);
  rig.Write(kIso, 0x70, 0);
  EXPECT_EQ(rig.Read(kIso, 0x74), 1u);
  EXPECT_EQ(rig.Read(kIso, 0x74), 1u);
  EXPECT_EQ(rig.Read(kIso, 0x74), 0u);
  EXPECT_EQ(rig.Read(kIso, 0x74), 0u);
  rig.machine->SetSyncMode(kIso, 2, 0);
  rig.Write(kIso, Rig::Cb(1, 0x7f0), 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x7f4)), 1u);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(2, 0x7f4)), 0u);
  rig.machine->SetSyncMode(kIso, 0, 0);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x7f4)), 0u);
}

TEST_F(SmmuRegs, PowerLossResetsBothInstancesOfASide) {
  for (const size_t i : {size_t{0}, size_t{1}, size_t{2}}) {
    rig.Open(i);
    rig.Stream(i, 0, 6, 1);
  }
  rig.machine->PowerLoss(0);
  EXPECT_EQ(rig.Read(0, 0), 0x00200001u);
  EXPECT_EQ(rig.Read(1, 0x800), 0u);
  EXPECT_EQ(rig.Read(2, 0x800), 0xff800006u);
  EXPECT_EQ(rig.machine->Resolve(0, 6).route, Route::kBypass);
  EXPECT_TRUE(rig.machine->TlbUnknown(0));
}

TEST_F(SmmuRegs, ScrambleFollowsItsChoices) {
  rig.Choose({});
  rig.machine->Scramble();
  EXPECT_EQ(rig.Read(0, 0), 0x00200001u);
  rig.Choose({1, 2, 3, 4, 5, 6, 7, 8});
  rig.machine->Scramble();
  const uint32_t cr0 = rig.Read(0, 0);
  const uint32_t smr = rig.Read(4, 0x804);
  EXPECT_TRUE(rig.watcher.sound);
  rig.Reset();
  rig.Choose({1, 2, 3, 4, 5, 6, 7, 8});
  rig.machine->Scramble();
  EXPECT_EQ(rig.Read(0, 0), cr0);
  EXPECT_EQ(rig.Read(4, 0x804), smr);
  EXPECT_EQ(rig.Read(4, 0x20), rig.board->smmu[2].idr[0]);
}

// Peek32 has a short way to some registers; it must say what a read says, everywhere.
TEST_F(SmmuRegs, PeekSaysWhatAReadSays) {
  rig.Choose({1, 2, 3, 4, 5, 6, 7, 8});
  rig.machine->Scramble();
  for (const size_t i : {size_t{2}, kIso}) {
    for (uint32_t page = 0; page < 3 + 128; ++page) {
      const uint32_t base = page < 3 ? page * 0x10000 : 0x800000 + (page - 3) * 0x10000;
      for (uint32_t offset = base; offset < base + 0x1000; offset += 4) {
        ASSERT_EQ(rig.machine->Peek32(i, offset), rig.Read(i, offset)) << std::hex << offset;
      }
    }
  }
}

TEST(InstanceNames, CountWindows) {
  Rig rig("tiny");
  EXPECT_EQ(rig.machine->InstanceCount(), 5u);
  EXPECT_EQ(rig.machine->InstanceIndex(1, 1), 3u);
  EXPECT_EQ(rig.machine->SideOf(3), 1);
  EXPECT_EQ(rig.machine->SideOf(4), 2);
  size_t instance = 9;
  uint32_t offset = 0;
  EXPECT_TRUE(rig.machine->InstanceOf(0x11000004, &instance, &offset));
  EXPECT_EQ(instance, 3u);
  EXPECT_EQ(offset, 4u);
  EXPECT_FALSE(rig.machine->InstanceOf(0x09000000, &instance, &offset));
}

}  // namespace
}  // namespace sidewall::model
