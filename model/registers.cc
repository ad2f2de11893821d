// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Names of registers and windows, both ways.
#include "model/registers.h"

#include "model/smmu_layout.h"

namespace sidewall::model {

namespace {

constexpr uint32_t kBankArea = 0x800000;
constexpr uint32_t kSmmuWindow = 0x1000000;
constexpr uint32_t kMcWindow = 0x10000;
constexpr unsigned kPageShift = 16;
constexpr uint32_t kPageMask = 0xffff;

constexpr const char* kWindowNames[kWindowCount] = {
    "niso1",  "niso1m",  "niso0",   "niso0m",  "iso",     "mc_sid",  "mc_bcast", "mc_ch0",
    "mc_ch1", "mc_ch2",  "mc_ch3",  "mc_ch4",  "mc_ch5",  "mc_ch6",  "mc_ch7",   "mc_ch8",
    "mc_ch9", "mc_ch10", "mc_ch11", "mc_ch12", "mc_ch13", "mc_ch14", "mc_ch15",
};

bool Equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

// Where a word of a window lies: in which page, at which offset, of which bank.
bool Locate(Window window, uint32_t offset, Page* page, uint32_t* in_page, uint16_t* bank) {
  *bank = 0;
  if (static_cast<uint8_t>(window) >= kSmmuWindows) {
    if (static_cast<uint8_t>(window) >= kWindowCount || offset >= kMcWindow) return false;
    *page = window == Window::kMcSid ? Page::kMcSid : Page::kMcChannel;
    *in_page = offset;
    return true;
  }
  if (offset >= kSmmuWindow) return false;
  *in_page = offset & kPageMask;
  if (offset >= kBankArea) {
    *page = Page::kBank;
    *bank = static_cast<uint16_t>((offset - kBankArea) >> kPageShift);
    return true;
  }
  constexpr Page kPages[] = {Page::kGr0, Page::kGr1, Page::kGid, Page::kPmu, Page::kSsd};
  const uint32_t number = offset >> kPageShift;
  if (number >= sizeof(kPages) / sizeof(kPages[0])) return false;
  *page = kPages[number];
  return true;
}

uint32_t PageStart(Page page, uint16_t bank) {
  if (page == Page::kMcSid || page == Page::kMcChannel) return 0;
  if (page == Page::kBank) return kBankArea + (uint32_t{bank} << kPageShift);
  return static_cast<uint32_t>(page) << kPageShift;
}

bool HasPage(Window window, Page page) {
  if (window == Window::kMcSid) return page == Page::kMcSid;
  if (static_cast<uint8_t>(window) >= kSmmuWindows) return page == Page::kMcChannel;
  return page != Page::kMcSid && page != Page::kMcChannel;
}

// Appends to a buffer, never past its end, always terminated.
class Text {
 public:
  Text(char* out, size_t size) : out_(out), size_(size) {
    if (size_ > 0) out_[0] = '\0';
  }
  void Add(const char* text) {
    for (; *text != '\0'; ++text) Put(*text);
  }
  void AddNumber(uint32_t value, uint32_t base) {
    char digits[12];
    size_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    while (count > 0) Put(digits[--count]);
  }
  size_t length() const { return length_; }

 private:
  void Put(char c) {
    if (length_ + 1 >= size_) return;
    out_[length_++] = c;
    out_[length_] = '\0';
  }
  char* out_;
  size_t size_;
  size_t length_ = 0;
};

// Reads a name from left to right.
class Reader {
 public:
  explicit Reader(const char* at) : at_(at) {}
  bool done() const { return *at_ == '\0'; }
  bool Take(const char* word) {
    const char* at = at_;
    for (; *word != '\0'; ++word, ++at) {
      if (*at != *word) return false;
    }
    at_ = at;
    return true;
  }
  // Decimal, or hexadecimal after 0x.
  bool TakeNumber(uint32_t* value) {
    const uint32_t base = Take("0x") ? 16 : 10;
    uint64_t number = 0;
    size_t digits = 0;
    for (; digits < 10; ++digits, ++at_) {
      const uint32_t digit = Digit(*at_);
      if (digit >= base) break;
      number = number * base + digit;
    }
    *value = static_cast<uint32_t>(number);
    return digits > 0 && number <= 0xffffffff;
  }
  // Everything up to `end`, which is taken as well.
  bool TakeUntil(char end, char* out, size_t size) {
    size_t length = 0;
    while (*at_ != '\0' && *at_ != end && length + 1 < size) out[length++] = *at_++;
    out[length] = '\0';
    if (*at_ != end || length == 0) return false;
    ++at_;
    return true;
  }

 private:
  static uint32_t Digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<uint32_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<uint32_t>(c - 'A' + 10);
    return 99;
  }
  const char* at_;
};

bool ParseIndex(Reader* reader, const RegisterInfo& row, uint32_t* index) {
  *index = 0;
  if (row.count == 1) return true;
  if (!reader->Take("[")) return false;
  char word[32];
  if (!reader->TakeUntil(']', word, sizeof(word))) return false;
  Reader number(word);
  if (number.TakeNumber(index) && number.done()) return *index < row.count;
  if (row.page != Page::kMcSid) return false;
  const ClientInfo* client = FindClient(word);
  if (client == nullptr) return false;
  *index = client->id;
  return *index < row.count;
}

// A row by its name, which ends at '[', '+' or the end.
const RegisterInfo* TakeRow(Reader* reader, Window window, bool in_bank) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!HasPage(window, rows[i].page) || (rows[i].page == Page::kBank) != in_bank) continue;
    Reader attempt = *reader;
    if (!attempt.Take(rows[i].name)) continue;
    Reader after = attempt;
    if (!after.done() && !after.Take("[") && !after.Take("+")) continue;
    *reader = attempt;
    return &rows[i];
  }
  return nullptr;
}

}  // namespace

const RegisterInfo* FindRegister(Window window, uint32_t offset, uint16_t* index, uint16_t* bank) {
  Page page;
  uint32_t in_page = 0;
  *index = 0;
  if (!Locate(window, offset, &page, &in_page, bank)) return nullptr;
  const RegisterInfo* row = RowAt(page, in_page);
  if (row != nullptr && row->stride != 0) {
    *index = static_cast<uint16_t>((in_page - row->offset) / row->stride);
  }
  return row;
}

size_t RegisterName(Window window, uint32_t offset, char* out, size_t size) {
  Text text(out, size);
  uint16_t index = 0;
  uint16_t bank = 0;
  const RegisterInfo* row = offset % 4 == 0 ? FindRegister(window, offset, &index, &bank) : nullptr;
  if (row == nullptr) {
    text.Add("+0x");
    text.AddNumber(offset, 16);
    return text.length();
  }
  if (row->page == Page::kBank) {
    text.Add("CB[");
    text.AddNumber(bank, 10);
    text.Add("].");
  }
  text.Add(row->name);
  if (row->count > 1) {
    text.Add("[");
    const ClientInfo* client = row->page == Page::kMcSid ? FindClient(index) : nullptr;
    if (client != nullptr) {
      text.Add(client->name);
    } else {
      text.AddNumber(index, 10);
    }
    text.Add("]");
  }
  const uint32_t start = PageStart(row->page, bank) + row->offset + index * row->stride;
  if (offset != start) text.Add("+4");
  return text.length();
}

bool ParseRegisterName(Window window, const char* name, uint32_t* offset) {
  if (static_cast<uint8_t>(window) >= kWindowCount) return false;
  Reader reader(name);
  if (reader.Take("+")) {
    return reader.TakeNumber(offset) && reader.done();
  }
  uint32_t bank = 0;
  const bool in_bank = reader.Take("CB[");
  if (in_bank && (!reader.TakeNumber(&bank) || !reader.Take("].") || bank >= 128)) return false;
  const RegisterInfo* row = TakeRow(&reader, window, in_bank);
  uint32_t index = 0;
  if (row == nullptr || !ParseIndex(&reader, *row, &index)) return false;
  *offset = PageStart(row->page, static_cast<uint16_t>(bank)) + row->offset + index * row->stride;
  if (row->width == 8 && reader.Take("+4")) *offset += 4;
  return reader.done();
}

const char* WindowName(Window window) {
  const auto index = static_cast<uint8_t>(window);
  return index < kWindowCount ? kWindowNames[index] : "none";
}

bool ParseWindow(const char* name, Window* window) {
  for (uint8_t i = 0; i < kWindowCount; ++i) {
    if (!Equal(kWindowNames[i], name)) continue;
    *window = static_cast<Window>(i);
    return true;
  }
  return false;
}

}  // namespace sidewall::model
