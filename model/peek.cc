// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Registers as they stand, for checks: no bus, no failing read, no step of a sync.
#include "model/machine.h"

namespace sidewall::model {
namespace {

constexpr uint32_t kGlobalSyncStatus = 0x74;
constexpr uint32_t kBankSyncStatus = 0x7f4;
constexpr uint32_t kSmr = 0x800;
constexpr uint32_t kS2cr = 0xc00;

// The registers that checks look at most, which reading neither changes nor composes; null for all
// others.
const uint32_t* PlainRegister(const SmmuInstance& smmu, uint32_t offset) {
  const uint32_t in_page = offset & ((1u << smmu.page_shift) - 1);
  if (offset >= smmu.bank_area) {
    const uint32_t number = (offset - smmu.bank_area) >> smmu.page_shift;
    if (number >= smmu.banks) return nullptr;
    const ContextBank& bank = smmu.bank[number];
    switch (in_page) {
      case 0x000:
        return &bank.sctlr;
      case 0x004:
        return &bank.actlr;
      case 0x058:
        return &bank.fsr;
      default:
        return nullptr;
    }
  }
  // Below an array the difference wraps around, and is out of range as well.
  if ((offset - kSmr) / 4 < smmu.entries) return &smmu.smr[(offset - kSmr) / 4];
  if ((offset - kS2cr) / 4 < smmu.entries) return &smmu.s2cr[(offset - kS2cr) / 4];
  if (offset >> smmu.page_shift == 1 && in_page / 4 < smmu.banks) return &smmu.cbar[in_page / 4];
  return nullptr;
}

}  // namespace

uint32_t Machine::Peek32(size_t instance, uint32_t offset) const {
  if (instance >= kMaxInstances || !HasInstance(instance)) return 0;
  const SmmuInstance& smmu = smmu_[instance];
  if (const uint32_t* plain = PlainRegister(smmu, offset)) return *plain;
  // The status registers are the only ones whose read moves the machine on.
  if (offset == kGlobalSyncStatus) return smmu.sync_active;
  const uint32_t in_page = offset & ((1u << smmu.page_shift) - 1);
  if (offset >= smmu.bank_area && in_page == kBankSyncStatus) {
    const uint32_t bank = (offset - smmu.bank_area) >> smmu.page_shift;
    return bank < smmu.banks && smmu.bank[bank].sync_active;
  }
  return static_cast<uint32_t>(const_cast<Machine*>(this)->ReadRegister(instance, offset, 4));
}

uint64_t Machine::Peek64(size_t instance, uint32_t offset) const {
  return Peek32(instance, offset) | static_cast<uint64_t>(Peek32(instance, offset + 4)) << 32;
}

uint32_t Machine::PeekMc(size_t index, uint32_t offset) const { return mc_.Read32(index, offset); }

bool Machine::IsLiveTable(uint64_t pa, TablePlace* place) const {
  if (!board_->pool.Contains(pa)) return false;
  const size_t page = (pa - board_->pool.start) / 4096;
  if (!trees_.Indexed(page)) return false;
  if (place == nullptr) return true;
  const TableNode& node = trees_.node(page);
  const Tree& tree = trees_.tree(node.tree);
  place->root = tree.root;
  place->base = node.base;
  place->level = node.level;
  place->page_bits = tree.page_bits;
  place->input_bits = tree.input_bits;
  return true;
}

}  // namespace sidewall::model
