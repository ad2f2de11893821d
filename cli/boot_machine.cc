// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/boot_machine.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>

#include <chrono>
#include <fstream>

#include "cli/child_process.h"
#include "cli/environment.h"

namespace sidewall::cli {
namespace {

using Clock = std::chrono::steady_clock;

// How long the machine may take to switch itself off once it has said that it panicked.
constexpr auto kPanicGrace = std::chrono::seconds(5);

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<std::string> Command(const std::filesystem::path& image, int fd) {
  // One instruction is one nanosecond of the machine's time: a run takes the same course each time,
  // and the cycle counter counts instructions.
  // No device of QEMU's that reaches memory itself is there, nor interrupts that lie in memory:
  // what reaches memory stands behind the modelled SMMUs.
  return {"qemu-system-aarch64",
          "-nodefaults",
          "-no-user-config",
          "-display",
          "none",
          "-no-reboot",
          "-machine",
          "virt,virtualization=on,gic-version=3,its=off,memory-backend=ram",
          "-cpu",
          "cortex-a72",
          "-m",
          fmt::format("{}M", boot::kRamSize >> 20),
          "-object",
          fmt::format("memory-backend-file,id=ram,size={}M,mem-path=/proc/self/fd/{},share=on",
                      boot::kRamSize >> 20, fd),
          "-icount",
          "shift=0,align=off,sleep=off",
          "-serial",
          "stdio",
          "-monitor",
          "none",
          "-kernel",
          image.string()};
}

// Lines of the console, without what a terminal would act on.
class Lines {
 public:
  template <typename F>
  void Feed(std::string_view text, F f) {
    for (const char c : text) {
      if (c == '\n') {
        f(line_);
        line_.clear();
      } else if (static_cast<unsigned char>(c) >= 0x20 && line_.size() < 4096) {
        line_.push_back(c);
      }
    }
  }

 private:
  std::string line_;
};

}  // namespace

BootMachine::BootMachine() {
  // QEMU opens it by number, so it stays open over exec.
  fd_ = memfd_create("sidewall-boot", 0);
  if (fd_ < 0 || ftruncate(fd_, static_cast<off_t>(boot::kRamSize)) != 0) {
    throw EnvironmentError(fmt::format("no memory for the machine: {}", std::strerror(errno)));
  }
  ram_ = mmap(nullptr, boot::kRamSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (ram_ == MAP_FAILED) {
    throw EnvironmentError(fmt::format("no memory for the machine: {}", std::strerror(errno)));
  }
}

BootMachine::~BootMachine() {
  munmap(ram_, boot::kRamSize);
  close(fd_);
}

void BootMachine::Put(uint64_t address, std::string_view bytes) {
  std::memcpy(boot::At(ram_, address), bytes.data(), bytes.size());
}

BootEnd BootMachine::Run(const BootRun& run,
                         const std::function<void(const std::string&)>& on_line) {
  std::ofstream log(run.log, std::ios::binary | std::ios::trunc);
  if (!log) throw UsageError(fmt::format("{}: cannot be written", run.log.string()));
  BootEnd end;
  Lines lines;
  const auto start = Clock::now();
  auto deadline = start + std::chrono::seconds(run.limit_s);
  ChildProcess child(Command(run.image, fd_), {});
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      end.timed_out = !end.panicked;
      break;
    }
    struct pollfd wait = {child.fd(), POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(left.count())) <= 0) continue;
    char buffer[8192];
    const ssize_t size = read(child.fd(), buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    const std::string_view text(buffer, static_cast<size_t>(size));
    log << text << std::flush;
    lines.Feed(text, [&](const std::string& line) {
      const bool of_qemu = line.starts_with("qemu-system-aarch64: ");
      if (!line.empty() && !of_qemu) end.last_line = line;
      const bool warning = line.find("warning: ") != std::string::npos;
      if (of_qemu && !warning && end.qemu_says.empty()) end.qemu_says = line;
      if (line.find("Kernel panic - not syncing") != std::string::npos && !end.panicked) {
        end.panicked = true;
        deadline = std::min(deadline, Clock::now() + kPanicGrace);
      }
      on_line(line);
    });
  }
  end.seconds = SecondsSince(start);
  if (end.timed_out || end.panicked) child.Stop(SIGKILL);
  end.exit_code = child.Wait();
  if (!log.flush()) throw UsageError(fmt::format("{}: cannot be written", run.log.string()));
  return end;
}

}  // namespace sidewall::cli
