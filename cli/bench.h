// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the parts of the verb `bench` share, and the head of every report that is kept.
//
//     nlohmann::ordered_json report = Provenance("sidewall.bench.policies/1");
//     report["command"] = "sidewall bench policies";
#ifndef SIDEWALL_CLI_BENCH_H_
#define SIDEWALL_CLI_BENCH_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace sidewall::cli {

// Head of every report: schema, commit, whether the tree differs from it, and the machine.
nlohmann::ordered_json Provenance(const char* schema);

// "on CPU, N cores", from such a head.
void PrintMachine(const nlohmann::ordered_json& report);

// Every `stride`-th of the 2^32 values of each single-register policy, by `jobs` threads. Returns
// the exit code.
int BenchPolicies(uint64_t stride, unsigned jobs, bool json);

// The accesses of a recorded boot through the driver, with and without its trace ring. Returns the
// exit code: a finding when the ring costs more than it may.
int BenchDriver(const std::string& trace, unsigned rounds, bool json);

// What the oracle costs, and that it does not grow with what exists. Returns the exit code: a
// finding when it takes more than all that it looks at.
int BenchOracle(const std::string& programs, unsigned rounds, bool json);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_BENCH_H_
