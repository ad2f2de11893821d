// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/fault_view.h"

#include <cstring>

namespace sidewall {
namespace {

namespace fsr = model::fsr;

constexpr uint64_t kAllBits = ~uint64_t{0};
constexpr uint32_t kNestedOrWalk = 3u << 2;  // FSYNR0: NESTED, S1PTWF
constexpr uint32_t kOfTheAccess = 7u << 4;   // FSYNR0: WNR, PNU, IND, which the stream itself knows

enum class Kind : uint8_t {
  kFsr,
  kFsrRestore,
  kFar,
  kFsynr0,
  kFsynr1,
  kStream,
  kGfsr,
  kGfsrRestore,
  kGfar,
  kGfsynr0,
  kGfsynr1,
  kGfsynr2,
  kNone,
};

Kind KindOf(const model::RegisterInfo& info) {
  constexpr const char* kNames[] = {"FSR",    "FSRRESTORE", "FAR",      "FSYNR0",
                                    "FSYNR1", "CBFRSYNRA",  "sGFSR",    "sGFSRRESTORE",
                                    "sGFAR",  "sGFSYNR0",   "sGFSYNR1", "sGFSYNR2"};
  // Every trapped access asks; the names of few other registers begin so.
  const char first = info.name[0];
  if (first != 'F' && first != 'C' && first != 's') return Kind::kNone;
  size_t kind = 0;
  while (kind < static_cast<size_t>(Kind::kNone) && std::strcmp(kNames[kind], info.name) != 0) {
    kind++;
  }
  return static_cast<Kind>(kind);
}

bool IsGlobal(Kind kind) { return kind >= Kind::kGfsr; }
bool Faulted(uint32_t status) { return (status & fsr::kClearable) != 0; }

// The bank whose stage 1 the record of stage 2 is about; kNoIndex: none of the host's.
uint16_t NamedByStage2(const FaultFile& file, const FaultPlace& place) {
  const FaultFile::Bank& stage2 = file.bank[place.stage2];
  if (!Faulted(stage2.fsr) || (stage2.fsynr[0] & kNestedOrWalk) == 0) return model::kNoIndex;
  const auto named = static_cast<uint16_t>(model::Bits(stage2.fsynr[0], 23, 16));
  return named < place.host_banks ? named : model::kNoIndex;
}

bool ShowsStage2(const FaultFile& file, const FaultPlace& place) {
  return !Faulted(file.bank[place.bank].fsr) && NamedByStage2(file, place) == place.bank;
}

uint64_t Part(const FaultPlace& place, uint64_t value) {
  if (place.width == 8) return value;
  return place.high ? value >> 32 : value & 0xffffffff;
}

// An external abort with the address that the stream named, and nothing of stage 2.
Shown OfStage2(const FaultFile& file, const FaultPlace& place) {
  const FaultFile::Bank& stage2 = file.bank[place.stage2];
  switch (KindOf(*place.info)) {
    case Kind::kFsr:
      return {fsr::kEf | (stage2.fsr & fsr::kMulti), kAllBits & ~uint64_t{fsr::kFormat}};
    case Kind::kFar:
      return {Part(place, stage2.far), kAllBits};
    case Kind::kFsynr0:
      return {stage2.fsynr[0] & kOfTheAccess, kAllBits};
    case Kind::kStream:
      return {stage2.stream, kAllBits};
    default:
      return {0, kAllBits};
  }
}

Shown OfBank(const FaultFile& file, const FaultPlace& place) {
  const FaultFile::Bank& bank = file.bank[place.bank];
  switch (KindOf(*place.info)) {
    case Kind::kFsr: {
      // That stage 2 has met another one may be told or not.
      const bool more = NamedByStage2(file, place) == place.bank;
      return {bank.fsr & (fsr::kClearable | fsr::kFormat),
              more ? kAllBits & ~uint64_t{fsr::kMulti} : kAllBits};
    }
    case Kind::kFar:
      return {Part(place, bank.far), kAllBits};
    case Kind::kFsynr0:
      return {bank.fsynr[0] & model::keeps::kFsynr01, kAllBits};
    case Kind::kFsynr1:
      return {bank.fsynr[1], kAllBits};
    default:
      return {bank.stream, kAllBits};
  }
}

Shown OfGlobal(const FaultFile& file, const FaultPlace& place) {
  const uint64_t known = place.info->writable;
  switch (KindOf(*place.info)) {
    case Kind::kGfsr:
      return {file.gfsr & known, known};
    case Kind::kGfar:
      return {Part(place, file.gfar), kAllBits};
    case Kind::kGfsynr0:
      return {file.gfsynr[0] & known, known};
    case Kind::kGfsynr1:
      return {file.gfsynr[1] & known, known};
    default:
      return {file.gfsynr[2], kAllBits};
  }
}

void Clear(uint32_t value, uint32_t* status) {
  *status &= ~(value & fsr::kClearable);
  if (!Faulted(*status)) *status &= ~fsr::kFormat;
}

void SetPart(const FaultPlace& place, uint64_t value, uint64_t* to) {
  if (place.width == 8) {
    *to = value;
  } else if (place.high) {
    *to = (*to & 0xffffffff) | value << 32;
  } else {
    *to = (*to & ~uint64_t{0xffffffff}) | (value & 0xffffffff);
  }
}

void WriteBank(const FaultPlace& place, uint64_t value, FaultFile* file) {
  FaultFile::Bank& bank = file->bank[place.bank];
  const auto word = static_cast<uint32_t>(value);
  switch (KindOf(*place.info)) {
    case Kind::kFsr:
      if (!ShowsStage2(*file, place)) return Clear(word, &bank.fsr);
      if ((word & fsr::kEf) != 0) Clear(fsr::kClearable, &file->bank[place.stage2].fsr);
      return;
    case Kind::kFsrRestore:
      bank.fsr = (bank.fsr & (fsr::kSs | fsr::kFormat)) | (word & fsr::kClearable);
      return;
    case Kind::kFar:
      return SetPart(place, value, &bank.far);
    case Kind::kFsynr0:
      bank.fsynr[0] = word & model::keeps::kFsynr01;
      return;
    case Kind::kFsynr1:
      bank.fsynr[1] = word;
      return;
    default:
      bank.stream = word & model::keeps::kCbfrsynra;
      return;
  }
}

}  // namespace

FaultFile FaultsOf(const model::SmmuInstance& smmu) {
  FaultFile file;
  for (uint16_t i = 0; i < smmu.banks; i++) {
    const model::ContextBank& bank = smmu.bank[i];
    file.bank[i] = {bank.fsr, {bank.fsynr0, bank.fsynr1}, smmu.cbfrsynra[i], bank.far};
  }
  file.gfsr = smmu.gfsr;
  for (size_t i = 0; i < 3; i++) file.gfsynr[i] = smmu.gfsynr[i];
  file.gfar = smmu.gfar;
  return file;
}

FaultPlace FindFault(const model::SmmuInstance& smmu, Window window, uint32_t offset,
                     unsigned width) {
  FaultPlace place;
  // The table knows the first window of a pair.
  if (window == Window::kNiso1Mirror) window = Window::kNiso1;
  if (window == Window::kNiso0Mirror) window = Window::kNiso0;
  uint16_t index = 0;
  uint16_t bank = 0;
  const model::RegisterInfo* info = model::FindRegister(window, offset, &index, &bank);
  if (info == nullptr || KindOf(*info) == Kind::kNone) return place;
  place.info = info;
  place.bank = info->page == model::Page::kBank ? bank : index;
  place.high = info->width == 8 && offset % 8 == 4;
  place.width = width;
  place.stage2 = model::cbar::Stage2Bank(smmu.cbar[0]) % model::kMaxBanks;
  return place;
}

// A width that is not the register's changes nothing; what it reads as is FUN01's.
Shown ShownFault(const FaultFile& file, const FaultPlace& place, Whose whose) {
  const Kind kind = KindOf(*place.info);
  if (place.width < 4 || place.width > place.info->width) return {};
  if (kind == Kind::kFsrRestore || kind == Kind::kGfsrRestore) return {};
  if (IsGlobal(kind)) {
    if (whose == Whose::kUnclear) return {};
    if (whose != Whose::kHosts || file.gfsr == 0) return {0, kAllBits};
    return OfGlobal(file, place);
  }
  if (place.bank >= place.host_banks) return {0, kAllBits};
  return ShowsStage2(file, place) ? OfStage2(file, place) : OfBank(file, place);
}

void WriteFault(const FaultPlace& place, Whose whose, uint64_t value, FaultFile* file) {
  const Kind kind = KindOf(*place.info);
  if (place.width < 4 || place.width > place.info->width) return;
  if (!IsGlobal(kind)) {
    if (place.bank < place.host_banks) WriteBank(place, value, file);
    return;
  }
  // The rest of the host's record, and restoring one, is not for the host.
  if (kind != Kind::kGfsr || whose != Whose::kHosts) return;
  file->gfsr &= ~(static_cast<uint32_t>(value) & model::gfsr::kClearable);
}

const char* Changed(const FaultFile& wanted, const FaultFile& now, const FaultPlace& place) {
  if (wanted.gfsr != now.gfsr) return "sGFSR";
  if (wanted.gfar != now.gfar || std::memcmp(wanted.gfsynr, now.gfsynr, sizeof(now.gfsynr)) != 0) {
    return "sGFAR or a sGFSYNR";
  }
  const bool dropped = NamedByStage2(wanted, place) == model::kNoIndex;
  for (uint16_t i = 0; i < model::kMaxBanks; i++) {
    FaultFile::Bank bank = wanted.bank[i];
    if (i == place.stage2 && dropped && !Faulted(now.bank[i].fsr)) bank.fsr = now.bank[i].fsr;
    if (bank.fsr != now.bank[i].fsr) return i < place.host_banks ? "FSR" : "FSR of a bank of EL2";
    if (!(bank == now.bank[i])) return "FAR, FSYNR or CBFRSYNRA";
  }
  return nullptr;
}

bool IsShownToHost(const model::SmmuInstance& smmu, uint16_t host_banks, uint64_t bank,
                   uint64_t fsynr0) {
  if (bank < host_banks) return true;
  if (bank != model::cbar::Stage2Bank(smmu.cbar[0])) return false;
  return (fsynr0 & kNestedOrWalk) != 0 && model::Bits(fsynr0, 23, 16) < host_banks;
}

}  // namespace sidewall
