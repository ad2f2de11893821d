// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The canary that refuses everything: registers read as zero, writes are dropped, no stream ever
// translates. A legal program that passes here proves nothing.
#include "oracle/canary/canary.h"
#include "oracle/trap.h"

extern "C" {

struct sidewall_result SIDEWALL_SYM(init)(struct sidewall_state* s, uint64_t, void* ctx,
                                          const struct sidewall_cfg* cfg) {
  canary::Take(s, ctx, cfg);
  return canary::kOk;
}

struct sidewall_result SIDEWALL_SYM(handle_dabt)(struct sidewall_state*, struct sidewall_regs* regs,
                                                 uint64_t esr, uint64_t ipa) {
  const sidewall::TrappedAccess access = sidewall::ReadSyndrome(esr, ipa, *regs);
  const uint64_t srt = esr >> 16 & 31;
  if (!access.write && srt != sidewall::kZeroRegister) regs->x[srt] = 0;
  return canary::kOk;
}

}  // extern "C"
