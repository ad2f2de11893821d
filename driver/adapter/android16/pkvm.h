/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
 *
 * What the adapter knows of pKVM in android16-6.12: the shape of the IOMMU callbacks, and the
 * services of nVHE that it calls. These are declarations of our own, so that the adapter can be
 * compiled and tested where no kernel is. A board leaves this file out and gives the adapter a
 * pkvm.h that includes the kernel's own headers:
 *
 *     #include <nvhe/iommu.h>
 *     ...
 *
 * Numbers that are not established (types of domains, destinations of a request) are the kernel's
 * there; the adapter uses their names only.
 */
#ifndef SIDEWALL_ADAPTER_ANDROID16_PKVM_H
#define SIDEWALL_ADAPTER_ANDROID16_PKVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u64 phys_addr_t;
typedef u32 pkvm_handle_t;

#define ENOMEM 12
#define EBUSY 16
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define EOPNOTSUPP 95

struct user_pt_regs {
  u64 regs[31];
  u64 sp;
  u64 pc;
  u64 pstate;
};

struct pkvm_hyp_vm;

struct kvm_hyp_iommu {
  pkvm_handle_t id;
  bool power_is_off;
};

enum { KVM_IOMMU_DOMAIN_PAGED = 0, KVM_IOMMU_DOMAIN_IDENTITY = 1 };

/* `vm` is NULL for a domain of the host; `priv` is the driver's. */
struct kvm_hyp_iommu_domain {
  int refs;
  pkvm_handle_t domain_id;
  void* priv;
  struct pkvm_hyp_vm* vm;
};

enum {
  IOMMU_READ = 1 << 0,
  IOMMU_WRITE = 1 << 1,
  IOMMU_CACHE = 1 << 2,
  IOMMU_NOEXEC = 1 << 3,
  IOMMU_MMIO = 1 << 4,
  IOMMU_PRIV = 1 << 5,
};

struct iommu_iotlb_gather;

struct kvm_iommu_ops {
  int (*init)(void);
  struct kvm_hyp_iommu* (*get_iommu_by_id)(pkvm_handle_t id);
  int (*alloc_domain)(struct kvm_hyp_iommu_domain* domain, int type);
  void (*free_domain)(struct kvm_hyp_iommu_domain* domain);
  int (*attach_dev)(struct kvm_hyp_iommu* iommu, struct kvm_hyp_iommu_domain* domain, u32 endpoint,
                    u32 pasid, u32 pasid_bits, unsigned long flags);
  int (*detach_dev)(struct kvm_hyp_iommu* iommu, struct kvm_hyp_iommu_domain* domain, u32 endpoint,
                    u32 pasid);
  bool (*dabt_handler)(struct user_pt_regs* regs, u64 esr, u64 addr);
  void (*host_stage2_idmap)(struct kvm_hyp_iommu_domain* domain, phys_addr_t start, phys_addr_t end,
                            int prot);
  void (*host_stage2_idmap_complete)(bool map);
  int (*map_pages)(struct kvm_hyp_iommu_domain* domain, unsigned long iova, phys_addr_t paddr,
                   size_t pgsize, size_t pgcount, int prot, size_t* total_mapped);
  size_t (*unmap_pages)(struct kvm_hyp_iommu_domain* domain, unsigned long iova, size_t pgsize,
                        size_t pgcount, struct iommu_iotlb_gather* gather);
  phys_addr_t (*iova_to_phys)(struct kvm_hyp_iommu_domain* domain, unsigned long iova);
  void (*iotlb_sync)(struct kvm_hyp_iommu_domain* domain, struct iommu_iotlb_gather* gather);
  int (*suspend)(struct kvm_hyp_iommu* iommu);
  int (*resume)(struct kvm_hyp_iommu* iommu);
  int (*dev_block_dma)(struct kvm_hyp_iommu* iommu, u32 endpoint, bool host_to_guest);
  int (*get_iommu_token_by_id)(pkvm_handle_t id, u64* token);
  u64 kabi_reserved[8];
};

/* ---------------------------------------------------------------- services */

/* Memory that the host is asked for before it calls again. */
enum { KVM_HYP_REQ_DEST_IOMMU = 0 };
struct kvm_hyp_req {
  u32 dest;
  u32 order;
  u64 count;
};
int kvm_iommu_request(struct kvm_hyp_req* req);

/* Zeroed pages, or NULL; the atomic ones may be had under the host's lock. */
void* kvm_iommu_donate_pages(u8 order, int flags);
void kvm_iommu_reclaim_pages(void* page, u8 order);
void* kvm_iommu_donate_pages_atomic(u8 order);
void kvm_iommu_reclaim_pages_atomic(void* page, u8 order);
/* Pages of the host become EL2's, with a mapping there. */
int __pkvm_host_donate_hyp(u64 pfn, u64 nr_pages);
int __pkvm_host_unuse_dma(phys_addr_t phys, size_t size);

enum { PAGE_HYP_DEVICE = 1 };
int __pkvm_create_private_mapping(phys_addr_t phys, size_t size, int prot, unsigned long* va);
void* hyp_phys_to_virt(phys_addr_t phys);
phys_addr_t hyp_virt_to_phys(void* va);
void kvm_flush_dcache_to_poc(unsigned long va, unsigned long size);

typedef struct {
  u32 value;
} hyp_spinlock_t;
void hyp_spin_lock(hyp_spinlock_t* lock);
void hyp_spin_unlock(hyp_spinlock_t* lock);
unsigned int hyp_smp_processor_id(void);
/* The system counter, and how often it counts in a second. */
u64 hyp_counter(void);
u64 hyp_counter_hz(void);
void hyp_panic(void) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif
