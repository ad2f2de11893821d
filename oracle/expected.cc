// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/expected.h"

#include <algorithm>

namespace sidewall {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kBlock = 512 * kPage;
// As kSurelyInOneCall, of a guest's unmap, which syncs as well.
constexpr uint64_t kSurelyUnmapped = uint64_t{1} << 24;

uint32_t Word(uint64_t value) { return static_cast<uint32_t>(value); }

Expected Served() { return Expected::ServedOrRefused(true); }
Expected Refused() { return Expected::ServedOrRefused(false); }
Expected ServedOrRefused(bool served) { return Expected::ServedOrRefused(served); }

// How much of what a domain was asked for is done. Nothing is said where what waits for a sync may
// lie in the way.
struct Range {
  uint32_t domain = 0;
  uint64_t iova = 0;
  uint64_t page = kPage;
  uint64_t size = 0;
  bool sound = false;  // the arguments make sense, and no more than one call does
};

Range RangeOf(const Call& call) {
  const uint64_t* arg = call.arg;
  Range r;
  uint64_t most = kSurelyInOneCall;
  switch (call.id) {
    case CallId::kMapPages:
    case CallId::kUnmapPages: {
      const bool map = call.id == CallId::kMapPages;
      const uint64_t count = arg[map ? 4 : 3];
      r = {Word(arg[0]), arg[1], arg[map ? 3 : 2], 0};
      r.sound = (r.page == kPage || r.page == kBlock) && count < kSurelyInOneCall;
      r.size = count * r.page;
      break;
    }
    case CallId::kGuestMap:
      r = {Word(arg[1]), arg[2], kPage, arg[4], true};
      break;
    default:
      r = {Word(arg[1]), arg[2], kPage, arg[3], true};
      most = kSurelyUnmapped;
      break;
  }
  r.sound = r.sound && r.size != 0 && (r.iova | r.size) % r.page == 0 && r.size <= most &&
            r.iova < kSurelyInRange;
  return r;
}

bool IsMemory(const model::BoardSpec& board, uint64_t pa, uint64_t size) {
  if (pa % kPage != 0) return false;
  for (size_t i = 0; i < board.dram_count; i++) {
    const model::Range& dram = board.dram[i];
    if (!dram.Contains(pa) || size > dram.end() - pa) continue;
    return pa + size <= board.pool.start || pa >= board.pool.end();
  }
  return false;
}

uint64_t WholePages(const Range& range, uint64_t run) { return run - run % range.page; }

Expected OfMap(const GhostDomains& domains, const model::BoardSpec& board, const Call& call,
               const Observed& observed) {
  const Range r = RangeOf(call);
  const uint64_t pa = call.id == CallId::kMapPages ? call.arg[2] : call.arg[3];
  const uint32_t prot = Word(call.arg[5]);
  Expected nothing;
  if (call.id == CallId::kGuestMap) nothing.most = r.size & ~(kPage - 1);
  const bool known_prot = (prot & ~0xfu) == 0 && (prot & SIDEWALL_PROT_RW) != 0;
  if (!r.sound || !known_prot || pa % r.page != 0 || !IsMemory(board, pa, r.size)) return nothing;
  if (!domains.IsPlain(r.domain)) return nothing;
  const uint64_t free = WholePages(r, domains.Run(r.domain, r.iova, r.size, false));
  if (free == 0) return Refused();
  Expected e = Served();
  e.exact = !observed.allocation_failed;
  e.may_need_pages = observed.allocation_failed;
  e.may_degrade = false;
  e.progress = free;
  return e;
}

// With pages of 4 KiB it stops in front of a block that the range does not hold whole; whether what
// was asked for in pages of 2 MiB has become blocks is the driver's to know.
Expected OfUnmap(const GhostDomains& domains, const Call& call) {
  const Range r = RangeOf(call);
  if (!r.sound) return {};
  // What an earlier call of the guest's has left comes first, and may be all that is done.
  if (call.id == CallId::kGuestUnmap && !domains.IsPlain(r.domain)) return {};
  const uint64_t mapped = WholePages(r, domains.Run(r.domain, r.iova, r.size, true));
  if (mapped == 0) return Refused();
  const uint64_t surely = domains.BeforeSplit(r.domain, r.iova, r.size);
  if (surely == 0) return {};
  Expected e = Served();
  e.exact = surely >= mapped;
  e.progress = mapped;
  return e;
}

Expected OfDomain(const GhostDomains& domains, const Call& call, const Observed& observed) {
  const uint32_t handle = Word(call.arg[0]);
  Expected e;
  switch (call.id) {
    case CallId::kAllocDomain:
      e = ServedOrRefused(handle < SIDEWALL_HOST_DOMAINS && Word(call.arg[1]) == 0 &&
                          !observed.allocation_failed);
      e.may_need_pages = observed.allocation_failed;
      e.may_degrade = false;
      return e;
    case CallId::kGuestAlloc: {
      const uint32_t vm = handle;
      if (domains.DomainCount(vm) == SIDEWALL_VM_DOMAINS) return Refused();
      if (!domains.HasPvIommu(vm, Word(call.arg[1])) || observed.allocation_failed) return {};
      e = Served();
      e.may_degrade = false;
      return e;
    }
    case CallId::kFreeDomain:
    case CallId::kGuestFree: {
      const uint32_t domain = call.id == CallId::kFreeDomain ? handle : Word(call.arg[1]);
      if (domains.IsUnclear(domain)) return {};
      return ServedOrRefused(!domains.IsAttached(domain));
    }
    case CallId::kIotlbSync:
      return Served();
    case CallId::kIovaToPhys: {
      uint64_t pa = 0;
      if (!domains.LookUp(handle, call.arg[1], &pa)) return Refused();
      e = Served();
      e.exact = true;
      e.may_degrade = false;
      e.progress = pa;
      return e;
    }
    default:
      return e;
  }
}

// Hardware has a say where a sync of this call did not complete, or where a unit never came back;
// and only a call that brings one back asks more of registers than whether a sync is over.
bool MayDegrade(const GhostDomains& domains, const Call& call, const Observed& observed) {
  const bool up = call.id == CallId::kResume || call.id == CallId::kPowerOn;
  if (up && (observed.unanswered || observed.may_pass)) return true;
  const uint8_t waiting = up ? observed.unsynced : observed.unsynced | observed.stuck;
  return waiting != 0 && (waiting & domains.SidesOf(call)) != 0;
}

// What these say is that nothing is under way any more, or has just been; behind their own sync
// some may make another, for what waited before. A batch of removals is left to ISO02, which knows
// what may still be reached; but where a unit did not come back nobody knows what it holds.
bool MustDegrade(const GhostDomains& domains, const Call& call, const Observed& observed) {
  if ((observed.unfinished | observed.stuck) == 0) return false;
  switch (call.id) {
    case CallId::kTick:
      return (observed.unfinished | observed.stuck) != 0;
    case CallId::kSuspend:
    case CallId::kPowerOff:
    case CallId::kResume:
    case CallId::kPowerOn:
      return (observed.unfinished & domains.SidesOf(call)) != 0;
    case CallId::kDetachDev:
    case CallId::kGuestDetach:
    case CallId::kUnassignUnit:
    case CallId::kDevBlockDma:
      return (observed.unended & domains.SidesOf(call)) != 0;
    case CallId::kHostStage2IdmapComplete:
      return Word(call.arg[0]) == 0 && observed.removed && observed.stuck != 0;
    default:
      return false;
  }
}

Expected OfVm(const GhostDomains& domains, const Call& call) {
  const uint32_t vm = Word(call.arg[0]);
  switch (call.id) {
    case CallId::kVmCreate:
      return ServedOrRefused(vm < SIDEWALL_MAX_VMS && !domains.VmExists(vm));
    case CallId::kVmFinalize:
      return ServedOrRefused(domains.MayFinalize(vm));
    case CallId::kVmDestroy:
      return ServedOrRefused(domains.VmExists(vm));
    default:
      return ServedOrRefused(domains.MayRoute(call));
  }
}

}  // namespace

Expected Expected::ServedOrRefused(bool served) {
  Expected e;
  e.claim = served ? kServed : kRefused;
  return e;
}

const char* Expected::Why(const struct sidewall_result& result) const {
  if (result.status > SIDEWALL_UNSUPPORTED) return "no such status";
  const bool refused = result.status == SIDEWALL_REFUSED;
  if (claim == kRefused && !refused) return "it had to be refused";
  if (claim == kServed && refused) return "nothing speaks against it";
  if (result.status == SIDEWALL_DEGRADED && !may_degrade) return "all hardware has answered";
  if (result.status == SIDEWALL_OK && must_degrade) return "some hardware has not answered";
  if (result.status == SIDEWALL_OK && result.progress > most) return kWrongProgress;
  if (claim == kNothing) return nullptr;
  if (result.pages_needed != 0 && !may_need_pages) return "no allocation failed";
  if (exact && !refused && result.progress != progress) return kWrongProgress;
  return nullptr;
}

Expected ExpectedOf(const GhostDomains& domains, const model::BoardSpec& board, const Call& call,
                    const Observed& observed) {
  Expected e;
  if (domains.Breach(call) != nullptr) {
    e = Refused();
    e.may_need_pages = observed.allocation_failed;
    return e;
  }
  switch (call.id) {
    case CallId::kAllocDomain:
    case CallId::kFreeDomain:
    case CallId::kGuestAlloc:
    case CallId::kGuestFree:
    case CallId::kIotlbSync:
    case CallId::kIovaToPhys:
      e = OfDomain(domains, call, observed);
      break;
    case CallId::kMapPages:
    case CallId::kGuestMap:
      e = OfMap(domains, board, call, observed);
      break;
    case CallId::kUnmapPages:
    case CallId::kGuestUnmap:
      e = OfUnmap(domains, call);
      break;
    case CallId::kVmCreate:
    case CallId::kRouteAdd:
    case CallId::kVmFinalize:
    case CallId::kVmDestroy:
      e = OfVm(domains, call);
      break;
    case CallId::kTick:
      e = Served();
      break;
    case CallId::kHostStage2Idmap:
    case CallId::kHostStage2IdmapComplete:
    case CallId::kPoolAdd:
    case CallId::kPoolReclaim:
    case CallId::kIotlbSyncMap:
    case CallId::kGetIommuToken:
    case CallId::kStats:
      e = ExpectedOfCore(domains, board, call, observed);
      break;
    default:
      e = ExpectedOfUnit(domains, board, call, observed);
      break;
  }
  e.may_degrade = e.may_degrade && MayDegrade(domains, call, observed);
  e.must_degrade = MustDegrade(domains, call, observed);
  return e;
}

}  // namespace sidewall
