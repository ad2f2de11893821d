// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The mutator's own source of chance. The distributions of the standard library differ between
// libraries; a seed must mean the same programs everywhere. Compilers differ, too: two draws as
// arguments of one call or on both sides of one operator are made in either order, and so each is
// given a name first. Draws in braces go from left to right.
//
//     Random random(seed);
//     if (random.OneIn(4)) value = random.Below(10);
#ifndef SIDEWALL_FUZZ_RANDOM_H_
#define SIDEWALL_FUZZ_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace sidewall::fuzz {

// SplitMix64: 64 bits of state, every seed is good.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // From 0 to limit - 1; 0 when limit is 0. The bias of the remainder does not matter here.
  uint64_t Below(uint64_t limit) { return limit == 0 ? 0 : Next() % limit; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  uint64_t OneOf(std::initializer_list<uint64_t> values) {
    return values.begin()[Below(values.size())];
  }
  // An index, drawn by weight.
  template <size_t N>
  size_t Weighted(const unsigned (&weights)[N]) {
    unsigned total = 0;
    for (const unsigned weight : weights) total += weight;
    uint64_t draw = Below(total);
    size_t i = 0;
    while (i + 1 < N && draw >= weights[i]) draw -= weights[i++];
    return i;
  }

 private:
  uint64_t state_;
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_RANDOM_H_
