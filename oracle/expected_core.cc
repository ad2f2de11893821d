// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the calls of the hypervisor's core about memory and pools must return, and those that only
// look. None but the end of a batch of removals has anything to ask of hardware.
#include <algorithm>

#include "oracle/expected.h"

namespace sidewall {
namespace {

constexpr uint64_t kPage = 4096;
uint32_t Word(uint64_t value) { return static_cast<uint32_t>(value); }

Expected Done(uint64_t progress) {
  Expected e = Expected::ServedOrRefused(true);
  e.exact = true;
  e.may_degrade = false;
  e.progress = progress;
  return e;
}

// A removal never allocates. Nothing is said of ranges that the core has no reason to name, and of
// how far a gain comes for want of a table; that no page is promised is FUN04's and ISO07's.
Expected OfIdmap(const Call& call, const Observed& observed) {
  const uint64_t start = call.arg[0];
  const uint64_t end = call.arg[1];
  const bool take = Word(call.arg[2]) == SIDEWALL_PROT_NONE;
  if (take && start < end && start >= model::kFormatBit) return Expected::ServedOrRefused(false);
  Expected nothing;
  nothing.may_degrade = false;
  const bool whole = (start | end) % kPage == 0 && start <= end && end <= model::kFormatBit;
  if (!whole || end - start > kSurelyInOneCall) return nothing;
  if (!take && Word(call.arg[2]) != SIDEWALL_PROT_RW) return nothing;
  Expected e = Done(end - start);
  e.may_need_pages = !take && observed.allocation_failed;
  e.exact = !e.may_need_pages;
  return e;
}

bool PoolExists(const GhostDomains& domains, uint32_t pool) {
  if (pool < SIDEWALL_POOL_VM0) return true;
  return domains.VmExists(pool - SIDEWALL_POOL_VM0);
}

Expected OfSyncMap(const Call& call) {
  const uint64_t iova = call.arg[1];
  const uint64_t size = call.arg[2];
  const bool sound =
      (iova | size) % kPage == 0 && iova < kSurelyInRange && size - 1 < kSurelyInOneCall;
  if (sound) return Done(size);
  Expected nothing;
  nothing.may_degrade = false;
  return nothing;
}

}  // namespace

Expected ExpectedOfCore(const GhostDomains& domains, const model::BoardSpec& board,
                        const Call& call, const Observed& observed) {
  switch (call.id) {
    case CallId::kHostStage2Idmap:
      return OfIdmap(call, observed);
    case CallId::kHostStage2IdmapComplete:
      return Expected::ServedOrRefused(true);
    case CallId::kPoolAdd:
      if (!PoolExists(domains, Word(call.arg[0]))) return Expected::ServedOrRefused(false);
      return Done(call.arg[1] * kPage);
    // The pool of a VM outlives it, until the core has its pages back.
    case CallId::kPoolReclaim:
      if (call.arg[0] >= SIDEWALL_POOL_VM0 + SIDEWALL_MAX_VMS)
        return Expected::ServedOrRefused(false);
      return Done(std::min(observed.freed, call.arg[1]) * kPage);
    case CallId::kIotlbSyncMap:
      return OfSyncMap(call);
    case CallId::kGetIommuToken:
      for (size_t i = 0; i < board.smmu_count; i++) {
        if (board.smmu[i].side == Word(call.arg[0])) return Done(board.smmu[i].window[0]);
      }
      return Expected::ServedOrRefused(false);
    default: {
      Expected e = Expected::ServedOrRefused(true);
      e.may_degrade = false;
      return e;
    }
  }
}

}  // namespace sidewall
