// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Plays a trace through one or both builds of the driver, on the modelled board, with the oracle
// looking after every store, and holds what comes out against what was recorded.
//
//     PlayOptions options = {.host = true, .el2 = true};
//     PlayReport report = Play(trace, options);
//     if (!report.divergences.empty()) Show(report.divergences[0]);
//
// Three things are compared: every value that the kernel read (differences.h lists what may
// differ), the outcome and address of every recorded transfer, and, where both builds run, every
// access that they make, in order. After each mark the page tables are known exactly; there the
// player also tries every page that the kernel's tables map, for every stream that has a context,
// and the addresses just outside, streams without a context, and streams in bypass.
#ifndef SIDEWALL_REPLAY_PLAYER_H_
#define SIDEWALL_REPLAY_PLAYER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "replay/differences.h"
#include "replay/trace.h"

namespace sidewall::replay {

// Pages of one context that are tried after one mark. The traces of corpus/traces have less than
// 1024, so there every page is tried.
inline constexpr size_t kMaxLeaves = 4096;
// Of these, how many are tried with a real transfer too, which passes the oracle; the others are
// looked up in the model, which is the same walk without its side effects.
inline constexpr size_t kRealTransfers = 4;
inline constexpr size_t kMaxFindings = 20;  // kept with their text; all are counted

struct PlayOptions {
  bool host = true;
  bool el2 = false;
  // Called now and then with records done and all.
  std::function<void(size_t, size_t)> progress = {};
};

struct Finding {
  size_t line = 0;  // of the trace
  std::string text;
};

// One sort of finding: how many there were, and the first of them.
struct Findings {
  uint64_t count = 0;
  std::vector<Finding> first;
  void Add(size_t line, std::string text) {
    if (++count <= kMaxFindings) first.push_back({line, std::move(text)});
  }
  bool empty() const { return count == 0; }
};

struct PlayReport {
  TraceHead head;
  uint64_t rows = 0;  // SMMU and MC rows replayed
  uint64_t reads = 0;
  uint64_t reads_equal = 0;
  uint64_t dma_rows = 0;
  uint64_t dma_as_recorded = 0;
  uint64_t faults = 0;        // hw.fault lines replayed
  uint64_t table_stores = 0;  // entries of page tables that changed
  uint64_t phases = 0;        // marks after which the contexts were tried
  // The next three are summed over the builds that run.
  uint64_t phase_contexts = 0;  // streams with a context, summed over the phases
  uint64_t phase_pages = 0;     // mapped pages tried
  uint64_t phase_outside = 0;   // addresses tried that must fault
  uint64_t compared = 0;        // accesses of the driver that both builds made alike
  std::array<uint64_t, kMaxDifferences> differences = {};
  Findings unexplained;  // reads
  Findings dma;          // recorded transfers that went another way
  Findings phase;        // of the contexts after a mark
  Findings refused;      // accesses that the driver answers with an abort
  Findings violations;   // of invariants
  Findings divergences;  // between the two builds

  bool clean() const {
    return unexplained.empty() && dma.empty() && phase.empty() && refused.empty() &&
           violations.empty() && divergences.empty();
  }
};

// Throws EngineError when the aarch64 image is wanted and there is none.
PlayReport Play(const Trace& trace, const PlayOptions& options);

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_PLAYER_H_
