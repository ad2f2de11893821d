// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A target that must fail: if a campaign on it ends well, the engine, the mutator or the way in
// which findings are collected is broken.
//
// Strategy: a puzzle with a known answer over the same input as the main target. It is solved by
//   one write of a stream's entry (valid, with the mask of Tegra234), then S2CR of that entry to
//   bypass, then DMA of a client that has this stream, then the loss of the page that it reached.
//   Random bytes never solve it, and events that are drawn one by one hardly ever do.
// Invariants: none; the answer ends in a trap.
// Not covered: the driver, which is not linked in.
#include <cstdint>
#include <optional>

#include "fuzz/layout.h"
#include "fuzz/program.h"
#include "model/registers.h"

namespace sidewall::fuzz {
namespace {

class Puzzle {
 public:
  // True when the program has given the whole answer.
  bool Step(const Event& event) {
    switch (event.kind) {
      case EventKind::kHostWrite:
        Write(event);
        return false;
      case EventKind::kDma: {
        if (event.arg[0] >= model::kNoClient) return false;
        const auto* client = model::FindClient(static_cast<uint16_t>(event.arg[0]));
        if (state_ == State::kBypass && client != nullptr && client->default_sid == sid_) {
          state_ = State::kReached;
          page_ = event.arg[1] >> 12;
        }
        return false;
      }
      case EventKind::kHypDonate:
        return state_ == State::kReached && event.arg[0] >> 12 == page_;
      default:
        return false;
    }
  }

 private:
  enum class State : uint8_t { kStart, kEntry, kBypass, kReached };

  void Write(const Event& event) {
    const uint64_t offset = event.arg[1];
    const uint64_t value = event.arg[3];
    if (state_ == State::kStart && offset >= layout::kSmr && offset < layout::kS2cr &&
        (value & ~uint64_t{0x7f}) == (layout::kSmrValid | layout::kSmrMask << 16)) {
      state_ = State::kEntry;
      entry_ = offset - layout::kSmr;
      sid_ = value & 0x7f;
    } else if (state_ == State::kEntry && offset == layout::kS2cr + entry_ &&
               value == layout::kS2crBypass) {
      state_ = State::kBypass;
    }
  }

  State state_ = State::kStart;
  uint64_t entry_ = 0;
  uint64_t sid_ = 0;
  uint64_t page_ = 0;
};

}  // namespace
}  // namespace sidewall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto program = sidewall::fuzz::Decode(data, size);
  if (!program.has_value()) return -1;
  sidewall::fuzz::Puzzle puzzle;
  for (const sidewall::Event& event : program->events) {
    if (puzzle.Step(event)) __builtin_trap();
  }
  return 0;
}
