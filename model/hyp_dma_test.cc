// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Mappings with their references, and the pools.
#include <gtest/gtest.h>

#include <random>

#include "model/hyp_testing.h"

namespace sidewall::model {
namespace {

using Log = std::vector<std::string>;

constexpr uint64_t kPage = 0x80010000;
constexpr uint64_t kRegisters = 0x02600000;
constexpr uint64_t kAll = ~uint64_t{0};
constexpr uint8_t kG0 = kOwnerGuest0;

uint32_t Refs(const Core& core, uint64_t pa) { return core.hyp.pages().Find(pa)->refs; }

MapRequest Request(uint64_t count, uint8_t who = kOwnerHost) {
  MapRequest request;
  request.who = who;
  request.iova = 0x40000000;
  request.pa = kPage;
  request.page_count = count;
  request.prot = 3;
  return request;
}

// ---------------------------------------------------------------- map

TEST(HypDma, ReferencesAreThereBeforeTheDriverMaps) {
  Core core("tiny");
  core.calls.map.progress = kAll;
  core.calls.during_map = [&core] {
    for (uint64_t i = 0; i < 3; i++) EXPECT_EQ(Refs(core, kPage + i * kStep), 1u) << i;
    EXPECT_FALSE(core.hyp.locks().Holds(0, kHostLock)) << "the driver may take its time";
  };
  const HypResult result = core.hyp.MapOnce(core.calls, Request(3));
  EXPECT_EQ(result.status, HypStatus::kOk);
  EXPECT_EQ(result.mapped, 3 * kStep);
  EXPECT_EQ(Refs(core, kPage + 2 * kStep), 1u);
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 1, kG0).why, Why::kReferenced);
  EXPECT_TRUE(core.calls.reports.empty());
}

TEST(HypDma, WhatWasNotMappedIsNotReferenced) {
  Core core("tiny");
  core.calls.map.progress = kStep;
  const HypResult result = core.hyp.MapOnce(core.calls, Request(3));
  EXPECT_EQ(result.status, HypStatus::kOk);
  EXPECT_EQ(result.mapped, kStep);
  EXPECT_EQ(Refs(core, kPage), 1u);
  EXPECT_EQ(Refs(core, kPage + kStep), 0u);
  EXPECT_EQ(Refs(core, kPage + 2 * kStep), 0u);
  EXPECT_TRUE(core.calls.reports.empty());
}

TEST(HypDma, ADriverThatSaysNoHasMappedNothing) {
  for (HypStatus status : {HypStatus::kRefused, HypStatus::kUnsupported}) {
    Core core("tiny");
    core.calls.map = {status, kAll, 0};
    const HypResult result = core.hyp.Map(core.calls, Request(3));
    EXPECT_EQ(result.status, status);
    EXPECT_EQ(result.mapped, 0u);
    EXPECT_EQ(core.calls.log, Log{"map"}) << "no retry";
    for (uint64_t i = 0; i < 3; i++) EXPECT_EQ(Refs(core, kPage + i * kStep), 0u);
  }
}

TEST(HypDma, PagesThatAreNotTheCallersNeverReachTheDriver) {
  Core core("tiny");
  core.calls.map.progress = kAll;
  core.hyp.Donate(core.calls, kPage + 2 * kStep, 1, kG0);
  core.calls.log.clear();
  EXPECT_EQ(core.hyp.Map(core.calls, Request(3)).why, Why::kState);
  EXPECT_EQ(core.hyp.Map(core.calls, Request(3, kG0)).why, Why::kState);
  EXPECT_EQ(core.hyp.Map(core.calls, Request(1, kOwnerEl2)).why, Why::kParty);
  EXPECT_EQ(core.hyp.Map(core.calls, Request(1, 200)).why, Why::kParty);
  EXPECT_EQ(core.calls.log, Log());
  for (uint64_t i = 0; i < 3; i++) EXPECT_EQ(Refs(core, kPage + i * kStep), 0u);
  MapRequest own = Request(1, kG0);
  own.pa = kPage + 2 * kStep;
  EXPECT_EQ(core.hyp.Map(core.calls, own).status, HypStatus::kOk);
}

TEST(HypDma, ArgumentsThatMakeNoSense) {
  Core core("tiny");
  core.calls.map.progress = kAll;
  std::vector<MapRequest> bad(9, Request(1));
  bad[0].page_size = 0;
  bad[1].page_size = 2048;
  bad[2].page_size = 3 * kStep;
  bad[3].page_count = 0;
  bad[4].page_count = (kAll >> 12) + 1;
  bad[5].iova = 0x40000800;
  bad[6].iova = kAll & ~(kStep - 1);
  bad[6].page_count = 2;
  bad[7].prot = 0x13;
  bad[8].pa = kPage + 8;
  for (size_t i = 0; i < bad.size(); i++) {
    EXPECT_EQ(core.hyp.Map(core.calls, bad[i]).why, Why::kArgument) << i;
    EXPECT_EQ(core.hyp.MapOnce(core.calls, bad[i]).why, Why::kArgument) << i;
    const Why unmap = core.hyp.Unmap(core.calls, bad[i]).why;
    EXPECT_EQ(unmap, i < 8 ? Why::kArgument : Why::kNone) << i << ", where pa means nothing";
  }
  MapRequest block = Request(1);
  block.page_size = 2 << 20;
  EXPECT_EQ(core.hyp.Map(core.calls, block).why, Why::kArgument) << "2 MiB, at a 64 KiB boundary";
  EXPECT_EQ(core.calls.mapped.size(), 0u);
}

TEST(HypDma, AMemoryRequestIsServedAndTriedAgain) {
  Core core("tiny");
  core.calls.map = {HypStatus::kOk, kAll, 0};
  core.calls.map_at_once = kStep;
  core.calls.refill = true;
  unsigned calls = 0;
  core.calls.during_map = [&] { core.calls.map.pages_needed = ++calls == 2 ? 3 : 0; };
  const HypResult result = core.hyp.Map(core.calls, Request(3));
  EXPECT_EQ(result.status, HypStatus::kOk);
  EXPECT_EQ(result.mapped, 3 * kStep);
  EXPECT_EQ(core.calls.log, (Log{"map", "map", "refill0+3", "map"}));
  EXPECT_EQ(core.calls.mapped[1].iova, 0x40001000u);
  EXPECT_EQ(core.calls.mapped[1].pa, kPage + kStep);
  EXPECT_EQ(core.calls.mapped[2].page_count, 1u);
  for (uint64_t i = 0; i < 3; i++) EXPECT_EQ(Refs(core, kPage + i * kStep), 1u) << i;
}

TEST(HypDma, NoProgressAndNoRequestEnds) {
  Core core("tiny");
  core.calls.map = {HypStatus::kOk, 0, 0};
  HypResult result = core.hyp.Map(core.calls, Request(2));
  EXPECT_EQ(result.status, HypStatus::kOk);
  EXPECT_EQ(result.mapped, 0u);
  EXPECT_EQ(core.calls.log, Log{"map"});
  core.calls.log.clear();
  core.calls.map.pages_needed = 2;
  result = core.hyp.Map(core.calls, Request(2));
  EXPECT_EQ(core.calls.log, (Log{"map", "refill0+2"})) << "nobody has memory";
  EXPECT_EQ(result.pages_needed, 2u);
  core.calls.refill = true;
  core.calls.log.clear();
  core.hyp.Map(core.calls, Request(2));
  EXPECT_LE(core.calls.log.size(), 2048u) << "a driver that is never content";
  EXPECT_EQ(Refs(core, kPage), 0u);
}

TEST(HypDma, BetweenTwoRoundsTheHostMayGiveThePageAway) {
  Core core("tiny");
  core.calls.map = {HypStatus::kOk, kStep, 1};
  core.calls.refill = true;
  core.calls.during_refill = [&core] {
    EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 1, kG0).why, Why::kReferenced);
    EXPECT_EQ(core.hyp.Donate(core.calls, kPage + kStep, 1, kG0).status, HypStatus::kOk);
  };
  const HypResult result = core.hyp.Map(core.calls, Request(2));
  EXPECT_EQ(result.mapped, kStep);
  EXPECT_EQ(result.why, Why::kState) << "the second page is no longer the host's";
  EXPECT_EQ(core.calls.mapped.size(), 1u);
}

TEST(HypDma, AGuestsMappingAsksItsOwnPool) {
  Core core("tiny");
  core.hyp.Donate(core.calls, kPage, 2, kG0 + 1);
  core.calls.log.clear();
  core.calls.map = {HypStatus::kOk, 0, 4};
  core.hyp.Map(core.calls, Request(2, kG0 + 1));
  EXPECT_EQ(core.calls.log, (Log{"map", "refill3+4"}));
}

TEST(HypDma, ProgressIsWholePagesOfWhatWasAsked) {
  Core core("tiny");
  core.calls.map = {HypStatus::kOk, kStep + 5, 0};
  EXPECT_EQ(core.hyp.MapOnce(core.calls, Request(3)).mapped, kStep);
  EXPECT_EQ(Refs(core, kPage + kStep), 0u);
  core.calls.map = {HypStatus::kDegraded, 2 * kStep, 0};
  EXPECT_EQ(core.hyp.MapOnce(core.calls, Request(3)).mapped, 2 * kStep);
  EXPECT_EQ(Refs(core, kPage), 2u);
  EXPECT_EQ(Refs(core, kPage + kStep), 1u) << "what a degraded call mapped stays referenced";
}

// ---------------------------------------------------------------- unmap

TEST(HypDma, TheDriverDropsTheReferencesInItsSync) {
  Core core("tiny");
  core.calls.map.progress = kAll;
  core.hyp.Map(core.calls, Request(2));
  core.calls.log.clear();
  core.calls.unmap.progress = kAll;
  core.calls.map_at_once = kStep;
  core.calls.during_sync = [&core] {
    EXPECT_EQ(Refs(core, kPage), 1u) << "the core itself drops nothing";
    core.hyp.UnuseDma(core.calls, kPage, 2 * kStep);
  };
  const HypResult result = core.hyp.Unmap(core.calls, Request(2));
  EXPECT_EQ(result.status, HypStatus::kOk);
  EXPECT_EQ(result.mapped, 2 * kStep);
  EXPECT_EQ(core.calls.log, (Log{"unmap", "unmap", "sync"}));
  EXPECT_EQ(core.hyp.Donate(core.calls, kPage, 2, kG0).status, HypStatus::kOk);
  EXPECT_TRUE(core.calls.reports.empty());
}

TEST(HypDma, NothingUnmappedNothingSynced) {
  Core core("tiny");
  EXPECT_EQ(core.hyp.Unmap(core.calls, Request(2, kOwnerEl2)).why, Why::kParty);
  EXPECT_EQ(core.hyp.Unmap(core.calls, Request(2, kMaxOwners)).why, Why::kParty);
  core.calls.unmap = {HypStatus::kUnsupported, 0, 0};
  EXPECT_EQ(core.hyp.Unmap(core.calls, Request(2)).status, HypStatus::kUnsupported);
  core.calls.unmap = {HypStatus::kRefused, 0, 0};
  EXPECT_EQ(core.hyp.Unmap(core.calls, Request(2)).status, HypStatus::kRefused);
  EXPECT_EQ(core.calls.log, (Log{"unmap", "unmap"}));
  core.calls.unmap = {HypStatus::kOk, kAll, 0};
  core.calls.sync.status = HypStatus::kDegraded;
  EXPECT_EQ(core.hyp.Unmap(core.calls, Request(2)).status, HypStatus::kDegraded);
}

TEST(HypDma, AReferenceTooManyIsReported) {
  Core core("tiny");
  core.hyp.UseDma(core.calls, kOwnerHost, kPage, kStep);
  core.hyp.UnuseDma(core.calls, kPage, 2 * kStep);
  ASSERT_EQ(core.calls.reports.size(), 1u);
  EXPECT_EQ(core.calls.reports[0].kind, HypReport::kReferences);
  EXPECT_EQ(core.calls.reports[0].pa, kPage + kStep);
  core.hyp.UnuseDma(core.calls, 0x02c00000, kStep);
  EXPECT_EQ(core.calls.reports.size(), 2u);
  EXPECT_EQ(core.calls.reports[1].pa, 0x02c00000u);
}

TEST(HypDma, RegistersThatTheHostMappedAreNeverAGuests) {
  Core core("tiny");
  EXPECT_EQ(core.hyp.UseDma(core.calls, kOwnerHost, kRegisters, kStep).status, HypStatus::kOk);
  core.hyp.UnuseDma(core.calls, kRegisters, kStep);
  EXPECT_EQ(core.hyp.Donate(core.calls, kRegisters, 1, kG0).why, Why::kTainted);
  EXPECT_EQ(core.hyp.Donate(core.calls, kRegisters, 2, kG0).why, Why::kTainted);
  EXPECT_EQ(core.hyp.Donate(core.calls, kRegisters + kStep, 1, kG0).status, HypStatus::kOk);
}

// ---------------------------------------------------------------- pools

TEST(HypPool, PagesAreClearWhenTheyAreHandedOut) {
  Core core("tiny");
  const uint64_t page = core.hyp.PageAlloc(core.calls, kPoolAtomic, false);
  EXPECT_TRUE(core.calls.zeroed.empty()) << "the donation has cleared it";
  core.hyp.PageFree(core.calls, kPoolAtomic, page);
  EXPECT_EQ(core.hyp.PageAlloc(core.calls, kPoolAtomic, false), page);
  EXPECT_EQ(core.calls.zeroed, std::vector<uint64_t>{page});
  EXPECT_TRUE(core.calls.reports.empty());
}

TEST(HypPool, AFailureThatIsAskedForTakesNothing) {
  Core core("tiny");
  const uint32_t free = core.hyp.pools().account(kPoolAtomic).free;
  EXPECT_EQ(core.hyp.PageAlloc(core.calls, kPoolAtomic, true), 0u);
  EXPECT_EQ(core.hyp.pools().account(kPoolAtomic).free, free);
}

TEST(HypPool, EachMisuseIsReportedWithItsPage) {
  Core core("tiny");
  const uint64_t page = core.hyp.PageAlloc(core.calls, kPoolAtomic, false);
  core.hyp.PageFree(core.calls, kPoolVm0, page);
  core.hyp.PageFree(core.calls, kPoolAtomic, page);
  core.hyp.PageFree(core.calls, kPoolAtomic, page);
  core.hyp.PageFree(core.calls, 99, page);
  core.hyp.PageAlloc(core.calls, 99, false);
  const PoolFault want[] = {PoolFault::kForeign, PoolFault::kTwice, PoolFault::kUnknownPool,
                            PoolFault::kUnknownPool};
  ASSERT_EQ(core.calls.reports.size(), 4u);
  for (size_t i = 0; i < 4; i++) {
    EXPECT_EQ(core.calls.reports[i].kind, HypReport::kPool) << i;
    EXPECT_EQ(core.calls.reports[i].pool_fault, want[i]) << i;
  }
  EXPECT_EQ(core.calls.reports[1].pa, page);
}

TEST(HypPool, ADonatedPageIsEl2sAndFeedsOnePool) {
  Core core("tiny");
  const uint32_t spare = core.hyp.pools().spare();
  core.calls.during_pool = [&core] {
    EXPECT_EQ(core.hyp.owner(kPage), kOwnerEl2) << "before the driver hears of it";
    EXPECT_EQ(core.hyp.pools().account(kPoolHost).free, 2u);
  };
  EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolHost, kPage, 2).status, HypStatus::kOk);
  EXPECT_EQ(core.calls.log, (Log{"idmap-", "complete-", "pool_add"}));
  EXPECT_EQ(core.calls.mirror.count(kPage), 0u);
  EXPECT_EQ(core.hyp.pools().spare(), spare - 2);
  EXPECT_EQ(core.hyp.donated(kPoolHost), 2u);
  EXPECT_EQ(core.hyp.pools().account(kPoolVm0).total, 0u);
  EXPECT_EQ(core.hyp.Reclaim(core.calls, kPage, 1, kOwnerEl2).why, Why::kPool)
      << "what feeds a pool does not go back one by one";
}

TEST(HypPool, AnAddThatCannotBeIsRefused) {
  Core core("tiny");
  const uint32_t spare = core.hyp.pools().spare();
  EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolCount, kPage, 1).why, Why::kPool);
  EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolHost, kPage, spare + 1).why, Why::kPool);
  EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolHost, kRegisters, 1).why, Why::kMmio);
  EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolHost, core.spec.pool.start, 1).why, Why::kState);
  EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolHost, kPage, 0).why, Why::kRange);
  core.hyp.UseDma(core.calls, kOwnerHost, kPage, kStep);
  EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolHost, kPage, 1).why, Why::kReferenced);
  EXPECT_EQ(core.calls.log, Log());
  EXPECT_EQ(core.hyp.pools().spare(), spare);
}

TEST(HypPool, AnAddThatTheDriverWillNotHaveIsUndone) {
  for (HypStatus status : {HypStatus::kRefused, HypStatus::kUnsupported}) {
    Core core("tiny");
    const uint32_t spare = core.hyp.pools().spare();
    core.calls.pool_add.status = status;
    EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolVm0, kPage, 2).status, status);
    EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
    EXPECT_EQ(core.hyp.pages().Find(kPage)->pool, kNoPool);
    EXPECT_EQ(core.calls.mirror.count(kPage + kStep), 1u);
    EXPECT_EQ(core.hyp.pools().spare(), spare);
    EXPECT_EQ(core.hyp.donated(kPoolVm0), 0u);
    EXPECT_EQ(core.calls.owner_at_return, kOwnerEl2) << "told before the host has them again";
    core.calls.gains_left = 1;
    EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolVm0, kPage, 2).status, HypStatus::kDegraded);
    EXPECT_EQ(core.calls.returned_bytes, 3 * kStep);
  }
}

TEST(HypPool, ADonationThatDegradesFeedsNothing) {
  Core core("tiny");
  core.calls.complete = HypStatus::kDegraded;
  EXPECT_EQ(core.hyp.PoolAdd(core.calls, kPoolHost, kPage, 2).status, HypStatus::kDegraded);
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
  EXPECT_EQ(core.hyp.pools().account(kPoolHost).total, 0u);
  EXPECT_EQ(core.calls.log, (Log{"idmap-", "complete-"}));
}

TEST(HypPool, ReclaimGivesBackWhatIsFree) {
  Core core("tiny");
  core.hyp.PoolAdd(core.calls, kPoolHost, kPage, 2);
  core.hyp.PoolAdd(core.calls, kPoolHost, kPage + 4 * kStep, 2);
  core.hyp.PoolAdd(core.calls, kPoolVm0, kPage + 8 * kStep, 1);
  const uint64_t page = core.hyp.PageAlloc(core.calls, kPoolHost, false);
  core.calls.log.clear();
  EXPECT_EQ(core.hyp.PoolReclaim(core.calls, kPoolHost, 5).why, Why::kPool) << "not that many";
  EXPECT_EQ(core.hyp.PoolReclaim(core.calls, kPoolHost, 0).why, Why::kPool);
  EXPECT_EQ(core.hyp.PoolReclaim(core.calls, kPoolAtomic, 1).why, Why::kPool) << "EL2's own";
  EXPECT_EQ(core.hyp.PoolReclaim(core.calls, kPoolCount, 1).why, Why::kPool);
  EXPECT_EQ(core.calls.log, Log());
  EXPECT_EQ(core.hyp.PoolReclaim(core.calls, kPoolHost, 4).mapped, 3 * kStep);
  EXPECT_EQ(core.calls.log[0], "pool_reclaim");
  EXPECT_EQ(core.hyp.donated(kPoolHost), 1u) << "one frame is handed out";
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerEl2);
  EXPECT_EQ(core.hyp.owner(kPage + kStep), kOwnerHost);
  EXPECT_EQ(core.hyp.owner(kPage + 5 * kStep), kOwnerHost);
  EXPECT_EQ(core.hyp.owner(kPage + 8 * kStep), kOwnerEl2) << "another pool's";
  EXPECT_EQ(core.hyp.PoolReclaim(core.calls, kPoolHost, 1).why, Why::kPool) << "nothing is free";
  core.hyp.PageFree(core.calls, kPoolHost, page);
  EXPECT_EQ(core.hyp.PoolReclaim(core.calls, kPoolHost, 1).mapped, kStep);
  EXPECT_EQ(core.hyp.owner(kPage), kOwnerHost);
  EXPECT_EQ(core.hyp.donated(kPoolHost), 0u);
}

TEST(HypPool, ADriverThatKeepsItsReserveKeepsThePages) {
  Core core("tiny");
  core.hyp.PoolAdd(core.calls, kPoolHost, kPage, 2);
  for (HypStatus status : {HypStatus::kRefused, HypStatus::kUnsupported}) {
    core.calls.pool_reclaim.status = status;
    EXPECT_EQ(core.hyp.PoolReclaim(core.calls, kPoolHost, 2).status, status);
    EXPECT_EQ(core.hyp.donated(kPoolHost), 2u);
    EXPECT_EQ(core.hyp.owner(kPage), kOwnerEl2);
  }
}

// After everything has gone back, everything is as it was at boot.
TEST(HypPool, RandomStepsBalance) {
  for (unsigned seed = 1; seed <= 8; seed++) {
    std::mt19937 random(seed);
    Core core("tiny");
    const uint32_t spare = core.hyp.pools().spare();
    const size_t mirrored = core.calls.mirror.size();
    std::vector<std::pair<uint32_t, uint64_t>> held;
    for (int step = 0; step < 400; step++) {
      const uint32_t pool = random() % kPoolCount;
      const uint64_t pa = kPage + random() % 30 * kStep;
      core.calls.pool_add.status = random() % 4 ? HypStatus::kOk : HypStatus::kRefused;
      core.calls.complete = random() % 8 ? HypStatus::kOk : HypStatus::kDegraded;
      if (random() % 2) core.hyp.PoolAdd(core.calls, pool, pa, 1 + random() % 4);
      if (random() % 3 == 0) core.hyp.PoolReclaim(core.calls, pool, 1 + random() % 4);
      const uint64_t page = core.hyp.PageAlloc(core.calls, pool, false);
      if (page != 0) held.push_back({pool, page});
      if (!held.empty() && random() % 2) {
        core.hyp.PageFree(core.calls, held.back().first, held.back().second);
        held.pop_back();
      }
      uint64_t donated = 0;
      for (uint32_t i = 0; i < kPoolCount; i++) donated += core.hyp.donated(i);
      uint64_t el2 = 0;
      for (uint64_t i = 0; i < 40; i++) el2 += core.hyp.owner(kPage + i * kStep) == kOwnerEl2;
      ASSERT_EQ(donated, el2) << seed << " " << step;
      ASSERT_EQ(core.hyp.pools().spare() + donated, spare);
    }
    for (const auto& [pool, page] : held) core.hyp.PageFree(core.calls, pool, page);
    for (uint32_t pool = 0; pool < kPoolCount; pool++) {
      core.hyp.PoolReclaim(core.calls, pool, core.hyp.donated(pool));
      EXPECT_EQ(core.hyp.donated(pool), 0u);
    }
    EXPECT_EQ(core.hyp.pools().spare(), spare);
    for (uint64_t i = 0; i < 40; i++) EXPECT_EQ(core.hyp.owner(kPage + i * kStep), kOwnerHost);
    EXPECT_LE(core.calls.mirror.size(), mirrored) << "a degraded loss may have unmapped some";
    EXPECT_TRUE(core.calls.reports.empty());
  }
}

}  // namespace
}  // namespace sidewall::model
