// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The parts of `sidewall bugs`. Each returns an exit code of this program.
//
//     return CarryPatches(ChosenBugs({"SB001"}), false);   // would SB001 still apply?
#ifndef SIDEWALL_CLI_BUGS_H_
#define SIDEWALL_CLI_BUGS_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/seeded_bugs.h"

namespace sidewall::cli {

struct BugsOptions {
  std::vector<std::string> ids;
  bool quick = false;
  bool resume = false;
  bool rebase = false;
  bool check = false;
  bool programs = false;
  bool blind = false;
  bool json = false;
  uint64_t seed = 1;
  uint64_t runs = 0;       // 0: as the kind of run says
  unsigned jobs = 0;       // 0: one for each CPU
  std::string out;         // where hunts are kept; empty: in the build folder
  std::string witness;     // internal: one input, over the driver that is linked in
  std::string witness_of;  // and the target that it ended
};

// All of them when none is named.
std::vector<SeededBug> ChosenBugs(const std::vector<std::string>& ids);

// A folder of its own, gone with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Runs the programs that the patches name: each breaks an invariant that its bug expects under the
// bug's driver, and does what its own head says under the one that ships.
int RunBugPrograms(const std::vector<SeededBug>& bugs);

// Says which patches no longer apply; with `rewrite`, carries them over to the driver as it is.
int CarryPatches(const std::vector<SeededBug>& bugs, bool rewrite);

// Hunts bugs and prints the kill matrix.
int RunHunts(const BugsOptions& options);

// Weakens oracle and model one rule at a time, and shows which bug then goes unseen.
int RunBlind(const BugsOptions& options);

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_BUGS_H_
