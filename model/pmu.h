// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The performance monitors of one SMMU instance, as far as software can write them: eight groups of
// four counters. Nothing is counted here; what matters is who can read what. PMCGCR gives a group
// to a context bank, whose page then shows the group's counters and nothing of the others:
//
//     pmu.Write(0x808, pmcgcr::kCbaen | 5);      // PMCGCR[2]: group 2 to bank 5
//     pmu.WriteView(5, 0xe04, 7);                // PMEVCNTR[1] of CB[5]
//     assert(pmu.Read(4 * (2 * 4 + 1)) == 7);    // which is PMEVCNTR[9]
#ifndef SIDEWALL_MODEL_PMU_H_
#define SIDEWALL_MODEL_PMU_H_

#include <stddef.h>
#include <stdint.h>

namespace sidewall::model {

inline constexpr uint32_t kPmuGroups = 8;
inline constexpr uint32_t kPmuGroupCounters = 4;
inline constexpr uint32_t kPmuCounters = kPmuGroups * kPmuGroupCounters;

namespace pmcgcr {
inline constexpr uint32_t kBank = 0xff;  // NDX
inline constexpr uint32_t kCbaen = 1u << 10;
inline constexpr uint32_t kCounters = kPmuGroupCounters << 24;  // CGNC, read-only
inline constexpr uint32_t kKeeps = 0x007f1fff;
}  // namespace pmcgcr

struct Pmu {
  static constexpr uint32_t kFilterKeeps = 0x7fff7fff;
  static constexpr uint32_t kControlKeeps = 0x00000011;  // E and X
  static constexpr uint32_t kConfiguration =
      (kPmuGroups - 1) << 24 | 0x1f << 8 | (kPmuCounters - 1);
  static constexpr uint32_t kViewConfiguration = 0x1f << 8 | (kPmuGroupCounters - 1);

  // The page of the SMMU; offset in it, word aligned.
  uint32_t Read(uint32_t offset) const;
  void Write(uint32_t offset, uint32_t value);
  // The view that the page of a context bank gives of the group that it was given, from 0xe00 up.
  uint32_t ReadView(uint16_t bank, uint32_t offset) const;
  void WriteView(uint16_t bank, uint32_t offset, uint32_t value);

  uint32_t counter[kPmuCounters] = {};
  uint32_t type[kPmuCounters] = {};
  uint32_t group[kPmuGroups] = {};   // PMCGCR
  uint32_t filter[kPmuGroups] = {};  // PMCGSMR
  uint32_t enabled = 0;              // a bit for each counter
  uint32_t interrupt = 0;
  uint32_t overflow = 0;
  uint32_t control = 0;
  uint32_t view_control[kPmuGroups] = {};

 private:
  // The first group of a bank, or kPmuGroups. A bank with two groups is UNPREDICTABLE.
  uint32_t GroupOf(uint16_t bank) const;
  void ClearCounters(uint32_t first, uint32_t count);
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_PMU_H_
