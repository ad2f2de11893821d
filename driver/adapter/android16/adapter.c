// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "android16.h"

// Steps of work that the driver has cut into parts; far more than the largest domain needs.
enum { kMaxSteps = 1 << 16 };

// What `priv` of a domain holds: 0 nothing, 1 the identity domain, else 2 + the driver's handle.
enum { kIdentity = 1, kFirstHandle = 2 };

static _Alignas(SIDEWALL_STATE_ALIGN) unsigned char block[SIDEWALL_STATE_SIZE];
static struct kvm_hyp_iommu iommus[SIDEWALL_MAX_SMMUS] = {
    {.id = SIDEWALL_SIDE_NISO1}, {.id = SIDEWALL_SIDE_NISO0}, {.id = SIDEWALL_SIDE_ISO}};
// Which VM of pKVM is which of the driver's.
static struct pkvm_hyp_vm* vms[SIDEWALL_MAX_VMS];
static hyp_spinlock_t vms_lock;
// Domains of the host that pKVM has freed and the driver could not: hardware did not answer.
static bool leftover[SIDEWALL_HOST_DOMAINS];
struct android16_notes android16_notes;

static struct sidewall_state* state(void) { return (struct sidewall_state*)block; }

__attribute__((noreturn)) static void AdapterPanic(u32 line) {
  android16_notes.panic_line = line | 1u << 31;
  hyp_panic();
}

// Asks the host for the memory that a call has missed. True when it has missed some.
static bool Requests(struct sidewall_result result) {
  if (result.status == SIDEWALL_DEGRADED || result.pages_needed == 0) return false;
  struct kvm_hyp_req req = {
      .dest = KVM_HYP_REQ_DEST_IOMMU, .order = 0, .count = result.pages_needed};
  kvm_iommu_request(&req);
  return true;
}

// The error of a call that pKVM's core makes for the host or a guest. It shows -ENOMEM as no
// progress, and its caller comes again with the pages.
static int ErrorOf(struct sidewall_result result) {
  if (Requests(result)) return -ENOMEM;
  switch (result.status) {
    case SIDEWALL_OK:
      return 0;
    case SIDEWALL_DEGRADED:
      return -EBUSY;
    case SIDEWALL_UNSUPPORTED:
      return -EOPNOTSUPP;
    default:
      return -EINVAL;
  }
}

// CACHE says nothing that the driver does not do anyway, and a stage 2 has no place for PRIV.
static u32 ProtOf(int prot) {
  u32 out = 0;
  if (prot & IOMMU_READ) out |= SIDEWALL_PROT_R;
  if (prot & IOMMU_WRITE) out |= SIDEWALL_PROT_W;
  if (prot & IOMMU_NOEXEC) out |= SIDEWALL_PROT_NOEXEC;
  if (prot & IOMMU_MMIO) out |= SIDEWALL_PROT_MMIO;
  return out;
}

static bool IsPaged(const struct kvm_hyp_iommu_domain* domain) {
  return (uintptr_t)domain->priv >= kFirstHandle;
}

static u32 HandleOf(const struct kvm_hyp_iommu_domain* domain) {
  return (u32)((uintptr_t)domain->priv - kFirstHandle);
}

// The one pvIOMMU of each VM, and the virtual ID of a stream in it. pKVM's core has followed the
// guest's own numbers to (iommu, endpoint) already, so these two are named after what they are.
enum { kPvIommu = 0, kEndpoints = 1 << 16 };
static u32 VsidOf(u32 iommu, u32 endpoint) { return iommu << 16 | endpoint; }

static u32 VmOf(const struct pkvm_hyp_vm* vm) {
  u32 found = SIDEWALL_MAX_VMS;
  hyp_spin_lock(&vms_lock);
  for (u32 i = 0; i < SIDEWALL_MAX_VMS; ++i) {
    if (vms[i] == vm) found = i;
  }
  hyp_spin_unlock(&vms_lock);
  return found;
}

/* ---------------------------------------------------------------- start */

static int Init(void) {
  int error = android16_map_windows(&android16_board);
  if (error == 0) error = android16_take_tables(&android16_board, &android16_tables);
  if (error != 0) return error;
  const struct sidewall_result result =
      sidewall_init(state(), sizeof(block), NULL, &android16_board);
  if (result.status == SIDEWALL_OK) return 0;
  android16_notes.refused_line = (u32)result.progress;
  return -EINVAL;
}

int android16_finalize(void) {
  const struct sidewall_result result = sidewall_finalize(state());
  if (result.status == SIDEWALL_OK) {
    android16_open_atomic_pool();
    return 0;
  }
  android16_notes.refused_line = (u32)result.progress;
  return -EBUSY;
}

static bool IsOnBoard(pkvm_handle_t id) {
  for (u32 i = 0; i < android16_board.smmu_count; ++i) {
    if (android16_board.smmu[i].side == id) return true;
  }
  return false;
}

static struct kvm_hyp_iommu* GetIommuById(pkvm_handle_t id) {
  return id < SIDEWALL_MAX_SMMUS && IsOnBoard(id) ? &iommus[id] : NULL;
}

static int GetIommuTokenById(pkvm_handle_t id, u64* token) {
  const struct sidewall_result result = sidewall_get_iommu_token(state(), id);
  if (result.status != SIDEWALL_OK) return -ENODEV;
  *token = result.progress;
  return 0;
}

/* ---------------------------------------------------------------- domains and streams */

// False when hardware does not answer. A part of the work a call, as the driver has cut it.
static bool FinishFree(u32 handle) {
  for (u32 i = 0; i < kMaxSteps; ++i) {
    const struct sidewall_result result = sidewall_free_domain(state(), handle);
    if (result.status != SIDEWALL_OK) return false;
    if (result.progress == 1) return true;
  }
  return false;
}

static int AllocHostDomain(u32 id, struct sidewall_result* result) {
  if (id >= SIDEWALL_HOST_DOMAINS) return -ENOSPC;
  if (leftover[id]) {
    if (!FinishFree(id)) return -EBUSY;
    leftover[id] = false;
  }
  *result = sidewall_alloc_domain(state(), id, SIDEWALL_DOMAIN_PAGED);
  result->progress = id;
  return 0;
}

static int AllocDomain(struct kvm_hyp_iommu_domain* domain, int type) {
  struct sidewall_result result;
  domain->priv = NULL;
  if (type == KVM_IOMMU_DOMAIN_IDENTITY && domain->vm == NULL) {
    domain->priv = (void*)(uintptr_t)kIdentity;
    return 0;
  }
  if (type != KVM_IOMMU_DOMAIN_PAGED) return -EOPNOTSUPP;
  if (domain->vm != NULL) {
    result = sidewall_guest_alloc(state(), VmOf(domain->vm), kPvIommu);
  } else {
    const int error = AllocHostDomain(domain->domain_id, &result);
    if (error != 0) return error;
  }
  const int error = ErrorOf(result);
  if (error == 0) domain->priv = (void*)(uintptr_t)(result.progress + kFirstHandle);
  return error;
}

static void FreeDomain(struct kvm_hyp_iommu_domain* domain) {
  if (IsPaged(domain)) {
    const u32 handle = HandleOf(domain);
    if (domain->vm == NULL) {
      leftover[handle] = !FinishFree(handle);
    } else {
      // What is left of it goes with its VM.
      const u32 vm = VmOf(domain->vm);
      for (u32 i = 0; i < kMaxSteps; ++i) {
        const struct sidewall_result result = sidewall_guest_free(state(), vm, handle);
        if (result.status != SIDEWALL_OK || result.progress == 1) break;
      }
    }
  }
  domain->priv = NULL;
}

static int AttachDev(struct kvm_hyp_iommu* iommu, struct kvm_hyp_iommu_domain* domain, u32 endpoint,
                     u32 pasid, u32 pasid_bits, unsigned long flags) {
  if (IsPaged(domain) && domain->vm == NULL) {
    return ErrorOf(sidewall_attach_dev(state(), iommu->id, HandleOf(domain), endpoint, pasid,
                                       pasid_bits, flags));
  }
  if (flags != 0 || endpoint >= kEndpoints) return -EINVAL;
  if (IsPaged(domain)) {
    return ErrorOf(sidewall_guest_attach(state(), VmOf(domain->vm), kPvIommu,
                                         VsidOf(iommu->id, endpoint), pasid, HandleOf(domain),
                                         pasid_bits));
  }
  if ((uintptr_t)domain->priv != kIdentity || pasid != 0 || pasid_bits != 0) return -EINVAL;
  return ErrorOf(sidewall_set_identity(state(), iommu->id, endpoint, 1));
}

// A detachment that waits for its sync is one all the same: the stream faults, and the driver keeps
// what transfers under way may reach. An error would leave the core's count of the domain one too
// high for ever, since there is no second detachment.
static int ErrorOfDetach(struct sidewall_result result) {
  return result.status == SIDEWALL_DEGRADED ? 0 : ErrorOf(result);
}

static int DetachDev(struct kvm_hyp_iommu* iommu, struct kvm_hyp_iommu_domain* domain, u32 endpoint,
                     u32 pasid) {
  if (IsPaged(domain) && domain->vm == NULL) {
    return ErrorOfDetach(
        sidewall_detach_dev(state(), iommu->id, HandleOf(domain), endpoint, pasid));
  }
  if (endpoint >= kEndpoints) return -EINVAL;
  if (IsPaged(domain)) {
    return ErrorOfDetach(sidewall_guest_detach(
        state(), VmOf(domain->vm), kPvIommu, VsidOf(iommu->id, endpoint), pasid, HandleOf(domain)));
  }
  if ((uintptr_t)domain->priv != kIdentity || pasid != 0) return -EINVAL;
  return ErrorOf(sidewall_set_identity(state(), iommu->id, endpoint, 0));
}

static int DevBlockDma(struct kvm_hyp_iommu* iommu, u32 endpoint, bool host_to_guest) {
  return ErrorOf(sidewall_dev_block_dma(state(), iommu->id, endpoint, host_to_guest));
}

/* ---------------------------------------------------------------- mappings */

static int MapPages(struct kvm_hyp_iommu_domain* domain, unsigned long iova, phys_addr_t paddr,
                    size_t pgsize, size_t pgcount, int prot, size_t* total_mapped) {
  struct sidewall_result result;
  size_t size;
  *total_mapped = 0;
  if (!IsPaged(domain) || __builtin_mul_overflow(pgsize, pgcount, &size)) return -EINVAL;
  if (domain->vm != NULL) {
    result = sidewall_guest_map(state(), VmOf(domain->vm), HandleOf(domain), iova, paddr, size,
                                ProtOf(prot));
  } else {
    result =
        sidewall_map_pages(state(), HandleOf(domain), iova, paddr, pgsize, pgcount, ProtOf(prot));
  }
  if (result.status != SIDEWALL_OK || result.progress == 0) return ErrorOf(result);
  // What is mapped is never told together with an error: a core that takes an error for no progress
  // would drop the references of pages that devices reach.
  Requests(result);
  *total_mapped = result.progress;
  return 0;
}

static size_t UnmapPages(struct kvm_hyp_iommu_domain* domain, unsigned long iova, size_t pgsize,
                         size_t pgcount, struct iommu_iotlb_gather* gather) {
  struct sidewall_result result;
  size_t size;
  (void)gather;  // the driver knows itself what waits for a sync
  if (!IsPaged(domain) || __builtin_mul_overflow(pgsize, pgcount, &size)) return 0;
  if (domain->vm != NULL) {
    result = sidewall_guest_unmap(state(), VmOf(domain->vm), HandleOf(domain), iova, size);
  } else {
    result = sidewall_unmap_pages(state(), HandleOf(domain), iova, pgsize, pgcount);
  }
  Requests(result);
  // DEGRADED has unmapped too: only the references stay.
  const bool has_unmapped = result.status == SIDEWALL_OK || result.status == SIDEWALL_DEGRADED;
  return has_unmapped ? result.progress : 0;
}

static phys_addr_t IovaToPhys(struct kvm_hyp_iommu_domain* domain, unsigned long iova) {
  if (!IsPaged(domain) || domain->vm != NULL) return 0;
  const struct sidewall_result result = sidewall_iova_to_phys(state(), HandleOf(domain), iova);
  return result.status == SIDEWALL_OK ? result.progress : 0;
}

// Where hardware does not answer the driver keeps the references, so that nothing is given away
// that a device can still reach; the next sync of the domain tries again.
static void IotlbSync(struct kvm_hyp_iommu_domain* domain, struct iommu_iotlb_gather* gather) {
  (void)gather;
  if (!IsPaged(domain) || domain->vm != NULL) return;  // guest_unmap has synced
  for (u32 i = 0; i < kMaxSteps; ++i) {
    const struct sidewall_result result = sidewall_iotlb_sync(state(), HandleOf(domain));
    if (result.status != SIDEWALL_OK || result.progress == 1) return;
  }
}

/* ---------------------------------------------------------------- the host's stage 2
 *
 * These callbacks return nothing, and pKVM gives the page away when they return. So there is one
 * answer to a failure, and that is to stop. */

// Behind the RAM no device of the host has anything to reach but windows of other devices.
static u64 EndOfRam(void) {
  u64 end = 0;
  for (u32 i = 0; i < android16_board.dram_count; ++i) {
    const struct sidewall_range* dram = &android16_board.dram[i];
    if (dram->start + dram->size > end) end = dram->start + dram->size;
  }
  return end;
}

// The snapshot names all that was never given away, up to the end of the address space, and every
// GiB of it would take 2 MiB of tables. So a gain ends with the RAM. A removal does not.
static void HostStage2Idmap(struct kvm_hyp_iommu_domain* domain, phys_addr_t start, phys_addr_t end,
                            int prot) {
  (void)domain;
  const u32 wanted = prot == 0 ? SIDEWALL_PROT_NONE : ProtOf(prot);
  // A change without a right that the driver knows would be taken for a removal.
  if (prot != 0 && !(wanted & SIDEWALL_PROT_RW)) AdapterPanic(__LINE__);
  if (prot != 0 && end > EndOfRam()) end = EndOfRam();
  while (start < end) {
    const struct sidewall_result result = sidewall_host_stage2_idmap(state(), start, end, wanted);
    // No memory is to be had here: android16_tables is used up, or the atomic pool is empty.
    if (result.status != SIDEWALL_OK || result.progress == 0) AdapterPanic(__LINE__);
    start += result.progress;
  }
}

static void HostStage2IdmapComplete(bool map) {
  const struct sidewall_result result = sidewall_host_stage2_idmap_complete(state(), map);
  if (result.status != SIDEWALL_OK) AdapterPanic(__LINE__);
}

/* ---------------------------------------------------------------- traps and power */

static bool DabtHandler(struct user_pt_regs* regs, u64 esr, u64 addr) {
  _Static_assert(offsetof(struct user_pt_regs, regs) == 0 &&
                     sizeof(((struct user_pt_regs*)0)->regs) == sizeof(struct sidewall_regs),
                 "the general registers come first, as the driver has them");
  struct sidewall_regs* general = (struct sidewall_regs*)(void*)regs;
  return sidewall_handle_dabt(state(), general, esr, addr).status == SIDEWALL_OK;
}

static int Suspend(struct kvm_hyp_iommu* iommu) {
  return ErrorOf(sidewall_suspend(state(), iommu->id));
}

static int Resume(struct kvm_hyp_iommu* iommu) {
  return ErrorOf(sidewall_resume(state(), iommu->id));
}

void android16_tick(void) { sidewall_tick(state(), sidewall_plat_time_us(NULL)); }

/* ---------------------------------------------------------------- VMs */

static int TakeSlot(struct pkvm_hyp_vm* vm, u32* slot) {
  int error = -ENOSPC;
  hyp_spin_lock(&vms_lock);
  for (u32 i = SIDEWALL_MAX_VMS; i-- > 0;) {
    if (vms[i] == NULL) {
      *slot = i;
      error = 0;
    }
  }
  for (u32 i = 0; i < SIDEWALL_MAX_VMS; ++i) {
    if (vms[i] == vm) error = -EBUSY;
  }
  if (error == 0) vms[*slot] = vm;
  hyp_spin_unlock(&vms_lock);
  return error;
}

int android16_vm_start(struct pkvm_hyp_vm* vm, const struct android16_route* routes, u32 count) {
  u32 slot = 0;
  if (vm == NULL) return -EINVAL;
  int error = TakeSlot(vm, &slot);
  if (error != 0) return error;
  error = ErrorOf(sidewall_vm_create(state(), slot));
  for (u32 i = 0; error == 0 && i < count; ++i) {
    const struct android16_route* route = &routes[i];
    error =
        ErrorOf(sidewall_route_add(state(), slot, kPvIommu, VsidOf(route->iommu, route->endpoint),
                                   route->iommu, route->endpoint));
    if (error != 0) break;
    // Streams come as whole devices, so a second one of a device is refused, being assigned
    // already. One that is refused for another reason is not the VM's, and vm_finalize looks.
    const struct sidewall_result assigned =
        sidewall_assign_unit(state(), slot, route->iommu, route->endpoint);
    if (assigned.status != SIDEWALL_REFUSED || assigned.pages_needed != 0) {
      error = ErrorOf(assigned);
    }
  }
  return error != 0 ? error : ErrorOf(sidewall_vm_finalize(state(), slot));
}

int android16_vm_stop(struct pkvm_hyp_vm* vm) {
  const u32 slot = vm == NULL ? SIDEWALL_MAX_VMS : VmOf(vm);
  if (slot == SIDEWALL_MAX_VMS) return 0;
  for (u32 i = 0; i < kMaxSteps; ++i) {
    const struct sidewall_result result = sidewall_vm_destroy(state(), slot);
    if (result.status == SIDEWALL_OK && result.progress == 0) continue;
    if (result.status == SIDEWALL_DEGRADED) return -EBUSY;
    // Gone, or never made: vm_create was refused.
    hyp_spin_lock(&vms_lock);
    vms[slot] = NULL;
    hyp_spin_unlock(&vms_lock);
    return 0;
  }
  return -EBUSY;
}

const struct kvm_iommu_ops android16_ops = {
    .init = Init,
    .get_iommu_by_id = GetIommuById,
    .alloc_domain = AllocDomain,
    .free_domain = FreeDomain,
    .attach_dev = AttachDev,
    .detach_dev = DetachDev,
    .dabt_handler = DabtHandler,
    .host_stage2_idmap = HostStage2Idmap,
    .host_stage2_idmap_complete = HostStage2IdmapComplete,
    .map_pages = MapPages,
    .unmap_pages = UnmapPages,
    .iova_to_phys = IovaToPhys,
    .iotlb_sync = IotlbSync,
    .suspend = Suspend,
    .resume = Resume,
    .dev_block_dma = DevBlockDma,
    .get_iommu_token_by_id = GetIommuTokenById,
};
