// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// One run of QEMU over an EL2 image. Its RAM is memory that this process has too, so that the
// kernel is put there and the record taken from there without any file.
//
//     BootMachine machine;
//     machine.Put(boot::kKernel, image);
//     machine.block()->magic = boot::kBlockMagic;
//     BootEnd end = machine.Run({.image = "boot-shipped.elf", .limit_s = 120}, on_line);
#ifndef SIDEWALL_CLI_BOOT_MACHINE_H_
#define SIDEWALL_CLI_BOOT_MACHINE_H_

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "replay/boot/block.h"

namespace sidewall::cli {

struct BootRun {
  std::filesystem::path image;
  std::filesystem::path log;  // of the console; written as it comes
  int limit_s = 120;          // wall clock
};

struct BootEnd {
  bool timed_out = false;
  bool panicked = false;  // the console said so
  int exit_code = 0;      // QEMU's
  double seconds = 0;
  std::string last_line;
  std::string qemu_says;  // the first thing that QEMU itself said
};

class BootMachine {
 public:
  BootMachine();
  ~BootMachine();
  BootMachine(const BootMachine&) = delete;
  BootMachine& operator=(const BootMachine&) = delete;

  void Put(uint64_t address, std::string_view bytes);
  boot::Block* block() const { return boot::BlockIn(ram_); }
  void* ram() const { return ram_; }
  // Runs until the machine is off, the limit has passed, or a panic was seen. No process is left.
  BootEnd Run(const BootRun& run, const std::function<void(const std::string&)>& on_line);

 private:
  int fd_ = -1;
  void* ram_ = nullptr;
};

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_BOOT_MACHINE_H_
