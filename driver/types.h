// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Addresses and indices as types, so that a bank number cannot be passed where a VMID is meant.
//
//     ContextBank bank{3};
//     uint32_t offset = BankOffset(bank) + cb::kSCTLR;
//
// Everything internal to the driver lives in SIDEWALL_NS, whose name carries the prefix of the
// public symbols: two drivers with different prefixes can be linked side by side.
#ifndef SIDEWALL_DRIVER_TYPES_H_
#define SIDEWALL_DRIVER_TYPES_H_

#include <stddef.h>
#include <stdint.h>

#include "sidewall/driver.h"

#define SIDEWALL_NS SIDEWALL_SYM(detail)

namespace SIDEWALL_NS {

struct Pa {
  uint64_t value = 0;
  constexpr bool operator==(const Pa&) const = default;
};

struct Ipa {
  uint64_t value = 0;
  constexpr bool operator==(const Ipa&) const = default;
};

// As the memory controller knows it, 7 bits. What reaches an SMMU may have upper bits on top.
struct StreamId {
  uint32_t value = 0;
  constexpr bool operator==(const StreamId&) const = default;
};

struct ContextBank {
  uint32_t value = 0;
  constexpr bool operator==(const ContextBank&) const = default;
};

struct EntryIndex {
  uint32_t value = 0;
  constexpr bool operator==(const EntryIndex&) const = default;
};

struct Vmid {
  uint32_t value = 0;
  constexpr bool operator==(const Vmid&) const = default;
};

inline constexpr uint64_t kPageSize = 4096;
inline constexpr uint64_t kPageMask = kPageSize - 1;

// Address bit 39 selects a data format at the crossbar, not memory: nothing at or above it is ever
// mapped, and ownership is decided without it.
inline constexpr uint64_t kFormatBit = uint64_t{1} << 39;

constexpr uint64_t AlignDown(uint64_t value, uint64_t step) { return value & ~(step - 1); }

// Saturates: the callers compare with a limit far below the top of the address space.
constexpr uint64_t AlignUp(uint64_t value, uint64_t step) {
  return value > ~uint64_t{0} - (step - 1) ? ~uint64_t{0} & ~(step - 1)
                                           : (value + step - 1) & ~(step - 1);
}

// A bit field as the manual writes it: high bit, low bit.
struct Field {
  uint8_t high;
  uint8_t low;
  constexpr uint32_t mask() const {
    const uint32_t width = uint32_t{high} - low + 1u;
    return (width >= 32 ? ~uint32_t{0} : (uint32_t{1} << width) - 1u) << low;
  }
  constexpr uint32_t Get(uint32_t word) const { return (word & mask()) >> low; }
  constexpr uint32_t Of(uint32_t value) const { return (value << low) & mask(); }
};

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_TYPES_H_
