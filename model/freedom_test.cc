// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Where hardware is free, some choices make the model do each thing that it may do, and no choices
// make it do the well-behaved one.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>
#include <string>

#include "model/registers.h"
#include "model/testing.h"

namespace sidewall::model {
namespace {

class Freedom : public ::testing::Test {
 protected:
  static constexpr size_t kIso = 4;
  Rig rig{"tiny"};

  unsigned PollsUntilDone(size_t instance, uint32_t status, unsigned limit) {
    unsigned polls = 0;
    while (polls < limit && rig.Read(instance, status) != 0) ++polls;
    return polls;
  }
};

// ------------------------------------------------------------------------------------------ syncs

TEST_F(Freedom, EachSyncOfADrawnModeTakesAChoice) {
  for (const size_t i : {size_t{2}, size_t{3}, kIso}) rig.machine->SetSyncMode(i, 3, 0);
  rig.Choose({3, 255, 0, 7});
  rig.Write(2, 0x70, 0);
  rig.Write(3, 0x70, 0);
  EXPECT_EQ(PollsUntilDone(2, 0x74, 100), 3u);
  EXPECT_EQ(PollsUntilDone(3, 0x74, 1000), 1000u);  // never
  rig.Write(3, 0x70, 0);                            // a second sync has a choice of its own
  EXPECT_EQ(PollsUntilDone(3, 0x74, 1000), 0u);
  rig.Write(kIso, Rig::Cb(1, 0x7f0), 0);
  EXPECT_EQ(PollsUntilDone(kIso, Rig::Cb(1, 0x7f4), 100), 7u);
  rig.Write(kIso, 0x70, 0);  // exhausted
  EXPECT_EQ(PollsUntilDone(kIso, 0x74, 100), 0u);
}

TEST_F(Freedom, OtherModesTakeNoChoice) {
  rig.Choose({200, 255});
  EXPECT_TRUE(rig.GlobalSync(kIso));
  rig.machine->SetSyncMode(kIso, 1, 2);
  rig.Write(kIso, 0x70, 0);
  EXPECT_EQ(PollsUntilDone(kIso, 0x74, 100), 2u);
  EXPECT_EQ(rig.choices.Next(), 200);
}

// ---------------------------------------------------------------- what a driver has to rest on

class RestedOn : public Freedom {
 protected:
  static constexpr uint8_t kVmid = 7;
  static constexpr uint64_t kPage = 0x80001000;
  void Turn(Quirks quirks) {
    rig.Open(2);
    rig.machine->SetQuirks(2, quirks);
    root = rig.NewPage();
    rig.Stage2Bank(2, 3, root, kVmid);
    rig.Stream(2, 0, 6, 3);
    rig.Write(2, 0x68, 0);
    rig.GlobalSync(2);
    rig.GlobalSync(2);
  }
  // A nested pair whose stage-2 bank asks for interrupts, which by quirk do not come.
  void NestWithInterrupts(bool quiet) {
    rig.Reset();
    Turn({.quiet_stage2 = quiet});
    rig.NestedBank(2, 1, 3, kVmid, 0x80100000);
    rig.Stream(2, 0, 6, 1);
    rig.Write(2, Rig::Cb(3, 0), 0x161);  // CFIE
  }
  DmaResult Go() {
    return rig.machine->Dma({.side = 1, .sid = 6, .address = kPage, .instance = 0});
  }
  uint64_t root = 0;
};

TEST_F(RestedOn, AStatusThatReadsZeroTooEarly) {
  Turn({.early_status = true});
  rig.Map(root, kPage, kPage, 3);
  rig.Unmap(root, kPage);
  rig.Write(2, 0x64, kVmid);
  EXPECT_TRUE(rig.GlobalSync(2));  // so it says
  EXPECT_NE(rig.machine->MayHold(2, kVmid, kPage), 0);
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage), 0);
}

TEST_F(RestedOn, AVmidWhoseStage2EntriesStay) {
  Turn({.narrow_tlbivmid = true});
  rig.Map(root, kPage, kPage, 3);
  rig.Unmap(root, kPage);
  rig.Write(2, 0x64, kVmid);
  rig.GlobalSync(2);
  EXPECT_NE(rig.machine->MayHold(2, kVmid, kPage), 0);
  rig.Write(2, 0x68, 0);
  rig.GlobalSync(2);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage), 0);
}

TEST_F(RestedOn, AFaultThatTheTlbRemembers) {
  Turn({.keeps_absent = true});
  rig.Map(root, kPage + 0x1000, kPage, 3);
  EXPECT_EQ(Go().fault, FaultKind::kTranslation);
  rig.Map(root, kPage, kPage, 3);
  rig.Write(2, Rig::Cb(3, 0x58), 0xffffffff);
  rig.Choose({1});
  EXPECT_EQ(Go().fault, FaultKind::kTranslation);
  rig.Write(2, Rig::Cb(3, 0x58), 0xffffffff);
  rig.Choose({0});
  EXPECT_EQ(Go().fault, FaultKind::kNone);
  rig.Write(2, 0x64, kVmid);
  rig.GlobalSync(2);
  rig.Choose({1});
  EXPECT_EQ(Go().fault, FaultKind::kNone);
}

TEST_F(RestedOn, ASecureClientThatPasses) {
  const uint64_t words = rig.board->mc_window[0].start + 8 * 0x58;
  rig.machine->Write32(words, 6);
  rig.machine->Write32(words + 4, 0x100);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0), 6);
  rig.machine->SetSecurePasses(true);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0), MemoryController::kPast);
  rig.machine->Write32(words + 4, 0x101);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0), 6);
}

TEST_F(RestedOn, AModeThatFirmwareDidNotFixAgain) {
  for (const bool unfixed : {false, true}) {
    rig.Reset();
    if (unfixed) rig.machine->Contradict(26);
    for (uint8_t side = 0; side < 3; ++side) rig.machine->SetPower(side, false);
    for (size_t i = 1; i < rig.board->mc_window_count; ++i) {
      EXPECT_EQ(rig.machine->PeekMc(i, 0x1820), unfixed ? 0u : 0x80000002u);
    }
  }
}

TEST_F(RestedOn, ASyndromeThatNamesNoBank) {
  Turn({.plain_syndrome = true});
  rig.NestedBank(2, 1, 3, kVmid, 0x80100000);
  rig.Stream(2, 0, 6, 1);
  EXPECT_EQ(Go().stage, 2);
  EXPECT_EQ(rig.Read(2, Rig::Cb(3, 0x68)) & 0xff000c, 0u);
  EXPECT_NE(rig.Read(2, Rig::Cb(3, 0x58)), 0u);
}

TEST_F(RestedOn, AnInterruptThatDoesNotCome) {
  for (const bool quiet : {false, true}) {
    NestWithInterrupts(quiet);
    rig.Write(2, Rig::Cb(1, 0), 0x161);
    EXPECT_EQ(Go().stage, 2);
    EXPECT_NE(rig.Read(2, Rig::Cb(3, 0x58)), 0u);
    EXPECT_EQ(rig.machine->IrqLine(2), !quiet);
    // That of a bank with stage 1 comes all the same.
    rig.machine->InjectFault(2, 1, 2, 0, 0, 6);
    EXPECT_TRUE(rig.machine->IrqLine(2));
  }
}

// What is counted is what came: a fault of stage 1 in the same unit is told all the same.
TEST_F(RestedOn, AnInterruptThatDoesNotComeIsNotCounted) {
  for (const bool quiet : {false, true}) {
    NestWithInterrupts(quiet);
    EXPECT_EQ(Go().stage, 2);
    EXPECT_EQ(rig.machine->statistics(2).faults, 1u);
    EXPECT_EQ(rig.machine->statistics(2).interrupts, quiet ? 0u : 1u);
    rig.Write(2, Rig::Cb(3, 0x58), 0xffffffff);
    rig.Write(2, Rig::Cb(1, 0x30), 0x00800080);  // a size that is none
    EXPECT_EQ(Go().stage, 1);
    EXPECT_EQ(rig.machine->statistics(2).interrupts, quiet ? 1u : 2u);
  }
}

TEST_F(RestedOn, MastersThatGoOnWithoutTheirUnit) {
  const DmaRequest request = {.side = 1, .sid = 6, .address = kPage, .instance = 0};
  for (const bool go_on : {false, true}) {
    rig.Reset();
    rig.Open(2);
    rig.machine->GateMasters(1, true);
    if (go_on) {
      EXPECT_TRUE(rig.machine->Contradict(20));
    }
    rig.machine->GateMasters(1, true);
    rig.machine->SetPower(1, false);
    // Nothing answers where there is no power; then CLIENTPD is set, as after every reset.
    EXPECT_EQ(rig.machine->Dma(request).fault, FaultKind::kHeld);
    rig.machine->SetPower(1, true);
    const DmaResult result = rig.machine->Dma(request);
    EXPECT_EQ(result.fault, go_on ? FaultKind::kNone : FaultKind::kHeld);
  }
}

TEST_F(RestedOn, AWireThatLeadsElsewhere) {
  const auto side = [this](uint8_t choice) {
    rig.Choose({choice});
    return rig.machine->SideOf(rig.machine->Dma({.client = 0x58, .address = kPage}).instance);
  };
  EXPECT_EQ(side(1), 1);
  EXPECT_TRUE(rig.machine->Contradict(24));
  EXPECT_EQ(side(0), 1);
  EXPECT_EQ(side(1), 0);
  EXPECT_EQ(side(2), 2);
}

// the model has no clock, and tells whoever has one.
TEST_F(RestedOn, ABusThatTakesItsTime) {
  EXPECT_EQ(rig.machine->AccessTimeUs(), 1u);
  EXPECT_TRUE(rig.machine->Contradict(23));
  EXPECT_EQ(rig.machine->AccessTimeUs(), 1000u);
}

// what the device drives counts beside the override, whose word is as it was.
TEST_F(RestedOn, ADeviceWithAStreamOfItsOwn) {
  rig.machine->Write32(rig.board->mc_window[0].start + 8 * 0x58, 6);
  const auto sid = [this] {
    return rig.machine->Dma({.client = 0x58, .address = kPage, .own_sid = 0x4, .instance = 0}).sid;
  };
  EXPECT_EQ(sid(), 6);
  EXPECT_TRUE(rig.machine->Contradict(25));
  EXPECT_EQ(sid(), 4);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 4), 4);
}

// of both controllers, of either width, with power or without.
TEST_F(RestedOn, AReadWithoutAnAnswer) {
  for (const bool zeros : {false, true}) {
    if (zeros) {
      EXPECT_TRUE(rig.machine->Contradict(32));
    }
    const auto expect = [&](uint64_t pa) {
      uint32_t word = 0x55;
      EXPECT_EQ(rig.machine->Read32(pa, &word), zeros);
      EXPECT_EQ(word, zeros ? 0u : 0x55u);
      uint64_t wide = 0x55;
      EXPECT_EQ(rig.machine->Read64(pa, &wide), zeros);
      EXPECT_EQ(wide, zeros ? 0u : 0x55u);
    };
    rig.machine->FailReads(2, 2);
    expect(rig.Window(2) + 0x20);
    EXPECT_NE(rig.Read(2, 0x20), 0u);
    rig.machine->FailMcReads(2 + zeros);
    expect(rig.board->mc_window[0].start + 8 * 0x58);
    rig.machine->SetPower(0, false);
    expect(rig.Window(0) + 0x20);
    rig.machine->SetPower(0, true);
  }
}

// a carveout over memory of the host is an error for the master, that no SMMU records.
TEST_F(RestedOn, ACarveoutOverMemoryOfTheHost) {
  const uint64_t ram = rig.board->dram[0].start;
  const auto go = [this](uint64_t address) {
    return rig.machine->Dma({.client = 0x58, .address = address, .write = true});
  };
  rig.machine->Write32(rig.board->mc_window[0].start + 8 * 0x58, 0x7f);  // past the SMMUs
  ASSERT_EQ(go(ram).fault, FaultKind::kNone);
  EXPECT_TRUE(rig.machine->Contradict(36));
  for (const uint64_t in : {uint64_t{0}, uint64_t{0x1fffff}, uint64_t{0x200000}}) {
    rig.machine->Write32(rig.board->mc_window[1].start, 0xffffffff);
    const DmaResult result = go(ram + in);
    const bool held = in < 0x200000;
    EXPECT_EQ(result.fault, held ? FaultKind::kExternal : FaultKind::kNone) << in;
    EXPECT_EQ(result.response, held ? Response::kError : Response::kDelivered) << in;
    EXPECT_EQ(rig.machine->PeekMc(2, 0), held ? 1u << 17 : 0u) << in;
    if (held) {
      EXPECT_EQ(rig.machine->PeekMc(2, 0xc00), 0x10058u) << in;
    }
  }
  EXPECT_EQ(rig.Read(2, 0x48), 0u);
  // What the words of a carveout say holds, whoever has stored them.
  for (size_t channel = 0; channel + 2 < rig.board->mc_window_count; ++channel) {
    rig.machine->Write32(rig.board->mc_window[channel + 2].start + 0xc14, 0);
  }
  EXPECT_EQ(go(ram).fault, FaultKind::kNone);
}

// a loss that nobody told of leaves every stream past the tables, and the masters go on.
TEST_F(RestedOn, APowerLossThatNobodyTellsOf) {
  EXPECT_FALSE(rig.machine->PowerGoesUntold());
  EXPECT_TRUE(rig.machine->Contradict(41));
  EXPECT_TRUE(rig.machine->PowerGoesUntold());
  rig.machine->PowerLoss(1);
  const DmaResult result = rig.machine->Dma({.side = 1, .sid = 6, .address = kPage + 0x5000});
  EXPECT_EQ(result.fault, FaultKind::kNone);
  EXPECT_EQ(result.via.route, Route::kBypass);
}

TEST_F(RestedOn, FirmwareThatStoresAfterEl2) {
  for (const bool late : {false, true}) {
    rig.Reset();
    if (late) {
      EXPECT_TRUE(rig.machine->Contradict(27));
    }
    for (const bool lost : {true, false}) {
      rig.machine->GateMasters(1, true);
      if (lost) rig.machine->PowerLoss(1);
      for (const size_t i : {size_t{2}, size_t{3}}) rig.Write(i, 0, 0x00200400);
      rig.machine->GateMasters(1, false);
      for (const size_t i : {size_t{2}, size_t{3}}) {
        EXPECT_EQ(rig.Read(i, 0), late && lost ? 0x00200001u : 0x00200400u);
      }
    }
  }
}

// What a program asks for by the number of an assumption is what the tests here turn on.
TEST_F(RestedOn, EachByItsNumber) {
  const auto turned = [this](uint64_t number) {
    rig.Reset();
    EXPECT_TRUE(rig.machine->Contradict(number)) << number;
    EXPECT_FALSE(rig.machine->smmu(0).quirks.torn) << number;
    return rig.machine->smmu(2).quirks;
  };
  EXPECT_TRUE(turned(7).narrow_tlbivmid);
  EXPECT_TRUE(turned(8).keeps_absent);
  EXPECT_TRUE(turned(9).early_status);
  EXPECT_TRUE(turned(10).plain_syndrome);
  EXPECT_TRUE(turned(21).short_sync);
  EXPECT_TRUE(turned(22).quiet_stage2);
  for (const uint64_t number : {20, 23, 24, 25, 27, 32, 36, 41}) turned(number);
  turned(14);
  rig.machine->Write32(rig.board->mc_window[0].start + 8 * 0x58, 6);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0), 6);
  rig.machine->Write32(rig.board->mc_window[0].start + 8 * 0x58 + 4, 0x100);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0), MemoryController::kPast);
  turned(26);
  rig.Reset();
  for (const uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{37}, ~uint64_t{0}}) {
    EXPECT_FALSE(rig.machine->Contradict(number)) << number;
  }
}

TEST_F(RestedOn, AResumeThatEndsNoStall) {
  Turn({.deaf_resume = true});
  rig.Write(2, Rig::Cb(3, 0), 0x1e1);  // CFCFG
  EXPECT_EQ(Go().response, Response::kHeld);
  rig.Write(2, Rig::Cb(3, 0x58), 0xffffffff);
  rig.Write(2, Rig::Cb(3, 0x08), 1);
  EXPECT_NE(rig.Read(2, Rig::Cb(3, 0x58)) & fsr::kSs, 0u);
}

// ---------------------------------------------------------------------------------- odd registers

TEST_F(Freedom, BitsOfScr0CanBeStuck) {
  Quirks quirks;
  quirks.cr0_stuck_ones = 1;
  rig.machine->SetQuirks(kIso, quirks);
  rig.Write(kIso, 0, 0x00201c06);
  EXPECT_EQ(rig.Read(kIso, 0), 0x00201c07u);
  quirks.cr0_stuck_ones = 0;
  quirks.cr0_stuck_zeros = 1u << 10;
  rig.machine->SetQuirks(kIso, quirks);
  rig.Write(kIso, 0, 0x00201c06);
  EXPECT_EQ(rig.Read(kIso, 0), 0x00201806u);
}

TEST_F(Freedom, PrefetchAndCacheLockCanBeStuck) {
  Quirks quirks;
  quirks.cpre_stuck = true;
  rig.machine->SetQuirks(kIso, quirks);
  rig.Write(kIso, 0x10, 0);
  rig.Write(kIso, Rig::Cb(1, 4), 0);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 4)), 2u);
  quirks.cpre_stuck = false;
  quirks.lock_stuck = true;
  rig.machine->SetQuirks(kIso, quirks);
  rig.Write(kIso, 0x10, 0x1c);
  EXPECT_EQ(rig.Read(kIso, 0x10), 0x0400001cu);
  rig.Write(kIso, Rig::Cb(2, 4), 0);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(2, 4)), 3u);
}

TEST_F(Freedom, IdBitsUnderTheMaskNeedNotBeKept) {
  rig.Write(kIso, 0x800, 0xff80ffff);
  EXPECT_EQ(rig.Read(kIso, 0x800), 0xff807fffu);
  Quirks quirks;
  quirks.drops_masked_id = true;
  rig.machine->SetQuirks(kIso, quirks);
  rig.Write(kIso, 0x800, 0xff80ffff);
  EXPECT_EQ(rig.Read(kIso, 0x800), 0xff80007fu);
  rig.Open(kIso);
  EXPECT_EQ(rig.machine->Resolve(kIso, 0x1ff).match_count, 1);
}

TEST_F(Freedom, QuirksStayWhenThePowerGoes) {
  Quirks quirks;
  quirks.cpre_stuck = true;
  rig.machine->SetQuirks(kIso, quirks);
  rig.machine->PowerLoss(2);
  EXPECT_TRUE(rig.machine->smmu(kIso).quirks.cpre_stuck);
  EXPECT_EQ(rig.Read(kIso, 0x24), rig.board->smmu[2].idr[1]);
}

// The trees that were ever announced.
class Roots : public Watcher {
 public:
  void OnLeaves(const LeafChange&, uint64_t) override {}
  void OnTree(uint64_t root, bool live) override {
    if (live) seen.insert(root);
  }
  void OnWildTree(uint64_t) override {}
  std::set<uint64_t> seen;
};

// A 64-bit store that lands half by half: the bank names a table in between that nobody meant, and
// what that one maps can be cached afterwards.
TEST_F(Freedom, TornRegistersAreUsedHalfWay) {
  constexpr uint64_t kHigh = uint64_t{1} << 32;
  const uint64_t one = rig.NewPage();
  const uint64_t other = rig.NewPage();
  for (const uint8_t torn : {0, 1, 2}) {
    for (const bool up : {false, true}) {
      Roots roots;
      rig.machine->Reset(*rig.board, rig.arena, &rig.choices, &roots);
      Quirks quirks;
      quirks.torn = torn;
      rig.machine->SetQuirks(kIso, quirks);
      rig.Stage2Bank(kIso, 1, up ? one : kHigh | other, 5);
      rig.Write64(kIso, Rig::Cb(1, 0x20), up ? kHigh | other : one);
      EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x24)), up ? 1u : 0u);
      EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x20)), up ? other : one);
      // Low first shows the low half of what comes under the high half of what was.
      EXPECT_EQ(roots.seen.count(other), up && torn == 1 ? 1u : !up && torn == 2 ? 1u : 0u);
      EXPECT_EQ(roots.seen.count(kHigh | one), up && torn == 2 ? 1u : !up && torn == 1 ? 1u : 0u);
    }
  }
}

// ------------------------------------------------------------------------------------- odd boards

// What a state of odd hardware can show; each must come up among the seeds.
struct Oddity {
  const char* name;
  std::function<bool(const Rig&)> shows;
};

bool AnyInstance(const Rig& rig, const std::function<bool(const SmmuInstance&)>& is) {
  for (size_t i = 0; i < kMaxInstances; ++i) {
    if (rig.machine->HasInstance(i) && is(rig.machine->smmu(i))) return true;
  }
  return false;
}

// Clients of the table that are locked, with or without the stream ID that it gives them.
unsigned LockedClients(const Rig& rig, bool own_sid) {
  unsigned locked = 0;
  size_t count = 0;
  const ClientInfo* clients = Clients(&count);
  for (size_t i = 0; i < count; ++i) {
    const MemoryController& mc = rig.machine->mc();
    if ((mc.security(clients[i].id) & mc_security::kLock) == 0) continue;
    locked += own_sid == (mc.override_sid(clients[i].id) == clients[i].default_sid);
  }
  return locked;
}

const Oddity kOddities[] = {
    {"a pair whose IDs differ",
     [](const Rig& r) {
       return memcmp(r.machine->smmu(0).idr, r.machine->smmu(1).idr, sizeof(uint32_t[8])) != 0;
     }},
    {"fewer banks, in both of a pair",
     [](const Rig& r) {
       return r.machine->smmu(2).banks < 4 && r.machine->smmu(2).banks == r.machine->smmu(3).banks;
     }},
    {"fewer entries, in both of a pair",
     [](const Rig& r) {
       return r.machine->smmu(2).entries < 5 &&
              r.machine->smmu(2).entries == r.machine->smmu(3).entries;
     }},
    {"CLIENTPD stuck",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return s.quirks.cr0_stuck_ones == 1; });
     }},
    {"USFCFG stuck",
     [](const Rig& r) {
       return AnyInstance(
           r, [](const SmmuInstance& s) { return s.quirks.cr0_stuck_zeros == cr0::kUsfCfg; });
     }},
    {"CPRE stuck",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return s.quirks.cpre_stuck; });
     }},
    {"CACHE_LOCK stuck",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return s.quirks.lock_stuck; });
     }},
    {"low half first",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return s.quirks.torn == 1; });
     }},
    {"high half first",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return s.quirks.torn == 2; });
     }},
    {"ID bits under the mask dropped",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return s.quirks.drops_masked_id; });
     }},
    {"a stage 2 that raises no interrupt",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return s.quirks.quiet_stage2; });
     }},
    {"an error of the memory controller, and a carveout",
     [](const Rig& r) {
       const McChannel& channel = r.machine->mc().channel(15);
       return channel.int_status != 0 && channel.error_status[5] != 0 &&
              channel.carveout[31][2] != 0;
     }},
    {"a stalled bank",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return (s.bank[0].fsr & fsr::kSs) != 0; });
     }},
    {"integration test mode",
     [](const Rig& r) {
       return AnyInstance(r, [](const SmmuInstance& s) { return s.impl.itctrl == 1; });
     }},
    {"a client locked with its own stream ID",
     [](const Rig& r) {
       for (uint16_t id = 0; id < kMcClients; ++id) {
         const bool locked = (r.machine->mc().security(id) & mc_security::kLock) != 0;
         const ClientInfo* client = FindClient(id);
         if (locked && client != nullptr && client->default_sid != 0 &&
             r.machine->mc().override_sid(id) == client->default_sid) {
           return true;
         }
       }
       return false;
     }},
    {"a client locked with a stream ID that is not its own",
     [](const Rig& r) { return LockedClients(r, false) != 0; }},
    {"a client whose registers take nothing",
     [](const Rig& r) {
       for (uint16_t id = 0; id < kMcClients; ++id) {
         if (r.machine->mc().deaf(id)) return true;
       }
       return false;
     }},
};

TEST_F(Freedom, EveryOddityComesUp) {
  constexpr size_t kCount = sizeof(kOddities) / sizeof(kOddities[0]);
  unsigned seen[kCount] = {};
  unsigned plain = 0;
  for (unsigned seed = 1; seed <= 600; ++seed) {
    rig.Reset();
    rig.Choose({static_cast<uint8_t>(seed), static_cast<uint8_t>(seed >> 8), 0, 0, 0, 0, 0, 0,
                static_cast<uint8_t>(seed)});
    rig.machine->ScrambleOdd();
    EXPECT_TRUE(rig.watcher.sound);
    for (size_t i = 0; i < kCount; ++i) seen[i] += kOddities[i].shows(rig);
    plain += !kOddities[0].shows(rig);
  }
  for (size_t i = 0; i < kCount; ++i) EXPECT_GE(seen[i], 2u) << kOddities[i].name;
  EXPECT_GE(plain, 300u);
}

// Each such board is refused, so that most states must have none.
// Of the assumptions that no public document settles, odd hardware lacks those now and then that a
// driver can do without, and never one that breaks each driver.
TEST_F(Freedom, OddHardwareLacksWhatADriverCanDoWithout) {
  unsigned absent = 0, wires = 0, unfixed = 0;
  for (uint8_t seed = 1; seed <= 200; ++seed) {
    rig.Reset();
    rig.Choose({seed, 0, 0, 0, 0, 0, 0, 0, seed});
    rig.machine->ScrambleOdd();
    const Quirks& quirks = rig.machine->smmu(2).quirks;
    absent += quirks.keeps_absent;
    EXPECT_FALSE(quirks.early_status || quirks.narrow_tlbivmid || quirks.short_sync);
    EXPECT_EQ(rig.machine->AccessTimeUs(), 1u);
    rig.Choose({2});
    wires += rig.machine->SideOf(rig.machine->Dma({.client = 0x58}).instance) == 2;
    for (uint8_t side = 0; side < 3; ++side) rig.machine->SetPower(side, false);
    unfixed += rig.machine->PeekMc(1, 0x1820) == 0;
  }
  for (const unsigned count : {absent, wires, unfixed}) {
    EXPECT_GE(count, 4u);
    EXPECT_LE(count, 30u);
  }
}

TEST_F(Freedom, ABootLoaderLocksAClientNowAndThen) {
  unsigned states = 0;
  for (unsigned seed = 1; seed <= 600; ++seed) {
    rig.Reset();
    rig.Choose({static_cast<uint8_t>(seed), static_cast<uint8_t>(seed >> 8), 0, 0, 0, 0, 0, 0,
                static_cast<uint8_t>(seed)});
    rig.machine->Scramble();
    states += LockedClients(rig, false) != 0;
  }
  EXPECT_GE(states, 4u);
  EXPECT_LE(states, 40u);
}

TEST_F(Freedom, NoChoicesMakeNothingOdd) {
  rig.Choose({});
  rig.machine->ScrambleOdd();
  for (const Oddity& oddity : kOddities) EXPECT_FALSE(oddity.shows(rig)) << oddity.name;
  EXPECT_EQ(rig.Read(kIso, 0), 0x00200001u);
}

TEST_F(Freedom, OddStatesFollowTheirChoices) {
  const std::vector<uint8_t> choices = {9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<uint32_t> words[2];
  for (std::vector<uint32_t>& all : words) {
    rig.Reset();
    rig.Choose(choices);
    rig.machine->ScrambleOdd();
    for (size_t i = 0; i < kMaxInstances; ++i) {
      for (uint32_t offset = 0; offset < 0x40; offset += 4) all.push_back(rig.Read(i, offset));
      for (uint32_t n = 0; n < 5; ++n) all.push_back(rig.Read(i, 0x800 + 4 * n));
      all.push_back(rig.Read(i, 0x30000));
    }
    for (uint32_t id = 0; id < 0x200; ++id) all.push_back(rig.machine->PeekMc(0, 8 * id + 4));
  }
  EXPECT_EQ(words[0], words[1]);
}

uint32_t BankOf(const SmmuInstance& smmu, uint32_t n) {
  const unsigned page_shift = smmu.idr[1] >> 31 != 0 ? 16 : 12;
  const uint32_t global_pages = 2u << (smmu.idr[1] >> 28 & 7);
  return (global_pages + n) << page_shift;
}

// Banks and entries that an instance does not count are not there, whatever its board has.
TEST_F(Freedom, CountsAreThoseThatTheInstanceShows) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    rig.Reset();
    rig.Choose({static_cast<uint8_t>(seed)});
    rig.machine->ScrambleOdd();
    const SmmuInstance& smmu = rig.machine->smmu(2);
    const uint32_t entries = smmu.idr[0] & 0xff;
    for (uint32_t n = entries; n < 5; ++n) {
      rig.Write(2, 0x800 + 4 * n, 0xffffffff);
      ASSERT_EQ(rig.Read(2, 0x800 + 4 * n), 0u) << seed << " " << n;
      ASSERT_EQ(smmu.valid_entries[0] >> n & 1, 0u);
    }
    for (uint32_t n = smmu.idr[1] & 0xff; n < 4; ++n) {
      rig.Write(2, BankOf(smmu, n) + 0x34, 0xffffffff);
      ASSERT_EQ(rig.Read(2, BankOf(smmu, n) + 0x34), 0u) << seed << " " << n;
    }
  }
}

// IDR1.NUMPAGENDXB counts the global pages, and banks follow them.
TEST_F(Freedom, BanksFollowTheGlobalPages) {
  unsigned moved = 0;
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    rig.Reset();
    rig.Choose({static_cast<uint8_t>(seed), static_cast<uint8_t>(seed >> 8)});
    rig.machine->ScrambleOdd();
    const SmmuInstance& smmu = rig.machine->smmu(2);
    const uint32_t count = smmu.idr[1] & 0xff;
    const uint64_t window = smmu.spec->window_size;
    if (BankOf(smmu, count) > window) continue;
    moved += BankOf(smmu, 0) != window / 2 ? 1u : 0u;
    for (uint32_t n = 0; n < count; ++n) {
      rig.Write(2, BankOf(smmu, n) + 0x20, 0x1000 + n);
      ASSERT_EQ(static_cast<uint32_t>(smmu.bank[n].ttbr0), 0x1000 + n) << seed << " " << n;
    }
  }
  EXPECT_GE(moved, 8u);
}

// Sets that are kept for speed say what the registers say, whoever has stored them.
TEST_F(Freedom, SetsThatAreKeptAreThoseOfTheRegisters) {
  const auto expect = [&](unsigned seed) {
    for (size_t i = 0; i < kMaxInstances; ++i) {
      const SmmuInstance& smmu = rig.machine->smmu(i);
      for (size_t n = 0; n < kMaxBanks; ++n) {
        const bool on = (smmu.bank[n].sctlr & sctlr::kM) != 0;
        ASSERT_EQ(smmu.on_banks[n / 64] >> (n % 64) & 1, on ? 1u : 0u) << seed << " " << n;
      }
      for (size_t n = 0; n < kMaxEntries; ++n) {
        ASSERT_EQ(smmu.valid_entries[n / 64] >> (n % 64) & 1, smmu.smr[n] >> 31)
            << seed << " " << n;
      }
    }
  };
  for (unsigned seed = 1; seed <= 50; ++seed) {
    rig.Reset();
    rig.Choose({static_cast<uint8_t>(seed), static_cast<uint8_t>(seed / 2)});
    if (seed % 2 == 0) {
      rig.machine->Scramble();
    } else {
      rig.machine->ScrambleOdd();
    }
    expect(seed);
    for (uint32_t n = 0; n < 4; ++n) {
      rig.Write(2, Rig::Cb(n, 0), seed >> n);
      rig.Write(2, 0x800 + 4 * n, (seed >> n) << 31);
    }
    expect(seed);
  }
}

}  // namespace
}  // namespace sidewall::model
