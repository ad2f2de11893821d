// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Changes programs as programs, not as bytes: an event is inserted with arguments that mean
// something on its board, a whole attach sequence is added, two programs are spliced. The same
// seed and the same program give the same result on every machine.
//
//     Mutator mutator(seed);
//     Program program = mutator.Fresh(*model::FindBoard("tiny"));
//     mutator.Mutate(&program, kMaxEvents);
//
// For engines that deal in bytes: MutateBytes and CrossOverBytes take and give the binary form;
// bytes that are no program are replaced by a fresh one.
#ifndef SIDEWALL_FUZZ_MUTATOR_H_
#define SIDEWALL_FUZZ_MUTATOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz/macros.h"
#include "fuzz/program.h"
#include "fuzz/random.h"
#include "fuzz/sketch.h"
#include "fuzz/values.h"
#include "model/board.h"

namespace sidewall::fuzz {

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}
  bool OneIn(uint64_t n) { return random_.OneIn(n); }

  Program Fresh(const model::BoardSpec& board);
  // At least one change; at most max_events events afterwards.
  void Mutate(Program* program, size_t max_events);
  // A program of a's board: a head of a, a tail of b.
  Program Splice(const Program& a, const Program& b, size_t max_events);

  // `board` is for fresh programs; null draws one. Results have at most max_size bytes.
  std::vector<uint8_t> MutateBytes(const uint8_t* data, size_t size, size_t max_size,
                                   const model::BoardSpec* board);
  std::vector<uint8_t> CrossOverBytes(const uint8_t* a, size_t a_size, const uint8_t* b,
                                      size_t b_size, size_t max_size);

 private:
  void InsertMacro(Program* program, const Values& values, size_t at);
  void InsertEvent(Program* program, const Values& values, size_t at);
  void ChangeArgument(Program* program, const Values& values);
  void ChangeAttributes(Program* program);
  void DeleteSome(Program* program);
  void MoveEvent(Program* program);
  void DuplicateEvent(Program* program);
  void DrawChoices(Program* program);
  void ChangeChoices(Program* program);
  void ChangeSchedule(Program* program);
  Event AnyEvent(const Values& values, const Sketch& sketch);
  void FillArgument(Event* event, const Values& values, const Sketch& sketch, size_t i);
  const model::BoardSpec* DrawBoard();
  void Retarget(Program* program, const Values& values);
  void Mend(Program* program, const Values& values);

  Random random_;
};

// How many events fit into a binary program of max_size bytes.
size_t EventsThatFit(size_t max_size, const Program& program);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_MUTATOR_H_
