// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall fuzz: runs a built fuzz target, says how it goes, and turns what was found into
// programs that people can read.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/child_process.h"
#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"
#include "cli/verbs.h"
#include "fuzz/coverage_file.h"
#include "fuzz/engine_log.h"
#include "fuzz/minimize.h"
#include "fuzz/program.h"
#include "fuzz/program_file.h"
#include "fuzz/reproduce.h"
#include "fuzz/spelling.h"
#include "model/board.h"
#include "oracle/invariant.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kStatusPeriod = 10;
constexpr size_t kMaxLength = 20480;
constexpr uint64_t kDefaultSeconds = 60;
constexpr uint64_t kGrace = 30;  // seconds after its time before an engine is ended

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
  std::string triage;  // internal: one input, over the driver that is linked in
  std::vector<std::string> flags;
};

struct Finding {
  std::string artifact;
  std::string bucket;
  std::string title;
  std::string program;  // path of min.sw, or of the input where there is no program
};

void WriteOrThrow(const fs::path& path, std::string_view text) {
  std::string problem;
  if (!fuzz::WriteFile(path, text, &problem)) throw UsageError(problem);
}

// Everything that a campaign writes is under one folder, which must be writable beforehand.
void PrepareOut(const fs::path& out) {
  std::error_code error;
  fs::create_directories(out / "findings", error);
  if (!error) fs::create_directories(out / "artifacts", error);
  if (error || access((out / "findings").c_str(), W_OK) != 0) {
    throw UsageError("cannot write to " + out.string() + ": " +
                     (error ? error.message() : std::strerror(errno)) +
                     "; name another folder with --out=DIR");
  }
}

// ---- Triage: one input that ended a target, run again over the driver that is linked in.

nlohmann::ordered_json ReportOf(const Verdict& verdict, const std::string& driver,
                                const fuzz::Program& program, const std::string& artifact) {
  return {{"schema", "sidewall-finding/1"},
          {"bucket", verdict.Bucket()},
          {"invariant", FindInvariant(verdict.id)->code},
          {"object", verdict.object},
          {"title", verdict.title},
          {"path", verdict.text},
          {"frames", verdict.frames},
          {"event", verdict.event_index},
          {"events", program.events.size()},
          {"board", model::FindBoard(program.board)->name},
          {"driver", driver},
          {"input", artifact},
          {"program", fuzz::FormatText(program)}};
}

std::string Narrated(const fuzz::Program& program) {
  char* buffer = nullptr;
  size_t size = 0;
  std::FILE* stream = open_memstream(&buffer, &size);
  if (stream == nullptr) return "";
  fuzz::Reproducer(AllInvariants(), stream).Run(program);
  std::fclose(stream);
  const std::string text(buffer, size);
  free(buffer);
  return text;
}

// Prints "bucket<TAB>title<TAB>program" for the campaign that called. Nothing when the input does
// not break anything here.
int Triage(const FuzzOptions& options) {
  fuzz::Program program;
  std::string problem;
  if (!fuzz::LoadProgram(options.triage, &program, &problem)) throw UsageError(problem);
  fuzz::Reproducer reproducer(AllInvariants());
  const Invariant id = reproducer.Run(program).verdict.id;
  if (id == Invariant::kNone) return kExitOk;
  program = fuzz::Minimize(
      program, [&](const fuzz::Program& candidate) { return reproducer.Breaks(candidate, id); });
  const Verdict verdict = reproducer.Run(program).verdict;
  const std::string driver = fuzz::DriverOfTool(fs::read_symlink("/proc/self/exe"));
  // A finding in the driver that ships must pass once it is mended; one in a driver with a seeded
  // bug must go on breaking.
  fuzz::ParseDriverWord(driver, &program.driver);
  program.expect = driver == "shipped" ? 0 : static_cast<uint8_t>(id);
  const fs::path folder = fs::path(options.out) / "findings" / verdict.Bucket();
  fs::create_directories(folder);
  const std::string text = fuzz::FormatText(program);
  // Of several inputs in a bucket the shortest program is kept.
  fuzz::Program known;
  const bool have = fuzz::LoadProgram(folder / "min.sw", &known, &problem);
  if (!have || known.events.size() > program.events.size()) {
    std::string report = verdict.title + "\n";
    for (const std::string& line : verdict.text) report += "  " + line + "\n";
    report += "\n" + text + "\n" + Narrated(program);
    WriteOrThrow(folder / "min.sw", text);
    WriteOrThrow(folder / "report.txt", report);
    WriteOrThrow(folder / "report.json",
                 ReportOf(verdict, driver, program, options.triage).dump(2) + "\n");
  }
  fmt::print("{}\t{}\t{}\n", verdict.Bucket(), verdict.title, (folder / "min.sw").string());
  return kExitFinding;
}

// ---- The engine, as a child process.

class Campaign {
 public:
  explicit Campaign(const FuzzOptions& options) : options_(options), out_(options.out) {
    seconds_ = options.runs != 0 ? 0 : kDefaultSeconds;
    if (!options.duration.empty() && !fuzz::ParseDuration(options.duration, &seconds_)) {
      throw UsageError("--for is a time such as 90, 90s or 5m, not " + options.duration);
    }
    if (!options.board.empty() && model::FindBoard(options.board.c_str()) == nullptr) {
      throw UsageError("there is no board " + options.board + "; `sidewall list boards`");
    }
    if (!options.bug.empty() && options.target != "board") {
      throw UsageError("--bug is for the target board");
    }
    PrepareOut(out_);
    binary_ = Binary();
    coverage_file_ = out_ / "coverage.bin";
    fs::remove(coverage_file_);
    for (const fs::path& stale : Artifacts()) fs::remove(stale);
  }

  int Go() {
    const size_t seeds = PrepareCorpus();
    fmt::print(
        stderr, "sidewall fuzz: {} on {} seeds, {}\n", binary_.filename().string(), seeds,
        seconds_ != 0 ? fmt::format("{}s", seconds_) : fmt::format("{} runs", options_.runs));
    const int engine_code = options_.engine == "afl" ? RunAfl() : RunLibFuzzer();
    CollectFindings();
    PrintExercised();
    if (findings_.empty() && engine_code != 0) {
      fmt::print(stderr, "{}\n", Tail());
      throw EnvironmentError(fmt::format("the engine ended with code {}; its log is {}",
                                         engine_code, (out_ / "engine.log").string()));
    }
    return PrintFindings();
  }

 private:
  fs::path Binary() const {
    fs::path folder = BuildFolder();
    if (options_.engine == "afl") folder = folder.parent_path() / "afl";
    std::string name = options_.target + "_fuzzer";
    if (!options_.bug.empty()) name += "-" + options_.bug;
    const fs::path binary = folder / "fuzz" / name;
    if (fs::exists(binary)) return binary;
    if (!options_.bug.empty() || options_.target == "board" || options_.target == "program" ||
        options_.target == "canary") {
      throw EnvironmentError(binary.string() +
                             " was not built: start through ./sidewall fuzz, or "
                             "build that target");
    }
    throw UsageError("there is no target " + options_.target + ": board, program or canary");
  }

  // Text programs become binary inputs; anything else is an input as it is.
  size_t PrepareCorpus() {
    corpus_ = out_ / "corpus";
    fs::remove_all(corpus_);
    fs::create_directories(corpus_);
    if (options_.corpus == "none") return 0;
    fs::path source = options_.corpus;
    if (source.empty()) source = SourceRoot() / "corpus" / options_.target;
    if (!fs::is_directory(source)) {
      if (options_.corpus.empty()) return 0;
      throw UsageError(source.string() + " is not a folder; --corpus=none starts with nothing");
    }
    size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
      if (!entry.is_regular_file()) continue;
      std::string bytes = ReadTextFile(entry.path());
      if (entry.path().extension() == ".sw" && options_.target != "program") {
        fuzz::Program program;
        std::string problem;
        if (!fuzz::ParseProgram(bytes, entry.path(), &program, &problem)) {
          throw UsageError(problem);
        }
        if (program.events.size() > fuzz::kMaxEvents) continue;
        const std::vector<uint8_t> encoded = fuzz::Encode(program);
        bytes.assign(encoded.begin(), encoded.end());
      } else if (entry.path().extension() == ".md") {
        continue;
      }
      WriteOrThrow(corpus_ / fmt::format("seed-{:05}", count++), bytes);
    }
    return count;
  }

  std::vector<std::string> Environment() const {
    std::vector<std::string> environment = {"SIDEWALL_COVERAGE_FILE=" +
                                            fs::absolute(coverage_file_).string()};
    if (!options_.board.empty()) environment.push_back("SIDEWALL_BOARD=" + options_.board);
    return environment;
  }

  int RunLibFuzzer() {
    std::vector<std::string> command = {binary_.string(), "-seed=" + std::to_string(options_.seed),
                                        "-max_len=" + std::to_string(kMaxLength),
                                        "-artifact_prefix=" + (out_ / "artifacts/").string(),
                                        "-print_final_stats=1"};
    if (seconds_ != 0) command.push_back("-max_total_time=" + std::to_string(seconds_));
    if (options_.runs != 0) command.push_back("-runs=" + std::to_string(options_.runs));
    if (options_.jobs > 1) command.push_back("-fork=" + std::to_string(options_.jobs));
    command.insert(command.end(), options_.flags.begin(), options_.flags.end());
    command.push_back(corpus_.string());
    ChildProcess child(command, Environment());
    return Watch(&child);
  }

  int RunAfl() {
    if (fs::is_empty(corpus_)) WriteOrThrow(corpus_ / "seed-none", "\n");
    const fs::path sync = out_ / "afl";
    fs::remove_all(sync);
    std::vector<std::string> environment = Environment();
    for (const char* setting :
         {"AFL_NO_UI=1", "AFL_SKIP_CPUFREQ=1", "AFL_NO_AFFINITY=1", "AFL_NO_COLOR=1",
          "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1", "AFL_CUSTOM_MUTATOR_ONLY=1"}) {
      environment.push_back(setting);
    }
    if (!options_.bug.empty()) environment.push_back("AFL_BENCH_UNTIL_CRASH=1");
    const fs::path mutator = binary_.parent_path() / "libsidewall_afl_mutator.so";
    if (options_.target != "program") {
      environment.push_back("AFL_CUSTOM_MUTATOR_LIBRARY=" + mutator.string());
    } else {
      std::erase(environment, "AFL_CUSTOM_MUTATOR_ONLY=1");
    }
    std::vector<std::unique_ptr<ChildProcess>> secondaries;
    for (unsigned i = 1; i < options_.jobs; ++i) {
      secondaries.push_back(std::make_unique<ChildProcess>(
          AflCommand(sync, fmt::format("-Ssecondary{}", i), options_.seed + i), environment));
    }
    ChildProcess main(AflCommand(sync, "-Mmain", options_.seed), environment);
    const int code = Watch(&main);
    return code;
  }

  std::vector<std::string> AflCommand(const fs::path& sync, const std::string& role,
                                      uint64_t seed) const {
    std::vector<std::string> command = {"afl-fuzz", "-i", corpus_.string(), "-o", sync.string(),
                                        role, "-s", std::to_string(seed),
                                        // The limit that afl-fuzz finds by itself makes hangs of
                                        // a busy machine.
                                        "-t", "10000"};
    if (seconds_ != 0) {
      command.push_back("-V");
      command.push_back(std::to_string(seconds_));
    }
    if (options_.runs != 0) {
      command.push_back("-E");
      command.push_back(std::to_string(options_.runs));
    }
    command.insert(command.end(), options_.flags.begin(), options_.flags.end());
    command.push_back("--");
    command.push_back(binary_.string());
    return command;
  }

  // Reads what the engine says until it ends; a status line every ten seconds.
  int Watch(ChildProcess* child) {
    std::FILE* log = std::fopen((out_ / "engine.log").c_str(), "w");
    if (log == nullptr) throw UsageError((out_ / "engine.log").string() + ": cannot be written");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> closer(log, std::fclose);
    started_ = Clock::now();
    uint64_t next = kStatusPeriod;
    std::string pending;
    for (;;) {
      pollfd waiting = {.fd = child->fd(), .events = POLLIN, .revents = 0};
      const int ready = poll(&waiting, 1, 500);
      if (ready > 0) {
        char buffer[16384];
        const ssize_t size = read(child->fd(), buffer, sizeof(buffer));
        if (size <= 0) break;
        std::fwrite(buffer, 1, static_cast<size_t>(size), log);
        pending.append(buffer, static_cast<size_t>(size));
        TakeLines(&pending);
      }
      const uint64_t seconds = Seconds();
      if (seconds >= next) {
        PrintStatus(seconds);
        next = seconds + kStatusPeriod;
      }
      if (seconds_ != 0 && seconds > seconds_ + kGrace) child->Stop(SIGINT);
    }
    const int code = child->Wait();
    PrintStatus(Seconds());
    return code;
  }

  uint64_t Seconds() const {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_).count());
  }

  void TakeLines(std::string* pending) {
    size_t start = 0;
    for (size_t end = 0; (end = pending->find('\n', start)) != std::string::npos; start = end + 1) {
      fuzz::ParseLibFuzzerLine(std::string_view(*pending).substr(start, end - start), &status_);
    }
    pending->erase(0, start);
  }

  void PrintStatus(uint64_t seconds) {
    if (options_.engine == "afl") {
      std::string stats;
      std::string ignored;
      if (fuzz::ReadFile(out_ / "afl" / "main" / "fuzzer_stats", &stats, &ignored)) {
        fuzz::ParseAflStats(stats, &status_);
      }
    }
    Coverage coverage;
    fuzz::CoverageFile::Read(coverage_file_.c_str(), &coverage);
    // The engine's own numbers come seldom; every program that ran has been counted.
    status_.executions = std::max(status_.executions, coverage.programs);
    fmt::print(stderr, "{}\n",
               fuzz::StatusLine(seconds, status_, coverage, Artifacts().size(), options_.seed));
  }

  std::vector<fs::path> Artifacts() const {
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

  void CollectFindings() {
    for (const fs::path& artifact : Artifacts()) {
      Finding finding;
      finding.artifact = artifact.string();
      finding.program = artifact.string();
      if (options_.target != "board" || !TriageArtifact(&finding)) AsUntyped(&finding);
      const bool known = std::any_of(findings_.begin(), findings_.end(),
                                     [&](const Finding& f) { return f.bucket == finding.bucket; });
      if (!known) findings_.push_back(finding);
    }
  }

  // A process of its own, since an input that ended the target with a sanitizer ends it, too.
  bool TriageArtifact(Finding* finding) const {
    const ProcessResult run =
        RunProcess({DriverVariant(options_.bug).string(), "fuzz", "--triage=" + finding->artifact,
                    "--out=" + out_.string()});
    if (run.exit_code != kExitFinding) return false;
    const size_t first = run.output.find('\t');
    const size_t second = run.output.find('\t', first + 1);
    if (second == std::string::npos) return false;
    finding->bucket = run.output.substr(0, first);
    finding->title = run.output.substr(first + 1, second - first - 1);
    finding->program = run.output.substr(second + 1);
    while (finding->program.ends_with("\n")) finding->program.pop_back();
    return true;
  }

  // What breaks no invariant again: a sanitizer's report, a hang, or another target.
  void AsUntyped(Finding* finding) const {
    const ProcessResult run = RunProcess({binary_.string(), finding->artifact});
    std::string summary = "no report";
    const size_t at = run.output.find("SUMMARY: ");
    if (at != std::string::npos) summary = run.output.substr(at, run.output.find('\n', at) - at);
    const std::string name = fs::path(finding->artifact).filename().string();
    const bool slow = name.starts_with("timeout-") || name.starts_with("oom-") ||
                      finding->artifact.find("/hangs/") != std::string::npos;
    Verdict verdict;
    verdict.id = slow ? Invariant::kErr03 : Invariant::kMem01;
    verdict.object = "call";
    // Addresses in a summary change from run to run; the place in the source does not.
    verdict.frames = {summary.substr(0, summary.find(" (0x"))};
    finding->bucket = verdict.Bucket();
    finding->title = (run.exit_code == 0 ? "does not happen again: " : "") + summary;
    const fs::path folder = out_ / "findings" / finding->bucket;
    fs::create_directories(folder);
    std::string bytes;
    std::string problem;
    fuzz::Program program;
    if (fuzz::LoadProgram(finding->artifact, &program, &problem)) {
      finding->program = (folder / "min.sw").string();
      WriteOrThrow(finding->program, fuzz::FormatText(program));
    }
    WriteOrThrow(folder / "report.txt", finding->title + "\n\n" + run.output);
    const nlohmann::ordered_json report = {{"schema", "sidewall-finding/1"},
                                           {"bucket", finding->bucket},
                                           {"invariant", FindInvariant(verdict.id)->code},
                                           {"object", verdict.object},
                                           {"title", finding->title},
                                           {"input", finding->artifact}};
    WriteOrThrow(folder / "report.json", report.dump(2) + "\n");
  }

  void PrintExercised() const {
    Coverage coverage;
    if (options_.target != "board") return;
    if (!fuzz::CoverageFile::Read(coverage_file_.c_str(), &coverage)) return;
    fmt::print("{}", fuzz::ExercisedText(coverage, AllInvariants()));
  }

  std::string Tail() const {
    std::string text;
    std::string ignored;
    fuzz::ReadFile(out_ / "engine.log", &text, &ignored);
    return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
  }

  int PrintFindings() const {
    if (findings_.empty()) {
      fmt::print("no findings\n");
      return kExitOk;
    }
    for (const Finding& finding : findings_) {
      fmt::print("{}: {}\n  {}\n", finding.bucket, finding.title, finding.program);
    }
    const Finding& first = findings_.front();
    if (options_.target != "board" || !first.program.ends_with(".sw")) {
      fmt::print("{} {}\n", binary_.string(), first.artifact);
    } else if (options_.bug.empty()) {
      fmt::print("./sidewall repro {}\n", first.program);
    } else {
      fmt::print("./sidewall repro --driver=bug/{} {}\n", options_.bug, first.program);
    }
    return kExitFinding;
  }

  const FuzzOptions& options_;
  const fs::path out_;
  uint64_t seconds_ = 0;
  fs::path binary_;
  fs::path corpus_;
  fs::path coverage_file_;
  Clock::time_point started_;
  fuzz::EngineStatus status_;
  std::vector<Finding> findings_;
};

int Guarded(const FuzzOptions& options) {
  const auto complain = [](const std::exception& error, int code) {
    std::fflush(stdout);
    fmt::print(stderr, "sidewall fuzz: {}\n", error.what());
    return code;
  };
  try {
    return options.triage.empty() ? Campaign(options).Go() : Triage(options);
  } catch (const EnvironmentError& error) {
    return complain(error, kExitEnvironment);
  } catch (const UsageError& error) {
    return complain(error, kExitUsage);
  } catch (const fs::filesystem_error& error) {
    return complain(error, kExitUsage);
  }
}

}  // namespace

void RegisterFuzz(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<FuzzOptions>();
  CLI::App* verb = app.add_subcommand("fuzz", "a fuzzing campaign");
  verb->add_option("TARGET", options->target, "board, program or canary")->capture_default_str();
  verb->add_option("--for", options->duration, "how long: 90, 90s, 5m (default 60s)");
  verb->add_option("--runs", options->runs, "how many programs");
  verb->add_option("--engine", options->engine)->check(CLI::IsMember({"libfuzzer", "afl"}));
  verb->add_option("--jobs", options->jobs, "processes")->check(CLI::Range(1u, 256u));
  verb->add_option("--board", options->board, "programs of this board only");
  verb->add_option("--seed", options->seed)->capture_default_str();
  verb->add_option("--corpus", options->corpus, "folder of seeds, or none");
  verb->add_option("--bug", options->bug, "hunt a seeded bug: SB001");
  verb->add_option("--out", options->out, "where to write")->capture_default_str();
  verb->add_option("--triage", options->triage)->group("");
  verb->add_option("ENGINE_FLAGS", options->flags, "after --: flags of the engine itself");
  verb->callback([=] {
    // What follows -- fills the first free place, which is the target's when none was named.
    if (options->target.starts_with("-")) {
      options->flags.insert(options->flags.begin(), options->target);
      options->target = "board";
    }
    *exit_code = Guarded(*options);
  });
}

}  // namespace sidewall::cli
