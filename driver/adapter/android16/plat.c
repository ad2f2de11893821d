// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the driver needs of a platform, from nVHE's services. `ctx` is not used: there is one
// driver.
#include "android16.h"

struct window {
  u64 pa;
  u64 size;
  unsigned long va;
};

enum { kMaxWindows = SIDEWALL_MAX_SMMUS * SIDEWALL_MAX_INSTANCES + SIDEWALL_MAX_MC_WINDOWS };
static struct window windows[kMaxWindows];
static u32 window_count;
static hyp_spinlock_t locks[SIDEWALL_LOCK_COUNT];

// Tables of the host's stage 2 from before finalize: it accepts none outside an el2_range, since
// the host wrote registers as it liked until then, and a page that was given to the atomic pool
// lies anywhere in RAM.
enum { kPage = 4096 };
static struct {
  hyp_spinlock_t lock;
  struct sidewall_range range;
  u64 never_used;
  u64 came_back;  // the first page of those, each of which begins with the address of the next
  bool atomic_pool_serves;
} tables;

// Volatile, so that an entry which a walker may read is stored at once and in one piece.
static volatile u64* Word(u64 pa) { return (volatile u64*)hyp_phys_to_virt(pa); }

static int MapWindow(u64 pa, u64 size) {
  struct window* window = &windows[window_count];
  if (__pkvm_create_private_mapping(pa, size, PAGE_HYP_DEVICE, &window->va) != 0) return -ENOMEM;
  window->pa = pa;
  window->size = size;
  ++window_count;
  return 0;
}

int android16_map_windows(const struct sidewall_cfg* cfg) {
  window_count = 0;
  if (cfg->smmu_count > SIDEWALL_MAX_SMMUS || cfg->mc_window_count > SIDEWALL_MAX_MC_WINDOWS) {
    return -EINVAL;
  }
  for (u32 i = 0; i < cfg->smmu_count; ++i) {
    const struct sidewall_smmu_cfg* smmu = &cfg->smmu[i];
    if (smmu->window_count > SIDEWALL_MAX_INSTANCES) return -EINVAL;
    for (u32 j = 0; j < smmu->window_count; ++j) {
      if (MapWindow(smmu->window[j], smmu->window_size) != 0) return -ENOMEM;
    }
  }
  for (u32 i = 0; i < cfg->mc_window_count; ++i) {
    if (MapWindow(cfg->mc_window[i].start, cfg->mc_window[i].size) != 0) return -ENOMEM;
  }
  return 0;
}

static bool IsWithin(const struct sidewall_range* part, const struct sidewall_range* whole) {
  return part->start >= whole->start && part->start - whole->start <= whole->size &&
         part->size <= whole->size - (part->start - whole->start);
}

static u64 Blocks(const struct sidewall_range* range, u32 shift) {
  if (range->size == 0) return 0;
  return ((range->start + range->size - 1) >> shift) - (range->start >> shift) + 1;
}

// Two roots and the table below one of them, then the lower two levels over all RAM.
static u64 TablesForRam(const struct sidewall_cfg* cfg) {
  u64 pages = 3;
  for (u32 i = 0; i < cfg->dram_count; ++i) {
    pages += Blocks(&cfg->dram[i], 30) + Blocks(&cfg->dram[i], 21);
  }
  return pages;
}

int android16_take_tables(const struct sidewall_cfg* cfg, const struct sidewall_range* range) {
  bool is_el2s = false, is_ram = false;
  if (tables.range.size != 0) return 0;
  if (cfg->dram_count > SIDEWALL_MAX_DRAM || cfg->el2_range_count > SIDEWALL_MAX_EL2_RANGES) {
    return -EINVAL;
  }
  for (u32 i = 0; i < cfg->dram_count; ++i) is_ram |= IsWithin(range, &cfg->dram[i]);
  for (u32 i = 0; i < cfg->el2_range_count; ++i) is_el2s |= IsWithin(range, &cfg->el2_range[i]);
  if (!is_ram || !is_el2s || range->start % kPage != 0 || range->size % kPage != 0) return -EINVAL;
  if (range->size / kPage < TablesForRam(cfg)) return -ENOMEM;
  const int error = __pkvm_host_donate_hyp(range->start / kPage, range->size / kPage);
  if (error == 0) tables.range = *range;
  return error;
}

void android16_open_atomic_pool(void) {
  hyp_spin_lock(&tables.lock);
  tables.atomic_pool_serves = true;
  hyp_spin_unlock(&tables.lock);
}

// The driver names no register outside the windows of its configuration.
static volatile void* RegisterAt(u64 pa) {
  for (u32 i = 0; i < window_count; ++i) {
    if (pa - windows[i].pa < windows[i].size) {
      return (volatile void*)(windows[i].va + (unsigned long)(pa - windows[i].pa));
    }
  }
  sidewall_plat_panic(NULL, __LINE__);
}

/* A bus that does not answer is a system error at EL2 and ends there, so no read fails here. */
int sidewall_plat_read32(void* ctx, uint64_t pa, uint32_t* value) {
  (void)ctx;
  *value = *(volatile u32*)RegisterAt(pa);
  return 0;
}

int sidewall_plat_read64(void* ctx, uint64_t pa, uint64_t* value) {
  (void)ctx;
  *value = *(volatile u64*)RegisterAt(pa);
  return 0;
}

void sidewall_plat_write32(void* ctx, uint64_t pa, uint32_t value) {
  (void)ctx;
  *(volatile u32*)RegisterAt(pa) = value;
}

void sidewall_plat_write64(void* ctx, uint64_t pa, uint64_t value) {
  (void)ctx;
  *(volatile u64*)RegisterAt(pa) = value;
}

void sidewall_plat_table_write64(void* ctx, uint64_t pa, uint64_t value) {
  (void)ctx;
  *Word(pa) = value;
}

void sidewall_plat_table_zero(void* ctx, uint64_t pa) {
  (void)ctx;
  volatile u64* word = Word(pa);
  for (u32 i = 0; i < 512; ++i) word[i] = 0;
}

const uint64_t* sidewall_plat_table_ptr(void* ctx, uint64_t pa) {
  (void)ctx;
  return hyp_phys_to_virt(pa);
}

void sidewall_plat_barrier(void* ctx) {
  (void)ctx;
#ifdef __aarch64__
  __asm__ volatile("dsb sy" ::: "memory");
#else
  __sync_synchronize();
#endif
}

void sidewall_plat_clean_poc(void* ctx, uint64_t pa, uint64_t size) {
  (void)ctx;
  kvm_flush_dcache_to_poc((unsigned long)hyp_phys_to_virt(pa), size);
}

// 0 when none is left.
static u64 TakeTablePage(bool* atomic_pool_serves) {
  hyp_spin_lock(&tables.lock);
  u64 pa = tables.came_back;
  if (pa != 0) {
    tables.came_back = *Word(pa);
  } else if (tables.never_used < tables.range.size) {
    pa = tables.range.start + tables.never_used;
    tables.never_used += kPage;
  }
  *atomic_pool_serves = tables.atomic_pool_serves;
  hyp_spin_unlock(&tables.lock);
  return pa;
}

static void PutTablePage(u64 pa) {
  hyp_spin_lock(&tables.lock);
  *Word(pa) = tables.came_back;
  tables.came_back = pa;
  hyp_spin_unlock(&tables.lock);
}

// This pKVM has no pool for each VM: what guests need comes from the host's.
uint64_t sidewall_plat_page_alloc(void* ctx, uint32_t pool) {
  void* page;
  if (pool == SIDEWALL_POOL_ATOMIC) {
    bool atomic_pool_serves = false;
    const u64 pa = TakeTablePage(&atomic_pool_serves);
    if (pa != 0) sidewall_plat_table_zero(ctx, pa);
    if (pa != 0 || !atomic_pool_serves) return pa;
    page = kvm_iommu_donate_pages_atomic(0);
  } else {
    page = kvm_iommu_donate_pages(0, 0);
  }
  return page == NULL ? 0 : hyp_virt_to_phys(page);
}

void sidewall_plat_page_free(void* ctx, uint32_t pool, uint64_t pa) {
  (void)ctx;
  if (pool == SIDEWALL_POOL_ATOMIC && pa - tables.range.start < tables.range.size) {
    PutTablePage(pa);
    return;
  }
  void* page = hyp_phys_to_virt(pa);
  if (pool == SIDEWALL_POOL_ATOMIC) {
    kvm_iommu_reclaim_pages_atomic(page, 0);
  } else {
    kvm_iommu_reclaim_pages(page, 0);
  }
}

// The references were taken before the pages were mapped, so that one is missing cannot be.
void sidewall_plat_unuse_dma(void* ctx, uint64_t pa, uint64_t size) {
  if (__pkvm_host_unuse_dma(pa, size) != 0) sidewall_plat_panic(ctx, __LINE__);
}

void sidewall_plat_lock(void* ctx, uint32_t id) {
  (void)ctx;
  hyp_spin_lock(&locks[id]);
}

void sidewall_plat_unlock(void* ctx, uint32_t id) {
  (void)ctx;
  hyp_spin_unlock(&locks[id]);
}

uint32_t sidewall_plat_cpu_id(void* ctx) {
  (void)ctx;
  return hyp_smp_processor_id();
}

void sidewall_plat_relax(void* ctx) {
  (void)ctx;
#ifdef __aarch64__
  __asm__ volatile("yield" ::: "memory");
#endif
}

// In two steps, since the count times a million does not fit for long.
uint64_t sidewall_plat_time_us(void* ctx) {
  (void)ctx;
  const u64 ticks = hyp_counter();
  const u64 hz = hyp_counter_hz();
  return ticks / hz * 1000000 + ticks % hz * 1000000 / hz;
}

// A host sees its faults in its registers, and no guest of this pKVM has a way to be told of them.
void sidewall_plat_notify(void* ctx, uint32_t owner, const struct sidewall_fault* fault) {
  (void)ctx;
  (void)owner;
  (void)fault;
  __atomic_fetch_add(&android16_notes.notices, 1, __ATOMIC_RELAXED);
}

void sidewall_plat_log(void* ctx, uint32_t reason, uint64_t a, uint64_t b) {
  (void)ctx;
  (void)reason;
  (void)a;
  (void)b;
  __atomic_fetch_add(&android16_notes.logs, 1, __ATOMIC_RELAXED);
}

void sidewall_plat_panic(void* ctx, uint32_t line) {
  (void)ctx;
  android16_notes.panic_line = line;
  hyp_panic();
}
