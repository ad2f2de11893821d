// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the tests of the hypervisor's core share: a core with its memory, and a driver that keeps
// its word about what it mirrors, or does as it is told.
//
//     Core core("tiny");
//     core.calls.stop_after = 1;                             // idmap does one page, then stops
//     core.hyp.Donate(core.calls, kPage, 2, kOwnerGuest0);   // kDegraded
#ifndef SIDEWALL_MODEL_HYP_TESTING_H_
#define SIDEWALL_MODEL_HYP_TESTING_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "model/hyp.h"

namespace sidewall::model {

inline constexpr uint64_t kStep = Pages::kSize;

class FakeCalls final : public HypCalls {
 public:
  explicit FakeCalls(Hyp& hyp) : hyp_(hyp) {}

  // What the driver mirrors: pages of the host's identity stage 2.
  std::set<uint64_t> mirror;
  // What gains have named, of whatever owner, as they came.
  std::vector<Range> offered;
  // Every call, in order: "idmap-", "complete-", "map", ...
  std::vector<std::string> log;
  std::vector<HypReport> reports;
  std::vector<uint64_t> zeroed;
  unsigned unlocked_calls = 0;  // idmap calls that came without the host lock

  HypStatus idmap = HypStatus::kOk;
  HypStatus complete = HypStatus::kOk;
  uint64_t refuse_at = ~uint64_t{0};   // a removal that reaches this page is refused there
  uint64_t stop_after = ~uint64_t{0};  // bytes that one idmap call does at most
  uint64_t gains_left = ~uint64_t{0};  // pages that idmap maps before its pool is empty
  HypReply map, unmap, sync, pool_add, pool_reclaim, power;
  bool refill = false;
  uint64_t map_at_once = ~uint64_t{0};  // bytes that one map call does at most
  std::function<void()> during_map, during_sync, during_pool, during_idmap, during_power,
      during_refill;

  HypReply Idmap(uint64_t start, uint64_t end, bool gain) override {
    log.push_back(gain ? "idmap+" : "idmap-");
    if (!hyp_.locks().Holds(0, kHostLock)) unlocked_calls++;
    if (during_idmap) during_idmap();
    HypReply reply;
    reply.status = idmap;
    if (idmap != HypStatus::kOk) return reply;
    if (gain) offered.push_back({start, end - start});
    // Registers of EL2, and what lies above the format bit, are in no stage 2: nothing to do.
    if (gain && hyp_.owner(start) == kNobody) return {HypStatus::kOk, end - start, 0};
    uint64_t at = start;
    if (!gain && refuse_at == start) reply.status = HypStatus::kRefused;
    for (; at < end && at - start < stop_after && (gain || at != refuse_at); at += kStep) {
      if (gain && gains_left == 0) break;
      gains_left -= gain;
      if (gain) mirror.insert(at);
      if (!gain) mirror.erase(at);
    }
    if (gain && gains_left == 0) reply.pages_needed = 1;
    reply.progress = at - start;
    return reply;
  }
  HypReply IdmapComplete(bool gain) override {
    log.push_back(gain ? "complete+" : "complete-");
    if (!hyp_.locks().Holds(0, kHostLock)) unlocked_calls++;
    return {gain ? HypStatus::kOk : complete, 0, 0};
  }
  HypReply Map(const MapRequest& request) override {
    log.push_back("map");
    mapped.push_back(request);
    if (during_map) during_map();
    HypReply reply = map;
    reply.progress = std::min({map.progress, map_at_once, request.size()});
    return reply;
  }
  HypReply Unmap(const MapRequest& request) override {
    log.push_back("unmap");
    HypReply reply = unmap;
    reply.progress = std::min({unmap.progress, map_at_once, request.size()});
    return reply;
  }
  HypReply Sync(const MapRequest&) override {
    log.push_back("sync");
    if (during_sync) during_sync();
    return sync;
  }
  HypReply PoolAdd(uint32_t, uint64_t) override {
    log.push_back("pool_add");
    if (during_pool) during_pool();
    return pool_add;
  }
  HypReply PoolReclaim(uint32_t, uint64_t) override {
    log.push_back("pool_reclaim");
    if (during_pool) during_pool();
    return pool_reclaim;
  }
  HypReply Power(PowerCall, uint8_t) override {
    log.push_back("power");
    if (during_power) during_power();
    return power;
  }
  bool Refill(uint32_t pool, uint32_t pages) override {
    log.push_back("refill" + std::to_string(pool) + "+" + std::to_string(pages));
    if (during_refill) during_refill();
    return refill;
  }
  void ZeroPage(uint64_t pa) override { zeroed.push_back(pa); }
  void Returning(uint64_t pa, uint64_t count) override {
    log.push_back("returning");
    owner_at_return = hyp_.owner(pa);
    returned.push_back({pa, count});
  }
  void Returned(uint64_t, uint64_t, uint64_t bytes) override { returned_bytes += bytes; }
  void Report(const HypReport& report) override { reports.push_back(report); }

  LockFault LastLock() const {
    return reports.empty() || reports.back().kind != HypReport::kLock ? LockFault::kNone
                                                                      : reports.back().lock.fault;
  }

  std::vector<MapRequest> mapped;
  std::vector<std::pair<uint64_t, uint64_t>> returned;
  uint64_t returned_bytes = 0;
  uint8_t owner_at_return = kNobody;

 private:
  Hyp& hyp_;
};

struct Core {
  explicit Core(const BoardSpec& board, bool snapshot = true) : spec(board), calls(hyp) {
    pages.resize(Pages::Count(spec));
    saved = pages;
    dirty.resize(Pages::ChunkCount(spec));
    frames.resize(Pools::FrameCount(spec));
    saved_frames = frames;
    hyp.Reset(spec,
              {{pages.data(), saved.data(), dirty.data()}, {frames.data(), saved_frames.data()}});
    if (snapshot) hyp.Snapshot(calls);
    calls.log.clear();
  }
  explicit Core(const char* name, bool snapshot = true) : Core(*FindBoard(name), snapshot) {}
  Core(const Core&) = delete;

  const BoardSpec spec;
  Hyp hyp;
  FakeCalls calls;
  std::vector<PageInfo> pages, saved;
  std::vector<uint8_t> dirty;
  std::vector<PoolFrame> frames, saved_frames;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_HYP_TESTING_H_
