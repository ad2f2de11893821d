// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/banks.h"

namespace sidewall {

uint16_t Under(const model::SmmuInstance& smmu, uint16_t bank) {
  const uint32_t cbar = smmu.cbar[bank];
  return model::cbar::Type(cbar) == model::cbar::kNested ? model::cbar::Stage2Bank(cbar) : bank;
}

bool IsStage2(const model::SmmuInstance& smmu, uint16_t bank) {
  return bank < smmu.banks && model::cbar::Type(smmu.cbar[bank]) == model::cbar::kStage2;
}

bool IsOn(const model::SmmuInstance& smmu, uint16_t bank) {
  return (smmu.bank[bank].sctlr & model::sctlr::kM) != 0;
}

bool IsStage2On(const model::SmmuInstance& smmu, uint16_t bank) {
  return IsStage2(smmu, bank) && IsOn(smmu, bank);
}

}  // namespace sidewall
