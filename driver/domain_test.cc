// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Domains: what is mapped, what an empty pool stops, and when a reference drops.
#include "driver/domain_test.h"

namespace sidewall_test {
namespace {

constexpr uint64_t kNormalRw = 0x7ff;  // page, write-back, RW, inner shareable, AF
constexpr uint64_t kLimit = uint64_t{1} << 48;
constexpr uint32_t kBothUnits = 2;

TEST_F(DomainTest, HandlesHaveARangeALifeAndAnOwner) {
  EXPECT_EQ(Alloc(SIDEWALL_HOST_DOMAINS), kRefused) << "a guest's";
  EXPECT_EQ(Alloc(~0u), kRefused);
  EXPECT_EQ(sidewall_alloc_domain(state, 0, 1).status, kRefused) << "unknown type";
  const size_t pages = fake.pages_out;
  EXPECT_EQ(Alloc(0), kOk);
  EXPECT_EQ(Alloc(0), kRefused);
  EXPECT_EQ(Alloc(SIDEWALL_HOST_DOMAINS - 1), kOk);
  EXPECT_EQ(fake.pages_out, pages + 2);
  EXPECT_EQ(Counters().pages, fake.pages_out);
  for (uint32_t bad : {1u, SIDEWALL_HOST_DOMAINS, 64u, 1000u, ~0u}) {
    EXPECT_EQ(Free(bad).status, kRefused) << bad;
    EXPECT_EQ(Map(bad, 0, kDram).status, kRefused) << bad;
    EXPECT_EQ(Unmap(bad, 0).status, kRefused) << bad;
    EXPECT_EQ(Sync(bad).status, kRefused) << bad;
    EXPECT_EQ(Phys(bad, 0), ~uint64_t{0}) << bad;
    EXPECT_EQ(Attach(kNiso1Side, bad, 0x0e), kRefused) << bad;
    EXPECT_EQ(Detach(kNiso1Side, bad, 0x0e), kRefused) << bad;
    EXPECT_EQ(sidewall_iotlb_sync_map(state, bad, 0, kPage).status, kRefused) << bad;
  }
  EXPECT_EQ(Free(0).progress, 1u);
  EXPECT_EQ(Free(0).status, kRefused) << "twice";
  EXPECT_EQ(fake.pages_out, pages + 1);
  EXPECT_TRUE(RegisterStores().empty());
}

class UnfinalizedTest : public DriverTest {};

TEST_F(UnfinalizedTest, NothingIsServedBeforeFinalize) {
  EXPECT_EQ(sidewall_alloc_domain(state, 0, 0).status, kRefused) << "before init";
  EXPECT_EQ(sidewall_alloc_domain(nullptr, 0, 0).status, kRefused);
  ASSERT_EQ(Init().status, kOk);
  EXPECT_EQ(sidewall_alloc_domain(state, 0, 0).status, kRefused);
  EXPECT_EQ(sidewall_vm_create(state, 0).status, kRefused);
  EXPECT_EQ(sidewall_pool_add(state, 0, 1).status, kRefused);
}

TEST_F(DomainTest, MapsWhereItIsTold) {
  ASSERT_EQ(Alloc(3), kOk);
  const sidewall_result result = Map(3, 0x7f0000000000, kDram + 3 * kPage, 2);
  EXPECT_EQ(result.status, kOk);
  EXPECT_EQ(result.progress, 2 * kPage);
  EXPECT_EQ(Phys(3, 0x7f0000000123), kDram + 3 * kPage + 0x123);
  EXPECT_EQ(Phys(3, 0x7f0000001fff), kDram + 4 * kPage + 0xfff);
  EXPECT_EQ(Phys(3, 0x7f0000002000), ~uint64_t{0});
  EXPECT_EQ(Phys(3, kLimit), ~uint64_t{0});
  EXPECT_EQ(sidewall_iotlb_sync_map(state, 3, 0x7f0000000000, 2 * kPage).status, kOk);
  EXPECT_TRUE(RegisterStores().empty()) << "what was invalid was in no cache";
  EXPECT_EQ(fake.pools_used.count(SIDEWALL_POOL_HOST), 1u);
}

TEST_F(DomainTest, BadRequestsAreRefusedAndChangeNothing) {
  ASSERT_EQ(Alloc(0), kOk);
  const uint64_t stores = Counters().table_stores;
  const size_t pages = fake.pages_out;
  const uint64_t format = uint64_t{1} << 39;
  const uint64_t all = ~uint64_t{0};
  struct Case {
    uint64_t iova, pa, size, count;
    uint32_t prot;
    const char* why;
  } cases[] = {
      {1, kDram, kPage, 1, 3, "iova unaligned"},
      {0, kDram + 8, kPage, 1, 3, "pa unaligned"},
      {0, kDram, kPage, 0, 3, "nothing"},
      {0, kDram, 0, 1, 3, "no page size"},
      {0, kDram, 8192, 1, 3, "no such page size"},
      {0, kDram, uint64_t{1} << 30, 1, 3, "no such block"},
      {kPage, kDram, kBlockSize, 1, 3, "a block must be aligned"},
      {0, kDram + kPage, kBlockSize, 1, 3, "a block's memory too"},
      {0, kDram, kPage, all, 3, "wraps"},
      {0, kDram, kPage, (all >> 12) + 2, 3, "wraps to little"},
      {kLimit, kDram, kPage, 1, 3, "beyond the input size"},
      {kLimit - kPage, kDram, kPage, 2, 3, "ends beyond the input size"},
      {all - kPage + 1, kDram, kPage, 1, 3, "wraps round the end"},
      {0, format, kPage, 1, 3, "bit 39"},
      {0, format | kDram, kPage, 1, 3, "bit 39 over RAM"},
      {0, format - kPage, kPage, 2, 3, "ends above bit 39"},
      {0, kDram, kPage, 1, 0, "no permission"},
      {0, kDram, kPage, 1, SIDEWALL_PROT_MMIO, "no permission"},
      {0, kDram, kPage, 1, 0x13, "unknown bit"},
      {0, kPool, kPage, 1, 3, "EL2's memory"},
      {0, kPool - kPage, kPage, 2, 3, "ends in EL2's memory"},
      {0, kNiso1, kPage, 1, 3, "an SMMU"},
      {0, kNiso1m + kWindowSize - kPage, kPage, 1, 3, "its mirror"},
      {0, kMcSid, kPage, 1, 3, "the memory controller"},
      {0, 0, kPage, 0x20000, 3, "all of them"},
  };
  for (const Case& c : cases) {
    const sidewall_result result = Map(0, c.iova, c.pa, c.count, c.prot, c.size);
    EXPECT_EQ(result.status, kRefused) << c.why;
    EXPECT_EQ(result.progress, 0u) << c.why;
  }
  EXPECT_EQ(Counters().table_stores, stores);
  EXPECT_EQ(fake.pages_out, pages);
  EXPECT_EQ(Unmap(0, 0).status, kRefused) << "nothing is mapped";
  EXPECT_EQ(Unmap(0, 1).status, kRefused);
  EXPECT_EQ(Unmap(0, kLimit - kPage, 2).status, kRefused);
  EXPECT_EQ(Unmap(0, 0, all).status, kRefused);
  EXPECT_EQ(Unmap(0, 0, 1, 8192).status, kRefused);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(DomainTest, NeverOverAMapping) {
  ASSERT_EQ(Alloc(0), kOk);
  Map(0, 4 * kPage, kDram, 1);
  EXPECT_EQ(Map(0, 4 * kPage, kDram, 1).status, kRefused) << "not even the same";
  const sidewall_result result = Map(0, 2 * kPage, kDram + 2 * kPage, 4);
  EXPECT_EQ(result.status, kOk);
  EXPECT_EQ(result.progress, 2 * kPage) << "stops in front of it";
  EXPECT_EQ(Phys(0, 4 * kPage), kDram);
}

TEST_F(DomainTest, BlocksOnlyWhereAskedFor) {
  fake.pool_left = 100;
  ASSERT_EQ(Alloc(0), kOk);
  EXPECT_EQ(Map(0, 0, kDram, 512).progress, kBlockSize);
  EXPECT_EQ(Map(0, kBlockSize, kDram + kBlockSize, 1, 3, kBlockSize).progress, kBlockSize);
  const size_t pages = fake.pages_out;
  EXPECT_EQ(Map(0, 2 * kBlockSize, kDram, 2, 3, kBlockSize).progress, 2 * kBlockSize);
  EXPECT_EQ(fake.pages_out, pages) << "blocks need no table of leaves";
  EXPECT_EQ(Phys(0, 3 * kBlockSize + 0x12345), kDram + kBlockSize + 0x12345);
  EXPECT_EQ(Map(0, kBlockSize + kPage, kDram).status, kRefused) << "a block lies there";
  EXPECT_EQ(Map(0, 0, kDram, 1, 3, kBlockSize).status, kRefused) << "pages lie there";
  EXPECT_EQ(Map(0, 0x40000000 + kPage, kDram).progress, kPage);
  EXPECT_EQ(Map(0, 0x40000000, kDram, 1, 3, kBlockSize).status, kRefused) << "not even in part";
  EXPECT_EQ(Unmap(0, 0x40000000, 1, kBlockSize).status, kRefused);
  EXPECT_EQ(Unmap(0, 0, 1, kBlockSize).progress, kBlockSize) << "of pages";
  // The block would hold RAM and registers, or pages that a range of EL2's cuts off.
  EXPECT_EQ(Map(0, 8 * kBlockSize, kPool - kBlockSize, 1, 3, kBlockSize).progress, kBlockSize);
  EXPECT_EQ(Map(0, 9 * kBlockSize, kPool, 1, 3, kBlockSize).status, kRefused);
}

TEST_F(DomainTest, PartOfABlockIsNotUnmapped) {
  ASSERT_EQ(Alloc(0), kOk);
  Map(0, 0, kDram, 1, 3, kBlockSize);
  const uint64_t stores = Counters().table_stores;
  EXPECT_EQ(Unmap(0, 0, 511).status, kRefused);
  EXPECT_EQ(Unmap(0, kPage, 511).status, kRefused);
  EXPECT_EQ(Unmap(0, kPage, 1).progress, 0u);
  EXPECT_EQ(Counters().table_stores, stores);
  EXPECT_EQ(Phys(0, kPage), kDram + kPage);
  EXPECT_EQ(Unmap(0, 0, 512).progress, kBlockSize);
  EXPECT_EQ(Phys(0, kPage), ~uint64_t{0});
  EXPECT_EQ(Sync(0).progress, 1u);
  ASSERT_EQ(fake.unused.size(), 1u);
  EXPECT_EQ(fake.unused[0].pa, kDram);
  EXPECT_EQ(fake.unused[0].size, kBlockSize);
  EXPECT_EQ(Map(0, kPage, kDram).progress, kPage) << "pages may follow a block that is gone";
}

TEST_F(DomainTest, AnAddressIsFreeAgainAfterItsSync) {
  ASSERT_EQ(Alloc(0), kOk);
  Map(0, 0, kDram, 4);
  EXPECT_EQ(Unmap(0, kPage, 2).progress, 2 * kPage);
  EXPECT_EQ(Phys(0, kPage), ~uint64_t{0});
  EXPECT_TRUE(fake.unused.empty()) << "before the sync";
  EXPECT_EQ(Unmap(0, kPage, 1).status, kRefused) << "twice";
  EXPECT_EQ(Map(0, kPage, kDram + 8 * kPage).status, kRefused) << "waits for its sync";
  const sidewall_result partial = Unmap(0, 0, 4);
  EXPECT_EQ(partial.progress, kPage) << "up to the hole";
  EXPECT_EQ(Sync(0).status, kOk);
  EXPECT_EQ(Unused(), 3 * kPage);
  ASSERT_EQ(fake.unused.size(), 1u) << "one run";
  EXPECT_EQ(Map(0, kPage, kDram + 8 * kPage).progress, kPage);
  EXPECT_EQ(Phys(0, kPage), kDram + 8 * kPage);
  EXPECT_EQ(Phys(0, 3 * kPage), kDram + 3 * kPage);
  EXPECT_EQ(Sync(0).status, kOk);
  EXPECT_EQ(Unused(), 3 * kPage) << "nothing is dropped twice";
}

TEST_F(DomainTest, ReferencesDropAfterTheSyncOfEveryUnit) {
  ASSERT_EQ(Alloc(0), kOk);
  Map(0, 0, kDram, 2);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  ASSERT_EQ(Attach(kIsoSide, 0, 0x01), kOk);
  const uint64_t vmid = Cbar(kNiso1, kFirstContext) & 0xff;
  const uint64_t iso_vmid = Cbar(kIso, kFirstContext) & 0xff;
  ClearLog();
  EXPECT_EQ(Unmap(0, 0, 2).progress, 2 * kPage);
  EXPECT_EQ(fake.log.back().kind, Store::kBarrier);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Sync(0).status, kOk);
  EXPECT_EQ(RegisterStores(), (Stores{{kNiso1 + 0x64, vmid},
                                      {kNiso1m + 0x64, vmid},
                                      {kNiso1 + 0x70, 0},
                                      {kNiso1m + 0x70, 0},
                                      {kIso + 0x64, iso_vmid},
                                      {kIso + 0x70, 0}}));
  ASSERT_EQ(fake.unused.size(), 1u);
  size_t syncs = 0;
  for (size_t i = 0; i < fake.unused[0].at; ++i) syncs += (fake.log[i].pa & 0xfff) == 0x70;
  EXPECT_EQ(syncs, 3u) << "dropped after the last one";
  ClearLog();
  EXPECT_EQ(Sync(0).status, kOk);
  EXPECT_TRUE(RegisterStores().empty()) << "nothing was unmapped since";
}

TEST_F(DomainTest, ASyncThatTimesOutDropsNothing) {
  ASSERT_EQ(Alloc(0), kOk);
  Map(0, 0, kDram, 2);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  Unmap(0, 0, 2);
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(Sync(0).status, kDegraded);
  EXPECT_EQ(Counters().degraded, 1u);
  EXPECT_EQ(Sync(0).status, kDegraded);
  EXPECT_TRUE(fake.unused.empty());
  EXPECT_EQ(Map(0, 0, kDram).status, kRefused);
  fake.stuck.clear();
  EXPECT_EQ(Sync(0).status, kOk);
  EXPECT_EQ(Unused(), 2 * kPage);
  EXPECT_EQ(Counters().degraded, 0u);
}

// Another CPU unmaps between two batches: what it unmapped is flushed before it is dropped.
TEST_F(DomainTest, WhatIsUnmappedMeanwhileIsFlushedToo) {
  ASSERT_EQ(Alloc(0), kOk);
  for (uint64_t i = 0; i < 40; ++i) Map(0, i * kPage, kDram + 2 * i * kPage);
  Map(0, 64 * kPage, kDram + 0x100000);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  Unmap(0, 0, 40);
  ClearLog();
  bool done = false;
  fake.before_unuse = [&] {
    if (done) return;
    done = true;
    EXPECT_EQ(Unmap(0, 64 * kPage).progress, kPage);
  };
  EXPECT_EQ(Sync(0).progress, 1u);
  size_t syncs = 0;
  for (const Store& store : fake.log) syncs += store.pa == kNiso1 + 0x70;
  EXPECT_EQ(syncs, 2u);
  EXPECT_EQ(Unused(), 41 * kPage);
}

TEST_F(DomainTest, EveryPoolSizeConverges) {
  for (size_t left = 0; left < 8; ++left) {
    ASSERT_EQ(Alloc(0), kOk);
    const size_t begin = fake.pages_out;
    fake.pool_left = left;
    uint64_t done = 0;
    const uint64_t size = 3 * kBlockSize;
    for (int tries = 0; done < size && tries < 20; ++tries) {
      const sidewall_result result = Map(0, 0x40000000 + done, kDram + done, (size - done) / kPage);
      ASSERT_EQ(result.status, kOk);
      done += result.progress;
      if (done == size) break;
      ASSERT_NE(result.pages_needed, 0u);
      EXPECT_EQ(Counters().pages, fake.pages_out) << "spares go back";
      ++fake.pool_left;
    }
    EXPECT_EQ(done, size);
    EXPECT_EQ(fake.pages_out, begin + 5);
    fake.pool_left = 64;
    fake.unused.clear();
    EXPECT_EQ(Free(0).progress, 1u);
    EXPECT_EQ(Unused(), size);
    EXPECT_EQ(fake.pages_out, begin - 1);
  }
}

TEST_F(DomainTest, WhatThePoolIsToldIsEnough) {
  ASSERT_EQ(Alloc(0), kOk);
  fake.pool_left = 0;
  const sidewall_result result = Map(0, 0, kDram, 1024);
  EXPECT_EQ(result.status, kOk);
  EXPECT_EQ(result.progress, 0u);
  fake.pool_left = result.pages_needed;
  EXPECT_EQ(Map(0, 0, kDram, 1024).progress, 2 * kBlockSize);
  fake.pool_left = 0;
  const sidewall_result refused = sidewall_alloc_domain(state, 1, 0);
  EXPECT_EQ(refused.status, kRefused);
  EXPECT_EQ(refused.pages_needed, 1u);
  fake.pool_left = 1;
  EXPECT_EQ(Alloc(1), kOk);
}

TEST_F(DomainTest, FreeDropsWhatIsMappedAndWhatWasUnmapped) {
  ASSERT_EQ(Alloc(0), kOk);
  const size_t begin = fake.pages_out - 1;
  Map(0, 0, kDram, 8);
  Map(0, uint64_t{5} << 39, kDram + 0x100000, 3);
  Map(0, 8 * kBlockSize, kDram + kBlockSize, 1, 3, kBlockSize);
  Unmap(0, 0, 2);
  EXPECT_EQ(Free(0).progress, 1u);
  EXPECT_EQ(Unused(), 11 * kPage + kBlockSize);
  EXPECT_EQ(fake.pages_out, begin);
  EXPECT_EQ(Counters().pages, begin);
  EXPECT_EQ(Alloc(0), kOk) << "the handle is free again";
  EXPECT_EQ(Phys(0, 3 * kPage), ~uint64_t{0});
}

TEST_F(DomainTest, TheEndOfADomainIsBoundedToo) {
  ASSERT_EQ(Alloc(0), kOk);
  const size_t begin = fake.pages_out - 1;
  fake.pool_left = 2000;
  ASSERT_EQ(Map(0, 0, 0x100000000, 600 * 512).progress, uint64_t{1} << 30) << "a GiB each call";
  // No two pages are one run.
  Unmap(0, 0, 512);
  ASSERT_EQ(Sync(0).status, kOk);
  const uint64_t dropped = Unused();
  for (uint64_t i = 0; i < 512; ++i) Map(0, i * kPage, kDram + (511 - i) * 2 * kPage);
  int calls = 1;
  while (Free(0).progress == 0) {
    EXPECT_EQ(Map(0, 0, kDram).status, kRefused) << "the handle is dead";
    EXPECT_EQ(Alloc(0), kRefused);
    ASSERT_LT(++calls, 100);
  }
  EXPECT_GT(calls, 1);
  EXPECT_EQ(Unused() - dropped, uint64_t{1} << 30);
  EXPECT_EQ(fake.pages_out, begin);
}

TEST_F(DomainTest, TablesAreFilledCleanedAndThenPublished) {
  ASSERT_EQ(Alloc(0), kOk);
  ClearLog();
  Map(0, 0, kDram, 700);
  Unmap(0, 0, 600);
  Sync(0);
  Free(0);
  std::set<uint64_t> dirty;
  for (const Store& store : fake.log) {
    if (store.kind == Store::kTable) dirty.insert(store.pa);
    if (store.kind == Store::kClean) {
      dirty.erase(dirty.lower_bound(store.pa), dirty.lower_bound(store.pa + store.value));
    }
    if (store.kind == Store::kBarrier) {
      EXPECT_TRUE(dirty.empty());
    }
  }
  EXPECT_TRUE(dirty.empty());
}

TEST_F(DomainTest, PermissionsAndTypes) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  const uint64_t root = Ttbr0(kNiso1, kFirstContext);
  Map(0, 0, kDram, 1);
  EXPECT_EQ(Walk(root, 0), kDram | kNormalRw);
  Map(0, kPage, kDram, 1, SIDEWALL_PROT_R);
  EXPECT_EQ(Walk(root, kPage), kDram | 0x77f);
  Map(0, 2 * kPage, 0x03100000, 1, SIDEWALL_PROT_RW);
  EXPECT_EQ(Walk(root, 2 * kPage), 0x03100000 | uint64_t{1} << 54 | 0x4c7) << "not RAM";
  Map(0, kBlockSize, kDram, 1, SIDEWALL_PROT_W, kBlockSize);
  EXPECT_EQ(Walk(root, kBlockSize), kDram | 0x7bd);
  EXPECT_EQ(cfg.smmu_count, kBothUnits);
}

}  // namespace
}  // namespace sidewall_test
