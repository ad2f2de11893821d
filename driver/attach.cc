// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/attach.h"

namespace SIDEWALL_NS {
namespace {

constexpr uint32_t kVmidCount = 256;
// A SID arrives with any upper bits; EL2's own entries ignore them.
constexpr uint32_t kUpperIdBits = 0x7f80;

// Steps of a life that the caller has just looked at cannot fail.
void Require(const Smmu& smmu, bool done) {
  if (!done) sidewall_plat_panic(smmu.ctx, __LINE__);
}

ContextBank BankOf(const Smmu& smmu, uint32_t context) {
  return ContextBank{smmu.host_banks + 2 + context};
}

EntryIndex IndexOf(const Smmu& smmu, const OwnEntry* entry) {
  return EntryIndex{smmu.host_entries + static_cast<uint32_t>(entry - smmu.own_entry)};
}

uint32_t TranslateTo(ContextBank bank) {
  return s2cr::kType.Of(s2cr::kTypeTranslate) | s2cr::kCbndx.Of(bank.value);
}

// ---------------------------------------------------------------- indices

bool VmidIsTaken(const Smmu& smmu, uint32_t vmid) {
  if (vmid == smmu.host_vmid.value || vmid == smmu.fault_vmid.value) return true;
  for (uint32_t i = 0; i < smmu.context_count; ++i) {
    if (!smmu.context[i].life.is_free() && smmu.context[i].vmid == vmid) return true;
  }
  return false;
}

// A VMID is free when no context has it, and a context is only free once its VMID was invalidated
// and a sync completed. There are more VMIDs than contexts, so one is found.
Vmid NextVmid(Smmu& smmu) {
  for (uint32_t i = 1; i <= kVmidCount; ++i) {
    const uint32_t vmid = (smmu.last_vmid + i) % kVmidCount;
    if (VmidIsTaken(smmu, vmid)) continue;
    smmu.last_vmid = vmid;
    return Vmid{vmid};
  }
  sidewall_plat_panic(smmu.ctx, __LINE__);
}
static_assert(kMaxContexts + 2 < kVmidCount);

uint8_t ReserveContext(Smmu& smmu) {
  for (uint32_t i = 0; i < smmu.context_count; ++i) {
    if (smmu.context[i].life.Reserve()) return static_cast<uint8_t>(i);
  }
  return kNoContext;
}

OwnEntry* ReserveEntry(Smmu& smmu, StreamId sid) {
  for (uint32_t i = 0; i < smmu.own_entry_count; ++i) {
    OwnEntry& entry = smmu.own_entry[i];
    if (!entry.life.Reserve()) continue;
    entry.sid = static_cast<uint8_t>(sid.value);
    entry.context = kNoContext;
    return &entry;
  }
  return nullptr;
}

// ---------------------------------------------------------------- stores

// Whatever an earlier owner left in the bank is written over before it is on.
void OpenContext(Smmu& smmu, uint32_t handle, uint8_t index, Pa root) {
  Context& context = smmu.context[index];
  const ContextBank bank = BankOf(smmu, index);
  const Vmid vmid = NextVmid(smmu);
  context.domain = static_cast<uint8_t>(handle);
  context.vmid = static_cast<uint8_t>(vmid.value);
  WriteAll32(smmu, Cba2rOffset(bank), cba2r::kVa64.mask());
  WriteAll32(smmu, CbarOffset(bank),
             cbar::kType.Of(cbar::kTypeStage2) | cbar::kVmid.Of(vmid.value));
  WriteAll32(smmu, CbfrsynraOffset(bank), 0);
  WriteAll32(smmu, BankRegister(smmu, bank, cb::kTCR), Stage2Tcr(smmu));
  WriteAll64(smmu, BankRegister(smmu, bank, cb::kTTBR0), root.value);
  WriteAll32(smmu, BankRegister(smmu, bank, cb::kFSR), fsr::kFaults);
  WriteAll32(smmu, BankRegister(smmu, bank, cb::kSCTLR), sctlr::kStage2);
  Require(smmu, context.life.Publish());
}

// The entry's target first, then the bit that makes it match.
void PublishEntry(Smmu& smmu, OwnEntry* entry, ContextBank bank) {
  StoreS2cr(smmu, IndexOf(smmu, entry), TranslateTo(bank));
  StoreSmr(smmu, IndexOf(smmu, entry),
           smr::kValid.mask() | smr::kMask.Of(kUpperIdBits) | smr::kId.Of(entry->sid));
  Require(smmu, entry->life.Publish());
}

void RetireEntry(Smmu& smmu, OwnEntry* entry) {
  StoreSmr(smmu, IndexOf(smmu, entry), 0);
  StoreS2cr(smmu, IndexOf(smmu, entry), s2cr::kFault);
  Require(smmu, entry->life.Free());
  RetryWaiting(smmu);
}

void ForgetContext(State& state, uint32_t unit, uint32_t index) {
  Context& context = state.smmu[unit].context[index];
  Domain& domain = state.domains.domain[context.domain];
  Require(state.smmu[unit], context.life.Free());
  domain.context[unit] = kNoContext;
  domain.unflushed &= static_cast<uint8_t>(~(1u << unit));
}

bool HostMatches(const Smmu& smmu, StreamId sid) {
  SidSet one;
  one.Add(sid.value);
  return HostEntryMatches(smmu, one, false);
}

// Whether the domain may stand in this unit: it does, or nothing of it drains there.
bool ContextSettles(State& state, uint32_t handle, uint32_t unit) {
  Smmu& smmu = state.smmu[unit];
  const uint8_t index = state.domains.domain[handle].context[unit];
  if (index == kNoContext || smmu.context[index].life.is_live()) return true;
  if (!FlushVmid(smmu, Vmid{smmu.context[index].vmid})) return false;
  SettleUnit(state, unit);
  return true;
}

bool FlushUnit(State& state, uint32_t handle, uint32_t unit) {
  Smmu& smmu = state.smmu[unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  SettleUnit(state, unit);
  Domain& domain = state.domains.domain[handle];
  const uint8_t bit = static_cast<uint8_t>(1u << unit);
  const uint8_t index = domain.context[unit];
  if ((domain.unflushed & bit) == 0 || index == kNoContext) return true;
  if (!FlushVmid(smmu, Vmid{smmu.context[index].vmid})) return false;
  domain.unflushed &= static_cast<uint8_t>(~bit);
  SettleUnit(state, unit);
  return true;
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

void SettleUnit(State& state, uint32_t unit) {
  Smmu& smmu = state.smmu[unit];
  for (uint32_t i = 0; i < smmu.context_count; ++i) {
    const IndexLife& life = smmu.context[i].life;
    if (life.is_draining() && smmu.clock.Synced(life)) ForgetContext(state, unit, i);
  }
  for (uint32_t i = 0; i < smmu.own_entry_count; ++i) {
    const IndexLife& life = smmu.own_entry[i].life;
    if (life.is_draining() && smmu.clock.Synced(life)) RetireEntry(smmu, &smmu.own_entry[i]);
  }
}

OwnEntry* FindOwnEntry(Smmu& smmu, StreamId sid) {
  for (uint32_t i = 0; i < smmu.own_entry_count; ++i) {
    OwnEntry& entry = smmu.own_entry[i];
    if (!entry.life.is_free() && entry.sid == sid.value) return &entry;
  }
  return nullptr;
}

uint32_t FreeOwnEntries(const Smmu& smmu) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < smmu.own_entry_count; ++i) count += smmu.own_entry[i].life.is_free();
  return count;
}

bool BlockStream(Smmu& smmu, StreamId sid) {
  OwnEntry* entry = ReserveEntry(smmu, sid);
  if (entry == nullptr) return false;
  PublishEntry(smmu, entry, smmu.fault_bank);
  return true;
}

void UnblockStream(Smmu& smmu, OwnEntry* entry) {
  Require(smmu, entry->life.Drain(0));
  RetireEntry(smmu, entry);
}

bool AttachedDomain(State& state, const Stream& stream, uint32_t* handle) {
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  const OwnEntry* entry = FindOwnEntry(smmu, stream.sid);
  if (entry == nullptr || !entry->life.is_live() || entry->context == kNoContext) return false;
  *handle = smmu.context[entry->context].domain;
  return true;
}

sidewall_status AttachStream(State& state, uint32_t handle, const Stream& stream) {
  Domain& domain = state.domains.domain[handle];
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  SettleUnit(state, stream.unit);
  if (smmu.sid_owner[stream.sid.value] != domain.owner) return SIDEWALL_REFUSED;
  OwnEntry* entry = FindOwnEntry(smmu, stream.sid);
  if (entry != nullptr && entry->life.is_draining()) {
    if (!SyncUnit(smmu)) return SIDEWALL_DEGRADED;
    SettleUnit(state, stream.unit);
    entry = nullptr;
  }
  // A stream of a VM is blocked by an entry already; one of the host's has none while detached.
  if (entry != nullptr && (domain.owner == SIDEWALL_OWNER_HOST || entry->context != kNoContext)) {
    return SIDEWALL_REFUSED;
  }
  if (HostMatches(smmu, stream.sid)) return SIDEWALL_REFUSED;
  if (!ContextSettles(state, handle, stream.unit)) return SIDEWALL_DEGRADED;
  uint8_t index = domain.context[stream.unit];
  const bool is_new = index == kNoContext;
  if (is_new) index = ReserveContext(smmu);
  if (index == kNoContext) return SIDEWALL_REFUSED;
  const bool is_first = entry == nullptr;
  if (is_first) entry = ReserveEntry(smmu, stream.sid);
  if (entry == nullptr) {
    if (is_new) Require(smmu, smmu.context[index].life.Cancel());
    return SIDEWALL_REFUSED;
  }
  if (is_new) {
    OpenContext(smmu, handle, index, domain.root);
    domain.context[stream.unit] = index;
  }
  entry->context = index;
  Require(smmu, smmu.context[index].life.Refer());
  Require(smmu, domain.life.Refer());
  if (is_first) {
    PublishEntry(smmu, entry, BankOf(smmu, index));
  } else {
    StoreS2cr(smmu, IndexOf(smmu, entry), TranslateTo(BankOf(smmu, index)));
  }
  return SIDEWALL_OK;
}

sidewall_status DetachStream(State& state, uint32_t handle, const Stream& stream) {
  Domain& domain = state.domains.domain[handle];
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  OwnEntry* entry = FindOwnEntry(smmu, stream.sid);
  if (entry == nullptr || !entry->life.is_live() || entry->context == kNoContext) {
    return SIDEWALL_REFUSED;
  }
  const uint8_t index = entry->context;
  if (index != domain.context[stream.unit]) return SIDEWALL_REFUSED;
  Context& context = smmu.context[index];
  StoreS2cr(smmu, IndexOf(smmu, entry), TranslateTo(smmu.fault_bank));
  entry->context = kNoContext;
  Require(smmu, context.life.Drop());
  Require(smmu, domain.life.Drop());
  const bool is_last = context.life.references() == 0;
  // A stage-2 bank that is off lets everything through, so nothing names it any more by now.
  if (is_last) WriteAll32(smmu, BankRegister(smmu, BankOf(smmu, index), cb::kSCTLR), 0);
  WriteAll32(smmu, gr0::kTLBIVMID, context.vmid);
  const uint64_t epoch = smmu.clock.Invalidated();
  domain.unflushed |= static_cast<uint8_t>(1u << stream.unit);
  if (is_last) Require(smmu, context.life.Drain(epoch));
  if (domain.owner == SIDEWALL_OWNER_HOST) Require(smmu, entry->life.Drain(epoch));
  if (!SyncUnit(smmu)) return SIDEWALL_DEGRADED;
  domain.unflushed &= static_cast<uint8_t>(~(1u << stream.unit));
  SettleUnit(state, stream.unit);
  return SIDEWALL_OK;
}

bool FlushDomain(State& state, uint32_t handle) {
  bool done = true;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (!FlushUnit(state, handle, i)) done = false;
  }
  return done;
}

}  // namespace SIDEWALL_NS
