// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Entries of EL2 that stand in for the host's: boot streams and set_identity.
#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

using Stores = std::vector<std::pair<uint64_t, uint64_t>>;
constexpr uint64_t kSmr = 0x800;
constexpr uint64_t kS2cr = 0xc00;
constexpr uint32_t kSid = 0x0e;
constexpr uint32_t kMatch = 0xff80000e;
constexpr uint32_t kFault = 0x00020000;
constexpr uint32_t kBypass = 0x00010000;
constexpr uint32_t kEl2Entry = kHostEntries;  // the only one

class El2StreamTest : public DriverTest {
 public:
  uint32_t Smr(uint32_t index) { return fake.Reg(kIso + kSmr + 4 * index); }
  uint32_t S2cr(uint32_t index) { return fake.Reg(kIso + kS2cr + 4 * index); }
  uint32_t HostStage2() { return fake.Reg(Bank(kIso, kHostStage2)); }

  void BootWithStream() {
    cfg.boot_stream_count = 1;
    cfg.boot_stream[0] = {SIDEWALL_SIDE_ISO, kSid};
    cfg.boot_stream_timeout_us = 1000;
    Boot();
  }
  uint32_t SetIdentity(uint32_t sid, uint32_t on) {
    return sidewall_set_identity(state, SIDEWALL_SIDE_ISO, sid, on).status;
  }
};

TEST_F(El2StreamTest, BootStreamHasTheIdentityMapAndTheHostSeesNothing) {
  BootWithStream();
  EXPECT_EQ(Smr(kEl2Entry), kMatch);
  EXPECT_EQ(S2cr(kEl2Entry), kHostStage2);
  EXPECT_EQ(HostStage2(), 0x2121u);
  for (uint32_t i = 0; i < kHostEntries; ++i) {
    EXPECT_EQ(Read(kIso + kSmr + 4 * i), 0u);
    EXPECT_EQ(Read(kIso + kS2cr + 4 * i), kFault);
  }
}

TEST_F(El2StreamTest, ResetByIndexDoesNotEndABootStream) {
  BootWithStream();
  for (uint32_t i = 0; i < 128; ++i) {
    Write(kIso + kS2cr + 4 * i, kFault);
    Write(kIso + kSmr + 4 * i, 0);
  }
  EXPECT_EQ(Smr(kEl2Entry), kMatch);
  EXPECT_EQ(S2cr(kEl2Entry), kHostStage2);
}

// The one store is that of S2CR, in the entry that already matches.
TEST_F(El2StreamTest, HostsEntryTakesThePlaceOver) {
  BootWithStream();
  Attach(kIso, 5, 1);
  ClearLog();
  Write(kIso + kSmr + 20, kMatch);
  EXPECT_EQ(RegisterStores(),
            (Stores{{kIso + kS2cr + 4 * kEl2Entry, 1}, {kIso + kS2cr + 20, kFault}}))
      << "and the place that is left is cleaned";
  EXPECT_EQ(Read(kIso + kSmr + 20), kMatch);
  EXPECT_EQ(Read(kIso + kS2cr + 20), 1u);
  ClearLog();
  Write(kIso + kS2cr + 20, kBypass);
  EXPECT_EQ(RegisterStores()[0], (std::pair<uint64_t, uint64_t>{kIso + kS2cr + 28, kHostStage2}));
  Write(kIso + kSmr + 20, 0);
  EXPECT_EQ(Smr(kEl2Entry), 0u);
  Write(kIso + kSmr + 4, kMatch);
  EXPECT_EQ(Smr(1), kMatch) << "other entries are where they were";
}

TEST_F(El2StreamTest, PromotionToBypassChangesNothing) {
  BootWithStream();
  Write(kIso + kS2cr, kBypass);
  ClearLog();
  Write(kIso + kSmr, kMatch);
  EXPECT_EQ(RegisterStores(), (Stores{{kIso + kS2cr, kFault}})) << "only the place that is left";
  EXPECT_EQ(S2cr(kEl2Entry), kHostStage2);
  EXPECT_EQ(HostStage2(), 0x2121u);
}

TEST_F(El2StreamTest, AnotherMaskIsOneStoreMore) {
  BootWithStream();
  Write(kIso + kS2cr, kBypass);
  Write(kIso + kSmr, 0x8000000e);
  EXPECT_EQ(Smr(kEl2Entry), 0x8000000eu);
  EXPECT_EQ(Smr(0), 0u);
}

TEST_F(El2StreamTest, EntryThatWaitsDoesNotEndABootStream) {
  BootWithStream();
  Write(kIso + kSmr, 0x8000000f);
  Write(kIso + kSmr + 4, 0xffff0000);
  EXPECT_EQ(Read(kIso + kSmr + 4), 0xffff0000u);
  EXPECT_EQ(S2cr(kEl2Entry), kHostStage2);
}

TEST_F(El2StreamTest, LiveEntryThatIsWidenedKeepsItsPlace) {
  BootWithStream();
  Write(kIso + kS2cr, kBypass);
  Write(kIso + kSmr, 0xff80000f);
  ClearLog();
  Write(kIso + kSmr, 0xff81000f);
  EXPECT_EQ(RegisterStores(), (Stores{{kIso + kSmr + 4 * kEl2Entry, 0},
                                      {kIso + kS2cr + 4 * kEl2Entry, kFault},
                                      {kIso + kSmr, 0xff81000f}}));
}

TEST_F(El2StreamTest, WhatWasNotPromotedIsBlockedInTime) {
  BootWithStream();
  const uint64_t finalized = fake.time_us;
  EXPECT_EQ(sidewall_tick(state, finalized + 999).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(S2cr(kEl2Entry), kHostStage2);
  ClearLog();
  EXPECT_EQ(sidewall_tick(state, finalized + 1000).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(RegisterStores(), (Stores{{Bank(kIso, kFaultBank), 0x2121},
                                      {kIso + kS2cr + 4 * kEl2Entry, kFaultBank},
                                      {kIso + 0x70, 0},
                                      {Bank(kIso, kHostStage2), 0}}));
  Write(kIso + kS2cr, kBypass);
  Write(kIso + kSmr, kMatch);
  EXPECT_EQ(S2cr(kEl2Entry), kHostStage2) << "the host may still have it";
  EXPECT_EQ(fake.Reg(Bank(kIso, kFaultBank)), 0u);
}

TEST_F(El2StreamTest, FinalizeStartsBootStreamsAnew) {
  cfg.boot_stream_count = 1;
  cfg.boot_stream[0] = {SIDEWALL_SIDE_NISO1, kSid};
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  for (uint64_t window : {kNiso1, kNiso1m}) {
    EXPECT_EQ(fake.Reg(window + kSmr + 4 * kEl2Entry), kMatch);
    fake.Poke(window + kSmr + 4 * kEl2Entry, 0);
  }
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(fake.Reg(kNiso1m + kSmr + 4 * kEl2Entry), kMatch);
  EXPECT_EQ(fake.Reg(Bank(kNiso1m, kHostStage2)), 0x2121u);
}

TEST_F(El2StreamTest, IdentityOnAndOff) {
  Boot();
  EXPECT_EQ(SetIdentity(kSid, 1), uint32_t{SIDEWALL_OK});
  EXPECT_EQ(RegisterStores(), (Stores{{Bank(kIso, kHostStage2), 0x2121},
                                      {kIso + kS2cr + 28, kHostStage2},
                                      {kIso + kSmr + 28, kMatch}}));
  ClearLog();
  EXPECT_EQ(SetIdentity(kSid, 1), uint32_t{SIDEWALL_OK});
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(SetIdentity(kSid, 0), uint32_t{SIDEWALL_OK});
  EXPECT_EQ(RegisterStores(), (Stores{{kIso + kSmr + 28, 0},
                                      {kIso + kS2cr + 28, kFault},
                                      {kIso + 0x70, 0},
                                      {Bank(kIso, kHostStage2), 0}}));
  ClearLog();
  EXPECT_EQ(SetIdentity(kSid, 0), uint32_t{SIDEWALL_OK});
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(El2StreamTest, IdentityIsRefused) {
  EXPECT_EQ(SetIdentity(kSid, 1), uint32_t{SIDEWALL_REFUSED}) << "not up";
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(SetIdentity(kSid, 1), uint32_t{SIDEWALL_REFUSED}) << "not final";
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  ClearLog();
  for (uint32_t sid : {0u, 0x7eu, 0x7fu, 0x80u, 0xffffffffu}) {
    EXPECT_EQ(SetIdentity(sid, 1), uint32_t{SIDEWALL_REFUSED}) << sid;
  }
  EXPECT_EQ(SetIdentity(kSid, 2), uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(sidewall_set_identity(state, SIDEWALL_SIDE_NISO0, kSid, 1).status,
            uint32_t{SIDEWALL_REFUSED})
      << "this board has no such unit";
  EXPECT_EQ(sidewall_set_identity(state, 3, kSid, 1).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_TRUE(fake.log.empty());
  Write(kIso + kSmr, 0x8000080e);
  ClearLog();
  EXPECT_EQ(SetIdentity(kSid, 1), uint32_t{SIDEWALL_REFUSED}) << "a live entry, if of few streams";
  EXPECT_EQ(SetIdentity(kSid, 0), uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(SetIdentity(kSid + 1, 1), uint32_t{SIDEWALL_OK});
  EXPECT_EQ(SetIdentity(kSid + 2, 1), uint32_t{SIDEWALL_REFUSED}) << "no entry is left";
}

TEST_F(El2StreamTest, TokenIsTheFirstWindow) {
  EXPECT_EQ(sidewall_get_iommu_token(state, 0).status, uint32_t{SIDEWALL_REFUSED});
  Boot();
  EXPECT_EQ(sidewall_get_iommu_token(state, SIDEWALL_SIDE_NISO1).progress, kNiso1);
  EXPECT_EQ(sidewall_get_iommu_token(state, SIDEWALL_SIDE_ISO).progress, kIso);
  for (uint32_t iommu : {1u, 3u, 0xffffffffu}) {
    EXPECT_EQ(sidewall_get_iommu_token(state, iommu).status, uint32_t{SIDEWALL_REFUSED});
  }
}

}  // namespace
}  // namespace sidewall_test
