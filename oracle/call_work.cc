// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/call_work.h"

#include <algorithm>
#include <utility>

namespace sidewall {

CallWork::FreePages CallWork::FreeIn(const model::Pools& pools) {
  FreePages free = {};
  for (uint32_t pool = 0; pool < free.size(); pool++) free[pool] = pools.account(pool).free;
  return free;
}

void CallWork::Begin(const model::Pools& pools) {
  std::vector<Word> words = std::move(words_);
  words.clear();
  *this = CallWork();
  words_ = std::move(words);
  free_before_ = FreeIn(pools);
}

void CallWork::OnLock() {
  holds_++;
  if (held_now_++ == 0) table_stores_before_hold_ = table_stores_;
}

// One that is dropped and was not held is ERR01's.
void CallWork::OnUnlock() {
  if (held_now_ == 0 || --held_now_ != 0) return;
  table_stores_held_ = std::max(table_stores_held_, table_stores_ - table_stores_before_hold_);
}

void CallWork::OnStore(const Word& word) {
  (word.table ? table_stores_ : register_stores_)++;
  if (words_.size() < kWords) words_.push_back(word);
}

}  // namespace sidewall
