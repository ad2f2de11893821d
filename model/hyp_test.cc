// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Ownership, its mirror, power and locks. Mappings and pools: hyp_dma_test.cc.
#include "model/hyp.h"

#include <gtest/gtest.h>

#include <random>

#include "model/hyp_testing.h"

namespace sidewall::model {
namespace {

using Log = std::vector<std::string>;

constexpr uint64_t kPage = 0x80001000;
constexpr uint64_t kRegisters = 0x02600000;
constexpr uint8_t kG0 = kOwnerGuest0;
constexpr uint8_t kG1 = kOwnerGuest0 + 1;

bool Sound(const Core& core) {
  return core.calls.unlocked_calls == 0 && core.calls.reports.empty() &&
         !core.hyp.locks().Holds(0, kHostLock);
}

// ---------------------------------------------------------------- the snapshot

TEST(Hyp, TheSnapshotIsAllThatTheHostOwns) {
  for (const char* board : {"tiny", "tegra234"}) {
    Core core(board);
    uint64_t bytes = 0;
    for (size_t i = 0; i < core.spec.dram_count; i++) bytes += core.spec.dram[i].size;
    for (size_t i = 0; i < core.spec.host_mmio_count; i++) bytes += core.spec.host_mmio[i].size;
    EXPECT_EQ(core.calls.mirror.size() * kStep, bytes - core.spec.pool.size) << board;
    EXPECT_EQ(core.calls.mirror.count(core.spec.pool.start), 0u) << board;
    EXPECT_EQ(core.calls.mirror.count(core.spec.host_mmio[0].start), 1u) << board;
    EXPECT_TRUE(Sound(core)) << board;
  }
}

// The core knows no registers: what keeps them from the host's devices is the driver alone.
TEST(Hyp, TheSnapshotNamesTheRegistersOfEl2AndWhatLiesAboveTheFormatBit) {
  for (const char* board : {"tiny", "small", "tegra234"}) {
    Core core(board);
    const auto named = [&core](uint64_t start, uint64_t end) {
      for (const Range& range : core.calls.offered) {
        if (range.start <= start && range.end() >= end) return true;
      }
      return false;
    };
    const BoardSpec& spec = core.spec;
    for (size_t i = 0; i < spec.smmu_count; i++) {
      for (uint8_t n = 0; n < spec.smmu[i].instance_count; n++) {
        const uint64_t window = spec.smmu[i].window[n];
        EXPECT_TRUE(named(window, window + spec.smmu[i].window_size)) << board << i << unsigned{n};
      }
    }
    for (size_t i = 0; i < spec.mc_window_count; i++) {
      EXPECT_TRUE(named(spec.mc_window[i].start, spec.mc_window[i].end())) << board << i;
    }
    EXPECT_TRUE(named(0x0f400000, 0x0f600000)) << board << ": GIC";
    // IDR2.OAS says at most 48 bits.
    EXPECT_TRUE(named(kFormatBit, (uint64_t{1} << 48) + 1)) << board;
    for (const Range& range : core.calls.offered) {
      EXPECT_TRUE(range.end() <= spec.pool.start || range.start >= spec.pool.end())
          << board << ": a page with another owner is skipped";
    }
    EXPECT_TRUE(Sound(core)) << board;
  }
}

TEST(Hyp, BeforeTheSnapshotNobodyIsCalledAndAfterItNothingIsMissing) {
  Core core("tiny", false);
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 2, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.hyp.Donate(core.calls, kRegisters, 1, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.hyp.Reclaim(core.calls, kPage + kStep, 1, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.log, Log());
  core.hyp.Snapshot(core.calls);
  EXPECT_EQ(core.calls.mirror.count(kPage), 0u) << "a page with another owner is skipped";
  EXPECT_EQ(core.calls.mirror.count(kRegisters), 0u);
  EXPECT_EQ(core.calls.mirror.count(kPage + kStep), 1u);
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage + kStep, 1, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.mirror.count(kPage + kStep), 0u) << "from now on changes are mirrored";
  EXPECT_TRUE(Sound(core));
}

// ---------------------------------------------------------------- losses and gains

TEST(Hyp, ALossTakesEffectWhenTheFlushHasReturned) {
  Core core("tiny");
  core.calls.during_idmap = [&core] { EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost); };
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 2, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.log, (Log{"idmap-", "complete-"}));
  EXPECT_EQ(core.hyp.owner(kPage), kG0);
  EXPECT_EQ(core.hyp.owner(kPage + kStep), kG0);
  EXPECT_EQ(core.hyp.owner(kPage + 2 * kStep), kOwnerHost);
  EXPECT_EQ(core.calls.mirror.count(kPage + kStep), 0u);
  EXPECT_TRUE(Sound(core));
}

TEST(Hyp, AGainIsInEffectBeforeItIsMirrored) {
  Core core("tiny");
  core.hyp.Donate(core.calls, kPage, 1, kG0);
  core.calls.during_idmap = [&core] { EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost); };
  const HypResult result = core.hyp.Reclaim(core.calls, kPage, 1, kG0);
  EXPECT_EQ(result.status, HypStatus::kOk);
  EXPECT_EQ(result.mapped, kStep);
  EXPECT_EQ(core.calls.mirror.count(kPage), 1u);
  EXPECT_TRUE(Sound(core));
}

TEST(Hyp, ARefusalHasCalledNobody) {
  Core core("tiny");
  core.hyp.Donate(core.calls, kPage, 1, kG0);
  core.calls.log.clear();
  const uint64_t before = core.calls.mirror.size();
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage - kStep, 3, kG1).why, Why::kState);
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 1, kOwnerHost).why, Why::kParty);
  EXPECT_EQ(core.hyp.Donate(core.calls, 0x1000, 1, kG0).why, Why::kRange);
  EXPECT_EQ(core.hyp.Reclaim(core.calls, kPage, 2, kG0).why, Why::kState);
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 1, kOwnerHost, kG0).why, Why::kState);
  EXPECT_EQ(core.hyp.Unshare(core.calls, kPage, 1, kG0, kOwnerHost).why, Why::kState);
  EXPECT_EQ(core.hyp.Reclaim(core.calls, core.spec.pool.start, 1, kOwnerEl2).why, Why::kPool);
  EXPECT_EQ(core.calls.log, Log());
  EXPECT_EQ(core.calls.mirror.size(), before);
  EXPECT_TRUE(Sound(core));
}

TEST(Hyp, AFlushThatNeverEndsLeavesThePageWhereItWas) {
  Core core("tiny");
  core.calls.complete = HypStatus::kDegraded;
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 1, kG0).status, HypStatus::kDegraded);
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
  core.calls.complete = HypStatus::kOk;
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 1, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.hyp.owner(kPage), kG0);
}

TEST(Hyp, ADriverThatWorksInPiecesIsCalledAgain) {
  Core core("tiny");
  core.calls.stop_after = kStep;
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 3, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.log, (Log{"idmap-", "idmap-", "idmap-", "complete-"}));
  core.calls.log.clear();
  EXPECT_EQ(core.hyp.Reclaim(core.calls, kPage, 3, kG0).mapped, 3 * kStep);
  EXPECT_EQ(core.calls.log, (Log{"idmap+", "idmap+", "idmap+", "complete+"}));
}

TEST(Hyp, ADriverThatStopsLeavesThePagesTheHosts) {
  Core core("tiny");
  core.calls.stop_after = 0;
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 2, kG0).status, HypStatus::kDegraded);
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
  core.calls.stop_after = ~uint64_t{0};
  core.calls.idmap = HypStatus::kDegraded;
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 2, kG0).status, HypStatus::kDegraded);
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
  core.calls.idmap = HypStatus::kRefused;
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 2, kG0).status, HypStatus::kRefused);
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
  EXPECT_TRUE(Sound(core));
}

TEST(Hyp, ARefusalHalfWayGivesBackTheFirstHalf) {
  Core core("tiny");
  core.calls.refuse_at = kPage + kStep;
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 3, kG0).status, HypStatus::kRefused);
  EXPECT_EQ(core.calls.log, (Log{"idmap-", "idmap-", "complete-", "idmap+", "complete+"}));
  EXPECT_EQ(core.calls.mirror.count(kPage), 1u) << "refused: nothing has changed";
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
  core.calls.gains_left = 0;
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 3, kG0).status, HypStatus::kDegraded);
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
}

TEST(Hyp, AGainWithoutTablesIsTheHostsAllTheSame) {
  Core core("tiny");
  core.hyp.Donate(core.calls, kPage, 3, kG0);
  core.calls.gains_left = 2;
  const HypResult result = core.hyp.Reclaim(core.calls, kPage, 3, kG0);
  EXPECT_EQ(result.status, HypStatus::kOk);
  EXPECT_EQ(result.mapped, 2 * kStep);
  EXPECT_EQ(result.pages_needed, 1u);
  EXPECT_EQ(core.hyp.owner(kPage + 2 * kStep), kOwnerHost);
}

TEST(Hyp, TheFirstMapIsAskedForAgainWhereATableWasWanting) {
  Core core("tiny");
  const size_t whole = core.calls.mirror.size();
  core.calls.mirror.clear();
  unsigned asked = 0;
  // One page, then none, then whatever is asked for.
  core.calls.during_idmap = [&] {
    asked++;
    if (asked == 1) core.calls.gains_left = 1;
    if (asked == 3) core.calls.gains_left = ~uint64_t{0};
  };
  core.hyp.Snapshot(core.calls);
  EXPECT_EQ(core.calls.mirror.size(), whole);
}

TEST(Hyp, OnlyLoansToTheHostAreMirrored) {
  Core core("tiny");
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 1, kOwnerHost, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.hyp.Unshare(core.calls, kPage, 1, kOwnerHost, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.log, Log()) << "the host keeps what it lends";
  core.hyp.Donate(core.calls, kPage, 1, kG0);
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 1, kG0, kOwnerHost).mapped, kStep);
  EXPECT_EQ(core.calls.mirror.count(kPage), 1u);
  core.calls.complete = HypStatus::kDegraded;
  EXPECT_EQ(core.hyp.Unshare(core.calls, kPage, 1, kG0, kOwnerHost).status, HypStatus::kDegraded);
  EXPECT_EQ(core.hyp.pages().Find(kPage)->borrower, kOwnerHost) << "a device may still reach it";
  core.calls.complete = HypStatus::kOk;
  EXPECT_EQ(core.hyp.Unshare(core.calls, kPage, 1, kG0, kOwnerHost).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.mirror.count(kPage), 0u);
  EXPECT_TRUE(Sound(core));
}

// What the host lends to EL2 stays in its stage 2, and stays where it is until the loan has ended.
TEST(Hyp, ALoanToEl2HoldsAPageWithoutTakingIt) {
  Core core("tiny");
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 2, kOwnerHost, kOwnerEl2).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.log, Log());
  EXPECT_EQ(core.calls.mirror.count(kPage), 1u);
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 1, kG0).why, Why::kState);
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 1, kOwnerEl2).why, Why::kState);
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 1, kOwnerHost, kG0).why, Why::kState);
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 1, kOwnerHost, kOwnerEl2).why, Why::kState);
  EXPECT_EQ(core.hyp.UseDma(core.calls, kOwnerHost, kPage, kStep).why, Why::kState);
  EXPECT_EQ(core.hyp.CheckPoolAdd(kPoolHost, kPage, 1), Why::kState);
  EXPECT_EQ(core.hyp.Unshare(core.calls, kPage, 1, kOwnerHost, kG0).why, Why::kState);
  EXPECT_EQ(core.hyp.Unshare(core.calls, kPage, 3, kOwnerHost, kOwnerEl2).why, Why::kState);
  EXPECT_EQ(core.hyp.Unshare(core.calls, kPage, 2, kOwnerHost, kOwnerEl2).status, HypStatus::kOk);
  EXPECT_EQ(core.hyp.Unshare(core.calls, kPage, 1, kOwnerHost, kOwnerEl2).why, Why::kState);
  EXPECT_EQ(core.calls.log, Log());
  EXPECT_EQ(core.hyp.UseDma(core.calls, kOwnerHost, kPage, kStep).why, Why::kNone);
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 1, kOwnerHost, kOwnerEl2).why, Why::kReferenced);
  core.hyp.UnuseDma(core.calls, kPage, kStep);
  EXPECT_EQ(core.hyp.Share(core.calls, kRegisters, 1, kOwnerHost, kOwnerEl2).why, Why::kMmio);
  core.hyp.Donate(core.calls, kPage, 1, kG0);
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 1, kG0, kOwnerEl2).why, Why::kParty);
  EXPECT_EQ(core.hyp.Share(core.calls, kPage, 1, kOwnerEl2, kOwnerHost).why, Why::kParty);
  EXPECT_TRUE(Sound(core));
}

TEST(Hyp, RegistersLeaveAndComeBackWithTheirDevice) {
  Core core("tiny");
  EXPECT_EQ(core.hyp.Donate(core.calls, kRegisters, 2, kG0).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.mirror.count(kRegisters), 0u);
  EXPECT_EQ(core.calls.mirror.count(kRegisters + 2 * kStep), 1u);
  EXPECT_EQ(core.hyp.Reclaim(core.calls, kRegisters, 2, kG0).mapped, 2 * kStep);
  EXPECT_EQ(core.calls.mirror.count(kRegisters), 1u);
  EXPECT_EQ(core.hyp.Share(core.calls, kRegisters, 1, kOwnerHost, kG0).why, Why::kMmio);
  for (uint64_t el2 : {0x08000000u, 0x02c00000u, 0x0f400000u}) {
    EXPECT_EQ(core.hyp.Donate(core.calls, el2, 1, kG0).why, Why::kRange) << el2;
  }
}

// ---------------------------------------------------------------- power

TEST(Hyp, AUnitIsOffBeforeItsDriverHearsOfIt) {
  Core core("tiny");
  bool off = false;
  core.calls.during_power = [&] { off = core.hyp.power_is_off(1); };
  EXPECT_EQ(core.hyp.Power(core.calls, PowerCall::kSuspend, 1).status, HypStatus::kOk);
  EXPECT_TRUE(off) << "on the way down: before the driver";
  EXPECT_TRUE(core.hyp.power_is_off(1));
  EXPECT_FALSE(core.hyp.power_is_off(0)) << "each unit for itself";
  off = false;
  EXPECT_EQ(core.hyp.Power(core.calls, PowerCall::kResume, 1).status, HypStatus::kOk);
  EXPECT_TRUE(off) << "on the way up: until the driver is through";
  EXPECT_FALSE(core.hyp.power_is_off(1));
}

TEST(Hyp, PowerEndsAsItBegan) {
  Core core("tiny");
  const PowerCall all[] = {PowerCall::kSuspend, PowerCall::kResume, PowerCall::kOff,
                           PowerCall::kOn};
  const auto legal = [&](PowerCall first, PowerCall second) {
    Core fresh("tiny");
    fresh.hyp.Power(fresh.calls, first, 2);
    return fresh.hyp.Power(fresh.calls, second, 2).why == Why::kNone;
  };
  for (PowerCall down : {PowerCall::kSuspend, PowerCall::kOff}) {
    for (PowerCall next : all) {
      const bool back = (down == PowerCall::kSuspend && next == PowerCall::kResume) ||
                        (down == PowerCall::kOff && next == PowerCall::kOn);
      EXPECT_EQ(legal(down, next), back) << int(down) << " " << int(next);
    }
  }
  for (PowerCall up : {PowerCall::kResume, PowerCall::kOn}) {
    EXPECT_EQ(core.hyp.Power(core.calls, up, 0).why, Why::kPower) << "it is on";
  }
  EXPECT_EQ(core.hyp.Power(core.calls, PowerCall::kOff, 3).why, Why::kArgument);
  EXPECT_EQ(core.hyp.Power(core.calls, PowerCall::kOff, 255).why, Why::kArgument);
  EXPECT_EQ(core.calls.log, Log());
}

TEST(Hyp, ADriverThatDoesNotSwitchLeavesPowerAsItWas) {
  for (HypStatus status : {HypStatus::kUnsupported, HypStatus::kRefused, HypStatus::kDegraded}) {
    Core core("tiny");
    core.calls.power.status = status;
    EXPECT_EQ(core.hyp.Power(core.calls, PowerCall::kSuspend, 0).status, status);
    EXPECT_FALSE(core.hyp.power_is_off(0));
    core.calls.power.status = HypStatus::kOk;
    core.hyp.Power(core.calls, PowerCall::kSuspend, 0);
    core.calls.power.status = status;
    EXPECT_EQ(core.hyp.Power(core.calls, PowerCall::kResume, 0).status, status);
    EXPECT_TRUE(core.hyp.power_is_off(0)) << "nothing translates until a resume is through";
  }
}

// ---------------------------------------------------------------- locks

TEST(Hyp, TheDriverMayNotNeedAnythingUnderALockOfItsOwn) {
  Core core("tiny");
  core.hyp.Lock(core.calls, 2);
  EXPECT_TRUE(core.calls.reports.empty());
  core.hyp.Enter(core.calls, Need::kNotify);
  ASSERT_EQ(core.calls.reports.size(), 1u);
  EXPECT_EQ(core.calls.LastLock(), LockFault::kHeldInCall);
  EXPECT_EQ(core.calls.reports.back().lock.lock, 2u);
  EXPECT_EQ(core.calls.reports.back().need, Need::kNotify);
  EXPECT_NE(core.hyp.PageAlloc(core.calls, kPoolAtomic, false), 0u);
  EXPECT_EQ(core.calls.LastLock(), LockFault::kHeldInCall);
  EXPECT_EQ(core.calls.reports.back().need, Need::kPageAlloc);
  core.calls.reports.clear();
  core.hyp.CallReturned(core.calls);
  EXPECT_EQ(core.calls.LastLock(), LockFault::kHeldOnReturn);
  core.hyp.Unlock(core.calls, 2);
  core.hyp.CallReturned(core.calls);
  EXPECT_EQ(core.calls.reports.size(), 1u);
}

TEST(Hyp, UnuseUnderALockOfTheDriverIsToldOfBoth) {
  Core core("tiny");
  core.hyp.UseDma(core.calls, kOwnerHost, kPage, kStep);
  core.hyp.Lock(core.calls, 1);
  core.hyp.UnuseDma(core.calls, kPage, kStep);
  ASSERT_GE(core.calls.reports.size(), 1u);
  EXPECT_EQ(core.calls.reports[0].lock.fault, LockFault::kHeldInCall);
  EXPECT_EQ(core.calls.reports[0].need, Need::kUnuseDma);
}

TEST(Hyp, UnuseInsideTheMirrorTakesTheHostLockTwice) {
  Core core("tiny");
  core.hyp.UseDma(core.calls, kOwnerHost, kPage, kStep);
  core.calls.during_idmap = [&core] { core.hyp.UnuseDma(core.calls, kPage, kStep); };
  core.hyp.Donate(core.calls, kPage + kStep, 1, kG0);
  ASSERT_FALSE(core.calls.reports.empty());
  EXPECT_EQ(core.calls.reports[0].lock.fault, LockFault::kTwice);
  EXPECT_EQ(core.calls.reports[0].lock.lock, kHostLock);
}

TEST(Hyp, OnlyTheAtomicPoolUnderTheHostLock) {
  Core core("tiny");
  core.calls.during_idmap = [&core] { core.hyp.PageAlloc(core.calls, kPoolAtomic, false); };
  core.hyp.Donate(core.calls, kPage, 1, kG0);
  EXPECT_TRUE(core.calls.reports.empty());
  core.calls.during_idmap = [&core] { core.hyp.PageAlloc(core.calls, kPoolHost, false); };
  core.hyp.Reclaim(core.calls, kPage, 1, kG0);
  ASSERT_EQ(core.calls.reports.size(), 1u);
  EXPECT_EQ(core.calls.LastLock(), LockFault::kMaySleep);
  EXPECT_EQ(core.calls.reports.back().pool, kPoolHost);
  core.calls.reports.clear();
  core.hyp.PageAlloc(core.calls, kPoolHost, false);
  EXPECT_TRUE(core.calls.reports.empty()) << "without the lock any pool will do";
}

TEST(Hyp, LocksAreTheActingCpus) {
  Core core("tiny");
  core.hyp.set_cpu(5);
  core.hyp.Lock(core.calls, 1);
  core.hyp.set_cpu(6);
  core.hyp.CallReturned(core.calls);
  EXPECT_TRUE(core.calls.reports.empty());
  core.hyp.Unlock(core.calls, 1);
  EXPECT_EQ(core.calls.LastLock(), LockFault::kNotHeld);
}

// ---------------------------------------------------------------- altogether

TEST(Hyp, RestoreGoesBackToTheMark) {
  Core core("tiny");
  core.hyp.Donate(core.calls, kPage, 1, kG0);
  core.hyp.Mark();
  core.hyp.Reclaim(core.calls, kPage, 1, kG0);
  core.hyp.UseDma(core.calls, kOwnerHost, kPage, kStep);
  core.hyp.Power(core.calls, PowerCall::kOff, 1);
  core.hyp.Lock(core.calls, 3);
  const uint64_t page = core.hyp.PageAlloc(core.calls, kPoolAtomic, false);
  core.hyp.Restore();
  EXPECT_EQ(core.hyp.owner(kPage), kG0);
  EXPECT_EQ(core.hyp.pages().Find(kPage)->refs, 0u);
  EXPECT_FALSE(core.hyp.power_is_off(1));
  EXPECT_FALSE(core.hyp.locks().Holds(0, 3));
  EXPECT_FALSE(core.hyp.IsTaken(page));
}

bool HostMayTouch(const Hyp& hyp, uint64_t pa) {
  const PageInfo& page = *hyp.pages().Find(pa);
  return page.owner == kOwnerHost || page.borrower == kOwnerHost;
}

// Whatever a driver does, it never mirrors more than the host has; and one that does all that it is
// told mirrors exactly that.
TEST(Hyp, TheMirrorFollowsOwnershipOnRandomSteps) {
  for (unsigned seed = 1; seed <= 12; seed++) {
    std::mt19937 random(seed);
    const bool honest = seed % 2 != 0;
    Core core("tiny");
    unsigned done = 0;
    for (int step = 0; step < 4000; step++) {
      const uint64_t pa = (random() % 4 ? kPage : kRegisters) + random() % 5 * kStep;
      const uint64_t count = 1 + random() % 3;
      const uint8_t owner = core.hyp.owner(pa);
      const uint8_t borrower = core.hyp.pages().Find(pa)->borrower;
      const auto who = static_cast<uint8_t>(random() % 4);
      if (!honest) {
        core.calls.complete = random() % 4 ? HypStatus::kOk : HypStatus::kDegraded;
        core.calls.refuse_at = random() % 4 ? ~uint64_t{0} : pa + kStep;
        core.calls.stop_after = random() % 3 * kStep;
      }
      HypResult result;
      const unsigned act = random() % 5;
      if (act == 0) result = core.hyp.Donate(core.calls, pa, count, who);
      if (act == 1) result = core.hyp.Reclaim(core.calls, pa, count, owner);
      if (act == 2) result = core.hyp.Share(core.calls, pa, count, owner, who);
      if (act == 3) result = core.hyp.Unshare(core.calls, pa, count, owner, borrower);
      if (act == 4 && pa >= kPage) {
        result = core.hyp.UseDma(core.calls, who, pa, count * kStep);
        if (result.status == HypStatus::kOk) core.hyp.UnuseDma(core.calls, pa, count * kStep);
      }
      done += result.called;
      for (uint64_t i = 0; i < 16; i++) {
        const uint64_t page = (i < 8 ? kPage : kRegisters) + i % 8 * kStep;
        const bool mirrored = core.calls.mirror.count(page) != 0;
        ASSERT_TRUE(!mirrored || HostMayTouch(core.hyp, page)) << seed << " " << step;
        ASSERT_TRUE(!honest || mirrored == HostMayTouch(core.hyp, page)) << seed << " " << step;
      }
      ASSERT_TRUE(Sound(core)) << seed << " " << step;
    }
    EXPECT_GT(done, 150u);
  }
}

}  // namespace
}  // namespace sidewall::model
