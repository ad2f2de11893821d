// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/reproduce.h"

#include "fuzz/boards.h"
#include "fuzz/runner.h"
#include "fuzz/spelling.h"
#include "model/board.h"

namespace sidewall::fuzz {

Reproducer::Bench& Reproducer::BenchOf(const Program& program) {
  const model::BoardSpec* board = BoardOf(program);
  Bench& bench = benches_[board];
  if (bench.harness != nullptr) return bench;
  HarnessOptions options;
  options.board = board;
  options.armed = armed_;
  if (narrate_ != nullptr) {
    bench.narrator = std::make_unique<TextNarrator>(narrate_, *options.board);
    options.narrator = bench.narrator.get();
  }
  bench.harness = std::make_unique<Harness<NativeEngine>>(options);
  return bench;
}

RunResult Reproducer::Run(const Program& program) {
  Bench& bench = BenchOf(program);
  TextNarrator* narrator = bench.narrator.get();
  RunResult result = RunProgram(*bench.harness, program, [&] {
    if (narrator != nullptr) narrator->set_on(true);
  });
  if (narrator != nullptr) narrator->set_on(false);
  if (result.verdict.id != Invariant::kNone || !(armed_ & Bit(Invariant::kIso13)) ||
      !Secrecy::HasSecrets(program)) {
    return result;
  }
  if (!bench.secrecy) bench.secrecy = std::make_unique<Secrecy>(*BoardOf(program));
  result.verdict = bench.secrecy->Run(program);
  return result;
}

bool Reproducer::Breaks(const Program& program, Invariant id) {
  return Run(program).verdict.id == id;
}

std::string ResultText(const Program& program, const RunResult& result) {
  if (result.verdict.id != Invariant::kNone) {
    return ExpectWord(static_cast<uint8_t>(result.verdict.id));
  }
  if (!result.mismatch) return "pass";
  const Event& event = program.events[result.mismatch_index];
  return "event " + std::to_string(result.mismatch_index) + " gave " +
         OutcomeText(result.mismatch_outcome) + ": " + FormatEvent(event);
}

bool AsExpected(const RunResult& result, uint8_t expect) {
  return static_cast<uint8_t>(result.verdict.id) == expect && !result.mismatch;
}

bool Broke(const RunResult& result, uint8_t expect) {
  if (expect != 0) return static_cast<uint8_t>(result.verdict.id) == expect;
  return result.verdict.id != Invariant::kNone || result.mismatch;
}

std::string DriverOfTool(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const size_t dot = name.find('.');
  if (dot == std::string::npos) return "shipped";
  const std::string suffix = name.substr(dot + 1);
  return suffix.starts_with("SB") ? "bug/" + suffix : suffix;
}

std::string SuffixOfDriver(const std::string& driver) {
  if (driver == "shipped") return "";
  return driver.starts_with("bug/") ? driver.substr(4) : driver;
}

}  // namespace sidewall::fuzz
