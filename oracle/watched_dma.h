// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A transfer that must go on working while a call stores, and which stores can redirect it.
//
//     WatchedDma watch = {request, pa};
//     watch.Follow(machine.Translate(request));              // where it goes, before the stores
//     if (watch.MayRedirect(machine, instance, place, false)) Ask(machine.Translate(request));
#ifndef SIDEWALL_ORACLE_WATCHED_DMA_H_
#define SIDEWALL_ORACLE_WATCHED_DMA_H_

#include <cstddef>
#include <cstdint>

#include "model/machine.h"
#include "oracle/smmu_layout.h"

namespace sidewall {

struct WatchedDma {
  model::DmaRequest request;
  uint64_t pa = 0;
  // As it was found last, on the machine.
  size_t instance = 0;
  uint16_t sid = 0;
  model::Resolution via = {};

  void Follow(const model::DmaResult& result) {
    instance = result.instance;
    sid = result.sid;
    via = result.via;
  }

  // False: a store to this register, which has been made, leaves the transfer what it was when it
  // was followed. So is one to another instance, to an entry that does not match, and to policy of
  // a bank that is not on the way. wide: the store was one of 64 bits.
  bool MayRedirect(const model::Machine& machine, size_t stored, const layout::Place& place,
                   bool wide) const {
    if (stored != instance) return false;
    // A context that is not in order does not tell all banks that it may name.
    if (via.match_count != 1 || via.route == model::Route::kBadContext) return true;
    if (wide && place.kind != layout::Place::Kind::kBank) return true;
    const bool on_the_way = place.index == via.bank || place.index == via.stage2_bank;
    switch (place.kind) {
      case layout::Place::Kind::kSmrs: {
        const uint32_t smr = machine.smmu(instance).smr[place.index];
        const bool matches = smr >> 31 != 0 && ((smr ^ sid) & ~(smr >> 16) & 0x7fff) == 0;
        return matches || place.index == via.entry;
      }
      case layout::Place::Kind::kS2crs:
        return place.index == via.entry;
      case layout::Place::Kind::kCbars:
      case layout::Place::Kind::kCba2rs:
        return on_the_way;
      case layout::Place::Kind::kBank:
        return on_the_way || !layout::IsPolicyInBank(place.at);
      default:
        return true;
    }
  }
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_WATCHED_DMA_H_
