// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The public calls about domains, VMs and guests: what the arguments must be, whose the handle is,
// and in which state of the board they are served.
#include "driver/domain.h"
#include "driver/vm.h"

namespace SIDEWALL_NS {
namespace {

constexpr uint32_t kHost = SIDEWALL_OWNER_HOST;

// Before finalize the host may still store to hardware itself.
bool Serves(const sidewall_state* s) { return s != nullptr && PhaseOf(s->body) == Phase::kFinal; }

sidewall_result Refused() { return Result(SIDEWALL_REFUSED); }

// The size of `count` pages. False: it is no number of bytes.
bool SizeOf(uint64_t page_size, uint64_t count, uint64_t* size) {
  if (page_size == 0 || count > ~uint64_t{0} / page_size) return false;
  *size = page_size * count;
  return true;
}

// A number beyond those of VMs is nobody's, and must not become one of the host's or of EL2's. Who
// the VM is by then, is looked at when its domain is.
bool GuestCall(const sidewall_state* s, uint32_t vm) { return Serves(s) && vm < SIDEWALL_MAX_VMS; }

sidewall_result UnitCall(sidewall_state* s, uint32_t vm, uint32_t iommu, uint32_t sid,
                         bool assign) {
  Stream stream;
  if (!Serves(s) || !FindStream(s->body, iommu, sid, &stream)) return Refused();
  State& state = s->body;
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (!VmExists(state, vm)) return Refused();
  if (!assign) return Result(UnassignUnit(state, OwnerOfVm(vm), stream));
  if (state.domains.vm[vm].stage == VmStage::kDying) return Refused();
  return Result(AssignUnit(state, OwnerOfVm(vm), stream));
}

// The number of a pool that somebody can fill. The lock is held.
bool PoolExists(const State& state, uint32_t pool) {
  if (pool == SIDEWALL_POOL_HOST || pool == SIDEWALL_POOL_ATOMIC) return true;
  return pool >= SIDEWALL_POOL_VM0 && VmExists(state, pool - SIDEWALL_POOL_VM0);
}

sidewall_result GuestMove(sidewall_state* s, uint32_t vm, uint32_t pviommu, uint32_t vsid,
                          uint32_t domain, bool attach) {
  State& state = s->body;
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  Stream stream;
  if (!FindRoute(state, vm, pviommu, vsid, &stream)) return Refused();
  if (LiveDomain(state, domain, OwnerOfVm(vm)) == nullptr) return Refused();
  return Result(attach ? AttachStream(state, domain, stream) : DetachStream(state, domain, stream));
}

}  // namespace
}  // namespace SIDEWALL_NS

using namespace SIDEWALL_NS;

// ---------------------------------------------------------------- host calls

struct sidewall_result SIDEWALL_SYM(alloc_domain)(struct sidewall_state* s, uint32_t domain,
                                                  uint32_t type) {
  if (!Serves(s) || type != SIDEWALL_DOMAIN_PAGED) return Refused();
  if (domain >= SIDEWALL_HOST_DOMAINS) return Refused();
  {
    LockGuard lock(s->body.ctx, SIDEWALL_LOCK_DOMAINS);
    if (!ReserveDomain(s->body, domain, 1, &domain)) return Refused();
  }
  return CreateDomain(s->body, domain, kHost);
}

struct sidewall_result SIDEWALL_SYM(free_domain)(struct sidewall_state* s, uint32_t domain) {
  return Serves(s) ? FreeDomain(s->body, domain, kHost) : Refused();
}

struct sidewall_result SIDEWALL_SYM(attach_dev)(struct sidewall_state* s, uint32_t iommu,
                                                uint32_t domain, uint32_t sid, uint32_t pasid,
                                                uint32_t pasid_bits, uint64_t flags) {
  Stream stream;
  // An SMMUv2 has no substreams.
  if (pasid != 0 || pasid_bits != 0 || flags != 0) return Refused();
  if (!Serves(s) || !FindStream(s->body, iommu, sid, &stream)) return Refused();
  LockGuard lock(s->body.ctx, SIDEWALL_LOCK_DOMAINS);
  if (LiveDomain(s->body, domain, kHost) == nullptr) return Refused();
  return Result(AttachStream(s->body, domain, stream));
}

struct sidewall_result SIDEWALL_SYM(detach_dev)(struct sidewall_state* s, uint32_t iommu,
                                                uint32_t domain, uint32_t sid, uint32_t pasid) {
  Stream stream;
  if (pasid != 0) return Refused();
  if (!Serves(s) || !FindStream(s->body, iommu, sid, &stream)) return Refused();
  LockGuard lock(s->body.ctx, SIDEWALL_LOCK_DOMAINS);
  if (LiveDomain(s->body, domain, kHost) == nullptr) return Refused();
  return Result(DetachStream(s->body, domain, stream));
}

struct sidewall_result SIDEWALL_SYM(map_pages)(struct sidewall_state* s, uint32_t domain,
                                               uint64_t iova, uint64_t pa, uint64_t page_size,
                                               uint64_t page_count, uint32_t prot) {
  MapRequest request{iova, pa, page_size, 0, prot};
  if (!Serves(s) || !SizeOf(page_size, page_count, &request.size)) return Refused();
  return MapDomain(s->body, domain, kHost, request);
}

struct sidewall_result SIDEWALL_SYM(unmap_pages)(struct sidewall_state* s, uint32_t domain,
                                                 uint64_t iova, uint64_t page_size,
                                                 uint64_t page_count) {
  uint64_t size = 0;
  if (!Serves(s) || !SizeOf(page_size, page_count, &size)) return Refused();
  return UnmapDomain(s->body, domain, kHost, iova, page_size, size);
}

struct sidewall_result SIDEWALL_SYM(iova_to_phys)(struct sidewall_state* s, uint32_t domain,
                                                  uint64_t iova) {
  return Serves(s) ? LookUp(s->body, domain, kHost, iova) : Refused();
}

struct sidewall_result SIDEWALL_SYM(iotlb_sync)(struct sidewall_state* s, uint32_t domain) {
  return Serves(s) ? SyncDomain(s->body, domain, kHost) : Refused();
}

// A slot that becomes valid was in no cache, and map_pages has cleaned it already.
struct sidewall_result SIDEWALL_SYM(iotlb_sync_map)(struct sidewall_state* s, uint32_t domain,
                                                    uint64_t iova, uint64_t size) {
  if (!Serves(s) || !InDomain(s->body, domain, kHost, iova, size)) return Refused();
  return Result(SIDEWALL_OK, size);
}

struct sidewall_result SIDEWALL_SYM(dev_block_dma)(struct sidewall_state* s, uint32_t iommu,
                                                   uint32_t sid, uint32_t host_to_guest) {
  Stream stream;
  if (host_to_guest > 1) return Refused();
  if (!Serves(s) || !FindStream(s->body, iommu, sid, &stream)) return Refused();
  LockGuard lock(s->body.ctx, SIDEWALL_LOCK_DOMAINS);
  return Result(BlockDma(s->body, stream));
}

// ---------------------------------------------------------------- VM life

struct sidewall_result SIDEWALL_SYM(vm_create)(struct sidewall_state* s, uint32_t vm) {
  return Serves(s) ? CreateVm(s->body, vm) : Refused();
}

struct sidewall_result SIDEWALL_SYM(route_add)(struct sidewall_state* s, uint32_t vm,
                                               uint32_t pviommu, uint32_t vsid, uint32_t iommu,
                                               uint32_t sid) {
  Stream stream;
  if (!Serves(s) || !FindStream(s->body, iommu, sid, &stream)) return Refused();
  const Route route{pviommu, vsid, static_cast<uint8_t>(stream.unit),
                    static_cast<uint8_t>(stream.sid.value)};
  return AddRoute(s->body, vm, route);
}

struct sidewall_result SIDEWALL_SYM(vm_finalize)(struct sidewall_state* s, uint32_t vm) {
  return Serves(s) ? FinalizeVm(s->body, vm) : Refused();
}

struct sidewall_result SIDEWALL_SYM(vm_destroy)(struct sidewall_state* s, uint32_t vm) {
  return Serves(s) ? DestroyVm(s->body, vm) : Refused();
}

struct sidewall_result SIDEWALL_SYM(assign_unit)(struct sidewall_state* s, uint32_t vm,
                                                 uint32_t iommu, uint32_t sid) {
  return UnitCall(s, vm, iommu, sid, true);
}

struct sidewall_result SIDEWALL_SYM(unassign_unit)(struct sidewall_state* s, uint32_t vm,
                                                   uint32_t iommu, uint32_t sid) {
  return UnitCall(s, vm, iommu, sid, false);
}

// The platform keeps the pools; a page is asked for when it is needed.
struct sidewall_result SIDEWALL_SYM(pool_add)(struct sidewall_state* s, uint32_t pool,
                                              uint64_t pages) {
  if (!Serves(s) || pages > ~uint64_t{0} / kPageSize) return Refused();
  LockGuard lock(s->body.ctx, SIDEWALL_LOCK_DOMAINS);
  return PoolExists(s->body, pool) ? Result(SIDEWALL_OK, pages * kPageSize) : Refused();
}

struct sidewall_result SIDEWALL_SYM(pool_reclaim)(struct sidewall_state* s, uint32_t pool,
                                                  uint64_t pages) {
  // The pool of a VM outlives it, until the core has taken its pages back.
  if (!Serves(s) || pool >= SIDEWALL_POOL_VM0 + SIDEWALL_MAX_VMS) return Refused();
  if (pool != SIDEWALL_POOL_ATOMIC) return Result(SIDEWALL_OK);
  return Result(SIDEWALL_OK, ReturnSpareTables(s->body, pages) * kPageSize);
}

// ---------------------------------------------------------------- guest calls

struct sidewall_result SIDEWALL_SYM(guest_attach)(struct sidewall_state* s, uint32_t vm,
                                                  uint32_t pviommu, uint32_t vsid, uint32_t pasid,
                                                  uint32_t domain, uint32_t pasid_bits) {
  if (!Serves(s) || pasid != 0 || pasid_bits != 0) return Refused();
  return GuestMove(s, vm, pviommu, vsid, domain, true);
}

struct sidewall_result SIDEWALL_SYM(guest_detach)(struct sidewall_state* s, uint32_t vm,
                                                  uint32_t pviommu, uint32_t vsid, uint32_t pasid,
                                                  uint32_t domain) {
  if (!Serves(s) || pasid != 0) return Refused();
  return GuestMove(s, vm, pviommu, vsid, domain, false);
}

struct sidewall_result SIDEWALL_SYM(guest_alloc)(struct sidewall_state* s, uint32_t vm,
                                                 uint32_t pviommu) {
  if (!GuestCall(s, vm)) return Refused();
  const uint32_t owner = OwnerOfVm(vm);
  uint32_t domain = 0;
  {
    LockGuard lock(s->body.ctx, SIDEWALL_LOCK_DOMAINS);
    if (!VmServes(s->body, vm) || !HasPvIommu(s->body, vm, pviommu)) return Refused();
    if (!ReserveDomain(s->body, FirstDomain(owner), DomainsOf(owner), &domain)) return Refused();
  }
  return CreateDomain(s->body, domain, owner);
}

struct sidewall_result SIDEWALL_SYM(guest_free)(struct sidewall_state* s, uint32_t vm,
                                                uint32_t domain) {
  if (!GuestCall(s, vm)) return Refused();
  return FreeDomain(s->body, domain, OwnerOfVm(vm));
}

struct sidewall_result SIDEWALL_SYM(guest_map)(struct sidewall_state* s, uint32_t vm,
                                               uint32_t domain, uint64_t iova, uint64_t ipa,
                                               uint64_t size, uint32_t prot) {
  if (!GuestCall(s, vm)) return Refused();
  return MapDomain(s->body, domain, OwnerOfVm(vm), MapRequest{iova, ipa, kPageSize, size, prot});
}

struct sidewall_result SIDEWALL_SYM(guest_unmap)(struct sidewall_state* s, uint32_t vm,
                                                 uint32_t domain, uint64_t iova, uint64_t size) {
  if (!GuestCall(s, vm)) return Refused();
  return UnmapAndSync(s->body, domain, OwnerOfVm(vm), iova, size);
}
