// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/index_life.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace SIDEWALL_NS {
namespace {

TEST(IndexLife, GoesRoundInOneDirection) {
  IndexLife life{};
  EXPECT_FALSE(life.Publish());
  EXPECT_FALSE(life.Refer());
  EXPECT_FALSE(life.Drain(1));
  EXPECT_FALSE(life.Free());
  EXPECT_FALSE(life.Cancel());
  EXPECT_TRUE(life.is_free());
  ASSERT_TRUE(life.Reserve());
  EXPECT_FALSE(life.Reserve()) << "taken twice";
  EXPECT_FALSE(life.Refer());
  EXPECT_FALSE(life.Free());
  ASSERT_TRUE(life.Publish());
  EXPECT_FALSE(life.Cancel());
  EXPECT_FALSE(life.Free()) << "without a sync";
  ASSERT_TRUE(life.Refer());
  EXPECT_FALSE(life.Drain(1)) << "somebody still refers to it";
  ASSERT_TRUE(life.Drop());
  EXPECT_FALSE(life.Drop());
  ASSERT_TRUE(life.Drain(1));
  EXPECT_FALSE(life.Reserve());
  EXPECT_FALSE(life.Refer());
  ASSERT_TRUE(life.Free());
  EXPECT_TRUE(life.is_free());
}

TEST(IndexLife, AReservationCanBeTakenBack) {
  IndexLife life{};
  ASSERT_TRUE(life.Reserve());
  ASSERT_TRUE(life.Cancel());
  EXPECT_TRUE(life.Reserve());
}

TEST(IndexLife, ReferencesDoNotWrap) {
  IndexLife life{};
  ASSERT_TRUE(life.Reserve());
  ASSERT_TRUE(life.Publish());
  for (uint32_t i = 0; i < 0xffff; ++i) ASSERT_TRUE(life.Refer());
  EXPECT_FALSE(life.Refer());
  EXPECT_EQ(life.references(), 0xffffu);
}

TEST(SyncClock, OnlyALaterSyncCoversAnInvalidation) {
  SyncClock clock{};
  IndexLife first{};
  IndexLife second{};
  for (IndexLife* life : {&first, &second}) {
    ASSERT_TRUE(life->Reserve());
    ASSERT_TRUE(life->Publish());
  }
  clock.Completed();
  ASSERT_TRUE(first.Drain(clock.Invalidated()));
  EXPECT_FALSE(clock.Synced(first.epoch())) << "the sync was before";
  clock.Completed();
  ASSERT_TRUE(second.Drain(clock.Invalidated()));
  EXPECT_TRUE(clock.Synced(first.epoch()));
  EXPECT_FALSE(clock.Synced(second.epoch()));
  clock.Completed();
  EXPECT_TRUE(clock.Synced(second.epoch()));
}

}  // namespace
}  // namespace SIDEWALL_NS
