// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the two canary drivers share: a takeover that leaves everything closed, and the calls that
// neither of them has. A canary keeps its cookie and its board in the block, like any driver.
//
//     canary::Canary* c = canary::Take(state, ctx, cfg);   // inside init
#ifndef SIDEWALL_ORACLE_CANARY_CANARY_H_
#define SIDEWALL_ORACLE_CANARY_CANARY_H_

#include "sidewall/driver.h"

namespace canary {

struct Canary {
  void* ctx;
  struct sidewall_cfg cfg;
};

inline constexpr struct sidewall_result kOk = {SIDEWALL_OK, 0, 0};
inline constexpr struct sidewall_result kUnsupported = {SIDEWALL_UNSUPPORTED, 0, 0};

inline Canary* Get(struct sidewall_state* s) { return reinterpret_cast<Canary*>(s); }

// Closes every instance and sets every client's SID, once; returns the state.
Canary* Take(struct sidewall_state* s, void* ctx, const struct sidewall_cfg* cfg);

// True when ipa lies in a window of the board.
bool Owns(const Canary& canary, uint64_t ipa);

}  // namespace canary

#endif  // SIDEWALL_ORACLE_CANARY_CANARY_H_
