// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a call must return, from the ghost as it is before the call. What may legitimately differ is
// a parameter, seen in the run: an allocation that failed, hardware that did not answer.
//
//     Expected expected = ExpectedOf(domains, board, call, {allocation_failed, trouble});
//     if (const char* wrong = expected.Why(result)) ...
#ifndef SIDEWALL_ORACLE_EXPECTED_H_
#define SIDEWALL_ORACLE_EXPECTED_H_

#include <cstdint>

#include "model/board.h"
#include "oracle/ghost_domains.h"

namespace sidewall {

struct Observed {
  bool allocation_failed = false;  // in this call
  bool trouble = false;            // some register did not answer, or some unit is without power
  bool free_entry = false;         // the unit serves, the host has no entry there, EL2 one left
};

struct Expected {
  enum Claim : uint8_t { kNothing, kServed, kRefused };
  Claim claim = kNothing;
  bool exact = false;  // of an OK: `progress` is what it must be
  bool may_degrade = true;
  bool may_need_pages = false;
  uint64_t progress = 0;

  static constexpr const char kWrongProgress[] = "its progress is another";
  // Null, or what is wrong with the result.
  const char* Why(const struct sidewall_result& result) const;
};

Expected ExpectedOf(const GhostDomains& domains, const model::BoardSpec& board, const Call& call,
                    const Observed& observed);

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_EXPECTED_H_
