// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Power of a unit, as the board goes through it: while a unit is down its masters are held and its
// registers may be lost; when the driver has brought it back, it is looked at (ISO11), and only
// then may its masters go on.
#include "model/registers.h"
#include "oracle/banks.h"
#include "oracle/board.h"
#include "oracle/checks.h"
#include "oracle/clients.h"
#include "oracle/smmu_layout.h"

namespace sidewall {

bool Board::IsDown(Window window) const {
  const auto number = static_cast<uint8_t>(window);
  return number < kSmmuWindows && (down_ >> number / 2 & 1) != 0;
}

bool Board::IsBootStream(uint8_t side, uint16_t sid) const {
  for (size_t i = 0; i < spec_.boot_stream_count; i++) {
    if (spec_.boot_stream[i].side == side && spec_.boot_stream[i].sid == sid) return true;
  }
  return false;
}

// Calls that can change what a unit without power will hold when it has power again.
void Board::CountChange(CallId id) {
  switch (id) {
    case CallId::kHandleDabt:
    case CallId::kHostStage2Idmap:
    case CallId::kHostStage2IdmapComplete:
    case CallId::kStats:
    case CallId::kRingRead:
      return;
    default:
      calls_++;
  }
}

// hw.powerloss: only what the core has said to be off can lose its state. Where a program says
// otherwise, a unit that is up has its power back before anybody looks.
Outcome Board::LosePower(uint64_t side) {
  if (side >= kSides) return {};
  const bool up = (down_ >> side & 1) == 0;
  if (up && !machine_->PowerGoesUntold()) return {};
  machine_->SetPower(static_cast<uint8_t>(side), false);
  if (up) machine_->SetPower(static_cast<uint8_t>(side), true);
  checks_->AfterPowerLoss(static_cast<uint8_t>(side));
  if (up && looks_) reach_.RefreshAll();
  Outcome outcome;
  outcome.result = Expect::kOk;
  return outcome;
}

struct sidewall_result Board::SwitchPower(model::PowerCall call, uint8_t side) {
  constexpr CallId kCalls[] = {CallId::kSuspend, CallId::kResume, CallId::kPowerOff,
                               CallId::kPowerOn};
  const bool down = call == model::PowerCall::kSuspend || call == model::PowerCall::kOff;
  const uint8_t bit = static_cast<uint8_t>(1u << side);
  const uint64_t calls = calls_;
  if (down) {
    checks_->BeforePowerDown(side);
  } else {
    // The core powers the unit before it tells the driver.
    machine_->SetPower(side, true);
  }
  const struct sidewall_result result =
      Invoke({.id = kCalls[static_cast<size_t>(call)], .arg = {side}});
  if (!down && result.status == SIDEWALL_DEGRADED) stuck_ |= bit;
  if (result.status != SIDEWALL_OK) return result;
  stuck_ &= static_cast<uint8_t>(~bit);
  down_ = static_cast<uint8_t>(down ? down_ | bit : down_ & ~bit);
  reach_.SetHeld(down_);
  if (down) {
    calls_when_down_[side] = calls_;
    machine_->GateMasters(side, true);
    return result;
  }
  if (looks_) reach_.RefreshAll();
  checks_->AfterPowerUp(side, calls_when_down_[side] == calls);
  machine_->GateMasters(side, false);
  return result;
}

// ---------------------------------------------------------------- ISO11 resume

// What the registers hold that isolation rests on, as they must come back. A stage 2 that no S2CR
// names any more, and that is on only because it waits for a sync, comes back off: power does not
// go before everything is flushed, so that nothing waits on the other side.
std::vector<uint32_t> Checks::PolicyToRestore(uint8_t side) const {
  std::vector<uint32_t> image;
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    if (board_.machine_->SideOf(instance) != side) continue;
    const model::SmmuSpec& spec = SpecOf(instance);
    const std::bitset<model::kMaxBanks> named = NamedBanks(instance);
    for (uint32_t offset : layout::PolicyOffsets(spec)) {
      uint32_t word = board_.machine_->Peek32(instance, offset);
      // Few words have this bit, which is M in a SCTLR.
      if ((word & model::sctlr::kM) != 0) {
        const layout::Place place = layout::PlaceOf(spec, offset);
        const bool ends = layout::InBank(place, layout::kSctlr) && !named[place.index] &&
                          WaitsForSync(instance, place.index);
        if (ends) word = 0;
      }
      image.push_back(word);
    }
  }
  return image;
}

void Checks::BeforePowerDown(uint8_t side) {
  if (!board_.looks_) return;
  now_.before_down[side] = PolicyToRestore(side);
  now_.clients_before_down[side] = ReadClients();
}

// The masters of a client without power issue nothing, whatever its words say. One whose wiring
// nobody knows may come to any side that has power.
bool Checks::IsHeld(uint16_t client) const {
  const model::ClientInfo* info = model::FindClient(client);
  if (info != nullptr && info->side != model::kUnknownSide) return board_.IsDownSide(info->side);
  for (size_t smmu = 0; smmu < board_.spec_.smmu_count; smmu++) {
    if (!board_.IsDownSide(board_.spec_.smmu[smmu].side)) return false;
  }
  return true;
}

void Checks::AfterPowerLoss(uint8_t side) {
  if (!board_.looks_) return;
  lives_.SetNow(board_.event_index_, "-");
  for (size_t instance = 0; instance < model::kMaxInstances; instance++) {
    if (board_.machine_->SideOf(instance) == side) lives_.OnPowerLoss(instance);
  }
}

// `untouched`: no call of the driver came in between, so that everything is as it was.
void Checks::AfterPowerUp(uint8_t side, bool untouched) {
  if (!board_.looks_) return;
  for (size_t smmu = 0; smmu < board_.spec_.smmu_count; smmu++) {
    const model::SmmuSpec& spec = board_.spec_.smmu[smmu];
    if (spec.side != side) continue;
    size_t index = 0;
    for (uint8_t n = 0; n < spec.instance_count; n++) {
      const size_t instance = board_.machine_->InstanceIndex(side, n);
      Iso11Flushed(instance);
      Iso08Tag(instance, lives_.FindClash(instance));
      IndexAfterPowerUp(instance);
      for (uint32_t offset : layout::PolicyOffsets(spec)) {
        if (untouched) Iso11Restored(instance, offset, now_.before_down[side][index]);
        index++;
      }
    }
    if (spec.instance_count > 1) {
      for (uint32_t offset : layout::PolicyOffsets(spec)) Iso06MirrorImage(smmu, offset);
    }
  }
  for (uint16_t client = 0; client < now_.after.size(); client++) {
    if (IsHeld(client)) continue;
    if (untouched) Iso11Client(client, now_.clients_before_down[side][client]);
    Iso09McSid(client);
  }
  FullCheck();
}

[[gnu::noinline]] void Checks::Iso11Client(uint16_t client, const ClientImage& before) {
  if (!Enabled(Invariant::kIso11)) return;
  const ClientImage now = ReadClient(client);
  if (now == before) return;
  const model::ClientInfo* info = model::FindClient(client);
  if (Report(Invariant::kIso11, "client", "Iso11Client",
             Print("the words of %s are not what they were before power went",
                   info != nullptr ? info->name : "an unlisted client"),
             {Print("before  override 0x%08x, security 0x%08x", before.override_, before.security),
              Print("now     override 0x%08x, security 0x%08x", now.override_, now.security)})) {
    __builtin_trap();
  }
}

// Null, or what a stream that the entry leads on would meet while its unit is being restored.
const char* Checks::WhyNotRestored(size_t instance, uint16_t entry) const {
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  const uint32_t s2cr = smmu.s2cr[entry];
  const uint32_t type = model::Bits(s2cr, 17, 16);
  constexpr uint32_t kTranslates = 0;
  constexpr uint32_t kFaults = 2;
  if (!(smmu.smr[entry] >> 31) || type == kFaults) return nullptr;
  if (board_.machine_->TlbUnknown(instance)) return "nobody has flushed its TLB";
  const uint32_t scr0 = board_.machine_->Peek32(instance, layout::kSCr0);
  if (!layout::OnFloor(scr0)) return "sCR0 is not back";
  if (type != kTranslates) return "the entry passes by stage 2";
  uint16_t bank = static_cast<uint16_t>(s2cr & 0xff);
  if (bank >= smmu.banks) return "there is no such bank";
  bank = Under(smmu, bank);
  if (!IsStage2On(smmu, bank)) return "the stage 2 of its bank is off";
  const char* why = WhyNotItsTables(instance, bank);
  return why != nullptr ? why : WhyNotFixed(instance, bank);
}

// What no tables hold: registers that EL2 fixes, and the words of the memory controller.
const char* Checks::WhyNotFixed(size_t instance, uint16_t bank) const {
  const model::SmmuInstance& smmu = board_.machine_->smmu(instance);
  const uint32_t sacr = board_.machine_->Peek32(instance, layout::kSAcr);
  if (sacr != now_.fixed_sacr[instance]) return "sACR is not back";
  const uint32_t base = layout::Bank(SpecOf(instance), bank);
  const uint32_t actlr = board_.machine_->Peek32(instance, base + layout::kActlr);
  if (actlr != now_.fixed_actlr[instance]) return "ACTLR of its bank is not back";
  if ((smmu.bank[bank].sctlr & model::sctlr::kCfcfg) != 0) return "its bank may stall";
  if (board_.spec_.mc_window_count == 0) return nullptr;
  size_t count = 0;
  const model::ClientInfo* clients = model::Clients(&count);
  for (size_t i = 0; i < count; i++) {
    const uint16_t id = clients[i].id;
    if (clients[i].side != board_.machine_->SideOf(instance) || IsUntouchable(id)) continue;
    if (!(ReadClient(id) == now_.after[id])) return "the words of a client are not back";
  }
  return nullptr;
}

// Whatever holds its masters meanwhile, a unit opens no stream before all that the stream
// rests on is there.
[[gnu::noinline]] void Checks::Iso11Opened(size_t instance, uint16_t entry) {
  if (!Enabled(Invariant::kIso11)) return;
  Evaluated(Invariant::kIso11);
  const char* why = WhyNotRestored(instance, entry);
  if (why == nullptr) return;
  if (Report(Invariant::kIso11, "entry", "Iso11Opened",
             Print("%s leads a stream on, and %s", model::WindowName(WindowOf(instance)), why),
             Path(instance, entry, model::Resolution()))) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Iso11Flushed(size_t instance) {
  if (!Enabled(Invariant::kIso11)) return;
  Evaluated(Invariant::kIso11);
  if (!board_.machine_->TlbUnknown(instance)) return;
  if (Report(Invariant::kIso11, "call", "Iso11Flushed",
             Print("%s is up again, and nobody has flushed its TLB",
                   model::WindowName(WindowOf(instance))),
             {})) {
    __builtin_trap();
  }
}

[[gnu::noinline]] void Checks::Iso11Restored(size_t instance, uint32_t offset, uint32_t before) {
  if (!Enabled(Invariant::kIso11)) return;
  if (board_.machine_->Peek32(instance, offset) == before) return;
  if (Report(Invariant::kIso11, "call", "Iso11Restored",
             Print("a register of %s is not what it was before power went",
                   model::WindowName(WindowOf(instance))),
             {RegisterLine(instance, offset), Print("before  0x%08x", before)})) {
    __builtin_trap();
  }
}

}  // namespace sidewall
