// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Another CPU, in every gap. Each call runs with each other call (and itself) put in wherever it
// holds no lock and calls the platform. Whatever comes of the two, nobody panics, locks are in
// order, and the accounts are right: when all has been taken down again, every reference that was
// taken has dropped, once, and every page of a domain is back in its pool.
//
// Calls about VMs also run half and half: one stops in a gap, the other runs up to a gap of its
// own, the first goes on to its end, and then the second. And a VM that is made anew finds nothing
// of the one before: no page of its pool is out, and every reference of its pages has dropped.
#include <sched.h>

#include <functional>
#include <map>
#include <semaphore>
#include <string>
#include <thread>

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
    // A fault of VM 0, for tick to tell.
    fake.Poke(kNiso1m + kGr1 + 0x400 + 4 * kFault, kSdmmc);
    fake.Poke(Bank(kNiso1m, kFault) + 0x58, 2);
    ClearLog();
  }
  void TestBody() override {}

  void MapHost(uint32_t domain, uint64_t iova, uint64_t count) {
    const sidewall_result result = Map(domain, iova, kDram + 2 * kVmSize + iova, count);
    if (result.status == kOk) taken_ += result.progress;
  }
  void MapGuest(uint32_t vm, uint32_t domain, uint64_t iova) {
    const sidewall_result result = sidewall_guest_map(
        state, vm, domain, iova, kDram + vm * kVmSize + iova, 3 * kPage, SIDEWALL_PROT_RW);
    if (result.status != kOk) return;
    taken_ += result.progress;
    if (vm == 0) taken_by_vm0_ += result.progress;
  }
  void MakeVm(uint32_t vm, uint32_t sid) {
    if (sidewall_vm_create(state, vm).status == kOk && vm == 0) {
      EXPECT_EQ(fake.PagesOut(SIDEWALL_POOL_VM0), 0u) << "the VM before it has pages still";
      EXPECT_EQ(DroppedByVm0(), taken_by_vm0_) << "and references";
      EXPECT_EQ(fake.telling[SIDEWALL_OWNER_GUEST0], 0u) << "and is being told of a fault";
    }
    sidewall_assign_unit(state, vm, kNiso1Side, sid);
    sidewall_route_add(state, vm, 1, 7, kNiso1Side, sid);
    sidewall_vm_finalize(state, vm);
    sidewall_guest_alloc(state, vm, 1);
    sidewall_guest_alloc(state, vm, 1);
  }

  // Runs `other` in the n-th gap from now on.
  void PutIn(size_t n, std::function<void()> other) {
    fake.in_gap = [this, n, other = std::move(other)]() mutable {
      if (--n != 0) return;
      const std::function<void()> now = std::move(other);
      fake.in_gap = nullptr;
      now();
    };
  }
  bool all_gaps_done() const { return fake.in_gap != nullptr; }

  void TakeDown() {
    fake.in_gap = nullptr;
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
    EXPECT_FALSE(fake.lock_error);
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
  // What is mapped for VM 0 lies at the bottom, apart from all else.
  static constexpr uint64_t kVmSize = 0x1000000;

  uint64_t DroppedByVm0() const {
    uint64_t bytes = 0;
    for (const auto& drop : fake.unused) bytes += drop.pa < kDram + kVmSize ? drop.size : 0;
    return bytes;
  }

  uint64_t taken_ = 0;
  uint64_t taken_by_vm0_ = 0;
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
    {"vm_destroy, vm_create and a vm_destroy that times out",
     [](TwoCpus& b) {
       sidewall_vm_destroy(b.state, 0);
       b.MakeVm(0, kSdmmc);
       b.MapGuest(0, kGuest0, 0x20000);
       sidewall_guest_attach(b.state, 0, 1, 7, 0, kGuest0, 0);
       b.fake.stuck.insert(kNiso1m);
       sidewall_vm_destroy(b.state, 0);
       b.fake.stuck.clear();
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

TEST(OtherCpuTest, EveryCallInEveryGapOfEveryOther) {
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

// Of a VM, or a call that leaves it without lock now and then.
bool IsOfVm(const Work& work) {
  const std::string name = work.name;
  return name == "tick" || name.find("vm_") == 0 || name.find("guest_") == 0 ||
         name.find("assign_") != name.npos;
}

// One thread for all that other CPUs do: with a new one for each, a sanitizer spends more time on
// their stacks than the driver on its calls.
class SecondCpu {
 public:
  ~SecondCpu() {
    work_ = nullptr;
    begin_.release();
    thread_.join();
  }
  void Begin(std::function<void()> work) {
    work_ = std::move(work);
    begin_.release();
  }
  void AwaitEnd() { end_.acquire(); }

 private:
  void Loop() {
    for (begin_.acquire(); work_; begin_.acquire()) {
      work_();
      end_.release();
    }
  }

  std::function<void()> work_;
  std::binary_semaphore begin_{0};
  std::binary_semaphore end_{0};
  std::thread thread_{[this] { Loop(); }};
};

// `one` up to a gap, `other` up to a gap of its own, the rest of `one`, the rest of `other`.
class HalfAndHalf {
 public:
  HalfAndHalf(SecondCpu& second, const Work& one, size_t gap, const Work& other, size_t other_gap) {
    board_.PutIn(gap, [&] {
      started_ = true;
      second.Begin([this, &other, other_gap] { RunSecond(other, other_gap); });
      first_goes_on_.acquire();
    });
    one.run(board_);
    if (stopped_) second_goes_on_.release();
    if (started_) second.AwaitEnd();
    board_.TakeDown();
  }
  bool started() const { return started_; }
  bool stopped() const { return stopped_; }

 private:
  void RunSecond(const Work& other, size_t gap) {
    board_.PutIn(gap, [this] {
      stopped_ = true;
      first_goes_on_.release();
      second_goes_on_.acquire();
    });
    other.run(board_);
    if (stopped_) return;
    board_.fake.in_gap = nullptr;
    first_goes_on_.release();
  }

  TwoCpus board_;
  std::binary_semaphore first_goes_on_{0};
  std::binary_semaphore second_goes_on_{0};
  bool started_ = false;
  bool stopped_ = false;
};

// Two threads of which only ever one has something to do change places fastest on one CPU.
class OnOneCpu {
 public:
  OnOneCpu() {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof(before_), &before_); }
  OnOneCpu(const OnOneCpu&) = delete;
  OnOneCpu& operator=(const OnOneCpu&) = delete;

 private:
  cpu_set_t before_;
};

// Returns how many of the first call's gaps there were.
size_t RunHalves(SecondCpu& second, const Work& one, const Work& other, size_t* runs) {
  for (size_t gap = 1;; ++gap) {
    for (size_t other_gap = 1;; ++other_gap) {
      SCOPED_TRACE(std::string(one.name) + " up to gap " + std::to_string(gap) + ", " + other.name +
                   " up to gap " + std::to_string(other_gap));
      const HalfAndHalf run(second, one, gap, other, other_gap);
      ++*runs;
      if (::testing::Test::HasFailure()) return gap;
      if (!run.started()) return gap - 1;
      if (!run.stopped()) break;
    }
  }
}

TEST(OtherCpuTest, CallsAboutVmsHalfAndHalf) {
  const OnOneCpu on_one_cpu;
  SecondCpu second;
  size_t runs = 0;
  for (const Work& one : kWork) {
    if (!IsOfVm(one)) continue;
    for (const Work& other : kWork) {
      if (!IsOfVm(other)) continue;
      RunHalves(second, one, other, &runs);
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(runs, 10000u);
}

// Pages leave the host while a device joins that had no stream on the unit. Whenever it does: when
// the removal is complete, every instance was invalidated, and then synced, behind the last leaf.
bool JoinInGap(const Work& joins, size_t gap) {
  TwoCpus board;
  // Of two chunks, so that there is a gap between them.
  constexpr uint64_t kFirst = kDram + kBlockSize - 2 * kPage;
  constexpr uint64_t kEnd = kFirst + 4 * kPage;
  sidewall_host_stage2_idmap(board.state, kFirst, kEnd, SIDEWALL_PROT_RW);
  board.ClearLog();
  board.PutIn(gap, [&] { joins.run(board); });
  sidewall_host_stage2_idmap(board.state, kFirst, kEnd, SIDEWALL_PROT_NONE);
  const uint32_t status = sidewall_host_stage2_idmap_complete(board.state, 0).status;
  EXPECT_EQ(status, kOk);
  std::map<uint64_t, size_t> last;  // by register, from 1 on
  size_t leaf = 0;
  for (size_t i = 0; i < board.fake.log.size(); ++i) {
    const Store& store = board.fake.log[i];
    if (store.kind == Store::kTable && store.value == 0) leaf = i;
    if (store.kind == Store::kRegister) last[store.pa] = i + 1;
  }
  for (uint64_t window : {kNiso1, kNiso1m, kIso}) {
    EXPECT_GT(last[window + 0x64], leaf + 1) << std::hex << window;
    EXPECT_GT(last[window + 0x70], last[window + 0x64]) << std::hex << window;
  }
  return !board.all_gaps_done();
}

TEST(OtherCpuTest, ADeviceJoinsWhilePagesChangeHands) {
  size_t runs = 0;
  for (const Work& joins : kWork) {
    const std::string name = joins.name;
    if (name != "set_identity" && name != "an entry of the host's" && name != "attach_dev")
      continue;
    for (size_t gap = 1;; ++gap) {
      SCOPED_TRACE(name + " in gap " + std::to_string(gap));
      ++runs;
      if (!JoinInGap(joins, gap)) break;
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GE(runs, 12u);
}

// Two CPUs of the host store to registers of one unit: either is served whole, before or after the
// other, and leaves hardware and what is read back as that order would have.
TEST(OtherCpuTest, StoresToTheSameUnitComeOneAfterTheOther) {
  const std::pair<uint64_t, uint64_t> stores[] = {
      {kNiso1 + 0xc00, 0x00010000},
      {kNiso1 + 0xc00, 0x00000001},
      {kNiso1 + 0xc04, 0x00010000},
      {kNiso1 + 0x800, 0xff800011},
      {kNiso1 + 0x800, 0x00000000},
      {kNiso1 + 0x804, 0xff870010},
      {kNiso1 + kGr1, 0x0001f300},
      {kNiso1 + kGr1 + 4, 0x0001f300},
      {kNiso1 + kGr1 + 4, 0x00000000},
      {kNiso1 + kGr1 + 0x804, 1},
      {Bank(kNiso1, 1), 0x1067},
      {Bank(kNiso1, 1), 0},
      {Bank(kNiso1, 1) + 0x30, 0x00802010},
      {Bank(kNiso1, 1) + 0x20, 0x80003000},
      {Bank(kNiso1, 1) + 0x24, 0x00010000},
      {kNiso1 + 0x68, 0},
  };
  for (const auto& one : stores) {
    for (const auto& other : stores) {
      TwoCpus apart;
      apart.Write(other.first, other.second);
      apart.Write(one.first, one.second);
      TwoCpus together;
      together.PutIn(1, [&] { together.Write(other.first, other.second); });
      together.Write(one.first, one.second);
      EXPECT_FALSE(together.all_gaps_done());
      EXPECT_EQ(together.fake.log, apart.fake.log) << std::hex << one.first << " " << other.first;
      // A second gap would be one that has seen the first half of a decision.
      TwoCpus alone;
      alone.PutIn(2, [] { ADD_FAILURE() << "an access leaves its lock half-way"; });
      alone.Write(one.first, one.second);
    }
  }
}

// One instance of a unit stops answering in any of the gaps, for this call and the next. References
// that were taken are still there or dropped rightly, and when it answers again all can be ended.
TEST(OtherCpuTest, HardwareThatStopsAnsweringInAnyGap) {
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
      board.fake.in_gap = nullptr;
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
