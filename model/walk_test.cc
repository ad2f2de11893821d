// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/walk.h"

#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

constexpr size_t kNiso0 = 2;
constexpr uint8_t kVmid = 7;
constexpr uint8_t kAll = kPermRead | kPermWrite;
constexpr uint64_t kPage = 0x80001000;
constexpr uint64_t kReadWrite = uint64_t{kAll} << 6;
constexpr uint64_t kAf = 1 << 10;

// ------------------------------------------------------------------------------------- stage 2

class Stage2Walk : public ::testing::Test {
 protected:
  void SetUp() override {
    root = rig.NewPage();
    rig.Open(kNiso0);
    rig.Stage2Bank(kNiso0, 3, root, kVmid);
    rig.Stream(kNiso0, 0, 6, 3);
  }
  DmaResult Go(uint64_t address, bool write = false, bool instruction = false) {
    return rig.machine->Translate({.side = 1,
                                   .sid = 6,
                                   .address = address,
                                   .write = write,
                                   .instruction = instruction,
                                   .instance = 0});
  }
  void ExpectFault(const DmaResult& result, FaultKind kind, unsigned level) {
    EXPECT_EQ(result.fault, kind);
    EXPECT_EQ(result.level, level);
    EXPECT_EQ(result.stage, 2);
  }
  void Tcr(uint32_t tcr) { rig.Write(kNiso0, Rig::Cb(3, 0x30), tcr); }
  Rig rig{"tiny"};
  uint64_t root = 0;
};

TEST_F(Stage2Walk, LeavesOfEachLevel) {
  rig.Map(root, kPage, 0x80005000, kAll);
  EXPECT_EQ(Go(kPage + 0x123).pa, 0x80005123u);
  rig.Put(root, 0x40000000, 0x80200000 | 0x1 | kAf | kReadWrite, 2);
  EXPECT_EQ(Go(0x40012345).pa, 0x80212345u);
  rig.Put(root, 0xc0000000, 0x80000000 | 0x1 | kAf | kReadWrite, 1);
  EXPECT_EQ(Go(0xc7654321).pa, 0x87654321u);
}

TEST_F(Stage2Walk, TranslationFaultsNameTheLevel) {
  ExpectFault(Go(0x8000000000), FaultKind::kTranslation, 0);
  rig.Map(root, kPage, kPage, kAll);
  ExpectFault(Go(kPage + 0x1000), FaultKind::kTranslation, 3);
  ExpectFault(Go(kPage + 0x200000), FaultKind::kTranslation, 2);
  ExpectFault(Go(kPage + 0x40000000), FaultKind::kTranslation, 1);
}

TEST_F(Stage2Walk, ReservedDescriptorsAreInvalid) {
  rig.Put(root, kPage, 0x80005000 | 0x1 | kAf | kReadWrite);  // a block at level 3
  ExpectFault(Go(kPage), FaultKind::kTranslation, 3);
  rig.Put(root, 0x8000000000, 0x80000000 | 0x1 | kAf | kReadWrite, 0);  // a block at level 0
  ExpectFault(Go(0x8000000000), FaultKind::kTranslation, 0);
}

TEST_F(Stage2Walk, PermissionsByAccess) {
  rig.Map(root, kPage, kPage, kPermRead);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kNone);
  ExpectFault(Go(kPage, true), FaultKind::kPermission, 3);
  rig.Map(root, kPage, kPage, kPermWrite);
  ExpectFault(Go(kPage), FaultKind::kPermission, 3);
  EXPECT_EQ(Go(kPage, true).fault, FaultKind::kNone);
  rig.Map(root, kPage, kPage, kPermNone);
  ExpectFault(Go(kPage), FaultKind::kPermission, 3);
  rig.Put(root, kPage, kPage | kLeafBits | kReadWrite | uint64_t{1} << 54);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kNone);
  ExpectFault(Go(kPage, false, true), FaultKind::kPermission, 3);
}

// Bits that are software's, and those of features that IDs do not offer: DBM gives no right to
// write.
TEST_F(Stage2Walk, BitsThatNameNothingChangeNothing) {
  constexpr uint64_t kFree = uint64_t{0xf} << 55 | uint64_t{0xf} << 59 | uint64_t{1} << 63;
  constexpr uint64_t kDbm = uint64_t{1} << 51;
  rig.Put(root, kPage, kPage | kLeafBits | kFree | kDbm | uint64_t{kPermRead} << 6);
  rig.Store(root, rig.machine->Load64(root) | kFree);
  const DmaResult result = Go(kPage);
  EXPECT_EQ(result.fault, FaultKind::kNone);
  EXPECT_EQ(result.pa, kPage);
  ExpectFault(Go(kPage, true), FaultKind::kPermission, 3);
}

TEST_F(Stage2Walk, AccessFlagComesBeforePermission) {
  rig.Put(root, kPage, kPage | 0x3);
  ExpectFault(Go(kPage), FaultKind::kAccessFlag, 3);
  rig.Write(kNiso0, Rig::Cb(3, 0), 0x169);  // AFFD
  ExpectFault(Go(kPage), FaultKind::kPermission, 3);
}

TEST_F(Stage2Walk, SizesOfInputAndOutput) {
  rig.Map(root, 0xff8000000000, kPage, kAll);
  EXPECT_EQ(Go(0xff8000000000).fault, FaultKind::kNone);
  ExpectFault(Go(0x1000000000000), FaultKind::kTranslation, 0);
  rig.Map(root, kPage, 0x100000000000, kAll);
  EXPECT_EQ(Go(kPage).fault, FaultKind::kNone);
  Tcr(kStage2Tcr & ~0x70000u);  // PASize 32 bits
  ExpectFault(Go(kPage), FaultKind::kAddressSize, 3);
  rig.Write64(kNiso0, Rig::Cb(3, 0x20), 0x100000000);
  ExpectFault(Go(kPage), FaultKind::kAddressSize, 0);
}

TEST_F(Stage2Walk, TablesOutsideRamAbort) {
  rig.machine->TableWrite64(root, 0x12000000 | 3);
  ExpectFault(Go(kPage), FaultKind::kExternal, 1);
}

TEST_F(Stage2Walk, StartLevels) {
  // Level 2, 30 bits in one table; level 1, 40 bits in two.
  const uint64_t table = rig.NewPage();
  rig.machine->TableWrite64(root, table | 3);
  rig.machine->TableWrite64(table + 8, 0x80005000 | kLeafBits | kReadWrite);
  Tcr(0x80050000 | 34);
  EXPECT_EQ(Go(0x1008).pa, 0x80005008u);
  ExpectFault(Go(0x40000000), FaultKind::kTranslation, 0);
  ExpectFault(Go(0x200000), FaultKind::kTranslation, 2);

  Rig other("tiny");
  const uint64_t two = (other.NewPage() + 0x1fff) & ~uint64_t{0x1fff};
  other.Open(kNiso0);
  other.Stream(kNiso0, 0, 6, 3);
  other.Stage2Bank(kNiso0, 3, two, kVmid, 0x80050000 | 1 << 6 | 24);
  // The second of the concatenated tables.
  other.machine->TableWrite64(two + 0x1000, 0x80000000 | 0x1 | kAf | kReadWrite);
  EXPECT_EQ(
      other.machine->Translate({.side = 1, .sid = 6, .address = 0x8000000010, .instance = 0}).pa,
      0x80000010u);
  EXPECT_EQ(other.watcher.leaves.size(), 0x40000u);
}

TEST_F(Stage2Walk, ShapesThatDoNotFitFault) {
  rig.Map(root, kPage, kPage, kAll);
  for (const uint32_t shape : {0x80u | 15, 0x80u | 25, 0x40u | 20, 0x40u | 34, 0x00u | 29,
                               0x00u | 40, 0xc0u | 16, 0x80u | 0x8000 | 16}) {
    Tcr(0x80050000 | shape);
    ExpectFault(Go(kPage), FaultKind::kTranslation, 0);
  }
}

TEST_F(Stage2Walk, LargeGranule) {
  // 64 KiB: level 2, 42 bits. A table is 64 KiB.
  const uint64_t base = (rig.board->pool.start + 0x1ffff) & ~uint64_t{0xffff};
  Tcr(0x80050000 | 1 << 14 | 1 << 6 | 22);
  rig.Write64(kNiso0, Rig::Cb(3, 0x20), base);
  rig.machine->TableWrite64(base + 4 * 8, (base + 0x10000) | 3);
  rig.machine->TableWrite64(base + 0x10000 + 2 * 8, 0x80050000 | kLeafBits | kReadWrite);
  EXPECT_EQ(Go(0x8002abcd).pa, 0x8005abcdu);
  ExpectFault(Go(0x80030000), FaultKind::kTranslation, 3);
  rig.machine->TableWrite64(base + 5 * 8, 0xa0000000 | 0x1 | kAf | kReadWrite);
  EXPECT_EQ(Go(0xa1234567).pa, 0xa1234567u);
}

// --------------------------------------------------------------------------- stage 1 and nested

class NestedWalk : public ::testing::Test {
 protected:
  static constexpr uint64_t kTable = 0x80100000;  // stage-1 root, host memory
  static constexpr uint64_t kVa = 0x1234567000;
  void SetUp() override {
    root = rig.NewPage();
    rig.Open(kNiso0);
    rig.Stage2Bank(kNiso0, 3, root, kVmid);
    rig.NestedBank(kNiso0, 1, 3, kVmid, kTable);
    rig.Stream(kNiso0, 0, 6, 1);
    rig.HostTables(kTable);
    for (uint64_t page = kTable; page < kTable + 0x10000; page += 0x1000) {
      rig.Map(root, page, page, kAll);
    }
    rig.Map(root, kPage, kPage, kAll);
  }
  void Put(uint64_t descriptor) { rig.PutHost(kTable, kVa, descriptor); }
  // Changes the table descriptor at `level` on the way to kVa.
  void Table(unsigned level, uint64_t set) {
    uint64_t table = kTable;
    for (unsigned at = 0; at < level; ++at) {
      table = rig.machine->Load64(table + (kVa >> (39 - 9 * at) & 511) * 8) & kAddressMask;
    }
    const uint64_t slot = table + (kVa >> (39 - 9 * level) & 511) * 8;
    rig.machine->Store64(slot, rig.machine->Load64(slot) | set);
  }
  DmaResult Go(uint64_t address, bool write = false, bool privileged = false,
               bool instruction = false) {
    return rig.machine->Dma({.side = 1,
                             .sid = 6,
                             .address = address,
                             .write = write,
                             .privileged = privileged,
                             .instruction = instruction,
                             .instance = 0});
  }
  void ExpectFault(const DmaResult& result, FaultKind kind, unsigned stage, unsigned level) {
    EXPECT_EQ(result.fault, kind);
    EXPECT_EQ(result.stage, stage);
    EXPECT_EQ(result.level, level);
  }
  // Without HUPCF a recorded fault blocks what follows.
  void ClearFault() { rig.Write(kNiso0, Rig::Cb(1, 0x58), 0xffffffff); }
  uint32_t Bank(uint32_t bank, uint32_t offset) { return rig.Read(kNiso0, Rig::Cb(bank, offset)); }
  Rig rig{"tiny"};
  uint64_t root = 0;
  static constexpr uint64_t kUser = kAf | 3 | 1 << 6;
};

TEST_F(NestedWalk, BothStagesTranslate) {
  Put(0x80003000 | kUser);
  rig.Map(root, 0x80003000, 0x80007000, kAll);
  const DmaResult result = Go(kVa + 0x18);
  EXPECT_EQ(result.fault, FaultKind::kNone);
  EXPECT_EQ(result.ipa, 0x80003018u);
  EXPECT_EQ(result.pa, 0x80007018u);
  EXPECT_EQ(result.via.route, Route::kNested);
  ASSERT_EQ(result.table_count, 4);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(result.table_page[i], kTable + i * 0x1000);
}

TEST_F(NestedWalk, StageOneFaultIsRecordedInItsOwnBank) {
  Put(kPage | kUser);
  ExpectFault(Go(kVa + 0x1000, true), FaultKind::kTranslation, 1, 3);
  EXPECT_EQ(Bank(1, 0x58), 0x402u);
  EXPECT_EQ(Bank(1, 0x60), 0x34568000u);
  EXPECT_EQ(Bank(1, 0x64), 0x12u);
  EXPECT_EQ(Bank(1, 0x68), 0x13u);  // level 3, write
  EXPECT_EQ(rig.Read(kNiso0, 0x10404), 6u);
  EXPECT_EQ(Bank(3, 0x58), 0u);
  EXPECT_EQ(rig.Read(kNiso0, 0x48), 0u);
}

TEST_F(NestedWalk, StageTwoFaultIsRecordedInTheStageTwoBankOnly) {
  Put(0x80003000 | kUser);
  ExpectFault(Go(kVa + 8), FaultKind::kTranslation, 2, 3);
  EXPECT_EQ(Bank(1, 0x58), 0u);
  EXPECT_EQ(Bank(3, 0x58), 0x402u);
  EXPECT_EQ(Bank(3, 0x60), 0x34567008u);          // FAR is the VA
  EXPECT_EQ(Bank(3, 0x70), 0x80003008u);          // IPAFAR
  EXPECT_EQ(Bank(3, 0x68), 0x00010000u | 4 | 3);  // S1CBNDX, NESTED, level 3
  EXPECT_EQ(rig.Read(kNiso0, 0x1040c), 6u);
}

TEST_F(NestedWalk, TableFetchesGoThroughStageTwo) {
  Put(kPage | kUser);
  rig.Unmap(root, kTable + 0x2000);
  ExpectFault(Go(kVa), FaultKind::kTranslation, 2, 3);
  EXPECT_EQ(Bank(3, 0x68) & 0xc, 0xcu);  // NESTED, S1PTWF
  EXPECT_EQ(Bank(3, 0x70), (kTable + 0x2000) | (kVa >> 21 & 511) * 8);
  // Stage 1 tables may be read-only for the device.
  rig.Map(root, kTable + 0x2000, kTable + 0x2000, kPermRead);
  EXPECT_EQ(Go(kVa).fault, FaultKind::kNone);
}

TEST_F(NestedWalk, DeviceMemoryHoldsNoTablesWhenPtwIsSet) {
  Put(kPage | kUser);
  rig.Put(root, kTable, kTable | 3 | kAf | kReadWrite);  // MemAttr 0: device
  EXPECT_EQ(Go(kVa).fault, FaultKind::kNone);
  rig.Write(kNiso0, Rig::Cb(3, 0), 0x2161);
  ExpectFault(Go(kVa), FaultKind::kPermission, 2, 3);
}

TEST_F(NestedWalk, StageOneOffStillHasStageTwo) {
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x100);
  EXPECT_EQ(Go(kPage + 4).pa, kPage + 4);
  ExpectFault(Go(kPage + 0x1000), FaultKind::kTranslation, 2, 3);
  ExpectFault(Go(0x1000000000000), FaultKind::kAddressSize, 1, 0);
  EXPECT_EQ(rig.machine->Resolve(kNiso0, 6).route, Route::kNested);
}

TEST_F(NestedWalk, StageOnePermissions) {
  struct Case {
    uint64_t bits;
    uint64_t table_bits;
    bool write, privileged, instruction, allowed;
  };
  constexpr uint64_t kRo = 1 << 7, kEl0 = 1 << 6, kUxn = uint64_t{1} << 54,
                     kPxn = uint64_t{1} << 53, kApEl0 = uint64_t{1} << 61,
                     kApRo = uint64_t{1} << 62, kXnTable = uint64_t{1} << 60,
                     kPxnTable = uint64_t{1} << 59;
  const Case cases[] = {
      {0, 0, false, false, false, false},          {0, 0, true, true, false, true},
      {kEl0, 0, true, false, false, true},         {kEl0 | kRo, 0, true, false, false, false},
      {kEl0 | kRo, 0, false, false, false, true},  {kRo, 0, true, true, false, false},
      {kRo, 0, false, true, false, true},          {kEl0, kApEl0, false, false, false, false},
      {kEl0, kApEl0, true, true, false, true},     {kEl0, kApRo, true, false, false, false},
      {kEl0, kApRo, false, false, false, true},    {kEl0, 0, false, false, true, true},
      {kEl0 | kUxn, 0, false, false, true, false}, {kEl0, 0, false, true, true, false},
      {kRo, 0, false, true, true, true},           {kRo | kPxn, 0, false, true, true, false},
      {kRo, kPxnTable, false, true, true, false},  {kEl0, kXnTable, false, false, true, false},
  };
  int number = 0;
  for (const Case& c : cases) {
    rig.Reset();
    SetUp();
    Put(kPage | kAf | 3 | c.bits);
    Table(1, c.table_bits);
    const DmaResult result = Go(kVa, c.write, c.privileged, c.instruction);
    EXPECT_EQ(result.fault, c.allowed ? FaultKind::kNone : FaultKind::kPermission) << number;
    if (!c.allowed) {
      EXPECT_EQ(result.level, 3) << number;
    }
    ++number;
  }
}

TEST_F(NestedWalk, WritableIsNotExecutableWithWxn) {
  Put(kPage | kUser);
  EXPECT_EQ(Go(kVa, false, false, true).fault, FaultKind::kNone);
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x1267);
  ExpectFault(Go(kVa, false, false, true), FaultKind::kPermission, 1, 3);
}

// What the unprivileged may not even read they may execute, and WXN takes from each only what that
// one may write.
TEST_F(NestedWalk, ExecuteIsARightOfItsOwn) {
  constexpr uint64_t kPxn = uint64_t{1} << 53;
  constexpr uint64_t kUxn = uint64_t{1} << 54;
  Put(kPage | kAf | 3 | kPxn);
  EXPECT_EQ(Go(kVa, false, false, true).fault, FaultKind::kNone);
  ExpectFault(Go(kVa), FaultKind::kPermission, 1, 3);
  ClearFault();
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x1367);  // WXN, HUPCF
  EXPECT_EQ(Go(kVa, false, false, true).fault, FaultKind::kNone);
  ExpectFault(Go(kVa, false, true, true), FaultKind::kPermission, 1, 3);
  Put(kPage | kAf | 3 | kUxn);  // privileged may write, so not execute
  ExpectFault(Go(kVa, false, true, true), FaultKind::kPermission, 1, 3);
  Put(kPage | kAf | 3 | kUxn | 1 << 7);
  EXPECT_EQ(Go(kVa, false, true, true).fault, FaultKind::kNone);
  // Stage 2 wants the right to read.
  rig.Map(root, kPage, kPage, kPermWrite);
  ExpectFault(Go(kVa, false, true, true), FaultKind::kPermission, 2, 3);
}

// A non-secure bank gives non-secure accesses, whatever says otherwise: NS of a leaf, NSTable,
// TCR2.NSCFG0 and NSCFG1, NSCFG of S2CR and SCTLR. DBM of stage 1 gives no right to write.
TEST_F(NestedWalk, SecurityAndDirtyBitsChangeNothing) {
  constexpr uint64_t kNs = 1 << 5;
  constexpr uint64_t kDbm = uint64_t{1} << 51;
  constexpr uint64_t kNsTable = uint64_t{1} << 63;
  Put(kPage | kUser | 1 << 7);
  const DmaResult plain = Go(kVa);
  ASSERT_EQ(plain.fault, FaultKind::kNone);
  for (const uint32_t nscfg : {0u, 1u, 2u, 3u}) {
    rig.Write(kNiso0, 0xc00, 1 | nscfg << 18);
    rig.Write(kNiso0, Rig::Cb(1, 0), 0x1167 | nscfg << 28);
    EXPECT_EQ(Bank(1, 0), 0x1167u);  // SCTLR of a non-secure bank has none
    rig.Write(kNiso0, Rig::Cb(1, 0x10), 0x38015 | (nscfg & 1) << 14 | (nscfg & 2) << 29);
    Put(kPage | kUser | 1 << 7 | kDbm | ((nscfg & 1) != 0 ? kNs : 0));
    for (unsigned level = 0; level < 3; ++level) Table(level, kNsTable);
    const DmaResult result = Go(kVa);
    EXPECT_EQ(result.fault, FaultKind::kNone) << nscfg;
    EXPECT_EQ(result.pa, plain.pa) << nscfg;
    EXPECT_EQ(result.memory_attribute, plain.memory_attribute) << nscfg;
    EXPECT_EQ(Go(kVa, true).fault, FaultKind::kPermission) << nscfg;
    EXPECT_EQ(Bank(1, 0x68) & 0x100, 0u) << nscfg;  // NSATTR
    ClearFault();
  }
}

TEST_F(NestedWalk, AccessFlagOfStageOne) {
  Put(kPage | 3 | 1 << 6);
  ExpectFault(Go(kVa), FaultKind::kAccessFlag, 1, 3);
  ClearFault();
  rig.Write(kNiso0, Rig::Cb(1, 0), 0x106f);  // AFFD
  EXPECT_EQ(Go(kVa).fault, FaultKind::kNone);
}

TEST_F(NestedWalk, UpperHalfUsesTtbr1) {
  constexpr uint64_t kHigh = 0x80140000;
  rig.Write64(kNiso0, Rig::Cb(1, 0x28), kHigh);
  rig.Write(kNiso0, Rig::Cb(1, 0x30), 0x80100010);  // T1SZ 16, TG1 4 KiB, EPD1 0
  for (uint64_t page = kHigh; page < kHigh + 0x10000; page += 0x1000) {
    rig.Map(root, page, page, kAll);
  }
  rig.HostTables(kHigh);
  rig.PutHost(kHigh, 0xffff00001000, kPage | kUser);
  // Masters drive 49 bits; the topmost chooses the half.
  EXPECT_EQ(Go(0x1ffff00001008).pa, kPage + 8);
  ExpectFault(Go(0xffff00001008), FaultKind::kTranslation, 1, 0);
  ClearFault();
  ExpectFault(Go(0xffffffff00001008), FaultKind::kTranslation, 1, 0);
  ClearFault();
  rig.Write(kNiso0, Rig::Cb(1, 0x30), 0x80900010);  // EPD1
  ExpectFault(Go(0x1ffff00001008), FaultKind::kTranslation, 1, 0);
}

TEST_F(NestedWalk, SignExtensionFromALowerBit) {
  Put(kPage | kUser);
  rig.Write(kNiso0, Rig::Cb(1, 0x10), 2u << 15 | 5);  // SEP: bit 39
  EXPECT_EQ(Go(kVa).fault, FaultKind::kNone);
  ExpectFault(Go(uint64_t{1} << 40 | kVa), FaultKind::kTranslation, 1, 0);
}

TEST_F(NestedWalk, SmallerStageOneSpace) {
  // 39 bits: a walk from level 1, whose root is the table that level 0 named.
  Put(kPage | kUser);
  const uint64_t level1 = rig.machine->Load64(kTable) & kAddressMask;
  rig.Write64(kNiso0, Rig::Cb(1, 0x20), level1);
  rig.Write(kNiso0, Rig::Cb(1, 0x30), 0x00800019);
  EXPECT_EQ(Go(kVa).pa, kPage);
  ExpectFault(Go(uint64_t{1} << 39 | kVa), FaultKind::kTranslation, 1, 0);
  for (const uint32_t bad : {15u, 40u, 0x8010u, 0xc010u, 0x90u}) {
    ClearFault();
    rig.Write(kNiso0, Rig::Cb(1, 0x30), 0x00800000 | bad);
    ExpectFault(Go(kVa), FaultKind::kTranslation, 1, 0);
  }
}

TEST_F(NestedWalk, StageOneOutputSize) {
  Put(0x100000000 | kUser);
  rig.Write(kNiso0, Rig::Cb(1, 0x10), 0x38010);  // PASize 32 bits
  ExpectFault(Go(kVa), FaultKind::kAddressSize, 1, 3);
  EXPECT_EQ(Bank(1, 0x58), 0x480u);
}

TEST_F(NestedWalk, StageOneTablesOutsideRamAbort) {
  rig.Map(root, 0x12000000, 0x12000000, kAll);
  rig.machine->Store64(kTable, 0x12000000 | 3);
  ExpectFault(Go(kVa), FaultKind::kExternal, 1, 1);
  EXPECT_EQ(Bank(1, 0x58), 0x410u);
  EXPECT_EQ(Bank(1, 0x68), 0x401u);  // PTWF
}

TEST_F(NestedWalk, EntryOverridesPrivilegeAndKind) {
  Put(kPage | kAf | 3);  // privileged only
  ExpectFault(Go(kVa), FaultKind::kPermission, 1, 3);
  ClearFault();
  rig.Write(kNiso0, 0xc00, 1 | 3u << 24);  // PRIVCFG privileged
  EXPECT_EQ(Go(kVa).fault, FaultKind::kNone);
  rig.Write(kNiso0, 0xc00, 1 | 2u << 24);
  EXPECT_EQ(Go(kVa, false, true).fault, FaultKind::kPermission);
}

}  // namespace
}  // namespace sidewall::model
