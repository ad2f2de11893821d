// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <fmt/format.h>

#include <iterator>

#include "model/registers.h"
#include "replay/sha256.h"
#include "replay/trace.h"

namespace sidewall::replay {
namespace {

// Seconds with nine digits, as integers, so that no floating point rounds a time.
std::string Time(uint64_t ns) {
  return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

std::string Body(const Record& record, const AccessRecord& access) {
  return fmt::format("{} {} {} cpu{} {} +{:#x} 0x{:0{}x} ; {}", access.write ? 'W' : 'R',
                     access.width, Time(record.time_ns), record.cpu,
                     model::WindowName(access.window), access.offset, access.value,
                     access.width * 2, DescribeAccess(access.window, access.offset, access.value));
}

std::string Body(const Record& record, const MarkRecord& mark) {
  return fmt::format("mark {} cpu{} {:#x}", Time(record.time_ns), record.cpu, mark.value);
}

std::string Body(const Record& record, const DmaRecord& dma) {
  std::string text = fmt::format("dma {} {} sid={:#x} {} {} {:#x} -> {}", Time(record.time_ns),
                                 model::WindowName(dma.window), dma.sid, dma.write ? 'W' : 'R',
                                 dma.length, dma.iova, OutcomeName(dma.outcome));
  if (dma.outcome == DmaOutcome::kOk) {
    text += fmt::format(" {:#x}", dma.pa);
  } else if (dma.outcome >= DmaOutcome::kTranslation) {
    text += fmt::format("-L{}", dma.level);
  }
  switch (dma.via) {
    case DmaVia::kNone:
      return text + " none";
    case DmaVia::kBypass:
      return text + " bypass";
    case DmaVia::kBank:
      break;
  }
  return text + fmt::format(" cb{}", dma.bank);
}

std::string Body(const Record&, const TableRecord& table) {
  std::string text = fmt::format("table {:#x} L{}", table.pa, table.level);
  for (const auto& [index, value] : table.entries) {
    fmt::format_to(std::back_inserter(text), " {}={:#x}", index, value);
  }
  return text;
}

std::string Body(const Record& record, const FaultRecord& fault) {
  std::string text =
      fmt::format("hw.fault {} {}", Time(record.time_ns), model::WindowName(fault.window));
  text += fault.bank == kGlobalFault ? " global" : fmt::format(" bank={}", fault.bank);
  return text + fmt::format(" fsr={:#x} fsynr0={:#x} far={:#x} sid={:#x}", fault.fsr, fault.fsynr0,
                            fault.far, fault.sid);
}

}  // namespace

const char* OutcomeName(DmaOutcome outcome) {
  static constexpr const char* kNames[] = {"ok",         "unmatched-sid", "s2cr-fault",
                                           "cb-off",     "iova-range",    "translation",
                                           "permission", "accessflag"};
  return kNames[static_cast<size_t>(outcome)];
}

std::string DescribeAccess(Window window, uint32_t offset, uint64_t value) {
  char name[64];
  model::RegisterName(window, offset, name, sizeof(name));
  std::string text = name;
  uint16_t index = 0;
  uint16_t bank = 0;
  const model::RegisterInfo* info = model::FindRegister(window, offset, &index, &bank);
  if (info == nullptr || info->fields == nullptr) return text;
  for (const model::FieldInfo* field = info->fields; field->name != nullptr; ++field) {
    const unsigned width = field->high - field->low + 1u;
    const uint64_t mask = width >= 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    const uint64_t bits = (value >> field->low) & mask;
    if (bits != 0) fmt::format_to(std::back_inserter(text), " {}={:#x}", field->name, bits);
  }
  return text;
}

std::string FormatRecord(const Record& record) {
  std::string text =
      std::visit([&record](const auto& body) { return Body(record, body); }, record.body);
  if (!record.caller.empty()) {
    if (!std::holds_alternative<AccessRecord>(record.body)) text += " ;";
    text += fmt::format(" <{}>", record.caller);
  }
  return text;
}

TraceCounts CountRecords(const std::vector<Record>& records, uint64_t left_out) {
  TraceCounts counts;
  counts.left_out = left_out;
  for (const Record& record : records) {
    if (const auto* access = std::get_if<AccessRecord>(&record.body)) {
      ++(static_cast<uint8_t>(access->window) < kSmmuWindows ? counts.smmu : counts.mc);
    } else if (const auto* dma = std::get_if<DmaRecord>(&record.body)) {
      ++counts.dma;
      if (dma->outcome != DmaOutcome::kOk) ++counts.dma_faults;
    } else if (std::holds_alternative<MarkRecord>(record.body)) {
      ++counts.marks;
    } else if (std::holds_alternative<TableRecord>(record.body)) {
      ++counts.tables;
    } else {
      ++counts.hw_faults;
    }
  }
  return counts;
}

std::string FormatTrace(const Trace& trace) {
  std::string body;
  for (const Record& record : trace.records) {
    body += FormatRecord(record);
    body += '\n';
  }
  const TraceHead& head = trace.head;
  const TraceCounts counts = CountRecords(trace.records, head.counts.left_out);
  std::string text = "# sidewall-trace v1\n";
  const auto line = [&text](const char* key, const std::string& value) {
    fmt::format_to(std::back_inserter(text), "# {}: {}\n", key, value);
  };
  line("machine", head.machine);
  line("kernel", head.kernel);
  line("board", head.board);
  line("ram", head.ram);
  line("capture", head.capture);
  line("date", head.date);
  line("source", head.source);
  line("tables", head.tables);
  line("lost", std::to_string(head.lost));
  line("counts",
       fmt::format("smmu={} mc={} marks={} dma={} dma-faults={} hw-faults={} tables={} left-out={}",
                   counts.smmu, counts.mc, counts.marks, counts.dma, counts.dma_faults,
                   counts.hw_faults, counts.tables, counts.left_out));
  Sha256 hash;
  hash.Update(text);
  hash.Update(body);
  line("hash", "sha256:" + hash.Hex());
  return text + body;
}

}  // namespace sidewall::replay
