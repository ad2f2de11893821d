// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Calls of the waist that have no body yet: identity, tokens, power and the trace ring. Each says
// so and changes nothing.
#include "driver/state.h"

using namespace SIDEWALL_NS;

#define SIDEWALL_WITHOUT_BODY(name, ...) \
  struct sidewall_result SIDEWALL_SYM(name)(__VA_ARGS__) { return Result(SIDEWALL_UNSUPPORTED); }

SIDEWALL_WITHOUT_BODY(ring_read, struct sidewall_state*, uint64_t, struct sidewall_ring_record*)
SIDEWALL_WITHOUT_BODY(suspend, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(resume, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(power_off, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(power_on, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(fault_irq, struct sidewall_state*, uint32_t)
SIDEWALL_WITHOUT_BODY(tick, struct sidewall_state*, uint64_t)
