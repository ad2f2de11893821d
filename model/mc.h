// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The memory controller as far as DMA isolation needs it: the stream ID of each client, and the
// switch that lets stream IDs past the SMMUs.
//
//     mc.Write32(0, 8 * 0x58, 0x06);             // OVERRIDE[mgbeard] of window 0, the SID window
//     assert(mc.ClientSid(0x58, 0) == 0x06);
//
// Each channel holds its own copy of the switch, with its own lock; a write to the broadcast window
// reaches all that are not locked. A read there gives the copy of the first channel. So it is with
// the error record of a channel, its interrupt mask, and the carveouts.
#ifndef SIDEWALL_MODEL_MC_H_
#define SIDEWALL_MODEL_MC_H_

#include <stddef.h>
#include <stdint.h>

#include "model/board.h"

namespace sidewall::model {

inline constexpr size_t kMcClients = 0x200;

namespace mc_security {
inline constexpr uint32_t kNonSecure = 1u << 0;
inline constexpr uint32_t kOverride = 1u << 8;
inline constexpr uint32_t kLock = 1u << 16;
inline constexpr uint32_t kMask = kNonSecure | kOverride | kLock;
}  // namespace mc_security

// INTSTATUS and INTMASK, and the word that says what was blocked.
namespace mc_error {
inline constexpr uint32_t kDecodeEmem = 1u << 6;
inline constexpr uint32_t kCarveout = 1u << 17;
inline constexpr uint32_t kAll = 0x00333140;  // what INTSTATUS has
// Bits of a status word: type, readable, writable, non-secure, upper address, secure, write,
// client.
inline constexpr uint32_t kStatusMask = 0x7e3301ff;
inline constexpr uint32_t kSecure = 1u << 17;
inline constexpr uint32_t kWrite = 1u << 16;
inline constexpr uint32_t kClientMask = 0x1ff;
}  // namespace mc_error

// One channel's registers, apart from the stream IDs, which are the controller's.
struct McChannel {
  static constexpr size_t kErrorPairs = 6;  // of a status word and an address
  static constexpr size_t kCarveouts = 32;
  uint32_t bypass_config = 0;
  uint32_t int_status = 0;
  uint32_t int_mask = 0;
  uint32_t error_status[kErrorPairs] = {};
  uint32_t error_address[kErrorPairs] = {};
  uint32_t error_address_high = 0;
  uint32_t carveout[kCarveouts][3] = {};  // base, its upper word, size in units of 128 KiB
};

// How much of a stream ID is compared with the one that goes past the SMMUs.
enum class SidBits : uint8_t { kAll, kLowerSeven };

class MemoryController {
 public:
  static constexpr uint32_t kBypassConfig = 0x1820;
  static constexpr uint32_t kIntStatus = 0x000;
  static constexpr uint32_t kIntMask = 0x004;
  static constexpr uint32_t kErrorAddressHigh = 0x11fc;
  static constexpr uint32_t kChannelEnable = 0xdf8;
  static constexpr uint32_t kGlobalIntStatus = 0xf24;
  static constexpr uint16_t kPassthroughSid = 0x7f;
  static constexpr uint16_t kPast = 0xffff;  // the transaction goes past the SMMU

  void Reset(const BoardSpec& board);
  uint32_t Read32(size_t window, uint32_t offset) const;
  void Write32(size_t window, uint32_t offset, uint32_t value);

  // kPast when any channel would let the transaction past, by all bits of its stream ID or by the
  // lower seven.
  uint16_t ClientSid(uint16_t client, uint16_t own_sid) const;
  // The same as the channel of a choice has it: 0 is the strictest, n > 0 the n-th one; and as a
  // controller has it that compares all bits of a stream ID with 0x7f, or the lower seven.
  uint16_t ClientSid(uint16_t client, uint16_t own_sid, uint8_t choice, SidBits compared) const;
  bool ChannelsDiffer() const;
  size_t channel_count() const { return channel_count_; }
  const McChannel& channel(size_t index) const { return channel_[index]; }
  uint32_t security(uint16_t client) const { return security_[client]; }
  uint32_t override_sid(uint16_t client) const { return override_[client]; }
  // The clients of a side have lost what was stored for them: their words are what firmware leaves
  // at boot. Those that are deaf take nothing then either.
  void LosePower(uint8_t side);
  // The whole controller has: all clients, errors and interrupt masks. Firmware has fixed the mode
  // and set up the carveouts again before anybody looks, unless SetUnfixed says otherwise.
  void LosePower();
  void SetUnfixed(bool unfixed) { unfixed_ = unfixed; }
  // For Scramble: what a boot loader left, locks included.
  void SetClient(uint16_t client, uint32_t override_sid, uint32_t security);
  void SetBypassConfig(size_t channel, uint32_t value);
  void SetChannel(size_t channel, const McChannel& registers);
  // A channel blocks a transaction: `causes` are bits of INTSTATUS. Each cause has a status word
  // and an address, which keep the first error until its bit of INTSTATUS is cleared.
  void Capture(size_t channel, uint32_t causes, uint32_t status, uint64_t address);
  // The registers of this client ignore writes from now on.
  void SetDeaf(uint16_t client) { deaf_[client / 64] |= uint64_t{1} << (client % 64); }
  // A client whose NS bit is 0 is past the non-secure entries of its SMMU. Isolation rests on it
  // that firmware leaves none so: no program draws this, but one can ask for it (hw.contrary).
  void SetSecurePasses(bool passes) { secure_passes_ = passes; }
  // A device has a stream of its own beside that of its override, which nobody steers.
  void SetOwnStreams(bool own) { own_streams_ = own; }
  // The first carveout of each channel lies over `size` bytes, a multiple of 128 KiB; and whether
  // one lies over an address. What that holds back is for the machine to say.
  void SetFirstCarveout(uint64_t start, uint64_t size);
  bool InCarveout(uint64_t pa) const;
  bool deaf(uint16_t client) const { return (deaf_[client / 64] >> (client % 64) & 1) != 0; }

 private:
  uint16_t SidUnderMode(uint16_t client, uint16_t own_sid, uint32_t mode, SidBits compared) const;
  void ResetClient(uint16_t client);
  uint32_t ReadChannel(const McChannel& channel, uint32_t offset) const;
  void WriteChannel(size_t channel, uint32_t offset, uint32_t value);
  uint32_t GlobalIntStatus() const;
  void ModeRange(uint32_t* weakest, uint32_t* strictest) const;

  uint32_t override_[kMcClients] = {};
  uint32_t security_[kMcClients] = {};
  uint64_t deaf_[kMcClients / 64] = {};
  McChannel channel_[kMaxMcWindows];
  size_t channel_count_ = 0;
  uint32_t override_reset_ = 0;
  uint32_t security_reset_ = 0;
  bool secure_passes_ = false;
  bool unfixed_ = false;
  bool own_streams_ = false;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_MC_H_
