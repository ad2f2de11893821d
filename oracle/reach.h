// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Reach: which pages the live stage-2 trees map, whose streams stand on which tree, and whether
// the one fits the other. It is kept up by what changes: leaves, one entry or one page at a time.
//
//     Reach reach(board, ghost, machine);
//     reach.RefreshAll();                       // after takeover: every entry of every instance
//     reach.RefreshBank(instance, bank);        // after a store to a bank
//     Breach breach = reach.Check();            // what is wrong now, if anything
#ifndef SIDEWALL_ORACLE_REACH_H_
#define SIDEWALL_ORACLE_REACH_H_

#include <array>
#include <cstdint>
#include <vector>

#include "model/machine.h"
#include "oracle/bits.h"
#include "oracle/ghost.h"

namespace sidewall {

// Why a stream reaches what its owner may not touch.
struct Breach {
  enum Kind : uint8_t { kNone, kEverything, kPage, kWildTree, kUnknownTlb };
  Kind kind = kNone;
  uint8_t owner = 0;
  bool stale = false;  // by what caches may still walk, not by the tables of its bank
  size_t instance = 0;
  uint16_t entry = 0;
  model::Resolution via;
  uint64_t page = 0;  // kPage: one that the owner may not touch
  uint64_t ipa = 0;
};

class Reach final : public model::Watcher {
 public:
  Reach(const model::BoardSpec& board, const Ghost& ghost, const model::Machine& machine);

  void Reset();
  void Save();
  void Restore();

  // ---- What the model tells.
  void OnLeaves(const model::LeafChange& first, uint64_t pages) override;
  void OnTree(uint64_t root, bool live) override;
  void OnWildTree(uint64_t root) override;

  // ---- What the harness tells. Indices are those of the machine.
  void RefreshAll();
  void RefreshEntry(size_t instance, uint16_t entry);
  // After a store to an SMR: another entry may have begun or ceased to match alone.
  void RefreshMatch(size_t instance, uint16_t entry);
  void RefreshBank(size_t instance, uint16_t bank);
  void RefreshInstance(size_t instance);
  // The page at pa is about to change hands (before = true), or has (before = false).
  void OnOwner(uint64_t pa, bool before);

  // True when a change since the last Check could have widened what a stream reaches.
  bool suspicious() const { return all_suspicious_ || pending_in_ != 0; }
  // An entry as it was looked at last: whose streams it matches, and where they go.
  struct Slot {
    bool valid = false;
    uint8_t owners = 0;  // set of owners of the streams that it matches
    model::Resolution via;
  };
  const std::vector<Slot>& slots(size_t instance) const { return now_.slots[instance]; }
  // Calls f(entry, slot) for each entry that is valid, by number, until one call returns true.
  template <typename F>
  void AnyValid(size_t instance, F f) const {
    AnyOf(now_.valid[instance],
          [&](uint16_t entry) { return f(entry, now_.slots[instance][entry]); });
  }

  // Sides whose masters are held: what their registers say is not looked at.
  void SetHeld(uint8_t sides) { held_ = sides; }
  Breach Check();

  // What one entry does wrong, as far as is known here.
  Breach Look(size_t instance, uint16_t entry) const;
  // The leaves of a tree that each owner may not touch; false: there is no such tree, or nobody can
  // follow it.
  bool CountBad(uint64_t root, uint32_t (&bad)[model::kMaxOwners]) const;

  // Trees that map the page, for a loss of ownership. `ipa` receives one address.
  bool IsMapped(uint64_t page, uint64_t* root) const;
  // The pages that a live tree maps; false where it cannot be told.
  bool CountLeaves(uint64_t root, uint64_t* leaves) const;
  // False for a tree that is known to be empty.
  bool MapsAnything(uint64_t root) const;
  // Calls f(vmid) for each VMID under which streams of an owner may have been translated by an
  // instance, until one call returns true.
  template <typename F>
  void AnyVmid(size_t instance, uint8_t owner, F f) const {
    AnyBit(now_.vmids[owner][instance],
           [&](uint32_t vmid) { return f(static_cast<uint8_t>(vmid)); });
  }

 private:
  struct Tree {
    uint64_t root = 0;
    bool live = false;
    bool wild = false;
    bool touched = true;          // since Save; a place that Save has not seen is
    std::vector<uint16_t> count;  // leaves by DRAM page
    // Leaves of 4 KiB, or what a block has of them, by the set of owners that may touch the page.
    std::array<uint32_t, 1u << model::kMaxOwners> leaves = {};
    uint8_t users = 0;  // owners of the streams that stand on it
    uint64_t last_bad_page = 0;
    uint64_t last_bad_ipa = 0;
    // Leaves whose page this owner may not touch.
    uint32_t Bad(uint8_t owner) const {
      uint32_t bad = 0;
      for (size_t may = 0; may < leaves.size(); may++) bad += may >> owner & 1 ? 0 : leaves[may];
      return bad;
    }
  };
  // A set of entries. Few of an instance are valid, and looking at each slot costs a line of cache.
  using Entries = std::array<uint64_t, model::kMaxEntries / 64>;
  struct State {
    std::vector<Tree> trees;
    std::vector<Slot> slots[model::kMaxInstances];
    Entries valid[model::kMaxInstances] = {};
    uint64_t vmids[model::kMaxOwners][model::kMaxInstances][4] = {};
  };

  template <typename F>
  static bool AnyOf(const Entries& entries, F f) {
    return AnyBit(entries, [&](uint32_t entry) { return f(static_cast<uint16_t>(entry)); });
  }
  void Suspect(size_t instance, uint16_t entry) {
    pending_[instance][entry / 64] |= uint64_t{1} << (entry % 64);
    pending_in_ |= 1u << instance;
  }
  void ForgetPending();
  // Leaves of pages that the same owners may touch came or went; the last one is named.
  void Count(Tree* tree, unsigned may, uint64_t pages, const model::LeafChange& last);
  Tree* Find(uint64_t root);
  Tree* FindAnother(uint64_t root);
  const Tree* Find(uint64_t root) const;
  void AddVmid(size_t instance, uint8_t vmid, uint8_t owners);
  uint8_t UsersOf(uint64_t root) const;
  uint8_t OwnersOf(size_t instance, uint32_t smr) const;
  bool CheckSlot(size_t instance, uint16_t entry, Breach* breach) const;
  void CheckTree(const Tree& tree, uint8_t owners, bool stale, Breach* found) const;

  const model::BoardSpec& board_;
  const Ghost& ghost_;
  const model::Machine& machine_;
  State now_;
  State saved_;
  uint8_t held_ = 0;
  bool dirty_ = true;
  size_t last_found_ = 0;
  unsigned slots_touched_ = 0;  // instances with an entry that was looked at since Save
  // Entries that have changed since the last check, or all of them when a tree has.
  bool all_suspicious_ = true;
  std::array<Entries, model::kMaxInstances> pending_ = {};
  unsigned pending_in_ = 0;  // instances that have one
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_REACH_H_
