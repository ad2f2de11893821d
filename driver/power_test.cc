// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Suspend, resume and power of a unit, and how a time-out ends.
#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

using Stores = std::vector<std::pair<uint64_t, uint64_t>>;
constexpr uint64_t kSmr = 0x800;
constexpr uint64_t kS2cr = 0xc00;
constexpr uint32_t kOk = SIDEWALL_OK;
constexpr uint32_t kRefused = SIDEWALL_REFUSED;
constexpr uint32_t kDegraded = SIDEWALL_DEGRADED;
constexpr uint32_t kNiso1Side = SIDEWALL_SIDE_NISO1;
constexpr uint32_t kIsoSide = SIDEWALL_SIDE_ISO;

class PowerTest : public DriverTest {
 public:
  PowerTest() {
    cfg.boot_stream_count = 1;
    cfg.boot_stream[0] = {SIDEWALL_SIDE_NISO1, 0x2b};
    cfg.boot_stream_timeout_us = 1000000;
    Boot();
    Attach(kNiso1, 3, 2);
    Write(Bank(kNiso1, 2) + 0x20, 0x0001000080200000, 8);
    Write(Bank(kNiso1, 2) + 0x30, 0x00802010);
    Write(Bank(kNiso1, 2) + 0x38, 0xf404ff44);
    Write(kNiso1 + kSmr + 12, 0xff80000e);
    EXPECT_EQ(sidewall_host_stage2_idmap(state, kDram, kDram + 8192, SIDEWALL_PROT_RW).status, kOk);
    ClearLog();
  }

  // What every register of a unit holds, apart from fault records.
  std::map<uint64_t, uint32_t> Image() {
    std::map<uint64_t, uint32_t> image;
    for (uint64_t window : {kNiso1, kNiso1m}) {
      for (uint64_t offset : {uint64_t{0}, uint64_t{8}, uint64_t{0x10}})
        Add(image, window + offset);
      for (uint64_t i = 0; i < 8; ++i) {
        for (uint64_t base : {kSmr, kS2cr, kGr1, kGr1 + 0x800}) Add(image, window + base + 4 * i);
        for (uint64_t offset : {0x0, 0x4, 0x10, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3c}) {
          Add(image, Bank(window, static_cast<uint32_t>(i)) + offset);
        }
      }
    }
    return image;
  }
  void LosePower() {
    uint32_t x = 0xabcdef01;
    for (const auto& [pa, value] : Image()) {
      x = x * 1664525 + 1013904223;
      fake.Poke(pa, x);
    }
    for (uint64_t window : {kNiso1, kNiso1m}) fake.Poke(window, 0x00200001);
  }
  uint32_t Suspend() { return sidewall_suspend(state, kNiso1Side).status; }
  uint32_t Resume() { return sidewall_resume(state, kNiso1Side).status; }
  sidewall_result Take() {
    EXPECT_EQ(sidewall_host_stage2_idmap(state, kDram, kDram + 4096, SIDEWALL_PROT_NONE).status,
              kOk);
    return sidewall_host_stage2_idmap_complete(state, 0);
  }
  void ExpectAllFault() {
    for (uint64_t window : {kNiso1, kNiso1m}) {
      for (uint64_t i = 0; i < 8; ++i) {
        const bool valid = (fake.Reg(window + kSmr + 4 * i) & 0x80000000) != 0;
        EXPECT_TRUE(!valid || fake.Reg(window + kS2cr + 4 * i) == 0x20000u);
      }
      EXPECT_EQ(fake.Reg(window), 0x00201c06u) << "CLIENTPD lets everything through";
    }
  }

 private:
  void Add(std::map<uint64_t, uint32_t>& image, uint64_t pa) { image[pa] = fake.Reg(pa); }
};

TEST_F(PowerTest, SuspendClosesDrainsAndFlushes) {
  EXPECT_EQ(Suspend(), kOk);
  Stores wanted;
  const auto both = [&wanted](uint64_t offset, uint64_t value) {
    wanted.emplace_back(kNiso1 + offset, value);
    wanted.emplace_back(kNiso1m + offset, value);
  };
  both(kS2cr + 12, 0x20000);
  both(kS2cr + 28, 0x20000);
  both(0x70, 0);
  // The bank with stage 1 before the stage 2 under it.
  both(kBank0 + kBankStep * 2, 0);
  both(kBank0 + kBankStep * kHostStage2, 0);
  both(0x6c, 0);
  both(0x68, 0);
  both(0x70, 0);
  EXPECT_EQ(RegisterStores(), wanted);
}

TEST_F(PowerTest, ResumeRestoresEverything) {
  const auto before = Image();
  const uint32_t client = fake.Reg(kMcSid + 8 * 0x58);
  EXPECT_EQ(Suspend(), kOk);
  LosePower();
  fake.Poke(kMcSid + 8 * 0x58, 0x7f);
  fake.Poke(kMcSid + 8 * 0x58 + 4, 1);
  EXPECT_EQ(Resume(), kOk);
  EXPECT_EQ(Image(), before);
  EXPECT_EQ(fake.Reg(kMcSid + 8 * 0x58), client);
  EXPECT_EQ(fake.Reg(kMcSid + 8 * 0x58 + 4), 0x101u);
  EXPECT_EQ(Read(kNiso1 + kS2cr + 12), 2u);
}

// Nothing can translate before the flush is complete and the memory controller is right.
TEST_F(PowerTest, OrderOfResume) {
  EXPECT_EQ(Suspend(), kOk);
  LosePower();
  ClearLog();
  EXPECT_EQ(Resume(), kOk);
  for (uint64_t window : {kNiso1, kNiso1m}) {
    bool floor = false, flushed = false, synced = false, clients = false, pointed = false;
    for (const auto& [pa, value] : RegisterStores()) {
      if (pa == kMcSid + 8 * 0x58) clients = true;
      if (pa < window || pa >= window + kWindowSize) continue;
      const uint64_t offset = pa - window;
      if (offset == 0) floor = true;
      if (offset == 0x68) flushed = true;
      if (offset == 0x70 && flushed) synced = true;
      const bool is_s2cr = offset >= kS2cr && offset < kS2cr + 32;
      const bool is_bank_on = offset >= kBank0 && offset % kBankStep == 0 && value != 0;
      if ((is_s2cr && (value & 0x30000) != 0x20000) || is_bank_on) {
        EXPECT_TRUE(floor && synced && clients) << std::hex << offset;
        pointed |= is_s2cr;
      }
      if (offset >= kSmr && offset < kSmr + 32 && value != 0) {
        EXPECT_TRUE(pointed) << "valid comes last";
      }
    }
    EXPECT_TRUE(pointed);
  }
}

TEST_F(PowerTest, OrderOfCalls) {
  EXPECT_EQ(Resume(), kRefused);
  EXPECT_EQ(sidewall_power_on(state, kNiso1Side).status, kRefused);
  for (uint32_t iommu : {1u, 3u, 0xffffffffu}) {
    EXPECT_EQ(sidewall_suspend(state, iommu).status, kRefused);
    EXPECT_EQ(sidewall_resume(state, iommu).status, kRefused);
    EXPECT_EQ(sidewall_power_off(state, iommu).status, kRefused);
    EXPECT_EQ(sidewall_power_on(state, iommu).status, kRefused);
  }
  EXPECT_TRUE(fake.log.empty());
  EXPECT_EQ(Suspend(), kOk);
  ClearLog();
  EXPECT_EQ(Suspend(), kRefused);
  EXPECT_EQ(sidewall_power_off(state, kNiso1Side).status, kRefused);
  EXPECT_EQ(sidewall_power_on(state, kNiso1Side).status, kRefused);
  EXPECT_TRUE(fake.log.empty());
  EXPECT_EQ(Resume(), kOk);
  EXPECT_EQ(Resume(), kRefused);
  EXPECT_EQ(sidewall_power_off(state, kNiso1Side).status, kOk);
  EXPECT_EQ(Resume(), kRefused);
  EXPECT_EQ(sidewall_power_on(state, kNiso1Side).status, kOk);
}

class PowerBeforeFinalize : public DriverTest {};

TEST_F(PowerBeforeFinalize, IsRefused) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(sidewall_suspend(state, kIsoSide).status, kRefused);
    EXPECT_EQ(sidewall_power_off(state, kIsoSide).status, kRefused);
    EXPECT_EQ(sidewall_fault_irq(state, kIsoSide).status, kRefused);
    EXPECT_EQ(sidewall_tick(state, 0).status, kRefused);
    if (i == 0) {
      EXPECT_EQ(Init().status, kOk);
    }
  }
}

TEST_F(PowerTest, NoRegisterIsTouchedWhileOff) {
  EXPECT_EQ(sidewall_power_off(state, kNiso1Side).status, kOk);
  ClearLog();
  for (uint64_t ipa : {kNiso1, kNiso1m + kS2cr, Bank(kNiso1, 2) + 0x58, kNiso1 + 0x74}) {
    uint64_t value = 0x77;
    EXPECT_EQ(Trap(ipa, 4, false, &value).status, kRefused);
    EXPECT_EQ(value, 0x77u);
    EXPECT_EQ(Trap(ipa, 4, true, &value).status, kRefused);
  }
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_POWER], 8u);
  EXPECT_EQ(sidewall_fault_irq(state, kNiso1Side).status, kOk);
  EXPECT_EQ(sidewall_set_identity(state, kNiso1Side, 5, 1).status, kRefused);
  EXPECT_EQ(sidewall_tick(state, 2000000).status, kOk);
  EXPECT_EQ(Take().status, kOk) << "it is closed, and flushed before it is open";
  for (const auto& [pa, value] : RegisterStores()) {
    EXPECT_TRUE(pa >= kIso && pa < kIso + kWindowSize) << std::hex << pa;
  }
  LosePower();
  ClearLog();
  EXPECT_EQ(sidewall_power_on(state, kNiso1Side).status, kOk);
  EXPECT_EQ(fake.Reg(kNiso1m + kS2cr + 28), kFaultBank) << "the boot stream's time went by";
  EXPECT_EQ(fake.Reg(Bank(kNiso1m, kFaultBank)), 0x2121u);
  Write(kNiso1 + kS2cr, 0x10000);
}

TEST_F(PowerTest, RemovalInFlightIsFlushedByTheRestore) {
  EXPECT_EQ(sidewall_host_stage2_idmap(state, kDram, kDram + 4096, SIDEWALL_PROT_NONE).status, kOk);
  EXPECT_EQ(Suspend(), kOk);
  LosePower();
  EXPECT_EQ(Resume(), kOk);
  ClearLog();
  EXPECT_EQ(sidewall_host_stage2_idmap_complete(state, 0).status, kOk);
  for (const auto& [pa, value] : RegisterStores()) {
    EXPECT_TRUE(pa >= kIso && pa < kIso + kWindowSize) << "niso1 was flushed whole";
  }
}

TEST_F(PowerTest, DownWithoutASyncIsNotDown) {
  const auto before = Image();
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(Suspend(), kDegraded);
  EXPECT_EQ(Image(), before);
  EXPECT_EQ(Take().status, kDegraded);
  EXPECT_EQ(Resume(), kRefused) << "it is on";
  EXPECT_EQ(Read(kNiso1 + kS2cr + 12), 2u);
  fake.stuck.clear();
  EXPECT_EQ(Suspend(), kOk);
}

TEST_F(PowerTest, FailedRestoreLeavesAllStreamsFaulting) {
  const auto before = Image();
  EXPECT_EQ(Suspend(), kOk);
  for (int i = 0; i < 6; ++i) {
    LosePower();
    fake.stuck.clear();
    fake.unreadable.clear();
    fake.read_only.clear();
    const uint64_t stubborn[] = {0,
                                 kNiso1m + kSmr + 12,
                                 kNiso1 + kGr1 + 4 * 2,
                                 Bank(kNiso1m, kHostStage2) + 0x20,
                                 Bank(kNiso1, kHostStage2),
                                 kMcSid + 8 * 0x58};
    if (i == 0) fake.stuck.insert(kNiso1);
    if (i != 0) fake.read_only.insert(stubborn[i]);
    if (i == 5) fake.Poke(stubborn[i], 0x7f);
    EXPECT_EQ(Resume(), kDegraded) << i;
    ExpectAllFault();
    EXPECT_EQ(Counters().degraded & 1, 1u);
    EXPECT_EQ(Take().status, kDegraded);
    uint64_t value = 0;
    EXPECT_EQ(Trap(kNiso1 + kS2cr, 4, true, &value).status, kRefused);
    EXPECT_EQ(sidewall_tick(state, 0).status, kDegraded);
  }
  fake.read_only.clear();
  ClearLog();
  EXPECT_EQ(sidewall_tick(state, 0).status, kDegraded);
  EXPECT_TRUE(RegisterStores().empty()) << "the power may go again unannounced";
  EXPECT_EQ(Resume(), kOk);
  EXPECT_EQ(Counters().degraded, 0u);
  EXPECT_EQ(Image(), before);
  EXPECT_EQ(sidewall_tick(state, 0).status, kOk);
  EXPECT_EQ(sidewall_host_stage2_idmap_complete(state, 0).status, kOk);
}

// The first check of a resume is a read: also when it is not answered, in either window, no stream
// is left as the power loss has made it.
TEST_F(PowerTest, ReadsThatFailLeaveAllStreamsFaulting) {
  const auto before = Image();
  EXPECT_EQ(Suspend(), kOk);
  for (const uint64_t silent :
       {kNiso1 + 0x20, kNiso1m + 0x20, kNiso1 + kS2cr, kNiso1m + kS2cr, kNiso1 + 0, kNiso1m + 0}) {
    LosePower();
    fake.unreadable = {silent};
    EXPECT_EQ(Resume(), kDegraded) << silent;
    ExpectAllFault();
  }
  fake.unreadable.clear();
  EXPECT_EQ(Resume(), kOk);
  EXPECT_EQ(Image(), before);
}

// Whichever read of a resume gives no answer. One that is only made again, as of a status, may.
TEST_F(PowerTest, NoReadThatFailsLeavesAStreamOpen) {
  const auto before = Image();
  size_t degraded = 0;
  uint32_t status = kOk;
  for (size_t n = 1;; ++n) {
    EXPECT_EQ(Suspend(), status == kOk ? kOk : kRefused);
    LosePower();
    fake.fail_nth_read = n;
    status = Resume();
    if (fake.fail_nth_read != 0) {
      EXPECT_EQ(status, kOk);
      break;
    }
    if (status == kOk) continue;
    ASSERT_EQ(status, kDegraded) << n;
    ++degraded;
    ExpectAllFault();
    ASSERT_FALSE(HasFailure()) << n;
  }
  fake.fail_nth_read = 0;
  EXPECT_EQ(Image(), before);
  EXPECT_GT(degraded, 500u) << "IDs, entries, banks, clients, and what is read back";
}

TEST_F(PowerTest, AClientThatDoesNotAnswerLeavesNoOtherUnpinned) {
  std::map<uint64_t, uint32_t> clients;
  for (uint64_t id = 0; id < 512; ++id) {
    if (fake.Reg(kMcSid + 8 * id + 4) == 0x101) clients[id] = fake.Reg(kMcSid + 8 * id);
  }
  ASSERT_EQ(clients.size(), 142u);
  EXPECT_EQ(Suspend(), kOk);
  LosePower();
  for (const auto& [id, sid] : clients) {
    fake.Poke(kMcSid + 8 * id, 0x7f);
    fake.Poke(kMcSid + 8 * id + 4, 1);
  }
  fake.unreadable = {kMcSid + 8 * clients.begin()->first};
  EXPECT_EQ(Resume(), kDegraded);
  ExpectAllFault();
  clients.erase(clients.begin());
  for (const auto& [id, sid] : clients) {
    EXPECT_EQ(fake.Reg(kMcSid + 8 * id), sid);
    EXPECT_EQ(fake.Reg(kMcSid + 8 * id + 4), 0x101u);
  }
}

TEST_F(PowerTest, WeakBypassConfigurationKeepsTheUnitClosed) {
  EXPECT_EQ(Suspend(), kOk);
  LosePower();
  fake.Poke(kMcBroadcast + 0x1820, 0);
  EXPECT_EQ(Resume(), kDegraded);
  ExpectAllFault();
  fake.Poke(kMcBroadcast + 0x1820, 0x80000002);
  EXPECT_EQ(Resume(), kOk) << "resume may be tried again, too";
}

TEST_F(PowerTest, TickEndsATimeOut) {
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(Take().status, kDegraded);
  EXPECT_EQ(sidewall_tick(state, 0).status, kDegraded);
  fake.stuck.clear();
  ClearLog();
  EXPECT_EQ(sidewall_tick(state, 0).status, kOk);
  EXPECT_EQ(
      RegisterStores(),
      (Stores{{kNiso1 + 0x64, 9}, {kNiso1m + 0x64, 9}, {kNiso1 + 0x70, 0}, {kNiso1m + 0x70, 0}}));
  EXPECT_EQ(Counters().degraded, 0u);
  ClearLog();
  EXPECT_EQ(sidewall_tick(state, 0).status, kOk);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(sidewall_host_stage2_idmap_complete(state, 0).status, kOk);
  EXPECT_TRUE(RegisterStores().empty()) << "it has been flushed";
}

TEST_F(PowerTest, OtherUnitsGoOn) {
  EXPECT_EQ(Suspend(), kOk);
  Write(kIso + kS2cr, 0x10000);
  EXPECT_EQ(fake.Reg(kIso + kS2cr), kHostStage2);
  EXPECT_EQ(sidewall_power_off(state, kIsoSide).status, kOk);
  EXPECT_EQ(sidewall_power_on(state, kIsoSide).status, kOk);
  EXPECT_EQ(Resume(), kOk);
}

}  // namespace
}  // namespace sidewall_test
