// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/host_lock.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sidewall::model {
namespace {

TEST(LockLedger, TheDeclaredOrderIsClean) {
  LockLedger ledger;
  EXPECT_EQ(ledger.Take(0, kHostLock).fault, LockFault::kNone);
  for (uint32_t id = 0; id < kDriverLocks; id++) {
    EXPECT_EQ(ledger.Take(0, id).fault, LockFault::kNone) << id;
    EXPECT_TRUE(ledger.Holds(0, id));
  }
  for (uint32_t id = 0; id < kDriverLocks; id++) {
    EXPECT_EQ(ledger.Drop(0, id).fault, LockFault::kNone) << id;
  }
  EXPECT_EQ(ledger.OnReturn(0).fault, LockFault::kNone) << "the host lock may be the caller's";
  EXPECT_EQ(ledger.InCall(0).fault, LockFault::kNone);
  EXPECT_EQ(ledger.Drop(0, kHostLock).fault, LockFault::kNone);
}

TEST(LockLedger, OutOfOrderNamesBoth) {
  LockLedger ledger;
  ledger.Take(0, 4);
  const LockReport report = ledger.Take(0, 1);
  EXPECT_EQ(report.fault, LockFault::kOrder);
  EXPECT_EQ(report.lock, 1u);
  EXPECT_EQ(report.other, 4u);
}

TEST(LockLedger, TheHostLockComesBeforeAllOthers) {
  LockLedger ledger;
  ledger.Take(0, 0);
  const LockReport report = ledger.Take(0, kHostLock);
  EXPECT_EQ(report.fault, LockFault::kOrder);
  EXPECT_EQ(report.lock, kHostLock);
  EXPECT_EQ(report.other, 0u);
}

TEST(LockLedger, TwiceAndNotHeldAndUnknown) {
  LockLedger ledger;
  ledger.Take(0, 2);
  EXPECT_EQ(ledger.Take(0, 2).fault, LockFault::kTwice);
  EXPECT_EQ(ledger.Drop(0, 2).fault, LockFault::kNone);
  EXPECT_EQ(ledger.Drop(0, 2).fault, LockFault::kNotHeld);
  EXPECT_EQ(ledger.Take(0, kDriverLocks).fault, LockFault::kUnknown);
  EXPECT_EQ(ledger.Drop(0, kDriverLocks).fault, LockFault::kNotHeld);
  EXPECT_EQ(ledger.Take(0, ~0u).fault, LockFault::kUnknown);
  EXPECT_FALSE(ledger.Holds(0, ~0u));
}

TEST(LockLedger, EachCpuHoldsItsOwn) {
  LockLedger ledger;
  EXPECT_EQ(ledger.Take(0, 4).fault, LockFault::kNone);
  EXPECT_EQ(ledger.Take(7, 1).fault, LockFault::kNone) << "order is a matter of one CPU";
  EXPECT_EQ(ledger.Drop(7, 4).fault, LockFault::kNotHeld);
  EXPECT_EQ(ledger.Take(7, 4).fault, LockFault::kContended);
  EXPECT_EQ(ledger.OnReturn(255).fault, LockFault::kNone);
}

TEST(LockLedger, ALockHeldOnReturnOrInACallIsNamed) {
  LockLedger ledger;
  ledger.Take(3, kHostLock);
  ledger.Take(3, 2);
  ledger.Take(3, 3);
  EXPECT_EQ(ledger.OnReturn(3).fault, LockFault::kHeldOnReturn);
  EXPECT_EQ(ledger.OnReturn(3).lock, 2u);
  EXPECT_EQ(ledger.InCall(3).fault, LockFault::kHeldInCall);
  EXPECT_EQ(ledger.InCall(3).lock, 2u);
  EXPECT_EQ(ledger.InCall(4).fault, LockFault::kNone);
  ledger.Reset();
  EXPECT_EQ(ledger.OnReturn(3).fault, LockFault::kNone);
}

// A list of holders for each lock says whether a step is clean.
TEST(LockLedger, AgreesWithAMapOnRandomSteps) {
  for (unsigned seed = 1; seed <= 20; seed++) {
    std::mt19937 random(seed);
    LockLedger ledger;
    std::map<uint32_t, uint8_t> holder;
    const uint32_t ids[] = {kHostLock, 0, 1, 2, 3, 4, 5, 0x101};
    for (int step = 0; step < 2000; step++) {
      const uint32_t id = ids[random() % 8];
      const auto cpu = static_cast<uint8_t>(random() % 3);
      const bool known = id == kHostLock || id < kDriverLocks;
      const auto order = [](uint32_t lock) { return lock == kHostLock ? -1 : int(lock); };
      if (random() % 2) {
        bool clean = known && !holder.count(id);
        for (const auto& [held, by] : holder) clean &= by != cpu || order(held) < order(id);
        ASSERT_EQ(ledger.Take(cpu, id).fault == LockFault::kNone, clean) << seed << " " << step;
        if (known) holder[id] = cpu;
      } else {
        const bool clean = known && holder.count(id) && holder[id] == cpu;
        ASSERT_EQ(ledger.Drop(cpu, id).fault == LockFault::kNone, clean) << seed << " " << step;
        if (clean) holder.erase(id);
      }
      bool held = false;
      for (const auto& [lock, by] : holder) held |= by == cpu && lock != kHostLock;
      ASSERT_EQ(ledger.OnReturn(cpu).fault != LockFault::kNone, held);
    }
  }
}

}  // namespace
}  // namespace sidewall::model
