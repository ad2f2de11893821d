// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Random tables for which walks go deep. A case is drawn backwards: first what shall happen, where
// (a stage, a granule, a level), then registers for which it can, then only the descriptors that
// the walk reads. What then happens may be something else; the histogram counts what did.
//
//     Case one = DrawCase(seed, 17);               // always the same for the same numbers
//     for (const TableStore& store : one.stores) Put(store.pa, store.value);
//     // registers for the processor: cpu.h; for the SMMU: subject.h
#ifndef SIDEWALL_MODEL_CHECK_DRAW_H_
#define SIDEWALL_MODEL_CHECK_DRAW_H_

#include <cstdint>
#include <vector>

#include "model/check/batch.h"

namespace sidewall::check {

// What a case is drawn for.
enum class Aim : uint8_t {
  kDelivered,
  kTranslationFault,
  kAccessFlagFault,
  kPermissionFault,
  kAddressSizeFault,
  kExternalAbort,
  kAnything,
};

// A granule is told as the bits of its page: 12 or 16. Output sizes are the architecture's code:
// 0 to 5 for 32, 36, 40, 42, 44 and 48 bits.
struct Stage1 {
  bool on = false;
  bool wxn = false;
  unsigned size[2] = {16, 16};  // T0SZ, T1SZ
  unsigned granule[2] = {12, 12};
  bool disabled[2] = {};     // EPD0, EPD1
  bool top_byte[2] = {};     // TBI0, TBI1
  unsigned walk_attr = 0;    // IRGN0, ORGN0, SH0 in the low 6 bits, those of TTBR1 above
  bool asid_of_one = false;  // A1
  unsigned output = 5;       // IPS, PASize
  uint64_t root[2] = {};     // of TTBR0 and TTBR1
  uint16_t asid[2] = {};
  uint64_t mair = 0;
};

struct Stage2 {
  bool on = false;
  bool alone = false;         // a bank of type 0, and not stage 1 switched off
  bool protect_walk = false;  // HCR_EL2.PTW, SCTLR.PTW: no stage-1 tables in device memory
  unsigned size = 16;         // T0SZ
  unsigned start = 0;         // SL0
  unsigned granule = 12;
  unsigned walk_attr = 0;
  unsigned output = 5;  // PS, PASize
  uint64_t root = 0;
  uint8_t vmid = 0;
};

struct Case {
  uint64_t index = 0;
  Stage1 stage1;
  Stage2 stage2;
  uint64_t address = 0;  // as the processor has it, 64 bits
  uint32_t operation = kS1E1R;
  uint16_t stream = 0;
  uint8_t bank1 = 0;
  uint8_t bank2 = 1;
  std::vector<TableStore> stores;
  Aim aim = Aim::kAnything;
  // The levels at which the last leaf of each stage lies, where the walk gets so far.
  uint8_t leaf_level[2] = {};
  // Of the half of the address space that the address is in.
  unsigned stage1_granule = 12;
  // What the last leaf of each stage says: a byte of MAIR, the four bits of stage 2.
  uint8_t memory[2] = {};
  // The stage, or 0, in which the walk meets a block where the format has none, and the level.
  uint8_t reserved_block_stage = 0;
  uint8_t reserved_block_level = 0;
};

Case DrawCase(uint64_t seed, uint64_t index);

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_DRAW_H_
