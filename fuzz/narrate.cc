// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/narrate.h"

#include <algorithm>

#include "fuzz/program.h"
#include "fuzz/spelling.h"

namespace sidewall::fuzz {
namespace {

// The window that an address lies in; false where it lies in none.
bool WindowAt(const model::BoardSpec& board, uint64_t pa, uint64_t* window, uint64_t* offset) {
  for (size_t s = 0; s < board.smmu_count; ++s) {
    const model::SmmuSpec& smmu = board.smmu[s];
    for (size_t i = 0; i < smmu.instance_count; ++i) {
      if (pa - smmu.window[i] >= smmu.window_size) continue;
      *window = smmu.side * 2u + i;
      *offset = pa - smmu.window[i];
      return true;
    }
  }
  for (size_t i = 0; i < board.mc_window_count; ++i) {
    if (!board.mc_window[i].Contains(pa)) continue;
    *window = static_cast<uint64_t>(Window::kMcSid) + i;
    *offset = pa - board.mc_window[i].start;
    return true;
  }
  return false;
}

}  // namespace

std::string StoreText(const model::BoardSpec& board, uint64_t pa, unsigned width, uint64_t value) {
  uint64_t window = 0;
  uint64_t offset = 0;
  if (!WindowAt(board, pa, &window, &offset)) return NumberWord(pa) + " = " + NumberWord(value);
  std::string name = WindowWord(window);
  name.resize(std::max<size_t>(name.size(), 7), ' ');
  std::string text = name + " " + RegisterWord(window, offset) + " = " + NumberWord(value);
  const std::string fields = FieldsText(window, offset, width, value);
  if (!fields.empty()) text += "  " + fields;
  return text;
}

std::string TableText(uint64_t pa, uint64_t value) {
  return NumberWord(pa & ~uint64_t{0xfff}) + "[" + std::to_string(pa / sizeof(uint64_t) % 512) +
         "] = " + NumberWord(value);
}

std::string OutcomeText(const Outcome& outcome) {
  if (outcome.unsupported) return "not supported by this driver yet";
  switch (outcome.result) {
    case Expect::kNone:
      return "skipped";
    case Expect::kFault:
      return "fault";
    case Expect::kRefused:
      return "refused";
    case Expect::kDegraded:
      return "degraded";
    default:
      return outcome.value == 0 ? "ok" : "ok " + NumberWord(outcome.value);
  }
}

void TextNarrator::OnEvent(size_t index, const Event& event) {
  if (on_) std::fprintf(out_, "[%zu] %s\n", index, FormatEvent(event).c_str());
}

void TextNarrator::OnStore(uint64_t pa, unsigned width, uint64_t value, bool table) {
  if (!on_) return;
  if (table) {
    std::fprintf(out_, "      table   %s\n", TableText(pa, value).c_str());
    return;
  }
  std::fprintf(out_, "      %s\n", StoreText(board_, pa, width, value).c_str());
}

// What the driver reads explains nothing, unless hardware does not answer.
void TextNarrator::OnLoad(uint64_t pa, unsigned width, uint64_t, bool answered) {
  if (!on_ || answered) return;
  std::fprintf(out_, "      no answer to a read of %u bytes at %s\n", width,
               NumberWord(pa).c_str());
}

void TextNarrator::OnTransfer(const model::DmaRequest& request, const model::DmaResult& result) {
  if (!on_) return;
  const bool delivered = result.fault == model::FaultKind::kNone;
  std::fprintf(out_, "      between two stores: stream 0x%x %s %s -> %s\n", result.sid & 0x7fu,
               request.write ? "writes" : "reads", NumberWord(request.address).c_str(),
               delivered ? NumberWord(result.pa).c_str() : "fault");
}

void TextNarrator::OnOutcome(const Event&, const Outcome& outcome) {
  if (on_) std::fprintf(out_, "    -> %s\n", OutcomeText(outcome).c_str());
}

}  // namespace sidewall::fuzz
