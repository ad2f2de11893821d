// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a campaign exercised, counted in a file that all its processes map, so that the counts
// outlive a process that a trap or the engine ended.
//
//     CoverageFile file(getenv("SIDEWALL_COVERAGE_FILE"));
//     file.Add(&coverage);      // after each program; clears `coverage`
//
//     Coverage total;
//     CoverageFile::Read("coverage.bin", &total);
#ifndef SIDEWALL_FUZZ_COVERAGE_FILE_H_
#define SIDEWALL_FUZZ_COVERAGE_FILE_H_

#include <cstdint>

#include "oracle/options.h"

namespace sidewall::fuzz {

class CoverageFile {
 public:
  // A null or empty path counts nothing. A file that is not there is made; one that cannot be
  // mapped is a mistake of whoever set the path, and ok() says so.
  explicit CoverageFile(const char* path);
  ~CoverageFile();
  CoverageFile(const CoverageFile&) = delete;
  CoverageFile& operator=(const CoverageFile&) = delete;

  bool ok() const { return ok_; }
  void Add(Coverage* coverage);
  static bool Read(const char* path, Coverage* coverage);

 private:
  uint64_t* words_ = nullptr;
  bool ok_ = true;
};

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_COVERAGE_FILE_H_
