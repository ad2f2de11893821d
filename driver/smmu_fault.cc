// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Fault registers, which each instance has for itself. A stage-2 fault of a nested stream is
// recorded in the stage-2 bank alone; the host is shown it in the stage-1 bank that S1CBNDX names,
// as an external abort with the faulting virtual address and nothing of stage 2:
//
//     hardware, bank 126 (stage 2): FSR.TF, FAR = VA, FSYNR0.NESTED, FSYNR0.S1CBNDX = 3
//     host reads CB[3].FSR: EF, CB[3].FAR: VA; its write of EF to CB[3].FSR clears bank 126's FSR
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

// The fault record of a host bank on one instance, and that of the stage-2 bank when it is about
// this bank.
struct Record {
  uint32_t own_fsr = 0;
  bool nested = false;
  bool nested_multi = false;  // the stage-2 record stands for more than one fault
  uint64_t dropped = 0;       // FSR and FSYNR0 of a stage-2 record that was nobody's

  uint32_t own_faults() const { return own_fsr & fsr::kFaults; }
  // The bank's own record comes first; the stage-2 record follows once that is cleared.
  bool shows_nested() const { return nested && own_faults() == 0; }
};

uint32_t Stage2Register(const Smmu& smmu, uint32_t offset) {
  return BankRegister(smmu, smmu.host_stage2, offset);
}

void ClearStage2(Smmu& smmu, uint32_t instance) {
  Bank& stage2 = smmu.bank[smmu.host_stage2.value];
  stage2.told &= static_cast<uint8_t>(~(1u << instance));
  WindowOf(smmu, instance).Write32(Stage2Register(smmu, cb::kFSR), fsr::kFaults);
}

// Whether the stage-2 bank's record is about `bank`. A record about no stage-1 bank (a stream in
// virtual bypass) has nobody to be shown to; it is dropped and counted, or it would hide all later
// ones.
bool ReadNested(Smmu& smmu, uint32_t instance, ContextBank bank, Record* record) {
  const RegisterWindow window = WindowOf(smmu, instance);
  uint32_t stage2_fsr = 0;
  if (!window.Read32(Stage2Register(smmu, cb::kFSR), &stage2_fsr)) return false;
  if ((stage2_fsr & fsr::kFaults) == 0) return true;
  uint32_t syndrome = 0;
  if (!window.Read32(Stage2Register(smmu, cb::kFSYNR0), &syndrome)) return false;
  const uint32_t named = NamedByStage2(smmu, syndrome);
  if (named >= smmu.host_banks) {
    ClearStage2(smmu, instance);
    record->dropped = uint64_t{stage2_fsr} << 32 | syndrome;
    return true;
  }
  record->nested = named == bank.value;
  record->nested_multi = record->nested && fsr::kMulti.Get(stage2_fsr) != 0;
  return true;
}

bool ReadRecord(Smmu& smmu, const Request& request, Record* record) {
  const RegisterWindow window = WindowOf(smmu, request.instance);
  const uint32_t offset = BankRegister(smmu, request.bank, cb::kFSR);
  if (!window.Read32(offset, &record->own_fsr)) return false;
  return ReadNested(smmu, request.instance, request.bank, record);
}

uint32_t ShownFsr(const Record& record) {
  const uint32_t format = record.own_fsr & fsr::kFormat.mask();
  if (record.shows_nested()) {
    return format | fsr::kEf.mask() | (record.nested_multi ? fsr::kMulti.mask() : 0);
  }
  const uint32_t own = record.own_faults() | format;
  return record.nested ? own | fsr::kMulti.mask() : own;
}

Answer AccessFsr(Smmu& smmu, const Request& request, const Record& record) {
  if (!request.is_write) return Shown(ShownFsr(record));
  const uint32_t cleared = static_cast<uint32_t>(request.value & request.row->keep);
  if (record.shows_nested()) {
    // EF ends the record, and MULTI with it, which would mean nothing without one.
    if (fsr::kEf.Get(cleared) != 0) ClearStage2(smmu, request.instance);
    return Done(SIDEWALL_DECISION_COMPOSED);
  }
  Bank& bank = smmu.bank[request.bank.value];
  bank.told &= static_cast<uint8_t>(~(1u << request.instance));
  WindowOf(smmu, request.instance).Write32(request.offset, cleared);
  return Done(SIDEWALL_DECISION_FORWARDED);
}

// The register that stands for the request's: the bank's own, or the stage-2 bank's.
uint32_t RecordOffset(const Smmu& smmu, const Request& request, const Record& record) {
  if (request.is_write || !record.shows_nested()) return request.offset;
  if (request.row->id == RegisterId::kCBFRSYNRA) return CbfrsynraOffset(smmu.host_stage2);
  return Stage2Register(smmu, request.row->offset + (request.high ? 4 : 0));
}

uint64_t ShownSyndrome(const Request& request, const Record& record, uint64_t value) {
  if (!record.shows_nested()) return Slice(request, request.row->keep) & value;
  switch (request.row->id) {
    case RegisterId::kFSYNR0:
      return value & (fsynr0::kWnr.mask() | fsynr0::kPnu.mask() | fsynr0::kInd.mask());
    case RegisterId::kFSYNR1:
      return 0;
    default:
      return Slice(request, request.row->keep) & value;
  }
}

Answer AccessRecord(Smmu& smmu, const Request& request, const Record& record) {
  const RegisterWindow window = WindowOf(smmu, request.instance);
  const uint32_t offset = RecordOffset(smmu, request, record);
  if (request.is_write) {
    const uint64_t value = request.value & Slice(request, request.row->keep);
    if (request.width == 8) {
      window.Write64(offset, value);
    } else {
      window.Write32(offset, static_cast<uint32_t>(value));
    }
    return Done(SIDEWALL_DECISION_FORWARDED);
  }
  uint64_t value = 0;
  uint32_t half = 0;
  const bool answered =
      request.width == 8 ? window.Read64(offset, &value) : window.Read32(offset, &half);
  if (!answered) return NoAnswer();
  return Shown(ShownSyndrome(request, record, request.width == 8 ? value : half));
}

// The global record is the host's when the stream it names is, or nobody's (the quarantine's): a
// record that nobody could clear would hide all later ones, and its interrupt would never end.
// The status comes first: while it is not 0 hardware keeps the rest of the record, and without one
// the rest is of any time and the next fault may be anybody's.
bool GlobalRecordIsHosts(Smmu& smmu, uint32_t instance, uint32_t* named, bool* is_hosts) {
  const RegisterWindow window = WindowOf(smmu, instance);
  uint32_t status = 0;
  if (!window.Read32(gr0::kGFSR, &status)) return false;
  if (!window.Read32(gr0::kGFSYNR1, named)) return false;
  const uint32_t owner = smmu.sid_owner[*named & (kSidCount - 1)];
  *is_hosts = (status & gfsr::kAll) != 0 && owner < SIDEWALL_OWNER_GUEST0;
  return true;
}

Answer ReadGlobalFault(const Request& request, const RegisterWindow& window) {
  if (request.width == 8) {
    uint64_t value = 0;
    return window.Read64(request.offset, &value) ? Shown(value) : NoAnswer();
  }
  uint32_t value = 0;
  return window.Read32(request.offset, &value) ? Shown(value) : NoAnswer();
}

}  // namespace

Answer HandleGlobalFault(Smmu& smmu, const Request& request) {
  // A restored record would be a fault that no stream has caused, under a StreamID of the host's
  // choice, and a written syndrome could pass another owner's record off as the host's.
  const bool clears = request.row->id == RegisterId::kGFSR;
  if (request.is_write && !clears) return Ignored(SIDEWALL_REASON_FLOOR);
  uint32_t named = 0;
  bool is_hosts = false;
  if (!GlobalRecordIsHosts(smmu, request.instance, &named, &is_hosts)) return NoAnswer();
  if (!is_hosts) return request.is_write ? Ignored(SIDEWALL_REASON_NONE) : Shown(0);
  const RegisterWindow window = WindowOf(smmu, request.instance);
  if (request.is_write) {
    smmu.gfsr_told &= static_cast<uint8_t>(~(1u << request.instance));
    window.Write32(request.offset, static_cast<uint32_t>(request.value & request.row->keep));
    return Done(SIDEWALL_DECISION_FORWARDED);
  }
  const Answer answer = ReadGlobalFault(request, window);
  // What was read is the host's when the record still names the stream that was judged.
  uint32_t again = 0;
  if (!GlobalRecordIsHosts(smmu, request.instance, &again, &is_hosts)) return NoAnswer();
  return is_hosts && again == named ? answer : Shown(0);
}

Answer HandleBankFault(Smmu& smmu, const Request& request) {
  if (request.row->id == RegisterId::kRESUME) {
    // Nothing is ever stalled, so there is nothing to resume.
    return Ignored(SIDEWALL_REASON_FLOOR);
  }
  if (request.row->id == RegisterId::kFSRRESTORE) {
    WindowOf(smmu, request.instance)
        .Write32(request.offset, static_cast<uint32_t>(request.value & request.row->keep));
    return Done(SIDEWALL_DECISION_FORWARDED);
  }
  Record record;
  if (!ReadRecord(smmu, request, &record)) return NoAnswer();
  const bool is_fsr = request.row->id == RegisterId::kFSR;
  Answer answer = is_fsr ? AccessFsr(smmu, request, record) : AccessRecord(smmu, request, record);
  if (record.dropped != 0) {
    answer.reason = SIDEWALL_REASON_FAULT_DROPPED;
    answer.detail = record.dropped;
  }
  return answer;
}

}  // namespace SIDEWALL_NS
