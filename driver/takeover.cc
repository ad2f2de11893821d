// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Takes over SMMUs whose registers hold whatever a boot loader or a raw-writing host left there.
// The order matters, because streams may be live meanwhile: nothing is let through that was not
// let through before, and when it is over every stream faults.
//
// First every unit is closed, each instance like this:
//
//   1. every S2CR to fault     (streams that match fault; EXIDVALID is kept, so that no entry
//                               ceases to match and its streams fall to USFCFG)
//   2. sCR0 to EL2's floor     (streams that do not match fault, and so do those that match twice)
//   3. every SMR invalid, every S2CR clean
//   4. a sync, since what is under way must not meet a stage 2 that is off
//   5. sACR, then ACTLR, which sACR can lock; every bank off, its fault cleared
//
// Then the whole TLB of each is flushed and the sync seen complete on each instance, which also
// drains what was under way. Only now is no stream left that could write to memory through a stage
// 2 that is not EL2's, and EL2's tables are made. Last, every unit is programmed. No bank is on
// when it is over, but for streams that a boot loader left active.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

#define SIDEWALL_REQUIRE(condition)    \
  do {                                 \
    if (!(condition)) return __LINE__; \
  } while (false)

constexpr uint32_t kIdrCount = 8;

uint32_t CheckIds(const Smmu& smmu, const sidewall_smmu_cfg& cfg) {
  const uint32_t id0 = smmu.idr[0];
  const uint32_t id1 = smmu.idr[1];
  const uint32_t id2 = smmu.idr[2];
  SIDEWALL_REQUIRE(idr0::kSms.Get(id0) != 0);
  SIDEWALL_REQUIRE(idr0::kS1ts.Get(id0) != 0);
  SIDEWALL_REQUIRE(idr0::kS2ts.Get(id0) != 0);
  SIDEWALL_REQUIRE(idr0::kNts.Get(id0) != 0);
  SIDEWALL_REQUIRE(idr1::kPageSize.Get(id1) != 0);
  // Banks that can only do stage 2 come first, where the host's must be.
  SIDEWALL_REQUIRE(idr1::kNums2cb.Get(id1) == 0);
  SIDEWALL_REQUIRE(idr2::kPtfs4k.Get(id2) != 0);
  SIDEWALL_REQUIRE(idr2::kIas.Get(id2) == idr2::kSize44 || idr2::kIas.Get(id2) == idr2::kSize48);
  SIDEWALL_REQUIRE(idr2::kOas.Get(id2) == idr2::kSize44 || idr2::kOas.Get(id2) == idr2::kSize48);
  const uint32_t banks = idr1::kNumcb.Get(id1);
  const uint32_t entries = idr0::kNumsmrg.Get(id0);
  SIDEWALL_REQUIRE(banks <= kMaxBanks && banks > cfg.el2_banks);
  SIDEWALL_REQUIRE(entries <= kMaxEntries && entries > cfg.el2_entries);
  const uint64_t global_pages = uint64_t{2} << idr1::kNumpagendxb.Get(id1);
  SIDEWALL_REQUIRE(banks <= global_pages);
  // A window of any other size is not this hardware's: half of it is global, half are banks.
  SIDEWALL_REQUIRE(cfg.window_size == 2 * global_pages * kSmmuPageSize);
  return 0;
}

void FillGeometry(Smmu& smmu, const sidewall_smmu_cfg& cfg) {
  smmu.bank_count = idr1::kNumcb.Get(smmu.idr[1]);
  smmu.entry_count = idr0::kNumsmrg.Get(smmu.idr[0]);
  smmu.host_banks = smmu.bank_count - cfg.el2_banks;
  smmu.host_entries = smmu.entry_count - cfg.el2_entries;
  smmu.host_stage2 = ContextBank{smmu.host_banks};
  smmu.fault_bank = ContextBank{smmu.host_banks + 1};
  smmu.global_pages = 2u << idr1::kNumpagendxb.Get(smmu.idr[1]);
  smmu.ipa_bits = idr2::kIas.Get(smmu.idr[2]) == idr2::kSize48 ? 48 : 44;
  // The host's stage 2 and the fault bank come first.
  const uint32_t contexts = cfg.el2_banks - 2;
  smmu.context_count = contexts < kMaxContexts ? contexts : kMaxContexts;
}

uint32_t LearnUnit(Smmu& smmu, const sidewall_smmu_cfg& cfg) {
  for (uint32_t i = 0; i < kIdrCount; ++i) {
    SIDEWALL_REQUIRE(WindowOf(smmu, 0).Read32(gr0::kIDR0 + 4 * i, &smmu.idr[i]));
  }
  uint32_t line = CheckUnitIds(smmu);
  if (line == 0) line = CheckIds(smmu, cfg);
  if (line == 0) FillGeometry(smmu, cfg);
  return line;
}

// What has no page of its own in the global space is not there: a bank may be in its place.
bool HasPage(const Smmu& smmu, uint32_t base) { return base / kSmmuPageSize < smmu.global_pages; }

// Counters may have been set on a stream that is to be a guest's, and the interrupt of one that
// overflows would tell how much the stream moves; nobody could clear it either. Integration test
// mode drives outputs, interrupts among them, from registers.
void StopSideChannels(const Smmu& smmu, const RegisterWindow& window) {
  if (HasPage(smmu, kGidBase)) window.Write32(gid::kITCTRL, 0);
  if (!HasPage(smmu, kPmuBase)) return;
  window.Write32(pmu::kPMCR, 0);
  for (uint32_t i = 0; i < pmu::kWords; ++i) {
    window.Write32(pmu::kPMCNTENCLR + 4 * i, ~0u);
    window.Write32(pmu::kPMINTENCLR + 4 * i, ~0u);
    window.Write32(pmu::kPMOVSCLR + 4 * i, ~0u);
  }
}

uint32_t CloseStreams(const Smmu& smmu, const RegisterWindow& window) {
  for (uint32_t i = 0; i < smmu.entry_count; ++i) {
    uint32_t old = 0;
    SIDEWALL_REQUIRE(window.Read32(S2crOffset(EntryIndex{i}), &old));
    window.Write32(S2crOffset(EntryIndex{i}), s2cr::kFault | (old & s2cr::kExidValid.mask()));
  }
  window.Write32(gr0::kSCR0, scr0::kFloor);
  uint32_t floor = 0;
  SIDEWALL_REQUIRE(window.Read32(gr0::kSCR0, &floor));
  SIDEWALL_REQUIRE(scr0::kClientPd.Get(floor) == 0);
  SIDEWALL_REQUIRE(scr0::kUsfcfg.Get(floor) != 0);
  SIDEWALL_REQUIRE(scr0::kSmcfcfg.Get(floor) != 0);
  SIDEWALL_REQUIRE(scr0::kExidEnable.Get(floor) == 0);
  SIDEWALL_REQUIRE(scr0::kVmid16En.Get(floor) == 0);
  SIDEWALL_REQUIRE(scr0::kStalld.Get(floor) == 0);
  SIDEWALL_REQUIRE(scr0::kGse.Get(floor) == 0);
  for (uint32_t i = 0; i < smmu.entry_count; ++i) {
    window.Write32(SmrOffset(EntryIndex{i}), 0);
    window.Write32(S2crOffset(EntryIndex{i}), s2cr::kFault);
  }
  window.Write32(gr0::kSCR2, 0);
  WipeGlobalRecord(window);
  StopSideChannels(smmu, window);
  return 0;
}

// Turns every bank off, frees what an earlier owner may have left stalled, and ends prefetch.
uint32_t CloseBanks(const Smmu& smmu, const RegisterWindow& window) {
  window.Write32(gr0::kSACR, sacr::kFixed);
  uint32_t auxiliary = 0;
  SIDEWALL_REQUIRE(window.Read32(gr0::kSACR, &auxiliary));
  SIDEWALL_REQUIRE(sacr::kCacheLock.Get(auxiliary) == 0);
  for (uint32_t i = 0; i < smmu.bank_count; ++i) {
    const ContextBank bank{i};
    window.Write32(BankRegister(smmu, bank, cb::kSCTLR), 0);
    uint32_t fault = 0;
    SIDEWALL_REQUIRE(window.Read32(BankRegister(smmu, bank, cb::kFSR), &fault));
    window.Write32(BankRegister(smmu, bank, cb::kFSR), fsr::kFaults);
    if (fsr::kSs.Get(fault) != 0) {
      window.Write32(BankRegister(smmu, bank, cb::kRESUME), kResumeTerminate);
    }
    window.Write32(BankRegister(smmu, bank, cb::kACTLR), actlr::kFixed);
    SIDEWALL_REQUIRE(window.Read32(BankRegister(smmu, bank, cb::kACTLR), &auxiliary));
    SIDEWALL_REQUIRE(actlr::kCpre.Get(auxiliary) == 0);
  }
  return 0;
}

// The tables are cleaned to the point of coherency, so the walks need not be cacheable; that is
// right whether or not the unit is coherent.
uint32_t Stage2Tcr(const Smmu& smmu) {
  return tcr::kStage2Res1 | tcr::kT0sz.Of(64 - smmu.ipa_bits) | tcr::kSl0.Of(tcr::kSl0Level0) |
         tcr::kSh.Of(tcr::kShOuter) | tcr::kPaSize.Of(idr2::kOas.Get(smmu.idr[2]));
}

// What a stage 2 is made of.
void ProgramContext(const Smmu& smmu, const RegisterWindow& window, ContextBank index) {
  const Bank& bank = smmu.bank[index.value];
  window.Write32(Cba2rOffset(index), cba2r::kVa64.mask());
  window.Write32(CbarOffset(index), HardwareCbar(smmu, index));
  window.Write32(CbfrsynraOffset(index), 0);
  window.Write64(BankRegister(smmu, index, cb::kTTBR0), bank.ttbr0);
  window.Write32(BankRegister(smmu, index, cb::kTCR), bank.tcr);
}

// What a stage 2 does not have is written all the same, once, since hardware may keep it.
void ProgramBank(const Smmu& smmu, const RegisterWindow& window, ContextBank index) {
  const Bank& bank = smmu.bank[index.value];
  ProgramContext(smmu, window, index);
  window.Write64(BankRegister(smmu, index, cb::kTTBR1), bank.ttbr1);
  window.Write32(BankRegister(smmu, index, cb::kTCR2), bank.tcr2);
  window.Write32(BankRegister(smmu, index, cb::kMAIR0), bank.mair0);
  window.Write32(BankRegister(smmu, index, cb::kMAIR1), bank.mair1);
  window.Write32(BankRegister(smmu, index, cb::kCONTEXTIDR), bank.contextidr);
  window.Write64(BankRegister(smmu, index, cb::kFAR), 0);
  window.Write32(BankRegister(smmu, index, cb::kFSYNR0), 0);
  window.Write32(BankRegister(smmu, index, cb::kFSYNR1), 0);
}

void ProgramInstance(const Smmu& smmu, const RegisterWindow& window) {
  for (uint32_t i = 0; i < smmu.bank_count; ++i) ProgramBank(smmu, window, ContextBank{i});
}

void DescribeStage2(Smmu& smmu, ContextBank index, Vmid vmid, Pa root) {
  Bank& bank = smmu.bank[index.value];
  bank.cbar = cbar::kType.Of(cbar::kTypeStage2) | cbar::kVmid.Of(vmid.value);
  bank.ttbr0 = root.value;
  bank.tcr = Stage2Tcr(smmu);
}

// A unit as it comes out of reset, for the host; and EL2's banks.
void ResetVirtual(Smmu& smmu, const Idmap& idmap) {
  smmu.scr0 = scr0::kReset;
  smmu.scr2 = 0;
  smmu.waiting_entries = 0;
  smmu.idle_banks = 0;
  smmu.interrupting_banks = 0;
  for (uint32_t i = 0; i < kMaxEntries; ++i) {
    Entry& entry = smmu.entry[i];
    entry = Entry{};
    entry.s2cr = s2cr::kFault;
    entry.hw_s2cr = s2cr::kFault;
    entry.slot = static_cast<uint8_t>(i);
  }
  for (Bank& bank : smmu.bank) {
    bank = Bank{};
    bank.sctlr = sctlr::kReset;
    bank.tcr2 = tcr::kTcr2Reset;
    bank.cbar = cbar::kReset;
  }
  for (uint32_t i = smmu.host_banks; i < smmu.bank_count; ++i) {
    DescribeStage2(smmu, ContextBank{i}, smmu.fault_vmid, idmap.empty_root);
  }
  DescribeStage2(smmu, smmu.host_stage2, smmu.host_vmid, idmap.root);
}

// One that cannot be closed leaves no other open. No unit is flushed before all are closed: a
// stream of another could still write to the tables that this one walks.
uint32_t CloseAllUnits(State& state) {
  uint32_t first = 0;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    LockGuard lock(state.ctx, state.smmu[i].lock_id);
    const uint32_t line = CloseUnit(state.smmu[i]);
    if (first == 0) first = line;
  }
  if (first != 0) return first;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    LockGuard lock(state.ctx, state.smmu[i].lock_id);
    SIDEWALL_REQUIRE(FlushEverything(state.smmu[i]));
  }
  return 0;
}

}  // namespace

uint32_t CheckUnitIds(Smmu& smmu) {
  for (uint32_t instance = 0; instance < smmu.instance_count; ++instance) {
    for (uint32_t i = 0; i < kIdrCount; ++i) {
      uint32_t value = 0;
      SIDEWALL_REQUIRE(WindowOf(smmu, instance).Read32(gr0::kIDR0 + 4 * i, &value));
      SIDEWALL_REQUIRE(smmu.idr[i] == value);
    }
  }
  return 0;
}

#undef SIDEWALL_REQUIRE

uint32_t HardwareCbar(const Smmu& smmu, ContextBank bank) {
  if (bank.value >= smmu.host_banks) return smmu.bank[bank.value].cbar;
  return cbar::kType.Of(cbar::kTypeNested) | cbar::kCbndx.Of(smmu.host_stage2.value) |
         cbar::kVmid.Of(smmu.host_vmid.value);
}

void ProgramStage2(Smmu& smmu, ContextBank bank, Vmid vmid, Pa root) {
  DescribeStage2(smmu, bank, vmid, root);
  if (!smmu.reachable) return;
  for (uint32_t i = 0; i < smmu.instance_count; ++i) ProgramContext(smmu, WindowOf(smmu, i), bank);
}

uint32_t CloseUnit(Smmu& smmu) {
  uint32_t line = 0;
  for (uint32_t i = 0; i < smmu.instance_count && line == 0; ++i) {
    line = CloseStreams(smmu, WindowOf(smmu, i));
  }
  if (line == 0 && !SyncAll(smmu)) line = __LINE__;
  for (uint32_t i = 0; i < smmu.instance_count && line == 0; ++i) {
    line = CloseBanks(smmu, WindowOf(smmu, i));
  }
  if (line != 0) ShutUnit(smmu);
  return line;
}

// An entry faults before CLIENTPD is off, since nothing is held back by either until then.
void ShutUnit(Smmu& smmu) {
  for (uint32_t n = 0; n < smmu.instance_count; ++n) {
    const RegisterWindow window = WindowOf(smmu, n);
    for (uint32_t i = 0; i < smmu.entry_count; ++i) {
      window.Write32(S2crOffset(EntryIndex{i}), s2cr::kFault);
    }
    window.Write32(gr0::kSCR0, scr0::kFloor);
  }
}

void ProgramUnit(Smmu& smmu) {
  for (uint32_t i = 0; i < smmu.instance_count; ++i) ProgramInstance(smmu, WindowOf(smmu, i));
}

uint32_t CheckHardware(State& state) {
  const bool again = PhaseOf(state) != Phase::kNone;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    Smmu& smmu = state.smmu[i];
    const uint32_t line = again ? CheckUnitIds(smmu) : LearnUnit(smmu, state.cfg.smmu[i]);
    if (line != 0) return line;
  }
  return 0;
}

uint32_t TakeOver(State& state) {
  uint32_t line = CloseAllUnits(state);
  if (line != 0) return line;
  if (PhaseOf(state) == Phase::kNone) {
    MakeIdmap(state);
  } else {
    line = VerifyIdmap(state);
    if (line != 0) return line;
  }
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    Smmu& smmu = state.smmu[i];
    LockGuard lock(smmu.ctx, smmu.lock_id);
    ResetVirtual(smmu, state.idmap);
    ProgramUnit(smmu);
  }
  return 0;
}

}  // namespace SIDEWALL_NS
