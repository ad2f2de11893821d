// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The checks of calls, each at its edge: what they must find, and the nearest thing that they must
// leave alone. The driver that ships does the work, and somebody in between makes it lie.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "oracle/board.h"
#include "oracle/call_work.h"
#include "oracle/engine_native.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

constexpr uint64_t kNiso0 = 1;
constexpr uint64_t kSid = 6;
constexpr uint64_t kPa = 0x80003000;
constexpr uint64_t kIova = 0x40000000;
constexpr uint32_t kProt = SIDEWALL_PROT_RW;
constexpr uint64_t kHostDomains = 32;
constexpr uint64_t kTlbGSync = 0x70;

// Passes calls on. `before` and `after` act inside the call, as the driver would; `after` may also
// change what is returned.
class Liar final : public Caller {
 public:
  explicit Liar(Board& board) : engine_(board) {}

  CallId about = CallId::kInit;
  std::function<void()> before;
  std::function<void(struct sidewall_result&)> after;
  bool idle = false;  // the driver does not hear of the call
  std::function<void(struct sidewall_counters&)> counters;

  struct sidewall_result Call(const sidewall::Call& call) override {
    const bool lies = call.id == about;
    if (lies && before) before();
    struct sidewall_result result = {SIDEWALL_OK, 0, 0};
    if (!lies || !idle) result = engine_.Invoke(call);
    if (lies && after) after(result);
    if (call.id == CallId::kStats && counters) counters(*call.stats);
    return result;
  }

 private:
  NativeEngine engine_;
};

class CallsTest : public testing::Test {
 protected:
  void Boot(InvariantSet armed, const char* board = "tiny") {
    liar_.reset();
    board_ =
        std::make_unique<Board>(HarnessOptions{.board = model::FindBoard(board), .armed = armed});
    liar_ = std::make_unique<Liar>(*board_);
    board_->Boot(*liar_);
    board_->Save();
    ASSERT_FALSE(board_->violated()) << board_->verdict().title;
  }
  void Lie(CallId about, std::function<void(struct sidewall_result&)> after) {
    liar_->about = about;
    liar_->after = std::move(after);
  }
  Expect Do(EventKind kind, std::initializer_list<uint64_t> arguments) {
    Event event = {.kind = kind};
    std::copy(arguments.begin(), arguments.end(), event.arg);
    return board_->Apply(event, *liar_).result;
  }
  std::string Found() const {
    const InvariantInfo* info = FindInvariant(board_->verdict().id);
    return info ? info->code : "none";
  }

  Expect Alloc(uint64_t domain = 1) { return Do(EventKind::kHvcAllocDomain, {domain, 0}); }
  Expect Map(uint64_t pages) {
    return Do(EventKind::kHvcMapPages, {1, kIova, kPa, kPageSize, pages, kProt});
  }
  Expect Unmap(uint64_t pages) {
    return Do(EventKind::kHvcUnmapPages, {1, kIova, kPageSize, pages});
  }
  Expect Attach() { return Do(EventKind::kHvcAttachDev, {kNiso0, 1, kSid, 0, 0}); }
  // A domain with two pages and no stream on it.
  void MakeDomain() {
    ASSERT_EQ(Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 8}), Expect::kOk);
    ASSERT_EQ(Alloc(), Expect::kOk);
    ASSERT_EQ(Map(2), Expect::kOk);
  }

  std::unique_ptr<Board> board_;
  std::unique_ptr<Liar> liar_;
};

// ---------------------------------------------------------------- FUN02

TEST_F(CallsTest, AStatusThatTheReferenceDoesNotAllow) {
  const auto refuse = [](struct sidewall_result& r) { r = {SIDEWALL_REFUSED, 0, 0}; };
  const auto serve = [](struct sidewall_result& r) { r = {SIDEWALL_OK, 0, 0}; };
  Boot(Bit(Invariant::kFun02));
  Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 8});
  EXPECT_EQ(Alloc(), Expect::kOk);
  EXPECT_EQ(Alloc(), Expect::kRefused) << "one handle twice";
  EXPECT_EQ(Alloc(kHostDomains), Expect::kRefused) << "a handle too far";
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
  Lie(CallId::kAllocDomain, refuse);
  Alloc(kHostDomains - 1);
  EXPECT_EQ(Found(), "FUN02") << "nothing speaks against the last one";
  Boot(Bit(Invariant::kFun02));
  Lie(CallId::kAllocDomain, serve);
  Alloc(kHostDomains);
  EXPECT_EQ(Found(), "FUN02");
}

TEST_F(CallsTest, AStatusThatIsNone) {
  Boot(Bit(Invariant::kFun02));
  Lie(CallId::kTick, [](struct sidewall_result& r) { r.status = 7; });
  Do(EventKind::kTick, {1});
  EXPECT_EQ(Found(), "FUN02");
}

TEST_F(CallsTest, AnAddressThatIsNotTheMappedOne) {
  for (const uint64_t by : {uint64_t{0}, uint64_t{1}}) {
    Boot(Bit(Invariant::kFun02));
    MakeDomain();
    Lie(CallId::kIovaToPhys, [by](struct sidewall_result& r) { r.progress += by; });
    EXPECT_EQ(Do(EventKind::kHvcIovaToPhys, {1, kIova + 8}), Expect::kOk);
    EXPECT_EQ(Found(), by == 0 ? "none" : "FUN02") << board_->verdict().title;
  }
}

// Hardware was in trouble before, and is no more; or it is now, but on another unit.
TEST_F(CallsTest, DegradedWhereNothingOfThisCallWentOn) {
  const auto degrade = [](struct sidewall_result& r) { r.status = SIDEWALL_DEGRADED; };
  const auto niso0 = static_cast<uint64_t>(Window::kNiso0);
  const auto niso1 = static_cast<uint64_t>(Window::kNiso1);
  for (const bool now : {false, true}) {
    for (const uint64_t window : {niso0, niso1}) {
      Boot(Bit(Invariant::kFun02), "tegra234");
      MakeDomain();
      ASSERT_EQ(Attach(), Expect::kOk);
      Do(EventKind::kHwSync, {niso0, kSyncNever, 0});
      EXPECT_EQ(Unmap(1), Expect::kDegraded);
      Do(EventKind::kHwSync, {niso0, 0, 0});
      ASSERT_EQ(Found(), "none") << board_->verdict().title;
      if (now) Do(EventKind::kHwSync, {window, kSyncNever, 0});
      const bool its_own = now && window == niso0;
      if (!its_own) Lie(CallId::kIotlbSync, degrade);
      EXPECT_EQ(Do(EventKind::kHvcIotlbSync, {1}), Expect::kDegraded);
      EXPECT_EQ(Found(), its_own ? "none" : "FUN02") << now << window << board_->verdict().title;
    }
  }
}

// A unit that did not come back excuses what is to be done there, and not the next try.
TEST_F(CallsTest, AResumeIsDegradedByWhatItSees) {
  const auto niso0 = static_cast<uint64_t>(Window::kNiso0);
  for (const bool lies : {false, true}) {
    Boot(Bit(Invariant::kFun02), "tegra234");
    MakeDomain();
    ASSERT_EQ(Attach(), Expect::kOk);
    ASSERT_EQ(Do(EventKind::kPowerOff, {kNiso0}), Expect::kOk);
    Do(EventKind::kHwReadFail, {niso0, 1});
    EXPECT_EQ(Do(EventKind::kPowerOn, {kNiso0}), Expect::kDegraded);
    Do(EventKind::kHwReadFail, {niso0, 0});
    EXPECT_EQ(Unmap(1), Expect::kDegraded) << "the unit is still down";
    EXPECT_EQ(Do(EventKind::kTick, {1}), Expect::kDegraded);
    EXPECT_EQ(Found(), "none") << board_->verdict().title;
    if (lies) {
      Lie(CallId::kPowerOn, [](struct sidewall_result& r) { r.status = SIDEWALL_DEGRADED; });
    }
    Do(EventKind::kPowerOn, {kNiso0});
    EXPECT_EQ(Found(), lies ? "FUN02" : "none") << board_->verdict().title;
  }
}

// That all is in order may not be said where a sync went on.
TEST_F(CallsTest, AnOkWhereASyncDidNotEnd) {
  const auto niso0 = static_cast<uint64_t>(Window::kNiso0);
  const auto serve = [](struct sidewall_result& r) { r = {SIDEWALL_OK, 0, 0}; };
  struct Case {
    EventKind kind;
    CallId call;
    std::initializer_list<uint64_t> argument;
  };
  const Case cases[] = {
      {EventKind::kTick, CallId::kTick, {1}},
      {EventKind::kPowerSuspend, CallId::kSuspend, {kNiso0}},
      {EventKind::kPowerOff, CallId::kPowerOff, {kNiso0}},
      {EventKind::kHvcDetachDev, CallId::kDetachDev, {kNiso0, 1, kSid, 0}},
      {EventKind::kHvcDevBlockDma, CallId::kDevBlockDma, {kNiso0, 7, 1}},
      {EventKind::kVmUnassign, CallId::kUnassignUnit, {0, kNiso0, 3}},
  };
  for (const Case& c : cases) {
    for (const bool lies : {false, true}) {
      Boot(Bit(Invariant::kFun02), "tegra234");
      MakeDomain();
      ASSERT_EQ(Attach(), Expect::kOk);
      ASSERT_EQ(Do(EventKind::kVmCreate, {0}), Expect::kOk);
      ASSERT_EQ(Do(EventKind::kVmAssign, {0, kNiso0, 3}), Expect::kOk);
      Do(EventKind::kHwSync, {niso0, kSyncNever, 0});
      EXPECT_EQ(Unmap(1), Expect::kDegraded);
      if (lies) Lie(c.call, serve);
      EXPECT_EQ(Do(c.kind, c.argument), lies ? Expect::kOk : Expect::kDegraded);
      EXPECT_EQ(Found(), lies ? "FUN02" : "none") << board_->verdict().title;
    }
  }
}

// Removals from a unit that did not come back are DEGRADED, though its masters are held; where
// there was nothing to remove nobody asks for it.
TEST_F(CallsTest, ARemovalFromAUnitThatDidNotComeBack) {
  const auto niso0 = static_cast<uint64_t>(Window::kNiso0);
  for (const bool lies : {false, true}) {
    Boot(Bit(Invariant::kFun02), "tegra234");
    ASSERT_EQ(Do(EventKind::kPowerSuspend, {kNiso0}), Expect::kOk);
    Do(EventKind::kHwSync, {niso0, kSyncNever, 0});
    ASSERT_EQ(Do(EventKind::kPowerResume, {kNiso0}), Expect::kDegraded);
    if (lies) {
      Lie(CallId::kHostStage2IdmapComplete,
          [](struct sidewall_result& r) { r = {SIDEWALL_OK, 0, 0}; });
    }
    EXPECT_EQ(Do(EventKind::kHypDonate, {kPa, 1, model::kOwnerGuest0}),
              lies ? Expect::kOk : Expect::kDegraded);
    EXPECT_EQ(Found(), lies ? "FUN02" : "none") << board_->verdict().title;
  }
}

// What nobody has touched since init took it has no reason to be refused.
TEST_F(CallsTest, ABoardThatInitTookIsFinalized) {
  for (const bool lies : {false, true}) {
    liar_.reset();
    board_ = std::make_unique<Board>(
        HarnessOptions{.board = model::FindBoard("tiny"), .armed = Bit(Invariant::kFun02)});
    liar_ = std::make_unique<Liar>(*board_);
    if (lies) {
      Lie(CallId::kFinalize, [](struct sidewall_result& r) { r.status = SIDEWALL_REFUSED; });
    }
    board_->Boot(*liar_);
    EXPECT_EQ(Found(), lies ? "FUN02" : "none") << board_->verdict().title;
  }
}

// Calls that ask nothing of hardware: what they say is known to the last bit.
TEST_F(CallsTest, WhatIsSaidOfPoolsAndTokens) {
  const auto degrade = [](struct sidewall_result& r) { r.status = SIDEWALL_DEGRADED; };
  const auto refuse = [](struct sidewall_result& r) { r = {SIDEWALL_REFUSED, 0, 0}; };
  const auto serve = [](struct sidewall_result& r) { r = {SIDEWALL_OK, 0, 0}; };
  const auto more = [](struct sidewall_result& r) { r.progress += kPageSize; };
  const auto wants = [](struct sidewall_result& r) { r.pages_needed = 1; };
  struct Case {
    EventKind kind;
    CallId call;
    std::initializer_list<uint64_t> argument;
    std::vector<std::function<void(struct sidewall_result&)>> lies;
  };
  const Case cases[] = {
      {EventKind::kPoolAdd, CallId::kPoolAdd, {SIDEWALL_POOL_HOST, 2}, {degrade, refuse, more}},
      {EventKind::kPoolAdd, CallId::kPoolAdd, {SIDEWALL_POOL_VM0, 2}, {degrade, serve}},
      {EventKind::kPoolReclaim,
       CallId::kPoolReclaim,
       {SIDEWALL_POOL_HOST, 1},
       {degrade, refuse, more, wants}},
      {EventKind::kHvcGetIommuToken,
       CallId::kGetIommuToken,
       {kNiso0},
       {degrade, refuse, more, serve}},
      {EventKind::kHvcGetIommuToken, CallId::kGetIommuToken, {3}, {degrade, serve}},
      {EventKind::kHvcIotlbSyncMap,
       CallId::kIotlbSyncMap,
       {1, kIova, 2 * kPageSize},
       {degrade, refuse, more, serve}},
      {EventKind::kHvcIotlbSyncMap, CallId::kIotlbSyncMap, {2, kIova, kPageSize}, {serve}},
      {EventKind::kHvcStats, CallId::kStats, {}, {degrade, refuse}},
      {EventKind::kHypDonate,
       CallId::kHostStage2Idmap,
       {kPa + 8 * kPageSize, 2, SIDEWALL_OWNER_GUEST0},
       {degrade, refuse, more, wants}},
      {EventKind::kHypDonate,
       CallId::kHostStage2IdmapComplete,
       {kPa + 8 * kPageSize, 2, SIDEWALL_OWNER_GUEST0},
       {degrade, refuse}},
  };
  for (const Case& c : cases) {
    for (size_t lie = 0; lie <= c.lies.size(); lie++) {
      Boot(Bit(Invariant::kFun02));
      MakeDomain();
      if (lie != 0) Lie(c.call, c.lies[lie - 1]);
      Do(c.kind, c.argument);
      EXPECT_EQ(Found(), lie == 0 ? "none" : "FUN02")
          << CallName(c.call) << " " << lie << ": " << board_->verdict().title;
    }
  }
}

// Of what stats tells, pages, leaves and units that wait are counted from outside.
TEST_F(CallsTest, WhatStatsCounts) {
  using Change = std::function<void(struct sidewall_counters&)>;
  const Change changes[] = {[](struct sidewall_counters&) {},
                            [](struct sidewall_counters& c) { c.pages++; },
                            [](struct sidewall_counters& c) { c.mapped_pages--; },
                            [](struct sidewall_counters& c) { c.degraded = 0; },
                            [](struct sidewall_counters& c) { c.degraded = 1; }};
  for (const Change& change : changes) {
    Boot(Bit(Invariant::kFun02), "tegra234");
    MakeDomain();
    ASSERT_EQ(Do(EventKind::kHvcSetIdentity, {kNiso0, 3, 1}), Expect::kOk);
    ASSERT_EQ(Attach(), Expect::kOk);
    Do(EventKind::kHwSync, {static_cast<uint64_t>(Window::kNiso0), kSyncNever, 0});
    EXPECT_EQ(Unmap(1), Expect::kDegraded);
    liar_->counters = change;
    EXPECT_EQ(Do(EventKind::kHvcStats, {}), Expect::kOk);
    EXPECT_EQ(Found(), &change == &changes[0] ? "none" : "FUN02") << board_->verdict().title;
  }
}

// ---------------------------------------------------------------- FUN04

TEST_F(CallsTest, ProgressIsByThePage) {
  const InvariantSet armed = Bit(Invariant::kFun04);
  for (const int64_t off : {int64_t{0}, -int64_t{kPageSize}, int64_t{kPageSize}}) {
    Boot(armed);
    MakeDomain();
    Lie(CallId::kUnmapPages,
        [off](struct sidewall_result& r) { r.progress += static_cast<uint64_t>(off); });
    Unmap(2);
    EXPECT_EQ(Found(), off == 0 ? "none" : "FUN04") << off << ": " << board_->verdict().title;
  }
}

// What is mapped already ends a mapping there, and that is what must be said.
TEST_F(CallsTest, ProgressEndsAtWhatIsMapped) {
  for (const bool lies : {false, true}) {
    Boot(Bit(Invariant::kFun04));
    MakeDomain();
    if (lies) Lie(CallId::kMapPages, [](struct sidewall_result& r) { r.progress = kPageSize; });
    // Two pages are free, the next is not.
    Do(EventKind::kHvcMapPages, {1, kIova - 2 * kPageSize, kPa, kPageSize, 4, kProt});
    EXPECT_EQ(Found(), lies ? "FUN04" : "none") << board_->verdict().title;
  }
}

// ---------------------------------------------------------------- ERR01

TEST_F(CallsTest, ARefusalThatStoresMustTakeItBack) {
  for (const bool takes_back : {true, false}) {
    Boot(Bit(Invariant::kErr01));
    const uint64_t s2cr = board_->spec().smmu[1].window[0] + layout::kS2cr;
    liar_->about = CallId::kFreeDomain;
    liar_->before = [&] {
      uint32_t old = 0;
      board_->Read32(s2cr, &old);
      board_->Write32(s2cr, old ^ 0x1000000);
      if (takes_back) board_->Write32(s2cr, old);
    };
    EXPECT_EQ(Do(EventKind::kHvcFreeDomain, {5}), Expect::kRefused);
    EXPECT_EQ(Found(), takes_back ? "none" : "ERR01") << board_->verdict().title;
  }
}

TEST_F(CallsTest, ARefusalMayInvalidateAndMayNotKeepAPage) {
  for (const bool keeps : {false, true}) {
    Boot(Bit(Invariant::kErr01));
    Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 2});
    const uint64_t window = board_->spec().smmu[1].window[0];
    liar_->about = CallId::kFreeDomain;
    liar_->before = [&, keeps] {
      const uint64_t page = board_->PageAlloc(SIDEWALL_POOL_HOST);
      ASSERT_NE(page, 0u);
      if (!keeps) board_->PageFree(SIDEWALL_POOL_HOST, page);
      board_->Write32(window + kTlbGSync, 0);
    };
    EXPECT_EQ(Do(EventKind::kHvcFreeDomain, {5}), Expect::kRefused);
    EXPECT_EQ(Found(), keeps ? "ERR01" : "none") << board_->verdict().title;
  }
}

TEST_F(CallsTest, LocksAreBalancedWhenACallReturns) {
  for (const bool forgets : {false, true}) {
    Boot(Bit(Invariant::kErr01));
    liar_->about = CallId::kFreeDomain;
    liar_->before = [&] {
      board_->Lock(0);
      if (!forgets) board_->Unlock(0);
    };
    Do(EventKind::kHvcFreeDomain, {5});
    EXPECT_EQ(Found(), forgets ? "ERR01" : "none") << board_->verdict().title;
  }
}

// ---------------------------------------------------------------- ERR02

TEST_F(CallsTest, AfterTeardownEveryPageIsBack) {
  for (const bool keeps : {false, true}) {
    Boot(Bit(Invariant::kErr02));
    MakeDomain();
    EXPECT_EQ(Unmap(2), Expect::kOk);
    if (keeps) {
      Lie(CallId::kFreeDomain,
          [&](struct sidewall_result&) { ASSERT_NE(board_->PageAlloc(SIDEWALL_POOL_HOST), 0u); });
    }
    EXPECT_EQ(Do(EventKind::kHvcFreeDomain, {1}), Expect::kOk);
    EXPECT_EQ(Found(), keeps ? "ERR02" : "none") << board_->verdict().title;
  }
}

// While a domain is left, so may its pages be.
TEST_F(CallsTest, ADomainThatIsLeftKeepsItsPages) {
  Boot(Bit(Invariant::kErr02));
  MakeDomain();
  EXPECT_EQ(Alloc(2), Expect::kOk);
  EXPECT_EQ(Do(EventKind::kHvcFreeDomain, {2}), Expect::kOk);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

// ---------------------------------------------------------------- ERR03

TEST_F(CallsTest, WorkIsBoundedToTheLastLoad) {
  for (const uint64_t more : {uint64_t{0}, uint64_t{1}}) {
    Boot(Bit(Invariant::kErr03));
    const uint64_t window = board_->spec().smmu[1].window[0];
    const uint64_t bound =
        WorkBounds::kRegisterStores + WorkBounds::kSyncs * board_->spec().sync_timeout_us;
    liar_->about = CallId::kGetIommuToken;  // which loads nothing itself
    liar_->before = [&, more] {
      uint32_t value = 0;
      for (uint64_t i = 0; i < bound + more; i++) board_->Read32(window + layout::kSmr, &value);
    };
    Do(EventKind::kHvcGetIommuToken, {kNiso0});
    EXPECT_EQ(Found(), more == 0 ? "none" : "ERR03") << board_->verdict().title;
  }
}

TEST_F(CallsTest, WorkIsBoundedToTheLastStore) {
  constexpr uint32_t kGfsynr2 = 0x58;  // nobody looks at it
  for (const bool table : {false, true}) {
    for (const uint64_t more : {uint64_t{0}, uint64_t{1}}) {
      Boot(Bit(Invariant::kErr03));
      Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 2});
      const uint64_t window = board_->spec().smmu[1].window[0];
      liar_->about = CallId::kGetIommuToken;  // which stores nothing itself
      liar_->before = [&, table, more] {
        const uint64_t page = board_->PageAlloc(SIDEWALL_POOL_HOST);
        ASSERT_NE(page, 0u);
        const uint64_t bound = table ? WorkBounds::kTableStores : WorkBounds::kRegisterStores;
        for (uint64_t i = 0; i < bound + more; i++) {
          if (table) board_->TableWrite64(page, 0);
          if (!table) board_->Write32(window + kGfsynr2, 0);
        }
      };
      Do(EventKind::kHvcGetIommuToken, {kNiso0});
      EXPECT_EQ(Found(), more == 0 ? "none" : "ERR03") << board_->verdict().title;
    }
  }
}

TEST_F(CallsTest, LocksAreTakenABoundedNumberOfTimes) {
  for (const uint64_t more : {uint64_t{0}, uint64_t{1}}) {
    Boot(Bit(Invariant::kErr03));
    liar_->about = CallId::kGetIommuToken;  // which takes none itself
    liar_->before = [&, more] {
      for (uint64_t i = 0; i < WorkBounds::kHolds + more; i++) {
        board_->Lock(0);
        board_->Unlock(0);
      }
    };
    Do(EventKind::kHvcGetIommuToken, {kNiso0});
    EXPECT_EQ(Found(), more == 0 ? "none" : "ERR03") << board_->verdict().title;
  }
}

// Others wait from the first lock to the last, and no longer.
TEST_F(CallsTest, ALockIsHeldOverABoundedNumberOfStores) {
  struct Case {
    uint64_t more;
    bool drops;
  };
  for (const Case& c : {Case{0, false}, Case{1, false}, Case{1, true}}) {
    Boot(Bit(Invariant::kErr03));
    Do(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 2});
    liar_->about = CallId::kGetIommuToken;
    liar_->before = [&, c] {
      const uint64_t page = board_->PageAlloc(SIDEWALL_POOL_HOST);
      ASSERT_NE(page, 0u);
      board_->Lock(0);
      board_->Lock(1);
      for (uint64_t i = 0; i < WorkBounds::kTableStoresHeld; i++) board_->TableWrite64(page, 0);
      board_->Unlock(1);
      if (c.drops) board_->Unlock(0);
      if (c.drops) board_->Lock(0);
      for (uint64_t i = 0; i < c.more; i++) board_->TableWrite64(page, 0);
      board_->Unlock(0);
    };
    Do(EventKind::kHvcGetIommuToken, {kNiso0});
    EXPECT_EQ(Found(), c.more == 0 || c.drops ? "none" : "ERR03") << board_->verdict().title;
  }
}

TEST_F(CallsTest, APanicIsFound) {
  Boot(Bit(Invariant::kErr03));
  liar_->about = CallId::kTick;
  liar_->before = [&] { board_->Panic(1); };
  Do(EventKind::kTick, {1});
  EXPECT_EQ(Found(), "ERR03");
}

// ---------------------------------------------------------------- FUN05

TEST_F(CallsTest, OnlyTheOwnerIsTold) {
  struct Case {
    uint32_t owner;
    sidewall_fault fault;
    const char* found;
  };
  sidewall_fault fault = {};
  fault.side = kNiso0, fault.sid = kSid, fault.fsr = 2;
  sidewall_fault other_unit = fault, silent = fault, third_instance = fault;
  other_unit.side = 3, silent.fsr = 0, third_instance.instance = 2;
  const Case cases[] = {{SIDEWALL_OWNER_HOST, fault, "none"},
                        {SIDEWALL_OWNER_GUEST0, fault, "FUN05"},
                        {SIDEWALL_OWNER_HOST, other_unit, "FUN05"},
                        {SIDEWALL_OWNER_HOST, third_instance, "FUN05"},
                        {SIDEWALL_OWNER_HOST, silent, "FUN05"}};
  for (const Case& c : cases) {
    Boot(Bit(Invariant::kFun05));
    liar_->about = CallId::kTick;
    liar_->before = [&] { board_->Notify(c.owner, c.fault); };
    Do(EventKind::kTick, {1});
    EXPECT_EQ(Found(), c.found) << board_->verdict().title;
  }
}

// A fault_irq that does nothing leaves what was there to be told.
TEST_F(CallsTest, FaultsAreNotLeft) {
  const auto niso0 = static_cast<uint64_t>(Window::kNiso0);
  const model::SmmuSpec& smmu = model::FindBoard("tegra234")->smmu[1];
  const uint64_t first_of_el2 = smmu.banks - smmu.el2_banks;
  struct Case {
    const char* what;
    uint64_t bank;
    uint64_t sid;
    uint64_t told;  // what the call says
    const char* found;
  };
  const Case cases[] = {
      {"nothing but a fault of the host's own", 0, kSid, 0, "none"},
      {"banks of EL2, and all that a call tells", smmu.banks - 1u, kSid, 16, "none"},
      {"one fewer", smmu.banks - 1u, kSid, 15, "FUN05"},
      {"the second bank of EL2", first_of_el2 + 1, kSid, 0, "FUN05"},
      {"the host's global record", kGlobalFault, kSid, 0, "FUN05"},
      {"a guest's global record", kGlobalFault, 3, 0, "FUN05"}};
  for (const Case& c : cases) {
    Boot(Bit(Invariant::kFun05), "tegra234");
    ASSERT_EQ(Do(EventKind::kVmCreate, {0}), Expect::kOk);
    ASSERT_EQ(Do(EventKind::kVmAssign, {0, kNiso0, 3}), Expect::kOk);
    Do(EventKind::kHwFault, {niso0, c.bank, 2, 0, 0x1000, c.sid});
    liar_->idle = true;
    Lie(CallId::kFaultIrq, [&c](struct sidewall_result& r) { r.progress = c.told; });
    Do(EventKind::kIrqFault, {kNiso0});
    EXPECT_EQ(Found(), c.found) << c.what << ": " << board_->verdict().title;
  }
}

// The host clears what its own stage 2 has recorded, and its global record; it is told of them.
TEST_F(CallsTest, WhatTheHostClearsMayStay) {
  const auto niso0 = static_cast<uint64_t>(Window::kNiso0);
  Boot(Bit(Invariant::kFun05), "tegra234");
  const size_t instance = board_->machine().InstanceIndex(kNiso0, 0);
  const uint32_t stage2 = model::cbar::Stage2Bank(board_->machine().smmu(instance).cbar[0]);
  constexpr uint64_t kNested = 1u << 2;
  Do(EventKind::kHwFault, {niso0, stage2, 2, kNested, 0x1000, kSid});
  Do(EventKind::kHwFault, {niso0, kGlobalFault, 2, 0, 0x1000, kSid});
  for (int i = 0; i < 2; i++) EXPECT_EQ(Do(EventKind::kIrqFault, {kNiso0}), Expect::kOk);
  EXPECT_NE(board_->machine().smmu(instance).gfsr, 0u);
  EXPECT_NE(board_->machine().smmu(instance).bank[stage2].fsr, 0u);
  EXPECT_EQ(Found(), "none") << board_->verdict().title;
}

// ---------------------------------------------------------------- ISO10

// A page that is taken becomes a table, or the root of a domain, or goes back.
TEST_F(CallsTest, NoPageOfAPoolIsLost) {
  for (const bool loses : {false, true}) {
    Boot(Bit(Invariant::kIso10));
    MakeDomain();
    if (loses) {
      Lie(CallId::kMapPages,
          [&](struct sidewall_result&) { ASSERT_NE(board_->PageAlloc(SIDEWALL_POOL_HOST), 0u); });
    }
    Do(EventKind::kHvcMapPages, {1, kIova << 1, kPa, kPageSize, 1, kProt});
    EXPECT_EQ(Found(), loses ? "ISO10" : "none") << board_->verdict().title;
  }
}

TEST_F(CallsTest, NoPageOfAPoolIsTwoTables) {
  for (const bool twice : {false, true}) {
    Boot(Bit(Invariant::kIso10));
    MakeDomain();
    liar_->about = CallId::kGetIommuToken;  // which stores nothing itself
    liar_->before = [&, twice] {
      const uint64_t table = board_->PageAlloc(SIDEWALL_POOL_HOST);
      const uint64_t page = board_->PageAlloc(SIDEWALL_POOL_HOST);
      board_->TableWrite64(table, page | 3);
      if (!twice) board_->TableWrite64(table, 0);
      board_->TableWrite64(table + 8, page | 3);
      board_->TableWrite64(table, 0);
      board_->TableWrite64(table + 8, 0);
      board_->PageFree(SIDEWALL_POOL_HOST, page);
      board_->PageFree(SIDEWALL_POOL_HOST, table);
    };
    Do(EventKind::kHvcGetIommuToken, {kNiso0});
    EXPECT_EQ(Found(), twice ? "ISO10" : "none") << board_->verdict().title;
  }
}

// A page may go while a sync is under way if no TLB can have it.
TEST_F(CallsTest, NothingIsReleasedThatATlbMayHold) {
  for (const bool attached : {false, true}) {
    Boot(Bit(Invariant::kIso10), "tegra234");
    MakeDomain();
    if (attached) {
      ASSERT_EQ(Attach(), Expect::kOk);
    }
    Do(EventKind::kHwSync, {static_cast<uint64_t>(Window::kNiso0), kSyncNever, 0});
    // The driver keeps the references of what it could not sync.
    Unmap(2);
    ASSERT_EQ(Found(), "none") << board_->verdict().title;
    const uint64_t window = board_->AddressOf(Window::kNiso0, 0);
    liar_->idle = true;
    Lie(CallId::kGetIommuToken, [&](struct sidewall_result&) {
      uint32_t status = 0;
      board_->Write32(window + kTlbGSync, 0);
      ASSERT_TRUE(board_->Read32(window + layout::kTlbGStatus, &status));
      ASSERT_EQ(status, 1u);
      board_->UnuseDma(kPa, kPageSize);
    });
    Do(EventKind::kHvcGetIommuToken, {kNiso0});
    EXPECT_EQ(Found(), attached ? "ISO10" : "none") << board_->verdict().title;
  }
}

// Until a sync has ended, a stream whose detachment timed out is led nowhere.
TEST_F(CallsTest, WhatWaitsForASyncFaults) {
  for (const bool synced : {false, true}) {
    Boot(Bit(Invariant::kIso10), "tegra234");
    MakeDomain();
    ASSERT_EQ(Attach(), Expect::kOk);
    const auto niso0 = static_cast<uint64_t>(Window::kNiso0);
    Do(EventKind::kHwSync, {niso0, kSyncNever, 0});
    ASSERT_EQ(Do(EventKind::kHvcDetachDev, {kNiso0, 1, kSid, 0}), Expect::kDegraded);
    Do(EventKind::kHwSync, {niso0, 0, 0});
    if (synced) {
      ASSERT_EQ(Do(EventKind::kTick, {1}), Expect::kOk);
    }
    ASSERT_EQ(Found(), "none") << board_->verdict().title;
    liar_->idle = true;
    Lie(CallId::kGetIommuToken, [&](struct sidewall_result&) {
      // Whatever matched it gives way to an entry in bypass.
      const uint64_t window = board_->AddressOf(Window::kNiso0, 0);
      for (uint32_t i = 0; i < board_->spec().smmu[1].entries; i++) {
        board_->Write32(window + layout::kSmr + 4 * i, 0);
      }
      board_->Write32(window + layout::kS2cr, 0x10000);
      board_->Write32(window + layout::kSmr, 0xff800000 | kSid);
    });
    Do(EventKind::kHvcGetIommuToken, {kNiso0});
    EXPECT_EQ(Found(), synced ? "none" : "ISO10") << board_->verdict().title;
  }
}

// A takeover that fails behind its first store to an entry has closed them all.
TEST_F(CallsTest, ATakeoverThatFailsLeavesNoStreamOpen) {
  for (const bool opens : {false, true}) {
    Boot(Bit(Invariant::kIso10));
    ASSERT_EQ(Do(EventKind::kBootInit, {kBootReset}), Expect::kOk);
    const auto niso0 = static_cast<uint64_t>(Window::kNiso0);
    const auto niso1 = static_cast<uint64_t>(Window::kNiso1);
    Do(EventKind::kHostWrite, {niso0, layout::kS2cr, 4, 0x10000});
    Do(EventKind::kHostWrite, {niso0, layout::kSmr, 4, 0xff800000 | kSid});
    Do(EventKind::kHwSync, {niso1, kSyncNever, 0});
    const uint64_t window = board_->AddressOf(Window::kNiso0, 0);
    Lie(CallId::kFinalize, [&](struct sidewall_result&) {
      if (opens) board_->Write32(window + layout::kS2cr, 0x10000);
      if (opens) board_->Write32(window + layout::kSmr, 0xff800000 | kSid);
    });
    EXPECT_EQ(Do(EventKind::kBootFinalize, {}), Expect::kRefused);
    EXPECT_EQ(Found(), opens ? "ISO10" : "none") << board_->verdict().title;
  }
}

// A unit that is being restored opens a stream last, though nothing is issued meanwhile.
TEST_F(CallsTest, AResumeOpensWhatIsRestored) {
  enum Way { kFaulting, kBypassing, kOverABankThatIsOff };
  for (int way = kFaulting; way <= kOverABankThatIsOff; way++) {
    Boot(Bit(Invariant::kIso11));
    ASSERT_EQ(Do(EventKind::kPowerSuspend, {kNiso0}), Expect::kOk);
    const uint64_t window = board_->AddressOf(Window::kNiso0, 0);
    const model::SmmuSpec& spec = board_->spec().smmu[1];
    const uint32_t stage2 = spec.banks - spec.el2_banks;
    liar_->about = CallId::kResume;
    liar_->before = [&] {
      const uint32_t s2cr = way == kFaulting ? 0x20000 : way == kBypassing ? 0x10000 : stage2;
      board_->Write32(window + layout::kS2cr, s2cr);
      board_->Write32(window + layout::kSmr, 0xff800000 | kSid);
    };
    EXPECT_EQ(Do(EventKind::kPowerResume, {kNiso0}), Expect::kOk);
    EXPECT_EQ(Found(), way == kFaulting ? "none" : "ISO11") << way << board_->verdict().title;
    liar_->before = {};
  }
}

// An attachment that is said not to have come to its end must leave the stream faulting: it may
// stand on a domain that maps nothing, and not on one that maps a page.
TEST_F(CallsTest, WhatIsDegradedFaults) {
  for (const bool maps : {false, true}) {
    // EL2 has no entry to spare on the tiny board.
    Boot(Bit(Invariant::kIso10), "tegra234");
    MakeDomain();
    if (!maps) {
      ASSERT_EQ(Unmap(2), Expect::kOk);
    }
    Lie(CallId::kAttachDev, [](struct sidewall_result& r) {
      ASSERT_EQ(r.status, uint32_t{SIDEWALL_OK});
      r.status = SIDEWALL_DEGRADED;
    });
    Attach();
    EXPECT_EQ(Found(), maps ? "ISO10" : "none") << board_->verdict().title;
  }
}

}  // namespace
}  // namespace sidewall
