// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Events, one function for each group: what an event does to the machine, the hypervisor and the
// ghost, and how it enters the driver.
#include <algorithm>
#include <cstring>

#include "model/registers.h"
#include "oracle/board.h"
#include "oracle/checks.h"
#include "oracle/clients.h"
#include "oracle/trap.h"

namespace sidewall {
namespace {

constexpr uint64_t kMaxDmaPieces = 4;

// What a trap saves: there is no register 31, and what lies where it would be is the hypervisor's.
struct TrapFrame {
  struct sidewall_regs regs = {};
  uint64_t behind = 0x5ec2e75ec2e75ec2;
};

uint64_t Truncate(uint64_t value, uint64_t width) {
  return width >= 8 ? value : value & ((uint64_t{1} << (8 * width)) - 1);
}

}  // namespace

Outcome Board::OutcomeOf(const struct sidewall_result& result) const {
  Outcome outcome;
  outcome.value = result.progress;
  switch (result.status) {
    case SIDEWALL_OK:
      outcome.result = Expect::kOk;
      break;
    case SIDEWALL_DEGRADED:
      outcome.result = Expect::kDegraded;
      break;
    default:
      outcome.result = Expect::kRefused;
      outcome.unsupported = result.status == SIDEWALL_UNSUPPORTED;
      break;
  }
  return outcome;
}

void Board::CountCall(const Outcome& outcome) {
  if (outcome.result == Expect::kOk) {
    coverage_->accepted_calls++;
  } else {
    coverage_->refused_calls++;
  }
}

Outcome Board::Apply(const Event& event, Caller& caller) {
  Outcome outcome;
  if (violated()) return outcome;
  caller_ = &caller;
  event_ = &event;
  cpu_ = event.cpu;
  hyp_.set_cpu(event.cpu);
  allocations_ = 0;
  stores_in_event_ = 0;
  checks_->BeforeEvent();
  if (narrator_) narrator_->OnEvent(event_index_, event);
  switch (event.kind) {
    case EventKind::kHostRead:
    case EventKind::kHostWrite:
      outcome = ApplyTrap(event);
      break;
    case EventKind::kHostAbort:
      outcome = ApplyRawAbort(event);
      break;
    case EventKind::kHostStore64:
      outcome = ApplyHostStore(event);
      break;
    case EventKind::kDma:
    case EventKind::kDmaStream:
      outcome = ApplyDma(event);
      break;
    case EventKind::kHypDonate:
    case EventKind::kHypReclaim:
    case EventKind::kHypShare:
    case EventKind::kHypUnshare:
      outcome = ApplyOwnership(event);
      break;
    case EventKind::kHwFault:
    case EventKind::kHwSync:
    case EventKind::kHwReadFail:
    case EventKind::kHwPowerLoss:
    case EventKind::kHwContrary:
      outcome = ApplyHardware(event);
      break;
    case EventKind::kBootInit:
    case EventKind::kBootFinalize:
      outcome = ApplyBoot(event);
      break;
    default:
      outcome = ApplyCall(event);
      break;
  }
  checks_->AtRest();
  outcome.stored = stores_in_event_ != 0;
  coverage_->events++;
  coverage_->events_with_store += outcome.stored;
  coverage_->stores += stores_in_event_;
  coverage_->skipped += outcome.result == Expect::kNone;
  if (narrator_) narrator_->OnOutcome(event, outcome);
  event_ = nullptr;
  event_index_++;
  return outcome;
}

// ---------------------------------------------------------------- trapped accesses

Outcome Board::ApplyTrap(const Event& event) {
  const auto window = static_cast<Window>(event.arg[0]);
  const uint64_t width = event.arg[2];
  const uint64_t srt = event.arg[4];
  if (event.arg[0] >= kWindowCount || srt > kZeroRegister || !IsAccessWidth(width)) return {};
  const uint64_t pa = AddressOf(window, event.arg[1]);
  if (pa == 0 || broken_) return {};
  if (phase_ != Phase::kUp) return ApplyRawAccess(event, pa);
  const bool write = event.kind == EventKind::kHostWrite;
  TrapFrame frame;
  struct sidewall_regs& regs = frame.regs;
  for (size_t i = 0; i < 31; i++) regs.x[i] = 0x5100000000000000 + i;
  if (write && srt != kZeroRegister) regs.x[srt] = event.arg[3];
  Outcome outcome = Trap(pa, MakeSyndrome(width, srt, write), regs);
  if (!write && outcome.result == Expect::kOk) {
    outcome.value = srt == kZeroRegister ? 0 : regs.x[srt];
  }
  return outcome;
}

// One trap, as EL2's vector would hand it over. The ghost hears of it whatever the driver says, but
// where bare hardware would be without power.
Outcome Board::Trap(uint64_t ipa, uint64_t esr, struct sidewall_regs& regs) {
  const TrappedAccess access = ReadSyndrome(esr, ipa, regs);
  Window window = Window::kNiso1;
  uint32_t offset = 0;
  const bool ours = WindowOf(ipa, &window, &offset);
  const bool down = ours && IsDown(window);
  const bool write = looks_ && ours && access.legal && access.write && !down;
  const bool steers = write && ghost_.Steers(window, offset);
  if (steers) checks_->ArmWatches();
  if (write) {
    ghost_.HostWrite(window, offset, access.width, Truncate(access.value, access.width));
  }
  if (steers) checks_->ArmAcrossWrite(window);
  if (write && !steers) checks_->ArmAtStore();
  const struct sidewall_regs before = regs;
  if (ours && access.legal) checks_->BeforeTrap(window, offset, access.width);
  Call call = {.id = CallId::kHandleDabt, .arg = {esr, ipa}};
  call.regs = &regs;
  const struct sidewall_result result = Invoke(call);
  checks_->DisarmWatches();
  if (write && window == Window::kMcSid && access.width == 4) checks_->AfterMcAccess(offset);
  if (result.status == SIDEWALL_OK) {
    if (ours && access.legal) {
      checks_->AfterTrap(access, window, offset, before, regs);
    } else {
      checks_->AfterNoAccess(ipa, esr);
    }
  }
  Outcome outcome = OutcomeOf(result);
  if (outcome.result == Expect::kRefused) outcome.result = Expect::kFault;
  outcome.value = 0;
  CountCall(outcome);
  return outcome;
}

Outcome Board::ApplyRawAbort(const Event& event) {
  if (phase_ != Phase::kUp) return {};
  TrapFrame frame;
  for (uint64_t& x : frame.regs.x) x = event.arg[2];
  return Trap(event.arg[0], event.arg[1], frame.regs);
}

// Before finalize nothing traps: the host reaches the hardware itself.
Outcome Board::ApplyRawAccess(const Event& event, uint64_t pa) {
  Outcome outcome;
  outcome.result = Expect::kOk;
  const uint64_t width = event.arg[2];
  if (width < 4 || pa % width != 0) return {};
  if (event.kind == EventKind::kHostRead) {
    uint32_t word = 0;
    uint64_t wide = 0;
    const bool answered = width == 8 ? machine_->Read64(pa, &wide) : machine_->Read32(pa, &word);
    outcome.value = width == 8 ? wide : word;
    if (!answered) outcome.result = Expect::kFault;
    return outcome;
  }
  phase_ = Phase::kRaw;
  if (width == 8) {
    machine_->Write64(pa, event.arg[3]);
  } else {
    machine_->Write32(pa, static_cast<uint32_t>(event.arg[3]));
  }
  JudgeResumed();
  return outcome;
}

// The host stores to its own memory; CPU stage 2 keeps it out of everybody else's.
Outcome Board::ApplyHostStore(const Event& event) {
  const uint64_t pa = event.arg[0];
  if (pa % 8 != 0 || !ghost_.IsRam(pa)) return {};
  Outcome outcome;
  outcome.result = Expect::kFault;
  if (!ghost_.MayTouch(pa, model::kOwnerHost)) return outcome;
  if (!machine_->Store64(pa, event.arg[1])) return {};
  outcome.result = Expect::kOk;
  return outcome;
}

void Board::StoreSecret(uint64_t pa, uint64_t value) {
  if (!ghost_.IsRam(pa) || ghost_.MayTouch(pa, model::kOwnerHost)) return;
  machine_->Store64(pa, value);
}

// ---------------------------------------------------------------- devices

Outcome Board::ApplyDma(const Event& event) {
  const bool stream = event.kind == EventKind::kDmaStream;
  model::DmaRequest request;
  uint64_t flags = event.arg[2];
  uint64_t length = event.arg[3];
  request.address = event.arg[1];
  if (stream) {
    if (event.arg[0] >= 3 || event.arg[1] > 0x7fff) return {};
    request.side = static_cast<uint8_t>(event.arg[0]);
    request.sid = static_cast<uint16_t>(event.arg[1]);
    request.address = event.arg[2];
    flags = event.arg[3];
    length = 1;
  } else {
    // CPU and NVLink ports and the SMMU's own walks are not masters that an SMMU holds back.
    if (event.arg[0] >= 0x200 || IsUntouchable(static_cast<uint16_t>(event.arg[0]))) return {};
    request.client = static_cast<uint16_t>(event.arg[0]);
    request.own_sid = static_cast<uint16_t>((flags >> kDmaOwnSidShift) & 0x7fff);
  }
  if (event.arg[4] < 2) request.instance = static_cast<uint8_t>(event.arg[4]);
  request.write = flags & kDmaWrite;
  request.privileged = flags & kDmaPrivileged;
  request.instruction = flags & kDmaInstruction;
  request.late = flags & kDmaLate;
  if (broken_) return {};
  length = std::clamp<uint64_t>(length, 1, kMaxDmaPieces * kPageSize);
  const uint64_t first = request.address;
  Outcome outcome = OnePiece(request);
  const uint64_t pa = outcome.value;
  for (uint64_t at = (first | (kPageSize - 1)) + 1; at - first < length; at += kPageSize) {
    if (outcome.result != Expect::kOk || violated()) break;
    request.address = at;
    outcome = OnePiece(request);
  }
  outcome.value = pa;
  coverage_->dma_ok += outcome.result == Expect::kOk;
  coverage_->dma_fault += outcome.result == Expect::kFault;
  return outcome;
}

// Devices do not wait for the driver: a transfer that the program made before may come again
// between two stores of a call. What it may reach is checked as ever; that it works, or that it
// faults, is no claim of the program.
void Board::BetweenStores() {
  const size_t which = schedule_.Next() & 0xf;
  if (which == 0 || recent_count_ == 0 || event_ == nullptr || violated()) return;
  const size_t known = std::min(recent_count_, kRecentTransfers);
  const size_t back = (which - 1) % known + 1;
  const model::DmaRequest request = recent_[(recent_count_ - back) % kRecentTransfers];
  const model::DmaResult result = machine_->Dma(request);
  const bool delivered = result.fault == model::FaultKind::kNone;
  if (narrator_) narrator_->OnTransfer(request, result);
  coverage_->dma_between++;
  model::DmaRequest seen = request;
  seen.side = machine_->SideOf(result.instance);
  seen.sid = result.sid;
  seen.client = model::kNoIndex;
  if (!delivered) checks_->NoteFault(result.instance, result.sid);
  if (delivered) checks_->AfterDma(seen, result, {});
}

// A store may have ended a stall, and what was tried again is a transfer as any other.
void Board::JudgeResumed() {
  model::HeldDma resumed;
  while (machine_->TakeResumed(&resumed)) {
    if (resumed.result.fault != model::FaultKind::kNone) continue;
    resumed.request.client = model::kNoIndex;
    resumed.request.side = machine_->SideOf(resumed.result.instance);
    resumed.request.sid = resumed.result.sid;
    checks_->AfterDma(resumed.request, resumed.result, {});
  }
}

Outcome Board::OnePiece(model::DmaRequest request) {
  recent_[recent_count_++ % kRecentTransfers] = request;
  const model::DmaResult result = machine_->Dma(request);
  last_dma_ = result;
  if (result.fault != model::FaultKind::kNone) checks_->NoteFault(result.instance, result.sid);
  request.client = model::kNoIndex;
  request.side = machine_->SideOf(result.instance);
  request.sid = result.sid;
  Legal legal;
  if (looks_ && phase_ == Phase::kUp && !IsDown(result.instance)) {
    legal = ghost_.LegalDma(request.side, result.sid, request.address, request.write,
                            request.privileged, request.instruction);
  }
  checks_->AfterDma(request, result, legal);
  Outcome outcome;
  outcome.result = result.fault == model::FaultKind::kNone ? Expect::kOk : Expect::kFault;
  outcome.value = outcome.result == Expect::kOk ? result.pa : 0;
  if (legal.must_work && outcome.result == Expect::kOk) KeepWatch(request, result.pa);
  return outcome;
}

void Board::KeepWatch(const model::DmaRequest& request, uint64_t pa) {
  model::DmaRequest again = request;
  if (again.instance > 1) again.instance = 0;
  checks_->Watch(again, pa);
}

// ---------------------------------------------------------------- hardware and boot

Outcome Board::ApplyHardware(const Event& event) {
  Outcome outcome;
  outcome.result = Expect::kOk;
  if (event.kind == EventKind::kHwPowerLoss) return LosePower(event.arg[0]);
  if (event.kind == EventKind::kHwContrary) {
    if (!machine_->Contradict(event.arg[0])) return {};
    if (looks_) reach_.RefreshAll();
    return outcome;
  }
  if (event.arg[0] >= kWindowCount) return {};
  const uint64_t pa = AddressOf(static_cast<Window>(event.arg[0]), 0);
  if (event.kind == EventKind::kHwReadFail && event.arg[0] >= kSmmuWindows && pa != 0) {
    machine_->FailMcReads(std::min<uint64_t>(event.arg[1], 1000));
    return outcome;
  }
  // hw.fault of the memory controller: `fsr` are causes, `fsynr0` what the status word says.
  if (event.kind == EventKind::kHwFault && event.arg[0] >= kSmmuWindows && pa != 0) {
    const bool captured =
        machine_->InjectMcError(event.arg[0] - kSmmuWindows, static_cast<uint32_t>(event.arg[2]),
                                static_cast<uint32_t>(event.arg[3]), event.arg[4]);
    return captured ? outcome : Outcome{};
  }
  size_t instance = 0;
  uint32_t offset = 0;
  if (pa == 0 || !machine_->InstanceOf(pa, &instance, &offset)) return {};
  switch (event.kind) {
    case EventKind::kHwFault:
      if (event.arg[1] != kGlobalFault && event.arg[1] >= machine_->smmu(instance).banks) return {};
      machine_->InjectFault(instance, static_cast<uint16_t>(event.arg[1]),
                            static_cast<uint32_t>(event.arg[2]),
                            static_cast<uint32_t>(event.arg[3]), event.arg[4],
                            static_cast<uint16_t>(event.arg[5] & 0x7fff));
      checks_->NoteRecord(instance, event.arg[1], event.arg[3],
                          static_cast<uint16_t>(event.arg[5] & 0x7fff));
      break;
    case EventKind::kHwSync:
      if (event.arg[1] > kSyncDrawn) return {};
      machine_->SetSyncMode(instance, event.arg[1], std::min<uint64_t>(event.arg[2], 1000));
      break;
    default:
      machine_->FailReads(instance, std::min<uint64_t>(event.arg[1], 1000));
      break;
  }
  return outcome;
}

// What the ID registers of this run say. A driver may use no more than the lesser of a pair, and
// none whose instances have their banks in different places.
void Board::AdoptCounts() {
  constexpr uint32_t kPlaces = 0xf0000000;  // PAGESIZE, NUMPAGENDXB
  for (size_t i = 0; i < spec_.smmu_count; i++) {
    model::SmmuSpec& smmu = spec_.smmu[i];
    const uint32_t idr1 = machine_->smmu(machine_->InstanceIndex(smmu.side, 0)).idr[1];
    smmu.idr[1] = (smmu.idr[1] & ~kPlaces) | (idr1 & kPlaces);
    for (uint8_t n = 0; n < smmu.instance_count; n++) {
      const model::SmmuInstance& real = machine_->smmu(machine_->InstanceIndex(smmu.side, n));
      smmu.banks = n == 0 ? real.banks : std::min(smmu.banks, real.banks);
      smmu.entries = n == 0 ? real.entries : std::min(smmu.entries, real.entries);
    }
    smmu.idr[0] = (smmu.idr[0] & ~0xffu) | smmu.entries;
    smmu.idr[1] = (smmu.idr[1] & ~0xffu) | smmu.banks;
  }
}

Outcome Board::ApplyBoot(const Event& event) {
  Outcome outcome;
  if (event.kind == EventKind::kBootFinalize) {
    if (broken_ || (phase_ != Phase::kTakenOver && phase_ != Phase::kRaw)) return {};
    outcome.result = Finalize() ? Expect::kOk : Expect::kRefused;
    return outcome;
  }
  if (event_index_ != 0 || event.arg[0] > kBootOdd) return {};
  cold_ = true;
  phase_ = Phase::kOff;
  spec_ = base_;
  ResetMachine();
  if (event.arg[0] == kBootArbitrary) machine_->Scramble();
  if (event.arg[0] == kBootOdd) {
    machine_->ScrambleOdd();
    AdoptCounts();
  }
  ghost_.Reset(arena_);
  reach_.Reset();
  checks_->Reset();
  hyp_.Reset(spec_, hyp_memory_);
  if (!Init()) {
    outcome.result = Expect::kRefused;
    return outcome;
  }
  Snapshot();
  outcome.result = Expect::kOk;
  return outcome;
}

// ---------------------------------------------------------------- the other calls

namespace {

struct CallEvent {
  EventKind kind;
  CallId call;
  uint8_t order[6];  // which argument of the event goes where; 7: zero
};

constexpr uint8_t kZ = 7;
constexpr CallEvent kCallEvents[] = {
    {EventKind::kHvcAllocDomain, CallId::kAllocDomain, {0, 1, kZ, kZ, kZ, kZ}},
    {EventKind::kHvcFreeDomain, CallId::kFreeDomain, {0, kZ, kZ, kZ, kZ, kZ}},
    {EventKind::kHvcAttachDev, CallId::kAttachDev, {0, 1, 2, 3, kZ, 4}},
    {EventKind::kHvcDetachDev, CallId::kDetachDev, {0, 1, 2, 3, kZ, kZ}},
    {EventKind::kHvcIovaToPhys, CallId::kIovaToPhys, {0, 1, kZ, kZ, kZ, kZ}},
    {EventKind::kHvcIotlbSync, CallId::kIotlbSync, {0, kZ, kZ, kZ, kZ, kZ}},
    {EventKind::kHvcIotlbSyncMap, CallId::kIotlbSyncMap, {0, 1, 2, kZ, kZ, kZ}},
    {EventKind::kHvcSetIdentity, CallId::kSetIdentity, {0, 1, 2, kZ, kZ, kZ}},
    {EventKind::kHvcDevBlockDma, CallId::kDevBlockDma, {0, 1, 2, kZ, kZ, kZ}},
    {EventKind::kHvcGetIommuToken, CallId::kGetIommuToken, {0, kZ, kZ, kZ, kZ, kZ}},
    {EventKind::kHvcMcRegisterSid, CallId::kMcRegisterSid, {0, 1, 2, kZ, kZ, kZ}},
    {EventKind::kVmCreate, CallId::kVmCreate, {0, kZ, kZ, kZ, kZ, kZ}},
    {EventKind::kVmRouteAdd, CallId::kRouteAdd, {0, 1, 2, 3, 4, kZ}},
    {EventKind::kVmFinalize, CallId::kVmFinalize, {0, kZ, kZ, kZ, kZ, kZ}},
    {EventKind::kVmDestroy, CallId::kVmDestroy, {0, kZ, kZ, kZ, kZ, kZ}},
    {EventKind::kVmAssign, CallId::kAssignUnit, {0, 1, 2, kZ, kZ, kZ}},
    {EventKind::kVmUnassign, CallId::kUnassignUnit, {0, 1, 2, kZ, kZ, kZ}},
    {EventKind::kGuestAttach, CallId::kGuestAttach, {0, 1, 2, 4, 3, kZ}},
    {EventKind::kGuestDetach, CallId::kGuestDetach, {0, 1, 2, 4, 3, kZ}},
    {EventKind::kGuestAlloc, CallId::kGuestAlloc, {0, 1, kZ, kZ, kZ, kZ}},
    {EventKind::kGuestFree, CallId::kGuestFree, {0, 1, kZ, kZ, kZ, kZ}},
    {EventKind::kIrqFault, CallId::kFaultIrq, {0, kZ, kZ, kZ, kZ, kZ}},
    {EventKind::kTick, CallId::kTick, {0, kZ, kZ, kZ, kZ, kZ}},
};

// Events that the hypervisor's core acts on before the driver hears of them.
bool IsCore(EventKind kind) {
  constexpr EventKind kCore[] = {
      EventKind::kHvcMapPages,  EventKind::kHvcUnmapPages, EventKind::kGuestMap,
      EventKind::kGuestUnmap,   EventKind::kPoolAdd,       EventKind::kPoolReclaim,
      EventKind::kPowerSuspend, EventKind::kPowerResume,   EventKind::kPowerOff,
      EventKind::kPowerOn,
  };
  return std::find(std::begin(kCore), std::end(kCore), kind) != std::end(kCore);
}

}  // namespace

// The handler is called for nothing now and then, as lines are shared. But where faults of stage 2
// raise no interrupt, it is called for a line that is asserted only.
bool Board::MayInterrupt(uint64_t side) const {
  if (side >= kSides) return true;
  bool quiet = false;
  for (uint8_t n = 0; n < 2; n++) {
    const size_t instance = machine_->InstanceIndex(static_cast<uint8_t>(side), n);
    if (instance >= model::kMaxInstances || !machine_->HasInstance(instance)) continue;
    if (machine_->IrqLine(instance)) return true;
    quiet |= machine_->smmu(instance).quirks.quiet_stage2;
  }
  return !quiet;
}

Outcome Board::ApplyCall(const Event& event) {
  Outcome outcome;
  if (event.kind == EventKind::kMark) {
    outcome.result = Expect::kOk;
    return outcome;
  }
  // The one call that a host makes while it boots.
  const bool early = event.kind == EventKind::kHvcMcRegisterSid &&
                     (phase_ == Phase::kTakenOver || phase_ == Phase::kRaw);
  if (phase_ != Phase::kUp && !early) return {};
  if (IsCore(event.kind)) return ApplyCore(event);
  if (event.kind == EventKind::kIrqFault && !MayInterrupt(event.arg[0])) {
    outcome.result = Expect::kRefused;
    return outcome;
  }
  Call call = {.id = CallId::kStats};
  struct sidewall_counters stats = {};
  call.stats = &stats;
  bool known = event.kind == EventKind::kHvcStats;
  for (const CallEvent& entry : kCallEvents) {
    if (entry.kind != event.kind) continue;
    known = true;
    call.id = entry.call;
    for (size_t i = 0; i < 6; i++) call.arg[i] = entry.order[i] < 6 ? event.arg[entry.order[i]] : 0;
  }
  if (!known) return {};
  if (event.kind == EventKind::kTick) time_us_ = std::max(time_us_, event.arg[0]);
  outcome = OutcomeOf(Invoke(call));
  CountCall(outcome);
  return outcome;
}

}  // namespace sidewall
