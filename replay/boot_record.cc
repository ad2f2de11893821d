// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/boot_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "model/board.h"

namespace sidewall::replay {
namespace {

constexpr const char* kBoard = "tegra234-virt";
constexpr uint32_t kGlobal1 = 0x10000;
constexpr uint32_t kBanks = 0x800000;

bool Place(uint64_t ipa, Window* window, uint32_t* offset) {
  const model::BoardSpec& board = *model::FindBoard(kBoard);
  for (size_t i = 0; i < board.smmu_count; ++i) {
    const model::SmmuSpec& smmu = board.smmu[i];
    for (uint8_t n = 0; n < smmu.instance_count; ++n) {
      if (ipa - smmu.window[n] >= smmu.window_size) continue;
      *window = static_cast<Window>(smmu.side * 2 + n);
      *offset = static_cast<uint32_t>(ipa - smmu.window[n]);
      return true;
    }
  }
  for (size_t i = 0; i < board.mc_window_count; ++i) {
    if (!board.mc_window[i].Contains(ipa)) continue;
    *window = static_cast<Window>(kSmmuWindows + i);
    *offset = static_cast<uint32_t>(ipa - board.mc_window[i].start);
    return true;
  }
  return false;
}

bool ReadTables(void* ram, const boot::Block& block, BootRecord* record, std::string* why) {
  uint64_t at = 0;
  while (at < block.table_bytes) {
    boot::TableHead head;
    if (at + sizeof(head) > block.table_bytes) break;
    std::memcpy(&head, boot::At(ram, boot::kTables + at), sizeof(head));
    at += sizeof(head);
    if (head.count > 512 || at + head.count * sizeof(boot::TableEntry) > block.table_bytes) {
      *why = "the record of page tables contradicts itself";
      return false;
    }
    BootTable table;
    table.row = head.row;
    table.table.pa = head.pa;
    table.table.level = static_cast<uint8_t>(head.level);
    for (uint32_t i = 0; i < head.count; ++i, at += sizeof(boot::TableEntry)) {
      boot::TableEntry entry;
      std::memcpy(&entry, boot::At(ram, boot::kTables + at), sizeof(entry));
      table.table.entries.emplace_back(static_cast<uint16_t>(entry.index), entry.value);
    }
    record->tables.push_back(std::move(table));
  }
  return true;
}

Record RecordOf(const boot::Row& row) {
  Record record;
  record.cpu = row.cpu;
  if (row.kind == boot::RowKind::kMark) {
    record.body = MarkRecord{row.value};
    return record;
  }
  if (row.kind == boot::RowKind::kDma) {
    DmaRecord dma;
    dma.window = static_cast<Window>(row.width);
    dma.sid = row.reason;
    dma.write = row.write != 0;
    dma.length = row.esr;
    dma.iova = row.ipa;
    dma.outcome = static_cast<DmaOutcome>(row.status);
    dma.level = row.decision == boot::kNoDecision ? 0 : row.decision;
    dma.pa = row.value;
    dma.via = static_cast<DmaVia>(row.flags & boot::kViaFlags);
    dma.bank = static_cast<uint16_t>(row.driver);
    record.body = dma;
    return record;
  }
  AccessRecord access;
  Place(row.ipa, &access.window, &access.offset);
  access.write = row.write != 0;
  access.width = row.width;
  access.value = row.value;
  record.body = access;
  record.caller = fmt::format("{:#x}", row.pc);
  return record;
}

// The first value that the kernel reads at `ipa` after row `index`.
std::optional<uint64_t> ReadAfter(const std::vector<boot::Row>& rows, size_t index, uint64_t ipa) {
  for (size_t i = index + 1; i < rows.size(); ++i) {
    const boot::Row& row = rows[i];
    if (row.kind == boot::RowKind::kAccess && row.write == 0 && row.ipa == ipa) return row.value;
  }
  return std::nullopt;
}

// A transfer that EL2's stage 2 stopped, for a reason that is not the kernel's and not in the
// trace: it becomes the fault that the kernel was shown. False: it never looked.
bool FaultOf(const std::vector<boot::Row>& rows, size_t index, Record* record) {
  const boot::Row& row = rows[index];
  const model::BoardSpec& board = *model::FindBoard(kBoard);
  FaultRecord fault;
  fault.window = static_cast<Window>(row.width);
  fault.bank = static_cast<uint16_t>(row.driver);
  uint64_t window = 0;
  for (size_t i = 0; i < board.smmu_count; ++i) {
    if (board.smmu[i].side == row.width / 2) window = board.smmu[i].window[row.width % 2];
  }
  const uint64_t bank = window + kBanks + (uint64_t{fault.bank} << 16);
  const auto fsr = ReadAfter(rows, index, bank + 0x58);
  const auto fsynr0 = ReadAfter(rows, index, bank + 0x68);
  const auto far = ReadAfter(rows, index, bank + 0x60);
  const auto sid = ReadAfter(rows, index, window + kGlobal1 + 0x400 + 4 * uint64_t{fault.bank});
  if (!fsr || !fsynr0 || !far || !sid || *fsr == 0) return false;
  fault.fsr = static_cast<uint32_t>(*fsr);
  fault.fsynr0 = static_cast<uint32_t>(*fsynr0);
  fault.far = *far;
  fault.sid = static_cast<uint16_t>(*sid & 0x7fff);
  record->body = fault;
  return true;
}

// What a trace can say: an access with a valid syndrome, which the driver had; and transfers, once
// there was a driver.
bool IsPlayable(const boot::Row& row) {
  if (row.kind == boot::RowKind::kMark) return true;
  const bool told = row.kind == boot::RowKind::kDma || row.width != 0;
  return told && (row.flags & boot::kFlagRaw) == 0;
}

}  // namespace

bool ReadRecord(void* ram, BootRecord* record, std::string* why) {
  *record = BootRecord();
  record->block = *boot::BlockIn(ram);
  const boot::Block& block = record->block;
  if (block.magic != boot::kBlockMagic || block.row_count > boot::kRowsSize / sizeof(boot::Row) ||
      block.table_bytes > boot::kTablesSize || block.log_bytes > boot::kLogSize) {
    *why = "the block that EL2 shares contradicts itself";
    return false;
  }
  record->rows.resize(block.row_count);
  if (block.row_count != 0) {
    std::memcpy(record->rows.data(), boot::At(ram, boot::kRows),
                block.row_count * sizeof(boot::Row));
  }
  record->log.assign(reinterpret_cast<const char*>(boot::At(ram, boot::kLog)), block.log_bytes);
  return ReadTables(ram, block, record, why);
}

Trace TraceOf(const BootRecord& record, const BootProvenance& provenance) {
  Trace trace;
  TraceHead& head = trace.head;
  head.machine = "Linux in QEMU, not a board";
  head.kernel = provenance.kernel;
  head.board = kBoard;
  head.ram = fmt::format("{:#x}-{:#x}", boot::kRam, boot::kHostRamEnd);
  head.capture = provenance.capture;
  head.date = provenance.date;
  head.source = fmt::format("sidewall boot, driver {}", provenance.driver);
  head.tables = "recorded";
  head.lost = record.block.rows_lost + record.block.tables_lost;
  uint64_t last = 0;
  size_t table = 0;
  uint64_t left_out = 0;
  const auto add_tables = [&](uint64_t row) {
    for (; table < record.tables.size() && record.tables[table].row <= row; ++table) {
      Record entry;
      entry.body = record.tables[table].table;
      trace.records.push_back(std::move(entry));
    }
  };
  for (size_t i = 0; i < record.rows.size(); ++i) {
    add_tables(i);
    if (!IsPlayable(record.rows[i])) {
      ++left_out;
      continue;
    }
    Record entry = RecordOf(record.rows[i]);
    const bool stage2 =
        record.rows[i].kind == boot::RowKind::kDma && record.rows[i].status == boot::kDmaStage2;
    if (stage2 && !FaultOf(record.rows, i, &entry)) {
      ++left_out;
      continue;
    }
    // The counter is coarser than an access, and times only increase.
    last = std::max(last + 1, record.rows[i].time_ns);
    entry.time_ns = last;
    trace.records.push_back(std::move(entry));
  }
  add_tables(~uint64_t{0});
  head.counts = CountRecords(trace.records, left_out);
  return trace;
}

std::string ClassOf(const boot::Row& row) {
  Window window = Window::kNiso1;
  uint32_t offset = 0;
  if (!Place(row.ipa, &window, &offset)) return "no window";
  if (static_cast<uint8_t>(window) >= kSmmuWindows) return "memory controller";
  if (offset < kGlobal1) {
    if (offset >= 0x800 && offset < 0xe00) return "SMR and S2CR";
    if (offset >= 0x20 && offset < 0x40) return "identification";
    if (offset >= 0x40 && offset < 0x60) return "global fault";
    if (offset >= 0x60 && offset < 0xd0) return "global TLB";
    return "global control";
  }
  if (offset < kBanks) return "CBAR and CBA2R";
  const uint32_t inner = offset & 0xffff;
  if (inner >= 0x600 && inner < 0x800) return "context TLB";
  if (inner >= 0x58 && inner < 0x78) return "context fault";
  return "context bank";
}

std::map<std::pair<std::string, bool>, CostRow> CostsOf(const BootRecord& record) {
  std::map<std::pair<std::string, bool>, CostRow> costs;
  for (const boot::Row& row : record.rows) {
    if (row.kind != boot::RowKind::kAccess || (row.flags & boot::kFlagRaw) != 0) continue;
    CostRow& cost = costs[{ClassOf(row), row.write != 0}];
    ++cost.accesses;
    cost.driver += row.driver;
    cost.model += row.model;
  }
  return costs;
}

const char* DecisionName(uint8_t decision) {
  constexpr const char* kNames[] = {"forwarded", "composed", "virtual",
                                    "absorbed",  "ignored",  "refused"};
  return decision < std::size(kNames) ? kNames[decision] : "undecided";
}

const char* ReasonName(uint16_t reason) {
  constexpr const char* kNames[] = {"",
                                    "unknown register",
                                    "width",
                                    "alignment",
                                    "syndrome",
                                    "index",
                                    "floor",
                                    "overlap",
                                    "context",
                                    "foreign SID",
                                    "no client",
                                    "locked",
                                    "fault dropped",
                                    "power"};
  return reason < std::size(kNames) ? kNames[reason] : "?";
}

const char* PhaseName(boot::Phase phase) {
  constexpr const char* kNames[] = {"EL2 was never entered",       "EL2 was making the hardware",
                                    "the driver had taken over",   "the driver was up",
                                    "the kernel was running",      "the guest switched off",
                                    "the guest reset itself",      "the driver panicked",
                                    "a call of the driver failed", "EL2 met an exception"};
  const auto index = static_cast<size_t>(phase);
  return index < std::size(kNames) ? kNames[index] : "?";
}

}  // namespace sidewall::replay
