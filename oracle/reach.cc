// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/reach.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace sidewall {
namespace {

using model::kMaxOwners;
using model::Resolution;
using model::Route;

constexpr uint32_t kSmrValid = 0x80000000;

bool Everything(Route route) {
  return route == Route::kBypass || route == Route::kStage1Only || route == Route::kUntranslated;
}

bool OnStage2(Route route) { return route == Route::kStage2 || route == Route::kNested; }

}  // namespace

Reach::Reach(const model::BoardSpec& board, const Ghost& ghost, const model::Machine& machine)
    : board_(board), ghost_(ghost), machine_(machine) {
  Reset();
}

void Reach::Reset() {
  held_ = 0;
  pending_ = {};
  pending_in_ = 0;
  now_.trees.clear();
  std::fill_n(&now_.vmids[0][0][0], sizeof(now_.vmids) / sizeof(uint64_t), 0);
  for (auto& slots : now_.slots) slots.clear();
  for (Entries& valid : now_.valid) valid = {};
  for (size_t i = 0; i < board_.smmu_count; i++) {
    for (uint8_t n = 0; n < board_.smmu[i].instance_count; n++) {
      const size_t instance = machine_.InstanceIndex(board_.smmu[i].side, n);
      now_.slots[instance].resize(board_.smmu[i].entries);
      AddVmid(instance, board_.smmu[i].host_vmid, 1u << model::kOwnerHost);
    }
  }
  dirty_ = true;
  all_suspicious_ = true;
}

void Reach::Save() {
  for (Tree& tree : now_.trees) tree.touched = false;
  slots_touched_ = 0;
  saved_ = now_;
  dirty_ = false;
}

// Only what changed: the counts of a tree and the entries of a unit are large.
void Reach::Restore() {
  held_ = 0;
  if (dirty_) {
    now_.trees.resize(saved_.trees.size());
    for (size_t i = 0; i < now_.trees.size(); i++) {
      if (now_.trees[i].touched) now_.trees[i] = saved_.trees[i];
    }
    for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
      if (!(slots_touched_ >> instance & 1)) continue;
      now_.slots[instance] = saved_.slots[instance];
      now_.valid[instance] = saved_.valid[instance];
    }
    std::copy_n(&saved_.vmids[0][0][0], sizeof(now_.vmids) / sizeof(uint64_t),
                &now_.vmids[0][0][0]);
  }
  dirty_ = false;
  slots_touched_ = 0;
  all_suspicious_ = false;
  ForgetPending();
}

void Reach::ForgetPending() {
  for (unsigned left = pending_in_; left != 0; left &= left - 1) {
    pending_[static_cast<size_t>(std::countr_zero(left))] = {};
  }
  pending_in_ = 0;
}

// Changes come many at a time for one tree.
Reach::Tree* Reach::Find(uint64_t root) {
  if (last_found_ < now_.trees.size() && now_.trees[last_found_].root == root) [[likely]] {
    return &now_.trees[last_found_];
  }
  return FindAnother(root);
}

[[gnu::noinline]] Reach::Tree* Reach::FindAnother(uint64_t root) {
  for (Tree& tree : now_.trees) {
    if (tree.root != root) continue;
    last_found_ = static_cast<size_t>(&tree - now_.trees.data());
    return &tree;
  }
  return nullptr;
}

const Reach::Tree* Reach::Find(uint64_t root) const {
  for (const Tree& tree : now_.trees) {
    if (tree.root == root) return &tree;
  }
  return nullptr;
}

void Reach::OnLeaves(const model::LeafChange& first, uint64_t pages) {
  Tree* tree = Find(first.root);
  if (!tree || !tree->live) return;
  dirty_ = true;
  tree->touched = true;
  model::LeafChange last = first;
  for (uint64_t done = 0, run = 0; done < pages; done += run) {
    const uint64_t page = first.page + done * kPageSize;
    run = ghost_.Alike(page, pages - done);
    last.page = first.page + (done + run - 1) * kPageSize;
    last.ipa = first.ipa + (done + run - 1) * kPageSize;
    Count(tree, ghost_.Touchers(page), run, last);
    const size_t index = ghost_.PageIndex(page);
    if (index == kNoPage) continue;
    const auto at = tree->count.begin() + static_cast<ptrdiff_t>(index);
    const auto end = at + static_cast<ptrdiff_t>(run);
    const int one = first.added ? 1 : -1;
    std::transform(at, end, at, [&](uint16_t n) { return static_cast<uint16_t>(n + one); });
  }
}

void Reach::Count(Tree* tree, unsigned may, uint64_t pages, const model::LeafChange& last) {
  const auto count = static_cast<uint32_t>(pages);
  tree->leaves[may] += last.added ? count : -count;
  if (!last.added) return;
  // What only caches lead to has no users: anybody's stream may come to it, the host's at least.
  const unsigned users = tree->users != 0 ? tree->users : 1u << model::kOwnerHost;
  if (tree->users == 0) all_suspicious_ = true;
  if ((users & ~may) == 0) return;
  tree->last_bad_page = last.page;
  tree->last_bad_ipa = last.ipa;
  all_suspicious_ = true;
}

void Reach::OnTree(uint64_t root, bool live) {
  dirty_ = true;
  all_suspicious_ = true;
  Tree* tree = Find(root);
  // Unlinked tables come and go, each as a tree of its own: the place of one that ended is free.
  for (size_t i = 0; !tree && i < now_.trees.size(); i++) {
    if (!now_.trees[i].live) tree = &now_.trees[i];
  }
  if (!tree) {
    now_.trees.emplace_back();
    tree = &now_.trees.back();
  }
  tree->touched = true;
  tree->root = root;
  tree->live = live;
  tree->wild = false;
  tree->leaves = {};
  tree->users = UsersOf(root);
  tree->count.assign(live ? ghost_.page_count() : 0, 0);
}

void Reach::OnWildTree(uint64_t root) {
  dirty_ = true;
  all_suspicious_ = true;
  if (!Find(root)) OnTree(root, true);
  Find(root)->touched = true;
  Find(root)->wild = true;
}

// A VMID belongs to the owner that was seen under it last: it is flushed before the next one is.
void Reach::AddVmid(size_t instance, uint8_t vmid, uint8_t owners) {
  const uint64_t bit = uint64_t{1} << (vmid % 64);
  for (uint8_t owner = 0; owner < kMaxOwners; owner++) {
    uint64_t& word = now_.vmids[owner][instance][vmid / 64];
    word = owners & (1u << owner) ? word | bit : word & ~bit;
  }
}

uint8_t Reach::UsersOf(uint64_t root) const {
  uint8_t users = 0;
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    AnyValid(instance, [&](uint16_t, const Slot& slot) {
      if (slot.via.stage2_root == root) users |= slot.owners;
      return false;
    });
  }
  return users;
}

uint8_t Reach::OwnersOf(size_t instance, uint32_t smr) const {
  uint8_t owners = 0;
  AnyMatched(smr, [&](uint16_t sid) {
    owners |= static_cast<uint8_t>(1u << ghost_.StreamOwner(machine_.SideOf(instance), sid));
    return false;
  });
  return owners;
}

void Reach::RefreshEntry(size_t instance, uint16_t entry) {
  if (entry >= now_.slots[instance].size()) return;
  dirty_ = true;
  slots_touched_ |= 1u << instance;
  Suspect(instance, entry);
  Slot& slot = now_.slots[instance][entry];
  const uint32_t smr = machine_.smmu(instance).smr[entry];
  slot.valid = (smr & kSmrValid) != 0;
  const uint64_t bit = uint64_t{1} << (entry % 64);
  uint64_t& valid = now_.valid[instance][entry / 64];
  valid = slot.valid ? valid | bit : valid & ~bit;
  if (!slot.valid) return;
  slot.owners = OwnersOf(instance, smr);
  const auto sid = static_cast<uint16_t>(smr & 0x7fff & ~(smr >> 16));
  slot.via = machine_.Resolve(instance, sid);
  if (OnStage2(slot.via.route)) {
    // Stale stage-2 entries carry the VMID of the bank that the tables belong to, or, should it be
    // another, that of the bank which nests on it.
    AddVmid(instance, slot.via.stage2_vmid, slot.owners);
    if (slot.via.vmid != slot.via.stage2_vmid) AddVmid(instance, slot.via.vmid, slot.owners);
    if (Tree* tree = Find(slot.via.stage2_root)) {
      tree->touched = true;
      tree->users |= slot.owners;
    }
  }
}

void Reach::RefreshMatch(size_t instance, uint16_t entry) {
  const bool several = AnyOf(now_.valid[instance], [&](uint16_t other) {
    return now_.slots[instance][other].via.match_count > 1;
  });
  if (several) return RefreshInstance(instance);
  RefreshEntry(instance, entry);
  const Slot& slot = now_.slots[instance][entry];
  if (slot.valid && slot.via.match_count > 1) RefreshInstance(instance);
}

void Reach::RefreshBank(size_t instance, uint16_t bank) {
  AnyValid(instance, [&](uint16_t entry, const Slot& slot) {
    // A context that faults may be nested over this bank, and be in order from now on.
    const bool names = slot.via.bank == bank || slot.via.stage2_bank == bank;
    if (names || slot.via.route == Route::kBadContext) RefreshEntry(instance, entry);
    // What the bank translated with until now may stay in caches, under a VMID that others share.
    Suspect(instance, entry);
    return false;
  });
}

void Reach::RefreshInstance(size_t instance) {
  for (uint16_t entry = 0; entry < now_.slots[instance].size(); entry++) {
    RefreshEntry(instance, entry);
  }
}

void Reach::RefreshAll() {
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) RefreshInstance(instance);
}

void Reach::OnOwner(uint64_t pa, bool before) {
  const size_t index = ghost_.PageIndex(pa);
  if (index == kNoPage) return;
  const uint8_t may = ghost_.TouchersAt(index);
  dirty_ = true;
  for (Tree& tree : now_.trees) {
    if (!tree.live || tree.count[index] == 0) continue;
    tree.touched = true;
    tree.leaves[may] += before ? -uint32_t{tree.count[index]} : tree.count[index];
    if (before) continue;
    tree.last_bad_page = pa;
    tree.last_bad_ipa = pa;
    all_suspicious_ = true;
  }
}

void Reach::CheckTree(const Tree& tree, uint8_t owners, bool stale, Breach* found) const {
  if (tree.wild) {
    found->kind = Breach::kWildTree;
    found->stale = stale;
    return;
  }
  for (uint8_t owner = 0; owner < kMaxOwners; owner++) {
    if (!(owners & (1u << owner)) || tree.Bad(owner) == 0) continue;
    found->kind = Breach::kPage;
    found->stale = stale;
    found->owner = owner;
    found->page = tree.last_bad_page;
    found->ipa = tree.last_bad_ipa;
  }
}

bool Reach::CheckSlot(size_t instance, uint16_t entry, Breach* breach) const {
  const Slot& slot = now_.slots[instance][entry];
  if (!slot.valid || (held_ >> machine_.SideOf(instance) & 1) != 0) return false;
  Breach found;
  // Two VMIDs in one nested pair are UNPREDICTABLE: hardware may do anything.
  const bool torn = slot.via.route == Route::kNested && slot.via.vmid != slot.via.stage2_vmid;
  if (Everything(slot.via.route) || torn) {
    found.kind = Breach::kEverything;
  } else if (OnStage2(slot.via.route)) {
    if (machine_.TlbUnknown(instance)) found.kind = Breach::kUnknownTlb;
    // Trees that its tables do not lead to, but caches may: what was unlinked, or named before.
    for (const Tree& other : now_.trees) {
      if (!other.live || other.root == slot.via.stage2_root) continue;
      if (!machine_.MayWalk(instance, slot.via.stage2_vmid, other.root)) continue;
      CheckTree(other, slot.owners, true, &found);
    }
    const Tree* tree = Find(slot.via.stage2_root);
    if (!tree || !tree->live) {
      found.kind = Breach::kWildTree;
      found.stale = false;
    } else {
      CheckTree(*tree, slot.owners, false, &found);
    }
  }
  if (found.kind == Breach::kNone) return false;
  found.instance = instance;
  found.entry = entry;
  found.via = slot.via;
  *breach = found;
  return true;
}

Breach Reach::Check() {
  Breach breach;
  const bool all = all_suspicious_;
  all_suspicious_ = false;
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    const Entries& entries = all ? now_.valid[instance] : pending_[instance];
    if (AnyOf(entries, [&](uint16_t entry) { return CheckSlot(instance, entry, &breach); })) break;
  }
  ForgetPending();
  return breach;
}

Breach Reach::Look(size_t instance, uint16_t entry) const {
  Breach breach;
  CheckSlot(instance, entry, &breach);
  return breach;
}

bool Reach::CountBad(uint64_t root, uint32_t (&bad)[kMaxOwners]) const {
  const Tree* tree = Find(root);
  if (!tree || !tree->live || tree->wild) return false;
  for (uint8_t owner = 0; owner < kMaxOwners; owner++) bad[owner] = tree->Bad(owner);
  return true;
}

bool Reach::IsMapped(uint64_t page, uint64_t* root) const {
  const size_t index = ghost_.PageIndex(page);
  if (index == kNoPage) return false;
  for (const Tree& tree : now_.trees) {
    if (!tree.live || tree.count[index] == 0) continue;
    *root = tree.root;
    return true;
  }
  return false;
}

bool Reach::CountLeaves(uint64_t root, uint64_t* leaves) const {
  const Tree* tree = Find(root);
  if (!tree || !tree->live || tree->wild) return false;
  *leaves = std::accumulate(tree->leaves.begin(), tree->leaves.end(), uint64_t{0});
  return true;
}

bool Reach::MapsAnything(uint64_t root) const {
  const Tree* tree = Find(root);
  if (!tree || !tree->live || tree->wild) return true;
  return std::any_of(tree->leaves.begin(), tree->leaves.end(), [](uint32_t n) { return n != 0; });
}

}  // namespace sidewall
