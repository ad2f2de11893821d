// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/source_lines.h"

#include <fmt/format.h>
#include <link.h>

#include <cstdint>
#include <filesystem>
#include <sstream>

#include "cli/process.h"

namespace sidewall::cli {
namespace {

// The first object that is told of is the program itself.
int TakeFirst(dl_phdr_info* info, size_t, void* base) {
  *static_cast<uint64_t*>(base) = info->dlpi_addr;
  return 1;
}

// "build/dev/bugs/SB007/driver/stage2.cc:91:3" is driver/stage2.cc:91, wherever it was built.
std::string Place(const std::string& place) {
  const size_t column = place.rfind(':');
  const size_t room = place.rfind("driver/");
  const size_t start = room == std::string::npos ? 0 : room;
  return place.substr(start, column == std::string::npos ? column : column - start);
}

}  // namespace

std::vector<std::string> SourceLines(const void* site) {
  if (site == nullptr) return {};
  uint64_t base = 0;
  dl_iterate_phdr(TakeFirst, &base);
  const uint64_t address = reinterpret_cast<uintptr_t>(site) - base - 1;
  const ProcessResult result =
      RunProcess({"llvm-symbolizer-19", "--functions=short", "--inlines",
                  "--obj=" + std::filesystem::read_symlink("/proc/self/exe").string(),
                  fmt::format("0x{:x}", address)});
  if (result.exit_code != 0) return {};
  std::vector<std::string> lines;
  std::istringstream text(result.output);
  std::string function, place;
  while (std::getline(text, function) && std::getline(text, place)) {
    const bool accessor = place.find("driver/plat.h") != std::string::npos ||
                          place.find("driver/state.h") != std::string::npos;
    if (function == "??" || accessor) continue;
    lines.push_back(function + " at " + Place(place));
  }
  return lines;
}

}  // namespace sidewall::cli
