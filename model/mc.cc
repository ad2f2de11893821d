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

// Which cause is told in which pair of words. Decode and security errors share the first.
struct ErrorPair {
  uint32_t causes;
  uint32_t status;  // the address is in the next word
};
constexpr ErrorPair kErrorPairs[McChannel::kErrorPairs] = {
    {1u << 6 | 1u << 8, 0x008},  // decode error, security violation
    {1u << 12, 0x654},           // video protection
    {1u << 13, 0x67c},           // secure carveout
    {1u << 16, 0x9b0},           // MTS carveout
    {1u << 20, 0x9c0},           // route sanity
    {1u << 17, 0xc00},           // generalized carveout
};
constexpr unsigned kFirstGlobalBit = 8;
constexpr unsigned kCarveoutUnitBits = 17;

// Carveouts are numbered from 1: five of them, and the rest elsewhere. 12 bytes of each 80.
bool FindCarveout(uint32_t offset, size_t* number, size_t* word) {
  constexpr uint32_t kFirst = 0xc0c;
  constexpr uint32_t kRest = 0x2004;
  constexpr uint32_t kStride = 0x50;
  constexpr size_t kInFirst = 5;
  const bool rest = offset >= kRest;
  const uint32_t base = rest ? kRest : kFirst;
  if (offset < base) return false;
  const size_t index = (offset - base) / kStride;
  *number = rest ? kInFirst + index : index;
  *word = (offset - base) % kStride / 4;
  return *word < 3 && (rest ? *number < McChannel::kCarveouts : index < kInFirst);
}

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
  override_reset_ = board.mc_override_reset & 0xff;
  security_reset_ = board.mc_security_reset & mc_security::kMask;
  for (uint64_t& word : deaf_) word = 0;
  for (uint16_t client = 0; client < kMcClients; ++client) ResetClient(client);
  secure_passes_ = false;
  unfixed_ = false;
  own_streams_ = false;
  // Firmware hands the machine over with the mode fixed: only SID 0x7f goes past the SMMUs.
  for (McChannel& channel : channel_) {
    channel = McChannel();
    channel.bypass_config = kBypassConfigLock | 2;
  }
  // A board that names no window of a channel still has one behind the broadcast window.
  channel_count_ =
      board.mc_window_count > kFirstChannelWindow ? board.mc_window_count - kFirstChannelWindow : 1;
}

void MemoryController::ResetClient(uint16_t client) {
  if (deaf(client)) return;
  const bool there = HasRegisters(client);
  override_[client] = there ? override_reset_ : 0;
  security_[client] = there ? security_reset_ : 0;
}

void MemoryController::LosePower(uint8_t side) {
  size_t count = 0;
  const ClientInfo* clients = Clients(&count);
  for (size_t i = 0; i < count; ++i) {
    if (clients[i].side == side) ResetClient(clients[i].id);
  }
}

void MemoryController::LosePower() {
  for (uint16_t client = 0; client < kMcClients; ++client) ResetClient(client);
  for (McChannel& channel : channel_) {
    McChannel fresh;
    fresh.bypass_config = unfixed_ ? 0 : kBypassConfigLock | 2;
    __builtin_memcpy(fresh.carveout, channel.carveout, sizeof(fresh.carveout));
    channel = fresh;
  }
}

uint32_t MemoryController::Read32(size_t window, uint32_t offset) const {
  if (window == kSidWindow) {
    if (offset >= kSidRegistersEnd) return 0;
    return (offset & 4) != 0 ? security_[offset / 8] : override_[offset / 8];
  }
  return ReadChannel(channel_[ChannelOf(window)], offset);
}

uint32_t MemoryController::ReadChannel(const McChannel& channel, uint32_t offset) const {
  switch (offset) {
    case kIntStatus:
      return channel.int_status;
    case kIntMask:
      return channel.int_mask;
    case kErrorAddressHigh:
      return channel.error_address_high;
    case kBypassConfig:
      return channel.bypass_config;
    case kChannelEnable:
      return static_cast<uint32_t>((uint64_t{1} << channel_count_) - 1);
    case kGlobalIntStatus:
      return GlobalIntStatus();
    default:
      break;
  }
  for (size_t pair = 0; pair < McChannel::kErrorPairs; ++pair) {
    if (offset == kErrorPairs[pair].status) return channel.error_status[pair];
    if (offset == kErrorPairs[pair].status + 4) return channel.error_address[pair];
  }
  size_t number = 0;
  size_t word = 0;
  return FindCarveout(offset, &number, &word) ? channel.carveout[number][word] : 0;
}

// A bit for each channel that has an error which its mask lets through.
uint32_t MemoryController::GlobalIntStatus() const {
  uint32_t value = 0;
  for (size_t i = 0; i < channel_count_; ++i) {
    const bool pending = (channel_[i].int_status & channel_[i].int_mask) != 0;
    value |= static_cast<uint32_t>(pending) << (kFirstGlobalBit + i);
  }
  return value;
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
  if (window != kBroadcastWindow) {
    WriteChannel(ChannelOf(window), offset, value);
    return;
  }
  for (size_t channel = 0; channel < channel_count_; ++channel) {
    WriteChannel(channel, offset, value);
  }
}

void MemoryController::WriteChannel(size_t index, uint32_t offset, uint32_t value) {
  McChannel& channel = channel_[index];
  size_t number = 0;
  size_t word = 0;
  if (offset == kIntStatus) {
    channel.int_status &= ~value;
  } else if (offset == kIntMask) {
    channel.int_mask = value;
  } else if (offset == kBypassConfig) {
    if ((channel.bypass_config & kBypassConfigLock) == 0) SetBypassConfig(index, value);
  } else if (FindCarveout(offset, &number, &word)) {
    channel.carveout[number][word] = value;
  }
}

// Only the first error of a pair is kept, and its upper address with it; INTSTATUS tells all
// causes.
void MemoryController::Capture(size_t index, uint32_t causes, uint32_t status, uint64_t address) {
  McChannel& channel = channel_[index % channel_count_];
  causes &= mc_error::kAll;
  for (size_t pair = 0; pair < McChannel::kErrorPairs; ++pair) {
    const uint32_t mine = kErrorPairs[pair].causes;
    if ((causes & mine) == 0 || (channel.int_status & mine) != 0) continue;
    const uint32_t high = static_cast<uint32_t>(address >> 32);
    channel.error_status[pair] = (status & mc_error::kStatusMask & ~(3u << 20)) | (high & 3) << 20;
    channel.error_address[pair] = static_cast<uint32_t>(address);
    channel.error_address_high = high;
  }
  channel.int_status |= causes;
}

// A lower mode lets more past: 1 is reserved, and taken to be no stricter than 2.
void MemoryController::ModeRange(uint32_t* weakest, uint32_t* strictest) const {
  *weakest = kBypassConfigMode;
  *strictest = 0;
  for (size_t channel = 0; channel < channel_count_; ++channel) {
    const uint32_t mode = channel_[channel].bypass_config & kBypassConfigMode;
    if (mode < *weakest) *weakest = mode;
    if (mode > *strictest) *strictest = mode;
  }
}

uint16_t MemoryController::SidUnderMode(uint16_t client, uint16_t own_sid, uint32_t mode,
                                        SidBits compared) const {
  uint16_t sid = own_sid & 0x7fff;
  const bool steered = client < kMcClients && (security_[client] & mc_security::kOverride) != 0;
  if (steered && !own_streams_) {
    sid = static_cast<uint16_t>(override_[client]);
  }
  if (mode == kModeAllBypass) return kPast;
  const bool secure = client < kMcClients && (security_[client] & mc_security::kNonSecure) == 0;
  if (secure && secure_passes_) return kPast;
  const uint16_t seen = compared == SidBits::kAll ? sid : sid & kPassthroughSid;
  if (mode != kModeNoBypass && seen == kPassthroughSid) return kPast;
  return sid;
}

uint16_t MemoryController::ClientSid(uint16_t client, uint16_t own_sid) const {
  uint32_t weakest = 0;
  uint32_t strictest = 0;
  ModeRange(&weakest, &strictest);
  return SidUnderMode(client, own_sid, weakest, SidBits::kLowerSeven);
}

// Which channel carries a transaction follows from its address, in a way that is not known.
uint16_t MemoryController::ClientSid(uint16_t client, uint16_t own_sid, uint8_t choice,
                                     SidBits compared) const {
  uint32_t weakest = 0;
  uint32_t mode = 0;
  ModeRange(&weakest, &mode);
  if (choice != 0) {
    mode = channel_[(choice - 1u) % channel_count_].bypass_config & kBypassConfigMode;
  }
  return SidUnderMode(client, own_sid, mode, compared);
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
  channel_[channel].bypass_config = value & (kBypassConfigLock | kBypassConfigMode);
}

void MemoryController::SetFirstCarveout(uint64_t start, uint64_t size) {
  for (McChannel& channel : channel_) {
    channel.carveout[0][0] = static_cast<uint32_t>(start);
    channel.carveout[0][1] = static_cast<uint32_t>(start >> 32);
    channel.carveout[0][2] = static_cast<uint32_t>(size >> kCarveoutUnitBits);
  }
}

bool MemoryController::InCarveout(uint64_t pa) const {
  for (size_t i = 0; i < channel_count_; ++i) {
    for (const uint32_t(&words)[3] : channel_[i].carveout) {
      const uint64_t start = uint64_t{words[1]} << 32 | words[0];
      if (pa - start < uint64_t{words[2]} << kCarveoutUnitBits) return true;
    }
  }
  return false;
}

void MemoryController::SetChannel(size_t channel, const McChannel& registers) {
  channel_[channel] = registers;
}

}  // namespace sidewall::model
