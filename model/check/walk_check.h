// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The model's walker against a processor's MMU that we did not write: random cases through both,
// and what came of them, counted.
//
//     CheckReport report = CheckWalks({.seed = 1, .cases = 20000});
//     if (!report.differences.empty()) Show(report.differences[0]);
//     for (const Row& row : report.rows) Print(row.name, row.count);
#ifndef SIDEWALL_MODEL_CHECK_WALK_CHECK_H_
#define SIDEWALL_MODEL_CHECK_WALK_CHECK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/check/cpu.h"
#include "model/check/draw.h"

namespace sidewall::check {

struct CheckOptions {
  uint64_t seed = 1;
  uint64_t first = 0;  // index of the first case
  uint64_t cases = 20000;
  bool stop_at_first = true;
  std::function<void(uint64_t)> progress = {};  // cases done
};

// One sort of case that has to occur: a granule and how walks end.
struct Row {
  std::string name;  // "4K block level 2"
  uint64_t count = 0;
};

struct CheckReport {
  uint64_t cases = 0;
  std::vector<Row> rows;                     // each of these is asked for
  std::map<std::string, uint64_t> by_stage;  // "stage 1", "stage 2", "nested", "stage 1 off"
  std::map<std::string, uint64_t> by_end;    // "stage 2 fetch translation fault", finer than rows
  std::map<std::string, uint64_t> excluded;  // by name, what was not compared
  std::vector<std::string> differences;      // each with how to see it again
  uint64_t difference_count = 0;
  uint64_t second_questions = 0;  // for the level of a fetch, see TwinOf
  double seconds = 0;
  double processor_seconds = 0;  // of these, waiting for QEMU
};

// Throws Unavailable (qemu.h).
CheckReport CheckWalks(const CheckOptions& options);

// The histogram as people read it.
std::string TextOf(const CheckReport& report);

// ---- The parts, for tests and other witnesses.
// What the two architectures document to differ; by name. Empty: nothing.
struct Exclusion {
  const char* name;
  const char* reason;
};
const std::vector<Exclusion>& Exclusions();
// Empty when the answers agree, apart from the exclusions, which are counted in `excluded`.
std::string Difference(const Case& one, const Answer& model, const Answer& processor,
                       std::map<std::string, uint64_t>* excluded);
// A second question for a fault of stage 2 at the fetch of a table, whose level QEMU 7.2 does not
// tell: the same address, of the table, with stage 1 off. Its answer has the level.
bool HasTwin(const Case& one, const Answer& model);
Case TwinOf(const Case& one, const Answer& model);
std::string Describe(const Case& one);

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_WALK_CHECK_H_
