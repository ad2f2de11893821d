// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/registers.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

#include "model/testing.h"

namespace sidewall::model {
namespace {

std::string Name(Window window, uint32_t offset) {
  char name[48];
  const size_t length = RegisterName(window, offset, name, sizeof(name));
  EXPECT_EQ(length, strlen(name));
  return name;
}

TEST(RegisterNames, AreThoseOfTheManual) {
  EXPECT_EQ(Name(Window::kNiso0, 0xc14), "S2CR[5]");
  EXPECT_EQ(Name(Window::kNiso0, 0x830000), "CB[3].SCTLR");
  EXPECT_EQ(Name(Window::kNiso0, 0x830024), "CB[3].TTBR0+4");
  EXPECT_EQ(Name(Window::kNiso1, 0x10004), "CBAR[1]");
  EXPECT_EQ(Name(Window::kMcSid, 8 * 0x58), "OVERRIDE[mgbeard]");
  EXPECT_EQ(Name(Window::kMcSid, 8 * 0x58 + 4), "SECURITY[mgbeard]");
  EXPECT_EQ(Name(Window::kMcSid, 8 * 0x10), "OVERRIDE[16]");  // no client has this id
  EXPECT_EQ(Name(Window::kMcBroadcast, 0x1820), "SMMU_BYPASS_CONFIG");
  EXPECT_EQ(Name(Window::kMcBroadcast, 0xc0c + 4 * 0x50 + 8), "CARVEOUT_SIZE[4]");
  EXPECT_EQ(Name(Window::kMcChannel0, 0x2004 + 26 * 0x50), "CARVEOUT6_BASE[26]");
  EXPECT_EQ(Name(Window::kNiso0, 0x0c), "+0xc");
  EXPECT_EQ(Name(Window::kNiso0, 0x1002), "+0x1002");
  EXPECT_EQ(Name(Window::kNiso0, 0xfffffffc), "+0xfffffffc");
}

TEST(RegisterNames, EveryWordOfEveryWindowComesBack) {
  for (const Window window : {Window::kNiso0, Window::kMcSid, Window::kMcChannel0}) {
    const uint32_t size = window == Window::kNiso0 ? 0x1000000 : 0x10000;
    for (uint32_t offset = 0; offset < size; offset += 4) {
      if ((offset & 0xffff) == 0x3000) offset += 0xd000;  // the rest of a page is empty
      if (offset >= size) break;
      const std::string name = Name(window, offset);
      uint32_t back = 0;
      ASSERT_TRUE(ParseRegisterName(window, name.c_str(), &back)) << name;
      ASSERT_EQ(back, offset) << name;
    }
  }
}

TEST(RegisterNames, TruncatedBuffersTerminate) {
  char name[6];
  EXPECT_EQ(RegisterName(Window::kNiso0, 0x830000, name, sizeof(name)), 5u);
  EXPECT_STREQ(name, "CB[3]");
  char one[1] = {'x'};
  EXPECT_EQ(RegisterName(Window::kNiso0, 0, one, 1), 0u);
  EXPECT_EQ(one[0], '\0');
}

TEST(RegisterNames, BadOnesAreRefused) {
  uint32_t offset = 0;
  for (const char* name : {"",
                           "S2CR",
                           "S2CR[",
                           "S2CR[]",
                           "S2CR[128]",
                           "S2CR[5",
                           "S2CR[5]x",
                           "S2CR[mgbeard]",
                           "s2cr[5]",
                           "CB[128].SCTLR",
                           "CB[3]SCTLR",
                           "CB[3].",
                           "CB[3].S2CR[5]",
                           "SCTLR",
                           "sCR0[0]",
                           "sCR0+4",
                           "CB[0].TTBR0+8",
                           "+",
                           "+0x",
                           "+0x1g",
                           "TTBR0",
                           "OVERRIDE[mgbeard]",
                           "S2CR[99999999999999999999]",
                           "CB[4294967296].SCTLR"}) {
    EXPECT_FALSE(ParseRegisterName(Window::kNiso0, name, &offset)) << name;
  }
  EXPECT_FALSE(ParseRegisterName(Window::kMcSid, "OVERRIDE[nobody]", &offset));
  EXPECT_FALSE(ParseRegisterName(Window::kMcSid, "OVERRIDE[512]", &offset));
  EXPECT_FALSE(ParseRegisterName(Window::kMcSid, "S2CR[5]", &offset));
  EXPECT_FALSE(ParseRegisterName(static_cast<Window>(200), "S2CR[5]", &offset));
}

TEST(Windows, NamesGoBothWays) {
  for (uint8_t i = 0; i < kWindowCount; ++i) {
    Window window;
    ASSERT_TRUE(ParseWindow(WindowName(static_cast<Window>(i)), &window));
    EXPECT_EQ(static_cast<uint8_t>(window), i);
  }
  Window window;
  EXPECT_STREQ(WindowName(Window::kMcChannel0), "mc_ch0");
  EXPECT_FALSE(ParseWindow("mc_ch16", &window));
  EXPECT_FALSE(ParseWindow("", &window));
}

TEST(Clients, NamesAndIdsGoBothWays) {
  size_t count = 0;
  const ClientInfo* clients = Clients(&count);
  EXPECT_EQ(count, 202u);
  std::set<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    EXPECT_TRUE(names.insert(clients[i].name).second) << clients[i].name;
    EXPECT_EQ(FindClient(clients[i].id), &clients[i]);
    EXPECT_EQ(FindClient(clients[i].name), &clients[i]);
  }
  EXPECT_EQ(FindClient("mgbeard")->id, 0x58);
  EXPECT_EQ(FindClient("mgbeard")->side, 1);
  EXPECT_EQ(FindClient("mgbeard")->default_sid, 0x06);
  EXPECT_EQ(FindClient("ptcr")->side, kUnknownSide);
  EXPECT_EQ(FindClient(uint16_t{0x10}), nullptr);
  EXPECT_EQ(FindClient(uint16_t{0xffff}), nullptr);
  EXPECT_EQ(FindClient("nobody"), nullptr);
}

TEST(RegisterTable, FieldsFitAndDoNotRepeat) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    const RegisterInfo& row = rows[i];
    EXPECT_EQ(row.offset % row.width, 0u) << row.name;
    EXPECT_EQ(row.count > 1, row.stride != 0) << row.name;
    std::set<std::string> names;
    for (const FieldInfo* f = row.fields; f != nullptr && f->name != nullptr; ++f) {
      EXPECT_TRUE(names.insert(f->name).second) << row.name << "." << f->name;
      EXPECT_LE(f->low, f->high) << row.name << "." << f->name;
      EXPECT_LT(f->high, row.width * 8) << row.name << "." << f->name;
      size_t values = 0;
      while (f->values != nullptr && f->values[values] != nullptr) ++values;
      EXPECT_LE(values, size_t{2} << (f->high - f->low)) << row.name << "." << f->name;
    }
  }
}

// The register file against the table, word by word: the table says what each register resets to,
// which bits a store may change or clear, and so what nothing may change.
class RegisterFile : public ::testing::Test {
 protected:
  static constexpr size_t kNiso0 = 2;
  static constexpr uint16_t kBank = 5;

  void SetUp() override { Fresh(false); }
  void Fresh(bool stage2) {
    rig.Reset();
    rig.Write(kNiso0, 0x10, 0);  // CACHE_LOCK off, or ACTLR is locked
    rig.Write(kNiso0, 0x10000 + 4 * kBank, stage2 ? 0 : 0x10000);
  }
  uint64_t Read(uint32_t offset, unsigned width) {
    uint64_t value = 0;
    EXPECT_TRUE(rig.machine->Read(rig.Window(kNiso0) + offset, width, &value));
    return value;
  }
  void Write(uint32_t offset, unsigned width, uint64_t value) {
    rig.machine->Write(rig.Window(kNiso0) + offset, width, value);
  }
  // Offset in the window of one of a row, in bank 5.
  static uint32_t OffsetOf(const RegisterInfo& row, uint32_t index) {
    const uint32_t offset = row.offset + index * row.stride;
    if (row.page == Page::kBank) return 0x800000 + (kBank << 16) + offset;
    return offset + (static_cast<uint32_t>(row.page) << 16);
  }
  static bool InSmmu(const RegisterInfo& row) {
    return row.page != Page::kMcSid && row.page != Page::kMcChannel;
  }
  // How many of an array there are: the performance monitors have 32 counters in 8 groups.
  static uint32_t CountOf(const RegisterInfo& row) {
    if (row.page != Page::kPmu) return row.count;
    if (row.offset < 0x800) return 32;
    if (row.offset < 0xc00) return 8;
    return row.offset < 0xe00 ? 1 : row.count;
  }
  // Absent in a stage-2 bank, or only there.
  static bool IsThere(const RegisterInfo& row, bool stage2) {
    if (row.page != Page::kBank) return true;
    if (row.offset == 0x70) return stage2;
    return !stage2 || WritableInStage2(row) != 0 || row.writable == 0;
  }
  // What Fresh leaves.
  static uint64_t Before(const RegisterInfo& row, uint32_t index, bool stage2) {
    if (strcmp(row.name, "sACR") == 0) return 0;
    if (strcmp(row.name, "CBAR") == 0 && index == kBank) return stage2 ? 0 : 0x10000;
    if (strcmp(row.name, "TCR") == 0 && stage2) return 0x80000000;  // the bit that is one
    return IsThere(row, stage2) ? row.reset : 0;
  }
  // What a register holds after a store to it, by the table alone.
  static uint64_t After(const RegisterInfo& row, bool stage2, uint64_t before, uint64_t value) {
    const uint64_t mask =
        IsThere(row, stage2) ? (stage2 ? WritableInStage2(row) : row.writable) : 0;
    if (row.access == Access::kWrite1Clear) return before & ~(value & mask);
    const bool set = strstr(row.name, "SET") != nullptr;  // PMCNTENSET and its like
    uint64_t after = set ? before | (value & mask) : (before & ~mask) | (value & mask);
    const bool tcr2 = stage2 && strcmp(row.name, "TCR") == 0;
    if (tcr2) after |= 0x80000000;
    if (strcmp(row.name, "sCR0") == 0) after |= 0x00200000;  // SMCFCFG
    return after;
  }
  void CheckRow(const RegisterInfo& row, uint32_t index, bool stage2) {
    SCOPED_TRACE(std::string(row.name) + (stage2 ? " of stage 2" : ""));
    Fresh(stage2);
    const uint32_t offset = OffsetOf(row, index);
    uint64_t before = Read(offset, row.width);
    ASSERT_EQ(before, Before(row, index, stage2));
    for (const uint64_t pattern : {~uint64_t{0}, uint64_t{0}, uint64_t{0x5a5a5a5aa5a5a5a5}}) {
      const uint64_t value = row.width == 8 ? pattern : pattern & 0xffffffff;
      if (row.access == Access::kWrite1Clear && row.page != Page::kPmu) break;
      Write(offset, row.width, value);
      const uint64_t expected = After(row, stage2, before, value);
      ASSERT_EQ(Read(offset, row.width), expected) << std::hex << value;
      before = expected;
    }
  }
  Rig rig{"tegra234"};
};

TEST_F(RegisterFile, KeepsOfEachStoreWhatTheTableSays) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!InSmmu(rows[i])) continue;
    for (const bool stage2 : {false, true}) {
      if (stage2 && rows[i].page != Page::kBank) continue;
      const bool by_bank = rows[i].page == Page::kGr1 || rows[i].page == Page::kBank;
      CheckRow(rows[i], by_bank && rows[i].count > 1 ? kBank : 0, stage2);
      CheckRow(rows[i], CountOf(rows[i]) - 1, stage2);
    }
  }
}

// Fault status: ones clear what the table says that they clear, and zeros nothing.
TEST_F(RegisterFile, ClearsOfAFaultStatusWhatTheTableSays) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    const RegisterInfo& row = rows[i];
    if (!InSmmu(row) || row.access != Access::kWrite1Clear || row.page == Page::kPmu) continue;
    SCOPED_TRACE(row.name);
    const uint32_t status = OffsetOf(row, 0);
    for (unsigned bit = 0; bit < 32; ++bit) {
      Fresh(false);
      Write(status + 4, 4, 0xffffffff);  // the register behind it, which restores it
      ASSERT_EQ(Read(status, 4), row.writable);
      Write(status, 4, 0);
      ASSERT_EQ(Read(status, 4), row.writable);
      Write(status, 4, 1u << bit);
      ASSERT_EQ(Read(status, 4), row.writable & ~(1u << bit)) << bit;
    }
  }
}

// Words that no row covers, and those of rows that say so, read as zero whatever is written to
// them; and no store to them changes a register.
TEST_F(RegisterFile, HasNothingBetweenItsRegisters) {
  for (uint32_t page = 0; page < 256; ++page) {
    if (page > 6 && page < 127) page = 127;                         // reserved, all alike
    if (page > 128 && page < 254 && page != 128 + kBank) continue;  // banks, all alike
    for (uint32_t offset = 0; offset < 0x10000; offset += 4) {
      uint16_t index = 0;
      uint16_t bank = 0;
      const uint32_t at = (page << 16) + offset;
      const RegisterInfo* row = FindRegister(Window::kNiso0, at, &index, &bank);
      if (row != nullptr && row->access != Access::kRazWi && index < CountOf(*row)) continue;
      Write(at, 4, 0xffffffff);
      ASSERT_EQ(Read(at, 4), 0u) << std::hex << at;
    }
  }
  rig.Write(kNiso0, 0x10, 0x0400001c);
  rig.Write(kNiso0, 0x10000 + 4 * kBank, 0x20000);
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!InSmmu(rows[i]) || rows[i].offset == 0x70) continue;
    EXPECT_EQ(Read(OffsetOf(rows[i], 0), rows[i].width), rows[i].reset) << rows[i].name;
  }
}

}  // namespace
}  // namespace sidewall::model
