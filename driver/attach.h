// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Streams on trees of EL2's own, through EL2's own entries and banks.
//
//     Stream stream{unit, StreamId{0x0e}};
//     AttachStream(state, handle, stream);   // bank, then S2CR, then SMR valid
//     DetachStream(state, handle, stream);   // fault bank, bank off, invalidate, sync, release
//
// One bank and one VMID serve all streams of a domain on a logical SMMU. The caller holds
// SIDEWALL_LOCK_DOMAINS; the lock of the unit is taken here, unless a comment says otherwise.
#ifndef SIDEWALL_DRIVER_ATTACH_H_
#define SIDEWALL_DRIVER_ATTACH_H_

#include "driver/internal.h"

namespace SIDEWALL_NS {

struct Stream {
  uint32_t unit = 0;
  StreamId sid;
};

// The unit and stream that a caller names by side and stream ID. False: there is none that can be
// anybody's.
[[nodiscard]] bool FindStream(const State& state, uint32_t side, uint32_t sid, Stream* stream);

// REFUSED: nothing was stored. DEGRADED: an earlier detachment of the domain still waits.
sidewall_status AttachStream(State& state, uint32_t handle, const Stream& stream);
// DEGRADED: the stream faults; its bank and entry are kept until a sync completes.
sidewall_status DetachStream(State& state, uint32_t handle, const Stream& stream);
// The domain that the stream is attached to. False: none.
[[nodiscard]] bool AttachedDomain(State& state, const Stream& stream, uint32_t* handle);

// The host's identity map for a stream of the host, or no longer.
// DEGRADED: an earlier detachment of the stream still waits.
sidewall_status SetIdentity(State& state, const Stream& stream, bool on);

// Ends every translation through what was unmapped from the domain, on every unit that it stands
// in, and detachments that are not complete. False: a unit did not answer.
[[nodiscard]] bool FlushDomain(State& state, uint32_t handle);

// ---- The unit's lock is held.
// Releases what drained and is covered by a completed sync. SettleBanks is to follow.
void SettleUnit(State& state, uint32_t unit);
// Tries a sync where the stream waits for the end of its detachment, or for an entry that others
// wait with. False: it still waits. The caller holds SIDEWALL_LOCK_DOMAINS too. SettleBanks is to
// follow.
[[nodiscard]] bool EndWait(State& state, const Stream& stream);
// Ends contexts that no stream is attached to any more, where a detachment could not. The caller
// holds SIDEWALL_LOCK_DOMAINS too. SettleBanks is to follow.
void EndContexts(State& state, uint32_t unit);
// The context that an entry of EL2's names; kNoContext: the fault bank, or no bank of a domain.
uint8_t ContextOf(const Smmu& smmu, EntryIndex index);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_ATTACH_H_
