// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/sketch.h"

#include <algorithm>

#include "fuzz/layout.h"

namespace sidewall::fuzz {
namespace {

constexpr uint64_t kAddressMask = 0x0000fffffffff000;
constexpr size_t kMaxGiven = 64;
constexpr uint64_t kMaxGivenAtOnce = 4;
constexpr uint64_t kPlainPages = 48;

}  // namespace

uint64_t SlotPage(const Values& values, uint64_t slot, uint64_t n) {
  return values.HostPage(kFirstSlotPage + slot % kTableSlots * kSlotPages + n);
}

Sketch::Sketch(const Values& values) : values_(values), sides_(kSides, Side{}) {}

void Sketch::NoteEntry(Side* side, size_t entry, uint32_t value) {
  const bool was_valid = (side->smr[entry] & layout::kSmrValid) != 0;
  const bool is_valid = (value & layout::kSmrValid) != 0;
  side->smr[entry] = value;
  if (was_valid == is_valid) return;
  if (is_valid) {
    side->valid[side->valid_count++] = static_cast<uint8_t>(entry);
    return;
  }
  for (size_t i = 0; i < side->valid_count; ++i) {
    if (side->valid[i] == entry) side->valid[i] = side->valid[--side->valid_count];
  }
}

void Sketch::NoteWrite(Side* side, uint64_t offset, uint64_t value) {
  if (offset >= layout::kSmr && offset < layout::kSmr + 4 * kEntries) {
    NoteEntry(side, (offset - layout::kSmr) / 4, static_cast<uint32_t>(value));
  } else if (offset >= layout::kS2cr && offset < layout::kS2cr + 4 * kEntries) {
    side->s2cr[(offset - layout::kS2cr) / 4] = static_cast<uint32_t>(value);
  } else if (offset >= layout::kBankBase) {
    const uint64_t bank = (offset - layout::kBankBase) / layout::kBankStride;
    if (bank >= kEntries) return;
    if (offset % layout::kBankStride == layout::kSctlr) {
      side->sctlr[bank] = static_cast<uint32_t>(value);
    } else if (offset % layout::kBankStride == layout::kTtbr0) {
      side->ttbr0[bank] = value & kAddressMask;
    }
  }
}

void Sketch::Note(const Event& event) {
  switch (event.kind) {
    case EventKind::kHostWrite:
      // The second window of a pair only repeats the first.
      if (event.arg[0] < kSmmuWindows && event.arg[0] % 2 == 0) {
        NoteWrite(&sides_[SideOfWindow(event.arg[0])], event.arg[1], event.arg[3]);
      }
      break;
    case EventKind::kHypDonate:
      for (uint64_t n = 0; n < std::min(event.arg[1], kMaxGivenAtOnce); ++n) {
        const uint64_t page = (event.arg[0] & ~(kPage - 1)) + n * kPage;
        if (given_.size() < kMaxGiven) given_.push_back({page, event.arg[2]});
      }
      break;
    case EventKind::kHypReclaim:
      std::erase_if(given_, [&](const Given& g) { return g.page == event.arg[0]; });
      break;
    default:
      roster_.Note(event);
  }
}

bool Sketch::IsGiven(uint64_t page) const {
  for (const Given& given : given_) {
    if (given.page == page) return true;
  }
  return false;
}

uint64_t Sketch::PlainPage(Random* random) const {
  const uint64_t start = random->Below(kPlainPages);
  for (uint64_t i = 0; i < kPlainPages; ++i) {
    const uint64_t page = values_.HostPage((start + i) % kPlainPages);
    if (!IsGiven(page)) return page;
  }
  return values_.HostPage(kPlainPages);
}

size_t Sketch::EntryOf(const model::ClientInfo& client) const {
  const Side& side = sides_[client.side];
  size_t match = kEntries;
  for (size_t n = 0; n < side.valid_count; ++n) {
    const uint32_t smr = side.smr[side.valid[n]];
    const uint32_t mask = smr >> 16 & 0x7fff;
    if (((smr ^ client.default_sid) & 0x7fff & ~mask) != 0) continue;
    // Two that match are as good as none.
    if (match != kEntries) return kEntries;
    match = side.valid[n];
  }
  return match;
}

bool Sketch::Route(const model::ClientInfo& client, Target* target) const {
  const Side& side = sides_[client.side];
  const size_t entry = EntryOf(client);
  if (entry == kEntries) return false;
  const uint32_t type = side.s2cr[entry] >> 16 & 3;
  const uint32_t bank = side.s2cr[entry] & 0xff;
  Target found;
  found.client = &client;
  found.bank = bank;
  found.translated = type == 0;
  if (found.translated) {
    if (bank >= kEntries || (side.sctlr[bank] & 1) == 0) return false;
    while (SlotPage(values_, found.slot, 0) != side.ttbr0[bank]) {
      if (++found.slot == kTableSlots) return false;
    }
  } else if (type != 1) {
    return false;
  }
  *target = found;
  return true;
}

bool Sketch::Reaches(const model::ClientInfo& client) const {
  Target target;
  const Roster::Stream* stream = roster_.FindStream(client.side, client.default_sid);
  if (stream != nullptr) return stream->attached;
  return Route(client, &target);
}

bool Sketch::Delivers(const Event& dma) const {
  const auto* client = model::FindClient(static_cast<uint16_t>(dma.arg[0]));
  Target target;
  if (dma.kind == EventKind::kDmaStream)
    return roster_.Delivers(dma.arg[0], dma.arg[1] & 0x7f, dma.arg[2]);
  if (dma.kind != EventKind::kDma || dma.arg[0] >= model::kNoClient || client == nullptr ||
      client->side >= model::kUnknownSide || !Route(*client, &target)) {
    return false;
  }
  const uint64_t page = dma.arg[1] & ~(kPage - 1);
  if (target.translated) return page - kFirstIova < (kSlotData - 1) * kPage;
  return page - values_.HostPage(0) < kPlainPages * kPage && !IsGiven(page);
}

bool Sketch::FindTarget(Random* random, Target* target) const {
  const auto& clients = values_.clients();
  const size_t start = random->Below(clients.size());
  for (size_t i = 0; i < clients.size(); ++i) {
    if (Route(*clients[(start + i) % clients.size()], target)) return true;
  }
  return false;
}

bool Sketch::FindTranslated(Random* random, Target* target) const {
  *target = {};
  for (int attempts = 0; attempts < 8 && !target->translated; ++attempts) {
    if (!FindTarget(random, target)) break;
  }
  return target->translated;
}

const model::ClientInfo* Sketch::FindUnmatched(Random* random) const {
  for (int attempts = 0; attempts < 16; ++attempts) {
    const model::ClientInfo* client = values_.KnownClient(random);
    if (client != nullptr && !Reaches(*client)) return client;
  }
  return nullptr;
}

bool Sketch::FindLiveBank(Random* random, uint64_t* side, uint64_t* bank) const {
  Target target;
  if (!FindTarget(random, &target) || !target.translated) return false;
  *side = target.client->side;
  *bank = target.bank;
  return true;
}

Sketch::BankOfSide Sketch::SomeBank(Random* random) const {
  BankOfSide some = {};
  some.side = values_.Smmu(random).side;
  some.bank = values_.Bank(random, some.side);
  FindLiveBank(random, &some.side, &some.bank);
  return some;
}

uint64_t Sketch::FreeEntry(Random* random, uint64_t side) const {
  const model::SmmuSpec* smmu = values_.SmmuOfSide(side);
  if (smmu == nullptr || smmu->entries <= smmu->el2_entries) return 0;
  const uint64_t count = smmu->entries - smmu->el2_entries;
  const uint64_t start = random->Below(std::min<uint64_t>(count, 8));
  for (uint64_t i = 0; i < count && i < kEntries; ++i) {
    const uint64_t entry = (start + i) % count;
    if (entry < kEntries && (sides_[side].smr[entry] & layout::kSmrValid) == 0) return entry;
  }
  return 0;
}

}  // namespace sidewall::fuzz
