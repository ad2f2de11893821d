// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/domain.h"

#include "driver/attach.h"
#include "driver/references.h"
#include "driver/vm.h"

namespace SIDEWALL_NS {
namespace {

// Steps of one call: a chunk or a block each, or a batch of references. 512 chunks are 1 GiB.
constexpr uint32_t kMaxDomainSteps = 512;
// What one call unmaps and drops: half as many pages as its batches can hold, however they lie.
constexpr uint64_t kMaxUnmapAndSync = kMaxDomainSteps * References::kMax / 2 * kPageSize;
// Another CPU may take the tables that this one asked the pool for.
constexpr uint32_t kDomainTries = 3;

// What guests map is counted apart.
Tables DomainTables(State& state, uint32_t owner) {
  Domains& domains = state.domains;
  Work& host_work = domains.counters;
  return Tables(state.ctx, IsGuest(owner) ? &domains.guest_work : &host_work);
}
uint64_t& PagesOf(State& state, uint32_t owner) {
  return IsGuest(owner) ? state.domains.guest_pages : state.domains.pages;
}

bool InRange(const State& state, uint64_t iova, uint64_t size) {
  const uint64_t limit = uint64_t{1} << state.domains.iova_bits;
  return size != 0 && iova < limit && size <= limit - iova;
}

// Every page must be one that some stage 2 may map at all; ownership is the caller's business.
bool AllMappable(const State& state, uint64_t pa, uint64_t end) {
  while (pa < end) {
    const Segment segment = SegmentAt(state, pa, end);
    if (segment.kind == MemoryKind::kForbidden) return false;
    pa = segment.end;
  }
  return true;
}

bool RequestIsSound(const State& state, const MapRequest& request) {
  if (request.page_size != kPageSize && request.page_size != kChunkSize) return false;
  if ((request.iova | request.pa | request.size) % request.page_size != 0) return false;
  if ((request.prot & ~kProtAll) != 0 || (request.prot & SIDEWALL_PROT_RW) == 0) return false;
  if (!InRange(state, request.iova, request.size)) return false;
  // Nothing lies at or above the format bit; every output size that is accepted is larger.
  if (request.pa >= kFormatBit || request.size > kFormatBit - request.pa) return false;
  return AllMappable(state, request.pa, request.pa + request.size);
}

// One step of a map: what was done, and what stopped it.
struct Step {
  uint64_t done = 0;
  uint32_t missing = 0;  // tables
  bool blocked = false;  // the next address is mapped, or was until its sync
  bool gone = false;     // another CPU is ending the domain
};

// A block where it was asked for and neither a table nor a leaf is there. All of it is one kind of
// memory, or it is mapped by pages.
bool MapBlock(const State& state, const Tables& tables, const Path& path, uint64_t iova,
              uint64_t pa, const MapRequest& request, Step* step) {
  if (request.page_size != kChunkSize || path.level != kBlockLevel) return false;
  const Segment segment = SegmentAt(state, pa, pa + kChunkSize);
  if (segment.end != pa + kChunkSize) return false;
  const uint32_t index = IndexAt(iova, kBlockLevel);
  const uint64_t bits = LeafBits(segment.kind, request.prot) & ~descriptor::kTypeMask;
  tables.Write(path.table, index, pa | bits | descriptor::kBlock);
  tables.Clean(path.table, index, 1);
  tables.Barrier();
  step->done = kChunkSize;
  return true;
}

bool AllSlots(const Tables& tables, Pa table, bool mapped) {
  for (uint32_t i = 0; i < kTableEntries; ++i) {
    const uint64_t entry = tables.Read(table, i);
    if (mapped ? !IsLeaf(entry, kLeafLevel) : entry != 0) return false;
  }
  return true;
}

// Fills free slots of a table of leaves, up to the first that is not.
void MapLeaves(const State& state, const Tables& tables, Pa table, uint64_t iova, uint64_t pa,
               uint64_t size, uint32_t prot, Step* step) {
  const uint32_t first = IndexAt(iova, kLeafLevel);
  while (step->done < size) {
    const uint32_t index = IndexAt(iova + step->done, kLeafLevel);
    if (tables.Read(table, index) != 0) {
      step->blocked = true;
      break;
    }
    const uint64_t page = pa + step->done;
    const Segment segment = SegmentAt(state, page, page + kPageSize);
    tables.Write(table, index, page | LeafBits(segment.kind, prot));
    step->done += kPageSize;
  }
  if (step->done == 0) return;
  tables.Clean(table, first, static_cast<uint32_t>(step->done / kPageSize));
  tables.Barrier();
}

Step MapChunk(State& state, uint32_t handle, const MapRequest& request, uint64_t offset,
              SpareTables& spare) {
  Step step;
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  Domain& domain = state.domains.domain[handle];
  step.gone = !domain.life.is_live();
  if (step.gone) return step;
  const Tables tables = DomainTables(state, domain.owner);
  const uint64_t iova = request.iova + offset;
  const uint64_t pa = request.pa + offset;
  Path path = FindPath(tables, domain.root, iova);
  if (path.level < kLeafLevel && tables.Read(path.table, IndexAt(iova, path.level)) != 0) {
    step.blocked = true;  // a block, or one that was
    return step;
  }
  const uint32_t kept = spare.count;
  // A block needs the table above it only.
  const bool block = request.page_size == kChunkSize && path.level <= kBlockLevel &&
                     SegmentAt(state, pa, pa + kChunkSize).end == pa + kChunkSize;
  const uint32_t wanted = block ? kBlockLevel : kLeafLevel;
  if (wanted - path.level > spare.count) {
    step.missing = wanted - path.level - spare.count;
    return step;
  }
  path.table = MakeTables(tables, path, iova, wanted, spare);
  path.level = wanted;
  PagesOf(state, domain.owner) += kept - spare.count;
  if (MapBlock(state, tables, path, iova, pa, request, &step)) return step;
  // What is reported as done is whole pages of the size that was asked for.
  if (request.page_size == kChunkSize && !AllSlots(tables, path.table, false)) {
    step.blocked = true;
    return step;
  }
  const uint64_t boundary = AlignDown(iova, kChunkSize) + kChunkSize;
  const uint64_t left = request.size - offset;
  const uint64_t size = boundary - iova < left ? boundary - iova : left;
  MapLeaves(state, tables, path.table, iova, pa, size, request.prot, &step);
  return step;
}

bool TakeSpares(State& state, uint32_t pool, uint32_t missing, SpareTables& spare) {
  for (uint32_t i = 0; i < missing; ++i) {
    const uint64_t page = TablePage(state.ctx, pool);
    if (page == 0) return false;
    spare.page[spare.count++] = page;
  }
  return true;
}

Step MapWithPool(State& state, uint32_t handle, uint32_t owner, const MapRequest& request,
                 uint64_t offset, SpareTables& spare) {
  Step step;
  for (uint32_t i = 0; i < kDomainTries; ++i) {
    step = MapChunk(state, handle, request, offset, spare);
    if (step.missing == 0) break;
    if (!TakeSpares(state, PoolOf(owner), step.missing, spare)) break;
  }
  return step;
}

// ---------------------------------------------------------------- unmap

void NoteUnmapped(State& state, Domain& domain, uint64_t iova, uint64_t size) {
  if (domain.pending_first == domain.pending_last) {
    domain.pending_first = iova;
    domain.pending_last = iova + size;
  }
  if (iova < domain.pending_first) domain.pending_first = iova;
  if (iova + size > domain.pending_last) domain.pending_last = iova + size;
  for (uint32_t i = 0; i < state.smmu_count; ++i) {
    if (domain.context[i] != kNoContext) domain.unflushed |= static_cast<uint8_t>(1u << i);
  }
}

// Unmaps what of [iova, iova + left) one table holds, up to the first slot that cannot be; with
// pages of a block's size, all of the table or nothing.
Step UnmapChunk(State& state, uint32_t handle, uint64_t page_size, uint64_t iova, uint64_t left) {
  Step step;
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  Domain& domain = state.domains.domain[handle];
  step.gone = !domain.life.is_live();
  if (step.gone) return step;
  const Tables tables = DomainTables(state, domain.owner);
  const Path path = FindPath(tables, domain.root, iova);
  const uint64_t unit = uint64_t{1} << LevelShift(path.level);
  const uint64_t boundary = AlignDown(iova, kChunkSize) + kChunkSize;
  const uint32_t first = IndexAt(iova, path.level);
  if (page_size == kChunkSize && path.level == kLeafLevel) {
    step.blocked = !AllSlots(tables, path.table, true);
    if (step.blocked) return step;
  }
  while (step.done < left && iova + step.done < boundary) {
    const uint64_t at = iova + step.done;
    const uint32_t index = IndexAt(at, path.level);
    const uint64_t entry = tables.Read(path.table, index);
    step.blocked = !IsLeaf(entry, path.level) || at % unit != 0 || left - step.done < unit;
    if (step.blocked) break;
    tables.Write(path.table, index, unmapped::Leaf(entry, path.level));
    step.done += unit;
  }
  if (step.done == 0) return step;
  NoteUnmapped(state, domain, iova, step.done);
  tables.Clean(path.table, first, static_cast<uint32_t>(step.done / unit));
  // Before the lock is dropped: the flush that another CPU may do next must find the walker
  // without the leaf.
  tables.Barrier();
  return step;
}

sidewall_result UnmapChunks(State& state, uint32_t handle, uint64_t iova, uint64_t page_size,
                            uint64_t size) {
  uint64_t done = 0;
  for (uint32_t i = 0; i < kMaxDomainSteps && done < size; ++i) {
    const Step step = UnmapChunk(state, handle, page_size, iova + done, size - done);
    done += step.done;
    if (step.blocked || step.gone) break;
  }
  return Result(done == 0 ? SIDEWALL_REFUSED : SIDEWALL_OK, done);
}

// ---------------------------------------------------------------- visits

// The time that a call spends in a domain which is live and its caller's. A guest is only served
// while its VM is, and both are looked at under one lock: from then on neither can end and be made
// anew under the same number before the call has left.
class Visit {
 public:
  Visit(State& state, uint32_t handle, uint32_t owner) : state_(state) {
    LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
    if (IsGuest(owner) && !VmServes(state, owner - SIDEWALL_OWNER_GUEST0)) return;
    domain_ = LiveDomain(state, handle, owner);
    if (domain_ != nullptr) ++domain_->visitors;
  }
  ~Visit() {
    if (domain_ == nullptr) return;
    LockGuard lock(state_.ctx, SIDEWALL_LOCK_DOMAINS);
    --domain_->visitors;
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  bool inside() const { return domain_ != nullptr; }

 private:
  State& state_;
  Domain* domain_ = nullptr;
};

// ---------------------------------------------------------------- references

enum class DropResult { kDone, kMore, kDegraded, kGone };

// One batch of references of what was unmapped. It is flushed first, since another CPU may have
// unmapped more since the last batch.
DropResult DropBatch(State& state, uint32_t handle) {
  References batch;
  bool more = false;
  {
    LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
    Domain& domain = state.domains.domain[handle];
    if (!domain.life.is_live()) return DropResult::kGone;
    if (!FlushDomain(state, handle)) return DropResult::kDegraded;
    if (domain.pending_first == domain.pending_last) return DropResult::kDone;
    more = CollectUnmapped(DomainTables(state, domain.owner), domain, &batch);
  }
  batch.Drop(state.ctx);
  return more ? DropResult::kMore : DropResult::kDone;
}

bool HasUnmapped(State& state, uint32_t handle) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  const Domain& domain = state.domains.domain[handle];
  return domain.pending_first != domain.pending_last;
}

sidewall_result DropBatches(State& state, uint32_t handle) {
  for (uint32_t i = 0; i < kMaxDomainSteps; ++i) {
    switch (DropBatch(state, handle)) {
      case DropResult::kMore:
        break;
      case DropResult::kDegraded:
        return Result(SIDEWALL_DEGRADED);
      case DropResult::kDone:
        return Result(SIDEWALL_OK, 1);
      case DropResult::kGone:
        // Whoever ends the domain drops what is left.
        return Result(SIDEWALL_OK);
    }
  }
  return Result(SIDEWALL_OK);
}

// One step of the end of a domain: references, or a table.
DropResult TakeDownStep(State& state, uint32_t handle) {
  References batch;
  uint64_t page = 0;
  uint32_t owner = 0;
  bool done = false;
  {
    LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
    Domain& domain = state.domains.domain[handle];
    // Another CPU, which ends it too, was faster.
    if (domain.root == Pa{}) return DropResult::kDone;
    if (!FlushDomain(state, handle)) return DropResult::kDegraded;
    owner = domain.owner;
    page = TakeDown(DomainTables(state, owner), domain, &batch);
    if (page != 0) --PagesOf(state, owner);
    done = domain.root == Pa{};
  }
  batch.Drop(state.ctx);
  if (page != 0) sidewall_plat_page_free(state.ctx, PoolOf(owner), page);
  return done ? DropResult::kDone : DropResult::kMore;
}

bool MayEnd(const State& state, uint32_t owner, uint64_t dying) {
  if (!IsGuest(owner)) return true;
  const uint32_t vm = owner - SIDEWALL_OWNER_GUEST0;
  return dying == 0 ? VmServes(state, vm) : VmDies(state, vm, dying);
}

// A domain that no stream is attached to serves no call from now on. False: it cannot be freed.
bool BeginFree(State& state, uint32_t handle, uint32_t owner, uint64_t dying) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (handle >= kDomainCount || !MayEnd(state, owner, dying)) return false;
  Domain& domain = state.domains.domain[handle];
  if (domain.owner != owner) return false;
  if (!domain.life.is_draining() && !domain.life.Drain(0)) return false;
  ++domain.visitors;
  return true;
}

// The last one out of a domain without a tree frees the handle. False: it is in use still.
bool EndFree(State& state, uint32_t handle) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  Domain& domain = state.domains.domain[handle];
  --domain.visitors;
  if (domain.visitors != 0 || !(domain.root == Pa{})) return false;
  if (!domain.life.Free()) sidewall_plat_panic(state.ctx, __LINE__);
  return true;
}

// False: the VM that it was for began to die while the pool was asked.
bool PublishDomain(State& state, uint32_t handle, uint32_t owner, Pa root) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (IsGuest(owner) && !VmServes(state, owner - SIDEWALL_OWNER_GUEST0)) return false;
  Domain& domain = state.domains.domain[handle];
  DomainTables(state, owner).MakeEmpty(root);
  ++PagesOf(state, owner);
  domain.root = root;
  domain.owner = static_cast<uint8_t>(owner);
  for (uint8_t& context : domain.context) context = kNoContext;
  domain.unflushed = 0;
  domain.pending_first = domain.pending_last = 0;
  if (!domain.life.Publish()) sidewall_plat_panic(state.ctx, __LINE__);
  return true;
}

}  // namespace

Domain* LiveDomain(State& state, uint32_t handle, uint32_t owner) {
  if (handle >= kDomainCount) return nullptr;
  Domain& domain = state.domains.domain[handle];
  return domain.life.is_live() && domain.owner == owner ? &domain : nullptr;
}

bool ReserveDomain(State& state, uint32_t first, uint32_t count, uint32_t* handle) {
  for (*handle = first; *handle < first + count; ++*handle) {
    if (state.domains.domain[*handle].life.Reserve()) return true;
  }
  return false;
}

sidewall_result CreateDomain(State& state, uint32_t handle, uint32_t owner) {
  const uint64_t root = TablePage(state.ctx, PoolOf(owner));
  if (root != 0 && PublishDomain(state, handle, owner, Pa{root})) {
    return Result(SIDEWALL_OK, handle);
  }
  // The VM is not gone while one of its handles is reserved, so the page comes before the handle.
  if (root != 0) sidewall_plat_page_free(state.ctx, PoolOf(owner), root);
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  if (!state.domains.domain[handle].life.Cancel()) sidewall_plat_panic(state.ctx, __LINE__);
  sidewall_result result = Result(SIDEWALL_REFUSED);
  result.pages_needed = root == 0 ? 1 : 0;
  return result;
}

sidewall_result MapDomain(State& state, uint32_t handle, uint32_t owner,
                          const MapRequest& request) {
  const Visit visit(state, handle, owner);
  if (!visit.inside() || !RequestIsSound(state, request)) return Result(SIDEWALL_REFUSED);
  sidewall_result result = Result(SIDEWALL_OK);
  SpareTables spare{};
  uint64_t done = 0;
  for (uint32_t i = 0; i < kMaxDomainSteps && done < request.size; ++i) {
    const Step step = MapWithPool(state, handle, owner, request, done, spare);
    done += step.done;
    if (step.missing != 0) {
      const uint64_t end = request.iova + request.size;
      result.pages_needed = TablesWanted(request.iova + done, end, 0);
      break;
    }
    if (step.blocked || step.gone) {
      if (done == 0) result.status = SIDEWALL_REFUSED;
      break;
    }
  }
  for (uint32_t i = 0; i < spare.count; ++i) {
    sidewall_plat_page_free(state.ctx, PoolOf(owner), spare.page[i]);
  }
  result.progress = done;
  return result;
}

sidewall_result UnmapDomain(State& state, uint32_t handle, uint32_t owner, uint64_t iova,
                            uint64_t page_size, uint64_t size) {
  const Visit visit(state, handle, owner);
  if (page_size != kPageSize && page_size != kChunkSize) return Result(SIDEWALL_REFUSED);
  if (!visit.inside() || (iova | size) % page_size != 0) return Result(SIDEWALL_REFUSED);
  if (!InRange(state, iova, size)) return Result(SIDEWALL_REFUSED);
  return UnmapChunks(state, handle, iova, page_size, size);
}

sidewall_result UnmapAndSync(State& state, uint32_t handle, uint32_t owner, uint64_t iova,
                             uint64_t size) {
  const Visit visit(state, handle, owner);
  if (!visit.inside() || (iova | size) % kPageSize != 0) return Result(SIDEWALL_REFUSED);
  if (!InRange(state, iova, size)) return Result(SIDEWALL_REFUSED);
  // A guest has no other call that ends what an earlier one has left, so the same call does.
  const bool owes = HasUnmapped(state, handle);
  if (owes) {
    const sidewall_result before = DropBatches(state, handle);
    if (before.status != SIDEWALL_OK || before.progress == 0) return before;
  }
  if (size > kMaxUnmapAndSync) size = kMaxUnmapAndSync;
  sidewall_result result = UnmapChunks(state, handle, iova, kPageSize, size);
  if (result.status != SIDEWALL_OK) return owes ? Result(SIDEWALL_OK) : result;
  if (DropBatches(state, handle).status == SIDEWALL_DEGRADED) result.status = SIDEWALL_DEGRADED;
  return result;
}

sidewall_result SyncDomain(State& state, uint32_t handle, uint32_t owner) {
  const Visit visit(state, handle, owner);
  return visit.inside() ? DropBatches(state, handle) : Result(SIDEWALL_REFUSED);
}

sidewall_result FreeDomain(State& state, uint32_t handle, uint32_t owner, uint64_t dying) {
  if (!BeginFree(state, handle, owner, dying)) return Result(SIDEWALL_REFUSED);
  DropResult step = DropResult::kMore;
  for (uint32_t i = 0; i < kMaxDomainSteps && step == DropResult::kMore; ++i) {
    step = TakeDownStep(state, handle);
  }
  const bool freed = EndFree(state, handle);
  if (step == DropResult::kDegraded) return Result(SIDEWALL_DEGRADED);
  return Result(SIDEWALL_OK, freed ? 1 : 0);
}

sidewall_result LookUp(State& state, uint32_t handle, uint32_t owner, uint64_t iova) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  const Domain* domain = LiveDomain(state, handle, owner);
  if (domain == nullptr || !InRange(state, iova, 1)) return Result(SIDEWALL_REFUSED);
  const Tables tables = DomainTables(state, owner);
  const Path path = FindPath(tables, domain->root, iova);
  const uint64_t entry = tables.Read(path.table, IndexAt(iova, path.level));
  if (!IsLeaf(entry, path.level)) return Result(SIDEWALL_REFUSED);
  const uint64_t inside = iova & ((uint64_t{1} << LevelShift(path.level)) - 1);
  return Result(SIDEWALL_OK, (entry & descriptor::kAddressMask) | inside);
}

bool InDomain(State& state, uint32_t handle, uint32_t owner, uint64_t iova, uint64_t size) {
  LockGuard lock(state.ctx, SIDEWALL_LOCK_DOMAINS);
  return LiveDomain(state, handle, owner) != nullptr && InRange(state, iova, size);
}

}  // namespace SIDEWALL_NS
