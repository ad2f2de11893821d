// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the parts of the driver offer each other. The way of a trapped access:
//
//     sidewall_handle_dabt (api.cc) decodes the abort and finds the window,
//     HandleSmmuAccess (smmu_access.cc) finds the register and asks the table,
//     a handler (smmu_*.cc) composes the value and stores it on every instance.
#ifndef SIDEWALL_DRIVER_INTERNAL_H_
#define SIDEWALL_DRIVER_INTERNAL_H_

#include "driver/register_table.h"
#include "driver/state.h"

namespace SIDEWALL_NS {

// One access of the host to one register.
struct Request {
  const RegisterRow* row = nullptr;
  uint32_t instance = 0;  // window of the pair that was addressed
  uint32_t index = 0;     // of a repeated register
  ContextBank bank;       // for registers of a bank, CBAR, CBA2R and CBFRSYNRA
  uint32_t offset = 0;    // in the window
  uint32_t width = 0;     // bytes, 4 or 8
  bool high = false;      // the upper half of a 64-bit register
  bool is_write = false;
  uint64_t value = 0;
};

// What became of it. `abort` means that the bus gave no answer, and neither do we; `detail` goes to
// the event log with a reason that is logged.
struct Answer {
  sidewall_decision decision = SIDEWALL_DECISION_VIRTUAL;
  sidewall_reason reason = SIDEWALL_REASON_NONE;
  bool abort = false;
  uint64_t value = 0;
  uint64_t detail = 0;
};

constexpr Answer Shown(uint64_t value) {
  return {SIDEWALL_DECISION_VIRTUAL, SIDEWALL_REASON_NONE, false, value, 0};
}
constexpr Answer Done(sidewall_decision decision) {
  return {decision, SIDEWALL_REASON_NONE, false, 0, 0};
}
constexpr Answer Ignored(sidewall_reason reason) {
  return {SIDEWALL_DECISION_IGNORED, reason, false, 0, 0};
}
constexpr Answer NoAnswer() {
  return {SIDEWALL_DECISION_REFUSED, SIDEWALL_REASON_NONE, true, 0, 0};
}

// A register's value as the access sees it, and after a write of the access.
constexpr uint64_t Slice(const Request& request, uint64_t whole) {
  if (request.width == 8) return whole;
  return (request.high ? whole >> 32 : whole) & 0xffffffffu;
}
constexpr uint64_t Merge(const Request& request, uint64_t whole) {
  if (request.width == 8) return request.value;
  const uint64_t low = 0xffffffffu;
  if (request.row->width == 4) return request.value & low;
  return request.high ? (whole & low) | (request.value << 32)
                      : (whole & ~low) | (request.value & low);
}

// ---- One access, smmu_access.cc. The caller holds the SMMU's lock.
Answer HandleSmmuAccess(Smmu& smmu, uint32_t instance, uint32_t offset, uint32_t width,
                        bool is_write, uint64_t value);
void Count(Counters& counters, const Answer& answer);

// ---- Handlers by group. Each serves the ids named in its switch.
Answer HandleGlobal(Smmu& smmu, const Request& request);       // smmu_global.cc
Answer HandleStream(Smmu& smmu, const Request& request);       // smmu_stream.cc
Answer HandleBank(Smmu& smmu, const Request& request);         // smmu_bank.cc
Answer HandleInvalidate(Smmu& smmu, const Request& request);   // smmu_tlb.cc
Answer HandleGlobalFault(Smmu& smmu, const Request& request);  // smmu_fault.cc
Answer HandleBankFault(Smmu& smmu, const Request& request);    // smmu_fault.cc

// ---- Streams, smmu_stream.cc. An entry is named by its index as the host knows it; only these
// two stores know where it lies in hardware.
void StoreS2cr(Smmu& smmu, EntryIndex index, uint32_t hw_s2cr);
void StoreSmr(Smmu& smmu, EntryIndex index, uint32_t hw_smr);
// True when some 15-bit stream ID matches both SMRs.
bool EntriesOverlap(uint32_t a, uint32_t b);
// Makes live what was held back and no longer overlaps anything.
void RetryWaiting(Smmu& smmu);
// True while the virtual CBAR and CBA2R make `bank` a stage-1 AArch64 bank.
bool BankIsLegal(const Smmu& smmu, ContextBank bank);
// Points every entry of the host that names `bank` at a fault, before the bank changes.
void ReleaseBank(Smmu& smmu, ContextBank bank);
// Composes again every entry of the host that names `bank`, after the bank changed.
void ComposeBankEntries(Smmu& smmu, ContextBank bank);

// A live entry of the host matches some stream of the set; `and_others`: and one outside of it.
bool HostEntryMatches(const Smmu& smmu, const SidSet& set, bool and_others);
// Takes entries of the host that match some stream of the set out of hardware; they read back
// valid, and are tried again on each change.
void HoldHostEntries(Smmu& smmu, const SidSet& set);
// From now on an entry of the host's faults while it matches some stream of the set, whether it
// does already or only later, until the host writes its S2CR.
void BlockHostEntries(Smmu& smmu, const SidSet& set);

// ---- EL2's own entries, el2_stream.cc. The caller holds the SMMU's lock, and ends with
// SettleBanks.
inline constexpr EntryIndex kNoEntry{~0u};
bool StandsIn(const Entry& entry);
// The entry of EL2 that matches `sid`; kNoEntry: there is none.
EntryIndex FindEl2Entry(const Smmu& smmu, StreamId sid);
// Points the entry of `sid`, or a free one, at `bank`. No live entry of the host may cover `sid`.
// kNoEntry: none is free, and nothing was done.
EntryIndex TakeEl2Entry(Smmu& smmu, StreamId sid, EntryUse use, ContextBank bank);
void FreeEl2Entry(Smmu& smmu, EntryIndex index);
// Frees entries that drained and are covered by a completed sync.
void SettleEntries(Smmu& smmu);
// How many streams outside of the set TakeEl2Entry could still find room for.
uint32_t El2EntryRoom(const Smmu& smmu, const SidSet& set);
// Ends every stand-in that matches a stream of `value`, which entry `index` is about to match.
void AbsorbStandIns(Smmu& smmu, EntryIndex index, uint32_t value);
// These take the locks.
uint32_t StartBootStreams(State& state);
void EndBootStreams(State& state);  // at the first VM, or when their time is over

// ---- Banks, smmu_bank.cc. What hardware gets for the SCTLR that the host wrote.
uint32_t HardwareSctlr(uint32_t wanted);

// ---- Which banks are on, bank_life.cc.
// What SCTLR of a bank holds while it has users.
uint32_t LiveSctlr(const Smmu& smmu, ContextBank bank);
void TakeBanks(Smmu& smmu, uint32_t hw_s2cr);
void DropBanks(Smmu& smmu, uint32_t hw_s2cr);
// Ends what a completed sync has ended, and turns stage 2s without users off; where no sync has
// drained them, it makes one. Before a call that stored an S2CR, or has seen a sync complete,
// returns. Only suspend and resume leave entries as they were, to the next call.
void SettleBanks(Smmu& smmu);
// A bank of the host gets another SCTLR, in hardware too where it is in use.
void ChangeSctlr(Smmu& smmu, ContextBank index, uint32_t value);

// ---- TLB, smmu_tlb.cc. Of a unit without power all of it has been flushed before any stream can
// translate again, so that nothing is stored, and a unit that was closed answers true.
[[nodiscard]] bool SyncAll(Smmu& smmu);
// Ends every translation of the host's VMID on every instance, and waits. False: a sync did not
// complete in time, and the unit is flagged until one does.
[[nodiscard]] bool FlushHost(Smmu& smmu);
// The same for a VMID of EL2's own.
[[nodiscard]] bool FlushVmid(Smmu& smmu, Vmid vmid);
// The same for all non-secure and hypervisor entries, at takeover.
[[nodiscard]] bool FlushEverything(Smmu& smmu);

// ---- Takeover, takeover.cc. 0 when done, else the line of the check that failed.
uint32_t CheckHardware(State& state);
// A unit has the ID registers that init found.
uint32_t CheckUnitIds(Smmu& smmu);
uint32_t TakeOver(State& state);
// The two halves of it for one unit, whose lock the caller holds: every stream faults and every
// bank is off; and what never changes, with what the host and EL2 have made of the banks.
uint32_t CloseUnit(Smmu& smmu);
// Every stream faults, by stores alone, where hardware is in no state that could be relied on.
void ShutUnit(Smmu& smmu);
void ProgramUnit(Smmu& smmu);
// What CBAR of a bank holds in hardware.
uint32_t HardwareCbar(const Smmu& smmu, ContextBank bank);
// Gives a bank of EL2, which is off, a stage 2 of its own.
void ProgramStage2(Smmu& smmu, ContextBank bank, Vmid vmid, Pa root);

// ---- Power, power.cc. These take the locks.
sidewall_result PowerDown(State& state, uint32_t iommu, Power to);
sidewall_result PowerUp(State& state, uint32_t iommu, Power from);
// One try to end what a time-out has left. Behind a completed sync, and on a unit that was closed
// for its power, nothing that drained waits any longer. False: the unit is degraded still.
[[nodiscard]] bool RecoverUnit(State& state, uint32_t unit);

// ---- Faults, fault_scan.cc.
// The bank of the host that a record of its stage 2 is about; ~0: none.
uint32_t NamedByStage2(const Smmu& smmu, uint32_t syndrome);
// Ends the records, on every instance, that name a stream of the set and would go with it to its
// next owner: those of EL2's banks and the global one. What the host is shown in its own banks, the
// stage 2 below them included, was of the host's streams, and stays. The caller
// holds the SMMU's lock, and has changed the owner.
void DropRecords(Smmu& smmu, const SidSet& set);
// Leaves nothing of an instance's global record, neither address nor stream.
void WipeGlobalRecord(const RegisterWindow& window);
// Tells owners of faults, with no lock held; returns how many.
uint32_t ScanFaults(Smmu& smmu);

// ---- Trace ring, ring.cc.
sidewall_result ReadRing(State& state, uint32_t owner, uint64_t sequence,
                         sidewall_ring_record* out);

// ---- Memory controller, mc.cc. RecordMc and TakeOverMc take the MC lock; HandleMcAccess is called
// under it.
uint32_t CheckMcBypass(State& state);
// At init only, before anything is stored: what finalize holds the clients against.
uint32_t RecordMc(State& state);
uint32_t TakeOverMc(State& state);
// Some client on this side carries one of these stream IDs.
bool AnyClientCarries(uint32_t side, uint32_t sid);
// Every client that carries one of these stream IDs does so by its override register.
[[nodiscard]] bool ClientsArePinned(State& state, uint32_t side, const SidSet& set);
// EL2's own table gives the client this stream ID on this side.
bool ClientHasSid(uint32_t id, uint32_t side, uint32_t sid);
Answer HandleMcAccess(State& state, uint32_t window, uint64_t offset, uint32_t width, bool is_write,
                      uint64_t value);

// ---- Identity stage 2, stage2.cc.
// Takes the pages of the two roots, and gives them back when init fails. The pages are not written
// before MakeIdmap, since until every unit is closed a device may write to them.
[[nodiscard]] bool CreateIdmap(State& state);
void ReturnIdmap(State& state);
void MakeIdmap(State& state);
// 0 when the tables hold what an identity map can hold, as much of it as EL2 has put there, else
// the line of the check that failed.
uint32_t VerifyIdmap(State& state);
sidewall_result UpdateIdmap(State& state, uint64_t start, uint64_t end, uint32_t prot);
sidewall_result CompleteIdmap(State& state, bool map);
// Gives up to so many spare tables back to the atomic pool.
uint32_t ReturnSpareTables(State& state, uint64_t pages);

// ---- Configuration, config.cc. 0 when it is sound, else the line of the check that failed.
uint32_t CheckConfig(const sidewall_cfg& cfg);

}  // namespace SIDEWALL_NS

#endif  // SIDEWALL_DRIVER_INTERNAL_H_
