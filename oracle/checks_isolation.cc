// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// ISO01, ISO02, ISO03, ISO05, ISO06, ISO09: one function each (a few for ISO05, by what was
// stored). Each ends in its own trap, so that a crash is named by its invariant.
#include "model/registers.h"
#include "oracle/checks.h"
#include "oracle/clients.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

using Lines = std::vector<std::string>;

unsigned long long Wide(uint64_t value) { return value; }

const char* OwnerName(uint8_t owner) {
  static constexpr const char* kNames[] = {"the host", "EL2",    "guest0",
                                           "guest1",   "guest2", "guest3"};
  return owner < sizeof(kNames) / sizeof(kNames[0]) ? kNames[owner] : "nobody";
}

constexpr uint32_t kSctlrCfcfg = 1u << 7;
constexpr uint32_t kActlrCpre = 1u << 1;
constexpr uint32_t kNoVmid = 0x100;

}  // namespace

// ---------------------------------------------------------------- ISO01 reach

[[gnu::noinline]] void Checks::Iso01Reach() {
  const Breach breach = board_.reach_.Check();
  const bool unknown = breach.kind == Breach::kUnknownTlb;
  const Invariant id = unknown || breach.stale ? Invariant::kIso02 : Invariant::kIso01;
  if (!Enabled(id)) return;
  Evaluated(id);
  if (breach.kind == Breach::kNone) return;
  Lines text = Path(breach.instance, breach.entry, breach.via);
  std::string title;
  const char* object = "stream";
  if (breach.kind == Breach::kEverything) {
    title = Print("a stream of %s on %s reaches all of memory: no stage 2 of EL2 applies",
                  OwnerName(breach.owner), model::WindowName(WindowOf(breach.instance)));
    text.push_back("page    every page, of every owner");
  } else if (breach.kind == Breach::kWildTree && breach.stale) {
    title = "a stage 2 in use shares its VMID with one that caches may walk, and nobody can follow";
    text.push_back("page    whatever was made of those tables since");
  } else if (breach.kind == Breach::kWildTree) {
    title = "a stage 2 in use has tables outside EL2's memory";
    text.push_back("page    whatever the writer of those tables wants");
  } else if (unknown) {
    object = "entry";
    title = "a stream translates though the TLB may hold entries of before takeover";
  } else {
    object = "page";
    const uint8_t owner = board_.ghost_.owner(breach.page);
    title = Print("a stream of %s reaches a page of %s", OwnerName(breach.owner), OwnerName(owner));
    text.push_back(Print("page    0x%llx (at 0x%llx), of %s", Wide(breach.page), Wide(breach.ipa),
                         OwnerName(owner)));
    if (breach.stale) text.push_back("        through a table that only caches lead to");
  }
  if (Report(id, object, "Iso01Reach", std::move(title), std::move(text))) __builtin_trap();
}

// A device that comes back from a guest still does what the guest has told it to: until the host
// attaches its stream, it faults.
[[gnu::noinline]] void Checks::Iso01Returned(size_t instance, uint16_t sid) {
  if (!Enabled(Invariant::kIso01)) return;
  Evaluated(Invariant::kIso01);
  const model::Resolution via = board_.machine_->Resolve(instance, sid);
  switch (via.route) {
    case model::Route::kUnmatched:
    case model::Route::kMultiMatch:
    case model::Route::kFaultEntry:
    case model::Route::kBadContext:
      return;
    case model::Route::kStage2:
    case model::Route::kNested:
      if (!board_.reach_.MapsAnything(via.stage2_root)) return;
      break;
    default:
      break;
  }
  if (Report(Invariant::kIso01, "stream", "Iso01Returned",
             Print("a stream on %s came back to the host and does not fault",
                   model::WindowName(WindowOf(instance))),
             Path(instance, via.entry, via))) {
    __builtin_trap();
  }
}

// A transfer that was delivered: the page must be one that the stream's owner may touch.
[[gnu::noinline]] void Checks::IsoDelivered(const model::DmaResult& result, uint8_t owner) {
  const Invariant id = result.stale ? Invariant::kIso02 : Invariant::kIso01;
  if (!Enabled(id) || result.fault != model::FaultKind::kNone) return;
  Evaluated(id);
  if (board_.ghost_.MayTouch(result.pa, owner)) return;
  Lines text;
  if (result.via.entry != model::kNoIndex)
    text = Path(result.instance, result.via.entry, result.via);
  const uint8_t page_owner = board_.ghost_.owner(result.pa);
  text.push_back(Print("page    0x%llx, of %s", Wide(result.pa), OwnerName(page_owner)));
  if (result.stale)
    text.push_back("        through a TLB entry that no completed sync has removed");
  if (Report(id, "page", "IsoDelivered",
             Print("a transfer of %s was delivered to a page of %s", OwnerName(owner),
                   OwnerName(page_owner)),
             std::move(text))) {
    __builtin_trap();
  }
}

// What is mapped to be read is not written, and the other way round.
[[gnu::noinline]] void Checks::Iso01Permission(const model::DmaResult& result, const Legal& legal) {
  if (!Enabled(Invariant::kIso01) || !legal.denied) return;
  Evaluated(Invariant::kIso01);
  if (result.fault != model::FaultKind::kNone || result.stale) return;
  Lines text;
  if (result.via.entry != model::kNoIndex)
    text = Path(result.instance, result.via.entry, result.via);
  text.push_back(Print("page    0x%llx", Wide(result.pa)));
  if (Report(Invariant::kIso01, "page", "Iso01Permission",
             "a transfer was delivered that its domain's mapping does not permit",
             std::move(text))) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- ISO02 stale

[[gnu::noinline]] void Checks::Iso02Stale(uint64_t page, uint8_t from) {
  if (!Enabled(Invariant::kIso02)) return;
  for (size_t smmu = 0; smmu < board_.spec_.smmu_count; smmu++) {
    const model::SmmuSpec& spec = board_.spec_.smmu[smmu];
    for (uint8_t n = 0; n < spec.instance_count; n++) {
      const size_t instance = board_.machine_->InstanceIndex(spec.side, n);
      uint32_t held = kNoVmid;
      board_.reach_.AnyVmid(instance, from, [&](uint8_t vmid) {
        if (board_.machine_->MayHold(instance, vmid, page) == model::kPermNone) return false;
        held = vmid;
        return true;
      });
      if (held == kNoVmid) continue;
      Lines text = {Print("page    0x%llx, lost by %s, now of %s", Wide(page), OwnerName(from),
                          OwnerName(board_.ghost_.owner(page))),
                    Print("TLB     %s may still hold it under VMID %u: no completed sync covers it",
                          model::WindowName(WindowOf(instance)), held)};
      if (Report(Invariant::kIso02, "page", "Iso02Stale",
                 Print("a page of %s changed hands while %s may still translate to it",
                       OwnerName(from), model::WindowName(WindowOf(instance))),
                 std::move(text))) {
        __builtin_trap();
      }
      return;
    }
  }
}

// Nor may a transfer still be on its way to a page that has changed hands.
[[gnu::noinline]] void Checks::Iso02UnderWay(uint64_t pa, uint64_t count, uint8_t from) {
  if (!Enabled(Invariant::kIso02)) return;
  const model::HeldDma* late = nullptr;
  // What a guest gives back may be the host's all the time, and the transfer too. No stream comes
  // back from a guest before a sync has ended all that it had under way.
  const auto is_hosts = [&](const model::HeldDma& flight) {
    const uint8_t side = board_.machine_->SideOf(flight.result.instance);
    return board_.ghost_.StreamOwner(side, flight.result.sid & 0x7f) == model::kOwnerHost &&
           board_.ghost_.MayTouch(flight.result.pa, model::kOwnerHost);
  };
  board_.machine_->ForEachUnderWay([&](const model::HeldDma& flight) {
    if (flight.result.pa - pa >= count * kPageSize) return;
    if (from == model::kOwnerHost || !is_hosts(flight)) late = &flight;
  });
  if (late == nullptr) return;
  const uint64_t page = late->result.pa & ~(kPageSize - 1);
  if (Report(Invariant::kIso02, "page", "Iso02UnderWay",
             Print("a page of %s changed hands while a transfer to it is under way on %s",
                   OwnerName(from), model::WindowName(WindowOf(late->result.instance))),
             {Print("page    0x%llx, now of %s", Wide(page), OwnerName(board_.ghost_.owner(page))),
              Print("stream  0x%x: no completed sync has waited for it", late->result.sid)})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Iso02FreedTable(uint64_t pa) {
  if (!Enabled(Invariant::kIso02)) return;
  Evaluated(Invariant::kIso02);
  if (!board_.machine_->IsLiveTable(pa)) return;
  if (Report(Invariant::kIso02, "page", "Iso02FreedTable",
             "a table page was freed while hardware may still walk it",
             {Print("table   0x%llx", Wide(pa))})) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- ISO03 stream-exclusive

[[gnu::noinline]] void Checks::Iso03StreamExclusive(size_t instance, uint16_t entry) {
  if (!Enabled(Invariant::kIso03)) return;
  const model::SmmuSpec& spec = SpecOf(instance);
  const auto& smr = board_.machine_->smmu(instance).smr;
  const uint32_t own = smr[entry];
  if (!(own >> 31)) return;
  Evaluated(Invariant::kIso03);
  for (uint16_t i = 0; i < spec.entries; i++) {
    if (i == entry) continue;
    const uint32_t other = smr[i];
    if (!(other >> 31)) continue;
    const uint32_t masks = (own | other) >> 16;
    if (((own ^ other) & ~masks & 0x7fff) != 0) continue;
    Lines text = {RegisterLine(instance, layout::kSmr + 4u * entry),
                  RegisterLine(instance, layout::kSmr + 4u * i)};
    if (Report(Invariant::kIso03, "stream", "Iso03StreamExclusive",
               Print("two valid entries of %s match one stream ID",
                     model::WindowName(WindowOf(instance))),
               std::move(text))) {
      __builtin_trap();
    }
    return;
  }
}

// ---------------------------------------------------------------- ISO05 floor

[[gnu::noinline]] void Checks::Iso05FloorGlobal(size_t instance) {
  if (!Enabled(Invariant::kIso05)) return;
  Evaluated(Invariant::kIso05);
  const uint32_t scr0 = board_.machine_->Peek32(instance, layout::kSCr0);
  const uint32_t sacr = board_.machine_->Peek32(instance, layout::kSAcr);
  const bool settled = board_.phase_ == Board::Phase::kUp;
  const bool floor = layout::OnFloor(scr0);
  if (floor && (!settled || sacr == now_.fixed_sacr[instance])) return;
  Lines text = {RegisterLine(instance, layout::kSCr0), RegisterLine(instance, layout::kSAcr)};
  if (Report(Invariant::kIso05, "call", "Iso05FloorGlobal",
             floor ? "sACR left the value that EL2 fixed"
                   : "sCR0 left the floor (CLIENTPD 0, USFCFG 1, SMCFCFG 1, EXIDENABLE 0, "
                     "VMID16EN 0)",
             std::move(text))) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Iso05FloorEntry(size_t instance, uint16_t entry) {
  if (!Enabled(Invariant::kIso05)) return;
  Evaluated(Invariant::kIso05);
  const uint32_t s2cr = board_.machine_->Peek32(instance, layout::kS2cr + 4u * entry);
  if ((s2cr >> 16 & 3) != 1) return;
  Lines text = Path(instance, entry, model::Resolution());
  if (Report(Invariant::kIso05, "entry", "Iso05FloorEntry",
             Print("S2CR[%u] of %s has type bypass", entry, model::WindowName(WindowOf(instance))),
             std::move(text))) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Iso05FloorContext(size_t instance, uint16_t bank) {
  if (!Enabled(Invariant::kIso05)) return;
  Evaluated(Invariant::kIso05);
  const model::SmmuSpec& spec = SpecOf(instance);
  const uint32_t type = board_.machine_->Peek32(instance, layout::Cbar(spec) + 4u * bank) >> 16 & 3;
  const bool host = bank < spec.banks - spec.el2_banks;
  if (host ? type == 3 : type == 0) return;
  if (Report(Invariant::kIso05, "bank", "Iso05FloorContext",
             Print("CBAR[%u] of %s has type %u, but a bank of %s has type %u", bank,
                   model::WindowName(WindowOf(instance)), type, host ? "the host" : "EL2",
                   host ? 3 : 0),
             {RegisterLine(instance, layout::Cbar(spec) + 4u * bank)})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Iso05FloorBank(size_t instance, uint16_t bank) {
  if (!Enabled(Invariant::kIso05)) return;
  Evaluated(Invariant::kIso05);
  const uint32_t base = layout::Bank(SpecOf(instance), bank);
  const uint32_t sctlr = board_.machine_->Peek32(instance, base + layout::kSctlr);
  const uint32_t actlr = board_.machine_->Peek32(instance, base + layout::kActlr);
  const bool settled = board_.phase_ == Board::Phase::kUp;
  const bool fixed = !settled || actlr == now_.fixed_actlr[instance];
  if (!(sctlr & kSctlrCfcfg) && !(actlr & kActlrCpre) && fixed) return;
  const char* what = sctlr & kSctlrCfcfg  ? "may stall (SCTLR.CFCFG)"
                     : actlr & kActlrCpre ? "may prefetch (ACTLR.CPRE)"
                                          : "has an ACTLR that EL2 did not fix";
  if (Report(Invariant::kIso05, "bank", "Iso05FloorBank",
             Print("bank %u of %s %s", bank, model::WindowName(WindowOf(instance)), what),
             {RegisterLine(instance, base + layout::kSctlr),
              RegisterLine(instance, base + layout::kActlr)})) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- ISO06 mirror

[[gnu::noinline]] void Checks::Iso06MirrorImage(size_t smmu, uint32_t offset) {
  if (!Enabled(Invariant::kIso06)) return;
  Evaluated(Invariant::kIso06);
  const uint8_t side = board_.spec_.smmu[smmu].side;
  const size_t first = board_.machine_->InstanceIndex(side, 0);
  const size_t second = board_.machine_->InstanceIndex(side, 1);
  if (board_.machine_->Peek32(first, offset) == board_.machine_->Peek32(second, offset)) return;
  uint16_t bank = 0;
  uint32_t at = 0;
  const model::SmmuSpec& spec = board_.spec_.smmu[smmu];
  const char* object = layout::InAnyBank(spec, offset, &bank, &at) ? "bank" : "entry";
  if (Report(Invariant::kIso06, object, "Iso06MirrorImage",
             "the two instances of a pair differ when the call returns",
             {RegisterLine(first, offset), RegisterLine(second, offset)})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Iso06MirrorCommands(size_t smmu) {
  if (!Enabled(Invariant::kIso06)) return;
  const PairTrace& pair = pairs_[smmu];
  if (pair.commands[0] == 0 && pair.commands[1] == 0) return;
  Evaluated(Invariant::kIso06);
  if (pair.commands[0] == pair.commands[1]) return;
  const size_t first = board_.machine_->InstanceIndex(board_.spec_.smmu[smmu].side, 0);
  if (Report(Invariant::kIso06, "call", "Iso06MirrorCommands",
             Print("an invalidation or a sync went to one instance of %s only",
                   model::WindowName(WindowOf(first))),
             {Print("call    %s", board_.call_name_)})) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- ISO12 authority

[[gnu::noinline]] void Checks::Iso12Authority(const char* breach) {
  if (!Enabled(Invariant::kIso12)) return;
  Evaluated(Invariant::kIso12);
  if (!breach) return;
  if (Report(Invariant::kIso12, "call", "Iso12Authority",
             Print("%s was OK, though it names %s", board_.call_name_, breach), {})) {
    __builtin_trap();
  }
}

// ---------------------------------------------------------------- ISO09 mc-sid

// The stream ID of its device, whoever has that, or the quarantine's, which is nobody's: one of the
// default table is never in quarantine, since its device would not work. Of a client whose wiring
// nobody knows no table says anything, and it keeps what the takeover gave it.
bool Checks::MayCarry(const model::ClientInfo& client, uint32_t sid) const {
  if (sid == 0 || sid > kQuarantineSid) return false;
  if (sid == OwnSid(client)) return true;
  if (client.default_sid != 0) return false;
  if (sid == kQuarantineSid) return true;
  const bool settled = board_.phase_ == Board::Phase::kUp;
  const bool unknown = client.side == model::kUnknownSide && client.node_sid == 0;
  return unknown && (!settled || sid == (now_.after[client.id].override_ & 0xff));
}

[[gnu::noinline]] void Checks::Iso09McSid(uint16_t client) {
  if (!Enabled(Invariant::kIso09) || client >= now_.after.size()) return;
  if (IsHeld(client)) return;
  Evaluated(Invariant::kIso09);
  const ClientImage now = ReadClient(client);
  const model::ClientInfo* info = model::FindClient(client);
  std::string title;
  if (IsUntouchable(client)) {
    if (now == now_.before[client]) return;
    title = "an unlisted or untouchable register of the memory controller changed";
  } else if (now.security != now_.after[client].security || !(now.security & 0x100)) {
    title = Print("the security register of %s changed", info->name);
  } else {
    const uint32_t sid = now.override_ & 0xff;
    if (MayCarry(*info, sid)) return;
    title =
        Print("%s reaches its SMMU with SID 0x%02x, which its owner may not use", info->name, sid);
  }
  Lines text = {Print("client  %s (0x%x)", info ? info->name : "unlisted", client),
                Print("        override 0x%08x, security 0x%08x", now.override_, now.security)};
  if (Report(Invariant::kIso09, "client", "Iso09McSid", std::move(title), std::move(text))) {
    __builtin_trap();
  }
}

// A store of the driver to the memory controller: only the SID window, only listed clients.
[[gnu::noinline]] void Checks::Iso09McWindow(uint64_t pa) {
  if (!Enabled(Invariant::kIso09)) return;
  Window window = Window::kNiso1;
  uint32_t offset = 0;
  if (board_.WindowOf(pa, &window, &offset) && window == Window::kMcSid && offset < 0x1000) {
    Iso09McSid(static_cast<uint16_t>(offset / 8));
    return;
  }
  Evaluated(Invariant::kIso09);
  if (Report(Invariant::kIso09, "call", "Iso09McWindow",
             "the driver stored to a register that it must leave alone",
             {Print("store   0x%llx", Wide(pa))})) {
    __builtin_trap();
  }
}

}  // namespace sidewall
