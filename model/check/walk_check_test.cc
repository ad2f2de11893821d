// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/walk_check.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "model/check/qemu.h"
#include "model/check/subject.h"
#include "model/check/unicorn_at.h"

namespace sidewall::check {
namespace {

constexpr uint64_t kSeed = 1;
constexpr uint64_t kCases = 20000;

// What has to occur, granule by granule.
constexpr char kAskedFor[] =
    "4K page\n4K block level 1\n4K block level 2\n"
    "4K translation fault level 0\n4K translation fault level 1\n"
    "4K translation fault level 2\n4K translation fault level 3\n"
    "4K access flag fault\n4K permission fault\n4K address size fault\n"
    "64K page\n64K block level 2\n"
    "64K translation fault level 0\n64K translation fault level 1\n"
    "64K translation fault level 2\n64K translation fault level 3\n"
    "64K access flag fault\n64K permission fault\n64K address size fault\n";

// Left where `./sidewall test` finds it.
void Publish(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  const char* folder = std::getenv("TEST_TMPDIR");
  if (folder != nullptr) std::ofstream(std::string(folder) + "/walk_histogram.txt") << text;
}

TEST(WalkCheck, TwentyThousandCasesAgreeWithQemu) {
  CheckReport report;
  try {
    report = CheckWalks({.seed = kSeed, .cases = kCases});
  } catch (const QemuMissing& error) {
    Publish(std::string("walks compared: none; ") + error.what() + "\n");
    GTEST_SKIP() << error.what();
  } catch (const Unavailable& error) {
    // A QEMU that is there and does not work, or an image that hangs, is no reason to be silent.
    FAIL() << error.what();
  }
  for (const std::string& difference : report.differences) ADD_FAILURE() << difference;
  if (!report.differences.empty()) return;
  Publish(TextOf(report));
  EXPECT_EQ(report.cases, kCases);
  std::string names;
  for (const Row& row : report.rows) names += row.name + "\n";
  EXPECT_EQ(names, kAskedFor);
  for (const Row& row : report.rows) {
    EXPECT_GE(row.count * 100, report.cases) << row.name << " is less than one in a hundred";
  }
}

// A second MMU that we did not write; it needs no other program.
TEST(WalkCheck, UnicornAgreesWhereItCan) {
  Subject subject;
  UnicornAt unicorn(ImagePath());
  std::vector<Case> cases;
  unicorn.Begin();
  for (uint64_t index = 0; cases.size() < 1000; ++index) {
    const Case one = DrawCase(kSeed, index);
    if (!UnicornCan(one)) continue;
    ASSERT_TRUE(unicorn.Append(one));
    cases.push_back(one);
  }
  unicorn.Run();
  std::map<std::string, uint64_t> excluded;
  for (size_t i = 0; i < cases.size(); ++i) {
    const Answer model = subject.Ask(cases[i]);
    const Answer processor = AnswerOf(unicorn.batch().results[i]);
    EXPECT_EQ(Difference(cases[i], model, processor, &excluded), "");
  }
}

TEST(WalkCheck, ACaseIsTheSameEveryTime) {
  for (uint64_t index = 0; index < 100; ++index) {
    EXPECT_EQ(Describe(DrawCase(7, index)), Describe(DrawCase(7, index)));
  }
}

// A comparison that cannot fail shows nothing.
TEST(WalkCheck, EachPartOfAnAnswerIsCompared) {
  std::map<std::string, uint64_t> excluded;
  Case one;
  one.stage1.on = true;
  Answer good;
  good.page = 0x1000;
  good.attribute = 0xff;
  good.shareability = 3;
  EXPECT_EQ(Difference(one, good, good, &excluded), "");
  Answer bad = good;
  bad.page = 0x2000;
  EXPECT_NE(Difference(one, good, bad, &excluded), "");
  bad = good;
  bad.fault = Fault::kPermission;
  EXPECT_NE(Difference(one, good, bad, &excluded), "");
  Answer fault;
  fault.fault = Fault::kTranslation;
  fault.stage = 1;
  fault.level = 2;
  EXPECT_EQ(Difference(one, fault, fault, &excluded), "");
  bad = fault;
  bad.level = 3;
  EXPECT_NE(Difference(one, fault, bad, &excluded), "");
  bad = fault;
  bad.stage = 2;
  EXPECT_NE(Difference(one, fault, bad, &excluded), "");
  bad.stage1_walk = true;
  EXPECT_NE(Difference(one, fault, bad, &excluded), "");
  EXPECT_TRUE(excluded.empty());
}

// What is not compared with the processor is asked of the model alone: a model that errs as QEMU
// does is told from a good one.
TEST(WalkCheck, ExclusionsAskTheModel) {
  std::map<std::string, uint64_t> excluded;
  Case one;
  one.stage1.on = one.stage2.on = true;
  one.operation = kS12E1R;
  Answer qemu, model;
  // Transient write-back, of which stage 2 makes write-through.
  one.memory[0] = 0x77;
  one.memory[1] = 0xa;
  qemu.attribute = 0xbb;
  model.attribute = 0x33;
  EXPECT_EQ(Difference(one, model, qemu, &excluded), "");
  EXPECT_NE(Difference(one, qemu, qemu, &excluded), "");
  // nGnRE over inner non-cacheable memory.
  one.memory[0] = 4;
  one.memory[1] = 5;
  qemu.attribute = 8;
  qemu.shareability = model.shareability = 2;
  model.attribute = 4;
  EXPECT_EQ(Difference(one, model, qemu, &excluded), "");
  EXPECT_NE(Difference(one, qemu, qemu, &excluded), "");
  model.shareability = 3;
  EXPECT_NE(Difference(one, model, qemu, &excluded), "");
  // A block where the format has none.
  one.reserved_block_stage = 1;
  model = Answer();
  model.fault = Fault::kTranslation;
  model.stage = 1;
  EXPECT_EQ(Difference(one, model, qemu, &excluded), "");
  EXPECT_NE(Difference(one, qemu, qemu, &excluded), "");
  one.reserved_block_stage = 0;
  // Device memory, by stage 1 alone.
  one.stage2.on = false;
  model = qemu = Answer();
  model.shareability = 2;
  EXPECT_EQ(Difference(one, model, qemu, &excluded), "");
  EXPECT_NE(Difference(one, qemu, qemu, &excluded), "");
  EXPECT_EQ(excluded.size(), 4u);
}

TEST(WalkCheck, WhatIsMissingIsNamed) { EXPECT_THROW(Qemu("/nonexistent/image.elf"), Unavailable); }

}  // namespace
}  // namespace sidewall::check
