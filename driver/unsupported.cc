// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Calls of the waist that have no body yet: paravirtual domains, guests and assignment. Each says
// so and changes nothing.
#include "driver/state.h"

using namespace SIDEWALL_NS;

#define SIDEWALL_WITHOUT_BODY(name, ...) \
  struct sidewall_result SIDEWALL_SYM(name)(__VA_ARGS__) { return Result(SIDEWALL_UNSUPPORTED); }

SIDEWALL_WITHOUT_BODY(alloc_domain, struct sidewall_state*, uint32_t, uint32_t)
SIDEWALL_WITHOUT_BODY(free_domain, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(attach_dev, struct sidewall_state*, uint32_t, uint32_t, uint32_t, uint32_t,
                      uint32_t, uint64_t)
SIDEWALL_WITHOUT_BODY(detach_dev, struct sidewall_state*, uint32_t, uint32_t, uint32_t, uint32_t)
SIDEWALL_WITHOUT_BODY(map_pages, struct sidewall_state*, uint32_t, uint64_t, uint64_t, uint64_t,
                      uint64_t, uint32_t)
SIDEWALL_WITHOUT_BODY(unmap_pages, struct sidewall_state*, uint32_t, uint64_t, uint64_t, uint64_t)
SIDEWALL_WITHOUT_BODY(iova_to_phys, struct sidewall_state*, uint32_t, uint64_t)
SIDEWALL_WITHOUT_BODY(iotlb_sync, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(iotlb_sync_map, struct sidewall_state*, uint32_t, uint64_t, uint64_t)
SIDEWALL_WITHOUT_BODY(dev_block_dma, struct sidewall_state*, uint32_t, uint32_t, uint32_t)
SIDEWALL_WITHOUT_BODY(vm_create, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(route_add, struct sidewall_state*, uint32_t, uint32_t, uint32_t, uint32_t,
                      uint32_t)
SIDEWALL_WITHOUT_BODY(vm_finalize, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(vm_destroy, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(assign_unit, struct sidewall_state*, uint32_t, uint32_t, uint32_t)
SIDEWALL_WITHOUT_BODY(unassign_unit, struct sidewall_state*, uint32_t, uint32_t, uint32_t)
SIDEWALL_WITHOUT_BODY(pool_add, struct sidewall_state*, uint32_t, uint64_t)
SIDEWALL_WITHOUT_BODY(pool_reclaim, struct sidewall_state*, uint32_t, uint64_t)
SIDEWALL_WITHOUT_BODY(guest_attach, struct sidewall_state*, uint32_t, uint32_t, uint32_t, uint32_t,
                      uint32_t, uint32_t)
SIDEWALL_WITHOUT_BODY(guest_detach, struct sidewall_state*, uint32_t, uint32_t, uint32_t, uint32_t,
                      uint32_t)
SIDEWALL_WITHOUT_BODY(guest_alloc, struct sidewall_state*, uint32_t, uint32_t)
SIDEWALL_WITHOUT_BODY(guest_free, struct sidewall_state*, uint32_t, uint32_t)
SIDEWALL_WITHOUT_BODY(guest_map, struct sidewall_state*, uint32_t, uint32_t, uint64_t, uint64_t,
                      uint64_t, uint32_t)
SIDEWALL_WITHOUT_BODY(guest_unmap, struct sidewall_state*, uint32_t, uint32_t, uint64_t, uint64_t)
