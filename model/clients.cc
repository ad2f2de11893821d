// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <stddef.h>
#include <stdint.h>

#include "model/registers.h"

namespace sidewall::model {

namespace {

constexpr uint8_t kNiso1 = 0;
constexpr uint8_t kNiso0 = 1;
constexpr uint8_t kIso = 2;
constexpr DeviceStreams kDevices[kDeviceRanges] = {
    {Device::kApe, kNiso0, 0x02, 0x02},    {Device::kApe, kNiso0, 0x0d, 0x0d},
    {Device::kApe, kNiso0, 0x5e, 0x5f},    {Device::kEqos, kNiso1, 0x03, 0x03},
    {Device::kEqos, kNiso1, 0x1e, 0x21},   {Device::kGpcdma, kNiso0, 0x04, 0x04},
    {Device::kGpcdma, kNiso0, 0x0e, 0x11}, {Device::kGpcdma, kNiso0, 0x20, 0x22},
    {Device::kGpcdma, kNiso0, 0x6e, 0x72}, {Device::kHost1x, kNiso0, 0x35, 0x3c},
    {Device::kHost1x, kNiso1, 0x27, 0x27}, {Device::kHost1x, kNiso1, 0x35, 0x44},
    {Device::kIsp, kNiso1, 0x22, 0x22},    {Device::kIsp, kNiso1, 0x28, 0x28},
    {Device::kIsp, kNiso1, 0x48, 0x48},    {Device::kPva, kNiso1, 0x12, 0x19},
    {Device::kPva, kNiso1, 0x2c, 0x2c},    {Device::kRce, kNiso0, 0x0a, 0x0a},
    {Device::kRce, kNiso0, 0x16, 0x17},    {Device::kTsec, kNiso1, 0x33, 0x33},
    {Device::kTsec, kNiso1, 0x4a, 0x4a},   {Device::kUfs, kNiso0, 0x0c, 0x0c},
    {Device::kUfs, kNiso0, 0x19, 0x1e},    {Device::kUfs, kNiso0, 0x60, 0x6d},
    {Device::kVi, kIso, 0x02, 0x03},       {Device::kVi, kIso, 0x06, 0x06},
    {Device::kVi2, kIso, 0x04, 0x05},      {Device::kVi2, kIso, 0x07, 0x07},
    {Device::kXusb, kNiso1, 0x0e, 0x0e},   {Device::kXusb, kNiso1, 0x1a, 0x1d},
};

constexpr ClientInfo kClients[] = {
#include "model/clients.inc"
};
constexpr size_t kClientCount = sizeof(kClients) / sizeof(kClients[0]);
constexpr size_t kClientIds = 0x200;
constexpr uint8_t kNone = 0xff;

// Row of each client id; a DMA looks its client up on every transaction.
struct RowOfId {
  uint8_t row[kClientIds];
  constexpr RowOfId() : row() {
    for (uint8_t& r : row) r = kNone;
    for (size_t i = 0; i < kClientCount; ++i) row[kClients[i].id] = static_cast<uint8_t>(i);
  }
};
constexpr RowOfId kRowOfId;
static_assert(kClientCount < kNone);

constexpr bool Sorted() {
  for (size_t i = 1; i < kClientCount; ++i) {
    if (kClients[i - 1].id >= kClients[i].id) return false;
  }
  return kClients[kClientCount - 1].id < kClientIds;
}
static_assert(Sorted());

bool Equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

}  // namespace

const DeviceStreams (&Devices())[kDeviceRanges] { return kDevices; }

const DeviceStreams* DeviceOf(uint64_t side, uint64_t sid) {
  for (const DeviceStreams& row : kDevices) {
    if (row.side == side && sid >= row.first && sid <= row.last) return &row;
  }
  return nullptr;
}

const ClientInfo* Clients(size_t* count) {
  *count = kClientCount;
  return kClients;
}

const ClientInfo* FindClient(uint16_t id) {
  if (id >= kClientIds || kRowOfId.row[id] == kNone) return nullptr;
  return &kClients[kRowOfId.row[id]];
}

const ClientInfo* FindClient(const char* name) {
  for (const ClientInfo& client : kClients) {
    if (Equal(client.name, name)) return &client;
  }
  return nullptr;
}

}  // namespace sidewall::model
