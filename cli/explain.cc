// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall explain ID`: an invariant in words, where it is checked, and one program on either
// side of it. The programs are found by their names: corpus/board/bad/iso05-what-it-does.sw.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <sstream>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/invariant_state.h"
#include "cli/verbs.h"
#include "oracle/invariant.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;

std::string ToCode(std::string id) {
  for (char& c : id) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return id;
}

std::string ToLower(std::string code) {
  for (char& c : code) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return code;
}

// The first program of a corpus folder that belongs to the invariant.
std::optional<fs::path> FindProgram(const std::string& folder, const std::string& code) {
  const std::string stem = ToLower(code) + "-";
  for (const fs::path& path : FilesIn(SourceRoot() / "corpus/board" / folder, ".sw")) {
    if (path.filename().string().starts_with(stem)) return path;
  }
  return std::nullopt;
}

// "Iso05FloorEntry (oracle/checks_isolation.cc:173)": the functions that look at the invariant.
// Their names begin with its ID, and each is defined at the margin of a file of the oracle.
std::vector<std::string> WhereChecked(const std::string& code) {
  const std::regex definition("^\\S.*::(" + code.substr(0, 1) + ToLower(code.substr(1)) +
                              "\\w*)\\(");
  std::vector<std::string> places;
  for (const fs::path& path : FilesIn(SourceRoot() / "oracle", ".cc")) {
    std::istringstream text(ReadTextFile(path));
    std::string line;
    std::smatch match;
    for (int number = 1; std::getline(text, line); ++number) {
      if (!std::regex_search(line, match, definition)) continue;
      places.push_back(
          fmt::format("{} (oracle/{}:{})", match.str(1), path.filename().string(), number));
    }
  }
  return places;
}

void PrintProgram(const char* title, const std::optional<fs::path>& path) {
  if (!path) {
    fmt::print("\n{}: there is none in the corpus yet\n", title);
    return;
  }
  fmt::print("\n{}: {}\n", title, fs::relative(*path, SourceRoot()).string());
  std::istringstream text(ReadTextFile(*path));
  std::string line;
  while (std::getline(text, line)) {
    fmt::print("{}{}\n", line.empty() ? "" : "    ", line);
  }
}

void PrintText(const InvariantInfo& info, const std::vector<std::string>& places,
               const std::optional<fs::path>& good, const std::optional<fs::path>& bad) {
  fmt::print("{} {}\n\n{}\n\n", info.code, info.name, info.meaning);
  if (!places.empty()) {
    fmt::print("{}, by:\n    {}\n", StateOf(info), fmt::join(places, "\n    "));
  } else {
    const bool elsewhere = StateOf(info) != kNotChecked;
    fmt::print("{}{}\n", StateOf(info),
               elsewhere ? " outside the oracle: see oracle/README.md" : "");
  }
  PrintProgram("a good program", good);
  PrintProgram("a bad program", bad);
}

void PrintJson(const InvariantInfo& info, const std::vector<std::string>& places,
               const std::optional<fs::path>& good, const std::optional<fs::path>& bad) {
  auto relative = [](const std::optional<fs::path>& path) -> nlohmann::ordered_json {
    if (!path) return nullptr;
    return fs::relative(*path, SourceRoot()).string();
  };
  nlohmann::ordered_json report = {{"schema", "sidewall.explain/1"},
                                   {"id", info.code},
                                   {"name", info.name},
                                   {"meaning", info.meaning},
                                   {"checked", info.implemented},
                                   {"state", StateOf(info)},
                                   {"checked_in", places},
                                   {"good", relative(good)},
                                   {"bad", relative(bad)}};
  fmt::print("{}\n", report.dump(2));
}

int RunExplain(const std::string& id, bool json) {
  const std::string code = ToCode(id);
  const InvariantInfo* info = FindInvariant(code);
  if (info == nullptr || info->id == Invariant::kNone) {
    throw UsageError("there is no invariant " + code + "; `sidewall list invariants` names them");
  }
  std::vector<std::string> places = WhereChecked(code);
  std::optional<fs::path> good = FindProgram("good", code);
  std::optional<fs::path> bad = FindProgram("bad", code);
  (json ? PrintJson : PrintText)(*info, places, good, bad);
  return kExitOk;
}

}  // namespace

void RegisterExplain(CLI::App& app, int* exit_code) {
  struct Options {
    std::string id;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("explain", "an invariant: meaning, a good and a bad program");
  verb->add_option("id", options->id, "ISO01, fun03, ...")->required();
  verb->add_flag("--json", options->json, "machine-readable");
  verb->callback([=] { *exit_code = RunExplain(options->id, options->json); });
}

}  // namespace sidewall::cli
