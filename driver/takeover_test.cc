// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Configuration and takeover: contradictions are refused, and hostile hardware is closed in an
// order in which nothing new is let through.
#include <cstring>
#include <functional>
#include <map>

#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

constexpr uint64_t kAllWindows[] = {kNiso1, kNiso1m, kIso};

class TakeoverTest : public DriverTest {
 public:
  void ExpectRefused(const char* what) {
    const sidewall_result result = Init();
    EXPECT_EQ(result.status, uint32_t{SIDEWALL_REFUSED}) << what;
    EXPECT_NE(result.progress, 0u) << what;
  }
};

void SetBootStream(sidewall_cfg& cfg, uint32_t index, uint32_t side, uint32_t sid) {
  cfg.boot_stream[index] = {side, sid};
  cfg.boot_stream_count = index + 1;
}

struct ConfigCase {
  const char* what;
  std::function<void(sidewall_cfg&)> change;
};

TEST_F(TakeoverTest, ContradictionsInTheConfiguration) {
  const ConfigCase cases[] = {
      {"abi", [](sidewall_cfg& c) { c.abi = SIDEWALL_ABI + 1; }},
      {"no unit", [](sidewall_cfg& c) { c.smmu_count = 0; }},
      {"many units", [](sidewall_cfg& c) { c.smmu_count = SIDEWALL_MAX_SMMUS + 1; }},
      {"no window", [](sidewall_cfg& c) { c.smmu[0].window_count = 0; }},
      {"three windows", [](sidewall_cfg& c) { c.smmu[0].window_count = 3; }},
      {"unaligned window", [](sidewall_cfg& c) { c.smmu[0].window[0] += 0x1000; }},
      {"small window", [](sidewall_cfg& c) { c.smmu[1].window_size = 0x10000; }},
      {"wide window", [](sidewall_cfg& c) { c.smmu[1].window_size *= 2; }},
      {"empty window", [](sidewall_cfg& c) { c.smmu[1].window_size = 0; }},
      {"same window twice", [](sidewall_cfg& c) { c.smmu[0].window[1] = kNiso1; }},
      {"window in the MC", [](sidewall_cfg& c) { c.mc_window[1].start = kIso + 0x10000; }},
      {"window in RAM", [](sidewall_cfg& c) { c.dram[0].start = kIso; }},
      {"window above bit 39", [](sidewall_cfg& c) { c.smmu[1].window[0] |= uint64_t{1} << 39; }},
      {"side twice", [](sidewall_cfg& c) { c.smmu[1].side = c.smmu[0].side; }},
      {"side 3", [](sidewall_cfg& c) { c.smmu[1].side = 3; }},
      {"one bank for EL2", [](sidewall_cfg& c) { c.smmu[0].el2_banks = 1; }},
      {"all banks for EL2", [](sidewall_cfg& c) { c.smmu[0].el2_banks = 8; }},
      {"all entries for EL2", [](sidewall_cfg& c) { c.smmu[0].el2_entries = 8; }},
      {"wide VMID", [](sidewall_cfg& c) { c.smmu[0].host_vmid = 0x100; }},
      {"reserved", [](sidewall_cfg& c) { c.smmu[0].reserved = 1; }},
      {"one MC window", [](sidewall_cfg& c) { c.mc_window_count = 1; }},
      {"many MC windows", [](sidewall_cfg& c) { c.mc_window_count = 19; }},
      {"small MC window", [](sidewall_cfg& c) { c.mc_window[0].size = 0x1000; }},
      {"no RAM", [](sidewall_cfg& c) { c.dram_count = 0; }},
      {"many RAM ranges", [](sidewall_cfg& c) { c.dram_count = SIDEWALL_MAX_DRAM + 1; }},
      {"RAM wraps", [](sidewall_cfg& c) { c.dram[0].size = ~uint64_t{0xfff}; }},
      {"RAM unaligned", [](sidewall_cfg& c) { c.dram[0].size -= 1; }},
      {"many EL2 ranges", [](sidewall_cfg& c) { c.el2_range_count = 33; }},
      {"EL2 range wraps", [](sidewall_cfg& c) { c.el2_range[0].size = ~uint64_t{0}; }},
      {"no time-out", [](sidewall_cfg& c) { c.sync_timeout_us = 0; }},
      {"long time-out", [](sidewall_cfg& c) { c.sync_timeout_us = ~0u; }},
      {"many boot streams", [](sidewall_cfg& c) { c.boot_stream_count = 17; }},
      {"unknown flag", [](sidewall_cfg& c) { c.flags = 2; }},
      {"reserved at the end", [](sidewall_cfg& c) { c.reserved = 1; }},
      {"boot stream 0", [](sidewall_cfg& c) { c.boot_stream_count = 1; }},
      {"boot stream of the quarantine", [](sidewall_cfg& c) { SetBootStream(c, 0, 0, 0x7e); }},
      {"boot stream of no unit", [](sidewall_cfg& c) { SetBootStream(c, 0, 1, 5); }},
      {"boot stream of no side", [](sidewall_cfg& c) { SetBootStream(c, 0, 3, 5); }},
      {"boot streams above the entries",
       [](sidewall_cfg& c) {
         SetBootStream(c, 0, 0, 5);
         SetBootStream(c, 1, 0, 6);
       }},
      {"boot stream twice",
       [](sidewall_cfg& c) {
         c.smmu[0].el2_entries = 2;
         SetBootStream(c, 0, 0, 5);
         SetBootStream(c, 1, 0, 5);
       }},
  };
  const sidewall_cfg good = cfg;
  for (const ConfigCase& c : cases) {
    cfg = good;
    c.change(cfg);
    ExpectRefused(c.what);
    EXPECT_TRUE(fake.log.empty()) << c.what;
  }
  cfg = good;
  Boot();
}

TEST_F(TakeoverTest, TheFaultBanksVmidIsNoHostsOnAnyUnit) {
  cfg.smmu[0].host_vmid = 0xfe;
  cfg.smmu[1].host_vmid = 0xff;
  ASSERT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  for (uint64_t window : kAllWindows) {
    EXPECT_EQ(fake.Reg(window + kGr1 + 4 * kFaultBank) & 0xff, 0xfdu) << std::hex << window;
  }
}

TEST_F(TakeoverTest, BadBlock) {
  EXPECT_EQ(sidewall_init(nullptr, SIDEWALL_STATE_SIZE, &fake, &cfg).status,
            uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(sidewall_init(state, SIDEWALL_STATE_SIZE - 1, &fake, &cfg).status,
            uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(sidewall_init(state, SIDEWALL_STATE_SIZE, &fake, nullptr).status,
            uint32_t{SIDEWALL_REFUSED});
}

TEST_F(TakeoverTest, HardwareThatDoesNotDo) {
  struct IdCase {
    const char* what;
    uint32_t id;
    uint32_t flip;
  };
  const IdCase cases[] = {
      {"S1TS", 0, 1u << 30},
      {"S2TS", 0, 1u << 29},
      {"NTS", 0, 1u << 28},
      {"SMS", 0, 1u << 27},
      {"NUMSMRG", 0, 0x09},
      {"PAGESIZE", 1, 1u << 31},
      {"NUMCB", 1, 0x0a},
      {"NUMS2CB", 1, 1u << 16},
      {"PTFS 4K", 2, 1u << 12},
      {"IAS", 2, 0x6},
      {"OAS", 2, 0x60},
      {"more pages", 1, 1u << 28},
      {"fewer pages", 1, 1u << 29},
  };
  for (const IdCase& c : cases) {
    const uint32_t good = fake.Reg(kNiso1 + 0x20 + 4 * c.id);
    for (uint64_t window : kAllWindows) fake.Poke(window + 0x20 + 4 * c.id, good ^ c.flip);
    ExpectRefused(c.what);
    for (uint64_t window : kAllWindows) fake.Poke(window + 0x20 + 4 * c.id, good);
  }
  EXPECT_TRUE(fake.log.empty());
  EXPECT_EQ(fake.pages_out, 0u);
}

TEST_F(TakeoverTest, InstancesOfAPairMustBeAlike) {
  fake.Poke(kNiso1m + 0x24, 0xe0000007);
  ExpectRefused("NUMCB differs");
}

TEST_F(TakeoverTest, UnreadableHardwareIsRefused) {
  for (uint64_t pa : {kNiso1m + 0x20, kIso + 0xc00, kNiso1, Bank(kIso, 3) + 0x58,
                      kMcBroadcast + 0x1820, kMcSid + 8 * 0x58}) {
    fake.unreadable = {pa};
    ExpectRefused("no answer");
    EXPECT_EQ(fake.pages_out, 0u);
  }
}

TEST_F(TakeoverTest, BypassConfigurationMustBeLocked) {
  for (uint32_t value : {0u, 2u, 3u, 0x80000000u, 0x80000001u}) {
    fake.Poke(kMcBroadcast + 0x1820, value);
    ExpectRefused("bypass configuration");
  }
  EXPECT_TRUE(fake.log.empty());
  fake.Poke(kMcBroadcast + 0x1820, 0x80000003);
  Boot();
}

TEST_F(TakeoverTest, BypassConfigurationOfEveryChannelCounts) {
  constexpr uint64_t kChannels[] = {0x02c20000, 0x01700000};
  for (uint64_t channel : kChannels) {
    cfg.mc_window[cfg.mc_window_count++] = {channel, 0x10000};
    fake.Poke(channel + 0x1820, 0x80000002);
  }
  for (uint64_t channel : kChannels) {
    for (uint32_t value : {0u, 2u, 0x80000000u}) {
      fake.Poke(channel + 0x1820, value);
      ExpectRefused("a channel's bypass configuration");
    }
    fake.Poke(channel + 0x1820, 0x80000002);
  }
  EXPECT_TRUE(fake.log.empty());
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  for (uint64_t channel : kChannels) {
    fake.Poke(channel + 0x1820, 0);
    EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED});
    fake.Poke(channel + 0x1820, 0x80000002);
  }
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
}

TEST_F(TakeoverTest, CacheLockMustGoOff) {
  fake.Poke(kNiso1m + 0x10, 0x0400001c);
  fake.read_only.insert(kNiso1m + 0x10);
  ExpectRefused("sACR.CACHE_LOCK is stuck");
}

TEST_F(TakeoverTest, FloorMustStick) {
  fake.Poke(kIso, 0x00000001);
  fake.read_only.insert(kIso);
  ExpectRefused("sCR0 is stuck");
}

TEST_F(TakeoverTest, PrefetchMustGoOff) {
  fake.Poke(Bank(kIso, 4) + 4, 3);
  fake.read_only.insert(Bank(kIso, 4) + 4);
  ExpectRefused("ACTLR.CPRE is stuck");
}

TEST_F(TakeoverTest, StuckSyncRefusesTheBoard) {
  fake.stuck.insert(kNiso1m);
  ExpectRefused("sync");
}

TEST_F(TakeoverTest, NoPages) {
  fake.pool_left = 1;
  const sidewall_result result = Init();
  EXPECT_EQ(result.status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(result.pages_needed, 2u);
  EXPECT_EQ(fake.pages_out, 0u);
  fake.pool_left = 2;
  Boot();
}

void Scramble(FakePlatform& fake) {
  uint32_t x = 0x12345678;
  for (uint64_t window : kAllWindows) {
    for (uint64_t offset : {0x800, 0xc00, 0x10000, 0x10800}) {
      for (uint32_t i = 0; i < 8; ++i) {
        x = x * 1664525 + 1013904223;
        fake.Poke(window + offset + 4 * i, x | 0x80000000);
      }
    }
    for (uint32_t bank = 0; bank < 8; ++bank) {
      for (uint64_t offset : {0x00, 0x04, 0x20, 0x24, 0x30, 0x58, 0x60}) {
        x = x * 1664525 + 1013904223;
        fake.Poke(Bank(window, bank) + offset, x);
      }
    }
    fake.Poke(window, 0xc0000000);
    fake.Poke(window + 0x20000, 1);
  }
}

void ExpectClosed(const FakePlatform& fake) {
  for (uint64_t window : kAllWindows) {
    EXPECT_EQ(fake.Reg(window), 0x00201c06u);
    EXPECT_EQ(fake.Reg(window + 0x10), 0x1cu);
    EXPECT_EQ(fake.Reg(window + 0x20000), 0u);
    for (uint32_t i = 0; i < 8; ++i) {
      EXPECT_EQ(fake.Reg(window + 0x800 + 4 * i), 0u);
      EXPECT_EQ(fake.Reg(window + 0xc00 + 4 * i), 0x20000u);
      EXPECT_EQ(fake.Reg(Bank(window, i) + 4), 0u);
      EXPECT_EQ(fake.Reg(Bank(window, i) + 0x58) & 0x800001fe, 0u);
      EXPECT_EQ(fake.Reg(Bank(window, i)), 0u) << "no S2CR names it";
      EXPECT_EQ(fake.Reg(window + kGr1 + 0x800 + 4 * i), 1u);
    }
    for (uint32_t i = 0; i < kHostBanks; ++i) {
      EXPECT_EQ(fake.Reg(window + kGr1 + 4 * i), 0x30000u | kHostStage2 << 8 | 9);
      EXPECT_EQ(fake.Reg(Bank(window, i) + 0x20), 0u);
    }
  }
}

TEST_F(TakeoverTest, ScrambledHardwareIsClosed) {
  Scramble(fake);
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  ExpectClosed(fake);
}

// Every stream faults, matched or not; or no register of an SMMU was stored to.
void ExpectShutOrUntouched(const FakePlatform& fake) {
  bool touched = false;
  for (const Store& store : fake.log) {
    for (uint64_t window : kAllWindows) {
      touched |= store.kind == Store::kRegister && store.pa - window < kWindowSize;
    }
  }
  if (!touched) return;
  for (uint64_t window : kAllWindows) {
    EXPECT_EQ(fake.Reg(window), 0x00201c06u) << std::hex << window;
    for (uint32_t i = 0; i < 8; ++i) {
      EXPECT_EQ(fake.Reg(window + 0xc00 + 4 * i) & 0x30000, 0x20000u) << std::hex << window;
    }
  }
}

// Whichever read of init gives no answer: none leaves a unit open because another cannot be closed.
TEST_F(TakeoverTest, NoReadOfInitThatFailsLeavesAUnitOpen) {
  size_t refused = 0;
  for (size_t n = 1;; ++n) {
    std::memset(static_cast<void*>(state), 0, SIDEWALL_STATE_SIZE);
    Scramble(fake);
    ClearLog();
    fake.pool_left = 2;
    fake.fail_nth_read = n;
    const sidewall_result result = Init();
    if (fake.fail_nth_read != 0) {
      EXPECT_EQ(result.status, uint32_t{SIDEWALL_OK});
      break;
    }
    // Words of clients that nobody has, and a status that is read again.
    if (result.status == SIDEWALL_OK) continue;
    ++refused;
    EXPECT_NE(result.progress, 0u);
    ExpectShutOrUntouched(fake);
    ASSERT_FALSE(HasFailure()) << n;
  }
  fake.fail_nth_read = 0;
  EXPECT_GT(refused, 600u);
}

TEST_F(TakeoverTest, NoReadOfFinalizeThatFailsLeavesAUnitOpen) {
  size_t refused = 0;
  for (size_t n = 1;; ++n) {
    std::memset(static_cast<void*>(state), 0, SIDEWALL_STATE_SIZE);
    fake.pool_left = 2;
    ASSERT_EQ(Init().status, uint32_t{SIDEWALL_OK});
    Scramble(fake);
    ClearLog();
    fake.fail_nth_read = n;
    const sidewall_result result = sidewall_finalize(state);
    if (fake.fail_nth_read != 0) {
      EXPECT_EQ(result.status, uint32_t{SIDEWALL_OK});
      break;
    }
    if (result.status == SIDEWALL_OK) continue;
    ++refused;
    ExpectShutOrUntouched(fake);
    ASSERT_FALSE(HasFailure()) << n;
  }
  fake.fail_nth_read = 0;
  EXPECT_GT(refused, 600u);
}

// A transaction that an entry had let through is drained before the stage 2 that it meets is off,
// on all instances of a unit.
TEST_F(TakeoverTest, BanksGoOffBehindASync) {
  Scramble(fake);
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  std::map<uint64_t, size_t> synced;
  size_t off = 0;
  for (const auto& [pa, value] : RegisterStores()) {
    for (uint64_t window : kAllWindows) {
      if (pa - window >= kWindowSize) continue;
      if (pa - window == 0x70) ++synced[window];
      for (uint32_t bank = 0; bank < 8; ++bank) {
        if (pa != Bank(window, bank) || value != 0) continue;
        ++off;
        EXPECT_GE(synced[window], 1u) << std::hex << pa;
      }
    }
  }
  EXPECT_GE(off, 24u);
}

// On each instance: all S2CR to fault, the floor, the SMRs, and no bank on before the sync.
TEST_F(TakeoverTest, OrderOfStores) {
  Scramble(fake);
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  for (uint64_t window : kAllWindows) {
    uint32_t faulted = 0;
    bool floor = false;
    bool synced = false;
    for (const auto& [pa, value] : RegisterStores()) {
      if (pa < window || pa >= window + kWindowSize) continue;
      const uint64_t offset = pa - window;
      if (offset >= 0xc00 && offset < 0xe00) {
        EXPECT_EQ(value & 0x30000, 0x20000u);
        ++faulted;
      }
      if (offset == 0) {
        EXPECT_EQ(faulted, 8u) << "an entry was live when sCR0 changed";
        EXPECT_EQ(value, 0x00201c06u);
        floor = true;
      }
      if (offset >= 0x800 && offset < 0xa00) {
        EXPECT_TRUE(floor) << "SMR before USFCFG";
      }
      if (offset == 0x70) synced = true;
      if (offset >= kBank0 && offset % kBankStep == 0 && value != 0) {
        EXPECT_TRUE(synced) << "a bank was on before the flush";
      }
    }
    EXPECT_TRUE(synced);
  }
}

// A stream of a unit that is still open could write to the tables that all stage 2s walk.
TEST_F(TakeoverTest, AllUnitsAreClosedBeforeTablesAreMadeAndAnyBankIsOn) {
  cfg.boot_stream_count = 1;
  cfg.boot_stream[0] = {SIDEWALL_SIDE_ISO, 0x0e};
  Scramble(fake);
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  std::set<uint64_t> closed;
  std::set<uint64_t> synced;
  size_t on = 0;
  for (const auto& [kind, pa, value] : fake.log) {
    if (kind == Store::kZero || kind == Store::kTable) {
      EXPECT_EQ(synced.size(), 3u) << "a table was made before the last flush";
    }
    if (kind != Store::kRegister) continue;
    for (uint64_t window : kAllWindows) {
      if (pa < window || pa >= window + kWindowSize) continue;
      const uint64_t offset = pa - window;
      const bool is_smr = offset >= 0x800 && offset < 0xa00;
      const bool is_sctlr = offset >= kBank0 && offset % kBankStep == 0;
      if ((is_smr || is_sctlr) && value == 0) closed.insert(pa);
      if (offset == 0x68) {
        EXPECT_EQ(closed.size(), 3u * (8 + 8)) << "a flush before all were closed";
      }
      if (offset == 0x70) synced.insert(window);
      if (!is_sctlr || value == 0) continue;
      EXPECT_EQ(synced.size(), 3u) << "a bank was on before the last flush";
      ++on;
    }
  }
  EXPECT_EQ(on, 1u) << "the boot stream's";
}

TEST_F(TakeoverTest, GlobalSyndromeOfAnEarlierOwnerIsCleared) {
  for (uint64_t window : kAllWindows) {
    for (uint64_t offset : {0x40, 0x44, 0x50, 0x54, 0x58}) fake.Poke(window + offset, 0x5eced);
    fake.Poke(window + 0x48, 2);
  }
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  for (uint64_t window : kAllWindows) {
    for (uint64_t offset : {0x40, 0x44, 0x48, 0x50, 0x54, 0x58}) {
      EXPECT_EQ(fake.Reg(window + offset), 0u) << std::hex << window + offset;
    }
  }
  EXPECT_EQ(Read(kNiso1m + 0x40, 8), 0u);
}

// The host never reaches them again; but it would see their interrupt, or whoever is told of it.
TEST_F(TakeoverTest, CountersOfAnEarlierOwnerAreStopped) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  for (const bool again : {false, true}) {
    for (uint64_t window : kAllWindows) {
      fake.Poke(window + 0x30e04, 1);
      for (uint64_t offset : {0x30c20, 0x30c60, 0x30c80}) fake.Poke(window + offset, 0);
    }
    if (again) {
      EXPECT_EQ(sidewall_suspend(state, SIDEWALL_SIDE_ISO).status, uint32_t{SIDEWALL_OK});
      EXPECT_EQ(sidewall_resume(state, SIDEWALL_SIDE_ISO).status, uint32_t{SIDEWALL_OK});
    } else {
      EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
    }
    for (uint64_t window : kAllWindows) {
      if (again && window != kIso) continue;
      EXPECT_EQ(fake.Reg(window + 0x30e04), 0u);
      for (uint64_t offset : {0x30c20, 0x30c60, 0x30c80}) {
        for (uint64_t i = 0; i < 8; ++i) EXPECT_EQ(fake.Reg(window + offset + 4 * i), ~0u);
      }
    }
  }
}

TEST_F(TakeoverTest, ExidValidIsKeptUntilTheFloorStands) {
  fake.Poke(kIso + 0xc00, 0x00010400);
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  std::vector<uint64_t> values;
  for (const auto& [pa, value] : RegisterStores()) {
    if (pa == kIso + 0xc00) values.push_back(value);
  }
  EXPECT_EQ(values, (std::vector<uint64_t>{0x20400, 0x20000}));
}

TEST_F(TakeoverTest, StalledTransactionsAreTerminated) {
  fake.Poke(Bank(kIso, 2) + 0x58, 0x40000002);
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  size_t resumed = 0;
  for (const auto& [pa, value] : RegisterStores()) {
    if (pa % kBankStep != 8 || pa < kIso + kBank0) continue;
    EXPECT_EQ(pa, Bank(kIso, 2) + 8);
    EXPECT_EQ(value, 1u);
    ++resumed;
  }
  EXPECT_EQ(resumed, 1u);
}

TEST_F(TakeoverTest, FinalizeUndoesRawWrites) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(sidewall_host_stage2_idmap(state, kDram, kDram + 4096, SIDEWALL_PROT_RW).progress,
            4096u);
  const uint32_t root = fake.Reg(Bank(kIso, kHostStage2) + 0x20);
  Scramble(fake);
  fake.Poke(kMcSid + 8 * 0x58, 0x7f);
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  ExpectClosed(fake);
  EXPECT_EQ(fake.Reg(kMcSid + 8 * 0x58), 0x06u);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2) + 0x20), root) << "the identity map is kept";
  EXPECT_EQ(Counters().mapped_pages, 1u);
}

TEST_F(TakeoverTest, LifeHasOneOrder) {
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED});
  uint64_t value = 0;
  EXPECT_EQ(Trap(kIso, 4, false, &value).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(sidewall_host_stage2_idmap(state, kDram, kDram + 4096, SIDEWALL_PROT_RW).status,
            uint32_t{SIDEWALL_REFUSED});
  Boot();
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_REFUSED}) << "a live block";
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_TRUE(fake.log.empty());
}

TEST_F(TakeoverTest, UnlockedBypassAtFinalizeIsRefused) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  fake.Poke(kMcBroadcast + 0x1820, 2);
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED});
}

TEST_F(TakeoverTest, FailedFinalizeServesNobodyUntilOneSucceeds) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  Write(kIso + 0xc00, 0x00010000);
  fake.stuck.insert(kIso);
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED});
  ClearLog();
  for (uint64_t ipa : {kIso + 0xc00, kNiso1, kMcSid + 8 * 0x58}) {
    uint64_t value = 0x77;
    EXPECT_EQ(Trap(ipa, 4, false, &value).status, uint32_t{SIDEWALL_REFUSED});
    EXPECT_EQ(value, 0x77u);
    EXPECT_EQ(Trap(ipa, 4, true, &value).status, uint32_t{SIDEWALL_REFUSED});
  }
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_REFUSED}) << "a live block";
  EXPECT_EQ(sidewall_host_stage2_idmap(state, kDram, kDram + 4096, SIDEWALL_PROT_RW).status,
            uint32_t{SIDEWALL_OK});
  fake.stuck.clear();
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  ExpectClosed(fake);
  EXPECT_EQ(Read(kIso + 0xc00), 0x00020000u) << "as after a reset";
  EXPECT_EQ(Counters().mapped_pages, 1u);
}

TEST_F(TakeoverTest, AccessThatMeetsAFinalizeIsNotServed) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  fake.unreadable.insert(kIso + 0x20);
  fake.before_next_lock = [this] {
    EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED});
  };
  uint64_t value = 0x00010000;
  EXPECT_EQ(Trap(kIso + 0xc00, 4, true, &value).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(fake.Reg(kIso + 0xc00), 0x20000u);
}

// Another CPU comes with a finalize of its own in the n-th gap of this one's: one of both is the
// one that succeeds, and what the host does once it has is not undone by the other.
class TwoFinalizes : public TakeoverTest {
 public:
  void TestBody() override {}
  // False: there are fewer gaps.
  bool Run(size_t n) {
    EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
    size_t gaps = 0;
    bool other = false;
    fake.in_gap = [&] {
      if (++gaps != n) return;
      other = sidewall_finalize(state).status == SIDEWALL_OK;
      if (other) Write(kIso + 0xc00, 0x00010000);
    };
    const bool own = sidewall_finalize(state).status == SIDEWALL_OK;
    fake.in_gap = nullptr;
    EXPECT_NE(own, other) << n;
    EXPECT_EQ(Read(kIso + 0xc00), other ? 0x00010000u : 0x00020000u) << n;
    return gaps >= n;
  }
};

TEST(Finalize, IsForOneCpuAtATime) {
  size_t gaps = 0;
  while (TwoFinalizes().Run(gaps + 1)) ++gaps;
  EXPECT_GE(gaps, 4u);
}

}  // namespace
}  // namespace sidewall_test
