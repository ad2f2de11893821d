// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/ghost_domains.h"

#include <algorithm>

#include "model/registers.h"

namespace sidewall {
namespace {

constexpr uint8_t kHost = SIDEWALL_OWNER_HOST;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kChunk = 512 * kPage;
constexpr uint8_t kQuarantine = 0x7e;

uint32_t Word(uint64_t value) { return static_cast<uint32_t>(value); }

uint8_t GuestOf(uint32_t vm) { return static_cast<uint8_t>(SIDEWALL_OWNER_GUEST0 + vm); }

bool IsStream(uint64_t side, uint64_t sid) {
  return Word(side) < GhostDomains::kSides && Word(sid) != 0 && Word(sid) < kQuarantine;
}

}  // namespace

GhostDomains::State::State() {
  for (auto& side : owner) {
    side.fill(kHost);
    // No entry of anybody may match the quarantine's stream ID.
    side[kQuarantine] = SIDEWALL_OWNER_EL2;
  }
  for (auto& side : attached) side.fill(kNoDomain);
}

void GhostDomains::Reset() {
  now_ = State();
  dirty_ = true;
}

void GhostDomains::Save() {
  saved_ = now_;
  dirty_ = false;
}

void GhostDomains::Restore() {
  if (dirty_) now_ = saved_;
  dirty_ = false;
}

// ---------------------------------------------------------------- questions

bool GhostDomains::HeldByEl2(uint8_t side, uint16_t sid) const {
  const size_t index = sid & 0x7f;
  return now_.attached[side][index] != kNoDomain || now_.unclear[side][index];
}

const GhostDomains::Mapping* GhostDomains::MappingAt(uint8_t side, uint16_t sid, uint64_t address,
                                                     const Domain** domain) const {
  const size_t index = sid & 0x7f;
  if (now_.unclear[side][index] || now_.attached[side][index] == kNoDomain) return nullptr;
  const auto found = now_.domain.find(now_.attached[side][index]);
  if (found == now_.domain.end()) return nullptr;
  *domain = &found->second;
  return found->second.page.Find(address / kPage);
}

GhostDomains::Access GhostDomains::Find(uint8_t side, uint16_t sid, uint64_t address, bool write,
                                        bool instruction, uint64_t* pa) const {
  const Domain* domain = nullptr;
  const Mapping* page = MappingAt(side, sid, address, &domain);
  if (page == nullptr) return Access::kUnknown;
  if ((page->prot & (write ? SIDEWALL_PROT_W : SIDEWALL_PROT_R)) == 0) {
    return domain->waiting ? Access::kUnknown : Access::kDenied;
  }
  // What may execute depends on the kind of memory too; nothing is claimed about it.
  if (instruction) return Access::kUnknown;
  *pa = page->pa + address % kPage;
  return Access::kServed;
}

const GhostDomains::Domain* GhostDomains::Live(uint32_t handle, uint8_t owner) const {
  const auto domain = now_.domain.find(handle);
  if (domain == now_.domain.end() || domain->second.dying) return nullptr;
  return domain->second.owner == owner ? &domain->second : nullptr;
}

const GhostDomains::Vm* GhostDomains::Serving(uint32_t vm) const {
  if (vm >= SIDEWALL_MAX_VMS || now_.vm[vm].stage != VmStage::kFinal) return nullptr;
  return &now_.vm[vm];
}

// Of guest_attach and guest_detach: the stream that the guest means.
const GhostDomains::Stream* GhostDomains::Route(const Call& call) const {
  const Vm* vm = Serving(Word(call.arg[0]));
  if (!vm) return nullptr;
  const auto route = vm->route.find({Word(call.arg[1]), Word(call.arg[2])});
  return route == vm->route.end() ? nullptr : &route->second;
}

bool GhostDomains::IsAttached(uint32_t domain) const {
  uint8_t side = 0;
  uint16_t sid = 0;
  return AnyStreamOf(domain, &side, &sid);
}

bool GhostDomains::IsUnclear(uint32_t domain) const {
  const auto found = now_.domain.find(domain);
  if (found == now_.domain.end() || found->second.dying) return true;
  for (const SidSet& side : now_.unclear) {
    if (side.any()) return true;
  }
  return false;
}

bool GhostDomains::AnyStreamOf(uint32_t domain, uint8_t* side, uint16_t* sid) const {
  for (uint8_t i = 0; i < kSides; i++) {
    for (uint16_t j = 0; j < kSids; j++) {
      if (now_.attached[i][j] != domain || now_.unclear[i][j]) continue;
      *side = i;
      *sid = j;
      return true;
    }
  }
  return false;
}

uint64_t GhostDomains::PageCount(uint32_t domain) const {
  const auto found = now_.domain.find(domain);
  return found == now_.domain.end() ? 0 : found->second.page.size();
}

bool GhostDomains::LookUp(uint32_t domain, uint64_t iova, uint64_t* pa) const {
  const auto found = now_.domain.find(domain);
  if (found == now_.domain.end()) return false;
  const Mapping* page = found->second.page.Find(iova / kPage);
  if (page == nullptr) return false;
  *pa = page->pa + iova % kPage;
  return true;
}

bool GhostDomains::IsPlain(uint32_t domain) const {
  const auto found = now_.domain.find(domain);
  return found != now_.domain.end() && !found->second.waiting;
}

uint64_t GhostDomains::Run(uint32_t domain, uint64_t iova, uint64_t size, bool mapped) const {
  const auto found = now_.domain.find(domain);
  if (found == now_.domain.end()) return 0;
  const uint64_t run = found->second.page.Run(iova / kPage, size / kPage, mapped);
  return run * kPage;
}

uint64_t GhostDomains::BeforeSplit(uint32_t domain, uint64_t iova, uint64_t size) const {
  const auto found = now_.domain.find(domain);
  if (found == now_.domain.end()) return size;
  const auto& chunks = found->second.chunk;
  const uint64_t end = iova + size;
  for (uint64_t at : {iova / kChunk, (end - 1) / kChunk}) {
    const bool whole = at * kChunk >= iova && (at + 1) * kChunk <= end;
    if (!whole && chunks.count(at) != 0) return std::max(at * kChunk, iova) - iova;
  }
  return size;
}

bool GhostDomains::VmExists(uint32_t vm) const {
  return vm < SIDEWALL_MAX_VMS && now_.vm[vm].stage != VmStage::kNone;
}

bool GhostDomains::MayFinalize(uint32_t vm) const {
  if (!VmExists(vm) || now_.vm[vm].stage != VmStage::kOpen) return false;
  for (const auto& [name, stream] : now_.vm[vm].route) {
    if (now_.owner[stream.first][stream.second] != GuestOf(vm)) return false;
  }
  return true;
}

bool GhostDomains::MayRoute(const Call& call) const {
  const uint32_t vm = Word(call.arg[0]);
  if (!VmExists(vm) || now_.vm[vm].stage != VmStage::kOpen) return false;
  if (!IsStream(call.arg[3], call.arg[4])) return false;
  const Vm& body = now_.vm[vm];
  if (body.route.size() == SIDEWALL_MAX_ROUTES) return false;
  if (body.route.count({Word(call.arg[1]), Word(call.arg[2])}) != 0) return false;
  const Stream wanted = {static_cast<uint8_t>(call.arg[3]), static_cast<uint8_t>(call.arg[4])};
  for (const auto& [name, stream] : body.route) {
    if (stream == wanted) return false;
  }
  return true;
}

bool GhostDomains::MayHaveIdentity(uint64_t side, uint64_t sid) const {
  if (!IsStream(side, sid)) return false;
  return now_.owner[Word(side)][Word(sid)] == kHost &&
         now_.attached[Word(side)][Word(sid)] == kNoDomain;
}

bool GhostDomains::IsEmpty() const {
  if (!now_.domain.empty()) return false;
  for (uint32_t vm = 0; vm < SIDEWALL_MAX_VMS; vm++) {
    if (VmExists(vm)) return false;
  }
  return true;
}

bool GhostDomains::StreamOf(const Call& call, uint8_t* side, uint16_t* sid) const {
  Stream stream;
  switch (call.id) {
    case CallId::kAttachDev:
    case CallId::kDetachDev:
      stream = {static_cast<uint8_t>(call.arg[0]), static_cast<uint8_t>(call.arg[2])};
      break;
    case CallId::kAssignUnit:
      stream = {static_cast<uint8_t>(call.arg[1]), static_cast<uint8_t>(call.arg[2])};
      break;
    case CallId::kGuestAttach:
    case CallId::kGuestDetach: {
      const Stream* route = Route(call);
      if (!route) return false;
      stream = *route;
      break;
    }
    default:
      return false;
  }
  if (!IsStream(stream.first, stream.second)) return false;
  *side = stream.first;
  *sid = stream.second;
  return true;
}

GhostDomains::Streams GhostDomains::UnitOf(const Stream& stream) {
  const model::DeviceStreams* own = model::DeviceOf(stream.first, stream.second);
  Streams all;
  all[stream.first].set(stream.second);
  for (const model::DeviceStreams& row : model::Devices()) {
    if (own == nullptr || row.device != own->device) continue;
    for (size_t sid = row.first; sid <= row.last; sid++) all[row.side].set(sid);
  }
  return all;
}

GhostDomains::Streams GhostDomains::StreamsOf(const Call& call) const {
  uint64_t side = call.arg[0];
  uint64_t sid = call.arg[1];
  switch (call.id) {
    case CallId::kSetIdentity:
    case CallId::kDevBlockDma:
      break;
    case CallId::kAttachDev:
    case CallId::kDetachDev:
      sid = call.arg[2];
      break;
    case CallId::kAssignUnit:
    case CallId::kUnassignUnit:
      side = call.arg[1];
      sid = call.arg[2];
      break;
    case CallId::kGuestAttach:
    case CallId::kGuestDetach: {
      const Stream* route = Route(call);
      if (!route) return {};
      side = route->first;
      sid = route->second;
      break;
    }
    default:
      return {};
  }
  if (!IsStream(side, sid)) return {};
  const Stream stream = {static_cast<uint8_t>(Word(side)), static_cast<uint8_t>(Word(sid))};
  if (call.id == CallId::kAssignUnit || call.id == CallId::kUnassignUnit) return UnitOf(stream);
  Streams one;
  one[stream.first].set(stream.second);
  return one;
}

GhostDomains::Streams GhostDomains::StreamsOfVm(uint32_t vm) const {
  Streams all;
  for (uint8_t side = 0; side < kSides; side++) {
    for (uint16_t sid = 0; sid < kSids; sid++) {
      all[side][sid] = now_.owner[side][sid] == GuestOf(vm);
    }
  }
  return all;
}

uint8_t GhostDomains::SidesOf(const Call& call) const {
  constexpr uint8_t kAll = (1u << kSides) - 1;
  switch (call.id) {
    case CallId::kHostStage2IdmapComplete:
    case CallId::kVmCreate:
    case CallId::kTick:
      return kAll;
    case CallId::kSuspend:
    case CallId::kResume:
    case CallId::kPowerOff:
    case CallId::kPowerOn:
      return static_cast<uint8_t>(call.arg[0] < kSides ? 1u << call.arg[0] : 0);
    case CallId::kFreeDomain:
    case CallId::kIotlbSync:
    case CallId::kGuestFree:
    case CallId::kGuestUnmap: {
      const bool host = call.id == CallId::kFreeDomain || call.id == CallId::kIotlbSync;
      const auto domain = now_.domain.find(Word(call.arg[host ? 0 : 1]));
      return domain == now_.domain.end() ? 0 : domain->second.sides;
    }
    case CallId::kVmDestroy:
      return SidesOfOwner(GuestOf(Word(call.arg[0])));
    default:
      break;
  }
  const Streams streams = StreamsOf(call);
  uint8_t sides = 0;
  for (uint8_t side = 0; side < kSides; side++) {
    if (streams[side].any()) sides |= static_cast<uint8_t>(1u << side);
  }
  return sides;
}

// Where it has streams, or a domain of its own may wait for a sync.
uint8_t GhostDomains::SidesOfOwner(uint8_t owner) const {
  uint8_t sides = 0;
  for (uint8_t side = 0; side < kSides; side++) {
    for (uint8_t of : now_.owner[side]) {
      if (of == owner) sides |= static_cast<uint8_t>(1u << side);
    }
  }
  for (const auto& [handle, domain] : now_.domain) {
    if (domain.owner == owner) sides |= domain.sides;
  }
  return sides;
}

GhostDomains::Standing GhostDomains::StandingOf(const Streams& streams, uint8_t owner) const {
  Standing standing = Standing::kFree;
  for (uint8_t side = 0; side < kSides; side++) {
    for (size_t sid = 0; sid < kSids; sid++) {
      if (!streams[side][sid]) continue;
      if (now_.owner[side][sid] != owner) return Standing::kForeign;
      if (now_.attached[side][sid] == kNoDomain) continue;
      if (now_.unclear[side][sid]) {
        standing = Standing::kUnclear;
      } else if (standing == Standing::kFree) {
        standing = Standing::kAttached;
      }
    }
  }
  return standing;
}

uint32_t GhostDomains::BanksOf(uint8_t side, uint8_t owner, bool surely) const {
  FlatMap<uint32_t, bool> domains;
  for (size_t sid = 0; sid < kSids; sid++) {
    const uint32_t handle = now_.attached[side][sid];
    if (handle == kNoDomain || (surely && now_.unclear[side][sid])) continue;
    const auto domain = now_.domain.find(handle);
    if (domain != now_.domain.end() && domain->second.owner == owner) domains[handle] = true;
  }
  return static_cast<uint32_t>(domains.size());
}

bool GhostDomains::HasBank(uint8_t side, uint32_t domain) const {
  for (size_t sid = 0; sid < kSids; sid++) {
    if (now_.attached[side][sid] == domain && !now_.unclear[side][sid]) return true;
  }
  return false;
}

bool GhostDomains::IsOn(const Streams& streams, uint32_t domain) const {
  for (uint8_t side = 0; side < kSides; side++) {
    for (size_t sid = 0; sid < kSids; sid++) {
      if (streams[side][sid] && now_.attached[side][sid] != domain) return false;
    }
  }
  return true;
}

uint32_t GhostDomains::DomainCount(uint32_t vm) const { return DomainsOf(GuestOf(vm)); }

uint32_t GhostDomains::DomainsOf(uint8_t owner) const {
  return static_cast<uint32_t>(
      std::count_if(now_.domain.begin(), now_.domain.end(),
                    [owner](const auto& d) { return d.second.owner == owner; }));
}

bool GhostDomains::HasPvIommu(uint32_t vm, uint32_t pviommu) const {
  const auto& routes = now_.vm[vm].route;
  return std::any_of(routes.begin(), routes.end(),
                     [pviommu](const auto& route) { return route.first.first == pviommu; });
}

bool GhostDomains::ChangesPages(const Call& call, uint32_t* domain) {
  const bool host = call.id == CallId::kMapPages || call.id == CallId::kUnmapPages;
  *domain = Word(call.arg[host ? 0 : 1]);
  return host || call.id == CallId::kGuestMap || call.id == CallId::kGuestUnmap ||
         call.id == CallId::kAttachDev;
}

// ---------------------------------------------------------------- authority

const char* GhostDomains::HostBreach(const Call& call) const {
  const uint32_t first = Word(call.arg[0]);
  const bool attach = call.id == CallId::kAttachDev || call.id == CallId::kDetachDev;
  const uint32_t handle = attach ? Word(call.arg[1]) : first;
  if (call.id == CallId::kAllocDomain) {
    return now_.domain.count(handle) != 0 ? "a domain that exists already" : nullptr;
  }
  if (call.id == CallId::kFreeDomain) {
    const auto domain = now_.domain.find(handle);
    if (domain == now_.domain.end() || domain->second.owner != kHost) return "no domain of its own";
    return nullptr;
  }
  if (!Live(handle, kHost)) return "no domain of its own";
  if (!attach) return nullptr;
  if (!IsStream(first, call.arg[2])) return "no stream";
  const uint32_t sid = Word(call.arg[2]);
  if (now_.owner[first][sid] != kHost) return "a stream of somebody else's";
  const bool here = now_.attached[first][sid] == handle;
  if (call.id == CallId::kDetachDev) return here ? nullptr : "a stream that is not attached there";
  return now_.attached[first][sid] == kNoDomain ? nullptr : "a stream that is attached";
}

const char* GhostDomains::GuestBreach(const Call& call) const {
  const uint32_t vm = Word(call.arg[0]);
  if (!Serving(vm)) return "a VM that serves no calls";
  if (call.id == CallId::kGuestAlloc) return nullptr;
  const bool attach = call.id == CallId::kGuestAttach || call.id == CallId::kGuestDetach;
  const uint32_t handle = Word(call.arg[attach ? 4 : 1]);
  if (call.id == CallId::kGuestFree) {
    const auto domain = now_.domain.find(handle);
    const bool own = domain != now_.domain.end() && domain->second.owner == GuestOf(vm);
    return own ? nullptr : "no domain of its own";
  }
  if (!Live(handle, GuestOf(vm))) return "no domain of its own";
  if (!attach) return nullptr;
  const Stream* stream = Route(call);
  if (!stream) return "a vSID without a route";
  if (now_.owner[stream->first][stream->second] != GuestOf(vm))
    return "a stream of somebody else's";
  return nullptr;
}

const char* GhostDomains::UnitBreach(const Call& call) const {
  const uint32_t vm = Word(call.arg[0]);
  if (vm >= SIDEWALL_MAX_VMS || now_.vm[vm].stage == VmStage::kNone) return "no VM";
  if (!IsStream(call.arg[1], call.arg[2])) return "no stream";
  const uint32_t side = Word(call.arg[1]);
  const uint32_t sid = Word(call.arg[2]);
  if (now_.attached[side][sid] != kNoDomain && !now_.unclear[side][sid])
    return "an attached stream";
  const uint8_t owner = now_.owner[side][sid];
  const uint8_t wanted = call.id == CallId::kAssignUnit ? kHost : GuestOf(vm);
  return owner == wanted ? nullptr : "a stream of somebody else's";
}

const char* GhostDomains::Breach(const Call& call) const {
  switch (call.id) {
    case CallId::kAllocDomain:
    case CallId::kFreeDomain:
    case CallId::kAttachDev:
    case CallId::kDetachDev:
    case CallId::kMapPages:
    case CallId::kUnmapPages:
    case CallId::kIovaToPhys:
    case CallId::kIotlbSync:
    case CallId::kIotlbSyncMap:
      return HostBreach(call);
    case CallId::kGuestAttach:
    case CallId::kGuestDetach:
    case CallId::kGuestAlloc:
    case CallId::kGuestFree:
    case CallId::kGuestMap:
    case CallId::kGuestUnmap:
      return GuestBreach(call);
    case CallId::kAssignUnit:
    case CallId::kUnassignUnit:
      return UnitBreach(call);
    default:
      return nullptr;
  }
}

// ---------------------------------------------------------------- effects

void GhostDomains::MapRange(uint32_t domain, uint64_t iova, uint64_t pa, uint64_t bytes,
                            uint32_t prot) {
  auto& pages = now_.domain[domain].page;
  for (uint64_t at = 0; at < bytes; at += kPage) pages.Set((iova + at) / kPage, {pa + at, prot});
}

void GhostDomains::UnmapRange(uint32_t domain, uint64_t iova, uint64_t bytes) {
  Domain& body = now_.domain[domain];
  body.waiting |= bytes != 0;
  body.page.Erase(iova / kPage, (iova + bytes) / kPage);
  // A part of a chunk went, so that it was no block; or all of it did.
  const uint64_t first = iova / kChunk;
  body.chunk.EraseIf([&](const auto& chunk) {
    return chunk.first >= first && chunk.first * kChunk < iova + bytes;
  });
}

void GhostDomains::Free(uint32_t domain, const struct sidewall_result& result) {
  if (result.status == SIDEWALL_OK && result.progress != 0) {
    now_.domain.erase(domain);
  } else if (result.status != SIDEWALL_REFUSED) {
    now_.domain[domain].dying = true;
  }
}

void GhostDomains::Attach(const Stream& stream, uint32_t domain, uint32_t status) {
  if (status != SIDEWALL_OK) return;
  now_.attached[stream.first][stream.second] = domain;
  now_.unclear[stream.first][stream.second] = false;
  now_.domain[domain].sides |= static_cast<uint8_t>(1u << stream.first);
}

// When it is degraded the stream faults, and keeps its place in hardware until a later sync.
void GhostDomains::Detach(const Stream& stream, uint32_t status) {
  now_.attached[stream.first][stream.second] = kNoDomain;
  now_.unclear[stream.first][stream.second] = status != SIDEWALL_OK;
}

void GhostDomains::MoveUnit(const Stream& stream, uint8_t owner) {
  const Streams all = UnitOf(stream);
  for (uint8_t side = 0; side < kSides; side++) {
    for (size_t sid = 0; sid < kSids; sid++) {
      if (!all[side][sid] || now_.owner[side][sid] == owner) continue;
      now_.owner[side][sid] = owner;
      now_.identity[side][sid] = false;
      moved_[side].set(sid);
      if (owner != kHost) continue;
      returned_[side].set(sid);
      // The end of its VM may have detached it without saying so.
      now_.attached[side][sid] = kNoDomain;
      now_.unclear[side][sid] = false;
    }
  }
}

void GhostDomains::EndVm(uint32_t vm, bool done) {
  const uint8_t owner = GuestOf(vm);
  for (uint8_t side = 0; side < kSides; side++) {
    for (size_t sid = 0; sid < kSids; sid++) {
      if (now_.owner[side][sid] != owner) continue;
      now_.unclear[side][sid] = !done;
      if (!done) continue;
      now_.attached[side][sid] = kNoDomain;
      now_.owner[side][sid] = kHost;
      moved_[side].set(sid);
      returned_[side].set(sid);
    }
  }
  now_.vm[vm].stage = VmStage::kDying;
  if (!done) return;
  now_.vm[vm] = Vm();
  now_.domain.EraseIf([owner](const auto& d) { return d.second.owner == owner; });
}

void GhostDomains::OnDomain(const Call& call, const struct sidewall_result& result) {
  const uint64_t* arg = call.arg;
  const uint32_t domain = Word(arg[0]);
  const bool ok = result.status == SIDEWALL_OK;
  switch (call.id) {
    case CallId::kAllocDomain:
      if (ok) now_.domain[domain] = Domain();
      break;
    case CallId::kFreeDomain:
      Free(domain, result);
      break;
    case CallId::kAttachDev:
      Attach({static_cast<uint8_t>(arg[0]), static_cast<uint8_t>(arg[2])}, Word(arg[1]),
             result.status);
      break;
    case CallId::kDetachDev:
      Detach({static_cast<uint8_t>(arg[0]), static_cast<uint8_t>(arg[2])}, result.status);
      break;
    case CallId::kMapPages:
      if (!ok) break;
      MapRange(domain, arg[1], arg[2], result.progress, Word(arg[5]));
      for (uint64_t at = 0; arg[3] == kChunk && at < result.progress; at += kChunk) {
        now_.domain[domain].chunk[(arg[1] + at) / kChunk] = true;
      }
      break;
    case CallId::kIotlbSync:
      if (ok && result.progress != 0) now_.domain[domain].waiting = false;
      break;
    default:
      UnmapRange(domain, arg[1], result.progress);
      break;
  }
}

void GhostDomains::OnVm(const Call& call, const struct sidewall_result& result) {
  const uint64_t* arg = call.arg;
  const uint32_t vm = Word(arg[0]);
  if (vm >= SIDEWALL_MAX_VMS) return;
  const bool ok = result.status == SIDEWALL_OK;
  switch (call.id) {
    case CallId::kVmCreate:
      now_.vm[vm] = Vm();
      now_.vm[vm].stage = VmStage::kOpen;
      break;
    case CallId::kRouteAdd:
      now_.vm[vm].route[{Word(arg[1]), Word(arg[2])}] = {static_cast<uint8_t>(arg[3]),
                                                         static_cast<uint8_t>(arg[4])};
      break;
    case CallId::kVmFinalize:
      now_.vm[vm].stage = VmStage::kFinal;
      break;
    case CallId::kVmDestroy:
      EndVm(vm, ok && result.progress != 0);
      break;
    case CallId::kAssignUnit:
      MoveUnit({static_cast<uint8_t>(arg[1]), static_cast<uint8_t>(arg[2])}, GuestOf(vm));
      break;
    default:
      if (ok) MoveUnit({static_cast<uint8_t>(arg[1]), static_cast<uint8_t>(arg[2])}, kHost);
      break;
  }
}

void GhostDomains::OnGuest(const Call& call, const struct sidewall_result& result) {
  const uint64_t* arg = call.arg;
  const bool ok = result.status == SIDEWALL_OK;
  const bool attach = call.id == CallId::kGuestAttach || call.id == CallId::kGuestDetach;
  const Stream* stream = attach ? Route(call) : nullptr;
  switch (call.id) {
    case CallId::kGuestAttach:
      if (stream) Attach(*stream, Word(arg[4]), result.status);
      break;
    case CallId::kGuestDetach:
      if (stream) Detach(*stream, result.status);
      break;
    case CallId::kGuestAlloc:
      if (!ok) break;
      now_.domain[Word(result.progress)] = Domain();
      now_.domain[Word(result.progress)].owner = GuestOf(Word(arg[0]));
      break;
    case CallId::kGuestFree:
      Free(Word(arg[1]), result);
      break;
    case CallId::kGuestMap:
      if (ok) MapRange(Word(arg[1]), arg[2], arg[3], result.progress, Word(arg[5]));
      break;
    default: {
      Domain& domain = now_.domain[Word(arg[1])];
      const bool waited = domain.waiting;
      UnmapRange(Word(arg[1]), arg[2], result.progress);
      // Its own sync is a bounded one, which surely gets through the pages of one table.
      domain.waiting = waited || !ok || result.progress > 512 * kPage;
      break;
    }
  }
}

// A detachment of the host's that was DEGRADED has come to its end where the same stream is asked
// for otherwise, and where tick has found every unit in order.
void GhostDomains::EndWaits(const Call& call) {
  for (uint8_t side = 0; side < kSides; side++) {
    for (size_t sid = 0; sid < kSids; sid++) {
      if (now_.owner[side][sid] != kHost) continue;
      if (call.id != CallId::kTick && (call.arg[0] != side || call.arg[1] != sid)) continue;
      now_.unclear[side][sid] = false;
    }
  }
}

void GhostDomains::OnCall(const Call& call, const struct sidewall_result& result) {
  moved_ = {};
  returned_ = {};
  if (result.status != SIDEWALL_OK && result.status != SIDEWALL_DEGRADED) return;
  dirty_ = true;
  switch (call.id) {
    case CallId::kAllocDomain:
    case CallId::kFreeDomain:
    case CallId::kAttachDev:
    case CallId::kDetachDev:
    case CallId::kMapPages:
    case CallId::kUnmapPages:
    case CallId::kIotlbSync:
      return OnDomain(call, result);
    case CallId::kVmCreate:
    case CallId::kRouteAdd:
    case CallId::kVmFinalize:
    case CallId::kVmDestroy:
    case CallId::kAssignUnit:
    case CallId::kUnassignUnit:
      return OnVm(call, result);
    case CallId::kGuestAttach:
    case CallId::kGuestDetach:
    case CallId::kGuestAlloc:
    case CallId::kGuestFree:
    case CallId::kGuestMap:
    case CallId::kGuestUnmap:
      return OnGuest(call, result);
    case CallId::kDevBlockDma:
    case CallId::kSetIdentity:
    case CallId::kTick:
      if (result.status != SIDEWALL_OK) return;
      if (call.id == CallId::kSetIdentity && IsStream(call.arg[0], call.arg[1])) {
        now_.identity[Word(call.arg[0])][Word(call.arg[1])] = Word(call.arg[2]) != 0;
      }
      return EndWaits(call);
    default:
      return;
  }
}

}  // namespace sidewall
