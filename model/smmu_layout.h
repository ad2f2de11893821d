// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The table behind registers.h, and a constant-time way from an offset to its row.
//
//     const RegisterInfo* row = RowAt(Page::kGr0, 0xc14);   // S2CR
#ifndef SIDEWALL_MODEL_SMMU_LAYOUT_H_
#define SIDEWALL_MODEL_SMMU_LAYOUT_H_

#include <stddef.h>
#include <stdint.h>

#include "model/registers.h"

namespace sidewall::model {

inline constexpr size_t kPageKinds = 8;

// The register that covers a word of a page, offset in the page; null where there is none.
const RegisterInfo* RowAt(Page page, uint32_t offset);

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_SMMU_LAYOUT_H_
