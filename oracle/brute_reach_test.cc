// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The check of reach that costs what changed, held against one that walks everything, after each of
// many random events: stores to entries, banks and tables by a driver that has no plan, commands
// and syncs, cleans that come late, and memory that changes hands.
//
// Built with SIDEWALL_FORGETFUL, the check that costs what changed has forgotten one thing that
// reach depends on, and the same events must show it.
#include "oracle/brute_reach.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "oracle/board.h"
#include "oracle/test_driver.h"

namespace sidewall {
namespace {

constexpr uint64_t kSide = 1;  // niso0, a pair
constexpr unsigned kEventsOfOneRun = 50;

class Monkey {
 public:
  Monkey(const char* board, uint32_t seed)
      : board_({.board = model::FindBoard(board),
                .armed = Bit(Invariant::kIso01) | Bit(Invariant::kIso02)}),
        driver_(board_),
        brute_(board_.spec(), board_.ghost(), board_.machine()),
        random_(seed) {
    board_.Boot(driver_);
    for (uint64_t& page : spare_) page = board_.PageAlloc(SIDEWALL_POOL_ATOMIC);
    smmu_ = &board_.spec().smmu[kSide];
    dram_ = board_.spec().dram[0].start;
    SetUp();
    board_.Save();
    driver_.in_call = [this] { Act(); };
  }

  void Run(unsigned events) {
    for (unsigned i = 0; i < events && difference_.empty(); i++) {
      if (i % kEventsOfOneRun == 0) Begin();
      Step();
    }
  }

  uint64_t events() const { return events_; }
  uint64_t changes() const { return changes_; }
  uint64_t breaches() const { return breaches_; }
  uint64_t held() const { return held_; }
  const std::string& difference() const { return difference_; }

 private:
  // Entries 0 and 1 translate, nested and by stage 2 alone. Of the host's tree only what the events
  // are about is left, since all of it is walked after each of them.
  void SetUp() {
    constexpr uint64_t kOfOneTable = 2 << 20;
    const model::Range& dram = board_.spec().dram[0];
    for (uint64_t at = kOfOneTable; at < dram.size; at += kOfOneTable) {
      Store(driver_.LinkOf(dram.start + at), 0);
    }
    for (size_t i = 0; i < board_.spec().host_mmio_count; i++) {
      const model::Range& mmio = board_.spec().host_mmio[i];
      for (uint64_t at = mmio.start; at < mmio.end(); at += kOfOneTable) {
        Store(driver_.LinkOf(at), 0);
      }
      Store(driver_.LinkOf(mmio.end() - 1), 0);
    }
    board_.CleanPoc(board_.pool_start(), board_.pool_size());
    board_.Barrier();
    for (size_t i = 0; i < board_.spec().smmu_count; i++) {
      const model::SmmuSpec& spec = board_.spec().smmu[i];
      for (uint8_t n = 0; n < spec.instance_count; n++) Flush(spec.window[n]);
    }
    const uint32_t stage2 = smmu_->banks - smmu_->el2_banks;
    for (const uint64_t window : smmu_->window) {
      // A bank that no entry leads to, over a tree of its own.
      const uint64_t bank = window + layout::Bank(*smmu_, stage2 + 1);
      board_.Write32(window + layout::Cba2r(*smmu_) + 4 * (stage2 + 1), 1);
      board_.Write32(window + layout::Cbar(*smmu_) + 4 * (stage2 + 1), smmu_->host_vmid);
      board_.Write64(bank + layout::kTtbr0, spare_[3]);
      board_.Write32(bank + layout::kTcr, 0x80053559);
      board_.Write32(bank + layout::kSctlr, 0x161);
      for (const uint32_t n : {0u, 1u}) {
        board_.Write32(window + layout::kS2cr + 4 * n, n == 0 ? 0 : stage2);
        board_.Write32(window + layout::kSmr + 4 * n, 0xff800001u + 8 * n);
      }
    }
  }
  void Flush(uint64_t window) {
    board_.Write32(window + 0x68, 0);
    board_.Write32(window + 0x70, 0);
    uint32_t active = 1;
    for (int i = 0; i < 100 && active != 0; i++) board_.Read32(window + 0x74, &active);
  }

  // All banks of the pair free, one tree of few pages; the rest is up to chance.
  void Begin() {
    board_.Restore();
    board_.set_verdict(Verdict());
    vmids_.assign(model::kMaxInstances, std::vector<bool>(256));
    for (size_t i = 0; i < board_.spec().smmu_count; i++) {
      const model::SmmuSpec& spec = board_.spec().smmu[i];
      for (uint8_t n = 0; n < spec.instance_count; n++) {
        vmids_[board_.machine().InstanceIndex(spec.side, n)][spec.host_vmid] = true;
      }
    }
    brute_.Look(0);
    digest_ = brute_.digest();
    KeepBreached();
  }

  uint64_t Below(uint64_t n) { return random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  void Step() {
    events_++;
    single_store_ = true;
    const Event event = Draw();
    const bool done = board_.Apply(event, driver_).result == Expect::kOk;
    CompareLoss(event, done);
    brute_.Look(0);
    changes_ += brute_.digest() != digest_;
    digest_ = brute_.digest();
    Compare();
    KeepBreached();
    board_.set_verdict(Verdict());
  }

  Event Draw() {
    if (!OneIn(8)) return {.kind = EventKind::kTick};
    single_store_ = false;
    driver_.skip_flush = OneIn(4);
    driver_.skip_second_flush = OneIn(4);
    driver_.skip_sync = OneIn(4);
    driver_.keep_mapped = OneIn(8);
    Say("memory", 0, 0);
    const EventKind kinds[] = {EventKind::kHypDonate, EventKind::kHypReclaim, EventKind::kHypShare,
                               EventKind::kHypUnshare};
    const uint64_t page = dram_ + Below(6) * kPageSize;
    Event event = {.kind = kinds[Below(4)], .arg = {page, 1 + Below(2), 2 + Below(2)}};
    if (event.kind == EventKind::kHypReclaim) event.arg[2] = board_.ghost().owner(page);
    return event;
  }

  // ---- One store, command or barrier of a driver without a plan.
  void Act() {
    const uint64_t draw = Below(100);
    if (draw < 42) {
      StoreLeaf();
    } else if (draw < 48) {
      StoreLink();
    } else if (draw < 64) {
      Settle();
    } else if (draw < 72) {
      Command();
    } else {
      StoreRegister();
    }
  }

  uint64_t AnyPage() {
    const uint64_t draw = Below(80);
    if (draw == 0) return board_.spec().pool.start + Below(4) * kPageSize;
    if (draw == 1) return (dram_ + Below(6) * kPageSize) | model::kFormatBit;
    if (draw == 2) return board_.spec().host_mmio[0].start;
    if (draw == 3) return board_.spec().smmu[0].window[0];
    return dram_ + Below(6) * kPageSize;
  }
  void Store(uint64_t at, uint64_t value) {
    last_ = at;
    Say("table", at, value);
    board_.TableWrite64(at, value);
  }
  // What is done, for a difference that has to be understood.
  void Say(const char* what, uint64_t at, uint64_t value) {
    char text[80];
    snprintf(text, sizeof(text), "%s 0x%llx 0x%llx", what, static_cast<unsigned long long>(at),
             static_cast<unsigned long long>(value));
    said_ = text;
  }
  void Write32(uint64_t pa, uint32_t value) {
    Say("register", pa, value);
    board_.Write32(pa, value);
  }
  void Write64(uint64_t pa, uint64_t value) {
    Say("register", pa, value);
    board_.Write64(pa, value);
  }
  // Into the host's tree, or into one of the tables that lie about.
  void StoreLeaf() {
    const uint64_t at = !OneIn(4) ? driver_.LeafAt(dram_ + Below(6) * kPageSize)
                                  : spare_[Below(3)] + Below(4) * sizeof(uint64_t);
    Store(at, OneIn(3) ? 0 : AnyPage() | 0x73f | Below(4) << 6);
  }
  // Spare tables 3 and 4 are such that hold links, and so are roots.
  void StoreLink() {
    const uint64_t at = OneIn(2) ? driver_.LinkOf(dram_ + (16 + Below(2)) * (1 << 20))
                                 : spare_[3 + Below(3)] + Below(2) * sizeof(uint64_t);
    const uint64_t draw = Below(10);
    uint64_t value = spare_[Below(6)] | 3;
    if (draw < 3) value = 0;
    if (draw == 3) value = dram_ | 0x73d | Below(4) << 6;  // a block of 2 MiB
    if (draw == 4) value = (dram_ + 5 * kPageSize) | 3;    // a table of the host's
    Store(at, value);
  }
  void Settle() {
    Say("settle", 0, 0);
    if (OneIn(2)) return board_.Barrier();
    const bool all = OneIn(3);
    board_.CleanPoc(all ? board_.pool_start() : last_, all ? board_.pool_size() : 8);
    if (OneIn(2)) board_.Barrier();
  }

  uint64_t Window() { return smmu_->window[Below(2)]; }
  void Command() {
    const uint64_t window = Window();
    const uint64_t draw = Below(6);
    const uint64_t bank = window + layout::Bank(*smmu_, static_cast<uint32_t>(Below(4)));
    if (draw == 0) Write32(window + 0x68, 0);                                    // TLBIALLNSNH
    if (draw == 1) Write32(window + 0x64, AnyVmid());                            // TLBIVMID
    if (draw == 2) Write64(bank + 0x630, (dram_ + Below(6) * kPageSize) >> 12);  // TLBIIPAS2
    if (draw == 3) Write32(window + 0xb8, AnyVmid());                            // TLBIVMIDS1
    if (draw >= 4) {
      uint32_t active = 1;
      Write32(window + 0x70, 0);
      for (int i = 0; i < 100 && active != 0; i++) board_.Read32(window + 0x74, &active);
    }
  }
  uint32_t AnyVmid() { return OneIn(2) ? smmu_->host_vmid : static_cast<uint32_t>(40 + Below(2)); }

  void StoreRegister() {
    const uint64_t window = Window();
    const auto n = static_cast<uint32_t>(Below(4));
    const uint32_t stage2 = smmu_->banks - smmu_->el2_banks;
    const uint64_t bank = window + layout::Bank(*smmu_, n);
    const uint64_t draw = Below(24);
    if (draw < 6) {
      const auto id = static_cast<uint32_t>(1 + 8 * n + Below(3));
      Write32(window + layout::kSmr + 4 * n,
              OneIn(4) ? 0 : 0x80000000u | (OneIn(4) ? 0x7f830000u : 0x7f800000u) | id);
    } else if (draw < 11) {
      const uint32_t type = OneIn(8) ? 1 : OneIn(6) ? 2 : 0;
      Write32(window + layout::kS2cr + 4 * n,
              type << 16 | static_cast<uint32_t>(OneIn(20) ? 200 : Below(4)));
    } else if (draw < 15) {
      const uint32_t type = OneIn(6) ? 1 : OneIn(8) ? 2 : n < stage2 ? 3 : 0;
      const uint32_t under = OneIn(2) ? stage2 : static_cast<uint32_t>(Below(4));
      Write32(window + layout::Cbar(*smmu_) + 4 * n,
              type << 16 | (type == 3 ? under << 8 : 0) | AnyVmid());
    } else if (draw < 16) {
      Write32(window + layout::Cba2r(*smmu_) + 4 * n, OneIn(4) ? 0 : 1);
    } else if (draw < 19) {
      Write64(bank + layout::kTtbr0, OneIn(2) ? driver_.root() : spare_[3 + Below(3)]);
    } else if (draw < 21) {
      // Level 0 and 48 bits, level 1 and 39, level 2 and 30; and one that is reserved.
      const uint32_t shapes[] = {0x80053590, 0x80053559, 0x80053522, 0x800535d0};
      Write32(bank + layout::kTcr, shapes[OneIn(10) ? 3 : OneIn(2) ? 0 : Below(3)]);
    } else if (draw < 23) {
      Write32(bank + layout::kSctlr, OneIn(4) ? 0x160 : 0x161);
    } else {
      Write32(window, OneIn(8) ? 0x00200401 : 0x00200400);
    }
  }

  // ---- The comparison.
  void Differ(const std::string& what) {
    if (!difference_.empty()) return;
    difference_ = what + " at event " + std::to_string(events_) + ", " + said_ +
                  ", verdict: " + (board_.violated() ? board_.verdict().title : "none");
  }
  std::string Place(size_t instance, uint16_t entry) const {
    return "instance " + std::to_string(instance) + ", entry " + std::to_string(entry);
  }

  template <typename F>
  void ForEachEntry(F f) {
    for (size_t i = 0; i < board_.spec().smmu_count; i++) {
      const model::SmmuSpec& spec = board_.spec().smmu[i];
      for (uint8_t n = 0; n < spec.instance_count; n++) {
        for (uint16_t entry = 0; entry < spec.entries; entry++) {
          f(board_.machine().InstanceIndex(spec.side, n), entry);
        }
      }
    }
  }

  void Compare() {
    bool any = false;
    bool unfollowed = false;
    bool fresh = false;
    bool reserved = false;
    size_t at = 0;
    std::string where;
    ForEachEntry([&](size_t instance, uint16_t entry) {
      const BruteReach::Verdict& brute = brute_.at(instance, entry);
      const bool was = breached_[at++];
      if (brute.translates && !brute.overlaps) {
        vmids_[instance][brute.vmid] = true;
        vmids_[instance][brute.stage2_vmid] = true;
      }
      if (brute.overlaps) return;
      const Breach fast = board_.reach().Look(instance, entry);
      const bool wild = fast.kind == Breach::kWildTree;
      unfollowed = unfollowed || wild;
      any = any || brute.breach;
      reserved = reserved || brute.reserved;
      if (brute.breach && !was) {
        fresh = true;
        where = Place(instance, entry) + " kind " + std::to_string(fast.kind) + " route " +
                std::to_string(static_cast<int>(fast.via.route)) + " stale " +
                std::to_string(fast.stale);
      }
      if (brute.breach && fast.kind == Breach::kNone) Differ("unseen: " + Place(instance, entry));
      // A tree that nobody can follow may be a tree that the walk of everything follows.
      if (!brute.breach && fast.kind != Breach::kNone && !wild && !brute.reserved) {
        Differ("not there: " + Place(instance, entry) + " kind " + std::to_string(fast.kind) +
               " stale " + std::to_string(fast.stale) + " root " +
               std::to_string(fast.via.stage2_root) + " page " + std::to_string(fast.page) +
               " ipa " + std::to_string(fast.ipa));
      }
    });
    breaches_ += any;
    if (fresh && !board_.violated()) Differ("nobody looked: " + where);
    const bool reach = board_.violated() && board_.verdict().frames[0] == "Iso01Reach";
    if (reach && single_store_ && !any && !unfollowed && !reserved) Differ("nothing is wrong");
    for (const BruteReach::Tree& tree : brute_.trees()) {
      uint32_t bad[model::kMaxOwners] = {};
      if (tree.wild || !board_.reach().CountBad(tree.root, bad)) continue;
      if (!std::equal(std::begin(bad), std::end(bad), std::begin(tree.bad))) {
        Differ("leaves of the tree " + std::to_string(tree.root));
      }
    }
  }

  // The host has given pages away: no TLB may lead its streams there any more.
  void CompareLoss(const Event& event, bool done) {
    if (event.kind != EventKind::kHypDonate || !done) return;
    bool held = false;
    for (uint64_t i = 0; i < event.arg[1]; i++) {
      for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
        if (!board_.machine().HasInstance(instance)) continue;
        held = held || brute_.MayHold(instance, vmids_[instance], event.arg[0] + i * kPageSize);
      }
    }
    held_ += held;
    const bool said = board_.violated() && board_.verdict().frames[0] == "Iso02Stale";
    if (held && !board_.violated()) Differ("a stale page is unseen");
    if (said && !held) Differ("no page is stale");
  }

  void KeepBreached() {
    breached_.clear();
    ForEachEntry([&](size_t instance, uint16_t entry) {
      const BruteReach::Verdict& brute = brute_.at(instance, entry);
      const bool wild = board_.reach().Look(instance, entry).kind == Breach::kWildTree;
      breached_.push_back(brute.breach || wild);
    });
  }

  Board board_;
  TestDriver driver_;
  BruteReach brute_;
  std::mt19937 random_;
  const model::SmmuSpec* smmu_ = nullptr;
  uint64_t dram_ = 0;
  uint64_t spare_[6] = {};
  uint64_t last_ = 0;
  std::string said_;
  bool single_store_ = true;
  std::vector<bool> breached_;            // after the event before
  std::vector<std::vector<bool>> vmids_;  // under which streams were translated, by instance
  uint64_t digest_ = 0;
  uint64_t events_ = 0;
  uint64_t changes_ = 0;
  uint64_t breaches_ = 0;
  uint64_t held_ = 0;  // pages that changed hands while a TLB might hold them
  std::string difference_;
};

void Hold(const char* board, unsigned events) {
  Monkey monkey(board, 1);
  monkey.Run(events);
  printf("%s: %llu events, %llu change reach, %llu with a breach, %llu stale\n", board,
         static_cast<unsigned long long>(monkey.events()),
         static_cast<unsigned long long>(monkey.changes()),
         static_cast<unsigned long long>(monkey.breaches()),
         static_cast<unsigned long long>(monkey.held()));
#ifdef SIDEWALL_FORGETFUL
  EXPECT_NE(monkey.difference(), "") << "nobody noticed what the check has forgotten";
#else
  EXPECT_EQ(monkey.difference(), "");
  EXPECT_GE(monkey.changes() * 5, monkey.events()) << "too few events change reach";
  EXPECT_GE(monkey.breaches() * 10, monkey.events());
  EXPECT_GT(monkey.held(), 0u);
  EXPECT_LE(monkey.breaches() * 10, monkey.events() * 9);
#endif
}

TEST(BruteReach, AgreesOnTiny) { Hold("tiny", EVENTS); }
#ifndef SIDEWALL_FORGETFUL
TEST(BruteReach, AgreesOnTegra234) { Hold("tegra234", 20000); }
#endif

}  // namespace
}  // namespace sidewall
