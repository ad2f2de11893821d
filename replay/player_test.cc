// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Replay of real boot traces (Linux in QEMU, not a board) through the driver, and the proof that
// it can fail: what is changed in a trace is found, and named by its line.
#include "replay/player.h"

#include <gtest/gtest.h>

#include <array>
#include <iterator>
#include <vector>

#include "model/board.h"

namespace sidewall::replay {
namespace {

constexpr const char* kNames[] = {"linux-6.12-tegra234", "linux-6.12-tegra234-dma",
                                  "linux-6.12-tegra234-pt", "linux-6.1-stock"};

Trace Load(const std::string& name) {
  Trace trace;
  TraceError error;
  EXPECT_TRUE(ReadTrace("corpus/traces/" + name + ".trace.zst", &trace, &error)) << error.Text();
  return trace;
}

std::string First(const PlayReport& report) {
  for (const Findings* sort : {&report.divergences, &report.violations, &report.unexplained,
                               &report.dma, &report.phase, &report.refused}) {
    if (!sort->empty()) return sort->first[0].text;
  }
  return "clean";
}

TEST(PlayerTest, AllRowsOfAllTracesAreReplayedAndExplained) {
  constexpr uint64_t kRows[] = {23050, 25244, 12263, 20919};
  constexpr uint64_t kDmaRows[] = {50, 978, 44, 0};
  std::array<uint64_t, kMaxDifferences> uses = {};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    const PlayReport report = Play(Load(kNames[i]), {});
    EXPECT_TRUE(report.clean()) << kNames[i] << ": " << First(report);
    EXPECT_EQ(report.rows, kRows[i]) << kNames[i];
    EXPECT_EQ(report.dma_as_recorded, kDmaRows[i]) << kNames[i];
    EXPECT_GT(report.phase_pages, 1000u) << kNames[i];
    EXPECT_EQ(report.head.machine, "Linux in QEMU, not a board");
    for (size_t k = 0; k < uses.size(); ++k) uses[k] += report.differences[k];
  }
  for (size_t k = 0; k < Differences().size(); ++k) {
    EXPECT_NE(uses[k], 0u) << "no read needs the row " << Differences()[k].name;
  }
}

// A trace of which the first record that `wanted` accepts is changed; its line in `*line`.
template <typename T, typename Wanted, typename Change>
PlayReport PlayChanged(const std::string& name, Wanted wanted, Change change, size_t* line) {
  Trace trace = Load(name);
  for (Record& record : trace.records) {
    T* body = std::get_if<T>(&record.body);
    if (body == nullptr || !wanted(*body)) continue;
    change(*body);
    *line = record.line;
    return Play(trace, {});
  }
  ADD_FAILURE() << "no such record";
  return {};
}

TEST(PlayerTest, AnotherClientsStreamIdIsUnexplained) {
  size_t line = 0;
  const PlayReport report = PlayChanged<AccessRecord>(
      kNames[0],
      [](const AccessRecord& a) {
        return !a.write && a.window == Window::kMcSid && a.value == 0x7f;
      },
      [](AccessRecord& a) { a.value = 0x49; }, &line);
  ASSERT_EQ(report.unexplained.count, 1u);
  EXPECT_EQ(report.unexplained.first[0].line, line);
}

TEST(PlayerTest, AnEditedReadIsUnexplained) {
  size_t line = 0;
  const PlayReport report = PlayChanged<AccessRecord>(
      kNames[0], [](const AccessRecord& a) { return !a.write && a.offset == 0x28; },
      [](AccessRecord& a) { a.value ^= 0x10; }, &line);
  ASSERT_EQ(report.unexplained.count, 1u);
  EXPECT_EQ(report.unexplained.first[0].line, line);
  EXPECT_NE(report.unexplained.first[0].text.find("IDR2"), std::string::npos);
}

TEST(PlayerTest, AnEditedWriteShowsInWhatFollows) {
  size_t line = 0;
  const PlayReport report = PlayChanged<AccessRecord>(
      kNames[1], [](const AccessRecord& a) { return a.write && a.offset == 0x800020; },
      [](AccessRecord& a) { a.value ^= 0x1000; }, &line);
  EXPECT_FALSE(report.dma.empty());
  EXPECT_GT(report.dma.first[0].line, line);
}

TEST(PlayerTest, AnEditedTransferIsNotAsRecorded) {
  size_t line = 0;
  const PlayReport moved = PlayChanged<DmaRecord>(
      kNames[1], [](const DmaRecord& d) { return d.outcome == DmaOutcome::kOk; },
      [](DmaRecord& d) { d.pa ^= 0x1000; }, &line);
  ASSERT_EQ(moved.dma.count, 1u);
  EXPECT_EQ(moved.dma.first[0].line, line);
  EXPECT_EQ(moved.dma_as_recorded, 977u);
  const PlayReport level = PlayChanged<DmaRecord>(
      kNames[1], [](const DmaRecord& d) { return d.outcome == DmaOutcome::kTranslation; },
      [](DmaRecord& d) { d.level ^= 1; }, &line);
  EXPECT_EQ(level.dma.count, 1u);
  const PlayReport kind = PlayChanged<DmaRecord>(
      kNames[1], [](const DmaRecord& d) { return d.outcome == DmaOutcome::kPermission; },
      [](DmaRecord& d) { d.outcome = DmaOutcome::kTranslation; }, &line);
  EXPECT_EQ(kind.dma.count, 1u);
}

TEST(PlayerTest, ALostFaultShows) {
  Trace trace = Load(kNames[0]);
  std::erase_if(trace.records, [](const Record& record) {
    return std::holds_alternative<FaultRecord>(record.body);
  });
  const PlayReport report = Play(trace, {});
  EXPECT_FALSE(report.unexplained.empty());
}

TEST(PlayerTest, ATableInReservedMemoryIsRefused) {
  Trace trace = Load(kNames[0]);
  const model::BoardSpec* board = model::FindBoard(trace.head.board.c_str());
  for (Record& record : trace.records) {
    if (auto* table = std::get_if<TableRecord>(&record.body); table && !table->entries.empty()) {
      table->pa = board->pool.start;
      break;
    }
  }
  EXPECT_FALSE(Play(trace, {}).refused.empty());
}

TEST(PlayerTest, WithoutABoardThereIsNoReplay) {
  Trace trace = Load(kNames[3]);
  trace.head.board = "nonesuch";
  EXPECT_ANY_THROW(Play(trace, {}));
}

}  // namespace
}  // namespace sidewall::replay
