// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Power, time, faults and streams without an entry of the host's, over the shipped driver: one way
// through, and any order.
#include <gtest/gtest.h>

#include <random>

#include "oracle/engine_native.h"
#include "oracle/harness.h"

namespace sidewall {
namespace {

constexpr uint64_t kNiso0 = 1;        // the side
constexpr uint64_t kFirstWindow = 2;  // of niso0
constexpr uint32_t kMatch = 0xff800006;

class PowerTest : public testing::Test {
 protected:
  PowerTest() : harness_({.board = model::FindBoard("tiny")}) {
    harness_.Begin({});
    dram_ = harness_.board().spec().dram[0].start;
  }

  Expect Do(EventKind kind, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) {
    return harness_.Apply({.kind = kind, .arg = {a, b, c}}).result;
  }
  Expect Write(uint64_t offset, uint64_t value) {
    Expect last = Expect::kNone;
    for (uint64_t window : {kFirstWindow, kFirstWindow + 1}) {
      last =
          harness_.Apply({.kind = EventKind::kHostWrite, .arg = {window, offset, 4, value, 0, 0}})
              .result;
    }
    return last;
  }
  Expect Dma(uint64_t page, uint64_t instance = 0, uint64_t sid = 6) {
    return harness_
        .Apply({.kind = EventKind::kDmaStream,
                .arg = {kNiso0, sid, dram_ + page * kPageSize, kDmaWrite, instance, 0}})
        .result;
  }
  void ExpectClean() {
    EXPECT_FALSE(harness_.violated())
        << harness_.verdict().title << " at event " << harness_.verdict().event_index;
  }

  Harness<NativeEngine> harness_;
  uint64_t dram_ = 0;
};

TEST_F(PowerTest, WhatIsTakenWhileAUnitIsOffIsGoneWhenItIsOn) {
  Write(0xc00, 0x10000);
  Write(0x800, kMatch);
  EXPECT_EQ(Dma(1), Expect::kOk);
  EXPECT_EQ(Do(EventKind::kPowerSuspend, kNiso0), Expect::kOk);
  EXPECT_EQ(Dma(1), Expect::kFault);
  EXPECT_EQ(Do(EventKind::kHwPowerLoss, kNiso0), Expect::kOk);
  EXPECT_EQ(Write(0xc00, 0x20000), Expect::kFault);
  EXPECT_EQ(Do(EventKind::kHypDonate, dram_ + kPageSize, 1, 2), Expect::kOk);
  EXPECT_EQ(Do(EventKind::kPowerResume, kNiso0), Expect::kOk);
  for (uint64_t instance : {0, 1}) {
    EXPECT_EQ(Dma(1, instance), Expect::kFault);
    EXPECT_EQ(Dma(2, instance), Expect::kOk);
  }
  EXPECT_EQ(Do(EventKind::kPowerResume, kNiso0), Expect::kRefused);
  ExpectClean();
}

TEST_F(PowerTest, UntouchedUnitIsWhatItWas) {
  Write(0xc00, 0x10000);
  Write(0x800, kMatch);
  for (EventKind down : {EventKind::kPowerSuspend, EventKind::kPowerOff}) {
    const EventKind up =
        down == EventKind::kPowerOff ? EventKind::kPowerOn : EventKind::kPowerResume;
    EXPECT_EQ(Do(down, kNiso0), Expect::kOk);
    EXPECT_EQ(Do(EventKind::kHwPowerLoss, kNiso0), Expect::kOk);
    EXPECT_EQ(Do(up, kNiso0), Expect::kOk);
    EXPECT_EQ(Dma(1), Expect::kOk);
  }
  EXPECT_EQ(Do(EventKind::kHwPowerLoss, kNiso0), Expect::kNone) << "it is on";
  ExpectClean();
}

// A system that sleeps: the memory controller has lost all it knew, and each unit that comes back
// finds its own clients restored.
TEST_F(PowerTest, TheMemoryControllerComesBackWithTheUnits) {
  constexpr uint32_t kAxis = 0x8c;  // of unknown wiring
  Write(0xc00, 0x10000);
  Write(0x800, kMatch);
  const uint32_t before = harness_.board().machine().PeekMc(0, 8 * kAxis);
  for (uint64_t side = 0; side < 3; side++) {
    EXPECT_EQ(Do(EventKind::kPowerSuspend, side), Expect::kOk);
  }
  for (uint64_t side = 0; side < 3; side++) {
    EXPECT_EQ(Do(EventKind::kHwPowerLoss, side), Expect::kOk);
  }
  EXPECT_NE(harness_.board().machine().PeekMc(0, 8 * kAxis), before);
  for (uint64_t side : {2, 1, 0}) EXPECT_EQ(Do(EventKind::kPowerResume, side), Expect::kOk);
  EXPECT_EQ(harness_.board().machine().PeekMc(0, 8 * kAxis), before);
  EXPECT_EQ(Dma(1), Expect::kOk);
  ExpectClean();
}

TEST_F(PowerTest, SyncThatNeverEndsKeepsAUnitDown) {
  Write(0xc00, 0x10000);
  Write(0x800, kMatch);
  EXPECT_EQ(Do(EventKind::kPowerOff, kNiso0), Expect::kOk);
  EXPECT_EQ(Do(EventKind::kHwSync, kFirstWindow, kSyncNever), Expect::kOk);
  EXPECT_EQ(Do(EventKind::kPowerOn, kNiso0), Expect::kDegraded);
  EXPECT_EQ(Do(EventKind::kHypDonate, dram_ + kPageSize, 1, 2), Expect::kDegraded);
  EXPECT_EQ(Do(EventKind::kTick, 1000), Expect::kDegraded);
  EXPECT_EQ(Do(EventKind::kHwSync, kFirstWindow, kSyncImmediate), Expect::kOk);
  EXPECT_EQ(Do(EventKind::kPowerOn, kNiso0), Expect::kOk);
  EXPECT_EQ(Do(EventKind::kTick, 2000), Expect::kOk);
  EXPECT_EQ(Dma(2), Expect::kOk);
  ExpectClean();
}

TEST_F(PowerTest, AnyOrder) {
  const EventKind kinds[] = {EventKind::kPowerSuspend, EventKind::kPowerResume,
                             EventKind::kPowerOff,     EventKind::kPowerOn,
                             EventKind::kHwPowerLoss,  EventKind::kIrqFault};
  unsigned ups = 0;
  for (unsigned seed = 1; seed <= 12; seed++) {
    std::mt19937 random(seed);
    harness_.Begin({});
    for (int step = 0; step < 1500 && !harness_.violated(); step++) {
      const EventKind kind = kinds[random() % 6];
      const uint64_t entry = random() % 4;
      switch (random() % 9) {
        case 0:
        case 1: {
          const bool up = kind == EventKind::kPowerResume || kind == EventKind::kPowerOn;
          ups += Do(kind, random() % 3) == Expect::kOk && up;
          break;
        }
        case 2:
          Write(0xc00 + 4 * entry, random() % 2 ? 0x10000 : 0x20000);
          break;
        case 3:
          Write(0x800 + 4 * entry, random() % 3 ? 0xff800000 | (5 + random() % 4) : 0);
          break;
        case 4:
          Do(EventKind::kHvcSetIdentity, random() % 4, 4 + random() % 6, random() % 3);
          break;
        case 5:
          Do(EventKind::kTick, static_cast<uint64_t>(step) * 50);
          break;
        case 6:
          Do(random() % 2 ? EventKind::kHypDonate : EventKind::kHypReclaim,
             dram_ + random() % 4 * kPageSize, 1, 2);
          break;
        case 7:
          Do(EventKind::kHwSync, random() % 5, random() % 8 ? kSyncImmediate : kSyncNever, 0);
          break;
        default:
          Dma(random() % 4, random() % 2, (5 + random() % 4) | (random() % 2) << 11);
      }
    }
    ExpectClean();
  }
  EXPECT_GT(ups, 200u);
}

}  // namespace
}  // namespace sidewall
