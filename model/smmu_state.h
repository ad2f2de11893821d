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
// GCFGFRE, GCFGFIE, STALLD and GSE read as zero on MMU-500.
inline constexpr uint32_t kRaz = 1u << 4 | 1u << 5 | 1u << 8 | 1u << 9;
}  // namespace cr0

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
constexpr uint8_t Stage2Bank(uint32_t value) { return static_cast<uint8_t>(value >> 8); }
}  // namespace cbar

inline constexpr uint32_t kSacrCacheLock = 1u << 26;
inline constexpr uint32_t kCba2rVa64 = 1u << 0;

// As in model/event.h, kHwSync.
inline constexpr uint64_t kSyncModeSlow = 1;
inline constexpr uint64_t kSyncModeNever = 2;

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
  uint32_t sync_polls = 0;
  bool sync_active = false;
  // The stage-2 tree that this bank names while it is enabled, and the VMID it does so under.
  uint8_t tree_vmid = 0;
  uint16_t tree = kNoTree;
};

struct SmmuInstance {
  const SmmuSpec* spec = nullptr;  // null: the board has no such window
  uint64_t window = 0;
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

  uint64_t sync_mode = 0;
  uint64_t sync_polls_wanted = 0;
  uint32_t sync_polls = 0;
  bool sync_active = false;
  uint64_t failing_reads = 0;
  bool powered = true;  // off: no register answers
  bool gated = false;   // its masters issue nothing
};

// The registers at reset. UNKNOWN values of the architecture are zero here; Machine::Scramble
// gives them others.
void ResetRegisters(SmmuInstance& smmu);

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_SMMU_STATE_H_
