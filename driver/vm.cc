// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/vm.h"

#include "driver/domain.h"

namespace SIDEWALL_NS {
namespace {

Stream StreamOf(const Route& route) { return Stream{route.smmu, StreamId{route.sid}}; }

// The VM that a destruction is about. Between two steps another CPU may have ended it, and made
// another in its place.
struct DyingVm {
  uint32_t owner = 0;
  uint64_t life = 0;  // 0: there is none
};

bool IsHere(const State& state, const DyingVm& dying) {
  return VmDies(state, dying.owner - SIDEWALL_OWNER_GUEST0, dying.life);
}

// Detaches every stream of the VM. A VM cannot attach one meanwhile, since it is dying.
sidewall_status DetachAll(State& state, const DyingVm& dying) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (!IsHere(state, dying)) return SIDEWALL_OK;
  Stream stream;
  for (uint32_t i = 0; i < SIDEWALL_MAX_SMMUS * kMaxEntries; ++i) {
    if (!AnyStreamOf(state, dying.owner, true, &stream)) return SIDEWALL_OK;
    uint32_t handle = 0;
    if (!AttachedDomain(state, stream, &handle)) sidewall_plat_panic(state.ctx, __LINE__);
    const sidewall_status status = DetachStream(state, handle, stream);
    if (status != SIDEWALL_OK) return status;
  }
  return SIDEWALL_OK;
}

bool IsLeft(State& state, const DyingVm& dying, uint32_t handle) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  return IsHere(state, dying) && !state.domains.domain[handle].life.is_free();
}

// Frees every domain of the VM. Its progress is 0 when more is left to do.
sidewall_result FreeAll(State& state, const DyingVm& dying) {
  for (uint32_t i = 0; i < DomainsOf(dying.owner); ++i) {
    const uint32_t handle = FirstDomain(dying.owner) + i;
    const sidewall_result result = FreeDomain(state, handle, dying.owner, dying.life);
    if (result.status == SIDEWALL_DEGRADED) return result;
    if (result.status == SIDEWALL_OK && result.progress == 0) return result;
    // Refused: there is none, or another CPU is about to give up making one.
    if (result.status == SIDEWALL_REFUSED && IsLeft(state, dying, handle)) {
      return Result(SIDEWALL_OK);
    }
  }
  return Result(SIDEWALL_OK, 1);
}

// No domain is left, and no stream is attached. The lock is held.
bool IsEmptied(State& state, uint32_t owner) {
  for (uint32_t i = 0; i < DomainsOf(owner); ++i) {
    if (!state.domains.domain[FirstDomain(owner) + i].life.is_free()) return false;
  }
  Stream stream;
  return !AnyStreamOf(state, owner, true, &stream);
}

// Some CPU is about to tell the VM of a fault. None begins to, once no stream is the VM's.
bool IsBeingTold(State& state, uint32_t owner) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    LockGuard lock(state.ctx, state.smmu[i].lock_id);
    if (state.smmu[i].untold[owner - SIDEWALL_OWNER_GUEST0] != 0) return true;
  }
  return false;
}

// The last step, and the only one after which the slot can be made another VM: whatever the steps
// before have seen, it looks once more at all that must be over. Every unit answers before the
// first stream goes, so that a call that is DEGRADED has returned none.
sidewall_result UnassignAll(State& state, const DyingVm& dying) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (!IsHere(state, dying)) return Result(SIDEWALL_OK, 1);
  if (!IsEmptied(state, dying.owner)) return Result(SIDEWALL_OK);
  if (!DrainStreams(state, dying.owner)) return Result(SIDEWALL_DEGRADED);
  Stream stream;
  for (uint32_t i = 0; i < SIDEWALL_MAX_SMMUS * kSidCount; ++i) {
    if (!AnyStreamOf(state, dying.owner, false, &stream)) break;
    if (!ReturnDrained(state, dying.owner, stream)) return Result(SIDEWALL_OK);
  }
  if (IsBeingTold(state, dying.owner)) return Result(SIDEWALL_OK);
  state.domains.vm[dying.owner - SIDEWALL_OWNER_GUEST0] = Vm{};
  return Result(SIDEWALL_OK, 1);
}

DyingVm BeginDestroy(State& state, uint32_t vm) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (!VmExists(state, vm)) return {};
  state.domains.vm[vm].stage = VmStage::kDying;
  return {OwnerOfVm(vm), state.domains.vm[vm].life};
}

}  // namespace

bool VmExists(const State& state, uint32_t vm) {
  return vm < SIDEWALL_MAX_VMS && state.domains.vm[vm].stage != VmStage::kNone;
}

bool VmDies(const State& state, uint32_t vm, uint64_t life) {
  const Vm& body = state.domains.vm[vm];
  return body.stage == VmStage::kDying && body.life == life;
}

bool VmServes(const State& state, uint32_t vm) {
  return vm < SIDEWALL_MAX_VMS && state.domains.vm[vm].stage == VmStage::kFinal;
}

bool FindRoute(const State& state, uint32_t vm, uint32_t pviommu, uint32_t vsid, Stream* stream) {
  if (!VmServes(state, vm)) return false;
  const Vm& body = state.domains.vm[vm];
  for (uint32_t i = 0; i < body.route_count; ++i) {
    if (body.route[i].pviommu != pviommu || body.route[i].vsid != vsid) continue;
    *stream = StreamOf(body.route[i]);
    return true;
  }
  return false;
}

bool HasPvIommu(const State& state, uint32_t vm, uint32_t pviommu) {
  const Vm& body = state.domains.vm[vm];
  for (uint32_t i = 0; i < body.route_count; ++i) {
    if (body.route[i].pviommu == pviommu) return true;
  }
  return false;
}

sidewall_result CreateVm(State& state, uint32_t vm) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (vm >= SIDEWALL_MAX_VMS || VmExists(state, vm)) return Result(SIDEWALL_REFUSED);
  // What a boot loader left running may not go on beside a guest.
  EndBootStreams(state);
  state.domains.vm[vm] = Vm{};
  state.domains.vm[vm].life = ++state.domains.vms_made;
  state.domains.vm[vm].stage = VmStage::kOpen;
  return Result(SIDEWALL_OK, vm);
}

sidewall_result AddRoute(State& state, uint32_t vm, const Route& route) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (!VmExists(state, vm)) return Result(SIDEWALL_REFUSED);
  Vm& body = state.domains.vm[vm];
  if (body.stage != VmStage::kOpen) return Result(SIDEWALL_REFUSED);
  if (body.route_count == SIDEWALL_MAX_ROUTES) return Result(SIDEWALL_REFUSED);
  for (uint32_t i = 0; i < body.route_count; ++i) {
    const Route& other = body.route[i];
    if (other.pviommu == route.pviommu && other.vsid == route.vsid) {
      return Result(SIDEWALL_REFUSED);
    }
    if (other.smmu == route.smmu && other.sid == route.sid) return Result(SIDEWALL_REFUSED);
  }
  body.route[body.route_count++] = route;
  return Result(SIDEWALL_OK);
}

sidewall_result FinalizeVm(State& state, uint32_t vm) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (!VmExists(state, vm)) return Result(SIDEWALL_REFUSED);
  Vm& body = state.domains.vm[vm];
  if (body.stage != VmStage::kOpen) return Result(SIDEWALL_REFUSED);
  for (uint32_t i = 0; i < body.route_count; ++i) {
    if (!OwnsStream(state, OwnerOfVm(vm), StreamOf(body.route[i]))) {
      return Result(SIDEWALL_REFUSED);
    }
  }
  body.stage = VmStage::kFinal;
  return Result(SIDEWALL_OK);
}

sidewall_result DestroyVm(State& state, uint32_t vm) {
  const DyingVm dying = BeginDestroy(state, vm);
  if (dying.life == 0) return Result(SIDEWALL_REFUSED);
  const sidewall_status status = DetachAll(state, dying);
  if (status != SIDEWALL_OK) return Result(status);
  const sidewall_result freed = FreeAll(state, dying);
  if (freed.status != SIDEWALL_OK || freed.progress == 0) return freed;
  return UnassignAll(state, dying);
}

}  // namespace SIDEWALL_NS
