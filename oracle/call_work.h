// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What one call of the driver does: how much, and which words it leaves otherwise than it found
// them. A refused call may store and take it back, but must leave everything as it was.
//
//     CallWork work;
//     work.Begin(pools);
//     work.OnStore({pa, 4, false, before});
//     work.OnLoad(answered);
//     for (const CallWork::Word& word : work.words()) Compare(word.before, Now(word));
#ifndef SIDEWALL_ORACLE_CALL_WORK_H_
#define SIDEWALL_ORACLE_CALL_WORK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/pools.h"

namespace sidewall {

// How much a call may do. Each is an arithmetic bound of what the waist lets a call do, with the
// largest that the corpus and the tests reach beside it in README.md.
struct WorkBounds {
  // 1 GiB of pages in leaves of 4 KiB: 512 tables of 512, each with its link, and three tables more
  // that the last page needs. A table is emptied by one store.
  static constexpr uint64_t kTableStores = 512 * 512 + 2 * 512 + 2 * 3;
  // All registers of policy of all instances, closed first and then programmed: 128 banks with 16
  // words, 128 entries with two words, twice, on five instances; commands are fewer.
  static constexpr uint64_t kRegisterStores = 5 * 2 * (128 * 16 + 128 * 2 + 64);
  // What is stored may be read back, and each instance is polled until its sync times out; for each
  // unit at most four times, before and after its tables or entries change.
  static constexpr uint64_t kSyncs = 4 * 5;
  // The end of a VM: 512 steps and a last one for each of its eight domains, each under the lock of
  // the domains and those of three units; and each of 128 streams of three units is looked for,
  // detached and returned, under three such locks at a time.
  static constexpr uint64_t kHolds = 8 * 513 * (1 + 3) + 3 * 128 * 3 * (1 + 3);
  // Others wait as long as a lock is held: sixteen tables of leaves, which one batch of references
  // may come from, and the three above the last.
  static constexpr uint64_t kTableStoresHeld = 16 * 512 + 2 * 3;
};

class CallWork {
 public:
  struct Word {
    uint64_t pa = 0;
    uint8_t width = 0;
    bool table = false;
    uint64_t before = 0;
  };
  using FreePages = std::array<uint32_t, model::kPoolCount>;

  void Begin(const model::Pools& pools);
  void OnStore(const Word& word);
  void OnLoad(bool answered) {
    loads_++;
    unanswered_ |= !answered;
  }
  void OnLock();
  void OnUnlock();
  void OnAlloc(uint64_t pa) { (pa == 0 ? failed_allocations_ : allocations_)++; }
  void OnUnuse() { dropped_references_ = true; }
  void OnNotify() { notified_ = true; }
  static FreePages FreeIn(const model::Pools& pools);

  // The first words that were stored to, oldest first; more than a refused call can have reason to.
  const std::vector<Word>& words() const { return words_; }
  const FreePages& free_before() const { return free_before_; }
  uint64_t table_stores() const { return table_stores_; }
  uint64_t register_stores() const { return register_stores_; }
  uint64_t loads() const { return loads_; }
  uint64_t holds() const { return holds_; }
  // The most that were made from the first lock taken to the last dropped.
  uint64_t table_stores_held() const { return table_stores_held_; }
  bool unanswered() const { return unanswered_; }
  bool allocates() const { return allocations_ != 0; }
  bool allocation_failed() const { return failed_allocations_ != 0; }
  bool dropped_references() const { return dropped_references_; }
  bool notified() const { return notified_; }

 private:
  static constexpr size_t kWords = 1024;

  std::vector<Word> words_;
  FreePages free_before_ = {};
  uint64_t table_stores_ = 0;
  uint64_t register_stores_ = 0;
  uint64_t loads_ = 0;
  uint64_t holds_ = 0;
  uint64_t held_now_ = 0;
  uint64_t table_stores_before_hold_ = 0;
  uint64_t table_stores_held_ = 0;
  uint64_t allocations_ = 0;
  uint64_t failed_allocations_ = 0;
  bool dropped_references_ = false;
  bool notified_ = false;
  bool unanswered_ = false;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_CALL_WORK_H_
