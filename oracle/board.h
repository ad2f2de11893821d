// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The board under test: the modelled machine, the hypervisor round it and the ghost, with a driver
// between them that is reached only through Caller. Every store of the driver comes through here,
// lands in the machine, and is looked at before the driver goes on.
//
//     Board board(options);
//     board.Boot(caller);                        // init, snapshot of host memory, finalize
//     Outcome outcome = board.Apply(event, caller);
//     if (board.violated()) Show(board.verdict());
#ifndef SIDEWALL_ORACLE_BOARD_H_
#define SIDEWALL_ORACLE_BOARD_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/hyp.h"
#include "model/machine.h"
#include "oracle/engine.h"
#include "oracle/ghost.h"
#include "oracle/lazy_words.h"
#include "oracle/options.h"
#include "oracle/reach.h"
#include "oracle/table_memory.h"

namespace sidewall {

// How the board enters the driver; a harness implements it over its engine.
class Caller {
 public:
  virtual struct sidewall_result Call(const sidewall::Call& call) = 0;

 protected:
  ~Caller() = default;
};

class Board final : public Platform, private model::HypCalls {
 public:
  explicit Board(const HarnessOptions& options);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  // ---- Life. Boot brings the board up; Save keeps that state, Restore undoes all since.
  void Boot(Caller& caller);
  void Save();
  void Restore();
  // After a cold boot there is nothing that Restore could go back to.
  bool needs_boot() const { return cold_; }
  void SetChoices(std::span<const uint8_t> choices);
  // One byte for each store that the driver makes: 0, nothing happens before its next step; else
  // the low four bits name a transfer of this program, 1 the latest, that a device now repeats.
  void SetSchedule(std::span<const uint8_t> schedule);

  Outcome Apply(const Event& event, Caller& caller);

  bool violated() const { return verdict_.id != Invariant::kNone; }
  const Verdict& verdict() const { return verdict_; }
  void set_verdict(const Verdict& verdict) { verdict_ = verdict; }
  const model::BoardSpec& spec() const { return spec_; }
  const model::Machine& machine() const { return *machine_; }
  const Ghost& ghost() const { return ghost_; }
  // What the check of reach knows, for those that hold it against something else.
  const Reach& reach() const { return reach_; }
  // The last transfer of the last dma event, for people and for replay.
  const model::DmaResult& last_dma() const { return last_dma_; }
  Coverage& coverage() { return *coverage_; }
  // Somebody who is not the host stores to memory of his own.
  void StoreSecret(uint64_t pa, uint64_t value);
  // Every access of the driver is appended here, where one is set (lock-step comparison).
  void set_access_log(std::vector<Access>* log) { access_log_ = log; }

  // The address of (window, offset) on this board; 0 where the board has no such window.
  uint64_t AddressOf(Window window, uint64_t offset) const;
  bool WindowOf(uint64_t pa, Window* window, uint32_t* offset) const;

  // ---- Platform: what the driver asks for.
  bool Read32(uint64_t pa, uint32_t* value) override;
  bool Read64(uint64_t pa, uint64_t* value) override;
  void Write32(uint64_t pa, uint32_t value) override;
  void Write64(uint64_t pa, uint64_t value) override;
  void TableWrite64(uint64_t pa, uint64_t value) override;
  void TableZero(uint64_t pa) override;
  const uint64_t* pool_view() const override { return tables_.view(); }
  uint64_t pool_start() const override { return spec_.pool.start; }
  uint64_t pool_size() const override { return spec_.pool.size; }
  void Barrier() override;
  void CleanPoc(uint64_t pa, uint64_t size) override;
  uint64_t PageAlloc(uint32_t pool) override;
  void PageFree(uint32_t pool, uint64_t pa) override;
  void UnuseDma(uint64_t pa, uint64_t size) override;
  void Lock(uint32_t id) override;
  void Unlock(uint32_t id) override;
  uint32_t CpuId() override { return cpu_; }
  void Relax() override { time_us_ += 5; }
  uint64_t TimeUs() override { return time_us_; }
  void Notify(uint32_t owner, const sidewall_fault& fault) override;
  void Log(uint32_t reason, uint64_t a, uint64_t b) override;
  void Panic(uint32_t line) override;

 private:
  friend class Checks;

  static constexpr size_t kRecentTransfers = 15;

  // Which invariants may fire: see architecture, oracle rule 5.
  enum class Phase : uint8_t { kOff, kTakenOver, kRaw, kUp };

  // ---- Events, by group.
  Outcome ApplyTrap(const Event& event);
  Outcome ApplyRawAbort(const Event& event);
  Outcome ApplyRawAccess(const Event& event, uint64_t pa);
  Outcome ApplyHostStore(const Event& event);
  Outcome ApplyDma(const Event& event);
  Outcome ApplyOwnership(const Event& event);
  Outcome ApplyCore(const Event& event);
  Outcome ApplyRagged(const Event& event);
  Outcome ApplyHardware(const Event& event);
  Outcome ApplyBoot(const Event& event);
  Outcome ApplyCall(const Event& event);
  Outcome Trap(uint64_t ipa, uint64_t esr, struct sidewall_regs& regs);
  Outcome OnePiece(model::DmaRequest request);
  void BetweenStores();
  void JudgeResumed();
  void ResetMachine();
  Outcome LosePower(uint64_t side);
  bool MayInterrupt(uint64_t side) const;
  struct sidewall_result SwitchPower(model::PowerCall call, uint8_t side);
  void CountChange(CallId id);
  bool IsBootStream(uint8_t side, uint16_t sid) const;
  bool IsDownSide(uint8_t side) const { return side < kSides && (down_ >> side & 1) != 0; }
  bool IsDown(size_t instance) const { return IsDownSide(machine_->SideOf(instance)); }
  bool IsDown(Window window) const;

  void AdoptCounts();
  bool Init();
  void Snapshot();
  bool Finalize();
  struct sidewall_result Invoke(const Call& call);
  void NoteCall(const Call& call, const struct sidewall_result& result);
  Outcome OutcomeOf(const struct sidewall_result& result) const;
  void TellReach(uint64_t pa, uint64_t count, bool before);
  void ChangeHands(uint64_t pa, uint64_t count, bool lends, uint8_t next);
  struct MoveOf;  // a change of ownership, as an event or the core asks for it
  model::HypResult MoveMemory(const MoveOf& move);
  model::HypResult FeedPool(uint32_t pool, uint64_t count);
  Outcome OutcomeOf(const model::HypResult& result) const;
  void CountCall(const Outcome& outcome);
  void KeepWatch(const model::DmaRequest& request, uint64_t pa);
  void Record(Access::Kind kind, uint64_t address, uint64_t value) {
    if (access_log_) access_log_->push_back({kind, address, value});
  }
  void NoteStore(uint64_t pa, unsigned width, uint64_t value, bool table);
  uint64_t WordAt(uint64_t pa, unsigned width, bool table) const;

  // model::HypCalls
  model::HypReply Idmap(uint64_t start, uint64_t end, bool map) override;
  model::HypReply IdmapComplete(bool map) override;
  model::HypReply Map(const model::MapRequest& request) override;
  model::HypReply Unmap(const model::MapRequest& request) override;
  model::HypReply Sync(const model::MapRequest& request) override;
  model::HypReply PoolAdd(uint32_t pool, uint64_t pages) override;
  model::HypReply PoolReclaim(uint32_t pool, uint64_t pages) override;
  model::HypReply Power(model::PowerCall call, uint8_t side) override;
  bool Refill(uint32_t pool, uint32_t pages) override;
  void ZeroPage(uint64_t pa) override;
  void Returning(uint64_t pa, uint64_t count) override;
  void Returned(uint64_t pa, uint64_t count, uint64_t mapped) override;
  void Report(const model::HypReport& report) override;

  const model::BoardSpec& base_;
  model::BoardSpec spec_;  // the same with the counts that the hardware of this run shows
  const InvariantSet armed_;
  const bool looks_;
  const bool trap_;
  Narrator* const narrator_;
  std::unique_ptr<Coverage> own_coverage_;
  Coverage* coverage_;

  TableMemory tables_;
  LazyWords page_data_, page_keys_, work_, snapshot_;
  model::Arena arena_;
  model::Choices choices_;
  std::unique_ptr<model::Machine> machine_;
  Ghost ghost_;
  Reach reach_;
  std::unique_ptr<class Checks> checks_;

  model::Hyp hyp_;
  model::HypMemory hyp_memory_;
  std::vector<model::PageInfo> pages_, saved_pages_;
  std::vector<uint8_t> dirty_pages_;
  std::vector<model::PoolFrame> frames_, saved_frames_;

  struct sidewall_cfg cfg_ = {};
  Caller* caller_ = nullptr;
  Phase phase_ = Phase::kOff;
  Phase saved_phase_ = Phase::kOff;
  Verdict verdict_;
  model::DmaResult last_dma_;
  std::vector<Access>* access_log_ = nullptr;
  size_t event_index_ = 0;
  const Event* event_ = nullptr;
  const char* call_name_ = "";
  // Sides that the driver has agreed to power down, and how many calls it had served by then.
  static constexpr size_t kSides = 3;
  uint8_t down_ = 0;
  uint8_t stuck_ = 0;  // of these, those that it then could not bring back
  uint64_t calls_ = 0;
  uint64_t calls_when_down_[kSides] = {};
  uint64_t time_us_ = 0;
  uint64_t saved_time_us_ = 0;
  uint32_t cpu_ = 0;
  uint32_t allocations_ = 0;  // inside this event, for fail_nth
  uint64_t stores_in_event_ = 0;
  StoreNote last_store_;
  model::Choices schedule_;
  std::array<model::DmaRequest, kRecentTransfers> recent_ = {};  // a ring
  size_t recent_count_ = 0;
  bool broken_ = false;  // cold boot was refused: nothing is up to attack
  bool cold_ = false;    // what Save kept is no longer what Restore can undo
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_BOARD_H_
