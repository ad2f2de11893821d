// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/walk_cache.h"

namespace sidewall::model {

// The one that was noted longest ago makes room. What a covered pointer leads to adds nothing to
// one that is there.
void WalkCache::Note(const TablePointer& to, const CachedTranslation& made) {
  size_t slot = kMax;
  size_t oldest = 0;
  for (size_t i = 0; i < limit_; ++i) {
    const CachedTranslation& old = pointers_[i].entry;
    if (old.used < pointers_[oldest].entry.used) oldest = i;
    if (old.used == 0) slot = i;
    const bool same = old.used != 0 && old.va == to.va && SameTag(old.tag, made.tag);
    if (!same || !pointers_[i].to.Same(to)) continue;
    if (IsCovered(made)) return;
    slot = i;
    break;
  }
  if (slot == kMax) slot = limit_ < kMax ? limit_++ : oldest;
  WalkPointer& pointer = pointers_[slot];
  pointer = {.to = to, .entry = made};
  pointer.entry.va = to.va;
  pointer.entry.leaf_bits = to.span_bits;
  pointer.entry.used = ++clock_;
}

bool WalkCache::Finds(size_t i, const TlbTag& tag, uint64_t va) const {
  const CachedTranslation& entry = pointers_[i].entry;
  return entry.used != 0 && SameTag(entry.tag, tag) && InLeaf(entry, va);
}

void WalkCache::Cover(const Invalidation& what, uint64_t seq, bool erratum) {
  const bool by_address = what.command == TlbCommand::kVa || what.command == TlbCommand::kVaa ||
                          what.command == TlbCommand::kVah;
  if (by_address && (erratum || what.last_level)) return;
  for (size_t i = 0; i < limit_; ++i) {
    CachedTranslation& entry = pointers_[i].entry;
    if (entry.used != 0 && Covers(what, entry)) NoteCommand(what, seq, &entry);
  }
}

void WalkCache::CompleteGlobal(uint64_t captured) {
  for (size_t i = 0; i < limit_; ++i) {
    if (EndsGlobally(pointers_[i].entry, captured)) pointers_[i].entry.used = 0;
  }
}

void WalkCache::CompleteBank(uint16_t bank, uint64_t captured) {
  for (size_t i = 0; i < limit_; ++i) {
    if (pointers_[i].entry.by_bank.EndsByBank(bank, captured)) pointers_[i].entry.used = 0;
  }
}

}  // namespace sidewall::model
