// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The record of the run: rows, the kernel's page tables, and a log, all in the shared block.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

namespace sidewall::boot {
namespace {

constexpr uint64_t kMaxRows = kRowsSize / sizeof(Row);
constexpr uint64_t kAddress = 0x0000fffffffff000;
constexpr uint32_t kBankBase = 0x800000;
constexpr uint32_t kSctlrM = 1;

void AppendText(const char* text) {
  Block& block = Shared();
  for (; *text != '\0' && block.log_bytes + 1 < kLogSize; ++text) {
    reinterpret_cast<char*>(kLog)[block.log_bytes++] = *text;
  }
}

void AppendHex(uint64_t value) {
  char text[20] = " 0x";
  size_t at = 3;
  int shift = 60;
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) text[at++] = "0123456789abcdef"[value >> shift & 15];
  text[at] = '\0';
  AppendText(text);
}

bool IsGuestRam(uint64_t pa) { return pa >= kRam && pa < kHostRamEnd; }

// One page of a table; false when there is no room.
bool AddTable(uint64_t pa, uint32_t level) {
  Block& block = Shared();
  if (block.table_bytes + sizeof(TableHead) + 512 * sizeof(TableEntry) > kTablesSize) {
    ++block.tables_lost;
    return false;
  }
  auto* head = reinterpret_cast<TableHead*>(kTables + block.table_bytes);
  auto* entry = reinterpret_cast<TableEntry*>(head + 1);
  *head = {block.row_count, pa, level, 0};
  for (uint64_t i = 0; i < 512; ++i) {
    const uint64_t value = Load64(pa + 8 * i);
    if (value != 0) entry[head->count++] = {i, value};
  }
  block.table_bytes += sizeof(TableHead) + head->count * sizeof(TableEntry);
  return true;
}

// A table and what is under it. The kernel's tables have four levels, so this loop is bounded.
void AddTree(uint64_t root) {
  uint64_t page[4] = {root, 0, 0, 0};
  uint32_t index[4] = {};
  uint32_t level = 0;
  if (!IsGuestRam(root) || !AddTable(root, 0)) return;
  for (;;) {
    if (index[level] == 512) {
      if (level == 0) return;
      --level;
      continue;
    }
    const uint64_t entry = Load64(page[level] + 8 * uint64_t{index[level]++});
    if (level == 3 || (entry & 3) != 3 || !IsGuestRam(entry & kAddress)) continue;
    ++level;
    page[level] = entry & kAddress;
    index[level] = 0;
    if (!AddTable(page[level], level)) return;
  }
}

}  // namespace

uint64_t TimeNs() {
  const uint64_t frequency = ReadSysreg(cntfrq_el0);
  const uint64_t count = ReadSysreg(cntpct_el0);
  return count / frequency * 1000000000 + count % frequency * 1000000000 / frequency;
}

uint64_t Instructions() { return ReadSysreg(pmccntr_el0); }

Row* AddRow(RowKind kind) {
  Block& block = Shared();
  if (block.row_count == kMaxRows) {
    ++block.rows_lost;
    // The last row is written over: the record is refused anyway, since it says what was lost.
    --block.row_count;
  }
  Row* row = reinterpret_cast<Row*>(kRows) + block.row_count++;
  *row = Row();
  row->time_ns = TimeNs();
  row->kind = kind;
  row->leak = kNoClient;
  row->decision = kNoDecision;
  row->flags = TakenOver() ? 0 : kFlagRaw;
  return row;
}

void SnapshotTables() {
  const model::Machine& machine = Hardware();
  for (size_t instance = 0; instance < machine.InstanceCount(); ++instance) {
    if (!machine.HasInstance(instance)) continue;
    const model::SmmuSpec& spec = *machine.smmu(instance).spec;
    // The two instances of a pair name the same tables.
    if (instance % 2 == 1) continue;
    for (uint32_t bank = 0; bank + spec.el2_banks < spec.banks; ++bank) {
      const uint32_t base = kBankBase + (bank << 16);
      if ((machine.Peek32(instance, base) & kSctlrM) == 0) continue;
      AddTree(machine.Peek64(instance, base + 0x20) & kAddress);
    }
  }
}

void Log(const char* text, uint64_t a, uint64_t b) {
  AppendText(text);
  AppendHex(a);
  AppendHex(b);
  AppendText("\n");
}

}  // namespace sidewall::boot
