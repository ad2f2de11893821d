// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall fuzz: runs a built fuzz target, says how it goes, and turns what was found into
// programs that people can read.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/campaign.h"
#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/findings.h"
#include "cli/seed_check.h"
#include "cli/targets.h"
#include "cli/verbs.h"
#include "fuzz/engine_log.h"
#include "oracle/invariant.h"

namespace sidewall::cli {
namespace {

using Json = nlohmann::ordered_json;

Json NullIfEmpty(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json ExercisedRow(const Coverage& coverage) {
  return {{"programs", coverage.programs},
          {"events", coverage.events},
          {"events_with_store", coverage.events_with_store},
          {"stores", coverage.stores},
          {"dma_ok", coverage.dma_ok},
          {"dma_fault", coverage.dma_fault},
          {"dma_between", coverage.dma_between},
          {"accepted", coverage.accepted_calls},
          {"refused", coverage.refused_calls},
          {"skipped", coverage.skipped}};
}

Json EvaluatedRow(const Coverage& coverage, InvariantSet armed) {
  Json row = Json::object();
  size_t count = 0;
  const InvariantInfo* invariants = Invariants(&count);
  for (size_t i = 0; i < count; ++i) {
    const InvariantInfo& info = invariants[i];
    if (!info.implemented || !info.fuzzable || (armed & Bit(info.id)) == 0) continue;
    row[info.code] = coverage.evaluated[static_cast<size_t>(info.id)];
  }
  return row;
}

// A crash that no sanitizer explains has a bucket, but breaks no invariant that has a name.
Json InvariantOf(const Finding& finding) {
  const std::string code = finding.bucket.substr(0, finding.bucket.find('-'));
  return FindInvariant(code) != nullptr ? Json(code) : Json();
}

Json FindingRow(const FuzzOptions& options, const Campaign& campaign, const Finding& finding) {
  return {
      {"bucket", finding.bucket},  {"invariant", InvariantOf(finding)},
      {"title", finding.title},    {"program", finding.program},
      {"input", finding.artifact}, {"repro", ReproCommand(options, campaign.binary(), finding)}};
}

// Only targets that run programs on boards count what they exercise.
void PrintJson(const FuzzOptions& options, const Campaign& campaign,
               const std::vector<Finding>& findings) {
  const Coverage coverage = campaign.GetCoverage();
  const bool counted = RunsBoards(options.target);
  const fuzz::EngineStatus& status = campaign.status();
  Json rows = Json::array();
  for (const Finding& finding : findings) rows.push_back(FindingRow(options, campaign, finding));
  const Json evaluated = counted ? EvaluatedRow(coverage, ArmedBy(options.target)) : Json();
  const Json report = {{"schema", "sidewall.fuzz/1"},
                       {"target", options.target},
                       {"engine", options.engine},
                       {"jobs", options.jobs},
                       {"seed", options.seed},
                       {"board", NullIfEmpty(options.board)},
                       {"bug", NullIfEmpty(options.bug)},
                       {"out", options.out},
                       {"seconds", campaign.seconds()},
                       {"seeds", campaign.seeds()},
                       {"executions", status.executions},
                       {"corpus", status.corpus},
                       {"edges", status.edges},
                       {"features", status.features},
                       {"exercised", counted ? ExercisedRow(coverage) : Json()},
                       {"evaluated", evaluated},
                       {"findings", rows}};
  // What an engine or a sanitizer says need not be UTF-8.
  fmt::print("{}\n", report.dump(2, ' ', false, Json::error_handler_t::replace));
}

void PrintText(const FuzzOptions& options, const Campaign& campaign,
               const std::vector<Finding>& findings) {
  if (RunsBoards(options.target)) {
    fmt::print("{}", fuzz::ExercisedText(campaign.GetCoverage(), ArmedBy(options.target)));
  }
  if (findings.empty()) {
    fmt::print("no findings\n");
    return;
  }
  for (const Finding& finding : findings) {
    fmt::print("{}: {}\n  {}\n", finding.bucket, finding.title, finding.program);
  }
  fmt::print("{}\n", ReproCommand(options, campaign.binary(), findings.front()));
}

int RunFuzz(const FuzzOptions& options) {
  Campaign campaign(options);
  const int engine_code = campaign.Run();
  const std::vector<Finding> findings =
      CollectFindings(options, campaign.binary(), campaign.Artifacts());
  if (findings.empty() && engine_code != 0) {
    fmt::print(stderr, "{}\n", campaign.Tail());
    throw EnvironmentError(fmt::format("the engine ended with code {}; its log is {}", engine_code,
                                       campaign.log().string()));
  }
  (options.json ? PrintJson : PrintText)(options, campaign, findings);
  return findings.empty() ? kExitOk : kExitFinding;
}

int Guarded(const FuzzOptions& options) {
  const auto complain = [](const std::exception& error, int code) {
    std::fflush(stdout);
    fmt::print(stderr, "sidewall fuzz: {}\n", error.what());
    return code;
  };
  try {
    return options.triage.empty() ? RunFuzz(options) : TriageInput(options);
  } catch (const EnvironmentError& error) {
    return complain(error, kExitEnvironment);
  } catch (const UsageError& error) {
    return complain(error, kExitUsage);
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(error, kExitUsage);
  }
}

}  // namespace

void RegisterFuzz(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<FuzzOptions>();
  CLI::App* verb = app.add_subcommand("fuzz", "a fuzzing campaign");
  verb->add_option("TARGET", options->target, "board, secrecy, program or canary")
      ->capture_default_str();
  verb->add_option("--for", options->duration, "how long: 90, 90s, 5m (default 60s)");
  verb->add_option("--runs", options->runs, "how many programs");
  verb->add_option("--engine", options->engine)->check(CLI::IsMember({"libfuzzer", "afl"}));
  verb->add_option("--jobs", options->jobs, "processes")->check(CLI::Range(1u, 256u));
  verb->add_option("--board", options->board, "programs of this board only");
  verb->add_option("--seed", options->seed, "from 1")->capture_default_str()->check(EngineSeed());
  verb->add_option("--corpus", options->corpus, "folder of seeds, or none");
  verb->add_option("--bug", options->bug, "hunt a seeded bug: SB001");
  verb->add_option("--out", options->out, "where to write")->capture_default_str();
  verb->add_flag("--json", options->json, "machine-readable");
  verb->add_option("--triage", options->triage)->group("");
  verb->add_option("ENGINE_FLAGS", options->flags, "after --: flags of the engine itself");
  verb->callback([=] {
    // What follows -- fills the first free place, which is the target's when none was named.
    if (options->target.starts_with("-")) {
      options->flags.insert(options->flags.begin(), options->target);
      options->target = "board";
    }
    *exit_code = Guarded(*options);
  });
}

}  // namespace sidewall::cli
