// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The may-TLB of one SMMU instance: every stage-2 translation that the tables no longer hold, but
// that the hardware may still have cached. An entry ends only when an invalidation that covers it
// was followed by a sync that was seen complete.
//
//     tlb.Push(vmid, leaf);                   // the leaf is gone from the tables
//     tlb.InvalidateVmid(vmid);               // covers it, but is not complete yet
//     tlb.SyncGlobal();
//     tlb.CompleteGlobal(&dropped);           // now it is gone
//
// Every translation is taken to be cached in two forms: stage-2-only entries, which TLBIIPAS2
// covers, and entries that combine both stages, which it does not. As long as the first form is
// there, the second can be made from it again; so TLBIVMIDS1 counts only once TLBIIPAS2 is
// complete.
//
// An invalidation by address covers all of the block that the address is in. With the walk-cache
// erratum it does not cover blocks at all, and never the pointers to tables that a walk cache holds
// (`walk` trees): those end with their VMID.
//
// What cannot be noted singly is noted as everything of its VMID (PushEverything); only an
// invalidation of that VMID, or of all, ends that.
#ifndef SIDEWALL_MODEL_TLB_H_
#define SIDEWALL_MODEL_TLB_H_

#include <stddef.h>
#include <stdint.h>

#include "model/stage2_trees.h"
#include "model/translation_cache.h"

namespace sidewall::model {

inline constexpr size_t kMaxStaleTrees = 256;

struct StaleEntry {
  uint64_t ipa;
  uint64_t page;
  uint64_t seq;        // of the removal
  BankCommands ipas2;  // TLBIIPAS2 over the stage-2-only form
  uint32_t next_page;  // chains of the two hash tables
  uint32_t next_ipa;
  uint16_t attributes;  // LeafAttributes
  uint8_t vmid;
  uint8_t forms;      // kStage2Only | kCombined; 0: the slot is free
  uint8_t leaf_bits;  // log2 of the size of the leaf
  bool by_address;    // false: TLBIIPAS2 does not cover it

  uint8_t perm() const { return Stage2Permission(LeafDescriptor(attributes)); }
};

// A tree that may be walked though the tables do not lead there any more: one that a bank of this
// instance named under a VMID, or one whose root was unlinked while a walk cache may hold it.
struct StaleTree {
  uint64_t seq;
  uint64_t base;       // of a walk tree
  BankCommands ipas2;  // TLBIIPAS2 that cover it
  uint16_t tree;
  uint8_t vmid;
  uint8_t span_bits;  // 0: not a walk tree
  bool unflagged;     // named with SCTLR.AFFD: leaves without access flag are cached
};

// Trees whose references ended when a sync completed.
struct DroppedTrees {
  uint16_t tree[kMaxStaleTrees];
  size_t count = 0;
};

class Tlb {
 public:
  enum Form : uint8_t { kStage2Only = 1, kCombined = 2 };
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr size_t kBuckets = 2048;

  static size_t EntryCapacity(size_t pool_pages) { return 4096 + 2 * pool_pages; }
  static size_t WorkSize(size_t pool_pages);
  // erratum: that of the walk cache.
  void Reset(void* work, size_t pool_pages, const Stage2Trees* index, bool erratum);

  // What may be cached from here on until it is invalidated.
  void Push(uint8_t vmid, const LeafChange& leaf);
  // True when this is a new reference, which the tree has to count. unflagged: until now leaves
  // without access flag were cached under this VMID, since nobody looked at that.
  bool PushTree(uint8_t vmid, uint16_t tree, bool unflagged = false);
  // The tree has ended otherwise. How many references there were.
  size_t ForgetTree(uint16_t tree);
  bool HoldsTree(uint8_t vmid, uint16_t tree) const;
  // Something was removed that nobody can name, so any translation of this VMID may be cached.
  void PushEverything(uint8_t vmid);

  // Invalidations, at the moment of the command.
  void InvalidateAll() { Issue(&everything_); }
  void InvalidateHyp() { Issue(&hyp_); }
  void InvalidateVmid(uint8_t vmid) { Issue(&vmid_[vmid]); }
  void InvalidateVmidStage1(uint8_t vmid) { Issue(&combined_[vmid]); }
  // last_level: TLBIIPAS2L, which leaves walk caches alone.
  void InvalidateIpa(uint8_t vmid, uint64_t ipa, uint16_t bank, bool last_level);

  // Syncs. Complete* is called when a status read shows that the sync is done.
  void SyncGlobal() { captured_seq_ = seq_; }
  uint64_t SyncBank() const { return seq_; }
  uint64_t captured_seq() const { return captured_seq_; }
  // A command that covers nothing that is noted here.
  void NoteCommand() { ++seq_; }
  void CompleteGlobal(DroppedTrees* dropped);
  void CompleteBank(uint16_t bank, uint64_t covered, DroppedTrees* dropped);

  // Nothing is known of the contents: reset, or power was lost.
  void MakeUnknown(DroppedTrees* dropped);
  bool unknown() const { return unknown_; }
  // The same of entries that have no VMID, which TLBIALLH ends.
  bool hyp_unknown() const { return hyp_unknown_; }
  // PushEverything was called, or so much was removed that it could not be noted singly.
  bool overflowed(uint8_t vmid) const { return overflow_seq_[vmid] != 0; }

  // Leaves without access flag may be there.
  bool MayHoldUnflagged(uint8_t vmid) const;
  uint8_t MayHold(uint8_t vmid, uint64_t page) const;
  // How many translations of an address may answer, single ones in one of these forms and through
  // trees; the `which`-th of them is given.
  size_t FindStale(uint8_t vmid, uint64_t ipa, uint8_t wanted, size_t which,
                   LeafAnswer* answer) const;

  // Slots in use lie below entry_limit; those with forms 0 are free.
  size_t entry_limit() const { return entry_limit_; }
  const StaleEntry& entry(size_t i) const { return entries_[i]; }
  size_t tree_count() const { return tree_count_; }
  const StaleTree& tree(size_t i) const { return trees_[i]; }
  const Stage2Trees& index() const { return *index_; }

  // Snapshots. Save copies the entries, Restore makes the table equal to `saved`, which was copied
  // from this object when the entries were saved.
  void SaveEntries(StaleEntry* to) const;
  void Restore(const Tlb& saved, const StaleEntry* entries);

 private:
  // Sequence numbers of commands of one kind, 0: there was none. A sync captures the last command
  // before it, and costs nothing: `last` is the captured one until a later command takes its place.
  struct Command {
    uint64_t last = 0;
    uint64_t before_sync = 0;
  };
  void Issue(Command* command) {
    if (command->last <= captured_seq_) command->before_sync = command->last;
    command->last = ++seq_;
  }
  uint64_t Captured(const Command& command) const {
    return command.last <= captured_seq_ ? command.last : command.before_sync;
  }

  static size_t PageBucket(uint8_t vmid, uint64_t page);
  static size_t IpaBucket(uint8_t vmid, uint64_t ipa);
  uint8_t Remaining(uint8_t vmid, uint8_t forms, uint64_t seq) const;
  void EndStage2Only(uint32_t slot);
  StaleEntry* Find(uint8_t vmid, const LeafChange& leaf);
  void CoverEntry(StaleEntry& entry, uint16_t bank);
  void Reopen(uint8_t vmid, const LeafChange& leaf, uint16_t bank);
  void CoverWalks(uint8_t vmid, uint64_t ipa, uint16_t bank);
  void DropTrees(DroppedTrees* dropped);
  void Link(uint32_t slot);
  void Unlink(uint32_t slot);
  void Free(uint32_t slot);
  void FreeAll();
  void EndOverflows();

  StaleEntry* entries_ = nullptr;
  uint32_t* page_heads_ = nullptr;
  uint32_t* ipa_heads_ = nullptr;
  uint32_t capacity_ = 0;
  uint32_t entry_limit_ = 0;
  uint32_t entry_count_ = 0;
  uint32_t large_count_ = 0;  // entries of leaves above 4 KiB
  uint32_t free_head_ = kNone;
  uint64_t seq_ = 0;
  uint64_t captured_seq_ = 0;  // seq_ at the last sTLBGSYNC
  const Stage2Trees* index_ = nullptr;
  bool erratum_ = true;
  bool unknown_ = true;
  bool hyp_unknown_ = true;
  Command everything_;
  Command hyp_;
  Command vmid_[256];
  Command combined_[256];
  // Of the last removal that could not be noted singly, by VMID, 0: there is none; and how many of
  // them are not 0.
  uint64_t overflow_seq_[256] = {};
  uint32_t overflow_count_ = 0;
  uint32_t tree_count_ = 0;
  StaleTree trees_[kMaxStaleTrees] = {};
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_TLB_H_
