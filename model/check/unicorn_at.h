// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The image's loop under Unicorn, at EL1, for the cases of stage 1 that it can do: the tables that
// are tried have to map the loop itself, so the lower half with 31 to 39 bits; 48-bit addresses.
//
//     UnicornAt unicorn(ImagePath());
//     if (UnicornCan(one)) unicorn.Append(one);
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
  // Empties the batch.
  Batch& Begin();
  // With one more descriptor, which maps the RAM of the image. False: there is no room left.
  bool Append(Case one);
  void Run();
  Batch& batch();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  uint32_t store_count_ = 0;
};

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_UNICORN_AT_H_
