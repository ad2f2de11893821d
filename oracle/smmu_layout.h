// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Where the registers lie that the invariants look at, and which of them are policy (the same in
// both instances of a pair) or commands (invalidations and syncs, which go to both).
//
//     const layout::Place place = layout::PlaceOf(spec, 0xc14);   // S2CR[5]
//     layout::IsPolicy(place);                                    // true
//     layout::Bank(spec, 3) + layout::kSctlr;                     // 0x830000 on Tegra234
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
inline constexpr uint32_t kTlbiVmid = 0x064;
inline constexpr uint32_t kTlbiAllNsnh = 0x068;
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

// What sCR0 holds of the floor: USFCFG and SMCFCFG, and neither CLIENTPD, EXIDENABLE nor VMID16EN.
constexpr bool OnFloor(uint32_t scr0) {
  constexpr uint32_t kOnes = (1u << 10) | (1u << 21);
  constexpr uint32_t kZeros = (1u << 0) | (1u << 3) | (1u << 31);
  return (scr0 & kOnes) == kOnes && (scr0 & kZeros) == 0;
}

// Registers lie in pages of the size that IDR1.PAGESIZE tells; CBAR and CBA2R in the second.
constexpr uint32_t PageSize(const model::SmmuSpec& spec) {
  return (spec.idr[1] >> 31) != 0 ? 0x10000 : 0x1000;
}
constexpr uint32_t Cbar(const model::SmmuSpec& spec) { return PageSize(spec); }
constexpr uint32_t Cba2r(const model::SmmuSpec& spec) { return PageSize(spec) + 0x800; }

// Banks follow the global pages, whose number IDR1.NUMPAGENDXB tells.
constexpr uint32_t Bank(const model::SmmuSpec& spec, uint32_t bank) {
  return ((2u << (spec.idr[1] >> 28 & 7)) + bank) * PageSize(spec);
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
  // The compiler cannot know that the size is a power of two.
  const unsigned shift = PageSize(spec) == 0x10000 ? 16 : 12;
  *bank = static_cast<uint16_t>((offset - base) >> shift);
  *at = (offset - base) & (PageSize(spec) - 1);
  return true;
}

// What an offset is in. Every store is asked several things about it.
struct Place {
  enum class Kind : uint8_t { kElsewhere, kSmrs, kS2crs, kCbars, kCba2rs, kBank };
  Kind kind = Kind::kElsewhere;
  uint16_t index = 0;  // of the entry, or of the bank
  uint32_t at = 0;     // kBank: in the page of the bank; else, in the window
};
constexpr Place PlaceOf(const model::SmmuSpec& spec, uint32_t offset) {
  const auto in = [offset](uint32_t first, uint32_t count, Place::Kind kind, Place* place) {
    if (!In(offset, first, count)) return false;
    *place = {kind, IndexIn(offset, first), offset};
    return true;
  };
  Place place = {Place::Kind::kElsewhere, 0, offset};
  if (InAnyBank(spec, offset, &place.index, &place.at)) {
    place.kind = Place::Kind::kBank;
  } else if (!in(kSmr, spec.entries, Place::Kind::kSmrs, &place) &&
             !in(kS2cr, spec.entries, Place::Kind::kS2crs, &place) &&
             !in(Cbar(spec), spec.banks, Place::Kind::kCbars, &place)) {
    in(Cba2r(spec), spec.banks, Place::Kind::kCba2rs, &place);
  }
  return place;
}
constexpr bool InBank(const Place& place, uint32_t which) {
  return place.kind == Place::Kind::kBank && place.at == which;
}

constexpr bool IsPolicyInBank(uint32_t at) {
  // SCTLR, ACTLR, TCR2, TTBR0, TTBR1, TCR, CONTEXTIDR, MAIR0, MAIR1.
  return at == 0x000 || at == 0x004 || at == 0x010 || (at >= 0x020 && at < 0x040);
}

constexpr bool IsPolicy(const Place& place) {
  const uint32_t at = place.at;
  if (place.kind == Place::Kind::kBank) return IsPolicyInBank(at);
  return place.kind != Place::Kind::kElsewhere || at == kSCr0 || at == kSCr2 || at == kSAcr;
}

constexpr bool IsSync(const Place& place) {
  return InBank(place, kTlbSync) ||
         (place.kind == Place::Kind::kElsewhere && place.at == kTlbGSync);
}

constexpr bool IsCommand(const Place& place) {
  const uint32_t at = place.at;
  if (IsSync(place)) return true;
  if (place.kind == Place::Kind::kBank) return at >= 0x600 && at < 0x640;
  if (place.kind != Place::Kind::kElsewhere) return false;
  if (at >= 0x060 && at <= 0x06c) return true;  // STLBIALL to TLBIALLH
  if (at == 0x078) return true;                 // TLBIVAH
  return at >= 0x0b0 && at < 0x0c8;             // TLBIVALH64, TLBIVMIDS1, TLBIVAH64
}

constexpr bool IsInvalidation(const Place& place) { return IsCommand(place) && !IsSync(place); }

// True where it is decided what the bank translates with.
constexpr bool NamesBank(const Place& place) {
  const uint32_t at = place.at;
  if (place.kind == Place::Kind::kCbars || place.kind == Place::Kind::kCba2rs) return true;
  if (place.kind != Place::Kind::kBank) return false;
  return at == kSctlr || (at >= kTtbr0 && at < kTtbr0 + 8) || at == kTcr;
}

// Every 32-bit word of the policy image, for the comparison of whole pairs.
inline std::vector<uint32_t> PolicyOffsets(const model::SmmuSpec& spec) {
  std::vector<uint32_t> offsets;
  constexpr uint32_t kOfBank = 2 + 0x40 / 4;  // at most
  offsets.reserve(3 + 2 * spec.entries + kOfBank * spec.banks);
  offsets = {kSCr0, kSCr2, kSAcr};
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
