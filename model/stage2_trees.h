// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// An index of the live stage-2 trees, so that a store to a table costs what it changes: each pool
// page knows of which tree it is a table, at which level, and for which addresses.
//
//     trees.OnNewValue(pool_page, index, old_descriptor, new_descriptor);   // stored
//     trees.OnOldGone(pool_page, index, old_descriptor);                    // and visible
//
// A word counts with every value that a walker may find in it (see model/visibility.h): what a
// store adds counts at once, what it takes away ends when the store has become visible.
//
// Tables of 4 KiB and 64 KiB granule inside the pool are followed, each page linked once. Whatever
// else a tree holds makes it wild: it is then taken to map everything, until nothing names it any
// more. A tree that is wild only because another one was there first is followed again once that
// one is gone.
//
// A table that is unlinked from a tree stays a tree of its own (`walk`) as long as a walk cache may
// hold a pointer to it: it starts at the level and the address that it had. Its pages go to the
// tree that links them next.
#ifndef SIDEWALL_MODEL_STAGE2_TREES_H_
#define SIDEWALL_MODEL_STAGE2_TREES_H_

#include <stddef.h>
#include <stdint.h>

#include "model/memory.h"
#include "model/smmu_state.h"

namespace sidewall::model {

// 640 banks of five instances, and as many references as their TLBs can hold.
inline constexpr size_t kMaxTrees = 2048;

// IDR2.PTFS: whether the hardware has a granule of 2^page_bits bytes. None here has 16 KiB.
constexpr bool HasGranule(uint32_t idr2, unsigned page_bits) {
  return (page_bits == 12 && Bit(idr2, 12)) || (page_bits == 16 && Bit(idr2, 14));
}

// What a bank's TCR says about the shape of a stage-2 tree.
struct Stage2Geometry {
  bool valid = false;  // false: every translation faults
  uint8_t start_level = 0;
  uint8_t input_bits = 0;
  uint8_t page_bits = 12;    // 12, 14 or 16: the granule
  uint8_t output_bits = 48;  // PASize
  uint64_t root = 0;         // TTBR0, with the bits below the table's size cleared
  uint32_t root_pages = 1;   // concatenated start-level tables, in 4 KiB pages
};
Stage2Geometry DecodeStage2(uint32_t tcr, uint64_t ttbr0, uint32_t idr2);

// The meaning of a stage-2 descriptor at a level.
enum class DescriptorKind : uint8_t { kInvalid, kTable, kLeaf };
DescriptorKind KindOf(uint64_t descriptor, unsigned level, unsigned page_bits);
inline constexpr uint64_t kAddressMask = 0x0000fffffffff000;
constexpr uint8_t Stage2Permission(uint64_t descriptor) {
  return static_cast<uint8_t>(Bits(descriptor, 7, 6));  // S2AP: 1 read, 2 write
}
// What a stage-2 leaf says apart from its address, as a TLB keeps it, and back to a descriptor:
// MemAttr, S2AP, SH and AF as they follow each other there, and XN above them.
constexpr uint16_t LeafAttributes(uint64_t descriptor) {
  return static_cast<uint16_t>(Bits(descriptor, 10, 2) | Bits(descriptor, 54, 54) << 9);
}
constexpr uint64_t LeafDescriptor(uint16_t attributes) {
  return Bits(attributes, 8, 0) << 2 | Bits(attributes, 9, 9) << 54;
}

// A leaf that answers for one page of 4 KiB.
struct LeafAnswer {
  uint64_t page = 0;
  uint16_t attributes = 0;
  uint8_t leaf_bits = 12;  // log2 of the size of the leaf
};

struct LeafChange;

// Told of what a store did to a tree; the machine passes it on and notes stale translations.
class TreeListener {
 public:
  virtual void OnTreeLeaf(uint16_t tree, const LeafChange& change) = 0;
  virtual void OnTreeLive(uint64_t root, bool live) = 0;
  virtual void OnTreeWild(uint64_t root) = 0;
  // A table was unlinked from a tree, its leaves told as removed; a walk cache may still hold it.
  virtual void OnTableUnlinked(uint16_t tree, uint64_t pa, unsigned level, uint64_t base) = 0;
  // `by` links a page of the walk tree `walk`, which has to end or to be made wild. same: it is
  // the root of that tree, at the place where it was.
  virtual void OnTableTaken(uint16_t walk, uint16_t by, bool same) = 0;

 protected:
  ~TreeListener() = default;
};

struct Tree {
  uint64_t root;
  uint64_t base;        // first address that it maps; 0 unless it is a walk tree
  uint32_t bank_refs;   // enabled banks that name it
  uint32_t stale_refs;  // TLBs that may still hold it whole
  uint32_t root_pages;
  uint8_t start_level;
  uint8_t input_bits;
  uint8_t page_bits;
  bool wild;
  bool conflict;  // wild only because another tree was there first
  bool walk;      // unlinked from its tree, and held by walk caches only
  bool used;
};

struct TableNode {
  uint64_t base;  // first address that the table maps
  uint16_t tree;  // kNoTree: not a table of a live tree
  uint8_t level;
};

class Stage2Trees {
 public:
  static size_t WorkSize(size_t pool_pages);
  void Reset(void* work, Memory* memory);

  // The tree of this shape; becomes live when nothing named it before.
  uint16_t AddBank(const Stage2Geometry& geometry, TreeListener* listener);
  void DropBank(uint16_t tree, TreeListener* listener);
  void AddStale(uint16_t tree) { ++trees_[tree].stale_refs; }
  void DropStale(uint16_t tree, TreeListener* listener);
  // A walk tree of the table that was unlinked from `of`; it has no reference yet, and ends with
  // its last one, or in DropUnused.
  uint16_t AddWalk(uint16_t of, uint64_t pa, unsigned level, uint64_t base, TreeListener* listener);
  void DropUnused(uint16_t tree, TreeListener* listener);
  void MakeWild(uint16_t tree, bool conflict, TreeListener* listener);

  // A pool word got another value, which is stored already while `before` is not yet noted.
  void OnNewValue(size_t pool_page, size_t word, uint64_t before, uint64_t after,
                  TreeListener* listener);
  // No walker can see `old` in this word any more, and it is noted nowhere.
  void OnOldGone(size_t pool_page, size_t word, uint64_t old, TreeListener* listener);
  // An old value of this word could not be noted: whatever tree the page is in is wild, and so is
  // each that links a table from now on.
  void OnLost(size_t pool_page, TreeListener* listener);
  bool Indexed(size_t pool_page) const { return nodes_[pool_page].tree != kNoTree; }

  const Tree& tree(uint16_t i) const { return trees_[i]; }
  const TableNode& node(size_t pool_page) const { return nodes_[pool_page]; }
  // Permission with which a tree maps any address to `page`; everything, for a wild tree.
  uint8_t PermissionOf(uint16_t tree, uint64_t page) const;
  // Calls fn(context, change) for each leaf page of a tree that is not wild.
  void ForEachLeaf(uint16_t tree, void (*fn)(void*, const LeafChange&), void* context) const;

  // The leaf that a walk from the root of a tree meets now, as the newest stores say. False: none.
  bool LookUp(uint16_t tree, uint64_t ipa, LeafAnswer* leaf) const;
  // Addresses that a walk tree maps: log2 of their number.
  unsigned SpanBits(uint16_t tree) const;

  size_t tree_limit() const { return tree_limit_; }
  // How many trees are wild only because of another.
  size_t conflict_count() const { return conflict_count_; }
  // Snapshots: trees below the limit, and one node.
  void SaveTo(Tree* trees, TableNode* nodes) const;
  void RestoreTrees(const Tree* trees, const Stage2Trees& saved);
  void RestoreNode(size_t pool_page, const TableNode& node) { nodes_[pool_page] = node; }

 private:
  uint16_t Find(const Stage2Geometry& geometry) const;
  bool SharesRoot(uint16_t tree) const;
  uint16_t Allocate();
  void Attach(uint16_t tree, TreeListener* listener);
  void SetNode(size_t pool_page, const TableNode& node);
  bool ClaimPage(uint16_t tree, size_t page, unsigned level, uint64_t base, TreeListener* listener);
  void LinkPage(uint16_t tree, uint64_t pa, unsigned level, uint64_t base, TreeListener* listener);
  void UnlinkPage(uint16_t tree, uint64_t pa, unsigned level, uint64_t base,
                  TreeListener* listener);
  void Enter(uint16_t tree, uint64_t descriptor, unsigned level, uint64_t ipa,
             TreeListener* listener);
  void Leave(uint16_t tree, uint64_t descriptor, unsigned level, uint64_t ipa,
             TreeListener* listener);
  void EmitLeaf(uint16_t tree, uint64_t descriptor, unsigned level, uint64_t ipa, bool added,
                TreeListener* listener) const;
  template <typename F>
  void ForEachOld(const Tree& tree, size_t page, size_t word, unsigned level, F f) const;
  void Release(uint16_t tree);
  void Announce(uint16_t tree, TreeListener* listener) const;
  void Revive(uint16_t tree, TreeListener* listener);
  void Retire(uint16_t tree, TreeListener* listener);
  struct Visit;
  void VisitPage(const Visit& visit, uint64_t pa, unsigned level, uint64_t base) const;
  void VisitValue(const Visit& visit, uint64_t descriptor, unsigned level, uint64_t ipa) const;

  Memory* memory_ = nullptr;
  TableNode* nodes_ = nullptr;
  Tree* trees_ = nullptr;
  uint32_t tree_limit_ = 0;
  uint32_t conflict_count_ = 0;
  bool lost_ = false;  // see OnLost
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_STAGE2_TREES_H_
