// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Looks for fault records and tells their owners. A record belongs to the owner of the stream that
// it names, by the low 7 bits of the stream ID.
//
//   the host's stage-1 banks     told to the host once; the host reads and clears them
//   the host's stage-2 bank      told once as the external abort that the host sees; a record of a
//                                stream without a stage 1 is told and cleared, since no bank of the
//                                host shows it; where it names a guest's stream, as below
//   other banks of EL2           told to the stream's owner and cleared
//   the global record            told once where it is the host's, told and cleared where not
//
// The host needs none of this: the interrupt lines are its own, and a stage 2 under a bank with
// CFIE raises them too. Guests' faults raise no interrupt, and are found here.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

constexpr uint32_t kBatch = 4;     // records between two times without the lock
constexpr uint32_t kBatches = 4;   // of one call
constexpr uint32_t kNoBank = ~0u;  // of struct sidewall_fault
constexpr uint32_t kShownFsynr0 =
    fsynr0::kWnr.mask() | fsynr0::kPnu.mask() | fsynr0::kInd.mask() | fsynr0::kPlvl.mask();

struct Report {
  uint32_t owner;
  sidewall_fault fault;
};

uint32_t OwnerOf(const Smmu& smmu, uint32_t sid) { return smmu.sid_owner[sid & (kSidCount - 1)]; }

// Fills what all records of banks have. False: the bus gave no answer.
bool ReadBankRecord(Smmu& smmu, uint32_t instance, ContextBank bank, sidewall_fault* fault) {
  const RegisterWindow window = WindowOf(smmu, instance);
  if (!window.Read32(BankRegister(smmu, bank, cb::kFSYNR0), &fault->fsynr0)) return false;
  if (!window.Read64(BankRegister(smmu, bank, cb::kFAR), &fault->far_)) return false;
  if (!window.Read32(CbfrsynraOffset(bank), &fault->sid)) return false;
  fault->sid &= smr::kId.mask();
  return true;
}

void ClearBank(Smmu& smmu, uint32_t instance, ContextBank bank) {
  WindowOf(smmu, instance).Write32(BankRegister(smmu, bank, cb::kFSR), fsr::kFaults);
}

// The record of the host's stage 2, as the host is shown it.
bool ReportHostStage2(Smmu& smmu, uint32_t instance, Report* report) {
  Bank& bank = smmu.bank[smmu.host_stage2.value];
  sidewall_fault& fault = report->fault;
  report->owner = SIDEWALL_OWNER_HOST;
  fault.fsr = fsr::kEf.mask() | (fault.fsr & fsr::kMulti.mask());
  fault.bank = NamedByStage2(smmu, fault.fsynr0);
  fault.fsynr0 &= kShownFsynr0 & ~fsynr0::kPlvl.mask();
  if (fault.bank == kNoBank) {
    ClearBank(smmu, instance, smmu.host_stage2);
  } else {
    bank.told |= static_cast<uint8_t>(1u << instance);
  }
  return true;
}

bool LookAtBank(Smmu& smmu, uint32_t instance, ContextBank index, Report* report) {
  const bool is_hosts = index.value < smmu.host_banks;
  Bank& bank = smmu.bank[index.value];
  if (is_hosts && bank.users == 0) return false;
  if ((bank.told & (1u << instance)) != 0) return false;
  sidewall_fault& fault = report->fault;
  const RegisterWindow window = WindowOf(smmu, instance);
  if (!window.Read32(BankRegister(smmu, index, cb::kFSR), &fault.fsr)) return false;
  if ((fault.fsr & fsr::kFaults) == 0) return false;
  if (!ReadBankRecord(smmu, instance, index, &fault)) return false;
  const bool of_guest = OwnerOf(smmu, fault.sid) >= SIDEWALL_OWNER_GUEST0;
  const bool is_shown = NamedByStage2(smmu, fault.fsynr0) != kNoBank;
  if (index == smmu.host_stage2 && (is_shown || !of_guest)) {
    return ReportHostStage2(smmu, instance, report);
  }
  fault.fsynr0 &= kShownFsynr0;
  if (is_hosts) {
    report->owner = SIDEWALL_OWNER_HOST;
    fault.bank = index.value;
    bank.told |= static_cast<uint8_t>(1u << instance);
    return true;
  }
  report->owner = OwnerOf(smmu, fault.sid);
  fault.bank = kNoBank;
  ClearBank(smmu, instance, index);
  return report->owner != SIDEWALL_OWNER_EL2;
}

bool LookAtGlobal(Smmu& smmu, uint32_t instance, Report* report) {
  const RegisterWindow window = WindowOf(smmu, instance);
  const uint8_t bit = static_cast<uint8_t>(1u << instance);
  sidewall_fault& fault = report->fault;
  if ((smmu.gfsr_told & bit) != 0) return false;
  if (!window.Read32(gr0::kGFSR, &fault.fsr)) return false;
  if ((fault.fsr & gfsr::kAll) == 0) return false;
  if (!window.Read32(gr0::kGFSYNR1, &fault.sid)) return false;
  if (!window.Read32(gr0::kGFSYNR0, &fault.fsynr0)) return false;
  if (!window.Read64(gr0::kGFAR, &fault.far_)) return false;
  // A record that names another stream now was not read as one, and is left to the next look.
  uint32_t again = 0;
  if (!window.Read32(gr0::kGFSYNR1, &again) || again != fault.sid) return false;
  fault.sid &= smr::kId.mask();
  fault.bank = kNoBank;
  report->owner = OwnerOf(smmu, fault.sid);
  if (report->owner < SIDEWALL_OWNER_GUEST0) {
    // The host's, or the quarantine's, whose record the host sees too.
    report->owner = SIDEWALL_OWNER_HOST;
    smmu.gfsr_told |= bit;
    return true;
  }
  WipeGlobalRecord(window);
  return true;
}

// Whether a record names a stream of the set. One that cannot be read may.
bool RecordNames(const RegisterWindow& window, uint32_t status, uint32_t any, uint32_t stream,
                 const SidSet& set) {
  uint32_t value = 0;
  if (!window.Read32(status, &value)) return true;
  if ((value & any) == 0) return false;
  return !window.Read32(stream, &value) || set.Has(value & (kSidCount - 1));
}

// Whether the record of a bank may be of a stream that names no bank of the host's: of EL2's own,
// and of the host's stage 2 where it stands under no stage 1. All others the host is shown, as its
// own.
bool IsShownToNobody(const Smmu& smmu, const RegisterWindow& window, ContextBank bank) {
  if (!(bank == smmu.host_stage2)) return true;
  uint32_t syndrome = 0;
  return !window.Read32(BankRegister(smmu, bank, cb::kFSYNR0), &syndrome) ||
         NamedByStage2(smmu, syndrome) == kNoBank;
}

// The place after the last bank of an instance stands for its global record.
bool LookAt(Smmu& smmu, uint32_t place, Report* report) {
  const uint32_t places = smmu.bank_count + 1;
  const uint32_t instance = place / places;
  const uint32_t bank = place % places;
  // How many faults of others were cleared is not the host's to know.
  const Aside aside(smmu, true);
  report->fault = {};
  const bool found = bank == smmu.bank_count
                         ? LookAtGlobal(smmu, instance, report)
                         : LookAtBank(smmu, instance, ContextBank{bank}, report);
  report->fault.side = smmu.side;
  report->fault.instance = instance;
  return found;
}

// A VM is not gone, and its number not another's, while a record of it is in somebody's hand.
void Hold(Smmu& smmu, const Report& report) {
  if (report.owner < SIDEWALL_OWNER_GUEST0) return;
  ++smmu.untold[report.owner - SIDEWALL_OWNER_GUEST0];
}
void Release(Smmu& smmu, const Report& report) {
  if (report.owner < SIDEWALL_OWNER_GUEST0) return;
  LockGuard lock(smmu.ctx, smmu.lock_id);
  --smmu.untold[report.owner - SIDEWALL_OWNER_GUEST0];
}

struct Scan {
  uint32_t left = 0;  // places to look at
  uint32_t found = 0;
  Report report[kBatch];
};

void Collect(Smmu& smmu, Scan* scan) {
  LockGuard lock(smmu.ctx, smmu.lock_id);
  scan->found = 0;
  if (!smmu.reachable) scan->left = 0;
  const uint32_t all = smmu.instance_count * (smmu.bank_count + 1);
  while (scan->left != 0 && scan->found != kBatch) {
    --scan->left;
    const uint32_t place = smmu.fault_cursor;
    smmu.fault_cursor = place + 1 < all ? place + 1 : 0;
    if (LookAt(smmu, place, &scan->report[scan->found])) Hold(smmu, scan->report[scan->found++]);
  }
}

}  // namespace

uint32_t NamedByStage2(const Smmu& smmu, uint32_t syndrome) {
  const uint32_t named = fsynr0::kS1cbndx.Get(syndrome);
  // A stage-1 table that stage 2 does not map counts as the fault of the stage-1 bank too.
  const bool from_stage1 = fsynr0::kNested.Get(syndrome) != 0 || fsynr0::kS1ptwf.Get(syndrome) != 0;
  return from_stage1 && named < smmu.host_banks ? named : kNoBank;
}

// The syndrome before the status: while that is set, no new fault changes the syndrome.
void WipeGlobalRecord(const RegisterWindow& window) {
  window.Write64(gr0::kGFAR, 0);
  window.Write32(gr0::kGFSYNR0, 0);
  window.Write32(gr0::kGFSYNR1, 0);
  window.Write32(gr0::kGFSYNR2, 0);
  window.Write32(gr0::kGFSR, gfsr::kAll);
}

void DropRecords(Smmu& smmu, const SidSet& set) {
  if (!smmu.reachable) return;
  // As where records are told.
  const Aside aside(smmu, true);
  for (uint32_t n = 0; n < smmu.instance_count; ++n) {
    const RegisterWindow window = WindowOf(smmu, n);
    for (uint32_t i = smmu.host_banks; i < smmu.bank_count; ++i) {
      const ContextBank bank{i};
      if (!IsShownToNobody(smmu, window, bank)) continue;
      const uint32_t status = BankRegister(smmu, bank, cb::kFSR);
      if (RecordNames(window, status, fsr::kFaults, CbfrsynraOffset(bank), set)) {
        window.Write32(status, fsr::kFaults);
      }
    }
    if (!RecordNames(window, gr0::kGFSR, gfsr::kAll, gr0::kGFSYNR1, set)) continue;
    smmu.gfsr_told &= static_cast<uint8_t>(~(1u << n));
    WipeGlobalRecord(window);
  }
}

uint32_t ScanFaults(Smmu& smmu) {
  Scan scan;
  scan.left = smmu.instance_count * (smmu.bank_count + 1);
  uint32_t told = 0;
  for (uint32_t batch = 0; batch < kBatches && scan.left != 0; ++batch) {
    Collect(smmu, &scan);
    for (uint32_t i = 0; i < scan.found; ++i) {
      sidewall_plat_notify(smmu.ctx, scan.report[i].owner, &scan.report[i].fault);
      Release(smmu, scan.report[i]);
    }
    told += scan.found;
  }
  return told;
}

}  // namespace SIDEWALL_NS
