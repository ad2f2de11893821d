// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The host's identity stage 2, kept by a driver that can be told to keep it badly: ISO07 sees each
// way in which it may differ from what the host owns, when the event is over.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "oracle/board.h"
#include "oracle/test_driver.h"

namespace sidewall {
namespace {

constexpr uint64_t kPage = 0x80001000;
constexpr uint64_t kFormatBit = uint64_t{1} << 39;

class TablesTest : public testing::Test {
 protected:
  void Boot(Invariant armed = Invariant::kIso07) {
    driver_.reset();
    board_ = std::make_unique<Board>(
        HarnessOptions{.board = model::FindBoard("tiny"), .armed = Bit(armed)});
    driver_ = std::make_unique<TestDriver>(*board_);
    board_->Boot(*driver_);
    EXPECT_FALSE(board_->violated()) << board_->verdict().title;
    if (armed != Invariant::kIso07) return;
    EXPECT_GT(board_->coverage().evaluated[static_cast<int>(armed)], 0u);
  }
  static const model::BoardSpec& spec() { return *model::FindBoard("tiny"); }
  void Donate(uint64_t pa, uint64_t count = 1) {
    board_->Apply({.kind = EventKind::kHypDonate, .arg = {pa, count, model::kOwnerGuest0}},
                  *driver_);
  }
  void Rest() { board_->Apply({.kind = EventKind::kMark}, *driver_); }
  std::string Found() const {
    const InvariantInfo* info = FindInvariant(board_->verdict().id);
    return info ? info->code : "none";
  }

  std::unique_ptr<Board> board_;
  std::unique_ptr<TestDriver> driver_;
};

TEST_F(TablesTest, WhatTheHostHasIsMappedAndNothingElse) {
  Boot();
  Donate(kPage, 3);
  board_->Apply({.kind = EventKind::kHypReclaim, .arg = {kPage, 3, model::kOwnerGuest0}}, *driver_);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

TEST_F(TablesTest, SeesAPageThatStays) {
  Boot();
  driver_->keep_mapped = true;
  Donate(kPage);
  EXPECT_EQ(Found(), "ISO07");
  EXPECT_EQ(board_->verdict().title,
            "ISO07: the host's stage 2 maps a page that is not the host's");
}

TEST_F(TablesTest, SeesAPageThatGoesWithoutReason) {
  Boot();
  driver_->clear_neighbour = true;
  Donate(kPage);
  EXPECT_EQ(Found(), "ISO07");
  EXPECT_EQ(board_->verdict().title, "ISO07: a page of the host is missing in its stage 2");
}

// A flush that did not complete leaves the page the host's, and out of its devices' reach.
TEST_F(TablesTest, ADegradedRemovalMayLeaveAPageOut) {
  Boot();
  driver_->degrades = true;
  Donate(kPage);
  EXPECT_EQ(board_->ghost().owner(kPage), model::kOwnerHost);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

TEST_F(TablesTest, SeesEachLeafThatIsNotTheIdentity) {
  const uint64_t leaf = TestDriver::Leaf(kPage);
  constexpr uint64_t kRead = 1u << 6, kWrite = 1u << 7;
  for (const uint64_t wrong :
       {leaf + kPageSize, leaf | kFormatBit, leaf & ~kRead, leaf & ~kWrite, uint64_t{0}}) {
    Boot();
    board_->TableWrite64(driver_->LeafAt(kPage), leaf);
    Rest();
    EXPECT_EQ(Found(), "none");
    board_->TableWrite64(driver_->LeafAt(kPage), wrong);
    EXPECT_EQ(Found(), "none") << "not at rest";
    Rest();
    EXPECT_EQ(Found(), "ISO07") << std::hex << wrong;
  }
}

// Registers of EL2's, and what lies at or above the format bit, though it may alias a page of the
// host; in a table that is there, and in one that is linked when it is full.
TEST_F(TablesTest, SeesWhatIsNeverIn) {
  for (const uint64_t pa : {spec().smmu[1].window[0], spec().mc_window[0].start, kPage | kFormatBit,
                            spec().pool.start}) {
    Boot();
    board_->TableWrite64(driver_->LeafAt(pa), TestDriver::Leaf(pa));
    Rest();
    EXPECT_EQ(Found(), "ISO07") << std::hex << pa;
  }
}

TEST_F(TablesTest, SeesATableThatIsUnlinked) {
  Boot();
  const uint64_t link = driver_->LinkOf(kPage);
  const uint64_t table = board_->pool_view()[(link - board_->pool_start()) / 8];
  board_->TableWrite64(link, 0);
  board_->TableWrite64(link, table);
  Rest();
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
  board_->TableWrite64(link, 0);
  Rest();
  EXPECT_EQ(Found(), "ISO07");
}

// One that is filled while nothing leads to it, and linked at last.
TEST_F(TablesTest, SeesWhatATableBringsWithIt) {
  for (const bool registers : {false, true}) {
    Boot();
    const uint64_t at = spec().smmu[1].window[0];
    const uint64_t link = driver_->LinkOf(at);
    const uint64_t leaf = driver_->LeafAt(at);
    const uint64_t table = board_->pool_view()[(link - board_->pool_start()) / 8];
    board_->TableWrite64(link, 0);
    if (registers) board_->TableWrite64(leaf, TestDriver::Leaf(at));
    Rest();
    EXPECT_EQ(Found(), "none") << board_->verdict().title;
    board_->TableWrite64(link, table);
    Rest();
    EXPECT_EQ(Found(), registers ? "ISO07" : "none");
  }
}

TEST_F(TablesTest, SeesAUnitOnOtherTables) {
  Boot();
  const model::SmmuSpec& smmu = spec().smmu[1];
  const uint64_t bank = smmu.window[1] + layout::Bank(smmu, smmu.banks - smmu.el2_banks);
  board_->Write64(bank + layout::kTtbr0, board_->PageAlloc(SIDEWALL_POOL_ATOMIC));
  EXPECT_EQ(Found(), "ISO07");
  EXPECT_EQ(board_->verdict().object, "bank");
}

TEST_F(TablesTest, Mem02SeesAStoreThatIsNotInMemory) {
  enum Way { kClean, kNoClean, kNoBarrier };
  for (int way = kClean; way <= kNoBarrier; way++) {
    Boot(Invariant::kMem02);
    driver_->in_call = [&] {
      board_->TableWrite64(driver_->LeafAt(kPage), TestDriver::Leaf(kPage));
      if (way != kNoClean) board_->CleanPoc(driver_->LeafAt(kPage), 8);
      if (way != kNoBarrier) board_->Barrier();
    };
    board_->Apply({.kind = EventKind::kTick}, *driver_);
    EXPECT_EQ(Found(), way == kClean ? "none" : "MEM02") << way;
  }
}

TEST_F(TablesTest, Mem02SeesATableLinkedBeforeItIsInMemory) {
  for (const bool early : {false, true}) {
    Boot(Invariant::kMem02);
    driver_->in_call = [&] {
      const uint64_t table = board_->PageAlloc(SIDEWALL_POOL_ATOMIC);
      const uint64_t link = driver_->LinkOf(kPage + (uint64_t{1} << 30));
      board_->TableZero(table);
      if (!early) board_->CleanPoc(table, kPageSize);
      if (!early) board_->Barrier();
      board_->TableWrite64(link, table | 3);
      board_->CleanPoc(table, kPageSize);
      board_->CleanPoc(link, 8);
      board_->Barrier();
    };
    board_->Apply({.kind = EventKind::kTick}, *driver_);
    EXPECT_EQ(Found(), early ? "MEM02" : "none");
  }
}

// The pool gave a page of zeros, so that only the order tells: what memory holds of it until it is
// cleaned nobody knows.
TEST_F(TablesTest, Mem02SeesATableThatIsEmptiedWhereItIsLinked) {
  for (const bool linked : {false, true}) {
    Boot(Invariant::kMem02);
    driver_->in_call = [&] {
      const uint64_t table = board_->PageAlloc(SIDEWALL_POOL_ATOMIC);
      const uint64_t link = driver_->LinkOf(kPage + (uint64_t{1} << 30));
      const auto empty = [&] {
        board_->TableZero(table);
        board_->CleanPoc(table, kPageSize);
        board_->Barrier();
      };
      if (!linked) empty();
      board_->TableWrite64(link, table | 3);
      if (linked) empty();
      board_->CleanPoc(link, 8);
      board_->Barrier();
    };
    board_->Apply({.kind = EventKind::kTick}, *driver_);
    EXPECT_EQ(Found(), linked ? "MEM02" : "none") << board_->verdict().title;
  }
}

TEST_F(TablesTest, Mem02SeesAFlushBeforeTheRemovalIsInMemory) {
  Boot(Invariant::kMem02);
  driver_->late_clean = true;
  Donate(kPage);
  EXPECT_EQ(Found(), "MEM02");
}

// An entry becomes another one by way of an invalid one that was flushed; in place it may change
// its permissions only.
TEST_F(TablesTest, Mem02SeesAnEntryThatIsNotBrokenFirst) {
  const uint64_t leaf = TestDriver::Leaf(kPage);
  constexpr uint64_t kWrite = 1u << 7, kMemoryType = 1u << 3;
  struct Case {
    uint64_t first, second;
    bool flush, found;
  };
  for (const Case& c :
       {Case{leaf & ~kWrite, leaf, false, false}, Case{leaf ^ kMemoryType, leaf, false, true},
        Case{leaf + kPageSize, leaf, false, true}, Case{0, leaf, false, false},
        Case{0, leaf + kPageSize, false, true}, Case{0, leaf + kPageSize, true, false}}) {
    Boot(Invariant::kMem02);
    driver_->in_call = [&] {
      for (const uint64_t value : {leaf, c.first, c.second}) {
        if (value == c.second && c.flush) driver_->FlushAll();
        board_->TableWrite64(driver_->LeafAt(kPage), value);
        board_->CleanPoc(driver_->LeafAt(kPage), 8);
        board_->Barrier();
      }
    };
    board_->Apply({.kind = EventKind::kTick}, *driver_);
    EXPECT_EQ(Found(), c.found ? "MEM02" : "none") << std::hex << c.first << " " << c.second;
  }
}

TEST_F(TablesTest, Mem03SeesRegistersThatDoNotFitTheTables) {
  constexpr uint32_t kTcr = 0x80053090;  // as the driver of this test has it
  const model::SmmuSpec& smmu = spec().smmu[1];
  const uint32_t number = smmu.banks - smmu.el2_banks;
  const uint64_t bank = smmu.window[1] + layout::Bank(smmu, number);
  for (const uint32_t tcr : {kTcr, kTcr - 1, kTcr + 9, kTcr ^ 0x40, kTcr ^ 0x4000, kTcr & ~0x70000u,
                             (kTcr & ~0x3000u) | 0x1000, kTcr | 0x100, kTcr | 0x400}) {
    Boot(Invariant::kMem03);
    board_->Write32(bank + layout::kTcr, tcr);
    EXPECT_EQ(Found(), tcr == kTcr ? "none" : "MEM03") << std::hex << tcr;
  }
  Boot(Invariant::kMem03);
  board_->Write64(bank + layout::kTtbr0, driver_->root() | uint64_t{1} << 48);
  EXPECT_EQ(Found(), "MEM03");
  Boot(Invariant::kMem03);
  board_->Write32(smmu.window[1] + layout::Cba2r(smmu) + 4 * number, 0);
  EXPECT_EQ(Found(), "MEM03");
}

TEST_F(TablesTest, Mem03SeesEntriesOfAnotherLevel) {
  Boot(Invariant::kMem03);
  board_->TableWrite64(driver_->LeafAt(kPage), TestDriver::Leaf(kPage) & ~(uint64_t{1} << 10));
  EXPECT_EQ(board_->verdict().title,
            "MEM03: an entry of a live table is not what hardware takes it for: a leaf without the "
            "access flag");
  Boot(Invariant::kMem03);
  const uint64_t table = board_->PageAlloc(SIDEWALL_POOL_ATOMIC);
  board_->TableWrite64(driver_->LeafAt(kPage), table | 3);
  EXPECT_EQ(Found(), "MEM03");
  Boot(Invariant::kMem03);
  board_->TableWrite64(driver_->LinkOf(kPage), TestDriver::Leaf(kPage));
  EXPECT_EQ(Found(), "MEM03");
}

TEST_F(TablesTest, RestoreBringsTheTablesBack) {
  Boot();
  board_->Save();
  for (int run = 0; run < 2; run++) {
    const uint64_t link = driver_->LinkOf(kPage);
    board_->TableWrite64(link, 0);
    board_->Restore();
    board_->TableWrite64(driver_->LeafAt(kPage), 0);
    Rest();
    EXPECT_EQ(Found(), "ISO07") << run;
    board_->Restore();
    Rest();
    EXPECT_EQ(Found(), "none");
  }
}

}  // namespace
}  // namespace sidewall
