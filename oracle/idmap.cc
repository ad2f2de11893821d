// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/idmap.h"

#include <algorithm>

namespace sidewall {
namespace {

using model::DescriptorKind;

constexpr uint64_t kPageSize = 4096;
constexpr unsigned kLastLevel = 3;
constexpr unsigned kPageBits = 12;
constexpr size_t kNoTable = SIZE_MAX;

}  // namespace

Idmap::Idmap(const model::BoardSpec& board, const uint64_t* view) : board_(board), view_(view) {
  Reset();
}

void Idmap::Reset() {
  geometry_ = model::Stage2Geometry();
  nodes_.assign(board_.pool.size / kPageSize, Node());
  saved_nodes_ = nodes_;
  touched_.clear();
  changed_.clear();
}

void Idmap::Save() {
  for (Node& node : nodes_) node.touched = false;
  saved_nodes_ = nodes_;
  saved_geometry_ = geometry_;
  touched_.clear();
  changed_.clear();
}

void Idmap::Restore() {
  for (size_t page : touched_) nodes_[page] = saved_nodes_[page];
  geometry_ = saved_geometry_;
  touched_.clear();
  changed_.clear();
}

size_t Idmap::PageOf(uint64_t pa) const {
  if (!board_.pool.Contains(pa)) return kNoTable;
  return (pa - board_.pool.start) / kPageSize;
}

uint64_t Idmap::Word(uint64_t pa) const {
  return view_[(pa - board_.pool.start) / sizeof(uint64_t)];
}

void Idmap::Set(size_t page, bool known, unsigned level, uint64_t base) {
  Node& node = nodes_[page];
  if (!node.touched) touched_.push_back(page);
  node = {base, static_cast<uint8_t>(level), known, true};
}

// A table and all that it links; each page is entered once, so that tables in a circle end.
void Idmap::Enter(uint64_t pa, unsigned level, uint64_t base) {
  const size_t page = PageOf(pa);
  if (page == kNoTable) return;
  if (level == kLastLevel) Mark(base, kPageSize / sizeof(uint64_t));
  if (nodes_[page].known) return;
  Set(page, true, level, base);
  if (level == kLastLevel) return;
  for (uint64_t i = 0; i < kPageSize / sizeof(uint64_t); i++) {
    const uint64_t entry = Word((pa & ~(kPageSize - 1)) + i * sizeof(uint64_t));
    if (model::KindOf(entry, level, kPageBits) != DescriptorKind::kTable) continue;
    Enter(entry & model::kAddressMask, level + 1, base + (i << Shift(level)));
  }
}

// What a page size other than 4 KiB maps is not followed, and a board without a stage 2 has none.
void Idmap::Begin(const model::Stage2Geometry& geometry) {
  Reset();
  if (!geometry.valid || geometry.page_bits != kPageBits) return;
  geometry_ = geometry;
  for (uint64_t i = 0; i < geometry.root_pages; i++) {
    const uint64_t base = i << (Shift(geometry.start_level) + 9);
    Enter(geometry.root + i * kPageSize, geometry.start_level, base);
  }
  for (size_t i = 0; i < board_.dram_count; i++) {
    Mark(board_.dram[i].start, board_.dram[i].size / kPageSize);
  }
  for (size_t i = 0; i < board_.host_mmio_count; i++) {
    Mark(board_.host_mmio[i].start, board_.host_mmio[i].size / kPageSize);
  }
}

void Idmap::OnStore(uint64_t pa, uint64_t bytes) {
  const size_t page = PageOf(pa);
  if (page == kNoTable || !nodes_[page].known) return;
  for (uint64_t at = 0; at < bytes; at += sizeof(uint64_t)) OnWord(pa + at);
}

void Idmap::OnWord(uint64_t pa) {
  const Node node = nodes_[PageOf(pa)];
  const uint64_t index = pa % kPageSize / sizeof(uint64_t);
  const uint64_t base = node.base + (index << Shift(node.level));
  const uint64_t entry = Word(pa);
  Mark(base, (uint64_t{1} << Shift(node.level)) / kPageSize);
  if (node.level == kLastLevel) return;
  // What was linked here before is known no more, unless it still is.
  if (model::KindOf(entry, node.level, kPageBits) == DescriptorKind::kTable) {
    Enter(entry & model::kAddressMask, node.level + 1, base);
    return;
  }
  for (size_t page = 0; page < nodes_.size(); page++) {
    const Node& child = nodes_[page];
    if (!child.known || child.level <= node.level || child.base < base) continue;
    if (child.base - base < uint64_t{1} << Shift(node.level)) Set(page, false, 0, 0);
  }
}

Idmap::Leaf Idmap::Find(uint64_t ipa) const {
  Leaf leaf;
  if (!known() || (geometry_.input_bits < 64 && ipa >> geometry_.input_bits != 0)) return leaf;
  uint64_t table = geometry_.root;
  for (unsigned level = geometry_.start_level; level <= kLastLevel; level++) {
    const unsigned shift = Shift(level);
    uint64_t index = ipa >> shift;
    if (level != geometry_.start_level) index &= 511;
    const uint64_t at = table + index * sizeof(uint64_t);
    if (PageOf(at) == kNoTable) return leaf;
    leaf.stored = Word(at);
    const DescriptorKind kind = model::KindOf(leaf.stored, level, kPageBits);
    if (kind == DescriptorKind::kInvalid) return leaf;
    if (kind == DescriptorKind::kLeaf) {
      const uint64_t inside = (uint64_t{1} << shift) - 1;
      leaf.mapped = true;
      leaf.pa = (leaf.stored & model::kAddressMask & ~inside) | (ipa & inside);
      leaf.perm = model::Stage2Permission(leaf.stored);
      return leaf;
    }
    table = leaf.stored & model::kAddressMask;
  }
  return leaf;
}

}  // namespace sidewall
