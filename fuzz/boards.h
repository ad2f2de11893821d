// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Boards as programs name them: by number and by amount of RAM, where that is not the board's own.
//
//     const model::BoardSpec* board = BoardNamed("tegra234:8G");
//     program.board = board->id;
//     program.ram = RamOf(*board);              // 4096 units of 2 MiB
//     assert(BoardOf(program) == board);        // the same object, as long as the process lives
#ifndef SIDEWALL_FUZZ_BOARDS_H_
#define SIDEWALL_FUZZ_BOARDS_H_

#include <string>

#include "fuzz/program.h"
#include "model/board.h"

namespace sidewall::fuzz {

// Null: there is no such board, or it would not be sound with so much RAM.
const model::BoardSpec* BoardNamed(const char* spelling);
// What is wrong with a spelling that is no board's, and which there are, for a message.
std::string WhyNoBoard(const std::string& spelling);
const model::BoardSpec* BoardOf(const Program& program);
// That there is one, without keeping it.
bool HasBoard(const Program& program);
// "tiny", "tegra234:8G"; a number where there is no such board.
std::string BoardSpelling(const Program& program);

// RAM in the units of a program; 0 where a board has its own.
uint16_t RamOf(const model::BoardSpec& board);
// Makes the program one for this board.
void SetBoard(Program* program, const model::BoardSpec& board);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_BOARDS_H_
