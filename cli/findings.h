// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a campaign found, as programs that people can read.
//
//     for (const Finding& finding : CollectFindings(options, campaign.binary(), artifacts)) {
//       finding.program;    // OUT/findings/ISO05-entry-0123abcd/min.sw
//     }
#ifndef SIDEWALL_CLI_FINDINGS_H_
#define SIDEWALL_CLI_FINDINGS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "cli/campaign.h"

namespace sidewall::cli {

struct Finding {
  std::string artifact;
  std::string bucket;
  std::string title;
  std::string program;  // path of min.sw, or of the input where there is no program
};

// Writes where findings go; throws EnvironmentError when something cannot be written.
void WriteOrThrow(const std::filesystem::path& path, std::string_view text);

// Runs each input again, makes it smaller, writes its report, and keeps one finding a bucket.
std::vector<Finding> CollectFindings(const FuzzOptions& options,
                                     const std::filesystem::path& binary,
                                     const std::vector<std::filesystem::path>& artifacts);

// The exact command that shows a finding again.
std::string ReproCommand(const FuzzOptions& options, const std::filesystem::path& binary,
                         const Finding& finding);

// One input over the driver that is linked into this process. Prints "bucket<TAB>title<TAB>program"
// for the process that collects; nothing when the input breaks nothing here. Returns an exit code.
int TriageInput(const FuzzOptions& options);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_FINDINGS_H_
