// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/board.h"

#include <algorithm>
#include <cstring>

#include "model/registers.h"
#include "oracle/checks.h"

namespace sidewall {
namespace {

// Machines are large; their memory comes from here, since the model itself never allocates.
size_t PoolPages(const HarnessOptions& options) { return options.board->pool.size / kPageSize; }

size_t PageSlots(const HarnessOptions& options) {
  size_t slots = 16;
  while (slots < options.page_slots) slots *= 2;
  return slots;
}

size_t Words(size_t bytes) { return bytes / sizeof(uint64_t) + 1; }

void CopyRange(const model::Range& from, struct sidewall_range* to) {
  to->start = from.start;
  to->size = from.size;
}

void FillSmmu(const model::SmmuSpec& from, struct sidewall_smmu_cfg* to) {
  to->window[0] = from.window[0];
  to->window[1] = from.window[1];
  to->window_count = from.instance_count;
  to->side = from.side;
  to->window_size = from.window_size;
  to->el2_banks = from.el2_banks;
  to->el2_entries = from.el2_entries;
  to->host_vmid = from.host_vmid;
}

struct sidewall_cfg ConfigOf(const model::BoardSpec& board) {
  struct sidewall_cfg cfg = {};
  cfg.abi = SIDEWALL_ABI;
  cfg.smmu_count = board.smmu_count;
  for (size_t i = 0; i < board.smmu_count; i++) FillSmmu(board.smmu[i], &cfg.smmu[i]);
  cfg.mc_window_count = board.mc_window_count;
  for (size_t i = 0; i < board.mc_window_count; i++) {
    CopyRange(board.mc_window[i], &cfg.mc_window[i]);
  }
  cfg.dram_count = board.dram_count;
  for (size_t i = 0; i < board.dram_count; i++) CopyRange(board.dram[i], &cfg.dram[i]);
  for (size_t i = 0; i < board.el2_only_count; i++) {
    CopyRange(board.el2_only[i], &cfg.el2_range[cfg.el2_range_count++]);
  }
  if (cfg.el2_range_count < SIDEWALL_MAX_EL2_RANGES) {
    CopyRange(board.pool, &cfg.el2_range[cfg.el2_range_count++]);
  }
  cfg.sync_timeout_us = board.sync_timeout_us;
  for (size_t i = 0; i < board.boot_stream_count; i++) {
    cfg.boot_stream[cfg.boot_stream_count++] = {board.boot_stream[i].side,
                                                board.boot_stream[i].sid};
  }
  cfg.boot_stream_timeout_us = board.boot_stream_timeout_us;
  return cfg;
}

}  // namespace

Board::Board(const HarnessOptions& options)
    : base_(*options.board),
      spec_(base_),
      armed_(options.looks ? options.armed : 0),
      looks_(options.looks),
      trap_(options.trap),
      narrator_(options.narrator),
      own_coverage_(options.coverage ? nullptr : new Coverage()),
      coverage_(options.coverage ? options.coverage : own_coverage_.get()),
      tables_(PoolPages(options), options.forks),
      page_data_(PageSlots(options) * model::kPageWords),
      page_keys_(PageSlots(options)),
      work_(Words(model::Machine::WorkSize(PoolPages(options)))),
      snapshot_(Words(model::Machine::SnapshotSize(PoolPages(options), PageSlots(options)))),
      machine_(new model::Machine()),
      ghost_(spec_),
      reach_(spec_, ghost_, *machine_),
      access_log_(options.access_log) {
  arena_.pool = tables_.data();
  arena_.pool_pages = PoolPages(options);
  arena_.page_data = page_data_.data();
  arena_.page_keys = page_keys_.data();
  arena_.page_slots = page_keys_.size();
  arena_.work = work_.data();
  arena_.work_size = work_.size() * sizeof(uint64_t);
  arena_.snapshot = snapshot_.data();
  arena_.snapshot_size = snapshot_.size() * sizeof(uint64_t);
  pages_.resize(model::Pages::Count(spec_));
  saved_pages_.resize(pages_.size());
  dirty_pages_.resize(model::Pages::ChunkCount(spec_));
  frames_.resize(model::Pools::FrameCount(spec_));
  saved_frames_.resize(frames_.size());
  hyp_memory_.pages = {pages_.data(), saved_pages_.data(), dirty_pages_.data()};
  hyp_memory_.pools = {frames_.data(), saved_frames_.data()};
  cfg_ = ConfigOf(spec_);
  checks_ = std::make_unique<Checks>(*this);
}

Board::~Board() = default;

void Board::SetChoices(std::span<const uint8_t> choices) {
  choices_ = model::Choices(choices.data(), choices.size());
}

void Board::SetSchedule(std::span<const uint8_t> schedule) {
  schedule_ = model::Choices(schedule.data(), schedule.size());
  recent_count_ = 0;
}

uint64_t Board::AddressOf(Window window, uint64_t offset) const {
  const auto number = static_cast<uint8_t>(window);
  if (number >= kWindowCount) return 0;
  if (number < kSmmuWindows) {
    for (size_t i = 0; i < spec_.smmu_count; i++) {
      const model::SmmuSpec& smmu = spec_.smmu[i];
      if (smmu.side != number / 2 || number % 2 >= smmu.instance_count) continue;
      return offset < smmu.window_size ? smmu.window[number % 2] + offset : 0;
    }
    return 0;
  }
  const size_t index = number - kSmmuWindows;
  if (index >= spec_.mc_window_count || offset >= spec_.mc_window[index].size) return 0;
  return spec_.mc_window[index].start + offset;
}

bool Board::WindowOf(uint64_t pa, Window* window, uint32_t* offset) const {
  for (size_t i = 0; i < spec_.smmu_count; i++) {
    const model::SmmuSpec& smmu = spec_.smmu[i];
    for (uint8_t n = 0; n < smmu.instance_count; n++) {
      if (pa < smmu.window[n] || pa - smmu.window[n] >= smmu.window_size) continue;
      *window = static_cast<Window>(smmu.side * 2 + n);
      *offset = static_cast<uint32_t>(pa - smmu.window[n]);
      return true;
    }
  }
  for (size_t i = 0; i < spec_.mc_window_count; i++) {
    if (!spec_.mc_window[i].Contains(pa)) continue;
    *window = static_cast<Window>(kSmmuWindows + i);
    *offset = static_cast<uint32_t>(pa - spec_.mc_window[i].start);
    return true;
  }
  return false;
}

// ---------------------------------------------------------------- boot

// Between the halves of a register, too, a device may go on.
void Board::ResetMachine() {
  machine_->Reset(spec_, arena_, &choices_, looks_ ? &reach_ : nullptr);
  machine_->SetBetweenHalves([](void* board) { static_cast<Board*>(board)->BetweenStores(); },
                             this);
}

void Board::Boot(Caller& caller) {
  caller_ = &caller;
  phase_ = Phase::kOff;
  verdict_ = Verdict();
  broken_ = false;
  cold_ = false;
  event_index_ = 0;
  time_us_ = 0;
  down_ = stuck_ = 0;
  spec_ = base_;
  ResetMachine();
  ghost_.Reset(arena_);
  reach_.Reset();
  checks_->Reset();
  hyp_.Reset(spec_, hyp_memory_);
  if (!Init()) return;
  Snapshot();
  Finalize();
}

bool Board::Init() {
  checks_->BeforeTakeover();
  Call call = {.id = CallId::kInit};
  call.cfg = &cfg_;
  if (Invoke(call).status != SIDEWALL_OK) {
    broken_ = true;
    return false;
  }
  if (looks_) reach_.RefreshAll();
  phase_ = Phase::kTakenOver;
  checks_->AfterTakeover();
  return true;
}

void Board::Snapshot() { hyp_.Snapshot(*this); }

bool Board::Finalize() {
  // A refused finalize may be tried again; until one succeeds nothing is up.
  const struct sidewall_result result = Invoke({.id = CallId::kFinalize});
  if (result.status != SIDEWALL_OK) {
    if (!cold_) checks_->AfterRefusedBoot(result);
    return false;
  }
  if (looks_) reach_.RefreshAll();
  phase_ = Phase::kUp;
  checks_->AfterFinalize();
  return true;
}

void Board::Save() {
  machine_->Mark();
  ghost_.Save();
  reach_.Save();
  checks_->Save();
  hyp_.Mark();
  saved_phase_ = phase_;
  saved_time_us_ = time_us_;
}

void Board::Restore() {
  machine_->Restore();
  ghost_.Restore();
  reach_.Restore();
  checks_->Restore();
  hyp_.Restore();
  phase_ = saved_phase_;
  time_us_ = saved_time_us_;
  down_ = stuck_ = 0;
  verdict_ = Verdict();
  event_index_ = 0;
}

struct sidewall_result Board::Invoke(const Call& call) {
  call_name_ = CallName(call.id);
  CountChange(call.id);
  checks_->BeforeCall(call);
  const struct sidewall_result result = caller_->Call(call);
  Record(Access::kReturn, result.status | uint64_t{result.pages_needed} << 32, result.progress);
  if (call.regs) {
    for (uint64_t x : call.regs->x) Record(Access::kReturn, 0, x);
  }
  hyp_.CallReturned(*this);
  checks_->AfterReturn(call, result);
  NoteCall(call, result);
  checks_->AfterCall(call.id);
  checks_->AfterEffect(call, result);
  return result;
}

// Streams that the call gave to somebody else are looked at with their new owner's eyes.
void Board::NoteCall(const Call& call, const struct sidewall_result& result) {
  if (!looks_ || phase_ != Phase::kUp) return;
  ghost_.OnCall(call, result);
  for (size_t i = 0; i < spec_.smmu_count; i++) {
    const uint8_t side = spec_.smmu[i].side;
    if (ghost_.domains().moved(side).none()) continue;
    for (uint8_t n = 0; n < spec_.smmu[i].instance_count; n++) {
      reach_.RefreshInstance(machine_->InstanceIndex(side, n));
    }
    checks_->AfterMove(side);
  }
}

// ---------------------------------------------------------------- the driver's platform

// What lies there now, without a side effect; 0 where nothing of the board's does.
uint64_t Board::WordAt(uint64_t pa, unsigned width, bool table) const {
  if (table) {
    const uint64_t at = pa - spec_.pool.start;
    return at < spec_.pool.size ? tables_.view()[at / sizeof(uint64_t)] : 0;
  }
  Window window = Window::kNiso1;
  uint32_t offset = 0;
  if (!WindowOf(pa, &window, &offset)) return 0;
  const auto number = static_cast<uint8_t>(window);
  if (number >= kSmmuWindows) return machine_->PeekMc(number - kSmmuWindows, offset & ~3u);
  const size_t instance = machine_->InstanceIndex(number / 2, number % 2);
  return width == 8 ? machine_->Peek64(instance, offset) : machine_->Peek32(instance, offset);
}

// A fuzzer has no use for the word before, which costs a look at it.
void Board::NoteStore(uint64_t pa, unsigned width, uint64_t value, bool table) {
  checks_->BeforeStore(pa, width, table);
  stores_in_event_++;
  if (trap_ || !looks_) return;
  last_store_ = {true,        table, pa, width, WordAt(pa, width, table), value, stores_in_event_,
                 store_site()};
}

bool Board::Read32(uint64_t pa, uint32_t* value) {
  time_us_ += machine_->AccessTimeUs();
  const bool answered = machine_->Read32(pa, value);
  Record(Access::kRead32, pa, answered ? *value : ~uint64_t{0});
  checks_->work().OnLoad(answered);
  if (answered) checks_->AfterLoad(pa, *value);
  if (!answered) checks_->AfterNoAnswer(pa);
  if (narrator_) narrator_->OnLoad(pa, 4, answered ? *value : 0, answered);
  return answered;
}

bool Board::Read64(uint64_t pa, uint64_t* value) {
  time_us_ += machine_->AccessTimeUs();
  const bool answered = machine_->Read64(pa, value);
  Record(Access::kRead64, pa, answered ? *value : ~uint64_t{0});
  checks_->work().OnLoad(answered);
  if (!answered) checks_->AfterNoAnswer(pa);
  if (narrator_) narrator_->OnLoad(pa, 8, answered ? *value : 0, answered);
  return answered;
}

void Board::Write32(uint64_t pa, uint32_t value) {
  NoteStore(pa, 4, value, false);
  Record(Access::kWrite32, pa, value);
  if (narrator_) narrator_->OnStore(pa, 4, value, false);
  machine_->Write32(pa, value);
  JudgeResumed();
  checks_->AfterStore(pa, 4, value);
  BetweenStores();
}

void Board::Write64(uint64_t pa, uint64_t value) {
  NoteStore(pa, 8, value, false);
  Record(Access::kWrite64, pa, value);
  if (narrator_) narrator_->OnStore(pa, 8, value, false);
  machine_->Write64(pa, value);
  JudgeResumed();
  checks_->AfterStore(pa, 8, value);
  BetweenStores();
}

void Board::TableWrite64(uint64_t pa, uint64_t value) {
  NoteStore(pa, 8, value, true);
  Record(Access::kTableWrite, pa, value);
  if (narrator_) narrator_->OnStore(pa, 8, value, true);
  const uint64_t old = WordAt(pa, 8, true);
  machine_->TableWrite64(pa, value);
  checks_->AfterTableStore(pa, sizeof(value), old);
  BetweenStores();
}

void Board::TableZero(uint64_t pa) {
  NoteStore(pa, kPageSize, 0, true);
  Record(Access::kTableZero, pa, 0);
  if (narrator_) narrator_->OnStore(pa, kPageSize, 0, true);
  machine_->TableZero(pa);
  checks_->AfterTableStore(pa, kPageSize, 0);
  BetweenStores();
}

void Board::Barrier() {
  Record(Access::kBarrier, 0, 0);
  machine_->Barrier();
  checks_->AfterBarrier();
}

void Board::CleanPoc(uint64_t pa, uint64_t size) {
  Record(Access::kClean, pa, size);
  machine_->Clean(pa, size);
  checks_->AfterClean(pa, size);
}

uint64_t Board::PageAlloc(uint32_t pool) {
  allocations_++;
  const bool fail = event_ && event_->fail_nth != 0 && allocations_ == event_->fail_nth;
  const uint64_t pa = hyp_.PageAlloc(*this, pool, fail);
  Record(Access::kAlloc, pool, pa);
  checks_->AfterAlloc(pool, pa);
  return pa;
}

void Board::PageFree(uint32_t pool, uint64_t pa) {
  Record(Access::kFree, pool, pa);
  hyp_.PageFree(*this, pool, pa);
  checks_->AfterFree(pa);
}

void Board::UnuseDma(uint64_t pa, uint64_t size) {
  Record(Access::kUnuse, pa, size);
  checks_->work().OnUnuse();
  hyp_.UnuseDma(*this, pa, size);
  checks_->AfterUnuse(pa, size);
}

void Board::Lock(uint32_t id) {
  Record(Access::kLock, id, 0);
  checks_->CountLock();
  checks_->work().OnLock();
  hyp_.Lock(*this, id);
}

void Board::Unlock(uint32_t id) {
  Record(Access::kUnlock, id, 0);
  checks_->work().OnUnlock();
  hyp_.Unlock(*this, id);
}

void Board::Notify(uint32_t owner, const sidewall_fault& fault) {
  Record(Access::kNotify, owner, fault.fsr);
  checks_->work().OnNotify();
  hyp_.Enter(*this, model::Need::kNotify);
  checks_->AfterNotify(owner, fault);
}

void Board::Log(uint32_t, uint64_t, uint64_t) {}

void Board::Panic(uint32_t line) { checks_->AfterPanic(line); }

}  // namespace sidewall
