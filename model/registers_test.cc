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
  EXPECT_EQ(Name(Window::kNiso0, 0x0c), "+0xc");
  EXPECT_EQ(Name(Window::kNiso0, 0x1002), "+0x1002");
  EXPECT_EQ(Name(Window::kNiso0, 0xfffffffc), "+0xfffffffc");
}

TEST(RegisterNames, EveryWordOfEveryWindowComesBack) {
  for (const Window window : {Window::kNiso0, Window::kMcSid, Window::kMcChannel0}) {
    const uint32_t size = window == Window::kNiso0 ? 0x1000000 : 0x10000;
    for (uint32_t offset = 0; offset < size; offset += 4) {
      if ((offset & 0xffff) == 0x2000) offset += 0xe000;  // the rest of a page is empty
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

// The register file against the table: what the table says of access and reset is what it does.
class RegisterFile : public ::testing::Test {
 protected:
  Rig rig{"tegra234"};
  static constexpr size_t kNiso0 = 2;

  uint64_t Read(uint32_t offset, unsigned width) {
    uint64_t value = 0;
    EXPECT_TRUE(rig.machine->Read64((rig.Window(kNiso0) + offset) & ~uint64_t{7}, &value));
    if (width == 8) return value;
    return (offset & 4) != 0 ? value >> 32 : value & 0xffffffff;
  }
  // Offset in the window of the last of a row, in bank 5.
  static uint32_t Last(const RegisterInfo& row) {
    uint32_t offset = row.offset + (row.count - 1u) * row.stride;
    if (row.page == Page::kBank) return 0x850000 + offset;
    return offset + (static_cast<uint32_t>(row.page) << 16);
  }
  static bool InSmmu(const RegisterInfo& row) {
    return row.page != Page::kMcSid && row.page != Page::kMcChannel;
  }
};

TEST_F(RegisterFile, ResetsAsTheTableSays) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!InSmmu(rows[i])) continue;
    EXPECT_EQ(Read(Last(rows[i]), rows[i].width), rows[i].reset) << rows[i].name;
  }
}

TEST_F(RegisterFile, AccessKindsAreThoseOfTheTable) {
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    const RegisterInfo& row = rows[i];
    if (!InSmmu(row)) continue;
    rig.Reset();
    rig.Write(kNiso0, 0x10, 0);  // CACHE_LOCK off, or ACTLR is locked
    if (strcmp(row.name, "IPAFAR") == 0) rig.Write(kNiso0, 0x10014, 0);  // of stage-2 banks
    const uint32_t offset = Last(row);
    const uint64_t before = Read(offset, row.width);
    const uint64_t flipped = ~before;
    if (row.width == 8) {
      rig.Write64(kNiso0, offset, flipped);
    } else {
      rig.Write(kNiso0, offset, static_cast<uint32_t>(flipped));
    }
    const uint64_t after = Read(offset, row.width);
    if (row.access == Access::kReadWrite) {
      EXPECT_NE(after, before) << row.name;
    } else {
      EXPECT_EQ(after, before) << row.name;
    }
  }
}

}  // namespace
}  // namespace sidewall::model
