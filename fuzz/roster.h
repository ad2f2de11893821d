// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What lives on the other side of the waist's calls, as far as a program tells: VMs, domains, the
// streams that are assigned or attached, what is mapped, which unit is without power. Part of the
// sketch, and as rough: every call is taken to succeed.
//
//     Roster roster;
//     for (const Event& event : program.events) roster.Note(event);
//     if (const Roster::Mapping* mapping = roster.AnyMapping(&random)) Unmap(*mapping);
#ifndef SIDEWALL_FUZZ_ROSTER_H_
#define SIDEWALL_FUZZ_ROSTER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz/random.h"
#include "model/event.h"

namespace sidewall::fuzz {

inline constexpr uint64_t kHostOwner = 0;
inline constexpr uint64_t kGuestOwner = 2;
inline constexpr uint64_t kVmCount = 4;
// The host names its domains itself; those of a VM follow, so many for each.
inline constexpr uint64_t kHostDomainCount = 32;
inline constexpr uint64_t kVmDomainCount = 8;

class Roster {
 public:
  enum class Power : uint8_t { kOn, kSuspended, kOff };
  struct Domain {
    uint64_t handle = 0;
    uint64_t owner = kHostOwner;
    uint64_t vm() const { return owner - kGuestOwner; }
    bool of_host() const { return owner == kHostOwner; }
  };
  // A stream that a VM was given, or that the host attached to a domain.
  struct Stream {
    uint64_t owner = kHostOwner;
    uint64_t side = 0;
    uint64_t sid = 0;
    bool routed = false;
    uint64_t pviommu = 0;
    uint64_t vsid = 0;
    bool attached = false;
    uint64_t domain = 0;
  };
  struct Mapping {
    uint64_t domain = 0;
    uint64_t iova = 0;
    uint64_t pa = 0;
    uint64_t size = 0;
  };

  void Note(const Event& event);

  bool VmLives(uint64_t vm) const { return vm < kVmCount && (vms_ >> vm & 1) != 0; }
  bool VmServed(uint64_t vm) const { return vm < kVmCount && (served_ >> vm & 1) != 0; }
  Power PowerOf(uint64_t side) const { return side < kSides ? power_[side] : Power::kOn; }
  const std::vector<Domain>& domains() const { return domains_; }
  const std::vector<Stream>& streams() const { return streams_; }
  const std::vector<Mapping>& mappings() const { return mappings_; }

  // One of each at random, or null.
  const Domain* AnyDomain(Random* random) const;
  const Stream* AnyStream(Random* random) const;
  const Mapping* AnyMapping(Random* random) const;
  const Domain* FindDomain(uint64_t handle) const;
  const Stream* FindStream(uint64_t side, uint64_t sid) const;
  const Stream* StreamOf(uint64_t domain) const;
  // Whether a transfer of this stream meets something that is mapped.
  bool Delivers(uint64_t side, uint64_t sid, uint64_t address) const;
  // Handles and numbers that nothing uses; the last ones where all are in use.
  uint64_t FreeDomain(Random* random) const;
  uint64_t FreeVm() const;

 private:
  static constexpr size_t kSides = 3;
  static constexpr size_t kMaxMappings = 64;

  void NoteVm(const Event& event);
  void NoteGuest(const Event& event);
  void NoteHost(const Event& event);
  void AddDomain(uint64_t handle, uint64_t owner);
  void DropDomain(uint64_t handle, uint64_t owner);
  void AddMapping(uint64_t domain, uint64_t iova, uint64_t pa, uint64_t size);
  void CutMapping(uint64_t domain, uint64_t iova, uint64_t size);
  Stream* Owned(uint64_t owner, uint64_t side, uint64_t sid);
  Stream* Routed(uint64_t owner, uint64_t pviommu, uint64_t vsid);

  uint8_t vms_ = 0;
  uint8_t served_ = 0;
  Power power_[kSides] = {};
  std::vector<Domain> domains_;
  std::vector<Stream> streams_;
  std::vector<Mapping> mappings_;
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_ROSTER_H_
