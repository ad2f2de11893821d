// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The host lock for as long as a scope lasts.
//
//     const Hold hold(*this, calls);
#ifndef SIDEWALL_MODEL_HYP_HOLD_H_
#define SIDEWALL_MODEL_HYP_HOLD_H_

#include "model/hyp.h"

namespace sidewall::model {

class Hyp::Hold {
 public:
  Hold(Hyp& hyp, HypCalls& calls) : hyp_(hyp), calls_(calls) { hyp_.Lock(calls_, kHostLock); }
  ~Hold() { hyp_.Unlock(calls_, kHostLock); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  Hyp& hyp_;
  HypCalls& calls_;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_HYP_HOLD_H_
