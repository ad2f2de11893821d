// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/boot_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string_view>

#include "cli/boot_finder.h"
#include "cli/boot_transfers.h"
#include "model/board.h"

namespace sidewall::cli {
namespace {

using boot::Phase;
using boot::Row;
using boot::RowKind;

constexpr size_t kMasters = std::size(boot::kMasters);
constexpr const char* kWindowNames[boot::kWindows] = {"niso1", "niso1m", "niso0", "niso0m", "iso"};

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

class Checker : BootFinder {
 public:
  Checker(const BootQuestion& question, BootChecks* checks)
      : BootFinder(question, checks),
        end_(*question.end),
        record_(*question.record),
        block_(record_.block) {}

  void Run() {
    Count();
    // What ended the run early is the finding; what else is then missing is its consequence.
    checks_.ended = CheckEnd();
    if (!checks_.ended) return;
    CheckProbe();
    CheckMasters();
    CheckConsole();
    CheckRecord();
    CheckLeaks();
    if (q_.hostile) CheckAttempts();
    CheckTransfers(q_, &checks_);
    if (q_.dmatest && !q_.late) CheckOverrides();
    if (q_.late) CheckTakeover();
  }

 private:
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
    // The hostile program points streams at banks, too: what it does is none of the kernel's.
    const std::vector<Row>& rows = record_.rows;
    const auto end = std::find_if(rows.begin(), rows.end(),
                                  [](const Row& row) { return IsMark(row, boot::kMarkHostile); });
    const size_t windows = AttachedWindows(rows, 0, static_cast<size_t>(end - rows.begin())).size();
    if (windows != boot::kWindows) {
      Find("the kernel pointed streams at banks in {} windows, not {}", windows, boot::kWindows);
    }
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
  }

  // The driver's own ring holds exactly the accesses that EL2 handed to it, and its counters say of
  // each what its record says.
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
    if (block_.counters.traps != handed) {
      Find("the driver counted {} accesses, EL2 {}", block_.counters.traps, handed);
    }
    for (uint8_t i = 0; i < std::size(block_.counters.by_decision); ++i) {
      const auto found = checks_.decisions.find(replay::DecisionName(i));
      const uint64_t had = found == checks_.decisions.end() ? 0 : found->second;
      if (block_.counters.by_decision[i] == had) continue;
      Find("the driver counted {} accesses as {}, of which its ring has {}",
           block_.counters.by_decision[i], replay::DecisionName(i), had);
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
    for (size_t i = 0; i < boot::kWindows; ++i) {
      if (block_.control_hits[i] != 0) continue;
      Find(
          "the hostile program's own stream never reached the host's memory over {}: that it did "
          "not reach the marked page there proves nothing",
          kWindowNames[i]);
    }
    if (!Said("sidewall: dma: the control was copied")) {
      Find("the hostile program's own bytes were not copied, so its transfers prove nothing");
    }
    if (!Said("sidewall: dma: the marked page stayed")) Find("bytes of the marked page came");
    if (!Said("sidewall: queue: the marked page stayed")) {
      Find("a master's configuration shows bytes of the marked page, or was not asked");
    }
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
    if (!shipped()) return;
    if (checks_.overrides_read <= checks_.overrides_written) {
      Find("the kernel read {} overrides, of masters that are described rightly none",
           checks_.overrides_read);
    }
    if (checks_.overrides_written == 0) Find("the kernel wrote no override");
    if (checks_.overrides_refused != checks_.overrides_written) {
      Find("of {} overrides that the kernel wrote, all of a foreign stream, {} were refused",
           checks_.overrides_written, checks_.overrides_refused);
    }
  }

  // Before it, accesses go to hardware as they are; after it, every one meets the driver.
  void CheckTakeover() {
    if (!Said("sidewall: taken over")) Find("the driver did not take over from the running kernel");
    bool taken = false;
    for (const Row& row : record_.rows) {
      if (IsMark(row, boot::kMarkTakenOver)) taken = true;
      if (row.kind != RowKind::kAccess || (row.flags & boot::kFlagRaw) == 0 || !taken) continue;
      Find("an access after the takeover went to hardware as it was");
      return;
    }
  }

  const BootEnd& end_;
  const replay::BootRecord& record_;
  const boot::Block& block_;
};

}  // namespace

BootChecks CheckBoot(const BootQuestion& question) {
  BootChecks checks;
  Checker(question, &checks).Run();
  return checks;
}

}  // namespace sidewall::cli
