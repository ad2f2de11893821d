// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What goes into a harness and what comes out of it, apart from the verdict.
//
//     Coverage coverage;
//     Harness<NativeEngine> harness({.board = model::FindBoard("tiny"), .coverage = &coverage});
#ifndef SIDEWALL_ORACLE_OPTIONS_H_
#define SIDEWALL_ORACLE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/board.h"
#include "model/event.h"
#include "model/machine.h"
#include "oracle/invariant.h"

namespace sidewall {

struct Access;

// What an event gave.
struct Outcome {
  Expect result = Expect::kNone;  // kOk, kFault, kRefused, kDegraded; kNone: skipped
  uint64_t value = 0;             // value read, physical address, progress
  bool stored = false;            // the driver stored to a register or a table
  bool unsupported = false;       // the driver has no body for this call yet
};

// Told of what happens, for people (repro, demo). Fuzzing has none.
class Narrator {
 public:
  virtual ~Narrator() = default;
  virtual void OnEvent(size_t index, const Event& event) = 0;
  virtual void OnStore(uint64_t pa, unsigned width, uint64_t value, bool table) = 0;
  virtual void OnLoad(uint64_t pa, unsigned width, uint64_t value, bool answered) = 0;
  // A transfer that a device made between two stores of the driver.
  virtual void OnTransfer(const model::DmaRequest& request, const model::DmaResult& result) = 0;
  virtual void OnOutcome(const Event& event, const Outcome& outcome) = 0;
};

// What was exercised; plain counters, so that they can lie in memory shared between processes.
struct Coverage {
  uint64_t programs = 0;
  uint64_t events = 0;
  uint64_t events_with_store = 0;
  uint64_t stores = 0;
  uint64_t dma_ok = 0;
  uint64_t dma_fault = 0;
  uint64_t dma_between = 0;  // transfers between two stores of the driver
  uint64_t skipped = 0;
  uint64_t accepted_calls = 0;
  uint64_t refused_calls = 0;
  uint64_t evaluated[64] = {};  // by invariant number: checks on changed state
};

struct HarnessOptions {
  const model::BoardSpec* board = nullptr;
  InvariantSet armed = ~InvariantSet{0};
  // False: nothing looks and nothing is kept for it, not even where streams are; for the price of
  // it all (`bench oracle`).
  bool looks = true;
  bool trap = false;   // end in the invariant's own trap instead of a verdict (fuzzing)
  bool forks = false;  // the engine forks this process (AFL++): see table_memory.h
  Narrator* narrator = nullptr;
  Coverage* coverage = nullptr;
  std::vector<Access>* access_log = nullptr;  // every access of the driver is appended
  size_t page_slots = 4096;                   // 4 KiB pages of host memory that a run may dirty
};

// One store or load of the driver, for lock-step comparison (DIF01).
struct Access {
  enum Kind : uint8_t {
    kRead32,
    kRead64,
    kWrite32,
    kWrite64,
    kTableWrite,
    kTableZero,
    kBarrier,
    kClean,
    kAlloc,
    kFree,
    kLock,
    kUnlock,
    kUnuse,
    kNotify,
    kReturn
  };
  Kind kind;
  uint64_t address;
  uint64_t value;
  bool operator==(const Access&) const = default;
};

// A whole program through one harness: Begin, Apply each, End. `expect` failures (`-> ok`) are
// reported as `mismatch`.
struct RunResult {
  Verdict verdict;        // kNone: nothing violated
  size_t events = 0;      // applied
  bool mismatch = false;  // an outcome was not what the program says
  size_t mismatch_index = 0;
  Outcome mismatch_outcome;
  size_t skipped = 0;  // events that named what is not there, and the first of them
  size_t skipped_index = 0;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_OPTIONS_H_
