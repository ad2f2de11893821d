// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The GPCDMA engine, as far as a kernel's driver uses it to copy and fill memory. A transfer is
// done when the store that starts it comes; each piece of it within one page goes through the
// modelled SMMU of its side, with the stream ID that the channel names, and moves real bytes.
//
// What the registers are was read off a trace of a kernel's driver.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

namespace sidewall::boot {
namespace {

constexpr uint64_t kChannelSize = 0x10000;
constexpr uint64_t kChannels = kGpcdmaSize / kChannelSize;  // the first page is the engine's own
constexpr uint64_t kWords = 0x40 / 4;
constexpr uint64_t kCsr = 0x00;
constexpr uint64_t kStatus = 0x04;
constexpr uint64_t kSource = 0x0c;
constexpr uint64_t kTarget = 0x10;
constexpr uint64_t kHighAddress = 0x14;
constexpr uint64_t kMcSequence = 0x18;
constexpr uint64_t kWordCount = 0x20;
constexpr uint64_t kError = 0x30;
constexpr uint64_t kPattern = 0x34;

constexpr uint32_t kEnable = 1u << 31;
constexpr uint32_t kInterruptAtEnd = 1u << 30;  // in CSR: wanted; in STATUS: there
constexpr uint32_t kCopy = 4;
constexpr uint32_t kFill = 6;

constexpr uint8_t kSideNiso0 = 1;
constexpr uint32_t kFirstLine = 75;
constexpr uint64_t kGicSetPending = 0x08000200;
constexpr uint64_t kPage = 4096;
constexpr uint32_t kCfie = 1u << 6;
constexpr uint32_t kFsrFaults = 0x1fe;

uint32_t g_register[kChannels][kWords];
// The page under the next transfer is given away before it, and taken back after it.
bool g_donate_next;

struct Piece {
  uint64_t address = 0;
  uint64_t size = 0;
  uint16_t sid = 0;
  bool write = false;
};

void RaiseSpi(uint32_t line) {
  const uint32_t interrupt = 32 + line;
  Store32(kGicSetPending + interrupt / 32 * 4, 1u << interrupt % 32);
}

uint64_t Minimum(uint64_t a, uint64_t b) { return a < b ? a : b; }
uint64_t LeftInPage(uint64_t address) { return kPage - address % kPage; }

model::DmaRequest RequestOf(const Piece& piece) {
  model::DmaRequest request;
  request.side = kSideNiso0;
  request.sid = piece.sid;
  request.address = piece.address;
  request.write = piece.write;
  // Traffic of a pair is spread over both instances by address.
  request.instance = static_cast<uint8_t>(piece.address / kPage % 2);
  return request;
}

// A context fault raises the line of its instance while the bank asks for it.
void RaiseFaults() {
  const model::Machine& machine = Hardware();
  for (uint8_t n = 0; n < 2; ++n) {
    const size_t instance = machine.InstanceIndex(kSideNiso0, n);
    for (uint32_t bank = 0; bank < machine.smmu(instance).spec->banks; ++bank) {
      const uint32_t base = 0x800000 + (bank << 16);
      const bool wanted = (machine.Peek32(instance, base) & kCfie) != 0;
      if (wanted && (machine.Peek32(instance, base + 0x58) & kFsrFaults) != 0) {
        RaiseContextLine(kSideNiso0, n);
      }
    }
    if (machine.Peek32(instance, 0x48) != 0) RaiseContextLine(kSideNiso0, n);
  }
  // What is not in a bank of the host's comes to EL2, whose driver tells who is to hear of it.
  if (TakenOver()) sidewall_fault_irq(DriverState(), kSideNiso0);
}

// As traces name it; kStage2 is not the kernel's, so a trace tells of it in another way.
uint8_t OutcomeOf(const model::DmaResult& result) {
  switch (result.fault) {
    case model::FaultKind::kNone:
      return kDmaOk;
    case model::FaultKind::kUnmatchedStream:
      return kDmaUnmatched;
    case model::FaultKind::kTranslation:
    case model::FaultKind::kAddressSize:
      return result.stage == 2 ? kDmaStage2 : kDmaTranslation;
    case model::FaultKind::kPermission:
      return result.stage == 2 ? kDmaStage2 : kDmaPermission;
    case model::FaultKind::kAccessFlag:
      return kDmaAccessFlag;
    default:
      return result.via.route == model::Route::kFaultEntry ? kDmaFaultEntry : kDmaBankOff;
  }
}

// False: it was not delivered.
bool Send(const Piece& piece, uint64_t* pa) {
  Block& block = Shared();
  const model::DmaResult result = Hardware().Dma(RequestOf(piece));
  const bool delivered = result.fault == model::FaultKind::kNone;
  ++block.dma_pieces;
  if (!delivered) ++block.dma_faults;
  Row* row = AddRow(RowKind::kDma);
  row->ipa = piece.address;
  row->value = delivered ? result.pa : 0;
  row->esr = static_cast<uint32_t>(piece.size);
  row->reason = piece.sid;
  row->width = static_cast<uint8_t>(result.instance);
  row->write = piece.write ? 1 : 0;
  row->status = OutcomeOf(result);
  row->decision = result.level;
  row->driver = result.via.bank;
  row->flags = result.via.bank != model::kNoIndex ? 2 : delivered ? 1 : 0;
  if (delivered && result.pa / kPage == kSecretPage / kPage) ++block.secret_leaks;
  if (!delivered) RaiseFaults();
  *pa = result.pa;
  return delivered;
}

void CopyBytes(uint64_t to, uint64_t from, uint64_t size) {
  for (uint64_t i = 0; i < size; ++i) {
    *reinterpret_cast<volatile uint8_t*>(to + i) = *reinterpret_cast<volatile uint8_t*>(from + i);
  }
}

bool Transfer(const uint32_t* channel, uint32_t mode) {
  const uint64_t high = channel[kHighAddress / 4];
  uint64_t size = (uint64_t{channel[kWordCount / 4]} + 1) * 4;
  const uint32_t sequence = channel[kMcSequence / 4];
  Piece read = {channel[kSource / 4] | (high & 0xff) << 32, 0,
                static_cast<uint16_t>(sequence & 0x7f), false};
  Piece write = {channel[kTarget / 4] | (high >> 16 & 0xff) << 32, 0,
                 static_cast<uint16_t>(sequence >> 7 & 0x7f), true};
  while (size != 0) {
    uint64_t step = Minimum(size, LeftInPage(write.address));
    if (mode == kCopy) step = Minimum(step, LeftInPage(read.address));
    read.size = write.size = step;
    uint64_t from = 0;
    uint64_t to = 0;
    if (mode == kCopy && !Send(read, &from)) return false;
    if (!Send(write, &to)) return false;
    if (mode == kCopy) {
      CopyBytes(to, from, step);
    } else {
      for (uint64_t i = 0; i < step; i += 4) Store32(to + i, channel[kPattern / 4]);
    }
    read.address += step;
    write.address += step;
    size -= step;
  }
  return true;
}

// The transfer with the page of its first source byte given to a guest, whose content is then a
// secret; what the kernel had there is back when the page is.
bool TransferUnderDonation(const uint32_t* channel, uint32_t mode) {
  static uint8_t kept[kPage];
  const uint64_t high = channel[kHighAddress / 4];
  const Piece read = {channel[kSource / 4] | (high & 0xff) << 32, 4,
                      static_cast<uint16_t>(channel[kMcSequence / 4] & 0x7f), false};
  const model::DmaResult at = Hardware().Translate(RequestOf(read));
  const uint64_t page = at.pa & ~(kPage - 1);
  if (at.fault != model::FaultKind::kNone || !Idmap(page, page + kPage, false)) {
    Log("no page could be given away: fault, pa", static_cast<uint64_t>(at.fault), at.pa);
    return Transfer(channel, mode);
  }
  CopyBytes(reinterpret_cast<uint64_t>(kept), page, kPage);
  for (uint64_t i = 0; i < kPage; i += 8) Store64(page + i, Shared().secret_word);
  const bool done = Transfer(channel, mode);
  CopyBytes(page, reinterpret_cast<uint64_t>(kept), kPage);
  ++Shared().donated_transfers;
  if (done) ++Shared().secret_leaks;
  if (!Idmap(page, page + kPage, true)) Finish(Phase::kCallFailed, __LINE__, page);
  return done;
}

void Start(uint64_t number) {
  uint32_t* channel = g_register[number];
  const uint32_t mode = channel[kCsr / 4] >> 21 & 7;
  if (mode != kCopy && mode != kFill) return;
  SnapshotTables();
  const bool donate = g_donate_next && mode == kCopy;
  if (donate) g_donate_next = false;
  const bool done = donate ? TransferUnderDonation(channel, mode) : Transfer(channel, mode);
  if (!done) {
    channel[kError / 4] |= 1;
    return;
  }
  channel[kStatus / 4] |= kInterruptAtEnd;
  const bool wanted = (channel[kCsr / 4] & kInterruptAtEnd) != 0;
  channel[kCsr / 4] &= ~kEnable;
  if (wanted && number != 0) RaiseSpi(kFirstLine + static_cast<uint32_t>(number) - 1);
}

}  // namespace

void DonateUnderNextTransfer() { g_donate_next = true; }

// As in the device tree, by side and instance.
void RaiseContextLine(uint32_t side, uint32_t instance) {
  static constexpr uint32_t kLines[3][2] = {{238, 242}, {170, 232}, {240, 240}};
  RaiseSpi(kLines[side % 3][instance % 2]);
}

void HandleGpcdma(const Trap& trap) {
  const uint64_t number = (trap.ipa - kGpcdma) / kChannelSize;
  const uint64_t offset = (trap.ipa - kGpcdma) % kChannelSize;
  const uint64_t srt = trap.esr >> 16 & 31;
  const bool write = (trap.esr >> 6 & 1) != 0;
  if (offset / 4 >= kWords) {
    if (!write && srt != 31) trap.regs->x[srt] = 0;
    return;
  }
  uint32_t* reg = &g_register[number][offset / 4];
  if (!write) {
    if (srt != 31) trap.regs->x[srt] = *reg;
    return;
  }
  const auto value = static_cast<uint32_t>(srt == 31 ? 0 : trap.regs->x[srt]);
  if (offset == kStatus || offset == kError) {
    *reg &= ~value;
    return;
  }
  *reg = value;
  if (offset == kCsr && (value & kEnable) != 0) Start(number);
}

}  // namespace sidewall::boot
