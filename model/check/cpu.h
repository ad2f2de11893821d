// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A case as a processor has it: registers of EL1 and EL2, and PAR_EL1 taken apart.
//
//     AppendCase(one, &batch);                      // as the image wants it
//     Answer got = AnswerOf(batch.results[0]);
//     if (got.fault == Fault::kTranslation) Note(got.stage, got.level);
#ifndef SIDEWALL_MODEL_CHECK_CPU_H_
#define SIDEWALL_MODEL_CHECK_CPU_H_

#include <cstdint>

#include "model/check/batch.h"
#include "model/check/draw.h"

namespace sidewall::check {

enum class Fault : uint8_t {
  kNone,
  kAddressSize,
  kTranslation,
  kAccessFlag,
  kPermission,
  kExternal,
  kOther,
};

// Where one translation ends, in words that both sides have.
struct Answer {
  Fault fault = Fault::kNone;
  uint8_t level = 0;
  uint8_t stage = 0;          // that faulted
  bool stage1_walk = false;   // stage 2 faulted at the fetch of a table of stage 1
  uint8_t fetches = 0;        // of stage-1 tables; told by the model only
  uint64_t fetch = 0;         // where stage 1 has the table of the last; told by the model only
  uint8_t leaf_bits[2] = {};  // log2 of the leaf of each stage, 0: none; told by the model only
  uint64_t page = 0;          // of 4 KiB
  uint8_t attribute = 0;      // as in MAIR
  uint8_t shareability = 0;   // 0 non, 2 outer, 3 inner
};

struct CpuRegisters {
  uint64_t sctlr, tcr, ttbr0, ttbr1, mair, hcr, vtcr, vttbr;
};

CpuRegisters RegistersOf(const Case& one);
// False: there is no room left.
bool AppendCase(const Case& one, Batch* batch, uint32_t* store_count);
Answer AnswerOf(const BatchResult& result);

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_CPU_H_
