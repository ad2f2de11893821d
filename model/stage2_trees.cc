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

// A table takes 16 pages of 4 KiB in a tree of 64 KiB granule.
constexpr uint32_t TablePages(unsigned page_bits) { return 1u << (page_bits - 12); }

// What the entries of one 4 KiB page of a table at `level` map.
constexpr uint64_t PageSpan(unsigned level, unsigned page_bits) {
  return uint64_t{kPageWords} << Shift(level, page_bits);
}

constexpr uint64_t OutputOf(uint64_t descriptor, unsigned low_bit) {
  return descriptor & kAddressMask & ~((uint64_t{1} << low_bit) - 1);
}

// True when two descriptors at one place mean the same to a walker, and to a TLB.
bool Same(uint64_t a, uint64_t b, unsigned level, unsigned page_bits) {
  const DescriptorKind kind = KindOf(a, level, page_bits);
  if (kind != KindOf(b, level, page_bits)) return false;
  if (kind == DescriptorKind::kInvalid) return true;
  if (kind == DescriptorKind::kTable) return OutputOf(a ^ b, page_bits) == 0;
  return OutputOf(a ^ b, Shift(level, page_bits)) == 0 && LeafAttributes(a) == LeafAttributes(b);
}

}  // namespace

Stage2Geometry DecodeStage2(uint32_t tcr, uint64_t ttbr0, uint32_t idr2) {
  Stage2Geometry g;
  const unsigned t0sz = static_cast<unsigned>(Bits(tcr, 5, 0));
  const unsigned sl0 = static_cast<unsigned>(Bits(tcr, 7, 6));
  const unsigned tg0 = static_cast<unsigned>(Bits(tcr, 15, 14));
  g.output_bits = kOutputBits[Bits(tcr, 18, 16)];
  // A reserved or unimplemented granule acts as one that is implemented; which, is up to the
  // hardware. Shape 2 stands for "cannot be followed".
  g.page_bits = tg0 == 0 ? 12 : tg0 == 1 ? 16 : 14;
  if (!HasGranule(idr2, g.page_bits)) g.page_bits = 14;
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
  lost_ = false;
  for (size_t i = 0; i < memory->pool_pages(); ++i) nodes_[i] = {0, kNoTree, 0};
}

void Stage2Trees::SetNode(size_t pool_page, const TableNode& node) {
  memory_->TouchPool(pool_page);
  nodes_[pool_page] = node;
}

uint16_t Stage2Trees::Find(const Stage2Geometry& g) const {
  for (uint32_t i = 0; i < tree_limit_; ++i) {
    const Tree& tree = trees_[i];
    if (!tree.used || tree.walk || tree.root != g.root) continue;
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
            .base = 0,
            .bank_refs = 0,
            .stale_refs = 0,
            .root_pages = g.root_pages,
            .start_level = g.start_level,
            .input_bits = g.input_bits,
            .page_bits = g.page_bits,
            .wild = false,
            .conflict = false,
            .walk = false,
            .used = true};
    const bool shares_root = SharesRoot(index);
    if (!shares_root) listener->OnTreeLive(g.root, true);
    // A table smaller than a page need not start at one; none of ours is.
    const bool followable = g.page_bits != 14 && g.root % kPageSize == 0;
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
  const uint64_t span = PageSpan(tree.start_level, tree.page_bits);
  for (uint32_t i = 0; i < tree.root_pages && !tree.wild; ++i) {
    LinkPage(index, tree.root + i * kPageSize, tree.start_level, tree.base + i * span, listener);
  }
}

uint16_t Stage2Trees::AddWalk(uint16_t of, uint64_t pa, unsigned level, uint64_t base,
                              TreeListener* listener) {
  const uint16_t index = Allocate();
  const Tree& parent = trees_[of];
  trees_[index] = {.root = pa,
                   .base = base,
                   .bank_refs = 0,
                   .stale_refs = 0,
                   .root_pages = TablePages(parent.page_bits),
                   .start_level = static_cast<uint8_t>(level),
                   .input_bits = parent.input_bits,
                   .page_bits = parent.page_bits,
                   .wild = false,
                   .conflict = false,
                   .walk = true,
                   .used = true};
  if (SharesRoot(index)) {
    MakeWild(index, true, listener);
  } else {
    listener->OnTreeLive(pa, true);
    Attach(index, listener);
  }
  return index;
}

void Stage2Trees::DropUnused(uint16_t index, TreeListener* listener) {
  const Tree& tree = trees_[index];
  if (tree.used && tree.bank_refs == 0 && tree.stale_refs == 0) Retire(index, listener);
}

unsigned Stage2Trees::SpanBits(uint16_t index) const {
  const Tree& tree = trees_[index];
  return Shift(tree.start_level, tree.page_bits) + tree.page_bits - 3;
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
    explicit Silence(TreeListener* to) : to_(to) {}
    void OnTreeLeaf(uint16_t, const LeafChange&) override {}
    void OnTreeLive(uint64_t, bool) override {}
    void OnTreeWild(uint64_t) override {}
    void OnTableUnlinked(uint16_t, uint64_t, unsigned, uint64_t) override {}
    void OnTableTaken(uint16_t walk, uint16_t by, bool same) override {
      to_->OnTableTaken(walk, by, same);
    }

   private:
    TreeListener* to_;
  } silence(listener);
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
  const unsigned shift = Shift(level, trees_[index].page_bits);
  LeafChange change;
  change.root = trees_[index].root;
  change.perm = Stage2Permission(descriptor);
  change.attributes = LeafAttributes(descriptor);
  change.added = added;
  change.leaf_bits = static_cast<uint8_t>(shift);
  change.block = level != 3;
  const uint64_t page = OutputOf(descriptor, shift);
  for (uint64_t offset = 0; offset < uint64_t{1} << shift; offset += kPageSize) {
    change.ipa = ipa + offset;
    change.page = page + offset;
    listener->OnTreeLeaf(index, change);
  }
}

// Calls f with each old value that a walker may find in a word, once for each meaning that neither
// the newest value nor an earlier call had.
template <typename F>
void Stage2Trees::ForEachOld(const Tree& tree, size_t page, size_t word, unsigned level,
                             F f) const {
  const PendingStores& pending = memory_->pending();
  const uint32_t first = pending.First(page, word);
  for (uint32_t slot = first; slot != PendingStores::kNone; slot = pending.Next(slot)) {
    const uint64_t value = pending.value(slot);
    bool seen = Same(value, memory_->pool_page(page)[word], level, tree.page_bits);
    for (uint32_t at = first; at != slot && !seen; at = pending.Next(at)) {
      seen = Same(value, pending.value(at), level, tree.page_bits);
    }
    if (!seen) f(value);
  }
}

// What a word holds becomes part of the tree. Recurses at most three levels deep: a table one level
// down has a greater level number.
void Stage2Trees::Enter(uint16_t index, uint64_t descriptor, unsigned level, uint64_t ipa,
                        TreeListener* listener) {
  const unsigned page_bits = trees_[index].page_bits;
  const DescriptorKind kind = KindOf(descriptor, level, page_bits);
  if (kind == DescriptorKind::kLeaf) EmitLeaf(index, descriptor, level, ipa, true, listener);
  if (kind != DescriptorKind::kTable) return;
  if (lost_) return MakeWild(index, false, listener);
  const uint64_t table = OutputOf(descriptor, page_bits);
  const uint64_t span = PageSpan(level + 1, page_bits);
  for (uint32_t i = 0; i < TablePages(page_bits) && !trees_[index].wild; ++i) {
    LinkPage(index, table + i * kPageSize, level + 1, ipa + i * span, listener);
  }
}

void Stage2Trees::Leave(uint16_t index, uint64_t descriptor, unsigned level, uint64_t ipa,
                        TreeListener* listener) {
  const unsigned page_bits = trees_[index].page_bits;
  const DescriptorKind kind = KindOf(descriptor, level, page_bits);
  if (kind == DescriptorKind::kLeaf) EmitLeaf(index, descriptor, level, ipa, false, listener);
  if (kind != DescriptorKind::kTable) return;
  const uint64_t table = OutputOf(descriptor, page_bits);
  const uint64_t span = PageSpan(level + 1, page_bits);
  for (uint32_t i = 0; i < TablePages(page_bits); ++i) {
    UnlinkPage(index, table + i * kPageSize, level + 1, ipa + i * span, listener);
  }
}

// False: the page cannot be followed, and the tree is wild.
bool Stage2Trees::ClaimPage(uint16_t index, size_t page, unsigned level, uint64_t base,
                            TreeListener* listener) {
  uint16_t owner = page == Memory::kNoPage ? index : nodes_[page].tree;
  if (owner != kNoTree && owner != index && trees_[owner].walk) {
    const Tree& walk = trees_[owner];
    const Tree& tree = trees_[index];
    const bool same = walk.root == memory_->PoolAddress(page) && walk.start_level == level &&
                      walk.base == base && walk.page_bits == tree.page_bits &&
                      walk.input_bits == tree.input_bits;
    listener->OnTableTaken(owner, index, same);
    owner = nodes_[page].tree;
  }
  if (owner != kNoTree) {
    MakeWild(index, owner != index, listener);
    return false;
  }
  SetNode(page, {base, index, static_cast<uint8_t>(level)});
  return true;
}

void Stage2Trees::LinkPage(uint16_t index, uint64_t pa, unsigned level, uint64_t base,
                           TreeListener* listener) {
  const size_t page = memory_->PoolIndex(pa);
  if (!ClaimPage(index, page, level, base, listener)) return;
  const Tree& tree = trees_[index];
  const unsigned shift = Shift(level, tree.page_bits);
  const uint64_t* table = memory_->pool_page(page);
  const bool pending = memory_->pending().count(page) != 0;
  for (size_t i = 0; i < kPageWords && !tree.wild; ++i) {
    const uint64_t ipa = base + (uint64_t{i} << shift);
    if (ipa >> tree.input_bits != 0) break;
    Enter(index, table[i], level, ipa, listener);
    if (!pending) continue;
    ForEachOld(tree, page, i, level, [&](uint64_t value) {
      if (!tree.wild) Enter(index, value, level, ipa, listener);
    });
  }
}

void Stage2Trees::UnlinkPage(uint16_t index, uint64_t pa, unsigned level, uint64_t base,
                             TreeListener* listener) {
  const size_t page = memory_->PoolIndex(pa);
  if (page == Memory::kNoPage) return;
  const TableNode node = nodes_[page];
  if (node.tree != index || node.level != level || node.base != base) return;
  SetNode(page, {0, kNoTree, 0});
  const Tree& tree = trees_[index];
  const unsigned shift = Shift(level, tree.page_bits);
  const uint64_t* table = memory_->pool_page(page);
  const bool pending = memory_->pending().count(page) != 0;
  for (size_t i = 0; i < kPageWords; ++i) {
    const uint64_t ipa = base + (uint64_t{i} << shift);
    if (ipa >> tree.input_bits != 0) break;
    Leave(index, table[i], level, ipa, listener);
    if (!pending) continue;
    ForEachOld(tree, page, i, level,
               [&](uint64_t value) { Leave(index, value, level, ipa, listener); });
  }
}

void Stage2Trees::OnNewValue(size_t pool_page, size_t word, uint64_t before, uint64_t after,
                             TreeListener* listener) {
  const TableNode node = nodes_[pool_page];
  if (node.tree == kNoTree) return;
  const Tree& tree = trees_[node.tree];
  const uint64_t ipa = node.base + (uint64_t{word} << Shift(node.level, tree.page_bits));
  if (ipa >> tree.input_bits != 0 || Same(before, after, node.level, tree.page_bits)) return;
  const PendingStores& pending = memory_->pending();
  uint32_t slot = pending.First(pool_page, word);
  for (; slot != PendingStores::kNone; slot = pending.Next(slot)) {
    if (Same(pending.value(slot), after, node.level, tree.page_bits)) return;
  }
  Enter(node.tree, after, node.level, ipa, listener);
}

void Stage2Trees::OnOldGone(size_t pool_page, size_t word, uint64_t old, TreeListener* listener) {
  const TableNode node = nodes_[pool_page];
  if (node.tree == kNoTree) return;
  const unsigned page_bits = trees_[node.tree].page_bits;
  const uint64_t ipa = node.base + (uint64_t{word} << Shift(node.level, page_bits));
  if (ipa >> trees_[node.tree].input_bits != 0) return;
  if (Same(old, memory_->pool_page(pool_page)[word], node.level, page_bits)) return;
  const PendingStores& pending = memory_->pending();
  uint32_t slot = pending.First(pool_page, word);
  for (; slot != PendingStores::kNone; slot = pending.Next(slot)) {
    if (Same(pending.value(slot), old, node.level, page_bits)) return;
  }
  Leave(node.tree, old, node.level, ipa, listener);
  if (KindOf(old, node.level, page_bits) != DescriptorKind::kTable) return;
  listener->OnTableUnlinked(node.tree, OutputOf(old, page_bits), node.level + 1u, ipa);
}

void Stage2Trees::OnLost(size_t pool_page, TreeListener* listener) {
  lost_ = true;
  if (nodes_[pool_page].tree != kNoTree) MakeWild(nodes_[pool_page].tree, false, listener);
}

struct Stage2Trees::Visit {
  const Tree& tree;
  uint16_t index;
  void (*fn)(void*, const LeafChange&);
  void* context;
};

void Stage2Trees::VisitValue(const Visit& visit, uint64_t descriptor, unsigned level,
                             uint64_t ipa) const {
  const unsigned page_bits = visit.tree.page_bits;
  const DescriptorKind kind = KindOf(descriptor, level, page_bits);
  if (kind == DescriptorKind::kTable) {
    const uint64_t table = OutputOf(descriptor, page_bits);
    const uint64_t span = PageSpan(level + 1, page_bits);
    for (uint32_t i = 0; i < TablePages(page_bits); ++i) {
      VisitPage(visit, table + i * kPageSize, level + 1, ipa + i * span);
    }
  } else if (kind == DescriptorKind::kLeaf && Stage2Permission(descriptor) != 0) {
    const unsigned shift = Shift(level, page_bits);
    LeafChange change;
    change.root = visit.tree.root;
    change.perm = Stage2Permission(descriptor);
    change.attributes = LeafAttributes(descriptor);
    change.added = true;
    change.leaf_bits = static_cast<uint8_t>(shift);
    change.block = level != 3;
    for (uint64_t offset = 0; offset < uint64_t{1} << shift; offset += kPageSize) {
      change.ipa = ipa + offset;
      change.page = OutputOf(descriptor, shift) + offset;
      visit.fn(visit.context, change);
    }
  }
}

// A pure walk of the tables, over claimed pages only, so it ends.
void Stage2Trees::VisitPage(const Visit& visit, uint64_t pa, unsigned level, uint64_t base) const {
  const size_t page = memory_->PoolIndex(pa);
  if (page == Memory::kNoPage || nodes_[page].tree != visit.index) return;
  const unsigned shift = Shift(level, visit.tree.page_bits);
  const uint64_t* table = memory_->pool_page(page);
  const bool pending = memory_->pending().count(page) != 0;
  for (size_t i = 0; i < kPageWords; ++i) {
    const uint64_t ipa = base + (uint64_t{i} << shift);
    if (ipa >> visit.tree.input_bits != 0) break;
    VisitValue(visit, table[i], level, ipa);
    if (!pending) continue;
    ForEachOld(visit.tree, page, i, level,
               [&](uint64_t value) { VisitValue(visit, value, level, ipa); });
  }
}

void Stage2Trees::ForEachLeaf(uint16_t index, void (*fn)(void*, const LeafChange&),
                              void* context) const {
  const Tree& tree = trees_[index];
  if (tree.wild) return;
  const Visit visit = {tree, index, fn, context};
  const uint64_t span = PageSpan(tree.start_level, tree.page_bits);
  for (uint32_t i = 0; i < tree.root_pages; ++i) {
    VisitPage(visit, tree.root + i * kPageSize, tree.start_level, tree.base + i * span);
  }
}

bool Stage2Trees::LookUp(uint16_t index, uint64_t ipa, LeafAnswer* leaf) const {
  const Tree& tree = trees_[index];
  if (tree.page_bits == 14 || ipa >> tree.input_bits != 0 || ipa < tree.base) return false;
  uint64_t table = tree.root;
  uint64_t in = ipa - tree.base;
  if (tree.walk && in >> SpanBits(index) != 0) return false;
  for (unsigned level = tree.start_level; level <= 3; ++level) {
    const unsigned shift = Shift(level, tree.page_bits);
    const uint64_t where = table + (in >> shift) * sizeof(uint64_t);
    const uint64_t descriptor = memory_->Load64(memory_->WithoutFormat(where));
    const DescriptorKind kind = KindOf(descriptor, level, tree.page_bits);
    if (kind == DescriptorKind::kInvalid) return false;
    in &= (uint64_t{1} << shift) - 1;
    if (kind == DescriptorKind::kLeaf) {
      leaf->page = OutputOf(descriptor, shift) | (in & ~(kPageSize - 1));
      leaf->attributes = LeafAttributes(descriptor);
      leaf->leaf_bits = static_cast<uint8_t>(shift);
      return true;
    }
    table = OutputOf(descriptor, tree.page_bits);
  }
  return false;
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

void Stage2Trees::RestoreTrees(const Tree* trees, const Stage2Trees& saved) {
  tree_limit_ = saved.tree_limit_;
  lost_ = saved.lost_;
  __builtin_memcpy(trees_, trees, tree_limit_ * sizeof(Tree));
  conflict_count_ = 0;
  for (uint32_t i = 0; i < tree_limit_; ++i) {
    if (trees_[i].used && trees_[i].conflict) ++conflict_count_;
  }
}

}  // namespace sidewall::model
