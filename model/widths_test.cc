// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Where registers lie, by page size, and what accesses of any width do to them.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "model/registers.h"
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

// The rules of width, for each register of the table: of the global pages, and of a bank of either
// kind. A word that cannot be written keeps what it has, and is read in the same ways.
class WidthRules : public ::testing::Test {
 protected:
  static constexpr size_t kNiso0 = 2;
  static constexpr uint16_t kBank = 5;
  static bool InSmmu(const RegisterInfo& row) {
    return row.page != Page::kMcSid && row.page != Page::kMcChannel;
  }
  void Fresh(bool stage2) {
    rig.Reset();
    rig.Write(kNiso0, 0x10, 0);  // no CACHE_LOCK
    rig.Write(kNiso0, 0x10000 + 4 * kBank, stage2 ? 0 : 0x10000);
  }
  static uint32_t OffsetOf(const RegisterInfo& row) {
    if (row.page == Page::kBank) return 0x800000 + (kBank << 16) + row.offset;
    const uint32_t index = row.page == Page::kGr1 && row.count > 1 ? kBank : 0;
    return row.offset + index * row.stride + (static_cast<uint32_t>(row.page) << 16);
  }
  bool Read(uint32_t offset, unsigned width, uint64_t* value) {
    return rig.machine->Read(rig.Window(kNiso0) + offset, width, value);
  }
  void Write(uint32_t offset, unsigned width, uint64_t value) {
    rig.machine->Write(rig.Window(kNiso0) + offset, width, value);
  }
  uint32_t Word(uint32_t offset) {
    uint64_t value = 0;
    EXPECT_TRUE(Read(offset, 4, &value));
    return static_cast<uint32_t>(value);
  }

  void CheckReads(uint32_t at, unsigned size) {
    uint64_t value = 0;
    for (uint32_t byte = 0; byte < size; ++byte) {
      const uint64_t lanes = Word(at + (byte & 4)) >> (8 * (byte % 4));
      ASSERT_TRUE(Read(at + byte, 1, &value));
      ASSERT_EQ(value, lanes & 0xff) << byte;
      ASSERT_EQ(Read(at + byte, 2, &value), byte % 2 == 0) << byte;
      ASSERT_EQ(value, byte % 2 == 0 ? lanes & 0xffff : lanes & 0xff) << byte;
      ASSERT_EQ(Read(at + byte, 4, &value), byte % 4 == 0) << byte;
      ASSERT_EQ(Read(at + byte, 8, &value), (at + byte) % 8 == 0) << byte;
      ASSERT_FALSE(Read(at + byte, 3, &value));
    }
    const uint32_t even = at & ~7u;
    ASSERT_TRUE(Read(even, 8, &value));
    ASSERT_EQ(value, uint64_t{Word(even + 4)} << 32 | Word(even));
  }
  // What is narrow or not aligned to a word changes nothing; nor do the words beside it change.
  void CheckWrites(uint32_t at, unsigned size) {
    const uint32_t first = at & ~7u;
    const uint64_t before = uint64_t{Word(first + 4)} << 32 | Word(first);
    for (const uint64_t value : {~uint64_t{0}, uint64_t{0}}) {
      for (uint32_t byte = 0; byte < size; ++byte) {
        Write(at + byte, 1, value);
        Write(at + byte, 2, value);
        Write(at + byte, 3, value);
        if (byte % 4 != 0) Write(at + byte, 4, value);
        if (byte % 4 != 0) Write(at + byte, 8, value);
      }
    }
    ASSERT_EQ(uint64_t{Word(first + 4)} << 32 | Word(first), before);
  }
  // Halves in either order, and both at once, come to the same.
  void CheckHalves(uint32_t at, bool stage2) {
    constexpr uint64_t kValue = 0x0005a5a5'5a5a5000;
    uint64_t by_order[3] = {};
    for (unsigned order = 0; order < 3; ++order) {
      Fresh(stage2);
      if (order == 0) Write(at, 8, kValue);
      if (order == 1) Write(at, 4, kValue & 0xffffffff);
      if (order != 0) Write(at + 4, 4, kValue >> 32);
      if (order == 2) Write(at, 4, kValue & 0xffffffff);
      ASSERT_TRUE(Read(at, 8, &by_order[order]));
    }
    ASSERT_EQ(by_order[0], by_order[1]);
    ASSERT_EQ(by_order[0], by_order[2]);
  }
  Rig rig{"tegra234"};
};

TEST_F(WidthRules, OfEveryRegister) {
  size_t count = 0;
  size_t checked = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    const RegisterInfo& row = rows[i];
    if (!InSmmu(row)) continue;
    for (const bool stage2 : {false, true}) {
      if (stage2 && row.page != Page::kBank) continue;
      SCOPED_TRACE(std::string(row.name) + (stage2 ? " of stage 2" : ""));
      const uint32_t at = OffsetOf(row);
      Fresh(stage2);
      if (row.access == Access::kReadWrite) {
        Write(at, 4, 0xa5a5a5a5);
        if (row.width == 8) Write(at + 4, 4, 0x5a5a5a5a);
      }
      CheckReads(at, row.width);
      CheckWrites(at, row.width);
      if (row.width == 8 && row.access == Access::kReadWrite) CheckHalves(at, stage2);
      ++checked;
    }
  }
  EXPECT_GE(checked, 170u);
}

// A 64-bit register is no pair of words to the one beside it: a doubleword over two 32-bit
// registers is two stores, the lower first.
TEST_F(WidthRules, OfADoublewordOverTwoRegisters) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i + 1 < count; ++i) {
    const RegisterInfo& low = rows[i];
    const RegisterInfo& high = rows[i + 1];
    if (!InSmmu(low) || low.page != high.page || low.offset % 8 != 0) continue;
    if (low.width != 4 || high.width != 4 || high.offset != low.offset + 4) continue;
    if (low.access != Access::kReadWrite || high.access != Access::kReadWrite) continue;
    if (low.count != 1 || high.count != 1) continue;
    SCOPED_TRACE(low.name);
    const uint32_t at = OffsetOf(low);
    Fresh(false);
    Write(at, 4, 0x33333333);
    Write(at + 4, 4, 0x44444444);
    const uint64_t by_words = uint64_t{Word(at + 4)} << 32 | Word(at);
    Fresh(false);
    Write(at, 8, 0x44444444'33333333);
    EXPECT_EQ(uint64_t{Word(at + 4)} << 32 | Word(at), by_words);
  }
}

// Words of the memory controller follow the same rules, so that nothing reaches one word through
// an access that covers two.
TEST(WidthRulesOfTheMemoryController, OfBothWordsOfAClient) {
  Rig rig("tegra234");
  const uint64_t words = rig.board->mc_window[0].start + 8 * 0x58;
  rig.machine->Write32(words, 0x06);
  rig.machine->Write32(words + 4, 0x101);
  for (unsigned width = 1; width <= 3; ++width) {
    for (uint64_t byte = 0; byte < 8; ++byte) {
      rig.machine->Write(words + byte, width, ~uint64_t{0});
      rig.machine->Write(words + byte, width, 0);
    }
  }
  for (const uint64_t byte : {1, 2, 3, 5, 6, 7}) {
    rig.machine->Write(words + byte, 4, ~uint64_t{0});
    rig.machine->Write(words + byte, 8, ~uint64_t{0});
  }
  uint64_t value = 0;
  ASSERT_TRUE(rig.machine->Read(words, 8, &value));
  EXPECT_EQ(value, 0x0000010100000006u);
  ASSERT_TRUE(rig.machine->Read(words + 4, 1, &value));
  EXPECT_EQ(value, 0x01u);
  ASSERT_TRUE(rig.machine->Read(words + 4, 2, &value));
  EXPECT_EQ(value, 0x0101u);
  for (const uint64_t byte : {1, 3, 5, 7}) EXPECT_FALSE(rig.machine->Read(words + byte, 2, &value));
  EXPECT_FALSE(rig.machine->Read(words + 2, 4, &value));
}

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
