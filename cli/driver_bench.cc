// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/driver_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "cli/environment.h"
#include "model/machine.h"
#include "oracle/engine.h"
#include "oracle/trap.h"
#include "replay/trace.h"

namespace sidewall::cli {
namespace {

constexpr uint64_t kRegister = 5;  // that the host loads and stores
constexpr size_t kSlice = 500;
// What is assumed of a board: of docs/assumptions.md.
constexpr double kBoardAccessNs = 100;
constexpr double kBoardTrapNs = 200;

double Seconds(std::chrono::steady_clock::duration took) {
  return std::chrono::duration<double>(took).count();
}

// The counter that a hypervisor reads for the time of a record.
uint64_t CycleCounter() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t value = 0;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
  return 0;
#endif
}

void Turn(uint64_t turns) {
  for (uint64_t i = 0; i < turns; ++i) asm volatile("" ::: "memory");
}

// A board of the model with the driver on it, and nothing that looks on.
class BenchBoard final : public Platform {
 public:
  BenchBoard(const model::BoardSpec& spec, uint32_t flags);

  struct sidewall_result Trap(struct sidewall_regs* regs, uint64_t esr, uint64_t ipa) {
    Turn(trap_turns_);
    return SIDEWALL_SYM(handle_dabt)(state(), regs, esr, ipa);
  }
  struct sidewall_counters Stats() {
    struct sidewall_counters out = {};
    SIDEWALL_SYM(stats)(state(), &out);
    return out;
  }
  void SetPrice(uint64_t access_turns, uint64_t trap_turns) {
    turns_ = access_turns;
    trap_turns_ = trap_turns;
  }
  uint64_t CountRecords() {
    uint64_t count = 0;
    struct sidewall_ring_record record;
    for (uint64_t ring = 0; ring < 4; ++ring) {
      struct sidewall_result at =
          SIDEWALL_SYM(ring_read)(state(), SIDEWALL_OWNER_EL2, ring, &record);
      if (at.status == SIDEWALL_REFUSED) {
        at = SIDEWALL_SYM(ring_read)(state(), SIDEWALL_OWNER_EL2, at.progress, &record);
      }
      for (; at.status == SIDEWALL_OK; ++count) {
        at = SIDEWALL_SYM(ring_read)(state(), SIDEWALL_OWNER_EL2, at.progress, &record);
      }
    }
    return count;
  }
  uint64_t register_accesses() const { return register_accesses_; }

  bool Read32(uint64_t pa, uint32_t* value) override {
    Pay();
    return machine_->Read32(pa, value);
  }
  bool Read64(uint64_t pa, uint64_t* value) override {
    Pay();
    return machine_->Read64(pa, value);
  }
  void Write32(uint64_t pa, uint32_t value) override {
    Pay();
    machine_->Write32(pa, value);
  }
  void Write64(uint64_t pa, uint64_t value) override {
    Pay();
    machine_->Write64(pa, value);
  }
  void TableWrite64(uint64_t pa, uint64_t value) override { machine_->TableWrite64(pa, value); }
  void TableZero(uint64_t pa) override { machine_->TableZero(pa); }
  const uint64_t* pool_view() const override { return pool_.data(); }
  uint64_t pool_start() const override { return spec_.pool.start; }
  uint64_t pool_size() const override { return spec_.pool.size; }
  void Barrier() override { machine_->Barrier(); }
  void CleanPoc(uint64_t pa, uint64_t size) override { machine_->Clean(pa, size); }
  uint64_t PageAlloc(uint32_t) override { return spec_.pool.start + kPage * next_page_++; }
  void PageFree(uint32_t, uint64_t) override {}
  void UnuseDma(uint64_t, uint64_t) override {}
  void Lock(uint32_t) override {}
  void Unlock(uint32_t) override {}
  uint32_t CpuId() override { return 0; }
  void Relax() override {}
  // A board's counter is read, and scaled by a multiplication.
  uint64_t TimeUs() override {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(CycleCounter()) * kScale >> 64);
  }
  void Notify(uint32_t, const sidewall_fault&) override {}
  void Log(uint32_t, uint64_t, uint64_t) override {}
  // Whoever called then ends the program.
  void Panic(uint32_t line) override { fmt::print(stderr, "the driver panicked at {}\n", line); }

 private:
  static constexpr uint64_t kPage = 4096;
  static constexpr size_t kSlots = 64;
  static constexpr uint64_t kScale = ~uint64_t{0} / 2500;  // counts of a microsecond, nearly

  sidewall_state* state() { return reinterpret_cast<sidewall_state*>(block_->bytes); }
  void Pay() {
    ++register_accesses_;
    Turn(turns_);
  }

  struct Block {
    alignas(SIDEWALL_STATE_ALIGN) unsigned char bytes[SIDEWALL_STATE_SIZE];
  };

  const model::BoardSpec& spec_;
  std::unique_ptr<Block> block_ = std::make_unique<Block>();
  std::unique_ptr<model::Machine> machine_ = std::make_unique<model::Machine>();
  model::Choices choices_;
  std::vector<uint64_t> pool_, page_data_, page_keys_, work_;
  uint64_t turns_ = 0;
  uint64_t trap_turns_ = 0;
  uint64_t next_page_ = 0;
  uint64_t register_accesses_ = 0;
};

void FillConfig(const model::BoardSpec& spec, struct sidewall_cfg* cfg) {
  cfg->abi = SIDEWALL_ABI;
  cfg->smmu_count = spec.smmu_count;
  for (size_t i = 0; i < spec.smmu_count; ++i) {
    const model::SmmuSpec& from = spec.smmu[i];
    cfg->smmu[i] = {{from.window[0], from.window[1]},
                    from.instance_count,
                    from.side,
                    from.window_size,
                    from.el2_banks,
                    from.el2_entries,
                    from.host_vmid,
                    0};
  }
  cfg->mc_window_count = spec.mc_window_count;
  for (size_t i = 0; i < spec.mc_window_count; ++i) {
    cfg->mc_window[i] = {spec.mc_window[i].start, spec.mc_window[i].size};
  }
  cfg->dram_count = spec.dram_count;
  for (size_t i = 0; i < spec.dram_count; ++i) {
    cfg->dram[i] = {spec.dram[i].start, spec.dram[i].size};
  }
  for (size_t i = 0; i < spec.el2_only_count; ++i) {
    cfg->el2_range[cfg->el2_range_count++] = {spec.el2_only[i].start, spec.el2_only[i].size};
  }
  cfg->sync_timeout_us = spec.sync_timeout_us;
}

BenchBoard::BenchBoard(const model::BoardSpec& spec, uint32_t flags) : spec_(spec) {
  const size_t pool_pages = static_cast<size_t>(spec.pool.size / kPage);
  pool_.resize(spec.pool.size / sizeof(uint64_t));
  page_data_.resize(kSlots * kPage / sizeof(uint64_t));
  page_keys_.resize(kSlots);
  work_.resize(model::Machine::WorkSize(pool_pages) / sizeof(uint64_t) + 1);
  model::Arena arena;
  arena.pool = pool_.data();
  arena.pool_pages = pool_pages;
  arena.page_data = page_data_.data();
  arena.page_keys = page_keys_.data();
  arena.page_slots = kSlots;
  arena.work = work_.data();
  arena.work_size = work_.size() * sizeof(uint64_t);
  machine_->Reset(spec, arena, &choices_, nullptr);
  for (size_t i = 1; i < spec.mc_window_count; ++i) {
    machine_->Write32(spec.mc_window[i].start + 0x1820, 0x80000002);
  }
  struct sidewall_cfg cfg = {};
  FillConfig(spec, &cfg);
  cfg.flags = flags;
  *block_ = Block();
  struct sidewall_result result =
      SIDEWALL_SYM(init)(state(), SIDEWALL_STATE_SIZE, static_cast<Platform*>(this), &cfg);
  if (result.status == SIDEWALL_OK) result = SIDEWALL_SYM(finalize)(state());
  if (result.status == SIDEWALL_OK) return;
  throw EnvironmentError(fmt::format("the board is refused at line {}", result.progress));
}

// An access of the trace as the driver meets it.
struct Step {
  uint64_t esr = 0;
  uint64_t ipa = 0;
  uint64_t value = 0;
};

uint64_t BaseOf(const model::BoardSpec& spec, Window window) {
  const auto number = static_cast<size_t>(window);
  for (size_t i = 0; i < spec.smmu_count; ++i) {
    const model::SmmuSpec& smmu = spec.smmu[i];
    const size_t instance = number % 2;
    if (smmu.side == number / 2 && instance < smmu.instance_count) return smmu.window[instance];
  }
  return number >= static_cast<size_t>(Window::kMcSid)
             ? spec.mc_window[number - static_cast<size_t>(Window::kMcSid)].start
             : 0;
}

std::vector<Step> StepsOf(const replay::Trace& trace, const model::BoardSpec& spec,
                          std::map<std::string, uint64_t>* mix) {
  std::vector<Step> steps;
  for (const replay::Record& record : trace.records) {
    const auto* access = std::get_if<replay::AccessRecord>(&record.body);
    if (access == nullptr) continue;
    const uint64_t base = BaseOf(spec, access->window);
    steps.push_back({MakeSyndrome(access->width, kRegister, access->write), base + access->offset,
                     access->value});
    ++(*mix)[fmt::format("{} {}", access->window >= Window::kMcSid ? "mc" : "smmu",
                         access->write ? "write" : "read")];
  }
  return steps;
}

struct Slice {
  const Step* first;
  size_t count;
  double best_on = 1e9;
  double best_off = 1e9;
};

double TimeOf(BenchBoard& board, const Slice& slice) {
  struct sidewall_regs regs = {};
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < slice.count; ++i) {
    const Step& step = slice.first[i];
    regs.x[kRegister] = step.value;
    board.Trap(&regs, step.esr, step.ipa);
  }
  return Seconds(std::chrono::steady_clock::now() - start);
}

// What a register access takes, with its price: the least of many, so that it is not our
// neighbour's work that is measured.
double AccessNs(BenchBoard& board, uint64_t pa) {
  constexpr int kMany = 2000;
  double best = 1e9;
  for (int round = 0; round < 50; ++round) {
    const auto start = std::chrono::steady_clock::now();
    uint32_t value = 0;
    for (int i = 0; i < kMany; ++i) board.Read32(pa, &value);
    best = std::min(best, Seconds(std::chrono::steady_clock::now() - start));
  }
  return best / kMany * 1e9;
}

double TurnNs() {
  constexpr uint64_t kMany = 2'000'000;
  double best = 1e9;
  for (int round = 0; round < 10; ++round) {
    const auto start = std::chrono::steady_clock::now();
    Turn(kMany);
    best = std::min(best, Seconds(std::chrono::steady_clock::now() - start));
  }
  return best / kMany * 1e9;
}

void Measure(BenchBoard& on, BenchBoard& off, std::vector<Slice> slices, unsigned rounds,
             DriverRate* rate) {
  for (unsigned round = 0; round < rounds; ++round) {
    for (Slice& slice : slices) {
      const bool on_first = round % 2 == 0;
      if (on_first) slice.best_on = std::min(slice.best_on, TimeOf(on, slice));
      slice.best_off = std::min(slice.best_off, TimeOf(off, slice));
      if (!on_first) slice.best_on = std::min(slice.best_on, TimeOf(on, slice));
    }
  }
  double count = 0;
  double with = 0;
  double without = 0;
  for (const Slice& slice : slices) {
    count += static_cast<double>(slice.count);
    with += slice.best_on;
    without += slice.best_off;
  }
  rate->with_ring = count / with;
  rate->without_ring = count / without;
  rate->ratio = without / with;
}

bool SameDecisions(BenchBoard& on, BenchBoard& off) {
  const struct sidewall_counters a = on.Stats();
  const struct sidewall_counters b = off.Stats();
  return a.traps == b.traps && a.stores == b.stores && a.syncs == b.syncs &&
         std::equal(std::begin(a.by_decision), std::end(a.by_decision), b.by_decision) &&
         std::equal(std::begin(a.by_reason), std::end(a.by_reason), b.by_reason);
}

}  // namespace

DriverBench MeasureDriver(const DriverBenchOptions& options) {
  replay::Trace trace;
  replay::TraceError error;
  if (!replay::ReadTrace(options.trace, &trace, &error)) throw EnvironmentError(error.Text());
  const model::BoardSpec* spec = model::FindBoard(trace.head.board.c_str());
  if (spec == nullptr) throw EnvironmentError("no board is called " + trace.head.board);
  DriverBench bench;
  const std::vector<Step> steps = StepsOf(trace, *spec, &bench.mix);
  bench.accesses = steps.size();
  std::vector<Slice> slices;
  for (size_t first = 0; first < steps.size(); first += kSlice) {
    slices.push_back({&steps[first], std::min(kSlice, steps.size() - first), 1e9, 1e9});
  }
  BenchBoard on(*spec, 0);
  BenchBoard off(*spec, SIDEWALL_CFG_NO_RING);
  const uint64_t before = on.register_accesses();
  for (const Slice& slice : slices) TimeOf(on, slice), TimeOf(off, slice);
  bench.registers_per_access =
      static_cast<double>(on.register_accesses() - before) / static_cast<double>(bench.accesses);
  const uint64_t status = spec->smmu[0].window[0] + 0x74;
  const double model_ns = AccessNs(on, status);
  const double turn_ns = TurnNs();
  const auto turns = [turn_ns](double ns) {
    return static_cast<uint64_t>(std::max(0.0, ns) / turn_ns);
  };
  const uint64_t access = turns(kBoardAccessNs - model_ns);
  const struct {
    const char* name;
    const char* what;
    uint64_t access_turns, trap_turns;
  } prices[] = {
      {"model", "a register access takes what the model needs, a trap nothing", 0, 0},
      {"access", "a register access takes 100 ns, a trap nothing", access, 0},
      {"board", "a register access takes 100 ns, a trap 200 ns", access, turns(kBoardTrapNs)},
  };
  for (const auto& price : prices) {
    DriverRate rate;
    rate.name = price.name;
    rate.what = price.what;
    on.SetPrice(price.access_turns, price.trap_turns);
    off.SetPrice(price.access_turns, price.trap_turns);
    rate.access_ns = AccessNs(on, status);
    Measure(on, off, slices, options.rounds, &rate);
    rate.ring_ns = 1e9 / rate.with_ring - 1e9 / rate.without_ring;
    bench.rows.push_back(rate);
  }
  bench.same = SameDecisions(on, off);
  bench.ring_records = on.CountRecords();
  bench.ring_records_without = off.CountRecords();
  return bench;
}

}  // namespace sidewall::cli
