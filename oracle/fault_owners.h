// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Whose each stream was when it faulted, which is what a notice may be about.
//
//     owners.Note(instance, sid, owner);       // a transaction has faulted
//     owners.Moved(instance, sid, owner);      // a call gave the stream to somebody
//     owners.Met(instance, sid, owner);        // it has faulted as theirs, since they have it
//
// One record can stand for many faults and one stream can have a record in several banks, so that
// nothing is counted: it is only told apart what can be theirs from what cannot.
#ifndef SIDEWALL_ORACLE_FAULT_OWNERS_H_
#define SIDEWALL_ORACLE_FAULT_OWNERS_H_

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>

#include "model/event.h"
#include "model/machine.h"

namespace sidewall {

class FaultOwners {
 public:
  static constexpr size_t kSids = 128;

  void Reset() { *this = FaultOwners(); }

  void BeginCall() {
    for (std::bitset<kSids>& sids : in_call_) sids.reset();
  }

  void Note(size_t instance, uint16_t sid, uint8_t owner) {
    by_[instance][sid % kSids] |= Bit(owner);
    in_call_[instance].set(sid % kSids);
  }

  // What a guest met with a stream before is not of its present life. A fault inside the call that
  // moves the stream can be on either side of the move. The host's banks keep its own records while
  // the stream is a guest's, so that the host is never too late.
  void Moved(size_t instance, uint16_t sid, uint8_t owner) {
    uint8_t& by = by_[instance][sid % kSids];
    if (owner != model::kOwnerHost) by &= static_cast<uint8_t>(~Bit(owner));
    if (in_call_[instance][sid % kSids]) by |= Bit(owner);
  }

  bool Met(size_t instance, uint16_t sid, uint8_t owner) const {
    return (by_[instance][sid % kSids] & Bit(owner)) != 0;
  }
  bool MetNone(size_t instance, uint16_t sid) const { return by_[instance][sid % kSids] == 0; }

 private:
  // What EL2 keeps from everybody the host is told of.
  static uint8_t Bit(uint8_t owner) {
    if (owner == model::kOwnerEl2) owner = model::kOwnerHost;
    return static_cast<uint8_t>(1u << owner);
  }

  std::array<std::array<uint8_t, kSids>, model::kMaxInstances> by_ = {};
  std::array<std::bitset<kSids>, model::kMaxInstances> in_call_;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_FAULT_OWNERS_H_
