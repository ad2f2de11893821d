// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/boot_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>
#include <string_view>

#include "model/board.h"

namespace sidewall::cli {
namespace {

using boot::Phase;
using boot::Row;
using boot::RowKind;

constexpr uint64_t kInWindow = 0xffffff;
constexpr size_t kSmmuWindows = 5;
constexpr uint64_t kMasters = 3;

// One access that the hostile program told of before it made it.
struct Attempt {
  unsigned long number = 0;
  bool write = false;
  unsigned width = 0;  // 0: the syndrome does not tell
  unsigned long address = 0;
  unsigned long value = 0;
  std::string why;
};

std::optional<Attempt> ParseAttempt(const std::string& line) {
  Attempt attempt;
  char direction = 0;
  int rest = 0;
  const int count =
      std::sscanf(line.c_str(), "sidewall: try %lu %c %u %lx %lx %n", &attempt.number, &direction,
                  &attempt.width, &attempt.address, &attempt.value, &rest);
  if (count != 5 || (direction != 'R' && direction != 'W')) return std::nullopt;
  attempt.write = direction == 'W';
  attempt.why = line.substr(static_cast<size_t>(rest));
  return attempt;
}

class Checker {
 public:
  explicit Checker(const BootQuestion& question)
      : q_(question), end_(*question.end), record_(*question.record), block_(record_.block) {}

  BootChecks Run() {
    Count();
    // What ended the run early is the finding; what else is then missing is its consequence.
    checks_.ended = CheckEnd();
    if (!checks_.ended) return std::move(checks_);
    CheckProbe();
    CheckMasters();
    CheckConsole();
    CheckRecord();
    CheckLeaks();
    if (q_.hostile) CheckAttempts();
    if (q_.dmatest) CheckDmatest();
    if (q_.dmatest && !q_.late) CheckOverrides();
    if (q_.late) CheckTakeover();
    return std::move(checks_);
  }

 private:
  bool shipped() const { return q_.driver == "shipped"; }
  template <typename... T>
  void Find(fmt::format_string<T...> format, T&&... arguments) {
    checks_.findings.push_back(fmt::format(format, std::forward<T>(arguments)...));
  }
  bool Said(std::string_view text) const {
    return std::any_of(q_.console->begin(), q_.console->end(), [&](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  }
  uint64_t CountSaid(std::string_view text) const {
    return static_cast<uint64_t>(std::count_if(
        q_.console->begin(), q_.console->end(),
        [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }

  void Count() {
    for (const Row& row : record_.rows) {
      if (row.kind == RowKind::kDma) continue;
      if (row.leak != boot::kNoClient) ++checks_.leaks;
      if (row.kind != RowKind::kAccess) continue;
      ++checks_.accesses;
      if ((row.flags & boot::kFlagRaw) != 0) continue;
      if (row.decision != boot::kNoDecision) {
        ++checks_.decisions[replay::DecisionName(row.decision)];
      }
      if (row.reason != 0) ++checks_.reasons[replay::ReasonName(row.reason)];
    }
    checks_.smmus = CountSaid("iommu: SMMUv2 with:");
  }

  bool CheckEnd() {
    if (end_.panicked) {
      const auto line =
          std::find_if(q_.console->begin(), q_.console->end(), [](const std::string& text) {
            return text.find("Kernel panic - not syncing") != std::string::npos;
          });
      Find("the kernel panicked: {}", *line);
      return false;
    }
    if (end_.timed_out) {
      Find("the machine did not end within {} s; {}; the last line of the kernel: {}", q_.limit_s,
           replay::PhaseName(block_.phase), end_.last_line.empty() ? "none" : end_.last_line);
      return false;
    }
    if (block_.phase != Phase::kOff) {
      Find("{} (line {}, {:#x}, pc {:#x}){}{}", replay::PhaseName(block_.phase), block_.failed_line,
           block_.failed_at, block_.failed_pc, end_.qemu_says.empty() ? "" : "; ", end_.qemu_says);
      return false;
    }
    if (!Said("sidewall: done")) {
      Find("the machine went off before the guest's program had ended");
      return false;
    }
    return true;
  }

  // The IDs that the kernel found are those that the driver offers: its share of what there is.
  void CheckProbe() {
    const model::BoardSpec& board = *model::FindBoard("tegra234-virt");
    if (checks_.smmus == 0) {
      Find(
          "the kernel probed no SMMU: does its device tree have nvidia,tegra234-smmu, and a memory "
          "controller that a driver binds to?");
      return;
    }
    if (checks_.smmus != board.smmu_count) {
      Find("the kernel probed {} SMMUs, not {}", checks_.smmus, board.smmu_count);
    }
    if (q_.late) return;
    const bool all = !shipped();
    const unsigned entries = board.smmu[0].entries - (all ? 0u : board.smmu[0].el2_entries);
    const unsigned banks = board.smmu[0].banks - (all ? 0u : board.smmu[0].el2_banks);
    ExpectThrice(fmt::format("stream matching with {} register groups", entries));
    ExpectThrice(fmt::format("{} context banks (0 stage-2 only)", banks));
    if (shipped() && Said("nested translation")) Find("the kernel was shown nested translation");
    if (shipped() && Said("\tstage 2 translation")) Find("the kernel was shown a stage 2");
  }

  void ExpectThrice(const std::string& text) {
    if (CountSaid(text) != checks_.smmus) Find("not every SMMU was shown as '{}'", text);
  }

  // Each master was taken from its driver and given back, each time that the program says so, and
  // that made the kernel attach its stream.
  void CheckMasters() {
    const uint64_t told = CountSaid("sidewall: masters ");
    if (told == 0 || CountSaid(fmt::format("sidewall: masters {}", kMasters)) != told) {
      Find("not all {} masters were bound to a driver", kMasters);
    }
    if (Said("does not rebind")) Find("a master did not come back to its driver");
    std::set<uint64_t> windows;
    for (const Row& row : record_.rows) {
      if (row.kind == RowKind::kAccess && IsAttach(row)) windows.insert(row.ipa & ~kInWindow);
    }
    if (windows.size() < kSmmuWindows) {
      Find("the kernel pointed streams at banks in {} windows, not {}", windows.size(),
           kSmmuWindows);
    }
  }

  // A store to an S2CR of type translation.
  static bool IsAttach(const Row& row) {
    const uint64_t offset = row.ipa & kInWindow;
    const bool s2cr = offset >= 0xc00 && offset < 0xe00;
    return row.write != 0 && row.width == 4 && s2cr && IsSmmu(row.ipa) &&
           (row.value >> 16 & 3) == 0;
  }
  static bool IsSmmu(uint64_t ipa) {
    const model::BoardSpec& board = *model::FindBoard("tegra234-virt");
    for (size_t i = 0; i < board.smmu_count; ++i) {
      for (size_t n = 0; n < board.smmu[i].instance_count; ++n) {
        if (ipa - board.smmu[i].window[n] < board.smmu[i].window_size) return true;
      }
    }
    return false;
  }

  void CheckConsole() {
    // Of transfers that were made to fault, or tried to reach the marked page, the kernel may hear.
    const uint64_t expected = q_.dmatest || q_.hostile ? block_.dma_faults : 0;
    const uint64_t faults = CountSaid("Unhandled context fault");
    if (faults > expected) {
      Find("the kernel met {} context faults, of {} that were made", faults, expected);
    }
    if (Said("Unexpected global fault")) Find("the kernel met a global fault");
    if (Said("TLB sync timed out")) Find("a TLB sync timed out");
    if (Said("Internal error:")) Find("the kernel met an internal error");
  }

  void CheckRecord() {
    if (block_.rows_lost != 0 || block_.tables_lost != 0) {
      Find("the record lost {} rows and {} tables", block_.rows_lost, block_.tables_lost);
    }
    if (checks_.accesses == 0) Find("no access to an SMMU or the memory controller trapped");
    if (block_.counters.sync_timeouts != 0) {
      Find("{} syncs of the driver timed out", block_.counters.sync_timeouts);
    }
    if (block_.counters.degraded != 0) Find("an SMMU is left degraded");
    if (!q_.hostile && block_.aborts_injected != 0) {
      Find("the kernel was given {} aborts", block_.aborts_injected);
    }
    if (block_.ring_others != 0) {
      Find("{} records of the driver's ring are of other accesses", block_.ring_others);
    }
    CheckRing();
    if (shipped() && !q_.late && block_.counters.traps != checks_.accesses) {
      Find("the driver counted {} accesses, EL2 {}", block_.counters.traps, checks_.accesses);
    }
  }

  // The driver's own ring holds exactly the accesses that EL2 handed to it.
  void CheckRing() {
    if (!shipped()) return;
    const auto handed = static_cast<uint64_t>(
        std::count_if(record_.rows.begin(), record_.rows.end(), [](const Row& row) {
          return row.kind == RowKind::kAccess && (row.flags & boot::kFlagRaw) == 0;
        }));
    if (block_.ring_missing != 0) {
      Find("{} accesses are not in the driver's ring", block_.ring_missing);
    }
    if (block_.ring_records != handed) {
      Find("the driver's ring has {} records, of {} accesses", block_.ring_records, handed);
    }
  }

  void CheckLeaks() {
    if (block_.secret_leaks > checks_.leaks) {
      Find("{} pieces of transfers brought bytes of a marked page",
           block_.secret_leaks - checks_.leaks);
    }
    if (checks_.leaks == 0) return;
    const auto row =
        std::find_if(record_.rows.begin(), record_.rows.end(), [](const Row& candidate) {
          return candidate.kind != RowKind::kDma && candidate.leak != boot::kNoClient;
        });
    if (row->kind == RowKind::kMark) {
      Find("the marked page could be reached {} times; first by {:#x}, at mark {:#x}",
           checks_.leaks, row->leak, row->value);
      return;
    }
    Find("the marked page could be reached {} times; first by {:#x}, after {} of {:#x} at {:#x}",
         checks_.leaks, row->leak, row->write != 0 ? "a write" : "a read", row->value, row->ipa);
  }

  // What faults is the transfer whose page was given away, at its first read and because of EL2's
  // stage 2; besides, the one that the hostile program aims at the marked page.
  void CheckFaultedPieces() {
    uint64_t phase = 0;
    for (const Row& row : record_.rows) {
      if (row.kind == RowKind::kMark) phase = row.value;
      if (row.kind != RowKind::kDma || row.status == boot::kDmaOk) continue;
      const bool donated = phase == boot::kMarkDonated && row.write == 0;
      const bool hostile = q_.hostile && phase == boot::kMarkHostile;
      if (row.status == boot::kDmaStage2 && (donated || hostile)) continue;
      Find("a {} of stream {:#x} at {:#x} faulted, after mark {:#x}: not the page given away",
           row.write != 0 ? "write" : "read", row.reason, row.ipa, phase);
    }
  }

  void CheckAttempts() {
    std::vector<Attempt> told;
    for (const std::string& line : *q_.console) {
      if (const auto attempt = ParseAttempt(line)) told.push_back(*attempt);
    }
    std::vector<const Row*> rows;
    for (const Row& row : record_.rows) {
      if (row.kind == RowKind::kAccess && (row.flags & boot::kFlagFromEl0) != 0) {
        rows.push_back(&row);
      }
    }
    checks_.attempts = told.size();
    if (block_.attempts == 0 || block_.attempts != told.size()) {
      Find("the hostile program made {} accesses and told of {}", block_.attempts, told.size());
    }
    if (rows.size() != told.size()) Find("{} accesses told, {} trapped", told.size(), rows.size());
    for (size_t i = 0; i < std::min(rows.size(), told.size()); ++i) Match(told[i], *rows[i]);
    if (shipped()) CheckDecisions();
    if (block_.control_hits == 0) {
      Find(
          "the hostile program's own stream never reached the host's memory: that it did not "
          "reach the marked page proves nothing");
    }
    if (!Said("sidewall: dma: the control was copied")) {
      Find("the hostile program's own bytes were not copied, so its transfers prove nothing");
    }
    if (!Said("sidewall: dma: the marked page stayed")) Find("bytes of the marked page came");
    if (!Said("sidewall: attempts ")) Find("the hostile program did not come to its end");
  }

  // Each access has the decision that is written down for it, and none is missing there.
  void CheckDecisions() {
    if (q_.decisions == nullptr) return;
    const std::vector<std::string>& wanted = *q_.decisions;
    const std::vector<std::string>& had = checks_.decided_as;
    if (wanted.size() != had.size()) {
      Find("{} decisions are written down, of {} hostile accesses", wanted.size(), had.size());
    }
    for (size_t i = 0; i < std::min(wanted.size(), had.size()); ++i) {
      if (wanted[i] == had[i]) continue;
      Find("attempt {} had the decision '{}', not '{}'", i + 1, had[i], wanted[i]);
      return;
    }
  }

  void Match(const Attempt& attempt, const Row& row) {
    const bool same = attempt.address == row.ipa && attempt.write == (row.write != 0) &&
                      attempt.width == row.width &&
                      (!attempt.write || attempt.width == 0 || attempt.value == row.value);
    if (!same) {
      Find("attempt {} ({}) is not what trapped: {} {} at {:#x}, value {:#x}", attempt.number,
           attempt.why, row.write != 0 ? "W" : "R", row.width, row.ipa, row.value);
      return;
    }
    if ((row.flags & boot::kFlagRing) != 0) ++checks_.recorded;
    const bool decided = row.decision != boot::kNoDecision;
    if (decided) ++checks_.decided;
    const std::string reason = replay::ReasonName(row.reason);
    checks_.decided_as.push_back(fmt::format("{}: {}{}{}", attempt.why,
                                             replay::DecisionName(row.decision),
                                             reason.empty() ? "" : ", ", reason));
    if (!shipped()) return;
    if ((row.flags & boot::kFlagRing) == 0) {
      Find("attempt {} ({}) is not in the driver's ring", attempt.number, attempt.why);
    }
    if (!decided) Find("attempt {} ({}) was not decided", attempt.number, attempt.why);
  }

  void CheckDmatest() {
    for (const std::string& line : *q_.console) {
      unsigned long tests = 0;
      unsigned long failures = 0;
      const size_t at = line.find(": summary ");
      if (line.find("dmatest: ") == std::string::npos || at == std::string::npos) continue;
      if (std::sscanf(line.c_str() + at, ": summary %lu tests, %lu failures", &tests, &failures) ==
          2) {
        checks_.dmatest_tests += tests;
        checks_.dmatest_failures += failures;
      }
    }
    if (checks_.dmatest_tests == 0) Find("dmatest ran no test");
    // One transfer was made to fail, by giving away the page under it; and no other.
    const uint64_t donated = shipped() ? 1 : 0;
    if (block_.donated_transfers != 1) Find("no page was given away under a transfer");
    const uint64_t faults = donated + (shipped() && q_.hostile ? 1 : 0);
    if (block_.dma_faults != faults) {
      Find("{} pieces of transfers faulted, not {}", block_.dma_faults, faults);
    }
    CheckFaultedPieces();
    if (shipped() && checks_.dmatest_failures != donated) {
      Find("dmatest: {} failures, not {}", checks_.dmatest_failures, donated);
    }
    if (!Said("sidewall: suspend: devices are back")) Find("devices did not come back from sleep");
    CheckSleep();
  }

  // Once all SMMUs lost their power, and the kernel found them as the driver had restored them.
  void CheckSleep() {
    if (!Said("sidewall: suspend: the machine is back")) Find("the machine did not wake");
    if (block_.system_suspends != 1) Find("the machine slept {} times", block_.system_suspends);
    if (!shipped()) return;
    const size_t smmus = model::FindBoard("tegra234-virt")->smmu_count;
    if (block_.power_cuts != smmus) {
      Find("{} SMMUs lost their power while the machine slept, not {}", block_.power_cuts, smmus);
    }
    if (block_.power_calls_failed != 0) {
      Find("{} calls of suspend and resume were not OK", block_.power_calls_failed);
    }
  }

  // The kernel's own driver of the memory controller looks at the override of each client of a
  // master, and writes where it is not what it wants: nowhere but for the one master that the
  // device tree gives a stream that is not its clients'. That is refused.
  void CheckOverrides() {
    const model::Range window = model::FindBoard("tegra234-virt")->mc_window[0];
    for (const Row& row : record_.rows) {
      const bool kernel =
          row.kind == RowKind::kAccess && (row.flags & (boot::kFlagFromEl0 | boot::kFlagRaw)) == 0;
      if (!kernel || !window.Contains(row.ipa) || (row.ipa & 4) != 0) continue;
      if (row.write == 0) ++checks_.overrides_read;
      if (row.write == 0) continue;
      ++checks_.overrides_written;
      if (row.reason == SIDEWALL_REASON_SID) ++checks_.overrides_refused;
    }
    if (q_.driver != "shipped") return;
    if (checks_.overrides_read <= checks_.overrides_written) {
      Find("the kernel read {} overrides, of masters that are described rightly none",
           checks_.overrides_read);
    }
    if (checks_.overrides_written == 0) Find("the kernel wrote no override");
    if (checks_.overrides_refused == 0) {
      Find("no override that the kernel wrote was refused, though one was of a foreign stream");
    }
  }

  // Before it, accesses go to hardware as they are; after it, every one meets the driver.
  void CheckTakeover() {
    if (!Said("sidewall: taken over")) Find("the driver did not take over from the running kernel");
    bool taken = false;
    for (const Row& row : record_.rows) {
      if (row.kind == RowKind::kMark && row.value == boot::kMarkTakenOver) taken = true;
      if (row.kind != RowKind::kAccess || (row.flags & boot::kFlagRaw) == 0 || !taken) continue;
      Find("an access after the takeover went to hardware as it was");
      return;
    }
  }

  const BootQuestion& q_;
  const BootEnd& end_;
  const replay::BootRecord& record_;
  const boot::Block& block_;
  BootChecks checks_;
};

}  // namespace

BootChecks CheckBoot(const BootQuestion& question) { return Checker(question).Run(); }

}  // namespace sidewall::cli
