// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall bench driver`: the report of driver_bench.h.
#include <fmt/format.h>

#include "cli/bench.h"
#include "cli/driver_bench.h"
#include "cli/exit_codes.h"

namespace sidewall::cli {
namespace {

// Less than this of the accesses a second that there are without a trace ring would be too dear.
constexpr double kLeastRingRatio = 0.95;

nlohmann::ordered_json ReportOf(const std::string& trace, const DriverBench& bench) {
  nlohmann::ordered_json report = Provenance("sidewall.bench.driver/1");
  report["command"] = "sidewall bench driver --trace=" + trace;
  report["accesses"] = bench.accesses;
  report["mix"] = bench.mix;
  report["registers_per_access"] = bench.registers_per_access;
  report["same_decisions"] = bench.same;
  report["least_ratio"] = kLeastRingRatio;
  report["rates"] = nlohmann::ordered_json::array();
  for (const DriverRate& rate : bench.rows) {
    report["rates"].push_back({{"name", rate.name},
                               {"what", rate.what},
                               {"access_ns", rate.access_ns},
                               {"with_ring", rate.with_ring},
                               {"without_ring", rate.without_ring},
                               {"ratio", rate.ratio},
                               {"ring_ns", rate.ring_ns}});
  }
  return report;
}

void Print(const std::string& trace, const DriverBench& bench,
           const nlohmann::ordered_json& report) {
  PrintMachine(report);
  fmt::print("{} accesses of {}\n ", bench.accesses, trace);
  for (const auto& [name, count] : bench.mix) fmt::print(" {} {}", count, name);
  fmt::print("; {:.2f} register accesses each\n", bench.registers_per_access);
  fmt::print("  {:<6} {:>9} {:>11} {:>11} {:>7} {:>7}\n", "", "access ns", "ring/s", "no ring/s",
             "ratio", "ring ns");
  for (const DriverRate& rate : bench.rows) {
    fmt::print("  {:<6} {:>9.1f} {:>11.0f} {:>11.0f} {:>7.3f} {:>7.1f}  {}\n", rate.name,
               rate.access_ns, rate.with_ring, rate.without_ring, rate.ratio, rate.ring_ns,
               rate.what);
  }
}

}  // namespace

// The ratio is asked for at the price of a register access that is assumed of a board, with traps
// that take nothing; the other rows say what the ring costs bare, and with traps.
int BenchDriver(const std::string& trace, unsigned rounds, bool json) {
  const DriverBench bench = MeasureDriver({.trace = trace, .rounds = rounds});
  const nlohmann::ordered_json report = ReportOf(trace, bench);
  const bool dear = bench.at_access_price().ratio < kLeastRingRatio;
  if (json) {
    fmt::print("{}\n", report.dump(2));
  } else {
    Print(trace, bench, report);
    if (!bench.same) fmt::print("the two boards have not decided alike\n");
    if (dear) fmt::print("ring on / ring off is below {}\n", kLeastRingRatio);
  }
  return bench.same && !dear ? kExitOk : kExitFinding;
}

}  // namespace sidewall::cli
