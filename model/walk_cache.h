// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Pointers to stage-1 tables that walks have left in one SMMU instance. A later walk may begin at
// one of them, although the tables above it say something else by now.
//
//     cache.Note({.va = 0x40000000, .table = table, .span_bits = 30, .level = 2}, {.tag = tag});
//     cache.Cover({.command = TlbCommand::kVa, ...}, seq, erratum);
//     cache.CompleteGlobal(seq);      // the sync after that command is complete: it has gone
//
// TLBIVA of an address below a table takes the pointer to it away, TLBIVAL does not. With the
// erratum no invalidation by address does, since it looks in another place.
#ifndef SIDEWALL_MODEL_WALK_CACHE_H_
#define SIDEWALL_MODEL_WALK_CACHE_H_

#include <stddef.h>
#include <stdint.h>

#include "model/translation_cache.h"

namespace sidewall::model {

// A table descriptor that a walk has met, and what the walk knew when it went on.
struct TablePointer {
  uint64_t va = 0;     // where what the table maps begins
  uint64_t table = 0;  // as stage 1 gives it
  uint8_t span_bits = 12;
  uint8_t level = 0;  // of the table
  uint8_t page_bits = 12;
  uint8_t attributes = 0;  // what the tables above it take away; see Walk::Stage1

  bool Same(const TablePointer& other) const {
    return table == other.table && level == other.level && page_bits == other.page_bits &&
           attributes == other.attributes;
  }
};

struct WalkPointer {
  TablePointer to;
  CachedTranslation entry;  // the same, for lookups and commands
};

class WalkCache {
 public:
  static constexpr size_t kMax = 16;
  static constexpr size_t kNone = ~size_t{0};

  // `made` says with which tag it was met, in which state of the machine the tables of which bank
  // say so, and by which commands that is covered already which led there.
  void Note(const TablePointer& to, const CachedTranslation& made);
  // Whether the i-th is found by an address under a tag.
  bool Finds(size_t i, const TlbTag& tag, uint64_t va) const;
  const WalkPointer& pointer(size_t i) const { return pointers_[i]; }
  size_t limit() const { return limit_; }

  void Cover(const Invalidation& what, uint64_t seq, bool erratum);
  void CompleteGlobal(uint64_t captured);
  void CompleteBank(uint16_t bank, uint64_t captured);

 private:
  WalkPointer pointers_[kMax];
  size_t limit_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_WALK_CACHE_H_
