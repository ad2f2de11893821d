// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Memory for a board that is zero, and costs nothing until it is touched: most programs touch
// little of what a board may need, and every process makes a board.
//
//     LazyWords words(1 << 20);
//     words.data()[7] = 1;
#ifndef SIDEWALL_ORACLE_LAZY_WORDS_H_
#define SIDEWALL_ORACLE_LAZY_WORDS_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace sidewall {

class LazyWords {
 public:
  explicit LazyWords(size_t count)
      : data_(static_cast<uint64_t*>(std::calloc(count, sizeof(uint64_t)))), count_(count) {
    if (data_ == nullptr) std::abort();
  }
  uint64_t* data() { return data_.get(); }
  size_t size() const { return count_; }

 private:
  struct Free {
    void operator()(uint64_t* data) const { std::free(data); }
  };
  std::unique_ptr<uint64_t[], Free> data_;
  size_t count_;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_LAZY_WORDS_H_
