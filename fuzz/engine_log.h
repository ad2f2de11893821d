// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What fuzzing engines say, and what people are told of it.
//
//     EngineStatus status;
//     ParseLibFuzzerLine("#4096\tpulse  cov: 1503 ft: 3000 corp: 812/40Kb exec/s: 2048", &status);
//     status.corpus;                                   // 812
//     StatusLine(10, status, coverage, 0, 1);          // "t=10s exec=4.1k 410/s corp=812 ..."
#ifndef SIDEWALL_FUZZ_ENGINE_LOG_H_
#define SIDEWALL_FUZZ_ENGINE_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "oracle/invariant.h"
#include "oracle/options.h"

namespace sidewall::fuzz {

struct EngineStatus {
  uint64_t executions = 0;
  uint64_t edges = 0;
  uint64_t features = 0;
  uint64_t corpus = 0;
};

// A line of libFuzzer, from one process or from -fork, or of its final statistics; false for lines
// without numbers.
bool ParseLibFuzzerLine(std::string_view line, EngineStatus* status);
// The file fuzzer_stats of AFL++.
bool ParseAflStats(std::string_view text, EngineStatus* status);
// Adds one job of several. Executions add up; jobs exchange what they find, so that their corpora
// and edges are nearly the same and the largest stands for all.
void AddJob(const EngineStatus& job, EngineStatus* total);

// "90", "90s", "5m", "2h" in seconds. False for anything else, zero, and more than a year.
bool ParseDuration(std::string_view text, uint64_t* seconds);

// "950", "4.1k", "1.9M".
std::string ShortNumber(uint64_t value);
// "12.3%"; "0.0%" of nothing.
std::string Percent(uint64_t part, uint64_t whole);

// One line of key=value, for people and for grep.
std::string StatusLine(uint64_t seconds, const EngineStatus& status, const Coverage& coverage,
                       size_t findings, uint64_t seed);
// What was exercised: two lines of percentages and counts, then one of evaluations.
std::string ExercisedText(const Coverage& coverage, InvariantSet armed);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_ENGINE_LOG_H_
