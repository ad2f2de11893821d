// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/mc.h"

#include <gtest/gtest.h>

#include "model/registers.h"
#include "model/testing.h"

namespace sidewall::model {
namespace {

class Mc : public ::testing::Test {
 protected:
  Rig rig{"tiny"};
  static constexpr uint64_t kSid = 0x02c00000;
  uint32_t Read(uint64_t pa) {
    uint32_t value = 0xdeadbeef;
    EXPECT_TRUE(rig.machine->Read32(pa, &value));
    return value;
  }
};

TEST_F(Mc, OverrideKeepsEightBits) {
  rig.machine->Write32(kSid + 8 * 0x58, 0xffffff06);
  EXPECT_EQ(Read(kSid + 8 * 0x58), 0x06u);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0x123), 0x06);
}

TEST_F(Mc, FirmwareLeavesClientsNonSecureWithTheirOverrideOn) {
  size_t count = 0;
  const ClientInfo* clients = Clients(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!clients[i].has_registers) continue;
    EXPECT_EQ(Read(kSid + 8u * clients[i].id), 0x7fu) << clients[i].name;
    EXPECT_EQ(Read(kSid + 8u * clients[i].id + 4), 0x101u) << clients[i].name;
  }
}

TEST_F(Mc, WithoutOverrideTheDeviceDrivesItsOwn) {
  rig.machine->Write32(kSid + 8 * 0x58 + 4, 0);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0x9123), 0x1123);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0x7f), kNoIndex);
}

TEST_F(Mc, PassthroughSidGoesPastTheSmmu) {
  EXPECT_EQ(Read(kSid + 8 * 0x58), 0x7fu);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0), kNoIndex);
}

TEST_F(Mc, LockHoldsBothRegistersOfAClient) {
  rig.machine->Write32(kSid + 8 * 0x58, 0x06);
  rig.machine->Write32(kSid + 8 * 0x58 + 4, 0xffffffff);
  EXPECT_EQ(Read(kSid + 8 * 0x58 + 4), 0x10101u);
  rig.machine->Write32(kSid + 8 * 0x58 + 4, 0);
  rig.machine->Write32(kSid + 8 * 0x58, 0x07);
  EXPECT_EQ(Read(kSid + 8 * 0x58 + 4), 0x10101u);
  EXPECT_EQ(Read(kSid + 8 * 0x58), 0x06u);
  rig.machine->Write32(kSid + 8 * 0x59, 0x07);
  EXPECT_EQ(Read(kSid + 8 * 0x59), 0x07u);
}

TEST_F(Mc, BypassConfigIsLockedAtReset) {
  for (const uint64_t base : {0x02c10000u, 0x02c20000u, 0x01770000u}) {
    EXPECT_EQ(Read(base + 0x1820), 0x80000002u);
    rig.machine->Write32(base + 0x1820, 0);
    EXPECT_EQ(Read(base + 0x1820), 0x80000002u);
  }
}

// A controller apart from a machine, so that its locks can be opened.
class BypassConfig : public ::testing::Test {
 protected:
  static constexpr size_t kBroadcast = 1;
  static constexpr size_t kChannels = 16;
  static constexpr uint32_t kConfig = MemoryController::kBypassConfig;
  void SetUp() override {
    mc.Reset(*FindBoard("tegra234"));
    mc.SetClient(0x58, 6, 0x100);
  }
  MemoryController mc;
};

TEST_F(BypassConfig, EachChannelHasItsOwnCopyAndLock) {
  ASSERT_EQ(mc.channel_count(), kChannels);
  mc.SetBypassConfig(5, 2);
  mc.Write32(2 + 5, kConfig, 0xfffffffd);
  EXPECT_EQ(mc.Read32(2 + 5, kConfig), 0x80000001u);
  mc.Write32(2 + 5, kConfig, 0);
  EXPECT_EQ(mc.Read32(2 + 5, kConfig), 0x80000001u);
  for (size_t channel = 0; channel < kChannels; ++channel) {
    EXPECT_EQ(mc.Read32(2 + channel, kConfig), channel == 5 ? 0x80000001u : 0x80000002u);
  }
}

TEST_F(BypassConfig, BroadcastReachesTheChannelsThatAreNotLocked) {
  mc.SetBypassConfig(3, 2);
  mc.SetBypassConfig(15, 2);
  mc.Write32(kBroadcast, kConfig, 0);
  EXPECT_EQ(mc.Read32(kBroadcast, kConfig), 0x80000002u);
  for (size_t channel = 0; channel < kChannels; ++channel) {
    const bool open = channel == 3 || channel == 15;
    EXPECT_EQ(mc.Read32(2 + channel, kConfig), open ? 0u : 0x80000002u);
  }
}

TEST_F(BypassConfig, AnyChannelLetsAClientPast) {
  EXPECT_EQ(mc.ClientSid(0x58, 0), 6);
  EXPECT_FALSE(mc.ChannelsDiffer());
  mc.SetBypassConfig(15, 0x80000000);
  EXPECT_TRUE(mc.ChannelsDiffer());
  EXPECT_EQ(mc.ClientSid(0x58, 0), MemoryController::kPast);
  const auto through = [this](uint8_t choice) {
    return mc.ClientSid(0x58, 0, choice, SidBits::kAll);
  };
  EXPECT_EQ(through(0), 6);
  EXPECT_EQ(through(15), 6);
  EXPECT_EQ(through(16), MemoryController::kPast);
  EXPECT_EQ(through(32), MemoryController::kPast);
}

TEST_F(BypassConfig, PassthroughSidIsPastUnlessAllChannelsForbidIt) {
  mc.SetClient(0x58, 0x7f, 0x100);
  for (size_t channel = 0; channel < kChannels; ++channel) {
    EXPECT_EQ(mc.ClientSid(0x58, 0), MemoryController::kPast);
    mc.SetBypassConfig(channel, 0x80000003);
  }
  EXPECT_EQ(mc.ClientSid(0x58, 0), 0x7f);
}

TEST_F(BypassConfig, BoardWithoutChannelWindowsHasOneCopy) {
  BoardSpec board = *FindBoard("tiny");
  board.mc_window_count = 2;
  mc.Reset(board);
  mc.SetBypassConfig(0, 2);
  mc.Write32(kBroadcast, kConfig, 0);
  EXPECT_EQ(mc.Read32(kBroadcast, kConfig), 0u);
  EXPECT_EQ(mc.ClientSid(0x58, 6), MemoryController::kPast);
}

// A boot loader that leaves one channel weak: found among the seeds, and rarely.
class WeakChannel : public Mc {
 protected:
  // Scrambles with a seed; the weak channel, or none.
  size_t Weak(unsigned seed) {
    rig.Reset();
    rig.Choose({static_cast<uint8_t>(seed), static_cast<uint8_t>(seed >> 8), 1});
    rig.machine->Scramble();
    size_t weak = kNone;
    for (size_t channel = 0; channel < 16; ++channel) {
      const uint32_t config = rig.machine->PeekMc(2 + channel, MemoryController::kBypassConfig);
      if (config == 0x80000002) continue;
      EXPECT_EQ(weak, kNone);
      EXPECT_TRUE(config == 2 || config == 0x80000000) << config;
      weak = channel;
    }
    return weak;
  }
  bool Open(size_t channel) {
    return rig.machine->PeekMc(2 + channel, MemoryController::kBypassConfig) == 0x80000000;
  }
  static constexpr size_t kNone = ~size_t{0};
};

TEST_F(WeakChannel, IsLeftByFewSeeds) {
  unsigned weak = 0;
  unsigned open = 0;
  for (unsigned seed = 0; seed < 4096; ++seed) {
    const size_t channel = Weak(seed);
    if (channel == kNone) continue;
    ++weak;
    open += Open(channel);
  }
  EXPECT_GE(weak, 32u);
  EXPECT_LE(weak, 128u);
  EXPECT_GE(open, weak / 4);
  EXPECT_LE(open, weak / 4 * 3);
}

TEST_F(WeakChannel, CarriesATransactionWhenTheHardwareChooses) {
  unsigned seed = 0;
  size_t channel = kNone;
  while (seed < 4096 && (channel == kNone || channel == 0 || !Open(channel))) {
    channel = Weak(seed++);
  }
  ASSERT_LT(channel, 16u);
  ASSERT_EQ(Read(0x02c10000 + 0x1820), 0x80000002u);  // which is all that the broadcast shows
  rig.machine->Write32(kSid + 8 * 0x58, 6);
  rig.machine->Write32(kSid + 8 * 0x58 + 4, 0x100);
  rig.machine->Write32(rig.Window(2), 0x00200400);
  for (size_t n = 0; n < rig.board->smmu[1].entries; ++n) {
    rig.Write(2, 0x800 + 4 * static_cast<uint32_t>(n), 0);
  }
  const DmaRequest request = {.client = 0x58, .address = 0x80001000, .instance = 0};
  EXPECT_EQ(rig.machine->Translate(request).via.route, Route::kBypass);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0), kNoIndex);
  rig.Choose({0});
  EXPECT_EQ(rig.machine->Dma(request).fault, FaultKind::kUnmatchedStream);
  rig.Choose({static_cast<uint8_t>(channel + 1)});
  EXPECT_EQ(rig.machine->Dma(request).fault, FaultKind::kNone);
}

TEST_F(Mc, OffsetsWithoutRegistersAreNotThere) {
  rig.machine->Write32(kSid + 0x1000, 0xffffffff);
  EXPECT_EQ(Read(kSid + 0x1000), 0u);
  rig.machine->Write32(0x02c10000 + 0x100, 0xffffffff);
  EXPECT_EQ(Read(0x02c10000 + 0x100), 0u);
  rig.machine->Write32(kSid + 2, 0);
  EXPECT_EQ(Read(kSid), 0x7fu);
}

TEST_F(Mc, InterruptMaskOfAllChannelsIsSetByBroadcast) {
  rig.machine->Write32(0x02c10004, 0x133140);
  EXPECT_EQ(Read(0x02c10004), 0x133140u);
  EXPECT_EQ(Read(0x01770004), 0x133140u);
  rig.machine->Write32(0x01770004, 1);
  EXPECT_EQ(Read(0x01770004), 1u);
  EXPECT_EQ(Read(0x02c20004), 0x133140u);
}

// The error record of a channel, on a board with sixteen of them.
class McErrors : public ::testing::Test {
 protected:
  static constexpr size_t kBroadcast = 1;
  static constexpr size_t kChannel3 = 5;  // its window
  void SetUp() override { mc.Reset(*FindBoard("tegra234")); }
  uint32_t Read(uint32_t offset, size_t window = kChannel3) const {
    return mc.Read32(window, offset);
  }
  MemoryController mc;
};

TEST_F(McErrors, EachCauseHasItsPairOfWords) {
  struct Cause {
    unsigned bit;
    uint32_t status;
  };
  for (const Cause c : {Cause{6, 0x008}, Cause{8, 0x008}, Cause{12, 0x654}, Cause{13, 0x67c},
                        Cause{16, 0x9b0}, Cause{17, 0xc00}, Cause{20, 0x9c0}}) {
    mc.Reset(*FindBoard("tegra234"));
    mc.Capture(3, 1u << c.bit, 0x6e030058, 0x00000081'80001000);
    EXPECT_EQ(Read(0), 1u << c.bit);
    // Address bits 33:32 are in the status, all above 31 in a word of their own.
    EXPECT_EQ(Read(c.status), 0x6e130058u) << c.bit;
    EXPECT_EQ(Read(c.status + 4), 0x80001000u) << c.bit;
    EXPECT_EQ(Read(0x11fc), 0x81u) << c.bit;
    for (const uint32_t other : {0x008u, 0x654u, 0x67cu, 0x9b0u, 0x9c0u, 0xc00u}) {
      EXPECT_EQ(Read(other) != 0, other == c.status) << c.bit;
    }
    EXPECT_EQ(Read(c.status, kChannel3 + 1), 0u) << "another channel";
    EXPECT_EQ(Read(c.status, kBroadcast), 0u) << "the first channel";
  }
  mc.Capture(3, 1u << 7, 0x58, 0x80001000);
  EXPECT_EQ(Read(0), 1u << 20) << "there is no such cause";
}

TEST_F(McErrors, TheFirstErrorStaysUntilItIsCleared) {
  mc.Capture(3, 1u << 6, 0x58, 0x80001000);
  mc.Capture(3, 1u << 8, 0x59, 0x80002000);
  EXPECT_EQ(Read(0), 0x140u);
  EXPECT_EQ(Read(8), 0x58u);
  mc.Write32(kChannel3, 0, 0x40);
  EXPECT_EQ(Read(0), 0x100u) << "ones clear, zeros leave";
  EXPECT_EQ(Read(8), 0x58u) << "what was captured stays";
  mc.Write32(kChannel3, 8, 0);
  mc.Write32(kChannel3, 12, 0);
  EXPECT_EQ(Read(8), 0x58u) << "nobody writes it";
  EXPECT_EQ(Read(12), 0x80001000u);
  mc.Capture(3, 1u << 6, 0x5a, 0x80003000);
  EXPECT_EQ(Read(8), 0x58u) << "the security violation is not cleared";
  mc.Write32(kChannel3, 0, 0xffffffff);
  EXPECT_EQ(Read(0), 0u);
  mc.Capture(3, 1u << 6, 0x5a, 0x80003000);
  EXPECT_EQ(Read(8), 0x5au);
  EXPECT_EQ(Read(12), 0x80003000u);
}

TEST_F(McErrors, BroadcastClearsAllChannelsAndTellsWhichHaveOne) {
  mc.Capture(3, 1u << 6, 0x58, 0x80001000);
  mc.Capture(15, 1u << 13, 0x59, 0x80002000);
  EXPECT_EQ(Read(0xf24, kBroadcast), 0u) << "INTMASK lets nothing through";
  mc.Write32(kBroadcast, 4, 0x00133140);
  EXPECT_EQ(Read(0xf24, kBroadcast), 1u << 11 | 1u << 23);
  mc.Write32(2 + 15, 4, 0x40);
  EXPECT_EQ(Read(0xf24, kBroadcast), 1u << 11);
  mc.Write32(kBroadcast, 0xf24, 0xffffffff);
  EXPECT_EQ(Read(0xf24, kBroadcast), 1u << 11) << "it follows the channels";
  mc.Write32(kBroadcast, 0, 0x2040);
  EXPECT_EQ(Read(0), 0u);
  EXPECT_EQ(Read(0, 2 + 15), 0u);
  EXPECT_EQ(Read(0xdf8, kBroadcast), 0xffffu);
}

TEST_F(McErrors, CarveoutsAreThreeWordsOfEachChannel) {
  size_t words = 0;
  for (uint32_t offset = 0; offset < 0x3000; offset += 4) {
    const bool first = offset >= 0xc0c && offset < 0xc0c + 5 * 0x50;
    const bool rest = offset >= 0x2004 && offset < 0x2004 + 27 * 0x50;
    const uint32_t at = first ? offset - 0xc0c : offset - 0x2004;
    if ((!first && !rest) || at % 0x50 >= 12) continue;
    if (offset == 0xdf8 || offset == 0xf24) continue;
    ++words;
    EXPECT_EQ(Read(offset), 0u) << std::hex << offset;
    mc.Write32(kChannel3, offset, 0x5a000000 | offset);
    EXPECT_EQ(Read(offset), 0x5a000000 | offset) << std::hex << offset;
    EXPECT_EQ(Read(offset, kChannel3 + 1), 0u) << std::hex << offset;
    mc.Write32(kBroadcast, offset, offset);
    EXPECT_EQ(Read(offset), offset);
    EXPECT_EQ(Read(offset, 2 + 15), offset);
  }
  EXPECT_EQ(words, 32u * 3);
}

// The words of a channel's window are those of the table, and there is nothing between them.
TEST_F(McErrors, AllWordsOfAWindowAreThoseOfTheTable) {
  mc.Capture(3, mc_error::kAll, 0xffffffff, ~uint64_t{0});
  mc.SetBypassConfig(3, 2);
  for (uint32_t offset = 0; offset < 0x10000; offset += 4) {
    uint16_t index = 0;
    uint16_t bank = 0;
    const auto* row = FindRegister(sidewall::Window::kMcChannel0, offset, &index, &bank);
    const uint32_t before = Read(offset);
    mc.Write32(kChannel3, offset, 0xa5a5a5a5);
    const uint32_t after = Read(offset);
    if (row == nullptr) {
      ASSERT_EQ(before | after, 0u) << std::hex << offset;
    } else if (row->access == Access::kReadOnly) {
      ASSERT_EQ(after, before) << row->name;
    } else if (row->access == Access::kWrite1Clear) {
      ASSERT_EQ(before, row->writable) << row->name;
      ASSERT_EQ(after, before & ~0xa5a5a5a5) << row->name;
    } else {
      ASSERT_EQ(after, 0xa5a5a5a5 & row->writable) << row->name;
    }
  }
  mc.Reset(*FindBoard("tegra234"));
  size_t count = 0;
  const RegisterInfo* rows = Registers(&count);
  for (size_t i = 0; i < count; ++i) {
    if (rows[i].page != Page::kMcChannel) continue;
    EXPECT_EQ(Read(rows[i].offset), rows[i].reset) << rows[i].name;
  }
}

// What a client asks for where no memory is, a channel captures with the client's number.
TEST(McOnMachine, CapturesWhatNoMemoryAnswers) {
  Rig rig("tegra234");
  const uint64_t words = rig.board->mc_window[0].start + 8 * 0x58;
  const uint64_t nowhere = rig.board->dram[0].end() + 0x5000;
  rig.machine->Write32(words, 0x7f);
  rig.machine->Write32(words + 4, 0x100);
  DmaRequest request = {.client = 0x58, .address = nowhere, .write = true};
  rig.Choose({0, 2});  // the instance, and the channel
  EXPECT_EQ(rig.machine->Dma(request).fault, FaultKind::kNone);
  const size_t channel = 2 + 2;
  EXPECT_EQ(rig.machine->PeekMc(channel, 0), mc_error::kDecodeEmem);
  EXPECT_EQ(rig.machine->PeekMc(channel, 8), 0x00030058u);  // secure, a write
  EXPECT_EQ(rig.machine->PeekMc(channel, 12), static_cast<uint32_t>(nowhere));
  rig.machine->Write32(words + 4, 0x101);
  rig.machine->Write32(rig.board->mc_window[channel].start, 0x40);
  request.write = false;
  rig.Choose({0, 2});
  rig.machine->Dma(request);
  EXPECT_EQ(rig.machine->PeekMc(channel, 8), 0x00000058u);
  // Memory, and what lies below it, is no error; nor is what an SMMU holds back.
  rig.machine->Write32(rig.board->mc_window[channel].start, 0x40);
  for (const uint64_t address : {rig.board->dram[0].start, uint64_t{0x02600000}}) {
    request.address = address;
    rig.machine->Dma(request);
  }
  for (size_t i = 0; i < kMaxInstances; ++i) rig.Open(i);
  rig.machine->Write32(words, 6);
  request.address = nowhere;
  EXPECT_EQ(rig.machine->Dma(request).fault, FaultKind::kUnmatchedStream);
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(rig.machine->PeekMc(2 + i, 0), 0u) << i;
}

TEST(McOnMachine, ErrorsCanBeInjectedIntoAChannel) {
  Rig rig("tegra234");
  EXPECT_TRUE(rig.machine->InjectMcError(2 + 7, 0x100, 0x06020058, 0x80001000));
  EXPECT_EQ(rig.machine->PeekMc(2 + 7, 0), 0x100u);
  EXPECT_EQ(rig.machine->PeekMc(2 + 7, 8), 0x06020058u);
  EXPECT_TRUE(rig.machine->InjectMcError(1, 0x40, 0x58, 0x80001000));
  EXPECT_EQ(rig.machine->PeekMc(2, 0), 0x40u) << "the broadcast window shows the first channel";
  EXPECT_FALSE(rig.machine->InjectMcError(0, 0x40, 0x58, 0)) << "the window of stream IDs";
  EXPECT_FALSE(rig.machine->InjectMcError(18, 0x40, 0x58, 0));
  EXPECT_FALSE(rig.machine->InjectMcError(2, 0x80, 0x58, 0));
}

TEST_F(Mc, DoublewordsAreTwoWords) {
  rig.machine->Write64(kSid + 8 * 0x58, 0x0001010100000006);
  EXPECT_EQ(Read(kSid + 8 * 0x58), 0x06u);
  EXPECT_EQ(Read(kSid + 8 * 0x58 + 4), 0x10101u);
  uint64_t value = 0;
  ASSERT_TRUE(rig.machine->Read64(kSid + 8 * 0x58, &value));
  EXPECT_EQ(value, 0x0001010100000006u);
}

// The clients of a side lose what was stored for them with the power of that side, and come back as
// firmware leaves them: with the stream ID that goes past every SMMU.
TEST(McOnMachine, ALossOfPowerTakesTheStreamIdsOfItsSide) {
  Rig rig("tegra234");
  const uint64_t words = rig.board->mc_window[0].start;
  const uint16_t mgbe = FindClient("mgbeard")->id;    // niso0
  const uint16_t sdmmc = FindClient("sdmmcrab")->id;  // niso1
  const uint16_t axis = FindClient("axisr")->id;      // of unknown wiring
  for (const uint16_t client : {mgbe, sdmmc, axis}) {
    rig.machine->Write32(words + 8u * client, 6);
    rig.machine->Write32(words + 8u * client + 4, 0x10101);
  }
  rig.machine->Write32(rig.board->mc_window[2].start + 4, 0x40);
  rig.machine->PowerLoss(1);
  EXPECT_EQ(rig.machine->PeekMc(0, 8u * mgbe), 0x7fu);
  EXPECT_EQ(rig.machine->PeekMc(0, 8u * mgbe + 4), 0x101u) << "the lock lasts until reset";
  for (const uint16_t client : {sdmmc, axis}) {
    EXPECT_EQ(rig.machine->PeekMc(0, 8u * client), 6u);
    EXPECT_EQ(rig.machine->PeekMc(0, 8u * client + 4), 0x10101u);
  }
  EXPECT_EQ(rig.machine->PeekMc(2, 4), 0x40u);
}

TEST(McOnMachine, WithTheLastSideTheControllerIsOff) {
  Rig rig("tegra234");
  const uint16_t axis = FindClient("axisr")->id;
  rig.machine->Write32(rig.board->mc_window[0].start + 8u * axis, 4);
  const uint64_t channel = rig.board->mc_window[5].start;
  rig.machine->Write32(channel + 4, 0x40);      // INTMASK
  rig.machine->Write32(channel + 0xc0c, 0x80);  // a carveout
  ASSERT_TRUE(rig.machine->InjectMcError(5, 0x100, 0x06020058, 0x80001000));
  rig.machine->SetPower(0, false);
  rig.machine->SetPower(2, false);
  EXPECT_EQ(rig.machine->PeekMc(0, 8u * axis), 4u);
  EXPECT_EQ(rig.machine->PeekMc(5, 0), 0x100u);
  rig.machine->SetPower(1, false);
  EXPECT_EQ(rig.machine->PeekMc(0, 8u * axis), 0x7fu);
  for (const uint32_t offset : {0x000u, 0x004u, 0x008u, 0x00cu, 0x11fcu}) {
    EXPECT_EQ(rig.machine->PeekMc(5, offset), 0u) << std::hex << offset;
  }
  EXPECT_EQ(rig.machine->PeekMc(5, 0xc0c), 0x80u) << "firmware sets carveouts up again";
  for (size_t i = 1; i < 18; ++i) EXPECT_EQ(rig.machine->PeekMc(i, 0x1820), 0x80000002u);
}

// What takes no store at all is no state that power could lose.
TEST(MemoryControllerPower, DeafClientsStayAsTheyAre) {
  MemoryController mc;
  mc.Reset(*FindBoard("tegra234"));
  mc.Write32(0, 8 * 0x58, 6);
  mc.SetDeaf(0x58);
  mc.LosePower(1);
  mc.LosePower();
  EXPECT_EQ(mc.Read32(0, 8 * 0x58), 6u);
}

TEST(McOnMachine, ReadsThatTheBusDoesNotAnswer) {
  Rig rig("tiny");
  const uint64_t word = rig.board->mc_window[0].start + 8 * 0x58;
  uint32_t value = 0x1234;
  rig.machine->FailMcReads(2);
  EXPECT_FALSE(rig.machine->Read32(word, &value));
  EXPECT_FALSE(rig.machine->Read32(rig.board->mc_window[1].start + 0x1820, &value));
  EXPECT_EQ(value, 0x1234u);
  EXPECT_TRUE(rig.machine->Read32(word, &value));
  // Registers of the SMMUs are another matter.
  rig.machine->FailMcReads(1);
  EXPECT_EQ(rig.Read(2, 0x20), rig.board->smmu[1].idr[0]);
  EXPECT_TRUE(rig.answered);
}

}  // namespace
}  // namespace sidewall::model
