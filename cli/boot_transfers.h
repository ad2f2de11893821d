// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What must be true of the transfers of a run, of the page that was given away under one of them,
// and of what the kernel did when it woke.
//
//     CheckTransfers(question, &checks);
//     for (const std::string& finding : checks.findings) ...
#ifndef SIDEWALL_CLI_BOOT_TRANSFERS_H_
#define SIDEWALL_CLI_BOOT_TRANSFERS_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "cli/boot_checks.h"

namespace sidewall::cli {

void CheckTransfers(const BootQuestion& question, BootChecks* checks);

// The SMMU windows in which rows [first, last) have an S2CR that points at a bank, stored through
// the driver.
std::set<size_t> AttachedWindows(const std::vector<boot::Row>& rows, size_t first, size_t last);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_BOOT_TRANSFERS_H_
