// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The ghost: what must be true, derived from events alone. Who owns each page and each stream, and
// what the host would see if its SMMUs were bare hardware. Domains and VMs are in ghost_domains.h.
//
//     ghost.Move(0x80001000, 1, kOwnerHost, kOwnerGuest0);
//     ghost.MayTouch(0x80001000, kOwnerHost);          // false from now on
//     ghost.HostWrite(Window::kNiso0, 0xc14, 4, 0x10000);
//     Legal legal = ghost.LegalDma(side, sid, address, write);   // must this transfer succeed?
#ifndef SIDEWALL_ORACLE_GHOST_H_
#define SIDEWALL_ORACLE_GHOST_H_

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/event.h"
#include "model/hyp.h"
#include "model/machine.h"
#include "oracle/ghost_domains.h"

namespace sidewall {

inline constexpr uint64_t kPageSize = 4096;
inline constexpr size_t kNoPage = SIZE_MAX;
// The stream ID of clients that nobody uses: no entry matches it.
inline constexpr uint16_t kQuarantineSid = 0x7e;

// What the reference says of a transfer.
struct Legal {
  bool must_work = false;
  // The host's own entry, or the bank that it names, leads the transfer nowhere.
  bool must_fault = false;
  // Its domain maps the page for another access.
  bool denied = false;
  uint64_t pa = 0;
  uint16_t bank = 0;  // virtual index of the stage-1 bank; kNoIndex for an identity stream
};

// Calls f(sid) for each of the 128 stream IDs that an SMR matches, until one call returns true.
template <typename F>
bool AnyMatched(uint32_t smr, F f) {
  const uint32_t mask = smr >> 16 & 0x7f;
  const uint32_t fixed = smr & 0x7f & ~mask;
  for (uint32_t free = 0;; free = (free - mask) & mask) {
    if (f(static_cast<uint16_t>(fixed | free))) return true;
    if (free == mask) return false;
  }
}

class Ghost {
 public:
  explicit Ghost(const model::BoardSpec& board);

  // Puts the ghost at the hand-over to the host. host_memory: where the host's RAM contents lie,
  // read for its stage-1 tables.
  void Reset(const model::Arena& host_memory);
  void Save();
  void Restore();

  // ---- Pages. owner: as in model/hyp.h.
  // Dense over RAM, then the host's peripherals; or kNoPage.
  size_t PageIndex(uint64_t pa) const {
    for (const Indexed& range : ranges_) {
      if (range.Has(pa)) return range.IndexOf(pa);
    }
    return kNoPage;
  }
  bool IsRam(uint64_t pa) const { return PageIndex(pa) < ram_count_; }
  size_t page_count() const { return owner_.size(); }
  bool MayTouch(uint64_t pa, uint8_t owner) const;
  uint8_t owner(uint64_t pa) const;
  uint8_t Touchers(uint64_t pa) const;  // set of the owners that may touch the page
  uint8_t TouchersAt(size_t page_index) const {
    return kSetOf[owner_[page_index]] | kSetOf[borrower_[page_index]];
  }
  // How many of so many pages from this one on are in the same hands as it is; at least 1, and no
  // more where there is no memory.
  uint64_t Alike(uint64_t pa, uint64_t pages) const;
  bool CanMove(uint64_t pa, uint64_t count, uint8_t from) const;
  bool CanUnshare(uint64_t pa, uint64_t count, uint8_t from, uint8_t with) const;
  void Move(uint64_t pa, uint64_t count, uint8_t to);
  void Lend(uint64_t pa, uint64_t count, uint8_t with);  // kNobody ends it
  // Documented over-restriction: the host owns the pages, its devices need not reach them.
  bool AnyOverRestricted(uint64_t pa, uint64_t count) const;
  void SetOverRestricted(uint64_t pa, uint64_t count, bool on);

  // ---- Streams.
  uint8_t StreamOwner(uint8_t side, uint16_t sid) const { return domains_.StreamOwner(side, sid); }
  // A call has returned; the streams it moved are in domains().
  void OnCall(const Call& call, const struct sidewall_result& result);
  const GhostDomains& domains() const { return domains_; }

  // ---- The host's own view of its SMMUs.
  void HostWrite(Window window, uint32_t offset, unsigned width, uint64_t value);
  // Whether a write there can change which transfers are legal: nothing is cached in the reference.
  bool Steers(Window window, uint32_t offset) const;
  // What a read of the first window of a pair gives there.
  uint64_t BareRead(Window window, uint32_t offset, unsigned width) const;
  Legal LegalDma(uint8_t side, uint16_t sid, uint64_t address, bool write, bool privileged,
                 bool instruction) const;
  const model::Machine& bare() const { return *bare_; }

 private:
  Legal HostDma(uint8_t side, uint16_t sid, uint64_t address, bool write, bool privileged,
                bool instruction) const;
  void BlockEntries(uint8_t side, const GhostDomains::SidSet& sids);
  bool IsBlocked(uint8_t side, uint16_t entry) const;
  bool CoversForeign(uint8_t side, uint32_t smr) const;
  bool SoleMatch(size_t instance, uint16_t entry) const;
  bool LeadsNowhere(size_t instance, uint16_t entry) const;
  bool Reachable(uint64_t pa) const;

  model::BoardSpec board_;  // with the host's share of banks and entries
  const model::BoardSpec& full_;
  // Where pages lie, and the index of the first of a range.
  struct Indexed {
    uint64_t start;
    uint64_t size;
    size_t first;
    bool Has(uint64_t pa) const { return pa - start < size; }
    size_t IndexOf(uint64_t pa) const { return first + (pa - start) / kPageSize; }
  };
  // The set that an owner is alone; nobody, and hardware's own, is in none.
  static constexpr std::array<uint8_t, 256> kSetOf = [] {
    std::array<uint8_t, 256> sets = {};
    for (uint8_t owner = 0; owner < model::kMaxOwners; owner++) {
      sets[owner] = static_cast<uint8_t>(1u << owner);
    }
    return sets;
  }();
  std::vector<Indexed> ranges_;
  std::vector<uint8_t> owner_, saved_owner_;
  std::vector<uint8_t> borrower_, saved_borrower_;
  std::vector<uint8_t> restricted_, saved_restricted_;
  size_t ram_count_ = 0;
  bool dirty_ = false;
  GhostDomains domains_;
  // Entries of the host that fault until it writes their S2CR, by side.
  static constexpr size_t kEntries = 128;
  using ReturnedSids = std::array<std::array<GhostDomains::SidSet, kEntries>, 3>;
  // By entry: streams that came back or were blocked since the host wrote its S2CR.
  ReturnedSids returned_ = {}, saved_returned_ = {};
  std::unique_ptr<model::Machine> bare_, saved_bare_;
  // sCR0 as the host wrote it; the reference machine's own is held at what never opens anything.
  uint32_t scr0_[3] = {}, saved_scr0_[3] = {};
  std::vector<uint64_t> bare_pool_;
  std::vector<uint64_t> bare_work_;
  unsigned bare_dirty_ = 0;  // sides whose reference is not as it was saved
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_GHOST_H_
