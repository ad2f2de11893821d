// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// One run of `boot`, for people and as JSON.
//
//     PrintBoot(run, false);
//     PrintRatios(run, canary);
#ifndef SIDEWALL_CLI_BOOT_REPORT_H_
#define SIDEWALL_CLI_BOOT_REPORT_H_

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/boot_checks.h"
#include "cli/boot_machine.h"
#include "replay/boot_record.h"

namespace sidewall::cli {

struct BootOutcome {
  std::string kernel;
  std::string driver;
  std::filesystem::path folder;
  BootEnd end;
  replay::BootRecord record;
  std::vector<std::string> console;
  BootChecks checks;
};

// `base`: a run over the canary that is only there to be compared with; what it lets through is no
// finding.
void PrintBoot(const BootOutcome& run, bool base);
// Boot time, accesses, and instructions by class, against the canary that forwards everything.
void PrintRatios(const BootOutcome& run, const BootOutcome& canary);
nlohmann::json JsonOfBoot(const BootOutcome& run);
nlohmann::json JsonOfRatios(const BootOutcome& run, const BootOutcome& canary);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_BOOT_REPORT_H_
