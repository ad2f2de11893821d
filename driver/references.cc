// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/references.h"

namespace SIDEWALL_NS {
namespace {

// Tables that one collection looks at, with the lock held.
constexpr uint32_t kMaxTables = 16;

constexpr uint64_t SizeAt(uint32_t level) { return uint64_t{1} << LevelShift(level); }

// Empties the slot when it is one of those that are collected. False: the batch is full.
bool TakeSlot(const Tables& tables, Pa table, uint32_t index, uint32_t level, bool mapped_too,
              References* batch) {
  const uint64_t entry = tables.Read(table, index);
  if (!unmapped::Is(entry) && !(mapped_too && IsLeaf(entry, level))) return true;
  if (!batch->Add(entry & descriptor::kAddressMask, SizeAt(level))) return false;
  tables.Write(table, index, 0);
  return true;
}

// The first slot from `index` on that is not empty.
uint32_t FirstUsed(const Tables& tables, Pa table, uint32_t index) {
  while (index < kTableEntries && tables.Read(table, index) == 0) ++index;
  return index;
}

// Looks at one table of leaves, or one slot above. Returns the address at which to go on; the same
// one when the batch is full.
uint64_t CollectAt(const Tables& tables, const Domain& domain, uint64_t iova, References* batch) {
  const Path path = FindPath(tables, domain.root, iova);
  const uint32_t first = IndexAt(iova, path.level);
  if (path.level < kLeafLevel) {
    const bool taken = TakeSlot(tables, path.table, first, path.level, false, batch);
    tables.Clean(path.table, first, 1);
    const uint64_t covered = SizeAt(path.level);
    return taken ? AlignDown(iova, covered) + covered : iova;
  }
  uint32_t index = first;
  while (index < kTableEntries && TakeSlot(tables, path.table, index, kLeafLevel, false, batch)) {
    ++index;
  }
  tables.Clean(path.table, first, kTableEntries - first);
  return iova + uint64_t{index - first} * kPageSize;
}

}  // namespace

bool References::Add(uint64_t pa, uint64_t size) {
  if (count_ != 0 && run_[count_ - 1].pa + run_[count_ - 1].size == pa) {
    run_[count_ - 1].size += size;
    return true;
  }
  if (count_ == kMax) return false;
  run_[count_++] = Run{pa, size};
  return true;
}

void References::Drop(void* ctx) const {
  for (uint32_t i = 0; i < count_; ++i) sidewall_plat_unuse_dma(ctx, run_[i].pa, run_[i].size);
}

bool CollectUnmapped(const Tables& tables, Domain& domain, References* batch) {
  for (uint32_t i = 0; i < kMaxTables && domain.pending_first < domain.pending_last; ++i) {
    const uint64_t next = CollectAt(tables, domain, domain.pending_first, batch);
    const bool full = next == domain.pending_first;
    domain.pending_first = next;
    if (full) break;
  }
  tables.Barrier();
  if (domain.pending_first < domain.pending_last) return true;
  domain.pending_first = domain.pending_last = 0;
  return false;
}

uint64_t TakeDown(const Tables& tables, Domain& domain, References* batch) {
  Pa parent;
  uint32_t parent_index = 0;
  Pa table = domain.root;
  uint32_t level = 0;
  uint32_t index = FirstUsed(tables, table, 0);
  while (index < kTableEntries && IsTable(tables.Read(table, index), level)) {
    parent = table;
    parent_index = index;
    table = Pa{tables.Read(table, index) & descriptor::kAddressMask};
    ++level;
    index = FirstUsed(tables, table, 0);
  }
  const uint32_t first = index;
  // Above the leaves a step takes one slot: what follows it may be a table.
  while (index < kTableEntries) {
    if (!TakeSlot(tables, table, index, level, true, batch)) break;
    index = FirstUsed(tables, table, index + 1);
    if (level != kLeafLevel) break;
  }
  if (first < kTableEntries) tables.Clean(table, first, kTableEntries - first);
  tables.Barrier();
  if (FirstUsed(tables, table, 0) < kTableEntries) return 0;
  if (level == 0) {
    domain.root = Pa{};
  } else {
    tables.Write(parent, parent_index, 0);
    tables.Clean(parent, parent_index, 1);
  }
  // What it held were addresses of its owner's pages.
  tables.MakeEmpty(table);
  return table.value;
}

}  // namespace SIDEWALL_NS
