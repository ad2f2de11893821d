// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The register table is the policy: what a host access to each register of an SMMU or MC window
// does. What is not in the table reads as zero, ignores writes and is counted.
//
//     uint32_t index = 0;
//     const RegisterRow* row = FindRegister(RegisterPage::kGr0, 0xc14, &index);
//     // row->name is "S2CR", index is 5, row->policy is RegisterClass::kHandler
//
//     for (uint32_t i = 0; i < RegisterCount(); ++i) Print(RegisterAt(i)->name);
#ifndef SIDEWALL_DRIVER_REGISTER_TABLE_H_
#define SIDEWALL_DRIVER_REGISTER_TABLE_H_

#include "driver/types.h"

namespace SIDEWALL_NS {

enum class RegisterPage : uint8_t {
  kGr0,
  kGr1,
  kGid,
  kPmu,
  kSsd,
  kReserved,  // every global page above the SSD page
  kBank,
  kMcSid,
};

enum class RegisterAccess : uint8_t { kReadWrite, kReadOnly, kWriteOnly, kWrite1Clear };

enum class RegisterClass : uint8_t {
  kVirtual,     // lives in the virtual state only, or is derived from hardware at init
  kShadow,      // virtual state, and hardware gets what the host wrote
  kFloor,       // EL2's constant: reads show it, writes are ignored
  kInvalidate,  // TLB maintenance, checked and confined to the host's VMID
  kHandler,     // has code of its own
  kRazWi,       // known, and not for the host
};

// What an access to the second window of a pair means.
enum class RegisterMirror : uint8_t {
  kAbsorbed,     // the second half of a pair: writes ignored, reads as in the first window
  kPerInstance,  // each instance has its own
  kRealStatus,   // the status of the addressed instance
};

enum class RegisterId : uint8_t {
  kRazWi,
  kSCR0,
  kSCR2,
  kSACR,
  kIdr,
  kPeripheralId,
  kGFAR,
  kGFSR,
  kGFSYNR,
  kGFSRRESTORE,
  kTlbiVmid,
  kTlbiVmidS1,
  kTlbiAllNsnh,
  kTlbiForeign,  // hypervisor or secure entries, of which a host has none
  kTlbGSync,
  kTlbGStatus,
  kSMR,
  kS2CR,
  kCBAR,
  kCBFRSYNRA,
  kCBA2R,
  kSCTLR,
  kACTLR,
  kRESUME,
  kTCR2,
  kTTBR0,
  kTTBR1,
  kTCR,
  kCONTEXTIDR,
  kMAIR0,
  kMAIR1,
  kFSR,
  kFSRRESTORE,
  kFAR,
  kFSYNR0,
  kFSYNR1,
  kTlbiBank64,
  kTlbiBank32,
  kTlbiStage2,
  kTlbSync,
  kTlbStatus,
  kMcOverride,
  kMcSecurity,
};

struct RegisterRow {
  char name[20];  // as the manual writes it, without an index
  RegisterId id;
  RegisterPage page;
  uint16_t offset;  // in the page
  uint16_t stride;  // bytes between repeated registers
  uint16_t count;
  uint8_t width;  // bytes, 4 or 8
  RegisterAccess access;
  RegisterClass policy;
  RegisterMirror mirror;
  uint64_t keep;  // bits that the host's write may set
};

uint32_t RegisterCount();
// Null when there is no such row.
const RegisterRow* RegisterAt(uint32_t row);

// The register that covers the word at `offset` of a page, with its index; null: none. A 64-bit
// register is found by either half.
const RegisterRow* FindRegister(RegisterPage page, uint32_t offset, uint32_t* index);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_REGISTER_TABLE_H_
