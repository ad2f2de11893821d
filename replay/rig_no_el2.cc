// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// In a build without SIDEWALL_EL2 there is no aarch64 image and nothing to run it.
#include "replay/rig.h"

namespace sidewall::replay {

std::unique_ptr<Rig> MakeEl2Rig(const HarnessOptions&) { return nullptr; }

}  // namespace sidewall::replay
