// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/seeded_bugs.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <sstream>
#include <utility>

#include "cli/environment.h"
#include "cli/targets.h"
#include "oracle/invariant.h"

namespace sidewall::cli {
namespace {

std::string Lower(std::string_view text) {
  std::string lower;
  for (char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string Trim(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

// The `Key: value` lines before the change itself; keys in lower case.
std::map<std::string, std::string> Head(std::string_view patch) {
  std::map<std::string, std::string> head;
  std::istringstream lines{std::string(patch)};
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with("--- ") || line.starts_with("diff ")) break;
    size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    head[Lower(Trim(line.substr(0, colon)))] = Trim(line.substr(colon + 1));
  }
  return head;
}

std::vector<std::string> Codes(const std::string& name, const std::string& text) {
  std::vector<std::string> codes = HeadWords(text);
  for (const std::string& code : codes) {
    if (FindInvariant(code) == nullptr) {
      throw UsageError(name + ": 'Expect:' names " + code + ", which is no invariant");
    }
  }
  return codes;
}

// Classes by which a matrix is read; a word of one's own would be counted nowhere.
void CheckClasses(const std::string& name, const std::string& text) {
  static constexpr std::string_view kClasses[] = {
      "lifetime", "invalidation", "store order", "one instance only",
      "fail_nth", "resume",       "policy",      "range and mask boundaries",
      "tables",   "authority",    "faults",      "locks"};
  std::istringstream classes(text);
  for (std::string kind; std::getline(classes, kind, ';');) {
    if (std::count(std::begin(kClasses), std::end(kClasses), Trim(kind)) > 0) continue;
    throw UsageError(name + ": 'Class:' names '" + Trim(kind) + "'; see oracle/README.md");
  }
}

unsigned Number(const std::string& name, const char* key, const std::string& word) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value == 0) {
    throw UsageError(name + ": '" + key + ":' has " + word + ", which is no number from 1 on");
  }
  return value;
}

}  // namespace

std::vector<std::string> HeadWords(std::string text) {
  for (char& c : text) {
    if (c == ',' || c == '/') c = ' ';
  }
  std::istringstream stream(text);
  std::vector<std::string> words;
  std::string word;
  while (stream >> word) words.push_back(word);
  return words;
}

SeededBug ParseSeededBug(const std::string& name, std::string_view patch) {
  std::map<std::string, std::string> head = Head(patch);
  for (const char* key : {"id", "title", "imitates", "expect", "depth", "class"}) {
    if (head[key].empty()) {
      throw UsageError(name + ": the head has no line '" + key + ":'; see oracle/README.md");
    }
  }
  SeededBug bug;
  bug.id = head["id"];
  bug.title = head["title"];
  bug.imitates = head["imitates"];
  bug.expect = Codes(name, head["expect"]);
  bug.depth = head["depth"];
  bug.kind = head["class"];
  CheckClasses(name, bug.kind);
  Number(name, "Depth", bug.depth);
  std::istringstream programs(head["program"]);
  for (std::string program; programs >> program;) bug.programs.push_back(program);
  for (const std::string& word : HeadWords(head["attack"])) {
    bug.attacks.push_back(Number(name, "Attack", word));
  }
  bug.quick = head["quick"] == "yes";
  if (!bug.quick && !head["quick"].empty()) {
    throw UsageError(name + ": 'Quick:' is yes, or not there");
  }
  if (!name.starts_with(bug.id + "-")) {
    throw UsageError(name + ": the file name does not begin with its ID, " + bug.id);
  }
  return bug;
}

std::vector<SeededBug> SeededBugs(const std::filesystem::path& root) {
  std::vector<SeededBug> bugs;
  for (const auto& path : FilesIn(root / "oracle/bugs", ".patch")) {
    bugs.push_back(ParseSeededBug(path.filename().string(), ReadTextFile(path)));
    bugs.back().patch = path;
  }
  return bugs;
}

std::vector<std::string> HuntingTargets(const SeededBug& bug) {
  std::vector<std::string> targets = {kBoardTarget};
  const bool secret = std::count(bug.expect.begin(), bug.expect.end(), "ISO13") != 0;
  if (secret) targets.push_back(kSecrecyTarget);
  return targets;
}

Composition Compose(const std::vector<SeededBug>& bugs) {
  constexpr unsigned long kDeep = 5;
  Composition composition;
  for (const SeededBug& bug : bugs) {
    std::istringstream classes(bug.kind);
    for (std::string kind; std::getline(classes, kind, ';');) ++composition.by_class[Trim(kind)];
    for (const std::string& code : bug.expect) ++composition.by_invariant[code];
    composition.deep += std::stoul(bug.depth) >= kDeep;
    composition.invented += bug.attacks.empty();
  }
  return composition;
}

SeededBug FindSeededBug(const std::filesystem::path& root, const std::string& id) {
  for (SeededBug& bug : SeededBugs(root)) {
    if (bug.id == id) return std::move(bug);
  }
  throw UsageError("there is no seeded bug " + id + "; see: sidewall list bugs");
}

}  // namespace sidewall::cli
