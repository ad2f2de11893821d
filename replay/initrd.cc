// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/initrd.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace sidewall::replay {

void Initrd::Add(std::string_view name, uint32_t mode, std::string_view content, uint32_t major,
                 uint32_t minor) {
  const auto pad = [this] { archive_.resize((archive_.size() + 3) / 4 * 4, '\0'); };
  archive_ += "070701";
  for (const uint64_t field :
       {uint64_t{inode_++}, uint64_t{mode}, uint64_t{0}, uint64_t{0}, uint64_t{1}, uint64_t{0},
        uint64_t{content.size()}, uint64_t{0}, uint64_t{0}, uint64_t{major}, uint64_t{minor},
        uint64_t{name.size() + 1}, uint64_t{0}}) {
    archive_ += fmt::format("{:08x}", field);
  }
  archive_ += name;
  archive_.push_back('\0');
  pad();
  archive_ += content;
  pad();
}

void Initrd::AddFile(std::string_view name, uint32_t mode, std::string_view content) {
  Add(name, S_IFREG | mode, content, 0, 0);
}

void Initrd::AddFolder(std::string_view name) { Add(name, S_IFDIR | 0755, "", 0, 0); }

void Initrd::AddDevice(std::string_view name, uint32_t major, uint32_t minor) {
  Add(name, S_IFCHR | 0600, "", major, minor);
}

std::string Initrd::Finish() {
  Add("TRAILER!!!", 0, "", 0, 0);
  archive_.resize((archive_.size() + 511) / 512 * 512, '\0');
  return archive_;
}

}  // namespace sidewall::replay
