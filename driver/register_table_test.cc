// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/register_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace SIDEWALL_NS {
namespace {

TEST(RegisterTable, SortedWithoutOverlap) {
  for (uint32_t i = 1; i < RegisterCount(); ++i) {
    const RegisterRow& before = *RegisterAt(i - 1);
    const RegisterRow& row = *RegisterAt(i);
    ASSERT_LE(before.page, row.page) << row.name;
    if (before.page != row.page || row.page == RegisterPage::kMcSid) continue;
    EXPECT_LE(before.offset + (before.count - 1u) * before.stride + before.width, row.offset)
        << before.name << " and " << row.name;
  }
  EXPECT_EQ(RegisterAt(RegisterCount()), nullptr);
}

TEST(RegisterTable, NamesAreUniqueInAPage) {
  std::set<std::pair<RegisterPage, std::string>> seen;
  for (uint32_t i = 0; i < RegisterCount(); ++i) {
    const RegisterRow& row = *RegisterAt(i);
    EXPECT_NE(row.name[0], 0);
    EXPECT_TRUE(seen.insert({row.page, row.name}).second) << row.name;
  }
}

TEST(RegisterTable, EveryWordOfARowIsFound) {
  for (uint32_t i = 0; i < RegisterCount(); ++i) {
    const RegisterRow& row = *RegisterAt(i);
    for (uint32_t n = 0; n < row.count; ++n) {
      for (uint32_t word = 0; word < row.width; word += 4) {
        uint32_t index = ~0u;
        EXPECT_EQ(FindRegister(row.page, row.offset + n * row.stride + word, &index), &row);
        EXPECT_EQ(index, n) << row.name;
      }
    }
  }
}

TEST(RegisterTable, NothingBetweenRows) {
  uint32_t index = 0;
  EXPECT_EQ(FindRegister(RegisterPage::kGr0, 0x00c, &index), nullptr);
  EXPECT_EQ(FindRegister(RegisterPage::kGr0, 0xa00, &index), nullptr);
  EXPECT_EQ(FindRegister(RegisterPage::kGr0, 0x1000, &index), nullptr);
  EXPECT_EQ(FindRegister(RegisterPage::kGr0, 0xffff, &index), nullptr);
  EXPECT_EQ(FindRegister(RegisterPage::kGr1, 0x200, &index), nullptr);
  EXPECT_EQ(FindRegister(RegisterPage::kBank, 0x014, &index), nullptr);
  EXPECT_EQ(FindRegister(RegisterPage::kBank, 0xffc, &index), nullptr);
  EXPECT_EQ(FindRegister(RegisterPage::kMcSid, 0x1000, &index), nullptr);
}

struct Named {
  RegisterPage page;
  const char* name;
  uint32_t offset;
  uint32_t width;
};

// Typed again from the manual's register summary, without looking at the table.
TEST(RegisterTable, HoldsTheManualsRegisters) {
  const RegisterPage kGr0 = RegisterPage::kGr0;
  const RegisterPage kGr1 = RegisterPage::kGr1;
  const RegisterPage kBank = RegisterPage::kBank;
  const Named named[] = {
      {kGr0, "sCR0", 0x000, 4},        {kGr0, "SCR1", 0x004, 4},
      {kGr0, "sCR2", 0x008, 4},        {kGr0, "sACR", 0x010, 4},
      {kGr0, "IDR0", 0x020, 4},        {kGr0, "IDR7", 0x03c, 4},
      {kGr0, "sGFAR", 0x040, 8},       {kGr0, "sGFSR", 0x048, 4},
      {kGr0, "sGFSRRESTORE", 0x4c, 4}, {kGr0, "sGFSYNR0", 0x050, 4},
      {kGr0, "sGFSYNR1", 0x054, 4},    {kGr0, "sGFSYNR2", 0x058, 4},
      {kGr0, "STLBIALL", 0x060, 4},    {kGr0, "TLBIVMID", 0x064, 4},
      {kGr0, "TLBIALLNSNH", 0x068, 4}, {kGr0, "TLBIALLH", 0x06c, 4},
      {kGr0, "sTLBGSYNC", 0x070, 4},   {kGr0, "sTLBGSTATUS", 0x074, 4},
      {kGr0, "TLBIVAH", 0x078, 4},     {kGr0, "DBGRPTRTBU", 0x080, 4},
      {kGr0, "DBGRDATATCU", 0x08c, 4}, {kGr0, "TLBIVALH64", 0x0b0, 8},
      {kGr0, "TLBIVMIDS1", 0x0b8, 4},  {kGr0, "TLBIVAH64", 0x0c0, 8},
      {kGr0, "GATS1UR", 0x100, 8},     {kGr0, "GATS12PW", 0x138, 8},
      {kGr0, "GPAR", 0x180, 8},        {kGr0, "GATSR", 0x188, 4},
      {kGr0, "SMR", 0x800, 4},         {kGr0, "S2CR", 0xc00, 4},
      {kGr0, "PIDR4", 0xfd0, 4},       {kGr0, "PIDR0", 0xfe0, 4},
      {kGr0, "CIDR0", 0xff0, 4},       {kGr0, "CIDR3", 0xffc, 4},
      {kGr1, "CBAR", 0x000, 4},        {kGr1, "CBFRSYNRA", 0x400, 4},
      {kGr1, "CBA2R", 0x800, 4},       {kBank, "SCTLR", 0x000, 4},
      {kBank, "ACTLR", 0x004, 4},      {kBank, "RESUME", 0x008, 4},
      {kBank, "TCR2", 0x010, 4},       {kBank, "TTBR0", 0x020, 8},
      {kBank, "TTBR1", 0x028, 8},      {kBank, "TCR", 0x030, 4},
      {kBank, "CONTEXTIDR", 0x034, 4}, {kBank, "MAIR0", 0x038, 4},
      {kBank, "MAIR1", 0x03c, 4},      {kBank, "PAR", 0x050, 8},
      {kBank, "FSR", 0x058, 4},        {kBank, "FSRRESTORE", 0x05c, 4},
      {kBank, "FAR", 0x060, 8},        {kBank, "FSYNR0", 0x068, 4},
      {kBank, "FSYNR1", 0x06c, 4},     {kBank, "IPAFAR", 0x070, 8},
      {kBank, "TLBIVA", 0x600, 8},     {kBank, "TLBIVAA", 0x608, 8},
      {kBank, "TLBIASID", 0x610, 4},   {kBank, "TLBIALL", 0x618, 4},
      {kBank, "TLBIVAL", 0x620, 8},    {kBank, "TLBIVAAL", 0x628, 8},
      {kBank, "TLBIIPAS2", 0x630, 8},  {kBank, "TLBIIPAS2L", 0x638, 8},
      {kBank, "TLBSYNC", 0x7f0, 4},    {kBank, "TLBSTATUS", 0x7f4, 4},
      {kBank, "ATS1PR", 0x800, 8},     {kBank, "ATS1UW", 0x818, 8},
      {kBank, "ATSR", 0x8f0, 4},       {kBank, "PMAUTHSTATUS", 0xfb8, 4},
  };
  for (const Named& n : named) {
    uint32_t index = ~0u;
    const RegisterRow* row = FindRegister(n.page, n.offset, &index);
    ASSERT_NE(row, nullptr) << n.name;
    EXPECT_STREQ(row->name, n.name);
    EXPECT_EQ(row->width, n.width) << n.name;
    EXPECT_EQ(index, 0u) << n.name;
  }
}

// Nothing that could show or steer another owner's streams is anything but RAZ/WI.
TEST(RegisterTable, SensitiveRegistersAreHidden) {
  const Named hidden[] = {
      {RegisterPage::kGr0, "DBGRPTRTBU", 0x080, 4}, {RegisterPage::kGr0, "GATS1PR", 0x110, 8},
      {RegisterPage::kGr0, "NSCR0", 0x400, 4},      {RegisterPage::kGid, "ITCTRL", 0x000, 4},
      {RegisterPage::kGid, "TBUQOS", 0x100, 4},     {RegisterPage::kPmu, "PMCGSMR", 0xa00, 4},
      {RegisterPage::kSsd, "SSDR", 0x000, 4},       {RegisterPage::kReserved, "RESERVED", 0, 4},
      {RegisterPage::kBank, "PAR", 0x050, 8},       {RegisterPage::kBank, "IPAFAR", 0x070, 8},
      {RegisterPage::kBank, "ATS1PW", 0x808, 8},    {RegisterPage::kBank, "PMEVCNTR", 0xe00, 4},
  };
  for (const Named& n : hidden) {
    uint32_t index = 0;
    const RegisterRow* row = FindRegister(n.page, n.offset, &index);
    ASSERT_NE(row, nullptr) << n.name;
    EXPECT_STREQ(row->name, n.name);
    EXPECT_EQ(row->policy, RegisterClass::kRazWi) << n.name;
  }
}

TEST(RegisterTable, MirrorClasses) {
  const std::set<std::string> per_instance = {
      "sGFAR", "sGFSR", "sGFSRRESTORE", "sGFSYNR0", "sGFSYNR1", "sGFSYNR2", "CBFRSYNRA",
      "FSR",   "FAR",   "FSRRESTORE",   "FSYNR0",   "FSYNR1",   "IPAFAR",   "RESUME"};
  const std::set<std::string> real_status = {"TLBSTATUS", "sTLBGSTATUS"};
  for (uint32_t i = 0; i < RegisterCount(); ++i) {
    const RegisterRow& row = *RegisterAt(i);
    const RegisterMirror expected = per_instance.count(row.name)  ? RegisterMirror::kPerInstance
                                    : real_status.count(row.name) ? RegisterMirror::kRealStatus
                                                                  : RegisterMirror::kAbsorbed;
    EXPECT_EQ(row.mirror, expected) << row.name;
  }
}

}  // namespace
}  // namespace SIDEWALL_NS
