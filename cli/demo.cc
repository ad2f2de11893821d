// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall demo`: one known bug, planted, hunted, shrunk and explained. The output is the same on
// every machine; the README shows it and a test compares the two.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"
#include "cli/seeded_bugs.h"
#include "cli/verbs.h"
#include "fuzz/minimize.h"
#include "fuzz/mutator.h"
#include "fuzz/program.h"
#include "fuzz/runner.h"
#include "model/board.h"
#include "oracle/engine_native.h"
#include "oracle/harness.h"

namespace sidewall::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kBug[] = "SB007";
constexpr char kBoard[] = "tegra234";
constexpr uint64_t kSeed = 1;
constexpr uint64_t kMaxPrograms = 200000;

// Reach alone is hunted: the demonstration is about what a device can then touch.
constexpr InvariantSet kArmed = Bit(Invariant::kIso01);

using NativeHarness = Harness<NativeEngine>;

HarnessOptions Options(InvariantSet armed) {
  return {.board = model::FindBoard(kBoard), .armed = armed};
}

Json VerdictRow(const Verdict& verdict) {
  return {{"title", verdict.title}, {"text", verdict.text}};
}

// Runs in the program that is linked over the planted bug, and prints what it found as one line.
int Hunt() {
  NativeHarness harness(Options(kArmed));
  fuzz::Mutator mutator(kSeed);
  uint64_t events = 0;
  for (uint64_t programs = 1; programs <= kMaxPrograms; ++programs) {
    fuzz::Program program = mutator.Fresh(*model::FindBoard(kBoard));
    RunResult result = fuzz::RunProgram(harness, program);
    events += result.events;
    if (result.verdict.id == Invariant::kNone) continue;
    const size_t size = program.events.size();
    program = fuzz::Minimize(program, [&](const fuzz::Program& candidate) {
      return fuzz::RunProgram(harness, candidate).verdict.id == Invariant::kIso01;
    });
    result = fuzz::RunProgram(harness, program);
    Json report = {{"programs", programs},
                   {"events", events},
                   {"size", size},
                   {"program", fuzz::FormatText(program)},
                   {"verdict", VerdictRow(result.verdict)}};
    fmt::print("{}\n", report.dump());
    return kExitOk;
  }
  return kExitFinding;
}

void PrintProgram(const fuzz::Program& program) {
  for (const Event& event : program.events) fmt::print("     {}\n", fuzz::FormatEvent(event));
}

void Narrate(const SeededBug& bug, const Json& found, const fuzz::Program& program) {
  fmt::print("1. A known bug is planted in a copy of the driver.\n     {}: {}\n", bug.id,
             bug.title);
  fmt::print("2. It is hunted from nothing, on the board {}, with seed {}.\n", kBoard, kSeed);
  fmt::print("     found by program {}, after {} events in all\n",
             found["programs"].get<uint64_t>(), found["events"].get<uint64_t>());
  fmt::print("3. The program that found it is made smaller: {} events become {}.\n",
             found["size"].get<uint64_t>(), program.events.size());
  PrintProgram(program);
  fmt::print("4. This is the hole, from the device to the page.\n     {}\n",
             found["verdict"]["title"].get<std::string>());
  for (const Json& line : found["verdict"]["text"]) {
    fmt::print("       {}\n", line.get<std::string>());
  }
}

int RunDemo() {
  SeededBug bug;
  for (const SeededBug& candidate : SeededBugs(SourceRoot())) {
    if (candidate.id == kBug) bug = candidate;
  }
  const ProcessResult hunt = RunProcess({DriverVariant(kBug), "demo", "--hunt"});
  if (hunt.exit_code != kExitOk) {
    throw std::runtime_error(
        fmt::format("the hunt for {} ended with {}: {}", kBug, hunt.exit_code, hunt.output));
  }
  const Json found = Json::parse(hunt.output);
  fuzz::Program program;
  fuzz::ParseError error;
  if (!fuzz::ParseText(found["program"].get<std::string>(), &program, &error)) {
    throw std::runtime_error("the program that was found does not parse: " + error.what);
  }
  Narrate(bug, found, program);
  // What is said of the driver that ships is said of all that is looked at.
  NativeHarness harness(Options(AllInvariants()));
  const RunResult shipped = fuzz::RunProgram(harness, program);
  const bool held = shipped.verdict.id == Invariant::kNone;
  fmt::print("5. The same program on the driver that ships: {}\n",
             held ? "nothing is violated." : shipped.verdict.title);
  return held ? kExitOk : kExitFinding;
}

}  // namespace

void RegisterDemo(CLI::App& app, int* exit_code) {
  auto hunt = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("demo", "plant a known bug, find it, and show what it opens");
  verb->add_flag("--hunt", *hunt, "the part that runs over the planted bug")->group("");
  verb->callback([=] { *exit_code = *hunt ? Hunt() : RunDemo(); });
}

}  // namespace sidewall::cli
