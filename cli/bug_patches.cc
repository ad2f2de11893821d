// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Patches of seeded bugs against a driver that changes, and the programs that show the bugs.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "cli/bugs.h"
#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A patch as text: what is before the first change, and the files that it changes.
struct PatchText {
  std::string head;
  std::vector<std::string> files;  // "driver/stage2.cc"
};

PatchText ReadPatch(const fs::path& path) {
  PatchText patch;
  std::istringstream lines(ReadTextFile(path));
  bool in_head = true;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("--- ") || line.starts_with("diff ")) in_head = false;
    if (in_head) patch.head += line + "\n";
    constexpr std::string_view kNew = "+++ b/";
    if (!line.starts_with(kNew)) continue;
    patch.files.push_back(line.substr(kNew.size(), line.find_first_of("\t ", 4) - kNew.size()));
  }
  if (patch.files.empty()) throw UsageError(path.string() + ": changes no file");
  return patch;
}

void WriteTextFile(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw EnvironmentError("cannot write " + path.string());
}

// The files of a patch, as the sources have them, in a folder.
void CopyFiles(const PatchText& patch, const fs::path& folder) {
  for (const std::string& file : patch.files) {
    WriteTextFile(folder / file, ReadTextFile(SourceRoot() / file));
  }
}

ProcessResult Apply(const fs::path& patch, const fs::path& folder, unsigned fuzz) {
  return RunProcess({"patch", "-d", folder.string(), "-p1", "--force", "--no-backup-if-mismatch",
                     fmt::format("--fuzz={}", fuzz), "-r", "-", "-i", patch.string()});
}

// The tree of the commit that last touched the patch: there, it applied.
std::string BaseCommit(const fs::path& patch) {
  const ProcessResult log = RunProcess(
      {"git", "-C", SourceRoot().string(), "log", "-1", "--format=%H", "--", patch.string()});
  return log.exit_code == 0 ? log.output.substr(0, log.output.find('\n')) : "";
}

// Merges the bug into the files as they are now. False: some of it needs hands.
bool MergeFiles(const fs::path& path, const PatchText& patch, const fs::path& folder) {
  const std::string commit = BaseCommit(path);
  if (commit.empty()) return false;
  const ScratchFolder base;
  const ScratchFolder with_bug;
  for (const std::string& file : patch.files) {
    const ProcessResult old =
        RunProcess({"git", "-C", SourceRoot().string(), "show", commit + ":" + file});
    if (old.exit_code != 0) return false;
    WriteTextFile(base.path() / file, old.output);
    WriteTextFile(with_bug.path() / file, old.output);
  }
  if (Apply(path, with_bug.path(), 0).exit_code != 0) return false;
  for (const std::string& file : patch.files) {
    const ProcessResult merged =
        RunProcess({"git", "merge-file", "-p", (with_bug.path() / file).string(),
                    (base.path() / file).string(), (SourceRoot() / file).string()});
    if (merged.exit_code != 0) return false;
    WriteTextFile(folder / file, merged.output);
  }
  return true;
}

std::string Difference(const PatchText& patch, const fs::path& folder) {
  std::string text;
  for (const std::string& file : patch.files) {
    const ProcessResult diff =
        RunProcess({"diff", "-U2", "--label", "a/" + file, "--label", "b/" + file,
                    (SourceRoot() / file).string(), (folder / file).string()});
    if (diff.exit_code > 1) throw EnvironmentError("diff: " + diff.output);
    text += diff.output;
  }
  return text;
}

enum class Carried { kApplies, kMoved, kMerged, kGuessed, kLost };

// `text` is the patch as it would be written for the driver as it is.
Carried Carry(const SeededBug& bug, std::string* text) {
  const PatchText patch = ReadPatch(bug.patch);
  for (const std::string& file : patch.files) {
    if (!fs::exists(SourceRoot() / file)) return Carried::kLost;
  }
  Carried carried = Carried::kLost;
  const ScratchFolder folder;
  CopyFiles(patch, folder.path());
  const ProcessResult exact = Apply(bug.patch, folder.path(), 0);
  if (exact.exit_code == 0) {
    const bool moved = exact.output.find("offset") != std::string::npos;
    carried = moved ? Carried::kMoved : Carried::kApplies;
  } else if (MergeFiles(bug.patch, patch, folder.path())) {
    carried = Carried::kMerged;
  } else {
    const ScratchFolder guess;
    CopyFiles(patch, guess.path());
    if (Apply(bug.patch, guess.path(), 1).exit_code != 0) return Carried::kLost;
    for (const std::string& file : patch.files) {
      WriteTextFile(folder.path() / file, ReadTextFile(guess.path() / file));
    }
    carried = Carried::kGuessed;
  }
  const std::string change = Difference(patch, folder.path());
  // What the bug did is what the driver does now.
  if (change.empty()) return Carried::kLost;
  *text = patch.head + change;
  return carried;
}

constexpr const char* kWords[] = {"applies", "moved", "merged: read it", "guessed: read it",
                                  "NEEDS HANDS"};

bool ProgramsAreThere(const SeededBug& bug) {
  bool all = true;
  for (const std::string& program : bug.programs) {
    if (fs::exists(SourceRoot() / program)) continue;
    fmt::print("{}: there is no {}\n", bug.id, program);
    all = false;
  }
  return all;
}

// What one program of a bug gave under its driver; empty when that is what the bug expects.
std::string Problem(const SeededBug& bug, const Json& row) {
  const Json& verdict = row["verdict"];
  if (verdict.is_null()) return fmt::format("not seen ({})", row["result"].get<std::string>());
  const std::string code = verdict["invariant"];
  if (std::count(bug.expect.begin(), bug.expect.end(), code) > 0) return "";
  return fmt::format("seen by {}, not {}", code, fmt::join(bug.expect, " or "));
}

// How many programs of one bug are not as they must be.
size_t RunUnderBug(const SeededBug& bug) {
  std::vector<std::string> command = {DriverVariant(bug.id).string(), "repro", "--quiet", "--json",
                                      "--driver=bug/" + bug.id,       "--"};
  for (const std::string& program : bug.programs) {
    command.push_back((SourceRoot() / program).string());
  }
  const ProcessResult run = RunProcess(command);
  const Json report = Json::parse(run.output, nullptr, false);
  if (!report.is_object() || report["programs"].size() != bug.programs.size()) {
    fmt::print("{}: ended with {}:\n{}\n", bug.id, run.exit_code, run.output);
    return bug.programs.size();
  }
  size_t bad = 0;
  for (size_t i = 0; i < bug.programs.size(); ++i) {
    const std::string problem = Problem(bug, report["programs"][i]);
    if (problem.empty()) continue;
    fmt::print("{}: {}: {}\n", bug.id, bug.programs[i], problem);
    ++bad;
  }
  return bad;
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (fs::temp_directory_path() / "sidewall-bugs-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw EnvironmentError("cannot make a folder in " + fs::temp_directory_path().string());
  }
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<SeededBug> ChosenBugs(const std::vector<std::string>& ids) {
  if (ids.empty()) return SeededBugs(SourceRoot());
  std::vector<SeededBug> chosen;
  for (const std::string& id : ids) chosen.push_back(FindSeededBug(SourceRoot(), id));
  return chosen;
}

int RunBugPrograms(const std::vector<SeededBug>& bugs) {
  std::set<std::string> files;
  size_t count = 0;
  size_t bad = 0;
  for (const SeededBug& bug : bugs) {
    if (bug.programs.empty()) continue;
    bad += RunUnderBug(bug);
    count += bug.programs.size();
    files.insert(bug.programs.begin(), bug.programs.end());
  }
  if (files.empty()) throw UsageError("none of these bugs names a program");
  std::vector<std::string> command = {DriverVariant("").string(), "repro", "--quiet", "--"};
  for (const std::string& file : files) command.push_back((SourceRoot() / file).string());
  const ProcessResult shipped = RunProcess(command);
  if (shipped.exit_code != kExitOk) {
    fmt::print("under the shipped driver:\n{}\n", shipped.output);
    ++bad;
  }
  fmt::print("{} programs of {} bugs, {} wrong\n", count, bugs.size(), bad);
  return bad == 0 ? kExitOk : kExitFinding;
}

int CarryPatches(const std::vector<SeededBug>& bugs, bool rewrite) {
  size_t lost = 0;
  size_t changed = 0;
  for (const SeededBug& bug : bugs) {
    std::string text;
    const Carried carried = Carry(bug, &text);
    const bool applies = carried == Carried::kApplies || carried == Carried::kMoved;
    if (carried != Carried::kApplies && (rewrite || !applies)) {
      fmt::print("{}: {}\n", bug.patch.filename().string(), kWords[static_cast<int>(carried)]);
    }
    lost += rewrite ? carried == Carried::kLost : !applies;
    lost += !ProgramsAreThere(bug);
    if (!rewrite || carried == Carried::kLost || carried == Carried::kApplies) continue;
    WriteTextFile(bug.patch, text);
    ++changed;
  }
  fmt::print("{} patches, {} rewritten, {} in need of work\n", bugs.size(), changed, lost);
  return lost == 0 ? kExitOk : kExitFinding;
}

}  // namespace sidewall::cli
