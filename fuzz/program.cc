// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/program.h"

#include <algorithm>

namespace sidewall::fuzz {
namespace {

bool SameEvent(const Event& a, const Event& b) {
  return a.kind == b.kind && a.cpu == b.cpu && a.fail_nth == b.fail_nth && a.expect == b.expect &&
         std::equal(std::begin(a.reserved), std::end(a.reserved), std::begin(b.reserved)) &&
         std::equal(std::begin(a.arg), std::end(a.arg), std::begin(b.arg));
}

}  // namespace

bool Program::operator==(const Program& other) const {
  return board == other.board && ram == other.ram && driver == other.driver &&
         expect == other.expect &&
         std::equal(events.begin(), events.end(), other.events.begin(), other.events.end(),
                    SameEvent) &&
         choices == other.choices && schedule == other.schedule;
}

}  // namespace sidewall::fuzz
