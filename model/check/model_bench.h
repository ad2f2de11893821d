// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// How fast the model is, beside Unicorn's AT in the same run, round by round in turns. Machines
// differ and are shared, so the ratios say more than the figures do.
//
//     for (const Rate& rate : MeasureModel({.rounds = 5})) {
//       Print(rate.name, rate.per_second, rate.ratio);
//     }
#ifndef SIDEWALL_MODEL_CHECK_MODEL_BENCH_H_
#define SIDEWALL_MODEL_CHECK_MODEL_BENCH_H_

#include <cstdint>
#include <string>
#include <vector>

namespace sidewall::check {

struct BenchOptions {
  unsigned rounds = 5;             // each figure is the median of so many
  double seconds_per_round = 0.2;  // about
};

struct Rate {
  std::string name;
  std::string what;  // one line of explanation
  double per_second = 0;
  double ratio = 0;              // to Unicorn's AT, in rounds that took turns with these
  double beside_per_second = 0;  // and how fast that was in those rounds
};

// Throws Unavailable (qemu.h) when there is no bare image.
std::vector<Rate> MeasureModel(const BenchOptions& options);

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_MODEL_BENCH_H_
