// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Another program, run to its end.
//
//     ProcessResult r = RunProcess({"cmake", "--build", folder, "--target", "board_fuzzer"});
//     if (r.exit_code != 0) throw EnvironmentError(r.output);
#ifndef SIDEWALL_CLI_PROCESS_H_
#define SIDEWALL_CLI_PROCESS_H_

#include <string>
#include <vector>

namespace sidewall::cli {

struct ProcessResult {
  int exit_code = 0;   // 128 + number when a signal ended it, 127 when it could not be started
  std::string output;  // both streams, as they came
};

// Standard input is empty. The program is looked for in PATH.
ProcessResult RunProcess(const std::vector<std::string>& command);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_PROCESS_H_
