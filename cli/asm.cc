// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall asm: text programs to their binary form.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "fuzz/program.h"
#include "fuzz/program_file.h"

namespace sidewall::cli {
namespace {

struct AsmOptions {
  std::vector<std::string> paths;
  std::string out;
};

int Complain(const std::string& what, int code = kExitUsage) {
  std::fprintf(stderr, "sidewall asm: %s\n", what.c_str());
  return code;
}

int RunAsm(const AsmOptions& options) {
  if (!options.out.empty() && options.paths.size() != 1) {
    return Complain("--out takes one program; without it each goes beside its source, as .swb");
  }
  for (const std::string& path : options.paths) {
    fuzz::Program program;
    std::string source, problem;
    if (!fuzz::ReadFile(path, &source, &problem)) return Complain(problem);
    if (fuzz::IsBinaryProgram(source)) return Complain(path + ": is binary already");
    if (!fuzz::ParseProgram(source, path, &program, &problem)) return Complain(problem);
    const std::vector<uint8_t> bytes = fuzz::Encode(program);
    const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (options.out == "-") {
      if (isatty(STDOUT_FILENO) != 0) return Complain("will not write bytes to a terminal");
      std::fwrite(view.data(), 1, view.size(), stdout);
      continue;
    }
    std::string out = options.out;
    if (out.empty()) {
      const std::string stem = path.ends_with(".sw") ? path.substr(0, path.size() - 3) : path;
      out = stem + ".swb";
    }
    if (!fuzz::WriteFile(out, view, &problem)) return Complain(problem, kExitEnvironment);
  }
  return kExitOk;
}

}  // namespace

void RegisterAsm(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<AsmOptions>();
  CLI::App* verb = app.add_subcommand("asm", "text programs to bytes");
  verb->add_option("FILE", options->paths, "programs")->required();
  verb->add_option("-o,--out", options->out, "where to write; - is standard output");
  verb->callback([=] { *exit_code = RunAsm(*options); });
}

}  // namespace sidewall::cli
