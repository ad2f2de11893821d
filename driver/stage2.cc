// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The host's identity stage 2: one tree of 4 KiB leaves, rooted at level 0, that the host's stage-2
// bank of every SMMU names. It mirrors what the host owns.
//
// A live entry above the leaf is written once, when its empty, cleaned table is published, and
// never again: table pages are not freed and blocks are not used, so nothing is split or collapsed,
// no walk cache can hold a stale pointer, and taking pages away needs no memory. A slot that was
// invalid until then was in no cache, so publishing needs no flush.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

// Steps of one call: a chunk each, or a hole of any size. 512 chunks are 1 GiB.
constexpr uint32_t kMaxSteps = 512;

bool AnyMappable(const State& state, uint64_t position, uint64_t end) {
  while (position < end) {
    const Segment segment = SegmentAt(state, position, end);
    if (segment.kind != MemoryKind::kForbidden) return true;
    position = segment.end;
  }
  return false;
}

void MarkUnflushed(State& state) { state.idmap.unflushed = (1u << state.smmu_count) - 1u; }

// A live entry that changes permission or type is overwritten in one store, since a device cannot
// retry a broken entry; the old translation may be cached until the batch is completed.
void GiveLeaf(State& state, const Tables& tables, Pa table, uint32_t index, uint64_t leaf) {
  const uint64_t old = tables.Read(table, index);
  if (old == leaf) return;
  if (old == 0) {
    ++state.idmap.mapped_pages;
    // What was there may have been taken in this very batch, and be cached with other rights.
    if (state.idmap.unflushed != 0) state.idmap.live_change = true;
  } else {
    MarkUnflushed(state);
    state.idmap.live_change = true;
  }
  tables.Write(table, index, leaf);
}

// Maps [position, end), which lies in one chunk. Returns how many tables are missing for it; then
// nothing was done.
uint32_t GiveChunk(State& state, uint64_t position, uint64_t end, uint32_t prot) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  const Tables tables(state.ctx, &state.idmap.counters);
  if (!AnyMappable(state, position, end)) return 0;
  const Path path = FindPath(tables, state.idmap.root, position);
  const uint32_t missing = kLeafLevel - path.level;
  SpareTables& spare = state.idmap.spare;
  if (missing > spare.count) return missing - spare.count;
  const Pa table = MakeTables(tables, path, position, kLeafLevel, spare);
  while (position < end) {
    const Segment segment = SegmentAt(state, position, end);
    const uint32_t first = IndexAt(position, kLeafLevel);
    const uint32_t count = static_cast<uint32_t>((segment.end - position) / kPageSize);
    if (segment.kind != MemoryKind::kForbidden) {
      const uint64_t bits = LeafBits(segment.kind, prot);
      for (uint32_t i = 0; i < count; ++i) {
        GiveLeaf(state, tables, table, first + i, (position + i * kPageSize) | bits);
      }
      tables.Clean(table, first, count);
    }
    position = segment.end;
  }
  // Under the lock, as in TakeChunk: a leaf may have lost a permission.
  tables.Barrier();
  return 0;
}

// Unmaps from `position` to the end of its chunk or of the hole that it lies in, at most to `end`.
// Returns where it stopped. A barrier only completes what its own CPU has cleaned, so it comes
// before the lock is dropped: the flush that another CPU may do next must find the walker without
// the leaf.
uint64_t TakeChunk(State& state, uint64_t position, uint64_t end) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  const Tables tables(state.ctx, &state.idmap.counters);
  const Path path = FindPath(tables, state.idmap.root, position);
  // A missing entry at some level means that nothing is mapped in all that it would cover.
  const uint32_t entry_level = path.level < kLeafLevel ? path.level : kLeafLevel - 1;
  const uint64_t covered = uint64_t{1} << LevelShift(entry_level);
  const uint64_t boundary = AlignDown(position, covered) + covered;
  const uint64_t stop = boundary < end ? boundary : end;
  if (path.level < kLeafLevel) return stop;
  const uint32_t first = IndexAt(position, kLeafLevel);
  const uint32_t count = static_cast<uint32_t>((stop - position) / kPageSize);
  bool removed = false;
  for (uint32_t i = 0; i < count; ++i) {
    if (tables.Read(path.table, first + i) == 0) continue;
    MarkUnflushed(state);
    tables.Write(path.table, first + i, 0);
    --state.idmap.mapped_pages;
    removed = true;
  }
  if (removed) {
    tables.Clean(path.table, first, count);
    tables.Barrier();
  }
  return stop;
}

uint64_t AllocPage(State& state) { return TablePage(state.ctx, SIDEWALL_POOL_ATOMIC); }

// Fills the reserve with `missing` pages, with no lock held while the pool is asked. False: the
// pool is empty.
bool FillReserve(State& state, uint32_t missing) {
  for (uint32_t i = 0; i < missing; ++i) {
    const uint64_t page = AllocPage(state);
    if (page == 0) return false;
    bool kept = false;
    {
      LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
      SpareTables& spare = state.idmap.spare;
      kept = spare.count < SpareTables::kMax;
      if (kept) {
        spare.page[spare.count++] = page;
        ++state.idmap.pages;
      }
    }
    if (!kept) sidewall_plat_page_free(state.ctx, SIDEWALL_POOL_ATOMIC, page);
  }
  return true;
}

uint32_t PagesWanted(State& state, uint64_t position, uint64_t end) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  return TablesWanted(position, end, state.idmap.spare.count);
}

struct Span {
  uint64_t first = 0;
  uint64_t last = 0;
};

// A loss rounds outward, a gain inward, and nothing lies at or above the format bit.
Span PageSpan(uint64_t start, uint64_t end, bool take) {
  Span span;
  // Clamped before it is rounded up, which could wrap.
  if (end > kFormatBit) end = kFormatBit;
  span.first = take ? AlignDown(start, kPageSize) : AlignUp(start, kPageSize);
  span.last = take ? AlignUp(end, kPageSize) : AlignDown(end, kPageSize);
  return span;
}

uint64_t Progress(uint64_t start, uint64_t end, const Span& span, uint64_t position) {
  if (position >= span.last) return end - start;
  return position > start ? position - start : 0;
}

// One chunk of a gain, with the pool asked for what is missing. Returns pages that are still
// missing; the reserve may be emptied by another CPU meanwhile, hence more than one try.
uint32_t GiveWithPool(State& state, uint64_t position, uint64_t stop, uint32_t prot) {
  constexpr uint32_t kTries = 3;
  uint32_t missing = 0;
  for (uint32_t i = 0; i < kTries; ++i) {
    missing = GiveChunk(state, position, stop, prot);
    if (missing == 0 || !FillReserve(state, missing)) break;
  }
  return missing;
}

// What is found when the tree is looked at anew.
struct Census {
  uint64_t tables = 0;
  uint64_t leaves = 0;
};

// The tables lie in memory that only EL2 touches.
bool ReadTablePointer(const State& state, uint64_t entry, Pa* table) {
  *table = Pa{entry & descriptor::kAddressMask};
  if (entry != (table->value | descriptor::kTableOrPage)) return false;
  return SegmentAt(state, table->value, table->value + kPageSize).kind == MemoryKind::kForbidden;
}

// An identity leaf of a page that the host may have, with attributes that a gain can give.
bool LeafIsSound(uint64_t entry, uint64_t ipa, MemoryKind kind) {
  uint32_t prot = 0;
  if ((entry & descriptor::kS2apRead) != 0) prot |= SIDEWALL_PROT_R;
  if ((entry & descriptor::kS2apWrite) != 0) prot |= SIDEWALL_PROT_W;
  if ((entry & descriptor::kMemAttrNormal) == descriptor::kMemAttrDevice)
    prot |= SIDEWALL_PROT_MMIO;
  if ((entry & descriptor::kExecuteNever) != 0) prot |= SIDEWALL_PROT_NOEXEC;
  if (kind == MemoryKind::kForbidden || (prot & SIDEWALL_PROT_RW) == 0) return false;
  return entry == (ipa | LeafBits(kind, prot));
}

bool LeavesAreSound(const State& state, const Tables& tables, Pa table, uint64_t ipa,
                    Census* census) {
  const uint64_t end = ipa + kChunkSize;
  Segment segment{ipa, MemoryKind::kForbidden};
  for (uint32_t i = 0; ipa < end; ++i, ipa += kPageSize) {
    const uint64_t entry = tables.Read(table, i);
    if (ipa >= segment.end) segment = SegmentAt(state, ipa, end);
    if (entry == 0) continue;
    if (!LeafIsSound(entry, ipa, segment.kind)) return false;
    ++census->leaves;
  }
  return true;
}

// The tables of leaves below one table of level 2.
bool ChunksAreSound(const State& state, const Tables& tables, Pa table, uint64_t ipa,
                    Census* census) {
  for (uint32_t i = 0; i < kTableEntries; ++i, ipa += kChunkSize) {
    const uint64_t entry = tables.Read(table, i);
    if (entry == 0) continue;
    Pa leaves;
    if (!ReadTablePointer(state, entry, &leaves)) return false;
    ++census->tables;
    if (!LeavesAreSound(state, tables, leaves, ipa, census)) return false;
  }
  return true;
}

bool TreeIsSound(const State& state, const Tables& tables, Census* census) {
  const uint64_t top = tables.Read(state.idmap.root, 0);
  // Everything at or above the format bit.
  for (uint32_t i = 1; i < kTableEntries; ++i) {
    if (tables.Read(state.idmap.root, i) != 0) return false;
  }
  if (top == 0) return true;
  Pa middle;
  if (!ReadTablePointer(state, top, &middle)) return false;
  ++census->tables;
  for (uint32_t i = 0; i < kTableEntries; ++i) {
    const uint64_t entry = tables.Read(middle, i);
    if (entry == 0) continue;
    Pa chunks;
    if (!ReadTablePointer(state, entry, &chunks)) return false;
    ++census->tables;
    const uint64_t ipa = uint64_t{i} << LevelShift(1);
    if (!ChunksAreSound(state, tables, chunks, ipa, census)) return false;
  }
  return true;
}

}  // namespace

bool CreateIdmap(State& state) {
  const uint64_t root = AllocPage(state);
  if (root == 0) return false;
  const uint64_t empty_root = AllocPage(state);
  if (empty_root == 0) {
    sidewall_plat_page_free(state.ctx, SIDEWALL_POOL_ATOMIC, root);
    return false;
  }
  state.idmap.root = Pa{root};
  state.idmap.empty_root = Pa{empty_root};
  state.idmap.pages = 2;
  return true;
}

void ReturnIdmap(State& state) {
  sidewall_plat_page_free(state.ctx, SIDEWALL_POOL_ATOMIC, state.idmap.root.value);
  sidewall_plat_page_free(state.ctx, SIDEWALL_POOL_ATOMIC, state.idmap.empty_root.value);
  state.idmap.pages = 0;
}

void MakeIdmap(State& state) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  const Tables tables(state.ctx, &state.idmap.counters);
  tables.MakeEmpty(state.idmap.root);
  tables.MakeEmpty(state.idmap.empty_root);
}

uint32_t VerifyIdmap(State& state) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  const Tables tables(state.ctx, &state.idmap.counters);
  const Idmap& idmap = state.idmap;
  Census census;
  if (!TreeIsSound(state, tables, &census)) return __LINE__;
  if (census.leaves != idmap.mapped_pages) return __LINE__;
  constexpr uint32_t kRoots = 2;
  if (census.tables + kRoots + idmap.spare.count != idmap.pages) return __LINE__;
  for (uint32_t i = 0; i < kTableEntries; ++i) {
    if (tables.Read(idmap.empty_root, i) != 0) return __LINE__;
  }
  return 0;
}

uint32_t ReturnSpareTables(State& state, uint64_t pages) {
  uint32_t returned = 0;
  while (returned < pages && returned < SpareTables::kMax) {
    uint64_t page = 0;
    {
      LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
      if (state.idmap.spare.count == 0) break;
      page = state.idmap.spare.page[--state.idmap.spare.count];
      --state.idmap.pages;
    }
    sidewall_plat_page_free(state.ctx, SIDEWALL_POOL_ATOMIC, page);
    ++returned;
  }
  return returned;
}

sidewall_result UpdateIdmap(State& state, uint64_t start, uint64_t end, uint32_t prot) {
  if (start > end || (prot & ~kProtAll) != 0) return Result(SIDEWALL_REFUSED);
  const bool take = prot == SIDEWALL_PROT_NONE;
  if (!take && (prot & SIDEWALL_PROT_RW) == 0) return Result(SIDEWALL_REFUSED);
  if (start == end) return Result(SIDEWALL_OK);
  // Nothing is mapped up there. A removal that only begins there may mean the memory that such an
  // address aliases; one that runs on into it means all that there is.
  if (take && start >= kFormatBit) return Result(SIDEWALL_REFUSED);
  const Span span = PageSpan(start, end, take);
  sidewall_result result = Result(SIDEWALL_OK);
  uint64_t position = span.first;
  for (uint32_t step = 0; step < kMaxSteps && position < span.last; ++step) {
    if (take) {
      position = TakeChunk(state, position, span.last);
      continue;
    }
    const uint64_t boundary = AlignDown(position, kChunkSize) + kChunkSize;
    const uint64_t stop = boundary < span.last ? boundary : span.last;
    if (GiveWithPool(state, position, stop, prot) != 0) {
      result.pages_needed = PagesWanted(state, position, span.last);
      break;
    }
    position = stop;
  }
  result.progress = Progress(start, end, span, position);
  return result;
}

sidewall_result CompleteIdmap(State& state, bool map) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  Idmap& idmap = state.idmap;
  if (idmap.unflushed == 0) return Result(SIDEWALL_OK);
  // A gain waits for nothing, unless a live page changed: its old form could still be refused.
  if (map && !idmap.live_change) return Result(SIDEWALL_OK);
  sidewall_plat_barrier(state.ctx);
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if ((idmap.unflushed & (1u << i)) == 0) continue;
    LockGuard unit_lock(state.ctx, state.smmu[i].lock_id);
    // Stage-2-only entries and combined ones alike carry the host's VMID.
    if (FlushHost(state.smmu[i])) idmap.unflushed &= ~(1u << i);
    SettleBanks(state.smmu[i]);
  }
  if (idmap.unflushed != 0) return Result(SIDEWALL_DEGRADED);
  idmap.live_change = false;
  return Result(SIDEWALL_OK);
}

}  // namespace SIDEWALL_NS
