// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The host's context banks. In hardware each is nested over the host's stage 2 for ever (CBAR and
// CBA2R are written once, at takeover); what the host writes to CBAR and CBA2R only decides whether
// an S2CR may name the bank. Its stage-1 registers go through: whatever they say, every access,
// those of the table walk included, passes the stage 2.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

Answer WriteSctlr(Smmu& smmu, const Request& request) {
  const Bank& bank = smmu.bank[request.bank.value];
  ChangeSctlr(smmu, request.bank, static_cast<uint32_t>(request.value & request.row->keep));
  Answer answer = Done(bank.users != 0 ? SIDEWALL_DECISION_COMPOSED : SIDEWALL_DECISION_VIRTUAL);
  if (sctlr::kCfcfg.Get(bank.sctlr) != 0) answer.reason = SIDEWALL_REASON_FLOOR;
  return answer;
}

Answer WriteAttribute(Smmu& smmu, const Request& request) {
  Bank& bank = smmu.bank[request.bank.value];
  const bool is_cbar = request.row->id == RegisterId::kCBAR;
  uint32_t& target = is_cbar ? bank.cbar : bank.cba2r;
  const uint32_t value = static_cast<uint32_t>(request.value & request.row->keep);
  const uint32_t old = target;
  const bool was_legal = BankIsLegal(smmu, request.bank);
  target = value;
  const bool is_legal = BankIsLegal(smmu, request.bank);
  if (was_legal && !is_legal) {
    // While the streams move to fault, the bank must still be what it was for them.
    target = old;
    ReleaseBank(smmu, request.bank);
    target = value;
  }
  if (!was_legal && is_legal) ComposeBankEntries(smmu, request.bank);
  Answer answer = Done(SIDEWALL_DECISION_VIRTUAL);
  const uint32_t type = cbar::kType.Get(value);
  if (is_cbar && (type == cbar::kTypeStage2 || type == cbar::kTypeNested)) {
    answer.reason = SIDEWALL_REASON_CONTEXT;
  }
  return answer;
}

uint64_t* Shadow64(Bank& bank, RegisterId id) {
  switch (id) {
    case RegisterId::kTTBR0:
      return &bank.ttbr0;
    case RegisterId::kTTBR1:
      return &bank.ttbr1;
    default:
      return nullptr;
  }
}

uint32_t* Shadow32(Bank& bank, RegisterId id) {
  switch (id) {
    case RegisterId::kTCR:
      return &bank.tcr;
    case RegisterId::kTCR2:
      return &bank.tcr2;
    case RegisterId::kMAIR0:
      return &bank.mair0;
    case RegisterId::kMAIR1:
      return &bank.mair1;
    case RegisterId::kCONTEXTIDR:
      return &bank.contextidr;
    default:
      return nullptr;
  }
}

// The order of halves is the host's, so hardware gets each half as it comes.
Answer AccessShadow64(Smmu& smmu, const Request& request, uint64_t* shadow) {
  if (!request.is_write) return Shown(Slice(request, *shadow));
  *shadow = Merge(request, *shadow) & request.row->keep;
  const uint32_t offset = BankRegister(smmu, request.bank, request.row->offset);
  if (request.width == 8) {
    WriteAll64(smmu, offset, *shadow);
  } else {
    WriteAll32(smmu, offset + (request.high ? 4 : 0),
               static_cast<uint32_t>(Slice(request, *shadow)));
  }
  return Done(SIDEWALL_DECISION_FORWARDED);
}

Answer AccessShadow32(Smmu& smmu, const Request& request, uint32_t* shadow) {
  if (!request.is_write) return Shown(*shadow);
  *shadow = static_cast<uint32_t>(request.value & request.row->keep);
  WriteAll32(smmu, BankRegister(smmu, request.bank, request.row->offset), *shadow);
  return Done(SIDEWALL_DECISION_FORWARDED);
}

}  // namespace

uint32_t HardwareSctlr(uint32_t wanted) { return wanted & sctlr::kStage1 & ~sctlr::kCfcfg.mask(); }

Answer HandleBank(Smmu& smmu, const Request& request) {
  Bank& bank = smmu.bank[request.bank.value];
  switch (request.row->id) {
    case RegisterId::kSCTLR:
      return request.is_write ? WriteSctlr(smmu, request) : Shown(bank.sctlr);
    case RegisterId::kCBAR:
      return request.is_write ? WriteAttribute(smmu, request) : Shown(bank.cbar);
    case RegisterId::kCBA2R:
      return request.is_write ? WriteAttribute(smmu, request) : Shown(bank.cba2r);
    case RegisterId::kACTLR:
      if (!request.is_write) return Shown(actlr::kFixed);
      return Ignored(request.value == actlr::kFixed ? SIDEWALL_REASON_NONE : SIDEWALL_REASON_FLOOR);
    default:
      break;
  }
  if (uint64_t* shadow = Shadow64(bank, request.row->id)) {
    return AccessShadow64(smmu, request, shadow);
  }
  if (uint32_t* shadow = Shadow32(bank, request.row->id)) {
    return AccessShadow32(smmu, request, shadow);
  }
  return Ignored(SIDEWALL_REASON_UNKNOWN_REGISTER);
}

}  // namespace SIDEWALL_NS
