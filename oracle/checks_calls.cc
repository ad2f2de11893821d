// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a call says when it returns, against what it did: ERR01 (a refused call changes nothing),
// ERR02 (nothing is left of what is gone), ERR03 (its work is bounded) and ISO10 (what did not come
// to its end is closed).
#include "model/registers.h"
#include "oracle/banks.h"
#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

unsigned long long Wide(uint64_t value) { return value; }

constexpr uint64_t kToldAtMost = 16;  // by one fault_irq

}  // namespace

void Checks::BeforeCall(const Call& call) {
  if (!board_.looks_) return;
  if (call.id == CallId::kInit || call.id == CallId::kFinalize) delivered_ = Delivering();
  BeginClosings(call);
  work_.Begin(board_.hyp_.pools());
  call_began_ = lives_.Now();
  closes_ = false;
  takes_ = call.id == CallId::kHostStage2Idmap &&
           static_cast<uint32_t>(call.arg[2]) == SIDEWALL_PROT_NONE;
  faulted_in_call_ = false;
  fault_owners_.BeginCall();
  global_records_.BeginCall();
  unfinished_ = given_up_ = finished_ = 0;
  status_ = {};
}

void Checks::AfterReturn(const Call& call, const struct sidewall_result& result) {
  if (!board_.looks_) return;
  const bool up = board_.phase_ == Board::Phase::kUp;
  if (up && result.status == SIDEWALL_OK) Iso12Authority(board_.ghost_.domains().Breach(call));
  Err03Work();
  Err01Refused(call, result);
  // What the host asks of caches itself is none of the driver's.
  if (!lives_.hosts()) {
    flagged_ = static_cast<uint8_t>((flagged_ & ~finished_) | unfinished_);
  }
  Fun02Result(call, result);
  if (call.id == CallId::kHostStage2IdmapComplete) removed_ = false;
  if (call.id == CallId::kFinalize) now_.finalize_begun = true;
  const bool takeover = call.id == CallId::kInit || call.id == CallId::kFinalize;
  if (takeover && result.status != SIDEWALL_OK) Iso10Takeover();
  if (result.status == SIDEWALL_DEGRADED) owed_ = true;
  if (result.status == SIDEWALL_OK && call.id == CallId::kTick) owed_ = false;
}

void Checks::FindTarget(uint64_t pa, unsigned width, bool table) {
  target_ = Target();
  target_.wide = width != 4;
  size_t instance = 0;
  if (table) {
    target_.kind = Target::kTable;
  } else if (board_.machine_->InstanceOf(pa, &instance, &target_.offset)) {
    target_.kind = Target::kRegister;
    target_.instance = static_cast<uint8_t>(instance);
    target_.place = layout::PlaceOf(SpecOf(instance), target_.offset);
  }
}

void Checks::BeforeStore(uint64_t pa, unsigned width, bool table) {
  if (!board_.looks_) return;
  FindTarget(pa, width, table);
  const bool command = target_.kind == Target::kRegister && layout::IsCommand(target_.place);
  if (command && target_.offset == layout::kTlbGSync) {
    given_up_ |= static_cast<uint8_t>(unfinished_ & 1u << target_.instance);
  }
  // Caches and the memory controller are nothing to what is watched.
  if (target_.kind != Target::kMc && !command) AskWatches();
  const bool names_bank = target_.kind == Target::kRegister && layout::NamesBank(target_.place);
  was_stage2_ =
      names_bank && IsStage2On(board_.machine_->smmu(target_.instance), target_.place.index);
  in_live_table_ = table && width == 8 && board_.machine_->IsLiveTable(pa, &place_);
  if (table && width == 8 && !board_.spec_.pool.Contains(pa)) return;
  const bool whole_table = table && width != 8;
  // No more is kept of a word than what a refusal is held against.
  const bool state =
      !whole_table && (target_.kind != Target::kRegister || layout::IsPolicy(target_.place));
  const uint64_t before =
      state && board_.phase_ == Board::Phase::kUp ? board_.WordAt(pa, width, table) : 0;
  work_.OnStore({pa, static_cast<uint8_t>(whole_table ? 0 : width), table, before});
}

// ---------------------------------------------------------------- ERR01, a refusal

// Null, or what a call that was refused has changed for good. Commands and what devices write
// themselves (faults) are no state of the driver's; pages that are back in their pool are nobody's.
// What an earlier call has left, when it was DEGRADED, any call may end, whatever becomes of it.
const char* Checks::WhatRefusalChanged(const CallWork::Word** changed) const {
  *changed = nullptr;
  if (work_.dropped_references()) return "dropped a DMA reference";
  if (work_.notified()) return "told somebody of a fault";
  if (CallWork::FreeIn(board_.hyp_.pools()) != work_.free_before()) return "kept or lost a page";
  for (size_t i = 0; i < work_.words().size(); i++) {
    const CallWork::Word& word = work_.words()[i];
    size_t instance = 0;
    uint32_t offset = 0;
    if (word.table && (word.width == 0 || !board_.hyp_.IsTaken(word.pa))) continue;
    if (!word.table && board_.machine_->InstanceOf(word.pa, &instance, &offset) &&
        !layout::IsPolicy(layout::PlaceOf(SpecOf(instance), offset))) {
      continue;
    }
    bool first = true;
    for (size_t j = 0; j < i; j++) first &= work_.words()[j].pa != word.pa;
    if (owed_ && !word.table) continue;
    if (!first || board_.WordAt(word.pa, word.width, word.table) == word.before) continue;
    *changed = &word;
    return word.table ? "changed a table" : "changed a register";
  }
  return nullptr;
}

[[gnu::noinline]] void Checks::Err01Refused(const Call& call,
                                            const struct sidewall_result& result) {
  if (!Enabled(Invariant::kErr01) || result.status != SIDEWALL_REFUSED) return;
  if (call.id == CallId::kInit || call.id == CallId::kFinalize) return;
  Evaluated(Invariant::kErr01);
  const CallWork::Word* word = nullptr;
  const char* what = WhatRefusalChanged(&word);
  if (what == nullptr) return;
  std::vector<std::string> text;
  if (word != nullptr) {
    text = {Print("word    0x%llx", Wide(word->pa)), Print("before  0x%llx", Wide(word->before)),
            Print("now     0x%llx", Wide(board_.WordAt(word->pa, word->width, word->table)))};
  }
  if (Report(Invariant::kErr01, "call", "Err01Refused",
             Print("%s was refused and %s", board_.call_name_, what), std::move(text))) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- ERR03, bounds of work

[[gnu::noinline]] void Checks::Err03Work() {
  if (!Enabled(Invariant::kErr03)) return;
  Evaluated(Invariant::kErr03);
  const uint64_t loads =
      WorkBounds::kRegisterStores + WorkBounds::kSyncs * board_.spec_.sync_timeout_us;
  const bool few = work_.table_stores() <= WorkBounds::kTableStores &&
                   work_.register_stores() <= WorkBounds::kRegisterStores && work_.loads() <= loads;
  const bool short_holds = work_.holds() <= WorkBounds::kHolds &&
                           work_.table_stores_held() <= WorkBounds::kTableStoresHeld;
  if (few && short_holds) return;
  if (Report(Invariant::kErr03, "call", "Err03Work",
             Print("%s does more than one call may", board_.call_name_),
             {Print("tables     %llu stores of at most %llu", Wide(work_.table_stores()),
                    Wide(WorkBounds::kTableStores)),
              Print("registers  %llu stores of at most %llu", Wide(work_.register_stores()),
                    Wide(WorkBounds::kRegisterStores)),
              Print("loads      %llu of at most %llu", Wide(work_.loads()), Wide(loads)),
              Print("locks      taken %llu times of at most %llu", Wide(work_.holds()),
                    Wide(WorkBounds::kHolds)),
              Print("           and held over %llu stores to tables of at most %llu",
                    Wide(work_.table_stores_held()), Wide(WorkBounds::kTableStoresHeld))})) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- ERR02, balance

// An entry of EL2's for a stream that is on no domain and nobody's but the host's stands in for one
// of the host's, or is left over. Nothing is said while something waits for a sync. The other
// instance of a pair is ISO06's.
[[gnu::noinline]] void Checks::Err02Entries(size_t instance) {
  if (!Enabled(Invariant::kErr02) || board_.IsDown(instance)) return;
  const GhostDomains& domains = board_.ghost_.domains();
  const uint8_t side = board_.machine_->SideOf(instance);
  if (owed_ || domains.IsUnclear(side)) return;
  Evaluated(Invariant::kErr02);
  for (uint32_t smr : El2Entries(instance)) {
    uint16_t left = 0;
    const bool is_left = AnyMatched(smr, [&](uint16_t sid) {
      left = sid;
      return !domains.MayStandIn(side, sid) && !board_.IsBootStream(side, sid);
    });
    if (!is_left) continue;
    if (Report(Invariant::kErr02, "entry", "Err02Entries",
               Print("an entry of EL2's on %s is left, and no domain",
                     model::WindowName(WindowOf(instance))),
               {Print("entry   SMR 0x%08x", smr), Print("stream  0x%x", left)})) {
      __builtin_trap();
    }
    return;
  }
}

void Checks::AfterEffect(const Call& call, const struct sidewall_result& result) {
  if (!board_.looks_) return;
  Fun04Progress(call, result);
  if (work_.allocates()) Iso10Kept();
  const bool ok = result.status == SIDEWALL_OK;
  const bool ends = call.id == CallId::kFreeDomain || call.id == CallId::kVmDestroy;
  if (ok && ends) Err02Balance();
  if (ok && ends && board_.ghost_.domains().IsEmpty()) {
    for (size_t i = 0; i < board_.spec_.smmu_count; i++) {
      Err02Entries(board_.machine_->InstanceIndex(board_.spec_.smmu[i].side, 0));
    }
  }
  if (ok && call.id == CallId::kFaultIrq && result.progress < kToldAtMost) {
    Fun05Left(static_cast<uint8_t>(call.arg[0]));
  }
  if (result.status == SIDEWALL_DEGRADED) Iso10AfterDegraded(call);
  NoteWait(call, result);
  if (ok) Iso10Drained(call);
}

// When there is no domain and no VM, nobody holds a reference, and the pools of the host and of
// the VMs have all their pages. The atomic pool is the identity map's, which stays.
[[gnu::noinline]] void Checks::Err02Balance() {
  if (!Enabled(Invariant::kErr02) || !board_.ghost_.domains().IsEmpty()) return;
  Evaluated(Invariant::kErr02);
  const uint64_t references = board_.hyp_.pages().references();
  for (uint32_t pool = 0; pool < model::kPoolCount; pool++) {
    const model::PoolAccount account = board_.hyp_.pools().account(pool);
    if (references == 0 && (pool == model::kPoolAtomic || account.free == account.total)) continue;
    if (Report(Invariant::kErr02, "call", "Err02Balance",
               references != 0
                   ? Print("%llu DMA references are left, and no domain", Wide(references))
                   : Print("%u pages of pool %u are left, and no domain",
                           account.total - account.free, pool),
               {})) {
      __builtin_trap();
    }
    return;
  }
}

// ---------------------------------------------------------------- ISO10 fail-closed

bool Checks::Delivers(size_t instance, uint16_t sid) const {
  const model::Resolution via = board_.machine_->Resolve(instance, sid);
  switch (via.route) {
    case model::Route::kUnmatched:
    case model::Route::kMultiMatch:
    case model::Route::kFaultEntry:
    case model::Route::kBadContext:
      return false;
    case model::Route::kStage2:
    case model::Route::kNested:
      return board_.reach_.MapsAnything(via.stage2_root);
    default:
      return true;
  }
}

Checks::StreamSets Checks::Delivering() const {
  StreamSets sets;
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    if (!board_.machine_->HasInstance(instance)) continue;
    for (uint16_t sid = 0; sid < sets[instance].size(); sid++) {
      sets[instance][sid] = Delivers(instance, sid);
    }
  }
  return sets;
}

// A takeover that fails, on hardware that does not answer or that nobody knows, opens no stream
// that faulted before it; and once it has begun to close streams, it leaves none open, on whatever
// unit it failed. It is armed as soon as there is a takeover, and whatever the host has written by
// itself.
[[gnu::noinline]] void Checks::Iso10Takeover() {
  if (board_.violated() || !(board_.armed_ & Bit(Invariant::kIso10))) return;
  Evaluated(Invariant::kIso10);
  board_.reach_.RefreshAll();
  const StreamSets now = Delivering();
  for (size_t instance = 0; instance < now.size(); instance++) {
    const auto opened = now[instance] & ~delivered_[instance];
    const auto& open = closes_ ? now[instance] : opened;
    if (open.none()) continue;
    uint16_t sid = 0;
    while (!open[sid]) sid++;
    if (Report(
            Invariant::kIso10, "stream", "Iso10Takeover",
            Print("%s did not succeed, and %s", board_.call_name_,
                  opened.any() ? "opened a stream that faulted before it" : "left a stream open"),
            {Print("stream  0x%x on %s", sid, model::WindowName(WindowOf(instance))),
             "        " + RegisterLine(instance, layout::kSCr0)})) {
      __builtin_trap();
    }
    return;
  }
}

[[gnu::noinline]] void Checks::Iso10Closed(size_t instance, uint16_t sid) {
  if (!Enabled(Invariant::kIso10)) return;
  Evaluated(Invariant::kIso10);
  if (!Delivers(instance, sid)) return;
  const model::Resolution via = board_.machine_->Resolve(instance, sid);
  std::vector<std::string> text = {
      Print("stream  0x%x on %s", sid, model::WindowName(WindowOf(instance)))};
  if (via.entry != model::kNoIndex) text = Path(instance, via.entry, via);
  if (Report(Invariant::kIso10, "stream", "Iso10Closed",
             Print("%s was DEGRADED, and a stream does not fault", board_.call_name_),
             std::move(text))) {
    __builtin_trap();
  }
}

// The streams that a call may take from what leads them: those that it is about, or all of a VM's.
void Checks::BeginClosings(const Call& call) {
  const GhostDomains& domains = board_.ghost_.domains();
  const GhostDomains::Streams streams =
      call.id == CallId::kVmDestroy ? domains.StreamsOfVm(static_cast<uint32_t>(call.arg[0]))
                                    : domains.StreamsOf(call);
  closings_.EndCall();
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    if (!board_.machine_->HasInstance(instance) || board_.IsDown(instance)) continue;
    const GhostDomains::SidSet& here = streams[board_.machine_->SideOf(instance)];
    if (here.none()) continue;
    closings_.Begin(instance, here, [&](uint16_t sid) { return Delivers(instance, sid); });
  }
}

// When the stream was closed, on each instance: `since`, where that was earlier or never.
Lives::Moment Checks::ClosedSince(uint8_t side, uint16_t sid, Lives::Moment since) const {
  const size_t first = board_.machine_->InstanceIndex(side, 0);
  for (size_t instance = first; instance < first + 2 && instance < since.size(); instance++) {
    since[instance] = std::max(since[instance], closings_.At(instance, sid));
  }
  return since;
}

// A stream that was taken from what led it, by this call or by one before, is drained when a call
// that gives it another place is OK: what it has under way would else end behind the call, in
// memory that is its last place's.
void Checks::Iso10Drained(const Call& call) {
  const bool moves = call.id == CallId::kAssignUnit || call.id == CallId::kUnassignUnit ||
                     call.id == CallId::kVmDestroy;
  const bool closes = call.id == CallId::kDetachDev || call.id == CallId::kGuestDetach ||
                      call.id == CallId::kDevBlockDma;
  if (!moves && !closes) return;
  const GhostDomains& domains = board_.ghost_.domains();
  const GhostDomains::Streams named = domains.StreamsOf(call);
  for (size_t i = 0; i < board_.spec_.smmu_count; i++) {
    const uint8_t side = board_.spec_.smmu[i].side;
    const GhostDomains::SidSet& streams = moves ? domains.moved(side) : named[side];
    if (streams.none() || board_.IsDownSide(side)) continue;
    Closings::ForEach(streams, [&](uint16_t sid) { Iso10StreamDrained(side, sid); });
  }
}

[[gnu::noinline]] void Checks::Iso10StreamDrained(uint8_t side, uint16_t sid) {
  if (!Enabled(Invariant::kIso10)) return;
  const size_t first = board_.machine_->InstanceIndex(side, 0);
  const Lives::Moment since = ClosedSince(side, sid, {});
  if (since == Lives::Moment()) return;
  Evaluated(Invariant::kIso10);
  if (lives_.SyncedSince(first, since)) return;
  if (Report(Invariant::kIso10, "stream", "Iso10StreamDrained",
             Print("%s was OK, and no sync has waited for the stream since it was closed",
                   board_.call_name_),
             {Print("stream  0x%x on %s", sid, model::WindowName(WindowOf(first)))})) {
    __builtin_trap();
  }
}

// An attachment that did not come about leaves a stream where it was: with the host's own entry, or
// its identity map. A stream that a detachment has closed is drained by a sync, and the host's to
// use from there on: an entry of its own may lead it before the bank's end has had its sync too.
bool Checks::IsHosts(const Call& call, size_t instance, uint16_t sid) const {
  if (call.id != CallId::kAttachDev && call.id != CallId::kDetachDev) return false;
  const uint8_t side = board_.machine_->SideOf(instance);
  const bool led = call.id == CallId::kAttachDev && closings_.LedBefore(instance, sid);
  if (!led && !lives_.SyncedSince(instance, ClosedSince(side, sid, call_began_))) return false;
  const uint16_t hosts = model::cbar::Stage2Bank(board_.machine_->smmu(instance).cbar[0]);
  return board_.machine_->Resolve(instance, sid).stage2_bank == hosts;
}

// A stream whose attachment or return did not come to its end faults; and all of a unit do that is
// not restored, though its masters are held.
void Checks::Iso10AfterDegraded(const Call& call) {
  const bool up = call.id == CallId::kResume || call.id == CallId::kPowerOn;
  for (size_t i = 0; i < board_.spec_.smmu_count; i++) {
    const model::SmmuSpec& spec = board_.spec_.smmu[i];
    uint8_t side = spec.side;
    uint16_t sid = 0;
    const bool one = board_.ghost_.domains().StreamOf(call, &side, &sid);
    if (spec.side != (up ? call.arg[0] : side) || (!up && !one)) continue;
    for (uint8_t n = 0; n < spec.instance_count; n++) {
      const size_t instance = board_.machine_->InstanceIndex(spec.side, n);
      if (!up && board_.IsDown(instance)) continue;
      if (!up && IsHosts(call, instance, sid)) continue;
      for (uint16_t s = up ? 0 : sid; s <= (up ? 0x7f : sid); s++) Iso10Closed(instance, s);
    }
  }
}

// The detachment of a stream of the host's timed out, and no sync in it or behind it has ended
// since on every instance: it waits. A guest's device goes over as it is, and the time-out is its
// owner's.
void Checks::NoteWait(const Call& call, const struct sidewall_result& result) {
  if (call.id != CallId::kDetachDev || result.status != SIDEWALL_DEGRADED) return;
  Wait wait;
  if (!board_.ghost_.domains().StreamOf(call, &wait.side, &wait.sid)) return;
  wait.since = ClosedSince(wait.side, wait.sid, call_began_);
  const size_t instance = board_.machine_->InstanceIndex(wait.side, 0);
  if (!lives_.SyncedSince(instance, wait.since)) waits_.push_back(wait);
}

// Until then it faults, whatever the host asks for: what it has under way is its last domain's.
[[gnu::noinline]] void Checks::Iso10Waits(size_t instance) {
  if (waits_.empty() || !Enabled(Invariant::kIso10)) return;
  std::erase_if(waits_, [&](const Wait& wait) {
    const size_t first = board_.machine_->InstanceIndex(wait.side, 0);
    return board_.ghost_.StreamOwner(wait.side, wait.sid) != model::kOwnerHost ||
           lives_.SyncedSince(first, wait.since);
  });
  Evaluated(Invariant::kIso10);
  for (const Wait& wait : waits_) {
    if (board_.machine_->SideOf(instance) != wait.side || !Delivers(instance, wait.sid)) continue;
    const model::Resolution via = board_.machine_->Resolve(instance, wait.sid);
    std::vector<std::string> text = {
        Print("stream  0x%x on %s", wait.sid, model::WindowName(WindowOf(instance)))};
    if (via.entry != model::kNoIndex) text = Path(instance, via.entry, via);
    if (Report(Invariant::kIso10, "stream", "Iso10Waits",
               "a stream is led on before the sync of its detachment was seen complete",
               std::move(text))) {
      __builtin_trap();
    }
    return;
  }
}

// A store of a table's word: the page that it links is a table there and nowhere else.
[[gnu::noinline]] void Checks::Iso10Linked(uint64_t pa, uint64_t old) {
  const uint64_t now = board_.WordAt(pa, 8, true);
  const uint64_t before = pool_tables_.Link(old);
  const uint64_t page = pool_tables_.Link(now);
  if (before == page) return;
  if (before != 0) pool_tables_.OnUnlink(before);
  if (page == 0 || pool_tables_.OnLink(page) || !Enabled(Invariant::kIso10)) return;
  Evaluated(Invariant::kIso10);
  if (Report(Invariant::kIso10, "page", "Iso10Linked",
             "a page of a pool becomes a table, and is one elsewhere",
             {Print("page    0x%llx", Wide(page)), Print("entry   0x%llx", Wide(pa))})) {
    __builtin_trap();
  }
}

// Pages that were taken from a pool, not given back, and that no table links.
uint32_t Checks::NoTables(uint32_t pool) const {
  const model::PoolAccount account = board_.hyp_.pools().account(pool);
  return account.total - account.free - pool_tables_.linked(pool);
}

// A call that has taken pages has made them tables, or a domain's root, or given them back. For the
// identity map, whose pages may be wanted where nobody can refill, as many as the tables of one
// page below its root are kept in store.
[[gnu::noinline]] void Checks::Iso10Kept() {
  if (!Enabled(Invariant::kIso10)) return;
  Evaluated(Invariant::kIso10);
  constexpr uint32_t kStore = 3;
  for (uint32_t pool = 0; pool < model::kPoolCount; pool++) {
    const uint32_t kept = NoTables(pool);
    uint32_t may = now_.atomic_roots + kStore;
    if (pool != model::kPoolAtomic) {
      const uint32_t owner =
          pool == model::kPoolHost ? 0u : SIDEWALL_OWNER_GUEST0 + pool - model::kPoolVm0;
      may = board_.ghost_.domains().DomainsOf(static_cast<uint8_t>(owner));
    }
    if (kept <= may) continue;
    if (Report(Invariant::kIso10, "call", "Iso10Kept",
               Print("%s keeps pages of pool %u for nothing", board_.call_name_, pool),
               {Print("pages   %u that no table links, of at most %u", kept, may)})) {
      __builtin_trap();
    }
    return;
  }
}

void Checks::AfterUnuse(uint64_t pa, uint64_t size) {
  if (!board_.looks_) return;
  for (uint64_t at = 0; at < size; at += kPageSize) Iso10Released(pa + at);
}

// A call whose sync did not come to its end, or that found a pool empty, releases no page that some
// TLB may still have of a domain. Elsewhere that is for ISO02 to see, when the page goes.
[[gnu::noinline]] void Checks::Iso10Released(uint64_t pa) {
  if (!Enabled(Invariant::kIso10)) return;
  if (unfinished_ == 0 && !work_.allocation_failed()) return;
  const model::PageInfo* page = board_.hyp_.pages().Find(pa);
  if (page == nullptr || page->refs != 0) return;
  Evaluated(Invariant::kIso10);
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    if (!board_.machine_->HasInstance(instance) || board_.IsDown(instance)) continue;
    bool held = false;
    for (uint8_t owner = 0; owner < model::kMaxOwners && !held; owner++) {
      board_.reach_.AnyVmid(instance, owner, [&](uint8_t vmid) {
        held =
            vmid != SpecOf(instance).host_vmid && board_.machine_->MayHold(instance, vmid, pa) != 0;
        return held;
      });
    }
    if (!held) continue;
    if (Report(Invariant::kIso10, "page", "Iso10Released",
               "a page is released that a domain's TLB entries may still lead to",
               {Print("page    0x%llx", Wide(pa)),
                Print("TLB     of %s", model::WindowName(WindowOf(instance)))})) {
      __builtin_trap();
    }
    return;
  }
}

}  // namespace sidewall
