// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kToolName[] = "sidewall-tool";

fs::path ThisProgram() {
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) throw EnvironmentError("cannot read /proc/self/exe: " + error.message());
  return self;
}

}  // namespace

fs::path SourceRoot() {
  const char* root = std::getenv("SIDEWALL_ROOT");
  if (root == nullptr || *root == '\0') {
    throw EnvironmentError("SIDEWALL_ROOT is not set: start this program through ./sidewall");
  }
  return root;
}

fs::path BuildFolder() {
  const char* folder = std::getenv("SIDEWALL_BUILD_DIR");
  if (folder != nullptr && *folder != '\0') return folder;
  return ThisProgram().parent_path().parent_path();
}

fs::path DriverVariant(const std::string& driver) {
  std::string name = kToolName;
  if (!driver.empty()) name += "." + driver;
  fs::path program = ThisProgram().parent_path() / name;
  if (!fs::exists(program)) {
    throw EnvironmentError(program.string() +
                           " was not built; build the target sidewall-tools in " +
                           BuildFolder().string());
  }
  return program;
}

std::string ReadTextFile(const fs::path& path, size_t limit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UsageError(path.string() + ": " + std::strerror(errno));
  std::string text;
  std::vector<char> part(size_t{1} << 16);
  while (file.good() && text.size() <= limit) {
    file.read(part.data(), static_cast<std::streamsize>(part.size()));
    text.append(part.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad() || fs::is_directory(path)) {
    throw UsageError(path.string() + ": is not a file that can be read");
  }
  if (text.size() > limit) {
    throw UsageError(
        fmt::format("{}: longer than {} bytes, for which there is room", path.string(), limit));
  }
  return text;
}

std::vector<fs::path> FilesIn(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_regular_file() && entry.path().extension() == extension) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace sidewall::cli
