// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/verdict_page.h"

#include <gtest/gtest.h>

#include "model/board.h"

namespace sidewall::fuzz {
namespace {

using Lines = std::vector<std::string>;

Lines NoLines(const void*) { return {}; }

Program OneWrite() {
  Program program;
  program.board = model::FindBoard("tegra234")->id;
  program.events.push_back({.kind = EventKind::kHostWrite, .arg = {2, 0xc14, 4, 0x10001, 0, 0}});
  return program;
}

Verdict Bypass() {
  Verdict verdict;
  verdict.id = Invariant::kIso05;
  verdict.title = "ISO05: S2CR[5] of niso0 has type bypass";
  verdict.text = {"SID     0x06 on niso0", "entry   niso0 S2CR[5] = 0x00010000"};
  verdict.store = {.valid = true,
                   .pa = 0x12000c14,
                   .width = 4,
                   .before = 0x20000,
                   .after = 0x10000,
                   .number = 2};
  return verdict;
}

TEST(VerdictPage, NamesEventStoreRegistersAndSince) {
  int site = 0;
  Verdict verdict = Bypass();
  verdict.store.site = &site;
  const Lines page = VerdictPage(verdict, OneWrite(), [&](const void* asked) {
    EXPECT_EQ(asked, &site);
    return Lines{"WriteEntry at driver/x.cc:1", "Access at driver/y.cc:2"};
  });
  EXPECT_EQ(page,
            (Lines{"event   [0] host.write32 niso0 S2CR[5] cbndx=1 type=bypass",
                   "store   niso0   S2CR[5] = 0x10000  type=bypass", "before  0x20000  type=fault",
                   "by      WriteEntry at driver/x.cc:1", "        Access at driver/y.cc:2",
                   "SID     0x06 on niso0", "entry   niso0 S2CR[5] = 0x00010000  type=bypass",
                   "since   store 2 of event 0; it was true at every check before"}));
}

TEST(VerdictPage, ABoardThatIsComingUpHasNoEvent) {
  Verdict verdict = Bypass();
  verdict.text.clear();
  verdict.at_boot = true;
  const Lines page = VerdictPage(verdict, OneWrite(), NoLines);
  EXPECT_EQ(page.front(), "event   none: the board was coming up");
  EXPECT_EQ(page.back(), "since   the board was coming up; it was true at every check before");
}

TEST(VerdictPage, WhatIsLookedAtLaterBlamesNoStore) {
  Verdict verdict = Bypass();
  verdict.text.clear();
  verdict.at_store = false;
  const Lines page = VerdictPage(verdict, OneWrite(), NoLines);
  ASSERT_EQ(page.size(), 4u);
  EXPECT_EQ(page[1], "last    niso0   S2CR[5] = 0x10000  type=bypass");
  EXPECT_EQ(
      page[3],
      "since   found when a call returned or event 0 ended, where it is looked at; it was true "
      "when last looked at");
}

TEST(VerdictPage, AStoreOfATable) {
  Verdict verdict = Bypass();
  verdict.text.clear();
  verdict.store = {.valid = true,
                   .table = true,
                   .pa = 0x83802008,
                   .width = 8,
                   .before = 0x800017ff,
                   .after = 0,
                   .number = 1};
  EXPECT_EQ(VerdictPage(verdict, OneWrite(), NoLines)[1], "store   table 0x83802000[1] = 0");
  EXPECT_EQ(VerdictPage(verdict, OneWrite(), NoLines)[2], "before  0x800017ff");
}

TEST(VerdictPage, WithoutAStore) {
  Verdict verdict = Bypass();
  verdict.store.valid = false;
  const Lines page = VerdictPage(verdict, OneWrite(), NoLines);
  EXPECT_EQ(page.back(),
            "since   event 0, before any store of the driver; it was true at every check before");
  EXPECT_EQ(page.size(), 4u);
}

TEST(VerdictPage, BeforeTheFirstEvent) {
  Verdict verdict = Bypass();
  verdict.event_index = 7;
  EXPECT_EQ(VerdictPage(verdict, OneWrite(), NoLines)[0], "event   none: the board was coming up");
}

}  // namespace
}  // namespace sidewall::fuzz
