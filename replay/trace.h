// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A register trace of a booting kernel: what it wrote, what it read, the DMA that ran meanwhile,
// and the page tables as they were. A canonical trace is text, one record a line:
//
//     # sidewall-trace v1
//     # machine: Linux in QEMU, not a board
//     ...
//     W 4 0.452001232 cpu0 niso0 +0xc04 0x00010000 ; S2CR[1] TYPE=1 <arm_smmu_write_s2cr>
//     R 4 0.452003344 cpu0 niso0 +0x48 0x00000000 ; sGFSR <nvidia_smmu_global_fault>
//     mark 0.881447456 cpu0 0x1
//     table 0x40e7f000 L1 511=0x80000040e80003
//     dma 9.428035712 niso0 sid=0x4 R 128 0x1000 -> translation-L1 cb0
//     hw.fault 6.350730640 niso0 bank=0 fsr=0x2 fsynr0=0x11 far=0xdead0000 sid=0x4
//
//     Trace trace;
//     TraceError error;
//     if (!ReadTrace("boot.trace.zst", &trace, &error)) Fail(error.Text());
//
// What follows ` ; ` is for people and is not read. Every record is on its own line with its own
// time, times only increase, and the head says how many records of each kind there are and, in its
// last line, what all other lines hash to: a file that was cut, reordered or edited is refused. So
// is one with nothing to replay, or whose head lacks a line, has one twice, or does not fit its
// board.
#ifndef SIDEWALL_REPLAY_TRACE_H_
#define SIDEWALL_REPLAY_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/event.h"

namespace sidewall::replay {

// A register access of the kernel.
struct AccessRecord {
  bool write = false;
  uint8_t width = 4;  // bytes
  Window window = Window::kNiso1;
  uint32_t offset = 0;
  uint64_t value = 0;
};

// Where the captured script said that a phase begins.
struct MarkRecord {
  uint64_t value = 0;
};

// How a transfer ended, in the words of the recorder.
enum class DmaOutcome : uint8_t {
  kOk,
  kUnmatchedSid,
  kS2crFault,
  kBankOff,
  kIovaRange,
  kTranslation,
  kPermission,
  kAccessFlag,
};
enum class DmaVia : uint8_t { kNone, kBypass, kBank };

// One piece of a transfer, within one 4 KiB page.
struct DmaRecord {
  Window window = Window::kNiso1;  // the instance that carried it
  uint16_t sid = 0;
  bool write = false;
  uint32_t length = 0;
  uint64_t iova = 0;
  DmaOutcome outcome = DmaOutcome::kOk;
  uint8_t level = 0;  // of a walk that faulted
  uint64_t pa = 0;    // where it went, when kOk
  DmaVia via = DmaVia::kNone;
  uint16_t bank = 0;  // when via is kBank
};

// One page of a page table; it replaces what was known of that page.
struct TableRecord {
  uint64_t pa = 0;
  uint8_t level = 0;
  std::vector<std::pair<uint16_t, uint64_t>> entries;  // by index; those not listed are zero
};

// A fault that the machine raised without a transfer in the trace.
struct FaultRecord {
  Window window = Window::kNiso1;
  uint16_t bank = kGlobalFault;
  uint32_t fsr = 0;
  uint32_t fsynr0 = 0;
  uint64_t far = 0;
  uint16_t sid = 0;
};

struct Record {
  uint64_t time_ns = 0;  // 0 for tables: they belong to the record that follows
  uint8_t cpu = 0;
  size_t line = 0;  // in the text, from 1; set by the reader
  std::variant<AccessRecord, MarkRecord, DmaRecord, TableRecord, FaultRecord> body;
  std::string caller;  // function of the kernel, for people
};

struct TraceCounts {
  uint64_t smmu = 0;  // accesses to SMMU windows
  uint64_t mc = 0;    // accesses to windows of the memory controller
  uint64_t marks = 0;
  uint64_t dma = 0;
  uint64_t dma_faults = 0;
  uint64_t hw_faults = 0;
  uint64_t tables = 0;
  uint64_t left_out = 0;  // rows of the source that are of neither SMMU nor MC
  bool operator==(const TraceCounts&) const = default;
};

// Provenance, from the lines at the head.
struct TraceHead {
  std::string machine;  // "Linux in QEMU, not a board", or the board
  std::string kernel;
  std::string board;    // the BoardSpec to replay it on
  std::string ram;      // "0x40000000-0xb0000000", comma separated
  std::string capture;  // tool, or "not recorded"
  std::string date;     // or "not recorded"
  std::string source;   // files with their hashes
  std::string tables;   // "recorded" or "synthesised"
  uint64_t lost = 0;    // events that the capture tool lost
  TraceCounts counts;
  std::string hash;  // "sha256:..." of all lines but this one
};

struct Trace {
  TraceHead head;
  std::vector<Record> records;
};

// What is wrong, where, and what to do about it.
struct TraceError {
  std::string file;
  size_t line = 0;  // 0: the file as a whole
  std::string what;
  std::string hint;
  std::string Text() const;
};

// Plain text or zstd, told apart by the first bytes.
bool ReadTrace(const std::string& path, Trace* trace, TraceError* error);
bool ParseTrace(std::string_view text, Trace* trace, TraceError* error);

// The canonical text. Counts and hash are computed from the records, whatever the head says.
std::string FormatTrace(const Trace& trace);
std::string FormatRecord(const Record& record);
TraceCounts CountRecords(const std::vector<Record>& records, uint64_t left_out);

// Writes FormatTrace through zstd (or plain, when `path` does not end in .zst) to a new file that
// then takes the place of `path`, with its mode: no half-written file is left behind. A symbolic
// link stays one, what it leads to is replaced; a device or FIFO is written to as it is.
bool WriteTrace(const std::string& path, const Trace& trace, TraceError* error);

// "S2CR[5] TYPE=1 CBNDX=3": the register's name and the fields that are not zero.
std::string DescribeAccess(Window window, uint32_t offset, uint64_t value);

// Every fault that the kernel reads must have one cause in the trace, a transfer that faulted or
// a hw.fault line, and not both.
bool CheckFaultCauses(const Trace& trace, TraceError* error);

// The head's board must be one of the model, and the RAM that the kernel had must be RAM of that
// board, outside what EL2 keeps for itself.
bool CheckBoard(const TraceHead& head, TraceError* error);

// Without control characters, which could change what a terminal or a log shows.
bool IsPlain(std::string_view text);

const char* OutcomeName(DmaOutcome outcome);  // "translation", without its level

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_TRACE_H_
