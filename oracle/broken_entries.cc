// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/broken_entries.h"

namespace sidewall {
namespace {

constexpr uint64_t kPageMask = ~uint64_t{0xfff};

size_t IndexOf(uint64_t pa) { return (pa & ~kPageMask) / sizeof(uint64_t); }

}  // namespace

void BrokenEntries::Clear() {
  moments_.clear();
  pages_.clear();
}

void BrokenEntries::Note(uint64_t pa, uint64_t descriptor, uint64_t root,
                         const Lives::Moment& moment) {
  if (moments_.empty() || moments_.back() != moment) moments_.push_back(moment);
  std::unique_ptr<Page>& page = pages_[pa & kPageMask];
  if (!page) page = std::make_unique<Page>();
  (*page)[IndexOf(pa)] = {descriptor, root, static_cast<uint32_t>(moments_.size())};
}

const BrokenEntries::Entry* BrokenEntries::Find(uint64_t pa) const {
  const auto page = pages_.find(pa & kPageMask);
  if (page == pages_.end()) return nullptr;
  const Entry& entry = (*page->second)[IndexOf(pa)];
  return entry.moment != 0 ? &entry : nullptr;
}

void BrokenEntries::Drop(uint64_t pa) {
  const auto page = pages_.find(pa & kPageMask);
  if (page != pages_.end()) (*page->second)[IndexOf(pa)] = Entry();
}

void BrokenEntries::Forget(uint64_t page) { pages_.erase(page & kPageMask); }

}  // namespace sidewall
