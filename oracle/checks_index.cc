// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// ISO08: what is named by an index belongs to one owner, and to the next one only when nothing of
// the last is left. Reports tell the history of the index.
#include <bit>

#include "model/registers.h"
#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

using Lines = std::vector<std::string>;

unsigned long long Wide(uint64_t value) { return value; }

bool OnStage2(const Reach::Slot& slot) {
  return slot.valid &&
         (slot.via.route == model::Route::kStage2 || slot.via.route == model::Route::kNested);
}

void Append(const Lines& more, Lines* text) { text->insert(text->end(), more.begin(), more.end()); }

}  // namespace

// ---------------------------------------------------------------- ISO08 tag

[[gnu::noinline]] void Checks::Iso08Tag(size_t instance, const Clash& clash) {
  if (!Enabled(Invariant::kIso08)) return;
  Evaluated(Invariant::kIso08);
  if (clash.kind == Clash::kNone) return;
  const char* window = model::WindowName(WindowOf(instance));
  const bool shared = clash.kind == Clash::kShared;
  Lines text = {Print("VMID    %u on %s", clash.vmid, window),
                Print("tables  0x%llx", Wide(clash.root)),
                clash.other > 1 ? Print("before  0x%llx%s", Wide(clash.other),
                                        shared ? ", which another bank still uses" : "")
                                : std::string("before  unknown: tables that were freed, or power "
                                              "that was lost")};
  Append(lives_.HistoryOfVmid(instance, clash.vmid), &text);
  if (Report(Invariant::kIso08, "VMID", "Iso08Tag",
             shared ? Print("two contexts of %s share a VMID over different tables", window)
                    : Print("a VMID of %s is used anew before it was flushed", window),
             std::move(text))) {
    __builtin_trap();
  }
}

// Streams of two owners under one VMID, though over the same tables; tables that map nothing cache
// nothing.
[[gnu::noinline]] void Checks::Iso08Owners(size_t instance, uint16_t entry) {
  if (!Enabled(Invariant::kIso08)) return;
  const std::vector<Reach::Slot>& slots = board_.reach_.slots(instance);
  if (entry >= slots.size() || !OnStage2(slots[entry])) return;
  Evaluated(Invariant::kIso08);
  const Reach::Slot& own = slots[entry];
  for (uint16_t i = 0; i < slots.size(); i++) {
    const Reach::Slot& other = slots[i];
    if (!OnStage2(other) || other.via.stage2_vmid != own.via.stage2_vmid) continue;
    if (std::has_single_bit<unsigned>(own.owners | other.owners)) continue;
    if (!board_.reach_.MapsAnything(own.via.stage2_root)) return;
    Lines text = Path(instance, entry, own.via);
    Append(Path(instance, i, other.via), &text);
    Append(lives_.HistoryOfVmid(instance, own.via.stage2_vmid), &text);
    if (Report(Invariant::kIso08, "VMID", "Iso08Owners",
               Print("streams of two owners on %s share VMID %u",
                     model::WindowName(WindowOf(instance)), own.via.stage2_vmid),
               std::move(text))) {
      __builtin_trap();
    }
    return;
  }
}

}  // namespace sidewall
