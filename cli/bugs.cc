// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// `sidewall bugs`: hunts each seeded bug from an empty corpus with a fixed seed, and shows which
// invariants see it. A harness that misses a planted bug would miss that bug in the driver, too.
#include "cli/bugs.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "cli/bench.h"
#include "cli/campaign.h"
#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"
#include "cli/seed_check.h"
#include "cli/targets.h"
#include "cli/verbs.h"
#include "fuzz/coverage_file.h"
#include "fuzz/minimize.h"
#include "fuzz/program.h"
#include "fuzz/program_file.h"
#include "fuzz/reproduce.h"
#include "oracle/invariant.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Meant for two CPUs to hunt some three hundred bugs, with the control, in an hour.
constexpr uint64_t kRuns = 16000;
constexpr uint64_t kQuickRuns = 40000;
constexpr char kControl[] = "shipped";

uint64_t RunsOf(const BugsOptions& options) {
  if (options.runs != 0) return options.runs;
  return options.quick ? kQuickRuns : kRuns;
}

unsigned JobsOf(const BugsOptions& options) {
  return options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
}

// The control is a bug without a patch, which nothing may find.
SeededBug Control() {
  SeededBug control;
  control.id = kControl;
  control.title = "the driver that ships";
  return control;
}

// The control is hunted by all there are.
std::vector<std::string> TargetsOf(const SeededBug& bug) {
  if (bug.id == kControl) return {kBoardTarget, kSecrecyTarget};
  return HuntingTargets(bug);
}

std::string HunterOf(const std::string& target, const SeededBug& bug) {
  return FuzzerOf(target, bug.id == kControl ? "" : bug.id);
}

void BuildHunters(const std::vector<SeededBug>& bugs, unsigned jobs) {
  std::vector<std::string> command = {
      "cmake", "--build", BuildFolder().string(), "-j", std::to_string(jobs), "--target"};
  const SeededBug control = Control();
  for (const std::string& target : TargetsOf(control)) command.push_back(HunterOf(target, control));
  for (const SeededBug& bug : bugs) {
    for (const std::string& target : TargetsOf(bug)) command.push_back(HunterOf(target, bug));
    command.push_back("sidewall-tool." + bug.id);
  }
  fmt::print(stderr, "sidewall bugs: building what hunts {} bugs ...\n", bugs.size());
  const ProcessResult build = RunProcess(command);
  if (build.exit_code != 0) {
    throw EnvironmentError("cannot build what hunts the bugs:\n" + build.output);
  }
}

uint64_t NumberAfter(const std::string& text, const std::string& label) {
  const size_t at = text.find(label);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + label.size(), nullptr, 10);
}

// What stands for the invariant of a run that ended without one's word.
constexpr char kCrash[] = "crash";

// The oracle says "sidewall: ISO05-entry-0123abcd ISO05: ..." before it traps; what a sanitizer
// reports is MEM01; any other end is a fault of the harness and has no code.
std::string FoundBy(const ProcessResult& run) {
  static const std::regex kBucket("sidewall: ([A-Z]{3}[0-9]{2})-");
  std::smatch match;
  if (std::regex_search(run.output, match, kBucket)) return match[1];
  if (run.output.find("Sanitizer:") != std::string::npos) return "MEM01";
  return run.exit_code == 0 ? "" : kCrash;
}

void WriteFile(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw EnvironmentError("cannot write to " + path.string());
}

// The one input that a hunt may leave.
fs::path ArtifactIn(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("crash-")) return entry.path();
  }
  return {};
}

// What made a hunt come out as it did, apart from the code: what --resume goes by.
Json KeyOf(const SeededBug& bug, const BugsOptions& options) {
  const auto hash = [](const std::string& text) {
    return fmt::format("{:016x}", std::hash<std::string>{}(text));
  };
  Json fuzzers = Json::object();
  for (const std::string& target : TargetsOf(bug)) {
    fuzzers[target] = hash(ReadTextFile(BuildFolder() / "fuzz" / HunterOf(target, bug)));
  }
  return {{"patch", hash(bug.patch.empty() ? "" : ReadTextFile(bug.patch))},
          {"fuzzers", fuzzers},
          {"seed", options.seed},
          {"runs", RunsOf(options)}};
}

// Of an input that no invariant has looked at, or sees anything in.
Json Unseen() {
  return {
      {"verdict", nullptr}, {"smallest", nullptr}, {"alone", Json::array()}, {"without", nullptr}};
}

// What one fuzz target made of a bug.
struct Hunt {
  std::string target;
  std::string found;  // the code of an invariant, kCrash, or nothing
  std::string output;
  uint64_t executions = 0;
  uint64_t events = 0;
  fs::path artifact;
};

// Asks the tool over one driver, for what a target looks at or for everything, in a process of its
// own, since what a sanitizer found ends it.
Json AskOver(const std::string& driver, const fs::path& program, const std::string& target = "") {
  std::vector<std::string> command = {DriverVariant(driver).string(), "bugs",
                                      "--witness=" + program.string()};
  if (!target.empty()) command.push_back("--witness-of=" + target);
  const ProcessResult run = RunProcess(command);
  const Json report = Json::parse(run.output, nullptr, false);
  if (report.is_object()) return report;
  Json ended = Unseen();
  const std::string found = FoundBy(run);
  if (!found.empty()) ended["verdict"] = found;
  return ended;
}

// What the invariants see in the input of a hunt. The driver that ships runs the smallest program
// too: what breaks it as well says nothing of the bug, and is a finding of its own.
Json Witnessed(const SeededBug& bug, const Hunt& hunt, const fs::path& scratch) {
  Json report = AskOver(bug.id == kControl ? "" : bug.id, hunt.artifact, hunt.target);
  report.erase("verdict");
  fs::path smallest = hunt.artifact;
  if (report.contains("program")) {
    smallest = scratch / "smallest.sw";
    WriteFile(smallest, report["program"].get<std::string>());
  }
  report["shipped"] = AskOver("", smallest)["verdict"];
  return report;
}

// No seeds: the corpus is empty.
Hunt HuntWith(const std::string& target, const SeededBug& bug, const BugsOptions& options,
              const fs::path& scratch) {
  const fs::path folder = scratch / target;
  const fs::path coverage = scratch / (target + ".coverage");
  fs::create_directories(folder);
  const ProcessResult run =
      RunProcess({"env", "SIDEWALL_COVERAGE_FILE=" + coverage.string(),
                  (BuildFolder() / "fuzz" / HunterOf(target, bug)).string(),
                  fmt::format("-seed={}", options.seed), fmt::format("-runs={}", RunsOf(options)),
                  "-max_len=20480", "-timeout=60", kNoEntropy, "-print_final_stats=1",
                  fmt::format("-artifact_prefix={}/", folder.string())});
  Coverage counted;
  fuzz::CoverageFile::Read(coverage.c_str(), &counted);
  return {.target = target,
          .found = FoundBy(run),
          .output = run.output,
          .executions = NumberAfter(run.output, "stat::number_of_executed_units:"),
          .events = counted.events,
          .artifact = ArtifactIn(folder)};
}

Json HuntBug(const SeededBug& bug, const BugsOptions& options) {
  const ScratchFolder scratch;
  const Json key = KeyOf(bug, options);
  Hunt hunt;
  uint64_t executions = 0;
  uint64_t events = 0;
  for (const std::string& target : TargetsOf(bug)) {
    Hunt next = HuntWith(target, bug, options, scratch.path());
    executions += next.executions;
    events += next.events;
    // What ended without an invariant's word is kept for its log, where no other target says more.
    if (hunt.found.empty() || !next.found.empty()) hunt = std::move(next);
    if (!hunt.found.empty() && hunt.found != kCrash) break;
  }
  const bool found = !hunt.found.empty();
  Json row = {{"id", bug.id},
              {"title", bug.title},
              {"class", bug.kind},
              {"expect", bug.expect},
              {"found_by", found ? Json(hunt.found) : Json()},
              {"target", found ? Json(hunt.target) : Json()},
              {"as_expected", std::count(bug.expect.begin(), bug.expect.end(), hunt.found) > 0},
              {"executions", executions},
              {"events", events}};
  if (!hunt.artifact.empty()) row.update(Witnessed(bug, hunt, scratch.path()));
  if (hunt.found == kCrash) {
    const size_t tail = std::min<size_t>(hunt.output.size(), 2000);
    row["log"] = hunt.output.substr(hunt.output.size() - tail);
  }
  row["key"] = key;
  return row;
}

// Hunts that are kept, one file each.
class Kept {
 public:
  explicit Kept(const BugsOptions& options)
      : options_(options),
        folder_(options.out.empty() ? BuildFolder() / "bugs-hunted" : fs::path(options.out)) {
    fs::create_directories(folder_);
  }
  bool Find(const SeededBug& bug, Json* row) const {
    const fs::path file = folder_ / (bug.id + ".json");
    if (!options_.resume || !fs::exists(file)) return false;
    *row = Json::parse(ReadTextFile(file), nullptr, false);
    return row->is_object() && row->contains("key") && (*row)["key"] == KeyOf(bug, options_);
  }
  void Keep(const SeededBug& bug, const Json& row) const {
    WriteFile(folder_ / (bug.id + ".json"), row.dump(2) + "\n");
  }

 private:
  const BugsOptions& options_;
  const fs::path folder_;
};

std::string Word(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool BreaksShipped(const Json& row) { return !row.value("shipped", Json()).is_null(); }

// Found, by an invariant, in the bug and not in what ships.
bool IsFound(const Json& row) {
  return !row["found_by"].is_null() && row["found_by"] != kCrash && !BreaksShipped(row);
}

const char* VerdictOf(const Json& row) {
  if (row["id"] == kControl) return row["found_by"].is_null() ? "quiet" : "FOUND";
  if (BreaksShipped(row)) return "SHIPPED";
  if (!IsFound(row)) return "NOT FOUND";
  return row["as_expected"].get<bool>() ? "found" : "ANOTHER";
}

void PrintRow(const Json& row) {
  const auto alone = row.value("alone", std::vector<std::string>{});
  fmt::print("{:<8}{:<10}{:<7}{:<9}{:>8}{:>10}{:>6}  {:<18}{:<8}{}\n", Word(row["id"]),
             VerdictOf(row), Word(row["found_by"]), Word(row.value("target", Json())),
             Word(row["executions"]), Word(row["events"]), Word(row.value("smallest", Json())),
             fmt::format("{}", fmt::join(alone, ",")), Word(row.value("without", Json())),
             Word(row["title"]));
}

std::vector<Json> HuntAll(const std::vector<SeededBug>& bugs, const BugsOptions& options) {
  const Kept kept(options);
  std::vector<Json> rows(bugs.size());
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::string problem;
  const auto work = [&] {
    for (size_t i = next++; i < bugs.size(); i = next++) {
      try {
        if (!kept.Find(bugs[i], &rows[i])) {
          rows[i] = HuntBug(bugs[i], options);
          kept.Keep(bugs[i], rows[i]);
        }
      } catch (const std::exception& error) {
        const std::lock_guard<std::mutex> lock(mutex);
        problem = error.what();
        next = bugs.size();
        return;
      }
      const std::lock_guard<std::mutex> lock(mutex);
      fmt::print(stderr, "sidewall bugs: {} {}\n", bugs[i].id, Word(rows[i]["found_by"]));
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < JobsOf(options); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  if (!problem.empty()) throw EnvironmentError(problem);
  return rows;
}

// Invariants without which some bug goes unseen, with the first such bug.
Json LoadBearing(const std::vector<Json>& rows) {
  std::map<std::string, std::string> bears;
  for (const Json& row : rows) {
    if (row["id"] == kControl || !IsFound(row) || !row.contains("without")) continue;
    if (row["without"].is_null()) bears.emplace(row["found_by"], row["id"]);
  }
  return bears;
}

struct Sums {
  size_t bugs = 0;
  size_t found = 0;
  std::vector<std::string> missed;
  std::vector<std::string> another;
  std::vector<std::string> not_first;  // found as expected, by one that the patch names later
  std::vector<std::string> shipped;    // whose program breaks what ships
  bool control_found = false;
};

Sums SumUp(const std::vector<Json>& rows) {
  Sums sums;
  for (const Json& row : rows) {
    const bool found = IsFound(row);
    if (row["id"] == kControl) {
      sums.control_found = !row["found_by"].is_null();
      continue;
    }
    if (BreaksShipped(row)) sums.shipped.push_back(row["id"]);
    ++sums.bugs;
    sums.found += found;
    if (!found) {
      sums.missed.push_back(row["id"]);
    } else if (!row["as_expected"].get<bool>()) {
      sums.another.push_back(row["id"]);
    } else if (row["expect"].front() != row["found_by"]) {
      sums.not_first.push_back(row["id"]);
    }
  }
  return sums;
}

void PrintSums(const Sums& sums, const Json& bearing) {
  fmt::print("\n{} of {} found from an empty corpus\n", sums.found, sums.bugs);
  fmt::print("not found: {}\n", fmt::join(sums.missed, " "));
  fmt::print("found by another invariant than expected: {}\n", fmt::join(sums.another, " "));
  fmt::print("found by one of those expected, but not the first: {}\n",
             fmt::join(sums.not_first, " "));
  if (!sums.shipped.empty()) {
    fmt::print("findings of the driver that ships, met on the hunt for: {}\n",
               fmt::join(sums.shipped, " "));
  }
  for (const auto& [code, bug] : bearing.items()) {
    fmt::print("without {} nothing sees the program of {}\n", code, Word(bug));
  }
}

// The words of a program that is given, judged with each invariant alone and with one left out.
// What it is made smaller by is what the target looks at that found it, if one is named.
Json JudgeWitness(const std::string& path, const std::string& target) {
  fuzz::Program program;
  std::string problem;
  if (!fuzz::LoadProgram(path, &program, &problem)) throw UsageError(problem);
  fuzz::Reproducer armed(target.empty() ? AllInvariants() : ArmedBy(target));
  const Invariant found = armed.Run(program).verdict.id;
  Json row = Unseen();
  row["smallest"] = program.events.size();
  if (found == Invariant::kNone) return row;
  row["verdict"] = FindInvariant(found)->code;
  const fuzz::Program small =
      fuzz::Minimize(program, [&](const fuzz::Program& p) { return armed.Breaks(p, found); });
  row["smallest"] = small.events.size();
  row["program"] = fuzz::FormatText(small);
  size_t count = 0;
  const InvariantInfo* invariants = Invariants(&count);
  for (size_t i = 0; i < count; ++i) {
    const Invariant id = invariants[i].id;
    if (id == Invariant::kNone) continue;
    if (fuzz::Reproducer(Bit(id)).Breaks(small, id)) row["alone"].push_back(invariants[i].code);
  }
  const Verdict other = fuzz::Reproducer(AllInvariants() & ~Bit(found)).Run(small).verdict;
  if (other.id != Invariant::kNone) row["without"] = FindInvariant(other.id)->code;
  return row;
}

int RunBugs(const BugsOptions& options) {
  if (!options.witness.empty()) {
    fmt::print("{}\n", JudgeWitness(options.witness, options.witness_of).dump());
    return kExitOk;
  }
  if (options.programs) return RunBugPrograms(ChosenBugs(options.ids));
  if (options.check || options.rebase) {
    return CarryPatches(ChosenBugs(options.ids), options.rebase);
  }
  return options.blind ? RunBlind(options) : RunHunts(options);
}

}  // namespace

int RunHunts(const BugsOptions& options) {
  std::vector<SeededBug> bugs = ChosenBugs(options.ids);
  if (options.quick) std::erase_if(bugs, [](const SeededBug& bug) { return !bug.quick; });
  if (bugs.empty()) throw UsageError("there is no bug to hunt");
  BuildHunters(bugs, JobsOf(options));
  // The gate of the tests looks at the shipped driver; a hunt of some bugs needs no control.
  if (options.ids.empty() && !options.quick) bugs.insert(bugs.begin(), Control());
  const std::vector<Json> rows = HuntAll(bugs, options);
  const Sums sums = SumUp(rows);
  const Json bearing = LoadBearing(rows);
  if (options.json) {
    Json report = Provenance("sidewall.bugs/5");
    report.update({{"command", fmt::format("sidewall bugs --seed={} --runs={}", options.seed,
                                           RunsOf(options))},
                   {"seed", options.seed},
                   {"runs", RunsOf(options)},
                   {"bugs", rows},
                   {"found", sums.found},
                   {"of", sums.bugs},
                   {"not_found", sums.missed},
                   {"found_by_another", sums.another},
                   {"not_by_the_first", sums.not_first},
                   {"shipped", sums.shipped},
                   {"load_bearing", bearing}});
    fmt::print("{}\n", report.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{:<8}{:<10}{:<7}{:<9}{:>8}{:>10}{:>6}  {:<18}{:<8}{}\n", "bug", "verdict", "by",
               "target", "runs", "events", "least", "seen alone by", "else by", "title");
    for (const Json& row : rows) PrintRow(row);
    PrintSums(sums, bearing);
  }
  const bool good = sums.found == sums.bugs && sums.another.empty() && !sums.control_found;
  return good ? kExitOk : kExitFinding;
}

void RegisterBugs(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<BugsOptions>();
  CLI::App* verb = app.add_subcommand("bugs", "find each seeded bug from an empty corpus");
  verb->add_option("id", options->ids, "SB001 ...; all by default");
  verb->add_flag("--quick", options->quick, "the short hunt that the tests make");
  verb->add_flag("--resume", options->resume, "keep the hunts that would come out the same");
  verb->add_flag("--programs", options->programs, "run the programs that the patches name");
  verb->add_flag("--check", options->check, "which patches no longer apply");
  verb->add_flag("--rebase", options->rebase, "carry them over to the driver as it is");
  verb->add_flag("--blind", options->blind, "weaken oracle and model, one rule at a time");
  verb->add_option("--seed", options->seed, "of the hunt, from 1")
      ->capture_default_str()
      ->check(EngineSeed());
  verb->add_option("--runs", options->runs, "executions for each bug at most");
  verb->add_option("--jobs", options->jobs, "hunts at a time; one for each CPU by default")
      ->check(CLI::Range(1u, 256u));
  verb->add_option("--out", options->out, "where hunts are kept for --resume");
  verb->add_flag("--json", options->json, "machine-readable");
  verb->add_option("--witness", options->witness)->group("");
  verb->add_option("--witness-of", options->witness_of)->group("");
  verb->callback([=] { *exit_code = RunBugs(*options); });
}

}  // namespace sidewall::cli
