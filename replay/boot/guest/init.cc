// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The first program of the guest: it loads the modules that the kernel was given, has masters bind
// and unbind, runs what the bench asks for, and switches the machine off. What it says goes to the
// console, one fact a line, each beginning with "sidewall: ".
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "replay/boot/guest/guest.h"

namespace sidewall::boot {
namespace {

constexpr int kCompressedModule = 4;

int memory = -1;
volatile uint64_t* bench;

}  // namespace

void Say(const char* format, ...) {
  va_list arguments;
  char line[512];
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  printf("sidewall: %s\n", line);
  fflush(stdout);
}

void* MapPhysical(uint64_t address, size_t size) {
  void* at =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, static_cast<off_t>(address));
  if (at == MAP_FAILED) {
    Say("cannot map 0x%lx: %s", address, strerror(errno));
    return nullptr;
  }
  return at;
}

void Mark(uint64_t value) { bench[kBenchMark / 8] = value; }
uint64_t ReadBench(uint64_t offset) { return bench[offset / 8]; }
void WriteBench(uint64_t offset, uint64_t value) { bench[offset / 8] = value; }
uint64_t Command(uint64_t command) {
  bench[kBenchCommand / 8] = command;
  return bench[kBenchResult / 8];
}

bool WriteFile(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t done = write(fd, text, strlen(text));
  close(fd);
  return done == static_cast<ssize_t>(strlen(text));
}

namespace {

void LoadModule(const char* name) {
  char path[300];
  snprintf(path, sizeof(path), "/modules/%s", name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const int flags = strstr(name, ".ko.") != nullptr ? kCompressedModule : 0;
  if (fd < 0 || syscall(SYS_finit_module, fd, "", flags) != 0) {
    Say("module %s: %s", name, strerror(errno));
  }
  if (fd >= 0) close(fd);
}

int InOrder(const struct dirent** a, const struct dirent** b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

// Their file names begin with a number that gives the order.
void LoadModules() {
  dirent** names = nullptr;
  const int count = scandir("/modules", &names, nullptr, InOrder);
  for (int i = 0; i < count; ++i) {
    if (names[i]->d_name[0] != '.') LoadModule(names[i]->d_name);
  }
}

// Every device that a driver of virtio-mmio has is taken from it and given back.
void RebindMasters() {
  constexpr char kDriver[] = "/sys/bus/platform/drivers/virtio-mmio";
  dirent** names = nullptr;
  const int count = scandir(kDriver, &names, nullptr, InOrder);
  int masters = 0;
  for (int i = 0; i < count; ++i) {
    if (strstr(names[i]->d_name, "virtio") == nullptr) continue;
    char path[300];
    snprintf(path, sizeof(path), "%s/unbind", kDriver);
    const bool off = WriteFile(path, names[i]->d_name);
    snprintf(path, sizeof(path), "%s/bind", kDriver);
    const bool on = WriteFile(path, names[i]->d_name);
    if (!off || !on) Say("master %s does not rebind", names[i]->d_name);
    ++masters;
  }
  Say("masters %d", masters);
}

// The driver comes when the kernel has already programmed everything: all streams are closed then,
// and what the kernel has set up counts for nothing. A kernel whose devices come back from sleep
// programs all that it had: only then, and through the driver, do masters reach memory again.
void TakeOverNow() {
  Say("take over");
  const uint64_t failed = Command(kCommandTakeOver);
  Mark(kMarkTakenOver);
  Say(failed == 0 ? "taken over" : "takeover failed");
  SuspendDevices();
  RebindMasters();
}

[[noreturn]] void Off() {
  sync();
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

void Mount() {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, "");
  mount("sysfs", "/sys", "sysfs", 0, "");
  mount("devtmpfs", "/dev", "devtmpfs", 0, "");
  const int console = open("/dev/console", O_RDWR);
  if (console >= 0) {
    dup2(console, STDIN_FILENO);
    dup2(console, STDOUT_FILENO);
    dup2(console, STDERR_FILENO);
  }
}

}  // namespace

int Main() {
  Mount();
  memory = open("/dev/mem", O_RDWR | O_SYNC);
  bench = memory < 0 ? nullptr : static_cast<volatile uint64_t*>(MapPhysical(kBench, 4096));
  if (bench == nullptr) {
    Say("no bench: %s", strerror(errno));
    Off();
  }
  Say("user space");
  Mark(kMarkUserSpace);
  LoadModules();
  Mark(kMarkMasters);
  RebindMasters();
  const uint64_t modes = ReadBench(kBenchModes);
  if ((modes & kModeLateTakeover) != 0) TakeOverNow();
  if ((modes & kModeDmatest) != 0) {
    Dmatest();
    SuspendDevices();
    SuspendMachine();
    RebindMasters();
  }
  if ((modes & kModeHostile) != 0) {
    Hostile();
    // What was attacked must still serve the kernel.
    RebindMasters();
    if ((modes & kModeDmatest) != 0) DmatestAfterAttack();
  }
  Mark(kMarkDone);
  Say("done");
  Off();
}

}  // namespace sidewall::boot

int main() { return sidewall::boot::Main(); }
