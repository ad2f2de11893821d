// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// When a stream was last taken from what led it, by instance: what it has under way is waited for
// by a sync only if that begins behind the store that closed it.
//
//     closings.EndCall();
//     closings.Begin(instance, streams[side], leads);  // a call that is about these streams
//     closings.OnEntry(instance, clock, leads);        // it has stored to an entry
//     closings.At(instance, sid);                      // a sync that began later drains the stream
#ifndef SIDEWALL_ORACLE_CLOSINGS_H_
#define SIDEWALL_ORACLE_CLOSINGS_H_

#include <array>
#include <cstdint>

#include "model/machine.h"
#include "oracle/ghost_domains.h"

namespace sidewall {

class Closings {
 public:
  using SidSet = GhostDomains::SidSet;

  void Reset() { at_ = {}; }
  // leads(sid): whether the instance leads the stream somewhere now.
  template <typename F>
  void Begin(size_t instance, const SidSet& streams, F leads) {
    Call& call = call_[instance];
    any_ = true;
    call.streams = streams;
    ForEach(streams, [&](uint16_t sid) { call.led[sid] = leads(sid); });
    call.led_before = call.led;
  }
  // Most calls are about no stream, and cost nothing.
  void EndCall() {
    if (any_) call_ = {};
    any_ = false;
  }
  template <typename F>
  void OnEntry(size_t instance, uint64_t clock, F leads) {
    if (!any_) return;
    Call& call = call_[instance];
    ForEach(call.streams, [&](uint16_t sid) {
      const bool now = leads(sid);
      if (call.led[sid] && !now) at_[instance][sid] = clock;
      call.led[sid] = now;
    });
  }
  // The clock of the instance at the last store that closed the stream; 0: none did.
  uint64_t At(size_t instance, uint16_t sid) const { return at_[instance][sid & 0x7f]; }
  bool LedBefore(size_t instance, uint16_t sid) const {
    return call_[instance].led_before[sid & 0x7f];
  }
  template <typename F>
  static void ForEach(const SidSet& streams, F f) {
    if (streams.none()) return;
    for (uint16_t sid = 0; sid < streams.size(); sid++) {
      if (streams[sid]) f(sid);
    }
  }

 private:
  struct Call {
    SidSet streams, led, led_before;
  };

  std::array<std::array<uint64_t, GhostDomains::kSids>, model::kMaxInstances> at_ = {};
  std::array<Call, model::kMaxInstances> call_;
  bool any_ = false;  // of `call_`
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_CLOSINGS_H_
