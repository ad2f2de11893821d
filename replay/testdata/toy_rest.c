// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The calls of the toy that no test uses. They take no arguments here: the registers that a caller
// fills are not looked at.
#include <stdint.h>

struct Result {
  uint32_t status;
  uint32_t pages_needed;
  uint64_t progress;
};

#define TOY(name)                      \
  struct Result sidewall_##name(void); \
  struct Result sidewall_##name(void) { return (struct Result){3, 0, 0}; }

TOY(finalize)
TOY(host_stage2_idmap)
TOY(host_stage2_idmap_complete)
TOY(alloc_domain)
TOY(free_domain)
TOY(attach_dev)
TOY(detach_dev)
TOY(map_pages)
TOY(unmap_pages)
TOY(iotlb_sync)
TOY(iotlb_sync_map)
TOY(set_identity)
TOY(dev_block_dma)
TOY(get_iommu_token)
TOY(mc_register_sid)
TOY(vm_create)
TOY(route_add)
TOY(vm_finalize)
TOY(vm_destroy)
TOY(assign_unit)
TOY(unassign_unit)
TOY(pool_add)
TOY(pool_reclaim)
TOY(guest_attach)
TOY(guest_detach)
TOY(guest_alloc)
TOY(guest_free)
TOY(guest_map)
TOY(guest_unmap)
