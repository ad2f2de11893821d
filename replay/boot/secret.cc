// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The marked page: memory of a guest, which no device of the host may reach. Every client of the
// memory controller, and every stream of every instance, is tried against it.
#include "model/registers.h"
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

namespace sidewall::boot {
namespace {

constexpr uint16_t kStreams = 128;

bool StartsWith(const char* text, const char* prefix) {
  while (*prefix != '\0' && *text == *prefix) ++text, ++prefix;
  return *prefix == '\0';
}

// PTCR carries the SMMU's own walks; CPU and NVLink ports do not pass an SMMU.
bool PassesNoSmmu(const model::ClientInfo& client) {
  static constexpr const char* kPrefixes[] = {"ptcr", "mpcore", "miu", "nvl"};
  for (const char* prefix : kPrefixes) {
    if (StartsWith(client.name, prefix)) return true;
  }
  return false;
}

// At the page's own address, which is what an identity mapping takes, in stage 1 or without one.
bool Reaches(const model::DmaRequest& request) {
  ++Shared().secret_tries;
  const model::DmaResult result = Hardware().Translate(request);
  const bool reached = result.fault == model::FaultKind::kNone &&
                       result.pa / 4096 == kSecretPage / 4096 &&
                       Load64(result.pa & ~uint64_t{7}) == kSecretWord;
  if (reached)
    Log("marked page reached: stream, route", result.sid, static_cast<uint64_t>(result.via.route));
  return reached;
}

bool Reaches(uint16_t client, uint8_t side, uint16_t sid, uint8_t instance) {
  model::DmaRequest request;
  request.client = client;
  request.side = side;
  request.sid = sid;
  request.instance = instance;
  request.address = kSecretPage + 0x40;
  if (Reaches(request)) return true;
  request.write = true;
  return Reaches(request);
}

}  // namespace

void MarkSecret() {
  for (uint64_t pa = kSecretPage; pa < kSecretPage + 4096; pa += 8) Store64(pa, kSecretWord);
}

uint16_t ProbeSecret() {
  size_t count = 0;
  const model::ClientInfo* clients = model::Clients(&count);
  for (size_t i = 0; i < count; ++i) {
    if (PassesNoSmmu(clients[i])) continue;
    for (uint8_t instance = 0; instance < 2; ++instance) {
      if (Reaches(clients[i].id, 0, 0, instance)) return clients[i].id;
    }
  }
  for (uint8_t side = 0; side < 3; ++side) {
    for (uint16_t sid = 0; sid < kStreams; ++sid) {
      for (uint8_t instance = 0; instance < 2; ++instance) {
        if (Reaches(model::kNoIndex, side, sid, instance)) return sid;
      }
    }
  }
  return kNoClient;
}

void ProbeControl() {
  for (uint8_t window = 0; window < kWindows; ++window) {
    model::DmaRequest request;
    request.side = window / 2;
    request.instance = window % 2;
    request.sid = kHostileSid;
    request.address = kKernel;
    const bool reached = Hardware().Translate(request).fault == model::FaultKind::kNone;
    if (reached) ++Shared().control_hits[window];
  }
}

}  // namespace sidewall::boot
