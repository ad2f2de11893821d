// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/tlb.h"

#include "model/machine.h"

namespace sidewall::model {

namespace {

constexpr unsigned kPageBits = 12;

}  // namespace

size_t Tlb::WorkSize(size_t pool_pages) {
  return EntryCapacity(pool_pages) * sizeof(StaleEntry) + 2 * kBuckets * sizeof(uint32_t);
}

void Tlb::Reset(void* work, size_t pool_pages, const Stage2Trees* index, bool erratum) {
  *this = Tlb();
  index_ = index;
  erratum_ = erratum;
  capacity_ = static_cast<uint32_t>(EntryCapacity(pool_pages));
  entries_ = static_cast<StaleEntry*>(work);
  page_heads_ = reinterpret_cast<uint32_t*>(entries_ + capacity_);
  ipa_heads_ = page_heads_ + kBuckets;
  __builtin_memset(page_heads_, 0xff, 2 * kBuckets * sizeof(uint32_t));
}

size_t Tlb::PageBucket(uint8_t vmid, uint64_t page) {
  return ((page >> 12) * 0x9e3779b1u + vmid * 0x85ebu) % kBuckets;
}

size_t Tlb::IpaBucket(uint8_t vmid, uint64_t ipa) {
  return ((ipa >> 12) * 0x9e3779b1u + vmid * 0xc2b2u) % kBuckets;
}

void Tlb::Link(uint32_t slot) {
  StaleEntry& entry = entries_[slot];
  uint32_t& page_head = page_heads_[PageBucket(entry.vmid, entry.page)];
  entry.next_page = page_head;
  page_head = slot;
  uint32_t& ipa_head = ipa_heads_[IpaBucket(entry.vmid, entry.ipa)];
  entry.next_ipa = ipa_head;
  ipa_head = slot;
}

void Tlb::Unlink(uint32_t slot) {
  const StaleEntry& entry = entries_[slot];
  uint32_t* link = &page_heads_[PageBucket(entry.vmid, entry.page)];
  while (*link != slot) link = &entries_[*link].next_page;
  *link = entry.next_page;
  link = &ipa_heads_[IpaBucket(entry.vmid, entry.ipa)];
  while (*link != slot) link = &entries_[*link].next_ipa;
  *link = entry.next_ipa;
}

void Tlb::Free(uint32_t slot) {
  Unlink(slot);
  if (entries_[slot].leaf_bits > kPageBits) --large_count_;
  entries_[slot].forms = 0;
  entries_[slot].next_page = free_head_;
  free_head_ = slot;
  if (--entry_count_ == 0) {
    entry_limit_ = 0;
    free_head_ = kNone;
  }
}

void Tlb::FreeAll() {
  const uint32_t limit = entry_limit_;
  for (uint32_t slot = 0; slot < limit; ++slot) {
    if (entries_[slot].forms != 0) Free(slot);
  }
}

StaleEntry* Tlb::Find(uint8_t vmid, const LeafChange& leaf) {
  uint32_t slot = ipa_heads_[IpaBucket(vmid, leaf.ipa)];
  for (; slot != kNone; slot = entries_[slot].next_ipa) {
    StaleEntry& entry = entries_[slot];
    if (entry.vmid != vmid || entry.ipa != leaf.ipa || entry.page != leaf.page) continue;
    if (entry.attributes == leaf.attributes) return &entry;
  }
  return nullptr;
}

void Tlb::Push(uint8_t vmid, const LeafChange& leaf) {
  // With the erratum, what was cached of a block is not found by its address.
  const bool by_address = !(erratum_ && leaf.block);
  if (StaleEntry* entry = Find(vmid, leaf); entry != nullptr) {
    // The translation was valid again after what was noted: no earlier invalidation covers it.
    entry->forms = kStage2Only | kCombined;
    entry->seq = ++seq_;
    entry->ipas2 = BankCommands();
    entry->by_address = entry->by_address && by_address;
    if (entry->leaf_bits == kPageBits && leaf.leaf_bits > kPageBits) ++large_count_;
    if (entry->leaf_bits < leaf.leaf_bits) entry->leaf_bits = leaf.leaf_bits;
    return;
  }
  uint32_t slot = kNone;
  if (free_head_ != kNone) {
    slot = free_head_;
    free_head_ = entries_[slot].next_page;
  } else if (entry_limit_ < capacity_) {
    slot = entry_limit_++;
  } else {
    PushEverything(vmid);
    return;
  }
  ++entry_count_;
  if (leaf.leaf_bits > kPageBits) ++large_count_;
  entries_[slot] = {.ipa = leaf.ipa,
                    .page = leaf.page,
                    .seq = ++seq_,
                    .ipas2 = {},
                    .next_page = kNone,
                    .next_ipa = kNone,
                    .attributes = leaf.attributes,
                    .vmid = vmid,
                    .forms = kStage2Only | kCombined,
                    .leaf_bits = leaf.leaf_bits,
                    .by_address = by_address};
  Link(slot);
}

bool Tlb::PushTree(uint8_t vmid, uint16_t tree, bool unflagged) {
  for (size_t i = 0; i < tree_count_; ++i) {
    if (trees_[i].vmid != vmid || trees_[i].tree != tree) continue;
    trees_[i].seq = ++seq_;
    trees_[i].ipas2 = BankCommands();
    trees_[i].unflagged |= unflagged;
    return false;
  }
  if (tree_count_ == kMaxStaleTrees) {
    PushEverything(vmid);
    return false;
  }
  const Tree& what = index_->tree(tree);
  trees_[tree_count_++] = {
      .seq = ++seq_,
      .base = what.base,
      .ipas2 = {},
      .tree = tree,
      .vmid = vmid,
      .span_bits = what.walk ? static_cast<uint8_t>(index_->SpanBits(tree)) : uint8_t{0},
      .unflagged = unflagged};
  return true;
}

size_t Tlb::ForgetTree(uint16_t tree) {
  size_t kept = 0;
  for (size_t i = 0; i < tree_count_; ++i) {
    if (trees_[i].tree != tree) trees_[kept++] = trees_[i];
  }
  const size_t forgotten = tree_count_ - kept;
  tree_count_ = static_cast<uint32_t>(kept);
  return forgotten;
}

bool Tlb::HoldsTree(uint8_t vmid, uint16_t tree) const {
  for (size_t i = 0; i < tree_count_; ++i) {
    if (trees_[i].vmid == vmid && trees_[i].tree == tree) return true;
  }
  return false;
}

void Tlb::PushEverything(uint8_t vmid) {
  if (overflow_seq_[vmid] == 0) ++overflow_count_;
  overflow_seq_[vmid] = ++seq_;
}

void Tlb::CoverEntry(StaleEntry& entry, uint16_t bank) {
  if (entry.by_address) entry.ipas2.Note(bank, seq_);
}

// Until this command of the bank the leaf could be cached anew: what the bank invalidated before
// does not count, and what other banks did waits for their own syncs.
void Tlb::Reopen(uint8_t vmid, const LeafChange& leaf, uint16_t bank) {
  StaleEntry* entry = Find(vmid, leaf);
  if (entry == nullptr || (entry->forms & kStage2Only) == 0) return Push(vmid, leaf);
  entry->ipas2.Forget(bank);
}

// The first command that takes a pointer out of the walk cache: until then the leaves below it
// could be cached anew, so no earlier invalidation of one of them counts. Of a second bank the same
// is true of its own, since its sync may be complete first.
void Tlb::CoverWalks(uint8_t vmid, uint64_t ipa, uint16_t bank) {
  for (size_t i = 0; i < tree_count_; ++i) {
    StaleTree& tree = trees_[i];
    if (tree.span_bits == 0 || tree.vmid != vmid || !tree.ipas2.Takes(bank)) continue;
    if (ipa < tree.base || (ipa - tree.base) >> tree.span_bits != 0) continue;
    if (index_->tree(tree.tree).wild) continue;
    struct Context {
      Tlb* tlb;
      uint8_t vmid;
      uint16_t bank;
      bool first;
    } context = {this, vmid, bank, !tree.ipas2.any()};
    index_->ForEachLeaf(
        tree.tree,
        [](void* c, const LeafChange& leaf) {
          const auto* to = static_cast<Context*>(c);
          if (to->first) return to->tlb->Push(to->vmid, leaf);
          to->tlb->Reopen(to->vmid, leaf, to->bank);
        },
        &context);
    tree.ipas2.Note(bank, ++seq_);
  }
}

void Tlb::InvalidateIpa(uint8_t vmid, uint64_t ipa, uint16_t bank, bool last_level) {
  if (!erratum_ && !last_level) CoverWalks(vmid, ipa, bank);
  ++seq_;
  uint32_t slot = ipa_heads_[IpaBucket(vmid, ipa)];
  for (; slot != kNone; slot = entries_[slot].next_ipa) {
    StaleEntry& entry = entries_[slot];
    if (entry.vmid == vmid && entry.ipa == ipa) CoverEntry(entry, bank);
  }
  for (slot = 0; slot < entry_limit_ && large_count_ != 0; ++slot) {
    StaleEntry& entry = entries_[slot];
    if (entry.forms == 0 || entry.leaf_bits == kPageBits || entry.vmid != vmid) continue;
    if ((entry.ipa ^ ipa) >> entry.leaf_bits == 0) CoverEntry(entry, bank);
  }
}

// The forms that are left of something that was valid until `seq`, once the captured commands
// are complete.
uint8_t Tlb::Remaining(uint8_t vmid, uint8_t forms, uint64_t seq) const {
  if (Captured(everything_) > seq || Captured(vmid_[vmid]) > seq) return 0;
  if (forms == kCombined && Captured(combined_[vmid]) > seq) return 0;
  return forms;
}

// From here on no combined entry can be made of this one, so a later TLBIVMIDS1 covers those.
void Tlb::EndStage2Only(uint32_t slot) {
  entries_[slot].forms &= kCombined;
  entries_[slot].ipas2 = BankCommands();
  entries_[slot].seq = ++seq_;
  if (entries_[slot].forms == 0) Free(slot);
}

// TLBIIPAS2 and TLBIVMIDS1 cover one form each; of what has no name, both forms may be there.
void Tlb::EndOverflows() {
  for (unsigned vmid = 0; vmid < 256 && overflow_count_ != 0; ++vmid) {
    uint64_t& seq = overflow_seq_[vmid];
    if (seq == 0) continue;
    if (Captured(everything_) < seq && Captured(vmid_[vmid]) < seq) continue;
    seq = 0;
    --overflow_count_;
  }
}

// Ends the references to trees that the captured commands cover.
void Tlb::DropTrees(DroppedTrees* dropped) {
  size_t kept = 0;
  for (size_t i = 0; i < tree_count_; ++i) {
    const StaleTree& tree = trees_[i];
    const bool by_address = tree.ipas2.EndsGlobally(captured_seq_);
    if (by_address || Remaining(tree.vmid, kStage2Only, tree.seq) == 0) {
      dropped->tree[dropped->count++] = tree.tree;
    } else {
      trees_[kept++] = tree;
    }
  }
  tree_count_ = static_cast<uint32_t>(kept);
}

void Tlb::CompleteGlobal(DroppedTrees* dropped) {
  const uint32_t limit = entry_limit_;
  for (uint32_t slot = 0; slot < limit && entry_count_ != 0; ++slot) {
    StaleEntry& entry = entries_[slot];
    if (entry.forms == 0) continue;
    if (Remaining(entry.vmid, entry.forms, entry.seq) == 0) {
      Free(slot);
    } else if (entry.ipas2.EndsGlobally(captured_seq_)) {
      EndStage2Only(slot);
    }
  }
  DropTrees(dropped);
  if (Captured(everything_) != 0) unknown_ = false;
  if (Captured(hyp_) != 0) hyp_unknown_ = false;
  EndOverflows();
}

void Tlb::CompleteBank(uint16_t bank, uint64_t covered, DroppedTrees* dropped) {
  const uint32_t limit = entry_limit_;
  for (uint32_t slot = 0; slot < limit && entry_count_ != 0; ++slot) {
    const StaleEntry& entry = entries_[slot];
    if (entry.forms != 0 && entry.ipas2.EndsByBank(bank, covered)) EndStage2Only(slot);
  }
  size_t kept = 0;
  for (size_t i = 0; i < tree_count_; ++i) {
    const StaleTree& tree = trees_[i];
    if (tree.ipas2.EndsByBank(bank, covered)) {
      dropped->tree[dropped->count++] = tree.tree;
    } else {
      trees_[kept++] = tree;
    }
  }
  tree_count_ = static_cast<uint32_t>(kept);
}

void Tlb::MakeUnknown(DroppedTrees* dropped) {
  FreeAll();
  for (size_t i = 0; i < tree_count_; ++i) dropped->tree[dropped->count++] = trees_[i].tree;
  tree_count_ = 0;
  everything_ = Command();
  hyp_ = Command();
  for (unsigned vmid = 0; vmid < 256; ++vmid) {
    vmid_[vmid] = combined_[vmid] = Command();
    overflow_seq_[vmid] = 0;
  }
  overflow_count_ = 0;
  unknown_ = hyp_unknown_ = true;
}

bool Tlb::MayHoldUnflagged(uint8_t vmid) const {
  bool found = false;
  for (size_t i = 0; i < tree_count_; ++i) {
    found |= trees_[i].vmid == vmid && trees_[i].unflagged;
  }
  return found;
}

uint8_t Tlb::MayHold(uint8_t vmid, uint64_t page) const {
  if (overflowed(vmid)) return 3;
  uint8_t perm = 0;
  uint32_t slot = page_heads_[PageBucket(vmid, page)];
  for (; slot != kNone; slot = entries_[slot].next_page) {
    const StaleEntry& entry = entries_[slot];
    if (entry.vmid == vmid && entry.page == page) perm |= entry.perm();
  }
  return perm;
}

// In the order in which they became stale, which unlike that of a chain survives a Restore.
size_t Tlb::FindStale(uint8_t vmid, uint64_t ipa, uint8_t wanted, size_t which,
                      LeafAnswer* answer) const {
  const auto answers = [&](const StaleEntry& entry) {
    return entry.vmid == vmid && entry.ipa == ipa && (entry.forms & wanted) != 0;
  };
  size_t count = 0;
  uint32_t slot = ipa_heads_[IpaBucket(vmid, ipa)];
  for (; slot != kNone; slot = entries_[slot].next_ipa) {
    const StaleEntry& entry = entries_[slot];
    if (!answers(entry)) continue;
    ++count;
    size_t before = 0;
    uint32_t other = ipa_heads_[IpaBucket(vmid, ipa)];
    for (; other != kNone; other = entries_[other].next_ipa) {
      if (answers(entries_[other]) && entries_[other].seq < entry.seq) ++before;
    }
    if (before == which) *answer = {entry.page, entry.attributes, entry.leaf_bits};
  }
  for (size_t i = 0; i < tree_count_; ++i) {
    LeafAnswer found;
    if (trees_[i].vmid != vmid) continue;
    if (!index_->LookUp(trees_[i].tree, ipa, &found)) continue;
    if (count++ == which) *answer = found;
  }
  return count;
}

void Tlb::SaveEntries(StaleEntry* to) const {
  if (entry_limit_ != 0) __builtin_memcpy(to, entries_, entry_limit_ * sizeof(StaleEntry));
}

void Tlb::Restore(const Tlb& saved, const StaleEntry* entries) {
  FreeAll();
  *this = saved;
  if (entry_limit_ == 0) return;
  __builtin_memcpy(entries_, entries, entry_limit_ * sizeof(StaleEntry));
  // The heads were emptied with the entries; the chains are linked anew. The free list survives,
  // since it runs through free slots only.
  for (uint32_t slot = 0; slot < entry_limit_; ++slot) {
    if (entries_[slot].forms != 0) Link(slot);
  }
}

}  // namespace sidewall::model
