// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// After a mark the recorded tables are exact: whatever the kernel has set up must be reachable
// through the board, and nothing else.
//
//     PhaseCheck(shadow, board, &report, line, "host").Run();
//     for (const Event& event : PhaseTransfers(shadow, spec)) Apply(event);
#ifndef SIDEWALL_REPLAY_PHASE_H_
#define SIDEWALL_REPLAY_PHASE_H_

#include <vector>

#include "model/event.h"
#include "oracle/board.h"
#include "replay/player.h"
#include "replay/shadow.h"

namespace sidewall::replay {

// Looks every page up, read and write, on every instance, without side effects.
class PhaseCheck {
 public:
  PhaseCheck(const Shadow& shadow, Board& board, PlayReport* report, size_t line,
             const char* rig_name)
      : shadow_(shadow), board_(board), report_(report), line_(line), rig_name_(rig_name) {}
  void Run();

 private:
  void CheckContext(const Stream& stream);
  void CheckOutside(const Stream& stream, uint64_t iova);
  void CheckBypass(const Stream& stream);
  void CheckUnmatched(uint8_t side);
  void ExpectWalk(const Stream& stream, uint64_t iova, bool write, const WalkResult& walk);
  void ExpectFault(const Stream& stream, uint64_t address);
  model::DmaResult Ask(const Stream& stream, uint64_t address, bool write, uint8_t instance) const;
  uint8_t Instances(uint8_t side) const;
  void Report(const Stream& stream, uint64_t address, bool write, const model::DmaResult& got,
              const char* wanted);

  const Shadow& shadow_;
  Board& board_;
  PlayReport* report_;
  size_t line_;
  const char* rig_name_;
};

// A few reads of each context as events: dma.stream, with the address that they must reach in
// arg[5], which the event itself does not use.
std::vector<Event> PhaseTransfers(const Shadow& shadow, const model::BoardSpec& spec);

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_PHASE_H_
