// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// System registers by name, and the few instructions that C++ has no words for.
//
//     WriteSysreg(vttbr_el2, table);
//     Isb();
#ifndef SIDEWALL_REPLAY_BOOT_SYSREG_H_
#define SIDEWALL_REPLAY_BOOT_SYSREG_H_

#include <stdint.h>

#define ReadSysreg(name)                                 \
  ({                                                     \
    uint64_t sysreg_value;                               \
    asm volatile("mrs %0, " #name : "=r"(sysreg_value)); \
    sysreg_value;                                        \
  })
#define WriteSysreg(name, value) \
  asm volatile("msr " #name ", %0" : : "r"(static_cast<uint64_t>(value)) : "memory")

namespace sidewall::boot {

// MMU and caches off, as EL1 is entered.
inline constexpr uint64_t kSctlrEl1Reset = 0x30d00800;

inline void Isb() { asm volatile("isb" ::: "memory"); }
inline void DsbSy() { asm volatile("dsb sy" ::: "memory"); }
// Ends all cached translations of the guest, both stages.
inline void FlushGuestTlb() {
  asm volatile("dsb ishst\n\ttlbi vmalls12e1is\n\tdsb ish\n\tisb" ::: "memory");
}

inline uint32_t Load32(uint64_t pa) { return *reinterpret_cast<volatile uint32_t*>(pa); }
inline void Store32(uint64_t pa, uint32_t value) {
  *reinterpret_cast<volatile uint32_t*>(pa) = value;
}
inline uint64_t Load64(uint64_t pa) { return *reinterpret_cast<volatile uint64_t*>(pa); }
inline void Store64(uint64_t pa, uint64_t value) {
  *reinterpret_cast<volatile uint64_t*>(pa) = value;
}

}  // namespace sidewall::boot

#endif  // SIDEWALL_REPLAY_BOOT_SYSREG_H_
