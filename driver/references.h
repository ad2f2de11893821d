// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Which pages a tree of a domain still refers to: those that its leaves map, and those that leaves
// mapped until their sync. They are collected under the lock and dropped without it.
//
//     References batch;
//     bool more = CollectUnmapped(tables, domain, &batch);   // at most kMax runs
//     ...unlock...
//     batch.Drop(ctx);
#ifndef SIDEWALL_DRIVER_REFERENCES_H_
#define SIDEWALL_DRIVER_REFERENCES_H_

#include "driver/state.h"

namespace SIDEWALL_NS {

// An unmapped leaf: invalid for hardware, with its address and how much it mapped.
namespace unmapped {
inline constexpr uint64_t kMark = uint64_t{1} << 2;
inline constexpr uint64_t kBlock = uint64_t{1} << 3;
constexpr uint64_t Leaf(uint64_t leaf, uint32_t level) {
  return (leaf & descriptor::kAddressMask) | kMark | (level == kBlockLevel ? kBlock : 0);
}
constexpr bool Is(uint64_t entry) {
  return (entry & descriptor::kTypeMask) == 0 && (entry & kMark) != 0;
}
static_assert((Leaf(~uint64_t{0}, kBlockLevel) & descriptor::kTypeMask) == 0);
}  // namespace unmapped

// True for a leaf that hardware uses. Above the leaf level only blocks are.
constexpr bool IsLeaf(uint64_t entry, uint32_t level) {
  const uint64_t type = entry & descriptor::kTypeMask;
  if (level == kLeafLevel) return type == descriptor::kTableOrPage;
  return level == kBlockLevel && type == descriptor::kBlock;
}

class References {
 public:
  static constexpr uint32_t kMax = 16;

  // False: there is no room for another run.
  [[nodiscard]] bool Add(uint64_t pa, uint64_t size);
  // No lock is held.
  void Drop(void* ctx) const;

 private:
  struct Run {
    uint64_t pa;
    uint64_t size;
  };
  Run run_[kMax];
  uint32_t count_ = 0;
};

// Takes unmapped leaves out of their slots, from domain.pending_first on. False: there are none
// left. The caller has flushed the domain.
bool CollectUnmapped(const Tables& tables, Domain& domain, References* batch);

// One step of taking a tree down that hardware cannot walk: some references, or one table that is
// empty, whose page is returned (0: none). The root comes last.
uint64_t TakeDown(const Tables& tables, Domain& domain, References* batch);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_REFERENCES_H_
