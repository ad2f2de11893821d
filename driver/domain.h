// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Paravirtual domains: what is mapped in a stage-2 tree of EL2's own, and what is still referenced.
//
//     CreateDomain(state, handle, owner)            FREE -> LIVE, with an empty tree
//     MapDomain(state, handle, owner, request)      leaves of 4 KiB; blocks where asked for
//     UnmapDomain(...)                              the leaf is invalid, and keeps its address
//     SyncDomain(...)                               flushed, synced; only then references drop
//     FreeDomain(...)                               what is left, a bounded part each call
//
// The invalid leaf that keeps its address is how a sync knows which pages to drop. Until then its
// slot takes no new mapping, so that nobody can mix up the two.
//
// Each function takes SIDEWALL_LOCK_DOMAINS itself, unless a comment says otherwise, and holds no
// lock while it asks a pool or drops a reference. Another CPU may end the domain meanwhile, and so
// the call; but the handle is free, and its VM gone, only when every call has left the domain.
#ifndef SIDEWALL_DRIVER_DOMAIN_H_
#define SIDEWALL_DRIVER_DOMAIN_H_

#include "driver/internal.h"

namespace SIDEWALL_NS {

constexpr bool IsGuest(uint32_t owner) { return owner >= SIDEWALL_OWNER_GUEST0; }
// The handles of an owner are [first, first + count).
constexpr uint32_t FirstDomain(uint32_t owner) {
  return IsGuest(owner)
             ? SIDEWALL_HOST_DOMAINS + (owner - SIDEWALL_OWNER_GUEST0) * SIDEWALL_VM_DOMAINS
             : 0;
}
constexpr uint32_t DomainsOf(uint32_t owner) {
  return IsGuest(owner) ? SIDEWALL_VM_DOMAINS : SIDEWALL_HOST_DOMAINS;
}
constexpr uint32_t PoolOf(uint32_t owner) {
  return IsGuest(owner) ? SIDEWALL_POOL_VM0 + (owner - SIDEWALL_OWNER_GUEST0)
                        : static_cast<uint32_t>(SIDEWALL_POOL_HOST);
}

// The domain, live and of this owner; null otherwise. The lock is held.
Domain* LiveDomain(State& state, uint32_t handle, uint32_t owner);

struct MapRequest {
  uint64_t iova = 0;
  uint64_t pa = 0;
  uint64_t page_size = kPageSize;
  uint64_t size = 0;
  uint32_t prot = 0;
};

// A free handle among `count` from `first` on, which nobody else gets. The lock is held.
[[nodiscard]] bool ReserveDomain(State& state, uint32_t first, uint32_t count, uint32_t* handle);
// Of a handle that the caller has reserved.
sidewall_result CreateDomain(State& state, uint32_t handle, uint32_t owner);
sidewall_result MapDomain(State& state, uint32_t handle, uint32_t owner, const MapRequest& request);
sidewall_result UnmapDomain(State& state, uint32_t handle, uint32_t owner, uint64_t iova,
                            uint64_t page_size, uint64_t size);
// By pages, after what an earlier call has left: at most what one call can drop as well, and OK
// with 0 when there was nothing else. DEGRADED: unmapped, not flushed.
sidewall_result UnmapAndSync(State& state, uint32_t handle, uint32_t owner, uint64_t iova,
                             uint64_t size);
sidewall_result SyncDomain(State& state, uint32_t handle, uint32_t owner);
// `dying`: the life of the VM whose end this is; 0 where the owner itself asks.
sidewall_result FreeDomain(State& state, uint32_t handle, uint32_t owner, uint64_t dying = 0);
sidewall_result LookUp(State& state, uint32_t handle, uint32_t owner, uint64_t iova);
// Whether [iova, iova + size) lies in what the domain can map.
[[nodiscard]] bool InDomain(State& state, uint32_t handle, uint32_t owner, uint64_t iova,
                            uint64_t size);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_DOMAIN_H_
