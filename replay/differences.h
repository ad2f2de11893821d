// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a kernel may read differently here than in its trace, and why. Everything that is not in
// this table is a finding.
//
//     uint64_t uses[kMaxDifferences] = {};
//     ExplainRead(Window::kNiso0, 0x20, 0xfc017e80, 0x4e013e70, uses);   // true: rows of IDR0
//
// A row names a register, the bits that may differ, what they are in the trace and here, and the
// rule behind it. No row covers a whole register, and the tests want each row used at least once
// over the traces in corpus/traces.
#ifndef SIDEWALL_REPLAY_DIFFERENCES_H_
#define SIDEWALL_REPLAY_DIFFERENCES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/event.h"

namespace sidewall::replay {

inline constexpr size_t kMaxDifferences = 20;
inline constexpr uint64_t kAnyValue = ~uint64_t{0};
// The stream ID that the memory controller's table gives the client whose register is read.
inline constexpr uint64_t kOwnSid = ~uint64_t{1};

struct Difference {
  const char* name;   // of the row: "IDR0.CTTW"
  const char* reg;    // as the model writes it, '*' for any index: "CB[*].FSR"
  uint64_t mask;      // bits that may differ
  uint64_t recorded;  // what the trace must have in them, in place; kAnyValue: anything
  uint64_t here;      // what they must read as here, in place; kAnyValue: anything; or kOwnSid
  const char* reason;
  const char* rule;  // register, rule or row of the design that says so
};

std::span<const Difference> Differences();

// Whether every bit in which the two values differ is covered by a row; counts the rows used.
bool ExplainRead(Window window, uint32_t offset, uint64_t recorded, uint64_t here, uint64_t* uses);

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_DIFFERENCES_H_
