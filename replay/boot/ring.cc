// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The driver's own trace ring, read after every access: its record is what the row keeps, and must
// be of the access that EL2 saw. The ring is four: one for each logical SMMU, one for the memory
// controller; `sequence` modulo 4 is the ring.
#include "replay/boot/el2.h"

namespace sidewall::boot {
namespace {

constexpr uint64_t kRings = 4;

uint64_t g_next[kRings] = {0, 1, 2, 3};

// EL2 reads as itself, where the driver asks who reads.
template <typename State>
struct sidewall_result ReadRing(State* state, uint64_t sequence,
                                struct sidewall_ring_record* record) {
  if constexpr (requires {
                  sidewall_ring_read(state, uint32_t{SIDEWALL_OWNER_EL2}, sequence, record);
                }) {
    return sidewall_ring_read(state, uint32_t{SIDEWALL_OWNER_EL2}, sequence, record);
  } else {
    return sidewall_ring_read(state, sequence, record);
  }
}

uint64_t RingOf(uint64_t ipa) {
  const model::BoardSpec& board = Hardware().board();
  for (size_t i = 0; i < board.smmu_count; ++i) {
    for (size_t n = 0; n < board.smmu[i].instance_count; ++n) {
      if (ipa - board.smmu[i].window[n] < board.smmu[i].window_size) return i;
    }
  }
  return kRings - 1;
}

}  // namespace

void TakeRingRecord(Row* row) {
  struct sidewall_ring_record record = {};
  uint64_t& next = g_next[RingOf(row->ipa)];
  const struct sidewall_result result = ReadRing(DriverState(), next, &record);
  if (result.status == SIDEWALL_UNSUPPORTED) return;
  Block& block = Shared();
  if (result.status != SIDEWALL_OK) {
    // An access that the driver could not decode, say, is in no ring.
    ++block.ring_missing;
    return;
  }
  next = result.progress;
  ++block.ring_records;
  // Of an access whose syndrome does not tell what it is, only the place is compared; and of a read
  // that ended in an abort, not what it would have read.
  const bool told = row->width != 0;
  const bool has_value = told && (row->write != 0 || row->status == SIDEWALL_OK);
  const bool same = record.ipa == row->ipa && record.width == row->width &&
                    record.owner == SIDEWALL_OWNER_HOST && record.cpu == row->cpu &&
                    (!told || record.is_write == row->write) &&
                    (!has_value || record.value == row->value);
  if (same) {
    row->flags |= kFlagRing;
  } else {
    ++block.ring_others;
  }
  row->decision = record.decision;
  row->reason = record.reason;
  row->hw_value = record.hw_value;
}

}  // namespace sidewall::boot
