// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// One function a verb: it adds its subcommand to the application and leaves what the program
// will exit with in *exit_code when the subcommand has run.
//
//     void RegisterList(CLI::App& app, int* exit_code) {
//       CLI::App* verb = app.add_subcommand("list", "what there is");
//       verb->callback([=] { *exit_code = RunList(); });
//     }
//
// Data goes to stdout and talk to stderr, so that `sidewall list --json | jq` works.
#ifndef SIDEWALL_CLI_VERBS_H_
#define SIDEWALL_CLI_VERBS_H_

#include <CLI/CLI.hpp>

namespace sidewall::cli {

void RegisterAsm(CLI::App& app, int* exit_code);
void RegisterBench(CLI::App& app, int* exit_code);
void RegisterBoot(CLI::App& app, int* exit_code);
void RegisterBugs(CLI::App& app, int* exit_code);
void RegisterCheck(CLI::App& app, int* exit_code);
void RegisterDemo(CLI::App& app, int* exit_code);
void RegisterExplain(CLI::App& app, int* exit_code);
void RegisterFmt(CLI::App& app, int* exit_code);
void RegisterFuzz(CLI::App& app, int* exit_code);
void RegisterList(CLI::App& app, int* exit_code);
void RegisterReplay(CLI::App& app, int* exit_code);
void RegisterRepro(CLI::App& app, int* exit_code);
void RegisterTrace(CLI::App& app, int* exit_code);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_VERBS_H_
