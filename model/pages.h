// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Whose each page is: the hypervisor's table of page states, with the references that DMA mappings
// hold. RAM and the registers of the host's peripherals alike.
//
//     Pages pages;
//     pages.Reset(board, memory);
//     pages.Check(Transition::kDonate, 0x80001000, 2, kOwnerHost, kOwnerGuest0);   // kNone: it may
//     pages.Commit(Transition::kDonate, 0x80001000, 2, kOwnerHost, kOwnerGuest0);
//     pages.Use(kOwnerGuest0, 0x80001000, 0x2000);        // both pages are now referenced
//     pages.Check(Transition::kReclaim, 0x80001000, 1, kOwnerGuest0, kOwnerHost);  // kReferenced
//
// A transition is for a whole range or for none of it. Nothing here calls anybody.
#ifndef SIDEWALL_MODEL_PAGES_H_
#define SIDEWALL_MODEL_PAGES_H_

#include <stddef.h>
#include <stdint.h>

#include "model/board.h"

namespace sidewall::model {

// Owners of pages, numbered as in the waist.
inline constexpr uint8_t kOwnerHost = 0;
inline constexpr uint8_t kOwnerEl2 = 1;
inline constexpr uint8_t kOwnerGuest0 = 2;
inline constexpr uint8_t kMaxOwners = 6;  // host, EL2, four guests
inline constexpr uint8_t kNobody = 0xff;
inline constexpr uint8_t kNoPool = 0xff;

constexpr bool IsGuest(uint8_t owner) { return owner >= kOwnerGuest0 && owner < kMaxOwners; }

// Why the core refuses, before it has called anybody.
enum class Why : uint8_t {
  kNone,
  kRange,       // not whole pages that one range of the board holds
  kParty,       // these two may not do this with each other
  kState,       // a page is not theirs, or is lent, or is not lent to that one
  kReferenced,  // a DMA mapping refers to a page
  kTainted,     // registers that the host once mapped for DMA
  kMmio,        // only memory can be lent, and only memory can feed a pool
  kPool,        // a page that feeds a pool, or a pool that cannot take or give that many
  kArgument,    // sizes, alignment or permissions that make no sense
  kPower,       // the unit is not in the state that this change of power begins in
};

// From `a` to `b`: kDonate host to EL2 or a guest, kReclaim the way back, kShare and kUnshare owner
// and borrower.
enum class Transition : uint8_t { kDonate, kReclaim, kShare, kUnshare };

struct PageInfo {
  uint8_t owner = kNobody;
  uint8_t borrower = kNobody;
  uint8_t user = kNobody;  // who took the references
  uint8_t pool = kNoPool;  // the pool that the page was donated for
  uint16_t refs = 0;
  bool tainted = false;
  uint8_t reserved = 0;
};
static_assert(sizeof(PageInfo) == 8, "one for each page of RAM");

// Both hold Pages::Count entries, dirty holds Pages::ChunkCount.
struct PagesMemory {
  PageInfo* pages = nullptr;
  PageInfo* saved = nullptr;
  uint8_t* dirty = nullptr;
};

class Pages {
 public:
  static constexpr uint64_t kSize = 4096;
  static constexpr uint16_t kMaxRefs = 0xffff;

  // RAM first, then the host's peripherals; each in the order of the board.
  static size_t Count(const BoardSpec& board);
  static size_t ChunkCount(const BoardSpec& board);

  // All RAM but the board's pool, and all peripherals, are the host's.
  void Reset(const BoardSpec& board, const PagesMemory& memory);
  // Keeps this state, and goes back to it: at the cost of what changed in between.
  void Mark();
  void Restore();

  // [pa, pa + count pages) lies in one range of the board; `index` receives its first page.
  bool Index(uint64_t pa, uint64_t count, size_t* index) const;
  const PageInfo* Find(uint64_t pa) const;  // null outside
  const PageInfo& At(size_t index) const { return memory_.pages[index]; }
  uint64_t AddressOf(size_t index) const;
  bool IsMmio(size_t index) const { return index >= ram_count_; }
  size_t ram_count() const { return ram_count_; }

  Why Check(Transition t, uint64_t pa, uint64_t count, uint8_t a, uint8_t b) const;
  // What Check has allowed.
  void Commit(Transition t, uint64_t pa, uint64_t count, uint8_t a, uint8_t b);
  void SetPool(uint64_t pa, uint64_t count, uint8_t pool);

  // One more reference on each page of [pa, pa + size), for a mapping of `who`, or none at all.
  Why Use(uint8_t who, uint64_t pa, uint64_t size);
  // One less. False when a page has none; `bad` is then the first such page, and the others lose
  // theirs all the same.
  bool Unuse(uint64_t pa, uint64_t size, uint64_t* bad);
  // All that are held, on whatever page.
  uint64_t references() const { return references_; }

 private:
  PageInfo& Change(size_t index);
  Why CheckPage(Transition t, size_t index, uint8_t a, uint8_t b) const;
  Why CheckUse(uint8_t who, size_t index) const;

  const BoardSpec* board_ = nullptr;
  PagesMemory memory_;
  size_t count_ = 0;
  size_t ram_count_ = 0;
  uint64_t references_ = 0;
  uint64_t saved_references_ = 0;
  bool any_dirty_ = false;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_PAGES_H_
