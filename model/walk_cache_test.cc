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
