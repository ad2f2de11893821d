// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The trace ring: what is recorded, who sees it, and what is lost.
#include <utility>

#include "driver/driver_test.h"

namespace sidewall_test {
namespace {

constexpr uint32_t kHost = SIDEWALL_OWNER_HOST;
constexpr uint32_t kEl2 = SIDEWALL_OWNER_EL2;
constexpr uint64_t kIsoRing = 1;  // the second unit of the fixture's board
constexpr uint64_t kMcRing = 3;
constexpr uint64_t kRecords = 64;

class RingTest : public DriverTest {
 public:
  sidewall_result Get(uint32_t owner, uint64_t sequence) {
    record = {};
    return sidewall_ring_read(state, owner, sequence, &record);
  }
  sidewall_ring_record record{};
};

TEST_F(RingTest, RecordSaysWhatBecameOfAnAccess) {
  Boot();
  fake.time_us = 77;
  Write(kIso + 0xc00, 0x00010000);
  const sidewall_result result = Get(kEl2, kIsoRing);
  EXPECT_EQ(result.status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(result.progress, kIsoRing + 4);
  EXPECT_EQ(record.time_us, 77u);
  EXPECT_EQ(record.ipa, kIso + 0xc00);
  EXPECT_EQ(record.value, 0x00010000u);
  EXPECT_EQ(record.hw_value, kHostStage2);
  EXPECT_EQ(record.width, 4u);
  EXPECT_EQ(record.is_write, 1u);
  EXPECT_EQ(record.decision, SIDEWALL_DECISION_COMPOSED);
  EXPECT_EQ(record.owner, kHost);
  EXPECT_EQ(record.sequence, kIsoRing);
  Read(kMcSid + 8 * 0x58);
  EXPECT_EQ(Get(kEl2, kMcRing).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(record.value, 0x06u);
  EXPECT_EQ(record.is_write, 0u);
  EXPECT_EQ(record.hw_value, 0u);
}

// Another CPU of the host, in every gap of a finalize; and one that comes after it has failed.
TEST_F(RingTest, AccessesDuringFinalizeAreRecordedToo) {
  EXPECT_EQ(Init().status, uint32_t{SIDEWALL_OK});
  uint64_t value = 0x00010000;
  uint64_t traps = 0;
  bool begun = false;  // the gap before the first lock is still before it
  bool inside = false;
  const auto other = [&] {
    if (inside || !std::exchange(begun, true)) return;
    inside = true;
    traps += 2;
    EXPECT_EQ(Trap(kIso + 0xc00, 4, true, &value).status, uint32_t{SIDEWALL_REFUSED});
    EXPECT_EQ(Trap(kMcSid + 8 * 0x58, 4, false, &value).status, uint32_t{SIDEWALL_REFUSED});
    inside = false;
  };
  fake.in_gap = other;
  fake.stuck.insert(kIso);
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_GE(traps, 4u);
  other();
  fake.in_gap = nullptr;
  EXPECT_EQ(Counters().by_reason[SIDEWALL_REASON_POWER], traps);
  for (uint64_t n = 0; n < traps / 2; ++n) {
    for (uint64_t ring : {kIsoRing, kMcRing}) {
      EXPECT_EQ(Get(kHost, ring + 4 * n).status, uint32_t{SIDEWALL_OK});
      EXPECT_EQ(record.reason, SIDEWALL_REASON_POWER);
      EXPECT_EQ(record.decision, SIDEWALL_DECISION_REFUSED);
      EXPECT_EQ(record.ipa, ring == kMcRing ? kMcSid + 8 * 0x58 : kIso + 0xc00);
    }
  }
  fake.stuck.clear();
  EXPECT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(Trap(kIso + 0xc00, 4, true, &value).status, uint32_t{SIDEWALL_OK});
}

TEST_F(RingTest, RefusedAccessesAreRecordedToo) {
  Boot();
  uint64_t value = 0;
  sidewall_regs regs{};
  EXPECT_EQ(sidewall_handle_dabt(state, &regs, uint64_t{0x24} << 26, kIso + 8).status,
            uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Trap(kIso + 2, 4, true, &value).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Get(kHost, kIsoRing).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(record.reason, SIDEWALL_REASON_SYNDROME);
  EXPECT_EQ(record.ipa, kIso + 8);
  EXPECT_EQ(record.width, 0u);
  EXPECT_EQ(Get(kHost, kIsoRing + 4).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(record.reason, SIDEWALL_REASON_ALIGNMENT);
  EXPECT_EQ(record.decision, SIDEWALL_DECISION_REFUSED);
}

TEST_F(RingTest, HostDoesNotSeeWhatEl2MadeOfIt) {
  Boot();
  Write(kIso + 0xc00, 0x00010000);
  EXPECT_EQ(Get(kHost, kIsoRing).status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(record.value, 0x00010000u);
  EXPECT_EQ(record.hw_value, 0u);
  for (uint32_t owner : {2u, 3u, 0xffffffffu}) {
    EXPECT_EQ(Get(owner, kIsoRing).status, uint32_t{SIDEWALL_REFUSED});
    EXPECT_EQ(record.sequence + record.ipa, 0u);
  }
}

TEST_F(RingTest, OldRecordsGiveWay) {
  Boot();
  for (uint64_t i = 0; i < kRecords + 5; ++i) Write(kIso + 0x8, i);
  EXPECT_EQ(Get(kHost, kIsoRing).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Get(kHost, kIsoRing).progress, kIsoRing + 4 * 5) << "the oldest";
  for (uint64_t i = 5; i < kRecords + 5; ++i) {
    EXPECT_EQ(Get(kHost, kIsoRing + 4 * i).progress, kIsoRing + 4 * (i + 1));
    EXPECT_EQ(record.value, i);
    EXPECT_EQ(record.sequence, kIsoRing + 4 * i);
  }
  const sidewall_result next = Get(kHost, kIsoRing + 4 * (kRecords + 5));
  EXPECT_EQ(next.status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(next.progress, kIsoRing + 4 * (kRecords + 5)) << "the next to come";
  EXPECT_EQ(Get(kHost, ~uint64_t{0} - 2).progress, next.progress);
}

TEST_F(RingTest, WrongReadersAndRings) {
  EXPECT_EQ(Get(kHost, 0).status, uint32_t{SIDEWALL_REFUSED}) << "not up";
  Boot();
  EXPECT_EQ(sidewall_ring_read(state, kHost, 0, nullptr).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Get(kHost, 2).status, uint32_t{SIDEWALL_REFUSED}) << "this board has two units";
  EXPECT_EQ(Get(kHost, 0).status, uint32_t{SIDEWALL_REFUSED}) << "nothing was recorded";
}

TEST_F(RingTest, CanBeLeftOut) {
  cfg.flags = SIDEWALL_CFG_NO_RING;
  Boot();
  Write(kIso + 0xc00, 0x00010000);
  EXPECT_EQ(Get(kEl2, kIsoRing).status, uint32_t{SIDEWALL_REFUSED});
  EXPECT_EQ(Counters().traps, 1u);
}

}  // namespace
}  // namespace sidewall_test
