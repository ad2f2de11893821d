// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The oracle against a driver that misbehaves on order: each invariant fires where it should, by
// its own name, and nowhere else.
#include "oracle/board.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "oracle/test_driver.h"

namespace sidewall {
namespace {

constexpr uint64_t kPage = 0x80001000;
constexpr uint64_t kTables = 0x80010000;  // host memory for stage-1 tables
constexpr uint32_t kEntryValid = 0x80000000;

Event Write(Window window, uint64_t offset, uint64_t value, uint64_t width = 4) {
  return {.kind = EventKind::kHostWrite,
          .arg = {static_cast<uint64_t>(window), offset, width, value, 0, 0}};
}

Event Donate(uint64_t pa, uint64_t count = 1) {
  return {.kind = EventKind::kHypDonate, .arg = {pa, count, model::kOwnerGuest0}};
}

Event Stream(uint64_t sid, uint64_t address, bool write = false) {
  return {.kind = EventKind::kDmaStream, .arg = {1, sid, address, write ? kDmaWrite : 0, 0, 0}};
}

class BoardTest : public testing::Test {
 protected:
  void Boot(InvariantSet armed = ~InvariantSet{0}) {
    driver_.reset();
    board_ =
        std::make_unique<Board>(HarnessOptions{.board = model::FindBoard("tiny"), .armed = armed});
    driver_ = std::make_unique<TestDriver>(*board_);
    board_->Boot(*driver_);
    EXPECT_FALSE(board_->violated()) << board_->verdict().title;
  }

  Outcome Do(const Event& event) { return board_->Apply(event, *driver_); }

  // The same write to both windows of niso0, since the test driver forwards each as it is. A pair
  // is compared when a call returns, so ISO06 must be off for this.
  void Both(uint64_t offset, uint64_t value, uint64_t width = 4) {
    Do(Write(Window::kNiso0, offset, value, width));
    Do(Write(Window::kNiso0Mirror, offset, value, width));
  }

  const char* Found() const {
    const InvariantInfo* info = FindInvariant(board_->verdict().id);
    return info ? info->code : "none";
  }

  // Entry 0 of niso0 for stream 6, over the identity stage 2 (the bank that EL2 keeps for it); a
  // store of the driver's, since the host has no such bank.
  void AttachIdentity() {
    const model::SmmuSpec& smmu = board_->spec().smmu[1];
    for (const uint64_t window : smmu.window) {
      board_->Write32(window + 0xc00, smmu.banks - smmu.el2_banks);
      board_->Write32(window + 0x800, kEntryValid | 0x7f80u << 16 | 6);
    }
  }

  std::unique_ptr<Board> board_;
  std::unique_ptr<TestDriver> driver_;
};

constexpr InvariantSet kAll = ~InvariantSet{0};
constexpr InvariantSet kNoMirror = ~Bit(Invariant::kIso06);

TEST_F(BoardTest, BootsCleanly) {
  Boot();
  EXPECT_EQ(std::string(Found()), "none");
  EXPECT_FALSE(board_->machine().TlbUnknown(0));
  EXPECT_EQ(Do(Stream(6, kPage)).result, Expect::kFault) << "nothing is open after takeover";
}

TEST_F(BoardTest, Iso05SeesBypassAtTheStore) {
  Boot();
  Do(Write(Window::kNiso0, 0xc00, 0x10000));
  EXPECT_EQ(std::string(Found()), "ISO05");
  EXPECT_EQ(board_->verdict().object, "entry");
  EXPECT_EQ(board_->verdict().title, "ISO05: S2CR[0] of niso0 has type bypass");
  // Golden: the key that a user's baseline holds, from a real run.
  EXPECT_EQ(board_->verdict().Bucket(), "ISO05-entry-6f2f1360");
}

TEST_F(BoardTest, Iso05SeesEachFloorBit) {
  for (uint32_t value : {0x200401u, 0x200000u, 0x200408u, 0x80200400u}) {
    Boot();
    Do(Write(Window::kNiso0, 0, value));
    EXPECT_EQ(std::string(Found()), "ISO05") << std::hex << value;
  }
}

TEST_F(BoardTest, Iso05SeesContextAndBank) {
  Boot();
  Do(Write(Window::kNiso0, 0x10000, 1u << 16));
  EXPECT_EQ(std::string(Found()), "ISO05");
  EXPECT_EQ(board_->verdict().object, "bank");
  Boot();
  Do(Write(Window::kNiso0, 0x800000, 1u << 7));
  EXPECT_EQ(std::string(Found()), "ISO05");
  Boot();
  Do(Write(Window::kNiso0, 0x800004, 1u << 1));
  EXPECT_EQ(std::string(Found()), "ISO05");
}

TEST_F(BoardTest, Iso06SeesOneWindowOnly) {
  Boot();
  Do(Write(Window::kNiso0, 0x800030, 0x802010));
  EXPECT_EQ(std::string(Found()), "ISO06");
  Boot();
  Do(Write(Window::kNiso0, 0x64, 1));
  EXPECT_EQ(std::string(Found()), "ISO06");
  EXPECT_EQ(board_->verdict().object, "call");
  Boot();
  Do(Write(Window::kIso, 0x800030, 0x802010));
  EXPECT_EQ(std::string(Found()), "none");
}

TEST_F(BoardTest, Iso03SeesOverlapUnderMasks) {
  Boot(kNoMirror);
  Both(0x800, kEntryValid | 0x7f80u << 16 | 6);
  EXPECT_EQ(std::string(Found()), "none");
  Both(0x804, kEntryValid | 0x7f80u << 16 | 7);
  EXPECT_EQ(std::string(Found()), "none");
  Both(0x808, kEntryValid | 6);
  EXPECT_EQ(std::string(Found()), "ISO03");
}

TEST_F(BoardTest, Iso09SeesPassthroughAndSecurity) {
  Boot();
  Do(Write(Window::kMcSid, 8 * 0x58, 0x7f));
  EXPECT_EQ(std::string(Found()), "ISO09");
  Boot();
  Do(Write(Window::kMcSid, 8 * 0x58, 0x49));
  EXPECT_EQ(std::string(Found()), "ISO09") << "another client's stream ID";
  Boot();
  Do(Write(Window::kMcSid, 8 * 0x58 + 4, 0));
  EXPECT_EQ(std::string(Found()), "ISO09");
  Boot();
  Do(Write(Window::kMcSid, 0, 5));
  EXPECT_EQ(std::string(Found()), "ISO09") << "PTCR is out of reach";
  Boot();
  Do(Write(Window::kMcBroadcast, 4, 5));
  EXPECT_EQ(std::string(Found()), "ISO09");
}

TEST_F(BoardTest, Iso01AloneSeesBypassWhenTheEntryIsValid) {
  Boot(Bit(Invariant::kIso01));
  Do(Write(Window::kNiso0, 0xc00, 0x10000));
  EXPECT_EQ(std::string(Found()), "none");
  Do(Write(Window::kNiso0, 0x800, kEntryValid | 6));
  EXPECT_EQ(std::string(Found()), "ISO01");
}

TEST_F(BoardTest, Iso01SeesAMappedPageOfAGuest) {
  Boot(kNoMirror);
  AttachIdentity();
  EXPECT_EQ(Do(Stream(6, kPage)).result, Expect::kOk);
  driver_->keep_mapped = true;
  Do(Donate(kPage));
  EXPECT_EQ(std::string(Found()), "ISO01");
  EXPECT_EQ(board_->verdict().object, "page");
}

TEST_F(BoardTest, Iso01SeesTheTableStoreThatMapsAGuestPage) {
  Boot(kNoMirror);
  AttachIdentity();
  Do(Donate(kPage));
  EXPECT_EQ(std::string(Found()), "none");
  board_->TableWrite64(driver_->LeafAt(0x80002000), TestDriver::Leaf(kPage));
  EXPECT_EQ(std::string(Found()), "ISO01");
  EXPECT_NE(board_->verdict().title.find("guest0"), std::string::npos);
}

TEST_F(BoardTest, Iso01CountsBit39AsNobodys) {
  Boot(kNoMirror);
  AttachIdentity();
  board_->TableWrite64(driver_->LeafAt(0x80002000), TestDriver::Leaf(kPage | model::kFormatBit));
  EXPECT_EQ(std::string(Found()), "ISO01");
}

TEST_F(BoardTest, DonationWithAFlushIsClean) {
  Boot(kNoMirror);
  AttachIdentity();
  EXPECT_EQ(Do(Stream(6, kPage)).result, Expect::kOk);
  EXPECT_EQ(Do(Donate(kPage)).result, Expect::kOk);
  EXPECT_EQ(Do(Stream(6, kPage)).result, Expect::kFault);
  EXPECT_EQ(Do(Stream(6, kPage + kPageSize)).result, Expect::kOk);
  EXPECT_EQ(std::string(Found()), "none") << board_->verdict().title;
}

TEST_F(BoardTest, Iso02SeesEachMissingPartOfAFlush) {
  for (int part = 0; part < 4; part++) {
    Boot(kNoMirror);
    AttachIdentity();
    driver_->skip_flush = part == 0;
    driver_->skip_second_flush = part == 1;
    driver_->skip_sync = part == 2;
    driver_->ipa_only = part == 3;
    Do(Donate(kPage));
    EXPECT_EQ(std::string(Found()), "ISO02") << part;
  }
}

// A removal that walkers do not see leaves the page mapped; one that they see only after the flush
// may have been cached again.
TEST_F(BoardTest, RemovalMustBeVisibleBeforeTheFlush) {
  for (const bool late : {false, true}) {
    Boot(kNoMirror & ~Bit(Invariant::kMem02));
    AttachIdentity();
    driver_->skip_clean = !late;
    driver_->late_clean = late;
    Do(Donate(kPage));
    EXPECT_EQ(std::string(Found()), late ? "ISO02" : "ISO01");
  }
}

// The table of leaves round kPage, unlinked and not flushed.
TEST_F(BoardTest, Iso02SeesWhatAnUnlinkedTableLeadsTo) {
  for (const bool freed : {true, false}) {
    Boot(kNoMirror & ~Bit(Invariant::kFun03));
    AttachIdentity();
    Do(Donate(kPage));
    const uint64_t leaf = driver_->LeafAt(kPage);
    const uint64_t link = driver_->LinkOf(kPage);
    board_->TableWrite64(link, 0);
    board_->CleanPoc(link, 8);
    board_->Barrier();
    EXPECT_EQ(std::string(Found()), "none");
    if (freed) {
      board_->PageFree(SIDEWALL_POOL_ATOMIC, leaf & ~(kPageSize - 1));
    } else {
      board_->TableWrite64(leaf, TestDriver::Leaf(kPage));
      EXPECT_NE(board_->verdict().title.find("guest0"), std::string::npos);
    }
    EXPECT_EQ(std::string(Found()), "ISO02");
  }
}

TEST_F(BoardTest, Iso02SeesASyncThatNeverEnds) {
  Boot(kNoMirror);
  AttachIdentity();
  Do({.kind = EventKind::kHwSync,
      .arg = {static_cast<uint64_t>(Window::kNiso0Mirror), kSyncNever, 0}});
  Do(Donate(kPage));
  EXPECT_EQ(std::string(Found()), "ISO02");
}

TEST_F(BoardTest, Fun03SeesANeighbourThatBreaks) {
  Boot(kNoMirror & ~Bit(Invariant::kIso05) & ~Bit(Invariant::kIso01));
  // A host identity stream: bypass is what the host writes, so only FUN03 may judge here.
  Both(0xc00, 0x10000);
  Both(0x800, kEntryValid | 0x7f80u << 16 | 6);
  const model::SmmuSpec& smmu = board_->spec().smmu[1];
  for (uint64_t window : smmu.window) {
    board_->Write32(window + 0xc00, smmu.banks - smmu.el2_banks);
  }
  EXPECT_EQ(Do(Stream(6, kPage + kPageSize)).result, Expect::kOk);
  driver_->clear_neighbour = true;
  Do(Donate(kPage));
  EXPECT_EQ(std::string(Found()), "FUN03");
}

TEST_F(BoardTest, Fun03SeesAnEntryThatBlinksDuringAnotherWrite) {
  Boot(Bit(Invariant::kFun03));
  Both(0xc00, 0x10000);
  Both(0x800, kEntryValid | 0x7f80u << 16 | 6);
  const model::SmmuSpec& smmu = board_->spec().smmu[1];
  for (uint64_t window : smmu.window) {
    board_->Write32(window + 0xc00, smmu.banks - smmu.el2_banks);
  }
  EXPECT_EQ(Do(Stream(6, kPage)).result, Expect::kOk);
  Do(Write(Window::kIso, 0x800038, 5));
  EXPECT_EQ(std::string(Found()), "none");
  driver_->blink = true;
  Do(Write(Window::kIso, 0x800038, 6));
  EXPECT_EQ(std::string(Found()), "FUN03");
}

TEST_F(BoardTest, Err01SeesEachMisuseOfALock) {
  Boot();
  board_->Lock(1);
  board_->Lock(4);
  board_->Unlock(4);
  board_->Unlock(1);
  EXPECT_EQ(std::string(Found()), "none");
  board_->Lock(1);
  board_->Lock(1);
  EXPECT_EQ(std::string(Found()), "ERR01") << "twice";
  Boot();
  board_->Lock(4);
  board_->Lock(1);
  EXPECT_EQ(std::string(Found()), "ERR01") << "out of order";
  Boot();
  board_->Unlock(1);
  EXPECT_EQ(std::string(Found()), "ERR01") << "not held";
  Boot();
  board_->Lock(1);
  board_->PageAlloc(SIDEWALL_POOL_ATOMIC);
  EXPECT_EQ(std::string(Found()), "ERR01") << "allocates under a lock";
  Boot();
  board_->Lock(1);
  Do(Write(Window::kIso, 0x800038, 5));
  EXPECT_EQ(std::string(Found()), "ERR01") << "returns with a lock held";
}

TEST_F(BoardTest, Mem01SeesAWildTableStore) {
  Boot();
  board_->TableWrite64(kPage, 0);
  EXPECT_EQ(std::string(Found()), "MEM01") << "host memory";
  Boot();
  board_->TableWrite64(board_->spec().pool.end() - 8, 0);
  EXPECT_EQ(std::string(Found()), "MEM01") << "a page that the pool has not given out";
}

// Stage 1 of the host: 0x40000000 -> kPage, through three levels of tables in host memory.
void StoreTables(std::vector<Event>* events) {
  const uint64_t va = 0x40000000;
  const uint64_t tables[] = {kTables, kTables + 0x1000, kTables + 0x2000, kTables + 0x3000};
  for (int level = 0; level < 4; level++) {
    const uint64_t at = tables[level] + (va >> (39 - 9 * level) & 511) * 8;
    const uint64_t value = level < 3 ? tables[level + 1] | 3 : kPage | 0xf47;
    events->push_back({.kind = EventKind::kHostStore64, .arg = {at, value}});
  }
}

TEST_F(BoardTest, Fun03SeesALegalTransferThatFaults) {
  Boot(Bit(Invariant::kFun03));
  std::vector<Event> events;
  StoreTables(&events);
  for (const Event& event : events) EXPECT_EQ(Do(event).result, Expect::kOk);
  Both(0x10800, 1);
  Both(0x800010, 0x38015);
  Both(0x800030, 0x802010);
  Both(0x800020, kTables, 8);
  Both(0x800038, 0xf404ff44);
  Both(0x800000, 0x1067);
  // The driver under test must turn type 1 into type 3; this one forwards it, and the reference
  // then wants what the hardware gives: no finding.
  Both(0x10000, 0x1f300);
  Both(0xc00, 0);
  Both(0x800, kEntryValid | 0x7f80u << 16 | 6);
  EXPECT_EQ(Do(Stream(6, 0x40000123)).result, Expect::kOk);
  EXPECT_EQ(board_->last_dma().pa, kPage + 0x123);
  EXPECT_GT(board_->coverage().evaluated[static_cast<int>(Invariant::kFun03)], 0u);
  EXPECT_EQ(std::string(Found()), "none") << board_->verdict().title;
  // Behind the host's back the entry is taken away: its transfer must not fault.
  board_->Write32(board_->AddressOf(Window::kNiso0, 0x800), 0);
  Do(Stream(6, 0x40000123));
  EXPECT_EQ(std::string(Found()), "FUN03");
}

TEST_F(BoardTest, TheFirstFindingStays) {
  Boot();
  Do(Write(Window::kNiso0, 0xc00, 0x10000));
  const std::string first = board_->verdict().title;
  EXPECT_EQ(Do(Write(Window::kMcSid, 8 * 0x58, 0x7f)).result, Expect::kNone);
  EXPECT_EQ(board_->verdict().title, first);
}

TEST_F(BoardTest, WithoutLeavesTheOthersArmed) {
  Boot(kAll & ~Bit(Invariant::kIso05));
  Do(Write(Window::kNiso0, 0xc00, 0x10000));
  EXPECT_EQ(std::string(Found()), "ISO06");
}

TEST_F(BoardTest, RestoreUndoesEverything) {
  Boot(kNoMirror);
  board_->Save();
  AttachIdentity();
  EXPECT_EQ(Do(Donate(kPage)).result, Expect::kOk);
  EXPECT_EQ(Do(Donate(kPage)).result, Expect::kRefused);
  board_->Restore();
  EXPECT_EQ(Do(Stream(6, kPage)).result, Expect::kFault) << "no entry matches any more";
  AttachIdentity();
  EXPECT_EQ(Do(Stream(6, kPage)).result, Expect::kOk);
  EXPECT_EQ(board_->ghost().owner(kPage), model::kOwnerHost);
  EXPECT_EQ(std::string(Found()), "none") << board_->verdict().title;
}

TEST_F(BoardTest, EventsThatNameNothingAreSkipped) {
  Boot();
  EXPECT_EQ(Do({.kind = EventKind::kDma, .arg = {0x1ff}}).result, Expect::kNone);
  EXPECT_EQ(Do({.kind = EventKind::kHostRead, .arg = {99, 0, 4}}).result, Expect::kNone);
  EXPECT_EQ(Do({.kind = EventKind::kHostStore64, .arg = {0x1000, 0}}).result, Expect::kNone);
  EXPECT_EQ(Do(Donate(0x1000)).result, Expect::kRefused);
  EXPECT_EQ(Do(Donate(kPage + 1)).result, Expect::kRefused);
  EXPECT_EQ(Do(Donate(kPage, 1 << 15)).result, Expect::kRefused);
  EXPECT_EQ(board_->coverage().skipped, 3u);
}

TEST_F(BoardTest, HostCannotStoreToAGuestsPage) {
  Boot(kNoMirror);
  EXPECT_EQ(Do(Donate(kPage)).result, Expect::kOk);
  EXPECT_EQ(Do({.kind = EventKind::kHostStore64, .arg = {kPage, 1}}).result, Expect::kFault);
}

}  // namespace
}  // namespace sidewall
