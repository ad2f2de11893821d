// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The engine of the host build: the driver that is linked into this program.
//
//     NativeEngine engine(board);
//     engine.Invoke({.id = CallId::kFinalize});
#ifndef SIDEWALL_ORACLE_ENGINE_NATIVE_H_
#define SIDEWALL_ORACLE_ENGINE_NATIVE_H_

#include <csetjmp>
#include <memory>

#include "oracle/engine.h"

namespace sidewall {

class NativeEngine {
 public:
  explicit NativeEngine(Platform& platform);
  NativeEngine(const NativeEngine&) = delete;
  NativeEngine& operator=(const NativeEngine&) = delete;

  struct sidewall_result Invoke(const Call& call);
  void Save();
  void Restore();

 private:
  struct Block {
    alignas(SIDEWALL_STATE_ALIGN) unsigned char bytes[SIDEWALL_STATE_SIZE];
  };

  struct sidewall_result Enter(const Call& call);

  Platform& platform_;
  std::unique_ptr<Block> block_;
  std::unique_ptr<Block> saved_;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_ENGINE_NATIVE_H_
