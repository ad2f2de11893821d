// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the host is to see of fault records and what its writes are to do, register by register.
#include "oracle/fault_view.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sidewall {
namespace {

constexpr uint16_t kHostBanks = 4;
constexpr uint16_t kStage2 = 6;
constexpr uint32_t kTf = 1u << 1;
constexpr uint32_t kEf = 1u << 4;
constexpr uint32_t kMulti = 1u << 31;
constexpr uint32_t kNested = 1u << 2;
constexpr uint32_t kWnr = 1u << 4;

class FaultViewTest : public testing::Test {
 protected:
  FaultViewTest() : smmu_(std::make_unique<model::SmmuInstance>()) {
    smmu_->cbar[0] = uint32_t{3} << 16 | uint32_t{kStage2} << 8;
  }
  FaultPlace Place(const char* name, unsigned width = 4, uint32_t more = 0) const {
    uint32_t offset = 0;
    EXPECT_TRUE(model::ParseRegisterName(Window::kNiso0, name, &offset)) << name;
    FaultPlace place = FindFault(*smmu_, Window::kNiso0Mirror, offset + more, width);
    place.host_banks = kHostBanks;
    return place;
  }
  uint64_t Read(const char* name, unsigned width = 4, Whose whose = Whose::kHosts) const {
    const Shown shown = ShownFault(file_, Place(name, width), whose);
    EXPECT_NE(shown.mask, 0u) << name;
    return shown.value;
  }
  void Write(const char* name, uint64_t value, Whose whose = Whose::kHosts) {
    WriteFault(Place(name), whose, value, &file_);
  }
  // A fault of stage 2 under the host's bank `bank`.
  void MeetStage2(uint32_t bank) {
    file_.bank[kStage2] = {kTf | kMulti, {kNested | kWnr | bank << 16, 9}, 0x55, 0x4000001234};
  }

  std::unique_ptr<model::SmmuInstance> smmu_;
  FaultFile file_;
};

TEST_F(FaultViewTest, OnlyFaultRegistersAreFound) {
  EXPECT_EQ(FindFault(*smmu_, Window::kNiso0, 0, 4).info, nullptr);
  EXPECT_EQ(FindFault(*smmu_, Window::kNiso0, 0xc00, 4).info, nullptr);
  EXPECT_EQ(std::string(Place("CB[3].FAR").info->name), "FAR");
  EXPECT_EQ(Place("CB[3].FAR").bank, 3);
  EXPECT_EQ(Place("CBFRSYNRA[2]").bank, 2);
  EXPECT_TRUE(Place("CB[3].FAR", 4, 4).high);
}

TEST_F(FaultViewTest, ABanksOwnRecordIsShownAsItIs) {
  file_.bank[1] = {kTf | kMulti | 2u << 9 | 1u << 30, {kWnr | 2, 7}, 0x66, 0x1234567890};
  EXPECT_EQ(Read("CB[1].FSR"), kTf | kMulti | 2u << 9) << "nothing ever stalls";
  EXPECT_EQ(Read("CB[1].FSYNR0"), kWnr | 2u);
  EXPECT_EQ(Read("CB[1].FSYNR1"), 7u);
  EXPECT_EQ(Read("CB[1].FAR", 8), 0x1234567890u);
  EXPECT_EQ(ShownFault(file_, Place("CB[1].FAR", 4, 4), Whose::kHosts).value, 0x12u);
  EXPECT_EQ(Read("CBFRSYNRA[1]"), 0x66u);
  EXPECT_EQ(Read("CB[0].FSR"), 0u);
}

TEST_F(FaultViewTest, AStage2FaultIsAnExternalAbortOfItsBank) {
  MeetStage2(1);
  EXPECT_EQ(Read("CB[1].FSR"), kEf | kMulti);
  EXPECT_EQ(Read("CB[1].FSYNR0"), kWnr) << "nothing of stage 2";
  EXPECT_EQ(Read("CB[1].FSYNR1"), 0u);
  EXPECT_EQ(Read("CB[1].FAR", 8), 0x4000001234u);
  EXPECT_EQ(Read("CBFRSYNRA[1]"), 0x55u);
  EXPECT_EQ(Read("CB[2].FSR"), 0u) << "it is about bank 1";
  file_.bank[1].fsr = kTf;
  EXPECT_EQ(Read("CB[1].FSR") & ~kMulti, kTf) << "the bank's own record comes first";
}

TEST_F(FaultViewTest, BanksOfEl2ShowNothing) {
  file_.bank[kHostBanks] = {kTf, {1, 1}, 1, 1};
  EXPECT_EQ(Read("CB[4].FSR"), 0u);
  EXPECT_EQ(Read("CBFRSYNRA[4]"), 0u);
  const FaultFile before = file_;
  Write("CB[4].FSR", kTf);
  Write("CBFRSYNRA[4]", 5);
  EXPECT_EQ(Changed(before, file_, Place("CB[4].FSR")), nullptr);
}

TEST_F(FaultViewTest, TheGlobalRecordIsShownToWhoHadTheStream) {
  file_.gfsr = 2;
  file_.gfar = 0x1234;
  file_.gfsynr[1] = 6;
  EXPECT_EQ(Read("sGFSR"), 2u);
  EXPECT_EQ(Read("sGFAR", 8), 0x1234u);
  EXPECT_EQ(Read("sGFSYNR1"), 6u);
  for (const char* name : {"sGFSR", "sGFAR", "sGFSYNR0", "sGFSYNR1", "sGFSYNR2"}) {
    EXPECT_EQ(Read(name, 4, Whose::kGuests), 0u) << name;
    EXPECT_EQ(ShownFault(file_, Place(name), Whose::kUnclear).mask, 0u) << name;
  }
  Write("sGFSR", 2, Whose::kGuests);
  EXPECT_EQ(file_.gfsr, 2u) << "a guest's stays";
  Write("sGFSRRESTORE", 0x80000002);
  Write("sGFSYNR1", 7);
  EXPECT_EQ(file_.gfsr, 2u) << "none is made up";
  EXPECT_EQ(file_.gfsynr[1], 6u);
  Write("sGFSR", 2);
  EXPECT_EQ(file_.gfsr, 0u);
  EXPECT_EQ(Read("sGFAR", 8), 0u) << "without a status the rest is of any time";
}

TEST_F(FaultViewTest, AWriteEndsTheRecordThatIsShown) {
  MeetStage2(1);
  file_.bank[1].fsr = kTf | kMulti | 2u << 9;
  Write("CB[1].FSR", kTf);
  EXPECT_EQ(file_.bank[1].fsr, kMulti | 2u << 9);
  EXPECT_EQ(file_.bank[kStage2].fsr, kTf | kMulti) << "the one below is not shown yet";
  Write("CB[1].FSR", kMulti);
  EXPECT_EQ(file_.bank[1].fsr, 0u) << "and the format with it";
  Write("CB[1].FSR", kTf | kMulti);
  EXPECT_EQ(file_.bank[kStage2].fsr, kTf | kMulti) << "EF is what is shown";
  Write("CB[2].FSR", kEf);
  EXPECT_EQ(file_.bank[kStage2].fsr, kTf | kMulti) << "it is about bank 1";
  Write("CB[1].FSR", kEf);
  EXPECT_EQ(file_.bank[kStage2].fsr, 0u);
}

TEST_F(FaultViewTest, WhatIsOtherwiseIsNamed) {
  const FaultPlace place = Place("CB[1].FSR");
  FaultFile other = file_;
  EXPECT_EQ(Changed(file_, other, place), nullptr);
  other.bank[2].far = 1;
  EXPECT_NE(Changed(file_, other, place), nullptr);
  other = file_;
  other.gfsynr[2] = 1;
  EXPECT_NE(Changed(file_, other, place), nullptr);
  other = file_;
  other.bank[kStage2].fsr = kTf;
  EXPECT_NE(Changed(file_, other, place), nullptr);
  EXPECT_EQ(Changed(other, file_, place), nullptr) << "a record about no bank may be dropped";
  MeetStage2(1);
  other = file_;
  other.bank[kStage2].fsr = 0;
  EXPECT_NE(Changed(file_, other, place), nullptr) << "one that the host is shown may not";
}

TEST_F(FaultViewTest, WhoseAGlobalRecordIs) {
  constexpr size_t kAt = 2;
  GlobalRecords records;
  records.Look(kAt, 2);
  EXPECT_EQ(records.whose(kAt), Whose::kHosts) << "what was there before is the host's";
  EXPECT_FALSE(records.Waits(kAt));
  records.Look(kAt, 0);
  smmu_->gfsr = 2;
  smmu_->gfsynr[1] = 6;
  records.BeginCall();
  records.Note(kAt, *smmu_, model::kOwnerGuest0);
  records.Note(kAt, *smmu_, model::kOwnerHost);
  EXPECT_EQ(records.whose(kAt), Whose::kGuests) << "the first makes the record";
  EXPECT_TRUE(records.Waits(kAt));
  GhostDomains::SidSet moved;
  moved.set(6);
  records.BeginCall();
  records.Moved(kAt, *smmu_, moved);
  EXPECT_EQ(records.whose(kAt), Whose::kGuests) << "whoever has the stream now";
  records.Look(kAt, 0);
  records.Note(kAt, *smmu_, model::kOwnerHost);
  EXPECT_TRUE(records.Waits(kAt));
  records.Told(kAt, *smmu_, 7);
  EXPECT_TRUE(records.Waits(kAt)) << "of another stream";
  records.Told(kAt, *smmu_, 6);
  EXPECT_FALSE(records.Waits(kAt));
  records.Moved(kAt, *smmu_, moved);
  EXPECT_EQ(records.whose(kAt), Whose::kUnclear);
}

}  // namespace
}  // namespace sidewall
