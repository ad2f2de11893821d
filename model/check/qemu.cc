// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/qemu.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace sidewall::check {
namespace {

// A batch takes a fraction of a second; only a hang takes so long.
constexpr auto kPatience = std::chrono::seconds(60);
constexpr const char* kProgram = "qemu-system-aarch64";

std::string Reason(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

std::string ImagePath() {
  const char* path = std::getenv("SIDEWALL_CHECK_IMAGE");
  return path != nullptr ? path : SIDEWALL_CHECK_IMAGE;
}

Qemu::Qemu(const std::string& image) {
  if (access(image.c_str(), R_OK) != 0) {
    throw Unavailable("the bare image " + image + " cannot be read");
  }
  try {
    MakeRam();
    Start(image);
    Until([this] { return __atomic_load_n(&mailbox_->alive, __ATOMIC_ACQUIRE) == kAlive; },
          "the image does not start");
  } catch (...) {
    Release();
    throw;
  }
}

Qemu::~Qemu() { Release(); }

void Qemu::Release() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  if (ram_ != nullptr) munmap(ram_, kRamSize);
  ram_ = nullptr;
  for (int* fd : {&ram_fd_, &log_fd_}) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
}

void Qemu::MakeRam() {
  ram_fd_ = memfd_create("sidewall-check-ram", MFD_CLOEXEC);
  log_fd_ = memfd_create("sidewall-check-log", MFD_CLOEXEC);
  if (ram_fd_ < 0 || log_fd_ < 0 || ftruncate(ram_fd_, static_cast<off_t>(kRamSize)) != 0) {
    throw Unavailable(Reason("no memory for the machine"));
  }
  void* ram = mmap(nullptr, kRamSize, PROT_READ | PROT_WRITE, MAP_SHARED, ram_fd_, 0);
  if (ram == MAP_FAILED) throw Unavailable(Reason("no memory for the machine"));
  ram_ = ram;
  mailbox_ = reinterpret_cast<Mailbox*>(static_cast<char*>(ram) + (kMailboxStart - kRamStart));
}

void Qemu::Start(const std::string& image) {
  const pid_t parent = getpid();
  const std::string backend =
      "memory-backend-file,id=ram,share=on,size=" + std::to_string(kRamSize) + ",mem-path=/proc/" +
      std::to_string(parent) + "/fd/" + std::to_string(ram_fd_);
  // A processor of 48-bit physical addresses that has all three granules and no wider formats.
  const std::vector<std::string> words = {
      kProgram,  "-M",          "virt,virtualization=on,memory-backend=ram",
      "-cpu",    "neoverse-n1", "-smp",
      "1",       "-m",          std::to_string(kRamSize >> 20) + "M",
      "-object", backend,       "-accel",
      "tcg",     "-nodefaults", "-display",
      "none",    "-monitor",    "none",
      "-serial", "none",        "-no-reboot",
      "-kernel", image};
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int failure[2];
  if (pipe2(failure, O_CLOEXEC) != 0) throw Unavailable(Reason("no pipe"));
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    const int input = open("/dev/null", O_RDONLY);
    dup2(input, STDIN_FILENO);
    dup2(log_fd_, STDOUT_FILENO);
    dup2(log_fd_, STDERR_FILENO);
    execvp(argv[0], argv.data());
    const int error = errno;
    if (write(failure[1], &error, sizeof(error)) < 0) _exit(126);
    _exit(127);
  }
  int error = pid_ < 0 ? errno : 0;
  close(failure[1]);
  while (pid_ > 0 && read(failure[0], &error, sizeof(error)) < 0 && errno == EINTR) {
  }
  close(failure[0]);
  if (error == 0) return;
  const std::string what = std::string(kProgram) + ": " + std::strerror(error) +
                           "\n  what to do: install the group qemu of ci/packages.txt";
  if (error == ENOENT) throw QemuMissing(what);
  throw Unavailable(what);
}

bool Qemu::Ended() {
  if (pid_ <= 0) return true;
  if (waitpid(pid_, &status_, WNOHANG) != pid_) return false;
  pid_ = -1;
  return true;
}

template <typename Done>
void Qemu::Until(Done done, const char* what) {
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (Ended() && !done()) {
      throw Unavailable(std::string(what) + ": QEMU has ended; it said: " + Output());
    }
    if (std::chrono::steady_clock::now() > limit) {
      throw Unavailable(std::string(what) + " within a minute; QEMU said: " + Output());
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

Batch& Qemu::Next() {
  Batch& batch = mailbox_->batch[(sequence_ + 1) % 2];
  batch.case_count = 0;
  batch.has_el2 = 1;
  return batch;
}

uint32_t Qemu::Submit() {
  ++sequence_;
  __atomic_store_n(&mailbox_->submitted, sequence_, __ATOMIC_RELEASE);
  return sequence_;
}

const Batch& Qemu::Wait(uint32_t ticket) {
  Until([&] { return __atomic_load_n(&mailbox_->done, __ATOMIC_ACQUIRE) >= ticket; },
        "a batch does not end");
  return mailbox_->batch[ticket % 2];
}

bool Qemu::PowerOff() {
  __atomic_store_n(&mailbox_->stop, 1u, __ATOMIC_RELEASE);
  Until([this] { return Ended(); }, "the machine does not turn off");
  return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

std::string Qemu::Output() const {
  std::string text(2000, '\0');
  const ssize_t size = pread(log_fd_, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return text.empty() ? "nothing" : text;
}

}  // namespace sidewall::check
