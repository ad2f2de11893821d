// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/tables.h"

#include <algorithm>

namespace sidewall::check {
namespace {

constexpr unsigned kSizes[6] = {32, 36, 40, 42, 44, 48};
constexpr uint64_t kAccessFlag = uint64_t{1} << 10;
// Low bits that an intermediate address of a table shares with the address it is mapped to, so
// that any block can map it.
constexpr unsigned kSharedBits = 30;

constexpr uint64_t Mask(unsigned bits) { return (uint64_t{1} << bits) - 1; }
constexpr unsigned Shift(unsigned level, unsigned page_bits) {
  return page_bits + (3 - level) * (page_bits - 3);
}
constexpr uint64_t kAddressBits = Mask(48);

bool InTables(uint64_t pa) { return pa >= kTablesStart && pa < kTablesEnd; }
bool InHole(uint64_t pa) { return pa >= kHoleStart && pa < kHoleEnd; }

}  // namespace

uint64_t TableBuilder::NewTable(unsigned size_bits) {
  const uint64_t offset = random_.Next() % (kTablesEnd - kTablesStart);
  return kTablesStart + (offset & ~Mask(size_bits));
}

uint64_t TableBuilder::NewHole(unsigned size_bits) {
  const uint64_t offset = random_.Next() % (kHoleEnd - kHoleStart);
  return (kHoleStart + offset) & ~Mask(size_bits);
}

// An address beyond the output size, or any where every address fits.
uint64_t TableBuilder::OutOfSize(const Level& level) {
  const uint64_t any = random_.Next() & Mask(level.output_bits);
  if (level.output_bits == 48) return any;
  return any | uint64_t{1} << (level.output_bits + random_.Below(48 - level.output_bits));
}

const TableStore* TableBuilder::Find(uint64_t pa) const {
  for (const TableStore& store : case_.stores) {
    if (store.pa == pa) return &store;
  }
  return nullptr;
}

// Bit 0 clear, or the form of a block where there are no blocks.
uint64_t TableBuilder::InvalidDescriptor(const Level& level, uint8_t stage) {
  const uint64_t any = random_.Next() & ~uint64_t{3};
  if (random_.OneIn(8)) return 0;
  if (random_.OneIn(2)) return any | (random_.OneIn(2) ? 2 : 0);
  if (level.at == 3) return any | 1;
  if (CanBeLeaf(level)) return any;
  case_.reserved_block_stage = stage;
  case_.reserved_block_level = static_cast<uint8_t>(level.at);
  return any | 1;
}

bool TableBuilder::Allowed1(unsigned ap) const {
  const bool read_only = (ap & 2) != 0 || (table_ap_ & 2) != 0;
  const bool user = (ap & 1) != 0 && (table_ap_ & 1) == 0;
  if (IsUser(case_.operation) && !user) return false;
  return !IsWrite(case_.operation) || !read_only;
}

uint64_t TableBuilder::LeafBits1(Aim aim) {
  constexpr unsigned kShareable[3] = {0, 2, 3};
  unsigned ap = random_.Below(4);
  for (int i = 0; i < 16 && aim != Aim::kAnything; ++i) {
    if (Allowed1(ap) == (aim != Aim::kPermissionFault)) break;
    ap = random_.Below(4);
  }
  // Bits 50 to 63: software's, execute-never, contiguous and dirty-bit modifier.
  uint64_t bits = (random_.Next() & 0xfff8) << 48;
  bits |= uint64_t{random_.Below(8)} << 2 | uint64_t{random_.Below(2)} << 5;
  bits |= uint64_t{ap} << 6 | uint64_t{kShareable[random_.Below(3)]} << 8;
  bits |= uint64_t{random_.Below(2)} << 11;
  const bool accessed = aim == Aim::kAnything ? random_.OneIn(2) : aim != Aim::kAccessFlagFault;
  return bits | (accessed ? kAccessFlag : 0);
}

// Ignored bits, and now and then what takes permissions from everything below.
uint64_t TableBuilder::TableBits1() {
  uint64_t bits = (random_.Next() & 0xff) << 51 | (random_.Next() & 0x3ff) << 2;
  if (random_.OneIn(3)) bits |= (random_.Next() & 0x1f) << 59;
  bits &= ~(uint64_t{3} << 61);
  const unsigned limit = random_.OneIn(8) ? random_.Below(4) : 0;
  table_ap_ |= limit;
  return bits | uint64_t{limit} << 61 | 3;
}

uint64_t TableBuilder::LeafBits2(Aim aim, bool fetch) {
  constexpr unsigned kShareable[3] = {0, 2, 3};
  const unsigned need = !fetch && IsWrite(case_.operation) ? 2 : 1;
  unsigned access = random_.Below(4);
  for (int i = 0; i < 16 && aim != Aim::kAnything; ++i) {
    if (((access & need) != 0) == (aim != Aim::kPermissionFault)) break;
    access = random_.Below(4);
  }
  const bool device = fetch ? random_.OneIn(10) : random_.OneIn(4);
  const unsigned memory =
      device ? random_.Below(4) : (1 + random_.Below(3)) << 2 | (1 + random_.Below(3));
  uint64_t bits = (random_.Next() & 0xfff8) << 48;
  bits |= uint64_t{memory} << 2 | uint64_t{access} << 6;
  bits |= uint64_t{kShareable[random_.Below(3)]} << 8;
  const bool accessed = aim == Aim::kAnything ? random_.OneIn(2) : aim != Aim::kAccessFlagFault;
  return bits | (accessed ? kAccessFlag : 0);
}

// The address under which stage 1 knows a table that lies at pa.
uint64_t TableBuilder::AddressForTable(uint64_t pa) {
  if (!case_.stage2.on) return pa;
  const unsigned input = std::min(64 - case_.stage2.size, kSizes[case_.stage1.output]);
  const unsigned shared = std::min(input, kSharedBits);
  const uint64_t above = random_.Next() & Mask(input) & ~Mask(shared);
  return above | (pa & Mask(shared));
}

// One descriptor of stage 1, at pa. kAt: *next is the table or output that it names.
TableBuilder::End TableBuilder::Step1(const Plan& plan, const Level& level, unsigned leaf_level,
                                      uint64_t pa, uint64_t* next) {
  const bool here = plan.level == level.at;
  if (here && plan.aim == Aim::kTranslationFault) {
    Put(pa, InvalidDescriptor(level, 1));
    return End::kFaults;
  }
  const bool leaf = level.at == leaf_level;
  const bool too_far = here && plan.aim == Aim::kAddressSizeFault;
  if (leaf) {
    unsigned bits = level.output_bits;
    if (case_.stage2.on && !random_.OneIn(32)) bits = std::min(bits, 64 - case_.stage2.size);
    uint64_t output = random_.Next() & Mask(bits);
    if (too_far) output = OutOfSize(level);
    output &= ~Mask(level.shift);
    Put(pa, output | LeafBits1(plan.aim) | LeafType(level));
    *next = output;
    return too_far ? End::kFaults : End::kAt;
  }
  if (here && plan.aim == Aim::kExternalAbort) {
    const uint64_t hole = NewHole(level.page_bits);
    Put(pa, AddressForTable(hole) | TableBits1());
    *next = hole;
    return End::kAt;
  }
  const uint64_t table = NewTable(level.page_bits);
  const uint64_t named =
      too_far ? OutOfSize(level) & ~Mask(level.page_bits) : AddressForTable(table);
  Put(pa, named | TableBits1());
  *next = table;
  return too_far ? End::kFaults : End::kAt;
}

bool TableBuilder::Build1() {
  Stage1& stage = case_.stage1;
  const unsigned half = (case_.address >> 55 & 1) != 0 ? 1 : 0;
  Level level = {stage.granule[half], 0, 0, kSizes[stage.output]};
  const unsigned input_bits = 64 - stage.size[half];
  const unsigned step = level.page_bits - 3;
  const unsigned start = 4 - (input_bits - level.page_bits + step - 1) / step;
  const unsigned root_bits = std::max(6u, input_bits - Shift(start, level.page_bits) + 3);
  const unsigned first_leaf = level.page_bits == 12 ? 1 : 2;
  unsigned leaf_level = std::max({start, first_leaf, plan1_.level});
  if (plan1_.aim == Aim::kAddressSizeFault || plan1_.aim == Aim::kExternalAbort) {
    leaf_level = std::min(3u, leaf_level + random_.Below(4 - leaf_level));
  }
  uint64_t table = NewTable(root_bits);
  stage.root[half] = AddressForTable(table);
  if (plan1_.aim == Aim::kAddressSizeFault && plan1_.level < start) {
    stage.root[half] = OutOfSize(level) & ~Mask(std::max(root_bits, 12u));
    return true;
  }
  uint64_t named = stage.root[half];
  const uint64_t input = case_.address & Mask(input_bits);
  unsigned fetch = 0;
  uint64_t leaf = 0;
  for (level.at = start; level.at <= leaf_level; ++level.at) {
    level.shift = Shift(level.at, level.page_bits);
    const uint64_t index =
        level.at == start ? input >> level.shift : input >> level.shift & Mask(step);
    uint64_t pa = table + index * 8;
    ++fetch;
    if (case_.stage2.on) {
      Plan plan = plan2_;
      if (plan2_.of_fetch != fetch) plan = {Aim::kDelivered, 1 + random_.Below(3)};
      const End end = Map2(named + index * 8, pa, plan, true, &pa);
      if (end != End::kAt) return end == End::kFaults;
    }
    if (InHole(pa)) return true;
    if (!InTables(pa) || Find(pa) != nullptr) return false;
    const End end = Step1(plan1_, level, leaf_level, pa, &table);
    if (end == End::kFaults) return true;
    leaf = Find(pa)->value;
    named = leaf & kAddressBits & ~Mask(level.page_bits);
  }
  case_.leaf_level[0] = static_cast<uint8_t>(leaf_level);
  case_.memory[0] = static_cast<uint8_t>(stage.mair >> (leaf >> 2 & 7) * 8);
  const uint64_t output = table | (input & Mask(level.shift));
  if (!case_.stage2.on) return true;
  Plan plan = plan2_;
  if (plan2_.of_fetch != 0) plan = {Aim::kDelivered, 1 + random_.Below(3)};
  uint64_t pa = random_.Next();
  return Map2(output, pa, plan, false, &pa) != End::kAstray;
}

void TableBuilder::MakeRoot2() {
  Stage2& stage = case_.stage2;
  const unsigned start = stage.granule == 12 ? 2 - stage.start : 3 - stage.start;
  const unsigned bits = 64 - stage.size - Shift(start, stage.granule) + 3;
  stage.root = NewTable(std::max(6u, bits));
  if (plan2_.aim == Aim::kAddressSizeFault && plan2_.level < start && plan2_.of_fetch == 0) {
    stage.root =
        OutOfSize({stage.granule, 0, 0, kSizes[stage.output]}) & ~Mask(std::max(16u, bits));
  }
  if (plan2_.aim == Aim::kExternalAbort && plan2_.level < start) stage.root = NewHole(20);
}

// The descriptor of stage 2 for an address that none covers yet.
uint64_t TableBuilder::Step2(const Plan& plan, const Level& level, unsigned leaf_level,
                             uint64_t wanted, bool fetch) {
  const bool here = plan.level == level.at;
  if (here && plan.aim == Aim::kTranslationFault) return InvalidDescriptor(level, 2);
  const bool too_far = here && plan.aim == Aim::kAddressSizeFault;
  // It is passed where a table that an earlier fetch needed is there already.
  if (level.at >= leaf_level) {
    const uint64_t output = too_far ? OutOfSize(level) : wanted & Mask(level.output_bits);
    return (output & ~Mask(level.shift)) | LeafBits2(plan.aim, fetch) | LeafType(level);
  }
  uint64_t table = NewTable(level.page_bits);
  if (too_far) table = OutOfSize(level) & ~Mask(level.page_bits);
  if (here && plan.aim == Aim::kExternalAbort) table = NewHole(level.page_bits);
  return table | (random_.Next() & 0x1fff) << 51 | (random_.Next() & 0x3ff) << 2 | 3;
}

// Makes ipa lead to `wanted`, or to what the plan says. Descriptors that are there already stay.
TableBuilder::End TableBuilder::Map2(uint64_t ipa, uint64_t wanted, const Plan& plan, bool fetch,
                                     uint64_t* pa) {
  Stage2& stage = case_.stage2;
  Level level = {stage.granule, 0, 0, kSizes[stage.output]};
  const unsigned start = stage.granule == 12 ? 2 - stage.start : 3 - stage.start;
  if (ipa >> (64 - stage.size) != 0) return End::kFaults;
  const unsigned first_leaf = level.page_bits == 12 ? 1 : 2;
  unsigned leaf_level = std::max({start, first_leaf, plan.level});
  if (plan.aim == Aim::kAddressSizeFault || plan.aim == Aim::kExternalAbort) {
    leaf_level = std::min(3u, leaf_level + random_.Below(4 - leaf_level));
  }
  uint64_t table = stage.root;
  for (level.at = start; level.at <= 3; ++level.at) {
    level.shift = Shift(level.at, level.page_bits);
    const uint64_t index =
        level.at == start ? ipa >> level.shift : ipa >> level.shift & Mask(level.page_bits - 3);
    const uint64_t where = table + index * 8;
    if (InHole(where) || where >> level.output_bits != 0) return End::kFaults;
    if (!InTables(where)) return where >= kHoleEnd ? End::kFaults : End::kAstray;
    if (Find(where) == nullptr) Put(where, Step2(plan, level, leaf_level, wanted, fetch));
    const uint64_t descriptor = Find(where)->value;
    if ((descriptor & 1) == 0) return End::kFaults;
    const bool block = (descriptor & 2) == 0;
    if (block ? level.at == 3 || !CanBeLeaf(level) : false) return End::kFaults;
    if (block || level.at == 3) {
      if (!fetch) {
        case_.leaf_level[1] = static_cast<uint8_t>(level.at);
        case_.memory[1] = static_cast<uint8_t>(descriptor >> 2 & 15);
      }
      *pa = (descriptor & kAddressBits & ~Mask(level.shift)) | (ipa & Mask(level.shift));
      return End::kAt;
    }
    table = descriptor & kAddressBits & ~Mask(level.page_bits);
  }
  return End::kFaults;
}

bool TableBuilder::Build() {
  if (case_.stage2.on) MakeRoot2();
  if (case_.stage1.on) return Build1();
  if (!case_.stage2.on) return true;
  if (case_.address >> 48 != 0) return true;
  uint64_t pa = random_.Next();
  return Map2(case_.address, pa, plan2_, false, &pa) != End::kAstray;
}

}  // namespace sidewall::check
