// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Transactions that are under way, and such as come between the halves of a register.
#include <gtest/gtest.h>

#include <vector>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr uint8_t kVmid = 7;
constexpr uint64_t kPage = 0x80001000;

// Streams 6 and 9 of both instances of niso0, through banks 3 and 2 over one tree.
class UnderWay : public ::testing::Test {
 protected:
  void SetUp() override {
    root = rig.OpenPair(kVmid);
    for (const size_t i : {size_t{2}, size_t{3}}) {
      rig.Stage2Bank(i, 2, root, kVmid);
      rig.Stream(i, 1, 9, 2);
    }
    rig.Map(root, kPage, kPage, 3);
  }
  DmaResult Late(uint8_t instance = 0, uint16_t sid = 6) {
    return rig.machine->Dma(
        {.side = 1, .sid = sid, .address = kPage, .instance = instance, .late = true});
  }
  std::vector<uint16_t> Streams() {
    std::vector<uint16_t> streams;
    rig.machine->ForEachUnderWay([&](const HeldDma& f) { streams.push_back(f.request.sid); });
    return streams;
  }
  using List = std::vector<uint16_t>;
  Rig rig{"tiny"};
  uint64_t root = 0;
};

// What it was translated with may be gone since; a sync waits for it all the same.
TEST_F(UnderWay, UntilASyncIsComplete) {
  EXPECT_EQ(Late().pa, kPage);
  rig.machine->Dma({.side = 1, .sid = 9, .address = kPage, .instance = 0});
  EXPECT_EQ(Streams(), List{6});  // the other is delivered at once
  rig.Write(2, 0xc00, 0x20000);
  rig.Unmap(root, kPage);
  rig.Write(2, 0x64, kVmid);
  EXPECT_EQ(Streams(), List{6});
  rig.machine->SetSyncMode(2, 1, 1);
  rig.Write(2, 0x70, 0);
  EXPECT_NE(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(Streams(), List{6});
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(Streams(), List{});
}

TEST_F(UnderWay, OfItsInstanceAlone) {
  Late(0);
  Late(1);
  EXPECT_TRUE(rig.GlobalSync(3));
  ASSERT_EQ(Streams(), List{6});
  rig.machine->ForEachUnderWay([](const HeldDma& f) { EXPECT_EQ(f.result.instance, 2); });
}

TEST_F(UnderWay, WhatComesAfterASyncBeganWaitsForTheNext) {
  Late();
  rig.Write(2, 0x70, 0);
  Late(0, 9);
  EXPECT_EQ(rig.Read(2, 0x74), 0u);
  EXPECT_EQ(Streams(), List{9});
  EXPECT_TRUE(rig.GlobalSync(2));
  EXPECT_EQ(Streams(), List{});
}

TEST_F(UnderWay, TheSyncOfABankWaitsForThatBank) {
  Late(0, 6);
  Late(0, 9);
  rig.Write(2, Rig::Cb(3, 0x7f0), 0);
  EXPECT_EQ(rig.Read(2, Rig::Cb(3, 0x7f4)), 0u);
  EXPECT_EQ(Streams(), List{9});
}

TEST_F(UnderWay, NotWhenMastersAreStopped) {
  Late();
  rig.machine->GateMasters(1, true);
  EXPECT_EQ(Streams(), List{});
  rig.machine->GateMasters(1, false);
  Late();
  rig.machine->PowerLoss(1);
  EXPECT_EQ(Streams(), List{});
}

TEST_F(UnderWay, NothingThatFaulted) {
  rig.Unmap(root, kPage);
  EXPECT_EQ(Late().fault, FaultKind::kTranslation);
  EXPECT_EQ(Streams(), List{});
}

TEST_F(UnderWay, SixteenAndNoMore) {
  for (int i = 0; i < 20; ++i) Late();
  EXPECT_EQ(Streams().size(), kMaxHeldDma);
}

TEST_F(UnderWay, IsInTheSnapshot) {
  Late();
  ASSERT_TRUE(rig.machine->Mark());
  rig.GlobalSync(2);
  EXPECT_EQ(Streams(), List{});
  ASSERT_TRUE(rig.machine->Restore());
  EXPECT_EQ(Streams(), List{6});
  rig.GlobalSync(2);
  EXPECT_EQ(Streams(), List{});
}

// A-21 the other way round.
TEST_F(UnderWay, ASyncThatWaitsForNobody) {
  EXPECT_TRUE(rig.machine->Contradict(21));
  Late();
  rig.GlobalSync(2);
  rig.Write(2, Rig::Cb(3, 0x7f0), 0);
  rig.Read(2, Rig::Cb(3, 0x7f4));
  EXPECT_EQ(Streams(), List{6});
}

// ------------------------------------------------------------------- between the halves

// A transaction that comes between the halves of TTBR0 walks the table that is named just then.
TEST_F(UnderWay, BetweenTheHalvesOfARegister) {
  constexpr uint64_t kHigh = uint64_t{1} << 32;
  const uint64_t other = rig.NewPage();
  rig.Map(other, kPage, kPage + 0x4000, 3);
  struct Seen {
    Machine* machine;
    std::vector<DmaResult> results;
  } seen = {rig.machine.get(), {}};
  rig.machine->SetBetweenHalves(
      [](void* to) {
        auto* all = static_cast<Seen*>(to);
        all->results.push_back(
            all->machine->Dma({.side = 1, .sid = 6, .address = kPage, .instance = 0}));
      },
      &seen);
  // Whole registers have no halves to come between.
  rig.Write64(2, Rig::Cb(3, 0x20), kHigh | other);
  EXPECT_EQ(seen.results.size(), 0u);
  for (const uint8_t torn : {uint8_t{1}, uint8_t{2}}) {
    rig.Write64(2, Rig::Cb(3, 0x20), root);
    rig.Write(2, 0x68, 0);
    rig.GlobalSync(2);
    rig.machine->SetQuirks(2, {.torn = torn});
    rig.Write64(2, Rig::Cb(3, 0x20), kHigh | other);
    rig.machine->SetQuirks(2, {});
    ASSERT_EQ(seen.results.size(), 1u) << int{torn};
    // Low half first: the other root, of which only the low half has come; else nothing is there.
    EXPECT_EQ(seen.results[0].via.stage2_root, torn == 1 ? other : kHigh | root);
    EXPECT_EQ(seen.results[0].fault, torn == 1 ? FaultKind::kNone : FaultKind::kExternal);
    if (torn == 1) {
      EXPECT_EQ(seen.results[0].pa, kPage + 0x4000);
    }
    EXPECT_EQ(rig.machine->Resolve(2, 6).stage2_root, kHigh | other);
    seen.results.clear();
  }
  // Of a register with stage 1: the ASID comes with the high half.
  rig.NestedBank(2, 1, 3, kVmid, 0);
  rig.Stream(2, 0, 6, 1);
  rig.Write64(2, Rig::Cb(3, 0x20), root);
  rig.machine->SetQuirks(2, {.torn = 1});
  rig.Write64(2, Rig::Cb(1, 0x20), kPage | uint64_t{5} << 48);
  ASSERT_EQ(seen.results.size(), 1u);
  EXPECT_EQ(seen.results[0].table_page[0], kPage);
}

}  // namespace
}  // namespace sidewall::model
