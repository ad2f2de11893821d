// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The program behind ./sidewall. It only puts the verbs together; each has its own file.
#include <cstdio>
#include <exception>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"

namespace sidewall::cli {
namespace {

int Main(int argc, char** argv) {
  CLI::App app("Sidewall attacks an SMMU driver on modelled hardware.", "sidewall");
  app.require_subcommand(1);
  int exit_code = kExitOk;
  RegisterAsm(app, &exit_code);
  RegisterBugs(app, &exit_code);
  RegisterCheck(app, &exit_code);
  RegisterDemo(app, &exit_code);
  RegisterExplain(app, &exit_code);
  RegisterFmt(app, &exit_code);
  RegisterFuzz(app, &exit_code);
  RegisterList(app, &exit_code);
  RegisterReplay(app, &exit_code);
  RegisterRepro(app, &exit_code);
  RegisterTrace(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has a code for each kind of mistake; ours has one for all of them.
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const EnvironmentError& error) {
    std::fprintf(stderr, "sidewall: %s\n", error.what());
    return kExitEnvironment;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sidewall: %s\n", error.what());
    return kExitUsage;
  }
  // A full disc shows only when the last bytes leave.
  if (std::fflush(stdout) != 0) {
    std::perror("sidewall: cannot write to standard output");
    return kExitEnvironment;
  }
  return exit_code;
}

}  // namespace
}  // namespace sidewall::cli

int main(int argc, char** argv) { return sidewall::cli::Main(argc, argv); }
