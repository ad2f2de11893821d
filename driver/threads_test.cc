// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// CPUs that really run at once, under ThreadSanitizer. The platform orders nothing but by the locks
// that the driver asks for: registers are relaxed atomics, table memory is plain, and a page is
// never handed out twice. So whatever the driver keeps or reads outside of its locks is a report,
// and a report fails the test, as does a lock that is taken out of order.
//
//     Cpu cpu(board, 1);
//     cpu.Run();     // calls drawn from a fixed seed; how they meet is the scheduler's
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "driver/board_test.h"

namespace {

using sidewall_test::kDram;
using sidewall_test::kIso;
using sidewall_test::kMcBroadcast;
using sidewall_test::kMcSid;
using sidewall_test::kNiso1;
using sidewall_test::kNiso1m;
using sidewall_test::kPool;
using sidewall_test::kWindowSize;
using sidewall_test::TestBoard;

constexpr uint64_t kPoolSize = 0x10000000;
constexpr uint64_t kPage = 4096;
constexpr uint32_t kSdmmc = 0x02;
constexpr uint32_t kPcie1 = 0x05;
constexpr uint32_t kSteps = 12000;
constexpr uint32_t kCpus = 3;

// Zeroed memory of which only what is touched takes room.
template <typename T>
class Zeroed {
 public:
  explicit Zeroed(size_t count) : data_(static_cast<T*>(std::calloc(count, sizeof(T)))) {}
  ~Zeroed() { std::free(data_); }
  Zeroed(const Zeroed&) = delete;
  Zeroed& operator=(const Zeroed&) = delete;
  T* data() { return data_; }

 private:
  T* data_;
};

class Platform {
 public:
  Platform() : registers_(kIo / 4), pool_(kPoolSize / 8) {
    for (uint64_t window : {kNiso1, kNiso1m, kIso}) {
      const uint32_t ids[] = {0xfc013e08, 0xe0000008, 0x0000d555, 0, 0, 0, 0, 0x21};
      for (uint32_t i = 0; i < 8; ++i) Set(window + 0x20 + 4 * i, ids[i]);
      Set(window, 0x00200001);
    }
    Set(kMcBroadcast + 0x1820, 0x80000002);
    for (uint64_t i = 0; i < 512; ++i) {
      Set(kMcSid + 8 * i, 0x7f);
      Set(kMcSid + 8 * i + 4, 1);
    }
  }
  uint32_t Get(uint64_t pa) { return __atomic_load_n(Word(pa), __ATOMIC_RELAXED); }
  void Set(uint64_t pa, uint32_t value) { __atomic_store_n(Word(pa), value, __ATOMIC_RELAXED); }
  void Store(uint64_t pa, uint32_t value) {
    // ID registers and the bypass lock keep what they say.
    const uint64_t offset = pa & (kWindowSize - 1);
    if (pa == kMcBroadcast + 0x1820 || (pa >= kNiso1m && offset >= 0x20 && offset < 0x40)) return;
    Set(pa, value);
  }
  uint64_t* Table(uint64_t pa) { return pool_.data() + (pa - kPool) / 8; }
  uint64_t Alloc() {
    const uint64_t page = next_page.fetch_add(1, std::memory_order_relaxed);
    if (page >= kPoolSize / kPage) return 0;
    pages_out.fetch_add(1, std::memory_order_relaxed);
    return kPool + page * kPage;
  }

  std::mutex lock[SIDEWALL_LOCK_COUNT];
  std::atomic<uint64_t> next_page{0};
  std::atomic<uint64_t> pages_out{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> out_of_order{0};
  std::atomic<uint64_t> time_us{0};

 private:
  static constexpr uint64_t kIo = 0x11000000;
  uint32_t* Word(uint64_t pa) { return registers_.data() + pa / 4; }

  Zeroed<uint32_t> registers_;
  Zeroed<uint64_t> pool_;
};

Platform& Of(void* ctx) { return *static_cast<Platform*>(ctx); }
thread_local std::vector<uint32_t> held;

// Now and then another CPU goes on in the middle of a call, whatever that holds.
void HandOver() {
  thread_local uint32_t stores = 0;
  if (++stores % 8 == 0) std::this_thread::yield();
}

class ThreadsTest : public ::testing::Test {
 public:
  ThreadsTest() : block_(SIDEWALL_STATE_SIZE / 8 + 8) {
    const uintptr_t raw = reinterpret_cast<uintptr_t>(block_.data());
    const uintptr_t mask = SIDEWALL_STATE_ALIGN - 1;
    state = reinterpret_cast<sidewall_state*>((raw + mask) & ~mask);
    const sidewall_cfg cfg = TestBoard(5, 4, kPool);
    EXPECT_EQ(sidewall_init(state, SIDEWALL_STATE_SIZE, &platform, &cfg).status,
              uint32_t{SIDEWALL_OK});
    EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  }

  void TakeDown() {
    for (uint32_t sid = 1; sid < 0x7e; ++sid) {
      for (uint32_t domain = 0; domain < 2; ++domain) {
        sidewall_detach_dev(state, SIDEWALL_SIDE_NISO1, domain, sid, 0);
      }
    }
    for (uint32_t domain = 0; domain < 2; ++domain) {
      while (sidewall_free_domain(state, domain).status == SIDEWALL_OK) continue;
    }
    for (uint32_t vm = 0; vm < 2; ++vm) {
      sidewall_result result = sidewall_vm_destroy(state, vm);
      while (result.status == SIDEWALL_OK && result.progress == 0) {
        result = sidewall_vm_destroy(state, vm);
      }
      EXPECT_EQ(sidewall_vm_create(state, vm).status, uint32_t{SIDEWALL_OK});
    }
  }

  Platform platform;
  sidewall_state* state = nullptr;
  std::atomic<uint64_t> taken{0};
  std::atomic<uint32_t> ready{0};

 private:
  Zeroed<uint64_t> block_;
};

class Cpu {
 public:
  Cpu(ThreadsTest& board, uint32_t number)
      : board_(board), s_(board.state), number_(number), seed_(number + 1) {}

  void Run() {
    // All begin together; one that is alone would meet nobody.
    board_.ready.fetch_add(1, std::memory_order_relaxed);
    while (board_.ready.load(std::memory_order_relaxed) != kCpus) std::this_thread::yield();
    for (uint32_t i = 0; i < kSteps; ++i) Step();
    EXPECT_TRUE(held.empty());
  }

 private:
  uint32_t Draw(uint32_t below) {
    seed_ = seed_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(seed_ >> 33) % below;
  }
  void Trap(uint64_t ipa, bool write, uint64_t value) {
    sidewall_regs regs{};
    regs.x[5] = value;
    const uint64_t esr = (uint64_t{0x24} << 26) | (1u << 25) | (1u << 24) | (2u << 22) |
                         (5u << 16) | (uint64_t{write} << 6) | 0x5;
    sidewall_handle_dabt(s_, &regs, esr, ipa);
  }
  void Took(const sidewall_result& result) {
    if (result.status == SIDEWALL_OK) board_.taken += result.progress;
  }
  void Step() {
    switch (Draw(4)) {
      case 0:
        return Access();
      case 1:
        return HostCall();
      case 2:
        return GuestCall();
      default:
        return Other();
    }
  }
  void Access() {
    const uint64_t window = Draw(2) != 0 ? kNiso1 : kIso;
    const uint32_t entry = Draw(4);
    const uint64_t bank = window + 0x800000 + 0x10000 * Draw(3);
    switch (Draw(7)) {
      case 0:
        return Trap(window + 0xc00 + 4 * entry, true, Draw(3) << 16);
      case 1:
        return Trap(window + 0x800 + 4 * entry, true, 0x7f800000 | Draw(2) << 31 | Draw(8));
      case 2:
        return Trap(bank, true, Draw(2) != 0 ? 0x67 : 0);
      case 3:
        return Trap(bank + 0x58, false, 0);
      case 4:
        return Trap(window + 0x68, true, 0);
      case 5:
        return Trap(kMcSid + 8 * Draw(512), Draw(2) != 0, 0x7f);
      default:
        return Trap(window + 0x10000 + 4 * Draw(3), true, Draw(4) << 16);
    }
  }
  void HostCall() {
    const uint32_t domain = Draw(2);
    const uint64_t iova = kPage * Draw(1024);
    switch (Draw(8)) {
      case 0:
        sidewall_alloc_domain(s_, domain, 0);
        return;
      case 1:
        return Took(sidewall_map_pages(s_, domain, iova, kDram + iova, kPage, 4, 3));
      case 2:
        sidewall_unmap_pages(s_, domain, iova, kPage, 4);
        return;
      case 3:
        sidewall_iotlb_sync(s_, domain);
        return;
      case 4:
        sidewall_attach_dev(s_, SIDEWALL_SIDE_NISO1, domain, 0x0f + Draw(3), 0, 0, 0);
        return;
      case 5:
        sidewall_detach_dev(s_, SIDEWALL_SIDE_NISO1, domain, 0x0f + Draw(3), 0);
        return;
      case 6:
        sidewall_free_domain(s_, domain);
        return;
      default:
        sidewall_set_identity(s_, SIDEWALL_SIDE_ISO, 1 + Draw(4), Draw(2));
        sidewall_dev_block_dma(s_, SIDEWALL_SIDE_ISO, 1 + Draw(4), 1);
        return;
    }
  }
  void GuestCall() {
    const uint32_t vm = Draw(2);
    const uint32_t domain = SIDEWALL_HOST_DOMAINS + vm * SIDEWALL_VM_DOMAINS;
    const uint64_t iova = kPage * Draw(1024);
    switch (Draw(7)) {
      case 0:
        return Start(vm, vm == 0 ? kSdmmc : kPcie1);
      case 1:
        sidewall_vm_destroy(s_, vm);
        return;
      case 2:
        sidewall_guest_alloc(s_, vm, 1);
        return;
      case 3:
        return Took(sidewall_guest_map(s_, vm, domain, iova, kDram + iova, 4 * kPage, 3));
      case 4:
        sidewall_guest_unmap(s_, vm, domain, iova, 4 * kPage);
        return;
      case 5:
        sidewall_guest_attach(s_, vm, 1, 7, 0, domain, 0);
        return;
      default:
        sidewall_guest_detach(s_, vm, 1, 7, 0, domain);
        return;
    }
  }
  void Start(uint32_t vm, uint32_t sid) {
    sidewall_vm_create(s_, vm);
    sidewall_assign_unit(s_, vm, SIDEWALL_SIDE_NISO1, sid);
    sidewall_route_add(s_, vm, 1, 7, SIDEWALL_SIDE_NISO1, sid);
    sidewall_vm_finalize(s_, vm);
  }
  void Other() {
    sidewall_counters counters{};
    sidewall_ring_record record{};
    switch (Draw(6)) {
      case 0:
        sidewall_tick(s_, board_.platform.time_us);
        return;
      case 1:
        sidewall_fault_irq(s_, SIDEWALL_SIDE_NISO1);
        return;
      case 2:
        sidewall_stats(s_, &counters);
        return;
      case 3:
        sidewall_ring_read(s_, SIDEWALL_OWNER_EL2, Draw(400), &record);
        return;
      case 4:
        sidewall_suspend(s_, SIDEWALL_SIDE_ISO);
        sidewall_resume(s_, SIDEWALL_SIDE_ISO);
        return;
      default:
        return ChangeHands();
    }
  }
  // The hypervisor's own lock is held over a batch, so one CPU does this.
  void ChangeHands() {
    if (number_ != 0) return;
    const uint64_t page = kDram + kPage * Draw(4096);
    const bool give = Draw(2) != 0;
    sidewall_host_stage2_idmap(s_, page, page + 8 * kPage, give ? 3 : 0);
    sidewall_host_stage2_idmap_complete(s_, give);
  }

  ThreadsTest& board_;
  sidewall_state* s_;
  const uint32_t number_;
  uint64_t seed_;
};

TEST_F(ThreadsTest, NothingIsSharedButUnderALock) {
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kCpus; ++i) {
    threads.emplace_back([this, i] { Cpu(*this, i).Run(); });
  }
  for (std::thread& thread : threads) thread.join();
  TakeDown();
  sidewall_counters counters{};
  sidewall_stats(state, &counters);
  EXPECT_GT(counters.traps, kSteps / 8);
  EXPECT_GT(taken, 100 * kPage);
  EXPECT_EQ(platform.dropped, taken) << "each reference drops once";
  EXPECT_EQ(platform.pages_out, counters.pages) << "no page is lost";
  EXPECT_EQ(platform.out_of_order, 0u);
}

}  // namespace

extern "C" {

// A report ends the test: what deadlocks would wait for the time limit otherwise.
const char* __tsan_default_options();
const char* __tsan_default_options() { return "halt_on_error=1"; }

int sidewall_plat_read32(void* ctx, uint64_t pa, uint32_t* value) {
  *value = Of(ctx).Get(pa);
  return 0;
}
int sidewall_plat_read64(void* ctx, uint64_t pa, uint64_t* value) {
  *value = Of(ctx).Get(pa) | uint64_t{Of(ctx).Get(pa + 4)} << 32;
  return 0;
}
void sidewall_plat_write32(void* ctx, uint64_t pa, uint32_t value) {
  Of(ctx).Store(pa, value);
  HandOver();
}
void sidewall_plat_write64(void* ctx, uint64_t pa, uint64_t value) {
  Of(ctx).Store(pa, static_cast<uint32_t>(value));
  Of(ctx).Store(pa + 4, static_cast<uint32_t>(value >> 32));
}
void sidewall_plat_table_write64(void* ctx, uint64_t pa, uint64_t value) {
  *Of(ctx).Table(pa) = value;
}
void sidewall_plat_table_zero(void* ctx, uint64_t pa) {
  for (uint64_t i = 0; i < kPage; i += 8) *Of(ctx).Table(pa + i) = 0;
}
const uint64_t* sidewall_plat_table_ptr(void* ctx, uint64_t pa) { return Of(ctx).Table(pa); }
void sidewall_plat_barrier(void*) {}
void sidewall_plat_clean_poc(void*, uint64_t, uint64_t) {}
uint64_t sidewall_plat_page_alloc(void* ctx, uint32_t) { return Of(ctx).Alloc(); }
void sidewall_plat_page_free(void* ctx, uint32_t, uint64_t) {
  Of(ctx).pages_out.fetch_sub(1, std::memory_order_relaxed);
}
void sidewall_plat_unuse_dma(void* ctx, uint64_t, uint64_t size) {
  Of(ctx).dropped.fetch_add(size, std::memory_order_relaxed);
}
void sidewall_plat_lock(void* ctx, uint32_t id) {
  if (!held.empty() && held.back() >= id) ++Of(ctx).out_of_order;
  Of(ctx).lock[id].lock();
  held.push_back(id);
}
void sidewall_plat_unlock(void* ctx, uint32_t id) {
  if (held.empty() || held.back() != id) ++Of(ctx).out_of_order;
  if (!held.empty()) held.pop_back();
  Of(ctx).lock[id].unlock();
}
uint32_t sidewall_plat_cpu_id(void*) { return 0; }
void sidewall_plat_relax(void* ctx) { Of(ctx).time_us.fetch_add(1, std::memory_order_relaxed); }
uint64_t sidewall_plat_time_us(void* ctx) {
  return Of(ctx).time_us.load(std::memory_order_relaxed);
}
void sidewall_plat_notify(void*, uint32_t, const struct sidewall_fault*) {}
void sidewall_plat_log(void*, uint32_t, uint64_t, uint64_t) {}
void sidewall_plat_panic(void*, uint32_t line) {
  ADD_FAILURE() << "the driver panicked at line " << line;
  std::abort();
}

}  // extern "C"
