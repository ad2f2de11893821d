// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the driver needs of a platform: registers are the model's, page tables lie in the machine's
// memory, and there is one CPU.
#include "replay/boot/el2.h"

namespace sidewall::boot {
namespace {

uint64_t g_model_instructions;

// Counts what the model takes, so that what the driver takes can be told from it.
class InModel {
 public:
  InModel() : start_(Instructions()) {}
  ~InModel() { g_model_instructions += Instructions() - start_; }
  InModel(const InModel&) = delete;
  InModel& operator=(const InModel&) = delete;

 private:
  uint64_t start_;
};

}  // namespace

uint64_t ModelInstructions() { return g_model_instructions; }

}  // namespace sidewall::boot

using sidewall::boot::Hardware;
using sidewall::boot::InModel;

extern "C" {

int sidewall_plat_read32(void*, uint64_t pa, uint32_t* value) {
  const InModel in_model;
  return Hardware().Read32(pa, value) ? 0 : 1;
}
int sidewall_plat_read64(void*, uint64_t pa, uint64_t* value) {
  const InModel in_model;
  return Hardware().Read64(pa, value) ? 0 : 1;
}
void sidewall_plat_write32(void*, uint64_t pa, uint32_t value) {
  const InModel in_model;
  Hardware().Write32(pa, value);
}
void sidewall_plat_write64(void*, uint64_t pa, uint64_t value) {
  const InModel in_model;
  Hardware().Write64(pa, value);
}
void sidewall_plat_table_write64(void*, uint64_t pa, uint64_t value) {
  const InModel in_model;
  Hardware().TableWrite64(pa, value);
}
void sidewall_plat_table_zero(void*, uint64_t pa) {
  const InModel in_model;
  Hardware().TableZero(pa);
}
const uint64_t* sidewall_plat_table_ptr(void*, uint64_t pa) { return Hardware().PoolPage(pa); }
void sidewall_plat_barrier(void*) {
  const InModel in_model;
  Hardware().Barrier();
}
void sidewall_plat_clean_poc(void*, uint64_t pa, uint64_t size) {
  const InModel in_model;
  Hardware().Clean(pa, size);
}
uint64_t sidewall_plat_page_alloc(void*, uint32_t) {
  const uint64_t pa = sidewall::boot::TakePoolPage();
  if (pa != 0) Hardware().TableZero(pa);
  return pa;
}
void sidewall_plat_page_free(void*, uint32_t, uint64_t pa) { sidewall::boot::ReturnPoolPage(pa); }
void sidewall_plat_unuse_dma(void*, uint64_t, uint64_t) {}
void sidewall_plat_lock(void*, uint32_t) {}
void sidewall_plat_unlock(void*, uint32_t) {}
uint32_t sidewall_plat_cpu_id(void*) { return 0; }
void sidewall_plat_relax(void*) {}
uint64_t sidewall_plat_time_us(void*) { return sidewall::boot::TimeNs() / 1000; }
void sidewall_plat_notify(void*, uint32_t owner, const struct sidewall_fault* fault) {
  ++sidewall::boot::Shared().notified;
  sidewall::boot::Log("fault: owner and bank, fsr", uint64_t{owner} << 32 | fault->bank,
                      fault->fsr);
  if (owner == SIDEWALL_OWNER_HOST) {
    sidewall::boot::RaiseContextLine(fault->side, fault->instance);
  }
}
void sidewall_plat_log(void*, uint32_t reason, uint64_t a, uint64_t) {
  sidewall::boot::Log("driver: reason, a", reason, a);
}
void sidewall_plat_panic(void*, uint32_t line) {
  sidewall::boot::Finish(sidewall::boot::Phase::kDriverPanic, line, 0);
}

}  // extern "C"
