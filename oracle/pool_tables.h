// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Pages that the driver has taken from pools, and which of them some table links: a page that none
// does is a root, kept in store, or lost.
//
//     tables.OnAlloc(page, SIDEWALL_POOL_HOST);
//     if (!tables.OnLink(page)) ...             // it is a table somewhere already
//     tables.OnEmpty(page);                     // false: only behind its link
//     tables.OnUnlink(page);
//     tables.OnFree(page);
//     tables.linked(SIDEWALL_POOL_HOST);        // how many are
#ifndef SIDEWALL_ORACLE_POOL_TABLES_H_
#define SIDEWALL_ORACLE_POOL_TABLES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "model/board.h"
#include "model/pools.h"

namespace sidewall {

class PoolTables {
 public:
  explicit PoolTables(const model::Range& pool) : pool_(pool) { now_.page.resize(pool.size >> 12); }

  void Reset() {
    now_.page.assign(now_.page.size(), Page());
    now_.linked = {};
    dirty_ = true;
  }
  void Save() {
    saved_ = now_;
    dirty_ = false;
  }
  void Restore() {
    if (dirty_) now_ = saved_;
    dirty_ = false;
  }

  void OnAlloc(uint64_t pa, uint32_t pool) {
    if (!pool_.Contains(pa) || pool >= model::kPoolCount) return;
    dirty_ = true;
    At(pa) = {static_cast<uint8_t>(pool), false, false};
  }
  void OnFree(uint64_t pa) { OnUnlink(pa); }
  // False: some table links it already.
  bool OnLink(uint64_t pa) {
    Page& page = At(pa);
    if (page.linked) return false;
    dirty_ = true;
    page.linked = true;
    now_.linked[page.pool]++;
    return true;
  }
  void OnUnlink(uint64_t pa) {
    if (!pool_.Contains(pa) || !At(pa).linked) return;
    dirty_ = true;
    At(pa).linked = false;
    now_.linked[At(pa).pool]--;
  }
  uint32_t linked(uint32_t pool) const { return now_.linked[pool]; }
  // False: some table links the page, and it is emptied for the first time since it was taken.
  bool OnEmpty(uint64_t pa) {
    if (!pool_.Contains(pa)) return true;
    Page& page = At(pa);
    if (page.emptied) return true;
    dirty_ = true;
    page.emptied = true;
    return !page.linked;
  }
  // The page of the pools that a descriptor leads to, as a table; 0 if it leads nowhere there.
  uint64_t Link(uint64_t descriptor) const {
    constexpr uint64_t kAddress = 0x0000fffffffff000;
    const uint64_t pa = descriptor & kAddress;
    return (descriptor & 3) == 3 && pool_.Contains(pa) ? pa : 0;
  }

 private:
  struct Page {
    uint8_t pool = 0;
    bool linked = false;
    bool emptied = false;
  };
  struct State {
    std::vector<Page> page;
    std::array<uint32_t, model::kPoolCount> linked = {};
  };

  Page& At(uint64_t pa) { return now_.page[(pa - pool_.start) >> 12]; }

  const model::Range pool_;
  State now_, saved_;
  bool dirty_ = false;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_POOL_TABLES_H_
