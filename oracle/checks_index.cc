// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// ISO04 and ISO08: what is named by an index belongs to one owner, and to the next one only when
// nothing of the last is left. Reports tell the history of the index.
#include <bit>
#include <bitset>

#include "model/registers.h"
#include "oracle/banks.h"
#include "oracle/bits.h"
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

// The bank that an S2CR names; kNoIndex when it names none.
uint16_t NamedBy(uint32_t s2cr) {
  return model::Bits(s2cr, 17, 16) == 0 ? static_cast<uint16_t>(s2cr & 0xff) : model::kNoIndex;
}

}  // namespace

// ---------------------------------------------------------------- ISO04 index-owner

Lines Checks::BankLines(size_t instance, uint16_t bank) const {
  const model::SmmuSpec& spec = SpecOf(instance);
  return {"bank    " + RegisterLine(instance, layout::Cbar(spec) + 4u * bank),
          "        " + RegisterLine(instance, layout::Bank(spec, bank) + layout::kSctlr),
          "        " + RegisterLine(instance, layout::Bank(spec, bank) + layout::kTtbr0)};
}

// One owner for a bank, and so for the stage 2 under it. Banks of the host's share, and the bank
// that they are nested over, are the host's; tables that map nothing are anybody's, since streams
// of all owners that must fault may stand on them.
[[gnu::noinline]] void Checks::Iso04Owner(size_t instance, uint16_t entry) {
  if (!Enabled(Invariant::kIso04)) return;
  const std::vector<Reach::Slot>& slots = board_.reach_.slots(instance);
  if (entry >= slots.size() || !OnStage2(slots[entry])) return;
  Evaluated(Invariant::kIso04);
  const Reach::Slot& own = slots[entry];
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  unsigned owners = own.owners;
  uint16_t with = entry;
  if (own.via.stage2_bank == Under(smmu, 0)) owners |= 1u << model::kOwnerHost;
  board_.reach_.AnyValid(instance, [&](uint16_t i, const Reach::Slot& slot) {
    if (!OnStage2(slot) || slot.via.stage2_bank != own.via.stage2_bank) return false;
    if ((slot.owners & ~owners) != 0) with = i;
    owners |= slot.owners;
    return false;
  });
  if (std::has_single_bit(owners) || !board_.reach_.MapsAnything(own.via.stage2_root)) return;
  Lines text = Path(instance, entry, own.via);
  if (with != entry) Append(Path(instance, with, slots[with].via), &text);
  Append(lives_.HistoryOfBank(instance, own.via.stage2_bank), &text);
  if (Report(Invariant::kIso04, "bank", "Iso04Owner",
             Print("bank %u of %s serves streams of two owners", own.via.stage2_bank,
                   model::WindowName(WindowOf(instance))),
             std::move(text))) {
    __builtin_trap();
  }
}

// What a live S2CR names is live: it exists, and the stage 2 under it is on.
[[gnu::noinline]] void Checks::Iso04Live(size_t instance, uint16_t entry) {
  if (!Enabled(Invariant::kIso04)) return;
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  const uint16_t bank = NamedBy(smmu.s2cr[entry]);
  if (!(smmu.smr[entry] >> 31) || bank == model::kNoIndex) return;
  Evaluated(Invariant::kIso04);
  const bool exists = bank < smmu.banks;
  const uint16_t under = exists ? Under(smmu, bank) : bank;
  if (exists && model::cbar::Type(smmu.cbar[bank]) == model::cbar::kFault) return;
  if (exists && IsStage2On(smmu, under)) return;
  Lines text = {"entry   " + RegisterLine(instance, layout::kSmr + 4u * entry),
                "        " + RegisterLine(instance, layout::kS2cr + 4u * entry)};
  if (exists) Append(BankLines(instance, bank), &text);
  if (exists && under != bank && under < smmu.banks) Append(BankLines(instance, under), &text);
  Append(lives_.HistoryOfBank(instance, under), &text);
  if (Report(Invariant::kIso04, "entry", "Iso04Live",
             Print("a live S2CR of %s names bank %u, whose stage 2 is not live",
                   model::WindowName(WindowOf(instance)), bank),
             std::move(text))) {
    __builtin_trap();
  }
}

// A bank that is on has an owner's stage 2 under it, named or not: one that is on, over tables
// that EL2 has made.
[[gnu::noinline]] void Checks::Iso04Under(size_t instance, uint16_t bank) {
  if (!Enabled(Invariant::kIso04)) return;
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  if (bank >= smmu.banks || !IsOn(smmu, bank)) return;
  if (model::cbar::Type(smmu.cbar[bank]) == model::cbar::kFault) return;
  Evaluated(Invariant::kIso04);
  const uint16_t under = Under(smmu, bank);
  if (IsStage2On(smmu, under) &&
      board_.hyp_.IsTaken(smmu.bank[under].ttbr0 & model::kAddressMask)) {
    return;
  }
  Lines text = BankLines(instance, bank);
  if (under != bank && under < smmu.banks) Append(BankLines(instance, under), &text);
  Append(lives_.HistoryOfBank(instance, under), &text);
  if (Report(Invariant::kIso04, "bank", "Iso04Under",
             Print("bank %u of %s is on with no stage 2 of an owner under it", bank,
                   model::WindowName(WindowOf(instance))),
             std::move(text))) {
    __builtin_trap();
  }
}

// A stage 2 that is off, or is another type by now, is none: what was translated under it and is
// under way must have been waited for, since the last valid entry ceased to lead there, before
// that.
[[gnu::noinline]] void Checks::Iso04Drained(size_t instance, uint16_t bank) {
  if (!Enabled(Invariant::kIso04)) return;
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  if (IsStage2On(smmu, bank)) return;
  Evaluated(Invariant::kIso04);
  if (lives_.IsDrained(instance, bank)) return;
  Lines text = BankLines(instance, bank);
  Append(lives_.HistoryOfBank(instance, bank), &text);
  if (Report(Invariant::kIso04, "bank", "Iso04Drained",
             Print("bank %u of %s goes off, and no sync has waited for what used its stage 2", bank,
                   model::WindowName(WindowOf(instance))),
             std::move(text))) {
    __builtin_trap();
  }
}

// The banks that an S2CR names, and those that these are nested over.
std::bitset<model::kMaxBanks> Checks::NamedBanks(size_t instance) const {
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  std::bitset<model::kMaxBanks> direct;
  for (uint16_t entry = 0; entry < smmu.entries; entry++) {
    const uint16_t bank = NamedBy(smmu.s2cr[entry]);
    if (bank < smmu.banks) direct[bank] = true;
  }
  std::bitset<model::kMaxBanks> named = direct;
  for (uint16_t bank = 0; bank < smmu.banks; bank++) {
    if (!direct[bank]) continue;
    const uint16_t under = Under(smmu, bank);
    if (under < smmu.banks) named[under] = true;
  }
  return named;
}

// When a call returns, what no S2CR names is off. A stage 2 that is off is none, so one that is
// not drained yet, since its sync was not seen complete, stays on.
[[gnu::noinline]] void Checks::Iso04Idle(size_t instance) {
  if (!Enabled(Invariant::kIso04)) return;
  Evaluated(Invariant::kIso04);
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  if ((smmu.on_banks[0] | smmu.on_banks[1]) == 0) return;
  const std::bitset<model::kMaxBanks> named = NamedBanks(instance);
  AnyBit(smmu.on_banks, [&](uint32_t on) {
    const uint16_t bank = static_cast<uint16_t>(on);
    if (named[bank] || WaitsForSync(instance, bank)) return false;
    Lines text = BankLines(instance, bank);
    Append(lives_.HistoryOfBank(instance, bank), &text);
    if (Report(Invariant::kIso04, "bank", "Iso04Idle",
               Print("bank %u of %s is on when the call returns, and no S2CR names it", bank,
                     model::WindowName(WindowOf(instance))),
               std::move(text))) {
      __builtin_trap();
    }
    return true;
  });
}

// A stage 2 that is on since a sync was not seen complete. It goes off on both instances at once,
// when both are drained.
bool Checks::WaitsForSync(size_t instance, uint16_t bank) const {
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  return IsStage2On(smmu, bank) && lives_.WaitsForSync(instance, bank);
}

// What a store to a bank can have changed: itself, what is nested over it, and the entries that
// lead there.
void Checks::IndexAfterBank(size_t instance, uint16_t bank) {
  Mem03Bank(instance, bank);
  Iso04Under(instance, bank);
  Iso07Root(instance, bank);
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  if (!IsStage2(smmu, bank)) return;
  for (uint16_t over = 0; over < smmu.banks; over++) {
    if (over != bank && Under(smmu, over) == bank) Iso04Under(instance, over);
  }
  if (IsOn(smmu, bank)) return;
  for (uint16_t entry = 0; entry < smmu.entries; entry++) {
    const uint16_t named = NamedBy(smmu.s2cr[entry]);
    if (named < smmu.banks && Under(smmu, named) == bank) Iso04Live(instance, entry);
  }
}

void Checks::IndexAfterPowerUp(size_t instance) {
  const model::SmmuSpec& spec = SpecOf(instance);
  for (uint16_t entry = 0; entry < spec.entries; entry++) IndexAfterEntry(instance, entry);
  for (uint16_t bank = 0; bank < spec.banks; bank++) {
    Mem03Bank(instance, bank);
    Iso04Under(instance, bank);
  }
  Iso04Idle(instance);
}

void Checks::IndexAfterEntry(size_t instance, uint16_t entry) {
  Iso04Live(instance, entry);
  Iso04Owner(instance, entry);
  Iso08Owners(instance, entry);
}

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
  uint16_t with = model::kNoIndex;
  board_.reach_.AnyValid(instance, [&](uint16_t i, const Reach::Slot& other) {
    if (!OnStage2(other) || other.via.stage2_vmid != own.via.stage2_vmid) return false;
    if (std::has_single_bit<unsigned>(own.owners | other.owners)) return false;
    with = i;
    return true;
  });
  if (with == model::kNoIndex || !board_.reach_.MapsAnything(own.via.stage2_root)) return;
  Lines text = Path(instance, entry, own.via);
  Append(Path(instance, with, slots[with].via), &text);
  Append(lives_.HistoryOfVmid(instance, own.via.stage2_vmid), &text);
  if (Report(Invariant::kIso08, "VMID", "Iso08Owners",
             Print("streams of two owners on %s share VMID %u",
                   model::WindowName(WindowOf(instance)), own.via.stage2_vmid),
             std::move(text))) {
    __builtin_trap();
  }
}

}  // namespace sidewall
