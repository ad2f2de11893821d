// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The masters that the kernel's virtio driver finds, one on each SMMU: network devices whose wire
// carries nothing. QEMU has such devices, too, but theirs read memory past the modelled SMMUs.
// These look at a queue when they are given it, through the SMMU of their side and no other way:
// they read its descriptors and what is offered, and write that nothing was used yet.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"
#include "replay/boot/virtio.h"

namespace sidewall::boot {
namespace {

constexpr uint32_t kMagic = 0x74726976;
constexpr uint32_t kVendor = 0x4c415753;
constexpr uint32_t kNetwork = 1;
constexpr uint32_t kQueues = 2;
constexpr uint32_t kSizeMax = 64;
// An address of its own; the standard's version 1; memory is reached as the platform says.
constexpr uint32_t kFeatures[2] = {1u << 5, 1u << 0 | 1u << 1};
constexpr uint8_t kAddress[6] = {0x52, 0x54, 0x00, 0x53, 0x57, 0x00};

struct Queue {
  uint32_t size = 0;
  uint32_t ready = 0;
  uint32_t address[6] = {};  // descriptors, driver's and device's ring; the low half comes first
};

struct Device {
  uint32_t status = 0;
  uint32_t features_select = 0;
  uint32_t driver_features_select = 0;
  uint32_t driver_features[2] = {};
  uint32_t queue_select = 0;
  Queue queue[kQueues];
};

Device g_device[kSlots];

const Master* MasterOf(uint64_t slot) {
  for (const Master& master : kMasters) {
    if (master.slot == slot) return &master;
  }
  return nullptr;
}

// False as soon as a piece does not arrive: the device is broken then, until it is reset.
bool Touch(const Master& master, const uint32_t* address, uint64_t size, bool write) {
  Piece piece = {uint64_t{address[1]} << 32 | address[0], 0, master.sid, master.side, write};
  while (size != 0) {
    const uint64_t left = LeftInPage(piece.address);
    piece.size = size < left ? size : left;
    uint64_t pa = 0;
    if (!Send(piece, &pa)) return false;
    for (uint64_t i = 0; i < piece.size; i += 4) {
      if (write) Store32(pa + i, 0);
      if (!write) (void)Load32(pa + i);
    }
    piece.address += piece.size;
    size -= piece.size;
  }
  return true;
}

void Look(const Master& master, const Queue& queue) {
  SnapshotTables();
  const uint64_t entries = queue.size < kSizeMax ? queue.size : kSizeMax;
  // Flags and index, then the entries, of the driver's ring; flags and index of the device's.
  const bool seen = Touch(master, &queue.address[0], entries * sizeof(VirtioDescriptor), false) &&
                    Touch(master, &queue.address[2], 4 + 2 * entries, false) &&
                    Touch(master, &queue.address[4], 4, true);
  if (!seen) Log("a master does not reach its queue: side, stream", master.side, master.sid);
}

void WriteQueue(const Master& master, Queue* queue, uint64_t offset, uint32_t value) {
  if (offset == kVirtioQueueSize) queue->size = value;
  if (offset == kVirtioQueueReady) {
    const bool given = queue->ready == 0 && (value & 1) != 0;
    queue->ready = value & 1;
    if (given) Look(master, *queue);
  }
  if (offset < kVirtioQueueDescriptors || offset > kVirtioQueueDevice + 4) return;
  const uint64_t word = offset % 16 / 4;
  if (word < 2) queue->address[(offset - kVirtioQueueDescriptors) / 16 * 2 + word] = value;
}

// A driver that wants more than is offered, or memory in another way, is not agreed with.
void WriteStatus(Device* device, uint32_t value) {
  if (value == 0) {
    *device = Device();
    return;
  }
  bool agreed = (device->driver_features[1] & kFeatures[1]) == kFeatures[1];
  for (uint32_t word = 0; word < 2; ++word) {
    agreed = agreed && (device->driver_features[word] & ~kFeatures[word]) == 0;
  }
  device->status = agreed ? value : value & ~kVirtioFeaturesOk;
}

void Write(const Master& master, Device* device, uint64_t offset, uint32_t value) {
  switch (offset) {
    case kVirtioFeaturesSelect:
      device->features_select = value;
      return;
    case kVirtioDriverFeaturesSelect:
      device->driver_features_select = value;
      return;
    case kVirtioDriverFeatures:
      if (device->driver_features_select < 2) {
        device->driver_features[device->driver_features_select] = value;
      }
      return;
    case kVirtioQueueSelect:
      device->queue_select = value;
      return;
    case kVirtioStatus:
      return WriteStatus(device, value);
    default:
      if (device->queue_select >= kQueues) return;
      return WriteQueue(master, &device->queue[device->queue_select], offset, value);
  }
}

uint32_t Read(const Master* master, const Device& device, uint64_t offset) {
  const bool has_queue = device.queue_select < kQueues;
  switch (offset) {
    case kVirtioMagic:
      return kMagic;
    case kVirtioVersion:
      return 2;
    case kVirtioDevice:
      return master != nullptr ? kNetwork : 0;
    case kVirtioVendor:
      return kVendor;
    case kVirtioFeatures:
      return device.features_select < 2 ? kFeatures[device.features_select] : 0;
    case kVirtioQueueSizeMax:
      return has_queue ? kSizeMax : 0;
    case kVirtioQueueReady:
      return has_queue ? device.queue[device.queue_select].ready : 0;
    case kVirtioStatus:
      return device.status;
    default:
      return offset - kVirtioConfig < sizeof(kAddress) ? kAddress[offset - kVirtioConfig] : 0;
  }
}

}  // namespace

void HandleMaster(const Trap& trap) {
  const uint64_t slot = (trap.ipa - kVirtio) / kSlotSize;
  const uint64_t offset = (trap.ipa - kVirtio) % kSlotSize;
  const Master* master = MasterOf(slot);
  const uint64_t srt = trap.esr >> 16 & 31;
  const bool write = (trap.esr >> 6 & 1) != 0;
  if (!write && srt != 31) trap.regs->x[srt] = Read(master, g_device[slot], offset);
  if (!write || master == nullptr) return;
  Write(*master, &g_device[slot], offset, static_cast<uint32_t>(srt == 31 ? 0 : trap.regs->x[srt]));
}

}  // namespace sidewall::boot
