// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// One translation through the tables: stage 1, stage 2, or both, VMSAv8-64 with 4 KiB or 64 KiB
// granule. The first check that fails, in the order of the walk, ends it.
//
//     Walk walk(memory, smmu, tlb, choices);
//     walk.Run(resolution, {.write = true}, address);
//     if (walk.fault == FaultKind::kNone) Deliver(walk.pa, walk.attributes);
#ifndef SIDEWALL_MODEL_WALK_H_
#define SIDEWALL_MODEL_WALK_H_

#include <stdint.h>

#include "model/attributes.h"
#include "model/machine.h"

namespace sidewall::model {

struct AccessKind {
  bool write = false;
  bool privileged = false;
  bool instruction = false;
};

// 0 to 7, for sets of kinds. A write is no instruction fetch.
constexpr unsigned KindNumber(const AccessKind& access) {
  const bool fetch = access.instruction && !access.write;
  return static_cast<unsigned>(access.write) | static_cast<unsigned>(access.privileged) << 1 |
         static_cast<unsigned>(fetch) << 2;
}

class Walk {
 public:
  // With `choices`, a stale TLB entry may answer; without, only the tables do.
  Walk(const Memory& memory, const SmmuInstance& smmu, const Tlb& tlb, Choices* choices)
      : memory_(memory), smmu_(smmu), tlb_(tlb), choices_(choices) {}

  void Run(const Resolution& via, AccessKind access, uint64_t address);
  // Stage 1 begins at this table, and does not look at those above it.
  void BeginAt(const TablePointer* to) { begin_ = to; }

  FaultKind fault = FaultKind::kNone;
  uint8_t stage = 0;         // that faulted
  uint8_t level = 0;         // of the descriptor that failed
  bool stage1_walk = false;  // a stage-2 fault of a stage-1 table fetch
  bool table_fetch = false;  // an external abort of a table fetch
  bool stale = false;        // stage 2 was answered by a cache
  bool by_pointer = false;   // stage 1 began at the table of BeginAt
  uint64_t pa = 0;
  uint64_t ipa = 0;
  Attributes attributes;        // in: as the transaction has them before any stage; out: after all
  Attributes leaf_attributes;   // of the stage-2 leaf that was last used, as it says
  bool global = true;           // no stage-1 leaf says otherwise (nG)
  uint8_t leaf_bits = 12;       // log2 of the size of the leaf of stage 1, or of stage 2 alone
  uint8_t met_bits[2] = {};     // of the leaf of stage 1, and of stage 2 for what stage 1 gave
  uint32_t reads = 0;           // descriptors that were fetched
  uint8_t table_count = 0;      // stage-1 tables that were read, or would have been,
  uint64_t table_page[4] = {};  // as intermediate physical addresses
  uint8_t pointers = 0;         // to tables below the first of stage 1,
  TablePointer pointer[3];      // as they were met

 private:
  // Where a walk starts, and what it may give.
  struct Shape {
    unsigned page_bits = 12;
    unsigned input_bits = 48;
    unsigned output_bits = 48;
    unsigned start_level = 0;
    uint64_t table = 0;
  };

  bool Fail(FaultKind kind, unsigned at_stage, unsigned at_level);
  bool Aarch32Fails(const Resolution& via, uint64_t address);
  uint64_t Descriptor(const ContextBank& bank, uint64_t where);
  unsigned DrawGranule();
  unsigned OutputBits(uint64_t pa_size, bool intermediate) const;

  bool Stage1(const ContextBank& bank, AccessKind access, uint64_t va, uint64_t* out);
  bool Stage1Untranslated(const ContextBank& bank, uint64_t va, uint64_t* out);
  bool ShapeStage1(const ContextBank& bank, uint64_t va, Shape* shape);
  bool SizeStage1(const ContextBank& bank, bool high, Shape* shape);
  bool Stage1Leaf(const ContextBank& bank, AccessKind access, uint64_t descriptor, unsigned level,
                  unsigned table_attributes);

  bool Stage2(AccessKind access, uint64_t in, bool for_walk, uint64_t* out);
  bool ShapeStage2(const ContextBank& bank, uint64_t in, Shape* shape);
  bool Stage2Leaf(const ContextBank& bank, AccessKind access, uint64_t descriptor, unsigned level,
                  bool for_walk);
  void UseLeaf(uint64_t descriptor);
  // What a cached translation of stage 2 did with an access.
  enum class Cached : uint8_t { kNone, kDelivered, kFaulted };
  Cached StaleAnswers(const ContextBank& bank, AccessKind access, uint64_t in, bool for_walk,
                      uint64_t* out);
  bool Conflicts(uint64_t in, const LeafAnswer& stale) const;
  void FindTwins();
  size_t FindCached(uint64_t page, size_t which, LeafAnswer* answer) const;
  bool CanFetch(uint64_t* where);
  void ChooseVmid(uint8_t of_stage1);

  const Memory& memory_;
  const SmmuInstance& smmu_;
  const Tlb& tlb_;
  Choices* choices_;
  const ContextBank* stage2_bank_ = nullptr;
  uint8_t stage2_vmid_ = 0;
  uint8_t stale_forms_ = Tlb::kStage2Only | Tlb::kCombined;
  // Trees that other banks of the instance name under the same VMID. More than a few are rare, and
  // which are left out means little.
  static constexpr size_t kMaxTwins = 4;
  uint16_t twin_[kMaxTwins] = {};
  size_t twin_count_ = 0;
  bool unflagged_ = false;      // leaves without access flag may be cached under this VMID
  bool has_stage2_ = false;     // also when its bank is off
  bool granule_drawn_ = false;  // for a stage 2 whose TG0 names no granule of this hardware
  unsigned granule_ = 0;
  bool stage1_leaf_ = false;
  const TablePointer* begin_ = nullptr;
  LeafAnswer stage2_leaf_;  // that the last walk of stage 2 met
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_WALK_H_
