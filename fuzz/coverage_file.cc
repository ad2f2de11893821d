// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/coverage_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <type_traits>

namespace sidewall::fuzz {
namespace {

static_assert(std::is_trivially_copyable_v<Coverage>);
static_assert(sizeof(Coverage) % sizeof(uint64_t) == 0, "added word by word");
constexpr size_t kWords = sizeof(Coverage) / sizeof(uint64_t);

}  // namespace

CoverageFile::CoverageFile(const char* path) {
  if (path == nullptr || *path == 0) return;
  ok_ = false;
  const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) return;
  if (ftruncate(file, sizeof(Coverage)) == 0) {
    void* map = mmap(nullptr, sizeof(Coverage), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) {
      words_ = static_cast<uint64_t*>(map);
      ok_ = true;
    }
  }
  close(file);
}

CoverageFile::~CoverageFile() {
  if (words_ != nullptr) munmap(words_, sizeof(Coverage));
}

void CoverageFile::Add(Coverage* coverage) {
  if (words_ != nullptr) {
    uint64_t words[kWords];
    std::memcpy(words, coverage, sizeof(words));
    for (size_t i = 0; i < kWords; ++i) {
      if (words[i] != 0) __atomic_fetch_add(&words_[i], words[i], __ATOMIC_RELAXED);
    }
  }
  *coverage = Coverage();
}

bool CoverageFile::Read(const char* path, Coverage* coverage) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  uint64_t words[kWords];
  const ssize_t count = read(file, words, sizeof(words));
  close(file);
  if (count != static_cast<ssize_t>(sizeof(words))) return false;
  std::memcpy(coverage, words, sizeof(words));
  return true;
}

}  // namespace sidewall::fuzz
