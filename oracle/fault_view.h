// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the host is shown of fault records, and what its writes do to them. Each instance has its
// own; the host is shown those of its banks, what the stage 2 below them has met, and the global
// record where it is the host's.
//
//     const FaultFile before = FaultsOf(machine.smmu(instance));
//     Shown shown = ShownFault(before, place, whose);           // what a read must give
//     FaultFile after = before;
//     WriteFault(place, whose, value, &after);                  // what a write must leave
//     if (Changed(after, FaultsOf(machine.smmu(instance)), place) != nullptr) ...
#ifndef SIDEWALL_ORACLE_FAULT_VIEW_H_
#define SIDEWALL_ORACLE_FAULT_VIEW_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/event.h"
#include "model/machine.h"
#include "model/registers.h"
#include "oracle/faithful.h"
#include "oracle/ghost_domains.h"

namespace sidewall {

// The fault registers of one instance.
struct FaultFile {
  struct Bank {
    uint32_t fsr = 0;
    uint32_t fsynr[2] = {};
    uint32_t stream = 0;  // CBFRSYNRA
    uint64_t far = 0;
    bool operator==(const Bank&) const = default;
  };
  std::array<Bank, model::kMaxBanks> bank;
  uint32_t gfsr = 0;
  uint32_t gfsynr[3] = {};
  uint64_t gfar = 0;
};
FaultFile FaultsOf(const model::SmmuInstance& smmu);

// Whose a global record is: of whom had the stream when it faulted.
enum class Whose : uint8_t { kNobodys, kHosts, kGuests, kUnclear };

// One access of the host to a fault register.
struct FaultPlace {
  const model::RegisterInfo* info = nullptr;  // null: it is none
  uint16_t bank = 0;
  bool high = false;  // the upper half of a register of 64 bits
  unsigned width = 0;
  uint16_t host_banks = 0;
  uint16_t stage2 = 0;  // the bank that all of the host's are nested over
};
FaultPlace FindFault(const model::SmmuInstance& smmu, Window window, uint32_t offset,
                     unsigned width);

Shown ShownFault(const FaultFile& file, const FaultPlace& place, Whose whose);
void WriteFault(const FaultPlace& place, Whose whose, uint64_t value, FaultFile* file);
// Null, or the name of a register that is not as it should be. A record of the host's stage 2 that
// names no bank of the host's may be dropped by any access.
const char* Changed(const FaultFile& wanted, const FaultFile& now, const FaultPlace& place);

// Keeps up whose the global record of each instance is, and whether the host has been told of it.
class GlobalRecords {
 public:
  void Reset() { *this = GlobalRecords(); }
  void BeginCall() { noted_in_call_ = {}; }

  // What hardware has may have been cleared, or was there before anybody looked.
  void Look(size_t instance, uint32_t gfsr) {
    if (gfsr == 0) {
      whose_[instance] = Whose::kNobodys;
      untold_[instance] = false;
    }
    if (gfsr != 0 && whose_[instance] == Whose::kNobodys) whose_[instance] = Whose::kHosts;
  }
  // A fault was met. The first of all makes the record.
  void Note(size_t instance, const model::SmmuInstance& smmu, uint8_t owner) {
    if (smmu.gfsr == 0 || whose_[instance] != Whose::kNobodys) return;
    whose_[instance] = owner < model::kOwnerGuest0 ? Whose::kHosts : Whose::kGuests;
    noted_in_call_[instance] = true;
    untold_[instance] = true;
  }
  // The host was told of a fault that no bank of its own has.
  void Told(size_t instance, const model::SmmuInstance& smmu, uint32_t sid) {
    if ((smmu.gfsynr[1] & 0x7fff) == sid) untold_[instance] = false;
  }
  // Streams have another owner. What was recorded inside the call is of either side of the move,
  // and what one owner has left under a stream that is another's now is shown to neither.
  void Moved(size_t instance, const model::SmmuInstance& smmu, const GhostDomains::SidSet& moved) {
    if (smmu.gfsr == 0 || !moved[smmu.gfsynr[1] % GhostDomains::kSids]) return;
    const bool hosts = whose_[instance] == Whose::kHosts;
    if (noted_in_call_[instance] || hosts) whose_[instance] = Whose::kUnclear;
  }
  Whose whose(size_t instance) const { return whose_[instance]; }
  // Somebody should have been told of the record, or it should be gone.
  bool Waits(size_t instance) const {
    const bool hosts = whose_[instance] == Whose::kHosts && untold_[instance];
    return hosts || whose_[instance] == Whose::kGuests;
  }

 private:
  std::array<Whose, model::kMaxInstances> whose_ = {};
  std::array<bool, model::kMaxInstances> noted_in_call_ = {};
  std::array<bool, model::kMaxInstances> untold_ = {};
};

// Whether the host is shown what a bank has recorded as its own: in a bank of its own, or in that
// of its stage 2 and about a stage 1 of its own.
bool IsShownToHost(const model::SmmuInstance& smmu, uint16_t host_banks, uint64_t bank,
                   uint64_t fsynr0);

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_FAULT_VIEW_H_
