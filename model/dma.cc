// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a transaction meets on its way: the stream ID that the memory controller gives it, the
// match, the context, the tables; and the fault that is recorded when it fails.
#include "model/machine.h"
#include "model/registers.h"
#include "model/walk.h"

namespace sidewall::model {

namespace {

constexpr uint32_t kTypeTranslate = 0;
constexpr uint32_t kTypeBypass = 1;

// sGFSYNR0 and FSYNR0 place the same four facts differently.
uint32_t GlobalSyndrome(const DmaRequest& request, bool nested) {
  return static_cast<uint32_t>(nested) | static_cast<uint32_t>(request.write) << 1 |
         static_cast<uint32_t>(request.privileged) << 2 |
         static_cast<uint32_t>(request.instruction) << 3;
}

uint32_t GlobalStatus(FaultKind kind) {
  switch (kind) {
    case FaultKind::kUnmatchedStream:
      return gfsr::kUsf;
    case FaultKind::kMultipleMatch:
      return gfsr::kSmcf;
    case FaultKind::kUnimplementedBank:
      return gfsr::kUcbf;
    default:
      return gfsr::kIcf;
  }
}

uint32_t ContextStatus(FaultKind kind) {
  switch (kind) {
    case FaultKind::kAccessFlag:
      return fsr::kAff;
    case FaultKind::kPermission:
      return fsr::kPf;
    case FaultKind::kAddressSize:
      return fsr::kAsf;
    case FaultKind::kExternal:
      return fsr::kEf;
    default:
      return fsr::kTf;
  }
}

uint32_t ContextSyndrome(const DmaRequest& request, const Walk& walk, const Resolution& via) {
  uint32_t value = walk.level & 3u;
  value |= static_cast<uint32_t>(request.write) << 4;
  value |= static_cast<uint32_t>(request.privileged) << 5;
  value |= static_cast<uint32_t>(request.instruction) << 6;
  value |= static_cast<uint32_t>(walk.table_fetch) << 10;
  if (walk.stage == 2) {
    value |= static_cast<uint32_t>(walk.stage1_walk) << 3;
    if (via.bank != via.stage2_bank) value |= 1u << 2 | static_cast<uint32_t>(via.bank) << 16;
  }
  return value;
}

// The privilege and kind that S2CR makes of a transaction. PRIVCFG 1 leaves data as it is.
AccessKind Override(const DmaRequest& request, uint32_t s2cr) {
  AccessKind access = {request.write, request.privileged, request.instruction};
  const uint64_t privilege = Bits(s2cr, 25, 24);
  if (privilege >= 2) access.privileged = privilege == 3;
  const uint64_t instruction = Bits(s2cr, 27, 26);
  if (instruction >= 2 && !request.write) access.instruction = instruction == 3;
  return access;
}

bool InFaultedState(const ContextBank& bank) {
  const bool faulted = (bank.fsr & (fsr::kClearable | fsr::kSs)) != 0;
  return faulted && (bank.sctlr & sctlr::kHupcf) == 0;
}

}  // namespace

// Finds the entry; true when there is one to go on with. Detection of several matches is not
// guaranteed: a choice of n > 0 makes the n-th match win unnoticed.
bool Machine::MatchStream(const SmmuInstance& smmu, uint16_t sid, Choices* choices,
                          Decision* decision) const {
  Resolution& via = decision->via;
  uint16_t match[kMaxEntries];
  size_t count = 0;
  for (size_t word = 0; word < kMaxEntries / 64; ++word) {
    for (uint64_t left = smmu.valid_entries[word]; left != 0; left &= left - 1) {
      const uint16_t n = static_cast<uint16_t>(word * 64 + __builtin_ctzll(left));
      const uint32_t smr = smmu.smr[n];
      if ((((smr ^ sid) & ~(smr >> 16)) & 0x7fff) == 0) match[count++] = n;
    }
  }
  via.match_count = static_cast<uint8_t>(count);
  if (count == 0) {
    const bool fault = (smmu.cr0 & cr0::kUsfCfg) != 0;
    via.route = fault ? Route::kUnmatched : Route::kBypass;
    if (fault) decision->fault = FaultKind::kUnmatchedStream;
    return false;
  }
  via.entry = match[0];
  if (count == 1) return true;
  const uint8_t choice = choices != nullptr ? choices->Next() : 0;
  if (choice != 0) {
    via.entry = match[(choice - 1u) % count];
    return true;
  }
  const bool fault = (smmu.cr0 & cr0::kSmcfCfg) != 0;
  via.route = fault ? Route::kMultiMatch : Route::kBypass;
  if (fault) decision->fault = FaultKind::kMultipleMatch;
  return false;
}

// The checks of the bank that a translating entry names, in the order of the architecture.
void Machine::DecideContext(const SmmuInstance& smmu, Decision* decision) const {
  Resolution& via = decision->via;
  via.route = Route::kBadContext;
  decision->fault = FaultKind::kUnimplementedBank;
  if (via.bank >= smmu.spec->banks) return;
  const uint32_t type = cbar::Type(smmu.cbar[via.bank]);
  via.vmid = cbar::Vmid(smmu.cbar[via.bank]);
  decision->fault = FaultKind::kInvalidContext;
  if (type == cbar::kFault) return;
  decision->fault = FaultKind::kNone;
  if (type == cbar::kStage1) {
    via.route = Route::kStage1Only;
    return;
  }
  uint16_t second = via.bank;
  if (type == cbar::kNested) {
    second = cbar::Stage2Bank(smmu.cbar[via.bank]);
    decision->second_bank = true;
    decision->fault = FaultKind::kUnimplementedBank;
    if (second >= smmu.spec->banks) return;
    decision->fault = FaultKind::kInvalidContext;
    if (cbar::Type(smmu.cbar[second]) != cbar::kStage2) return;
    const bool wide1 = (smmu.cba2r[via.bank] & kCba2rVa64) != 0;
    const bool wide2 = (smmu.cba2r[second] & kCba2rVa64) != 0;
    if (wide1 && !wide2) return;
    decision->second_bank = false;
    decision->fault = FaultKind::kNone;
  }
  via.stage2_bank = second;
  via.stage2_vmid = cbar::Vmid(smmu.cbar[second]);
  const ContextBank& bank = smmu.bank[second];
  via.stage2_root = DecodeStage2(bank.tcr, bank.ttbr0).root;
  // AArch32 tables are not followed, so nothing can be said of what they hold back.
  const bool aarch64 = (smmu.cba2r[second] & kCba2rVa64) != 0;
  if ((bank.sctlr & sctlr::kM) == 0 || !aarch64) {
    via.route = Route::kUntranslated;
  } else {
    via.route = type == cbar::kNested ? Route::kNested : Route::kStage2;
  }
}

Machine::Decision Machine::Decide(size_t instance, uint16_t sid, Choices* choices) const {
  const SmmuInstance& smmu = smmu_[instance];
  Decision decision;
  Resolution& via = decision.via;
  // A window that the board lacks carries nothing.
  decision.fault = FaultKind::kUnmatchedStream;
  if (smmu.spec == nullptr) return decision;
  decision.fault = FaultKind::kNone;
  via.route = Route::kBypass;
  if ((smmu.cr0 & cr0::kClientPd) != 0) return decision;
  if (!MatchStream(smmu, sid, choices, &decision)) return decision;
  const uint32_t s2cr = smmu.s2cr[via.entry];
  const uint32_t type = static_cast<uint32_t>(Bits(s2cr, 17, 16));
  if (type == kTypeBypass) return decision;
  if (type != kTypeTranslate) {
    via.route = Route::kFaultEntry;
    decision.fault = FaultKind::kInvalidContext;
    return decision;
  }
  via.bank = static_cast<uint16_t>(Bits(s2cr, 7, 0));
  DecideContext(smmu, &decision);
  return decision;
}

Resolution Machine::Resolve(size_t instance, uint16_t sid) const {
  return Decide(instance, sid & 0x7fff, nullptr).via;
}

DmaResult Machine::Process(const DmaRequest& request, size_t instance, uint16_t sid,
                           Choices* choices, FaultRecord* record) const {
  const SmmuInstance& smmu = smmu_[instance];
  const Decision decision = Decide(instance, sid, choices);
  DmaResult result;
  result.instance = static_cast<uint8_t>(instance);
  result.sid = sid;
  result.via = decision.via;
  result.fault = decision.fault;
  result.pa = request.address;
  result.ipa = request.address;
  const Resolution& via = decision.via;
  if (decision.fault != FaultKind::kNone) {
    record->global = true;
    record->status = GlobalStatus(decision.fault);
    record->fsynr0 = GlobalSyndrome(request, decision.second_bank);
    record->far = request.address;
    return result;
  }
  if (via.route == Route::kBypass) return result;
  const ContextBank& bank = smmu.bank[via.bank];
  const bool nested = via.stage2_bank != kNoIndex && via.stage2_bank != via.bank;
  if (InFaultedState(bank) || (nested && InFaultedState(smmu.bank[via.stage2_bank]))) {
    result.fault = FaultKind::kBlocked;
    return result;
  }
  const AccessKind access = Override(request, smmu.s2cr[via.entry]);
  const unsigned kind = KindNumber(access);
  if (AnswerFromTlb(request, kind, choices, &result, record)) return result;
  const bool lru = profile_ == TlbProfile::kLru;
  Walk walk(memory_, smmu, tlb_[instance], lru ? nullptr : choices);
  // AArch32 formats are not followed: such a context delivers nothing here.
  const bool stage1_on = via.bank != via.stage2_bank && (bank.sctlr & sctlr::kM) != 0;
  const bool stage2_on =
      via.stage2_bank != kNoIndex && (smmu.bank[via.stage2_bank].sctlr & sctlr::kM) != 0;
  if (stage1_on && (smmu.cba2r[via.bank] & kCba2rVa64) == 0) {
    walk.fault = FaultKind::kTranslation;
    walk.stage = 1;
    walk.level = 1;
  } else if (stage2_on && (smmu.cba2r[via.stage2_bank] & kCba2rVa64) == 0) {
    walk.fault = FaultKind::kTranslation;
    walk.stage = 2;
    walk.level = 1;
  } else {
    walk.Run(via, access, request.address);
  }
  NoteWalk(walk, kind, &record->walk);
  result.fault = walk.fault;
  result.stage = walk.fault == FaultKind::kNone ? 0 : walk.stage;
  result.level = walk.level;
  result.stale = walk.stale;
  result.pa = walk.pa;
  result.ipa = walk.ipa;
  result.table_count = walk.table_count;
  for (size_t i = 0; i < walk.table_count; ++i) result.table_page[i] = walk.table_page[i];
  if (walk.fault != FaultKind::kNone) {
    // A fault of stage 2 is recorded in the stage-2 bank only.
    record->bank = walk.stage == 2 ? via.stage2_bank : via.bank;
    record->status = ContextStatus(walk.fault);
    record->fsynr0 = ContextSyndrome(request, walk, via);
    record->far = request.address;
    record->ipafar = walk.ipa;
  }
  return result;
}

// Choices, in order: the side of a client whose wiring is not known; the channel of the memory
// controller, when their bypass modes differ; the instance of a pair; the upper bits of the stream
// ID of a client; then what the instance itself is free in. Without choices the channel is the one
// that lets most past.
DmaResult Machine::Issue(const DmaRequest& request, Choices* choices, FaultRecord* record) const {
  DmaResult result;
  uint8_t side = request.side;
  uint16_t sid = request.sid & 0x7fff;
  if (request.client != kNoIndex) {
    const ClientInfo* client = FindClient(request.client);
    side = client != nullptr ? client->side : kUnknownSide;
    if (side == kUnknownSide) {
      constexpr uint8_t kOrder[3] = {1, 0, 2};
      side = kOrder[(choices != nullptr ? choices->Next() : 0) % 3];
    }
    sid = choices != nullptr && mc_.ChannelsDiffer()
              ? mc_.ClientSid(request.client, request.own_sid, choices->Next())
              : mc_.ClientSid(request.client, request.own_sid);
  }
  const size_t first = InstanceIndex(side, 0);
  if (side > 2 || smmu_[first].spec == nullptr) {
    result.fault = FaultKind::kUnmatchedStream;
    return result;
  }
  uint8_t which = request.instance == kNoIndex8 ? 0 : request.instance;
  const bool pair = smmu_[first].spec->instance_count == 2;
  if (pair && request.instance == kNoIndex8 && choices != nullptr) which = choices->Next() & 1;
  const size_t instance = first + (pair ? which & 1u : 0);
  if (sid == MemoryController::kPast) {
    result.instance = static_cast<uint8_t>(instance);
    result.sid = MemoryController::kPassthroughSid;
    result.via.route = Route::kBypass;
    result.pa = request.address;
    result.ipa = request.address;
    return result;
  }
  if (request.client != kNoIndex && choices != nullptr) {
    sid |= static_cast<uint16_t>((choices->Next() << 7) & 0x7f80);
  }
  return Process(request, instance, sid, choices, record);
}

DmaResult Machine::Translate(const DmaRequest& request) const {
  FaultRecord record;
  return Issue(request, nullptr, &record);
}

DmaResult Machine::Dma(const DmaRequest& request) {
  FaultRecord record;
  Choices none;
  const DmaResult result = Issue(request, choices_ != nullptr ? choices_ : &none, &record);
  Remember(request, record, result);
  if (record.global || record.bank != kNoIndex) {
    Record(smmu_[result.instance], record, result.sid);
  }
  return result;
}

// The first fault is kept in full; of later ones only MULTI tells.
void Machine::Record(SmmuInstance& smmu, const FaultRecord& record, uint16_t sid) {
  if (record.global) {
    if (smmu.gfsr != 0) {
      smmu.gfsr |= gfsr::kMulti;
      return;
    }
    smmu.gfsr = record.status;
    smmu.gfar = record.far;
    smmu.gfsynr[0] = record.fsynr0;
    smmu.gfsynr[1] = sid;
    return;
  }
  ContextBank& bank = smmu.bank[record.bank];
  if ((bank.fsr & fsr::kClearable) != 0) {
    bank.fsr |= fsr::kMulti;
    return;
  }
  const bool aarch64 = (smmu.cba2r[record.bank] & kCba2rVa64) != 0;
  bank.fsr = (bank.fsr & fsr::kSs) | record.status | (aarch64 ? fsr::kFormatAarch64 : 0);
  if ((bank.sctlr & sctlr::kCfcfg) != 0) bank.fsr |= fsr::kSs;
  bank.far = record.far;
  bank.fsynr0 = record.fsynr0;
  // IPAFAR exists only where the bank translates for stage 2.
  if (cbar::Type(smmu.cbar[record.bank]) == cbar::kStage2) bank.ipafar = record.ipafar;
  smmu.cbfrsynra[record.bank] = sid;
}

// A fault as if a transaction of `sid` had met it; IPAFAR gets the address too.
void Machine::InjectFault(size_t instance, uint16_t bank, uint32_t status, uint32_t fsynr0,
                          uint64_t far, uint16_t sid) {
  if (instance >= kMaxInstances || smmu_[instance].spec == nullptr) return;
  SmmuInstance& smmu = smmu_[instance];
  FaultRecord record;
  record.global = bank == kNoIndex;
  if (!record.global && bank >= smmu.spec->banks) return;
  record.bank = bank;
  record.status = status & (record.global ? gfsr::kClearable : fsr::kClearable);
  record.fsynr0 = fsynr0;
  record.far = far;
  record.ipafar = far;
  if (record.status != 0) Record(smmu, record, sid);
}

}  // namespace sidewall::model
