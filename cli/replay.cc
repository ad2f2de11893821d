// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall replay: boot traces through the driver, and what came of it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "replay/engine_error.h"
#include "replay/player.h"

namespace sidewall::cli {
namespace {

using replay::Difference;
using replay::Finding;
using replay::Findings;
using replay::PlayReport;
// How often each row of the differences was needed.
using Uses = std::array<uint64_t, replay::kMaxDifferences>;

constexpr const char* kJsonSchema = "sidewall.replay/1";

struct Options {
  std::vector<std::string> traces;
  std::string image = "host";
  bool json = false;
  bool quiet = false;
};

struct Sort {
  const char* key;
  const char* name;
  const Findings* findings;
};

std::vector<Sort> SortsOf(const PlayReport& report) {
  return {{"unexplained_reads", "unexplained reads", &report.unexplained},
          {"dma_differences", "DMA rows not as recorded", &report.dma},
          {"phase_findings", "pages not as the kernel's tables say", &report.phase},
          {"refused", "accesses answered with an abort", &report.refused},
          {"divergences", "divergences", &report.divergences},
          {"violations", "violations", &report.violations}};
}

int ExitCodeOf(const PlayReport& report) {
  if (!report.divergences.empty()) return kExitDivergence;
  return report.clean() ? kExitOk : kExitFinding;
}

void PrintDifferences(const Uses& uses) {
  const auto rows = replay::Differences();
  for (size_t i = 0; i < rows.size(); ++i) {
    const Difference& row = rows[i];
    fmt::print("  {:7} {:16} mask {:#010x}: {} [{}]\n", uses[i], row.name, row.mask, row.reason,
               row.rule);
  }
}

void PrintReport(const std::string& path, const PlayReport& report, const Options& options) {
  const replay::TraceHead& head = report.head;
  const uint64_t all = head.counts.smmu + head.counts.mc;
  const uint64_t explained = report.reads - report.reads_equal - report.unexplained.count;
  fmt::print("{}\n", path);
  fmt::print("  source: {}; kernel {}; page tables {}; image {}\n", head.machine, head.kernel,
             head.tables, options.image);
  fmt::print("  SMMU + MC rows replayed {} of {}\n", report.rows, all);
  fmt::print("  reads {}: equal {}, explained {}, unexplained {}\n", report.reads,
             report.reads_equal, explained, report.unexplained.count);
  fmt::print("  DMA rows as recorded {} of {} (faulted: {})\n", report.dma_as_recorded,
             head.counts.dma, head.counts.dma_faults);
  fmt::print("  hw.fault lines {}, table entries stored {}\n", report.faults, report.table_stores);
  fmt::print(
      "  after {} marks: {} contexts, {} mapped pages and {} other addresses, {} not as the "
      "tables say\n",
      report.phases, report.phase_contexts, report.phase_pages, report.phase_outside,
      report.phase.count);
  if (options.image == "both") fmt::print("  accesses alike in both builds {}\n", report.compared);
  fmt::print("  accesses answered with an abort {}\n", report.refused.count);
  fmt::print("  divergences {}\n  violations {}\n", report.divergences.count,
             report.violations.count);
  for (const Sort& sort : SortsOf(report)) {
    if (sort.findings->empty()) continue;
    fmt::print("  {}: {}\n", sort.name, sort.findings->count);
    for (const Finding& finding : sort.findings->first) {
      fmt::print("    {}:{}: {}\n", path, finding.line, finding.text);
    }
    const uint64_t more = sort.findings->count - sort.findings->first.size();
    if (more != 0) fmt::print("    and {} more\n", more);
  }
}

nlohmann::json JsonOf(const Uses& uses) {
  nlohmann::json json = nlohmann::json::array();
  const auto rows = replay::Differences();
  for (size_t i = 0; i < rows.size(); ++i) {
    json.push_back({{"name", rows[i].name},
                    {"register", rows[i].reg},
                    {"mask", fmt::format("{:#010x}", rows[i].mask)},
                    {"reason", rows[i].reason},
                    {"section", rows[i].rule},
                    {"count", uses[i]}});
  }
  return json;
}

nlohmann::json JsonOf(const std::string& path, const PlayReport& report) {
  nlohmann::json json = {{"trace", path},
                         {"machine", report.head.machine},
                         {"kernel", report.head.kernel},
                         {"rows_of_source", report.head.counts.smmu + report.head.counts.mc},
                         {"rows_replayed", report.rows},
                         {"reads", report.reads},
                         {"reads_equal", report.reads_equal},
                         {"dma_rows", report.head.counts.dma},
                         {"dma_as_recorded", report.dma_as_recorded},
                         {"hw_faults", report.faults},
                         {"phases", report.phases},
                         {"phase_pages", report.phase_pages},
                         {"phase_outside", report.phase_outside},
                         {"accesses_compared", report.compared}};
  for (const Sort& sort : SortsOf(report)) {
    nlohmann::json first = nlohmann::json::array();
    for (const Finding& finding : sort.findings->first) {
      first.push_back({{"line", finding.line}, {"text", finding.text}});
    }
    json[sort.key] = {{"count", sort.findings->count}, {"first", first}};
  }
  json["differences"] = JsonOf(report.differences);
  return json;
}

// One line on stderr, redrawn on a terminal; nothing where nobody watches.
std::function<void(size_t, size_t)> ProgressOf(const std::string& path, const Options& options) {
  if (options.quiet || isatty(STDERR_FILENO) == 0) return nullptr;
  return [path](size_t done, size_t all) {
    fmt::print(stderr, "\r{}: {} of {}{}", path, done, all, done == all ? "\n" : "");
    std::fflush(stderr);
  };
}

int Run(const Options& options) {
  int exit_code = kExitOk;
  nlohmann::json reports = nlohmann::json::array();
  Uses uses = {};
  for (const std::string& path : options.traces) {
    replay::Trace trace;
    replay::TraceError error;
    if (!replay::ReadTrace(path, &trace, &error)) {
      fmt::print(stderr, "sidewall: {}\n", error.Text());
      return kExitUsage;
    }
    replay::PlayOptions play;
    play.host = options.image != "el2";
    play.el2 = options.image != "host";
    play.progress = ProgressOf(path, options);
    PlayReport report;
    try {
      report = replay::Play(trace, play);
    } catch (const replay::EngineError& problem) {
      fmt::print(stderr, "sidewall: {}\n", problem.what());
      return kExitEnvironment;
    }
    for (size_t i = 0; i < uses.size(); ++i) uses[i] += report.differences[i];
    exit_code = std::max(exit_code, ExitCodeOf(report));
    if (options.json) {
      reports.push_back(JsonOf(path, report));
    } else {
      PrintReport(path, report, options);
    }
  }
  if (options.json) {
    fmt::print("{}\n", nlohmann::json({{"schema", kJsonSchema},
                                       {"image", options.image},
                                       {"exit_code", exit_code},
                                       {"traces", reports}})
                           .dump(2));
  } else {
    fmt::print("reads that may differ, by row:\n");
    PrintDifferences(uses);
  }
  return exit_code;
}

}  // namespace

void RegisterReplay(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("replay",
                                      "boot traces (so far of Linux in QEMU, not a board) "
                                      "through the driver, in lock-step");
  verb->add_option("traces", options->traces, "canonical traces, .trace or .trace.zst")->required();
  verb->add_option("--image", options->image, "build of the driver: host, el2 or both")
      ->check(CLI::IsMember({"host", "el2", "both"}));
  verb->add_flag("--json", options->json, "the report as JSON");
  verb->add_flag("--quiet", options->quiet, "no progress");
  verb->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace sidewall::cli
