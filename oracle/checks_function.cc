// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// FUN03: legal DMA of the host works. The reference is a bare SMMU that took the host's writes as
// they were; it is armed only where hardware has one answer.
#include "model/registers.h"
#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

unsigned long long Wide(uint64_t value) { return value; }

}  // namespace

[[gnu::noinline]] void Checks::Fun03Works(const model::DmaRequest& request,
                                          const model::DmaResult& result, const Legal& legal) {
  if (!Enabled(Invariant::kFun03) || !legal.must_work || result.stale) return;
  if (result.fault == model::FaultKind::kBlocked && legal.bank != model::kNoIndex) {
    // The host's own bank waits for the host to clear its fault (HUPCF 0): its own doing.
    const uint32_t fsr = board_.machine_->Peek32(
        result.instance, layout::Bank(SpecOf(result.instance), legal.bank) + layout::kFsr);
    if (fsr != 0) return;
  }
  Evaluated(Invariant::kFun03);
  const bool delivered = result.fault == model::FaultKind::kNone;
  if (delivered && result.pa == legal.pa) return;
  std::vector<std::string> text;
  if (result.via.entry != model::kNoIndex) {
    text = Path(result.instance, result.via.entry, result.via);
  } else {
    text.push_back(Print("SID     0x%x on %s: no valid entry matches", result.sid,
                         model::WindowName(WindowOf(result.instance))));
  }
  text.push_back(Print("wanted  0x%llx -> 0x%llx", Wide(request.address), Wide(legal.pa)));
  text.push_back(delivered ? Print("got     0x%llx", Wide(result.pa)) : Print("got     a fault"));
  if (Report(Invariant::kFun03, "stream", "Fun03Works",
             delivered ? "a legal transfer of the host went to the wrong page"
                       : "a legal transfer of the host faulted",
             std::move(text))) {
    __builtin_trap();
  }
}

// While memory changes hands, transfers elsewhere go on: after each store they must still work.
[[gnu::noinline]] void Checks::Fun03Watched() {
  if (!Enabled(Invariant::kFun03)) return;
  for (const WatchedDma& watch : now_.armed_watches) {
    Evaluated(Invariant::kFun03);
    const model::DmaResult result = board_.machine_->Translate(watch.request);
    if (result.fault == model::FaultKind::kNone && result.pa == watch.pa) continue;
    if (Report(Invariant::kFun03, "stream", "Fun03Watched",
               "a transfer that worked broke while other pages changed hands",
               {Print("wanted  0x%llx -> 0x%llx", Wide(watch.request.address), Wide(watch.pa))})) {
      __builtin_trap();
    }
    return;
  }
}

}  // namespace sidewall
