// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/engine_log.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace sidewall::fuzz {
namespace {

constexpr uint64_t kYear = 365u * 24 * 3600;

// The number after `key`; false where the key is not there.
bool NumberAfter(std::string_view text, std::string_view key, uint64_t* value) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) return false;
  text.remove_prefix(at + key.size());
  while (!text.empty() && (text.front() == ' ' || text.front() == ':')) text.remove_prefix(1);
  return std::from_chars(text.data(), text.data() + text.size(), *value).ec == std::errc();
}

std::string Printed(const char* format, double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), format, value);
  return buffer;
}

}  // namespace

bool ParseLibFuzzerLine(std::string_view line, EngineStatus* status) {
  if (line.starts_with("stat::number_of_executed_units")) {
    return NumberAfter(line, "units", &status->executions);
  }
  EngineStatus parsed;
  if (!line.starts_with("#") || !NumberAfter(line, "#", &parsed.executions)) return false;
  if (!NumberAfter(line, " cov: ", &parsed.edges)) return false;
  NumberAfter(line, " ft: ", &parsed.features);
  NumberAfter(line, " corp: ", &parsed.corpus);
  *status = parsed;
  return true;
}

bool ParseAflStats(std::string_view text, EngineStatus* status) {
  EngineStatus parsed;
  if (!NumberAfter(text, "execs_done ", &parsed.executions)) return false;
  NumberAfter(text, "edges_found ", &parsed.edges);
  NumberAfter(text, "corpus_count ", &parsed.corpus);
  parsed.features = parsed.edges;
  *status = parsed;
  return true;
}

void AddJob(const EngineStatus& job, EngineStatus* total) {
  total->executions += job.executions;
  total->edges = std::max(total->edges, job.edges);
  total->features = std::max(total->features, job.features);
  total->corpus = std::max(total->corpus, job.corpus);
}

bool ParseDuration(std::string_view text, uint64_t* seconds) {
  uint64_t unit = 1;
  if (!text.empty() && (text.back() < '0' || text.back() > '9')) {
    switch (text.back()) {
      case 's':
        break;
      case 'm':
        unit = 60;
        break;
      case 'h':
        unit = 3600;
        break;
      default:
        return false;
    }
    text.remove_suffix(1);
  }
  uint64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc() || end != text.data() + text.size()) return false;
  if (count == 0 || count > kYear / unit) return false;
  *seconds = count * unit;
  return true;
}

std::string ShortNumber(uint64_t value) {
  if (value < 1000) return std::to_string(value);
  if (value < 1000000) return Printed("%.1fk", static_cast<double>(value) / 1e3);
  return Printed("%.1fM", static_cast<double>(value) / 1e6);
}

std::string Percent(uint64_t part, uint64_t whole) {
  const double share = whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  return Printed("%.1f%%", 100 * share);
}

std::string StatusLine(uint64_t seconds, const EngineStatus& status, const Coverage& coverage,
                       size_t findings, uint64_t seed) {
  const uint64_t rate = status.executions / std::max<uint64_t>(seconds, 1);
  return "t=" + std::to_string(seconds) + "s exec=" + ShortNumber(status.executions) + " " +
         ShortNumber(rate) + "/s corp=" + std::to_string(status.corpus) +
         " cov=" + std::to_string(status.edges) + " ft=" + std::to_string(status.features) +
         " events=" + ShortNumber(coverage.events) +
         " store=" + Percent(coverage.events_with_store, coverage.events) +
         " dma_ok=" + Percent(coverage.dma_ok, coverage.events) +
         " dma_fault=" + Percent(coverage.dma_fault, coverage.events) +
         " bugs=" + std::to_string(findings) + " seed=" + std::to_string(seed);
}

std::string ExercisedText(const Coverage& coverage, InvariantSet armed) {
  std::string text = "exercised: programs=" + std::to_string(coverage.programs) +
                     " events=" + std::to_string(coverage.events) +
                     " store=" + Percent(coverage.events_with_store, coverage.events) +
                     " dma_ok=" + Percent(coverage.dma_ok, coverage.events) +
                     " dma_fault=" + Percent(coverage.dma_fault, coverage.events) + "\n";
  text += "           stores=" + std::to_string(coverage.stores) +
          " accepted=" + std::to_string(coverage.accepted_calls) +
          " refused=" + std::to_string(coverage.refused_calls) +
          " dma_between=" + std::to_string(coverage.dma_between) +
          " skipped=" + std::to_string(coverage.skipped) + "\n";
  text += "evaluated:";
  size_t count = 0;
  const InvariantInfo* invariants = Invariants(&count);
  for (size_t i = 0; i < count; ++i) {
    const InvariantInfo& info = invariants[i];
    if (!info.implemented || !info.fuzzable || (armed & Bit(info.id)) == 0) continue;
    text += std::string(" ") + info.code + "=" +
            std::to_string(coverage.evaluated[static_cast<size_t>(info.id)]);
  }
  return text + "\n";
}

}  // namespace sidewall::fuzz
