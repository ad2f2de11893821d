// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Ownership, power and locks. Mappings and pools are in hyp_dma.cc and hyp_pool.cc.
#include "model/hyp.h"

#include "model/hyp_hold.h"

namespace sidewall::model {
namespace {

constexpr uint64_t kPage = Pages::kSize;
// Above all that a board has, and on past every output size of a unit (48 bits at most).
constexpr Range kAbove = {kFormatBit, (uint64_t{1} << 49) - kFormatBit};

}  // namespace

void Hyp::Reset(const BoardSpec& board, const HypMemory& memory) {
  board_ = &board;
  pages_.Reset(board, memory.pages);
  pools_.Reset(board, memory.pools);
  locks_.Reset();
  now_ = State();
}

void Hyp::Mark() {
  pages_.Mark();
  pools_.Mark();
  saved_ = now_;
}

void Hyp::Restore() {
  pages_.Restore();
  pools_.Restore();
  locks_.Reset();
  now_ = saved_;
}

uint8_t Hyp::owner(uint64_t pa) const {
  const PageInfo* page = pages_.Find(pa);
  return page ? page->owner : kNobody;
}

// ---------------------------------------------------------------- locks

void Hyp::Tell(HypCalls& calls, const LockReport& report, Need need) const {
  if (report.fault == LockFault::kNone) return;
  HypReport told;
  told.kind = HypReport::kLock;
  told.lock = report;
  told.need = need;
  calls.Report(told);
}

void Hyp::Lock(HypCalls& calls, uint32_t id) { Tell(calls, locks_.Take(cpu_, id)); }
void Hyp::Unlock(HypCalls& calls, uint32_t id) { Tell(calls, locks_.Drop(cpu_, id)); }
void Hyp::Enter(HypCalls& calls, Need need) { Tell(calls, locks_.InCall(cpu_), need); }
void Hyp::CallReturned(HypCalls& calls) { Tell(calls, locks_.OnReturn(cpu_)); }

// ---------------------------------------------------------------- the mirror

// All of a range, with a second call for what the first one found no table for: a core that maps
// what the host has before it goes on asks until it is mapped.
uint64_t Hyp::GainWhole(HypCalls& calls, uint64_t pa, uint64_t count) {
  const uint64_t first = Gain(calls, pa, count).mapped;
  if (first >= count * kPage) return first;
  return first + Gain(calls, pa + first, count - first / kPage).mapped;
}

HypResult Hyp::SnapshotRange(HypCalls& calls, const Range& range) {
  HypResult result;
  uint64_t start = range.start;
  for (uint64_t pa = range.start; pa <= range.end(); pa += kPage) {
    // Pages of somebody else carry a note of it in the host's own stage 2, and are skipped.
    if (pa < range.end() && pages_.Find(pa)->owner == kOwnerHost) continue;
    if (pa > start) result.mapped += GainWhole(calls, start, (pa - start) / kPage);
    start = pa + kPage;
  }
  return result;
}

// From here on every change is mirrored: the flag is set under the lock that changes take.
//
// What no table of owners has, the host's stage 2 has no note of, and so the core takes it to be
// the host's: the registers that only the driver's configuration keeps from it, and all addresses
// from the format bit on. Whether they get into a stage 2 is the driver's to say. Holes are not
// named, though the core would: the driver has no list of them, and would fill each with tables.
HypResult Hyp::Snapshot(HypCalls& calls) {
  const Hold hold(*this, calls);
  HypResult result;
  now_.idmap_ready = true;
  for (size_t i = 0; i < board_->dram_count; i++) {
    result.mapped += SnapshotRange(calls, board_->dram[i]).mapped;
  }
  for (size_t i = 0; i < board_->host_mmio_count; i++) {
    result.mapped += SnapshotRange(calls, board_->host_mmio[i]).mapped;
  }
  for (size_t i = 0; i < board_->el2_only_count; i++) {
    const Range& range = board_->el2_only[i];
    if (pages_.Find(range.start) == nullptr) Gain(calls, range.start, range.size / kPage);
  }
  Gain(calls, kAbove.start, kAbove.size / kPage);
  result.called = true;
  return result;
}

// Loss of ownership takes effect when idmap_complete has returned OK, so nothing here may change
// before that. A driver that stops half-way or never flushes leaves the pages where they were. One
// that refuses the rest has changed nothing of it, so what went before is given back.
HypResult Hyp::Lose(HypCalls& calls, uint64_t pa, uint64_t count) {
  HypResult result;
  if (!now_.idmap_ready) return result;
  result.called = true;
  uint64_t at = pa;
  const uint64_t end = pa + count * kPage;
  while (at < end && result.status == HypStatus::kOk) {
    const HypReply reply = calls.Idmap(at, end, false);
    result.status = reply.status;
    if (reply.status != HypStatus::kOk) break;
    if (reply.progress < kPage) result.status = HypStatus::kDegraded;
    at += reply.progress & ~(kPage - 1);
  }
  const HypReply complete = calls.IdmapComplete(false);
  if (result.status == HypStatus::kOk) result.status = complete.status;
  if (result.status == HypStatus::kRefused && at > pa) {
    const HypResult back = Gain(calls, pa, (at - pa) / kPage);
    if (back.mapped != at - pa) result.status = HypStatus::kDegraded;
  }
  return result;
}

// A gain is in effect before idmap is called. When the pool is empty the rest of the range stays
// unmapped: the host owns it and its devices cannot reach it yet.
HypResult Hyp::Gain(HypCalls& calls, uint64_t pa, uint64_t count) {
  HypResult result;
  if (!now_.idmap_ready) return result;
  result.called = true;
  uint64_t at = pa;
  const uint64_t end = pa + count * kPage;
  while (at < end) {
    const HypReply reply = calls.Idmap(at, end, true);
    result.pages_needed = reply.pages_needed;
    if (reply.status != HypStatus::kOk || reply.progress == 0) break;
    at += reply.progress;
  }
  result.mapped = at - pa;
  calls.IdmapComplete(true);
  return result;
}

// ---------------------------------------------------------------- transitions

HypResult Hyp::Donate(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t to) {
  const Hold hold(*this, calls);
  const Why why = pages_.Check(Transition::kDonate, pa, count, kOwnerHost, to);
  if (why != Why::kNone) return Refused(why);
  const HypResult result = Lose(calls, pa, count);
  if (result.status != HypStatus::kOk) return result;
  pages_.Commit(Transition::kDonate, pa, count, kOwnerHost, to);
  return result;
}

HypResult Hyp::Reclaim(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t from) {
  const Hold hold(*this, calls);
  const Why why = pages_.Check(Transition::kReclaim, pa, count, from, kOwnerHost);
  if (why != Why::kNone) return Refused(why);
  pages_.Commit(Transition::kReclaim, pa, count, from, kOwnerHost);
  return Gain(calls, pa, count);
}

HypResult Hyp::Share(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t owner, uint8_t with) {
  const Hold hold(*this, calls);
  const Why why = pages_.Check(Transition::kShare, pa, count, owner, with);
  if (why != Why::kNone) return Refused(why);
  pages_.Commit(Transition::kShare, pa, count, owner, with);
  return with == kOwnerHost ? Gain(calls, pa, count) : HypResult{};
}

HypResult Hyp::Unshare(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t owner, uint8_t with) {
  const Hold hold(*this, calls);
  const Why why = pages_.Check(Transition::kUnshare, pa, count, owner, with);
  if (why != Why::kNone) return Refused(why);
  HypResult result;
  if (with == kOwnerHost) result = Lose(calls, pa, count);
  if (result.status != HypStatus::kOk) return result;
  pages_.Commit(Transition::kUnshare, pa, count, owner, with);
  return result;
}

// ---------------------------------------------------------------- power

bool Hyp::power_is_off(uint8_t side) const {
  return side < kMaxSmmus && now_.power[side] != PowerState::kOn;
}

// The unit counts as off before the driver hears that it will be, and as on again only once the
// driver has brought it back; a driver that refuses leaves it where it was. While a unit is off the
// driver may leave its registers alone, so the other way round would let it touch a dead bus.
HypResult Hyp::Power(HypCalls& calls, PowerCall call, uint8_t side) {
  bool exists = false;
  for (size_t i = 0; i < board_->smmu_count; i++) exists |= board_->smmu[i].side == side;
  if (!exists) return Refused(Why::kArgument);
  PowerState& state = now_.power[side];
  const bool down = call == PowerCall::kSuspend || call == PowerCall::kOff;
  const bool sleep = call == PowerCall::kSuspend || call == PowerCall::kResume;
  const PowerState low = sleep ? PowerState::kSuspended : PowerState::kOff;
  if (state != (down ? PowerState::kOn : low)) return Refused(Why::kPower);
  if (down) state = low;
  HypResult result;
  result.called = true;
  result.status = calls.Power(call, side).status;
  const bool done = result.status == HypStatus::kOk;
  if (down != done) state = PowerState::kOn;
  return result;
}

}  // namespace sidewall::model
