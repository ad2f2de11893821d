// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// An initial RAM disc: a cpio archive in the form that the kernel unpacks.
//
//     Initrd initrd;
//     initrd.AddFile("init", 0755, bytes);
//     initrd.AddFolder("modules");
//     std::string archive = initrd.Finish();
#ifndef SIDEWALL_REPLAY_INITRD_H_
#define SIDEWALL_REPLAY_INITRD_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace sidewall::replay {

class Initrd {
 public:
  void AddFile(std::string_view name, uint32_t mode, std::string_view content);
  void AddFolder(std::string_view name);
  // A character device.
  void AddDevice(std::string_view name, uint32_t major, uint32_t minor);
  std::string Finish();

 private:
  void Add(std::string_view name, uint32_t mode, std::string_view content, uint32_t major,
           uint32_t minor);

  std::string archive_;
  uint32_t inode_ = 1;
};

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_INITRD_H_
