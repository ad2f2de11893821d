// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Typed handles over the platform calls of the waist: the only places where the driver touches a
// device register or page-table memory. Each counts what it does for the stats call.
//
//     uint32_t value = 0;
//     if (!unit.window(0).Read32(gr0::kSCR0, &value)) return SIDEWALL_LINE;
//     tables.Write(Pa{root.value + 8 * index}, leaf);
#ifndef SIDEWALL_DRIVER_PLAT_H_
#define SIDEWALL_DRIVER_PLAT_H_

#include "driver/types.h"

namespace SIDEWALL_NS {

// What the driver has done to hardware and to tables.
struct Work {
  uint64_t stores = 0;
  uint64_t last_store = 0;  // its value, for the trace ring
  uint64_t table_stores = 0;
  uint64_t syncs = 0;
  uint64_t sync_timeouts = 0;
};

// Each lock guards the counters of what it guards; SIDEWALL_SYM(stats_of) adds them up.
struct Counters : Work {
  uint64_t traps = 0;
  uint64_t by_decision[8] = {};
  uint64_t by_reason[SIDEWALL_REASON_COUNT] = {};
};

// One register window: an SMMU instance or a page of the memory controller. The bound is checked
// on each access, since an offset can be derived from an index.
class RegisterWindow {
 public:
  RegisterWindow(void* ctx, Pa base, uint64_t size, Work* work)
      : ctx_(ctx), base_(base), size_(size), work_(work) {}

  [[nodiscard]] bool Read32(uint64_t offset, uint32_t* value) const {
    Check(offset, 4);
    return sidewall_plat_read32(ctx_, base_.value + offset, value) == 0;
  }
  [[nodiscard]] bool Read64(uint64_t offset, uint64_t* value) const {
    Check(offset, 8);
    return sidewall_plat_read64(ctx_, base_.value + offset, value) == 0;
  }
  void Write32(uint64_t offset, uint32_t value) const {
    Check(offset, 4);
    ++work_->stores;
    work_->last_store = value;
    sidewall_plat_write32(ctx_, base_.value + offset, value);
  }
  void Write64(uint64_t offset, uint64_t value) const {
    Check(offset, 8);
    ++work_->stores;
    work_->last_store = value;
    sidewall_plat_write64(ctx_, base_.value + offset, value);
  }

 private:
  void Check(uint64_t offset, uint64_t width) const {
    if (offset % width != 0 || offset >= size_) sidewall_plat_panic(ctx_, __LINE__);
  }

  void* ctx_;
  Pa base_;
  uint64_t size_;
  Work* work_;
};

// Page-table memory. An entry is one 64-bit store; the walker may not be coherent, so what it is
// to see must be cleaned, and ordered by a barrier before anything relies on it.
class Tables {
 public:
  Tables(void* ctx, Work* work) : ctx_(ctx), work_(work) {}

  uint64_t Read(Pa table, uint32_t index) const {
    return sidewall_plat_table_ptr(ctx_, table.value)[index];
  }
  void Write(Pa table, uint32_t index, uint64_t value) const {
    ++work_->table_stores;
    sidewall_plat_table_write64(ctx_, table.value + 8 * uint64_t{index}, value);
  }
  void Clean(Pa table, uint32_t first, uint32_t count) const {
    sidewall_plat_clean_poc(ctx_, table.value + 8 * uint64_t{first}, 8 * uint64_t{count});
  }
  // An empty table that the walker may be pointed at when this returns.
  void MakeEmpty(Pa table) const {
    sidewall_plat_table_zero(ctx_, table.value);
    sidewall_plat_clean_poc(ctx_, table.value, kPageSize);
    sidewall_plat_barrier(ctx_);
  }
  void Barrier() const { sidewall_plat_barrier(ctx_); }

 private:
  void* ctx_;
  Work* work_;
};

// Holds a driver lock for a scope, so that no path can leave it taken.
class LockGuard {
 public:
  LockGuard(void* ctx, uint32_t id) : ctx_(ctx), id_(id) { sidewall_plat_lock(ctx_, id_); }
  ~LockGuard() { sidewall_plat_unlock(ctx_, id_); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  void* ctx_;
  uint32_t id_;
};

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_PLAT_H_
