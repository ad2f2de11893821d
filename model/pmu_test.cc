// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/pmu.h"

#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

class PmuPage : public ::testing::Test {
 protected:
  static constexpr size_t kIso = 4;
  static constexpr uint32_t kPage = 0x30000;
  uint32_t Read(uint32_t offset) { return rig.Read(kIso, kPage + offset); }
  void Write(uint32_t offset, uint32_t value) { rig.Write(kIso, kPage + offset, value); }
  uint32_t View(uint32_t bank, uint32_t offset) { return rig.Read(kIso, Rig::Cb(bank, offset)); }
  void WriteView(uint32_t bank, uint32_t offset, uint32_t value) {
    rig.Write(kIso, Rig::Cb(bank, offset), value);
  }
  Rig rig{"tiny"};
};

TEST_F(PmuPage, HasEightGroupsOfFourCounters) {
  EXPECT_EQ(Read(0xe00), 0x07001f1fu);  // PMCFGR
  for (uint32_t n = 0; n < 256; ++n) Write(4 * n, 0x100 + n);
  for (uint32_t n = 0; n < 256; ++n) EXPECT_EQ(Read(4 * n), n < 32 ? 0x100 + n : 0) << n;
  for (uint32_t n = 0; n < 128; ++n) {
    Write(0x800 + 4 * n, 0xffffffff);
    EXPECT_EQ(Read(0x800 + 4 * n), n < 8 ? 0x047f1fffu : 0u) << n;  // CGNC is read-only
    Write(0xa00 + 4 * n, 0xffffffff);
    EXPECT_EQ(Read(0xa00 + 4 * n), n < 8 ? 0x7fff7fffu : 0u) << n;
  }
}

TEST_F(PmuPage, SetAndClearAreTwoViewsOfOneWord) {
  struct Pair {
    uint32_t set, clear;
  };
  for (const Pair pair : {Pair{0xc00, 0xc20}, Pair{0xc40, 0xc60}, Pair{0xcc0, 0xc80}}) {
    Write(pair.set, 0xf0);
    Write(pair.set, 0x0f);
    EXPECT_EQ(Read(pair.set), 0xffu) << std::hex << pair.set;
    EXPECT_EQ(Read(pair.clear), 0xffu);
    Write(pair.clear, 0x3c);
    EXPECT_EQ(Read(pair.set), 0xc3u);
    Write(pair.clear, 0);
    EXPECT_EQ(Read(pair.clear), 0xc3u);
  }
}

TEST_F(PmuPage, ControlResetsTheCounters) {
  Write(0x10, 5);
  Write(0xe04, 0xffffffff);
  EXPECT_EQ(Read(0xe04), 0x11u);
  EXPECT_EQ(Read(0x10), 0u);
}

TEST_F(PmuPage, ABankSeesTheGroupThatItWasGivenAndNoOther) {
  for (uint32_t n = 0; n < 32; ++n) Write(4 * n, 0x100 + n);
  Write(0xc00, 0x0000f0f0);
  for (uint32_t offset = 0xe00; offset < 0xfb8; offset += 4) EXPECT_EQ(View(2, offset), 0u);
  WriteView(2, 0xe00, 7);
  EXPECT_EQ(Read(0), 0x100u);
  Write(0x800 + 4 * 3, 1u << 10 | 2);  // PMCGCR[3]: CBAEN, bank 2
  for (uint32_t n = 0; n < 32; ++n) EXPECT_EQ(View(2, 0xe00 + 4 * n), n < 4 ? 0x10c + n : 0) << n;
  EXPECT_EQ(View(2, 0xf00), 0x1f03u);
  EXPECT_EQ(View(2, 0xf40), 0xfu);
  EXPECT_EQ(View(1, 0xe00), 0u);
  WriteView(2, 0xe08, 77);
  EXPECT_EQ(Read(4 * 14), 77u);
  WriteView(2, 0xe84, 0x1234);
  EXPECT_EQ(Read(0x400 + 4 * 13), 0x1234u);
  WriteView(2, 0xf44, 0xff);  // no more than its own four
  EXPECT_EQ(Read(0xc00), 0x00f0u);
  WriteView(2, 0xf48, 0xff);
  EXPECT_EQ(Read(0xc40), 0xf000u);
  WriteView(2, 0xf58, 0xff);
  WriteView(2, 0xf50, 0x1);
  EXPECT_EQ(View(2, 0xf50), 0xeu);
  WriteView(2, 0xf04, 0x13);  // P
  EXPECT_EQ(View(2, 0xf04), 0x11u);
  EXPECT_EQ(Read(4 * 14), 0u);
  EXPECT_EQ(Read(4 * 16), 0x110u);
  EXPECT_EQ(Read(0xe04), 0u);
  Write(0x800 + 4 * 3, 2);  // taken away
  EXPECT_EQ(View(2, 0xf40), 0u);
}

TEST_F(PmuPage, ResetsWithThePower) {
  Write(0x10, 5);
  rig.machine->PowerLoss(2);
  EXPECT_EQ(Read(0x10), 0u);
}

}  // namespace
}  // namespace sidewall::model
