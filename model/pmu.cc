// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/pmu.h"

namespace sidewall::model {

namespace {

constexpr uint32_t kCounter = 0x000;
constexpr uint32_t kType = 0x400;
constexpr uint32_t kGroup = 0x800;
constexpr uint32_t kFilter = 0xa00;
constexpr uint32_t kEnableSet = 0xc00;
constexpr uint32_t kEnableClear = 0xc20;
constexpr uint32_t kInterruptSet = 0xc40;
constexpr uint32_t kInterruptClear = 0xc60;
constexpr uint32_t kOverflowClear = 0xc80;
constexpr uint32_t kOverflowSet = 0xcc0;
constexpr uint32_t kConfig = 0xe00;
constexpr uint32_t kControl = 0xe04;
constexpr uint32_t kReset = 1u << 1;  // PMCR.P, which reads as zero

// The same in the page of a bank.
constexpr uint32_t kViewCounter = 0xe00;
constexpr uint32_t kViewType = 0xe80;
constexpr uint32_t kViewConfig = 0xf00;
constexpr uint32_t kViewControl = 0xf04;
constexpr uint32_t kViewEnableSet = 0xf40;
constexpr uint32_t kViewEnableClear = 0xf44;
constexpr uint32_t kViewInterruptSet = 0xf48;
constexpr uint32_t kViewInterruptClear = 0xf4c;
constexpr uint32_t kViewOverflowClear = 0xf50;
constexpr uint32_t kViewOverflowSet = 0xf58;

// Below the array the difference wraps around, and is out of range as well.
bool In(uint32_t offset, uint32_t first, uint32_t count) { return (offset - first) / 4 < count; }

}  // namespace

uint32_t Pmu::Read(uint32_t offset) const {
  if (In(offset, kCounter, kPmuCounters)) return counter[(offset - kCounter) / 4];
  if (In(offset, kType, kPmuCounters)) return type[(offset - kType) / 4];
  if (In(offset, kGroup, kPmuGroups)) return group[(offset - kGroup) / 4] | pmcgcr::kCounters;
  if (In(offset, kFilter, kPmuGroups)) return filter[(offset - kFilter) / 4];
  switch (offset) {
    case kEnableSet:
    case kEnableClear:
      return enabled;
    case kInterruptSet:
    case kInterruptClear:
      return interrupt;
    case kOverflowClear:
    case kOverflowSet:
      return overflow;
    case kConfig:
      return kConfiguration;
    case kControl:
      return control;
    default:
      return 0;
  }
}

void Pmu::Write(uint32_t offset, uint32_t value) {
  if (In(offset, kCounter, kPmuCounters)) counter[(offset - kCounter) / 4] = value;
  if (In(offset, kType, kPmuCounters)) type[(offset - kType) / 4] = value;
  if (In(offset, kGroup, kPmuGroups)) group[(offset - kGroup) / 4] = value & pmcgcr::kKeeps;
  if (In(offset, kFilter, kPmuGroups)) filter[(offset - kFilter) / 4] = value & kFilterKeeps;
  switch (offset) {
    case kEnableSet:
      enabled |= value;
      return;
    case kEnableClear:
      enabled &= ~value;
      return;
    case kInterruptSet:
      interrupt |= value;
      return;
    case kInterruptClear:
      interrupt &= ~value;
      return;
    case kOverflowClear:
      overflow &= ~value;
      return;
    case kOverflowSet:
      overflow |= value;
      return;
    case kControl:
      if ((value & kReset) != 0) ClearCounters(0, kPmuCounters);
      control = value & kControlKeeps;
      return;
    default:
      return;
  }
}

uint32_t Pmu::ReadView(uint16_t bank, uint32_t offset) const {
  const uint32_t g = GroupOf(bank);
  if (g == kPmuGroups) return 0;
  const uint32_t first = g * kPmuGroupCounters;
  constexpr uint32_t kBits = (1u << kPmuGroupCounters) - 1;
  if (In(offset, kViewCounter, kPmuGroupCounters)) {
    return counter[first + (offset - kViewCounter) / 4];
  }
  if (In(offset, kViewType, kPmuGroupCounters)) return type[first + (offset - kViewType) / 4];
  switch (offset) {
    case kViewEnableSet:
    case kViewEnableClear:
      return enabled >> first & kBits;
    case kViewInterruptSet:
    case kViewInterruptClear:
      return interrupt >> first & kBits;
    case kViewOverflowClear:
    case kViewOverflowSet:
      return overflow >> first & kBits;
    case kViewConfig:
      return kViewConfiguration;
    case kViewControl:
      return view_control[g];
    default:
      return 0;
  }
}

void Pmu::WriteView(uint16_t bank, uint32_t offset, uint32_t value) {
  const uint32_t g = GroupOf(bank);
  if (g == kPmuGroups) return;
  const uint32_t first = g * kPmuGroupCounters;
  const uint32_t bits = (value & ((1u << kPmuGroupCounters) - 1)) << first;
  if (In(offset, kViewCounter, kPmuGroupCounters)) {
    counter[first + (offset - kViewCounter) / 4] = value;
  }
  if (In(offset, kViewType, kPmuGroupCounters)) {
    type[first + (offset - kViewType) / 4] = value;
  }
  switch (offset) {
    case kViewEnableSet:
      return Write(kEnableSet, bits);
    case kViewEnableClear:
      return Write(kEnableClear, bits);
    case kViewInterruptSet:
      return Write(kInterruptSet, bits);
    case kViewInterruptClear:
      return Write(kInterruptClear, bits);
    case kViewOverflowClear:
      return Write(kOverflowClear, bits);
    case kViewOverflowSet:
      return Write(kOverflowSet, bits);
    case kViewControl:
      if ((value & kReset) != 0) ClearCounters(first, kPmuGroupCounters);
      view_control[g] = value & kControlKeeps;
      return;
    default:
      return;
  }
}

uint32_t Pmu::GroupOf(uint16_t bank) const {
  for (uint32_t g = 0; g < kPmuGroups; ++g) {
    if ((group[g] & pmcgcr::kCbaen) != 0 && (group[g] & pmcgcr::kBank) == bank) return g;
  }
  return kPmuGroups;
}

void Pmu::ClearCounters(uint32_t first, uint32_t count) {
  for (uint32_t i = first; i < first + count; ++i) counter[i] = 0;
}

}  // namespace sidewall::model
