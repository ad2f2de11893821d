// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What is not isolation. FUN03: legal DMA of the host works. The reference is a bare SMMU that took
// the host's writes as they were; it is armed only where hardware has one answer.
#include "model/registers.h"
#include "oracle/checks.h"
#include "oracle/faithful.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

unsigned long long Wide(uint64_t value) { return value; }

}  // namespace

// The host's own bank waits for the host to clear its fault (HUPCF 0): its own doing.
bool Checks::BlockedByHost(const model::DmaResult& result) const {
  if (result.fault != model::FaultKind::kBlocked) return false;
  const model::SmmuSpec& spec = SpecOf(result.instance);
  if (result.via.bank >= spec.banks - spec.el2_banks) return false;
  const uint32_t fsr = layout::Bank(spec, result.via.bank) + layout::kFsr;
  return board_.machine_->Peek32(result.instance, fsr) != 0;
}

[[gnu::noinline]] void Checks::Fun03Works(const model::DmaRequest& request,
                                          const model::DmaResult& result, const Legal& legal) {
  if (!Enabled(Invariant::kFun03) || !legal.must_work || result.stale) return;
  if (BlockedByHost(result)) return;
  Evaluated(Invariant::kFun03);
  const bool delivered = result.fault == model::FaultKind::kNone;
  if (delivered && result.pa == legal.pa) return;
  std::vector<std::string> text;
  if (result.via.entry != model::kNoIndex) {
    text = Path(result.instance, result.via.entry, result.via);
  } else {
    text.push_back(Print("SID     0x%x on %s: no valid entry matches", result.sid,
                         model::WindowName(WindowOf(result.instance))));
  }
  text.push_back(Print("wanted  0x%llx -> 0x%llx", Wide(request.address), Wide(legal.pa)));
  text.push_back(delivered ? Print("got     0x%llx", Wide(result.pa)) : Print("got     a fault"));
  if (Report(Invariant::kFun03, "stream", "Fun03Works",
             delivered ? "a legal transfer of the host went to the wrong page"
                       : "a legal transfer of the host faulted",
             std::move(text))) {
    __builtin_trap();
  }
}

// What the host has led nowhere faults, as on hardware of its own.
[[gnu::noinline]] void Checks::Fun05Faults(const model::DmaRequest& request,
                                           const model::DmaResult& result, const Legal& legal) {
  if (!Enabled(Invariant::kFun05) || !legal.must_fault) return;
  Evaluated(Invariant::kFun05);
  if (result.fault != model::FaultKind::kNone) return;
  std::vector<std::string> text;
  if (result.via.entry != model::kNoIndex) {
    text = Path(result.instance, result.via.entry, result.via);
  }
  text.push_back(Print("got     0x%llx -> 0x%llx", Wide(request.address), Wide(result.pa)));
  if (Report(Invariant::kFun05, "stream", "Fun05Faults",
             "a transfer that the host's own entry leads nowhere was delivered", std::move(text))) {
    __builtin_trap();
  }
}

// Transfers that are legal before a call and after it go on meanwhile: after each store they must
// still work. What a store to a register cannot redirect is not asked, unless something faulted
// meanwhile: the record may stop a bank.
[[gnu::noinline]] void Checks::Fun03Watched() {
  if (!Enabled(Invariant::kFun03)) return;
  const bool all = target_.kind == Target::kTable || watches_unsure_;
  for (WatchedDma& watch : now_.armed_watches) {
    if (!all &&
        !watch.MayRedirect(*board_.machine_, target_.instance, target_.place, target_.wide)) {
      continue;
    }
    Evaluated(Invariant::kFun03);
    const model::DmaResult result = board_.machine_->Translate(watch.request);
    watch.Follow(result);
    if (result.fault == model::FaultKind::kNone && result.pa == watch.pa) continue;
    if (BlockedByHost(result)) continue;
    if (Report(Invariant::kFun03, "stream", "Fun03Watched",
               "a transfer that is legal before and after the call broke inside it",
               {Print("wanted  0x%llx -> 0x%llx", Wide(watch.request.address), Wide(watch.pa))})) {
      __builtin_trap();
    }
    return;
  }
}

// ---------------------------------------------------------------- FUN01 faithful

void Checks::AfterTrap(const TrappedAccess& access, Window window, uint32_t offset,
                       const struct sidewall_regs& before, const struct sidewall_regs& after) {
  if (!board_.looks_) return;
  const bool loads = !access.write && access.srt != kZeroRegister;
  Fun01OtherRegisters(loads ? access.srt : kZeroRegister, before, after);
  if (loads) Fun01Faithful(access, window, offset, after.x[access.srt]);
  if (loads) Fun01Status(access, window, offset, after.x[access.srt]);
  if (loads) Fun05Shown(access, after.x[access.srt]);
  Fun05Written(access, window);
  if (access.write) Fun03Invalidates(access, window, offset);
}

// What is no access to a window of ours is somebody else's to answer: to emulate it would skip an
// instruction that has had its effect elsewhere, or has none.
[[gnu::noinline]] void Checks::AfterNoAccess(uint64_t ipa, uint64_t esr) {
  if (!board_.looks_ || !Enabled(Invariant::kFun01)) return;
  Evaluated(Invariant::kFun01);
  if (Report(Invariant::kFun01, "call", "AfterNoAccess",
             "an abort that is no access to a window of EL2's was emulated",
             {Print("address   0x%llx", Wide(ipa)), Print("syndrome  0x%llx", Wide(esr))})) {
    __builtin_trap();
  }
}

// A load writes its register and nothing else; a store writes none.
[[gnu::noinline]] void Checks::Fun01OtherRegisters(uint64_t srt, const struct sidewall_regs& before,
                                                   const struct sidewall_regs& after) {
  if (!Enabled(Invariant::kFun01)) return;
  Evaluated(Invariant::kFun01);
  for (uint64_t i = 0; i < kZeroRegister; i++) {
    if (i == srt || before.x[i] == after.x[i]) continue;
    if (Report(Invariant::kFun01, "call", "Fun01OtherRegisters",
               Print("a trapped access changed x%llu, which it does not name", Wide(i)),
               {Print("before  0x%llx", Wide(before.x[i])),
                Print("after   0x%llx", Wide(after.x[i]))})) {
      __builtin_trap();
    }
    return;
  }
}

[[gnu::noinline]] void Checks::Fun01Faithful(const TrappedAccess& access, Window window,
                                             uint32_t offset, uint64_t value) {
  if (!Enabled(Invariant::kFun01)) return;
  const Shown shown = ExpectedRead(board_.ghost_, *board_.machine_, window, offset, access.width);
  if (shown.mask == 0) return;
  const uint64_t wanted = RegisterAfter(access, shown.value);
  if (value == wanted) return;
  char name[64];
  model::RegisterName(window, offset, name, sizeof(name));
  if (Report(Invariant::kFun01, "call", "Fun01Faithful",
             Print("%s of %s reads as 0x%llx, but hardware would show 0x%llx", name,
                   model::WindowName(window), Wide(value), Wide(wanted)),
             {Print("read    %u bytes at +0x%x", access.width, offset)})) {
    __builtin_trap();
  }
}

// When a sync is complete its instance alone knows: the host is shown what this access read there.
[[gnu::noinline]] void Checks::Fun01Status(const TrappedAccess& access, Window window,
                                           uint32_t offset, uint64_t value) {
  if (!Enabled(Invariant::kFun01) || access.width != 4) return;
  size_t instance = 0;
  if (!FindInstance(window, offset, &instance)) return;
  const layout::Place place = layout::PlaceOf(SpecOf(instance), offset);
  const uint32_t hosts = SpecOf(instance).banks - SpecOf(instance).el2_banks;
  const bool of_bank = layout::InBank(place, layout::kTlbSync + 4) && place.index < hosts;
  if (!of_bank && offset != layout::kTlbGStatus) return;
  Evaluated(Invariant::kFun01);
  const bool asked = status_.any && status_.instance == instance && status_.offset == offset;
  if (asked && value == RegisterAfter(access, status_.value & 1)) return;
  if (Report(Invariant::kFun01, "call", "Fun01Status",
             "the status of a sync is not what its instance said",
             {Print("shown   0x%llx", Wide(value)),
              asked ? Print("read    0x%x", status_.value) : Print("read    nothing")})) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- ERR01, the half about locks

namespace {

std::string LockName(uint32_t id) {
  return id == model::kHostLock ? "the host lock" : Print("lock %u", id);
}

}  // namespace

// Locks have one order: the hypervisor's host lock, then the driver's by number; none is taken
// twice.
[[gnu::noinline]] void Checks::Err01LockOrder(const model::LockReport& lock) {
  if (!Enabled(Invariant::kErr01)) return;
  if (Report(Invariant::kErr01, "call", "Err01LockOrder",
             LockName(lock.lock) + " is taken twice or out of order",
             {"held    " + LockName(lock.other)})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Err01Unlock(uint32_t id) {
  if (!Enabled(Invariant::kErr01)) return;
  if (Report(Invariant::kErr01, "call", "Err01Unlock", LockName(id) + " is dropped but not held",
             {})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Err01Unlocked(model::Need need, uint32_t id) {
  if (!Enabled(Invariant::kErr01)) return;
  const char* what = need == model::Need::kUnuseDma    ? "unuse_dma"
                     : need == model::Need::kPageAlloc ? "page_alloc"
                                                       : "notify";
  if (Report(Invariant::kErr01, "call", "Err01Unlocked",
             Print("%s is called with a lock of the driver held", what),
             {"held    " + LockName(id)})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Err01Released(uint32_t id) {
  if (!Enabled(Invariant::kErr01)) return;
  if (Report(Invariant::kErr01, "call", "Err01Released",
             Print("%s returns with a lock held", board_.call_name_),
             {"held    " + LockName(id)})) {
    __builtin_trap();
  }
}

// Under the host lock nobody can refill a pool, so only the one that was filled for it is allowed.
[[gnu::noinline]] void Checks::Err01HostLock(uint32_t pool) {
  if (!Enabled(Invariant::kErr01)) return;
  if (Report(Invariant::kErr01, "call", "Err01HostLock",
             "page_alloc asks a pool that may have to wait, with the host lock held",
             {Print("pool    %u", pool)})) {
    __builtin_trap();
  }
}

void Checks::CountLock() {
  if (!board_.looks_) return;
  if (Enabled(Invariant::kErr01)) Evaluated(Invariant::kErr01);
}

// ---------------------------------------------------------------- ERR02, the half that is the
// core's

[[gnu::noinline]] void Checks::Err02References(uint64_t pa) {
  if (!Enabled(Invariant::kErr02)) return;
  if (Report(Invariant::kErr02, "page", "Err02References",
             "a DMA reference is dropped that nobody took", {Print("page    0x%llx", Wide(pa))})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Err02PoolPage(const model::HypReport& report) {
  if (!Enabled(Invariant::kErr02)) return;
  const char* title = "a page is freed that is no pool page";
  if (report.pool_fault == model::PoolFault::kUnknownPool) title = "a pool is named that is none";
  if (report.pool_fault == model::PoolFault::kForeign) title = "a page goes back to another pool";
  if (report.pool_fault == model::PoolFault::kTwice) title = "a pool page is freed twice";
  if (Report(Invariant::kErr02, "page", "Err02PoolPage", title,
             {Print("page    0x%llx", Wide(report.pa)), Print("pool    %u", report.pool)})) {
    __builtin_trap();
  }
}

void Checks::AfterMisuse(const model::HypReport& report) {
  if (!board_.looks_) return;
  if (report.kind == model::HypReport::kReferences) return Err02References(report.pa);
  if (report.kind == model::HypReport::kPool) return Err02PoolPage(report);
  switch (report.lock.fault) {
    case model::LockFault::kNotHeld:
      return Err01Unlock(report.lock.lock);
    case model::LockFault::kHeldOnReturn:
      return Err01Released(report.lock.lock);
    case model::LockFault::kHeldInCall:
      return Err01Unlocked(report.need, report.lock.lock);
    case model::LockFault::kMaySleep:
      return Err01HostLock(report.pool);
    default:
      return Err01LockOrder(report.lock);
  }
}

// ---------------------------------------------------------------- MEM01, the half that is ours

// Tables lie in pages that EL2 was given for them; a table store elsewhere is a wild store.
[[gnu::noinline]] void Checks::Mem01TableStore(uint64_t pa) {
  if (!Enabled(Invariant::kMem01) || board_.hyp_.IsTaken(pa)) return;
  if (Report(Invariant::kMem01, "page", "Mem01TableStore",
             "a table store outside the pages that the pool gave out",
             {Print("store   0x%llx", Wide(pa))})) {
    __builtin_trap();
  }
}

}  // namespace sidewall
