// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Runs programs again, over the driver that is linked in, for a verdict instead of a trap.
//
//     Reproducer reproducer(AllInvariants(), stdout);
//     RunResult result = reproducer.Run(program);       // narrated to stdout
//     AsExpected(result, program.expect);               // did it do what the file says?
#ifndef SIDEWALL_FUZZ_REPRODUCE_H_
#define SIDEWALL_FUZZ_REPRODUCE_H_

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "fuzz/narrate.h"
#include "fuzz/program.h"
#include "fuzz/secrecy.h"
#include "oracle/engine_native.h"
#include "oracle/harness.h"

namespace sidewall::fuzz {

class Reproducer {
 public:
  // `narrate` may be null: nothing is told.
  explicit Reproducer(InvariantSet armed, std::FILE* narrate = nullptr)
      : armed_(armed), narrate_(narrate) {}
  RunResult Run(const Program& program);
  // Programs that keep breaking this invariant.
  bool Breaks(const Program& program, Invariant id);

 private:
  struct Bench {
    std::unique_ptr<TextNarrator> narrator;
    std::unique_ptr<Harness<NativeEngine>> harness;
    std::unique_ptr<Secrecy> secrecy;  // made when a program has secrets
  };
  Bench& BenchOf(const Program& program);

  InvariantSet armed_;
  std::FILE* narrate_;
  std::map<const model::BoardSpec*, Bench> benches_;
};

// "ISO05", or "event 3 gave fault, not ok", or "pass".
std::string ResultText(const Program& program, const RunResult& result);
// What the file's head and its `-> ...` expect under the driver that ships.
bool AsExpected(const RunResult& result, uint8_t expect);
// Whether a driver other than the one that ships was caught: by the invariant that the file names,
// or, where the file expects a pass, by any invariant or any outcome.
bool Broke(const RunResult& result, uint8_t expect);

// "shipped", "passthrough", "bug/SB001": the driver that a program of this name is linked over
// (sidewall-tool, sidewall-tool.passthrough, sidewall-tool.SB001).
std::string DriverOfTool(const std::string& path);
// The other way: what the name of the tool ends in, "" for the driver that ships.
std::string SuffixOfDriver(const std::string& driver);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_REPRODUCE_H_
