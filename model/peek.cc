// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Registers as they stand, for checks: no bus, no failing read, no step of a sync.
#include "model/machine.h"

namespace sidewall::model {
namespace {

constexpr uint32_t kGlobalSyncStatus = 0x74;
constexpr uint32_t kBankArea = 0x800000;
constexpr uint32_t kBankSyncStatus = 0x7f4;
constexpr uint32_t kBankMask = 0xffff;

}  // namespace

uint32_t Machine::Peek32(size_t instance, uint32_t offset) const {
  if (instance >= kMaxInstances || !HasInstance(instance)) return 0;
  const SmmuInstance& smmu = smmu_[instance];
  // The status registers are the only ones whose read moves the machine on.
  if (offset == kGlobalSyncStatus) return smmu.sync_active;
  if (offset >= kBankArea && (offset & kBankMask) == kBankSyncStatus) {
    const uint32_t bank = (offset - kBankArea) / (kBankMask + 1);
    return bank < smmu.spec->banks && smmu.bank[bank].sync_active;
  }
  return static_cast<uint32_t>(const_cast<Machine*>(this)->ReadRegister(instance, offset, 4));
}

uint64_t Machine::Peek64(size_t instance, uint32_t offset) const {
  return Peek32(instance, offset) | static_cast<uint64_t>(Peek32(instance, offset + 4)) << 32;
}

uint32_t Machine::PeekMc(size_t index, uint32_t offset) const { return mc_.Read32(index, offset); }

bool Machine::IsLiveTable(uint64_t pa) const {
  if (!board_->pool.Contains(pa)) return false;
  return trees_.Indexed((pa - board_->pool.start) / 4096);
}

}  // namespace sidewall::model
