// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The hypervisor's core on this board: events that go through it (ownership, pools, mappings,
// power), and what it asks of the driver, of the host and of the machine.
#include <algorithm>

#include "oracle/board.h"
#include "oracle/checks.h"

namespace sidewall {

using model::HypReply;
using model::HypResult;
using model::HypStatus;

namespace {

constexpr uint64_t kMaxMovedPages = 1 << 16;

HypReply ReplyOf(const struct sidewall_result& result) {
  HypReply reply;
  reply.progress = result.progress;
  reply.pages_needed = result.pages_needed;
  switch (result.status) {
    case SIDEWALL_OK:
      break;
    case SIDEWALL_DEGRADED:
      reply.status = HypStatus::kDegraded;
      break;
    case SIDEWALL_UNSUPPORTED:
      reply.status = HypStatus::kUnsupported;
      break;
    default:
      reply.status = HypStatus::kRefused;
      break;
  }
  return reply;
}

// A driver that cannot mirror ownership has refused to.
HypReply MirrorReply(const struct sidewall_result& result) {
  HypReply reply = ReplyOf(result);
  if (reply.status == HypStatus::kUnsupported) reply.status = HypStatus::kRefused;
  return reply;
}

// The transitions, reduced to what they mean for the ghost.
struct Effect {
  bool host_loses = false;
  bool host_gains = false;
  bool lends = false;                 // moves the borrower, not the owner
  uint8_t from = 0;                   // who must own the pages
  uint8_t borrower = model::kNobody;  // who must have borrowed them
  uint8_t next = 0;                   // the owner, or the borrower, after it
};

Effect EffectOf(EventKind kind, uint8_t who, uint8_t owner) {
  Effect e;
  switch (kind) {
    case EventKind::kHypDonate:
    case EventKind::kPoolAdd:
      return {.host_loses = true, .from = model::kOwnerHost, .next = who};
    case EventKind::kHypReclaim:
      return {.host_gains = true, .from = who, .next = model::kOwnerHost};
    case EventKind::kHypShare:
      e.host_gains = who == model::kOwnerHost;
      e.next = who;
      break;
    default:
      e.host_loses = who == model::kOwnerHost;
      e.borrower = who;
      e.next = model::kNobody;
      break;
  }
  e.lends = true;
  e.from = owner;
  return e;
}

model::Transition TransitionOf(EventKind kind) {
  switch (kind) {
    case EventKind::kHypReclaim:
      return model::Transition::kReclaim;
    case EventKind::kHypShare:
      return model::Transition::kShare;
    case EventKind::kHypUnshare:
      return model::Transition::kUnshare;
    default:
      return model::Transition::kDonate;
  }
}

model::MapRequest MappingOf(const Event& event) {
  model::MapRequest r;
  const bool guest = event.kind == EventKind::kGuestMap || event.kind == EventKind::kGuestUnmap;
  const bool maps = event.kind == EventKind::kHvcMapPages || event.kind == EventKind::kGuestMap;
  if (guest) {
    r.who = static_cast<uint8_t>(model::kOwnerGuest0 + std::min<uint64_t>(event.arg[0], 128));
    r.domain = static_cast<uint32_t>(event.arg[1]);
    r.iova = event.arg[2];
    r.pa = maps ? event.arg[3] : 0;
    const uint64_t size = maps ? event.arg[4] : event.arg[3];
    r.page_count = size % kPageSize == 0 ? size / kPageSize : 0;
  } else {
    r.domain = static_cast<uint32_t>(event.arg[0]);
    r.iova = event.arg[1];
    r.pa = maps ? event.arg[2] : 0;
    r.page_size = maps ? event.arg[3] : event.arg[2];
    r.page_count = maps ? event.arg[4] : event.arg[3];
  }
  r.prot = maps ? static_cast<uint32_t>(event.arg[5]) : 0;
  return r;
}

}  // namespace

struct Board::MoveOf {
  EventKind kind;
  uint64_t pa = 0;
  uint64_t count = 0;
  uint8_t who = 0;
  uint32_t pool = 0;
};

Outcome Board::OutcomeOf(const HypResult& result) const {
  Outcome outcome;
  outcome.value = result.mapped;
  outcome.unsupported = result.status == HypStatus::kUnsupported;
  outcome.result = result.status == HypStatus::kOk         ? Expect::kOk
                   : result.status == HypStatus::kDegraded ? Expect::kDegraded
                                                           : Expect::kRefused;
  return outcome;
}

// ---------------------------------------------------------------- ownership of memory

void Board::TellReach(uint64_t pa, uint64_t count, bool before) {
  for (uint64_t i = 0; looks_ && i < count; i++) reach_.OnOwner(pa + i * kPageSize, before);
}

void Board::ChangeHands(uint64_t pa, uint64_t count, bool lends, uint8_t next) {
  TellReach(pa, count, true);
  if (lends) {
    ghost_.Lend(pa, count, next);
  } else {
    ghost_.Move(pa, count, next);
  }
  TellReach(pa, count, false);
  checks_->NoteHostPages(pa, count);
}

HypResult Board::MoveMemory(const MoveOf& move) {
  const auto& [kind, pa, count, who, pool] = move;
  const Effect e = EffectOf(kind, who, ghost_.owner(pa));
  const uint8_t to = kind == EventKind::kHypReclaim ? model::kOwnerHost : who;
  // References and pools are the core's to know; owners and borrowers the ghost knows itself.
  const bool allowed =
      hyp_.pages().Check(TransitionOf(kind), pa, count, e.from, to) == model::Why::kNone;
  const bool known = allowed && ghost_.CanUnshare(pa, count, e.from, e.borrower);
  const bool was_restricted = known && ghost_.AnyOverRestricted(pa, count);
  if (known && (e.host_loses || e.host_gains)) ghost_.SetOverRestricted(pa, count, true);
  if (known) checks_->NoteHostPages(pa, count);
  checks_->ArmWatches();
  if (known && e.host_gains) ChangeHands(pa, count, e.lends, e.next);
  HypResult done;
  if (kind == EventKind::kHypDonate) done = hyp_.Donate(*this, pa, count, who);
  if (kind == EventKind::kHypReclaim) done = hyp_.Reclaim(*this, pa, count, who);
  if (kind == EventKind::kHypShare) done = hyp_.Share(*this, pa, count, e.from, who);
  if (kind == EventKind::kHypUnshare) done = hyp_.Unshare(*this, pa, count, e.from, who);
  if (kind == EventKind::kPoolAdd) done = hyp_.PoolAdd(*this, pool, pa, count);
  checks_->DisarmWatches();
  const Expect result = OutcomeOf(done).result;
  if (result == Expect::kOk && known && !e.host_gains) ChangeHands(pa, count, e.lends, e.next);
  if (result == Expect::kOk && known && e.host_loses) {
    checks_->AfterLoss(pa, count, model::kOwnerHost);
  }
  const bool guest_loses =
      kind == EventKind::kHypReclaim || (kind == EventKind::kHypUnshare && model::IsGuest(who));
  if (result == Expect::kOk && known && guest_loses) checks_->AfterLoss(pa, count, who);
  const bool refused = result == Expect::kRefused;
  const uint64_t mapped = refused ? count : std::min(done.mapped / kPageSize, count);
  if (known && (e.host_gains || (refused && !was_restricted))) {
    ghost_.SetOverRestricted(pa, mapped, false);
  }
  return done;
}

Outcome Board::ApplyOwnership(const Event& event) {
  const uint64_t count = event.arg[1];
  if (phase_ != Phase::kUp || count > kMaxMovedPages || event.arg[2] >= model::kMaxOwners)
    return {};
  const Outcome outcome = OutcomeOf(MoveMemory({.kind = event.kind,
                                                .pa = event.arg[0],
                                                .count = count,
                                                .who = static_cast<uint8_t>(event.arg[2])}));
  CountCall(outcome);
  return outcome;
}

// ---------------------------------------------------------------- pools, mappings, power

// The host chooses the pages that it gives: the topmost that lie together and that it may give.
HypResult Board::FeedPool(uint32_t pool, uint64_t count) {
  HypResult none;
  none.status = HypStatus::kRefused;
  if (count == 0 || count > hyp_.pools().spare()) return none;
  const model::Pages& pages = hyp_.pages();
  uint64_t run = 0;
  uint64_t last = 0;
  for (size_t index = pages.ram_count(); index-- > 0 && run < count;) {
    const uint64_t pa = pages.AddressOf(index);
    const bool may = pages.Check(model::Transition::kDonate, pa, 1, model::kOwnerHost,
                                 model::kOwnerEl2) == model::Why::kNone;
    run = !may ? 0 : run != 0 && pa + kPageSize == last ? run + 1 : 1;
    last = pa;
  }
  if (run < count) return none;
  return MoveMemory({.kind = EventKind::kPoolAdd,
                     .pa = last,
                     .count = count,
                     .who = model::kOwnerEl2,
                     .pool = pool});
}

Outcome Board::ApplyCore(const Event& event) {
  const auto side = static_cast<uint8_t>(std::min<uint64_t>(event.arg[0], 0xff));
  const auto pool = static_cast<uint32_t>(std::min<uint64_t>(event.arg[0], model::kPoolCount));
  HypResult done;
  switch (event.kind) {
    case EventKind::kGuestMap:
      if (event.arg[4] % kPageSize != 0) return ApplyRagged(event);
      [[fallthrough]];
    case EventKind::kHvcMapPages:
      done = hyp_.Map(*this, MappingOf(event));
      break;
    case EventKind::kHvcUnmapPages:
    case EventKind::kGuestUnmap:
      done = hyp_.Unmap(*this, MappingOf(event));
      break;
    case EventKind::kPoolAdd:
      done = FeedPool(pool, event.arg[1]);
      break;
    case EventKind::kPoolReclaim:
      done = hyp_.PoolReclaim(*this, pool, event.arg[1]);
      break;
    case EventKind::kPowerSuspend:
      done = hyp_.Power(*this, model::PowerCall::kSuspend, side);
      break;
    case EventKind::kPowerResume:
      done = hyp_.Power(*this, model::PowerCall::kResume, side);
      break;
    case EventKind::kPowerOff:
      done = hyp_.Power(*this, model::PowerCall::kOff, side);
      break;
    case EventKind::kPowerOn:
      done = hyp_.Power(*this, model::PowerCall::kOn, side);
      break;
    default:
      return {};
  }
  const Outcome outcome = OutcomeOf(done);
  CountCall(outcome);
  return outcome;
}

// A size that is no whole number of pages is the guest's mistake, and the driver's to answer. The
// core has taken no reference: what it has looked up are pages.
Outcome Board::ApplyRagged(const Event& event) {
  const uint64_t* arg = event.arg;
  const Outcome outcome = OutcomeOf(
      Invoke({.id = CallId::kGuestMap, .arg = {arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]}}));
  CountCall(outcome);
  return outcome;
}

// ---------------------------------------------------------------- the core's calls

HypReply Board::Idmap(uint64_t start, uint64_t end, bool map) {
  const uint64_t prot = map ? SIDEWALL_PROT_RW : SIDEWALL_PROT_NONE;
  HypReply reply = MirrorReply(Invoke({.id = CallId::kHostStage2Idmap, .arg = {start, end, prot}}));
  reply.progress = std::min(reply.progress, end - start);
  return reply;
}

HypReply Board::IdmapComplete(bool map) {
  return MirrorReply(Invoke({.id = CallId::kHostStage2IdmapComplete, .arg = {map ? 1u : 0u}}));
}

HypReply Board::Map(const model::MapRequest& r) {
  if (r.who == model::kOwnerHost) {
    return ReplyOf(Invoke({.id = CallId::kMapPages,
                           .arg = {r.domain, r.iova, r.pa, r.page_size, r.page_count, r.prot}}));
  }
  const uint64_t vm = r.who - model::kOwnerGuest0;
  return ReplyOf(
      Invoke({.id = CallId::kGuestMap, .arg = {vm, r.domain, r.iova, r.pa, r.size(), r.prot}}));
}

HypReply Board::Unmap(const model::MapRequest& r) {
  if (r.who == model::kOwnerHost) {
    return ReplyOf(
        Invoke({.id = CallId::kUnmapPages, .arg = {r.domain, r.iova, r.page_size, r.page_count}}));
  }
  const uint64_t vm = r.who - model::kOwnerGuest0;
  return ReplyOf(Invoke({.id = CallId::kGuestUnmap, .arg = {vm, r.domain, r.iova, r.size()}}));
}

// The waist's unmap for a guest ends with a sync of its own.
HypReply Board::Sync(const model::MapRequest& r) {
  if (r.who != model::kOwnerHost) return {};
  return ReplyOf(Invoke({.id = CallId::kIotlbSync, .arg = {r.domain}}));
}

HypReply Board::PoolAdd(uint32_t pool, uint64_t pages) {
  return ReplyOf(Invoke({.id = CallId::kPoolAdd, .arg = {pool, pages}}));
}

HypReply Board::PoolReclaim(uint32_t pool, uint64_t pages) {
  return ReplyOf(Invoke({.id = CallId::kPoolReclaim, .arg = {pool, pages}}));
}

HypReply Board::Power(model::PowerCall call, uint8_t side) {
  return ReplyOf(SwitchPower(call, side));
}

bool Board::Refill(uint32_t pool, uint32_t pages) {
  return FeedPool(pool, pages).status == HypStatus::kOk;
}

// The core clears a page that it hands out again, to memory.
void Board::ZeroPage(uint64_t pa) {
  machine_->TableZero(pa);
  machine_->Clean(pa, kPageSize);
  machine_->Barrier();
}

void Board::Returning(uint64_t pa, uint64_t count) {
  ghost_.SetOverRestricted(pa, count, true);
  ChangeHands(pa, count, false, model::kOwnerHost);
}

void Board::Returned(uint64_t pa, uint64_t count, uint64_t mapped) {
  ghost_.SetOverRestricted(pa, std::min(mapped / kPageSize, count), false);
}

void Board::Report(const model::HypReport& report) { checks_->AfterMisuse(report); }

}  // namespace sidewall
