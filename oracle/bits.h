// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Sets of numbers that are kept as words of 64 bits: of entries that are valid, of banks that are
// on.
//
//     AnyBit(smmu.valid_entries, [&](uint32_t entry) { return Matches(smmu.smr[entry]); })
#ifndef SIDEWALL_ORACLE_BITS_H_
#define SIDEWALL_ORACLE_BITS_H_

#include <bit>
#include <cstdint>
#include <iterator>

namespace sidewall {

// Calls f(n) for each n of the set, from the lowest on, until one call returns true; whether one
// did.
template <typename Words, typename F>
bool AnyBit(const Words& words, F f) {
  for (uint32_t word = 0; word < std::size(words); word++) {
    for (uint64_t left = words[word]; left != 0; left &= left - 1) {
      if (f(64 * word + static_cast<uint32_t>(std::countr_zero(left)))) return true;
    }
  }
  return false;
}

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_BITS_H_
