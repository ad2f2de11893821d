// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Which clients of the memory controller no SMMU can hold back.
//
//     if (IsUntouchable(client)) continue;     // its registers must stay as firmware left them
#ifndef SIDEWALL_ORACLE_CLIENTS_H_
#define SIDEWALL_ORACLE_CLIENTS_H_

#include <string_view>

#include "model/registers.h"

namespace sidewall {

// PTCR carries the SMMU's own table walks; CPU and NVLink ports do not pass an SMMU at all. What is
// not a client has no register that anybody may write.
inline bool IsUntouchable(uint16_t client) {
  const model::ClientInfo* info = model::FindClient(client);
  if (!info) return true;
  const std::string_view name = info->name;
  for (std::string_view prefix : {"ptcr", "mpcore", "miu", "nvl"}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_CLIENTS_H_
