// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/engine_native.h"

#include <cstring>

namespace sidewall {
namespace {

// Where a panic of the driver unwinds to. The driver holds no resources of ours, so a jump over
// its frames loses nothing; one call is active per thread.
thread_local std::jmp_buf* g_unwind = nullptr;

Platform& PlatformOf(void* ctx) { return *static_cast<Platform*>(ctx); }

// The same for a store, which comes from the instruction before `site`.
Platform& StoreFrom(void* ctx, const void* site) {
  Platform& platform = PlatformOf(ctx);
  platform.set_store_site(site);
  return platform;
}

}  // namespace

NativeEngine::NativeEngine(Platform& platform)
    : platform_(platform), block_(new Block()), saved_(new Block()) {}

// The macro gives each count of plain arguments its own way to pass them.
#define SIDEWALL_PASS_0
#define SIDEWALL_PASS_1 , A(0)
#define SIDEWALL_PASS_2 SIDEWALL_PASS_1, A(1)
#define SIDEWALL_PASS_3 SIDEWALL_PASS_2, A(2)
#define SIDEWALL_PASS_4 SIDEWALL_PASS_3, A(3)
#define SIDEWALL_PASS_5 SIDEWALL_PASS_4, A(4)
#define SIDEWALL_PASS_6 SIDEWALL_PASS_5, A(5)

namespace {

// An argument narrows to the width of the parameter, as a register does on AArch64.
struct Narrow {
  uint64_t value;
  operator uint64_t() const { return value; }
  operator uint32_t() const { return static_cast<uint32_t>(value); }
};

}  // namespace

struct sidewall_result NativeEngine::Enter(const Call& call) {
  auto* state = reinterpret_cast<struct sidewall_state*>(block_->bytes);
  auto A = [&call](int i) { return Narrow{call.arg[i]}; };
  switch (call.id) {
    case CallId::kInit:
      // A cold boot: the block is as the loader left it.
      *block_ = Block();
      return SIDEWALL_SYM(init)(state, SIDEWALL_STATE_SIZE, &platform_, call.cfg);
    case CallId::kHandleDabt:
      return SIDEWALL_SYM(handle_dabt)(state, call.regs, call.arg[0], call.arg[1]);
    case CallId::kStats:
      return SIDEWALL_SYM(stats)(state, call.stats);
    case CallId::kRingRead:
      return SIDEWALL_SYM(ring_read)(state, static_cast<uint32_t>(call.arg[0]), call.arg[1],
                                     call.ring);
#define SIDEWALL_CASE(id, symbol, count) \
  case CallId::id:                       \
    return SIDEWALL_SYM(symbol)(state SIDEWALL_PASS_##count);
      SIDEWALL_CALLS(SIDEWALL_CASE)
#undef SIDEWALL_CASE
  }
  return {SIDEWALL_UNSUPPORTED, 0, 0};
}

struct sidewall_result NativeEngine::Invoke(const Call& call) {
  std::jmp_buf here;
  std::jmp_buf* outer = g_unwind;
  g_unwind = &here;
  struct sidewall_result result = {SIDEWALL_UNSUPPORTED, 0, 0};
  if (setjmp(here) == 0) result = Enter(call);
  g_unwind = outer;
  return result;
}

void NativeEngine::Save() { std::memcpy(saved_.get(), block_.get(), sizeof(Block)); }
void NativeEngine::Restore() { std::memcpy(block_.get(), saved_.get(), sizeof(Block)); }

const char* CallName(CallId id) {
  switch (id) {
    case CallId::kInit:
      return "init";
    case CallId::kHandleDabt:
      return "handle_dabt";
    case CallId::kStats:
      return "stats";
    case CallId::kRingRead:
      return "ring_read";
#define SIDEWALL_NAME(id, symbol, count) \
  case CallId::id:                       \
    return #symbol;
      SIDEWALL_CALLS(SIDEWALL_NAME)
#undef SIDEWALL_NAME
  }
  return "unknown";
}

}  // namespace sidewall

using sidewall::PlatformOf;
using sidewall::StoreFrom;

extern "C" {

int sidewall_plat_read32(void* ctx, uint64_t pa, uint32_t* value) {
  return PlatformOf(ctx).Read32(pa, value) ? 0 : -1;
}
int sidewall_plat_read64(void* ctx, uint64_t pa, uint64_t* value) {
  return PlatformOf(ctx).Read64(pa, value) ? 0 : -1;
}
void sidewall_plat_write32(void* ctx, uint64_t pa, uint32_t value) {
  StoreFrom(ctx, __builtin_return_address(0)).Write32(pa, value);
}
void sidewall_plat_write64(void* ctx, uint64_t pa, uint64_t value) {
  StoreFrom(ctx, __builtin_return_address(0)).Write64(pa, value);
}
void sidewall_plat_table_write64(void* ctx, uint64_t pa, uint64_t value) {
  StoreFrom(ctx, __builtin_return_address(0)).TableWrite64(pa, value);
}
void sidewall_plat_table_zero(void* ctx, uint64_t pa) {
  StoreFrom(ctx, __builtin_return_address(0)).TableZero(pa);
}
const uint64_t* sidewall_plat_table_ptr(void* ctx, uint64_t pa) {
  sidewall::Platform& platform = PlatformOf(ctx);
  if (pa < platform.pool_start() || pa - platform.pool_start() >= platform.pool_size()) {
    return nullptr;
  }
  return platform.pool_view() + (pa - platform.pool_start()) / sizeof(uint64_t);
}
void sidewall_plat_barrier(void* ctx) { PlatformOf(ctx).Barrier(); }
void sidewall_plat_clean_poc(void* ctx, uint64_t pa, uint64_t size) {
  PlatformOf(ctx).CleanPoc(pa, size);
}
uint64_t sidewall_plat_page_alloc(void* ctx, uint32_t pool) {
  return PlatformOf(ctx).PageAlloc(pool);
}
void sidewall_plat_page_free(void* ctx, uint32_t pool, uint64_t pa) {
  PlatformOf(ctx).PageFree(pool, pa);
}
void sidewall_plat_unuse_dma(void* ctx, uint64_t pa, uint64_t size) {
  PlatformOf(ctx).UnuseDma(pa, size);
}
void sidewall_plat_lock(void* ctx, uint32_t id) { PlatformOf(ctx).Lock(id); }
void sidewall_plat_unlock(void* ctx, uint32_t id) { PlatformOf(ctx).Unlock(id); }
uint32_t sidewall_plat_cpu_id(void* ctx) { return PlatformOf(ctx).CpuId(); }
void sidewall_plat_relax(void* ctx) { PlatformOf(ctx).Relax(); }
uint64_t sidewall_plat_time_us(void* ctx) { return PlatformOf(ctx).TimeUs(); }
void sidewall_plat_notify(void* ctx, uint32_t owner, const struct sidewall_fault* fault) {
  PlatformOf(ctx).Notify(owner, *fault);
}
void sidewall_plat_log(void* ctx, uint32_t reason, uint64_t a, uint64_t b) {
  PlatformOf(ctx).Log(reason, a, b);
}
void sidewall_plat_panic(void* ctx, uint32_t line) {
  PlatformOf(ctx).Panic(line);
  if (sidewall::g_unwind) std::longjmp(*sidewall::g_unwind, 1);
  __builtin_trap();
}

}  // extern "C"
