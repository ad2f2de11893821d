// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Puts the descriptors of one case in place, along the way that its walk will go, and no others.
//
//     TableBuilder builder(random, &one, {Aim::kDelivered, 3}, {Aim::kPermissionFault, 2});
//     if (!builder.Build()) Redraw();     // a table came to lie where no table may
#ifndef SIDEWALL_MODEL_CHECK_TABLES_H_
#define SIDEWALL_MODEL_CHECK_TABLES_H_

#include <cstdint>

#include "model/check/draw.h"

namespace sidewall::check {

// SplitMix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  unsigned Below(unsigned bound) { return static_cast<unsigned>((Next() >> 32) * bound >> 32); }
  bool OneIn(unsigned n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

// What is wanted of the walks of one stage: of the last one (the address itself), or of the
// of_fetch-th table fetch of stage 1.
struct Plan {
  Aim aim = Aim::kDelivered;
  unsigned level = 3;
  unsigned of_fetch = 0;
};

class TableBuilder {
 public:
  TableBuilder(Random& random, Case* one, const Plan& stage1, const Plan& stage2)
      : random_(random), case_(*one), plan1_(stage1), plan2_(stage2) {}

  bool Build();

 private:
  enum class End : uint8_t { kAt, kFaults, kAstray };
  // Where a walk of one stage stands.
  struct Level {
    unsigned page_bits;
    unsigned shift;  // of the addresses that one descriptor covers
    unsigned at;
    unsigned output_bits;
  };

  uint64_t NewTable(unsigned size_bits);
  uint64_t NewHole(unsigned size_bits);
  uint64_t OutOfSize(const Level& level);
  const TableStore* Find(uint64_t pa) const;
  void Put(uint64_t pa, uint64_t value) { case_.stores.push_back({pa, value}); }
  uint64_t InvalidDescriptor(const Level& level, uint8_t stage);
  bool CanBeLeaf(const Level& level) const {
    return level.at == 3 || level.at == 2 || (level.at == 1 && level.page_bits == 12);
  }
  static uint64_t LeafType(const Level& level) { return level.at == 3 ? 3 : 1; }
  bool Allowed1(unsigned ap) const;
  uint64_t LeafBits1(Aim aim);
  uint64_t TableBits1();
  uint64_t LeafBits2(Aim aim, bool fetch);
  uint64_t AddressForTable(uint64_t pa);

  bool Build1();
  End Step1(const Plan& plan, const Level& level, unsigned leaf_level, uint64_t pa, uint64_t* next);
  End Map2(uint64_t ipa, uint64_t wanted, const Plan& plan, bool fetch, uint64_t* pa);
  uint64_t Step2(const Plan& plan, const Level& level, unsigned leaf_level, uint64_t wanted,
                 bool fetch);
  void MakeRoot2();

  Random& random_;
  Case& case_;
  Plan plan1_;
  Plan plan2_;
  unsigned table_ap_ = 0;  // APTable of the levels so far
};

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_TABLES_H_
