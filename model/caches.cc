// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the TLBs of a machine answer and keep, and what commands and syncs do to them.
#include "model/machine.h"
#include "model/walk.h"

namespace sidewall::model {

namespace {

// Room of the adversarial profile, per instance.
constexpr size_t kAdversarialEntries = 64;
constexpr unsigned kKinds = 6;  // a write is no instruction fetch

AccessKind KindAt(unsigned kind) { return {(kind & 1) != 0, (kind & 2) != 0, (kind & 4) != 0}; }
constexpr unsigned kKindOf[kKinds] = {0, 1, 2, 3, 4, 6};

uint16_t AsidMask(const ContextBank& bank) { return Bit(bank.tcr2, 4) ? 0xffff : 0xff; }

bool HasStage1(const SmmuInstance& smmu, uint16_t bank) {
  const uint32_t type = cbar::Type(smmu.cbar[bank]);
  const bool stage1 = type == cbar::kStage1 || type == cbar::kNested;
  return stage1 && (smmu.bank[bank].sctlr & sctlr::kM) != 0;
}

// The tag of what a bank translates now.
TlbTag TagOf(const SmmuInstance& smmu, uint16_t number) {
  const ContextBank& bank = smmu.bank[number];
  TlbTag tag;
  tag.vmid = cbar::Vmid(smmu.cbar[number]);
  tag.stage2_only = !HasStage1(smmu, number);
  if (tag.stage2_only) return tag;
  tag.hyp = cbar::IsHyp(smmu.cbar[number]);
  const uint64_t ttbr = Bit(bank.tcr, 22) ? bank.ttbr1 : bank.ttbr0;
  tag.asid = static_cast<uint16_t>(ttbr >> 48) & AsidMask(bank);
  return tag;
}

// Unequal VMIDs of a nested pair: what is made of it may carry either.
bool HasTwoVmids(const Resolution& via) {
  return via.route == Route::kNested && via.vmid != via.stage2_vmid;
}

// Under which tag a transaction looks: that of its bank, or by choice under the other VMID.
TlbTag TagToFind(const SmmuInstance& smmu, const Resolution& via, Choices* choices) {
  TlbTag tag = TagOf(smmu, via.bank);
  if (choices == nullptr || !HasTwoVmids(via)) return tag;
  if ((choices->Next() & 1) != 0) tag.vmid = via.stage2_vmid;
  return tag;
}

bool Cached(const Resolution& via) {
  return via.route == Route::kStage1Only || via.route == Route::kNested ||
         via.route == Route::kStage2;
}

// Where neither stage translates there is nothing to keep. A nested pair whose stage 2 is off
// leaves what its stage 1 gave, and that may answer still when stage 2 is on.
bool Keepable(const SmmuInstance& smmu, const Resolution& via) {
  const bool stage2 = via.route == Route::kNested || via.route == Route::kStage2;
  const bool other = via.route == Route::kStage1Only || via.route == Route::kUntranslated;
  return stage2 || (other && HasStage1(smmu, via.bank));
}

uint64_t PageOf(uint64_t address) { return address & ~(kPageSize - 1); }
uint64_t OffsetOf(uint64_t address) { return address & (kPageSize - 1); }

}  // namespace

void Machine::SetProfile(TlbProfile profile, size_t entries) {
  profile_ = profile;
  for (WalkCache& walks : walks_) walks = WalkCache();
  const size_t capacity = profile == TlbProfile::kLru ? entries : kAdversarialEntries;
  auto* work = static_cast<uint8_t*>(arena_.work) + WorkSize(arena_.pool_pages);
  for (TranslationCache& cache : cache_) {
    work -= TranslationCache::WorkSize();
    cache.Reset(work, capacity);
  }
}

// Entries of before a reset or a loss of power may answer until they are invalidated: whoever ran
// then may have chosen what they say. An odd choice is a hit; which page of RAM it gives, the bits
// above and three choices more say.
bool Machine::AnswerFromUnknown(const DmaRequest& request, Choices* choices,
                                DmaResult* result) const {
  if (choices == nullptr || profile_ == TlbProfile::kLru || !Cached(result->via)) return false;
  const Tlb& tlb = tlb_[result->instance];
  const bool hyp = cbar::IsHyp(smmu_[result->instance].cbar[result->via.bank]);
  if (!(hyp ? tlb.hyp_unknown() : tlb.unknown())) return false;
  const uint8_t choice = choices->Next();
  if ((choice & 1) == 0) return false;
  const Range& ram = board_->dram[(choice >> 1) % board_->dram_count];
  uint64_t page = 0;
  for (int i = 0; i < 3; ++i) page = page << 8 | choices->Next();
  result->pa = ram.start + page % (ram.size / kPageSize) * kPageSize;
  result->pa |= OffsetOf(request.address);
  result->stale = true;
  return true;
}

// What may be found for an address, and what of it may answer an access.
struct Machine::Hits {
  // More than two values of one page are rare, and which are left out means little.
  static constexpr size_t kMax = 8;
  struct Answer {
    size_t at = 0;
    uint8_t stage = 0;  // that refuses; 0: delivered
  };
  Answer answer[kMax];
  size_t count = 0;

  void Add(size_t at, unsigned stage) {
    if (count < kMax) answer[count++] = {at, static_cast<uint8_t>(stage)};
  }
};

// A hit of the LRU profile answers. In the adversarial one it may, by choice, where the tables say
// something else, be it another page, other attributes or another permission; an odd choice takes
// one of those, which the bits above say, and the one after the last is a TLB conflict, where there
// are several translations.
bool Machine::AnswerFromTlb(const DmaRequest& request, unsigned kind, Choices* choices,
                            DmaResult* result, FaultRecord* record) const {
  const SmmuInstance& smmu = smmu_[result->instance];
  const TranslationCache& cache = cache_[result->instance];
  if (choices == nullptr || cache.limit() == 0 || !Keepable(smmu, result->via)) return false;
  const bool lru = profile_ == TlbProfile::kLru;
  const TlbTag tag = TagToFind(smmu, result->via, lru ? nullptr : choices);
  const uint64_t page = PageOf(request.address);
  if (!lru && smmu.quirks.keeps_absent && cache.HoldsAbsent(tag, page) &&
      (choices->Next() & 1) != 0) {
    return RefuseFromTlb(request, FaultKind::kTranslation, tag.stage2_only ? 2 : 1, page, result,
                         record);
  }
  Hits hits;
  size_t at = cache.Find(tag, page, 0);
  for (; at != TranslationCache::kNone; at = cache.Find(tag, page, at + 1)) {
    const CachedTranslation& entry = cache.entry(at);
    if (Bit(entry.kinds, kind)) hits.Add(at, 0);
    for (unsigned stage = 1; stage <= 2 && !lru; ++stage) {
      if (Bit(entry.denied[stage - 1], kind)) hits.Add(at, stage);
    }
  }
  if (hits.count == 0) return false;
  // With one hit that was made of the tables as they are, there is nothing to find out.
  const CachedTranslation& first = cache.entry(hits.answer[0].at);
  const bool agrees = hits.count == 1 && first.Agrees(changes_, result->via.bank);
  if (agrees && !lru) return false;
  Walk walk(memory_, smmu, tlb_[result->instance], nullptr);
  if (!agrees) walk.Run(result->via, KindAt(kind), request.address);
  const bool mapped = walk.fault == FaultKind::kNone;
  const uint64_t now = agrees ? first.pa : PageOf(walk.pa);
  size_t which = 0;
  if (!lru) {
    Hits differing;
    for (size_t i = 0; i < hits.count; ++i) {
      const Hits::Answer& hit = hits.answer[i];
      const CachedTranslation& entry = cache.entry(hit.at);
      const bool other = hit.stage != 0
                             ? mapped || walk.stage != hit.stage
                             : !mapped || entry.pa != now || entry.attributes != walk.attributes;
      if (other) differing.Add(hit.at, hit.stage);
    }
    hits = differing;
    if (hits.count == 0) return false;
    const uint8_t choice = choices->Next();
    if ((choice & 1) == 0) return false;
    const CachedTranslation& last = cache.entry(hits.answer[hits.count - 1].at);
    const bool conflict =
        (mapped && last.pa != now) || cache.entry(hits.answer[0].at).pa != last.pa;
    which = (choice >> 1) % (hits.count + (conflict ? 1 : 0));
    if (which == hits.count) {
      return RefuseFromTlb(request, FaultKind::kTlbConflict, 1, page, result, record);
    }
    const Hits::Answer& hit = hits.answer[which];
    const uint64_t ipa = cache.entry(hit.at).ipa;
    if (hit.stage != 0) {
      return RefuseFromTlb(request, FaultKind::kPermission, hit.stage, ipa, result, record);
    }
  }
  const CachedTranslation& entry = cache.entry(hits.answer[which].at);
  result->pa = entry.pa | OffsetOf(request.address);
  result->ipa = entry.ipa | OffsetOf(request.address);
  const Attributes& told = tag.stage2_only ? walk.leaf_attributes : walk.attributes;
  result->stale = !mapped || entry.pa != now || (!agrees && entry.attributes != told);
  const Attributes attributes = AttributesOfHit(request, result->via, entry, result->instance);
  result->memory_attribute = attributes.memory;
  result->shareability = attributes.shareability;
  record->walk.hit = hits.answer[which].at;
  return true;
}

// Where stage 1 is on, nothing is left of what the master drives. Else that joins what stage 2
// says, as it does after a walk.
Attributes Machine::AttributesOfHit(const DmaRequest& request, const Resolution& via,
                                    const CachedTranslation& entry, size_t instance) const {
  if (!entry.tag.stage2_only) return entry.attributes;
  const SmmuInstance& smmu = smmu_[instance];
  Attributes driven = {request.memory_attribute, request.shareability};
  driven = Apply(OverrideOfEntry(smmu.s2cr[via.entry]), driven);
  if (via.route == Route::kNested) {
    driven = Apply(OverrideOfControl(smmu.bank[via.bank].sctlr), driven);
  }
  return Settle(CombineStages(driven, entry.attributes));
}

// The fault of an entry of the TLB, as a walk of that stage would record it; ipa is that of the
// page.
bool Machine::RefuseFromTlb(const DmaRequest& request, FaultKind kind, uint8_t stage, uint64_t ipa,
                            DmaResult* result, FaultRecord* record) const {
  const SmmuInstance& smmu = smmu_[result->instance];
  Walk refused(memory_, smmu, tlb_[result->instance], nullptr);
  refused.fault = kind;
  refused.stage = stage;
  refused.level = 3;
  refused.ipa = ipa | OffsetOf(request.address);
  result->ipa = refused.ipa;
  result->fault = kind;
  result->stage = stage;
  result->level = refused.level;
  result->stale = true;
  RecordOfWalk(request, refused, *result, record);
  return true;
}

// Keeps one page of a translation, with all the accesses that it allows now, and those that it does
// not: in a TLB permissions are looked up, and not walked for.
void Machine::KeepTranslation(const Resolution& via, size_t instance, uint64_t address,
                              CachedTranslation entry) {
  const SmmuInstance& smmu = smmu_[instance];
  entry.va = PageOf(address);
  entry.tag = TagOf(smmu, via.bank);
  const bool known = entry.kinds != 0;
  uint8_t agreed = 0;
  for (const unsigned kind : kKindOf) {
    Walk walk(memory_, smmu, tlb_[instance], nullptr);
    walk.Run(via, KindAt(kind), address);
    if (walk.fault == FaultKind::kPermission && !walk.stage1_walk) {
      uint8_t& denied = entry.denied[walk.stage - 1];
      denied = static_cast<uint8_t>(denied | 1u << kind);
      if (walk.stage == 2) entry.ipa = PageOf(walk.ipa);
    }
    if (walk.fault != FaultKind::kNone) continue;
    const uint64_t page = PageOf(walk.pa);
    const Attributes& told = entry.tag.stage2_only ? walk.leaf_attributes : walk.attributes;
    if (!known && agreed == 0) {
      entry.pa = page;
      entry.ipa = PageOf(walk.ipa);
      entry.leaf_bits = walk.leaf_bits;
      entry.global = walk.global;
      entry.attributes = told;
    }
    if (page == entry.pa && told == entry.attributes) {
      agreed = static_cast<uint8_t>(agreed | 1u << kind);
    }
  }
  entry.agreed = (entry.kinds & ~agreed) == 0 ? changes_ : 0;
  entry.agreed_bank = via.bank;
  entry.kinds |= agreed;
  if (entry.kinds != 0) Insert(via, instance, entry);
}

// The LRU profile looks under the VMID of the first bank only.
void Machine::Insert(const Resolution& via, size_t instance, CachedTranslation entry) {
  cache_[instance].Insert(entry);
  if (!HasTwoVmids(via) || profile_ == TlbProfile::kLru) return;
  entry.tag.vmid = via.stage2_vmid;
  cache_[instance].Insert(entry);
}

// The pointer to a stage-1 table that a walk begins at; kNone: it begins at TTBR. There is a choice
// where one that may be cached says something else than the tables do; an odd one takes it, and the
// bits above say which. Of a pair with two VMIDs either finds it.
size_t Machine::PointerFor(const Resolution& via, size_t instance, uint64_t address,
                           Choices* choices) const {
  const SmmuInstance& smmu = smmu_[instance];
  const WalkCache& cache = walks_[instance];
  if (choices == nullptr || cache.limit() == 0) return WalkCache::kNone;
  if (!Keepable(smmu, via) || !HasStage1(smmu, via.bank)) return WalkCache::kNone;
  const TlbTag tag = TagOf(smmu, via.bank);
  TlbTag second = tag;
  if (HasTwoVmids(via)) second.vmid = via.stage2_vmid;
  Walk now(memory_, smmu, tlb_[instance], nullptr);
  bool walked = false;
  size_t differing[WalkCache::kMax];
  size_t count = 0;
  for (size_t i = 0; i < cache.limit(); ++i) {
    const WalkPointer& pointer = cache.pointer(i);
    if (!cache.Finds(i, tag, address) && !cache.Finds(i, second, address)) continue;
    if (pointer.entry.Agrees(changes_, via.bank)) continue;
    if (!walked) now.Run(via, {}, address);
    walked = true;
    bool same = false;
    for (size_t n = 0; n < now.pointers; ++n) same |= pointer.to.Same(now.pointer[n]);
    if (!same) differing[count++] = i;
  }
  if (count == 0) return WalkCache::kNone;
  const uint8_t choice = choices->Next();
  return (choice & 1) != 0 ? differing[(choice >> 1) % count] : WalkCache::kNone;
}

// What a walk leaves, apart from what it found. What was made through a pointer is covered by what
// covers the pointer: a command that was given before ends both.
CachedTranslation Machine::MadeBy(const WalkNote& walk, const DmaResult& result) const {
  CachedTranslation made;
  made.tag = TagOf(smmu_[result.instance], result.via.bank);
  made.agreed = walk.as_tables ? changes_ : 0;
  made.agreed_bank = result.via.bank;
  if (walk.begun == WalkCache::kNone) return made;
  const CachedTranslation& from = walks_[result.instance].pointer(walk.begun).entry;
  made.global_seq = from.global_seq;
  made.by_bank = from.by_bank;
  return made;
}

void Machine::RememberPointers(const WalkNote& walk, const DmaResult& result,
                               CachedTranslation made) {
  for (size_t i = 0; i < walk.pointers; ++i) walks_[result.instance].Note(walk.pointer[i], made);
  if (!HasTwoVmids(result.via)) return;
  made.tag.vmid = result.via.stage2_vmid;
  for (size_t i = 0; i < walk.pointers; ++i) walks_[result.instance].Note(walk.pointer[i], made);
}

// True when the translation is there with this access, and no command has covered it since.
bool Machine::IsKept(const TlbTag& tag, size_t instance, uint64_t address,
                     const WalkNote& walk) const {
  const TranslationCache& cache = cache_[instance];
  const uint64_t page = PageOf(address);
  size_t at = cache.Find(tag, page, 0);
  for (; at != TranslationCache::kNone; at = cache.Find(tag, page, at + 1)) {
    const CachedTranslation& entry = cache.entry(at);
    if (entry.pa != PageOf(walk.pa) || entry.global != walk.global) continue;
    if (entry.ipa != PageOf(walk.ipa)) continue;
    if (entry.attributes != (tag.stage2_only ? walk.leaf_attributes : walk.attributes)) continue;
    return Bit(entry.kinds, walk.kind) && !IsCovered(entry);
  }
  return false;
}

void Machine::NoteWalk(const Walk& walk, unsigned kind, WalkNote* note) {
  note->done = true;
  note->found = walk.fault == FaultKind::kNone;
  note->stale = walk.stale;
  note->global = walk.global;
  note->kind = static_cast<uint8_t>(kind);
  note->leaf_bits = walk.leaf_bits;
  note->reads = walk.reads;
  note->pa = walk.pa;
  note->ipa = walk.ipa;
  note->attributes = walk.attributes;
  note->leaf_attributes = walk.leaf_attributes;
  note->pointers = walk.pointers;
  for (size_t i = 0; i < walk.pointers; ++i) note->pointer[i] = walk.pointer[i];
}

// The fault is not recorded yet: only the first one raises the interrupt.
void Machine::CountFault(const FaultRecord& record, const SmmuInstance& smmu,
                         TlbStatistics* counts) {
  if (record.global) {
    ++counts->faults;
    if (smmu.gfsr == 0 && (smmu.cr0 & cr0::kGfie) != 0) ++counts->interrupts;
  } else if (record.bank != kNoIndex) {
    ++counts->faults;
    const bool first = (smmu.bank[record.bank].fsr & fsr::kClearable) == 0;
    if (first && Interrupts(smmu, record.bank)) ++counts->interrupts;
  }
}

// What a transaction leaves in the TLB, and in the statistics. Translations that a stale entry of
// stage 2 gave are not kept again: the may-TLB has them as long as they last.
void Machine::Remember(const DmaRequest& request, const FaultRecord& record,
                       const DmaResult& result) {
  const size_t instance = result.instance;
  if (instance >= kMaxInstances || smmu_[instance].spec == nullptr) return;
  TlbStatistics& counts = statistics_[instance];
  CountFault(record, smmu_[instance], &counts);
  const WalkNote& walk = record.walk;
  if (walk.hit != TranslationCache::kNone) {
    ++counts.translations;
    ++counts.hits;
    cache_[instance].Touch(walk.hit);
    return;
  }
  if (!walk.done) return;
  const CachedTranslation made = MadeBy(walk, result);
  if (!walk.stale && profile_ != TlbProfile::kLru) RememberPointers(walk, result, made);
  ++counts.translations;
  ++counts.misses;
  ++counts.walks;
  counts.table_reads += walk.reads;
  if (result.fault == FaultKind::kTranslation && smmu_[instance].quirks.keeps_absent &&
      Cached(result.via)) {
    const TlbTag tag = TagOf(smmu_[instance], result.via.bank);
    CachedTranslation nothing;
    nothing.va = PageOf(request.address);
    nothing.tag = tag;
    nothing.absent = true;
    cache_[instance].Insert(nothing);
  }
  // An access that was refused leaves the translation behind as one that was allowed does.
  const bool refused = result.fault == FaultKind::kPermission && !result.stage1_walk;
  if (refused && !result.stale && Keepable(smmu_[instance], result.via) &&
      profile_ != TlbProfile::kLru && HasStage1(smmu_[instance], result.via.bank)) {
    KeepTranslation(result.via, instance, request.address, {});
  }
  if (!walk.found || walk.stale || !Keepable(smmu_[instance], result.via)) return;
  const TlbTag& tag = made.tag;
  const bool lru = profile_ == TlbProfile::kLru;
  if (tag.stage2_only && !lru) return;
  if (!IsKept(tag, instance, request.address, walk)) {
    CachedTranslation entry = made;
    entry.pa = PageOf(walk.pa);
    entry.ipa = PageOf(walk.ipa);
    entry.global = walk.global;
    entry.kinds = static_cast<uint8_t>(1u << walk.kind);
    entry.leaf_bits = walk.leaf_bits;
    entry.attributes = tag.stage2_only ? walk.leaf_attributes : walk.attributes;
    entry.va = PageOf(request.address);
    // Of what a stale pointer led to the tables of now cannot say more.
    if (walk.begun != WalkCache::kNone) {
      Insert(result.via, instance, entry);
    } else {
      KeepTranslation(result.via, instance, request.address, entry);
    }
  }
  // Prefetch: of the pages after it, as many as the choice says.
  const bool prefetches = (smmu_[instance].bank[result.via.bank].actlr & kActlrCpre) != 0;
  if (lru || !prefetches || choices_ == nullptr) return;
  const uint8_t choice = choices_->Next();
  const unsigned pages = (choice & 1) != 0 ? 1 + (choice >> 1) % 4 : 0;
  for (unsigned i = 1; i <= pages; ++i) {
    KeepTranslation(result.via, instance, request.address + i * kPageSize, {});
  }
}

// Commands act on the LRU profile at once, and on what an adversarial TLB holds when a sync after
// them has been seen complete.
void Machine::Invalidate(size_t index, const Invalidation& what) {
  Tlb& tlb = tlb_[index];
  ++statistics_[index].commands[static_cast<size_t>(what.command)];
  switch (what.command) {
    case TlbCommand::kVmid:
      if (smmu_[index].quirks.narrow_tlbivmid) {
        tlb.InvalidateVmidStage1(what.tag.vmid);
      } else {
        tlb.InvalidateVmid(what.tag.vmid);
      }
      break;
    case TlbCommand::kVmidS1:
      tlb.InvalidateVmidStage1(what.tag.vmid);
      break;
    case TlbCommand::kAllNsnh:
      tlb.InvalidateAll();
      break;
    case TlbCommand::kAllH:
      tlb.InvalidateHyp();
      break;
    case TlbCommand::kIpas2:
    case TlbCommand::kIpas2l:
      tlb.InvalidateIpa(what.tag.vmid, what.va, what.bank, what.command == TlbCommand::kIpas2l);
      break;
    default:
      tlb.NoteCommand();
      break;
  }
  if (profile_ == TlbProfile::kLru) {
    cache_[index].Remove(what);
  } else {
    Invalidation in_fact = what;
    in_fact.spares_blocks = board_->walk_cache_erratum;
    cache_[index].Cover(in_fact, tlb.SyncBank());
    walks_[index].Cover(what, tlb.SyncBank(), board_->walk_cache_erratum);
  }
}

void Machine::InvalidateFromBank(size_t index, uint16_t number, uint32_t offset, uint64_t value) {
  const SmmuInstance& smmu = smmu_[index];
  const bool wide = (smmu.cba2r[number] & kCba2rVa64) != 0;
  Invalidation what;
  what.bank = number;
  what.tag.vmid = cbar::Vmid(smmu.cbar[number]);
  what.tag.hyp = cbar::IsHyp(smmu.cbar[number]);
  // An AArch32 bank names 20 bits of address and 8 of ASID in the lower word.
  what.va = wide ? Bits(value, 43, 0) << 12 : Bits(value, 31, 12) << 12;
  const uint64_t asid = wide ? value >> 48 : Bits(value, 7, 0);
  what.tag.asid = static_cast<uint16_t>(asid) & AsidMask(smmu.bank[number]);
  what.last_level = offset == 0x620 || offset == 0x628;
  switch (offset) {
    case 0x600:  // TLBIVA
    case 0x620:  // TLBIVAL
      what.command = TlbCommand::kVa;
      break;
    case 0x608:  // TLBIVAA
    case 0x628:  // TLBIVAAL
      what.command = TlbCommand::kVaa;
      break;
    case 0x610:  // TLBIASID
      what.command = TlbCommand::kAsid;
      what.tag.asid = static_cast<uint16_t>(value) & AsidMask(smmu.bank[number]);
      break;
    case 0x618:  // TLBIALL
      what.command = TlbCommand::kAll;
      break;
    case 0x630:  // TLBIIPAS2
    case 0x638:  // TLBIIPAS2L
      what.command = offset == 0x630 ? TlbCommand::kIpas2 : TlbCommand::kIpas2l;
      what.va = Bits(value, 35, 0) << 12;
      break;
    default:
      return;
  }
  Invalidate(index, what);
}

void Machine::InvalidateGlobally(size_t index, uint32_t offset, uint64_t value) {
  Invalidation what;
  what.tag.vmid = static_cast<uint8_t>(value);
  what.last_level = offset == 0x0b0;
  switch (offset) {
    case 0x064:
      what.command = TlbCommand::kVmid;
      break;
    case 0x068:
      what.command = TlbCommand::kAllNsnh;
      break;
    case 0x06c:
      what.command = TlbCommand::kAllH;
      break;
    case 0x078:  // TLBIVAH
      what.command = TlbCommand::kVah;
      what.va = value & ~(kPageSize - 1);
      break;
    case 0x0b0:  // TLBIVALH64
    case 0x0c0:  // TLBIVAH64
      what.command = TlbCommand::kVah;
      what.va = Bits(value, 43, 0) << 12;
      break;
    case 0x0b8:
      what.command = TlbCommand::kVmidS1;
      break;
    default:
      return;
  }
  Invalidate(index, what);
}

void Machine::ResetStatistics() {
  for (TlbStatistics& counts : statistics_) counts = TlbStatistics();
}

void Machine::CompleteGlobalSync(size_t index) {
  ++statistics_[index].syncs;
  DroppedTrees dropped;
  if (!smmu_[index].quirks.short_sync) Land(index, kNoIndex, smmu_[index].sync_drains);
  cache_[index].CompleteGlobal(tlb_[index].captured_seq());
  walks_[index].CompleteGlobal(tlb_[index].captured_seq());
  tlb_[index].CompleteGlobal(&dropped);
  DropStaleTrees(dropped);
}

void Machine::CompleteBankSync(size_t index, uint16_t number) {
  ++statistics_[index].syncs;
  DroppedTrees dropped;
  const uint64_t covered = smmu_[index].bank[number].sync_covers;
  if (!smmu_[index].quirks.short_sync) Land(index, number, smmu_[index].bank[number].sync_drains);
  cache_[index].CompleteBank(number, covered);
  walks_[index].CompleteBank(number, covered);
  tlb_[index].CompleteBank(number, covered, &dropped);
  DropStaleTrees(dropped);
}

}  // namespace sidewall::model
