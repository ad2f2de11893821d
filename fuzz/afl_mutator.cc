// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The mutator as a library that afl-fuzz loads:
//
//     export AFL_CUSTOM_MUTATOR_LIBRARY=$PWD/libsidewall_afl_mutator.so
//     export AFL_CUSTOM_MUTATOR_ONLY=1
//     afl-fuzz -i seeds -o out -- ./board_fuzzer
//
// All three trim functions are there. Without one of them AFL++ trims bytes, which turns most
// programs into something that no longer decodes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "fuzz/boards.h"
#include "fuzz/mutator.h"
#include "fuzz/program.h"
#include "model/board.h"

namespace {

using sidewall::fuzz::Program;

// Halves, quarters and so on of the events are left out in turn, down to single ones; what the
// target does not miss stays out.
class Trimmer {
 public:
  // How many steps there may be; afl-fuzz only shows it.
  int Begin(const uint8_t* data, size_t size) {
    std::optional<Program> program = sidewall::fuzz::Decode(data, size);
    if (!program.has_value() || program->events.size() < 2) return 0;
    program_ = std::move(*program);
    chunk_ = program_.events.size() / 2;
    position_ = 0;
    return kGoOn;
  }

  std::vector<uint8_t> Candidate() const {
    Program candidate = program_;
    const auto first = candidate.events.begin() + static_cast<ptrdiff_t>(position_);
    candidate.events.erase(first, first + static_cast<ptrdiff_t>(Length()));
    return sidewall::fuzz::Encode(candidate);
  }

  // Returns whether there is another candidate.
  bool Next(bool kept_path) {
    if (kept_path) {
      const auto first = program_.events.begin() + static_cast<ptrdiff_t>(position_);
      program_.events.erase(first, first + static_cast<ptrdiff_t>(Length()));
    } else {
      position_ += chunk_;
    }
    if (position_ >= program_.events.size()) {
      position_ = 0;
      chunk_ /= 2;
    }
    return chunk_ != 0 && program_.events.size() > 1;
  }

  static constexpr int kGoOn = 1;

 private:
  size_t Length() const { return std::min(chunk_, program_.events.size() - position_); }

  Program program_;
  size_t chunk_ = 0;
  size_t position_ = 0;
};

struct State {
  sidewall::fuzz::Mutator mutator;
  const sidewall::model::BoardSpec* board = nullptr;
  Trimmer trimmer;
  // AFL++ reads what it was given until it calls again.
  std::vector<uint8_t> buffer;
};

}  // namespace

extern "C" {

void* afl_custom_init(void*, unsigned seed) {
  auto* state = new State{.mutator = sidewall::fuzz::Mutator(seed), .trimmer = {}, .buffer = {}};
  const char* name = std::getenv("SIDEWALL_BOARD");
  if (name != nullptr && *name != 0) state->board = sidewall::fuzz::BoardNamed(name);
  return state;
}

size_t afl_custom_fuzz(void* data, uint8_t* in, size_t size, uint8_t** out, uint8_t* other,
                       size_t other_size, size_t max_size) {
  State* state = static_cast<State*>(data);
  // One in eight is spliced, where there is another program to splice with.
  const bool splice = other != nullptr && other_size > 0 && state->mutator.OneIn(8);
  state->buffer = splice ? state->mutator.CrossOverBytes(in, size, other, other_size, max_size)
                         : state->mutator.MutateBytes(in, size, max_size, state->board);
  *out = state->buffer.data();
  return state->buffer.size();
}

int32_t afl_custom_init_trim(void* data, uint8_t* in, size_t size) {
  return static_cast<State*>(data)->trimmer.Begin(in, size);
}

size_t afl_custom_trim(void* data, uint8_t** out) {
  State* state = static_cast<State*>(data);
  state->buffer = state->trimmer.Candidate();
  *out = state->buffer.data();
  return state->buffer.size();
}

// afl-fuzz goes on while the step that it is told is below the count that it was told.
int32_t afl_custom_post_trim(void* data, uint8_t success) {
  return static_cast<State*>(data)->trimmer.Next(success != 0) ? 0 : Trimmer::kGoOn;
}

void afl_custom_deinit(void* data) { delete static_cast<State*>(data); }

}  // extern "C"
