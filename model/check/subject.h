// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The model, put to the same question as the processor: a board whose RAM is that of the image, a
// stream, one or two context banks, programmed by ordinary stores.
//
//     Subject subject;
//     Answer said = subject.Ask(one);
//     if (!Agree(one, said, AnswerOf(result))) Show(one);
#ifndef SIDEWALL_MODEL_CHECK_SUBJECT_H_
#define SIDEWALL_MODEL_CHECK_SUBJECT_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "model/check/cpu.h"
#include "model/check/draw.h"
#include "model/machine.h"

namespace sidewall::check {

class Subject {
 public:
  Subject();

  // What the tables lead to, and what the fault registers then show. Throws std::logic_error where
  // the two contradict each other.
  Answer Ask(const Case& one);

  // For measuring: puts a case in place and leaves it there; then any number of transactions; then
  // back to where it was.
  void Load(const Case& one);
  model::DmaResult Walk(const Case& one) const;
  model::DmaResult Transfer(const Case& one);
  void Unload();
  model::Machine& machine() { return *machine_; }

 private:
  model::DmaRequest RequestOf(const Case& one) const;
  uint32_t BankOf(const Case& one) const;
  void Bank(uint32_t bank, uint32_t offset, uint32_t value);
  void LoadStage1(const Case& one);
  void LoadStage2(const Case& one);

  model::BoardSpec board_;
  model::Arena arena_;
  model::Choices choices_;
  std::vector<uint64_t> pool_, data_, keys_, work_, snapshot_;
  std::unique_ptr<model::Machine> machine_;
};

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_SUBJECT_H_
