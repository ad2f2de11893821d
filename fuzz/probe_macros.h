// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Looks at the whole surface that the host can touch, where the other macros do what a kernel
// would: every register by name, widths and places that no kernel uses, the words of every client,
// and hardware as an unknown boot loader leaves it. The events are cheap, so there are many of
// them.
//
//     ProbeMacros(values, &random).Any(sketch, &events);
#ifndef SIDEWALL_FUZZ_PROBE_MACROS_H_
#define SIDEWALL_FUZZ_PROBE_MACROS_H_

#include "fuzz/macros.h"

namespace sidewall::fuzz {

class ProbeMacros {
 public:
  ProbeMacros(const Values& values, Random* random) : values_(values), random_(*random) {}

  void Any(const Sketch& sketch, Events* out);

  // Registers of one SMMU, each name as likely as the next: what is written, and what reads back.
  void Sweep(const Sketch& sketch, Events* out);
  // Widths, alignments and places that no kernel uses, in any window.
  void OddAccesses(Events* out);
  // Override and security words of the memory controller, of clients and of what is none; and DMA
  // that chooses its own stream ID.
  void ClientWords(Events* out);
  // Two entries that only the upper bits of a stream ID tell apart, and streams with such bits.
  void UpperBits(const Sketch& sketch, Events* out);
  // Takes over hardware in an unknown state, with DMA and the host's accesses before it is done.
  void BootAnew(Events* out);

 private:
  uint64_t OddOffset(uint64_t window);
  void Register(Events* out);
  Event Trouble();

  const Values& values_;
  Random& random_;
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_PROBE_MACROS_H_
