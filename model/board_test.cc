// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/board.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

namespace sidewall::model {
namespace {

TEST(Boards, AreSoundAndDistinct) {
  size_t count = 0;
  const BoardSpec* boards = Boards(&count);
  ASSERT_EQ(count, 3u);
  std::set<std::string> names;
  uint8_t last = 0;
  for (size_t i = 0; i < count; ++i) {
    EXPECT_EQ(CheckBoard(boards[i]), nullptr) << boards[i].name;
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

struct Contradiction {
  const char* field;
  std::function<void(BoardSpec&)> make;
};

TEST(CheckBoard, NamesTheFirstContradiction) {
  const Contradiction cases[] = {
      {"name", [](BoardSpec& b) { b.name = nullptr; }},
      {"id", [](BoardSpec& b) { b.id = 0; }},
      {"smmu_count", [](BoardSpec& b) { b.smmu_count = 4; }},
      {"smmu_count", [](BoardSpec& b) { b.smmu_count = 0; }},
      {"dram_count", [](BoardSpec& b) { b.dram_count = 0; }},
      {"mc_window_count", [](BoardSpec& b) { b.mc_window_count = 19; }},
      {"smmu.side", [](BoardSpec& b) { b.smmu[1].side = 0; }},
      {"smmu.side", [](BoardSpec& b) { b.smmu[1].side = 3; }},
      {"smmu.instance_count", [](BoardSpec& b) { b.smmu[0].instance_count = 3; }},
      {"smmu.window", [](BoardSpec& b) { b.smmu[1].window[1] = 0x08000000; }},
      {"smmu.window_size", [](BoardSpec& b) { b.smmu[0].window_size = 0x800000; }},
      {"smmu.banks", [](BoardSpec& b) { b.smmu[0].banks = 129; }},
      {"smmu.banks", [](BoardSpec& b) { b.smmu[0].banks = 0; }},
      {"smmu.banks",
       [](BoardSpec& b) {  // more banks than pages
         b.smmu[0].idr[1] = (b.smmu[0].idr[1] & 0x8fffffff) | 1u << 28;
         b.smmu[0].window_size = 0x80000;
         b.smmu[0].banks = 5;
       }},
      {"smmu.idr[0]", [](BoardSpec& b) { b.smmu[0].entries = 6; }},
      {"smmu.idr[1]", [](BoardSpec& b) { b.smmu[0].idr[1] += 1; }},
      {"smmu.el2_banks", [](BoardSpec& b) { b.smmu[0].el2_banks = 4; }},
      {"smmu.el2_entries", [](BoardSpec& b) { b.smmu[0].el2_entries = 5; }},
      {"dram", [](BoardSpec& b) { b.dram[0].size += 1; }},
      {"dram", [](BoardSpec& b) { b.dram[b.dram_count++] = {0x80100000, 0x1000}; }},
      {"dram", [](BoardSpec& b) { b.dram[b.dram_count++] = {0x07000000, 0x1000}; }},
      {"pool", [](BoardSpec& b) { b.pool.start = 0xc0000000; }},
      {"pool", [](BoardSpec& b) { b.pool.size = 0; }},
      {"el2_only", [](BoardSpec& b) { b.el2_only[b.el2_only_count - 1].size -= 0x1000; }},
      {"el2_only", [](BoardSpec& b) { b.el2_only[0].size -= 0x1000; }},
      {"host_mmio", [](BoardSpec& b) { b.host_mmio[0].start = 0x08000000; }},
      {"mc_window", [](BoardSpec& b) { b.mc_window[3] = b.mc_window[2]; }},
  };
  for (const Contradiction& c : cases) {
    BoardSpec board = *FindBoard("tiny");
    c.make(board);
    const char* field = CheckBoard(board);
    ASSERT_NE(field, nullptr) << c.field;
    EXPECT_STREQ(field, c.field);
  }
}

}  // namespace
}  // namespace sidewall::model
