// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the fuzz targets that run programs on boards have in common.
//
//     RequireEnvironment("board_fuzzer");
//     for (const Program& empty : EmptyPrograms()) Run(empty);      // boards come up
//     const std::optional<Program> program = RunnableProgram(data, size);
//     if (!program.has_value()) return -1;
#ifndef SIDEWALL_FUZZ_BOARD_TARGET_H_
#define SIDEWALL_FUZZ_BOARD_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "fuzz/coverage_file.h"
#include "fuzz/program.h"

namespace sidewall::fuzz {

// Ends the process where SIDEWALL_BOARD names no board or the coverage file cannot be written.
void RequireEnvironment(const char* target);

// One for each board that a program without RAM of its own may be of, or for the only one.
std::vector<Program> EmptyPrograms();

// None: the input is no program, or none that a target runs here.
std::optional<Program> RunnableProgram(const uint8_t* data, size_t size);

// Of SIDEWALL_COVERAGE_FILE; one that takes nothing where that is not set.
CoverageFile& CampaignCoverage();

// AFL++ forks from a process in which the boards are up already.
bool EngineForks();

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_BOARD_TARGET_H_
