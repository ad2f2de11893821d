// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/table_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace sidewall {

// One anonymous file, mapped twice. Where the kernel offers no such file (a very narrow sandbox)
// both faces are the same memory: the tests lose a trap, not their meaning.
TableMemory::TableMemory(size_t pages, bool forks) : bytes_(pages * 4096) {
  const int fd = forks ? -1 : memfd_create("sidewall-tables", MFD_CLOEXEC);
  void* data = MAP_FAILED;
  void* view = MAP_FAILED;
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes_)) == 0) {
    data = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    view = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd, 0);
  }
  if (fd >= 0) close(fd);
  if (data == MAP_FAILED || view == MAP_FAILED) {
    data = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    view = data;
  }
  if (data == MAP_FAILED) std::abort();
  data_ = static_cast<uint64_t*>(data);
  view_ = static_cast<const uint64_t*>(view);
}

TableMemory::~TableMemory() {
  if (view_ != data_) munmap(const_cast<uint64_t*>(view_), bytes_);
  munmap(data_, bytes_);
}

}  // namespace sidewall
