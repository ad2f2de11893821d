// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Runs a whole program through a harness of any engine.
//
//     Harness<NativeEngine> harness({.board = BoardOf(program)});
//     RunResult result = RunProgram(harness, program);
//     if (result.verdict.id != Invariant::kNone) puts(result.verdict.title.c_str());
#ifndef SIDEWALL_FUZZ_RUNNER_H_
#define SIDEWALL_FUZZ_RUNNER_H_

#include "fuzz/program.h"
#include "model/event.h"
#include "oracle/harness.h"

namespace sidewall::fuzz {

// Whether an outcome is what the program says after `->`.
inline bool MeetsExpectation(const Event& event, const Outcome& outcome) {
  switch (event.expect) {
    case Expect::kNone:
      return true;
    case Expect::kValue:
      return outcome.result == Expect::kOk && outcome.value == event.arg[5];
    default:
      return outcome.result == event.expect;
  }
}

// Takes down what an event that broke nothing gave; it is the next one.
inline void NoteOutcome(const Event& event, const Outcome& outcome, RunResult* result) {
  if (!result->mismatch && !MeetsExpectation(event, outcome)) {
    result->mismatch = true;
    result->mismatch_index = result->events;
    result->mismatch_outcome = outcome;
  }
  if (outcome.result == Expect::kNone && result->skipped++ == 0) {
    result->skipped_index = result->events;
  }
}

// Stops at the first violation. The first outcome that is not as expected is reported, but the
// rest of the program still runs: a violation later on says more.
// `begun` is called when the board is up, before the first event.
template <typename Engine, typename F>
RunResult RunProgram(Harness<Engine>& harness, const Program& program, F begun) {
  RunResult result;
  harness.Begin(program.choices, program.schedule);
  begun();
  for (const Event& event : program.events) {
    if (harness.violated()) break;
    const Outcome outcome = harness.Apply(event);
    if (!harness.violated()) NoteOutcome(event, outcome, &result);
    ++result.events;
  }
  if (harness.violated()) result.verdict = harness.verdict();
  return result;
}

template <typename Engine>
RunResult RunProgram(Harness<Engine>& harness, const Program& program) {
  return RunProgram(harness, program, [] {});
}

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_RUNNER_H_
