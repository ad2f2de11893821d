// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a table walker may still see of page-table memory. A store of the CPU sits in a cache until
// its line is cleaned and a barrier has completed the cleaning; until then the walker may find the
// new value, the one before it, or any that the word had in between.
//
//     pending.Add(page, word, 0);              // the word was 0, and is something else now
//     pending.Clean(page, word, 1);
//     PendingStores::Gone gone;
//     while (pending.TakeGone(&gone)) {}       // at the barrier: nobody can see the 0 any more
//
// Values are noted exactly, one entry for each value that a word had. An old value whose bit 0 is
// clear maps nothing, so losing it only makes the model less free; those may fill half of the room
// and are dropped beyond. When there is no room for another value, Add says so.
#ifndef SIDEWALL_MODEL_VISIBILITY_H_
#define SIDEWALL_MODEL_VISIBILITY_H_

#include <stddef.h>
#include <stdint.h>

#include "model/choices.h"

namespace sidewall::model {

// A value that a pool word had, and that a walker may still find there.
struct PendingValue {
  uint64_t value;
  uint32_t word;          // of the pool: page * 512 + word of the page
  uint32_t next;          // of the chain of its bucket, or of the free ones
  uint32_t next_cleaned;  // of those that the next barrier ends
  uint32_t order;         // of the stores that replaced them
  bool cleaned;
  bool used;
};

class PendingStores {
 public:
  static constexpr uint32_t kNone = 0xffffffff;
  struct Gone {
    size_t page = 0;
    size_t word = 0;
    uint64_t value = 0;
  };

  static size_t Capacity(size_t pool_pages) { return 4096 + 16 * pool_pages; }
  static size_t WorkSize(size_t pool_pages);
  // coherent: walks snoop the caches, so a barrier alone is enough.
  void Reset(void* work, size_t pool_pages, bool coherent);

  // The word has another value now. False: a valid descriptor could not be noted.
  bool Add(size_t page, size_t word, uint64_t old);
  // The cleaning of these words begins; a barrier completes it.
  void Clean(size_t page, size_t first, size_t count);
  // At a barrier: takes out the next value that nobody can see any more. False: there is none.
  bool TakeGone(Gone* gone);

  // How many old values the words of a page may still show.
  uint32_t count(size_t page) const { return counts_[page]; }
  // The old values of a word, one after another; kNone at the end.
  uint32_t First(size_t page, size_t word) const;
  uint32_t Next(uint32_t slot) const;
  uint64_t value(uint32_t slot) const { return entries_[slot].value; }
  // What a walker finds: a choice of 0 is the newest value, of n the n-th one before it.
  uint64_t Draw(size_t page, size_t word, uint64_t newest, Choices* choices) const;

  // Snapshots, as those of the TLB notes.
  size_t entry_limit() const { return entry_limit_; }
  void SaveEntries(PendingValue* to) const;
  void Restore(const PendingStores& saved, const PendingValue* entries);

 private:
  static constexpr size_t kBuckets = 4096;

  uint32_t Match(uint32_t slot, uint32_t word) const;
  void Link(uint32_t slot);
  void Unlink(uint32_t slot);
  void Free(uint32_t slot);
  void MarkCleaned(uint32_t slot);

  PendingValue* entries_ = nullptr;
  uint32_t* heads_ = nullptr;
  uint32_t* counts_ = nullptr;  // by pool page
  uint32_t capacity_ = 0;
  uint32_t entry_limit_ = 0;
  uint32_t entry_count_ = 0;
  uint32_t free_head_ = kNone;
  uint32_t cleaned_head_ = kNone;
  uint32_t cleaned_tail_ = kNone;
  uint32_t order_ = 0;
  bool coherent_ = false;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_VISIBILITY_H_
