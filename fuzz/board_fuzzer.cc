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
//   CPUs inside the driver at once, and secrecy (ISO13), which takes two runs.
//
// SIDEWALL_BOARD=tiny runs only programs of that board. SIDEWALL_COVERAGE_FILE=path counts there
// what was exercised.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "fuzz/boards.h"
#include "fuzz/coverage_file.h"
#include "fuzz/engine_hooks.h"
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
    // AFL++ forks from a process in which the boards are up already.
    options.forks = std::getenv("__AFL_SHM_ID") != nullptr;
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

// Boards come up once, before AFL++ forks, and before anything is measured.
void WarmUp() {
  const model::BoardSpec* only = BoardOfEnvironment();
  for (const char* name : {"tiny", "tegra234"}) {
    Program empty;
    SetBoard(&empty, only != nullptr ? *only : *model::FindBoard(name));
    RunAndUndo(empty);
    if (only != nullptr) break;
  }
  current = Coverage();
}

CoverageFile& File() {
  static CoverageFile file(std::getenv("SIDEWALL_COVERAGE_FILE"));
  return file;
}

}  // namespace
}  // namespace sidewall::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("SIDEWALL_BOARD");
  if (name != nullptr && *name != 0 && sidewall::fuzz::BoardOfEnvironment() == nullptr) {
    std::fprintf(stderr, "board_fuzzer: SIDEWALL_BOARD=%s is no board: %s\n", name,
                 sidewall::fuzz::WhyNoBoard(name).c_str());
    std::exit(2);
  }
  if (!sidewall::fuzz::File().ok()) {
    std::fprintf(stderr, "board_fuzzer: cannot write to the file of SIDEWALL_COVERAGE_FILE\n");
    std::exit(2);
  }
  sidewall::fuzz::WarmUp();
  return 0;
}

// -1 keeps an input out of the corpus.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sidewall::fuzz;
  if (size == 0) return -1;
  const std::optional<Program> program = Decode(data, size);
  if (!program.has_value() || program->events.size() > kMaxEvents) return -1;
  const sidewall::model::BoardSpec* only = BoardOfEnvironment();
  if (only != nullptr ? only != BoardOf(*program) : program->ram != 0) return -1;
  // Assumptions that the driver rests on hold here.
  for (const sidewall::Event& event : program->events) {
    if (event.kind == sidewall::EventKind::kHwContrary) return -1;
  }
  RunAndUndo(*program);
  File().Add(&current);
  return 0;
}
