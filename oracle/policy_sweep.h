// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Registers whose policy is a question about one value: the host writes each of the 2^32 values,
// and after every store of the driver the word that hardware has must respect the floor. It needs
// no model of what hardware does with the word, so that all values can be tried in minutes.
//
//     PolicySweep sweep(Policy::kS2cr);
//     sweep.Run({.first = 0, .count = uint64_t{1} << 32});      // or with a stride
//     if (sweep.report().broken) puts(sweep.report().what.c_str());
#ifndef SIDEWALL_ORACLE_POLICY_SWEEP_H_
#define SIDEWALL_ORACLE_POLICY_SWEEP_H_

#include <cstdint>
#include <memory>
#include <string>

namespace sidewall {

// What is written. Around it stand, on the board `tiny`: an entry of the host that translates
// through its bank 0, a device that is a guest's, and everything that EL2 set up.
enum class Policy : uint8_t {
  kSCr0,
  kS2cr,        // of an entry that is valid
  kSmr,         // of an entry that translates; 128 streams, another's entry and a guest's device
  kCbar,        // of the bank that is in use
  kCba2r,       // the same
  kSctlr,       // the same
  kMcOverride,  // of a client of the host's
  kMcSecurity,  // the same
};
inline constexpr Policy kPolicies[] = {Policy::kSCr0,       Policy::kS2cr,      Policy::kSmr,
                                       Policy::kCbar,       Policy::kCba2r,     Policy::kSctlr,
                                       Policy::kMcOverride, Policy::kMcSecurity};

const char* PolicyName(Policy policy);

// The values first, first + stride, ..., `count` of them, modulo 2^32. An odd stride meets each
// value once in 2^32 steps.
struct SweepRange {
  uint64_t first = 0;
  uint64_t count = 0;
  uint64_t stride = 1;
};

struct SweepReport {
  uint64_t values = 0;   // written by the host
  uint64_t stores = 0;   // of the driver to a register that has a floor
  uint64_t changed = 0;  // values after which a word of hardware was another than before
  bool guest = false;    // a device is a guest's; a driver may not know guests
  bool broken = false;   // the sweep stops at the first
  uint32_t value = 0;    // the one that broke it
  std::string what;
};

class PolicySweep {
 public:
  // Puts the board up. A driver that does not come up is told in report().
  explicit PolicySweep(Policy policy);
  ~PolicySweep();
  PolicySweep(const PolicySweep&) = delete;
  PolicySweep& operator=(const PolicySweep&) = delete;

  // May be called again and again: a long sweep in parts is the same sweep.
  void Run(const SweepRange& range);
  const SweepReport& report() const;

 private:
  class Bench;
  std::unique_ptr<Bench> bench_;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_POLICY_SWEEP_H_
