// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/phase.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sidewall::replay {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kInputEnd = uint64_t{1} << 48;
constexpr uint16_t kStreamIds = 128;  // SIDs of devices have 7 bits

uint8_t InstancesOf(const model::BoardSpec& spec, uint8_t side) {
  for (size_t i = 0; i < spec.smmu_count; ++i) {
    if (spec.smmu[i].side == side) return spec.smmu[i].instance_count;
  }
  return 0;
}

// What the host may reach by DMA: its RAM, which is all RAM but EL2's pool, and its peripherals.
bool HostMayReach(const model::BoardSpec& spec, uint64_t pa) {
  if (spec.pool.Contains(pa)) return false;
  for (size_t i = 0; i < spec.el2_only_count; ++i) {
    if (spec.el2_only[i].Contains(pa)) return false;
  }
  for (size_t i = 0; i < spec.dram_count; ++i) {
    if (spec.dram[i].Contains(pa)) return true;
  }
  for (size_t i = 0; i < spec.host_mmio_count; ++i) {
    if (spec.host_mmio[i].Contains(pa)) return true;
  }
  return false;
}

}  // namespace

uint8_t PhaseCheck::Instances(uint8_t side) const { return InstancesOf(board_.spec(), side); }

model::DmaResult PhaseCheck::Ask(const Stream& stream, uint64_t address, bool write,
                                 uint8_t instance) const {
  model::DmaRequest request;
  request.side = stream.side;
  request.sid = stream.sid;
  request.address = address;
  request.write = write;
  request.instance = instance;
  return board_.machine().Translate(request);
}

void PhaseCheck::Report(const Stream& stream, uint64_t address, bool write,
                        const model::DmaResult& got, const char* wanted) {
  report_->phase.Add(
      line_,
      fmt::format("side {} instance {} SID {:#x} {} {:#x}: fault {} stage {} level {} at "
                  "{:#x}, but the kernel's tables say: {} ({} build)",
                  stream.side, got.instance, stream.sid, write ? "write" : "read", address,
                  static_cast<int>(got.fault), got.stage, got.level, got.pa, wanted, rig_name_));
}

void PhaseCheck::ExpectWalk(const Stream& stream, uint64_t iova, bool write,
                            const WalkResult& walk) {
  for (uint8_t instance = 0; instance < Instances(stream.side); ++instance) {
    const model::DmaResult got = Ask(stream, iova, write, instance);
    if (walk.mapped && HostMayReach(board_.spec(), walk.leaf.pa) && (walk.leaf.write || !write)) {
      const uint64_t pa = walk.leaf.pa | (iova & (kPage - 1));
      // Never without EL2's stage 2, whether the kernel has a context or asked for bypass.
      const bool guarded =
          got.via.route ==
          (stream.kind == StreamKind::kContext ? model::Route::kNested : model::Route::kStage2);
      if (got.fault != model::FaultKind::kNone || got.pa != pa || !guarded) {
        Report(stream, iova, write, got, fmt::format("{:#x}", pa).c_str());
      }
    } else if (!walk.mapped) {
      if (got.fault != model::FaultKind::kTranslation || got.stage != 1 ||
          got.level != walk.level) {
        Report(stream, iova, write, got, fmt::format("not mapped, level {}", walk.level).c_str());
      }
    } else if (write && !walk.leaf.write) {
      if (got.fault != model::FaultKind::kPermission || got.stage != 1) {
        Report(stream, iova, write, got, "read-only");
      }
    } else if (got.fault == model::FaultKind::kNone) {
      Report(stream, iova, write, got, "a page that is not the host's");
    }
  }
}

void PhaseCheck::ExpectFault(const Stream& stream, uint64_t address) {
  ++report_->phase_outside;
  for (uint8_t instance = 0; instance < Instances(stream.side); ++instance) {
    const model::DmaResult got = Ask(stream, address, false, instance);
    if (got.fault == model::FaultKind::kNone) Report(stream, address, false, got, "a fault");
  }
}

void PhaseCheck::CheckOutside(const Stream& stream, uint64_t iova) {
  if (iova >= kInputEnd) return;
  const WalkResult walk = shadow_.Walk(stream.root, iova);
  if (walk.mapped) return;
  ++report_->phase_outside;
  ExpectWalk(stream, iova, false, walk);
}

void PhaseCheck::CheckContext(const Stream& stream) {
  ++report_->phase_contexts;
  std::vector<Leaf> leaves;
  if (!shadow_.Leaves(stream.root, kMaxLeaves, &leaves)) {
    report_->phase.Add(line_, fmt::format("the tables at {:#x} hold a descriptor that this kernel "
                                          "never writes",
                                          stream.root));
    return;
  }
  for (const Leaf& leaf : leaves) {
    ++report_->phase_pages;
    const WalkResult walk = {true, 3, leaf};
    ExpectWalk(stream, leaf.iova, false, walk);
    ExpectWalk(stream, leaf.iova + kPage - 1, true, walk);
    CheckOutside(stream, leaf.iova - kPage);
    CheckOutside(stream, leaf.iova + kPage);
  }
  // Also far from every page, and in an empty context.
  CheckOutside(stream, 0);
  CheckOutside(stream, 0x4000'0000);
  CheckOutside(stream, kInputEnd - kPage);
}

void PhaseCheck::CheckBypass(const Stream& stream) {
  const model::BoardSpec& spec = board_.spec();
  for (size_t i = 0; i < spec.dram_count; ++i) {
    for (const uint64_t pa : {spec.dram[i].start, spec.dram[i].start + spec.dram[i].size / 2,
                              spec.dram[i].end() - kPage}) {
      if (!HostMayReach(spec, pa)) continue;
      ++report_->phase_pages;
      ExpectWalk(stream, pa, true, {true, 3, {pa, pa, true}});
    }
  }
  ExpectFault(stream, spec.pool.start);
  ExpectFault(stream, spec.pool.end() - kPage);
  for (size_t i = 0; i < spec.el2_only_count; ++i) ExpectFault(stream, spec.el2_only[i].start);
}

void PhaseCheck::CheckUnmatched(uint8_t side) {
  const uint64_t address = board_.spec().dram[0].start;
  for (uint16_t sid = 0; sid < kStreamIds; ++sid) {
    const Stream stream = shadow_.Find(side, sid);
    const bool reachable = stream.kind == StreamKind::kBypass ||
                           stream.kind == StreamKind::kContext ||
                           stream.kind == StreamKind::kContextOff;
    if (!reachable) ExpectFault(stream, address);
  }
}

void PhaseCheck::Run() {
  for (Stream stream : shadow_.Streams()) {
    if (stream.kind == StreamKind::kContext) {
      CheckContext(stream);
    } else if (stream.kind == StreamKind::kBypass) {
      CheckBypass(stream);
    }
  }
  for (uint8_t side = 0; side < 3; ++side) {
    if (Instances(side) != 0) CheckUnmatched(side);
  }
}

std::vector<Event> PhaseTransfers(const Shadow& shadow, const model::BoardSpec& spec) {
  std::vector<Event> events;
  for (const Stream& stream : shadow.Streams()) {
    std::vector<Leaf> leaves;
    if (stream.kind != StreamKind::kContext || !shadow.Leaves(stream.root, kMaxLeaves, &leaves)) {
      continue;
    }
    const size_t step = std::max<size_t>(leaves.size() / kRealTransfers, 1);
    for (size_t i = 0; i < leaves.size(); i += step) {
      if (!HostMayReach(spec, leaves[i].pa)) continue;
      Event event;
      event.kind = EventKind::kDmaStream;
      event.arg[0] = stream.side;
      event.arg[1] = stream.sid;
      event.arg[2] = leaves[i].iova;
      event.arg[4] = (i / step) % InstancesOf(spec, stream.side);
      event.arg[5] = leaves[i].pa;
      events.push_back(event);
    }
  }
  return events;
}

}  // namespace sidewall::replay
