// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A driver for the oracle's own tests: it forwards the host's accesses as they are (the canary
// does), but keeps a real identity stage 2, and can be told to keep it badly.
//
//     TestDriver driver(board);
//     board.Boot(driver);
//     driver.skip_flush = true;
//     board.Apply(donate, driver);          // ISO02
#ifndef SIDEWALL_ORACLE_TEST_DRIVER_H_
#define SIDEWALL_ORACLE_TEST_DRIVER_H_

#include <algorithm>
#include <functional>
#include <vector>

#include "oracle/board.h"
#include "oracle/engine_native.h"
#include "oracle/smmu_layout.h"

namespace sidewall {

class TestDriver final : public Caller {
 public:
  explicit TestDriver(Board& board) : board_(board), engine_(board) {}

  bool skip_flush = false;         // no invalidation after a removal
  bool skip_second_flush = false;  // none on the second instance of a pair
  bool skip_first_flush = false;   // none at takeover and at resume
  bool powers = false;             // suspend and resume are OK
  bool skip_sync = false;          // invalidation, but nobody waits for it
  bool ipa_only = false;           // TLBIIPAS2 alone: combined entries stay
  bool keep_mapped = false;        // a removal that removes nothing
  bool skip_clean = false;         // a removal that no walker sees
  bool late_clean = false;         // one that they see after the flush
  bool degrades = false;           // a removal whose sync does not complete
  bool blink = false;              // a trap takes entry 0 of niso0 away for a moment
  bool clear_neighbour = false;    // a removal that takes the next page with it
  bool takes_pages = false;        // pool_add and pool_reclaim are OK
  bool maps_domains = false;       // map, unmap and sync are OK, with one page of progress each
  bool keeps_references = false;   // sync drops none of the references
  bool drops_twice = false;        // sync drops each of them twice

  std::function<void()> in_call;  // what tick does

  struct sidewall_result Call(const sidewall::Call& call) override {
    switch (call.id) {
      case CallId::kTick:
        if (in_call) in_call();
        return {SIDEWALL_OK, 0, 0};
      case CallId::kInit: {
        // The canary flushes.
        struct sidewall_result result = {SIDEWALL_OK, 0, 0};
        if (!skip_first_flush) result = engine_.Invoke(call);
        root_ = board_.PageAlloc(SIDEWALL_POOL_ATOMIC);
        ForEachInstance(
            [this](const model::SmmuSpec& smmu, uint64_t window, bool) { SetUp(smmu, window); });
        return result;
      }
      case CallId::kHostStage2Idmap:
        // An address with the format bit is some other one's alias: no tree here has it.
        for (uint64_t pa = call.arg[0]; pa < std::min(call.arg[1], model::kFormatBit);
             pa += kPageSize) {
          Set(pa, call.arg[2] != SIDEWALL_PROT_NONE);
        }
        return {SIDEWALL_OK, 0, call.arg[1] - call.arg[0]};
      case CallId::kHostStage2IdmapComplete:
        if (!call.arg[0]) Flush();
        if (degrades) return {SIDEWALL_DEGRADED, 0, 0};
        if (late_clean) Clean(LeafAt(removed_));
        return {SIDEWALL_OK, 0, 0};
      case CallId::kPoolAdd:
      case CallId::kPoolReclaim:
        return {takes_pages ? SIDEWALL_OK : SIDEWALL_UNSUPPORTED, 0, 0};
      case CallId::kAllocDomain:
        if (!maps_domains) return engine_.Invoke(call);
        return {SIDEWALL_OK, 0, 0};
      case CallId::kMapPages:
        if (!maps_domains) return engine_.Invoke(call);
        mapped_.push_back(call.arg[2]);
        return {SIDEWALL_OK, 0, kPageSize};
      case CallId::kUnmapPages:
        return {maps_domains ? SIDEWALL_OK : SIDEWALL_UNSUPPORTED, 0, kPageSize};
      case CallId::kIotlbSync:
        for (int i = keeps_references ? 2 : drops_twice ? 0 : 1; i < 2; i++) {
          for (uint64_t pa : mapped_) board_.UnuseDma(pa, kPageSize);
        }
        mapped_.clear();
        return {SIDEWALL_OK, 0, 0};
      case CallId::kFinalize:
        if (!skip_first_flush) return engine_.Invoke(call);
        return {SIDEWALL_OK, 0, 0};
      case CallId::kSuspend:
        return {powers ? SIDEWALL_OK : SIDEWALL_UNSUPPORTED, 0, 0};
      case CallId::kResume:
        if (!powers) return engine_.Invoke(call);
        ForEachInstance([&](const model::SmmuSpec& smmu, uint64_t window, bool) {
          if (smmu.side == call.arg[0]) SetUp(smmu, window);
        });
        return {SIDEWALL_OK, 0, 0};
      case CallId::kHandleDabt:
        if (blink) Blink();
        return engine_.Invoke(call);
      default:
        return engine_.Invoke(call);
    }
  }

  uint64_t root() const { return root_; }
  void FlushAll() { Flush(); }
  // The table entry of a page, for tests that store to tables themselves.
  uint64_t LeafAt(uint64_t ipa) {
    uint64_t table = root_;
    for (int level = 0; level < 3; level++) table = Next(table + Index(ipa, level));
    return table + Index(ipa, 3);
  }
  // The entry that links the table which that entry is in.
  uint64_t LinkOf(uint64_t ipa) {
    uint64_t table = root_;
    for (int level = 0; level < 2; level++) table = Next(table + Index(ipa, level));
    return table + Index(ipa, 2);
  }
  static uint64_t Leaf(uint64_t pa) { return pa | 0x7ff; }
  // Device memory that nothing executes.
  static uint64_t RegisterLeaf(uint64_t pa) { return pa | uint64_t{1} << 54 | 0x4c7; }

 private:
  template <typename F>
  void ForEachInstance(F f) {
    const model::BoardSpec& spec = board_.spec();
    for (size_t i = 0; i < spec.smmu_count; i++) {
      for (uint8_t n = 0; n < spec.smmu[i].instance_count; n++) {
        f(spec.smmu[i], spec.smmu[i].window[n], n == 1);
      }
    }
  }

  static uint64_t Index(uint64_t ipa, int level) {
    return (ipa >> (39 - 9 * level) & 511) * sizeof(uint64_t);
  }

  uint32_t HostBank(const model::SmmuSpec& smmu) const { return smmu.banks - smmu.el2_banks; }

  void SetUp(const model::SmmuSpec& smmu, uint64_t window) {
    const uint32_t stage2 = HostBank(smmu);
    const uint64_t bank = window + layout::Bank(smmu, stage2);
    board_.Write32(window, 0x00200400);  // CLIENTPD 0, USFCFG and SMCFCFG 1
    board_.Write32(window + layout::Cbar(smmu) + 0x800 + 4 * stage2, 1);  // CBA2R.VA64
    board_.Write32(window + layout::Cbar(smmu) + 4 * stage2, smmu.host_vmid);
    board_.Write64(bank + layout::kTtbr0, root_);
    // T0SZ 16, start level 0, 4K granule, 48-bit output.
    board_.Write32(bank + layout::kTcr, 0x80053090);
    board_.Write32(bank + layout::kSctlr, 0x161);
    // On while an S2CR names it: that of EL2's last entry, which matches nothing.
    board_.Write32(window + layout::kS2cr + 4u * (smmu.entries - 1u), stage2);
    for (uint32_t i = 0; i < stage2; i++) {
      board_.Write32(window + layout::Cbar(smmu) + 4 * i, 3u << 16 | stage2 << 8 | smmu.host_vmid);
    }
    if (skip_first_flush) return;
    board_.Write32(window + 0x68, 0);
    board_.Write32(window + 0x70, 0);
    WaitFor(window);
  }

  void Blink() {
    for (uint64_t window : board_.spec().smmu[1].window) {
      uint32_t entry = 0;
      board_.Read32(window + layout::kSmr, &entry);
      board_.Write32(window + layout::kSmr, 0);
      board_.Write32(window + layout::kSmr, entry);
    }
  }

  void WaitFor(uint64_t window) {
    uint32_t active = 1;
    for (int i = 0; i < 1000 && active != 0; i++) board_.Read32(window + 0x74, &active);
  }

  uint64_t Next(uint64_t at) {
    const uint64_t entry = board_.pool_view()[(at - board_.pool_start()) / 8];
    if (entry & 1) return entry & 0xfffffffff000;
    const uint64_t page = board_.PageAlloc(SIDEWALL_POOL_ATOMIC);
    board_.TableZero(page);
    board_.CleanPoc(page, kPageSize);
    board_.Barrier();
    Store(at, page | 3);
    return page;
  }

  void Store(uint64_t at, uint64_t value) {
    board_.TableWrite64(at, value);
    const bool removal = value == 0 && (skip_clean || late_clean);
    if (!removal) Clean(at);
  }

  void Clean(uint64_t at) {
    board_.CleanPoc(at, 8);
    board_.Barrier();
  }

  static bool IsIn(const model::Range* ranges, size_t count, uint64_t pa) {
    return std::any_of(ranges, ranges + count,
                       [pa](const model::Range& r) { return r.Contains(pa); });
  }
  bool IsRam(uint64_t pa) const { return IsIn(board_.spec().dram, board_.spec().dram_count, pa); }

  // Registers that only EL2 may touch: the core offers them, and a driver knows better.
  bool IsEl2s(uint64_t pa) const {
    return IsIn(board_.spec().el2_only, board_.spec().el2_only_count, pa);
  }

  void Set(uint64_t pa, bool map) {
    if (IsEl2s(pa)) return;
    if (map) {
      Store(LeafAt(pa), IsRam(pa) ? Leaf(pa) : RegisterLeaf(pa));
    } else if (!keep_mapped) {
      Store(LeafAt(pa), 0);
      removed_ = pa;
      if (clear_neighbour) Store(LeafAt(pa + kPageSize), 0);
    }
  }

  void Flush() {
    if (skip_flush) return;
    ForEachInstance([this](const model::SmmuSpec& smmu, uint64_t window, bool second) {
      if (second && skip_second_flush) return;
      const uint64_t bank = window + layout::Bank(smmu, HostBank(smmu));
      if (ipa_only) {
        board_.Write64(bank + 0x630, removed_ >> 12);
      } else {
        board_.Write32(window + 0x64, smmu.host_vmid);
      }
      if (skip_sync) return;
      board_.Write32(window + 0x70, 0);
      WaitFor(window);
    });
  }

  Board& board_;
  NativeEngine engine_;
  uint64_t root_ = 0;
  uint64_t removed_ = 0;
  std::vector<uint64_t> mapped_;  // pages that domains map
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_TEST_DRIVER_H_
