// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall bugs`: builds the fuzz target over each seeded bug, hunts it from an empty corpus with
// a fixed seed, and shows which invariant saw it. A harness that misses a planted bug would miss
// that bug in the driver, too.
#include "cli/bugs.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"
#include "cli/seed_check.h"
#include "cli/seeded_bugs.h"
#include "cli/verbs.h"
#include "fuzz/program.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kRuns = 400000;
constexpr uint64_t kQuickRuns = 40000;

// What one hunt gave.
struct Hunt {
  std::string found_by;  // code of an invariant, empty when nothing was found
  uint64_t executions = 0;
  size_t events = 0;  // of the program that found it
  bool as_expected = false;
};

fs::path BuildHunter(const std::string& id) {
  const std::string target = "board_fuzzer-" + id;
  const ProcessResult build =
      RunProcess({"cmake", "--build", BuildFolder().string(), "--target", target});
  if (build.exit_code != 0) {
    throw EnvironmentError("cannot build " + target + ":\n" + build.output);
  }
  return BuildFolder() / "fuzz" / target;
}

uint64_t NumberAfter(const std::string& text, const std::string& label) {
  const size_t at = text.find(label);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + label.size(), nullptr, 10);
}

// The oracle says "sidewall: ISO05-entry-0123abcd ISO05: ..." before it traps; what a sanitizer
// reports is MEM01; any other end is a fault of the harness and has no code.
std::string FoundBy(const ProcessResult& run) {
  static const std::regex kBucket("sidewall: ([A-Z]{3}[0-9]{2})-");
  std::smatch match;
  if (std::regex_search(run.output, match, kBucket)) return match[1];
  if (run.output.find("Sanitizer:") != std::string::npos) return "MEM01";
  return run.exit_code == 0 ? "" : "crash";
}

size_t EventsOfFinding(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string bytes = ReadTextFile(entry.path());
    const auto program = fuzz::Decode(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    if (program) return program->events.size();
  }
  return 0;
}

Hunt HuntBug(const SeededBug& bug, const BugsOptions& options) {
  const fs::path hunter = BuildHunter(bug.id);
  const ScratchFolder scratch;
  const uint64_t runs = options.runs != 0 ? options.runs : options.quick ? kQuickRuns : kRuns;
  const ProcessResult run = RunProcess(
      {hunter.string(), fmt::format("-seed={}", options.seed), fmt::format("-runs={}", runs),
       "-max_len=20480", "-timeout=60", "-print_final_stats=1",
       fmt::format("-artifact_prefix={}/", scratch.path().string())});
  Hunt hunt;
  hunt.found_by = FoundBy(run);
  hunt.executions = NumberAfter(run.output, "stat::number_of_executed_units:");
  hunt.events = EventsOfFinding(scratch.path());
  hunt.as_expected = std::count(bug.expect.begin(), bug.expect.end(), hunt.found_by) > 0;
  return hunt;
}

void PrintRow(const SeededBug& bug, const Hunt& hunt) {
  const char* verdict = hunt.found_by.empty() ? "NOT FOUND"
                        : hunt.as_expected    ? "found"
                                              : "UNEXPECTED";
  fmt::print("{:<6} {:<11} {:<8} {:>8} {:>7}  {:<13} {}\n", bug.id, verdict,
             hunt.found_by.empty() ? "-" : hunt.found_by, hunt.executions, hunt.events,
             fmt::format("{}", fmt::join(bug.expect, ",")), bug.title);
}

nlohmann::ordered_json Row(const SeededBug& bug, const Hunt& hunt) {
  return {{"id", bug.id},
          {"title", bug.title},
          {"expect", bug.expect},
          {"found_by", hunt.found_by},
          {"as_expected", hunt.as_expected},
          {"executions", hunt.executions},
          {"events", hunt.events}};
}

int RunBugs(const BugsOptions& options) {
  if (options.programs) return RunBugPrograms(ChosenBugs(options.ids));
  if (options.check || options.rebase) {
    return CarryPatches(ChosenBugs(options.ids), options.rebase);
  }
  return RunHunts(options);
}

}  // namespace

int RunHunts(const BugsOptions& options) {
  const std::vector<SeededBug> chosen = ChosenBugs(options.ids);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  size_t missed = 0;
  if (!options.json) {
    fmt::print("{:<6} {:<11} {:<8} {:>8} {:>7}  {:<13} {}\n", "bug", "verdict", "by", "runs",
               "events", "expected", "title");
  }
  for (const SeededBug& bug : chosen) {
    fmt::print(stderr, "sidewall bugs: {} ...\n", bug.id);
    const Hunt hunt = HuntBug(bug, options);
    missed += hunt.as_expected ? 0 : 1;
    rows.push_back(Row(bug, hunt));
    if (!options.json) PrintRow(bug, hunt);
  }
  if (options.json) {
    const nlohmann::ordered_json report = {
        {"schema", "sidewall.bugs/1"}, {"seed", options.seed}, {"bugs", rows}};
    fmt::print("{}\n", report.dump(2));
  } else {
    fmt::print("{} of {} found as expected\n", rows.size() - missed, rows.size());
  }
  return missed == 0 ? kExitOk : kExitFinding;
}

void RegisterBugs(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<BugsOptions>();
  CLI::App* verb = app.add_subcommand("bugs", "build each seeded bug and find it");
  verb->add_option("id", options->ids, "SB001 ...; all by default");
  verb->add_flag("--quick", options->quick, "the short hunt that the tests make");
  verb->add_option("--seed", options->seed, "of the hunt, from 1")
      ->capture_default_str()
      ->check(EngineSeed());
  verb->add_option("--runs", options->runs, "executions for each bug at most");
  verb->add_flag("--json", options->json, "machine-readable");
  verb->add_flag("--programs", options->programs, "run the programs that the patches name");
  verb->add_flag("--check", options->check, "which patches no longer apply");
  verb->add_flag("--rebase", options->rebase, "carry them over to the driver as it is");
  verb->callback([=] { *exit_code = RunBugs(*options); });
}

}  // namespace sidewall::cli
