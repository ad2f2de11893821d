// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/text_line.h"

#include <algorithm>
#include <iterator>

#include "fuzz/spelling.h"

namespace sidewall::fuzz {
namespace {

constexpr size_t kValueArg = 5;
constexpr uint64_t kOwnSidMask = 0x7fff;

struct Token {
  std::string_view text;
  size_t column = 1;
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::vector<Token> Tokens(std::string_view line) {
  std::vector<Token> tokens;
  size_t i = 0;
  while (i < line.size()) {
    while (i < line.size() && IsSpace(line[i])) ++i;
    const size_t start = i;
    while (i < line.size() && !IsSpace(line[i])) ++i;
    if (i > start) tokens.push_back({line.substr(start, i - start), start + 1});
  }
  return tokens;
}

std::string Quoted(std::string_view word) {
  std::string text = "\"";
  for (const char c : word.substr(0, 60)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + "\"";
}

// Edit distance of two words, at most 32 characters each.
size_t Distance(std::string_view a, std::string_view b) {
  constexpr size_t kMax = 32;
  if (a.size() > kMax || b.size() > kMax) return kMax;
  size_t row[kMax + 1];
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string NearestVerb(std::string_view word) {
  // The width is part of the verb in text, but not of its name in the table.
  std::string_view stem = word;
  while (!stem.empty() && stem.back() >= '0' && stem.back() <= '9') stem.remove_suffix(1);
  const EventSpec* best = &kEventSpecs[0];
  for (const EventSpec& spec : kEventSpecs) {
    if (Distance(stem, spec.name) < Distance(stem, best->name)) best = &spec;
  }
  std::string name = best->name;
  if (best->arg[2].type == ArgType::kWidth) name += "32";
  return name;
}

class EventParser {
 public:
  EventParser(size_t line, Event* event, ParseError* error)
      : line_(line), event_(event), error_(error) {}

  bool Parse(std::string_view text) {
    std::vector<Token> tokens = Tokens(text);
    *event_ = Event();
    end_column_ = text.size() + 1;
    size_t arrow = 0;
    while (arrow < tokens.size() && tokens[arrow].text != "->") ++arrow;
    if (!ParseVerb(tokens[0])) return false;
    for (size_t i = 1; i < arrow; ++i) {
      if (!ParseToken(tokens[i])) return false;
    }
    if (!CheckPositional()) return false;
    if (arrow == tokens.size()) return true;
    tokens.erase(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(arrow));
    return ParseExpect(tokens);
  }

 private:
  bool Fail(size_t column, std::string what, std::string hint) {
    *error_ = {line_, column, std::move(what), std::move(hint)};
    return false;
  }

  bool ParseVerb(const Token& token) {
    std::string_view verb = token.text;
    spec_ = FindEventSpec(verb);
    uint64_t width = 0;
    if (spec_ == nullptr) {
      for (const uint64_t bytes : {1, 2, 4, 8}) {
        const std::string suffix = std::to_string(bytes * 8);
        if (!verb.ends_with(suffix)) continue;
        const EventSpec* spec = FindEventSpec(verb.substr(0, verb.size() - suffix.size()));
        if (spec != nullptr && WidthArg(*spec) < kEventArgs) {
          spec_ = spec;
          width = bytes;
        }
      }
    }
    if (spec_ == nullptr) {
      return Fail(token.column, "unknown event " + Quoted(verb),
                  "nearest is " + Quoted(NearestVerb(verb)));
    }
    event_->kind = spec_->kind;
    for (size_t i = 0; i < kEventArgs; ++i) event_->arg[i] = spec_->arg[i].default_value;
    if (width != 0) {
      event_->arg[WidthArg(*spec_)] = width;
      given_[WidthArg(*spec_)] = true;
    }
    return true;
  }

  static size_t WidthArg(const EventSpec& spec) {
    size_t i = 0;
    while (i < kEventArgs && spec.arg[i].type != ArgType::kWidth) ++i;
    return i;
  }

  bool ParseToken(const Token& token) {
    const size_t equals = token.text.find('=');
    if (equals == std::string_view::npos) return ParseWord(token);
    const std::string_view name = token.text.substr(0, equals);
    const Token value{token.text.substr(equals + 1), token.column + equals + 1};
    if (value.text.empty()) {
      return Fail(value.column, "nothing follows " + Quoted(token.text), "write name=value");
    }
    if (name == "cpu") return ParseSmall(value, UINT8_MAX, &event_->cpu, &cpu_given_);
    if (name == "fail_nth") {
      return ParseSmall(value, UINT16_MAX, &event_->fail_nth, &fail_nth_given_);
    }
    if (name.size() == 4 && name.starts_with("arg") && name[3] >= '0' && name[3] <= '5') {
      return ParseRaw(static_cast<size_t>(name[3] - '0'), value);
    }
    for (size_t i = 0; i < kEventArgs; ++i) {
      if (spec_->arg[i].name != nullptr && name == spec_->arg[i].name && !SecondHalf(i)) {
        return ParseNamed(i, value);
      }
    }
    if (name == "own" && DmaArg() < kEventArgs) return ParseOwn(value);
    if (spec_->arg[3].type == ArgType::kRegValue) return ParseField(name, token.column, value);
    return Fail(token.column, Quoted(spec_->name) + " has no argument " + Quoted(name),
                "it takes " + ArgumentNames());
  }

  bool SecondHalf(size_t i) const {
    return spec_->arg[i].type == ArgType::kCount || spec_->arg[i].type == ArgType::kSid;
  }

  std::string ArgumentNames() const {
    std::string names;
    for (size_t i = 0; i < kEventArgs; ++i) {
      if (spec_->arg[i].name == nullptr || SecondHalf(i)) continue;
      names += (names.empty() ? "" : ", ") + std::string(spec_->arg[i].name);
    }
    return names + (names.empty() ? "" : ", ") + "cpu, fail_nth";
  }

  template <typename T>
  bool ParseSmall(const Token& value, uint64_t limit, T* out, bool* given) {
    uint64_t number = 0;
    if (!ParseNumberWord(value.text, &number) || number > limit) {
      return Fail(value.column,
                  Quoted(value.text) + " is not a number from 0 to " + std::to_string(limit),
                  "write a number");
    }
    if (*given) return Fail(value.column, "this is given twice", "keep one of the two");
    *given = true;
    *out = static_cast<T>(number);
    return true;
  }

  // Marks argument i as given; it may be given once.
  bool Take(size_t i, size_t column) {
    if (given_[i]) {
      const char* name = spec_->arg[i].name;
      return Fail(column, Quoted(name != nullptr ? name : "argument") + " is given twice",
                  "keep one of the two");
    }
    given_[i] = true;
    return true;
  }

  bool ParseRaw(size_t i, const Token& value) {
    if (!Take(i, value.column)) return false;
    if (ParseNumberWord(value.text, &event_->arg[i])) return true;
    return Fail(value.column, Quoted(value.text) + " is not a number", "write 12 or 0xc");
  }

  bool ParseNamed(size_t i, const Token& value) {
    const ArgType type = spec_->arg[i].type;
    if (type == ArgType::kPages) return ParseHalves(i, value, '+');
    if (type == ArgType::kSide) return ParseHalves(i, value, ':');
    if (type == ArgType::kWidth && given_[i]) {
      return Fail(value.column, "the verb already says the width", "drop one of the two");
    }
    return Take(i, value.column) && ParseValue(i, value);
  }

  bool ParseValue(size_t i, const Token& value) {
    uint64_t* out = &event_->arg[i];
    switch (spec_->arg[i].type) {
      case ArgType::kOwner:
        if (ParseOwnerWord(value.text, out)) return true;
        return Fail(value.column, "unknown owner " + Quoted(value.text),
                    "host, el2, guest0 and up, or a number");
      case ArgType::kClient:
        if (ParseClientWord(value.text, out)) return true;
        return Fail(value.column, "unknown client " + Quoted(value.text),
                    "a client of the memory controller, such as mgbeard, or its number");
      case ArgType::kSide:
      case ArgType::kIommu:
        if (ParseSideWord(value.text, out)) return true;
        return Fail(value.column, "unknown SMMU " + Quoted(value.text),
                    "niso1, niso0, iso, or a number");
      case ArgType::kSrt:
        if (ParseSrt(value.text, out)) return true;
        return Fail(value.column, "unknown register " + Quoted(value.text), "x0 to x30, or xzr");
      case ArgType::kWindow:
        if (ParseNumberWord(value.text, out) || ParseWindowWord(value.text, out)) return true;
        return Fail(value.column, "unknown window " + Quoted(value.text), WindowHint());
      default:
        if (ParseNumberWord(value.text, out)) return true;
        return Fail(value.column, Quoted(value.text) + " is not a number below 2^64",
                    "write 12 or 0xc");
    }
  }

  static bool ParseSrt(std::string_view word, uint64_t* value) {
    if (word == "xzr") {
      *value = 31;
      return true;
    }
    if (word.starts_with("x")) {
      return ParseNumberWord(word.substr(1), value) && *value < 31;
    }
    return ParseNumberWord(word, value);
  }

  // pages=PA+COUNT and stream=SIDE:SID; the count may be left out.
  bool ParseHalves(size_t i, const Token& value, char mark) {
    if (!Take(i, value.column) || !Take(i + 1, value.column)) return false;
    const size_t split = value.text.find(mark);
    if (!ParseValue(i, {value.text.substr(0, split), value.column})) return false;
    if (split == std::string_view::npos) {
      if (mark == '+') return true;
      return Fail(value.column, "no stream ID in " + Quoted(value.text), "write niso0:0x4");
    }
    return ParseValue(i + 1, {value.text.substr(split + 1), value.column + split + 1});
  }

  bool ParseWord(const Token& token) {
    if (ParseDmaWord(token.text)) return true;
    for (size_t i = 0; i < kEventArgs; ++i) {
      if (given_[i]) continue;
      switch (spec_->arg[i].type) {
        case ArgType::kWindow:
          given_[i] = true;
          if (ParseWindowWord(token.text, &event_->arg[i]) ||
              ParseNumberWord(token.text, &event_->arg[i])) {
            return true;
          }
          return Fail(token.column, "unknown window " + Quoted(token.text), WindowHint());
        case ArgType::kRegister:
          given_[i] = true;
          if (ParseRegisterWord(event_->arg[0], token.text, &event_->arg[i])) return true;
          return Fail(token.column,
                      "unknown register " + Quoted(token.text) + " of " + WindowForPeople(),
                      "a name such as S2CR[5] or CB[3].SCTLR, or +0xoffset");
        case ArgType::kRegValue:
          given_[i] = true;
          if (ParseNumberWord(token.text, &event_->arg[i])) return true;
          return Fail(token.column, Quoted(token.text) + " is not a value",
                      "a number, or fields such as type=bypass");
        default:
          break;
      }
    }
    return Fail(token.column, "unexpected word " + Quoted(token.text),
                Quoted(spec_->name) + " takes " + ArgumentNames());
  }

  static std::string WindowHint() {
    return "niso1 niso1m niso0 niso0m iso mc_sid mc_bcast mc_ch0 to mc_ch15";
  }

  std::string WindowForPeople() const {
    const std::string name = WindowWord(event_->arg[0]);
    return name.empty() ? "window " + NumberWord(event_->arg[0]) : name;
  }

  size_t DmaArg() const {
    size_t i = 0;
    while (i < kEventArgs && spec_->arg[i].type != ArgType::kDmaFlags) ++i;
    return i;
  }

  bool ParseDmaWord(std::string_view word) {
    const size_t i = DmaArg();
    if (i == kEventArgs || (given_[i] && !dma_words_)) return false;
    constexpr std::string_view kWords[] = {"read", "write", "priv", "inst", "late"};
    constexpr uint64_t kFlags[] = {0, kDmaWrite, kDmaPrivileged, kDmaInstruction, kDmaLate};
    for (size_t w = 0; w < std::size(kWords); ++w) {
      // read and write exclude each other, so they share one seat.
      const unsigned seat = w < 2 ? 1u : 1u << w;
      if (word != kWords[w] || (dma_seats_ & seat) != 0) continue;
      dma_seats_ |= seat;
      dma_words_ = given_[i] = true;
      event_->arg[i] |= kFlags[w];
      return true;
    }
    return false;
  }

  bool ParseOwn(const Token& value) {
    const size_t i = DmaArg();
    uint64_t sid = 0;
    if (!ParseNumberWord(value.text, &sid) || sid > kOwnSidMask) {
      return Fail(value.column, Quoted(value.text) + " is not a stream ID", "from 0 to 0x7fff");
    }
    if (own_given_ || (given_[i] && !dma_words_)) {
      return Fail(value.column, "the access is given twice", "keep one of the two");
    }
    own_given_ = dma_words_ = given_[i] = true;
    event_->arg[i] |= sid << kDmaOwnSidShift;
    return true;
  }

  bool ParseField(std::string_view name, size_t column, const Token& value) {
    constexpr size_t kValue = 3;
    const model::RegisterInfo* reg = ExactRegister(event_->arg[0], event_->arg[1]);
    const std::string reg_name = RegisterWord(event_->arg[0], event_->arg[1]);
    if (!given_[1] || (given_[kValue] && fields_.empty())) {
      return Fail(column, "field " + Quoted(name) + " where none may be",
                  "write window, register, then a number or fields");
    }
    const model::FieldInfo* field = reg == nullptr ? nullptr : FindField(*reg, name);
    if (field == nullptr) {
      return Fail(column, reg_name + " has no field " + Quoted(name), FieldHint(reg));
    }
    uint64_t number = 0;
    if (!ParseFieldValue(*field, value.text, &number)) {
      return Fail(
          value.column, Quoted(value.text) + " does not fit field " + Quoted(name),
          "it has bits " + std::to_string(field->high) + " to " + std::to_string(field->low));
    }
    if (std::find(fields_.begin(), fields_.end(), field) != fields_.end()) {
      return Fail(column, "field " + Quoted(name) + " is given twice", "keep one of the two");
    }
    fields_.push_back(field);
    given_[kValue] = true;
    event_->arg[kValue] |= number << field->low;
    return true;
  }

  static std::string FieldHint(const model::RegisterInfo* reg) {
    std::string names;
    for (size_t i = 0; reg != nullptr && reg->fields != nullptr; ++i) {
      if (reg->fields[i].name == nullptr) break;
      names += (names.empty() ? "" : " ") + std::string(reg->fields[i].name);
    }
    return names.empty() ? "write a number" : "it has " + names;
  }

  bool CheckPositional() {
    for (size_t i = 0; i < kEventArgs; ++i) {
      if (given_[i]) continue;
      const char* missing = nullptr;
      const char* hint = nullptr;
      switch (spec_->arg[i].type) {
        case ArgType::kWindow:
          missing = "no window";
          hint = "name one, such as niso0";
          break;
        case ArgType::kRegister:
          missing = "no register";
          hint = "name one, such as S2CR[5], or +0xoffset";
          break;
        case ArgType::kWidth:
          missing = "no width";
          hint = "write host.read32 or host.write64";
          break;
        case ArgType::kRegValue:
          missing = "no value";
          hint = "write a number, or fields such as type=bypass";
          break;
        case ArgType::kDmaFlags:
          missing = "neither read nor write";
          hint = "add one of the two words";
          break;
        default:
          continue;
      }
      return Fail(end_column_, std::string(missing) + " in " + Quoted(spec_->name), hint);
    }
    return true;
  }

  bool ParseExpect(const std::vector<Token>& tokens) {
    constexpr std::string_view kWords[] = {"ok", "fault", "refused", "degraded"};
    size_t next = 1;
    if (next < tokens.size()) {
      for (size_t w = 0; w < std::size(kWords); ++w) {
        if (tokens[next].text == kWords[w]) event_->expect = static_cast<Expect>(w + 1);
      }
      if (event_->expect != Expect::kNone) ++next;
    }
    const bool may_have_value = event_->expect == Expect::kNone || event_->expect == Expect::kOk;
    if (may_have_value && next < tokens.size()) {
      if (!ParseExpectedValue(tokens[next])) return false;
      ++next;
    }
    if (event_->expect == Expect::kNone || next != tokens.size()) {
      const size_t column = next < tokens.size() ? tokens[next].column : end_column_;
      return Fail(column, "not a result", "ok, fault, refused, degraded, or the value");
    }
    return true;
  }

  bool ParseExpectedValue(const Token& token) {
    uint64_t value = 0;
    if (!ParseNumberWord(token.text, &value)) {
      return Fail(token.column, Quoted(token.text) + " is not a result",
                  "ok, fault, refused, degraded, or the value");
    }
    if (given_[kValueArg] && event_->arg[kValueArg] != value) {
      return Fail(token.column, "the value contradicts the sixth argument, which holds it",
                  "expect `ok` alone here");
    }
    event_->expect = Expect::kValue;
    event_->arg[kValueArg] = value;
    return true;
  }

  size_t line_;
  Event* event_;
  ParseError* error_;
  const EventSpec* spec_ = nullptr;
  size_t end_column_ = 1;
  bool given_[kEventArgs] = {};
  bool cpu_given_ = false;
  bool fail_nth_given_ = false;
  bool own_given_ = false;
  bool dma_words_ = false;  // the access was given as words, so more of them may follow
  unsigned dma_seats_ = 0;
  std::vector<const model::FieldInfo*> fields_;
};

bool ParseHexByte(std::string_view word, uint8_t* byte) {
  uint64_t value = 0;
  if (word.size() != 2 || !ParseNumberWord("0x" + std::string(word), &value)) return false;
  *byte = static_cast<uint8_t>(value);
  return true;
}

bool ParseBytes(const std::vector<Token>& tokens, size_t number, Line* line, ParseError* error) {
  for (size_t i = 1; i < tokens.size(); ++i) {
    uint8_t byte = 0;
    if (!ParseHexByte(tokens[i].text, &byte)) {
      *error = {number, tokens[i].column, Quoted(tokens[i].text) + " is not a byte",
                "two hexadecimal digits each, such as 00 01 ff"};
      return false;
    }
    line->bytes.push_back(byte);
  }
  return true;
}

// "# board: tiny (remark)"; any other text after '#' is a comment.
bool ParseHash(std::string_view text, size_t number, Line* line, ParseError* error) {
  const std::vector<Token> tokens = Tokens(text);
  line->kind = LineKind::kComment;
  line->comment = text.substr(tokens[0].column - 1);
  while (!line->comment.empty() && IsSpace(line->comment.back())) line->comment.remove_suffix(1);
  if (tokens.size() >= 2 && tokens[0].text == "#" && tokens[1].text == "sidewall-program") {
    if (tokens.size() == 3 && tokens[2].text == "v1") {
      line->kind = LineKind::kVersion;
      line->comment = {};
      return true;
    }
    *error = {number, tokens[1].column, "not version v1 of the program format",
              "a newer tool may read it; this one writes `# sidewall-program v1`"};
    return false;
  }
  if (tokens.size() < 2 || tokens[0].text != "#") return true;
  for (const std::string_view key : {"board:", "driver:", "expect:"}) {
    if (tokens[1].text != key) continue;
    if (tokens.size() < 3 || (tokens.size() > 3 && !tokens[3].text.starts_with("("))) {
      *error = {number, tokens[1].column, "one word must follow " + Quoted(key),
                "a remark after it goes into ( )"};
      return false;
    }
    line->kind = LineKind::kHead;
    line->key = std::string(key.substr(0, key.size() - 1));
    line->value = std::string(tokens[2].text);
    line->column = tokens[2].column;
    if (tokens.size() == 3) {
      line->comment = {};
    } else {
      line->comment.remove_prefix(tokens[3].column - tokens[0].column);
    }
  }
  return true;
}

}  // namespace

bool ParseLine(std::string_view text, size_t number, Line* line, ParseError* error) {
  *line = Line();
  const std::vector<Token> all = Tokens(text);
  if (all.empty()) return true;
  if (all[0].text.starts_with("#")) return ParseHash(text, number, line, error);
  const size_t hash = text.find('#');
  if (hash != std::string_view::npos) {
    line->comment = text.substr(hash);
    while (IsSpace(line->comment.back())) line->comment.remove_suffix(1);
    text = text.substr(0, hash);
  }
  const std::vector<Token> tokens = Tokens(text);
  if (tokens[0].text == "choice:" || tokens[0].text == "schedule:") {
    line->kind = tokens[0].text == "choice:" ? LineKind::kChoice : LineKind::kSchedule;
    return ParseBytes(tokens, number, line, error);
  }
  line->kind = LineKind::kEvent;
  while (IsSpace(text.back())) text.remove_suffix(1);
  return EventParser(number, &line->event, error).Parse(text);
}

}  // namespace sidewall::fuzz
