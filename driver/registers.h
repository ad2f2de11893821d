// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The driver's own table of offsets and fields of an SMMUv2 (MMU-500, 64 KiB pages), written like
// the manual: high bit, low bit. The model holds another one, typed separately; a test compares
// the two by name.
//
//     uint32_t entry = s2cr::kType.Of(s2cr::kTypeTranslate) | s2cr::kCbndx.Of(bank.value);
#ifndef SIDEWALL_DRIVER_REGISTERS_H_
#define SIDEWALL_DRIVER_REGISTERS_H_

#include "driver/types.h"

namespace SIDEWALL_NS {

inline constexpr uint32_t kSmmuPageSize = 0x10000;
inline constexpr uint32_t kGr0Base = 0x00000;
inline constexpr uint32_t kGr1Base = 0x10000;
inline constexpr uint32_t kGidBase = 0x20000;
inline constexpr uint32_t kPmuBase = 0x30000;
inline constexpr uint32_t kSsdBase = 0x40000;
inline constexpr uint32_t kMaxBanks = 128;
inline constexpr uint32_t kMaxEntries = 128;

// Global register space 0.
namespace gr0 {
inline constexpr uint32_t kSCR0 = 0x000;
inline constexpr uint32_t kSCR2 = 0x008;
inline constexpr uint32_t kSACR = 0x010;
inline constexpr uint32_t kIDR0 = 0x020;
inline constexpr uint32_t kGFAR = 0x040;
inline constexpr uint32_t kGFSR = 0x048;
inline constexpr uint32_t kGFSRRESTORE = 0x04c;
inline constexpr uint32_t kGFSYNR0 = 0x050;
inline constexpr uint32_t kGFSYNR1 = 0x054;
inline constexpr uint32_t kGFSYNR2 = 0x058;
inline constexpr uint32_t kTLBIVMID = 0x064;
inline constexpr uint32_t kTLBIALLNSNH = 0x068;
inline constexpr uint32_t kTLBIALLH = 0x06c;
inline constexpr uint32_t kTLBGSYNC = 0x070;
inline constexpr uint32_t kTLBGSTATUS = 0x074;
inline constexpr uint32_t kTLBIVMIDS1 = 0x0b8;
inline constexpr uint32_t kSMR = 0x800;
inline constexpr uint32_t kS2CR = 0xc00;
static_assert(kSMR + 4 * kMaxEntries <= 0xa00 && kS2CR + 4 * kMaxEntries <= 0xe00);
}  // namespace gr0

namespace gr1 {
inline constexpr uint32_t kCBAR = kGr1Base + 0x000;
inline constexpr uint32_t kCBFRSYNRA = kGr1Base + 0x400;
inline constexpr uint32_t kCBA2R = kGr1Base + 0x800;
static_assert(kCBAR + 4 * kMaxBanks <= kCBFRSYNRA && kCBFRSYNRA + 4 * kMaxBanks <= kCBA2R);
}  // namespace gr1

// Implementation defined registers of an MMU-500.
namespace gid {
inline constexpr uint32_t kITCTRL = kGidBase + 0x000;
}  // namespace gid

// Performance monitors, of which each word is for 32 counters.
namespace pmu {
inline constexpr uint32_t kPMCNTENCLR = kPmuBase + 0xc20;
inline constexpr uint32_t kPMINTENCLR = kPmuBase + 0xc60;
inline constexpr uint32_t kPMOVSCLR = kPmuBase + 0xc80;
inline constexpr uint32_t kPMCR = kPmuBase + 0xe04;
inline constexpr uint32_t kWords = 8;
}  // namespace pmu

// Context bank registers, offset in the bank's page.
namespace cb {
inline constexpr uint32_t kSCTLR = 0x000;
inline constexpr uint32_t kACTLR = 0x004;
inline constexpr uint32_t kRESUME = 0x008;
inline constexpr uint32_t kTCR2 = 0x010;
inline constexpr uint32_t kTTBR0 = 0x020;
inline constexpr uint32_t kTTBR1 = 0x028;
inline constexpr uint32_t kTCR = 0x030;
inline constexpr uint32_t kCONTEXTIDR = 0x034;
inline constexpr uint32_t kMAIR0 = 0x038;
inline constexpr uint32_t kMAIR1 = 0x03c;
inline constexpr uint32_t kFSR = 0x058;
inline constexpr uint32_t kFSRRESTORE = 0x05c;
inline constexpr uint32_t kFAR = 0x060;
inline constexpr uint32_t kFSYNR0 = 0x068;
inline constexpr uint32_t kFSYNR1 = 0x06c;
inline constexpr uint32_t kTLBSYNC = 0x7f0;
inline constexpr uint32_t kTLBSTATUS = 0x7f4;
}  // namespace cb

constexpr uint32_t SmrOffset(EntryIndex entry) { return gr0::kSMR + 4 * entry.value; }
constexpr uint32_t S2crOffset(EntryIndex entry) { return gr0::kS2CR + 4 * entry.value; }
constexpr uint32_t CbarOffset(ContextBank bank) { return gr1::kCBAR + 4 * bank.value; }
constexpr uint32_t Cba2rOffset(ContextBank bank) { return gr1::kCBA2R + 4 * bank.value; }
constexpr uint32_t CbfrsynraOffset(ContextBank bank) { return gr1::kCBFRSYNRA + 4 * bank.value; }

// With N pages of global space (NUMPAGENDXB) the banks begin at page N.
constexpr uint32_t BankOffset(uint32_t global_pages, ContextBank bank) {
  return (global_pages + bank.value) * kSmmuPageSize;
}

namespace scr0 {
inline constexpr Field kClientPd{0, 0};
inline constexpr Field kGfre{1, 1};
inline constexpr Field kGfie{2, 2};
inline constexpr Field kExidEnable{3, 3};
inline constexpr Field kGcfgfre{4, 4};
inline constexpr Field kGcfgfie{5, 5};
inline constexpr Field kStalld{8, 8};
inline constexpr Field kGse{9, 9};
inline constexpr Field kUsfcfg{10, 10};
inline constexpr Field kVmidpne{11, 11};
inline constexpr Field kPtm{12, 12};
inline constexpr Field kSmcfcfg{21, 21};
inline constexpr Field kReserved{29, 28};
inline constexpr Field kVmid16En{31, 31};
// What EL2 keeps in hardware for ever: clients are on, unmatched and doubly matched streams fault
// with an error and an interrupt, broadcast invalidation of the CPUs is ignored.
inline constexpr uint32_t kFloor =
    kGfre.mask() | kGfie.mask() | kUsfcfg.mask() | kVmidpne.mask() | kPtm.mask() | kSmcfcfg.mask();
static_assert(kFloor == 0x00201c06);
// What an MMU-500 with the advertised IDs reads as zero.
inline constexpr uint32_t kRaz = kExidEnable.mask() | kGcfgfre.mask() | kGcfgfie.mask() |
                                 kStalld.mask() | kGse.mask() | kReserved.mask() | kVmid16En.mask();
inline constexpr uint32_t kReset = 0x00200001;
}  // namespace scr0

// MMU-500. CACHE_LOCK (26) is clear, because it would lock ACTLR; the walk caches stay on.
namespace sacr {
inline constexpr Field kCacheLock{26, 26};
inline constexpr uint32_t kFixed = 0x0000001c;
static_assert((kFixed & kCacheLock.mask()) == 0);
}  // namespace sacr

namespace idr0 {
inline constexpr Field kNumsmrg{7, 0};
inline constexpr Field kExids{8, 8};
inline constexpr Field kPtfs{25, 24};
inline constexpr Field kAtosns{26, 26};
inline constexpr Field kSms{27, 27};
inline constexpr Field kNts{28, 28};
inline constexpr Field kS2ts{29, 29};
inline constexpr Field kS1ts{30, 30};
inline constexpr Field kSes{31, 31};
inline constexpr uint32_t kPtfsNoAarch32 = 2;
}  // namespace idr0

namespace idr1 {
inline constexpr Field kNumcb{7, 0};
inline constexpr Field kNums2cb{23, 16};
inline constexpr Field kNumpagendxb{30, 28};
inline constexpr Field kPageSize{31, 31};
}  // namespace idr1

namespace idr2 {
inline constexpr Field kIas{3, 0};
inline constexpr Field kOas{7, 4};
inline constexpr Field kPtfs4k{12, 12};
inline constexpr Field kVmid16s{15, 15};
inline constexpr uint32_t kSize44 = 4;
inline constexpr uint32_t kSize48 = 5;
}  // namespace idr2

namespace gfsr {
// ICF, USF, SMCF, UCBF, UCIF, CAF, EF, PF, UUT, MULTI: all are write-1-to-clear.
inline constexpr uint32_t kAll = 0x800001ff;
}  // namespace gfsr

namespace smr {
inline constexpr Field kId{14, 0};
inline constexpr Field kMask{30, 16};
inline constexpr Field kValid{31, 31};
inline constexpr uint32_t kImplemented = kId.mask() | kMask.mask() | kValid.mask();
}  // namespace smr

namespace s2cr {
inline constexpr Field kCbndx{7, 0};
inline constexpr Field kExidValid{10, 10};
inline constexpr Field kType{17, 16};
inline constexpr Field kPrivcfg{25, 24};
inline constexpr uint32_t kTypeTranslate = 0;
inline constexpr uint32_t kTypeBypass = 1;
inline constexpr uint32_t kTypeFault = 2;
// All fields but EXIDVALID (EXIDS is not advertised) and bits 31:30.
inline constexpr uint32_t kImplemented = 0x3ffffbff;
inline constexpr uint32_t kFault = 0x00020000;
static_assert(kType.Of(kTypeFault) == kFault);
}  // namespace s2cr

namespace cbar {
inline constexpr Field kVmid{7, 0};
inline constexpr Field kCbndx{15, 8};
inline constexpr Field kType{17, 16};
inline constexpr uint32_t kTypeStage2 = 0;
inline constexpr uint32_t kTypeStage1 = 1;
inline constexpr uint32_t kTypeNested = 3;
inline constexpr uint32_t kImplemented = 0x00ffffff;  // IRPTNDX is read-only zero
inline constexpr uint32_t kReset = 0x00020000;
}  // namespace cbar

namespace cba2r {
inline constexpr Field kVa64{0, 0};
inline constexpr Field kMonc{1, 1};
inline constexpr uint32_t kImplemented = kVa64.mask() | kMonc.mask();
}  // namespace cba2r

namespace sctlr {
inline constexpr Field kM{0, 0};
inline constexpr Field kCfre{5, 5};
inline constexpr Field kCfie{6, 6};
inline constexpr Field kCfcfg{7, 7};
inline constexpr Field kHupcf{8, 8};
inline constexpr Field kPtw{13, 13};
inline constexpr uint32_t kReset = 0x00000100;
// Stage 1, non-secure: M to UWXN, ASIDPNE, TRANSIENT, MemAttr, MTCFG, SHCFG, RACFG, WACFG, UCI.
inline constexpr uint32_t kStage1 = 0x4fdfd7ff;
static_assert((kStage1 & kPtw.mask()) == 0);
// EL2's stage-2 banks: on, terminate with an error, go on after a fault, and no stage-1 table in
// device memory (its read could have side effects).
inline constexpr uint32_t kStage2 = kM.mask() | kCfre.mask() | kHupcf.mask() | kPtw.mask();
static_assert((kStage2 & (kCfcfg.mask() | kCfie.mask())) == 0);
}  // namespace sctlr

namespace actlr {
inline constexpr Field kCmtlb{0, 0};
inline constexpr Field kCpre{1, 1};
inline constexpr uint32_t kFixed = 0;
}  // namespace actlr

namespace tcr {
inline constexpr uint32_t kStage1 = 0xffffffbf;  // bit 6 is reserved
inline constexpr uint32_t kTcr2Stage1 = 0x4003c077;
inline constexpr uint32_t kTcr2Reset = 0x00000060;
// Stage 2, AArch64.
inline constexpr Field kT0sz{5, 0};
inline constexpr Field kSl0{7, 6};
inline constexpr Field kIrgn{9, 8};
inline constexpr Field kOrgn{11, 10};
inline constexpr Field kSh{13, 12};
inline constexpr Field kTg0{15, 14};
inline constexpr Field kPaSize{18, 16};
inline constexpr uint32_t kStage2Res1 = 0x80000000;
inline constexpr uint32_t kSl0Level0 = 2;  // with a 4 KiB granule
inline constexpr uint32_t kShOuter = 2;
}  // namespace tcr

namespace fsr {
inline constexpr Field kEf{4, 4};
inline constexpr Field kFormat{10, 9};
inline constexpr Field kSs{30, 30};
inline constexpr Field kMulti{31, 31};
// TF, AFF, PF, EF, TLBMCF, TLBLKF, ASF, UUT and MULTI.
inline constexpr uint32_t kFaults = 0x800001fe;
}  // namespace fsr

namespace fsynr0 {
inline constexpr Field kPlvl{1, 0};
inline constexpr Field kNested{2, 2};
inline constexpr Field kS1ptwf{3, 3};
inline constexpr Field kWnr{4, 4};
inline constexpr Field kPnu{5, 5};
inline constexpr Field kInd{6, 6};
inline constexpr Field kS1cbndx{23, 16};
}  // namespace fsynr0

inline constexpr uint32_t kStatusActive = 1;     // TLBSTATUS.SACTIVE, sTLBGSTATUS.GSACTIVE
inline constexpr uint32_t kResumeTerminate = 1;  // RESUME.TnR

// Memory controller: the window of SID registers, and the SMMU bypass configuration that lies in
// the broadcast window.
namespace mc {
inline constexpr uint32_t kClientCount = 0x200;
inline constexpr uint32_t kOverrideStride = 8;
inline constexpr uint32_t kSecurityOffset = 4;
inline constexpr Field kSecurityOverrideEnable{8, 8};
inline constexpr uint32_t kBypassConfig = 0x1820;
inline constexpr Field kBypassMode{1, 0};
inline constexpr Field kBypassLock{31, 31};
inline constexpr uint32_t kBypassPassthroughOnly = 2;
inline constexpr uint32_t kBypassNone = 3;
inline constexpr uint32_t kPassthroughSid = 0x7f;
inline constexpr uint32_t kQuarantineSid = 0x7e;
}  // namespace mc

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_REGISTERS_H_
