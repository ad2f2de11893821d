// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/process.h"

#include <gtest/gtest.h>

namespace sidewall::cli {
namespace {

TEST(Process, BothStreamsAreKeptInOrder) {
  ProcessResult result = RunProcess({"sh", "-c", "echo one; echo two >&2; echo three"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "one\ntwo\nthree\n");
}

TEST(Process, ExitCodeIsTheProgramsOwn) {
  EXPECT_EQ(RunProcess({"sh", "-c", "exit 77"}).exit_code, 77);
}

TEST(Process, SignalIsToldFromExit) {
  EXPECT_EQ(RunProcess({"sh", "-c", "kill -9 $$"}).exit_code, 128 + 9);
}

TEST(Process, ProgramThatIsNotThere) {
  ProcessResult result = RunProcess({"/nowhere/at-all"});
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_NE(result.output.find("/nowhere/at-all"), std::string::npos);
}

TEST(Process, StandardInputIsEmpty) { EXPECT_EQ(RunProcess({"cat"}).output, ""); }

TEST(Process, LargeOutputDoesNotBlock) {
  ProcessResult result = RunProcess({"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"});
  EXPECT_EQ(result.output.size(), 1000000u);
}

TEST(Process, WordsAreNotSplitOrExpanded) {
  EXPECT_EQ(RunProcess({"printf", "%s|", "a b", "$HOME", "*"}).output, "a b|$HOME|*|");
}

}  // namespace
}  // namespace sidewall::cli
