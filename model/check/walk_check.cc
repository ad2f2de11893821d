// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/walk_check.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "model/check/qemu.h"
#include "model/check/subject.h"

namespace sidewall::check {
namespace {

constexpr size_t kDifferencesKept = 20;
constexpr uint8_t kOuterShareable = 2;
constexpr uint8_t kNormalNonCacheable = 0x44;

using Clock = std::chrono::steady_clock;
double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const char* FaultName(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "delivered";
    case Fault::kAddressSize:
      return "address size fault";
    case Fault::kTranslation:
      return "translation fault";
    case Fault::kAccessFlag:
      return "access flag fault";
    case Fault::kPermission:
      return "permission fault";
    case Fault::kExternal:
      return "external abort";
    case Fault::kOther:
      break;
  }
  return "something else";
}

std::string TextOf(const Answer& answer) {
  if (answer.fault == Fault::kNone) {
    return fmt::format("{:#x} attribute {:#04x} shareability {}", answer.page, answer.attribute,
                       answer.shareability);
  }
  return fmt::format("{} stage {} level {}{}", FaultName(answer.fault), answer.stage, answer.level,
                     answer.stage1_walk ? " of a table fetch" : "");
}

// The level of the stage-1 descriptor that the last fetch was for.
unsigned FetchLevel(const Case& one, const Answer& model) {
  const unsigned half = (one.address >> 55 & 1) != 0 ? 1 : 0;
  const unsigned page_bits = one.stage1.granule[half];
  const unsigned step = page_bits - 3;
  const unsigned levels = (64 - one.stage1.size[half] - page_bits + step - 1) / step;
  return 4 - levels + model.fetches - 1;
}

// QEMU 7.2 tells the level of the table for a fetch, others that of the stage-2 lookup.
bool LevelsAgree(const Case& one, const Answer& model, const Answer& processor,
                 std::map<std::string, uint64_t>* excluded) {
  if (model.level == processor.level) return true;
  if (!model.stage1_walk) return false;
  ++(*excluded)[HasTwin(one, model) ? "level-of-fetch" : "level-of-refused-fetch"];
  return FetchLevel(one, model) == processor.level;
}

// One stage says device and the other normal memory whose inner nibble QEMU 7.2 takes for a device
// type: the type that the architecture asks for. Otherwise -1.
int MistakenDevice(const Case& one) {
  if (!one.stage1.on || !one.stage2.on) return -1;
  const bool device1 = one.memory[0] >> 4 == 0;
  const bool device2 = one.memory[1] >> 2 == 0;
  const unsigned inner1 = one.memory[0] & 15;
  constexpr unsigned kInnerNonCacheable = 1;
  if (device1 && !device2 && (one.memory[1] & 3) == kInnerNonCacheable) return one.memory[0];
  if (device2 && !device1 && (inner1 == 4 || inner1 == 8)) return one.memory[1] << 2;
  return -1;
}

// What the processor said, with the transient mark where QEMU 7.2 loses it: stage 2 makes
// write-through of the write-back, transient memory of stage 1.
uint8_t WithTransient(const Case& one, uint8_t attribute,
                      std::map<std::string, uint64_t>* excluded) {
  if (!one.stage1.on || !one.stage2.on || one.memory[0] >> 4 == 0 || one.memory[1] >> 2 == 0) {
    return attribute;
  }
  constexpr unsigned kWriteThrough = 2;  // in the two bits of stage 2
  bool changed = false;
  for (unsigned low = 0; low <= 4; low += 4) {
    const unsigned from = one.memory[0] >> low & 15;
    const bool transient = from > 4 && from < 8;
    const bool lost = (attribute >> low & 15) == (8 | (from & 3));
    if (!transient || (one.memory[1] >> low / 2 & 3) != kWriteThrough || !lost) continue;
    attribute &= static_cast<uint8_t>(~(8u << low));
    changed = true;
  }
  if (changed) ++(*excluded)["transient-lost"];
  return attribute;
}

// The stage whose tables decided: that which faulted, else the first that translates.
unsigned DecidingStage(const Case& one, const Answer& answer) {
  if (answer.fault != Fault::kNone && answer.stage != 0) return answer.stage;
  if (answer.fault == Fault::kExternal) return one.stage1.on && !answer.stage1_walk ? 1 : 2;
  return one.stage1.on ? 1 : 2;
}

std::vector<Row> EmptyRows() {
  std::vector<Row> rows;
  for (const char* granule : {"4K", "64K"}) {
    const bool small = granule[0] == '4';
    rows.push_back({fmt::format("{} page", granule)});
    for (int level = small ? 1 : 2; level <= 2; ++level) {
      rows.push_back({fmt::format("{} block level {}", granule, level)});
    }
    for (int level = 0; level <= 3; ++level) {
      rows.push_back({fmt::format("{} translation fault level {}", granule, level)});
    }
    for (const Fault fault : {Fault::kAccessFlag, Fault::kPermission, Fault::kAddressSize}) {
      rows.push_back({fmt::format("{} {}", granule, FaultName(fault))});
    }
  }
  return rows;
}

class Tally {
 public:
  explicit Tally(CheckReport* report) : report_(*report) { report_.rows = EmptyRows(); }

  // Faults by the processor's answer. It does not tell the size of a leaf, so that of the leaves
  // which the model's walk met counts, for a case in which the two agree of the page.
  void Count(const Case& one, const Answer& model, const Answer& answer) {
    const bool nested = one.stage1.on && one.stage2.on;
    ++report_.by_stage[nested          ? "nested"
                       : one.stage1.on ? "stage 1"
                       : one.stage2.on ? "stage 2"
                                       : "neither"];
    const unsigned stage = DecidingStage(one, answer);
    if (answer.fault != Fault::kNone) {
      CountEnd(one, answer, stage);
      return;
    }
    if (model.page == answer.page) CountLeaf(one, model, stage, nested);
  }

 private:
  void CountEnd(const Case& one, const Answer& answer, unsigned stage) {
    const char* granule = GranuleOf(one, stage);
    std::string end = FaultName(answer.fault);
    ++report_.by_end[fmt::format("stage {}{} {} {} level {}", stage,
                                 answer.stage1_walk ? " fetch" : "", granule, end, answer.level)];
    if (answer.fault == Fault::kTranslation) end += fmt::format(" level {}", answer.level);
    CountRow(fmt::format("{} {}", granule, end));
  }

  void CountLeaf(const Case& one, const Answer& model, unsigned stage, bool nested) {
    const bool through_both = nested && IsBothStages(one.operation);
    if (!one.stage1.on && !one.stage2.on) return;
    // Of a nested case the stage that it was drawn for is not known here; take them in turn.
    const unsigned counted = through_both ? 1 + one.index % 2 : stage;
    const unsigned bits = model.leaf_bits[counted - 1];
    if (bits == 0) return;
    const unsigned page_bits = counted == 1 ? one.stage1_granule : one.stage2.granule;
    const unsigned level = 3 - (bits - page_bits) / (page_bits - 3);
    const char* granule = GranuleOf(one, counted);
    const std::string leaf = level == 3 ? "page" : fmt::format("block level {}", level);
    ++report_.by_end[fmt::format("stage {} {} {}", counted, granule, leaf)];
    CountRow(fmt::format("{} {}", granule, leaf));
  }

  void CountRow(const std::string& name) {
    for (Row& row : report_.rows) {
      if (row.name == name) ++row.count;
    }
  }

  static const char* GranuleOf(const Case& one, unsigned stage) {
    const unsigned bits = stage == 1 ? one.stage1_granule : one.stage2.granule;
    return bits == 12 ? "4K" : "64K";
  }

  CheckReport& report_;
};

}  // namespace

const std::vector<Exclusion>& Exclusions() {
  static const std::vector<Exclusion> list = {
      {"attribute-of-stage1-alone",
       "AT S1E* tells what stage 1 says; a transaction has what both stages make of it"},
      {"shareability-of-uncached",
       "with stage 1 alone QEMU 7.2 tells the shareability of the descriptor for device and "
       "non-cacheable memory; the architecture has it outer shareable, which is asked of the "
       "model"},
      {"transient-lost",
       "QEMU 7.2 loses the transient mark of stage 1 where stage 2 makes write-through of "
       "write-back; the architecture keeps all hints of stage 1, which is asked of the model"},
      {"stage-of-external-abort",
       "the abort is taken as an exception; its syndrome tells the level, and not the stage of a "
       "fetch that was of no stage-1 table"},
      {"level-of-fetch",
       "for a fault of stage 2 at the fetch of a table QEMU 7.2 tells the level of the table; the "
       "architecture tells that of the stage-2 lookup. So the table's level is compared, and the "
       "lookup's with a second question, for the table's address with stage 1 off"},
      {"level-of-refused-fetch",
       "the same where no second question has that answer: stage 2 refused what only a fetch is "
       "refused (HCR_EL2.PTW), or it met a reserved block; so only the table's level is compared"},
      {"device-over-normal",
       "of device and normal memory QEMU 7.2 makes nGnRE or nGRE when the normal one's inner "
       "nibble "
       "is 4 or 8; the architecture keeps the device type, which is asked of the model"},
      {"reserved-block",
       "QEMU 7.2 takes a block at a level that has none (level 0 of 4K, level 1 of 64K without "
       "52-bit addresses); the architecture has a translation fault there, which is asked of the "
       "model"},
  };
  return list;
}

std::string Difference(const Case& one, const Answer& model, const Answer& processor,
                       std::map<std::string, uint64_t>* excluded) {
  const auto differs = [&] {
    return fmt::format("{}\n  model:     {}\n  processor: {}", Describe(one), TextOf(model),
                       TextOf(processor));
  };
  if (one.reserved_block_stage != 0) {
    const bool there =
        model.stage == one.reserved_block_stage && model.level == one.reserved_block_level;
    if (there && model.fault == Fault::kTranslation) {
      ++(*excluded)["reserved-block"];
      return "";
    }
    // It took the block as QEMU does, though the two then agree. AT S1E* need not come to one of
    // stage 2.
    const bool comes = IsBothStages(one.operation) || one.reserved_block_stage == 1;
    if (there || (comes && model.fault == Fault::kNone)) return differs();
  }
  if (model.fault != processor.fault) return differs();
  if (model.fault == Fault::kExternal) {
    ++(*excluded)["stage-of-external-abort"];
    if (model.stage1_walk != processor.stage1_walk) return differs();
    return LevelsAgree(one, model, processor, excluded) ? "" : differs();
  }
  if (model.fault != Fault::kNone) {
    if (model.stage != processor.stage || model.stage1_walk != processor.stage1_walk) {
      return differs();
    }
    return LevelsAgree(one, model, processor, excluded) ? "" : differs();
  }
  if (model.page != processor.page) return differs();
  if (!IsBothStages(one.operation) && one.stage2.on) {
    ++(*excluded)["attribute-of-stage1-alone"];
    return "";
  }
  if (const int device = MistakenDevice(one); device >= 0) {
    ++(*excluded)["device-over-normal"];
    const bool right = model.attribute == device && model.shareability == kOuterShareable;
    return right ? "" : differs();
  }
  if (model.attribute != WithTransient(one, processor.attribute, excluded)) return differs();
  const bool uncached = model.attribute >> 4 == 0 || model.attribute == kNormalNonCacheable;
  if (uncached && !one.stage2.on) {
    ++(*excluded)["shareability-of-uncached"];
    return model.shareability == kOuterShareable ? "" : differs();
  }
  return model.shareability == processor.shareability ? "" : differs();
}

bool HasTwin(const Case& one, const Answer& model) {
  // With stage 1 off nothing is a fetch of a table, and so nothing is protected from being one.
  const bool protects = one.stage2.protect_walk && model.fault == Fault::kPermission;
  return model.stage1_walk && model.stage == 2 && !protects && one.reserved_block_stage == 0;
}

Case TwinOf(const Case& one, const Answer& model) {
  Case twin = one;
  twin.stage1 = Stage1();
  twin.operation = kS12E1R;
  twin.address = model.fetch;
  return twin;
}

std::string Describe(const Case& one) {
  const CpuRegisters r = RegistersOf(one);
  constexpr const char* kNames[] = {"S1E1R",  "S1E1W",  "S1E0R",  "S1E0W",
                                    "S12E1R", "S12E1W", "S12E0R", "S12E0W"};
  std::string text = fmt::format(
      "case {}: AT {} {:#x}; SCTLR {:#x} TCR {:#x} TTBR0 {:#x} TTBR1 {:#x} MAIR {:#x} HCR {:#x} "
      "VTCR {:#x} VTTBR {:#x}{}",
      one.index, kNames[one.operation], one.address, r.sctlr, r.tcr, r.ttbr0, r.ttbr1, r.mair,
      r.hcr, r.vtcr, r.vttbr, one.stage2.alone ? " (stage 2 alone)" : "");
  for (const TableStore& store : one.stores) {
    text += fmt::format("\n    [{:#x}] = {:#018x}", store.pa, store.value);
  }
  return text;
}

namespace {

// Fills batches, lets QEMU run one while the model answers the next, and compares.
class Check {
 public:
  explicit Check(const CheckOptions& options)
      : options_(options), tally_(&report_), qemu_(ImagePath()) {}

  CheckReport Run() {
    const Clock::time_point start = Clock::now();
    std::optional<Flight> before;
    uint64_t next = options_.first;
    const uint64_t end = options_.first + options_.cases;
    while (next < end || before) {
      std::optional<Flight> now;
      if (next < end && !Stopped()) now = Launch(&next, end);
      if (before) Land(*before);
      if (Stopped()) {
        if (now) Land(*now);
        break;
      }
      before = std::move(now);
      if (options_.progress) options_.progress(report_.cases);
    }
    if (!qemu_.PowerOff()) throw Unavailable("QEMU did not end well");
    report_.seconds = Since(start);
    return std::move(report_);
  }
  const CheckReport& report() const { return report_; }

 private:
  // A case on its way, with its place in the batch, and that of its second question.
  struct Passenger {
    Case one;
    Answer predicted;
    size_t place = 0;
    size_t twin = 0;  // 0: none
  };
  struct Flight {
    uint32_t ticket = 0;
    std::vector<Passenger> passengers;
  };

  bool Stopped() const { return options_.stop_at_first && report_.difference_count != 0; }

  // The model answers while QEMU still runs the batch before.
  Flight Launch(uint64_t* next, uint64_t end) {
    Flight flight;
    Batch& batch = qemu_.Next();
    uint32_t stores = 0;
    // A case and its second question go in together, or with the next batch.
    while (*next < end && batch.case_count + 2 <= kBatchCases) {
      const uint32_t cases_before = batch.case_count;
      const uint32_t stores_before = stores;
      Passenger passenger;
      passenger.one = DrawCase(options_.seed, *next);
      passenger.place = batch.case_count;
      if (!AppendCase(passenger.one, &batch, &stores)) break;
      passenger.predicted = subject_.Ask(passenger.one);
      if (HasTwin(passenger.one, passenger.predicted)) {
        passenger.twin = batch.case_count;
        if (!AppendCase(TwinOf(passenger.one, passenger.predicted), &batch, &stores)) {
          batch.case_count = cases_before;
          stores = stores_before;
          break;
        }
      }
      flight.passengers.push_back(std::move(passenger));
      ++*next;
    }
    flight.ticket = qemu_.Submit();
    return flight;
  }

  void Land(const Flight& flight) {
    const Clock::time_point start = Clock::now();
    const Batch& batch = qemu_.Wait(flight.ticket);
    report_.processor_seconds += Since(start);
    for (const Passenger& passenger : flight.passengers) {
      if (Stopped()) return;
      const Answer answer = AnswerOf(batch.results[passenger.place]);
      ++report_.cases;
      tally_.Count(passenger.one, passenger.predicted, answer);
      Note(Difference(passenger.one, passenger.predicted, answer, &report_.excluded));
      if (passenger.twin == 0) continue;
      ++report_.second_questions;
      Answer lookup = passenger.predicted;
      lookup.stage1_walk = false;
      const Case twin = TwinOf(passenger.one, passenger.predicted);
      Note(Difference(twin, lookup, AnswerOf(batch.results[passenger.twin]), &report_.excluded));
    }
  }

  void Note(std::string difference) {
    if (difference.empty()) return;
    if (++report_.difference_count <= kDifferencesKept) {
      report_.differences.push_back(std::move(difference));
    }
  }

  const CheckOptions& options_;
  CheckReport report_;
  Tally tally_;
  Subject subject_;
  Qemu qemu_;
};

}  // namespace

CheckReport CheckWalks(const CheckOptions& options) {
  Check check(options);
  try {
    return check.Run();
  } catch (const Unavailable&) {
    // What was found before QEMU ended is found.
    if (check.report().difference_count == 0) throw;
    return check.report();
  }
}

std::string TextOf(const CheckReport& report) {
  const double all = static_cast<double>(report.cases == 0 ? 1 : report.cases);
  std::string text =
      fmt::format("walks compared {}, differences {}, {:.1f} s ({:.1f} s of it QEMU)\n",
                  report.cases, report.difference_count, report.seconds, report.processor_seconds);
  for (const Row& row : report.rows) {
    const double share = 100.0 * static_cast<double>(row.count) / all;
    text += fmt::format("  {:<30} {:>8} {:5.1f} %  {}\n", row.name, row.count, share,
                        std::string(static_cast<size_t>(2 * share), '#'));
  }
  for (const auto& [name, count] : report.by_stage) {
    text += fmt::format("  {:<30} {:>8}\n", name, count);
  }
  text += fmt::format("  {:<30} {:>8}\n", "second questions", report.second_questions);
  for (const auto& [name, count] : report.excluded) {
    text += fmt::format("  not compared: {:<30} {:>8}\n", name, count);
  }
  return text;
}

}  // namespace sidewall::check
