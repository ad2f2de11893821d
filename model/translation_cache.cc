// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/translation_cache.h"

namespace sidewall::model {

namespace {

// Masters drive 49 bits of address; what is above them in a command is a copy of the sign.
constexpr uint64_t kDriven = (uint64_t{1} << 49) - 1;
// Leaves of the last level are of 4 or 64 KiB.
constexpr uint8_t kLargestPage = 16;

bool FoundBy(const Invalidation& what, const CachedTranslation& entry) {
  return InLeaf(entry, what.va) && !(what.spares_blocks && entry.leaf_bits > kLargestPage);
}

}  // namespace

bool InLeaf(const CachedTranslation& entry, uint64_t va) {
  return ((entry.va ^ va) & kDriven) >> entry.leaf_bits == 0;
}

bool SameTag(const TlbTag& a, const TlbTag& b) {
  if (a.hyp || b.hyp) return a.hyp == b.hyp;
  return a.vmid == b.vmid && a.stage2_only == b.stage2_only && a.asid == b.asid;
}

// The first command is enough; a later one would only wait for a later sync. One of another bank
// takes nothing back, since either may be complete first.
void BankCommands::Note(uint16_t of, uint64_t number) {
  for (size_t i = 0; i < kMax; ++i) {
    if (seq[i] != 0 && bank[i] == of) return;
    if (seq[i] != 0) continue;
    seq[i] = number;
    bank[i] = of;
    return;
  }
}

bool BankCommands::Takes(uint16_t of) const {
  for (size_t i = 0; i < kMax; ++i) {
    if (seq[i] == 0) return true;
    if (bank[i] == of) return false;
  }
  return false;
}

void BankCommands::Forget(uint16_t of) {
  const BankCommands before = *this;
  *this = BankCommands();
  for (size_t i = 0; i < kMax && before.seq[i] != 0; ++i) {
    if (before.bank[i] != of) Note(before.bank[i], before.seq[i]);
  }
}

bool BankCommands::EndsByBank(uint16_t of, uint64_t captured) const {
  for (size_t i = 0; i < kMax && seq[i] != 0; ++i) {
    if (bank[i] == of) return seq[i] <= captured;
  }
  return false;
}

// They were noted in the order in which they came.
bool BankCommands::EndsGlobally(uint64_t captured) const { return any() && seq[0] <= captured; }

void NoteCommand(const Invalidation& what, uint64_t seq, CachedTranslation* entry) {
  if (what.bank != 0xffff) return entry->by_bank.Note(what.bank, seq);
  if (entry->global_seq == 0) entry->global_seq = seq;
}

// A global sync completes the commands of all banks, too.
bool EndsGlobally(const CachedTranslation& entry, uint64_t captured) {
  const bool by_global = entry.global_seq != 0 && entry.global_seq <= captured;
  return by_global || entry.by_bank.EndsGlobally(captured);
}

bool Covers(const Invalidation& what, const CachedTranslation& entry) {
  const TlbTag& tag = entry.tag;
  if (what.command == TlbCommand::kAllH) return tag.hyp;
  if (what.command == TlbCommand::kVah) return tag.hyp && FoundBy(what, entry);
  // No other command knows entries of the hypervisor, and those of its banks know no others.
  if (tag.hyp || what.tag.hyp) return false;
  if (what.command == TlbCommand::kAllNsnh) return true;
  if (tag.vmid != what.tag.vmid) return false;
  if (what.command == TlbCommand::kVmid) return true;
  if (tag.stage2_only) {
    const bool by_ipa = what.command == TlbCommand::kIpas2 || what.command == TlbCommand::kIpas2l;
    return by_ipa && FoundBy(what, entry);
  }
  switch (what.command) {
    case TlbCommand::kVa:
      return FoundBy(what, entry) && (entry.global || tag.asid == what.tag.asid);
    case TlbCommand::kVaa:
      return FoundBy(what, entry);
    case TlbCommand::kAsid:
      return !entry.global && tag.asid == what.tag.asid;
    case TlbCommand::kAll:
    case TlbCommand::kVmidS1:
      return true;
    default:
      return false;
  }
}

void TranslationCache::Reset(void* work, size_t capacity) {
  *this = TranslationCache();
  entries_ = static_cast<CachedTranslation*>(work);
  capacity_ = capacity < kMaxEntries ? capacity : kMaxEntries;
}

size_t TranslationCache::Find(const TlbTag& tag, uint64_t va, size_t from) const {
  for (size_t i = from; i < limit_; ++i) {
    const CachedTranslation& entry = entries_[i];
    if (entry.used == 0 || entry.va != va) continue;
    TlbTag wanted = tag;
    if (entry.global) wanted.asid = entry.tag.asid;
    if (SameTag(entry.tag, wanted)) return i;
  }
  return kNone;
}

bool TranslationCache::HoldsAbsent(const TlbTag& tag, uint64_t va) const {
  for (size_t at = Find(tag, va, 0); at != kNone; at = Find(tag, va, at + 1)) {
    if (entries_[at].absent) return true;
  }
  return false;
}

void TranslationCache::Insert(const CachedTranslation& entry) {
  if (capacity_ == 0) return;
  size_t slot = kNone;
  size_t oldest = 0;
  for (size_t i = 0; i < limit_; ++i) {
    CachedTranslation& old = entries_[i];
    if (old.used == 0) {
      slot = i;
    } else if (old.va == entry.va && old.pa == entry.pa && old.ipa == entry.ipa &&
               old.absent == entry.absent && old.global == entry.global &&
               old.attributes == entry.attributes && SameTag(old.tag, entry.tag)) {
      old.kinds |= entry.kinds;
      for (size_t stage = 0; stage < 2; ++stage) old.denied[stage] |= entry.denied[stage];
      // What an entry of this page was denied before, or allowed, it may be denied or allowed
      // still.
      const bool more = old.kinds != entry.kinds || old.denied[0] != entry.denied[0] ||
                        old.denied[1] != entry.denied[1];
      old.agreed = more ? 0 : entry.agreed;
      old.agreed_bank = entry.agreed_bank;
      old.leaf_bits = entry.leaf_bits;
      if (!IsCovered(entry)) {
        old.global_seq = 0;
        old.by_bank = BankCommands();
      }
      return Touch(i);
    }
    if (entries_[i].used < entries_[oldest].used) oldest = i;
  }
  if (slot == kNone) slot = limit_ < capacity_ ? limit_++ : oldest;
  entries_[slot] = entry;
  Touch(slot);
}

void TranslationCache::Cover(const Invalidation& what, uint64_t seq) {
  for (size_t i = 0; i < limit_; ++i) {
    CachedTranslation& entry = entries_[i];
    if (entry.used != 0 && Covers(what, entry)) NoteCommand(what, seq, &entry);
  }
}

void TranslationCache::Remove(const Invalidation& what) {
  for (size_t i = 0; i < limit_; ++i) {
    if (entries_[i].used != 0 && Covers(what, entries_[i])) entries_[i].used = 0;
  }
}

void TranslationCache::CompleteGlobal(uint64_t captured) {
  for (size_t i = 0; i < limit_; ++i) {
    if (EndsGlobally(entries_[i], captured)) entries_[i].used = 0;
  }
}

void TranslationCache::CompleteBank(uint16_t bank, uint64_t captured) {
  for (size_t i = 0; i < limit_; ++i) {
    if (entries_[i].by_bank.EndsByBank(bank, captured)) entries_[i].used = 0;
  }
}

void TranslationCache::SaveEntries(CachedTranslation* to) const {
  if (limit_ != 0) __builtin_memcpy(to, entries_, limit_ * sizeof(CachedTranslation));
}

void TranslationCache::Restore(const TranslationCache& saved, const CachedTranslation* entries) {
  *this = saved;
  if (limit_ != 0) __builtin_memcpy(entries_, entries, limit_ * sizeof(CachedTranslation));
}

}  // namespace sidewall::model
