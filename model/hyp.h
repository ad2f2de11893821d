// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The hypervisor's core round the driver, as pKVM's would act: it owns the table of page
// ownership, donates, reclaims and shares pages, keeps the references of DMA mappings, hands out
// pool pages, switches power, and tells the driver of every change.
//
//     Hyp hyp;
//     hyp.Reset(board, memory);
//     hyp.Snapshot(calls);
//     HypResult r = hyp.Donate(calls, 0x80001000, 1, kOwnerGuest0);
//     // kOk: the page is the guest's, and no device of the host can reach it
//
// It acts only through HypCalls, so that it knows no driver. Preconditions are checked here, as
// the core would: a REFUSED transition whose reason is in `why` has called nobody. What the driver
// does wrong towards the core (locks, references, pool pages) goes to HypCalls::Report.
#ifndef SIDEWALL_MODEL_HYP_H_
#define SIDEWALL_MODEL_HYP_H_

#include <stddef.h>
#include <stdint.h>

#include "model/board.h"
#include "model/host_lock.h"
#include "model/pages.h"
#include "model/pools.h"

namespace sidewall::model {

// kUnsupported: the driver has no body for the call; the core takes it as refused.
enum class HypStatus : uint8_t { kOk, kRefused, kDegraded, kUnsupported };

struct HypReply {
  HypStatus status = HypStatus::kOk;
  uint64_t progress = 0;
  uint32_t pages_needed = 0;
};

// Mapping or unmapping `page_count` pages in a domain of the host or of a guest. A guest's memory
// lies at the same address in its own view and in the bus's.
struct MapRequest {
  uint8_t who = kOwnerHost;
  uint32_t domain = 0;
  uint64_t iova = 0;
  uint64_t pa = 0;
  uint64_t page_size = Pages::kSize;
  uint64_t page_count = 1;
  uint32_t prot = 0;
  constexpr uint64_t size() const { return page_size * page_count; }
};

enum class PowerCall : uint8_t { kSuspend, kResume, kOff, kOn };

// What of the platform the driver may only call with no lock of its own held.
enum class Need : uint8_t { kUnuseDma, kPageAlloc, kNotify };

// What the driver did wrong towards the core, and to what.
struct HypReport {
  enum Kind : uint8_t { kLock, kReferences, kPool };
  Kind kind = kLock;
  LockReport lock;                          // kLock
  Need need = Need::kPageAlloc;             // kLock of kHeldInCall
  PoolFault pool_fault = PoolFault::kNone;  // kPool
  uint32_t pool = 0;                        // kPool, and kLock of kMaySleep
  uint64_t pa = 0;                          // kReferences: the first page that had none; kPool
};

// What the core calls: the driver, the host that it asks for memory, and whoever looks on.
class HypCalls {
 public:
  virtual HypReply Idmap(uint64_t start, uint64_t end, bool map) = 0;
  virtual HypReply IdmapComplete(bool map) = 0;
  virtual HypReply Map(const MapRequest& request) = 0;
  virtual HypReply Unmap(const MapRequest& request) = 0;
  // The driver drops the references of what was unmapped in here, after its sync.
  virtual HypReply Sync(const MapRequest& request) = 0;
  virtual HypReply PoolAdd(uint32_t pool, uint64_t pages) = 0;
  virtual HypReply PoolReclaim(uint32_t pool, uint64_t pages) = 0;
  virtual HypReply Power(PowerCall call, uint8_t side) = 0;

  // The host is asked for pool pages, and may call PoolAdd. False: it gives none.
  virtual bool Refill(uint32_t pool, uint32_t pages) = 0;
  virtual void ZeroPage(uint64_t pa) = 0;
  // Pages of a pool go back to the host: before the host owns them, and how many bytes of them the
  // driver has then mapped for it.
  virtual void Returning(uint64_t pa, uint64_t count) = 0;
  virtual void Returned(uint64_t pa, uint64_t count, uint64_t mapped) = 0;
  virtual void Report(const HypReport& report) = 0;

 protected:
  ~HypCalls() = default;
};

struct HypResult {
  HypStatus status = HypStatus::kOk;
  uint64_t mapped = 0;  // bytes that the identity stage 2, or the domain, gained (or lost: Unmap)
  bool called = false;  // the driver was called, so its tables may have changed
  Why why = Why::kNone;
  uint32_t pages_needed = 0;
};

constexpr HypResult Refused(Why why) {
  HypResult result;
  result.status = HypStatus::kRefused;
  result.why = why;
  return result;
}

struct HypMemory {
  PagesMemory pages;
  PoolsMemory pools;
};

class Hyp {
 public:
  // Puts the core at boot: nothing is mirrored yet, the atomic pool is full, power is on.
  void Reset(const BoardSpec& board, const HypMemory& memory);
  // Keeps this state; Restore goes back to it, with no lock held.
  void Mark();
  void Restore();
  // Who acts from now on.
  void set_cpu(uint8_t cpu) { cpu_ = cpu; }

  // Tells the driver of all that has no other's note. Until then ownership changes without it.
  HypResult Snapshot(HypCalls& calls);

  // ---- Ownership, under the host lock. All pages or none.
  HypResult Donate(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t to);
  HypResult Reclaim(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t from);
  // The host lends pages to a guest (both may touch them), or a guest lends to the host. The host
  // also lends to EL2, as it does with what EL2 is to read of it: the pages stay the host's to
  // touch and in its stage 2, and can meanwhile be neither given away nor mapped for DMA.
  HypResult Share(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t owner, uint8_t with);
  HypResult Unshare(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t owner, uint8_t with);

  // ---- DMA mappings.
  HypResult UseDma(HypCalls& calls, uint8_t who, uint64_t pa, uint64_t size);
  void UnuseDma(HypCalls& calls, uint64_t pa, uint64_t size);
  // One hypercall: references for the whole range, the driver's map once, and back with those of
  // what it did not map. OK with less than asked for means: try again (after a refill of
  // `pages_needed`, where that is not 0).
  HypResult MapOnce(HypCalls& calls, const MapRequest& request);
  // What its caller makes of it: refill and retry, until all is done or nothing moves.
  HypResult Map(HypCalls& calls, const MapRequest& request);
  // Unmaps as far as the driver goes, then has it sync once.
  HypResult Unmap(HypCalls& calls, const MapRequest& request);

  // ---- Pools. fail: the pool is to appear empty.
  uint64_t PageAlloc(HypCalls& calls, uint32_t pool, bool fail);
  void PageFree(HypCalls& calls, uint32_t pool, uint64_t pa);
  // The host donates pages for a pool; and takes back as many as are free there.
  Why CheckPoolAdd(uint32_t pool, uint64_t pa, uint64_t count) const;
  HypResult PoolAdd(HypCalls& calls, uint32_t pool, uint64_t pa, uint64_t count);
  HypResult PoolReclaim(HypCalls& calls, uint32_t pool, uint64_t count);

  // ---- Power of the logical SMMU of a side.
  HypResult Power(HypCalls& calls, PowerCall call, uint8_t side);
  bool power_is_off(uint8_t side) const;

  // ---- Locks, and what the driver must not do under them.
  void Lock(HypCalls& calls, uint32_t id);
  void Unlock(HypCalls& calls, uint32_t id);
  void Enter(HypCalls& calls, Need need);
  void CallReturned(HypCalls& calls);

  bool IsTaken(uint64_t pa) const { return pools_.IsTaken(pa); }
  uint8_t owner(uint64_t pa) const;
  const Pages& pages() const { return pages_; }
  const Pools& pools() const { return pools_; }
  const LockLedger& locks() const { return locks_; }
  uint64_t donated(uint32_t pool) const { return pool < kPoolCount ? now_.donated[pool] : 0; }

 private:
  enum class PowerState : uint8_t { kOn, kSuspended, kOff };
  struct State {
    bool idmap_ready = false;
    PowerState power[kMaxSmmus] = {};  // by side
    uint64_t donated[kPoolCount] = {};
  };
  class Hold;

  HypResult Lose(HypCalls& calls, uint64_t pa, uint64_t count);
  HypResult Gain(HypCalls& calls, uint64_t pa, uint64_t count);
  HypResult GiveBack(HypCalls& calls, uint64_t pa, uint64_t count);
  uint64_t GainWhole(HypCalls& calls, uint64_t pa, uint64_t count);
  HypResult SnapshotRange(HypCalls& calls, const Range& range);
  bool NextOfPool(uint32_t pool, size_t* end, uint64_t most, size_t* first) const;
  void Tell(HypCalls& calls, const LockReport& report, Need need = Need::kPageAlloc) const;

  const BoardSpec* board_ = nullptr;
  Pages pages_;
  Pools pools_;
  LockLedger locks_;
  State now_;
  State saved_;
  uint8_t cpu_ = 0;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_HYP_H_
