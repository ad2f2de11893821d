// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The trace ring: the last accesses that were mediated, with decision and reason. Each logical SMMU
// and the memory controller has one of its own, written under the lock that the access holds
// anyway, so that a record costs no lock and tells nothing of what another CPU was doing.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

struct RingPlace {
  const Ring* ring = nullptr;
  uint32_t lock_id = 0;
};

RingPlace PlaceOf(const State& state, uint32_t number) {
  if (number == kMcRing) return {&state.mc.ring, SIDEWALL_LOCK_MC};
  if (number >= state.smmu_count) return {};
  return {&state.smmu[number].ring, state.smmu[number].lock_id};
}

}  // namespace

sidewall_result ReadRing(State& state, uint32_t owner, uint64_t sequence,
                         sidewall_ring_record* out) {
  if (owner > SIDEWALL_OWNER_EL2) return Result(SIDEWALL_REFUSED);
  const uint32_t number = static_cast<uint32_t>(sequence % kRingCount);
  const uint64_t position = sequence / kRingCount;
  const RingPlace place = PlaceOf(state, number);
  if (place.ring == nullptr) return Result(SIDEWALL_REFUSED);
  LockGuard lock(state.ctx, place.lock_id);
  const uint64_t next = place.ring->next;
  const uint64_t oldest = next > kRingRecords ? next - kRingRecords : 0;
  if (position >= next) return Result(SIDEWALL_REFUSED, next * kRingCount + number);
  if (position < oldest) return Result(SIDEWALL_REFUSED, oldest * kRingCount + number);
  *out = place.ring->record[position % kRingRecords];
  // What EL2 made of it would show the host which banks and VMIDs are EL2's.
  if (owner == SIDEWALL_OWNER_HOST) out->hw_value = 0;
  return Result(SIDEWALL_OK, sequence + kRingCount);
}

}  // namespace SIDEWALL_NS
