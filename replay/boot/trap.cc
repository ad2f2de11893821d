// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What comes out of the guest: aborts of stage 2, and calls.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

extern "C" uint64_t el2_smc(uint64_t function, uint64_t a, uint64_t b, uint64_t c);

namespace sidewall::boot {
namespace {

constexpr uint64_t kClassHvc = 0x16;
constexpr uint64_t kClassSmc = 0x17;
constexpr uint64_t kClassInstructionAbort = 0x20;
constexpr uint64_t kClassDataAbort = 0x24;

constexpr uint32_t kPsciSystemOff = 0x84000008;
constexpr uint32_t kPsciSystemReset = 0x84000009;
constexpr uint32_t kPsciFeatures = 0x8400000a;
constexpr uint32_t kPsciSystemSuspend64 = 0xc400000e;
constexpr uint32_t kPsciCpuOn32 = 0x84000003;
constexpr uint32_t kPsciCpuOn64 = 0xc4000003;
constexpr uint64_t kNotSupported = ~uint64_t{0};

constexpr uint64_t kPstateEl1h = 0x3c5;  // EL1, its own stack, D A I F masked
constexpr uint64_t kPstatePan = uint64_t{1} << 22;
constexpr uint64_t kPstateFlags = 0xf0000000;

// A synchronous external abort, as the bus would give it.
void InjectAbort(const Trap& trap, uint64_t abort_class) {
  ++Shared().aborts_injected;
  const uint64_t spsr = ReadSysreg(spsr_el2);
  const uint64_t own = trap.from_el0 ? 0 : 1;
  const uint64_t write = trap.esr & (uint64_t{1} << 6);
  const uint64_t esr = (abort_class + own) << 26 | (trap.esr & (uint64_t{1} << 25)) | write | 0x10;
  uint64_t offset = trap.from_el0 ? 0x400 : 0x200;
  if (!trap.from_el0 && (spsr & 1) == 0) offset = 0;
  WriteSysreg(esr_el1, esr);
  WriteSysreg(far_el1, ReadSysreg(far_el2));
  WriteSysreg(elr_el1, trap.pc);
  WriteSysreg(spsr_el1, spsr);
  WriteSysreg(spsr_el2, kPstateEl1h | (spsr & kPstateFlags) | kPstatePan);
  WriteSysreg(elr_el2, ReadSysreg(vbar_el1) + offset);
}

bool IsWindow(uint64_t ipa) {
  const model::BoardSpec& board = Hardware().board();
  for (size_t i = 0; i < board.smmu_count; ++i) {
    for (size_t n = 0; n < board.smmu[i].instance_count; ++n) {
      if (ipa - board.smmu[i].window[n] < board.smmu[i].window_size) return true;
    }
  }
  for (size_t i = 0; i < board.mc_window_count; ++i) {
    if (board.mc_window[i].Contains(ipa)) return true;
  }
  return false;
}

uint64_t* RegisterOf(const Trap& trap) {
  const uint64_t srt = trap.esr >> 16 & 31;
  return srt == 31 ? nullptr : &trap.regs->x[srt];
}

uint8_t WidthOf(const Trap& trap) {
  const bool valid = (trap.esr >> 24 & 1) != 0;
  return static_cast<uint8_t>(valid ? 1u << (trap.esr >> 22 & 3) : 0);
}

bool IsWrite(const Trap& trap) { return (trap.esr >> 6 & 1) != 0; }

uint64_t ValueOf(const Trap& trap, uint8_t width) {
  const uint64_t* reg = RegisterOf(trap);
  const uint64_t value = width == 0 || reg == nullptr ? 0 : *reg;
  return width == 8 ? value : value & ((uint64_t{1} << (8 * width)) - 1);
}

// What the driver decided: the one counter that is now one more than it was.
template <size_t kCount>
uint8_t Grown(const uint64_t (&before)[kCount], const uint64_t (&after)[kCount], uint8_t none) {
  for (size_t i = 0; i < kCount; ++i) {
    if (after[i] != before[i]) return static_cast<uint8_t>(i);
  }
  return none;
}

// Straight to the hardware, as before a takeover. False: an access that no bus carries.
bool Forward(const Trap& trap, uint8_t width) {
  uint64_t* reg = RegisterOf(trap);
  if (trap.ipa % (width == 0 ? 8 : width) != 0) return false;
  if (IsWrite(trap)) {
    if (width == 4) Hardware().Write32(trap.ipa, static_cast<uint32_t>(ValueOf(trap, 4)));
    if (width == 8) Hardware().Write64(trap.ipa, ValueOf(trap, 8));
    return width == 4 || width == 8;
  }
  uint32_t word = 0;
  uint64_t wide = 0;
  const bool answered = width == 4   ? Hardware().Read32(trap.ipa, &word)
                        : width == 8 ? Hardware().Read64(trap.ipa, &wide)
                                     : false;
  if (answered && reg != nullptr) *reg = width == 4 ? word : wide;
  return answered;
}

uint32_t Handle(const Trap& trap, Row* row) {
  if (!TakenOver()) return Forward(trap, row->width) ? SIDEWALL_OK : SIDEWALL_REFUSED;
  static struct sidewall_counters before;
  static struct sidewall_counters after;
  sidewall_stats(DriverState(), &before);
  const uint64_t model_before = ModelInstructions();
  const uint64_t start = Instructions();
  const uint32_t status = sidewall_handle_dabt(DriverState(), trap.regs, trap.esr, trap.ipa).status;
  const uint64_t spent = Instructions() - start;
  row->model = static_cast<uint32_t>(ModelInstructions() - model_before);
  row->driver = static_cast<uint32_t>(spent) - row->model;
  sidewall_stats(DriverState(), &after);
  row->decision = Grown(before.by_decision, after.by_decision, kNoDecision);
  row->reason = Grown(before.by_reason, after.by_reason, SIDEWALL_REASON_NONE);
  row->status = static_cast<uint8_t>(status);
  if (row->write == 0 && status == SIDEWALL_OK) row->value = ValueOf(trap, row->width);
  TakeRingRecord(row);
  return status;
}

void SnapshotWhenDue(const Trap& trap);

void HandleWindow(const Trap& trap) {
  SnapshotWhenDue(trap);
  Row* row = AddRow(RowKind::kAccess);
  row->ipa = trap.ipa;
  row->pc = trap.pc;
  row->esr = static_cast<uint32_t>(trap.esr);
  row->width = WidthOf(trap);
  row->write = IsWrite(trap) ? 1 : 0;
  if (trap.from_el0) row->flags |= kFlagFromEl0;
  if (row->write != 0) row->value = ValueOf(trap, row->width);
  const uint32_t status = Handle(trap, row);
  row->status = static_cast<uint8_t>(status);
  if (row->write == 0 && status == SIDEWALL_OK) row->value = ValueOf(trap, row->width);
  if ((Shared().modes & kModeProbeSecret) != 0 && trap.from_el0) {
    row->leak = ProbeSecret();
    if (row->leak != kNoClient) ++Shared().secret_leaks;
    ProbeControl();
  }
  if (status == SIDEWALL_OK) {
    WriteSysreg(elr_el2, trap.pc + 4);
  } else {
    InjectAbort(trap, kClassDataAbort);
  }
}

bool g_snapshot_due;

// The tables are exact at a mark and at the first sync of a bank after it.
void SnapshotWhenDue(const Trap& trap) {
  constexpr uint64_t kBankHalf = 0x800000;
  constexpr uint64_t kTlbSync = 0x7f0;
  const uint64_t offset = trap.ipa & 0xffffff;
  if (!g_snapshot_due || offset < kBankHalf || (offset & 0xffff) != kTlbSync) return;
  g_snapshot_due = false;
  SnapshotTables();
}

void HandleDataAbort(const Trap& trap) {
  if (IsWindow(trap.ipa)) return HandleWindow(trap);
  if (trap.ipa - kBench < 0x1000 && WidthOf(trap) == 8) {
    if (IsWrite(trap)) g_snapshot_due = true;
    HandleBench(trap);
    WriteSysreg(elr_el2, trap.pc + 4);
    return;
  }
  const bool plain = WidthOf(trap) == 4;
  if (plain && trap.ipa - kGpcdma < kGpcdmaSize && (Shared().modes & kModeEngine) != 0) {
    HandleGpcdma(trap);
    WriteSysreg(elr_el2, trap.pc + 4);
    return;
  }
  if (WidthOf(trap) != 0 && trap.ipa - kVirtio < kSlots * kSlotSize) {
    HandleMaster(trap);
    WriteSysreg(elr_el2, trap.pc + 4);
    return;
  }
  if (plain && trap.ipa - kResetLine < 0x1000) {
    if (!IsWrite(trap) && RegisterOf(trap) != nullptr) *RegisterOf(trap) = 0;
    WriteSysreg(elr_el2, trap.pc + 4);
    return;
  }
  ++Shared().stray_aborts;
  Log("abort at an address that is nobody's: ipa, pc", trap.ipa, trap.pc);
  InjectAbort(trap, kClassDataAbort);
}

// The kernel comes back at the entry that it gave, as a CPU does that had no power: only x0 and
// what it finds in memory tell it where it was.
void Sleep(const Trap& trap) {
  uint64_t* x = trap.regs->x;
  const uint64_t entry = x[1];
  const uint64_t context = x[2];
  SystemSuspend();
  for (int i = 0; i < 31; ++i) x[i] = 0;
  x[0] = context;
  WriteSysreg(sctlr_el1, kSctlrEl1Reset);
  WriteSysreg(spsr_el2, kPstateEl1h);
  WriteSysreg(elr_el2, entry);
}

void HandleSmc(const Trap& trap) {
  uint64_t* x = trap.regs->x;
  const auto function = static_cast<uint32_t>(x[0]);
  if (function == kPsciSystemOff) Finish(Phase::kOff, 0, 0);
  if (function == kPsciSystemReset) Finish(Phase::kReset, 0, 0);
  if (function == kPsciSystemSuspend64) return Sleep(trap);
  if (function == kPsciFeatures && static_cast<uint32_t>(x[1]) == kPsciSystemSuspend64) {
    x[0] = 0;
    WriteSysreg(elr_el2, trap.pc + 4);
    return;
  }
  const bool another_cpu = function == kPsciCpuOn32 || function == kPsciCpuOn64;
  x[0] = another_cpu ? kNotSupported : el2_smc(x[0], x[1], x[2], x[3]);
  WriteSysreg(elr_el2, trap.pc + 4);
}

}  // namespace

void Finish(Phase phase, uint64_t line, uint64_t at) {
  Block& block = Shared();
  block.phase = phase;
  block.failed_line = static_cast<uint32_t>(line);
  block.failed_at = at;
  block.failed_pc = ReadSysreg(elr_el2);
  block.ended_ns = TimeNs();
  if (TakenOver()) sidewall_stats(DriverState(), &block.counters);
  DsbSy();
  el2_smc(kPsciSystemOff, 0, 0, 0);
  for (;;) asm volatile("wfi");
}

}  // namespace sidewall::boot

using sidewall::boot::Finish;
using sidewall::boot::Phase;
using sidewall::boot::Trap;

extern "C" void el2_guest_sync(struct sidewall_regs* regs) {
  Trap trap;
  trap.regs = regs;
  trap.esr = ReadSysreg(esr_el2);
  trap.pc = ReadSysreg(elr_el2);
  trap.from_el0 = (ReadSysreg(spsr_el2) & 0xf) == 0;
  trap.ipa = (ReadSysreg(hpfar_el2) & 0xfffffffff0) << 8 | (ReadSysreg(far_el2) & 0xfff);
  switch (trap.esr >> 26 & 0x3f) {
    case sidewall::boot::kClassDataAbort:
      return sidewall::boot::HandleDataAbort(trap);
    case sidewall::boot::kClassSmc:
      return sidewall::boot::HandleSmc(trap);
    case sidewall::boot::kClassHvc:
      regs->x[0] = sidewall::boot::kNotSupported;
      return;
    case sidewall::boot::kClassInstructionAbort:
      return sidewall::boot::InjectAbort(trap, sidewall::boot::kClassInstructionAbort);
    default:
      Finish(Phase::kImageFault, 0, trap.esr);
  }
}

extern "C" void el2_exception() { Finish(Phase::kImageFault, 1, ReadSysreg(esr_el2)); }
