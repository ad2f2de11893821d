// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Entries of EL2's own, which match one 7-bit stream ID with any upper bits. Some stand in for an
// entry that the host has not made: streams that a boot loader left active, and streams for which
// the host asked for its identity map. Such a stream must not fault while it changes hands, and no
// two valid entries may match it; so the host's entry takes over the place in hardware:
//
//     entry 127 (boot, SID 0x0e)   slot 127: SMR 0xff80000e, S2CR names the host's stage 2
//     the host writes S2CR[5], then SMR[5] = 0xff80000e
//     one store                    slot 127: S2CR is what the host's S2CR[5] composes to
//     entry 5 now has slot 127, and entry 127, free again, has slot 5
#include "driver/attach.h"

namespace SIDEWALL_NS {
namespace {

constexpr uint32_t kUpperBits = 0x7f80;  // of a stream ID, which no owner depends on

constexpr uint32_t SmrOf(StreamId sid) {
  return smr::kValid.mask() | smr::kMask.Of(kUpperBits) | smr::kId.Of(sid.value);
}

constexpr uint32_t S2crOf(ContextBank bank) {
  return s2cr::kType.Of(s2cr::kTypeTranslate) | s2cr::kCbndx.Of(bank.value);
}

bool IsLive(const Entry& entry) { return smr::kValid.Get(entry.hw_smr) != 0; }

// A free entry; or one whose stream faults anyway, with or without it.
EntryIndex FindRoom(Smmu& smmu) {
  EntryIndex blocked = kNoEntry;
  for (uint32_t i = smmu.host_entries; i < smmu.entry_count; ++i) {
    if (smmu.entry[i].use == EntryUse::kFree) return EntryIndex{i};
    if (smmu.entry[i].use == EntryUse::kBlocked) blocked.value = i;
  }
  if (!(blocked == kNoEntry)) FreeEl2Entry(smmu, blocked);
  return blocked;
}

bool HostEntryCovers(const Smmu& smmu, StreamId sid) {
  for (uint32_t i = 0; i < smmu.host_entries; ++i) {
    const Entry& entry = smmu.entry[i];
    if (IsLive(entry) && EntriesOverlap(entry.hw_smr, SmrOf(sid))) return true;
  }
  return false;
}

uint32_t OpenBootStreams(State& state, Smmu& smmu) {
  LockGuard lock(state.ctx, smmu.lock_id);
  for (uint32_t i = 0; i < state.cfg.boot_stream_count; ++i) {
    const sidewall_boot_stream& stream = state.cfg.boot_stream[i];
    if (stream.side != smmu.side) continue;
    const EntryIndex index =
        TakeEl2Entry(smmu, StreamId{stream.sid}, EntryUse::kBoot, smmu.host_stage2);
    if (index == kNoEntry) return __LINE__;
  }
  return 0;
}

sidewall_status Identity(State& state, const Stream& stream, bool on) {
  Smmu& smmu = state.smmu[stream.unit];
  if (smmu.power != Power::kOn) return SIDEWALL_REFUSED;
  if (smmu.sid_owner[stream.sid.value] != SIDEWALL_OWNER_HOST) return SIDEWALL_REFUSED;
  // Whom no wait helps is not made to wait.
  if (HostEntryCovers(smmu, stream.sid)) return SIDEWALL_REFUSED;
  if (!EndWait(state, stream)) return SIDEWALL_DEGRADED;
  // What has drained may have held back an entry of the host's, which is live by now.
  if (HostEntryCovers(smmu, stream.sid)) return SIDEWALL_REFUSED;
  const EntryIndex index = FindEl2Entry(smmu, stream.sid);
  // A stream on a domain is not the identity map's.
  if (!(index == kNoEntry) && !StandsIn(smmu.entry[index.value])) return SIDEWALL_REFUSED;
  if (on) {
    const bool taken =
        !(TakeEl2Entry(smmu, stream.sid, EntryUse::kIdentity, smmu.host_stage2) == kNoEntry);
    return taken ? SIDEWALL_OK : SIDEWALL_REFUSED;
  }
  if (index == kNoEntry) return SIDEWALL_OK;
  FreeEl2Entry(smmu, index);
  RetryWaiting(smmu);
  return SIDEWALL_OK;
}

}  // namespace

bool StandsIn(const Entry& entry) {
  return entry.use == EntryUse::kBoot || entry.use == EntryUse::kIdentity ||
         entry.use == EntryUse::kBlocked;
}

EntryIndex FindEl2Entry(const Smmu& smmu, StreamId sid) {
  for (uint32_t i = smmu.host_entries; i < smmu.entry_count; ++i) {
    if (smmu.entry[i].use != EntryUse::kFree && smmu.entry[i].hw_smr == SmrOf(sid)) {
      return EntryIndex{i};
    }
  }
  return kNoEntry;
}

EntryIndex TakeEl2Entry(Smmu& smmu, StreamId sid, EntryUse use, ContextBank bank) {
  EntryIndex index = FindEl2Entry(smmu, sid);
  if (index == kNoEntry) index = FindRoom(smmu);
  if (index == kNoEntry) return index;
  smmu.entry[index.value].use = use;
  StoreS2cr(smmu, index, S2crOf(bank));
  StoreSmr(smmu, index, SmrOf(sid));
  return index;
}

void FreeEl2Entry(Smmu& smmu, EntryIndex index) {
  StoreSmr(smmu, index, 0);
  StoreS2cr(smmu, index, s2cr::kFault);
  smmu.entry[index.value].use = EntryUse::kFree;
}

void SettleEntries(Smmu& smmu) {
  if (smmu.draining_entries == 0 || !smmu.clock.Synced(smmu.entry_epoch)) return;
  for (uint32_t i = smmu.host_entries; i < smmu.entry_count; ++i) {
    if (smmu.entry[i].use != EntryUse::kDraining) continue;
    FreeEl2Entry(smmu, EntryIndex{i});
    RetryWaiting(smmu);
  }
  smmu.draining_entries = 0;
}

uint32_t El2EntryRoom(const Smmu& smmu, const SidSet& set) {
  uint32_t room = 0;
  for (uint32_t i = smmu.host_entries; i < smmu.entry_count; ++i) {
    const Entry& entry = smmu.entry[i];
    if (entry.use == EntryUse::kFree) ++room;
    if (entry.use != EntryUse::kBlocked) continue;
    if (!set.Has(smr::kId.Get(entry.hw_smr) & (kSidCount - 1))) ++room;
  }
  return room;
}

// If the host's entry is live already, under another match, it cannot take over a second place: the
// streams of the other entries then fault from its last store until the host's entry is widened.
void AbsorbStandIns(Smmu& smmu, EntryIndex index, uint32_t value) {
  Entry& entry = smmu.entry[index.value];
  for (uint32_t i = smmu.host_entries; i < smmu.entry_count; ++i) {
    Entry& other = smmu.entry[i];
    if (!StandsIn(other) || !EntriesOverlap(other.hw_smr, value)) continue;
    StoreS2cr(smmu, EntryIndex{i}, entry.hw_s2cr);
    if (!IsLive(entry)) {
      const uint8_t slot = entry.slot;
      entry.slot = other.slot;
      entry.hw_smr = other.hw_smr;
      other.slot = slot;
      other.hw_smr = 0;
    }
    FreeEl2Entry(smmu, EntryIndex{i});
  }
}

uint32_t StartBootStreams(State& state) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    const uint32_t line = OpenBootStreams(state, state.smmu[i]);
    if (line != 0) return line;
  }
  return 0;
}

void EndBootStreams(State& state) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    Smmu& smmu = state.smmu[i];
    LockGuard lock(state.ctx, smmu.lock_id);
    for (uint32_t j = smmu.host_entries; j < smmu.entry_count; ++j) {
      if (smmu.entry[j].use != EntryUse::kBoot) continue;
      smmu.entry[j].use = EntryUse::kBlocked;
      StoreS2cr(smmu, EntryIndex{j}, S2crOf(smmu.fault_bank));
    }
    SettleBanks(smmu);
  }
}

sidewall_status SetIdentity(State& state, const Stream& stream, bool on) {
  LockGuard domains_lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  Smmu& smmu = state.smmu[stream.unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  const sidewall_status status = Identity(state, stream, on);
  SettleBanks(smmu);
  return status;
}

}  // namespace SIDEWALL_NS
