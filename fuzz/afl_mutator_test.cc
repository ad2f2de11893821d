// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The library that afl-fuzz loads, called as afl-fuzz calls it.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "fuzz/macros.h"
#include "fuzz/program.h"
#include "model/board.h"

extern "C" {
void* afl_custom_init(void* afl, unsigned seed);
size_t afl_custom_fuzz(void* data, uint8_t* in, size_t size, uint8_t** out, uint8_t* other,
                       size_t other_size, size_t max_size);
int32_t afl_custom_init_trim(void* data, uint8_t* in, size_t size);
size_t afl_custom_trim(void* data, uint8_t** out);
int32_t afl_custom_post_trim(void* data, uint8_t success);
void afl_custom_deinit(void* data);
}

namespace sidewall::fuzz {
namespace {

class AflMutator : public testing::Test {
 protected:
  void SetUp() override { data_ = afl_custom_init(nullptr, 1); }
  void TearDown() override { afl_custom_deinit(data_); }

  static Program Marks(uint64_t count) {
    Program program;
    program.board = model::FindBoard("tiny")->id;
    for (uint64_t i = 0; i < count; ++i) {
      program.events.push_back(MakeEvent(EventKind::kMark));
      program.events.back().arg[0] = i;
    }
    return program;
  }

  // afl-fuzz's own loop: it stops when the step reaches the count. Returns what is left.
  Program Trim(const Program& program, uint64_t needed, size_t* steps) {
    std::vector<uint8_t> best = Encode(program);
    const int32_t count = afl_custom_init_trim(data_, best.data(), best.size());
    int32_t step = 0;
    *steps = 0;
    while (step < count && *steps < 10000) {
      uint8_t* out = nullptr;
      const size_t size = afl_custom_trim(data_, &out);
      const auto candidate = Decode(out, size);
      EXPECT_TRUE(candidate.has_value());
      bool keeps = false;
      for (const Event& event : candidate->events) keeps |= event.arg[0] == needed;
      if (keeps) best.assign(out, out + size);
      step = afl_custom_post_trim(data_, keeps ? 1 : 0);
      ++*steps;
    }
    return *Decode(best.data(), best.size());
  }

  void* data_ = nullptr;
};

TEST_F(AflMutator, TrimLeavesWhatIsNeeded) {
  for (const uint64_t needed : {0u, 1u, 50u, 98u, 99u}) {
    size_t steps = 0;
    const Program small = Trim(Marks(100), needed, &steps);
    ASSERT_EQ(small.events.size(), 1u) << needed;
    EXPECT_EQ(small.events[0].arg[0], needed);
    EXPECT_LT(steps, 300u);
  }
}

TEST_F(AflMutator, TrimEndsWhereNothingCanGo) {
  size_t steps = 0;
  EXPECT_EQ(Trim(Marks(64), 1000, &steps).events.size(), 64u);
  EXPECT_LT(steps, 200u);
  uint8_t junk[] = {1, 2, 3};
  EXPECT_EQ(afl_custom_init_trim(data_, junk, sizeof(junk)), 0);
  std::vector<uint8_t> one = Encode(Marks(1));
  EXPECT_EQ(afl_custom_init_trim(data_, one.data(), one.size()), 0);
}

TEST_F(AflMutator, GivesPrograms) {
  uint8_t seed[] = {'\n'};
  std::vector<uint8_t> input(seed, seed + 1);
  std::vector<uint8_t> other = Encode(Marks(5));
  for (int i = 0; i < 200; ++i) {
    uint8_t* out = nullptr;
    const size_t size =
        afl_custom_fuzz(data_, input.data(), input.size(), &out, other.data(), other.size(), 20480);
    ASSERT_LE(size, 20480u);
    ASSERT_TRUE(Decode(out, size).has_value());
    input.assign(out, out + size);
  }
}

}  // namespace
}  // namespace sidewall::fuzz
