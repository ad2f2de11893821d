// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// pKVM's services for the adapter's tests: memory is memory of the test, register windows too, and
// a panic ends the process with a line that a death test looks for.
//
//     Pkvm().pages_left = 0;                    // the pools are empty
//     EXPECT_EQ(Pkvm().requests.back().count, 3u);
#ifndef SIDEWALL_DRIVER_ADAPTER_ANDROID16_FAKE_PKVM_TEST_H_
#define SIDEWALL_DRIVER_ADAPTER_ANDROID16_FAKE_PKVM_TEST_H_

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "driver/adapter/android16/android16.h"

namespace sidewall_test {

// Where pages of the pools lie, which the host has given, and where EL2's own memory does.
inline constexpr uint64_t kFakePages = 0xa0000000;
inline constexpr uint64_t kFakeEl2 = 0xb0000000;

struct FakePkvm {
  size_t pages_left = 64;
  size_t mappings_left = 100;
  bool unuse_fails = false;
  bool donate_fails = false;
  uint64_t counter = 0;
  uint64_t counter_hz = 31250000;
  std::vector<kvm_hyp_req> requests;
  std::vector<std::pair<uint64_t, uint64_t>> unused;
  std::vector<std::pair<uint64_t, uint64_t>> flushed;
  std::vector<std::pair<uint64_t, uint64_t>> donated;  // first page, how many
  std::vector<char> pools;  // 'h' and 'a', a letter for each page that was asked for
  std::vector<const hyp_spinlock_t*> held;

  // The word of a window at a physical address, once it is mapped.
  uint32_t& Register(uint64_t pa);
  uint64_t* Page(uint64_t pa);

  struct Window {
    uint64_t size;
    std::unique_ptr<uint32_t[]> words;
  };
  std::map<uint64_t, Window> windows;
  std::map<uint64_t, std::unique_ptr<uint64_t[]>> pages;
  uint64_t next_page = kFakePages;
};

FakePkvm& Pkvm();

}  // namespace sidewall_test

#endif  // SIDEWALL_DRIVER_ADAPTER_ANDROID16_FAKE_PKVM_TEST_H_
