// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Which stage 2 applies to what a context bank translates, as its registers say.
//
//     Under(smmu, 3);         // the bank that CBAR[3].CBNDX names, or 3, where that is not nested
//     Under(smmu, 0);         // the host's stage 2
//     IsStage2On(smmu, 126);
#ifndef SIDEWALL_ORACLE_BANKS_H_
#define SIDEWALL_ORACLE_BANKS_H_

#include "model/smmu_state.h"

namespace sidewall {

uint16_t Under(const model::SmmuInstance& smmu, uint16_t bank);
// CBAR says that it is one, of a bank that there is.
bool IsStage2(const model::SmmuInstance& smmu, uint16_t bank);
bool IsOn(const model::SmmuInstance& smmu, uint16_t bank);
bool IsStage2On(const model::SmmuInstance& smmu, uint16_t bank);

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_BANKS_H_
