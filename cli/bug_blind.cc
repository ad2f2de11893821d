// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall bugs --blind`: oracle and model with one rule weakened at a time. What a rule sees must
// then go unseen, or nothing tests the rule.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "cli/bench.h"
#include "cli/bugs.h"
#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"

namespace sidewall::cli {
namespace {

using Json = nlohmann::ordered_json;

// The head of a patch in oracle/blind.
struct BlindRule {
  std::string id;
  std::string title;
  std::string bug;
};

BlindRule ReadRule(const std::filesystem::path& path) {
  const std::string text = ReadTextFile(path);
  const std::string head = text.substr(0, text.find("\n--- "));
  const auto line = [&](const char* key) {
    std::smatch match;
    if (!std::regex_search(head, match, std::regex(std::string("(?:^|\n)") + key + ": ([^\n]+)"))) {
      throw UsageError(path.string() + ": the head has no line '" + key + ":'");
    }
    return match[1].str();
  };
  return {line("ID"), line("Title"), line("Bug")};
}

// The invariant that sees the program of the bug in this tool; "" when none does.
std::string SeenBy(const std::string& variant, const SeededBug& bug) {
  const ProcessResult run = RunProcess({DriverVariant(variant).string(), "repro", "--quiet",
                                        "--json", "--", (SourceRoot() / bug.programs[0]).string()});
  const Json report = Json::parse(run.output, nullptr, false);
  if (!report.is_object()) throw EnvironmentError(variant + ": " + run.output);
  const Json& verdict = report["programs"][0]["verdict"];
  return verdict.is_null() ? "" : verdict["invariant"].get<std::string>();
}

}  // namespace

int RunBlind(const BugsOptions& options) {
  Json rows = Json::array();
  size_t wrong = 0;
  for (const auto& path : FilesIn(SourceRoot() / "oracle/blind", ".patch")) {
    const BlindRule rule = ReadRule(path);
    const SeededBug bug = FindSeededBug(SourceRoot(), rule.bug);
    if (bug.programs.empty()) throw UsageError(rule.id + ": " + bug.id + " names no program");
    const std::string whole = SeenBy(bug.id, bug);
    const std::string blind = SeenBy(rule.id, bug);
    const bool good = !whole.empty() && blind.empty();
    wrong += !good;
    rows.push_back({{"id", rule.id},
                    {"title", rule.title},
                    {"bug", bug.id},
                    {"program", bug.programs[0]},
                    {"seen_by", whole},
                    {"blind_seen_by", blind},
                    {"load_bearing", good}});
    if (options.json) continue;
    fmt::print("{} {:<10} {} {} {:<6} {}\n", rule.id, good ? "unseen" : "NOT TESTED", bug.id, whole,
               blind, rule.title);
  }
  if (options.json) {
    Json report = Provenance("sidewall.blind/2");
    report["command"] = "sidewall bugs --blind";
    report["rules"] = rows;
    fmt::print("{}\n", report.dump(2));
  } else {
    fmt::print("{} rules, {} of them not tested\n", rows.size(), wrong);
  }
  return wrong == 0 && !rows.empty() ? kExitOk : kExitFinding;
}

}  // namespace sidewall::cli
