// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/boot_report.h"

#include <fmt/format.h>

#include <optional>

namespace sidewall::cli {
namespace {

using Costs = std::map<std::pair<std::string, bool>, replay::CostRow>;

// A figure of a run beside that of the canary, which may have none.
struct Compared {
  std::string name;
  uint64_t value = 0;
  uint64_t base = 0;
  std::optional<double> ratio() const {
    if (base == 0) return std::nullopt;
    return static_cast<double>(value) / static_cast<double>(base);
  }
};

uint64_t Mean(uint64_t sum, uint64_t count) { return count == 0 ? 0 : (sum + count / 2) / count; }

// The machine's own time, of which one instruction takes one nanosecond.
double MachineSeconds(uint64_t ns) { return static_cast<double>(ns) / 1e9; }

std::string Join(const std::map<std::string, uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  }
  return text.empty() ? "none" : text;
}

replay::CostRow Sum(const Costs& costs) {
  replay::CostRow sum;
  for (const auto& [key, cost] : costs) {
    sum.accesses += cost.accesses;
    sum.driver += cost.driver;
    sum.model += cost.model;
  }
  return sum;
}

// From the kernel's entry to power-off, in microseconds, without the transfer that is made to fail:
// only where it does, the kernel waits for its time-out.
uint64_t RunTime(const replay::BootRecord& record) {
  uint64_t waited = 0;
  uint64_t donated = 0;
  for (const boot::Row& row : record.rows) {
    if (row.kind != boot::RowKind::kMark) continue;
    if (row.value == boot::kMarkDonated) donated = row.time_ns;
    if (row.value == boot::kMarkDmatestAgain && donated != 0) waited += row.time_ns - donated;
  }
  return (record.block.ended_ns - record.block.guest_started_ns - waited) / 1000;
}

// Boot time, accesses, and instructions an access.
std::vector<Compared> CompareRuns(const BootOutcome& run, const BootOutcome& canary) {
  const boot::Block& block = run.record.block;
  const boot::Block& other = canary.record.block;
  const replay::CostRow sum = Sum(replay::CostsOf(run.record));
  const replay::CostRow base = Sum(replay::CostsOf(canary.record));
  return {
      {"takeover, instructions", block.boot_instructions, other.boot_instructions},
      {"kernel's entry to user space, us", (block.user_space_ns - block.guest_started_ns) / 1000,
       (other.user_space_ns - other.guest_started_ns) / 1000},
      {"entry to power-off but for what must fail, us", RunTime(run.record),
       RunTime(canary.record)},
      {"trapped accesses", run.checks.accesses, canary.checks.accesses},
      {"instructions an access, driver", Mean(sum.driver, sum.accesses),
       Mean(base.driver, base.accesses)},
      {"instructions an access, modelled hardware", Mean(sum.model, sum.accesses),
       Mean(base.model, base.accesses)}};
}

// Instructions an access, by class; a class that the canary's kernel never touched has no base.
std::vector<Compared> CompareClasses(const BootOutcome& run, const BootOutcome& canary) {
  const Costs base = replay::CostsOf(canary.record);
  std::vector<Compared> all;
  for (const auto& [key, cost] : replay::CostsOf(run.record)) {
    const auto found = base.find(key);
    const replay::CostRow other = found == base.end() ? replay::CostRow() : found->second;
    all.push_back(
        {fmt::format("{}, {} ({})", key.first, key.second ? "write" : "read", cost.accesses),
         Mean(cost.driver, cost.accesses), Mean(other.driver, other.accesses)});
  }
  return all;
}

void PrintCompared(const std::vector<Compared>& all) {
  for (const Compared& each : all) {
    const auto ratio = each.ratio();
    fmt::print("  {:46} {:12} {:>12} {:>8}\n", each.name, each.value,
               ratio ? fmt::format("{}", each.base) : "-",
               ratio ? fmt::format("{:.2f}", *ratio) : "-");
  }
}

nlohmann::json JsonOfCompared(const std::vector<Compared>& all) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Compared& each : all) {
    nlohmann::json row = {{"what", each.name}, {"value", each.value}};
    if (const auto ratio = each.ratio()) {
      row["base"] = each.base;
      row["ratio"] = *ratio;
    }
    rows.push_back(row);
  }
  return rows;
}

nlohmann::json JsonOfCounters(const boot::Block& block) {
  const struct sidewall_counters& counters = block.counters;
  return {{"traps", counters.traps},
          {"stores", counters.stores},
          {"table_stores", counters.table_stores},
          {"syncs", counters.syncs},
          {"sync_timeouts", counters.sync_timeouts},
          {"pages", counters.pages},
          {"mapped_pages", counters.mapped_pages},
          {"degraded", counters.degraded},
          {"ring_records", block.ring_records},
          {"ring_others", block.ring_others},
          {"ring_missing", block.ring_missing},
          {"faults_notified", block.notified}};
}

}  // namespace

void PrintBoot(const BootOutcome& run, bool base) {
  const boot::Block& block = run.record.block;
  const BootChecks& checks = run.checks;
  const struct sidewall_counters& counters = block.counters;
  fmt::print("{} over driver {}: {}, after {:.1f} s\n", run.kernel, run.driver,
             replay::PhaseName(block.phase), run.end.seconds);
  fmt::print("  SMMUs probed {}; trapped accesses {}; decisions: {}; reasons: {}\n", checks.smmus,
             checks.accesses, Join(checks.decisions), Join(checks.reasons));
  fmt::print(
      "  driver: stores {}, table stores {}, syncs {} (timed out {}), pool pages {}, pages of the "
      "host's stage 2 {}\n",
      counters.stores, counters.table_stores, counters.syncs, counters.sync_timeouts,
      counters.pages, counters.mapped_pages);
  if (block.ring_records != 0) {
    fmt::print("  driver's ring: {} records read, of other accesses {}, accesses without one {}\n",
               block.ring_records, block.ring_others, block.ring_missing);
  }
  fmt::print("  takeover {} instructions; user space after {:.3f} s of the machine's time\n",
             block.boot_instructions, MachineSeconds(block.user_space_ns));
  if (block.dma_pieces != 0 || checks.dmatest_tests != 0) {
    fmt::print("  transfers: {} pieces, faulted {}; dmatest: {} tests, {} failures\n",
               block.dma_pieces, block.dma_faults, checks.dmatest_tests, checks.dmatest_failures);
  }
  if (checks.overrides_written != 0) {
    fmt::print("  overrides: {} read by the kernel, {} written, {} refused\n",
               checks.overrides_read, checks.overrides_written, checks.overrides_refused);
  }
  if (block.system_suspends != 0) {
    fmt::print("  sleep of the machine: {}, SMMUs without power {}, calls that failed {}\n",
               block.system_suspends, block.power_cuts, block.power_calls_failed);
  }
  if (checks.attempts != 0) {
    fmt::print("  hostile accesses: {} attempted, {} recorded, {} decided, {} aborted\n",
               checks.attempts, checks.recorded, checks.decided, block.aborts_injected);
  }
  if (block.secret_tries != 0) {
    fmt::print("  marked page: {} transactions tried, reachable after {} accesses\n",
               block.secret_tries, checks.leaks);
  }
  for (const std::string& finding : checks.findings) {
    fmt::print("  {}: {}\n", base ? "the canary, which forwards everything" : "FINDING", finding);
  }
  fmt::print("  kernel's log, trace and EL2's log: {}\n", run.folder.string());
}

void PrintRatios(const BootOutcome& run, const BootOutcome& canary) {
  fmt::print("cost, against the same image over {}:\n", canary.driver);
  fmt::print("  {:46} {:>12} {:>12} {:>8}\n", "", run.driver, canary.driver, "ratio");
  PrintCompared(CompareRuns(run, canary));
  fmt::print("driver's instructions an access, by class (accesses):\n");
  PrintCompared(CompareClasses(run, canary));
}

nlohmann::json JsonOfRatios(const BootOutcome& run, const BootOutcome& canary) {
  return {{"against", canary.driver},
          {"run", JsonOfCompared(CompareRuns(run, canary))},
          {"driver_instructions_an_access", JsonOfCompared(CompareClasses(run, canary))}};
}

nlohmann::json JsonOfBoot(const BootOutcome& run) {
  const boot::Block& block = run.record.block;
  nlohmann::json classes = nlohmann::json::array();
  for (const auto& [key, cost] : replay::CostsOf(run.record)) {
    classes.push_back({{"class", key.first},
                       {"write", key.second},
                       {"accesses", cost.accesses},
                       {"driver_instructions", Mean(cost.driver, cost.accesses)},
                       {"model_instructions", Mean(cost.model, cost.accesses)}});
  }
  return {{"kernel", run.kernel},
          {"driver", run.driver},
          {"folder", run.folder.string()},
          {"ended", replay::PhaseName(block.phase)},
          {"seconds", run.end.seconds},
          {"smmus", run.checks.smmus},
          {"accesses", run.checks.accesses},
          {"decisions", run.checks.decisions},
          {"reasons", run.checks.reasons},
          {"takeover_instructions", block.boot_instructions},
          {"user_space_ns", block.user_space_ns},
          {"attempts", run.checks.attempts},
          {"attempts_recorded", run.checks.recorded},
          {"attempts_decided", run.checks.decided},
          {"aborts", block.aborts_injected},
          {"marked_page_tries", block.secret_tries},
          {"marked_page_reached", run.checks.leaks},
          {"overrides_read", run.checks.overrides_read},
          {"system_suspends", block.system_suspends},
          {"power_cuts", block.power_cuts},
          {"overrides_written", run.checks.overrides_written},
          {"overrides_refused", run.checks.overrides_refused},
          {"dma_pieces", block.dma_pieces},
          {"dma_faults", block.dma_faults},
          {"dmatest_tests", run.checks.dmatest_tests},
          {"dmatest_failures", run.checks.dmatest_failures},
          {"donated_pieces_delivered", block.donated_delivered},
          {"counters", JsonOfCounters(block)},
          {"classes", classes},
          {"findings", run.checks.findings}};
}

}  // namespace sidewall::cli
