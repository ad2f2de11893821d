// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The register file of one SMMU instance: what reads give, and what writes store and cause.
#include "model/machine.h"

namespace sidewall::model {

namespace {

constexpr uint32_t kBankArea = 0x800000;
constexpr unsigned kPageShift = 16;
constexpr uint32_t kRegistersEnd = 0x1000;  // registers lie in the first 4 KiB of each page

uint32_t Low(uint64_t value) { return static_cast<uint32_t>(value); }
uint32_t High(uint64_t value) { return static_cast<uint32_t>(value >> 32); }
void SetLow(uint64_t* value, uint32_t half) { *value = (*value & ~uint64_t{0xffffffff}) | half; }
void SetHigh(uint64_t* value, uint32_t half) {
  *value = (*value & 0xffffffff) | uint64_t{half} << 32;
}
void SetHalf(uint64_t* value, uint32_t offset, uint32_t half) {
  if ((offset & 4) != 0) {
    SetHigh(value, half);
  } else {
    SetLow(value, half);
  }
}
uint32_t Half(uint64_t value, uint32_t offset) {
  return (offset & 4) != 0 ? High(value) : Low(value);
}

// PIDR4, then PIDR0 to 3 and CIDR0 to 3.
uint32_t Identification(uint32_t offset) {
  switch (offset) {
    case 0xfd0:
      return 0x04;
    case 0xfe0:
      return 0x81;
    case 0xfe4:
      return 0xb4;
    case 0xfe8:
      return 0x1b;
    case 0xff0:
      return 0x0d;
    case 0xff4:
      return 0xf0;
    case 0xff8:
      return 0x05;
    case 0xffc:
      return 0xb1;
    default:
      return 0;
  }
}

// The 64-bit register at an offset of a bank, or null. Bank is const or not.
template <typename Bank>
auto* WideRegister(Bank& bank, uint32_t offset) {
  switch (offset) {
    case 0x020:
      return &bank.ttbr0;
    case 0x028:
      return &bank.ttbr1;
    case 0x050:
      return &bank.par;
    case 0x060:
      return &bank.far;
    case 0x070:
      return &bank.ipafar;
    default:
      return static_cast<decltype(&bank.ttbr0)>(nullptr);
  }
}

bool IsStage2(const SmmuInstance& smmu, uint16_t bank) {
  return cbar::Type(smmu.cbar[bank]) == cbar::kStage2;
}

// Registers that a stage-2 bank lacks, and those that only it has.
bool IsAbsent(bool stage2, uint32_t offset) {
  switch (offset & ~4u) {
    case 0x028:  // TTBR1
    case 0x038:  // MAIR0, MAIR1
    case 0x050:  // PAR
      return stage2;
    case 0x070:  // IPAFAR
    case 0x630:  // TLBIIPAS2
    case 0x638:  // TLBIIPAS2L
      return !stage2;
    default:
      return stage2 && (offset == 0x010 || offset == 0x034);  // TCR2, CONTEXTIDR
  }
}

// The 64-bit commands of a bank: TLBIVA, TLBIVAA, TLBIVAL, TLBIVAAL, TLBIIPAS2 and TLBIIPAS2L.
bool IsWideCommand(uint32_t offset) { return offset >= 0x600 && offset < 0x640; }

}  // namespace

void ResetRegisters(SmmuInstance& smmu) {
  const SmmuSpec* spec = smmu.spec;
  const uint64_t window = smmu.window;
  smmu = SmmuInstance();
  smmu.spec = spec;
  smmu.window = window;
  for (uint32_t& value : smmu.s2cr) value = 0x00020000;
  for (uint32_t& value : smmu.cbar) value = 0x00020000;
}

// ---------------------------------------------------------------------------------------- reads

uint64_t Machine::ReadRegister(size_t index, uint32_t offset, unsigned width) {
  if (width == 8) {
    const uint64_t low = ReadRegister(index, offset, 4);
    return low | ReadRegister(index, offset + 4, 4) << 32;
  }
  const uint32_t in_page = offset & ((1u << kPageShift) - 1);
  if (in_page >= kRegistersEnd) return 0;
  if (offset >= kBankArea) {
    const uint16_t bank = static_cast<uint16_t>((offset - kBankArea) >> kPageShift);
    return bank < smmu_[index].spec->banks ? ReadBank(index, bank, in_page) : 0;
  }
  const uint32_t page = offset >> kPageShift;
  if (page == 0) return ReadGlobal0(index, in_page);
  if (page == 1) return ReadGlobal1(smmu_[index], in_page);
  return 0;  // GID, PMU and SSD have no effect on translation: read as zero in this model
}

uint32_t Machine::ReadGlobal0(size_t index, uint32_t offset) {
  const SmmuInstance& smmu = smmu_[index];
  if (offset >= 0x800 && offset < 0x800 + 4u * smmu.spec->entries) {
    return smmu.smr[(offset - 0x800) / 4];
  }
  if (offset >= 0xc00 && offset < 0xc00 + 4u * smmu.spec->entries) {
    return smmu.s2cr[(offset - 0xc00) / 4];
  }
  if (offset >= 0x020 && offset < 0x040) return smmu.spec->idr[(offset - 0x020) / 4];
  switch (offset) {
    case 0x000:
      return smmu.cr0;
    case 0x008:
      return smmu.cr2;
    case 0x010:
      return smmu.acr;
    case 0x040:
    case 0x044:
      return Half(smmu.gfar, offset);
    case 0x048:
      return smmu.gfsr;
    case 0x050:
    case 0x054:
    case 0x058:
      return smmu.gfsynr[(offset - 0x050) / 4];
    case 0x074:
      return GlobalSyncActive(index) ? 1 : 0;
    default:
      return Identification(offset);
  }
}

uint32_t Machine::ReadGlobal1(const SmmuInstance& smmu, uint32_t offset) const {
  const size_t bank = offset % 0x400 / 4;
  if (bank >= smmu.spec->banks) return 0;
  if (offset < 0x400) return smmu.cbar[bank];
  if (offset < 0x800) return smmu.cbfrsynra[bank];
  if (offset < 0xc00) return smmu.cba2r[bank];
  return 0;
}

uint32_t Machine::ReadBank(size_t index, uint16_t number, uint32_t offset) {
  const SmmuInstance& smmu = smmu_[index];
  const ContextBank& bank = smmu.bank[number];
  if (IsAbsent(IsStage2(smmu, number), offset)) return 0;
  if (const uint64_t* wide = WideRegister(bank, offset & ~4u)) return Half(*wide, offset);
  switch (offset) {
    case 0x000:
      return bank.sctlr;
    case 0x004:
      return bank.actlr;
    case 0x010:
      return bank.tcr2;
    case 0x030:
      return bank.tcr;
    case 0x034:
      return bank.contextidr;
    case 0x038:
      return bank.mair0;
    case 0x03c:
      return bank.mair1;
    case 0x058:
      return bank.fsr;
    case 0x068:
      return bank.fsynr0;
    case 0x06c:
      return bank.fsynr1;
    case 0x7f4:
      return BankSyncActive(index, number) ? 1 : 0;
    default:
      return 0;
  }
}

// A status read is where the completion of a sync is seen, and so where it takes effect.
bool Machine::GlobalSyncActive(size_t index) {
  SmmuInstance& smmu = smmu_[index];
  if (!smmu.sync_active) return false;
  if (smmu.sync_mode == kSyncModeNever) return true;
  if (smmu.sync_mode == kSyncModeSlow && smmu.sync_polls > 0) {
    --smmu.sync_polls;
    return true;
  }
  smmu.sync_active = false;
  DroppedTrees dropped;
  tlb_[index].CompleteGlobal(&dropped);
  DropStaleTrees(dropped);
  return false;
}

bool Machine::BankSyncActive(size_t index, uint16_t number) {
  SmmuInstance& smmu = smmu_[index];
  ContextBank& bank = smmu.bank[number];
  if (!bank.sync_active) return false;
  if (smmu.sync_mode == kSyncModeNever) return true;
  if (smmu.sync_mode == kSyncModeSlow && bank.sync_polls > 0) {
    --bank.sync_polls;
    return true;
  }
  bank.sync_active = false;
  tlb_[index].CompleteBank(number, bank.sync_covers);
  return false;
}

// --------------------------------------------------------------------------------------- writes

void Machine::WriteRegister(size_t index, uint32_t offset, uint64_t value, unsigned width) {
  const uint32_t in_page = offset & ((1u << kPageShift) - 1);
  if (in_page >= kRegistersEnd) return;
  const bool in_bank = offset >= kBankArea;
  const uint16_t bank = static_cast<uint16_t>((offset - kBankArea) >> kPageShift);
  if (in_bank && bank >= smmu_[index].spec->banks) return;
  if (in_bank && IsWideCommand(in_page)) {
    // The low half acts, zero-extended; the high half alone is ignored.
    if ((in_page & 4) == 0) WriteBankCommand(index, bank, in_page, value);
    return;
  }
  if (width == 8 && in_bank && WriteBankWide(index, bank, in_page, value)) return;
  if (width == 8) {
    WriteRegister(index, offset, Low(value), 4);
    WriteRegister(index, offset + 4, High(value), 4);
    return;
  }
  const uint32_t word = Low(value);
  const uint32_t page = offset >> kPageShift;
  if (in_bank) {
    WriteBank(index, bank, in_page, word);
  } else if (page == 0) {
    WriteGlobal0(index, in_page, word);
  } else if (page == 1) {
    WriteGlobal1(index, in_page, word);
  }
}

void Machine::SetEntry(SmmuInstance& smmu, size_t entry, uint32_t value) {
  smmu.smr[entry] = value;
  const uint64_t bit = uint64_t{1} << (entry % 64);
  uint64_t& valid = smmu.valid_entries[entry / 64];
  valid = (value >> 31) != 0 ? valid | bit : valid & ~bit;
}

void Machine::WriteGlobal0(size_t index, uint32_t offset, uint32_t value) {
  SmmuInstance& smmu = smmu_[index];
  if (offset >= 0x800 && offset < 0x800 + 4u * smmu.spec->entries) {
    // ID and MASK are 15 bits wide; bit 15 is reserved.
    SetEntry(smmu, (offset - 0x800) / 4, value & 0xffff7fff);
    return;
  }
  if (offset >= 0xc00 && offset < 0xc00 + 4u * smmu.spec->entries) {
    smmu.s2cr[(offset - 0xc00) / 4] = value;
    return;
  }
  switch (offset) {
    case 0x000:
      smmu.cr0 = value & ~cr0::kRaz;
      if (!smmu.spec->smcfcfg_writable) smmu.cr0 |= cr0::kSmcfCfg;
      return;
    case 0x008:
      smmu.cr2 = value & 0xff;
      return;
    case 0x010:
      smmu.acr = value;
      return;
    case 0x040:
    case 0x044:
      SetHalf(&smmu.gfar, offset, value);
      return;
    case 0x048:
      smmu.gfsr &= ~(value & gfsr::kClearable);
      return;
    case 0x04c:
      smmu.gfsr = value & gfsr::kClearable;
      return;
    case 0x050:
    case 0x054:
    case 0x058:
      smmu.gfsynr[(offset - 0x050) / 4] = value;
      return;
    default:
      WriteGlobalCommand(index, offset, value);
  }
}

// TLBIALLH, TLBIVAH and the like act on entries of the hypervisor's own contexts (CBAR.HYPC), and
// those are not modelled; they are accepted and do nothing.
void Machine::WriteGlobalCommand(size_t index, uint32_t offset, uint32_t value) {
  SmmuInstance& smmu = smmu_[index];
  const uint8_t vmid = static_cast<uint8_t>(value);
  switch (offset) {
    case 0x064:
      tlb_[index].InvalidateVmid(vmid);
      return;
    case 0x068:
      tlb_[index].InvalidateAll();
      return;
    case 0x070:
      tlb_[index].SyncGlobal();
      smmu.sync_active = true;
      smmu.sync_polls = static_cast<uint32_t>(smmu.sync_polls_wanted);
      return;
    case 0x0b8:
      tlb_[index].InvalidateVmidStage1(vmid);
      return;
    default:
      return;
  }
}

void Machine::WriteGlobal1(size_t index, uint32_t offset, uint32_t value) {
  SmmuInstance& smmu = smmu_[index];
  const uint16_t bank = static_cast<uint16_t>(offset % 0x400 / 4);
  if (bank >= smmu.spec->banks) return;
  if (offset < 0x400) {
    smmu.cbar[bank] = value & 0x00ffffff;  // IRPTNDX is read-only
    UpdateBankTree(index, bank);
  } else if (offset < 0x800) {
    smmu.cbfrsynra[bank] = value;
  } else if (offset < 0xc00) {
    smmu.cba2r[bank] = value & 3;  // VMID16 needs IDR2.VMID16S
    UpdateBankTree(index, bank);
  }
}

void Machine::WriteSctlr(size_t index, uint16_t number, uint32_t value) {
  smmu_[index].bank[number].sctlr = value;
  UpdateBankTree(index, number);
}

void Machine::WriteBank(size_t index, uint16_t number, uint32_t offset, uint32_t value) {
  SmmuInstance& smmu = smmu_[index];
  ContextBank& bank = smmu.bank[number];
  if (IsAbsent(IsStage2(smmu, number), offset)) return;
  if (uint64_t* wide = WideRegister(bank, offset & ~4u)) {
    SetHalf(wide, offset, value);
    return UpdateBankTree(index, number);
  }
  switch (offset) {
    case 0x000:
      return WriteSctlr(index, number, value);
    case 0x004:
      if ((smmu.acr & kSacrCacheLock) == 0) bank.actlr = value;
      return;
    case 0x008:
      return Resume(index, number, (value & 1) != 0);
    case 0x010:
      bank.tcr2 = value;
      return;
    case 0x030:
      bank.tcr = value;
      return UpdateBankTree(index, number);
    case 0x034:
      bank.contextidr = value;
      return;
    case 0x038:
      bank.mair0 = value;
      return;
    case 0x03c:
      bank.mair1 = value;
      return;
    case 0x058:
      bank.fsr &= ~(value & fsr::kClearable);
      // Assumed: FORMAT says something only while there is a fault, and reads zero otherwise.
      if ((bank.fsr & fsr::kClearable) == 0) bank.fsr &= ~fsr::kFormat;
      return;
    case 0x05c:
      bank.fsr = (bank.fsr & (fsr::kSs | fsr::kFormat)) | (value & fsr::kClearable);
      return;
    case 0x068:
      bank.fsynr0 = value;
      return;
    case 0x06c:
      bank.fsynr1 = value;
      return;
    case 0x7f0:
      bank.sync_active = true;
      bank.sync_covers = tlb_[index].SyncBank();
      bank.sync_polls = static_cast<uint32_t>(smmu.sync_polls_wanted);
      return;
    default:
      return;
  }
}

// A 64-bit register takes a 64-bit store at once. False: no such register, the store is two words.
bool Machine::WriteBankWide(size_t index, uint16_t number, uint32_t offset, uint64_t value) {
  uint64_t* wide = WideRegister(smmu_[index].bank[number], offset);
  if (wide == nullptr) return false;
  if (IsAbsent(IsStage2(smmu_[index], number), offset)) return true;
  *wide = value;
  UpdateBankTree(index, number);
  return true;
}

// Stage-1 invalidations are accepted, and remove nothing that matters for what stage 2 allows.
void Machine::WriteBankCommand(size_t index, uint16_t number, uint32_t offset, uint64_t value) {
  const SmmuInstance& smmu = smmu_[index];
  if (IsAbsent(IsStage2(smmu, number), offset)) return;
  if (offset == 0x630 || offset == 0x638) {
    tlb_[index].InvalidateIpa(cbar::Vmid(smmu.cbar[number]), Bits(value, 35, 0) << 12, number);
  }
}

}  // namespace sidewall::model
