// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/engine_unicorn.h"
#include "replay/rig.h"

namespace sidewall::replay {
namespace {

class El2Rig final : public Rig {
 public:
  explicit El2Rig(const HarnessOptions& options) : Rig("el2", options), engine_(board_) {}

 private:
  struct sidewall_result Call(const sidewall::Call& call) override { return engine_.Invoke(call); }

  UnicornEngine engine_;
};

}  // namespace

std::unique_ptr<Rig> MakeEl2Rig(const HarnessOptions& options) {
  return std::make_unique<El2Rig>(options);
}

}  // namespace sidewall::replay
