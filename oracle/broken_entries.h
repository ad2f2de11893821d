// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Entries of live tables that were made invalid, with what they said before and when. What is made
// there next must wait until no TLB can hold the old entry, or say the same.
//
//     BrokenEntries broken;
//     broken.Note(pa, old, root, lives.Now());   // a valid entry was stored over with an invalid
//     if (const auto* was = broken.Find(pa)) Compare(was->descriptor, stored);
//     broken.Forget(page);                       // the table is another from now on
#ifndef SIDEWALL_ORACLE_BROKEN_ENTRIES_H_
#define SIDEWALL_ORACLE_BROKEN_ENTRIES_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "oracle/flat_map.h"
#include "oracle/lives.h"

namespace sidewall {

class BrokenEntries {
 public:
  struct Entry {
    uint64_t descriptor = 0;
    uint64_t root = 0;
    uint32_t moment = 0;  // index, plus one
  };

  void Clear();
  void Note(uint64_t pa, uint64_t descriptor, uint64_t root, const Lives::Moment& moment);
  const Entry* Find(uint64_t pa) const;
  const Lives::Moment& When(const Entry& entry) const { return moments_[entry.moment - 1]; }
  void Drop(uint64_t pa);
  void Forget(uint64_t page);

 private:
  static constexpr uint64_t kEntries = 512;
  using Page = std::array<Entry, kEntries>;

  // Removals with no command between them share one moment.
  std::vector<Lives::Moment> moments_;
  FlatMap<uint64_t, std::unique_ptr<Page>> pages_;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_BROKEN_ENTRIES_H_
