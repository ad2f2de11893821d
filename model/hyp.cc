// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/hyp.h"

namespace sidewall::model {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint32_t kEnd = 0xffffffff;
constexpr uint32_t kTaken = 0xfffffffe;

}  // namespace

size_t Hyp::PageCount(const BoardSpec& board) {
  size_t count = 0;
  for (size_t i = 0; i < board.dram_count; i++) count += board.dram[i].size / kPage;
  return count;
}

void Hyp::Reset(const BoardSpec& board, uint8_t* owner, uint8_t* borrower, uint32_t* free_next) {
  board_ = &board;
  owner_ = owner;
  borrower_ = borrower;
  free_next_ = free_next;
  size_t index = 0;
  for (size_t i = 0; i < board.dram_count; i++) {
    for (uint64_t pa = board.dram[i].start; pa < board.dram[i].end(); pa += kPage, index++) {
      owner_[index] = board.pool.Contains(pa) ? kOwnerEl2 : kOwnerHost;
      borrower_[index] = kNobody;
    }
  }
  free_count_ = static_cast<uint32_t>(board.pool.size / kPage);
  free_head_ = 0;
  for (uint32_t i = 0; i < free_count_; i++) free_next_[i] = i + 1 < free_count_ ? i + 1 : kEnd;
}

bool Hyp::PageIndex(uint64_t pa, uint64_t count, size_t* index) const {
  if (pa % kPage != 0 || count == 0) return false;
  size_t base = 0;
  for (size_t i = 0; i < board_->dram_count; i++) {
    const Range& dram = board_->dram[i];
    if (dram.Contains(pa)) {
      *index = base + (pa - dram.start) / kPage;
      return count <= (dram.end() - pa) / kPage;
    }
    base += dram.size / kPage;
  }
  return false;
}

bool Hyp::All(size_t index, uint64_t count, uint8_t owner, uint8_t borrower) const {
  for (uint64_t i = 0; i < count; i++) {
    if (owner_[index + i] != owner) return false;
    if (borrower_[index + i] != borrower) return false;
  }
  return true;
}

uint8_t Hyp::owner(uint64_t pa) const {
  size_t index = 0;
  return PageIndex(pa & ~(kPage - 1), 1, &index) ? owner_[index] : kNobody;
}

HypResult Hyp::Snapshot(HypCalls& calls) {
  HypResult result;
  size_t index = 0;
  for (size_t i = 0; i < board_->dram_count; i++) {
    const Range& dram = board_->dram[i];
    uint64_t start = dram.start;
    for (uint64_t pa = dram.start; pa <= dram.end(); pa += kPage, index++) {
      const bool host = pa < dram.end() && owner_[index] == kOwnerHost;
      if (host) continue;
      if (pa > start) result.mapped += Gain(calls, start, (pa - start) / kPage).mapped;
      start = pa + kPage;
    }
    index--;  // the step past the end of this range belongs to the next
  }
  for (size_t i = 0; i < board_->host_mmio_count; i++) {
    const Range& mmio = board_->host_mmio[i];
    result.mapped += Gain(calls, mmio.start, mmio.size / kPage).mapped;
  }
  result.called = true;
  return result;
}

// Loss of ownership takes effect when idmap_complete has returned OK, so nothing here may change
// before that. A driver that stops half-way or never flushes leaves the pages where they were.
HypResult Hyp::Lose(HypCalls& calls, uint64_t pa, uint64_t count) {
  HypResult result;
  result.called = true;
  uint64_t at = pa;
  const uint64_t end = pa + count * kPage;
  while (at < end) {
    const HypReply reply = calls.Idmap(at, end, false);
    if (reply.status != HypStatus::kOk || reply.progress == 0) {
      calls.IdmapComplete(false);
      result.status = reply.status == HypStatus::kOk ? HypStatus::kDegraded : reply.status;
      return result;
    }
    at += reply.progress;
  }
  result.status = calls.IdmapComplete(false).status;
  return result;
}

// A gain is in effect before idmap is called. When the pool is empty the rest of the range stays
// unmapped: the host owns it and its devices cannot reach it yet.
HypResult Hyp::Gain(HypCalls& calls, uint64_t pa, uint64_t count) {
  HypResult result;
  result.called = true;
  uint64_t at = pa;
  const uint64_t end = pa + count * kPage;
  while (at < end) {
    const HypReply reply = calls.Idmap(at, end, true);
    if (reply.status != HypStatus::kOk || reply.progress == 0) break;
    at += reply.progress;
  }
  result.mapped = at - pa;
  calls.IdmapComplete(true);
  return result;
}

HypResult Hyp::Donate(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t to) {
  size_t index = 0;
  if (to == kOwnerHost || to >= kMaxOwners) return {HypStatus::kRefused};
  if (!PageIndex(pa, count, &index)) return {HypStatus::kRefused};
  if (!All(index, count, kOwnerHost, kNobody)) return {HypStatus::kRefused};
  const HypResult result = Lose(calls, pa, count);
  if (result.status != HypStatus::kOk) return result;
  for (uint64_t i = 0; i < count; i++) owner_[index + i] = to;
  return result;
}

HypResult Hyp::Reclaim(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t from) {
  size_t index = 0;
  if (from == kOwnerHost || from >= kMaxOwners) return {HypStatus::kRefused};
  if (!PageIndex(pa, count, &index)) return {HypStatus::kRefused};
  if (board_->pool.Contains(pa) || board_->pool.Contains(pa + (count - 1) * kPage)) {
    return {HypStatus::kRefused};
  }
  if (!All(index, count, from, kNobody)) return {HypStatus::kRefused};
  for (uint64_t i = 0; i < count; i++) owner_[index + i] = kOwnerHost;
  return Gain(calls, pa, count);
}

HypResult Hyp::Share(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t owner, uint8_t with) {
  size_t index = 0;
  if (owner == with || owner >= kMaxOwners || with >= kMaxOwners) return {HypStatus::kRefused};
  if (owner == kOwnerEl2 || with == kOwnerEl2) return {HypStatus::kRefused};
  if (!PageIndex(pa, count, &index)) return {HypStatus::kRefused};
  if (!All(index, count, owner, kNobody)) return {HypStatus::kRefused};
  for (uint64_t i = 0; i < count; i++) borrower_[index + i] = with;
  return with == kOwnerHost ? Gain(calls, pa, count) : HypResult{};
}

HypResult Hyp::Unshare(HypCalls& calls, uint64_t pa, uint64_t count, uint8_t owner, uint8_t with) {
  size_t index = 0;
  if (owner >= kMaxOwners || with >= kMaxOwners) return {HypStatus::kRefused};
  if (!PageIndex(pa, count, &index)) return {HypStatus::kRefused};
  if (!All(index, count, owner, with)) return {HypStatus::kRefused};
  HypResult result;
  if (with == kOwnerHost) result = Lose(calls, pa, count);
  if (result.status != HypStatus::kOk) return result;
  for (uint64_t i = 0; i < count; i++) borrower_[index + i] = kNobody;
  return result;
}

uint64_t Hyp::PageAlloc() {
  if (free_head_ == kEnd) return 0;
  const uint32_t page = free_head_;
  free_head_ = free_next_[page];
  free_next_[page] = kTaken;
  free_count_--;
  return board_->pool.start + page * kPage;
}

bool Hyp::PageFree(uint64_t pa) {
  if (!board_->pool.Contains(pa) || pa % kPage != 0) return false;
  const auto page = static_cast<uint32_t>((pa - board_->pool.start) / kPage);
  if (free_next_[page] != kTaken) return false;
  free_next_[page] = free_head_;
  free_head_ = page;
  free_count_++;
  return true;
}

bool Hyp::IsTaken(uint64_t pa) const {
  if (!board_->pool.Contains(pa)) return false;
  return free_next_[(pa - board_->pool.start) / kPage] == kTaken;
}

}  // namespace sidewall::model
