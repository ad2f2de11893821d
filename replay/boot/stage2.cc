// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The guest's own stage 2: its RAM, interrupt controller and console, some of them at other
// addresses than the machine has. Everything else traps. What is mapped can reach no memory itself:
// devices that do are not of QEMU's making, but stand behind the modelled SMMUs.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

namespace sidewall::boot {
namespace {

constexpr uint64_t kTable = 3;
constexpr uint64_t kBlock2M = 1;
constexpr uint64_t kPageLeaf = 3;
constexpr uint64_t kAccess = uint64_t{1} << 10 | uint64_t{3} << 6;  // AF, read and write
constexpr uint64_t kNormal = kAccess | uint64_t{0xf} << 2 | uint64_t{3} << 8;
constexpr uint64_t kDevice = kAccess | uint64_t{1} << 2 | uint64_t{1} << 54;
constexpr uint64_t kAddress = 0x0000fffffffff000;
constexpr size_t kEntries = 512;
constexpr uint64_t kSize2M = 0x200000;
constexpr uint64_t kSize4K = 0x1000;

// 4 KiB pages, a 39-bit input, so that one table of level 1 is the root.
constexpr uint64_t kVtcr = uint64_t{1} << 31 | uint64_t{2} << 16 | uint64_t{3} << 12 |
                           uint64_t{1} << 10 | uint64_t{1} << 8 | uint64_t{1} << 6 | 25;

// Where QEMU's `virt` has what the guest sees elsewhere.
constexpr uint64_t kVirtGicDistributor = 0x08000000;
constexpr uint64_t kVirtGicRedistributor = 0x080a0000;
constexpr uint64_t kVirtUart = 0x09000000;

uint64_t* g_root;

uint64_t* NewTable() {
  auto* table = static_cast<uint64_t*>(Allocate(kSize4K, kSize4K));
  for (size_t i = 0; i < kEntries; ++i) table[i] = 0;
  return table;
}

uint64_t* TableAt(uint64_t* entry) {
  if (*entry == 0) *entry = reinterpret_cast<uint64_t>(NewTable()) | kTable;
  return reinterpret_cast<uint64_t*>(*entry & kAddress);
}

uint64_t* Level2Entry(uint64_t ipa) { return &TableAt(&g_root[ipa >> 30])[(ipa >> 21) % kEntries]; }

void MapPages(uint64_t ipa, uint64_t pa, uint64_t size) {
  for (uint64_t at = 0; at < size; at += kSize4K) {
    uint64_t* leaves = TableAt(Level2Entry(ipa + at));
    leaves[((ipa + at) >> 12) % kEntries] = (pa + at) | kDevice | kPageLeaf;
  }
}

}  // namespace

void MakeStage2() {
  g_root = NewTable();
  for (uint64_t pa = kRam; pa < kHostRamEnd; pa += kSize2M) {
    *Level2Entry(pa) = pa | kNormal | kBlock2M;
  }
  MapPages(kGicDistributor, kVirtGicDistributor, 0x10000);
  MapPages(kGicRedistributor, kVirtGicRedistributor, 0x20000);
  MapPages(kUart, kVirtUart, 0x1000);
  WriteSysreg(vtcr_el2, kVtcr);
  WriteSysreg(vttbr_el2, reinterpret_cast<uint64_t>(g_root));
  FlushGuestTlb();
}

void HideFromGuest(uint64_t pa) {
  uint64_t* entry = Level2Entry(pa);
  if ((*entry & 2) == 0) {
    uint64_t* leaves = NewTable();
    const uint64_t base = *entry & kAddress;
    for (size_t i = 0; i < kEntries; ++i) leaves[i] = (base + i * kSize4K) | kNormal | kPageLeaf;
    // The guest is stopped, and there is one CPU: break before make is one flush.
    *entry = 0;
    FlushGuestTlb();
    *entry = reinterpret_cast<uint64_t>(leaves) | kTable;
  }
  TableAt(entry)[(pa >> 12) % kEntries] = 0;
  FlushGuestTlb();
}

}  // namespace sidewall::boot
