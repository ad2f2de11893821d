// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The exit codes of every verb. Scripts and `git bisect run` rely on them, so they never change.
//
//     if (!result.ok) *exit_code = kExitFinding;
#ifndef SIDEWALL_CLI_EXIT_CODES_H_
#define SIDEWALL_CLI_EXIT_CODES_H_

namespace sidewall::cli {

inline constexpr int kExitOk = 0;             // as expected
inline constexpr int kExitFinding = 1;        // something was found
inline constexpr int kExitUsage = 2;          // wrong arguments, or a file that cannot be read
inline constexpr int kExitDivergence = 4;     // host build and aarch64 build differ
inline constexpr int kExitContract = 5;       // a contract with the outside is broken
inline constexpr int kExitEnvironment = 125;  // a package, folder or program is missing

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_EXIT_CODES_H_
