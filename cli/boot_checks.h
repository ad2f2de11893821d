// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What must be true of a run: of what the kernel said, and of what EL2 recorded.
//
//     BootChecks checks = CheckBoot(question);
//     for (const std::string& finding : checks.findings) ...
#ifndef SIDEWALL_CLI_BOOT_CHECKS_H_
#define SIDEWALL_CLI_BOOT_CHECKS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/boot_machine.h"
#include "replay/boot_record.h"

namespace sidewall::cli {

struct BootQuestion {
  std::string driver;
  bool hostile = false;
  bool late = false;     // takeover after the kernel's probe
  bool dmatest = false;  // transfers are expected
  int limit_s = 0;
  const BootEnd* end = nullptr;
  const replay::BootRecord* record = nullptr;
  const std::vector<std::string>* console = nullptr;
  // What the driver must decide of each hostile access, in their order, as BootChecks::decided_as.
  const std::vector<std::string>* decisions = nullptr;
};

struct BootChecks {
  std::vector<std::string> findings;  // empty: as it should be
  bool ended = false;                 // the guest's program ran to its end, and switched off
  uint64_t smmus = 0;                 // that the kernel's driver probed
  uint64_t accesses = 0;
  uint64_t attempts = 0;  // that the hostile program told
  uint64_t recorded = 0;  // and that trapped, access for access
  uint64_t decided = 0;   // with a decision of the driver
  uint64_t leaks = 0;     // after which the marked page could be reached
  uint64_t overrides_read = 0;
  uint64_t overrides_written = 0;  // by the kernel's driver of the memory controller
  uint64_t overrides_refused = 0;
  uint64_t dmatest_tests = 0;
  uint64_t dmatest_failures = 0;
  // "CLIENTPD on niso0: virtual", and the reason where there is one: one for each hostile access
  // that trapped as it was told.
  std::vector<std::string> decided_as;
  std::map<std::string, uint64_t> decisions;
  std::map<std::string, uint64_t> reasons;
};

BootChecks CheckBoot(const BootQuestion& question);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_BOOT_CHECKS_H_
