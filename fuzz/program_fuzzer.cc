// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Fuzz target: the two forms of a program.
//
// Strategy: the input is read in three ways. As a binary program, as text, and as raw material
//   for a program whose arguments may have any value (fuzz/round_trip.h).
// Invariants: the way between the forms loses nothing, canonical text is canonical, a refused text
//   has an error with line, column and advice; no parser reads out of bounds (MEM01).
// Not covered: what a program does.
#include <cstdint>
#include <cstdio>

#include "fuzz/round_trip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sidewall::fuzz;
  std::string problem;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!BytesSurvive(data, size, &problem) || !TextSurvives(text, &problem) ||
      !ProgramSurvives(ProgramOfBytes(data, size), &problem)) {
    std::fprintf(stderr, "%s\n", problem.c_str());
    __builtin_trap();
  }
  return 0;
}
