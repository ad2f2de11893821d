// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/oracle_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "cli/environment.h"
#include "fuzz/boards.h"
#include "fuzz/mutator.h"
#include "fuzz/program.h"
#include "fuzz/program_file.h"
#include "oracle/engine_native.h"
#include "oracle/harness.h"

namespace sidewall::cli {
namespace {

// Of this process, so that what else runs on the machine is not counted.
double CpuSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// One board twice. Both are as in a fuzzer, which ends in a trap and keeps no word for a report.
class Pair {
 public:
  explicit Pair(const model::BoardSpec* board)
      : looked_({.board = board, .trap = true}),
        bare_({.board = board, .looks = false, .trap = true}) {}

  Harness<NativeEngine>& looked() { return looked_; }
  Harness<NativeEngine>& bare() { return bare_; }

 private:
  Harness<NativeEngine> looked_, bare_;
};

using Pairs = std::map<const model::BoardSpec*, std::unique_ptr<Pair>>;

Pair& PairOf(Pairs& pairs, const fuzz::Program& program) {
  const model::BoardSpec* board = fuzz::BoardOf(program);
  std::unique_ptr<Pair>& pair = pairs[board];
  if (pair == nullptr) pair = std::make_unique<Pair>(board);
  return *pair;
}

// What the events gave, in one number.
uint64_t Digest(uint64_t digest, const Outcome& outcome) {
  for (const uint64_t word : {static_cast<uint64_t>(outcome.result), outcome.value,
                              static_cast<uint64_t>(outcome.stored)}) {
    digest = (digest ^ word) * 0x100000001b3u;
    digest ^= digest >> 32;
  }
  return digest;
}

uint64_t RunOne(Harness<NativeEngine>& harness, const fuzz::Program& program) {
  uint64_t digest = 0xcbf29ce484222325u;
  harness.Begin(program.choices, program.schedule);
  for (const Event& event : program.events) digest = Digest(digest, harness.Apply(event));
  return digest;
}

// Programs that break nothing, each with what it gave; a broken one ends early, and would count
// as fast.
struct Workload {
  std::string name;
  std::string what;
  std::vector<fuzz::Program> programs;
};

bool Passes(const fuzz::Program& program) {
  static std::map<const model::BoardSpec*, std::unique_ptr<Harness<NativeEngine>>> harnesses;
  const model::BoardSpec* board = fuzz::BoardOf(program);
  auto& harness = harnesses[board];
  if (harness == nullptr) {
    harness = std::make_unique<Harness<NativeEngine>>(HarnessOptions{.board = board});
  }
  RunOne(*harness, program);
  return !harness->violated();
}

Workload FromCorpus(const std::string& folder) {
  Workload work = {"corpus", "programs of " + folder + "/{seed,good,attacks}", {}};
  std::vector<std::string> files;
  std::string problem;
  if (!fuzz::FindPrograms({folder + "/seed", folder + "/good", folder + "/attacks"}, &files,
                          &problem)) {
    throw EnvironmentError(problem + "\n  what to do: run from the tree, or name --programs");
  }
  for (const std::string& file : files) {
    fuzz::Program program;
    if (!fuzz::LoadProgram(file, &program, &problem)) throw EnvironmentError(problem);
    if (Passes(program)) work.programs.push_back(std::move(program));
  }
  return work;
}

// What a campaign runs: programs that were drawn, changed and spliced.
Workload Drawn(const std::string& board, unsigned count) {
  Workload work = {"drawn, " + board, "programs as a mutator makes them", {}};
  const model::BoardSpec* spec = fuzz::BoardNamed(board.c_str());
  fuzz::Mutator mutator(1);
  fuzz::Program program = mutator.Fresh(*spec);
  while (work.programs.size() < count) {
    for (int i = 0; i < 8; i++) mutator.Mutate(&program, fuzz::kMaxEvents);
    if (!work.programs.empty()) {
      program = mutator.Splice(program, work.programs.back(), fuzz::kMaxEvents);
    }
    if (Passes(program)) {
      work.programs.push_back(program);
    } else {
      program = mutator.Fresh(*spec);
    }
  }
  return work;
}

OracleRate Measure(const Workload& work, unsigned rounds, bool* same) {
  OracleRate rate = {work.name, work.what, work.programs.size()};
  Pairs pairs;
  double looked = 0, bare = 0;
  for (const fuzz::Program& program : work.programs) {
    Pair& pair = PairOf(pairs, program);
    rate.events += program.events.size();
    *same &= RunOne(pair.looked(), program) == RunOne(pair.bare(), program);
    double best[2] = {std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
    for (unsigned round = 0; round < rounds; round++) {
      const double begin = CpuSeconds();
      RunOne(pair.looked(), program);
      const double middle = CpuSeconds();
      RunOne(pair.bare(), program);
      const double end = CpuSeconds();
      best[0] = std::min(best[0], middle - begin);
      best[1] = std::min(best[1], end - middle);
    }
    looked += best[0], bare += best[1];
  }
  rate.with_oracle = static_cast<double>(rate.events) / looked;
  rate.without_oracle = static_cast<double>(rate.events) / bare;
  rate.ratio = rate.with_oracle / rate.without_oracle;
  return rate;
}

// ---------------------------------------------------------------- size of state

fuzz::Program Parsed(const std::string& text) {
  fuzz::Program program;
  fuzz::ParseError error;
  if (!fuzz::ParseText("# sidewall-program v1\n# board: tegra234:1G\n" + text, &program, &error)) {
    throw EnvironmentError("bench oracle: " + error.what + " in\n" + text);
  }
  return program;
}

// A state of so many pages: those that a domain maps, with a stream that reaches them, and as many
// that are a guest's.
fuzz::Program StateOf(uint64_t pages) {
  std::string text = fmt::format(
      "pool.add npages={:#x} -> ok\nhvc.alloc_domain domain=1 -> ok\n"
      "hvc.attach_dev iommu=niso0 domain=1 sid=0x10 -> ok\nvm.create -> ok\n",
      16 + pages / 512 + 1);
  constexpr uint64_t kAtOnce = 512;
  for (uint64_t at = 0; at < pages; at += kAtOnce) {
    const uint64_t count = std::min(kAtOnce, pages - at);
    text += fmt::format(
        "hvc.map_pages domain=1 iova={:#x} pa={:#x} size=0x1000 npages={:#x} prot=3 -> ok\n",
        0x40000000 + at * 4096, 0x84000000 + at * 4096, count);
    text +=
        fmt::format("hyp.donate pages={:#x}+{} to=guest0 -> ok\n", 0x90000000 + at * 4096, count);
  }
  return Parsed(text);
}

struct Probe {
  const char* name;
  const char* what;
  const char* events;  // leave the state as it was
};

constexpr Probe kProbes[] = {
    {"map", "a page of the domain mapped, reached by its stream, and unmapped with a sync",
     "hvc.map_pages domain=1 iova=0x20000000 pa=0x83000000 size=0x1000 npages=1 prot=3 -> ok\n"
     "dma.stream stream=niso0:0x10 addr=0x20000000 write -> ok\n"
     "hvc.unmap_pages domain=1 iova=0x20000000 size=0x1000 npages=1 -> ok\n"},
    {"donate", "a page of the host's given to a guest and taken back",
     "hyp.donate pages=0x83001000+1 to=guest0 -> ok\n"
     "hyp.reclaim pages=0x83001000+1 from=guest0 -> ok\n"},
    {"entry", "an entry of the host's made valid and invalid",
     "host.write32 niso0 S2CR[5] 0x10001\nhost.write32 niso0 SMR[5] 0x80000006\n"
     "host.write32 niso0 SMR[5] 0x6\n"},
    {"attach", "a stream attached to the domain and detached",
     "hvc.attach_dev iommu=niso0 domain=1 sid=0x11 -> ok\n"
     "hvc.detach_dev iommu=niso0 domain=1 sid=0x11 -> ok\n"},
};

void MustRun(Harness<NativeEngine>& harness, const fuzz::Program& program) {
  for (const Event& event : program.events) {
    const Outcome outcome = harness.Apply(event);
    if (event.expect == Expect::kNone || outcome.result == event.expect) continue;
    throw EnvironmentError("bench oracle: " + fuzz::FormatEvent(event) + " did not do so");
  }
}

double ProbeNs(Harness<NativeEngine>& harness, const fuzz::Program& probe) {
  constexpr int kTimes = 40;
  const double begin = CpuSeconds();
  for (int i = 0; i < kTimes; i++) MustRun(harness, probe);
  const double events = static_cast<double>(kTimes * probe.events.size());
  return (CpuSeconds() - begin) * 1e9 / events;
}

std::vector<Growth> MeasureGrowth(const OracleBenchOptions& options) {
  std::vector<Growth> all;
  for (const Probe& probe : kProbes) all.push_back({probe.name, probe.what, {}});
  for (uint64_t size = 16; size <= options.largest; size *= 8) {
    const fuzz::Program state = StateOf(size);
    Pair pair(fuzz::BoardOf(state));
    for (Harness<NativeEngine>* harness : {&pair.looked(), &pair.bare()}) {
      harness->Begin(state.choices);
      MustRun(*harness, state);
    }
    for (size_t i = 0; i < all.size(); i++) {
      const fuzz::Program probe = Parsed(kProbes[i].events);
      GrowthRow row = {size, std::numeric_limits<double>::max(),
                       std::numeric_limits<double>::max()};
      for (unsigned round = 0; round < options.rounds; round++) {
        row.with_oracle = std::min(row.with_oracle, ProbeNs(pair.looked(), probe));
        row.without_oracle = std::min(row.without_oracle, ProbeNs(pair.bare(), probe));
      }
      all[i].rows.push_back(row);
    }
  }
  return all;
}

}  // namespace

OracleBench MeasureOracle(const OracleBenchOptions& options) {
  OracleBench bench;
  for (const Workload& work : {FromCorpus(options.programs), Drawn("tegra234", options.drawn),
                               Drawn("tiny", options.drawn)}) {
    bench.rates.push_back(Measure(work, options.rounds, &bench.same));
  }
  bench.growth = MeasureGrowth(options);
  return bench;
}

}  // namespace sidewall::cli
