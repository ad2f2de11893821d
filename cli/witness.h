// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a witness says of the hardware, as a flat list of named numbers, so that two of them can be
// held against each other, and so that a test can flip any bit of one and see that it is noticed.
//
//     Witness driver = DriverSays();                  // "S2CR.TYPE.high" is 17, ...
//     driver.at("S2CR.TYPE.high") ^= 1;
//     Compare(driver, ModelSays()).front();           // "S2CR.TYPE.high: 16 and 17"
#ifndef SIDEWALL_CLI_WITNESS_H_
#define SIDEWALL_CLI_WITNESS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sidewall {

using Witness = std::map<std::string, uint64_t>;

// All that the driver's table and headers hold.
Witness DriverSays();
// All that the model's table holds; of much of it the driver has no need.
Witness ModelSays();

// What follows of registers and fields from a few rules and the manual's way of printing them.
Witness RulesSay();

// In place of a number that a witness does not give.
inline constexpr uint64_t kAbsent = 0xa85e7;

// A difference that there is a reason for.
struct Known {
  const char* what;
  uint64_t driver;
  uint64_t model;
  const char* reason;
};
const std::vector<Known>& KnownDifferences();

// What the driver says and the model does not, or differently, apart from the known differences;
// and known differences that are none. Empty when the two agree.
std::vector<std::string> Compare(const Witness& driver, const Witness& model);

}  // namespace sidewall

#endif  // SIDEWALL_CLI_WITNESS_H_
