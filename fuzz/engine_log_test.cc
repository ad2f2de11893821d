// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/engine_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "fuzz/coverage_file.h"

namespace sidewall::fuzz {
namespace {

TEST(EngineLog, LibFuzzerLines) {
  EngineStatus status;
  ASSERT_TRUE(ParseLibFuzzerLine(
      "#4096\tpulse  cov: 1503 ft: 3000 corp: 812/40Kb lim: 4096 exec/s: 2048 rss: 60Mb", &status));
  EXPECT_EQ(status.executions, 4096u);
  EXPECT_EQ(status.edges, 1503u);
  EXPECT_EQ(status.features, 3000u);
  EXPECT_EQ(status.corpus, 812u);
  ASSERT_TRUE(ParseLibFuzzerLine(
      "#77: cov: 15 ft: 30 corp: 8 exec/s: 0 oom/timeout/crash: 0/0/1 time: 2s job: 1", &status));
  EXPECT_EQ(status.executions, 77u);
  EXPECT_EQ(status.corpus, 8u);
  ASSERT_TRUE(ParseLibFuzzerLine("stat::number_of_executed_units: 90", &status));
  EXPECT_EQ(status.executions, 90u);
  EXPECT_EQ(status.corpus, 8u) << "the rest stays";
  EXPECT_FALSE(ParseLibFuzzerLine("INFO: Seed: 1", &status));
  EXPECT_FALSE(ParseLibFuzzerLine("#0 0x55d0 in main", &status));
  EXPECT_FALSE(ParseLibFuzzerLine("", &status));
  EXPECT_EQ(status.executions, 90u);
}

TEST(EngineLog, AflStats) {
  EngineStatus status;
  ASSERT_TRUE(
      ParseAflStats("run_time          : 10\nexecs_done        : 12345\ncorpus_count      : 17\n"
                    "edges_found       : 901\n",
                    &status));
  EXPECT_EQ(status.executions, 12345u);
  EXPECT_EQ(status.corpus, 17u);
  EXPECT_EQ(status.edges, 901u);
  EXPECT_FALSE(ParseAflStats("", &status));
}

TEST(EngineLog, JobsAddUp) {
  EngineStatus total;
  AddJob({.executions = 100, .edges = 7, .features = 7, .corpus = 40}, &total);
  AddJob({.executions = 11, .edges = 9, .features = 9, .corpus = 30}, &total);
  EXPECT_EQ(total.executions, 111u);
  EXPECT_EQ(total.edges, 9u);
  EXPECT_EQ(total.features, 9u);
  EXPECT_EQ(total.corpus, 40u);
}

TEST(EngineLog, Durations) {
  uint64_t seconds = 0;
  for (const auto& [text, want] : {std::pair<const char*, uint64_t>{"90", 90},
                                   {"90s", 90},
                                   {"5m", 300},
                                   {"2h", 7200},
                                   {"8760h", 31536000}}) {
    EXPECT_TRUE(ParseDuration(text, &seconds)) << text;
    EXPECT_EQ(seconds, want);
  }
  for (const char* text : {"", "s", "0", "0s", "-5", "5d", "5 m", "1.5h", "m5", "8761h", "1e3",
                           "99999999999999999999s"}) {
    EXPECT_FALSE(ParseDuration(text, &seconds)) << text;
  }
}

TEST(EngineLog, TextForPeople) {
  Coverage coverage;
  coverage.programs = 10;
  coverage.events = 200;
  coverage.events_with_store = 61;
  coverage.dma_ok = 20;
  coverage.evaluated[static_cast<size_t>(Invariant::kIso01)] = 1234;
  EngineStatus status;
  status.executions = 1900000;
  const std::string line = StatusLine(100, status, coverage, 2, 7);
  EXPECT_NE(line.find("t=100s exec=1.9M 19.0k/s"), std::string::npos) << line;
  EXPECT_NE(line.find("store=30.5%"), std::string::npos) << line;
  EXPECT_NE(line.find("bugs=2 seed=7"), std::string::npos) << line;
  const std::string text = ExercisedText(coverage, ~InvariantSet{0});
  EXPECT_NE(text.find("dma_ok=10.0%"), std::string::npos) << text;
  EXPECT_NE(text.find("ISO01=1234"), std::string::npos) << text;
  EXPECT_EQ(text.find("DIF01"), std::string::npos) << text;
  EXPECT_EQ(ExercisedText(coverage, 0).find("ISO01"), std::string::npos);
  EXPECT_EQ(Percent(1, 0), "0.0%");
}

std::string TemporaryFile() {
  char name[] = "/tmp/sidewall-coverage-XXXXXX";
  const int file = mkstemp(name);
  EXPECT_GE(file, 0);
  close(file);
  return name;
}

TEST(CoverageFile, ProcessesAddUp) {
  const std::string path = TemporaryFile();
  for (int process = 0; process < 3; ++process) {
    CoverageFile file(path.c_str());
    ASSERT_TRUE(file.ok());
    Coverage coverage;
    coverage.events = 5;
    coverage.evaluated[63] = 1;
    file.Add(&coverage);
    EXPECT_EQ(coverage.events, 0u);
  }
  Coverage total;
  ASSERT_TRUE(CoverageFile::Read(path.c_str(), &total));
  EXPECT_EQ(total.events, 15u);
  EXPECT_EQ(total.evaluated[63], 3u);
  EXPECT_EQ(total.programs, 0u);
  unlink(path.c_str());
}

TEST(CoverageFile, BadPaths) {
  CoverageFile none(nullptr);
  EXPECT_TRUE(none.ok());
  CoverageFile bad("/nonexistent-folder/file");
  EXPECT_FALSE(bad.ok());
  Coverage coverage;
  coverage.events = 1;
  bad.Add(&coverage);
  EXPECT_FALSE(CoverageFile::Read("/nonexistent-folder/file", &coverage));
  const std::string path = TemporaryFile();
  EXPECT_FALSE(CoverageFile::Read(path.c_str(), &coverage)) << "an empty file holds no counts";
  unlink(path.c_str());
}

}  // namespace
}  // namespace sidewall::fuzz
