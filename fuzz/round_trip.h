// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The property of the two forms of a program: nothing is lost on the way from one to the other.
// The fuzz target and the unit test check the same.
//
//     std::string problem;
//     if (!ProgramSurvives(program, &problem)) Fail(problem);
#ifndef SIDEWALL_FUZZ_ROUND_TRIP_H_
#define SIDEWALL_FUZZ_ROUND_TRIP_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/program.h"

namespace sidewall::fuzz {

// Program to text and back, to bytes and back; text and source text are canonical.
bool ProgramSurvives(const Program& program, std::string* problem);
// Bytes: whatever Decode accepts is what Encode gives.
bool BytesSurvive(const uint8_t* data, size_t size, std::string* problem);
// Text: whatever ParseText accepts survives, and FormatSource of it means the same. What it does
// not accept has an error with a place in the text.
bool TextSurvives(std::string_view text, std::string* problem);
// A program with arguments straight from the bytes, so that any value is met.
Program ProgramOfBytes(const uint8_t* data, size_t size);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_ROUND_TRIP_H_
