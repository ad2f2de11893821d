// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/boot_transfers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>

#include "cli/boot_finder.h"
#include "model/board.h"

namespace sidewall::cli {
namespace {

using boot::Row;
using boot::RowKind;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kAddress = 0x0000fffffffff000;

// The window of an SMMU, as rows of transfers number it: twice the side, plus the instance.
std::optional<size_t> WindowOf(uint64_t ipa) {
  const model::BoardSpec& board = *model::FindBoard("tegra234-virt");
  for (size_t i = 0; i < board.smmu_count; ++i) {
    for (size_t n = 0; n < board.smmu[i].instance_count; ++n) {
      if (ipa - board.smmu[i].window[n] < board.smmu[i].window_size) {
        return board.smmu[i].side * 2 + n;
      }
    }
  }
  return std::nullopt;
}

bool IsDelivered(const Row& row) {
  return row.kind == RowKind::kDma && (row.flags & boot::kFlagRaw) == 0 &&
         row.status == boot::kDmaOk;
}

// What the kernel's dmatest said of one run: the name under which the program started it, and sums.
struct Ran {
  std::string name;
  uint64_t tests = 0;
  uint64_t failures = 0;
};

std::vector<Ran> RunsOf(const std::vector<std::string>& console) {
  constexpr std::string_view kBegin = "sidewall: dmatest ";
  std::vector<Ran> runs;
  for (const std::string& line : console) {
    const size_t begin = line.find(kBegin);
    if (begin != std::string::npos) runs.push_back({line.substr(begin + kBegin.size())});
    const size_t at = line.find(": summary ");
    unsigned long tests = 0;
    unsigned long failures = 0;
    if (line.find("dmatest: ") == std::string::npos || at == std::string::npos) continue;
    if (std::sscanf(line.c_str() + at, ": summary %lu tests, %lu failures", &tests, &failures) != 2)
      continue;
    if (runs.empty()) runs.push_back({"nothing that was asked for"});
    runs.back().tests += tests;
    runs.back().failures += failures;
  }
  return runs;
}

class Checker : BootFinder {
 public:
  Checker(const BootQuestion& question, BootChecks* checks)
      : BootFinder(question, checks),
        rows_(question.record->rows),
        block_(question.record->block) {}

  void Run() {
    if (shipped()) CheckFaultedPieces();
    if (!q_.dmatest) CheckQueues();
    if (q_.dmatest || q_.late) CheckWakes();
    if (!q_.dmatest) return;
    CheckRuns();
    CheckDonation();
    CheckSleep();
  }

 private:
  // What faults is the transfer whose page was given away, in its first piece and because of EL2's
  // stage 2; besides, what the hostile program aims at the marked page: an engine on tables of its
  // own, and a master, on the kernel's, which never mapped that address for it.
  void CheckFaultedPieces() {
    uint64_t phase = 0;
    uint64_t engine = 0;
    uint64_t queue = 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      if (row.kind == RowKind::kMark) phase = row.value;
      const bool raw = (row.flags & boot::kFlagRaw) != 0;
      if (row.kind != RowKind::kDma || row.status == boot::kDmaOk || raw) continue;
      if (q_.dmatest && i == DonatedRow() && row.status == boot::kDmaStage2) continue;
      const bool hostile = q_.hostile && phase == boot::kMarkHostile && row.write == 0 &&
                           row.ipa / kPage == boot::kSecretPage / kPage;
      if (hostile && row.reason == boot::kHostileSid && row.status == boot::kDmaStage2) {
        ++engine;
        continue;
      }
      if (hostile && row.reason == boot::kMasters[0].sid && row.status == boot::kDmaTranslation) {
        ++queue;
        continue;
      }
      Find("a {} of stream {:#x} at {:#x} faulted, after mark {:#x}: not one that must",
           row.write != 0 ? "write" : "read", row.reason, row.ipa, phase);
    }
    if (!q_.hostile) return;
    if (engine != 1) Find("{} reads of the marked page by the attacker's engine faulted", engine);
    if (queue != 1) Find("{} reads of a queue in the marked page faulted", queue);
  }

  // The first piece from the transfer on under which the page was given away.
  size_t DonatedRow() const {
    size_t i = block_.donated_transfers == 0 ? rows_.size() : block_.donated_row;
    while (i < rows_.size() && rows_[i].kind != RowKind::kDma) ++i;
    return i;
  }

  // Exactly that transfer, and for exactly that page: the one to which the kernel's own tables, as
  // they were recorded before the transfer, lead from its first address.
  void CheckDonation() {
    if (block_.donated_transfers != 1) {
      Find("no page was given away under a transfer");
      return;
    }
    const size_t at = DonatedRow();
    if (at == rows_.size() || rows_[at].status != boot::kDmaStage2 || rows_[at].write != 0 ||
        rows_[at].ipa != block_.donated_iova) {
      Find("the first piece of the transfer whose page {:#x} was given away did not fault",
           block_.donated_page);
    }
    if (PageOf(block_.donated_iova, block_.donated_row) != block_.donated_page) {
      Find("page {:#x} was given away, which is not the one that the kernel's tables have at {:#x}",
           block_.donated_page, block_.donated_iova);
    }
    if (block_.donated_delivered != 0) {
      Find("{} pieces were delivered on the page that was given away", block_.donated_delivered);
    }
    if (block_.donated_words != 0) {
      Find("bytes of the page that was given away came, {} times 4", block_.donated_words);
    }
    if (block_.donated_completed != 0) Find("the transfer under which it was came to its end");
  }

  // Where the kernel's tables of before row `row` lead; 0 when none of its roots has it.
  uint64_t PageOf(uint64_t iova, uint64_t row) const {
    std::map<uint64_t, const replay::TableRecord*> tables;
    for (const replay::BootTable& each : q_.record->tables) {
      if (each.row == row) tables[each.table.pa] = &each.table;
    }
    for (const auto& [root, table] : tables) {
      if (table->level != 0) continue;
      uint64_t at = root;
      for (int level = 0; level < 4 && at != 0; ++level) {
        const auto found = tables.find(at);
        const uint64_t index = iova >> (39 - 9 * level) & 511;
        at = found == tables.end() ? 0 : EntryOf(*found->second, index);
      }
      if (at != 0) return at;
    }
    return 0;
  }
  static uint64_t EntryOf(const replay::TableRecord& table, uint64_t index) {
    for (const auto& [number, value] : table.entries) {
      if (number == index && (value & 3) == 3) return value & kAddress;
    }
    return 0;
  }

  // The kernel's network driver gives each master its queues each time that the master is bound:
  // the last time after all that could have hurt it.
  void CheckQueues() {
    const uint64_t mark = q_.hostile ? boot::kMarkHostileDone
                          : q_.late  ? boot::kMarkTakenOver
                                     : boot::kMarkMasters;
    const auto begin =
        std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) { return IsMark(row, mark); });
    for (const boot::Master& master : boot::kMasters) {
      for (const bool write : {false, true}) {
        const bool reached = std::any_of(begin, rows_.end(), [&](const Row& row) {
          return IsDelivered(row) && row.reason == master.sid && row.width / 2 == master.side &&
                 (row.write != 0) == write;
        });
        if (!reached) {
          Find("no {} of the master of stream {:#x} was delivered after mark {:#x}",
               write ? "write" : "read", master.sid, mark);
        }
      }
    }
  }

  // Each run that was asked for, with each of its tests. The one whose page is given away fails
  // over any driver: nothing comes, or what comes is not what the kernel had there.
  void CheckRuns() {
    const std::vector<Ran> had = RunsOf(*q_.console);
    std::vector<boot::DmatestRun> wanted = {boot::kRunPlain, boot::kRunOther, boot::kRunDonated,
                                            boot::kRunAgain, boot::kRunAwake};
    if (q_.hostile) wanted.push_back(boot::kRunAttacked);
    for (const Ran& run : had) {
      checks_.dmatest_tests += run.tests;
      checks_.dmatest_failures += run.failures;
    }
    if (had.size() != wanted.size()) {
      Find("dmatest ran {} times, not {}", had.size(), wanted.size());
      return;
    }
    for (size_t i = 0; i < had.size(); ++i) {
      const bool donated = std::string_view(wanted[i].name) == boot::kRunDonated.name;
      const uint64_t failures = donated ? 1 : 0;
      if (had[i].name == wanted[i].name && had[i].tests == wanted[i].tests &&
          had[i].failures == failures)
        continue;
      Find("dmatest '{}': {} tests, {} failures; not '{}': {}, {}", had[i].name, had[i].tests,
           had[i].failures, wanted[i].name, wanted[i].tests, failures);
    }
  }

  // Whenever devices or the machine come back from sleep, the kernel points streams at banks again,
  // in all windows.
  void CheckWakes() {
    size_t devices = 0;
    size_t machine = 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const bool of_machine = IsMark(rows_[i], boot::kMarkAwake);
      if (!of_machine && !IsMark(rows_[i], boot::kMarkSuspend)) continue;
      ++(of_machine ? machine : devices);
      size_t last = i + 1;
      while (last < rows_.size() && rows_[last].kind != RowKind::kMark) ++last;
      const size_t windows = AttachedWindows(rows_, i, last).size();
      if (windows != boot::kWindows) {
        Find("after mark {:#x} the kernel pointed streams at banks in {} windows, not {}",
             rows_[i].value, windows, boot::kWindows);
      }
    }
    if (!Said("sidewall: suspend: devices are back")) Find("devices did not come back from sleep");
    const size_t wanted = (q_.dmatest ? 1u : 0u) + (q_.late ? 1u : 0u);
    if (devices != wanted) Find("devices slept {} times, not {}", devices, wanted);
    if (q_.dmatest && machine != 1) Find("the machine woke {} times", machine);
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

  const std::vector<Row>& rows_;
  const boot::Block& block_;
};

}  // namespace

void CheckTransfers(const BootQuestion& question, BootChecks* checks) {
  Checker(question, checks).Run();
}

std::set<size_t> AttachedWindows(const std::vector<Row>& rows, size_t first, size_t last) {
  std::set<size_t> windows;
  for (size_t i = first; i < last; ++i) {
    const Row& row = rows[i];
    if (row.kind != RowKind::kAccess || (row.flags & boot::kFlagRaw) != 0) continue;
    const uint64_t offset = row.ipa & 0xffffff;
    const bool s2cr = row.write != 0 && row.width == 4 && offset >= 0xc00 && offset < 0xe00;
    const auto window = WindowOf(row.ipa);
    if (s2cr && window && (row.value >> 16 & 3) == 0) windows.insert(*window);
  }
  return windows;
}

}  // namespace sidewall::cli
