// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/abort_decode.h"

namespace SIDEWALL_NS {
namespace {

constexpr uint64_t kExceptionClassShift = 26;
constexpr uint64_t kExceptionClassMask = 0x3f;
constexpr uint64_t kDataAbortLower = 0x24;
constexpr uint32_t kZeroRegister = 31;

constexpr Field kIsv{24, 24};
constexpr Field kSas{23, 22};
constexpr Field kSse{21, 21};
constexpr Field kSrt{20, 16};
constexpr Field kSf{15, 15};
constexpr Field kFnv{10, 10};
constexpr Field kEa{9, 9};
constexpr Field kCm{8, 8};
constexpr Field kS1ptw{7, 7};
constexpr Field kWnr{6, 6};
constexpr Field kDfsc{5, 0};

// DFSC without its two bits of level.
constexpr uint32_t kTranslationFault = 0x04;
constexpr uint32_t kAccessFlagFault = 0x08;
constexpr uint32_t kPermissionFault = 0x0c;
constexpr uint32_t kFaultLevel = 0x03;

// What a stage 2 that withholds a page answers an access with. Anything else, an external abort, a
// parity error, a conflict in the TLB, an address size or an alignment fault, an exclusive access
// that memory does not support, is no access to emulate: it comes with no address in HPFAR_EL2, or
// would have come from a register that is there as well. Level -1 is of 52-bit addresses, which
// these processors do not have.
constexpr bool IsStage2Fault(uint32_t dfsc) {
  const uint32_t fault = dfsc & ~kFaultLevel;
  return fault == kTranslationFault || fault == kAccessFlagFault || fault == kPermissionFault;
}

constexpr uint64_t LowBytes(uint64_t value, uint32_t width) {
  return width == 8 ? value : value & ((uint64_t{1} << (8 * width)) - 1);
}

}  // namespace

bool DecodeAbort(uint64_t esr, Abort* out) {
  if (((esr >> kExceptionClassShift) & kExceptionClassMask) != kDataAbortLower) return false;
  const uint32_t iss = static_cast<uint32_t>(esr);
  if (kIsv.Get(iss) == 0) return false;
  if (kFnv.Get(iss) != 0) return false;
  if (kEa.Get(iss) != 0) return false;
  if (kCm.Get(iss) != 0) return false;
  if (kS1ptw.Get(iss) != 0) return false;
  if (!IsStage2Fault(kDfsc.Get(iss))) return false;
  out->width = static_cast<uint8_t>(1u << kSas.Get(iss));
  out->srt = static_cast<uint8_t>(kSrt.Get(iss));
  out->is_write = kWnr.Get(iss) != 0;
  out->sign_extend = kSse.Get(iss) != 0;
  out->sixty_four = kSf.Get(iss) != 0;
  return true;
}

uint64_t AbortValue(const Abort& abort, const sidewall_regs& regs) {
  if (abort.srt == kZeroRegister) return 0;
  return LowBytes(regs.x[abort.srt], abort.width);
}

void DeliverRead(const Abort& abort, uint64_t value, sidewall_regs* regs) {
  if (abort.srt == kZeroRegister) return;
  value = LowBytes(value, abort.width);
  if (abort.width < 8) {
    if (abort.sign_extend) {
      const uint64_t sign = uint64_t{1} << (8u * abort.width - 1);
      value = (value ^ sign) - sign;
    }
    if (!abort.sixty_four) value = LowBytes(value, 4);
  }
  regs->x[abort.srt] = value;
}

}  // namespace SIDEWALL_NS
