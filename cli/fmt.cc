// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall fmt: programs to canonical text.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "fuzz/program.h"
#include "fuzz/program_file.h"

namespace sidewall::cli {
namespace {

struct FmtOptions {
  std::vector<std::string> paths;
  bool check = false;
  bool upgrade = false;
};

bool Canonical(const std::string& path, const std::string& bytes, std::string* text) {
  std::string problem;
  if (fuzz::IsBinaryProgram(bytes)) {
    fuzz::Program program;
    if (fuzz::ParseProgram(bytes, path, &program, &problem)) {
      *text = fuzz::FormatText(program);
      return true;
    }
  } else {
    fuzz::ParseError error;
    if (fuzz::FormatSource(bytes, text, &error)) return true;
    problem = fuzz::ErrorText(path, error);
  }
  std::fprintf(stderr, "sidewall fmt: %s\n", problem.c_str());
  return false;
}

int FormatOne(const FmtOptions& options, const std::string& path) {
  std::string bytes;
  std::string text;
  std::string problem;
  if (!fuzz::ReadFile(path, &bytes, &problem)) {
    std::fprintf(stderr, "sidewall fmt: %s\n", problem.c_str());
    return kExitUsage;
  }
  if (options.upgrade && fuzz::IsBinaryProgram(bytes)) {
    std::fprintf(stderr, "sidewall fmt: %s: is binary; print its text without --upgrade\n",
                 path.c_str());
    return kExitUsage;
  }
  if (!Canonical(path, bytes, &text)) return kExitUsage;
  const bool same = text == bytes;
  if (options.check) {
    if (!same) std::printf("%s is not canonical: run `sidewall fmt --upgrade`\n", path.c_str());
    return same ? kExitOk : kExitFinding;
  }
  if (!options.upgrade) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return kExitOk;
  }
  if (!same && !fuzz::WriteFile(path, text, &problem)) {
    std::fprintf(stderr, "sidewall fmt: %s\n", problem.c_str());
    return kExitEnvironment;
  }
  if (!same) std::fprintf(stderr, "rewrote %s\n", path.c_str());
  return kExitOk;
}

int RunFmt(const FmtOptions& options) {
  std::vector<std::string> files;
  std::string problem;
  if (!fuzz::FindPrograms(options.paths, &files, &problem)) {
    std::fprintf(stderr, "sidewall fmt: %s\n", problem.c_str());
    return kExitUsage;
  }
  if (files.empty()) {
    std::fprintf(stderr, "sidewall fmt: no programs (*.sw, *.swb) there\n");
    return kExitUsage;
  }
  int result = kExitOk;
  for (const std::string& file : files) result = std::max(result, FormatOne(options, file));
  return result;
}

}  // namespace

void RegisterFmt(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<FmtOptions>();
  CLI::App* verb = app.add_subcommand("fmt", "programs, bytes or text, to canonical text");
  verb->add_option("FILE", options->paths, "programs, or folders of them")->required();
  CLI::Option* check =
      verb->add_flag("--check", options->check, "write nothing, exit 1 if a file is not canonical");
  verb->add_flag("--upgrade", options->upgrade,
                 "rewrite the files in the newest version of the format")
      ->excludes(check);
  verb->callback([=] { *exit_code = RunFmt(*options); });
}

}  // namespace sidewall::cli
