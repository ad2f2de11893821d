// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Mark and Restore. The snapshot is a full copy; going back copies the registers, the TLB notes,
// and those pages that were written since.
#include "model/machine.h"

namespace sidewall::model {

// The parts of a snapshot, one after another.
struct Machine::SnapshotLayout {
  Machine* machine;
  Tree* trees;
  TableNode* nodes;
  StaleEntry* entries[kMaxInstances];
  PendingValue* pending;
  CachedTranslation* cached[kMaxInstances];
  uint64_t* pool;
  uint64_t* pages;
  uint64_t* keys;
  void* lists;
  size_t size;

  SnapshotLayout(void* base, size_t pool_pages, size_t page_slots) {
    auto* at = static_cast<uint8_t*>(base);
    size = 0;
    const auto take = [&](size_t bytes) {
      uint8_t* part = at == nullptr ? nullptr : at + size;
      size += (bytes + 63) & ~size_t{63};
      return static_cast<void*>(part);
    };
    machine = static_cast<Machine*>(take(sizeof(Machine)));
    trees = static_cast<Tree*>(take(kMaxTrees * sizeof(Tree)));
    nodes = static_cast<TableNode*>(take(pool_pages * sizeof(TableNode)));
    for (StaleEntry*& part : entries) {
      part = static_cast<StaleEntry*>(take(Tlb::EntryCapacity(pool_pages) * sizeof(StaleEntry)));
    }
    pending = static_cast<PendingValue*>(
        take(PendingStores::Capacity(pool_pages) * sizeof(PendingValue)));
    for (CachedTranslation*& part : cached) {
      part = static_cast<CachedTranslation*>(take(TranslationCache::WorkSize()));
    }
    pool = static_cast<uint64_t*>(take(pool_pages * kPageSize));
    pages = static_cast<uint64_t*>(take(page_slots * kPageSize));
    keys = static_cast<uint64_t*>(take(page_slots * sizeof(uint64_t)));
    lists = take(Memory::TrackSize(pool_pages, page_slots));
  }
};

size_t Machine::SnapshotSize(size_t pool_pages, size_t page_slots) {
  return SnapshotLayout(nullptr, pool_pages, page_slots).size;
}

bool Machine::Mark() {
  const SnapshotLayout to(arena_.snapshot, arena_.pool_pages, arena_.page_slots);
  if (arena_.snapshot == nullptr || arena_.snapshot_size < to.size) return false;
  memory_.Track(to.lists);
  trees_.SaveTo(to.trees, to.nodes);
  for (size_t i = 0; i < kMaxInstances; ++i) tlb_[i].SaveEntries(to.entries[i]);
  memory_.pending().SaveEntries(to.pending);
  for (size_t i = 0; i < kMaxInstances; ++i) cache_[i].SaveEntries(to.cached[i]);
  __builtin_memcpy(to.pool, arena_.pool, arena_.pool_pages * kPageSize);
  __builtin_memcpy(to.keys, arena_.page_keys, arena_.page_slots * sizeof(uint64_t));
  for (size_t slot = 0; slot < arena_.page_slots; ++slot) {
    if (arena_.page_keys[slot] == 0) continue;
    __builtin_memcpy(to.pages + slot * kPageWords, arena_.page_data + slot * kPageWords, kPageSize);
  }
  marked_ = true;
  __builtin_memcpy(static_cast<void*>(to.machine), this, sizeof(Machine));
  return true;
}

bool Machine::Restore() {
  if (!marked_) return false;
  const SnapshotLayout from(arena_.snapshot, arena_.pool_pages, arena_.page_slots);
  const Machine& saved = *from.machine;
  for (size_t i = 0; i < memory_.touched_pool_count(); ++i) {
    const size_t page = memory_.touched_pool(i);
    __builtin_memcpy(memory_.pool_page(page), from.pool + page * kPageWords, kPageSize);
    trees_.RestoreNode(page, from.nodes[page]);
  }
  for (size_t i = 0; i < memory_.touched_slot_count(); ++i) {
    const size_t slot = memory_.touched_slot(i);
    arena_.page_keys[slot] = from.keys[slot];
    if (from.keys[slot] == 0) continue;
    __builtin_memcpy(arena_.page_data + slot * kPageWords, from.pages + slot * kPageWords,
                     kPageSize);
  }
  memory_.ForgetTouched();
  memory_.pending().Restore(saved.memory_.pending(), from.pending);
  trees_.RestoreTrees(from.trees, saved.trees_);
  for (size_t i = 0; i < kMaxInstances; ++i) tlb_[i].Restore(saved.tlb_[i], from.entries[i]);
  for (size_t i = 0; i < kMaxInstances; ++i) cache_[i].Restore(saved.cache_[i], from.cached[i]);
  for (size_t i = 0; i < kMaxInstances; ++i) {
    if (walks_[i].limit() + saved.walks_[i].limit() != 0) walks_[i] = saved.walks_[i];
  }
  profile_ = saved.profile_;
  mc_ = saved.mc_;
  // Large, and nearly always empty.
  if (stalls_.count() + saved.stalls_.count() != 0) stalls_ = saved.stalls_;
  if (flights_.last != saved.flights_.last || flights_.count != saved.flights_.count) {
    flights_ = saved.flights_;
  }
  contrary_ = saved.contrary_;
  __builtin_memcpy(static_cast<void*>(smmu_), saved.smmu_, sizeof(smmu_));
  holders_tree_ = kNoTree;
  return true;
}

void Machine::TakeBack(const Machine& before, uint8_t side) {
  for (size_t i = InstanceIndex(side, 0); i <= InstanceIndex(side, 1) && i < kMaxInstances; ++i) {
    if (!HasInstance(i)) continue;
    smmu_[i] = before.smmu_[i];
    tlb_[i] = before.tlb_[i];
    cache_[i] = before.cache_[i];
    walks_[i] = before.walks_[i];
  }
  trees_ = before.trees_;
  holders_tree_ = kNoTree;
}

}  // namespace sidewall::model
