// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What those who look at a run have in common: the question, and where their findings go.
//
//     class Checker : BootFinder {
//       void Run() { if (!Said("sidewall: done")) Find("it went off after {} s", seconds); }
//     };
#ifndef SIDEWALL_CLI_BOOT_FINDER_H_
#define SIDEWALL_CLI_BOOT_FINDER_H_

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cli/boot_checks.h"

namespace sidewall::cli {

inline bool IsMark(const boot::Row& row, uint64_t value) {
  return row.kind == boot::RowKind::kMark && row.value == value;
}

class BootFinder {
 protected:
  BootFinder(const BootQuestion& question, BootChecks* checks) : q_(question), checks_(*checks) {}

  bool shipped() const { return q_.driver == "shipped"; }
  template <typename... T>
  void Find(fmt::format_string<T...> format, T&&... arguments) {
    checks_.findings.push_back(fmt::format(format, std::forward<T>(arguments)...));
  }
  // How many lines of the console have the text.
  uint64_t CountSaid(std::string_view text) const {
    return static_cast<uint64_t>(std::count_if(
        q_.console->begin(), q_.console->end(),
        [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }
  bool Said(std::string_view text) const { return CountSaid(text) != 0; }

  const BootQuestion& q_;
  BootChecks& checks_;
};

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_BOOT_FINDER_H_
