// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Stream mapping entries and banks: what the host reads back, what hardware holds, and in which
// order it gets there.
#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

using Stores = std::vector<std::pair<uint64_t, uint64_t>>;
constexpr uint64_t kSmr = 0x800;
constexpr uint64_t kSync = 0x70;
constexpr uint64_t kS2cr = 0xc00;
constexpr uint32_t kValid = 0x80000000;

class StreamTest : public DriverTest {
 public:
  StreamTest() { Boot(); }
  void WriteSmr(uint32_t index, uint32_t value) { Write(kIso + kSmr + 4 * index, value); }
  uint64_t ReadSmr(uint32_t index) { return Read(kIso + kSmr + 4 * index); }
  uint32_t HardwareSmr(uint32_t index) { return fake.Reg(kIso + kSmr + 4 * index); }
  uint32_t HardwareS2cr(uint32_t index) { return fake.Reg(kIso + kS2cr + 4 * index); }
};

TEST_F(StreamTest, MaskProbingReadsBackAsOnHardware) {
  WriteSmr(0, 0x00007fff);
  EXPECT_EQ(ReadSmr(0), 0x00007fffu);
  WriteSmr(0, 0x7fff0000);
  EXPECT_EQ(ReadSmr(0), 0x7fff0000u);
  WriteSmr(0, 0x7fffffff);
  EXPECT_EQ(ReadSmr(0), 0x7fff7fffu) << "bit 15 is reserved";
  EXPECT_EQ(HardwareSmr(0), 0u);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(StreamTest, ValidEntryGoesToHardwareAsWritten) {
  WriteSmr(2, 0xff80000e);
  EXPECT_EQ(HardwareSmr(2), 0xff80000eu);
  WriteSmr(2, 0);
  EXPECT_EQ(HardwareSmr(2), 0u);
}

// A stream that was blocked or came back is led by no S2CR that was written before, whichever entry
// that is of and whenever it comes to match.
TEST_F(StreamTest, SmrAloneOpensNoBlockedStream) {
  Write(kIso + kS2cr, 0x00010000);
  Write(kIso + kS2cr + 4, 0x00010000);
  WriteSmr(1, kValid | 0x7f800000 | 5);
  ASSERT_EQ(HardwareS2cr(1), uint32_t{kHostStage2});
  ASSERT_EQ(sidewall_dev_block_dma(state, SIDEWALL_SIDE_ISO, 3, 1).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(HardwareS2cr(0), uint32_t{kHostStage2}) << "it matches nothing";
  ClearLog();
  WriteSmr(0, kValid | 0x7f800000 | 3);
  const Stores stores = RegisterStores();
  ASSERT_EQ(stores.size(), 2u);
  EXPECT_EQ(stores[0], (std::pair<uint64_t, uint64_t>{kIso + kS2cr, 0x20000})) << "faults first";
  EXPECT_EQ(stores[1], (std::pair<uint64_t, uint64_t>{kIso + kSmr, 0xff800003})) << "then matches";
  EXPECT_EQ(Read(kIso + kS2cr), 0x00010000u);
  WriteSmr(0, 0);
  EXPECT_EQ(HardwareS2cr(0), uint32_t{kHostStage2});
  // One that is live, and grows.
  WriteSmr(1, kValid | 0x7f870000);
  EXPECT_EQ(HardwareS2cr(1), 0x20000u);
  // It shrinks again: it lets go of the blocked stream before it leads anywhere.
  ClearLog();
  WriteSmr(1, kValid | 0x7f800000 | 6);
  EXPECT_EQ(RegisterStores(), (Stores{{kIso + kSmr + 4, 0},
                                      {kIso + kS2cr + 4, kHostStage2},
                                      {kIso + kSmr + 4, 0xff800006}}));
  // Written since, before it matches or after.
  Write(kIso + kS2cr, 0x00010000);
  WriteSmr(0, kValid | 0x7f800000 | 3);
  EXPECT_EQ(HardwareS2cr(0), uint32_t{kHostStage2});
  WriteSmr(0, 0);
  WriteSmr(1, kValid | 0x7f800000 | 3);
  EXPECT_EQ(HardwareS2cr(1), 0x20000u) << "each for itself";
  Write(kIso + kS2cr + 4, 0x00010000);
  EXPECT_EQ(HardwareS2cr(1), uint32_t{kHostStage2});
}

TEST_F(StreamTest, SetIdentityAttachesABlockedStreamAndNoOldEntry) {
  Write(kIso + kS2cr, 0x00010000);
  ASSERT_EQ(sidewall_dev_block_dma(state, SIDEWALL_SIDE_ISO, 3, 1).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(sidewall_set_identity(state, SIDEWALL_SIDE_ISO, 3, 1).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(HardwareS2cr(7), uint32_t{kHostStage2});
  WriteSmr(0, kValid | 0x7f800000 | 3);
  EXPECT_EQ(HardwareSmr(7), kValid | 0x7f800000 | 3) << "takes the place of EL2's";
  EXPECT_EQ(HardwareS2cr(7), 0x20000u) << "and faults, being older than the block";
  Write(kIso + kS2cr, 0x00010000);
  EXPECT_EQ(HardwareS2cr(7), uint32_t{kHostStage2});
}

TEST_F(StreamTest, OverlappingEntryWaits) {
  WriteSmr(0, kValid | 0x000e);
  WriteSmr(1, kValid | 0x080e);
  EXPECT_EQ(HardwareSmr(1), kValid | 0x080e) << "different 15-bit IDs do not overlap";
  WriteSmr(2, kValid | 0x7f800000 | 0x000e);
  EXPECT_EQ(HardwareSmr(2), 0u);
  EXPECT_EQ(ReadSmr(2), 0xff80000eu);
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_OVERLAP], 1u);
  WriteSmr(0, 0);
  EXPECT_EQ(HardwareSmr(2), 0u) << "entry 1 still overlaps";
  WriteSmr(1, 0);
  EXPECT_EQ(HardwareSmr(2), 0xff80000eu);
}

TEST_F(StreamTest, EntryThatMovesAwayMakesRoom) {
  WriteSmr(5, kValid | 1);
  WriteSmr(3, kValid | 1);
  WriteSmr(4, kValid | 1);
  EXPECT_EQ(HardwareSmr(3), 0u);
  ClearLog();
  WriteSmr(5, kValid | 2);
  EXPECT_EQ(RegisterStores(),
            (Stores{{kIso + kSmr + 20, kValid | 2}, {kIso + kSmr + 12, kValid | 1}}))
      << "the old match is gone before the new one appears, and only one of two gets it";
  WriteSmr(4, 0);
  WriteSmr(3, 0);
  EXPECT_EQ(HardwareSmr(4), 0u);
}

TEST_F(StreamTest, EntryOverlappingNeedsNoSecondLook) {
  WriteSmr(0, kValid | 0x7f8f0000);
  for (uint32_t i = 1; i < kHostEntries; ++i) WriteSmr(i, kValid | i);
  for (uint32_t i = 1; i < kHostEntries; ++i) EXPECT_EQ(HardwareSmr(i), 0u);
  WriteSmr(0, kValid | 0x7f880000);
  EXPECT_EQ(HardwareSmr(0), kValid | 0x7f880000u) << "it never overlapped itself";
  WriteSmr(0, 0);
  for (uint32_t i = 1; i < kHostEntries; ++i) EXPECT_EQ(HardwareSmr(i), kValid | i);
}

TEST_F(StreamTest, NothingMatchesTheQuarantine) {
  const uint32_t covering[] = {0x7e, 0x7f80007e, 0x0001007f, 0x7fff0000, 0x0000017e, 0x7ff80006};
  for (uint64_t window : {kNiso1, kIso}) {
    for (uint32_t match : covering) {
      Write(window + kSmr, kValid | match);
      EXPECT_EQ(Read(window + kSmr), kValid | match);
      EXPECT_EQ(fake.Reg(window + kSmr), 0u) << std::hex << match;
    }
    for (uint32_t match : {0x7fu, 0x7du, 0x7f80007fu, 0x003f0000u}) {
      Write(window + kSmr, kValid | match);
      EXPECT_EQ(fake.Reg(window + kSmr), kValid | match) << std::hex << match;
    }
  }
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_OVERLAP], 2 * std::size(covering));
}

TEST_F(StreamTest, BypassBecomesTheIdentityStage2) {
  Write(kIso + kS2cr, 0x00010000);
  EXPECT_EQ(Read(kIso + kS2cr), 0x00010000u);
  EXPECT_EQ(HardwareS2cr(0), kHostStage2);
  Write(kIso + kS2cr, 0x0f0af3ff | 0x00010000);
  EXPECT_EQ(HardwareS2cr(0) & 0x30000u, 0x20000u) << "type 3 behaves as fault";
}

TEST_F(StreamTest, EveryTypeAndBank) {
  Attach(kIso, 0, 2);
  for (uint32_t bank = 0; bank < 256; ++bank) {
    for (uint32_t type = 0; type < 4; ++type) {
      Write(kIso + kS2cr + 4, type << 16 | bank);
      EXPECT_EQ(Read(kIso + kS2cr + 4), type << 16 | bank);
      uint32_t expected = 0x20000;
      if (type == 0 && bank == 2) expected = 2;
      if (type == 1) expected = kHostStage2;
      EXPECT_EQ(HardwareS2cr(1), expected) << "type " << type << " bank " << bank;
    }
  }
}

TEST_F(StreamTest, OnlyPrivcfgGoesThrough) {
  Attach(kIso, 0, 2);
  Write(kIso + kS2cr, 0x3ffcfb02);
  EXPECT_EQ(Read(kIso + kS2cr), 0x3ffcfb02u);
  EXPECT_EQ(HardwareS2cr(0), 0x03000002u);
}

TEST_F(StreamTest, AttachTurnsTheBankOnFirst) {
  Write(kIso + kGr1 + 0x800 + 4, 1);
  Write(kIso + kGr1 + 4, 0x0001f300);
  Write(Bank(kIso, 1), 0x10e7);
  EXPECT_TRUE(RegisterStores().empty()) << "no S2CR names the bank";
  Write(kIso + kS2cr, 1);
  EXPECT_EQ(
      RegisterStores(),
      (Stores{{Bank(kIso, kHostStage2), 0x2161}, {Bank(kIso, 1), 0x1067}, {kIso + kS2cr, 1}}));
  EXPECT_EQ(Read(Bank(kIso, 1)), 0x10e7u);
}

TEST_F(StreamTest, DetachTurnsTheBankOffLast) {
  Attach(kIso, 0, 1);
  Write(kIso + kS2cr + 4, 1);
  ClearLog();
  Write(kIso + kS2cr, 0x00020000);
  EXPECT_EQ(RegisterStores(), (Stores{{kIso + kS2cr, 0x20000}})) << "entry 1 still names it";
  ClearLog();
  Write(kIso + kS2cr + 4, 0x00020000);
  EXPECT_EQ(RegisterStores(), (Stores{{kIso + kS2cr + 4, 0x20000},
                                      {Bank(kIso, 1), 0},
                                      {kIso + kSync, 0},
                                      {Bank(kIso, kHostStage2), 0}}));
  EXPECT_EQ(Read(Bank(kIso, 1)), 0x1067u);
}

TEST_F(StreamTest, SctlrOffFreesNothingThatAnEntryNames) {
  Attach(kIso, 0, 1);
  ClearLog();
  Write(Bank(kIso, 1), 0);
  EXPECT_EQ(RegisterStores(), (Stores{{Bank(kIso, 1), 0}, {Bank(kIso, kHostStage2), 0x2121}}))
      << "stage 1 is off, and its interrupt; the stage 2 under it is not";
  EXPECT_EQ(HardwareS2cr(0), 1u);
  ClearLog();
  Write(kIso + kS2cr + 4, 1);
  EXPECT_EQ(RegisterStores(), (Stores{{kIso + kS2cr + 4, 1}})) << "it has a second user";
  Write(kIso + kS2cr, 0x00020000);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0x2121u) << "one of two";
  Write(kIso + kS2cr + 4, 0x00020000);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0u);
}

TEST_F(StreamTest, Stage2StaysOnUntilASyncHasDrainedIt) {
  Attach(kIso, 0, 1);
  fake.stuck.insert(kIso);
  Write(kIso + kS2cr, 0x00020000);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0x2161u);
  EXPECT_EQ(Counters().degraded, 2u);
  Write(kIso + kS2cr, 0x00010000);
  Write(kIso + kS2cr, 0x00020000);
  EXPECT_EQ(Counters().sync_timeouts, 1u) << "the host waits once";
  fake.stuck.clear();
  Write(kIso + kS2cr, 0x00010000);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0x2121u);
}

TEST_F(StreamTest, Stage2InterruptsWhileABankInUseDoes) {
  Write(kIso + kS2cr + 4, 0x00010000);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0x2121u);
  Attach(kIso, 0, 1);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0x2161u);
  Write(Bank(kIso, 1), 0x1027);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0x2121u);
  Write(Bank(kIso, 1), 0x1067);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0x2161u);
  Write(kIso + kS2cr, 0x00010000);
  EXPECT_EQ(fake.Reg(Bank(kIso, kHostStage2)), 0x2121u);
}

TEST_F(StreamTest, MoveBetweenBanksIsOneStoreOfS2cr) {
  Attach(kIso, 0, 1);
  Write(kIso + kGr1 + 0x800 + 8, 1);
  Write(kIso + kGr1 + 8, 0x0001f300);
  Write(Bank(kIso, 2), 0x1067);
  ClearLog();
  Write(kIso + kS2cr, 2);
  EXPECT_EQ(RegisterStores(),
            (Stores{{Bank(kIso, 2), 0x1067}, {kIso + kS2cr, 2}, {Bank(kIso, 1), 0}}));
}

TEST_F(StreamTest, SctlrNeverStalls) {
  Attach(kIso, 0, 1);
  Write(Bank(kIso, 1), 0xffffffff);
  EXPECT_EQ(fake.Reg(Bank(kIso, 1)), 0x4fdfd77fu);
  EXPECT_EQ(Read(Bank(kIso, 1)), 0x4fdfd7ffu);
}

TEST_F(StreamTest, BankOfAnotherTypeFaults) {
  Attach(kIso, 3, 1);
  for (uint32_t type : {0u, 2u, 3u}) {
    ClearLog();
    Write(kIso + kGr1 + 4, type << 16);
    EXPECT_EQ(RegisterStores(), (Stores{{kIso + kS2cr + 12, 0x20000},
                                        {Bank(kIso, 1), 0},
                                        {kIso + kSync, 0},
                                        {Bank(kIso, kHostStage2), 0}}));
    EXPECT_EQ(Read(kIso + kGr1 + 4), type << 16);
    ClearLog();
    Write(kIso + kGr1 + 4, 0x10000);
    EXPECT_EQ(RegisterStores(), (Stores{{Bank(kIso, kHostStage2), 0x2161},
                                        {Bank(kIso, 1), 0x1067},
                                        {kIso + kS2cr + 12, 1}}));
  }
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_CONTEXT], 2u);
}

TEST_F(StreamTest, Aarch32BankFaults) {
  Attach(kIso, 3, 1);
  Write(kIso + kGr1 + 0x800 + 4, 2);
  EXPECT_EQ(HardwareS2cr(3), 0x20000u);
  EXPECT_EQ(Read(kIso + kGr1 + 0x800 + 4), 2u);
  Write(kIso + kGr1 + 0x800 + 4, 1);
  EXPECT_EQ(HardwareS2cr(3), 1u);
}

TEST_F(StreamTest, AttributesOfABankNeverChangeInHardware) {
  const uint32_t nested = 0x30000 | kHostStage2 << 8 | 9;
  for (uint32_t value : {0u, 0x1ffffu, 0xffffffffu}) {
    Write(kNiso1 + kGr1, value);
    Write(kNiso1 + kGr1 + 0x800, value);
    EXPECT_EQ(fake.Reg(kNiso1 + kGr1), nested);
    EXPECT_EQ(fake.Reg(kNiso1m + kGr1), nested);
    EXPECT_EQ(fake.Reg(kNiso1 + kGr1 + 0x800), 1u);
    EXPECT_EQ(Read(kNiso1 + kGr1), value & 0x00ffffff);
  }
}

TEST_F(StreamTest, PairsHoldTheSame) {
  Attach(kNiso1, 0, 1);
  Write(kNiso1 + kSmr, 0xff80000e);
  Write(Bank(kNiso1, 1) + 0x30, 0x00802010);
  Write(Bank(kNiso1, 1) + 0x20, 0x0001000080003000, 8);
  for (uint64_t offset = 0; offset < 0x1000; offset += 4) {
    EXPECT_EQ(fake.Reg(kNiso1 + offset), fake.Reg(kNiso1m + offset)) << std::hex << offset;
    EXPECT_EQ(fake.Reg(Bank(kNiso1, 1) + offset), fake.Reg(Bank(kNiso1m, 1) + offset));
  }
}

}  // namespace
}  // namespace sidewall_test
