// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Sizes, halves, granules and formats: where a walk may start, and what it may take and give.
#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr size_t kNiso0 = 2;
constexpr uint8_t kVmid = 7;
constexpr uint64_t kPage = 0x80001000;
constexpr uint64_t kTable = 0x80100000;
constexpr uint64_t kUserPage = 1 << 10 | 1 << 6 | 3;  // AF, AP: unprivileged may read and write
constexpr uint64_t kUserBlock = kUserPage & ~uint64_t{2};

// Sizes of IDR2: UBS, OAS, IAS.
BoardSpec WithSizes(unsigned ubs, unsigned oas, unsigned ias) {
  BoardSpec spec = *FindBoard("tiny");
  for (SmmuSpec& smmu : spec.smmu) {
    smmu.idr[2] = (smmu.idr[2] & ~0xfffu) | ubs << 8 | oas << 4 | ias;
  }
  return spec;
}

// A stage-1 context alone (CBAR type 1): what it gives is what is delivered.
class Stage1Limits : public ::testing::Test {
 protected:
  static void Build(Rig& rig) {
    rig.Open(kNiso0);
    rig.NestedBank(kNiso0, 1, 3, kVmid, kTable);
    rig.Write(kNiso0, 0x10004, 0x1f300 | kVmid);
    rig.Write(kNiso0, Rig::Cb(1, 0), 0x1167);  // HUPCF
    rig.Stream(kNiso0, 0, 6, 1);
    rig.HostTables(kTable);
  }
  void SetUp() override { Build(rig); }
  static DmaResult Go(Rig& on, uint64_t address) {
    return on.machine->Dma({.side = 1, .sid = 6, .address = address, .instance = 0});
  }
  DmaResult Go(uint64_t address) { return Go(rig, address); }
  static void ExpectFault(const DmaResult& result, FaultKind kind, unsigned level) {
    EXPECT_EQ(result.fault, kind);
    EXPECT_EQ(result.level, level);
    EXPECT_EQ(result.stage, 1);
  }
  void Tcr(uint32_t value) { rig.Write(kNiso0, Rig::Cb(1, 0x30), value); }
  void Tcr2(uint32_t value) { rig.Write(kNiso0, Rig::Cb(1, 0x10), value); }
  Rig rig{"tiny"};
};

TEST_F(Stage1Limits, SizesFromSixteenToThirtyNine) {
  rig.PutHost(kTable, 0x1000, kPage | kUserPage);
  EXPECT_EQ(Go(0x1008).pa, kPage + 8);
  // 25 bits start at level 2, whose table lies three levels down from the root of 48.
  const uint64_t level1 = rig.machine->Load64(kTable) & kAddressMask;
  const uint64_t level2 = rig.machine->Load64(level1) & kAddressMask;
  rig.Write64(kNiso0, Rig::Cb(1, 0x20), level2);
  Tcr(0x00800000 | 39);
  EXPECT_EQ(Go(0x1008).pa, kPage + 8);
  ExpectFault(Go(0x2000000), FaultKind::kTranslation, 0);
  for (const uint32_t size : {0u, 15u, 40u, 63u}) {
    Tcr(0x00800000 | size);
    ExpectFault(Go(0x1008), FaultKind::kTranslation, 0);
  }
}

// 31 bits begin at level 1 with two entries, which are sixteen bytes.
TEST_F(Stage1Limits, RootsAreAlignedToTheirSize) {
  rig.PutHost(kTable, 0x1000, kPage | kUserPage);
  const uint64_t level1 = rig.machine->Load64(kTable) & kAddressMask;
  const uint64_t root = level1 + 0x130;
  rig.machine->Store64(root, rig.machine->Load64(level1));
  Tcr(0x00800000 | 33);
  for (const uint64_t ignored : {0x0, 0x1, 0x8, 0xf}) {
    rig.Write64(kNiso0, Rig::Cb(1, 0x20), root | ignored);
    EXPECT_EQ(Go(0x1008).pa, kPage + 8) << ignored;
  }
  rig.Write64(kNiso0, Rig::Cb(1, 0x20), root + 0x10);
  ExpectFault(Go(0x1008), FaultKind::kTranslation, 1);
}

TEST_F(Stage1Limits, EachHalfHasItsOwnSizeGranuleAndSwitch) {
  constexpr uint64_t kHigh = 0x80140000;
  constexpr uint64_t kHighVa = 0x1ffffffffabcd;  // the top of a 49-bit bus is the sign
  rig.PutHost(kTable, 0x1000, kPage | kUserPage);
  // Above 64 KiB and 39 bits, so level 2 with 1024 entries; below 4 KiB and 48 bits.
  rig.Write64(kNiso0, Rig::Cb(1, 0x28), kHigh);
  rig.machine->Store64(kHigh + 1023 * 8, 0x80160000 | 3);
  rig.machine->Store64(0x80160000 + 8191 * 8, 0x80030000 | kUserPage);
  const uint32_t both = 3u << 30 | 25u << 16 | 16;
  Tcr(both);
  EXPECT_EQ(Go(0x1008).pa, kPage + 8);
  EXPECT_EQ(Go(kHighVa).pa, 0x8003abcdu);
  ExpectFault(Go(0x1ff7fffffabcd), FaultKind::kTranslation, 0);  // not in the upper 39 bits
  Tcr(both | 1u << 23);                                          // EPD1
  EXPECT_EQ(Go(0x1008).pa, kPage + 8);
  ExpectFault(Go(kHighVa), FaultKind::kTranslation, 0);
  Tcr(both | 1u << 7);  // EPD0
  ExpectFault(Go(0x1008), FaultKind::kTranslation, 0);
  EXPECT_EQ(Go(kHighVa).pa, 0x8003abcdu);
}

TEST_F(Stage1Limits, SignExtensionNamesTheBitThatChoosesTheHalf) {
  constexpr uint64_t kHigh = 0x80140000;
  constexpr uint64_t kTop = uint64_t{1} << 49;
  // Each half maps every gigabyte to the same one.
  for (const uint64_t root : {kTable, kHigh}) {
    const uint64_t block = (root == kTable ? 0x80000000 : 0x40000000) | kUserBlock;
    for (uint64_t i = 0; i < 512; ++i) {
      rig.machine->Store64(root + i * 8, (root + 0x1000) | 3);
      rig.machine->Store64(root + 0x1000 + i * 8, block);
    }
  }
  rig.Write64(kNiso0, Rig::Cb(1, 0x28), kHigh);
  Tcr(2u << 30 | 16u << 16 | 16);
  constexpr unsigned kSignBit[8] = {31, 35, 39, 41, 43, 47, 47, 48};
  for (uint32_t sep = 0; sep < 8; ++sep) {
    Tcr2(sep << 15 | 5);
    const uint64_t sign = uint64_t{1} << kSignBit[sep];
    EXPECT_EQ(Go((sign / 2) | 0x123).pa & 0xc0000fff, 0x80000123u) << sep;
    EXPECT_EQ(Go((kTop - sign) | 0x123).pa, 0x40000123u) << sep;
    if (sep == 7) continue;
    // Above the sign, a bit that is no copy of it.
    ExpectFault(Go(sign | 0x123), FaultKind::kTranslation, 0);
    ExpectFault(Go((kTop / 2) | 0x123), FaultKind::kTranslation, 0);
  }
}

// A bus of 49 bits has no more of them: what a master drives above is a fault, and no alias.
TEST_F(Stage1Limits, AnAddressBeyondTheBusIsATranslationFault) {
  rig.PutHost(kTable, 0x1000, kPage | kUserPage);
  EXPECT_EQ(Go(0x1008).pa, kPage + 8);
  for (unsigned bit = 49; bit < 64; ++bit) {
    ExpectFault(Go(uint64_t{1} << bit | 0x1008), FaultKind::kTranslation, 0);
  }
}

TEST_F(Stage1Limits, TopByteIgnoredOnAWideBus) {
  const BoardSpec spec = WithSizes(15, 5, 5);
  Rig wide(&spec, 256);
  Build(wide);
  wide.PutHost(kTable, 0x1000, kPage | kUserPage);
  EXPECT_EQ(Go(wide, 0x1008).pa, kPage + 8);
  ExpectFault(Go(wide, 0xa500000000001008), FaultKind::kTranslation, 0);
  wide.Write(kNiso0, Rig::Cb(1, 0x10), 0x38015 | 1 << 5);  // TBI0
  EXPECT_EQ(Go(wide, 0xa500000000001008).pa, kPage + 8);
  ExpectFault(Go(wide, 0xa501000000001008), FaultKind::kTranslation, 0);
  // The upper half has a switch of its own.
  wide.Write64(kNiso0, Rig::Cb(1, 0x28), kTable);
  wide.Write(kNiso0, Rig::Cb(1, 0x30), 2u << 30 | 16u << 16 | 16);
  EXPECT_EQ(Go(wide, 0xffff000000001008).pa, kPage + 8);
  ExpectFault(Go(wide, 0x5aff000000001008), FaultKind::kTranslation, 0);
  wide.Write(kNiso0, Rig::Cb(1, 0x10), 0x38015 | 1 << 6);  // TBI1
  EXPECT_EQ(Go(wide, 0x5aff000000001008).pa, kPage + 8);
}

TEST_F(Stage1Limits, TablesAndOutputsWithinPaSize) {
  rig.PutHost(kTable, 0x1000, 0x1000000000 | kUserPage);  // bit 36
  EXPECT_EQ(Go(0x1000).fault, FaultKind::kNone);
  Tcr2(0x38011);  // 36 bits
  ExpectFault(Go(0x1000), FaultKind::kAddressSize, 3);
  rig.machine->Store64(kTable, 0x1000000000 | 3);
  ExpectFault(Go(0x1000), FaultKind::kAddressSize, 0);
  rig.Write64(kNiso0, Rig::Cb(1, 0x20), 0x1000000000);
  ExpectFault(Go(0x1000), FaultKind::kAddressSize, 0);
}

TEST_F(Stage1Limits, HardwareIsTheLimitOfPaSize) {
  const BoardSpec spec = WithSizes(5, 1, 2);  // 36 bits out, 40 in between
  Rig small(&spec, 256);
  Build(small);
  small.PutHost(kTable, 0x1000, 0x1000000000 | kUserPage);
  ExpectFault(Go(small, 0x1000), FaultKind::kAddressSize, 3);
  small.PutHost(kTable, 0x1000, 0x800000000 | kUserPage);
  EXPECT_EQ(Go(small, 0x1000).fault, FaultKind::kNone);
  small.Write(kNiso0, Rig::Cb(1, 0), 0x1166);  // off: addresses pass, up to that size
  EXPECT_EQ(Go(small, 0xfffffffff).pa, 0xfffffffffu);
  ExpectFault(Go(small, 0x1000000000), FaultKind::kAddressSize, 0);
}

TEST_F(Stage1Limits, AddressSizeComesBeforeAccessFlag) {
  rig.PutHost(kTable, 0x1000, 0x1000000000 | 3);
  Tcr2(0x38011);
  ExpectFault(Go(0x1000), FaultKind::kAddressSize, 3);
}

TEST_F(Stage1Limits, BlocksOnlyWhereTheGranuleHasThem) {
  const uint64_t level1 = 0x80101000;
  rig.machine->Store64(kTable, level1 | 3);
  rig.machine->Store64(level1 + 8, 0x80000000 | kUserBlock);
  EXPECT_EQ(Go(0x40000123).pa, 0x80000123u);
  rig.machine->Store64(kTable + 8, 0x80000000 | kUserBlock);
  ExpectFault(Go(uint64_t{1} << 39), FaultKind::kTranslation, 0);
  // 64 KiB: a block at level 2 only.
  Tcr(0x00804010);
  rig.machine->Store64(kTable, 0x80000000 | kUserBlock);
  ExpectFault(Go(0x123), FaultKind::kTranslation, 1);
  rig.machine->Store64(kTable, 0x80110000 | 3);
  rig.machine->Store64(0x80110000, 0x80000000 | kUserBlock);
  EXPECT_EQ(Go(0x10123).pa, 0x80010123u);
  rig.machine->Store64(0x80110000, 0x80120000 | 3);
  rig.machine->Store64(0x80120000, 0x80040000 | kUserBlock);  // no page: type 1 at level 3
  ExpectFault(Go(0x123), FaultKind::kTranslation, 3);
  rig.machine->Store64(0x80120000, 0x80040000 | kUserPage);
  EXPECT_EQ(Go(0xabcd).pa, 0x8004abcdu);
}

TEST_F(Stage1Limits, ContiguousBitIsAHint) {
  rig.PutHost(kTable, 0x1000, kPage | kUserPage | uint64_t{1} << 52);
  EXPECT_EQ(Go(0x1008).pa, kPage + 8);
  ExpectFault(Go(0x2008), FaultKind::kTranslation, 3);
}

TEST_F(Stage1Limits, BigEndianTables) {
  for (const uint64_t slot : {kTable, kTable + 0x1000, kTable + 0x2000}) {
    rig.machine->Store64(slot, __builtin_bswap64((slot + 0x1000) | 3));
  }
  rig.machine->Store64(kTable + 0x3008, __builtin_bswap64(kPage | kUserPage));
  ExpectFault(Go(0x1008), FaultKind::kTranslation, 0);
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x1177);  // SCTLR.E
  EXPECT_EQ(Go(0x1008).pa, kPage + 8);
}

TEST_F(Stage1Limits, AGranuleThatIsNotThereActsAsOneThatIs) {
  rig.PutHost(kTable, 0x1000, kPage | kUserPage);
  // TG0 16 KiB, and reserved.
  for (const uint32_t tcr : {0x00808010u, 0x0080c010u}) {
    Tcr(tcr);
    ExpectFault(Go(0x1008), FaultKind::kTranslation, 0);
    rig.Choose({1});
    EXPECT_EQ(Go(0x1008).pa, kPage + 8);
    // With 64 KiB the first entry is read three times: its table, aligned, is the root again. The
    // last time it is a page that nobody accessed.
    // What the last one left in the TLB is offered first, and then the tables that it met.
    rig.Choose({0, 0, 2});
    ExpectFault(Go(0x1008), FaultKind::kAccessFlag, 3);
    rig.Choose({});
  }
}

TEST_F(Stage1Limits, AGranuleThatIdr2LacksActsAsOneThatIsThere) {
  BoardSpec spec = *FindBoard("tiny");
  spec.smmu[1].idr[2] &= ~(1u << 14);  // no 64 KiB
  Rig small(&spec, 256);
  Build(small);
  small.PutHost(kTable, 0x1000, kPage | kUserPage);
  small.Write(kNiso0, Rig::Cb(1, 0x30), 0x00804010);  // TG0 64 KiB
  ExpectFault(Go(small, 0x1008), FaultKind::kTranslation, 0);
  small.Choose({1});
  EXPECT_EQ(Go(small, 0x1008).pa, kPage + 8);
  small.Choose({0, 0, 2});
  EXPECT_EQ(Go(small, 0x1008).pa, kPage + 8);
}

TEST_F(Stage1Limits, NarrowFormatsTakeNarrowAddresses) {
  rig.Write(kNiso0, 0x10804, 0);  // VA64 0
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x1166);
  EXPECT_EQ(Go(0xffffffff).pa, 0xffffffffu);
  ExpectFault(Go(0x100000000), FaultKind::kTranslation, 1);
  EXPECT_EQ(rig.Read(kNiso0, Rig::Cb(1, 0x58)) & 0x1fe, 2u);
  // Their tables are not followed.
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x1167);
  ExpectFault(Go(0x1000), FaultKind::kTranslation, 1);
}

// ------------------------------------------------------------------------------------- stage 2

class Stage2Limits : public ::testing::Test {
 protected:
  static DmaResult Go(Rig& on, uint64_t address) {
    return on.machine->Dma({.side = 1, .sid = 6, .address = address, .instance = 0});
  }
  static void Build(Rig& rig, uint32_t tcr, uint64_t root) {
    rig.Open(kNiso0);
    rig.Stage2Bank(kNiso0, 3, root, kVmid, tcr);
    rig.Stream(kNiso0, 0, 6, 3);
  }
  static void ExpectFault(const DmaResult& result, FaultKind kind, unsigned level) {
    EXPECT_EQ(result.fault, kind);
    EXPECT_EQ(result.level, level);
    EXPECT_EQ(result.stage, 2);
  }
};

constexpr uint64_t kBlock = 0x1 | 1 << 10 | 3 << 6 | 0xf << 2;

TEST_F(Stage2Limits, ConcatenatedRootsUpToSixteenTables) {
  Rig rig("tiny");
  const uint64_t root = rig.board->pool.start + 0x10000;  // sixteen tables, aligned to all of them
  Build(rig, 0x80050000 | 1 << 6 | 21, root);             // 43 bits from level 1
  rig.machine->TableWrite64(root + 0xf000 + 511 * 8, 0x80000000 | kBlock);
  EXPECT_EQ(Go(rig, 0x7ffc0000123).pa, 0x80000123u);
  ExpectFault(Go(rig, 0x3ffc0000123), FaultKind::kTranslation, 1);
  // A root is aligned to its size; what lies below that in TTBR0 is ignored.
  rig.Write64(kNiso0, Rig::Cb(3, 0x20), root + 0x8000);
  EXPECT_EQ(Go(rig, 0x7ffc0000123).pa, 0x80000123u);
}

TEST_F(Stage2Limits, EachStartLevelTakesItsSizesAndNoOthers) {
  constexpr struct {
    uint32_t tg0, sl0, first, last;
  } kRows[] = {{0, 2, 16, 24}, {0, 1, 21, 33}, {0, 0, 30, 39},
               {1, 2, 16, 21}, {1, 1, 18, 34}, {1, 0, 31, 39}};
  for (const auto& row : kRows) {
    for (uint32_t size = 0; size < 64; ++size) {
      const uint32_t tcr = 0x80050000 | row.tg0 << 14 | row.sl0 << 6 | size;
      EXPECT_EQ(DecodeStage2(tcr, 0, 0x5555).valid, size >= row.first && size <= row.last)
          << row.tg0 << " " << row.sl0 << " " << size;
    }
  }
}

TEST_F(Stage2Limits, StartLevelsOfTheLargeGranule) {
  Rig rig("tiny");
  const uint64_t root = rig.board->pool.start + 0x10000;
  Build(rig, 0x80050000 | 1 << 14 | 33, root);  // SL0 0: level 3, 31 bits, four tables
  rig.machine->TableWrite64(root + (0x40000000 >> 16) * 8, 0x80050000 | kLeafBits | 3 << 6);
  EXPECT_EQ(Go(rig, 0x4000abcd).fault, FaultKind::kTranslation);  // 31 bits need alignment of 256K
  rig.Write64(kNiso0, Rig::Cb(3, 0x20), rig.board->pool.start + 0x40000);
  rig.machine->TableWrite64(rig.board->pool.start + 0x40000 + (0x40000000 >> 16) * 8,
                            0x80050000 | kLeafBits | 3 << 6);
  EXPECT_EQ(Go(rig, 0x4000abcd).pa, 0x8005abcdu);
  // SL0 2: level 1, 48 bits, one table of 64 entries.
  rig.Write(kNiso0, Rig::Cb(3, 0x30), 0x80050000 | 1 << 14 | 2 << 6 | 16);
  rig.Write64(kNiso0, Rig::Cb(3, 0x20), root);
  rig.machine->TableWrite64(root + 63 * 8, (root + 0x10000) | 3);
  rig.machine->TableWrite64(root + 0x10000, 0x80000000 | kBlock);
  EXPECT_EQ(Go(rig, 0xfc0000001234).pa, 0x80001234u);
  rig.machine->TableWrite64(root + 63 * 8, 0x80000000 | kBlock);  // no blocks at level 1
  ExpectFault(Go(rig, 0xfc0000001234), FaultKind::kTranslation, 1);
}

TEST_F(Stage2Limits, SmallHardwareHasNoTopLevel) {
  const BoardSpec spec = WithSizes(5, 3, 5);  // 42 bits out
  Rig small(&spec, 64);
  const uint64_t root = small.NewPage();
  Build(small, kStage2Tcr, root);
  small.Map(root, kPage, kPage, 3);
  ExpectFault(Go(small, kPage), FaultKind::kTranslation, 0);
  const BoardSpec enough = WithSizes(5, 4, 5);
  Rig large(&enough, 64);
  Build(large, kStage2Tcr, root);
  large.NewPage();
  large.Map(root, kPage, kPage, 3);
  EXPECT_EQ(Go(large, kPage).fault, FaultKind::kNone);
}

TEST_F(Stage2Limits, InputAndOutputWithinTheHardware) {
  const BoardSpec narrow = WithSizes(5, 5, 4);  // 44 bits of intermediate address
  Rig rig(&narrow, 64);
  uint64_t root = rig.NewPage();
  Build(rig, kStage2Tcr, root);
  rig.Map(root, kPage, kPage, 3);
  ExpectFault(Go(rig, kPage), FaultKind::kTranslation, 0);  // T0SZ asks for 48
  rig.Write(kNiso0, Rig::Cb(3, 0x30), 0x80050080 | 20);
  EXPECT_EQ(Go(rig, kPage).fault, FaultKind::kNone);

  const BoardSpec out = WithSizes(5, 4, 5);  // 44 bits out, though PASize says 48
  Rig other(&out, 64);
  root = other.NewPage();
  Build(other, kStage2Tcr, root);
  other.Map(root, kPage, 0x100000000000, 3);
  ExpectFault(Go(other, kPage), FaultKind::kAddressSize, 3);
  other.Write64(kNiso0, Rig::Cb(3, 0x20), 0x100000000000);
  ExpectFault(Go(other, kPage), FaultKind::kAddressSize, 0);
}

TEST_F(Stage2Limits, AddressSizeComesBeforeAccessFlag) {
  Rig rig("tiny");
  const uint64_t root = rig.NewPage();
  Build(rig, kStage2Tcr & ~0x70000u, root);  // PASize 32 bits
  rig.Put(root, kPage, 0x100000000 | 3);
  ExpectFault(Go(rig, kPage), FaultKind::kAddressSize, 3);
}

TEST_F(Stage2Limits, ContiguousBitIsAHint) {
  Rig rig("tiny");
  const uint64_t root = rig.NewPage();
  Build(rig, kStage2Tcr, root);
  rig.Put(root, kPage, 0x80005000 | kLeafBits | 3 << 6 | uint64_t{1} << 52);
  EXPECT_EQ(Go(rig, kPage + 8).pa, 0x80005008u);
  ExpectFault(Go(rig, kPage + 0x1000), FaultKind::kTranslation, 3);
}

TEST_F(Stage2Limits, BigEndianTablesAreWild) {
  Rig rig("tiny");
  const uint64_t root = rig.NewPage();
  Build(rig, kStage2Tcr, root);
  EXPECT_FALSE(rig.watcher.Wild(root));
  rig.Write(kNiso0, Rig::Cb(3, 0), 0x171);  // SCTLR.E
  EXPECT_TRUE(rig.watcher.Wild(root));
  const uint64_t level1 = rig.NewPage();
  rig.machine->TableWrite64(root, __builtin_bswap64(level1 | 3));
  rig.machine->TableWrite64(level1 + 2 * 8, __builtin_bswap64(0x40000000 | kBlock));
  EXPECT_EQ(Go(rig, kPage).pa, 0x40001000u);
  EXPECT_TRUE(rig.watcher.sound);
}

TEST_F(Stage2Limits, AGranuleThatIsNotThereActsAsOneThatIs) {
  Rig rig("tiny");
  const uint64_t root = rig.NewPage();
  Build(rig, kStage2Tcr, root);
  rig.Map(root, kPage, 0x80005000, 3);
  for (const uint32_t granule : {2u, 3u}) {
    rig.Write(kNiso0, Rig::Cb(3, 0x30), kStage2Tcr | granule << 14);
    rig.Write(kNiso0, 0x68, 0);  // else what the bank named before could answer
    ASSERT_TRUE(rig.GlobalSync(kNiso0));
    EXPECT_TRUE(rig.watcher.Wild(root));
    ExpectFault(Go(rig, kPage), FaultKind::kTranslation, 0);
    rig.Choose({1});
    EXPECT_EQ(Go(rig, kPage).pa, 0x80005000u);
    rig.Choose({2, 0});
    EXPECT_NE(Go(rig, kPage).fault, FaultKind::kNone);
    rig.Choose({});
  }
}

// A granule that IDR2 does not offer is no better than a reserved one.
TEST_F(Stage2Limits, AGranuleThatIdr2LacksActsAsOneThatIsThere) {
  BoardSpec spec = *FindBoard("tiny");
  spec.smmu[1].idr[2] &= ~(1u << 14);  // no 64 KiB
  Rig rig(&spec, 64);
  const uint64_t root = rig.NewPage();
  Build(rig, kStage2Tcr, root);
  rig.Map(root, kPage, 0x80005000, 3);
  rig.Write(kNiso0, Rig::Cb(3, 0x30), kStage2Tcr | 1u << 14);
  rig.Write(kNiso0, 0x68, 0);  // else what the bank named before could answer
  ASSERT_TRUE(rig.GlobalSync(kNiso0));
  EXPECT_TRUE(rig.watcher.Wild(root));
  ExpectFault(Go(rig, kPage), FaultKind::kTranslation, 0);
  for (const uint8_t choice : {uint8_t{1}, uint8_t{2}}) {
    rig.Choose({choice});
    EXPECT_EQ(Go(rig, kPage).pa, 0x80005000u);
  }
  EXPECT_TRUE(rig.watcher.sound);
}

TEST_F(Stage2Limits, NarrowFormatsTakeFortyBits) {
  Rig rig("tiny");
  Build(rig, kStage2Tcr, rig.NewPage());
  rig.Write(kNiso0, 0x1080c, 0);            // VA64 0
  rig.Write(kNiso0, Rig::Cb(3, 0), 0x160);  // off
  EXPECT_EQ(Go(rig, 0x7fffffffff).pa, 0x7fffffffffu);
  ExpectFault(Go(rig, 0x10000000000), FaultKind::kTranslation, 1);
  EXPECT_EQ(rig.Read(kNiso0, Rig::Cb(3, 0x58)) & 0x1fe, 2u);
}

}  // namespace
}  // namespace sidewall::model
