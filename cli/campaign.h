// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A fuzz target under an engine, in processes of its own: what it starts from, how it goes, and
// what it leaves behind.
//
//     Campaign campaign(options);           // throws when something is missing or wrong
//     campaign.Run();                       // a status line every ten seconds, on stderr
//     campaign.Artifacts();                 // inputs that ended the target
//     campaign.GetCoverage().dma_fault;     // over all jobs
#ifndef SIDEWALL_CLI_CAMPAIGN_H_
#define SIDEWALL_CLI_CAMPAIGN_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/campaign_folder.h"
#include "cli/child_process.h"
#include "cli/stop_signals.h"
#include "fuzz/engine_log.h"
#include "oracle/options.h"

namespace sidewall::cli {

// For libFuzzer, which else weighs its inputs by how rare what they reach is. Over tens of
// thousands of features that takes more and more of a campaign, and the mutator draws new programs
// anyway.
inline constexpr char kNoEntropy[] = "-entropic=0";

struct FuzzOptions {
  std::string target = "board";
  std::string duration;
  uint64_t runs = 0;
  std::string engine = "libfuzzer";
  unsigned jobs = 1;
  std::string board;
  uint64_t seed = 1;
  std::string corpus;
  std::string bug;
  std::string out = "fuzz-out";
  bool json = false;
  std::string triage;  // internal: one input, over the driver that is linked in
  std::vector<std::string> flags;
};

class Campaign {
 public:
  explicit Campaign(const FuzzOptions& options);

  // Runs all jobs to their end, or until Ctrl-C. Returns the code of the engine: the first that is
  // not zero; zero after Ctrl-C.
  int Run();

  const std::filesystem::path& binary() const { return binary_; }
  uint64_t seconds() const { return ran_; }
  size_t seeds() const { return seeds_; }
  const fuzz::EngineStatus& status() const { return status_; }
  Coverage GetCoverage() const;
  // Sorted by path: crashes, and what took too long or too much.
  std::vector<std::filesystem::path> Artifacts() const;
  // The end of the engine's log, and where the whole of it is.
  std::string Tail() const;
  std::filesystem::path log() const { return out_ / "engine.log"; }

 private:
  using Jobs = std::vector<std::unique_ptr<ChildProcess>>;

  std::filesystem::path FindBinary() const;
  std::vector<std::string> LoadSeeds() const;
  std::vector<std::string> Environment() const;
  std::vector<std::string> LibFuzzerCommand() const;
  std::vector<std::string> AflEnvironment() const;
  std::vector<std::string> AflCommand(unsigned job) const;
  Jobs Start();
  int Watch(Jobs jobs, const StopSignals& signals);
  void TakeLines(std::string* pending);
  void PrintStatus(uint64_t seconds);

  const FuzzOptions& options_;
  const std::filesystem::path out_;
  const CampaignFolder folder_;
  const std::filesystem::path corpus_;
  const std::filesystem::path coverage_file_;
  std::filesystem::path binary_;
  uint64_t limit_ = 0;  // seconds; 0: until the runs are done
  uint64_t ran_ = 0;
  size_t seeds_ = 0;
  bool interrupted_ = false;
  fuzz::EngineStatus status_;
};

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_CAMPAIGN_H_
