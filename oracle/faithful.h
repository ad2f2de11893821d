// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a read of the host must show: what a bare SMMU with the advertised IDs would, which took the
// host's own writes as they were, apart from the table of deviations.
//
//     Shown shown = ExpectedRead(ghost, machine, Window::kNiso0Mirror, 0xc14, 4);
//     assert((value & shown.mask) == shown.value);
#ifndef SIDEWALL_ORACLE_FAITHFUL_H_
#define SIDEWALL_ORACLE_FAITHFUL_H_

#include <cstddef>
#include <cstdint>

#include "model/event.h"
#include "model/machine.h"
#include "oracle/ghost.h"

namespace sidewall {

// The bits that are known of a value; of the others nothing is claimed.
struct Shown {
  uint64_t value = 0;
  uint64_t mask = 0;
};

// Where the host is shown something else than bare hardware would show, and why.
struct Deviation {
  const char* name;  // of the register, as the model spells it; with a star, all that begin so
  enum Kind : uint8_t {
    kOpen,  // nothing is claimed here: another invariant looks, or hardware itself decides
    kZero,  // reads as zero
  } kind;
  const char* reason;
};
const Deviation* Deviations(size_t* count);

// `machine` is the real one: what the memory controller holds is shown as it is.
Shown ExpectedRead(const Ghost& ghost, const model::Machine& machine, Window window,
                   uint32_t offset, unsigned width);

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_FAITHFUL_H_
