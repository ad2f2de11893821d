// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The host's identity stage 2 as it is stored, and which of its pages may have changed. Live or
// not: tables that no bank is on over count as much as others, since the next S2CR brings them on.
//
//     idmap.Begin(geometry);                  // after finalize: where it is
//     idmap.OnStore(pa, 8);                   // to a table, the identity map's or not
//     idmap.Mark(page, count);                // pages that changed hands
//     idmap.TakeChanged(f);                   // at a quiet point: f(ipa) for each of these pages
//     Idmap::Leaf leaf = idmap.Find(ipa);
#ifndef SIDEWALL_ORACLE_IDMAP_H_
#define SIDEWALL_ORACLE_IDMAP_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/machine.h"
#include "model/stage2_trees.h"

namespace sidewall {

class Idmap {
 public:
  struct Leaf {
    bool mapped = false;
    uint64_t pa = 0;
    uint8_t perm = 0;     // model::Permission
    uint64_t stored = 0;  // the descriptor
  };

  // view: the pool's tables as the driver stored them.
  Idmap(const model::BoardSpec& board, const uint64_t* view);

  void Reset();
  void Save();
  void Restore();
  void Begin(const model::Stage2Geometry& geometry);
  bool known() const { return geometry_.valid; }
  uint64_t root() const { return geometry_.root; }

  void OnStore(uint64_t pa, uint64_t bytes);
  void Mark(uint64_t ipa, uint64_t pages) { changed_.emplace_back(ipa, pages); }
  bool changed() const { return !changed_.empty(); }
  // Calls f(ipa) for each page of memory or of registers that may be mapped otherwise now, and for
  // all that a table of leaves may map wherever it lies.
  template <typename F>
  void TakeChanged(F f) {
    for (const auto& [ipa, pages] : changed_) {
      if (pages <= kSmall) {
        for (uint64_t i = 0; i < pages; i++) f(ipa + (i << 12));
        continue;
      }
      for (size_t i = 0; i < board_.dram_count; i++) Visit(board_.dram[i], ipa, pages, f);
      for (size_t i = 0; i < board_.host_mmio_count; i++) Visit(board_.host_mmio[i], ipa, pages, f);
    }
    changed_.clear();
  }

  Leaf Find(uint64_t ipa) const;

 private:
  // A table of the identity map: its level and the first address that it maps.
  struct Node {
    uint64_t base = 0;
    uint8_t level = 0;
    bool known = false;
    bool touched = false;
  };

  static constexpr uint64_t kSmall = 512;  // pages of one table of leaves

  template <typename F>
  static void Visit(const model::Range& range, uint64_t ipa, uint64_t pages, F f) {
    const uint64_t first = std::max(range.start, ipa);
    const uint64_t last = std::min(range.end(), ipa + (pages << 12));
    for (uint64_t at = first; at < last; at += uint64_t{1} << 12) f(at);
  }

  static unsigned Shift(unsigned level) { return 39 - 9 * level; }
  size_t PageOf(uint64_t pa) const;
  uint64_t Word(uint64_t pa) const;
  void Set(size_t page, bool known, unsigned level, uint64_t base);
  void Enter(uint64_t pa, unsigned level, uint64_t base);
  void OnWord(uint64_t pa);

  const model::BoardSpec& board_;
  const uint64_t* const view_;
  model::Stage2Geometry geometry_, saved_geometry_;
  std::vector<Node> nodes_, saved_nodes_;
  std::vector<size_t> touched_;
  std::vector<std::pair<uint64_t, uint64_t>> changed_;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_IDMAP_H_
