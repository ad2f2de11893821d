// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall bench`: how fast, and how long something holds.
//
//     sidewall bench model --json
//     sidewall bench walk --cases=1000000
//     sidewall bench policies
//     sidewall bench driver
//     sidewall bench oracle
#include "cli/bench.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"
#include "cli/verbs.h"
#ifdef SIDEWALL_WALK_CHECK
#include "model/check/model_bench.h"
#include "model/check/qemu.h"
#include "model/check/walk_check.h"
#endif

namespace sidewall::cli {
namespace {

struct Options {
  std::string what;
  uint64_t cases = 1000000;
  uint64_t first = 0;
  uint64_t seed = 1;
  uint64_t stride = 1;
  unsigned jobs = 2;
  std::string trace = "corpus/traces/linux-6.12-tegra234.trace.zst";
  std::string programs = "corpus/board";
  unsigned rounds = 0;  // 0: as many as the measurement thinks right
  bool json = false;
};

using Json = nlohmann::ordered_json;

// The model of the processor, as the kernel tells it.
std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  utsname name = {};
  return uname(&name) == 0 ? name.machine : "unknown";
}

std::string FirstLine(const std::vector<std::string>& command) {
  const ProcessResult result = RunProcess(command);
  if (result.exit_code != 0) return "unknown";
  return result.output.substr(0, result.output.find('\n'));
}

}  // namespace

// What a figure is worth nothing without.
Json Provenance(const char* schema) {
  const std::string root = SourceRoot().string();
  const std::string changes =
      FirstLine({"git", "-C", root, "status", "--porcelain", "--untracked-files=no"});
  return {{"schema", schema},
          {"commit", FirstLine({"git", "-C", root, "rev-parse", "HEAD"})},
          {"changed", !changes.empty()},
          {"machine", {{"cpu", CpuName()}, {"cores", std::thread::hardware_concurrency()}}}};
}

void PrintMachine(const Json& report) {
  fmt::print("on {}, {} cores\n", report["machine"]["cpu"].get<std::string>(),
             report["machine"]["cores"].get<unsigned>());
}

namespace {

#ifdef SIDEWALL_WALK_CHECK

int BenchModel(const Options& options) {
  Json report = Provenance("sidewall.bench.model/2");
  report["command"] = "sidewall bench model";
  report["beside"] = "unicorn.at";
  report["rates"] = Json::array();
  for (const check::Rate& rate : check::MeasureModel({})) {
    report["rates"].push_back({{"name", rate.name},
                               {"what", rate.what},
                               {"per_second", rate.per_second},
                               {"ratio", rate.ratio},
                               {"beside_per_second", rate.beside_per_second}});
  }
  if (options.json) {
    fmt::print("{}\n", report.dump(2));
    return kExitOk;
  }
  PrintMachine(report);
  fmt::print("  {:<18} {:>12} {:>9}  (rounds in turns with Unicorn's)\n", "", "a second",
             "x Unicorn");
  for (const Json& rate : report["rates"]) {
    fmt::print("  {:<18} {:>12.0f} {:>9.2f}  {}\n", rate["name"].get<std::string>(),
               rate["per_second"].get<double>(), rate["ratio"].get<double>(),
               rate["what"].get<std::string>());
  }
  return kExitOk;
}

Json CountsOf(const std::map<std::string, uint64_t>& counts) {
  Json object = Json::object();
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

Json ReportOf(const Options& options, const check::CheckReport& walks, Json report) {
  report["command"] = fmt::format("sidewall bench walk --cases={} --first={} --seed={}",
                                  options.cases, options.first, options.seed);
  report["witness"] = FirstLine({"qemu-system-aarch64", "--version"});
  report["cases"] = walks.cases;
  report["second_questions"] = walks.second_questions;
  report["differences"] = walks.difference_count;
  report["seconds"] = walks.seconds;
  report["cases_per_second"] = static_cast<double>(walks.cases) / walks.seconds;
  report["histogram"] = Json::object();
  for (const check::Row& row : walks.rows) report["histogram"][row.name] = row.count;
  report["modes"] = CountsOf(walks.by_stage);
  report["ends"] = CountsOf(walks.by_end);
  report["excluded"] = Json::array();
  for (const check::Exclusion& exclusion : check::Exclusions()) {
    const auto found = walks.excluded.find(exclusion.name);
    report["excluded"].push_back({{"name", exclusion.name},
                                  {"reason", exclusion.reason},
                                  {"cases", found == walks.excluded.end() ? 0 : found->second}});
  }
  report["first_differences"] = walks.differences;
  return report;
}

int BenchWalk(const Options& options) {
  check::CheckOptions wanted;
  wanted.seed = options.seed;
  wanted.first = options.first;
  wanted.cases = options.cases;
  wanted.stop_at_first = false;
  // First, so that what it lacks is told before a long run and not after it.
  const Json provenance = Provenance("sidewall.bench.walk/1");
  const bool talk = isatty(STDERR_FILENO) != 0;
  if (talk) {
    wanted.progress = [&](uint64_t done) {
      fmt::print(stderr, "\r{} of {}", done, options.cases);
      if (done >= options.cases) fmt::print(stderr, "\n");
    };
  }
  const check::CheckReport walks = check::CheckWalks(wanted);
  if (options.json) {
    fmt::print("{}\n", ReportOf(options, walks, provenance).dump(2));
  } else {
    fmt::print("{}", check::TextOf(walks));
    for (const std::string& difference : walks.differences) fmt::print("{}\n", difference);
  }
  return walks.difference_count == 0 ? kExitOk : kExitFinding;
}

int RunWithImage(const Options& options) {
  try {
    return options.what == "model" ? BenchModel(options) : BenchWalk(options);
  } catch (const check::Unavailable& error) {
    throw EnvironmentError(error.what());
  }
}

#else

int RunWithImage(const Options&) {
  throw EnvironmentError(
      "this build has no aarch64 image to measure with\n  what to do: ./sidewall bench, or "
      "configure with -DSIDEWALL_EL2=ON (preset el2)");
}

#endif

int RunBench(const Options& options) {
  const auto rounds = [&](unsigned usual) { return options.rounds ? options.rounds : usual; };
  if (options.what == "driver") return BenchDriver(options.trace, rounds(40), options.json);
  if (options.what == "oracle") return BenchOracle(options.programs, rounds(7), options.json);
  if (options.what == "policies") return BenchPolicies(options.stride, options.jobs, options.json);
  return RunWithImage(options);
}

}  // namespace

void RegisterBench(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("bench", "performance, and long comparisons");
  verb->add_option("what", options->what,
                   "model: its speed; walk: its walker against QEMU's MMU; policies: every value "
                   "of registers that one value decides; driver: accesses a second, and what the "
                   "trace ring costs; oracle: events a second with it and without, and what a "
                   "check costs by size of state")
      ->required()
      ->check(CLI::IsMember({"model", "walk", "policies", "driver", "oracle"}));
  verb->add_option("--trace", options->trace, "driver: the boot whose accesses are mediated")
      ->check(CLI::ExistingFile);
  verb->add_option("--programs", options->programs, "oracle: the folder of the programs it runs")
      ->check(CLI::ExistingDirectory);
  verb->add_option("--rounds", options->rounds, "driver, oracle: how often each slice is timed")
      ->check(CLI::Range(1u, 100000u));
  verb->add_option("--cases", options->cases, "walk: how many cases")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40));
  verb->add_option("--first", options->first,
                   "walk: number of the first case; a long run can be had in parts")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 62));
  verb->add_option("--seed", options->seed, "walk: the same seed gives the same cases")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 62));
  verb->add_option("--stride", options->stride, "policies: only one value in so many")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 32));
  verb->add_option("--jobs", options->jobs, "policies: threads")->check(CLI::Range(1u, 64u));
  verb->add_flag("--json", options->json, "machine-readable");
  verb->callback([=] { *exit_code = RunBench(*options); });
}

}  // namespace sidewall::cli
