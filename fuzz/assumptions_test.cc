// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the driver rests on carries weight: for each assumption that the model can turn the other
// way there is a program that comes out differently then, and only then.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "fuzz/program.h"
#include "fuzz/reproduce.h"
#include "model/testing.h"

namespace sidewall::fuzz {
namespace {

namespace fs = std::filesystem;

std::string Contents(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

fs::path Root() {
  const char* root = std::getenv("SIDEWALL_ROOT");
  return root != nullptr ? root : ".";
}

std::vector<fs::path> Programs() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(Root() / "corpus/board/assumptions")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Program Parsed(const fs::path& path) {
  Program program;
  ParseError error;
  EXPECT_TRUE(ParseText(Contents(path), &program, &error)) << path << ": " << error.what;
  return program;
}

bool IsContrary(const Event& event) { return event.kind == EventKind::kHwContrary; }

TEST(Assumptions, EachProgramHangsOnItsAssumption) {
  Reproducer reproducer(AllInvariants());
  for (const fs::path& path : Programs()) {
    Program program = Parsed(path);
    ASSERT_EQ(program.driver, kDriverShipped) << path;
    const RunResult contrary = reproducer.Run(program);
    EXPECT_TRUE(AsExpected(contrary, program.expect))
        << path << ": " << ResultText(program, contrary);
    ASSERT_EQ(std::erase_if(program.events, IsContrary), 1u) << path;
    const RunResult plain = reproducer.Run(program);
    EXPECT_EQ(plain.verdict.id, Invariant::kNone) << path << ": " << plain.verdict.title;
    // Where nothing is violated, the outcome tells: something that is said to fail works.
    EXPECT_EQ(plain.mismatch, program.expect == 0) << path << ": " << ResultText(program, plain);
  }
}

TEST(Assumptions, EachSwitchHasAProgramAndARow) {
  std::set<uint64_t> named;
  for (const fs::path& path : Programs()) {
    for (const Event& event : Parsed(path).events) {
      if (IsContrary(event)) named.insert(event.arg[0]);
    }
  }
  const std::string rows = Contents(Root() / "docs/assumptions.md");
  model::Rig rig("tiny");
  std::set<uint64_t> known;
  for (uint64_t number = 0; number < 100; ++number) {
    if (!rig.machine->Contradict(number)) continue;
    known.insert(number);
    EXPECT_NE(rows.find("`hw.contrary assumption=" + std::to_string(number) + "`"),
              std::string::npos)
        << "docs/assumptions.md does not say how A-" << number << " is turned";
  }
  EXPECT_EQ(named, known);
  EXPECT_GE(known.size(), 6u);
}

}  // namespace
}  // namespace sidewall::fuzz
