// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/round_trip.h"

#include <algorithm>
#include <cstring>

#include "model/board.h"

namespace sidewall::fuzz {
namespace {

bool Fail(std::string* problem, std::string what) {
  *problem = std::move(what);
  return false;
}

}  // namespace

bool ProgramSurvives(const Program& program, std::string* problem) {
  const std::string text = FormatText(program);
  Program parsed;
  ParseError error;
  if (!ParseText(text, &parsed, &error)) {
    return Fail(problem, "canonical text is refused: " + error.what + "\n" + text);
  }
  if (parsed != program) {
    return Fail(problem, "text changed the program:\n" + text + FormatText(parsed));
  }
  std::string source;
  if (!FormatSource(text, &source, &error) || source != text) {
    return Fail(problem, "canonical text is not canonical:\n" + text + source);
  }
  const std::vector<uint8_t> bytes = Encode(program);
  std::string why;
  const std::optional<Program> decoded = Decode(bytes.data(), bytes.size(), &why);
  if (!decoded.has_value()) return Fail(problem, "binary form is refused: " + why);
  if (*decoded != program) return Fail(problem, "the binary form changed the program:\n" + text);
  return true;
}

bool BytesSurvive(const uint8_t* data, size_t size, std::string* problem) {
  const std::optional<Program> program = Decode(data, size);
  if (!program.has_value()) return true;
  const std::vector<uint8_t> bytes = Encode(*program);
  if (bytes.size() != size || !std::equal(bytes.begin(), bytes.end(), data)) {
    return Fail(problem, "bytes came back changed:\n" + FormatText(*program));
  }
  return ProgramSurvives(*program, problem);
}

bool TextSurvives(std::string_view text, std::string* problem) {
  Program program;
  ParseError error;
  if (!ParseText(text, &program, &error)) {
    const bool placed = error.line > 0 && error.column > 0;
    if (placed && !error.what.empty() && !error.hint.empty()) return true;
    return Fail(problem, "an error without place or advice: " + error.what);
  }
  std::string source;
  Program again;
  if (!FormatSource(text, &source, &error) || !ParseText(source, &again, &error)) {
    return Fail(problem, "formatted source is refused: " + error.what + "\n" + source);
  }
  if (again != program) return Fail(problem, "formatting changed the program:\n" + source);
  std::string twice;
  if (!FormatSource(source, &twice, &error) || twice != source) {
    return Fail(problem, "formatting twice differs:\n" + source + twice);
  }
  return ProgramSurvives(program, problem);
}

Program ProgramOfBytes(const uint8_t* data, size_t size) {
  Program program;
  size_t boards = 0;
  const model::BoardSpec* board = model::Boards(&boards);
  const auto next = [&]() -> uint8_t {
    if (size == 0) return 0;
    --size;
    return *data++;
  };
  program.board = board[next() % boards].id;
  if (next() % 8 == 0) program.ram = static_cast<uint16_t>(64 + next());
  program.driver = static_cast<uint16_t>(kDriverBug | next() << 7 | next());
  program.choices.resize(std::min<size_t>(next(), size));
  for (uint8_t& choice : program.choices) choice = next();
  program.schedule.resize(std::min<size_t>(next(), size));
  for (uint8_t& step : program.schedule) step = next();
  while (size > 0 && program.events.size() < kMaxEvents) {
    Event event;
    event.kind = kEventSpecs[next() % kEventSpecCount].kind;
    event.cpu = next();
    event.fail_nth = static_cast<uint16_t>(next() << 8 | next());
    event.expect = static_cast<Expect>(next() % 6);
    const uint8_t wide = next();
    for (size_t i = 0; i < kEventArgs; ++i) {
      const int bytes = (wide >> i & 1) != 0 ? 8 : 1;
      for (int b = 0; b < bytes; ++b) event.arg[i] = event.arg[i] << 8 | next();
    }
    program.events.push_back(event);
  }
  return program;
}

}  // namespace sidewall::fuzz
