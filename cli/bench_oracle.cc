// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall bench oracle`: the report of oracle_bench.h.
#include <fmt/format.h>

#include "cli/bench.h"
#include "cli/exit_codes.h"
#include "cli/oracle_bench.h"

namespace sidewall::cli {
namespace {

// Who looks may take as long again as all that is looked at.
constexpr double kLeastRatio = 0.5;

nlohmann::ordered_json ReportOf(const OracleBench& bench) {
  nlohmann::ordered_json report = Provenance("sidewall.bench.oracle/1");
  report["command"] = "sidewall bench oracle";
  report["same_outcomes"] = bench.same;
  report["least_ratio"] = kLeastRatio;
  report["rates"] = nlohmann::ordered_json::array();
  for (const OracleRate& rate : bench.rates) {
    report["rates"].push_back({{"name", rate.name},
                               {"what", rate.what},
                               {"programs", rate.programs},
                               {"events", rate.events},
                               {"with_oracle", rate.with_oracle},
                               {"without_oracle", rate.without_oracle},
                               {"ratio", rate.ratio}});
  }
  report["growth"] = nlohmann::ordered_json::array();
  for (const Growth& growth : bench.growth) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const GrowthRow& row : growth.rows) {
      rows.push_back({{"pages", row.size},
                      {"with_ns", row.with_oracle},
                      {"without_ns", row.without_oracle},
                      {"check_ns", row.check()}});
    }
    report["growth"].push_back({{"name", growth.name}, {"what", growth.what}, {"rows", rows}});
  }
  return report;
}

void Print(const OracleBench& bench, const nlohmann::ordered_json& report) {
  PrintMachine(report);
  fmt::print("  {:<16} {:>8} {:>9} {:>12} {:>12} {:>6}\n", "", "programs", "events", "looked at/s",
             "bare/s", "ratio");
  for (const OracleRate& rate : bench.rates) {
    fmt::print("  {:<16} {:>8} {:>9} {:>12.0f} {:>12.0f} {:>6.2f}  {}\n", rate.name, rate.programs,
               rate.events, rate.with_oracle, rate.without_oracle, rate.ratio, rate.what);
  }
  fmt::print("\nns of one event, by pages that are mapped (and as many of a guest's)\n");
  fmt::print("  {:<8} {:>8} {:>10} {:>10} {:>10}\n", "", "pages", "looked at", "bare", "check");
  for (const Growth& growth : bench.growth) {
    for (const GrowthRow& row : growth.rows) {
      fmt::print("  {:<8} {:>8} {:>10.0f} {:>10.0f} {:>10.0f}\n", growth.name, row.size,
                 row.with_oracle, row.without_oracle, row.check());
    }
    fmt::print("  {:<8} {}\n", "", growth.what);
  }
}

}  // namespace

int BenchOracle(const std::string& programs, unsigned rounds, bool json) {
  const OracleBench bench = MeasureOracle({.programs = programs, .rounds = rounds});
  const nlohmann::ordered_json report = ReportOf(bench);
  bool dear = false;
  for (const OracleRate& rate : bench.rates) dear |= rate.ratio < kLeastRatio;
  if (json) {
    fmt::print("{}\n", report.dump(2));
  } else {
    Print(bench, report);
    if (!bench.same) fmt::print("the two boards have not done alike\n");
    if (dear) fmt::print("looked at / bare is below {}\n", kLeastRatio);
  }
  return bench.same && !dear ? kExitOk : kExitFinding;
}

}  // namespace sidewall::cli
