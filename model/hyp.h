// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The hypervisor's core round the driver, as pKVM's would act: it owns the table of page
// ownership, donates, reclaims and shares pages, hands out pool pages, and tells the driver of
// every change.
//
//     Hyp hyp;
//     hyp.Reset(board, owner_bytes, borrower_bytes, pool_bytes);
//     HypResult r = hyp.Donate(calls, 0x80001000, 1, kOwnerGuest0);
//     // kOk: the page is the guest's, and no device of the host can reach it
//
// It acts only through HypCalls, so that it knows no driver. Preconditions are checked here, as
// the core would: a REFUSED transition has called nobody.
#ifndef SIDEWALL_MODEL_HYP_H_
#define SIDEWALL_MODEL_HYP_H_

#include <stddef.h>
#include <stdint.h>

#include "model/board.h"

namespace sidewall::model {

// Owners of pages, numbered as in the waist.
inline constexpr uint8_t kOwnerHost = 0;
inline constexpr uint8_t kOwnerEl2 = 1;
inline constexpr uint8_t kOwnerGuest0 = 2;
inline constexpr uint8_t kMaxOwners = 6;  // host, EL2, four guests
inline constexpr uint8_t kNobody = 0xff;

enum class HypStatus : uint8_t { kOk, kRefused, kDegraded };

struct HypReply {
  HypStatus status = HypStatus::kOk;
  uint64_t progress = 0;
  uint32_t pages_needed = 0;
};

// What the core calls of the driver.
class HypCalls {
 public:
  virtual HypReply Idmap(uint64_t start, uint64_t end, bool map) = 0;
  virtual HypReply IdmapComplete(bool map) = 0;

 protected:
  ~HypCalls() = default;
};

struct HypResult {
  HypStatus status = HypStatus::kOk;
  uint64_t mapped = 0;  // bytes that the identity stage 2 gained
  bool called = false;  // the driver was called, so its tables may have changed
};

class Hyp {
 public:
  static size_t PageCount(const BoardSpec& board);

  // owner and borrower: one byte for each page of DRAM. free_next: one entry for each pool page.
  void Reset(const BoardSpec& board, uint8_t* owner, uint8_t* borrower, uint32_t* free_next);

  // Tells the driver of all memory that the host owns, as the snapshot at boot does.
  HypResult Snapshot(HypCalls& calls);

  // [pa, pa + count pages) from the host to `to`, and back. All pages or none.
  HypResult Donate(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t to);
  HypResult Reclaim(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t from);
  // The host lends pages to a guest (both may touch them), or a guest lends to the host.
  HypResult Share(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t owner, uint8_t with);
  HypResult Unshare(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t owner, uint8_t with);

  // One pool page, 0 when the pool is empty. The pool is one list in this model, whatever the
  // number of the pool: what differs between pools is who refills them.
  uint64_t PageAlloc();
  bool PageFree(uint64_t pa);
  bool IsTaken(uint64_t pa) const;  // a pool page that was handed out and not returned
  uint32_t free_pages() const { return free_count_; }

  uint8_t owner(uint64_t pa) const;

 private:
  bool PageIndex(uint64_t pa, uint64_t count, size_t* index) const;
  bool All(size_t index, uint64_t count, uint8_t owner, uint8_t borrower) const;
  HypResult Lose(HypCalls& calls, uint64_t pa, uint64_t count);
  HypResult Gain(HypCalls& calls, uint64_t pa, uint64_t count);

  const BoardSpec* board_ = nullptr;
  uint8_t* owner_ = nullptr;
  uint8_t* borrower_ = nullptr;
  uint32_t* free_next_ = nullptr;
  uint32_t free_head_ = 0;
  uint32_t free_count_ = 0;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_HYP_H_
