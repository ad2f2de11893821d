// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What it costs to look. The same programs run over the same driver on two boards, one that is
// looked at after every store and one that nobody looks at, in turns and in one process.
//
//     OracleBench bench = MeasureOracle({.rounds = 5});
//     bench.rates[0].ratio;     // events a second with the oracle / without
//     bench.growth[0].rows;     // what a check takes while the state that exists grows
#ifndef SIDEWALL_CLI_ORACLE_BENCH_H_
#define SIDEWALL_CLI_ORACLE_BENCH_H_

#include <cstdint>
#include <string>
#include <vector>

namespace sidewall::cli {

struct OracleBenchOptions {
  std::string programs = "corpus/board";  // the folder whose good, seed and attacks are run
  unsigned drawn = 200;                   // programs that a mutator makes, for each board
  unsigned rounds = 7;                    // the best of so many counts
  uint64_t largest = 16384;               // pages that are mapped in the largest state
};

struct OracleRate {
  std::string name;
  std::string what;
  uint64_t programs = 0;
  uint64_t events = 0;
  double with_oracle = 0;  // events a second
  double without_oracle = 0;
  double ratio = 0;
};

struct GrowthRow {
  uint64_t size = 0;       // of the state: pages mapped
  double with_oracle = 0;  // ns for an event of the probe
  double without_oracle = 0;
  double check() const { return with_oracle - without_oracle; }
};

struct Growth {
  std::string name;
  std::string what;
  std::vector<GrowthRow> rows;
};

struct OracleBench {
  bool same = true;  // every event gave the same on both boards
  std::vector<OracleRate> rates;
  std::vector<Growth> growth;
};

// Throws EnvironmentError where there are no programs, or where one of a growth does not run.
OracleBench MeasureOracle(const OracleBenchOptions& options);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_ORACLE_BENCH_H_
