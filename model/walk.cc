// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/walk.h"

namespace sidewall::model {

namespace {

constexpr uint8_t kSizes[8] = {32, 36, 40, 42, 44, 48, 48, 48};  // PASize, IAS, OAS
constexpr uint64_t kAccessFlag = uint64_t{1} << 10;

constexpr unsigned Shift(unsigned level, unsigned page_bits) {
  return page_bits + (3 - level) * (page_bits - 3);
}

// Output address of a table, page or block descriptor.
constexpr uint64_t OutputOf(uint64_t descriptor, unsigned low_bit) {
  return descriptor & ((uint64_t{1} << 48) - 1) & ~((uint64_t{1} << low_bit) - 1);
}

// Width of addresses that masters can drive (IDR2.UBS).
constexpr unsigned UpstreamBits(uint32_t idr2) {
  const unsigned ubs = static_cast<unsigned>(Bits(idr2, 11, 8));
  return ubs >= 5 ? 49 : kSizes[ubs];
}

// The bit from which addresses are sign-extended (TCR2.SEP); 7 is the top bit that masters drive.
constexpr unsigned SignBit(uint32_t tcr2, unsigned upstream_bits) {
  constexpr uint8_t kBit[8] = {31, 35, 39, 41, 43, 47, 47, 0};
  const unsigned sep = static_cast<unsigned>(Bits(tcr2, 17, 15));
  const unsigned bit = sep == 7 ? upstream_bits - 1 : kBit[sep];
  return bit < upstream_bits ? bit : upstream_bits - 1;
}

}  // namespace

struct Walk::Stage1Shape {
  unsigned page_bits = 12;
  unsigned input_bits = 48;
  unsigned output_bits = 48;
  unsigned start_level = 0;
  uint64_t table = 0;
};

bool Walk::Fail(FaultKind kind, unsigned at_stage, unsigned at_level) {
  fault = kind;
  stage = static_cast<uint8_t>(at_stage);
  level = static_cast<uint8_t>(at_level);
  return false;
}

void Walk::Run(const Resolution& via, AccessKind access, uint64_t address) {
  const bool has_stage1 = cbar::Type(smmu_.cbar[via.bank]) != cbar::kStage2;
  if (via.stage2_bank != kNoIndex) {
    const ContextBank& bank = smmu_.bank[via.stage2_bank];
    if ((bank.sctlr & sctlr::kM) != 0) {
      stage2_bank_ = &bank;
      stage2_vmid_ = cbar::Vmid(smmu_.cbar[via.stage2_bank]);
    }
  }
  ipa = address;
  if (has_stage1) {
    const ContextBank& bank = smmu_.bank[via.bank];
    const bool translated = (bank.sctlr & sctlr::kM) != 0;
    if (translated ? !Stage1(bank, access, address, &ipa) : !Stage1Untranslated(address, &ipa)) {
      return;
    }
  }
  Stage2(access, ipa, false, &pa);
}

// Stage 1 off: addresses are passed on, if stage 2 could take them.
bool Walk::Stage1Untranslated(uint64_t va, uint64_t* out) {
  const unsigned bits = kSizes[Bits(smmu_.spec->idr[2], 3, 0) & 7];
  if (va >> bits != 0) return Fail(FaultKind::kAddressSize, 1, 0);
  *out = va;
  return true;
}

// Chooses the half of the address space and checks that the address lies in it. A size or granule
// that the architecture reserves faults: what else hardware might do with it is not specified.
bool Walk::ShapeStage1(const ContextBank& bank, uint64_t va, Stage1Shape* shape) {
  const unsigned upstream = UpstreamBits(smmu_.spec->idr[2]);
  if (va >> upstream != 0) return Fail(FaultKind::kTranslation, 1, 0);
  const unsigned sign = SignBit(bank.tcr2, upstream);
  const uint64_t above = va >> sign;
  const bool high = Bit(va, sign);
  // Bits between the sign bit and the top of the bus have to be copies of it.
  if (high && above != (uint64_t{1} << (upstream - sign)) - 1) {
    return Fail(FaultKind::kTranslation, 1, 0);
  }
  if (!high && above != 0) return Fail(FaultKind::kTranslation, 1, 0);
  const unsigned size = static_cast<unsigned>(high ? Bits(bank.tcr, 21, 16) : Bits(bank.tcr, 5, 0));
  const bool disabled = Bit(bank.tcr, high ? 23 : 7);
  if (size < 16 || size > 39 || disabled) return Fail(FaultKind::kTranslation, 1, 0);
  shape->input_bits = 64 - size;
  const uint64_t extended = high ? va | ~uint64_t{0} << sign : va;
  // TBI: the top byte takes no part in the check.
  const bool ignore_top = Bit(bank.tcr2, high ? 6 : 5);
  const uint64_t checked = ignore_top ? extended << 8 >> 8 : extended;
  const uint64_t top = checked >> shape->input_bits;
  const uint64_t ones = (ignore_top ? ~uint64_t{0} >> 8 : ~uint64_t{0}) >> shape->input_bits;
  if (top != (high ? ones : 0)) return Fail(FaultKind::kTranslation, 1, 0);
  const unsigned granule =
      static_cast<unsigned>(high ? Bits(bank.tcr, 31, 30) : Bits(bank.tcr, 15, 14));
  const unsigned small = high ? 2 : 0;
  const unsigned large = high ? 3 : 1;
  if (granule != small && granule != large) return Fail(FaultKind::kTranslation, 1, 0);
  shape->page_bits = granule == small ? 12 : 16;
  const unsigned step = shape->page_bits - 3;
  const unsigned levels = (shape->input_bits - shape->page_bits + step - 1) / step;
  shape->start_level = 4 - levels;
  shape->output_bits = kSizes[Bits(bank.tcr2, 2, 0)];
  const unsigned table_bits = shape->input_bits - Shift(shape->start_level, shape->page_bits) + 3;
  shape->table = OutputOf(high ? bank.ttbr1 : bank.ttbr0, table_bits);
  if (shape->table >> shape->output_bits != 0) return Fail(FaultKind::kAddressSize, 1, 0);
  return true;
}

bool Walk::Stage1(const ContextBank& bank, AccessKind access, uint64_t va, uint64_t* out) {
  Stage1Shape shape;
  if (!ShapeStage1(bank, va, &shape)) return false;
  const uint64_t input = va & ((uint64_t{1} << shape.input_bits) - 1);
  uint64_t table = shape.table;
  unsigned table_attributes = 0;  // APTable 62:61 and XNTable, PXNTable 60:59, of all levels
  for (unsigned at = shape.start_level; at <= 3; ++at) {
    const unsigned shift = Shift(at, shape.page_bits);
    const uint64_t top_bits =
        at == shape.start_level ? ~uint64_t{0} : (uint64_t{1} << (shape.page_bits - 3)) - 1;
    const uint64_t where = table + ((input >> shift & top_bits) << 3);
    table_page[table_count++] = where & ~(kPageSize - 1);
    uint64_t fetched = 0;
    if (!Stage2({}, where, true, &fetched)) return false;
    if (!memory_.IsRam(fetched)) {
      table_fetch = true;
      return Fail(FaultKind::kExternal, 1, at);
    }
    const uint64_t descriptor = memory_.WalkerLoad64(fetched, choices_);
    ++reads;
    const DescriptorKind kind = KindOf(descriptor, at, shape.page_bits);
    if (kind == DescriptorKind::kInvalid) return Fail(FaultKind::kTranslation, 1, at);
    const bool leaf = kind == DescriptorKind::kLeaf;
    const uint64_t next = OutputOf(descriptor, leaf ? shift : shape.page_bits);
    if (next >> shape.output_bits != 0) return Fail(FaultKind::kAddressSize, 1, at);
    if (!leaf) {
      table_attributes |= static_cast<unsigned>(Bits(descriptor, 62, 59));
      table = next;
      continue;
    }
    if (!Stage1Leaf(bank, access, descriptor, at, table_attributes)) return false;
    *out = next | (input & ((uint64_t{1} << shift) - 1));
    leaf_bits = static_cast<uint8_t>(shift);
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
  if (access.write && read_only) allowed = false;
  if (access.instruction && !access.write) {
    const bool user_writable = user && !read_only;
    const bool privileged_never = Bit(descriptor, 53) || Bit(table_attributes, 0) || user_writable;
    const bool user_never = Bit(descriptor, 54) || Bit(table_attributes, 1);
    if (access.privileged ? privileged_never : user_never) allowed = false;
    if ((bank.sctlr & sctlr::kWxn) != 0 && !read_only) allowed = false;
  }
  return allowed || Fail(FaultKind::kPermission, 1, at);
}

// True when a translation that the tables no longer hold is still cached and answers.
bool Walk::StaleAnswers(AccessKind access, uint64_t in, uint64_t* out) {
  if (choices_ == nullptr) return false;
  StaleAnswer answer;
  const uint64_t page = in & ~(kPageSize - 1);
  const size_t count = tlb_.FindStale(stage2_vmid_, page, 0, &answer);
  if (count == 0) return false;
  // An odd choice is an answer, and what is above its lowest bit says which.
  const uint8_t choice = choices_->Next();
  if ((choice & 1) == 0) return false;
  const size_t which = (choice >> 1) % count;
  if (which != 0) tlb_.FindStale(stage2_vmid_, page, which, &answer);
  const uint8_t need = access.write ? kPermWrite : kPermRead;
  if ((answer.perm & need) == 0) return false;
  stale = true;
  *out = answer.page | (in & (kPageSize - 1));
  return true;
}

bool Walk::Stage2(AccessKind access, uint64_t in, bool for_walk, uint64_t* out) {
  *out = in;
  if (stage2_bank_ == nullptr) return true;
  if (StaleAnswers(access, in, out)) return true;
  const ContextBank& bank = *stage2_bank_;
  stage1_walk = for_walk;
  ipa = in;
  const Stage2Geometry shape = DecodeStage2(bank.tcr, bank.ttbr0);
  if (!shape.valid || shape.page_bits == 14) return Fail(FaultKind::kTranslation, 2, 0);
  if (in >> shape.input_bits != 0) return Fail(FaultKind::kTranslation, 2, 0);
  if (shape.root >> shape.output_bits != 0) return Fail(FaultKind::kAddressSize, 2, 0);
  uint64_t table = shape.root;
  for (unsigned at = shape.start_level; at <= 3; ++at) {
    const unsigned shift = Shift(at, shape.page_bits);
    const uint64_t mask =
        at == shape.start_level ? ~uint64_t{0} : (uint64_t{1} << (shape.page_bits - 3)) - 1;
    const uint64_t where = table + ((in >> shift & mask) << 3);
    if (!memory_.IsRam(where)) {
      table_fetch = true;
      return Fail(FaultKind::kExternal, 2, at);
    }
    const uint64_t descriptor = memory_.WalkerLoad64(where, choices_);
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
    if (!Stage2Leaf(bank, access, descriptor, at, for_walk)) return false;
    *out = next | (in & ((uint64_t{1} << shift) - 1));
    if (!stage1_leaf_) leaf_bits = static_cast<uint8_t>(shift);
    stage1_walk = false;
    return true;
  }
  return Fail(FaultKind::kTranslation, 2, 3);
}

bool Walk::Stage2Leaf(const ContextBank& bank, AccessKind access, uint64_t descriptor, unsigned at,
                      bool for_walk) {
  if ((descriptor & kAccessFlag) == 0 && (bank.sctlr & sctlr::kAffd) == 0) {
    return Fail(FaultKind::kAccessFlag, 2, at);
  }
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
