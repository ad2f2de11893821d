// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/board.h"

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <set>
#include <string>

namespace sidewall::model {
namespace {

TEST(Boards, AreSoundAndDistinct) {
  size_t count = 0;
  const BoardSpec* boards = Boards(&count);
  ASSERT_EQ(count, 7u);
  std::set<std::string> names;
  uint8_t last = 0;
  for (size_t i = 0; i < count; ++i) {
    EXPECT_FALSE(CheckBoard(boards[i])) << boards[i].name;
    EXPECT_TRUE(names.insert(boards[i].name).second);
    EXPECT_GT(boards[i].id, last);
    last = boards[i].id;
    EXPECT_EQ(FindBoard(boards[i].name), &boards[i]);
    EXPECT_EQ(FindBoard(boards[i].id), &boards[i]);
  }
  EXPECT_EQ(FindBoard("orin"), nullptr);
  EXPECT_EQ(FindBoard(uint8_t{0}), nullptr);
}

TEST(Boards, WindowsAreThoseOfTegra234) {
  const BoardSpec& board = *FindBoard("tegra234");
  EXPECT_EQ(board.smmu[0].window[0], 0x08000000u);
  EXPECT_EQ(board.smmu[0].window[1], 0x07000000u);
  EXPECT_EQ(board.smmu[1].window[0], 0x12000000u);
  EXPECT_EQ(board.smmu[1].window[1], 0x11000000u);
  EXPECT_EQ(board.smmu[2].window[0], 0x10000000u);
  EXPECT_EQ(board.smmu[2].instance_count, 1);
  EXPECT_EQ(board.mc_window[0].start, 0x02c00000u);
  EXPECT_EQ(board.mc_window[5].start, 0x02c50000u);
  EXPECT_EQ(board.mc_window[6].start, 0x02b80000u);
  EXPECT_EQ(board.mc_window[17].start, 0x01770000u);
}

TEST(Boards, RamOfTheTracesIsThere) {
  const BoardSpec& board = *FindBoard("tegra234-virt");
  EXPECT_TRUE(board.dram[0].Contains(0x40000000));
  EXPECT_TRUE(board.dram[0].Contains(0xafffffff));
  EXPECT_EQ(board.pool.start, 0xb0000000u);
}

TEST(Boards, SmallHasOtherPagesAndCounts) {
  const BoardSpec& board = *FindBoard("small");
  EXPECT_EQ(board.id, 4);
  ASSERT_EQ(board.smmu_count, 1);
  EXPECT_EQ(board.smmu[0].idr[1] >> 31, 0u);  // PAGESIZE
  EXPECT_EQ(board.smmu[0].instance_count, 1);
  EXPECT_EQ(board.smmu[0].window_size, 2u * 8 * 0x1000);
  EXPECT_EQ(board.smmu[0].banks, 5);
  EXPECT_EQ(board.smmu[0].entries, 7);
}

TEST(Boards, RefuseHasTwoBanks) {
  const BoardSpec& board = *FindBoard("refuse");
  EXPECT_EQ(board.id, 5);
  for (const SmmuSpec& smmu : board.smmu) EXPECT_EQ(smmu.banks, 2);
}

TEST(Boards, TwoHaveBootStreams) {
  for (const char* name : {"tiny-boot", "tegra234-boot"}) {
    const BoardSpec& board = *FindBoard(name);
    ASSERT_EQ(board.boot_stream_count, 2);
    EXPECT_EQ(board.boot_stream[0].sid, 0x06);
    EXPECT_EQ(board.boot_stream[1].side, 2);
  }
  EXPECT_EQ(FindBoard("tiny")->boot_stream_count, 0);
}

TEST(Boards, RamIsAParameter) {
  BoardSpec board;
  ASSERT_FALSE(ParseBoard("tegra234:8G", &board));
  EXPECT_STREQ(board.name, "tegra234");
  EXPECT_EQ(board.id, 1);
  EXPECT_EQ(board.dram[0].start, 0x80000000u);
  EXPECT_EQ(board.dram[0].size, uint64_t{8} << 30);
  EXPECT_EQ(board.pool.end(), board.dram[0].end());
  EXPECT_GE(board.pool.size, uint64_t{24} << 20);  // tables take 2 MiB for each GiB
  EXPECT_FALSE(CheckBoard(board));
  ASSERT_FALSE(ParseBoard("tiny:64M", &board));
  EXPECT_EQ(board.dram[0].size, uint64_t{64} << 20);
  EXPECT_EQ(board.smmu[0].banks, 4);
  ASSERT_FALSE(ParseBoard("small", &board));
  EXPECT_EQ(board.dram[0].size, FindBoard("small")->dram[0].size);
}

TEST(Boards, ASpellingThatIsNoneSaysWhatIsWrong) {
  struct Case {
    const char* spelling;
    const char* field;
    uint64_t value;
    const char* allowed;  // how it begins
  };
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  const Case cases[] = {
      {"", "name", 0, "a board"},
      {":8G", "name", 0, "a board"},
      {"orin", "name", 0, "a board"},
      {"tegra234-", "name", 0, "a board"},
      {"a-name-that-no-board-could-have", "name", 0, "a board"},
      {"tegra234:", "RAM", 0, "a number"},
      {"tegra234:G", "RAM", 0, "a number"},
      {"tegra234:8", "RAM", 8, "a number"},
      {"tegra234:8T", "RAM", 8, "a number"},
      {"tegra234:8Gx", "RAM", 8, "a number"},
      {"tegra234:9999999999G", "RAM", 999999, "a number"},
      {"tegra234:65M", "RAM", 65 * kMiB, "a multiple"},
      {"tegra234:0G", "RAM", 0, "from"},
      {"tegra234:128G", "RAM", 131072 * kMiB, "from"},
      {"tegra234:600G", "RAM", 614400 * kMiB, "from"},
      {"tegra234:2M", "pool", 0x80000000 - 8 * kMiB, "whole pages"},
      {"tegra234:6M", "pool", 0x80000000 - 4 * kMiB, "whole pages"},
  };
  for (const Case& c : cases) {
    BoardSpec board;
    const BoardFault wrong = ParseBoard(c.spelling, &board);
    ASSERT_TRUE(wrong) << c.spelling;
    EXPECT_STREQ(wrong.field, c.field) << c.spelling;
    EXPECT_EQ(wrong.value, c.value) << c.spelling;
    EXPECT_EQ(std::string(wrong.allowed).rfind(c.allowed, 0), 0u) << c.spelling << wrong.allowed;
  }
}

struct Contradiction {
  const char* field;
  std::function<void(BoardSpec&)> make;
};

void SetBootStreams(BoardSpec& board, std::initializer_list<BootStream> streams) {
  board.boot_stream_count = 0;
  for (const BootStream& stream : streams) {
    board.boot_stream[board.boot_stream_count++] = stream;
  }
}

// What contradicts itself in one SMMU. In the order of the structure.
const Contradiction kOfAnSmmu[] = {
    {"smmu.side", [](BoardSpec& b) { b.smmu[1].side = 0; }},
    {"smmu.side", [](BoardSpec& b) { b.smmu[1].side = 3; }},
    {"smmu.instance_count", [](BoardSpec& b) { b.smmu[0].instance_count = 0; }},
    {"smmu.instance_count", [](BoardSpec& b) { b.smmu[0].instance_count = 3; }},
    {"smmu.instance_count", [](BoardSpec& b) { b.smmu[2].instance_count = 2; }},
    {"smmu.window", [](BoardSpec& b) { b.smmu[1].window[1] = 0x08000000; }},
    {"smmu.window", [](BoardSpec& b) { b.smmu[1].window[0] = 0x08800000; }},
    {"smmu.window", [](BoardSpec& b) { b.smmu[0].window[1] = 0x07001000; }},  // of 64 KiB pages
    {"smmu.window", [](BoardSpec& b) { b.smmu[0].window[0] = 0 - uint64_t{0x1000}; }},
    {"smmu.window", [](BoardSpec& b) { b.smmu[2].window[0] = kFormatBit | 0x80000000; }},  // RAM
    {"smmu.window", [](BoardSpec& b) { b.smmu[2].window[0] = kFormatBit | b.smmu[1].window[0]; }},
    {"smmu.window_size", [](BoardSpec& b) { b.smmu[0].window_size = 0x800000; }},
    {"smmu.window_size", [](BoardSpec& b) { b.smmu[0].idr[1] &= 0x7fffffff; }},  // PAGESIZE
    {"smmu.banks", [](BoardSpec& b) { b.smmu[0].banks = 129; }},
    {"smmu.banks", [](BoardSpec& b) { b.smmu[0].banks = 0; }},
    {"smmu.banks",
     [](BoardSpec& b) {  // more banks than pages
       b.smmu[0].idr[1] = (b.smmu[0].idr[1] & 0x8fffffff) | 1u << 28;
       b.smmu[0].window_size = 0x80000;
       b.smmu[0].banks = 5;
     }},
    {"smmu.entries", [](BoardSpec& b) { b.smmu[0].entries = 0; }},
    {"smmu.entries", [](BoardSpec& b) { b.smmu[0].entries = 129; }},
    {"smmu.idr[0]", [](BoardSpec& b) { b.smmu[0].entries = 6; }},
    {"smmu.idr[0]", [](BoardSpec& b) { b.smmu[0].idr[0] &= ~(1u << 27); }},  // no SMS
    {"smmu.idr[0]", [](BoardSpec& b) { b.smmu[0].idr[0] &= ~(7u << 28); }},  // no translation
    {"smmu.idr[0]", [](BoardSpec& b) { b.smmu[0].idr[0] &= ~(1u << 29); }},  // NTS without S2TS
    {"smmu.idr[1]", [](BoardSpec& b) { b.smmu[0].idr[1] += 1; }},
    {"smmu.idr[0]", [](BoardSpec& b) { b.smmu[0].idr[0] &= ~(1u << 26); }},  // ATOSNS
    {"smmu.idr[0]", [](BoardSpec& b) { b.smmu[0].idr[0] |= 1u << 8; }},      // EXIDS
    {"smmu.idr[1]", [](BoardSpec& b) { b.smmu[0].idr[1] |= 5u << 16; }},     // NUMS2CB
    {"smmu.idr[1]", [](BoardSpec& b) { b.smmu[0].idr[1] |= 4u << 16; }},     // none for stage 1
    {"smmu.idr[1]",
     [](BoardSpec& b) {  // for a stage 2 that is not there
       b.smmu[0].idr[0] &= ~(3u << 28);
       b.smmu[0].idr[1] |= 1u << 16;
     }},
    {"smmu.idr[2]", [](BoardSpec& b) { b.smmu[0].idr[2] |= 0x8000; }},    // VMID16S
    {"smmu.idr[2]", [](BoardSpec& b) { b.smmu[0].idr[2] &= ~0x7000u; }},  // no granule
    {"smmu.idr[2]", [](BoardSpec& b) { b.smmu[0].idr[2] ^= 0x7000u; }},   // 16 KiB only
    {"smmu.idr[2]", [](BoardSpec& b) { b.smmu[0].idr[2] |= 0x2000; }},    // 16 KiB, beside 4 and 64
    {"smmu.idr[2]", [](BoardSpec& b) { b.smmu[0].idr[2] |= 0x6; }},       // IAS 7
    {"smmu.idr[2]", [](BoardSpec& b) { b.smmu[0].idr[2] += 0x10; }},      // OAS 6
    {"smmu.idr[2]", [](BoardSpec& b) { b.smmu[0].idr[2] -= 0x100; }},     // UBS 4, IAS 5
    {"smmu.el2_banks", [](BoardSpec& b) { b.smmu[0].el2_banks = 4; }},
    {"smmu.el2_entries", [](BoardSpec& b) { b.smmu[0].el2_entries = 5; }},
    {"smmu.host_vmid", [](BoardSpec& b) { b.smmu[0].host_vmid = 0; }},
};

const Contradiction kOfTheRest[] = {
    {"name", [](BoardSpec& b) { b.name = nullptr; }},
    {"id", [](BoardSpec& b) { b.id = 0; }},
    {"smmu_count", [](BoardSpec& b) { b.smmu_count = 4; }},
    {"smmu_count", [](BoardSpec& b) { b.smmu_count = 0; }},
    {"dram_count", [](BoardSpec& b) { b.dram_count = 0; }},
    {"dram_count", [](BoardSpec& b) { b.dram_count = 5; }},
    {"mc_window_count", [](BoardSpec& b) { b.mc_window_count = 19; }},
    {"mc_window_count", [](BoardSpec& b) { b.mc_window_count = 0; }},
    {"mc_window_count", [](BoardSpec& b) { b.mc_window_count = 1; }},  // no broadcast
    {"host_mmio_count", [](BoardSpec& b) { b.host_mmio_count = 9; }},
    {"el2_only_count", [](BoardSpec& b) { b.el2_only_count = 33; }},
    {"mc_window", [](BoardSpec& b) { b.mc_window[1].start = kFormatBit | b.mc_window[0].start; }},
    {"host_mmio", [](BoardSpec& b) { b.host_mmio[0].start = kFormatBit | b.dram[0].start; }},
    {"el2_only",
     [](BoardSpec& b) { b.el2_only[b.el2_only_count++] = {kFormatBit | 0x80000000, 0x1000}; }},
    {"dram", [](BoardSpec& b) { b.dram[0].size += 1; }},
    {"dram", [](BoardSpec& b) { b.dram[0].size = 0; }},
    {"dram", [](BoardSpec& b) { b.dram[b.dram_count++] = {0x80100000, 0x1000}; }},
    {"dram", [](BoardSpec& b) { b.dram[b.dram_count++] = {0x07000000, 0x1000}; }},
    {"dram", [](BoardSpec& b) { b.dram[b.dram_count++] = {0x7ffffff000, 0x2000}; }},
    {"pool", [](BoardSpec& b) { b.pool.start = 0xc0000000; }},
    {"pool", [](BoardSpec& b) { b.pool.size = 0; }},
    {"pool", [](BoardSpec& b) { b.pool.size += 0x1000; }},
    {"mc_window", [](BoardSpec& b) { b.mc_window[3] = b.mc_window[2]; }},
    {"mc_window", [](BoardSpec& b) { b.mc_window[3].size = 0; }},
    {"mc_window", [](BoardSpec& b) { b.mc_window[0].size = 0xf00; }},
    {"mc_window", [](BoardSpec& b) { b.mc_window[0].size = 0 - b.mc_window[0].start; }},
    {"mc_window", [](BoardSpec& b) { b.mc_window[1].size = 0x2000; }},  // no carveouts from 6 on
    {"mc_window", [](BoardSpec& b) { b.mc_window[3].start = 0x12010000; }},  // in an SMMU
    {"mc_window", [](BoardSpec& b) { b.mc_window[17].start = 0x07fff000; }},
    {"mc_window", [](BoardSpec& b) { b.mc_window[9].start = b.mc_window[0].start + 0x1000; }},
    {"mc_window", [](BoardSpec& b) { b.mc_window[9].start += 8; }},
    {"dram", [](BoardSpec& b) { b.mc_window[17].start = b.dram[0].start; }},
    {"dram", [](BoardSpec& b) { b.mc_window[1].start = b.pool.start; }},
    {"host_mmio", [](BoardSpec& b) { b.mc_window[0].start = b.host_mmio[2].start; }},
    {"el2_only", [](BoardSpec& b) { b.mc_window[17].start = 0x01780000; }},  // the host's to touch
    {"host_mmio", [](BoardSpec& b) { b.host_mmio[0].start = 0x08000000; }},
    {"host_mmio", [](BoardSpec& b) { b.host_mmio[0].start = b.dram[0].start; }},
    {"host_mmio", [](BoardSpec& b) { b.host_mmio[0].size = 12; }},
    {"host_mmio", [](BoardSpec& b) { b.host_mmio[1] = b.host_mmio[0]; }},
    {"el2_only", [](BoardSpec& b) { b.el2_only[b.el2_only_count - 1].size -= 0x1000; }},
    {"el2_only", [](BoardSpec& b) { b.el2_only[0].size -= 0x1000; }},
    {"el2_only", [](BoardSpec& b) { b.el2_only[5].size = 1; }},
    {"el2_only",
     [](BoardSpec& b) {  // RAM that is the host's too
       b.el2_only[b.el2_only_count++] = {b.dram[0].start, 0x1000};
     }},
    {"coherent_walk", [](BoardSpec& b) { b.coherent_walk = true; }},  // without IDR0.CTTW
    {"mc_security_reset", [](BoardSpec& b) { b.mc_security_reset = 2; }},
    {"mc_override_reset", [](BoardSpec& b) { b.mc_override_reset = 0x100; }},
    {"sync_timeout_us", [](BoardSpec& b) { b.sync_timeout_us = 0; }},
    {"boot_stream", [](BoardSpec& b) { b.boot_stream_count = kMaxBootStreams + 1; }},
    {"boot_stream", [](BoardSpec& b) { SetBootStreams(b, {{0, 0}}); }},
    {"boot_stream", [](BoardSpec& b) { SetBootStreams(b, {{0, 0x7e}}); }},
    {"boot_stream", [](BoardSpec& b) { SetBootStreams(b, {{3, 5}}); }},
    {"boot_stream", [](BoardSpec& b) { SetBootStreams(b, {{0, 5}, {0, 5}}); }},
    {"boot_stream",
     [](BoardSpec& b) {
       b.smmu[1].el2_entries = 1;
       SetBootStreams(b, {{1, 5}, {1, 6}});
     }},
};

void Names(const Contradiction& c) {
  BoardSpec board = *FindBoard("tiny");
  c.make(board);
  const BoardFault fault = CheckBoard(board);
  ASSERT_TRUE(fault) << c.field;
  EXPECT_STREQ(fault.field, c.field);
  ASSERT_NE(fault.allowed, nullptr);
  EXPECT_STRNE(fault.allowed, "");
}

TEST(CheckBoard, NamesTheFieldOfAnSmmuThatContradictsAnother) {
  for (const Contradiction& c : kOfAnSmmu) Names(c);
}

TEST(CheckBoard, NamesTheFieldOfTheBoardThatContradictsAnother) {
  for (const Contradiction& c : kOfTheRest) Names(c);
}

// The field alone would leave its reader to look for the number.
TEST(CheckBoard, TellsTheValueAndWhatIsAllowed) {
  BoardSpec board = *FindBoard("tiny");
  board.smmu[1].idr[0] |= 1u << 8;
  EXPECT_EQ(CheckBoard(board).value, board.smmu[1].idr[0]);
  EXPECT_STREQ(CheckBoard(board).allowed, "EXIDS (8) clear: extended stream IDs are not modelled");
  board = *FindBoard("tiny");
  board.smmu[2].window[0] = 0x12000000;
  EXPECT_EQ(CheckBoard(board).value, 0x12000000u);
  board = *FindBoard("tiny");
  board.smmu[0].idr[1] |= 4u << 16;
  EXPECT_STREQ(CheckBoard(board).allowed,
               "NUMS2CB (23:16) below smmu.banks where IDR0.S1TS (30) is set");
  board.smmu[0].idr[0] &= ~(1u << 30 | 1u << 28);  // stage 2 is all that it does
  EXPECT_FALSE(CheckBoard(board));
}

// Of the sixteen widths that UBS could name, the manual has seven.
TEST(CheckBoard, TakesTheWidthsOfABusThatThereAre) {
  for (uint32_t bus = 0; bus < 16; ++bus) {
    BoardSpec board = *FindBoard("tiny");
    for (SmmuSpec& smmu : board.smmu) smmu.idr[2] = (smmu.idr[2] & ~0xf0fu) | bus << 8;
    const BoardFault fault = CheckBoard(board);
    if (bus <= 5 || bus == 15) {
      EXPECT_FALSE(fault) << bus;
    } else {
      EXPECT_STREQ(fault.field, "smmu.idr[2]") << bus;
    }
  }
}

// Every field that a board could get wrong is in one of the lists: the members of the structure,
// apart from a window of SMMUs that need not be there.
TEST(CheckBoard, HasAContradictionForEachField) {
  std::set<std::string> fields;
  for (const Contradiction& c : kOfAnSmmu) fields.insert(c.field);
  EXPECT_EQ(fields.size(), 12u);
  for (const Contradiction& c : kOfTheRest) fields.insert(c.field);
  EXPECT_EQ(fields.size(), 12u + 17u);
}

}  // namespace
}  // namespace sidewall::model
