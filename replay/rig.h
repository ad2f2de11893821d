// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A board with one build of the driver on it, and a log of every access that the driver makes.
//
//     std::unique_ptr<Rig> host = MakeHostRig(options);
//     std::unique_ptr<Rig> el2 = MakeEl2Rig(options);       // the aarch64 build, in Unicorn
//     Outcome a = host->Apply(event), b = el2->Apply(event);
//     size_t first = FirstDifference(host->log(), el2->log());
#ifndef SIDEWALL_REPLAY_RIG_H_
#define SIDEWALL_REPLAY_RIG_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "model/event.h"
#include "oracle/board.h"
#include "oracle/harness.h"

namespace sidewall::replay {

class Rig : private Caller {
 public:
  virtual ~Rig() = default;
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  void Boot() { board_.Boot(*this); }
  Outcome Apply(const Event& event) { return board_.Apply(event, *this); }
  Board& board() { return board_; }
  // What the driver did since the log was last cleared.
  std::vector<Access>& log() { return log_; }
  const char* name() const { return name_; }

 protected:
  Rig(const char* name, const HarnessOptions& options);

 private:
  const char* name_;
  std::vector<Access> log_;

 protected:
  Board board_;
};

// The driver that is linked into this program.
std::unique_ptr<Rig> MakeHostRig(const HarnessOptions& options);
// The aarch64 image (UnicornEngine::SetImage). Null in a build without it.
std::unique_ptr<Rig> MakeEl2Rig(const HarnessOptions& options);

inline constexpr size_t kSame = ~size_t{0};
// The index of the first access in which the two differ, one being shorter included.
size_t FirstDifference(const std::vector<Access>& a, const std::vector<Access>& b);

// "write32 niso0 S2CR[5] 0x00020000" of log[index], or "nothing more".
std::string DescribeLogged(const Board& board, const std::vector<Access>& log, size_t index);

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_RIG_H_
