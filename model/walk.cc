// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/walk.h"

namespace sidewall::model {

namespace {

constexpr uint8_t kSizes[8] = {32, 36, 40, 42, 44, 48, 48, 48};  // PASize, IAS, OAS
constexpr uint64_t kAccessFlag = uint64_t{1} << 10;
constexpr unsigned kBadGranule = 14;  // none that this hardware has

constexpr unsigned Shift(unsigned level, unsigned page_bits) {
  return page_bits + (3 - level) * (page_bits - 3);
}

// Output address of a table, page or block descriptor.
constexpr uint64_t OutputOf(uint64_t descriptor, unsigned low_bit) {
  return descriptor & ((uint64_t{1} << 48) - 1) & ~((uint64_t{1} << low_bit) - 1);
}

// Where the entry for `input` lies. Concatenated tables are one large table at the start level.
constexpr uint64_t EntryOf(uint64_t table, uint64_t input, unsigned shift, bool start,
                           unsigned page_bits) {
  const uint64_t mask = start ? ~uint64_t{0} : (uint64_t{1} << (page_bits - 3)) - 1;
  return table + ((input >> shift & mask) << 3);
}

// Width of addresses that masters can drive (IDR2.UBS).
constexpr unsigned UpstreamBits(uint32_t idr2) {
  const unsigned ubs = static_cast<unsigned>(Bits(idr2, 11, 8));
  if (ubs == 15) return 64;
  return ubs >= 5 ? 49 : kSizes[ubs];
}

// The bit from which addresses are sign-extended (TCR2.SEP); 7 is the top bit that masters drive,
// or the one below a top byte that may be a tag.
constexpr unsigned SignBit(uint32_t tcr2, unsigned upstream_bits) {
  constexpr uint8_t kBit[7] = {31, 35, 39, 41, 43, 47, 47};
  const unsigned sep = static_cast<unsigned>(Bits(tcr2, 17, 15));
  if (sep == 7) return upstream_bits == 64 ? 55 : upstream_bits - 1;
  return kBit[sep] < upstream_bits ? kBit[sep] : upstream_bits - 1;
}

}  // namespace

bool Walk::Fail(FaultKind kind, unsigned at_stage, unsigned at_level) {
  fault = kind;
  stage = static_cast<uint8_t>(at_stage);
  level = static_cast<uint8_t>(at_level);
  return false;
}

void Walk::Run(const Resolution& via, AccessKind access, uint64_t address) {
  ipa = address;
  if (Aarch32Fails(via, address)) return;
  const uint32_t cbar_value = smmu_.cbar[via.bank];
  const uint32_t type = cbar::Type(cbar_value);
  has_stage2_ = via.stage2_bank != kNoIndex;
  if (has_stage2_) {
    const ContextBank& bank = smmu_.bank[via.stage2_bank];
    if ((bank.sctlr & sctlr::kM) != 0) {
      stage2_bank_ = &bank;
      stage2_vmid_ = cbar::Vmid(smmu_.cbar[via.stage2_bank]);
      if (type == cbar::kNested) ChooseVmid(cbar::Vmid(cbar_value));
      FindTwins();
    }
  }
  // Entries that combine both stages are found by virtual address: no use to stage 2 alone.
  if (type == cbar::kStage2) stale_forms_ = Tlb::kStage2Only;
  if (type != cbar::kStage2) {
    const ContextBank& bank = smmu_.bank[via.bank];
    const bool translated = (bank.sctlr & sctlr::kM) != 0;
    if (translated ? !Stage1(bank, access, address, &ipa)
                   : !Stage1Untranslated(bank, address, &ipa)) {
      return;
    }
  }
  if (!Stage2(access, ipa, false, &pa)) return;
  if (type == cbar::kStage1) {
    attributes = CombineStages(attributes, BypassedStage2Attributes(cbar_value));
  } else if (stage2_bank_ == nullptr) {
    attributes = Apply(OverrideOfControl(smmu_.bank[via.stage2_bank].sctlr), attributes);
  }
  attributes = Settle(attributes);
}

// Two VMIDs in one nested pair are UNPREDICTABLE: what stage 2 gives may carry either.
void Walk::ChooseVmid(uint8_t of_stage1) {
  if (choices_ == nullptr || of_stage1 == stage2_vmid_) return;
  if ((choices_->Next() & 1) != 0) stage2_vmid_ = of_stage1;
}

// Entries of a TLB name a VMID and no bank, so what one bank made of its tree answers for another
// bank of that VMID as well. One that looks at no access flag is a twin over the same tree, too.
void Walk::FindTwins() {
  if (choices_ == nullptr) return;
  unflagged_ = (stage2_bank_->sctlr & sctlr::kAffd) != 0 || tlb_.MayHoldUnflagged(stage2_vmid_);
  for (size_t word = 0; word < kMaxBanks / 64; ++word) {
    for (uint64_t left = smmu_.tree_banks[word]; left != 0; left &= left - 1) {
      const ContextBank& other = smmu_.bank[word * 64 + static_cast<size_t>(__builtin_ctzll(left))];
      if (other.tree_vmid != stage2_vmid_) continue;
      const bool more = other.tree_unflagged && !stage2_bank_->tree_unflagged;
      if (other.tree == stage2_bank_->tree && !more) continue;
      unflagged_ |= more;
      bool known = twin_count_ == kMaxTwins;
      for (size_t i = 0; i < twin_count_; ++i) known |= twin_[i] == other.tree;
      if (!known) twin_[twin_count_++] = other.tree;
    }
  }
}

// How many translations of a page may be cached that are not of the tree of this walk, and the
// `which`-th of them: those that were removed, and those of the twins.
size_t Walk::FindCached(uint64_t page, size_t which, LeafAnswer* answer) const {
  size_t count = tlb_.FindStale(stage2_vmid_, page, stale_forms_, which, answer);
  for (size_t i = 0; i < twin_count_; ++i) {
    LeafAnswer found;
    if (!tlb_.index().LookUp(twin_[i], page, &found)) continue;
    if (count++ == which) *answer = found;
  }
  return count;
}

// Tables of AArch32 formats are not followed: such a context delivers nothing while it is on. What
// it says of addresses that are too wide holds also while it is off.
bool Walk::Aarch32Fails(const Resolution& via, uint64_t address) {
  constexpr unsigned kFirstLevel = 1;
  const auto fails = [this](uint16_t bank, uint64_t excess) {
    if ((smmu_.cba2r[bank] & kCba2rVa64) != 0) return false;
    return excess != 0 || (smmu_.bank[bank].sctlr & sctlr::kM) != 0;
  };
  if (via.bank != via.stage2_bank && fails(via.bank, address >> 32)) {
    return !Fail(FaultKind::kTranslation, 1, kFirstLevel);
  }
  if (via.stage2_bank != kNoIndex && fails(via.stage2_bank, address >> 40)) {
    return !Fail(FaultKind::kTranslation, 2, kFirstLevel);
  }
  return false;
}

// Address bit 39 of a table is free as that of an output is: the choice of 0 makes it an alias.
bool Walk::CanFetch(uint64_t* where) {
  const uint64_t alias = memory_.WithoutFormat(*where);
  if (alias != *where && (choices_ == nullptr || choices_->Next() == 0)) *where = alias;
  return memory_.IsRam(*where);
}

// SCTLR.E: the tables of this bank are big-endian.
uint64_t Walk::Descriptor(const ContextBank& bank, uint64_t where) {
  const uint64_t value = memory_.WalkerLoad64(where, choices_);
  return (bank.sctlr & sctlr::kE) != 0 ? __builtin_bswap64(value) : value;
}

// A granule that is reserved or not implemented acts as one that is; the hardware chooses which.
// The well-behaved choice faults.
unsigned Walk::DrawGranule() {
  const uint8_t choice = choices_ != nullptr ? choices_->Next() : 0;
  if (choice == 0) return kBadGranule;
  const uint32_t idr2 = smmu_.idr[2];
  const bool small = (choice & 1) != 0 ? HasGranule(idr2, 12) : !HasGranule(idr2, 16);
  return small ? 12 : 16;
}

// No stage gives an address that is wider than its register says, or than the hardware has.
unsigned Walk::OutputBits(uint64_t pa_size, bool intermediate) const {
  const uint32_t idr2 = smmu_.idr[2];
  const unsigned limit = kSizes[(intermediate ? Bits(idr2, 3, 0) : Bits(idr2, 7, 4)) & 7];
  const unsigned wanted = kSizes[pa_size & 7];
  return wanted < limit ? wanted : limit;
}

// ------------------------------------------------------------------------------------- stage 1

// Stage 1 off: addresses are passed on, if what follows could take them.
bool Walk::Stage1Untranslated(const ContextBank& bank, uint64_t va, uint64_t* out) {
  constexpr uint64_t kWidest = 7;
  if (va >> OutputBits(kWidest, has_stage2_) != 0) return Fail(FaultKind::kAddressSize, 1, 0);
  attributes = Apply(OverrideOfControl(bank.sctlr), attributes);
  *out = va;
  return true;
}

// Chooses the half of the address space and checks that the address lies in it.
bool Walk::ShapeStage1(const ContextBank& bank, uint64_t va, Shape* shape) {
  const unsigned upstream = UpstreamBits(smmu_.idr[2]);
  if (upstream < 64 && va >> upstream != 0) return Fail(FaultKind::kTranslation, 1, 0);
  const unsigned sign = SignBit(bank.tcr2, upstream);
  const bool high = Bit(va, sign);
  if (!SizeStage1(bank, high, shape)) return false;
  // TBI: the top byte takes no part in the check.
  unsigned top = Bit(bank.tcr2, high ? 6 : 5) ? 56 : 64;
  if (upstream < top) top = upstream;
  // Bits between the sign bit and the top of the bus have to be copies of it.
  const uint64_t copies = Bits(va, top - 1, sign);
  if (copies != (high ? Bits(~uint64_t{0}, top - 1, sign) : 0)) {
    return Fail(FaultKind::kTranslation, 1, 0);
  }
  const uint64_t above_sign = ~uint64_t{0} << sign;
  const uint64_t extended = high ? va | above_sign : va & ~above_sign;
  const uint64_t ones = ~uint64_t{0} >> shape->input_bits;
  if (extended >> shape->input_bits != (high ? ones : 0)) {
    return Fail(FaultKind::kTranslation, 1, 0);
  }
  const unsigned table_bits = shape->input_bits - Shift(shape->start_level, shape->page_bits) + 3;
  const uint64_t base = high ? bank.ttbr1 : bank.ttbr0;
  if (OutputOf(base, 0) >> shape->output_bits != 0) return Fail(FaultKind::kAddressSize, 1, 0);
  shape->table = OutputOf(base, table_bits);
  return true;
}

// A size that the architecture reserves faults: what else hardware might do is not specified.
bool Walk::SizeStage1(const ContextBank& bank, bool high, Shape* shape) {
  const unsigned size = static_cast<unsigned>(high ? Bits(bank.tcr, 21, 16) : Bits(bank.tcr, 5, 0));
  const bool disabled = Bit(bank.tcr, high ? 23 : 7);
  if (size < 16 || size > 39 || disabled) return Fail(FaultKind::kTranslation, 1, 0);
  const unsigned granule =
      static_cast<unsigned>(high ? Bits(bank.tcr, 31, 30) : Bits(bank.tcr, 15, 14));
  const unsigned small = high ? 2 : 0;
  const unsigned large = high ? 3 : 1;
  shape->page_bits = granule == small ? 12 : granule == large ? 16 : kBadGranule;
  if (!HasGranule(smmu_.idr[2], shape->page_bits)) shape->page_bits = DrawGranule();
  if (shape->page_bits == kBadGranule) return Fail(FaultKind::kTranslation, 1, 0);
  shape->input_bits = 64 - size;
  shape->output_bits = OutputBits(Bits(bank.tcr2, 2, 0), has_stage2_);
  const unsigned step = shape->page_bits - 3;
  shape->start_level = 4 - (shape->input_bits - shape->page_bits + step - 1) / step;
  return true;
}

bool Walk::Stage1(const ContextBank& bank, AccessKind access, uint64_t va, uint64_t* out) {
  Shape shape;
  if (!ShapeStage1(bank, va, &shape)) return false;
  const uint64_t input = va & ((uint64_t{1} << shape.input_bits) - 1);
  uint64_t table = shape.table;
  unsigned table_attributes = 0;  // APTable 62:61 and XNTable, PXNTable 60:59, of all levels
  unsigned first = shape.start_level;
  if (begin_ != nullptr && begin_->level > first && begin_->page_bits == shape.page_bits) {
    by_pointer = true;
    first = begin_->level;
    table = begin_->table;
    table_attributes = begin_->attributes;
  }
  for (unsigned at = first; at <= 3; ++at) {
    const unsigned shift = Shift(at, shape.page_bits);
    const uint64_t where = EntryOf(table, input, shift, at == shape.start_level, shape.page_bits);
    table_page[table_count++] = where & ~(kPageSize - 1);
    uint64_t fetched = 0;
    if (!Stage2({}, where, true, &fetched)) return false;
    if (!CanFetch(&fetched)) {
      table_fetch = true;
      return Fail(FaultKind::kExternal, 1, at);
    }
    const uint64_t descriptor = Descriptor(bank, fetched);
    ++reads;
    const DescriptorKind kind = KindOf(descriptor, at, shape.page_bits);
    if (kind == DescriptorKind::kInvalid) return Fail(FaultKind::kTranslation, 1, at);
    const bool leaf = kind == DescriptorKind::kLeaf;
    const uint64_t next = OutputOf(descriptor, leaf ? shift : shape.page_bits);
    if (next >> shape.output_bits != 0) return Fail(FaultKind::kAddressSize, 1, at);
    if (!leaf) {
      table_attributes |= static_cast<unsigned>(Bits(descriptor, 62, 59));
      table = next;
      TablePointer& met = pointer[pointers++];
      met.va = va & ~((uint64_t{1} << shift) - 1);
      met.table = next;
      met.span_bits = static_cast<uint8_t>(shift);
      met.level = static_cast<uint8_t>(at + 1);
      met.page_bits = static_cast<uint8_t>(shape.page_bits);
      met.attributes = static_cast<uint8_t>(table_attributes);
      continue;
    }
    if (!Stage1Leaf(bank, access, descriptor, at, table_attributes)) return false;
    attributes = Stage1Attributes(descriptor, bank.mair0, bank.mair1);
    *out = next | (input & ((uint64_t{1} << shift) - 1));
    leaf_bits = met_bits[0] = static_cast<uint8_t>(shift);
    global = !Bit(descriptor, 11);
    stage1_leaf_ = true;
    return true;
  }
  return Fail(FaultKind::kTranslation, 1, 3);
}

bool Walk::Stage1Leaf(const ContextBank& bank, AccessKind access, uint64_t descriptor, unsigned at,
                      unsigned table_attributes) {
  if ((descriptor & kAccessFlag) == 0 && (bank.sctlr & sctlr::kAffd) == 0) {
    return Fail(FaultKind::kAccessFlag, 1, at);
  }
  // table_attributes: bit 0 PXNTable, 1 XNTable, 2 no unprivileged access, 3 read-only.
  const bool read_only = Bit(descriptor, 7) || Bit(table_attributes, 3);
  const bool user = Bit(descriptor, 6) && !Bit(table_attributes, 2);
  bool allowed = access.privileged || user;
  if (access.write) {
    if (read_only) allowed = false;
  } else if (access.instruction) {
    // To execute takes no right to read. What is writable is not executable: under WXN to the one
    // that may write it, and what the unprivileged may write never to the privileged.
    const bool wxn = (bank.sctlr & sctlr::kWxn) != 0;
    const bool user_writable = user && !read_only;
    const bool privileged_never =
        Bit(descriptor, 53) || Bit(table_attributes, 0) || user_writable || (wxn && !read_only);
    const bool user_never =
        Bit(descriptor, 54) || Bit(table_attributes, 1) || (wxn && user_writable);
    allowed = !(access.privileged ? privileged_never : user_never);
  }
  return allowed || Fail(FaultKind::kPermission, 1, at);
}

// ------------------------------------------------------------------------------------- stage 2

// True when the tables give something for an address that a TLB cannot hold beside `cached`.
bool Walk::Conflicts(uint64_t in, const LeafAnswer& cached) const {
  Walk now(memory_, smmu_, tlb_, nullptr);
  now.stage2_bank_ = stage2_bank_;
  uint64_t to = 0;
  const bool leaf = now.Stage2({}, in, true, &to) || now.fault == FaultKind::kPermission;
  if (!leaf) return false;
  const LeafAnswer& found = now.stage2_leaf_;
  const uint64_t offset = in & ((uint64_t{1} << found.leaf_bits) - 1) & ~(kPageSize - 1);
  return found.leaf_bits != cached.leaf_bits || (found.page | offset) != cached.page;
}

// A translation that the tables no longer hold, or that a twin's tables hold, may be cached and
// answer, with all that its leaf says: more than the leaf of these tables, or less. Several
// translations of one address, of which the present tables may give one, may also make a TLB
// conflict; the choice after the last says so.
Walk::Cached Walk::StaleAnswers(const ContextBank& bank, AccessKind access, uint64_t in,
                                bool for_walk, uint64_t* out) {
  if (choices_ == nullptr) return Cached::kNone;
  LeafAnswer answer;
  const uint64_t page = in & ~(kPageSize - 1);
  const size_t count = FindCached(page, 0, &answer);
  if (count == 0) return Cached::kNone;
  // An odd choice is an answer, and what is above its lowest bit says which.
  const uint8_t choice = choices_->Next();
  if ((choice & 1) == 0) return Cached::kNone;
  const bool conflict = count > 1 || Conflicts(in, answer);
  const size_t which = (choice >> 1) % (count + (conflict ? 1 : 0));
  if (which != 0) FindCached(page, which, &answer);
  uint64_t descriptor = LeafDescriptor(answer.attributes);
  // Without its access flag a leaf is cached only where nobody looks at that; once there, it
  // answers those who do.
  const bool kept = (descriptor & kAccessFlag) != 0 || unflagged_;
  descriptor |= kAccessFlag;
  if (which < count && !kept) return Cached::kNone;
  stale = true;
  stage1_walk = for_walk;
  ipa = in;
  if (which == count) {
    Fail(FaultKind::kTlbConflict, 2, 3);
    return Cached::kFaulted;
  }
  const unsigned at = 3 - (answer.leaf_bits - 12) / 9;
  if (!Stage2Leaf(bank, access, descriptor, at, for_walk)) return Cached::kFaulted;
  if (!for_walk) UseLeaf(descriptor);
  *out = answer.page | (in & (kPageSize - 1));
  if (!stage1_leaf_) leaf_bits = answer.leaf_bits;
  stage1_walk = false;
  return Cached::kDelivered;
}

bool Walk::ShapeStage2(const ContextBank& bank, uint64_t in, Shape* shape) {
  uint32_t tcr = bank.tcr;
  const uint32_t idr2 = smmu_.idr[2];
  if (Bits(tcr, 15, 14) >= 2 || !HasGranule(idr2, Bit(tcr, 14) ? 16 : 12)) {
    if (!granule_drawn_) granule_ = DrawGranule();
    granule_drawn_ = true;
    if (granule_ == kBadGranule) return Fail(FaultKind::kTranslation, 2, 0);
    tcr = (tcr & ~(3u << 14)) | (granule_ == 16 ? 1u << 14 : 0u);
  }
  const Stage2Geometry geometry = DecodeStage2(tcr, bank.ttbr0, idr2);
  if (!geometry.valid) return Fail(FaultKind::kTranslation, 2, 0);
  // Hardware with small addresses has no start level above what they need, and takes no input that
  // is wider than its intermediate addresses.
  const unsigned topmost = geometry.page_bits == 12 ? 0 : 1;
  const bool small = kSizes[Bits(idr2, 7, 4) & 7] <= 42;
  if (small && geometry.start_level == topmost) return Fail(FaultKind::kTranslation, 2, 0);
  const unsigned widest = kSizes[Bits(idr2, 3, 0) & 7];
  if (geometry.input_bits > widest) return Fail(FaultKind::kTranslation, 2, 0);
  if (in >> geometry.input_bits != 0) return Fail(FaultKind::kTranslation, 2, 0);
  shape->output_bits = OutputBits(Bits(tcr, 18, 16), false);
  if (OutputOf(bank.ttbr0, 0) >> shape->output_bits != 0) {
    return Fail(FaultKind::kAddressSize, 2, 0);
  }
  shape->page_bits = geometry.page_bits;
  shape->start_level = geometry.start_level;
  shape->table = geometry.root;
  return true;
}

bool Walk::Stage2(AccessKind access, uint64_t in, bool for_walk, uint64_t* out) {
  *out = in;
  if (stage2_bank_ == nullptr) return true;
  const ContextBank& bank = *stage2_bank_;
  const Cached cached = StaleAnswers(bank, access, in, for_walk, out);
  if (cached != Cached::kNone) return cached == Cached::kDelivered;
  stage1_walk = for_walk;
  ipa = in;
  Shape shape;
  if (!ShapeStage2(bank, in, &shape)) return false;
  uint64_t table = shape.table;
  for (unsigned at = shape.start_level; at <= 3; ++at) {
    const unsigned shift = Shift(at, shape.page_bits);
    uint64_t where = EntryOf(table, in, shift, at == shape.start_level, shape.page_bits);
    if (!CanFetch(&where)) {
      table_fetch = true;
      return Fail(FaultKind::kExternal, 2, at);
    }
    const uint64_t descriptor = Descriptor(bank, where);
    ++reads;
    const DescriptorKind kind = KindOf(descriptor, at, shape.page_bits);
    if (kind == DescriptorKind::kInvalid) return Fail(FaultKind::kTranslation, 2, at);
    const bool leaf = kind == DescriptorKind::kLeaf;
    const uint64_t next = OutputOf(descriptor, leaf ? shift : shape.page_bits);
    if (next >> shape.output_bits != 0) return Fail(FaultKind::kAddressSize, 2, at);
    if (!leaf) {
      table = next;
      continue;
    }
    stage2_leaf_ = {next, LeafAttributes(descriptor), static_cast<uint8_t>(shift)};
    if (!for_walk) met_bits[1] = stage2_leaf_.leaf_bits;
    if (!Stage2Leaf(bank, access, descriptor, at, for_walk)) return false;
    if (!for_walk) UseLeaf(descriptor);
    *out = next | (in & ((uint64_t{1} << shift) - 1));
    if (!stage1_leaf_) leaf_bits = static_cast<uint8_t>(shift);
    stage1_walk = false;
    return true;
  }
  return Fail(FaultKind::kTranslation, 2, 3);
}

// What the leaf of stage 2 says of memory joins what the transaction says.
void Walk::UseLeaf(uint64_t descriptor) {
  leaf_attributes = Stage2Attributes(descriptor);
  attributes = CombineStages(attributes, leaf_attributes);
}

bool Walk::Stage2Leaf(const ContextBank& bank, AccessKind access, uint64_t descriptor, unsigned at,
                      bool for_walk) {
  if ((descriptor & kAccessFlag) == 0 && (bank.sctlr & sctlr::kAffd) == 0) {
    return Fail(FaultKind::kAccessFlag, 2, at);
  }
  // Here an instruction fetch takes the right to read too.
  const uint8_t need = access.write ? kPermWrite : kPermRead;
  if ((Stage2Permission(descriptor) & need) == 0) return Fail(FaultKind::kPermission, 2, at);
  if (access.instruction && !access.write && Bit(descriptor, 54)) {
    return Fail(FaultKind::kPermission, 2, at);
  }
  // SCTLR.PTW: a stage-1 table must not lie in device memory.
  const bool device = Bits(descriptor, 5, 4) == 0;
  if (for_walk && device && (bank.sctlr & sctlr::kPtw) != 0) {
    return Fail(FaultKind::kPermission, 2, at);
  }
  return true;
}

}  // namespace sidewall::model
