// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/brute_reach.h"

#include <algorithm>

#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

using model::DescriptorKind;
using model::kMaxOwners;

constexpr uint32_t kIdr0 = 0x20;
constexpr uint32_t kIdr2 = 0x28;
constexpr uint32_t kBigEndian = 1u << 4;  // SCTLR.E
constexpr uint32_t kTranslates = 1;       // SCTLR.M
constexpr size_t kWords = kPageSize / sizeof(uint64_t);

unsigned ShiftOf(unsigned level, unsigned page_bits) {
  return page_bits + (3 - level) * (page_bits - 3);
}

uint64_t OutputOf(uint64_t descriptor, unsigned low_bit) {
  return descriptor & model::kAddressMask & ~((uint64_t{1} << low_bit) - 1);
}

uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  return (value ^ (value >> 27)) * 0x94d049bb133111ebu;
}

// What a value of a table word means, all that it says and no more: equal meanings are one leaf.
uint64_t MeaningOf(uint64_t descriptor, unsigned level, unsigned page_bits) {
  switch (model::KindOf(descriptor, level, page_bits)) {
    case DescriptorKind::kInvalid:
      return 0;
    case DescriptorKind::kTable:
      return OutputOf(descriptor, page_bits) << 2 | 1;
    default:
      return Mix(OutputOf(descriptor, ShiftOf(level, page_bits)) ^
                 uint64_t{model::LeafAttributes(descriptor)} << 50) |
             2;
  }
}

}  // namespace

void BruteReach::Note(uint64_t value) { digest_ = Mix(digest_ ^ value) + value; }

void BruteReach::Look(uint8_t held_sides) {
  trees_.clear();
  digest_ = 0;
  for (size_t i = 0; i < board_.smmu_count; i++) {
    const model::SmmuSpec& spec = board_.smmu[i];
    for (uint8_t n = 0; n < spec.instance_count; n++) {
      const size_t instance = machine_.InstanceIndex(spec.side, n);
      verdicts_[instance].assign(spec.entries, Verdict());
      if ((held_sides >> spec.side & 1) != 0) continue;
      for (uint16_t entry = 0; entry < spec.entries; entry++) LookAt(spec, instance, entry);
    }
  }
}

bool BruteReach::Overlaps(const model::SmmuSpec& spec, size_t instance, uint16_t entry) const {
  const uint32_t own = machine_.Peek32(instance, layout::kSmr + 4u * entry);
  for (uint16_t i = 0; i < spec.entries; i++) {
    const uint32_t other = machine_.Peek32(instance, layout::kSmr + 4u * i);
    if (i == entry || (other >> 31) == 0) continue;
    if (((own ^ other) & ~((own | other) >> 16) & 0x7fff) == 0) return true;
  }
  return false;
}

// Stream by stream. What is above the seven bits that clients have makes no other owner.
uint8_t BruteReach::Owners(size_t instance, uint32_t smr) const {
  uint8_t owners = 0;
  for (uint16_t sid = 0; sid < 128; sid++) {
    if (((smr ^ sid) & ~(smr >> 16) & 0x7f) != 0) continue;
    owners |= static_cast<uint8_t>(1u << ghost_.StreamOwner(machine_.SideOf(instance), sid));
  }
  return owners;
}

void BruteReach::LookAt(const model::SmmuSpec& spec, size_t instance, uint16_t entry) {
  Verdict& verdict = verdicts_[instance][entry];
  const uint32_t smr = machine_.Peek32(instance, layout::kSmr + 4u * entry);
  verdict.valid = (smr >> 31) != 0;
  if (!verdict.valid) return;
  verdict.overlaps = Overlaps(spec, instance, entry);
  const uint8_t owners = Owners(instance, smr);
  const uint32_t s2cr = machine_.Peek32(instance, layout::kS2cr + 4u * entry);
  const uint32_t type = s2cr >> 16 & 3;
  Note(instance << 16 | entry);
  Note(owners);
  if ((machine_.Peek32(instance, layout::kSCr0) & 1) != 0 || type == 1) {
    verdict.breach = true;
    Note(1);
  } else if (type == 0) {
    Translate(spec, instance, s2cr, owners, &verdict);
  }
}

// CBAR by type: 0 stage 2, 1 stage 1 alone, 2 a fault, 3 stage 1 over the stage 2 of another bank.
void BruteReach::Translate(const model::SmmuSpec& spec, size_t instance, uint32_t s2cr,
                           uint8_t owners, Verdict* verdict) {
  const auto word = [&](uint32_t offset) { return machine_.Peek32(instance, offset); };
  const auto wide = [&](uint32_t bank) { return word(layout::Cba2r(spec) + 4 * bank) & 1; };
  const uint32_t bank = s2cr & 0xff;
  if (bank >= spec.banks) return;
  const uint32_t cbar = word(layout::Cbar(spec) + 4 * bank);
  const uint32_t type = cbar >> 16 & 3;
  constexpr uint8_t kSupport[4] = {29, 30, 0, 28};  // IDR0.S2TS, S1TS, NTS
  if (type == 2 || (word(kIdr0) >> kSupport[type] & 1) == 0) return;
  uint32_t second = bank;
  if (type == 3) {
    second = cbar >> 8 & 0xff;
    if (second >= spec.banks) return;
    if ((word(layout::Cbar(spec) + 4 * second) >> 16 & 3) != 0) return;
    if (wide(bank) && !wide(second)) return;
  }
  const uint32_t at = layout::Bank(spec, second);
  const uint32_t sctlr = word(at + layout::kSctlr);
  verdict->vmid = static_cast<uint8_t>(cbar);
  verdict->stage2_vmid = static_cast<uint8_t>(word(layout::Cbar(spec) + 4 * second));
  const bool torn = verdict->vmid != verdict->stage2_vmid;
  if (type == 1 || (sctlr & kTranslates) == 0 || !wide(second) || torn) {
    verdict->breach = true;
    Note(2);
    if (type == 1 || (sctlr & kTranslates) == 0 || !wide(second)) return;
  }
  verdict->translates = true;
  verdict->breach |= machine_.TlbUnknown(instance);
  const model::Stage2Geometry shape = model::DecodeStage2(
      word(at + layout::kTcr), machine_.Peek64(instance, at + layout::kTtbr0), word(kIdr2));
  const auto judge = [&](const Tree& tree) {
    Note(tree.digest);
    if (tree.wild) verdict->breach = true;
    for (uint8_t owner = 0; owner < kMaxOwners; owner++) {
      if ((owners >> owner & 1) != 0 && tree.bad[owner] != 0) verdict->breach = true;
    }
  };
  Tree own = {.root = shape.root,
              .start_level = shape.start_level,
              .input_bits = shape.input_bits,
              .page_bits = shape.page_bits,
              .root_pages = shape.root_pages};
  own.wild = shape.page_bits == 14 || (sctlr & kBigEndian) != 0;
  // Of a shape that is reserved every translation faults.
  verdict->reserved = !shape.valid;
  if (shape.valid) judge(own.wild ? own : Walked(own));
  machine_.ForEachWalkable(instance, [&](uint8_t vmid, const model::Tree& stale) {
    if (vmid != verdict->stage2_vmid) return;
    Tree tree = {.root = stale.root,
                 .base = stale.base,
                 .start_level = stale.start_level,
                 .input_bits = stale.input_bits,
                 .page_bits = stale.page_bits,
                 .root_pages = stale.root_pages};
    tree.wild = stale.wild;
    judge(tree.wild ? tree : Walked(tree));
  });
}

const BruteReach::Tree& BruteReach::Walked(const Tree& shape) {
  for (const Tree& tree : trees_) {
    if (tree.root == shape.root && tree.base == shape.base &&
        tree.start_level == shape.start_level && tree.input_bits == shape.input_bits &&
        tree.page_bits == shape.page_bits) {
      return tree;
    }
  }
  trees_.push_back(shape);
  Tree* tree = &trees_.back();
  linked_.clear();
  const uint64_t span = kWords << ShiftOf(shape.start_level, shape.page_bits);
  for (uint32_t i = 0; i < shape.root_pages && !tree->wild; i++) {
    WalkPage(tree, shape.root + i * kPageSize, shape.start_level, shape.base + i * span);
  }
  return *tree;
}

void BruteReach::WalkPage(Tree* tree, uint64_t pa, unsigned level, uint64_t base) {
  if (pa % kPageSize != 0 || machine_.PoolPage(pa) == nullptr ||
      std::find(linked_.begin(), linked_.end(), pa) != linked_.end()) {
    tree->wild = true;
    return;
  }
  linked_.push_back(pa);
  const unsigned shift = ShiftOf(level, tree->page_bits);
  for (size_t i = 0; i < kWords && !tree->wild; i++) {
    const uint64_t ipa = base + (uint64_t{i} << shift);
    if (ipa >> tree->input_bits != 0) break;
    uint64_t meanings[8];
    size_t count = 0;
    machine_.ForEachSeen(pa, i, [&](uint64_t value) {
      const uint64_t meaning = MeaningOf(value, level, tree->page_bits);
      if (meaning == 0 || tree->wild) return;
      if (std::find(meanings, meanings + count, meaning) != meanings + count) return;
      if (count < std::size(meanings)) meanings[count++] = meaning;
      WalkValue(tree, value, level, ipa);
    });
  }
}

void BruteReach::WalkValue(Tree* tree, uint64_t descriptor, unsigned level, uint64_t ipa) {
  if (model::KindOf(descriptor, level, tree->page_bits) == DescriptorKind::kLeaf) {
    return AddLeaf(tree, descriptor, level, ipa);
  }
  const uint64_t table = OutputOf(descriptor, tree->page_bits);
  const uint64_t span = kWords << ShiftOf(level + 1, tree->page_bits);
  for (uint32_t i = 0; i < 1u << (tree->page_bits - 12) && !tree->wild; i++) {
    WalkPage(tree, table + i * kPageSize, level + 1, ipa + i * span);
  }
}

void BruteReach::AddLeaf(Tree* tree, uint64_t descriptor, unsigned level, uint64_t ipa) {
  const uint8_t permission = model::Stage2Permission(descriptor);
  if (permission == 0) return;
  const unsigned shift = ShiftOf(level, tree->page_bits);
  const uint64_t first = OutputOf(descriptor, shift);
  for (uint64_t offset = 0; offset < uint64_t{1} << shift; offset += kPageSize) {
    const uint64_t page = first + offset;
    tree->digest += Mix(((ipa + offset) << 2 | permission) ^ page << 20);
    const uint8_t touchers = ghost_.Touchers(page);
    for (uint8_t owner = 0; owner < kMaxOwners; owner++) {
      tree->bad[owner] += (touchers >> owner & 1) ^ 1;
    }
  }
}

bool BruteReach::MayHold(size_t instance, const std::vector<bool>& vmids, uint64_t page) const {
  bool held = false;
  for (size_t vmid = 0; vmid < vmids.size() && !held; vmid++) {
    if (!vmids[vmid]) continue;
    const auto number = static_cast<uint8_t>(vmid);
    held = machine_.MayHoldEverything(instance, number);
    machine_.ForEachStale(instance, number, [&](uint64_t seen, uint8_t permission) {
      held = held || (seen == page && permission != 0);
    });
  }
  return held;
}

}  // namespace sidewall
