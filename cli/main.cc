// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The program behind ./sidewall. It only puts the verbs together; each has its own file.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"

namespace sidewall::cli {
namespace {

int Complain(const std::exception& error, int code) {
  std::fprintf(stderr, "sidewall: %s\n", error.what());
  return code;
}

int Run(CLI::App& app, int argc, char** argv) {
  int exit_code = kExitOk;
  for (const auto add : {RegisterAsm, RegisterBench, RegisterBoot, RegisterBugs, RegisterCheck,
                         RegisterDemo, RegisterExplain, RegisterFmt, RegisterFuzz, RegisterList,
                         RegisterReplay, RegisterRepro, RegisterTrace}) {
    add(app, &exit_code);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has a code for each kind of mistake; ours has one for all of them.
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const EnvironmentError& error) {
    return Complain(error, kExitEnvironment);
  } catch (const std::filesystem::filesystem_error& error) {
    return Complain(error, kExitUsage);
  } catch (const std::system_error& error) {
    // Output that could not be written.
    return Complain(error, kExitEnvironment);
  } catch (const std::exception& error) {
    return Complain(error, kExitUsage);
  }
  return exit_code;
}

int Main(int argc, char** argv) {
  CLI::App app("Sidewall attacks an SMMU driver on modelled hardware.", "sidewall");
  app.require_subcommand(1);
  const int exit_code = Run(app, argc, argv);
  // A full disc shows only when the last bytes leave, or when more came than a buffer holds.
  const bool flushed = std::fflush(stdout) == 0 && std::cout.flush().good();
  if (!flushed || std::ferror(stdout) != 0) {
    std::fprintf(stderr, "sidewall: cannot write to standard output\n");
    return kExitEnvironment;
  }
  return exit_code;
}

}  // namespace
}  // namespace sidewall::cli

int main(int argc, char** argv) { return sidewall::cli::Main(argc, argv); }
