// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Memory type and shareability of an access, and how the stages and overrides make them.
//
//     Attributes a = {0xff, 3};                        // write-back, inner shareable
//     a = CombineStages(a, Stage2Attributes(leaf));    // the weaker cacheability wins
//     assert(Settle(a).memory == 0x44);                // as PAR_EL1.ATTR would show it
//
// `memory` is a byte in the encoding of MAIR_EL1: high nibble zero for device memory, whose type is
// in bits 3:2; else outer cacheability above inner cacheability, each with its allocation hints.
#ifndef SIDEWALL_MODEL_ATTRIBUTES_H_
#define SIDEWALL_MODEL_ATTRIBUTES_H_

#include <stdint.h>

namespace sidewall::model {

inline constexpr uint8_t kMemoryNormal = 0xff;  // write-back, read and write allocate
inline constexpr uint8_t kNonShareable = 0;
inline constexpr uint8_t kOuterShareable = 2;
inline constexpr uint8_t kInnerShareable = 3;

struct Attributes {
  uint8_t memory = kMemoryNormal;
  uint8_t shareability = kNonShareable;

  constexpr bool operator==(const Attributes&) const = default;
};

// What a configuration register makes of the attributes of a transaction.
struct AttributeOverride {
  bool type = false;          // MTCFG: mem_attr replaces the memory type
  uint8_t mem_attr = 0;       // MemAttr
  uint8_t shareability = 0;   // SHCFG: 0 as it is, 1 outer, 2 inner, 3 not shareable
  uint8_t read_allocate = 0;  // RACFG, WACFG: 2 allocate, 3 do not allocate
  uint8_t write_allocate = 0;
};
// sCR0 and SCTLR have these fields at the same bits, S2CR has its own.
AttributeOverride OverrideOfControl(uint32_t cr0_or_sctlr);
AttributeOverride OverrideOfEntry(uint32_t s2cr);
Attributes Apply(const AttributeOverride& with, Attributes to);

// The four-bit MemAttr of a stage-2 descriptor or a register, as a MAIR byte.
uint8_t MemoryOfMemAttr(unsigned mem_attr);
constexpr bool IsDevice(uint8_t memory) { return (memory & 0xf0) == 0; }

Attributes Stage1Attributes(uint64_t descriptor, uint32_t mair0, uint32_t mair1);
Attributes Stage2Attributes(uint64_t descriptor);
// CBAR of type 1 stands for a stage 2 that has these attributes everywhere.
Attributes BypassedStage2Attributes(uint32_t cbar);

// Device memory wins over normal memory, and the stricter device type over the weaker; of two
// cacheabilities the weaker one, with the allocation hints of stage 1; of two domains the larger.
Attributes CombineStages(Attributes stage1, Attributes stage2);
// Device memory and what no cache may hold is outer shareable, whatever was asked.
Attributes Settle(Attributes attributes);

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_ATTRIBUTES_H_
