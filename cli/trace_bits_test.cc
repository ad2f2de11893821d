// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Driver and model against what a kernel did: every register that a recorded boot of Linux accessed
// is in both tables, with the width that it was accessed in, and every bit that was ever one is a
// bit of a field that the table names.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "driver/register_table.h"
#include "model/registers.h"
#include "replay/trace.h"

namespace sidewall {
namespace {

using model::FieldInfo;
using model::RegisterInfo;

// What was seen of one register, over all traces.
struct Seen {
  const RegisterInfo* row = nullptr;
  Window window = Window::kNiso1;
  uint64_t written = 0;
  uint64_t read = 0;
  std::set<unsigned> widths;
};

uint64_t FieldBits(const RegisterInfo& row) {
  const uint64_t all = row.width == 8 ? ~uint64_t{0} : 0xffffffff;
  if (row.fields == nullptr) return all;
  uint64_t bits = 0;
  for (const FieldInfo* f = row.fields; f->name != nullptr; ++f) {
    bits |= (~uint64_t{0} >> (63 - f->high)) & (~uint64_t{0} << f->low);
  }
  return bits;
}

const SIDEWALL_NS::RegisterRow* InDriver(const RegisterInfo& row) {
  using Page = SIDEWALL_NS::RegisterPage;
  static const std::map<model::Page, Page> pages = {
      {model::Page::kGr0, Page::kGr0},    {model::Page::kGr1, Page::kGr1},
      {model::Page::kGid, Page::kGid},    {model::Page::kPmu, Page::kPmu},
      {model::Page::kSsd, Page::kSsd},    {model::Page::kBank, Page::kBank},
      {model::Page::kMcSid, Page::kMcSid}};
  uint32_t index = 0;
  return pages.count(row.page) == 0
             ? nullptr
             : SIDEWALL_NS::FindRegister(pages.at(row.page), row.offset, &index);
}

class TraceBits : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (const char* name : {"linux-6.1-stock", "linux-6.12-tegra234", "linux-6.12-tegra234-dma",
                             "linux-6.12-tegra234-pt"}) {
      replay::Trace trace;
      replay::TraceError error;
      const std::string path = std::string("corpus/traces/") + name + ".trace.zst";
      ASSERT_TRUE(replay::ReadTrace(path, &trace, &error)) << error.Text();
      for (const replay::Record& record : trace.records) {
        const auto* access = std::get_if<replay::AccessRecord>(&record.body);
        if (access != nullptr) Note(*access, path, record.line);
      }
    }
  }
  static void Note(const replay::AccessRecord& access, const std::string& path, size_t line) {
    ++accesses_;
    uint16_t index = 0;
    uint16_t bank = 0;
    const RegisterInfo* row = model::FindRegister(access.window, access.offset, &index, &bank);
    ASSERT_NE(row, nullptr) << path << ":" << line;
    Seen& seen = seen_[row];
    seen.row = row;
    seen.widths.insert(access.width);
    const uint32_t half = row->width == 8 && access.width == 4 ? access.offset & 4 : 0;
    (access.write ? seen.written : seen.read) |= access.value << (8 * half);
  }
  static inline std::map<const RegisterInfo*, Seen> seen_;
  static inline size_t accesses_ = 0;
};

TEST_F(TraceBits, AreEnoughToSaySomething) {
  EXPECT_GE(accesses_, 50000u);
  EXPECT_GE(seen_.size(), 25u);
}

TEST_F(TraceBits, LieInFieldsOfTheModel) {
  for (const auto& [row, seen] : seen_) {
    EXPECT_EQ(seen.written & ~FieldBits(*row), 0u) << row->name << std::hex << " " << seen.written;
    EXPECT_EQ(seen.read & ~FieldBits(*row), 0u) << row->name << std::hex << " " << seen.read;
    for (const unsigned width : seen.widths) EXPECT_LE(width, row->width) << row->name;
    EXPECT_TRUE(seen.written == 0 || row->access != model::Access::kRazWi) << row->name;
  }
}

// A bit that Linux wrote as one can be stored, but for a list; and one that it read back as one can
// be, or is one from the start.
TEST_F(TraceBits, AreWritableInTheModelButForAList) {
  const std::map<std::string, uint64_t> not_stored = {
      {"sCR0", 0x30},       // GCFGFRE and GCFGFIE read as zero
      {"FSR", 0x40000000},  // SS, which a store does not clear
  };
  for (const auto& [row, seen] : seen_) {
    if (row->access == model::Access::kWriteOnly || row->access == model::Access::kReadOnly) {
      continue;
    }
    const auto listed = not_stored.find(row->name);
    const uint64_t allowed = listed == not_stored.end() ? 0 : listed->second;
    EXPECT_EQ(seen.written & ~row->writable & ~allowed, 0u)
        << row->name << std::hex << " " << (seen.written & ~row->writable);
    if (row->access != model::Access::kReadWrite) continue;
    EXPECT_EQ(seen.read & ~(row->writable | row->reset) & ~allowed, 0u)
        << row->name << std::hex << " " << (seen.read & ~(row->writable | row->reset));
  }
}

TEST_F(TraceBits, AreInTheDriversTable) {
  for (const auto& [row, seen] : seen_) {
    if (row->page == model::Page::kMcChannel) continue;  // closed to the host as a whole
    const SIDEWALL_NS::RegisterRow* own = InDriver(*row);
    ASSERT_NE(own, nullptr) << row->name;
    EXPECT_STREQ(own->name, row->name);
    EXPECT_EQ(own->width, row->width) << row->name;
    EXPECT_EQ(own->offset, row->offset) << row->name;
    EXPECT_NE(own->policy, SIDEWALL_NS::RegisterClass::kRazWi) << row->name;
  }
}

// What Linux sets, the driver keeps; what it does not keep, Linux does without on an MMU-500 too.
TEST_F(TraceBits, AreKeptByTheDriverButForAList) {
  const std::map<std::string, uint64_t> not_kept = {
      {"sCR0", 0x30},       // GCFGFRE and GCFGFIE read as zero
      {"FSR", 0x40000000},  // SS, which a store does not clear
      {"SECURITY", 0x101},  // the override is on, and stays on
  };
  for (const auto& [row, seen] : seen_) {
    if (row->page == model::Page::kMcChannel) continue;
    const SIDEWALL_NS::RegisterRow* own = InDriver(*row);
    ASSERT_NE(own, nullptr) << row->name;
    if (own->access == SIDEWALL_NS::RegisterAccess::kWriteOnly) continue;
    const auto listed = not_kept.find(row->name);
    const uint64_t allowed = listed == not_kept.end() ? 0 : listed->second;
    EXPECT_EQ(seen.written & ~own->keep & ~allowed, 0u)
        << row->name << std::hex << " " << seen.written;
  }
}

}  // namespace
}  // namespace sidewall
