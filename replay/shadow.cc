// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/shadow.h"

namespace sidewall::replay {
namespace {

constexpr uint32_t kValidEntry = 1u << 31;
constexpr uint64_t kAddressBits = 0x0000fffffffff000;  // also drops the software bit 55 of Linux
constexpr uint64_t kDescriptorType = 3;                // a table at levels 0 to 2, a page at 3
constexpr uint64_t kReadOnly = 1 << 7;                 // AP[2]

}  // namespace

void Shadow::Write(const AccessRecord& access) {
  const auto window = static_cast<uint8_t>(access.window);
  if (!access.write || window >= kSmmuWindows || window % 2 != 0) return;
  Unit& unit = units_[window / 2];
  const auto value = static_cast<uint32_t>(access.value);
  const uint32_t offset = access.offset;
  if (offset >= 0x800 && offset < 0xa00) unit.smr[(offset - 0x800) / 4] = value;
  if (offset >= 0xc00 && offset < 0xe00) unit.s2cr[(offset - 0xc00) / 4] = value;
  if (offset < 0x800000) return;
  const uint32_t bank = (offset - 0x800000) >> 16;
  if ((offset & 0xffff) == 0x0) unit.sctlr[bank] = value;
  if ((offset & 0xffff) == 0x20) unit.ttbr0[bank] = access.value;
}

Stream Shadow::Find(uint8_t side, uint16_t sid) const {
  const Unit& unit = units_[side];
  Stream stream;
  stream.side = side;
  stream.sid = sid;
  for (size_t i = 0; i < unit.smr.size(); ++i) {
    const uint32_t smr = unit.smr[i];
    const uint32_t mask = (smr >> 16) & 0x7fff;
    if ((smr & kValidEntry) == 0 || (((smr ^ sid) & ~mask) & 0x7fff) != 0) continue;
    if (stream.kind != StreamKind::kUnmatched) {
      stream.kind = StreamKind::kAmbiguous;
      return stream;
    }
    const uint32_t type = (unit.s2cr[i] >> 16) & 3;
    stream.bank = unit.s2cr[i] & 0x7f;
    stream.root = unit.ttbr0[stream.bank] & kAddressBits;
    const bool on = (unit.sctlr[stream.bank] & 1) != 0;
    stream.kind = type == 1   ? StreamKind::kBypass
                  : type != 0 ? StreamKind::kFault
                  : on        ? StreamKind::kContext
                              : StreamKind::kContextOff;
  }
  return stream;
}

std::vector<Stream> Shadow::Streams() const {
  std::vector<Stream> streams;
  for (uint8_t side = 0; side < units_.size(); ++side) {
    for (const uint32_t smr : units_[side].smr) {
      if ((smr & kValidEntry) == 0) continue;
      const auto id = static_cast<uint16_t>(smr & 0x7fff & ~(smr >> 16));
      streams.push_back(Find(side, id));
    }
  }
  return streams;
}

uint64_t Shadow::Entry(uint64_t page, uint64_t index) const {
  const auto found = pages_.find(page);
  return found == pages_.end() ? 0 : found->second[index];
}

bool Shadow::Collect(uint64_t page, unsigned level, uint64_t base, size_t limit,
                     std::vector<Leaf>* leaves) const {
  const auto found = pages_.find(page);
  if (found == pages_.end()) return true;
  for (uint64_t i = 0; i < 512; ++i) {
    const uint64_t entry = found->second[i];
    if ((entry & 1) == 0) continue;
    if ((entry & kDescriptorType) != kDescriptorType) return false;
    const uint64_t iova = base | i << (39 - 9 * level);
    if (level == 3) {
      if (leaves->size() == limit) return true;
      leaves->push_back({iova, entry & kAddressBits, (entry & kReadOnly) == 0});
    } else if (!Collect(entry & kAddressBits, level + 1, iova, limit, leaves)) {
      return false;
    }
  }
  return true;
}

bool Shadow::Leaves(uint64_t root, size_t limit, std::vector<Leaf>* leaves) const {
  leaves->clear();
  return Collect(root, 0, 0, limit, leaves);
}

WalkResult Shadow::Walk(uint64_t root, uint64_t iova) const {
  WalkResult result;
  uint64_t page = root;
  for (uint8_t level = 0; level <= 3; ++level) {
    result.level = level;
    const uint64_t entry = Entry(page, (iova >> (39 - 9 * level)) & 511);
    if ((entry & kDescriptorType) != kDescriptorType) return result;
    page = entry & kAddressBits;
    if (level == 3) {
      result.mapped = true;
      result.leaf = {iova & ~uint64_t{0xfff}, page, (entry & kReadOnly) == 0};
    }
  }
  return result;
}

}  // namespace sidewall::replay
