// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/differences.h"

#include "model/registers.h"

namespace sidewall::replay {
namespace {

// The recorder answered from a plain register file, so some rows are about what a real SMMU and
// memory controller do and a register file does not; the others are about what the driver hides.
constexpr Difference kDifferences[] = {
    {"IDR0.SES", "IDR0", 0x80000000, 0x80000000, 0,
     "security extensions are not shown to a non-secure read; the recorder showed them",
     "IDR0.SES"},
    {"IDR0.S2TS+NTS", "IDR0", 0x30000000, 0x30000000, 0,
     "stage 2 is EL2's, so the host is offered stage 1 only", "driver rule 2: what is advertised"},
    {"IDR0.PTFS", "IDR0", 0x03000000, 0, 0x02000000,
     "the AArch32 short format is not offered: the driver nests AArch64 contexts only",
     "driver rule 2: what is advertised"},
    {"IDR0.CTTW", "IDR0", 0x00004000, 0x00004000, 0,
     "whether walks are coherent on an Orin is not known, since its boot log has no line of it, "
     "and "
     "the driver is right either way; the board's data says that they are not, the recorder that "
     "they are",
     "IDR0.CTTW, assumption A-04"},
    {"IDR0.NUMSMRG", "IDR0", 0x000000ff, 0x80, 0x70,
     "EL2 keeps the upper 16 stream entries for itself", "driver rule 3: the host's share"},
    {"IDR1.NUMCB", "IDR1", 0x000000ff, 0x80, 0x70,
     "EL2 keeps the upper 16 context banks for itself", "driver rule 3: the host's share"},
    {"sCR0.GCFG", "sCR0", 0x00000030, 0x30, 0,
     "GCFGFRE and GCFGFIE read zero on an MMU-500; the recorder kept what was written",
     "sCR0.GCFGFRE, sCR0.GCFGFIE"},
    {"OVERRIDE.SID", "OVERRIDE[*]", 0x0000007f, 0x7f, kOwnSid,
     "EL2 gave each client its own SID before the kernel ran; the recorder still had the reset "
     "value, which passes the SMMU by",
     "driver rule 12: takeover of the memory controller"},
    {"SECURITY.NS", "SECURITY[*]", 0x00000001, 0, 0x1,
     "firmware leaves clients non-secure; the recorder had none, and its clients were as at reset",
     "assumption A-40"},
    {"FSR.FORMAT", "CB[*].FSR", 0x00000600, 0, 0x400,
     "hardware says that the context is AArch64; the recorder had only the fault bits",
     "CBn_FSR.FORMAT"},
    {"FSYNR0.PLVL", "CB[*].FSYNR0", 0x00000003, 0, kAnyValue,
     "hardware gives the level of the walk, which each DMA row is held against; the recorder left "
     "it 0",
     "CBn_FSYNR0.PLVL"},
};
static_assert(sizeof(kDifferences) / sizeof(kDifferences[0]) <= kMaxDifferences);

constexpr bool NoRowCoversARegister() {
  for (const Difference& row : kDifferences) {
    if (row.mask == 0 || (row.mask & 0xffffffff) == 0xffffffff) return false;
    const bool named = row.here != kAnyValue && row.here != kOwnSid;
    if (named && (row.here & ~row.mask) != 0) return false;
    if (row.recorded != kAnyValue && (row.recorded & ~row.mask) != 0) return false;
  }
  return true;
}
static_assert(NoRowCoversARegister());

// '*' stands for any run of characters but ']'.
bool Matches(const char* pattern, const char* name) {
  while (*pattern != '\0') {
    if (*pattern == '*') {
      ++pattern;
      while (*name != '\0' && *name != ']') ++name;
      continue;
    }
    if (*pattern++ != *name++) return false;
  }
  return *name == '\0';
}

// A client without a stream ID of its own in the table has no value that would be right.
bool IsOwnSid(Window window, uint32_t offset, uint64_t value) {
  uint16_t index = 0;
  uint16_t bank = 0;
  if (model::FindRegister(window, offset, &index, &bank) == nullptr) return false;
  const model::ClientInfo* client = model::FindClient(index);
  return client != nullptr && client->default_sid != 0 && value == client->default_sid;
}

bool AllowedHere(const Difference& row, Window window, uint32_t offset, uint64_t here) {
  if (row.here == kAnyValue) return true;
  if (row.here == kOwnSid) return IsOwnSid(window, offset, here & row.mask);
  return (here & row.mask) == row.here;
}

}  // namespace

std::span<const Difference> Differences() { return kDifferences; }

bool ExplainRead(Window window, uint32_t offset, uint64_t recorded, uint64_t here, uint64_t* uses) {
  char name[64];
  model::RegisterName(window, offset, name, sizeof(name));
  uint64_t open = recorded ^ here;
  uint64_t used[kMaxDifferences] = {};
  size_t index = 0;
  for (const Difference& row : kDifferences) {
    const bool allowed = row.recorded == kAnyValue || (recorded & row.mask) == row.recorded;
    if ((open & row.mask) != 0 && allowed && Matches(row.reg, name) &&
        AllowedHere(row, window, offset, here)) {
      open &= ~row.mask;
      used[index] = 1;
    }
    ++index;
  }
  if (open != 0) return false;
  for (size_t i = 0; i < kMaxDifferences; ++i) uses[i] += used[i];
  return true;
}

}  // namespace sidewall::replay
