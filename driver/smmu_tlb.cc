// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// TLB maintenance. Entries are tagged by VMID, not by bank, and all streams of the host share one
// VMID; so what the host asks for is confined to that VMID, and goes to every instance.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

// A poll takes at least a read and sidewall_plat_relax. The count bounds the wait should the clock
// stand still; running into it early is a time-out, which is safe.
bool WaitForSync(Smmu& smmu) {
  const uint64_t start = sidewall_plat_time_us(smmu.ctx);
  uint32_t active = (1u << smmu.instance_count) - 1u;
  for (uint32_t poll = 0; poll <= smmu.poll_limit_us; ++poll) {
    for (uint32_t i = 0; i < smmu.instance_count; ++i) {
      uint32_t status = kStatusActive;
      if ((active & (1u << i)) == 0) continue;
      if (!WindowOf(smmu, i).Read32(gr0::kTLBGSTATUS, &status)) continue;
      if ((status & kStatusActive) == 0) active &= ~(1u << i);
    }
    if (active == 0) return true;
    if (sidewall_plat_time_us(smmu.ctx) - start > smmu.poll_limit_us) return false;
    sidewall_plat_relax(smmu.ctx);
  }
  return false;
}

// A 32-bit store to the lower half acts with the upper half zero; one to the upper half is ignored.
Answer ForwardBank64(Smmu& smmu, const Request& request) {
  const uint32_t offset = BankRegister(smmu, request.bank, request.row->offset);
  if (request.high) return Ignored(SIDEWALL_REASON_NONE);
  if (request.width == 8) {
    WriteAll64(smmu, offset, request.value);
  } else {
    WriteAll32(smmu, offset, static_cast<uint32_t>(request.value));
  }
  return Done(SIDEWALL_DECISION_FORWARDED);
}

Answer ReadStatus(Smmu& smmu, const Request& request) {
  uint32_t status = 0;
  if (!WindowOf(smmu, request.instance).Read32(request.offset, &status)) return NoAnswer();
  return Shown(status & kStatusActive);
}

}  // namespace

bool SyncAll(Smmu& smmu) {
  if (!smmu.reachable) {
    if (smmu.closed) smmu.clock.Completed();
    return smmu.closed;
  }
  ++WorkOf(smmu).syncs;
  WriteAll32(smmu, gr0::kTLBGSYNC, 0);
  const bool done = WaitForSync(smmu);
  if (done) smmu.clock.Completed();
  if (!done) ++WorkOf(smmu).sync_timeouts;
  smmu.degraded = !done;
  return done;
}

bool FlushHost(Smmu& smmu) {
  WriteAll32(smmu, gr0::kTLBIVMID, smmu.host_vmid.value);
  return SyncAll(smmu);
}

bool FlushEverything(Smmu& smmu) {
  WriteAll32(smmu, gr0::kTLBIALLH, 0);
  WriteAll32(smmu, gr0::kTLBIALLNSNH, 0);
  return SyncAll(smmu);
}

bool FlushVmid(Smmu& smmu, Vmid vmid) {
  WriteAll32(smmu, gr0::kTLBIVMID, vmid.value);
  return SyncAll(smmu);
}

Answer HandleInvalidate(Smmu& smmu, const Request& request) {
  switch (request.row->id) {
    case RegisterId::kTlbiVmid:
    case RegisterId::kTlbiAllNsnh:
      WriteAll32(smmu, gr0::kTLBIVMID, smmu.host_vmid.value);
      return Done(SIDEWALL_DECISION_COMPOSED);
    case RegisterId::kTlbiVmidS1:
      WriteAll32(smmu, gr0::kTLBIVMIDS1, smmu.host_vmid.value);
      return Done(SIDEWALL_DECISION_COMPOSED);
    case RegisterId::kTlbiForeign:
    case RegisterId::kTlbiStage2:
      return Done(SIDEWALL_DECISION_VIRTUAL);
    case RegisterId::kTlbGSync:
      WriteAll32(smmu, gr0::kTLBGSYNC, 0);
      return Done(SIDEWALL_DECISION_FORWARDED);
    case RegisterId::kTlbiBank64:
      return ForwardBank64(smmu, request);
    case RegisterId::kTlbiBank32:
      WriteAll32(smmu, BankRegister(smmu, request.bank, request.row->offset),
                 static_cast<uint32_t>(request.value & request.row->keep));
      return Done(SIDEWALL_DECISION_FORWARDED);
    case RegisterId::kTlbSync:
      WriteAll32(smmu, BankRegister(smmu, request.bank, cb::kTLBSYNC), 0);
      return Done(SIDEWALL_DECISION_FORWARDED);
    case RegisterId::kTlbGStatus:
    case RegisterId::kTlbStatus:
      return ReadStatus(smmu, request);
    default:
      return Ignored(SIDEWALL_REASON_UNKNOWN_REGISTER);
  }
}

}  // namespace SIDEWALL_NS
