// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "model/registers.h"
#include "replay/sha256.h"
#include "replay/trace.h"

namespace sidewall::replay {
namespace {

constexpr const char* kImportHint =
    "canonical traces are written by: sidewall trace import ACCESSES.csv TABLES.csv "
    "--machine=WHAT --out=FILE";
constexpr const char* kAgainHint = "fetch the file again, or import it again from its source";

std::optional<uint64_t> Number(std::string_view word) {
  int base = 10;
  if (word.starts_with("0x")) {
    word.remove_prefix(2);
    base = 16;
  }
  uint64_t value = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (code != std::errc() || end != word.data() + word.size() || word.empty()) return std::nullopt;
  return value;
}

// The words of one record, taken from the left. The first word that does not fit is kept, so that
// the message can name it.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view Take() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    const size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }
  bool empty() const { return rest_.find_first_not_of(' ') == std::string_view::npos; }
  bool ok() const { return bad_.empty(); }
  const std::string& bad() const { return bad_; }
  void Refuse(std::string_view word, const char* wanted) {
    if (!bad_.empty()) return;
    bad_ = word.empty() ? fmt::format("the line ends where {} should be", wanted)
                        : fmt::format("unknown word '{}' where {} should be", word, wanted);
  }

  // A number, optionally behind `prefix`, of at most `limit`.
  uint64_t TakeNumber(std::string_view prefix, uint64_t limit, const char* wanted) {
    const std::string_view word = Take();
    std::optional<uint64_t> value;
    if (word.starts_with(prefix)) value = Number(word.substr(prefix.size()));
    if (!value || *value > limit) {
      Refuse(word, wanted);
      return 0;
    }
    return *value;
  }
  void TakeWord(std::string_view wanted) {
    const std::string_view word = Take();
    if (word != wanted) Refuse(word, std::string(wanted).c_str());
  }
  bool TakeEither(char yes, char no, const char* wanted) {
    const std::string_view word = Take();
    if (word.size() != 1 || (word[0] != yes && word[0] != no)) Refuse(word, wanted);
    return !word.empty() && word[0] == yes;
  }
  Window TakeWindow() {
    const std::string_view word = Take();
    Window window = Window::kNiso1;
    if (!model::ParseWindow(std::string(word).c_str(), &window)) Refuse(word, "a window");
    return window;
  }
  uint64_t TakeTime() {
    const std::string_view word = Take();
    const size_t dot = word.find('.');
    const auto whole = Number(word.substr(0, dot));
    std::optional<uint64_t> part;
    if (dot != std::string_view::npos && word.size() - dot == 10)
      part = Number(word.substr(dot + 1));
    if (!whole || !part || *whole > 1'000'000'000) {
      Refuse(word, "a time in seconds with nine decimals");
      return 0;
    }
    return *whole * 1'000'000'000 + *part;
  }

 private:
  std::string_view rest_;
  std::string bad_;
};

uint64_t MaxOf(unsigned width) { return width >= 8 ? ~uint64_t{0} : (1ull << (8 * width)) - 1; }

void ParseAccess(Words& words, bool write, Record* record) {
  AccessRecord access;
  access.write = write;
  access.width = static_cast<uint8_t>(words.TakeNumber("", 8, "a width of 1, 2, 4 or 8"));
  if ((access.width & (access.width - 1)) != 0 || access.width == 0) {
    words.Refuse(std::to_string(access.width), "a width of 1, 2, 4 or 8");
  }
  record->time_ns = words.TakeTime();
  record->cpu = static_cast<uint8_t>(words.TakeNumber("cpu", 255, "cpuN"));
  access.window = words.TakeWindow();
  access.offset = static_cast<uint32_t>(words.TakeNumber("+", 0xffffff, "+offset"));
  access.value = words.TakeNumber("", MaxOf(access.width), "a value of that width");
  record->body = access;
}

void ParseMark(Words& words, Record* record) {
  record->time_ns = words.TakeTime();
  record->cpu = static_cast<uint8_t>(words.TakeNumber("cpu", 255, "cpuN"));
  record->body = MarkRecord{words.TakeNumber("", ~uint64_t{0}, "a value")};
}

void ParseOutcome(Words& words, DmaRecord* dma) {
  const std::string_view word = words.Take();
  const size_t dash = word.find("-L");
  for (int i = 0; i <= static_cast<int>(DmaOutcome::kAccessFlag); ++i) {
    const auto outcome = static_cast<DmaOutcome>(i);
    const bool walked = outcome >= DmaOutcome::kTranslation;
    if (word.substr(0, walked ? dash : std::string_view::npos) != OutcomeName(outcome)) continue;
    if (walked == (dash == std::string_view::npos)) break;
    dma->outcome = outcome;
    if (walked) {
      const auto level = Number(word.substr(dash + 2));
      if (!level || *level > 3) break;
      dma->level = static_cast<uint8_t>(*level);
    }
    if (outcome == DmaOutcome::kOk) dma->pa = words.TakeNumber("", ~uint64_t{0}, "an address");
    return;
  }
  words.Refuse(word, "the outcome of a transfer");
}

void ParseDma(Words& words, Record* record) {
  DmaRecord dma;
  record->time_ns = words.TakeTime();
  dma.window = words.TakeWindow();
  dma.sid = static_cast<uint16_t>(words.TakeNumber("sid=", 0x7fff, "sid=N"));
  dma.write = words.TakeEither('W', 'R', "R or W");
  dma.length = static_cast<uint32_t>(words.TakeNumber("", 4096, "a length up to 4096"));
  dma.iova = words.TakeNumber("", ~uint64_t{0}, "an address");
  words.TakeWord("->");
  ParseOutcome(words, &dma);
  const std::string_view via = words.Take();
  if (via == "bypass") {
    dma.via = DmaVia::kBypass;
  } else if (via.starts_with("cb")) {
    const auto bank = Number(via.substr(2));
    dma.via = DmaVia::kBank;
    dma.bank = static_cast<uint16_t>(bank.value_or(0));
    if (!bank || *bank > 255) words.Refuse(via, "cbN, bypass or none");
  } else if (via != "none") {
    words.Refuse(via, "cbN, bypass or none");
  }
  record->body = dma;
}

void ParseTable(Words& words, Record* record) {
  TableRecord table;
  table.pa = words.TakeNumber("", ~uint64_t{0}, "the address of a page");
  if ((table.pa & 0xfff) != 0) words.Refuse("of this line", "a page-aligned address");
  table.level = static_cast<uint8_t>(words.TakeNumber("L", 3, "L0 to L3"));
  int last = -1;
  while (words.ok() && !words.empty()) {
    const std::string_view word = words.Take();
    const size_t equal = word.find('=');
    const auto index = Number(word.substr(0, equal));
    const auto value =
        equal == std::string_view::npos ? std::nullopt : Number(word.substr(equal + 1));
    if (!index || !value || *index > 511 || static_cast<int>(*index) <= last) {
      words.Refuse(word, "index=value, indices increasing");
      break;
    }
    last = static_cast<int>(*index);
    table.entries.emplace_back(static_cast<uint16_t>(*index), *value);
  }
  record->body = std::move(table);
}

void ParseFault(Words& words, Record* record) {
  FaultRecord fault;
  record->time_ns = words.TakeTime();
  fault.window = words.TakeWindow();
  const std::string_view where = words.Take();
  if (where != "global") {
    const auto bank = where.starts_with("bank=") ? Number(where.substr(5)) : std::nullopt;
    fault.bank = static_cast<uint16_t>(bank.value_or(0));
    if (!bank || *bank > 255) words.Refuse(where, "bank=N or global");
  }
  fault.fsr = static_cast<uint32_t>(words.TakeNumber("fsr=", 0xffffffff, "fsr=N"));
  fault.fsynr0 = static_cast<uint32_t>(words.TakeNumber("fsynr0=", 0xffffffff, "fsynr0=N"));
  fault.far = words.TakeNumber("far=", ~uint64_t{0}, "far=N");
  fault.sid = static_cast<uint16_t>(words.TakeNumber("sid=", 0x7fff, "sid=N"));
  record->body = fault;
}

// One pass over the text: head lines, then records.
class Parser {
 public:
  Parser(std::string_view text, Trace* trace, TraceError* error)
      : rest_(text), trace_(trace), error_(error) {}

  bool Run() {
    *trace_ = Trace();
    if (!rest_.starts_with("# sidewall-trace v1\n")) {
      return Fail(1, "not a trace of this format (the first line is not '# sidewall-trace v1')",
                  kImportHint);
    }
    const std::string_view text = rest_;
    if (!Head() || !CheckHead()) return false;
    if (!CheckBoard(trace_->head, error_)) return false;
    Sha256 hash;
    hash.Update(text.substr(0, text.rfind("# hash: ", text.size() - rest_.size())));
    hash.Update(rest_);
    if (!Records() || !CheckCounts()) return false;
    const std::string found = "sha256:" + hash.Hex();
    if (found != trace_->head.hash) {
      return Fail(0,
                  fmt::format("the file hashes to {}, its head says {}: it was changed", found,
                              trace_->head.hash),
                  kAgainHint);
    }
    return CheckFaultCauses(*trace_, error_);
  }

 private:
  bool Fail(size_t line, std::string what, std::string hint) {
    error_->line = line;
    error_->what = std::move(what);
    error_->hint = std::move(hint);
    return false;
  }

  // False at the end of the text, or when the last line has no end.
  bool NextLine(std::string_view* line) {
    const size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return false;
    *line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    ++line_;
    return true;
  }
  bool FailUnlessPlain(std::string_view line) {
    return IsPlain(line) || Fail(line_, "the line has a control character", kAgainHint);
  }

  bool Head() {
    std::string_view line;
    while (rest_.starts_with('#') && NextLine(&line)) {
      const size_t colon = line.find(": ");
      if (line_ == 1) continue;
      if (!FailUnlessPlain(line)) return false;
      if (colon == std::string_view::npos || !line.starts_with("# ")) {
        return Fail(line_, "a line of the head is '# key: value'", kAgainHint);
      }
      if (!HeadLine(line.substr(2, colon - 2), std::string(line.substr(colon + 2)))) return false;
    }
    return true;
  }

  bool Seen(std::string_view key) const {
    return std::find(keys_.begin(), keys_.end(), key) != keys_.end();
  }

  bool HeadLine(std::string_view key, std::string value) {
    if (Seen(key)) {
      return Fail(line_, fmt::format("the head has a second '{}' line", key), kAgainHint);
    }
    keys_.push_back(key);
    if (value.find_first_not_of(' ') == std::string::npos) {
      return Fail(line_, fmt::format("'{}' is empty", key), kAgainHint);
    }
    TraceHead& head = trace_->head;
    const std::pair<const char*, std::string*> strings[] = {
        {"machine", &head.machine}, {"kernel", &head.kernel},   {"board", &head.board},
        {"ram", &head.ram},         {"capture", &head.capture}, {"date", &head.date},
        {"source", &head.source},   {"tables", &head.tables},   {"hash", &head.hash}};
    for (const auto& [name, target] : strings) {
      if (key != name) continue;
      *target = std::move(value);
      return true;
    }
    if (key == "lost") {
      const auto lost = Number(value);
      if (!lost) return Fail(line_, "the count of lost events is not a number", kAgainHint);
      head.lost = *lost;
      return true;
    }
    if (key == "counts") return Counts(value);
    return Fail(line_, fmt::format("unknown word '{}' in the head", key),
                "a newer tool may have written it; use that tool");
  }

  bool Counts(std::string_view text) {
    TraceCounts& counts = trace_->head.counts;
    Words words(text);
    const std::pair<const char*, uint64_t*> fields[] = {{"smmu=", &counts.smmu},
                                                        {"mc=", &counts.mc},
                                                        {"marks=", &counts.marks},
                                                        {"dma=", &counts.dma},
                                                        {"dma-faults=", &counts.dma_faults},
                                                        {"hw-faults=", &counts.hw_faults},
                                                        {"tables=", &counts.tables},
                                                        {"left-out=", &counts.left_out}};
    for (const auto& [prefix, target] : fields) {
      *target = words.TakeNumber(prefix, ~uint64_t{0}, prefix);
    }
    if (words.ok() && !words.empty()) words.Refuse(words.Take(), "the end of the line");
    return words.ok() || Fail(line_, words.bad(), kAgainHint);
  }

  bool CheckHead() {
    const TraceHead& head = trace_->head;
    static constexpr const char* kNeeded[] = {"machine", "kernel", "board",  "ram",
                                              "capture", "date",   "source", "tables",
                                              "lost",    "counts", "hash"};
    if (keys_.empty() || keys_.back() != "hash") {
      return Fail(line_, "the head does not end with 'hash'", kAgainHint);
    }
    for (const char* key : kNeeded) {
      if (!Seen(key)) return Fail(line_, fmt::format("the head has no '{}' line", key), kAgainHint);
    }
    if (head.lost != 0) {
      return Fail(line_,
                  fmt::format("the capture lost {} events, so what follows from the rest is "
                              "not what the kernel did",
                              head.lost),
                  "capture again with a larger buffer");
    }
    return true;
  }

  bool Records() {
    std::string_view line;
    uint64_t time = 0;
    while (NextLine(&line)) {
      Record record;
      record.line = line_;
      if (!ParseLine(line, &record)) return false;
      if (!std::holds_alternative<TableRecord>(record.body)) {
        if (record.time_ns <= time && !trace_->records.empty()) {
          return Fail(line_, "this record is not later than the one before it: reordered",
                      kAgainHint);
        }
        time = record.time_ns;
      }
      trace_->records.push_back(std::move(record));
    }
    if (rest_.empty()) return true;
    return Fail(line_ + 1, "the file ends in the middle of a line: truncated", kAgainHint);
  }

  bool ParseLine(std::string_view line, Record* record) {
    if (!FailUnlessPlain(line)) return false;
    const size_t comment = line.find(" ;");
    if (comment != std::string_view::npos) {
      const size_t caller = line.rfind(" <");
      if (caller != std::string_view::npos && caller > comment && line.ends_with('>')) {
        record->caller = line.substr(caller + 2, line.size() - caller - 3);
      }
    }
    Words words(line.substr(0, comment));
    const std::string_view kind = words.Take();
    if (kind == "R" || kind == "W") {
      ParseAccess(words, kind == "W", record);
    } else if (kind == "mark") {
      ParseMark(words, record);
    } else if (kind == "dma") {
      ParseDma(words, record);
    } else if (kind == "table") {
      ParseTable(words, record);
    } else if (kind == "hw.fault") {
      ParseFault(words, record);
    } else {
      words.Refuse(kind, "R, W, mark, dma, table or hw.fault");
    }
    if (words.ok() && !words.empty()) words.Refuse(words.Take(), "the end of the record");
    if (words.ok()) return true;
    return Fail(line_, words.bad(), kAgainHint);
  }

  bool CheckCounts() {
    const TraceCounts found = CountRecords(trace_->records, trace_->head.counts.left_out);
    const TraceCounts& said = trace_->head.counts;
    if (found == said && found.smmu + found.mc != 0) return true;
    if (found == said) {
      return Fail(0, "no access to an SMMU or the memory controller: there is nothing to replay",
                  "capture again, with those windows trapped");
    }
    const auto sum = [](const TraceCounts& c) {
      return c.smmu + c.mc + c.marks + c.dma + c.hw_faults + c.tables;
    };
    return Fail(line_,
                fmt::format("{} records, but the head says {}: {}", sum(found), sum(said),
                            sum(found) < sum(said) ? "truncated" : "the counts differ"),
                kAgainHint);
  }

  std::string_view rest_;
  Trace* trace_;
  TraceError* error_;
  size_t line_ = 0;
  std::vector<std::string_view> keys_;  // of the head, in order
};

}  // namespace

std::string TraceError::Text() const {
  std::string text = file.empty() ? "trace" : file;
  if (line != 0) text += fmt::format(":{}", line);
  text += ": " + what;
  if (!hint.empty()) text += "\n  what to do: " + hint;
  return text;
}

bool ParseTrace(std::string_view text, Trace* trace, TraceError* error) {
  return Parser(text, trace, error).Run();
}

}  // namespace sidewall::replay
