// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the parts of the EL2 image offer each other. The way of a trapped access:
//
//     el2_guest_sync (trap.cc) finds out what trapped,
//     sidewall_handle_dabt (the driver) decides, and stores through
//     sidewall_plat_write32 (platform.cc) into
//     Hardware().Write32 (the model), whose transactions read the machine's real memory.
#ifndef SIDEWALL_REPLAY_BOOT_EL2_H_
#define SIDEWALL_REPLAY_BOOT_EL2_H_

#include <stddef.h>
#include <stdint.h>

#include "model/machine.h"
#include "replay/boot/block.h"

namespace sidewall::boot {

inline Block& Shared() { return *reinterpret_cast<Block*>(kBlock); }

// ---- main.cc
model::Machine& Hardware();
struct sidewall_state* DriverState();
// Init, the first snapshot of the host's memory, finalize. Does not return when one is refused.
void TakeOver();
bool TakenOver();
// Memory that is never given back.
void* Allocate(size_t size, size_t alignment);

// ---- stage2.cc: the guest's own stage 2.
void MakeStage2();
// Takes a page of RAM from the guest's CPU.
void HideFromGuest(uint64_t pa);

// ---- core.cc: pages and their owners, as far as this image has them.
void ResetCore();
uint64_t TakePoolPage();
void ReturnPoolPage(uint64_t pa);
// Tells the driver of [start, end); false when it was not done.
bool Idmap(uint64_t start, uint64_t end, bool map);

// ---- trap.cc
struct Trap {
  struct sidewall_regs* regs;
  uint64_t esr;
  uint64_t ipa;
  uint64_t pc;
  bool from_el0;
};
// Ends the run; the machine goes off.
[[noreturn]] void Finish(Phase phase, uint64_t line, uint64_t at);

// ---- record.cc
uint64_t TimeNs();
uint64_t Instructions();
Row* AddRow(RowKind kind);
// The kernel's stage-1 tables, for the record, as they are before the row that comes next.
void SnapshotTables();
void Log(const char* text, uint64_t a, uint64_t b);

// ---- ring.cc: what the driver's ring has of the access of a row.
void TakeRingRecord(Row* row);

// ---- platform.cc: instructions spent in the model so far.
uint64_t ModelInstructions();

// ---- power.cc: PSCI's SYSTEM_SUSPEND, up to where the kernel is entered again.
void SystemSuspend();

// ---- bench.cc
// A phase begins; the page tables of the kernel are recorded, and the marked page is tried.
void Mark(uint64_t value);
void HandleBench(const Trap& trap);

// ---- dma.cc: what devices send, through the modelled SMMU of their side.
struct Piece {
  uint64_t address = 0;
  uint64_t size = 0;  // within one page
  uint16_t sid = 0;
  uint8_t side = 0;
  bool write = false;
};
model::DmaRequest RequestOf(const Piece& piece);
// False: it was not delivered. Its bytes are moved by the device.
bool Send(const Piece& piece, uint64_t* pa);
uint64_t LeftInPage(uint64_t address);
// From now on, pieces that are delivered on this page are counted as what they are; 0 ends it.
void WatchPage(uint64_t page);
void RaiseSpi(uint32_t line);
// The interrupt line of an instance of an SMMU.
void RaiseContextLine(uint32_t side, uint32_t instance);

// ---- gpcdma.cc, masters.cc: devices.
void HandleGpcdma(const Trap& trap);
void DonateUnderNextTransfer();
void HandleMaster(const Trap& trap);

// ---- secret.cc
void MarkSecret();
// The client that would reach the marked page now, or kNoClient.
uint16_t ProbeSecret();
// Counts where the stream that the hostile program makes its own reaches memory of the host:
// without that, a marked page that nobody reaches proves nothing.
void ProbeControl();

}  // namespace sidewall::boot

#endif  // SIDEWALL_REPLAY_BOOT_EL2_H_
