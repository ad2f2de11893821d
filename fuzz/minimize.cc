// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/minimize.h"

#include <algorithm>
#include <utility>

#include "model/event.h"

namespace sidewall::fuzz {
namespace {

class Minimizer {
 public:
  Minimizer(const Program& program, const std::function<bool(const Program&)>& keeps, size_t budget)
      : best_(program), keeps_(keeps), budget_(budget) {}

  Program Run() {
    DropSection(&Program::choices);
    DropSection(&Program::schedule);
    // A later pass may succeed where an earlier one did not, since events depend on each other.
    for (bool smaller = true; smaller && budget_ > 0;) {
      smaller = DropEvents();
      smaller |= Simplify();
    }
    return std::move(best_);
  }

 private:
  bool Try(Program candidate) {
    if (budget_ == 0) return false;
    --budget_;
    if (!keeps_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  // From the end, so that what a later event needs is tried after that event.
  bool DropEvents() {
    bool dropped = false;
    for (size_t chunk = std::max<size_t>(best_.events.size() / 2, 1); chunk > 0; chunk /= 2) {
      for (size_t end = best_.events.size(); end > 0 && budget_ > 0;) {
        const size_t start = end > chunk ? end - chunk : 0;
        Program candidate = best_;
        candidate.events.erase(candidate.events.begin() + static_cast<ptrdiff_t>(start),
                               candidate.events.begin() + static_cast<ptrdiff_t>(end));
        dropped |= Try(std::move(candidate));
        end = start;
      }
    }
    return dropped;
  }

  void DropSection(std::vector<uint8_t> Program::* section) {
    if ((best_.*section).empty()) return;
    Program candidate = best_;
    (candidate.*section).clear();
    if (Try(std::move(candidate))) return;
    for (size_t size = (best_.*section).size() / 2; size > 0; size /= 2) {
      candidate = best_;
      (candidate.*section).resize(size);
      if (!Try(std::move(candidate))) break;
    }
    for (size_t i = 0; i < (best_.*section).size(); ++i) {
      if ((best_.*section)[i] == 0) continue;
      candidate = best_;
      (candidate.*section)[i] = 0;
      Try(std::move(candidate));
    }
  }

  bool Simplify() {
    bool changed = false;
    for (size_t i = 0; i < best_.events.size(); ++i) {
      const EventSpec* spec = FindEventSpec(best_.events[i].kind);
      if (spec == nullptr) continue;
      changed |= Set(i, [](Event* e) { e->cpu = 0; });
      changed |= Set(i, [](Event* e) { e->fail_nth = 0; });
      for (size_t a = 0; a < kEventArgs; ++a) {
        const uint64_t plain = spec->arg[a].default_value;
        const ArgType type = spec->arg[a].type;
        // Zero is no plainer than another name of a window, register or client.
        if (type == ArgType::kWindow || type == ArgType::kRegister || type == ArgType::kClient) {
          continue;
        }
        changed |= Set(i, [=](Event* e) { e->arg[a] = plain; });
      }
    }
    return changed;
  }

  template <typename F>
  bool Set(size_t i, F change) {
    Program candidate = best_;
    change(&candidate.events[i]);
    return candidate != best_ && Try(std::move(candidate));
  }

  Program best_;
  const std::function<bool(const Program&)>& keeps_;
  size_t budget_;
};

}  // namespace

Program Minimize(const Program& program, const std::function<bool(const Program&)>& keeps,
                 size_t budget) {
  return Minimizer(program, keeps, budget).Run();
}

}  // namespace sidewall::fuzz
