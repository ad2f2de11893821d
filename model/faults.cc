// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a fault leaves behind: its record, the answer that the master gets, the interrupt, and a
// transaction that stalls until RESUME.
#include "model/machine.h"

namespace sidewall::model {

namespace {

// How a channel of the memory controller tells what a client asked for. A stream that is given
// without one is nobody's.
uint32_t StatusOf(const DmaRequest& request, const MemoryController& mc) {
  if (request.client >= kMcClients) return mc_error::kClientMask;
  const bool secure = (mc.security(request.client) & mc_security::kNonSecure) == 0;
  uint32_t status = request.client & mc_error::kClientMask;
  if (secure) status |= mc_error::kSecure;
  if (request.write) status |= mc_error::kWrite;
  return status;
}

}  // namespace

// The answer to a transaction that failed, by the configuration of the bank that recorded the fault
// or holds it back, or of sCR0 where there is none.
Response Machine::ResponseTo(const SmmuInstance& smmu, const FaultRecord& record) const {
  if (record.global) return (smmu.cr0 & cr0::kGfre) != 0 ? Response::kError : Response::kZero;
  const bool faults = record.bank != kNoIndex;
  const uint16_t number = faults ? record.bank : record.held_by;
  if (number == kNoIndex) return Response::kError;
  const ContextBank& bank = smmu.bank[number];
  // What meets a faulted bank waits only behind something that RESUME will end.
  const bool stalls = faults ? (bank.sctlr & sctlr::kCfcfg) != 0 : (bank.fsr & fsr::kSs) != 0;
  if (stalls) return Response::kHeld;
  return (bank.sctlr & sctlr::kCfre) != 0 ? Response::kError : Response::kZero;
}

void Machine::Conclude(const DmaRequest& request, const FaultRecord& record, DmaResult* result) {
  SmmuInstance& smmu = smmu_[result->instance];
  if (record.global || record.bank != kNoIndex) Record(smmu, record, result->sid);
  const uint16_t bank = record.bank != kNoIndex ? record.bank : record.held_by;
  if (result->response != Response::kHeld || record.global || bank == kNoIndex) return;
  // What finds no room to wait is terminated.
  if (Hold(request, *result, bank)) return;
  const bool error = (smmu.bank[bank].sctlr & sctlr::kCfre) != 0;
  result->response = error ? Response::kError : Response::kZero;
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
  // Whichever fault it is: its transaction stalls, and SS says that one does.
  if ((bank.sctlr & sctlr::kCfcfg) != 0) bank.fsr |= fsr::kSs;
  if ((bank.fsr & fsr::kClearable) != 0) {
    bank.fsr |= fsr::kMulti;
    return;
  }
  const bool aarch64 = (smmu.cba2r[record.bank] & kCba2rVa64) != 0;
  bank.fsr = (bank.fsr & fsr::kSs) | record.status | (aarch64 ? fsr::kFormatAarch64 : 0);
  bank.far = record.far;
  bank.fsynr0 = record.fsynr0;
  bank.fsynr1 = 0;  // implementation defined; this hardware has nothing to tell there
  // IPAFAR exists only where the bank translates for stage 2.
  if (cbar::Type(smmu.cbar[record.bank]) == cbar::kStage2) bank.ipafar = record.ipafar;
  smmu.cbfrsynra[record.bank] = sid;
}

// A fault as if a transaction of `sid` had met it; IPAFAR gets the address too.
void Machine::InjectFault(size_t instance, uint16_t bank, uint32_t status, uint32_t fsynr0,
                          uint64_t far, uint16_t sid) {
  if (instance >= kMaxInstances || smmu_[instance].spec == nullptr) return;
  SmmuInstance& smmu = smmu_[instance];
  if (!smmu.powered) return;
  FaultRecord record;
  record.global = bank == kNoIndex;
  if (!record.global && bank >= smmu.banks) return;
  record.bank = bank;
  record.status = status & (record.global ? gfsr::kClearable : fsr::kClearable);
  // No fault leaves in a syndrome what its register has not.
  const bool stage2 = !record.global && cbar::Type(smmu.cbar[bank]) == cbar::kStage2;
  record.fsynr0 = fsynr0 & (record.global ? keeps::kGfsynr0
                            : stage2      ? keeps::kFsynr02
                                          : keeps::kFsynr01);
  record.far = far;
  record.ipafar = far;
  if (record.status != 0) Record(smmu, record, sid & 0x7fff);
}

// Above the beginning of RAM everything is the memory controller's to decode. What lies there and
// is no RAM is an error that one of the channels captures.
void Machine::CaptureNowhere(const DmaRequest& request, const DmaResult& result) {
  if (result.fault != FaultKind::kNone || request.client >= kMcClients) return;
  if (result.pa < board_->dram[0].start || memory_.IsRam(result.pa)) return;
  if (board_->mc_window_count == 0) return;
  const size_t channel = choices_ != nullptr ? choices_->Next() : 0;
  mc_.Capture(channel, mc_error::kDecodeEmem, StatusOf(request, mc_), result.pa);
}

// What a carveout holds back is an error for the master, which no SMMU sees.
void Machine::HoldBack(const DmaRequest& request, FaultRecord* record, DmaResult* result) {
  if (!contrary_.carveouts_hold || result->fault != FaultKind::kNone) return;
  if (!mc_.InCarveout(result->pa)) return;
  result->fault = FaultKind::kExternal;
  result->response = Response::kError;
  *record = FaultRecord();
  const size_t channel = choices_ != nullptr ? choices_->Next() : 0;
  mc_.Capture(channel, mc_error::kCarveout, StatusOf(request, mc_), result->pa);
}

bool Machine::InjectMcError(size_t window, uint32_t causes, uint32_t status, uint64_t address) {
  if (window == 0 || window >= board_->mc_window_count) return false;
  if ((causes & mc_error::kAll) == 0) return false;
  mc_.Capture(window == 1 ? 0 : window - 2, causes, status, address);
  return true;
}

// ----------------------------------------------------------------------------------------- stalls

bool Machine::Hold(const DmaRequest& request, const DmaResult& result, uint16_t bank) {
  if (stalls_.held_count == kMaxHeldDma) return false;
  stalls_.held[stalls_.held_count++] = {request, result, bank};
  return true;
}

// RESUME acts once the fault was cleared. It ends the oldest stall of the bank, by termination or
// by another try; those that waited behind it are tried after that, in order, and any of them may
// fault, stall and make the rest wait again.
void Machine::Resume(size_t index, uint16_t number, bool terminate) {
  SmmuInstance& smmu = smmu_[index];
  ContextBank& bank = smmu.bank[number];
  if ((bank.fsr & fsr::kClearable) != 0 || smmu.quirks.deaf_resume) return;
  bank.fsr &= ~fsr::kSs;
  const Stalls before = stalls_;
  stalls_.held_count = 0;
  bool first = true;
  Choices none;
  for (size_t i = 0; i < before.held_count; ++i) {
    HeldDma held = before.held[i];
    if (held.result.instance != index || held.bank != number) {
      stalls_.held[stalls_.held_count++] = held;
      continue;
    }
    if (first && terminate) {
      const bool error = (bank.sctlr & sctlr::kCfre) != 0;
      held.result.response = error ? Response::kError : Response::kZero;
    } else {
      FaultRecord record;
      Choices* choices = choices_ != nullptr ? choices_ : &none;
      held.result = Process(held.request, index, held.result.sid, choices, &record);
      Remember(held.request, record, held.result);
      Conclude(held.request, record, &held.result);
    }
    first = false;
    if (held.result.response == Response::kHeld) continue;
    // Results that nobody takes make room for later ones.
    if (stalls_.resumed_count == kMaxHeldDma) TakeResumed(nullptr);
    stalls_.resumed[stalls_.resumed_count++] = held;
  }
}

bool Machine::TakeResumed(HeldDma* resumed) {
  if (stalls_.resumed_count == 0) return false;
  if (resumed != nullptr) *resumed = stalls_.resumed[0];
  --stalls_.resumed_count;
  for (size_t i = 0; i < stalls_.resumed_count; ++i) stalls_.resumed[i] = stalls_.resumed[i + 1];
  return true;
}

// What was stalled in an instance is lost with its power.
void Machine::DropHeld(size_t index) {
  size_t kept = 0;
  for (size_t i = 0; i < stalls_.held_count; ++i) {
    if (stalls_.held[i].result.instance != index) stalls_.held[kept++] = stalls_.held[i];
  }
  stalls_.held_count = kept;
}

// ------------------------------------------------------------------------------ interrupt, power

// A bank whose faults raise the interrupt. By quirk those of stage-2 banks raise none.
bool Machine::Interrupts(const SmmuInstance& smmu, uint16_t n) {
  if (smmu.quirks.quiet_stage2 && cbar::Type(smmu.cbar[n]) == cbar::kStage2) return false;
  return (smmu.bank[n].sctlr & sctlr::kCfie) != 0;
}

bool Machine::IrqLine(size_t instance) const {
  if (instance >= kMaxInstances || smmu_[instance].spec == nullptr) return false;
  const SmmuInstance& smmu = smmu_[instance];
  if (smmu.gfsr != 0 && (smmu.cr0 & cr0::kGfie) != 0) return true;
  for (uint16_t n = 0; n < smmu.banks; ++n) {
    if ((smmu.bank[n].fsr & fsr::kClearable) != 0 && Interrupts(smmu, n)) return true;
  }
  return false;
}

bool Machine::powered(uint8_t side) const {
  return side <= 2 && smmu_[InstanceIndex(side, 0)].powered;
}

void Machine::SetPower(uint8_t side, bool on) {
  if (side > 2 || on == powered(side)) return;
  for (uint8_t n = 0; n < 2; ++n) {
    const size_t index = InstanceIndex(side, n);
    if (index < kMaxInstances) smmu_[index].powered = on;
  }
  PowerLoss(side);
  bool any = false;
  for (const SmmuInstance& smmu : smmu_) any |= smmu.spec != nullptr && smmu.powered;
  if (!any) mc_.LosePower();
}

// Masters that are stopped have nothing under way any more.
void Machine::GateMasters(uint8_t side, bool gated) {
  if (contrary_.masters_go_on) return;
  for (uint8_t n = 0; n < 2; ++n) {
    const size_t index = InstanceIndex(side, n);
    if (index >= kMaxInstances) continue;
    SmmuInstance& smmu = smmu_[index];
    smmu.gated = gated;
    if (gated) Land(index, kNoIndex, flights_.last);
    if (gated || !smmu.lost) continue;
    smmu.lost = false;
    // The list that a host left for firmware to replay, as its own shutdown leaves sCR0: CLIENTPD.
    if (contrary_.firmware_late) WriteRegister(index, 0, 0x00200001, 4);
  }
}

}  // namespace sidewall::model
