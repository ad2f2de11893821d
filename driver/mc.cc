// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The memory controller: which stream ID each client carries. A client's ID is a constant of the
// board (mc_clients.inc); the host may write that value and no other, and never the security word.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

enum class ClientClass : uint8_t { kAbsent, kFixed, kNode, kQuarantine, kUntouchable };
enum class ClientSide : uint8_t { kNiso1, kNiso0, kIso, kUnknown };

struct Client {
  uint16_t id;
  ClientClass kind;
  uint8_t sid;
  ClientSide side;
};

static_assert(uint32_t{static_cast<uint8_t>(ClientSide::kNiso1)} == SIDEWALL_SIDE_NISO1);
static_assert(uint32_t{static_cast<uint8_t>(ClientSide::kNiso0)} == SIDEWALL_SIDE_NISO0);
static_assert(uint32_t{static_cast<uint8_t>(ClientSide::kIso)} == SIDEWALL_SIDE_ISO);

constexpr Client kClients[] = {
#include "driver/mc_clients.inc"
};
constexpr uint32_t kClientRows = sizeof(kClients) / sizeof(kClients[0]);
static_assert(kClientRows == 202);
static_assert(kClientIds == mc::kClientCount);

constexpr bool HasOverride(const Client& client) {
  return client.kind == ClientClass::kFixed || client.kind == ClientClass::kNode ||
         client.kind == ClientClass::kQuarantine;
}

constexpr bool IsOnSide(const Client& client, uint32_t side) {
  switch (client.side) {
    case ClientSide::kNiso1:
      return side == SIDEWALL_SIDE_NISO1;
    case ClientSide::kNiso0:
      return side == SIDEWALL_SIDE_NISO0;
    case ClientSide::kIso:
      return side == SIDEWALL_SIDE_ISO;
    case ClientSide::kUnknown:
      return false;
  }
  return false;
}

constexpr bool ClientsAreSound() {
  for (uint32_t i = 0; i < kClientRows; ++i) {
    if (kClients[i].id >= mc::kClientCount) return false;
    if (i != 0 && kClients[i - 1].id >= kClients[i].id) return false;
    if (!HasOverride(kClients[i])) continue;
    if (kClients[i].sid == 0 || kClients[i].sid >= mc::kPassthroughSid) return false;
    const bool quarantined = kClients[i].kind == ClientClass::kQuarantine;
    if (quarantined != (kClients[i].sid == mc::kQuarantineSid)) return false;
  }
  return true;
}
static_assert(ClientsAreSound());

const Client* FindClient(uint32_t id) {
  for (const Client& client : kClients) {
    if (client.id == id) return &client;
  }
  return nullptr;
}

constexpr uint64_t OverrideOfId(uint32_t id) { return uint64_t{id} * mc::kOverrideStride; }
constexpr uint64_t SecurityOfId(uint32_t id) { return OverrideOfId(id) + mc::kSecurityOffset; }
constexpr uint64_t OverrideOffset(const Client& client) { return OverrideOfId(client.id); }
constexpr uint64_t SecurityOffset(const Client& client) { return SecurityOfId(client.id); }

RegisterWindow McWindow(State& state, uint32_t window) {
  const sidewall_range& range = state.cfg.mc_window[window];
  return RegisterWindow(state.ctx, Pa{range.start}, range.size, &state.mc.counters);
}

#define SIDEWALL_REQUIRE(condition)    \
  do {                                 \
    if (!(condition)) return __LINE__; \
  } while (false)

// Leaves `wanted` in the register, or says that it did not take.
uint32_t Settle(const RegisterWindow& window, uint64_t offset, uint32_t wanted) {
  uint32_t value = 0;
  SIDEWALL_REQUIRE(window.Read32(offset, &value));
  if (value == wanted) return 0;
  window.Write32(offset, wanted);
  SIDEWALL_REQUIRE(window.Read32(offset, &value));
  SIDEWALL_REQUIRE(value == wanted);
  return 0;
}

// The right ID first, then the bit that makes it count; a locked wrong value refuses the board.
// The rest of the security word (whether the client is non-secure, its lock) is as init found it.
uint32_t TakeOverClient(const RegisterWindow& window, const Client& client, uint32_t security) {
  uint32_t value = 0;
  window.Write32(OverrideOffset(client), client.sid);
  SIDEWALL_REQUIRE(window.Read32(OverrideOffset(client), &value));
  SIDEWALL_REQUIRE(value == client.sid);
  return Settle(window, SecurityOffset(client), security | mc::kSecurityOverrideEnable.mask());
}

uint32_t RestoreWords(const RegisterWindow& window, uint32_t id, const ClientWords& found) {
  const uint32_t line = Settle(window, OverrideOfId(id), found.override_word);
  return line == 0 ? Settle(window, SecurityOfId(id), found.security) : line;
}

// A kernel that resumes writes the defaults of all clients, those of guests among them; EL2 has
// restored these itself. The owner is read once, without the lock of its unit: whoever assigns a
// client changes the owner before the client may be used.
bool IsGuests(State& state, const Client& client) {
  const Smmu* smmu = UnitOf(state, static_cast<uint32_t>(client.side));
  if (smmu == nullptr) return false;
  return SharedOwnerOf(*smmu, client.sid) >= SIDEWALL_OWNER_GUEST0;
}

Answer WriteOverride(const RegisterWindow& window, const Client& client, uint64_t value) {
  if (value != client.sid) return Ignored(SIDEWALL_REASON_SID);
  uint32_t real = 0;
  if (!window.Read32(OverrideOffset(client), &real)) return NoAnswer();
  if (real == client.sid) return Done(SIDEWALL_DECISION_VIRTUAL);
  window.Write32(OverrideOffset(client), client.sid);
  if (!window.Read32(OverrideOffset(client), &real)) return NoAnswer();
  if (real != client.sid) return Ignored(SIDEWALL_REASON_LOCKED);
  return Done(SIDEWALL_DECISION_FORWARDED);
}

Answer WriteSecurity(const RegisterWindow& window, const Client& client, uint64_t value) {
  uint32_t real = 0;
  if (!window.Read32(SecurityOffset(client), &real)) return NoAnswer();
  if (value == real) return Done(SIDEWALL_DECISION_VIRTUAL);
  const uint32_t enabled = real | mc::kSecurityOverrideEnable.mask();
  if (value != enabled) return Ignored(SIDEWALL_REASON_FLOOR);
  window.Write32(SecurityOffset(client), enabled);
  if (!window.Read32(SecurityOffset(client), &real)) return NoAnswer();
  if (real != enabled) return Ignored(SIDEWALL_REASON_LOCKED);
  return Done(SIDEWALL_DECISION_FORWARDED);
}

}  // namespace

bool ClientHasSid(uint32_t id, uint32_t side, uint32_t sid) {
  const Client* client = FindClient(id);
  if (client == nullptr || !HasOverride(*client)) return false;
  if (client->kind == ClientClass::kQuarantine) return false;
  return static_cast<uint32_t>(client->side) == side && client->sid == sid;
}

uint32_t CheckMcBypass(State& state) {
  // Each channel has a copy of its own, which one store to its window could have changed alone.
  for (uint32_t i = 1; i < state.cfg.mc_window_count; ++i) {
    uint32_t config = 0;
    SIDEWALL_REQUIRE(McWindow(state, i).Read32(mc::kBypassConfig, &config));
    SIDEWALL_REQUIRE(mc::kBypassLock.Get(config) != 0);
    const uint32_t mode = mc::kBypassMode.Get(config);
    SIDEWALL_REQUIRE(mode == mc::kBypassPassthroughOnly || mode == mc::kBypassNone);
  }
  return 0;
}

uint32_t RecordMc(State& state) {
  if (state.cfg.mc_window_count == 0) return 0;
  LockGuard lock(state.ctx, SIDEWALL_LOCK_MC);
  const RegisterWindow window = McWindow(state, 0);
  for (uint32_t id = 0; id < kClientIds; ++id) {
    ClientWords& found = state.mc.found[id];
    state.mc.readable[id] = window.Read32(OverrideOfId(id), &found.override_word) &&
                            window.Read32(SecurityOfId(id), &found.security);
  }
  for (const Client& client : kClients) {
    SIDEWALL_REQUIRE(!HasOverride(client) || state.mc.readable[client.id]);
  }
  return 0;
}

// A client whose words do not take leaves no other without its own.
uint32_t TakeOverMc(State& state) {
  if (state.cfg.mc_window_count == 0) return 0;
  LockGuard lock(state.ctx, SIDEWALL_LOCK_MC);
  const RegisterWindow window = McWindow(state, 0);
  const bool again = PhaseOf(state) != Phase::kNone;
  const Client* row = kClients;
  uint32_t first = 0;
  for (uint32_t id = 0; id < kClientIds; ++id) {
    const ClientWords& found = state.mc.found[id];
    const bool listed = row != kClients + kClientRows && row->id == id;
    uint32_t line = 0;
    if (listed && HasOverride(*row)) {
      line = TakeOverClient(window, *row, found.security);
    } else if (again && state.mc.readable[id]) {
      line = RestoreWords(window, id, found);
    }
    if (first == 0) first = line;
    if (listed) ++row;
  }
  return first;
}

#undef SIDEWALL_REQUIRE

bool AnyClientCarries(uint32_t side, uint32_t sid) {
  for (const Client& client : kClients) {
    if (HasOverride(client) && IsOnSide(client, side) && client.sid == sid) return true;
  }
  return false;
}

bool ClientsArePinned(State& state, uint32_t side, const SidSet& set) {
  if (state.cfg.mc_window_count == 0) return true;
  LockGuard lock(state.ctx, SIDEWALL_LOCK_MC);
  const RegisterWindow window = McWindow(state, 0);
  for (const Client& client : kClients) {
    if (!HasOverride(client) || !IsOnSide(client, side) || !set.Has(client.sid)) continue;
    uint32_t override_word = 0;
    uint32_t security = 0;
    if (!window.Read32(OverrideOffset(client), &override_word)) return false;
    if (!window.Read32(SecurityOffset(client), &security)) return false;
    if (override_word != client.sid) return false;
    if (mc::kSecurityOverrideEnable.Get(security) == 0) return false;
  }
  return true;
}

Answer HandleMcAccess(State& state, uint32_t window, uint64_t offset, uint32_t width, bool is_write,
                      uint64_t value) {
  if (width != 4) return Ignored(SIDEWALL_REASON_WIDTH);
  if (window != 0) return Ignored(SIDEWALL_REASON_UNKNOWN_REGISTER);
  uint32_t id = 0;
  const RegisterRow* row =
      offset < mc::kClientCount * mc::kOverrideStride
          ? FindRegister(RegisterPage::kMcSid, static_cast<uint32_t>(offset), &id)
          : nullptr;
  if (row == nullptr) return Ignored(SIDEWALL_REASON_UNKNOWN_REGISTER);
  const Client* client = FindClient(id);
  if (client == nullptr) return Ignored(SIDEWALL_REASON_CLIENT);
  if (!HasOverride(*client)) return Ignored(SIDEWALL_REASON_CLIENT);
  const RegisterWindow sid_window = McWindow(state, 0);
  if (!is_write) {
    uint32_t real = 0;
    return sid_window.Read32(offset, &real) ? Shown(real) : NoAnswer();
  }
  if (IsGuests(state, *client)) return Ignored(SIDEWALL_REASON_SID);
  if (row->id == RegisterId::kMcOverride) return WriteOverride(sid_window, *client, value);
  return WriteSecurity(sid_window, *client, value);
}

}  // namespace SIDEWALL_NS
