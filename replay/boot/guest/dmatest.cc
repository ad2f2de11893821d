// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The kernel's own dmatest over the GPCDMA engine: it fills memory, has the engine copy it, and
// looks at every byte. Once plainly; once with the page under one transfer given away, which must
// be the one that fails; and once more, since nothing may be left of that.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "replay/boot/guest/guest.h"

namespace sidewall::boot {
namespace {

bool Set(const char* parameter, const char* value) {
  char path[128];
  snprintf(path, sizeof(path), "/sys/module/dmatest/parameters/%s", parameter);
  if (WriteFile(path, value)) return true;
  Say("dmatest: %s cannot be set to %s", parameter, value);
  return false;
}

// Reading it ends when the tests have.
void Wait() {
  char text[8];
  const int fd = open("/sys/module/dmatest/parameters/wait", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, text, sizeof(text)) < 0) Say("dmatest: cannot wait");
  if (fd >= 0) close(fd);
}

void Run(const DmatestRun& run) {
  char tests[16];
  snprintf(tests, sizeof(tests), "%u", run.tests);
  Say("dmatest %s", run.name);
  if (!Set("timeout", "500") || !Set("iterations", tests) || !Set("channel", run.channel)) return;
  if (!Set("run", "1")) return;
  // Until its thread has been scheduled, a test counts as one that does not run.
  usleep(50000);
  Wait();
}

}  // namespace

void Dmatest() {
  Mark(kMarkDmatest);
  Run(kRunPlain);
  Run(kRunOther);
  Mark(kMarkDonated);
  if (Command(kCommandDonateNext) == 0) Run(kRunDonated);
  Mark(kMarkDmatestAgain);
  Run(kRunAgain);
}

void DmatestAfterAttack() { Run(kRunAttacked); }

// Devices to sleep and back, all phases of it, which programs the SMMUs and the memory controller
// again.
void SuspendDevices() {
  Mark(kMarkSuspend);
  if (!WriteFile("/sys/power/pm_test", "platform") || !WriteFile("/sys/power/state", "mem")) {
    Say("suspend: not done");
  } else {
    Say("suspend: devices are back");
  }
}

// And nothing that was mapped before, nor what is mapped afterwards, may be lost over it.
void SuspendMachine() {
  Mark(kMarkSleep);
  if (!WriteFile("/sys/power/pm_test", "none") || !WriteFile("/sys/power/mem_sleep", "deep") ||
      !WriteFile("/sys/power/state", "mem")) {
    Say("suspend: the machine does not sleep");
    return;
  }
  Say("suspend: the machine is back");
  Mark(kMarkAfterSleep);
  Run(kRunAwake);
}

}  // namespace sidewall::boot
