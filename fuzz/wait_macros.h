// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What one call leaves because a sync did not end, and what meets it: a detachment that waits, a
// page that was unmapped and may be in a TLB still, a stage 2 that nobody names. All of it happens
// to a handful of streams, domains and pages, since two calls that are drawn apart hardly ever
// meet over the same ones.
//
//     WaitMacros(values, &random).Any(sketch, &events);
#ifndef SIDEWALL_FUZZ_WAIT_MACROS_H_
#define SIDEWALL_FUZZ_WAIT_MACROS_H_

#include "fuzz/macros.h"

namespace sidewall::fuzz {

class WaitMacros {
 public:
  WaitMacros(const Values& values, Random* random) : values_(values), random_(*random) {}

  // A cast, what it leaves, and one to three calls that meet it; then the syncs end, and some meet
  // what is left of it.
  void Any(const Sketch& sketch, Events* out);

 private:
  // Who takes part. The guest's streams are of the same unit, or of one device that has streams on
  // this unit and on another.
  struct Cast {
    uint64_t side = 0;
    uint64_t sid = 0;
    uint64_t second = 0;  // the host's too, mostly beside it, so that one mask covers both
    uint64_t third = 0;   // the host's own entry leads it, together with the one beside it
    uint64_t domain = 0;
    uint64_t spare = 0;  // a domain without streams
    uint64_t vm = 0;
    uint64_t guest_side = 0;
    uint64_t guest_sid = 0;
    uint64_t abroad_side = 0;
    uint64_t abroad_sid = 0;
    uint64_t iova = 0;
    uint64_t page = 0;
    uint64_t other_page = 0;
    bool has_vm = false;
    bool serves = false;  // the VM has a domain of its own
  };

  Cast Choose(const Sketch& sketch);
  void ChooseDevice(Cast* cast);
  void SetUp(const Cast& cast, Events* out);
  void SetUpVm(const Cast& cast, Events* out);
  // From here on syncs of the unit end never, or as the hardware draws; and at once again.
  void Stop(const Cast& cast, bool any_unit, Events* out);
  void Go(const Cast& cast, Events* out);
  void Leave(const Cast& cast, Events* out);
  void Between(const Cast& cast, Events* out);
  void Meet(const Cast& cast, Events* out);
  void MeetMemory(const Cast& cast, Events* out);
  void MeetVm(const Cast& cast, Events* out);
  void End(const Cast& cast, Events* out);
  // A call that must be refused, and leave what waits as it is.
  void Refused(const Cast& cast, Events* out);
  void Probe(const Cast& cast, Events* out);
  void HostEntry(const Cast& cast, Events* out);
  void Sleep(const Cast& cast, Events* out);
  void TidyUp(const Cast& cast, Events* out);
  uint64_t Window(uint64_t side) const { return static_cast<uint64_t>(WindowOfSide(side)); }

  const Values& values_;
  Random& random_;
  Events undo_;  // what takes back what was done, where a call alone does not
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_WAIT_MACROS_H_
