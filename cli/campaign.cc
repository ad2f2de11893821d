// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/campaign.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "cli/environment.h"
#include "cli/findings.h"
#include "cli/seeded_bugs.h"
#include "cli/targets.h"
#include "fuzz/boards.h"
#include "fuzz/coverage_file.h"
#include "fuzz/program.h"
#include "fuzz/program_file.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kStatusPeriod = 10;
constexpr size_t kMaxLength = 20480;
constexpr uint64_t kDefaultSeconds = 60;
constexpr uint64_t kGrace = 30;      // seconds after its time before an engine is ended
constexpr uint64_t kStopGrace = 10;  // seconds that it has to end by itself
constexpr size_t kTail = 2000;

// The bytes that an engine starts from: those of a text program, or the file as it is. False for
// what is no input.
bool SeedOf(const fs::path& path, const std::string& target, std::string* bytes) {
  if (path.extension() == ".md") return false;
  *bytes = ReadTextFile(path);
  if (path.extension() != ".sw" || target == "program") return true;
  fuzz::Program program;
  std::string problem;
  if (!fuzz::ParseProgram(*bytes, path, &program, &problem)) throw UsageError(problem);
  if (program.events.size() > fuzz::kMaxEvents) return false;
  const std::vector<uint8_t> encoded = fuzz::Encode(program);
  bytes->assign(encoded.begin(), encoded.end());
  return true;
}

// What can be said of the options alone, before any folder is touched.
const fs::path& CheckedOut(const FuzzOptions& options, const fs::path& out) {
  uint64_t ignored = 0;
  if (!options.duration.empty() && !fuzz::ParseDuration(options.duration, &ignored)) {
    throw UsageError("--for is a time such as 90, 90s or 5m, not " + options.duration);
  }
  if (!RunsBoards(options.target) && options.target != "program" && options.target != "canary") {
    throw UsageError("there is no target " + options.target +
                     ": board, secrecy, program or canary");
  }
  if (!options.board.empty() && fuzz::BoardNamed(options.board.c_str()) == nullptr) {
    throw UsageError("there is no board " + options.board + ": " + fuzz::WhyNoBoard(options.board));
  }
  if (!options.bug.empty() && !RunsBoards(options.target)) {
    throw UsageError("--bug is for the targets board and secrecy");
  }
  if (!options.bug.empty()) FindSeededBug(SourceRoot(), options.bug);
  return out;
}

// A share of the runs of all jobs, rounded up.
uint64_t Share(uint64_t runs, unsigned jobs) { return (runs + jobs - 1) / jobs; }

// "main", "secondary1": the names under which AFL++ keeps its jobs apart.
std::string AflJob(unsigned job) { return job == 0 ? "main" : fmt::format("secondary{}", job); }

// Reads what has come from one job. False at the end of its output.
bool Drain(const ChildProcess& child, std::FILE* log, std::string* text) {
  char buffer[16384];
  const ssize_t size = read(child.fd(), buffer, sizeof(buffer));
  if (size < 0 && errno == EINTR) return true;
  if (size <= 0) return false;
  std::fwrite(buffer, 1, static_cast<size_t>(size), log);
  text->append(buffer, static_cast<size_t>(size));
  return true;
}

}  // namespace

Campaign::Campaign(const FuzzOptions& options)
    : options_(options),
      out_(options.out),
      folder_(CheckedOut(options, out_)),
      corpus_(out_ / "corpus"),
      coverage_file_(out_ / "coverage.bin") {
  limit_ = options.runs != 0 ? 0 : kDefaultSeconds;
  if (!options.duration.empty()) fuzz::ParseDuration(options.duration, &limit_);
  binary_ = FindBinary();
  // Seeds may lie in what is cleared next.
  const std::vector<std::string> seeds = LoadSeeds();
  fs::remove(coverage_file_);
  folder_.Clear({"corpus", "afl", "artifacts"});
  fs::create_directories(out_ / "findings");
  for (const std::string& seed : seeds) {
    WriteOrThrow(corpus_ / fmt::format("seed-{:05}", seeds_++), seed);
  }
}

fs::path Campaign::FindBinary() const {
  fs::path folder = BuildFolder();
  if (options_.engine == "afl") folder = folder.parent_path() / "afl";
  const fs::path binary = folder / "fuzz" / FuzzerOf(options_.target, options_.bug);
  if (fs::exists(binary)) return binary;
  throw EnvironmentError(binary.string() +
                         " was not built: start through ./sidewall fuzz, or build that target");
}

std::vector<std::string> Campaign::LoadSeeds() const {
  std::vector<std::string> seeds;
  if (options_.corpus == "none") return seeds;
  fs::path source = options_.corpus;
  if (source.empty()) {
    source =
        SourceRoot() / "corpus" / (RunsBoards(options_.target) ? kBoardTarget : options_.target);
  }
  if (!fs::is_directory(source)) {
    if (options_.corpus.empty()) return seeds;
    throw UsageError(source.string() + " is not a folder; --corpus=none starts with nothing");
  }
  // In the order of their names: a campaign must not hang on how a file system lists them.
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::string bytes;
    if (SeedOf(file, options_.target, &bytes)) seeds.push_back(std::move(bytes));
  }
  return seeds;
}

std::vector<std::string> Campaign::Environment() const {
  std::vector<std::string> environment = {"SIDEWALL_COVERAGE_FILE=" +
                                          fs::absolute(coverage_file_).string()};
  if (!options_.board.empty()) environment.push_back("SIDEWALL_BOARD=" + options_.board);
  return environment;
}

std::vector<std::string> Campaign::LibFuzzerCommand() const {
  std::vector<std::string> command = {binary_.string(),
                                      "-seed=" + std::to_string(options_.seed),
                                      "-max_len=" + std::to_string(kMaxLength),
                                      kNoEntropy,
                                      "-artifact_prefix=" + (out_ / "artifacts/").string(),
                                      "-print_final_stats=1"};
  if (limit_ != 0) command.push_back("-max_total_time=" + std::to_string(limit_));
  if (options_.runs != 0) command.push_back("-runs=" + std::to_string(options_.runs));
  if (options_.jobs > 1) command.push_back("-fork=" + std::to_string(options_.jobs));
  command.insert(command.end(), options_.flags.begin(), options_.flags.end());
  command.push_back(corpus_.string());
  return command;
}

std::vector<std::string> Campaign::AflEnvironment() const {
  std::vector<std::string> environment = Environment();
  for (const char* setting : {"AFL_NO_UI=1", "AFL_SKIP_CPUFREQ=1", "AFL_NO_AFFINITY=1",
                              "AFL_NO_COLOR=1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1"}) {
    environment.push_back(setting);
  }
  if (!options_.bug.empty()) environment.push_back("AFL_BENCH_UNTIL_CRASH=1");
  if (options_.target != "program") {
    const fs::path mutator = binary_.parent_path() / "libsidewall_afl_mutator.so";
    environment.push_back("AFL_CUSTOM_MUTATOR_ONLY=1");
    environment.push_back("AFL_CUSTOM_MUTATOR_LIBRARY=" + mutator.string());
  }
  return environment;
}

std::vector<std::string> Campaign::AflCommand(unsigned job) const {
  std::vector<std::string> command = {
      "afl-fuzz", "-i", corpus_.string(), "-o", (out_ / "afl").string(),
      (job == 0 ? "-M" : "-S") + AflJob(job), "-s", std::to_string(options_.seed + job),
      // The limit that afl-fuzz finds by itself makes hangs of a
      // busy machine.
      "-t", "10000"};
  if (limit_ != 0) {
    command.push_back("-V");
    command.push_back(std::to_string(limit_));
  }
  if (options_.runs != 0) {
    command.push_back("-E");
    command.push_back(std::to_string(Share(options_.runs, options_.jobs)));
  }
  command.insert(command.end(), options_.flags.begin(), options_.flags.end());
  command.push_back("--");
  command.push_back(binary_.string());
  return command;
}

Campaign::Jobs Campaign::Start() {
  Jobs jobs;
  if (options_.engine == "libfuzzer") {
    jobs.push_back(std::make_unique<ChildProcess>(LibFuzzerCommand(), Environment()));
    return jobs;
  }
  if (fs::is_empty(corpus_)) WriteOrThrow(corpus_ / "seed-none", "\n");
  const std::vector<std::string> environment = AflEnvironment();
  for (unsigned job = 0; job < options_.jobs; ++job) {
    jobs.push_back(std::make_unique<ChildProcess>(AflCommand(job), environment));
  }
  return jobs;
}

int Campaign::Run() {
  fmt::print(stderr, "sidewall fuzz: {} on {} seeds, {}\n", binary_.filename().string(), seeds_,
             limit_ != 0 ? fmt::format("{}s", limit_) : fmt::format("{} runs", options_.runs));
  const StopSignals signals;
  return Watch(Start(), signals);
}

// Reads what every job says until all have ended. When one has found the bug that is hunted, or has
// failed, or a person has had enough, there is nothing more to wait for.
int Campaign::Watch(Jobs jobs, const StopSignals& signals) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(log().c_str(), "w"),
                                                             std::fclose);
  if (file == nullptr) throw UsageError(log().string() + ": cannot be written");
  const Clock::time_point started = Clock::now();
  uint64_t next = kStatusPeriod;
  uint64_t stopped = 0;  // when a person asked for the end
  int code = 0;
  std::vector<std::string> pending(jobs.size());
  std::vector<pollfd> waiting;
  for (const auto& job : jobs) waiting.push_back({job->fd(), POLLIN, 0});
  for (size_t left = jobs.size(); left != 0;) {
    const bool ready = poll(waiting.data(), waiting.size(), 500) > 0;
    const size_t before = left;
    for (size_t i = 0; ready && i < jobs.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      if (Drain(*jobs[i], file.get(), &pending[i])) {
        TakeLines(&pending[i]);
        continue;
      }
      waiting[i].fd = -1;  // poll() passes over it
      --left;
      const int one = jobs[i]->Wait();
      if (code == 0) code = one;
    }
    ran_ = static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started).count());
    if (ran_ >= next) {
      PrintStatus(ran_);
      next = ran_ + kStatusPeriod;
    }
    if (signals.count() != 0 && !interrupted_) {
      fmt::print(stderr, "sidewall fuzz: stopping; once more to end it at once\n");
      interrupted_ = true;
      stopped = ran_;
    }
    const bool over = left < before && (!options_.bug.empty() || code != 0);
    const bool late = limit_ != 0 && ran_ > limit_ + kGrace;
    if (!over && !late && !interrupted_) continue;
    const bool stuck = (limit_ != 0 && ran_ > limit_ + 2 * kGrace) ||
                       (interrupted_ && ran_ > stopped + kStopGrace) || signals.count() > 1;
    const int signal = stuck ? SIGKILL : SIGINT;
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (waiting[i].fd >= 0) jobs[i]->Stop(signal);
    }
  }
  PrintStatus(ran_);
  // How an engine ends that was told to is no failure of its own.
  return interrupted_ ? 0 : code;
}

void Campaign::TakeLines(std::string* pending) {
  size_t start = 0;
  for (size_t end = 0; (end = pending->find('\n', start)) != std::string::npos; start = end + 1) {
    fuzz::ParseLibFuzzerLine(std::string_view(*pending).substr(start, end - start), &status_);
  }
  pending->erase(0, start);
}

void Campaign::PrintStatus(uint64_t seconds) {
  if (options_.engine == "afl") {
    fuzz::EngineStatus total;
    for (unsigned job = 0; job < options_.jobs; ++job) {
      std::string stats;
      std::string ignored;
      fuzz::EngineStatus one;
      if (!fuzz::ReadFile(out_ / "afl" / AflJob(job) / "fuzzer_stats", &stats, &ignored)) continue;
      if (fuzz::ParseAflStats(stats, &one)) fuzz::AddJob(one, &total);
    }
    status_ = total;
  }
  const Coverage coverage = GetCoverage();
  // The engine's own numbers come seldom; every program that ran has been counted.
  status_.executions = std::max(status_.executions, coverage.programs);
  fmt::print(stderr, "{}\n",
             fuzz::StatusLine(seconds, status_, coverage, Artifacts().size(), options_.seed));
}

Coverage Campaign::GetCoverage() const {
  Coverage coverage;
  fuzz::CoverageFile::Read(coverage_file_.c_str(), &coverage);
  return coverage;
}

std::vector<fs::path> Campaign::Artifacts() const {
  std::vector<fs::path> files;
  std::error_code error;
  const auto add = [&](const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.is_regular_file() && entry.path().filename() != "README.txt") {
        files.push_back(entry.path());
      }
    }
  };
  add(out_ / "artifacts");
  for (const auto& instance : fs::directory_iterator(out_ / "afl", error)) {
    add(instance.path() / "crashes");
    add(instance.path() / "hangs");
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string Campaign::Tail() const {
  std::string text;
  std::string ignored;
  fuzz::ReadFile(log(), &text, &ignored);
  return text.size() > kTail ? text.substr(text.size() - kTail) : text;
}

}  // namespace sidewall::cli
