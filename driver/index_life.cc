// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/index_life.h"

namespace SIDEWALL_NS {

bool IndexLife::Step(Stage from, Stage to) {
  if (stage_ != from) return false;
  stage_ = to;
  return true;
}

bool IndexLife::Reserve() { return Step(Stage::kFree, Stage::kReserved); }

bool IndexLife::Cancel() { return Step(Stage::kReserved, Stage::kFree); }

bool IndexLife::Publish() { return Step(Stage::kReserved, Stage::kLive); }

bool IndexLife::Refer() {
  if (stage_ != Stage::kLive || references_ == 0xffff) return false;
  ++references_;
  return true;
}

bool IndexLife::Drop() {
  if (stage_ != Stage::kLive || references_ == 0) return false;
  --references_;
  return true;
}

bool IndexLife::Drain(uint64_t epoch) {
  if (references_ != 0 || !Step(Stage::kLive, Stage::kDraining)) return false;
  epoch_ = epoch;
  return true;
}

bool IndexLife::Free() { return Step(Stage::kDraining, Stage::kFree); }

}  // namespace SIDEWALL_NS
