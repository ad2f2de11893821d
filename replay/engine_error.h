// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What an engine throws: there is no image to run, or the driver in it did what no driver may do.
//
//     throw EngineError("driver.elf: no symbol sidewall_init");
#ifndef SIDEWALL_REPLAY_ENGINE_ERROR_H_
#define SIDEWALL_REPLAY_ENGINE_ERROR_H_

#include <stdexcept>

namespace sidewall::replay {

class EngineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_ENGINE_ERROR_H_
