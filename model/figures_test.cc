// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Reset values, ID registers, fields and read-backs, each against the figure of the manual, a boot
// log or a kernel that relies on it. The table of the model is not asked here what it thinks.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "model/registers.h"
#include "model/testing.h"

namespace sidewall::model {
namespace {

struct Fields {
  Page page;
  const char* name;
  const char* fields;  // "TYPE17:16 VALID31", in the order of the table
};

// As the manual lists them; where two readings of a word share bits, by type of bank or stage,
// both.
constexpr Fields kFields[] = {
    {Page::kGr0, "sCR0",
     "CLIENTPD0 GFRE1 GFIE2 EXIDENABLE3 GCFGFRE4 GCFGFIE5 TRANSIENTCFG7:6 STALLD8 GSE9 USFCFG10 "
     "VMIDPNE11 PTM12 FB13 BSU15:14 MemAttr19:16 MTCFG20 SMCFCFG21 SHCFG23:22 RACFG25:24 "
     "WACFG27:26 HYPMODE30 VMID16EN31"},
    {Page::kGr0, "sCR2", "BPVMID7:0"},
    {Page::kGr0, "sACR",
     "S1WC2EN2 S2WC2EN3 IPA2PA_CEN4 SMTNMB_TLBEN8 MMUDISB_TLBEN9 S2CRB_TLBEN10 DP4K_TCUDISB24 "
     "DP4K_TBUDISB25 CACHE_LOCK26"},
    {Page::kGr0, "IDR0",
     "NUMSMRG7:0 EXIDS8 NUMSIDB12:9 BTM13 CTTW14 NUMIRPT23:16 PTFS25:24 ATOSNS26 SMS27 NTS28 "
     "S2TS29 S1TS30 SES31"},
    {Page::kGr0, "IDR1", "NUMCB7:0 SMCD15 NUMS2CB23:16 NUMPAGENDXB30:28 PAGESIZE31"},
    {Page::kGr0, "IDR2", "IAS3:0 OAS7:4 UBS11:8 PTFSV8_4K12 PTFSV8_16K13 PTFSV8_64K14 VMID16S15"},
    {Page::kGr0, "IDR7", "MINOR3:0 MAJOR7:4"},
    {Page::kGr0, "sGFSR", "ICF0 USF1 SMCF2 UCBF3 UCIF4 CAF5 EF6 PF7 UUT8 MULTI31"},
    {Page::kGr0, "sGFSYNR0", "NESTED0 WNR1 PNU2 IND3 NSSTATE4 NSATTR5 ATS6"},
    {Page::kGr0, "sGFSYNR1", "StreamID15:0 SSD_Index31:16"},
    {Page::kGr0, "TLBIVMID", "VMID7:0"},
    {Page::kGr0, "sTLBGSTATUS", "GSACTIVE0"},
    {Page::kGr0, "SMR", "ID14:0 MASK30:16 VALID31"},
    {Page::kGr0, "S2CR",
     "CBNDX7:0 SHCFG9:8 EXIDVALID10 MTCFG11 MemAttr15:12 TYPE17:16 NSCFG19:18 RACFG21:20 "
     "WACFG23:22 PRIVCFG25:24 INSTCFG27:26 TRANSIENTCFG29:28"},
    {Page::kGr1, "CBAR",
     "VMID7:0 TYPE17:16 CBNDX15:8 BPSHCFG9:8 HYPC10 FB11 MemAttr15:12 BSU19:18 RACFG21:20 "
     "WACFG23:22 IRPTNDX31:24"},
    {Page::kGr1, "CBFRSYNRA", "StreamID15:0 SSD_Index30:16"},
    {Page::kGr1, "CBA2R", "VA640 MONC1 VMID1631:16"},
    {Page::kBank, "SCTLR",
     "M0 TRE1 AFE2 AFFD3 E4 CFRE5 CFIE6 CFCFG7 HUPCF8 WXN9 UWXN10 ASIDPNE12 PTW13 "
     "TRANSIENTCFG15:14 BSU15:14 MemAttr19:16 MTCFG20 FB21 SHCFG23:22 RACFG25:24 WACFG27:26 "
     "NSCFG29:28 UCI30"},
    {Page::kBank, "ACTLR", "CMTLB0 CPRE1"},
    {Page::kBank, "RESUME", "TNR0"},
    {Page::kBank, "TCR2",
     "PASize2:0 AS4 TBI05 TBI16 HAD08 HAD19 HA10 HD11 NSCFG014 SEP17:15 NSCFG130"},
    {Page::kBank, "TTBR0", "BADDR47:0 ASID63:48"},
    {Page::kBank, "TCR",
     "T0SZ5:0 SL07:6 EPD07 IRGN09:8 ORGN011:10 SH013:12 TG015:14 PASize18:16 T1SZ21:16 HA21 HD22 "
     "A122 EPD123 IRGN125:24 ORGN127:26 SH129:28 TG131:30"},
    {Page::kBank, "FSR", "TF1 AFF2 PF3 EF4 TLBMCF5 TLBLKF6 ASF7 UUT8 FORMAT10:9 SS30 MULTI31"},
    {Page::kBank, "FSYNR0",
     "PLVL1:0 NESTED2 S1PTWF3 WNR4 PNU5 IND6 NSATTR8 ATOF9 PTWF10 AFR11 S1CBNDX23:16"},
    {Page::kBank, "TLBIVA", "Address43:0 ASID63:48"},
    {Page::kBank, "TLBIASID", "ASID15:0"},
    {Page::kBank, "TLBIIPAS2", "Address35:0"},
    {Page::kBank, "TLBSTATUS", "SACTIVE0"},
    {Page::kMcSid, "OVERRIDE", "SID7:0"},
    {Page::kMcSid, "SECURITY", "NS0 OVERRIDE8 LOCK16"},
    {Page::kMcChannel, "SMMU_BYPASS_CONFIG", "MODE1:0 LOCK31"},
    {Page::kMcChannel, "INTSTATUS",
     "DECERR_EMEM6 SECURITY_VIOLATION8 DECERR_VPR12 SECERR_SEC13 DECERR_MTS16 "
     "DECERR_GENERALIZED_CARVEOUT17 DECERR_ROUTE_SANITY20 GIC_MSI21"},
    {Page::kMcChannel, "ERR_STATUS",
     "CLIENT8:0 WRITE16 SECURE17 ADR_HI21:20 NONSECURE25 WRITABLE26 READABLE27 TYPE30:28"},
};

const RegisterInfo* Row(Page page, const char* name) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    if (rows[i].page == page && strcmp(rows[i].name, name) == 0) return &rows[i];
  }
  return nullptr;
}

std::string Spell(const RegisterInfo& row) {
  std::string text;
  for (const FieldInfo* f = row.fields; f != nullptr && f->name != nullptr; ++f) {
    if (!text.empty()) text += " ";
    text += f->name + std::to_string(f->high);
    if (f->high != f->low) text += ":" + std::to_string(f->low);
  }
  return text;
}

TEST(Figures, FieldsAreThoseOfTheManual) {
  for (const Fields& expected : kFields) {
    const RegisterInfo* row = Row(expected.page, expected.name);
    ASSERT_NE(row, nullptr) << expected.name;
    EXPECT_EQ(Spell(*row), expected.fields) << expected.name;
  }
}

// Every field list of the table is one of those: a register that has fields of its own is listed.
TEST(Figures, EveryFieldListIsHeldAgainstTheManual) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    if (rows[i].fields == nullptr) continue;
    bool listed = strcmp(rows[i].name, "ATSR") == 0;  // ACTIVE, of what is not there
    for (const Fields& expected : kFields) {
      listed = listed || Row(expected.page, expected.name)->fields == rows[i].fields;
    }
    EXPECT_TRUE(listed) << rows[i].name;
  }
}

struct Figure {
  const char* name;
  uint32_t offset;
  uint32_t value;
};

class Tegra234Figures : public ::testing::Test {
 protected:
  Rig rig{"tegra234"};
  static constexpr size_t kIso = 4;
};

TEST_F(Tegra234Figures, IdRegistersOfEveryInstance) {
  constexpr Figure kIds[] = {
      {"IDR0", 0x20, 0x7c013e80}, {"IDR1", 0x24, 0xe0000080}, {"IDR2", 0x28, 0x00005555},
      {"IDR3", 0x2c, 0},          {"IDR4", 0x30, 0},          {"IDR5", 0x34, 0},
      {"IDR6", 0x38, 0},          {"IDR7", 0x3c, 0x21},       {"PIDR4", 0xfd0, 0x04},
      {"PIDR5", 0xfd4, 0},        {"PIDR6", 0xfd8, 0},        {"PIDR7", 0xfdc, 0},
      {"PIDR0", 0xfe0, 0x81},     {"PIDR1", 0xfe4, 0xb4},     {"PIDR2", 0xfe8, 0x1b},
      {"PIDR3", 0xfec, 0x00},     {"CIDR0", 0xff0, 0x0d},     {"CIDR1", 0xff4, 0xf0},
      {"CIDR2", 0xff8, 0x05},     {"CIDR3", 0xffc, 0xb1}};
  for (size_t instance = 0; instance < kMaxInstances; ++instance) {
    for (const Figure& id : kIds) EXPECT_EQ(rig.Read(instance, id.offset), id.value) << id.name;
  }
}

TEST_F(Tegra234Figures, ResetValuesOfEveryInstance) {
  const Figure resets[] = {{"sCR0", 0x0, 0x00200001},
                           {"sACR", 0x10, 0x0400001c},
                           {"sGFSR", 0x48, 0},
                           {"sTLBGSTATUS", 0x74, 0},
                           {"SMR[0]", 0x800, 0},
                           {"SMR[127]", 0x9fc, 0},
                           {"S2CR[0]", 0xc00, 0x00020000},
                           {"S2CR[127]", 0xdfc, 0x00020000},
                           {"CBAR[0]", 0x10000, 0x00020000},
                           {"CBAR[127]", 0x101fc, 0x00020000},
                           {"CBA2R[0]", 0x10800, 0},
                           {"CB[0].SCTLR", Rig::Cb(0, 0x0), 0x100},
                           {"CB[127].SCTLR", Rig::Cb(127, 0x0), 0x100},
                           {"CB[0].ACTLR", Rig::Cb(0, 0x4), 3},
                           {"CB[0].TCR2", Rig::Cb(0, 0x10), 0x60},
                           {"CB[0].FSR", Rig::Cb(0, 0x58), 0},
                           {"CB[0].TLBSTATUS", Rig::Cb(0, 0x7f4), 0},
                           {"CB[0].ATSR", Rig::Cb(0, 0x8f0), 0}};
  for (size_t instance = 0; instance < kMaxInstances; ++instance) {
    for (const Figure& r : resets) EXPECT_EQ(rig.Read(instance, r.offset), r.value) << r.name;
  }
}

// What Linux writes to sCR0 when it is done, over the reset value: MMU-500 has no GCFGFRE, GCFGFIE.
TEST_F(Tegra234Figures, Scr0OfLinuxReadsBackWithoutGcfg) {
  rig.Write(kIso, 0, 0x00201c36);
  EXPECT_EQ(rig.Read(kIso, 0), 0x00201c06u);
}

// How Linux finds out how many ID and mask bits there are: 15 of each.
TEST_F(Tegra234Figures, SmrMaskTestOfLinux) {
  rig.Write(kIso, 0x800, 0x00007fff);
  EXPECT_EQ(rig.Read(kIso, 0x800), 0x00007fffu);
  rig.Write(kIso, 0x800, 0x7fff0000);
  EXPECT_EQ(rig.Read(kIso, 0x800), 0x7fff0000u);
  rig.Write(kIso, 0x800, 0x80008000);
  EXPECT_EQ(rig.Read(kIso, 0x800), 0x80000000u);
}

// A context bank as Linux sets one up; every word reads back.
TEST_F(Tegra234Figures, ABankOfLinuxReadsBack) {
  const Figure writes[] = {{"CBA2R", 0x10804, 1},
                           {"CBAR", 0x10004, 0x0001f300},
                           {"TCR2", Rig::Cb(1, 0x10), 0x00038015},
                           {"TCR", Rig::Cb(1, 0x30), 0x00802010},
                           {"MAIR0", Rig::Cb(1, 0x38), 0xf404ff44},
                           {"MAIR1", Rig::Cb(1, 0x3c), 0xffffffff},
                           {"SCTLR", Rig::Cb(1, 0), 0x1067},
                           {"S2CR", 0xc04, 0x00000001},
                           {"SMR", 0x804, 0xff80000e}};
  for (const Figure& w : writes) rig.Write(kIso, w.offset, w.value);
  rig.Write64(kIso, Rig::Cb(1, 0x20), 0x0001000080003000);
  for (const Figure& w : writes) EXPECT_EQ(rig.Read(kIso, w.offset), w.value) << w.name;
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x20)), 0x80003000u);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(1, 0x24)), 0x00010000u);
}

// The figures of what may be written, for those registers whose bits decide who gets where.
TEST_F(Tegra234Figures, WritableBitsByName) {
  rig.Write(kIso, 0x10, 0);  // no CACHE_LOCK
  const Figure masks[] = {{"sCR2", 0x8, 0xff},
                          {"sACR", 0x10, 0x0700071c},
                          {"S2CR", 0xc04, 0x3ffffbff},
                          {"CBAR", 0x10004, 0x00ffffff},
                          {"CBFRSYNRA", 0x10404, 0x7fff7fff},
                          {"CBA2R", 0x10804, 3},
                          {"ITCTRL", 0x20000, 1},
                          {"sGFSYNR0", 0x50, 0x7f},
                          {"sGFSYNR1", 0x54, 0xffff7fff},
                          {"CB[2].SCTLR", Rig::Cb(2, 0), 0x4fdfd7ff},
                          {"CB[2].TCR2", Rig::Cb(2, 0x10), 0x4003c077},
                          {"CB[2].TCR", Rig::Cb(2, 0x30), 0xffffffbf},
                          {"CB[2].FSYNR0", Rig::Cb(2, 0x68), 0xd73}};
  for (const Figure& m : masks) {
    rig.Write(kIso, m.offset, 0xffffffff);
    EXPECT_EQ(rig.Read(kIso, m.offset), m.value) << m.name;
    rig.Write(kIso, m.offset, 0);
    EXPECT_EQ(rig.Read(kIso, m.offset), 0u) << m.name;
  }
  rig.Write(kIso, Rig::Cb(2, 4), 0xfffffffc);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(2, 4)), 0u);  // ACTLR
}

TEST_F(Tegra234Figures, WritableBitsOfAStageTwoBank) {
  rig.Write(kIso, 0x10008, 0);  // CBAR[2]
  const Figure masks[] = {
      {"SCTLR", Rig::Cb(2, 0), 0x4ffff7ff}, {"FSYNR0", Rig::Cb(2, 0x68), 0x00ff0f7f},
      {"TCR2", Rig::Cb(2, 0x10), 0},        {"CONTEXTIDR", Rig::Cb(2, 0x34), 0},
      {"MAIR0", Rig::Cb(2, 0x38), 0},       {"IPAFAR", Rig::Cb(2, 0x70), 0xffffffff}};
  for (const Figure& m : masks) {
    rig.Write(kIso, m.offset, 0xffffffff);
    EXPECT_EQ(rig.Read(kIso, m.offset), m.value) << m.name;
  }
  rig.Write(kIso, Rig::Cb(2, 0x30), 0xffffffff);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(2, 0x30)), 0x8007ffffu);
  rig.Write(kIso, Rig::Cb(2, 0x30), 0);
  EXPECT_EQ(rig.Read(kIso, Rig::Cb(2, 0x30)), 0x80000000u);  // bit 31 is one
}

// Hardware without stage 2 (IDR0.S2TS 0) has one set of registers, whatever CBAR says.
TEST_F(Tegra234Figures, WithoutStageTwoABankKeepsItsRegisters) {
  BoardSpec spec = *rig.board;
  spec.smmu[2].idr[0] &= ~(1u << 29);
  Rig other(&spec, 16);
  other.Write(kIso, 0x10008, 0);
  other.Write(kIso, Rig::Cb(2, 0x10), 0x38015);
  EXPECT_EQ(other.Read(kIso, Rig::Cb(2, 0x10)), 0x38015u);
  other.Write(kIso, Rig::Cb(2, 0x30), 0x00802010);
  EXPECT_EQ(other.Read(kIso, Rig::Cb(2, 0x30)), 0x00802010u);
}

}  // namespace
}  // namespace sidewall::model
