// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The smallest program that still does what matters, as a question to the caller:
//
//     Program small = Minimize(program, [&](const Program& p) { return Breaks(p,
//     Invariant::kIso05); });
#ifndef SIDEWALL_FUZZ_MINIMIZE_H_
#define SIDEWALL_FUZZ_MINIMIZE_H_

#include <cstddef>
#include <functional>

#include "fuzz/program.h"

namespace sidewall::fuzz {

// `keeps` is asked at most `budget` times; the result is one that it said yes to, or the program
// itself. Drops events, then choices and schedule, then makes what is left plainer.
Program Minimize(const Program& program, const std::function<bool(const Program&)>& keeps,
                 size_t budget = 4000);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_MINIMIZE_H_
