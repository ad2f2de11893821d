// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/roster.h"

#include <algorithm>

namespace sidewall::fuzz {
namespace {

template <typename T>
const T* AnyOf(const std::vector<T>& list, Random* random) {
  return list.empty() ? nullptr : &list[random->Below(list.size())];
}

}  // namespace

const Roster::Domain* Roster::AnyDomain(Random* random) const { return AnyOf(domains_, random); }
const Roster::Stream* Roster::AnyStream(Random* random) const { return AnyOf(streams_, random); }
const Roster::Mapping* Roster::AnyMapping(Random* random) const { return AnyOf(mappings_, random); }

const Roster::Domain* Roster::FindDomain(uint64_t handle) const {
  for (const Domain& domain : domains_) {
    if (domain.handle == handle) return &domain;
  }
  return nullptr;
}

const Roster::Stream* Roster::FindStream(uint64_t side, uint64_t sid) const {
  for (const Stream& stream : streams_) {
    if (stream.side == side && stream.sid == sid) return &stream;
  }
  return nullptr;
}

const Roster::Stream* Roster::StreamOf(uint64_t domain) const {
  for (const Stream& stream : streams_) {
    if (stream.attached && stream.domain == domain) return &stream;
  }
  return nullptr;
}

bool Roster::Delivers(uint64_t side, uint64_t sid, uint64_t address) const {
  const Stream* stream = FindStream(side, sid);
  if (stream == nullptr || !stream->attached || PowerOf(side) != Power::kOn) return false;
  for (const Mapping& mapping : mappings_) {
    if (mapping.domain == stream->domain && address - mapping.iova < mapping.size) return true;
  }
  return false;
}

uint64_t Roster::FreeDomain(Random* random) const {
  const uint64_t start = random->OneIn(4) ? random->Below(kHostDomainCount) : random->Below(3);
  for (uint64_t i = 0; i < kHostDomainCount; ++i) {
    const uint64_t handle = (start + i) % kHostDomainCount;
    if (FindDomain(handle) == nullptr) return handle;
  }
  return kHostDomainCount - 1;
}

uint64_t Roster::FreeVm() const {
  for (uint64_t vm = 0; vm < kVmCount; ++vm) {
    if (!VmLives(vm)) return vm;
  }
  return kVmCount - 1;
}

void Roster::AddDomain(uint64_t handle, uint64_t owner) {
  if (FindDomain(handle) == nullptr) domains_.push_back({handle, owner});
}

// Detaching is up to the caller of the call; what is freed while it is attached stays.
void Roster::DropDomain(uint64_t handle, uint64_t owner) {
  const Domain* domain = FindDomain(handle);
  if (domain == nullptr || domain->owner != owner || StreamOf(handle) != nullptr) return;
  std::erase_if(mappings_, [&](const Mapping& m) { return m.domain == handle; });
  std::erase_if(domains_, [&](const Domain& d) { return d.handle == handle; });
}

void Roster::AddMapping(uint64_t domain, uint64_t iova, uint64_t pa, uint64_t size) {
  bool sound = size != 0 && iova + size > iova;
  for (const Mapping& m : mappings_) {
    if (m.domain == domain && iova < m.iova + m.size && m.iova < iova + size) sound = false;
  }
  if (sound && mappings_.size() < kMaxMappings && FindDomain(domain) != nullptr) {
    mappings_.push_back({domain, iova, pa, size});
  }
}

void Roster::CutMapping(uint64_t domain, uint64_t iova, uint64_t size) {
  const uint64_t end = iova + size;
  std::vector<Mapping> rest;
  for (const Mapping& m : mappings_) {
    if (m.domain != domain || end <= m.iova || iova >= m.iova + m.size) {
      rest.push_back(m);
      continue;
    }
    if (iova > m.iova) rest.push_back({domain, m.iova, m.pa, iova - m.iova});
    if (end < m.iova + m.size) {
      rest.push_back({domain, end, m.pa + (end - m.iova), m.iova + m.size - end});
    }
  }
  mappings_ = std::move(rest);
}

Roster::Stream* Roster::Owned(uint64_t owner, uint64_t side, uint64_t sid) {
  for (Stream& stream : streams_) {
    if (stream.owner == owner && stream.side == side && stream.sid == sid) return &stream;
  }
  return nullptr;
}

Roster::Stream* Roster::Routed(uint64_t owner, uint64_t pviommu, uint64_t vsid) {
  for (Stream& stream : streams_) {
    const bool same = stream.pviommu == pviommu && stream.vsid == vsid;
    if (stream.owner == owner && stream.routed && same) return &stream;
  }
  return nullptr;
}

void Roster::NoteVm(const Event& event) {
  const uint64_t vm = event.arg[0];
  const uint64_t owner = kGuestOwner + vm;
  if (vm >= kVmCount) return;
  const uint8_t bit = static_cast<uint8_t>(1u << vm);
  if (event.kind == EventKind::kVmCreate) vms_ |= bit;
  if (!VmLives(vm)) return;
  switch (event.kind) {
    case EventKind::kVmFinalize:
      served_ |= bit;
      return;
    case EventKind::kVmAssign:
      if (FindStream(event.arg[1], event.arg[2]) != nullptr) return;
      streams_.push_back({.owner = owner, .side = event.arg[1], .sid = event.arg[2]});
      return;
    case EventKind::kVmUnassign:
      std::erase_if(streams_, [&](const Stream& s) {
        return s.owner == owner && s.side == event.arg[1] && s.sid == event.arg[2] && !s.attached;
      });
      return;
    case EventKind::kVmRouteAdd:
      if (Stream* stream = Owned(owner, event.arg[3], event.arg[4]); stream != nullptr) {
        stream->routed = true;
        stream->pviommu = event.arg[1];
        stream->vsid = event.arg[2];
      }
      return;
    case EventKind::kVmDestroy:
      std::erase_if(mappings_, [&](const Mapping& m) {
        const Domain* domain = FindDomain(m.domain);
        return domain != nullptr && domain->owner == owner;
      });
      std::erase_if(domains_, [&](const Domain& d) { return d.owner == owner; });
      std::erase_if(streams_, [&](const Stream& s) { return s.owner == owner; });
      vms_ &= static_cast<uint8_t>(~bit);
      served_ &= static_cast<uint8_t>(~bit);
      return;
    default:
      return;
  }
}

void Roster::NoteGuest(const Event& event) {
  const uint64_t vm = event.arg[0];
  const uint64_t owner = kGuestOwner + vm;
  if (!VmServed(vm)) return;
  const bool attach = event.kind == EventKind::kGuestAttach;
  switch (event.kind) {
    case EventKind::kGuestAlloc:
      for (uint64_t n = 0; n < kVmDomainCount; ++n) {
        const uint64_t handle = kHostDomainCount + vm * kVmDomainCount + n;
        if (FindDomain(handle) == nullptr) return AddDomain(handle, owner);
      }
      return;
    case EventKind::kGuestFree:
      return DropDomain(event.arg[1], owner);
    case EventKind::kGuestMap:
      return AddMapping(event.arg[1], event.arg[2], event.arg[3], event.arg[4]);
    case EventKind::kGuestUnmap:
      return CutMapping(event.arg[1], event.arg[2], event.arg[3]);
    case EventKind::kGuestAttach:
    case EventKind::kGuestDetach:
      if (Stream* stream = Routed(owner, event.arg[1], event.arg[2]); stream != nullptr) {
        if (stream->attached == attach) return;
        stream->attached = attach;
        stream->domain = event.arg[3];
      }
      return;
    default:
      return;
  }
}

void Roster::NoteHost(const Event& event) {
  switch (event.kind) {
    case EventKind::kHvcAllocDomain:
      if (event.arg[0] < kHostDomainCount) AddDomain(event.arg[0], kHostOwner);
      return;
    case EventKind::kHvcFreeDomain:
      return DropDomain(event.arg[0], kHostOwner);
    case EventKind::kHvcAttachDev:
      if (FindStream(event.arg[0], event.arg[2]) != nullptr) return;
      if (FindDomain(event.arg[1]) == nullptr) return;
      streams_.push_back(
          {.side = event.arg[0], .sid = event.arg[2], .attached = true, .domain = event.arg[1]});
      return;
    case EventKind::kHvcDetachDev:
      std::erase_if(streams_, [&](const Stream& s) {
        const bool same = s.side == event.arg[0] && s.sid == event.arg[2];
        return s.owner == kHostOwner && same && s.domain == event.arg[1];
      });
      return;
    case EventKind::kHvcMapPages:
      return AddMapping(event.arg[0], event.arg[1], event.arg[2], event.arg[3] * event.arg[4]);
    case EventKind::kHvcUnmapPages:
      return CutMapping(event.arg[0], event.arg[1], event.arg[2] * event.arg[3]);
    default:
      return;
  }
}

void Roster::Note(const Event& event) {
  if (event.kind >= EventKind::kHvcAllocDomain && event.kind <= EventKind::kHvcStats) {
    NoteHost(event);
  } else if (event.kind >= EventKind::kVmCreate && event.kind <= EventKind::kVmUnassign) {
    NoteVm(event);
  } else if (event.kind >= EventKind::kGuestAttach && event.kind <= EventKind::kGuestUnmap) {
    NoteGuest(event);
  } else if (event.kind >= EventKind::kPowerSuspend && event.kind <= EventKind::kPowerOn &&
             event.arg[0] < kSides) {
    Power& power = power_[event.arg[0]];
    if (event.kind == EventKind::kPowerSuspend) power = Power::kSuspended;
    if (event.kind == EventKind::kPowerOff) power = Power::kOff;
    if (event.kind == EventKind::kPowerResume || event.kind == EventKind::kPowerOn) {
      power = Power::kOn;
    }
  }
}

}  // namespace sidewall::fuzz
