// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/stage2_trees.h"

#include <gtest/gtest.h>

#include <random>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr uint64_t kPage = 0x80001000;
constexpr uint8_t kAll = kPermRead | kPermWrite;
using Map = std::multimap<Leaves::Key, Leaves::Value>;

class Trees : public ::testing::Test {
 protected:
  Rig rig{"tiny"};
  uint64_t root = rig.NewPage();

  Leaves& watcher() { return rig.watcher; }
  // An independent walk of everything a 48-bit tree maps.
  void Walk(uint64_t table, unsigned level, uint64_t base, uint64_t name, Map* out) {
    for (uint64_t i = 0; i < 512; ++i) {
      const uint64_t d = rig.machine->Load64(table + 8 * i);
      const unsigned shift = 39 - 9 * level;
      const uint64_t ipa = base + (i << shift);
      if (level < 3 && (d & 3) == 3) {
        Walk(d & 0xfffffffff000, level + 1, ipa, name, out);
      } else if (((level == 1 || level == 2) && (d & 3) == 1) || (level == 3 && (d & 3) == 3)) {
        const uint8_t perm = d >> 6 & 3;
        if (perm == 0) continue;
        const uint64_t size = uint64_t{1} << shift;
        const uint64_t start = (d & 0xfffffffff000) / size * size;
        for (uint64_t o = 0; o < size; o += 4096) {
          out->emplace(Leaves::Key{name, ipa + o}, Leaves::Value{start + o, perm});
        }
      }
    }
  }
  void ExpectEqualToWalk(uint64_t name) {
    Map expected;
    Walk(name, 0, 0, name, &expected);
    Map seen;
    for (const auto& [key, value] : watcher().leaves) {
      if (key.first == name) seen.emplace(key, value);
    }
    EXPECT_EQ(seen, expected);
    EXPECT_TRUE(watcher().sound);
  }
};

TEST_F(Trees, LiveFromEnableToDisable) {
  rig.Map(root, kPage, kPage, kAll);
  EXPECT_TRUE(watcher().leaves.empty());
  rig.Stage2Bank(2, 3, root, 7);
  EXPECT_EQ(watcher().live.count(root), 1u);
  EXPECT_EQ(watcher().leaves.size(), 1u);
  rig.Map(root, kPage + 0x1000, kPage + 0x1000, kPermRead);
  EXPECT_EQ(watcher().leaves.size(), 2u);
  rig.Write(2, Rig::Cb(3, 0), 0);
  rig.Write(2, 0x68, 0);
  rig.GlobalSync(2);
  EXPECT_TRUE(watcher().live.empty());
  rig.Map(root, kPage + 0x2000, kPage + 0x2000, kPermRead);
  EXPECT_TRUE(watcher().leaves.empty());
  EXPECT_TRUE(watcher().sound);
}

TEST_F(Trees, EachOfTheConditionsIsNeeded) {
  rig.Stage2Bank(2, 3, root, 7);
  EXPECT_EQ(watcher().live.size(), 1u);
  rig.Write(2, 0x68, 0);
  const uint32_t offs[] = {Rig::Cb(3, 0), 0x1000c, 0x1080c};
  const uint32_t off_values[] = {0x160, 0x10007, 0};
  const uint32_t on_values[] = {0x161, 7, 1};
  for (size_t i = 0; i < 3; ++i) {
    rig.Write(2, offs[i], off_values[i]);
    rig.Write(2, 0x68, 0);
    rig.GlobalSync(2);
    EXPECT_TRUE(watcher().live.empty()) << i;
    rig.Write(2, offs[i], on_values[i]);
    EXPECT_EQ(watcher().live.size(), 1u) << i;
  }
}

TEST_F(Trees, InstancesShareOneTree) {
  rig.Map(root, kPage, kPage, kAll);
  for (const size_t i : {0, 1, 2, 3, 4}) rig.Stage2Bank(i, 3, root, 7);
  EXPECT_EQ(watcher().leaves.size(), 1u);
  rig.Unmap(root, kPage);
  EXPECT_TRUE(watcher().leaves.empty());
  EXPECT_TRUE(watcher().sound);
  for (const size_t i : {0, 1, 2, 3, 4}) EXPECT_EQ(rig.machine->MayHold(i, 7, kPage), kAll);
}

TEST_F(Trees, ChangesOfALeafAreRemovalAndAddition) {
  rig.Stage2Bank(2, 3, root, 7);
  rig.Map(root, kPage, kPage, kAll);
  rig.Map(root, kPage, kPage + 0x1000, kPermRead);
  EXPECT_EQ(watcher().leaves, (Map{{{root, kPage}, {kPage + 0x1000, kPermRead}}}));
  rig.Put(root, kPage, (kPage + 0x1000) | kLeafBits | 1 << 6 | 3 << 8);  // shareability only
  EXPECT_TRUE(watcher().sound);
  EXPECT_EQ(watcher().leaves.size(), 1u);
  rig.Map(root, kPage, kPage, kPermNone);
  EXPECT_TRUE(watcher().leaves.empty());
}

TEST_F(Trees, SubtreesComeAndGoWhole) {
  rig.Stage2Bank(2, 3, root, 7);
  for (uint64_t i = 0; i < 8; ++i) rig.Map(root, kPage + i * 0x1000, kPage + i * 0x1000, kAll);
  const uint64_t entry = rig.machine->Load64(root);
  rig.Store(root, 0);
  ExpectEqualToWalk(root);
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage + 0x7000), kAll);
  rig.Store(root, entry);
  EXPECT_EQ(watcher().leaves.size(), 8u);
  ExpectEqualToWalk(root);
  rig.Zero(root);
  ExpectEqualToWalk(root);
  rig.Write(2, 0x64, 7);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_TRUE(watcher().leaves.empty());
  EXPECT_EQ(watcher().live.size(), 1u);
}

class WalkCache : public Trees {
 protected:
  void SetUp() override {
    rig.Stage2Bank(2, 3, root, 7);
    rig.Stage2Bank(4, 3, root, 9);
    for (uint64_t i = 0; i < 3; ++i) rig.Map(root, kPage + i * 0x1000, kPage + i * 0x1000, kAll);
    for (const size_t i : {size_t{2}, size_t{4}}) Flush(i, 0x68, 0);
    level1 = rig.machine->Load64(root) & kAddressMask;
    level2 = rig.machine->Load64(level1 + 2 * 8) & kAddressMask;
    level3 = rig.machine->Load64(level2) & kAddressMask;
    entry = rig.machine->Load64(level2);
  }
  void Flush(size_t instance, uint32_t command, uint32_t value) {
    rig.Write(instance, command, value);
    ASSERT_TRUE(rig.GlobalSync(instance));
  }
  void FlushByAddress(size_t instance, uint32_t offset, uint64_t ipa) {
    rig.Write64(instance, Rig::Cb(3, offset), ipa >> 12);
    ASSERT_TRUE(rig.GlobalSync(instance));
  }
  uint64_t level1 = 0, level2 = 0, level3 = 0, entry = 0;
};

TEST_F(WalkCache, UnlinkedTableIsWalkedUntilItsVmidIsFlushed) {
  rig.Store(level2, 0);
  EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
  EXPECT_TRUE(rig.machine->MayWalk(4, 9, level3));
  EXPECT_FALSE(rig.machine->MayWalk(2, 9, level3));
  EXPECT_TRUE(rig.machine->IsLiveTable(level3));
  EXPECT_FALSE(rig.machine->IsLiveTable(level3 + 0x100000));
  for (uint64_t i = 0; i < 3; ++i) FlushByAddress(2, 0x630, kPage + i * 0x1000);
  Flush(2, 0xb8, 7);
  EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage), kAll);
  Flush(2, 0x64, 7);
  EXPECT_FALSE(rig.machine->MayWalk(2, 7, level3));
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage), 0);
  EXPECT_TRUE(rig.machine->IsLiveTable(level3));
  Flush(4, 0x68, 0);
  EXPECT_FALSE(rig.machine->IsLiveTable(level3));
  EXPECT_TRUE(watcher().sound);
}

TEST_F(WalkCache, CurrentContentsOfAnUnlinkedTableAreFollowed) {
  rig.Open(2);
  rig.Store(level2, 0);
  const uint64_t other = kPage + 0x9000;
  EXPECT_EQ(rig.machine->MayHold(2, 7, other), 0);
  rig.Store(level3 + 8 * 8, other | kLeafBits | 0xc0);
  EXPECT_EQ(rig.machine->MayHold(2, 7, other), kAll);
  EXPECT_NE(watcher().Find({level3, 0x80008000}, {other, kAll}), watcher().leaves.end());
  rig.Stream(2, 0, 6, 3);
  // The leaf itself is in no cache any more, but the way to it is.
  FlushByAddress(2, 0x630, 0x80008000);
  Flush(2, 0xb8, 7);
  rig.Choose({1});
  const DmaResult result =
      rig.machine->Dma({.side = 1, .sid = 6, .address = 0x80008010, .instance = 0});
  EXPECT_EQ(result.fault, FaultKind::kNone);
  EXPECT_TRUE(result.stale);
  EXPECT_EQ(result.pa, other + 0x10);
}

// A flush that was issued before the table got a new leaf does not say that the leaf is in no
// cache.
TEST_F(WalkCache, LeafThatCameAfterTheFlushCommandIsNotCovered) {
  rig.Store(level2, 0);
  rig.Write(2, 0x64, 7);
  rig.Store(level3 + 8 * 8, (kPage + 0x9000) | kLeafBits | 0xc0);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_FALSE(rig.machine->MayWalk(2, 7, level3));
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage), 0);
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage + 0x9000), kAll);
}

TEST_F(WalkCache, TableThatIsBackWhereItWasIsOneTreeAgain) {
  rig.Store(level2, 0);
  EXPECT_EQ(watcher().live.count(level3), 1u);
  rig.Store(level2, entry);
  EXPECT_EQ(watcher().live.count(level3), 0u);
  EXPECT_FALSE(rig.machine->MayWalk(2, 7, level3));
  EXPECT_FALSE(watcher().Wild(root));
  ExpectEqualToWalk(root);
  rig.Store(level2, 0);
  EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
}

// A table page that is used again elsewhere before the flush: what the walk caches make of it
// cannot be followed, but the tree that uses it can.
TEST_F(WalkCache, TableThatIsUsedElsewhereMayLeadAnywhere) {
  rig.Store(level2, 0);
  rig.Store(level2 + 8, entry);
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, 7));
  EXPECT_TRUE(watcher().Wild(level3));
  EXPECT_FALSE(watcher().Wild(root));
  ExpectEqualToWalk(root);
  Flush(2, 0x64, 7);
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, 7));
}

TEST_F(WalkCache, TablesBelowAnUnlinkedOneAreUnlinkedInTurn) {
  rig.Store(level1 + 2 * 8, 0);
  EXPECT_TRUE(rig.machine->MayWalk(2, 7, level2));
  EXPECT_FALSE(rig.machine->MayWalk(2, 7, level3));
  rig.Store(level2, 0);
  EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
  rig.Store(level3, 0);
  EXPECT_TRUE(watcher().sound);
  Flush(2, 0x64, 7);
  Flush(4, 0x64, 9);
  EXPECT_EQ(watcher().live.size(), 1u);
}

TEST_F(WalkCache, SurvivesASnapshot) {
  rig.Store(level2, 0);
  ASSERT_TRUE(rig.machine->Mark());
  const Leaves before = watcher();
  for (int round = 0; round < 2; ++round) {
    Flush(2, 0x64, 7);
    rig.Store(level2, entry);
    rig.Store(level2, 0);
    Flush(4, 0x64, 9);
    ASSERT_TRUE(rig.machine->Restore());
    watcher() = before;
    EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
    EXPECT_TRUE(rig.machine->IsLiveTable(level3));
  }
}

// Without the erratum an invalidation by address takes the pointer to the table, too.
class HealthyWalkCache : public WalkCache {
 protected:
  HealthyWalkCache() {
    healthy = *rig.board;
    healthy.walk_cache_erratum = false;
    rig.board = &healthy;
    rig.Reset();
    root = rig.NewPage();
  }
  BoardSpec healthy;
};

TEST_F(HealthyWalkCache, EndsByAddressButNotByTheLastLevelForm) {
  rig.Store(level2, 0);
  FlushByAddress(2, 0x638, kPage);
  EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
  FlushByAddress(2, 0x630, kPage + 0x40000000);
  EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
  FlushByAddress(2, 0x630, kPage + 0x10000);  // another page under the same table
  EXPECT_FALSE(rig.machine->MayWalk(2, 7, level3));
  EXPECT_TRUE(rig.machine->MayWalk(4, 9, level3));
}

TEST_F(HealthyWalkCache, BankSyncCompletesIt) {
  rig.Store(level2, 0);
  for (const uint32_t bank : {2u, 3u}) {
    rig.Write64(2, Rig::Cb(3, 0x630), kPage >> 12);
    rig.Write(2, Rig::Cb(bank, 0x7f0), 0);
    EXPECT_EQ(rig.Read(2, Rig::Cb(bank, 0x7f4)), 0u);
    EXPECT_EQ(rig.machine->MayWalk(2, 7, level3), bank == 2);
  }
}

TEST_F(HealthyWalkCache, LeafIsCachedAgainUntilTheTableHasGone) {
  rig.Store(level2, 0);
  FlushByAddress(2, 0x638, kPage);
  Flush(2, 0xb8, 7);
  FlushByAddress(2, 0x630, kPage + 0x10000);
  Flush(2, 0xb8, 7);
  EXPECT_FALSE(rig.machine->MayWalk(2, 7, level3));
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage), kAll);
  FlushByAddress(2, 0x638, kPage);
  Flush(2, 0xb8, 7);
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage), 0);
}

// What two banks of one VMID say of one pointer ends with the sync of either. What the second bank
// said of a leaf before it came to the pointer does not count, since the leaf could be cached anew.
TEST_F(HealthyWalkCache, CommandsOfTwoBanksEndItEach) {
  rig.Stage2Bank(2, 2, root, 7);
  const auto ask = [&](uint32_t bank, uint32_t offset, uint64_t ipa) {
    rig.Write64(2, Rig::Cb(bank, offset), ipa >> 12);
  };
  const auto sync = [&](uint32_t bank) {
    rig.Write(2, Rig::Cb(bank, 0x7f0), 0);
    EXPECT_EQ(rig.Read(2, Rig::Cb(bank, 0x7f4)), 0u);
  };
  for (const uint32_t ends : {2u, 3u}) {
    rig.Store(level2, 0);
    ask(3, 0x630, kPage);
    ask(3, 0x638, kPage + 0x2000);
    ask(2, 0x638, kPage + 0x1000);
    ask(2, 0x630, kPage);
    EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
    sync(ends);
    EXPECT_FALSE(rig.machine->MayWalk(2, 7, level3));
    sync(5 - ends);
    Flush(2, 0xb8, 7);
    EXPECT_EQ(rig.machine->MayHold(2, 7, kPage), 0);
    EXPECT_EQ(rig.machine->MayHold(2, 7, kPage + 0x1000), kAll);
    EXPECT_EQ(rig.machine->MayHold(2, 7, kPage + 0x2000), 0);
    Flush(2, 0x64, 7);
    rig.Store(level2, entry);
  }
}

TEST_F(HealthyWalkCache, OneInvalidationByAddressCoversABlock) {
  rig.Put(root, 0x40000000, 0x80200000 | 0x401 | 0xc0, 2);
  rig.Put(root, 0x40000000, 0, 2);
  EXPECT_EQ(rig.machine->MayHold(2, 7, 0x80200000), kAll);
  EXPECT_EQ(rig.machine->MayHold(2, 7, 0x803ff000), kAll);
  FlushByAddress(2, 0x638, 0x40123000);
  Flush(2, 0xb8, 7);
  EXPECT_EQ(rig.machine->MayHold(2, 7, 0x80200000), 0);
  EXPECT_EQ(rig.machine->MayHold(2, 7, 0x803ff000), 0);
}

TEST_F(WalkCache, BlockEndsWithItsVmidOnly) {
  rig.Put(root, 0x40000000, 0x80200000 | 0x401 | 0xc0, 2);
  rig.Put(root, 0x40000000, 0, 2);
  FlushByAddress(2, 0x630, 0x40000000);
  Flush(2, 0xb8, 7);
  EXPECT_EQ(rig.machine->MayHold(2, 7, 0x80200000), kAll);
  Flush(2, 0x64, 7);
  EXPECT_EQ(rig.machine->MayHold(2, 7, 0x80200000), 0);
}

TEST_F(Trees, BlocksAreToldInOneCall) {
  rig.Stage2Bank(2, 3, root, 7);
  rig.Put(root, 0x80000000, 0x80000000 | 0x401 | 0xc0, 2);
  EXPECT_EQ(watcher().leaves.size(), 512u);
  EXPECT_EQ(watcher().calls, 1u);
  ExpectEqualToWalk(root);
  rig.Put(root, 0x80000000, 0, 2);
  EXPECT_TRUE(watcher().leaves.empty());
  EXPECT_EQ(watcher().calls, 2u);
}

// A call ends where the next page is elsewhere, by address or by output, or has other attributes.
TEST_F(Trees, ATreeThatComesIsToldInRuns) {
  for (uint64_t page = 0; page < 16; ++page) {
    const uint64_t output = (page + (page >= 4)) * 0x1000;
    const uint64_t ipa = (page + (page >= 8)) * 0x1000;
    rig.Map(root, ipa, kPage + output, page < 12 ? kAll : uint8_t{kPermRead});
  }
  rig.Stage2Bank(2, 3, root, 7);
  EXPECT_EQ(watcher().leaves.size(), 16u);
  EXPECT_EQ(watcher().calls, 4u);
  ExpectEqualToWalk(root);
}

TEST_F(Trees, AddressBit39IsToldAsStored) {
  rig.Stage2Bank(2, 3, root, 7);
  rig.Map(root, kPage, kPage | uint64_t{1} << 39, kAll);
  EXPECT_EQ(watcher().leaves.begin()->second.first, kPage | uint64_t{1} << 39);
}

TEST_F(Trees, OutsideThePoolIsWild) {
  rig.Stage2Bank(2, 3, 0x80100000, 7);
  EXPECT_TRUE(watcher().Wild(0x80100000));
  rig.Stage2Bank(2, 2, root, 8);
  EXPECT_FALSE(watcher().Wild(root));
  rig.Store(root, 0x80200000 | 3);
  EXPECT_TRUE(watcher().Wild(root));
  rig.Write(2, Rig::Cb(2, 0), 0);
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, 8));
  EXPECT_EQ(rig.machine->MayHold(2, 8, 0x12345000), kAll);
  rig.Write(2, 0x64, 8);
  rig.GlobalSync(2);
  EXPECT_EQ(watcher().live.count(root), 0u);
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, 8));
  EXPECT_TRUE(watcher().sound);
}

TEST_F(Trees, TablesLinkedTwiceOrIntoThemselvesAreWild) {
  rig.Stage2Bank(2, 3, root, 7);
  rig.Map(root, kPage, kPage, kAll);
  rig.Store(root + 8, rig.machine->Load64(root));
  EXPECT_TRUE(watcher().Wild(root));

  const uint64_t other = rig.NewPage();
  rig.Stage2Bank(2, 2, other, 8);
  rig.Store(other, other | 3);
  EXPECT_TRUE(watcher().Wild(other));
}

TEST_F(Trees, TableSharedByTwoTreesMakesTheSecondWild) {
  rig.Stage2Bank(2, 3, root, 7);
  rig.Map(root, kPage, kPage, kAll);
  const uint64_t other = rig.NewPage();
  rig.Stage2Bank(2, 2, other, 8);
  rig.Store(other, rig.machine->Load64(root));
  EXPECT_TRUE(watcher().Wild(other));
  EXPECT_FALSE(watcher().Wild(root));
  rig.Map(root, kPage + 0x1000, kPage, kPermRead);
  ExpectEqualToWalk(root);
}

TEST_F(Trees, OneRootInTwoShapesIsWildUntilOneEnds) {
  rig.Map(root, kPage, kPage, kAll);
  rig.Stage2Bank(2, 3, root, 7);
  rig.Stage2Bank(2, 2, root, 8, 0x80050000 | 1 << 6 | 25);
  EXPECT_TRUE(watcher().Wild(root));
  rig.Write(2, Rig::Cb(2, 0), 0);
  rig.Write(2, 0x68, 0);
  rig.GlobalSync(2);
  EXPECT_FALSE(watcher().Wild(root));
  ExpectEqualToWalk(root);
}

TEST_F(Trees, StartLevelIsPartOfTheShape) {
  const uint64_t both = (root + 0x3fff) & ~uint64_t{0x1fff};
  rig.Stage2Bank(2, 3, both, 7, 0x80050000 | 2 << 6 | 24);
  EXPECT_FALSE(watcher().Wild(both));
  rig.Stage2Bank(2, 2, both, 8, 0x80050000 | 1 << 6 | 24);
  EXPECT_TRUE(watcher().Wild(both));
}

// A store of 64 bits to TTBR0 is never seen half done; two stores of 32 bits are.
TEST_F(Trees, RootChangesAtOnceOrInHalves) {
  constexpr uint64_t kHigh = uint64_t{1} << 32;
  const uint64_t other = rig.NewPage();
  rig.Stage2Bank(2, 3, root | kHigh, 7);
  rig.Write64(2, Rig::Cb(3, 0x20), other);
  EXPECT_EQ(watcher().live.count(other | kHigh), 0u);
  EXPECT_EQ(watcher().live.count(other), 1u);
  rig.Write64(2, Rig::Cb(3, 0x20), root | kHigh);
  rig.Write(2, Rig::Cb(3, 0x20), static_cast<uint32_t>(other));
  EXPECT_TRUE(watcher().Wild(other | kHigh));
  rig.Write(2, Rig::Cb(3, 0x24), 0);
  EXPECT_FALSE(watcher().Wild(other));
}

// 64 KiB granule: 42 bits from level 2, whose table has 8192 entries of 512 MiB.
class LargeGranule : public Trees {
 protected:
  static constexpr uint32_t kTcr = 0x80050000 | 1 << 14 | 1 << 6 | 22;
  static constexpr uint64_t kTable = 0x10000;
  LargeGranule() { root = level3 - kTable; }
  const uint64_t level3 = rig.board->pool.start + 3 * kTable;
  const uint64_t free = level3 + kTable;
};

TEST_F(LargeGranule, LeavesAreToldAsSixteenPages) {
  rig.Stage2Bank(2, 3, root, 7, kTcr);
  EXPECT_FALSE(watcher().Wild(root));
  rig.Store(root + 8 * 4, level3 | 3);                      // 0x80000000
  rig.Store(level3 + 8 * 8191, 0x80020000 | 0x403 | 0xc0);  // the last page of its last 4 KiB
  EXPECT_EQ(watcher().leaves.size(), 16u);
  const uint64_t ipa = 0x80000000 + 8191 * kTable;
  EXPECT_NE(watcher().Find({root, ipa + 0xf000}, {0x8002f000, kAll}), watcher().leaves.end());
  rig.Open(2);
  rig.Stream(2, 0, 6, 3);
  EXPECT_EQ(rig.machine->Translate({.side = 1, .sid = 6, .address = ipa + 0xf008}).pa, 0x8002f008);
  rig.Store(level3 + 8 * 8191, 0);
  EXPECT_TRUE(watcher().leaves.empty());
  EXPECT_EQ(rig.machine->MayHold(2, 7, 0x8002f000), kAll);
  // One invalidation by address covers the page; it is no block.
  rig.Write64(2, Rig::Cb(3, 0x630), (ipa + 0x3000) >> 12);
  EXPECT_TRUE(rig.GlobalSync(2));
  rig.Write(2, 0xb8, 7);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(rig.machine->MayHold(2, 7, 0x8002f000), 0);
}

TEST_F(LargeGranule, TablesAreFollowedToTheirEnds) {
  rig.Store(root + 8 * 4, level3 | 3);
  rig.Store(level3 + 8 * 600, 0x80020000 | 0x403 | 0x40);
  rig.Stage2Bank(2, 3, root, 7, kTcr);
  EXPECT_EQ(watcher().leaves.size(), 16u);
  for (uint64_t page = 0; page < kTable; page += kPageSize) {
    EXPECT_TRUE(rig.machine->IsLiveTable(root + page));
    EXPECT_TRUE(rig.machine->IsLiveTable(level3 + page));
    EXPECT_FALSE(rig.machine->IsLiveTable(free + page));
  }
  rig.Store(root + 8 * 4, 0);
  EXPECT_TRUE(rig.machine->MayWalk(2, 7, level3));
  EXPECT_EQ(watcher().leaves.size(), 16u);  // of the walk tree
  rig.Write(2, 0x64, 7);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_TRUE(watcher().leaves.empty());
  EXPECT_FALSE(rig.machine->IsLiveTable(level3 + 0xf000));
  EXPECT_TRUE(watcher().sound);
}

TEST_F(LargeGranule, BlocksOfLevelTwoAreTold) {
  rig.Stage2Bank(2, 3, root, 7, kTcr);
  rig.Store(root + 8 * 4, 0x80000000 | 0x401 | 0xc0);
  EXPECT_EQ(watcher().leaves.size(), (512u << 20) / kPageSize);
  rig.Store(root + 8 * 4, 0);
  EXPECT_TRUE(watcher().leaves.empty());
}

TEST_F(LargeGranule, TableThatIsPartlyOutsideThePoolIsWild) {
  rig.Stage2Bank(2, 3, root, 7, kTcr);
  rig.Store(root, 0x80200000 | 3);
  EXPECT_TRUE(watcher().Wild(root));
}

TEST_F(Trees, GranuleThatIsNotImplementedIsWild) {
  rig.Stage2Bank(2, 3, root & ~uint64_t{0xffff}, 7, kStage2Tcr | 2 << 14);
  EXPECT_EQ(watcher().live.size(), 1u);
  EXPECT_TRUE(watcher().live.begin()->second);
}

TEST_F(Trees, ReturnToAHealthyShapeEndsWildness) {
  rig.Stage2Bank(2, 3, root, 7);
  rig.Store(root, 0x80200000 | 3);
  EXPECT_TRUE(watcher().Wild(root));
  rig.Store(root, 0);
  rig.Write(2, Rig::Cb(3, 0), 0);
  rig.Write(2, 0x68, 0);
  rig.GlobalSync(2);
  rig.Write(2, Rig::Cb(3, 0), 0x161);
  EXPECT_FALSE(watcher().Wild(root));
  rig.Map(root, kPage, kPage, kAll);
  ExpectEqualToWalk(root);
}

// A boot loader's bank on another SMMU names, as its root, a page that the tree of bank 3 of
// instance 2 then uses as a table.
class Conflict : public Trees {
 protected:
  void SetUp() override {
    rig.Map(root, 0x1000, kPage, kAll);
    table = rig.machine->Load64(root) & kAddressMask;
    rig.Stage2Bank(0, 1, table, 9, 0x80050000 | 1 << 6 | 25);  // 39 bits, from level 1
    ASSERT_FALSE(watcher().Wild(table));
    rig.Stage2Bank(2, 3, root, 7);
    for (const size_t i : {size_t{0}, size_t{2}}) Flush(i);
    ASSERT_TRUE(watcher().Wild(root));
  }
  void Flush(size_t instance) {
    rig.Write(instance, 0x68, 0);
    ASSERT_TRUE(rig.GlobalSync(instance));
  }
  void EndTheOther() {
    rig.Write(0, Rig::Cb(1, 0), 0);
    Flush(0);
  }
  void ExpectFollowed() {
    EXPECT_FALSE(watcher().Wild(root));
    EXPECT_EQ(watcher().live.count(table), 0u);
    ExpectEqualToWalk(root);
    rig.Map(root, 0x5000, kPage + 0x5000, kAll);
    ExpectEqualToWalk(root);
    rig.Unmap(root, 0x5000);
    EXPECT_EQ(rig.machine->MayHold(2, 7, kPage + 0x5000), kAll);
    ExpectEqualToWalk(root);
  }
  uint64_t table = 0;
};

TEST_F(Conflict, EndsWithTheOtherTree) {
  rig.Write(0, Rig::Cb(1, 0), 0);
  EXPECT_TRUE(watcher().Wild(root));  // the TLB of instance 0 may still hold the other tree
  Flush(0);
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, 7));
  ExpectFollowed();
}

TEST_F(Conflict, EndsWithTheOtherTreeAtPowerLoss) {
  rig.machine->PowerLoss(0);
  ExpectFollowed();
}

// The tree that was wild comes back with its leaves, and ends at once: in this order.
TEST_F(Conflict, BothEndAtPowerLoss) {
  rig.Stage2Bank(0, 2, root, 7);
  rig.Write(2, Rig::Cb(3, 0), 0);
  Flush(2);
  rig.Write(0, Rig::Cb(2, 0), 0);
  ASSERT_EQ(watcher().live.count(root), 1u);
  rig.machine->PowerLoss(0);
  EXPECT_TRUE(watcher().sound);
  EXPECT_TRUE(watcher().live.empty());
  EXPECT_TRUE(watcher().leaves.empty());
}

TEST_F(Conflict, WhatIsRemovedMeanwhileMayBeHeld) {
  rig.Put(root, 0x3000, (kPage + 0x3000) | kLeafBits | 0xc0);
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, 7));
  rig.Put(root, 0x3000, 0);
  EndTheOther();
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage + 0x3000), kAll);
  EXPECT_EQ(rig.machine->MayHold(3, 7, kPage + 0x3000), 0);
  rig.Write(2, 0x64, 7);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage + 0x3000), 0);
  ExpectFollowed();
}

TEST_F(Conflict, TreeThatOnlyTheTlbHoldsIsFollowedAgain) {
  rig.Write(2, Rig::Cb(3, 0), 0);
  EXPECT_TRUE(rig.machine->MayHoldEverything(2, 7));
  EndTheOther();
  EXPECT_FALSE(watcher().Wild(root));
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, 7));
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage), kAll);
  EXPECT_EQ(rig.machine->MayHold(2, 7, kPage + 0x1000), 0);
}

TEST_F(Conflict, ReasonOfItsOwnKeepsATreeWild) {
  rig.Store(root + 8, 0x80200000 | 3);
  EndTheOther();
  EXPECT_TRUE(watcher().Wild(root));
  EXPECT_EQ(watcher().live.count(table), 0u);
  EXPECT_TRUE(watcher().sound);
}

TEST_F(Conflict, TreeThatWasLinkedIntoItselfStaysWild) {
  const uint64_t other = rig.NewPage();
  rig.Stage2Bank(2, 2, other, 8);
  rig.Store(other, other | 3);
  EXPECT_TRUE(watcher().Wild(other));
  rig.Store(other, 0);
  EndTheOther();
  EXPECT_TRUE(watcher().Wild(other));
  EXPECT_FALSE(rig.machine->MayHoldEverything(2, 8));
  ExpectFollowed();
}

TEST_F(Conflict, ThirdTreeWaitsForTheSecond) {
  const uint64_t third = rig.NewPage();
  rig.Store(third, table | 3);
  rig.Stage2Bank(4, 2, third, 8);
  EXPECT_TRUE(watcher().Wild(third));
  EndTheOther();
  EXPECT_FALSE(watcher().Wild(root));
  EXPECT_TRUE(watcher().Wild(third));
  rig.Write(2, Rig::Cb(3, 0), 0);
  Flush(2);
  EXPECT_EQ(watcher().live.count(root), 0u);
  EXPECT_FALSE(watcher().Wild(third));
  ExpectEqualToWalk(third);
}

TEST_F(Conflict, SurvivesASnapshot) {
  ASSERT_TRUE(rig.machine->Mark());
  const Leaves before = watcher();
  for (int round = 0; round < 2; ++round) {
    EndTheOther();
    ExpectFollowed();
    ASSERT_TRUE(rig.machine->Restore());
    watcher() = before;
  }
}

TEST_F(Trees, SecondShapeIsFollowedOnceTheFirstHasGone) {
  const uint64_t both = (root + 0x3fff) & ~uint64_t{0x1fff};
  rig.Stage2Bank(2, 3, both, 7, 0x80050000 | 2 << 6 | 24);
  rig.Stage2Bank(2, 2, both, 8, 0x80050000 | 1 << 6 | 24);
  EXPECT_TRUE(watcher().Wild(both));
  rig.Write(2, Rig::Cb(3, 0), 0);
  rig.Write(2, 0x68, 0);
  rig.GlobalSync(2);
  EXPECT_EQ(watcher().live.count(both), 1u);
  EXPECT_FALSE(watcher().Wild(both));
  EXPECT_TRUE(watcher().sound);
}

TEST_F(Trees, RootInThreeShapesIsWildWhileTwoAreLeft) {
  const uint64_t both = (root + 0x3fff) & ~uint64_t{0x1fff};
  rig.Stage2Bank(2, 3, both, 7, 0x80050000 | 2 << 6 | 24);
  rig.Stage2Bank(2, 2, both, 8, 0x80050000 | 1 << 6 | 24);
  rig.Stage2Bank(2, 1, both, 9, 0x80050000 | 1 << 6 | 26);
  for (const uint32_t bank : {3, 2}) {
    EXPECT_TRUE(watcher().Wild(both));
    rig.Write(2, Rig::Cb(bank, 0), 0);
    rig.Write(2, 0x68, 0);
    rig.GlobalSync(2);
  }
  EXPECT_EQ(watcher().live.count(both), 1u);
  EXPECT_FALSE(watcher().Wild(both));
  EXPECT_TRUE(watcher().sound);
}

TEST_F(Trees, GranuleIsPartOfTheShape) {
  rig.Stage2Bank(2, 3, root, 7);
  EXPECT_FALSE(watcher().Wild(root));
  rig.Stage2Bank(2, 2, root, 8, kStage2Tcr | 2 << 14);
  EXPECT_TRUE(watcher().Wild(root));
}

// Random stores into a few tables, each linked at most once, against a walk of everything.
TEST_F(Trees, RandomStoresAgreeWithABruteForceWalk) {
  std::mt19937 random(1);
  const uint64_t second = rig.NewPage();
  std::vector<uint64_t> tables;
  for (int i = 0; i < 24; ++i) tables.push_back(rig.NewPage());
  rig.Stage2Bank(2, 3, root, 7);
  rig.Stage2Bank(4, 2, second, 8);
  // Tables in levels: 0 to 3 are level 1, 4 to 11 level 2, the rest level 3.
  const auto level_of = [](size_t t) { return t < 4 ? 1u : t < 12 ? 2u : 3u; };
  std::map<uint64_t, uint64_t> linked_at;  // table to the slot that links it
  for (int step = 0; step < 6000; ++step) {
    const size_t t = random() % (tables.size() + 2);
    const uint64_t table = t < 24 ? tables[t] : t == 24 ? root : second;
    const unsigned level = t < 24 ? level_of(t) : 0;
    const uint64_t slot = table + random() % 6 * 8;
    uint64_t value = 0;
    const unsigned kind = random() % 4;
    const uint64_t page = kPage + random() % 16 * 0x1000;
    if (level == 3 && kind != 0) value = page | 0x403 | uint64_t{random() % 4} << 6;
    if (level < 3 && kind >= 2) {
      const size_t next = random() % 24;
      const auto at = linked_at.find(tables[next]);
      if (level_of(next) == level + 1 && (at == linked_at.end() || at->second == slot)) {
        value = tables[next] | 3;
      }
    }
    if (level == 2 && kind == 1 && random() % 8 == 0) value = 0x80200000 | 0x401 | 0xc0;
    const uint64_t before = rig.machine->Load64(slot);
    if (level < 3 && (before & 3) == 3) linked_at.erase(before & 0xfffffffff000);
    if (level < 3 && (value & 3) == 3) linked_at[value & 0xfffffffff000] = slot;
    rig.Store(slot, value);
    ASSERT_TRUE(watcher().sound) << step;
    if (step % 200 == 0) {
      ExpectEqualToWalk(root);
      ExpectEqualToWalk(second);
      ASSERT_FALSE(watcher().Wild(root) || watcher().Wild(second)) << step;
    }
  }
}

}  // namespace
}  // namespace sidewall::model
