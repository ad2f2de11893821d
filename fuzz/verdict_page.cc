// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/verdict_page.h"

#include <string_view>

#include "fuzz/boards.h"
#include "fuzz/narrate.h"
#include "fuzz/spelling.h"
#include "model/board.h"

namespace sidewall::fuzz {
namespace {

// "... niso0 SMR[5] = 0xff800006" with the fields behind it; any other line is as it was.
std::string WithFields(const std::string& line) {
  const size_t equals = line.rfind(" = ");
  if (equals == std::string::npos) return line;
  const size_t name = line.rfind(' ', equals - 1);
  const size_t window = name == std::string::npos ? name : line.rfind(' ', name - 1);
  if (name == std::string::npos) return line;
  const size_t start = window == std::string::npos ? 0 : window + 1;
  const std::string_view text = line;
  uint64_t which = 0, offset = 0, value = 0;
  if (!ParseWindowWord(text.substr(start, name - start), &which) ||
      !ParseRegisterWord(which, text.substr(name + 1, equals - name - 1), &offset) ||
      !ParseNumberWord(text.substr(equals + 3), &value)) {
    return line;
  }
  const std::string fields = FieldsText(which, offset, 4, value);
  return fields.empty() ? line : line + "  " + fields;
}

bool AtBoot(const Verdict& verdict, const Program& program) {
  return verdict.at_boot || verdict.event_index >= program.events.size();
}

std::string EventLine(const Verdict& verdict, const Program& program) {
  if (AtBoot(verdict, program)) return "none: the board was coming up";
  return "[" + std::to_string(verdict.event_index) + "] " +
         FormatEvent(program.events[verdict.event_index]);
}

// `at_store`: it is what was wrong, and not only the last one before somebody looked.
void AddStore(const StoreNote& store, bool at_store, const model::BoardSpec& board,
              const LinesOf& lines_of, std::vector<std::string>* page) {
  const std::string word = at_store ? "store   " : "last    ";
  if (store.table) {
    page->push_back(word + "table " + TableText(store.pa, store.after));
    page->push_back("before  " + NumberWord(store.before));
  } else {
    page->push_back(word + StoreText(board, store.pa, store.width, store.after));
    const std::string before = StoreText(board, store.pa, store.width, store.before);
    page->push_back("before  " + before.substr(before.find(" = ") + 3));
  }
  const char* by = "by      ";
  for (const std::string& line : lines_of(store.site)) {
    page->push_back(by + line);
    by = "        ";
  }
}

}  // namespace

std::vector<std::string> VerdictPage(const Verdict& verdict, const Program& program,
                                     const LinesOf& lines_of) {
  std::vector<std::string> page = {"event   " + EventLine(verdict, program)};
  const model::BoardSpec* board = BoardOf(program);
  if (verdict.store.valid && board != nullptr)
    AddStore(verdict.store, verdict.at_store, *board, lines_of, &page);
  for (const std::string& line : verdict.text) page.push_back(WithFields(line));
  // What is looked at after each store was true until the last one. What is looked at when a call
  // returns, or an event ends, may have been wrong for longer.
  std::string since = "since   ";
  if (AtBoot(verdict, program)) {
    since += "the board was coming up; it was true at every check before";
  } else if (!verdict.at_store) {
    since += "found when a call returned or event " + std::to_string(verdict.event_index) +
             " ended, where it is looked at; it was true when last looked at";
  } else if (verdict.store.valid) {
    since += "store " + std::to_string(verdict.store.number) + " of event " +
             std::to_string(verdict.event_index) + "; it was true at every check before";
  } else {
    since += "event " + std::to_string(verdict.event_index) +
             ", before any store of the driver; it was true at every check before";
  }
  page.push_back(since);
  return page;
}

}  // namespace sidewall::fuzz
