// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The invariants, one function each, and when each is looked at. A check reads what hardware sees
// (registers, tables, what the TLB may hold) and what the ghost says; never the driver's state.
//
//     checks.AfterStore(pa, 4);      // after each store to a register
//     checks.AfterTableStore();      // after each store to a table
//     checks.AfterCall(call.id);     // when a call returns
//
// A check that fails ends in its own trap, inline, so that a crash is named by its invariant.
#ifndef SIDEWALL_ORACLE_CHECKS_H_
#define SIDEWALL_ORACLE_CHECKS_H_

#include <array>
#include <bitset>
#include <cstdarg>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "oracle/board.h"
#include "oracle/broken_entries.h"
#include "oracle/call_work.h"
#include "oracle/closings.h"
#include "oracle/expected.h"
#include "oracle/fault_owners.h"
#include "oracle/fault_view.h"
#include "oracle/idmap.h"
#include "oracle/lives.h"
#include "oracle/pool_tables.h"
#include "oracle/smmu_layout.h"
#include "oracle/trap.h"
#include "oracle/watched_dma.h"

namespace sidewall {

// printf into a string; the format is checked by the compiler.
[[gnu::format(printf, 1, 2)]] std::string Print(const char* format, ...);

class Checks {
 public:
  explicit Checks(Board& board);

  void Reset();
  void Save();
  void Restore();

  void BeforeTakeover();  // notes what untouchable registers hold
  void AfterTakeover();   // notes what is fixed from now on; looks at everything
  // finalize was refused on a board that init took, and that nobody has touched since.
  void AfterRefusedBoot(const struct sidewall_result& result);
  void AfterFinalize();
  void BeforeEvent();
  void BeforeCall(const Call& call);
  void BeforeStore(uint64_t pa, unsigned width, bool table);
  CallWork& work() { return work_; }
  // The call has returned; the ghost does not know it yet, or (AfterEffect) does.
  void AfterReturn(const Call& call, const struct sidewall_result& result);
  void AfterEffect(const Call& call, const struct sidewall_result& result);
  void AfterUnuse(uint64_t pa, uint64_t size);
  void AfterNotify(uint32_t owner, const struct sidewall_fault& fault);
  // A device met a fault, or one is recorded as if it had.
  void NoteFault(size_t instance, uint16_t sid);
  // Hardware says that a bank has recorded one; what the host is shown in its own is the host's.
  void NoteRecord(size_t instance, uint64_t bank, uint64_t fsynr0, uint16_t sid);
  void AfterStore(uint64_t pa, unsigned width, uint64_t value);
  // A load of the driver that the bus answered.
  void AfterLoad(uint64_t pa, uint32_t value);
  void AfterNoAnswer(uint64_t pa);
  // `old`: what the word held before, of a store of one word.
  void AfterTableStore(uint64_t pa, uint64_t bytes, uint64_t old);
  // Stores to tables have become visible: what they take away has gone, but an unlinked table may
  // still be walked.
  void AfterBarrier();
  void AfterClean(uint64_t pa, uint64_t size);
  void AfterCall(CallId id);
  void AfterMcAccess(uint32_t offset);
  void AfterMove(uint8_t side);             // streams of the side have another owner
  void Iso12Authority(const char* breach);  // null: the call named only what is its caller's
  // A trapped access that the architecture gives one meaning, and the registers as the host gets
  // them back.
  void BeforeTrap(Window window, uint32_t offset, unsigned width);
  void AfterTrap(const TrappedAccess& access, Window window, uint32_t offset,
                 const struct sidewall_regs& before, const struct sidewall_regs& after);
  // An abort that was OK, and is no access to a window of ours.
  void AfterNoAccess(uint64_t ipa, uint64_t esr);
  void AfterLoss(uint64_t pa, uint64_t count, uint8_t from);
  void AfterAlloc(uint32_t pool, uint64_t pa);
  void AfterFree(uint64_t pa);
  // The host has pages, or has them no more, or it is said that its devices may do without them.
  void NoteHostPages(uint64_t pa, uint64_t count) {
    if (board_.looks_) idmap_.Mark(pa, count);
  }
  void AtRest();  // an event is over
  void AfterDma(const model::DmaRequest& request, const model::DmaResult& result,
                const Legal& legal);
  void AfterPanic(uint32_t line);
  void BeforePowerDown(uint8_t side);
  void AfterPowerLoss(uint8_t side);
  void AfterPowerUp(uint8_t side, bool untouched);
  // What the driver did wrong towards the core: locks, references, pool pages.
  void AfterMisuse(const model::HypReport& report);
  void CountLock();
  // Transfers that worked and must go on working while memory changes hands.
  void Watch(const model::DmaRequest& request, uint64_t pa);
  void ArmWatches();
  // Of a call across which the ghost does not change what is legal: at the first store that can
  // break one.
  void ArmAtStore() { arm_at_store_ = board_.looks_; }
  void ArmAcrossWrite(Window written);
  void DisarmWatches() {
    now_.armed_watches.clear();
    arm_at_store_ = false;
  }

 private:
  struct ClientImage {
    uint32_t override_ = 0;
    uint32_t security = 0;
    bool operator==(const ClientImage&) const = default;
  };
  struct State {
    uint32_t fixed_sacr[model::kMaxInstances] = {};
    uint32_t fixed_actlr[model::kMaxInstances] = {};
    std::vector<ClientImage> before, after;  // MC, by client id
    std::vector<uint32_t> before_down[3];    // policy words, by side
    std::vector<ClientImage> clients_before_down[3];
    std::vector<WatchedDma> watches;
    std::vector<WatchedDma> armed_watches;
    bool finalize_begun = false;
    uint32_t atomic_roots = 0;  // pages of the atomic pool that are no tables, from finalize on
  };
  // What one call has done to a pair: policy offsets that it stored to, and the invalidations and
  // syncs of each instance, summed so that order does not matter.
  struct PairTrace {
    std::vector<uint32_t> touched;
    uint64_t commands[2] = {};
  };

  ClientImage ReadClient(uint16_t client) const;
  std::vector<ClientImage> ReadClients() const;
  bool IsHeld(uint16_t client) const;
  std::vector<uint32_t> PolicyToRestore(uint8_t side) const;
  bool Enabled(Invariant id) const {
    if (board_.violated() || !(board_.armed_ & Bit(id))) return false;
    if (board_.phase_ == Board::Phase::kUp) return true;
    if (board_.phase_ != Board::Phase::kTakenOver) return false;
    return id == Invariant::kIso01 || id == Invariant::kIso05;
  }
  void Evaluated(Invariant id) { board_.coverage_->evaluated[static_cast<unsigned>(id)]++; }
  // Files the verdict. True when the caller must trap.
  bool Report(Invariant id, const char* object, const char* check, std::string title,
              std::vector<std::string> text);

  void Iso01Reach();
  void Iso01Returned(size_t instance, uint16_t sid);
  void Iso02UnderWay(uint64_t pa, uint64_t count, uint8_t from);
  void Iso02Stale(uint64_t page, uint8_t from);
  void Iso02FreedTable(uint64_t pa);
  void Iso03StreamExclusive(size_t instance, uint16_t entry);
  void Iso05FloorGlobal(size_t instance);
  void Iso05FloorEntry(size_t instance, uint16_t entry);
  void Iso05FloorContext(size_t instance, uint16_t bank);
  void Iso05FloorBank(size_t instance, uint16_t bank);
  void Iso06MirrorImage(size_t smmu, uint32_t offset);
  void Iso06MirrorCommands(size_t smmu);
  void Iso04Owner(size_t instance, uint16_t entry);
  void Iso04Live(size_t instance, uint16_t entry);
  void Iso04Under(size_t instance, uint16_t bank);
  void Iso04Idle(size_t instance);
  void Iso04Drained(size_t instance, uint16_t bank);
  std::bitset<model::kMaxBanks> NamedBanks(size_t instance) const;
  bool WaitsForSync(size_t instance, uint16_t bank) const;
  void IndexAfterBank(size_t instance, uint16_t bank);
  void IndexAfterPowerUp(size_t instance);
  void IndexAfterEntry(size_t instance, uint16_t entry);
  std::vector<std::string> BankLines(size_t instance, uint16_t bank) const;
  void Iso07Page(uint64_t ipa);
  void Iso07Root(size_t instance, uint16_t bank);
  void Iso08Tag(size_t instance, const Clash& clash);
  void Iso08Owners(size_t instance, uint16_t entry);
  void Iso09McSid(uint16_t client);
  bool MayCarry(const model::ClientInfo& client, uint32_t sid) const;
  void Iso09McWindow(uint64_t pa);
  void Iso11Client(uint16_t client, const ClientImage& before);
  void Iso11Opened(size_t instance, uint16_t entry);
  const char* WhyNotRestored(size_t instance, uint16_t entry) const;
  const char* WhyNotFixed(size_t instance, uint16_t bank) const;
  void Iso11Flushed(size_t instance);
  void Iso11Restored(size_t instance, uint32_t offset, uint32_t before);
  void Fun03Works(const model::DmaRequest& request, const model::DmaResult& result,
                  const Legal& legal);
  void Fun05Faults(const model::DmaRequest& request, const model::DmaResult& result,
                   const Legal& legal);
  void Fun03Invalidates(const TrappedAccess& access, Window window, uint32_t offset);
  bool WasInvalidated(size_t instance, const layout::Place& place, uint64_t value) const;
  void AskWatches();
  void FindTarget(uint64_t pa, unsigned width, bool table);
  void Fun03Watched();
  void Fun01Faithful(const TrappedAccess& access, Window window, uint32_t offset, uint64_t value);
  void Fun01Status(const TrappedAccess& access, Window window, uint32_t offset, uint64_t value);
  void Fun01OtherRegisters(uint64_t srt, const struct sidewall_regs& before,
                           const struct sidewall_regs& after);
  bool BlockedByHost(const model::DmaResult& result) const;
  void Mem01TableStore(uint64_t pa);
  void Mem02Link(uint64_t pa);
  void Mem02Emptied(uint64_t pa);
  void Mem02Break(uint64_t pa, uint64_t old);
  void Mem03Bank(size_t instance, uint16_t bank);
  const char* WhyNotItsTables(size_t instance, uint16_t bank) const;
  void Mem03Entry(uint64_t pa);
  void Mem03Registers(uint64_t pa);
  void Mem03Override(size_t instance, uint16_t entry);
  void Mem02Visible(const char* before);
  void Err01LockOrder(const model::LockReport& lock);
  void Err01Unlock(uint32_t id);
  void Err01Unlocked(model::Need need, uint32_t id);
  void Err01Released(uint32_t id);
  void Err01HostLock(uint32_t pool);
  const char* WhatRefusalChanged(const CallWork::Word** changed) const;
  void Err01Refused(const Call& call, const struct sidewall_result& result);
  void Err03Work();
  void Fun02Result(const Call& call, const struct sidewall_result& result);
  void NoteFaultOf(uint8_t owner, size_t instance, uint16_t sid);
  const char* WhyNotToTell(uint32_t owner, const struct sidewall_fault& fault) const;
  void Fun05Told(uint32_t owner, const struct sidewall_fault& fault);
  void NoteMoved(uint8_t side, size_t instance);
  void Fun05Shown(const TrappedAccess& access, uint64_t value);
  void Fun05Written(const TrappedAccess& access, Window window);
  void Fun05Left(uint8_t side);
  void Err02Balance();
  void Iso10Released(uint64_t pa);
  void Iso10Closed(size_t instance, uint16_t sid);
  void Iso10Waits(size_t instance);
  void NoteWait(const Call& call, const struct sidewall_result& result);
  void Iso10Linked(uint64_t pa, uint64_t old);
  void Iso10Kept();
  uint32_t NoTables(uint32_t pool) const;
  void Iso10AfterDegraded(const Call& call);
  bool IsHosts(const Call& call, size_t instance, uint16_t sid) const;
  void BeginClosings(const Call& call);
  Lives::Moment ClosedSince(uint8_t side, uint16_t sid, Lives::Moment since) const;
  void Iso10Drained(const Call& call);
  void Iso10StreamDrained(uint8_t side, uint16_t sid);
  // Streams that may reach something, by instance.
  using StreamSets = std::array<GhostDomains::SidSet, model::kMaxInstances>;
  StreamSets Delivering() const;
  void Iso10Takeover();
  std::vector<uint32_t> El2Entries(size_t instance) const;  // the SMRs of those that are valid
  void Err02Entries(size_t instance);
  bool HasRoom(size_t instance, const GhostDomains::SidSet& sids) const;
  HostEntries HostEntriesOf(size_t instance, const GhostDomains::SidSet& sids) const;
  bool ArePinned(const GhostDomains::Streams& streams) const;
  Observed Observe(const Call& call) const;
  uint8_t SidesOf(uint8_t instances) const;
  const char* WhyNotCounted(const struct sidewall_counters& told) const;
  void Fun02Registration(const Call& call, const struct sidewall_result& result);
  bool Delivers(size_t instance, uint16_t sid) const;
  void Fun04Progress(const Call& call, const struct sidewall_result& result);
  void Err02References(uint64_t pa);
  void Err02PoolPage(const model::HypReport& report);
  void Iso01Permission(const model::DmaResult& result, const Legal& legal);
  void IsoDelivered(const model::DmaResult& result, uint8_t owner);

  void AfterSmmuStore(size_t instance, uint32_t offset, const layout::Place& place, uint64_t value);
  void CheckPolicyWord(size_t instance, const layout::Place& place);
  void NoteLives(size_t instance, uint32_t offset, const layout::Place& place, uint64_t value);
  void NoteForMirror(size_t instance, uint32_t offset, const layout::Place& place, uint64_t value);
  void FindIdmap();
  void FullCheck();
  std::vector<std::string> Path(size_t instance, uint16_t entry, const model::Resolution& via);
  std::string StoreName() const;
  std::string RegisterLine(size_t instance, uint32_t offset) const;
  const model::SmmuSpec& SpecOf(size_t instance) const {
    return board_.spec_.smmu[SmmuOf(instance)];
  }
  Window WindowOf(size_t instance) const;
  // False where an offset of a window is no register of an SMMU's.
  bool FindInstance(Window window, uint32_t offset, size_t* instance) const;
  uint8_t NumberInPair(size_t instance) const { return instance % 2; }
  size_t SmmuOf(size_t instance) const { return smmu_of_[instance]; }

  Board& board_;
  std::array<uint8_t, model::kMaxInstances> smmu_of_ = {};
  State now_;
  Lives lives_;
  Idmap idmap_;
  BrokenEntries broken_;
  PoolTables pool_tables_;
  CallWork work_;
  // The store that is under way: to a table, or to which register.
  struct Target {
    enum Kind : uint8_t { kTable, kRegister, kMc };
    Kind kind = kMc;
    bool wide = false;
    uint8_t instance = 0;
    uint32_t offset = 0;
    layout::Place place;
  };
  Target target_;
  // Where the word lies that is stored to; as it was before, since the store may end the tree.
  bool in_live_table_ = false;
  model::TablePlace place_;
  FaultOwners fault_owners_;
  bool watches_asked_ = false;  // those that are armed did work before the first store
  bool arm_at_store_ = false;
  bool watches_unsure_ = false;  // something has faulted since
  GlobalRecords global_records_;
  // Of a trapped access to a fault register: which, and what the instances held before.
  FaultPlace fault_place_;
  size_t fault_instance_ = 0;
  Whose global_whose_ = Whose::kNobodys;
  std::array<FaultFile, 2> faults_before_;
  bool trouble_ = false;  // some register gave no answer, or a sync went on
  StreamSets delivered_;  // before the takeover that goes on
  // Bit n, in this call: instance n was last seen with a sync under way, or did not say; was when
  // the next sync began; had none under way.
  uint8_t unfinished_ = 0;
  uint8_t given_up_ = 0;
  uint8_t finished_ = 0;
  uint8_t flagged_ = 0;  // bit n: the last sync of the driver's own on instance n did not complete
  bool faulted_in_call_ = false;
  // The last status of a sync that this call has read.
  struct Status {
    bool any = false;
    size_t instance = 0;
    uint32_t offset = 0;
    uint32_t value = 0;
  };
  Status status_;
  bool owed_ = false;  // a call was DEGRADED, and no tick was OK since
  // Lines of tables that were stored to: not cleaned yet, and cleaned with no barrier behind it.
  std::vector<uint64_t> unclean_, unordered_;
  unsigned synced_ = 0;           // instances of which this call has seen a sync complete
  unsigned indices_touched_ = 0;  // instances whose S2CRs or banks this call has stored to
  PairTrace pairs_[model::kMaxSmmus];
  // What a trapped access to a register of invalidations has had invalidated.
  struct Invalidation {
    size_t instance;
    layout::Place place;
    uint64_t value;
  };
  std::vector<Invalidation> invalidated_;
  bool asks_ = false;
  bool at_store_ = false;  // what is looked at is what a store has just changed
  // The innermost frame of ours: what the driver last stored. Its name is made when it is needed.
  enum class Store : uint8_t { kNone, kRegister, kTable, kMc };
  Store last_store_ = Store::kNone;
  size_t last_instance_ = 0;
  uint32_t last_offset_ = 0;
  // Streams of the host whose detachment was DEGRADED, and when they were closed.
  struct Wait {
    uint8_t side = 0;
    uint16_t sid = 0;
    Lives::Moment since = {};
  };
  std::vector<Wait> waits_;
  Closings closings_;
  Lives::Moment call_began_ = {};
  bool closes_ = false;  // this call has stored to an entry
  bool takes_ = false;   // this call takes pages from the host's stage 2
  // The bank that is stored to was the stage 2 of what is under way.
  bool was_stage2_ = false;
  bool removed_ = false;  // a leaf of it, since the last batch ended
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_CHECKS_H_
