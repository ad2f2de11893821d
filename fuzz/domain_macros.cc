// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/domain_macros.h"

#include <algorithm>

#include "fuzz/layout.h"
#include "fuzz/macros.h"
#include "fuzz/wait_macros.h"
#include "model/registers.h"

namespace sidewall::fuzz {
namespace {

using Kind = EventKind;

constexpr uint64_t kBlock = uint64_t{2} << 20;
constexpr uint64_t kProtRead = 1;
constexpr uint64_t kProtReadWrite = 3;
constexpr uint64_t kVmPool0 = 2;
constexpr uint64_t kPoolPages = 16;

}  // namespace

Event CallEvent(EventKind kind, std::initializer_list<uint64_t> args) {
  Event event = MakeEvent(kind);
  std::copy(args.begin(), args.end(), event.arg);
  return event;
}

DomainMacros::Who DomainMacros::FreeStream(const Sketch& sketch) {
  const auto& clients = values_.clients();
  if (clients.empty()) return {};
  for (int attempts = 0; attempts < 16; ++attempts) {
    const model::ClientInfo& client = *clients[random_.Below(clients.size())];
    const Who who = {client.side, client.default_sid};
    const bool taken = sketch.roster().FindStream(who.side, who.sid) != nullptr;
    // A stream that the host uses is worth taking, now and then.
    if (!taken && (random_.OneIn(4) || !sketch.Reaches(client))) return who;
  }
  return {clients[0]->side, clients[0]->default_sid};
}

DomainMacros::Who DomainMacros::SomeStream(const Sketch& sketch) {
  const Roster::Stream* stream = sketch.roster().AnyStream(&random_);
  if (stream == nullptr || random_.OneIn(8)) return FreeStream(sketch);
  return {stream->side, stream->sid};
}

// Where tables begin and end: a page, a leaf table, a table of blocks, the ends of the input range.
uint64_t DomainMacros::Iova() {
  if (!random_.OneIn(3)) return 0x1000 * (1 + random_.Below(16));
  const uint64_t edge =
      random_.OneOf({0, kBlock, uint64_t{1} << 30, uint64_t{1} << 32, uint64_t{1} << 36,
                     uint64_t{1} << 39, uint64_t{1} << 40, uint64_t{1} << 44, uint64_t{1} << 48});
  return edge + random_.OneOf({0, kPage, ~(kPage - 1), ~(2 * kPage - 1), kBlock});
}

Event DomainMacros::Dma(const Who& who, uint64_t address) {
  const uint64_t upper = random_.OneIn(8) ? random_.Below(256) << 7 : 0;
  return AnyStreamDma(&random_, who.side, who.sid | upper, address);
}

void DomainMacros::Probe(const Who& who, uint64_t iova, uint64_t size, Events* out) {
  out->push_back(Dma(who, iova + random_.OneOf({0, 8, size - 8})));
  if (random_.OneIn(2)) out->push_back(Dma(who, iova + size - 8));
  if (random_.OneIn(3)) out->push_back(Dma(who, random_.OneOf({iova + size, iova - 8})));
}

bool DomainMacros::Transfer(const Sketch& sketch, Events* out) {
  const Roster& roster = sketch.roster();
  for (int attempts = 0; attempts < 4; ++attempts) {
    const Roster::Mapping* mapping = roster.AnyMapping(&random_);
    if (mapping == nullptr) return false;
    const Roster::Stream* stream = roster.StreamOf(mapping->domain);
    if (stream == nullptr) continue;
    out->push_back(Dma({stream->side, stream->sid}, mapping->iova + random_.Below(mapping->size)));
    out->back().arg[2] &= ~uint64_t{7};
    return true;
  }
  return false;
}

Event DomainMacros::Map(const Roster::Domain& domain, uint64_t iova, uint64_t pa, uint64_t pages) {
  const uint64_t prot =
      random_.OneIn(16)
          ? random_.Below(16)
          : random_.OneOf({kProtReadWrite, kProtReadWrite, kProtReadWrite, kProtRead});
  if (!domain.of_host()) {
    return CallEvent(Kind::kGuestMap, {domain.vm(), domain.handle, iova, pa, pages * kPage, prot});
  }
  const bool block = pages % (kBlock / kPage) == 0;
  const uint64_t size = block ? kBlock : kPage;
  return CallEvent(Kind::kHvcMapPages, {domain.handle, iova, pa, size, pages * kPage / size, prot});
}

Event DomainMacros::Unmap(const Roster::Domain& domain, uint64_t iova, uint64_t pages) {
  if (!domain.of_host()) {
    return CallEvent(Kind::kGuestUnmap, {domain.vm(), domain.handle, iova, pages * kPage});
  }
  const bool block = pages % (kBlock / kPage) == 0 && random_.OneIn(2);
  const uint64_t size = block ? kBlock : kPage;
  return CallEvent(Kind::kHvcUnmapPages, {domain.handle, iova, size, pages * kPage / size});
}

Event DomainMacros::Detach(const Roster::Stream& stream) {
  if (stream.owner == kHostOwner) {
    return CallEvent(Kind::kHvcDetachDev, {stream.side, stream.domain, stream.sid, 0});
  }
  return CallEvent(Kind::kGuestDetach,
                   {stream.owner - kGuestOwner, stream.pviommu, stream.vsid, stream.domain, 0});
}

Event DomainMacros::Free(const Roster::Domain& domain) {
  if (domain.of_host()) return CallEvent(Kind::kHvcFreeDomain, {domain.handle});
  return CallEvent(Kind::kGuestFree, {domain.vm(), domain.handle});
}

uint64_t DomainMacros::PageFor(const Sketch& sketch, const Roster::Domain& domain, uint64_t pages,
                               Events* out) {
  // A block must lie where a block can.
  if (pages >= kBlock / kPage) {
    const uint64_t page = values_.HostPage(random_.Below(values_.host_pages()));
    return (page + kBlock - 1) & ~(kBlock - 1);
  }
  if (domain.of_host() || random_.OneIn(32)) return sketch.PlainPage(&random_);
  for (const Sketch::Given& given : sketch.given()) {
    if (given.owner == domain.owner && pages == 1 && random_.OneIn(2)) return given.page;
  }
  const uint64_t page = sketch.PlainPage(&random_);
  out->push_back(OwnerChange(Kind::kHypDonate, page, pages, domain.owner));
  return page;
}

Event DomainMacros::Sync(uint64_t side, uint64_t mode) {
  const model::SmmuSpec* smmu = values_.SmmuOfSide(side);
  const uint64_t instances = smmu == nullptr ? 1 : smmu->instance_count;
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(side)) + random_.Below(instances);
  return CallEvent(Kind::kHwSync, {window, mode, random_.OneOf({1, 10, 1000})});
}

void DomainMacros::HostEntry(const Sketch& sketch, const Who& who, Events* out) {
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(who.side));
  const uint64_t entry = sketch.FreeEntry(&random_, who.side);
  const uint64_t mask = random_.OneOf({layout::kSmrMask, layout::kSmrMask, 0, 0x7f87, 0x7fff});
  out->push_back(
      HostWrite32(window, layout::kSmr + 4 * entry, layout::kSmrValid | mask << 16 | who.sid));
  out->push_back(HostWrite32(window, layout::kS2cr + 4 * entry, layout::kS2crBypass));
  if (random_.OneIn(4)) std::swap(out->back(), (*out)[out->size() - 2]);
}

void DomainMacros::SetUpGuest(const Sketch& sketch, Events* out) {
  const Roster& roster = sketch.roster();
  const uint64_t vm = roster.FreeVm();
  const Who who = FreeStream(sketch);
  const uint64_t pviommu = random_.Below(3);
  const uint64_t vsid = random_.Below(8);
  const Roster::Domain domain = {kHostDomainCount + vm * kVmDomainCount, kGuestOwner + vm};
  const uint64_t pages = random_.OneOf({1, 2, 4});
  const uint64_t page = sketch.PlainPage(&random_);
  const uint64_t iova = Iova();
  out->push_back(CallEvent(Kind::kVmCreate, {vm}));
  out->push_back(CallEvent(Kind::kVmAssign, {vm, who.side, who.sid}));
  out->push_back(CallEvent(Kind::kVmRouteAdd, {vm, pviommu, vsid, who.side, who.sid}));
  const Who second = FreeStream(sketch);
  if (random_.OneIn(4)) {
    out->push_back(CallEvent(Kind::kVmAssign, {vm, second.side, second.sid}));
    out->push_back(CallEvent(Kind::kVmRouteAdd, {vm, pviommu, vsid + 1, second.side, second.sid}));
  }
  out->push_back(CallEvent(Kind::kVmFinalize, {vm}));
  out->push_back(CallEvent(Kind::kPoolAdd, {kVmPool0 + vm, kPoolPages}));
  out->push_back(OwnerChange(Kind::kHypDonate, page, pages, domain.owner));
  out->push_back(CallEvent(Kind::kGuestAlloc, {vm, pviommu}));
  const size_t at = out->size();
  out->push_back(Map(domain, iova, page, pages));
  out->push_back(CallEvent(Kind::kGuestAttach, {vm, pviommu, vsid, domain.handle, 0}));
  if (random_.OneIn(4)) std::swap((*out)[at], (*out)[at + 1]);
  Probe(who, iova, pages * kPage, out);
}

void DomainMacros::SetUpHostDomain(const Sketch& sketch, Events* out) {
  const Roster::Domain domain = {sketch.roster().FreeDomain(&random_)};
  const Who who = FreeStream(sketch);
  const uint64_t pages = random_.OneOf({1, 2, 4, kBlock / kPage});
  const uint64_t iova = pages >= kBlock / kPage ? Iova() & ~(kBlock - 1) : Iova();
  if (random_.OneIn(2) || sketch.roster().domains().empty()) {
    out->push_back(CallEvent(Kind::kPoolAdd, {0, kPoolPages}));
  }
  out->push_back(CallEvent(Kind::kHvcAllocDomain, {domain.handle, 0}));
  const size_t at = out->size();
  out->push_back(Map(domain, iova, PageFor(sketch, domain, pages, out), pages));
  out->push_back(CallEvent(Kind::kHvcAttachDev, {who.side, domain.handle, who.sid, 0, 0}));
  if (random_.OneIn(4)) std::swap((*out)[at], (*out)[at + 1]);
  Probe(who, iova, pages * kPage, out);
}

void DomainMacros::MapMore(const Sketch& sketch, Events* out) {
  const Roster& roster = sketch.roster();
  const Roster::Domain* domain = roster.AnyDomain(&random_);
  if (domain == nullptr) return SetUpGuest(sketch, out);
  const Roster::Mapping* near = roster.AnyMapping(&random_);
  uint64_t pages = random_.OneOf({1, 1, 2, 4, 8, kBlock / kPage});
  uint64_t iova = Iova();
  if (near != nullptr && random_.OneIn(2))
    iova = random_.OneOf({near->iova + near->size, near->iova, near->iova - kPage});
  if (pages >= kBlock / kPage) {
    if (!domain->of_host()) pages = 3;
    iova &= ~(kBlock - 1);
  }
  const uint64_t page = PageFor(sketch, *domain, pages, out);
  out->push_back(Map(*domain, iova, page, pages));
  const Roster::Stream* stream = roster.StreamOf(domain->handle);
  if (stream != nullptr) Probe({stream->side, stream->sid}, iova, pages * kPage, out);
  if (domain->of_host() && random_.OneIn(4)) {
    out->push_back(
        CallEvent(Kind::kHvcIovaToPhys, {domain->handle, iova + random_.Below(pages * kPage)}));
  }
  if (domain->of_host() && random_.OneIn(4)) {
    out->push_back(CallEvent(Kind::kHvcIotlbSyncMap, {domain->handle, iova, pages * kPage}));
  }
}

void DomainMacros::UnmapPart(const Sketch& sketch, Events* out) {
  const Roster& roster = sketch.roster();
  const Roster::Mapping* mapping = roster.AnyMapping(&random_);
  const Roster::Domain* domain = mapping == nullptr ? nullptr : roster.FindDomain(mapping->domain);
  if (domain == nullptr) return SetUpHostDomain(sketch, out);
  const uint64_t all = std::max<uint64_t>(mapping->size / kPage, 1);
  uint64_t skip = random_.OneIn(2) ? 0 : random_.Below(all);
  uint64_t pages = random_.OneOf({all - skip, 1, all, all + 1});
  const Roster::Stream* stream = roster.StreamOf(domain->handle);
  const Who who = stream == nullptr ? Who{} : Who{stream->side, stream->sid};
  const uint64_t iova = mapping->iova + skip * kPage;
  const uint64_t page = mapping->pa + skip * kPage;
  if (stream != nullptr && random_.OneIn(2)) out->push_back(Dma(who, iova));
  out->push_back(Unmap(*domain, iova, pages));
  if (stream != nullptr && random_.OneIn(2)) out->push_back(Dma(who, iova));
  if (domain->of_host() && !random_.OneIn(4)) {
    out->push_back(CallEvent(Kind::kHvcIotlbSync, {domain->handle}));
  }
  if (random_.OneIn(2)) {
    out->push_back(domain->of_host() ? OwnerChange(Kind::kHypDonate, page, 1, kGuestOwner)
                                     : OwnerChange(Kind::kHypReclaim, page, 1, domain->owner));
  }
  if (stream != nullptr) out->push_back(Dma(who, iova));
  if (random_.OneIn(4)) out->push_back(Map(*domain, iova, sketch.PlainPage(&random_), 1));
}

void DomainMacros::TakeMapped(const Sketch& sketch, Events* out) {
  const Roster& roster = sketch.roster();
  const Roster::Mapping* mapping = roster.AnyMapping(&random_);
  const Roster::Domain* domain = mapping == nullptr ? nullptr : roster.FindDomain(mapping->domain);
  if (domain == nullptr) return SetUpHostDomain(sketch, out);
  const uint64_t page =
      mapping->pa + random_.Below(std::max<uint64_t>(mapping->size / kPage, 1)) * kPage;
  const uint64_t owner = domain->of_host() ? kGuestOwner + random_.Below(2) : domain->owner;
  const Kind first = domain->of_host() ? Kind::kHypDonate : Kind::kHypReclaim;
  const Kind kind = random_.OneIn(3) ? Kind::kHypShare : first;
  out->push_back(OwnerChange(kind, page, 1, random_.OneIn(6) ? 1 : owner));
  Transfer(sketch, out);
  if (kind == Kind::kHypShare) out->push_back(OwnerChange(Kind::kHypUnshare, page, 1, owner));
}

void DomainMacros::DetachStream(const Sketch& sketch, Events* out) {
  const Roster::Stream* stream = sketch.roster().AnyStream(&random_);
  if (stream == nullptr) return SetUpGuest(sketch, out);
  const Who who = {stream->side, stream->sid};
  const Roster::Mapping* mapping = sketch.roster().AnyMapping(&random_);
  const uint64_t iova = mapping == nullptr ? 0x1000 : mapping->iova;
  if (stream->attached) {
    if (random_.OneIn(2)) out->push_back(Dma(who, iova));
    out->push_back(Detach(*stream));
    out->push_back(Dma(who, iova));
  }
  const Roster::Domain* domain = sketch.roster().AnyDomain(&random_);
  if (domain == nullptr || random_.OneIn(4)) return;
  if (stream->owner != kHostOwner) {
    out->push_back(CallEvent(Kind::kGuestAttach, {stream->owner - kGuestOwner, stream->pviommu,
                                                  stream->vsid, domain->handle, 0}));
  } else {
    out->push_back(CallEvent(Kind::kHvcAttachDev, {who.side, domain->handle, who.sid, 0, 0}));
  }
  out->push_back(Dma(who, iova));
}

void DomainMacros::TearDown(const Sketch& sketch, Events* out) {
  const Roster& roster = sketch.roster();
  const Roster::Stream* stream = roster.AnyStream(&random_);
  if (stream == nullptr) return SetUpGuest(sketch, out);
  const Who who = {stream->side, stream->sid};
  const Roster::Domain* domain = roster.FindDomain(stream->domain);
  const Roster::Mapping* mapping = roster.AnyMapping(&random_);
  const uint64_t vm = stream->owner - kGuestOwner;
  Events steps;
  if (stream->attached && !random_.OneIn(4)) steps.push_back(Detach(*stream));
  if (domain != nullptr && !random_.OneIn(4)) steps.push_back(Free(*domain));
  if (stream->owner != kHostOwner) {
    if (random_.OneIn(2)) steps.push_back(CallEvent(Kind::kVmUnassign, {vm, who.side, who.sid}));
    if (!random_.OneIn(3)) steps.push_back(CallEvent(Kind::kVmDestroy, {vm}));
  }
  if (steps.size() > 1 && random_.OneIn(4)) {
    const uint64_t from = random_.Below(steps.size());
    std::swap(steps[from], steps[random_.Below(steps.size())]);
  }
  for (const Event& step : steps) {
    out->push_back(step);
    if (random_.OneIn(3)) out->push_back(step);  // bounded work: the same call goes on
    if (random_.OneIn(3)) out->push_back(Dma(who, mapping == nullptr ? 0 : mapping->iova));
  }
  if (mapping != nullptr && random_.OneIn(2)) {
    out->push_back(OwnerChange(Kind::kHypReclaim, mapping->pa, 1, stream->owner));
  }
  if (random_.OneIn(4)) {
    const uint64_t pool = stream->owner == kHostOwner ? 0 : kVmPool0 + vm;
    out->push_back(CallEvent(Kind::kPoolReclaim, {pool, random_.OneOf({1, kPoolPages})}));
  }
  if (random_.OneIn(2)) HostEntry(sketch, who, out);
  out->push_back(Dma(who, random_.OneIn(2) ? sketch.PlainPage(&random_) : 0x1000));
}

void DomainMacros::Something(const Sketch& sketch, Events* out) {
  switch (random_.Below(8)) {
    case 0:
      return UnmapPart(sketch, out);
    case 1:
      return MapMore(sketch, out);
    case 2:
      return TakeMapped(sketch, out);
    case 3:
      return DetachStream(sketch, out);
    case 4:
      return TearDown(sketch, out);
    case 5:
      return PassStream(sketch, out);
    case 6:
      return Macros(values_, &random_).DonateUnderDma(sketch, out);
    default:
      return Macros(values_, &random_).FlushAll(out);
  }
}

void DomainMacros::PowerCycle(const Sketch& sketch, Events* out) {
  const Who who = SomeStream(sketch);
  const uint64_t side = random_.OneIn(4) ? values_.Smmu(&random_).side : who.side;
  const bool sleeps = random_.OneIn(2);
  if (sketch.roster().PowerOf(side) == Roster::Power::kOn || random_.OneIn(4)) {
    out->push_back(CallEvent(sleeps ? Kind::kPowerSuspend : Kind::kPowerOff, {side}));
    if (!random_.OneIn(4)) out->push_back(CallEvent(Kind::kHwPowerLoss, {side}));
    for (uint64_t n = random_.Below(3); n > 0; --n) Something(sketch, out);
    if (random_.OneIn(8)) return;
  }
  const bool ends = sketch.roster().PowerOf(side) == Roster::Power::kOff ? false : sleeps;
  if (random_.OneIn(8)) {
    Event fails = CallEvent(Kind::kHwReadFail, {static_cast<uint64_t>(WindowOfSide(side)), 1});
    fails.arg[1] = 1 + random_.Below(40);
    out->push_back(fails);
  }
  out->push_back(CallEvent(ends ? Kind::kPowerResume : Kind::kPowerOn, {side}));
  if (!Transfer(sketch, out)) Macros(values_, &random_).GoodDma(sketch, out);
}

// A stream goes while its unit's sync does not end, and somebody else wants it at once.
void DomainMacros::DetachUnanswered(const Sketch& sketch, const Roster::Stream& stream,
                                    Events* out) {
  const Who who = {stream.side, stream.sid};
  out->push_back(Detach(stream));
  out->push_back(Dma(who, sketch.PlainPage(&random_)));
  if (random_.OneIn(2)) HostEntry(sketch, who, out);
  const Roster::Domain* domain = sketch.roster().AnyDomain(&random_);
  if (domain != nullptr && random_.OneIn(2)) {
    out->push_back(CallEvent(Kind::kHvcAttachDev, {who.side, domain->handle, who.sid, 0, 0}));
  }
}

void DomainMacros::Unanswered(const Sketch& sketch, Events* out) {
  const Roster::Stream* stream = sketch.roster().AnyStream(&random_);
  const bool detach = stream != nullptr && stream->attached && random_.OneIn(2);
  const Who who = detach ? Who{stream->side, stream->sid} : SomeStream(sketch);
  out->push_back(Sync(who.side, random_.OneOf({kSyncNever, kSyncNever, kSyncDrawn, kSyncSlow})));
  Event ends = out->back();
  ends.arg[1] = kSyncImmediate;
  if (detach) {
    DetachUnanswered(sketch, *stream, out);
  } else {
    for (uint64_t n = 1 + random_.Below(2); n > 0; --n) Something(sketch, out);
  }
  Transfer(sketch, out);
  out->push_back(ends);
  if (random_.OneIn(2)) out->push_back(CallEvent(Kind::kTick, {}));
  for (uint64_t n = random_.Below(3); n > 0; --n) Something(sketch, out);
  Transfer(sketch, out);
}

void DomainMacros::FailedAllocation(const Sketch& sketch, Events* out) {
  const size_t before = out->size();
  switch (random_.Below(3)) {
    case 0:
      SetUpGuest(sketch, out);
      break;
    case 1:
      SetUpHostDomain(sketch, out);
      break;
    default:
      MapMore(sketch, out);
  }
  const size_t at = before + random_.Below(out->size() - before);
  for (size_t i = at; i < out->size(); ++i) {
    Event& event = (*out)[i];
    if (event.kind < Kind::kHvcAllocDomain || event.kind > Kind::kGuestUnmap) continue;
    const Event again = event;
    event.fail_nth = static_cast<uint16_t>(1 + random_.Below(4));
    if (!random_.OneIn(4)) out->insert(out->begin() + static_cast<ptrdiff_t>(i) + 1, again);
    return;
  }
}

void DomainMacros::PassStream(const Sketch& sketch, Events* out) {
  const Who who = SomeStream(sketch);
  for (uint64_t n = 1 + random_.Below(4); n > 0; --n) {
    switch (random_.Below(6)) {
      case 0:
      case 1:
        out->push_back(
            CallEvent(Kind::kHvcSetIdentity, {who.side, who.sid, random_.OneIn(3) ? 0u : 1u}));
        break;
      case 2:
        out->push_back(CallEvent(Kind::kHvcDevBlockDma, {who.side, who.sid, random_.Below(2)}));
        break;
      case 3:
        HostEntry(sketch, who, out);
        break;
      case 4: {
        const Roster::Domain* domain = sketch.roster().AnyDomain(&random_);
        const uint64_t handle = domain == nullptr ? 0 : domain->handle;
        out->push_back(CallEvent(Kind::kHvcAttachDev, {who.side, handle, who.sid, 0, 0}));
        break;
      }
      default:
        out->push_back(CallEvent(Kind::kVmAssign, {random_.Below(2), who.side, who.sid}));
    }
    out->push_back(Dma(who, sketch.PlainPage(&random_)));
  }
}

// Another stream of a device that has several: of this one's where it has, else of any.
DomainMacros::Who DomainMacros::SiblingOf(Who* who) {
  const model::DeviceStreams* own = model::DeviceOf(who->side, who->sid);
  if (own == nullptr) {
    own = &model::Devices()[random_.Below(model::kDeviceRanges)];
    *who = {own->side, own->first + random_.Below(own->last - own->first + 1u)};
  }
  Who other = *who;
  for (uint64_t met = 1; const model::DeviceStreams& row : model::Devices()) {
    for (uint64_t sid = row.first; row.device == own->device && sid <= row.last; ++sid) {
      if (random_.OneIn(met++)) other = {row.side, sid};
    }
  }
  return other;
}

// The streams of a device move together; others that lie near it stay where they are.
void DomainMacros::AssignNeighbour(const Sketch& sketch, Events* out) {
  Who used = SomeStream(sketch);
  if (random_.OneIn(2)) used.sid = 1 + random_.Below(126);
  Who moved = used;
  switch (random_.Below(4)) {
    case 0:
      moved.side = values_.Smmu(&random_).side;
      break;
    case 1:
      moved.sid = (moved.sid + random_.OneOf({1, 2, 4, 10, 126, 127})) % 127;
      break;
    default:
      moved = SiblingOf(&used);
  }
  const uint64_t vm = sketch.roster().FreeVm();
  const uint64_t page = sketch.PlainPage(&random_);
  HostEntry(sketch, used, out);
  out->push_back(Dma(used, page));
  if (random_.OneIn(2)) std::swap(used, moved);
  out->push_back(CallEvent(Kind::kVmCreate, {vm}));
  out->push_back(CallEvent(Kind::kVmAssign, {vm, moved.side, moved.sid}));
  out->push_back(Dma(used, page));
  out->push_back(Dma(moved, page));
  if (random_.OneIn(2)) HostEntry(sketch, used, out);
  if (random_.OneIn(2)) {
    out->push_back(CallEvent(Kind::kVmUnassign, {vm, moved.side, moved.sid}));
  }
  if (random_.OneIn(2)) {
    const Roster::Domain* domain = sketch.roster().AnyDomain(&random_);
    const Who who = random_.OneIn(2) ? SiblingOf(&moved) : moved;
    const uint64_t handle = domain == nullptr ? 0 : domain->handle;
    out->push_back(CallEvent(Kind::kHvcAttachDev, {who.side, handle, who.sid, 0, 0}));
  }
  out->push_back(Dma(used, page));
}

// A fault that the hardware has recorded of this stream, in a bank or for all.
Event DomainMacros::Record(const Who& who, uint64_t window) {
  const uint64_t bank = random_.OneIn(3) ? values_.Bank(&random_, who.side) : kGlobalFault;
  const uint64_t status = random_.OneOf({2, 2, 8, 1, 0});
  const uint64_t sid = random_.OneIn(8) ? values_.Sid(&random_, who.side) : who.sid;
  return CallEvent(Kind::kHwFault, {window, bank, status, 0x11, values_.Address(&random_), sid});
}

void DomainMacros::FaultAndTell(const Sketch& sketch, Events* out) {
  const Who who = SomeStream(sketch);
  for (uint64_t n = 1 + random_.Below(3); n > 0; --n) {
    const Who from = n % 2 != 0 ? who : SomeStream(sketch);
    out->push_back(Dma(from, values_.Address(&random_)));
  }
  const model::SmmuSpec* smmu = values_.SmmuOfSide(who.side);
  const uint64_t instances = smmu == nullptr ? 1 : smmu->instance_count;
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(who.side)) + random_.Below(instances);
  if (random_.OneIn(2)) out->push_back(Record(who, window));
  if (random_.OneIn(3)) DetachStream(sketch, out);
  for (uint64_t n = 1 + random_.Below(3); n > 0; --n) {
    switch (random_.Below(8)) {
      case 0:
        out->push_back(CallEvent(Kind::kTick, {}));
        break;
      case 4:
        out->push_back(CallEvent(Kind::kHvcStats, {}));
        break;
      case 1:
        out->push_back(HostRead32(window, layout::kSgfsr));
        break;
      case 2:
        out->push_back(HostWrite32(window, layout::kSgfsr, 0xc00001fe));
        break;
      case 3:
        out->push_back(HostRead32(window, layout::kSgfsr + 8 * random_.Below(4)));
        break;
      case 5:
        // Every bank says whose stream faulted there, EL2's too.
        if (smmu == nullptr) break;
        for (uint64_t bank = smmu->banks - smmu->el2_banks; bank < smmu->banks; ++bank) {
          out->push_back(HostRead32(window, layout::kCbfrsynra + 4 * bank));
        }
        break;
      default:
        out->push_back(CallEvent(Kind::kIrqFault, {who.side}));
    }
  }
}

void DomainMacros::Churn(const Sketch& sketch, Events* out) {
  const Roster::Domain domain = {sketch.roster().FreeDomain(&random_)};
  const Who who = FreeStream(sketch);
  const uint64_t rounds = 2 + random_.Below(random_.OneIn(8) ? 60 : 6);
  const bool attaches = random_.OneIn(2);
  out->push_back(CallEvent(Kind::kPoolAdd, {0, kPoolPages}));
  for (uint64_t n = 0; n < rounds; ++n) {
    out->push_back(CallEvent(Kind::kHvcAllocDomain, {domain.handle, 0}));
    if (attaches) {
      out->push_back(Map(domain, 0x1000, sketch.PlainPage(&random_), 1));
      out->push_back(CallEvent(Kind::kHvcAttachDev, {who.side, domain.handle, who.sid, 0, 0}));
      out->push_back(Dma(who, 0x1000));
      out->push_back(CallEvent(Kind::kHvcDetachDev, {who.side, domain.handle, who.sid, 0}));
    }
    out->push_back(Free(domain));
  }
  if (random_.OneIn(2)) SetUpGuest(sketch, out);
}

// 2 MiB and the pages that they are: one becomes the other, and either goes as the other.
void DomainMacros::BlocksAndPages(const Sketch& sketch, Events* out) {
  const Roster::Domain domain = {sketch.roster().FreeDomain(&random_)};
  constexpr uint64_t kPages = kBlock / kPage;
  const uint64_t iova = random_.Below(4) * kBlock;
  const uint64_t pa = PageFor(sketch, domain, kPages, out);
  const auto as_pages = [&](uint64_t pages) {
    return CallEvent(Kind::kHvcMapPages, {domain.handle, iova, pa, kPage, pages, kProtReadWrite});
  };
  const auto sync = [&] {
    if (!random_.OneIn(6)) out->push_back(CallEvent(Kind::kHvcIotlbSync, {domain.handle}));
  };
  out->push_back(CallEvent(Kind::kPoolAdd, {0, 2 * kPoolPages}));
  out->push_back(CallEvent(Kind::kHvcAllocDomain, {domain.handle, 0}));
  if (random_.OneIn(2)) {
    const Who who = FreeStream(sketch);
    out->push_back(CallEvent(Kind::kHvcAttachDev, {who.side, domain.handle, who.sid, 0, 0}));
  }
  // Now and then many tables of leaves, which one call can't hold a lock over.
  const uint64_t tables = random_.OneIn(8) ? 17 : 1;
  const uint64_t pages = random_.OneOf({1, kPages - 1, kPages, kPages, kPages + 1});
  out->push_back(random_.OneIn(3) ? Map(domain, iova, pa, kPages)
                                  : as_pages(tables == 1 ? pages : tables * kPages));
  const uint64_t size = random_.OneOf({kPage, kBlock});
  out->push_back(CallEvent(Kind::kHvcUnmapPages,
                           {domain.handle, iova, size, size == kBlock ? tables : tables * kPages}));
  sync();
  for (uint64_t n = 1 + random_.Below(3); n > 0; --n) {
    const bool block = random_.OneIn(2);
    out->push_back(block ? Map(domain, iova, pa, kPages) : as_pages(pages));
    if (random_.OneIn(2)) {
      out->push_back(Unmap(domain, iova, random_.OneOf({kPages, 1})));
      sync();
    }
  }
}

// Domain after domain on one unit, until each has the last bank that it may have.
void DomainMacros::FillBanks(const Sketch& sketch, Events* out) {
  const uint64_t side = FreeStream(sketch).side;
  const uint64_t first = random_.Below(kHostDomainCount - 16);
  const uint64_t count = 4 + random_.Below(random_.OneIn(2) ? 4 : 12);
  const uint64_t sid = 1 + random_.Below(110);
  if (random_.OneIn(3)) SetUpGuest(sketch, out);
  out->push_back(CallEvent(Kind::kPoolAdd, {0, 2 * kPoolPages}));
  for (uint64_t n = 0; n < count; ++n) {
    out->push_back(CallEvent(Kind::kHvcAllocDomain, {first + n, 0}));
    out->push_back(CallEvent(Kind::kHvcAttachDev, {side, first + n, sid + n, 0, 0}));
  }
  if (random_.OneIn(2)) SetUpGuest(sketch, out);
}

void DomainMacros::Any(const Sketch& sketch, Events* out) {
  // One domain has nothing to be mixed up with.
  const bool bare = sketch.roster().domains().empty();
  if (random_.OneIn(4)) return WaitMacros(values_, &random_).Any(sketch, out);
  if (bare && !random_.OneIn(8)) {
    return random_.OneIn(2) ? SetUpGuest(sketch, out) : SetUpHostDomain(sketch, out);
  }
  constexpr unsigned kWeights[] = {5, 5, 10, 16, 8, 10, 12, 10, 12, 6, 8, 8, 8, 4, 2, 2};
  switch (random_.Weighted(kWeights)) {
    case 0:
      return SetUpGuest(sketch, out);
    case 1:
      return SetUpHostDomain(sketch, out);
    case 2:
      return MapMore(sketch, out);
    case 3:
      return UnmapPart(sketch, out);
    case 4:
      return TakeMapped(sketch, out);
    case 5:
      return DetachStream(sketch, out);
    case 6:
      return TearDown(sketch, out);
    case 7:
      return PowerCycle(sketch, out);
    case 8:
      return Unanswered(sketch, out);
    case 9:
      return FailedAllocation(sketch, out);
    case 10:
      return PassStream(sketch, out);
    case 11:
      return FaultAndTell(sketch, out);
    case 12:
      return AssignNeighbour(sketch, out);
    case 13:
      return BlocksAndPages(sketch, out);
    case 14:
      return FillBanks(sketch, out);
    default:
      return Churn(sketch, out);
  }
}

}  // namespace sidewall::fuzz
