// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/visibility.h"

#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr uint8_t kVmid = 7;
constexpr uint64_t kPage = 0x80001000;
constexpr uint8_t kAll = kPermRead | kPermWrite;
constexpr uint64_t kLeaf = kPage | kLeafBits | 0xc0;

// Bank 3 of instance 2, with tables down to the leaf of kPage, which is empty.
class Visibility : public ::testing::Test {
 protected:
  void SetUp() override {
    root = rig.NewPage();
    rig.Open(2);
    rig.Stage2Bank(2, 3, root, kVmid);
    rig.Stream(2, 0, 6, 3);
    rig.Put(root, kPage, 0);
    uint64_t table = root;
    for (unsigned level = 0; level < 3; ++level) {
      above = table + (kPage >> (39 - 9 * level) & 511) * 8;
      table = rig.machine->Load64(above) & kAddressMask;
    }
    slot = table + 8;
    Flush();
  }
  void Flush() {
    rig.Write(2, 0x68, 0);
    ASSERT_TRUE(rig.GlobalSync(2));
  }
  DmaResult Dma(uint8_t choice, bool write = false) {
    rig.Choose({choice});
    return rig.machine->Dma({.side = 1, .sid = 6, .address = kPage, .write = write, .instance = 0});
  }
  bool Delivered(uint8_t choice) { return Dma(choice).fault == FaultKind::kNone; }
  uint8_t Held() { return rig.machine->MayHold(2, kVmid, kPage); }
  size_t Told() { return rig.watcher.leaves.size(); }

  Rig rig{"tiny"};
  uint64_t root = 0;
  uint64_t above = 0;  // the word that links the table of leaves
  uint64_t slot = 0;   // the word of the leaf
};

TEST_F(Visibility, WhatAStoreAddsCountsAtOnceAndIsSeenOrNot) {
  rig.machine->TableWrite64(slot, kLeaf);
  EXPECT_EQ(Told(), 1u);
  EXPECT_TRUE(Delivered(0));
  EXPECT_FALSE(Delivered(1));
  rig.machine->Clean(slot, 8);
  EXPECT_FALSE(Delivered(1));
  rig.machine->Barrier();
  EXPECT_TRUE(Delivered(1));
}

TEST_F(Visibility, WhatAStoreTakesAwayGoesWithCleanAndBarrier) {
  rig.Store(slot, kLeaf);
  rig.machine->TableWrite64(slot, 0);
  EXPECT_EQ(Told(), 1u);
  EXPECT_EQ(Held(), 0);  // it is mapped, not stale
  EXPECT_FALSE(Delivered(0));
  EXPECT_TRUE(Delivered(1));
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 1u);
  rig.machine->Clean(slot, 8);
  EXPECT_EQ(Told(), 1u);
  EXPECT_TRUE(Delivered(1));
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 0u);
  EXPECT_EQ(Held(), kAll);
  Flush();
  EXPECT_EQ(Held(), 0);
  EXPECT_FALSE(Delivered(1));
}

TEST_F(Visibility, InvalidationBeforeTheStoreIsVisibleCoversNothing) {
  rig.Store(slot, kLeaf);
  rig.machine->TableWrite64(slot, 0);
  Flush();
  rig.machine->Clean(slot, 8);
  rig.machine->Barrier();
  EXPECT_EQ(Held(), kAll);
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Held(), kAll);
  Flush();
  EXPECT_EQ(Held(), 0);
}

TEST_F(Visibility, CleanBeforeTheStoreDoesNothing) {
  rig.Store(slot, kLeaf);
  rig.machine->Clean(slot, 8);
  rig.machine->TableWrite64(slot, 0);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 1u);
}

TEST_F(Visibility, CleaningIsByLines) {
  const uint64_t line = slot - 8 + 0x100;
  for (const uint64_t at : {line - 8, line, line + 56, line + 64}) rig.Store(at, kLeaf);
  for (const uint64_t at : {line - 8, line, line + 56, line + 64}) {
    rig.machine->TableWrite64(at, 0);
  }
  EXPECT_EQ(Told(), 4u);
  rig.machine->Clean(line + 20, 1);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 2u);
  rig.machine->Clean(line - 8, 0);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 2u);
  rig.machine->Clean(line - 8, 73);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 0u);
}

TEST_F(Visibility, CleaningCrossesPages) {
  const uint64_t second = rig.NewPage();
  rig.Store(above + 8, second | 3);
  const uint64_t table = slot & ~(kPageSize - 1);
  ASSERT_EQ(second, table + kPageSize);
  rig.Store(table + 511 * 8, kLeaf);
  rig.Store(second, kLeaf);
  rig.machine->TableWrite64(table + 511 * 8, 0);
  rig.machine->TableWrite64(second, 0);
  rig.machine->Clean(table + 511 * 8, 16);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 0u);
}

TEST_F(Visibility, AllValuesOfAWordArePossibleUntilTheLastIsVisible) {
  const uint64_t values[] = {kLeaf, kLeaf + 0x1000, kLeaf + 0x2000};
  for (const uint64_t value : values) rig.machine->TableWrite64(slot, value);
  EXPECT_EQ(Told(), 3u);
  EXPECT_EQ(Dma(0).pa, kPage + 0x2000);
  EXPECT_EQ(Dma(1).pa, kPage + 0x1000);
  EXPECT_EQ(Dma(2).pa, kPage);
  EXPECT_FALSE(Delivered(3));
  EXPECT_EQ(Dma(4).pa, kPage + 0x2000);
  // What was stored after the cleaning began may be seen or not; what it replaced cannot.
  rig.machine->Clean(slot, 8);
  rig.machine->TableWrite64(slot, kLeaf + 0x3000);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 2u);
  EXPECT_EQ(Dma(0).pa, kPage + 0x3000);
  rig.Choose({0, 1});  // the table answers, and not what the TLB may hold of before
  EXPECT_EQ(rig.machine->Dma({.side = 1, .sid = 6, .address = kPage, .instance = 0}).pa,
            kPage + 0x2000);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + 0x1000), kAll);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + 0x2000), 0);
  EXPECT_TRUE(rig.watcher.sound);
}

TEST_F(Visibility, ValueThatComesBackIsNotTakenAway) {
  rig.Store(slot, kLeaf);
  for (const uint64_t value : {uint64_t{0}, kLeaf, uint64_t{0}, kLeaf}) {
    rig.machine->TableWrite64(slot, value);
    EXPECT_EQ(Told(), 1u);
  }
  rig.machine->Clean(slot, 8);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 1u);
  EXPECT_EQ(Held(), 0);
  EXPECT_TRUE(Delivered(1));
  EXPECT_TRUE(rig.watcher.sound);
}

// A page that was just emptied, and is linked before that was cleaned, shows what was in it.
TEST_F(Visibility, OldContentsOfANewTableAreExposed) {
  const uint64_t fresh = rig.NewPage();
  rig.Store(fresh, kLeaf + 0x5000);
  rig.machine->TableZero(fresh);
  rig.Store(above + 8, fresh | 3);
  EXPECT_EQ(Told(), 1u);
  rig.machine->Clean(fresh, kPageSize);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 0u);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + 0x5000), kAll);
}

TEST_F(Visibility, UnlinkedTableIsPartOfTheTreeUntilThatIsVisible) {
  rig.Store(slot, kLeaf);
  const uint64_t table = slot & ~(kPageSize - 1);
  rig.machine->TableWrite64(above, 0);
  EXPECT_FALSE(rig.machine->MayWalk(2, kVmid, table));
  rig.Store(slot + 8, kLeaf + 0x1000);
  EXPECT_NE(rig.watcher.Find({root, kPage + 0x1000}, {kPage + 0x1000, kAll}),
            rig.watcher.leaves.end());
  Flush();
  EXPECT_TRUE(rig.machine->IsLiveTable(table));
  rig.machine->Clean(above, 8);
  rig.machine->Barrier();
  EXPECT_TRUE(rig.machine->MayWalk(2, kVmid, table));
  Flush();
  EXPECT_FALSE(rig.machine->IsLiveTable(table));
}

TEST_F(Visibility, TreeIsAnnouncedWithWhatMayBeSeen) {
  rig.Write(2, Rig::Cb(3, 0), 0);
  Flush();
  rig.Store(slot, kLeaf);
  rig.machine->TableWrite64(slot, kLeaf + 0x1000);
  rig.Write(2, Rig::Cb(3, 0), 0x161);
  EXPECT_EQ(Told(), 2u);
  rig.Write(2, Rig::Cb(3, 0), 0);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage), kAll);
  EXPECT_EQ(rig.machine->MayHold(2, kVmid, kPage + 0x1000), kAll);
}

TEST_F(Visibility, HostMemoryIsVisibleAtOnce) {
  rig.machine->Store64(0x80100000, 5);
  rig.machine->Store64(0x80100000, 6);
  Rig other("tiny");
  Memory memory;
  memory.Reset(*other.board, other.arena);
  memory.Store64(0x80100000, 5);
  memory.Store64(0x80100000, 6);
  other.Choose({1});
  EXPECT_EQ(memory.WalkerLoad64(0x80100000, &other.choices), 6u);
}

TEST_F(Visibility, SnapshotKeepsWhatIsNotVisible) {
  rig.Store(slot, kLeaf);
  rig.machine->TableWrite64(slot, kLeaf + 0x1000);
  rig.machine->TableWrite64(slot, 0);
  ASSERT_TRUE(rig.machine->Mark());
  const Leaves before = rig.watcher;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Dma(1).pa, kPage + 0x1000) << round;
    EXPECT_EQ(Dma(2).pa, kPage) << round;
    rig.machine->Clean(slot, 8);
    rig.machine->TableWrite64(slot, kLeaf + 0x2000);
    rig.machine->Barrier();
    EXPECT_EQ(Told(), 1u);
    ASSERT_TRUE(rig.machine->Restore());
    rig.watcher = before;
  }
  rig.machine->Clean(slot, 8);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 0u);
  EXPECT_TRUE(rig.watcher.sound);
}

TEST_F(Visibility, CoherentWalkNeedsTheBarrierOnly) {
  BoardSpec coherent = *rig.board;
  coherent.coherent_walk = true;
  rig.board = &coherent;
  rig.Reset();
  SetUp();
  rig.Store(slot, kLeaf);
  rig.machine->TableWrite64(slot, 0);
  EXPECT_TRUE(Delivered(1));
  EXPECT_EQ(Told(), 1u);
  rig.machine->Barrier();
  EXPECT_EQ(Told(), 0u);
  EXPECT_EQ(Held(), kAll);
}

// Old values that map something are kept up to a bound, beyond which the tree is wild.
TEST_F(Visibility, MoreThanCanBeNotedMakesTheTreeWild) {
  const size_t bound = PendingStores::Capacity(rig.arena.pool_pages);
  for (size_t i = 0; i < bound; ++i) {
    rig.machine->TableWrite64(slot + i % 256 * 8, kLeaf + i * 0x1000);
    ASSERT_FALSE(rig.watcher.Wild(root)) << i;
  }
  for (size_t i = 0; i < 300; ++i) rig.machine->TableWrite64(slot + i % 256 * 8, kLeaf);
  EXPECT_TRUE(rig.watcher.Wild(root));
  // So is whatever links a table from now on.
  const uint64_t other = rig.NewPage();
  rig.Stage2Bank(2, 2, other, 9);
  EXPECT_FALSE(rig.watcher.Wild(other));
  rig.Store(other, rig.NewPage() | 3);
  EXPECT_TRUE(rig.watcher.Wild(other));
}

// Stores that add are forgotten beyond half of the room, which leaves room for those that remove.
TEST_F(Visibility, ManyAdditionsLeaveRoomForRemovals) {
  const size_t pages = PendingStores::Capacity(rig.arena.pool_pages) / 512 + 1;
  const uint64_t first = rig.board->pool.start + 100 * kPageSize;
  for (size_t i = 0; i < pages * 512; ++i) rig.machine->TableWrite64(first + i * 8, 1);
  rig.Store(slot, kLeaf);
  rig.machine->TableWrite64(slot, 0);
  EXPECT_TRUE(Delivered(1));
  EXPECT_FALSE(rig.watcher.Wild(root));
}

}  // namespace
}  // namespace sidewall::model
