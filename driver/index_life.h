// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The life of what EL2 hands out of its own share: context banks with their VMIDs, stream mapping
// entries and domains. Each index has one owner and goes round in one direction:
//
//     FREE -> RESERVED -> LIVE(references) -> DRAINING(epoch) -> FREE
//
//     life.Reserve();                 // chosen, nothing stored yet; Cancel() takes it back
//     life.Publish();                 // hardware may use it
//     life.Drain(clock.Invalidated());     // its invalidation has been stored on every instance
//     if (clock.Synced(life.epoch())) life.Free();  // only a completed sync on all of them gets
//     here
//
// A reader may see what a life is, and only these steps change it; each checks the one before.
#ifndef SIDEWALL_DRIVER_INDEX_LIFE_H_
#define SIDEWALL_DRIVER_INDEX_LIFE_H_

#include "driver/types.h"

namespace SIDEWALL_NS {

enum class Stage : uint8_t { kFree = 0, kReserved, kLive, kDraining };

class IndexLife {
 public:
  Stage stage() const { return stage_; }
  bool is_free() const { return stage_ == Stage::kFree; }
  bool is_live() const { return stage_ == Stage::kLive; }
  bool is_draining() const { return stage_ == Stage::kDraining; }
  uint32_t references() const { return references_; }
  uint64_t epoch() const { return epoch_; }

  // Each returns false, and changes nothing, where the index is not at the stage before.
  [[nodiscard]] bool Reserve();
  [[nodiscard]] bool Cancel();
  [[nodiscard]] bool Publish();
  [[nodiscard]] bool Refer();
  [[nodiscard]] bool Drop();
  [[nodiscard]] bool Drain(uint64_t epoch);  // without references
  [[nodiscard]] bool Free();

 private:
  [[nodiscard]] bool Step(Stage from, Stage to);

  Stage stage_;
  uint16_t references_;
  uint64_t epoch_;
};

// Time as a unit's TLBs know it. Only stepped under the unit's lock.
class SyncClock {
 public:
  // An invalidation has been stored on every instance: what drains because of it waits for a sync
  // that begins from now on.
  uint64_t Invalidated() { return ++issued_; }
  // A sync that began after all of those completed on every instance.
  void Completed() { completed_ = issued_; }
  bool Synced(uint64_t epoch) const { return epoch <= completed_; }

 private:
  uint64_t issued_;
  uint64_t completed_;
};

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_INDEX_LIFE_H_
