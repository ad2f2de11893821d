// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/seeded_bugs.h"

#include <gtest/gtest.h>

#include "cli/environment.h"
#include "fuzz/program_file.h"
#include "oracle/invariant.h"

namespace sidewall::cli {
namespace {

constexpr char kHead[] =
    "ID: SB901\n"
    "Title: S2CR type bypass is forwarded\n"
    "Imitates: a driver that trusts the host\n"
    "Expect: ISO05, ISO01\n"
    "Depth: 1\n"
    "Class: policy\n"
    "\n"
    "--- a/driver/smmu.cc\n"
    "+++ b/driver/smmu.cc\n"
    "Title: not a head line any more\n";

std::string Without(const std::string& key) {
  std::string text = kHead;
  size_t begin = text.find(key);
  text.erase(begin, text.find('\n', begin) + 1 - begin);
  return text;
}

// What the reader says of a patch that it refuses.
std::string Complaint(const std::string& name, const std::string& patch) {
  try {
    ParseSeededBug(name, patch);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(SeededBugs, HeadIsRead) {
  SeededBug bug = ParseSeededBug("SB901-forward-bypass.patch", kHead);
  EXPECT_EQ(bug.id, "SB901");
  EXPECT_EQ(bug.title, "S2CR type bypass is forwarded");
  EXPECT_EQ(bug.expect, (std::vector<std::string>{"ISO05", "ISO01"}));
  EXPECT_EQ(bug.depth, "1");
  EXPECT_EQ(bug.kind, "policy");
}

TEST(SeededBugs, WhatOneBoardDoesNotShowIsHuntedOnTwo) {
  SeededBug bug = ParseSeededBug("SB901-forward-bypass.patch", kHead);
  EXPECT_EQ(HuntingTargets(bug), std::vector<std::string>{"board"});
  const std::vector<std::string> both = {"board", "secrecy"};
  bug.expect = {"FUN05", "ISO13"};
  EXPECT_EQ(HuntingTargets(bug), both);
  bug.expect = {"ISO13"};
  EXPECT_EQ(HuntingTargets(bug), both);
}

TEST(SeededBugs, EveryLineOfTheHeadIsNeeded) {
  for (const char* key : {"ID:", "Title:", "Imitates:", "Expect:", "Depth:", "Class:"}) {
    EXPECT_NE(Complaint("SB901-x.patch", Without(key)), "") << key;
  }
}

TEST(SeededBugs, ProgramsAttacksAndQuickMayBeThere) {
  const std::string more = "Program: corpus/a.sw corpus/b.sw\nAttack: 12, 101\nQuick: yes\n";
  const SeededBug bug = ParseSeededBug("SB901-x.patch", more + kHead);
  EXPECT_EQ(bug.programs, (std::vector<std::string>{"corpus/a.sw", "corpus/b.sw"}));
  EXPECT_EQ(bug.attacks, (std::vector<unsigned>{12, 101}));
  EXPECT_TRUE(bug.quick);
  const SeededBug plain = ParseSeededBug("SB901-x.patch", kHead);
  EXPECT_TRUE(plain.programs.empty() && plain.attacks.empty() && !plain.quick);
  for (const char* line : {"Attack: twelve\n", "Attack: 0\n", "Quick: no\n"}) {
    EXPECT_NE(Complaint("SB901-x.patch", line + std::string(kHead)), "") << line;
  }
}

TEST(SeededBugs, ClassesAreThoseOfTheList) {
  std::string text = kHead;
  text.replace(text.find("policy"), 6, "resume; store order");
  EXPECT_EQ(Complaint("SB901-x.patch", text), "");
  text.replace(text.find("store order"), 11, "order");
  EXPECT_NE(Complaint("SB901-x.patch", text).find("'order'"), std::string::npos);
}

TEST(SeededBugs, NameAndIdMustAgree) {
  EXPECT_NE(Complaint("SB902-x.patch", kHead), "");
  EXPECT_NE(Complaint("SB9012-x.patch", kHead), "");
  EXPECT_EQ(Complaint("SB901-x.patch", kHead), "");
}

TEST(SeededBugs, UnknownInvariantIsNamed) {
  std::string text = kHead;
  text.replace(text.find("ISO01"), 5, "ISO99");
  EXPECT_NE(Complaint("SB901-x.patch", text).find("ISO99"), std::string::npos);
}

TEST(SeededBugs, ThoseOfTheTreeAreSoundAndHaveTheirOwnIds) {
  std::vector<SeededBug> bugs = SeededBugs(SourceRoot());
  ASSERT_FALSE(bugs.empty());
  for (size_t i = 1; i < bugs.size(); ++i) EXPECT_LT(bugs[i - 1].id, bugs[i].id);
}

TEST(SeededBugs, OneIsFoundByItsWholeId) {
  EXPECT_EQ(FindSeededBug(SourceRoot(), "SB001").id, "SB001");
  for (const char* id : {"", "SB", "SB0", "SB999", "../../etc", "SB001-s2cr"}) {
    EXPECT_THROW(FindSeededBug(SourceRoot(), id), UsageError) << id;
  }
}

TEST(Catalogue, HoldsEnoughOfEachKind) {
  const std::vector<SeededBug> bugs = SeededBugs(SourceRoot());
  EXPECT_GE(bugs.size(), 60u);
  const Composition composition = Compose(bugs);
  EXPECT_GE(composition.deep, 15u);
  EXPECT_GE(3 * composition.invented, bugs.size());
  for (const char* kind : {"lifetime", "invalidation", "store order", "one instance only",
                           "fail_nth", "resume", "range and mask boundaries"}) {
    const auto found = composition.by_class.find(kind);
    EXPECT_TRUE(found != composition.by_class.end() && found->second >= 6) << kind;
  }
}

// A program is no longer than what it shows.
TEST(Catalogue, DepthIsNoMoreThanAProgramNeeds) {
  for (const SeededBug& bug : SeededBugs(SourceRoot())) {
    for (const std::string& path : bug.programs) {
      fuzz::Program program;
      std::string problem;
      ASSERT_TRUE(fuzz::LoadProgram(SourceRoot() / path, &program, &problem)) << problem;
      EXPECT_LE(std::stoul(bug.depth), program.events.size()) << bug.id << " " << path;
    }
  }
}

TEST(Catalogue, HoldsTwoForEachInvariantThatAFuzzTargetCanArm) {
  const Composition composition = Compose(SeededBugs(SourceRoot()));
  size_t count = 0;
  const InvariantInfo* invariants = Invariants(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!invariants[i].implemented || !invariants[i].fuzzable) continue;
    const auto found = composition.by_invariant.find(invariants[i].code);
    EXPECT_TRUE(found != composition.by_invariant.end() && found->second >= 2)
        << invariants[i].code;
  }
}

}  // namespace
}  // namespace sidewall::cli
