// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A map from page numbers, in chunks, so that a page more costs the same however many there are:
// only the numbers of chunks are kept in order. It is copied by value, as the state of a ghost is.
//
//     PageMap<Mapping> pages;
//     pages.Set(iova / kPage, mapping);
//     if (const Mapping* found = pages.Find(n)) Use(*found);
//     pages.Erase(first, last);           // all in [first, last)
//     pages.Run(first, count, true);      // how many from first on are mapped; or, false, are not
#ifndef SIDEWALL_ORACLE_PAGE_MAP_H_
#define SIDEWALL_ORACLE_PAGE_MAP_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "oracle/flat_map.h"

namespace sidewall {

template <typename Value>
class PageMap {
 public:
  uint64_t size() const { return size_; }

  const Value* Find(uint64_t page) const {
    const Chunk* chunk = ChunkOf(page);
    return chunk != nullptr && (chunk->used >> page % kPages & 1) != 0
               ? &chunk->value[page % kPages]
               : nullptr;
  }

  void Set(uint64_t page, const Value& value) {
    const auto found = place_.find(page / kPages);
    const uint32_t place = found != place_.end() ? found->second : Add(page / kPages);
    Chunk& chunk = chunks_[place];
    const uint64_t bit = uint64_t{1} << page % kPages;
    size_ += (chunk.used & bit) == 0;
    chunk.used |= bit;
    chunk.value[page % kPages] = value;
  }

  void Erase(uint64_t first, uint64_t last) {
    if (first >= last) return;
    const auto begin = place_.lower_bound(first / kPages);
    auto end = begin;
    auto kept = begin;
    for (; end != place_.end() && end->first * kPages < last; ++end) {
      Chunk& chunk = chunks_[end->second];
      const uint64_t gone = chunk.used & Between(end->first, first, last);
      chunk.used &= ~gone;
      size_ -= static_cast<uint64_t>(std::popcount(gone));
      if (chunk.used == 0) {
        free_.push_back(end->second);
      } else {
        *kept++ = *end;
      }
    }
    place_.erase(kept, end);
  }

  uint64_t Run(uint64_t first, uint64_t count, bool mapped) const {
    uint64_t run = 0;
    auto at = place_.lower_bound(first / kPages);
    while (run < count) {
      const uint64_t page = first + run;
      while (at != place_.end() && at->first < page / kPages) ++at;
      const bool here = at != place_.end() && at->first == page / kPages;
      if (!here && mapped) return run;
      if (!here && at == place_.end()) return count;
      if (!here) {
        run = at->first * kPages - first;
        continue;
      }
      const uint64_t used = chunks_[at->second].used >> page % kPages;
      const auto same =
          static_cast<uint64_t>(mapped ? std::countr_one(used) : std::countr_zero(used));
      const uint64_t left = kPages - page % kPages;
      run += std::min(same, left);
      if (same < left) break;
    }
    return std::min(run, count);
  }

 private:
  static constexpr uint64_t kPages = 64;
  struct Chunk {
    uint64_t used = 0;  // a bit for each page
    std::array<Value, kPages> value = {};
  };

  const Chunk* ChunkOf(uint64_t page) const {
    const auto found = place_.find(page / kPages);
    return found == place_.end() ? nullptr : &chunks_[found->second];
  }

  uint32_t Add(uint64_t number) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(chunks_.size()));
      chunks_.emplace_back();
    }
    const uint32_t place = free_.back();
    free_.pop_back();
    place_[number] = place;
    return place;
  }

  // The pages of a chunk that lie in [first, last), which it has some of.
  static uint64_t Between(uint64_t number, uint64_t first, uint64_t last) {
    const uint64_t base = number * kPages;
    uint64_t bits = ~uint64_t{0};
    if (first > base) bits &= ~uint64_t{0} << (first - base);
    if (last < base + kPages) bits &= (uint64_t{1} << (last - base)) - 1;
    return bits;
  }

  FlatMap<uint64_t, uint32_t> place_;  // of the chunks in use, by their numbers
  std::vector<Chunk> chunks_;
  std::vector<uint32_t> free_;
  uint64_t size_ = 0;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_PAGE_MAP_H_
