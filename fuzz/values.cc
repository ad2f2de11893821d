// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/values.h"

#include <algorithm>
#include <cstring>

#include "fuzz/layout.h"

namespace sidewall::fuzz {
namespace {

constexpr uint32_t kGr1 = 0x10000;
constexpr uint64_t kSidPassthrough = 0x7f;
constexpr uint64_t kMaxTestedPages = 512;

constexpr uint32_t PageBase(model::Page page) {
  switch (page) {
    case model::Page::kGr1:
      return kGr1;
    case model::Page::kGid:
      return 0x20000;
    case model::Page::kPmu:
      return 0x30000;
    case model::Page::kSsd:
      return 0x40000;
    case model::Page::kBank:
      return layout::kBankBase;
    default:
      return 0;
  }
}

}  // namespace

Values::Values(const model::BoardSpec& board) : board_(board) {
  size_t count = 0;
  const model::ClientInfo* clients = model::Clients(&count);
  for (size_t i = 0; i < count; ++i) {
    const model::ClientInfo& client = clients[i];
    const bool usable = client.default_sid != 0 && client.default_sid != kSidPassthrough;
    if (SmmuOfSide(client.side) == nullptr) continue;
    if (usable) clients_.push_back(&client);
    if (client.default_sid == 0 && client.node_sid != 0) nodes_.push_back(&client);
  }
  for (size_t i = 0; i < board.dram_count; ++i) {
    const model::Range& ram = board.dram[i];
    // The pool splits a range into what is before it and what is behind.
    const uint64_t split = std::clamp(board.pool.start, ram.start, ram.end());
    const uint64_t resume = std::clamp(board.pool.end(), split, ram.end());
    if (split > ram.start) host_ram_.push_back({ram.start, split - ram.start});
    if (ram.end() > resume) host_ram_.push_back({resume, ram.end() - resume});
  }
  for (const model::Range& range : host_ram_) host_pages_ += range.size / kPage;
}

const model::SmmuSpec& Values::Smmu(Random* random) const {
  return board_.smmu[random->Below(board_.smmu_count)];
}

const model::SmmuSpec* Values::SmmuOfSide(uint64_t side) const {
  for (size_t i = 0; i < board_.smmu_count; ++i) {
    if (board_.smmu[i].side == side) return &board_.smmu[i];
  }
  return nullptr;
}

const model::ClientInfo* Values::KnownClient(Random* random) const {
  return clients_.empty() ? nullptr : clients_[random->Below(clients_.size())];
}

uint64_t Values::Client(Random* random) const {
  const model::ClientInfo* known = KnownClient(random);
  if (!nodes_.empty() && random->OneIn(12)) return nodes_[random->Below(nodes_.size())]->id;
  if (known != nullptr && !random->OneIn(8)) return known->id;
  return random->OneIn(4) ? Number(random) : random->Below(0x200);
}

uint16_t Values::Sid(Random* random, uint64_t side) const {
  if (!random->OneIn(8) && !clients_.empty()) {
    const size_t start = random->Below(clients_.size());
    for (size_t i = 0; i < clients_.size(); ++i) {
      const model::ClientInfo* client = clients_[(start + i) % clients_.size()];
      if (client->side == side) return client->default_sid;
    }
  }
  const uint64_t any = random->Below(0x80);
  return static_cast<uint16_t>(random->OneOf({0, 0x7f, 0x80, 0x7fff, 0x80e, any, any}));
}

uint64_t Values::HostPage(uint64_t n) const {
  if (host_pages_ == 0) return 0;
  n %= host_pages_;
  for (const model::Range& range : host_ram_) {
    if (n < range.size / kPage) return range.start + n * kPage;
    n -= range.size / kPage;
  }
  return 0;
}

uint64_t Values::Address(Random* random) const {
  // A program that keeps to few pages meets itself more often.
  const uint64_t page = HostPage(random->Below(std::min(host_pages_, kMaxTestedPages)));
  const uint64_t offset = random->OneOf({0, 0, 0, 8, 0xff8, 0xfff, 0x800});
  switch (random->Below(16)) {
    case 0:
      return HostPage(host_pages_ - 1 - random->Below(4)) + offset;
    case 1:
      return board_.pool.start + random->Below(board_.pool.size / kPage + 1) * kPage + offset;
    case 2: {
      const model::SmmuSpec& smmu = Smmu(random);
      return smmu.window[random->Below(smmu.instance_count)] + layout::kS2cr;
    }
    case 3:
      if (board_.el2_only_count == 0) return offset;
      return board_.el2_only[random->Below(board_.el2_only_count)].start + offset;
    case 4:
      if (board_.host_mmio_count == 0) return offset;
      return board_.host_mmio[random->Below(board_.host_mmio_count)].start + offset;
    case 5:
      return page | offset | model::kFormatBit;
    case 6: {
      const model::Range& ram = board_.dram[random->Below(board_.dram_count)];
      return random->OneOf({ram.start - 1, ram.start, ram.end() - 1, ram.end(), 0, Number(random)});
    }
    default:
      return page + offset;
  }
}

uint64_t Values::WindowOf(Random* random) const {
  if (random->OneIn(8)) return random->Below(kWindowCount);
  const model::SmmuSpec& smmu = Smmu(random);
  const uint64_t first = static_cast<uint64_t>(WindowOfSide(smmu.side));
  return first + (smmu.instance_count > 1 && random->OneIn(8) ? 1 : 0);
}

uint64_t Values::Index(Random* random, uint64_t count, uint64_t reserved) const {
  const uint64_t host = count > reserved ? count - reserved : 1;
  if (!random->OneIn(8)) return random->Below(std::min<uint64_t>(host, 4));
  return random->OneOf({host - 1, host, count - 1, count, 127, random->Below(128)});
}

uint64_t Values::Bank(Random* random, uint64_t side) const {
  const model::SmmuSpec* smmu = SmmuOfSide(side);
  return smmu == nullptr ? random->Below(128) : Index(random, smmu->banks, smmu->el2_banks);
}

uint64_t Values::Entry(Random* random, uint64_t side) const {
  const model::SmmuSpec* smmu = SmmuOfSide(side);
  return smmu == nullptr ? random->Below(128) : Index(random, smmu->entries, smmu->el2_entries);
}

uint64_t Values::ModelRegister(Random* random, bool mc) const {
  size_t count = 0;
  const model::RegisterInfo* registers = model::Registers(&count);
  for (int attempts = 0; attempts < 32; ++attempts) {
    const model::RegisterInfo& reg = registers[random->Below(count)];
    const bool of_mc = reg.page == model::Page::kMcSid || reg.page == model::Page::kMcChannel;
    if (of_mc != mc) continue;
    uint64_t offset = PageBase(reg.page) + reg.offset + reg.stride * random->Below(reg.count);
    if (reg.page == model::Page::kBank) offset += random->Below(4) * layout::kBankStride;
    return offset;
  }
  return random->Below(0x1000) & ~uint64_t{3};
}

uint64_t Values::Register(Random* random, uint64_t window) const {
  using layout::Bank;
  if (window >= kSmmuWindows) {
    if (random->OneIn(3)) return ModelRegister(random, true);
    const uint64_t client = Client(random);
    return 8 * client + (random->OneIn(4) ? 4 : 0);
  }
  const uint64_t side = SideOfWindow(window);
  const uint64_t entry = Entry(random, side);
  const uint32_t bank = static_cast<uint32_t>(this->Bank(random, side));
  constexpr unsigned kWeights[] = {20, 24, 10, 4, 14, 6, 4, 4, 10, 6, 4};
  switch (random->Weighted(kWeights)) {
    case 0:
      return layout::kSmr + 4 * entry;
    case 1:
      return layout::kS2cr + 4 * entry;
    case 2:
      return layout::kCbar + 4 * bank;
    case 3:
      return layout::kCba2r + 4 * bank;
    case 4:
      return Bank(bank, layout::kSctlr);
    case 5:
      return Bank(bank, static_cast<uint32_t>(random->OneOf({layout::kTtbr0, layout::kTtbr1})));
    case 6:
      return Bank(bank, static_cast<uint32_t>(random->OneOf({layout::kTcr, layout::kTcr2})));
    case 7:
      return Bank(bank, static_cast<uint32_t>(
                            random->OneOf({layout::kTlbiva, layout::kTlbiasid, layout::kTlbiall,
                                           layout::kTlbival, layout::kTlbsync, layout::kFsr})));
    case 8:
      return random->OneOf({layout::kTlbiallnsnh, layout::kTlbiallh, layout::kTlbivmid,
                            layout::kStlbgsync, layout::kSgfsr});
    case 9:
      return ModelRegister(random, false);
    default:
      return layout::kScr0;
  }
}

const model::RegisterInfo* Values::AnyRegister(Random* random, uint64_t side, uint64_t bank,
                                               bool read_only, uint64_t* offset) const {
  size_t count = 0;
  const model::RegisterInfo* registers = model::Registers(&count);
  for (int attempts = 0; attempts < 32; ++attempts) {
    const model::RegisterInfo& reg = registers[random->Below(count)];
    const bool of_mc = reg.page == model::Page::kMcSid || reg.page == model::Page::kMcChannel;
    if (of_mc || (!read_only && reg.access == model::Access::kReadOnly)) continue;
    uint64_t index = reg.count > 1 ? Entry(random, side) % reg.count : 0;
    if (reg.page == model::Page::kGr1) index = bank % reg.count;
    *offset = PageBase(reg.page) + reg.offset + reg.stride * index;
    if (reg.page == model::Page::kBank) *offset += bank * layout::kBankStride;
    return &reg;
  }
  return nullptr;
}

uint64_t Values::UsualValue(const model::RegisterInfo& reg) {
  struct Usual {
    const char* name;
    uint64_t value;
  };
  constexpr Usual kUsual[] = {{"sCR0", layout::kScr0Linux},  {"SCTLR", layout::kSctlrLinux},
                              {"TCR", layout::kTcrLinux},    {"TCR2", layout::kTcr2Linux},
                              {"CBAR", layout::kCbarStage1}, {"CBA2R", 1},
                              {"MAIR0", layout::kMair0Linux}};
  for (const Usual& usual : kUsual) {
    if (std::strcmp(usual.name, reg.name) == 0) return usual.value;
  }
  return reg.reset;
}

uint64_t Values::FromFields(Random* random, const model::RegisterInfo& reg) const {
  uint64_t value = 0;
  for (const model::FieldInfo* field = reg.fields; field->name != nullptr; ++field) {
    const unsigned bits = field->high - field->low + 1u;
    const uint64_t ones = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    const uint64_t draw = random->OneOf({0, 0, 1, ones, random->Next()});
    value |= (draw & ones) << field->low;
  }
  return value;
}

uint64_t Values::RegisterValue(Random* random, uint64_t window, uint64_t offset) const {
  if (random->OneIn(12)) return Number(random);
  if (window >= kSmmuWindows) {
    return random->OneOf(
        {0x7f, 0, 0x100, 0x10101, Sid(random, 0), Sid(random, 1), Sid(random, 1), Number(random)});
  }
  const uint64_t side = SideOfWindow(window);
  const uint64_t bank = Bank(random, side);
  if (offset >= layout::kSmr && offset < layout::kS2cr) {
    // A mask that covers many streams blocks all of them, so it is rare.
    const uint64_t odd = random->OneOf({0, 0, 0x7fff, 1, 0x7f, random->Below(0x8000)});
    const uint64_t mask = random->OneIn(6) ? odd : uint64_t{layout::kSmrMask};
    const uint64_t valid = random->OneOf({layout::kSmrValid, layout::kSmrValid, 0});
    return valid | mask << 16 | Sid(random, side);
  }
  if (offset >= layout::kS2cr && offset < 0xe00) {
    const uint64_t noise = random->OneIn(4) ? random->Next() & 0xfffcff00 : 0;
    return random->Below(4) << 16 | bank | noise;
  }
  if (offset >= layout::kCbar && offset < layout::kCbar + 0x200) {
    const uint64_t type = random->OneOf({1, 1, 1, 0, 2, 3});
    return type << 16 | random->OneOf({0xf300, 0xf300, bank << 8, random->Below(0x10000)});
  }
  uint16_t index = 0;
  uint16_t of_bank = 0;
  const model::RegisterInfo* reg = model::FindRegister(
      static_cast<Window>(window), static_cast<uint32_t>(offset), &index, &of_bank);
  const uint32_t in_bank = offset >= layout::kBankBase ? offset % layout::kBankStride : 0xfffff;
  switch (in_bank) {
    case layout::kSctlr:
      return layout::kSctlrLinux ^ random->OneOf({0, 0, 0, 1, uint64_t{1} << random->Below(32)});
    case layout::kTtbr0:
    case layout::kTtbr1:
      return bank << 48 | Page(random);
    case layout::kTcr:
      return layout::kTcrLinux ^ random->OneOf({0, 0, 1, uint64_t{1} << random->Below(32)});
    default:
      break;
  }
  if (reg != nullptr && reg->fields != nullptr && !random->OneIn(4)) {
    return FromFields(random, *reg);
  }
  return Number(random);
}

uint64_t Values::Number(Random* random) {
  switch (random->Below(6)) {
    case 0:
      return random->Below(16);
    case 1:
      return uint64_t{1} << random->Below(64);
    case 2:
      return (uint64_t{1} << random->Below(64)) - 1;
    case 3:
      return random->Next() & 0xffffffff;
    case 4:
      return ~random->Below(16);
    default:
      return random->Next();
  }
}

uint64_t Values::Argument(Random* random, ArgType type) const {
  switch (type) {
    case ArgType::kWindow:
      return WindowOf(random);
    case ArgType::kWidth:
      return random->OneOf({4, 4, 4, 4, 4, 4, 8, 8, 2, 1});
    case ArgType::kSrt:
      return random->OneOf({0, 1, 19, 30, 31});
    case ArgType::kPa:
      return Address(random);
    case ArgType::kPages:
      return random->OneIn(16) ? Address(random) : Page(random);
    case ArgType::kCount:
      return random->OneOf({1, 1, 1, 1, 2, 8, 0, 0x200});
    case ArgType::kOwner:
      return random->OneOf({2, 2, 2, 2, 3, 1, 0, random->Below(8)});
    case ArgType::kClient:
      return Client(random);
    case ArgType::kSide:
    case ArgType::kIommu:
      return random->OneIn(32) ? random->Below(5) : Smmu(random).side;
    case ArgType::kSid:
      return Sid(random, random->Below(3));
    case ArgType::kDmaFlags: {
      const uint64_t own = random->OneIn(8) ? random->Below(0x80) << kDmaOwnSidShift : 0;
      return random->OneOf({0, 0, kDmaWrite, kDmaWrite, random->Below(16)}) | own;
    }
    case ArgType::kInstance:
      return random->OneOf({kDmaAnyInstance, kDmaAnyInstance, 0, 1});
    default:
      return Number(random);
  }
}

}  // namespace sidewall::fuzz
