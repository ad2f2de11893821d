// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/player.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "model/board.h"
#include "model/registers.h"
#include "replay/engine_error.h"
#include "replay/phase.h"
#include "replay/rig.h"
#include "replay/shadow.h"

namespace sidewall::replay {
namespace {

constexpr uint64_t kZeroRegister = 31;

// A store of zero comes from the zero register, as compilers emit it.
Event EventOf(const Record& record, const AccessRecord& access) {
  Event event;
  event.kind = access.write ? EventKind::kHostWrite : EventKind::kHostRead;
  event.cpu = record.cpu;
  event.arg[0] = static_cast<uint64_t>(access.window);
  event.arg[1] = access.offset;
  event.arg[2] = access.width;
  if (access.write) {
    event.arg[3] = access.value;
    event.arg[4] = access.value == 0 ? kZeroRegister : 0;
  }
  return event;
}

Event EventOf(const FaultRecord& fault) {
  Event event;
  event.kind = EventKind::kHwFault;
  event.arg[0] = static_cast<uint64_t>(fault.window);
  event.arg[1] = fault.bank;
  event.arg[2] = fault.fsr;
  event.arg[3] = fault.fsynr0;
  event.arg[4] = fault.far;
  event.arg[5] = fault.sid;
  return event;
}

Event EventOf(const DmaRecord& dma) {
  Event event;
  event.kind = EventKind::kDmaStream;
  event.arg[0] = static_cast<uint64_t>(dma.window) / 2;
  event.arg[1] = dma.sid;
  event.arg[2] = dma.iova;
  event.arg[3] = dma.write ? kDmaWrite : 0;
  event.arg[4] = static_cast<uint64_t>(dma.window) % 2;
  return event;
}

// How the model must end a transfer that the recorder saw end in this way.
model::FaultKind FaultOf(DmaOutcome outcome) {
  switch (outcome) {
    case DmaOutcome::kOk:
      return model::FaultKind::kNone;
    case DmaOutcome::kUnmatchedSid:
      return model::FaultKind::kUnmatchedStream;
    case DmaOutcome::kS2crFault:
      return model::FaultKind::kInvalidContext;
    case DmaOutcome::kPermission:
      return model::FaultKind::kPermission;
    case DmaOutcome::kAccessFlag:
      return model::FaultKind::kAccessFlag;
    case DmaOutcome::kBankOff:
    case DmaOutcome::kIovaRange:
    case DmaOutcome::kTranslation:
      break;
  }
  return model::FaultKind::kTranslation;
}

// EL2's stage 2 must be in the way of every stream that has one: under the kernel's own stage 1, or
// alone where the kernel asked for bypass.
bool AsRecorded(const DmaRecord& dma, const model::DmaResult& got) {
  if (got.fault != FaultOf(dma.outcome)) return false;
  if (dma.via == DmaVia::kBank && got.via.route != model::Route::kNested) return false;
  if (dma.via == DmaVia::kBypass && got.via.route != model::Route::kStage2) return false;
  if (dma.outcome == DmaOutcome::kOk && got.pa != dma.pa) return false;
  if (dma.outcome >= DmaOutcome::kTranslation && (got.level != dma.level || got.stage != 1)) {
    return false;
  }
  return dma.via != DmaVia::kBank || got.via.bank == dma.bank;
}

// The event carries the first byte; the last one of a piece that was delivered goes the same way.
bool EndsAsRecorded(const DmaRecord& dma, const Board& board) {
  if (dma.length < 2 || dma.outcome != DmaOutcome::kOk) return true;
  model::DmaRequest request;
  request.side = static_cast<uint8_t>(dma.window) / 2;
  request.instance = static_cast<uint8_t>(dma.window) % 2;
  request.sid = dma.sid;
  request.write = dma.write;
  request.address = dma.iova + dma.length - 1;
  DmaRecord last = dma;
  last.pa += dma.length - 1;
  return AsRecorded(last, board.machine().Translate(request));
}

class Player {
 public:
  Player(const Trace& trace, const PlayOptions& options) : trace_(trace), options_(options) {
    const model::BoardSpec* board = model::FindBoard(trace.head.board.c_str());
    if (board == nullptr) {
      throw EngineError("the trace needs a board that is called " + trace.head.board +
                        "\n  what to do: see sidewall list boards");
    }
    const HarnessOptions harness = {.board = board};
    if (options.host) rigs_.push_back(MakeHostRig(harness));
    if (options.el2) {
      rigs_.push_back(MakeEl2Rig(harness));
      if (rigs_.back() == nullptr) {
        throw EngineError(
            "this build has no aarch64 image\n  what to do: configure with "
            "-DSIDEWALL_EL2=ON (preset el2), or use --image=host");
      }
    }
    report_.head = trace.head;
  }

  PlayReport Run() {
    try {
      for (auto& rig : rigs_) rig->Boot();
      if (Compare("boot")) PlayRecords();
    } catch (const EngineError& error) {
      // The aarch64 build left what a driver may do, which no host build can be seen to do.
      report_.divergences.Add(line_, error.what());
    }
    return std::move(report_);
  }

 private:
  void PlayRecords() {
    const size_t all = trace_.records.size();
    for (size_t i = 0; i < all; ++i) {
      if (options_.progress && i % 1024 == 0) options_.progress(i, all);
      const Record& record = trace_.records[i];
      line_ = record.line;
      index_ = i;
      bool go_on = true;
      if (const auto* access = std::get_if<AccessRecord>(&record.body)) {
        go_on = PlayAccess(record, *access);
      } else if (const auto* table = std::get_if<TableRecord>(&record.body)) {
        go_on = PlayTable(*table);
      } else if (const auto* dma = std::get_if<DmaRecord>(&record.body)) {
        go_on = PlayDma(*dma);
      } else if (const auto* fault = std::get_if<FaultRecord>(&record.body)) {
        go_on = Step(EventOf(*fault), "hw.fault");
        ++report_.faults;
      } else {
        go_on = PlayPhase();
      }
      if (!go_on) return;
    }
    if (options_.progress) options_.progress(all, all);
  }

  // Applies an event to every rig; outcomes_ has what each gave. False: an invariant is violated.
  bool Apply(const Event& event) {
    outcomes_.clear();
    for (auto& rig : rigs_) {
      outcomes_.push_back(rig->Apply(event));
      if (!rig->board().violated()) continue;
      const Verdict& verdict = rig->board().verdict();
      std::string text = fmt::format("{} ({} build)", verdict.title, rig->name());
      for (const std::string& line : verdict.text) text += "\n      " + line;
      report_.violations.Add(line_, std::move(text));
      return false;
    }
    return true;
  }

  // Holds the two builds against each other since the last call. False: they differ.
  bool Compare(const std::string& what) {
    bool same = true;
    if (rigs_.size() == 2) {
      const size_t at = FirstDifference(rigs_[0]->log(), rigs_[1]->log());
      same = at == kSame;
      report_.compared += same ? rigs_[0]->log().size() : at;
      if (!same) {
        std::string text = fmt::format("DIF01: event {} ({}), access {} of it", index_, what, at);
        for (auto& rig : rigs_) {
          text += fmt::format("\n      {:4} build: {}", rig->name(),
                              DescribeLogged(rig->board(), rig->log(), at));
        }
        report_.divergences.Add(line_, std::move(text));
      }
    }
    for (auto& rig : rigs_) rig->log().clear();
    return same;
  }

  // One event, and what it made both builds do. An invariant that the second build alone violates
  // is a difference too, and where it began is worth more than the verdict.
  bool Step(const Event& event, const std::string& what) {
    const bool good = Apply(event);
    return (outcomes_.size() < rigs_.size() || Compare(what)) && good;
  }

  bool PlayAccess(const Record& record, const AccessRecord& access) {
    const std::string what =
        fmt::format("{} {} {}", access.write ? "write" : "read", model::WindowName(access.window),
                    DescribeAccess(access.window, access.offset, access.value));
    shadow_.Write(access);
    if (!Step(EventOf(record, access), what)) return false;
    ++report_.rows;
    report_.reads += access.write ? 0 : 1;
    for (size_t i = 0; i < rigs_.size(); ++i) {
      if (outcomes_[i].result != Expect::kOk) {
        report_.refused.Add(line_, fmt::format("{} ({} build)", what, rigs_[i]->name()));
      }
    }
    if (!access.write) CheckRead(access, outcomes_[0].value);
    return true;
  }

  // Both builds gave the same value, or Compare would have stopped.
  void CheckRead(const AccessRecord& access, uint64_t here) {
    if (here == access.value) {
      ++report_.reads_equal;
    } else if (!ExplainRead(access.window, access.offset, access.value, here,
                            report_.differences.data())) {
      report_.unexplained.Add(
          line_,
          fmt::format("{} {}: recorded {:#x}, here {:#x}", model::WindowName(access.window),
                      DescribeAccess(access.window, access.offset, here), access.value, here));
    }
  }

  bool PlayTable(const TableRecord& table) {
    bool good = true;
    shadow_.Replace(table, [this, &good](uint64_t pa, uint64_t value) {
      Event event;
      event.kind = EventKind::kHostStore64;
      event.arg[0] = pa;
      event.arg[1] = value;
      if (!good || !Apply(event)) {
        good = false;
        return;
      }
      ++report_.table_stores;
      if (outcomes_[0].result == Expect::kOk) return;
      report_.refused.Add(line_, fmt::format("the host cannot store to its table at {:#x}", pa));
    });
    return good && Compare("table");
  }

  bool PlayDma(const DmaRecord& dma) {
    if (!Step(EventOf(dma), "dma")) return false;
    ++report_.dma_rows;
    for (auto& rig : rigs_) {
      const model::DmaResult& got = rig->board().last_dma();
      if (AsRecorded(dma, got) && EndsAsRecorded(dma, rig->board())) continue;
      report_.dma.Add(line_, fmt::format("SID {:#x} address {:#x}: recorded {} level {} at {:#x}, "
                                         "here fault {} level {} stage {} at {:#x} ({} build)",
                                         dma.sid, dma.iova, OutcomeName(dma.outcome), dma.level,
                                         dma.pa, static_cast<int>(got.fault), got.level, got.stage,
                                         got.pa, rig->name()));
      return true;
    }
    ++report_.dma_as_recorded;
    return true;
  }

  // Real transfers first: what they leave in the TLB is what the tables say.
  bool PlayPhase() {
    ++report_.phases;
    for (auto& rig : rigs_) {
      PhaseCheck check(shadow_, rig->board(), &report_, line_, rig->name());
      check.Run();
    }
    for (const Event& event : PhaseTransfers(shadow_, rigs_[0]->board().spec())) {
      if (!Step(event, "dma after the mark")) return false;
      for (size_t i = 0; i < rigs_.size(); ++i) {
        if (outcomes_[i].result == Expect::kOk && outcomes_[i].value == event.arg[5]) continue;
        report_.phase.Add(line_, fmt::format("SID {:#x} address {:#x} reaches {:#x} and not {:#x} "
                                             "({} build)",
                                             event.arg[1], event.arg[2], outcomes_[i].value,
                                             event.arg[5], rigs_[i]->name()));
      }
    }
    return true;
  }

  const Trace& trace_;
  const PlayOptions& options_;
  std::vector<std::unique_ptr<Rig>> rigs_;
  std::vector<Outcome> outcomes_;
  Shadow shadow_;
  PlayReport report_;
  size_t line_ = 0;
  size_t index_ = 0;
};

}  // namespace

PlayReport Play(const Trace& trace, const PlayOptions& options) {
  return Player(trace, options).Run();
}

}  // namespace sidewall::replay
