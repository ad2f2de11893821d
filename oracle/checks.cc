// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// When each invariant is looked at. The invariants themselves are in checks_isolation.cc and
// checks_function.cc.
#include "oracle/checks.h"

#include <algorithm>
#include <bit>
#include <cstdarg>
#include <cstdio>

#include "model/registers.h"
#include "oracle/smmu_layout.h"

namespace sidewall {

namespace {
constexpr uint64_t kLine = 64;  // the smallest that a clean takes with it
}

std::string Print(const char* format, ...) {
  char buffer[512];
  va_list args;
  va_start(args, format);
  vsnprintf(buffer, sizeof(buffer), format, args);
  va_end(args);
  return buffer;
}

Checks::Checks(Board& board)
    : board_(board),
      lives_(*board.machine_),
      idmap_(board.spec_, board.tables_.view()),
      pool_tables_(board.spec_.pool) {
  for (size_t i = 0; i < board.spec_.smmu_count; i++) {
    for (uint8_t n = 0; n < 2; n++) {
      const size_t instance = board.machine_->InstanceIndex(board.spec_.smmu[i].side, n);
      if (instance < smmu_of_.size()) smmu_of_[instance] = static_cast<uint8_t>(i);
    }
  }
}

void Checks::Reset() {
  now_ = State();
  lives_.Reset();
  idmap_.Reset();
  pool_tables_.Reset();
  broken_.Clear();
  fault_owners_.Reset();
  global_records_.Reset();
  trouble_ = owed_ = false;
  flagged_ = 0;
  unclean_.clear();
  unordered_.clear();
  closings_.Reset();
  waits_.clear();
  removed_ = false;
  for (PairTrace& pair : pairs_) pair = PairTrace();
}

void Checks::Save() {
  lives_.Save();
  idmap_.Save();
  pool_tables_.Save();
}

void Checks::Restore() {
  now_.watches.clear();
  now_.armed_watches.clear();
  lives_.Restore();
  closings_.Reset();
  idmap_.Restore();
  pool_tables_.Restore();
  broken_.Clear();
  fault_owners_.Reset();
  global_records_.Reset();
  trouble_ = owed_ = false;
  flagged_ = 0;
  unclean_.clear();
  unordered_.clear();
  waits_.clear();
  removed_ = false;
  for (PairTrace& pair : pairs_) pair = PairTrace();
  // Only a cold boot changes what is fixed, and after one the board boots again.
}

bool Checks::Report(Invariant id, const char* object, const char* check, std::string title,
                    std::vector<std::string> text) {
  Verdict& verdict = board_.verdict_;
  verdict.id = id;
  verdict.object = object;
  verdict.frames = {check, StoreName(), board_.call_name_};
  verdict.event_index = board_.event_index_;
  verdict.at_boot = board_.event_ == nullptr;
  verdict.at_store = at_store_;
  verdict.title = std::string(FindInvariant(id)->code) + ": " + std::move(title);
  verdict.text = std::move(text);
  if (board_.stores_in_event_ != 0) verdict.store = board_.last_store_;
  if (!board_.trap_) return false;
  fprintf(stderr, "sidewall: %s %s\n", verdict.Bucket().c_str(), verdict.title.c_str());
  for (const std::string& line : verdict.text) fprintf(stderr, "    %s\n", line.c_str());
  return true;
}

// ---------------------------------------------------------------- boot

Checks::ClientImage Checks::ReadClient(uint16_t client) const {
  return {board_.machine_->PeekMc(0, 8u * client), board_.machine_->PeekMc(0, 8u * client + 4)};
}

std::vector<Checks::ClientImage> Checks::ReadClients() const {
  std::vector<ClientImage> images(0x200);
  for (uint16_t id = 0; id < images.size(); id++) images[id] = ReadClient(id);
  return images;
}

void Checks::BeforeTakeover() {
  if (!board_.looks_) return;
  now_.before = ReadClients();
}

void Checks::AfterTakeover() {
  if (!board_.looks_) return;
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    now_.fixed_sacr[instance] = board_.machine_->Peek32(instance, layout::kSAcr);
    now_.fixed_actlr[instance] =
        board_.machine_->Peek32(instance, layout::Bank(SpecOf(instance), 0) + layout::kActlr);
  }
  now_.after = ReadClients();
  FullCheck();
}

void Checks::AfterFinalize() {
  if (!board_.looks_) return;
  lives_.Begin();
  now_.atomic_roots = NoTables(model::kPoolAtomic);
  FindIdmap();
  FullCheck();
  for (size_t smmu = 0; smmu < board_.spec_.smmu_count; smmu++) {
    const model::SmmuSpec& spec = board_.spec_.smmu[smmu];
    if (spec.instance_count < 2) continue;
    for (uint32_t offset : layout::PolicyOffsets(spec)) Iso06MirrorImage(smmu, offset);
  }
  for (uint16_t client = 0; client < 0x200; client++) Iso09McSid(client);
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    if (!board_.machine_->HasInstance(instance)) continue;
    Iso04Idle(instance);
    for (uint16_t bank = 0; bank < SpecOf(instance).banks; bank++) Mem03Bank(instance, bank);
  }
  const model::Range& pool = board_.spec_.pool;
  for (uint64_t page = pool.start; page < pool.start + pool.size; page += kPageSize) {
    if (!board_.hyp_.IsTaken(page)) continue;
    for (uint64_t at = 0; at < kPageSize; at += sizeof(uint64_t)) Mem03Registers(page + at);
  }
  AtRest();
}

void Checks::FullCheck() {
  last_store_ = Store::kNone;
  for (size_t smmu = 0; smmu < board_.spec_.smmu_count; smmu++) {
    const model::SmmuSpec& spec = board_.spec_.smmu[smmu];
    for (uint8_t n = 0; n < spec.instance_count; n++) {
      const size_t instance = board_.machine_->InstanceIndex(spec.side, n);
      if (board_.IsDown(instance)) continue;
      Iso05FloorGlobal(instance);
      for (uint16_t entry = 0; entry < spec.entries; entry++) {
        Iso05FloorEntry(instance, entry);
        Iso03StreamExclusive(instance, entry);
      }
      for (uint16_t bank = 0; bank < spec.banks; bank++) {
        Iso05FloorContext(instance, bank);
        Iso05FloorBank(instance, bank);
      }
    }
  }
  Iso01Reach();
}

// ---------------------------------------------------------------- stores

namespace {

class Within {
 public:
  explicit Within(bool* flag) : flag_(flag) { *flag_ = true; }
  ~Within() { *flag_ = false; }
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;

 private:
  bool* flag_;
};

}  // namespace

void Checks::BeforeEvent() {
  last_store_ = Store::kNone;
  for (size_t i = 0; board_.looks_ && i < model::kMaxInstances; i++) {
    global_records_.Look(i, board_.machine_->smmu(i).gfsr);
  }
}

void Checks::AfterStore(uint64_t pa, unsigned width, uint64_t value) {
  if (!board_.looks_) return;
  const Within within(&at_store_);
  if (target_.kind == Target::kMc) {
    last_store_ = Store::kMc;
    if (board_.phase_ != Board::Phase::kOff) Iso09McWindow(pa);
    return;
  }
  if (board_.phase_ == Board::Phase::kOff) return;
  const size_t instance = target_.instance;
  const uint32_t offset = target_.offset;
  last_store_ = Store::kRegister;
  last_instance_ = instance;
  last_offset_ = offset;
  AfterSmmuStore(instance, offset, target_.place, value);
  if (width == 8) {
    was_stage2_ = false;
    AfterSmmuStore(instance, offset + 4, layout::PlaceOf(SpecOf(instance), offset + 4), value);
  }
  if (board_.reach_.suspicious()) Iso01Reach();
  // What an entry or a table says does not change with what caches are told to forget.
  if (!now_.armed_watches.empty() && !layout::IsCommand(target_.place)) Fun03Watched();
}

void Checks::AfterSmmuStore(size_t instance, uint32_t offset, const layout::Place& place,
                            uint64_t value) {
  NoteForMirror(instance, offset, place, value);
  if (offset == layout::kSGfsr)
    global_records_.Look(instance, board_.machine_->smmu(instance).gfsr);
  if (offset == layout::kSCr0) board_.reach_.RefreshInstance(instance);
  if (place.kind == layout::Place::Kind::kSmrs) {
    board_.reach_.RefreshMatch(instance, place.index);
    if (!board_.IsDown(instance)) {
      Iso03StreamExclusive(instance, place.index);
      IndexAfterEntry(instance, place.index);
    }
  }
  if (place.kind == layout::Place::Kind::kS2crs) {
    board_.reach_.RefreshEntry(instance, place.index);
  }
  if (layout::NamesBank(place)) board_.reach_.RefreshBank(instance, place.index);
  const bool entry =
      place.kind == layout::Place::Kind::kSmrs || place.kind == layout::Place::Kind::kS2crs;
  closes_ |= entry;
  // A unit that is being restored is looked at when it is up, but for what it opens until then.
  const bool down = board_.IsDown(instance);
  if (!down) CheckPolicyWord(instance, place);
  NoteLives(instance, offset, place, value);
  if (entry && down) Iso11Opened(instance, place.index);
  if (entry && !down) {
    closings_.OnEntry(instance, lives_.Now()[instance],
                      [&](uint16_t sid) { return Delivers(instance, sid); });
    Iso10Waits(instance);
  }
}

// Who uses an index, and since when: see lives.h.
void Checks::NoteLives(size_t instance, uint32_t offset, const layout::Place& place,
                       uint64_t value) {
  lives_.SetNow(board_.event_index_, board_.call_name_);
  const bool down = board_.IsDown(instance);
  if (place.kind == layout::Place::Kind::kS2crs) {
    lives_.OnEntry(instance, place.index);
    indices_touched_ |= 1u << instance;
    if (!down) IndexAfterEntry(instance, place.index);
  } else if (place.kind == layout::Place::Kind::kSmrs) {
    lives_.OnEntry(instance, place.index);
  } else if (layout::NamesBank(place)) {
    const Clash clash = lives_.OnBank(instance, place.index);
    indices_touched_ |= 1u << instance;
    if (down) return;
    if (was_stage2_) Iso04Drained(instance, place.index);
    Iso08Tag(instance, clash);
    IndexAfterBank(instance, place.index);
  } else {
    lives_.OnCommand(instance, offset, value);
    if (layout::IsInvalidation(place)) {
      Mem02Visible("an invalidation");
      if (asks_) invalidated_.push_back({instance, place, value});
    }
  }
}

void Checks::AfterLoad(uint64_t pa, uint32_t value) {
  if (!board_.looks_) return;
  size_t instance = 0;
  uint32_t offset = 0;
  const uint64_t at = pa & 0xfff;
  if (at != layout::kTlbGStatus && at != layout::kTlbSync + 4) return;
  // Words of the memory controller lie at such addresses too.
  if (!board_.machine_->InstanceOf(pa, &instance, &offset)) return;
  status_ = {true, instance, offset, value};
  // Of banks and of the whole instance alike: the sync is not over.
  if (value != 0) trouble_ = true;
  if (at != layout::kTlbGStatus) return;
  lives_.SetNow(board_.event_index_, board_.call_name_);
  if (offset != layout::kTlbGStatus) return;
  if (lives_.OnStatus(instance, value)) synced_ |= 1u << instance;
  const auto bit = static_cast<uint8_t>(1u << instance);
  unfinished_ = static_cast<uint8_t>(value != 0 ? unfinished_ | bit : unfinished_ & ~bit);
  if (value == 0) finished_ |= bit;
}

void Checks::AfterNoAnswer(uint64_t pa) {
  trouble_ = true;
  size_t instance = 0;
  uint32_t offset = 0;
  if (!board_.looks_ || !board_.machine_->InstanceOf(pa, &instance, &offset)) return;
  if (offset == layout::kTlbGStatus) unfinished_ |= static_cast<uint8_t>(1u << instance);
}

// The floor: only what this store can have changed.
void Checks::CheckPolicyWord(size_t instance, const layout::Place& place) {
  const bool global = place.kind == layout::Place::Kind::kElsewhere;
  if (global && (place.at == layout::kSCr0 || place.at == layout::kSAcr)) {
    Iso05FloorGlobal(instance);
  }
  if (place.kind == layout::Place::Kind::kS2crs) {
    Iso05FloorEntry(instance, place.index);
    Mem03Override(instance, place.index);
  }
  if (place.kind == layout::Place::Kind::kCbars) Iso05FloorContext(instance, place.index);
  if (layout::InBank(place, layout::kSctlr) || layout::InBank(place, layout::kActlr)) {
    Iso05FloorBank(instance, place.index);
  }
}

void Checks::AfterTableStore(uint64_t pa, uint64_t bytes, uint64_t old) {
  if (!board_.looks_) return;
  const Within within(&at_store_);
  last_store_ = Store::kTable;
  idmap_.OnStore(pa, bytes);
  for (uint64_t line = pa & ~(kLine - 1); line < pa + bytes; line += kLine) {
    if (unclean_.empty() || unclean_.back() != line) unclean_.push_back(line);
  }
  Mem01TableStore(pa);
  if (bytes == sizeof(uint64_t)) {
    Iso10Linked(pa, old);
    Mem02Link(pa);
    Mem03Entry(pa);
    Mem03Registers(pa);
    removed_ |= takes_ && (old & 1) != 0 && (board_.WordAt(pa, 8, true) & 1) == 0;
  } else {
    Mem02Emptied(pa);
    broken_.Forget(pa);
  }
  if (board_.phase_ == Board::Phase::kOff) return;
  if (board_.reach_.suspicious()) Iso01Reach();
  if (!now_.armed_watches.empty()) Fun03Watched();
  if (bytes == sizeof(uint64_t)) Mem02Break(pa, old);
}

void Checks::AfterClean(uint64_t pa, uint64_t size) {
  if (!board_.looks_) return;
  std::erase_if(unclean_, [&](uint64_t line) {
    if (line + kLine <= pa || line >= pa + size) return false;
    unordered_.push_back(line);
    return true;
  });
}

void Checks::AfterBarrier() {
  unordered_.clear();
  if (board_.phase_ == Board::Phase::kOff || !board_.reach_.suspicious()) return;
  last_store_ = Store::kTable;
  const Within within(&at_store_);
  Iso01Reach();
}

// ---------------------------------------------------------------- mirrored pairs

void Checks::NoteForMirror(size_t instance, uint32_t offset, const layout::Place& place,
                           uint64_t value) {
  const size_t smmu = SmmuOf(instance);
  const model::SmmuSpec& spec = board_.spec_.smmu[smmu];
  if (spec.instance_count < 2) return;
  PairTrace& pair = pairs_[smmu];
  if (layout::IsPolicy(place)) pair.touched.push_back(offset);
  if (!layout::IsCommand(place)) return;
  // What a sync is written with does not matter; what an invalidation names does.
  const uint64_t name = layout::IsSync(place) ? 0 : value;
  uint64_t hash = (name ^ (uint64_t{offset} << 40)) * 0x9e3779b97f4a7c15u;
  hash ^= hash >> 29;
  pair.commands[NumberInPair(instance)] += hash * 0xbf58476d1ce4e5b9u;
}

void Checks::AfterCall(CallId id) {
  lives_.SetHosts(false);
  asks_ = false;
  if (!board_.looks_) return;
  Mem02Visible("the call returns");
  // What timed out before is ended there.
  if (id == CallId::kTick) indices_touched_ = (1u << model::kMaxInstances) - 1;
  // What waits for a sync need not see those of the host, whose accesses wait for nothing.
  const unsigned ended = std::exchange(synced_, 0);
  if (id != CallId::kHandleDabt) indices_touched_ |= ended;
  for (unsigned set = std::exchange(indices_touched_, 0); set != 0; set &= set - 1) {
    const auto instance = static_cast<size_t>(std::countr_zero(set));
    if (board_.machine_->HasInstance(instance) && !board_.IsDown(instance)) Iso04Idle(instance);
  }
  for (size_t smmu = 0; smmu < board_.spec_.smmu_count; smmu++) {
    PairTrace& pair = pairs_[smmu];
    if (pair.touched.empty() && pair.commands[0] == 0 && pair.commands[1] == 0) continue;
    if (!board_.IsDown(board_.machine_->InstanceIndex(board_.spec_.smmu[smmu].side, 0))) {
      for (uint32_t offset : pair.touched) Iso06MirrorImage(smmu, offset);
      Iso06MirrorCommands(smmu);
    }
    pair.touched.clear();
    pair.commands[0] = pair.commands[1] = 0;
  }
}

// ---------------------------------------------------------------- the rest

void Checks::AfterMcAccess(uint32_t offset) {
  if (!board_.looks_) return;
  if (offset < 0x1000) Iso09McSid(static_cast<uint16_t>(offset / 8));
}

void Checks::AfterMove(uint8_t side) {
  if (!board_.looks_) return;
  if (board_.reach_.suspicious()) Iso01Reach();
  const model::SmmuSpec* spec = nullptr;
  for (size_t i = 0; i < board_.spec_.smmu_count; i++) {
    if (board_.spec_.smmu[i].side == side) spec = &board_.spec_.smmu[i];
  }
  for (uint8_t n = 0; spec && n < spec->instance_count; n++) {
    const size_t instance = board_.machine_->InstanceIndex(side, n);
    for (uint16_t entry = 0; entry < spec->entries; entry++) IndexAfterEntry(instance, entry);
    NoteMoved(side, instance);
  }
  const GhostDomains::SidSet& returned = board_.ghost_.domains().returned(side);
  for (uint16_t sid = 0; spec && sid < returned.size(); sid++) {
    if (!returned[sid]) continue;
    for (uint8_t n = 0; n < spec->instance_count; n++) {
      Iso01Returned(board_.machine_->InstanceIndex(side, n), sid);
    }
  }
}

void Checks::AfterLoss(uint64_t pa, uint64_t count, uint8_t from) {
  if (!board_.looks_) return;
  if (board_.reach_.suspicious()) Iso01Reach();
  // One look, however many pages.
  if (Enabled(Invariant::kIso02)) Evaluated(Invariant::kIso02);
  for (uint64_t i = 0; i < count; i++) Iso02Stale(pa + i * kPageSize, from);
  Iso02UnderWay(pa, count, from);
}

void Checks::AfterAlloc(uint32_t pool, uint64_t pa) {
  work_.OnAlloc(pa);
  if (board_.looks_ && pa != 0) pool_tables_.OnAlloc(pa, pool);
}

void Checks::AfterFree(uint64_t pa) {
  if (!board_.looks_) return;
  pool_tables_.OnFree(pa);
  Iso02FreedTable(pa);
  lives_.SetNow(board_.event_index_, board_.call_name_);
  lives_.OnFree(pa);
}

void Checks::AfterDma(const model::DmaRequest& request, const model::DmaResult& result,
                      const Legal& legal) {
  if (!board_.looks_) return;
  IsoDelivered(result, board_.ghost_.StreamOwner(request.side, request.sid & 0x7f));
  Iso01Permission(result, legal);
  Fun03Works(request, result, legal);
  Fun05Faults(request, result, legal);
}

void Checks::AfterPanic(uint32_t line) {
  if (!(board_.armed_ & Bit(Invariant::kErr03)) || board_.violated()) return;
  if (Report(Invariant::kErr03, "call", "Err03Alive",
             Print("the driver panics at line %u in %s", line, board_.call_name_), {})) {
    __builtin_trap();
  }
}

void Checks::Watch(const model::DmaRequest& request, uint64_t pa) {
  if (!board_.looks_) return;
  constexpr size_t kWatches = 3;
  if (now_.watches.size() >= kWatches) now_.watches.erase(now_.watches.begin());
  now_.watches.push_back({request, pa});
}

// Watches whose transfer is still legal though the moving pages are taken as gone. Whether it works
// is asked when something is stored, which few calls do: nothing changes it before.
void Checks::ArmWatches() {
  if (!board_.looks_) return;
  now_.armed_watches.clear();
  for (const WatchedDma& watch : now_.watches) {
    const model::DmaRequest& r = watch.request;
    const Legal legal =
        board_.ghost_.LegalDma(r.side, r.sid, r.address, r.write, r.privileged, r.instruction);
    if (legal.must_work && legal.pa == watch.pa) now_.armed_watches.push_back(watch);
  }
  watches_asked_ = false;
}

void Checks::AskWatches() {
  if (std::exchange(arm_at_store_, false)) ArmWatches();
  if (std::exchange(watches_asked_, true)) return;
  watches_unsure_ = false;
  std::erase_if(now_.armed_watches, [this](WatchedDma& watch) {
    const model::DmaResult result = board_.machine_->Translate(watch.request);
    watch.Follow(result);
    return result.fault != model::FaultKind::kNone;
  });
}

// A trapped write may change what the host's streams do. A transfer that is legal, and goes to the
// same place, before the write and after it must work at every store in between. What the host
// writes to another side's unit does not make one illegal.
void Checks::ArmAcrossWrite(Window written) {
  if (!board_.looks_) return;
  std::erase_if(now_.armed_watches, [&](const WatchedDma& watch) {
    const model::DmaRequest& r = watch.request;
    if (static_cast<size_t>(written) / 2 != r.side) return false;
    const Legal legal =
        board_.ghost_.LegalDma(r.side, r.sid, r.address, r.write, r.privileged, r.instruction);
    return !legal.must_work || legal.pa != watch.pa;
  });
}

// ---------------------------------------------------------------- names

Window Checks::WindowOf(size_t instance) const {
  return static_cast<Window>(board_.machine_->SideOf(instance) * 2 + NumberInPair(instance));
}

bool Checks::FindInstance(Window window, uint32_t offset, size_t* instance) const {
  uint32_t at = 0;
  return static_cast<uint8_t>(window) < kSmmuWindows &&
         board_.machine_->InstanceOf(board_.AddressOf(window, offset), instance, &at);
}

std::string Checks::StoreName() const {
  if (last_store_ == Store::kNone) return "-";
  if (last_store_ == Store::kTable) return "table write";
  if (last_store_ == Store::kMc) return "write memory controller";
  uint16_t index = 0;
  uint16_t bank = 0;
  const model::RegisterInfo* info =
      model::FindRegister(WindowOf(last_instance_), last_offset_, &index, &bank);
  return std::string("write ") + (info ? info->name : "unknown register");
}

std::string Checks::RegisterLine(size_t instance, uint32_t offset) const {
  char name[64];
  model::RegisterName(WindowOf(instance), offset, name, sizeof(name));
  return Print("%s %s = 0x%08x", model::WindowName(WindowOf(instance)), name,
               board_.machine_->Peek32(instance, offset));
}

// The path from a stream to what it reaches, register by register.
std::vector<std::string> Checks::Path(size_t instance, uint16_t entry,
                                      const model::Resolution& via) {
  std::vector<std::string> text;
  const model::SmmuSpec& spec = SpecOf(instance);
  const uint32_t smr = board_.machine_->Peek32(instance, layout::kSmr + 4u * entry);
  const char* window = model::WindowName(WindowOf(instance));
  const uint8_t side = board_.machine_->SideOf(instance);
  size_t count = 0;
  const model::ClientInfo* clients = model::Clients(&count);
  const uint32_t sid = smr & 0x7f & ~(smr >> 16);
  for (size_t i = 0; i < count; i++) {
    if (clients[i].side != side || OwnSid(clients[i]) != sid || sid == 0) continue;
    text.push_back(Print("client  %s", clients[i].name));
    break;
  }
  text.push_back(Print("SID     0x%02x on %s", sid, window));
  text.push_back("entry   " + RegisterLine(instance, layout::kSmr + 4u * entry));
  text.push_back("        " + RegisterLine(instance, layout::kS2cr + 4u * entry));
  for (uint16_t bank : {via.bank, via.stage2_bank}) {
    if (bank == model::kNoIndex || bank >= spec.banks) continue;
    text.push_back("bank    " + RegisterLine(instance, layout::Cbar(spec) + 4u * bank));
    text.push_back("        " + RegisterLine(instance, layout::Bank(spec, bank) + layout::kSctlr));
    if (via.stage2_bank == via.bank) break;
  }
  if (via.stage2_root != 0) {
    text.push_back(Print("table   root 0x%llx", static_cast<unsigned long long>(via.stage2_root)));
  }
  return text;
}

}  // namespace sidewall
