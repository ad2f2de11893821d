// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/boards.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "fuzz/spelling.h"

namespace sidewall::fuzz {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kUnitsInGiB = (uint64_t{1} << 30) / model::kDramUnit;

// Boards outlive whoever asks for them, and there are few: one for each amount of RAM that the
// process has met.
const model::BoardSpec* Keep(const model::BoardSpec& board) {
  static std::vector<std::unique_ptr<model::BoardSpec>> kept;
  for (const auto& one : kept) {
    if (one->id == board.id && one->dram[0].size == board.dram[0].size) return one.get();
  }
  kept.push_back(std::make_unique<model::BoardSpec>(board));
  return kept.back().get();
}

}  // namespace

const model::BoardSpec* BoardNamed(const char* spelling) {
  if (const model::BoardSpec* board = model::FindBoard(spelling)) return board;
  model::BoardSpec board;
  return model::ParseBoard(spelling, &board) ? nullptr : Keep(board);
}

std::string WhyNoBoard(const std::string& spelling) {
  model::BoardSpec board;
  const model::BoardFault wrong = model::ParseBoard(spelling.c_str(), &board);
  std::string why = "nothing is wrong with it";
  if (wrong) {
    char value[24];
    std::snprintf(value, sizeof(value), "0x%llx", static_cast<unsigned long long>(wrong.value));
    // A name has no value that its spelling does not show.
    why = wrong.field;
    if (why != "name") why += std::string(" is ") + value;
    why += std::string(", allowed: ") + wrong.allowed;
  }
  size_t count = 0;
  const model::BoardSpec* boards = model::Boards(&count);
  why += "; known:";
  for (size_t i = 0; i < count; ++i) why += std::string(" ") + boards[i].name;
  return why + "; RAM may follow, in steps of 2 MiB: tegra234:8G, tiny:64M";
}

bool HasBoard(const Program& program) {
  const model::BoardSpec* board = model::FindBoard(program.board);
  if (board == nullptr || program.ram == 0) return board != nullptr;
  model::BoardSpec sized;
  return !model::ParseBoard(BoardSpelling(program).c_str(), &sized);
}

const model::BoardSpec* BoardOf(const Program& program) {
  const model::BoardSpec* board = model::FindBoard(program.board);
  if (board == nullptr || program.ram == 0) return board;
  return BoardNamed(BoardSpelling(program).c_str());
}

std::string BoardSpelling(const Program& program) {
  const model::BoardSpec* board = model::FindBoard(program.board);
  if (board == nullptr) return NumberWord(program.board);
  if (program.ram == 0) return board->name;
  const bool whole = program.ram % kUnitsInGiB == 0;
  const uint64_t count =
      whole ? program.ram / kUnitsInGiB : program.ram * (model::kDramUnit / kMiB);
  return std::string(board->name) + ":" + std::to_string(count) + (whole ? "G" : "M");
}

// A board's own size is a different board from one that was asked for with as much RAM, since the
// pool of that one is made to fit.
uint16_t RamOf(const model::BoardSpec& board) {
  const model::BoardSpec* own = model::FindBoard(board.id);
  if (own != nullptr && own->pool.start == board.pool.start && own->pool.size == board.pool.size) {
    return 0;
  }
  return static_cast<uint16_t>(board.dram[0].size / model::kDramUnit);
}

void SetBoard(Program* program, const model::BoardSpec& board) {
  program->board = board.id;
  program->ram = RamOf(board);
}

}  // namespace sidewall::fuzz
