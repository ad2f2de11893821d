// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Another CPU, in every gap. Each call runs with each other call (and itself) put in where it holds
// no lock and is about to take one. Whatever comes of the two, nobody panics, locks are in order,
// and the accounts are right: when all has been taken down again, every reference that was taken
// has dropped, once, and every page of a domain is back in its pool.
#include <functional>
#include <string>

#include "driver/domain_test.h"

namespace sidewall_test {
namespace {

constexpr uint32_t kSdmmc = 0x02;
constexpr uint32_t kPcie1 = 0x05;
constexpr uint32_t kGuest0 = SIDEWALL_HOST_DOMAINS;
constexpr uint32_t kGuest1 = SIDEWALL_HOST_DOMAINS + SIDEWALL_VM_DOMAINS;

class TwoCpus : public DomainTest {
 public:
  TwoCpus() {
    fake.pool_left = 200;
    for (uint32_t domain = 0; domain < 2; ++domain) Alloc(domain);
    MapHost(0, 0x10000, 4);
    EXPECT_EQ(Attach(kNiso1Side, 0, 0x0f), kOk);
    MakeVm(0, kSdmmc);
    MakeVm(1, kPcie1);
    MapGuest(0, kGuest0, 0x10000);
    EXPECT_EQ(sidewall_guest_attach(state, 0, 1, 7, 0, kGuest0, 0).status, kOk);
    ClearLog();
  }
  void TestBody() override {}

  void MapHost(uint32_t domain, uint64_t iova, uint64_t count) {
    const sidewall_result result = Map(domain, iova, kDram + iova, count);
    if (result.status == kOk) taken_ += result.progress;
  }
  void MapGuest(uint32_t vm, uint32_t domain, uint64_t iova) {
    const sidewall_result result =
        sidewall_guest_map(state, vm, domain, iova, kDram + iova, 3 * kPage, SIDEWALL_PROT_RW);
    if (result.status == kOk) taken_ += result.progress;
  }
  void MakeVm(uint32_t vm, uint32_t sid) {
    sidewall_vm_create(state, vm);
    sidewall_assign_unit(state, vm, kNiso1Side, sid);
    sidewall_route_add(state, vm, 1, 7, kNiso1Side, sid);
    sidewall_vm_finalize(state, vm);
    sidewall_guest_alloc(state, vm, 1);
    sidewall_guest_alloc(state, vm, 1);
  }

  // Runs `other` in the n-th gap from now on.
  void PutIn(size_t n, std::function<void()> other) {
    fake.before_next_lock = [this, n, other = std::move(other)] {
      if (!fake.held.empty()) return PutIn(n, other);
      if (n > 1) return PutIn(n - 1, other);
      other();
    };
  }
  bool all_gaps_done() const { return fake.before_next_lock != nullptr; }

  void TakeDown() {
    fake.before_next_lock = nullptr;
    sidewall_resume(state, kNiso1Side);
    for (uint32_t sid = 1; sid < 0x7e; ++sid) {
      for (uint32_t domain = 0; domain < 8; ++domain) Detach(kNiso1Side, domain, sid);
    }
    for (uint32_t domain = 0; domain < 8; ++domain) {
      while (Free(domain).status == kOk) continue;
    }
    for (uint32_t vm = 0; vm < SIDEWALL_MAX_VMS; ++vm) {
      for (sidewall_result result = sidewall_vm_destroy(state, vm);
           result.status == kOk && result.progress == 0;) {
        result = sidewall_vm_destroy(state, vm);
      }
      EXPECT_EQ(sidewall_vm_create(state, vm).status, kOk) << "it is gone, and can be made anew";
    }
    EXPECT_EQ(Unused(), taken_);
    EXPECT_EQ(Counters().pages, fake.pages_out);
    EXPECT_EQ(Counters().degraded, 0u);
    const sidewall_result spare = sidewall_pool_reclaim(state, SIDEWALL_POOL_ATOMIC, 100);
    EXPECT_EQ(spare.status, kOk);
    EXPECT_LE(fake.pages_out, 2u + 3u) << "the roots, and one chain of the identity map";
    for (uint32_t domain = 0; domain < 8; ++domain) {
      EXPECT_EQ(Alloc(domain), kOk) << "its handle is free";
    }
  }

 private:
  uint64_t taken_ = 0;
};

struct Work {
  const char* name;
  void (*run)(TwoCpus& b);
};

constexpr Work kWork[] = {
    {"map_pages", [](TwoCpus& b) { b.MapHost(0, 0x400000, 3); }},
    {"map_pages of the same", [](TwoCpus& b) { b.MapHost(0, 0x401000, 3); }},
    {"unmap_pages", [](TwoCpus& b) { b.Unmap(0, 0x10000, 3); }},
    {"unmap_pages and iotlb_sync",
     [](TwoCpus& b) {
       b.Unmap(0, 0x11000, 3);
       b.Sync(0);
     }},
    {"attach_dev", [](TwoCpus& b) { b.Attach(kNiso1Side, 1, 0x11); }},
    {"detach_dev", [](TwoCpus& b) { b.Detach(kNiso1Side, 0, 0x0f); }},
    {"free_domain 0",
     [](TwoCpus& b) {
       b.Detach(kNiso1Side, 0, 0x0f);
       b.Free(0);
     }},
    {"free_domain 1", [](TwoCpus& b) { b.Free(1); }},
    {"alloc_domain", [](TwoCpus& b) { b.Alloc(4); }},
    {"free_domain and alloc_domain",
     [](TwoCpus& b) {
       b.Detach(kNiso1Side, 0, 0x0f);
       b.Free(0);
       b.Alloc(0);
       b.MapHost(0, 0x10000, 2);
     }},
    {"guest_map", [](TwoCpus& b) { b.MapGuest(0, kGuest0, 0x400000); }},
    {"guest_unmap",
     [](TwoCpus& b) { sidewall_guest_unmap(b.state, 0, kGuest0, 0x10000, 2 * kPage); }},
    {"guest_detach", [](TwoCpus& b) { sidewall_guest_detach(b.state, 0, 1, 7, 0, kGuest0); }},
    {"guest_attach", [](TwoCpus& b) { sidewall_guest_attach(b.state, 1, 1, 7, 0, kGuest1, 0); }},
    {"guest_alloc", [](TwoCpus& b) { sidewall_guest_alloc(b.state, 0, 1); }},
    {"guest_free", [](TwoCpus& b) { sidewall_guest_free(b.state, 0, kGuest0 + 1); }},
    {"vm_destroy", [](TwoCpus& b) { sidewall_vm_destroy(b.state, 0); }},
    {"vm_destroy and vm_create",
     [](TwoCpus& b) {
       sidewall_vm_destroy(b.state, 0);
       b.MakeVm(0, kSdmmc);
       b.MapGuest(0, kGuest0, 0x20000);
     }},
    {"unassign_unit", [](TwoCpus& b) { sidewall_unassign_unit(b.state, 1, kNiso1Side, kPcie1); }},
    {"assign_unit", [](TwoCpus& b) { sidewall_assign_unit(b.state, 0, kNiso1Side, 0x11); }},
    {"suspend", [](TwoCpus& b) { sidewall_suspend(b.state, kNiso1Side); }},
    {"suspend and resume",
     [](TwoCpus& b) {
       sidewall_suspend(b.state, kNiso1Side);
       sidewall_resume(b.state, kNiso1Side);
     }},
    {"idmap, a gain",
     [](TwoCpus& b) {
       sidewall_host_stage2_idmap(b.state, kDram, kDram + kBlockSize, SIDEWALL_PROT_RW);
     }},
    {"idmap, a loss",
     [](TwoCpus& b) {
       sidewall_host_stage2_idmap(b.state, kDram, kDram + kBlockSize, SIDEWALL_PROT_NONE);
       sidewall_host_stage2_idmap_complete(b.state, 0);
     }},
    {"set_identity", [](TwoCpus& b) { sidewall_set_identity(b.state, kNiso1Side, 0x11, 1); }},
    {"dev_block_dma", [](TwoCpus& b) { sidewall_dev_block_dma(b.state, kNiso1Side, 0x11, 1); }},
    {"an entry of the host's",
     [](TwoCpus& b) {
       uint64_t value = 0x00010000;
       b.Trap(kNiso1 + 0xc00, 4, true, &value);
       value = 0xff800011;
       b.Trap(kNiso1 + 0x800, 4, true, &value);
     }},
    {"tick", [](TwoCpus& b) { sidewall_tick(b.state, 1); }},
    {"pool_reclaim", [](TwoCpus& b) { sidewall_pool_reclaim(b.state, SIDEWALL_POOL_ATOMIC, 3); }},
};

// True while there are more gaps.
bool RunPair(const Work& one, const Work& other, size_t gap) {
  TwoCpus board;
  board.PutIn(gap, [&] { other.run(board); });
  one.run(board);
  const bool more = !board.all_gaps_done();
  board.TakeDown();
  return more;
}

TEST(OtherCpu, EveryCallInEveryGapOfEveryOther) {
  size_t pairs = 0;
  for (const Work& one : kWork) {
    for (const Work& other : kWork) {
      for (size_t gap = 1; gap < 100; ++gap) {
        SCOPED_TRACE(std::string(one.name) + " with " + other.name + " in gap " +
                     std::to_string(gap));
        ++pairs;
        if (!RunPair(one, other, gap)) break;
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
  EXPECT_GT(pairs, 3000u);
}

// One instance of a unit stops answering in any of the gaps, for this call and the next. References
// that were taken are still there or dropped rightly, and when it answers again all can be ended.
TEST(OtherCpu, HardwareThatStopsAnsweringInAnyGap) {
  size_t stuck = 0;
  for (const Work& one : kWork) {
    for (size_t gap = 0; gap < 100; ++gap) {
      SCOPED_TRACE(std::string(one.name) + ", gap " + std::to_string(gap));
      TwoCpus board;
      const auto stop = [&] { board.fake.stuck.insert(kNiso1m); };
      if (gap == 0) stop();
      if (gap != 0) board.PutIn(gap, stop);
      one.run(board);
      const bool last = gap != 0 && board.all_gaps_done();
      board.fake.before_next_lock = nullptr;
      stop();
      one.run(board);
      ++stuck;
      board.fake.stuck.clear();
      sidewall_resume(board.state, kNiso1Side);
      EXPECT_EQ(sidewall_tick(board.state, 2).status, kOk);
      board.TakeDown();
      if (last) break;
    }
  }
  EXPECT_GT(stuck, 100u);
}

}  // namespace
}  // namespace sidewall_test
