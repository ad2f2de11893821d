// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/pools.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

namespace sidewall::model {
namespace {

struct Rig {
  explicit Rig(const char* name = "tiny") : spec(*FindBoard(name)) {
    frames.resize(Pools::FrameCount(spec));
    saved.resize(frames.size());
    pools.Reset(spec, {frames.data(), saved.data()});
  }
  uint64_t Alloc(uint32_t pool) {
    dirty = false;
    return pools.Alloc(pool, &dirty);
  }
  const BoardSpec spec;
  Pools pools;
  std::vector<PoolFrame> frames, saved;
  bool dirty = false;
};

TEST(Pools, OnlyTheAtomicPoolIsFullAtBoot) {
  Rig rig;
  const uint32_t atomic = Pools::AtomicFrames(rig.spec);
  for (uint32_t pool = 0; pool < kPoolCount; pool++) {
    const PoolAccount account = rig.pools.account(pool);
    EXPECT_EQ(account.total, pool == kPoolAtomic ? atomic : 0) << pool;
    EXPECT_EQ(account.free, account.total) << pool;
    EXPECT_EQ(rig.Alloc(pool) != 0, pool == kPoolAtomic) << pool;
  }
  EXPECT_EQ(atomic + rig.pools.spare(), Pools::FrameCount(rig.spec));
  EXPECT_GT(rig.pools.spare(), 0u);
}

// What mirroring all of the host's memory takes is 2 MiB of tables for each GiB, and some.
TEST(Pools, TheAtomicPoolHoldsTheWholeMirrorOnEveryBoard) {
  size_t count = 0;
  const BoardSpec* boards = Boards(&count);
  for (size_t i = 0; i < count; i++) {
    uint64_t ram = 0;
    for (size_t n = 0; n < boards[i].dram_count; n++) ram += boards[i].dram[n].size;
    const uint32_t need = Pools::IdmapFrames(boards[i]);
    EXPECT_GE(need, ram >> 21) << boards[i].name;
    EXPECT_LE(need, (ram >> 21) + 64) << boards[i].name;
    EXPECT_GE(Pools::AtomicFrames(boards[i]), need) << boards[i].name;
    EXPECT_LE(Pools::AtomicFrames(boards[i]), Pools::FrameCount(boards[i])) << boards[i].name;
  }
}

TEST(Pools, AnAtomicPoolIsNeverSmallerThanTheMirrorNeeds) {
  BoardSpec spec = *FindBoard("tiny");
  spec.pool.size = 24 * Pages::kSize;
  const uint32_t need = Pools::IdmapFrames(spec);
  ASSERT_GT(need, 24u / 8 * 5);
  ASSERT_LE(need, 24u);
  EXPECT_EQ(Pools::AtomicFrames(spec), need);
  spec.pool.size = 8 * Pages::kSize;
  EXPECT_EQ(Pools::AtomicFrames(spec), 8u) << "all that there is";
}

TEST(Pools, ExhaustionAndReturn) {
  Rig rig;
  std::set<uint64_t> pages;
  while (const uint64_t pa = rig.Alloc(kPoolAtomic)) {
    EXPECT_TRUE(rig.spec.pool.Contains(pa));
    EXPECT_TRUE(pages.insert(pa).second);
    EXPECT_TRUE(rig.pools.IsTaken(pa));
  }
  EXPECT_EQ(pages.size(), Pools::AtomicFrames(rig.spec));
  EXPECT_EQ(rig.pools.account(kPoolAtomic).free, 0u);
  const uint64_t last = *pages.rbegin();
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, last), PoolFault::kNone);
  EXPECT_FALSE(rig.pools.IsTaken(last));
  EXPECT_EQ(rig.Alloc(kPoolAtomic), last);
  EXPECT_EQ(rig.Alloc(kPoolAtomic), 0u);
}

TEST(Pools, APageGoesBackWhereItCameFrom) {
  Rig rig;
  const uint64_t pa = rig.Alloc(kPoolAtomic);
  EXPECT_EQ(rig.pools.Free(kPoolHost, pa), PoolFault::kForeign);
  EXPECT_TRUE(rig.pools.IsTaken(pa)) << "nothing happened";
  EXPECT_EQ(rig.pools.account(kPoolHost).free, 0u);
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, pa), PoolFault::kNone);
}

TEST(Pools, EachWrongReturnHasItsName) {
  Rig rig;
  const uint64_t pa = rig.Alloc(kPoolAtomic);
  EXPECT_EQ(rig.pools.Free(kPoolCount, pa), PoolFault::kUnknownPool);
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, pa + 8), PoolFault::kNotAFrame);
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, rig.spec.pool.start - Pages::kSize), PoolFault::kNotAFrame);
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, rig.spec.pool.end()), PoolFault::kNotAFrame);
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, 0), PoolFault::kNotAFrame);
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, pa), PoolFault::kNone);
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, pa), PoolFault::kTwice);
  EXPECT_EQ(rig.pools.Free(kPoolAtomic, pa + Pages::kSize), PoolFault::kTwice) << "never given";
  EXPECT_EQ(rig.Alloc(kPoolCount), 0u);
}

TEST(Pools, GrowAndShrinkAreOfOnePool) {
  Rig rig;
  const uint32_t spare = rig.pools.spare();
  EXPECT_TRUE(rig.pools.Grow(kPoolVm0 + 1, 3));
  EXPECT_EQ(rig.pools.account(kPoolVm0 + 1).total, 3u);
  EXPECT_EQ(rig.pools.account(kPoolVm0).total, 0u);
  EXPECT_EQ(rig.Alloc(kPoolVm0), 0u) << "another VM's page is on another account";
  const uint64_t pa = rig.Alloc(kPoolVm0 + 1);
  EXPECT_NE(pa, 0u);
  EXPECT_EQ(rig.pools.Shrink(kPoolVm0 + 1, 5), 2u) << "one is still handed out";
  EXPECT_EQ(rig.pools.account(kPoolVm0 + 1).total, 1u);
  EXPECT_EQ(rig.pools.spare(), spare - 1);
  EXPECT_EQ(rig.pools.Free(kPoolVm0 + 1, pa), PoolFault::kNone);
  EXPECT_EQ(rig.pools.Shrink(kPoolVm0 + 1, 1), 1u);
  EXPECT_FALSE(rig.pools.Grow(kPoolHost, spare + 1)) << "all or none";
  EXPECT_EQ(rig.pools.spare(), spare);
  EXPECT_FALSE(rig.pools.Grow(kPoolCount, 1));
  EXPECT_FALSE(rig.pools.Grow(kPoolHost, ~uint64_t{0}));
  EXPECT_EQ(rig.pools.Shrink(kPoolCount, 1), 0u);
}

TEST(Pools, AUsedFrameIsDirtyInWhicheverPoolItIsNext) {
  Rig rig;
  rig.pools.Grow(kPoolHost, 1);
  const uint64_t pa = rig.Alloc(kPoolHost);
  EXPECT_FALSE(rig.dirty) << "fresh from the host, which the donation has cleared";
  rig.pools.Free(kPoolHost, pa);
  rig.pools.Shrink(kPoolHost, 1);
  rig.pools.Grow(kPoolVm0, 1);
  EXPECT_EQ(rig.Alloc(kPoolVm0), pa);
  EXPECT_TRUE(rig.dirty);
}

// One std::map from frame to what it is; counts are recounted each time.
class Shadow {
 public:
  explicit Shadow(const BoardSpec& spec) {
    for (uint64_t i = 0; i < Pools::FrameCount(spec); i++) {
      frame_[spec.pool.start + i * Pages::kSize] = {i < Pools::AtomicFrames(spec) ? 1 : -1, false};
    }
  }
  uint64_t Count(int pool, bool taken) const {
    uint64_t count = 0;
    for (const auto& [pa, frame] : frame_) count += frame.first == pool && frame.second == taken;
    return count;
  }
  std::map<uint64_t, std::pair<int, bool>> frame_;  // pool, taken
};

TEST(Pools, AgreeWithAMapOnRandomSteps) {
  for (unsigned seed = 1; seed <= 4; seed++) {
    std::mt19937 random(seed);
    Rig rig;
    Shadow shadow(rig.spec);
    for (int step = 0; step < 1500; step++) {
      const uint32_t pool = random() % (kPoolCount + 1);
      const int name = static_cast<int>(pool);
      const uint64_t count = random() % 40;
      auto any = shadow.frame_.begin();
      std::advance(any, random() % shadow.frame_.size());
      switch (random() % 4) {
        case 0:
          if (const uint64_t pa = rig.Alloc(pool)) {
            ASSERT_EQ(shadow.frame_.at(pa), std::make_pair(name, false));
            shadow.frame_[pa].second = true;
          } else {
            ASSERT_EQ(shadow.Count(name, false), 0u);
          }
          break;
        case 1: {
          const bool sound = any->second == std::make_pair(name, true);
          ASSERT_EQ(rig.pools.Free(pool, any->first) == PoolFault::kNone, sound);
          if (sound) any->second.second = false;
          break;
        }
        case 2: {
          const bool sound = pool < kPoolCount && count <= shadow.Count(-1, false);
          ASSERT_EQ(rig.pools.Grow(pool, count), sound);
          break;
        }
        default:
          ASSERT_EQ(rig.pools.Shrink(pool, count), std::min(count, shadow.Count(name, false)));
          break;
      }
      // Which frames moved between pools is the pools' choice; that they are as many is not.
      uint64_t frames = rig.pools.spare();
      for (uint32_t i = 0; i < kPoolCount; i++) frames += rig.pools.account(i).total;
      ASSERT_EQ(frames, shadow.frame_.size());
      for (uint64_t i = 0; i < rig.frames.size(); i++) {
        const PoolFrame& frame = rig.frames[i];
        auto& kept = shadow.frame_.at(rig.spec.pool.start + i * Pages::kSize);
        ASSERT_EQ(frame.taken, kept.second);
        if (kept.second) {
          ASSERT_EQ(frame.pool, kept.first) << "a frame that is out stays on its account";
        }
        kept.first = frame.pool == kNoPool ? -1 : frame.pool;
      }
      for (uint32_t i = 0; i < kPoolCount; i++) {
        ASSERT_EQ(rig.pools.account(i).free, shadow.Count(static_cast<int>(i), false));
        ASSERT_EQ(rig.pools.account(i).total - rig.pools.account(i).free,
                  shadow.Count(static_cast<int>(i), true));
      }
    }
  }
}

TEST(Pools, RestoreGoesBack) {
  Rig rig;
  rig.pools.Grow(kPoolHost, 2);
  const uint64_t kept = rig.Alloc(kPoolHost);
  rig.pools.Mark();
  const uint64_t lost = rig.Alloc(kPoolHost);
  rig.pools.Free(kPoolHost, kept);
  rig.pools.Grow(kPoolVm0, 1);
  rig.pools.Restore();
  EXPECT_TRUE(rig.pools.IsTaken(kept));
  EXPECT_FALSE(rig.pools.IsTaken(lost));
  EXPECT_EQ(rig.pools.account(kPoolVm0).total, 0u);
  EXPECT_EQ(rig.Alloc(kPoolHost), lost);
}

}  // namespace
}  // namespace sidewall::model
