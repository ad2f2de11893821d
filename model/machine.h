// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The machine: SMMU instances, memory controller, memory and DMA masters of one board.
//
//     Machine machine;
//     machine.Reset(*FindBoard("tiny"), arena, &choices, &watcher);
//     machine.Write32(0x12000c00, 0x00020000);            // EL2 stores to S2CR[0] of niso0
//     DmaResult r = machine.Dma({.client = 0x58, .address = 0x80001000});
//
// Only two things act on it: EL2 (stores and loads, from the driver under test) and devices. It
// knows nothing of owners or policy. What it may deliver can be asked without side effects
// (Resolve, Translate, MayHold), and a Watcher is told of every change of a stage-2 leaf.
#ifndef SIDEWALL_MODEL_MACHINE_H_
#define SIDEWALL_MODEL_MACHINE_H_

#include <stddef.h>
#include <stdint.h>

#include "model/board.h"
#include "model/choices.h"
#include "model/mc.h"
#include "model/memory.h"
#include "model/smmu_state.h"
#include "model/stage2_trees.h"
#include "model/tlb.h"

namespace sidewall::model {

inline constexpr uint8_t kNoIndex8 = 0xff;
inline constexpr uint16_t kNoIndex = 0xffff;
inline constexpr size_t kMaxInstances = 5;

enum Permission : uint8_t { kPermNone = 0, kPermRead = 1, kPermWrite = 2 };

// What an SMMU instance does with a stream ID before any table is read.
enum class Route : uint8_t {
  kBypass,        // CLIENTPD, USFCFG, SMCFCFG, S2CR or MC passthrough: the whole of memory
  kUnmatched,     // faults, USF
  kMultiMatch,    // faults, SMCF
  kFaultEntry,    // S2CR type fault, or reserved
  kBadContext,    // UCBF or ICF of the bank
  kStage1Only,    // the tables of whoever wrote TTBR decide: the whole of memory
  kStage2,        // stage 2 alone
  kNested,        // stage 1 over stage 2
  kUntranslated,  // stage 2 bank with SCTLR.M 0: the whole of memory
};

struct Resolution {
  Route route = Route::kUnmatched;
  uint8_t match_count = 0;          // valid entries that match
  uint16_t entry = kNoIndex;        // the (chosen) matching entry
  uint16_t bank = kNoIndex;         // S2CR.CBNDX
  uint16_t stage2_bank = kNoIndex;  // the bank whose stage 2 applies
  uint8_t vmid = 0;                 // of `bank`
  uint8_t stage2_vmid = 0;          // of `stage2_bank`; unlike `vmid`, hardware is unpredictable
  uint64_t stage2_root = 0;         // TTBR0 base of that bank
};

enum class FaultKind : uint8_t {
  kNone,
  kUnmatchedStream,
  kMultipleMatch,
  kInvalidContext,
  kUnimplementedBank,
  kTranslation,
  kAccessFlag,
  kPermission,
  kAddressSize,
  kExternal,
  kBlocked,  // the bank is in the faulted state and HUPCF is 0
  kHeld,     // power is off, or the masters of the side are gated
};

// How the master sees the end of its transaction.
enum class Response : uint8_t {
  kDelivered,
  kError,  // CFRE, or GFRE for a fault that no bank records
  kZero,   // reads as zero, writes are ignored
  kHeld,   // no answer yet: a stall (CFCFG) until RESUME, or the power is off
};

struct DmaRequest {
  uint16_t client = kNoIndex;  // an MC client, or kNoIndex when side and sid are given
  uint8_t side = 0;
  uint16_t sid = 0;
  uint64_t address = 0;
  bool write = false;
  bool privileged = false;
  bool instruction = false;
  uint16_t own_sid = 0;          // what the device drives when the MC override is off
  uint8_t instance = kNoIndex8;  // of the pair; kNoIndex8: the hardware chooses
  // As the master drives them, in the encodings of DmaResult. The default is the weakest, so that
  // the result shows what the configuration adds.
  uint8_t memory_attribute = 0xff;
  uint8_t shareability = 0;
};

struct DmaResult {
  FaultKind fault = FaultKind::kNone;
  uint8_t level = 0;            // of the walk that faulted
  uint8_t stage = 0;            // 1, 2, or 0 where no walk faulted
  uint8_t instance = 0;         // global instance index (0..4), see InstanceIndex
  bool stale = false;           // a TLB entry, not the tables, gave the answer
  uint16_t sid = 0;             // as it reached the SMMU, 15 bits
  uint64_t pa = 0;              // where it was delivered, when fault is kNone
  uint64_t ipa = 0;             // after stage 1
  uint8_t table_count = 0;      // stage-1 tables that the walk read,
  uint64_t table_page[4] = {};  // as intermediate physical addresses
  Resolution via;
  bool stage1_walk = false;  // stage 2 failed a table fetch of stage 1
  Response response = Response::kDelivered;
  // Of a delivered access, as PAR_EL1 would show them: ATTR, in the encoding of MAIR_EL1, and SH:
  // 0 not, 2 outer, 3 inner shareable. Not known when a stale entry gave the answer.
  uint8_t memory_attribute = 0xff;
  uint8_t shareability = 0;
  uint64_t output = 0;  // pa before address bit 39 took effect
};

// Address bit 39 selects a data format on this machine: an address with it set may be an alias of
// the one without.
inline constexpr uint64_t kFormatBit = uint64_t{1} << 39;

// A transaction that a stall holds, or one whose stall has ended, with the result it has so far.
struct HeldDma {
  DmaRequest request;
  DmaResult result;
  uint16_t bank = kNoIndex;  // that waits for RESUME
};
inline constexpr size_t kMaxHeldDma = 16;

// One change of what a live stage-2 tree maps. A tree is live while an enabled stage-2 bank
// names its root. `page` is an output page (4 KiB aligned), after bit 39 as stored.
struct LeafChange {
  uint64_t root = 0;
  uint64_t ipa = 0;
  uint64_t page = 0;
  uint8_t perm = 0;    // Permission
  bool added = false;  // else removed
};

// Told of what a store changed. Calls come from inside Write*/Table*/Store64, in order, before
// they return; a tree that only stale TLB entries kept alive ends inside the status read that
// shows the sync complete (or in PowerLoss). When trees of two shapes lie over one root, the root
// is announced anew after one of them ends; and so is a tree that was wild only because another
// tree used one of its tables, after that other tree ends: OnTree false, OnTree true, its leaves.
class Watcher {
 public:
  virtual void OnLeaf(const LeafChange& change) = 0;
  // A tree became live (all its leaves follow as added), or ceased to be (no leaf calls follow).
  virtual void OnTree(uint64_t root, bool live) = 0;
  // Tables of a live tree lie outside the pool, or nest in a way that cannot be followed: treat
  // the tree as mapping everything.
  virtual void OnWildTree(uint64_t root) = 0;

 protected:
  ~Watcher() = default;
};

class Machine {
 public:
  static size_t WorkSize(size_t pool_pages);

  // Puts the machine into its reset state: CLIENTPD 1, TLB contents unknown, tables all zero.
  // `board`, `choices` and `watcher` must outlive it; watcher may be null.
  void Reset(const BoardSpec& board, const Arena& arena, Choices* choices, Watcher* watcher);
  // Overwrites registers with values drawn from the choices, as a hostile boot loader could.
  void Scramble();
  void set_choices(Choices* choices) { choices_ = choices; }

  // ---- EL2's side. pa is a register address in an SMMU or MC window.
  bool Read32(uint64_t pa, uint32_t* value);  // false: the bus gave no answer
  bool Read64(uint64_t pa, uint64_t* value);
  void Write32(uint64_t pa, uint32_t value);
  void Write64(uint64_t pa, uint64_t value);
  void TableWrite64(uint64_t pa, uint64_t value);
  void TableZero(uint64_t pa);
  void Barrier();
  void Clean(uint64_t pa, uint64_t size);

  // ---- Memory, as CPUs and devices see it.
  uint64_t Load64(uint64_t pa) const;
  // False: not RAM, or the page store is full.
  bool Store64(uint64_t pa, uint64_t value);
  const uint64_t* PoolPage(uint64_t pa) const;  // null when pa is not in the pool

  // ---- Devices. Records faults in the registers, as hardware does.
  DmaResult Dma(const DmaRequest& request);
  // The same without any side effect and without stale entries: what the tables say now.
  DmaResult Translate(const DmaRequest& request) const;
  // Transactions whose stall RESUME has ended, oldest first: what became of each. False: there is
  // none.
  bool TakeResumed(HeldDma* resumed);
  size_t held_count() const { return stalls_.held_count; }
  // True while an instance asserts its interrupt: any recorded fault whose bank has CFIE, or a
  // global one under GFIE.
  bool IrqLine(size_t instance) const;

  // ---- Registers of an instance without any side effect; 0 where there is none. offset is that of
  // the window, 4-byte aligned. PeekMc: the MC's window `index`, as in BoardSpec::mc_window.
  uint32_t Peek32(size_t instance, uint32_t offset) const;
  uint64_t Peek64(size_t instance, uint32_t offset) const;
  uint32_t PeekMc(size_t index, uint32_t offset) const;
  // True while pool page pa is a table of a live tree.
  bool IsLiveTable(uint64_t pa) const;

  // ---- What may be delivered, for the oracle. instance is a global index.
  Resolution Resolve(size_t instance, uint16_t sid) const;
  // True while entries of before the first completed TLBIALLNSNH may still be there. MayHold and
  // ForEachStale do not count those.
  bool TlbUnknown(size_t instance) const;
  // Permissions with which a translation to `page` under `vmid` may still be cached, though the
  // tables no longer hold it.
  uint8_t MayHold(size_t instance, uint8_t vmid, uint64_t page) const;
  // True when MayHold answers everything for every page: a wild tree may be cached, or what was
  // removed without an invalidation was so much, or from so wild a tree, that it could not be noted
  // singly.
  bool MayHoldEverything(size_t instance, uint8_t vmid) const;
  // Calls f(page, perm) for every such translation, unless MayHoldEverything.
  template <typename F>
  void ForEachStale(size_t instance, uint8_t vmid, F f) const {
    VisitStale(
        instance, vmid,
        [](void* context, uint64_t page, uint8_t perm) { (*static_cast<F*>(context))(page, perm); },
        &f);
  }
  // The SID with which a client reaches its SMMU; kNoIndex: past it (passthrough), through any
  // channel of the memory controller.
  uint16_t ClientSid(uint16_t client, uint16_t own_sid) const;

  // ---- Hardware events of a program.
  void InjectFault(size_t instance, uint16_t bank, uint32_t fsr, uint32_t fsynr0, uint64_t far,
                   uint16_t sid);
  void SetSyncMode(size_t instance, uint64_t mode, uint64_t polls);
  void FailReads(size_t instance, uint64_t count);
  void PowerLoss(uint8_t side);
  // Off: all state is lost, reads fail, writes are lost, and DMA of the side is held. On brings the
  // reset state, and lets the masters go on.
  void SetPower(uint8_t side, bool on);
  // Holds the masters of a side, powered or not: EL2 is still restoring what was lost.
  void GateMasters(uint8_t side, bool gated);
  bool powered(uint8_t side) const;

  // ---- Naming. A global instance index counts windows: niso1, niso1m, niso0, niso0m, iso on the
  // Tegra boards; boards with fewer SMMUs keep the indices of the windows that they have.
  size_t InstanceCount() const;
  bool InstanceOf(uint64_t pa, size_t* instance, uint32_t* offset) const;
  size_t InstanceIndex(uint8_t side, uint8_t instance) const;
  uint8_t SideOf(size_t instance) const;

  // ---- Going back. Mark makes the present state the one that Restore returns to; both need
  // Arena::snapshot. Restore costs the pages that changed since, and makes no Watcher calls.
  static size_t SnapshotSize(size_t pool_pages, size_t page_slots);
  bool Mark();  // false: the arena has no room for a snapshot
  bool Restore();

  // ---- Registers as hardware holds them, for checks that look at stored state.
  bool HasInstance(size_t instance) const { return smmu_[instance].spec != nullptr; }
  const SmmuInstance& smmu(size_t instance) const { return smmu_[instance]; }
  const MemoryController& mc() const { return mc_; }
  const BoardSpec& board() const { return *board_; }

 private:
  struct Decision {
    Resolution via;
    FaultKind fault = FaultKind::kNone;
    bool second_bank = false;  // the fault is that of the bank named by CBAR.CBNDX
    bool by_entry = false;     // an entry, not sCR0, says that the stream is bypassed
  };
  // Where a fault is recorded, and what.
  struct FaultRecord {
    bool global = false;
    uint16_t bank = kNoIndex;  // kNoIndex with !global: nowhere
    uint32_t status = 0;
    uint32_t fsynr0 = 0;
    uint64_t far = 0;
    uint64_t ipafar = 0;
    uint16_t held_by = kNoIndex;  // the bank whose fault holds back a transaction that has none
  };
  struct Stalls {
    size_t count() const { return held_count + resumed_count; }
    size_t held_count = 0;
    size_t resumed_count = 0;
    HeldDma held[kMaxHeldDma];
    HeldDma resumed[kMaxHeldDma];
  };
  struct SnapshotLayout;
  class Listener;
  friend class Listener;

  // smmu_regs.cc
  uint64_t ReadRegister(size_t instance, uint32_t offset, unsigned width);
  uint32_t ReadGlobal0(size_t instance, uint32_t offset);
  uint32_t ReadGlobal1(const SmmuInstance& smmu, uint32_t offset) const;
  uint32_t ReadBank(size_t instance, uint16_t bank, uint32_t offset);
  void WriteRegister(size_t instance, uint32_t offset, uint64_t value, unsigned width);
  void WriteGlobal0(size_t instance, uint32_t offset, uint32_t value);
  void WriteGlobalCommand(size_t instance, uint32_t offset, uint32_t value);
  void WriteGlobal1(size_t instance, uint32_t offset, uint32_t value);
  void WriteBank(size_t instance, uint16_t bank, uint32_t offset, uint32_t value);
  bool WriteBankWide(size_t instance, uint16_t bank, uint32_t offset, uint64_t value);
  void WriteBankCommand(size_t instance, uint16_t bank, uint32_t offset, uint64_t value);
  void WriteSctlr(size_t instance, uint16_t bank, uint32_t value);
  void SetEntry(SmmuInstance& smmu, size_t entry, uint32_t value);
  bool GlobalSyncActive(size_t instance);
  bool BankSyncActive(size_t instance, uint16_t bank);
  // machine.cc
  void UpdateBankTree(size_t instance, uint16_t bank);
  void DropStaleTrees(const DroppedTrees& dropped);
  void OnTreeLeaf(uint16_t tree, const LeafChange& change);
  void FindHolders(uint16_t tree);
  template <typename F>
  void ForEachHolder(F f) const;
  void NoteUnfollowedRemoval();
  bool StorePool(size_t page, size_t word, uint64_t value);
  void ScrambleInstance(size_t instance, uint64_t* state);
  void VisitStale(size_t instance, uint8_t vmid, void (*fn)(void*, uint64_t, uint8_t),
                  void* context) const;
  // dma.cc
  Decision Decide(size_t instance, uint16_t sid, Choices* choices) const;
  bool MatchStream(const SmmuInstance& smmu, uint16_t sid, Choices* choices,
                   Decision* decision) const;
  void DecideContext(const SmmuInstance& smmu, Decision* decision) const;
  DmaResult Process(const DmaRequest& request, size_t instance, uint16_t sid, Choices* choices,
                    FaultRecord* record) const;
  DmaResult Issue(const DmaRequest& request, Choices* choices, FaultRecord* record) const;
  void Translated(const DmaRequest& request, Choices* choices, DmaResult* result,
                  FaultRecord* record) const;
  void Deliver(const DmaRequest& request, Choices* choices, DmaResult* result,
               FaultRecord* record) const;
  // faults.cc
  Response ResponseTo(const SmmuInstance& smmu, const FaultRecord& record) const;
  void Conclude(const DmaRequest& request, const FaultRecord& record, DmaResult* result);
  void Record(SmmuInstance& smmu, const FaultRecord& record, uint16_t sid);
  bool Hold(const DmaRequest& request, const DmaResult& result, uint16_t bank);
  void Resume(size_t instance, uint16_t bank, bool terminate);
  void DropHeld(size_t instance);

  const BoardSpec* board_ = nullptr;
  Choices* choices_ = nullptr;
  Watcher* watcher_ = nullptr;
  Arena arena_;
  Memory memory_;
  MemoryController mc_;
  Stage2Trees trees_;
  Tlb tlb_[kMaxInstances];
  SmmuInstance smmu_[kMaxInstances];
  Stalls stalls_;
  bool marked_ = false;
  // The VMIDs, per instance, under which `holders_tree_` may be cached; rebuilt on demand.
  uint16_t holders_tree_ = kNoTree;
  uint64_t holders_[kMaxInstances][4] = {};
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_MACHINE_H_
