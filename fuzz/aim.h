// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What to put where a call takes a number: mostly something that lives at that point of the
// program, sometimes what is dead, somebody else's, or one off.
//
//     event.arg[1] = AimedNumber(&random, values, sketch, event, 1);
#ifndef SIDEWALL_FUZZ_AIM_H_
#define SIDEWALL_FUZZ_AIM_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/random.h"
#include "fuzz/sketch.h"
#include "fuzz/values.h"
#include "model/event.h"

namespace sidewall::fuzz {

// Goes by the name that kEventSpecs gives the argument, and by the arguments before it.
uint64_t AimedNumber(Random* random, const Values& values, const Sketch& sketch, const Event& event,
                     size_t index);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_AIM_H_
