// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Stage-2 tables of EL2, 4 KiB granule, rooted at level 0: the host's identity and the trees of
// domains are built of the same parts.
//
//     const Tables tables(ctx, &counters);
//     Path path = FindPath(tables, root, address);           // as far down as there are tables
//     Pa table = MakeTables(tables, path, address, kLeafLevel, spare);
//     tables.Write(table, IndexAt(address, kLeafLevel), pa | LeafBits(kind, prot));
//
// A live entry above the leaf is written once, when its empty, cleaned table is published, and
// never again while hardware may walk the tree.
#ifndef SIDEWALL_DRIVER_TABLES_H_
#define SIDEWALL_DRIVER_TABLES_H_

#include "driver/plat.h"

namespace SIDEWALL_NS {

struct State;

inline constexpr uint32_t kLeafLevel = 3;
inline constexpr uint32_t kBlockLevel = 2;
inline constexpr uint32_t kIndexBits = 9;
inline constexpr uint32_t kTableEntries = 1u << kIndexBits;
// What one table of leaves covers, and the only size of block that is used.
inline constexpr uint64_t kChunkSize = uint64_t{1} << 21;

constexpr uint32_t LevelShift(uint32_t level) { return 12 + kIndexBits * (kLeafLevel - level); }
constexpr uint32_t IndexAt(uint64_t ipa, uint32_t level) {
  return static_cast<uint32_t>(ipa >> LevelShift(level)) & (kTableEntries - 1u);
}
static_assert(LevelShift(0) == 39 && LevelShift(kBlockLevel) == 21);

// Stage-2 descriptors.
namespace descriptor {
inline constexpr uint64_t kTypeMask = 3;
inline constexpr uint64_t kTableOrPage = 3;
inline constexpr uint64_t kBlock = 1;
inline constexpr uint64_t kAddressMask = 0x0000fffffffff000;
inline constexpr uint64_t kMemAttrNormal = uint64_t{0xf} << 2;  // inner and outer write-back
inline constexpr uint64_t kMemAttrDevice = uint64_t{0x1} << 2;  // nGnRE
inline constexpr uint64_t kS2apRead = uint64_t{1} << 6;
inline constexpr uint64_t kS2apWrite = uint64_t{1} << 7;
inline constexpr uint64_t kInnerShareable = uint64_t{3} << 8;
inline constexpr uint64_t kAccessFlag = uint64_t{1} << 10;
inline constexpr uint64_t kExecuteNever = uint64_t{1} << 54;
}  // namespace descriptor

inline constexpr uint32_t kProtAll = SIDEWALL_PROT_RW | SIDEWALL_PROT_MMIO | SIDEWALL_PROT_NOEXEC;

constexpr bool IsTable(uint64_t entry, uint32_t level) {
  return level < kLeafLevel && (entry & descriptor::kTypeMask) == descriptor::kTableOrPage;
}

// ---- What lies at an address.
enum class MemoryKind { kForbidden, kDram, kDevice };

struct Segment {
  uint64_t end = 0;
  MemoryKind kind = MemoryKind::kDevice;
};

// From pa to where the kind of memory changes, at most to `limit`.
Segment SegmentAt(const State& state, uint64_t pa, uint64_t limit);

// The bits of a page's leaf without its address.
uint64_t LeafBits(MemoryKind kind, uint32_t prot);

// ---- Tables.
struct Path {
  Pa table;            // the lowest table that is there
  uint32_t level = 0;  // its level; kLeafLevel when the table of leaves is there
};
Path FindPath(const Tables& tables, Pa root, uint64_t ipa);

// Pages that are to become tables, taken from a pool with no lock held.
struct SpareTables {
  static constexpr uint32_t kMax = 3;  // tables below the root that one page can need
  uint64_t page[kMax];
  uint32_t count;
};

// Goes down to the table of `level`, making those that are missing of spare pages; the caller has
// seen that there are enough. Each is empty and clean before it is published.
Pa MakeTables(const Tables& tables, Path path, uint64_t ipa, uint32_t level, SpareTables& spare);

// How many tables mapping [position, end) can need at most, apart from `kept` that are there.
uint32_t TablesWanted(uint64_t position, uint64_t end, uint32_t kept);

// A page of the pool, 0 when it is empty. No lock is held.
uint64_t TablePage(void* ctx, uint32_t pool);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_TABLES_H_
