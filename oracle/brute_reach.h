// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Reach, found by walking everything: every entry, every stream ID that it matches, the registers
// of its banks word by word, and every table that they or the caches lead to. Nothing is kept from
// one look to the next, so there is nothing that a change could fail to reach. Too slow to be the
// oracle; it is what a test holds oracle/reach.h against.
//
//     BruteReach brute(board.spec(), board.ghost(), board.machine());
//     brute.Look(held_sides);
//     if (brute.at(instance, entry).breach) ...     // board.reach().Look must say so too
//
// Two valid entries that match one stream ID are ISO03's, and are not judged here.
#ifndef SIDEWALL_ORACLE_BRUTE_REACH_H_
#define SIDEWALL_ORACLE_BRUTE_REACH_H_

#include <cstdint>
#include <vector>

#include "model/machine.h"
#include "oracle/ghost.h"

namespace sidewall {

class BruteReach {
 public:
  BruteReach(const model::BoardSpec& board, const Ghost& ghost, const model::Machine& machine)
      : board_(board), ghost_(ghost), machine_(machine) {}

  // What an entry's streams can do.
  struct Verdict {
    bool valid = false;
    bool overlaps = false;  // with another valid entry
    bool breach = false;
    uint8_t vmid = 0;  // under which it translates, where stage 2 applies
    uint8_t stage2_vmid = 0;
    bool translates = false;
    bool reserved = false;  // of a shape that the architecture does not define: faults
  };
  // One table and all below it, as walkers may find them.
  struct Tree {
    uint64_t root = 0;
    uint64_t base = 0;
    unsigned start_level = 0;
    unsigned input_bits = 0;
    unsigned page_bits = 12;
    uint32_t root_pages = 1;
    bool wild = false;                     // leads where nobody can follow
    uint32_t bad[model::kMaxOwners] = {};  // leaves that this owner may not touch
    uint64_t digest = 0;                   // of its leaves, in any order
  };

  void Look(uint8_t held_sides);
  const Verdict& at(size_t instance, uint16_t entry) const { return verdicts_[instance][entry]; }
  const std::vector<Tree>& trees() const { return trees_; }
  // Of everything that streams reach; another one means that reach has changed.
  uint64_t digest() const { return digest_; }
  // True when the TLB of an instance may hold the page under one of these VMIDs.
  bool MayHold(size_t instance, const std::vector<bool>& vmids, uint64_t page) const;

 private:
  void LookAt(const model::SmmuSpec& spec, size_t instance, uint16_t entry);
  bool Overlaps(const model::SmmuSpec& spec, size_t instance, uint16_t entry) const;
  uint8_t Owners(size_t instance, uint32_t smr) const;
  void Translate(const model::SmmuSpec& spec, size_t instance, uint32_t s2cr, uint8_t owners,
                 Verdict* verdict);
  const Tree& Walked(const Tree& shape);
  void WalkPage(Tree* tree, uint64_t pa, unsigned level, uint64_t base);
  void WalkValue(Tree* tree, uint64_t descriptor, unsigned level, uint64_t ipa);
  void AddLeaf(Tree* tree, uint64_t descriptor, unsigned level, uint64_t ipa);
  void Note(uint64_t value);

  const model::BoardSpec& board_;
  const Ghost& ghost_;
  const model::Machine& machine_;
  std::vector<Verdict> verdicts_[model::kMaxInstances];
  std::vector<Tree> trees_;       // of this look
  std::vector<uint64_t> linked_;  // pages of the tree that is being walked
  uint64_t digest_ = 0;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_BRUTE_REACH_H_
