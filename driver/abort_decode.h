// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Decodes the syndrome of a trapped data abort (ESR_ELx, ISS encoding of a data abort), and moves
// the value between the access and the trapped context.
//
//     Abort abort;
//     if (!DecodeAbort(esr, &abort)) return Refused();       // not emulable
//     uint64_t value = AbortValue(abort, *regs);              // of a write
//     DeliverRead(abort, 0xffff8001, regs);                   // of a read
#ifndef SIDEWALL_DRIVER_ABORT_DECODE_H_
#define SIDEWALL_DRIVER_ABORT_DECODE_H_

#include "driver/types.h"

namespace SIDEWALL_NS {

struct Abort {
  uint8_t width = 0;  // bytes: 1, 2, 4 or 8
  uint8_t srt = 0;    // 31 is the zero register
  bool is_write = false;
  bool sign_extend = false;
  bool sixty_four = false;
};

// False: not a data abort of a lower level, no valid syndrome, a cache operation, a stage-1 table
// walk, an invalid address, or a cause other than a translation, access flag or permission fault.
bool DecodeAbort(uint64_t esr, Abort* out);

uint64_t AbortValue(const Abort& abort, const sidewall_regs& regs);
void DeliverRead(const Abort& abort, uint64_t value, sidewall_regs* regs);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_ABORT_DECODE_H_
