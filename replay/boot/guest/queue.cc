// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A master turned against us over its own registers: a network device is asked, through its control
// queue, to take its address from memory, and the descriptor names the marked page. A device that
// reads memory without its SMMU then shows bytes of that page in its configuration. And a queue
// that it has anyway is said to lie in the marked page: that is what its SMMU must stop.
#include <cstring>

#include "replay/boot/guest/guest.h"
#include "replay/boot/virtio.h"

namespace sidewall::boot {
namespace {

constexpr uint32_t kControlQueue = 2;
constexpr uint32_t kEntries = 4;
constexpr uint16_t kNext = 1;
constexpr uint16_t kDeviceWrites = 2;

// As the standard lays a queue out, all in one page.
struct Queue {
  VirtioDescriptor descriptor[kEntries];
  struct {
    uint16_t flags, index, ring[kEntries];
  } driver;
  struct {
    uint16_t flags, index;
    uint32_t ring[2 * kEntries];
  } device;
  uint8_t head[2];  // class and command
  uint8_t answer;
};

volatile uint32_t* g_registers;

void Put(uint32_t offset, uint32_t value) { g_registers[offset / 4] = value; }
void PutAddress(uint32_t offset, uint64_t address) {
  Put(offset, static_cast<uint32_t>(address));
  Put(offset + 4, static_cast<uint32_t>(address >> 32));
}

void GiveQueue(uint32_t number, uint64_t descriptors, uint64_t driver, uint64_t device) {
  Put(kVirtioQueueSelect, number);
  Put(kVirtioQueueSize, kEntries);
  PutAddress(kVirtioQueueDescriptors, descriptors);
  PutAddress(kVirtioQueueDriver, driver);
  PutAddress(kVirtioQueueDevice, device);
  Put(kVirtioQueueReady, 1);
}

void Negotiate() {
  constexpr uint32_t kFeatures[2] = {1u << 5 | 1u << 17 | 1u << 23, 3};
  Put(kVirtioStatus, 0);
  Put(kVirtioStatus, 3);
  for (uint32_t word = 0; word < 2; ++word) {
    Put(kVirtioDriverFeaturesSelect, word);
    Put(kVirtioDriverFeatures, kFeatures[word]);
  }
  Put(kVirtioStatus, 3 | kVirtioFeaturesOk);
}

// SET of the class MAC, whose six bytes are the first of the marked page.
void Fill(Queue* queue, uint64_t address, uint64_t marked) {
  const uint64_t head = address + offsetof(Queue, head);
  const uint64_t answer = address + offsetof(Queue, answer);
  queue->descriptor[0] = {head, 2, kNext, 1};
  queue->descriptor[1] = {marked, 6, kNext, 2};
  queue->descriptor[2] = {answer, 1, kDeviceWrites, 0};
  queue->head[0] = queue->head[1] = 1;
  queue->driver.index = 1;
}

}  // namespace

void AttackQueue() {
  const Page page = OwnPage();
  auto* at = static_cast<volatile uint8_t*>(MapPhysical(kVirtio + 0x3000, 0x1000));
  if (page.address == 0 || at == nullptr) {
    Say("queue: no registers, or no page");
    return;
  }
  g_registers = reinterpret_cast<volatile uint32_t*>(at + 0xe00);
  const uint64_t marked = ReadBench(kBenchSecret);
  Fill(static_cast<Queue*>(page.at), page.address, marked);
  Negotiate();
  const uint64_t driver = page.address + offsetof(Queue, driver);
  const uint64_t device = page.address + offsetof(Queue, device);
  GiveQueue(kControlQueue, page.address, driver, device);
  GiveQueue(0, marked, driver, device);
  Put(kVirtioStatus, 3 | kVirtioFeaturesOk | kVirtioDriverOk);
  Put(kVirtioQueueNotify, kControlQueue);
  uint8_t shown[6];
  for (int i = 0; i < 6; ++i) shown[i] = at[0xe00 + kVirtioConfig + i];
  const uint64_t word = kSecretWord;
  Say("queue: the device shows %02x%02x%02x%02x%02x%02x", shown[0], shown[1], shown[2], shown[3],
      shown[4], shown[5]);
  Say("queue: the marked page %s", memcmp(shown, &word, 6) == 0 ? "came" : "stayed");
  Put(kVirtioStatus, 0);
}

}  // namespace sidewall::boot
