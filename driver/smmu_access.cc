// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// From a window offset to a register, and what the table says of it.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

struct Place {
  RegisterPage page = RegisterPage::kReserved;
  uint32_t offset = 0;  // in the page
  bool in_share = true;
  ContextBank bank;
};

Place Locate(const Smmu& smmu, uint32_t offset) {
  Place place;
  const uint32_t page = offset / kSmmuPageSize;
  place.offset = offset % kSmmuPageSize;
  if (page >= smmu.global_pages) {
    place.page = RegisterPage::kBank;
    place.bank.value = page - smmu.global_pages;
    place.in_share = place.bank.value < smmu.host_banks;
    return place;
  }
  constexpr RegisterPage kGlobalPages[] = {RegisterPage::kGr0, RegisterPage::kGr1,
                                           RegisterPage::kGid, RegisterPage::kPmu,
                                           RegisterPage::kSsd};
  constexpr uint32_t kNamed = sizeof(kGlobalPages) / sizeof(kGlobalPages[0]);
  if (page < kNamed) place.page = kGlobalPages[page];
  return place;
}

// Virtual index i is physical index i; what lies beyond the host's share is not there for it.
bool IndexInShare(const Smmu& smmu, const Request& request) {
  switch (request.row->id) {
    case RegisterId::kSMR:
    case RegisterId::kS2CR:
      return request.index < smmu.host_entries;
    case RegisterId::kCBAR:
    case RegisterId::kCBFRSYNRA:
    case RegisterId::kCBA2R:
      return request.index < smmu.host_banks;
    default:
      return true;
  }
}

Answer Dispatch(Smmu& smmu, const Request& request) {
  switch (request.row->id) {
    case RegisterId::kSCR0:
    case RegisterId::kSCR2:
    case RegisterId::kSACR:
    case RegisterId::kIdr:
    case RegisterId::kPeripheralId:
      return HandleGlobal(smmu, request);
    case RegisterId::kGFAR:
    case RegisterId::kGFSR:
    case RegisterId::kGFSYNR:
    case RegisterId::kGFSRRESTORE:
      return HandleGlobalFault(smmu, request);
    case RegisterId::kSMR:
    case RegisterId::kS2CR:
      return HandleStream(smmu, request);
    case RegisterId::kTlbiVmid:
    case RegisterId::kTlbiVmidS1:
    case RegisterId::kTlbiAllNsnh:
    case RegisterId::kTlbiForeign:
    case RegisterId::kTlbGSync:
    case RegisterId::kTlbGStatus:
    case RegisterId::kTlbiBank64:
    case RegisterId::kTlbiBank32:
    case RegisterId::kTlbiStage2:
    case RegisterId::kTlbSync:
    case RegisterId::kTlbStatus:
      return HandleInvalidate(smmu, request);
    case RegisterId::kCBFRSYNRA:
    case RegisterId::kRESUME:
    case RegisterId::kFSR:
    case RegisterId::kFSRRESTORE:
    case RegisterId::kFAR:
    case RegisterId::kFSYNR0:
    case RegisterId::kFSYNR1:
      return HandleBankFault(smmu, request);
    case RegisterId::kCBAR:
    case RegisterId::kCBA2R:
    case RegisterId::kSCTLR:
    case RegisterId::kACTLR:
    case RegisterId::kTCR2:
    case RegisterId::kTTBR0:
    case RegisterId::kTTBR1:
    case RegisterId::kTCR:
    case RegisterId::kCONTEXTIDR:
    case RegisterId::kMAIR0:
    case RegisterId::kMAIR1:
      return HandleBank(smmu, request);
    case RegisterId::kRazWi:
    case RegisterId::kMcOverride:
    case RegisterId::kMcSecurity:
      break;
  }
  return Ignored(SIDEWALL_REASON_NONE);
}

// What the table alone decides, before any handler.
bool DecideByTable(const Smmu& smmu, const Request& request, Answer* answer) {
  const RegisterRow& row = *request.row;
  if (request.width < 4 || request.width > row.width) {
    *answer = Ignored(SIDEWALL_REASON_WIDTH);
    return true;
  }
  if (row.policy == RegisterClass::kRazWi) {
    *answer = Ignored(SIDEWALL_REASON_NONE);
    return true;
  }
  if (!IndexInShare(smmu, request)) {
    *answer = Ignored(SIDEWALL_REASON_INDEX);
    return true;
  }
  if (request.is_write && request.instance != 0 && row.mirror == RegisterMirror::kAbsorbed) {
    *answer = Done(SIDEWALL_DECISION_ABSORBED);
    return true;
  }
  const bool readable = row.access != RegisterAccess::kWriteOnly;
  const bool writable = row.access != RegisterAccess::kReadOnly;
  if (request.is_write ? !writable : !readable) {
    *answer = Ignored(SIDEWALL_REASON_NONE);
    return true;
  }
  return false;
}

}  // namespace

Answer HandleSmmuAccess(Smmu& smmu, uint32_t instance, uint32_t offset, uint32_t width,
                        bool is_write, uint64_t value) {
  const Place place = Locate(smmu, offset);
  if (!place.in_share) return Ignored(SIDEWALL_REASON_INDEX);
  Request request;
  request.row = FindRegister(place.page, place.offset, &request.index);
  if (request.row == nullptr) return Ignored(SIDEWALL_REASON_UNKNOWN_REGISTER);
  request.instance = instance;
  request.bank = place.page == RegisterPage::kGr1 ? ContextBank{request.index} : place.bank;
  request.offset = offset;
  request.width = width;
  request.high = request.row->width == 8 && (place.offset - request.row->offset) % 8 == 4;
  request.is_write = is_write;
  request.value = value;
  Answer answer;
  if (DecideByTable(smmu, request, &answer)) return answer;
  answer = Dispatch(smmu, request);
  SettleBanks(smmu);
  return answer;
}

void Count(Counters& counters, const Answer& answer) {
  ++counters.by_decision[answer.decision];
  if (answer.reason != SIDEWALL_REASON_NONE) ++counters.by_reason[answer.reason];
}

}  // namespace SIDEWALL_NS
