// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/minimize.h"

#include <gtest/gtest.h>

#include "fuzz/macros.h"

namespace sidewall::fuzz {
namespace {

Event Mark(uint64_t value) {
  Event event = MakeEvent(EventKind::kMark);
  event.arg[0] = value;
  return event;
}

bool HasMark(const Program& program, uint64_t value) {
  for (const Event& event : program.events) {
    if (event.kind == EventKind::kMark && event.arg[0] == value) return true;
  }
  return false;
}

Program Marks(uint64_t count) {
  Program program;
  for (uint64_t i = 0; i < count; ++i) program.events.push_back(Mark(i + 1));
  return program;
}

TEST(Minimize, KeepsOnlyWhatIsAskedFor) {
  Program program = Marks(200);
  program.events[20].cpu = 3;
  program.choices.assign(100, 7);
  program.schedule.assign(50, 1);
  const auto keeps = [](const Program& p) { return HasMark(p, 21) && HasMark(p, 150); };
  const Program small = Minimize(program, keeps);
  ASSERT_EQ(small.events.size(), 2u);
  EXPECT_EQ(small.events[0].arg[0], 21u);
  EXPECT_EQ(small.events[0].cpu, 0);
  EXPECT_EQ(small.events[1].arg[0], 150u);
  EXPECT_TRUE(small.choices.empty());
  EXPECT_TRUE(small.schedule.empty());
}

TEST(Minimize, KeepsTheChoicesThatMatter) {
  Program program = Marks(4);
  program.choices.assign(64, 9);
  const auto keeps = [](const Program& p) { return p.choices.size() > 5 && p.choices[5] == 9; };
  const Program small = Minimize(program, keeps);
  EXPECT_TRUE(small.events.empty());
  EXPECT_LT(small.choices.size(), 16u);
  EXPECT_EQ(small.choices[5], 9);
  EXPECT_EQ(small.choices[0], 0);
}

TEST(Minimize, NeverReturnsWhatWasRefused) {
  const Program program = Marks(16);
  EXPECT_EQ(Minimize(program, [](const Program&) { return false; }), program);
}

TEST(Minimize, KeepsItsBudget) {
  size_t asked = 0;
  Minimize(
      Marks(256),
      [&](const Program&) {
        ++asked;
        return asked % 3 == 0;
      },
      50);
  EXPECT_LE(asked, 50u);
}

}  // namespace
}  // namespace sidewall::fuzz
