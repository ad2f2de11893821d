// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The main fuzz target: whole programs against the driver that is linked in, on modelled hardware.
//
// Strategy: the input is a program in binary form (fuzz/binary.cc), mutated as a program
//   (fuzz/mutator.h). It runs on the board that its header names, from the state in which that
//   board is up: hardware taken over, the host's memory mapped, finalized. A board comes up once;
//   a run undoes only what it changed.
// Invariants: all that a fuzz target can arm (`sidewall list invariants`), looked at after every
//   store of the driver; each ends in its own trap, so that the crash names it. MEM01 is the
//   sanitizers'.
// Not covered: the aarch64 image (DIF01: `sidewall replay`, `sidewall repro --image=both`), two
//   CPUs inside the driver at once, and secrecy (ISO13), which takes two boards
//   (fuzz/secrecy_fuzzer.cc).
//
// SIDEWALL_BOARD=tiny runs only programs of that board. SIDEWALL_COVERAGE_FILE=path counts there
// what was exercised.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "fuzz/board_target.h"
#include "fuzz/boards.h"
#include "fuzz/program.h"
#include "fuzz/runner.h"
#include "model/board.h"
#include "oracle/engine_native.h"
#include "oracle/harness.h"

namespace sidewall::fuzz {
namespace {

// Counts of the program that runs; added to the file when it has ended.
Coverage current;

Harness<NativeEngine>& HarnessOf(const model::BoardSpec& board) {
  // By id. The nodes of a map would be written by a library that MemorySanitizer cannot see.
  static std::array<std::unique_ptr<Harness<NativeEngine>>, 256> harnesses;
  std::unique_ptr<Harness<NativeEngine>>& harness = harnesses[board.id];
  if (harness == nullptr) {
    HarnessOptions options;
    options.board = &board;
    options.trap = true;
    options.forks = EngineForks();
    options.coverage = &current;
    harness = std::make_unique<Harness<NativeEngine>>(options);
  }
  return *harness;
}

// What a run leaves behind is undone at its end, not when the next one begins: an engine that
// compares the coverage of two runs of one input (AFL++'s stability) must not see the input before.
void RunAndUndo(const Program& program) {
  Harness<NativeEngine>& harness = HarnessOf(*BoardOf(program));
  RunProgram(harness, program);
  const uint64_t programs = current.programs;
  harness.Begin({});
  current.programs = programs;
}

}  // namespace
}  // namespace sidewall::fuzz

// Boards come up once, before AFL++ forks, and before anything is measured.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace sidewall::fuzz;
  RequireEnvironment("board_fuzzer");
  for (const Program& empty : EmptyPrograms()) RunAndUndo(empty);
  current = sidewall::Coverage();
  return 0;
}

// -1 keeps an input out of the corpus.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sidewall::fuzz;
  const std::optional<Program> program = RunnableProgram(data, size);
  if (!program.has_value()) return -1;
  RunAndUndo(*program);
  CampaignCoverage().Add(&current);
  return 0;
}
