// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/stage2_trees.h"

#include "model/machine.h"

namespace sidewall::model {

namespace {

constexpr uint8_t kOutputBits[8] = {32, 36, 40, 42, 44, 48, 48, 48};

// Address bits that one entry of a table at `level` spans.
constexpr unsigned Shift(unsigned level, unsigned page_bits) {
  return page_bits + (3 - level) * (page_bits - 3);
}

}  // namespace

Stage2Geometry DecodeStage2(uint32_t tcr, uint64_t ttbr0) {
  Stage2Geometry g;
  const unsigned t0sz = static_cast<unsigned>(Bits(tcr, 5, 0));
  const unsigned sl0 = static_cast<unsigned>(Bits(tcr, 7, 6));
  const unsigned tg0 = static_cast<unsigned>(Bits(tcr, 15, 14));
  g.output_bits = kOutputBits[Bits(tcr, 18, 16)];
  // A reserved or unimplemented granule acts as one that is implemented; which, is up to the
  // hardware. Shape 2 stands for "cannot be followed".
  g.page_bits = tg0 == 0 ? 12 : tg0 == 1 ? 16 : 14;
  g.input_bits = static_cast<uint8_t>(64 - t0sz);
  g.root = ttbr0 & kAddressMask;
  if (g.page_bits == 14) {
    g.valid = true;
    return g;
  }
  if (sl0 == 3) return g;
  // Ranges of T0SZ by start level: SL0 0, 1, 2.
  constexpr uint8_t kRange[2][3][2] = {{{30, 39}, {21, 33}, {16, 24}},
                                       {{31, 39}, {18, 34}, {16, 21}}};
  const uint8_t* range = kRange[g.page_bits == 16][sl0];
  if (t0sz < range[0] || t0sz > range[1]) return g;
  g.start_level = static_cast<uint8_t>((g.page_bits == 12 ? 2 : 3) - sl0);
  const unsigned entry_bits = g.input_bits - Shift(g.start_level, g.page_bits);
  const unsigned table_bits = entry_bits + 3;
  g.root = ttbr0 & Bits(~uint64_t{0}, 47, 0) & ~((uint64_t{1} << table_bits) - 1);
  g.root_pages = table_bits > 12 ? 1u << (table_bits - 12) : 1;
  g.valid = true;
  return g;
}

DescriptorKind KindOf(uint64_t descriptor, unsigned level, unsigned page_bits) {
  const uint64_t type = descriptor & 3;
  if (level == 3) return type == 3 ? DescriptorKind::kLeaf : DescriptorKind::kInvalid;
  if (type == 3) return DescriptorKind::kTable;
  const bool block_allowed = level == 2 || (level == 1 && page_bits == 12);
  return type == 1 && block_allowed ? DescriptorKind::kLeaf : DescriptorKind::kInvalid;
}

size_t Stage2Trees::WorkSize(size_t pool_pages) {
  return kMaxTrees * sizeof(Tree) + pool_pages * sizeof(TableNode);
}

void Stage2Trees::Reset(void* work, Memory* memory) {
  memory_ = memory;
  trees_ = static_cast<Tree*>(work);
  nodes_ = reinterpret_cast<TableNode*>(trees_ + kMaxTrees);
  tree_limit_ = 0;
  conflict_count_ = 0;
  for (size_t i = 0; i < memory->pool_pages(); ++i) nodes_[i] = {0, kNoTree, 0};
}

void Stage2Trees::SetNode(size_t pool_page, const TableNode& node) {
  memory_->TouchPool(pool_page);
  nodes_[pool_page] = node;
}

uint16_t Stage2Trees::Find(const Stage2Geometry& g) const {
  for (uint32_t i = 0; i < tree_limit_; ++i) {
    const Tree& tree = trees_[i];
    if (!tree.used || tree.root != g.root) continue;
    if (tree.start_level == g.start_level && tree.input_bits == g.input_bits &&
        tree.page_bits == g.page_bits) {
      return static_cast<uint16_t>(i);
    }
  }
  return kNoTree;
}

bool Stage2Trees::SharesRoot(uint16_t index) const {
  for (uint32_t i = 0; i < tree_limit_; ++i) {
    if (i != index && trees_[i].used && trees_[i].root == trees_[index].root) return true;
  }
  return false;
}

uint16_t Stage2Trees::Allocate() {
  for (uint32_t i = 0; i < tree_limit_; ++i) {
    if (!trees_[i].used) return static_cast<uint16_t>(i);
  }
  // There are more slots than references, so this cannot run out.
  return static_cast<uint16_t>(tree_limit_++);
}

uint16_t Stage2Trees::AddBank(const Stage2Geometry& g, TreeListener* listener) {
  uint16_t index = Find(g);
  if (index == kNoTree) {
    index = Allocate();
    Tree& tree = trees_[index];
    tree = {.root = g.root,
            .bank_refs = 0,
            .stale_refs = 0,
            .root_pages = g.root_pages,
            .start_level = g.start_level,
            .input_bits = g.input_bits,
            .page_bits = g.page_bits,
            .wild = false,
            .conflict = false,
            .used = true};
    const bool shares_root = SharesRoot(index);
    if (!shares_root) listener->OnTreeLive(g.root, true);
    // A table smaller than a page need not start at one; none of ours is.
    const bool followable = g.page_bits == 12 && g.root % kPageSize == 0;
    if (shares_root || !followable) {
      MakeWild(index, followable, listener);
    } else {
      Attach(index, listener);
    }
  }
  ++trees_[index].bank_refs;
  return index;
}

void Stage2Trees::Attach(uint16_t index, TreeListener* listener) {
  const Tree& tree = trees_[index];
  const unsigned shift = Shift(tree.start_level, 12) + 9;
  for (uint32_t i = 0; i < tree.root_pages && !tree.wild; ++i) {
    LinkTable(index, tree.root + i * kPageSize, tree.start_level, uint64_t{i} << shift, listener);
  }
}

void Stage2Trees::DropBank(uint16_t index, TreeListener* listener) {
  Tree& tree = trees_[index];
  if (--tree.bank_refs == 0 && tree.stale_refs == 0) Retire(index, listener);
}

void Stage2Trees::DropStale(uint16_t index, TreeListener* listener) {
  Tree& tree = trees_[index];
  if (--tree.stale_refs == 0 && tree.bank_refs == 0) Retire(index, listener);
}

void Stage2Trees::Release(uint16_t index) {
  for (size_t i = 0; i < memory_->pool_pages(); ++i) {
    if (nodes_[i].tree == index) SetNode(i, {0, kNoTree, 0});
  }
}

// Says of a tree that was just announced what it maps.
void Stage2Trees::Announce(uint16_t index, TreeListener* listener) const {
  if (trees_[index].wild) {
    listener->OnTreeWild(trees_[index].root);
    return;
  }
  struct Context {
    TreeListener* listener;
    uint16_t tree;
  } context = {listener, index};
  ForEachLeaf(
      index,
      [](void* c, const LeafChange& change) {
        auto* to = static_cast<Context*>(c);
        to->listener->OnTreeLeaf(to->tree, change);
      },
      &context);
}

void Stage2Trees::Retire(uint16_t index, TreeListener* listener) {
  Tree& tree = trees_[index];
  const uint64_t root = tree.root;
  tree.used = false;
  if (!tree.wild) Release(index);
  if (tree.conflict) --conflict_count_;
  while (tree_limit_ > 0 && !trees_[tree_limit_ - 1].used) --tree_limit_;
  listener->OnTreeLive(root, false);
  // Trees of another shape over the same root were announced under the one name: announce again
  // what is left of them.
  bool announced = false;
  for (uint32_t i = 0; i < tree_limit_; ++i) {
    if (!trees_[i].used || trees_[i].root != root) continue;
    if (!announced) listener->OnTreeLive(root, true);
    announced = true;
    Announce(static_cast<uint16_t>(i), listener);
  }
  for (uint32_t i = 0; i < tree_limit_ && conflict_count_ != 0; ++i) {
    if (trees_[i].used && trees_[i].conflict) Revive(static_cast<uint16_t>(i), listener);
  }
}

// Tries to follow a tree again whose conflict may have ended. The listener hears of it only when
// that succeeds, since a tree that stays wild is no news.
void Stage2Trees::Revive(uint16_t index, TreeListener* listener) {
  class Silence final : public TreeListener {
   public:
    void OnTreeLeaf(uint16_t, const LeafChange&) override {}
    void OnTreeLive(uint64_t, bool) override {}
    void OnTreeWild(uint64_t) override {}
  } silence;
  if (SharesRoot(index)) return;
  Tree& tree = trees_[index];
  tree.wild = tree.conflict = false;
  --conflict_count_;
  Attach(index, &silence);
  if (tree.wild) return;
  listener->OnTreeLive(tree.root, false);
  listener->OnTreeLive(tree.root, true);
  Announce(index, listener);
}

void Stage2Trees::MakeWild(uint16_t index, bool conflict, TreeListener* listener) {
  Tree& tree = trees_[index];
  if (tree.wild) return;
  tree.wild = true;
  tree.conflict = conflict;
  if (conflict) ++conflict_count_;
  Release(index);
  listener->OnTreeWild(tree.root);
}

void Stage2Trees::EmitLeaf(uint16_t index, uint64_t descriptor, unsigned level, uint64_t ipa,
                           bool added, TreeListener* listener) const {
  LeafChange change;
  change.root = trees_[index].root;
  change.perm = Stage2Permission(descriptor);
  change.added = added;
  if (change.perm == 0) return;
  const uint64_t size = uint64_t{1} << Shift(level, 12);
  const uint64_t page = descriptor & kAddressMask & ~(size - 1);
  for (uint64_t offset = 0; offset < size; offset += kPageSize) {
    change.ipa = ipa + offset;
    change.page = page + offset;
    listener->OnTreeLeaf(index, change);
  }
}

// Recurses at most three levels deep: a table one level down has a greater level number.
void Stage2Trees::LinkTable(uint16_t index, uint64_t pa, unsigned level, uint64_t base,
                            TreeListener* listener) {
  const size_t page = memory_->PoolIndex(pa);
  const uint16_t owner = page == Memory::kNoPage ? index : nodes_[page].tree;
  if (owner != kNoTree) {
    MakeWild(index, owner != index, listener);
    return;
  }
  SetNode(page, {base, index, static_cast<uint8_t>(level)});
  const Tree& tree = trees_[index];
  const uint64_t* table = memory_->pool_page(page);
  for (size_t i = 0; i < kPageWords && !tree.wild; ++i) {
    const uint64_t ipa = base + (uint64_t{i} << Shift(level, 12));
    if (ipa >> tree.input_bits != 0) break;
    const DescriptorKind kind = KindOf(table[i], level, 12);
    if (kind == DescriptorKind::kLeaf) {
      EmitLeaf(index, table[i], level, ipa, true, listener);
    } else if (kind == DescriptorKind::kTable) {
      LinkTable(index, table[i] & kAddressMask, level + 1, ipa, listener);
    }
  }
}

void Stage2Trees::UnlinkTable(uint16_t index, uint64_t pa, unsigned level, uint64_t base,
                              TreeListener* listener) {
  const size_t page = memory_->PoolIndex(pa);
  if (page == Memory::kNoPage) return;
  const TableNode node = nodes_[page];
  if (node.tree != index || node.level != level || node.base != base) return;
  SetNode(page, {0, kNoTree, 0});
  const uint64_t* table = memory_->pool_page(page);
  for (size_t i = 0; i < kPageWords; ++i) {
    const uint64_t ipa = base + (uint64_t{i} << Shift(level, 12));
    const DescriptorKind kind = KindOf(table[i], level, 12);
    if (kind == DescriptorKind::kLeaf) {
      EmitLeaf(index, table[i], level, ipa, false, listener);
    } else if (kind == DescriptorKind::kTable) {
      UnlinkTable(index, table[i] & kAddressMask, level + 1, ipa, listener);
    }
  }
}

void Stage2Trees::OnStore(size_t pool_page, size_t word, uint64_t before, uint64_t after,
                          TreeListener* listener) {
  const TableNode node = nodes_[pool_page];
  if (node.tree == kNoTree || before == after) return;
  const unsigned level = node.level;
  const uint64_t ipa = node.base + (uint64_t{word} << Shift(level, 12));
  if (ipa >> trees_[node.tree].input_bits != 0) return;
  const DescriptorKind old_kind = KindOf(before, level, 12);
  const DescriptorKind new_kind = KindOf(after, level, 12);
  if (old_kind == new_kind && ((before ^ after) & kAddressMask) == 0) {
    const bool same =
        old_kind != DescriptorKind::kLeaf || Stage2Permission(before) == Stage2Permission(after);
    if (same) return;
  }
  if (old_kind == DescriptorKind::kLeaf) {
    EmitLeaf(node.tree, before, level, ipa, false, listener);
  } else if (old_kind == DescriptorKind::kTable) {
    UnlinkTable(node.tree, before & kAddressMask, level + 1, ipa, listener);
  }
  if (new_kind == DescriptorKind::kLeaf) {
    EmitLeaf(node.tree, after, level, ipa, true, listener);
  } else if (new_kind == DescriptorKind::kTable) {
    LinkTable(node.tree, after & kAddressMask, level + 1, ipa, listener);
  }
}

// A pure walk of the tables, over claimed pages only, so it ends.
void Stage2Trees::VisitTable(const Tree& tree, uint64_t pa, unsigned level, uint64_t base,
                             void (*fn)(void*, const LeafChange&), void* context) const {
  const size_t page = memory_->PoolIndex(pa);
  if (page == Memory::kNoPage) return;
  const uint64_t* table = memory_->pool_page(page);
  for (size_t i = 0; i < kPageWords; ++i) {
    const uint64_t size = uint64_t{1} << Shift(level, 12);
    const uint64_t ipa = base + i * size;
    if (ipa >> tree.input_bits != 0) break;
    const DescriptorKind kind = KindOf(table[i], level, 12);
    if (kind == DescriptorKind::kTable) {
      VisitTable(tree, table[i] & kAddressMask, level + 1, ipa, fn, context);
    } else if (kind == DescriptorKind::kLeaf && Stage2Permission(table[i]) != 0) {
      LeafChange change;
      change.root = tree.root;
      change.perm = Stage2Permission(table[i]);
      change.added = true;
      for (uint64_t offset = 0; offset < size; offset += kPageSize) {
        change.ipa = ipa + offset;
        change.page = (table[i] & kAddressMask & ~(size - 1)) + offset;
        fn(context, change);
      }
    }
  }
}

void Stage2Trees::ForEachLeaf(uint16_t index, void (*fn)(void*, const LeafChange&),
                              void* context) const {
  const Tree& tree = trees_[index];
  if (tree.wild) return;
  const unsigned shift = Shift(tree.start_level, 12) + 9;
  for (uint32_t i = 0; i < tree.root_pages; ++i) {
    VisitTable(tree, tree.root + i * kPageSize, tree.start_level, uint64_t{i} << shift, fn,
               context);
  }
}

uint8_t Stage2Trees::PermissionOf(uint16_t index, uint64_t page) const {
  if (trees_[index].wild) return kPermRead | kPermWrite;
  struct Context {
    uint64_t page;
    uint8_t perm;
  } context = {page, 0};
  ForEachLeaf(
      index,
      [](void* c, const LeafChange& leaf) {
        auto* to = static_cast<Context*>(c);
        if (leaf.page == to->page) to->perm |= leaf.perm;
      },
      &context);
  return context.perm;
}

void Stage2Trees::SaveTo(Tree* trees, TableNode* nodes) const {
  __builtin_memcpy(trees, trees_, tree_limit_ * sizeof(Tree));
  __builtin_memcpy(nodes, nodes_, memory_->pool_pages() * sizeof(TableNode));
}

void Stage2Trees::RestoreTrees(const Tree* trees, size_t saved_limit) {
  __builtin_memcpy(trees_, trees, saved_limit * sizeof(Tree));
  tree_limit_ = static_cast<uint32_t>(saved_limit);
  conflict_count_ = 0;
  for (uint32_t i = 0; i < tree_limit_; ++i) {
    if (trees_[i].used && trees_[i].conflict) ++conflict_count_;
  }
}

}  // namespace sidewall::model
