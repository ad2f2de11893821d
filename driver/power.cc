// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Power of a unit. Before it goes, every stream is made to fault, what is under way is drained, and
// with all banks off the whole TLB is flushed; so nothing translates, and nothing is cached, should
// the power stay on after all. While it is off no register is touched; what the calls of this
// driver change meanwhile is kept, as ever, beside the registers.
// Before any stream can translate again, everything is stored anew and the whole TLB flushed:
//
//     close (every entry faults, every bank off), flush, program the banks, the memory controller,
//     then open: banks on, S2CRs, SMRs; and read back what isolation rests on
//
// When any of it fails the unit is closed again and stays down until a later resume succeeds. Only
// the caller tries: as long as the call has not returned OK, the power may go again unannounced.
#include "driver/attach.h"

namespace SIDEWALL_NS {
namespace {

#define SIDEWALL_REQUIRE(condition)    \
  do {                                 \
    if (!(condition)) return __LINE__; \
  } while (false)

// Banks in use, and such as still wait for a sync. On from the top and off from the bottom, so that
// a stage 2 is on before the banks that are nested over it, and longer.
void SwitchBanks(Smmu& smmu, bool on) {
  for (uint32_t n = 0; n < smmu.bank_count; ++n) {
    const uint32_t i = on ? smmu.bank_count - 1 - n : n;
    if (smmu.bank[i].users == 0 && !smmu.bank[i].idle) continue;
    const ContextBank bank{i};
    WriteAll32(smmu, BankRegister(smmu, bank, cb::kSCTLR), on ? LiveSctlr(smmu, bank) : 0);
  }
}

void OpenStreams(Smmu& smmu) {
  SwitchBanks(smmu, true);
  for (uint32_t i = 0; i < smmu.entry_count; ++i) {
    WriteAll32(smmu, S2crOffset(SlotOf(smmu, EntryIndex{i})), smmu.entry[i].hw_s2cr);
  }
  for (uint32_t i = 0; i < smmu.entry_count; ++i) {
    if (smr::kValid.Get(smmu.entry[i].hw_smr) == 0) continue;
    WriteAll32(smmu, SmrOffset(SlotOf(smmu, EntryIndex{i})), smmu.entry[i].hw_smr);
  }
}

// The value in hardware, of the bits that EL2 decides about.
bool Holds(const RegisterWindow& window, uint32_t offset, uint32_t value, uint32_t mask) {
  uint32_t real = 0;
  return window.Read32(offset, &real) && ((real ^ value) & mask) == 0;
}

uint32_t VerifyBank(const Smmu& smmu, const RegisterWindow& window, ContextBank index) {
  const Bank& bank = smmu.bank[index.value];
  const uint32_t sctlr = bank.users != 0 ? LiveSctlr(smmu, index) : 0;
  constexpr uint32_t kSctlrDecided = sctlr::kM.mask() | sctlr::kCfcfg.mask();
  SIDEWALL_REQUIRE(Holds(window, BankRegister(smmu, index, cb::kSCTLR), sctlr, kSctlrDecided));
  const uint32_t wanted = HardwareCbar(smmu, index);
  SIDEWALL_REQUIRE(Holds(window, CbarOffset(index), wanted, cbar::kImplemented));
  SIDEWALL_REQUIRE(Holds(window, Cba2rOffset(index), cba2r::kVa64.mask(), cba2r::kVa64.mask()));
  if (index.value < smmu.host_banks) return 0;
  uint64_t root = 0;
  SIDEWALL_REQUIRE(window.Read64(BankRegister(smmu, index, cb::kTTBR0), &root));
  SIDEWALL_REQUIRE(root == bank.ttbr0);
  SIDEWALL_REQUIRE(Holds(window, BankRegister(smmu, index, cb::kTCR), bank.tcr, ~0u));
  return 0;
}

uint32_t VerifyEntry(const Smmu& smmu, const RegisterWindow& window, EntryIndex index) {
  const Entry& entry = smmu.entry[index.value];
  const EntryIndex slot = SlotOf(smmu, index);
  constexpr uint32_t kS2crDecided = s2cr::kType.mask() | s2cr::kCbndx.mask();
  SIDEWALL_REQUIRE(Holds(window, S2crOffset(slot), entry.hw_s2cr, kS2crDecided));
  // An invalid SMR says no more; of a valid one, the ID bits below the mask may be anything.
  uint32_t decided = smr::kValid.mask();
  if (smr::kValid.Get(entry.hw_smr) != 0) {
    decided |= smr::kMask.mask() | (smr::kId.mask() & ~smr::kMask.Get(entry.hw_smr));
  }
  SIDEWALL_REQUIRE(Holds(window, SmrOffset(slot), entry.hw_smr, decided));
  return 0;
}

uint32_t VerifyUnit(Smmu& smmu) {
  for (uint32_t n = 0; n < smmu.instance_count; ++n) {
    const RegisterWindow window = WindowOf(smmu, n);
    SIDEWALL_REQUIRE(Holds(window, gr0::kSCR0, scr0::kFloor, scr0::kFloor));
    for (uint32_t i = 0; i < smmu.bank_count; ++i) {
      const uint32_t line = VerifyBank(smmu, window, ContextBank{i});
      if (line != 0) return line;
    }
    for (uint32_t i = 0; i < smmu.entry_count; ++i) {
      const uint32_t line = VerifyEntry(smmu, window, EntryIndex{i});
      if (line != 0) return line;
    }
  }
  return 0;
}

uint32_t CloseAndProgram(State& state, Smmu& smmu) {
  uint32_t line = CheckUnitIds(smmu);
  if (line == 0) line = CloseUnit(smmu);
  if (line != 0) return line;
  SIDEWALL_REQUIRE(FlushEverything(smmu));
  line = CheckMcBypass(state);
  if (line != 0) return line;
  ProgramUnit(smmu);
  return TakeOverMc(state);
}

#undef SIDEWALL_REQUIRE

// Makes every stream that matches fault, or what it did before. Here alone a stream of EL2's own
// faults by its entry, and not on the fault bank as it does when it is detached: that bank would
// have to stay on, since off it is bypassed, and its walk needs memory, while both the unit and the
// memory are about to lose their power. An entry that faults needs neither. The price is that such
// a fault is a global one: should the power stay, its record waits with the rest, hidden from the
// host as any guest's, and a resume wipes it before the host has access again.
void StoreTargets(Smmu& smmu, bool fault) {
  for (uint32_t i = 0; i < smmu.entry_count; ++i) {
    const uint32_t hw_s2cr = smmu.entry[i].hw_s2cr;
    if (hw_s2cr == s2cr::kFault) continue;
    WriteAll32(smmu, S2crOffset(SlotOf(smmu, EntryIndex{i})), fault ? s2cr::kFault : hw_s2cr);
  }
}

// Nothing translates and nothing is cached any more; or, when hardware does not say so in time, all
// is as it was.
bool Quiesce(Smmu& smmu) {
  StoreTargets(smmu, true);
  if (SyncAll(smmu)) {
    // Drained, so that no transaction meets a stage 2 that is off.
    SwitchBanks(smmu, false);
    if (FlushEverything(smmu)) return true;
    SwitchBanks(smmu, true);
  }
  StoreTargets(smmu, false);
  return false;
}

// Reported records are gone, and so is what was waiting for a sync.
void ForgetTransient(Smmu& smmu) {
  for (Bank& bank : smmu.bank) {
    bank.idle = false;
    bank.told = 0;
  }
  smmu.idle_banks = 0;
  smmu.gfsr_told = 0;
}

// The caller holds the identity map's lock and the unit's.
sidewall_result Restore(State& state, Smmu& smmu) {
  const SyncClock before = smmu.clock;
  smmu.reachable = true;
  ForgetTransient(smmu);
  uint32_t line = CloseAndProgram(state, smmu);
  if (line == 0) {
    OpenStreams(smmu);
    line = VerifyUnit(smmu);
    // Hardware that does not hold one register may still close all streams.
    if (line != 0) static_cast<void>(CloseUnit(smmu));
  }
  if (line != 0) {
    // The check that failed may have been the first, with nothing stored yet.
    ShutUnit(smmu);
    smmu.reachable = false;
    smmu.closed = false;
    smmu.degraded = true;
    // What drained without power was never invalidated, so no sync of this try has ended it.
    smmu.clock = before;
    return Result(SIDEWALL_DEGRADED, line);
  }
  state.idmap.unflushed &= ~(1u << (smmu.lock_id - SIDEWALL_LOCK_SMMU0));
  return Result(SIDEWALL_OK);
}

}  // namespace

sidewall_result PowerDown(State& state, uint32_t iommu, Power to) {
  Smmu* unit = UnitOf(state, iommu);
  if (unit == nullptr) return Result(SIDEWALL_REFUSED);
  Smmu& smmu = *unit;
  LockGuard lock(state.ctx, smmu.lock_id);
  if (smmu.power != Power::kOn) return Result(SIDEWALL_REFUSED);
  // How many stores it takes says how many banks guests use; and so in PowerUp.
  const Aside aside(smmu, true);
  if (!Quiesce(smmu)) {
    SettleBanks(smmu);
    return Result(SIDEWALL_DEGRADED);
  }
  ForgetTransient(smmu);
  smmu.power = to;
  smmu.reachable = false;
  smmu.closed = true;
  return Result(SIDEWALL_OK);
}

sidewall_result PowerUp(State& state, uint32_t iommu, Power from) {
  Smmu* smmu = UnitOf(state, iommu);
  if (smmu == nullptr) return Result(SIDEWALL_REFUSED);
  LockGuard idmap_lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  LockGuard lock(state.ctx, smmu->lock_id);
  if (smmu->power != from) return Result(SIDEWALL_REFUSED);
  const Aside aside(*smmu, true);
  const sidewall_result result = Restore(state, *smmu);
  if (result.status == SIDEWALL_OK) smmu->power = Power::kOn;
  return result;
}

bool RecoverUnit(State& state, uint32_t unit) {
  LockGuard idmap_lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  LockGuard domains_lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  Smmu& smmu = state.smmu[unit];
  LockGuard lock(state.ctx, smmu.lock_id);
  // A unit that was closed has drained and flushed all; of one that was not, nothing is known.
  if (!smmu.reachable && !smmu.closed) return false;
  if (smmu.degraded) {
    // The stores of before were invalidations of the host's VMID; they are made again, since a sync
    // that was not seen to complete says nothing of them.
    sidewall_plat_barrier(state.ctx);
    if (!FlushHost(smmu)) return false;
    state.idmap.unflushed &= ~(1u << unit);
  }
  // Also where another sync has ended what a time-out had left, and not what waited for that.
  SettleUnit(state, unit);
  EndContexts(state, unit);
  SettleBanks(smmu);
  return !smmu.degraded;
}

}  // namespace SIDEWALL_NS
