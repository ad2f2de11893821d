// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What of the sources an address of this program's code is.
//
//     SourceLines(site);      // {"WriteEntry at driver/smmu_stream.cc:97", "HandleAccess at ..."}
#ifndef SIDEWALL_CLI_SOURCE_LINES_H_
#define SIDEWALL_CLI_SOURCE_LINES_H_

#include <string>
#include <vector>

namespace sidewall::cli {

// `site` is a return address; what is named is the call before it, with the functions that it was
// inlined into, innermost first. Accessors (driver/plat.h, driver/state.h) are left out. Empty for
// null and where no symbolizer is installed.
std::vector<std::string> SourceLines(const void* site);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_SOURCE_LINES_H_
