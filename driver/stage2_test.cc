// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The host's identity stage 2: geometry, order of stores, exhaustion, and what completes a removal.
#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

constexpr uint64_t kAddress = 0x0000fffffffff000;
constexpr uint64_t kNormalRw = 0x7ff;  // page, write-back, RW, inner shareable, AF
constexpr uint64_t kNormalR = 0x77f;
constexpr uint64_t kDevice = uint64_t{1} << 54 | 0x4c7;
constexpr uint64_t kBlock = uint64_t{1} << 21;

class Stage2Test : public DriverTest {
 public:
  Stage2Test() { Boot(); }

  sidewall_result Map(uint64_t start, uint64_t end, uint32_t prot) {
    return sidewall_host_stage2_idmap(state, start, end, prot);
  }
  sidewall_result Complete(uint32_t map) { return sidewall_host_stage2_idmap_complete(state, map); }

  // The descriptor of a page, by a walk of the tables that the host's stage-2 bank names.
  uint64_t Leaf(uint64_t ipa) {
    uint64_t table = fake.Reg(Bank(kNiso1, kHostStage2) + 0x20) |
                     uint64_t{fake.Reg(Bank(kNiso1, kHostStage2) + 0x24)} << 32;
    for (int shift = 39; shift >= 12; shift -= 9) {
      const uint64_t entry = fake.Page(table)[(ipa >> shift) & 511];
      if (shift == 12 || (entry & 3) != 3) return entry;
      table = entry & kAddress;
    }
    return 0;
  }
};

TEST_F(Stage2Test, BankMatchesTheTables) {
  const uint64_t bank = Bank(kNiso1, kHostStage2);
  EXPECT_EQ(fake.Reg(bank + 0x30), 0x80052090u) << "T0SZ 16, SL0 2, outer, PASize 48";
  EXPECT_EQ(fake.Reg(bank), 0u) << "no S2CR names it";
  Write(kNiso1 + 0xc00, 0x00010000);
  EXPECT_EQ(fake.Reg(bank), 0x2121u);
  EXPECT_EQ(fake.Reg(kNiso1 + kGr1 + 4 * kHostStage2), 9u) << "type 0, the host's VMID";
  EXPECT_EQ(fake.Reg(kNiso1 + kGr1 + 0x800 + 4 * kHostStage2), 1u);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2) + 0x20), fake.Reg(bank + 0x20)) << "one tree";
  EXPECT_NE(fake.Reg(Bank(kNiso1, kFaultBank) + 0x20), fake.Reg(bank + 0x20));
  EXPECT_EQ(fake.Reg(kNiso1 + kGr1 + 4 * kFaultBank), 0xffu);
}

TEST_F(Stage2Test, MapsEachPageOntoItself) {
  const sidewall_result result = Map(kDram, kDram + 3 * 4096, SIDEWALL_PROT_RW);
  EXPECT_EQ(result.status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(result.progress, 3u * 4096);
  for (uint64_t page = kDram; page < kDram + 3 * 4096; page += 4096) {
    EXPECT_EQ(Leaf(page), page | kNormalRw);
  }
  EXPECT_EQ(Leaf(kDram + 3 * 4096), 0u);
  EXPECT_EQ(Counters().mapped_pages, 3u);
}

TEST_F(Stage2Test, PermissionsAndTypes) {
  Map(kDram, kDram + 4096, SIDEWALL_PROT_R);
  EXPECT_EQ(Leaf(kDram), kDram | kNormalR);
  Map(0x03100000, 0x03101000, SIDEWALL_PROT_RW | SIDEWALL_PROT_MMIO);
  EXPECT_EQ(Leaf(0x03100000), 0x03100000 | kDevice);
  Map(0x03200000, 0x03201000, SIDEWALL_PROT_RW);
  EXPECT_EQ(Leaf(0x03200000), 0x03200000 | kDevice) << "not RAM, so device";
  Map(kDram + 4096, kDram + 8192, SIDEWALL_PROT_RW | SIDEWALL_PROT_NOEXEC);
  EXPECT_EQ(Leaf(kDram + 4096), (kDram + 4096) | kNormalRw | uint64_t{1} << 54);
}

TEST_F(Stage2Test, NonsenseIsRefused) {
  EXPECT_EQ(Map(kDram + 4096, kDram, SIDEWALL_PROT_RW).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Map(kDram, kDram + 4096, 0x10).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Map(kDram, kDram + 4096, SIDEWALL_PROT_MMIO).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Map(kDram, kDram, SIDEWALL_PROT_RW).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(Counters().table_stores, 0u);
}

TEST_F(Stage2Test, GainRoundsInwardLossOutward) {
  EXPECT_EQ(Map(kDram + 1, kDram + 3 * 4096 - 1, SIDEWALL_PROT_RW).progress, 3u * 4096 - 2);
  EXPECT_EQ(Leaf(kDram), 0u);
  EXPECT_NE(Leaf(kDram + 4096), 0u);
  EXPECT_EQ(Leaf(kDram + 2 * 4096), 0u);
  EXPECT_EQ(Map(kDram + 4096 + 5, kDram + 4096 + 6, SIDEWALL_PROT_NONE).progress, 1u);
  EXPECT_EQ(Leaf(kDram + 4096), 0u);
}

TEST_F(Stage2Test, WhatIsEl2sIsNeverMapped) {
  fake.pool_left = 300;
  EXPECT_EQ(Map(0, 0x20000000, SIDEWALL_PROT_RW | SIDEWALL_PROT_MMIO).progress, 0x20000000u);
  for (uint64_t window : {kNiso1, kNiso1m, kIso}) {
    EXPECT_EQ(Leaf(window), 0u);
    EXPECT_EQ(Leaf(window + kWindowSize - 4096), 0u);
  }
  EXPECT_NE(Leaf(kNiso1m - 4096), 0u);
  EXPECT_NE(Leaf(kNiso1 + kWindowSize), 0u);
  EXPECT_EQ(Leaf(kMcSid), 0u);
  EXPECT_EQ(Leaf(kMcBroadcast + 0xf000), 0u);
  EXPECT_NE(Leaf(kMcBroadcast + 0x10000), 0u);
  Map(kPool - 4096, kPool + 4096, SIDEWALL_PROT_RW);
  EXPECT_NE(Leaf(kPool - 4096), 0u);
  EXPECT_EQ(Leaf(kPool), 0u);
}

TEST_F(Stage2Test, NothingAtOrAboveBit39) {
  const uint64_t limit = uint64_t{1} << 39;
  EXPECT_EQ(Map(limit - 4096, limit + 4096, SIDEWALL_PROT_RW).progress, 8192u);
  EXPECT_EQ(Leaf(limit - 4096) & kAddress, limit - 4096);
  EXPECT_EQ(Leaf(limit), 0u);
  const uint64_t stores = Counters().table_stores;
  EXPECT_EQ(Map(limit | kDram, (limit | kDram) + 4096, SIDEWALL_PROT_RW).progress, 4096u);
  EXPECT_EQ(Map(limit, ~uint64_t{0}, SIDEWALL_PROT_RW).progress, ~uint64_t{0} - limit);
  EXPECT_EQ(Counters().table_stores, stores);
}

TEST_F(Stage2Test, RemovalAboveBit39IsRefusedWhole) {
  const uint64_t limit = uint64_t{1} << 39;
  Map(limit - 4096, limit, SIDEWALL_PROT_RW);
  Map(kDram, kDram + 4096, SIDEWALL_PROT_RW);
  const uint64_t stores = Counters().table_stores;
  const std::pair<uint64_t, uint64_t> ranges[] = {
      {limit | kDram, (limit | kDram) + 4096}, {limit, limit + 4096}, {limit, ~uint64_t{0}}};
  for (const auto& [start, end] : ranges) {
    const sidewall_result result = Map(start, end, SIDEWALL_PROT_NONE);
    EXPECT_EQ(result.status, uint32_t{SIDEWALL_REFUSED});
    EXPECT_EQ(result.progress, 0u);
  }
  EXPECT_EQ(Counters().table_stores, stores);
  ClearLog();
  EXPECT_EQ(Complete(0).status, uint32_t{SIDEWALL_OK});
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Map(limit - 4096, limit, SIDEWALL_PROT_NONE).progress, 4096u);
  EXPECT_EQ(Leaf(limit - 4096), 0u);
}

// A core that takes away all that lies above its memory names addresses that nothing answers to.
TEST_F(Stage2Test, ARemovalThatRunsOnAboveTheFormatBitEndsThere) {
  const uint64_t limit = uint64_t{1} << 39;
  for (uint64_t end : {limit + 1, limit | kDram, uint64_t{1} << 48, ~uint64_t{0}}) {
    Map(kDram, kDram + 8192, SIDEWALL_PROT_RW);
    Map(limit - 4096, limit, SIDEWALL_PROT_RW);
    uint64_t start = kDram + 4096;
    while (start < end) {
      const sidewall_result result = Map(start, end, SIDEWALL_PROT_NONE);
      ASSERT_EQ(result.status, uint32_t{SIDEWALL_OK});
      ASSERT_NE(result.progress, 0u);
      start += result.progress;
    }
    EXPECT_EQ(start, end);
    EXPECT_EQ(Leaf(limit - 4096), 0u);
    EXPECT_EQ(Leaf(kDram + 4096), 0u);
    EXPECT_NE(Leaf(kDram), 0u);
  }
}

// Taken and given again in one batch, with less: the TLB may have what was there before.
TEST_F(Stage2Test, ABatchThatTakesAndGivesIsFlushed) {
  Map(kDram, kDram + 4096, SIDEWALL_PROT_RW);
  Map(kDram, kDram + 4096, SIDEWALL_PROT_NONE);
  Map(kDram, kDram + 4096, SIDEWALL_PROT_R);
  ClearLog();
  EXPECT_EQ(Complete(1).status, uint32_t{SIDEWALL_OK});
  EXPECT_FALSE(RegisterStores().empty());
  ClearLog();
  Map(kDram + 4096, kDram + 8192, SIDEWALL_PROT_RW);
  EXPECT_EQ(Complete(1).status, uint32_t{SIDEWALL_OK});
  EXPECT_TRUE(RegisterStores().empty()) << "a gain alone waits for nothing";
}

// What another CPU completes at the very moment the lock is free must find the walker up to date;
// the fixture looks at every unlock.
TEST_F(Stage2Test, LockIsDroppedAfterTheBarrier) {
  Map(kDram, kDram + 3 * kBlock, SIDEWALL_PROT_RW);
  Map(kDram, kDram + 3 * kBlock, SIDEWALL_PROT_R);
  Map(kDram + 4096, kDram + 2 * kBlock, SIDEWALL_PROT_NONE);
  EXPECT_FALSE(fake.unlocked_unordered);
}

TEST_F(Stage2Test, ReserveIsCountedUnderTheLock) {
  fake.pool_left = 0;
  const size_t before = fake.locks_taken[SIDEWALL_LOCK_IDMAP];
  EXPECT_EQ(Map(kDram, kDram + 4096, SIDEWALL_PROT_RW).pages_needed, 3u);
  EXPECT_EQ(fake.locks_taken[SIDEWALL_LOCK_IDMAP] - before, 2u) << "the try, and the count";
}

TEST_F(Stage2Test, TablesAreFilledCleanedAndThenPublished) {
  Map(kDram, kDram + 4096, SIDEWALL_PROT_RW);
  std::vector<uint64_t> ready;
  bool barrier = false;
  uint64_t zeroed = 0;
  bool cleaned = false;
  for (const Store& store : fake.log) {
    if (store.kind == Store::kZero) {
      zeroed = store.pa;
      cleaned = barrier = false;
    }
    if (store.kind == Store::kClean && store.pa == zeroed && store.value == 4096) cleaned = true;
    if (store.kind == Store::kBarrier) barrier = cleaned;
    if (store.kind == Store::kTable && (store.value & kAddress) == zeroed) {
      EXPECT_TRUE(barrier) << "published before it was clean";
      ready.push_back(zeroed);
    }
  }
  EXPECT_EQ(ready.size(), 3u);
  EXPECT_EQ(fake.log.back().kind, Store::kBarrier);
  EXPECT_EQ(fake.log[fake.log.size() - 2].kind, Store::kClean);
}

TEST_F(Stage2Test, EveryTableStoreIsCleaned) {
  Map(kDram, kDram + kBlock + 4096, SIDEWALL_PROT_RW);
  Map(kDram + 4096, kDram + 8192, SIDEWALL_PROT_NONE);
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

TEST_F(Stage2Test, GivingAgainStoresNothing) {
  Map(kDram, kDram + 8192, SIDEWALL_PROT_RW);
  const uint64_t stores = Counters().table_stores;
  Map(kDram, kDram + 8192, SIDEWALL_PROT_RW);
  EXPECT_EQ(Counters().table_stores, stores);
  EXPECT_EQ(Counters().mapped_pages, 2u);
}

TEST_F(Stage2Test, EmptyPoolStopsWithProgressAndGoesOn) {
  fake.pool_left = 3;
  sidewall_result result = Map(kDram, kDram + 2 * kBlock, SIDEWALL_PROT_RW);
  EXPECT_EQ(result.status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(result.progress, kBlock);
  EXPECT_GE(result.pages_needed, 1u);
  EXPECT_EQ(Leaf(kDram + kBlock), 0u);
  fake.pool_left = result.pages_needed;
  result = Map(kDram + kBlock, kDram + 2 * kBlock, SIDEWALL_PROT_RW);
  EXPECT_EQ(result.progress, kBlock);
  EXPECT_EQ(result.pages_needed, 0u);
  EXPECT_EQ(Counters().pages, 6u);
}

TEST_F(Stage2Test, EveryPoolSizeConverges) {
  for (size_t left = 0; left < 5; ++left) {
    fake.pool_left = left;
    uint64_t position = kDram + left * 4 * kBlock;
    const uint64_t end = position + 3 * kBlock;
    for (int tries = 0; position < end && tries < 20; ++tries) {
      const sidewall_result result = Map(position, end, SIDEWALL_PROT_RW);
      ASSERT_EQ(result.status, uint32_t{SIDEWALL_OK});
      position += result.progress;
      if (position < end) {
        ASSERT_NE(result.pages_needed, 0u);
        ++fake.pool_left;
      }
    }
    EXPECT_EQ(position, end);
  }
  EXPECT_EQ(Counters().mapped_pages, 5u * 3 * 512);
  EXPECT_EQ(Counters().pages, fake.pages_out);
}

TEST_F(Stage2Test, RemovalNeedsNoMemory) {
  Map(kDram, kDram + kBlock, SIDEWALL_PROT_RW);
  fake.pool_left = 0;
  const uint64_t everything = uint64_t{1} << 39;
  uint64_t position = 0;
  for (int calls = 0; position < everything && calls < 3; ++calls) {
    position += Map(position, everything, SIDEWALL_PROT_NONE).progress;
  }
  EXPECT_EQ(position, everything);
  EXPECT_EQ(Leaf(kDram), 0u);
  EXPECT_EQ(Counters().mapped_pages, 0u);
  EXPECT_EQ(fake.pages_out, Counters().pages) << "tables are kept";
}

TEST_F(Stage2Test, WorkOfOneCallIsBounded) {
  fake.pool_left = 2000;
  const sidewall_result result = Map(0x100000000, 0x180000000, SIDEWALL_PROT_RW);
  EXPECT_EQ(result.progress, uint64_t{1} << 30);
  EXPECT_EQ(result.pages_needed, 0u);
}

TEST_F(Stage2Test, RemovalIsCompletedByAFlushOnEveryInstance) {
  Map(kDram, kDram + 4096, SIDEWALL_PROT_RW);
  EXPECT_EQ(Complete(1).status, uint32_t{SIDEWALL_OK});
  EXPECT_TRUE(RegisterStores().empty()) << "a gain needs no flush";
  Map(kDram, kDram + 4096, SIDEWALL_PROT_NONE);
  EXPECT_EQ(Complete(0).status, uint32_t{SIDEWALL_OK});
  using Stores = std::vector<std::pair<uint64_t, uint64_t>>;
  EXPECT_EQ(RegisterStores(), (Stores{{kNiso1 + 0x64, 9},
                                      {kNiso1m + 0x64, 9},
                                      {kNiso1 + 0x70, 0},
                                      {kNiso1m + 0x70, 0},
                                      {kIso + 0x64, 9},
                                      {kIso + 0x70, 0}}));
  ClearLog();
  EXPECT_EQ(Complete(0).status, uint32_t{SIDEWALL_OK});
  EXPECT_TRUE(RegisterStores().empty()) << "nothing was removed since";
}

TEST_F(Stage2Test, LosingAPermissionIsFlushedToo) {
  Map(kDram, kDram + 4096, SIDEWALL_PROT_RW);
  Map(kDram, kDram + 4096, SIDEWALL_PROT_R);
  EXPECT_EQ(Leaf(kDram), kDram | kNormalR);
  EXPECT_EQ(Complete(0).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(Counters().syncs, 10u) << "four at each takeover, and two now";
}

TEST_F(Stage2Test, StuckSyncDegradesTheUnitUntilOneCompletes) {
  Map(kDram, kDram + 4096, SIDEWALL_PROT_RW);
  Map(kDram, kDram + 4096, SIDEWALL_PROT_NONE);
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(Complete(0).status, uint32_t{SIDEWALL_DEGRADED});
  EXPECT_EQ(Counters().degraded, 1u);
  EXPECT_EQ(Counters().sync_timeouts, 1u);
  EXPECT_EQ(Complete(0).status, uint32_t{SIDEWALL_DEGRADED}) << "the removal is not forgotten";
  fake.stuck.clear();
  EXPECT_EQ(Complete(0).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(Counters().degraded, 0u);
}

TEST_F(Stage2Test, StatusThatCannotBeReadIsNotCompletion) {
  Map(kDram, kDram + 4096, SIDEWALL_PROT_RW);
  Map(kDram, kDram + 4096, SIDEWALL_PROT_NONE);
  fake.unreadable.insert(kIso + 0x74);
  EXPECT_EQ(Complete(0).status, uint32_t{SIDEWALL_DEGRADED});
  EXPECT_EQ(Counters().degraded, 2u);
}

}  // namespace
}  // namespace sidewall_test
