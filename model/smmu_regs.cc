// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The register file of one SMMU instance: what reads give, and what writes store and cause.
#include "model/machine.h"

namespace sidewall::model {

namespace {

constexpr uint32_t kRegistersEnd = 0x1000;  // registers lie in the first 4 KiB of each page
constexpr uint32_t kViewStart = 0xe00;      // of the performance monitors, in the page of a bank
constexpr uint32_t kViewEnd = 0xfb8;
constexpr uint16_t kNoBank = 0xffff;

// Pages of the lower half of a window.
enum GlobalPage : uint32_t { kGr0 = 0, kGr1 = 1, kGid = 2, kPmu = 3 };

// Where a word lies: in which page of the global half, or of which bank. Pages and banks that the
// instance lacks, and what lies behind the registers of a page, are nowhere.
struct Place {
  bool known = false;
  uint16_t bank = kNoBank;
  uint32_t page = 0;
  uint32_t offset = 0;
};

Place Locate(const SmmuInstance& smmu, uint32_t offset) {
  Place place;
  place.offset = offset & ((1u << smmu.page_shift) - 1);
  if (place.offset >= kRegistersEnd) return place;
  if (offset >= smmu.bank_area) {
    place.bank = static_cast<uint16_t>((offset - smmu.bank_area) >> smmu.page_shift);
    place.known = place.bank < smmu.banks;
    return place;
  }
  place.page = offset >> smmu.page_shift;
  place.known = true;
  return place;
}

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

// Without IDR0.S2TS type 0 is one that is not implemented, and no bank has another set of
// registers.
bool IsStage2(const SmmuInstance& smmu, uint16_t bank) {
  return cbar::Type(smmu.cbar[bank]) == cbar::kStage2 && Bit(smmu.idr[0], 29);
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

// The implementation defined page. ITCTRL, the integration registers and the quality of service of
// the TBUs keep what is written; ITIP, PER and TBU_PWR_STATUS have nothing to tell here.
uint32_t ReadImplementationDefined(const ImplementationDefined& impl, uint32_t offset) {
  if (offset == 0x000) return impl.itctrl;
  if (offset >= 0x008 && offset < 0x020) return impl.itop[(offset - 0x008) / 4];
  if (offset >= 0x100 && offset < 0x110) return impl.tbuqos[(offset - 0x100) / 4];
  return 0;
}

void WriteImplementationDefined(ImplementationDefined& impl, uint32_t offset, uint32_t value) {
  if (offset == 0x000) impl.itctrl = value & keeps::kItctrl;
  if (offset >= 0x008 && offset < 0x020) impl.itop[(offset - 0x008) / 4] = value;
  if (offset >= 0x100 && offset < 0x110) impl.tbuqos[(offset - 0x100) / 4] = value;
}

// The 64-bit commands of a bank: TLBIVA, TLBIVAA, TLBIVAL, TLBIVAAL, TLBIIPAS2 and TLBIIPAS2L.
bool IsWideCommand(uint32_t offset) { return offset >= 0x600 && offset < 0x640; }

}  // namespace

void ResetRegisters(SmmuInstance& smmu) {
  const SmmuSpec* spec = smmu.spec;
  const uint64_t window = smmu.window;
  const Quirks quirks = smmu.quirks;
  uint32_t idr[8];
  for (size_t i = 0; i < 8; ++i) idr[i] = smmu.idr[i];
  smmu = SmmuInstance();
  smmu.spec = spec;
  smmu.window = window;
  smmu.quirks = quirks;
  SetIdentity(smmu, idr);
  for (uint32_t& value : smmu.s2cr) value = 0x00020000;
  for (uint32_t& value : smmu.cbar) value = 0x00020000;
}

void SetSctlr(SmmuInstance& smmu, uint16_t bank, uint32_t value) {
  smmu.bank[bank].sctlr = value;
  const uint64_t bit = uint64_t{1} << (bank % 64);
  uint64_t& on = smmu.on_banks[bank / 64];
  on = (value & sctlr::kM) != 0 ? on | bit : on & ~bit;
}

// Banks follow the global pages, whose number IDR1.NUMPAGENDXB tells. No instance has more banks
// and entries than its window has room for, whatever its IDs say.
void SetIdentity(SmmuInstance& smmu, const uint32_t (&idr)[8]) {
  for (size_t i = 0; i < 8; ++i) smmu.idr[i] = idr[i];
  smmu.page_shift = Bit(idr[1], 31) ? 16 : 12;
  const uint64_t global = uint64_t{2} << Bits(idr[1], 30, 28) << smmu.page_shift;
  const uint64_t window = smmu.spec->window_size;
  smmu.bank_area = static_cast<uint32_t>(global < window ? global : window);
  const uint64_t room = (window - smmu.bank_area) >> smmu.page_shift;
  uint64_t banks = Bits(idr[1], 7, 0);
  if (banks > kMaxBanks) banks = kMaxBanks;
  smmu.banks = static_cast<uint16_t>(banks < room ? banks : room);
  const uint64_t entries = Bits(idr[0], 7, 0);
  smmu.entries = static_cast<uint16_t>(entries < kMaxEntries ? entries : kMaxEntries);
}

// ---------------------------------------------------------------------------------------- reads

uint64_t Machine::ReadRegister(size_t index, uint32_t offset, unsigned width) {
  if (width == 8) {
    const uint64_t low = ReadRegister(index, offset, 4);
    return low | ReadRegister(index, offset + 4, 4) << 32;
  }
  const SmmuInstance& smmu = smmu_[index];
  const Place place = Locate(smmu, offset);
  if (!place.known) return 0;
  if (place.bank != kNoBank) return ReadBank(index, place.bank, place.offset);
  switch (place.page) {
    case kGr0:
      return ReadGlobal0(index, place.offset);
    case kGr1:
      return ReadGlobal1(smmu, place.offset);
    case kGid:
      return ReadImplementationDefined(smmu.impl, place.offset);
    case kPmu:
      return smmu.pmu.Read(place.offset);
    default:
      return 0;  // the SSD page is secure, and the others hold nothing
  }
}

uint32_t Machine::ReadGlobal0(size_t index, uint32_t offset) {
  const SmmuInstance& smmu = smmu_[index];
  if (offset >= 0x800 && offset < 0x800 + 4u * smmu.entries) {
    return smmu.smr[(offset - 0x800) / 4];
  }
  if (offset >= 0xc00 && offset < 0xc00 + 4u * smmu.entries) {
    return smmu.s2cr[(offset - 0xc00) / 4];
  }
  if (offset >= 0x020 && offset < 0x040) return smmu.idr[(offset - 0x020) / 4];
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
    case 0x080:
    case 0x088:
      return smmu.impl.dbgrptr[(offset - 0x080) / 8];
    default:
      return Identification(offset);
  }
}

uint32_t Machine::ReadGlobal1(const SmmuInstance& smmu, uint32_t offset) const {
  const size_t bank = offset % 0x400 / 4;
  if (bank >= smmu.banks) return 0;
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
  if (offset >= kViewStart && offset < kViewEnd) return smmu.pmu.ReadView(number, offset);
  switch (offset) {
    case 0x000:
      return bank.sctlr;
    case 0x004:
      return bank.actlr;
    case 0x010:
      return bank.tcr2;
    case 0x030:
      // Of what was stored while the bank had another type a stage-2 bank shows what it has.
      return IsStage2(smmu, number) ? (bank.tcr & keeps::kTcrStage2) | kTcrStage2One : bank.tcr;
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

// How many status reads show a sync that starts now as active. In the drawn mode each sync takes a
// choice of its own, so that the two of a pair need not end together; 255 is one that never ends.
uint32_t Machine::PollsOfSync(const SmmuInstance& smmu) {
  if (smmu.sync_mode != kSyncModeDrawn) return static_cast<uint32_t>(smmu.sync_polls_wanted);
  if (choices_ == nullptr) return 0;
  const uint8_t choice = choices_->Next();
  return choice == 255 ? kPollsForEver : choice;
}

// True while a sync is not complete; each look at it is one of the polls that it takes.
bool Machine::StepSync(const SmmuInstance& smmu, uint32_t* polls) {
  if (smmu.sync_mode == kSyncModeNever) return true;
  if (smmu.sync_mode == kSyncModeDrawn && *polls == kPollsForEver) return true;
  const bool slow = smmu.sync_mode == kSyncModeSlow || smmu.sync_mode == kSyncModeDrawn;
  if (!slow || *polls == 0) return false;
  --*polls;
  return true;
}

// A status read is where the completion of a sync is seen, and so where it takes effect.
bool Machine::GlobalSyncActive(size_t index) {
  SmmuInstance& smmu = smmu_[index];
  if (!smmu.sync_active) return false;
  if (StepSync(smmu, &smmu.sync_polls)) return true;
  const bool early = smmu.quirks.early_status && !smmu.sync_shown_early;
  smmu.sync_shown_early = early;
  if (early) return false;
  smmu.sync_active = false;
  CompleteGlobalSync(index);
  return false;
}

bool Machine::BankSyncActive(size_t index, uint16_t number) {
  SmmuInstance& smmu = smmu_[index];
  ContextBank& bank = smmu.bank[number];
  if (!bank.sync_active) return false;
  if (StepSync(smmu, &bank.sync_polls)) return true;
  bank.sync_active = false;
  CompleteBankSync(index, number);
  return false;
}

// --------------------------------------------------------------------------------------- writes

void Machine::WriteRegister(size_t index, uint32_t offset, uint64_t value, unsigned width) {
  SmmuInstance& smmu = smmu_[index];
  const Place place = Locate(smmu, offset);
  if (!place.known) return;
  const bool in_bank = place.bank != kNoBank;
  if (in_bank && IsWideCommand(place.offset)) {
    // The low half acts, zero-extended; the high half alone is ignored.
    if ((place.offset & 4) == 0) WriteBankCommand(index, place.bank, place.offset, value);
    return;
  }
  if (width == 8 && !in_bank && place.page == 0 &&
      (place.offset == 0x0b0 || place.offset == 0x0c0)) {
    return WriteGlobalCommand(index, place.offset, value);  // TLBIVALH64, TLBIVAH64
  }
  if (width == 8 && in_bank && WriteBankWide(index, place.bank, place.offset, value)) return;
  if (width == 8) {
    WriteRegister(index, offset, Low(value), 4);
    WriteRegister(index, offset + 4, High(value), 4);
    return;
  }
  const uint32_t word = Low(value);
  if (in_bank) {
    WriteBank(index, place.bank, place.offset, word);
  } else if (place.page == kGr0) {
    WriteGlobal0(index, place.offset, word);
  } else if (place.page == kGr1) {
    WriteGlobal1(index, place.offset, word);
  } else if (place.page == kGid) {
    WriteImplementationDefined(smmu.impl, place.offset, word);
  } else if (place.page == kPmu) {
    smmu.pmu.Write(place.offset, word);
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
  if (offset >= 0x800 && offset < 0x800 + 4u * smmu.entries) {
    uint32_t kept = value & keeps::kSmr;
    if (smmu.quirks.drops_masked_id) kept &= ~(kept >> 16 & 0x7fff);
    SetEntry(smmu, (offset - 0x800) / 4, kept);
    return;
  }
  if (offset >= 0xc00 && offset < 0xc00 + 4u * smmu.entries) {
    smmu.s2cr[(offset - 0xc00) / 4] = value & keeps::kS2cr;
    return;
  }
  switch (offset) {
    case 0x000:
      smmu.cr0 = value & ~cr0::kRaz;
      if (!smmu.spec->smcfcfg_writable) smmu.cr0 |= cr0::kSmcfCfg;
      smmu.cr0 = (smmu.cr0 | smmu.quirks.cr0_stuck_ones) & ~smmu.quirks.cr0_stuck_zeros;
      return;
    case 0x008:
      smmu.cr2 = value & keeps::kScr2;
      return;
    case 0x010:
      smmu.acr = value & keeps::kSacr;
      if (smmu.quirks.lock_stuck) smmu.acr |= kSacrCacheLock;
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
      smmu.gfsynr[0] = value & keeps::kGfsynr0;
      return;
    case 0x054:
      smmu.gfsynr[1] = value & keeps::kGfsynr1;
      return;
    case 0x058:
      smmu.gfsynr[2] = value;
      return;
    case 0x080:
    case 0x088:
      smmu.impl.dbgrptr[(offset - 0x080) / 8] = value;
      return;
    default:
      WriteGlobalCommand(index, offset, value);
  }
}

void Machine::WriteGlobalCommand(size_t index, uint32_t offset, uint64_t value) {
  SmmuInstance& smmu = smmu_[index];
  if (offset != 0x070) {
    InvalidateGlobally(index, offset, value);
    return;
  }
  tlb_[index].SyncGlobal();
  smmu.sync_active = true;
  smmu.sync_drains = flights_.last;
  smmu.sync_polls = PollsOfSync(smmu);
}

void Machine::WriteGlobal1(size_t index, uint32_t offset, uint32_t value) {
  SmmuInstance& smmu = smmu_[index];
  const uint16_t bank = static_cast<uint16_t>(offset % 0x400 / 4);
  if (bank >= smmu.banks) return;
  if (offset < 0x400) {
    if (smmu.cbar[bank] != (value & keeps::kCbar)) LeaveSecondVmid(index, bank);
    smmu.cbar[bank] = value & keeps::kCbar;
    holders_tree_ = kNoTree;
    UpdateBankTree(index, bank);
  } else if (offset < 0x800) {
    smmu.cbfrsynra[bank] = value & keeps::kCbfrsynra;
  } else if (offset < 0xc00) {
    smmu.cba2r[bank] = value & keeps::kCba2r;
    UpdateBankTree(index, bank);
  }
}

void Machine::WriteSctlr(size_t index, uint16_t number, uint32_t value) {
  SmmuInstance& smmu = smmu_[index];
  SetSctlr(smmu, number, value & (IsStage2(smmu, number) ? keeps::kSctlr2 : keeps::kSctlr1));
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
  if (offset >= kViewStart && offset < kViewEnd) {
    return smmu.pmu.WriteView(number, offset, value);
  }
  switch (offset) {
    case 0x000:
      return WriteSctlr(index, number, value);
    case 0x004:
      if ((smmu.acr & kSacrCacheLock) != 0) return;
      bank.actlr = value & keeps::kActlr;
      if (smmu.quirks.cpre_stuck) bank.actlr |= kActlrCpre;
      return;
    case 0x008:
      return Resume(index, number, (value & 1) != 0);
    case 0x010:
      bank.tcr2 = value & keeps::kTcr2;
      return;
    case 0x030:
      bank.tcr = IsStage2(smmu, number) ? (value & keeps::kTcrStage2) | kTcrStage2One
                                        : value & keeps::kTcr1;
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
      bank.fsynr0 = value & (IsStage2(smmu, number) ? keeps::kFsynr02 : keeps::kFsynr01);
      return;
    case 0x06c:
      bank.fsynr1 = value;
      return;
    case 0x7f0:
      bank.sync_active = true;
      bank.sync_covers = tlb_[index].SyncBank();
      bank.sync_drains = flights_.last;
      bank.sync_polls = PollsOfSync(smmu);
      return;
    default:
      return;
  }
}

// A 64-bit register takes a 64-bit store at once, or half by half, and then hardware may use what
// it holds in between: by a transaction that comes just then, or by one of later that meets what
// the TLB has of it. False: no such register, the store is two words.
bool Machine::WriteBankWide(size_t index, uint16_t number, uint32_t offset, uint64_t value) {
  uint64_t* wide = WideRegister(smmu_[index].bank[number], offset);
  if (wide == nullptr) return false;
  if (IsAbsent(IsStage2(smmu_[index], number), offset)) return true;
  const uint8_t torn = smmu_[index].quirks.torn;
  if (torn == 1) SetLow(wide, Low(value));
  if (torn == 2) SetHigh(wide, High(value));
  if (torn != 0) {
    UpdateBankTree(index, number);
    if (between_halves_ != nullptr) between_halves_(between_context_);
    ++changes_;
  }
  *wide = value;
  UpdateBankTree(index, number);
  return true;
}

void Machine::WriteBankCommand(size_t index, uint16_t number, uint32_t offset, uint64_t value) {
  const bool of_stage2 = offset == 0x630 || offset == 0x638;
  if (IsStage2(smmu_[index], number) == of_stage2) InvalidateFromBank(index, number, offset, value);
}

}  // namespace sidewall::model
