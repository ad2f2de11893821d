// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Two witnesses: the driver and the model typed their tables of registers, fields and clients apart
// from each other, from the specification. Here the two are held against each other, by name, and
// no bit of either can change unnoticed.
#include <gtest/gtest.h>

#include <cstring>

#include "cli/witness.h"

namespace sidewall {
namespace {

std::string Lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text += one + "\n";
  return text;
}

TEST(TwoWitnesses, Agree) {
  const Witness driver = DriverSays();
  EXPECT_GE(driver.size(), 1200u);
  EXPECT_EQ(Lines(Compare(driver, ModelSays())), "");
}

TEST(TwoWitnesses, EveryKnownDifferenceHasItsReason) {
  for (const Known& known : KnownDifferences()) EXPECT_GT(strlen(known.reason), 20u) << known.what;
}

// Whatever bit changes in what the driver says, the model says otherwise.
TEST(TwoWitnesses, AnyBitOfTheDriversIsNoticed) {
  const Witness driver = DriverSays();
  const Witness model = ModelSays();
  for (const auto& [name, value] : driver) {
    for (unsigned bit = 0; bit < 64; ++bit) {
      const Witness flipped = {{name, value ^ uint64_t{1} << bit}};
      bool noticed = false;
      for (const std::string& line : Compare(flipped, model)) {
        noticed = noticed || line.rfind(name + ": ", 0) == 0;
      }
      ASSERT_TRUE(noticed) << name << " bit " << bit;
    }
  }
}

// And whatever bit changes in what the model says, if the driver says something of it.
TEST(TwoWitnesses, AnyBitOfTheModelsIsNoticed) {
  const Witness driver = DriverSays();
  const Witness model = ModelSays();
  size_t compared = 0;
  for (const auto& [name, value] : driver) {
    if (model.count(name) == 0) continue;
    ++compared;
    for (unsigned bit = 0; bit < 64; ++bit) {
      const Witness one = {{name, value}};
      const Witness flipped = {{name, model.at(name) ^ uint64_t{1} << bit}};
      bool noticed = false;
      for (const std::string& line : Compare(one, flipped)) {
        noticed = noticed || line.rfind(name + ": ", 0) == 0;
      }
      ASSERT_TRUE(noticed) << name << " bit " << bit;
    }
  }
  EXPECT_GE(compared, 1200u);
}

// What the model has, the driver has a row for. Of a channel of the memory controller, which is
// closed to the host as a whole, it knows the one register that it reads, and no other.
TEST(TwoWitnesses, TheDriverKnowsEveryRegister) {
  const Witness driver = DriverSays();
  for (const auto& [name, value] : ModelSays()) {
    if (name.size() < 7 || name.substr(name.size() - 7) != ".offset") continue;
    const bool closed = name.rfind("mcch.", 0) == 0;
    const bool known = !closed || name == "mcch.SMMU_BYPASS_CONFIG.offset";
    EXPECT_EQ(driver.count(name), known ? 1u : 0u) << name;
  }
}

// Of what only the model says the driver is no witness: what it has no need of, such as reset
// values and the registers of pages that it closes as a whole. There the rules are.
TEST(TwoWitnesses, WhatOnlyTheModelSaysFollowsFromRules) {
  const Witness driver = DriverSays();
  const Witness model = ModelSays();
  const Witness rules = RulesSay();
  size_t alone = 0;
  for (const auto& [name, value] : model) {
    if (driver.count(name) != 0) continue;
    ++alone;
    EXPECT_EQ(rules.count(name), 1u) << name << " follows from no rule";
  }
  EXPECT_GE(alone, 900u);
  for (const auto& [name, value] : rules) {
    ASSERT_EQ(model.count(name), 1u) << name;
    EXPECT_EQ(model.at(name), value) << name;
  }
}

// A row that was left out, or a difference that is gone, is noticed as well.
TEST(TwoWitnesses, WhatIsMissingIsNoticed) {
  const Witness driver = DriverSays();
  Witness model = ModelSays();
  model.erase("gr0.S2CR.offset");
  EXPECT_EQ(Compare(driver, model).size(), 1u);
  EXPECT_EQ(Compare({}, model).size(), KnownDifferences().size());
}

}  // namespace
}  // namespace sidewall
