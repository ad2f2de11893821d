// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// ISO13: two boards in one process run the same program, but in the second one guests have other
// secrets. Their memory holds something else, they map other pages at other addresses and more
// often, and their devices fault where they did not. All that the host can read must be the same on
// both.
//
//     Secrecy secrecy(*model::FindBoard("tiny"));
//     Verdict verdict = secrecy.Run(program);       // kNone: the host can tell nothing
//     secrecy.Undo();                               // both boards are as if nothing had run
//
// Boards come up with the first run; each run undoes what the one before it has changed.
//
// Out of scope, as the invariant says: time.
#ifndef SIDEWALL_FUZZ_SECRECY_H_
#define SIDEWALL_FUZZ_SECRECY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/program.h"
#include "oracle/engine_native.h"
#include "oracle/harness.h"

namespace sidewall::fuzz {

class Secrecy {
 public:
  // `forks`: the engine forks this process (AFL++).
  explicit Secrecy(const model::BoardSpec& board, bool forks = false);

  // Whether a program has anything that could be kept from the host.
  static bool HasSecrets(const Program& program);
  Verdict Run(const Program& program);
  void Undo();
  // Of the first board in all runs: what the events of the programs exercised, without the reads
  // that compare.
  Coverage* exercised() { return &exercised_; }
  // Values of the host that were compared, and events that guests made otherwise.
  uint64_t compared() const { return compared_; }
  uint64_t twisted() const { return twisted_; }

 private:
  // One board, and what the host has seen of its last event.
  struct Side {
    explicit Side(const HarnessOptions& options);
    Harness<NativeEngine> harness;
    std::vector<Access> log;
  };

  // What a guest does instead.
  Event Twisted(const Event& event);
  bool OfGuest(const Event& event);
  bool IsHosts(const Event& fault);
  void KeepSecrets();
  void Repeat(const Event& map, const Outcome& outcome);
  std::string RunEvents(const Program& program, size_t* ran);
  void DrawFor(const Program& program, size_t event);
  std::string Step(const Event& event);
  std::string Read(uint64_t window, uint32_t offset);
  std::string CompareTold() const;
  std::string CompareReads();
  std::string CompareCounters();

  const model::BoardSpec& board_;
  Coverage exercised_;
  Side plain_, other_;
  bool moves_ = false;    // whether guests map at other addresses
  bool repeats_ = false;  // and do so twice
  uint64_t compared_ = 0;
  uint64_t twisted_ = 0;
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_SECRECY_H_
