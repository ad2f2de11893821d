// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Where registers lie, by page size, and what accesses of any width do to them.
#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

// Board `small`: pages of 4 KiB, of which eight are global, and five banks.
class SmallPages : public ::testing::Test {
 protected:
  static constexpr size_t kNiso0 = 2;
  static uint32_t Bank(uint32_t bank, uint32_t offset) { return 0x8000 + bank * 0x1000 + offset; }
  Rig rig{"small"};
};

TEST_F(SmallPages, HoldTheSameRegisters) {
  EXPECT_EQ(rig.Read(kNiso0, 0x20), 0x7e055e07u);
  EXPECT_EQ(rig.Read(kNiso0, 0x24), 0x20000005u);
  rig.Write(kNiso0, 0x1004, 0x1f300);  // CBAR[1]
  EXPECT_EQ(rig.Read(kNiso0, 0x1004), 0x1f300u);
  rig.Write(kNiso0, 0x1804, 3);  // CBA2R[1]
  EXPECT_EQ(rig.Read(kNiso0, 0x1804), 3u);
  rig.Write(kNiso0, 0x2000, 1);  // ITCTRL
  EXPECT_EQ(rig.Read(kNiso0, 0x2000), 1u);
  EXPECT_EQ(rig.Read(kNiso0, 0x3e00), 0x07001f1fu);  // PMCFGR
  EXPECT_EQ(rig.Read(kNiso0, Bank(4, 0)), 0x100u);
  rig.Write(kNiso0, Bank(4, 0x34), 0x5a);
  EXPECT_EQ(rig.Read(kNiso0, Bank(4, 0x34)), 0x5au);
  rig.Write(kNiso0, Bank(4, 0x7f0), 0);
  EXPECT_EQ(rig.Read(kNiso0, Bank(4, 0x7f4)), 0u);
}

TEST_F(SmallPages, HaveNoBankAboveTheCount) {
  for (uint32_t bank = 5; bank < 8; ++bank) {
    rig.Write(kNiso0, Bank(bank, 0x34), 0x5a);
    EXPECT_EQ(rig.Read(kNiso0, Bank(bank, 0x34)), 0u) << bank;
    rig.Write(kNiso0, 0x1000 + 4 * bank, 0x5a);
    EXPECT_EQ(rig.Read(kNiso0, 0x1000 + 4 * bank), 0u) << bank;
  }
  rig.Write(kNiso0, 0x800 + 4 * 7, 0xffffffff);
  EXPECT_EQ(rig.Read(kNiso0, 0x800 + 4 * 7), 0u);
  rig.Read(kNiso0, 0x10004);  // where CBAR[1] is with 64 KiB pages
  EXPECT_FALSE(rig.answered);
}

TEST_F(SmallPages, TranslateAsOthersDo) {
  rig.Open(kNiso0);
  rig.Stream(kNiso0, 0, 6, 3);
  const uint64_t root = rig.NewPage();
  rig.Write(kNiso0, 0x1800 + 4 * 3, 1);
  rig.Write(kNiso0, 0x1000 + 4 * 3, 9);
  rig.Write(kNiso0, Bank(3, 0x30), 0x80040094);  // 44 bits, from level 0
  rig.Write64(kNiso0, Bank(3, 0x20), root);
  rig.Write(kNiso0, Bank(3, 0), 0x161);
  rig.Map(root, 0x80001000, 0x80002000, kPermRead);
  const DmaRequest request = {.side = 1, .sid = 6, .address = 0x80001010};
  const DmaResult result = rig.machine->Dma(request);
  EXPECT_EQ(result.fault, FaultKind::kNone);
  EXPECT_EQ(result.pa, 0x80002010u);
  EXPECT_EQ(rig.machine->Resolve(kNiso0, 6).stage2_bank, 3);
  // The sides that the board has no SMMU for carry nothing.
  EXPECT_EQ(rig.machine->Dma({.side = 0, .sid = 6}).fault, FaultKind::kUnmatchedStream);
}

TEST_F(SmallPages, PeekSaysWhatAReadSays) {
  rig.Choose({1, 2, 3, 4, 5, 6, 7, 8});
  rig.machine->Scramble();
  for (uint32_t offset = 0; offset < 0x10000; offset += 4) {
    ASSERT_EQ(rig.machine->Peek32(kNiso0, offset), rig.Read(kNiso0, offset)) << std::hex << offset;
  }
}

// Every width at every alignment, of a word with a value.
class Widths : public ::testing::Test {
 protected:
  static constexpr size_t kIso = 4;
  Rig rig{"tiny"};
  uint64_t At(uint32_t offset) { return rig.Window(kIso) + offset; }
};

TEST_F(Widths, NarrowReadsAreLanesOfTheWord) {
  rig.Write(kIso, Rig::Cb(1, 0x34), 0x44332211);
  for (const unsigned width : {1u, 2u, 4u}) {
    for (uint32_t byte = 0; byte < 4; ++byte) {
      uint64_t value = 0xdead;
      const bool answered = rig.machine->Read(At(Rig::Cb(1, 0x34) + byte), width, &value);
      EXPECT_EQ(answered, byte % width == 0) << width << "+" << byte;
      if (!answered) continue;
      const uint64_t mask = (uint64_t{1} << (8 * width)) - 1;
      EXPECT_EQ(value, 0x44332211ull >> (8 * byte) & mask) << width << "+" << byte;
    }
  }
  uint64_t value = 0;
  EXPECT_FALSE(rig.machine->Read(At(Rig::Cb(1, 0x34)), 3, &value));
  EXPECT_FALSE(rig.machine->Read(At(Rig::Cb(1, 0x34)), 8, &value));
}

TEST_F(Widths, NarrowAndUnalignedWritesAreIgnored) {
  rig.Write(kIso, Rig::Cb(1, 0x34), 0x44332211);
  for (const unsigned width : {1u, 2u, 3u}) {
    for (uint32_t byte = 0; byte < 4; ++byte) {
      rig.machine->Write(At(Rig::Cb(1, 0x34) + byte), width, ~uint64_t{0});
    }
  }
  for (uint32_t byte = 1; byte < 4; ++byte) {
    rig.machine->Write(At(Rig::Cb(1, 0x34) + byte), 4, ~uint64_t{0});
    rig.machine->Write(At(Rig::Cb(1, 0x30) + byte), 8, ~uint64_t{0});
  }
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x34)), 0x44332211u);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x38)), 0u);
}

TEST_F(Widths, ADoublewordOfWordsIsTwoWords) {
  rig.machine->Write(At(Rig::Cb(1, 0x30)), 8, 0x1122334400802010);  // TCR, CONTEXTIDR
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x30)), 0x00802010u);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x34)), 0x11223344u);
  rig.machine->Write(At(0x800), 8, 0x8000000280000001);  // SMR[0], SMR[1]
  EXPECT_EQ(rig.Read(kIso, 0x800), 0x80000001u);
  EXPECT_EQ(rig.Read(kIso, 0x804), 0x80000002u);
  uint64_t value = 0;
  EXPECT_TRUE(rig.machine->Read(At(0x800), 8, &value));
  EXPECT_EQ(value, 0x8000000280000001u);
}

TEST_F(Widths, HalvesOfAWideRegisterComeInAnyOrder) {
  for (const uint32_t offset : {0x20u, 0x28u, 0x50u, 0x60u}) {
    rig.Write(kIso, Rig::Cb(1, offset + 4), 0x00055555);
    rig.Write(kIso, Rig::Cb(1, offset), 0x66666000);
    uint64_t value = 0;
    EXPECT_TRUE(rig.machine->Read(At(Rig::Cb(1, offset)), 8, &value));
    EXPECT_EQ(value, 0x0005555566666000u) << std::hex << offset;
  }
  rig.Write(kIso, 0x44, 0x77);  // sGFAR
  rig.Write(kIso, 0x40, 0x88);
  EXPECT_EQ(rig.Read(kIso, 0x44), 0x77u);
  EXPECT_EQ(rig.Read(kIso, 0x40), 0x88u);
}

}  // namespace
}  // namespace sidewall::model
