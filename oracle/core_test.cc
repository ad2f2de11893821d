// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The hypervisor's core on the board: what it gives and takes is what the ghost says and what
// hardware reaches, and a driver that misuses it is found.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "oracle/test_driver.h"

namespace sidewall {
namespace {

constexpr uint64_t kPage = 0x80001000;
constexpr uint64_t kRegisters = 0x02600000;
constexpr uint64_t kTopPage = 0x806ff000;  // the last below the pool of the tiny board
constexpr uint32_t kEntryValid = 0x80000000;
// Nor does its driver say how much it has done, or why it stops.
constexpr InvariantSet kNoMirror =
    ~Bit(Invariant::kIso06) & ~Bit(Invariant::kFun02) & ~Bit(Invariant::kFun04);

class CoreTest : public testing::Test {
 protected:
  CoreTest() { Boot(); }

  void Boot(bool skip_first_flush = false, InvariantSet armed = kNoMirror) {
    driver_.reset();
    board_ =
        std::make_unique<Board>(HarnessOptions{.board = model::FindBoard("tiny"), .armed = armed});
    driver_ = std::make_unique<TestDriver>(*board_);
    driver_->skip_first_flush = skip_first_flush;
    board_->Boot(*driver_);
    board_->Save();
  }
  Outcome Do(EventKind kind, std::initializer_list<uint64_t> arguments) {
    Event event = {.kind = kind};
    std::copy(arguments.begin(), arguments.end(), event.arg);
    return board_->Apply(event, *driver_);
  }
  Outcome Stream(uint64_t address) { return Do(EventKind::kDmaStream, {1, 6, address, 0, 0}); }
  std::string Found() const {
    const InvariantInfo* info = FindInvariant(board_->verdict().id);
    return info ? info->code : "none";
  }
  // Entry 0 of niso0 for stream 6, over the identity stage 2.
  void AttachIdentity() {
    const model::SmmuSpec& smmu = board_->spec().smmu[1];
    for (uint64_t window : smmu.window) {
      board_->Write32(window + 0xc00, smmu.banks - smmu.el2_banks);
      board_->Write32(window + 0x800, kEntryValid | 0x7f80u << 16 | 6);
    }
  }

  std::unique_ptr<Board> board_;
  std::unique_ptr<TestDriver> driver_;
};

TEST_F(CoreTest, RegistersLeaveTheHostsReachWithTheirDevice) {
  AttachIdentity();
  EXPECT_EQ(Stream(kRegisters).result, Expect::kOk);
  EXPECT_EQ(Do(EventKind::kHypDonate, {kRegisters, 2, 2}).result, Expect::kOk);
  EXPECT_EQ(board_->ghost().owner(kRegisters), model::kOwnerGuest0);
  EXPECT_EQ(Stream(kRegisters).result, Expect::kFault);
  EXPECT_EQ(Stream(kRegisters + 2 * kPageSize).result, Expect::kOk);
  EXPECT_EQ(Do(EventKind::kHypShare, {kRegisters, 1, 0}).result, Expect::kRefused);
  EXPECT_EQ(Do(EventKind::kHypReclaim, {kRegisters, 2, 2}).result, Expect::kOk);
  EXPECT_EQ(Stream(kRegisters).result, Expect::kOk);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

// What the TLB held at power-up may answer, with any page, until all of it was invalidated.
TEST_F(CoreTest, TlbThatIsNotFlushedAtTakeoverIsFound) {
  AttachIdentity();
  EXPECT_EQ(Stream(kPage).result, Expect::kOk);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
  Boot(true, Bit(Invariant::kIso02));
  EXPECT_TRUE(board_->machine().TlbUnknown(2));
  AttachIdentity();
  EXPECT_EQ(Found(), "ISO02");
}

TEST_F(CoreTest, TlbThatIsNotFlushedAtResumeIsFound) {
  for (const bool skip : {false, true}) {
    Boot();
    driver_->powers = true;
    driver_->skip_first_flush = skip;
    EXPECT_EQ(Do(EventKind::kPowerSuspend, {1}).result, Expect::kOk);
    EXPECT_EQ(Do(EventKind::kHwPowerLoss, {1}).result, Expect::kOk);
    EXPECT_EQ(Do(EventKind::kPowerResume, {1}).result, Expect::kOk);
    // The rest of what this driver forgets at a resume comes after the flush.
    const bool found = board_->verdict().title.find("flushed its TLB") != std::string::npos;
    EXPECT_EQ(found, skip) << board_->verdict().title;
    EXPECT_EQ(Found(), "ISO11");
  }
}

TEST_F(CoreTest, RegistersThatStayMappedAreFound) {
  AttachIdentity();
  driver_->keep_mapped = true;
  Do(EventKind::kHypDonate, {kRegisters, 1, 2});
  EXPECT_EQ(Found(), "ISO01");
}

TEST_F(CoreTest, RegistersThatMayBeCachedAreFound) {
  AttachIdentity();
  driver_->skip_flush = true;
  Do(EventKind::kHypDonate, {kRegisters, 1, 2});
  EXPECT_EQ(Found(), "ISO02");
}

TEST_F(CoreTest, APoolIsFedByThePagesOfTheHost) {
  driver_->takes_pages = true;
  AttachIdentity();
  EXPECT_EQ(Stream(kTopPage).result, Expect::kOk);
  EXPECT_EQ(board_->PageAlloc(SIDEWALL_POOL_HOST), 0u);
  EXPECT_EQ(Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 2}).result, Expect::kOk);
  EXPECT_EQ(board_->ghost().owner(kTopPage), model::kOwnerEl2);
  EXPECT_EQ(board_->ghost().owner(kTopPage - kPageSize), model::kOwnerEl2);
  EXPECT_EQ(Stream(kTopPage).result, Expect::kFault);
  EXPECT_EQ(Do(EventKind::kHypReclaim, {kTopPage, 1, 1}).result, Expect::kRefused);
  EXPECT_EQ(board_->ghost().owner(kTopPage), model::kOwnerEl2) << "the ghost follows the core";
  const uint64_t page = board_->PageAlloc(SIDEWALL_POOL_HOST);
  EXPECT_NE(page, 0u);
  board_->PageFree(SIDEWALL_POOL_HOST, page);
  EXPECT_EQ(Do(EventKind::kPoolAdd, {SIDEWALL_POOL_VM0, 1}).result, Expect::kOk);
  EXPECT_EQ(Do(EventKind::kPoolReclaim, {SIDEWALL_POOL_HOST, 2}).result, Expect::kOk);
  EXPECT_EQ(board_->ghost().owner(kTopPage), model::kOwnerHost);
  EXPECT_EQ(board_->ghost().owner(kTopPage - 2 * kPageSize), model::kOwnerEl2);
  EXPECT_EQ(Stream(kTopPage).result, Expect::kOk);
  EXPECT_EQ(Do(EventKind::kPoolReclaim, {SIDEWALL_POOL_HOST, 1}).result, Expect::kRefused);
  EXPECT_EQ(Do(EventKind::kPoolReclaim, {SIDEWALL_POOL_ATOMIC, 1}).result, Expect::kRefused);
  EXPECT_EQ(Do(EventKind::kPoolAdd, {99, 1}).result, Expect::kRefused);
  EXPECT_EQ(Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, ~uint64_t{0}}).result, Expect::kRefused);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

TEST_F(CoreTest, ADriverThatTakesNoPagesLeavesThemTheHosts) {
  AttachIdentity();
  const Outcome outcome = Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 2});
  EXPECT_EQ(outcome.result, Expect::kRefused);
  EXPECT_TRUE(outcome.unsupported);
  EXPECT_EQ(board_->ghost().owner(kTopPage), model::kOwnerHost);
  EXPECT_FALSE(board_->ghost().AnyOverRestricted(kTopPage - kPageSize, 2));
  EXPECT_EQ(Stream(kTopPage).result, Expect::kOk);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

TEST_F(CoreTest, PagesThatFeedAPoolMustBeFlushed) {
  AttachIdentity();
  driver_->takes_pages = true;
  driver_->skip_flush = true;
  Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 1});
  EXPECT_EQ(Found(), "ISO02");
}

TEST_F(CoreTest, APageOnceUsedIsClearWhenItIsGivenAgain) {
  const uint64_t page = board_->PageAlloc(SIDEWALL_POOL_ATOMIC);
  board_->TableWrite64(page + 8, 0x1234);
  board_->PageFree(SIDEWALL_POOL_ATOMIC, page);
  EXPECT_EQ(board_->PageAlloc(SIDEWALL_POOL_ATOMIC), page);
  EXPECT_EQ(board_->pool_view()[(page - board_->pool_start()) / 8 + 1], 0u);
}

TEST_F(CoreTest, Err02SeesAPageThatGoesBackWrongly) {
  const uint64_t page = board_->PageAlloc(SIDEWALL_POOL_ATOMIC);
  board_->PageFree(SIDEWALL_POOL_HOST, page);
  EXPECT_EQ(Found(), "ERR02");
  EXPECT_EQ(board_->verdict().title, "ERR02: a page goes back to another pool");
  Boot();
  board_->PageFree(SIDEWALL_POOL_ATOMIC, board_->pool_start() + 4);
  EXPECT_EQ(Found(), "ERR02");
  Boot();
  const uint64_t twice = board_->PageAlloc(SIDEWALL_POOL_ATOMIC);
  board_->PageFree(SIDEWALL_POOL_ATOMIC, twice);
  EXPECT_EQ(Found(), "none");
  board_->PageFree(SIDEWALL_POOL_ATOMIC, twice);
  EXPECT_EQ(board_->verdict().title, "ERR02: a pool page is freed twice");
  Boot();
  board_->PageAlloc(77);
  EXPECT_EQ(board_->verdict().title, "ERR02: a pool is named that is none");
}

TEST_F(CoreTest, AMappedPageIsReferencedUntilItsSync) {
  driver_->maps_domains = true;
  Do(EventKind::kHvcAllocDomain, {7, 0});
  EXPECT_EQ(Do(EventKind::kHvcMapPages, {7, 0x1000, kPage, kPageSize, 3, 3}).value, 3 * kPageSize);
  EXPECT_EQ(Do(EventKind::kHypDonate, {kPage, 1, 2}).result, Expect::kRefused);
  EXPECT_EQ(Do(EventKind::kHypShare, {kPage, 1, 2}).result, Expect::kRefused);
  EXPECT_EQ(board_->ghost().owner(kPage), model::kOwnerHost);
  EXPECT_TRUE(board_->ghost().MayTouch(kPage, model::kOwnerHost));
  EXPECT_FALSE(board_->ghost().MayTouch(kPage, model::kOwnerGuest0));
  EXPECT_EQ(Do(EventKind::kHvcUnmapPages, {7, 0x1000, kPageSize, 3}).result, Expect::kOk);
  EXPECT_EQ(Do(EventKind::kHypDonate, {kPage, 3, 2}).result, Expect::kOk);
  EXPECT_EQ(Do(EventKind::kHvcMapPages, {7, 0x1000, kPage, kPageSize, 1, 3}).result,
            Expect::kRefused);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

TEST_F(CoreTest, ReferencesThatAreKeptHoldThePage) {
  driver_->maps_domains = true;
  driver_->keeps_references = true;
  Do(EventKind::kHvcAllocDomain, {7, 0});
  Do(EventKind::kHvcMapPages, {7, 0x1000, kPage, kPageSize, 1, 3});
  Do(EventKind::kHvcUnmapPages, {7, 0x1000, kPageSize, 1});
  EXPECT_EQ(Do(EventKind::kHypDonate, {kPage, 1, 2}).result, Expect::kRefused);
  EXPECT_EQ(Found(), "none");
}

TEST_F(CoreTest, Err02SeesAReferenceThatIsDroppedTwice) {
  driver_->maps_domains = true;
  driver_->drops_twice = true;
  Do(EventKind::kHvcAllocDomain, {7, 0});
  Do(EventKind::kHvcMapPages, {7, 0x1000, kPage, kPageSize, 1, 3});
  EXPECT_EQ(Found(), "none");
  Do(EventKind::kHvcUnmapPages, {7, 0x1000, kPageSize, 1});
  EXPECT_EQ(Found(), "ERR02");
  EXPECT_EQ(board_->verdict().object, "page");
}

TEST_F(CoreTest, MappingsWithoutADriverForThemChangeNothing) {
  const Outcome map = Do(EventKind::kHvcMapPages, {7, 0x1000, kPage, kPageSize, 1, 3});
  EXPECT_EQ(map.result, Expect::kRefused);
  EXPECT_TRUE(map.unsupported);
  EXPECT_TRUE(Do(EventKind::kHvcUnmapPages, {7, 0x1000, kPageSize, 1}).unsupported);
  EXPECT_EQ(Do(EventKind::kHypDonate, {kPage, 1, 2}).result, Expect::kOk) << "no reference is left";
  EXPECT_TRUE(Do(EventKind::kGuestMap, {0, 7, 0x1000, kPage, kPageSize, 3}).unsupported);
  EXPECT_TRUE(Do(EventKind::kGuestUnmap, {0, 7, 0x1000, kPageSize}).unsupported);
  const Outcome odd = Do(EventKind::kGuestMap, {1 << 20, 7, 0x1000, kPage, kPageSize, 3});
  EXPECT_EQ(odd.result, Expect::kRefused);
  EXPECT_FALSE(odd.unsupported) << "no such guest: the driver was not asked";
  EXPECT_EQ(Do(EventKind::kHypReclaim, {kPage, 1, 2}).result, Expect::kOk);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

TEST_F(CoreTest, PowerEventsReachTheDriverOnlyInTheirOrder) {
  EXPECT_TRUE(Do(EventKind::kPowerSuspend, {1}).unsupported);
  EXPECT_FALSE(Do(EventKind::kPowerResume, {1}).unsupported) << "it is on: nobody was asked";
  EXPECT_EQ(Do(EventKind::kPowerOff, {~uint64_t{0}}).result, Expect::kRefused);
  EXPECT_EQ(Found(), "none");
}

TEST_F(CoreTest, Err01NamesTheLockThatIsHeld) {
  board_->Lock(4);
  board_->Lock(1);
  EXPECT_EQ(board_->verdict().title, "ERR01: lock 1 is taken twice or out of order");
  ASSERT_EQ(board_->verdict().text.size(), 1u);
  EXPECT_EQ(board_->verdict().text[0], "held    lock 4");
  Boot();
  board_->Lock(3);
  board_->Notify(0, {});
  EXPECT_EQ(board_->verdict().title, "ERR01: notify is called with a lock of the driver held");
  Boot();
  board_->Lock(3);
  board_->UnuseDma(kPage, kPageSize);
  EXPECT_EQ(board_->verdict().title, "ERR01: unuse_dma is called with a lock of the driver held");
}

TEST_F(CoreTest, RestoreUndoesWhatTheCoreDid) {
  driver_->takes_pages = true;
  driver_->maps_domains = true;
  Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 2});
  Do(EventKind::kHvcMapPages, {7, 0x1000, kPage, kPageSize, 1, 3});
  Do(EventKind::kHypDonate, {kRegisters, 1, 2});
  board_->Lock(2);
  board_->Restore();
  EXPECT_EQ(board_->PageAlloc(SIDEWALL_POOL_HOST), 0u);
  EXPECT_EQ(board_->ghost().owner(kTopPage), model::kOwnerHost);
  EXPECT_EQ(Do(EventKind::kHypDonate, {kPage, 1, 2}).result, Expect::kOk);
  EXPECT_EQ(Do(EventKind::kHypReclaim, {kRegisters, 1, 2}).result, Expect::kRefused);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

}  // namespace
}  // namespace sidewall
