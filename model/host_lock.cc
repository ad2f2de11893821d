// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/host_lock.h"

namespace sidewall::model {

uint32_t LockLedger::RankOf(uint32_t id) {
  if (id == kHostLock) return 0;
  return id < kDriverLocks ? id + 1 : kRanks;
}

uint32_t LockLedger::IdOf(uint32_t rank) { return rank == 0 ? kHostLock : rank - 1; }

void LockLedger::Reset() {
  for (uint16_t& holder : holder_) holder = kFree;
}

bool LockLedger::Holds(uint8_t cpu, uint32_t id) const {
  const uint32_t rank = RankOf(id);
  return rank < kRanks && holder_[rank] == cpu;
}

LockReport LockLedger::Take(uint8_t cpu, uint32_t id) {
  const uint32_t rank = RankOf(id);
  if (rank == kRanks) return {LockFault::kUnknown, id, id};
  LockReport report;
  if (holder_[rank] == cpu) {
    report = {LockFault::kTwice, id, id};
  } else if (holder_[rank] != kFree) {
    report = {LockFault::kContended, id, id};
  }
  for (uint32_t later = rank + 1; later < kRanks && report.fault == LockFault::kNone; later++) {
    if (holder_[later] == cpu) report = {LockFault::kOrder, id, IdOf(later)};
  }
  holder_[rank] = cpu;
  return report;
}

LockReport LockLedger::Drop(uint8_t cpu, uint32_t id) {
  const uint32_t rank = RankOf(id);
  if (rank == kRanks || holder_[rank] != cpu) return {LockFault::kNotHeld, id, id};
  holder_[rank] = kFree;
  return {};
}

LockReport LockLedger::DriverLockHeld(uint8_t cpu, LockFault fault) const {
  for (uint32_t rank = 1; rank < kRanks; rank++) {
    if (holder_[rank] == cpu) return {fault, IdOf(rank), IdOf(rank)};
  }
  return {};
}

LockReport LockLedger::OnReturn(uint8_t cpu) const {
  return DriverLockHeld(cpu, LockFault::kHeldOnReturn);
}

LockReport LockLedger::InCall(uint8_t cpu) const {
  return DriverLockHeld(cpu, LockFault::kHeldInCall);
}

}  // namespace sidewall::model
