// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The few register offsets and values by which the mutator writes what a kernel would write.
// values_test.cc holds the offsets against the model's table, by name.
//
//     HostWrite32(Window::kNiso0, layout::kS2cr + 4 * 5, layout::kS2crBypass);
#ifndef SIDEWALL_FUZZ_LAYOUT_H_
#define SIDEWALL_FUZZ_LAYOUT_H_

#include <cstdint>

namespace sidewall::fuzz::layout {

// Global registers.
inline constexpr uint32_t kScr0 = 0x000;
inline constexpr uint32_t kIdr0 = 0x020;
inline constexpr uint32_t kSgfsr = 0x048;
inline constexpr uint32_t kTlbivmid = 0x064;
inline constexpr uint32_t kTlbiallnsnh = 0x068;
inline constexpr uint32_t kTlbiallh = 0x06c;
inline constexpr uint32_t kStlbgsync = 0x070;
inline constexpr uint32_t kStlbgstatus = 0x074;
inline constexpr uint32_t kSmr = 0x800;
inline constexpr uint32_t kS2cr = 0xc00;
inline constexpr uint32_t kCbar = 0x10000;
inline constexpr uint32_t kCbfrsynra = 0x10400;
inline constexpr uint32_t kCba2r = 0x10800;

// A context bank is kBankBase + n * kBankStride, and in it:
inline constexpr uint32_t kBankBase = 0x800000;
inline constexpr uint32_t kBankStride = 0x10000;
inline constexpr uint32_t kSctlr = 0x000;
inline constexpr uint32_t kResume = 0x008;
inline constexpr uint32_t kTcr2 = 0x010;
inline constexpr uint32_t kTtbr0 = 0x020;
inline constexpr uint32_t kTtbr1 = 0x028;
inline constexpr uint32_t kTcr = 0x030;
inline constexpr uint32_t kMair0 = 0x038;
inline constexpr uint32_t kMair1 = 0x03c;
inline constexpr uint32_t kFsr = 0x058;
inline constexpr uint32_t kFar = 0x060;
inline constexpr uint32_t kFsynr0 = 0x068;
inline constexpr uint32_t kTlbiva = 0x600;
inline constexpr uint32_t kTlbiasid = 0x610;
inline constexpr uint32_t kTlbiall = 0x618;
inline constexpr uint32_t kTlbival = 0x620;
inline constexpr uint32_t kTlbsync = 0x7f0;
inline constexpr uint32_t kTlbstatus = 0x7f4;

// Values that Linux writes.
inline constexpr uint32_t kS2crTranslate = 0x00000;
inline constexpr uint32_t kS2crBypass = 0x10000;
inline constexpr uint32_t kS2crFault = 0x20000;
inline constexpr uint32_t kSmrValid = 0x80000000;
inline constexpr uint32_t kSmrMask = 0x7f80;  // the ID bits that devices do not drive
inline constexpr uint32_t kCbarStage1 = 0x0001f300;
inline constexpr uint32_t kTcr2Linux = 0x00038015;
inline constexpr uint32_t kTcrLinux = 0x00802010;
inline constexpr uint32_t kMair0Linux = 0xf404ff44;
inline constexpr uint32_t kSctlrLinux = 0x1067;
inline constexpr uint32_t kScr0Linux = 0x00201c36;

// A stage-1 leaf of Linux: valid page, access flag, inner shareable, not global.
inline constexpr uint64_t kLeafReadWrite = 0xf47;
inline constexpr uint64_t kLeafReadOnly = 0xfc7;
inline constexpr uint64_t kTableDescriptor = 3;

constexpr uint32_t Bank(uint32_t bank, uint32_t offset) {
  return kBankBase + bank * kBankStride + offset;
}

}  // namespace sidewall::fuzz::layout

#endif  // SIDEWALL_FUZZ_LAYOUT_H_
