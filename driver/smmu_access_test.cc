// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Widths, windows, identification and TLB maintenance, as the host meets them through the trap.
#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

using Stores = std::vector<std::pair<uint64_t, uint64_t>>;

class AccessTest : public DriverTest {
 public:
  AccessTest() { Boot(); }
  uint64_t Reason(sidewall_reason reason) { return Counters().by_reason[reason]; }
};

TEST_F(AccessTest, WidthMatrix) {
  struct Case {
    uint64_t offset;
    unsigned width;
    bool accepted;
  };
  const uint64_t bank = Bank(kNiso1, 2);
  const Case cases[] = {
      {kNiso1 + 0xc00, 1, false}, {kNiso1 + 0xc00, 2, false}, {kNiso1 + 0xc00, 4, true},
      {kNiso1 + 0xc00, 8, false}, {kNiso1 + kGr1, 8, false},  {bank + 0x00, 2, false},
      {bank + 0x00, 8, false},    {bank + 0x20, 1, false},    {bank + 0x20, 4, true},
      {bank + 0x24, 4, true},     {bank + 0x20, 8, true},     {bank + 0x38, 8, false},
  };
  for (const Case& c : cases) {
    ClearLog();
    const uint64_t before = Reason(SIDEWALL_REASON_WIDTH);
    EXPECT_EQ(Read(c.offset, c.width) == 0 || c.accepted, true) << std::hex << c.offset;
    Write(c.offset, 0, c.width);
    EXPECT_EQ(Reason(SIDEWALL_REASON_WIDTH) - before, c.accepted ? 0u : 2u)
        << std::hex << c.offset << " width " << c.width;
    if (!c.accepted) {
      EXPECT_TRUE(RegisterStores().empty());
    }
  }
}

TEST_F(AccessTest, HalvesOfA64BitRegister) {
  const uint64_t ttbr0 = Bank(kNiso1, 1) + 0x20;
  Write(ttbr0 + 4, 0x00010002);
  Write(ttbr0, 0x80003000);
  EXPECT_EQ(Read(ttbr0, 8), 0x0001000280003000u);
  EXPECT_EQ(Read(ttbr0 + 4), 0x00010002u);
  EXPECT_EQ(RegisterStores(), (Stores{{ttbr0 + 4, 0x00010002},
                                      {ttbr0 + 4 - kNiso1 + kNiso1m, 0x00010002},
                                      {ttbr0, 0x80003000},
                                      {ttbr0 - kNiso1 + kNiso1m, 0x80003000}}));
}

TEST_F(AccessTest, UnalignedAndForeignAddresses) {
  uint64_t value = 0;
  EXPECT_EQ(Trap(kNiso1 + 0xc01, 1, true, &value).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(Trap(kNiso1 + 0xc02, 4, true, &value).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Trap(Bank(kNiso1, 0) + 0x24, 8, true, &value).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Trap(kNiso1 + kWindowSize - 4, 8, false, &value).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Reason(SIDEWALL_REASON_ALIGNMENT), 3u);
  const struct sidewall_counters before = Counters();
  for (uint64_t ipa : {uint64_t{0}, kNiso1m - 4, kIso + kWindowSize, kDram, ~uint64_t{3}}) {
    EXPECT_EQ(Trap(ipa, 4, true, &value).status, uint32_t{SIDEWALL_REFUSED});
  }
  EXPECT_EQ(Counters().traps, before.traps);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(AccessTest, BadSyndromeIsRefusedAndChangesNothing) {
  sidewall_regs regs{};
  regs.x[0] = 1;
  const uint64_t without_isv = uint64_t{0x24} << 26 | 1u << 6;
  EXPECT_EQ(sidewall_handle_dabt(state, &regs, without_isv, kNiso1).status,
            uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(sidewall_handle_dabt(state, nullptr, 0, kNiso1).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Reason(SIDEWALL_REASON_SYNDROME), 1u);
  EXPECT_EQ(Read(kNiso1), 0x00200001u);
}

TEST_F(AccessTest, UnknownRegistersAreRazWiAndCounted) {
  const uint64_t unknown[] = {kNiso1 + 0x00c, kNiso1 + 0x1000, kNiso1 + 0xa00,
                              Bank(kNiso1, 0) + 0x1000, kNiso1 + kGr1 + 0x200};
  for (uint64_t ipa : unknown) {
    fake.Poke(ipa, 0x5eced);
    EXPECT_EQ(Read(ipa), 0u);
    Write(ipa, ~0u);
  }
  EXPECT_EQ(Reason(SIDEWALL_REASON_UNKNOWN_REGISTER), 10u);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(AccessTest, WhatIsEl2sIsNotThere) {
  const uint64_t el2s[] = {Bank(kNiso1, kHostStage2) + 0x20,
                           Bank(kNiso1, kFaultBank),
                           Bank(kNiso1, 127),
                           kNiso1 + 0x800 + 4 * kHostEntries,
                           kNiso1 + 0xc00 + 4 * kHostEntries,
                           kNiso1 + kGr1 + 4 * kHostStage2,
                           kNiso1 + kGr1 + 0x400 + 4 * kHostStage2,
                           kNiso1 + kGr1 + 0x800 + 4 * kFaultBank};
  for (uint64_t ipa : el2s) {
    EXPECT_EQ(Read(ipa), 0u) << std::hex << ipa;
    Write(ipa, ~0u);
  }
  EXPECT_EQ(Reason(SIDEWALL_REASON_INDEX), 2 * std::size(el2s));
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(AccessTest, HiddenRegistersLeakNothing) {
  for (uint64_t offset : {0x080, 0x08c, 0x100, 0x180, 0x400, 0x440, 0x20000, 0x30000, 0x40000}) {
    fake.Poke(kNiso1 + offset, 0x5eced);
    EXPECT_EQ(Read(kNiso1 + offset), 0u);
    Write(kNiso1 + offset, 1);
  }
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(AccessTest, IdentificationShowsTheHostsShare) {
  EXPECT_EQ(Read(kNiso1 + 0x20), 0x4e013e07u);
  EXPECT_EQ(Read(kNiso1 + 0x24), 0xe0000006u);
  EXPECT_EQ(Read(kNiso1 + 0x28), 0x00005555u);
  EXPECT_EQ(Read(kNiso1 + 0x3c), 0x21u);
  EXPECT_EQ(Read(kNiso1m + 0x20), 0x4e013e07u);
  Write(kNiso1 + 0x20, 0);
  EXPECT_EQ(Read(kNiso1 + 0x20), 0x4e013e07u);
}

TEST_F(AccessTest, Scr0IsVirtual) {
  EXPECT_EQ(Read(kNiso1), 0x00200001u);
  Write(kNiso1, 0x00201c36);
  EXPECT_EQ(Read(kNiso1), 0x00201c06u) << "GCFGFRE and GCFGFIE are RAZ on an MMU-500";
  Write(kNiso1, 0xffffffff);
  EXPECT_EQ(Read(kNiso1m), 0x4ffffcc7u);
  Write(kNiso1, 0x1);
  EXPECT_EQ(Read(kNiso1), 0x00200001u);
  EXPECT_EQ(Reason(SIDEWALL_REASON_FLOOR), 2u);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(fake.Reg(kNiso1), 0x00201c06u);
}

TEST_F(AccessTest, AuxiliaryControlIsFixed) {
  Write(kNiso1 + 0x10, 0x0400001c);
  EXPECT_EQ(Read(kNiso1 + 0x10), 0x1cu);
  Write(Bank(kNiso1, 0) + 4, 3);
  EXPECT_EQ(Read(Bank(kNiso1, 0) + 4), 0u);
  EXPECT_EQ(Reason(SIDEWALL_REASON_FLOOR), 2u);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(AccessTest, SecondWindowIsAbsorbed) {
  Write(kNiso1 + 0xc00, 0x00010000);
  ClearLog();
  Write(kNiso1m + 0xc00, 0x00020000);
  Write(Bank(kNiso1m, 1) + 0x20, 0x1234, 8);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Read(kNiso1m + 0xc00), 0x00010000u);
  EXPECT_EQ(Counters().by_decision[SIDEWALL_DECISION_ABSORBED], 2u);
}

TEST_F(AccessTest, InvalidationIsConfinedToTheHost) {
  for (uint64_t offset : {0x064, 0x068}) {
    ClearLog();
    Write(kNiso1 + offset, 0xffffffff);
    EXPECT_EQ(RegisterStores(), (Stores{{kNiso1 + 0x064, 9}, {kNiso1m + 0x064, 9}}));
  }
  ClearLog();
  for (uint64_t offset : {0x060, 0x06c, 0x078, 0x0a0, 0x0a8, 0x0b0, 0x0bc, 0x0c0}) {
    Write(kNiso1 + offset, 0xffffffff);
  }
  Write(Bank(kNiso1, 0) + 0x630, 0x1000, 8);
  EXPECT_TRUE(RegisterStores().empty());
  Write(kNiso1 + 0x0b8, 3);
  EXPECT_EQ(RegisterStores(), (Stores{{kNiso1 + 0x0b8, 9}, {kNiso1m + 0x0b8, 9}}));
}

TEST_F(AccessTest, BankInvalidationGoesToBothInstances) {
  const uint64_t bank = Bank(kNiso1, 3);
  const uint64_t mirror = Bank(kNiso1m, 3);
  Write(bank + 0x620, 0x0001000000080001, 8);
  Write(bank + 0x600, 0x00080001, 4);
  Write(bank + 0x604, 0x00010000, 4);
  Write(bank + 0x610, 0x70001);
  Write(bank + 0x7f0, 0xdead);
  EXPECT_EQ(RegisterStores(), (Stores{{bank + 0x620, 0x0001000000080001},
                                      {mirror + 0x620, 0x0001000000080001},
                                      {bank + 0x600, 0x00080001},
                                      {mirror + 0x600, 0x00080001},
                                      {bank + 0x610, 1},
                                      {mirror + 0x610, 1},
                                      {bank + 0x7f0, 0},
                                      {mirror + 0x7f0, 0}}));
}

TEST_F(AccessTest, StatusIsThatOfTheAddressedInstance) {
  fake.stuck.insert(kNiso1m);
  Write(kNiso1 + 0x070, 0);
  EXPECT_EQ(Read(kNiso1 + 0x074), 0u);
  EXPECT_EQ(Read(kNiso1m + 0x074), 1u);
  fake.Poke(Bank(kNiso1m, 2) + 0x7f4, 0xffffffff);
  EXPECT_EQ(Read(Bank(kNiso1, 2) + 0x7f4), 0u);
  EXPECT_EQ(Read(Bank(kNiso1m, 2) + 0x7f4), 1u);
}

TEST_F(AccessTest, NoAnswerFromTheBusIsAnAbort) {
  fake.unreadable.insert(Bank(kNiso1, 2) + 0x7f4);
  uint64_t value = 0x77;
  EXPECT_EQ(Trap(Bank(kNiso1, 2) + 0x7f4, 4, false, &value).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(value, 0x77u);
}

}  // namespace
}  // namespace sidewall_test
