// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The public functions of the waist.
#include "driver/abort_decode.h"
#include "driver/attach.h"
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

bool Serves(const State& state) {
  const Phase phase = PhaseOf(state);
  return phase == Phase::kTakenOver || phase == Phase::kFinal;
}

bool IsUp(const sidewall_state* s) {
  if (s == nullptr) return false;
  const Phase phase = PhaseOf(s->body);
  return phase == Phase::kTakenOver || phase == Phase::kFinalizing || phase == Phase::kUnsettled ||
         phase == Phase::kFinal;
}

sidewall_result RefusedAt(uint32_t line) { return Result(SIDEWALL_REFUSED, line); }

// A guest's blocked streams and the host's must not share TLB entries with anything, on any unit.
Vmid FaultVmid(const sidewall_cfg& cfg) {
  Vmid vmid{0xff};
  for (uint32_t tries = 0; tries < cfg.smmu_count; ++tries) {
    for (uint32_t i = 0; i < cfg.smmu_count; ++i) {
      if (cfg.smmu[i].host_vmid == vmid.value) --vmid.value;
    }
  }
  return vmid;
}

void FillUnit(State& state, uint32_t index) {
  const sidewall_smmu_cfg& cfg = state.cfg.smmu[index];
  Smmu& smmu = state.smmu[index];
  smmu.ctx = state.ctx;
  for (uint32_t i = 0; i < cfg.window_count; ++i) smmu.window[i] = cfg.window[i];
  smmu.window_size = cfg.window_size;
  smmu.instance_count = cfg.window_count;
  smmu.side = cfg.side;
  smmu.lock_id = SIDEWALL_LOCK_SMMU0 + index;
  smmu.host_vmid = Vmid{cfg.host_vmid};
  smmu.fault_vmid = FaultVmid(state.cfg);
  smmu.poll_limit_us = state.cfg.sync_timeout_us;
  smmu.reachable = true;
  for (uint8_t& owner : smmu.sid_owner) owner = SIDEWALL_OWNER_HOST;
  // A quarantined client has to meet no entry at all, so no entry of the host may cover its ID.
  smmu.sid_owner[mc::kQuarantineSid] = SIDEWALL_OWNER_EL2;
}

// A domain may be attached to any unit, so it maps only what all of them can translate.
void FillDomains(State& state) {
  state.domains.iova_bits = state.smmu[0].ipa_bits;
  for (uint32_t i = 1; i < state.smmu_count; ++i) {
    if (state.smmu[i].ipa_bits < state.domains.iova_bits) {
      state.domains.iova_bits = state.smmu[i].ipa_bits;
    }
  }
}

// From the first store on a failure leaves the board unusable, with all streams faulting.
uint32_t TakeOverBoard(State& state) {
  uint32_t line = TakeOver(state);
  if (line == 0) line = TakeOverMc(state);
  if (line == 0) line = StartBootStreams(state);
  return line;
}

// One CPU at a time, and never again after an OK: another one that came late would close units in
// which streams are live by then. Whoever has begun is the only one to leave kFinalizing.
bool BeginFinalize(State& state) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
  const Phase phase = PhaseOf(state);
  if (phase != Phase::kTakenOver && phase != Phase::kUnsettled) return false;
  SetPhase(state, Phase::kFinalizing);
  return true;
}

uint32_t FinalizeBoard(State& state) {
  uint32_t line = CheckHardware(state);
  if (line == 0) line = CheckMcBypass(state);
  if (line == 0) line = TakeOverBoard(state);
  return line;
}

enum class WindowKind { kNone, kSmmu, kMc };

struct WindowHit {
  WindowKind kind = WindowKind::kNone;
  uint32_t index = 0;     // logical SMMU, or MC window
  uint32_t instance = 0;  // of a pair
  uint64_t offset = 0;
};

WindowHit FindWindow(const State& state, uint64_t ipa) {
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    const Smmu& smmu = state.smmu[i];
    for (uint32_t j = 0; j < smmu.instance_count; ++j) {
      if (ipa - smmu.window[j] < smmu.window_size) {
        return {WindowKind::kSmmu, i, j, ipa - smmu.window[j]};
      }
    }
  }
  for (uint32_t i = 0; i < state.cfg.mc_window_count; ++i) {
    const sidewall_range& range = state.cfg.mc_window[i];
    if (ipa - range.start < range.size) return {WindowKind::kMc, i, 0, ipa - range.start};
  }
  return {};
}

Answer Refusal(sidewall_reason reason) { return {SIDEWALL_DECISION_REFUSED, reason, true, 0, 0}; }

// What an access was, for the trace ring; all zero when it could not be decoded.
struct Seen {
  uint64_t value = 0;
  uint8_t width = 0;
  bool is_write = false;
};

Answer Emulate(State& state, const WindowHit& hit, uint64_t esr, sidewall_regs* regs, Seen* seen) {
  Abort abort;
  if (!DecodeAbort(esr, &abort)) return Refusal(SIDEWALL_REASON_SYNDROME);
  // Windows are page aligned, so an aligned access cannot leave one.
  if (hit.offset % abort.width != 0) return Refusal(SIDEWALL_REASON_ALIGNMENT);
  const uint64_t value = abort.is_write ? AbortValue(abort, *regs) : 0;
  seen->width = static_cast<uint8_t>(abort.width);
  seen->is_write = abort.is_write;
  const Answer answer =
      hit.kind == WindowKind::kSmmu
          ? HandleSmmuAccess(state.smmu[hit.index], hit.instance, static_cast<uint32_t>(hit.offset),
                             abort.width, abort.is_write, value)
          : HandleMcAccess(state, hit.index, hit.offset, abort.width, abort.is_write, value);
  if (!answer.abort && !abort.is_write) DeliverRead(abort, answer.value, regs);
  seen->value = abort.is_write ? value : answer.value;
  return answer;
}

// The small fields of a record as one word, so that it costs one store.
constexpr uint64_t PackedFields(const Answer& answer, const Seen& seen, uint32_t cpu) {
  return uint64_t{static_cast<uint16_t>(answer.reason)} | uint64_t{cpu & 0xff} << 16 |
         uint64_t{seen.width} << 24 | uint64_t{seen.is_write} << 32 |
         uint64_t{static_cast<uint8_t>(answer.decision)} << 40 |
         uint64_t{SIDEWALL_OWNER_HOST} << 48;
}
static_assert(offsetof(sidewall_ring_record, cpu) == offsetof(sidewall_ring_record, reason) + 2);
static_assert(offsetof(sidewall_ring_record, width) == offsetof(sidewall_ring_record, reason) + 3);
static_assert(offsetof(sidewall_ring_record, is_write) ==
              offsetof(sidewall_ring_record, reason) + 4);
static_assert(offsetof(sidewall_ring_record, decision) ==
              offsetof(sidewall_ring_record, reason) + 5);
static_assert(offsetof(sidewall_ring_record, owner) == offsetof(sidewall_ring_record, reason) + 6);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

// Only the host's accesses are mediated; guests have none.
void RecordInRing(const State& state, Ring& ring, uint32_t number, uint64_t ipa, const Seen& seen,
                  const Answer& answer, uint64_t hw_value) {
  const uint64_t fields = PackedFields(answer, seen, sidewall_plat_cpu_id(state.ctx));
  const uint64_t time = sidewall_plat_time_us(state.ctx);
  const uint64_t position = ring.next++;
  sidewall_ring_record& record = ring.record[position % kRingRecords];
  record.time_us = time;
  record.ipa = ipa;
  record.value = seen.value;
  record.hw_value = hw_value;
  __builtin_memcpy(&record.reason, &fields, sizeof(fields));
  record.sequence = position * kRingCount + number;
}

// Whether an access would find what the shadows say. The phase is looked at under the lock:
// finalize leaves kTakenOver before it takes a unit's, so that no access which passed by an earlier
// look meets a unit that is being closed. An SMMU without power gives no answer; nor do we.
bool Answers(const State& state, const WindowHit& hit) {
  return Serves(state) && (hit.kind != WindowKind::kSmmu || state.smmu[hit.index].reachable);
}

Answer Serve(State& state, const WindowHit& hit, uint64_t esr, uint64_t ipa, sidewall_regs* regs) {
  const bool is_smmu = hit.kind == WindowKind::kSmmu;
  constexpr uint32_t kMcLock = SIDEWALL_LOCK_MC;
  LockGuard lock(state.ctx, is_smmu ? state.smmu[hit.index].lock_id : kMcLock);
  Counters& counters = is_smmu ? state.smmu[hit.index].counters : state.mc.counters;
  const uint64_t stores = counters.stores;
  Seen seen;
  const Answer answer =
      Answers(state, hit) ? Emulate(state, hit, esr, regs, &seen) : Refusal(SIDEWALL_REASON_POWER);
  ++counters.traps;
  Count(counters, answer);
  if ((state.cfg.flags & SIDEWALL_CFG_NO_RING) == 0) {
    Ring& ring = is_smmu ? state.smmu[hit.index].ring : state.mc.ring;
    const uint64_t hw_value = counters.stores != stores ? counters.last_store : 0;
    RecordInRing(state, ring, is_smmu ? hit.index : kMcRing, ipa, seen, answer, hw_value);
  }
  return answer;
}

void AddWork(const Work& work, struct sidewall_counters* out) {
  out->stores += work.stores;
  out->table_stores += work.table_stores;
  out->syncs += work.syncs;
  out->sync_timeouts += work.sync_timeouts;
}

void AddCounters(const Counters& counters, struct sidewall_counters* out) {
  AddWork(counters, out);
  out->traps += counters.traps;
  for (uint32_t i = 0; i < 8; ++i) out->by_decision[i] += counters.by_decision[i];
  for (uint32_t i = 0; i < SIDEWALL_REASON_COUNT; ++i) out->by_reason[i] += counters.by_reason[i];
}

// With `all`, what guests did as well.
void CollectStats(State& state, bool all, struct sidewall_counters* out) {
  {
    LockGuard lock(state.ctx, SIDEWALL_LOCK_IDMAP);
    AddCounters(state.idmap.counters, out);
    out->pages = state.idmap.pages;
    out->mapped_pages = state.idmap.mapped_pages;
  }
  {
    LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
    AddCounters(state.domains.counters, out);
    out->pages += state.domains.pages;
    if (all) AddWork(state.domains.guest_work, out);
    if (all) out->pages += state.domains.guest_pages;
  }
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    LockGuard lock(state.ctx, state.smmu[i].lock_id);
    AddCounters(state.smmu[i].counters, out);
    if (all) AddWork(state.smmu[i].aside, out);
    if (state.smmu[i].degraded) out->degraded |= uint64_t{1} << i;
  }
  LockGuard lock(state.ctx, SIDEWALL_LOCK_MC);
  AddCounters(state.mc.counters, out);
}

}  // namespace
}  // namespace SIDEWALL_NS

using namespace SIDEWALL_NS;

struct sidewall_result SIDEWALL_SYM(init)(struct sidewall_state* s, uint64_t size, void* ctx,
                                          const struct sidewall_cfg* cfg) {
  if (s == nullptr || cfg == nullptr) return RefusedAt(__LINE__);
  if (size < SIDEWALL_STATE_SIZE) return RefusedAt(__LINE__);
  if (reinterpret_cast<uintptr_t>(s) % SIDEWALL_STATE_ALIGN != 0) return RefusedAt(__LINE__);
  if (IsUp(s)) return RefusedAt(__LINE__);
  State& state = s->body;
  __builtin_memset(static_cast<void*>(&state), 0, sizeof(state));
  state.ctx = ctx;
  state.cfg = *cfg;
  uint32_t line = CheckConfig(state.cfg);
  if (line != 0) return RefusedAt(line);
  state.smmu_count = state.cfg.smmu_count;
  for (uint32_t i = 0; i < state.smmu_count; ++i) FillUnit(state, i);
  line = CheckHardware(state);
  if (line == 0) line = CheckMcBypass(state);
  if (line == 0) line = RecordMc(state);
  if (line != 0) return RefusedAt(line);
  FillDomains(state);
  if (!CreateIdmap(state)) {
    sidewall_result result = RefusedAt(__LINE__);
    result.pages_needed = 2;
    return result;
  }
  line = TakeOverBoard(state);
  if (line != 0) {
    ReturnIdmap(state);
    return RefusedAt(line);
  }
  SetPhase(state, Phase::kTakenOver);
  return Result(SIDEWALL_OK);
}

struct sidewall_result SIDEWALL_SYM(finalize)(struct sidewall_state* s) {
  if (!IsUp(s)) return RefusedAt(__LINE__);
  State& state = s->body;
  if (!BeginFinalize(state)) return RefusedAt(__LINE__);
  const uint32_t line = FinalizeBoard(state);
  if (line != 0) {
    SetPhase(state, Phase::kUnsettled);
    return RefusedAt(line);
  }
  state.boot_deadline_us = sidewall_plat_time_us(state.ctx) + state.cfg.boot_stream_timeout_us;
  SetPhase(state, Phase::kFinal);
  return Result(SIDEWALL_OK);
}

struct sidewall_result SIDEWALL_SYM(handle_dabt)(struct sidewall_state* s,
                                                 struct sidewall_regs* regs, uint64_t esr,
                                                 uint64_t ipa) {
  if (!IsUp(s) || regs == nullptr) return Result(SIDEWALL_REFUSED);
  State& state = s->body;
  const WindowHit hit = FindWindow(state, ipa);
  if (hit.kind == WindowKind::kNone) return Result(SIDEWALL_REFUSED);
  const Answer answer = Serve(state, hit, esr, ipa, regs);
  if (answer.reason == SIDEWALL_REASON_FAULT_DROPPED) {
    sidewall_plat_log(state.ctx, answer.reason, ipa, answer.detail);
  }
  return Result(answer.abort ? SIDEWALL_REFUSED : SIDEWALL_OK);
}

struct sidewall_result SIDEWALL_SYM(host_stage2_idmap)(struct sidewall_state* s, uint64_t start,
                                                       uint64_t end, uint32_t prot) {
  if (!IsUp(s)) return Result(SIDEWALL_REFUSED);
  return UpdateIdmap(s->body, start, end, prot);
}

struct sidewall_result SIDEWALL_SYM(host_stage2_idmap_complete)(struct sidewall_state* s,
                                                                uint32_t map) {
  if (!IsUp(s)) return Result(SIDEWALL_REFUSED);
  return CompleteIdmap(s->body, map != 0);
}

struct sidewall_result SIDEWALL_SYM(set_identity)(struct sidewall_state* s, uint32_t iommu,
                                                  uint32_t sid, uint32_t on) {
  Stream stream;
  if (s == nullptr || PhaseOf(s->body) != Phase::kFinal || on > 1) return Result(SIDEWALL_REFUSED);
  if (!FindStream(s->body, iommu, sid, &stream)) return Result(SIDEWALL_REFUSED);
  return Result(SetIdentity(s->body, stream, on != 0));
}

struct sidewall_result SIDEWALL_SYM(get_iommu_token)(struct sidewall_state* s, uint32_t iommu) {
  if (!IsUp(s)) return Result(SIDEWALL_REFUSED);
  const Smmu* smmu = UnitOf(s->body, iommu);
  return smmu == nullptr ? Result(SIDEWALL_REFUSED) : Result(SIDEWALL_OK, smmu->window[0]);
}

struct sidewall_result SIDEWALL_SYM(mc_register_sid)(struct sidewall_state* s, uint32_t client,
                                                     uint32_t side, uint32_t sid) {
  if (!IsUp(s) || PhaseOf(s->body) != Phase::kTakenOver) return Result(SIDEWALL_REFUSED);
  const bool known = UnitOf(s->body, side) != nullptr && ClientHasSid(client, side, sid);
  return Result(known ? SIDEWALL_OK : SIDEWALL_REFUSED);
}

struct sidewall_result SIDEWALL_SYM(ring_read)(struct sidewall_state* s, uint32_t owner,
                                               uint64_t sequence,
                                               struct sidewall_ring_record* out) {
  if (!IsUp(s) || out == nullptr) return Result(SIDEWALL_REFUSED);
  return ReadRing(s->body, owner, sequence, out);
}

struct sidewall_result SIDEWALL_SYM(stats_of)(struct sidewall_state* s, uint32_t owner,
                                              struct sidewall_counters* out) {
  if (!IsUp(s) || out == nullptr || owner > SIDEWALL_OWNER_EL2) return Result(SIDEWALL_REFUSED);
  __builtin_memset(out, 0, sizeof(*out));
  CollectStats(s->body, owner == SIDEWALL_OWNER_EL2, out);
  return Result(SIDEWALL_OK);
}

struct sidewall_result SIDEWALL_SYM(stats)(struct sidewall_state* s,
                                           struct sidewall_counters* out) {
  return SIDEWALL_SYM(stats_of)(s, SIDEWALL_OWNER_HOST, out);
}
