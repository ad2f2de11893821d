// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/faithful.h"

#include <cstring>

#include "model/registers.h"
#include "oracle/clients.h"

namespace sidewall {
namespace {

constexpr uint64_t kAllBits = ~uint64_t{0};
constexpr uint32_t kSidWindowWords = 0x1000;

constexpr Deviation kDeviations[] = {
    {"sACR", Deviation::kOpen, "a constant of EL2's choice; ISO05 holds that it stays one"},
    {"ACTLR", Deviation::kOpen, "a constant of EL2's choice; ISO05 holds that it stays one"},
    {"sTLBGSTATUS", Deviation::kOpen, "that of the instance, when it is read"},
    {"TLBSTATUS", Deviation::kOpen, "that of the instance, when it is read"},
    {"sGFSR", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"sGFAR", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"sGFSYNR0", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"sGFSYNR1", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"sGFSYNR2", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"FSR", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"FAR", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"FSYNR0", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"FSYNR1", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"CBFRSYNRA", Deviation::kOpen, "fault records are FUN05's: fault_view.h"},
    {"IPAFAR", Deviation::kZero, "an address of stage 2 is EL2's business"},
    {"PAR", Deviation::kZero, "address translation operations are not there for the host"},
    {"PM*", Deviation::kZero, "counters see every owner's traffic"},
    {"DBG*", Deviation::kZero, "a dump of the TLB holds every owner's translations"},
};

const Deviation* FindDeviation(const char* name) {
  for (const Deviation& row : kDeviations) {
    const size_t length = std::strlen(row.name);
    const bool prefix = row.name[length - 1] == '*';
    if (prefix ? std::strncmp(row.name, name, length - 1) == 0 : std::strcmp(row.name, name) == 0) {
      return &row;
    }
  }
  return nullptr;
}

constexpr Shown Zero() { return {0, kAllBits}; }

// The first window of the pair, which the reference knows.
Window FirstWindow(Window window) {
  if (window == Window::kNiso1Mirror) return Window::kNiso1;
  if (window == Window::kNiso0Mirror) return Window::kNiso0;
  return window;
}

// The SID window shows what hardware holds, for clients whose registers are mediated at all.
Shown McRead(const model::Machine& machine, uint32_t offset, unsigned width) {
  if (width != 4 || offset >= kSidWindowWords) return Zero();
  if (IsUntouchable(static_cast<uint16_t>(offset / 8))) return Zero();
  return {machine.PeekMc(0, offset), kAllBits};
}

}  // namespace

const Deviation* Deviations(size_t* count) {
  *count = sizeof(kDeviations) / sizeof(kDeviations[0]);
  return kDeviations;
}

Shown ExpectedRead(const Ghost& ghost, const model::Machine& machine, Window window,
                   uint32_t offset, unsigned width) {
  if (window == Window::kMcSid) return McRead(machine, offset, width);
  if (static_cast<uint8_t>(window) >= kSmmuWindows) return Zero();
  uint16_t index = 0;
  uint16_t bank = 0;
  const model::RegisterInfo* info = model::FindRegister(FirstWindow(window), offset, &index, &bank);
  // A width that is not the register's is answered with zero: the architecture leaves it open.
  const bool whole = info != nullptr && width == info->width && offset % width == 0;
  const bool half = info != nullptr && width == 4 && info->width == 8;
  if (!whole && !half) return Zero();
  if (info->page == model::Page::kGid || info->page == model::Page::kPmu ||
      info->page == model::Page::kSsd) {
    return Zero();
  }
  if (const Deviation* row = FindDeviation(info->name)) {
    return row->kind == Deviation::kOpen ? Shown() : Zero();
  }
  return {ghost.BareRead(FirstWindow(window), offset, width), kAllBits};
}

}  // namespace sidewall
