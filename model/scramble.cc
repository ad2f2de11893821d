// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The state that a hostile boot loader leaves: any value in any register that it could write.
#include "model/machine.h"
#include "model/registers.h"

namespace sidewall::model {

namespace {

// What a carveout covers that firmware has moved.
constexpr uint64_t kCarveoutMoved = uint64_t{2} << 20;

// Assumptions that a driver can do without, so that hardware is drawn for which they are false:
// what a TLB keeps of a walk that found nothing, where a client comes to, and the mode of a memory
// controller that has lost its power. Others break each driver, or are for programs alone: ADR
// 0006.
constexpr uint64_t kDrawnFalse[] = {8, 24, 26};

// Registers outnumber the choices of a program by far, so eight choices seed a generator. Zeros,
// the choice of a well-behaved machine, leave the reset state.
uint64_t Draw(uint64_t* state) {
  *state += 0x9e3779b97f4a7c15u;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

bool OneIn(uint64_t n, uint64_t* state) { return Draw(state) % n == 0; }
uint32_t Word(uint64_t* state) { return static_cast<uint32_t>(Draw(state)); }

uint64_t Seed(Choices* choices) {
  uint64_t state = 0;
  for (unsigned i = 0; i < 8 && choices != nullptr; ++i) {
    state |= uint64_t{choices->Next()} << (8 * i);
  }
  return state;
}

// What a channel of the memory controller has captured, and how its carveouts lie.
void DrawErrors(uint64_t* state, McChannel* channel) {
  channel->int_status = Word(state) & mc_error::kAll;
  channel->int_mask = Word(state);
  for (uint32_t& status : channel->error_status) status = Word(state) & mc_error::kStatusMask;
  for (uint32_t& address : channel->error_address) address = Word(state);
  channel->error_address_high = Word(state);
  for (auto& carveout : channel->carveout) {
    for (uint32_t& word : carveout) word = Word(state);
  }
}

}  // namespace

void Machine::Scramble() {
  uint64_t state = Seed(choices_);
  if (state == 0) return;
  for (size_t i = 0; i < kMaxInstances; ++i) {
    if (smmu_[i].spec != nullptr) ScrambleInstance(i, &state);
  }
  for (uint16_t client = 0; client < kMcClients; ++client) {
    if (OneIn(2, &state)) continue;
    const uint64_t value = Draw(&state);
    // Locks are rare: a lock on a wrong value refuses the board, and ends what can be tried. Of the
    // states, about one in forty locks a client that there is.
    const uint32_t lock = value >> 52 == 0 ? mc_security::kLock : 0;
    mc_.SetClient(
        client, static_cast<uint32_t>(value),
        (static_cast<uint32_t>(value >> 8) & (mc_security::kNonSecure | mc_security::kOverride)) |
            lock);
  }
  // Rare, as it refuses the board: a look at one channel, or at the broadcast window, misses it.
  const uint64_t weak = Draw(&state);
  if (weak % 64 == 63) {
    const uint32_t config = Bit(weak, 63) ? 0x00000002 : 0x80000000;  // not locked, or all bypass
    mc_.SetBypassConfig(Bits(weak, 62, 32) % mc_.channel_count(), config);
  }
}

void Machine::ScrambleInstance(size_t index, uint64_t* state) {
  SmmuInstance& smmu = smmu_[index];
  WriteRegister(index, 0x000, Draw(state) & 0xffffffff, 4);  // sCR0
  WriteRegister(index, 0x010, Draw(state) & 0xffffffff, 4);  // sACR
  smmu.gfsr = Word(state) & gfsr::kClearable;
  smmu.gfar = Draw(state);
  smmu.gfsynr[0] = Word(state) & keeps::kGfsynr0;
  smmu.gfsynr[1] = Word(state) & keeps::kGfsynr1;
  smmu.gfsynr[2] = Word(state);
  for (size_t n = 0; n < smmu.entries; ++n) {
    uint32_t smr = Word(state);
    if (OneIn(2, state)) smr = 0xff800000 | (smr & 0x7f);  // the mask that real streams have
    SetEntry(smmu, n, smr & keeps::kSmr);
    smmu.s2cr[n] = Word(state) & keeps::kS2cr;
    if (OneIn(2, state)) smmu.s2cr[n] = (smmu.s2cr[n] & 0x30000) | (Draw(state) % smmu.spec->banks);
  }
  for (uint16_t n = 0; n < smmu.banks; ++n) {
    ContextBank& bank = smmu.bank[n];
    smmu.cbar[n] = Word(state) & keeps::kCbar;
    smmu.cba2r[n] = Word(state) & keeps::kCba2r;
    const bool stage2 = cbar::Type(smmu.cbar[n]) == cbar::kStage2;
    SetSctlr(smmu, n, Word(state) & (stage2 ? keeps::kSctlr2 : keeps::kSctlr1));
    bank.actlr = Word(state) & keeps::kActlr;
    if (smmu.quirks.cpre_stuck) bank.actlr |= kActlrCpre;
    bank.tcr = Word(state) & (stage2 ? keeps::kTcrStage2 : keeps::kTcr1);
    if (stage2) bank.tcr |= kTcrStage2One;
    bank.tcr2 = Word(state) & keeps::kTcr2;
    bank.ttbr0 = Draw(state);
    bank.ttbr1 = Draw(state);
    bank.mair0 = Word(state);
    bank.mair1 = Word(state);
    bank.contextidr = Word(state);
    bank.fsr = Word(state) & (fsr::kClearable | fsr::kSs);
    bank.fsynr0 = Word(state) & (stage2 ? keeps::kFsynr02 : keeps::kFsynr01);
    bank.far = Draw(state);
    bank.ipafar = Draw(state);
    // A table where one could be: a TCR of the usual shape over a page of RAM.
    if (OneIn(2, state)) {
      bank.tcr = 0x80050059;
      const Range& dram = board_->dram[Draw(state) % board_->dram_count];
      bank.ttbr0 = dram.start + Draw(state) % (dram.size / kPageSize) * kPageSize;
    }
    UpdateBankTree(index, n);
  }
}

// Registers that have no reset value may show anything when the power is back. The rest is as
// ResetRegisters says; a choice of 0 leaves zeros. It seeds a generator, with three more.
void Machine::DrawUnknown(uint8_t side) {
  if (choices_ == nullptr) return;
  uint64_t state = choices_->Next();
  if (state == 0) return;
  for (unsigned i = 0; i < 3; ++i) state = state << 8 | choices_->Next();
  for (uint8_t n = 0; n < 2; ++n) {
    const size_t index = InstanceIndex(side, n);
    if (index < kMaxInstances && smmu_[index].spec != nullptr) DrawUnknownOf(index, &state);
  }
}

void Machine::DrawUnknownOf(size_t index, uint64_t* state) {
  SmmuInstance& smmu = smmu_[index];
  smmu.cr2 = Word(state) & keeps::kScr2;
  smmu.gfsr = Word(state) & gfsr::kClearable;
  smmu.gfar = Draw(state);
  smmu.gfsynr[0] = Word(state) & keeps::kGfsynr0;
  smmu.gfsynr[1] = Word(state) & keeps::kGfsynr1;
  smmu.gfsynr[2] = Word(state);
  constexpr uint32_t kValid = 1u << 31;  // the one bit of an entry that has a reset value
  for (size_t n = 0; n < smmu.entries; ++n) SetEntry(smmu, n, Word(state) & keeps::kSmr & ~kValid);
  for (uint16_t n = 0; n < smmu.banks; ++n) {
    ContextBank& bank = smmu.bank[n];
    smmu.cbfrsynra[n] = Word(state) & keeps::kCbfrsynra;
    bank.ttbr0 = Draw(state);
    bank.ttbr1 = Draw(state);
    bank.tcr = Word(state) & keeps::kTcr1;
    bank.mair0 = Word(state);
    bank.mair1 = Word(state);
    bank.contextidr = Word(state);
    bank.par = Draw(state);
    bank.fsr = Word(state) & fsr::kClearable;
    bank.far = Draw(state);
    bank.fsynr0 = Word(state) & keeps::kFsynr01;
    bank.fsynr1 = Word(state);
    bank.ipafar = Draw(state);
  }
}

bool Machine::Contradict(uint64_t assumption) {
  switch (assumption) {
    case 14:
      mc_.SetSecurePasses(true);
      return true;
    case 20:
      for (uint8_t side = 0; side < 3; ++side) GateMasters(side, false);
      contrary_.masters_go_on = true;
      return true;
    case 23:
      contrary_.slow_bus = true;
      return true;
    case 24:
      contrary_.wires_unknown = true;
      return true;
    case 25:
      mc_.SetOwnStreams(true);
      return true;
    case 26:
      mc_.SetUnfixed(true);
      return true;
    case 27:
      contrary_.firmware_late = true;
      return true;
    case 32:
      contrary_.zeros = true;
      return true;
    case 36:
      // Where the host has its first pages.
      mc_.SetFirstCarveout(board_->dram[0].start, kCarveoutMoved);
      contrary_.carveouts_hold = true;
      return true;
    case 41:
      contrary_.power_untold = true;
      return true;
    default:
      break;
  }
  for (SmmuInstance& smmu : smmu_) {
    if (smmu.spec == nullptr) continue;
    switch (assumption) {
      case 7:
        smmu.quirks.narrow_tlbivmid = true;
        break;
      case 8:
        smmu.quirks.keeps_absent = true;
        break;
      case 9:
        smmu.quirks.early_status = true;
        break;
      case 10:
        smmu.quirks.plain_syndrome = true;
        break;
      case 21:
        smmu.quirks.short_sync = true;
        break;
      case 22:
        smmu.quirks.quiet_stage2 = true;
        break;
      default:
        return false;
    }
  }
  return true;
}

// Oddities first, since they say what can be scrambled; then what only odd hardware has.
void Machine::ScrambleOdd() {
  uint64_t state = Seed(choices_);
  if (state != 0) {
    DrawIdentity(&state);
    DrawQuirks(&state);
  }
  Scramble();
  if (state == 0) return;
  DrawClients(&state);
  for (size_t i = 0; i < kMaxInstances; ++i) {
    if (smmu_[i].spec != nullptr) DrawMonitors(i, &state);
  }
  for (SmmuInstance& smmu : smmu_) {
    if (smmu.spec != nullptr) smmu.quirks.quiet_stage2 = OneIn(8, &state);
  }
  for (size_t i = 0; i < mc_.channel_count(); ++i) {
    McChannel channel = mc_.channel(i);
    DrawErrors(&state, &channel);
    mc_.SetChannel(i, channel);
  }
  for (const uint64_t assumption : kDrawnFalse) {
    if (OneIn(16, &state)) Contradict(assumption);
  }
}

// One instance in eight shows one bit of an ID register that its twin does not; one SMMU in eight
// has fewer banks, and one in eight fewer entries, in all of its instances.
void Machine::DrawIdentity(uint64_t* state) {
  for (size_t i = 0; i < board_->smmu_count; ++i) {
    const SmmuSpec& spec = board_->smmu[i];
    uint32_t idr[8];
    for (size_t n = 0; n < 8; ++n) idr[n] = spec.idr[n];
    if (OneIn(8, state)) idr[1] = (idr[1] & ~0xffu) | (Word(state) % spec.banks + 1);
    if (OneIn(8, state)) idr[0] = (idr[0] & ~0xffu) | (Word(state) % spec.entries + 1);
    for (uint8_t n = 0; n < spec.instance_count; ++n) {
      SmmuInstance& smmu = smmu_[InstanceIndex(spec.side, n)];
      SetIdentity(smmu, idr);
      if (!OneIn(8, state)) continue;
      uint32_t other[8];
      for (size_t word = 0; word < 8; ++word) other[word] = idr[word];
      // Not the granule: a unit without 4 KiB tables could hold back nothing that a test could see.
      const uint32_t bit = Word(state) % 32;
      const uint32_t word = Word(state) % 8;
      if (word == 2 && bit >= 12 && bit <= 14) continue;
      other[word] ^= 1u << bit;
      SetIdentity(smmu, other);
    }
  }
}

void Machine::DrawQuirks(uint64_t* state) {
  const bool drops_masked_id = OneIn(2, state);
  for (SmmuInstance& smmu : smmu_) {
    if (smmu.spec == nullptr) continue;
    smmu.quirks = Quirks();
    smmu.quirks.drops_masked_id = drops_masked_id;
    smmu.quirks.torn = static_cast<uint8_t>(Draw(state) % 3);
    smmu.quirks.plain_syndrome = OneIn(8, state);
    smmu.quirks.deaf_resume = OneIn(8, state);
  }
  if (OneIn(4, state)) DrawStuckRegister(state);
}

// A register of one instance that does not take what is stored to it.
void Machine::DrawStuckRegister(uint64_t* state) {
  constexpr uint32_t kOnes[] = {0, 3, 8, 9, 31};  // CLIENTPD, EXIDENABLE, STALLD, GSE, VMID16EN
  size_t index = Draw(state) % kMaxInstances;
  if (smmu_[index].spec == nullptr) return;
  Quirks& quirks = smmu_[index].quirks;
  switch (Draw(state) % 4) {
    case 0:
      quirks.cr0_stuck_ones = 1u << kOnes[Draw(state) % 5];
      return;
    case 1:
      quirks.cr0_stuck_zeros = OneIn(2, state) ? cr0::kUsfCfg : cr0::kSmcfCfg;
      return;
    case 2:
      quirks.cpre_stuck = true;
      return;
    default:
      quirks.lock_stuck = true;
      return;
  }
}

// Clients that are locked with the stream ID that the client's table gives them, which is no reason
// to refuse, and now and then one whose registers take nothing. Locks on others: see Scramble.
void Machine::DrawClients(uint64_t* state) {
  size_t count = 0;
  const ClientInfo* clients = Clients(&count);
  const uint64_t locked = OneIn(2, state) ? Draw(state) % 8 : 0;
  for (uint64_t i = 0; i < locked; ++i) {
    const ClientInfo& client = clients[Draw(state) % count];
    if (client.default_sid == 0 && !OneIn(16, state)) continue;
    mc_.SetClient(client.id, client.default_sid,
                  mc_security::kNonSecure | mc_security::kOverride | mc_security::kLock);
  }
  if (OneIn(8, state)) mc_.SetDeaf(clients[Draw(state) % count].id);
}

// What was left in registers that a translation does not look at.
void Machine::DrawMonitors(size_t index, uint64_t* state) {
  SmmuInstance& smmu = smmu_[index];
  smmu.impl.itctrl = Word(state) & keeps::kItctrl;
  for (uint32_t& value : smmu.impl.itop) value = Word(state);
  for (uint32_t& value : smmu.impl.tbuqos) value = Word(state);
  for (uint32_t& value : smmu.impl.dbgrptr) value = Word(state);
  for (uint32_t offset = 0; offset < 0x1000; offset += 4) smmu.pmu.Write(offset, Word(state));
  smmu.cr2 = Word(state) & keeps::kScr2;
  for (uint16_t n = 0; n < smmu.banks; ++n) {
    smmu.cbfrsynra[n] = Word(state) & keeps::kCbfrsynra;
    smmu.bank[n].par = Draw(state);
    smmu.bank[n].fsynr1 = Word(state);
  }
}

}  // namespace sidewall::model
