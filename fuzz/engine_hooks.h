// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the fuzz targets over programs have in common.
//
//     if (BoardOfEnvironment() != nullptr) ...   // SIDEWALL_BOARD=tiny: this board only
#ifndef SIDEWALL_FUZZ_ENGINE_HOOKS_H_
#define SIDEWALL_FUZZ_ENGINE_HOOKS_H_

#include "model/board.h"

namespace sidewall::fuzz {

// Null where SIDEWALL_BOARD is not set, or names no board.
const model::BoardSpec* BoardOfEnvironment();

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_ENGINE_HOOKS_H_
