// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Page-table memory with two faces: the model writes through one, the driver reads through the
// other, and a store of the driver past the waist is a crash, not a silent change.
//
//     TableMemory tables(pages, false);
//     tables.data()[5] = descriptor;        // the model's face
//     tables.view()[5];                     // the driver's face; writing here faults
#ifndef SIDEWALL_ORACLE_TABLE_MEMORY_H_
#define SIDEWALL_ORACLE_TABLE_MEMORY_H_

#include <cstddef>
#include <cstdint>

namespace sidewall {

class TableMemory {
 public:
  // forks: the process will, and a child must not share its tables with its parent; the faces are
  // then one memory, and a store past the waist goes unseen.
  TableMemory(size_t pages, bool forks);
  ~TableMemory();
  TableMemory(const TableMemory&) = delete;
  TableMemory& operator=(const TableMemory&) = delete;

  uint64_t* data() const { return data_; }
  const uint64_t* view() const { return view_; }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_ = 0;
  uint64_t* data_ = nullptr;
  const uint64_t* view_ = nullptr;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_TABLE_MEMORY_H_
