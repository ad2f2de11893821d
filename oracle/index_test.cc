// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Banks and VMIDs that change hands, stored by hand round a driver that knows nothing of it: each
// part of ISO04 and ISO08 fires where it should, and only there.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "oracle/board.h"
#include "oracle/test_driver.h"

namespace sidewall {
namespace {

constexpr uint64_t kPage = 0x80001000;
constexpr uint32_t kEntryValid = 0x80000000;
constexpr uint32_t kSide = 1;  // niso0, a pair
constexpr uint8_t kVmid = 5;

class IndexTest : public testing::Test {
 protected:
  void Boot(InvariantSet armed) {
    driver_.reset();
    board_ =
        std::make_unique<Board>(HarnessOptions{.board = model::FindBoard("tiny"), .armed = armed});
    driver_ = std::make_unique<TestDriver>(*board_);
    board_->Boot(*driver_);
    EXPECT_FALSE(board_->violated()) << board_->verdict().title;
    smmu_ = &board_->spec().smmu[kSide];
  }

  // Banks to play with, EL2's own or not.
  uint32_t FreeBank(uint32_t i) const {
    const uint32_t stage2 = smmu_->banks - smmu_->el2_banks;
    return i == 0 ? stage2 + 1 : i - 1;
  }
  void Store(unsigned n, uint32_t offset, uint32_t value) {
    board_->Write32(smmu_->window[n] + offset, value);
  }

  // A context of EL2's own on instance n.
  void Open(unsigned n, uint32_t bank, uint8_t vmid, uint64_t root) {
    Store(n, layout::Cbar(*smmu_) + 4 * bank, vmid);
    board_->Write64(smmu_->window[n] + layout::Bank(*smmu_, bank) + layout::kTtbr0, root);
    Store(n, layout::Bank(*smmu_, bank) + layout::kTcr, 0x80053090);
    Store(n, layout::Bank(*smmu_, bank), 0x161);
  }
  void Close(unsigned n, uint32_t bank) { Store(n, layout::Bank(*smmu_, bank), 0); }
  void Flush(unsigned n, uint8_t vmid) { Store(n, 0x64, vmid); }
  void Sync(unsigned n, bool wait = true) {
    Store(n, 0x70, 0);
    if (wait) Wait(n);
  }
  void Wait(unsigned n) {
    uint32_t active = 1;
    for (int i = 0; i < 100 && active != 0; i++) {
      board_->Read32(smmu_->window[n] + 0x74, &active);
    }
  }
  // A bank of EL2's own, and a valid entry that leads there.
  void OpenByEntry(unsigned n) {
    Open(n, FreeBank(0), kVmid, driver_->root());
    Store(n, layout::kS2cr, FreeBank(0));
    Store(n, layout::kSmr, kEntryValid | 0x7f80u << 16 | kQuarantineSid);
  }
  // A stage 2 on both instances, which an entry has named and names no longer.
  void OpenAndLeave() {
    for (unsigned n : {0u, 1u}) OpenByEntry(n);
    for (unsigned n : {0u, 1u}) Store(n, layout::kS2cr, 0x20000);
  }
  // A call, inside which the driver does what `in_call` says.
  void CallOnce() { board_->Apply({.kind = EventKind::kTick}, *driver_); }
  uint64_t Root() { return board_->PageAlloc(SIDEWALL_POOL_ATOMIC); }

  std::string Found() const {
    const InvariantInfo* info = FindInvariant(board_->verdict().id);
    return info ? info->code : "none";
  }

  std::unique_ptr<Board> board_;
  std::unique_ptr<TestDriver> driver_;
  const model::SmmuSpec* smmu_ = nullptr;
};

TEST_F(IndexTest, Iso08SeesOneVmidOverTwoTables) {
  Boot(Bit(Invariant::kIso08));
  const uint64_t root = Root();
  Open(0, FreeBank(0), kVmid, root);
  Open(0, FreeBank(1), kVmid, root);
  EXPECT_EQ(Found(), "none") << "one tree through two banks";
  Open(1, FreeBank(2), kVmid, Root());
  EXPECT_EQ(Found(), "none") << "the other instance has a TLB of its own";
  Open(0, FreeBank(2), kVmid, Root());
  EXPECT_EQ(Found(), "ISO08");
  EXPECT_EQ(board_->verdict().object, "VMID");
  EXPECT_EQ(board_->verdict().title,
            "ISO08: two contexts of niso0 share a VMID over different tables");
}

// A nested pair has one VMID; a stage 1 under another one brings the tables there too.
TEST_F(IndexTest, Iso08SeesANestedBankUnderADomainsVmid) {
  Boot(Bit(Invariant::kIso08));
  Open(0, FreeBank(0), kVmid, Root());
  const uint32_t nested = 3u << 16 | (smmu_->banks - smmu_->el2_banks) << 8;
  Store(0, layout::Cbar(*smmu_), nested | smmu_->host_vmid);
  EXPECT_EQ(Found(), "none");
  Store(0, layout::Cbar(*smmu_), nested | kVmid);
  EXPECT_EQ(Found(), "ISO08");
}

TEST_F(IndexTest, Iso08SeesTheHostsVmidInADomain) {
  Boot(Bit(Invariant::kIso08));
  Open(0, FreeBank(0), smmu_->host_vmid, Root());
  EXPECT_EQ(Found(), "ISO08");
}

// What must lie between two uses of a VMID: off, invalidation, sync, and a look that it is
// complete; and all of it in this order.
TEST_F(IndexTest, Iso08SeesEachMissingPartOfAReuse) {
  enum Part { kAll, kFlushedEarly, kNotFlushed, kAnother, kNotSynced, kNotSeen, kSyncedEarly };
  for (int part = kAll; part <= kSyncedEarly; part++) {
    Boot(Bit(Invariant::kIso08));
    Open(0, FreeBank(0), kVmid, Root());
    if (part == kFlushedEarly) Flush(0, kVmid);
    Close(0, FreeBank(0));
    if (part == kSyncedEarly) Sync(0);
    if (part != kFlushedEarly && part != kNotFlushed) Flush(0, part == kAnother ? 9 : kVmid);
    if (part != kNotSynced && part != kSyncedEarly) Sync(0, part != kNotSeen);
    Open(0, FreeBank(1), kVmid, Root());
    EXPECT_EQ(Found(), part == kAll ? "none" : "ISO08") << part;
  }
}

TEST_F(IndexTest, Iso08TakesAFlushOfAllForOne) {
  Boot(Bit(Invariant::kIso08));
  Open(0, FreeBank(0), kVmid, Root());
  Close(0, FreeBank(0));
  Store(0, 0x68, 0);
  Sync(0);
  Open(0, FreeBank(0), kVmid, Root());
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

TEST_F(IndexTest, Iso08SeesAFlushOfOneInstance) {
  Boot(Bit(Invariant::kIso08));
  const uint64_t roots[] = {Root(), Root()};
  for (unsigned n : {0u, 1u}) Open(n, FreeBank(0), kVmid, roots[0]);
  for (unsigned n : {0u, 1u}) Close(n, FreeBank(0));
  Flush(0, kVmid);
  Sync(0);
  Open(0, FreeBank(0), kVmid, roots[1]);
  EXPECT_EQ(Found(), "none");
  Open(1, FreeBank(0), kVmid, roots[1]);
  EXPECT_EQ(Found(), "ISO08");
  const std::string& title = board_->verdict().title;
  EXPECT_NE(title.find("niso0m"), std::string::npos) << title;
  std::string text;
  for (const std::string& line : board_->verdict().text) text += line + "\n";
  EXPECT_NE(text.find("history of VMID 5"), std::string::npos) << text;
  EXPECT_NE(text.find("no longer in use under VMID 5"), std::string::npos) << text;
}

// The same tables again are no reuse; the same page with other tables in it is.
TEST_F(IndexTest, Iso08KnowsTablesThatWereFreed) {
  for (const bool freed : {false, true}) {
    Boot(Bit(Invariant::kIso08));
    const uint64_t root = Root();
    Open(0, FreeBank(0), kVmid, root);
    Close(0, FreeBank(0));
    if (freed) {
      board_->PageFree(SIDEWALL_POOL_ATOMIC, root);
      EXPECT_EQ(Root(), root);
    }
    Open(0, FreeBank(0), kVmid, root);
    EXPECT_EQ(Found(), freed ? "ISO08" : "none");
  }
}

// A bank that takes other tables while it is on leaves its VMID no time for a flush.
TEST_F(IndexTest, Iso08SeesTablesExchangedInUse) {
  Boot(Bit(Invariant::kIso08));
  Open(0, FreeBank(0), kVmid, Root());
  board_->Write64(smmu_->window[0] + layout::Bank(*smmu_, FreeBank(0)) + layout::kTtbr0, Root());
  EXPECT_EQ(Found(), "ISO08");
}

TEST_F(IndexTest, Iso08SeesStreamsOfTwoOwners) {
  Boot(Bit(Invariant::kIso08));
  const uint32_t entries[] = {6, kQuarantineSid};  // the host's, and EL2's
  for (uint32_t i : {0u, 1u}) {
    Store(0, layout::kS2cr + 4 * i, smmu_->banks - smmu_->el2_banks);
    Store(0, layout::kSmr + 4 * i, kEntryValid | 0x7f80u << 16 | entries[i]);
    EXPECT_EQ(Found(), i == 0 ? "none" : "ISO08");
  }
  EXPECT_NE(board_->verdict().title.find("two owners"), std::string::npos);
}

// ---------------------------------------------------------------- ISO04

TEST_F(IndexTest, Iso04SeesABankThatNothingNames) {
  for (const bool named : {true, false}) {
    Boot(Bit(Invariant::kIso04));
    driver_->in_call = [&] {
      for (unsigned n : {0u, 1u}) {
        Open(n, FreeBank(0), kVmid, driver_->root());
        if (named) Store(n, layout::kS2cr, FreeBank(0));
      }
    };
    CallOnce();
    EXPECT_EQ(Found(), named ? "none" : "ISO04");
  }
  EXPECT_EQ(board_->verdict().object, "bank");
}

// A stage 2 stays on behind the last S2CR until it is drained, no shorter and no longer; a stage 1
// does not.
TEST_F(IndexTest, Iso04WaitsForASyncOnly) {
  enum Way { kAtOnce, kNeverSynced, kSyncPending, kSynced, kOneSynced, kDrained };
  for (int way = kAtOnce; way <= kDrained; way++) {
    Boot(Bit(Invariant::kIso04));
    driver_->in_call = [&] {
      OpenAndLeave();
      for (unsigned n : {0u, 1u}) {
        if (way == kAtOnce) Close(n, FreeBank(0));
        const bool whole = way == kSynced || way == kDrained;
        if (way >= kSyncPending) Sync(n, whole || (way == kOneSynced && n == 0));
        if (way == kDrained) Close(n, FreeBank(0));
      }
    };
    CallOnce();
    const bool fine = way == kDrained || way == kSyncPending || way == kOneSynced;
    EXPECT_EQ(Found(), fine ? "none" : "ISO04") << way;
  }
}

// An entry that is no longer valid leads nowhere, whatever its S2CR says from there on.
TEST_F(IndexTest, Iso04CountsFromTheEntryThatWasValid) {
  for (const bool synced : {false, true}) {
    Boot(Bit(Invariant::kIso04));
    driver_->in_call = [&] {
      for (unsigned n : {0u, 1u}) {
        OpenByEntry(n);
        Store(n, layout::kSmr, 0);
        if (synced) Sync(n, true);
        Close(n, FreeBank(0));
        Store(n, layout::kS2cr, 0x20000);
      }
    };
    CallOnce();
    EXPECT_EQ(Found(), synced ? "none" : "ISO04");
  }
}

// What waited is off when a later call has seen the sync, though that call stores to no bank.
TEST_F(IndexTest, Iso04LooksBehindTheSyncOfALaterCall) {
  for (bool waits : {false, true}) {
    Boot(Bit(Invariant::kIso04));
    driver_->skip_sync = !waits;
    driver_->in_call = [&] {
      OpenAndLeave();
      for (unsigned n : {0u, 1u}) Sync(n, false);
    };
    CallOnce();
    EXPECT_EQ(Found(), "none");
    // It ends in a flush and a sync of every unit.
    board_->Apply({.kind = EventKind::kHypDonate, .arg = {kPage, 1, model::kOwnerGuest0}},
                  *driver_);
    EXPECT_EQ(Found(), waits ? "ISO04" : "none");
  }
}

// A time-out on one instance leaves what waits to a sync that both complete, though each has by
// then completed one of its own.
TEST_F(IndexTest, Iso04WaitsForBothInstancesAtOnce) {
  for (const bool whole : {false, true}) {
    Boot(Bit(Invariant::kIso04));
    driver_->in_call = [&] {
      OpenAndLeave();
      for (unsigned n : {0u, 1u}) Sync(n, n == 1);
    };
    CallOnce();
    EXPECT_EQ(Found(), "none");
    driver_->in_call = [&] {
      for (unsigned n : {0u, 1u}) Sync(n, false);
      Wait(0);
      if (whole) Wait(1);
    };
    CallOnce();
    EXPECT_EQ(Found(), whole ? "ISO04" : "none");
  }
}

// A sync that the host makes is none of the driver's: it excuses no wait, and ends none.
TEST_F(IndexTest, Iso04TakesNoSyncOfTheHosts) {
  const auto host = [this](EventKind kind, uint64_t offset) {
    for (uint64_t window : {2u, 3u}) {
      board_->Apply({.kind = kind, .arg = {window, offset, 4, 0, 0}}, *driver_);
    }
  };
  for (const bool waits : {false, true}) {
    Boot(Bit(Invariant::kIso04));
    if (!waits) host(EventKind::kHostWrite, layout::kTlbGSync);
    driver_->in_call = [&] {
      OpenAndLeave();
      for (unsigned n : {0u, 1u}) {
        if (waits) Sync(n, false);
      }
    };
    CallOnce();
    EXPECT_EQ(Found(), waits ? "none" : "ISO04");
  }
  host(EventKind::kHostWrite, layout::kTlbGSync);
  host(EventKind::kHostRead, layout::kTlbGStatus);
  driver_->in_call = {};
  CallOnce();
  EXPECT_EQ(Found(), "none");
}

TEST_F(IndexTest, Iso04SeesANestedBankThatIsLeftOn) {
  Boot(Bit(Invariant::kIso04));
  driver_->in_call = [&] {
    Store(0, layout::kS2cr, 1);
    Store(0, layout::Bank(*smmu_, 1), 1);
    Store(0, layout::kS2cr, 0x20000);
    Sync(0, false);
  };
  CallOnce();
  EXPECT_EQ(Found(), "ISO04") << "a stage 1 needs no drain";
}

TEST_F(IndexTest, Iso04SeesABankWithoutAStage2UnderIt) {
  const uint32_t nested = 3u << 16 | 1;
  Boot(Bit(Invariant::kIso04));
  Store(0, layout::Bank(*smmu_, 0), 1);
  EXPECT_EQ(Found(), "none");
  Store(0, layout::Bank(*smmu_, smmu_->banks - smmu_->el2_banks), 0);
  EXPECT_EQ(Found(), "ISO04") << "taken away under it";
  Boot(Bit(Invariant::kIso04));
  Store(0, layout::Cbar(*smmu_), nested | FreeBank(0) << 8);
  Store(0, layout::Bank(*smmu_, 0), 1);
  EXPECT_EQ(Found(), "ISO04") << "over a bank that is off";
  Boot(Bit(Invariant::kIso04));
  Open(0, FreeBank(0), kVmid, kPage);
  EXPECT_EQ(Found(), "ISO04") << "over the host's own tables";
}

TEST_F(IndexTest, Iso04SeesALiveS2crThatNamesNothing) {
  for (const bool exists : {true, false}) {
    Boot(Bit(Invariant::kIso04));
    Store(0, layout::kS2cr, exists ? FreeBank(0) : smmu_->banks);
    EXPECT_EQ(Found(), "none") << "not live yet";
    Store(0, layout::kSmr, kEntryValid | 6);
    EXPECT_EQ(Found(), "ISO04") << exists;
    EXPECT_EQ(board_->verdict().object, "entry");
  }
}

// The quarantine's stream is EL2's: in a bank of the host, or over its stage 2, it is a stranger.
TEST_F(IndexTest, Iso04SeesTwoOwnersOfABank) {
  const uint32_t match = kEntryValid | 0x7f80u << 16;
  Boot(Bit(Invariant::kIso04));
  Store(0, layout::kS2cr, smmu_->banks - smmu_->el2_banks);
  Store(0, layout::kSmr, match | kQuarantineSid);
  EXPECT_EQ(Found(), "ISO04") << "the bank that the host's are nested over";
  Boot(Bit(Invariant::kIso04));
  Open(0, FreeBank(0), kVmid, driver_->root());
  Store(0, layout::kS2cr, FreeBank(0));
  Store(0, layout::kSmr, match | kQuarantineSid);
  EXPECT_EQ(Found(), "none") << "EL2's own bank";
  Store(0, layout::kS2cr + 4, FreeBank(0));
  Store(0, layout::kSmr + 4, match | 6);
  EXPECT_EQ(Found(), "ISO04");
  std::string text;
  for (const std::string& line : board_->verdict().text) text += line + "\n";
  EXPECT_NE(text.find("S2CR[1] names bank 3"), std::string::npos) << text;
}

TEST_F(IndexTest, RestoreForgetsWhatWasUsed) {
  Boot(Bit(Invariant::kIso08));
  board_->Save();
  for (int run = 0; run < 3; run++) {
    Open(0, FreeBank(0), kVmid, Root());
    EXPECT_EQ(Found(), "none") << run;
    board_->Restore();
  }
}

}  // namespace
}  // namespace sidewall
