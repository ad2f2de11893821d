// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A rough picture of what a program has set up so far, so that the mutator can aim: DMA that
// should be delivered, a page that was given away, an entry that is in use. It is a guess about a
// well-behaved machine, and nothing relies on it being right.
//
//     Sketch sketch(values);
//     for (const Event& event : program.events) sketch.Note(event);
//     Target target;
//     if (sketch.FindTarget(&random, &target)) AddDma(target);
#ifndef SIDEWALL_FUZZ_SKETCH_H_
#define SIDEWALL_FUZZ_SKETCH_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "fuzz/random.h"
#include "fuzz/roster.h"
#include "fuzz/values.h"
#include "model/event.h"

namespace sidewall::fuzz {

// The stage-1 tables that macros write: four table pages and four data pages a slot.
inline constexpr uint64_t kTableSlots = 8;
inline constexpr uint64_t kSlotPages = 8;
inline constexpr uint64_t kSlotData = 4;  // data pages of a slot, and pages that it can map
inline constexpr uint64_t kFirstSlotPage = 64;
inline constexpr uint64_t kFirstIova = 0x10000;
inline constexpr uint64_t kFirstLeaf = kFirstIova / kPage;

uint64_t SlotPage(const Values& values, uint64_t slot, uint64_t n);

struct Target {
  const model::ClientInfo* client = nullptr;
  bool translated = false;  // through the tables of `slot`; else the address is used as it is
  uint64_t slot = 0;
  uint64_t bank = 0;
};

class Sketch {
 public:
  explicit Sketch(const Values& values);
  void Note(const Event& event);

  // Whether this client's stream has one valid entry that leads somewhere.
  bool Reaches(const model::ClientInfo& client) const;
  // Whether this transfer should be delivered.
  bool Delivers(const Event& dma) const;
  // A client whose stream has a valid entry that leads somewhere.
  bool FindTarget(Random* random, Target* target) const;
  // One through tables, which are few beside the others; false: `target` is another, or none.
  bool FindTranslated(Random* random, Target* target) const;
  // A client without one.
  const model::ClientInfo* FindUnmatched(Random* random) const;
  // A bank that some entry uses, as {side, bank}.
  bool FindLiveBank(Random* random, uint64_t* side, uint64_t* bank) const;
  // The same, or any where there is none.
  struct BankOfSide {
    uint64_t side;
    uint64_t bank;
  };
  BankOfSide SomeBank(Random* random) const;
  // The one valid entry that matches this client's stream; kEntries where none does, or several.
  size_t EntryOf(const model::ClientInfo& client) const;
  // An entry that is not in use, 0 where all are.
  uint64_t FreeEntry(Random* random, uint64_t side) const;

  struct Given {
    uint64_t page;
    uint64_t owner;
  };
  const std::vector<Given>& given() const { return given_; }
  bool IsGiven(uint64_t page) const;
  // VMs, domains, and what they have.
  const Roster& roster() const { return roster_; }
  // A page of the host that no table of ours uses and that was not given away.
  uint64_t PlainPage(Random* random) const;

 private:
  static constexpr size_t kSides = 3;
  static constexpr size_t kEntries = 128;
  struct Side {
    uint32_t smr[kEntries];
    uint32_t s2cr[kEntries];
    uint32_t sctlr[kEntries];
    uint64_t ttbr0[kEntries];
    uint8_t valid[kEntries];  // the valid entries, in no order: mostly one or two
    size_t valid_count;
  };

  static void NoteEntry(Side* side, size_t entry, uint32_t value);
  void NoteWrite(Side* side, uint64_t offset, uint64_t value);
  bool Route(const model::ClientInfo& client, Target* target) const;

  const Values& values_;
  std::vector<Side> sides_;
  std::vector<Given> given_;
  Roster roster_;
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_SKETCH_H_
