// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// VMs and their routes: which stream a guest means by (pvIOMMU, vSID).
//
//     CreateVm -> AddRoute... -> FinalizeVm       the routes do not change from here on
//     Stream stream;
//     if (!FindRoute(state, vm, pviommu, vsid, &stream)) return REFUSED;
//     DestroyVm ... until its progress is 1
//
// Each but FindRoute takes SIDEWALL_LOCK_DOMAINS itself.
#ifndef SIDEWALL_DRIVER_VM_H_
#define SIDEWALL_DRIVER_VM_H_

#include "driver/units.h"

namespace SIDEWALL_NS {

constexpr uint32_t OwnerOfVm(uint32_t vm) { return SIDEWALL_OWNER_GUEST0 + vm; }

sidewall_result CreateVm(State& state, uint32_t vm);
sidewall_result AddRoute(State& state, uint32_t vm, const Route& route);
sidewall_result FinalizeVm(State& state, uint32_t vm);
sidewall_result DestroyVm(State& state, uint32_t vm);

// True for a VM that is there, whatever its stage. The lock is held.
bool VmExists(const State& state, uint32_t vm);
// True for the one VM that has this life, once its destruction has begun. The lock is held.
bool VmDies(const State& state, uint32_t vm, uint64_t life);
// True while guest calls are served. The lock is held.
bool VmServes(const State& state, uint32_t vm);
[[nodiscard]] bool FindRoute(const State& state, uint32_t vm, uint32_t pviommu, uint32_t vsid,
                             Stream* stream);
bool HasPvIommu(const State& state, uint32_t vm, uint32_t pviommu);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_VM_H_
