// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/boot/guest/guest.h"

namespace sidewall::boot {

void Hostile() {
  Mark(kMarkHostile);
  Mark(kMarkHostileDone);
}

}  // namespace sidewall::boot
