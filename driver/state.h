// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// All state of one driver, in the block that the caller supplies. Nothing here is reached from
// anywhere else: there are no globals but constant tables.
//
//     State& state = StateOf(s);
//     Smmu& smmu = state.smmu[0];
//     smmu.entry[5].smr       // what the host reads back
//     smmu.entry[5].hw_smr    // what hardware holds, on both instances
#ifndef SIDEWALL_DRIVER_STATE_H_
#define SIDEWALL_DRIVER_STATE_H_

#include "driver/index_life.h"
#include "driver/plat.h"
#include "driver/registers.h"
#include "driver/tables.h"
#include "driver/types.h"

namespace SIDEWALL_NS {

// What an entry of EL2's own is for. Those of the first three kinds stand in for an entry that the
// host has not made: when it makes one that matches their stream, they become that entry.
enum class EntryUse : uint8_t {
  kFree,
  kBoot,      // a stream that a boot loader left active, on the host's identity stage 2
  kIdentity,  // a stream for which the host asked for the same
  kBlocked,   // a stream of the host on the fault bank
  kUnit,      // a stream of a VM, on a domain of its own or on the fault bank
  kDomain,    // a stream of the host on a domain of its own
  kDraining,  // one that was, on the fault bank until a sync has completed
};

// A stream mapping entry: SMR and S2CR, as the host sees them and as hardware holds them. `slot` is
// where in hardware: slots are a permutation of the entries, and only an entry that takes the place
// of one of EL2's moves (el2_stream.cc).
struct Entry {
  uint32_t smr;
  uint32_t s2cr;
  uint32_t hw_smr;
  uint32_t hw_s2cr;
  uint8_t slot;
  EntryUse use;
};

// A context bank of the host as the host sees it. Hardware holds the same TTBR, TCR, MAIR and
// CONTEXTIDR, a CBAR and CBA2R that never change, and SCTLR only while `users` is not 0.
//
// A bank of EL2 is a stage 2: TTBR0, TCR and CBAR as hardware has them, and on only while there are
// users. Users of the host's stage 2 are also the entries that name a bank which is
// nested over it.
struct Bank {
  uint64_t ttbr0;
  uint64_t ttbr1;
  uint32_t sctlr;
  uint32_t tcr;
  uint32_t tcr2;
  uint32_t mair0;
  uint32_t mair1;
  uint32_t contextidr;
  uint32_t cbar;
  uint32_t cba2r;
  uint64_t idle_epoch;  // of an idle one: what the sync that ends it must have come after
  uint32_t users;       // entries whose S2CR in hardware names this bank
  bool idle;     // EL2's: no user is left, but it is on until a sync has drained what used it
  uint8_t told;  // bit n: the record on instance n has been reported to its owner
};

// What the caller has said of the power of a unit.
enum class Power : uint8_t { kOn, kSuspended, kOff };

// The last accesses to one logical SMMU, or to the memory controller. Record n lies at n modulo
// kRingRecords; its sequence number is n * kRingCount + the number of the ring.
inline constexpr uint32_t kRingRecords = 64;
inline constexpr uint32_t kRingCount = 4;
inline constexpr uint32_t kMcRing = 3;
static_assert(kMcRing == SIDEWALL_MAX_SMMUS && kMcRing < kRingCount);
static_assert(sizeof(sidewall_ring_record) == 48);
struct Ring {
  uint64_t next;
  sidewall_ring_record record[kRingRecords];
};

inline constexpr uint32_t kSidCount = 128;

// Stream IDs of one side, as a set.
struct SidSet {
  uint64_t word[kSidCount / 64] = {};
  constexpr bool Has(uint32_t sid) const { return (word[sid / 64] >> (sid % 64) & 1) != 0; }
  constexpr void Add(uint32_t sid) { word[sid / 64] |= uint64_t{1} << (sid % 64); }
  constexpr void Add(const SidSet& other) {
    word[0] |= other.word[0];
    word[1] |= other.word[1];
  }
  constexpr bool empty() const { return (word[0] | word[1]) == 0; }
};

inline constexpr uint8_t kNoContext = 0xff;

// A bank of EL2's own that a domain's tree stands in, with the VMID that tags it.
struct Context {
  IndexLife life;  // a reference is a stream that is attached
  uint8_t domain;
  uint8_t vmid;
};

// Banks that EL2 keeps beyond these of a unit are left unused.
inline constexpr uint32_t kMaxContexts = 32;

// The host and each VM that there can be: each is sure of an equal share of the contexts of a unit,
// whatever the others take. Where that is less than one, nobody is sure of any.
inline constexpr uint32_t kOwnersOfContexts = 1 + SIDEWALL_MAX_VMS;

// One logical SMMU: one instance, or two that always hold the same policy.
struct Smmu {
  void* ctx;
  uint64_t window[SIDEWALL_MAX_INSTANCES];
  uint64_t window_size;
  uint32_t instance_count;
  uint32_t side;
  uint32_t lock_id;
  uint32_t global_pages;  // pages of global space; the banks begin behind them
  uint32_t bank_count;
  uint32_t entry_count;
  uint32_t host_banks;  // the host has banks 0 to host_banks - 1
  uint32_t host_entries;
  Vmid host_vmid;
  Vmid fault_vmid;
  ContextBank host_stage2;
  ContextBank fault_bank;
  uint32_t ipa_bits;
  uint32_t poll_limit_us;
  uint32_t idr[8];  // as hardware has them
  uint32_t scr0;    // virtual
  uint32_t scr2;    // virtual
  bool degraded;    // a sync did not complete, and none has completed since
  Power power;
  // Registers may be accessed. False while power is off or a restore has failed: then nothing is
  // stored, what hardware is to hold is kept above and below, and a resume stores all of it.
  bool reachable;
  bool closed;        // not reachable, and no stream can translate before all has been flushed
  uint8_t gfsr_told;  // bit n: the global record of instance n has been reported
  uint32_t idle_banks;
  uint32_t fault_cursor;  // where the next look for fault records begins
  // Records of a VM's that calls have in hand and have not told yet, or are telling.
  uint32_t untold[SIDEWALL_MAX_VMS];
  // Banks in use whose host wants an interrupt: then the stage 2 below them raises one too.
  uint32_t interrupting_banks;
  // Entries that are valid for the host and not in hardware; they are tried again on each change.
  uint32_t waiting_entries;
  Entry entry[kMaxEntries];
  // By entry of the host's: streams that came back or were blocked since the host wrote its S2CR.
  // Where that was to lead, the host decided before; the entry faults while it matches one of them.
  SidSet returned[kMaxEntries];
  Bank bank[kMaxBanks];
  uint8_t sid_owner[kSidCount];  // enum sidewall_owner
  uint32_t context_count;
  uint32_t last_vmid;  // handed out last, so that one is used again as late as possible
  Context context[kMaxContexts];
  SyncClock clock;
  uint32_t draining_entries;  // at most so many
  uint64_t entry_epoch;       // of these, the latest
  Counters counters;          // of what the host may know
  Work aside;                 // what would tell it what guests do
  bool counts_aside;          // the latter is what counts; through Aside
  Ring ring;
};

// The host's identity stage 2, one tree for all SMMUs.
struct Idmap {
  Pa root;
  Pa empty_root;  // of the fault banks
  uint64_t pages;
  uint64_t mapped_pages;
  SpareTables spare;
  // Bit n: logical SMMU n may still hold translations that the tables no longer have.
  uint32_t unflushed;
  // Some of them are for pages whose permission or type changed, not for pages that were taken.
  bool live_change;
  Counters counters;
};

// A paravirtual domain: one stage-2 tree of EL2's, with one owner.
struct Domain {
  IndexLife life;  // a reference is an attached stream; draining: being freed
  uint8_t owner;   // enum sidewall_owner
  uint8_t context[SIDEWALL_MAX_SMMUS];
  uint8_t unflushed;  // bit n: logical SMMU n may translate through what was unmapped
  // Calls that work on it with no lock held in between, and may have pages or references in hand.
  // Its handle is not free before the last has left.
  uint16_t visitors;
  Pa root;  // none: it is draining, and its tree is gone
  // Where unmapped leaves wait for their sync; empty when equal.
  uint64_t pending_first;
  uint64_t pending_last;
};

inline constexpr uint32_t kDomainCount =
    SIDEWALL_HOST_DOMAINS + SIDEWALL_MAX_VMS * SIDEWALL_VM_DOMAINS;
static_assert(kDomainCount < kNoContext);

struct Route {
  uint32_t pviommu;
  uint32_t vsid;
  uint8_t smmu;
  uint8_t sid;
};

enum class VmStage : uint8_t { kNone = 0, kOpen, kFinal, kDying };

struct Vm {
  uint64_t life;  // which of all VMs that were ever made
  VmStage stage;
  uint8_t route_count;
  Route route[SIDEWALL_MAX_ROUTES];
};

// Domains and VMs, guarded by SIDEWALL_LOCK_DOMAINS.
struct Domains {
  uint32_t iova_bits;  // that every unit can translate
  uint64_t vms_made;
  uint64_t pages;
  uint64_t guest_pages;  // apart, since the host may know the former alone
  Domain domain[kDomainCount];
  Vm vm[SIDEWALL_MAX_VMS];
  Counters counters;
  Work guest_work;
};

inline constexpr uint32_t kClientIds = 0x200;

// The two words of a client id, as init found them.
struct ClientWords {
  uint32_t override_word;
  uint32_t security;
};

struct Mc {
  ClientWords found[kClientIds];
  // Ids whose words gave an answer at init; of those that did not, nothing can be said later.
  bool readable[kClientIds];
  Counters counters;
  Ring ring;
};

// kFinalizing, and kUnsettled when one has failed: shadows and hardware may differ; no
// access of the host is served before one has succeeded.
enum class Phase : uint32_t {
  kNone = 0,
  kTakenOver = 0x51dea11u,
  kFinalizing = 0x51def00u,
  kUnsettled = 0x51deba1u,
  kFinal = 0x51def17u
};

struct State {
  Phase phase;  // through PhaseOf and SetPhase: read without a lock before each call
  void* ctx;
  sidewall_cfg cfg;
  uint64_t boot_deadline_us;
  uint32_t smmu_count;
  Smmu smmu[SIDEWALL_MAX_SMMUS];
  Idmap idmap;
  Domains domains;
  Mc mc;
};

}  // namespace SIDEWALL_NS

struct sidewall_state {
  SIDEWALL_NS::State body;
};

namespace SIDEWALL_NS {

static_assert(sizeof(sidewall_state) <= SIDEWALL_STATE_SIZE);
static_assert(sizeof(sidewall_state) <= 64 * 1024, "a harness copies it at every reset");
static_assert(alignof(sidewall_state) <= SIDEWALL_STATE_ALIGN);

// Whoever sees a phase sees all that was stored before it was entered.
inline Phase PhaseOf(const State& state) {
  Phase phase = Phase::kNone;
  __atomic_load(&state.phase, &phase, __ATOMIC_ACQUIRE);
  return phase;
}
inline void SetPhase(State& state, Phase phase) {
  __atomic_store(&state.phase, &phase, __ATOMIC_RELEASE);
}

// Owners of streams change under their unit's lock, and are read without it under that of the
// memory controller, whose words are not the unit's.
inline uint32_t SharedOwnerOf(const Smmu& smmu, uint32_t sid) {
  return __atomic_load_n(&smmu.sid_owner[sid], __ATOMIC_RELAXED);
}
inline void SetOwner(Smmu& smmu, uint32_t sid, uint32_t owner) {
  __atomic_store_n(&smmu.sid_owner[sid], static_cast<uint8_t>(owner), __ATOMIC_RELAXED);
}

// The unit of a side; null: the board has none.
inline Smmu* UnitOf(State& state, uint32_t side) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (state.smmu[i].side == side) return &state.smmu[i];
  }
  return nullptr;
}

inline Work& WorkOf(Smmu& smmu) { return smmu.counts_aside ? smmu.aside : smmu.counters; }

// What a unit does in this scope is counted for EL2 alone, where `aside` says so. Its lock is held.
class Aside {
 public:
  Aside(Smmu& smmu, bool aside) : smmu_(smmu), before_(smmu.counts_aside) {
    smmu.counts_aside = before_ || aside;
  }
  ~Aside() { smmu_.counts_aside = before_; }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  Smmu& smmu_;
  bool before_;
};

// The window of one instance.
inline RegisterWindow WindowOf(Smmu& smmu, uint32_t instance) {
  return RegisterWindow(smmu.ctx, Pa{smmu.window[instance]}, smmu.window_size, &WorkOf(smmu));
}

// The one way in which policy reaches hardware: the same value on every instance. A unit without
// power gets nothing; it is given all that it is to hold when power is back.
inline void WriteAll32(Smmu& smmu, uint32_t offset, uint32_t value) {
  if (!smmu.reachable) return;
  for (uint32_t i = 0; i < smmu.instance_count; ++i) WindowOf(smmu, i).Write32(offset, value);
}
inline void WriteAll64(Smmu& smmu, uint32_t offset, uint64_t value) {
  if (!smmu.reachable) return;
  for (uint32_t i = 0; i < smmu.instance_count; ++i) WindowOf(smmu, i).Write64(offset, value);
}

inline uint32_t BankRegister(const Smmu& smmu, ContextBank bank, uint32_t offset) {
  return BankOffset(smmu.global_pages, bank) + offset;
}

// Where an entry lies in hardware.
inline EntryIndex SlotOf(const Smmu& smmu, EntryIndex index) {
  return EntryIndex{smmu.entry[index.value].slot};
}

inline sidewall_result Result(sidewall_status status, uint64_t progress = 0) {
  return sidewall_result{static_cast<uint32_t>(status), 0, progress};
}

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_STATE_H_
