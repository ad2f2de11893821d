// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/mc.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(Read(kSid + 8 * 0x58 + 4), 0x100u);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0x123), 0x06);
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
  EXPECT_EQ(mc.ClientSid(0x58, 0, 0), 6);
  EXPECT_EQ(mc.ClientSid(0x58, 0, 15), 6);
  EXPECT_EQ(mc.ClientSid(0x58, 0, 16), MemoryController::kPast);
  EXPECT_EQ(mc.ClientSid(0x58, 0, 32), MemoryController::kPast);
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

TEST_F(Mc, DoublewordsAreTwoWords) {
  rig.machine->Write64(kSid + 8 * 0x58, 0x0000010100000006);
  EXPECT_EQ(Read(kSid + 8 * 0x58), 0x06u);
  EXPECT_EQ(Read(kSid + 8 * 0x58 + 4), 0x101u);
  uint64_t value = 0;
  ASSERT_TRUE(rig.machine->Read64(kSid + 8 * 0x58, &value));
  EXPECT_EQ(value, 0x0000010100000006u);
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
