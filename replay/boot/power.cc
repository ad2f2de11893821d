// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The whole machine asleep: the kernel has put its devices to sleep and asks firmware to switch
// everything off. The driver is told before the power of the SMMUs goes and after it is back, the
// modelled hardware loses its state between, and the kernel goes on where it said, as from reset.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

namespace sidewall::boot {
namespace {

// What a unit that must keep its power answers is counted; the tool says what it makes of it.
bool Told(const struct sidewall_result& result) {
  if (result.status == SIDEWALL_OK) return true;
  ++Shared().power_calls_failed;
  return false;
}

// While a unit is down its masters are held, and until the driver has restored it, too.
void CutPower(uint8_t side) {
  Hardware().GateMasters(side, true);
  Hardware().SetPower(side, false);
  ++Shared().power_cuts;
}

void Restore(uint8_t side) {
  Hardware().SetPower(side, true);
  Hardware().GateMasters(side, true);
  Told(sidewall_resume(DriverState(), side));
  Hardware().GateMasters(side, false);
}

}  // namespace

void SystemSuspend() {
  const model::BoardSpec& board = Hardware().board();
  ++Shared().system_suspends;
  bool cut[model::kMaxSmmus] = {};
  for (size_t i = 0; i < board.smmu_count && TakenOver(); ++i) {
    cut[i] = Told(sidewall_suspend(DriverState(), board.smmu[i].side));
  }
  for (size_t i = 0; i < board.smmu_count; ++i) {
    if (cut[i]) CutPower(board.smmu[i].side);
  }
  for (size_t i = 0; i < board.smmu_count; ++i) {
    if (cut[i]) Restore(board.smmu[i].side);
  }
  Mark(kMarkAwake);
}

}  // namespace sidewall::boot
