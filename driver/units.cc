// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/units.h"

namespace SIDEWALL_NS {
namespace {

enum class Device : uint8_t {
  kNone,
  kHost1x,
  kEqos,
  kXusb,
  kPva,
  kIsp,
  kTsec,
  kApe,
  kGpcdma,
  kRce,
  kUfs,
  kVi,
  kVi2,
};

struct UnitRow {
  uint8_t side;
  uint8_t first;
  uint8_t last;
  Device device;
};

constexpr UnitRow kUnits[] = {
#include "driver/units.inc"
};

constexpr bool UnitsAreSound() {
  constexpr uint32_t kUnitRows = sizeof(kUnits) / sizeof(kUnits[0]);
  for (uint32_t i = 0; i < kUnitRows; ++i) {
    const UnitRow& row = kUnits[i];
    if (row.first == 0 || row.first > row.last || row.last >= mc::kQuarantineSid) return false;
    for (uint32_t j = 0; j < i; ++j) {
      if (kUnits[j].side != row.side) continue;
      if (kUnits[j].first <= row.last && row.first <= kUnits[j].last) return false;
    }
  }
  return true;
}
static_assert(UnitsAreSound());

Device DeviceOf(uint32_t side, uint32_t sid) {
  for (const UnitRow& row : kUnits) {
    if (row.side == side && sid >= row.first && sid <= row.last) return row.device;
  }
  return Device::kNone;
}

// The streams of a device, by logical SMMU.
struct Unit {
  SidSet set[SIDEWALL_MAX_SMMUS];
};

Unit UnitOf(const State& state, const Stream& stream) {
  Unit unit;
  unit.set[stream.unit].Add(stream.sid.value);
  const Device device = DeviceOf(state.smmu[stream.unit].side, stream.sid.value);
  if (device == Device::kNone) return unit;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    for (const UnitRow& row : kUnits) {
      if (row.device != device || row.side != state.smmu[i].side) continue;
      for (uint32_t sid = row.first; sid <= row.last; ++sid) unit.set[i].Add(sid);
    }
  }
  return unit;
}

// The locks of all logical SMMUs that a unit has streams on.
class UnitLock {
 public:
  UnitLock(State& state, const Unit& unit) : state_(state), unit_(unit) {
    for (uint32_t i = 0; i < state_.smmu_count; ++i) {
      if (!unit_.set[i].empty()) sidewall_plat_lock(state_.ctx, state_.smmu[i].lock_id);
    }
  }
  ~UnitLock() {
    for (uint32_t i = state_.smmu_count; i-- > 0;) {
      if (!unit_.set[i].empty()) sidewall_plat_unlock(state_.ctx, state_.smmu[i].lock_id);
    }
  }
  UnitLock(const UnitLock&) = delete;
  UnitLock& operator=(const UnitLock&) = delete;

 private:
  State& state_;
  const Unit& unit_;
};

// A stream that no client carries needs no entry of EL2's: should it come all the same, it matches
// nothing and faults. The one that was named gets one in any case.
bool NeedsEntry(const Smmu& smmu, uint32_t sid, bool named) {
  return named || AnyClientCarries(smmu.side, sid);
}

bool IsAttached(const Smmu& smmu, uint32_t sid) {
  const EntryIndex entry = FindEl2Entry(smmu, StreamId{sid});
  return !(entry == kNoEntry) && ContextOf(smmu, entry) != kNoContext;
}

// EL2 has entries for all streams of the set that need one.
bool EntriesSuffice(const Smmu& smmu, const SidSet& set, uint32_t named_sid) {
  uint32_t wanted = 0;
  for (uint32_t sid = 0; sid < kSidCount; ++sid) {
    if (!set.Has(sid) || !(FindEl2Entry(smmu, StreamId{sid}) == kNoEntry)) continue;
    if (NeedsEntry(smmu, sid, sid == named_sid)) ++wanted;
  }
  return wanted <= El2EntryRoom(smmu, set);
}

bool MayAssignPart(State& state, const Stream& stream, const SidSet& set, uint32_t index) {
  Smmu& smmu = state.smmu[index];
  SettleUnit(state, index);
  SettleBanks(smmu);
  if (smmu.power != Power::kOn) return false;
  for (uint32_t sid = 0; sid < kSidCount; ++sid) {
    if (!set.Has(sid)) continue;
    if (smmu.sid_owner[sid] != SIDEWALL_OWNER_HOST) return false;
    // One that waits for the end of its detachment goes over as it is, on the fault bank: the sync
    // of the assignment is what it waits for.
    if (IsAttached(smmu, sid)) return false;
  }
  const uint32_t named_sid = index == stream.unit ? stream.sid.value : 0;
  if (!EntriesSuffice(smmu, set, named_sid) && smmu.draining_entries != 0 && SyncAll(smmu)) {
    SettleUnit(state, index);
    SettleBanks(smmu);
  }
  if (!EntriesSuffice(smmu, set, named_sid)) return false;
  if (HostEntryMatches(smmu, set, true)) return false;
  return ClientsArePinned(state, smmu.side, set);
}

void TakeStream(Smmu& smmu, uint32_t sid) {
  const EntryIndex entry = TakeEl2Entry(smmu, StreamId{sid}, EntryUse::kUnit, smmu.fault_bank);
  if (entry == kNoEntry) sidewall_plat_panic(smmu.ctx, __LINE__);
}

// The host's entries go before EL2's come, so that no stream ever matches two. Streams that EL2 has
// an entry for keep it, and come first, so that none of these makes room for another.
bool AssignPart(State& state, uint32_t owner, const Stream& stream, const SidSet& set,
                uint32_t index) {
  Smmu& smmu = state.smmu[index];
  HoldHostEntries(smmu, set);
  for (uint32_t sid = 0; sid < kSidCount; ++sid) {
    if (!set.Has(sid)) continue;
    SetOwner(smmu, sid, owner);
    if (!(FindEl2Entry(smmu, StreamId{sid}) == kNoEntry)) TakeStream(smmu, sid);
  }
  for (uint32_t sid = 0; sid < kSidCount; ++sid) {
    if (!set.Has(sid) || !(FindEl2Entry(smmu, StreamId{sid}) == kNoEntry)) continue;
    const bool named = index == stream.unit && sid == stream.sid.value;
    if (NeedsEntry(smmu, sid, named)) TakeStream(smmu, sid);
  }
  const bool done = FlushHost(smmu);
  SettleBanks(smmu);
  DropRecords(smmu, set);
  return done;
}

bool MayReturnPart(State& state, uint32_t owner, const SidSet& set, uint32_t index) {
  Smmu& smmu = state.smmu[index];
  for (uint32_t sid = 0; sid < kSidCount; ++sid) {
    if (!set.Has(sid)) continue;
    if (smmu.sid_owner[sid] != owner) return false;
    if (IsAttached(smmu, sid)) return false;
  }
  return true;
}

bool MayReturn(State& state, uint32_t owner, const Unit& unit) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (!unit.set[i].empty() && !MayReturnPart(state, owner, unit.set[i], i)) return false;
  }
  return true;
}

// What the streams still have under way belongs to the VM, so it ends before they are the host's.
bool DrainPart(State& state, uint32_t index) {
  if (!SyncAll(state.smmu[index])) return false;
  SettleUnit(state, index);
  SettleBanks(state.smmu[index]);
  return true;
}

void ReturnPart(State& state, const SidSet& set, uint32_t index) {
  Smmu& smmu = state.smmu[index];
  BlockHostEntries(smmu, set);
  for (uint32_t sid = 0; sid < kSidCount; ++sid) {
    if (!set.Has(sid)) continue;
    SetOwner(smmu, sid, SIDEWALL_OWNER_HOST);
    const EntryIndex entry = FindEl2Entry(smmu, StreamId{sid});
    if (!(entry == kNoEntry)) FreeEl2Entry(smmu, entry);
  }
  RetryWaiting(smmu);
  SettleBanks(smmu);
  // Last, since a device that nobody has stopped goes on faulting until now under its old owner.
  DropRecords(smmu, set);
}

void ReturnAll(State& state, const Unit& unit) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (!unit.set[i].empty()) ReturnPart(state, unit.set[i], i);
  }
}

}  // namespace

sidewall_status AssignUnit(State& state, uint32_t owner, const Stream& stream) {
  const Unit unit = UnitOf(state, stream);
  UnitLock lock(state, unit);
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (!unit.set[i].empty() && !MayAssignPart(state, stream, unit.set[i], i)) {
      return SIDEWALL_REFUSED;
    }
  }
  bool done = true;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (!unit.set[i].empty() && !AssignPart(state, owner, stream, unit.set[i], i)) done = false;
  }
  return done ? SIDEWALL_OK : SIDEWALL_DEGRADED;
}

sidewall_status UnassignUnit(State& state, uint32_t owner, const Stream& stream) {
  const Unit unit = UnitOf(state, stream);
  UnitLock lock(state, unit);
  if (!MayReturn(state, owner, unit)) return SIDEWALL_REFUSED;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (!unit.set[i].empty() && !DrainPart(state, i)) return SIDEWALL_DEGRADED;
  }
  ReturnAll(state, unit);
  return SIDEWALL_OK;
}

bool DrainStreams(State& state, uint32_t owner) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    LockGuard lock(state.ctx, state.smmu[i].lock_id);
    bool any = false;
    for (const uint8_t of : state.smmu[i].sid_owner) any = any || of == owner;
    if (any && !DrainPart(state, i)) return false;
  }
  return true;
}

bool ReturnDrained(State& state, uint32_t owner, const Stream& stream) {
  const Unit unit = UnitOf(state, stream);
  UnitLock lock(state, unit);
  if (!MayReturn(state, owner, unit)) return false;
  ReturnAll(state, unit);
  return true;
}

sidewall_status BlockDma(State& state, const Stream& stream) {
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  SidSet set;
  set.Add(stream.sid.value);
  if (IsAttached(smmu, stream.sid.value)) return SIDEWALL_REFUSED;
  SettleUnit(state, stream.unit);
  SettleBanks(smmu);
  const bool is_hosts = smmu.sid_owner[stream.sid.value] == SIDEWALL_OWNER_HOST;
  if (is_hosts && HostEntryMatches(smmu, set, true)) return SIDEWALL_REFUSED;
  if (is_hosts) {
    BlockHostEntries(smmu, set);
    const EntryIndex entry = FindEl2Entry(smmu, stream.sid);
    if (!(entry == kNoEntry) && StandsIn(smmu.entry[entry.value])) {
      TakeEl2Entry(smmu, stream.sid, EntryUse::kBlocked, smmu.fault_bank);
    }
  }
  const bool done = is_hosts ? FlushHost(smmu) : SyncAll(smmu);
  SettleBanks(smmu);
  return done ? SIDEWALL_OK : SIDEWALL_DEGRADED;
}

bool AnyStreamOf(State& state, uint32_t owner, bool attached, Stream* stream) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    Smmu& smmu = state.smmu[i];
    LockGuard lock(state.ctx, smmu.lock_id);
    for (uint32_t sid = 0; sid < kSidCount; ++sid) {
      if (smmu.sid_owner[sid] != owner) continue;
      if (attached && !IsAttached(smmu, sid)) continue;
      *stream = Stream{i, StreamId{sid}};
      return true;
    }
  }
  return false;
}

bool OwnsStream(State& state, uint32_t owner, const Stream& stream) {
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  return smmu.sid_owner[stream.sid.value] == owner;
}

}  // namespace SIDEWALL_NS
