// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// DMA mappings: the core takes the references of the whole range before the driver maps, and drops
// those of what was not mapped. The driver drops the others, after the sync of an unmap.
#include "model/hyp.h"
#include "model/hyp_hold.h"

namespace sidewall::model {
namespace {

constexpr uint32_t kProtMask = 0xf;  // read, write, device memory, no execution
constexpr uint32_t kMaxRounds = 1024;

bool EndsBefore64(uint64_t start, uint64_t size) { return start <= ~uint64_t{0} - size; }

bool Sane(const MapRequest& r) {
  if (r.page_size < Pages::kSize || (r.page_size & (r.page_size - 1)) != 0) return false;
  if (r.page_count == 0 || r.page_count > ~uint64_t{0} / r.page_size) return false;
  if ((r.iova | r.pa) & (r.page_size - 1)) return false;
  if (!EndsBefore64(r.iova, r.size()) || !EndsBefore64(r.pa, r.size())) return false;
  return (r.prot & ~kProtMask) == 0;
}

MapRequest Rest(const MapRequest& request, uint64_t done) {
  MapRequest rest = request;
  rest.iova += done;
  rest.pa += done;
  rest.page_count -= done / request.page_size;
  return rest;
}

// Whole pages of what was asked for, and nothing where the driver says that nothing changed.
uint64_t Progress(const HypReply& reply, const MapRequest& request) {
  if (reply.status == HypStatus::kRefused || reply.status == HypStatus::kUnsupported) return 0;
  const uint64_t done = reply.progress < request.size() ? reply.progress : request.size();
  return done & ~(request.page_size - 1);
}

uint32_t PoolOf(uint8_t who) {
  return who == kOwnerHost ? kPoolHost : kPoolVm0 + (who - kOwnerGuest0);
}

}  // namespace

HypResult Hyp::UseDma(HypCalls& calls, uint8_t who, uint64_t pa, uint64_t size) {
  const Hold hold(*this, calls);
  const Why why = pages_.Use(who, pa, size);
  return why == Why::kNone ? HypResult{} : Refused(why);
}

// The table of pages is the host lock's, so a driver that comes here from inside an idmap call has
// taken that lock twice.
void Hyp::UnuseDma(HypCalls& calls, uint64_t pa, uint64_t size) {
  Enter(calls, Need::kUnuseDma);
  const Hold hold(*this, calls);
  HypReport report;
  report.kind = HypReport::kReferences;
  if (!pages_.Unuse(pa, size, &report.pa)) calls.Report(report);
}

HypResult Hyp::MapOnce(HypCalls& calls, const MapRequest& request) {
  if (!Sane(request)) return Refused(Why::kArgument);
  HypResult result = UseDma(calls, request.who, request.pa, request.size());
  if (result.status != HypStatus::kOk) return result;
  const HypReply reply = calls.Map(request);
  result.called = true;
  result.status = reply.status;
  result.mapped = Progress(reply, request);
  result.pages_needed = reply.pages_needed;
  const uint64_t rest = request.size() - result.mapped;
  if (rest != 0) UnuseDma(calls, request.pa + result.mapped, rest);
  return result;
}

// Between two rounds the host runs, and may give away what it has no reference on: that is why each
// round asks for the references anew.
HypResult Hyp::Map(HypCalls& calls, const MapRequest& request) {
  if (!Sane(request)) return Refused(Why::kArgument);
  HypResult total;
  for (uint32_t round = 0; round < kMaxRounds && total.mapped < request.size(); round++) {
    const HypResult once = MapOnce(calls, Rest(request, total.mapped));
    total.status = once.status;
    total.why = once.why;
    total.called |= once.called;
    total.mapped += once.mapped;
    total.pages_needed = once.pages_needed;
    if (once.status != HypStatus::kOk) break;
    if (once.pages_needed != 0) {
      if (!calls.Refill(PoolOf(request.who), once.pages_needed)) break;
    } else if (once.mapped == 0) {
      break;
    }
  }
  return total;
}

HypResult Hyp::Unmap(HypCalls& calls, const MapRequest& request) {
  MapRequest sane = request;
  sane.pa = 0;
  if (!Sane(sane)) return Refused(Why::kArgument);
  if (request.who != kOwnerHost && !IsGuest(request.who)) return Refused(Why::kParty);
  HypResult total;
  total.called = true;
  for (uint32_t round = 0; round < kMaxRounds && total.mapped < sane.size(); round++) {
    const MapRequest rest = Rest(sane, total.mapped);
    const HypReply reply = calls.Unmap(rest);
    const uint64_t done = Progress(reply, rest);
    total.status = reply.status;
    total.mapped += done;
    total.pages_needed = reply.pages_needed;
    if (reply.status != HypStatus::kOk) break;
    if (reply.pages_needed != 0) {
      if (!calls.Refill(PoolOf(request.who), reply.pages_needed)) break;
    } else if (done == 0) {
      break;
    }
  }
  if (total.mapped == 0) return total;
  // Part of it is gone from the tables, so the call as a whole can no longer be a refusal.
  const HypReply sync = calls.Sync(sane);
  if (total.status != HypStatus::kOk || sync.status != HypStatus::kOk) {
    total.status = HypStatus::kDegraded;
  }
  return total;
}

}  // namespace sidewall::model
