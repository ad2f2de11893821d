// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// RAM of a board: the pool, page for page, and a sparse store of pages for the rest. It notes
// which pages were written since Mark, so that going back costs what changed.
//
//     memory.Reset(board, arena);
//     memory.Store64(0x80001000, 1);              // takes a page of the store
//     assert(memory.Load64(0x80002000) == 0);     // pages never written read as zero
#ifndef SIDEWALL_MODEL_MEMORY_H_
#define SIDEWALL_MODEL_MEMORY_H_

#include <stddef.h>
#include <stdint.h>

#include "model/board.h"
#include "model/choices.h"
#include "model/visibility.h"

namespace sidewall::model {

inline constexpr uint64_t kPageSize = 4096;
inline constexpr size_t kPageWords = kPageSize / sizeof(uint64_t);

// Backing memory of a machine, supplied by the caller; the model itself never allocates.
// pool: the board's pool range, page for page (tables live here). page_data/page_keys: a store of
// `page_slots` 4 KiB pages (a power of two) for other RAM that is not all zero.
struct Arena {
  uint64_t* pool = nullptr;
  size_t pool_pages = 0;
  uint64_t* page_data = nullptr;
  uint64_t* page_keys = nullptr;
  size_t page_slots = 0;
  // RAM that is not in the pool lies at its own addresses, as it does for software at EL2: there
  // is no page store then, and the walker reads what other software wrote.
  bool direct = false;
  void* work = nullptr;  // tree index and TLB bookkeeping; Machine::WorkSize(pool_pages) bytes
  size_t work_size = 0;
  void* snapshot = nullptr;  // optional, for Mark and Restore; Machine::SnapshotSize bytes
  size_t snapshot_size = 0;
};

class Memory {
 public:
  static constexpr size_t kNoPage = ~size_t{0};

  void Reset(const BoardSpec& board, const Arena& arena);

  bool IsRam(uint64_t pa) const;
  // What an address means when its format bit makes an alias.
  uint64_t WithoutFormat(uint64_t pa) const { return board_->format_bit ? pa & ~kFormatBit : pa; }
  uint64_t Load64(uint64_t pa) const;
  // What the table walker of an SMMU reads: a pool word whose last stores are not visible yet may
  // still have an older value. Without choices, the newest. Memory of the host is visible at once:
  // a store of the host stands for one that it has cleaned.
  uint64_t WalkerLoad64(uint64_t pa, Choices* choices) const {
    const size_t page = PoolIndex(pa);
    const uint64_t newest = Load64(pa);
    if (choices == nullptr || page == kNoPage || pending_.count(page) == 0) return newest;
    return pending_.Draw(page, pa % kPageSize / sizeof(uint64_t), newest, choices);
  }
  // Not for the pool, whose stores go through the tree index first.
  bool Store64(uint64_t pa, uint64_t value);

  // Index of the pool page that holds pa, or kNoPage.
  size_t PoolIndex(uint64_t pa) const {
    return pool_range_.Contains(pa) ? (pa - pool_range_.start) / kPageSize : kNoPage;
  }
  uint64_t PoolAddress(size_t index) const { return pool_range_.start + index * kPageSize; }
  size_t pool_pages() const { return arena_.pool_pages; }
  uint64_t* pool_page(size_t index) { return arena_.pool + index * kPageWords; }
  const uint64_t* pool_page(size_t index) const { return arena_.pool + index * kPageWords; }
  // Old values of pool words that walkers may still see.
  PendingStores& pending() { return pending_; }
  const PendingStores& pending() const { return pending_; }

  // Change tracking. Both lists live in memory that the caller of Track supplies; a page is listed
  // at most once. Without Track nothing is listed.
  static size_t TrackSize(size_t pool_pages, size_t page_slots);
  void Track(void* lists);
  void TouchPool(size_t index) {
    if (pool_touched_ == nullptr || pool_touched_[index] != 0) return;
    pool_touched_[index] = 1;
    pool_list_[pool_touched_count_++] = static_cast<uint32_t>(index);
  }
  size_t touched_pool_count() const { return pool_touched_count_; }
  size_t touched_pool(size_t i) const { return pool_list_[i]; }
  size_t touched_slot_count() const { return slot_touched_count_; }
  size_t touched_slot(size_t i) const { return slot_list_[i]; }
  void ForgetTouched();

 private:
  size_t FindSlot(uint64_t key) const;
  void TouchSlot(size_t slot);

  const BoardSpec* board_ = nullptr;
  Range pool_range_;
  Arena arena_;
  PendingStores pending_;
  uint32_t* pool_list_ = nullptr;
  uint32_t* slot_list_ = nullptr;
  uint8_t* pool_touched_ = nullptr;
  uint8_t* slot_touched_ = nullptr;
  size_t pool_touched_count_ = 0;
  size_t slot_touched_count_ = 0;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_MEMORY_H_
