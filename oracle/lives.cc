// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/lives.h"

#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

using layout::kTlbGSync;
using layout::kTlbiAllNsnh;
using layout::kTlbiVmid;
constexpr uint64_t kRootMask = 0x0000fffffffff000;
// Of tables that are no more: nothing begins there.
constexpr uint64_t kGone = 1;

}  // namespace

void Lives::Reset() {
  now_.assign(model::kMaxInstances, Instance());
  saved_ = now_;
  touched_.clear();
  notes_.clear();
}

void Lives::Save() {
  for (Instance& instance : now_) {
    for (Tag& tag : instance.tag) tag.touched = false;
    for (Use& use : instance.use) use.touched = false;
    for (Named& named : instance.named) named.touched = false;
  }
  saved_ = now_;
  touched_.clear();
}

void Lives::Restore() {
  for (const TouchedItem& item : touched_) {
    Instance& now = now_[item.instance];
    const Instance& saved = saved_[item.instance];
    if (item.kind == kTag) now.tag[item.index] = saved.tag[item.index];
    if (item.kind == kUse) {
      now.use[item.index] = saved.use[item.index];
      NoteOn(now, item.index);
    }
    if (item.kind == kNamed) now.named[item.index] = saved.named[item.index];
  }
  touched_.clear();
  for (size_t i = 0; i < now_.size(); i++) now_[i].clock = saved_[i].clock;
  notes_.clear();
}

void Lives::Begin() {
  Reset();
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    if (!machine_.HasInstance(instance)) continue;
    const model::SmmuInstance& smmu = machine_.smmu(instance);
    for (uint16_t bank = 0; bank < smmu.banks; bank++) OnBank(instance, bank);
    for (uint16_t entry = 0; entry < smmu.entries; entry++) OnEntry(instance, entry);
  }
  // What every board begins with is nobody's history.
  notes_.clear();
}

Lives::Tag& Lives::TouchTag(size_t instance, uint8_t vmid) {
  Tag& tag = now_[instance].tag[vmid];
  if (!tag.touched) touched_.push_back({kTag, static_cast<uint8_t>(instance), vmid});
  tag.touched = true;
  return tag;
}

Lives::Use& Lives::TouchUse(size_t instance, uint16_t bank) {
  Use& use = now_[instance].use[bank];
  if (!use.touched) touched_.push_back({kUse, static_cast<uint8_t>(instance), bank});
  use.touched = true;
  return use;
}

// ---------------------------------------------------------------- commands

void Lives::Issue(Clock& clock, Command* command) {
  command->seen = command->Complete(clock.done);
  if (command->last <= clock.caught) command->before_sync = command->last;
  command->last = ++clock.now;
}

void Lives::OnCommand(size_t instance, uint32_t offset, uint64_t value) {
  if (now_.empty()) return;
  Clock& clock = now_[instance].clock;
  const auto vmid = static_cast<uint8_t>(value);
  const auto where = static_cast<uint8_t>(instance);
  if (offset == kTlbiVmid) {
    Issue(clock, &TouchTag(instance, vmid).flush);
    Keep({.what = What::kFlush, .instance = where, .vmid = vmid});
  } else if (offset == kTlbiAllNsnh) {
    Issue(clock, &clock.all);
    Keep({.what = What::kFlushAll, .instance = where});
  } else if (offset == kTlbGSync) {
    clock.caught = ++clock.now;
    if (!hosts_) clock.asked = clock.caught;
  }
}

bool Lives::OnStatus(size_t instance, uint32_t value) {
  if (now_.empty() || (value & 1) != 0) return false;
  Clock& clock = now_[instance].clock;
  if (clock.done == clock.caught) return false;
  clock.done = clock.caught;
  Keep({.what = What::kSynced, .instance = static_cast<uint8_t>(instance)});
  if (hosts_) return false;
  clock.ended = clock.asked;
  const Unit unit = UnitOf(instance);
  if (!IsWhole(unit)) return true;
  for (size_t i = unit.first; i < unit.end; i++) now_[i].clock.whole = now_[i].clock.ended;
  return true;
}

bool Lives::FlushedSince(size_t instance, const Tag& tag, uint64_t since) const {
  const Clock& clock = now_[instance].clock;
  for (const Command* command : {&tag.flush, &clock.all}) {
    if (command->Complete(clock.done) > since) return true;
  }
  return false;
}

Lives::Moment Lives::Now() const {
  Moment moment = {};
  for (size_t i = 0; i < now_.size(); i++) moment[i] = now_[i].clock.now;
  return moment;
}

bool Lives::FlushedSince(uint64_t root, const Moment& since, size_t* instance) const {
  for (size_t i = 0; i < now_.size(); i++) {
    const bool waits = AnyOn(now_[i], [&](const Use& use) {
      if (use.root != root || use.began > since[i]) return false;
      return !FlushedSince(i, now_[i].tag[use.vmid], since[i]);
    });
    if (!waits) continue;
    *instance = i;
    return false;
  }
  return true;
}

// ---------------------------------------------------------------- banks and their VMIDs

void Lives::Enter(size_t instance, const Use& use) {
  Tag& tag = TouchTag(instance, use.vmid);
  if (tag.root != 0 && tag.root != use.root && (tag.users != 0 || tag.left != 0)) {
    tag.other = tag.root;
    if (tag.users == 0) tag.owed = tag.left;
  }
  tag.root = use.root;
  tag.users++;
}

void Lives::Leave(size_t instance, const Use& use) {
  Tag& tag = TouchTag(instance, use.vmid);
  if (tag.users != 0) tag.users--;
  tag.left = ++now_[instance].clock.now;
}

Clash Lives::ClashOf(size_t instance, const Use& use) const {
  const Tag& tag = now_[instance].tag[use.vmid];
  Clash clash;
  clash.vmid = use.vmid;
  clash.root = use.root;
  if (tag.owed != 0 && !FlushedSince(instance, tag, tag.owed)) {
    clash.kind = Clash::kNotFlushed;
    clash.other = tag.other;
    return clash;
  }
  if (tag.users < 2) return clash;
  AnyOn(now_[instance], [&](const Use& other) {
    if (other.vmid != use.vmid || other.root == use.root) return false;
    clash.kind = Clash::kShared;
    clash.other = other.root;
    return true;
  });
  return clash;
}

Lives::Use Lives::Stage2Use(const model::SmmuInstance& smmu, uint16_t bank) {
  Use use;
  if (bank >= smmu.banks || model::cbar::Type(smmu.cbar[bank]) != model::cbar::kStage2) return use;
  use.on = (smmu.bank[bank].sctlr & model::sctlr::kM) != 0;
  use.vmid = model::cbar::Vmid(smmu.cbar[bank]);
  use.root = smmu.bank[bank].ttbr0 & kRootMask;
  return use;
}

// A nested bank has the VMID and the tables of the stage 2 under it, and adds nothing; unless its
// own VMID is another, under which those tables are then used as well.
Lives::Use Lives::UseOf(const model::SmmuInstance& smmu, uint16_t bank) {
  const uint32_t cbar = smmu.cbar[bank];
  if (model::cbar::Type(cbar) != model::cbar::kNested) return Stage2Use(smmu, bank);
  Use use = Stage2Use(smmu, model::cbar::Stage2Bank(cbar));
  use.on = use.on && use.vmid != model::cbar::Vmid(cbar);
  use.vmid = model::cbar::Vmid(cbar);
  return use;
}

// True when it is in use otherwise than before.
bool Lives::Follow(size_t instance, uint16_t bank) {
  const Use next = UseOf(machine_.smmu(instance), bank);
  const Use& before = now_[instance].use[bank];
  if (!next.on && !before.on) return false;
  if (next.on == before.on && next.vmid == before.vmid && next.root == before.root) return false;
  Use& use = TouchUse(instance, bank);
  const auto where = static_cast<uint8_t>(instance);
  if (use.on) {
    Leave(instance, use);
    Keep({.what = What::kOff, .instance = where, .vmid = use.vmid, .bank = bank, .root = use.root});
  }
  use.on = next.on;
  use.vmid = next.vmid;
  use.root = next.root;
  NoteOn(now_[instance], bank);
  if (!use.on) return true;
  use.began = ++now_[instance].clock.now;
  Enter(instance, use);
  Keep({.what = What::kOn, .instance = where, .vmid = use.vmid, .bank = bank, .root = use.root});
  return true;
}

Clash Lives::OnBank(size_t instance, uint16_t bank) {
  const model::SmmuInstance& smmu = machine_.smmu(instance);
  if (now_.empty() || bank >= smmu.banks || !Follow(instance, bank)) return {};
  for (uint16_t over = 0; over < smmu.banks; over++) {
    const uint32_t cbar = smmu.cbar[over];
    if (model::cbar::Type(cbar) != model::cbar::kNested) continue;
    if (model::cbar::Stage2Bank(cbar) != bank || !Follow(instance, over)) continue;
    const Clash clash = ClashOf(instance, now_[instance].use[over]);
    if (clash.kind != Clash::kNone) return clash;
  }
  const Use& use = now_[instance].use[bank];
  return use.on ? ClashOf(instance, use) : Clash();
}

Clash Lives::FindClash(size_t instance) const {
  if (now_.empty()) return {};
  Clash clash;
  AnyOn(now_[instance], [&](const Use& use) {
    clash = ClashOf(instance, use);
    return clash.kind != Clash::kNone;
  });
  return clash.kind != Clash::kNone ? clash : Clash();
}

void Lives::OnPowerLoss(size_t instance) {
  if (now_.empty()) return;
  Instance& i = now_[instance];
  const auto where = static_cast<uint8_t>(instance);
  for (uint16_t bank = 0; bank < kBanks; bank++) {
    if (!i.use[bank].on) continue;
    Leave(instance, i.use[bank]);
    TouchUse(instance, bank).on = false;
    NoteOn(i, bank);
  }
  // What the TLB holds when power is back is unknown, of every VMID.
  for (size_t vmid = 0; vmid < kVmids; vmid++) {
    Tag& tag = TouchTag(instance, static_cast<uint8_t>(vmid));
    tag.root = kGone;
    tag.left = ++i.clock.now;
  }
  Keep({.what = What::kLost, .instance = where});
}

void Lives::OnFree(uint64_t pa) {
  for (size_t instance = 0; instance < now_.size(); instance++) {
    for (size_t vmid = 0; vmid < kVmids; vmid++) {
      if (now_[instance].tag[vmid].root != pa) continue;
      TouchTag(instance, static_cast<uint8_t>(vmid)).root = kGone;
      Keep({.what = What::kFreed,
            .instance = static_cast<uint8_t>(instance),
            .vmid = static_cast<uint8_t>(vmid),
            .root = pa});
    }
  }
}

// ---------------------------------------------------------------- what names a bank

// An S2CR no longer names the bank, or its entry, which was valid, no longer leads there.
void Lives::Unname(size_t instance, uint16_t bank, bool named, bool used) {
  const model::SmmuInstance& smmu = machine_.smmu(instance);
  if (bank >= smmu.banks) return;
  const uint64_t now = ++now_[instance].clock.now;
  const auto stamp = [&](uint16_t index) {
    Use& use = TouchUse(instance, index);
    if (named) use.unnamed = now;
    if (used) use.unused = now;
  };
  stamp(bank);
  const uint32_t cbar = smmu.cbar[bank];
  if (model::cbar::Type(cbar) != model::cbar::kNested) return;
  const uint16_t under = model::cbar::Stage2Bank(cbar);
  if (under < smmu.banks) stamp(under);
}

void Lives::OnEntry(size_t instance, uint16_t entry) {
  const model::SmmuInstance& smmu = machine_.smmu(instance);
  if (now_.empty() || entry >= smmu.entries) return;
  const uint32_t value = smmu.s2cr[entry];
  const bool translates = model::Bits(value, 17, 16) == 0;
  const auto bank = translates ? static_cast<uint16_t>(value & 0xff) : model::kNoIndex;
  const bool valid = smmu.smr[entry] >> 31 != 0;
  Named& named = now_[instance].named[entry];
  if (named.bank == bank && named.valid == valid) return;
  const auto where = static_cast<uint8_t>(instance);
  if (!named.touched) touched_.push_back({kNamed, where, entry});
  named.touched = true;
  const Named before = named;
  named.bank = bank;
  named.valid = valid;
  const bool moves = before.bank != bank;
  const bool used = before.valid && (moves || !valid);
  if (before.bank != model::kNoIndex && (moves || used)) {
    Unname(instance, before.bank, moves, used);
  }
  if (!moves) return;
  if (before.bank != model::kNoIndex) {
    Keep({.what = What::kUnnamed, .instance = where, .bank = before.bank, .entry = entry});
  }
  if (bank != model::kNoIndex) {
    Keep({.what = What::kNamed, .instance = where, .bank = bank, .entry = entry});
  }
}

// A call that saw a sync time out on one instance is DEGRADED, and leaves what waits to one that
// completes on both: that each completed one of its own by then is not for it to remember.
bool Lives::WaitsForSync(size_t instance, uint16_t bank) const {
  if (now_.empty()) return false;
  const Unit unit = UnitOf(instance);
  if (IsWhole(unit)) return false;
  for (size_t i = unit.first; i < unit.end; i++) {
    if (now_[i].use[bank].unnamed > now_[i].clock.whole) return true;
  }
  return false;
}

bool Lives::IsDrained(size_t instance, uint16_t bank) const {
  if (now_.empty() || bank >= kBanks) return true;
  const uint64_t unused = now_[instance].use[bank].unused;
  return unused == 0 || now_[instance].clock.done > unused;
}

bool Lives::SyncedSince(size_t instance, const Moment& since) const {
  if (now_.empty()) return true;
  const Unit unit = UnitOf(instance);
  for (size_t i = unit.first; i < unit.end; i++) {
    if (now_[i].clock.whole <= since[i]) return false;
  }
  return true;
}

Lives::Unit Lives::UnitOf(size_t instance) const {
  const size_t first = machine_.InstanceIndex(machine_.SideOf(instance), 0);
  const bool pair = first + 1 < now_.size() && machine_.HasInstance(first + 1);
  return {first, pair ? first + 2 : first + 1};
}

bool Lives::IsWhole(const Unit& unit) const {
  for (size_t i = unit.first; i < unit.end; i++) {
    if (now_[i].clock.asked != now_[i].clock.ended) return false;
  }
  return true;
}

// ---------------------------------------------------------------- history

void Lives::Keep(Note note) {
  note.event = event_;
  note.call = call_;
  if (notes_.size() >= kMaxNotes) {
    notes_.erase(notes_.begin(), notes_.begin() + kMaxNotes / 2);
  }
  notes_.push_back(note);
}

std::string Lives::Line(const Note& note) const {
  const auto root = static_cast<unsigned long long>(note.root);
  std::string what;
  switch (note.what) {
    case What::kOn:
      what = Print("bank %u in use under VMID %u, tables 0x%llx", note.bank, note.vmid, root);
      break;
    case What::kOff:
      what = Print("bank %u no longer in use under VMID %u, tables 0x%llx", note.bank, note.vmid,
                   root);
      break;
    case What::kFlush:
      what = Print("TLBIVMID of VMID %u", note.vmid);
      break;
    case What::kFlushAll:
      what = "TLBIALLNSNH";
      break;
    case What::kSynced:
      what = "a sync is seen complete";
      break;
    case What::kNamed:
      what = Print("S2CR[%u] names bank %u", note.entry, note.bank);
      break;
    case What::kUnnamed:
      what = Print("S2CR[%u] no longer names bank %u", note.entry, note.bank);
      break;
    case What::kLost:
      what = "power was lost";
      break;
    case What::kFreed:
      what = Print("tables 0x%llx are freed", root);
      break;
  }
  return Print("  event %u, %s: %s", note.event, note.call, what.c_str());
}

std::vector<std::string> Lives::HistoryOfVmid(size_t instance, uint8_t vmid) const {
  std::vector<std::string> text;
  for (const Note& note : notes_) {
    const bool always =
        note.what == What::kFlushAll || note.what == What::kSynced || note.what == What::kLost;
    const bool names = note.what == What::kNamed || note.what == What::kUnnamed;
    if (note.instance != instance || names || (!always && note.vmid != vmid)) continue;
    text.push_back(Line(note));
  }
  if (text.size() > kShownNotes) text.erase(text.begin(), text.end() - kShownNotes);
  text.insert(text.begin(), text.empty() ? Print("VMID %u is as it was at the start", vmid)
                                         : Print("history of VMID %u", vmid));
  return text;
}

std::vector<std::string> Lives::HistoryOfBank(size_t instance, uint16_t bank) const {
  std::vector<std::string> text;
  for (const Note& note : notes_) {
    const bool always = note.what == What::kLost;
    if (note.instance == instance && (always || note.bank == bank)) text.push_back(Line(note));
  }
  if (text.size() > kShownNotes) text.erase(text.begin(), text.end() - kShownNotes);
  text.insert(text.begin(), text.empty() ? Print("bank %u is as it was at the start", bank)
                                         : Print("history of bank %u", bank));
  return text;
}

}  // namespace sidewall
