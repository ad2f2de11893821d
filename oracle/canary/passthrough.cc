// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The canary that forwards every access of the host as it is. Isolation holds while nobody
// attacks, so a hostile program that passes here proves nothing.
#include "oracle/canary/canary.h"
#include "oracle/trap.h"

extern "C" {

struct sidewall_result SIDEWALL_SYM(init)(struct sidewall_state* s, uint64_t, void* ctx,
                                          const struct sidewall_cfg* cfg) {
  canary::Take(s, ctx, cfg);
  return canary::kOk;
}

struct sidewall_result SIDEWALL_SYM(handle_dabt)(struct sidewall_state* s,
                                                 struct sidewall_regs* regs, uint64_t esr,
                                                 uint64_t ipa) {
  const canary::Canary* c = canary::Get(s);
  const sidewall::TrappedAccess access = sidewall::ReadSyndrome(esr, ipa, *regs);
  if (!access.legal || !canary::Owns(*c, ipa)) return {SIDEWALL_REFUSED, 0, 0};
  uint64_t wide = 0;
  uint32_t word = 0;
  if (access.write) {
    if (access.width == 4) sidewall_plat_write32(c->ctx, ipa, static_cast<uint32_t>(access.value));
    if (access.width == 8) sidewall_plat_write64(c->ctx, ipa, access.value);
    return canary::kOk;
  }
  if (access.width == 4) sidewall_plat_read32(c->ctx, ipa, &word);
  if (access.width == 8) sidewall_plat_read64(c->ctx, ipa, &wide);
  const uint64_t srt = esr >> 16 & 31;
  if (srt != sidewall::kZeroRegister) regs->x[srt] = access.width == 8 ? wide : word;
  return canary::kOk;
}

}  // extern "C"
