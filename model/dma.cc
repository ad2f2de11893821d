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
    case FaultKind::kTlbConflict:
      return fsr::kTlbMcf;
    default:
      return fsr::kTf;
  }
}

// FSYNR0: NESTED, S1PTWF and S1CBNDX.
constexpr uint32_t kNestedSyndrome = 1u << 2 | 1u << 3 | 0xffu << 16;

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

// The privilege and kind that S2CR makes of a transaction. PRIVCFG 1 takes the privilege from
// instruction fetches only.
AccessKind Override(const DmaRequest& request, uint32_t s2cr) {
  AccessKind access = {request.write, request.privileged, request.instruction};
  const uint64_t instruction = Bits(s2cr, 27, 26);
  if (instruction >= 2 && !request.write) access.instruction = instruction == 3;
  const uint64_t privilege = Bits(s2cr, 25, 24);
  if (privilege >= 2) access.privileged = privilege == 3;
  if (privilege == 1 && access.instruction) access.privileged = false;
  return access;
}

bool InFaultedState(const ContextBank& bank) {
  const bool faulted = (bank.fsr & (fsr::kClearable | fsr::kSs)) != 0;
  return faulted && (bank.sctlr & sctlr::kHupcf) == 0;
}

Attributes IncomingAttributes(const DmaRequest& request) {
  return {request.memory_attribute, request.shareability};
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
  // With IDR1.SMCD every one of them is detected.
  const bool detects = Bit(smmu.idr[1], 15);
  const uint8_t choice = choices != nullptr && !detects ? choices->Next() : 0;
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
  if (via.bank >= smmu.banks) return;
  const uint32_t type = cbar::Type(smmu.cbar[via.bank]);
  via.vmid = cbar::Vmid(smmu.cbar[via.bank]);
  decision->fault = FaultKind::kInvalidContext;
  // Hardware may lack a kind of translation: IDR0.S2TS, S1TS and NTS, by type.
  constexpr uint8_t kSupport[4] = {29, 30, 0, 28};
  if (type == cbar::kFault || !Bit(smmu.idr[0], kSupport[type])) return;
  // The first banks may do stage 2 alone (IDR1.NUMS2CB).
  if (type != cbar::kStage2 && via.bank < Bits(smmu.idr[1], 23, 16)) return;
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
    if (second >= smmu.banks) return;
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
  via.stage2_root = DecodeStage2(bank.tcr, bank.ttbr0, smmu.idr[2]).root;
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
  // Nor does one without power.
  decision.fault = FaultKind::kHeld;
  if (!smmu.powered) return decision;
  decision.fault = FaultKind::kNone;
  via.route = Route::kBypass;
  if ((smmu.cr0 & cr0::kClientPd) != 0) return decision;
  if (!MatchStream(smmu, sid, choices, &decision)) return decision;
  const uint32_t s2cr = smmu.s2cr[via.entry];
  const uint32_t type = static_cast<uint32_t>(Bits(s2cr, 17, 16));
  decision.by_entry = type == kTypeBypass;
  if (decision.by_entry) return decision;
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
  if (decision.fault != FaultKind::kNone) {
    record->global = true;
    record->status = GlobalStatus(decision.fault);
    record->fsynr0 = GlobalSyndrome(request, decision.second_bank);
    record->far = request.address;
  } else if (decision.via.route == Route::kBypass) {
    const AttributeOverride with = decision.by_entry
                                       ? OverrideOfEntry(smmu.s2cr[decision.via.entry])
                                       : OverrideOfControl(smmu.cr0);
    const Attributes settled = Settle(Apply(with, IncomingAttributes(request)));
    result.memory_attribute = settled.memory;
    result.shareability = settled.shareability;
  } else {
    Translated(request, choices, &result, record);
  }
  Deliver(request, choices, &result, record);
  if (result.fault != FaultKind::kNone) result.response = ResponseTo(smmu, *record);
  return result;
}

// What the context of result->via makes of a transaction.
void Machine::Translated(const DmaRequest& request, Choices* choices, DmaResult* result,
                         FaultRecord* record) const {
  const SmmuInstance& smmu = smmu_[result->instance];
  const Resolution& via = result->via;
  const bool nested = via.stage2_bank != kNoIndex && via.stage2_bank != via.bank;
  if (InFaultedState(smmu.bank[via.bank])) record->held_by = via.bank;
  if (nested && InFaultedState(smmu.bank[via.stage2_bank])) record->held_by = via.stage2_bank;
  if (record->held_by != kNoIndex) {
    result->fault = FaultKind::kBlocked;
    return;
  }
  const uint32_t s2cr = smmu.s2cr[via.entry];
  const AccessKind access = Override(request, s2cr);
  const unsigned kind = KindNumber(access);
  if (AnswerFromUnknown(request, choices, result)) return;
  if (AnswerFromTlb(request, kind, choices, result, record)) return;
  const bool lru = profile_ == TlbProfile::kLru;
  Walk walk(memory_, smmu, tlb_[result->instance], lru ? nullptr : choices);
  walk.attributes = Apply(OverrideOfEntry(s2cr), IncomingAttributes(request));
  const size_t begun =
      lru ? WalkCache::kNone : PointerFor(via, result->instance, request.address, choices);
  if (begun != WalkCache::kNone) walk.BeginAt(&walks_[result->instance].pointer(begun).to);
  const size_t strange = choices != nullptr ? choices->strange() : 0;
  walk.Run(via, access, request.address);
  NoteWalk(walk, kind, &record->walk);
  if (walk.by_pointer) record->walk.begun = begun;
  record->walk.as_tables = choices != nullptr && choices->strange() == strange && !walk.by_pointer;
  result->fault = walk.fault;
  result->stage = walk.fault == FaultKind::kNone ? 0 : walk.stage;
  result->level = walk.level;
  result->stage1_walk = walk.stage1_walk;
  result->stale = walk.stale || walk.by_pointer;
  result->pa = walk.pa;
  result->ipa = walk.ipa;
  result->memory_attribute = walk.attributes.memory;
  result->shareability = walk.attributes.shareability;
  result->leaf_bits[0] = walk.met_bits[0];
  result->leaf_bits[1] = walk.met_bits[1];
  result->table_count = walk.table_count;
  for (size_t i = 0; i < walk.table_count; ++i) result->table_page[i] = walk.table_page[i];
  if (walk.fault == FaultKind::kNone) return;
  RecordOfWalk(request, walk, *result, record);
}

void Machine::RecordOfWalk(const DmaRequest& request, const Walk& walk, const DmaResult& result,
                           FaultRecord* record) const {
  const SmmuInstance& smmu = smmu_[result.instance];
  const Resolution& via = result.via;
  // A fault of stage 2 is recorded in the stage-2 bank only.
  record->bank = walk.stage == 2 ? via.stage2_bank : via.bank;
  record->status = ContextStatus(walk.fault);
  record->fsynr0 = ContextSyndrome(request, walk, via);
  if (smmu.quirks.plain_syndrome && walk.stage == 2) record->fsynr0 &= ~kNestedSyndrome;
  record->far = request.address;
  record->ipafar = walk.ipa;
}

// Address bit 39 of what the tables gave. The choice of 0 reaches what lies at the address without
// it; any other takes the address as it is, and where no memory is, the bus aborts.
void Machine::Deliver(const DmaRequest& request, Choices* choices, DmaResult* result,
                      FaultRecord* record) const {
  result->output = result->pa;
  if (result->fault != FaultKind::kNone || (result->pa & kFormatBit) == 0) return;
  if (!board_->format_bit) return;
  if (choices == nullptr || choices->Next() == 0) {
    result->pa &= ~kFormatBit;
    return;
  }
  if (memory_.IsRam(result->pa)) return;
  result->fault = FaultKind::kExternal;
  record->global = result->via.route == Route::kBypass;
  record->bank = record->global ? kNoIndex : result->via.bank;
  record->status = record->global ? gfsr::kEf : fsr::kEf;
  const Walk no_walk(memory_, smmu_[result->instance], tlb_[result->instance], nullptr);
  record->fsynr0 = record->global ? GlobalSyndrome(request, false)
                                  : ContextSyndrome(request, no_walk, result->via);
  record->far = request.address;
  record->ipafar = result->ipa;
}

// Choices, in order: the channel, when bypass modes differ; and, for a stream ID that is 0x7f in
// its lower seven bits only, whether those are all that the controller compares.
uint16_t Machine::SidOfClient(const DmaRequest& request, Choices* choices) const {
  if (choices == nullptr) return mc_.ClientSid(request.client, request.own_sid);
  const uint8_t channel = mc_.ChannelsDiffer() ? choices->Next() : uint8_t{0};
  const uint16_t sid = mc_.ClientSid(request.client, request.own_sid, channel, SidBits::kAll);
  if ((sid & MemoryController::kPassthroughSid) != MemoryController::kPassthroughSid) return sid;
  const uint16_t narrow =
      mc_.ClientSid(request.client, request.own_sid, channel, SidBits::kLowerSeven);
  return narrow != sid && (choices->Next() & 1) != 0 ? narrow : sid;
}

// Choices, in order: the side of a client whose wiring is not known; how the memory controller
// takes its stream ID (SidOfClient); the instance of a pair; the upper bits of the stream ID of a
// client; then what the instance itself is free in (which match wins, a granule that it
// does not have, what caches and unclean tables answer); and what address bit 39 of the output
// does. Without choices the channel is the one that lets most past. Last comes the channel that
// captures an error, where there is one.
DmaResult Machine::Issue(const DmaRequest& request, Choices* choices, FaultRecord* record) const {
  DmaResult result;
  uint8_t side = request.side;
  uint16_t sid = request.sid & 0x7fff;
  if (request.client != kNoIndex) {
    const ClientInfo* client = FindClient(request.client);
    side = client != nullptr && !contrary_.wires_unknown ? client->side : kUnknownSide;
    if (side == kUnknownSide) {
      constexpr uint8_t kOrder[3] = {1, 0, 2};
      side = kOrder[(choices != nullptr ? choices->Next() : 0) % 3];
    }
    sid = SidOfClient(request, choices);
  }
  const size_t first = InstanceIndex(side, 0);
  if (side > 2 || smmu_[first].spec == nullptr) {
    result.fault = FaultKind::kUnmatchedStream;
    result.response = Response::kError;
    return result;
  }
  uint8_t which = request.instance == kNoIndex8 ? 0 : request.instance;
  const bool pair = smmu_[first].spec->instance_count == 2;
  if (pair && request.instance == kNoIndex8 && choices != nullptr) which = choices->Next() & 1;
  const size_t instance = first + (pair ? which & 1u : 0);
  result.instance = static_cast<uint8_t>(instance);
  if (smmu_[instance].gated || !smmu_[instance].powered) {
    result.sid = sid & 0x7fff;
    result.fault = FaultKind::kHeld;
    result.response = Response::kHeld;
    return result;
  }
  if (sid == MemoryController::kPast) {
    result.sid = MemoryController::kPassthroughSid;
    result.via.route = Route::kBypass;
    result.pa = request.address;
    result.ipa = request.address;
    result.memory_attribute = request.memory_attribute;
    result.shareability = request.shareability;
    Deliver(request, choices, &result, record);
    // No SMMU sees it, so the abort is the master's alone.
    *record = FaultRecord();
    if (result.fault != FaultKind::kNone) result.response = Response::kError;
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
  DmaResult result = Issue(request, choices_ != nullptr ? choices_ : &none, &record);
  HoldBack(request, &record, &result);
  CaptureNowhere(request, result);
  Remember(request, record, result);
  Conclude(request, record, &result);
  TakeOff(request, result);
  return result;
}

}  // namespace sidewall::model
