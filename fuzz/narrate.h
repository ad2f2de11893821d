// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Tells people what a program does: each event, each store that it makes the driver do, and what
// it gave, with registers and fields by name.
//
//     TextNarrator narrator(stdout, *model::FindBoard("tiny"));
//     Harness<NativeEngine> harness({.board = ..., .narrator = &narrator});
//     narrator.set_on(true);       // after Begin: how the board comes up is not worth a line
//
//     [3] host.write32 niso0 S2CR[1] type=bypass
//           niso0   S2CR[1] = 0x3  cbndx=3
//           niso0m  S2CR[1] = 0x3  cbndx=3
//         -> ok
#ifndef SIDEWALL_FUZZ_NARRATE_H_
#define SIDEWALL_FUZZ_NARRATE_H_

#include <cstdio>
#include <string>

#include "model/board.h"
#include "model/event.h"
#include "oracle/options.h"

namespace sidewall::fuzz {

class TextNarrator final : public Narrator {
 public:
  TextNarrator(std::FILE* out, const model::BoardSpec& board) : out_(out), board_(board) {}
  void set_on(bool on) { on_ = on; }

  void OnEvent(size_t index, const Event& event) override;
  void OnStore(uint64_t pa, unsigned width, uint64_t value, bool table) override;
  void OnLoad(uint64_t pa, unsigned width, uint64_t value, bool answered) override;
  void OnTransfer(const model::DmaRequest& request, const model::DmaResult& result) override;
  void OnOutcome(const Event& event, const Outcome& outcome) override;

 private:
  std::FILE* out_;
  const model::BoardSpec& board_;
  bool on_ = false;
};

// "niso0  S2CR[1] = 0x3  cbndx=3"; an address of no window is written as a number.
std::string StoreText(const model::BoardSpec& board, uint64_t pa, unsigned width, uint64_t value);
// "0x83802000[1] = 0": an entry of a page table.
std::string TableText(uint64_t pa, uint64_t value);
// "ok 0x80001000", "fault", "skipped".
std::string OutcomeText(const Outcome& outcome);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_NARRATE_H_
