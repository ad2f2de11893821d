// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// How far the tree looks at an invariant, in the words that people read.
//
//     StateOf(*FindInvariant("ISO01"));   // "checked"
//     StateOf(*FindInvariant("MEM01"));   // "in part"
#ifndef SIDEWALL_CLI_INVARIANT_STATE_H_
#define SIDEWALL_CLI_INVARIANT_STATE_H_

#include <string_view>

#include "oracle/invariant.h"

namespace sidewall::cli {

inline constexpr std::string_view kNotChecked = "named, not checked yet";

// In part: MEM01 looks at the pages that are given out, and at what a sanitizer says where one is
// built in.
inline std::string_view StateOf(const InvariantInfo& info) {
  if (info.implemented) return "checked";
  return info.id == Invariant::kMem01 ? "in part" : kNotChecked;
}

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_INVARIANT_STATE_H_
