// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The ledger of locks: who holds which, and whether the declared order is kept. The hypervisor's
// own host lock comes before all locks of the driver, these come by number.
//
//     LockLedger ledger;
//     ledger.Take(0, kHostLock);
//     ledger.Take(0, 4);
//     LockReport r = ledger.Take(0, 1);     // kOrder: 1, while 4 is held
//
// One CPU runs at a time in this model, so a lock that another CPU holds will never be given: that
// is reported too. A faulty step is reported and then done as far as it can be, as hardware would.
#ifndef SIDEWALL_MODEL_HOST_LOCK_H_
#define SIDEWALL_MODEL_HOST_LOCK_H_

#include <stdint.h>

namespace sidewall::model {

inline constexpr uint32_t kHostLock = 0x100;
inline constexpr uint32_t kDriverLocks = 5;  // as the waist counts them

enum class LockFault : uint8_t {
  kNone,
  kUnknown,       // no such lock
  kTwice,         // taken by the CPU that holds it
  kOrder,         // taken while `other`, which comes after it, is held
  kContended,     // taken while another CPU holds it
  kNotHeld,       // dropped by a CPU that does not hold it
  kHeldOnReturn,  // a call of the driver returned with it held
  kHeldInCall,    // held while the driver calls what may not be called under a lock of its own
  kMaySleep,      // the host lock is held where only what never waits is allowed
};

struct LockReport {
  LockFault fault = LockFault::kNone;
  uint32_t lock = 0;
  uint32_t other = 0;
};

class LockLedger {
 public:
  void Reset();
  LockReport Take(uint8_t cpu, uint32_t id);
  LockReport Drop(uint8_t cpu, uint32_t id);
  // A lock of the driver that this CPU still holds, the first by order.
  LockReport OnReturn(uint8_t cpu) const;
  LockReport InCall(uint8_t cpu) const;
  bool Holds(uint8_t cpu, uint32_t id) const;

 private:
  static constexpr uint32_t kRanks = kDriverLocks + 1;
  static constexpr uint16_t kFree = 0xffff;

  // 0 is the host lock; kRanks when there is no such lock.
  static uint32_t RankOf(uint32_t id);
  static uint32_t IdOf(uint32_t rank);
  LockReport DriverLockHeld(uint8_t cpu, LockFault fault) const;

  uint16_t holder_[kRanks] = {kFree, kFree, kFree, kFree, kFree, kFree};
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_HOST_LOCK_H_
