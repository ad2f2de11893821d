// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <fmt/format.h>

#include <map>

#include "model/registers.h"
#include "replay/trace.h"

namespace sidewall::replay {
namespace {

// Offsets of the fault status registers, with 64 KiB pages and the banks in the upper half.
constexpr uint32_t kGlobalStatus = 0x48;
constexpr uint32_t kBankBase = 0x800000;
constexpr uint32_t kBankStatus = 0x58;
constexpr uint64_t kStatusFaultBits = 0x1fe;  // TF to UUT

// A place where a fault is recorded: one bank, or the global registers, of one instance.
using Place = std::pair<Window, uint16_t>;

struct Causes {
  const Record* dma = nullptr;
  const Record* hw = nullptr;
};

bool PlaceOf(const AccessRecord& access, Place* place) {
  if (static_cast<uint8_t>(access.window) >= kSmmuWindows) return false;
  if (access.offset == kGlobalStatus) {
    *place = {access.window, static_cast<uint16_t>(kGlobalFault)};
    return true;
  }
  if (access.offset < kBankBase || (access.offset & 0xffff) != kBankStatus) return false;
  *place = {access.window, static_cast<uint16_t>((access.offset - kBankBase) >> 16)};
  return true;
}

}  // namespace

bool CheckFaultCauses(const Trace& trace, TraceError* error) {
  std::map<Place, Causes> pending;
  const auto fail = [error](size_t line, std::string what) {
    error->line = line;
    error->what = std::move(what);
    error->hint = "import the trace again from its source";
    return false;
  };
  for (const Record& record : trace.records) {
    if (const auto* dma = std::get_if<DmaRecord>(&record.body)) {
      if (dma->outcome == DmaOutcome::kOk) continue;
      const auto bank = dma->via == DmaVia::kBank ? dma->bank : static_cast<uint16_t>(kGlobalFault);
      pending[{dma->window, bank}].dma = &record;
    } else if (const auto* fault = std::get_if<FaultRecord>(&record.body)) {
      pending[{fault->window, fault->bank}].hw = &record;
    } else if (const auto* access = std::get_if<AccessRecord>(&record.body)) {
      Place place;
      if (!PlaceOf(*access, &place) || (access->value & kStatusFaultBits) == 0) continue;
      if (access->write) {
        pending.erase(place);
        continue;
      }
      const Causes causes = pending[place];
      if (causes.dma == nullptr && causes.hw == nullptr) {
        return fail(record.line, "the kernel reads a fault that has no cause in the trace");
      }
      if (causes.dma != nullptr && causes.hw != nullptr) {
        return fail(record.line, fmt::format("the fault read here has two causes, lines {} and {}",
                                             causes.dma->line, causes.hw->line));
      }
    }
  }
  return true;
}

}  // namespace sidewall::replay
