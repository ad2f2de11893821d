// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The state that a hostile boot loader leaves: any value in any register that it could write.
#include "model/machine.h"

namespace sidewall::model {

namespace {

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

}  // namespace

void Machine::Scramble() {
  uint64_t state = 0;
  for (unsigned i = 0; i < 8 && choices_ != nullptr; ++i) {
    state |= uint64_t{choices_->Next()} << (8 * i);
  }
  if (state == 0) return;
  for (size_t i = 0; i < kMaxInstances; ++i) {
    if (smmu_[i].spec != nullptr) ScrambleInstance(i, &state);
  }
  for (uint16_t client = 0; client < kMcClients; ++client) {
    if (OneIn(2, &state)) continue;
    const uint64_t value = Draw(&state);
    // Locks are rare: a lock on a wrong value refuses the board, and ends what can be tried.
    const uint32_t lock = value >> 32 == 0 ? mc_security::kLock : 0;
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
  const SmmuSpec& spec = *smmu.spec;
  WriteRegister(index, 0x000, Draw(state) & 0xffffffff, 4);  // sCR0
  WriteRegister(index, 0x010, Draw(state) & 0xffffffff, 4);  // sACR
  smmu.gfsr = static_cast<uint32_t>(Draw(state)) & gfsr::kClearable;
  smmu.gfar = Draw(state);
  for (uint32_t& value : smmu.gfsynr) value = static_cast<uint32_t>(Draw(state));
  for (size_t n = 0; n < spec.entries; ++n) {
    uint32_t smr = static_cast<uint32_t>(Draw(state));
    if (OneIn(2, state)) smr = 0xff800000 | (smr & 0x7f);  // the mask that real streams have
    SetEntry(smmu, n, smr & 0xffff7fff);
    smmu.s2cr[n] = static_cast<uint32_t>(Draw(state));
    if (OneIn(2, state)) smmu.s2cr[n] = (smmu.s2cr[n] & 0x30000) | (Draw(state) % spec.banks);
  }
  for (uint16_t n = 0; n < spec.banks; ++n) {
    ContextBank& bank = smmu.bank[n];
    smmu.cbar[n] = static_cast<uint32_t>(Draw(state)) & 0x00ffffff;
    smmu.cba2r[n] = static_cast<uint32_t>(Draw(state)) & 3;
    bank.sctlr = static_cast<uint32_t>(Draw(state));
    bank.actlr = static_cast<uint32_t>(Draw(state)) & 3;
    bank.tcr = static_cast<uint32_t>(Draw(state));
    bank.tcr2 = static_cast<uint32_t>(Draw(state));
    bank.ttbr0 = Draw(state);
    bank.ttbr1 = Draw(state);
    bank.mair0 = static_cast<uint32_t>(Draw(state));
    bank.mair1 = static_cast<uint32_t>(Draw(state));
    bank.contextidr = static_cast<uint32_t>(Draw(state));
    bank.fsr = static_cast<uint32_t>(Draw(state)) & (fsr::kClearable | fsr::kSs);
    bank.fsynr0 = static_cast<uint32_t>(Draw(state));
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

}  // namespace sidewall::model
