// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Stream mapping entries. What the host writes is kept as written and read back so; what hardware
// holds is composed from it.
//
//     host writes S2CR[5] = bypass          hardware: translate, bank = the host's stage 2
//     host writes S2CR[5] = translate to 3  hardware: translate, bank 3, if bank 3 is legal
//     anything else                         hardware: fault
//     SMR[5] matches a stream that came     hardware: fault, until the host writes S2CR[5]
//     back after the host wrote S2CR[5]
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

// Memory attributes, NSCFG, INSTCFG and TRANSIENT stay at their defaults. PRIVCFG goes through: it
// decides which permissions of the host's own stage 1 apply, and stage 2 does not know privilege.
uint32_t ComposeS2cr(const Smmu& smmu, uint32_t wanted) {
  switch (s2cr::kType.Get(wanted)) {
    case s2cr::kTypeTranslate: {
      const ContextBank bank{s2cr::kCbndx.Get(wanted)};
      if (!BankIsLegal(smmu, bank)) return s2cr::kFault;
      return s2cr::kType.Of(s2cr::kTypeTranslate) | s2cr::kCbndx.Of(bank.value) |
             (wanted & s2cr::kPrivcfg.mask());
    }
    case s2cr::kTypeBypass:
      return s2cr::kType.Of(s2cr::kTypeTranslate) | s2cr::kCbndx.Of(smmu.host_stage2.value);
    default:
      return s2cr::kFault;
  }
}

// A SID arrives with any upper bits, so only the low seven decide.
bool CoversForeignSid(const Smmu& smmu, uint32_t value) {
  const uint32_t compared = ~smr::kMask.Get(value) & (kSidCount - 1);
  for (uint32_t sid = 0; sid < kSidCount; ++sid) {
    if (smmu.sid_owner[sid] == SIDEWALL_OWNER_HOST) continue;
    if (((smr::kId.Get(value) ^ sid) & compared) == 0) return true;
  }
  return false;
}

// An entry of EL2 that only stands in for one of the host gives way.
bool MayBeLive(const Smmu& smmu, EntryIndex index, uint32_t value) {
  if (CoversForeignSid(smmu, value)) return false;
  for (uint32_t i = 0; i < smmu.entry_count; ++i) {
    if (i == index.value || smr::kValid.Get(smmu.entry[i].hw_smr) == 0) continue;
    if (StandsIn(smmu.entry[i])) continue;
    if (EntriesOverlap(smmu.entry[i].hw_smr, value)) return false;
  }
  return true;
}

bool IsWaiting(const Entry& entry) {
  return smr::kValid.Get(entry.smr) != 0 && smr::kValid.Get(entry.hw_smr) == 0;
}

void MakeLive(Smmu& smmu, EntryIndex index) {
  const uint32_t value = smmu.entry[index.value].smr;
  AbsorbStandIns(smmu, index, value);
  StoreSmr(smmu, index, value);
}

// Only the low seven bits of a stream ID decide whose stream it is.
bool Matches(uint32_t smr, uint32_t sid) {
  return ((smr::kId.Get(smr) ^ sid) & ~smr::kMask.Get(smr) & (kSidCount - 1)) == 0;
}

bool MatchesAny(uint32_t smr, const SidSet& set, bool inside) {
  for (uint32_t sid = 0; sid < kSidCount; ++sid) {
    if (set.Has(sid) == inside && Matches(smr, sid)) return true;
  }
  return false;
}

// Where an entry of the host's leads in hardware, once it is to match what its SMR says.
uint32_t TargetOf(const Smmu& smmu, EntryIndex index) {
  const Entry& entry = smmu.entry[index.value];
  const SidSet& returned = smmu.returned[index.value];
  const bool matches = !returned.empty() && smr::kValid.Get(entry.smr) != 0;
  if (matches && MatchesAny(entry.smr, returned, true)) return s2cr::kFault;
  return ComposeS2cr(smmu, entry.s2cr);
}

// An entry that is to fault does so before it matches more, and one that need not any longer has
// let go of what it matched before.
void ChangeMatch(Smmu& smmu, EntryIndex index, uint32_t value) {
  Entry& entry = smmu.entry[index.value];
  entry.smr = value;
  const uint32_t target = TargetOf(smmu, index);
  if (target != s2cr::kFault && target != entry.hw_s2cr) StoreSmr(smmu, index, 0);
  StoreS2cr(smmu, index, target);
}

Answer WriteSmr(Smmu& smmu, EntryIndex index, uint32_t value) {
  Entry& entry = smmu.entry[index.value];
  if (IsWaiting(entry)) --smmu.waiting_entries;
  const uint32_t old_hw = entry.hw_smr;
  ChangeMatch(smmu, index, value);
  const bool valid = smr::kValid.Get(value) != 0;
  const bool live = valid && MayBeLive(smmu, index, value);
  if (live) {
    MakeLive(smmu, index);
  } else {
    StoreSmr(smmu, index, 0);
  }
  if (valid && !live) ++smmu.waiting_entries;
  // Only an entry that gave something up can make room for another.
  if (smr::kValid.Get(old_hw) != 0 && old_hw != entry.hw_smr) RetryWaiting(smmu);
  if (live) return Done(SIDEWALL_DECISION_FORWARDED);
  Answer answer = Done(SIDEWALL_DECISION_VIRTUAL);
  if (valid) answer.reason = SIDEWALL_REASON_OVERLAP;
  return answer;
}

Answer WriteS2cr(Smmu& smmu, EntryIndex index, uint32_t value) {
  smmu.entry[index.value].s2cr = value;
  smmu.returned[index.value] = SidSet{};
  const uint32_t hw_s2cr = ComposeS2cr(smmu, value);
  StoreS2cr(smmu, index, hw_s2cr);
  Answer answer = Done(hw_s2cr == value ? SIDEWALL_DECISION_FORWARDED : SIDEWALL_DECISION_COMPOSED);
  const bool wants_bank = s2cr::kType.Get(value) == s2cr::kTypeTranslate;
  if (wants_bank && hw_s2cr == s2cr::kFault) answer.reason = SIDEWALL_REASON_CONTEXT;
  return answer;
}

}  // namespace

// The banks come on before, and go off after, the one store.
void StoreS2cr(Smmu& smmu, EntryIndex index, uint32_t hw_s2cr) {
  Entry& entry = smmu.entry[index.value];
  const uint32_t old = entry.hw_s2cr;
  if (old == hw_s2cr) return;
  TakeBanks(smmu, hw_s2cr);
  entry.hw_s2cr = hw_s2cr;
  WriteAll32(smmu, S2crOffset(SlotOf(smmu, index)), hw_s2cr);
  DropBanks(smmu, old);
}

void StoreSmr(Smmu& smmu, EntryIndex index, uint32_t hw_smr) {
  Entry& entry = smmu.entry[index.value];
  if (entry.hw_smr == hw_smr) return;
  entry.hw_smr = hw_smr;
  WriteAll32(smmu, SmrOffset(SlotOf(smmu, index)), hw_smr);
}

bool EntriesOverlap(uint32_t a, uint32_t b) {
  const uint32_t ignored = smr::kMask.Get(a) | smr::kMask.Get(b);
  const uint32_t differs = smr::kId.Get(a) ^ smr::kId.Get(b);
  return (differs & ~ignored & smr::kId.mask()) == 0;
}

// Lower indices first, so that the outcome does not depend on the order of earlier writes.
void RetryWaiting(Smmu& smmu) {
  for (uint32_t i = 0; i < smmu.host_entries && smmu.waiting_entries != 0; ++i) {
    const Entry& entry = smmu.entry[i];
    if (!IsWaiting(entry) || !MayBeLive(smmu, EntryIndex{i}, entry.smr)) continue;
    MakeLive(smmu, EntryIndex{i});
    --smmu.waiting_entries;
  }
}

bool BankIsLegal(const Smmu& smmu, ContextBank bank) {
  if (bank.value >= smmu.host_banks) return false;
  const Bank& state = smmu.bank[bank.value];
  return cbar::kType.Get(state.cbar) == cbar::kTypeStage1 && cba2r::kVa64.Get(state.cba2r) != 0;
}

void ReleaseBank(Smmu& smmu, ContextBank bank) {
  for (uint32_t i = 0; i < smmu.host_entries; ++i) {
    const uint32_t hw_s2cr = smmu.entry[i].hw_s2cr;
    if (s2cr::kType.Get(hw_s2cr) != s2cr::kTypeTranslate) continue;
    if (s2cr::kCbndx.Get(hw_s2cr) != bank.value) continue;
    StoreS2cr(smmu, EntryIndex{i}, s2cr::kFault);
  }
}

void ComposeBankEntries(Smmu& smmu, ContextBank bank) {
  for (uint32_t i = 0; i < smmu.host_entries; ++i) {
    const uint32_t wanted = smmu.entry[i].s2cr;
    if (s2cr::kType.Get(wanted) != s2cr::kTypeTranslate) continue;
    if (s2cr::kCbndx.Get(wanted) != bank.value) continue;
    StoreS2cr(smmu, EntryIndex{i}, TargetOf(smmu, EntryIndex{i}));
  }
}

bool HostEntryMatches(const Smmu& smmu, const SidSet& set, bool and_others) {
  for (uint32_t i = 0; i < smmu.host_entries; ++i) {
    const uint32_t hw_smr = smmu.entry[i].hw_smr;
    if (smr::kValid.Get(hw_smr) == 0 || !MatchesAny(hw_smr, set, true)) continue;
    if (!and_others || MatchesAny(hw_smr, set, false)) return true;
  }
  return false;
}

void HoldHostEntries(Smmu& smmu, const SidSet& set) {
  for (uint32_t i = 0; i < smmu.host_entries; ++i) {
    const uint32_t hw_smr = smmu.entry[i].hw_smr;
    if (smr::kValid.Get(hw_smr) == 0 || !MatchesAny(hw_smr, set, true)) continue;
    StoreSmr(smmu, EntryIndex{i}, 0);
    ++smmu.waiting_entries;
  }
}

void BlockHostEntries(Smmu& smmu, const SidSet& set) {
  for (uint32_t i = 0; i < smmu.host_entries; ++i) {
    smmu.returned[i].Add(set);
    StoreS2cr(smmu, EntryIndex{i}, TargetOf(smmu, EntryIndex{i}));
  }
}

Answer HandleStream(Smmu& smmu, const Request& request) {
  const EntryIndex index{request.index};
  const Entry& entry = smmu.entry[index.value];
  const bool is_smr = request.row->id == RegisterId::kSMR;
  if (!request.is_write) return Shown(is_smr ? entry.smr : entry.s2cr);
  const uint32_t value = static_cast<uint32_t>(request.value & request.row->keep);
  return is_smr ? WriteSmr(smmu, index, value) : WriteS2cr(smmu, index, value);
}

}  // namespace SIDEWALL_NS
