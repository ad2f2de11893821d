// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the devices behind the modelled SMMUs send: each piece of a transfer, within one page, is
// translated, recorded, and held against the pages that no device of the host may reach.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

namespace sidewall::boot {
namespace {

constexpr uint64_t kGicSetPending = 0x08000200;
constexpr uint64_t kPage = 4096;
constexpr uint32_t kCfie = 1u << 6;
constexpr uint32_t kFsrFaults = 0x1fe;

uint64_t g_watched;

// A context fault raises the line of its instance while the bank asks for it.
void RaiseFaults(uint8_t side) {
  const model::Machine& machine = Hardware();
  for (uint8_t n = 0; n < 2; ++n) {
    const size_t instance = machine.InstanceIndex(side, n);
    if (!machine.HasInstance(instance)) continue;
    for (uint32_t bank = 0; bank < machine.smmu(instance).spec->banks; ++bank) {
      const uint32_t base = 0x800000 + (bank << 16);
      const bool wanted = (machine.Peek32(instance, base) & kCfie) != 0;
      if (wanted && (machine.Peek32(instance, base + 0x58) & kFsrFaults) != 0) {
        RaiseContextLine(side, n);
      }
    }
    if (machine.Peek32(instance, 0x48) != 0) RaiseContextLine(side, n);
  }
  // What is not in a bank of the host's comes to EL2, whose driver tells who is to hear of it.
  if (TakenOver()) sidewall_fault_irq(DriverState(), side);
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

}  // namespace

uint64_t LeftInPage(uint64_t address) { return kPage - address % kPage; }

void WatchPage(uint64_t page) { g_watched = page; }

model::DmaRequest RequestOf(const Piece& piece) {
  model::DmaRequest request;
  request.side = piece.side;
  request.sid = piece.sid;
  request.address = piece.address;
  request.write = piece.write;
  // Traffic of a pair is spread over both instances by address.
  const auto instance = static_cast<uint8_t>(piece.address / kPage % 2);
  const bool paired = Hardware().HasInstance(Hardware().InstanceIndex(piece.side, 1));
  request.instance = paired ? instance : uint8_t{0};
  return request;
}

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
  row->flags |= result.via.bank != model::kNoIndex ? 2 : delivered ? 1 : 0;
  const uint64_t page = result.pa & ~(kPage - 1);
  if (delivered && page == kSecretPage) ++block.secret_leaks;
  if (delivered && g_watched != 0 && page == g_watched) ++block.donated_delivered;
  if (!delivered) RaiseFaults(piece.side);
  *pa = result.pa;
  return delivered;
}

void RaiseSpi(uint32_t line) {
  const uint32_t interrupt = 32 + line;
  Store32(kGicSetPending + interrupt / 32 * 4, 1u << interrupt % 32);
}

// As in the device tree, by side and instance.
void RaiseContextLine(uint32_t side, uint32_t instance) {
  static constexpr uint32_t kLines[3][2] = {{238, 242}, {170, 232}, {240, 240}};
  RaiseSpi(kLines[side % 3][instance % 2]);
}

}  // namespace sidewall::boot
