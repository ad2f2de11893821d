// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The model's register table. Offsets and names are those of the SMMUv2 architecture and of
// MMU-500; the access kind says what the modelled hardware does, so registers of functions that
// it lacks (secure side, address translation operations) read as zero and ignore writes. Arrays are
// as long as the architecture lets them be; a board may have less of them. The view that a bank has
// of the performance monitors reads as zero until PMCGCR gives it a group, so here it is RAZ/WI.
#include "model/smmu_layout.h"

namespace sidewall::model {

namespace {

#define SIDEWALL_END {nullptr, 0, 0, nullptr}

constexpr const char* kStreamType[] = {"translate", "bypass", "fault", "reserved", nullptr};
constexpr const char* kContextType[] = {"stage2", "stage1", "stage1_fault", "nested", nullptr};
constexpr const char* kPrivilege[] = {"default", "dipan", "unprivileged", "privileged", nullptr};
constexpr const char* kGranule0[] = {"4k", "64k", "16k", nullptr};
constexpr const char* kGranule1[] = {"reserved", "16k", "4k", "64k", nullptr};
constexpr const char* kResume[] = {"retry", "terminate", nullptr};

constexpr FieldInfo kScr0[] = {{"CLIENTPD", 0, 0, nullptr},
                               {"GFRE", 1, 1, nullptr},
                               {"GFIE", 2, 2, nullptr},
                               {"EXIDENABLE", 3, 3, nullptr},
                               {"GCFGFRE", 4, 4, nullptr},
                               {"GCFGFIE", 5, 5, nullptr},
                               {"TRANSIENTCFG", 7, 6, nullptr},
                               {"STALLD", 8, 8, nullptr},
                               {"GSE", 9, 9, nullptr},
                               {"USFCFG", 10, 10, nullptr},
                               {"VMIDPNE", 11, 11, nullptr},
                               {"PTM", 12, 12, nullptr},
                               {"FB", 13, 13, nullptr},
                               {"BSU", 15, 14, nullptr},
                               {"MemAttr", 19, 16, nullptr},
                               {"MTCFG", 20, 20, nullptr},
                               {"SMCFCFG", 21, 21, nullptr},
                               {"SHCFG", 23, 22, nullptr},
                               {"RACFG", 25, 24, nullptr},
                               {"WACFG", 27, 26, nullptr},
                               {"HYPMODE", 30, 30, nullptr},
                               {"VMID16EN", 31, 31, nullptr},
                               SIDEWALL_END};
constexpr FieldInfo kScr2[] = {{"BPVMID", 7, 0, nullptr}, SIDEWALL_END};
constexpr FieldInfo kSacr[] = {{"S1WC2EN", 2, 2, nullptr},        {"S2WC2EN", 3, 3, nullptr},
                               {"IPA2PA_CEN", 4, 4, nullptr},     {"SMTNMB_TLBEN", 8, 8, nullptr},
                               {"MMUDISB_TLBEN", 9, 9, nullptr},  {"S2CRB_TLBEN", 10, 10, nullptr},
                               {"DP4K_TCUDISB", 24, 24, nullptr}, {"DP4K_TBUDISB", 25, 25, nullptr},
                               {"CACHE_LOCK", 26, 26, nullptr},   SIDEWALL_END};
constexpr FieldInfo kIdr0[] = {{"NUMSMRG", 7, 0, nullptr},  {"EXIDS", 8, 8, nullptr},
                               {"NUMSIDB", 12, 9, nullptr}, {"BTM", 13, 13, nullptr},
                               {"CTTW", 14, 14, nullptr},   {"NUMIRPT", 23, 16, nullptr},
                               {"PTFS", 25, 24, nullptr},   {"ATOSNS", 26, 26, nullptr},
                               {"SMS", 27, 27, nullptr},    {"NTS", 28, 28, nullptr},
                               {"S2TS", 29, 29, nullptr},   {"S1TS", 30, 30, nullptr},
                               {"SES", 31, 31, nullptr},    SIDEWALL_END};
constexpr FieldInfo kIdr1[] = {{"NUMCB", 7, 0, nullptr},      {"SMCD", 15, 15, nullptr},
                               {"NUMS2CB", 23, 16, nullptr},  {"NUMPAGENDXB", 30, 28, nullptr},
                               {"PAGESIZE", 31, 31, nullptr}, SIDEWALL_END};
constexpr FieldInfo kIdr2[] = {{"IAS", 3, 0, nullptr},          {"OAS", 7, 4, nullptr},
                               {"UBS", 11, 8, nullptr},         {"PTFSV8_4K", 12, 12, nullptr},
                               {"PTFSV8_16K", 13, 13, nullptr}, {"PTFSV8_64K", 14, 14, nullptr},
                               {"VMID16S", 15, 15, nullptr},    SIDEWALL_END};
constexpr FieldInfo kIdr7[] = {{"MINOR", 3, 0, nullptr}, {"MAJOR", 7, 4, nullptr}, SIDEWALL_END};
constexpr FieldInfo kGfsr[] = {{"ICF", 0, 0, nullptr},
                               {"USF", 1, 1, nullptr},
                               {"SMCF", 2, 2, nullptr},
                               {"UCBF", 3, 3, nullptr},
                               {"UCIF", 4, 4, nullptr},
                               {"CAF", 5, 5, nullptr},
                               {"EF", 6, 6, nullptr},
                               {"PF", 7, 7, nullptr},
                               {"UUT", 8, 8, nullptr},
                               {"MULTI", 31, 31, nullptr},
                               SIDEWALL_END};
constexpr FieldInfo kGfsynr0[] = {{"NESTED", 0, 0, nullptr},  {"WNR", 1, 1, nullptr},
                                  {"PNU", 2, 2, nullptr},     {"IND", 3, 3, nullptr},
                                  {"NSSTATE", 4, 4, nullptr}, {"NSATTR", 5, 5, nullptr},
                                  {"ATS", 6, 6, nullptr},     SIDEWALL_END};
constexpr FieldInfo kGfsynr1[] = {
    {"StreamID", 15, 0, nullptr}, {"SSD_Index", 31, 16, nullptr}, SIDEWALL_END};
constexpr FieldInfo kVmid[] = {{"VMID", 7, 0, nullptr}, SIDEWALL_END};
constexpr FieldInfo kGstatus[] = {{"GSACTIVE", 0, 0, nullptr}, SIDEWALL_END};
constexpr FieldInfo kSmr[] = {
    {"ID", 14, 0, nullptr}, {"MASK", 30, 16, nullptr}, {"VALID", 31, 31, nullptr}, SIDEWALL_END};
constexpr FieldInfo kS2cr[] = {{"CBNDX", 7, 0, nullptr},
                               {"SHCFG", 9, 8, nullptr},
                               {"EXIDVALID", 10, 10, nullptr},
                               {"MTCFG", 11, 11, nullptr},
                               {"MemAttr", 15, 12, nullptr},
                               {"TYPE", 17, 16, kStreamType},
                               {"NSCFG", 19, 18, nullptr},
                               {"RACFG", 21, 20, nullptr},
                               {"WACFG", 23, 22, nullptr},
                               {"PRIVCFG", 25, 24, kPrivilege},
                               {"INSTCFG", 27, 26, nullptr},
                               {"TRANSIENTCFG", 29, 28, nullptr},
                               SIDEWALL_END};
constexpr FieldInfo kCbar[] = {
    {"VMID", 7, 0, nullptr},      {"TYPE", 17, 16, kContextType}, {"CBNDX", 15, 8, nullptr},
    {"BPSHCFG", 9, 8, nullptr},   {"HYPC", 10, 10, nullptr},      {"FB", 11, 11, nullptr},
    {"MemAttr", 15, 12, nullptr}, {"BSU", 19, 18, nullptr},       {"RACFG", 21, 20, nullptr},
    {"WACFG", 23, 22, nullptr},   {"IRPTNDX", 31, 24, nullptr},   SIDEWALL_END};
constexpr FieldInfo kCbfrsynra[] = {
    {"StreamID", 15, 0, nullptr}, {"SSD_Index", 30, 16, nullptr}, SIDEWALL_END};
constexpr FieldInfo kCba2r[] = {
    {"VA64", 0, 0, nullptr}, {"MONC", 1, 1, nullptr}, {"VMID16", 31, 16, nullptr}, SIDEWALL_END};
constexpr FieldInfo kSctlr[] = {{"M", 0, 0, nullptr},       {"TRE", 1, 1, nullptr},
                                {"AFE", 2, 2, nullptr},     {"AFFD", 3, 3, nullptr},
                                {"E", 4, 4, nullptr},       {"CFRE", 5, 5, nullptr},
                                {"CFIE", 6, 6, nullptr},    {"CFCFG", 7, 7, nullptr},
                                {"HUPCF", 8, 8, nullptr},   {"WXN", 9, 9, nullptr},
                                {"UWXN", 10, 10, nullptr},  {"ASIDPNE", 12, 12, nullptr},
                                {"PTW", 13, 13, nullptr},   {"TRANSIENTCFG", 15, 14, nullptr},
                                {"BSU", 15, 14, nullptr},   {"MemAttr", 19, 16, nullptr},
                                {"MTCFG", 20, 20, nullptr}, {"FB", 21, 21, nullptr},
                                {"SHCFG", 23, 22, nullptr}, {"RACFG", 25, 24, nullptr},
                                {"WACFG", 27, 26, nullptr}, {"NSCFG", 29, 28, nullptr},
                                {"UCI", 30, 30, nullptr},   SIDEWALL_END};
constexpr FieldInfo kActlr[] = {{"CMTLB", 0, 0, nullptr}, {"CPRE", 1, 1, nullptr}, SIDEWALL_END};
constexpr FieldInfo kResumeFields[] = {{"TNR", 0, 0, kResume}, SIDEWALL_END};
constexpr FieldInfo kTcr2[] = {
    {"PASize", 2, 0, nullptr}, {"AS", 4, 4, nullptr},       {"TBI0", 5, 5, nullptr},
    {"TBI1", 6, 6, nullptr},   {"HAD0", 8, 8, nullptr},     {"HAD1", 9, 9, nullptr},
    {"HA", 10, 10, nullptr},   {"HD", 11, 11, nullptr},     {"NSCFG0", 14, 14, nullptr},
    {"SEP", 17, 15, nullptr},  {"NSCFG1", 30, 30, nullptr}, SIDEWALL_END};
constexpr FieldInfo kTtbr[] = {{"BADDR", 47, 0, nullptr}, {"ASID", 63, 48, nullptr}, SIDEWALL_END};
constexpr FieldInfo kTcr[] = {
    {"T0SZ", 5, 0, nullptr},    {"SL0", 7, 6, nullptr},      {"EPD0", 7, 7, nullptr},
    {"IRGN0", 9, 8, nullptr},   {"ORGN0", 11, 10, nullptr},  {"SH0", 13, 12, nullptr},
    {"TG0", 15, 14, kGranule0}, {"PASize", 18, 16, nullptr}, {"T1SZ", 21, 16, nullptr},
    {"HA", 21, 21, nullptr},    {"HD", 22, 22, nullptr},     {"A1", 22, 22, nullptr},
    {"EPD1", 23, 23, nullptr},  {"IRGN1", 25, 24, nullptr},  {"ORGN1", 27, 26, nullptr},
    {"SH1", 29, 28, nullptr},   {"TG1", 31, 30, kGranule1},  SIDEWALL_END};
constexpr FieldInfo kFsr[] = {
    {"TF", 1, 1, nullptr},   {"AFF", 2, 2, nullptr},     {"PF", 3, 3, nullptr},
    {"EF", 4, 4, nullptr},   {"TLBMCF", 5, 5, nullptr},  {"TLBLKF", 6, 6, nullptr},
    {"ASF", 7, 7, nullptr},  {"UUT", 8, 8, nullptr},     {"FORMAT", 10, 9, nullptr},
    {"SS", 30, 30, nullptr}, {"MULTI", 31, 31, nullptr}, SIDEWALL_END};
constexpr FieldInfo kFsynr0[] = {
    {"PLVL", 1, 0, nullptr},   {"NESTED", 2, 2, nullptr},    {"S1PTWF", 3, 3, nullptr},
    {"WNR", 4, 4, nullptr},    {"PNU", 5, 5, nullptr},       {"IND", 6, 6, nullptr},
    {"NSATTR", 8, 8, nullptr}, {"ATOF", 9, 9, nullptr},      {"PTWF", 10, 10, nullptr},
    {"AFR", 11, 11, nullptr},  {"S1CBNDX", 23, 16, nullptr}, SIDEWALL_END};
constexpr FieldInfo kTlbiva[] = {
    {"Address", 43, 0, nullptr}, {"ASID", 63, 48, nullptr}, SIDEWALL_END};
constexpr FieldInfo kTlbiasid[] = {{"ASID", 15, 0, nullptr}, SIDEWALL_END};
constexpr FieldInfo kTlbiipa[] = {{"Address", 35, 0, nullptr}, SIDEWALL_END};
constexpr FieldInfo kStatus[] = {{"SACTIVE", 0, 0, nullptr}, SIDEWALL_END};
constexpr FieldInfo kAtsr[] = {{"ACTIVE", 0, 0, nullptr}, SIDEWALL_END};
constexpr FieldInfo kOverride[] = {{"SID", 7, 0, nullptr}, SIDEWALL_END};
constexpr FieldInfo kSecurity[] = {
    {"NS", 0, 0, nullptr}, {"OVERRIDE", 8, 8, nullptr}, {"LOCK", 16, 16, nullptr}, SIDEWALL_END};
constexpr FieldInfo kBypassConfig[] = {
    {"MODE", 1, 0, nullptr}, {"LOCK", 31, 31, nullptr}, SIDEWALL_END};
constexpr FieldInfo kMcInt[] = {{"DECERR_EMEM", 6, 6, nullptr},
                                {"SECURITY_VIOLATION", 8, 8, nullptr},
                                {"DECERR_VPR", 12, 12, nullptr},
                                {"SECERR_SEC", 13, 13, nullptr},
                                {"DECERR_MTS", 16, 16, nullptr},
                                {"DECERR_GENERALIZED_CARVEOUT", 17, 17, nullptr},
                                {"DECERR_ROUTE_SANITY", 20, 20, nullptr},
                                {"GIC_MSI", 21, 21, nullptr},
                                SIDEWALL_END};
constexpr FieldInfo kMcStatus[] = {
    {"CLIENT", 8, 0, nullptr},     {"WRITE", 16, 16, nullptr},     {"SECURE", 17, 17, nullptr},
    {"ADR_HI", 21, 20, nullptr},   {"NONSECURE", 25, 25, nullptr}, {"WRITABLE", 26, 26, nullptr},
    {"READABLE", 27, 27, nullptr}, {"TYPE", 30, 28, nullptr},      SIDEWALL_END};
#undef SIDEWALL_END

// name, page, offset, stride, count, width, access, reset, fields; offsets rise in each page.
constexpr RegisterInfo kRegisters[] = {
    {"sCR0", Page::kGr0, 0x000, 0, 1, 4, Access::kReadWrite, 0x00200001, 0xcffffccf, kScr0},
    {"SCR1", Page::kGr0, 0x004, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"sCR2", Page::kGr0, 0x008, 0, 1, 4, Access::kReadWrite, 0, 0xff, kScr2},
    {"sACR", Page::kGr0, 0x010, 0, 1, 4, Access::kReadWrite, 0x0400001c, 0x0700071c, kSacr},
    {"IDR0", Page::kGr0, 0x020, 0, 1, 4, Access::kReadOnly, 0x7c013e80, 0, kIdr0},
    {"IDR1", Page::kGr0, 0x024, 0, 1, 4, Access::kReadOnly, 0xe0000080, 0, kIdr1},
    {"IDR2", Page::kGr0, 0x028, 0, 1, 4, Access::kReadOnly, 0x5555, 0, kIdr2},
    {"IDR3", Page::kGr0, 0x02c, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"IDR4", Page::kGr0, 0x030, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"IDR5", Page::kGr0, 0x034, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"IDR6", Page::kGr0, 0x038, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"IDR7", Page::kGr0, 0x03c, 0, 1, 4, Access::kReadOnly, 0x21, 0, kIdr7},
    {"sGFAR", Page::kGr0, 0x040, 0, 1, 8, Access::kReadWrite, 0, ~uint64_t{0}, nullptr},
    {"sGFSR", Page::kGr0, 0x048, 0, 1, 4, Access::kWrite1Clear, 0, 0x800001ff, kGfsr},
    {"sGFSRRESTORE", Page::kGr0, 0x04c, 0, 1, 4, Access::kWriteOnly, 0, 0, kGfsr},
    {"sGFSYNR0", Page::kGr0, 0x050, 0, 1, 4, Access::kReadWrite, 0, 0x7f, kGfsynr0},
    {"sGFSYNR1", Page::kGr0, 0x054, 0, 1, 4, Access::kReadWrite, 0, 0xffff7fff, kGfsynr1},
    {"sGFSYNR2", Page::kGr0, 0x058, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"STLBIALL", Page::kGr0, 0x060, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"TLBIVMID", Page::kGr0, 0x064, 0, 1, 4, Access::kWriteOnly, 0, 0, kVmid},
    {"TLBIALLNSNH", Page::kGr0, 0x068, 0, 1, 4, Access::kWriteOnly, 0, 0, nullptr},
    {"TLBIALLH", Page::kGr0, 0x06c, 0, 1, 4, Access::kWriteOnly, 0, 0, nullptr},
    {"sTLBGSYNC", Page::kGr0, 0x070, 0, 1, 4, Access::kWriteOnly, 0, 0, nullptr},
    {"sTLBGSTATUS", Page::kGr0, 0x074, 0, 1, 4, Access::kReadOnly, 0, 0, kGstatus},
    {"TLBIVAH", Page::kGr0, 0x078, 0, 1, 4, Access::kWriteOnly, 0, 0, nullptr},
    {"DBGRPTRTBU", Page::kGr0, 0x080, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"DBGRDATATBU", Page::kGr0, 0x084, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"DBGRPTRTCU", Page::kGr0, 0x088, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"DBGRDATATCU", Page::kGr0, 0x08c, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"STLBIVALM", Page::kGr0, 0x0a0, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"STLBIVAM", Page::kGr0, 0x0a8, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"TLBIVALH64", Page::kGr0, 0x0b0, 0, 1, 8, Access::kWriteOnly, 0, 0, nullptr},
    {"TLBIVMIDS1", Page::kGr0, 0x0b8, 0, 1, 4, Access::kWriteOnly, 0, 0, kVmid},
    {"STLBIALLM", Page::kGr0, 0x0bc, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"TLBIVAH64", Page::kGr0, 0x0c0, 0, 1, 8, Access::kWriteOnly, 0, 0, nullptr},
    {"GATS1UR", Page::kGr0, 0x100, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GATS1UW", Page::kGr0, 0x108, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GATS1PR", Page::kGr0, 0x110, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GATS1PW", Page::kGr0, 0x118, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GATS12UR", Page::kGr0, 0x120, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GATS12UW", Page::kGr0, 0x128, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GATS12PR", Page::kGr0, 0x130, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GATS12PW", Page::kGr0, 0x138, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GPAR", Page::kGr0, 0x180, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"GATSR", Page::kGr0, 0x188, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"NSCR0", Page::kGr0, 0x400, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"NSACR", Page::kGr0, 0x410, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"NSGFAR", Page::kGr0, 0x440, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"NSGFSR", Page::kGr0, 0x448, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"SMR", Page::kGr0, 0x800, 4, 128, 4, Access::kReadWrite, 0, 0xffff7fff, kSmr},
    {"S2CR", Page::kGr0, 0xc00, 4, 128, 4, Access::kReadWrite, 0x00020000, 0x3ffffbff, kS2cr},
    {"PIDR4", Page::kGr0, 0xfd0, 0, 1, 4, Access::kReadOnly, 0x04, 0, nullptr},
    {"PIDR5", Page::kGr0, 0xfd4, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"PIDR6", Page::kGr0, 0xfd8, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"PIDR7", Page::kGr0, 0xfdc, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"PIDR0", Page::kGr0, 0xfe0, 0, 1, 4, Access::kReadOnly, 0x81, 0, nullptr},
    {"PIDR1", Page::kGr0, 0xfe4, 0, 1, 4, Access::kReadOnly, 0xb4, 0, nullptr},
    {"PIDR2", Page::kGr0, 0xfe8, 0, 1, 4, Access::kReadOnly, 0x1b, 0, nullptr},
    {"PIDR3", Page::kGr0, 0xfec, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"CIDR0", Page::kGr0, 0xff0, 0, 1, 4, Access::kReadOnly, 0x0d, 0, nullptr},
    {"CIDR1", Page::kGr0, 0xff4, 0, 1, 4, Access::kReadOnly, 0xf0, 0, nullptr},
    {"CIDR2", Page::kGr0, 0xff8, 0, 1, 4, Access::kReadOnly, 0x05, 0, nullptr},
    {"CIDR3", Page::kGr0, 0xffc, 0, 1, 4, Access::kReadOnly, 0xb1, 0, nullptr},
    {"CBAR", Page::kGr1, 0x000, 4, 128, 4, Access::kReadWrite, 0x00020000, 0x00ffffff, kCbar},
    {"CBFRSYNRA", Page::kGr1, 0x400, 4, 128, 4, Access::kReadWrite, 0, 0x7fff7fff, kCbfrsynra},
    {"CBA2R", Page::kGr1, 0x800, 4, 128, 4, Access::kReadWrite, 0, 3, kCba2r},
    {"ITCTRL", Page::kGid, 0x000, 0, 1, 4, Access::kReadWrite, 0, 1, nullptr},
    {"ITIP", Page::kGid, 0x004, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"ITOP_GLBL", Page::kGid, 0x008, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"ITOP_PERF_INDEX", Page::kGid, 0x00c, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"ITOP_CXT", Page::kGid, 0x010, 4, 4, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"TBUQOS", Page::kGid, 0x100, 4, 4, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"PER", Page::kGid, 0x200, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"TBU_PWR_STATUS", Page::kGid, 0x204, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"PMEVCNTR", Page::kPmu, 0x000, 4, 256, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"PMEVTYPER", Page::kPmu, 0x400, 4, 256, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"PMCGCR", Page::kPmu, 0x800, 4, 128, 4, Access::kReadWrite, 0x04000000, 0x007f1fff, nullptr},
    {"PMCGSMR", Page::kPmu, 0xa00, 4, 128, 4, Access::kReadWrite, 0, 0x7fff7fff, nullptr},
    {"PMCNTENSET", Page::kPmu, 0xc00, 4, 8, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"PMCNTENCLR", Page::kPmu, 0xc20, 4, 8, 4, Access::kWrite1Clear, 0, 0xffffffff, nullptr},
    {"PMINTENSET", Page::kPmu, 0xc40, 4, 8, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"PMINTENCLR", Page::kPmu, 0xc60, 4, 8, 4, Access::kWrite1Clear, 0, 0xffffffff, nullptr},
    {"PMOVSCLR", Page::kPmu, 0xc80, 4, 8, 4, Access::kWrite1Clear, 0, 0xffffffff, nullptr},
    {"PMOVSSET", Page::kPmu, 0xcc0, 4, 8, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"PMCFGR", Page::kPmu, 0xe00, 0, 1, 4, Access::kReadOnly, 0x07001f1f, 0, nullptr},
    {"PMCR", Page::kPmu, 0xe04, 0, 1, 4, Access::kReadWrite, 0, 0x11, nullptr},
    {"PMCEID", Page::kPmu, 0xe20, 4, 2, 4, Access::kReadOnly, 0, 0, nullptr},
    {"PMAUTHSTATUS", Page::kPmu, 0xfb8, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"PMDEVTYPE", Page::kPmu, 0xfcc, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"SCTLR", Page::kBank, 0x000, 0, 1, 4, Access::kReadWrite, 0x100, 0x4fdfd7ff, kSctlr},
    {"ACTLR", Page::kBank, 0x004, 0, 1, 4, Access::kReadWrite, 3, 3, kActlr},
    {"RESUME", Page::kBank, 0x008, 0, 1, 4, Access::kWriteOnly, 0, 0, kResumeFields},
    {"TCR2", Page::kBank, 0x010, 0, 1, 4, Access::kReadWrite, 0x60, 0x4003c077, kTcr2},
    {"TTBR0", Page::kBank, 0x020, 0, 1, 8, Access::kReadWrite, 0, ~uint64_t{0}, kTtbr},
    {"TTBR1", Page::kBank, 0x028, 0, 1, 8, Access::kReadWrite, 0, ~uint64_t{0}, kTtbr},
    {"TCR", Page::kBank, 0x030, 0, 1, 4, Access::kReadWrite, 0, 0xffffffbf, kTcr},
    {"CONTEXTIDR", Page::kBank, 0x034, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"MAIR0", Page::kBank, 0x038, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"MAIR1", Page::kBank, 0x03c, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"PAR", Page::kBank, 0x050, 0, 1, 8, Access::kReadWrite, 0, ~uint64_t{0}, nullptr},
    {"FSR", Page::kBank, 0x058, 0, 1, 4, Access::kWrite1Clear, 0, 0x800001fe, kFsr},
    {"FSRRESTORE", Page::kBank, 0x05c, 0, 1, 4, Access::kWriteOnly, 0, 0, kFsr},
    {"FAR", Page::kBank, 0x060, 0, 1, 8, Access::kReadWrite, 0, ~uint64_t{0}, nullptr},
    {"FSYNR0", Page::kBank, 0x068, 0, 1, 4, Access::kReadWrite, 0, 0xd73, kFsynr0},
    {"FSYNR1", Page::kBank, 0x06c, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, nullptr},
    {"IPAFAR", Page::kBank, 0x070, 0, 1, 8, Access::kReadWrite, 0, ~uint64_t{0}, nullptr},
    {"TLBIVA", Page::kBank, 0x600, 0, 1, 8, Access::kWriteOnly, 0, 0, kTlbiva},
    {"TLBIVAA", Page::kBank, 0x608, 0, 1, 8, Access::kWriteOnly, 0, 0, kTlbiva},
    {"TLBIASID", Page::kBank, 0x610, 0, 1, 4, Access::kWriteOnly, 0, 0, kTlbiasid},
    {"TLBIALL", Page::kBank, 0x618, 0, 1, 4, Access::kWriteOnly, 0, 0, nullptr},
    {"TLBIVAL", Page::kBank, 0x620, 0, 1, 8, Access::kWriteOnly, 0, 0, kTlbiva},
    {"TLBIVAAL", Page::kBank, 0x628, 0, 1, 8, Access::kWriteOnly, 0, 0, kTlbiva},
    {"TLBIIPAS2", Page::kBank, 0x630, 0, 1, 8, Access::kWriteOnly, 0, 0, kTlbiipa},
    {"TLBIIPAS2L", Page::kBank, 0x638, 0, 1, 8, Access::kWriteOnly, 0, 0, kTlbiipa},
    {"TLBSYNC", Page::kBank, 0x7f0, 0, 1, 4, Access::kWriteOnly, 0, 0, nullptr},
    {"TLBSTATUS", Page::kBank, 0x7f4, 0, 1, 4, Access::kReadOnly, 0, 0, kStatus},
    {"ATS1PR", Page::kBank, 0x800, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"ATS1PW", Page::kBank, 0x808, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"ATS1UR", Page::kBank, 0x810, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"ATS1UW", Page::kBank, 0x818, 0, 1, 8, Access::kRazWi, 0, 0, nullptr},
    {"ATSR", Page::kBank, 0x8f0, 0, 1, 4, Access::kReadOnly, 0, 0, kAtsr},
    {"PMEVCNTR", Page::kBank, 0xe00, 4, 32, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMEVTYPER", Page::kBank, 0xe80, 4, 32, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMCFGR", Page::kBank, 0xf00, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMCR", Page::kBank, 0xf04, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMCEID", Page::kBank, 0xf20, 4, 2, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMCNTENSET", Page::kBank, 0xf40, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMCNTENCLR", Page::kBank, 0xf44, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMINTENSET", Page::kBank, 0xf48, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMINTENCLR", Page::kBank, 0xf4c, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMOVSCLR", Page::kBank, 0xf50, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMOVSSET", Page::kBank, 0xf58, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"PMAUTHSTATUS", Page::kBank, 0xfb8, 0, 1, 4, Access::kRazWi, 0, 0, nullptr},
    {"OVERRIDE", Page::kMcSid, 0x000, 8, 512, 4, Access::kReadWrite, 0x7f, 0xff, kOverride},
    {"SECURITY", Page::kMcSid, 0x004, 8, 512, 4, Access::kReadWrite, 0x101, 0x10101, kSecurity},
    {"INTSTATUS", Page::kMcChannel, 0x000, 0, 1, 4, Access::kWrite1Clear, 0, 0x00333140, kMcInt},
    {"INTMASK", Page::kMcChannel, 0x004, 0, 1, 4, Access::kReadWrite, 0, 0xffffffff, kMcInt},
    {"ERR_STATUS", Page::kMcChannel, 0x008, 0, 1, 4, Access::kReadOnly, 0, 0, kMcStatus},
    {"ERR_ADR", Page::kMcChannel, 0x00c, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"ERR_VPR_STATUS", Page::kMcChannel, 0x654, 0, 1, 4, Access::kReadOnly, 0, 0, kMcStatus},
    {"ERR_VPR_ADR", Page::kMcChannel, 0x658, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"ERR_SEC_STATUS", Page::kMcChannel, 0x67c, 0, 1, 4, Access::kReadOnly, 0, 0, kMcStatus},
    {"ERR_SEC_ADR", Page::kMcChannel, 0x680, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"ERR_MTS_STATUS", Page::kMcChannel, 0x9b0, 0, 1, 4, Access::kReadOnly, 0, 0, kMcStatus},
    {"ERR_MTS_ADR", Page::kMcChannel, 0x9b4, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"ERR_ROUTE_SANITY_STATUS", Page::kMcChannel, 0x9c0, 0, 1, 4, Access::kReadOnly, 0, 0,
     kMcStatus},
    {"ERR_ROUTE_SANITY_ADR", Page::kMcChannel, 0x9c4, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"ERR_GENERALIZED_CARVEOUT_STATUS", Page::kMcChannel, 0xc00, 0, 1, 4, Access::kReadOnly, 0, 0,
     kMcStatus},
    {"ERR_GENERALIZED_CARVEOUT_ADR", Page::kMcChannel, 0xc04, 0, 1, 4, Access::kReadOnly, 0, 0,
     nullptr},
    {"CARVEOUT_BASE", Page::kMcChannel, 0xc0c, 0x50, 5, 4, Access::kReadWrite, 0, 0xffffffff,
     nullptr},
    {"CARVEOUT_BASE_HI", Page::kMcChannel, 0xc10, 0x50, 5, 4, Access::kReadWrite, 0, 0xffffffff,
     nullptr},
    {"CARVEOUT_SIZE", Page::kMcChannel, 0xc14, 0x50, 5, 4, Access::kReadWrite, 0, 0xffffffff,
     nullptr},
    {"EMEM_ADR_CFG_CHANNEL_ENABLE", Page::kMcChannel, 0xdf8, 0, 1, 4, Access::kReadOnly, 0xffff, 0,
     nullptr},
    {"GLOBAL_INTSTATUS", Page::kMcChannel, 0xf24, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"ERR_ADR_HI", Page::kMcChannel, 0x11fc, 0, 1, 4, Access::kReadOnly, 0, 0, nullptr},
    {"SMMU_BYPASS_CONFIG", Page::kMcChannel, 0x1820, 0, 1, 4, Access::kReadWrite, 0x80000002,
     0x80000003, kBypassConfig},
    // Of the carveouts from 6 on; the index counts from 0 here as it does above.
    {"CARVEOUT6_BASE", Page::kMcChannel, 0x2004, 0x50, 27, 4, Access::kReadWrite, 0, 0xffffffff,
     nullptr},
    {"CARVEOUT6_BASE_HI", Page::kMcChannel, 0x2008, 0x50, 27, 4, Access::kReadWrite, 0, 0xffffffff,
     nullptr},
    {"CARVEOUT6_SIZE", Page::kMcChannel, 0x200c, 0x50, 27, 4, Access::kReadWrite, 0, 0xffffffff,
     nullptr},
};
constexpr size_t kRegisterCount = sizeof(kRegisters) / sizeof(kRegisters[0]);

// Registers lie in the first 12 KiB of their page (those of an SMMU in the first 4).
constexpr size_t kWords = 0x3000 / 4;
constexpr uint8_t kNone = 0xff;
static_assert(kRegisterCount < kNone);

struct RowIndex {
  uint8_t row[kPageKinds][kWords];
  constexpr RowIndex() : row() {
    for (auto& page : row) {
      for (uint8_t& r : page) r = kNone;
    }
    for (size_t i = 0; i < kRegisterCount; ++i) {
      const RegisterInfo& info = kRegisters[i];
      for (size_t n = 0; n < info.count; ++n) {
        for (size_t byte = 0; byte < info.width; byte += 4) {
          row[static_cast<size_t>(info.page)][(info.offset + n * info.stride + byte) / 4] =
              static_cast<uint8_t>(i);
        }
      }
    }
  }
};
constexpr RowIndex kRowIndex;

// Every register has words of its own: none was overwritten by a later one.
constexpr bool Disjoint() {
  for (size_t i = 0; i < kRegisterCount; ++i) {
    const RegisterInfo& info = kRegisters[i];
    for (size_t n = 0; n < info.count; ++n) {
      const size_t word = (info.offset + n * info.stride) / 4;
      if (kRowIndex.row[static_cast<size_t>(info.page)][word] != i) return false;
    }
  }
  return true;
}
static_assert(Disjoint());

}  // namespace

const RegisterInfo* Registers(size_t* count) {
  *count = kRegisterCount;
  return kRegisters;
}

uint64_t WritableInStage2(const RegisterInfo& row) {
  if (row.page != Page::kBank) return row.writable;
  switch (row.offset) {
    case 0x000:  // SCTLR: PTW and FB too
      return 0x4ffff7ff;
    case 0x030:  // TCR: T0SZ to PASize; bit 31 is one
      return 0x0007ffff;
    case 0x068:  // FSYNR0: NESTED, S1PTWF, ATOF and S1CBNDX too
      return 0x00ff0f7f;
    case 0x010:  // TCR2, TTBR1, CONTEXTIDR, MAIR0, MAIR1 and PAR are not there
    case 0x028:
    case 0x034:
    case 0x038:
    case 0x03c:
    case 0x050:
      return 0;
    default:
      return row.writable;
  }
}

const RegisterInfo* RowAt(Page page, uint32_t offset) {
  if (offset / 4 >= kWords) return nullptr;
  const uint8_t row = kRowIndex.row[static_cast<size_t>(page)][offset / 4];
  return row == kNone ? nullptr : &kRegisters[row];
}

}  // namespace sidewall::model
