// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall check`: clang-tidy, by .clang-tidy, over what was built. It reports; what gates is in
// `sidewall test`.
#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"
#include "cli/verbs.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kTidy[] = "clang-tidy-19";
constexpr int kProgramNotFound = 127;

bool IsBelow(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// Sources of the house that were compiled, and that lie under one of `wanted` (all when empty).
std::vector<std::string> Sources(const fs::path& build, const std::vector<std::string>& wanted) {
  const fs::path root = SourceRoot();
  std::set<std::string> sources;
  for (const auto& command : nlohmann::json::parse(ReadTextFile(build / "compile_commands.json"))) {
    const fs::path file = command.at("file").get<std::string>();
    if (!IsBelow(file, root) || IsBelow(file, build)) continue;
    bool take = wanted.empty();
    for (const std::string& path : wanted) {
      const fs::path absolute = fs::absolute(path).lexically_normal();
      take |= file == absolute || IsBelow(file, absolute);
    }
    if (take) sources.insert(file.string());
  }
  return {sources.begin(), sources.end()};
}

struct Report {
  std::mutex mutex;
  std::set<std::string> warnings;  // one line each; a header's are seen by many sources
  std::string missing;             // why clang-tidy could not run
};

void TidyOne(const fs::path& build, const std::string& source, Report* report) {
  const ProcessResult result = RunProcess({kTidy, "--quiet", "-p", build.string(), source});
  std::lock_guard<std::mutex> lock(report->mutex);
  if (result.exit_code == kProgramNotFound) {
    report->missing = result.output;
    return;
  }
  std::istringstream lines(result.output);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.find(": warning: ") == std::string::npos &&
        line.find(": error: ") == std::string::npos) {
      continue;
    }
    const std::string root = SourceRoot().string() + "/";
    if (line.starts_with(root)) line.erase(0, root.size());
    report->warnings.insert(line);
  }
}

void TidyAll(const fs::path& build, const std::vector<std::string>& sources, Report* report) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    workers.emplace_back([&] {
      for (size_t at = next++; at < sources.size(); at = next++) {
        fmt::print(stderr, "[{}/{}] {}\n", at + 1, sources.size(),
                   fs::path(sources[at]).lexically_relative(SourceRoot()).string());
        TidyOne(build, sources[at], report);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
}

int RunCheck(const std::vector<std::string>& paths, bool json) {
  const fs::path build = BuildFolder();
  const std::vector<std::string> sources = Sources(build, paths);
  if (sources.empty()) throw UsageError("no compiled source lies under what was named");
  Report report;
  TidyAll(build, sources, &report);
  if (!report.missing.empty()) {
    throw EnvironmentError(report.missing + "; install the package clang-tidy-19");
  }
  if (json) {
    nlohmann::ordered_json out = {
        {"schema", "sidewall.check/1"}, {"sources", sources.size()}, {"warnings", report.warnings}};
    fmt::print("{}\n", out.dump(2));
  } else {
    for (const std::string& warning : report.warnings) fmt::print("{}\n", warning);
    fmt::print("{} sources, {} warnings\n", sources.size(), report.warnings.size());
  }
  return report.warnings.empty() ? kExitOk : kExitFinding;
}

}  // namespace

void RegisterCheck(CLI::App& app, int* exit_code) {
  struct Options {
    std::vector<std::string> paths;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("check", "clang-tidy over the sources");
  verb->add_option("paths", options->paths, "files or folders; all by default");
  verb->add_flag("--json", options->json, "machine-readable");
  verb->callback([=] { *exit_code = RunCheck(options->paths, options->json); });
}

}  // namespace sidewall::cli
