// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// When a context bank is on in hardware: while some S2CR names it, and no longer. A bank of the
// host is nested, so that naming it is naming the host's stage 2 too:
//
//     TakeBanks(smmu, 3)        bank 126 on (the host's stage 2), then bank 3
//     the S2CR is stored
//     DropBanks(smmu, old)      a stage 1 goes off at once: what still runs there passes stage 2
//     SettleBanks(smmu)         a stage 2 goes off after a sync, since off means no stage 2: one
//                               that has completed by now, or else one of its own
#include "driver/internal.h"

namespace SIDEWALL_NS {
namespace {

bool WantsInterrupt(const Bank& bank) { return sctlr::kCfie.Get(bank.sctlr) != 0; }

void StoreSctlr(Smmu& smmu, ContextBank bank, uint32_t value) {
  WriteAll32(smmu, BankRegister(smmu, bank, cb::kSCTLR), value);
}

void CountInterrupting(Smmu& smmu, bool more) {
  const uint32_t before = LiveSctlr(smmu, smmu.host_stage2);
  smmu.interrupting_banks += more ? 1u : ~0u;
  const uint32_t after = LiveSctlr(smmu, smmu.host_stage2);
  if (before != after && smmu.bank[smmu.host_stage2.value].users != 0) {
    StoreSctlr(smmu, smmu.host_stage2, after);
  }
}

void Take(Smmu& smmu, ContextBank index) {
  Bank& bank = smmu.bank[index.value];
  if (++bank.users != 1) return;
  if (bank.idle) --smmu.idle_banks;
  bank.idle = false;
  StoreSctlr(smmu, index, LiveSctlr(smmu, index));
}

void DropUser(Smmu& smmu, ContextBank index) {
  Bank& bank = smmu.bank[index.value];
  if (--bank.users != 0) return;
  if (index.value >= smmu.host_banks) {
    bank.idle = true;
    bank.idle_epoch = smmu.clock.Invalidated();
    ++smmu.idle_banks;
    return;
  }
  StoreSctlr(smmu, index, 0);
  if (WantsInterrupt(bank)) CountInterrupting(smmu, false);
}

// What a sync has drained since goes off, whoever made it, and whatever became of one after it.
void TurnOffDrained(Smmu& smmu) {
  for (uint32_t i = smmu.host_banks; i < smmu.bank_count && smmu.idle_banks != 0; ++i) {
    Bank& bank = smmu.bank[i];
    if (!bank.idle || !smmu.clock.Synced(bank.idle_epoch)) continue;
    bank.idle = false;
    --smmu.idle_banks;
    StoreSctlr(smmu, ContextBank{i}, 0);
  }
}

bool NamesBank(const Smmu& smmu, uint32_t hw_s2cr, ContextBank* bank) {
  bank->value = s2cr::kCbndx.Get(hw_s2cr);
  return s2cr::kType.Get(hw_s2cr) == s2cr::kTypeTranslate && bank->value < smmu.bank_count;
}

}  // namespace

uint32_t LiveSctlr(const Smmu& smmu, ContextBank bank) {
  if (bank.value < smmu.host_banks) return HardwareSctlr(smmu.bank[bank.value].sctlr);
  const bool interrupts = bank == smmu.host_stage2 && smmu.interrupting_banks != 0;
  return sctlr::kStage2 | (interrupts ? sctlr::kCfie.mask() : 0);
}

void TakeBanks(Smmu& smmu, uint32_t hw_s2cr) {
  ContextBank bank;
  if (!NamesBank(smmu, hw_s2cr, &bank)) return;
  if (bank.value < smmu.host_banks) {
    const Bank& stage1 = smmu.bank[bank.value];
    if (stage1.users == 0 && WantsInterrupt(stage1)) CountInterrupting(smmu, true);
    Take(smmu, smmu.host_stage2);
  }
  Take(smmu, bank);
}

void DropBanks(Smmu& smmu, uint32_t hw_s2cr) {
  ContextBank bank;
  if (!NamesBank(smmu, hw_s2cr, &bank)) return;
  if (bank.value < smmu.host_banks) DropUser(smmu, smmu.host_stage2);
  DropUser(smmu, bank);
}

void SettleBanks(Smmu& smmu) {
  // To an access or a donation a unit without power is as it went. Calls about domains and tick may
  // end what waits there, since it was drained before the power went.
  if (smmu.reachable) SettleEntries(smmu);
  TurnOffDrained(smmu);
  // A unit whose last sync timed out is left to `tick`, so that no access waits for it again.
  if (smmu.idle_banks == 0 || smmu.degraded) return;
  if (SyncAll(smmu)) TurnOffDrained(smmu);
}

void ChangeSctlr(Smmu& smmu, ContextBank index, uint32_t value) {
  Bank& bank = smmu.bank[index.value];
  const bool wanted = WantsInterrupt(bank);
  bank.sctlr = value;
  if (bank.users == 0) return;
  StoreSctlr(smmu, index, LiveSctlr(smmu, index));
  if (wanted != WantsInterrupt(bank)) CountInterrupting(smmu, !wanted);
}

}  // namespace SIDEWALL_NS
