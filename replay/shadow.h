// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the kernel has set up, as far as a plain register file and the recorded tables say: which
// streams have which context, and which pages the tables of a context map. It shares nothing with
// the model, so it is a witness of its own for what DMA must reach.
//
//     Shadow shadow;
//     shadow.Write(access);                       // each write of the kernel
//     shadow.Replace(table);                      // each recorded page of a table
//     for (const Stream& s : shadow.Streams()) Check(s, shadow.Leaves(s));
//     shadow.Walk(root, iova).level;               // where a walk ends
#ifndef SIDEWALL_REPLAY_SHADOW_H_
#define SIDEWALL_REPLAY_SHADOW_H_

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "replay/trace.h"

namespace sidewall::replay {

// A page that a context maps.
struct Leaf {
  uint64_t iova = 0;
  uint64_t pa = 0;
  bool write = false;
};

struct WalkResult {
  bool mapped = false;
  uint8_t level = 0;  // at which the walk ended
  Leaf leaf;
};

enum class StreamKind : uint8_t { kUnmatched, kBypass, kFault, kContext, kContextOff, kAmbiguous };

struct Stream {
  uint8_t side = 0;
  uint16_t sid = 0;
  StreamKind kind = StreamKind::kUnmatched;
  uint16_t bank = 0;
  uint64_t root = 0;
};

class Shadow {
 public:
  void Write(const AccessRecord& access);
  // Calls store(pa, value) for each entry that changes.
  template <typename F>
  void Replace(const TableRecord& table, F store) {
    std::array<uint64_t, 512> next = {};
    for (const auto& [index, value] : table.entries) next[index] = value;
    std::array<uint64_t, 512>& page = pages_[table.pa];
    for (size_t i = 0; i < next.size(); ++i) {
      if (next[i] != page[i]) store(table.pa + 8 * i, next[i]);
    }
    page = next;
  }

  // What the kernel has set up for one stream ID, 15 bits, of one side.
  Stream Find(uint8_t side, uint16_t sid) const;
  // Every stream that a valid entry names by its ID bits.
  std::vector<Stream> Streams() const;
  // By increasing address; at most `limit`. False when a descriptor is none that Linux writes.
  bool Leaves(uint64_t root, size_t limit, std::vector<Leaf>* leaves) const;
  WalkResult Walk(uint64_t root, uint64_t iova) const;

 private:
  struct Unit {
    std::array<uint32_t, 128> smr = {};
    std::array<uint32_t, 128> s2cr = {};
    std::array<uint32_t, 128> sctlr = {};
    std::array<uint64_t, 128> ttbr0 = {};
  };

  uint64_t Entry(uint64_t page, uint64_t index) const;
  bool Collect(uint64_t page, unsigned level, uint64_t base, size_t limit,
               std::vector<Leaf>* leaves) const;

  std::array<Unit, 3> units_;  // by side; the first window of a pair is what the kernel reads
  std::unordered_map<uint64_t, std::array<uint64_t, 512>> pages_;
};

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_SHADOW_H_
