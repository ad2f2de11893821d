// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/translation_cache.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr uint64_t kA = 0x10000000;  // virtual addresses
constexpr uint64_t kB = 0x10001000;
constexpr uint64_t kG = 0x10002000;
constexpr uint64_t kData = 0x80180000;
constexpr uint64_t kOther = 0x801c0000;
constexpr uint64_t kLeaf1 = 0x443;  // stage 1: page, AF, everybody reads and writes
constexpr uint64_t kNotGlobal = 1 << 11;
constexpr uint8_t kAll = kPermRead | kPermWrite;
constexpr uint64_t kRemoved = 0x80155000;

BoardSpec EightBanks() {
  BoardSpec board = *FindBoard("tiny");
  board.smmu[1].banks = 8;
  board.smmu[1].idr[1] = (board.smmu[1].idr[1] & ~0xffu) | 8;
  return board;
}

// Instances 2 and 3, alike. Bank and stream k for k below 5; bank 5 is the stage 2 of bank 4.
class Caches : public ::testing::Test {
 protected:
  Caches() : board(EightBanks()), rig(&board, 256) {}

  static uint64_t Table(uint64_t bank) { return 0x80100000 + bank * 0x10000; }
  void Stage1(size_t i, uint32_t bank, uint32_t cbar, uint64_t asid) {
    rig.NestedBank(i, bank, 0, 0, Table(bank) | asid << 48);
    rig.Write(i, 0x10000 + 4 * bank, cbar);
    rig.Write(i, Rig::Cb(bank, 0), 0x1167);  // with HUPCF
    rig.Stream(i, bank, bank, bank);
  }
  void SetUp() override {
    root = rig.NewPage();
    for (const size_t i : {size_t{2}, size_t{3}}) {
      rig.Open(i);
      rig.Write(i, 0x10, 0x1c);                                                     // unlocks ACTLR
      for (uint32_t bank = 0; bank < 8; ++bank) rig.Write(i, Rig::Cb(bank, 4), 1);  // no prefetch
      Stage1(i, 0, 0x10007, 3);
      Stage1(i, 1, 0x10007, 4);
      Stage1(i, 2, 0x10008, 3);
      Stage1(i, 3, 0x10407, 3);
      Stage1(i, 4, 0x30507, 5);
      rig.Stage2Bank(i, 5, root, 7);
    }
    rig.Put(root, 0x80000000, 0x80000000 | 0x401 | 0xfc, 2);
    for (const uint64_t ipa : {0x40000000, 0x50000000}) rig.Put(root, ipa, 0);  // tables only
    for (uint64_t bank = 0; bank < 5; ++bank) Link(bank, kA, kData | kLeaf1 | kNotGlobal);
    Link(0, kB, (kData + 0x1000) | kLeaf1 | kNotGlobal);
    Link(0, kG, (kData + 0x2000) | kLeaf1);
    for (const size_t i : {size_t{2}, size_t{3}}) Command(i, 0x68, 0);
  }
  void Link(uint64_t bank, uint64_t va, uint64_t descriptor) {
    rig.HostTables(Table(bank));
    rig.PutHost(Table(bank), va, descriptor);
  }
  void Command(size_t i, uint32_t offset, uint32_t value) {
    rig.Write(i, offset, value);
    ASSERT_TRUE(rig.GlobalSync(i));
  }
  DmaResult Dma(size_t i, uint16_t sid, uint64_t va, std::vector<uint8_t> choices,
                bool write = false) {
    rig.Choose(std::move(choices));
    return rig.machine->Dma({.side = 1,
                             .sid = sid,
                             .address = va,
                             .write = write,
                             .instance = static_cast<uint8_t>(i - 2)});
  }
  // What lies in a TLB, by letter.
  struct Kind {
    char letter;
    uint16_t bank;
    uint64_t va;
  };
  static constexpr Kind kKinds[] = {{'a', 0, kA}, {'b', 0, kB}, {'g', 0, kG}, {'o', 1, kA},
                                    {'v', 2, kA}, {'h', 3, kA}, {'n', 4, kA}};
  // One of each in both instances, none of which the tables hold any more; and of stage 2 a leaf
  // (s) and a pointer of the walk cache (w) that were removed.
  void Fill() {
    for (const size_t i : {size_t{2}, size_t{3}}) {
      for (const Kind& kind : kKinds) {
        ASSERT_EQ(Dma(i, kind.bank, kind.va, {}).fault, FaultKind::kNone) << kind.letter;
      }
    }
    for (const Kind& kind : kKinds) Link(kind.bank, kind.va, 0);
    rig.Map(root, 0x40000000, kRemoved, kAll);
    rig.Unmap(root, 0x40000000);
    rig.Map(root, 0x50000000, kData, kAll);
    const uint64_t level1 = rig.machine->Load64(root) & kAddressMask;
    const uint64_t level2 = rig.machine->Load64(level1 + 8) & kAddressMask;
    const uint64_t word = level2 + (0x50000000 >> 21 & 511) * 8;
    unlinked = rig.machine->Load64(word) & kAddressMask;
    rig.Store(word, 0);
  }
  std::string Survivors(size_t i) {
    std::string left;
    for (const Kind& kind : kKinds) {
      const DmaResult result = Dma(i, kind.bank, kind.va, {1});
      EXPECT_EQ(result.stale, result.fault == FaultKind::kNone) << kind.letter;
      if (result.stale) left += kind.letter;
    }
    if (rig.machine->MayHold(i, 7, kRemoved) != 0) left += 's';
    if (rig.machine->MayWalk(i, 7, unlinked)) left += 'w';
    return left;
  }

  BoardSpec board;
  Rig rig;
  uint64_t root = 0;
  uint64_t unlinked = 0;
};

struct Operation {
  const char* name;
  int bank;  // that it is given to; -1: global
  uint32_t offset;
  uint64_t value;
  unsigned width;
  const char* survivors;
};

constexpr uint64_t kAsid3 = uint64_t{3} << 48;
constexpr Operation kOperations[] = {
    {"TLBIVA", 0, 0x600, kAsid3 | kA >> 12, 8, "bgovhnsw"},
    {"TLBIVA of another ASID", 0, 0x600, (uint64_t{9} << 48) | kA >> 12, 8, "abgovhnsw"},
    {"TLBIVA of a global page", 0, 0x600, (uint64_t{9} << 48) | kG >> 12, 8, "abovhnsw"},
    {"TLBIVA, low word: ASID 0", 0, 0x600, kG >> 12, 4, "abovhnsw"},
    {"TLBIVA, high word", 0, 0x604, kG >> 12, 4, "abgovhnsw"},
    {"TLBIVAA", 1, 0x608, kA >> 12, 8, "bgvhsw"},
    {"TLBIASID", 0, 0x610, 3, 4, "govhnsw"},
    {"TLBIASID by another bank", 1, 0x610, 3, 4, "govhnsw"},
    {"TLBIALL", 0, 0x618, 0, 4, "vhsw"},
    {"TLBIALL, other VMID", 2, 0x618, 0, 4, "abgohnsw"},
    {"TLBIALL, HYPC", 3, 0x618, 0, 4, "abgovhnsw"},
    {"TLBIALL, stage-2 bank", 5, 0x618, 0, 4, "abgovhnsw"},
    {"TLBIVAL", 0, 0x620, kAsid3 | kA >> 12, 8, "bgovhnsw"},
    {"TLBIVAAL", 1, 0x628, kA >> 12, 8, "bgvhsw"},
    {"TLBIIPAS2", 5, 0x630, 0x40000000 >> 12, 8, "abgovhnsw"},
    {"TLBIIPAS2L", 5, 0x638, 0x50000000 >> 12, 8, "abgovhnsw"},
    {"TLBIIPAS2, stage-1 bank", 0, 0x630, kA >> 12, 8, "abgovhnsw"},
    {"TLBIVMID", -1, 0x064, 7, 4, "vh"},
    {"TLBIVMID, other", -1, 0x064, 8, 4, "abgohnsw"},
    {"TLBIVMID, more than eight bits", -1, 0x064, 0xffffff07, 4, "vh"},
    {"TLBIALLNSNH", -1, 0x068, 0, 4, "h"},
    {"TLBIALLH", -1, 0x06c, 0, 4, "abgovnsw"},
    {"TLBIVAH", -1, 0x078, kA, 4, "abgovnsw"},
    {"TLBIVAH, elsewhere", -1, 0x078, kB, 4, "abgovhnsw"},
    {"TLBIVALH64", -1, 0x0b0, kA >> 12, 8, "abgovnsw"},
    {"TLBIVAH64", -1, 0x0c0, kA >> 12, 8, "abgovnsw"},
    {"TLBIVMIDS1", -1, 0x0b8, 7, 4, "vhsw"},
    {"STLBIALL", -1, 0x060, 0, 4, "abgovhnsw"},
    {"STLBIVALM", -1, 0x0a0, kA >> 12, 8, "abgovhnsw"},
    {"STLBIVAM", -1, 0x0a8, kA >> 12, 8, "abgovhnsw"},
    {"STLBIALLM", -1, 0x0bc, 0, 4, "abgovhnsw"},
};

// Each operation against each kind of entry: alone, with the sync of another bank, of its own, and
// with a global one; and the other instance keeps everything.
TEST_F(Caches, EachInvalidationCoversWhatItShould) {
  ASSERT_TRUE(rig.machine->Mark());
  for (const Operation& op : kOperations) {
    for (int sync = 0; sync < 4; ++sync) {
      ASSERT_TRUE(rig.machine->Restore());
      Fill();
      const uint32_t offset = op.bank < 0 ? op.offset : Rig::Cb(op.bank, op.offset);
      if (op.width == 8) {
        rig.Write64(2, offset, op.value);
      } else {
        rig.Write(2, offset, static_cast<uint32_t>(op.value));
      }
      const uint32_t own = op.bank < 0 ? 0 : static_cast<uint32_t>(op.bank);
      const uint32_t bank = sync == 1 ? (own + 1) % 6 : own;
      if (sync == 1 || sync == 2) {
        rig.Write(2, Rig::Cb(bank, 0x7f0), 0);
        EXPECT_EQ(rig.Read(2, Rig::Cb(bank, 0x7f4)), 0u);
      } else if (sync == 3) {
        EXPECT_TRUE(rig.GlobalSync(2));
      }
      const bool complete = sync == 3 || (sync == 2 && op.bank >= 0);
      EXPECT_EQ(Survivors(2), complete ? op.survivors : "abgovhnsw") << op.name << " sync " << sync;
      EXPECT_EQ(Survivors(3), "abgovhnsw") << op.name << " sync " << sync;
    }
  }
}

// Address and ASID of an AArch32 bank lie in the lower word.
TEST_F(Caches, NarrowBankUsesTheLowerWordOfTlbiva) {
  Fill();
  rig.Write(2, 0x10800, 0);  // VA64
  rig.Write64(2, Rig::Cb(0, 0x600), 0xabcd012300000003 | kA);
  EXPECT_TRUE(rig.GlobalSync(2));
  rig.Write(2, 0x10800, 1);
  EXPECT_EQ(Survivors(2), "bgovhnsw");
}

TEST_F(Caches, WideCommandsOfTheHypervisorTakeWideAddresses) {
  constexpr uint64_t kHigh = uint64_t{1} << 46 | kA;  // the tables of kA lead there too
  for (const uint32_t command : {0x0b0u, 0x0c0u}) {
    Link(3, kHigh, kData | kLeaf1 | kNotGlobal);
    ASSERT_EQ(Dma(2, 3, kHigh, {}).fault, FaultKind::kNone);
    Link(3, kHigh, 0);
    rig.Write64(2, command, kA >> 12);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_TRUE(Dma(2, 3, kHigh, {1}).stale);
    rig.Write64(2, command, kHigh >> 12);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_FALSE(Dma(2, 3, kHigh, {1}).stale);
  }
}

TEST_F(Caches, AddressesOfTlbivaGoUpToTheTop) {
  constexpr uint64_t kHigh = uint64_t{1} << 46 | kA;  // the tables of kA lead there too
  for (const uint32_t command : {0x600u, 0x608u, 0x620u, 0x628u}) {
    Link(0, kHigh, kData | kLeaf1 | kNotGlobal);
    ASSERT_EQ(Dma(2, 0, kHigh, {}).fault, FaultKind::kNone);
    Link(0, kHigh, 0);
    rig.Write64(2, Rig::Cb(0, command), kAsid3 | kA >> 12);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_TRUE(Dma(2, 0, kHigh, {1}).stale);
    rig.Write64(2, Rig::Cb(0, command), kAsid3 | kHigh >> 12);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_FALSE(Dma(2, 0, kHigh, {1}).stale);
  }
}

TEST_F(Caches, CommandAfterTheSyncWaitsForTheNext) {
  Fill();
  rig.Write(2, 0x70, 0);
  rig.Write(2, 0x64, 7);
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(Survivors(2), "abgovhnsw");
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Survivors(2), "vh");
}

// A command that comes again between a sync and the look at it does not undo what the sync covers.
TEST_F(Caches, SecondCommandAfterTheSyncTakesNothingBack) {
  Fill();
  for (int i = 0; i < 2; ++i) {
    rig.Write(2, 0x64, 7);
    if (i == 0) rig.Write(2, 0x70, 0);
  }
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(Survivors(2), "vh");
}

TEST_F(Caches, SecondCommandOfABankAfterItsSyncTakesNothingBack) {
  Fill();
  for (int i = 0; i < 2; ++i) {
    rig.Write(2, Rig::Cb(0, 0x618), 0);
    if (i == 0) rig.Write(2, Rig::Cb(0, 0x7f0), 0);
  }
  EXPECT_EQ(rig.Read(2, Rig::Cb(0, 0x7f4)), 0u);
  EXPECT_EQ(Survivors(2), "vhsw");
}

// What two banks of one VMID cover ends with the sync of either, and with a global one, whichever
// commands come after that has begun.
TEST_F(Caches, CommandOfAnotherBankTakesNothingBack) {
  constexpr uint32_t kAll1 = 0x618, kSync = 0x7f0, kStatus = 0x7f4;
  for (const uint32_t ends : {0u, 1u, 2u}) {
    Fill();
    rig.Write(2, Rig::Cb(0, kAll1), 0);
    if (ends == 0) rig.Write(2, Rig::Cb(0, kSync), 0);
    if (ends == 2) rig.Write(2, 0x70, 0);
    rig.Write(2, Rig::Cb(1, kAll1), 0);
    if (ends == 1) rig.Write(2, Rig::Cb(1, kSync), 0);
    EXPECT_EQ(Survivors(2), "abgovhnsw");
    EXPECT_EQ(rig.Read(2, ends == 2 ? 0x74 : Rig::Cb(ends, kStatus)), 0u);
    EXPECT_EQ(Survivors(2), "vhsw") << ends;
    Command(2, 0x68, 0);
    Command(2, 0x6c, 0);
    for (const Kind& kind : kKinds) {
      Link(kind.bank, kind.va, kData | kLeaf1 | (kind.letter == 'g' ? 0 : kNotGlobal));
    }
  }
}

// The same of one address of stage 2 to two stage-2 banks: TLBIVMIDS1, which counts only after the
// other, tells what is complete. The sync of a bank that was told nothing completes nothing.
TEST_F(Caches, Ipas2OfAnotherBankTakesNothingBack) {
  constexpr uint32_t kIpas2 = 0x630, kSync = 0x7f0, kStatus = 0x7f4;
  constexpr uint64_t kIpa = 0x40000000;
  rig.Stage2Bank(2, 6, root, 7);
  rig.Stage2Bank(2, 7, root, 7);
  const auto sync = [&](uint32_t bank) {
    rig.Write(2, bank == 0 ? 0x70 : Rig::Cb(bank, kSync), 0);
  };
  for (const uint32_t ends : {0u, 5u, 6u, 7u}) {
    for (const bool between : {true, false}) {
      rig.Map(root, kIpa, kRemoved, kAll);
      rig.Unmap(root, kIpa);
      rig.Write64(2, Rig::Cb(5, kIpas2), kIpa >> 12);
      if (between) sync(ends);
      rig.Write64(2, Rig::Cb(6, kIpas2), kIpa >> 12);
      if (!between) sync(ends);
      EXPECT_EQ(rig.Read(2, ends == 0 ? 0x74 : Rig::Cb(ends, kStatus)), 0u);
      Command(2, 0xb8, 7);
      // The second command came after a sync that was begun between the two.
      const bool complete = ends == 0 || ends == 5 || (ends == 6 && !between);
      EXPECT_EQ(rig.machine->MayHold(2, 7, kRemoved), complete ? 0 : kAll) << ends << between;
      Command(2, 0x64, 7);
    }
  }
}

// Of five banks the fifth finds no room: what it covers waits for one of the others.
TEST_F(Caches, Ipas2OfFiveBanksIsNotedOfFour) {
  constexpr uint64_t kIpa = 0x40000000;
  constexpr uint32_t kBanks[] = {5, 6, 7, 0, 1};
  for (const uint32_t bank : kBanks) rig.Stage2Bank(2, bank, root, 7);
  Command(2, 0x64, 7);
  for (const uint32_t ends : kBanks) {
    rig.Map(root, kIpa, kRemoved, kAll);
    rig.Unmap(root, kIpa);
    for (const uint32_t bank : kBanks) rig.Write64(2, Rig::Cb(bank, 0x630), kIpa >> 12);
    rig.Write(2, Rig::Cb(ends, 0x7f0), 0);
    EXPECT_EQ(rig.Read(2, Rig::Cb(ends, 0x7f4)), 0u);
    Command(2, 0xb8, 7);
    EXPECT_EQ(rig.machine->MayHold(2, 7, kRemoved), ends != 1 ? 0 : kAll) << ends;
    Command(2, 0x64, 7);
  }
}

TEST_F(Caches, ChoiceOfZeroWalksTheTables) {
  Fill();
  EXPECT_EQ(Dma(2, 0, kA, {0}).fault, FaultKind::kTranslation);
  EXPECT_EQ(Dma(2, 0, kA, {1}).pa, kData);
}

TEST_F(Caches, BanksOfOneVmidAndAsidShareEntries) {
  ASSERT_EQ(Dma(2, 0, kA, {}).fault, FaultKind::kNone);
  Link(0, kA, kOther | kLeaf1 | kNotGlobal);
  // Bank 1 has tables of its own; with ASID 3 it meets the entry of bank 0.
  rig.Write64(2, Rig::Cb(1, 0x20), Table(1) | uint64_t{3} << 48);
  Link(1, kA, kOther | kLeaf1 | kNotGlobal);
  EXPECT_EQ(Dma(2, 1, kA, {1}).pa, kData);
  EXPECT_EQ(Dma(2, 1, kA, {0}).pa, kOther);
  rig.Write64(2, Rig::Cb(1, 0x20), Table(1) | uint64_t{4} << 48);
  EXPECT_EQ(Dma(2, 1, kA, {1}).pa, kOther);
}

// A nested pair whose stage 2 is off leaves what stage 1 gave, under its VMID; with stage 2 on,
// which does not map that page, it may answer until it is invalidated.
TEST_F(Caches, PairWithoutItsStageTwoLeavesTranslations) {
  constexpr uint64_t kOut = 0x90000000;
  for (const TlbProfile profile : {TlbProfile::kAdversarial, TlbProfile::kLru}) {
    const bool lru = profile == TlbProfile::kLru;
    rig.machine->SetProfile(profile);
    rig.Write(2, Rig::Cb(5, 0), 0x160);
    Link(4, kB, kOut | kLeaf1 | kNotGlobal);
    const DmaResult before = Dma(2, 4, kB, {});
    EXPECT_EQ(before.via.route, Route::kUntranslated);
    EXPECT_EQ(before.pa, kOut);
    rig.Write(2, Rig::Cb(5, 0), 0x161);
    if (!lru) {
      EXPECT_EQ(Dma(2, 4, kB, {0}).fault, FaultKind::kTranslation);
    }
    const DmaResult after = Dma(2, 4, kB, {1});
    EXPECT_EQ(after.fault, FaultKind::kNone) << lru;
    EXPECT_EQ(after.via.route, Route::kNested);
    EXPECT_EQ(after.pa, kOut);
    EXPECT_TRUE(after.stale);
    Command(2, 0x64, 7);
    EXPECT_EQ(Dma(2, 4, kB, {1}).fault, FaultKind::kTranslation) << lru;
  }
}

TEST_F(Caches, GlobalPageMatchesEachAsidOfItsVmid) {
  ASSERT_EQ(Dma(2, 0, kG, {}).fault, FaultKind::kNone);
  for (const uint16_t bank : {uint16_t{1}, uint16_t{2}}) {
    EXPECT_EQ(Dma(2, bank, kG, {1}).fault == FaultKind::kNone, bank == 1);
  }
}

TEST_F(Caches, AsidComesFromTheTableThatTcrNames) {
  ASSERT_EQ(Dma(2, 0, kA, {}).fault, FaultKind::kNone);
  Link(0, kA, 0);
  rig.Write64(2, Rig::Cb(0, 0x28), uint64_t{9} << 48);
  rig.Write(2, Rig::Cb(0, 0x30), 0x00c00010);  // A1: ASID of TTBR1
  EXPECT_FALSE(Dma(2, 0, kA, {1}).stale);
  rig.Write64(2, Rig::Cb(0, 0x28), uint64_t{3} << 48);
  EXPECT_TRUE(Dma(2, 0, kA, {1}).stale);
  rig.Write(2, Rig::Cb(0, 0x10), 0x38005);  // AS 0: eight bits count
  rig.Write64(2, Rig::Cb(0, 0x28), uint64_t{0x103} << 48);
  EXPECT_TRUE(Dma(2, 0, kA, {1}).stale);
}

TEST_F(Caches, EntryAllowsWhatTheTablesAllowed) {
  Link(0, kB, (kData + 0x1000) | (kLeaf1 | 0x80) | kNotGlobal);  // read-only
  ASSERT_EQ(Dma(2, 0, kA, {}).fault, FaultKind::kNone);
  ASSERT_EQ(Dma(2, 0, kB, {}).fault, FaultKind::kNone);
  Link(0, kA, 0);
  Link(0, kB, 0);
  EXPECT_TRUE(Dma(2, 0, kA, {1}, true).stale);
  EXPECT_FALSE(Dma(2, 0, kB, {1}, true).stale);
  EXPECT_TRUE(Dma(2, 0, kB, {1}).stale);
}

// Permission that stage 1 has gained without an invalidation may be refused still, by an entry that
// a read has left, or a write that was refused.
TEST_F(Caches, PermissionThatWasAddedMayBeRefused) {
  for (const bool write : {false, true}) {
    Link(0, kB, (kData + 0x1000) | (kLeaf1 | 0x80) | kNotGlobal);  // read-only
    Command(2, 0x68, 0);
    Dma(2, 0, kB, {}, write);
    EXPECT_EQ(rig.Read(2, Rig::Cb(0, 0x58)) & 0x1fe, write ? 8u : 0u);
    rig.Write(2, Rig::Cb(0, 0x58), 0xffffffff);
    Link(0, kB, (kData + 0x1000) | kLeaf1 | kNotGlobal);
    EXPECT_EQ(Dma(2, 0, kB, {}, true).fault, FaultKind::kNone);
    const DmaResult refused = Dma(2, 0, kB, {1}, true);
    EXPECT_EQ(refused.fault, FaultKind::kPermission);
    EXPECT_EQ(refused.stage, 1);
    EXPECT_TRUE(refused.stale);
    EXPECT_EQ(rig.Read(2, Rig::Cb(0, 0x58)) & 0x1fe, 8u);
    rig.Write(2, Rig::Cb(0, 0x58), 0xffffffff);
    Command(2, 0x64, 7);
    EXPECT_EQ(Dma(2, 0, kB, {1}, true).fault, FaultKind::kNone);
  }
}

TEST_F(Caches, AttributesOfStageOneAreThoseOfEither) {
  rig.Write(2, Rig::Cb(4, 0x38), 0x000044ff);
  const auto attribute = [&](std::vector<uint8_t> choices) {
    return Dma(2, 4, kA, std::move(choices)).memory_attribute;
  };
  ASSERT_EQ(attribute({}), 0xff);
  Link(4, kA, kData | kLeaf1 | kNotGlobal | 1 << 2);
  EXPECT_EQ(attribute({}), 0x44);
  EXPECT_EQ(attribute({1}), 0xff);
  Command(2, 0x64, 7);
  EXPECT_EQ(attribute({1}), 0x44);
}

TEST_F(Caches, TwoTranslationsOfOneAddressMayConflict) {
  ASSERT_EQ(Dma(2, 0, kA, {}).fault, FaultKind::kNone);
  Link(0, kA, kOther | kLeaf1 | kNotGlobal);
  EXPECT_EQ(Dma(2, 0, kA, {1}).pa, kData);
  const DmaResult conflict = Dma(2, 0, kA, {1 | 1 << 1});
  EXPECT_EQ(conflict.fault, FaultKind::kTlbConflict);
  EXPECT_EQ(rig.Read(2, Rig::Cb(0, 0x58)) & 0x1fe, 1u << 5);
  Link(0, kA, 0);
  EXPECT_EQ(Dma(2, 0, kA, {1 | 1 << 1}).pa, kData);
}

// What a nested pair with two VMIDs has left is found under either, and goes with both.
TEST_F(Caches, TwoVmidsOfAPairTagTheirTranslations) {
  rig.Write(2, 0x10010, 0x30509);
  ASSERT_EQ(Dma(2, 4, kA, {}).fault, FaultKind::kNone);
  Link(4, kA, 0);
  for (const uint8_t by_stage2 : {uint8_t{0}, uint8_t{1}}) {
    EXPECT_TRUE(Dma(2, 4, kA, {by_stage2, 1}).stale);
  }
  Command(2, 0x64, 9);
  EXPECT_FALSE(Dma(2, 4, kA, {0, 1}).stale);
  EXPECT_TRUE(Dma(2, 4, kA, {1, 1}).stale);
  Command(2, 0x64, 7);
  EXPECT_FALSE(Dma(2, 4, kA, {1, 1}).stale);
}

TEST_F(Caches, InvalidationOfAnAddressCoversItsBlock) {
  // A block of 2 MiB: level 2 of the tables of bank 0.
  const uint64_t block = 0x20000000;
  rig.HostTables(Table(0) + 0x8000);
  rig.PutHost(Table(0), block, 0);
  uint64_t table = Table(0);
  for (unsigned level = 0; level < 2; ++level) {
    table = rig.machine->Load64(table + (block >> (39 - 9 * level) & 511) * 8) & kAddressMask;
  }
  const uint64_t word = table + (block >> 21 & 511) * 8;
  rig.machine->Store64(word, 0x80000000 | 0x441 | kNotGlobal);
  ASSERT_EQ(Dma(2, 0, block + 0x5000, {}).pa, 0x80005000u);
  rig.machine->Store64(word, 0);
  rig.Write64(2, Rig::Cb(0, 0x600), kAsid3 | (block + 0x200000) >> 12);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_TRUE(Dma(2, 0, block + 0x5000, {1}).stale);
  // With the erratum it is found by no address.
  for (const bool erratum : {true, false}) {
    board.walk_cache_erratum = erratum;
    rig.Write64(2, Rig::Cb(0, 0x600), kAsid3 | (block + 0x111000) >> 12);
    EXPECT_TRUE(rig.GlobalSync(2));
    EXPECT_EQ(Dma(2, 0, block + 0x5000, {1}).stale, erratum);
  }
}

TEST_F(Caches, WalkAfterTheCommandIsCachedAnew) {
  ASSERT_EQ(Dma(2, 0, kA, {}).fault, FaultKind::kNone);
  rig.Write(2, 0x64, 7);
  ASSERT_EQ(Dma(2, 0, kA, {}).fault, FaultKind::kNone);
  EXPECT_TRUE(rig.GlobalSync(2));
  Link(0, kA, 0);
  EXPECT_TRUE(Dma(2, 0, kA, {1}).stale);
}

TEST_F(Caches, PrefetchNeedsCpre) {
  for (const uint32_t actlr : {1u, 3u}) {
    rig.Write(2, Rig::Cb(0, 4), actlr);
    Link(0, kB, (kData + 0x1000) | kLeaf1 | kNotGlobal);
    ASSERT_EQ(Dma(2, 0, kA, {1}).fault, FaultKind::kNone);
    Link(0, kB, 0);
    EXPECT_EQ(Dma(2, 0, kB, {1}).stale, actlr == 3);
  }
}

TEST_F(Caches, PrefetchIsAChoice) {
  rig.Write(2, Rig::Cb(0, 4), 3);
  ASSERT_EQ(Dma(2, 0, kA, {0}).fault, FaultKind::kNone);
  Link(0, kB, 0);
  EXPECT_FALSE(Dma(2, 0, kB, {1}).stale);
}

TEST_F(Caches, PowerLossEmptiesThem) {
  Fill();
  rig.machine->PowerLoss(1);
  // What is unknown of the TLB keeps silent, by the first choice; no flush has come in between.
  rig.Write(2, 0, 0x00200400);
  Stage1(2, 3, 0x10407, 3);
  EXPECT_FALSE(Dma(2, 3, kA, {0, 1}).stale);
  SetUp();
  for (const Kind& kind : kKinds) Link(kind.bank, kind.va, 0);
  EXPECT_EQ(Survivors(2), "");
}

TEST_F(Caches, SnapshotKeepsThem) {
  Fill();
  ASSERT_TRUE(rig.machine->Mark());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Survivors(2), "abgovhnsw");
    Command(2, 0x64, 7);
    EXPECT_EQ(Survivors(2), "vh");
    ASSERT_TRUE(rig.machine->Restore());
  }
}

// ------------------------------------------------------------------------------- the LRU profile

// The refusal of a cached translation is recorded with the address that stage 2 refused.
TEST_F(Caches, RefusalOfACachedTranslationNamesItsAddress) {
  const uint64_t ipa = 0x40005000;
  Link(4, kB, ipa | kLeaf1 | kNotGlobal);
  rig.Map(root, ipa, kData, kPermRead);
  ASSERT_EQ(Dma(2, 4, kB + 0x18, {}).fault, FaultKind::kNone);
  rig.Map(root, ipa, kData, kAll);
  rig.Write(2, Rig::Cb(5, 0x58), 0xc00001fe);
  // Stage 2 lets the write pass, but for the translation that was kept before.
  const DmaResult refused = Dma(2, 4, kB + 0x18, {1}, true);
  EXPECT_EQ(refused.fault, FaultKind::kPermission);
  EXPECT_EQ(refused.stage, 2);
  EXPECT_TRUE(refused.stale);
  EXPECT_EQ(refused.ipa, ipa + 0x18);
  uint64_t ipafar = 0;
  ASSERT_TRUE(rig.machine->Read64(rig.Window(2) + Rig::Cb(5, 0x70), &ipafar));
  EXPECT_EQ(ipafar, ipa + 0x18);
}

class Lru : public Caches {
 protected:
  void SetUp() override {
    Caches::SetUp();
    rig.Stream(2, 4, 4, 5);  // stage 2 alone
    for (uint64_t i = 0; i < 4; ++i) rig.Map(root, kA + i * 0x1000, kData + i * 0x1000, kAll);
    rig.machine->ResetStatistics();
  }
  const TlbStatistics& Counts() { return rig.machine->statistics(2); }
  bool Hits(uint64_t page) {
    const uint64_t before = Counts().hits;
    EXPECT_EQ(Dma(2, 4, kA + page * 0x1000, {1, 1, 1}).pa, kData + page * 0x1000);
    return Counts().hits != before;
  }
};

TEST_F(Lru, HoldsTheLastEntries) {
  rig.machine->SetProfile(TlbProfile::kLru, 2);
  EXPECT_FALSE(Hits(0));
  EXPECT_FALSE(Hits(1));
  EXPECT_TRUE(Hits(0));
  EXPECT_FALSE(Hits(2));  // takes the place of 1
  EXPECT_TRUE(Hits(0));
  EXPECT_FALSE(Hits(1));
  EXPECT_EQ(Counts().translations, 6u);
  EXPECT_EQ(Counts().hits, 2u);
  EXPECT_EQ(Counts().misses, 4u);
  EXPECT_EQ(Counts().walks, 4u);
  EXPECT_EQ(Counts().table_reads, 16u);
}

TEST_F(Lru, ZeroEntriesIsNoTlb) {
  rig.machine->SetProfile(TlbProfile::kLru, 0);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Hits(0));
  EXPECT_EQ(Counts().misses, 3u);
}

TEST_F(Lru, DefaultIsTwoHundredAndFiftySix) {
  for (uint64_t i = 0; i < 257; ++i) rig.Map(root, kA + i * 0x1000, kData, kAll);
  rig.machine->SetProfile(TlbProfile::kLru);
  const auto pass = [&](uint64_t pages) {
    for (uint64_t i = 0; i < pages; ++i) Dma(2, 4, kA + i * 0x1000, {});
  };
  pass(256);
  pass(256);
  EXPECT_EQ(Counts().hits, 256u);
  rig.machine->SetProfile(TlbProfile::kLru);
  rig.machine->ResetStatistics();
  pass(257);
  pass(257);
  EXPECT_EQ(Counts().hits, 0u);  // the one that is wanted next has always just gone
}

TEST_F(Lru, CommandsActAtOnce) {
  rig.machine->SetProfile(TlbProfile::kLru);
  Hits(0);
  Hits(1);
  rig.Write64(2, Rig::Cb(5, 0x630), kA >> 12);
  EXPECT_FALSE(Hits(0));
  EXPECT_TRUE(Hits(1));
  rig.Write(2, 0xb8, 7);  // combined entries only
  EXPECT_TRUE(Hits(1));
  rig.Write(2, 0x64, 7);
  EXPECT_FALSE(Hits(1));
}

TEST_F(Lru, EntryAnswersThoughTheTablesChanged) {
  rig.machine->SetProfile(TlbProfile::kLru);
  Hits(0);
  rig.Map(root, kA, kOther, kAll);
  const DmaResult result = Dma(2, 4, kA, {});
  EXPECT_EQ(result.pa, kData);
  EXPECT_TRUE(result.stale);
  rig.Write(2, 0x68, 0);
  EXPECT_EQ(Dma(2, 4, kA, {}).pa, kOther);
}

// What the adversarial TLB may do this one does not: walk what is not visible, or answer with what
// it does not hold.
TEST_F(Lru, TakesNoChoices) {
  rig.machine->SetProfile(TlbProfile::kLru, 0);
  rig.Unmap(root, kA);
  EXPECT_EQ(Dma(2, 4, kA, {1, 1, 1}).fault, FaultKind::kTranslation);
}

// A pair with two VMIDs has one entry for a translation, and nothing to choose.
TEST_F(Lru, TwoVmidsOfAPairAreOneEntry) {
  rig.Stream(2, 4, 4, 4);
  rig.Write(2, 0x10010, 0x30509);
  rig.machine->SetProfile(TlbProfile::kLru, 2);
  ASSERT_EQ(Dma(2, 4, kA, {}).fault, FaultKind::kNone);
  ASSERT_EQ(Dma(2, 0, kB, {}).fault, FaultKind::kNone);
  EXPECT_EQ(Dma(2, 4, kA, {1}).pa, kData);
  EXPECT_EQ(Counts().hits, 1u);
  EXPECT_FALSE(rig.choices.exhausted());
}

TEST_F(Lru, StageOneEntriesAreTaggedAsTheyShouldBe) {
  rig.machine->SetProfile(TlbProfile::kLru);
  ASSERT_EQ(Dma(2, 0, kA, {}).fault, FaultKind::kNone);
  EXPECT_EQ(Counts().table_reads, 4u);
  ASSERT_EQ(Dma(2, 1, kA, {}).fault, FaultKind::kNone);
  ASSERT_EQ(Dma(2, 2, kA, {}).fault, FaultKind::kNone);
  EXPECT_EQ(Counts().hits, 0u);
  ASSERT_EQ(Dma(2, 0, kA, {}, true).fault, FaultKind::kNone);
  EXPECT_EQ(Counts().hits, 1u);
}

// What a walk of the same access gives: where to, as which memory, and through which address.
void ExpectSame(const DmaResult& hit, const DmaResult& walked, const char* what) {
  EXPECT_EQ(hit.fault, walked.fault) << what;
  EXPECT_EQ(hit.pa, walked.pa) << what;
  EXPECT_EQ(hit.ipa, walked.ipa) << what;
  EXPECT_EQ(hit.memory_attribute, walked.memory_attribute) << what;
  EXPECT_EQ(hit.shareability, walked.shareability) << what;
}

// A hit joins what the master drives now, not what the first one drove, with what stage 2 says.
TEST_F(Lru, HitsSayWhatTheWalkSays) {
  constexpr uint64_t kIpa = kData + 0x8000;
  rig.Put(root, kIpa, kOther | 0x403 | 0x5 << 2 | 3 << 6 | 2 << 8);  // not cacheable
  rig.Put(root, kA + 0x8000, kOther | 0x403 | 0x1 << 2 | 3 << 6);    // a device
  Link(4, kA + 0x3000, kIpa | kLeaf1 | kNotGlobal);
  struct Case {
    const char* name;
    uint16_t sid;
    uint64_t address;
    uint32_t s2cr;  // of stream 4 while it drives the second access
  };
  rig.Stream(2, 3, 3, 4);  // the nested bank
  constexpr Case kCases[] = {
      {"stage 2 alone, write-back", 4, kA + 0x10, 5},
      {"stage 2 alone, a device", 4, kA + 0x8010, 5},
      {"stage 2 alone, overridden by S2CR", 4, kA + 0x10, 5 | 1 << 11 | 5 << 12 | 1 << 8},
      {"nested", 3, kA + 0x3010, 5},
  };
  for (const Case& c : kCases) {
    const auto ask = [&](uint8_t memory) {
      return rig.machine->Dma({.side = 1,
                               .sid = c.sid,
                               .address = c.address,
                               .instance = 0,
                               .memory_attribute = memory,
                               .shareability = 3});
    };
    rig.machine->SetProfile(TlbProfile::kLru);
    ASSERT_EQ(ask(0x00).fault, FaultKind::kNone) << c.name;  // as a device would
    rig.Write(2, 0xc10, c.s2cr);
    const uint64_t before = Counts().hits;
    const DmaResult hit = ask(0xbb);
    EXPECT_EQ(Counts().hits, before + 1) << c.name;
    EXPECT_FALSE(hit.stale) << c.name;
    rig.machine->SetProfile(TlbProfile::kLru, 0);
    ExpectSame(hit, ask(0xbb), c.name);
    rig.Write(2, 0xc10, 5);
  }
}

// Neither stage is on, so there is nothing that another bank of the VMID could find.
TEST_F(Lru, NothingIsKeptWhereNothingIsTranslated) {
  rig.machine->SetProfile(TlbProfile::kLru);
  rig.Write(2, Rig::Cb(0, 0), 0x1166);
  EXPECT_EQ(Dma(2, 0, kA, {}).pa, kA);
  EXPECT_EQ(Dma(2, 4, kA, {}).pa, kData);
}

TEST_F(Lru, CountsCommandsSyncsFaultsAndInterrupts) {
  rig.Write(2, 0x64, 7);
  rig.Write(2, 0x64, 8);
  rig.Write(2, 0x68, 0);
  rig.Write64(2, Rig::Cb(0, 0x620), 0);
  EXPECT_TRUE(rig.GlobalSync(2));
  rig.Read(2, 0x74);
  const auto count = [&](TlbCommand command) {
    return Counts().commands[static_cast<size_t>(command)];
  };
  EXPECT_EQ(count(TlbCommand::kVmid), 2u);
  EXPECT_EQ(count(TlbCommand::kAllNsnh), 1u);
  EXPECT_EQ(count(TlbCommand::kVa), 1u);
  EXPECT_EQ(count(TlbCommand::kAllH), 0u);
  EXPECT_EQ(Counts().syncs, 1u);
  rig.Write(2, Rig::Cb(0, 0), 0x1167);  // CFIE is set
  for (int i = 0; i < 2; ++i) Dma(2, 0, 0x7000, {});
  EXPECT_EQ(Counts().faults, 2u);
  EXPECT_EQ(Counts().interrupts, 1u);
  EXPECT_EQ(rig.machine->statistics(3).faults, 0u);
  rig.machine->ResetStatistics();
  EXPECT_EQ(Counts().faults, 0u);
}

}  // namespace
}  // namespace sidewall::model
