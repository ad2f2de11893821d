// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What calls about streams, devices and power must return. A refusal needs a reason that the waist
// gives: power that is off, an entry of the host's, a bank that others are sure of. Where entries
// run out is the driver's own affair, so that nothing is said of a call that finds none left.
#include "oracle/clients.h"
#include "oracle/expected.h"

namespace sidewall {
namespace {

using Standing = GhostDomains::Standing;

constexpr uint8_t kHost = SIDEWALL_OWNER_HOST;
// The host's stage 2 and the fault bank are EL2's own.
constexpr uint32_t kBanksOfNoDomain = 2;
constexpr uint32_t kOwnersOfBanks = 1 + SIDEWALL_MAX_VMS;

uint32_t Word(uint64_t value) { return static_cast<uint32_t>(value); }

Expected Served() { return Expected::ServedOrRefused(true); }
Expected Refused() { return Expected::ServedOrRefused(false); }

const model::SmmuSpec* UnitOf(const model::BoardSpec& board, uint32_t side) {
  for (size_t i = 0; i < board.smmu_count; i++) {
    if (board.smmu[i].side == side) return &board.smmu[i];
  }
  return nullptr;
}

// Whether one bank more leaves the others what they are sure of. `surely`: of those that the end of
// a VM may have freed, none counts as taken.
bool MayTakeBank(const GhostDomains& domains, const model::SmmuSpec& unit, uint8_t owner,
                 bool surely) {
  const uint32_t all = unit.el2_banks > kBanksOfNoDomain ? unit.el2_banks - kBanksOfNoDomain : 0u;
  const uint32_t share = all / kOwnersOfBanks;
  uint32_t taken = 0;
  uint32_t promised = 0;
  uint32_t own = 0;
  for (uint8_t i = 0; i < kOwnersOfBanks; i++) {
    const auto who = static_cast<uint8_t>(i == 0 ? kHost : SIDEWALL_OWNER_GUEST0 + i - 1);
    const uint32_t held = domains.BanksOf(unit.side, who, surely);
    taken += held;
    if (who == owner) own = held;
    if (who != owner && held < share) promised += share - held;
  }
  if (taken >= all) return false;
  return own < share || all - taken > promised;
}

// A detachment that waits for its sync is no reason to refuse: the call tries one.
Expected OfBank(const GhostDomains& domains, const model::SmmuSpec& unit, uint32_t domain,
                uint8_t owner) {
  if (domains.HasBank(unit.side, domain)) return Served();
  if (MayTakeBank(domains, unit, owner, false)) return Served();
  const bool none = !domains.IsUnclear(unit.side) && !MayTakeBank(domains, unit, owner, true);
  return none ? Refused() : Expected();
}

Expected OfAttach(const GhostDomains& domains, const model::BoardSpec& board, const Call& call,
                  const Observed& observed) {
  const bool guest = call.id == CallId::kGuestAttach;
  const uint8_t owner = static_cast<uint8_t>(guest ? SIDEWALL_OWNER_GUEST0 + Word(call.arg[0]) : 0);
  const uint32_t domain = Word(call.arg[guest ? 4 : 1]);
  const bool substream = Word(call.arg[3]) != 0 || (guest ? Word(call.arg[5]) : call.arg[4]) != 0;
  if (substream || (!guest && call.arg[5] != 0)) return Refused();
  const GhostDomains::Streams streams = domains.StreamsOf(call);
  const model::SmmuSpec* unit = nullptr;
  for (uint32_t side = 0; side < GhostDomains::kSides; side++) {
    if (streams[side].any()) unit = UnitOf(board, side);
  }
  if (unit == nullptr || observed.down) return Refused();
  const Standing standing = domains.StandingOf(streams, owner);
  if (standing == Standing::kAttached || standing == Standing::kForeign) return Refused();
  // What the host writes keeps no guest's stream from its domain.
  if (!guest && observed.host_entries != HostEntries::kNone) return {};
  if (!observed.has_room || standing == Standing::kUnclear) return {};
  return observed.allocation_failed ? Expected() : OfBank(domains, *unit, domain, owner);
}

// Also of a unit without power: what waits there was drained before it went.
Expected OfDetach(const GhostDomains& domains, const Call& call) {
  const bool guest = call.id == CallId::kGuestDetach;
  if (Word(call.arg[3]) != 0) return Refused();
  const GhostDomains::Streams streams = domains.StreamsOf(call);
  const uint8_t owner = static_cast<uint8_t>(guest ? SIDEWALL_OWNER_GUEST0 + Word(call.arg[0]) : 0);
  const Standing standing = domains.StandingOf(streams, owner);
  if (standing == Standing::kUnclear) return {};
  const uint32_t domain = Word(call.arg[guest ? 4 : 1]);
  return Expected::ServedOrRefused(standing == Standing::kAttached &&
                                   domains.IsOn(streams, domain));
}

Expected OfAssign(const GhostDomains& domains, const Call& call, const Observed& observed) {
  if (observed.down) return Refused();
  const Standing standing = domains.StandingOf(domains.StreamsOf(call), kHost);
  if (standing == Standing::kAttached || standing == Standing::kForeign) return Refused();
  if (domains.IsDying(Word(call.arg[0])) || standing == Standing::kUnclear) return {};
  if (observed.host_entries == HostEntries::kShared || !observed.has_room) return {};
  return observed.pinned && !observed.unanswered ? Served() : Expected();
}

Expected OfUnassign(const GhostDomains& domains, const Call& call) {
  const auto owner = static_cast<uint8_t>(SIDEWALL_OWNER_GUEST0 + Word(call.arg[0]));
  const Standing standing = domains.StandingOf(domains.StreamsOf(call), owner);
  if (standing == Standing::kUnclear) return {};
  return Expected::ServedOrRefused(standing == Standing::kFree);
}

Expected OfIdentity(const GhostDomains& domains, const model::BoardSpec& board, const Call& call,
                    const Observed& observed) {
  if (Word(call.arg[2]) > 1 || !domains.MayHaveIdentity(call.arg[0], call.arg[1])) return Refused();
  if (UnitOf(board, Word(call.arg[0])) == nullptr || observed.down) return Refused();
  const bool free = observed.has_room && observed.host_entries == HostEntries::kNone;
  return free ? Served() : Expected();
}

// A guest's own attached streams are left out: the waist does not say whether they may be blocked.
Expected OfBlock(const GhostDomains& domains, const model::BoardSpec& board, const Call& call,
                 const Observed& observed) {
  const GhostDomains::Streams streams = domains.StreamsOf(call);
  const uint32_t side = Word(call.arg[0]);
  if (Word(call.arg[2]) > 1 || UnitOf(board, side) == nullptr) return Refused();
  if (streams[side].none()) return Refused();
  const uint8_t owner =
      domains.StreamOwner(static_cast<uint8_t>(side), static_cast<uint16_t>(Word(call.arg[1])));
  const Standing standing = domains.StandingOf(streams, owner);
  if (owner == kHost && standing == Standing::kAttached) return Refused();
  if (standing != Standing::kFree || observed.host_entries == HostEntries::kShared) return {};
  return Served();
}

}  // namespace

Expected ExpectedOfUnit(const GhostDomains& domains, const model::BoardSpec& board,
                        const Call& call, const Observed& observed) {
  switch (call.id) {
    case CallId::kAttachDev:
    case CallId::kGuestAttach:
      return OfAttach(domains, board, call, observed);
    case CallId::kDetachDev:
    case CallId::kGuestDetach:
      return OfDetach(domains, call);
    case CallId::kAssignUnit:
      return OfAssign(domains, call, observed);
    case CallId::kUnassignUnit:
      return OfUnassign(domains, call);
    case CallId::kSetIdentity:
      return OfIdentity(domains, board, call, observed);
    case CallId::kDevBlockDma:
      return OfBlock(domains, board, call, observed);
    case CallId::kMcRegisterSid:
      return Refused();
    // The hypervisor's core asks for no other order than the waist allows.
    case CallId::kSuspend:
    case CallId::kPowerOff:
    case CallId::kResume:
    case CallId::kPowerOn:
      return Expected::ServedOrRefused(UnitOf(board, Word(call.arg[0])) != nullptr);
    default:
      return {};
  }
}

// A client has the stream of the default table, or else that of its node; one with neither, or one
// that no SMMU can hold back, has none.
Expected ExpectedOfRegistration(const model::BoardSpec& board, const Call& call,
                                bool finalize_begun) {
  const uint32_t client = Word(call.arg[0]);
  const uint32_t side = Word(call.arg[1]);
  const model::ClientInfo* info =
      client < 0x200 ? model::FindClient(static_cast<uint16_t>(client)) : nullptr;
  Expected e = Refused();
  if (!finalize_begun && info != nullptr && !IsUntouchable(info->id) && info->has_registers &&
      UnitOf(board, side) != nullptr) {
    const uint8_t own = OwnSid(*info);
    e = Expected::ServedOrRefused(own != 0 && own == Word(call.arg[2]) && info->side == side);
  }
  e.may_degrade = false;
  return e;
}

}  // namespace sidewall
