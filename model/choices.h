// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What hardware decides where the architecture leaves it free: a stream of bytes from the program.
//
//     const uint8_t bytes[] = {0, 3};
//     Choices choices(bytes, sizeof(bytes));
//     choices.Next();  // 0, the choice of a well-behaved machine; then 3; then zeros for ever
#ifndef SIDEWALL_MODEL_CHOICES_H_
#define SIDEWALL_MODEL_CHOICES_H_

#include <stddef.h>
#include <stdint.h>

namespace sidewall::model {

// Where hardware has freedom it takes its choice from here. An exhausted stream gives zeros, and
// zero is always the choice of a well-behaved machine.
class Choices {
 public:
  constexpr Choices() = default;
  constexpr Choices(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  constexpr uint8_t Next() {
    const uint8_t choice = position_ < size_ ? data_[position_++] : 0;
    if (choice != 0) ++strange_;
    return choice;
  }
  constexpr bool exhausted() const { return position_ >= size_; }
  // How many choices so far a well-behaved machine would not have taken.
  constexpr size_t strange() const { return strange_; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t position_ = 0;
  size_t strange_ = 0;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_CHOICES_H_
