// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The configuration is board data, yet a contradiction in it could open a hole that nobody sees
// later (two units in one window, RAM under a register window), so each is looked for.
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

#define SIDEWALL_REQUIRE(condition)    \
  do {                                 \
    if (!(condition)) return __LINE__; \
  } while (false)

constexpr uint32_t kMaxSyncTimeoutUs = 10'000'000;
constexpr uint32_t kMinMcWindow = 0x2000;  // holds the SID registers, and the bypass configuration
constexpr uint32_t kMaxVmid = 0xff;
constexpr uint32_t kMinEl2Banks = 2;  // the host's stage 2 and the fault bank
constexpr uint32_t kMaxWindows =
    SIDEWALL_MAX_SMMUS * SIDEWALL_MAX_INSTANCES + SIDEWALL_MAX_MC_WINDOWS;

bool EndsBelow(const sidewall_range& range, uint64_t limit) {
  return range.size != 0 && range.start < limit && range.size <= limit - range.start;
}

// Both ranges have been checked not to wrap.
bool Disjoint(const sidewall_range& a, const sidewall_range& b) {
  return a.start + a.size <= b.start || b.start + b.size <= a.start;
}

bool Aligned(const sidewall_range& range, uint64_t step) {
  return range.start % step == 0 && range.size % step == 0;
}

uint32_t CheckUnit(const sidewall_smmu_cfg& unit) {
  SIDEWALL_REQUIRE(unit.window_count >= 1 && unit.window_count <= SIDEWALL_MAX_INSTANCES);
  SIDEWALL_REQUIRE(unit.side <= SIDEWALL_SIDE_ISO);
  SIDEWALL_REQUIRE(unit.el2_banks >= kMinEl2Banks && unit.el2_banks < kMaxBanks);
  SIDEWALL_REQUIRE(unit.el2_entries < kMaxEntries);
  SIDEWALL_REQUIRE(unit.host_vmid <= kMaxVmid);
  SIDEWALL_REQUIRE(unit.reserved == 0);
  for (uint32_t i = 0; i < unit.window_count; ++i) {
    const sidewall_range window{unit.window[i], unit.window_size};
    SIDEWALL_REQUIRE(Aligned(window, kSmmuPageSize));
    SIDEWALL_REQUIRE(EndsBelow(window, kFormatBit));
    SIDEWALL_REQUIRE(window.size <= uint64_t{1} << 32);
  }
  return 0;
}

uint32_t CheckUnits(const sidewall_cfg& cfg) {
  SIDEWALL_REQUIRE(cfg.smmu_count >= 1 && cfg.smmu_count <= SIDEWALL_MAX_SMMUS);
  for (uint32_t i = 0; i < cfg.smmu_count; ++i) {
    const uint32_t line = CheckUnit(cfg.smmu[i]);
    if (line != 0) return line;
    for (uint32_t j = 0; j < i; ++j) SIDEWALL_REQUIRE(cfg.smmu[i].side != cfg.smmu[j].side);
  }
  return 0;
}

uint32_t CheckMcWindows(const sidewall_cfg& cfg) {
  SIDEWALL_REQUIRE(cfg.mc_window_count <= SIDEWALL_MAX_MC_WINDOWS);
  SIDEWALL_REQUIRE(cfg.mc_window_count != 1);
  for (uint32_t i = 0; i < cfg.mc_window_count; ++i) {
    SIDEWALL_REQUIRE(Aligned(cfg.mc_window[i], kPageSize));
    SIDEWALL_REQUIRE(EndsBelow(cfg.mc_window[i], kFormatBit));
    SIDEWALL_REQUIRE(cfg.mc_window[i].size >= kMinMcWindow);
  }
  return 0;
}

uint32_t CheckMemory(const sidewall_cfg& cfg) {
  // Without a range of RAM, all of it would be mapped as device memory.
  SIDEWALL_REQUIRE(cfg.dram_count >= 1 && cfg.dram_count <= SIDEWALL_MAX_DRAM);
  SIDEWALL_REQUIRE(cfg.el2_range_count <= SIDEWALL_MAX_EL2_RANGES);
  for (uint32_t i = 0; i < cfg.dram_count; ++i) {
    SIDEWALL_REQUIRE(Aligned(cfg.dram[i], kPageSize));
    SIDEWALL_REQUIRE(EndsBelow(cfg.dram[i], kFormatBit));
    for (uint32_t j = 0; j < i; ++j) SIDEWALL_REQUIRE(Disjoint(cfg.dram[i], cfg.dram[j]));
  }
  for (uint32_t i = 0; i < cfg.el2_range_count; ++i) {
    SIDEWALL_REQUIRE(EndsBelow(cfg.el2_range[i], ~uint64_t{0}));
  }
  return 0;
}

uint32_t CheckWindowsApart(const sidewall_cfg& cfg) {
  sidewall_range windows[kMaxWindows] = {};
  uint32_t count = 0;
  for (uint32_t i = 0; i < cfg.smmu_count; ++i) {
    for (uint32_t j = 0; j < cfg.smmu[i].window_count; ++j) {
      windows[count++] = {cfg.smmu[i].window[j], cfg.smmu[i].window_size};
    }
  }
  for (uint32_t i = 0; i < cfg.mc_window_count; ++i) windows[count++] = cfg.mc_window[i];
  for (uint32_t i = 0; i < count; ++i) {
    for (uint32_t j = 0; j < i; ++j) SIDEWALL_REQUIRE(Disjoint(windows[i], windows[j]));
    for (uint32_t j = 0; j < cfg.dram_count; ++j) {
      SIDEWALL_REQUIRE(Disjoint(windows[i], cfg.dram[j]));
    }
  }
  return 0;
}

// A boot stream is one of the host's, and has an entry of EL2's own.
uint32_t CheckBootStreams(const sidewall_cfg& cfg) {
  SIDEWALL_REQUIRE(cfg.boot_stream_count <= SIDEWALL_MAX_BOOT_STREAMS);
  uint32_t count[SIDEWALL_SIDE_ISO + 1] = {};
  for (uint32_t i = 0; i < cfg.boot_stream_count; ++i) {
    const sidewall_boot_stream& stream = cfg.boot_stream[i];
    SIDEWALL_REQUIRE(stream.side <= SIDEWALL_SIDE_ISO);
    SIDEWALL_REQUIRE(stream.sid != 0 && stream.sid < mc::kQuarantineSid);
    ++count[stream.side];
    for (uint32_t j = 0; j < i; ++j) {
      const sidewall_boot_stream& other = cfg.boot_stream[j];
      SIDEWALL_REQUIRE(other.side != stream.side || other.sid != stream.sid);
    }
  }
  for (uint32_t i = 0; i < cfg.smmu_count; ++i) {
    SIDEWALL_REQUIRE(count[cfg.smmu[i].side] <= cfg.smmu[i].el2_entries);
    count[cfg.smmu[i].side] = 0;
  }
  for (uint32_t of_no_unit : count) SIDEWALL_REQUIRE(of_no_unit == 0);
  return 0;
}

}  // namespace

uint32_t CheckConfig(const sidewall_cfg& cfg) {
  SIDEWALL_REQUIRE(cfg.abi == SIDEWALL_ABI);
  SIDEWALL_REQUIRE(cfg.sync_timeout_us != 0 && cfg.sync_timeout_us <= kMaxSyncTimeoutUs);
  SIDEWALL_REQUIRE((cfg.flags & ~SIDEWALL_CFG_NO_RING) == 0 && cfg.reserved == 0);
  uint32_t line = CheckUnits(cfg);
  if (line == 0) line = CheckBootStreams(cfg);
  if (line == 0) line = CheckMcWindows(cfg);
  if (line == 0) line = CheckMemory(cfg);
  if (line == 0) line = CheckWindowsApart(cfg);
  return line;
}

#undef SIDEWALL_REQUIRE

}  // namespace SIDEWALL_NS
