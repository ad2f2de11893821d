// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The public functions for power, interrupts and time.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

bool IsFinal(const sidewall_state* s) { return s != nullptr && PhaseOf(s->body) == Phase::kFinal; }

}  // namespace
}  // namespace SIDEWALL_NS

using namespace SIDEWALL_NS;

struct sidewall_result SIDEWALL_SYM(suspend)(struct sidewall_state* s, uint32_t iommu) {
  if (!IsFinal(s)) return Result(SIDEWALL_REFUSED);
  return PowerDown(s->body, iommu, Power::kSuspended);
}

struct sidewall_result SIDEWALL_SYM(resume)(struct sidewall_state* s, uint32_t iommu) {
  if (!IsFinal(s)) return Result(SIDEWALL_REFUSED);
  return PowerUp(s->body, iommu, Power::kSuspended);
}

struct sidewall_result SIDEWALL_SYM(power_off)(struct sidewall_state* s, uint32_t iommu) {
  if (!IsFinal(s)) return Result(SIDEWALL_REFUSED);
  return PowerDown(s->body, iommu, Power::kOff);
}

struct sidewall_result SIDEWALL_SYM(power_on)(struct sidewall_state* s, uint32_t iommu) {
  if (!IsFinal(s)) return Result(SIDEWALL_REFUSED);
  return PowerUp(s->body, iommu, Power::kOff);
}

struct sidewall_result SIDEWALL_SYM(fault_irq)(struct sidewall_state* s, uint32_t iommu) {
  if (!IsFinal(s)) return Result(SIDEWALL_REFUSED);
  Smmu* smmu = UnitOf(s->body, iommu);
  if (smmu == nullptr) return Result(SIDEWALL_REFUSED);
  return Result(SIDEWALL_OK, ScanFaults(*smmu));
}

struct sidewall_result SIDEWALL_SYM(tick)(struct sidewall_state* s, uint64_t now_us) {
  if (!IsFinal(s)) return Result(SIDEWALL_REFUSED);
  State& state = s->body;
  if (now_us >= state.boot_deadline_us) EndBootStreams(state);
  uint32_t told = 0;
  bool whole = true;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    whole &= RecoverUnit(state, i);
    told += ScanFaults(state.smmu[i]);
  }
  return Result(whole ? SIDEWALL_OK : SIDEWALL_DEGRADED, told);
}
