// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/boards.h"
#include "fuzz/program.h"
#include "fuzz/spelling.h"
#include "fuzz/text_line.h"
#include "model/board.h"

namespace sidewall::fuzz {
namespace {

// Splits at line ends; a last line without one counts as well.
bool NextLine(std::string_view* rest, std::string_view* line) {
  if (rest->empty()) return false;
  const size_t end = rest->find('\n');
  *line = rest->substr(0, end);
  *rest = end == std::string_view::npos ? std::string_view() : rest->substr(end + 1);
  return true;
}

// The word that makes a comment look like a line of the head, "# expct: ISO01"; empty for others.
std::string_view HeadWord(std::string_view comment) {
  const size_t begin = comment.find_first_not_of("# \t");
  if (begin == std::string_view::npos) return {};
  const size_t end = comment.find_first_of(": \t", begin);
  if (end == std::string_view::npos || end == begin || comment[end] != ':') return {};
  return comment.substr(begin, end + 1 - begin);
}

class ProgramParser {
 public:
  ProgramParser(Program* program, ParseError* error) : program_(program), error_(error) {}

  // `raw` is the whole line.
  bool Add(const Line& line, size_t number, std::string_view raw) {
    if (!version_ && line.kind != LineKind::kVersion && line.kind != LineKind::kBlank) {
      return Fail(number, 1, "not a program", "the first line is `# sidewall-program v1`");
    }
    in_head_ &= line.kind == LineKind::kVersion || line.kind == LineKind::kHead ||
                line.kind == LineKind::kComment;
    switch (line.kind) {
      case LineKind::kBlank:
        return true;
      case LineKind::kComment:
        return !in_head_ || CheckComment(raw, number);
      case LineKind::kVersion:
        if (version_) return Fail(number, 1, "a second version line", "one program a file");
        version_ = true;
        return true;
      case LineKind::kHead:
        return AddHead(line, number);
      case LineKind::kChoice:
        return AddBytes(line, number, kMaxChoices, &program_->choices);
      case LineKind::kSchedule:
        return AddBytes(line, number, kMaxSchedule, &program_->schedule);
      case LineKind::kEvent:
        if (program_->events.size() == kMaxFileEvents) {
          return Fail(number, 1, "more than 65536 events", "split the program");
        }
        program_->events.push_back(line.event);
        return true;
    }
    return false;
  }

  bool Finish(size_t lines) {
    if (!version_) {
      return Fail(1, 1, "not a program", "the first line is `# sidewall-program v1`");
    }
    if (!board_) return Fail(lines, 1, "no board", "add a line such as `# board: tiny`");
    return true;
  }

 private:
  bool Fail(size_t line, size_t column, std::string what, std::string hint) {
    *error_ = {line, column, std::move(what), std::move(hint)};
    return false;
  }

  // In the head a mistyped word must not pass for a comment: the file would expect nothing.
  bool CheckComment(std::string_view raw, size_t number) {
    const std::string_view word = HeadWord(raw);
    if (word.empty()) return true;
    return Fail(
        number, static_cast<size_t>(word.data() - raw.data()) + 1,
        "\"" + std::string(word) + "\" begins no line of the head",
        "known are `# board: `, `# driver: ` and `# expect: `; write other comments without "
        "a colon after the first word");
  }

  bool AddHead(const Line& line, size_t number) {
    if (!program_->events.empty()) {
      return Fail(number, 1, "a head line after the first event", "move it to the top");
    }
    bool* given = line.key == "board" ? &board_ : line.key == "driver" ? &driver_ : &expect_;
    if (*given) return Fail(number, 1, "a second `" + line.key + "` line", "keep one of the two");
    *given = true;
    if (line.key == "board") {
      model::BoardSpec board;
      if (model::ParseBoard(line.value.c_str(), &board)) {
        return Fail(number, line.column, "unknown board \"" + line.value + "\"",
                    WhyNoBoard(line.value));
      }
      SetBoard(program_, board);
      return true;
    }
    if (line.key == "driver") {
      if (ParseDriverWord(line.value, &program_->driver)) return true;
      return Fail(number, line.column, "unknown driver \"" + line.value + "\"",
                  "shipped, passthrough, denyall, or bug/SB001");
    }
    if (ParseExpectWord(line.value, &program_->expect)) return true;
    return Fail(number, line.column, "unknown verdict \"" + line.value + "\"",
                "pass, or the ID of an invariant such as ISO01");
  }

  bool AddBytes(const Line& line, size_t number, size_t limit, std::vector<uint8_t>* section) {
    if (section->size() + line.bytes.size() > limit) {
      return Fail(number, 1, "more than " + std::to_string(limit) + " bytes in this section",
                  "drop what is over");
    }
    section->insert(section->end(), line.bytes.begin(), line.bytes.end());
    return true;
  }

  Program* program_;
  ParseError* error_;
  bool in_head_ = true;  // until the first line that does not begin with '#'
  bool version_ = false;
  bool board_ = false;
  bool driver_ = false;
  bool expect_ = false;
};

std::string Canonical(const Line& line) {
  switch (line.kind) {
    case LineKind::kVersion:
      return std::string(kHeadLine);
    case LineKind::kHead:
      return FormatHead(line.key, line.value);
    case LineKind::kEvent:
      return FormatEvent(line.event);
    case LineKind::kChoice:
      return FormatBytes("choice", line.bytes.data(), line.bytes.size());
    case LineKind::kSchedule:
      return FormatBytes("schedule", line.bytes.data(), line.bytes.size());
    case LineKind::kBlank:
    case LineKind::kComment:
      break;
  }
  return "";
}

}  // namespace

bool ParseText(std::string_view text, Program* program, ParseError* error) {
  *program = Program();
  ProgramParser parser(program, error);
  size_t number = 0;
  std::string_view raw;
  while (NextLine(&text, &raw)) {
    Line line;
    ++number;
    if (!ParseLine(raw, number, &line, error) || !parser.Add(line, number, raw)) return false;
  }
  return parser.Finish(number);
}

bool FindEvent(std::string_view text, size_t index, size_t* line, size_t* column) {
  std::string_view raw;
  for (*line = 1; NextLine(&text, &raw); ++*line) {
    Line parsed;
    ParseError error;
    if (!ParseLine(raw, *line, &parsed, &error)) return false;
    if (parsed.kind != LineKind::kEvent || index-- != 0) continue;
    *column = raw.find_first_not_of(" \t") + 1;
    return true;
  }
  return false;
}

bool FormatSource(std::string_view text, std::string* out, ParseError* error) {
  Program program;
  if (!ParseText(text, &program, error)) return false;
  out->clear();
  size_t number = 0;
  std::string_view raw;
  while (NextLine(&text, &raw)) {
    Line line;
    if (!ParseLine(raw, ++number, &line, error)) return false;
    std::string canonical = Canonical(line);
    if (!canonical.empty() && !line.comment.empty()) canonical += "  ";
    canonical += line.comment;
    *out += canonical + "\n";
  }
  return true;
}

}  // namespace sidewall::fuzz
