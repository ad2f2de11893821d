// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The image's loop under Unicorn, which has the stage-1 MMU and nothing else: AT S1E1* and S1E0*,
// sizes from 25 up, no stage 2.
//
//     UnicornAt unicorn(ImagePath());
//     if (UnicornCan(one)) AppendCase(one, &unicorn.batch(), &stores);
//     unicorn.Run();                                // then batch().results
#ifndef SIDEWALL_MODEL_CHECK_UNICORN_AT_H_
#define SIDEWALL_MODEL_CHECK_UNICORN_AT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "model/check/batch.h"
#include "model/check/draw.h"

namespace sidewall::check {

bool UnicornCan(const Case& one);

class UnicornAt {
 public:
  explicit UnicornAt(const std::string& image);
  ~UnicornAt();
  Batch& batch();
  void Run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_UNICORN_AT_H_
