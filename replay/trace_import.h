// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Makes a canonical trace of what the EL2 recorder writes: one CSV of accesses and one of page
// tables.
//
//     ImportOptions options = {.accesses = "boot.csv", .tables = "boot.tables.csv",
//                              .machine = "Linux in QEMU, not a board", .kernel = "6.12.117"};
//     Trace trace;
//     if (!ImportRecorder(options, &trace, &error)) Fail(error.Text());
//     WriteTrace("boot.trace.zst", trace, &error);
//
// The same input gives the same bytes. Rows of the SMMU and of the memory controller are all kept.
// The recorder's own fault injections become hw.fault lines; what such a fault was is taken from
// what the kernel then read, since the recorder logged only where it put it. What comes out has
// been read back; only one whose capture lost events is refused by the reader.
#ifndef SIDEWALL_REPLAY_TRACE_IMPORT_H_
#define SIDEWALL_REPLAY_TRACE_IMPORT_H_

#include <string>

#include "replay/trace.h"

namespace sidewall::replay {

struct ImportOptions {
  std::string accesses;
  std::string tables;   // empty: the source has none
  std::string machine;  // must be given: "Linux in QEMU, not a board", or the board
  std::string kernel = "not recorded";
  std::string board = "tegra234-virt";
  std::string ram = "0x40000000-0xb0000000";
  std::string capture = "not recorded";
  std::string date = "not recorded";
  uint64_t lost = 0;
};

bool ImportRecorder(const ImportOptions& options, Trace* trace, TraceError* error);

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_TRACE_IMPORT_H_
