// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// One board put together with an engine that runs a driver. It applies events, looks after every
// store of the driver, and gives a verdict.
//
//     Harness<NativeEngine> harness({.board = model::FindBoard("tiny")});
//     harness.Begin(program.choices, program.schedule);
//     for (const Event& event : program.events) {
//       Outcome outcome = harness.Apply(event);
//       if (harness.violated()) break;
//     }
#ifndef SIDEWALL_ORACLE_HARNESS_H_
#define SIDEWALL_ORACLE_HARNESS_H_

#include <cstdint>
#include <span>

#include "oracle/board.h"
#include "oracle/options.h"

namespace sidewall {

// Engine: see oracle/engine_native.h (and replay/engine_unicorn.h).
template <typename Engine>
class Harness final : private Caller {
 public:
  explicit Harness(const HarnessOptions& options) : board_(options), engine_(board_) {}

  // Back to a board that is up: taken over, host memory mapped, finalized. Cheap: undoes what
  // changed. `choices` and `schedule` must outlive the run.
  void Begin(std::span<const uint8_t> choices, std::span<const uint8_t> schedule = {}) {
    if (!up_ || board_.needs_boot()) {
      board_.SetChoices({});
      board_.SetSchedule({});
      board_.Boot(*this);
      board_.Save();
      engine_.Save();
      up_ = true;
      boot_verdict_ = board_.verdict();
    } else {
      board_.Restore();
      engine_.Restore();
      board_.set_verdict(boot_verdict_);
    }
    board_.SetChoices(choices);
    board_.SetSchedule(schedule);
    board_.coverage().programs++;
  }

  Outcome Apply(const Event& event) { return board_.Apply(event, *this); }

  bool violated() const { return board_.violated(); }
  const Verdict& verdict() const { return board_.verdict(); }
  Board& board() { return board_; }
  Engine& engine() { return engine_; }

 private:
  struct sidewall_result Call(const sidewall::Call& call) override { return engine_.Invoke(call); }

  Board board_;
  Engine engine_;
  Verdict boot_verdict_;  // a driver may break its board before the first event
  bool up_ = false;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_HARNESS_H_
