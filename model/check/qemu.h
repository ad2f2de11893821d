// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The bare image under QEMU, with RAM that this process sees too. Nothing is left behind: the RAM
// is a file without a name, and QEMU ends with this object, and with the process.
//
//     Qemu qemu(ImagePath());                       // throws Unavailable: no QEMU, no image
//     Batch& batch = qemu.Next();                   // one of two
//     AppendCase(one, &batch, &stores);
//     uint32_t ticket = qemu.Submit();
//     qemu.Wait(ticket);                            // throws when it hangs; says what QEMU said
#ifndef SIDEWALL_MODEL_CHECK_QEMU_H_
#define SIDEWALL_MODEL_CHECK_QEMU_H_

#include <sys/types.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "model/check/batch.h"

namespace sidewall::check {

// Something that the machine lacks, so that nothing can be said.
class Unavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// QEMU is not installed. All else that is unavailable is a fault of what is there.
class QemuMissing : public Unavailable {
 public:
  using Unavailable::Unavailable;
};

// The image that this build made, or what $SIDEWALL_CHECK_IMAGE names.
std::string ImagePath();

class Qemu {
 public:
  explicit Qemu(const std::string& image);
  ~Qemu();
  Qemu(const Qemu&) = delete;
  Qemu& operator=(const Qemu&) = delete;

  // The batch that is filled next, empty. The one before it may be running.
  Batch& Next();
  uint32_t Submit();
  const Batch& Wait(uint32_t ticket);
  // Turns the machine off; true when QEMU then ends by itself, with code 0.
  bool PowerOff();

 private:
  void MakeRam();
  void Start(const std::string& image);
  template <typename Done>
  void Until(Done done, const char* what);
  bool Ended();
  void Release();
  std::string Output() const;

  Mailbox* mailbox_ = nullptr;
  void* ram_ = nullptr;
  int ram_fd_ = -1;
  int log_fd_ = -1;
  pid_t pid_ = -1;
  int status_ = 0;
  uint32_t sequence_ = 0;
};

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_QEMU_H_
