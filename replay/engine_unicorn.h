// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The engine of the aarch64 build: the same driver, compiled as it ships, run by Unicorn.
//
//     UnicornEngine::SetImage("build/replay/driver-el2.elf");
//     UnicornEngine engine(platform);
//     engine.Invoke({.id = CallId::kInit, .cfg = &cfg});
//
// The image knows no test: it is the object that boards get, linked at a fixed address, with every
// sidewall_plat_ symbol placed in a page of `ret` instructions. Reaching one of them calls the
// Platform, puts the answer where the driver wants it and goes on. State block, stack and the
// structures that a call passes are mapped with unmapped pages around them, and the page-table
// pool is mapped read-only, so that a stray access ends the run with PC, symbol and instruction.
#ifndef SIDEWALL_REPLAY_ENGINE_UNICORN_H_
#define SIDEWALL_REPLAY_ENGINE_UNICORN_H_

#include <memory>
#include <string>

#include "oracle/engine.h"
#include "replay/el2_image.h"

namespace sidewall::replay {

class UnicornEngine {
 public:
  // The image of all engines made from now on. Without it: the environment's SIDEWALL_EL2_IMAGE,
  // else the image of the shipped driver that this build made.
  static void SetImage(const std::string& path);

  // Throws EngineError when there is no image, or it lacks a symbol of the waist.
  explicit UnicornEngine(Platform& platform);
  ~UnicornEngine();
  UnicornEngine(const UnicornEngine&) = delete;
  UnicornEngine& operator=(const UnicornEngine&) = delete;

  // Throws EngineError when the driver leaves the memory it was given or meets an instruction
  // that the processor does not have.
  struct sidewall_result Invoke(const Call& call);
  void Save();
  void Restore();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_ENGINE_UNICORN_H_
