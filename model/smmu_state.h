// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The registers of one SMMU instance as plain data, and the bits that the model acts on.
//
//     if ((smmu.cr0 & cr0::kClientPd) != 0) return kBypass;
//     const uint32_t type = Bits(smmu.s2cr[n], 17, 16);
#ifndef SIDEWALL_MODEL_SMMU_STATE_H_
#define SIDEWALL_MODEL_SMMU_STATE_H_

#include <stddef.h>
#include <stdint.h>

#include "model/board.h"
#include "model/pmu.h"

namespace sidewall::model {

inline constexpr size_t kMaxBanks = 128;
inline constexpr size_t kMaxEntries = 128;
inline constexpr uint16_t kNoTree = 0xffff;

constexpr uint64_t Bits(uint64_t value, unsigned high, unsigned low) {
  return (value >> low) & ((uint64_t{2} << (high - low)) - 1);
}
constexpr bool Bit(uint64_t value, unsigned bit) { return ((value >> bit) & 1) != 0; }

namespace cr0 {
inline constexpr uint32_t kClientPd = 1u << 0;
inline constexpr uint32_t kGfre = 1u << 1;
inline constexpr uint32_t kGfie = 1u << 2;
inline constexpr uint32_t kUsfCfg = 1u << 10;
inline constexpr uint32_t kSmcfCfg = 1u << 21;
// GCFGFRE, GCFGFIE, STALLD and GSE read as zero on MMU-500, and bits 29:28 are reserved.
inline constexpr uint32_t kRaz = 1u << 4 | 1u << 5 | 1u << 8 | 1u << 9 | 3u << 28;
}  // namespace cr0

// Bits that a store may change; all others keep their value. A field whose feature the ID registers
// do not offer (EXIDENABLE, VMID16EN) keeps what is written and does nothing, which the
// architecture allows of reserved bits, so that a look at the register shows who wrote it.
namespace keeps {
inline constexpr uint32_t kScr2 = 0x000000ff;
inline constexpr uint32_t kSacr = 0x0700071c;
inline constexpr uint32_t kGfsynr0 = 0x0000007f;
inline constexpr uint32_t kGfsynr1 = 0xffff7fff;
inline constexpr uint32_t kSmr = 0xffff7fff;  // ID and MASK are 15 bits wide
inline constexpr uint32_t kS2cr = 0x3ffffbff;
inline constexpr uint32_t kCbar = 0x00ffffff;  // IRPTNDX is read-only
inline constexpr uint32_t kCbfrsynra = 0x7fff7fff;
inline constexpr uint32_t kCba2r = 0x00000003;   // VMID16 needs IDR2.VMID16S
inline constexpr uint32_t kSctlr1 = 0x4fdfd7ff;  // of a bank that does stage 1
inline constexpr uint32_t kSctlr2 = 0x4ffff7ff;  // of a stage-2 bank: PTW and FB as well
inline constexpr uint32_t kActlr = 0x00000003;
inline constexpr uint32_t kTcr2 = 0x4003c077;  // HAD, HA and HD are not offered
inline constexpr uint32_t kTcr1 = 0xffffffbf;
inline constexpr uint32_t kTcrStage2 = 0x0007ffff;  // HA and HD are not offered
inline constexpr uint32_t kFsynr01 = 0x00000d73;
inline constexpr uint32_t kFsynr02 = 0x00ff0f7f;  // NESTED, S1PTWF, ATOF and S1CBNDX as well
inline constexpr uint32_t kItctrl = 0x00000001;
}  // namespace keeps

// Bit 31 of TCR reads as one in a stage-2 bank.
inline constexpr uint32_t kTcrStage2One = 0x80000000;

namespace sctlr {
inline constexpr uint32_t kM = 1u << 0;
inline constexpr uint32_t kAffd = 1u << 3;
inline constexpr uint32_t kE = 1u << 4;
inline constexpr uint32_t kCfre = 1u << 5;
inline constexpr uint32_t kCfie = 1u << 6;
inline constexpr uint32_t kCfcfg = 1u << 7;
inline constexpr uint32_t kHupcf = 1u << 8;
inline constexpr uint32_t kWxn = 1u << 9;
inline constexpr uint32_t kPtw = 1u << 13;  // stage-2 banks
}  // namespace sctlr

namespace fsr {
inline constexpr uint32_t kTf = 1u << 1;
inline constexpr uint32_t kAff = 1u << 2;
inline constexpr uint32_t kPf = 1u << 3;
inline constexpr uint32_t kEf = 1u << 4;
inline constexpr uint32_t kTlbMcf = 1u << 5;
inline constexpr uint32_t kAsf = 1u << 7;
inline constexpr uint32_t kFaults = 0x1fe;  // TF to UUT
inline constexpr uint32_t kFormat = 3u << 9;
inline constexpr uint32_t kFormatAarch64 = 2u << 9;
inline constexpr uint32_t kSs = 1u << 30;
inline constexpr uint32_t kMulti = 1u << 31;
inline constexpr uint32_t kClearable = kFaults | kMulti;
}  // namespace fsr

namespace gfsr {
inline constexpr uint32_t kIcf = 1u << 0;
inline constexpr uint32_t kUsf = 1u << 1;
inline constexpr uint32_t kSmcf = 1u << 2;
inline constexpr uint32_t kUcbf = 1u << 3;
inline constexpr uint32_t kEf = 1u << 6;
inline constexpr uint32_t kMulti = 1u << 31;
inline constexpr uint32_t kClearable = 0x800001ff;
}  // namespace gfsr

namespace cbar {
inline constexpr uint32_t kStage2 = 0;
inline constexpr uint32_t kStage1 = 1;
inline constexpr uint32_t kFault = 2;
inline constexpr uint32_t kNested = 3;
constexpr uint32_t Type(uint32_t value) { return static_cast<uint32_t>(Bits(value, 17, 16)); }
constexpr uint8_t Vmid(uint32_t value) { return static_cast<uint8_t>(value); }
// Only where stage 2 is bypassed; in other types the bit is part of another field.
constexpr bool IsHyp(uint32_t value) { return Type(value) == kStage1 && Bit(value, 10); }
constexpr uint8_t Stage2Bank(uint32_t value) { return static_cast<uint8_t>(value >> 8); }
}  // namespace cbar

inline constexpr uint32_t kSacrCacheLock = 1u << 26;
inline constexpr uint32_t kCba2rVa64 = 1u << 0;
inline constexpr uint32_t kActlrCpre = 1u << 1;

// As in model/event.h, kHwSync.
inline constexpr uint64_t kSyncModeSlow = 1;
inline constexpr uint64_t kSyncModeNever = 2;
inline constexpr uint64_t kSyncModeDrawn = 3;
inline constexpr uint32_t kPollsForEver = 0xffffffff;

// What an instance does that another of the same kind need not do; all zero is well-behaved.
struct Quirks {
  uint32_t cr0_stuck_ones = 0;   // bits of sCR0 that no store clears,
  uint32_t cr0_stuck_zeros = 0;  // and such that no store sets
  uint8_t torn = 0;              // 64-bit registers: 1 low half first, 2 high half first
  bool cpre_stuck = false;       // ACTLR.CPRE stays set, whatever CACHE_LOCK says
  bool lock_stuck = false;       // sACR.CACHE_LOCK stays set
  bool drops_masked_id = false;  // SMR.ID bits under a set MASK bit are not kept
  bool plain_syndrome = false;   // stage-2 faults of a nested context name no stage-1 bank
  bool deaf_resume = false;      // RESUME ends no stall
  bool quiet_stage2 = false;     // faults of a stage-2 bank raise no interrupt
  // What a driver has to rest on: no program draws these, but one can ask for them (hw.contrary).
  bool early_status = false;     // a sync reads complete once before it is
  bool narrow_tlbivmid = false;  // TLBIVMID leaves the entries of stage 2 alone
  bool keeps_absent = false;     // what faulted in a walk may fault again from the TLB
  bool short_sync = false;       // a sync waits for no transaction that is under way
};

// What software can write of the implementation defined page and of the TLB's debug window.
struct ImplementationDefined {
  uint32_t itctrl = 0;
  uint32_t itop[6] = {};  // ITOP_GLBL, ITOP_PERF_INDEX, ITOP_CXT0 to 3
  uint32_t tbuqos[4] = {};
  uint32_t dbgrptr[2] = {};  // of the TBUs, of the TCU
};

struct ContextBank {
  uint64_t ttbr0 = 0;
  uint64_t ttbr1 = 0;
  uint64_t par = 0;
  uint64_t far = 0;
  uint64_t ipafar = 0;
  uint32_t sctlr = 0x100;
  uint32_t actlr = 3;
  uint32_t tcr2 = 0x60;
  uint32_t tcr = 0;
  uint32_t contextidr = 0;
  uint32_t mair0 = 0;
  uint32_t mair1 = 0;
  uint32_t fsr = 0;
  uint32_t fsynr0 = 0;
  uint32_t fsynr1 = 0;
  // A TLBSYNC that no status read has shown complete yet.
  uint64_t sync_covers = 0;
  uint64_t sync_drains = 0;  // the last transaction that was issued before it
  uint32_t sync_polls = 0;
  bool sync_active = false;
  // The stage-2 tree that this bank names while it is enabled, and the VMID it does so under.
  uint8_t tree_vmid = 0;
  bool tree_unflagged = false;  // with SCTLR.AFFD: leaves without access flag are cached
  uint16_t tree = kNoTree;
};

struct SmmuInstance {
  const SmmuSpec* spec = nullptr;  // null: the board has no such window
  uint64_t window = 0;
  // What this instance is, which a reset does not change: ID registers, and what follows from them.
  uint32_t idr[8] = {};
  uint16_t banks = 0;
  uint16_t entries = 0;
  uint8_t page_shift = 16;  // registers lie in pages of this size
  uint32_t bank_area = 0;   // where the pages of banks begin: after the global ones
  Quirks quirks;
  uint32_t cr0 = 0x00200001;
  uint32_t cr2 = 0;
  uint32_t acr = 0x0400001c;
  uint32_t gfsr = 0;
  uint32_t gfsynr[3] = {};
  uint64_t gfar = 0;
  uint32_t smr[kMaxEntries] = {};
  uint32_t s2cr[kMaxEntries] = {};
  uint32_t cbar[kMaxBanks] = {};
  uint32_t cbfrsynra[kMaxBanks] = {};
  uint32_t cba2r[kMaxBanks] = {};
  uint64_t valid_entries[kMaxEntries / 64] = {};  // the VALID bits of smr, for speed
  ContextBank bank[kMaxBanks];
  uint64_t on_banks[kMaxBanks / 64] = {};    // the M bits of the banks' SCTLRs, for speed
  uint64_t tree_banks[kMaxBanks / 64] = {};  // which banks name a stage-2 tree, for speed
  ImplementationDefined impl;
  Pmu pmu;

  uint64_t sync_mode = 0;
  uint64_t sync_polls_wanted = 0;
  uint32_t sync_polls = 0;
  bool sync_active = false;
  bool sync_shown_early = false;
  uint64_t sync_drains = 0;  // the last transaction that was issued before the sync
  uint64_t failing_reads = 0;
  bool powered = true;  // off: no register answers
  bool lost = false;    // power was lost, and the masters have not gone on since
  bool gated = false;   // its masters issue nothing
};

// The registers at reset. UNKNOWN values of the architecture are zero here; Machine::Scramble
// gives them others. What the instance is stays as it is.
void ResetRegisters(SmmuInstance& smmu);

void SetSctlr(SmmuInstance& smmu, uint16_t bank, uint32_t value);

// Takes over ID registers, and what they say of counts and page size.
void SetIdentity(SmmuInstance& smmu, const uint32_t (&idr)[8]);

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_SMMU_STATE_H_
