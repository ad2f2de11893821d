// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The seeded bugs, as their patch files in oracle/bugs describe them. A patch begins with lines
// of the form `Key: value`:
//
//     ID: SB001
//     Title: S2CR type bypass is forwarded
//     Imitates: a driver that trusts the host's stream table
//     Expect: ISO05 ISO01
//     Depth: 1
//     Class: policy
//     Program: corpus/board/bad/iso05-sb001-bypass-is-forwarded.sw
//
// Program, Attack (numbers of attacks of the threat model) and Quick (whether the tests hunt it)
// may be left out.
//
//     for (const SeededBug& bug : SeededBugs(SourceRoot())) puts(bug.title.c_str());
#ifndef SIDEWALL_CLI_SEEDED_BUGS_H_
#define SIDEWALL_CLI_SEEDED_BUGS_H_

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sidewall::cli {

struct SeededBug {
  std::string id;
  std::string title;
  std::string imitates;
  std::vector<std::string> expect;  // codes of the invariants that may report it, best first
  std::string depth;
  std::string kind;  // "Class:"
  std::filesystem::path patch;
  std::vector<std::string> programs;  // paths from the root; each shows the bug
  std::vector<unsigned> attacks;
  bool quick = false;
};

// Words of a head line, separated by spaces, commas or slashes.
std::vector<std::string> HeadWords(std::string text);

// How many bugs there are of each kind. A bug of two classes counts in both, and so does one that
// two invariants may report.
struct Composition {
  std::map<std::string, size_t> by_class;
  std::map<std::string, size_t> by_invariant;
  size_t deep = 0;      // five events or more
  size_t invented = 0;  // by reading the driver: no attack of the threat model
};
Composition Compose(const std::vector<SeededBug>& bugs);

// The fuzz targets that hunt it, each where those before it have found nothing: `board` first, then
// `secrecy` for what one board does not show, where the bug is expected to be one of secrecy.
std::vector<std::string> HuntingTargets(const SeededBug& bug);

// Reads the head of one patch; `name` is its file name, for messages. Throws UsageError when a
// line that every patch must have is missing, names no invariant, is no number where one is meant,
// or when the ID and the file name contradict each other.
SeededBug ParseSeededBug(const std::string& name, std::string_view patch);

// All of oracle/bugs, by ID.
std::vector<SeededBug> SeededBugs(const std::filesystem::path& root);
// One of them; throws UsageError when there is none.
SeededBug FindSeededBug(const std::filesystem::path& root, const std::string& id);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_SEEDED_BUGS_H_
