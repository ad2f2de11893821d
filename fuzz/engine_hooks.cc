// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// libFuzzer's hooks for targets whose input is a binary program: structure-aware mutation and
// crossover. An engine without these hooks ignores them.
#include "fuzz/engine_hooks.h"

#include <cstdlib>
#include <cstring>

#include "fuzz/boards.h"
#include "fuzz/mutator.h"
#include "model/board.h"

namespace sidewall::fuzz {

const model::BoardSpec* BoardOfEnvironment() {
  static const model::BoardSpec* const board = [] {
    const char* name = std::getenv("SIDEWALL_BOARD");
    return name == nullptr || *name == 0 ? nullptr : BoardNamed(name);
  }();
  return board;
}

}  // namespace sidewall::fuzz

namespace {

size_t Deliver(const std::vector<uint8_t>& bytes, uint8_t* out) {
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return bytes.size();
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  sidewall::fuzz::Mutator mutator(seed);
  return Deliver(mutator.MutateBytes(data, size, max_size, sidewall::fuzz::BoardOfEnvironment()),
                 data);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned seed) {
  sidewall::fuzz::Mutator mutator(seed);
  return Deliver(mutator.CrossOverBytes(data1, size1, data2, size2, max_out_size), out);
}
