// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/attributes.h"

#include "model/smmu_state.h"

namespace sidewall::model {

namespace {

constexpr unsigned kNonCacheable = 4;  // a nibble of the MAIR encoding

enum Cacheability : unsigned { kNone = 0, kWriteThrough = 1, kWriteBack = 2 };

// 0100 is non-cacheable; 00RW and 10RW are write-through, 01RW and 11RW write-back. 0000 is
// reserved in a byte that is not a device's, and taken as non-cacheable.
constexpr Cacheability ClassOf(unsigned nibble) {
  if (nibble == kNonCacheable || nibble == 0) return kNone;
  return (nibble & 4) != 0 ? kWriteBack : kWriteThrough;
}

constexpr unsigned CombineNibbles(unsigned stage1, unsigned stage2) {
  const Cacheability first = ClassOf(stage1);
  const Cacheability second = ClassOf(stage2);
  if (first == kNone || second == kNone) return kNonCacheable;
  // Hints and the transient mark are those of stage 1, and so is all else if it is the weaker one.
  return second < first ? stage1 & ~4u : stage1;
}

// Writes allocation hints into a cacheable nibble; 00 beside a transient mark would mean something
// else, so that mark goes.
constexpr unsigned WithHints(unsigned nibble, unsigned read_allocate, unsigned write_allocate) {
  if (ClassOf(nibble) == kNone) return nibble;
  if (read_allocate >= 2) nibble = (nibble & ~2u) | (read_allocate == 2 ? 2u : 0u);
  if (write_allocate >= 2) nibble = (nibble & ~1u) | (write_allocate == 2 ? 1u : 0u);
  return (nibble & 3) == 0 ? nibble | 8u : nibble;
}

constexpr uint8_t Byte(unsigned outer, unsigned inner) {
  return static_cast<uint8_t>(outer << 4 | inner);
}

// SH of a descriptor; 01 is reserved, and taken as not shareable.
constexpr uint8_t ShareabilityOf(uint64_t descriptor) {
  const auto sh = static_cast<uint8_t>(Bits(descriptor, 9, 8));
  return sh == 1 ? kNonShareable : sh;
}

// SHCFG and BPSHCFG count otherwise than SH does.
constexpr uint8_t ShareabilityOfConfig(unsigned config, uint8_t otherwise) {
  constexpr uint8_t kMeaning[4] = {0, kOuterShareable, kInnerShareable, kNonShareable};
  return config == 0 ? otherwise : kMeaning[config & 3];
}

}  // namespace

AttributeOverride OverrideOfControl(uint32_t value) {
  AttributeOverride with;
  with.type = Bit(value, 20);
  with.mem_attr = static_cast<uint8_t>(Bits(value, 19, 16));
  with.shareability = static_cast<uint8_t>(Bits(value, 23, 22));
  with.read_allocate = static_cast<uint8_t>(Bits(value, 25, 24));
  with.write_allocate = static_cast<uint8_t>(Bits(value, 27, 26));
  return with;
}

AttributeOverride OverrideOfEntry(uint32_t s2cr) {
  AttributeOverride with;
  with.type = Bit(s2cr, 11);
  with.mem_attr = static_cast<uint8_t>(Bits(s2cr, 15, 12));
  with.shareability = static_cast<uint8_t>(Bits(s2cr, 9, 8));
  with.read_allocate = static_cast<uint8_t>(Bits(s2cr, 21, 20));
  with.write_allocate = static_cast<uint8_t>(Bits(s2cr, 23, 22));
  return with;
}

Attributes Apply(const AttributeOverride& with, Attributes to) {
  if (with.type) to.memory = MemoryOfMemAttr(with.mem_attr);
  to.shareability = ShareabilityOfConfig(with.shareability, to.shareability);
  if (!IsDevice(to.memory)) {
    to.memory = Byte(WithHints(to.memory >> 4, with.read_allocate, with.write_allocate),
                     WithHints(to.memory & 15u, with.read_allocate, with.write_allocate));
  }
  return to;
}

uint8_t MemoryOfMemAttr(unsigned mem_attr) {
  const unsigned outer = mem_attr >> 2 & 3;
  const unsigned inner = mem_attr & 3;
  if (outer == 0) return static_cast<uint8_t>(inner << 2);  // device: nGnRnE, nGnRE, nGRE, GRE
  // Inner 0 is reserved beside normal memory, and taken as non-cacheable.
  constexpr unsigned kNibble[4] = {kNonCacheable, kNonCacheable, 0xb, 0xf};
  return Byte(kNibble[outer], kNibble[inner]);
}

Attributes Stage1Attributes(uint64_t descriptor, uint32_t mair0, uint32_t mair1) {
  const unsigned index = static_cast<unsigned>(Bits(descriptor, 4, 2));
  const uint32_t mair = index < 4 ? mair0 : mair1;
  return {static_cast<uint8_t>(mair >> (index % 4 * 8)), ShareabilityOf(descriptor)};
}

Attributes Stage2Attributes(uint64_t descriptor) {
  return {MemoryOfMemAttr(static_cast<unsigned>(Bits(descriptor, 5, 2))),
          ShareabilityOf(descriptor)};
}

Attributes BypassedStage2Attributes(uint32_t cbar) {
  return {MemoryOfMemAttr(static_cast<unsigned>(Bits(cbar, 15, 12))),
          ShareabilityOfConfig(static_cast<unsigned>(Bits(cbar, 9, 8)), kNonShareable)};
}

Attributes CombineStages(Attributes stage1, Attributes stage2) {
  Attributes both;
  if (stage1.shareability == kOuterShareable || stage2.shareability == kOuterShareable) {
    both.shareability = kOuterShareable;
  } else {
    both.shareability = static_cast<uint8_t>(stage1.shareability | stage2.shareability);
  }
  if (IsDevice(stage1.memory) && IsDevice(stage2.memory)) {
    both.memory = stage1.memory < stage2.memory ? stage1.memory : stage2.memory;
  } else if (IsDevice(stage1.memory) || IsDevice(stage2.memory)) {
    both.memory = IsDevice(stage1.memory) ? stage1.memory : stage2.memory;
  } else {
    both.memory = Byte(CombineNibbles(stage1.memory >> 4, stage2.memory >> 4),
                       CombineNibbles(stage1.memory & 15u, stage2.memory & 15u));
  }
  return both;
}

Attributes Settle(Attributes attributes) {
  const bool uncached =
      ClassOf(attributes.memory >> 4) == kNone && ClassOf(attributes.memory & 15u) == kNone;
  if (IsDevice(attributes.memory) || uncached) attributes.shareability = kOuterShareable;
  return attributes;
}

}  // namespace sidewall::model
