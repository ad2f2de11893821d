// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The binary form. All numbers are little endian.
//
//     offset  size  what
//          0     4  "SWP1"
//          4     2  version, 1
//          6     1  board (BoardSpec::id)
//          7     1  expect (number of an invariant, 0 pass)
//          8     2  driver
//         10     2  RAM in units of 2 MiB, 0 for what the board has
//         12     4  count of events, of 56 bytes each
//         16     4  count of bytes of hardware choice
//         20     4  count of bytes of schedule
//         24        events, choices, schedule, end of file
//
// An event is kind, cpu, fail_nth (2), expect, three zeros, six arguments of 8 bytes. Sections do
// not overlap or nest, so that inserting an event does not shift the choices of the hardware.
#include <cstring>

#include "fuzz/boards.h"
#include "fuzz/program.h"
#include "fuzz/spelling.h"
#include "model/board.h"

namespace sidewall::fuzz {
namespace {

constexpr char kMagic[4] = {'S', 'W', 'P', '1'};
constexpr uint16_t kVersion = 1;
constexpr size_t kHeaderSize = 24;
constexpr size_t kRecordSize = 56;
static_assert(kRecordSize == sizeof(Event));

class Writer {
 public:
  explicit Writer(size_t size) { bytes_.reserve(size); }
  void Put(uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
  void Put(const std::vector<uint8_t>& section) {
    bytes_.insert(bytes_.end(), section.begin(), section.end());
  }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

// Reads within bounds that were checked beforehand against the counts of the header.
class Reader {
 public:
  Reader(const uint8_t* data, size_t position) : data_(data), position_(position) {}
  uint64_t Get(size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value |= uint64_t{data_[position_++]} << (8 * i);
    return value;
  }
  std::vector<uint8_t> Section(size_t size) {
    std::vector<uint8_t> section(data_ + position_, data_ + position_ + size);
    position_ += size;
    return section;
  }

 private:
  const uint8_t* data_;
  size_t position_;
};

std::nullopt_t Fail(std::string* why, std::string what) {
  if (why != nullptr) *why = std::move(what);
  return std::nullopt;
}

const char* CheckHeader(const Program& program, uint16_t driver_word) {
  if (model::FindBoard(program.board) == nullptr) return "no board has this number";
  if (!HasBoard(program)) return "the board cannot have as much RAM";
  if (ExpectWord(program.expect).empty()) return "no invariant has the number in `expect`";
  uint16_t driver = 0;
  if (!ParseDriverWord(DriverWord(driver_word), &driver) || driver != driver_word) {
    return "no driver has this number";
  }
  return nullptr;
}

bool GetEvent(Reader* in, Event* event, std::string* what) {
  event->kind = static_cast<EventKind>(in->Get(1));
  event->cpu = static_cast<uint8_t>(in->Get(1));
  event->fail_nth = static_cast<uint16_t>(in->Get(2));
  event->expect = static_cast<Expect>(in->Get(1));
  const uint64_t reserved = in->Get(3);
  for (uint64_t& arg : event->arg) arg = in->Get(8);
  if (sidewall::FindEventSpec(event->kind) == nullptr) {
    *what = "has the unknown kind " + std::to_string(static_cast<unsigned>(event->kind));
  } else if (event->expect > Expect::kValue) {
    *what = "expects an unknown result";
  } else if (reserved != 0) {
    *what = "has reserved bytes that are not zero";
  }
  return what->empty();
}

}  // namespace

std::vector<uint8_t> Encode(const Program& program) {
  Writer out(kHeaderSize + kRecordSize * program.events.size() + program.choices.size() +
             program.schedule.size());
  for (const char c : kMagic) out.Put(static_cast<uint8_t>(c), 1);
  out.Put(kVersion, 2);
  out.Put(program.board, 1);
  out.Put(program.expect, 1);
  out.Put(program.driver, 2);
  out.Put(program.ram, 2);
  out.Put(program.events.size(), 4);
  out.Put(program.choices.size(), 4);
  out.Put(program.schedule.size(), 4);
  for (const Event& event : program.events) {
    out.Put(static_cast<uint8_t>(event.kind), 1);
    out.Put(event.cpu, 1);
    out.Put(event.fail_nth, 2);
    out.Put(static_cast<uint8_t>(event.expect), 1);
    out.Put(0, 3);
    for (const uint64_t arg : event.arg) out.Put(arg, 8);
  }
  out.Put(program.choices);
  out.Put(program.schedule);
  return out.Take();
}

std::optional<Program> Decode(const uint8_t* data, size_t size, std::string* why) {
  if (size < sizeof(kMagic) || std::memcmp(data, kMagic, sizeof(kMagic)) != 0) {
    return Fail(why, "does not begin with SWP1");
  }
  if (size < kHeaderSize) return Fail(why, "ends inside the header of 24 bytes");
  Reader in(data, sizeof(kMagic));
  const uint64_t version = in.Get(2);
  if (version != kVersion) return Fail(why, "has version " + std::to_string(version) + ", not 1");
  Program program;
  program.board = static_cast<uint8_t>(in.Get(1));
  program.expect = static_cast<uint8_t>(in.Get(1));
  program.driver = static_cast<uint16_t>(in.Get(2));
  program.ram = static_cast<uint16_t>(in.Get(2));
  const char* problem = CheckHeader(program, program.driver);
  if (problem != nullptr) return Fail(why, problem);
  const uint64_t events = in.Get(4);
  const uint64_t choices = in.Get(4);
  const uint64_t schedule = in.Get(4);
  if (events > kMaxFileEvents || choices > kMaxChoices || schedule > kMaxSchedule) {
    return Fail(why, "counts more events, choices or schedule bytes than a program may have");
  }
  const uint64_t wanted = kHeaderSize + events * kRecordSize + choices + schedule;
  if (wanted != size) {
    return Fail(why, "has " + std::to_string(size) + " bytes where its header says " +
                         std::to_string(wanted));
  }
  program.events.resize(events);
  for (size_t i = 0; i < events; ++i) {
    std::string what;
    if (!GetEvent(&in, &program.events[i], &what)) {
      return Fail(why, "event " + std::to_string(i) + " " + what);
    }
  }
  program.choices = in.Section(choices);
  program.schedule = in.Section(schedule);
  return program;
}

}  // namespace sidewall::fuzz
