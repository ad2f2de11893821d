// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// FUN03, the part about the host's own invalidations: what a trapped write asks to be forgotten is
// asked of every instance inside that call, under the VMID that the host's translations have, or
// more than that is. Otherwise the host's next transfer may go where its tables led before.
//
//     the host writes            what will do, beside TLBIALLNSNH
//     TLBIALLNSNH, TLBIVMID      TLBIVMID of the host's VMID, whatever VMID it named
//     TLBIVMIDS1                 the same, or TLBIVMIDS1 of that VMID
//     CB[n].TLBIVA and the like  the same, TLBIALL of the bank, or this register and value
//
// A write of the lower half acts with the upper half zero; one of the upper half asks for nothing.
#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

using layout::kTlbiAllNsnh;
using layout::kTlbiVmid;
constexpr uint32_t kTlbiVmidS1 = 0x0b8;
// In a bank.
constexpr uint32_t kTlbiAsid = 0x610;
constexpr uint32_t kTlbiAll = 0x618;

// Those of a bank that name an address.
constexpr bool NamesAddress(uint32_t at) {
  return at == 0x600 || at == 0x608 || at == 0x620 || at == 0x628;
}

// The access is one that the register takes: the 32-bit ones by their width, the others whole or by
// their lower half.
bool Asks(const model::SmmuSpec& spec, const layout::Place& place, unsigned width) {
  const uint32_t at = place.at;
  if (place.kind != layout::Place::Kind::kBank) {
    return width == 4 && (at == kTlbiVmid || at == kTlbiAllNsnh || at == kTlbiVmidS1);
  }
  if (place.index >= spec.banks - spec.el2_banks) return false;
  if (NamesAddress(at)) return width == 4 || width == 8;
  return width == 4 && (at == kTlbiAsid || at == kTlbiAll);
}

}  // namespace

bool Checks::WasInvalidated(size_t instance, const layout::Place& place, uint64_t value) const {
  const bool in_bank = place.kind == layout::Place::Kind::kBank;
  const bool stage1_only = in_bank || place.at == kTlbiVmidS1;
  const uint64_t named = place.at == kTlbiAsid ? 0xffff : ~uint64_t{0};
  for (const Invalidation& done : invalidated_) {
    if (done.instance != instance) continue;
    const uint32_t at = done.place.at;
    if (done.place.kind != layout::Place::Kind::kBank) {
      const bool hosts = (done.value & 0xff) == SpecOf(instance).host_vmid;
      if (at == kTlbiAllNsnh || (at == kTlbiVmid && hosts)) return true;
      if (stage1_only && at == kTlbiVmidS1 && hosts) return true;
    } else if (in_bank && done.place.index == place.index) {
      if (at == kTlbiAll) return true;
      if (at == place.at && ((done.value ^ value) & named) == 0) return true;
    }
  }
  return false;
}

[[gnu::noinline]] void Checks::Fun03Invalidates(const TrappedAccess& access, Window window,
                                                uint32_t offset) {
  if (!Enabled(Invariant::kFun03)) return;
  size_t first = 0;
  if (!FindInstance(window, offset, &first)) return;
  // The second half of a pair has had it with the first.
  const model::SmmuSpec& spec = SpecOf(first);
  const layout::Place place = layout::PlaceOf(spec, offset);
  if (NumberInPair(first) != 0 || !Asks(spec, place, access.width)) return;
  Evaluated(Invariant::kFun03);
  const uint64_t value = access.width == 8 ? access.value : access.value & 0xffffffff;
  for (uint8_t n = 0; n < spec.instance_count; n++) {
    const size_t instance = board_.machine_->InstanceIndex(spec.side, n);
    if (WasInvalidated(instance, place, value)) continue;
    char name[64];
    model::RegisterName(window, offset, name, sizeof(name));
    std::vector<std::string> text = {
        Print("asked   %s = 0x%llx", name, static_cast<unsigned long long>(value))};
    if (Report(Invariant::kFun03, "call", "Fun03Invalidates",
               Print("an invalidation that the host asks for is not made on %s",
                     model::WindowName(WindowOf(instance))),
               std::move(text))) {
      __builtin_trap();
    }
    return;
  }
}

}  // namespace sidewall
