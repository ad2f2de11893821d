// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The invariants by stable ID, and the verdict that names one.
//
//     if (harness.violated()) puts(harness.verdict().Title().c_str());
//     // ISO05: S2CR[5] of niso0 has type bypass after host.write32
#ifndef SIDEWALL_ORACLE_INVARIANT_H_
#define SIDEWALL_ORACLE_INVARIANT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sidewall {

// Numbers are part of the binary format of programs: never changed, never reused.
enum class Invariant : uint8_t {
  kNone = 0,
  kIso01 = 1,
  kIso02 = 2,
  kIso03 = 3,
  kIso04 = 4,
  kIso05 = 5,
  kIso06 = 6,
  kIso07 = 7,
  kIso08 = 8,
  kIso09 = 9,
  kIso10 = 10,
  kIso11 = 11,
  kIso12 = 12,
  kIso13 = 13,
  kFun01 = 21,
  kFun02 = 22,
  kFun03 = 23,
  kFun04 = 24,
  kFun05 = 25,
  kErr01 = 31,
  kErr02 = 32,
  kErr03 = 33,
  kMem01 = 41,
  kMem02 = 42,
  kMem03 = 43,
  kDif01 = 51,
};

struct InvariantInfo {
  Invariant id;
  const char* code;     // "ISO01"
  const char* name;     // "reach"
  const char* meaning;  // one sentence
  bool implemented;     // has a check in this tree
  bool fuzzable;        // a fuzz target can arm it
};
const InvariantInfo* Invariants(size_t* count);
const InvariantInfo* FindInvariant(Invariant id);
const InvariantInfo* FindInvariant(std::string_view code);

// A set of invariants, by number.
using InvariantSet = uint64_t;
constexpr InvariantSet Bit(Invariant id) { return uint64_t{1} << static_cast<unsigned>(id); }
InvariantSet AllInvariants();

// The driver's last store before something was seen to be wrong. `site` is the address of the code
// that made it, null where the engine does not know; `before` and `after` are the word's, 64 bits
// of a table. A store of no register or table of the board is not noted.
struct StoreNote {
  bool valid = false;
  bool table = false;
  uint64_t pa = 0;
  unsigned width = 0;
  uint64_t before = 0;
  uint64_t after = 0;
  uint64_t number = 0;  // of the stores of its event, from 1
  const void* site = nullptr;
};

// What was found. `object` is a kind (stream, entry, bank, page, VMID, client, call), never a
// number, so that one fault is one bucket.
struct Verdict {
  Invariant id = Invariant::kNone;
  std::string object;
  std::vector<std::string> frames;  // innermost first: check, store, call
  size_t event_index = 0;
  bool at_boot = false;           // the board was coming up: no event was under way
  bool at_store = true;           // it was looked at behind the store, and not later
  std::string title;              // one line
  std::vector<std::string> text;  // the path and the registers, for people
  StoreNote store;                // valid where the event had made one, and nobody fuzzes
  std::string Bucket() const;     // <ID>-<object>-<hash8>
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_INVARIANT_H_
