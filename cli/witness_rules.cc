// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A third witness, for what the driver says nothing of. It has no table: registers are listed by
// what can be done with them, fields as the manual prints them, name and bits (with @ between,
// where the name ends in a digit), and all else follows by rule. A reset value is zero, a read-only
// register has no writable bit, one without fields has all of them, and registers of one kind have
// the same fields.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

#include "cli/witness.h"

namespace sidewall {
namespace {

struct Named {
  const char* names;  // of registers, with the page before the first
  const char* text;
};

constexpr const char* kReadOnly[] = {
    "gr0 IDR0 IDR1 IDR2 IDR3 IDR4 IDR5 IDR6 IDR7 sTLBGSTATUS DBGRDATATBU DBGRDATATCU",
    "gr0 PIDR0 PIDR1 PIDR2 PIDR3 PIDR4 PIDR5 PIDR6 PIDR7 CIDR0 CIDR1 CIDR2 CIDR3",
    "gid ITIP PER TBU_PWR_STATUS",
    "pmu PMCFGR PMCEID PMAUTHSTATUS PMDEVTYPE",
    "bank TLBSTATUS ATSR",
    "mcch ERR_STATUS ERR_ADR ERR_VPR_STATUS ERR_VPR_ADR ERR_SEC_STATUS ERR_SEC_ADR",
    "mcch ERR_MTS_STATUS ERR_MTS_ADR ERR_ROUTE_SANITY_STATUS ERR_ROUTE_SANITY_ADR",
    "mcch ERR_GENERALIZED_CARVEOUT_STATUS ERR_GENERALIZED_CARVEOUT_ADR ERR_ADR_HI",
    "mcch EMEM_ADR_CFG_CHANNEL_ENABLE GLOBAL_INTSTATUS",
};
constexpr const char* kWriteOnly[] = {
    "gr0 sGFSRRESTORE TLBIVMID TLBIALLNSNH TLBIALLH sTLBGSYNC TLBIVAH TLBIVALH64 TLBIVAH64",
    "gr0 TLBIVMIDS1",
    "bank RESUME FSRRESTORE TLBIVA TLBIVAA TLBIASID TLBIALL TLBIVAL TLBIVAAL TLBIIPAS2 TLBIIPAS2L",
    "bank TLBSYNC",
};
// Of the secure side, of functions that are not offered, and what a bank sees of counters that
// nobody has given to it.
constexpr const char* kNothing[] = {
    "gr0 SCR1 STLBIALL STLBIVALM STLBIVAM STLBIALLM NSCR0 NSACR NSGFAR NSGFSR",
    "gr0 GATS1UR GATS1UW GATS1PR GATS1PW GATS12UR GATS12UW GATS12PR GATS12PW GPAR GATSR",
    "bank ATS1PR ATS1PW ATS1UR ATS1UW",
    "bank PMEVCNTR PMEVTYPER PMCFGR PMCR PMCEID PMCNTENSET PMCNTENCLR PMINTENSET PMINTENCLR",
    "bank PMOVSCLR PMOVSSET PMAUTHSTATUS",
};
constexpr const char* kOnesClear[] = {"gr0 sGFSR", "bank FSR", "mcch INTSTATUS",
                                      "pmu PMCNTENCLR PMINTENCLR PMOVSCLR"};
// Those that a store changes in every bit.
constexpr const char* kAllBits[] = {
    "gr0 sGFAR sGFSYNR2 DBGRPTRTBU DBGRPTRTCU",
    "gid ITOP_GLBL ITOP_PERF_INDEX ITOP_CXT TBUQOS",
    "pmu PMEVCNTR PMEVTYPER PMCNTENSET PMINTENSET PMOVSSET PMCNTENCLR PMINTENCLR PMOVSCLR",
    "bank TTBR0 TTBR1 CONTEXTIDR MAIR0 MAIR1 PAR FAR FSYNR1 IPAFAR",
    "mcch INTMASK CARVEOUT_BASE CARVEOUT_BASE_HI CARVEOUT_SIZE",
    "mcch CARVEOUT6_BASE CARVEOUT6_BASE_HI CARVEOUT6_SIZE",
};
// Those in which a store changes what is a field, and no other bit.
constexpr const char* kItsFields[] = {"gr0 sCR2 sACR",
                                      "gid ITCTRL",
                                      "bank ACTLR",
                                      "pmu PMCGCR PMCGSMR PMCR",
                                      "mcch INTSTATUS SMMU_BYPASS_CONFIG",
                                      "mc OVERRIDE SECURITY"};
// The rest, of which a store changes some fields.
constexpr const char* kOther[] = {"gr0 sCR0 sGFSYNR0 sGFSYNR1 SMR S2CR", "gr1 CBAR CBFRSYNRA CBA2R",
                                  "bank SCTLR TCR TCR2 FSYNR0"};
constexpr const char* kWide = " sGFAR TTBR0 TTBR1 PAR FAR IPAFAR ";

constexpr Named kReset[] = {
    {"gr0 sCR0", "0x00200001"},
    {"gr0 sACR", "0x0400001c"},
    {"gr0 S2CR", "0x00020000"},
    {"gr1 CBAR", "0x00020000"},
    {"bank SCTLR", "0x100"},
    {"bank ACTLR", "3"},
    {"bank TCR2", "0x60"},
    {"gr0 IDR0", "0x7c013e80"},
    {"gr0 IDR1", "0xe0000080"},
    {"gr0 IDR2", "0x5555"},
    {"gr0 IDR7", "0x21"},
    {"gr0 PIDR4", "4"},
    {"gr0 PIDR0", "0x81"},
    {"gr0 PIDR1", "0xb4"},
    {"gr0 PIDR2", "0x1b"},
    {"gr0 CIDR0", "0x0d"},
    {"gr0 CIDR1", "0xf0"},
    {"gr0 CIDR2", "0x05"},
    {"gr0 CIDR3", "0xb1"},
    {"mc OVERRIDE", "0x7f"},
    {"mc SECURITY", "0x101"},
    {"pmu PMCFGR", "0x7001f1f"},
    {"pmu PMCGCR", "0x04000000"},
    // Sixteen channels; mode 2, locked.
    {"mcch EMEM_ADR_CFG_CHANNEL_ENABLE", "0xffff"},
    {"mcch SMMU_BYPASS_CONFIG", "0x80000002"},
};

constexpr Named kFields[] = {
    {"gr0 sCR0",
     "CLIENTPD0 GFRE1 GFIE2 EXIDENABLE3 GCFGFRE4 GCFGFIE5 TRANSIENTCFG7:6 STALLD8 GSE9 USFCFG10 "
     "VMIDPNE11 PTM12 FB13 BSU15:14 MemAttr19:16 MTCFG20 SMCFCFG21 SHCFG23:22 RACFG25:24 "
     "WACFG27:26 HYPMODE30 VMID16EN31"},
    {"gr0 sCR2", "BPVMID7:0"},
    {"gr0 sACR",
     "CACHE_LOCK26 DP4K_TBUDISB25 DP4K_TCUDISB24 S2CRB_TLBEN10 MMUDISB_TLBEN9 SMTNMB_TLBEN8 "
     "IPA2PA_CEN4 S2WC2EN3 S1WC2EN2"},
    {"gr0 IDR0",
     "SES31 S1TS30 S2TS29 NTS28 SMS27 ATOSNS26 PTFS25:24 NUMIRPT23:16 CTTW14 BTM13 NUMSIDB12:9 "
     "EXIDS8 NUMSMRG7:0"},
    {"gr0 IDR1", "PAGESIZE31 NUMPAGENDXB30:28 NUMS2CB23:16 SMCD15 NUMCB7:0"},
    {"gr0 IDR2", "VMID16S15 PTFSV8_64K14 PTFSV8_16K13 PTFSV8_4K12 UBS11:8 OAS7:4 IAS3:0"},
    {"gr0 IDR7", "MAJOR7:4 MINOR3:0"},
    {"gr0 sGFSR sGFSRRESTORE", "ICF0 USF1 SMCF2 UCBF3 UCIF4 CAF5 EF6 PF7 UUT8 MULTI31"},
    {"gr0 sGFSYNR0", "NESTED0 WNR1 PNU2 IND3 NSSTATE4 NSATTR5 ATS6"},
    {"gr0 sGFSYNR1", "StreamID15:0 SSD_Index31:16"},
    {"gr0 TLBIVMID TLBIVMIDS1", "VMID7:0"},
    {"gr0 sTLBGSTATUS", "GSACTIVE0"},
    {"gr0 SMR", "ID14:0 MASK30:16 VALID31"},
    {"gr0 S2CR",
     "CBNDX7:0 SHCFG9:8 EXIDVALID10 MTCFG11 MemAttr15:12 TYPE17:16=translate,bypass,fault,reserved "
     "NSCFG19:18 RACFG21:20 WACFG23:22 PRIVCFG25:24=default,dipan,unprivileged,privileged "
     "INSTCFG27:26 TRANSIENTCFG29:28"},
    {"gr1 CBAR",
     "VMID7:0 TYPE17:16=stage2,stage1,stage1_fault,nested BPSHCFG9:8 HYPC10 FB11 MemAttr15:12 "
     "CBNDX15:8 BSU19:18 RACFG21:20 WACFG23:22 IRPTNDX31:24"},
    {"gr1 CBFRSYNRA", "StreamID15:0 SSD_Index30:16"},
    {"gr1 CBA2R", "VA64@0 MONC1 VMID16@31:16"},
    {"gid ITCTRL", ""},
    {"bank SCTLR",
     "M0 TRE1 AFE2 AFFD3 E4 CFRE5 CFIE6 CFCFG7 HUPCF8 WXN9 UWXN10 ASIDPNE12 PTW13 "
     "TRANSIENTCFG15:14 BSU15:14 MemAttr19:16 MTCFG20 FB21 SHCFG23:22 RACFG25:24 WACFG27:26 "
     "NSCFG29:28 UCI30"},
    {"bank ACTLR", "CMTLB0 CPRE1"},
    {"bank RESUME", "TNR0=retry,terminate"},
    {"bank TCR2",
     "PASize2:0 AS4 TBI0@5 TBI1@6 HAD0@8 HAD1@9 HA10 HD11 NSCFG0@14 SEP17:15 NSCFG1@30"},
    {"bank TTBR0 TTBR1", "ASID63:48 BADDR47:0"},
    {"bank TCR",
     "T0SZ5:0 EPD0@7 IRGN0@9:8 ORGN0@11:10 SH0@13:12 TG0@15:14=4k,64k,16k T1SZ21:16 A1@22 EPD1@23 "
     "IRGN1@25:24 ORGN1@27:26 SH1@29:28 TG1@31:30=reserved,16k,4k,64k SL0@7:6 PASize18:16 HA21 "
     "HD22"},
    {"bank FSR FSRRESTORE", "TF1 AFF2 PF3 EF4 TLBMCF5 TLBLKF6 ASF7 UUT8 FORMAT10:9 SS30 MULTI31"},
    {"bank FSYNR0",
     "PLVL1:0 NESTED2 S1PTWF3 WNR4 PNU5 IND6 NSATTR8 ATOF9 PTWF10 AFR11 S1CBNDX23:16"},
    {"bank TLBIVA TLBIVAA TLBIVAL TLBIVAAL", "ASID63:48 Address43:0"},
    {"bank TLBIASID", "ASID15:0"},
    {"bank TLBIIPAS2 TLBIIPAS2L", "Address35:0"},
    {"bank TLBSTATUS", "SACTIVE0"},
    {"bank ATSR", "ACTIVE0"},
    {"mc OVERRIDE", "SID7:0"},
    {"mc SECURITY", "NS0 OVERRIDE8 LOCK16"},
    {"mcch SMMU_BYPASS_CONFIG", "MODE1:0 LOCK31"},
    {"mcch INTSTATUS INTMASK",
     "DECERR_EMEM6 SECURITY_VIOLATION8 DECERR_VPR12 SECERR_SEC13 DECERR_MTS16 "
     "DECERR_GENERALIZED_CARVEOUT17 DECERR_ROUTE_SANITY20 GIC_MSI21"},
    {"mcch ERR_STATUS ERR_VPR_STATUS ERR_SEC_STATUS ERR_MTS_STATUS ERR_ROUTE_SANITY_STATUS "
     "ERR_GENERALIZED_CARVEOUT_STATUS",
     "TYPE30:28 READABLE27 WRITABLE26 NONSECURE25 ADR_HI21:20 SECURE17 WRITE16 CLIENT8:0"},
};
// Masks of registers whose fields have no names here: a counter group's stream ID, type and
// overflow policy, its mask, and what enables the counters.
constexpr Named kMasks[] = {{"gid ITCTRL", "1"},
                            {"pmu PMCGCR", "0x7f1fff"},
                            {"pmu PMCGSMR", "0x7fff7fff"},
                            {"pmu PMCR", "0x11"}};

// Errors of a channel have a status word, and the address in the next one.
constexpr Named kPlaces[] = {
    {"INTSTATUS", "0"},
    {"INTMASK", "4"},
    {"ERR_STATUS", "8"},
    {"ERR_VPR_STATUS", "0x654"},
    {"ERR_SEC_STATUS", "0x67c"},
    {"ERR_MTS_STATUS", "0x9b0"},
    {"ERR_ADR_HI", "0x11fc"},
    {"ERR_ROUTE_SANITY_STATUS", "0x9c0"},
    {"GLOBAL_INTSTATUS", "0xf24"},
    {"ERR_GENERALIZED_CARVEOUT_STATUS", "0xc00"},
    {"SMMU_BYPASS_CONFIG", "0x1820"},
    {"EMEM_ADR_CFG_CHANNEL_ENABLE", "0xdf8"},
};

// Calls f("page.NAME") for each of "page NAME NAME ...".
template <typename F>
void ForEach(const char* names, F f) {
  std::istringstream words(names);
  std::string page, name;
  words >> page;
  while (words >> name) f(page + "." + name);
}

bool Listed(const char* list, const std::string& name) {
  return std::string(list).find(" " + name + " ") != std::string::npos;
}

std::string Last(const std::string& name) { return name.substr(name.rfind('.') + 1); }

// One field as the manual prints it, "TYPE17:16=a,b". Its mask is given back.
uint64_t AddField(const std::string& of, const std::string& word, Witness* out) {
  const std::string printed = word.substr(0, word.find('='));
  size_t at = std::min(printed.find(':'), printed.size());
  while (at > 0 && isdigit(printed[at - 1])) --at;
  const bool apart = at > 0 && printed[at - 1] == '@';
  const std::string name = of + "." + printed.substr(0, apart ? at - 1 : at);
  const std::string bits = printed.substr(at);
  const size_t colon = bits.find(':');
  const uint64_t high = std::strtoul(bits.c_str(), nullptr, 10);
  const uint64_t low =
      colon == std::string::npos ? high : std::strtoul(bits.c_str() + colon + 1, nullptr, 10);
  (*out)[name + ".high"] = high;
  (*out)[name + ".low"] = low;
  if (printed.size() != word.size()) {
    std::istringstream values(word.substr(printed.size() + 1));
    std::string value;
    for (uint64_t n = 0; std::getline(values, value, ','); ++n) (*out)[name + "=" + value] = n;
  }
  return (~uint64_t{0} >> (63 - high)) & (~uint64_t{0} << low);
}

template <size_t kCount>
void AddKind(const char* const (&lists)[kCount], uint64_t access, bool stores, Witness* out) {
  for (const char* list : lists) {
    ForEach(list, [&](const std::string& name) {
      (*out)[name + ".access"] = access;
      (*out)[name + ".reset"] = 0;
      if (!stores) (*out)[name + ".writable"] = 0;
    });
  }
}

// Registers of a channel of the memory controller: words, and 32 carveouts of three.
void AddPlaces(Witness* out) {
  const auto add = [&](const std::string& name, uint64_t offset, uint64_t count) {
    (*out)["mcch." + name + ".offset"] = offset;
    (*out)["mcch." + name + ".width"] = 4;
    (*out)["mcch." + name + ".count"] = count;
    if (count > 1) (*out)["mcch." + name + ".stride"] = 0x50;
  };
  for (const Named& one : kPlaces) {
    const std::string name = one.names;
    const uint64_t offset = std::strtoul(one.text, nullptr, 0);
    add(name, offset, 1);
    const size_t status = name.rfind("STATUS");
    if (name.rfind("ERR_", 0) == 0 && status != std::string::npos) {
      add(name.substr(0, status) + "ADR", offset + 4, 1);
    }
  }
  constexpr uint64_t kCarveouts = 32;
  constexpr uint64_t kNear = 5;  // from 6 on, counted from 1, they lie elsewhere
  uint64_t word = 0;
  for (const char* part : {"BASE", "BASE_HI", "SIZE"}) {
    add(std::string("CARVEOUT_") + part, 0xc0c + word, kNear);
    add(std::string("CARVEOUT6_") + part, 0x2004 + word, kCarveouts - kNear);
    word += 4;
  }
}

}  // namespace

Witness RulesSay() {
  Witness out;
  enum : uint64_t { kRw, kRo, kWo, kW1c, kNone };
  AddKind(kAllBits, kRw, true, &out);
  AddKind(kItsFields, kRw, true, &out);
  AddKind(kOther, kRw, true, &out);
  AddKind(kReadOnly, kRo, false, &out);
  AddKind(kWriteOnly, kWo, false, &out);
  AddKind(kNothing, kNone, false, &out);
  AddKind(kOnesClear, kW1c, true, &out);
  for (const char* list : kAllBits) {
    ForEach(list, [&](const std::string& name) {
      out[name + ".writable"] = Listed(kWide, Last(name)) ? ~uint64_t{0} : 0xffffffff;
    });
  }
  const auto set = [&](const auto& table, const char* what) {
    for (const Named& one : table) {
      ForEach(one.names, [&](const std::string& name) {
        out[name + what] = std::strtoul(one.text, nullptr, 0);
      });
    }
  };
  set(kReset, ".reset");
  std::map<std::string, uint64_t> masks;
  for (const Named& one : kFields) {
    ForEach(one.names, [&](const std::string& name) {
      std::istringstream words(one.text);
      std::string word;
      while (words >> word) masks[name] |= AddField(name, word, &out);
    });
  }
  for (const char* list : kItsFields) {
    ForEach(list, [&](const std::string& name) { out[name + ".writable"] = masks[name]; });
  }
  set(kMasks, ".writable");
  AddPlaces(&out);
  return out;
}

}  // namespace sidewall
