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
constexpr uint64_t kPage = 4096;

uint32_t g_register[kChannels][kWords];
// The page under the next transfer is given away before it, and taken back after it.
bool g_donate_next;

uint64_t Minimum(uint64_t a, uint64_t b) { return a < b ? a : b; }

void CopyBytes(uint64_t to, uint64_t from, uint64_t size) {
  for (uint64_t i = 0; i < size; ++i) {
    *reinterpret_cast<volatile uint8_t*>(to + i) = *reinterpret_cast<volatile uint8_t*>(from + i);
  }
}

// Where a transfer reads and writes, and how much; its pieces are cut from it.
struct Job {
  Piece read;
  Piece write;
  uint64_t size = 0;
};

Job JobOf(const uint32_t* channel) {
  const uint64_t high = channel[kHighAddress / 4];
  const uint32_t sequence = channel[kMcSequence / 4];
  Job job;
  job.read = {channel[kSource / 4] | (high & 0xff) << 32, 0, static_cast<uint16_t>(sequence & 0x7f),
              kSideNiso0, false};
  job.write = {channel[kTarget / 4] | (high >> 16 & 0xff) << 32, 0,
               static_cast<uint16_t>(sequence >> 7 & 0x7f), kSideNiso0, true};
  job.size = (uint64_t{channel[kWordCount / 4]} + 1) * 4;
  return job;
}

bool Transfer(const uint32_t* channel, uint32_t mode) {
  Job job = JobOf(channel);
  while (job.size != 0) {
    uint64_t step = Minimum(job.size, LeftInPage(job.write.address));
    if (mode == kCopy) step = Minimum(step, LeftInPage(job.read.address));
    job.read.size = job.write.size = step;
    uint64_t from = 0;
    uint64_t to = 0;
    if (mode == kCopy && !Send(job.read, &from)) return false;
    if (!Send(job.write, &to)) return false;
    if (mode == kCopy) {
      CopyBytes(to, from, step);
    } else {
      for (uint64_t i = 0; i < step; i += 4) Store32(to + i, channel[kPattern / 4]);
    }
    job.read.address += step;
    job.write.address += step;
    job.size -= step;
  }
  return true;
}

// How often half a word of the secret lies where a transfer puts its bytes, at whatever alignment.
uint64_t SecretAt(Job job) {
  constexpr auto kHalf = static_cast<uint32_t>(kSecretWord);
  uint64_t found = 0;
  uint32_t last = 0;
  while (job.size != 0) {
    const uint64_t step = Minimum(job.size, LeftInPage(job.write.address));
    const model::DmaResult at = Hardware().Translate(RequestOf(job.write));
    for (uint64_t i = 0; i < step && at.fault == model::FaultKind::kNone; ++i) {
      last = last >> 8 | uint32_t{*reinterpret_cast<volatile uint8_t*>(at.pa + i)} << 24;
      if (last == kHalf) ++found;
    }
    job.write.address += step;
    job.size -= step;
  }
  return found;
}

// The transfer with the page of its first source byte given to a guest, whose content is then a
// secret; what the kernel had there is back when the page is. The tool is told which page that was,
// and whatever shows that the engine had it.
bool TransferUnderDonation(const uint32_t* channel, uint32_t mode) {
  static uint8_t kept[kPage];
  Block& block = Shared();
  const Job job = JobOf(channel);
  const model::DmaResult at = Hardware().Translate(RequestOf(job.read));
  const uint64_t page = at.pa & ~(kPage - 1);
  if (at.fault != model::FaultKind::kNone || !Idmap(page, page + kPage, false)) {
    Log("no page could be given away: fault, pa", static_cast<uint64_t>(at.fault), at.pa);
    return Transfer(channel, mode);
  }
  ++block.donated_transfers;
  block.donated_page = page;
  block.donated_iova = job.read.address;
  block.donated_row = block.row_count;
  CopyBytes(reinterpret_cast<uint64_t>(kept), page, kPage);
  for (uint64_t i = 0; i < kPage; i += 8) Store64(page + i, kSecretWord);
  WatchPage(page);
  const bool done = Transfer(channel, mode);
  WatchPage(0);
  block.donated_words += SecretAt(job);
  if (done) ++block.donated_completed;
  CopyBytes(page, reinterpret_cast<uint64_t>(kept), kPage);
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
