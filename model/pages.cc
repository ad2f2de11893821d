// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/pages.h"

namespace sidewall::model {
namespace {

constexpr size_t kChunk = 256;  // pages that are saved and restored together

size_t PagesIn(const Range& range) { return range.size / Pages::kSize; }

bool Parties(Transition t, uint8_t a, uint8_t b) {
  if (a >= kMaxOwners || b >= kMaxOwners || a == b) return false;
  switch (t) {
    case Transition::kDonate:
      return a == kOwnerHost;
    case Transition::kReclaim:
      return b == kOwnerHost;
    default:
      // The host lends to guests and to EL2, a guest to the host and to guests, EL2 to nobody.
      return a != kOwnerEl2 && (b != kOwnerEl2 || a == kOwnerHost);
  }
}

}  // namespace

size_t Pages::Count(const BoardSpec& board) {
  size_t count = 0;
  for (size_t i = 0; i < board.dram_count; i++) count += PagesIn(board.dram[i]);
  for (size_t i = 0; i < board.host_mmio_count; i++) count += PagesIn(board.host_mmio[i]);
  return count;
}

size_t Pages::ChunkCount(const BoardSpec& board) { return (Count(board) + kChunk - 1) / kChunk; }

void Pages::Reset(const BoardSpec& board, const PagesMemory& memory) {
  board_ = &board;
  memory_ = memory;
  count_ = Count(board);
  ram_count_ = count_;
  for (size_t i = 0; i < board.host_mmio_count; i++) ram_count_ -= PagesIn(board.host_mmio[i]);
  size_t index = 0;
  for (size_t i = 0; i < board.dram_count; i++) {
    for (uint64_t pa = board.dram[i].start; pa < board.dram[i].end(); pa += kSize) {
      memory_.pages[index] = PageInfo();
      memory_.pages[index++].owner = board.pool.Contains(pa) ? kOwnerEl2 : kOwnerHost;
    }
  }
  for (; index < count_; index++) {
    memory_.pages[index] = PageInfo();
    memory_.pages[index].owner = kOwnerHost;
  }
  for (size_t i = 0; i < ChunkCount(board); i++) memory_.dirty[i] = 1;
  any_dirty_ = true;
  references_ = 0;
}

void Pages::Mark() {
  saved_references_ = references_;
  for (size_t i = 0; i < count_; i++) memory_.saved[i] = memory_.pages[i];
  for (size_t i = 0; i < ChunkCount(*board_); i++) memory_.dirty[i] = 0;
  any_dirty_ = false;
}

void Pages::Restore() {
  references_ = saved_references_;
  if (!any_dirty_) return;
  for (size_t chunk = 0; chunk * kChunk < count_; chunk++) {
    if (!memory_.dirty[chunk]) continue;
    memory_.dirty[chunk] = 0;
    const size_t end = (chunk + 1) * kChunk < count_ ? (chunk + 1) * kChunk : count_;
    for (size_t i = chunk * kChunk; i < end; i++) memory_.pages[i] = memory_.saved[i];
  }
  any_dirty_ = false;
}

PageInfo& Pages::Change(size_t index) {
  memory_.dirty[index / kChunk] = 1;
  any_dirty_ = true;
  return memory_.pages[index];
}

bool Pages::Index(uint64_t pa, uint64_t count, size_t* index) const {
  if (pa % kSize != 0 || count == 0) return false;
  size_t base = 0;
  for (size_t i = 0; i < size_t{board_->dram_count} + board_->host_mmio_count; i++) {
    const Range& range =
        i < board_->dram_count ? board_->dram[i] : board_->host_mmio[i - board_->dram_count];
    if (range.Contains(pa)) {
      *index = base + (pa - range.start) / kSize;
      return count <= (range.end() - pa) / kSize;
    }
    base += PagesIn(range);
  }
  return false;
}

const PageInfo* Pages::Find(uint64_t pa) const {
  size_t index = 0;
  return Index(pa & ~(kSize - 1), 1, &index) ? &memory_.pages[index] : nullptr;
}

uint64_t Pages::AddressOf(size_t index) const {
  for (size_t i = 0; i < size_t{board_->dram_count} + board_->host_mmio_count; i++) {
    const Range& range =
        i < board_->dram_count ? board_->dram[i] : board_->host_mmio[i - board_->dram_count];
    if (index < PagesIn(range)) return range.start + index * kSize;
    index -= PagesIn(range);
  }
  return 0;
}

Why Pages::CheckPage(Transition t, size_t index, uint8_t a, uint8_t b) const {
  const PageInfo& page = memory_.pages[index];
  const bool lends = t == Transition::kShare || t == Transition::kUnshare;
  if (lends && IsMmio(index)) return Why::kMmio;
  if (page.owner != a) return Why::kState;
  if (page.borrower != (t == Transition::kUnshare ? b : kNobody)) return Why::kState;
  // Pages that feed a pool go back with the pool, never one by one.
  if (page.pool != kNoPool) return Why::kPool;
  if (t == Transition::kReclaim && board_->pool.Contains(AddressOf(index))) return Why::kPool;
  if (page.tainted) return Why::kTainted;
  // What the owner maps stays the owner's when a loan ends; all else would pull the page away
  // under a device, or let a second party at what one believes to be private.
  const bool own_use = t == Transition::kUnshare && page.user == a;
  if (page.refs != 0 && !own_use) return Why::kReferenced;
  return Why::kNone;
}

Why Pages::Check(Transition t, uint64_t pa, uint64_t count, uint8_t a, uint8_t b) const {
  size_t index = 0;
  if (!Parties(t, a, b)) return Why::kParty;
  if (!Index(pa, count, &index)) return Why::kRange;
  for (uint64_t i = 0; i < count; i++) {
    const Why why = CheckPage(t, index + i, a, b);
    if (why != Why::kNone) return why;
  }
  return Why::kNone;
}

void Pages::Commit(Transition t, uint64_t pa, uint64_t count, uint8_t, uint8_t b) {
  size_t index = 0;
  if (!Index(pa, count, &index)) return;
  for (uint64_t i = 0; i < count; i++) {
    PageInfo& page = Change(index + i);
    if (t == Transition::kShare) {
      page.borrower = b;
    } else if (t == Transition::kUnshare) {
      page.borrower = kNobody;
    } else {
      page.owner = b;
    }
  }
}

void Pages::SetPool(uint64_t pa, uint64_t count, uint8_t pool) {
  size_t index = 0;
  if (!Index(pa, count, &index)) return;
  for (uint64_t i = 0; i < count; i++) Change(index + i).pool = pool;
}

// The host may map only what is its alone. A guest may map what its stage 2 holds: its own pages,
// lent or not, and those that were lent to it. References of two parties never meet in one page.
Why Pages::CheckUse(uint8_t who, size_t index) const {
  const PageInfo& page = memory_.pages[index];
  if (who == kOwnerHost) {
    if (page.owner != who || page.borrower != kNobody) return Why::kState;
  } else if (page.owner != who && page.borrower != who) {
    return Why::kState;
  }
  if (page.refs != 0 && page.user != who) return Why::kReferenced;
  return page.refs == kMaxRefs ? Why::kReferenced : Why::kNone;
}

Why Pages::Use(uint8_t who, uint64_t pa, uint64_t size) {
  size_t index = 0;
  if (who != kOwnerHost && !IsGuest(who)) return Why::kParty;
  if (size % kSize != 0 || !Index(pa, size / kSize, &index)) return Why::kRange;
  for (uint64_t i = 0; i < size / kSize; i++) {
    const Why why = CheckUse(who, index + i);
    if (why != Why::kNone) return why;
  }
  for (uint64_t i = 0; i < size / kSize; i++) {
    PageInfo& page = Change(index + i);
    page.refs++;
    references_++;
    page.user = who;
    // Registers have no count in the core, so a mapping of the host marks them for good.
    if (IsMmio(index + i) && who == kOwnerHost) page.tainted = true;
  }
  return Why::kNone;
}

bool Pages::Unuse(uint64_t pa, uint64_t size, uint64_t* bad) {
  size_t index = 0;
  *bad = pa;
  if (size % kSize != 0 || !Index(pa, size / kSize, &index)) return false;
  bool sound = true;
  for (uint64_t i = 0; i < size / kSize; i++) {
    if (memory_.pages[index + i].refs == 0) {
      if (sound) *bad = pa + i * kSize;
      sound = false;
      continue;
    }
    PageInfo& page = Change(index + i);
    references_--;
    if (--page.refs == 0) page.user = kNobody;
  }
  return sound;
}

}  // namespace sidewall::model
