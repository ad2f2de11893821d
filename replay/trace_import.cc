// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/trace_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "model/board.h"
#include "model/registers.h"
#include "replay/sha256.h"

namespace sidewall::replay {
namespace {

constexpr std::string_view kAccessHeader =
    "seq,instance,offset,rw,size,value,reg,ipa,time_us,cpu,pc,func";
constexpr std::string_view kTableHeader = "seq,pa,level,index,value";
constexpr const char* kSourceHint = "give the recorder's two CSV files, accesses first";

// Offsets inside the recorder's own window, to which the captured script wrote.
constexpr uint64_t kMarkPhase = 0x0;
constexpr uint64_t kMarkContextFault = 0x10;
constexpr uint64_t kMarkGlobalFault = 0x18;
// The order in which those writes number the instances.
constexpr Window kInjectionOrder[] = {Window::kNiso1, Window::kNiso1Mirror, Window::kIso,
                                      Window::kNiso0, Window::kNiso0Mirror};

std::optional<uint64_t> Number(std::string_view word) {
  const bool hex = word.starts_with("0x");
  if (hex) word.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, code] =
      std::from_chars(word.data(), word.data() + word.size(), value, hex ? 16 : 10);
  if (word.empty() || code != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> Split(std::string_view line, char separator) {
  std::vector<std::string_view> cells;
  for (;;) {
    const size_t end = line.find(separator);
    cells.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return cells;
    line.remove_prefix(end + 1);
  }
}

// One line of the source, for messages.
struct Place {
  const std::string& file;
  size_t line;
};

bool Fail(TraceError* error, const Place& place, std::string what) {
  *error = {place.file, place.line, std::move(what), kSourceHint};
  return false;
}

struct Row {
  uint64_t seq = 0;
  std::string_view instance;
  uint64_t offset = 0;
  bool write = false;
  uint64_t size = 0;
  uint64_t value = 0;
  std::string_view reg;
  uint64_t ipa = 0;
  uint64_t time_ns = 0;
  uint64_t cpu = 0;
  std::string_view pc;
  std::string_view func;
};

// "451882.480" microseconds as nanoseconds.
std::optional<uint64_t> Nanoseconds(std::string_view word) {
  const size_t dot = word.find('.');
  if (dot == std::string_view::npos || word.size() - dot != 4) return std::nullopt;
  const auto whole = Number(word.substr(0, dot));
  const auto part = Number(word.substr(dot + 1));
  if (!whole || !part) return std::nullopt;
  return *whole * 1000 + *part;
}

bool ParseRow(std::string_view line, Row* row) {
  const auto cells = Split(line, ',');
  if (cells.size() != 12) return false;
  const std::optional<uint64_t> numbers[] = {
      Number(cells[0]), Number(cells[2]),      Number(cells[4]), Number(cells[5]),
      Number(cells[7]), Nanoseconds(cells[8]), Number(cells[9])};
  for (const auto& number : numbers) {
    if (!number) return false;
  }
  if (cells[3] != "R" && cells[3] != "W") return false;
  if (*numbers[6] > 255) return false;
  *row = {*numbers[0], cells[1],    *numbers[1], cells[3] == "W", *numbers[2], *numbers[3],
          cells[6],    *numbers[4], *numbers[5], *numbers[6],     cells[10],   cells[11]};
  return true;
}

bool CheckOptions(const ImportOptions& options, TraceError* error) {
  const auto fail = [&](std::string what, const char* hint) {
    *error = {options.accesses, 0, std::move(what), hint};
    return false;
  };
  if (options.machine.empty()) {
    return fail("nothing says what the trace was captured on",
                "give --machine=WHAT: the board and its revision, or, for a trace of an emulator, "
                "--machine=\"Linux in QEMU, not a board\"");
  }
  const std::pair<const char*, const std::string*> texts[] = {
      {"accesses", &options.accesses}, {"tables", &options.tables}, {"--machine", &options.machine},
      {"--kernel", &options.kernel},   {"--board", &options.board}, {"--ram", &options.ram},
      {"--capture", &options.capture}, {"--date", &options.date}};
  for (const auto& [name, text] : texts) {
    if (!IsPlain(*text)) {
      return fail(fmt::format("{} has a control character", name),
                  "the head of a trace is one line an entry, of printable text");
    }
  }
  return true;
}

class Importer {
 public:
  Importer(const ImportOptions& options, Trace* trace, TraceError* error)
      : options_(options), trace_(trace), error_(error) {}

  bool Run() {
    *trace_ = Trace();
    board_ = model::FindBoard(options_.board.c_str());
    if (board_ == nullptr) {
      return Fail(error_, {options_.accesses, 0}, "no board is called " + options_.board);
    }
    std::string accesses;
    std::string tables;
    if (!Load(options_.accesses, kAccessHeader, &accesses)) return false;
    if (!options_.tables.empty() &&
        (!Load(options_.tables, kTableHeader, &tables) || !LoadTables(tables))) {
      return false;
    }
    if (!LoadRows(accesses)) return false;
    for (size_t i = 0; i < rows_.size(); ++i) {
      AddTables(rows_[i].seq);
      if (!AddRow(i)) return false;
    }
    AddTables(~uint64_t{0});
    Head();
    return true;
  }

 private:
  bool Load(const std::string& path, std::string_view header, std::string* text) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream stream;
    stream << file.rdbuf();
    if (!file) return Fail(error_, {path, 0}, "cannot be read");
    *text = stream.str();
    const size_t end = text->find('\n');
    if (std::string_view(*text).substr(0, end) != header) {
      return Fail(error_, {path, 1}, fmt::format("the first line is not '{}'", header));
    }
    if (!text->ends_with('\n')) return Fail(error_, {path, 0}, "ends in the middle of a line");
    Sha256 hash;
    hash.Update(*text);
    if (!source_.empty()) source_ += ", ";
    source_ += fmt::format("{} sha256:{}", path.substr(path.rfind('/') + 1), hash.Hex());
    return true;
  }

  bool LoadTables(std::string_view text) {
    auto lines = Split(text, '\n');
    lines.pop_back();
    std::pair<uint64_t, uint64_t> key = {~uint64_t{0}, 0};
    for (size_t i = 1; i < lines.size(); ++i) {
      const Place place = {options_.tables, i + 1};
      const auto cells = Split(lines[i], ',');
      std::optional<uint64_t> n[5];
      for (size_t k = 0; k < 5 && cells.size() == 5; ++k) n[k] = Number(cells[k]);
      if (!n[0] || !n[1] || !n[2] || !n[3] || !n[4] || *n[2] > 3 || *n[3] > 511) {
        return Fail(error_, place, "not a row of the table file");
      }
      if (!snapshots_.empty() && *n[0] < key.first) {
        return Fail(error_, place, "the rows are not in the order of seq");
      }
      if (key != std::pair(*n[0], *n[1])) {
        key = {*n[0], *n[1]};
        snapshots_.push_back({*n[0], {*n[1], static_cast<uint8_t>(*n[2]), {}}});
      }
      if (*n[4] == 0) continue;
      auto& entries = snapshots_.back().second.entries;
      if (!entries.empty() && entries.back().first >= *n[3]) {
        return Fail(error_, place, "the rows of a page are not in the order of index");
      }
      entries.emplace_back(static_cast<uint16_t>(*n[3]), *n[4]);
    }
    return true;
  }

  bool LoadRows(std::string_view text) {
    auto lines = Split(text, '\n');
    lines.pop_back();
    for (size_t i = 1; i < lines.size(); ++i) {
      Row row;
      const Place place = {options_.accesses, i + 1};
      if (!ParseRow(lines[i], &row)) return Fail(error_, place, "not a row of the access file");
      if (row.seq != i - 1) {
        return Fail(error_, place,
                    fmt::format("seq is {} where {} should be: rows were lost or reordered",
                                row.seq, i - 1));
      }
      if (i > 1 && row.time_ns <= rows_.back().time_ns) {
        return Fail(error_, place, "this row is not later than the one before it");
      }
      rows_.push_back(row);
    }
    return true;
  }

  void AddTables(uint64_t seq) {
    while (next_snapshot_ < snapshots_.size() && snapshots_[next_snapshot_].first <= seq) {
      Record record;
      record.body = std::move(snapshots_[next_snapshot_++].second);
      trace_->records.push_back(std::move(record));
    }
  }

  Record Start(const Row& row) const {
    Record record;
    record.time_ns = row.time_ns;
    record.cpu = static_cast<uint8_t>(row.cpu);
    record.caller = row.func.empty() ? std::string(row.pc) : std::string(row.func);
    return record;
  }

  // The window of an SMMU or MC row; its address must agree with its name.
  bool WindowOf(const Row& row, Window* window) const {
    if (model::ParseWindow(std::string(row.instance).c_str(), window) &&
        static_cast<uint8_t>(*window) < kSmmuWindows) {
      for (size_t i = 0; i < board_->smmu_count; ++i) {
        const model::SmmuSpec& smmu = board_->smmu[i];
        for (size_t k = 0; k < smmu.instance_count; ++k) {
          if (row.ipa == smmu.window[k] + row.offset) return row.offset < smmu.window_size;
        }
      }
      return false;
    }
    if (!row.instance.starts_with("mc_")) return false;
    for (size_t i = 0; i < board_->mc_window_count; ++i) {
      if (row.ipa != board_->mc_window[i].start + row.offset) continue;
      *window = static_cast<Window>(static_cast<size_t>(Window::kMcSid) + i);
      return row.offset < board_->mc_window[i].size;
    }
    return false;
  }

  bool AddRow(size_t index) {
    const Row& row = rows_[index];
    const Place place = {options_.accesses, index + 2};
    if (row.instance == "gpcdma") {
      ++left_out_;
      return true;
    }
    if (row.instance == "mark") return AddMark(index, place);
    if (row.instance == "dma") return AddDma(row, place);
    AccessRecord access;
    if (!WindowOf(row, &access.window)) {
      return Fail(error_, place,
                  fmt::format("'{}' with address {:#x} is no window of board {}", row.instance,
                              row.ipa, options_.board));
    }
    if (row.size != 1 && row.size != 2 && row.size != 4 && row.size != 8) {
      return Fail(error_, place, "an access is of 1, 2, 4 or 8 bytes");
    }
    access.write = row.write;
    access.width = static_cast<uint8_t>(row.size);
    access.offset = static_cast<uint32_t>(row.offset);
    access.value = row.value;
    Record record = Start(row);
    record.body = access;
    trace_->records.push_back(std::move(record));
    return true;
  }

  bool AddMark(size_t index, const Place& place) {
    const Row& row = rows_[index];
    Record record = Start(row);
    if (row.offset == kMarkPhase) {
      record.body = MarkRecord{row.value};
    } else if (row.offset == kMarkContextFault || row.offset == kMarkGlobalFault) {
      FaultRecord fault;
      if (!DescribeInjection(index, &fault)) {
        return Fail(error_, place, "a fault was injected here, but the kernel never reads it");
      }
      record.body = fault;
    } else {
      return Fail(error_, place, fmt::format("a mark at offset {:#x} is not known", row.offset));
    }
    trace_->records.push_back(std::move(record));
    return true;
  }

  // The first value that the kernel reads at `offset` of `window` after row `index`.
  std::optional<uint64_t> ReadAfter(size_t index, std::string_view window, uint64_t offset) const {
    for (size_t i = index + 1; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      if (row.instance == "mark" && row.offset != kMarkPhase) return std::nullopt;
      if (row.instance == window && row.offset == offset && !row.write) return row.value;
    }
    return std::nullopt;
  }

  bool DescribeInjection(size_t index, FaultRecord* fault) const {
    const Row& row = rows_[index];
    const bool global = row.offset == kMarkGlobalFault;
    const uint64_t instance = global ? row.value : row.value >> 8;
    const uint64_t bank = row.value & 0xff;
    if (instance >= std::size(kInjectionOrder)) return false;
    fault->window = kInjectionOrder[instance];
    const char* window = model::WindowName(fault->window);
    const uint64_t base = 0x800000 + (bank << 16);
    const auto fsr = ReadAfter(index, window, global ? 0x48 : base + 0x58);
    const auto fsynr0 = ReadAfter(index, window, global ? 0x50 : base + 0x68);
    const auto far = global ? std::optional<uint64_t>(0) : ReadAfter(index, window, base + 0x60);
    const auto sid = ReadAfter(index, window, global ? 0x54 : 0x10400 + 4 * bank);
    if (!fsr || !fsynr0 || !far || !sid || *fsr == 0) return false;
    if (!global) fault->bank = static_cast<uint16_t>(bank);
    fault->fsr = static_cast<uint32_t>(*fsr);
    fault->fsynr0 = static_cast<uint32_t>(*fsynr0);
    fault->far = *far;
    fault->sid = static_cast<uint16_t>(*sid & 0x7fff);
    return true;
  }

  bool AddDma(const Row& row, const Place& place) {
    const auto parts = Split(row.reg, ':');
    DmaRecord dma;
    const auto sid = parts.size() == 4 ? Number(parts[1]) : std::nullopt;
    if (!sid || *sid > 0x7fff || row.size > 4096 ||
        !model::ParseWindow(std::string(parts[0]).c_str(), &dma.window) ||
        !ParseOutcome(parts[2], &dma) || !ParseVia(parts[3], &dma)) {
      return Fail(error_, place, fmt::format("'{}' is not instance:SID:result:via", row.reg));
    }
    dma.sid = static_cast<uint16_t>(*sid);
    dma.write = row.write;
    dma.length = static_cast<uint32_t>(row.size);
    dma.iova = row.offset;
    dma.pa = row.value;
    Record record = Start(row);
    record.body = dma;
    trace_->records.push_back(std::move(record));
    return true;
  }

  static bool ParseOutcome(std::string_view word, DmaRecord* dma) {
    const size_t dash = word.find("-L");
    if (dash != std::string_view::npos) {
      const auto level = Number(word.substr(dash + 2));
      if (!level || *level > 3) return false;
      dma->level = static_cast<uint8_t>(*level);
      word = word.substr(0, dash);
    }
    for (int i = 0; i <= static_cast<int>(DmaOutcome::kAccessFlag); ++i) {
      dma->outcome = static_cast<DmaOutcome>(i);
      if (word == OutcomeName(dma->outcome)) {
        return (dma->outcome >= DmaOutcome::kTranslation) == (dash != std::string_view::npos);
      }
    }
    return false;
  }

  static bool ParseVia(std::string_view word, DmaRecord* dma) {
    if (word == "none" || word == "bypass") {
      dma->via = word == "none" ? DmaVia::kNone : DmaVia::kBypass;
      return true;
    }
    const auto bank = word.starts_with("cb") ? Number(word.substr(2)) : std::nullopt;
    if (!bank || *bank > 255) return false;
    dma->via = DmaVia::kBank;
    dma->bank = static_cast<uint16_t>(*bank);
    return true;
  }

  void Head() {
    TraceHead& head = trace_->head;
    head.machine = options_.machine;
    head.kernel = options_.kernel;
    head.board = options_.board;
    head.ram = options_.ram;
    head.capture = options_.capture;
    head.date = options_.date;
    head.source = source_;
    head.tables = options_.tables.empty() ? "synthesised" : "recorded";
    head.lost = options_.lost;
    head.counts = CountRecords(trace_->records, left_out_);
  }

  const ImportOptions& options_;
  Trace* trace_;
  TraceError* error_;
  const model::BoardSpec* board_ = nullptr;
  std::string source_;
  std::vector<Row> rows_;
  std::vector<std::pair<uint64_t, TableRecord>> snapshots_;
  size_t next_snapshot_ = 0;
  uint64_t left_out_ = 0;
};

// The reader's own checks over what was made, but for lost events: those are said in the head, and
// are then the reader's to refuse.
bool ReadsBack(const ImportOptions& options, const Trace& trace, TraceError* error) {
  Trace whole = trace;
  whole.head.lost = 0;
  const std::string text = FormatTrace(whole);
  Trace again;
  if (!ParseTrace(text, &again, error)) {
    const std::string line = error->line == 0 ? "" : fmt::format("line {}: ", error->line);
    *error = {options.accesses, 0,
              fmt::format("the trace of it could not be read back: {}{}", line, error->what),
              kSourceHint};
    return false;
  }
  if (FormatTrace(again) == text) return true;
  return Fail(error, {options.accesses, 0}, "the trace of it would not be read back as it is");
}

}  // namespace

bool ImportRecorder(const ImportOptions& options, Trace* trace, TraceError* error) {
  return CheckOptions(options, error) && Importer(options, trace, error).Run() &&
         CheckFaultCauses(*trace, error) && ReadsBack(options, *trace, error);
}

}  // namespace sidewall::replay
