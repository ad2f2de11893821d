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

}  // namespace
}  // namespace sidewall::model
