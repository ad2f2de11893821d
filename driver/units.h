// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Whose streams they are. A unit is a device with all its streams on all sides, and changes hands
// whole:
//
//     AssignUnit(state, owner, stream);     the host's entries out, EL2's in, on the fault bank
//     UnassignUnit(state, owner, stream);   back to the host, where it faults until it is attached
//     BlockDma(state, stream);              the same owner, and nothing under way any more
//
// The caller holds SIDEWALL_LOCK_DOMAINS; all locks of units are taken here, in their order, so
// that a unit is never half-way between two owners.
#ifndef SIDEWALL_DRIVER_UNITS_H_
#define SIDEWALL_DRIVER_UNITS_H_

#include "driver/attach.h"

namespace SIDEWALL_NS {

sidewall_status AssignUnit(State& state, uint32_t owner, const Stream& stream);
sidewall_status UnassignUnit(State& state, uint32_t owner, const Stream& stream);
// The same in two steps, for all units of an owner that attaches no stream any more. DrainStreams
// ends what its streams have under way; false: an SMMU did not answer, and every stream is as it
// was. ReturnDrained then gives one unit back; false: a stream of it is attached.
[[nodiscard]] bool DrainStreams(State& state, uint32_t owner);
[[nodiscard]] bool ReturnDrained(State& state, uint32_t owner, const Stream& stream);
sidewall_status BlockDma(State& state, const Stream& stream);

// Some stream of the owner; with `attached`, one that is attached to a domain. False: none.
[[nodiscard]] bool AnyStreamOf(State& state, uint32_t owner, bool attached, Stream* stream);
bool OwnsStream(State& state, uint32_t owner, const Stream& stream);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_UNITS_H_
