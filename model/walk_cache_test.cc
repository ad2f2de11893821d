// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/walk_cache.h"

#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr uint64_t kVa = 0x10000000;
constexpr uint64_t kTable = 0x80100000;
constexpr uint64_t kOther = 0x80140000;
constexpr uint64_t kData = 0x80180000;
constexpr uint64_t kLeaf1 = 0xc43;  // stage 1: page, AF, not global, everybody reads and writes
constexpr uint64_t kAsid = uint64_t{3} << 48;

BoardSpec WithoutErratum() {
  BoardSpec board = *FindBoard("tiny");
  board.walk_cache_erratum = false;
  return board;
}

// Streams 6 and 7 through banks 1 and 2, of stage 1 alone, VMID 7, ASID 3 and 4; a walk has left
// pointers, and then another table was linked for the last level, which leads to the next page.
class StageOneWalkCache : public ::testing::TestWithParam<bool> {
 protected:
  StageOneWalkCache() : board(WithoutErratum()) {
    board.walk_cache_erratum = GetParam();
    rig = std::make_unique<Rig>(&board, 256);
  }
  void SetUp() override {
    rig->Open(2);
    rig->Write(2, 0x10, 0x1c);
    for (const uint32_t bank : {1u, 2u}) Bank(bank);
    rig->HostTables(kTable);
    rig->PutHost(kTable, kVa, kData | kLeaf1);
    ASSERT_EQ(Go(6, {}).pa, kData);
    rig->machine->Store64(kOther + (kVa >> 12 & 511) * 8, (kData + 0x1000) | kLeaf1);
    word = kTable + 0x2000 + (kVa >> 21 & 511) * 8;
    rig->machine->Store64(word, kOther | 3);
    Command(0x610, 3);  // the leaf goes, and so do the pointers,
    rig->machine->Store64(word, (kTable + 0x3000) | 3);
    ASSERT_EQ(Go(6, {}).pa, kData);  // which are there again
    rig->machine->Store64(word, kOther | 3);
  }
  void Bank(uint32_t bank) {
    rig->NestedBank(2, bank, 0, 7, kTable | uint64_t{2 + bank} << 48);
    rig->Write(2, 0x10000 + 4 * bank, 0x10007);
    rig->Write(2, Rig::Cb(bank, 0), 0x1167);
    rig->Write(2, Rig::Cb(bank, 4), 1);  // no prefetch
    rig->Stream(2, bank, 5 + bank, bank);
  }
  void Command(uint32_t offset, uint64_t value) {
    if (offset >= 0x600 && offset != 0x610 && offset != 0x618) {
      rig->Write64(2, Rig::Cb(1, offset), value);
    } else if (offset >= 0x600) {
      rig->Write(2, Rig::Cb(1, offset), static_cast<uint32_t>(value));
    } else {
      rig->Write(2, offset, static_cast<uint32_t>(value));
    }
    ASSERT_TRUE(rig->GlobalSync(2));
  }
  DmaResult Go(uint16_t sid, std::vector<uint8_t> choices, uint64_t va = kVa) {
    rig->Choose(std::move(choices));
    return rig->machine->Dma({.side = 1, .sid = sid, .address = va, .instance = 0});
  }
  // Whether a walk can begin at the table of before, when the leaf itself is not cached.
  bool Leads() {
    const DmaResult result = Go(6, {1});
    EXPECT_EQ(result.stale, result.pa == kData);
    return result.pa == kData;
  }
  BoardSpec board;
  std::unique_ptr<Rig> rig;
  uint64_t word = 0;
};

INSTANTIATE_TEST_SUITE_P(Erratum, StageOneWalkCache, ::testing::Bool());

TEST_P(StageOneWalkCache, LastLevelFormLeavesPointers) {
  for (const uint32_t command : {0x620u, 0x628u}) {
    Command(command, kAsid | kVa >> 12);
    EXPECT_TRUE(Leads());
    EXPECT_EQ(Go(6, {0}).pa, kData + 0x1000);
    Command(0x620, kAsid | kVa >> 12);
  }
}

TEST_P(StageOneWalkCache, AddressEndsThemButForTheErratum) {
  Command(0x600, kAsid | (kVa + 0x400000) >> 12);  // another table
  Command(0x620, kAsid | kVa >> 12);
  EXPECT_TRUE(Leads());
  Command(0x600, kAsid | (kVa + 0x5000) >> 12);  // any address under it
  Command(0x620, kAsid | kVa >> 12);
  EXPECT_EQ(Leads(), GetParam());
}

TEST_P(StageOneWalkCache, AllOthersEndThem) {
  ASSERT_TRUE(rig->machine->Mark());
  constexpr struct {
    uint32_t offset;
    uint64_t value;
  } kCommands[] = {{0x610, 3}, {0x618, 0}, {0x064, 7}, {0x068, 0}, {0x0b8, 7}};
  for (const auto& command : kCommands) {
    ASSERT_TRUE(rig->machine->Restore());
    Command(0x620, kAsid | kVa >> 12);
    EXPECT_TRUE(Leads()) << command.offset;
    Command(0x620, kAsid | kVa >> 12);
    Command(command.offset, command.value);
    EXPECT_FALSE(Leads()) << command.offset;
  }
}

TEST_P(StageOneWalkCache, PointersHaveTheTagOfTheirBank) {
  EXPECT_EQ(Go(7, {1}).pa, kData + 0x1000);
  rig->Write64(2, Rig::Cb(2, 0x20), kTable | kAsid);
  Command(0x620, kAsid | kVa >> 12);
  EXPECT_EQ(Go(7, {1}).pa, kData);
}

// What the table holds now is what is met, with what the tables above it took away then.
TEST_P(StageOneWalkCache, LeadToTheTableAsItIsNow) {
  Command(0x620, kAsid | kVa >> 12);
  rig->machine->Store64(kTable + 0x3000 + (kVa >> 12 & 511) * 8, (kData + 0x2000) | kLeaf1);
  const DmaResult result = Go(6, {1});
  EXPECT_EQ(result.pa, kData + 0x2000);
  EXPECT_TRUE(result.stale);
  EXPECT_EQ(result.table_count, 1);
  EXPECT_EQ(result.table_page[0], kTable + 0x3000);
}

TEST_P(StageOneWalkCache, NoChoiceWhereTablesAgree) {
  rig->machine->Store64(word, (kTable + 0x3000) | 3);
  Command(0x620, kAsid | kVa >> 12);
  EXPECT_EQ(Go(6, {1, 1, 1}).pa, kData);
  EXPECT_FALSE(Go(6, {1, 1, 1}).stale);
  EXPECT_EQ(rig->choices.Next(), 1);
}

// What a walk through a stale pointer made is an entry of its own: the pointer goes with another
// address of its table, and the entry stays.
TEST_P(StageOneWalkCache, WhatTheyLedToOutlivesThem) {
  Command(0x620, kAsid | kVa >> 12);
  ASSERT_TRUE(Leads());
  Command(0x600, kAsid | (kVa + 0x5000) >> 12);
  EXPECT_EQ(Go(6, {1}).pa, kData);                                   // of the TLB
  EXPECT_EQ(Go(6, {0, 1}).pa, GetParam() ? kData : kData + 0x1000);  // of the walk cache
  Command(0x620, kAsid | kVa >> 12);
  EXPECT_EQ(Leads(), GetParam());
}

// But a command that came before the walk ends both, however late its sync.
TEST_P(StageOneWalkCache, WhatTheyLedToIsCoveredWithThem) {
  Command(0x620, kAsid | kVa >> 12);
  rig->Write(2, Rig::Cb(1, 0x610), 3);
  ASSERT_TRUE(Leads());
  ASSERT_TRUE(rig->GlobalSync(2));
  EXPECT_EQ(Go(6, {1}).pa, kData + 0x1000);
}

// A walk that a choice of the hardware led astray, here to a granule that it lacks, leaves pointers
// that the tables do not agree with.
TEST_P(StageOneWalkCache, WhatAChoiceMetNeedNotAgree) {
  Command(0x618, 0);
  rig->Write(2, Rig::Cb(1, 0x30), 0x00808010);  // TG0 16 KiB
  ASSERT_EQ(Go(6, {1}).pa, kData + 0x1000);     // acts as 4 KiB
  // Neither what it left in the TLB, nor a pointer: the third choice is the granule again.
  EXPECT_EQ(Go(6, {0, 0, 1}).pa, kData + 0x1000);
  EXPECT_TRUE(rig->choices.exhausted());
}

TEST_P(StageOneWalkCache, EachInstanceHasItsOwn) {
  rig->Write(3, 0, 0x00200400);
  rig->Write(3, 0x68, 0);
  ASSERT_TRUE(rig->GlobalSync(3));
  rig->NestedBank(3, 1, 0, 7, kTable | kAsid);
  rig->Write(3, 0x10004, 0x10007);
  rig->Write(3, Rig::Cb(1, 0), 0x1167);
  rig->Write(3, Rig::Cb(1, 4), 1);
  rig->Stream(3, 1, 6, 1);
  rig->Choose({1});
  const DmaRequest other = {.side = 1, .sid = 6, .address = kVa, .instance = 1};
  EXPECT_EQ(rig->machine->Dma(other).pa, kData + 0x1000);
  // And a command for the other one leaves this one alone.
  rig->Write(3, 0x64, 7);
  ASSERT_TRUE(rig->GlobalSync(3));
  Command(0x620, kAsid | kVa >> 12);
  EXPECT_TRUE(Leads());
}

// The deterministic profile has none, and takes no choice.
TEST_P(StageOneWalkCache, NotInTheLruProfile) {
  rig->machine->SetProfile(TlbProfile::kLru);
  EXPECT_EQ(Go(6, {1, 1}).pa, kData + 0x1000);
  rig->machine->Store64(word, (kTable + 0x3000) | 3);
  rig->Write64(2, Rig::Cb(1, 0x620), kAsid | kVa >> 12);
  EXPECT_EQ(Go(6, {1, 1}).pa, kData);
  EXPECT_EQ(rig->choices.Next(), 1);
}

TEST_P(StageOneWalkCache, OfTheHypervisorHaveNoVmid) {
  rig->Write(2, 0x10004, 0x10407);  // CBAR.HYPC
  rig->machine->Store64(word, (kTable + 0x3000) | 3);
  rig->Write(2, 0x6c, 0);
  ASSERT_TRUE(rig->GlobalSync(2));
  ASSERT_EQ(Go(6, {}).pa, kData);
  rig->machine->Store64(word, kOther | 3);
  for (const uint32_t command : {0x64u, 0x68u, 0x618u, 0x600u}) Command(command, 7);
  Command(0x0b0, kVa >> 12);  // TLBIVALH64
  EXPECT_TRUE(Leads());
  Command(0x0c0, (kVa + 0x5000) >> 12);  // TLBIVAH64
  Command(0x0b0, kVa >> 12);
  EXPECT_EQ(Leads(), GetParam());
  Command(0x06c, 0);
  EXPECT_FALSE(Leads());
}

TEST_P(StageOneWalkCache, GoesWithASnapshot) {
  ASSERT_TRUE(rig->machine->Mark());
  Command(0x618, 0);
  EXPECT_FALSE(Leads());
  ASSERT_TRUE(rig->machine->Restore());
  Command(0x620, kAsid | kVa >> 12);
  EXPECT_TRUE(Leads());
}

// In a nested pair a pointer has an address of before stage 2, and what stage 2 may still have
// cached says where that lies.
class NestedWalkCache : public ::testing::Test {
 protected:
  static constexpr uint64_t kIpa = 0x40000000;  // of the tables of stage 1, in their order
  void SetUp() override {
    rig.Open(2);
    root = rig.NewPage();
    rig.Stage2Bank(2, 3, root, 7);
    for (uint64_t i = 0; i < 4; ++i) {
      rig.Map(root, kIpa + i * kPageSize, kTable + i * kPageSize, 3);
      const uint64_t shift = 39 - 9 * i;
      rig.machine->Store64(kTable + i * kPageSize + (kVa >> shift & 511) * 8,
                           i < 3 ? (kIpa + (i + 1) * kPageSize) | 3 : (kIpa + 0x100000) | kLeaf1);
    }
    rig.Map(root, kIpa + 0x100000, kData, 3);
    Pair(7);
    rig.Stream(2, 1, 6, 1);
    ASSERT_EQ(Go({}).pa, kData);
  }
  void Pair(uint8_t vmid) {
    rig.NestedBank(2, 1, 3, vmid, kIpa | kAsid);
    rig.Write(2, Rig::Cb(1, 0), 0x1167);
    rig.Write(2, Rig::Cb(1, 4), 1);
  }
  void ByIpa(uint64_t ipa) {
    rig.Write64(2, Rig::Cb(3, 0x630), ipa >> 12);
    ASSERT_TRUE(rig.GlobalSync(2));
  }
  DmaResult Go(std::vector<uint8_t> choices) {
    rig.Choose(std::move(choices));
    return rig.machine->Dma({.side = 1, .sid = 6, .address = kVa, .instance = 0});
  }
  Rig rig{"tiny"};
  uint64_t root = 0;
};

// Stage 1 unlinks its last table, and stage 2 has another page at its address.
TEST_F(NestedWalkCache, PointersGoThroughStageTwo) {
  const uint64_t last = kIpa + 3 * kPageSize;
  rig.machine->Store64(kTable + 2 * kPageSize + (kVa >> 21 & 511) * 8, 0);
  rig.Unmap(root, last);
  ByIpa(last);
  rig.Write64(2, Rig::Cb(1, 0x620), kAsid | kVa >> 12);
  ASSERT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Go({}).fault, FaultKind::kTranslation);
  rig.Write(2, Rig::Cb(1, 0x58), ~0u);
  // Through the pointer, whose table stage 2 does not give any more,
  const DmaResult refused = Go({1});
  EXPECT_EQ(refused.stage, 2);
  EXPECT_TRUE(refused.stage1_walk);
  EXPECT_EQ(refused.ipa, last + (kVa >> 12 & 511) * 8);
  rig.Write(2, Rig::Cb(3, 0x58), ~0u);
  // but an entry that combines both stages may: TLBIIPAS2 did not end it.
  EXPECT_EQ(Go({1, 1}).pa, kData);
  rig.Write(2, 0x64, 7);
  ASSERT_TRUE(rig.GlobalSync(2));
  const DmaResult gone = Go({1, 1, 1});
  EXPECT_EQ(gone.stage, 1);
  EXPECT_FALSE(gone.stale);
}

TEST_F(NestedWalkCache, TwoVmidsOfAPairTagThem) {
  for (const uint8_t other : {uint8_t{7}, uint8_t{9}}) {
    Pair(9);
    rig.Write(2, 0x68, 0);
    ASSERT_TRUE(rig.GlobalSync(2));
    const uint64_t slot = kTable + 2 * kPageSize + (kVa >> 21 & 511) * 8;
    rig.machine->Store64(slot, (kIpa + 3 * kPageSize) | 3);
    ASSERT_EQ(Go({}).pa, kData);
    rig.machine->Store64(slot, 0);
    rig.Write64(2, Rig::Cb(1, 0x620), kAsid | kVa >> 12);
    rig.Write(2, 0x64, other);
    ASSERT_TRUE(rig.GlobalSync(2));
    // The choices are: which VMID the TLB is asked for, the pointer, and which VMID stage 2 is.
    EXPECT_EQ(Go({0, 0, 0}).stage, 1) << int{other};
    rig.Write(2, Rig::Cb(1, 0x58), ~0u);
    EXPECT_EQ(Go({0, 1, 0, 0}).pa, kData) << int{other};
  }
}

TEST_P(StageOneWalkCache, GoesWithThePower) {
  rig->machine->PowerLoss(1);
  // What is unknown of the TLB keeps silent, by the first choice; no flush has come in between.
  rig->Write(2, 0, 0x00200400);
  Bank(1);
  const DmaResult result = Go(6, {0, 1});
  EXPECT_EQ(result.pa, kData + 0x1000);
  EXPECT_FALSE(result.stale);
}

}  // namespace
}  // namespace sidewall::model
