// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a call must return, from the ghost as it is before the call. What may legitimately differ is
// a parameter, seen in the run: an allocation that failed, hardware that did not answer.
//
//     Expected expected = ExpectedOf(domains, board, call, {.allocation_failed = true});
//     if (const char* wrong = expected.Why(result)) ...
#ifndef SIDEWALL_ORACLE_EXPECTED_H_
#define SIDEWALL_ORACLE_EXPECTED_H_

#include <cstdint>

#include "model/board.h"
#include "oracle/ghost_domains.h"

namespace sidewall {

// Every hardware of ours has as many bits of input, and no board has memory above.
inline constexpr uint64_t kSurelyInRange = uint64_t{1} << 36;
// What one call surely gets through.
inline constexpr uint64_t kSurelyInOneCall = uint64_t{1} << 29;

// Entries of the host's that are valid, as it wrote them, and match streams which a call is about:
// kOwn match these alone, kShared others too.
enum class HostEntries : uint8_t { kNone, kOwn, kShared };

struct Observed {
  bool allocation_failed = false;  // in this call
  bool unanswered = false;         // in this call some register did not answer
  // By side, in this call: a sync of some instance was last seen under way; of those, none was seen
  // to complete; or one was under way when the next one began, or the call ended.
  uint8_t unfinished = 0;
  uint8_t unended = 0;
  uint8_t unsynced = 0;
  bool may_pass = false;  // clients may go past their SMMUs: firmware has not closed that
  uint8_t stuck = 0;      // sides that were to have power again, and did not come back
  bool removed = false;   // the batch that this call ends took a leaf from the host's stage 2
  uint64_t freed = 0;     // pages that this call has given back to the pool that it names
  // Of the streams that the call is about, or of its unit:
  bool down = false;      // without power
  bool has_room = false;  // EL2 has an entry for each, or one left
  bool pinned = false;    // their clients carry them and nothing else
  HostEntries host_entries = HostEntries::kNone;
};

struct Expected {
  enum Claim : uint8_t { kNothing, kServed, kRefused };
  Claim claim = kNothing;
  bool exact = false;  // of an OK: `progress` is what it must be
  bool may_degrade = true;
  bool must_degrade = false;  // or be refused
  bool may_need_pages = false;
  uint64_t progress = 0;
  uint64_t most = ~uint64_t{0};  // of an OK: what `progress` is at most, whatever else is claimed

  static Expected ServedOrRefused(bool served);
  static constexpr const char kWrongProgress[] = "its progress is another";
  // Null, or what is wrong with the result.
  const char* Why(const struct sidewall_result& result) const;
};

Expected ExpectedOf(const GhostDomains& domains, const model::BoardSpec& board, const Call& call,
                    const Observed& observed);
// Of what gives a stream a place, or a unit its power; expected_units.cc. The caller may name all
// that it names.
Expected ExpectedOfUnit(const GhostDomains& domains, const model::BoardSpec& board,
                        const Call& call, const Observed& observed);
// Of what the core asks about its memory and its pools, and of what only looks; expected_core.cc.
Expected ExpectedOfCore(const GhostDomains& domains, const model::BoardSpec& board,
                        const Call& call, const Observed& observed);
// Of mc_register_sid, before the board is up.
Expected ExpectedOfRegistration(const model::BoardSpec& board, const Call& call,
                                bool finalize_begun);

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_EXPECTED_H_
