// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Linux's own tables, recorded with the traces, walk to where the recorded DMA went: the model
// alone, without a driver, gets the kernel's register writes and tables as they were, and is asked
// where each recorded transfer goes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>

#include "model/machine.h"
#include "replay/trace.h"

namespace sidewall::replay {
namespace {

constexpr size_t kPageSlots = 4096;
constexpr size_t kPoolPages = 1;  // EL2's pool is not used here

struct Counts {
  uint64_t rows = 0;
  uint64_t delivered = 0;
  uint64_t translated = 0;  // of these, through tables
  uint64_t faulted = 0;
};

// What a bare SMMU makes of a transfer that the recorder saw end so.
model::FaultKind FaultOf(DmaOutcome outcome) {
  switch (outcome) {
    case DmaOutcome::kOk:
      return model::FaultKind::kNone;
    case DmaOutcome::kUnmatchedSid:
      return model::FaultKind::kUnmatchedStream;
    case DmaOutcome::kS2crFault:
      return model::FaultKind::kInvalidContext;
    case DmaOutcome::kPermission:
      return model::FaultKind::kPermission;
    case DmaOutcome::kAccessFlag:
      return model::FaultKind::kAccessFlag;
    default:
      return model::FaultKind::kTranslation;
  }
}

class Bare {
 public:
  explicit Bare(const std::string& board_name) : board_(model::FindBoard(board_name.c_str())) {
    arena_.pool_pages = kPoolPages;
    arena_.page_slots = kPageSlots;
    pool_.assign(kPoolPages * model::kPageWords, 0);
    data_.assign(kPageSlots * model::kPageWords, 0);
    keys_.assign(kPageSlots, 0);
    work_.assign(model::Machine::WorkSize(kPoolPages) / 8 + 1, 0);
    arena_.pool = pool_.data();
    arena_.page_data = data_.data();
    arena_.page_keys = keys_.data();
    arena_.work = work_.data();
    arena_.work_size = work_.size() * 8;
    machine_->Reset(*board_, arena_, &choices_, nullptr);
  }

  void Play(const Record& record) {
    line_ = record.line;
    if (const auto* access = std::get_if<AccessRecord>(&record.body)) {
      PlayAccess(*access);
    } else if (const auto* table = std::get_if<TableRecord>(&record.body)) {
      PlayTable(*table);
    } else if (const auto* dma = std::get_if<DmaRecord>(&record.body)) {
      PlayDma(*dma);
    }
  }
  const Counts& counts() const { return counts_; }

 private:
  void PlayAccess(const AccessRecord& access) {
    const auto window = static_cast<size_t>(access.window);
    if (!access.write || window >= kSmmuWindows) return;
    const uint64_t address = machine_->smmu(window).window + access.offset;
    if (access.width == 8) {
      machine_->Write64(address, access.value);
    } else {
      ASSERT_EQ(access.width, 4) << "line " << line_;
      machine_->Write32(address, static_cast<uint32_t>(access.value));
    }
  }

  void PlayTable(const TableRecord& table) {
    std::array<uint64_t, 512> page = {};
    for (const auto& [index, value] : table.entries) page[index] = value;
    for (size_t i = 0; i < page.size(); ++i) {
      ASSERT_TRUE(machine_->Store64(table.pa + 8 * i, page[i])) << "line " << line_;
    }
    machine_->Clean(table.pa, model::kPageSize);
    machine_->Barrier();
  }

  void PlayDma(const DmaRecord& dma) {
    ++counts_.rows;
    const bool ok = dma.outcome == DmaOutcome::kOk;
    ok ? ++counts_.delivered : ++counts_.faulted;
    if (ok && dma.via == DmaVia::kBank) ++counts_.translated;
    Ask(dma, 0);
    if (ok && dma.length > 1) Ask(dma, dma.length - 1);
  }

  void Ask(const DmaRecord& dma, uint64_t offset) {
    model::DmaRequest request;
    request.side = static_cast<uint8_t>(dma.window) / 2;
    request.instance = static_cast<uint8_t>(dma.window) % 2;
    request.sid = dma.sid;
    request.write = dma.write;
    request.address = dma.iova + offset;
    const model::DmaResult got = machine_->Translate(request);
    const std::string where =
        fmt::format("line {}: SID {:#x} address {:#x}", line_, dma.sid, request.address);
    ASSERT_EQ(got.fault, FaultOf(dma.outcome)) << where;
    if (dma.outcome == DmaOutcome::kOk) {
      EXPECT_EQ(got.pa, dma.pa + offset) << where;
    }
    if (dma.outcome >= DmaOutcome::kTranslation) {
      EXPECT_EQ(got.level, dma.level) << where;
      EXPECT_EQ(got.stage, 1) << where;
    }
    // No driver is there to put a stage 2 in the way.
    if (dma.via == DmaVia::kBank) {
      EXPECT_EQ(got.via.route, model::Route::kStage1Only) << where;
      EXPECT_EQ(got.via.bank, dma.bank) << where;
    } else if (dma.via == DmaVia::kBypass) {
      EXPECT_EQ(got.via.route, model::Route::kBypass) << where;
    }
  }

  const model::BoardSpec* board_;
  model::Arena arena_;
  model::Choices choices_;
  std::vector<uint64_t> pool_, data_, keys_, work_;
  std::unique_ptr<model::Machine> machine_ = std::make_unique<model::Machine>();
  Counts counts_;
  size_t line_ = 0;
};

TEST(LinuxTables, WalkToWhereTheRecordedDmaWent) {
  size_t traces = 0;
  uint64_t translated = 0;
  for (const auto& entry : std::filesystem::directory_iterator("corpus/traces")) {
    // What a recorder took that let Linux have the hardware. The traces of boots under the driver
    // have a stage 2 behind them, and a hostile program's accesses in them.
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".zst" || !name.starts_with("linux-")) continue;
    ++traces;
    Trace trace;
    TraceError error;
    ASSERT_TRUE(ReadTrace(entry.path().string(), &trace, &error)) << error.Text();
    if (trace.head.tables != "recorded") continue;
    Bare bare(trace.head.board);
    for (const Record& record : trace.records) {
      bare.Play(record);
      if (HasFatalFailure()) FAIL() << entry.path();
    }
    const Counts& counts = bare.counts();
    EXPECT_EQ(counts.rows, trace.head.counts.dma) << entry.path();
    translated += counts.translated;
    fmt::print("{}: {} rows, {} delivered, {} of them by tables, {} faulted\n",
               entry.path().filename().string(), counts.rows, counts.delivered, counts.translated,
               counts.faulted);
  }
  EXPECT_GT(traces, 0u);
  EXPECT_GT(translated, 1000u);
}

}  // namespace
}  // namespace sidewall::replay
