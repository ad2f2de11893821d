// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Who is told of a fault, how often, and how much one call does.
#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

constexpr uint32_t kTf = 0x2;
constexpr uint32_t kEf = 0x10;
constexpr uint32_t kMulti = 0x80000000;
constexpr uint64_t kFsr = 0x58;
constexpr uint32_t kNobodysBank = ~0u;

class FaultScanTest : public DriverTest {
 public:
  FaultScanTest() { Boot(); }

  void Raise(uint64_t window, uint32_t bank, uint32_t fsr, uint32_t fsynr0, uint32_t sid) {
    fake.Poke(Bank(window, bank) + kFsr, fsr);
    fake.Poke(Bank(window, bank) + 0x60, 0x5000);
    fake.Poke(Bank(window, bank) + 0x64, 0x1);
    fake.Poke(Bank(window, bank) + 0x68, fsynr0);
    fake.Poke(window + kGr1 + 0x400 + 4 * bank, sid);
  }
  uint64_t Irq(uint32_t iommu) {
    fake.notices.clear();
    const sidewall_result result = sidewall_fault_irq(state, iommu);
    EXPECT_EQ(result.status, uint32_t{SIDEWALL_OK});
    EXPECT_EQ(result.progress, fake.notices.size());
    for (const FakePlatform::Notice& notice : fake.notices) EXPECT_EQ(notice.locks, 0u);
    return result.progress;
  }
  uint32_t Fsr(uint64_t window, uint32_t bank) { return fake.Reg(Bank(window, bank) + kFsr); }
};

TEST_F(FaultScanTest, NothingToTell) {
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 0u);
  EXPECT_EQ(sidewall_fault_irq(state, SIDEWALL_SIDE_NISO0).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(sidewall_fault_irq(state, 3).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(FaultScanTest, HostsOwnBankIsToldOnce) {
  Attach(kNiso1, 0, 2);
  Raise(kNiso1m, 2, kTf | kMulti, 0x00030d13, 0x80e);
  Raise(kNiso1m, 3, kTf, 0, 0);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 1u) << "bank 3 has no user";
  const FakePlatform::Notice& notice = fake.notices[0];
  EXPECT_EQ(notice.owner, uint32_t{SIDEWALL_OWNER_HOST});
  EXPECT_EQ(notice.fault.side, uint32_t{SIDEWALL_SIDE_NISO1});
  EXPECT_EQ(notice.fault.instance, 1u);
  EXPECT_EQ(notice.fault.bank, 2u);
  EXPECT_EQ(notice.fault.sid, 0x80eu);
  EXPECT_EQ(notice.fault.fsr, kTf | kMulti);
  EXPECT_EQ(notice.fault.fsynr0, 0x13u);
  EXPECT_EQ(notice.fault.far_, 0x100005000u);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 0u);
  EXPECT_EQ(Fsr(kNiso1m, 2), kTf | kMulti) << "it is the host's to clear";
  Write(Bank(kNiso1m, 2) + kFsr, 0xffffffff);
  Raise(kNiso1m, 2, kTf, 0, 0x80e);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 1u);
}

TEST_F(FaultScanTest, NestedStage2FaultIsToldAsTheHostSeesIt) {
  Raise(kIso, kHostStage2, kTf, 3u << 16 | 0x177, 0x0e);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 1u);
  const FakePlatform::Notice& notice = fake.notices[0];
  EXPECT_EQ(notice.owner, uint32_t{SIDEWALL_OWNER_HOST});
  EXPECT_EQ(notice.fault.bank, 3u);
  EXPECT_EQ(notice.fault.fsr, kEf);
  EXPECT_EQ(notice.fault.fsynr0, 0x70u);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 0u);
  EXPECT_EQ(Read(Bank(kIso, 3) + kFsr), kEf);
  Write(Bank(kIso, 3) + kFsr, kEf);
  EXPECT_EQ(Fsr(kIso, kHostStage2), 0u);
  Raise(kIso, kHostStage2, kTf, 3u << 16 | 4, 0x0e);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 1u);
}

TEST_F(FaultScanTest, IdentityStreamIsToldAndCleared) {
  Raise(kIso, kHostStage2, kTf, 0x10, 0x0e);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 1u);
  EXPECT_EQ(fake.notices[0].owner, uint32_t{SIDEWALL_OWNER_HOST});
  EXPECT_EQ(fake.notices[0].fault.bank, kNobodysBank);
  EXPECT_EQ(Fsr(kIso, kHostStage2), 0u);
}

TEST_F(FaultScanTest, AGuestsStreamUnderTheHostsStage2IsTheGuests) {
  ASSERT_EQ(sidewall_vm_create(state, 0).status, uint32_t{SIDEWALL_OK});
  ASSERT_EQ(sidewall_assign_unit(state, 0, SIDEWALL_SIDE_NISO1, 0x05).status,
            uint32_t{SIDEWALL_OK});
  Raise(kNiso1, kHostStage2, kTf, 0x10, 0x05);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 1u);
  EXPECT_EQ(fake.notices[0].owner, uint32_t{SIDEWALL_OWNER_GUEST0});
  EXPECT_EQ(Fsr(kNiso1, kHostStage2), 0u);
  Raise(kNiso1, kHostStage2, kTf, 3u << 16 | 0x177, 0x05);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 1u);
  EXPECT_EQ(fake.notices[0].owner, uint32_t{SIDEWALL_OWNER_HOST}) << "its own bank shows it";
}

TEST_F(FaultScanTest, FaultBankBelongsToTheStreamsOwner) {
  Raise(kIso, kFaultBank, kTf, 3u << 16 | 0x10, 0x100f);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 1u);
  EXPECT_EQ(fake.notices[0].owner, uint32_t{SIDEWALL_OWNER_HOST});
  EXPECT_EQ(fake.notices[0].fault.bank, kNobodysBank);
  EXPECT_EQ(fake.notices[0].fault.fsynr0, 0x10u) << "which stage 1 is EL2's business";
  EXPECT_EQ(Fsr(kIso, kFaultBank), 0u);
  Raise(kIso, kFaultBank, kTf, 0x10, 0x0e7e);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 0u) << "the quarantine has nobody to be told";
  EXPECT_EQ(Fsr(kIso, kFaultBank), 0u);
}

TEST_F(FaultScanTest, GlobalRecordIsToldOnce) {
  fake.Poke(kNiso1m + 0x48, 2);
  fake.Poke(kNiso1m + 0x54, 0x805);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 1u);
  EXPECT_EQ(fake.notices[0].fault.bank, kNobodysBank);
  EXPECT_EQ(fake.notices[0].fault.sid, 0x805u);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 0u);
  Write(kNiso1m + 0x48, 2);
  fake.Poke(kNiso1m + 0x48, 2);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 1u);
}

TEST_F(FaultScanTest, AGlobalRecordThatChangesMeanwhileIsLeft) {
  fake.Poke(kIso + 0x48, 2);
  fake.Poke(kIso + 0x54, 0x0e);
  fake.before_read = [this](uint64_t pa) {
    if (pa == kIso + 0x40) fake.Poke(kIso + 0x54, 0x0f);
  };
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 0u);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 1u);
  EXPECT_EQ(fake.notices[0].fault.sid, 0x0fu);
}

TEST_F(FaultScanTest, OneCallIsBoundedAndTheNextGoesOn) {
  for (uint32_t i = 0; i < kHostBanks; ++i) Attach(kNiso1, i, i);
  const auto raise = [this] {
    for (uint64_t window : {kNiso1, kNiso1m}) {
      for (uint32_t bank = 0; bank < 8; ++bank) Raise(window, bank, kTf, 0, 5);
      fake.Poke(window + 0x48, 2);
    }
  };
  raise();
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 16u);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 2u);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_NISO1), 0u);
}

// A record that comes back as fast as it is cleared.
TEST_F(FaultScanTest, StormIsToldOncePerCall) {
  fake.read_only.insert(Bank(kIso, kFaultBank) + kFsr);
  Raise(kIso, kFaultBank, kTf, 0, 5);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 1u);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 1u);
}

TEST_F(FaultScanTest, TickLooksToo) {
  Raise(kIso, kFaultBank, kTf, 0, 5);
  Raise(kNiso1m, kFaultBank, kTf, 0, 5);
  const sidewall_result result = sidewall_tick(state, 0);
  EXPECT_EQ(result.status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(result.progress, 2u);
  EXPECT_EQ(fake.notices.size(), 2u);
}

TEST_F(FaultScanTest, RegistersThatGiveNoAnswerAreLeft) {
  Raise(kIso, kFaultBank, kTf, 0, 5);
  fake.unreadable.insert(Bank(kIso, kFaultBank) + 0x68);
  EXPECT_EQ(Irq(SIDEWALL_SIDE_ISO), 0u);
  EXPECT_EQ(Fsr(kIso, kFaultBank), kTf);
}

}  // namespace
}  // namespace sidewall_test
