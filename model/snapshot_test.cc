// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr uint64_t kPage = 0x80001000;
constexpr uint8_t kAll = kPermRead | kPermWrite;

// Everything that can be observed of a machine, as one list of numbers.
std::vector<uint64_t> Observe(Rig& rig, const std::vector<uint64_t>& roots) {
  std::vector<uint64_t> seen;
  for (size_t i = 0; i < kMaxInstances; ++i) {
    for (const uint32_t page : {0x00000u, 0x10000u, 0x800000u, 0x810000u, 0x820000u, 0x830000u}) {
      for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        // A read of a status register is an event of its own.
        if (offset == 0x74 || offset == 0x7f4) continue;
        seen.push_back(rig.Read(i, page + offset));
      }
    }
    seen.push_back(rig.machine->TlbUnknown(i));
    for (unsigned vmid = 0; vmid < 12; ++vmid) {
      const auto v = static_cast<uint8_t>(vmid);
      seen.push_back(rig.machine->MayHoldEverything(i, v));
      for (uint64_t p = 0; p < 20; ++p)
        seen.push_back(rig.machine->MayHold(i, v, kPage + p * 4096));
    }
  }
  for (uint64_t offset = 0; offset < 0x1000; offset += 4) {
    uint32_t value = 0;
    rig.machine->Read32(0x02c00000 + offset, &value);
    seen.push_back(value);
  }
  const Range& dram = rig.board->dram[0];
  for (uint64_t pa = dram.start; pa < dram.end(); pa += 0x800) {
    seen.push_back(rig.machine->Load64(pa));
    seen.push_back(rig.machine->Load64(pa + 8));
  }
  for (const uint64_t root : roots) {
    for (uint64_t p = 0; p < 20; ++p) {
      const auto result = rig.machine->Translate(
          {.side = 1, .sid = static_cast<uint16_t>(root & 7), .address = kPage + p * 4096});
      seen.push_back(static_cast<uint64_t>(result.fault));
      seen.push_back(result.pa);
    }
  }
  return seen;
}

class Snapshots : public ::testing::Test {
 protected:
  std::mt19937 random{7};

  // A store to a leaf whose cleaning comes late or never; or the table of leaves goes, and comes
  // back at once, with or without somebody having seen it.
  void NotVisible(Rig& rig, uint64_t tree, uint64_t page) {
    uint64_t word = 0;
    uint64_t link = 0;
    for (unsigned level = 0; level < 4; ++level) {
      link = word;
      word = tree + (page >> (39 - 9 * level) & 511) * 8;
      tree = rig.machine->Load64(word) & kAddressMask;
    }
    if (random() % 4 == 0) {
      const uint64_t table = rig.machine->Load64(link);
      rig.machine->TableWrite64(link, 0);
      if (random() % 2 != 0) rig.machine->Clean(link, 8);
      if (random() % 2 != 0) rig.machine->Barrier();
      rig.machine->TableWrite64(link, table);
      return;
    }
    rig.machine->TableWrite64(word, random() % 2 != 0 ? 0 : page | kLeafBits | 0xc0);
    if (random() % 2 != 0) rig.machine->Clean(word, 8);
  }

  void Step(Rig& rig, uint64_t root, uint64_t other) {
    const size_t instance = random() % 5;
    const uint64_t page = kPage + random() % 20 * 0x1000;
    const uint64_t tree = random() % 2 != 0 ? root : other;
    switch (random() % 16) {
      case 0:
      case 1:
      case 2:
        return rig.Map(tree, page, kPage + random() % 20 * 0x1000, random() % 4);
      case 3:
      case 4:
        return rig.Unmap(tree, page);
      case 5:
        rig.machine->Store64(0x80200000 + random() % 64 * 0x1000 + random() % 2 * 8, random());
        return;
      case 6:
        return rig.Write(instance, random() % 2 ? 0x64 : 0x68, random() % 12);
      case 7:
        rig.GlobalSync(instance);
        return;
      case 8:
        return rig.Stage2Bank(instance, random() % 4, tree, static_cast<uint8_t>(random() % 12));
      case 9:
        return rig.Write(instance, Rig::Cb(random() % 4, 0), random() % 2);
      case 10:
        return rig.Write(instance, static_cast<uint32_t>(random() % 0x400 * 4), random());
      case 11:
      case 12:
        return NotVisible(rig, tree, page);
      case 13:
        return rig.machine->Barrier();
      case 14:
        rig.Choose({static_cast<uint8_t>(random()), static_cast<uint8_t>(random()),
                    static_cast<uint8_t>(random())});
        rig.machine->Dma({.side = 1, .sid = 6, .address = page, .instance = 0});
        return;
      default:
        rig.machine->Write32(0x02c00000 + random() % 0x400 * 4, random());
        rig.machine->Dma({.side = 1, .sid = 6, .address = page, .instance = 0});
    }
  }
};

TEST_F(Snapshots, NeedRoom) {
  Rig rig("tiny");
  EXPECT_FALSE(rig.machine->Restore());
  rig.arena.snapshot_size = 100;
  rig.Reset();
  EXPECT_FALSE(rig.machine->Mark());
}

TEST_F(Snapshots, RestoreUndoesRandomOperations) {
  Rig rig("tiny");
  const uint64_t root = rig.NewPage();
  const uint64_t other = rig.NewPage();
  // The shape of both trees first, so that both stay inside the pool.
  for (uint64_t p = 0; p < 20; ++p) {
    rig.Map(root, kPage + p * 4096, kPage + p * 4096, kAll);
    rig.Map(other, kPage + p * 4096, kPage + p * 4096, kAll);
  }
  for (const bool busy : {false, true}) {
    if (busy) {
      for (int i = 0; i < 200; ++i) Step(rig, root, other);
    } else {
      for (const size_t i : {0, 1, 2, 3, 4}) {
        rig.Open(i);
        rig.Stage2Bank(i, 3, root, 7);
        rig.Stream(i, 0, 6, 3);
        rig.Write(i, 0x68, 0);
        rig.GlobalSync(i);
      }
    }
    ASSERT_TRUE(rig.machine->Mark());
    const auto before = Observe(rig, {root | 6});
    const Leaves leaves = rig.watcher;
    for (int round = 0; round < 8; ++round) {
      for (int i = 0; i < 150; ++i) Step(rig, root, other);
      ASSERT_TRUE(rig.watcher.sound);
      ASSERT_TRUE(rig.machine->Restore());
      rig.watcher = leaves;
      ASSERT_EQ(Observe(rig, {root | 6}), before) << busy << round;
    }
    // The index is as it was, too: a further store tells the watcher what it should.
    rig.Unmap(root, kPage);
    EXPECT_TRUE(rig.watcher.sound);
  }
}

TEST_F(Snapshots, RestoredMachineRunsOnAsAFreshOne) {
  Rig a("tiny");
  const uint64_t root = a.NewPage();
  const uint64_t other = a.NewPage();
  for (uint64_t p = 0; p < 20; ++p) {
    a.Map(root, kPage + p * 4096, kPage, kAll);
    a.Map(other, kPage + p * 4096, kPage, kAll);
  }
  ASSERT_TRUE(a.machine->Mark());
  const Leaves leaves = a.watcher;
  std::vector<uint64_t> first;
  for (int run = 0; run < 2; ++run) {
    random.seed(99);
    a.Choose({});
    for (int i = 0; i < 400; ++i) Step(a, root, other);
    auto seen = Observe(a, {root | 6});
    if (run == 0) first = seen;
    EXPECT_EQ(seen, first);
    a.machine->Restore();
    a.watcher = leaves;
  }
}

}  // namespace
}  // namespace sidewall::model
