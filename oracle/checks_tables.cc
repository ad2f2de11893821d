// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// ISO07 and MEM02: what the tables of EL2 say, and when it is in memory.
#include "model/registers.h"
#include "oracle/banks.h"
#include "oracle/checks.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

unsigned long long Wide(uint64_t value) { return value; }

// The bank that all banks of the host are nested over.
uint16_t HostStage2(const model::SmmuInstance& smmu) { return Under(smmu, 0); }

const char* HostHas(bool owns) { return owns ? "the host's" : "not the host's"; }

}  // namespace

// ---------------------------------------------------------------- ISO07 idmap

// The tables that the banks of the host are nested over, on or not.
void Checks::FindIdmap() {
  const size_t instance = board_.machine_->InstanceIndex(board_.spec_.smmu[0].side, 0);
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  const uint16_t bank = HostStage2(smmu);
  if (bank >= smmu.banks) return;
  const model::ContextBank& regs = smmu.bank[bank];
  idmap_.Begin(model::DecodeStage2(regs.tcr, regs.ttbr0, smmu.idr[2]));
}

void Checks::AtRest() {
  if (!board_.looks_) return;
  if (!idmap_.changed()) return;
  const bool on = Enabled(Invariant::kIso07) && idmap_.known();
  if (on) Evaluated(Invariant::kIso07);
  idmap_.TakeChanged([&](uint64_t ipa) {
    if (on) Iso07Page(ipa);
  });
}

// A page of the host is mapped to itself with both permissions, and no other is mapped at all.
// Where a call has said that the host's devices do without a page, it may be missing. What is no
// memory and no peripheral of the host is nobody's, whatever address bit 39 says.
[[gnu::noinline]] void Checks::Iso07Page(uint64_t ipa) {
  if (board_.violated()) return;
  const Idmap::Leaf leaf = idmap_.Find(ipa);
  const bool owns = board_.ghost_.MayTouch(ipa, model::kOwnerHost);
  const bool whole =
      leaf.mapped && leaf.pa == ipa && leaf.perm == (model::kPermRead | model::kPermWrite);
  if (owns ? whole : !leaf.mapped) return;
  if (owns && !leaf.mapped && board_.ghost_.AnyOverRestricted(ipa, 1)) return;
  std::string title = "the host's stage 2 maps a page that is not the host's";
  if (owns && !leaf.mapped) title = "a page of the host is missing in its stage 2";
  if (owns && leaf.mapped)
    title = "the host's stage 2 maps a page of the host otherwise than to itself";
  std::vector<std::string> text = {
      Print("page    0x%llx, %s", Wide(ipa), HostHas(owns)),
      leaf.mapped ? Print("leaf    0x%llx: to 0x%llx%s%s", Wide(leaf.stored), Wide(leaf.pa),
                          leaf.perm & model::kPermRead ? " read" : "",
                          leaf.perm & model::kPermWrite ? " write" : "")
                  : Print("leaf    0x%llx: none", Wide(leaf.stored)),
      Print("table   root 0x%llx", Wide(idmap_.root()))};
  if (Report(Invariant::kIso07, "page", "Iso07Page", std::move(title), std::move(text))) {
    __builtin_trap();
  }
}

// Every unit has the host on the same tables.
[[gnu::noinline]] void Checks::Iso07Root(size_t instance, uint16_t bank) {
  if (!Enabled(Invariant::kIso07) || !idmap_.known()) return;
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  if (bank != HostStage2(smmu) || bank >= smmu.banks) return;
  if ((smmu.bank[bank].sctlr & model::sctlr::kM) == 0) return;
  const model::ContextBank& regs = smmu.bank[bank];
  const model::Stage2Geometry geometry = model::DecodeStage2(regs.tcr, regs.ttbr0, smmu.idr[2]);
  if (geometry.valid && geometry.root == idmap_.root()) return;
  if (Report(Invariant::kIso07, "bank", "Iso07Root",
             Print("the host's stage 2 on %s is not its identity map",
                   model::WindowName(WindowOf(instance))),
             BankLines(instance, bank))) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- MEM02 order

// Fill, then publish: what a table holds is in memory before a store links it.
[[gnu::noinline]] void Checks::Mem02Link(uint64_t pa) {
  if (!Enabled(Invariant::kMem02) || !board_.spec_.pool.Contains(pa)) return;
  const uint64_t entry = board_.tables_.view()[(pa - board_.spec_.pool.start) / sizeof(uint64_t)];
  const uint64_t table = entry & model::kAddressMask;
  if ((entry & 3) != 3 || !board_.spec_.pool.Contains(table)) return;
  Evaluated(Invariant::kMem02);
  for (const std::vector<uint64_t>* lines : {&unclean_, &unordered_}) {
    for (const uint64_t line : *lines) {
      if ((line & model::kAddressMask) != table) continue;
      if (Report(Invariant::kMem02, "page", "Mem02Link",
                 "a table is linked before what it holds is in memory",
                 {Print("table   0x%llx", Wide(table)),
                  Print("link    0x%llx = 0x%llx", Wide(pa), Wide(entry)),
                  Print("line    0x%llx: %s", Wide(line),
                        lines == &unclean_ ? "not cleaned" : "cleaned, and no barrier since")})) {
        __builtin_trap();
      }
      return;
    }
  }
}

// Nor is a table filled once it is linked: what a walk finds there until then is whatever memory
// holds, since only the cache may have seen that the page was cleared. A page that was a table
// already when it is emptied again is ISO10's.
[[gnu::noinline]] void Checks::Mem02Emptied(uint64_t pa) {
  const bool before = pool_tables_.OnEmpty(pa);
  if (!Enabled(Invariant::kMem02)) return;
  Evaluated(Invariant::kMem02);
  if (before) return;
  if (Report(Invariant::kMem02, "page", "Mem02Emptied",
             "a table is emptied that another one links already",
             {Print("table   0x%llx", Wide(pa))})) {
    __builtin_trap();
  }
}

// Clean to the point of coherency and barrier, before an invalidation and before the call returns.
[[gnu::noinline]] void Checks::Mem02Visible(const char* before) {
  if (!Enabled(Invariant::kMem02)) return;
  if (unclean_.empty() && unordered_.empty()) return;
  const uint64_t line = unclean_.empty() ? unordered_.front() : unclean_.front();
  if (Report(Invariant::kMem02, "page", "Mem02Visible",
             Print("a store to a table is not in memory before %s", before),
             {Print("line    0x%llx: %s", Wide(line),
                    unclean_.empty() ? "cleaned, and no barrier since" : "not cleaned")})) {
    __builtin_trap();
  }
}

}  // namespace sidewall
