// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A toy behind the waist, for the tests of the Unicorn engine: each call does one thing that an
// engine must carry over, or must catch. The other calls are in toy_rest.c.
#include "sidewall/driver.h"

typedef struct sidewall_result Result;
typedef struct sidewall_state State;

struct sidewall_state {
  void* ctx;
  uint64_t count;
  struct sidewall_cfg cfg;
};

static Result Make(uint32_t status, uint32_t pages, uint64_t progress) {
  Result r = {status, pages, progress};
  return r;
}

Result sidewall_init(State* s, uint64_t size, void* ctx, const struct sidewall_cfg* cfg) {
  s->ctx = ctx;
  __builtin_memcpy_inline(&s->cfg, cfg, sizeof(*cfg));
  s->count = 0;
  return Make(SIDEWALL_OK, cfg->smmu_count, size);
}

// Reads a register, writes its complement to the next one, and says what it read.
Result sidewall_tick(State* s, uint64_t pa) {
  uint32_t value = 0;
  if (sidewall_plat_read32(s->ctx, pa, &value) != 0) return Make(SIDEWALL_DEGRADED, 0, 0);
  sidewall_plat_write32(s->ctx, pa + 4, ~value);
  s->count++;
  return Make(SIDEWALL_OK, 0, value | s->count << 32);
}

// Adds up a table page through the read-only view.
Result sidewall_iova_to_phys(State* s, uint32_t domain, uint64_t pa) {
  const uint64_t* table = sidewall_plat_table_ptr(s->ctx, pa);
  uint64_t sum = domain;
  if (table == 0) return Make(SIDEWALL_REFUSED, 0, 0);
  for (int i = 0; i < 512; ++i) sum += table[i];
  sidewall_plat_table_write64(s->ctx, pa, sum);
  return Make(SIDEWALL_OK, 1, sum);
}

Result sidewall_handle_dabt(State* s, struct sidewall_regs* regs, uint64_t esr, uint64_t ipa) {
  regs->x[1] = regs->x[0] + esr + ipa + s->count;
  return Make(SIDEWALL_OK, 0, 0);
}

Result sidewall_stats(State* s, struct sidewall_counters* out) {
  out->traps = s->count;
  return Make(SIDEWALL_OK, 0, 0);
}

Result sidewall_ring_read(State* s, uint32_t owner, uint64_t sequence,
                          struct sidewall_ring_record* out) {
  (void)owner;
  out->sequence = sequence + s->count;
  return Make(SIDEWALL_OK, 0, 0);
}

Result sidewall_fault_irq(State* s, uint32_t iommu) {
  struct sidewall_fault fault = {.side = iommu, .bank = 7, .far_ = 0xdead0000};
  sidewall_plat_notify(s->ctx, SIDEWALL_OWNER_HOST, &fault);
  return Make(SIDEWALL_OK, 0, 0);
}

Result sidewall_suspend(State* s, uint32_t line) { sidewall_plat_panic(s->ctx, line); }

// Leaves its memory: a write through the read-only view, and a write to where nothing is.
Result sidewall_resume(State* s, uint32_t kind) {
  const uint64_t* table = sidewall_plat_table_ptr(s->ctx, 0x80000000);
  volatile uint64_t* target = kind == 0 ? (volatile uint64_t*)table : (volatile uint64_t*)0x1000;
  *target = 1;
  return Make(SIDEWALL_OK, 0, 0);
}

Result sidewall_power_off(State* s, uint32_t iommu) {
  (void)s;
  (void)iommu;
  __builtin_trap();
}

Result sidewall_power_on(State* s, uint32_t iommu) {
  (void)s;
  sidewall_plat_barrier((void*)(uintptr_t)iommu);  // another cookie
  return Make(SIDEWALL_OK, 0, 0);
}
