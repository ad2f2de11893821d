// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/attributes.h"

#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr size_t kNiso0 = 2;
constexpr uint64_t kPage = 0x80001000;
constexpr uint64_t kTable = 0x80100000;
constexpr uint64_t kUserPage = 1 << 10 | 1 << 6 | 3;

// ------------------------------------------------------------------------------ the combination

uint8_t Combined(uint8_t stage1, uint8_t stage2) {
  return CombineStages({stage1, 0}, {stage2, 0}).memory;
}

TEST(Attributes, MemAttrAsAMairByte) {
  const uint8_t expected[16] = {0x00, 0x04, 0x08, 0x0c, 0x44, 0x44, 0x4b, 0x4f,
                                0xb4, 0xb4, 0xbb, 0xbf, 0xf4, 0xf4, 0xfb, 0xff};
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(MemoryOfMemAttr(i), expected[i]) << i;
}

TEST(Attributes, DeviceWinsAndTheStricterDevice) {
  EXPECT_EQ(Combined(0xff, 0x04), 0x04);
  EXPECT_EQ(Combined(0x0c, 0xff), 0x0c);
  for (const uint8_t a : {0x00, 0x04, 0x08, 0x0c}) {
    for (const uint8_t b : {0x00, 0x04, 0x08, 0x0c}) EXPECT_EQ(Combined(a, b), a < b ? a : b);
  }
}

TEST(Attributes, WeakerCacheabilityWinsInnerAndOuterApart) {
  EXPECT_EQ(Combined(0xff, 0xff), 0xff);
  EXPECT_EQ(Combined(0xff, 0x44), 0x44);
  EXPECT_EQ(Combined(0x44, 0xff), 0x44);
  EXPECT_EQ(Combined(0xff, 0x4f), 0x4f);
  EXPECT_EQ(Combined(0xf4, 0xff), 0xf4);
  EXPECT_EQ(Combined(0xff, 0xbf), 0xbf);
  EXPECT_EQ(Combined(0xbb, 0xff), 0xbb);
}

TEST(Attributes, HintsAreThoseOfStageOne) {
  EXPECT_EQ(Combined(0xde, 0xff), 0xde);
  EXPECT_EQ(Combined(0xde, 0xbb), 0x9a);
  EXPECT_EQ(Combined(0x77, 0xbb), 0x33);  // transient stays transient
  EXPECT_EQ(Combined(0x9a, 0xff), 0x9a);
}

TEST(Attributes, LargerDomainWins) {
  for (const uint8_t a : {0, 2, 3}) {
    for (const uint8_t b : {0, 2, 3}) {
      const uint8_t expected = a == 2 || b == 2 ? 2 : a == 3 || b == 3 ? 3 : 0;
      EXPECT_EQ(CombineStages({0xff, a}, {0xff, b}).shareability, expected);
    }
  }
}

TEST(Attributes, WhatNoCacheHoldsIsOuterShareable) {
  EXPECT_EQ(Settle({0x04, 0}).shareability, 2);
  EXPECT_EQ(Settle({0x44, 3}).shareability, 2);
  EXPECT_EQ(Settle({0x4f, 3}).shareability, 3);
  EXPECT_EQ(Settle({0xff, 0}).shareability, 0);
}

TEST(Attributes, HintsOfAnOverride) {
  AttributeOverride with;
  with.read_allocate = 3;
  EXPECT_EQ(Apply(with, {0xff, 0}).memory, 0xdd);
  with.write_allocate = 3;
  EXPECT_EQ(Apply(with, {0xff, 0}).memory, 0xcc);
  EXPECT_EQ(Apply(with, {0x77, 0}).memory, 0xcc);  // 0100 would be another type
  EXPECT_EQ(Apply(with, {0x4f, 0}).memory, 0x4c);
  with.write_allocate = 2;
  EXPECT_EQ(Apply(with, {0x88, 0}).memory, 0x99);
  EXPECT_EQ(Apply(with, {0x04, 0}).memory, 0x04);
}

// -------------------------------------------------------------------------------- on the machine

class AttributesOnMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    root = rig.NewPage();
    rig.Open(kNiso0);
    rig.Stage2Bank(kNiso0, 3, root, 7);
    rig.NestedBank(kNiso0, 1, 3, 7, kTable);
    rig.Write(kNiso0, Rig::Cb(1, 0x38), 0xbb0444ff);  // MAIR0: 0 WB, 1 NC, 2 device, 3 WT
    rig.Write(kNiso0, Rig::Cb(1, 0x3c), 0x0c080040);  // MAIR1: 5 nGnRnE, 6 nGRE, 7 GRE
    rig.Stream(kNiso0, 0, 6, 1);
    rig.HostTables(kTable);
    for (uint64_t page = kTable; page < kTable + 0x4000; page += 0x1000) {
      rig.Map(root, page, page, 3);
    }
    Leaf2(0xf, 0);
  }
  void Leaf1(unsigned index, unsigned sh) {
    rig.PutHost(kTable, 0x5000, kPage | kUserPage | index << 2 | sh << 8);
  }
  void Leaf2(unsigned mem_attr, unsigned sh) {
    rig.Put(root, kPage, kPage | 0x403 | 3 << 6 | mem_attr << 2 | sh << 8);
  }
  void Sctlr(uint32_t bank, uint32_t value) { rig.Write(kNiso0, Rig::Cb(bank, 0), value); }
  void Expect(uint64_t address, uint8_t memory, uint8_t shareability) {
    DmaRequest request = {.side = 1, .sid = 6, .address = address, .instance = 0};
    request.memory_attribute = incoming.memory;
    request.shareability = incoming.shareability;
    const DmaResult result = rig.machine->Translate(request);
    EXPECT_EQ(result.fault, FaultKind::kNone);
    EXPECT_EQ(result.memory_attribute, memory);
    EXPECT_EQ(result.shareability, shareability);
  }
  Rig rig{"tiny"};
  uint64_t root = 0;
  Attributes incoming;
};

TEST_F(AttributesOnMachine, StageOneTakesThemFromMair) {
  const uint8_t expected[8] = {0xff, 0x44, 0x04, 0xbb, 0x44, 0x00, 0x08, 0x0c};
  for (unsigned i = 0; i < 8; ++i) {
    Leaf1(i, 3);
    Expect(0x5000, expected[i], i == 0 || i == 3 ? 3 : 2);
  }
  incoming = {0x04, 2};  // replaced by those of the tables
  Leaf1(0, 0);
  Expect(0x5000, 0xff, 0);
  Leaf1(0, 1);  // reserved
  Expect(0x5000, 0xff, 0);
}

TEST_F(AttributesOnMachine, NestedStagesCombine) {
  Leaf1(0, 0);
  Leaf2(0xa, 3);
  Expect(0x5000, 0xbb, 3);
  Leaf2(1, 0);
  Expect(0x5000, 0x04, 2);
  Leaf1(7, 0);
  Leaf2(2, 0);
  Expect(0x5000, 0x08, 2);
  Leaf1(3, 2);
  Leaf2(0xf, 3);
  Expect(0x5000, 0xbb, 2);
}

TEST_F(AttributesOnMachine, StageTwoCombinesWithWhatTheMasterDrives) {
  rig.Stream(kNiso0, 0, 6, 3);
  Leaf2(0xf, 3);
  Expect(kPage, 0xff, 3);
  incoming = {0xaa, 2};
  Expect(kPage, 0xaa, 2);
  Leaf2(5, 0);
  Expect(kPage, 0x44, 2);
}

TEST_F(AttributesOnMachine, StageOneOffTakesThemFromSctlr) {
  Sctlr(1, 0x100);
  Expect(kPage, 0xff, 0);
  incoming = {0xbb, 3};
  Expect(kPage, 0xbb, 3);
  Sctlr(1, 0x100 | 1 << 20 | 0x5 << 16);  // MTCFG, MemAttr
  Expect(kPage, 0x44, 2);
  Sctlr(1, 0x100 | 1 << 20 | 0xf << 16 | 1 << 22);  // SHCFG 1: outer
  Expect(kPage, 0xff, 2);
  Sctlr(1, 0x100 | 1 << 20 | 0xf << 16 | 2 << 22);  // 2: inner
  Expect(kPage, 0xff, 3);
  Sctlr(1, 0x100 | 1 << 20 | 0xf << 16 | 3 << 22);  // 3: not shareable
  Expect(kPage, 0xff, 0);
  Sctlr(1, 0x100 | 0x5 << 16 | 3 << 24 | 3 << 26);  // MTCFG 0: hints only
  Expect(kPage, 0x88, 3);
  Leaf1(0, 0);
  Sctlr(1, 0x101 | 1 << 20 | 0x5 << 16 | 1 << 22);  // on: the tables say it
  Expect(0x5000, 0xff, 0);
}

TEST_F(AttributesOnMachine, StageTwoOffTakesThemFromItsSctlr) {
  rig.Stream(kNiso0, 0, 6, 3);
  Sctlr(3, 0x160 | 1 << 20 | 0xa << 16 | 2 << 22);
  Expect(kPage, 0xbb, 3);
}

TEST_F(AttributesOnMachine, StageTwoThatIsBypassedHasThoseOfCbar) {
  Leaf1(0, 0);
  rig.Write(kNiso0, 0x10004, 0x1f300 | 7);  // the weakest: BPSHCFG 3, write-back
  Expect(0x5000, 0xff, 0);
  Leaf1(3, 3);
  Expect(0x5000, 0xbb, 3);
  Leaf1(0, 0);
  rig.Write(kNiso0, 0x10004, 0x1a100 | 7);  // write-through, outer
  Expect(0x5000, 0xbb, 2);
  rig.Write(kNiso0, 0x10004, 0x10000 | 7);
  Expect(0x5000, 0x00, 2);
}

TEST_F(AttributesOnMachine, EntryOverridesWhatTheMasterDrives) {
  rig.Write(kNiso0, 0xc00, 3 | 1 << 8 | 1 << 11 | 0xa << 12);  // outer, write-through
  Leaf2(0xf, 0);
  Expect(kPage, 0xbb, 2);
  rig.Write(kNiso0, 0xc00, 0x10000 | 2 << 8 | 1 << 11 | 0xf << 12 | 3 << 20);  // bypass
  Expect(kPage, 0xdd, 3);
  rig.Write(kNiso0, 0xc00, 0x10000 | 3 << 8 | 0x5 << 12);  // MTCFG 0
  incoming = {0xbb, 3};
  Expect(kPage, 0xbb, 0);
  // Also where it is one of two that match, and wins unnoticed.
  rig.Write(kNiso0, 0xc04, 0x10000 | 1 << 8);
  rig.Write(kNiso0, 0x804, 0xffff0006);
  rig.Choose({2});
  const DmaResult won = rig.machine->Dma({.side = 1, .sid = 6, .address = kPage, .instance = 0});
  EXPECT_EQ(won.via.entry, 1);
  EXPECT_EQ(won.shareability, 2);
}

TEST_F(AttributesOnMachine, BypassWithoutAnEntryHasThoseOfControl) {
  rig.Write(kNiso0, 0x800, 0);
  rig.Write(kNiso0, 0, 0x00300000 | 0x5 << 16);  // USFCFG 0, MTCFG
  Expect(kPage, 0x44, 2);
  rig.Write(kNiso0, 0, 0x00300001 | 0xf << 16 | 2 << 22);  // CLIENTPD
  Expect(kPage, 0xff, 3);
}

// NSCFG asks for a secure access, and these banks cannot make one: nothing changes.
TEST_F(AttributesOnMachine, NonSecureBanksStayNonSecure) {
  Leaf1(0, 3);
  Expect(0x5000, 0xff, 3);
  rig.Write(kNiso0, 0xc00, 1 | 2 << 18);
  Sctlr(1, 0x1067 | 2 << 28);
  rig.PutHost(kTable, 0x5000, kPage | kUserPage | 3 << 8);  // NS 0: secure
  Expect(0x5000, 0xff, 3);
}

}  // namespace
}  // namespace sidewall::model
