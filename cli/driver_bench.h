// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// How many accesses of a host the driver mediates in a second, and what its trace ring costs. The
// accesses are those of a recorded boot, one after the other, again and again; the hardware is the
// model, without an oracle. Two boards, one with a ring and one without, take turns in slices of
// the same accesses, and the shortest time of each slice counts, so that whatever else the machine
// does falls on both.
//
//     DriverBench bench = MeasureDriver({.trace = "corpus/traces/x.trace.zst"});
//     bench.rows[0].ratio        // with the ring / without
#ifndef SIDEWALL_CLI_DRIVER_BENCH_H_
#define SIDEWALL_CLI_DRIVER_BENCH_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sidewall::cli {

struct DriverBenchOptions {
  std::string trace;
  unsigned rounds = 40;
};

// One price of a register access and of a trap.
struct DriverRate {
  std::string name;
  std::string what;
  double access_ns = 0;  // what a register access takes, measured
  double with_ring = 0;  // accesses of the host a second
  double without_ring = 0;
  double ratio = 0;
  double ring_ns = 0;  // what a record takes
};

struct DriverBench {
  uint64_t accesses = 0;            // of the host, in one pass over the trace
  double registers_per_access = 0;  // accesses of the driver to hardware, for each of the host's
  std::map<std::string, uint64_t> mix;  // how many of each kind
  // What can be read of the rings of the two boards.
  uint64_t ring_records = 0;
  uint64_t ring_records_without = 0;
  bool same = false;             // both boards counted the same decisions and reasons
  std::vector<DriverRate> rows;  // model, access, board
  const DriverRate& at_access_price() const { return rows[1]; }
};

// Throws EnvironmentError where the trace cannot be read or a board does not come up.
DriverBench MeasureDriver(const DriverBenchOptions& options);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_DRIVER_BENCH_H_
