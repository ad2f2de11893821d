// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "model/board.h"
#include "model/registers.h"
#include "replay/trace.h"

namespace sidewall::replay {
namespace {

// Offsets of the fault status registers, with 64 KiB pages and the banks in the upper half.
constexpr uint32_t kGlobalStatus = 0x48;
constexpr uint32_t kBankBase = 0x800000;
constexpr uint32_t kBankStatus = 0x58;
constexpr uint64_t kStatusFaultBits = 0x1fe;  // TF to UUT

// A place where a fault is recorded: one bank, or the global registers, of one instance.
using Place = std::pair<Window, uint16_t>;

struct Causes {
  const Record* dma = nullptr;
  const Record* hw = nullptr;
};

bool PlaceOf(const AccessRecord& access, Place* place) {
  if (static_cast<uint8_t>(access.window) >= kSmmuWindows) return false;
  if (access.offset == kGlobalStatus) {
    *place = {access.window, static_cast<uint16_t>(kGlobalFault)};
    return true;
  }
  if (access.offset < kBankBase || (access.offset & 0xffff) != kBankStatus) return false;
  *place = {access.window, static_cast<uint16_t>((access.offset - kBankBase) >> 16)};
  return true;
}

// "0x40000000-0xb0000000": the first byte, and the first after the last.
std::optional<model::Range> ParseRange(std::string_view word) {
  uint64_t ends[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    if (!word.starts_with("0x")) return std::nullopt;
    word.remove_prefix(2);
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), ends[i], 16);
    if (code != std::errc()) return std::nullopt;
    word.remove_prefix(static_cast<size_t>(end - word.data()));
    if (i == 0 && !word.starts_with('-')) return std::nullopt;
    if (i == 0) word.remove_prefix(1);
  }
  if (!word.empty() || ends[1] <= ends[0]) return std::nullopt;
  return model::Range{ends[0], ends[1] - ends[0]};
}

// Ranges of DRAM that touch count as one: what the kernel saw as one may be two banks here.
bool IsHostRam(const model::BoardSpec& board, const model::Range& ram) {
  if (ram.start < board.pool.end() && board.pool.start < ram.end()) return false;
  uint64_t at = ram.start;
  for (size_t i = 0; i < board.dram_count && at < ram.end(); ++i) {
    for (size_t k = 0; k < board.dram_count; ++k) {
      if (board.dram[k].Contains(at)) at = board.dram[k].end();
    }
  }
  return at >= ram.end();
}

}  // namespace

bool CheckFaultCauses(const Trace& trace, TraceError* error) {
  std::map<Place, Causes> pending;
  const auto fail = [error](size_t line, std::string what) {
    error->line = line;
    error->what = std::move(what);
    error->hint = "import the trace again from its source";
    return false;
  };
  for (const Record& record : trace.records) {
    if (const auto* dma = std::get_if<DmaRecord>(&record.body)) {
      if (dma->outcome == DmaOutcome::kOk) continue;
      const auto bank = dma->via == DmaVia::kBank ? dma->bank : static_cast<uint16_t>(kGlobalFault);
      pending[{dma->window, bank}].dma = &record;
    } else if (const auto* fault = std::get_if<FaultRecord>(&record.body)) {
      pending[{fault->window, fault->bank}].hw = &record;
    } else if (const auto* access = std::get_if<AccessRecord>(&record.body)) {
      Place place;
      if (!PlaceOf(*access, &place) || (access->value & kStatusFaultBits) == 0) continue;
      if (access->write) {
        pending.erase(place);
        continue;
      }
      const Causes causes = pending[place];
      if (causes.dma == nullptr && causes.hw == nullptr) {
        return fail(record.line, "the kernel reads a fault that has no cause in the trace");
      }
      if (causes.dma != nullptr && causes.hw != nullptr) {
        return fail(record.line, fmt::format("the fault read here has two causes, lines {} and {}",
                                             causes.dma->line, causes.hw->line));
      }
    }
  }
  return true;
}

bool IsPlain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool CheckBoard(const TraceHead& head, TraceError* error) {
  const auto fail = [error](std::string what, const char* hint) {
    error->line = 0;
    error->what = std::move(what);
    error->hint = hint;
    return false;
  };
  const model::BoardSpec* board = model::FindBoard(head.board.c_str());
  if (board == nullptr) {
    return fail(fmt::format("no board is called '{}'", head.board),
                "`sidewall list boards` has their names");
  }
  std::string_view rest = head.ram;
  for (;;) {
    const size_t comma = rest.find(',');
    std::string_view word = rest.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    const auto ram = ParseRange(word);
    if (!ram) {
      return fail(fmt::format("'{}' in 'ram' is not a range of addresses", word),
                  "ranges are 0xSTART-0xEND, the end not included, separated by commas");
    }
    if (!IsHostRam(*board, *ram)) {
      return fail(
          fmt::format("the kernel's RAM {} is not RAM of the host on board {}", word, head.board),
          "name the board that it was captured for; `sidewall list boards` has them");
    }
    if (comma == std::string_view::npos) return true;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace sidewall::replay
