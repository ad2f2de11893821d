// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/register_table.h"

#include "driver/registers.h"

namespace SIDEWALL_NS {
namespace {

using Access = RegisterAccess;
using Class = RegisterClass;
using Id = RegisterId;
using Mirror = RegisterMirror;
using Page = RegisterPage;

// What a stage-1 bank has of FSYNR0: PLVL, WNR, PNU, IND, NSATTR, PTWF, AFR.
constexpr uint64_t kOwnFsynr0 = 0x00000d73;

// A register that the specification names and the host does not get.
constexpr RegisterRow Hidden(const char* name, Page page, uint16_t offset, uint16_t count,
                             uint8_t width, Access access, Mirror mirror) {
  RegisterRow row{};
  for (uint32_t i = 0; i + 1 < sizeof(row.name) && name[i] != 0; ++i) row.name[i] = name[i];
  row.id = Id::kRazWi;
  row.page = page;
  row.offset = offset;
  row.stride = width;
  row.count = count;
  row.width = width;
  row.access = access;
  row.policy = Class::kRazWi;
  row.mirror = mirror;
  return row;
}

// By page, then by offset.
constexpr RegisterRow kRows[] = {
    // Global register space 0.
    {"sCR0", Id::kSCR0, Page::kGr0, 0x000, 4, 1, 4, Access::kReadWrite, Class::kVirtual,
     Mirror::kAbsorbed, ~scr0::kRaz & 0xffffffff},
    Hidden("SCR1", Page::kGr0, 0x004, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    {"sCR2", Id::kSCR2, Page::kGr0, 0x008, 4, 1, 4, Access::kReadWrite, Class::kVirtual,
     Mirror::kAbsorbed, 0xff},
    {"sACR", Id::kSACR, Page::kGr0, 0x010, 4, 1, 4, Access::kReadWrite, Class::kFloor,
     Mirror::kAbsorbed, 0},
    {"IDR0", Id::kIdr, Page::kGr0, 0x020, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"IDR1", Id::kIdr, Page::kGr0, 0x024, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"IDR2", Id::kIdr, Page::kGr0, 0x028, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"IDR3", Id::kIdr, Page::kGr0, 0x02c, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"IDR4", Id::kIdr, Page::kGr0, 0x030, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"IDR5", Id::kIdr, Page::kGr0, 0x034, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"IDR6", Id::kIdr, Page::kGr0, 0x038, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"IDR7", Id::kIdr, Page::kGr0, 0x03c, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"sGFAR", Id::kGFAR, Page::kGr0, 0x040, 8, 1, 8, Access::kReadWrite, Class::kHandler,
     Mirror::kPerInstance, 0},
    {"sGFSR", Id::kGFSR, Page::kGr0, 0x048, 4, 1, 4, Access::kWrite1Clear, Class::kHandler,
     Mirror::kPerInstance, gfsr::kAll},
    {"sGFSRRESTORE", Id::kGFSRRESTORE, Page::kGr0, 0x04c, 4, 1, 4, Access::kWriteOnly,
     Class::kHandler, Mirror::kPerInstance, 0},
    {"sGFSYNR0", Id::kGFSYNR, Page::kGr0, 0x050, 4, 1, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kPerInstance, 0},
    {"sGFSYNR1", Id::kGFSYNR, Page::kGr0, 0x054, 4, 1, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kPerInstance, 0},
    {"sGFSYNR2", Id::kGFSYNR, Page::kGr0, 0x058, 4, 1, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kPerInstance, 0},
    {"STLBIALL", Id::kTlbiForeign, Page::kGr0, 0x060, 4, 1, 4, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"TLBIVMID", Id::kTlbiVmid, Page::kGr0, 0x064, 4, 1, 4, Access::kWriteOnly, Class::kInvalidate,
     Mirror::kAbsorbed, 0},
    {"TLBIALLNSNH", Id::kTlbiAllNsnh, Page::kGr0, 0x068, 4, 1, 4, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"TLBIALLH", Id::kTlbiForeign, Page::kGr0, 0x06c, 4, 1, 4, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"sTLBGSYNC", Id::kTlbGSync, Page::kGr0, 0x070, 4, 1, 4, Access::kWriteOnly, Class::kInvalidate,
     Mirror::kAbsorbed, 0},
    {"sTLBGSTATUS", Id::kTlbGStatus, Page::kGr0, 0x074, 4, 1, 4, Access::kReadOnly, Class::kHandler,
     Mirror::kRealStatus, 0},
    {"TLBIVAH", Id::kTlbiForeign, Page::kGr0, 0x078, 4, 1, 4, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    Hidden("DBGRPTRTBU", Page::kGr0, 0x080, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("DBGRDATATBU", Page::kGr0, 0x084, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("DBGRPTRTCU", Page::kGr0, 0x088, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("DBGRDATATCU", Page::kGr0, 0x08c, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    {"STLBIVALM", Id::kTlbiForeign, Page::kGr0, 0x0a0, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"STLBIVAM", Id::kTlbiForeign, Page::kGr0, 0x0a8, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"TLBIVALH64", Id::kTlbiForeign, Page::kGr0, 0x0b0, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"TLBIVMIDS1", Id::kTlbiVmidS1, Page::kGr0, 0x0b8, 4, 1, 4, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"STLBIALLM", Id::kTlbiForeign, Page::kGr0, 0x0bc, 4, 1, 4, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"TLBIVAH64", Id::kTlbiForeign, Page::kGr0, 0x0c0, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    Hidden("GATS1UR", Page::kGr0, 0x100, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("GATS1UW", Page::kGr0, 0x108, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("GATS1PR", Page::kGr0, 0x110, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("GATS1PW", Page::kGr0, 0x118, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("GATS12UR", Page::kGr0, 0x120, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("GATS12UW", Page::kGr0, 0x128, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("GATS12PR", Page::kGr0, 0x130, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("GATS12PW", Page::kGr0, 0x138, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("GPAR", Page::kGr0, 0x180, 1, 8, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("GATSR", Page::kGr0, 0x188, 1, 4, Access::kReadOnly, Mirror::kAbsorbed),
    Hidden("NSCR0", Page::kGr0, 0x400, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("NSALIAS0", Page::kGr0, 0x404, 3, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("NSACR", Page::kGr0, 0x410, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("NSALIAS1", Page::kGr0, 0x414, 11, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("NSGFAR", Page::kGr0, 0x440, 1, 8, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("NSGFSR", Page::kGr0, 0x448, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("NSALIAS2", Page::kGr0, 0x44c, 109, 4, Access::kReadWrite, Mirror::kAbsorbed),
    {"SMR", Id::kSMR, Page::kGr0, 0x800, 4, 128, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kAbsorbed, smr::kImplemented},
    {"S2CR", Id::kS2CR, Page::kGr0, 0xc00, 4, 128, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kAbsorbed, s2cr::kImplemented},
    {"PIDR4", Id::kPeripheralId, Page::kGr0, 0xfd0, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"PIDR5", Id::kPeripheralId, Page::kGr0, 0xfd4, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"PIDR6", Id::kPeripheralId, Page::kGr0, 0xfd8, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"PIDR7", Id::kPeripheralId, Page::kGr0, 0xfdc, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"PIDR0", Id::kPeripheralId, Page::kGr0, 0xfe0, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"PIDR1", Id::kPeripheralId, Page::kGr0, 0xfe4, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"PIDR2", Id::kPeripheralId, Page::kGr0, 0xfe8, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"PIDR3", Id::kPeripheralId, Page::kGr0, 0xfec, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"CIDR0", Id::kPeripheralId, Page::kGr0, 0xff0, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"CIDR1", Id::kPeripheralId, Page::kGr0, 0xff4, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"CIDR2", Id::kPeripheralId, Page::kGr0, 0xff8, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    {"CIDR3", Id::kPeripheralId, Page::kGr0, 0xffc, 4, 1, 4, Access::kReadOnly, Class::kVirtual,
     Mirror::kAbsorbed, 0},
    // Global register space 1.
    {"CBAR", Id::kCBAR, Page::kGr1, 0x000, 4, 128, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kAbsorbed, cbar::kImplemented},
    {"CBFRSYNRA", Id::kCBFRSYNRA, Page::kGr1, 0x400, 4, 128, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kPerInstance, 0x7fff7fff},
    {"CBA2R", Id::kCBA2R, Page::kGr1, 0x800, 4, 128, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kAbsorbed, cba2r::kImplemented},
    // Implementation defined: integration test, quality of service, power.
    Hidden("ITCTRL", Page::kGid, 0x000, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("ITIP", Page::kGid, 0x004, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("ITOP_GLBL", Page::kGid, 0x008, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("ITOP_PERF_INDEX", Page::kGid, 0x00c, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("ITOP_CXT", Page::kGid, 0x010, 60, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("TBUQOS", Page::kGid, 0x100, 64, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PER", Page::kGid, 0x200, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("TBU_PWR_STATUS", Page::kGid, 0x204, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    // Performance monitors: counters by StreamID would be a side channel.
    Hidden("PMEVCNTR", Page::kPmu, 0x000, 256, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMEVTYPER", Page::kPmu, 0x400, 256, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCGCR", Page::kPmu, 0x800, 128, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCGSMR", Page::kPmu, 0xa00, 128, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCNTENSET", Page::kPmu, 0xc00, 8, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCNTENCLR", Page::kPmu, 0xc20, 8, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMINTENSET", Page::kPmu, 0xc40, 8, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMINTENCLR", Page::kPmu, 0xc60, 8, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMOVSCLR", Page::kPmu, 0xc80, 8, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMOVSSET", Page::kPmu, 0xcc0, 8, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCFGR", Page::kPmu, 0xe00, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCR", Page::kPmu, 0xe04, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCEID", Page::kPmu, 0xe20, 2, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMAUTHSTATUS", Page::kPmu, 0xfb8, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMDEVTYPE", Page::kPmu, 0xfcc, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    // Security state determination: secure only.
    Hidden("SSDR", Page::kSsd, 0x000, 16384, 4, Access::kReadWrite, Mirror::kAbsorbed),
    // Pages where nothing is implemented, EXSMR and EXS2CR among them.
    Hidden("RESERVED", Page::kReserved, 0x000, 16384, 4, Access::kReadWrite, Mirror::kAbsorbed),
    // Context banks.
    {"SCTLR", Id::kSCTLR, Page::kBank, 0x000, 4, 1, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kAbsorbed, sctlr::kStage1},
    {"ACTLR", Id::kACTLR, Page::kBank, 0x004, 4, 1, 4, Access::kReadWrite, Class::kFloor,
     Mirror::kAbsorbed, 0},
    {"RESUME", Id::kRESUME, Page::kBank, 0x008, 4, 1, 4, Access::kWriteOnly, Class::kHandler,
     Mirror::kPerInstance, 0},
    {"TCR2", Id::kTCR2, Page::kBank, 0x010, 4, 1, 4, Access::kReadWrite, Class::kShadow,
     Mirror::kAbsorbed, tcr::kTcr2Stage1},
    {"TTBR0", Id::kTTBR0, Page::kBank, 0x020, 8, 1, 8, Access::kReadWrite, Class::kShadow,
     Mirror::kAbsorbed, ~uint64_t{0}},
    {"TTBR1", Id::kTTBR1, Page::kBank, 0x028, 8, 1, 8, Access::kReadWrite, Class::kShadow,
     Mirror::kAbsorbed, ~uint64_t{0}},
    {"TCR", Id::kTCR, Page::kBank, 0x030, 4, 1, 4, Access::kReadWrite, Class::kShadow,
     Mirror::kAbsorbed, tcr::kStage1},
    {"CONTEXTIDR", Id::kCONTEXTIDR, Page::kBank, 0x034, 4, 1, 4, Access::kReadWrite, Class::kShadow,
     Mirror::kAbsorbed, 0xffffffff},
    {"MAIR0", Id::kMAIR0, Page::kBank, 0x038, 4, 1, 4, Access::kReadWrite, Class::kShadow,
     Mirror::kAbsorbed, 0xffffffff},
    {"MAIR1", Id::kMAIR1, Page::kBank, 0x03c, 4, 1, 4, Access::kReadWrite, Class::kShadow,
     Mirror::kAbsorbed, 0xffffffff},
    Hidden("PAR", Page::kBank, 0x050, 1, 8, Access::kReadWrite, Mirror::kAbsorbed),
    {"FSR", Id::kFSR, Page::kBank, 0x058, 4, 1, 4, Access::kWrite1Clear, Class::kHandler,
     Mirror::kPerInstance, fsr::kFaults},
    {"FSRRESTORE", Id::kFSRRESTORE, Page::kBank, 0x05c, 4, 1, 4, Access::kWriteOnly,
     Class::kHandler, Mirror::kPerInstance, fsr::kFaults},
    {"FAR", Id::kFAR, Page::kBank, 0x060, 8, 1, 8, Access::kReadWrite, Class::kHandler,
     Mirror::kPerInstance, ~uint64_t{0}},
    {"FSYNR0", Id::kFSYNR0, Page::kBank, 0x068, 4, 1, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kPerInstance, kOwnFsynr0},
    {"FSYNR1", Id::kFSYNR1, Page::kBank, 0x06c, 4, 1, 4, Access::kReadWrite, Class::kHandler,
     Mirror::kPerInstance, 0xffffffff},
    Hidden("IPAFAR", Page::kBank, 0x070, 1, 8, Access::kReadWrite, Mirror::kPerInstance),
    {"TLBIVA", Id::kTlbiBank64, Page::kBank, 0x600, 8, 1, 8, Access::kWriteOnly, Class::kInvalidate,
     Mirror::kAbsorbed, ~uint64_t{0}},
    {"TLBIVAA", Id::kTlbiBank64, Page::kBank, 0x608, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, ~uint64_t{0}},
    {"TLBIASID", Id::kTlbiBank32, Page::kBank, 0x610, 4, 1, 4, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0xffff},
    {"TLBIALL", Id::kTlbiBank32, Page::kBank, 0x618, 4, 1, 4, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"TLBIVAL", Id::kTlbiBank64, Page::kBank, 0x620, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, ~uint64_t{0}},
    {"TLBIVAAL", Id::kTlbiBank64, Page::kBank, 0x628, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, ~uint64_t{0}},
    {"TLBIIPAS2", Id::kTlbiStage2, Page::kBank, 0x630, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"TLBIIPAS2L", Id::kTlbiStage2, Page::kBank, 0x638, 8, 1, 8, Access::kWriteOnly,
     Class::kInvalidate, Mirror::kAbsorbed, 0},
    {"TLBSYNC", Id::kTlbSync, Page::kBank, 0x7f0, 4, 1, 4, Access::kWriteOnly, Class::kInvalidate,
     Mirror::kAbsorbed, 0},
    {"TLBSTATUS", Id::kTlbStatus, Page::kBank, 0x7f4, 4, 1, 4, Access::kReadOnly, Class::kHandler,
     Mirror::kRealStatus, 0},
    Hidden("ATS1PR", Page::kBank, 0x800, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("ATS1PW", Page::kBank, 0x808, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("ATS1UR", Page::kBank, 0x810, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("ATS1UW", Page::kBank, 0x818, 1, 8, Access::kWriteOnly, Mirror::kAbsorbed),
    Hidden("ATSR", Page::kBank, 0x8f0, 1, 4, Access::kReadOnly, Mirror::kAbsorbed),
    Hidden("IMPDEF", Page::kBank, 0xd00, 64, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMEVCNTR", Page::kBank, 0xe00, 32, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMEVTYPER", Page::kBank, 0xe80, 32, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCFGR", Page::kBank, 0xf00, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCR", Page::kBank, 0xf04, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCEID", Page::kBank, 0xf20, 2, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCNTENSET", Page::kBank, 0xf40, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMCNTENCLR", Page::kBank, 0xf44, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMINTENSET", Page::kBank, 0xf48, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMINTENCLR", Page::kBank, 0xf4c, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMOVSCLR", Page::kBank, 0xf50, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMOVSSET", Page::kBank, 0xf58, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    Hidden("PMAUTHSTATUS", Page::kBank, 0xfb8, 1, 4, Access::kReadWrite, Mirror::kAbsorbed),
    // The memory controller's window of SID registers, by client id.
    {"OVERRIDE", Id::kMcOverride, Page::kMcSid, 0x000, 8, 512, 4, Access::kReadWrite,
     Class::kHandler, Mirror::kAbsorbed, 0xff},
    {"SECURITY", Id::kMcSecurity, Page::kMcSid, 0x004, 8, 512, 4, Access::kReadWrite,
     Class::kHandler, Mirror::kAbsorbed, 0},
};

constexpr uint32_t kRowCount = sizeof(kRows) / sizeof(kRows[0]);
constexpr uint8_t kNoRow = 0xff;
static_assert(kRowCount < kNoRow);

constexpr uint32_t End(const RegisterRow& row) {
  return row.offset + (row.count - 1u) * row.stride + row.width;
}

// Rows of a page are sorted and do not overlap; OVERRIDE and SECURITY interleave by design.
constexpr bool Sound() {
  for (uint32_t i = 0; i < kRowCount; ++i) {
    const RegisterRow& row = kRows[i];
    if (row.count == 0 || row.offset % row.width != 0 || row.stride < row.width) return false;
    if (row.width != 4 && row.width != 8) return false;
    if (i == 0) continue;
    const RegisterRow& before = kRows[i - 1];
    if (before.page > row.page) return false;
    if (before.page != row.page || row.page == Page::kMcSid) continue;
    if (End(before) > row.offset) return false;
  }
  return true;
}
static_assert(Sound());

// From a word of a page to its row. The registers of each page lie in its first 4 KiB.
struct PageIndex {
  static constexpr uint32_t kWords = 1024;
  uint8_t row[kWords];
};

constexpr PageIndex MakeIndex(Page page) {
  PageIndex index{};
  for (uint8_t& row : index.row) row = kNoRow;
  for (uint32_t i = 0; i < kRowCount; ++i) {
    if (kRows[i].page != page) continue;
    for (uint32_t word = kRows[i].offset / 4; word < End(kRows[i]) / 4; ++word) {
      index.row[word] = static_cast<uint8_t>(i);
    }
  }
  return index;
}

constexpr PageIndex kGr0Index = MakeIndex(Page::kGr0);
constexpr PageIndex kGr1Index = MakeIndex(Page::kGr1);
constexpr PageIndex kGidIndex = MakeIndex(Page::kGid);
constexpr PageIndex kPmuIndex = MakeIndex(Page::kPmu);
constexpr PageIndex kBankIndex = MakeIndex(Page::kBank);

// Pages that a few rows fill: no index, the rows are looked through.
const RegisterRow* ScanPage(Page page, uint32_t offset) {
  for (const RegisterRow& row : kRows) {
    if (row.page != page || offset < row.offset || offset >= End(row)) continue;
    if ((offset - row.offset) % row.stride < row.width) return &row;
  }
  return nullptr;
}

const RegisterRow* LookUp(const PageIndex& index, uint32_t offset) {
  if (offset / 4 >= PageIndex::kWords) return nullptr;
  const uint8_t row = index.row[offset / 4];
  return row == kNoRow ? nullptr : &kRows[row];
}

const RegisterRow* FindRow(Page page, uint32_t offset) {
  switch (page) {
    case Page::kGr0:
      return LookUp(kGr0Index, offset);
    case Page::kGr1:
      return LookUp(kGr1Index, offset);
    case Page::kGid:
      return LookUp(kGidIndex, offset);
    case Page::kPmu:
      return LookUp(kPmuIndex, offset);
    case Page::kBank:
      return LookUp(kBankIndex, offset);
    case Page::kSsd:
    case Page::kReserved:
    case Page::kMcSid:
      return ScanPage(page, offset);
  }
  return nullptr;
}

}  // namespace

uint32_t RegisterCount() { return kRowCount; }

const RegisterRow* RegisterAt(uint32_t row) { return row < kRowCount ? &kRows[row] : nullptr; }

const RegisterRow* FindRegister(RegisterPage page, uint32_t offset, uint32_t* index) {
  const RegisterRow* row = FindRow(page, offset);
  if (row == nullptr) return nullptr;
  *index = (offset - row->offset) / row->stride;
  return row;
}

}  // namespace SIDEWALL_NS
