// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/tlb.h"

namespace sidewall::model {

size_t Tlb::WorkSize(size_t pool_pages) {
  return EntryCapacity(pool_pages) * sizeof(StaleEntry) + 2 * kBuckets * sizeof(uint32_t);
}

void Tlb::Reset(void* work, size_t pool_pages) {
  *this = Tlb();
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

void Tlb::Push(uint8_t vmid, uint64_t ipa, uint64_t page, uint8_t perm) {
  uint32_t slot = ipa_heads_[IpaBucket(vmid, ipa)];
  for (; slot != kNone; slot = entries_[slot].next_ipa) {
    StaleEntry& entry = entries_[slot];
    if (entry.vmid != vmid || entry.ipa != ipa || entry.page != page) continue;
    // The translation was valid again after what was noted: no earlier invalidation covers it.
    entry.perm |= perm;
    entry.forms = kStage2Only | kCombined;
    entry.seq = ++seq_;
    entry.ipas2_seq = 0;
    return;
  }
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
  entries_[slot] = {.ipa = ipa,
                    .page = page,
                    .seq = ++seq_,
                    .ipas2_seq = 0,
                    .next_page = kNone,
                    .next_ipa = kNone,
                    .ipas2_bank = 0,
                    .vmid = vmid,
                    .perm = perm,
                    .forms = kStage2Only | kCombined};
  Link(slot);
}

bool Tlb::PushTree(uint8_t vmid, uint16_t tree) {
  for (size_t i = 0; i < tree_count_; ++i) {
    if (trees_[i].vmid != vmid || trees_[i].tree != tree) continue;
    trees_[i].seq = ++seq_;
    trees_[i].forms = kStage2Only | kCombined;
    return false;
  }
  if (tree_count_ == kMaxStaleTrees) {
    PushEverything(vmid);
    return false;
  }
  trees_[tree_count_++] = {++seq_, tree, vmid, kStage2Only | kCombined};
  return true;
}

void Tlb::PushEverything(uint8_t vmid) {
  if (overflow_seq_[vmid] == 0) ++overflow_count_;
  overflow_seq_[vmid] = ++seq_;
}

void Tlb::InvalidateIpa(uint8_t vmid, uint64_t ipa, uint16_t bank) {
  ++seq_;
  uint32_t slot = ipa_heads_[IpaBucket(vmid, ipa)];
  for (; slot != kNone; slot = entries_[slot].next_ipa) {
    StaleEntry& entry = entries_[slot];
    if (entry.vmid != vmid || entry.ipa != ipa) continue;
    entry.ipas2_seq = seq_;
    entry.ipas2_bank = bank;
  }
}

// The forms that are left of something that was valid until `seq`, once the captured commands
// are complete.
uint8_t Tlb::Remaining(uint8_t vmid, uint8_t forms, uint64_t seq) const {
  if (Captured(everything_) > seq || Captured(vmid_[vmid]) > seq) return 0;
  if (Captured(combined_[vmid]) > seq) return forms & static_cast<uint8_t>(~kCombined);
  return forms;
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

void Tlb::CompleteGlobal(DroppedTrees* dropped) {
  const uint32_t limit = entry_limit_;
  for (uint32_t slot = 0; slot < limit && entry_count_ != 0; ++slot) {
    StaleEntry& entry = entries_[slot];
    if (entry.forms == 0) continue;
    uint8_t forms = Remaining(entry.vmid, entry.forms, entry.seq);
    if (entry.ipas2_seq != 0 && entry.ipas2_seq <= captured_seq_) forms &= kCombined;
    if (forms == 0) {
      Free(slot);
    } else {
      entry.forms = forms;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < tree_count_; ++i) {
    StaleTree tree = trees_[i];
    tree.forms = Remaining(tree.vmid, tree.forms, tree.seq);
    if (tree.forms == 0) {
      dropped->tree[dropped->count++] = tree.tree;
    } else {
      trees_[kept++] = tree;
    }
  }
  tree_count_ = static_cast<uint32_t>(kept);
  if (Captured(everything_) != 0) unknown_ = false;
  EndOverflows();
}

void Tlb::CompleteBank(uint16_t bank, uint64_t covered) {
  const uint32_t limit = entry_limit_;
  for (uint32_t slot = 0; slot < limit && entry_count_ != 0; ++slot) {
    StaleEntry& entry = entries_[slot];
    if (entry.forms == 0 || entry.ipas2_seq == 0) continue;
    if (entry.ipas2_bank != bank || entry.ipas2_seq > covered) continue;
    entry.forms &= kCombined;
    if (entry.forms == 0) Free(slot);
  }
}

void Tlb::MakeUnknown(DroppedTrees* dropped) {
  FreeAll();
  for (size_t i = 0; i < tree_count_; ++i) dropped->tree[dropped->count++] = trees_[i].tree;
  tree_count_ = 0;
  everything_ = Command();
  for (unsigned vmid = 0; vmid < 256; ++vmid) {
    vmid_[vmid] = combined_[vmid] = Command();
    overflow_seq_[vmid] = 0;
  }
  overflow_count_ = 0;
  unknown_ = true;
}

uint8_t Tlb::MayHold(uint8_t vmid, uint64_t page) const {
  if (overflowed(vmid)) return 3;
  uint8_t perm = 0;
  uint32_t slot = page_heads_[PageBucket(vmid, page)];
  for (; slot != kNone; slot = entries_[slot].next_page) {
    const StaleEntry& entry = entries_[slot];
    if (entry.vmid == vmid && entry.page == page) perm |= entry.perm;
  }
  return perm;
}

const StaleEntry* Tlb::FindIpa(uint8_t vmid, uint64_t ipa) const {
  uint32_t slot = ipa_heads_[IpaBucket(vmid, ipa)];
  for (; slot != kNone; slot = entries_[slot].next_ipa) {
    const StaleEntry& entry = entries_[slot];
    if (entry.vmid == vmid && entry.ipa == ipa) return &entry;
  }
  return nullptr;
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
