// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The fuzz target for what the host may not learn: whole programs on two boards whose guests have
// other secrets (fuzz/secrecy.h), over the driver that is linked in.
//
// Strategy: the input is a program in binary form, mutated as a program (fuzz/mutator.h), as for
//   board_fuzzer. One in which no guest is ever made has nothing to keep and stays out of the
//   corpus. Both boards come up once; a run undoes only what it changed.
// Invariants: ISO13, after each event and, at the end, in each register that has a name, the
//   counters and the host's records of the ring. A difference ends in a trap of its own, so that
//   the crash names it.
// Not covered: whatever one board shows by itself, which is board_fuzzer's, so that a program that
//   breaks something there runs on; time; secrets in pages beyond the first 64 of RAM; programs
//   that map twice while hardware or a pool fails, which are run with each mapping made once.
//
// SIDEWALL_BOARD=tiny runs only programs of that board. SIDEWALL_COVERAGE_FILE=path counts there
// what was exercised on the first of the two boards.
#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>

#include "fuzz/board_target.h"
#include "fuzz/boards.h"
#include "fuzz/program.h"
#include "fuzz/secrecy.h"
#include "model/board.h"
#include "oracle/invariant.h"

namespace sidewall::fuzz {
namespace {

Secrecy& SecrecyOf(const model::BoardSpec& board) {
  // By id. The nodes of a map would be written by a library that MemorySanitizer cannot see.
  static std::array<std::unique_ptr<Secrecy>, 256> boards;
  std::unique_ptr<Secrecy>& secrecy = boards[board.id];
  if (secrecy == nullptr) secrecy = std::make_unique<Secrecy>(board, EngineForks());
  return *secrecy;
}

// As the oracle says it of all others.
void Tell(const Verdict& verdict) {
  std::fprintf(stderr, "sidewall: %s %s\n", verdict.Bucket().c_str(), verdict.title.c_str());
  for (const std::string& line : verdict.text) std::fprintf(stderr, "    %s\n", line.c_str());
}

[[gnu::noinline]] void Iso13Secrecy(Secrecy& secrecy, const Program& program) {
  const Verdict verdict = secrecy.Run(program);
  if (verdict.id == Invariant::kNone) return;
  Tell(verdict);
  __builtin_trap();
}

}  // namespace
}  // namespace sidewall::fuzz

// Boards come up once, before AFL++ forks, and before anything is measured.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace sidewall::fuzz;
  RequireEnvironment("secrecy_fuzzer");
  for (const Program& empty : EmptyPrograms()) {
    Secrecy& secrecy = SecrecyOf(*BoardOf(empty));
    Iso13Secrecy(secrecy, empty);
    secrecy.Undo();
    *secrecy.exercised() = sidewall::Coverage();
  }
  return 0;
}

// -1 keeps an input out of the corpus. What a run leaves behind is undone at its end, as in
// board_fuzzer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sidewall::fuzz;
  const std::optional<Program> program = RunnableProgram(data, size);
  if (!program.has_value() || !Secrecy::HasSecrets(*program)) return -1;
  Secrecy& secrecy = SecrecyOf(*BoardOf(*program));
  Iso13Secrecy(secrecy, *program);
  secrecy.Undo();
  CampaignCoverage().Add(secrecy.exercised());
  return 0;
}
