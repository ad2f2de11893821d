// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <stddef.h>
#include <stdint.h>

#include "model/registers.h"

namespace sidewall::model {

namespace {

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
