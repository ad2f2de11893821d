// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// sidewall repro: runs programs, tells what they do, and holds them against what their files say.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/invariant_state.h"
#include "cli/process.h"
#include "cli/seeded_bugs.h"
#include "cli/source_lines.h"
#include "cli/verbs.h"
#include "fuzz/boards.h"
#include "fuzz/program.h"
#include "fuzz/program_file.h"
#include "fuzz/reproduce.h"
#include "fuzz/runner.h"
#include "fuzz/spelling.h"
#include "fuzz/verdict_page.h"
#include "oracle/invariant.h"
#include "replay/engine_error.h"
#include "replay/rig.h"

namespace sidewall::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ReproOptions {
  std::vector<std::string> paths;
  std::string image = "host";
  std::string driver;
  std::vector<std::string> only;
  std::vector<std::string> without;
  bool quiet = false;
  bool json = false;
};

InvariantSet SetOf(const std::vector<std::string>& codes) {
  InvariantSet set = 0;
  for (const std::string& code : codes) {
    const InvariantInfo* info = FindInvariant(code);
    if (info == nullptr || info->id == Invariant::kNone) {
      throw UsageError("there is no invariant " + code + "; `sidewall list invariants` names them");
    }
    set |= Bit(info->id);
  }
  return set;
}

InvariantSet Armed(const ReproOptions& options) {
  for (const std::string& code : options.only) {
    const InvariantInfo* info = FindInvariant(code);
    if (info != nullptr && StateOf(*info) == kNotChecked) {
      throw UsageError(code + " is not checked yet: nothing could break it");
    }
  }
  const InvariantSet only = options.only.empty() ? AllInvariants() : SetOf(options.only);
  const InvariantSet armed = only & ~SetOf(options.without) & ~Bit(Invariant::kNone);
  if (armed == 0) throw UsageError("--only and --without leave no invariant to look at");
  return armed;
}

std::string LinkedDriver() {
  return fuzz::DriverOfTool(std::filesystem::read_symlink("/proc/self/exe"));
}

// Options for a process over another driver.
std::vector<std::string> CommandFor(const std::string& driver, const ReproOptions& options,
                                    const std::vector<std::string>& paths) {
  if (driver.starts_with("bug/")) FindSeededBug(SourceRoot(), driver.substr(4));
  std::vector<std::string> command = {DriverVariant(fuzz::SuffixOfDriver(driver)).string(), "repro",
                                      "--driver=" + driver};
  for (const std::string& code : options.only) command.push_back("--only=" + code);
  for (const std::string& code : options.without) command.push_back("--without=" + code);
  if (options.quiet) command.push_back("--quiet");
  if (options.json) command.push_back("--json");
  command.push_back("--");
  command.insert(command.end(), paths.begin(), paths.end());
  return command;
}

int Become(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  if (std::fflush(stdout) != 0) throw EnvironmentError("cannot write to standard output");
  execv(argv[0], argv.data());
  throw EnvironmentError(command[0] + ": " + std::strerror(errno));
}

// One program on one or two engines.
struct Run {
  RunResult result;
  std::string divergence;  // where the aarch64 build did something else; empty: nowhere
};

// The aarch64 image, alone or in lock-step with the host build.
class El2Bench {
 public:
  El2Bench(const fuzz::Program& program, InvariantSet armed, bool both, std::FILE* narrate)
      : program_(program), narrator_(narrate, *fuzz::BoardOf(program)) {
    HarnessOptions options;
    options.board = fuzz::BoardOf(program);
    options.armed = armed;
    if (both) host_ = replay::MakeHostRig(options);
    if (narrate != nullptr) options.narrator = &narrator_;
    try {
      el2_ = replay::MakeEl2Rig(options);
    } catch (const replay::EngineError& error) {
      throw EnvironmentError(error.what());
    }
    if (el2_ == nullptr) {
      throw EnvironmentError("this build has no aarch64 image: configure it with preset `el2`");
    }
    narrating_ = narrate != nullptr;
  }

  Run Go() {
    if (host_ != nullptr) host_->Boot();
    el2_->Boot();
    Run run;
    if (!Same(&run.divergence)) return run;
    for (replay::Rig* rig : {host_.get(), el2_.get()}) {
      if (rig == nullptr) continue;
      rig->board().SetChoices(program_.choices);
      rig->board().SetSchedule(program_.schedule);
    }
    narrator_.set_on(narrating_);
    for (const Event& event : program_.events) {
      if (el2_->board().violated() || !run.divergence.empty()) break;
      Step(event, &run);
    }
    if (el2_->board().violated()) run.result.verdict = el2_->board().verdict();
    return run;
  }

 private:
  void Step(const Event& event, Run* run) {
    el2_->log().clear();
    const Outcome outcome = el2_->Apply(event);
    if (host_ != nullptr) {
      host_->log().clear();
      const Outcome host = host_->Apply(event);
      if (Same(&run->divergence) &&
          (host.result != outcome.result || host.value != outcome.value)) {
        run->divergence = "host build gave " + fuzz::OutcomeText(host) + ", aarch64 build " +
                          fuzz::OutcomeText(outcome);
      }
      if (!run->divergence.empty()) {
        run->divergence = "event " + std::to_string(run->result.events) + ", " +
                          fuzz::FormatEvent(event) + ": " + run->divergence;
      }
    }
    if (!el2_->board().violated()) fuzz::NoteOutcome(event, outcome, &run->result);
    ++run->result.events;
  }

  bool Same(std::string* divergence) const {
    if (host_ == nullptr) return true;
    const size_t at = replay::FirstDifference(host_->log(), el2_->log());
    if (at == replay::kSame) return true;
    *divergence = "access " + std::to_string(at) + ": host build " +
                  replay::DescribeLogged(host_->board(), host_->log(), at) + ", aarch64 build " +
                  replay::DescribeLogged(el2_->board(), el2_->log(), at);
    return false;
  }

  const fuzz::Program& program_;
  fuzz::TextNarrator narrator_;
  bool narrating_ = false;
  std::unique_ptr<replay::Rig> host_;
  std::unique_ptr<replay::Rig> el2_;
};

Json VerdictRow(const Verdict& verdict, const fuzz::Program& program) {
  if (verdict.id == Invariant::kNone) return nullptr;
  return {{"invariant", FindInvariant(verdict.id)->code},
          {"bucket", verdict.Bucket()},
          {"object", verdict.object},
          {"title", verdict.title},
          {"event", verdict.event_index},
          {"path", verdict.text},
          {"page", fuzz::VerdictPage(verdict, program, SourceLines)},
          {"frames", verdict.frames}};
}

class Session {
 public:
  explicit Session(const ReproOptions& options)
      : options_(options),
        linked_(LinkedDriver()),
        armed_(Armed(options)),
        talk_(options.json ? stderr : stdout),
        loud_(armed_, talk_),
        still_(armed_) {}

  int Go() {
    std::vector<std::string> files;
    std::string problem;
    if (!fuzz::FindPrograms(options_.paths, &files, &problem)) throw UsageError(problem);
    if (files.empty()) throw UsageError("no programs (*.sw, *.swb) there");
    if (!options_.driver.empty() && options_.driver != linked_) {
      return Become(CommandFor(options_.driver, options_, options_.paths));
    }
    int code = kExitOk;
    for (const std::string& file : files) {
      fuzz::Program program;
      if (!fuzz::LoadProgram(file, &program, &problem)) throw UsageError(problem);
      code = std::max(code, RunFile(file, program));
    }
    if (foreign_) code = good_ == files.size() ? kExitOk : kExitFinding;
    if (options_.json) {
      PrintJson();
    } else if (foreign_) {
      std::printf("broke %zu of %zu\n", good_, files.size());
    } else {
      std::printf("%zu of %zu as expected\n", good_, files.size());
    }
    return code;
  }

 private:
  // One file from beginning to end; what is said of it goes to `talk_`, what it gave into `row`.
  int RunFile(const std::string& file, const fuzz::Program& program) {
    Json row = {{"file", file},
                {"board", fuzz::BoardSpelling(program)},
                {"driver", fuzz::DriverWord(program.driver)},
                {"expect", fuzz::ExpectWord(program.expect)},
                {"events", program.events.size()},
                {"good", false}};
    const size_t before = good_;
    const int code = foreign_ ? RunForeign(file, program, &row) : RunShipped(file, program, &row);
    row["good"] = good_ > before;
    rows_.push_back(std::move(row));
    return code;
  }

  void PrintJson() const {
    const Json report = {{"schema", "sidewall.repro/1"},
                         {"driver", linked_},
                         {"image", options_.image},
                         {"good", good_},
                         {"programs", rows_}};
    // Names of files need not be UTF-8.
    std::printf("%s\n", report.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  }

  // A line a file: what was asked for, or, where that is JSON, talk that --quiet leaves out.
  template <typename... Words>
  void Say(fmt::format_string<Words...> format, Words&&... words) const {
    if (options_.json && options_.quiet) return;
    fmt::print(talk_, format, std::forward<Words>(words)...);
  }

  Run RunOnce(const fuzz::Program& program, bool narrate) {
    if (options_.image == "host") {
      return {narrate ? loud_.Run(program) : still_.Run(program), ""};
    }
    const bool both = options_.image == "both";
    return El2Bench(program, armed_, both, narrate ? talk_ : nullptr).Go();
  }

  void PrintVerdict(const RunResult& result, const fuzz::Program& program) const {
    if (result.verdict.id == Invariant::kNone) return;
    Say("  {}  [{}]\n", result.verdict.title, result.verdict.Bucket());
    for (const std::string& line : fuzz::VerdictPage(result.verdict, program, SourceLines)) {
      Say("    {}\n", line);
    }
  }

  // A driver that must fail: `broke` is good.
  int RunForeign(const std::string& file, const fuzz::Program& program, Json* row) {
    if (!options_.quiet) Say("{}\n", file);
    const Run run = RunOnce(program, !options_.quiet);
    // The expectation of a bad program is about its own bug.
    const bool own = fuzz::DriverWord(program.driver) == linked_;
    const bool broke = fuzz::Broke(run.result, own ? program.expect : 0);
    good_ += broke;
    if (!options_.quiet) PrintVerdict(run.result, program);
    const std::string got = fuzz::ResultText(program, run.result);
    (*row)["result"] = got;
    (*row)["verdict"] = VerdictRow(run.result.verdict, program);
    Say("{}: {} under {} ({})\n", file, broke ? "broke" : "HELD", linked_, got);
    return kExitOk;
  }

  // What a person has written names what is there; what a fuzzer has drawn need not, and is bytes.
  bool NamesNothing(const std::string& file, const RunResult& result, Json* row) const {
    (*row)["skipped"] = result.skipped;
    if (result.skipped == 0 || result.verdict.id != Invariant::kNone) return false;
    std::string problem;
    if (!fuzz::ErrorAtEvent(file, result.skipped_index,
                            "this event names what is not there, so that nothing happened",
                            "see which windows, banks, pages and VMs the board has by then",
                            &problem)) {
      return false;
    }
    std::fflush(talk_);
    std::fprintf(stderr, "sidewall repro: %s\n", problem.c_str());
    (*row)["error"] = problem;
    return true;
  }

  int RunShipped(const std::string& file, const fuzz::Program& program, Json* row) {
    const std::string driver = fuzz::DriverWord(program.driver);
    const bool bad = driver != "shipped";
    const bool narrate = !options_.quiet && !bad;
    if (narrate) Say("{}\n", file);
    const Run run = RunOnce(program, narrate);
    if (narrate) PrintVerdict(run.result, program);
    const std::string got = fuzz::ResultText(program, run.result);
    (*row)["result"] = got;
    (*row)["verdict"] = VerdictRow(run.result.verdict, program);
    if (!run.divergence.empty()) {
      (*row)["divergence"] = run.divergence;
      Say("{}: DIF01: {}\n", file, run.divergence);
      return kExitDivergence;
    }
    if (NamesNothing(file, run.result, row)) return kExitUsage;
    const uint8_t expect = bad ? 0 : program.expect;
    if (!fuzz::AsExpected(run.result, expect)) {
      if (!narrate) PrintVerdict(run.result, program);
      Say("{}: NOT as expected: {}, not {}\n", file, got, fuzz::ExpectWord(expect));
      return kExitFinding;
    }
    if (bad) return RunUnderItsDriver(file, driver, program, row);
    Say("{}: {}, as expected\n", file, got);
    ++good_;
    return kExitOk;
  }

  int RunUnderItsDriver(const std::string& file, const std::string& driver,
                        const fuzz::Program& program, Json* row) {
    ReproOptions options = options_;
    // Both streams of a process come as one.
    if (options.json) options.quiet = true;
    ProcessResult other;
    try {
      other = RunProcess(CommandFor(driver, options, {file}));
    } catch (const EnvironmentError& error) {
      // The rest can still be run.
      (*row)["not_run"] = error.what();
      Say("{}: pass, but not run under {}: {}\n", file, driver, error.what());
      return kExitEnvironment;
    }
    const Json report = Json::parse(other.output, nullptr, false);
    if (report.is_object()) (*row)["under_its_driver"] = report["programs"][0];
    const bool tell = !options_.quiet || other.exit_code != kExitOk;
    if (tell && !options_.json) std::fputs(other.output.c_str(), stdout);
    if (other.exit_code == kExitOk) {
      Say("{}: pass, and {} under {}, as expected\n", file, fuzz::ExpectWord(program.expect),
          driver);
      ++good_;
      return kExitOk;
    }
    Say("{}: NOT as expected under {}\n", file, driver);
    return other.exit_code == kExitFinding ? kExitFinding : kExitEnvironment;
  }

  const ReproOptions& options_;
  const std::string linked_;
  const bool foreign_ = linked_ != "shipped";
  const InvariantSet armed_;
  std::FILE* const talk_;
  fuzz::Reproducer loud_;
  fuzz::Reproducer still_;
  size_t good_ = 0;  // files that were as expected, or, under a driver that must fail, broke
  Json rows_ = Json::array();
};

int RunRepro(const ReproOptions& options) {
  uint16_t ignored = 0;
  if (!options.driver.empty() && !fuzz::ParseDriverWord(options.driver, &ignored)) {
    throw UsageError("--driver is shipped, passthrough, denyall or bug/SB001, not " +
                     options.driver);
  }
  const bool shipped = (options.driver.empty() ? LinkedDriver() : options.driver) == "shipped";
  if (!shipped && options.image != "host") {
    throw UsageError("--image=" + options.image +
                     " holds the shipped driver only; other drivers run with --image=host");
  }
  return Session(options).Go();
}

int Complain(const std::exception& error, int code) {
  std::fflush(stdout);
  std::fprintf(stderr, "sidewall repro: %s\n", error.what());
  return code;
}

int Guarded(const ReproOptions& options) {
  try {
    return RunRepro(options);
  } catch (const UsageError& error) {
    return Complain(error, kExitUsage);
  } catch (const EnvironmentError& error) {
    return Complain(error, kExitEnvironment);
  } catch (const replay::EngineError& error) {
    return Complain(error, kExitDivergence);
  }
}

}  // namespace

void RegisterRepro(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ReproOptions>();
  CLI::App* verb = app.add_subcommand("repro", "run programs and tell what they do");
  verb->add_option("FILE", options->paths, "programs, or folders of them")->required();
  verb->add_option("--image", options->image, "which build of the driver runs")
      ->check(CLI::IsMember({"host", "el2", "both"}));
  verb->add_option("--driver", options->driver, "shipped, passthrough, denyall, or bug/SB001");
  verb->add_option("--only", options->only, "arm these invariants alone")->delimiter(',');
  verb->add_option("--without", options->without, "disarm these invariants")->delimiter(',');
  verb->add_flag("--quiet", options->quiet, "one line a program");
  verb->add_flag("--json", options->json, "machine-readable; what is told goes to stderr");
  verb->callback([=] { *exit_code = Guarded(*options); });
}

}  // namespace sidewall::cli
