// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall list`: what there is to fuzz, on which boards, against which rules.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/invariant_state.h"
#include "cli/seeded_bugs.h"
#include "cli/verbs.h"
#include "fuzz/boards.h"
#include "model/board.h"
#include "oracle/invariant.h"

namespace sidewall::cli {
namespace {

using Json = nlohmann::ordered_json;

Json Targets() {
  return Json::array({{{"id", "board"},
                       {"binary", "board_fuzzer"},
                       {"about", "programs of up to 256 events on one board"}},
                      {{"id", "secrecy"},
                       {"binary", "secrecy_fuzzer"},
                       {"about", "the same on two boards whose guests have other secrets"}}});
}

std::string Hex(uint64_t value) { return fmt::format("{:#x}", value); }

Json RangeRow(const model::Range& range) {
  return {{"start", Hex(range.start)}, {"size", Hex(range.size)}};
}

Json RangeRows(const model::Range* ranges, size_t count) {
  Json rows = Json::array();
  for (size_t i = 0; i < count; ++i) rows.push_back(RangeRow(ranges[i]));
  return rows;
}

Json SmmuRow(const model::SmmuSpec& smmu) {
  constexpr const char* kSides[] = {"niso1", "niso0", "iso"};
  Json windows = Json::array();
  for (size_t n = 0; n < smmu.instance_count; ++n) windows.push_back(Hex(smmu.window[n]));
  Json ids = Json::array();
  for (const uint32_t id : smmu.idr) ids.push_back(Hex(id));
  return {{"side", kSides[smmu.side]},
          {"instances", smmu.instance_count},
          {"windows", windows},
          {"window_size", Hex(smmu.window_size)},
          {"page_kib", (smmu.idr[1] >> 31) != 0 ? 64 : 4},
          {"banks", smmu.banks},
          {"entries", smmu.entries},
          {"el2_banks", smmu.el2_banks},
          {"el2_entries", smmu.el2_entries},
          {"host_vmid", smmu.host_vmid},
          {"idr", ids}};
}

Json BootStreamRows(const model::BoardSpec& board) {
  constexpr const char* kSides[] = {"niso1", "niso0", "iso"};
  Json rows = Json::array();
  for (size_t i = 0; i < board.boot_stream_count; ++i) {
    const model::BootStream& stream = board.boot_stream[i];
    rows.push_back({{"side", kSides[stream.side]}, {"sid", Hex(stream.sid)}});
  }
  return rows;
}

Json BoardRow(const model::BoardSpec& board) {
  uint64_t memory = 0;
  for (size_t r = 0; r < board.dram_count; ++r) memory += board.dram[r].size;
  Json units = Json::array();
  for (size_t s = 0; s < board.smmu_count; ++s) units.push_back(SmmuRow(board.smmu[s]));
  fuzz::Program program;
  fuzz::SetBoard(&program, board);
  return {{"id", fuzz::BoardSpelling(program)},
          {"number", board.id},
          {"memory_mib", memory >> 20},
          {"memory_step_mib", model::kDramUnit >> 20},
          {"dram", RangeRows(board.dram, board.dram_count)},
          {"pool", RangeRow(board.pool)},
          {"smmus", units},
          {"mc_windows", RangeRows(board.mc_window, board.mc_window_count)},
          {"host_mmio", RangeRows(board.host_mmio, board.host_mmio_count)},
          {"el2_only", RangeRows(board.el2_only, board.el2_only_count)},
          {"mc_override_reset", Hex(board.mc_override_reset)},
          {"mc_security_reset", Hex(board.mc_security_reset)},
          {"sync_timeout_us", board.sync_timeout_us},
          {"boot_streams", BootStreamRows(board)}};
}

// All boards, or the one that is spelled, with as much RAM as is asked for.
Json BoardRows(const std::string& spelling) {
  Json rows = Json::array();
  if (!spelling.empty()) {
    const model::BoardSpec* board = fuzz::BoardNamed(spelling.c_str());
    if (board == nullptr) {
      throw UsageError("there is no board " + spelling + ": " + fuzz::WhyNoBoard(spelling));
    }
    rows.push_back(BoardRow(*board));
    return rows;
  }
  size_t count = 0;
  const model::BoardSpec* boards = model::Boards(&count);
  for (size_t i = 0; i < count; ++i) rows.push_back(BoardRow(boards[i]));
  return rows;
}

Json InvariantRows() {
  Json rows = Json::array();
  size_t count = 0;
  const InvariantInfo* invariants = Invariants(&count);
  for (size_t i = 0; i < count; ++i) {
    rows.push_back({{"id", invariants[i].code},
                    {"name", invariants[i].name},
                    {"meaning", invariants[i].meaning},
                    {"checked", invariants[i].implemented},
                    {"state", StateOf(invariants[i])},
                    {"fuzzed", invariants[i].implemented && invariants[i].fuzzable}});
  }
  return rows;
}

Json BugRows() {
  Json rows = Json::array();
  for (const SeededBug& bug : SeededBugs(SourceRoot())) {
    rows.push_back({{"id", bug.id},
                    {"title", bug.title},
                    {"imitates", bug.imitates},
                    {"expect", bug.expect},
                    {"depth", bug.depth},
                    {"class", bug.kind},
                    {"programs", bug.programs},
                    {"attacks", bug.attacks},
                    {"quick", bug.quick}});
  }
  return rows;
}

Json CompositionRow() {
  const std::vector<SeededBug> bugs = SeededBugs(SourceRoot());
  const Composition composition = Compose(bugs);
  return {{"bugs", bugs.size()},
          {"of_five_events_or_more", composition.deep},
          {"invented", composition.invented},
          {"by_class", composition.by_class},
          {"by_invariant", composition.by_invariant}};
}

void PrintComposition(const Json& row) {
  fmt::print(
      "composition\n  {} bugs: {} of five events or more, {} no attack of the threat model\n",
      row["bugs"].get<size_t>(), row["of_five_events_or_more"].get<size_t>(),
      row["invented"].get<size_t>());
  for (const char* part : {"by_class", "by_invariant"}) {
    for (const auto& [name, count] : row[part].items()) {
      fmt::print("  {:<28}{:>4}\n", name, count.get<size_t>());
    }
  }
}

void PrintBoard(const Json& row) {
  fmt::print("  {:<14} {} MiB;", row["id"].get<std::string>(), row["memory_mib"].get<uint64_t>());
  for (const Json& smmu : row["smmus"]) {
    fmt::print(" {}x({} banks, {} entries)", smmu["instances"].get<int>(), smmu["banks"].get<int>(),
               smmu["entries"].get<int>());
  }
  fmt::print("\n");
}

void PrintRow(const std::string& what, const Json& row) {
  const std::string id = row["id"].get<std::string>();
  if (what == "targets") {
    fmt::print("  {:<14} {}: {}\n", id, row["binary"].get<std::string>(),
               row["about"].get<std::string>());
  } else if (what == "boards") {
    PrintBoard(row);
  } else if (what == "invariants") {
    fmt::print("  {:<14} {:<17} {}\n", id, row["name"].get<std::string>(),
               row["state"].get<std::string>());
  } else {
    fmt::print("  {:<14} {} ({})\n", id, row["title"].get<std::string>(),
               fmt::join(row["expect"].get<std::vector<std::string>>(), ", "));
  }
}

int RunList(const std::string& what, const std::string& board, bool json) {
  Json report = {{"schema", "sidewall.list/1"}};
  for (const std::string part : {"targets", "boards", "invariants", "bugs"}) {
    if (!what.empty() && what != part) continue;
    report[part] = part == "targets"      ? Targets()
                   : part == "boards"     ? BoardRows(board)
                   : part == "invariants" ? InvariantRows()
                                          : BugRows();
  }
  if (report.contains("bugs")) report["composition"] = CompositionRow();
  if (json) {
    fmt::print("{}\n", report.dump(2));
    return kExitOk;
  }
  for (const auto& [part, rows] : report.items()) {
    if (part == "schema") continue;
    if (part == "composition") {
      PrintComposition(rows);
      continue;
    }
    fmt::print("{}\n", part);
    for (const Json& row : rows) PrintRow(part, row);
    if (part == "boards" && board.empty()) {
      fmt::print(
          "  NAME:SIZE          the same with so much RAM, in steps of 2 MiB: tegra234:8G\n");
    }
  }
  return kExitOk;
}

}  // namespace

void RegisterList(CLI::App& app, int* exit_code) {
  struct Options {
    std::string what;
    std::string board;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("list", "what there is");
  verb->add_option("what", options->what, "one part only")
      ->check(CLI::IsMember({"targets", "boards", "invariants", "bugs"}));
  verb->add_option("--board", options->board, "this board only, RAM included: tegra234:8G");
  verb->add_flag("--json", options->json, "machine-readable");
  verb->callback([=] { *exit_code = RunList(options->what, options->board, options->json); });
}

}  // namespace sidewall::cli
