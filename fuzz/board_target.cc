// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/board_target.h"

#include <cstdio>
#include <cstdlib>

#include "fuzz/boards.h"
#include "fuzz/engine_hooks.h"
#include "model/board.h"

namespace sidewall::fuzz {

void RequireEnvironment(const char* target) {
  const char* name = std::getenv("SIDEWALL_BOARD");
  if (name != nullptr && *name != 0 && BoardOfEnvironment() == nullptr) {
    std::fprintf(stderr, "%s: SIDEWALL_BOARD=%s is no board: %s\n", target, name,
                 WhyNoBoard(name).c_str());
    std::exit(2);
  }
  if (!CampaignCoverage().ok()) {
    std::fprintf(stderr, "%s: cannot write to the file of SIDEWALL_COVERAGE_FILE\n", target);
    std::exit(2);
  }
}

std::vector<Program> EmptyPrograms() {
  const model::BoardSpec* only = BoardOfEnvironment();
  std::vector<Program> programs;
  for (const char* name : {"tiny", "tegra234"}) {
    SetBoard(&programs.emplace_back(), only != nullptr ? *only : *model::FindBoard(name));
    if (only != nullptr) break;
  }
  return programs;
}

std::optional<Program> RunnableProgram(const uint8_t* data, size_t size) {
  if (size == 0) return std::nullopt;
  std::optional<Program> program = Decode(data, size);
  if (!program.has_value() || program->events.size() > kMaxEvents) return std::nullopt;
  const model::BoardSpec* only = BoardOfEnvironment();
  if (only != nullptr ? only != BoardOf(*program) : program->ram != 0) return std::nullopt;
  // Assumptions that the driver rests on hold here.
  for (const Event& event : program->events) {
    if (event.kind == EventKind::kHwContrary) return std::nullopt;
  }
  return program;
}

CoverageFile& CampaignCoverage() {
  static CoverageFile file(std::getenv("SIDEWALL_COVERAGE_FILE"));
  return file;
}

bool EngineForks() { return std::getenv("__AFL_SHM_ID") != nullptr; }

}  // namespace sidewall::fuzz
