// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/mc.h"

namespace sidewall::model {

namespace {

constexpr uint32_t kBypassConfigLock = 1u << 31;
constexpr uint32_t kModeAllBypass = 0;
constexpr uint32_t kModeNoBypass = 3;
constexpr uint32_t kSidRegistersEnd = 0x1000;
constexpr size_t kSidWindow = 0;
constexpr size_t kBroadcastWindow = 1;

}  // namespace

void MemoryController::Reset(const BoardSpec& board) {
  for (size_t client = 0; client < kMcClients; ++client) {
    override_[client] = board.mc_override_reset & 0xff;
    security_[client] = board.mc_security_reset & mc_security::kMask;
  }
  for (uint32_t& mask : int_mask_) mask = 0;
  // Firmware hands the machine over with the mode fixed: only SID 0x7f goes past the SMMUs.
  bypass_config_ = kBypassConfigLock | 2;
}

uint32_t MemoryController::Read32(size_t window, uint32_t offset) const {
  if (window == kSidWindow) {
    if (offset >= kSidRegistersEnd) return 0;
    return (offset & 4) != 0 ? security_[offset / 8] : override_[offset / 8];
  }
  if (offset == kBypassConfig) return bypass_config_;
  if (offset == kIntMask) return int_mask_[window];
  return 0;
}

void MemoryController::Write32(size_t window, uint32_t offset, uint32_t value) {
  if (window == kSidWindow) {
    if (offset >= kSidRegistersEnd) return;
    const size_t client = offset / 8;
    if ((security_[client] & mc_security::kLock) != 0) return;
    if ((offset & 4) != 0) {
      security_[client] = value & mc_security::kMask;
    } else {
      override_[client] = value & 0xff;
    }
    return;
  }
  if (offset == kBypassConfig) {
    // The channels are taken to share one copy: the weakest value of any of them would count.
    if ((bypass_config_ & kBypassConfigLock) == 0) bypass_config_ = value & (kBypassConfigLock | 3);
  } else if (offset == kIntMask) {
    if (window != kBroadcastWindow) {
      int_mask_[window] = value;
      return;
    }
    for (size_t i = kBroadcastWindow; i < kMaxMcWindows; ++i) int_mask_[i] = value;
  }
}

uint16_t MemoryController::ClientSid(uint16_t client, uint16_t own_sid) const {
  uint16_t sid = own_sid & 0x7fff;
  if (client < kMcClients && (security_[client] & mc_security::kOverride) != 0) {
    sid = static_cast<uint16_t>(override_[client]);
  }
  const uint32_t mode = bypass_config_ & 3;
  if (mode == kModeAllBypass) return kPast;
  // Mode 1 is reserved; it is taken to be no stricter than mode 2.
  if (mode != kModeNoBypass && sid == kPassthroughSid) return kPast;
  return sid;
}

void MemoryController::SetClient(uint16_t client, uint32_t override_sid, uint32_t security) {
  override_[client] = override_sid & 0xff;
  security_[client] = security & mc_security::kMask;
}

}  // namespace sidewall::model
