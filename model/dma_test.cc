// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// From client to route: stream IDs, matching, context checks, blocking.
#include <gtest/gtest.h>

#include "model/registers.h"
#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr size_t kNiso0 = 2;
constexpr uint16_t kMgbeard = 0x58;
constexpr uint64_t kPage = 0x80001000;
constexpr uint8_t kAll = kPermRead | kPermWrite;

class Dma : public ::testing::Test {
 protected:
  DmaResult Go(uint16_t sid, uint64_t address = kPage) {
    return rig.machine->Dma({.side = 1, .sid = sid, .address = address, .instance = 0});
  }
  Resolution Resolve(uint16_t sid) { return rig.machine->Resolve(kNiso0, sid); }
  void ClientSid(uint16_t client, uint8_t sid) {
    rig.machine->Write32(0x02c00000 + 8 * client, sid);
  }
  // A stage-2 bank 3 with kPage mapped.
  void Stage2() {
    root = rig.NewPage();
    rig.Stage2Bank(kNiso0, 3, root, 7);
    rig.Map(root, kPage, kPage, kAll);
  }
  uint32_t Gfsr() { return rig.Read(kNiso0, 0x48); }
  Rig rig{"tiny"};
  uint64_t root = 0;
};

TEST_F(Dma, ClientPdBypassesEverything) {
  EXPECT_EQ(Resolve(6).route, Route::kBypass);
  rig.Write(kNiso0, 0xc00, 0x20000);
  rig.Write(kNiso0, 0x800, 0xff800006);
  const DmaResult result = Go(6, 0x12345678);
  EXPECT_EQ(result.fault, FaultKind::kNone);
  EXPECT_EQ(result.pa, 0x12345678u);
}

TEST_F(Dma, UnmatchedStreamsFaultOrPass) {
  rig.Open(kNiso0);
  EXPECT_EQ(Resolve(0x55).route, Route::kUnmatched);
  EXPECT_EQ(Go(0x1055, 0x777000).fault, FaultKind::kUnmatchedStream);
  EXPECT_EQ(Gfsr(), 2u);
  EXPECT_EQ(rig.Read(kNiso0, 0x40), 0x777000u);
  EXPECT_EQ(rig.Read(kNiso0, 0x54), 0x1055u);
  Go(0x56, 0x888000);
  EXPECT_EQ(Gfsr(), 0x80000002u);
  EXPECT_EQ(rig.Read(kNiso0, 0x40), 0x777000u);
  rig.Write(kNiso0, 0, 0x00200000);
  EXPECT_EQ(Resolve(0x55).route, Route::kBypass);
}

TEST_F(Dma, MatchingIsOverFifteenBits) {
  rig.Open(kNiso0);
  rig.Write(kNiso0, 0xc00, 0x10000);
  rig.Write(kNiso0, 0x800, 0x80004006);
  EXPECT_EQ(Resolve(0x4006).match_count, 1);
  EXPECT_EQ(Resolve(0x0006).match_count, 0);
  EXPECT_EQ(Resolve(0xc006).match_count, 1);  // bit 15 is not part of a stream ID
  rig.Write(kNiso0, 0x800, 0xff800006);
  for (const uint16_t sid : {0x0006, 0x0806, 0x7f86}) EXPECT_EQ(Resolve(sid).match_count, 1);
  EXPECT_EQ(Resolve(0x0007).match_count, 0);
  rig.Write(kNiso0, 0x800, 0xffff0000);
  EXPECT_EQ(Resolve(0x1234).match_count, 1);
  rig.Write(kNiso0, 0x800, 0x7f800006);
  EXPECT_EQ(Resolve(6).match_count, 0);
}

TEST_F(Dma, EntryTypes) {
  rig.Open(kNiso0);
  rig.Write(kNiso0, 0x800, 0xff800006);
  // Of one that bypasses the lowest field is a VMID, and names no bank.
  for (const uint32_t vmid : {0x00u, 0xffu}) {
    rig.Write(kNiso0, 0xc00, 0x10000 | vmid);
    const DmaResult result = Go(6);
    EXPECT_EQ(result.via.route, Route::kBypass);
    EXPECT_EQ(result.fault, FaultKind::kNone);
    EXPECT_EQ(result.pa, kPage);
  }
  for (const uint32_t type : {0x20000u, 0x30000u}) {
    rig.Write(kNiso0, 0x48, 0xffffffff);
    rig.Write(kNiso0, 0xc00, type);
    const DmaResult result = Go(6);
    EXPECT_EQ(result.via.route, Route::kFaultEntry);
    EXPECT_EQ(result.fault, FaultKind::kInvalidContext);
    EXPECT_EQ(Gfsr(), 1u);
  }
}

TEST_F(Dma, SeveralMatchesMayGoUndetected) {
  rig.Open(kNiso0);
  Stage2();
  rig.Stream(kNiso0, 1, 6, 3);
  rig.Write(kNiso0, 0xc08, 0x10000);
  rig.Write(kNiso0, 0x808, 0xffff0006);
  const Resolution via = Resolve(6);
  EXPECT_EQ(via.match_count, 2);
  EXPECT_EQ(via.route, Route::kMultiMatch);
  rig.Choose({0});
  EXPECT_EQ(Go(6).fault, FaultKind::kMultipleMatch);
  EXPECT_EQ(Gfsr(), 4u);
  rig.Choose({1});
  EXPECT_EQ(Go(6).via.entry, 1);
  rig.Choose({2});
  EXPECT_EQ(Go(6).via.entry, 2);
  EXPECT_EQ(Resolve(6).route, Route::kMultiMatch);
}

// IDR1.SMCD: detection is guaranteed, and there is no choice to take.
TEST_F(Dma, SeveralMatchesAreDetectedWhereTheIdsSaySo) {
  BoardSpec spec = *rig.board;
  spec.smmu[1].idr[1] |= 1u << 15;
  Rig other(&spec, 16);
  other.Open(kNiso0);
  other.Stream(kNiso0, 0, 6, 3);
  other.Stream(kNiso0, 1, 6, 3);
  for (const uint8_t choice : {0, 1, 2}) {
    other.Choose({choice, choice});
    const DmaResult result = other.machine->Dma({.side = 1, .sid = 6, .instance = 0});
    EXPECT_EQ(result.fault, FaultKind::kMultipleMatch) << int{choice};
  }
}

// IDR1.NUMS2CB: the first banks have no stage 1 to give.
TEST_F(Dma, FirstBanksMayDoStage2Alone) {
  BoardSpec spec = *rig.board;
  spec.smmu[1].idr[1] |= 2u << 16;
  ASSERT_FALSE(CheckBoard(spec));
  Rig other(&spec, 16);
  other.Open(kNiso0);
  other.Stage2Bank(kNiso0, 1, other.NewPage(), 7);
  struct Case {
    uint32_t bank;
    uint32_t cbar;
    bool invalid;
  };
  for (const Case& c :
       {Case{0, 7, false}, Case{1, 7, false}, Case{0, 0x10007, true}, Case{0, 0x30107, true},
        Case{2, 0x10007, false}, Case{2, 0x30107, false}, Case{2, 0x20007, true}}) {
    other.Write(kNiso0, 0x10800 + 4 * c.bank, 1);
    other.Write(kNiso0, 0x10000 + 4 * c.bank, c.cbar);
    other.Stream(kNiso0, 0, 6, c.bank);
    other.Write(kNiso0, 0x48, 0xffffffff);
    const DmaResult result = other.machine->Dma({.side = 1, .sid = 6, .instance = 0});
    EXPECT_EQ(result.fault == FaultKind::kInvalidContext, c.invalid) << c.bank << " " << c.cbar;
    EXPECT_EQ(other.Read(kNiso0, 0x48), c.invalid ? 1u : 0u) << c.bank << " " << c.cbar;
    EXPECT_EQ(other.Read(kNiso0, 0x50) & 1, 0u);  // it is not the second bank that is wrong
  }
}

TEST_F(Dma, DetectedMatchesPassWhereSmcfcfgIsClear) {
  BoardSpec spec = *rig.board;
  for (SmmuSpec& smmu : spec.smmu) smmu.smcfcfg_writable = true;
  Rig other(&spec, 16);
  other.Write(kNiso0, 0, 0x400);
  other.Stream(kNiso0, 0, 6, 3);
  other.Stream(kNiso0, 1, 6, 3);
  EXPECT_EQ(other.machine->Resolve(kNiso0, 6).route, Route::kBypass);
}

TEST_F(Dma, BankChecksInOrder) {
  rig.Open(kNiso0);
  rig.Stream(kNiso0, 0, 6, 4);  // past the last bank
  EXPECT_EQ(Go(6).fault, FaultKind::kUnimplementedBank);
  EXPECT_EQ(Gfsr(), 8u);
  EXPECT_EQ(Resolve(6).route, Route::kBadContext);
  rig.Stream(kNiso0, 0, 6, 1);  // CBAR resets to type 2
  rig.Write(kNiso0, 0x48, 0xffffffff);
  EXPECT_EQ(Go(6).fault, FaultKind::kInvalidContext);
  EXPECT_EQ(Gfsr(), 1u);

  // Nested: second bank past the end, of a wrong type, not AArch64.
  rig.Write(kNiso0, 0x10804, 1);
  rig.Write(kNiso0, 0x10004, 0x30000 | 4 << 8);
  rig.Write(kNiso0, 0x48, 0xffffffff);
  EXPECT_EQ(Go(6).fault, FaultKind::kUnimplementedBank);
  EXPECT_EQ(Gfsr(), 8u);
  EXPECT_EQ(rig.Read(kNiso0, 0x50) & 1, 1u);
  rig.Write(kNiso0, 0x10004, 0x30000 | 3 << 8);
  EXPECT_EQ(Go(6).fault, FaultKind::kInvalidContext);
  rig.Write(kNiso0, 0x1000c, 7);  // type 0
  EXPECT_EQ(Go(6).fault, FaultKind::kInvalidContext);
  rig.Write(kNiso0, 0x1080c, 1);
  EXPECT_EQ(Resolve(6).route, Route::kUntranslated);
  rig.Write(kNiso0, Rig::Cb(3, 0), 1);
  EXPECT_EQ(Resolve(6).route, Route::kNested);
}

TEST_F(Dma, SecondBankOfANestedContext) {
  rig.Open(kNiso0);
  Stage2();
  rig.NestedBank(kNiso0, 1, 3, 7, 0x80100000);
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x100);
  rig.Stream(kNiso0, 0, 6, 1);
  EXPECT_EQ(Go(6).fault, FaultKind::kNone);
  const auto expect_fault = [&](FaultKind kind, uint32_t status) {
    EXPECT_EQ(Go(6).fault, kind);
    EXPECT_EQ(Gfsr(), status);
    EXPECT_EQ(rig.Read(kNiso0, 0x50) & 1, 1u);  // Nested
    rig.Write(kNiso0, 0x48, 0xffffffff);
  };
  for (const uint32_t type : {1u, 2u, 3u}) {
    rig.Write(kNiso0, 0x1000c, type << 16 | 7);
    expect_fault(FaultKind::kInvalidContext, 1);
  }
  rig.Write(kNiso0, 0x1000c, 7);
  rig.Write(kNiso0, 0x1080c, 0);  // stage 2 in AArch32 under an AArch64 stage 1
  expect_fault(FaultKind::kInvalidContext, 1);
  rig.Write(kNiso0, 0x1080c, 1);
  for (const uint32_t second : {4u, 0x80u, 0xffu}) {
    rig.Write(kNiso0, 0x10004, 0x30007 | second << 8);
    expect_fault(FaultKind::kUnimplementedBank, 8);
  }
  rig.Write(kNiso0, 0x10004, 0x30307);
  rig.Write(kNiso0, 0x10804, 0);  // the other way round is a context
  EXPECT_EQ(Go(6).fault, FaultKind::kNone);
}

TEST_F(Dma, KindsOfTranslationThatHardwareLacks) {
  constexpr uint32_t kType[3] = {7, 0x10007, 0x30307};
  constexpr uint32_t kBit[3] = {29, 30, 28};
  for (int lacks = 0; lacks < 3; ++lacks) {
    BoardSpec spec = *rig.board;
    for (SmmuSpec& smmu : spec.smmu) smmu.idr[0] &= ~(1u << kBit[lacks]);
    Rig other(&spec, 16);
    other.Open(kNiso0);
    other.Stage2Bank(kNiso0, 3, other.NewPage(), 7);
    other.Stream(kNiso0, 0, 6, 1);
    for (int type = 0; type < 3; ++type) {
      other.Write(kNiso0, 0x10004, kType[type]);
      const Route route = other.machine->Resolve(kNiso0, 6).route;
      EXPECT_EQ(route == Route::kBadContext, type == lacks) << lacks << type;
    }
    other.Write(kNiso0, 0x10004, kType[lacks]);
    EXPECT_EQ(other.machine->Dma({.side = 1, .sid = 6, .address = kPage, .instance = 0}).fault,
              FaultKind::kInvalidContext);
    EXPECT_EQ(other.Read(kNiso0, 0x48), 1u);
  }
}

TEST_F(Dma, PrivilegeAndKindByEntry) {
  rig.Open(kNiso0);
  rig.NestedBank(kNiso0, 1, 3, 7, 0x80100000);
  rig.Write(kNiso0, 0x10004, 0x1f307);
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x1167);
  rig.HostTables(0x80100000);
  // The privileged may do all but execute, the unprivileged may only execute.
  constexpr uint64_t kPxn = uint64_t{1} << 53;
  rig.PutHost(0x80100000, kPage, kPage | 0x403 | kPxn);
  struct Case {
    uint32_t s2cr;
    bool privileged, instruction, allowed;
  };
  const Case cases[] = {
      {0, false, false, false},        {0, true, false, true},
      {0, true, true, false},          {0, false, true, true},
      {3u << 24, false, false, true},  {2u << 24, true, false, false},
      {3u << 24, false, true, false},  {2u << 24, true, true, true},
      {1u << 24, true, false, true},   {1u << 24, true, true, true},
      {1u << 24, false, false, false}, {3u << 26, false, false, true},
      {2u << 26, false, true, false},  {3u << 26 | 3u << 24, false, false, false},
  };
  for (const Case& c : cases) {
    rig.Write(kNiso0, 0xc00, 1 | c.s2cr);
    rig.Write(kNiso0, 0x800, 0xff800006);
    const DmaResult result = rig.machine->Dma({.side = 1,
                                               .sid = 6,
                                               .address = kPage,
                                               .privileged = c.privileged,
                                               .instruction = c.instruction,
                                               .instance = 0});
    EXPECT_EQ(result.fault, c.allowed ? FaultKind::kNone : FaultKind::kPermission)
        << c.s2cr << c.privileged << c.instruction;
  }
  // A write is never an instruction fetch.
  rig.Write(kNiso0, 0xc00, 1 | 3u << 26 | 3u << 24);
  EXPECT_EQ(
      rig.machine->Dma({.side = 1, .sid = 6, .address = kPage, .write = true, .instance = 0}).fault,
      FaultKind::kNone);
}

TEST_F(Dma, RoutesByType) {
  rig.Open(kNiso0);
  Stage2();
  rig.Stream(kNiso0, 0, 6, 3);
  Resolution via = Resolve(6);
  EXPECT_EQ(via.route, Route::kStage2);
  EXPECT_EQ(via.entry, 0);
  EXPECT_EQ(via.bank, 3);
  EXPECT_EQ(via.stage2_bank, 3);
  EXPECT_EQ(via.vmid, 7);
  EXPECT_EQ(via.stage2_root, root);
  rig.Write(kNiso0, Rig::Cb(3, 0), 0x160);
  EXPECT_EQ(Resolve(6).route, Route::kUntranslated);
  EXPECT_EQ(Go(6, 0x5000).pa, 0x5000u);
  rig.Write(kNiso0, Rig::Cb(3, 0), 0x161);
  rig.Write(kNiso0, 0x1080c, 0);  // VA64: tables of a format that is not followed
  EXPECT_EQ(Resolve(6).route, Route::kUntranslated);
  EXPECT_NE(Go(6).fault, FaultKind::kNone);
  rig.Write(kNiso0, 0x1080c, 1);
  rig.NestedBank(kNiso0, 1, 3, 9, 0x80100000);
  rig.Stream(kNiso0, 0, 6, 1);
  via = Resolve(6);
  EXPECT_EQ(via.route, Route::kNested);
  EXPECT_EQ(via.bank, 1);
  EXPECT_EQ(via.stage2_bank, 3);
  EXPECT_EQ(via.vmid, 9);
  EXPECT_EQ(via.stage2_vmid, 7);
  rig.Write(kNiso0, 0x10004, 0x10000);
  EXPECT_EQ(Resolve(6).route, Route::kStage1Only);
  rig.Write(kNiso0, Rig::Cb(1, 0), 0);
  EXPECT_EQ(Resolve(6).route, Route::kStage1Only);
  EXPECT_EQ(Go(6, 0x5000).pa, 0x5000u);
}

TEST_F(Dma, FaultedBankBlocksUnlessHupcf) {
  rig.Open(kNiso0);
  Stage2();
  rig.Stream(kNiso0, 0, 6, 3);
  EXPECT_EQ(Go(6, 0x5000).fault, FaultKind::kTranslation);
  EXPECT_EQ(Go(6).fault, FaultKind::kNone);
  Go(6, 0x6000);
  EXPECT_EQ(rig.Read(kNiso0, Rig::Cb(3, 0x58)), 0x80000402u);
  EXPECT_EQ(rig.Read(kNiso0, Rig::Cb(3, 0x60)), 0x5000u);
  rig.Write(kNiso0, Rig::Cb(3, 0), 0x61);  // HUPCF off
  EXPECT_EQ(Go(6).fault, FaultKind::kBlocked);
  rig.Write(kNiso0, Rig::Cb(3, 0x58), 0xffffffff);
  EXPECT_EQ(Go(6).fault, FaultKind::kNone);
}

TEST_F(Dma, FaultedStageTwoBankBlocksAllNestedOnIt) {
  rig.Open(kNiso0);
  Stage2();
  rig.NestedBank(kNiso0, 1, 3, 7, 0);
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x100);
  rig.Stream(kNiso0, 0, 6, 1);
  rig.machine->InjectFault(kNiso0, 3, 2, 0, 0, 9);
  EXPECT_EQ(Go(6).fault, FaultKind::kNone);
  rig.Write(kNiso0, Rig::Cb(3, 0), 0x61);
  EXPECT_EQ(Go(6).fault, FaultKind::kBlocked);
}

TEST_F(Dma, TranslateAndResolveRecordNothing) {
  rig.Open(kNiso0);
  rig.machine->Translate({.side = 1, .sid = 6, .address = 0, .instance = 0});
  EXPECT_EQ(Gfsr(), 0u);
}

TEST_F(Dma, ClientsReachTheirSide) {
  for (const size_t i : {0, 1, 2, 3, 4}) rig.Open(i);
  ClientSid(kMgbeard, 6);
  DmaResult result = rig.machine->Dma({.client = kMgbeard, .address = kPage});
  EXPECT_EQ(result.instance, 2);
  EXPECT_EQ(result.sid, 6);
  const uint16_t vi = FindClient("viw")->id;
  ClientSid(vi, 2);
  EXPECT_EQ(rig.machine->Dma({.client = vi}).instance, 4);
  const uint16_t sdmmc = FindClient("sdmmcrab")->id;
  ClientSid(sdmmc, 2);
  EXPECT_EQ(rig.machine->Dma({.client = sdmmc, .instance = 1}).instance, 1);
}

TEST_F(Dma, HardwareChoosesInstanceUpperBitsAndUnknownSide) {
  for (const size_t i : {0, 1, 2, 3, 4}) rig.Open(i);
  ClientSid(kMgbeard, 6);
  rig.Choose({1, 0x10});
  DmaResult result = rig.machine->Dma({.client = kMgbeard});
  EXPECT_EQ(result.instance, 3);
  EXPECT_EQ(result.sid, 0x806);
  result = rig.machine->Translate({.client = kMgbeard});
  EXPECT_EQ(result.instance, 2);
  EXPECT_EQ(result.sid, 6);
  const uint16_t axisr = FindClient("axisr")->id;
  ClientSid(axisr, 5);
  EXPECT_EQ(rig.machine->Translate({.client = axisr}).instance, 2);
  rig.Choose({1, 0});
  EXPECT_EQ(rig.machine->Dma({.client = axisr}).instance, 0);
  rig.Choose({2, 0});
  EXPECT_EQ(rig.machine->Dma({.client = axisr}).instance, 4);
}

TEST_F(Dma, PassthroughIsPastTheSmmu) {
  rig.Open(kNiso0);
  const DmaResult result = rig.machine->Dma({.client = kMgbeard, .address = 0x9999});
  EXPECT_EQ(result.fault, FaultKind::kNone);
  EXPECT_EQ(result.via.route, Route::kBypass);
  EXPECT_EQ(result.pa, 0x9999u);
  EXPECT_EQ(Gfsr(), 0u);
}

TEST_F(Dma, DevicesDriveTheirOwnIdWithoutOverride) {
  rig.Open(kNiso0);
  rig.machine->Write32(0x02c00000 + 8 * kMgbeard + 4, 0);
  EXPECT_EQ(rig.machine->Translate({.client = kMgbeard, .own_sid = 0x1234}).sid, 0x1234);
}

TEST_F(Dma, SidesThatTheBoardLacksDeliverNothing) {
  EXPECT_EQ(rig.machine->Dma({.side = 3, .sid = 1}).fault, FaultKind::kUnmatchedStream);
  EXPECT_EQ(rig.machine->Dma({.side = 2, .sid = 1, .instance = 1}).instance, 4);
}

TEST_F(Dma, BoardsMayLackAWindow) {
  BoardSpec spec = *rig.board;
  spec.smmu_count = 2;  // no iso
  Rig other(&spec, 16);
  EXPECT_FALSE(other.machine->HasInstance(4));
  EXPECT_EQ(other.machine->Resolve(4, 1).route, Route::kUnmatched);
  EXPECT_EQ(other.machine->Dma({.side = 2, .sid = 1}).fault, FaultKind::kUnmatchedStream);
  other.machine->InjectFault(4, kNoIndex, 2, 0, 0, 0);
  other.machine->InjectFault(9, kNoIndex, 2, 0, 0, 0);
  other.machine->SetSyncMode(9, 2, 0);
  other.machine->FailReads(9, 2);
  other.machine->PowerLoss(2);
  other.machine->PowerLoss(200);
}

TEST_F(Dma, InjectedGlobalFaultLooksLikeAReal) {
  rig.machine->InjectFault(kNiso0, kNoIndex, 2, 4, 0x123456789, 0x55);
  EXPECT_EQ(Gfsr(), 2u);
  EXPECT_EQ(rig.Read(kNiso0, 0x44), 1u);
  EXPECT_EQ(rig.Read(kNiso0, 0x50), 4u);
  EXPECT_EQ(rig.Read(kNiso0, 0x54), 0x55u);
  rig.Write(kNiso0, 0x48, ~0u);
  rig.machine->InjectFault(kNiso0, kNoIndex, ~0u, ~0u, 0, 0xffff);
  EXPECT_EQ(Gfsr(), 0x800001ffu);
  EXPECT_EQ(rig.Read(kNiso0, 0x50), 0x7fu);
  EXPECT_EQ(rig.Read(kNiso0, 0x54), 0x7fffu);
  rig.machine->InjectFault(kNiso0, 200, 2, 0, 0, 0);    // no such bank
  rig.machine->InjectFault(kNiso0, 1, 0x200, 0, 0, 0);  // no fault bit
  EXPECT_EQ(rig.Read(kNiso0, Rig::Cb(1, 0x58)), 0u);
}

// What the register of a bank lacks no fault can say: a stage-1 bank has no NESTED, nor S1CBNDX.
TEST_F(Dma, InjectedSyndromeHasTheBitsOfItsBank) {
  for (const bool stage2 : {false, true}) {
    rig.Write(kNiso0, 0x10004, stage2 ? 0 : 0x10000);
    rig.Write(kNiso0, Rig::Cb(1, 0x58), ~0u);
    rig.machine->InjectFault(kNiso0, 1, 2, ~0u, 0, 0xffff);
    const uint32_t syndrome = rig.Read(kNiso0, Rig::Cb(1, 0x68));
    EXPECT_EQ(syndrome, stage2 ? 0x00ff0f7fu : 0x00000d73u);
    rig.Write(kNiso0, Rig::Cb(1, 0x68), ~0u);
    EXPECT_EQ(rig.Read(kNiso0, Rig::Cb(1, 0x68)), syndrome);
    EXPECT_EQ(rig.Read(kNiso0, 0x10404), 0x7fffu);
  }
}

}  // namespace
}  // namespace sidewall::model
