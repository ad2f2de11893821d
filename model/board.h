// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Boards, as data: what a machine is made of, apart from its state.
//
//     const BoardSpec* board = FindBoard("tiny");
//     machine.Reset(*board, arena);
#ifndef SIDEWALL_MODEL_BOARD_H_
#define SIDEWALL_MODEL_BOARD_H_

#include <stddef.h>
#include <stdint.h>

namespace sidewall::model {

struct Range {
  uint64_t start = 0;
  uint64_t size = 0;
  constexpr uint64_t end() const { return start + size; }
  constexpr bool Contains(uint64_t pa) const { return pa >= start && pa - start < size; }
};

// One logical SMMU: one or two instances that share all clients of a side.
struct SmmuSpec {
  uint8_t side = 0;            // 0 niso1, 1 niso0, 2 iso, as in the waist
  uint8_t instance_count = 0;  // 1 or 2
  uint64_t window[2] = {};
  uint64_t window_size = 0;
  uint32_t idr[8] = {};  // ID registers as the hardware shows them
  uint16_t banks = 0;    // IDR1.NUMCB
  uint16_t entries = 0;  // IDR0.NUMSMRG
  // What EL2 keeps for itself, from the top, and the VMID of the host.
  uint16_t el2_banks = 0;
  uint16_t el2_entries = 0;
  uint8_t host_vmid = 0;
  bool smcfcfg_writable = false;  // MMU-500 fixes sCR0.SMCFCFG to 1
};

inline constexpr size_t kMaxSmmus = 3;
inline constexpr size_t kMaxDram = 4;
inline constexpr size_t kMaxMcWindows = 18;
inline constexpr size_t kMaxHostMmio = 8;
inline constexpr size_t kMaxEl2Ranges = 32;
inline constexpr size_t kMaxBootStreams = 4;

// A stream that a boot loader left active (a display that shows its picture, say), as board data
// tell: its registers do not.
struct BootStream {
  uint8_t side = 0;
  uint8_t sid = 0;
};

// Address bit 39 selects a data format on Tegra234: an address with it set may be an alias of the
// one without.
inline constexpr uint64_t kFormatBit = uint64_t{1} << 39;

struct BoardSpec {
  const char* name = nullptr;
  uint8_t id = 0;  // in the header of binary programs; never changed, never reused
  uint8_t smmu_count = 0;
  uint8_t dram_count = 0;
  uint8_t mc_window_count = 0;
  SmmuSpec smmu[kMaxSmmus];
  Range dram[kMaxDram];  // all RAM, the pool included
  Range pool;            // RAM that EL2 owns from the start: page tables and donated pools
  Range mc_window[kMaxMcWindows];  // 0 SID registers, 1 broadcast, 2.. channels
  Range host_mmio[kMaxHostMmio];   // peripherals that the host owns, mapped as device memory
  Range el2_only[kMaxEl2Ranges];   // registers that only EL2 may touch: SMMU, MC, GIC, UART ...
  uint8_t host_mmio_count = 0;
  uint8_t el2_only_count = 0;
  uint32_t mc_security_reset = 0;  // reset value of the SID security registers
  uint32_t mc_override_reset = 0;
  uint32_t sync_timeout_us = 0;
  BootStream boot_stream[kMaxBootStreams];
  uint8_t boot_stream_count = 0;
  uint32_t boot_stream_timeout_us = 0;  // how long after finalize such a stream goes on
  // Table walks snoop the caches: what was stored is visible after a barrier, without cleaning.
  bool coherent_walk = false;
  // The walk cache is indexed in one way by translations and in another by invalidations: what was
  // cached of a block or a table goes only when its whole VMID does.
  bool walk_cache_erratum = true;
  // Address bit 39 selects a format (kFormatBit), in what tables give and where tables lie; without
  // it, bit 39 is a bit of the address as any other.
  bool format_bit = true;
};

// All boards, by increasing id.
const BoardSpec* Boards(size_t* count);
const BoardSpec* FindBoard(const char* name);
const BoardSpec* FindBoard(uint8_t id);

// The same board with so much RAM, a multiple of kDramUnit, from where its RAM begins; the pool of
// EL2 is at the end, and grows with it. Its name and number stay the same. CheckBoard says if it is
// sound.
inline constexpr uint64_t kDramUnit = uint64_t{2} << 20;
inline constexpr uint64_t kMaxDramUnits = 0xffff;  // 128 GiB but for one unit
BoardSpec WithDram(const BoardSpec& board, uint64_t bytes);

// What is wrong with a description, if anything is: the first field that contradicts another, what
// it holds, and what it may hold.
//
//     const BoardFault fault = CheckBoard(board);
//     if (fault) Print(fault.field, fault.value, fault.allowed);
struct BoardFault {
  const char* field = nullptr;
  uint64_t value = 0;
  const char* allowed = nullptr;
  constexpr explicit operator bool() const { return field != nullptr; }
};
BoardFault CheckBoard(const BoardSpec& board);

// "tegra234", or "tegra234:8G" and "tegra234:512M" with so much RAM. A spelling that is none names
// its part, "name" or "RAM"; a board that would not be sound, the field.
//
//     BoardFault fault = ParseBoard("tegra234:6M", &board);  // of "pool"
BoardFault ParseBoard(const char* spelling, BoardSpec* board);

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_BOARD_H_
