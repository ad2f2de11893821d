// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Transactions that are under way: translated already, and delivered as late as hardware may. A
// sync waits for what was under way when it began, whatever has changed since; with the power of a
// side, or when its masters are stopped, nothing of it stays under way.
#include "model/machine.h"

namespace sidewall::model {

void Machine::TakeOff(const DmaRequest& request, const DmaResult& result) {
  if (!request.late || result.fault != FaultKind::kNone) return;
  if (flights_.count == kMaxHeldDma) return;
  flights_.issued[flights_.count] = ++flights_.last;
  flights_.flight[flights_.count++] = {request, result, result.via.bank};
}

// What was issued up to `issued` has arrived; of a bank, or, for kNoIndex, of all.
void Machine::Land(size_t index, uint16_t bank, uint64_t issued) {
  size_t kept = 0;
  for (size_t i = 0; i < flights_.count; ++i) {
    const HeldDma flight = flights_.flight[i];
    const bool mine = flight.result.instance == index && (bank == kNoIndex || flight.bank == bank);
    if (mine && flights_.issued[i] <= issued) continue;
    flights_.issued[kept] = flights_.issued[i];
    flights_.flight[kept++] = flight;
  }
  flights_.count = kept;
}

}  // namespace sidewall::model
