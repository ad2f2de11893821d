// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/spelling.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <tuple>
#include <vector>

#include "fuzz/program.h"
#include "oracle/invariant.h"

namespace sidewall::fuzz {
namespace {

// More pairs than this on a line are harder to read than the number.
constexpr size_t kMaxFieldsShown = 6;
constexpr uint64_t kFirstGuest = 2;
constexpr uint64_t kGuestNames = 64;
constexpr const char* kSideNames[] = {"niso1", "niso0", "iso"};

template <typename T>
bool ParseDigits(std::string_view digits, int base, T* value) {
  if (digits.empty()) return false;
  const char* end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, *value, base);
  return failure == std::errc() && stop == end;
}

constexpr uint64_t FieldMask(const model::FieldInfo& field) {
  const unsigned bits = field.high - field.low + 1u;
  const uint64_t ones = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  return ones << field.low;
}

size_t FieldCount(const model::RegisterInfo& reg) {
  size_t count = 0;
  if (reg.fields != nullptr) {
    while (reg.fields[count].name != nullptr) ++count;
  }
  return count;
}

// Manuals write fields in capitals, programs are written in small letters: both are the same name.
std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string FieldValueWord(const model::FieldInfo& field, uint64_t value) {
  if (field.values != nullptr) {
    for (uint64_t i = 0; field.values[i] != nullptr; ++i) {
      uint64_t back = 0;
      if (i == value && ParseFieldValue(field, field.values[i], &back) && back == value) {
        return Lower(field.values[i]);
      }
    }
  }
  return NumberWord(value);
}

}  // namespace

std::string NumberWord(uint64_t value) {
  char buffer[24] = "0x";
  char* start = value < 10 ? buffer : buffer + 2;
  const auto [end, failure] = std::to_chars(start, std::end(buffer), value, value < 10 ? 10 : 16);
  (void)failure;  // 24 characters hold every 64-bit number
  return std::string(buffer, end);
}

bool ParseNumberWord(std::string_view word, uint64_t* value) {
  if (word.starts_with("0x") || word.starts_with("0X")) {
    return ParseDigits(word.substr(2), 16, value);
  }
  return ParseDigits(word, 10, value);
}

std::string OwnerWord(uint64_t owner) {
  if (owner == 0) return "host";
  if (owner == 1) return "el2";
  if (owner - kFirstGuest < kGuestNames) return "guest" + std::to_string(owner - kFirstGuest);
  return NumberWord(owner);
}

bool ParseOwnerWord(std::string_view word, uint64_t* owner) {
  if (word == "host" || word == "el2") {
    *owner = word == "host" ? 0 : 1;
    return true;
  }
  if (word.starts_with("guest")) {
    uint64_t guest = 0;
    if (!ParseDigits(word.substr(5), 10, &guest) || guest >= kGuestNames) return false;
    *owner = guest + kFirstGuest;
    return true;
  }
  return ParseNumberWord(word, owner);
}

std::string SideWord(uint64_t side) {
  return side < std::size(kSideNames) ? kSideNames[side] : NumberWord(side);
}

bool ParseSideWord(std::string_view word, uint64_t* side) {
  for (uint64_t i = 0; i < std::size(kSideNames); ++i) {
    if (word == kSideNames[i]) {
      *side = i;
      return true;
    }
  }
  return ParseNumberWord(word, side);
}

std::string ClientWord(uint64_t client) {
  if (client < model::kNoClient) {
    const model::ClientInfo* info = model::FindClient(static_cast<uint16_t>(client));
    uint64_t back = 0;
    if (info != nullptr && ParseClientWord(info->name, &back) && back == client) return info->name;
  }
  return NumberWord(client);
}

bool ParseClientWord(std::string_view word, uint64_t* client) {
  if (ParseNumberWord(word, client)) return true;
  const model::ClientInfo* info = model::FindClient(std::string(word).c_str());
  if (info == nullptr) return false;
  *client = info->id;
  return true;
}

std::string WindowWord(uint64_t window) {
  if (window >= kWindowCount) return "";
  const char* name = model::WindowName(static_cast<Window>(window));
  return name == nullptr ? "" : name;
}

bool ParseWindowWord(std::string_view word, uint64_t* window) {
  Window parsed;
  if (!model::ParseWindow(std::string(word).c_str(), &parsed)) return false;
  *window = static_cast<uint64_t>(parsed);
  return true;
}

std::string RegisterWord(uint64_t window, uint64_t offset) {
  if (window < kWindowCount && offset <= UINT32_MAX) {
    char name[64];
    model::RegisterName(static_cast<Window>(window), static_cast<uint32_t>(offset), name,
                        sizeof(name));
    uint64_t back = 0;
    if (name[0] != '+' && ParseRegisterWord(window, name, &back) && back == offset) return name;
  }
  return "+" + NumberWord(offset);
}

bool ParseRegisterWord(uint64_t window, std::string_view word, uint64_t* offset) {
  if (word.starts_with("+")) return ParseNumberWord(word.substr(1), offset);
  if (ParseNumberWord(word, offset)) return true;
  uint32_t parsed = 0;
  if (window >= kWindowCount ||
      !model::ParseRegisterName(static_cast<Window>(window), std::string(word).c_str(), &parsed)) {
    return false;
  }
  *offset = parsed;
  return true;
}

const model::RegisterInfo* ExactRegister(uint64_t window, uint64_t offset) {
  if (window >= kWindowCount || offset > UINT32_MAX) return nullptr;
  const Window w = static_cast<Window>(window);
  uint16_t index = 0;
  uint16_t bank = 0;
  const auto* reg = model::FindRegister(w, static_cast<uint32_t>(offset), &index, &bank);
  if (reg == nullptr) return nullptr;
  // The upper half of a 64-bit register is found as well; its fields are not those of the whole.
  return offset % reg->width == 0 ? reg : nullptr;
}

const model::FieldInfo* FindField(const model::RegisterInfo& reg, std::string_view name) {
  for (size_t i = 0; i < FieldCount(reg); ++i) {
    if (Lower(name) == Lower(reg.fields[i].name)) return &reg.fields[i];
  }
  return nullptr;
}

bool ParseFieldValue(const model::FieldInfo& field, std::string_view word, uint64_t* value) {
  if (field.values != nullptr) {
    for (uint64_t i = 0; field.values[i] != nullptr; ++i) {
      if (Lower(word) == Lower(field.values[i])) {
        *value = i;
        return true;
      }
    }
  }
  return ParseNumberWord(word, value) && *value <= FieldMask(field) >> field.low;
}

std::string FieldsText(uint64_t window, uint64_t offset, uint64_t width, uint64_t value) {
  const model::RegisterInfo* reg = ExactRegister(window, offset);
  if (reg == nullptr || reg->width != 4 || width != 4 || value == 0) return "";
  std::vector<const model::FieldInfo*> fields;
  for (size_t i = 0; i < FieldCount(*reg); ++i) fields.push_back(&reg->fields[i]);
  std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) {
    return std::tie(a->low, a->high, a) < std::tie(b->low, b->high, b);
  });
  std::string text;
  uint64_t shown = 0;
  size_t count = 0;
  for (const model::FieldInfo* field : fields) {
    const uint64_t mask = FieldMask(*field);
    // Fields of one register may overlap, since the meaning of CBAR depends on its type: the
    // first one that shows a bit is the only one.
    if ((value & mask) == 0 || (shown & mask) != 0) continue;
    if (IsReservedName(Lower(field->name)) || FindField(*reg, field->name) != field) return "";
    shown |= mask;
    ++count;
    if (!text.empty()) text += ' ';
    text += Lower(field->name);
    text += '=';
    text += FieldValueWord(*field, (value & mask) >> field->low);
  }
  if ((value & ~shown) != 0 || count > kMaxFieldsShown) return "";
  return text;
}

bool IsReservedName(std::string_view name) {
  for (const char* word : {"cpu", "fail_nth", "window", "offset", "width", "value", "reg", "own"}) {
    if (name == word) return true;
  }
  return name.size() == 4 && name.starts_with("arg") && name[3] >= '0' && name[3] <= '5';
}

std::string DriverWord(uint16_t driver) {
  if (driver == kDriverPassthrough) return "passthrough";
  if (driver == kDriverDenyall) return "denyall";
  if (driver < kDriverBug) return "shipped";
  std::string number = std::to_string(driver & ~kDriverBug);
  if (number.size() < 3) number.insert(0, 3 - number.size(), '0');
  return "bug/SB" + number;
}

bool ParseDriverWord(std::string_view word, uint16_t* driver) {
  for (const uint16_t known : {kDriverShipped, kDriverPassthrough, kDriverDenyall}) {
    if (word == DriverWord(known)) {
      *driver = known;
      return true;
    }
  }
  uint16_t number = 0;
  if (!word.starts_with("bug/SB") || !ParseDigits(word.substr(6), 10, &number)) return false;
  if (number >= kDriverBug) return false;
  *driver = static_cast<uint16_t>(kDriverBug | number);
  return true;
}

std::string ExpectWord(uint8_t expect) {
  if (expect == 0) return "pass";
  const InvariantInfo* info = FindInvariant(static_cast<Invariant>(expect));
  return info == nullptr ? "" : info->code;
}

bool ParseExpectWord(std::string_view word, uint8_t* expect) {
  if (word == "pass") {
    *expect = 0;
    return true;
  }
  const InvariantInfo* info = FindInvariant(word);
  if (info == nullptr || info->id == Invariant::kNone) return false;
  *expect = static_cast<uint8_t>(info->id);
  return true;
}

const EventSpec* FindEventSpec(std::string_view name) {
  for (const EventSpec& spec : kEventSpecs) {
    if (name == spec.name) return &spec;
  }
  return nullptr;
}

}  // namespace sidewall::fuzz
