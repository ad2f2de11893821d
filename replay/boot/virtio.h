// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Registers of a virtio device over MMIO, version 2, by the names of its standard: the masters of
// the guest (masters.cc), and what the hostile program does to one (guest/queue.cc).
//
//     case kVirtioQueueReady: return queue.ready;
#ifndef SIDEWALL_REPLAY_BOOT_VIRTIO_H_
#define SIDEWALL_REPLAY_BOOT_VIRTIO_H_

#include <stdint.h>

namespace sidewall::boot {

inline constexpr uint32_t kVirtioMagic = 0x000;
inline constexpr uint32_t kVirtioVersion = 0x004;
inline constexpr uint32_t kVirtioDevice = 0x008;
inline constexpr uint32_t kVirtioVendor = 0x00c;
inline constexpr uint32_t kVirtioFeatures = 0x010;
inline constexpr uint32_t kVirtioFeaturesSelect = 0x014;
inline constexpr uint32_t kVirtioDriverFeatures = 0x020;
inline constexpr uint32_t kVirtioDriverFeaturesSelect = 0x024;
inline constexpr uint32_t kVirtioQueueSelect = 0x030;
inline constexpr uint32_t kVirtioQueueSizeMax = 0x034;
inline constexpr uint32_t kVirtioQueueSize = 0x038;
inline constexpr uint32_t kVirtioQueueReady = 0x044;
inline constexpr uint32_t kVirtioQueueNotify = 0x050;
inline constexpr uint32_t kVirtioStatus = 0x070;
inline constexpr uint32_t kVirtioQueueDescriptors = 0x080;
inline constexpr uint32_t kVirtioQueueDriver = 0x090;
inline constexpr uint32_t kVirtioQueueDevice = 0x0a0;
inline constexpr uint32_t kVirtioConfig = 0x100;

inline constexpr uint32_t kVirtioDriverOk = 4;
inline constexpr uint32_t kVirtioFeaturesOk = 8;

struct VirtioDescriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags;
  uint16_t next;
};

}  // namespace sidewall::boot

#endif  // SIDEWALL_REPLAY_BOOT_VIRTIO_H_
