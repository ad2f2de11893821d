// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/boards.h"
#include "fuzz/program.h"
#include "fuzz/spelling.h"
#include "fuzz/text_line.h"

namespace sidewall::fuzz {
namespace {

constexpr size_t kBytesPerLine = 32;
constexpr size_t kValueArg = 5;  // of Expect::kValue
constexpr uint64_t kOwnSidMask = 0x7fff;

std::string VerbOf(const EventSpec& spec, const Event& event) {
  std::string verb = spec.name;
  for (size_t i = 0; i < kEventArgs; ++i) {
    if (spec.arg[i].type != ArgType::kWidth) continue;
    const uint64_t width = event.arg[i];
    if (width == 1 || width == 2 || width == 4 || width == 8) verb += std::to_string(width * 8);
  }
  return verb;
}

std::string Pair(const char* name, const std::string& value) {
  return std::string(name) + "=" + value;
}

std::string DmaFlagsText(uint64_t flags) {
  const uint64_t own = flags >> kDmaOwnSidShift;
  const uint64_t known = kDmaWrite | kDmaPrivileged | kDmaInstruction | kDmaLate;
  if ((flags & ((uint64_t{1} << kDmaOwnSidShift) - 1) & ~known) != 0 || own > kOwnSidMask) {
    return Pair("access", NumberWord(flags));
  }
  std::string text = (flags & kDmaWrite) != 0 ? "write" : "read";
  if ((flags & kDmaPrivileged) != 0) text += " priv";
  if ((flags & kDmaInstruction) != 0) text += " inst";
  if ((flags & kDmaLate) != 0) text += " late";
  if (own != 0) text += " own=" + NumberWord(own);
  return text;
}

std::string RegValueText(const Event& event) {
  const std::string fields = FieldsText(event.arg[0], event.arg[1], event.arg[2], event.arg[3]);
  return fields.empty() ? NumberWord(event.arg[3]) : fields;
}

// The text of argument i, empty where it is left out.
std::string ArgText(const EventSpec& spec, const Event& event, size_t i) {
  const ArgSpec& arg = spec.arg[i];
  const uint64_t value = event.arg[i];
  switch (arg.type) {
    case ArgType::kUnused:
      if (value == 0 || (i == kValueArg && event.expect == Expect::kValue)) return "";
      return Pair(("arg" + std::to_string(i)).c_str(), NumberWord(value));
    case ArgType::kWindow: {
      const std::string name = WindowWord(value);
      return name.empty() ? Pair(arg.name, NumberWord(value)) : name;
    }
    case ArgType::kRegister:
      return RegisterWord(event.arg[0], value);
    case ArgType::kWidth:
      if (value == 1 || value == 2 || value == 4 || value == 8) return "";
      return Pair(arg.name, NumberWord(value));
    case ArgType::kRegValue:
      return RegValueText(event);
    case ArgType::kSrt:
      if (value == arg.default_value) return "";
      if (value == 31) return Pair(arg.name, "xzr");
      return Pair(arg.name, value < 31 ? "x" + std::to_string(value) : NumberWord(value));
    case ArgType::kNumber:
    case ArgType::kInstance:
      return value == arg.default_value ? "" : Pair(arg.name, NumberWord(value));
    case ArgType::kPa:
      return Pair(arg.name, NumberWord(value));
    case ArgType::kPages:
      return Pair(arg.name, NumberWord(value) + "+" + NumberWord(event.arg[i + 1]));
    case ArgType::kOwner:
      return Pair(arg.name, OwnerWord(value));
    case ArgType::kClient:
      return Pair(arg.name, ClientWord(value));
    case ArgType::kSide:
      return Pair(arg.name, SideWord(value) + ":" + NumberWord(event.arg[i + 1]));
    case ArgType::kDmaFlags:
      return DmaFlagsText(value);
    case ArgType::kIommu:
      return Pair(arg.name, SideWord(value));
    case ArgType::kCount:
    case ArgType::kSid:
      return "";  // written with the argument before
  }
  return "";
}

std::string ExpectText(const Event& event) {
  switch (event.expect) {
    case Expect::kNone:
      return "";
    case Expect::kOk:
      return " -> ok";
    case Expect::kFault:
      return " -> fault";
    case Expect::kRefused:
      return " -> refused";
    case Expect::kDegraded:
      return " -> degraded";
    case Expect::kValue:
      break;
  }
  const bool read = event.kind == EventKind::kHostRead;
  return (read ? " -> " : " -> ok ") + NumberWord(event.arg[kValueArg]);
}

void AppendSection(const char* name, const std::vector<uint8_t>& bytes, std::string* text) {
  for (size_t i = 0; i < bytes.size(); i += kBytesPerLine) {
    const size_t end = std::min(bytes.size(), i + kBytesPerLine);
    *text += FormatBytes(name, bytes.data() + i, end - i) + "\n";
  }
}

}  // namespace

std::string FormatBytes(const char* name, const uint8_t* data, size_t size) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string line = std::string(name) + ":";
  for (size_t i = 0; i < size; ++i) {
    line += ' ';
    line += kHex[data[i] >> 4];
    line += kHex[data[i] & 15];
  }
  return line;
}

std::string FormatHead(const std::string& key, const std::string& value) {
  return "# " + key + ": " + value;
}

std::string FormatEvent(const Event& event) {
  const EventSpec* spec = sidewall::FindEventSpec(event.kind);
  if (spec == nullptr) return "unknown-kind-" + std::to_string(static_cast<unsigned>(event.kind));
  std::string text = VerbOf(*spec, event);
  for (size_t i = 0; i < kEventArgs; ++i) {
    const std::string arg = ArgText(*spec, event, i);
    if (!arg.empty()) text += " " + arg;
  }
  if (event.cpu != 0) text += " cpu=" + NumberWord(event.cpu);
  if (event.fail_nth != 0) text += " fail_nth=" + NumberWord(event.fail_nth);
  return text + ExpectText(event);
}

std::string FormatText(const Program& program) {
  std::string text = std::string(kHeadLine) + "\n";
  text += FormatHead("board", BoardSpelling(program)) + "\n";
  text += FormatHead("driver", DriverWord(program.driver)) + "\n";
  text += FormatHead("expect", ExpectWord(program.expect)) + "\n";
  for (const Event& event : program.events) text += FormatEvent(event) + "\n";
  AppendSection("choice", program.choices, &text);
  AppendSection("schedule", program.schedule, &text);
  return text;
}

}  // namespace sidewall::fuzz
