// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/invariant.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sidewall {
namespace {

TEST(Invariant, CodesAndNumbersAreUnique) {
  size_t count = 0;
  const InvariantInfo* all = Invariants(&count);
  EXPECT_EQ(count, 25u);
  std::set<std::string> codes;
  std::set<int> numbers;
  for (size_t i = 0; i < count; i++) {
    EXPECT_TRUE(codes.insert(all[i].code).second) << all[i].code;
    EXPECT_TRUE(numbers.insert(static_cast<int>(all[i].id)).second) << all[i].code;
    EXPECT_EQ(FindInvariant(std::string_view(all[i].code)), &all[i]);
    EXPECT_EQ(FindInvariant(all[i].id), &all[i]);
    EXPECT_LT(static_cast<int>(all[i].id), 64);
  }
  EXPECT_EQ(FindInvariant("ISO99"), nullptr);
}

Verdict Sample() {
  Verdict verdict;
  verdict.id = Invariant::kIso05;
  verdict.object = "entry";
  verdict.frames = {"Iso05FloorEntry", "write S2CR", "handle_dabt"};
  return verdict;
}

// Golden: dashboards and baselines of users hold this key.
TEST(Invariant, BucketKeyIsStable) { EXPECT_EQ(Sample().Bucket(), "ISO05-entry-6f2f1360"); }

TEST(Invariant, BucketDependsOnEachPart) {
  std::set<std::string> keys = {Sample().Bucket()};
  Verdict other = Sample();
  other.id = Invariant::kIso01;
  EXPECT_TRUE(keys.insert(other.Bucket()).second);
  other = Sample();
  other.object = "bank";
  EXPECT_TRUE(keys.insert(other.Bucket()).second);
  for (size_t i = 0; i < 3; i++) {
    other = Sample();
    other.frames[i] += "x";
    EXPECT_TRUE(keys.insert(other.Bucket()).second) << i;
  }
  other = Sample();
  other.frames.push_back("a fourth frame");
  EXPECT_FALSE(keys.insert(other.Bucket()).second);
}

}  // namespace
}  // namespace sidewall
