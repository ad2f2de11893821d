// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The shipped driver on every board: it comes up without a finding, gives a host that does as
// Linux does what it asks for, and holds a host that does not.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "model/registers.h"
#include "oracle/engine_native.h"
#include "oracle/harness.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

constexpr uint32_t kValid = 0x80000000;

class ShippedTest : public testing::TestWithParam<const char*> {
 protected:
  ShippedTest() : harness_({.board = model::FindBoard(GetParam())}) {
    harness_.Begin({});
    dram_ = harness_.board().spec().dram[0].start;
  }

  Outcome Do(const Event& event) { return harness_.Apply(event); }
  Outcome Write(uint64_t offset, uint64_t value, uint64_t width = 4) {
    Do({.kind = EventKind::kHostWrite, .arg = {2, offset, width, value, 0, 0}});
    return Do({.kind = EventKind::kHostWrite, .arg = {3, offset, width, value, 0, 0}});
  }
  uint64_t Read(uint64_t offset) {
    return Do({.kind = EventKind::kHostRead, .arg = {2, offset, 4, 0, 1, 0}}).value;
  }
  Outcome Dma(uint64_t address, uint64_t instance, bool write = false) {
    return Do({.kind = EventKind::kDmaStream,
               .arg = {1, 6, address, write ? kDmaWrite : 0, instance, 0}});
  }
  void ExpectClean() {
    EXPECT_FALSE(harness_.violated())
        << harness_.verdict().title << " at event " << harness_.verdict().event_index;
  }
  void Attach(uint64_t bank, uint64_t root) {
    Write(0xc00, 0x20000);
    Write(0x800, kValid | 0x7f80u << 16 | 6);
    Write(0x10800 + 4 * bank, 1);
    Write(0x10000 + 4 * bank, 0x1f300);
    const uint64_t base = 0x800000 + bank * 0x10000;
    Write(base + 0x10, 0x38015);
    Write(base + 0x30, 0x802010);
    Write(base + 0x20, root, 8);
    Write(base + 0x28, 0, 8);
    Write(base + 0x38, 0xf404ff44);
    Write(base + 0x00, 0x1067);
    Write(0xc00, bank);
  }
  void StoreTables(uint64_t tables, uint64_t va, uint64_t pa) {
    for (int level = 0; level < 4; level++) {
      const uint64_t at = tables + 0x1000 * level + (va >> (39 - 9 * level) & 511) * 8;
      const uint64_t value = level < 3 ? (tables + 0x1000 * (level + 1)) | 3 : pa | 0xf47;
      EXPECT_EQ(Do({.kind = EventKind::kHostStore64, .arg = {at, value}}).result, Expect::kOk);
    }
  }

  Harness<NativeEngine> harness_;
  uint64_t dram_ = 0;
};

TEST_P(ShippedTest, ComesUpWithEverythingClosed) {
  ExpectClean();
  EXPECT_EQ(Dma(dram_ + 0x1000, 0).result, Expect::kFault);
  EXPECT_EQ(Dma(dram_ + 0x1000, 1).result, Expect::kFault);
  ExpectClean();
}

TEST_P(ShippedTest, LinuxAttachWorksOnBothInstances) {
  StoreTables(dram_ + 0x10000, 0x40000000, dram_ + 0x5000);
  Attach(0, dram_ + 0x10000);
  for (uint64_t instance : {0, 1}) {
    const Outcome outcome = Dma(0x40000123, instance);
    EXPECT_EQ(outcome.result, Expect::kOk);
    EXPECT_EQ(outcome.value, dram_ + 0x5123);
    EXPECT_EQ(Dma(0x40001000, instance).result, Expect::kFault);
  }
  ExpectClean();
  EXPECT_GT(harness_.board().coverage().evaluated[static_cast<int>(Invariant::kFun03)], 0u);
}

TEST_P(ShippedTest, BypassIsTheIdentityOfTheHost) {
  Write(0xc00, 0x10000);
  Write(0x800, kValid | 0x7f80u << 16 | 6);
  EXPECT_EQ(Read(0xc00), 0x10000u) << "the host reads back what it wrote";
  EXPECT_EQ(Dma(dram_ + 0x3000, 0).result, Expect::kOk);
  EXPECT_EQ(Dma(dram_ + 0x3000, 1, true).result, Expect::kOk);
  EXPECT_EQ(Dma(harness_.board().spec().pool.start, 0).result, Expect::kFault);
  EXPECT_EQ(Dma(harness_.board().spec().smmu[0].window[0], 0).result, Expect::kFault);
  ExpectClean();
}

TEST_P(ShippedTest, ADonatedPageIsOutOfReachAtOnce) {
  Write(0xc00, 0x10000);
  Write(0x800, kValid | 0x7f80u << 16 | 6);
  EXPECT_EQ(Dma(dram_ + 0x3000, 0).result, Expect::kOk);
  const Event donate = {.kind = EventKind::kHypDonate,
                        .arg = {dram_ + 0x3000, 1, model::kOwnerGuest0}};
  EXPECT_EQ(Do(donate).result, Expect::kOk);
  EXPECT_EQ(Dma(dram_ + 0x3000, 0).result, Expect::kFault);
  EXPECT_EQ(Dma(dram_ + 0x4000, 0).result, Expect::kOk);
  const Event reclaim = {.kind = EventKind::kHypReclaim,
                         .arg = {dram_ + 0x3000, 1, model::kOwnerGuest0}};
  EXPECT_EQ(Do(reclaim).result, Expect::kOk);
  EXPECT_EQ(Dma(dram_ + 0x3000, 1).result, Expect::kOk);
  ExpectClean();
}

TEST_P(ShippedTest, ASyncThatNeverEndsKeepsThePage) {
  Do({.kind = EventKind::kHwSync, .arg = {3, kSyncNever, 0}});
  const Event donate = {.kind = EventKind::kHypDonate,
                        .arg = {dram_ + 0x3000, 1, model::kOwnerGuest0}};
  EXPECT_EQ(Do(donate).result, Expect::kDegraded);
  EXPECT_EQ(harness_.board().ghost().owner(dram_ + 0x3000), model::kOwnerHost);
  Do({.kind = EventKind::kHwSync, .arg = {3, kSyncImmediate, 0}});
  EXPECT_EQ(Do(donate).result, Expect::kOk);
  ExpectClean();
}

TEST_P(ShippedTest, HostileWritesChangeNothing) {
  for (uint64_t window = 0; window < kWindowCount; window++) {
    for (uint64_t offset : {0x0, 0x8, 0x10, 0x48, 0x800, 0xc00, 0x10000, 0x800000, 0x2c0}) {
      for (uint64_t value : {0x0ull, 0x1ull, 0x7full, 0x10000ull, 0xffffffffull}) {
        Do({.kind = EventKind::kHostWrite, .arg = {window, offset, 4, value, 0, 0}});
      }
    }
  }
  ExpectClean();
}

// Ownership of memory and of registers, pools, mappings and syncs that are slow or never end, in
// any order: what the core and the ghost say never differs by what hardware reaches.
TEST_P(ShippedTest, ChangesOfOwnershipInAnyOrder) {
  const model::BoardSpec& spec = harness_.board().spec();
  const EventKind kinds[] = {EventKind::kHypDonate,   EventKind::kHypReclaim,
                             EventKind::kHypShare,    EventKind::kHypUnshare,
                             EventKind::kPoolAdd,     EventKind::kPoolReclaim,
                             EventKind::kHvcMapPages, EventKind::kPowerSuspend};
  unsigned done = 0;
  for (unsigned seed = 1; seed <= 6; seed++) {
    std::mt19937 random(seed);
    harness_.Begin({});
    Write(0xc00, 0x10000);
    Write(0x800, kValid | 0x7f80u << 16 | 6);
    for (int step = 0; step < 1000 && !harness_.violated(); step++) {
      const uint64_t base = random() % 3 ? dram_ + 0x3000 : spec.host_mmio[0].start;
      const uint64_t pa = base + random() % 5 * kPageSize;
      Event event = {.kind = kinds[random() % 8], .arg = {pa, 1 + random() % 3, random() % 4}};
      if (event.kind == EventKind::kHypReclaim) event.arg[2] = harness_.board().ghost().owner(pa);
      if (event.kind == EventKind::kPoolAdd || event.kind == EventKind::kPoolReclaim) {
        event.arg[0] = random() % 7;
      }
      if (event.kind == EventKind::kHvcMapPages) {
        for (size_t i = 0; i < 5; i++) {
          event.arg[i] = std::array<uint64_t, 5>{1, 0x1000, pa, kPageSize, 2}[i];
        }
      }
      if (event.kind == EventKind::kPowerSuspend) event.arg[0] = random() % 4;
      event.fail_nth = static_cast<uint16_t>(random() % 8 == 0);
      const Outcome outcome = Do(event);
      done += outcome.result == Expect::kOk || outcome.result == Expect::kDegraded;
      if (random() % 10 == 0) {
        Do({.kind = EventKind::kHwSync, .arg = {3, random() % 3, 3}});
      }
      Dma(base + random() % 5 * kPageSize, random() % 2, random() % 2);
    }
    ExpectClean();
  }
  EXPECT_GT(done, 300u);
}

TEST_P(ShippedTest, ColdBootFromAnArbitraryState) {
  std::vector<uint8_t> choices(4096);
  unsigned brought_up = 0;
  const unsigned seeds = std::string(GetParam()) == "tiny" ? 60 : 5;
  for (unsigned seed = 1; seed <= seeds; seed++) {
    unsigned state = seed;
    for (uint8_t& choice : choices) {
      state = state * 1103515245 + 12345;
      choice = static_cast<uint8_t>(state >> 16);
    }
    harness_.Begin(choices);
    const Event init = {.kind = EventKind::kBootInit, .arg = {kBootArbitrary}};
    const Expect up = Do(init).result;
    if (up == Expect::kRefused) continue;  // a memory controller that lets all past
    EXPECT_EQ(up, Expect::kOk);
    brought_up++;
    // What a host could do before anything traps.
    Do({.kind = EventKind::kHostWrite, .arg = {2, 0x0, 4, 1, 0, 0}});
    Do({.kind = EventKind::kHostWrite, .arg = {3, 0xc00, 4, 0x10000, 0, 0}});
    Do({.kind = EventKind::kHostWrite, .arg = {3, 0x800, 4, kValid | 6, 0, 0}});
    Do({.kind = EventKind::kBootFinalize});
    ExpectClean();
    EXPECT_EQ(Dma(dram_ + 0x1000, 1).result, Expect::kFault);
  }
  EXPECT_GE(brought_up, seeds / 2);
  harness_.Begin({});
  EXPECT_EQ(Dma(dram_ + 0x1000, 1).result, Expect::kFault);
  ExpectClean();
}

// Hardware that is not as the board says: a driver uses what it can, and refuses the rest.
TEST_P(ShippedTest, ColdBootOnOddHardware) {
  std::vector<uint8_t> choices(64);
  unsigned brought_up = 0;
  unsigned refused = 0;
  const unsigned seeds = std::string(GetParam()) == "tiny" ? 400 : 8;
  for (unsigned seed = 1; seed <= seeds; seed++) {
    uint64_t state = seed * 0x9e3779b97f4a7c15u;
    for (uint8_t& choice : choices) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      choice = static_cast<uint8_t>(state >> 32);
    }
    harness_.Begin(choices);
    const Expect up = Do({.kind = EventKind::kBootInit, .arg = {kBootOdd}}).result;
    const model::Machine& machine = harness_.board().machine();
    for (uint8_t side = 0; side < 2; side++) {
      const model::SmmuInstance& first = machine.smmu(machine.InstanceIndex(side, 0));
      const model::SmmuInstance& second = machine.smmu(machine.InstanceIndex(side, 1));
      for (size_t i = 0; i < 8; i++) {
        EXPECT_TRUE(first.idr[i] == second.idr[i] || up == Expect::kRefused) << seed;
      }
    }
    // The oracle looks for banks where this hardware has them, and not where the board's would.
    const model::BoardSpec& spec = harness_.board().spec();
    for (size_t i = 0; i < spec.smmu_count; i++) {
      const model::SmmuSpec& smmu = spec.smmu[i];
      const uint32_t idr1 = machine.smmu(machine.InstanceIndex(smmu.side, 0)).idr[1];
      EXPECT_EQ(layout::Bank(smmu, 0), (2u << (idr1 >> 28 & 7)) << (idr1 >> 31 != 0 ? 16 : 12));
    }
    refused += up == Expect::kRefused;
    if (up == Expect::kRefused) continue;
    brought_up++;
    Do({.kind = EventKind::kBootFinalize});
    ExpectClean();
    Attach(0, dram_ + 0x4000);
    Dma(dram_ + 0x1000, 1);
    Do({.kind = EventKind::kHypDonate, .arg = {dram_ + 0x3000, 1, model::kOwnerGuest0}});
    ExpectClean();
  }
  EXPECT_GE(brought_up, seeds / 8);
  EXPECT_GE(refused, seeds / 8);
  harness_.Begin({});
  ExpectClean();
}

// A device that goes on with its transfers while the driver works, after every second store.
TEST_P(ShippedTest, DevicesGoOnBetweenTwoStores) {
  const std::vector<uint8_t> schedule = {1, 0, 1, 0, 2, 0, 1, 0, 15, 0, 3, 0, 1, 0, 1, 0, 1};
  harness_.Begin({}, schedule);
  StoreTables(dram_ + 0x10000, 0x40000000, dram_ + 0x5000);
  EXPECT_EQ(Dma(0x40000000, 0).result, Expect::kFault);
  const uint64_t before = harness_.board().coverage().dma_between;
  Attach(1, dram_ + 0x10000);
  EXPECT_GE(harness_.board().coverage().dma_between, before + 8);
  EXPECT_EQ(Dma(0x40000000, 0).result, Expect::kOk);
  ExpectClean();
  // A program without a schedule has none of them, and neither has one without transfers.
  harness_.Begin({}, schedule);
  const uint64_t between = harness_.board().coverage().dma_between;
  Attach(1, dram_ + 0x10000);
  harness_.Begin({});
  Dma(0x40000000, 0);
  Attach(1, dram_ + 0x10000);
  EXPECT_EQ(harness_.board().coverage().dma_between, between);
}

// Whatever a host writes to any register, it reads what a bare SMMU would show, in banks of every
// type. All differences are listed, not only the first.
TEST_P(ShippedTest, EveryRegisterReadsBackAsOnABareSmmu) {
  size_t count = 0;
  const model::RegisterInfo* rows = model::Registers(&count);
  std::string differences;
  for (const uint32_t type : {0u, 1u, 2u, 3u}) {
    for (size_t i = 0; i < count; i++) {
      const model::RegisterInfo& row = rows[i];
      if (row.page == model::Page::kMcSid || row.page == model::Page::kMcChannel) continue;
      const bool in_bank = row.page == model::Page::kBank;
      if (!in_bank && type != 0) continue;
      const uint64_t offset =
          row.offset + (in_bank ? 0x800000 : static_cast<uint64_t>(row.page) << 16);
      if (harness_.violated()) harness_.Begin({});
      if (in_bank) Write(0x10000, type << 16);
      for (const uint64_t value : {~uint64_t{0}, uint64_t{0}, uint64_t{0x5a5a5a5aa5a5a5a5}}) {
        Write(offset, value, row.width);
        Do({.kind = EventKind::kHostRead, .arg = {2, offset, row.width, 0, 1, 0}});
        Do({.kind = EventKind::kHostRead, .arg = {2, offset, 4, 0, 1, 0}});
        if (!harness_.violated()) continue;
        differences += harness_.verdict().title + " (type " + std::to_string(type) + ")\n";
        break;
      }
    }
  }
  EXPECT_EQ(differences, "");
  harness_.Begin({});
}

INSTANTIATE_TEST_SUITE_P(Boards, ShippedTest, testing::Values("tiny", "tegra234", "tegra234-virt"));

// Boards that the driver cannot run: init says so, stores nothing, and nothing is up afterwards.
class RefusedTest : public testing::TestWithParam<const char*> {};

TEST_P(RefusedTest, InitStoresNothingAndEventsDoNothing) {
  Harness<NativeEngine> harness({.board = model::FindBoard(GetParam())});
  std::vector<Access> log;
  harness.board().set_access_log(&log);
  harness.Begin({});
  bool returned = false;
  for (const Access& access : log) {
    EXPECT_NE(access.kind, Access::kWrite32);
    EXPECT_NE(access.kind, Access::kWrite64);
    EXPECT_NE(access.kind, Access::kTableWrite);
    EXPECT_NE(access.kind, Access::kTableZero);
    if (access.kind != Access::kReturn) continue;
    EXPECT_EQ(access.address & 0xffffffff, uint64_t{SIDEWALL_REFUSED});
    returned = true;
  }
  EXPECT_TRUE(returned);
  const uint64_t dram = harness.board().spec().dram[0].start;
  for (const Event& event :
       {Event{.kind = EventKind::kHostWrite, .arg = {2, 0xc00, 4, 0x10000, 0, 0}},
        Event{.kind = EventKind::kHostRead, .arg = {2, 0x20, 4, 0, 1, 0}},
        Event{.kind = EventKind::kDmaStream, .arg = {1, 6, dram, kDmaWrite, 0, 0}},
        Event{.kind = EventKind::kHypDonate, .arg = {dram, 1, model::kOwnerGuest0}},
        Event{.kind = EventKind::kHwSync, .arg = {2, kSyncNever, 0}},
        Event{.kind = EventKind::kHvcStats}, Event{.kind = EventKind::kBootFinalize}}) {
    harness.Apply(event);
    EXPECT_FALSE(harness.violated()) << harness.verdict().title;
  }
  // Nor does a second try with other contents of the registers.
  const std::vector<uint8_t> choices = {1, 2, 3, 4, 5, 6, 7, 8};
  for (const uint64_t state : {kBootReset, kBootArbitrary, kBootOdd}) {
    harness.Begin(choices);
    EXPECT_EQ(harness.Apply({.kind = EventKind::kBootInit, .arg = {state}}).result,
              Expect::kRefused);
    EXPECT_FALSE(harness.violated()) << harness.verdict().title;
  }
}

INSTANTIATE_TEST_SUITE_P(Boards, RefusedTest, testing::Values("small", "refuse"));

}  // namespace
}  // namespace sidewall
