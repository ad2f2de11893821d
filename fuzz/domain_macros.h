// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Sequences of the hypervisor's calls: a guest with a device, a domain of the host's, what is
// mapped and taken away under them, their ends in each order, and hardware that fails meanwhile.
//
//     DomainMacros macros(values, &random);
//     macros.Any(sketch, &events);     // a guest that is set up; once there is one, what befalls
//     it
#ifndef SIDEWALL_FUZZ_DOMAIN_MACROS_H_
#define SIDEWALL_FUZZ_DOMAIN_MACROS_H_

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "fuzz/random.h"
#include "fuzz/roster.h"
#include "fuzz/sketch.h"
#include "fuzz/values.h"
#include "model/event.h"

namespace sidewall::fuzz {

using Events = std::vector<Event>;

Event CallEvent(EventKind kind, std::initializer_list<uint64_t> args);

class DomainMacros {
 public:
  DomainMacros(const Values& values, Random* random) : values_(values), random_(*random) {}

  void Any(const Sketch& sketch, Events* out);

  void SetUpGuest(const Sketch& sketch, Events* out);
  void SetUpHostDomain(const Sketch& sketch, Events* out);
  // One more mapping, at places where tables begin and end, and transfers round its edges.
  void MapMore(const Sketch& sketch, Events* out);
  // A part of what is mapped, with the sync or without it, and who gets the page then.
  void UnmapPart(const Sketch& sketch, Events* out);
  // A page changes hands while a domain maps it.
  void TakeMapped(const Sketch& sketch, Events* out);
  void DetachStream(const Sketch& sketch, Events* out);
  // Detach, free, unassign, destroy: some of them, in an order of chance; then who comes next.
  void TearDown(const Sketch& sketch, Events* out);
  // A unit goes and comes back, and something happens meanwhile.
  void PowerCycle(const Sketch& sketch, Events* out);
  // An instance that does not answer, while something happens, and once it does.
  void Unanswered(const Sketch& sketch, Events* out);
  // An allocation that fails inside a call, and the call again.
  void FailedAllocation(const Sketch& sketch, Events* out);
  // Who has a stream: identity, block, an entry of the host's, a domain, a VM.
  void PassStream(const Sketch& sketch, Events* out);
  // A stream of the host's, and one beside it that a VM gets.
  void AssignNeighbour(const Sketch& sketch, Events* out);
  // Faults of a stream, and who is told.
  void FaultAndTell(const Sketch& sketch, Events* out);
  void BlocksAndPages(const Sketch& sketch, Events* out);
  void FillBanks(const Sketch& sketch, Events* out);
  // Indices that come and go until they come back.
  void Churn(const Sketch& sketch, Events* out);

  // A transfer that something that is mapped should meet; false where nothing is.
  bool Transfer(const Sketch& sketch, Events* out);

 private:
  struct Who {
    uint64_t side = 0;
    uint64_t sid = 0;
  };
  Who FreeStream(const Sketch& sketch);
  Who SomeStream(const Sketch& sketch);
  Who SiblingOf(Who* who);
  uint64_t Iova();
  Event Dma(const Who& who, uint64_t address);
  void Probe(const Who& who, uint64_t iova, uint64_t size, Events* out);
  Event Map(const Roster::Domain& domain, uint64_t iova, uint64_t pa, uint64_t pages);
  Event Unmap(const Roster::Domain& domain, uint64_t iova, uint64_t pages);
  Event Detach(const Roster::Stream& stream);
  Event Free(const Roster::Domain& domain);
  // A page that the owner of a domain has, donated if need be.
  uint64_t PageFor(const Sketch& sketch, const Roster::Domain& domain, uint64_t pages, Events* out);
  Event Sync(uint64_t side, uint64_t mode);
  Event Record(const Who& who, uint64_t window);
  // One call that changes what is in force.
  void Something(const Sketch& sketch, Events* out);
  void HostEntry(const Sketch& sketch, const Who& who, Events* out);
  void DetachUnanswered(const Sketch& sketch, const Roster::Stream& stream, Events* out);

  const Values& values_;
  Random& random_;
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_DOMAIN_MACROS_H_
