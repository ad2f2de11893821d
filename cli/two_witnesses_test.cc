// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Two witnesses: the driver and the model typed their register tables apart from each other, from
// the specification. Here the two are held against each other, by name.
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>

#include "driver/register_table.h"
#include "model/registers.h"

namespace sidewall {
namespace {

using Row = SIDEWALL_NS::RegisterRow;
using model::Page;
using model::RegisterInfo;

std::optional<Page> PageOf(SIDEWALL_NS::RegisterPage page) {
  switch (page) {
    case SIDEWALL_NS::RegisterPage::kGr0:
      return Page::kGr0;
    case SIDEWALL_NS::RegisterPage::kGr1:
      return Page::kGr1;
    case SIDEWALL_NS::RegisterPage::kGid:
      return Page::kGid;
    case SIDEWALL_NS::RegisterPage::kPmu:
      return Page::kPmu;
    case SIDEWALL_NS::RegisterPage::kSsd:
      return Page::kSsd;
    case SIDEWALL_NS::RegisterPage::kReserved:
      return std::nullopt;
    case SIDEWALL_NS::RegisterPage::kBank:
      return Page::kBank;
    case SIDEWALL_NS::RegisterPage::kMcSid:
      return Page::kMcSid;
  }
  return std::nullopt;
}

const RegisterInfo* InModel(const Row& row) {
  size_t count = 0;
  const RegisterInfo* all = model::Registers(&count);
  for (size_t i = 0; i < count; i++) {
    if (PageOf(row.page) == all[i].page && std::strcmp(row.name, all[i].name) == 0) return &all[i];
  }
  return nullptr;
}

const Row* InDriver(const RegisterInfo& info) {
  for (uint32_t i = 0; i < SIDEWALL_NS::RegisterCount(); i++) {
    const Row* row = SIDEWALL_NS::RegisterAt(i);
    if (PageOf(row->page) == info.page && std::strcmp(row->name, info.name) == 0) return row;
  }
  return nullptr;
}

TEST(TwoWitnesses, WhatTheDriverActsOnLiesWhereTheModelHasIt) {
  uint32_t compared = 0;
  for (uint32_t i = 0; i < SIDEWALL_NS::RegisterCount(); i++) {
    const Row& row = *SIDEWALL_NS::RegisterAt(i);
    if (row.policy == SIDEWALL_NS::RegisterClass::kRazWi) continue;
    const RegisterInfo* info = InModel(row);
    // Identification registers of the last page have many names; they are compared by offset.
    if (row.id == SIDEWALL_NS::RegisterId::kPeripheralId) continue;
    ASSERT_NE(info, nullptr) << row.name;
    EXPECT_EQ(row.offset, info->offset) << row.name;
    EXPECT_EQ(row.width, info->width) << row.name;
    EXPECT_EQ(row.count, info->count) << row.name;
    if (row.count > 1) {
      EXPECT_EQ(row.stride, info->stride) << row.name;
    }
    compared++;
  }
  EXPECT_GE(compared, 50u);
}

TEST(TwoWitnesses, WhatTheModelHasTheDriverHasARowFor) {
  size_t count = 0;
  const RegisterInfo* all = model::Registers(&count);
  for (size_t i = 0; i < count; i++) {
    if (all[i].access == model::Access::kRazWi || all[i].page == Page::kMcChannel) continue;
    const Row* row = InDriver(all[i]);
    EXPECT_NE(row, nullptr) << all[i].name;
    if (row != nullptr) {
      EXPECT_EQ(row->offset, all[i].offset) << all[i].name;
    }
  }
}

}  // namespace
}  // namespace sidewall
