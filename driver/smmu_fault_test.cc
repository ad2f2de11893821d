// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Fault registers: per instance, and with stage-2 faults shown where the host can see them.
#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

using Stores = std::vector<std::pair<uint64_t, uint64_t>>;
constexpr uint32_t kTf = 0x2;
constexpr uint32_t kEf = 0x10;
constexpr uint32_t kMulti = 0x80000000;
constexpr uint32_t kAarch64 = 0x400;
constexpr uint64_t kFsr = 0x58;
constexpr uint64_t kFar = 0x60;
constexpr uint64_t kFsynr0 = 0x68;

class FaultTest : public DriverTest {
 public:
  FaultTest() { Boot(); }

  void RaiseStage2(uint64_t window, uint32_t named_bank, bool nested) {
    const uint64_t stage2 = Bank(window, kHostStage2);
    fake.Poke(stage2 + kFsr, kTf | kAarch64);
    fake.Poke(stage2 + kFar, 0x12345000);
    fake.Poke(stage2 + kFar + 4, 0x7f);
    fake.Poke(stage2 + kFsynr0, named_bank << 16 | 0x173 | (nested ? 4 : 0));
    fake.Poke(stage2 + 0x6c, 0x5eced);
    fake.Poke(stage2 + 0x70, 0x5eced);
    fake.Poke(window + kGr1 + 0x400 + 4 * kHostStage2, 0x80e);
  }
};

TEST_F(FaultTest, OwnRecordIsPerInstance) {
  const uint64_t first = Bank(kNiso1, 2);
  const uint64_t second = Bank(kNiso1m, 2);
  fake.Poke(second + kFsr, kTf | kAarch64);
  fake.Poke(second + kFar, 0xabc000);
  EXPECT_EQ(Read(first + kFsr), 0u);
  EXPECT_EQ(Read(second + kFsr), kTf | kAarch64);
  EXPECT_EQ(Read(second + kFar, 8), 0xabc000u);
  Write(first + kFsr, 0xc00001fe);
  EXPECT_EQ(fake.Reg(second + kFsr), kTf | kAarch64);
  Write(second + kFsr, 0xc00001fe);
  EXPECT_EQ(fake.Reg(second + kFsr), kAarch64);
}

TEST_F(FaultTest, Stage2FaultIsShownAsExternalAbort) {
  RaiseStage2(kNiso1m, 3, true);
  EXPECT_EQ(Read(Bank(kNiso1, 3) + kFsr), 0u);
  EXPECT_EQ(Read(Bank(kNiso1m, 2) + kFsr), 0u);
  const uint64_t bank = Bank(kNiso1m, 3);
  EXPECT_EQ(Read(bank + kFsr), kEf);
  EXPECT_EQ(Read(bank + kFar, 8), 0x7f12345000u);
  EXPECT_EQ(Read(bank + kFar + 4), 0x7fu);
  EXPECT_EQ(Read(bank + kFsynr0), 0x70u);
  EXPECT_EQ(Read(bank + 0x6c), 0u);
  EXPECT_EQ(Read(bank + 0x70, 8), 0u);
  EXPECT_EQ(Read(kNiso1m + kGr1 + 0x400 + 12), 0x80eu);
}

TEST_F(FaultTest, ClearingTheExternalAbortClearsStage2OnThatInstance) {
  RaiseStage2(kNiso1, 3, true);
  RaiseStage2(kNiso1m, 3, true);
  Write(Bank(kNiso1m, 3) + kFsr, kTf);
  EXPECT_EQ(Read(Bank(kNiso1m, 3) + kFsr), kEf) << "only EF was shown";
  Write(Bank(kNiso1m, 3) + kFsr, kEf);
  EXPECT_EQ(Read(Bank(kNiso1m, 3) + kFsr), 0u);
  EXPECT_EQ(Read(Bank(kNiso1, 3) + kFsr), kEf);
}

TEST_F(FaultTest, OwnRecordComesFirst) {
  RaiseStage2(kIso, 3, true);
  const uint64_t bank = Bank(kIso, 3);
  fake.Poke(bank + kFsr, kTf | kAarch64);
  fake.Poke(bank + kFar, 0x1000);
  EXPECT_EQ(Read(bank + kFsr), kTf | kAarch64 | kMulti);
  EXPECT_EQ(Read(bank + kFar, 8), 0x1000u);
  Write(bank + kFsr, 0xffffffff);
  EXPECT_EQ(Read(bank + kFsr), kEf | kAarch64);
  EXPECT_EQ(Read(bank + kFar, 8), 0x7f12345000u);
  Write(bank + kFsr, kEf);
  EXPECT_EQ(Read(bank + kFsr), kAarch64);
}

TEST_F(FaultTest, RecordOfNoHostBankIsDropped) {
  RaiseStage2(kIso, 0, false);
  EXPECT_EQ(Read(Bank(kIso, 0) + kFsr), 0u);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2) + kFsr) & 0x800001feu, 0u);
  RaiseStage2(kIso, kFaultBank, true);
  EXPECT_EQ(Read(Bank(kIso, 0) + kFsr), 0u);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2) + kFsr) & 0x800001feu, 0u);
}

TEST_F(FaultTest, DroppedRecordIsCountedAndLogged) {
  RaiseStage2(kNiso1m, kFaultBank, true);
  Read(Bank(kNiso1m, 2) + kFar, 8);
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_FAULT_DROPPED], 1u);
  ASSERT_EQ(fake.events.size(), 1u);
  EXPECT_EQ(fake.events[0].reason, uint32_t{SIDEWALL_REASON_FAULT_DROPPED});
  EXPECT_EQ(fake.events[0].a, Bank(kNiso1m, 2) + kFar);
  EXPECT_EQ(fake.events[0].b, uint64_t{kTf | kAarch64} << 32 | kFaultBank << 16 | 0x177);
  EXPECT_EQ(fake.events[0].locks, 0u);
  Read(Bank(kNiso1m, 2) + kFsr);
  RaiseStage2(kNiso1m, 2, true);
  Read(Bank(kNiso1m, 2) + kFsr);
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_FAULT_DROPPED], 1u);
  EXPECT_EQ(fake.events.size(), 1u);
}

TEST_F(FaultTest, MultiOfTheStage2RecordIsShown) {
  RaiseStage2(kIso, 3, true);
  const uint64_t stage2 = Bank(kIso, kHostStage2) + kFsr;
  fake.Poke(stage2, kTf | kAarch64 | kMulti);
  EXPECT_EQ(Read(Bank(kIso, 3) + kFsr), kEf | kMulti);
  EXPECT_EQ(Read(Bank(kIso, 2) + kFsr), 0u);
  Write(Bank(kIso, 3) + kFsr, kEf | kMulti);
  EXPECT_EQ(Read(Bank(kIso, 3) + kFsr), 0u);
  EXPECT_EQ(fake.Reg(stage2), kAarch64);
}

TEST_F(FaultTest, GlobalRecordOfTheQuarantineCanBeCleared) {
  fake.Poke(kIso + 0x48, 2);
  fake.Poke(kIso + 0x54, 0x7e);
  EXPECT_EQ(Read(kIso + 0x48), 2u);
  Write(kIso + 0x48, 2);
  EXPECT_EQ(fake.Reg(kIso + 0x48), 0u) << "its interrupt would never end";
}

TEST_F(FaultTest, UnmappedStage1TableIsTheBanksFault) {
  RaiseStage2(kIso, 3, false);
  fake.Poke(Bank(kIso, kHostStage2) + kFsynr0, 3u << 16 | 8);
  EXPECT_EQ(Read(Bank(kIso, 3) + kFsr), kEf);
}

TEST_F(FaultTest, StallIsNeverShown) {
  fake.Poke(Bank(kIso, 1) + kFsr, kTf | 0x40000000);
  EXPECT_EQ(Read(Bank(kIso, 1) + kFsr), kTf);
}

TEST_F(FaultTest, RestoreOnlyRaisesFaultBitsOfTheOwnBank) {
  Write(Bank(kNiso1m, 1) + 0x5c, 0xffffffff);
  EXPECT_EQ(RegisterStores(), (Stores{{Bank(kNiso1m, 1) + 0x5c, 0x800001fe}}));
  ClearLog();
  Write(kNiso1 + 0x4c, 0xffffffff);
  Write(Bank(kNiso1, 1) + 0x08, 1);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_FLOOR], 2u);
}

TEST_F(FaultTest, GlobalRecordIsPerInstance) {
  fake.Poke(kNiso1m + 0x48, 2 | kMulti);
  fake.Poke(kNiso1m + 0x40, 0x1000);
  fake.Poke(kNiso1m + 0x54, 0x855);
  EXPECT_EQ(Read(kNiso1 + 0x48), 0u);
  EXPECT_EQ(Read(kNiso1m + 0x48), 2 | kMulti);
  EXPECT_EQ(Read(kNiso1m + 0x40, 8), 0x1000u);
  EXPECT_EQ(Read(kNiso1m + 0x54), 0x855u);
  Write(kNiso1m + 0x54, 0);
  Write(kNiso1m + 0x40, 0, 8);
  EXPECT_EQ(Read(kNiso1m + 0x54), 0x855u) << "the syndrome says whose record it is";
  Write(kNiso1m + 0x48, 2 | kMulti);
  EXPECT_EQ(Read(kNiso1m + 0x48), 0u);
}

// What is left of an earlier record says nothing of the next one, which may come between two reads.
TEST_F(FaultTest, WithoutAStatusTheGlobalRecordIsNobodys) {
  fake.Poke(kIso + 0x54, 0x0e);
  for (uint64_t offset : {0x40, 0x44, 0x50, 0x58}) fake.Poke(kIso + offset, 0x5eced);
  for (uint64_t offset : {0x40, 0x44, 0x48, 0x50, 0x54, 0x58}) {
    EXPECT_EQ(Read(kIso + offset), 0u) << offset;
  }
  EXPECT_EQ(Read(kIso + 0x40, 8), 0u);
  Write(kIso + 0x48, ~0u);
  EXPECT_TRUE(RegisterStores().empty()) << "it could be another's by the time it arrives";
}

TEST_F(FaultTest, AGlobalRecordThatChangesMeanwhileIsNotShown) {
  for (uint64_t offset : {0x40, 0x50, 0x58}) {
    fake.Poke(kIso + 0x48, 2);
    fake.Poke(kIso + 0x54, 0x0e);
    fake.Poke(kIso + offset, 0x5eced);
    fake.before_read = [this, offset](uint64_t pa) {
      if (pa == kIso + offset) fake.Poke(kIso + 0x54, 0x0f);
    };
    EXPECT_EQ(Read(kIso + offset), 0u) << offset;
    EXPECT_EQ(Read(kIso + offset), 0x5ecedu) << offset;
  }
}

TEST_F(FaultTest, AGlobalRecordThatDoesNotAnswerIsNotShown) {
  fake.Poke(kIso + 0x48, 2);
  fake.Poke(kIso + 0x54, 0x0e);
  for (size_t n = 1; n <= 5; ++n) {
    uint64_t value = 0x77;
    fake.fail_nth_read = n;
    EXPECT_EQ(Trap(kIso + 0x40, 4, false, &value).status, uint32_t{SIDEWALL_REFUSED}) << n;
    EXPECT_EQ(value, 0x77u);
  }
}

// Where none stands, a record of a guest's may come before any access of EL2's: at whichever, the
// host sees nothing of it, and does not clear it.
TEST_F(FaultTest, AGuestsGlobalRecordMayComeAtAnyMoment) {
  constexpr uint32_t kGuests = 0x02;
  ASSERT_EQ(sidewall_vm_create(state, 0).status, uint32_t{SIDEWALL_OK});
  ASSERT_EQ(sidewall_assign_unit(state, 0, SIDEWALL_SIDE_NISO1, kGuests).status,
            uint32_t{SIDEWALL_OK});
  size_t came = 0;
  for (uint64_t offset : {0x40, 0x44, 0x48, 0x50, 0x54, 0x58}) {
    for (size_t n = 1; n <= 5; ++n) {
      for (const bool write : {false, true}) {
        for (uint64_t clean : {0x40, 0x44, 0x48, 0x50, 0x58}) fake.Poke(kNiso1 + clean, 0);
        fake.Poke(kNiso1 + 0x54, 0x05);
        size_t reads = 0;
        fake.before_read = [&](uint64_t) {
          if (++reads != n) return;
          for (uint64_t syndrome : {0x40, 0x44, 0x50, 0x58}) fake.Poke(kNiso1 + syndrome, 0x5eced);
          fake.Poke(kNiso1 + 0x54, kGuests);
          fake.Poke(kNiso1 + 0x48, 2);
        };
        if (write) {
          Write(kNiso1 + offset, 0xffffffff);
        } else {
          EXPECT_EQ(Read(kNiso1 + offset), 0u) << std::hex << offset << " " << n;
        }
        fake.before_read = nullptr;
        if (reads < n) continue;
        ++came;
        EXPECT_EQ(fake.Reg(kNiso1 + 0x48), 2u) << "cleared unseen";
      }
    }
  }
  EXPECT_EQ(came, 6u * 2 + 2) << "before the status and before the stream";
}

}  // namespace
}  // namespace sidewall_test
