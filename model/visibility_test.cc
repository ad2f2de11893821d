// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/visibility.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

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

// Random stores, cleanings, barriers and flushes, against a list of what each word may show and a
// walk of all of it. A table is linked again only after the flush that follows its unlinking.
class RandomVisibility : public Visibility {
 protected:
  using Leaf = std::tuple<uint64_t, uint64_t, uint8_t>;  // address, page, permission
  struct Old {
    uint64_t value;
    bool cleaned;
  };
  static constexpr size_t kTables = 14;  // 0 to 1 of level 1, 2 to 5 of level 2, then level 3
  static constexpr uint64_t kEntries = 12;

  static unsigned LevelOf(size_t table) { return table < 2 ? 1 : table < 6 ? 2 : 3; }
  void SetUp() override {
    Visibility::SetUp();
    rig.Zero(root);
    Flush();
    for (uint64_t& table : tables) table = rig.NewPage();
  }
  std::vector<uint64_t> ValuesOf(uint64_t word) {
    std::vector<uint64_t> values = {rig.machine->Load64(word)};
    for (const Old& old : olds[word]) values.push_back(old.value);
    return values;
  }
  void Collect(uint64_t table, unsigned level, uint64_t base, std::set<Leaf>* out) {
    for (uint64_t i = 0; i < kEntries; ++i) {
      const uint64_t ipa = base + (i << (39 - 9 * level));
      for (const uint64_t value : ValuesOf(table + 8 * i)) {
        if ((value & 3) != 3) continue;
        if (level < 3) {
          Collect(value & kAddressMask, level + 1, ipa, out);
        } else if ((value >> 6 & 3) != 0) {
          out->insert({ipa, value & kAddressMask, value >> 6 & 3});
        }
      }
    }
  }
  void Store(uint64_t word, uint64_t value) {
    const uint64_t before = rig.machine->Load64(word);
    if (before != value) olds[word].push_back({before, false});
    rig.machine->TableWrite64(word, value);
  }
  void Clean(uint64_t word) {
    for (uint64_t at = word & ~uint64_t{63}, i = 0; i < 8; ++i) {
      for (Old& old : olds[at + 8 * i]) old.cleaned = true;
    }
    rig.machine->Clean(word, 8);
  }
  // Tables that a word links no more, once nobody sees that it did, go to the walk caches.
  void Barrier() {
    for (auto& [word, list] : olds) {
      std::vector<uint64_t> gone;
      for (const Old& old : list) {
        if (old.cleaned) gone.push_back(old.value);
      }
      std::erase_if(list, [](const Old& old) { return old.cleaned; });
      const std::vector<uint64_t> left = ValuesOf(word);
      for (const uint64_t value : gone) {
        if (std::find(left.begin(), left.end(), value) == left.end()) Unlinked(word, value);
      }
    }
    rig.machine->Barrier();
  }
  // Which table `word` lies in, how deep, and whether that was part of a tree, do not matter here:
  // what such a pointer leads to counts only if it could ever have been cached.
  void Unlinked(uint64_t word, uint64_t value) {
    const uint64_t table = value & kAddressMask;
    const auto found = std::find(tables.begin(), tables.end(), table);
    if (found == tables.end() || !Reached(word)) return;
    const auto index = static_cast<size_t>(found - tables.begin());
    if (resting.insert(table).second) walks.push_back({table, LevelOf(index)});
  }
  bool Reached(uint64_t word) {
    const uint64_t page = word & ~(kPageSize - 1);
    std::vector<uint64_t> reached = {root};
    for (const auto& [table, level] : walks) reached.push_back(table);
    for (size_t i = 0; i < reached.size(); ++i) {
      if (reached[i] == page) return true;
      for (uint64_t n = 0; n < kEntries; ++n) {
        for (const uint64_t value : ValuesOf(reached[i] + 8 * n)) {
          const uint64_t next = value & kAddressMask;
          if (std::find(tables.begin(), tables.end(), next) != tables.end()) {
            reached.push_back(next);
          }
        }
      }
    }
    return false;
  }
  bool MayBeLinked(uint64_t table, uint64_t slot_word) {
    if (resting.count(table) != 0) return false;
    std::vector<uint64_t> pages(tables.begin(), tables.end());
    pages.push_back(root);
    for (const uint64_t page : pages) {
      for (uint64_t i = 0; i < kEntries; ++i) {
        if (page + 8 * i == slot_word) continue;
        for (const uint64_t value : ValuesOf(page + 8 * i)) {
          if ((value & kAddressMask) == table) return false;
        }
      }
    }
    return true;
  }
  // Of each page that leaves name, what may be held at most.
  void Note(std::map<uint64_t, uint8_t>* ever, std::set<Leaf>* live) {
    live->clear();
    Collect(root, 0, 0, live);
    std::set<Leaf> all = *live;
    for (const auto& [table, level] : walks) Collect(table, level, 0, &all);
    for (const auto& [ipa, page, perm] : all) (*ever)[page] |= perm;
  }
  void Step(std::mt19937& random) {
    const size_t t = random() % (kTables + 1);
    const unsigned level = t == kTables ? 0 : LevelOf(t);
    const uint64_t word = (t == kTables ? root : tables[t]) + random() % kEntries * 8;
    uint64_t value = 0;
    if (level == 3 && random() % 3 != 0) {
      value = (kPage + random() % 8 * 0x1000) | kLeafBits | uint64_t{random() % 4} << 6;
    } else if (level < 3 && random() % 3 != 0) {
      const size_t next = random() % kTables;
      if (LevelOf(next) != level + 1 || !MayBeLinked(tables[next], word)) return;
      value = tables[next] | 3;
    }
    Store(word, value);
    if (random() % 3 != 0) Clean(word);
    if (random() % 4 == 0) Store(word, 0);
    if (random() % 3 != 0) Barrier();
  }

  std::array<uint64_t, kTables> tables;
  std::map<uint64_t, std::vector<Old>> olds;
  std::vector<std::pair<uint64_t, unsigned>> walks;  // what walk caches may lead to, and its level
  std::set<uint64_t> resting;
};

TEST_F(RandomVisibility, AgreesWithAListOfAllThatMayBeSeen) {
  std::mt19937 random(5);
  std::map<uint64_t, uint8_t> ever;
  std::set<Leaf> live;
  for (int step = 0; step < 3000; ++step) {
    Step(random);
    ASSERT_FALSE(rig.watcher.Wild(root)) << step;
    ASSERT_TRUE(rig.watcher.sound) << step;
    Note(&ever, &live);
    std::set<Leaf> told;
    for (const auto& [key, value] : rig.watcher.leaves) {
      if (key.first == root) told.insert({key.second, value.first, value.second});
    }
    ASSERT_EQ(told, live) << step;
    std::map<uint64_t, uint8_t> mapped;
    for (const auto& [ipa, page, perm] : live) mapped[page] |= perm;
    for (uint64_t page = kPage; page < kPage + 8 * 0x1000; page += 0x1000) {
      const uint8_t held = rig.machine->MayHold(2, kVmid, page);
      ASSERT_EQ(held & ~ever[page], 0) << step << " holds what never was";
      ASSERT_EQ(ever[page] & ~(held | mapped[page]), 0) << step << " forgets what was";
    }
    if (step % 37 != 36) continue;
    rig.Write(2, 0x64, kVmid);
    ASSERT_TRUE(rig.GlobalSync(2));
    walks.clear();
    resting.clear();
    ever.clear();
    Note(&ever, &live);
  }
}

}  // namespace
}  // namespace sidewall::model
