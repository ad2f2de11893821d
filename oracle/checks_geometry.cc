// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// MEM03, and the part of MEM02 that is about one entry: what registers say of the tables is what
// the tables are, and an entry is broken before another is made in its place.
//
// The shape is not taken from the driver. The waist deals in tables of 4 KiB with 512 entries, in
// pages of the pool; what can be read off them without knowing their shape is held against what
// the registers say: an entry that leads to a page of the pool is a table, one that has the access
// flag and leads elsewhere is a leaf.
#include <algorithm>

#include "model/registers.h"
#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

using model::Bits;
using model::DescriptorKind;

constexpr uint64_t kAccessFlag = uint64_t{1} << 10;
constexpr uint64_t kTableAttributes = 0xffc;  // what no table entry needs: all but address and type
// Of S2CR: SHCFG, EXIDVALID, MTCFG, MemAttr, NSCFG, RACFG, WACFG, INSTCFG, TRANSIENTCFG.
constexpr uint32_t kOverrides = 0x3cfcff00;
constexpr unsigned kGranuleBits = 12;
constexpr unsigned kIndexBits = 9;

unsigned long long Wide(uint64_t value) { return value; }

unsigned SizeBits(uint32_t code) {
  constexpr unsigned kBits[8] = {32, 36, 40, 42, 44, 48, 48, 48};
  return kBits[code & 7];
}

unsigned Shift(unsigned level) { return kGranuleBits + kIndexBits * (3 - level); }

// Where what it leads to begins.
uint64_t Output(uint64_t descriptor) { return descriptor & model::kAddressMask; }

// What may change while devices walk: permissions, and the access flag.
constexpr uint64_t kMayChange = uint64_t{3} << 6 | kAccessFlag | uint64_t{3} << 53;

}  // namespace

// ---------------------------------------------------------------- MEM03 geometry

// Null, or what of a stage-2 bank that is on does not fit tables of the waist's kind.
const char* Checks::WhyNotItsTables(size_t instance, uint16_t bank) const {
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  const model::ContextBank& regs = smmu.bank[bank];
  const model::Stage2Geometry shape = model::DecodeStage2(regs.tcr, regs.ttbr0, smmu.idr[2]);
  const unsigned inputs = SizeBits(smmu.idr[2] & 0xf);
  const unsigned outputs = SizeBits(smmu.idr[2] >> 4 & 0xf);
  // Memory and registers lie below the bit that selects a format.
  constexpr unsigned kBusBits = 39;
  if ((smmu.cba2r[bank] & 1) == 0) return "CBA2R.VA64: tables of 64-bit entries in AArch32 format";
  if (Bits(regs.tcr, 15, 14) != 0) return "TCR.TG0: the tables are of 4 KiB";
  if (!shape.valid || shape.page_bits != kGranuleBits) return "TCR: SL0 does not go with T0SZ";
  if (shape.input_bits > inputs) return "TCR.T0SZ: more than the hardware's input size";
  if (shape.output_bits > outputs) return "TCR.PASize: more than the hardware's output size";
  if (shape.output_bits < std::min(outputs, kBusBits))
    return "TCR.PASize: less than addresses have";
  if (Bits(regs.tcr, 13, 12) == 1) return "TCR.SH0: reserved";
  // IDR0.CTTW: whether walks see what caches hold. What is cleaned to memory is there for either.
  const bool coherent = (smmu.idr[0] >> 14 & 1) != 0;
  if (Bits(regs.tcr, 9, 8) != 0 && !coherent) return "TCR.IRGN0: walks are not coherent";
  if (Bits(regs.tcr, 11, 10) != 0 && !coherent) return "TCR.ORGN0: walks are not coherent";
  if (Bits(regs.ttbr0, 63, 48) != 0) return "TTBR0: an ASID in a stage 2";
  if ((regs.ttbr0 & 0x0000fffffffffff0) != shape.root) return "TTBR0: not aligned to the root";
  for (uint32_t i = 0; i < shape.root_pages; i++) {
    if (!board_.hyp_.IsTaken(shape.root + i * kPageSize)) return "TTBR0: no table of the pool";
  }
  const uint64_t* root = board_.tables_.view() + (shape.root - board_.spec_.pool.start) / 8;
  const uint64_t entries = uint64_t{1} << (shape.input_bits - Shift(shape.start_level));
  for (uint64_t i = 0; i < 512u * shape.root_pages; i++) {
    if ((root[i] & 1) == 0) continue;
    if (i >= entries) return "TCR.T0SZ: less than the root maps";
    const bool table = board_.hyp_.IsTaken(Output(root[i]));
    if (table !=
        (model::KindOf(root[i], shape.start_level, kGranuleBits) == DescriptorKind::kTable)) {
      return "TCR.SL0: not the level of the root";
    }
  }
  return nullptr;
}

[[gnu::noinline]] void Checks::Mem03Bank(size_t instance, uint16_t bank) {
  if (!Enabled(Invariant::kMem03)) return;
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  if (bank >= smmu.banks || model::cbar::Type(smmu.cbar[bank]) != model::cbar::kStage2) return;
  if ((smmu.bank[bank].sctlr & model::sctlr::kM) == 0) return;
  Evaluated(Invariant::kMem03);
  const char* why = WhyNotItsTables(instance, bank);
  if (why == nullptr) return;
  const uint32_t base = layout::Bank(SpecOf(instance), bank);
  std::vector<std::string> text = BankLines(instance, bank);
  text.push_back("        " + RegisterLine(instance, base + layout::kTcr));
  text.push_back("        " + RegisterLine(instance, layout::Cba2r(SpecOf(instance)) + 4u * bank));
  text.push_back(Print("IDR2    0x%08x", smmu.idr[2]));
  if (Report(Invariant::kMem03, "bank", "Mem03Bank",
             Print("bank %u of %s does not fit its tables: %s", bank,
                   model::WindowName(WindowOf(instance)), why),
             std::move(text))) {
    __builtin_trap();
  }
}

// Registers of the host's are mapped as device memory that nothing executes, in whatever tree and
// at whatever level: what leads to them is no table.
[[gnu::noinline]] void Checks::Mem03Registers(uint64_t pa) {
  if (!Enabled(Invariant::kMem03)) return;
  const uint64_t entry = board_.tables_.view()[(pa - board_.spec_.pool.start) / sizeof(uint64_t)];
  const uint64_t page = Output(entry);
  if ((entry & 1) == 0 || board_.ghost_.PageIndex(page) == kNoPage) return;
  if (board_.ghost_.IsRam(page)) return;
  Evaluated(Invariant::kMem03);
  const char* why = nullptr;
  if (Bits(entry, 54, 54) == 0) why = "may be executed";
  if (Bits(entry, 5, 4) != 0) why = "are not device memory";
  if (why == nullptr) return;
  if (Report(Invariant::kMem03, "page", "Mem03Registers",
             Print("registers of the host's %s in tables of EL2", why),
             {Print("entry   0x%llx = 0x%llx", Wide(pa), Wide(entry))})) {
    __builtin_trap();
  }
}

// An entry of a live table, as hardware takes it at the level at which it walks that table.
[[gnu::noinline]] void Checks::Mem03Entry(uint64_t pa) {
  if (!Enabled(Invariant::kMem03)) return;
  const model::TablePlace& place = place_;
  if (!in_live_table_ || place.page_bits != kGranuleBits) return;
  const uint64_t entry = board_.tables_.view()[(pa - board_.spec_.pool.start) / sizeof(uint64_t)];
  if ((entry & 1) == 0) return;
  Evaluated(Invariant::kMem03);
  const DescriptorKind kind = model::KindOf(entry, place.level, kGranuleBits);
  const bool to_table = board_.hyp_.IsTaken(Output(entry));
  const uint64_t first = place.base + ((pa & 0xfff) / 8 << Shift(place.level));
  const char* why = nullptr;
  if (first >> place.input_bits != 0) why = "it maps what T0SZ keeps from being looked up";
  if (kind == DescriptorKind::kInvalid) why = "its type is reserved at this level";
  if (kind == DescriptorKind::kTable && !to_table && (entry & kAccessFlag) != 0)
    why = "a leaf, walked as a table";
  if (kind == DescriptorKind::kLeaf && to_table && (entry & kTableAttributes & ~3u) == 0)
    why = "a table, walked as a leaf";
  if (kind == DescriptorKind::kLeaf && why == nullptr) {
    if ((entry & kAccessFlag) == 0) why = "a leaf without the access flag";
    if (Bits(entry, 9, 8) == 1) why = "a leaf with reserved shareability";
    if ((Output(entry) & ((uint64_t{1} << Shift(place.level)) - 1)) != 0)
      why = "a leaf that is not aligned to its size";
  }
  if (why == nullptr) return;
  if (Report(Invariant::kMem03, "page", "Mem03Entry",
             Print("an entry of a live table is not what hardware takes it for: %s", why),
             {Print("entry   0x%llx = 0x%llx", Wide(pa), Wide(entry)),
              Print("table   level %u of the tree at 0x%llx, from 0x%llx", place.level,
                    Wide(place.root), Wide(place.base))})) {
    __builtin_trap();
  }
}

// What memory is, and what of it may be executed, is said by EL2's tables: an entry that translates
// says nothing of it, but whether accesses are privileged, which a stage 2 does not know.
[[gnu::noinline]] void Checks::Mem03Override(size_t instance, uint16_t entry) {
  if (!Enabled(Invariant::kMem03)) return;
  Evaluated(Invariant::kMem03);
  const uint32_t s2cr = board_.machine_->Peek32(instance, layout::kS2cr + 4u * entry);
  if (Bits(s2cr, 17, 16) != 0 || (s2cr & kOverrides) == 0) return;
  if (Report(Invariant::kMem03, "entry", "Mem03Override",
             Print("S2CR[%u] of %s overrides what the tables say", entry,
                   model::WindowName(WindowOf(instance))),
             Path(instance, entry, model::Resolution()))) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- MEM02, break before make

// An entry of a live table that says something goes by way of an invalid one, an invalidation and
// its sync to one that says something else: another output, size or kind of memory. Permissions
// may change in place.
[[gnu::noinline]] void Checks::Mem02Break(uint64_t pa, uint64_t old) {
  if (!Enabled(Invariant::kMem02)) return;
  const model::TablePlace& place = place_;
  if (!in_live_table_) return broken_.Drop(pa);
  const uint64_t now = board_.tables_.view()[(pa - board_.spec_.pool.start) / sizeof(uint64_t)];
  const auto kind = [&](uint64_t entry) {
    return model::KindOf(entry, place.level, place.page_bits);
  };
  if (kind(now) == DescriptorKind::kInvalid) {
    if (kind(old) == DescriptorKind::kInvalid) return;
    return broken_.Note(pa, old, place.root, lives_.Now());
  }
  Evaluated(Invariant::kMem02);
  const auto same = [&](uint64_t before) {
    if (kind(before) != kind(now)) return false;
    if (kind(now) == DescriptorKind::kTable) return Output(before ^ now) == 0;
    return ((before ^ now) & ~kMayChange) == 0;
  };
  const bool direct = kind(old) != DescriptorKind::kInvalid;
  const BrokenEntries::Entry* broken = direct ? nullptr : broken_.Find(pa);
  const uint64_t before = broken ? broken->descriptor : old;
  size_t instance = 0;
  const bool waits = broken && !lives_.FlushedSince(broken->root, broken_.When(*broken), &instance);
  const bool wrong = (direct || waits) && !same(before);
  broken_.Drop(pa);
  if (!wrong) return;
  if (Report(Invariant::kMem02, "page", "Mem02Break",
             direct ? std::string("an entry of a live table is changed without breaking it first")
                    : Print("an entry is made before %s has invalidated the one that was broken",
                            model::WindowName(WindowOf(instance))),
             {Print("before  0x%llx", Wide(before)),
              Print("entry   0x%llx = 0x%llx", Wide(pa), Wide(now)),
              Print("table   level %u of the tree at 0x%llx", place.level, Wide(place.root))})) {
    __builtin_trap();
  }
}

}  // namespace sidewall
