// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/wait_macros.h"

#include "fuzz/domain_macros.h"
#include "fuzz/layout.h"

namespace sidewall::fuzz {
namespace {

using Kind = EventKind;

constexpr uint64_t kReadWrite = 3;
constexpr uint64_t kPoolPages = 16;
constexpr uint64_t kVmPool0 = 2;
constexpr uint64_t kVsid = 1;
constexpr uint64_t kFarIova = uint64_t{1} << 31;  // needs tables that nothing else there has
constexpr uint64_t kPairMask = layout::kSmrMask | 1;

}  // namespace

WaitMacros::Cast WaitMacros::Choose(const Sketch& sketch) {
  Cast cast;
  const Roster& roster = sketch.roster();
  const model::ClientInfo* client = sketch.FindUnmatched(&random_);
  if (client == nullptr) client = values_.KnownClient(&random_);
  cast.side = client == nullptr ? 0 : client->side;
  cast.sid = client == nullptr || random_.OneIn(4) ? 1 + random_.Below(126) : client->default_sid;
  cast.second = random_.OneIn(4) ? values_.Sid(&random_, cast.side) : cast.sid ^ 1;
  cast.third = values_.Sid(&random_, cast.side);
  cast.guest_side = cast.side;
  cast.guest_sid = values_.Sid(&random_, cast.side);
  cast.abroad_side = values_.Smmu(&random_).side;
  cast.abroad_sid = values_.Sid(&random_, cast.abroad_side);
  cast.has_vm = random_.OneIn(2);
  if (random_.OneIn(3)) ChooseDevice(&cast);
  cast.domain = roster.FreeDomain(&random_);
  cast.spare = (cast.domain + 1) % kHostDomainCount;
  cast.vm = roster.FreeVm();
  cast.iova = kPage * (1 + random_.Below(4));
  cast.page = sketch.PlainPage(&random_);
  cast.other_page = sketch.PlainPage(&random_);
  cast.serves = cast.has_vm && random_.OneIn(2);
  return cast;
}

// Two streams that move together; of a device on two units, the host has streams beside one.
void WaitMacros::ChooseDevice(Cast* cast) {
  const auto& rows = model::Devices();
  const model::DeviceStreams* row = nullptr;
  const model::DeviceStreams* other = nullptr;
  // Few devices are on two units.
  for (uint64_t tries = random_.OneIn(2) ? 32 : 1; tries > 0 && other == row; --tries) {
    row = other = &rows[random_.Below(model::kDeviceRanges)];
    for (const model::DeviceStreams& candidate : rows) {
      if (candidate.device == row->device && candidate.side != row->side) other = &candidate;
    }
  }
  cast->has_vm = true;
  cast->guest_side = row->side;
  cast->guest_sid = row->first;
  cast->abroad_side = other->side;
  cast->abroad_sid = other->last;
  cast->side = random_.OneIn(2) ? row->side : other->side;
}

void WaitMacros::SetUpVm(const Cast& cast, Events* out) {
  const uint64_t domain = kHostDomainCount + cast.vm * kVmDomainCount;
  out->push_back(CallEvent(Kind::kVmCreate, {cast.vm}));
  out->push_back(CallEvent(Kind::kVmAssign, {cast.vm, cast.guest_side, cast.guest_sid}));
  if (random_.OneIn(2)) {
    out->push_back(CallEvent(Kind::kVmAssign, {cast.vm, cast.abroad_side, cast.abroad_sid}));
  }
  if (!cast.serves) return;
  out->push_back(
      CallEvent(Kind::kVmRouteAdd, {cast.vm, 0, kVsid, cast.guest_side, cast.guest_sid}));
  out->push_back(CallEvent(Kind::kVmFinalize, {cast.vm}));
  out->push_back(CallEvent(Kind::kPoolAdd, {kVmPool0 + cast.vm, kPoolPages}));
  out->push_back(OwnerChange(Kind::kHypDonate, cast.other_page, 1, kGuestOwner + cast.vm));
  out->push_back(CallEvent(Kind::kGuestAlloc, {cast.vm, 0}));
  out->push_back(
      CallEvent(Kind::kGuestMap, {cast.vm, domain, cast.iova, cast.other_page, kPage, kReadWrite}));
  out->push_back(CallEvent(Kind::kGuestAttach, {cast.vm, 0, kVsid, domain, 0}));
}

void WaitMacros::SetUp(const Cast& cast, Events* out) {
  if (cast.has_vm) SetUpVm(cast, out);
  if (random_.OneIn(3)) {
    const uint64_t smr = layout::kSmrValid | kPairMask << 16 | cast.third;
    out->push_back(HostWrite32(Window(cast.side), layout::kS2cr, layout::kS2crBypass));
    out->push_back(HostWrite32(Window(cast.side), layout::kSmr, smr));
    undo_.push_back(HostWrite32(Window(cast.side), layout::kSmr, 0));
  }
  out->push_back(CallEvent(Kind::kPoolAdd, {0, kPoolPages}));
  out->push_back(CallEvent(Kind::kHvcAllocDomain, {cast.domain, 0}));
  if (random_.OneIn(2)) out->push_back(CallEvent(Kind::kHvcAllocDomain, {cast.spare, 0}));
  out->push_back(
      CallEvent(Kind::kHvcMapPages, {cast.domain, cast.iova, cast.page, kPage, 1, kReadWrite}));
  out->push_back(CallEvent(Kind::kHvcAttachDev, {cast.side, cast.domain, cast.sid, 0, 0}));
  if (random_.OneIn(2)) {
    out->push_back(CallEvent(Kind::kHvcAttachDev, {cast.side, cast.domain, cast.second, 0, 0}));
  } else if (random_.OneIn(2)) {
    out->push_back(CallEvent(Kind::kHvcSetIdentity, {cast.side, cast.second, 1}));
  }
  if (random_.OneIn(2)) {
    out->push_back(AnyStreamDma(&random_, cast.side, cast.sid, cast.iova));
  }
  // What is made now is held back by what is attached, until that is over.
  if (random_.OneIn(4)) HostEntry(cast, out);
}

void WaitMacros::Stop(const Cast& cast, bool any_unit, Events* out) {
  const uint64_t mode = random_.OneIn(3) ? kSyncDrawn : kSyncNever;
  const uint64_t side = any_unit ? random_.OneOf({cast.guest_side, cast.abroad_side}) : cast.side;
  const model::SmmuSpec* smmu = values_.SmmuOfSide(side);
  const uint64_t instances = smmu == nullptr ? 1 : smmu->instance_count;
  const bool both = mode == kSyncDrawn || random_.OneIn(2);
  const uint64_t only = random_.Below(instances);
  for (uint64_t i = 0; i < instances; ++i) {
    if (both || i == only) out->push_back(CallEvent(Kind::kHwSync, {Window(side) + i, mode, 0}));
  }
}

void WaitMacros::Go(const Cast& cast, Events* out) {
  for (size_t n = 0; n < values_.board().smmu_count; ++n) {
    const model::SmmuSpec& smmu = values_.board().smmu[n];
    const uint64_t side = smmu.side;
    if (side != cast.side && side != cast.guest_side && side != cast.abroad_side) continue;
    for (uint64_t i = 0; i < smmu.instance_count; ++i) {
      out->push_back(CallEvent(Kind::kHwSync, {Window(side) + i, kSyncImmediate, 0}));
    }
  }
}

void WaitMacros::Leave(const Cast& cast, Events* out) {
  const uint64_t guest_domain = kHostDomainCount + cast.vm * kVmDomainCount;
  switch (random_.Below(cast.has_vm ? 10 : 7)) {
    case 0:
    case 1:
    case 2:
      out->push_back(CallEvent(Kind::kHvcDetachDev, {cast.side, cast.domain, cast.sid, 0}));
      if (random_.OneIn(2)) {
        out->push_back(CallEvent(Kind::kHvcDetachDev, {cast.side, cast.domain, cast.second, 0}));
      }
      return;
    case 3:
      out->push_back(CallEvent(Kind::kHvcUnmapPages, {cast.domain, cast.iova, kPage, 1}));
      if (random_.OneIn(4)) out->push_back(CallEvent(Kind::kHvcIotlbSync, {cast.domain}));
      return;
    case 4:
      out->push_back(OwnerChange(Kind::kHypDonate, cast.page, 1, kGuestOwner));
      return;
    case 5:
      out->push_back(CallEvent(Kind::kHvcDetachDev, {cast.side, cast.domain, cast.sid, 0}));
      out->push_back(CallEvent(Kind::kHvcFreeDomain, {cast.domain}));
      return;
    case 6:
      out->push_back(CallEvent(Kind::kHvcSetIdentity, {cast.side, cast.second, 0}));
      return;
    case 7:
      out->push_back(CallEvent(Kind::kVmUnassign, {cast.vm, cast.guest_side, cast.guest_sid}));
      return;
    case 8:
      out->push_back(CallEvent(Kind::kVmDestroy, {cast.vm}));
      return;
    default:
      out->push_back(cast.serves && random_.OneIn(2)
                         ? CallEvent(Kind::kGuestUnmap, {cast.vm, guest_domain, cast.iova, kPage})
                         : CallEvent(Kind::kGuestDetach, {cast.vm, 0, kVsid, guest_domain, 0}));
  }
}

// An entry of the host's for the stream, or for both that lie beside each other; what waits holds
// it back.
void WaitMacros::HostEntry(const Cast& cast, Events* out) {
  const uint64_t entry = 1 + random_.Below(7);
  const uint64_t sid = random_.OneOf({cast.sid, cast.sid, cast.guest_sid, cast.abroad_sid});
  const uint64_t side = sid == cast.abroad_sid ? cast.abroad_side
                        : sid == cast.sid      ? cast.side
                                               : cast.guest_side;
  const uint64_t window = Window(side);
  const uint64_t mask = random_.OneOf({layout::kSmrMask, kPairMask, 0x7f87});
  const uint64_t smr = layout::kSmrValid | mask << 16 | sid;
  out->push_back(HostWrite32(window, layout::kS2cr + 4 * entry, layout::kS2crBypass));
  out->push_back(HostWrite32(window, layout::kSmr + 4 * entry, smr));
  undo_.push_back(HostWrite32(window, layout::kSmr + 4 * entry, 0));
}

// The unit goes and comes back; somebody may call meanwhile.
void WaitMacros::Sleep(const Cast& cast, Events* out) {
  const bool off = random_.OneIn(4);
  out->push_back(CallEvent(off ? Kind::kPowerOff : Kind::kPowerSuspend, {cast.side}));
  if (random_.OneIn(2)) out->push_back(CallEvent(Kind::kTick, {}));
  if (random_.OneIn(2)) MeetMemory(cast, out);
  if (random_.OneIn(3)) Meet(cast, out);
  if (random_.OneIn(2)) out->push_back(CallEvent(Kind::kHwPowerLoss, {cast.side}));
  if (random_.OneIn(6)) Stop(cast, false, out);
  out->push_back(CallEvent(off ? Kind::kPowerOn : Kind::kPowerResume, {cast.side}));
  undo_.push_back(out->back());
}

void WaitMacros::Between(const Cast& cast, Events* out) {
  if (random_.OneIn(3)) HostEntry(cast, out);
  if (random_.OneIn(2)) Go(cast, out);
  if (random_.OneIn(6)) out->push_back(CallEvent(Kind::kTick, {}));
  if (random_.OneIn(5)) Stop(cast, random_.OneIn(2), out);
  if (random_.OneIn(4)) Sleep(cast, out);
}

void WaitMacros::MeetMemory(const Cast& cast, Events* out) {
  const uint64_t domain = random_.OneIn(4) ? cast.spare : cast.domain;
  switch (random_.Below(8)) {
    case 0:
    case 7:
      out->push_back(OwnerChange(Kind::kHypDonate, random_.OneOf({cast.page, cast.other_page}), 1,
                                 kGuestOwner));
      return;
    case 1:
      out->push_back(OwnerChange(Kind::kHypReclaim, cast.page, 1, kGuestOwner));
      return;
    case 2:
    case 3: {
      const uint64_t iova = random_.OneOf({cast.iova, cast.iova, kFarIova});
      out->push_back(
          CallEvent(Kind::kHvcMapPages, {domain, iova, cast.other_page, kPage, 1, kReadWrite}));
      if (iova == kFarIova && random_.OneIn(2)) out->back().fail_nth = 1;
      return;
    }
    case 4:
      out->push_back(CallEvent(Kind::kHvcIotlbSync, {domain}));
      return;
    case 5:
      out->push_back(CallEvent(Kind::kPoolReclaim, {0, kPoolPages}));
      return;
    default:
      out->push_back(CallEvent(Kind::kHvcFreeDomain, {domain}));
      if (random_.OneIn(2)) out->push_back(CallEvent(Kind::kPoolReclaim, {0, kPoolPages}));
  }
}

void WaitMacros::MeetVm(const Cast& cast, Events* out) {
  switch (random_.Below(4)) {
    case 0:
      out->push_back(CallEvent(Kind::kVmUnassign, {cast.vm, cast.guest_side, cast.guest_sid}));
      return;
    case 1:
      out->push_back(CallEvent(Kind::kVmDestroy, {cast.vm}));
      return;
    case 2:
      out->push_back(CallEvent(Kind::kHvcDevBlockDma, {cast.guest_side, cast.guest_sid, 1}));
      return;
    default:
      out->push_back(CallEvent(Kind::kVmAssign, {cast.vm, cast.side, cast.sid}));
  }
}

// A call that makes a sync of its own.
void WaitMacros::End(const Cast& cast, Events* out) {
  switch (random_.Below(5)) {
    case 0:
      out->push_back(CallEvent(Kind::kHvcIotlbSync, {cast.domain}));
      return;
    case 1:
    case 2:
      out->push_back(CallEvent(Kind::kHvcDevBlockDma, {cast.side, cast.sid, 0}));
      return;
    case 3:
      out->push_back(CallEvent(Kind::kHvcDetachDev, {cast.side, cast.domain, cast.second, 0}));
      return;
    default:
      return Meet(cast, out);
  }
}

void WaitMacros::Refused(const Cast& cast, Events* out) {
  switch (random_.Below(5)) {
    case 0:
      out->push_back(CallEvent(Kind::kHvcDevBlockDma, {cast.side, cast.third, 0}));
      return;
    case 1:
      out->push_back(CallEvent(Kind::kHvcSetIdentity, {cast.side, cast.third, 1}));
      return;
    case 2:
      out->push_back(CallEvent(Kind::kHvcAttachDev, {cast.side, cast.domain, cast.third, 0, 0}));
      return;
    case 3:
      out->push_back(CallEvent(Kind::kHvcDetachDev, {cast.side, cast.domain, cast.third, 0}));
      return;
    default:
      out->push_back(
          CallEvent(Kind::kHvcAttachDev, {cast.guest_side, cast.domain, cast.guest_sid, 0, 0}));
  }
}

void WaitMacros::Meet(const Cast& cast, Events* out) {
  const uint64_t sid = random_.OneIn(3) ? cast.second : cast.sid;
  switch (random_.Below(13)) {
    case 0:
    case 1: {
      const uint64_t domain = random_.OneIn(3) ? cast.spare : cast.domain;
      out->push_back(CallEvent(Kind::kHvcAttachDev, {cast.side, domain, sid, 0, 0}));
      return;
    }
    case 2:
      out->push_back(
          CallEvent(Kind::kHvcSetIdentity, {cast.side, sid, random_.OneIn(4) ? 0u : 1u}));
      return;
    case 3:
      out->push_back(CallEvent(Kind::kHvcDevBlockDma, {cast.side, sid, random_.Below(2)}));
      return;
    case 4:
      out->push_back(CallEvent(Kind::kTick, {}));
      return;
    case 5:
      out->push_back(random_.OneIn(2) ? HostRead32(Window(cast.side), layout::kScr0)
                                      : HostWrite32(Window(cast.side), layout::kStlbgsync, 0));
      return;
    case 6:
    case 7:
      return cast.has_vm ? MeetVm(cast, out) : MeetMemory(cast, out);
    case 8:
      return Leave(cast, out);
    case 9:
      return HostEntry(cast, out);
    case 10:
      return Refused(cast, out);
    default:
      return MeetMemory(cast, out);
  }
}

void WaitMacros::Probe(const Cast& cast, Events* out) {
  const uint64_t sid = random_.OneIn(4) ? cast.second : cast.sid;
  out->push_back(AnyStreamDma(&random_, cast.side, sid, cast.iova));
  if (!random_.OneIn(4)) {
    const uint64_t page = random_.OneOf({cast.page, cast.page, cast.other_page});
    out->push_back(AnyStreamDma(&random_, cast.side, sid, page));
  }
  if (cast.has_vm && random_.OneIn(2)) {
    const bool far = random_.OneIn(2);
    out->push_back(AnyStreamDma(&random_, far ? cast.abroad_side : cast.guest_side,
                                far ? cast.abroad_sid : cast.guest_sid, cast.other_page));
  }
}

// What would stand in the way of all that comes after: entries that match many streams, a unit that
// is down, streams that are a guest's.
void WaitMacros::TidyUp(const Cast& cast, Events* out) {
  out->insert(out->end(), undo_.begin(), undo_.end());
  undo_.clear();
  for (uint64_t n = cast.has_vm ? 2 : 0; n > 0; --n) {
    out->push_back(CallEvent(Kind::kVmDestroy, {cast.vm}));
  }
}

void WaitMacros::Any(const Sketch& sketch, Events* out) {
  const Cast cast = Choose(sketch);
  SetUp(cast, out);
  Stop(cast, random_.OneIn(8), out);
  Leave(cast, out);
  if (random_.OneIn(4)) Leave(cast, out);
  switch (random_.Below(6)) {
    case 0:
      Go(cast, out);
      Sleep(cast, out);
      break;
    case 1:
      // A call whose sync ends the wait, and who relies on that.
      Go(cast, out);
      End(cast, out);
      HostEntry(cast, out);
      Probe(cast, out);
      break;
    case 2:
      // One unit answers again, another does not.
      Go(cast, out);
      Stop(cast, true, out);
      if (cast.has_vm) MeetVm(cast, out);
      break;
    default:
      Between(cast, out);
  }
  for (uint64_t n = 1 + random_.Below(3); n > 0; --n) Meet(cast, out);
  Probe(cast, out);
  Go(cast, out);
  if (random_.OneIn(2)) out->push_back(CallEvent(Kind::kTick, {}));
  for (uint64_t n = random_.Below(3); n > 0; --n) Meet(cast, out);
  Probe(cast, out);
  if (!random_.OneIn(6)) TidyUp(cast, out);
}

}  // namespace sidewall::fuzz
