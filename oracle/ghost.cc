// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/ghost.h"

#include <algorithm>

#include "model/registers.h"
#include "oracle/bits.h"
#include "oracle/smmu_layout.h"

namespace sidewall {
namespace {

using model::kNobody;
using model::kNoIndex;
using model::kOwnerHost;

constexpr uint32_t kSCr0 = 0x000;
constexpr uint32_t kSmr = 0x800;
constexpr uint32_t kS2cr = 0xc00;
// sCR0 bits that the reference never lets act: CLIENTPD opens nothing (a virtual CLIENTPD leaves
// matched streams their entry), and unmatched or doubly matched streams always fault.
constexpr uint32_t kClientPd = 1u << 0;
constexpr uint32_t kFaultAlways = (1u << 10) | (1u << 21);
// S2CR apart from TYPE and CBNDX: attribute and privilege overrides, which the reference does not
// follow. A stream that uses them is not held against FUN03.
constexpr uint32_t kS2crOverrides = 0x3ffcff00;
constexpr uint32_t kS2crExIdValid = 1u << 10;
constexpr uint32_t kS2crTypeMask = 3u << 16;
// What the host is told that it has: no stage 2, nesting, secure side, extended stream IDs or
// 16-bit VMIDs, no AArch32 formats (PTFS 2) and no address translation operations (ATOSNS).
constexpr uint32_t kIdr0Hidden = 1u << 31 | 1u << 29 | 1u << 28 | 3u << 24 | 1u << 8 | 0xff;
constexpr uint32_t kIdr0Shown = 1u << 26 | 2u << 24;
constexpr uint32_t kIdr1Counts = 0xffu << 16 | 0xff;
constexpr uint32_t kIdr2Vmid16s = 1u << 15;
// sCR0 at reset, and the bits that a write cannot change: SMCFCFG is fixed, the rest is not there.
constexpr uint32_t kSCr0Reset = 0x00200001;
constexpr uint32_t kSCr0Fixed = 1u << 21;
constexpr uint32_t kSCr0Absent =
    1u << 31 | 1u << 29 | 1u << 28 | 1u << 9 | 1u << 8 | 1u << 5 | 1u << 4 | 1u << 3;

// The host's reference hardware has only the host's share of banks and entries.
model::BoardSpec HostShare(const model::BoardSpec& board) {
  model::BoardSpec share = board;
  for (size_t i = 0; i < share.smmu_count; i++) {
    model::SmmuSpec& smmu = share.smmu[i];
    // Hardware with less than EL2 keeps for itself leaves the host nothing.
    const bool enough = smmu.banks > smmu.el2_banks && smmu.entries > smmu.el2_entries;
    smmu.banks = static_cast<uint16_t>(enough ? smmu.banks - smmu.el2_banks : 0);
    smmu.entries = static_cast<uint16_t>(enough ? smmu.entries - smmu.el2_entries : 0);
    smmu.el2_banks = 0;
    smmu.el2_entries = 0;
    smmu.idr[0] = (smmu.idr[0] & ~kIdr0Hidden) | kIdr0Shown | smmu.entries;
    smmu.idr[1] = (smmu.idr[1] & ~kIdr1Counts) | smmu.banks;
    smmu.idr[2] &= ~kIdr2Vmid16s;
  }
  return share;
}

}  // namespace

Ghost::Ghost(const model::BoardSpec& board)
    : board_(HostShare(board)),
      full_(board),
      owner_(model::Pages::Count(board)),
      borrower_(owner_.size()),
      restricted_(owner_.size()),
      bare_(new model::Machine()),
      saved_bare_(new model::Machine()) {
  size_t count = 0;
  const auto add = [&](const model::Range& range) {
    ranges_.push_back({range.start, range.size, count});
    count += range.size / kPageSize;
  };
  for (size_t i = 0; i < board.dram_count; i++) add(board.dram[i]);
  ram_count_ = count;
  for (size_t i = 0; i < board.host_mmio_count; i++) add(board.host_mmio[i]);
  const size_t pages = board.pool.size / kPageSize;
  bare_pool_.resize(pages * kPageSize / sizeof(uint64_t));
  bare_work_.resize(model::Machine::WorkSize(pages) / sizeof(uint64_t) + 1);
}

void Ghost::Reset(const model::Arena& host_memory) {
  board_ = HostShare(full_);
  size_t index = 0;
  for (size_t i = 0; i < full_.dram_count; i++) {
    const model::Range& dram = full_.dram[i];
    for (uint64_t pa = dram.start; pa < dram.end(); pa += kPageSize, index++) {
      owner_[index] = full_.pool.Contains(pa) ? model::kOwnerEl2 : kOwnerHost;
    }
  }
  std::fill(owner_.begin() + static_cast<ptrdiff_t>(index), owner_.end(), kOwnerHost);
  std::fill(borrower_.begin(), borrower_.end(), kNobody);
  std::fill(restricted_.begin(), restricted_.end(), uint8_t{0});
  model::Arena arena = host_memory;
  arena.pool = bare_pool_.data();
  arena.pool_pages = full_.pool.size / kPageSize;
  arena.work = bare_work_.data();
  arena.work_size = bare_work_.size() * sizeof(uint64_t);
  bare_->Reset(board_, arena, nullptr, nullptr);
  for (size_t i = 0; i < board_.smmu_count; i++) {
    bare_->Write32(board_.smmu[i].window[0] + kSCr0, kFaultAlways);
  }
  for (uint32_t& scr0 : scr0_) scr0 = kSCr0Reset;
  domains_.Reset();
  returned_ = {};
  dirty_ = true;
}

void Ghost::Save() {
  domains_.Save();
  saved_returned_ = returned_;
  saved_owner_ = owner_;
  saved_borrower_ = borrower_;
  saved_restricted_ = restricted_;
  *saved_bare_ = *bare_;
  std::copy(std::begin(scr0_), std::end(scr0_), saved_scr0_);
  dirty_ = false;
  bare_dirty_ = 0;
}

void Ghost::Restore() {
  domains_.Restore();
  if (dirty_) {
    owner_ = saved_owner_;
    borrower_ = saved_borrower_;
    restricted_ = saved_restricted_;
    dirty_ = false;
  }
  for (uint8_t side = 0; side < returned_.size(); side++) {
    if (!(bare_dirty_ >> side & 1)) continue;
    bare_->TakeBack(*saved_bare_, side);
    returned_[side] = saved_returned_[side];
    scr0_[side] = saved_scr0_[side];
  }
  bare_dirty_ = 0;
}

uint8_t Ghost::owner(uint64_t pa) const {
  const size_t index = PageIndex(pa);
  return index == kNoPage ? kNobody : owner_[index];
}

bool Ghost::MayTouch(uint64_t pa, uint8_t owner) const {
  const size_t index = PageIndex(pa);
  return index != kNoPage && (owner_[index] == owner || borrower_[index] == owner);
}

uint8_t Ghost::Touchers(uint64_t pa) const {
  const size_t index = PageIndex(pa);
  return index == kNoPage ? 0 : TouchersAt(index);
}

uint64_t Ghost::Alike(uint64_t pa, uint64_t pages) const {
  const auto range = std::find_if(ranges_.begin(), ranges_.end(),
                                  [&](const Indexed& indexed) { return indexed.Has(pa); });
  if (range == ranges_.end()) return 1;
  const size_t index = range->IndexOf(pa);
  const uint64_t limit = std::min(pages, range->first + range->size / kPageSize - index);
  uint64_t alike = 1;
  while (alike < limit && owner_[index + alike] == owner_[index] &&
         borrower_[index + alike] == borrower_[index]) {
    alike++;
  }
  return alike;
}

bool Ghost::CanMove(uint64_t pa, uint64_t count, uint8_t from) const {
  return CanUnshare(pa, count, from, kNobody);
}

bool Ghost::CanUnshare(uint64_t pa, uint64_t count, uint8_t from, uint8_t with) const {
  if (pa % kPageSize != 0 || count == 0 || count > owner_.size()) return false;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t page = pa + i * kPageSize;
    const size_t index = PageIndex(page);
    if (index == kNoPage || full_.pool.Contains(page)) return false;
    if (owner_[index] != from || borrower_[index] != with) return false;
  }
  return true;
}

void Ghost::Move(uint64_t pa, uint64_t count, uint8_t to) {
  const size_t index = PageIndex(pa);
  for (uint64_t i = 0; i < count; i++) owner_[index + i] = to;
  dirty_ = true;
}

void Ghost::Lend(uint64_t pa, uint64_t count, uint8_t with) {
  const size_t index = PageIndex(pa);
  for (uint64_t i = 0; i < count; i++) borrower_[index + i] = with;
  dirty_ = true;
}

bool Ghost::AnyOverRestricted(uint64_t pa, uint64_t count) const {
  const size_t index = PageIndex(pa);
  for (uint64_t i = 0; i < count; i++) {
    if (restricted_[index + i]) return true;
  }
  return false;
}

void Ghost::SetOverRestricted(uint64_t pa, uint64_t count, bool on) {
  const size_t index = PageIndex(pa);
  for (uint64_t i = 0; i < count; i++) restricted_[index + i] = on;
  dirty_ = true;
}

void Ghost::OnCall(const Call& call, const struct sidewall_result& result) {
  domains_.OnCall(call, result);
  for (uint8_t side = 0; side < returned_.size(); side++) {
    if (domains_.returned(side).any()) BlockEntries(side, domains_.returned(side));
  }
  const bool acted = result.status == SIDEWALL_OK || result.status == SIDEWALL_DEGRADED;
  if (call.id != CallId::kDevBlockDma || !acted || call.arg[0] >= returned_.size()) return;
  const auto side = static_cast<uint8_t>(call.arg[0]);
  GhostDomains::SidSet one;
  one.set(call.arg[1] & 0x7f);
  if (StreamOwner(side, static_cast<uint16_t>(call.arg[1])) == kOwnerHost) BlockEntries(side, one);
}

// What comes back to the host, or was blocked, faults through every entry that matches it, then or
// later, until the host has written its S2CR again.
void Ghost::BlockEntries(uint8_t side, const GhostDomains::SidSet& sids) {
  bare_dirty_ |= 1u << side;
  for (GhostDomains::SidSet& entry : returned_[side]) entry |= sids;
}

bool Ghost::IsBlocked(uint8_t side, uint16_t entry) const {
  const GhostDomains::SidSet& sids = returned_[side][entry];
  if (sids.none()) return false;
  const uint32_t smr = bare_->Peek32(bare_->InstanceIndex(side, 0), kSmr + 4u * entry);
  return AnyMatched(smr, [&](uint16_t sid) { return sids[sid]; });
}

// The host's writes to the first window of a pair are the truth (the mirror's are the second half
// of a pair). Accesses that the architecture leaves open do nothing here.
void Ghost::HostWrite(Window window, uint32_t offset, unsigned width, uint64_t value) {
  if (window != Window::kNiso1 && window != Window::kNiso0 && window != Window::kIso) return;
  if (offset % width != 0) return;
  uint16_t index = 0;
  uint16_t bank = 0;
  const model::RegisterInfo* info = model::FindRegister(window, offset, &index, &bank);
  if (!info) return;
  const uint8_t side = window == Window::kNiso1 ? 0 : window == Window::kNiso0 ? 1 : 2;
  uint64_t base = 0;
  for (size_t i = 0; i < board_.smmu_count; i++) {
    if (board_.smmu[i].side == side) base = board_.smmu[i].window[0];
  }
  if (base == 0) return;
  bare_dirty_ |= 1u << side;
  if (width == 8 && info->width == 8) {
    bare_->Write64(base + offset, value);
  } else if (width == 4) {
    auto word = static_cast<uint32_t>(value);
    if (offset == kSCr0) {
      scr0_[side] = (word & ~kSCr0Absent) | kSCr0Fixed;
      word = (word & ~kClientPd) | kFaultAlways;
    }
    if (offset >= kS2cr && offset < kS2cr + 4 * kEntries) {
      returned_[side][(offset - kS2cr) / 4].reset();
    }
    bare_->Write32(base + offset, word);
  }
}

bool Ghost::Steers(Window window, uint32_t offset) const {
  if (window != Window::kNiso1 && window != Window::kNiso0 && window != Window::kIso) return false;
  for (size_t i = 0; i < full_.smmu_count; i++) {
    if (full_.smmu[i].side != static_cast<uint8_t>(window) / 2) continue;
    return !layout::IsCommand(layout::PlaceOf(full_.smmu[i], offset));
  }
  return false;
}

uint64_t Ghost::BareRead(Window window, uint32_t offset, unsigned width) const {
  const size_t side = static_cast<size_t>(window) / 2;
  if (offset == kSCr0) return scr0_[side];
  const size_t instance = bare_->InstanceIndex(static_cast<uint8_t>(side), 0);
  return width == 8 ? bare_->Peek64(instance, offset) : bare_->Peek32(instance, offset);
}

// True when no other valid entry can match a stream ID that this one matches. Overlapping host
// entries are held back in hardware by documented policy, so they promise nothing.
bool Ghost::SoleMatch(size_t instance, uint16_t entry) const {
  const uint32_t own = bare_->Peek32(instance, kSmr + 4u * entry);
  return !AnyBit(bare_->smmu(instance).valid_entries, [&](uint32_t n) {
    if (n == entry) return false;
    const uint32_t other = bare_->Peek32(instance, kSmr + 4 * n);
    const uint32_t masks = (own | other) >> 16;
    return ((own ^ other) & ~masks & 0x7fff) == 0;
  });
}

// An entry that covers a stream ID of somebody else, or one that stands on a domain, is held back
// in hardware, whole.
bool Ghost::CoversForeign(uint8_t side, uint32_t smr) const {
  return AnyMatched(smr, [&](uint16_t sid) {
    return StreamOwner(side, sid) != kOwnerHost || domains_.HeldByEl2(side, sid);
  });
}

bool Ghost::Reachable(uint64_t pa) const {
  if (!MayTouch(pa, kOwnerHost)) return false;
  const size_t index = PageIndex(pa);
  return !restricted_[index];
}

// The entry says fault or what is reserved; or it names a bank that the host does not have, or one
// that the host has not made a stage 1 in AArch64 format, the only kind that it is told of.
bool Ghost::LeadsNowhere(size_t instance, uint16_t entry) const {
  const model::SmmuInstance& smmu = bare_->smmu(instance);
  const uint32_t s2cr = bare_->Peek32(instance, kS2cr + 4u * entry);
  const uint32_t type = (s2cr & kS2crTypeMask) >> 16;
  if (type != 0) return type != 1;
  const uint32_t bank = s2cr & 0xff;
  if (bank >= smmu.banks) return true;
  return model::cbar::Type(smmu.cbar[bank]) != model::cbar::kStage1 || (smmu.cba2r[bank] & 1) == 0;
}

Legal Ghost::HostDma(uint8_t side, uint16_t sid, uint64_t address, bool write, bool privileged,
                     bool instruction) const {
  model::DmaRequest request;
  request.side = side;
  request.sid = sid;
  request.address = address;
  request.write = write;
  request.privileged = privileged;
  request.instruction = instruction;
  request.instance = 0;
  const model::DmaResult result = bare_->Translate(request);
  Legal legal;
  if (result.via.entry == kNoIndex || result.via.match_count != 1) return legal;
  if (IsBlocked(side, result.via.entry)) return legal;
  const size_t instance = bare_->InstanceIndex(side, 0);
  if (!SoleMatch(instance, result.via.entry)) return legal;
  if (CoversForeign(side, bare_->Peek32(instance, kSmr + 4u * result.via.entry))) return legal;
  legal.must_fault = LeadsNowhere(instance, result.via.entry);
  if (result.fault != model::FaultKind::kNone) return legal;
  // Under EL2 it is an intermediate address, and no stage 2 maps one with this bit.
  if ((result.output & model::kFormatBit) != 0) return legal;
  const uint32_t s2cr = bare_->Peek32(instance, kS2cr + 4u * result.via.entry);
  if (s2cr & (kS2crOverrides | kS2crExIdValid) & ~kS2crTypeMask) return legal;
  if (result.via.route == model::Route::kStage1Only) {
    const uint32_t cba2r = bare_->smmu(instance).cba2r[result.via.bank];
    if (cba2r != 1) return legal;
    legal.bank = result.via.bank;
  } else if (result.via.route == model::Route::kBypass) {
    legal.bank = kNoIndex;
  } else {
    return legal;
  }
  for (uint8_t i = 0; i < result.table_count; i++) {
    if (!Reachable(result.table_page[i])) return legal;
  }
  if (!Reachable(result.pa)) return legal;
  // Peripheral registers are device memory in the host's stage 2, and nothing executes there.
  if (instruction && !IsRam(result.pa)) return legal;
  legal.must_work = true;
  legal.pa = result.pa;
  return legal;
}

// A stream on a domain reaches what the domain maps; one of a guest, nothing else.
Legal Ghost::LegalDma(uint8_t side, uint16_t sid, uint64_t address, bool write, bool privileged,
                      bool instruction) const {
  const uint8_t owner = StreamOwner(side, sid);
  if (owner == kOwnerHost && !domains_.HeldByEl2(side, sid)) {
    return HostDma(side, sid, address, write, privileged, instruction);
  }
  Legal legal;
  legal.bank = kNoIndex;
  uint64_t pa = 0;
  const GhostDomains::Access access = domains_.Find(side, sid, address, write, instruction, &pa);
  legal.denied = access == GhostDomains::Access::kDenied;
  if (access != GhostDomains::Access::kServed) return legal;
  if (!MayTouch(pa, owner)) return legal;
  legal.must_work = true;
  legal.pa = pa;
  return legal;
}

}  // namespace sidewall
