// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A map that is a sorted list. What a fuzz target links must not rest on parts of the library that
// are compiled already, as the trees of std::map are: MemorySanitizer does not see what they write.
//
//     FlatMap<uint64_t, Mapping> pages;
//     pages[iova / kPage] = mapping;
//     if (const auto found = pages.find(n); found != pages.end()) Use(found->second);
#ifndef SIDEWALL_ORACLE_FLAT_MAP_H_
#define SIDEWALL_ORACLE_FLAT_MAP_H_

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace sidewall {

template <typename Key, typename Value>
class FlatMap {
 public:
  using Item = std::pair<Key, Value>;
  using iterator = typename std::vector<Item>::iterator;
  using const_iterator = typename std::vector<Item>::const_iterator;

  iterator begin() { return items_.begin(); }
  iterator end() { return items_.end(); }
  const_iterator begin() const { return items_.begin(); }
  const_iterator end() const { return items_.end(); }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  void clear() { items_.clear(); }

  iterator lower_bound(const Key& key) {
    return std::lower_bound(items_.begin(), items_.end(), key, Less);
  }
  const_iterator lower_bound(const Key& key) const {
    return std::lower_bound(items_.begin(), items_.end(), key, Less);
  }
  iterator find(const Key& key) {
    const iterator at = lower_bound(key);
    return at != end() && at->first == key ? at : end();
  }
  const_iterator find(const Key& key) const {
    const const_iterator at = lower_bound(key);
    return at != end() && at->first == key ? at : end();
  }
  size_t count(const Key& key) const { return find(key) != end() ? 1 : 0; }
  Value& operator[](const Key& key) {
    iterator at = lower_bound(key);
    if (at == end() || at->first != key) at = items_.insert(at, Item(key, Value()));
    return at->second;
  }
  iterator erase(const_iterator at) { return items_.erase(at); }
  iterator erase(const_iterator first, const_iterator last) { return items_.erase(first, last); }
  size_t erase(const Key& key) {
    const iterator at = find(key);
    if (at == end()) return 0;
    items_.erase(at);
    return 1;
  }
  template <typename F>
  void EraseIf(F f) {
    std::erase_if(items_, f);
  }

 private:
  static bool Less(const Item& item, const Key& key) { return item.first < key; }

  std::vector<Item> items_;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_FLAT_MAP_H_
