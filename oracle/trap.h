// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The syndrome of a trapped access, made and read. The reference reads it on its own, so that a
// driver that decodes wrongly is held against somebody else's reading.
//
//     uint64_t esr = MakeSyndrome(4, 5, true);            // str w5, [x]
//     TrappedAccess access = ReadSyndrome(esr, ipa, regs);
#ifndef SIDEWALL_ORACLE_TRAP_H_
#define SIDEWALL_ORACLE_TRAP_H_

#include <cstdint>

#include "sidewall/driver.h"

namespace sidewall {

inline constexpr uint64_t kZeroRegister = 31;

struct TrappedAccess {
  bool legal = false;  // the architecture gives it one meaning
  bool write = false;
  unsigned width = 0;
  uint64_t value = 0;  // of a write
  uint64_t srt = 0;
  bool sign_extend = false;
  bool sixty_four = false;
};

constexpr bool IsAccessWidth(uint64_t width) {
  return width == 1 || width == 2 || width == 4 || width == 8;
}

// ESR_ELx of a data abort from a lower exception level with a valid instruction syndrome.
constexpr uint64_t MakeSyndrome(uint64_t width, uint64_t srt, bool write) {
  const uint64_t sas = width == 8 ? 3 : width == 4 ? 2 : width == 2 ? 1 : 0;
  return uint64_t{0x24} << 26 | uint64_t{1} << 25 | uint64_t{1} << 24 | sas << 22 | srt << 16 |
         uint64_t{width == 8} << 15 | uint64_t{write} << 6 | 0x07;
}

constexpr TrappedAccess ReadSyndrome(uint64_t esr, uint64_t ipa, const struct sidewall_regs& regs) {
  TrappedAccess access;
  const bool abort = (esr >> 26 & 0x3f) == 0x24;
  const bool valid = esr >> 24 & 1;
  const bool odd = (esr >> 10 & 1) || (esr >> 9 & 1) || (esr >> 8 & 1) || (esr >> 7 & 1);
  // DFSC 0x04 to 0x0f: a translation, access flag or permission fault, which stage 2 gives for what
  // it withholds. No other cause makes an access that somebody else could answer.
  const uint64_t cause = esr & 0x3f;
  const bool withheld = cause >= 0x04 && cause <= 0x0f;
  access.width = 1u << (esr >> 22 & 3);
  access.write = esr >> 6 & 1;
  const uint64_t srt = esr >> 16 & 31;
  access.value = srt == kZeroRegister ? 0 : regs.x[srt];
  access.srt = srt;
  access.sign_extend = esr >> 21 & 1;
  access.sixty_four = esr >> 15 & 1;
  access.legal = abort && valid && withheld && !odd && ipa % access.width == 0;
  return access;
}

// What the register of a load holds once `loaded` has come from the bus.
constexpr uint64_t RegisterAfter(const TrappedAccess& access, uint64_t loaded) {
  if (access.width == 8) return loaded;
  const unsigned bits = 8 * access.width;
  uint64_t value = loaded & ((uint64_t{1} << bits) - 1);
  if (access.sign_extend && (value >> (bits - 1) & 1)) value |= ~uint64_t{0} << bits;
  return access.sixty_four ? value : value & 0xffffffff;
}

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_TRAP_H_
