// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/pages.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace sidewall::model {
namespace {

constexpr uint64_t kStep = Pages::kSize;
constexpr uint64_t kRam = 0x80000000;
constexpr uint64_t kRam2 = 0x90000000;
constexpr uint64_t kRegisters = 0x02600000;
constexpr uint8_t kG0 = kOwnerGuest0;
constexpr uint8_t kG1 = kOwnerGuest0 + 1;

// 16 pages of RAM of which the last four are the pool, two more elsewhere, three of registers.
BoardSpec Small() {
  BoardSpec spec = *FindBoard("tiny");
  spec.dram[0] = {kRam, 16 * kStep};
  spec.dram[1] = {kRam2, 2 * kStep};
  spec.dram_count = 2;
  spec.pool = {kRam + 12 * kStep, 4 * kStep};
  spec.host_mmio[0] = {kRegisters, 3 * kStep};
  spec.host_mmio_count = 1;
  return spec;
}

struct Rig {
  Rig() {
    info.resize(Pages::Count(spec));
    saved.resize(info.size());
    dirty.resize(Pages::ChunkCount(spec));
    pages.Reset(spec, {info.data(), saved.data(), dirty.data()});
  }
  Why Do(Transition t, uint64_t pa, uint64_t count, uint8_t a, uint8_t b) {
    const Why why = pages.Check(t, pa, count, a, b);
    if (why == Why::kNone) pages.Commit(t, pa, count, a, b);
    return why;
  }
  bool Unuse(uint64_t pa, uint64_t size) { return pages.Unuse(pa, size, &bad); }

  const BoardSpec spec = Small();
  Pages pages;
  std::vector<PageInfo> info, saved;
  std::vector<uint8_t> dirty;
  uint64_t bad = 0;
};

TEST(Pages, EverythingButThePoolIsTheHostsAtBoot) {
  Rig rig;
  EXPECT_EQ(Pages::Count(rig.spec), 21u);
  EXPECT_EQ(rig.pages.ram_count(), 18u);
  for (size_t i = 0; i < 21; i++) {
    const uint64_t pa = rig.pages.AddressOf(i);
    size_t index = 0;
    ASSERT_TRUE(rig.pages.Index(pa, 1, &index));
    EXPECT_EQ(index, i);
    EXPECT_EQ(rig.pages.At(i).owner, rig.spec.pool.Contains(pa) ? kOwnerEl2 : kOwnerHost) << i;
    EXPECT_EQ(rig.pages.IsMmio(i), pa < kRam) << i;
  }
  EXPECT_EQ(rig.pages.AddressOf(21), 0u);
}

TEST(Pages, RangesThatAreNone) {
  Rig rig;
  size_t index = 0;
  EXPECT_FALSE(rig.pages.Index(kRam + 1, 1, &index));
  EXPECT_FALSE(rig.pages.Index(kRam, 0, &index));
  EXPECT_FALSE(rig.pages.Index(kRam, 17, &index));
  EXPECT_FALSE(rig.pages.Index(kRam, ~uint64_t{0}, &index));
  EXPECT_FALSE(rig.pages.Index(kRam + 16 * kStep, 1, &index));
  EXPECT_FALSE(rig.pages.Index(~uint64_t{0} & ~(kStep - 1), 1, &index));
  EXPECT_FALSE(rig.pages.Index(0, 1, &index));
  EXPECT_TRUE(rig.pages.Index(kRegisters, 3, &index));
  EXPECT_FALSE(rig.pages.Index(kRegisters, 4, &index));
  EXPECT_EQ(rig.pages.Find(0x02c00000), nullptr) << "the memory controller is nobody's to give";
}

// ---------------------------------------------------------------- state by operation

// One page in each state that it can have, and what each operation says to it.
struct Case {
  const char* name;
  uint64_t pa;
  void (*make)(Rig&, uint64_t pa);
  // donate to guest0 | reclaim from guest0 | reclaim from EL2 | host lends to guest0 |
  // host ends that | guest0 lends to host | guest0 ends that | host lends to EL2 | host ends that |
  // used by host | by guest0 | by guest1
  Why want[12];
};

constexpr Why kOk = Why::kNone, kSt = Why::kState, kRe = Why::kReferenced, kTa = Why::kTainted,
              kPo = Why::kPool, kMm = Why::kMmio;

void Give(Rig& rig, uint64_t pa) { rig.Do(Transition::kDonate, pa, 1, kOwnerHost, kG0); }

const Case kCases[] = {
    {"host's",
     kRam,
     [](Rig&, uint64_t) {},
     {kOk, kSt, kSt, kOk, kSt, kSt, kSt, kOk, kSt, kOk, kSt, kSt}},
    {"host's, used",
     kRam,
     [](Rig& rig, uint64_t pa) { rig.pages.Use(kOwnerHost, pa, kStep); },
     {kRe, kSt, kSt, kRe, kSt, kSt, kSt, kRe, kSt, kOk, kSt, kSt}},
    {"host's, lent",
     kRam,
     [](Rig& rig, uint64_t pa) { rig.Do(Transition::kShare, pa, 1, kOwnerHost, kG0); },
     {kSt, kSt, kSt, kSt, kOk, kSt, kSt, kSt, kSt, kSt, kOk, kSt}},
    {"host's, lent and used",
     kRam,
     [](Rig& rig, uint64_t pa) {
       rig.Do(Transition::kShare, pa, 1, kOwnerHost, kG0);
       rig.pages.Use(kG0, pa, kStep);
     },
     {kSt, kSt, kSt, kSt, kRe, kSt, kSt, kSt, kSt, kSt, kOk, kSt}},
    {"host's, lent to EL2",
     kRam,
     [](Rig& rig, uint64_t pa) { rig.Do(Transition::kShare, pa, 1, kOwnerHost, kOwnerEl2); },
     {kSt, kSt, kSt, kSt, kSt, kSt, kSt, kSt, kOk, kSt, kSt, kSt}},
    {"guest's", kRam, Give, {kSt, kOk, kSt, kSt, kSt, kOk, kSt, kSt, kSt, kSt, kOk, kSt}},
    {"guest's, used",
     kRam,
     [](Rig& rig, uint64_t pa) {
       Give(rig, pa);
       rig.pages.Use(kG0, pa, kStep);
     },
     {kSt, kRe, kSt, kSt, kSt, kRe, kSt, kSt, kSt, kSt, kOk, kSt}},
    {"guest's, lent",
     kRam,
     [](Rig& rig, uint64_t pa) {
       Give(rig, pa);
       rig.Do(Transition::kShare, pa, 1, kG0, kOwnerHost);
     },
     {kSt, kSt, kSt, kSt, kSt, kSt, kOk, kSt, kSt, kSt, kOk, kSt}},
    {"guest's, lent and used by itself",
     kRam,
     [](Rig& rig, uint64_t pa) {
       Give(rig, pa);
       rig.Do(Transition::kShare, pa, 1, kG0, kOwnerHost);
       rig.pages.Use(kG0, pa, kStep);
     },
     {kSt, kSt, kSt, kSt, kSt, kSt, kOk, kSt, kSt, kSt, kOk, kSt}},
    {"EL2's",
     kRam,
     [](Rig& rig, uint64_t pa) { rig.Do(Transition::kDonate, pa, 1, kOwnerHost, kOwnerEl2); },
     {kSt, kSt, kOk, kSt, kSt, kSt, kSt, kSt, kSt, kSt, kSt, kSt}},
    {"EL2's, in a pool",
     kRam,
     [](Rig& rig, uint64_t pa) {
       rig.Do(Transition::kDonate, pa, 1, kOwnerHost, kOwnerEl2);
       rig.pages.SetPool(pa, 1, 0);
     },
     {kSt, kSt, kPo, kSt, kSt, kSt, kSt, kSt, kSt, kSt, kSt, kSt}},
    {"the board's pool",
     kRam + 12 * kStep,
     [](Rig&, uint64_t) {},
     {kSt, kSt, kPo, kSt, kSt, kSt, kSt, kSt, kSt, kSt, kSt, kSt}},
    {"registers",
     kRegisters,
     [](Rig&, uint64_t) {},
     {kOk, kSt, kSt, kMm, kMm, kMm, kMm, kMm, kMm, kOk, kSt, kSt}},
    {"registers, mapped",
     kRegisters,
     [](Rig& rig, uint64_t pa) { rig.pages.Use(kOwnerHost, pa, kStep); },
     {kTa, kSt, kSt, kMm, kMm, kMm, kMm, kMm, kMm, kOk, kSt, kSt}},
    {"registers, once mapped",
     kRegisters,
     [](Rig& rig, uint64_t pa) {
       rig.pages.Use(kOwnerHost, pa, kStep);
       rig.Unuse(pa, kStep);
     },
     {kTa, kSt, kSt, kMm, kMm, kMm, kMm, kMm, kMm, kOk, kSt, kSt}},
    {"guest's registers",
     kRegisters,
     Give,
     {kSt, kOk, kSt, kMm, kMm, kMm, kMm, kMm, kMm, kSt, kOk, kSt}},
    {"guest's registers, once mapped",
     kRegisters,
     [](Rig& rig, uint64_t pa) {
       Give(rig, pa);
       rig.pages.Use(kG0, pa, kStep);
       rig.Unuse(pa, kStep);
     },
     {kSt, kOk, kSt, kMm, kMm, kMm, kMm, kMm, kMm, kSt, kOk, kSt}},
};

TEST(Pages, EachOperationInEachState) {
  for (const Case& c : kCases) {
    Rig rig;
    c.make(rig, c.pa);
    const Pages& p = rig.pages;
    const Why got[] = {
        p.Check(Transition::kDonate, c.pa, 1, kOwnerHost, kG0),
        p.Check(Transition::kReclaim, c.pa, 1, kG0, kOwnerHost),
        p.Check(Transition::kReclaim, c.pa, 1, kOwnerEl2, kOwnerHost),
        p.Check(Transition::kShare, c.pa, 1, kOwnerHost, kG0),
        p.Check(Transition::kUnshare, c.pa, 1, kOwnerHost, kG0),
        p.Check(Transition::kShare, c.pa, 1, kG0, kOwnerHost),
        p.Check(Transition::kUnshare, c.pa, 1, kG0, kOwnerHost),
        p.Check(Transition::kShare, c.pa, 1, kOwnerHost, kOwnerEl2),
        p.Check(Transition::kUnshare, c.pa, 1, kOwnerHost, kOwnerEl2),
    };
    for (int i = 0; i < 9; i++) EXPECT_EQ(got[i], c.want[i]) << c.name << ", operation " << i;
    EXPECT_EQ(rig.pages.Use(kOwnerHost, c.pa, kStep), c.want[9]) << c.name;
    if (c.want[9] == kOk) rig.Unuse(c.pa, kStep);
    EXPECT_EQ(rig.pages.Use(kG0, c.pa, kStep), c.want[10]) << c.name;
    EXPECT_EQ(rig.pages.Use(kG1, c.pa, kStep), c.want[11]) << c.name;
  }
}

TEST(Pages, PartiesThatMayNot) {
  Rig rig;
  const auto check = [&rig](Transition t, uint8_t a, uint8_t b) {
    return rig.pages.Check(t, kRam, 1, a, b);
  };
  EXPECT_EQ(check(Transition::kDonate, kOwnerHost, kOwnerHost), Why::kParty);
  EXPECT_EQ(check(Transition::kDonate, kG0, kG1), Why::kParty) << "only the host donates";
  EXPECT_EQ(check(Transition::kDonate, kOwnerHost, kMaxOwners), Why::kParty);
  EXPECT_EQ(check(Transition::kReclaim, kG0, kG1), Why::kParty);
  EXPECT_EQ(check(Transition::kReclaim, kOwnerHost, kOwnerHost), Why::kParty);
  EXPECT_EQ(check(Transition::kShare, kG0, kOwnerEl2), Why::kParty) << "only the host does";
  EXPECT_EQ(check(Transition::kUnshare, kG0, kOwnerEl2), Why::kParty);
  EXPECT_EQ(check(Transition::kShare, kOwnerEl2, kOwnerHost), Why::kParty);
  EXPECT_EQ(check(Transition::kUnshare, kNobody, kG0), Why::kParty);
  EXPECT_EQ(rig.pages.Use(kOwnerEl2, kRam, kStep), Why::kParty);
  EXPECT_EQ(rig.pages.Use(kMaxOwners, kRam, kStep), Why::kParty);
  EXPECT_EQ(rig.pages.Use(kNobody, kRam, kStep), Why::kParty);
}

// ---------------------------------------------------------------- ranges and references

TEST(Pages, ARangeThatIsHalfOnesOwnIsRefusedWhole) {
  Rig rig;
  EXPECT_EQ(rig.Do(Transition::kDonate, kRam + 2 * kStep, 1, kOwnerHost, kG0), Why::kNone);
  for (uint64_t first : {0, 1, 2}) {
    const uint64_t pa = kRam + first * kStep;
    EXPECT_EQ(rig.pages.Check(Transition::kDonate, pa, 3, kOwnerHost, kG1), Why::kState) << first;
    EXPECT_EQ(rig.pages.Check(Transition::kShare, pa, 3, kOwnerHost, kG1), Why::kState) << first;
    EXPECT_EQ(rig.pages.Use(kOwnerHost, pa, 3 * kStep), Why::kState) << first;
  }
  for (uint64_t i = 0; i < 6; i++) EXPECT_EQ(rig.pages.Find(kRam + i * kStep)->refs, 0u) << i;
}

TEST(Pages, ReferencesAreCountedForEachPage) {
  Rig rig;
  EXPECT_EQ(rig.pages.Use(kOwnerHost, kRam, 3 * kStep), Why::kNone);
  EXPECT_EQ(rig.pages.Use(kOwnerHost, kRam + kStep, kStep), Why::kNone);
  EXPECT_TRUE(rig.Unuse(kRam, 3 * kStep));
  EXPECT_EQ(rig.pages.Check(Transition::kDonate, kRam, 1, kOwnerHost, kG0), Why::kNone);
  EXPECT_EQ(rig.pages.Check(Transition::kDonate, kRam + kStep, 1, kOwnerHost, kG0),
            Why::kReferenced);
  EXPECT_TRUE(rig.Unuse(kRam + kStep, kStep));
  EXPECT_EQ(rig.pages.Check(Transition::kDonate, kRam + kStep, 1, kOwnerHost, kG0), Why::kNone);
}

TEST(Pages, OneReferenceTooFewIsNamed) {
  Rig rig;
  EXPECT_EQ(rig.pages.Use(kOwnerHost, kRam, kStep), Why::kNone);
  EXPECT_EQ(rig.pages.Use(kOwnerHost, kRam + 2 * kStep, kStep), Why::kNone);
  EXPECT_FALSE(rig.Unuse(kRam, 3 * kStep));
  EXPECT_EQ(rig.bad, kRam + kStep);
  EXPECT_EQ(rig.pages.Find(kRam + 2 * kStep)->refs, 0u) << "the others are dropped all the same";
  EXPECT_FALSE(rig.Unuse(kRam, kStep));
  EXPECT_FALSE(rig.Unuse(kRam, 1)) << "no whole page";
  EXPECT_FALSE(rig.Unuse(kRam + 8, kStep));
  EXPECT_FALSE(rig.Unuse(0x02c00000, kStep)) << "nobody's memory";
  EXPECT_FALSE(rig.Unuse(kRam, 0));
}

TEST(Pages, TheCountNeverWraps) {
  Rig rig;
  for (uint32_t i = 0; i < Pages::kMaxRefs; i++) {
    ASSERT_EQ(rig.pages.Use(kOwnerHost, kRam + kStep, kStep), Why::kNone);
  }
  EXPECT_EQ(rig.pages.Use(kOwnerHost, kRam, 2 * kStep), Why::kReferenced);
  EXPECT_EQ(rig.pages.Find(kRam)->refs, 0u) << "the whole range or none";
  EXPECT_EQ(rig.pages.Find(kRam + kStep)->refs, Pages::kMaxRefs);
}

TEST(Pages, ReferencesOfTwoPartiesNeverMeet) {
  Rig rig;
  rig.Do(Transition::kDonate, kRam, 1, kOwnerHost, kG0);
  rig.Do(Transition::kShare, kRam, 1, kG0, kG1);
  EXPECT_EQ(rig.pages.Use(kG0, kRam, kStep), Why::kNone);
  EXPECT_EQ(rig.pages.Use(kG1, kRam, kStep), Why::kReferenced);
  EXPECT_TRUE(rig.Unuse(kRam, kStep));
  EXPECT_EQ(rig.pages.Use(kG1, kRam, kStep), Why::kNone);
  EXPECT_EQ(rig.pages.Check(Transition::kUnshare, kRam, 1, kG0, kG1), Why::kReferenced)
      << "the borrower's device still uses it";
}

TEST(Pages, RestoreGoesBack) {
  Rig rig;
  rig.Do(Transition::kDonate, kRam, 2, kOwnerHost, kG0);
  rig.pages.Mark();
  rig.Do(Transition::kReclaim, kRam, 1, kG0, kOwnerHost);
  rig.pages.Use(kG0, kRam + kStep, kStep);
  rig.pages.Use(kOwnerHost, kRegisters, kStep);
  rig.Do(Transition::kShare, kRam2, 1, kOwnerHost, kG1);
  rig.pages.SetPool(kRam + 4 * kStep, 1, 0);
  rig.pages.Restore();
  EXPECT_EQ(rig.pages.Find(kRam)->owner, kG0);
  EXPECT_EQ(rig.pages.Find(kRam + kStep)->refs, 0u);
  EXPECT_FALSE(rig.pages.Find(kRegisters)->tainted);
  EXPECT_EQ(rig.pages.Find(kRam2)->borrower, kNobody);
  EXPECT_EQ(rig.pages.Find(kRam + 4 * kStep)->pool, kNoPool);
}

// ---------------------------------------------------------------- a naive reference

// What each party holds of each page, as separate notes, and who maps it how often.
class Shadow {
 public:
  enum State { kNoPage, kOwned, kLent, kBorrowed };
  explicit Shadow(const BoardSpec& spec) : spec_(spec) {
    for (const Range& r : {spec.dram[0], spec.dram[1], spec.host_mmio[0]}) {
      for (uint64_t pa = r.start; pa < r.end(); pa += kStep) {
        state[{spec.pool.Contains(pa) ? kOwnerEl2 : kOwnerHost, pa}] = kOwned;
      }
    }
  }
  State Get(uint8_t who, uint64_t pa) const {
    const auto found = state.find({who, pa});
    return found == state.end() ? kNoPage : found->second;
  }
  bool May(Transition t, uint64_t pa, uint8_t a, uint8_t b) const {
    const bool ram = pa >= kRam;
    uint32_t others = 0;
    uint32_t mine = 0;
    for (const auto& [key, count] : uses) {
      if (key.second == pa) (key.first == a ? mine : others) += count;
    }
    switch (t) {
      case Transition::kDonate:
        return a == kOwnerHost && b != a && b < kMaxOwners && Get(a, pa) == kOwned &&
               mine + others == 0 && !tainted.count(pa);
      case Transition::kReclaim:
        return b == kOwnerHost && a != b && a < kMaxOwners && Get(a, pa) == kOwned &&
               mine + others == 0 && !spec_.pool.Contains(pa);
      case Transition::kShare:
        return a != b && Lends(a, b) && ram && Get(a, pa) == kOwned && mine + others == 0;
      default:
        return a != b && Lends(a, b) && ram && Get(a, pa) == kLent && Get(b, pa) == kBorrowed &&
               others == 0;
    }
  }
  void Do(Transition t, uint64_t pa, uint8_t a, uint8_t b) {
    const bool share = t == Transition::kShare;
    const bool unshare = t == Transition::kUnshare;
    state[{a, pa}] = share ? kLent : unshare ? kOwned : kNoPage;
    state[{b, pa}] = share ? kBorrowed : unshare ? kNoPage : kOwned;
  }
  void Steer(uint64_t pa, unsigned random, Transition* t, uint8_t* a, uint8_t* b) const {
    for (uint8_t who = 0; who < kMaxOwners; who++) {
      const State state_now = Get(who, pa);
      if (state_now == kBorrowed) *b = who;
      if (state_now != kOwned && state_now != kLent) continue;
      *a = who;
      const bool share = random % 2 != 0;
      *t = state_now == kLent  ? Transition::kUnshare
           : share             ? Transition::kShare
           : who == kOwnerHost ? Transition::kDonate
                               : Transition::kReclaim;
      if (*t == Transition::kReclaim) *b = kOwnerHost;
    }
  }
  bool MayUse(uint8_t who, uint64_t pa) const {
    for (const auto& [key, count] : uses) {
      if (key.second == pa && key.first != who && count != 0) return false;
    }
    if (who == kOwnerHost) return Get(who, pa) == kOwned;
    return Lends(who) && Get(who, pa) != kNoPage;
  }

  std::map<std::pair<uint8_t, uint64_t>, State> state;
  std::map<std::pair<uint8_t, uint64_t>, uint32_t> uses;
  std::map<uint64_t, bool> tainted;

 private:
  static bool Lends(uint8_t who) { return who < kMaxOwners && who != kOwnerEl2; }
  static bool Lends(uint8_t a, uint8_t b) {
    return Lends(a) && (Lends(b) || (a == kOwnerHost && b == kOwnerEl2));
  }
  const BoardSpec& spec_;
};

bool Known(const BoardSpec& spec, uint64_t pa, uint64_t count) {
  for (const Range& r : {spec.dram[0], spec.dram[1], spec.host_mmio[0]}) {
    if (pa >= r.start && pa + count * kStep <= r.end()) return pa % kStep == 0 && count != 0;
  }
  return false;
}

TEST(Pages, AgreeWithSeparateNotesOnRandomSteps) {
  for (unsigned seed = 1; seed <= 20; seed++) {
    std::mt19937 random(seed);
    Rig rig;
    Shadow shadow(rig.spec);
    unsigned done = 0;
    for (int step = 0; step < 4000; step++) {
      const uint64_t base = random() % 3 == 0 ? (random() % 2 ? kRegisters : kRam2) : kRam;
      const uint64_t pa = base + random() % 6 * kStep + (random() % 50 == 0 ? 8 : 0);
      const uint64_t count = random() % 4;
      auto a = static_cast<uint8_t>(random() % 4);
      auto b = static_cast<uint8_t>(random() % 20 == 0 ? 6 : random() % 4);
      auto t = static_cast<Transition>(random() % 4);
      // Mostly what the first page is ripe for, as steps at random would mostly be refused.
      if (random() % 4 != 0) shadow.Steer(pa, random(), &t, &a, &b);
      const unsigned act = random() % 8;
      bool want = Known(rig.spec, pa, count);
      if (act < 5) {
        for (uint64_t i = 0; want && i < count; i++) want = shadow.May(t, pa + i * kStep, a, b);
        ASSERT_EQ(rig.Do(t, pa, count, a, b) == Why::kNone, want) << seed << " " << step;
        for (uint64_t i = 0; want && i < count; i++) shadow.Do(t, pa + i * kStep, a, b);
      } else if (act == 5) {
        for (uint64_t i = 0; want && i < count; i++) want = shadow.MayUse(a, pa + i * kStep);
        ASSERT_EQ(rig.pages.Use(a, pa, count * kStep) == Why::kNone, want) << seed << " " << step;
        for (uint64_t i = 0; want && i < count; i++) {
          shadow.uses[{a, pa + i * kStep}]++;
          if (base == kRegisters && a == kOwnerHost) shadow.tainted[pa + i * kStep] = true;
        }
      } else if (want) {
        for (uint64_t i = 0; i < count; i++) {
          bool had = false;
          for (auto& [key, uses] : shadow.uses) {
            if (key.second != pa + i * kStep || uses == 0) continue;
            uses--;
            had = true;
          }
          want &= had;
        }
        ASSERT_EQ(rig.Unuse(pa, count * kStep), want) << seed << " " << step;
      }
      done += want;
    }
    EXPECT_GT(done, 300u) << "too few steps did anything";
    for (const auto& [key, state] : shadow.state) {
      const PageInfo& page = *rig.pages.Find(key.second);
      const auto& [who, pa] = key;
      EXPECT_EQ(page.owner == who, state == Shadow::kOwned || state == Shadow::kLent);
      EXPECT_EQ(page.borrower == who, state == Shadow::kBorrowed);
      uint32_t refs = 0;
      for (const auto& [use, count] : shadow.uses) refs += use.second == pa ? count : 0;
      EXPECT_EQ(page.refs, refs);
      EXPECT_EQ(page.tainted, shadow.tainted.count(pa) != 0);
    }
  }
}

}  // namespace
}  // namespace sidewall::model
