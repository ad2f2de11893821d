// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The memory controller: takeover of all clients, and what the host may write afterwards.
#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

constexpr uint64_t Override(uint64_t client) { return kMcSid + 8 * client; }
constexpr uint64_t Security(uint64_t client) { return kMcSid + 8 * client + 4; }
constexpr uint64_t kMgbeA = 0x58;     // fixed, SID 0x06
constexpr uint64_t kXusbHost = 0x4a;  // of its node, SID 0x0e
constexpr uint64_t kXspi = 0x75;      // quarantined
constexpr uint64_t kPtcr = 0x00;      // untouchable
constexpr uint64_t kNobody = 0x1ff;

class McTest : public DriverTest {
 public:
  uint64_t Reason(sidewall_reason reason) { return Counters().by_reason[reason]; }
};

TEST_F(McTest, TakeoverGivesEveryClientItsSid) {
  Boot();
  EXPECT_EQ(fake.Reg(Override(kMgbeA)), 0x06u);
  EXPECT_EQ(fake.Reg(Security(kMgbeA)), 0x101u);
  EXPECT_EQ(fake.Reg(Override(kXusbHost)), 0x0eu);
  EXPECT_EQ(fake.Reg(Override(kXspi)), 0x7eu);
  EXPECT_EQ(fake.Reg(Security(kXspi)), 0x101u);
  EXPECT_EQ(fake.Reg(Override(kPtcr)), 0x7fu);
  EXPECT_EQ(fake.Reg(Security(kPtcr)), 0x001u);
  EXPECT_EQ(fake.Reg(Override(kNobody)), 0x7fu);
  size_t taken = 0;
  for (uint64_t id = 0; id < 512; ++id) taken += fake.Reg(Security(id)) == 0x101;
  EXPECT_EQ(taken, 142u) << "82 fixed, 9 by node, 51 quarantined";
}

TEST_F(McTest, OverrideComesBeforeItsEnable) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  std::set<uint64_t> written;
  for (const auto& [pa, value] : RegisterStores()) {
    if (pa < kMcSid || pa >= kMcSid + 0x1000) continue;
    if (pa % 8 == 4) {
      EXPECT_EQ(written.count(pa - 4), 1u) << std::hex << pa;
    }
    written.insert(pa);
  }
  EXPECT_EQ(written.size(), 2 * 142u);
}

TEST_F(McTest, LockedWrongSidRefusesTheBoard) {
  fake.Poke(Override(kMgbeA), 0x7f);
  fake.read_only.insert(Override(kMgbeA));
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_REFUSED});
}

TEST_F(McTest, LockedRightSidIsFine) {
  fake.Poke(Override(kMgbeA), 0x06);
  fake.Poke(Security(kMgbeA), 0x10101);
  fake.read_only.insert(Override(kMgbeA));
  fake.read_only.insert(Security(kMgbeA));
  Boot();
}

TEST_F(McTest, OverrideThatCannotBeEnabledRefusesTheBoard) {
  fake.read_only.insert(Security(kMgbeA));
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_REFUSED});
}

TEST_F(McTest, FinalizePutsSecurityWordsBack) {
  fake.Poke(Security(kXusbHost), 0);  // secure, as firmware may want it
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  fake.Poke(Security(kMgbeA), 0x100);      // no longer non-secure
  fake.Poke(Security(kXusbHost), 0x0001);  // no longer secure, override off
  fake.Poke(Security(kXspi), 0x10101);     // locked for ever, were it a real one
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(fake.Reg(Security(kMgbeA)), 0x101u);
  EXPECT_EQ(fake.Reg(Security(kXusbHost)), 0x100u);
  EXPECT_EQ(fake.Reg(Security(kXspi)), 0x101u);
}

TEST_F(McTest, FinalizePutsBackWhatNoHostMayWrite) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  ClearLog();
  for (uint64_t client : {kPtcr, kNobody}) {
    fake.Poke(Override(client), 0x06);
    fake.Poke(Security(client), 0x100);
  }
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  size_t stores = 0;
  for (uint64_t client : {kPtcr, kNobody}) {
    EXPECT_EQ(fake.Reg(Override(client)), 0x7fu);
    EXPECT_EQ(fake.Reg(Security(client)), 0x001u);
  }
  for (const auto& [pa, value] : RegisterStores()) {
    stores += pa >= kMcSid && pa < kMcSid + 0x1000;
  }
  EXPECT_EQ(stores, 142u + 4) << "what has not changed is not stored to";
}

TEST_F(McTest, WhatCannotBePutBackRefusesTheBoard) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  struct Change {
    uint64_t pa;
    uint32_t value;
  };
  const Change changes[] = {{Security(kMgbeA), 0x10101}, {Security(kMgbeA), 0x100},
                            {Override(kPtcr), 0x06},     {Security(kPtcr), 0x10001},
                            {Override(kNobody), 0x06},   {Security(kNobody), 0x101}};
  for (const Change& change : changes) {
    const uint32_t before = fake.Reg(change.pa);
    fake.Poke(change.pa, change.value);
    fake.read_only.insert(change.pa);
    EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED})
        << std::hex << change.pa << " " << change.value;
    fake.read_only.erase(change.pa);
    fake.Poke(change.pa, before);
  }
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
}

TEST_F(McTest, RegistersThatDoNotAnswer) {
  fake.unreadable = {Security(kMgbeA)};
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_REFUSED}) << "a client that must be steered";
  EXPECT_TRUE(fake.log.empty());
  fake.unreadable = {Security(kPtcr), Override(kNobody)};
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  fake.unreadable.insert(Security(0x1fe));
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED}) << "it did answer";
  fake.unreadable.erase(Security(0x1fe));
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
}

TEST_F(McTest, HostMayOnlyConfirmTheSid) {
  Boot();
  for (uint64_t value = 0; value < 256; ++value) {
    Write(Override(kMgbeA), value);
    EXPECT_EQ(fake.Reg(Override(kMgbeA)), 0x06u) << value;
  }
  Write(Override(kMgbeA), 0x106);
  Write(Override(kMgbeA), 0xffffff06);
  EXPECT_EQ(Reason(SIDEWALL_REASON_SID), 257u);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Read(Override(kMgbeA)), 0x06u);
}

TEST_F(McTest, SecurityWordIsNotTheHosts) {
  Boot();
  for (uint32_t bit = 0; bit < 32; ++bit) {
    Write(Security(kMgbeA), 0x101u ^ (1u << bit));
    EXPECT_EQ(fake.Reg(Security(kMgbeA)), 0x101u) << bit;
  }
  Write(Security(kMgbeA), 0x101);
  EXPECT_EQ(Reason(SIDEWALL_REASON_FLOOR), 32u);
  EXPECT_EQ(Read(Security(kMgbeA)), 0x101u);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(McTest, OtherClientsAndOffsetsAreDropped) {
  Boot();
  for (uint64_t client : {kPtcr, kNobody}) {
    Write(Override(client), 0x06);
    Write(Security(client), 0x101);
    EXPECT_EQ(Read(Override(client)), 0u);
    EXPECT_EQ(Read(Security(client)), 0u);
  }
  EXPECT_EQ(Reason(SIDEWALL_REASON_CLIENT), 8u);
  Write(kMcSid + 0x1000, 1);
  Write(kMcSid + 0xfffc, 1);
  Write(kMcBroadcast + 0x1820, 0);
  EXPECT_EQ(Read(kMcBroadcast + 0x1820), 0u);
  EXPECT_EQ(Reason(SIDEWALL_REASON_UNKNOWN_REGISTER), 4u);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(McTest, OnlyWholeWordsCount) {
  Boot();
  for (unsigned width : {1u, 2u, 8u}) {
    Write(Override(kMgbeA), 0x0000010000000006, width);
    EXPECT_EQ(Read(Override(kMgbeA), width), 0u);
  }
  EXPECT_EQ(Reason(SIDEWALL_REASON_WIDTH), 6u);
  uint64_t value = 6;
  EXPECT_EQ(Trap(Override(kMgbeA) + 2, 4, true, &value).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(McTest, RegisteringOnlyConfirms) {
  EXPECT_EQ(sidewall_mc_register_sid(state, kXusbHost, 0, 0x0e).status, uint32_t{SIDEWALL_REFUSED})
      << "not before init";
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  ClearLog();
  for (int again = 0; again < 3; ++again) {
    for (uint32_t client : {0x4au, 0x4bu}) {
      EXPECT_EQ(sidewall_mc_register_sid(state, client, SIDEWALL_SIDE_NISO1, 0x0e).status,
                uint32_t{SIDEWALL_OK});
    }
  }
  struct Wrong {
    uint32_t client, side, sid;
  };
  const Wrong wrongs[] = {
      {kXusbHost, SIDEWALL_SIDE_NISO1, 0x0f},
      {kXusbHost, SIDEWALL_SIDE_NISO1, 0x8e},
      {kXusbHost, SIDEWALL_SIDE_NISO0, 0x0e},
      {kXusbHost, SIDEWALL_SIDE_ISO, 0x0e},
      {kXusbHost, 3, 0x0e},
      {kXspi, SIDEWALL_SIDE_NISO1, 0x7e},
      {kPtcr, SIDEWALL_SIDE_NISO1, 0},
      {kNobody, SIDEWALL_SIDE_NISO1, 0x7f},
      {0x200, SIDEWALL_SIDE_NISO1, 0x0e},
      {~0u, ~0u, ~0u},
      {kMgbeA, SIDEWALL_SIDE_NISO0, 0x06},  // this board has no such unit
  };
  for (const Wrong& wrong : wrongs) {
    EXPECT_EQ(sidewall_mc_register_sid(state, wrong.client, wrong.side, wrong.sid).status,
              uint32_t{SIDEWALL_REFUSED})
        << wrong.client;
  }
  EXPECT_TRUE(fake.log.empty());
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(sidewall_mc_register_sid(state, kXusbHost, SIDEWALL_SIDE_NISO1, 0x0e).status,
            uint32_t{SIDEWALL_REFUSED});
}

TEST_F(McTest, WordThatDoesNotStickIsSaid) {
  Boot();
  fake.Poke(Override(kMgbeA), 0x7f);
  fake.Poke(Security(kMgbeA), 0x001);
  fake.read_only.insert(Override(kMgbeA));
  fake.read_only.insert(Security(kMgbeA));
  Write(Override(kMgbeA), 0x06);
  Write(Security(kMgbeA), 0x101);
  EXPECT_EQ(Reason(SIDEWALL_REASON_LOCKED), 2u);
  EXPECT_EQ(Read(Override(kMgbeA)), 0x7fu) << "the host is not told that it worked";
}

TEST_F(McTest, StormOfRefusedWritesIsCountedAndNoMore) {
  Boot();
  for (uint32_t i = 0; i < 1000; ++i) Write(Override(kMgbeA), 0x7f);
  EXPECT_EQ(Reason(SIDEWALL_REASON_SID), 1000u);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_TRUE(fake.events.empty());
}

}  // namespace
}  // namespace sidewall_test
