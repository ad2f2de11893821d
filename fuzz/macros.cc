// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/macros.h"

#include "fuzz/domain_macros.h"
#include "fuzz/layout.h"
#include "fuzz/probe_macros.h"

namespace sidewall::fuzz {
namespace {

// ESR_EL2 of a data abort from a lower exception level, as an AArch64 kernel's load or store
// causes it: class, 32-bit instruction, syndrome valid, size, register, 64-bit, write, a
// translation fault at level 3.
constexpr uint64_t kEsrClass = uint64_t{0x24} << 26;
constexpr uint64_t kEsrIl = uint64_t{1} << 25;
constexpr uint64_t kEsrIsv = uint64_t{1} << 24;
constexpr unsigned kEsrSasShift = 22;
constexpr unsigned kEsrSrtShift = 16;
constexpr uint64_t kEsrSf = uint64_t{1} << 15;
constexpr uint64_t kEsrWnr = uint64_t{1} << 6;
constexpr uint64_t kEsrTranslationLevel3 = 7;
constexpr uint64_t kEsrDfsc = 0x3f;

constexpr uint64_t kFirstGuest = 2;

}  // namespace

Event MakeEvent(EventKind kind) {
  Event event;
  event.kind = kind;
  const EventSpec* spec = FindEventSpec(kind);
  for (size_t i = 0; spec != nullptr && i < kEventArgs; ++i) {
    event.arg[i] = spec->arg[i].default_value;
  }
  return event;
}

Event HostWrite(uint64_t window, uint64_t offset, uint64_t width, uint64_t value) {
  Event event = MakeEvent(EventKind::kHostWrite);
  event.arg[0] = window;
  event.arg[1] = offset;
  event.arg[2] = width;
  event.arg[3] = value;
  return event;
}

Event HostRead(uint64_t window, uint64_t offset, uint64_t width) {
  Event event = MakeEvent(EventKind::kHostRead);
  event.arg[0] = window;
  event.arg[1] = offset;
  event.arg[2] = width;
  return event;
}

Event HostWrite32(uint64_t window, uint64_t offset, uint64_t value) {
  return HostWrite(window, offset, 4, value);
}

Event HostWrite64(uint64_t window, uint64_t offset, uint64_t value) {
  return HostWrite(window, offset, 8, value);
}

Event HostRead32(uint64_t window, uint64_t offset) { return HostRead(window, offset, 4); }

Event WriteWhole(const model::RegisterInfo& reg, uint64_t window, uint64_t offset, uint64_t value) {
  return HostWrite(window, offset, reg.width, reg.width == 8 ? value : value & 0xffffffff);
}

Event HostStore64(uint64_t pa, uint64_t value) {
  Event event = MakeEvent(EventKind::kHostStore64);
  event.arg[0] = pa;
  event.arg[1] = value;
  return event;
}

Event DmaEvent(uint64_t client, uint64_t address, bool write) {
  Event event = MakeEvent(EventKind::kDma);
  event.arg[0] = client;
  event.arg[1] = address;
  event.arg[2] = write ? kDmaWrite : 0;
  return event;
}

Event StreamDma(uint64_t side, uint64_t sid, uint64_t address) {
  Event event = MakeEvent(EventKind::kDmaStream);
  event.arg[0] = side;
  event.arg[1] = sid;
  event.arg[2] = address;
  return event;
}

Event AnyStreamDma(Random* random, uint64_t side, uint64_t sid, uint64_t address) {
  Event event = StreamDma(side, sid, address);
  event.arg[3] = random->OneIn(2) ? kDmaWrite : 0;
  // What a sync has to wait for.
  if (random->OneIn(8)) event.arg[3] |= kDmaLate;
  event.arg[4] = random->OneOf({kDmaAnyInstance, 0, 1});
  return event;
}

Event OwnerChange(EventKind kind, uint64_t page, uint64_t count, uint64_t owner) {
  Event event = MakeEvent(kind);
  event.arg[0] = page;
  event.arg[1] = count;
  event.arg[2] = owner;
  return event;
}

Event Macros::DmaThrough(const Sketch& sketch, const Target& target) {
  const uint64_t offset = random_.OneOf({0, 8, 0x40, 0xff8});
  const uint64_t page = target.translated ? kFirstIova + random_.Below(kSlotData - 1) * kPage
                                          : sketch.PlainPage(&random_);
  if (!random_.OneIn(4)) return DmaEvent(target.client->id, page + offset, random_.OneIn(2));
  return AnyStreamDma(&random_, target.client->side, target.client->default_sid, page + offset);
}

void Macros::GoodDma(const Sketch& sketch, Events* out) {
  Target target;
  if (random_.OneIn(3) && DomainMacros(values_, &random_).Transfer(sketch, out)) return;
  if (!sketch.FindTarget(&random_, &target)) return AttachIdentity(sketch, out);
  out->push_back(DmaThrough(sketch, target));
}

void Macros::BadDma(const Sketch& sketch, Events* out) {
  Target target;
  const bool attached = sketch.FindTarget(&random_, &target);
  const model::ClientInfo* unmatched = sketch.FindUnmatched(&random_);
  uint64_t client = attached ? target.client->id : values_.Client(&random_);
  uint64_t address = values_.Address(&random_);
  if (unmatched != nullptr && (!attached || random_.OneIn(3))) {
    client = unmatched->id;
    address = sketch.PlainPage(&random_);
  } else if (attached && target.translated) {
    address = random_.OneOf({kFirstIova + kSlotData * kPage, 0, uint64_t{1} << 48, address});
  } else if (!sketch.given().empty()) {
    address = sketch.given()[random_.Below(sketch.given().size())].page;
  } else if (values_.board().el2_only_count != 0) {
    const size_t n = random_.Below(values_.board().el2_only_count);
    address = values_.board().el2_only[n].start;
  }
  out->push_back(DmaEvent(client, address, random_.OneIn(2)));
}

void Macros::AttachIdentity(const Sketch& sketch, Events* out) {
  const model::ClientInfo* client = sketch.FindUnmatched(&random_);
  if (client == nullptr) return;
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(client->side));
  const uint64_t entry = sketch.FreeEntry(&random_, client->side);
  if (random_.OneIn(4)) {
    out->push_back(HostWrite32(window, layout::kS2cr + 4 * entry, layout::kS2crFault));
  }
  out->push_back(HostWrite32(window, layout::kSmr + 4 * entry,
                             layout::kSmrValid | layout::kSmrMask << 16 | client->default_sid));
  out->push_back(HostWrite32(window, layout::kS2cr + 4 * entry, layout::kS2crBypass));
  for (uint64_t i = 1 + random_.Below(3); i > 0; --i) {
    const uint64_t page = sketch.PlainPage(&random_);
    out->push_back(DmaEvent(client->id, page, random_.OneIn(2)));
  }
}

// A second entry for a stream that has one already, by a mask that differs in one bit: what
// hardware would do with it is not defined.
void Macros::Overlap(const Sketch& sketch, Events* out) {
  Target target;
  if (!sketch.FindTarget(&random_, &target)) return AttachIdentity(sketch, out);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(target.client->side));
  const uint64_t entry = sketch.FreeEntry(&random_, target.client->side);
  const uint64_t mask = layout::kSmrMask ^ uint64_t { 1 } << random_.Below(15);
  out->push_back(HostWrite32(window, layout::kSmr + 4 * entry,
                             layout::kSmrValid | mask << 16 | target.client->default_sid));
  out->push_back(HostWrite32(window, layout::kS2cr + 4 * entry, layout::kS2crBypass));
}

// Root, two tables, and a last table that maps three pages: the third one read-only.
void Macros::WriteTables(uint64_t slot, Events* out) {
  for (uint64_t level = 0; level < 3; ++level) {
    out->push_back(HostStore64(SlotPage(values_, slot, level),
                               SlotPage(values_, slot, level + 1) | layout::kTableDescriptor));
  }
  const uint64_t last = SlotPage(values_, slot, 3);
  for (uint64_t i = 0; i < kSlotData - 1; ++i) {
    const uint64_t attributes = i == 2 ? layout::kLeafReadOnly : layout::kLeafReadWrite;
    out->push_back(HostStore64(last + 8 * (kFirstLeaf + i),
                               SlotPage(values_, slot, kSlotData + i) | attributes));
  }
}

void Macros::AttachTranslated(const Sketch& sketch, Events* out) {
  const model::ClientInfo* client = sketch.FindUnmatched(&random_);
  if (client == nullptr) return;
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(client->side));
  const uint64_t entry = sketch.FreeEntry(&random_, client->side);
  const uint32_t bank = static_cast<uint32_t>(values_.Bank(&random_, client->side));
  const uint64_t slot = random_.Below(kTableSlots);
  const uint64_t asid = uint64_t{bank} << 48;
  const uint64_t s2cr = layout::kS2cr + 4 * entry;
  WriteTables(slot, out);
  out->push_back(HostWrite32(window, s2cr, layout::kS2crFault));
  out->push_back(HostWrite32(window, layout::kSmr + 4 * entry,
                             layout::kSmrValid | layout::kSmrMask << 16 | client->default_sid));
  out->push_back(HostWrite32(window, layout::kCba2r + 4 * bank, 1));
  out->push_back(HostWrite32(window, layout::kCbar + 4 * bank, layout::kCbarStage1));
  const auto bank_register = [&](uint32_t offset) { return layout::Bank(bank, offset); };
  out->push_back(HostWrite32(window, bank_register(layout::kTcr2), layout::kTcr2Linux));
  out->push_back(HostWrite32(window, bank_register(layout::kTcr), layout::kTcrLinux));
  out->push_back(
      HostWrite64(window, bank_register(layout::kTtbr0), asid | SlotPage(values_, slot, 0)));
  out->push_back(HostWrite64(window, bank_register(layout::kTtbr1), asid));
  out->push_back(HostWrite32(window, bank_register(layout::kMair0), layout::kMair0Linux));
  out->push_back(HostWrite32(window, bank_register(layout::kMair1), 0xffffffff));
  out->push_back(HostWrite32(window, bank_register(layout::kSctlr), layout::kSctlrLinux));
  out->push_back(HostWrite32(window, s2cr, layout::kS2crTranslate | bank));
  const uint64_t dmas = 3 + random_.Below(4);
  for (uint64_t i = 0; i < dmas; ++i) {
    const uint64_t page = random_.Below(kSlotData);
    out->push_back(DmaEvent(client->id, kFirstIova + page * kPage, random_.OneIn(3)));
  }
}

void Macros::Detach(const Sketch& sketch, Events* out) {
  uint64_t side = values_.Smmu(&random_).side;
  uint64_t bank = values_.Bank(&random_, side);
  if (sketch.FindLiveBank(&random_, &side, &bank) || random_.OneIn(2)) {
    out->push_back(HostWrite32(static_cast<uint64_t>(WindowOfSide(side)),
                               layout::Bank(static_cast<uint32_t>(bank), layout::kSctlr), 0));
  }
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(side));
  const uint64_t entry = values_.Entry(&random_, side);
  out->push_back(HostWrite32(window, layout::kS2cr + 4 * entry, layout::kS2crFault));
  out->push_back(HostWrite32(window, layout::kSmr + 4 * entry, 0));
}

void Macros::UnmapAndFlush(const Sketch& sketch, Events* out) {
  Target target;
  if (!sketch.FindTarget(&random_, &target) || !target.translated) return FlushAll(out);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(target.client->side));
  const uint32_t bank = static_cast<uint32_t>(target.bank);
  const uint64_t page = random_.Below(kSlotData - 1);
  const uint64_t leaf = SlotPage(values_, target.slot, 3) + 8 * (kFirstLeaf + page);
  const uint64_t value = target.bank << 48 | (kFirstLeaf + page);
  out->push_back(HostStore64(leaf, 0));
  const uint32_t tlbi =
      static_cast<uint32_t>(random_.OneOf({layout::kTlbival, layout::kTlbiva, layout::kTlbiasid}));
  if (tlbi == layout::kTlbiasid) {
    out->push_back(HostWrite32(window, layout::Bank(bank, tlbi), target.bank));
  } else {
    out->push_back(HostWrite64(window, layout::Bank(bank, tlbi), value));
  }
  Event sync = HostWrite32(window, layout::Bank(bank, layout::kTlbsync), 0);
  sync.arg[4] = 31;
  out->push_back(sync);
  out->push_back(HostRead32(window, layout::Bank(bank, layout::kTlbstatus)));
  out->push_back(DmaEvent(target.client->id, kFirstIova + page * kPage, false));
}

void Macros::DonateUnderDma(const Sketch& sketch, Events* out) {
  Target target;
  const bool attached = sketch.FindTarget(&random_, &target);
  uint64_t page = sketch.PlainPage(&random_);
  if (attached && target.translated) {
    page = SlotPage(values_, target.slot, random_.Below(kSlotPages - 1));
  }
  const uint64_t owner = random_.OneOf({2, 2, 2, 3, 1});
  const uint64_t client = attached ? target.client->id : values_.Client(&random_);
  const uint64_t iova =
      attached && target.translated ? kFirstIova + random_.Below(kSlotData - 1) * kPage : page;
  if (random_.OneIn(2)) out->push_back(DmaEvent(client, iova, false));
  out->push_back(OwnerChange(EventKind::kHypDonate, page, 1, owner));
  out->push_back(DmaEvent(client, iova, random_.OneIn(2)));
  if (random_.OneIn(2)) {
    out->push_back(OwnerChange(EventKind::kHypReclaim, page, 1, owner));
    out->push_back(DmaEvent(client, iova, random_.OneIn(2)));
  }
}

void Macros::ReclaimOne(const Sketch& sketch, Events* out) {
  if (sketch.given().empty()) return DonateUnderDma(sketch, out);
  const Sketch::Given given = sketch.given()[random_.Below(sketch.given().size())];
  out->push_back(OwnerChange(EventKind::kHypReclaim, given.page, 1, given.owner));
}

void Macros::FlushAll(Events* out) {
  const model::SmmuSpec& smmu = values_.Smmu(&random_);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(smmu.side));
  const uint64_t tlbi =
      random_.OneOf({layout::kTlbiallnsnh, layout::kTlbiallnsnh, layout::kTlbiallh});
  Event flush = HostWrite32(window, tlbi, 0xffffffff);
  flush.arg[4] = random_.OneOf({0, 31});
  out->push_back(flush);
  out->push_back(HostWrite32(window, layout::kStlbgsync, 0));
  // A kernel polls, either instance; what matters to the driver is the two writes.
  if (random_.OneIn(3)) {
    const uint64_t instance = random_.Below(smmu.instance_count);
    out->push_back(HostRead32(window + instance, layout::kStlbgstatus));
  }
}

void Macros::PassAround(const Sketch& sketch, Events* out) {
  const uint64_t page = sketch.PlainPage(&random_);
  const uint64_t owner = kFirstGuest + random_.Below(2);
  out->push_back(OwnerChange(EventKind::kHypDonate, page, 1, owner));
  if (random_.OneIn(2)) GoodDma(sketch, out);
  // What stays away is there for other macros to reclaim.
  if (!random_.OneIn(4)) out->push_back(OwnerChange(EventKind::kHypReclaim, page, 1, owner));
}

void Macros::MirrorPair(Events* out) {
  const model::SmmuSpec& smmu = values_.Smmu(&random_);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(smmu.side));
  const uint64_t offset = values_.Register(&random_, window);
  const uint64_t value = values_.RegisterValue(&random_, window, offset);
  out->push_back(HostWrite32(window, offset, value));
  if (smmu.instance_count < 2) return;
  const uint64_t second = random_.OneIn(8) ? value ^ 1 : value;
  out->push_back(HostWrite32(window + 1, offset, second));
  // A mirror write on its own, before its first half, is what a hostile kernel would try.
  if (random_.OneIn(4)) std::swap(out->back(), (*out)[out->size() - 2]);
}

void Macros::RawAbort(Events* out) {
  const model::SmmuSpec& smmu = values_.Smmu(&random_);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(smmu.side));
  const uint64_t offset = values_.Register(&random_, window);
  const uint64_t size = random_.OneOf({2, 2, 3, 0, 1});
  uint64_t esr = kEsrClass | kEsrIl | kEsrIsv | size << kEsrSasShift |
                 random_.OneOf({0, 1, 30, 31}) << kEsrSrtShift | kEsrTranslationLevel3;
  esr |= random_.OneOf({0, kEsrSf});
  esr |= random_.OneOf({0, kEsrWnr});
  if (random_.OneIn(2)) esr ^= uint64_t{1} << random_.Below(26);
  // Any cause: most of them are no fault of a stage 2.
  if (random_.OneIn(4)) esr = (esr & ~kEsrDfsc) | random_.Below(kEsrDfsc + 1);
  Event abort = MakeEvent(EventKind::kHostAbort);
  abort.arg[0] = smmu.window[random_.Below(smmu.instance_count)] + offset;
  abort.arg[0] += random_.OneOf({0, 0, 0, 1, 2, 4});
  if (random_.OneIn(8)) abort.arg[0] = values_.Address(&random_);
  abort.arg[1] = esr;
  abort.arg[2] = values_.RegisterValue(&random_, window, offset);
  out->push_back(abort);
}

void Macros::SyncTimeout(const Sketch& sketch, Events* out) {
  const model::SmmuSpec& smmu = values_.Smmu(&random_);
  Event sync = MakeEvent(EventKind::kHwSync);
  sync.arg[0] = static_cast<uint64_t>(WindowOfSide(smmu.side)) + random_.Below(smmu.instance_count);
  sync.arg[1] = random_.OneOf({kSyncNever, kSyncSlow, kSyncDrawn});
  sync.arg[2] = random_.OneOf({1, 10, 1000});
  out->push_back(sync);
  if (random_.OneIn(2)) {
    DonateUnderDma(sketch, out);
  } else {
    FlushAll(out);
  }
  sync.arg[1] = kSyncImmediate;
  out->push_back(sync);
  FlushAll(out);
}

void Macros::HardwareFault(const Sketch& sketch, Events* out) {
  const auto [side, bank] = sketch.SomeBank(&random_);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(side));
  const uint32_t index = static_cast<uint32_t>(bank);
  Event fault = MakeEvent(EventKind::kHwFault);
  fault.arg[0] = window;
  fault.arg[1] = random_.OneIn(4) ? kGlobalFault : bank;
  fault.arg[2] = random_.OneOf({2, 8, 0x402, 1});
  fault.arg[4] = 0xdead0000;
  fault.arg[5] = values_.Sid(&random_, side);
  out->push_back(fault);
  out->push_back(HostRead32(window, layout::Bank(index, layout::kFsr)));
  out->push_back(HostRead32(window, layout::Bank(index, layout::kFsynr0)));
  out->push_back(HostWrite32(window, layout::Bank(index, layout::kFsr), 0xc00001fe));
}

void Macros::PokeField(const Sketch& sketch, Events* out) {
  const auto [side, bank] = sketch.SomeBank(&random_);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(side));
  uint64_t offset = 0;
  const model::RegisterInfo* reg = values_.AnyRegister(&random_, side, bank, false, &offset);
  if (reg == nullptr) return FlushAll(out);
  const model::FieldInfo* fields = reg->fields;
  uint64_t value = Values::Number(&random_);
  if (fields != nullptr && fields->name != nullptr) {
    size_t count = 0;
    while (fields[count].name != nullptr) ++count;
    const model::FieldInfo& field = fields[random_.Below(count)];
    const uint64_t bits = field.high - field.low + 1u;
    const uint64_t ones = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    value = Values::UsualValue(*reg) ^ (random_.OneOf({ones, 1, random_.Next()}) & ones)
                                           << field.low;
  }
  Event write = WriteWhole(*reg, window, offset, value);
  if (random_.OneIn(8)) write.arg[4] = 31;
  out->push_back(write);
  if (random_.OneIn(2)) out->push_back(HostRead(window, offset, reg->width));
}

void Macros::StageTwoFault(const Sketch& sketch, Events* out) {
  Target target;
  if (!sketch.FindTarget(&random_, &target) || !target.translated) {
    return AttachTranslated(sketch, out);
  }
  const uint64_t page = random_.Below(kSlotData - 1);
  const uint64_t data = SlotPage(values_, target.slot, kSlotData + page);
  if (!sketch.IsGiven(data)) {
    out->push_back(OwnerChange(EventKind::kHypDonate, data, 1, kFirstGuest));
  }
  const uint64_t second = random_.Below(2);
  Event dma = DmaEvent(target.client->id, kFirstIova + page * kPage, random_.OneIn(2));
  dma.arg[4] = second;
  out->push_back(dma);
  const uint64_t window =
      static_cast<uint64_t>(WindowOfSide(target.client->side)) + (random_.OneIn(4) ? 0 : second);
  const auto at = [&](uint32_t offset) {
    return layout::Bank(static_cast<uint32_t>(target.bank), offset);
  };
  out->push_back(HostRead32(window, at(layout::kFsr)));
  if (random_.OneIn(2)) out->push_back(HostRead32(window, at(layout::kFar)));
  if (random_.OneIn(2)) out->push_back(HostRead32(window, at(layout::kFsynr0)));
  if (random_.OneIn(4)) out->push_back(HostWrite32(window, at(layout::kResume), random_.Below(2)));
  out->push_back(HostWrite32(window, at(layout::kFsr), random_.OneOf({0xc00001fe, 0x10, 2})));
  out->push_back(HostRead32(window, at(layout::kFsr)));
}

void Macros::SplitRoot(const Sketch& sketch, Events* out) {
  Target target;
  if (!sketch.FindTarget(&random_, &target) || !target.translated) {
    return AttachTranslated(sketch, out);
  }
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(target.client->side));
  const uint64_t root = layout::Bank(static_cast<uint32_t>(target.bank), layout::kTtbr0);
  const uint64_t value = target.bank << 48 | SlotPage(values_, target.slot, 0);
  out->push_back(HostWrite32(window, root, value & 0xffffffff));
  out->push_back(HostWrite32(window, root + 4, value >> 32));
  if (random_.OneIn(2)) std::swap(out->back(), (*out)[out->size() - 2]);
  out->push_back(DmaEvent(target.client->id, kFirstIova, false));
  if (random_.OneIn(2)) out->push_back(HostRead32(window, root + 4));
}

void Macros::KernelReset(Events* out) {
  const model::SmmuSpec& smmu = values_.Smmu(&random_);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(smmu.side));
  out->push_back(HostRead32(window, layout::kScr0));
  out->push_back(HostWrite32(window, layout::kScr0, random_.OneOf({1, layout::kScr0Linux | 1})));
  const uint64_t entries = smmu.entries > 8 ? 4 : smmu.entries;
  for (uint64_t i = 0; i < entries; ++i) {
    out->push_back(HostWrite32(window, layout::kS2cr + 4 * i, layout::kS2crFault));
    out->push_back(HostWrite32(window, layout::kSmr + 4 * i, 0));
  }
  out->push_back(HostWrite32(window, layout::kTlbiallh, 0xffffffff));
  out->push_back(HostWrite32(window, layout::kTlbiallnsnh, 0xffffffff));
  out->push_back(HostWrite32(window, layout::kStlbgsync, 0));
  out->push_back(HostWrite32(window, layout::kScr0, layout::kScr0Linux));
}

void Macros::ReadAny(const Sketch& sketch, Events* out) {
  const auto [side, bank] = sketch.SomeBank(&random_);
  const model::SmmuSpec* smmu = values_.SmmuOfSide(side);
  const uint64_t mirror = smmu != nullptr && smmu->instance_count > 1 ? random_.Below(2) : 0;
  for (uint64_t n = 1 + random_.Below(4); n > 0; --n) {
    uint64_t offset = 0;
    const model::RegisterInfo* reg = values_.AnyRegister(&random_, side, bank, true, &offset);
    if (reg == nullptr) return;
    const uint64_t width = random_.OneIn(8) ? 12 - reg->width : reg->width;
    out->push_back(HostRead(static_cast<uint64_t>(WindowOfSide(side)) + mirror, offset, width));
  }
}

// Of a stream that is attached: what decides where it goes, and what a kernel has there.
Macros::Policy Macros::PolicyOf(const Sketch& sketch, const Target& target) {
  const uint32_t bank = static_cast<uint32_t>(target.bank);
  const uint64_t entry = sketch.EntryOf(*target.client);
  const uint64_t s2cr = target.translated ? layout::kS2crTranslate | bank : layout::kS2crBypass;
  const Policy policies[] = {
      {layout::kS2cr + 4 * entry, s2cr},
      {layout::kSmr + 4 * entry,
       layout::kSmrValid | layout::kSmrMask << 16 | target.client->default_sid},
      {layout::kScr0, layout::kScr0Linux},
      {layout::kCbar + 4 * bank, layout::kCbarStage1},
      {layout::kCba2r + 4 * bank, 1},
      {layout::Bank(bank, layout::kSctlr), layout::kSctlrLinux},
      {layout::Bank(bank, layout::kTcr), layout::kTcrLinux},
      {layout::Bank(bank, layout::kTcr2), layout::kTcr2Linux},
  };
  return policies[random_.Below(target.translated ? std::size(policies) : 3)];
}

void Macros::BendPolicy(const Sketch& sketch, Events* out) {
  Target target;
  Sketch now = sketch;
  // A stage 1 has the most to bend.
  if (!sketch.FindTranslated(&random_, &target) && !random_.OneIn(4)) {
    const size_t before = out->size();
    AttachTranslated(sketch, out);
    for (size_t i = before; i < out->size(); ++i) now.Note((*out)[i]);
    now.FindTranslated(&random_, &target);
  }
  if (target.client == nullptr) return;
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(target.client->side));
  for (uint64_t n = 2 + random_.Below(10); n > 0; --n) {
    const Policy policy = PolicyOf(now, target);
    // One bit, about four, or about eight: what is decided by few bits is found by many flips.
    uint64_t flips = random_.Next() & random_.Next();
    if (random_.OneIn(2)) flips &= random_.Next();
    if (random_.OneIn(3)) flips = uint64_t{1} << random_.Below(32);
    const uint64_t bent = policy.value ^ (flips & 0xffffffff);
    out->push_back(HostWrite32(window, policy.offset, bent));
    if (random_.OneIn(2)) out->push_back(HostRead32(window, policy.offset));
    if (random_.OneIn(3)) out->push_back(DmaThrough(now, target));
    if (!random_.OneIn(6)) out->push_back(HostWrite32(window, policy.offset, policy.value));
  }
  out->push_back(DmaThrough(now, target));
}

void Macros::EdgeOfShare(const Sketch& sketch, Events* out) {
  const model::SmmuSpec& smmu = values_.Smmu(&random_);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(smmu.side));
  const uint64_t first_entry = smmu.entries - smmu.el2_entries;
  const uint64_t first_bank = smmu.banks - smmu.el2_banks;
  const uint64_t entry =
      random_.OneOf({first_entry - 1, first_entry, smmu.entries - 1u, smmu.entries});
  const model::ClientInfo* client = sketch.FindUnmatched(&random_);
  const uint64_t sid = client == nullptr || client->side != smmu.side
                           ? values_.Sid(&random_, smmu.side)
                           : client->default_sid;
  const uint64_t at = random_.OneIn(2) ? sketch.FreeEntry(&random_, smmu.side) : entry;
  const uint64_t smr = layout::kSmrValid | layout::kSmrMask << 16 | sid;
  out->push_back(HostWrite32(window, layout::kSmr + 4 * at, smr));
  for (uint64_t n = 1 + random_.Below(4); n > 0; --n) {
    const uint64_t bank =
        random_.OneOf({first_bank - 1, first_bank, first_bank + 1, first_bank + 2, smmu.banks - 1u,
                       smmu.banks, values_.Bank(&random_, smmu.side)});
    out->push_back(
        HostWrite32(window, layout::kS2cr + 4 * at,
                    random_.OneIn(4) ? layout::kS2crBypass : layout::kS2crTranslate | bank));
    if (random_.OneIn(2)) out->push_back(HostRead32(window, layout::kS2cr + 4 * at));
    const uint64_t bank_register = layout::Bank(static_cast<uint32_t>(bank), layout::kSctlr);
    const uint64_t setup = random_.OneOf({layout::kCbar + 4 * bank, bank_register});
    const uint64_t value = random_.OneOf({layout::kCbarStage1, layout::kSctlrLinux});
    out->push_back(HostWrite32(window, setup, value));
    const uint64_t offsets[] = {layout::kSmr + 4 * at, layout::kCbar + 4 * bank, bank_register};
    out->push_back(HostRead32(window, offsets[random_.Below(std::size(offsets))]));
    out->push_back(StreamDma(smmu.side, sid, sketch.PlainPage(&random_)));
  }
}

void Macros::Any(const Sketch& sketch, Events* out) {
  if (random_.Below(5) < 2) return DomainMacros(values_, &random_).Any(sketch, out);
  constexpr unsigned kWeights[] = {18, 6, 16, 7, 4, 5, 14, 6, 6,  3, 4,  3,
                                   2,  1, 2,  6, 4, 4, 3,  5, 10, 8, 10, 4};
  switch (random_.Weighted(kWeights)) {
    case 0:
      return GoodDma(sketch, out);
    case 1:
      return BadDma(sketch, out);
    case 2:
      return AttachIdentity(sketch, out);
    case 3:
      return AttachTranslated(sketch, out);
    case 4:
      return Detach(sketch, out);
    case 5:
      return UnmapAndFlush(sketch, out);
    case 6:
      return DonateUnderDma(sketch, out);
    case 7:
      return ReclaimOne(sketch, out);
    case 8:
      return FlushAll(out);
    case 9:
      return MirrorPair(out);
    case 10:
      return ProbeMacros(values_, &random_).ClientWords(out);
    case 11:
      return RawAbort(out);
    case 12:
      return SyncTimeout(sketch, out);
    case 13:
      return HardwareFault(sketch, out);
    case 14:
      return KernelReset(out);
    case 15:
      return PassAround(sketch, out);
    case 16:
      return Overlap(sketch, out);
    case 17:
      return PokeField(sketch, out);
    case 18:
      return StageTwoFault(sketch, out);
    case 19:
      return ReadAny(sketch, out);
    case 20:
      return BendPolicy(sketch, out);
    case 21:
      return EdgeOfShare(sketch, out);
    case 22:
      return ProbeMacros(values_, &random_).Any(sketch, out);
    default:
      return SplitRoot(sketch, out);
  }
}

}  // namespace sidewall::fuzz
