// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Where the registers lie that the invariants look at, and which of them are policy (the same in
// both instances of a pair) or commands (invalidations and syncs, which go to both).
//
//     layout::IsPolicy(spec, 0xc14);                       // S2CR[5]: true
//     layout::Bank(spec, 3) + layout::kSctlr;              // 0x830000 on Tegra234
#ifndef SIDEWALL_ORACLE_SMMU_LAYOUT_H_
#define SIDEWALL_ORACLE_SMMU_LAYOUT_H_

#include <cstdint>
#include <vector>

#include "model/board.h"

namespace sidewall::layout {

inline constexpr uint32_t kSCr0 = 0x000;
inline constexpr uint32_t kSCr2 = 0x008;
inline constexpr uint32_t kSAcr = 0x010;
inline constexpr uint32_t kSGfsr = 0x048;
inline constexpr uint32_t kTlbGSync = 0x070;
inline constexpr uint32_t kTlbGStatus = 0x074;
inline constexpr uint32_t kSmr = 0x800;
inline constexpr uint32_t kS2cr = 0xc00;
// In a bank.
inline constexpr uint32_t kSctlr = 0x000;
inline constexpr uint32_t kActlr = 0x004;
inline constexpr uint32_t kTtbr0 = 0x020;
inline constexpr uint32_t kTcr = 0x030;
inline constexpr uint32_t kFsr = 0x058;
inline constexpr uint32_t kTlbSync = 0x7f0;

// Registers lie in pages of the size that IDR1.PAGESIZE tells; CBAR and CBA2R in the second.
constexpr uint32_t PageSize(const model::SmmuSpec& spec) {
  return (spec.idr[1] >> 31) != 0 ? 0x10000 : 0x1000;
}
constexpr uint32_t Cbar(const model::SmmuSpec& spec) { return PageSize(spec); }
constexpr uint32_t Cba2r(const model::SmmuSpec& spec) { return PageSize(spec) + 0x800; }

// Banks fill the upper half of a window.
constexpr uint32_t Bank(const model::SmmuSpec& spec, uint32_t bank) {
  return static_cast<uint32_t>(spec.window_size / 2) + bank * PageSize(spec);
}

constexpr bool In(uint32_t offset, uint32_t first, uint32_t count) {
  return offset >= first && offset < first + 4 * count;
}

constexpr uint16_t IndexIn(uint32_t offset, uint32_t first) {
  return static_cast<uint16_t>((offset - first) / 4);
}

constexpr bool InAnyBank(const model::SmmuSpec& spec, uint32_t offset, uint16_t* bank,
                         uint32_t* at) {
  const uint32_t base = Bank(spec, 0);
  if (offset < base || offset >= Bank(spec, spec.banks)) return false;
  *bank = static_cast<uint16_t>((offset - base) / PageSize(spec));
  *at = (offset - base) % PageSize(spec);
  return true;
}

constexpr bool InBank(const model::SmmuSpec& spec, uint32_t offset, uint32_t which,
                      uint16_t* bank) {
  uint32_t at = 0;
  return InAnyBank(spec, offset, bank, &at) && at == which;
}

constexpr bool IsPolicyInBank(uint32_t at) {
  // SCTLR, ACTLR, TCR2, TTBR0, TTBR1, TCR, CONTEXTIDR, MAIR0, MAIR1.
  return at == 0x000 || at == 0x004 || at == 0x010 || (at >= 0x020 && at < 0x040);
}

constexpr bool IsPolicy(const model::SmmuSpec& spec, uint32_t offset) {
  uint16_t bank = 0;
  uint32_t at = 0;
  if (offset == kSCr0 || offset == kSCr2 || offset == kSAcr) return true;
  if (In(offset, kSmr, spec.entries) || In(offset, kS2cr, spec.entries)) return true;
  if (In(offset, Cbar(spec), spec.banks) || In(offset, Cba2r(spec), spec.banks)) return true;
  return InAnyBank(spec, offset, &bank, &at) && IsPolicyInBank(at);
}

constexpr bool IsSync(const model::SmmuSpec& spec, uint32_t offset) {
  uint16_t bank = 0;
  return offset == kTlbGSync || InBank(spec, offset, kTlbSync, &bank);
}

constexpr bool IsCommand(const model::SmmuSpec& spec, uint32_t offset) {
  uint16_t bank = 0;
  uint32_t at = 0;
  if (IsSync(spec, offset)) return true;
  if (offset >= 0x060 && offset <= 0x06c) return true;  // STLBIALL to TLBIALLH
  if (offset == 0x078) return true;                     // TLBIVAH
  if (offset >= 0x0b0 && offset < 0x0c8) return true;   // TLBIVALH64, TLBIVMIDS1, TLBIVAH64
  return InAnyBank(spec, offset, &bank, &at) && at >= 0x600 && at < 0x640;
}

// True when offset decides what a bank translates with; `bank` is the one.
constexpr bool NamesBank(const model::SmmuSpec& spec, uint32_t offset, uint16_t* bank) {
  uint32_t at = 0;
  if (In(offset, Cbar(spec), spec.banks)) {
    *bank = IndexIn(offset, Cbar(spec));
    return true;
  }
  if (In(offset, Cba2r(spec), spec.banks)) {
    *bank = IndexIn(offset, Cba2r(spec));
    return true;
  }
  if (!InAnyBank(spec, offset, bank, &at)) return false;
  return at == kSctlr || (at >= kTtbr0 && at < kTtbr0 + 8) || at == kTcr;
}

// Every 32-bit word of the policy image, for the comparison of whole pairs.
inline std::vector<uint32_t> PolicyOffsets(const model::SmmuSpec& spec) {
  std::vector<uint32_t> offsets = {kSCr0, kSCr2, kSAcr};
  for (uint32_t i = 0; i < spec.entries; i++) {
    offsets.push_back(kSmr + 4 * i);
    offsets.push_back(kS2cr + 4 * i);
  }
  for (uint32_t i = 0; i < spec.banks; i++) {
    offsets.push_back(Cbar(spec) + 4 * i);
    offsets.push_back(Cba2r(spec) + 4 * i);
    for (uint32_t at = 0; at < 0x40; at += 4) {
      if (IsPolicyInBank(at)) offsets.push_back(Bank(spec, i) + at);
    }
  }
  return offsets;
}

}  // namespace sidewall::layout

#endif  // SIDEWALL_ORACLE_SMMU_LAYOUT_H_
