// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Global configuration and identification. None of what the host writes here reaches hardware.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

// What the host is told that it has: its share of entries and banks, stage 1 in AArch64 format,
// no address translation operations, no secure, extended-ID or 16-bit-VMID extensions.
uint32_t HostIdr(const Smmu& smmu, uint32_t index) {
  const uint32_t real = smmu.idr[index];
  switch (index) {
    case 0: {
      const uint32_t changed = idr0::kNumsmrg.mask() | idr0::kExids.mask() | idr0::kPtfs.mask() |
                               idr0::kAtosns.mask() | idr0::kNts.mask() | idr0::kS2ts.mask() |
                               idr0::kSes.mask();
      return (real & ~changed) | idr0::kNumsmrg.Of(smmu.host_entries) |
             idr0::kPtfs.Of(idr0::kPtfsNoAarch32) | idr0::kAtosns.Of(1);
    }
    case 1:
      return (real & ~(idr1::kNumcb.mask() | idr1::kNums2cb.mask())) |
             idr1::kNumcb.Of(smmu.host_banks);
    case 2:
      return real & ~idr2::kVmid16s.mask();
    default:
      return real;
  }
}

Answer WriteScr0(Smmu& smmu, const Request& request) {
  const uint32_t value = static_cast<uint32_t>(request.value);
  smmu.scr0 = (value & static_cast<uint32_t>(request.row->keep)) | scr0::kSmcfcfg.mask();
  // Shutdown and kexec ask for bypass of everything; they see it, and do not get it.
  const bool against_floor = scr0::kClientPd.Get(value) != 0 || scr0::kUsfcfg.Get(value) == 0;
  Answer answer = Done(SIDEWALL_DECISION_VIRTUAL);
  if (against_floor) answer.reason = SIDEWALL_REASON_FLOOR;
  return answer;
}

}  // namespace

Answer HandleGlobal(Smmu& smmu, const Request& request) {
  switch (request.row->id) {
    case RegisterId::kSCR0:
      return request.is_write ? WriteScr0(smmu, request) : Shown(smmu.scr0);
    case RegisterId::kSCR2:
      if (!request.is_write) return Shown(smmu.scr2);
      smmu.scr2 = static_cast<uint32_t>(request.value & request.row->keep);
      return Done(SIDEWALL_DECISION_VIRTUAL);
    case RegisterId::kSACR:
      if (!request.is_write) return Shown(sacr::kFixed);
      return Ignored(request.value == sacr::kFixed ? SIDEWALL_REASON_NONE : SIDEWALL_REASON_FLOOR);
    case RegisterId::kIdr:
      return Shown(HostIdr(smmu, (request.row->offset - gr0::kIDR0) / 4));
    case RegisterId::kPeripheralId: {
      uint32_t value = 0;
      if (!WindowOf(smmu, request.instance).Read32(request.offset, &value)) return NoAnswer();
      return Shown(value);
    }
    default:
      return Ignored(SIDEWALL_REASON_UNKNOWN_REGISTER);
  }
}

}  // namespace SIDEWALL_NS
