// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/machine.h"

#include "model/event.h"

namespace sidewall::model {

static_assert(__is_trivially_copyable(Machine), "snapshots copy it as bytes");
static_assert(sizeof(Machine) < 256 * 1024);
static_assert(kSyncModeSlow == kSyncSlow && kSyncModeNever == kSyncNever);
static_assert(kSyncModeDrawn == kSyncDrawn);

namespace {

// The bank over whose stage 2 a nested bank translates; kNoIndex: it does not, or there is none.
uint16_t NestsOn(const SmmuInstance& smmu, uint16_t bank) {
  if (cbar::Type(smmu.cbar[bank]) != cbar::kNested) return kNoIndex;
  const uint16_t second = cbar::Stage2Bank(smmu.cbar[bank]);
  return second < smmu.banks ? second : kNoIndex;
}

}  // namespace

// Passes changes of trees on to the machine; apart from it, so that the machine has no vtable.
class Machine::Listener final : public TreeListener {
 public:
  // stored: what it hears of is the effect of a store to a table.
  explicit Listener(Machine* machine, bool stored = false) : machine_(machine), stored_(stored) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { Tell(); }
  void OnTreeLeaf(uint16_t tree, const LeafChange& change) override {
    machine_->OnTreeLeaf(tree, change, stored_);
    if (machine_->watcher_ == nullptr || change.perm == 0) return;
    if (!Continues(change)) {
      Tell();
      first_ = change;
    }
    ++pages_;
  }
  void OnTreeLive(uint64_t root, bool live) override {
    Tell();
    if (machine_->watcher_ != nullptr) machine_->watcher_->OnTree(root, live);
  }
  void OnTreeWild(uint64_t root) override {
    Tell();
    if (machine_->watcher_ != nullptr) machine_->watcher_->OnWildTree(root);
  }
  void OnTableUnlinked(uint16_t tree, uint64_t pa, unsigned level, uint64_t base) override {
    Tell();
    machine_->OnTableUnlinked(tree, pa, level, base);
  }
  void OnTableTaken(uint16_t walk, uint16_t by, bool same) override {
    Tell();
    machine_->OnTableTaken(walk, by, same);
  }

  // The watcher hears of what came so far, before it hears of anything else.
  void Tell() {
    if (pages_ != 0) machine_->watcher_->OnLeaves(first_, pages_);
    pages_ = 0;
  }

 private:
  bool Continues(const LeafChange& change) const {
    LeafChange next = first_;
    next.ipa += pages_ * kPageSize;
    next.page += pages_ * kPageSize;
    return pages_ != 0 && change == next;
  }

  Machine* machine_;
  bool stored_;
  LeafChange first_;  // of the leaves that were not told yet
  uint64_t pages_ = 0;
};

size_t Machine::WorkSize(size_t pool_pages) {
  return PendingStores::WorkSize(pool_pages) + Stage2Trees::WorkSize(pool_pages) +
         kMaxInstances * (Tlb::WorkSize(pool_pages) + TranslationCache::WorkSize());
}

void Machine::Reset(const BoardSpec& board, const Arena& arena, Choices* choices,
                    Watcher* watcher) {
  board_ = &board;
  choices_ = choices;
  watcher_ = watcher;
  arena_ = arena;
  marked_ = false;
  failing_mc_reads_ = 0;
  holders_tree_ = kNoTree;
  stalls_ = Stalls();
  flights_ = Flights();
  contrary_ = Contrary();
  between_halves_ = nullptr;
  memory_.Reset(board, arena);
  mc_.Reset(board);
  auto* work = static_cast<uint8_t*>(arena.work) + PendingStores::WorkSize(arena.pool_pages);
  trees_.Reset(work, &memory_);
  work += Stage2Trees::WorkSize(arena.pool_pages);
  for (Tlb& tlb : tlb_) {
    tlb.Reset(work, arena.pool_pages, &trees_, board.walk_cache_erratum);
    work += Tlb::WorkSize(arena.pool_pages);
  }
  SetProfile(TlbProfile::kAdversarial);
  ResetStatistics();
  for (SmmuInstance& smmu : smmu_) smmu = SmmuInstance();
  for (size_t i = 0; i < board.smmu_count; ++i) {
    const SmmuSpec& spec = board.smmu[i];
    for (uint8_t n = 0; n < spec.instance_count; ++n) {
      SmmuInstance& smmu = smmu_[InstanceIndex(spec.side, n)];
      smmu.spec = &spec;
      smmu.window = spec.window[n];
      SetIdentity(smmu, spec.idr);
      ResetRegisters(smmu);
    }
  }
}

// ---------------------------------------------------------------------------------------- naming

bool Machine::InstanceOf(uint64_t pa, size_t* instance, uint32_t* offset) const {
  for (size_t i = 0; i < kMaxInstances; ++i) {
    const SmmuInstance& smmu = smmu_[i];
    if (smmu.spec == nullptr || pa < smmu.window) continue;
    if (pa - smmu.window >= smmu.spec->window_size) continue;
    *instance = i;
    *offset = static_cast<uint32_t>(pa - smmu.window);
    return true;
  }
  return false;
}

// ------------------------------------------------------------------------------------------- bus

// True when the bus does not answer this read of an SMMU.
bool Machine::ReadFails(SmmuInstance& smmu) {
  if (!smmu.powered) return true;
  if (smmu.failing_reads == 0) return false;
  --smmu.failing_reads;
  return true;
}

// What a read gives that is not answered: an error, or zeros.
template <typename T>
bool Machine::Unanswered(T* value) const {
  if (contrary_.zeros) *value = 0;
  return contrary_.zeros;
}

bool Machine::Read32(uint64_t pa, uint32_t* value) {
  size_t instance = 0;
  uint32_t offset = 0;
  if (pa % 4 != 0) return false;
  if (InstanceOf(pa, &instance, &offset)) {
    if (ReadFails(smmu_[instance])) return Unanswered(value);
    *value = static_cast<uint32_t>(ReadRegister(instance, offset, 4));
    return true;
  }
  for (size_t i = 0; i < board_->mc_window_count; ++i) {
    if (!board_->mc_window[i].Contains(pa)) continue;
    if (failing_mc_reads_ > 0) {
      --failing_mc_reads_;
      return Unanswered(value);
    }
    *value = mc_.Read32(i, static_cast<uint32_t>(pa - board_->mc_window[i].start));
    return true;
  }
  return false;
}

bool Machine::Read64(uint64_t pa, uint64_t* value) {
  if (pa % 8 != 0) return false;
  size_t instance = 0;
  uint32_t offset = 0;
  if (InstanceOf(pa, &instance, &offset)) {
    if (ReadFails(smmu_[instance])) return Unanswered(value);
    *value = ReadRegister(instance, offset, 8);
    return true;
  }
  uint32_t low = 0;
  uint32_t high = 0;
  if (!Read32(pa, &low) || !Read32(pa + 4, &high)) return false;
  *value = uint64_t{high} << 32 | low;
  return true;
}

void Machine::Write32(uint64_t pa, uint32_t value) {
  ++changes_;
  // MMU-500 ignores writes that are not word-aligned.
  if (pa % 4 != 0) return;
  size_t instance = 0;
  uint32_t offset = 0;
  if (InstanceOf(pa, &instance, &offset)) {
    if (smmu_[instance].powered) WriteRegister(instance, offset, value, 4);
    return;
  }
  for (size_t i = 0; i < board_->mc_window_count; ++i) {
    if (!board_->mc_window[i].Contains(pa)) continue;
    mc_.Write32(i, static_cast<uint32_t>(pa - board_->mc_window[i].start), value);
    return;
  }
}

void Machine::Write64(uint64_t pa, uint64_t value) {
  ++changes_;
  size_t instance = 0;
  uint32_t offset = 0;
  if (pa % 8 == 0 && InstanceOf(pa, &instance, &offset)) {
    if (smmu_[instance].powered) WriteRegister(instance, offset, value, 8);
    return;
  }
  // Two words: what a bus does with a doubleword that no 64-bit register takes.
  Write32(pa, static_cast<uint32_t>(value));
  Write32(pa + 4, static_cast<uint32_t>(value >> 32));
}

bool Machine::Read(uint64_t pa, unsigned width, uint64_t* value) {
  if (width == 8) return Read64(pa, value);
  if ((width != 1 && width != 2 && width != 4) || pa % width != 0) return false;
  uint32_t word = 0;
  if (!Read32(pa & ~uint64_t{3}, &word)) return false;
  *value = (word >> (8 * (pa % 4))) & (~uint64_t{0} >> (64 - 8 * width));
  return true;
}

void Machine::Write(uint64_t pa, unsigned width, uint64_t value) {
  if (width == 8) Write64(pa, value);
  if (width == 4) Write32(pa, static_cast<uint32_t>(value));
}

// ---------------------------------------------------------------------------------------- memory

// What a store adds counts at once. What it takes away counts until the store is visible.
bool Machine::StorePool(size_t page, size_t word, uint64_t value) {
  uint64_t& slot = memory_.pool_page(page)[word];
  const uint64_t before = slot;
  if (before == value) return true;
  memory_.TouchPool(page);
  slot = value;
  Listener listener(this, true);
  if (trees_.Indexed(page)) trees_.OnNewValue(page, word, before, value, &listener);
  if (!memory_.pending().Add(page, word, before)) trees_.OnLost(page, &listener);
  return true;
}

// No walker can see this old value of a word any more.
void Machine::OnVisible(size_t page, size_t word, uint64_t old) {
  // While a tree is wild its tables are not known, so any descriptor that ends may be one of its.
  if (trees_.conflict_count() != 0 && (old & 1) != 0) NoteUnfollowedRemoval();
  if (!trees_.Indexed(page)) return;
  Listener listener(this, true);
  trees_.OnOldGone(page, word, old, &listener);
}

void Machine::TableWrite64(uint64_t pa, uint64_t value) { Store64(pa & ~uint64_t{7}, value); }

void Machine::TableZero(uint64_t pa) {
  const uint64_t page = pa & ~(kPageSize - 1);
  for (uint64_t offset = 0; offset < kPageSize; offset += 8) Store64(page + offset, 0);
}

void Machine::Barrier() {
  PendingStores::Gone gone;
  while (memory_.pending().TakeGone(&gone)) OnVisible(gone.page, gone.word, gone.value);
}

// Whole lines of 64 bytes are cleaned, each up to the next barrier.
void Machine::Clean(uint64_t pa, uint64_t size) {
  constexpr uint64_t kLine = 64;
  const uint64_t first = pa & ~(kLine - 1);
  const uint64_t end = (pa + size + kLine - 1) & ~(kLine - 1);
  for (uint64_t at = first; size != 0 && at < end;) {
    const uint64_t page_end = (at & ~(kPageSize - 1)) + kPageSize;
    const uint64_t stop = page_end < end ? page_end : end;
    const size_t page = memory_.PoolIndex(at);
    if (page != Memory::kNoPage) {
      memory_.pending().Clean(page, at % kPageSize / sizeof(uint64_t),
                              (stop - at) / sizeof(uint64_t));
    }
    at = stop;
  }
}

uint64_t Machine::Load64(uint64_t pa) const { return memory_.Load64(pa); }

bool Machine::Store64(uint64_t pa, uint64_t value) {
  ++changes_;
  const size_t page = memory_.PoolIndex(pa);
  if (page == Memory::kNoPage) return memory_.Store64(pa, value);
  return StorePool(page, (pa % kPageSize) / 8, value);
}

const uint64_t* Machine::PoolPage(uint64_t pa) const {
  const size_t page = memory_.PoolIndex(pa);
  return page == Memory::kNoPage ? nullptr : memory_.pool_page(page);
}

// ----------------------------------------------------------------------------------------- trees

// Which tree a bank names, if any, follows from five of its registers; called after each store to
// one of them. What the bank named before may stay cached, whole, under the VMID of then.
void Machine::UpdateBankTree(size_t index, uint16_t number) {
  SmmuInstance& smmu = smmu_[index];
  ContextBank& bank = smmu.bank[number];
  const uint8_t vmid = cbar::Vmid(smmu.cbar[number]);
  const bool enabled = cbar::Type(smmu.cbar[number]) == cbar::kStage2 &&
                       (bank.sctlr & sctlr::kM) != 0 && (smmu.cba2r[number] & kCba2rVa64) != 0;
  Stage2Geometry shape;
  if (enabled) shape = DecodeStage2(bank.tcr, bank.ttbr0, smmu.idr[2]);
  // Big-endian tables are not followed; the tree is wild, as it is under a granule of no size.
  if (enabled && (bank.sctlr & sctlr::kE) != 0) shape.page_bits = 14;
  const bool named = enabled && shape.valid;
  const bool unflagged = named && (bank.sctlr & sctlr::kAffd) != 0;
  const uint16_t old = bank.tree;
  if (old == kNoTree && !named) return;
  holders_tree_ = kNoTree;
  Listener listener(this);
  // The new name comes first, so that a tree which keeps its root does not end in between.
  uint16_t next = kNoTree;
  if (named) next = trees_.AddBank(shape, &listener);
  if (old != kNoTree) {
    const bool same = next == old && bank.tree_vmid == vmid;
    // What was cached while nobody looked at access flags answers when somebody does.
    const bool flags_count = bank.tree_unflagged && !unflagged;
    const bool left = !same || flags_count;
    if (left && tlb_[index].PushTree(bank.tree_vmid, old, bank.tree_unflagged)) {
      trees_.AddStale(old);
    }
    for (uint16_t n = 0; n < smmu.banks && (next != old || flags_count); ++n) {
      if (NestsOn(smmu, n) == number) LeaveSecondVmid(index, n);
    }
    trees_.DropBank(old, &listener);
  }
  bank.tree = next;
  bank.tree_vmid = vmid;
  bank.tree_unflagged = unflagged;
  const uint64_t bit = uint64_t{1} << (number % 64);
  uint64_t& naming = smmu.tree_banks[number / 64];
  naming = next != kNoTree ? naming | bit : naming & ~bit;
  holders_tree_ = kNoTree;
}

// A nested bank whose VMID is not that of its stage 2 may have tagged what it used with its own; it
// ceases to use that stage 2, or to have this VMID.
void Machine::LeaveSecondVmid(size_t index, uint16_t number) {
  const SmmuInstance& smmu = smmu_[index];
  const uint16_t second = NestsOn(smmu, number);
  if (second == kNoIndex || smmu.bank[second].tree == kNoTree) return;
  const uint8_t vmid = cbar::Vmid(smmu.cbar[number]);
  if (vmid == smmu.bank[second].tree_vmid) return;
  const ContextBank& bank = smmu.bank[second];
  if (tlb_[index].PushTree(vmid, bank.tree, bank.tree_unflagged)) trees_.AddStale(bank.tree);
  holders_tree_ = kNoTree;
}

void Machine::DropStaleTrees(const DroppedTrees& dropped) {
  if (dropped.count == 0) return;
  holders_tree_ = kNoTree;
  Listener listener(this);
  for (size_t i = 0; i < dropped.count; ++i) trees_.DropStale(dropped.tree[i], &listener);
}

void Machine::FindHolders(uint16_t tree) {
  if (holders_tree_ == tree) return;
  holders_tree_ = tree;
  for (size_t i = 0; i < kMaxInstances; ++i) {
    uint64_t* vmids = holders_[i];
    vmids[0] = vmids[1] = vmids[2] = vmids[3] = 0;
    const SmmuInstance& smmu = smmu_[i];
    if (smmu.spec == nullptr) continue;
    for (uint16_t b = 0; b < smmu.banks; ++b) {
      const uint16_t second = NestsOn(smmu, b);
      const bool nested = second != kNoIndex && smmu.bank[second].tree == tree;
      if (smmu.bank[b].tree != tree && !nested) continue;
      const uint8_t vmid = nested ? cbar::Vmid(smmu.cbar[b]) : smmu.bank[b].tree_vmid;
      vmids[vmid / 64] |= uint64_t{1} << (vmid % 64);
    }
    for (size_t n = 0; n < tlb_[i].tree_count(); ++n) {
      const StaleTree& stale = tlb_[i].tree(n);
      if (stale.tree == tree) vmids[stale.vmid / 64] |= uint64_t{1} << (stale.vmid % 64);
    }
  }
}

template <typename F>
void Machine::ForEachHolder(F f) const {
  for (size_t i = 0; i < kMaxInstances; ++i) {
    for (unsigned word = 0; word < 4; ++word) {
      for (uint64_t left = holders_[i][word]; left != 0; left &= left - 1) {
        f(i, static_cast<uint8_t>(word * 64 + static_cast<unsigned>(__builtin_ctzll(left))));
      }
    }
  }
}

// Trees that are wild because of another may be followed again later. What they lose until then
// was in no leaf call, so each TLB that may hold such a tree may keep anything of its VMID.
void Machine::NoteUnfollowedRemoval() {
  for (size_t n = 0; n < trees_.tree_limit(); ++n) {
    const auto tree = static_cast<uint16_t>(n);
    if (!trees_.tree(tree).used || !trees_.tree(tree).conflict) continue;
    FindHolders(tree);
    ForEachHolder([this](size_t i, uint8_t vmid) { tlb_[i].PushEverything(vmid); });
  }
}

void Machine::OnTreeLeaf(uint16_t tree, const LeafChange& change, bool stored) {
  if (!change.added) {
    FindHolders(tree);
    ForEachHolder([&](size_t i, uint8_t vmid) { tlb_[i].Push(vmid, change); });
  } else if (stored && trees_.tree(tree).stale_refs != 0) {
    // Caches that still lead to this tree may take up the new leaf, and an invalidation of before
    // does not cover that.
    for (Tlb& tlb : tlb_) {
      for (size_t n = 0; n < tlb.tree_count(); ++n) {
        if (tlb.tree(n).tree == tree) tlb.Push(tlb.tree(n).vmid, change);
      }
    }
  }
}

// Every walk cache that could hold a pointer to the table keeps it, under the VMIDs of the tree.
void Machine::OnTableUnlinked(uint16_t tree, uint64_t pa, unsigned level, uint64_t base) {
  FindHolders(tree);
  Listener listener(this);
  const uint16_t walk = trees_.AddWalk(tree, pa, level, base, &listener);
  FindHolders(tree);
  ForEachHolder([&](size_t i, uint8_t vmid) {
    if (tlb_[i].PushTree(vmid, walk)) trees_.AddStale(walk);
  });
  holders_tree_ = kNoTree;
  trees_.DropUnused(walk, &listener);
}

// A walk tree ends when its root is back where it was, under a tree that all its holders hold too:
// then the tables lead wherever the walk caches do. Else its pages will mean something else, and
// what its holders may have cached cannot be followed.
void Machine::OnTableTaken(uint16_t walk, uint16_t by, bool same) {
  FindHolders(walk);
  uint64_t of_walk[kMaxInstances][4];
  __builtin_memcpy(of_walk, holders_, sizeof(holders_));
  FindHolders(by);
  bool covered = same;
  for (size_t i = 0; i < kMaxInstances; ++i) {
    for (size_t n = 0; n < 4; ++n) covered = covered && (of_walk[i][n] & ~holders_[i][n]) == 0;
  }
  holders_tree_ = kNoTree;
  Listener listener(this);
  if (!covered) return trees_.MakeWild(walk, false, &listener);
  for (Tlb& tlb : tlb_) {
    for (size_t n = tlb.ForgetTree(walk); n != 0; --n) trees_.DropStale(walk, &listener);
  }
}

// ------------------------------------------------------------------------------------- questions

bool Machine::TlbUnknown(size_t instance) const { return tlb_[instance].unknown(); }

bool Machine::MayHoldEverything(size_t instance, uint8_t vmid) const {
  const Tlb& tlb = tlb_[instance];
  if (tlb.overflowed(vmid)) return true;
  for (size_t i = 0; i < tlb.tree_count(); ++i) {
    if (tlb.tree(i).vmid == vmid && trees_.tree(tlb.tree(i).tree).wild) return true;
  }
  return false;
}

bool Machine::MayWalk(size_t instance, uint8_t vmid, uint64_t root) const {
  const Tlb& tlb = tlb_[instance];
  for (size_t i = 0; i < tlb.tree_count(); ++i) {
    if (tlb.tree(i).vmid == vmid && trees_.tree(tlb.tree(i).tree).root == root) return true;
  }
  return false;
}

uint8_t Machine::MayHold(size_t instance, uint8_t vmid, uint64_t page) const {
  const Tlb& tlb = tlb_[instance];
  uint8_t perm = tlb.MayHold(vmid, page);
  constexpr uint8_t kAll = kPermRead | kPermWrite;
  for (size_t i = 0; i < tlb.tree_count() && perm != kAll; ++i) {
    if (tlb.tree(i).vmid == vmid) perm |= trees_.PermissionOf(tlb.tree(i).tree, page);
  }
  return perm;
}

void Machine::VisitStale(size_t instance, uint8_t vmid, void (*fn)(void*, uint64_t, uint8_t),
                         void* context) const {
  const Tlb& tlb = tlb_[instance];
  for (size_t i = 0; i < tlb.entry_limit(); ++i) {
    const StaleEntry& entry = tlb.entry(i);
    if (entry.forms != 0 && entry.vmid == vmid) fn(context, entry.page, entry.perm());
  }
  struct Forward {
    void (*fn)(void*, uint64_t, uint8_t);
    void* context;
  } forward = {fn, context};
  for (size_t i = 0; i < tlb.tree_count(); ++i) {
    if (tlb.tree(i).vmid != vmid) continue;
    trees_.ForEachLeaf(
        tlb.tree(i).tree,
        [](void* c, const LeafChange& leaf) {
          const auto* to = static_cast<Forward*>(c);
          to->fn(to->context, leaf.page, leaf.perm);
        },
        &forward);
  }
}

uint16_t Machine::ClientSid(uint16_t client, uint16_t own_sid) const {
  return mc_.ClientSid(client, own_sid);
}

// --------------------------------------------------------------------------------------- hardware

void Machine::SetSyncMode(size_t instance, uint64_t mode, uint64_t polls) {
  if (instance >= kMaxInstances) return;
  smmu_[instance].sync_mode = mode;
  smmu_[instance].sync_polls_wanted = polls > 0xffffffff ? 0xffffffff : polls;
}

void Machine::FailReads(size_t instance, uint64_t count) {
  if (instance >= kMaxInstances) return;
  smmu_[instance].failing_reads = count;
}

void Machine::SetQuirks(size_t instance, const Quirks& quirks) {
  if (instance < kMaxInstances) smmu_[instance].quirks = quirks;
}

// Masters are gated while the power is off, so what matters is the state after it is back.
void Machine::PowerLoss(uint8_t side) {
  ++changes_;
  mc_.LosePower(side);
  for (uint8_t n = 0; n < 2; ++n) {
    const size_t index = InstanceIndex(side, n);
    if (index >= kMaxInstances || smmu_[index].spec == nullptr) continue;
    SmmuInstance& smmu = smmu_[index];
    DroppedTrees dropped;
    tlb_[index].MakeUnknown(&dropped);
    cache_[index].Clear();
    walks_[index] = WalkCache();
    Listener listener(this);
    uint16_t named[kMaxBanks];
    for (size_t b = 0; b < kMaxBanks; ++b) named[b] = smmu.bank[b].tree;
    const bool powered = smmu.powered;
    const bool gated = smmu.gated;
    // What the program asked of syncs and reads is the hardware's nature, not state that power
    // keeps.
    const uint64_t sync_mode = smmu.sync_mode;
    const uint64_t sync_polls_wanted = smmu.sync_polls_wanted;
    const uint64_t failing_reads = smmu.failing_reads;
    ResetRegisters(smmu);
    smmu.sync_mode = sync_mode;
    smmu.sync_polls_wanted = sync_polls_wanted;
    smmu.failing_reads = failing_reads;
    smmu.powered = powered;
    smmu.gated = gated;
    smmu.lost = true;
    DropHeld(index);
    Land(index, kNoIndex, flights_.last);
    holders_tree_ = kNoTree;
    for (uint16_t tree : named) {
      if (tree != kNoTree) trees_.DropBank(tree, &listener);
    }
    listener.Tell();  // before what the next one, which has a listener of its own, ends
    DropStaleTrees(dropped);
  }
  if (powered(side)) DrawUnknown(side);
}

}  // namespace sidewall::model
