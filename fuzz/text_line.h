// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// One line of a text program, parsed on its own, for ParseText and FormatSource alike:
//
//     Line line;
//     ParseError error;
//     ParseLine("dma client=mgbeard addr=0x80001000 read -> ok  # why", 7, &line, &error);
//     // line.kind == LineKind::kEvent, line.comment == "# why"
#ifndef SIDEWALL_FUZZ_TEXT_LINE_H_
#define SIDEWALL_FUZZ_TEXT_LINE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/program.h"

namespace sidewall::fuzz {

inline constexpr std::string_view kHeadLine = "# sidewall-program v1";

enum class LineKind : uint8_t { kBlank, kVersion, kHead, kComment, kEvent, kChoice, kSchedule };

struct Line {
  LineKind kind = LineKind::kBlank;
  std::string key;    // of a head line: board, driver, expect
  std::string value;  // of a head line
  size_t column = 1;  // of that value
  Event event;
  std::vector<uint8_t> bytes;  // of choice and schedule lines
  std::string_view comment;    // what follows, with its '#', or a head line's remark
};

// `number` counts from 1 and goes into the error.
bool ParseLine(std::string_view text, size_t number, Line* line, ParseError* error);

std::string FormatHead(const std::string& key, const std::string& value);
std::string FormatBytes(const char* name, const uint8_t* data, size_t size);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_TEXT_LINE_H_
