// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/shadow.h"

#include <gtest/gtest.h>

namespace sidewall::replay {
namespace {

AccessRecord Write(Window window, uint32_t offset, uint64_t value) {
  return {.write = true, .width = 4, .window = window, .offset = offset, .value = value};
}

// Four levels that map 0x7fffff000 (read and write) and 0x7fffff001000 further up, read-only.
Shadow WithTables() {
  Shadow shadow;
  const auto ignore = [](uint64_t, uint64_t) {};
  shadow.Replace({0x1000, 0, {{0, 0x80000000002003}}}, ignore);
  shadow.Replace({0x2000, 1, {{31, 0x3003}}}, ignore);
  shadow.Replace({0x3000, 2, {{511, 0x4003}}}, ignore);
  shadow.Replace({0x4000, 3, {{510, 0x50000fc7}, {511, 0x51000f47}}}, ignore);
  return shadow;
}

TEST(ShadowTest, OnlyChangedEntriesAreStored) {
  Shadow shadow = WithTables();
  std::vector<std::pair<uint64_t, uint64_t>> stores;
  shadow.Replace({0x4000, 3, {{510, 0x50000fc7}, {7, 0x3}}},
                 [&stores](uint64_t pa, uint64_t value) { stores.emplace_back(pa, value); });
  const std::vector<std::pair<uint64_t, uint64_t>> wanted = {{0x4038, 3}, {0x4ff8, 0}};
  EXPECT_EQ(stores, wanted);
}

TEST(ShadowTest, WalksEndWhereTheTablesEnd) {
  const Shadow shadow = WithTables();
  const uint64_t last = 0x7fffff000;
  EXPECT_TRUE(shadow.Walk(0x1000, last + 0x123).mapped);
  EXPECT_EQ(shadow.Walk(0x1000, last).leaf.pa, 0x51000000u);
  EXPECT_TRUE(shadow.Walk(0x1000, last).leaf.write);
  EXPECT_FALSE(shadow.Walk(0x1000, last - 0x1000).leaf.write);
  EXPECT_EQ(shadow.Walk(0x1000, last - 0x2000).level, 3);
  EXPECT_EQ(shadow.Walk(0x1000, last - 0x200000).level, 2);
  EXPECT_EQ(shadow.Walk(0x1000, last + 0x1000).level, 1);
  EXPECT_EQ(shadow.Walk(0x1000, uint64_t{1} << 39).level, 0);
}

TEST(ShadowTest, LeavesAreAllPagesUpToTheLimit) {
  const Shadow shadow = WithTables();
  std::vector<Leaf> leaves;
  ASSERT_TRUE(shadow.Leaves(0x1000, 10, &leaves));
  ASSERT_EQ(leaves.size(), 2u);
  EXPECT_EQ(leaves[0].iova, 0x7ffffe000u);
  EXPECT_EQ(leaves[1].pa, 0x51000000u);
  ASSERT_TRUE(shadow.Leaves(0x1000, 1, &leaves));
  EXPECT_EQ(leaves.size(), 1u);
  Shadow block = WithTables();
  block.Replace({0x3000, 2, {{5, 0x40000f41}}}, [](uint64_t, uint64_t) {});
  EXPECT_FALSE(block.Leaves(0x1000, 10, &leaves));
}

TEST(ShadowTest, StreamsAreWhatTheEntriesSay) {
  Shadow shadow;
  shadow.Write(Write(Window::kNiso0, 0x804, 0xff800004));
  shadow.Write(Write(Window::kNiso0, 0xc04, 0x00000002));
  EXPECT_EQ(shadow.Find(1, 4).kind, StreamKind::kContextOff);
  shadow.Write(Write(Window::kNiso0, 0x820020, 0x0002000040e73000));
  shadow.Write(Write(Window::kNiso0, 0x820000, 0x1067));
  const Stream stream = shadow.Find(1, 0x184);
  EXPECT_EQ(stream.kind, StreamKind::kContext);
  EXPECT_EQ(stream.bank, 2);
  EXPECT_EQ(stream.root, 0x40e73000u);
  EXPECT_EQ(shadow.Find(1, 5).kind, StreamKind::kUnmatched);
  EXPECT_EQ(shadow.Find(0, 4).kind, StreamKind::kUnmatched);
  ASSERT_EQ(shadow.Streams().size(), 1u);
  EXPECT_EQ(shadow.Streams()[0].sid, 4);
  shadow.Write(Write(Window::kNiso0, 0xc04, 0x00010000));
  EXPECT_EQ(shadow.Find(1, 4).kind, StreamKind::kBypass);
  shadow.Write(Write(Window::kNiso0, 0xc04, 0x00020000));
  EXPECT_EQ(shadow.Find(1, 4).kind, StreamKind::kFault);
  shadow.Write(Write(Window::kNiso0, 0x808, 0x80000004));
  EXPECT_EQ(shadow.Find(1, 4).kind, StreamKind::kAmbiguous);
}

TEST(ShadowTest, MirrorsAndReadsChangeNothing) {
  Shadow shadow;
  shadow.Write(Write(Window::kNiso0Mirror, 0x804, 0xff800004));
  AccessRecord read = Write(Window::kNiso0, 0x804, 0xff800004);
  read.write = false;
  shadow.Write(read);
  EXPECT_TRUE(shadow.Streams().empty());
}

}  // namespace
}  // namespace sidewall::replay
