// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A program: events, the choices that hardware makes, and a schedule. It has two forms that carry
// the same content, text (.sw) and binary, and the way between them loses nothing:
//
//     Program program;
//     ParseError error;
//     if (!ParseText(text, &program, &error)) Fail(error);   // line, column, what, what to do
//     std::vector<uint8_t> bytes = Encode(program);
//     assert(FormatText(program) == FormatText(*Decode(bytes)));
#ifndef SIDEWALL_FUZZ_PROGRAM_H_
#define SIDEWALL_FUZZ_PROGRAM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/event.h"

namespace sidewall::fuzz {

inline constexpr size_t kMaxEvents = 256;        // of a fuzzed program
inline constexpr size_t kMaxFileEvents = 65536;  // of a file
inline constexpr size_t kMaxChoices = 4096;
inline constexpr size_t kMaxSchedule = 4096;

// Which driver a program needs ("# driver:").
inline constexpr uint16_t kDriverShipped = 0;
inline constexpr uint16_t kDriverPassthrough = 1;
inline constexpr uint16_t kDriverDenyall = 2;
inline constexpr uint16_t kDriverBug = 0x8000;  // | number of the seeded bug

struct Program {
  uint8_t board = 0;  // BoardSpec::id
  uint16_t ram = 0;   // of the board, in units of 2 MiB; 0: as much as it has (fuzz/boards.h)
  uint16_t driver = kDriverShipped;
  uint8_t expect = 0;  // 0 pass, else the number of an invariant (oracle/invariant.h)
  std::vector<Event> events;
  std::vector<uint8_t> choices;   // drawn by the model wherever hardware is free
  std::vector<uint8_t> schedule;  // what devices do between two stores: Board::SetSchedule
  bool operator==(const Program&) const;
};

struct ParseError {
  size_t line = 0;    // from 1
  size_t column = 0;  // from 1
  std::string what;   // what is wrong
  std::string hint;   // what to do
};

// Text. FormatText is canonical: one way to write each program. FormatSource keeps the comments
// and blank lines of its input and brings every other line into canonical form.
bool ParseText(std::string_view text, Program* program, ParseError* error);
std::string FormatText(const Program& program);
// Where event `index`, counted from 0, begins in the text of a program. False: it has fewer.
bool FindEvent(std::string_view text, size_t index, size_t* line, size_t* column);
bool FormatSource(std::string_view text, std::string* out, ParseError* error);
std::string FormatEvent(const Event& event);

// Binary. Decode accepts only what Encode can have written; `why` says what is wrong.
std::vector<uint8_t> Encode(const Program& program);
std::optional<Program> Decode(const uint8_t* data, size_t size, std::string* why = nullptr);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_PROGRAM_H_
