// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Pools: pages in and out of the driver's hands, and in and out of the host's.
#include "model/hyp.h"
#include "model/hyp_hold.h"

namespace sidewall::model {

// With the host lock held nobody can refill and nobody may wait, so only the pool that was filled
// for this is allowed there.
uint64_t Hyp::PageAlloc(HypCalls& calls, uint32_t pool, bool fail) {
  Enter(calls, Need::kPageAlloc);
  if (pool != kPoolAtomic && locks_.Holds(cpu_, kHostLock)) {
    HypReport report;
    report.lock = {LockFault::kMaySleep, kHostLock, kHostLock};
    report.pool = pool;
    calls.Report(report);
  }
  if (pool >= kPoolCount) {
    HypReport report;
    report.kind = HypReport::kPool;
    report.pool_fault = PoolFault::kUnknownPool;
    report.pool = pool;
    calls.Report(report);
  }
  bool dirty = false;
  const uint64_t pa = fail ? 0 : pools_.Alloc(pool, &dirty);
  if (pa != 0 && dirty) calls.ZeroPage(pa);
  return pa;
}

void Hyp::PageFree(HypCalls& calls, uint32_t pool, uint64_t pa) {
  HypReport report;
  report.kind = HypReport::kPool;
  report.pool_fault = pools_.Free(pool, pa);
  report.pool = pool;
  report.pa = pa;
  if (report.pool_fault != PoolFault::kNone) calls.Report(report);
}

Why Hyp::CheckPoolAdd(uint32_t pool, uint64_t pa, uint64_t count) const {
  if (pool >= kPoolCount || count > pools_.spare()) return Why::kPool;
  const Why why = pages_.Check(Transition::kDonate, pa, count, kOwnerHost, kOwnerEl2);
  if (why != Why::kNone) return why;
  size_t index = 0;
  return pages_.Index(pa, count, &index) && pages_.IsMmio(index) ? Why::kMmio : Why::kNone;
}

HypResult Hyp::PoolAdd(HypCalls& calls, uint32_t pool, uint64_t pa, uint64_t count) {
  const Why why = CheckPoolAdd(pool, pa, count);
  if (why != Why::kNone) return Refused(why);
  HypResult result = Donate(calls, pa, count, kOwnerEl2);
  if (result.status != HypStatus::kOk) return result;
  pools_.Grow(pool, count);
  pages_.SetPool(pa, count, static_cast<uint8_t>(pool));
  now_.donated[pool] += count;
  result.status = calls.PoolAdd(pool, count).status;
  if (result.status == HypStatus::kOk || result.status == HypStatus::kDegraded) return result;
  // The driver will not have them: all as before, or the host has lost some of its reach. A page
  // that the driver took out of the pool meanwhile keeps one of the host's.
  const uint32_t back = pools_.Shrink(pool, count);
  now_.donated[pool] -= back;
  if (back != 0) result.mapped = GiveBack(calls, pa, back).mapped;
  if (result.mapped != count * Pages::kSize) result.status = HypStatus::kDegraded;
  result.mapped = 0;
  return result;
}

// Pages of a pool to the host: its own from here on, then mirrored.
HypResult Hyp::GiveBack(HypCalls& calls, uint64_t pa, uint64_t count) {
  const Hold hold(*this, calls);
  calls.Returning(pa, count);
  pages_.SetPool(pa, count, kNoPool);
  pages_.Commit(Transition::kReclaim, pa, count, kOwnerEl2, kOwnerHost);
  const HypResult result = Gain(calls, pa, count);
  calls.Returned(pa, count, result.mapped);
  return result;
}

// The topmost run below `end` of pages that were donated for the pool, of at most `most` pages.
bool Hyp::NextOfPool(uint32_t pool, size_t* end, uint64_t most, size_t* first) const {
  size_t top = *end;
  while (top > 0 && pages_.At(top - 1).pool != pool) top--;
  if (top == 0) return false;
  *end = top;
  const uint64_t start = pages_.AddressOf(top - 1);
  size_t run = 1;
  while (run < most && run < top && pages_.At(top - 1 - run).pool == pool &&
         pages_.AddressOf(top - 1 - run) == start - run * Pages::kSize) {
    run++;
  }
  *first = top - run;
  return true;
}

HypResult Hyp::PoolReclaim(HypCalls& calls, uint32_t pool, uint64_t count) {
  if (pool >= kPoolCount || count == 0 || count > now_.donated[pool]) return Refused(Why::kPool);
  HypResult result;
  result.called = true;
  // The driver first frees what it keeps in reserve.
  result.status = calls.PoolReclaim(pool, count).status;
  if (result.status != HypStatus::kOk) return result;
  uint64_t left = pools_.Shrink(pool, count);
  if (left == 0) {
    result = Refused(Why::kPool);
    result.called = true;
    return result;
  }
  now_.donated[pool] -= left;
  size_t end = pages_.ram_count();
  size_t first = 0;
  while (left != 0 && NextOfPool(pool, &end, left, &first)) {
    result.mapped += GiveBack(calls, pages_.AddressOf(first), end - first).mapped;
    left -= end - first;
    end = first;
  }
  return result;
}

}  // namespace sidewall::model
