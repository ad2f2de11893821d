// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/boot_record.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace sidewall::replay {
namespace {

using boot::Row;
using boot::RowKind;

class BootRecordTest : public testing::Test {
 protected:
  void SetUp() override {
    ram_ = mmap(nullptr, boot::kRamSize, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(ram_, MAP_FAILED);
    block()->magic = boot::kBlockMagic;
  }
  void TearDown() override { munmap(ram_, boot::kRamSize); }

  boot::Block* block() { return boot::BlockIn(ram_); }
  Row* Add(RowKind kind, uint64_t time_ns) {
    Row* row = reinterpret_cast<Row*>(boot::At(ram_, boot::kRows)) + block()->row_count++;
    *row = Row();
    row->kind = kind;
    row->time_ns = time_ns;
    row->leak = boot::kNoClient;
    return row;
  }
  Row* Access(uint64_t time_ns, uint64_t ipa, uint8_t width, bool write, uint64_t value) {
    Row* row = Add(RowKind::kAccess, time_ns);
    row->ipa = ipa;
    row->width = width;
    row->write = write ? 1 : 0;
    row->value = value;
    return row;
  }
  Trace Read() {
    std::string why;
    EXPECT_TRUE(ReadRecord(ram_, &record_, &why)) << why;
    return TraceOf(record_, {"Linux 6.12", "shipped", "not recorded", "test"});
  }

  void* ram_ = nullptr;
  BootRecord record_;
};

TEST_F(BootRecordTest, ATraceOfItIsReadBack) {
  Access(100, 0x12000c00, 4, true, 0x10000);
  Access(100, 0x11000c00, 4, true, 0x10000);
  Access(90, 0x12000c00, 4, false, 0x10000);
  Add(RowKind::kMark, 200)->value = 7;
  const Trace trace = Read();
  Trace again;
  TraceError error;
  ASSERT_TRUE(ParseTrace(FormatTrace(trace), &again, &error)) << error.Text();
  ASSERT_EQ(again.records.size(), 4u);
  // Times only increase, whatever the counter said.
  EXPECT_EQ(again.records[0].time_ns, 100u);
  EXPECT_EQ(again.records[1].time_ns, 101u);
  EXPECT_EQ(again.records[2].time_ns, 102u);
  const auto& mirror = std::get<AccessRecord>(again.records[1].body);
  EXPECT_EQ(mirror.window, Window::kNiso0Mirror);
  EXPECT_EQ(mirror.offset, 0xc00u);
  EXPECT_EQ(std::get<MarkRecord>(again.records[3].body).value, 7u);
}

TEST_F(BootRecordTest, WhatTheDriverNeverHadIsLeftOut) {
  Access(1, 0x12000000, 4, false, 1)->flags = boot::kFlagRaw;
  Access(2, 0x12000000, 0, true, 1);
  Access(3, 0x12000000, 4, false, 1);
  Add(RowKind::kDma, 4)->flags = boot::kFlagRaw | 2;
  Add(RowKind::kDma, 5)->flags = 2;
  const Trace trace = Read();
  ASSERT_EQ(trace.records.size(), 2u);
  EXPECT_EQ(std::get<DmaRecord>(trace.records[1].body).via, DmaVia::kBank);
  EXPECT_EQ(trace.head.counts.left_out, 3u);
}

TEST_F(BootRecordTest, TablesComeBeforeTheirRow) {
  Access(1, 0x12000000, 4, false, 1);
  auto* head = reinterpret_cast<boot::TableHead*>(boot::At(ram_, boot::kTables));
  *head = {1, 0x41000000, 3, 1};
  *reinterpret_cast<boot::TableEntry*>(head + 1) = {511, 0x41001f47};
  block()->table_bytes = sizeof(boot::TableHead) + sizeof(boot::TableEntry);
  Access(2, 0x12000000, 4, false, 1);
  const Trace trace = Read();
  ASSERT_EQ(trace.records.size(), 3u);
  const auto& table = std::get<TableRecord>(trace.records[1].body);
  EXPECT_EQ(table.pa, 0x41000000u);
  ASSERT_EQ(table.entries.size(), 1u);
  EXPECT_EQ(table.entries[0].first, 511);
}

TEST_F(BootRecordTest, AFaultOfStage2BecomesTheOneThatTheKernelReads) {
  Row* row = Add(RowKind::kDma, 1);
  row->width = static_cast<uint8_t>(Window::kNiso0Mirror);
  row->driver = 3;
  row->reason = 4;
  row->status = boot::kDmaStage2;
  Access(2, 0x11830058, 4, false, 0x410);
  Access(3, 0x11830068, 4, false, 0x3);
  Access(4, 0x11830060, 8, false, 0xffff8000);
  Access(5, 0x1101040c, 4, false, 0x4);
  const Trace trace = Read();
  ASSERT_EQ(trace.records.size(), 5u);
  const auto& fault = std::get<FaultRecord>(trace.records[0].body);
  EXPECT_EQ(fault.window, Window::kNiso0Mirror);
  EXPECT_EQ(fault.bank, 3);
  EXPECT_EQ(fault.fsr, 0x410u);
  EXPECT_EQ(fault.far, 0xffff8000u);
  EXPECT_EQ(fault.sid, 4);
  TraceError error;
  EXPECT_TRUE(CheckFaultCauses(trace, &error)) << error.Text();
}

TEST_F(BootRecordTest, LostRowsAreToldInTheHead) {
  Access(1, 0x12000000, 4, false, 1);
  block()->rows_lost = 2;
  EXPECT_EQ(Read().head.lost, 2u);
}

TEST_F(BootRecordTest, ABlockThatContradictsItselfIsRefused) {
  std::string why;
  block()->row_count = boot::kRowsSize;
  EXPECT_FALSE(ReadRecord(ram_, &record_, &why));
  block()->row_count = 0;
  block()->table_bytes = sizeof(boot::TableHead);
  reinterpret_cast<boot::TableHead*>(boot::At(ram_, boot::kTables))->count = 513;
  EXPECT_FALSE(ReadRecord(ram_, &record_, &why));
  block()->table_bytes = 0;
  block()->magic = 0;
  EXPECT_FALSE(ReadRecord(ram_, &record_, &why));
}

TEST_F(BootRecordTest, CostsAreByClassAndDirection) {
  Row* row = Access(1, 0x12000c00, 4, true, 0);
  row->driver = 100;
  row->model = 10;
  Access(2, 0x12000800, 4, true, 0)->driver = 300;
  Access(3, 0x12000800, 4, false, 0)->driver = 7;
  Access(4, 0x02c002c0, 4, false, 0)->driver = 9;
  Access(5, 0x12000c00, 4, true, 0)->flags = boot::kFlagRaw;
  Read();
  const auto costs = CostsOf(record_);
  EXPECT_EQ(costs.at({"SMR and S2CR", true}).accesses, 2u);
  EXPECT_EQ(costs.at({"SMR and S2CR", true}).driver, 400u);
  EXPECT_EQ(costs.at({"SMR and S2CR", true}).model, 10u);
  EXPECT_EQ(costs.at({"SMR and S2CR", false}).driver, 7u);
  EXPECT_EQ(costs.at({"memory controller", false}).driver, 9u);
}

}  // namespace
}  // namespace sidewall::replay
