// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/differences.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "model/registers.h"

namespace sidewall::replay {
namespace {

using Uses = std::array<uint64_t, kMaxDifferences>;

TEST(DifferencesTest, TheTableIsShortAndNoRowIsAWholeRegister) {
  EXPECT_LE(Differences().size(), kMaxDifferences);
  for (const Difference& row : Differences()) {
    EXPECT_NE(row.mask, 0u) << row.name;
    EXPECT_NE(row.mask, 0xffffffffu) << row.name;
    EXPECT_FALSE(std::string(row.reason).empty());
    EXPECT_FALSE(std::string(row.rule).empty());
  }
}

TEST(DifferencesTest, BitsThatRowsCoverAreExplainedAndCounted) {
  Uses uses = {};
  EXPECT_TRUE(ExplainRead(Window::kNiso0, 0x20, 0xfc017e80, 0x4e013e70, uses.data()));
  EXPECT_EQ(std::accumulate(uses.begin(), uses.end(), uint64_t{0}), 5u);
}

TEST(DifferencesTest, OneBitMoreIsNotExplainedAndCountsNothing) {
  Uses uses = {};
  EXPECT_FALSE(ExplainRead(Window::kNiso0, 0x20, 0xfc017e80, 0x4e013f70, uses.data()));
  EXPECT_FALSE(ExplainRead(Window::kNiso0, 0x24, 0xfc017e80, 0x4e013e70, uses.data()));
  EXPECT_EQ(std::count(uses.begin(), uses.end(), 0u), static_cast<long>(uses.size()));
}

TEST(DifferencesTest, ValuesThatARowNamesMustBeThose) {
  Uses uses = {};
  EXPECT_TRUE(ExplainRead(Window::kIso, 0x0, 0x201c36, 0x201c06, uses.data()));
  EXPECT_FALSE(ExplainRead(Window::kIso, 0x0, 0x201c06, 0x201c36, uses.data()));
  EXPECT_TRUE(ExplainRead(Window::kMcSid, 0x2c0, 0x7f, 0x06, uses.data()));
  EXPECT_FALSE(ExplainRead(Window::kMcSid, 0x2c0, 0x06, 0x7f, uses.data()));
  EXPECT_FALSE(ExplainRead(Window::kMcSid, 0x2c4, 0x7f, 0x06, uses.data()));
}

// The register of the client, where the recorder had the reset value.
bool IsExplainedAsSid(const char* client, uint64_t here) {
  Uses uses = {};
  const uint32_t offset = 8u * model::FindClient(client)->id;
  return ExplainRead(Window::kMcSid, offset, 0x7f, here, uses.data());
}

TEST(DifferencesTest, AClientsStreamIdMustBeItsOwn) {
  size_t count = 0;
  const model::ClientInfo* clients = model::Clients(&count);
  for (size_t i = 0; i < count; ++i) {
    const model::ClientInfo& client = clients[i];
    for (uint64_t sid = 0; sid < 0x7f; ++sid) {
      EXPECT_EQ(IsExplainedAsSid(client.name, sid), sid != 0 && sid == client.default_sid)
          << client.name << " " << sid;
    }
  }
  EXPECT_TRUE(IsExplainedAsSid("mgbeard", 0x06));
  EXPECT_FALSE(IsExplainedAsSid("mgbeard", 0x00));
  EXPECT_FALSE(IsExplainedAsSid("mgbeard", 0x49)) << "the SID of mgbebrd";
  EXPECT_FALSE(IsExplainedAsSid("mgbeard", 0x7e));
  EXPECT_FALSE(IsExplainedAsSid("mgbeard", 0x106)) << "a bit outside the mask";
  EXPECT_FALSE(IsExplainedAsSid("ptcr", 0x00)) << "a client without a stream ID of its own";
}

TEST(DifferencesTest, ARowForAllBanksHoldsForEachAndForNothingElse) {
  Uses uses = {};
  EXPECT_TRUE(ExplainRead(Window::kNiso1, 0x800058, 0x2, 0x402, uses.data()));
  EXPECT_TRUE(ExplainRead(Window::kNiso1, 0xfe0058, 0x2, 0x402, uses.data()));
  EXPECT_FALSE(ExplainRead(Window::kNiso1, 0xfe005c, 0x2, 0x402, uses.data()));
  EXPECT_FALSE(ExplainRead(Window::kNiso1, 0x48, 0x2, 0x402, uses.data()));
}

}  // namespace
}  // namespace sidewall::replay
