// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The memory that the EL2 image shares with the tool that started it: what to do, and what came of
// it. The tool maps the machine's RAM, so nothing has to be carried out of the machine.
//
//     Block* block = BlockIn(ram);                      // ram: the machine's, mapped
//     block->magic = kBlockMagic;
//     block->kernel = 0x40200000;
//     ... the machine runs and switches itself off ...
//     for (uint64_t i = 0; i < block->row_count; ++i) Use(RowsIn(ram)[i]);
#ifndef SIDEWALL_REPLAY_BOOT_BLOCK_H_
#define SIDEWALL_REPLAY_BOOT_BLOCK_H_

#include <stddef.h>
#include <stdint.h>

#include "sidewall/driver.h"

namespace sidewall::boot {

// ---- Where things are. RAM of the machine; up to kPool it is that of board `tegra234-virt`.
inline constexpr uint64_t kRam = 0x40000000;
inline constexpr uint64_t kRamSize = 0x80000000;
inline constexpr uint64_t kKernel = 0x40200000;
inline constexpr uint64_t kDeviceTree = 0x4be00000;
inline constexpr uint64_t kDeviceTreeLimit = 0x4c000000;  // 2 MiB, as the boot protocol wants
inline constexpr uint64_t kInitrd = 0x4c000000;
inline constexpr uint64_t kInitrdLimit = 0x54000000;
// Memory of a guest that is not there: the kernel is told to leave it alone. Its first page is the
// marked one; the others are for pages that change owner while the kernel runs.
inline constexpr uint64_t kCarveOut = 0xaff00000;
inline constexpr uint64_t kCarveOutSize = 0x100000;
inline constexpr uint64_t kSecretPage = kCarveOut;
inline constexpr uint64_t kSecretWord = 0x5ec2e75ec2e75ec2;  // of which it is full
inline constexpr uint64_t kHostRamEnd = 0xb0000000;
inline constexpr uint64_t kPool = 0xb0000000;
inline constexpr uint64_t kPoolSize = 0x1000000;
inline constexpr uint64_t kImage = 0xb1000000;
inline constexpr uint64_t kBlock = 0xb2000000;
inline constexpr uint64_t kLog = 0xb2010000;
inline constexpr uint64_t kLogSize = 0xf0000;
inline constexpr uint64_t kTables = 0xb2100000;
inline constexpr uint64_t kTablesSize = 0x3f00000;
inline constexpr uint64_t kRows = 0xb6000000;
inline constexpr uint64_t kRowsSize = 0x6000000;
inline constexpr uint64_t kHeap = 0xbc000000;
inline constexpr uint64_t kHeapSize = 0x4000000;

// ---- What the kernel sees at other addresses than the machine has it.
inline constexpr uint64_t kGicDistributor = 0x0f400000;
inline constexpr uint64_t kGicRedistributor = 0x0f440000;
inline constexpr uint64_t kUart = 0x031d0000;
inline constexpr uint64_t kVirtio = 0x0a000000;
// GPCDMA, and the test bench through which programs of the guest talk to EL2.
inline constexpr uint64_t kGpcdma = 0x02600000;
inline constexpr uint64_t kGpcdmaSize = 0x210000;
inline constexpr uint64_t kBench = 0x03f00000;
inline constexpr uint64_t kResetLine = 0x03f10000;  // a reset line that resets nothing

// ---- The masters, one on each SMMU: network devices over virtio's registers, which EL2 answers.
struct Master {
  uint32_t slot;  // of the registers, and of the interrupt line
  uint8_t side;
  uint16_t sid;
  uint16_t client[2];  // of the memory controller
};
// Streams of MGBE 0, SDMMC 4 and the display.
inline constexpr Master kMasters[] = {
    {31, 1, 0x06, {0x58, 0x5c}},
    {30, 0, 0x02, {0x63, 0x67}},
    {29, 2, 0x01, {0x92, 0xa1}},
};
inline constexpr uint64_t kSlotSize = 0x200;
inline constexpr uint64_t kSlots = 32;

// ---- The bench's registers, 64 bits wide.
inline constexpr uint64_t kBenchMark = 0x00;      // W: a phase begins
inline constexpr uint64_t kBenchCommand = 0x08;   // W: one of kCommand*
inline constexpr uint64_t kBenchResult = 0x18;    // R: of the last command, 0 when it was done
inline constexpr uint64_t kBenchSecret = 0x20;    // R: address of the marked page
inline constexpr uint64_t kBenchModes = 0x28;     // R: kMode*
inline constexpr uint64_t kBenchAttempts = 0x30;  // W: how many accesses the program made
inline constexpr uint64_t kCommandTakeOver = 1;
inline constexpr uint64_t kCommandDonateNext = 2;  // give away the page under the next transfer

// ---- Transfers that the kernel's dmatest makes, in this order.
struct DmatestRun {
  const char* name;
  const char* channel;
  uint32_t tests;
};
inline constexpr DmatestRun kRunPlain = {"plain", "dma0chan1", 50};
inline constexpr DmatestRun kRunOther = {"plain, another channel", "dma0chan2", 50};
inline constexpr DmatestRun kRunDonated = {"with a page given away", "dma0chan3", 1};
inline constexpr DmatestRun kRunAgain = {"again", "dma0chan1", 20};
inline constexpr DmatestRun kRunAwake = {"after sleep", "dma0chan2", 20};
inline constexpr DmatestRun kRunAttacked = {"after the attack", "dma0chan1", 20};

// The stream, of no master, that the hostile program makes its own.
inline constexpr uint16_t kHostileSid = 0x33;

inline constexpr uint64_t kModeHostile = 1;
inline constexpr uint64_t kModeLateTakeover = 2;
inline constexpr uint64_t kModeEngine = 8;       // there is a GPCDMA engine
inline constexpr uint64_t kModeDmatest = 16;     // and a kernel that has a driver for it
inline constexpr uint64_t kModeProbeSecret = 4;  // try the marked page after every trapped access

// Marks that the guest's program sets.
inline constexpr uint64_t kMarkUserSpace = 0x1;
inline constexpr uint64_t kMarkMasters = 0x2;
inline constexpr uint64_t kMarkHostile = 0x10;
inline constexpr uint64_t kMarkHostileDone = 0x11;
inline constexpr uint64_t kMarkDmatest = 0x20;
inline constexpr uint64_t kMarkDonated = 0x21;
inline constexpr uint64_t kMarkDmatestAgain = 0x22;
inline constexpr uint64_t kMarkSuspend = 0x23;
inline constexpr uint64_t kMarkSleep = 0x24;  // of the whole machine
inline constexpr uint64_t kMarkAwake = 0x25;  // set by EL2, before the kernel goes on
inline constexpr uint64_t kMarkAfterSleep = 0x26;
inline constexpr uint64_t kMarkTakenOver = 0x30;
inline constexpr uint64_t kMarkDone = 0xff;

// ---- What the image tells.
inline constexpr size_t kWindows = 5;  // of SMMUs: twice the side, plus the instance

enum class Phase : uint32_t {
  kNotStarted = 0,
  kStarted = 1,    // EL2 runs
  kTakenOver = 2,  // the driver's init is done
  kFinalized = 3,  // and its finalize: it is up
  kGuest = 4,      // the kernel was entered
  kOff = 5,        // the guest switched the machine off
  kReset = 6,      // the guest asked for a reset, which is how a panic ends
  kDriverPanic = 7,
  kCallFailed = 8,  // init, finalize or an idmap call was not OK
  kImageFault = 9,  // EL2 itself met an exception
};

// How a piece of a transfer ended: the first eight as traces number them.
inline constexpr uint8_t kDmaOk = 0;
inline constexpr uint8_t kDmaUnmatched = 1;
inline constexpr uint8_t kDmaFaultEntry = 2;
inline constexpr uint8_t kDmaBankOff = 3;
inline constexpr uint8_t kDmaRange = 4;
inline constexpr uint8_t kDmaTranslation = 5;
inline constexpr uint8_t kDmaPermission = 6;
inline constexpr uint8_t kDmaAccessFlag = 7;
inline constexpr uint8_t kDmaStage2 = 8;

enum class RowKind : uint8_t { kAccess = 0, kMark = 1, kDma = 2 };

inline constexpr uint8_t kFlagFromEl0 = 1;
inline constexpr uint8_t kFlagRing = 4;    // the driver's ring has this very access
inline constexpr uint8_t kFlagRaw = 0x80;  // of all rows: there was no driver yet
inline constexpr uint8_t kViaFlags = 0x03;
inline constexpr uint8_t kNoDecision = 0xff;
inline constexpr uint16_t kNoClient = 0xffff;

// One access that trapped, one mark, or one piece of a transfer.
struct Row {
  uint64_t time_ns;
  uint64_t ipa;    // of a transfer: the address that the device drove
  uint64_t value;  // of a transfer: where it was delivered
  uint64_t pc;
  uint64_t hw_value;  // what reached hardware, as the driver's ring has it
  uint32_t esr;       // of a transfer: its length
  uint32_t driver;    // instructions of the driver; of a transfer: the bank
  uint32_t model;     // instructions of the model underneath
  uint16_t reason;    // enum sidewall_reason; of a transfer: the SID
  uint16_t leak;      // client that reached the marked page after this access, or kNoClient
  RowKind kind;
  uint8_t width;  // of a transfer: the window
  uint8_t write;
  uint8_t decision;  // enum sidewall_decision; of a transfer: the level of the walk that faulted
  uint8_t status;    // enum sidewall_status; of a transfer: its outcome, as in traces
  uint8_t flags;     // of a transfer, in kViaFlags: 0 no context, 1 bypass, 2 through the bank
  uint8_t cpu;
  uint8_t reserved;
};
static_assert(sizeof(Row) == 64);

// A page of the kernel's page tables, as it was before row `row`; `count` pairs follow.
struct TableHead {
  uint64_t row;
  uint64_t pa;
  uint32_t level;
  uint32_t count;
};
struct TableEntry {
  uint64_t index;
  uint64_t value;
};

inline constexpr uint64_t kBlockMagic = 0x53774c6c426f6f74;
inline constexpr uint32_t kBlockAbi = 3;

struct Block {
  // From the tool.
  uint64_t magic;
  uint32_t abi;
  uint32_t modes;
  uint64_t kernel;
  uint64_t device_tree;
  // From the image.
  Phase phase;
  uint32_t failed_line;  // of a panic, or the `progress` of a call that failed
  uint64_t failed_at;    // kImageFault: ESR; kCallFailed: status
  uint64_t failed_pc;
  uint64_t row_count;
  uint64_t rows_lost;
  uint64_t table_bytes;
  uint64_t tables_lost;
  uint64_t log_bytes;
  uint64_t ring_records;  // of the driver's ring, one after each access
  uint64_t ring_others;   // that were of another access than EL2 saw
  uint64_t ring_missing;  // accesses without one
  uint64_t notified;      // faults that the driver told EL2 of
  uint64_t attempts;      // as the hostile program counted them
  uint64_t secret_tries;  // transactions tried against it
  uint64_t secret_leaks;  // trapped accesses after which one would have been delivered
  uint64_t dma_pieces;
  uint64_t dma_faults;
  uint64_t donated_transfers;  // under which the page was given away
  uint64_t donated_page;       // which page, of which address of the device,
  uint64_t donated_iova;
  uint64_t donated_row;        // and from which row on
  uint64_t donated_delivered;  // pieces that were delivered on it while it was away
  uint64_t donated_words;      // of it, found where the transfer was to put its bytes
  uint64_t donated_completed;  // transfers that the engine took to their end all the same
  // Accesses after which the attacker's own stream reached the host's memory, by SMMU window.
  uint64_t control_hits[kWindows];
  uint64_t guest_started_ns;
  uint64_t user_space_ns;
  uint64_t ended_ns;
  uint64_t boot_instructions;  // of init, the first snapshot and finalize
  uint64_t aborts_injected;
  uint64_t stray_aborts;  // at addresses that are nobody's
  uint64_t system_suspends;
  uint64_t power_cuts;          // of one SMMU
  uint64_t power_calls_failed;  // suspend and resume that were not OK
  struct sidewall_counters counters;
};
static_assert(sizeof(Block) < kLog - kBlock);

// With the machine's RAM at `ram`.
inline uint8_t* At(void* ram, uint64_t address) {
  return static_cast<uint8_t*>(ram) + (address - kRam);
}
inline Block* BlockIn(void* ram) { return reinterpret_cast<Block*>(At(ram, kBlock)); }

}  // namespace sidewall::boot

#endif  // SIDEWALL_REPLAY_BOOT_BLOCK_H_
