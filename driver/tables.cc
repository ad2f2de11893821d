// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/tables.h"

#include "driver/state.h"

namespace SIDEWALL_NS {
namespace {

// Narrows [pa, segment->end) to where its relation to [start, end) does not change.
bool Narrow(uint64_t pa, uint64_t start, uint64_t end, Segment* segment) {
  if (pa >= start && pa < end) {
    if (end < segment->end) segment->end = end;
    return true;
  }
  if (start > pa && start < segment->end) segment->end = start;
  return false;
}

// Pages that only EL2 touches are in no stage 2; a page that such a range touches in part counts.
bool NarrowForbidden(const State& state, uint64_t pa, Segment* segment) {
  bool forbidden = false;
  for (uint32_t i = 0; i < state.cfg.el2_range_count; ++i) {
    const sidewall_range& range = state.cfg.el2_range[i];
    forbidden |= Narrow(pa, AlignDown(range.start, kPageSize),
                        AlignUp(range.start + range.size, kPageSize), segment);
  }
  for (uint32_t i = 0; i < state.cfg.mc_window_count; ++i) {
    const sidewall_range& range = state.cfg.mc_window[i];
    forbidden |= Narrow(pa, range.start, range.start + range.size, segment);
  }
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    const Smmu& smmu = state.smmu[i];
    for (uint32_t j = 0; j < smmu.instance_count; ++j) {
      forbidden |= Narrow(pa, smmu.window[j], smmu.window[j] + smmu.window_size, segment);
    }
  }
  return forbidden;
}

}  // namespace

Segment SegmentAt(const State& state, uint64_t pa, uint64_t limit) {
  Segment segment{limit, MemoryKind::kDevice};
  bool dram = false;
  for (uint32_t i = 0; i < state.cfg.dram_count; ++i) {
    const sidewall_range& range = state.cfg.dram[i];
    dram |= Narrow(pa, range.start, range.start + range.size, &segment);
  }
  if (dram) segment.kind = MemoryKind::kDram;
  if (NarrowForbidden(state, pa, &segment)) segment.kind = MemoryKind::kForbidden;
  return segment;
}

uint64_t LeafBits(MemoryKind kind, uint32_t prot) {
  uint64_t bits = descriptor::kTableOrPage | descriptor::kAccessFlag;
  if ((prot & SIDEWALL_PROT_R) != 0) bits |= descriptor::kS2apRead;
  if ((prot & SIDEWALL_PROT_W) != 0) bits |= descriptor::kS2apWrite;
  const bool device = kind == MemoryKind::kDevice || (prot & SIDEWALL_PROT_MMIO) != 0;
  bits |= device ? descriptor::kMemAttrDevice
                 : descriptor::kMemAttrNormal | descriptor::kInnerShareable;
  if (device || (prot & SIDEWALL_PROT_NOEXEC) != 0) bits |= descriptor::kExecuteNever;
  return bits;
}

Path FindPath(const Tables& tables, Pa root, uint64_t ipa) {
  Path path{root, 0};
  while (path.level < kLeafLevel) {
    const uint64_t entry = tables.Read(path.table, IndexAt(ipa, path.level));
    if (!IsTable(entry, path.level)) break;
    path.table = Pa{entry & descriptor::kAddressMask};
    ++path.level;
  }
  return path;
}

Pa MakeTables(const Tables& tables, Path path, uint64_t ipa, uint32_t level, SpareTables& spare) {
  while (path.level < level) {
    const Pa child{spare.page[--spare.count]};
    const uint32_t index = IndexAt(ipa, path.level);
    tables.MakeEmpty(child);
    tables.Write(path.table, index, child.value | descriptor::kTableOrPage);
    tables.Clean(path.table, index, 1);
    path.table = child;
    ++path.level;
  }
  return path.table;
}

uint32_t TablesWanted(uint64_t position, uint64_t end, uint32_t kept) {
  uint64_t pages = 0;
  for (uint32_t level = 0; level < kLeafLevel; ++level) {
    const uint32_t shift = LevelShift(level);
    pages += ((end - 1) >> shift) - (position >> shift) + 1;
  }
  pages -= kept < pages ? kept : pages - 1;
  return static_cast<uint32_t>(pages);
}

uint64_t TablePage(void* ctx, uint32_t pool) {
  const uint64_t page = sidewall_plat_page_alloc(ctx, pool);
  // A page that no descriptor can hold would be the hypervisor's own error.
  if ((page & ~descriptor::kAddressMask) != 0) sidewall_plat_panic(ctx, __LINE__);
  return page;
}

}  // namespace SIDEWALL_NS
