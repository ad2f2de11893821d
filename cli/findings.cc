// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/environment.h"
#include "cli/exit_codes.h"
#include "cli/process.h"
#include "cli/source_lines.h"
#include "cli/targets.h"
#include "fuzz/boards.h"
#include "fuzz/minimize.h"
#include "fuzz/program.h"
#include "fuzz/program_file.h"
#include "fuzz/reproduce.h"
#include "fuzz/spelling.h"
#include "fuzz/verdict_page.h"
#include "oracle/invariant.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

nlohmann::ordered_json ReportOf(const Verdict& verdict, const std::string& driver,
                                const fuzz::Program& program, const std::string& artifact) {
  return {{"schema", "sidewall.finding/1"},
          {"bucket", verdict.Bucket()},
          {"invariant", FindInvariant(verdict.id)->code},
          {"object", verdict.object},
          {"title", verdict.title},
          {"path", verdict.text},
          {"frames", verdict.frames},
          {"event", verdict.event_index},
          {"events", program.events.size()},
          {"board", fuzz::BoardSpelling(program)},
          {"driver", driver},
          {"input", artifact},
          {"program", fuzz::FormatText(program)}};
}

std::string Narrated(const fuzz::Program& program, InvariantSet armed) {
  char* buffer = nullptr;
  size_t size = 0;
  std::FILE* stream = open_memstream(&buffer, &size);
  if (stream == nullptr) return "";
  fuzz::Reproducer(armed, stream).Run(program);
  std::fclose(stream);
  const std::string text(buffer, size);
  free(buffer);
  return text;
}

// A process of its own, since an input that ended the target with a sanitizer ends it, too.
bool TriageArtifact(const FuzzOptions& options, Finding* finding) {
  const ProcessResult run = RunProcess({DriverVariant(options.bug).string(), "fuzz", options.target,
                                        "--triage=" + finding->artifact, "--out=" + options.out});
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

// Whether the summary speaks of memory. Anything else that ends a target, a trap or an assertion of
// the harness, says nothing of it.
bool FromSanitizer(const std::string& summary) {
  for (const char* name : {"AddressSanitizer", "UndefinedBehaviorSanitizer", "MemorySanitizer"}) {
    if (summary.find(name) != std::string::npos) return true;
  }
  return false;
}

// One word for a shell, whatever is in it.
std::string Quoted(const std::string& word) {
  constexpr char kPlain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:+,@%-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string AbsoluteQuoted(const fs::path& path) {
  return Quoted(fs::absolute(path).lexically_normal().string());
}

// What breaks no invariant again: a sanitizer's report, a hang, or another target.
void AsUntyped(const fs::path& binary, const fs::path& out, Finding* finding) {
  const ProcessResult run = RunProcess({binary.string(), finding->artifact});
  std::string summary = "no report";
  const size_t at = run.output.find("SUMMARY: ");
  if (at != std::string::npos) summary = run.output.substr(at, run.output.find('\n', at) - at);
  const std::string name = fs::path(finding->artifact).filename().string();
  const bool slow = name.starts_with("timeout-") || name.starts_with("oom-") ||
                    finding->artifact.find("/hangs/") != std::string::npos;
  Verdict verdict;
  verdict.id = slow ? Invariant::kErr03 : Invariant::kMem01;
  const bool typed = slow || FromSanitizer(summary);
  verdict.object = "call";
  // Addresses in a summary change from run to run; the place in the source does not.
  verdict.frames = {summary.substr(0, summary.find(" (0x"))};
  finding->bucket = verdict.Bucket();
  if (!typed) finding->bucket.replace(0, finding->bucket.find('-'), "crash");
  finding->title = (run.exit_code == 0 ? "does not happen again: " : "") + summary;
  const fs::path folder = out / "findings" / finding->bucket;
  fs::create_directories(folder);
  std::string problem;
  fuzz::Program program;
  if (fuzz::LoadProgram(finding->artifact, &program, &problem)) {
    finding->program = (folder / "min.sw").string();
    WriteOrThrow(finding->program, fuzz::FormatText(program));
  }
  WriteOrThrow(folder / "report.txt", finding->title + "\n\n" + run.output);
  const Json code = typed ? Json(FindInvariant(verdict.id)->code) : Json();
  const nlohmann::ordered_json report = {
      {"schema", "sidewall.finding/1"}, {"bucket", finding->bucket}, {"invariant", code},
      {"object", verdict.object},       {"title", finding->title},   {"input", finding->artifact}};
  // What a sanitizer says need not be UTF-8.
  WriteOrThrow(folder / "report.json",
               report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace

void WriteOrThrow(const fs::path& path, std::string_view text) {
  std::string problem;
  if (!fuzz::WriteFile(path, text, &problem)) throw EnvironmentError(problem);
}

std::vector<Finding> CollectFindings(const FuzzOptions& options, const fs::path& binary,
                                     const std::vector<fs::path>& artifacts) {
  std::vector<Finding> findings;
  for (const fs::path& artifact : artifacts) {
    Finding finding;
    finding.artifact = artifact.string();
    finding.program = artifact.string();
    if (!RunsBoards(options.target) || !TriageArtifact(options, &finding)) {
      AsUntyped(binary, options.out, &finding);
    }
    const bool known = std::any_of(findings.begin(), findings.end(),
                                   [&](const Finding& f) { return f.bucket == finding.bucket; });
    if (!known) findings.push_back(finding);
  }
  return findings;
}

std::string ReproCommand(const FuzzOptions& options, const fs::path& binary,
                         const Finding& finding) {
  if (!RunsBoards(options.target) || !finding.program.ends_with(".sw")) {
    return AbsoluteQuoted(binary) + " " + AbsoluteQuoted(finding.artifact);
  }
  const std::string driver = options.bug.empty() ? "" : " --driver=bug/" + options.bug;
  // A program that tells two boards apart may break more on one of them, which would be said first.
  const std::string only = options.target == kSecrecyTarget ? " --only=ISO13" : "";
  return AbsoluteQuoted(SourceRoot() / "sidewall") + " repro" + driver + only + " " +
         AbsoluteQuoted(finding.program);
}

int TriageInput(const FuzzOptions& options) {
  fuzz::Program program;
  std::string problem;
  if (!fuzz::LoadProgram(options.triage, &program, &problem)) throw UsageError(problem);
  const InvariantSet armed = ArmedBy(options.target);
  fuzz::Reproducer reproducer(armed);
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
  // Of several inputs in a bucket the shortest program is kept, if it still shows what it did: it
  // may be of an earlier campaign.
  fuzz::Program known;
  const bool keep = fuzz::LoadProgram(folder / "min.sw", &known, &problem) &&
                    known.events.size() <= program.events.size() &&
                    known.driver == program.driver &&
                    reproducer.Run(known).verdict.Bucket() == verdict.Bucket();
  if (!keep) {
    std::string report = verdict.title + "\n";
    for (const std::string& line : fuzz::VerdictPage(verdict, program, SourceLines)) {
      report += "  " + line + "\n";
    }
    report += "\n" + text + "\n" + Narrated(program, armed);
    WriteOrThrow(folder / "min.sw", text);
    WriteOrThrow(folder / "report.txt", report);
    WriteOrThrow(folder / "report.json",
                 ReportOf(verdict, driver, program, options.triage).dump(2) + "\n");
  }
  fmt::print("{}\t{}\t{}\n", verdict.Bucket(), verdict.title, (folder / "min.sw").string());
  return kExitFinding;
}

}  // namespace sidewall::cli
