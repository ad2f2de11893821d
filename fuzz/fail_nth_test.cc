// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Programs that must pass, in which memory runs out: each call of each, with its first allocation
// failing, then its second, until there is none left to fail. All invariants are armed. A call that
// was refused is made again, as a host does that has refilled the pool; from there on the program
// must go on as if nothing had happened.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/boards.h"
#include "fuzz/program_file.h"
#include "oracle/engine_native.h"
#include "oracle/harness.h"

namespace sidewall::fuzz {
namespace {

struct Step {
  Outcome outcome;
  size_t allocations = 0;
};

class Sweep {
 public:
  void Run(const std::string& path) {
    Program program;
    std::string problem;
    ASSERT_TRUE(LoadProgram(path, &program, &problem)) << problem;
    const model::BoardSpec* board = BoardOf(program);
    ASSERT_NE(board, nullptr) << path;
    std::unique_ptr<Harness<NativeEngine>>& harness = harnesses_[board];
    if (!harness) harness = std::make_unique<Harness<NativeEngine>>(HarnessOptions{.board = board});
    path_ = path;
    harness_ = harness.get();
    const std::vector<Step> clean = Clean(program);
    for (size_t i = 0; i < clean.size(); i++) {
      // Without a driver that came up there is nothing that could go on.
      const EventKind kind = program.events[i].kind;
      if (kind == EventKind::kBootInit || kind == EventKind::kBootFinalize) continue;
      for (size_t n = 1; n <= clean[i].allocations; n++) Fail(program, clean, i, n);
    }
  }

  size_t failures() const { return failures_; }
  size_t retries() const { return retries_; }

 private:
  Step Apply(const Event& event) {
    log_.clear();
    Step step;
    step.outcome = harness_->Apply(event);
    for (const Access& access : log_) step.allocations += access.kind == Access::kAlloc;
    return step;
  }

  void Begin(const Program& program) {
    harness_->board().set_access_log(&log_);
    harness_->Begin(program.choices, program.schedule);
  }

  std::vector<Step> Clean(const Program& program) {
    Begin(program);
    std::vector<Step> steps;
    for (const Event& event : program.events) steps.push_back(Apply(event));
    EXPECT_FALSE(harness_->violated()) << path_ << ": " << harness_->verdict().title;
    return steps;
  }

  static bool Same(const Outcome& a, const Outcome& b) {
    return a.result == b.result && a.value == b.value;
  }

  void Fail(const Program& program, const std::vector<Step>& clean, size_t at, size_t n) {
    const std::string where = path_ + ", event " + std::to_string(at) + " with allocation " +
                              std::to_string(n) + " failing: ";
    failures_++;
    Begin(program);
    for (size_t i = 0; i < clean.size(); i++) {
      Event event = program.events[i];
      if (i == at) event.fail_nth = static_cast<uint16_t>(n);
      Outcome outcome = Apply(event).outcome;
      ASSERT_FALSE(harness_->violated()) << where << harness_->verdict().title;
      if (i == at && !Same(outcome, clean[i].outcome)) {
        ASSERT_EQ(outcome.result, Expect::kRefused) << where;
        retries_++;
        outcome = Apply(program.events[i]).outcome;
        ASSERT_FALSE(harness_->violated()) << where << harness_->verdict().title;
      }
      ASSERT_EQ(outcome.result, clean[i].outcome.result) << where << "event " << i << " after it";
      ASSERT_EQ(outcome.value, clean[i].outcome.value) << where << "event " << i << " after it";
    }
  }

  std::map<const model::BoardSpec*, std::unique_ptr<Harness<NativeEngine>>> harnesses_;
  Harness<NativeEngine>* harness_ = nullptr;
  std::vector<Access> log_;
  std::string path_;
  size_t failures_ = 0;
  size_t retries_ = 0;
};

TEST(FailNth, GoodProgramsConverge) {
  const char* root = std::getenv("SIDEWALL_ROOT");
  const std::string board = std::string(root != nullptr ? root : ".") + "/corpus/board/";
  std::vector<std::string> files;
  std::string problem;
  ASSERT_TRUE(FindPrograms(
      {board + "good", board + "seed", board + "regression", board + "attacks", board + "bad"},
      &files, &problem))
      << problem;
  Sweep sweep;
  for (const std::string& file : files) sweep.Run(file);
  printf("%zu programs, %zu failures, %zu calls made again\n", files.size(), sweep.failures(),
         sweep.retries());
  EXPECT_GT(sweep.failures(), 100u);
  EXPECT_GT(sweep.retries(), 40u);
}

}  // namespace
}  // namespace sidewall::fuzz
