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

#include "model/attributes.h"
#include "model/board.h"
#include "model/choices.h"
#include "model/mc.h"
#include "model/memory.h"
#include "model/smmu_state.h"
#include "model/stage2_trees.h"
#include "model/tlb.h"
#include "model/translation_cache.h"
#include "model/walk_cache.h"

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
  kTlbConflict,  // several entries of the TLB answer for one address
  kBlocked,      // the bank is in the faulted state and HUPCF is 0
  kHeld,         // power is off, or the masters of the side are gated
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
  bool late = false;             // its last part stays under way: see ForEachUnderWay
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
  // log2 of the size of the leaf that a walk met in stage 1, and in stage 2 for what stage 1 gave;
  // 0: none.
  uint8_t leaf_bits[2] = {};
};

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
  uint8_t perm = 0;         // Permission
  uint16_t attributes = 0;  // LeafAttributes of the descriptor
  bool added = false;       // else removed
  bool block = false;       // part of a block, and not of a last-level leaf
  uint8_t leaf_bits = 12;   // log2 of the size of the leaf that it is part of

  bool operator==(const LeafChange&) const = default;
};

// Told of what a store changed. Leaves that follow each other may come in one call, since a tree
// that comes back brings tens of thousands; what the machine itself says of TLBs is then ahead of
// the call by these. Calls come from inside Write*/Table*/Store64, in order, before they return;
// what a store takes away is told inside the Barrier that makes it visible to walkers, so that one
// address may have an old and a new leaf meanwhile. A tree that only stale TLB entries kept alive
// ends inside the status read that shows the sync complete (or in PowerLoss). When trees of two
// shapes lie over one root, the root is announced anew after one of them ends; and so is a tree
// that was wild only because another tree used one of its tables, after that other tree ends:
// OnTree false, OnTree true, its leaves.
//
// A table that is unlinked from a live tree becomes a tree of its own, under its own address as
// root, as long as the walk cache of an instance may lead there (see MayWalk): after the removal of
// its leaves from the tree that it was in, OnTree true and its leaves again. Stores to it are
// followed. It ends, or becomes wild, before a tree that links one of its pages says so.
class Watcher {
 public:
  // `pages` leaves: the first one, and those that agree with it and lie a page further each, in
  // addresses and in output.
  virtual void OnLeaves(const LeafChange& first, uint64_t pages) = 0;
  // A tree became live (all its leaves follow as added), or ceased to be (no leaf calls follow).
  virtual void OnTree(uint64_t root, bool live) = 0;
  // Tables of a live tree lie outside the pool, or nest in a way that cannot be followed: treat
  // the tree as mapping everything.
  virtual void OnWildTree(uint64_t root) = 0;

 protected:
  ~Watcher() = default;
};

// Who answers a transaction. The adversarial TLB may hold whatever was valid since the last
// invalidation, and answers by choice. The LRU one holds the last translations of each instance:
// a hit answers, commands act at once; it is there to count what a real TLB would do.
enum class TlbProfile : uint8_t { kAdversarial, kLru };
inline constexpr size_t kLruEntries = 256;

// Where a table of 4 KiB stands in the live tree that it belongs to.
struct TablePlace {
  uint64_t root = 0;
  uint64_t base = 0;  // first address that it maps
  uint8_t level = 0;
  uint8_t page_bits = 12;
  uint8_t input_bits = 0;  // of the tree
};

// What the TLB of an instance did since Reset or ResetStatistics; Restore leaves it alone.
struct TlbStatistics {
  uint64_t translations = 0;  // transactions that a bank translated, or faulted in its tables
  uint64_t hits = 0;          // answered by the TLB
  uint64_t misses = 0;
  uint64_t walks = 0;
  uint64_t table_reads = 0;  // descriptors that these walks fetched
  uint64_t commands[kTlbCommands] = {};
  uint64_t syncs = 0;       // seen complete
  uint64_t faults = 0;      // recorded, of transactions
  uint64_t interrupts = 0;  // that these raised
};

class Machine {
 public:
  static size_t WorkSize(size_t pool_pages);

  // Puts the machine into its reset state: CLIENTPD 1, TLB contents unknown, tables all zero.
  // `board`, `choices` and `watcher` must outlive it; watcher may be null.
  void Reset(const BoardSpec& board, const Arena& arena, Choices* choices, Watcher* watcher);
  // Overwrites registers with values drawn from the choices, as a hostile boot loader could.
  void Scramble();
  // The same of hardware that is odd in a way that is drawn first: ID registers that differ within
  // a pair or count less, registers that do not stick, locked clients, torn 64-bit registers.
  void ScrambleOdd();
  void set_choices(Choices* choices) { choices_ = choices; }

  // ---- EL2's side. pa is a register address in an SMMU or MC window.
  bool Read32(uint64_t pa, uint32_t* value);  // false: the bus gave no answer
  bool Read64(uint64_t pa, uint64_t* value);
  void Write32(uint64_t pa, uint32_t value);
  void Write64(uint64_t pa, uint64_t value);
  // Any width: 1, 2, 4 or 8 bytes. Of what is implementation defined, MMU-500 and this model do: a
  // read of 1 or 2 bytes gives them out of the word that it would read, a write of 1 or 2 bytes is
  // ignored, 8 bytes where no 64-bit register lies are two words, and what is not aligned to a word
  // is not answered when read and ignored when written.
  bool Read(uint64_t pa, unsigned width, uint64_t* value);
  void Write(uint64_t pa, unsigned width, uint64_t value);
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
  // Calls f(flight) for each transaction whose last part is still under way. It was translated as
  // things were when it was issued, and arrives when a sync that began after it is seen complete
  // (that of its bank or a global one), or when the masters of its side are stopped.
  template <typename F>
  void ForEachUnderWay(F f) const {
    for (size_t i = 0; i < flights_.count; ++i) f(flights_.flight[i]);
  }
  // Called between the halves of a 64-bit register that takes a store half by half (Quirks::torn).
  // It may call Dma, and no store.
  void SetBetweenHalves(void (*fn)(void*), void* context) {
    between_halves_ = fn;
    between_context_ = context;
  }
  // True while an instance asserts its interrupt: any recorded fault whose bank has CFIE, or a
  // global one under GFIE.
  bool IrqLine(size_t instance) const;

  // ---- Registers of an instance without any side effect; 0 where there is none. offset is that of
  // the window, 4-byte aligned. PeekMc: the MC's window `index`, as in BoardSpec::mc_window.
  uint32_t Peek32(size_t instance, uint32_t offset) const;
  uint64_t Peek64(size_t instance, uint32_t offset) const;
  uint32_t PeekMc(size_t index, uint32_t offset) const;
  // True while pool page pa is a table of a live tree; `place` receives where it is in it.
  bool IsLiveTable(uint64_t pa, TablePlace* place = nullptr) const;

  // ---- What may be delivered, for the oracle. instance is a global index.
  Resolution Resolve(size_t instance, uint16_t sid) const;
  // True while entries of before the first completed TLBIALLNSNH may still be there, and answer
  // with any page. MayHold and ForEachStale do not count those.
  bool TlbUnknown(size_t instance) const;
  // True when caches of an instance may lead to the tree of this root under `vmid`, though no
  // enabled bank names it under that VMID: its bank was changed, or it was unlinked from its tree.
  bool MayWalk(size_t instance, uint8_t vmid, uint64_t root) const;
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
  // Calls f(vmid, tree) for each tree that caches of an instance may lead to, as MayWalk says.
  template <typename F>
  void ForEachWalkable(size_t instance, F f) const {
    const Tlb& tlb = tlb_[instance];
    for (size_t i = 0; i < tlb.tree_count(); ++i) {
      f(tlb.tree(i).vmid, trees_.tree(tlb.tree(i).tree));
    }
  }
  // Calls f(value) for each value that a walker may find in a word of a pool page, which lies at
  // pa, the newest first.
  template <typename F>
  void ForEachSeen(uint64_t pa, size_t word, F f) const {
    const size_t page = memory_.PoolIndex(pa);
    f(memory_.pool_page(page)[word]);
    if (memory_.pending().count(page) == 0) return;
    uint32_t slot = memory_.pending().First(page, word);
    for (; slot != PendingStores::kNone; slot = memory_.pending().Next(slot)) {
      f(memory_.pending().value(slot));
    }
  }
  // The SID with which a client reaches its SMMU; kNoIndex: past it (passthrough), through any
  // channel of the memory controller.
  uint16_t ClientSid(uint16_t client, uint16_t own_sid) const;

  // ---- The TLB's way of working, and what it did. SetProfile empties it; up to 512 entries, and 0
  // is no TLB. The room of the adversarial one is fixed.
  void SetProfile(TlbProfile profile, size_t entries = kLruEntries);
  const TlbStatistics& statistics(size_t instance) const { return statistics_[instance]; }
  void ResetStatistics();

  // ---- Hardware events of a program.
  void InjectFault(size_t instance, uint16_t bank, uint32_t fsr, uint32_t fsynr0, uint64_t far,
                   uint16_t sid);
  void SetSyncMode(size_t instance, uint64_t mode, uint64_t polls);
  void FailReads(size_t instance, uint64_t count);
  // An error as if a channel of the memory controller had blocked a transaction; see Capture there.
  // window: of a channel, or the broadcast one for the first channel. False: it is no such window,
  // or there is no such cause.
  bool InjectMcError(size_t window, uint32_t causes, uint32_t status, uint64_t address);
  // The next reads of the memory controller, in any of its windows.
  void FailMcReads(uint64_t count) { failing_mc_reads_ = count; }
  // A side loses its state, with the stream IDs of the clients that are wired to it. The rest of
  // the memory controller lasts as long as any side has power: see SetPower. While the power is on,
  // what registers without a reset value show next is drawn.
  void PowerLoss(uint8_t side);
  // Off: all state is lost, reads fail, writes are lost, and DMA of the side is held. On brings the
  // reset state, and lets the masters go on. With the last side the memory controller is off.
  void SetPower(uint8_t side, bool on);
  // Holds the masters of a side, powered or not: EL2 is still restoring what was lost.
  void GateMasters(uint8_t side, bool gated);
  bool powered(uint8_t side) const;
  // From now on what docs/assumptions.md says under this number (7 for A-07) does not hold: on
  // every instance, until Reset or Restore. False: there is no switch for it, or none of this kind.
  bool Contradict(uint64_t assumption);
  // How long EL2 waits for a register: a microsecond at most, and a thousand of them when A-23 does
  // not hold. The model itself has no clock.
  uint64_t AccessTimeUs() const { return contrary_.slow_bus ? 1000 : 1; }
  // True when a unit may lose its power though nobody has told its driver, and have it back at
  // once: A-41 does not hold.
  bool PowerGoesUntold() const { return contrary_.power_untold; }
  // Makes one instance odd; see Quirks. A reset of its registers leaves it so.
  void SetQuirks(size_t instance, const Quirks& quirks);

  // ---- Naming. A global instance index counts windows: niso1, niso1m, niso0, niso0m, iso on the
  // Tegra boards; boards with fewer SMMUs keep the indices of the windows that they have.
  size_t InstanceCount() const { return kMaxInstances; }
  bool InstanceOf(uint64_t pa, size_t* instance, uint32_t* offset) const;
  size_t InstanceIndex(uint8_t side, uint8_t instance) const { return side * 2u + instance; }
  uint8_t SideOf(size_t instance) const { return static_cast<uint8_t>(instance / 2); }

  // ---- Going back. Mark makes the present state the one that Restore returns to; both need
  // Arena::snapshot. Restore costs the pages that changed since, and makes no Watcher calls.
  static size_t SnapshotSize(size_t pool_pages, size_t page_slots);
  bool Mark();  // false: the arena has no room for a snapshot
  bool Restore();
  // Without a snapshot: undoes what stores to the registers of one side, and nothing else, have
  // changed since `before` was copied from this.
  void TakeBack(const Machine& before, uint8_t side);

  // ---- Registers as hardware holds them, for checks that look at stored state.
  bool HasInstance(size_t instance) const { return smmu_[instance].spec != nullptr; }
  const SmmuInstance& smmu(size_t instance) const { return smmu_[instance]; }
  const MemoryController& mc() const { return mc_; }
  void SetSecurePasses(bool passes) { mc_.SetSecurePasses(passes); }
  const BoardSpec& board() const { return *board_; }

 private:
  struct Decision {
    Resolution via;
    FaultKind fault = FaultKind::kNone;
    bool second_bank = false;  // the fault is that of the bank named by CBAR.CBNDX
    bool by_entry = false;     // an entry, not sCR0, says that the stream is bypassed
  };
  // How a transaction was translated, for the TLB and its statistics.
  struct WalkNote {
    bool done = false;                // tables were read, unless a fault came before
    bool found = false;               // without a fault
    bool stale = false;               // a cache of stage 2 had a part in it
    bool as_tables = false;           // what was met is what a walk without choices meets
    size_t begun = WalkCache::kNone;  // the pointer that it began at
    bool global = false;
    uint8_t kind = 0;  // bit number in CachedTranslation::kinds
    uint8_t leaf_bits = 12;
    uint32_t reads = 0;
    uint64_t pa = 0;
    uint64_t ipa = 0;
    Attributes attributes;       // of what was delivered,
    Attributes leaf_attributes;  // and those that the leaf of stage 2 added
    size_t hit = TranslationCache::kNone;
    uint8_t pointers = 0;  // to stage-1 tables, that the walk has met
    TablePointer pointer[3];
  };
  // Where a fault is recorded, and what.
  struct FaultRecord {
    WalkNote walk;
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
  struct Flights {
    size_t count = 0;
    uint64_t last = 0;  // number of the last one that was issued
    uint64_t issued[kMaxHeldDma] = {};
    HeldDma flight[kMaxHeldDma];
  };
  // What docs/assumptions.md says and this machine does not do; see Contradict. What an instance
  // does is in its Quirks.
  struct Contrary {
    bool masters_go_on = false;   // GateMasters stops nobody
    bool wires_unknown = false;   // any client may come to any side
    bool firmware_late = false;   // what the host left is stored when EL2 has resumed
    bool slow_bus = false;        // see AccessTimeUs
    bool zeros = false;           // a read that the bus does not answer gives zeros
    bool carveouts_hold = false;  // nothing gets into a carveout
    bool power_untold = false;    // see PowerGoesUntold
  };
  struct SnapshotLayout;
  struct Hits;
  class Listener;
  friend class Listener;

  // machine.cc
  static bool ReadFails(SmmuInstance& smmu);
  template <typename T>
  bool Unanswered(T* value) const;

  // smmu_regs.cc
  uint64_t ReadRegister(size_t instance, uint32_t offset, unsigned width);
  uint32_t ReadGlobal0(size_t instance, uint32_t offset);
  uint32_t ReadGlobal1(const SmmuInstance& smmu, uint32_t offset) const;
  uint32_t ReadBank(size_t instance, uint16_t bank, uint32_t offset);
  void WriteRegister(size_t instance, uint32_t offset, uint64_t value, unsigned width);
  void WriteGlobal0(size_t instance, uint32_t offset, uint32_t value);
  void WriteGlobalCommand(size_t instance, uint32_t offset, uint64_t value);
  void WriteGlobal1(size_t instance, uint32_t offset, uint32_t value);
  void WriteBank(size_t instance, uint16_t bank, uint32_t offset, uint32_t value);
  bool WriteBankWide(size_t instance, uint16_t bank, uint32_t offset, uint64_t value);
  void WriteBankCommand(size_t instance, uint16_t bank, uint32_t offset, uint64_t value);
  void WriteSctlr(size_t instance, uint16_t bank, uint32_t value);
  void SetEntry(SmmuInstance& smmu, size_t entry, uint32_t value);
  uint32_t PollsOfSync(const SmmuInstance& smmu);
  static bool StepSync(const SmmuInstance& smmu, uint32_t* polls);
  bool GlobalSyncActive(size_t instance);
  bool BankSyncActive(size_t instance, uint16_t bank);
  // caches.cc
  bool AnswerFromUnknown(const DmaRequest& request, Choices* choices, DmaResult* result) const;
  bool AnswerFromTlb(const DmaRequest& request, unsigned kind, Choices* choices, DmaResult* result,
                     FaultRecord* record) const;
  Attributes AttributesOfHit(const DmaRequest& request, const Resolution& via,
                             const CachedTranslation& entry, size_t instance) const;
  bool RefuseFromTlb(const DmaRequest& request, FaultKind kind, uint8_t stage, uint64_t ipa,
                     DmaResult* result, FaultRecord* record) const;
  void KeepTranslation(const Resolution& via, size_t instance, uint64_t address,
                       CachedTranslation entry);
  size_t PointerFor(const Resolution& via, size_t instance, uint64_t address,
                    Choices* choices) const;
  CachedTranslation MadeBy(const WalkNote& walk, const DmaResult& result) const;
  void RememberPointers(const WalkNote& walk, const DmaResult& result, CachedTranslation made);
  void Insert(const Resolution& via, size_t instance, CachedTranslation entry);
  bool IsKept(const TlbTag& tag, size_t instance, uint64_t address, const WalkNote& walk) const;
  void Remember(const DmaRequest& request, const FaultRecord& record, const DmaResult& result);
  static void NoteWalk(const class Walk& walk, unsigned kind, WalkNote* note);
  static bool Interrupts(const SmmuInstance& smmu, uint16_t bank);
  static void CountFault(const FaultRecord& record, const SmmuInstance& smmu,
                         TlbStatistics* counts);
  void Invalidate(size_t instance, const Invalidation& what);
  void InvalidateFromBank(size_t instance, uint16_t bank, uint32_t offset, uint64_t value);
  void InvalidateGlobally(size_t instance, uint32_t offset, uint64_t value);
  void CompleteGlobalSync(size_t instance);
  void CompleteBankSync(size_t instance, uint16_t bank);
  // machine.cc
  void UpdateBankTree(size_t instance, uint16_t bank);
  void LeaveSecondVmid(size_t instance, uint16_t bank);
  void DropStaleTrees(const DroppedTrees& dropped);
  void OnTreeLeaf(uint16_t tree, const LeafChange& change, bool stored);
  void OnTableUnlinked(uint16_t tree, uint64_t pa, unsigned level, uint64_t base);
  void OnTableTaken(uint16_t walk, uint16_t by, bool same);
  void OnVisible(size_t page, size_t word, uint64_t old);
  void FindHolders(uint16_t tree);
  template <typename F>
  void ForEachHolder(F f) const;
  void NoteUnfollowedRemoval();
  bool StorePool(size_t page, size_t word, uint64_t value);
  void ScrambleInstance(size_t instance, uint64_t* state);
  void DrawIdentity(uint64_t* state);
  void DrawQuirks(uint64_t* state);
  void DrawUnknown(uint8_t side);
  void DrawUnknownOf(size_t instance, uint64_t* state);
  void DrawStuckRegister(uint64_t* state);
  void DrawClients(uint64_t* state);
  void DrawMonitors(size_t instance, uint64_t* state);
  void VisitStale(size_t instance, uint8_t vmid, void (*fn)(void*, uint64_t, uint8_t),
                  void* context) const;
  // dma.cc
  Decision Decide(size_t instance, uint16_t sid, Choices* choices) const;
  bool MatchStream(const SmmuInstance& smmu, uint16_t sid, Choices* choices,
                   Decision* decision) const;
  void DecideContext(const SmmuInstance& smmu, Decision* decision) const;
  DmaResult Process(const DmaRequest& request, size_t instance, uint16_t sid, Choices* choices,
                    FaultRecord* record) const;
  uint16_t SidOfClient(const DmaRequest& request, Choices* choices) const;
  DmaResult Issue(const DmaRequest& request, Choices* choices, FaultRecord* record) const;
  void Translated(const DmaRequest& request, Choices* choices, DmaResult* result,
                  FaultRecord* record) const;
  void RecordOfWalk(const DmaRequest& request, const class Walk& walk, const DmaResult& result,
                    FaultRecord* record) const;
  void Deliver(const DmaRequest& request, Choices* choices, DmaResult* result,
               FaultRecord* record) const;
  // faults.cc
  Response ResponseTo(const SmmuInstance& smmu, const FaultRecord& record) const;
  void HoldBack(const DmaRequest& request, FaultRecord* record, DmaResult* result);
  void Conclude(const DmaRequest& request, const FaultRecord& record, DmaResult* result);
  void Record(SmmuInstance& smmu, const FaultRecord& record, uint16_t sid);
  void CaptureNowhere(const DmaRequest& request, const DmaResult& result);
  bool Hold(const DmaRequest& request, const DmaResult& result, uint16_t bank);
  // flights.cc
  void TakeOff(const DmaRequest& request, const DmaResult& result);
  void Land(size_t instance, uint16_t bank, uint64_t issued);
  // faults.cc
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
  TranslationCache cache_[kMaxInstances];
  WalkCache walks_[kMaxInstances];
  TlbStatistics statistics_[kMaxInstances];
  TlbProfile profile_ = TlbProfile::kAdversarial;
  SmmuInstance smmu_[kMaxInstances];
  Stalls stalls_;
  Flights flights_;
  Contrary contrary_;
  void (*between_halves_)(void*) = nullptr;
  void* between_context_ = nullptr;
  uint64_t failing_mc_reads_ = 0;
  bool marked_ = false;
  // Grows with whatever may change what a walk gives, so that two walks with nothing between them
  // need not both be made.
  uint64_t changes_ = 1;
  // The VMIDs, per instance, under which `holders_tree_` may be cached; rebuilt on demand.
  uint16_t holders_tree_ = kNoTree;
  uint64_t holders_[kMaxInstances][4] = {};
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_MACHINE_H_
