// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The pools that the driver takes its table pages from: one that the host fills and empties, one
// that is filled at boot for use where nobody can refill, and one for each VM, on its account.
//
//     Pools pools;
//     pools.Reset(board, memory);
//     uint64_t page = pools.Alloc(kPoolAtomic);   // 0 when it is empty
//     pools.Free(kPoolHost, page);                // kForeign: it came from another pool
//
// All frames lie in the board's pool range, since that is the memory that tables can lie in. The
// atomic pool has the first of them from the start. The rest are spare: a page that is donated for
// a pool brings one spare frame into it, and takes it along when it goes back.
#ifndef SIDEWALL_MODEL_POOLS_H_
#define SIDEWALL_MODEL_POOLS_H_

#include <stddef.h>
#include <stdint.h>

#include "model/board.h"
#include "model/pages.h"

namespace sidewall::model {

// Pools, numbered as in the waist.
inline constexpr uint32_t kPoolHost = 0;
inline constexpr uint32_t kPoolAtomic = 1;
inline constexpr uint32_t kPoolVm0 = 2;
inline constexpr uint32_t kPoolCount = kPoolVm0 + kMaxOwners - kOwnerGuest0;

struct PoolFrame {
  uint32_t next = 0;
  uint8_t pool = kNoPool;  // kNoPool: spare
  bool taken = false;
  bool used = false;  // was handed out since it was last zeroed
  uint8_t reserved = 0;
};

// Both hold Pools::FrameCount entries.
struct PoolsMemory {
  PoolFrame* frames = nullptr;
  PoolFrame* saved = nullptr;
};

struct PoolAccount {
  uint32_t total = 0;  // frames that belong to the pool
  uint32_t free = 0;   // of these, not handed out
};

enum class PoolFault : uint8_t { kNone, kUnknownPool, kNotAFrame, kForeign, kTwice };

class Pools {
 public:
  static size_t FrameCount(const BoardSpec& board);
  // Tables that mirroring all memory of the host takes, at 4 KiB leaves; and what the atomic pool
  // has at boot, which is never less where the board has as much.
  static uint32_t IdmapFrames(const BoardSpec& board);
  static uint32_t AtomicFrames(const BoardSpec& board);

  void Reset(const BoardSpec& board, const PoolsMemory& memory);
  void Mark();
  void Restore();

  // The frame, 0 when the pool is empty or unknown. `dirty`: it must be zeroed before it is given.
  uint64_t Alloc(uint32_t pool, bool* dirty);
  PoolFault Free(uint32_t pool, uint64_t pa);
  // All of `count` spare frames, or none.
  bool Grow(uint32_t pool, uint64_t count);
  // At most `count` free frames back to the spare ones; how many.
  uint32_t Shrink(uint32_t pool, uint64_t count);

  bool IsTaken(uint64_t pa) const;
  PoolAccount account(uint32_t pool) const;
  uint32_t spare() const { return now_.spare_count; }

 private:
  struct State {
    uint32_t head[kPoolCount] = {};
    PoolAccount account[kPoolCount];
    uint32_t spare_head = 0;
    uint32_t spare_count = 0;
  };

  void Push(uint32_t frame, uint32_t* head);

  const BoardSpec* board_ = nullptr;
  PoolsMemory memory_;
  State now_;
  State saved_;
  bool dirty_ = false;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_POOLS_H_
