// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/subject.h"

#include <stdexcept>

namespace sidewall::check {
namespace {

constexpr size_t kInstance = 2;  // niso0
constexpr uint64_t kWindow = 0x12000000;
constexpr uint64_t kPoolStart = 0x45000000;
constexpr uint64_t kPoolSize = 0x10000;
constexpr size_t kPageSlots = 16384;  // more than there are pages of tables
static_assert(kPageSlots > (kTablesEnd - kTablesStart) / model::kPageSize);

constexpr uint64_t kAddressOnBus = (uint64_t{1} << 49) - 1;

// The registers of the Tegra234, over the RAM of the image.
model::BoardSpec MakeBoard() {
  model::BoardSpec board = *model::FindBoard("tegra234");
  board.name = "walk-check";
  board.dram[0] = {kRamStart, kRamSize};
  board.el2_only[board.el2_only_count - 1] = board.pool = {kPoolStart, kPoolSize};
  board.format_bit = false;  // a processor has none
  if (const model::BoardFault fault = model::CheckBoard(board)) {
    throw std::logic_error(std::string("the board of the walk check contradicts itself: ") +
                           fault.field + ", allowed: " + fault.allowed);
  }
  return board;
}

Fault FaultOf(model::FaultKind kind) {
  switch (kind) {
    case model::FaultKind::kNone:
      return Fault::kNone;
    case model::FaultKind::kTranslation:
      return Fault::kTranslation;
    case model::FaultKind::kAccessFlag:
      return Fault::kAccessFlag;
    case model::FaultKind::kPermission:
      return Fault::kPermission;
    case model::FaultKind::kAddressSize:
      return Fault::kAddressSize;
    case model::FaultKind::kExternal:
      return Fault::kExternal;
    default:
      return Fault::kOther;
  }
}

// The bit of FSR that stands for a fault.
uint32_t StatusOf(Fault fault) {
  constexpr uint32_t kBits[] = {0, 1u << 7, 1u << 1, 1u << 2, 1u << 3, 1u << 4, 0};
  return kBits[static_cast<size_t>(fault)];
}

}  // namespace

Subject::Subject() : board_(MakeBoard()), machine_(std::make_unique<model::Machine>()) {
  arena_.pool_pages = board_.pool.size / model::kPageSize;
  arena_.page_slots = kPageSlots;
  pool_.assign(arena_.pool_pages * model::kPageWords, 0);
  data_.assign(kPageSlots * model::kPageWords, 0);
  keys_.assign(kPageSlots, 0);
  work_.assign(model::Machine::WorkSize(arena_.pool_pages) / 8 + 1, 0);
  snapshot_.assign(model::Machine::SnapshotSize(arena_.pool_pages, kPageSlots) / 8 + 1, 0);
  arena_.pool = pool_.data();
  arena_.page_data = data_.data();
  arena_.page_keys = keys_.data();
  arena_.work = work_.data();
  arena_.work_size = work_.size() * 8;
  arena_.snapshot = snapshot_.data();
  arena_.snapshot_size = snapshot_.size() * 8;
  machine_->Reset(board_, arena_, &choices_, nullptr);
  // CLIENTPD off, unmatched streams fault.
  machine_->Write32(kWindow, 0x00200400);
  machine_->Write32(kWindow + 0x68, 0);
  machine_->Write32(kWindow + 0x70, 0);
  uint32_t status = 0;
  machine_->Read32(kWindow + 0x74, &status);
  if (!machine_->Mark()) throw std::logic_error("the walk check has no room for a snapshot");
}

void Subject::Bank(uint32_t bank, uint32_t offset, uint32_t value) {
  machine_->Write32(kWindow + 0x800000 + bank * 0x10000 + offset, value);
}

uint32_t Subject::BankOf(const Case& one) const {
  return one.stage2.on && one.stage2.alone ? one.bank2 : one.bank1;
}

void Subject::LoadStage1(const Case& one) {
  const Stage1& stage = one.stage1;
  const uint32_t bank = one.bank1;
  // Type 1 stands for a stage 2 that changes nothing: write-back, not shareable.
  const uint32_t type = one.stage2.on ? 0x30000u | uint32_t{one.bank2} << 8 : 0x1f300u;
  machine_->Write32(kWindow + 0x10800 + 4 * bank, 1);
  machine_->Write32(kWindow + 0x10000 + 4 * bank, type | one.stage2.vmid);
  constexpr uint32_t kSepTop = 7u << 15;
  Bank(bank, 0x10,
       stage.output | 1u << 4 | uint32_t{stage.top_byte[0]} << 5 |
           uint32_t{stage.top_byte[1]} << 6 | kSepTop);
  Bank(bank, 0x30,
       (stage.size[0] & 63) | uint32_t{stage.disabled[0]} << 7 | (stage.walk_attr & 63) << 8 |
           (stage.granule[0] == 16 ? 1u : 0u) << 14 | (stage.size[1] & 63) << 16 |
           uint32_t{stage.asid_of_one} << 22 | uint32_t{stage.disabled[1]} << 23 |
           (stage.walk_attr >> 6 & 63) << 24 | (stage.granule[1] == 16 ? 3u : 2u) << 30);
  for (uint32_t half = 0; half < 2; ++half) {
    machine_->Write64(kWindow + 0x800000 + bank * 0x10000 + 0x20 + 8 * half,
                      uint64_t{stage.asid[half]} << 48 | stage.root[half]);
  }
  Bank(bank, 0x38, static_cast<uint32_t>(stage.mair));
  Bank(bank, 0x3c, static_cast<uint32_t>(stage.mair >> 32));
  Bank(bank, 0, 0x160u | uint32_t{stage.on} | uint32_t{stage.wxn} << 9);
}

void Subject::LoadStage2(const Case& one) {
  const Stage2& stage = one.stage2;
  const uint32_t bank = one.bank2;
  machine_->Write32(kWindow + 0x10800 + 4 * bank, 1);
  machine_->Write32(kWindow + 0x10000 + 4 * bank, stage.vmid);
  Bank(bank, 0x30,
       0x80000000u | (stage.size & 63) | stage.start << 6 | stage.walk_attr << 8 |
           (stage.granule == 16 ? 1u : 0u) << 14 | stage.output << 16);
  machine_->Write64(kWindow + 0x800000 + bank * 0x10000 + 0x20, stage.root);
  Bank(bank, 0, 0x161u | uint32_t{stage.protect_walk} << 13);
}

void Subject::Load(const Case& one) {
  for (const TableStore& store : one.stores) {
    if (!machine_->Store64(store.pa, store.value)) throw std::logic_error("no room for a table");
  }
  if (one.stage2.on) LoadStage2(one);
  if (!one.stage2.on || !one.stage2.alone) LoadStage1(one);
  machine_->Barrier();
  machine_->Write32(kWindow + 0xc00, BankOf(one));
  machine_->Write32(kWindow + 0x800, 0xff800000u | one.stream);
}

void Subject::Unload() {
  if (!machine_->Restore()) throw std::logic_error("the walk check cannot go back");
}

model::DmaRequest Subject::RequestOf(const Case& one) const {
  model::DmaRequest request;
  request.side = 1;
  request.sid = one.stream;
  request.instance = 0;
  request.address = one.address & kAddressOnBus;
  // A stage that ignores the top byte ignores it before the bus: what is left is sign-extended.
  request.write = IsWrite(one.operation);
  request.privileged = !IsUser(one.operation);
  // What a processor takes data accesses for while its stage 1 is off: device memory, nGnRnE.
  request.memory_attribute = 0;
  return request;
}

model::DmaResult Subject::Walk(const Case& one) const {
  return machine_->Translate(RequestOf(one));
}
model::DmaResult Subject::Transfer(const Case& one) { return machine_->Dma(RequestOf(one)); }

Answer Subject::Ask(const Case& one) {
  Load(one);
  const model::DmaResult by_tables = Walk(one);
  const model::DmaResult done = Transfer(one);
  if (by_tables.fault != done.fault || by_tables.pa != done.pa || by_tables.level != done.level) {
    throw std::logic_error("Translate and Dma of the model differ");
  }
  Answer answer;
  answer.fault = FaultOf(done.fault);
  answer.level = done.level;
  answer.stage = done.stage;
  answer.fetches = done.table_count;
  answer.page = done.output & ~(model::kPageSize - 1);
  answer.attribute = done.memory_attribute;
  answer.shareability = done.shareability;
  if (answer.fault != Fault::kNone) {
    const uint32_t bank = done.stage == 2 ? one.bank2 : one.bank1;
    const uint32_t base = 0x800000 + bank * 0x10000;
    const uint32_t status = machine_->Peek32(kInstance, base + 0x58);
    const uint32_t syndrome = machine_->Peek32(kInstance, base + 0x68);
    if ((status & 0x1fe) != StatusOf(answer.fault) || (syndrome & 3) != done.level) {
      throw std::logic_error("the fault registers say something else than the walk");
    }
    answer.stage1_walk = (syndrome >> 3 & 1) != 0;
    answer.page = 0;
    answer.fetch = done.ipa;
  }
  // The instruction for stage 1 alone asks stage 2 for tables only.
  const bool last_stage2 = done.stage == 2 && !answer.stage1_walk;
  if (!IsBothStages(one.operation) && one.stage2.on && one.stage1.on &&
      (answer.fault == Fault::kNone || last_stage2)) {
    answer = Answer();
    answer.page = done.ipa & ~(model::kPageSize - 1);
  }
  for (size_t stage = 0; stage < 2; ++stage) answer.leaf_bits[stage] = done.leaf_bits[stage];
  Unload();
  return answer;
}

}  // namespace sidewall::check
