// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Seeds that an engine takes as they are. libFuzzer takes 0 for "any", cuts off what is above 32
// bits, and a campaign that cannot be had again is worth little.
//
//     verb->add_option("--seed", options->seed)->check(EngineSeed());
#ifndef SIDEWALL_CLI_SEED_CHECK_H_
#define SIDEWALL_CLI_SEED_CHECK_H_

#include <CLI/CLI.hpp>
#include <cstdint>

namespace sidewall::cli {

inline CLI::Range EngineSeed() { return CLI::Range(uint64_t{1}, uint64_t{0xffffffff}); }

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_SEED_CHECK_H_
