// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/mc.h"

#include "model/registers.h"

namespace sidewall::model {

namespace {

constexpr uint32_t kBypassConfigLock = 1u << 31;
constexpr uint32_t kBypassConfigMode = 3;
constexpr uint32_t kModeAllBypass = 0;
constexpr uint32_t kModeNoBypass = 3;
constexpr uint32_t kSidRegistersEnd = 0x1000;
constexpr size_t kSidWindow = 0;
constexpr size_t kBroadcastWindow = 1;
constexpr size_t kFirstChannelWindow = 2;

// Ids that no client has keep what is written to their registers, which does nothing.
bool HasRegisters(size_t client) {
  const ClientInfo* info = FindClient(static_cast<uint16_t>(client));
  return info == nullptr || info->has_registers;
}

// The channel whose copies a window shows.
size_t ChannelOf(size_t window) {
  return window == kBroadcastWindow ? 0 : window - kFirstChannelWindow;
}

}  // namespace

void MemoryController::Reset(const BoardSpec& board) {
  for (size_t client = 0; client < kMcClients; ++client) {
    const bool there = HasRegisters(client);
    override_[client] = there ? board.mc_override_reset & 0xff : 0;
    security_[client] = there ? board.mc_security_reset & mc_security::kMask : 0;
  }
  for (uint64_t& word : deaf_) word = 0;
  for (uint32_t& mask : int_mask_) mask = 0;
  // Firmware hands the machine over with the mode fixed: only SID 0x7f goes past the SMMUs.
  for (uint32_t& config : bypass_config_) config = kBypassConfigLock | 2;
  // A board that names no window of a channel still has one behind the broadcast window.
  channel_count_ =
      board.mc_window_count > kFirstChannelWindow ? board.mc_window_count - kFirstChannelWindow : 1;
}

uint32_t MemoryController::Read32(size_t window, uint32_t offset) const {
  if (window == kSidWindow) {
    if (offset >= kSidRegistersEnd) return 0;
    return (offset & 4) != 0 ? security_[offset / 8] : override_[offset / 8];
  }
  if (offset == kBypassConfig) return bypass_config_[ChannelOf(window)];
  if (offset == kIntMask) return int_mask_[window];
  return 0;
}

void MemoryController::Write32(size_t window, uint32_t offset, uint32_t value) {
  if (window == kSidWindow) {
    if (offset >= kSidRegistersEnd) return;
    const size_t client = offset / 8;
    if ((security_[client] & mc_security::kLock) != 0) return;
    if (deaf(static_cast<uint16_t>(client)) || !HasRegisters(client)) return;
    if ((offset & 4) != 0) {
      security_[client] = value & mc_security::kMask;
    } else {
      override_[client] = value & 0xff;
    }
    return;
  }
  if (offset == kBypassConfig) {
    if (window != kBroadcastWindow) {
      WriteBypassConfig(ChannelOf(window), value);
      return;
    }
    for (size_t channel = 0; channel < channel_count_; ++channel) WriteBypassConfig(channel, value);
  } else if (offset == kIntMask) {
    if (window != kBroadcastWindow) {
      int_mask_[window] = value;
      return;
    }
    for (size_t i = kBroadcastWindow; i < kMaxMcWindows; ++i) int_mask_[i] = value;
  }
}

void MemoryController::WriteBypassConfig(size_t channel, uint32_t value) {
  if ((bypass_config_[channel] & kBypassConfigLock) == 0) SetBypassConfig(channel, value);
}

// A lower mode lets more past: 1 is reserved, and taken to be no stricter than 2.
void MemoryController::ModeRange(uint32_t* weakest, uint32_t* strictest) const {
  *weakest = kBypassConfigMode;
  *strictest = 0;
  for (size_t channel = 0; channel < channel_count_; ++channel) {
    const uint32_t mode = bypass_config_[channel] & kBypassConfigMode;
    if (mode < *weakest) *weakest = mode;
    if (mode > *strictest) *strictest = mode;
  }
}

uint16_t MemoryController::SidUnderMode(uint16_t client, uint16_t own_sid, uint32_t mode) const {
  uint16_t sid = own_sid & 0x7fff;
  if (client < kMcClients && (security_[client] & mc_security::kOverride) != 0) {
    sid = static_cast<uint16_t>(override_[client]);
  }
  if (mode == kModeAllBypass) return kPast;
  const bool secure = client < kMcClients && (security_[client] & mc_security::kNonSecure) == 0;
  if (secure && secure_passes_) return kPast;
  if (mode != kModeNoBypass && sid == kPassthroughSid) return kPast;
  return sid;
}

uint16_t MemoryController::ClientSid(uint16_t client, uint16_t own_sid) const {
  uint32_t weakest = 0;
  uint32_t strictest = 0;
  ModeRange(&weakest, &strictest);
  return SidUnderMode(client, own_sid, weakest);
}

// Which channel carries a transaction follows from its address, in a way that is not known.
uint16_t MemoryController::ClientSid(uint16_t client, uint16_t own_sid, uint8_t choice) const {
  uint32_t weakest = 0;
  uint32_t mode = 0;
  ModeRange(&weakest, &mode);
  if (choice != 0) mode = bypass_config_[(choice - 1u) % channel_count_] & kBypassConfigMode;
  return SidUnderMode(client, own_sid, mode);
}

bool MemoryController::ChannelsDiffer() const {
  uint32_t weakest = 0;
  uint32_t strictest = 0;
  ModeRange(&weakest, &strictest);
  return weakest != strictest;
}

void MemoryController::SetClient(uint16_t client, uint32_t override_sid, uint32_t security) {
  if (!HasRegisters(client)) return;
  override_[client] = override_sid & 0xff;
  security_[client] = security & mc_security::kMask;
}

void MemoryController::SetBypassConfig(size_t channel, uint32_t value) {
  bypass_config_[channel] = value & (kBypassConfigLock | kBypassConfigMode);
}

}  // namespace sidewall::model
