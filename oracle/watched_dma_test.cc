// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Which stores can redirect a transfer, held against asking after each of many random ones.
#include "oracle/watched_dma.h"

#include <gtest/gtest.h>

#include <array>

#include "fuzz/random.h"
#include "model/testing.h"

namespace sidewall {
namespace {

using model::Rig;

constexpr size_t kInstance = 2;
constexpr uint64_t kPage = 0x80001000;

bool Same(const model::DmaResult& a, const model::DmaResult& b) {
  return a.fault == b.fault && a.pa == b.pa && a.via.entry == b.via.entry &&
         a.via.bank == b.via.bank && a.via.stage2_bank == b.via.stage2_bank;
}

// A register that decides about streams, with a value that is mostly sensible.
struct Drawn {
  uint32_t offset;
  uint64_t value;
  bool wide;
};
Drawn Draw(fuzz::Random& random, uint64_t root, uint64_t table) {
  const auto entry = static_cast<uint32_t>(random.Below(4));
  const auto bank = static_cast<uint32_t>(random.Below(4));
  const uint64_t odd = random.Below(4) == 0 ? random.Next() : 0;
  switch (random.Below(9)) {
    case 0:
      return {0x800 + 4 * entry, random.Below(2) << 31 | 0x7f800000 | random.Below(8) | odd, false};
    case 1:
      return {0xc00 + 4 * entry, random.Below(2) << 17 | random.Below(4) | odd, false};
    case 2:
      return {0x10000 + 4 * bank, random.Below(4) << 16 | random.Below(4) << 8 | 7 | odd, false};
    case 3:
      return {0x10800 + 4 * bank, odd | random.Below(4), false};
    case 4:
      return {Rig::Cb(bank, 0), 0x160 | random.Below(8) | odd, false};
    case 5:
      return {Rig::Cb(bank, 0x20), random.Below(2) != 0 ? root : table, true};
    case 6:
      return {Rig::Cb(bank, 0x30), random.Below(2) != 0 ? model::kStage2Tcr : 0x00800010 | odd,
              false};
    case 7:
      return {Rig::Cb(bank, 0x150), random.OneIn(4) ? 2u : 0u, false};  // FSRRESTORE
    default:
      return {Rig::Cb(bank, random.Below(2) != 0 ? 0x58 : 0x34), 0xffffffff, false};
  }
}

TEST(WatchedDma, WhatMayNotRedirectLeavesEveryTransferWhatItIs) {
  Rig rig("tiny");
  fuzz::Random random(1);
  std::array<unsigned, 2> changed = {};  // by what was said
  unsigned left_alone = 0;
  for (int round = 0; round < 400; round++) {
    rig.Reset();
    rig.Open(kInstance);
    const uint64_t root = rig.NewPage();
    rig.Map(root, kPage, kPage, model::kPermRead | model::kPermWrite);
    rig.Stage2Bank(kInstance, 3, root, 7);
    rig.Stream(kInstance, 0, 6, 3);
    rig.NestedBank(kInstance, 1, 3, 7, kPage);
    rig.Stream(kInstance, 1, 5, 1);
    for (int i = 0; i < 60; i++) {
      std::array<WatchedDma, 8> watches;
      std::array<model::DmaResult, 8> before;
      for (uint16_t sid = 0; sid < watches.size(); sid++) {
        watches[sid].request = {.side = 1, .sid = sid, .address = kPage, .instance = 0};
        before[sid] = rig.machine->Translate(watches[sid].request);
        watches[sid].Follow(before[sid]);
      }
      const Drawn store = Draw(random, root, kPage);
      if (store.wide) {
        rig.Write64(kInstance, store.offset, store.value);
      } else {
        rig.Write(kInstance, store.offset, static_cast<uint32_t>(store.value));
      }
      const layout::Place place = layout::PlaceOf(rig.board->smmu[0], store.offset);
      for (size_t sid = 0; sid < watches.size(); sid++) {
        const bool may = watches[sid].MayRedirect(*rig.machine, kInstance, place, store.wide);
        const bool same = Same(before[sid], rig.machine->Translate(watches[sid].request));
        ASSERT_TRUE(may || same) << "sid " << sid << " store of 0x" << std::hex << store.value
                                 << " to +0x" << store.offset;
        changed[may] += !same;
        left_alone += !may && before[sid].via.bank != model::kNoIndex;
      }
    }
  }
  EXPECT_GT(changed[1], 1000u);
  EXPECT_GT(left_alone, 1000u);
}

TEST(WatchedDma, AnotherInstanceIsNothingToIt) {
  Rig rig("tiny");
  rig.OpenPair(7);
  WatchedDma watch = {{.side = 1, .sid = 6, .address = kPage, .instance = 1}};
  watch.Follow(rig.machine->Translate(watch.request));
  const layout::Place entry = layout::PlaceOf(rig.board->smmu[0], 0xc00);
  EXPECT_FALSE(watch.MayRedirect(*rig.machine, 2, entry, false));
  EXPECT_TRUE(watch.MayRedirect(*rig.machine, 3, entry, false));
}

}  // namespace
}  // namespace sidewall
