// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Translations that transactions have left in the TLB of one SMMU instance, each with the tag that
// later ones and invalidations find it by.
//
//     cache.Insert({.va = 0x1000, .pa = 0x80001000, .tag = {.vmid = 7, .asid = 3}, .kinds = 1}, 1);
//     cache.Cover({.command = TlbCommand::kVa, .tag = {.vmid = 7, .asid = 3}, .va = 0x1000}, 2);
//     cache.CompleteGlobal(2);       // the sync after that command is complete: it has gone
//
// Entries are found by VMID and ASID, not by bank; a global page by its VMID alone. Entries of a
// bank with CBAR.HYPC have no VMID. Where there is no more room, the entry that was used longest
// ago goes. Of several commands that cover an entry the first global one and the first one of each
// bank are remembered until a sync completes one of them.
#ifndef SIDEWALL_MODEL_TRANSLATION_CACHE_H_
#define SIDEWALL_MODEL_TRANSLATION_CACHE_H_

#include <stddef.h>
#include <stdint.h>

#include "model/attributes.h"

namespace sidewall::model {

// Invalidations, by what they cover.
enum class TlbCommand : uint8_t {
  kVa,       // TLBIVA, TLBIVAL
  kVaa,      // TLBIVAA, TLBIVAAL
  kAsid,     // TLBIASID
  kAll,      // TLBIALL
  kIpas2,    // TLBIIPAS2
  kIpas2l,   // TLBIIPAS2L
  kVmid,     // TLBIVMID
  kVmidS1,   // TLBIVMIDS1
  kAllNsnh,  // TLBIALLNSNH
  kAllH,     // TLBIALLH
  kVah,      // TLBIVAH, TLBIVAH64, TLBIVALH64
};
inline constexpr size_t kTlbCommands = 11;

struct TlbTag {
  uint8_t vmid = 0;
  uint16_t asid = 0;
  bool hyp = false;          // CBAR.HYPC: neither VMID nor ASID count
  bool stage2_only = false;  // by intermediate address, and without ASID
};

// The first command of each bank that covers an entry: each is completed by a sync of its own bank,
// or by a global one. Of more banks than there is room for the later ones are not noted, and what
// they cover stays until a command that is noted is complete.
struct BankCommands {
  static constexpr size_t kMax = 4;
  uint64_t seq[kMax] = {};  // 0: there is none, nor any behind it
  uint16_t bank[kMax] = {};

  bool any() const { return seq[0] != 0; }
  void Note(uint16_t of, uint64_t number);
  // True when a command of this bank would be the first one that is noted.
  bool Takes(uint16_t of) const;
  // The command of this bank covers nothing after all.
  void Forget(uint16_t of);
  // True when a sync of this bank, or a global one, completes a command up to `captured`.
  bool EndsByBank(uint16_t of, uint64_t captured) const;
  bool EndsGlobally(uint64_t captured) const;
};

struct CachedTranslation {
  uint64_t va = 0;  // of a page of 4 KiB
  uint64_t pa = 0;
  uint64_t ipa = 0;          // of the page, after stage 1, where what follows looked at it
  uint64_t used = 0;         // when it was last made or hit; 0: the slot is free
  uint64_t agreed = 0;       // the last state of the machine in which the tables were seen to agree
  uint16_t agreed_bank = 0;  // and whose tables: several banks can find one entry
  uint64_t global_seq = 0;   // the first global command that covers it, or 0
  BankCommands by_bank;      // and those of banks
  TlbTag tag;
  Attributes attributes;   // of what it delivers; of stage 2 alone, those of its leaf
  bool global = false;     // nG was 0
  bool absent = false;     // a walk that found nothing; see Quirks::keeps_absent
  uint8_t kinds = 0;       // accesses that it allows: bit write + 2 * privileged + 4 * instruction
  uint8_t denied[2] = {};  // that stage 1, and stage 2, of what it was made of refused
  uint8_t leaf_bits = 12;  // log2 of the size of the leaf that it is part of

  bool Agrees(uint64_t state, uint16_t with) const {
    return agreed == state && agreed_bank == with;
  }
};

struct Invalidation {
  TlbCommand command = TlbCommand::kAllNsnh;
  TlbTag tag;
  uint64_t va = 0;
  uint16_t bank = 0xffff;      // that the command was given to; 0xffff: a global one
  bool last_level = false;     // TLBIVAL and its like leave pointers to tables
  bool spares_blocks = false;  // the erratum: no invalidation by address finds a block
};

bool Covers(const Invalidation& what, const CachedTranslation& entry);
bool InLeaf(const CachedTranslation& entry, uint64_t va);
bool SameTag(const TlbTag& a, const TlbTag& b);
inline bool IsCovered(const CachedTranslation& entry) {
  return entry.global_seq != 0 || entry.by_bank.any();
}
// A command covers the entry; and whether a global sync ends it that covers commands up to
// `captured`.
void NoteCommand(const Invalidation& what, uint64_t seq, CachedTranslation* entry);
bool EndsGlobally(const CachedTranslation& entry, uint64_t captured);

class TranslationCache {
 public:
  static constexpr size_t kMaxEntries = 512;
  static constexpr size_t kNone = ~size_t{0};

  static size_t WorkSize() { return kMaxEntries * sizeof(CachedTranslation); }
  void Reset(void* work, size_t capacity);
  void Clear() { limit_ = 0; }
  size_t capacity() const { return capacity_; }

  // The next entry at or after `from` that a lookup finds; kNone: no more.
  size_t Find(const TlbTag& tag, uint64_t va, size_t from) const;
  const CachedTranslation& entry(size_t i) const { return entries_[i]; }
  bool HoldsAbsent(const TlbTag& tag, uint64_t va) const;
  void Touch(size_t i) { entries_[i].used = ++clock_; }
  // Adds what an entry of the same tag, page and output lacks, or takes the place of the entry that
  // was used longest ago. What it was covered by does not count any more, since it was walked anew;
  // unless what led to it was covered as well.
  void Insert(const CachedTranslation& entry);

  // Commands: remembered with their number until a sync, or at once.
  void Cover(const Invalidation& what, uint64_t seq);
  void Remove(const Invalidation& what);
  void CompleteGlobal(uint64_t captured);
  void CompleteBank(uint16_t bank, uint64_t captured);

  size_t limit() const { return limit_; }
  void SaveEntries(CachedTranslation* to) const;
  void Restore(const TranslationCache& saved, const CachedTranslation* entries);

 private:
  CachedTranslation* entries_ = nullptr;
  size_t capacity_ = 0;
  size_t limit_ = 0;  // slots in use lie below
  uint64_t clock_ = 0;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_TRANSLATION_CACHE_H_
