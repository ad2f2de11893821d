// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Where things are, and what to say when they are not there.
//
//     std::string text = ReadTextFile(SourceRoot() / "oracle/bugs/SB001-forward-bypass.patch");
//     std::filesystem::path tool = DriverVariant("SB001");   // this program over another driver
#ifndef SIDEWALL_CLI_ENVIRONMENT_H_
#define SIDEWALL_CLI_ENVIRONMENT_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace sidewall::cli {

// Something that the machine lacks; the program ends with kExitEnvironment.
class EnvironmentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A file or argument that is wrong; the program ends with kExitUsage.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The root of the sources: $SIDEWALL_ROOT, which ./sidewall sets.
std::filesystem::path SourceRoot();

// The folder that this program was built in: $SIDEWALL_BUILD_DIR, or what /proc/self/exe shows.
std::filesystem::path BuildFolder();

// This program linked over another driver: `passthrough`, `denyall`, `SB001` or, for the one that
// ships, the empty string. Throws EnvironmentError when it was not built.
std::filesystem::path DriverVariant(const std::string& driver);

// Throws UsageError that names the file and the reason; one that is longer than `limit` bytes, as a
// device may be without end, among them.
std::string ReadTextFile(const std::filesystem::path& path, size_t limit = SIZE_MAX);

// The files of a folder with this extension (".sw"), sorted by name. None where there is no folder.
std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& folder,
                                           const std::string& extension);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_ENVIRONMENT_H_
