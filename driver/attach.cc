// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/attach.h"

#include "driver/domain.h"

namespace SIDEWALL_NS {
namespace {

constexpr uint32_t kVmidCount = 256;

// Steps of a life that the caller has just looked at cannot fail.
void Require(const Smmu& smmu, bool done) {
  if (!done) sidewall_plat_panic(smmu.ctx, __LINE__);
}

// The host's stage 2 and the fault bank come first.
uint32_t FirstContextBank(const Smmu& smmu) { return smmu.host_banks + 2; }
ContextBank BankOf(const Smmu& smmu, uint32_t context) {
  return ContextBank{FirstContextBank(smmu) + context};
}

uint32_t TranslateTo(ContextBank bank) {
  return s2cr::kType.Of(s2cr::kTypeTranslate) | s2cr::kCbndx.Of(bank.value);
}

// ---------------------------------------------------------------- indices

// What the host and the fault bank have, on whatever unit, and what a context of this one has.
bool VmidIsTaken(const State& state, const Smmu& smmu, uint32_t vmid) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    const Smmu& unit = state.smmu[i];
    if (vmid == unit.host_vmid.value || vmid == unit.fault_vmid.value) return true;
  }
  for (uint32_t i = 0; i < smmu.context_count; ++i) {
    if (!smmu.context[i].life.is_free() && smmu.context[i].vmid == vmid) return true;
  }
  return false;
}

// A VMID is free when no context has it, and a context is only free once its VMID was invalidated
// and a sync completed. Units have VMIDs of their own, by remainder, so that contexts of two units
// are never tagged alike: whether TLBs of different units are separate nobody has to know. Each
// unit has more of them than contexts, so one is found.
Vmid NextVmid(State& state, uint32_t unit) {
  Smmu& smmu = state.smmu[unit];
  for (uint32_t i = 1; i <= kVmidCount; ++i) {
    const uint32_t vmid = (smmu.last_vmid + i) % kVmidCount;
    if (vmid % SIDEWALL_MAX_SMMUS != unit || VmidIsTaken(state, smmu, vmid)) continue;
    smmu.last_vmid = vmid;
    return Vmid{vmid};
  }
  sidewall_plat_panic(smmu.ctx, __LINE__);
}
static_assert(kMaxContexts + 2 * SIDEWALL_MAX_SMMUS < kVmidCount / SIDEWALL_MAX_SMMUS);

// Whether a context more leaves everybody else his share of those that are free.
bool MayTakeContext(const State& state, const Smmu& smmu, uint32_t owner) {
  uint32_t held[SIDEWALL_OWNER_GUEST0 + SIDEWALL_MAX_VMS] = {};
  uint32_t free = 0;
  for (uint32_t i = 0; i < smmu.context_count; ++i) {
    const Context& context = smmu.context[i];
    if (context.life.is_free()) ++free;
    if (!context.life.is_free()) ++held[state.domains.domain[context.domain].owner];
  }
  const uint32_t share = smmu.context_count / kOwnersOfContexts;
  if (free == 0 || held[owner] < share) return free != 0;
  uint32_t promised = 0;
  for (uint32_t other = 0; other < SIDEWALL_OWNER_GUEST0 + SIDEWALL_MAX_VMS; ++other) {
    if (other == owner || other == SIDEWALL_OWNER_EL2) continue;
    if (held[other] < share) promised += share - held[other];
  }
  return free > promised;
}

uint8_t ReserveContext(const State& state, Smmu& smmu, uint32_t owner) {
  if (!MayTakeContext(state, smmu, owner)) return kNoContext;
  for (uint32_t i = 0; i < smmu.context_count; ++i) {
    if (smmu.context[i].life.Reserve()) return static_cast<uint8_t>(i);
  }
  return kNoContext;
}

// ---------------------------------------------------------------- contexts

// Whatever an earlier owner left in the bank is written over before it is on.
void OpenContext(State& state, uint32_t unit, uint32_t handle, uint8_t index, Pa root) {
  Smmu& smmu = state.smmu[unit];
  Context& context = smmu.context[index];
  const ContextBank bank = BankOf(smmu, index);
  const Vmid vmid = NextVmid(state, unit);
  context.domain = static_cast<uint8_t>(handle);
  context.vmid = static_cast<uint8_t>(vmid.value);
  ProgramStage2(smmu, bank, vmid, root);
  WriteAll32(smmu, BankRegister(smmu, bank, cb::kFSR), fsr::kFaults);
  Require(smmu, context.life.Publish());
}

void ForgetContext(State& state, uint32_t unit, uint32_t index) {
  Context& context = state.smmu[unit].context[index];
  Domain& domain = state.domains.domain[context.domain];
  Require(state.smmu[unit], context.life.Free());
  domain.context[unit] = kNoContext;
  domain.unflushed &= static_cast<uint8_t>(~(1u << unit));
}

// Ends a context that no stream is attached to any more. Its bank is off before the invalidation,
// so that what was under way cannot fill the TLB behind it. False: a sync did not complete.
bool CloseContext(State& state, uint32_t unit, uint8_t index) {
  Smmu& smmu = state.smmu[unit];
  Context& context = smmu.context[index];
  const Aside aside(smmu, IsGuest(state.domains.domain[context.domain].owner));
  const ContextBank bank = BankOf(smmu, index);
  if (smmu.bank[bank.value].idle) {
    if (smmu.degraded && !SyncAll(smmu)) return false;
    SettleBanks(smmu);
    if (smmu.bank[bank.value].idle) return false;
  }
  WriteAll32(smmu, gr0::kTLBIVMID, context.vmid);
  Require(smmu, context.life.Drain(smmu.clock.Invalidated()));
  if (!SyncAll(smmu)) return false;
  SettleUnit(state, unit);
  return true;
}

bool HostMatches(const Smmu& smmu, StreamId sid) {
  SidSet one;
  one.Add(sid.value);
  return HostEntryMatches(smmu, one, false);
}

bool FlushContext(State& state, uint32_t handle, uint32_t unit) {
  Smmu& smmu = state.smmu[unit];
  Domain& domain = state.domains.domain[handle];
  const uint8_t bit = static_cast<uint8_t>(1u << unit);
  const uint8_t index = domain.context[unit];
  if (index == kNoContext) {
    domain.unflushed &= static_cast<uint8_t>(~bit);
    return true;
  }
  Context& context = smmu.context[index];
  if (context.life.is_live() && context.life.references() == 0) {
    return CloseContext(state, unit, index);
  }
  if ((domain.unflushed & bit) == 0) return true;
  if (!FlushVmid(smmu, Vmid{context.vmid})) return false;
  domain.unflushed &= static_cast<uint8_t>(~bit);
  return true;
}

bool FlushUnit(State& state, uint32_t handle, uint32_t unit) {
  Smmu& smmu = state.smmu[unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  const Aside aside(smmu, IsGuest(state.domains.domain[handle].owner));
  SettleUnit(state, unit);
  const bool done = FlushContext(state, handle, unit);
  SettleUnit(state, unit);
  SettleBanks(smmu);
  return done;
}

// Whether the stream's entry, if it has one, may be taken for a domain of `owner`.
bool EntryIsFree(const Smmu& smmu, EntryIndex index, uint32_t owner) {
  if (index == kNoEntry) return true;
  const Entry& entry = smmu.entry[index.value];
  if (owner == SIDEWALL_OWNER_HOST) return StandsIn(entry);
  return entry.use == EntryUse::kUnit && ContextOf(smmu, index) == kNoContext;
}

// A context that no stream is attached to any more.
bool Waits(const IndexLife& life) {
  return life.is_draining() || (life.is_live() && life.references() == 0);
}

// What the domain needs is there, but for detachments that wait.
bool NeedsWhatWaits(const State& state, const Smmu& smmu, const Domain& domain, uint8_t context) {
  if (context != kNoContext) return smmu.context[context].life.is_draining();
  if (MayTakeContext(state, smmu, domain.owner)) return false;
  for (uint32_t i = 0; i < smmu.context_count; ++i) {
    if (Waits(smmu.context[i].life)) return true;
  }
  return false;
}

// Detachments of the domain here, and those whose banks it needs, are over. False: they still wait.
bool BankIsSettled(State& state, uint32_t handle, const Stream& stream) {
  Smmu& smmu = state.smmu[stream.unit];
  const Domain& domain = state.domains.domain[handle];
  if (!NeedsWhatWaits(state, smmu, domain, domain.context[stream.unit])) return true;
  if (!SyncAll(smmu)) return false;
  SettleUnit(state, stream.unit);
  EndContexts(state, stream.unit);
  return !NeedsWhatWaits(state, smmu, domain, domain.context[stream.unit]);
}

// Nothing leads the stream, and there is an entry for it.
bool IsUnattached(const Smmu& smmu, StreamId sid, uint32_t owner) {
  const EntryIndex entry = FindEl2Entry(smmu, sid);
  if (HostMatches(smmu, sid) || !EntryIsFree(smmu, entry, owner)) return false;
  return !(entry == kNoEntry) || El2EntryRoom(smmu, SidSet{}) != 0;
}

sidewall_status Attach(State& state, uint32_t handle, const Stream& stream) {
  Domain& domain = state.domains.domain[handle];
  Smmu& smmu = state.smmu[stream.unit];
  if (smmu.power != Power::kOn) return SIDEWALL_REFUSED;
  if (smmu.sid_owner[stream.sid.value] != domain.owner) return SIDEWALL_REFUSED;
  // Whom no wait helps is not made to wait.
  if (HostMatches(smmu, stream.sid)) return SIDEWALL_REFUSED;
  if (!EndWait(state, stream)) return SIDEWALL_DEGRADED;
  if (!IsUnattached(smmu, stream.sid, domain.owner)) return SIDEWALL_REFUSED;
  if (!BankIsSettled(state, handle, stream)) return SIDEWALL_DEGRADED;
  // What has drained may have held back an entry of the host's, which is live by now.
  if (HostMatches(smmu, stream.sid)) return SIDEWALL_REFUSED;
  uint8_t index = domain.context[stream.unit];
  if (index == kNoContext) {
    index = ReserveContext(state, smmu, domain.owner);
    if (index == kNoContext) return SIDEWALL_REFUSED;
    OpenContext(state, stream.unit, handle, index, domain.root);
    domain.context[stream.unit] = index;
  }
  Require(smmu, smmu.context[index].life.Refer());
  Require(smmu, domain.life.Refer());
  const EntryUse use = domain.owner == SIDEWALL_OWNER_HOST ? EntryUse::kDomain : EntryUse::kUnit;
  Require(smmu, !(TakeEl2Entry(smmu, stream.sid, use, BankOf(smmu, index)) == kNoEntry));
  return SIDEWALL_OK;
}

sidewall_status Detach(State& state, uint32_t handle, const Stream& stream) {
  Domain& domain = state.domains.domain[handle];
  Smmu& smmu = state.smmu[stream.unit];
  const EntryIndex entry = FindEl2Entry(smmu, stream.sid);
  const uint8_t index = entry == kNoEntry ? kNoContext : ContextOf(smmu, entry);
  if (index == kNoContext || index != domain.context[stream.unit]) return SIDEWALL_REFUSED;
  Context& context = smmu.context[index];
  StoreS2cr(smmu, entry, TranslateTo(smmu.fault_bank));
  const bool is_hosts = domain.owner == SIDEWALL_OWNER_HOST;
  if (is_hosts) {
    smmu.entry[entry.value].use = EntryUse::kDraining;
    smmu.entry_epoch = smmu.clock.Invalidated();
    ++smmu.draining_entries;
  }
  Require(smmu, context.life.Drop());
  Require(smmu, domain.life.Drop());
  domain.unflushed |= static_cast<uint8_t>(1u << stream.unit);
  return FlushContext(state, handle, stream.unit) ? SIDEWALL_OK : SIDEWALL_DEGRADED;
}

}  // namespace

bool FindStream(const State& state, uint32_t side, uint32_t sid, Stream* stream) {
  // 0 is no stream, 0x7f passes by the SMMU, and the quarantine's is nobody's.
  if (sid == 0 || sid >= mc::kQuarantineSid) return false;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (state.smmu[i].side != side) continue;
    *stream = Stream{i, StreamId{sid}};
    return true;
  }
  return false;
}

uint8_t ContextOf(const Smmu& smmu, EntryIndex index) {
  const uint32_t hw_s2cr = smmu.entry[index.value].hw_s2cr;
  if (s2cr::kType.Get(hw_s2cr) != s2cr::kTypeTranslate) return kNoContext;
  const uint32_t bank = s2cr::kCbndx.Get(hw_s2cr);
  if (bank - FirstContextBank(smmu) >= smmu.context_count) return kNoContext;
  return static_cast<uint8_t>(bank - FirstContextBank(smmu));
}

void SettleUnit(State& state, uint32_t unit) {
  Smmu& smmu = state.smmu[unit];
  for (uint32_t i = 0; i < smmu.context_count; ++i) {
    const IndexLife& life = smmu.context[i].life;
    if (life.is_draining() && smmu.clock.Synced(life.epoch())) ForgetContext(state, unit, i);
  }
  SettleEntries(smmu);
}

bool EndWait(State& state, const Stream& stream) {
  Smmu& smmu = state.smmu[stream.unit];
  SettleUnit(state, stream.unit);
  const EntryIndex index = FindEl2Entry(smmu, stream.sid);
  const bool waits = index == kNoEntry
                         ? smmu.draining_entries != 0 && El2EntryRoom(smmu, SidSet{}) == 0
                         : smmu.entry[index.value].use == EntryUse::kDraining;
  if (!waits) return true;
  if (!SyncAll(smmu)) return false;
  SettleUnit(state, stream.unit);
  return true;
}

bool AttachedDomain(State& state, const Stream& stream, uint32_t* handle) {
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  const EntryIndex entry = FindEl2Entry(smmu, stream.sid);
  if (entry == kNoEntry || ContextOf(smmu, entry) == kNoContext) return false;
  *handle = smmu.context[ContextOf(smmu, entry)].domain;
  return true;
}

sidewall_status AttachStream(State& state, uint32_t handle, const Stream& stream) {
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  const Aside aside(smmu, IsGuest(state.domains.domain[handle].owner));
  const sidewall_status status = Attach(state, handle, stream);
  SettleBanks(smmu);
  return status;
}

sidewall_status DetachStream(State& state, uint32_t handle, const Stream& stream) {
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  const Aside aside(smmu, IsGuest(state.domains.domain[handle].owner));
  const sidewall_status status = Detach(state, handle, stream);
  if (status == SIDEWALL_REFUSED) return status;
  SettleUnit(state, stream.unit);
  SettleBanks(smmu);
  return status;
}

void EndContexts(State& state, uint32_t unit) {
  Smmu& smmu = state.smmu[unit];
  for (uint32_t i = 0; i < smmu.context_count && !smmu.degraded; ++i) {
    const IndexLife& life = smmu.context[i].life;
    if (!life.is_live() || life.references() != 0) continue;
    if (!CloseContext(state, unit, static_cast<uint8_t>(i))) return;
  }
}

bool FlushDomain(State& state, uint32_t handle) {
  bool done = true;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (!FlushUnit(state, handle, i)) done = false;
  }
  return done;
}

}  // namespace SIDEWALL_NS
