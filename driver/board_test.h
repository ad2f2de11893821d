// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The board of the driver's tests: niso1 with two windows and iso with one, the memory controller,
// and 1 GiB of RAM, of which EL2 has the end.
//
//     const sidewall_cfg cfg = TestBoard(5, 4, kPool);
#ifndef SIDEWALL_DRIVER_BOARD_TEST_H_
#define SIDEWALL_DRIVER_BOARD_TEST_H_

#include <cstdint>

#include "sidewall/driver.h"

namespace sidewall_test {

inline constexpr uint64_t kNiso1 = 0x08000000;
inline constexpr uint64_t kNiso1m = 0x07000000;
inline constexpr uint64_t kIso = 0x10000000;
inline constexpr uint64_t kWindowSize = 0x01000000;
inline constexpr uint64_t kMcSid = 0x02c00000;
inline constexpr uint64_t kMcBroadcast = 0x02c10000;
inline constexpr uint64_t kDram = 0x80000000;
inline constexpr uint64_t kDramSize = 0x40000000;
inline constexpr uint64_t kPool = 0xb0000000;  // the last 256 MiB of RAM

// EL2 keeps so many banks and entries of each unit, and RAM from `el2_memory` on.
inline sidewall_cfg TestBoard(uint32_t el2_banks, uint32_t el2_entries, uint64_t el2_memory) {
  sidewall_cfg cfg{};
  cfg.abi = SIDEWALL_ABI;
  cfg.smmu_count = 2;
  cfg.smmu[0] = {
      {kNiso1, kNiso1m}, 2, SIDEWALL_SIDE_NISO1, kWindowSize, el2_banks, el2_entries, 9, 0};
  cfg.smmu[1] = {{kIso, 0}, 1, SIDEWALL_SIDE_ISO, kWindowSize, el2_banks, el2_entries, 9, 0};
  cfg.mc_window_count = 2;
  cfg.mc_window[0] = {kMcSid, 0x10000};
  cfg.mc_window[1] = {kMcBroadcast, 0x10000};
  cfg.dram_count = 1;
  cfg.dram[0] = {kDram, kDramSize};
  cfg.el2_range_count = 1;
  cfg.el2_range[0] = {el2_memory, kDram + kDramSize - el2_memory};
  cfg.sync_timeout_us = 100;
  return cfg;
}

}  // namespace sidewall_test

#endif  // SIDEWALL_DRIVER_BOARD_TEST_H_
