// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The fuzz targets that run programs on boards, and what each of them looks at.
//
//     RunsBoards("secrecy");          // true: counts what it exercises, leaves programs behind
//     ArmedBy("secrecy");             // ISO13 alone
//     FuzzerOf("secrecy", "SB460");   // "secrecy_fuzzer-SB460"
#ifndef SIDEWALL_CLI_TARGETS_H_
#define SIDEWALL_CLI_TARGETS_H_

#include <string>

#include "oracle/invariant.h"

namespace sidewall::cli {

inline constexpr char kBoardTarget[] = "board";
inline constexpr char kSecrecyTarget[] = "secrecy";

inline bool RunsBoards(const std::string& target) {
  return target == kBoardTarget || target == kSecrecyTarget;
}

// ISO13 takes two boards, on which nothing else is looked at.
inline InvariantSet ArmedBy(const std::string& target) {
  constexpr InvariantSet kSecrecy = Bit(Invariant::kIso13);
  return target == kSecrecyTarget ? kSecrecy : AllInvariants() & ~kSecrecy;
}

// The program of a target, over the driver that ships where no bug is named.
inline std::string FuzzerOf(const std::string& target, const std::string& bug) {
  return target + "_fuzzer" + (bug.empty() ? "" : "-" + bug);
}

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_TARGETS_H_
