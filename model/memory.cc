// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/memory.h"

namespace sidewall::model {

namespace {

// A key of the page store is the page number plus one, so that zero means an empty slot.
constexpr uint64_t KeyOf(uint64_t pa) { return pa / kPageSize + 1; }

// Other software may write there at any time.
volatile uint64_t* Direct(uint64_t pa) {
  return reinterpret_cast<volatile uint64_t*>(static_cast<uintptr_t>(pa & ~uint64_t{7}));
}

constexpr uint64_t Mix(uint64_t key) {
  key *= 0x9e3779b97f4a7c15u;
  return key ^ (key >> 32);
}

}  // namespace

void Memory::Reset(const BoardSpec& board, const Arena& arena) {
  *this = Memory();
  board_ = &board;
  arena_ = arena;
  // A pool that the arena backs only in part ends where its backing ends.
  pool_range_ = board.pool;
  if (pool_range_.size / kPageSize > arena.pool_pages) {
    pool_range_.size = arena.pool_pages * kPageSize;
  }
  if (arena.pool_pages != 0) __builtin_memset(arena.pool, 0, arena.pool_pages * kPageSize);
  pending_.Reset(arena.work, arena.pool_pages, board.coherent_walk);
  if (arena.page_slots != 0)
    __builtin_memset(arena.page_keys, 0, arena.page_slots * sizeof(uint64_t));
}

bool Memory::IsRam(uint64_t pa) const {
  for (size_t i = 0; i < board_->dram_count; ++i) {
    if (board_->dram[i].Contains(pa)) return true;
  }
  return pool_range_.Contains(pa);
}

// The slot that holds `key`, or the empty one where it would go, or kNoPage when all are taken.
size_t Memory::FindSlot(uint64_t key) const {
  const size_t mask = arena_.page_slots - 1;
  size_t slot = static_cast<size_t>(Mix(key)) & mask;
  for (size_t probe = 0; probe < arena_.page_slots; ++probe) {
    const uint64_t found = arena_.page_keys[slot];
    if (found == key || found == 0) return slot;
    slot = (slot + 1) & mask;
  }
  return kNoPage;
}

uint64_t Memory::Load64(uint64_t pa) const {
  const size_t word = (pa % kPageSize) / sizeof(uint64_t);
  const size_t page = PoolIndex(pa);
  if (page != kNoPage) return pool_page(page)[word];
  if (arena_.direct) return IsRam(pa) ? *Direct(pa) : 0;
  if (arena_.page_slots == 0) return 0;
  const size_t slot = FindSlot(KeyOf(pa));
  if (slot == kNoPage || arena_.page_keys[slot] == 0) return 0;
  return arena_.page_data[slot * kPageWords + word];
}

bool Memory::Store64(uint64_t pa, uint64_t value) {
  if (arena_.direct && IsRam(pa)) {
    *Direct(pa) = value;
    return true;
  }
  if (!IsRam(pa) || arena_.page_slots == 0) return false;
  const uint64_t key = KeyOf(pa);
  const size_t slot = FindSlot(key);
  if (slot == kNoPage) return false;
  uint64_t* page = arena_.page_data + slot * kPageWords;
  if (arena_.page_keys[slot] == 0) {
    if (value == 0) return true;
    TouchSlot(slot);
    arena_.page_keys[slot] = key;
    __builtin_memset(page, 0, kPageSize);
  }
  TouchSlot(slot);
  page[(pa % kPageSize) / sizeof(uint64_t)] = value;
  return true;
}

size_t Memory::TrackSize(size_t pool_pages, size_t page_slots) {
  return (pool_pages + page_slots) * (sizeof(uint32_t) + sizeof(uint8_t));
}

void Memory::Track(void* lists) {
  pool_list_ = static_cast<uint32_t*>(lists);
  slot_list_ = pool_list_ + arena_.pool_pages;
  pool_touched_ = reinterpret_cast<uint8_t*>(slot_list_ + arena_.page_slots);
  slot_touched_ = pool_touched_ + arena_.pool_pages;
  __builtin_memset(pool_touched_, 0, arena_.pool_pages + arena_.page_slots);
  pool_touched_count_ = 0;
  slot_touched_count_ = 0;
}

void Memory::TouchSlot(size_t slot) {
  if (slot_touched_ == nullptr || slot_touched_[slot] != 0) return;
  slot_touched_[slot] = 1;
  slot_list_[slot_touched_count_++] = static_cast<uint32_t>(slot);
}

void Memory::ForgetTouched() {
  for (size_t i = 0; i < pool_touched_count_; ++i) pool_touched_[pool_list_[i]] = 0;
  for (size_t i = 0; i < slot_touched_count_; ++i) slot_touched_[slot_list_[i]] = 0;
  pool_touched_count_ = 0;
  slot_touched_count_ = 0;
}

}  // namespace sidewall::model
