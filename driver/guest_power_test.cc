// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What power, faults, the memory controller and boot streams mean where guests are about.
#include "driver/domain_test.h"

namespace sidewall_test {
namespace {

constexpr uint32_t kSdmmc = 0x02;        // niso1, of one device
constexpr uint32_t kSdmmcClient = 0x63;  // carries it
constexpr uint32_t kGuest0 = SIDEWALL_OWNER_GUEST0;
constexpr uint32_t kMatch = 0xff800002;
constexpr uint64_t kFsr = 0x58;
constexpr uint32_t kTf = 2;

class GuestPowerTest : public DomainTest {
 public:
  GuestPowerTest() {
    EXPECT_EQ(sidewall_vm_create(state, 0).status, kOk);
    EXPECT_EQ(sidewall_assign_unit(state, 0, kNiso1Side, kSdmmc).status, kOk);
    EXPECT_EQ(sidewall_route_add(state, 0, 1, 7, kNiso1Side, kSdmmc).status, kOk);
    EXPECT_EQ(sidewall_vm_finalize(state, 0).status, kOk);
    domain = static_cast<uint32_t>(sidewall_guest_alloc(state, 0, 1).progress);
    EXPECT_EQ(AttachGuest(), kOk);
    ClearLog();
  }
  uint32_t AttachGuest() { return sidewall_guest_attach(state, 0, 1, 7, 0, domain, 0).status; }
  uint32_t DetachGuest() { return sidewall_guest_detach(state, 0, 1, 7, 0, domain).status; }
  void LosePower() {
    for (uint64_t window : {kNiso1, kNiso1m}) {
      for (uint32_t i = 0; i < 8; ++i) {
        for (uint64_t offset : {0x800, 0xc00, 0x10000, 0x10800}) {
          fake.Poke(window + offset + 4 * i, 0x80010000 + i);
        }
        for (uint64_t offset : {0x0, 0x20, 0x24, 0x30}) {
          fake.Poke(sidewall_test::Bank(window, i) + offset, 0x5eced001);
        }
      }
      fake.Poke(window, 0x00200001);
    }
  }
  // Of the one live entry of EL2's.
  uint32_t GuestTarget(uint64_t window) {
    for (uint32_t i = 0; i < 8; ++i) {
      if (Smr(window, i) == kMatch) return S2cr(window, i);
    }
    return ~0u;
  }
  uint32_t domain = 0;
};

TEST_F(GuestPowerTest, ResumeBringsTheGuestsContextBack) {
  const uint64_t root = Ttbr0(kNiso1, kFirstContext);
  const uint32_t cbar = Cbar(kNiso1, kFirstContext);
  EXPECT_EQ(sidewall_suspend(state, kNiso1Side).status, kOk);
  LosePower();
  EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kOk);
  for (uint64_t window : {kNiso1, kNiso1m}) {
    EXPECT_EQ(GuestTarget(window), kFirstContext);
    EXPECT_EQ(Ttbr0(window, kFirstContext), root);
    EXPECT_EQ(Cbar(window, kFirstContext), cbar);
    EXPECT_EQ(Sctlr(window, kFirstContext), 0x2121u);
    EXPECT_EQ(Sctlr(window, kFault), 0u);
  }
}

// By the entry, which needs neither a bank nor memory; so that no bank stays on, the fault bank's
// walk among them.
TEST_F(GuestPowerTest, SuspendLetsNoStreamDependOnABank) {
  EXPECT_EQ(sidewall_assign_unit(state, 0, kNiso1Side, 0x05).status, kOk);
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry + 1), kFault) << "detached";
  for (const bool suspend : {true, false}) {
    const auto down = suspend ? sidewall_suspend : sidewall_power_off;
    EXPECT_EQ(down(state, kNiso1Side).status, kOk);
    for (uint64_t window : {kNiso1, kNiso1m}) {
      for (uint32_t i = 0; i < 8; ++i) {
        EXPECT_EQ(S2cr(window, i), 0x20000u) << i;
        EXPECT_EQ(Sctlr(window, i), 0u) << "off is bypass for whoever names it";
      }
    }
    const auto up = suspend ? sidewall_resume : sidewall_power_on;
    EXPECT_EQ(up(state, kNiso1Side).status, kOk);
    EXPECT_EQ(GuestTarget(kNiso1m), kFirstContext);
    EXPECT_EQ(S2cr(kNiso1m, kFirstOwnEntry + 1), kFault);
  }
}

// A fault by the entry is a global one, which the host could read.
TEST_F(GuestPowerTest, AGuestsFaultWhileASuspendFailsIsTheGuests) {
  const auto fault = [this] {
    fake.Poke(kNiso1 + 0x40, 0x7654000);
    fake.Poke(kNiso1 + 0x54, kSdmmc);
    fake.Poke(kNiso1 + 0x48, 1);
  };
  fake.stuck.insert(kNiso1m);
  fake.before_read = [&](uint64_t pa) {
    if (pa == kNiso1 + 0x74) fault();
  };
  EXPECT_EQ(sidewall_suspend(state, kNiso1Side).status, kDegraded);
  fake.before_read = nullptr;
  fake.stuck.clear();
  EXPECT_EQ(GuestTarget(kNiso1), kFirstContext);
  EXPECT_EQ(Read(kNiso1 + 0x40), 0u);
  EXPECT_EQ(sidewall_fault_irq(state, kNiso1Side).progress, 1u);
  EXPECT_EQ(fake.notices[0].owner, kGuest0);
  EXPECT_EQ(sidewall_suspend(state, kNiso1Side).status, kOk);
  fault();
  EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kOk);
  EXPECT_EQ(fake.Reg(kNiso1 + 0x40), 0u);
  EXPECT_EQ(sidewall_fault_irq(state, kNiso1Side).progress, 0u);
}

TEST_F(GuestPowerTest, DetachWhilePowerIsOffHoldsAfterwards) {
  EXPECT_EQ(sidewall_power_off(state, kNiso1Side).status, kOk);
  ClearLog();
  EXPECT_EQ(DetachGuest(), kOk);
  EXPECT_EQ(sidewall_guest_unmap(state, 0, domain, 0, kPage).status, kRefused);
  EXPECT_EQ(AttachGuest(), kRefused) << "not while it is off";
  EXPECT_TRUE(RegisterStores().empty());
  LosePower();
  EXPECT_EQ(sidewall_power_on(state, kNiso1Side).status, kOk);
  for (uint64_t window : {kNiso1, kNiso1m}) {
    EXPECT_EQ(GuestTarget(window), kFault);
    EXPECT_EQ(Sctlr(window, kFault), 0x2121u);
    EXPECT_EQ(Sctlr(window, kFirstContext), 0u);
  }
}

TEST_F(GuestPowerTest, NoStreamGetsANewPlaceWhilePowerIsOff) {
  ASSERT_EQ(Alloc(5), kOk);
  ASSERT_EQ(sidewall_vm_create(state, 3).status, kOk);
  ASSERT_EQ(sidewall_suspend(state, kNiso1Side).status, kOk);
  EXPECT_EQ(Attach(kNiso1Side, 5, 0x2b), kRefused);
  EXPECT_EQ(sidewall_set_identity(state, kNiso1Side, 0x2b, 1).status, kRefused);
  EXPECT_EQ(sidewall_set_identity(state, kNiso1Side, 0x2b, 0).status, kRefused);
  EXPECT_EQ(sidewall_assign_unit(state, 3, kNiso1Side, 0x2b).status, kRefused);
  ASSERT_EQ(sidewall_resume(state, kNiso1Side).status, kOk);
  EXPECT_EQ(Attach(kNiso1Side, 5, 0x2b), kOk);
}

TEST_F(GuestPowerTest, ReferencesDropThoughAUnitIsOff) {
  EXPECT_EQ(sidewall_guest_map(state, 0, domain, 0x1000, kDram, kPage, SIDEWALL_PROT_RW).status,
            kOk);
  EXPECT_EQ(sidewall_power_off(state, kNiso1Side).status, kOk);
  ClearLog();
  const size_t before = fake.unused.size();
  EXPECT_EQ(sidewall_guest_unmap(state, 0, domain, 0x1000, kPage).status, kOk);
  EXPECT_EQ(fake.unused.size(), before + 1) << "no stream translates before a full flush";
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(GuestPowerTest, NothingIsReleasedWhileARestoreHasFailed) {
  EXPECT_EQ(sidewall_guest_map(state, 0, domain, 0x1000, kDram, kPage, SIDEWALL_PROT_RW).status,
            kOk);
  EXPECT_EQ(sidewall_suspend(state, kNiso1Side).status, kOk);
  LosePower();
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kDegraded);
  const size_t before = fake.unused.size();
  sidewall_guest_unmap(state, 0, domain, 0x1000, kPage);
  EXPECT_EQ(fake.unused.size(), before);
  EXPECT_EQ(DetachGuest(), kDegraded);
  fake.stuck.clear();
  EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kOk);
  EXPECT_EQ(GuestTarget(kNiso1m), kFault);
}

TEST_F(GuestPowerTest, GuestsFaultIsTheGuests) {
  fake.Poke(sidewall_test::Bank(kNiso1m, kFirstContext) + kFsr, kTf);
  fake.Poke(kNiso1m + kGr1 + 0x400 + 4 * kFirstContext, 0x802);
  const sidewall_result result = sidewall_tick(state, 0);
  EXPECT_EQ(result.progress, 1u);
  ASSERT_EQ(fake.notices.size(), 1u);
  EXPECT_EQ(fake.notices[0].owner, kGuest0);
  EXPECT_EQ(fake.notices[0].fault.sid, 0x802u);
  EXPECT_EQ(fake.notices[0].fault.instance, 1u);
  EXPECT_EQ(fake.Reg(sidewall_test::Bank(kNiso1m, kFirstContext) + kFsr), 0u);
}

TEST_F(GuestPowerTest, GlobalRecordOfAGuestIsNotTheHosts) {
  fake.Poke(kNiso1 + 0x48, 1);
  fake.Poke(kNiso1 + 0x54, kSdmmc);
  EXPECT_EQ(Read(kNiso1 + 0x48), 0u);
  EXPECT_EQ(sidewall_fault_irq(state, kNiso1Side).progress, 1u);
  EXPECT_EQ(fake.notices[0].owner, kGuest0);
  EXPECT_EQ(fake.Reg(kNiso1 + 0x48), 0u) << "and does not hide the host's";
}

TEST_F(GuestPowerTest, HostsDefaultsForAGuestsClientAreDropped) {
  const uint64_t word = kMcSid + 8 * kSdmmcClient;
  EXPECT_EQ(Read(word), kSdmmc);
  fake.Poke(word, 0x7f);
  Write(word, kSdmmc);
  EXPECT_EQ(fake.Reg(word), 0x7fu) << "EL2 alone restores it";
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_SID], 1u);
  Write(word + 4, 0x101);
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_SID], 2u);
}

class GuestBootTest : public DriverTest {};

TEST_F(GuestBootTest, FirstVmEndsBootStreams) {
  cfg.boot_stream_count = 1;
  cfg.boot_stream[0] = {SIDEWALL_SIDE_ISO, 0x0e};
  cfg.boot_stream_timeout_us = 1000000;
  Boot();
  EXPECT_EQ(fake.Reg(kIso + 0xc00 + 4 * kHostEntries), kHostStage2);
  EXPECT_EQ(sidewall_vm_create(state, 0).status, kOk);
  EXPECT_EQ(fake.Reg(kIso + 0xc00 + 4 * kHostEntries), kFaultBank);
}

}  // namespace
}  // namespace sidewall_test
