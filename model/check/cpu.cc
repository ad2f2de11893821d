// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/cpu.h"

#include <cstring>

namespace sidewall::check {
namespace {

// The granule codes of TG0 (also of VTCR_EL2) and of TG1 differ.
uint64_t GranuleCode0(unsigned page_bits) { return page_bits == 12 ? 0 : 1; }
uint64_t GranuleCode1(unsigned page_bits) { return page_bits == 12 ? 2 : 3; }

constexpr uint64_t kSctlrReserved = 0x30d00800;  // what reads as one
constexpr uint64_t kHcrAarch64 = uint64_t{1} << 31;
constexpr uint64_t kVtcrReserved = uint64_t{1} << 31;

}  // namespace

CpuRegisters RegistersOf(const Case& one) {
  const Stage1& first = one.stage1;
  const Stage2& second = one.stage2;
  CpuRegisters registers = {};
  registers.sctlr = kSctlrReserved | uint64_t{first.on} | uint64_t{first.wxn} << 19;
  registers.tcr = uint64_t{first.size[0] & 63} | uint64_t{first.disabled[0]} << 7 |
                  uint64_t{first.walk_attr & 63} << 8 | GranuleCode0(first.granule[0]) << 14 |
                  uint64_t{first.size[1] & 63} << 16 | uint64_t{first.asid_of_one} << 22 |
                  uint64_t{first.disabled[1]} << 23 | uint64_t{first.walk_attr >> 6 & 63} << 24 |
                  GranuleCode1(first.granule[1]) << 30 | uint64_t{first.output} << 32 |
                  uint64_t{first.top_byte[0]} << 37 | uint64_t{first.top_byte[1]} << 38;
  registers.ttbr0 = uint64_t{first.asid[0]} << 48 | first.root[0];
  registers.ttbr1 = uint64_t{first.asid[1]} << 48 | first.root[1];
  registers.mair = first.mair;
  registers.hcr = kHcrAarch64 | uint64_t{second.on} | uint64_t{second.protect_walk} << 2;
  registers.vtcr = kVtcrReserved | uint64_t{second.size & 63} | uint64_t{second.start} << 6 |
                   uint64_t{second.walk_attr} << 8 | GranuleCode0(second.granule) << 14 |
                   uint64_t{second.output} << 16;
  registers.vttbr = uint64_t{second.vmid} << 48 | second.root;
  return registers;
}

bool AppendCase(const Case& one, Batch* batch, uint32_t* store_count) {
  if (batch->case_count == kBatchCases || *store_count + one.stores.size() > kBatchStores) {
    return false;
  }
  const CpuRegisters registers = RegistersOf(one);
  BatchCase& to = batch->cases[batch->case_count++];
  to = {registers.sctlr,
        registers.tcr,
        registers.ttbr0,
        registers.ttbr1,
        registers.mair,
        registers.hcr,
        registers.vtcr,
        registers.vttbr,
        one.address,
        one.operation,
        *store_count,
        static_cast<uint32_t>(one.stores.size()),
        1};
  if (!one.stores.empty()) {
    std::memcpy(batch->stores + *store_count, one.stores.data(),
                one.stores.size() * sizeof(TableStore));
  }
  *store_count += to.store_count;
  return true;
}

namespace {

// The status codes of PAR_EL1.FST and ESR_ELx.DFSC; the low two bits are the level where there is
// one.
void DecodeStatus(uint32_t code, Answer* answer) {
  answer->level = code & 3;
  switch (code >> 2) {
    case 0:
      answer->fault = Fault::kAddressSize;
      break;
    case 1:
      answer->fault = Fault::kTranslation;
      break;
    case 2:
      answer->fault = Fault::kAccessFlag;
      break;
    case 3:
      answer->fault = Fault::kPermission;
      break;
    case 5:
      answer->fault = Fault::kExternal;
      break;
    default:
      answer->fault = Fault::kOther;
      break;
  }
}

}  // namespace

Answer AnswerOf(const BatchResult& result) {
  Answer answer;
  if (result.esr != 0) {
    // A data abort from the same level; anything else says that the image went wrong.
    constexpr uint64_t kDataAbort = 0x25;
    DecodeStatus(static_cast<uint32_t>(result.esr & 0x3f), &answer);
    if (result.esr >> 26 != kDataAbort) answer.fault = Fault::kOther;
    answer.stage1_walk = (result.esr >> 7 & 1) != 0;
    return answer;
  }
  if ((result.par & 1) == 0) {
    answer.page = result.par & 0x0000fffffffff000;
    answer.attribute = static_cast<uint8_t>(result.par >> 56);
    answer.shareability = static_cast<uint8_t>(result.par >> 7 & 3);
    return answer;
  }
  DecodeStatus(static_cast<uint32_t>(result.par >> 1 & 0x3f), &answer);
  answer.stage = (result.par >> 9 & 1) != 0 ? 2 : 1;
  answer.stage1_walk = (result.par >> 8 & 1) != 0;
  return answer;
}

}  // namespace sidewall::check
