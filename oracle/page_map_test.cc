// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A map of pages in chunks is what a sorted list of pages is, whatever is done to it.
#include "oracle/page_map.h"

#include <gtest/gtest.h>

#include <random>

namespace sidewall {
namespace {

uint64_t RunOf(const FlatMap<uint64_t, uint64_t>& pages, uint64_t first, uint64_t count,
               bool mapped) {
  uint64_t run = 0;
  while (run < count && (pages.count(first + run) != 0) == mapped) run++;
  return run;
}

TEST(PageMapTest, IsWhatASortedListIs) {
  constexpr uint64_t kPages = 600;
  std::mt19937_64 random(5);
  PageMap<uint64_t> pages;
  FlatMap<uint64_t, uint64_t> list;
  for (int i = 0; i < 20000; i++) {
    const uint64_t first = random() % kPages;
    const uint64_t count = random() % 150;
    if (random() % 2 == 0) {
      for (uint64_t page = first; page < first + count; page++) {
        pages.Set(page, page + static_cast<uint64_t>(i));
        list[page] = page + static_cast<uint64_t>(i);
      }
    } else {
      pages.Erase(first, first + count);
      list.erase(list.lower_bound(first), list.lower_bound(first + count));
    }
    ASSERT_EQ(pages.size(), list.size());
    const uint64_t asked = random() % kPages;
    const uint64_t* found = pages.Find(asked);
    ASSERT_EQ(found != nullptr, list.count(asked) != 0);
    if (found != nullptr) {
      ASSERT_EQ(*found, list[asked]);
    }
    for (const bool mapped : {false, true}) {
      ASSERT_EQ(pages.Run(asked, count, mapped), RunOf(list, asked, count, mapped))
          << asked << "+" << count << (mapped ? " mapped" : " free") << " in step " << i;
    }
  }
}

// A copy has pages of its own: the ghost saves its state so.
TEST(PageMapTest, IsCopiedByValue) {
  PageMap<uint64_t> pages;
  pages.Set(70, 1);
  const PageMap<uint64_t> saved = pages;
  pages.Set(70, 2);
  pages.Erase(0, 100);
  EXPECT_EQ(pages.Find(70), nullptr);
  ASSERT_NE(saved.Find(70), nullptr);
  EXPECT_EQ(*saved.Find(70), 1u);
}

}  // namespace
}  // namespace sidewall
