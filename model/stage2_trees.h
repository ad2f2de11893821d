// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// An index of the live stage-2 trees, so that a store to a table costs what it changes: each pool
// page knows of which tree it is a table, at which level, and for which addresses.
//
//     trees.OnStore(pool_page, index, old_descriptor, new_descriptor);
//
// Only 4 KiB granule tables inside the pool are followed, each linked once. Whatever else a tree
// holds makes it wild: it is then taken to map everything, until nothing names it any more. A tree
// that is wild only because another one was there first is followed again once that one is gone.
#ifndef SIDEWALL_MODEL_STAGE2_TREES_H_
#define SIDEWALL_MODEL_STAGE2_TREES_H_

#include <stddef.h>
#include <stdint.h>

#include "model/memory.h"
#include "model/smmu_state.h"

namespace sidewall::model {

// 640 banks of five instances, and as many references as their TLBs can hold.
inline constexpr size_t kMaxTrees = 2048;

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
Stage2Geometry DecodeStage2(uint32_t tcr, uint64_t ttbr0);

// The meaning of a stage-2 descriptor at a level of a 4 KiB granule tree.
enum class DescriptorKind : uint8_t { kInvalid, kTable, kLeaf };
DescriptorKind KindOf(uint64_t descriptor, unsigned level, unsigned page_bits);
inline constexpr uint64_t kAddressMask = 0x0000fffffffff000;
constexpr uint8_t Stage2Permission(uint64_t descriptor) {
  return static_cast<uint8_t>(Bits(descriptor, 7, 6));  // S2AP: 1 read, 2 write
}

struct LeafChange;

// Told of what a store did to a tree; the machine passes it on and notes stale translations.
class TreeListener {
 public:
  virtual void OnTreeLeaf(uint16_t tree, const LeafChange& change) = 0;
  virtual void OnTreeLive(uint64_t root, bool live) = 0;
  virtual void OnTreeWild(uint64_t root) = 0;

 protected:
  ~TreeListener() = default;
};

struct Tree {
  uint64_t root;
  uint32_t bank_refs;   // enabled banks that name it
  uint32_t stale_refs;  // TLBs that may still hold it whole
  uint32_t root_pages;
  uint8_t start_level;
  uint8_t input_bits;
  uint8_t page_bits;
  bool wild;
  bool conflict;  // wild only because another tree was there first
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

  // A pool word changed. The store is already done.
  void OnStore(size_t pool_page, size_t index, uint64_t before, uint64_t after,
               TreeListener* listener);
  bool Indexed(size_t pool_page) const { return nodes_[pool_page].tree != kNoTree; }

  const Tree& tree(uint16_t i) const { return trees_[i]; }
  // Permission with which a tree maps any address to `page`; everything, for a wild tree.
  uint8_t PermissionOf(uint16_t tree, uint64_t page) const;
  // Calls fn(context, change) for each leaf page of a tree that is not wild.
  void ForEachLeaf(uint16_t tree, void (*fn)(void*, const LeafChange&), void* context) const;

  size_t tree_limit() const { return tree_limit_; }
  // How many trees are wild only because of another.
  size_t conflict_count() const { return conflict_count_; }
  // Snapshots: trees below the limit, and one node.
  void SaveTo(Tree* trees, TableNode* nodes) const;
  void RestoreTrees(const Tree* trees, size_t saved_limit);
  void RestoreNode(size_t pool_page, const TableNode& node) { nodes_[pool_page] = node; }

 private:
  uint16_t Find(const Stage2Geometry& geometry) const;
  bool SharesRoot(uint16_t tree) const;
  uint16_t Allocate();
  void Attach(uint16_t tree, TreeListener* listener);
  void SetNode(size_t pool_page, const TableNode& node);
  void LinkTable(uint16_t tree, uint64_t pa, unsigned level, uint64_t base, TreeListener* listener);
  void UnlinkTable(uint16_t tree, uint64_t pa, unsigned level, uint64_t base,
                   TreeListener* listener);
  void EmitLeaf(uint16_t tree, uint64_t descriptor, unsigned level, uint64_t ipa, bool added,
                TreeListener* listener) const;
  void MakeWild(uint16_t tree, bool conflict, TreeListener* listener);
  void Release(uint16_t tree);
  void Announce(uint16_t tree, TreeListener* listener) const;
  void Revive(uint16_t tree, TreeListener* listener);
  void Retire(uint16_t tree, TreeListener* listener);
  void VisitTable(const Tree& tree, uint64_t pa, unsigned level, uint64_t base,
                  void (*fn)(void*, const LeafChange&), void* context) const;

  Memory* memory_ = nullptr;
  TableNode* nodes_ = nullptr;
  Tree* trees_ = nullptr;
  uint32_t tree_limit_ = 0;
  uint32_t conflict_count_ = 0;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_STAGE2_TREES_H_
