// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Whole sequences as a kernel, a hypervisor or an attacker would make them. Drawing events one by
// one hardly ever attaches a stream; these do, and mutation then bends them.
//
//     Macros macros(values, &random);
//     macros.Any(sketch, &events);     // appends, for example, an attach and some DMA through it
#ifndef SIDEWALL_FUZZ_MACROS_H_
#define SIDEWALL_FUZZ_MACROS_H_

#include <cstdint>
#include <vector>

#include "fuzz/random.h"
#include "fuzz/sketch.h"
#include "fuzz/values.h"
#include "model/event.h"

namespace sidewall::fuzz {

using Events = std::vector<Event>;

// Single events with legal defaults.
Event MakeEvent(EventKind kind);
Event HostWrite(uint64_t window, uint64_t offset, uint64_t width, uint64_t value);
Event HostRead(uint64_t window, uint64_t offset, uint64_t width);
Event HostWrite32(uint64_t window, uint64_t offset, uint64_t value);
Event HostWrite64(uint64_t window, uint64_t offset, uint64_t value);
Event HostRead32(uint64_t window, uint64_t offset);
// A register whole, at its own width.
Event WriteWhole(const model::RegisterInfo& reg, uint64_t window, uint64_t offset, uint64_t value);
Event HostStore64(uint64_t pa, uint64_t value);
Event DmaEvent(uint64_t client, uint64_t address, bool write);
Event StreamDma(uint64_t side, uint64_t sid, uint64_t address);
// The same in any direction, through any instance.
Event AnyStreamDma(Random* random, uint64_t side, uint64_t sid, uint64_t address);
Event OwnerChange(EventKind kind, uint64_t page, uint64_t count, uint64_t owner);

class Macros {
 public:
  Macros(const Values& values, Random* random) : values_(values), random_(*random) {}

  // One macro, drawn by what the sketch makes possible.
  void Any(const Sketch& sketch, Events* out);
  // DMA that should be delivered; of any kind where nothing is attached.
  void GoodDma(const Sketch& sketch, Events* out);
  // One transfer that this target should deliver.
  Event DmaThrough(const Sketch& sketch, const Target& target);
  // DMA that should fault.
  void BadDma(const Sketch& sketch, Events* out);

  void AttachIdentity(const Sketch& sketch, Events* out);
  void AttachTranslated(const Sketch& sketch, Events* out);
  void Overlap(const Sketch& sketch, Events* out);
  void Detach(const Sketch& sketch, Events* out);
  void UnmapAndFlush(const Sketch& sketch, Events* out);
  void DonateUnderDma(const Sketch& sketch, Events* out);
  void ReclaimOne(const Sketch& sketch, Events* out);
  // A page that leaves the host and mostly comes back at once.
  void PassAround(const Sketch& sketch, Events* out);
  void FlushAll(Events* out);
  void MirrorPair(Events* out);
  void RawAbort(Events* out);
  void SyncTimeout(const Sketch& sketch, Events* out);
  void HardwareFault(const Sketch& sketch, Events* out);
  // One field of one register, every register alike, over what a kernel would have there; and what
  // reads back.
  void PokeField(const Sketch& sketch, Events* out);
  // A page taken away under a stage 1 that names it, the fault that follows on one instance, and
  // all that a kernel or an attacker does with its record.
  void StageTwoFault(const Sketch& sketch, Events* out);
  // The root of a live bank in halves.
  void SplitRoot(const Sketch& sketch, Events* out);
  void KernelReset(Events* out);
  // Any register, read-only ones too, as a kernel or an attacker would look at it.
  void ReadAny(const Sketch& sketch, Events* out);
  // Bits of registers that decide where DMA goes, over what a kernel would have there.
  void BendPolicy(const Sketch& sketch, Events* out);
  // The last entry or bank of the host's and the first of EL2's, or an entry that names them.
  void EdgeOfShare(const Sketch& sketch, Events* out);

 private:
  struct Policy {
    uint64_t offset;
    uint64_t value;
  };

  void WriteTables(uint64_t slot, Events* out);
  Policy PolicyOf(const Sketch& sketch, const Target& target);

  const Values& values_;
  Random& random_;
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_MACROS_H_
