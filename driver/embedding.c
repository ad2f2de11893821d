// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The smallest hypervisor that keeps devices off the memory that it takes from its host. It has no
// guest with a device, so domains, VMs and references are not in it.
#include <stdbool.h>

#include "sidewall/driver.h"

// EL2 sees physical address pa at board_map + pa.
uintptr_t board_map;

// A Jetson Orin with 2 GiB, of which EL2 has the last 32 MiB.
enum { kPage = 4096 };
static const uint64_t kRam = 0x80000000, kEl2 = 0xfe000000, kRamEnd = 0x100000000;
static const struct sidewall_cfg kBoard = {
    .abi = SIDEWALL_ABI,
    .smmu_count = 3,
    .smmu = {{.window = {0x08000000, 0x07000000},
              .window_count = 2,
              .side = SIDEWALL_SIDE_NISO1,
              .window_size = 0x1000000,
              .el2_banks = 16,
              .el2_entries = 16,
              .host_vmid = 1},
             {.window = {0x12000000, 0x11000000},
              .window_count = 2,
              .side = SIDEWALL_SIDE_NISO0,
              .window_size = 0x1000000,
              .el2_banks = 16,
              .el2_entries = 16,
              .host_vmid = 1},
             {.window = {0x10000000},
              .window_count = 1,
              .side = SIDEWALL_SIDE_ISO,
              .window_size = 0x1000000,
              .el2_banks = 16,
              .el2_entries = 16,
              .host_vmid = 1}},
    // The SID registers, all channels at once, and each channel for itself.
    .mc_window_count = 18,
    .mc_window = {{0x02c00000, 0x10000},
                  {0x02c10000, 0x10000},
                  {0x02c20000, 0x10000},
                  {0x02c30000, 0x10000},
                  {0x02c40000, 0x10000},
                  {0x02c50000, 0x10000},
                  {0x02b80000, 0x10000},
                  {0x02b90000, 0x10000},
                  {0x02ba0000, 0x10000},
                  {0x02bb0000, 0x10000},
                  {0x01700000, 0x10000},
                  {0x01710000, 0x10000},
                  {0x01720000, 0x10000},
                  {0x01730000, 0x10000},
                  {0x01740000, 0x10000},
                  {0x01750000, 0x10000},
                  {0x01760000, 0x10000},
                  {0x01770000, 0x10000}},
    .dram_count = 1,
    .dram = {{0x80000000, 0x80000000}},
    // EL2's own memory, the interrupt controller, the power controller.
    .el2_range_count = 3,
    .el2_range = {{0xfe000000, 0x2000000}, {0x0f400000, 0x200000}, {0x0c360000, 0x10000}},
    .sync_timeout_us = 1000,
};

static _Alignas(SIDEWALL_STATE_ALIGN) unsigned char block[SIDEWALL_STATE_SIZE];
static struct sidewall_state* driver(void) { return (struct sidewall_state*)block; }

/* ---------------------------------------------------------------- what the hypervisor does */

// Gives a range to the host's devices, or takes it from them. False: it is as it was, or in
// between, and must stay the host's.
static bool Change(uint64_t start, uint64_t end, uint32_t prot) {
  while (start < end) {
    const struct sidewall_result r = sidewall_host_stage2_idmap(driver(), start, end, prot);
    if (r.status != SIDEWALL_OK || r.progress == 0) return false;
    start += r.progress;
  }
  return sidewall_host_stage2_idmap_complete(driver(), prot != SIDEWALL_PROT_NONE).status ==
         SIDEWALL_OK;
}

// Once, while the host has no access to the windows of kBoard any more, and before it runs.
bool board_boot(void) {
  return sidewall_init(driver(), sizeof(block), NULL, &kBoard).status == SIDEWALL_OK &&
         Change(kRam, kEl2, SIDEWALL_PROT_RW) && sidewall_finalize(driver()).status == SIDEWALL_OK;
}

// A data abort of the host. True: skip the instruction. False: give the host an abort.
bool board_abort(struct sidewall_regs* regs, uint64_t esr, uint64_t ipa) {
  return sidewall_handle_dabt(driver(), regs, esr, ipa).status == SIDEWALL_OK;
}

// Before pages of the host become a guest's. False: they must stay the host's.
bool board_take(uint64_t start, uint64_t size) {
  return Change(start, start + size, SIDEWALL_PROT_NONE);
}

// When the guest is gone and its pages are cleared.
bool board_give_back(uint64_t start, uint64_t size) {
  return Change(start, start + size, SIDEWALL_PROT_RW);
}

// Every 100 ms or so, and on an interrupt of an SMMU.
void board_tick(void) { sidewall_tick(driver(), sidewall_plat_time_us(NULL)); }

// Which units, by their place in kBoard, wait for a resume.
static uint32_t down;

// In the processor's way back from a system suspend, before the host or a device runs. False: the
// host must not run, since devices may reach all memory; it may be called again.
bool board_resume(void) {
  for (uint32_t i = 0; i < kBoard.smmu_count; ++i) {
    if ((down >> i & 1) == 0) continue;
    if (sidewall_resume(driver(), kBoard.smmu[i].side).status == SIDEWALL_OK) down &= ~(1u << i);
  }
  return down == 0;
}

// When the host asks for a system suspend (SC7), in which the SMMUs and the memory controller lose
// what was stored. False: refuse it to the host, which goes on; should a unit not come back, its
// streams fault, until board_resume is called with success.
bool board_suspend(void) {
  if (down != 0) return false;
  for (uint32_t i = 0; i < kBoard.smmu_count; ++i) {
    if (sidewall_suspend(driver(), kBoard.smmu[i].side).status != SIDEWALL_OK) {
      board_resume();
      return false;
    }
    down |= 1u << i;
  }
  return true;
}

/* ---------------------------------------------------------------- what the driver needs */

// There is one driver, so ctx tells nothing, and most calls have something that is not needed here.
#pragma GCC diagnostic ignored "-Wunused-parameter"

static volatile void* At(uint64_t pa) { return (volatile void*)(board_map + pa); }

// Where the bus gives no answer the processor takes a system error, so no read fails here.
int sidewall_plat_read32(void* ctx, uint64_t pa, uint32_t* value) {
  *value = *(volatile uint32_t*)At(pa);
  return 0;
}
int sidewall_plat_read64(void* ctx, uint64_t pa, uint64_t* value) {
  *value = *(volatile uint64_t*)At(pa);
  return 0;
}
void sidewall_plat_write32(void* ctx, uint64_t pa, uint32_t value) {
  *(volatile uint32_t*)At(pa) = value;
}
void sidewall_plat_write64(void* ctx, uint64_t pa, uint64_t value) {
  *(volatile uint64_t*)At(pa) = value;
}

void sidewall_plat_table_write64(void* ctx, uint64_t pa, uint64_t value) {
  *(volatile uint64_t*)At(pa) = value;
}
void sidewall_plat_table_zero(void* ctx, uint64_t pa) {
  for (uint64_t i = 0; i < kPage; i += 8) *(volatile uint64_t*)At(pa + i) = 0;
}
const uint64_t* sidewall_plat_table_ptr(void* ctx, uint64_t pa) {
  return (const uint64_t*)(board_map + pa);
}

#ifdef __aarch64__
void sidewall_plat_barrier(void* ctx) { __asm__ volatile("dsb sy" ::: "memory"); }
void sidewall_plat_clean_poc(void* ctx, uint64_t pa, uint64_t size) {
  const uint64_t line = 64;
  for (uint64_t at = pa & ~(line - 1); at < pa + size; at += line) {
    __asm__ volatile("dc cvac, %0" ::"r"(At(at)) : "memory");
  }
}
uint32_t sidewall_plat_cpu_id(void* ctx) {
  uint64_t id;
  __asm__("mrs %0, mpidr_el1" : "=r"(id));
  return (uint32_t)(id >> 8 & 0xff);
}
uint64_t sidewall_plat_time_us(void* ctx) {
  uint64_t ticks, hz;
  __asm__ volatile("isb\n\tmrs %0, cntpct_el0\n\tmrs %1, cntfrq_el0" : "=r"(ticks), "=r"(hz));
  return ticks / hz * 1000000 + ticks % hz * 1000000 / hz;
}
#else  // for the test, which runs this file on its own machine
void sidewall_plat_barrier(void* ctx) { (void)ctx; }
void sidewall_plat_clean_poc(void* ctx, uint64_t pa, uint64_t size) {}
uint32_t sidewall_plat_cpu_id(void* ctx) { return 0; }
uint64_t sidewall_plat_time_us(void* ctx) {
  static uint64_t now;
  return ++now;
}
#endif
void sidewall_plat_relax(void* ctx) { (void)ctx; }

// One byte a lock; the driver takes them in the order of their numbers.
static unsigned char locks[SIDEWALL_LOCK_COUNT + 1];
enum { kPoolLock = SIDEWALL_LOCK_COUNT };

void sidewall_plat_lock(void* ctx, uint32_t id) {
  while (__atomic_test_and_set(&locks[id], __ATOMIC_ACQUIRE)) sidewall_plat_relax(ctx);
}
void sidewall_plat_unlock(void* ctx, uint32_t id) { __atomic_clear(&locks[id], __ATOMIC_RELEASE); }

// One pool for all: pages of EL2's range that were never used, and those that came back, each of
// which holds the address of the next.
static uint64_t never_used, came_back;

uint64_t sidewall_plat_page_alloc(void* ctx, uint32_t pool) {
  sidewall_plat_lock(ctx, kPoolLock);
  uint64_t pa = came_back;
  if (pa != 0) {
    came_back = *(volatile uint64_t*)At(pa);
  } else if (kEl2 + never_used < kRamEnd) {
    pa = kEl2 + never_used;
    never_used += kPage;
  }
  sidewall_plat_unlock(ctx, kPoolLock);
  if (pa != 0) sidewall_plat_table_zero(ctx, pa);
  return pa;
}
void sidewall_plat_page_free(void* ctx, uint32_t pool, uint64_t pa) {
  sidewall_plat_lock(ctx, kPoolLock);
  *(volatile uint64_t*)At(pa) = came_back;
  came_back = pa;
  sidewall_plat_unlock(ctx, kPoolLock);
}

void sidewall_plat_panic(void* ctx, uint32_t line) { __builtin_trap(); }
// Nobody has a domain here, so nobody took a reference.
void sidewall_plat_unuse_dma(void* ctx, uint64_t pa, uint64_t size) {
  sidewall_plat_panic(ctx, __LINE__);
}
void sidewall_plat_notify(void* ctx, uint32_t owner, const struct sidewall_fault* fault) {}
void sidewall_plat_log(void* ctx, uint32_t reason, uint64_t a, uint64_t b) {}
