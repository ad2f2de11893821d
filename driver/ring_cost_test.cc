// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the trace ring costs: mediated accesses a second with it, divided by those without. Both are
// measured in one run, in turns, over what a kernel does most (invalidate a page, sync, look at the
// status), on a platform whose registers are plain memory: a board's are slower, and the ratio
// there is better.
//
//     ring_cost [pause [least]]   # loop turns that a register access takes; fails below `least`
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "sidewall/driver.h"

namespace {

constexpr uint64_t kWindow = 0x10000000;
constexpr uint64_t kWindowSize = 0x01000000;
constexpr uint64_t kPool = 0x80000000;
constexpr int kRounds = 4000;
constexpr int kAccesses = 3000;

struct Registers {
  std::vector<uint32_t> word = std::vector<uint32_t>(kWindowSize / 4);
  alignas(4096) uint64_t pages[8][512] = {};
  uint64_t next_page = 0;
  uint64_t now = 0;
  int pause = 0;

  uint32_t& At(uint64_t pa) { return word[(pa - kWindow) / 4]; }
  void Wait() const {
    for (int i = 0; i < pause; ++i) asm volatile("" ::: "memory");
  }
};

Registers& Of(void* ctx) { return *static_cast<Registers*>(ctx); }

struct Board {
  explicit Board(uint32_t flags) {
    const uint32_t ids[] = {0x7c013e08, 0xe0000008, 0x00005555, 0, 0, 0, 0, 0x21};
    for (uint32_t i = 0; i < 8; ++i) registers.At(kWindow + 0x20 + 4 * i) = ids[i];
    sidewall_cfg cfg{};
    cfg.abi = SIDEWALL_ABI;
    cfg.smmu_count = 1;
    cfg.smmu[0] = {{kWindow, 0}, 1, SIDEWALL_SIDE_ISO, kWindowSize, 2, 1, 9, 0};
    cfg.dram_count = 1;
    cfg.dram[0] = {kPool, 0x100000};
    cfg.el2_range_count = 1;
    cfg.el2_range[0] = {kPool, 0x100000};
    cfg.sync_timeout_us = 100;
    cfg.flags = flags;
    state =
        static_cast<sidewall_state*>(std::aligned_alloc(SIDEWALL_STATE_ALIGN, SIDEWALL_STATE_SIZE));
    __builtin_memset(static_cast<void*>(state), 0, SIDEWALL_STATE_SIZE);
    const bool up = sidewall_init(state, SIDEWALL_STATE_SIZE, &registers, &cfg).status == 0 &&
                    sidewall_finalize(state).status == 0;
    if (!up) std::abort();
  }
  ~Board() { std::free(state); }
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  double Measure() const {
    constexpr uint64_t kBank1 = kWindow + kWindowSize / 2 + 0x10000;
    constexpr uint64_t kData = uint64_t{0x24} << 26 | 1u << 25 | 1u << 24 | 5;
    constexpr uint64_t kWord = kData | 2u << 22;
    constexpr uint64_t kLong = kData | 3u << 22 | 1u << 15;
    constexpr uint64_t kStore = 1u << 6;
    sidewall_regs regs{};
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kAccesses; i += 3) {
      sidewall_handle_dabt(state, &regs, kLong | kStore, kBank1 + 0x620);
      sidewall_handle_dabt(state, &regs, kWord | kStore, kBank1 + 0x7f0);
      sidewall_handle_dabt(state, &regs, kWord, kBank1 + 0x7f4);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return kAccesses / took.count();
  }

  Registers registers;
  sidewall_state* state = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  Board on(0);
  Board off(SIDEWALL_CFG_NO_RING);
  on.registers.pause = off.registers.pause = argc > 1 ? std::atoi(argv[1]) : 0;
  double best_on = 0;
  double best_off = 0;
  for (int i = 0; i < kRounds; ++i) {
    const double with = on.Measure();
    const double without = off.Measure();
    if (with > best_on) best_on = with;
    if (without > best_off) best_off = without;
  }
  std::printf("%.2f and %.2f million accesses a second; on / off = %.3f\n", best_on / 1e6,
              best_off / 1e6, best_on / best_off);
  return argc > 2 && best_on < std::atof(argv[2]) * best_off ? 1 : 0;
}

extern "C" {

int sidewall_plat_read32(void* ctx, uint64_t pa, uint32_t* value) {
  Of(ctx).Wait();
  *value = Of(ctx).At(pa);
  return 0;
}
int sidewall_plat_read64(void* ctx, uint64_t pa, uint64_t* value) {
  Of(ctx).Wait();
  *value = Of(ctx).At(pa) | uint64_t{Of(ctx).At(pa + 4)} << 32;
  return 0;
}
void sidewall_plat_write32(void* ctx, uint64_t pa, uint32_t value) {
  Of(ctx).Wait();
  Of(ctx).At(pa) = value;
}
void sidewall_plat_write64(void* ctx, uint64_t pa, uint64_t value) {
  Of(ctx).Wait();
  Of(ctx).At(pa) = static_cast<uint32_t>(value);
  Of(ctx).At(pa + 4) = static_cast<uint32_t>(value >> 32);
}
const uint64_t* sidewall_plat_table_ptr(void* ctx, uint64_t pa) {
  return Of(ctx).pages[(pa - kPool) / 4096];
}
void sidewall_plat_table_write64(void* ctx, uint64_t pa, uint64_t value) {
  Of(ctx).pages[(pa - kPool) / 4096][pa / 8 % 512] = value;
}
void sidewall_plat_table_zero(void* ctx, uint64_t pa) {
  for (uint64_t& entry : Of(ctx).pages[(pa - kPool) / 4096]) entry = 0;
}
uint64_t sidewall_plat_page_alloc(void* ctx, uint32_t) {
  return kPool + 4096 * Of(ctx).next_page++;
}
void sidewall_plat_page_free(void*, uint32_t, uint64_t) {}
void sidewall_plat_barrier(void*) {}
void sidewall_plat_clean_poc(void*, uint64_t, uint64_t) {}
void sidewall_plat_unuse_dma(void*, uint64_t, uint64_t) {}
void sidewall_plat_lock(void*, uint32_t) {}
void sidewall_plat_unlock(void*, uint32_t) {}
uint32_t sidewall_plat_cpu_id(void*) { return 0; }
void sidewall_plat_relax(void* ctx) { ++Of(ctx).now; }
uint64_t sidewall_plat_time_us(void* ctx) { return Of(ctx).now; }
void sidewall_plat_notify(void*, uint32_t, const struct sidewall_fault*) {}
void sidewall_plat_log(void*, uint32_t, uint64_t, uint64_t) {}
void sidewall_plat_panic(void*, uint32_t) { std::abort(); }

}  // extern "C"
