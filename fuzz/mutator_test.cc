// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/mutator.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "fuzz/layout.h"
#include "fuzz/round_trip.h"

namespace sidewall::fuzz {
namespace {

const model::BoardSpec& Tiny() { return *model::FindBoard("tiny"); }

TEST(Mutator, TheSameSeedGivesTheSamePrograms) {
  Mutator a(42);
  Mutator b(42);
  Program left = a.Fresh(Tiny());
  Program right = b.Fresh(Tiny());
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(left, right) << i;
    a.Mutate(&left, kMaxEvents);
    b.Mutate(&right, kMaxEvents);
  }
  EXPECT_NE(Mutator(1).Fresh(Tiny()), Mutator(2).Fresh(Tiny()));
}

TEST(Mutator, ProgramsStayWithinBoundsAndSurvive) {
  std::string problem;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Mutator mutator(seed);
    Program program = mutator.Fresh(Tiny());
    for (int i = 0; i < 100; ++i) {
      mutator.Mutate(&program, kMaxEvents);
      ASSERT_LE(program.events.size(), kMaxEvents);
      ASSERT_LE(program.choices.size(), kMaxChoices);
      ASSERT_EQ(program.board, Tiny().id);
      ASSERT_EQ(program.expect, 0);
      for (const Event& event : program.events) ASSERT_EQ(event.expect, Expect::kNone);
    }
    ASSERT_TRUE(ProgramSurvives(program, &problem)) << problem;
  }
}

TEST(Mutator, ALimitOfEventsIsKept) {
  Mutator mutator(3);
  Program program = mutator.Fresh(Tiny());
  for (int i = 0; i < 50; ++i) {
    mutator.Mutate(&program, 5);
    ASSERT_LE(program.events.size(), 5u);
  }
}

TEST(Mutator, EveryKindOfEventComesUp) {
  std::set<EventKind> seen;
  Mutator mutator(7);
  Program program = mutator.Fresh(Tiny());
  for (int i = 0; i < 60000; ++i) {
    if (i % 20 == 0) program = mutator.Fresh(Tiny());
    mutator.Mutate(&program, 64);
    for (const Event& event : program.events) seen.insert(event.kind);
  }
  for (const EventSpec& spec : kEventSpecs) {
    // What a program asks for by name only.
    const bool asked_for = spec.kind == EventKind::kHwContrary;
    EXPECT_EQ(seen.contains(spec.kind), !asked_for) << spec.name;
  }
}

TEST(Mutator, ContraryHardwareIsTakenOut) {
  Mutator mutator(3);
  Event contrary = MakeEvent(EventKind::kHwContrary);
  contrary.arg[0] = 9;
  for (int i = 0; i < 50; ++i) {
    Program program = mutator.Fresh(Tiny());
    program.events.insert(program.events.begin(), contrary);
    Program spliced = mutator.Splice(program, program, 64);
    mutator.Mutate(&program, 64);
    for (const Program* p : {&program, &spliced}) {
      for (const Event& event : p->events) EXPECT_NE(event.kind, EventKind::kHwContrary);
    }
  }
}

TEST(Mutator, BytesOfAnyKindGiveAProgramThatFits) {
  Mutator mutator(11);
  const std::vector<uint8_t> junk = {1, 2, 3};
  for (const size_t max_size : {24u, 100u, 1000u, 20480u}) {
    std::vector<uint8_t> bytes = mutator.MutateBytes(junk.data(), junk.size(), max_size, &Tiny());
    for (int i = 0; i < 100; ++i) {
      ASSERT_LE(bytes.size(), max_size);
      if (bytes.empty()) break;
      ASSERT_TRUE(Decode(bytes.data(), bytes.size()).has_value());
      bytes = mutator.MutateBytes(bytes.data(), bytes.size(), max_size, &Tiny());
    }
  }
  EXPECT_TRUE(mutator.MutateBytes(nullptr, 0, 10, &Tiny()).empty());
}

TEST(Mutator, AProgramOfAnotherBoardIsReplaced) {
  Mutator mutator(5);
  const std::vector<uint8_t> other = Encode(mutator.Fresh(*model::FindBoard("tegra234")));
  const std::vector<uint8_t> bytes =
      mutator.MutateBytes(other.data(), other.size(), 20480, &Tiny());
  EXPECT_EQ(Decode(bytes.data(), bytes.size())->board, Tiny().id);
}

TEST(Mutator, CrossOverTakesFromBoth) {
  Program a;
  Program b;
  a.board = b.board = Tiny().id;
  for (uint64_t i = 0; i < 10; ++i) {
    a.events.push_back(HostStore64(0x80000000, i));
    b.events.push_back(HostStore64(0x90000000, i));
  }
  Mutator mutator(9);
  bool mixed = false;
  for (int i = 0; i < 100; ++i) {
    const Program child = mutator.Splice(a, b, kMaxEvents);
    size_t from_a = 0;
    for (const Event& event : child.events) from_a += event.arg[0] == 0x80000000;
    mixed |= from_a > 0 && from_a < child.events.size();
    ASSERT_LE(child.events.size(), 20u);
  }
  EXPECT_TRUE(mixed);
}

TEST(Mutator, MostChildrenLeaveTheTakeoverOut) {
  size_t kept = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Program program;
    program.board = Tiny().id;
    program.events = {MakeEvent(EventKind::kBootInit), MakeEvent(EventKind::kBootFinalize)};
    Mutator(seed).Mutate(&program, kMaxEvents);
    for (const Event& event : program.events) kept += event.kind == EventKind::kBootFinalize;
  }
  EXPECT_GT(kept, 10u);
  EXPECT_LT(kept, 100u);
}

// A kernel's attach, as the facts about Linux list it, in that order.
TEST(Macros, AttachIsInTheOrderOfLinux) {
  const Values values(Tiny());
  Random random(1);
  const Sketch sketch(values);
  Events events;
  Macros(values, &random).AttachTranslated(sketch, &events);
  std::vector<uint64_t> offsets;
  for (const Event& event : events) {
    if (event.kind == EventKind::kHostWrite) offsets.push_back(event.arg[1]);
  }
  ASSERT_EQ(offsets.size(), 12u);
  const uint64_t entry = (offsets[0] - layout::kS2cr) / 4;
  const uint32_t bank = static_cast<uint32_t>((offsets[4] - layout::kBankBase) >> 16);
  const std::vector<uint64_t> want = {
      layout::kS2cr + 4 * entry,          layout::kSmr + 4 * entry,
      layout::kCba2r + 4 * bank,          layout::kCbar + 4 * bank,
      layout::Bank(bank, layout::kTcr2),  layout::Bank(bank, layout::kTcr),
      layout::Bank(bank, layout::kTtbr0), layout::Bank(bank, layout::kTtbr1),
      layout::Bank(bank, layout::kMair0), layout::Bank(bank, layout::kMair1),
      layout::Bank(bank, layout::kSctlr), layout::kS2cr + 4 * entry,
  };
  EXPECT_EQ(offsets, want);
}

TEST(Sketch, SeesWhatMacrosSetUp) {
  const Values values(Tiny());
  Random random(4);
  Sketch sketch(values);
  Target target;
  EXPECT_FALSE(sketch.FindTarget(&random, &target));
  Events events;
  Macros macros(values, &random);
  macros.AttachIdentity(sketch, &events);
  for (const Event& event : events) sketch.Note(event);
  ASSERT_TRUE(sketch.FindTarget(&random, &target));
  EXPECT_FALSE(target.translated);
  sketch.Note(OwnerChange(EventKind::kHypDonate, values.HostPage(0), 1, 2));
  EXPECT_TRUE(sketch.IsGiven(values.HostPage(0)));
  for (int i = 0; i < 100; ++i) EXPECT_NE(sketch.PlainPage(&random), values.HostPage(0));
  sketch.Note(OwnerChange(EventKind::kHypReclaim, values.HostPage(0), 1, 2));
  EXPECT_FALSE(sketch.IsGiven(values.HostPage(0)));
}

TEST(Sketch, KnowsWhatIsDelivered) {
  const Values values(Tiny());
  Random random(4);
  Sketch sketch(values);
  const model::ClientInfo* client = sketch.FindUnmatched(&random);
  ASSERT_NE(client, nullptr);
  const uint64_t page = values.HostPage(3);
  EXPECT_FALSE(sketch.Delivers(DmaEvent(client->id, page, false))) << "nothing is attached";
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(client->side));
  sketch.Note(HostWrite32(window, layout::kSmr,
                          layout::kSmrValid | layout::kSmrMask << 16 | client->default_sid));
  sketch.Note(HostWrite32(window, layout::kS2cr, layout::kS2crBypass));
  EXPECT_TRUE(sketch.Delivers(DmaEvent(client->id, page + 0xff8, false)));
  EXPECT_FALSE(sketch.Delivers(DmaEvent(client->id, 0, false))) << "not memory of the host";
  EXPECT_FALSE(sketch.Delivers(DmaEvent(model::kNoClient, page, false)));
  EXPECT_FALSE(sketch.Delivers(HostStore64(page, 0))) << "no DMA at all";
  sketch.Note(OwnerChange(EventKind::kHypDonate, page, 1, 2));
  EXPECT_FALSE(sketch.Delivers(DmaEvent(client->id, page, false))) << "given away";
  sketch.Note(HostWrite32(window, layout::kS2cr, layout::kS2crTranslate));
  sketch.Note(HostWrite32(window, layout::Bank(0, layout::kSctlr), layout::kSctlrLinux));
  sketch.Note(HostWrite64(window, layout::Bank(0, layout::kTtbr0), SlotPage(values, 2, 0)));
  EXPECT_TRUE(sketch.Delivers(DmaEvent(client->id, kFirstIova + 2 * kPage, false)));
  EXPECT_FALSE(sketch.Delivers(DmaEvent(client->id, kFirstIova + 3 * kPage, false)));
  EXPECT_FALSE(sketch.Delivers(DmaEvent(client->id, page, false)));
}

TEST(Macros, AnOverlapIsOfOneStreamAndTwoMasks) {
  const Values values(Tiny());
  Random random(3);
  Sketch sketch(values);
  Macros macros(values, &random);
  Events events;
  macros.AttachIdentity(sketch, &events);
  for (const Event& event : events) sketch.Note(event);
  events.clear();
  macros.Overlap(sketch, &events);
  ASSERT_EQ(events.size(), 2u);
  const uint64_t mask = events[0].arg[3] >> 16 & 0x7fff;
  EXPECT_EQ(std::popcount(mask ^ layout::kSmrMask), 1);
  EXPECT_NE(events[0].arg[3] & layout::kSmrValid, 0u);
  for (const Event& event : events) sketch.Note(event);
  Target target;
  EXPECT_FALSE(sketch.FindTarget(&random, &target)) << "two that match are as good as none";
}

TEST(Macros, APageThatIsPassedAroundMostlyComesBack) {
  const Values values(Tiny());
  Random random(1);
  size_t given = 0;
  size_t returned = 0;
  for (int i = 0; i < 200; ++i) {
    Sketch sketch(values);
    Events events;
    Macros(values, &random).PassAround(sketch, &events);
    ASSERT_EQ(events[0].kind, EventKind::kHypDonate);
    for (const Event& event : events) {
      given += event.kind == EventKind::kHypDonate;
      if (event.kind != EventKind::kHypReclaim) continue;
      ++returned;
      EXPECT_EQ(event.arg[0], events[0].arg[0]);
      EXPECT_EQ(event.arg[2], events[0].arg[2]);
    }
  }
  EXPECT_EQ(given, 200u);
  EXPECT_GT(returned, 100u);
  EXPECT_LT(returned, 200u);
}

}  // namespace
}  // namespace sidewall::fuzz
