// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/visibility.h"

namespace sidewall::model {

namespace {

constexpr size_t kWords = 512;

constexpr uint32_t WordOf(size_t page, size_t word) {
  return static_cast<uint32_t>(page * kWords + word);
}

}  // namespace

size_t PendingStores::WorkSize(size_t pool_pages) {
  return Capacity(pool_pages) * sizeof(PendingValue) +
         (kBuckets + ((pool_pages + 1) & ~size_t{1})) * sizeof(uint32_t);
}

void PendingStores::Reset(void* work, size_t pool_pages, bool coherent) {
  *this = PendingStores();
  capacity_ = static_cast<uint32_t>(Capacity(pool_pages));
  entries_ = static_cast<PendingValue*>(work);
  heads_ = reinterpret_cast<uint32_t*>(entries_ + capacity_);
  counts_ = heads_ + kBuckets;
  coherent_ = coherent;
  __builtin_memset(heads_, 0xff, kBuckets * sizeof(uint32_t));
  __builtin_memset(counts_, 0, pool_pages * sizeof(uint32_t));
}

uint32_t PendingStores::Match(uint32_t slot, uint32_t word) const {
  while (slot != kNone && entries_[slot].word != word) slot = entries_[slot].next;
  return slot;
}

uint32_t PendingStores::First(size_t page, size_t word) const {
  if (counts_[page] == 0) return kNone;
  const uint32_t index = WordOf(page, word);
  return Match(heads_[index % kBuckets], index);
}

uint32_t PendingStores::Next(uint32_t slot) const {
  return Match(entries_[slot].next, entries_[slot].word);
}

void PendingStores::Link(uint32_t slot) {
  const uint32_t word = entries_[slot].word;
  entries_[slot].next = heads_[word % kBuckets];
  heads_[word % kBuckets] = slot;
  ++counts_[word / kWords];
}

void PendingStores::Unlink(uint32_t slot) {
  const uint32_t word = entries_[slot].word;
  uint32_t* link = &heads_[word % kBuckets];
  while (*link != slot) link = &entries_[*link].next;
  *link = entries_[slot].next;
  --counts_[word / kWords];
}

void PendingStores::Free(uint32_t slot) {
  Unlink(slot);
  entries_[slot].used = false;
  entries_[slot].next = free_head_;
  free_head_ = slot;
  if (--entry_count_ == 0) {
    entry_limit_ = 0;
    free_head_ = kNone;
  }
}

void PendingStores::MarkCleaned(uint32_t slot) {
  entries_[slot].cleaned = true;
  entries_[slot].next_cleaned = kNone;
  if (cleaned_tail_ != kNone) {
    entries_[cleaned_tail_].next_cleaned = slot;
  } else {
    cleaned_head_ = slot;
  }
  cleaned_tail_ = slot;
}

bool PendingStores::Add(size_t page, size_t word, uint64_t old) {
  // A value that the word had before, and that no cleaning has reached since, is noted already.
  for (uint32_t slot = First(page, word); slot != kNone; slot = Next(slot)) {
    if (entries_[slot].value == old && !entries_[slot].cleaned) return true;
  }
  const bool maps = (old & 1) != 0;
  if (!maps && entry_count_ >= capacity_ / 2) return true;
  uint32_t slot = free_head_;
  if (slot != kNone) {
    free_head_ = entries_[slot].next;
  } else if (entry_limit_ < capacity_) {
    slot = entry_limit_++;
  } else {
    return false;
  }
  ++entry_count_;
  entries_[slot] = {.value = old,
                    .word = WordOf(page, word),
                    .next = kNone,
                    .next_cleaned = kNone,
                    .order = ++order_,
                    .cleaned = false,
                    .used = true};
  Link(slot);
  if (coherent_) MarkCleaned(slot);
  return true;
}

void PendingStores::Clean(size_t page, size_t first, size_t count) {
  if (counts_[page] == 0) return;
  for (size_t word = first; word < first + count; ++word) {
    for (uint32_t slot = First(page, word); slot != kNone; slot = Next(slot)) {
      if (!entries_[slot].cleaned) MarkCleaned(slot);
    }
  }
}

bool PendingStores::TakeGone(Gone* gone) {
  const uint32_t slot = cleaned_head_;
  if (slot == kNone) return false;
  const PendingValue& entry = entries_[slot];
  *gone = {entry.word / kWords, entry.word % kWords, entry.value};
  cleaned_head_ = entry.next_cleaned;
  if (cleaned_head_ == kNone) cleaned_tail_ = kNone;
  Free(slot);
  return true;
}

// By the order of the stores, which unlike that of a chain is the same after a Restore.
uint64_t PendingStores::Draw(size_t page, size_t word, uint64_t newest, Choices* choices) const {
  unsigned olds = 0;
  for (uint32_t slot = First(page, word); slot != kNone; slot = Next(slot)) ++olds;
  if (olds == 0) return newest;
  unsigned choice = choices->Next() % (olds + 1);
  uint64_t value = newest;
  uint64_t below = uint64_t{order_} + 1;
  for (; choice != 0; --choice) {
    uint32_t last = kNone;
    for (uint32_t slot = First(page, word); slot != kNone; slot = Next(slot)) {
      if (entries_[slot].order >= below) continue;
      if (last == kNone || entries_[slot].order > entries_[last].order) last = slot;
    }
    value = entries_[last].value;
    below = entries_[last].order;
  }
  return value;
}

void PendingStores::SaveEntries(PendingValue* to) const {
  if (entry_limit_ != 0) __builtin_memcpy(to, entries_, entry_limit_ * sizeof(PendingValue));
}

void PendingStores::Restore(const PendingStores& saved, const PendingValue* entries) {
  const uint32_t limit = entry_limit_;
  for (uint32_t slot = 0; slot < limit; ++slot) {
    if (entries_[slot].used) Free(slot);
  }
  *this = saved;
  if (entry_limit_ == 0) return;
  __builtin_memcpy(entries_, entries, entry_limit_ * sizeof(PendingValue));
  // Free slots keep their chain; the others are linked anew.
  for (uint32_t slot = 0; slot < entry_limit_; ++slot) {
    if (entries_[slot].used) Link(slot);
  }
}

}  // namespace sidewall::model
