// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The driver as a witness. A part of the test, since no program may look into the driver.
#include "cli/witness.h"
#include "driver/register_table.h"
#include "driver/registers.h"

namespace sidewall {
namespace {

using namespace SIDEWALL_NS;  // the driver's names, of which this file is a list

std::string PageName(RegisterPage page) {
  constexpr const char* kNames[] = {"gr0", "gr1", "gid", "pmu", "ssd", "reserved", "bank", "mc"};
  return kNames[static_cast<size_t>(page)];
}

void AddRow(const RegisterRow& row, Witness* out) {
  // Registers that the host does not get, and those that name what the specification leaves open:
  // only where they lie matters.
  const std::string name = PageName(row.page) + "." + row.name;
  (*out)[name + ".offset"] = row.offset;
  (*out)[name + ".width"] = row.width;
  (*out)[name + ".count"] = row.count;
  if (row.count > 1) (*out)[name + ".stride"] = row.stride;
  if (row.policy == RegisterClass::kRazWi) return;
  (*out)[name + ".access"] = static_cast<uint64_t>(row.access);
  // The bits that a store keeps or clears. Those of commands are not a matter of keeping.
  if (row.access == RegisterAccess::kReadOnly || row.access == RegisterAccess::kWriteOnly) return;
  if (row.policy != RegisterClass::kFloor) (*out)[name + ".writable"] = row.keep;
}

void AddClients(Witness* out) {
  enum class ClientClass : uint8_t { kAbsent, kFixed, kNode, kQuarantine, kUntouchable };
  enum class ClientSide : uint8_t { kNiso1, kNiso0, kIso, kUnknown };
  struct Client {
    uint16_t id;
    ClientClass kind;
    uint8_t sid;
    ClientSide side;
  };
  constexpr Client kClients[] = {
#include "driver/mc_clients.inc"
  };
  for (const Client& client : kClients) {
    const std::string name = "client." + std::to_string(client.id);
    (*out)[name + ".class"] = static_cast<uint64_t>(client.kind);
    (*out)[name + ".side"] = static_cast<uint64_t>(client.side);
    (*out)[name + ".sid"] = client.sid;
  }
}

struct NamedField {
  const char* name;
  Field field;
};

constexpr NamedField kFields[] = {
    {"gr0.sCR0.CLIENTPD", scr0::kClientPd},
    {"gr0.sCR0.GFRE", scr0::kGfre},
    {"gr0.sCR0.GFIE", scr0::kGfie},
    {"gr0.sCR0.EXIDENABLE", scr0::kExidEnable},
    {"gr0.sCR0.GCFGFRE", scr0::kGcfgfre},
    {"gr0.sCR0.GCFGFIE", scr0::kGcfgfie},
    {"gr0.sCR0.STALLD", scr0::kStalld},
    {"gr0.sCR0.GSE", scr0::kGse},
    {"gr0.sCR0.USFCFG", scr0::kUsfcfg},
    {"gr0.sCR0.VMIDPNE", scr0::kVmidpne},
    {"gr0.sCR0.PTM", scr0::kPtm},
    {"gr0.sCR0.SMCFCFG", scr0::kSmcfcfg},
    {"gr0.sCR0.VMID16EN", scr0::kVmid16En},
    {"gr0.sACR.CACHE_LOCK", sacr::kCacheLock},
    {"gr0.IDR0.NUMSMRG", idr0::kNumsmrg},
    {"gr0.IDR0.EXIDS", idr0::kExids},
    {"gr0.IDR0.PTFS", idr0::kPtfs},
    {"gr0.IDR0.ATOSNS", idr0::kAtosns},
    {"gr0.IDR0.SMS", idr0::kSms},
    {"gr0.IDR0.NTS", idr0::kNts},
    {"gr0.IDR0.S2TS", idr0::kS2ts},
    {"gr0.IDR0.S1TS", idr0::kS1ts},
    {"gr0.IDR0.SES", idr0::kSes},
    {"gr0.IDR1.NUMCB", idr1::kNumcb},
    {"gr0.IDR1.NUMS2CB", idr1::kNums2cb},
    {"gr0.IDR1.NUMPAGENDXB", idr1::kNumpagendxb},
    {"gr0.IDR1.PAGESIZE", idr1::kPageSize},
    {"gr0.IDR2.IAS", idr2::kIas},
    {"gr0.IDR2.OAS", idr2::kOas},
    {"gr0.IDR2.PTFSV8_4K", idr2::kPtfs4k},
    {"gr0.IDR2.VMID16S", idr2::kVmid16s},
    {"gr0.SMR.ID", smr::kId},
    {"gr0.SMR.MASK", smr::kMask},
    {"gr0.SMR.VALID", smr::kValid},
    {"gr0.S2CR.CBNDX", s2cr::kCbndx},
    {"gr0.S2CR.EXIDVALID", s2cr::kExidValid},
    {"gr0.S2CR.TYPE", s2cr::kType},
    {"gr0.S2CR.PRIVCFG", s2cr::kPrivcfg},
    {"gr1.CBAR.VMID", cbar::kVmid},
    {"gr1.CBAR.CBNDX", cbar::kCbndx},
    {"gr1.CBAR.TYPE", cbar::kType},
    {"gr1.CBA2R.VA64", cba2r::kVa64},
    {"gr1.CBA2R.MONC", cba2r::kMonc},
    {"bank.SCTLR.M", sctlr::kM},
    {"bank.SCTLR.CFRE", sctlr::kCfre},
    {"bank.SCTLR.CFIE", sctlr::kCfie},
    {"bank.SCTLR.CFCFG", sctlr::kCfcfg},
    {"bank.SCTLR.HUPCF", sctlr::kHupcf},
    {"bank.SCTLR.PTW", sctlr::kPtw},
    {"bank.ACTLR.CMTLB", actlr::kCmtlb},
    {"bank.ACTLR.CPRE", actlr::kCpre},
    {"bank.TCR.T0SZ", tcr::kT0sz},
    {"bank.TCR.SL0", tcr::kSl0},
    {"bank.TCR.IRGN0", tcr::kIrgn},
    {"bank.TCR.ORGN0", tcr::kOrgn},
    {"bank.TCR.SH0", tcr::kSh},
    {"bank.TCR.TG0", tcr::kTg0},
    {"bank.TCR.PASize", tcr::kPaSize},
    {"bank.FSR.EF", fsr::kEf},
    {"bank.FSR.FORMAT", fsr::kFormat},
    {"bank.FSR.SS", fsr::kSs},
    {"bank.FSR.MULTI", fsr::kMulti},
    {"bank.FSYNR0.NESTED", fsynr0::kNested},
    {"bank.FSYNR0.S1PTWF", fsynr0::kS1ptwf},
    {"bank.FSYNR0.WNR", fsynr0::kWnr},
    {"bank.FSYNR0.PNU", fsynr0::kPnu},
    {"bank.FSYNR0.IND", fsynr0::kInd},
    {"bank.FSYNR0.S1CBNDX", fsynr0::kS1cbndx},
    {"mc.SECURITY.OVERRIDE", mc::kSecurityOverrideEnable},
    {"mcch.SMMU_BYPASS_CONFIG.MODE", mc::kBypassMode},
    {"mcch.SMMU_BYPASS_CONFIG.LOCK", mc::kBypassLock},
};

struct NamedNumber {
  const char* name;
  uint64_t value;
};

// Offsets and values that the driver's headers hold a second time, for its own use.
constexpr NamedNumber kNumbers[] = {
    {"gr0.sCR0.offset", gr0::kSCR0},
    {"gr0.sCR2.offset", gr0::kSCR2},
    {"gr0.sACR.offset", gr0::kSACR},
    {"gr0.IDR0.offset", gr0::kIDR0},
    {"gr0.sGFAR.offset", gr0::kGFAR},
    {"gr0.sGFSR.offset", gr0::kGFSR},
    {"gr0.sGFSRRESTORE.offset", gr0::kGFSRRESTORE},
    {"gr0.sGFSYNR0.offset", gr0::kGFSYNR0},
    {"gr0.sGFSYNR1.offset", gr0::kGFSYNR1},
    {"gr0.sGFSYNR2.offset", gr0::kGFSYNR2},
    {"gr0.TLBIVMID.offset", gr0::kTLBIVMID},
    {"gr0.TLBIALLNSNH.offset", gr0::kTLBIALLNSNH},
    {"gr0.TLBIALLH.offset", gr0::kTLBIALLH},
    {"gr0.sTLBGSYNC.offset", gr0::kTLBGSYNC},
    {"gr0.sTLBGSTATUS.offset", gr0::kTLBGSTATUS},
    {"gr0.TLBIVMIDS1.offset", gr0::kTLBIVMIDS1},
    {"gr0.SMR.offset", gr0::kSMR},
    {"gr0.S2CR.offset", gr0::kS2CR},
    {"gr1.CBAR.offset", gr1::kCBAR - kGr1Base},
    {"gr1.CBFRSYNRA.offset", gr1::kCBFRSYNRA - kGr1Base},
    {"gr1.CBA2R.offset", gr1::kCBA2R - kGr1Base},
    {"gid.ITCTRL.offset", gid::kITCTRL - kGidBase},
    {"bank.SCTLR.offset", cb::kSCTLR},
    {"bank.ACTLR.offset", cb::kACTLR},
    {"bank.RESUME.offset", cb::kRESUME},
    {"bank.TCR2.offset", cb::kTCR2},
    {"bank.TTBR0.offset", cb::kTTBR0},
    {"bank.TTBR1.offset", cb::kTTBR1},
    {"bank.TCR.offset", cb::kTCR},
    {"bank.CONTEXTIDR.offset", cb::kCONTEXTIDR},
    {"bank.MAIR0.offset", cb::kMAIR0},
    {"bank.MAIR1.offset", cb::kMAIR1},
    {"bank.FSR.offset", cb::kFSR},
    {"bank.FSRRESTORE.offset", cb::kFSRRESTORE},
    {"bank.FAR.offset", cb::kFAR},
    {"bank.FSYNR0.offset", cb::kFSYNR0},
    {"bank.FSYNR1.offset", cb::kFSYNR1},
    {"bank.TLBSYNC.offset", cb::kTLBSYNC},
    {"bank.TLBSTATUS.offset", cb::kTLBSTATUS},
    {"mcch.SMMU_BYPASS_CONFIG.offset", mc::kBypassConfig},
    {"gr0.sCR0.reset", scr0::kReset},
    {"gr1.CBAR.reset", cbar::kReset},
    {"bank.SCTLR.reset", sctlr::kReset},
    {"bank.TCR2.reset", tcr::kTcr2Reset},
    {"gr0.sGFSR.writable", gfsr::kAll},
    {"bank.FSR.writable", fsr::kFaults},
    {"bank.TCR.stage2_one", tcr::kStage2Res1},
    {"gr0.S2CR.TYPE=translate", s2cr::kTypeTranslate},
    {"gr0.S2CR.TYPE=bypass", s2cr::kTypeBypass},
    {"gr0.S2CR.TYPE=fault", s2cr::kTypeFault},
    {"gr1.CBAR.TYPE=stage2", cbar::kTypeStage2},
    {"gr1.CBAR.TYPE=stage1", cbar::kTypeStage1},
    {"gr1.CBAR.TYPE=nested", cbar::kTypeNested},
    {"bank.RESUME.TNR=terminate", kResumeTerminate},
    {"mc.client_count", mc::kClientCount},
    {"mc.passthrough_sid", mc::kPassthroughSid},
};

}  // namespace

Witness DriverSays() {
  Witness out;
  for (uint32_t i = 0; i < RegisterCount(); ++i) AddRow(*RegisterAt(i), &out);
  for (const NamedField& f : kFields) {
    out[std::string(f.name) + ".high"] = f.field.high;
    out[std::string(f.name) + ".low"] = f.field.low;
  }
  // A number that the table has as well must be the same there; if not, it stays in the list under
  // a name that no other witness has.
  for (const NamedNumber& n : kNumbers) {
    const auto [entry, added] = out.emplace(n.name, n.value);
    if (!added && entry->second != n.value) out[std::string(n.name) + " (header)"] = n.value;
  }
  AddClients(&out);
  return out;
}

}  // namespace sidewall
