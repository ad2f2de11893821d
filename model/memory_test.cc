// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/memory.h"

#include <gtest/gtest.h>

#include "model/testing.h"

namespace sidewall::model {
namespace {

TEST(Memory, UnbackedPagesReadAsZero) {
  Rig rig("tiny", 4);
  EXPECT_EQ(rig.machine->Load64(0x80003000), 0u);
  EXPECT_TRUE(rig.machine->Store64(0x80003000, 0));
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(rig.machine->Store64(0x80003008 + i * 0x1000, i + 1));
  }
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(rig.machine->Load64(0x80003008 + i * 0x1000), i + 1);
  }
  EXPECT_EQ(rig.machine->Load64(0x80003000), 0u);
}

TEST(Memory, AFullStoreSaysSo) {
  Rig rig("tiny", 4);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(rig.machine->Store64(0x80000000 + i * 0x1000, 1));
  EXPECT_FALSE(rig.machine->Store64(0x80100000, 1));
  EXPECT_TRUE(rig.machine->Store64(0x80000010, 2));
  EXPECT_EQ(rig.machine->Load64(0x80100000), 0u);
}

TEST(Memory, OnlyRamIsStored) {
  Rig rig("tiny", 4);
  EXPECT_FALSE(rig.machine->Store64(0x7ffff000, 1));
  EXPECT_FALSE(rig.machine->Store64(0x80800000, 1));
  EXPECT_FALSE(rig.machine->Store64(0x12000000, 1));
}

TEST(Memory, ThePoolIsDirect) {
  Rig rig("tiny", 4);
  const uint64_t pool = rig.board->pool.start;
  rig.machine->TableWrite64(pool + 0x1008, 5);
  EXPECT_EQ(rig.machine->PoolPage(pool + 0x1000)[1], 5u);
  EXPECT_EQ(rig.machine->Load64(pool + 0x1008), 5u);
  rig.machine->TableZero(pool + 0x1000);
  EXPECT_EQ(rig.machine->Load64(pool + 0x1008), 0u);
  EXPECT_EQ(rig.machine->PoolPage(pool - 0x1000), nullptr);
  EXPECT_EQ(rig.machine->PoolPage(rig.board->pool.end()), nullptr);
}

}  // namespace
}  // namespace sidewall::model
