// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a call returns, against what the reference allows: FUN02, and FUN04 of what it reports as
// done. What may legitimately differ is observed here, in hardware and in the run.
#include "model/registers.h"
#include "oracle/bits.h"
#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

// Of the memory controller, in each of its windows.
constexpr uint32_t kBypassConfig = 0x1820;
constexpr uint32_t kBypassLock = 1u << 31;
constexpr uint32_t kBypassMode = 3;
constexpr uint32_t kBypassPassthroughOnly = 2;

unsigned long long Wide(uint64_t value) { return value; }

const char* StatusName(uint32_t status) {
  constexpr const char* kNames[] = {"OK", "REFUSED", "DEGRADED", "UNSUPPORTED"};
  return status < 4 ? kNames[status] : "no status at all";
}

// Calls f(smr) for each valid entry.
template <typename F>
void ForEachValid(const model::Machine& machine, size_t instance, F f) {
  AnyBit(machine.smmu(instance).valid_entries, [&](uint32_t entry) {
    f(machine.Peek32(instance, layout::kSmr + 4 * entry));
    return false;
  });
}

// Both match the same stream IDs.
bool SameMatch(uint32_t a, uint32_t b) {
  const uint32_t mask = a >> 16 & 0x7fff;
  return (b >> 16 & 0x7fff) == mask && ((a ^ b) & ~mask & 0x7fff) == 0;
}

}  // namespace

// ---------------------------------------------------------------- what may differ

// An entry of hardware is the host's where the host has made one that matches the same, all of it
// its own; else it is EL2's.
std::vector<uint32_t> Checks::El2Entries(size_t instance) const {
  const GhostDomains& domains = board_.ghost_.domains();
  const uint8_t side = board_.machine_->SideOf(instance);
  std::vector<uint32_t> found;
  ForEachValid(*board_.machine_, instance, [&](uint32_t smr) {
    bool hosts = false;
    ForEachValid(board_.ghost_.bare(), instance,
                 [&](uint32_t virtual_smr) { hosts |= SameMatch(smr, virtual_smr); });
    hosts = hosts && !AnyMatched(smr, [&](uint16_t sid) {
              return domains.StreamOwner(side, sid) != SIDEWALL_OWNER_HOST ||
                     domains.HeldByEl2(side, sid);
            });
    if (!hosts) found.push_back(smr);
  });
  return found;
}

// EL2 has an entry for each of the streams, or one left for it.
bool Checks::HasRoom(size_t instance, const GhostDomains::SidSet& sids) const {
  GhostDomains::SidSet missing = sids;
  const std::vector<uint32_t> used = El2Entries(instance);
  for (uint32_t smr : used) {
    AnyMatched(smr, [&](uint16_t sid) {
      missing.reset(sid);
      return false;
    });
  }
  return used.size() + missing.count() <= SpecOf(instance).el2_entries;
}

HostEntries Checks::HostEntriesOf(size_t instance, const GhostDomains::SidSet& sids) const {
  HostEntries most = HostEntries::kNone;
  ForEachValid(board_.ghost_.bare(), instance, [&](uint32_t smr) {
    if (!AnyMatched(smr, [&](uint16_t sid) { return sids[sid]; })) return;
    const bool shared = AnyMatched(smr, [&](uint16_t sid) { return !sids[sid]; });
    most = std::max(most, shared ? HostEntries::kShared : HostEntries::kOwn);
  });
  return most;
}

// Every client of these streams carries its own, and the override counts.
bool Checks::ArePinned(const GhostDomains::Streams& streams) const {
  size_t count = 0;
  const model::ClientInfo* clients = model::Clients(&count);
  for (size_t i = 0; i < count; i++) {
    const model::ClientInfo& client = clients[i];
    const uint8_t sid = OwnSid(client);
    if (client.side >= streams.size() || !client.has_registers || !streams[client.side][sid & 0x7f])
      continue;
    if (board_.machine_->PeekMc(0, 8u * client.id) != sid) return false;
    if ((board_.machine_->PeekMc(0, 8u * client.id + 4) & 0x100) == 0) return false;
  }
  return true;
}

uint8_t Checks::SidesOf(uint8_t instances) const {
  uint8_t sides = 0;
  AnyBit(std::array{uint64_t{instances}}, [&](uint32_t instance) {
    sides |= static_cast<uint8_t>(1u << board_.machine_->SideOf(instance));
    return false;
  });
  return sides;
}

// What stats tells the host, of that which can be counted from outside: pages that were taken from
// pools and not given back, but for what is in guests' own, leaves of the host's stage 2, and units
// that wait for a completed sync.
const char* Checks::WhyNotCounted(const struct sidewall_counters& told) const {
  uint64_t taken = 0;
  for (uint32_t pool = 0; pool < SIDEWALL_POOL_VM0; pool++) {
    const model::PoolAccount account = board_.hyp_.pools().account(pool);
    taken += account.total - account.free;
  }
  if (told.pages != taken) return "it counts other pages of pools than were taken";
  uint64_t leaves = 0;
  if (idmap_.known() && board_.reach_.CountLeaves(idmap_.root(), &leaves) &&
      told.mapped_pages != leaves) {
    return "it counts other pages of the host's than its tables map";
  }
  const uint8_t waiting = SidesOf(flagged_) | board_.stuck_;
  uint64_t units = 0;
  for (size_t i = 0; i < board_.spec_.smmu_count; i++) {
    units |= uint64_t{waiting} >> board_.spec_.smmu[i].side & 1 ? uint64_t{1} << i : 0;
  }
  return told.degraded != units ? "it names other units that wait for a sync" : nullptr;
}

Observed Checks::Observe(const Call& call) const {
  Observed seen;
  seen.allocation_failed = work_.allocation_failed();
  seen.unanswered = work_.unanswered();
  seen.unfinished = SidesOf(unfinished_);
  seen.unended = SidesOf(unfinished_ & ~finished_);
  seen.unsynced = SidesOf(unfinished_ | given_up_);
  seen.stuck = board_.stuck_;
  seen.removed = removed_;
  const bool up = call.id == CallId::kResume || call.id == CallId::kPowerOn;
  for (size_t window = 1; up && window < board_.spec_.mc_window_count; window++) {
    const uint32_t config = board_.machine_->PeekMc(window, kBypassConfig);
    seen.may_pass |= (config & kBypassLock) == 0 || (config & kBypassMode) < kBypassPassthroughOnly;
  }
  if (call.id == CallId::kPoolReclaim && call.arg[0] < model::kPoolCount) {
    const size_t pool = call.arg[0];
    seen.freed = CallWork::FreeIn(board_.hyp_.pools())[pool] - work_.free_before()[pool];
  }
  const GhostDomains::Streams streams = board_.ghost_.domains().StreamsOf(call);
  seen.has_room = true;
  bool any = false;
  for (size_t i = 0; i < board_.spec_.smmu_count; i++) {
    const uint8_t side = board_.spec_.smmu[i].side;
    if (streams[side].none()) continue;
    const size_t instance = board_.machine_->InstanceIndex(side, 0);
    any = true;
    seen.down |= board_.IsDownSide(side);
    seen.has_room &= HasRoom(instance, streams[side]);
    seen.host_entries = std::max(seen.host_entries, HostEntriesOf(instance, streams[side]));
  }
  seen.pinned = any && ArePinned(streams);
  return seen;
}

// ---------------------------------------------------------------- FUN02 result

// The one call that only serves before the board is up, and the one check that is armed there.
[[gnu::noinline]] void Checks::Fun02Registration(const Call& call,
                                                 const struct sidewall_result& result) {
  if (board_.violated() || !(board_.armed_ & Bit(Invariant::kFun02))) return;
  Evaluated(Invariant::kFun02);
  const Expected expected = ExpectedOfRegistration(board_.spec_, call, now_.finalize_begun);
  const char* wrong = expected.Why(result);
  if (wrong == nullptr) return;
  if (Report(Invariant::kFun02, "call", "Fun02Registration",
             Print("%s returned %s: %s", board_.call_name_, StatusName(result.status), wrong),
             {Print("client  0x%llx, side %llu, SID 0x%llx", Wide(call.arg[0]), Wide(call.arg[1]),
                    Wide(call.arg[2]))})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Fun02Result(const Call& call, const struct sidewall_result& result) {
  if (result.status == SIDEWALL_UNSUPPORTED) return;
  if (call.id == CallId::kMcRegisterSid && board_.phase_ != Board::Phase::kUp) {
    return Fun02Registration(call, result);
  }
  if (!Enabled(Invariant::kFun02) && !Enabled(Invariant::kFun04)) return;
  if (Enabled(Invariant::kFun02)) Evaluated(Invariant::kFun02);
  const Expected expected = ExpectedOf(board_.ghost_.domains(), board_.spec_, call, Observe(call));
  const char* wrong = expected.Why(result);
  if (wrong == nullptr && call.id == CallId::kStats && result.status == SIDEWALL_OK) {
    wrong = WhyNotCounted(*call.stats);
  }
  if (wrong == nullptr) return;
  // How much of a mapping was done is the more specific question.
  uint32_t domain = 0;
  const bool pages = GhostDomains::ChangesPages(call, &domain);
  const bool progress = pages && wrong == Expected::kWrongProgress;
  const Invariant id = progress ? Invariant::kFun04 : Invariant::kFun02;
  if (!Enabled(id)) return;
  if (Report(id, "call", "Fun02Result",
             Print("%s returned %s: %s", board_.call_name_, StatusName(result.status), wrong),
             {Print("result  progress 0x%llx, pages needed %u", Wide(result.progress),
                    result.pages_needed),
              Print("wanted  progress 0x%llx", Wide(expected.progress))})) {
    __builtin_trap();
  }
}

// Between init and finalize the core has mapped what it takes to be the host's, and nobody else has
// done anything, on hardware that is as after every reset and answers. So nothing has changed since
// init was OK but what the driver has made itself.
[[gnu::noinline]] void Checks::AfterRefusedBoot(const struct sidewall_result& result) {
  if (!board_.looks_ || board_.violated() || !(board_.armed_ & Bit(Invariant::kFun02))) return;
  Evaluated(Invariant::kFun02);
  if (Report(Invariant::kFun02, "call", "AfterRefusedBoot",
             Print("%s returned %s: nothing speaks against a board that init took",
                   board_.call_name_, StatusName(result.status)),
             {Print("result  progress 0x%llx", Wide(result.progress))})) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- FUN04 progress

// What the tables map is what was reported, no page more and none less: for a domain that a stream
// is attached to, as its tree and the ghost count it, and page by page at the ends of what the call
// was about.
[[gnu::noinline]] void Checks::Fun04Progress(const Call& call,
                                             const struct sidewall_result& result) {
  if (!Enabled(Invariant::kFun04)) return;
  uint32_t domain = 0;
  if (!GhostDomains::ChangesPages(call, &domain) || result.status == SIDEWALL_UNSUPPORTED) return;
  uint8_t side = 0;
  uint16_t sid = 0;
  if (!board_.ghost_.domains().AnyStreamOf(domain, &side, &sid)) return;
  const size_t instance = board_.machine_->InstanceIndex(side, 0);
  if (instance >= model::kMaxInstances || board_.IsDown(instance)) return;
  const model::Resolution via = board_.machine_->Resolve(instance, sid);
  uint64_t mapped = 0;
  if (via.route != model::Route::kStage2 || !board_.reach_.CountLeaves(via.stage2_root, &mapped)) {
    return;
  }
  Evaluated(Invariant::kFun04);
  const uint64_t wanted = board_.ghost_.domains().PageCount(domain);
  if (mapped == wanted) return;
  if (Report(
          Invariant::kFun04, "call", "Fun04Progress",
          Print("after %s the tables of domain %u map %llu pages, and %llu were reported",
                board_.call_name_, domain, Wide(mapped), Wide(wanted)),
          {Print("result  %s, progress 0x%llx", StatusName(result.status), Wide(result.progress)),
           Print("table   root 0x%llx", Wide(via.stage2_root))})) {
    __builtin_trap();
  }
}

}  // namespace sidewall
