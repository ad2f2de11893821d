// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// FUN05: who is told of a fault, what the host is shown of records, and what its writes do to them.
#include "model/registers.h"
#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

unsigned long long Wide(uint64_t value) { return value; }

}  // namespace

void Checks::NoteFault(size_t instance, uint16_t sid) {
  NoteFaultOf(board_.ghost_.StreamOwner(board_.machine_->SideOf(instance), sid & 0x7f), instance,
              sid);
}

void Checks::NoteRecord(size_t instance, uint64_t bank, uint64_t fsynr0, uint16_t sid) {
  const model::SmmuSpec& spec = SpecOf(instance);
  const auto host_banks = static_cast<uint16_t>(spec.banks - spec.el2_banks);
  const bool shown = IsShownToHost(board_.machine_->smmu(instance), host_banks, bank, fsynr0);
  if (!shown) return NoteFault(instance, sid);
  NoteFaultOf(model::kOwnerHost, instance, sid);
}

void Checks::NoteFaultOf(uint8_t owner, size_t instance, uint16_t sid) {
  if (!board_.looks_) return;
  const uint8_t side = board_.machine_->SideOf(instance);
  faulted_in_call_ = watches_unsure_ = true;
  fault_owners_.Note(instance, sid, owner);
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  const auto recorded = static_cast<uint16_t>(smmu.gfsynr[1] & 0x7f);
  global_records_.Note(instance, smmu, board_.ghost_.StreamOwner(side, recorded));
}

void Checks::NoteMoved(uint8_t side, size_t instance) {
  const GhostDomains::SidSet& moved = board_.ghost_.domains().moved(side);
  for (uint16_t sid = 0; sid < moved.size(); sid++) {
    if (moved[sid]) fault_owners_.Moved(instance, sid, board_.ghost_.StreamOwner(side, sid));
  }
  global_records_.Moved(instance, board_.machine_->smmu(instance), moved);
}

void Checks::AfterNotify(uint32_t owner, const struct sidewall_fault& fault) {
  if (!board_.looks_) return;
  Fun05Told(owner, fault);
  if (owner != model::kOwnerHost || fault.bank != ~0u || fault.instance > 1) return;
  const size_t instance = board_.machine_->InstanceIndex(static_cast<uint8_t>(fault.side),
                                                         static_cast<uint8_t>(fault.instance));
  if (fault.side >= GhostDomains::kSides || instance >= model::kMaxInstances) return;
  global_records_.Told(instance, board_.machine_->smmu(instance), fault.sid);
}

// Why somebody must not be told, or null. Whoever is told has the stream, and had it when it
// faulted. What matches nobody's stream is the host's to hear of, and so is what its own banks have
// recorded, whoever has the stream by now. With FSRRESTORE the host can also make records in them
// for which nothing has faulted.
const char* Checks::WhyNotToTell(uint32_t owner, const struct sidewall_fault& fault) const {
  if (fault.fsr == 0) return "that says nothing";
  if (fault.side >= GhostDomains::kSides || fault.instance > 1) return "of no unit";
  const size_t instance = board_.machine_->InstanceIndex(static_cast<uint8_t>(fault.side),
                                                         static_cast<uint8_t>(fault.instance));
  if (instance >= model::kMaxInstances || !board_.machine_->HasInstance(instance)) {
    return "of an instance that is not there";
  }
  const uint16_t sid = fault.sid & 0x7f;
  const bool in_own_bank = owner == model::kOwnerHost && fault.bank != ~0u;
  uint8_t has = board_.ghost_.StreamOwner(static_cast<uint8_t>(fault.side), sid);
  if (has == model::kOwnerEl2) has = model::kOwnerHost;
  if (owner != has && !in_own_bank) return "of somebody else's stream";
  if (fault_owners_.Met(instance, sid, static_cast<uint8_t>(owner))) return nullptr;
  if (owner == model::kOwnerHost && fault_owners_.MetNone(instance, sid)) return nullptr;
  return "that its stream met before it was theirs";
}

[[gnu::noinline]] void Checks::Fun05Told(uint32_t owner, const struct sidewall_fault& fault) {
  if (!Enabled(Invariant::kFun05)) return;
  Evaluated(Invariant::kFun05);
  const char* why = WhyNotToTell(owner, fault);
  if (why == nullptr) return;
  if (Report(Invariant::kFun05, "stream", "Fun05Told",
             Print("owner %u is told of a fault %s", owner, why),
             {Print("side    %u, instance %u, stream 0x%x", fault.side, fault.instance, fault.sid),
              Print("FSR     0x%08x", fault.fsr)})) {
    __builtin_trap();
  }
}

// When fault_irq has told less than it may, nothing is left in the banks of EL2, but for the stage
// 2 under the banks of the host, whose faults the host clears itself; and a global record was told
// to the host, or is gone as well.
[[gnu::noinline]] void Checks::Fun05Left(uint8_t side) {
  if (!Enabled(Invariant::kFun05) || trouble_ || faulted_in_call_) return;
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    if (!board_.machine_->HasInstance(instance) || board_.machine_->SideOf(instance) != side)
      continue;
    if (board_.IsDown(instance)) continue;
    Evaluated(Invariant::kFun05);
    if (global_records_.Waits(instance)) {
      if (Report(Invariant::kFun05, "call", "Fun05Left",
                 Print("fault_irq leaves a global record on %s that it has told nobody of",
                       model::WindowName(WindowOf(instance))),
                 {RegisterLine(instance, layout::kSGfsr)})) {
        __builtin_trap();
      }
      return;
    }
    const model::SmmuSpec& spec = SpecOf(instance);
    const uint32_t hosts = model::cbar::Stage2Bank(board_.machine_->smmu(instance).cbar[0]);
    for (uint16_t bank = spec.banks - spec.el2_banks; bank < spec.banks; bank++) {
      if (bank == hosts) continue;
      const uint32_t fsr = layout::Bank(spec, bank) + layout::kFsr;
      if (board_.machine_->Peek32(instance, fsr) == 0) continue;
      if (Report(Invariant::kFun05, "bank", "Fun05Left",
                 Print("fault_irq leaves a fault in a bank of EL2 on %s",
                       model::WindowName(WindowOf(instance))),
                 {RegisterLine(instance, fsr)})) {
        __builtin_trap();
      }
      return;
    }
  }
}

// ---------------------------------------------------------------- what the host is shown

void Checks::BeforeTrap(Window window, uint32_t offset, unsigned width) {
  fault_place_ = FaultPlace();
  if (!board_.looks_ || static_cast<uint8_t>(window) >= kSmmuWindows) return;
  lives_.SetHosts(offset == layout::kTlbGSync || offset == layout::kTlbGStatus);
  size_t instance = 0;
  if (!FindInstance(window, offset, &instance)) return;
  asks_ = layout::IsInvalidation(layout::PlaceOf(SpecOf(instance), offset));
  invalidated_.clear();
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  fault_place_ = FindFault(smmu, window, offset, width);
  if (fault_place_.info == nullptr) return;
  const model::SmmuSpec& spec = SpecOf(instance);
  fault_place_.host_banks = static_cast<uint16_t>(spec.banks - spec.el2_banks);
  fault_instance_ = instance;
  global_whose_ = global_records_.whose(instance);
  faults_before_[0] = FaultsOf(smmu);
  const auto other = static_cast<uint8_t>(1 - NumberInPair(instance));
  if (spec.instance_count < 2) return;
  const uint8_t side = board_.machine_->SideOf(instance);
  faults_before_[1] = FaultsOf(board_.machine_->smmu(board_.machine_->InstanceIndex(side, other)));
}

// A read of a fault register gives what the instance's own record says, where it is the host's to
// know of.
[[gnu::noinline]] void Checks::Fun05Shown(const TrappedAccess& access, uint64_t value) {
  if (!Enabled(Invariant::kFun05) || fault_place_.info == nullptr || faulted_in_call_) return;
  Evaluated(Invariant::kFun05);
  const Shown shown = ShownFault(faults_before_[0], fault_place_, global_whose_);
  if (shown.mask == 0) return;
  // What a sign makes of the upper half is FUN01's.
  const uint64_t bits = access.width == 8 ? ~uint64_t{0} : 0xffffffff;
  const uint64_t known = shown.mask & bits;
  if ((value & known) == (shown.value & known)) return;
  if (Report(Invariant::kFun05, "call", "Fun05Shown",
             Print("%s of %s reads as 0x%llx, and the host is to see 0x%llx",
                   fault_place_.info->name, model::WindowName(WindowOf(fault_instance_)),
                   Wide(value & bits), Wide(shown.value & bits)),
             {Print("bank    %u", fault_place_.bank), Print("bits    0x%llx", Wide(known))})) {
    __builtin_trap();
  }
}

// A write to a fault register changes that record and no other, of that instance and no other; a
// read changes none.
[[gnu::noinline]] void Checks::Fun05Written(const TrappedAccess& access, Window window) {
  if (!Enabled(Invariant::kFun05) || fault_place_.info == nullptr || faulted_in_call_) return;
  Evaluated(Invariant::kFun05);
  FaultFile wanted = faults_before_[0];
  if (access.write) WriteFault(fault_place_, global_whose_, access.value, &wanted);
  const model::Machine& machine = *board_.machine_;
  const char* changed = Changed(wanted, FaultsOf(machine.smmu(fault_instance_)), fault_place_);
  const char* where = "";
  if (changed == nullptr && SpecOf(fault_instance_).instance_count > 1) {
    const auto other = static_cast<uint8_t>(1 - NumberInPair(fault_instance_));
    const size_t instance = machine.InstanceIndex(machine.SideOf(fault_instance_), other);
    changed = Changed(faults_before_[1], FaultsOf(machine.smmu(instance)), fault_place_);
    where = " of the other instance";
  }
  if (changed == nullptr) return;
  if (Report(Invariant::kFun05, "call", "Fun05Written",
             Print("%s %s of %s leaves another %s%s than it may",
                   access.write ? "a write to" : "a read of", fault_place_.info->name,
                   model::WindowName(window), changed, where),
             {Print("bank    %u", fault_place_.bank),
              Print("value   0x%llx", Wide(access.write ? access.value : 0))})) {
    __builtin_trap();
  }
}

}  // namespace sidewall
