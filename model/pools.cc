// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/pools.h"

namespace sidewall::model {
namespace {

constexpr uint32_t kEnd = 0xffffffff;

// Tables of one level that [start, start + size) needs, where one covers 2^shift bytes.
uint32_t TablesOver(const Range& range, unsigned shift) {
  return static_cast<uint32_t>(((range.end() - 1) >> shift) - (range.start >> shift) + 1);
}

}  // namespace

size_t Pools::FrameCount(const BoardSpec& board) { return board.pool.size / Pages::kSize; }

uint32_t Pools::IdmapFrames(const BoardSpec& board) {
  uint32_t frames = 2;  // a root, and an empty one for whoever must reach nothing
  for (size_t i = 0; i < size_t{board.dram_count} + board.host_mmio_count; i++) {
    const Range& range =
        i < board.dram_count ? board.dram[i] : board.host_mmio[i - board.dram_count];
    frames += TablesOver(range, 21) + TablesOver(range, 30) + TablesOver(range, 39);
  }
  return frames;
}

uint32_t Pools::AtomicFrames(const BoardSpec& board) {
  const auto all = static_cast<uint32_t>(FrameCount(board));
  const uint32_t share = all / 8 * 5;
  const uint32_t need = IdmapFrames(board);
  const uint32_t atomic = share > need ? share : need;
  return atomic < all ? atomic : all;
}

void Pools::Push(uint32_t frame, uint32_t* head) {
  memory_.frames[frame].next = *head;
  *head = frame;
}

// Lists are built from the top, so that frames are handed out by increasing address.
void Pools::Reset(const BoardSpec& board, const PoolsMemory& memory) {
  board_ = &board;
  memory_ = memory;
  now_ = State();
  for (uint32_t& head : now_.head) head = kEnd;
  now_.spare_head = kEnd;
  const uint32_t atomic = AtomicFrames(board);
  const auto all = static_cast<uint32_t>(FrameCount(board));
  for (uint32_t i = all; i-- > 0;) {
    memory_.frames[i] = PoolFrame();
    if (i < atomic) memory_.frames[i].pool = kPoolAtomic;
    Push(i, i < atomic ? &now_.head[kPoolAtomic] : &now_.spare_head);
  }
  now_.account[kPoolAtomic] = {atomic, atomic};
  now_.spare_count = all - atomic;
  dirty_ = true;
}

void Pools::Mark() {
  for (size_t i = 0; i < FrameCount(*board_); i++) memory_.saved[i] = memory_.frames[i];
  saved_ = now_;
  dirty_ = false;
}

void Pools::Restore() {
  if (!dirty_) return;
  for (size_t i = 0; i < FrameCount(*board_); i++) memory_.frames[i] = memory_.saved[i];
  now_ = saved_;
  dirty_ = false;
}

PoolAccount Pools::account(uint32_t pool) const {
  return pool < kPoolCount ? now_.account[pool] : PoolAccount();
}

uint64_t Pools::Alloc(uint32_t pool, bool* dirty) {
  if (pool >= kPoolCount || now_.head[pool] == kEnd) return 0;
  dirty_ = true;
  const uint32_t number = now_.head[pool];
  PoolFrame& frame = memory_.frames[number];
  now_.head[pool] = frame.next;
  now_.account[pool].free--;
  *dirty = frame.used;
  frame.taken = true;
  frame.used = true;
  return board_->pool.start + number * Pages::kSize;
}

PoolFault Pools::Free(uint32_t pool, uint64_t pa) {
  if (pool >= kPoolCount) return PoolFault::kUnknownPool;
  if (!board_->pool.Contains(pa) || pa % Pages::kSize != 0) return PoolFault::kNotAFrame;
  const auto number = static_cast<uint32_t>((pa - board_->pool.start) / Pages::kSize);
  PoolFrame& frame = memory_.frames[number];
  if (!frame.taken) return PoolFault::kTwice;
  if (frame.pool != pool) return PoolFault::kForeign;
  dirty_ = true;
  frame.taken = false;
  Push(number, &now_.head[pool]);
  now_.account[pool].free++;
  return PoolFault::kNone;
}

bool Pools::Grow(uint32_t pool, uint64_t count) {
  if (pool >= kPoolCount || count > now_.spare_count) return false;
  dirty_ = true;
  for (uint64_t i = 0; i < count; i++) {
    const uint32_t number = now_.spare_head;
    PoolFrame& frame = memory_.frames[number];
    now_.spare_head = frame.next;
    frame.pool = static_cast<uint8_t>(pool);
    Push(number, &now_.head[pool]);
  }
  now_.spare_count -= static_cast<uint32_t>(count);
  now_.account[pool].total += static_cast<uint32_t>(count);
  now_.account[pool].free += static_cast<uint32_t>(count);
  return true;
}

uint32_t Pools::Shrink(uint32_t pool, uint64_t count) {
  if (pool >= kPoolCount) return 0;
  uint32_t done = 0;
  for (; done < count && now_.head[pool] != kEnd; done++) {
    dirty_ = true;
    const uint32_t number = now_.head[pool];
    PoolFrame& frame = memory_.frames[number];
    now_.head[pool] = frame.next;
    frame.pool = kNoPool;
    Push(number, &now_.spare_head);
  }
  now_.spare_count += done;
  now_.account[pool].total -= done;
  now_.account[pool].free -= done;
  return done;
}

bool Pools::IsTaken(uint64_t pa) const {
  if (!board_->pool.Contains(pa)) return false;
  return memory_.frames[(pa - board_->pool.start) / Pages::kSize].taken;
}

}  // namespace sidewall::model
