// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The test bench: a page of registers through which the guest's own program says where it is, and
// asks for what a hypervisor would do of its own accord.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

namespace sidewall::boot {
namespace {

uint64_t g_result;

bool Command(uint64_t command) {
  switch (command) {
    case kCommandTakeOver:
      if (TakenOver()) return false;
      TakeOver();
      return true;
    case kCommandDonateNext:
      DonateUnderNextTransfer();
      return TakenOver();
    default:
      return false;
  }
}

void Write(uint64_t offset, uint64_t value) {
  if (offset == kBenchMark) Mark(value);
  if (offset == kBenchCommand) g_result = Command(value) ? 0 : 1;
  if (offset == kBenchAttempts) Shared().attempts = value;
}

uint64_t Read(uint64_t offset) {
  if (offset == kBenchResult) return g_result;
  if (offset == kBenchSecret) return kSecretPage;
  if (offset == kBenchModes) return Shared().modes;
  return 0;
}

}  // namespace

void Mark(uint64_t value) {
  SnapshotTables();
  Row* row = AddRow(RowKind::kMark);
  row->value = value;
  // Between marks only the accesses of the hostile program are followed by a try.
  if (TakenOver()) row->leak = ProbeSecret();
  if (row->leak != kNoClient) ++Shared().secret_leaks;
  if (value == kMarkUserSpace) Shared().user_space_ns = TimeNs();
}

void HandleBench(const Trap& trap) {
  const uint64_t offset = trap.ipa - kBench;
  const uint64_t srt = trap.esr >> 16 & 31;
  if ((trap.esr >> 6 & 1) != 0) {
    Write(offset, srt == 31 ? 0 : trap.regs->x[srt]);
  } else if (srt != 31) {
    trap.regs->x[srt] = Read(offset);
  }
}

}  // namespace sidewall::boot
