// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/board.h"

namespace sidewall::model {

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kWindowSize = 16 * kMiB;
constexpr uint8_t kTegra234Id = 1;
constexpr uint8_t kTegra234VirtId = 2;
constexpr uint8_t kTinyId = 3;
constexpr uint8_t kSmallId = 4;
constexpr uint8_t kRefuseId = 5;
constexpr uint8_t kTegra234BootId = 6;
constexpr uint8_t kTinyBootId = 7;

constexpr uint32_t PageSize(const SmmuSpec& smmu) {
  return (smmu.idr[1] >> 31) != 0 ? 0x10000 : 0x1000;
}
constexpr uint32_t PageCount(const SmmuSpec& smmu) { return 2u << ((smmu.idr[1] >> 28) & 7); }

constexpr SmmuSpec Smmu(uint8_t side, uint64_t window, uint64_t mirror) {
  SmmuSpec smmu;
  smmu.side = side;
  smmu.instance_count = mirror == 0 ? 1 : 2;
  smmu.window[0] = window;
  smmu.window[1] = mirror;
  smmu.window_size = kWindowSize;
  smmu.idr[0] = 0x7c013e80;
  smmu.idr[1] = 0xe0000080;
  smmu.idr[2] = 0x00005555;
  smmu.idr[7] = 0x00000021;
  smmu.banks = 128;
  smmu.entries = 128;
  smmu.el2_banks = 16;
  smmu.el2_entries = 16;
  smmu.host_vmid = 1;
  return smmu;
}

// What all Tegra234 boards share; RAM and the pool follow.
constexpr BoardSpec Tegra(const char* name, uint8_t id) {
  BoardSpec board;
  board.name = name;
  board.id = id;
  board.smmu_count = 3;
  board.smmu[0] = Smmu(0, 0x08000000, 0x07000000);
  board.smmu[1] = Smmu(1, 0x12000000, 0x11000000);
  board.smmu[2] = Smmu(2, 0x10000000, 0);
  board.mc_window_count = 18;
  for (uint64_t i = 0; i < 6; ++i) board.mc_window[i] = {0x02c00000 + i * 0x10000, 0x10000};
  for (uint64_t i = 0; i < 4; ++i) board.mc_window[6 + i] = {0x02b80000 + i * 0x10000, 0x10000};
  for (uint64_t i = 0; i < 8; ++i) board.mc_window[10 + i] = {0x01700000 + i * 0x10000, 0x10000};
  constexpr Range kHostMmio[] = {
      {0x02600000, 0x210000},  // GPCDMA
      {0x03400000, 0x20000},   // SDMMC1
      {0x06800000, 0x10000},   // MGBE0
  };
  constexpr Range kEl2Only[] = {
      {0x07000000, 0x2000000},  // SMMU niso1, both instances
      {0x10000000, 0x3000000},  // SMMU iso and niso0, both instances
      {0x02b80000, 0x40000},    // memory controller, channels 4 to 7
      {0x02c00000, 0x60000},    // memory controller, SID, broadcast, channels 0 to 3
      {0x01700000, 0x80000},    // memory controller, channels 8 to 15
      {0x0f400000, 0x200000},   // GIC
      {0x031d0000, 0x10000},    // the UART of EL2
      {0x0c360000, 0x10000},    // PMC
  };
  for (const Range& range : kHostMmio) board.host_mmio[board.host_mmio_count++] = range;
  for (const Range& range : kEl2Only) board.el2_only[board.el2_only_count++] = range;
  board.mc_security_reset = 0x101;
  board.mc_override_reset = 0x7f;
  board.sync_timeout_us = 1000;
  return board;
}

constexpr BoardSpec WithRam(BoardSpec board, Range dram, Range pool) {
  board.dram[0] = dram;
  board.dram_count = 1;
  board.pool = pool;
  board.el2_only[board.el2_only_count++] = pool;
  return board;
}

constexpr void SetCounts(SmmuSpec& smmu, uint16_t banks, uint16_t entries) {
  smmu.banks = banks;
  smmu.entries = entries;
  smmu.idr[0] = (smmu.idr[0] & ~0xffu) | entries;
  smmu.idr[1] = (smmu.idr[1] & ~0xffu) | banks;
}

constexpr BoardSpec Tiny() {
  BoardSpec board =
      WithRam(Tegra("tiny", kTinyId), {0x80000000, 8 * kMiB}, {0x80000000 + 7 * kMiB, 1 * kMiB});
  for (SmmuSpec& smmu : board.smmu) {
    SetCounts(smmu, 4, 5);
    smmu.el2_banks = 2;
    smmu.el2_entries = 1;
  }
  return board;
}

constexpr BoardSpec WithBootStreams(BoardSpec board, const char* name, uint8_t id,
                                    uint32_t timeout_us) {
  board.name = name;
  board.id = id;
  board.boot_stream[0] = {1, 0x06};  // MGBE 0
  board.boot_stream[1] = {2, 0x01};  // the display
  board.boot_stream_count = 2;
  board.boot_stream_timeout_us = timeout_us;
  return board;
}

// One SMMU of another make: 4 KiB pages, one instance, odd counts, 44-bit addresses, 4 KiB granule
// only, coherent walks.
constexpr BoardSpec Small() {
  BoardSpec board =
      WithRam(Tegra("small", kSmallId), {0x80000000, 4 * kMiB}, {0x80000000 + 3 * kMiB, 1 * kMiB});
  board.smmu_count = 1;
  SmmuSpec& smmu = board.smmu[0];
  smmu = Smmu(1, 0x12000000, 0);
  smmu.idr[0] = 0x7e055e00;
  smmu.idr[1] = 0x20000000;
  smmu.idr[2] = 0x00001544;
  smmu.idr[7] = 0x00000022;
  smmu.window_size = 2 * PageCount(smmu) * PageSize(smmu);
  SetCounts(smmu, 5, 7);
  smmu.el2_banks = 2;
  smmu.el2_entries = 3;
  board.coherent_walk = true;  // IDR0.CTTW
  return board;
}

// Too few banks for anything: a driver has to say so, and touch nothing.
constexpr BoardSpec Refuse() {
  BoardSpec board = WithRam(Tegra("refuse", kRefuseId), {0x80000000, 4 * kMiB},
                            {0x80000000 + 3 * kMiB, 1 * kMiB});
  for (SmmuSpec& smmu : board.smmu) {
    SetCounts(smmu, 2, 3);
    smmu.el2_banks = 1;
    smmu.el2_entries = 1;
  }
  return board;
}

// RAM of `tegra234-virt` is that of the traces, with EL2's pool above it.
constexpr BoardSpec kBoards[] = {
    WithRam(Tegra("tegra234", kTegra234Id), {0x80000000, 64 * kMiB},
            {0x80000000 + 56 * kMiB, 8 * kMiB}),
    WithRam(Tegra("tegra234-virt", kTegra234VirtId), {0x40000000, 0x71000000},
            {0xb0000000, 16 * kMiB}),
    Tiny(),
    Small(),
    Refuse(),
    WithBootStreams(WithRam(Tegra("tegra234", kTegra234Id), {0x80000000, 64 * kMiB},
                            {0x80000000 + 56 * kMiB, 8 * kMiB}),
                    "tegra234-boot", kTegra234BootId, 1000000),
    WithBootStreams(Tiny(), "tiny-boot", kTinyBootId, 1000),
};

// What tables of EL2 need: eight MiB, and four for each GiB of RAM.
constexpr uint64_t PoolSizeFor(uint64_t dram) {
  return 8 * kMiB + (dram / 256 + 2 * kMiB - 1) / (2 * kMiB) * (2 * kMiB);
}

bool Equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

bool Overlap(const Range& a, const Range& b) { return a.start < b.end() && b.start < a.end(); }
bool Within(const Range& inner, const Range& outer) {
  return inner.start >= outer.start && inner.end() <= outer.end();
}
bool Sound(const Range& range) {
  return range.size != 0 && range.end() > range.start && range.start % 4096 == 0 &&
         range.size % 4096 == 0;
}

constexpr const char* kWholePages = "whole pages of 4 KiB, at least one";
// Bit 39 selects a format, and is no part of an address: with it, two ranges could be one.
constexpr const char* kBelowBit39 = "an end up to 0x8000000000";

// IDR2.IAS and OAS give 32, 36, 40, 42, 44 or 48 bits; UBS gives 32, 36, 40, 42, 44, 49 or 64, and
// no bus is narrower than the addresses that come over it.
bool SoundSizes(uint32_t idr2) {
  const bool granule = (idr2 & 0x5000) != 0;  // 4 or 64 KiB: nothing here follows 16
  const uint32_t ias = idr2 & 15;
  const uint32_t bus = idr2 >> 8 & 15;
  return granule && ias <= 5 && (idr2 >> 4 & 15) <= 5 && (bus <= 5 || bus == 15) && bus >= ias;
}

// What IDR0 may say: streams are matched (SMS) by something that translates, nested needs both
// stages, and neither extended stream IDs nor address translation operations are modelled.
BoardFault CheckIdr0(const SmmuSpec& smmu) {
  const uint32_t idr0 = smmu.idr[0];
  const auto wrong = [&](const char* allowed) { return BoardFault{"smmu.idr[0]", idr0, allowed}; };
  const bool stage1 = (idr0 >> 30 & 1) != 0;
  const bool stage2 = (idr0 >> 29 & 1) != 0;
  const bool nested = (idr0 >> 28 & 1) != 0;
  if ((idr0 & 0xff) != smmu.entries) return wrong("NUMSMRG (7:0) equal to smmu.entries");
  if ((idr0 >> 8 & 1) != 0) return wrong("EXIDS (8) clear: extended stream IDs are not modelled");
  if ((idr0 >> 27 & 1) == 0) return wrong("SMS (27) set");
  if (!stage1 && !stage2) return wrong("S1TS (30) or S2TS (29) set");
  if (nested && !(stage1 && stage2)) return wrong("NTS (28) only with S1TS (30) and S2TS (29)");
  if ((idr0 >> 26 & 1) == 0) return wrong("ATOSNS (26) set: such operations are not modelled");
  return {};
}

// The first NUMS2CB banks do stage 2 alone, so that where there is a stage 1 some bank is left.
BoardFault CheckIdr1(const SmmuSpec& smmu) {
  const uint32_t idr1 = smmu.idr[1];
  const auto wrong = [&](const char* allowed) { return BoardFault{"smmu.idr[1]", idr1, allowed}; };
  if ((idr1 & 0xff) != smmu.banks) return wrong("NUMCB (7:0) equal to smmu.banks");
  const uint32_t stage2_only = idr1 >> 16 & 0xff;
  const bool stage1 = (smmu.idr[0] >> 30 & 1) != 0;
  if (stage2_only > smmu.banks) return wrong("NUMS2CB (23:16) at most smmu.banks");
  if (stage2_only == smmu.banks && stage1) {
    return wrong("NUMS2CB (23:16) below smmu.banks where IDR0.S1TS (30) is set");
  }
  if (stage2_only != 0 && (smmu.idr[0] >> 29 & 1) == 0) {
    return wrong("NUMS2CB (23:16) 0 where IDR0.S2TS (29) is clear");
  }
  return {};
}

BoardFault CheckSmmu(const SmmuSpec& smmu) {
  if (smmu.side > 2) return {"smmu.side", smmu.side, "0 niso1, 1 niso0, 2 iso"};
  if (smmu.instance_count < 1 || smmu.instance_count > 2) {
    return {"smmu.instance_count", smmu.instance_count, "1 or 2"};
  }
  if (smmu.side == 2 && smmu.instance_count != 1) {
    return {"smmu.instance_count", smmu.instance_count, "1, of iso"};
  }
  // Half of the window is for banks, in pages of the size that IDR1.PAGESIZE tells.
  const uint64_t page = PageSize(smmu);
  const uint64_t pages = PageCount(smmu);
  if (smmu.window_size != 2 * pages * page) {
    return {"smmu.window_size", smmu.window_size,
            "twice the pages of IDR1.NUMPAGENDXB, of the size of IDR1.PAGESIZE"};
  }
  for (uint8_t n = 0; n < smmu.instance_count; ++n) {
    if (!Sound({smmu.window[n], smmu.window_size}) || smmu.window[n] % page != 0) {
      return {"smmu.window", smmu.window[n],
              "an address of whole pages, whose window does not wrap"};
    }
  }
  if (smmu.banks == 0 || smmu.banks > pages || smmu.banks > 128) {
    return {"smmu.banks", smmu.banks,
            "from 1 to 128, and no more than half of the window has pages"};
  }
  if (smmu.entries == 0 || smmu.entries > 128) {
    return {"smmu.entries", smmu.entries, "from 1 to 128"};
  }
  if (const BoardFault fault = CheckIdr0(smmu)) return fault;
  if (const BoardFault fault = CheckIdr1(smmu)) return fault;
  if ((smmu.idr[2] >> 13 & 1) != 0) {
    return {"smmu.idr[2]", smmu.idr[2], "PTFSV8_16K (13) clear: such tables are not modelled"};
  }
  if (!SoundSizes(smmu.idr[2])) {
    return {
        "smmu.idr[2]", smmu.idr[2],
        "4 KiB (12) or 64 KiB (14) granule, IAS and OAS up to 5, UBS up to 5 or 15 and from IAS"};
  }
  if ((smmu.idr[2] >> 15 & 1) != 0) {
    return {"smmu.idr[2]", smmu.idr[2], "VMID16S (15) clear: VMIDs of 16 bits are not modelled"};
  }
  if (smmu.el2_banks >= smmu.banks) {
    return {"smmu.el2_banks", smmu.el2_banks, "fewer than smmu.banks"};
  }
  if (smmu.el2_entries >= smmu.entries) {
    return {"smmu.el2_entries", smmu.el2_entries, "fewer than smmu.entries"};
  }
  if (smmu.host_vmid == 0) {
    return {"smmu.host_vmid", smmu.host_vmid, "from 1 to 255: 0 is what a bank has at reset"};
  }
  return {};
}

// Each is a stream of a unit that keeps an entry for it.
bool SoundBootStreams(const BoardSpec& board) {
  if (board.boot_stream_count > kMaxBootStreams) return false;
  for (size_t i = 0; i < board.boot_stream_count; ++i) {
    const BootStream& stream = board.boot_stream[i];
    size_t wanted = 1;
    for (size_t j = 0; j < i; ++j) {
      if (board.boot_stream[j].side != stream.side) continue;
      if (board.boot_stream[j].sid == stream.sid) return false;
      ++wanted;
    }
    bool room = false;
    for (size_t j = 0; j < board.smmu_count; ++j) {
      const SmmuSpec& smmu = board.smmu[j];
      room |= smmu.side == stream.side && smmu.el2_entries >= wanted;
    }
    if (!room || stream.sid == 0 || stream.sid >= 0x7e) return false;
  }
  return true;
}

bool OverlapsAny(const Range& range, const Range* others, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (Overlap(range, others[i])) return true;
  }
  return false;
}

constexpr const char* kApart = "windows, RAM and other registers apart from each other";

BoardFault CheckWindows(const BoardSpec& board) {
  Range seen[2 * kMaxSmmus + kMaxMcWindows];
  size_t count = 0;
  for (size_t i = 0; i < board.smmu_count; ++i) {
    const SmmuSpec& smmu = board.smmu[i];
    for (size_t other = 0; other < i; ++other) {
      if (board.smmu[other].side == smmu.side) {
        return {"smmu.side", smmu.side, "one SMMU for each side"};
      }
    }
    for (uint8_t n = 0; n < smmu.instance_count; ++n) {
      const Range window = {smmu.window[n], smmu.window_size};
      if (window.end() > kFormatBit) return {"smmu.window", window.end(), kBelowBit39};
      if (OverlapsAny(window, seen, count)) return {"smmu.window", window.start, kApart};
      seen[count++] = window;
    }
  }
  for (size_t i = 0; i < board.mc_window_count; ++i) {
    const Range& window = board.mc_window[i];
    if (!Sound(window)) return {"mc_window", window.start, kWholePages};
    if (window.end() > kFormatBit) return {"mc_window", window.end(), kBelowBit39};
    // Two words for each client in the first, and the registers of a channel in the others.
    if (window.size < (i == 0 ? 0x1000 : 0x3000)) {
      return {"mc_window", window.size, "0x1000 bytes for stream IDs, 0x3000 for a channel"};
    }
    if (OverlapsAny(window, seen, count)) return {"mc_window", window.start, kApart};
    seen[count++] = window;
  }
  for (size_t i = 0; i < count; ++i) {
    if (OverlapsAny(seen[i], board.dram, board.dram_count)) {
      return {"dram", seen[i].start, "RAM without register windows"};
    }
    if (OverlapsAny(seen[i], board.host_mmio, board.host_mmio_count)) {
      return {"host_mmio", seen[i].start, "no window of an SMMU or the memory controller"};
    }
    bool guarded = false;
    for (size_t n = 0; n < board.el2_only_count; ++n) {
      guarded = guarded || Within(seen[i], board.el2_only[n]);
    }
    if (!guarded) {
      return {"el2_only", seen[i].start, "ranges that hold each register window and the pool"};
    }
  }
  return {};
}

}  // namespace

const BoardSpec* Boards(size_t* count) {
  *count = sizeof(kBoards) / sizeof(kBoards[0]);
  return kBoards;
}

const BoardSpec* FindBoard(const char* name) {
  for (const BoardSpec& board : kBoards) {
    if (Equal(board.name, name)) return &board;
  }
  return nullptr;
}

const BoardSpec* FindBoard(uint8_t id) {
  for (const BoardSpec& board : kBoards) {
    if (board.id == id) return &board;
  }
  return nullptr;
}

BoardSpec WithDram(const BoardSpec& board, uint64_t bytes) {
  BoardSpec out = board;
  const Range dram = {board.dram[0].start, bytes};
  const uint64_t pool = PoolSizeFor(bytes);
  for (size_t i = 0; i < out.el2_only_count; ++i) {
    Range& range = out.el2_only[i];
    if (range.start == board.pool.start) range = {dram.end() - pool, pool};
  }
  out.dram_count = 1;
  out.dram[0] = dram;
  out.pool = {dram.end() - pool, pool};
  return out;
}

namespace {

// The number of bytes behind the colon.
BoardFault ParseRam(const char* at, uint64_t* bytes) {
  uint64_t count = 0;
  const char* first = at;
  for (; *at >= '0' && *at <= '9' && at - first < 6; ++at) {
    count = count * 10 + static_cast<uint64_t>(*at - '0');
  }
  if (at == first || (*at != 'M' && *at != 'G') || at[1] != '\0') {
    return {"RAM", count, "a number and M or G, such as tegra234:8G"};
  }
  *bytes = count * (*at == 'G' ? 1024 * kMiB : kMiB);
  if (*bytes % kDramUnit != 0) return {"RAM", *bytes, "a multiple of 2 MiB"};
  if (*bytes == 0 || *bytes / kDramUnit > kMaxDramUnits) {
    return {"RAM", *bytes, "from 2 MiB to below 128 GiB"};
  }
  return {};
}

}  // namespace

BoardFault ParseBoard(const char* spelling, BoardSpec* board) {
  char name[24];
  size_t length = 0;
  while (spelling[length] != '\0' && spelling[length] != ':' && length + 1 < sizeof(name)) {
    name[length] = spelling[length];
    ++length;
  }
  name[length] = '\0';
  const BoardSpec* found = FindBoard(name);
  const char* at = spelling + length;
  if (found == nullptr || (*at != '\0' && *at != ':')) {
    return {"name", 0, "a board of `list boards`: no board is called so"};
  }
  *board = *found;
  if (*at == '\0') return {};
  uint64_t bytes = 0;
  if (const BoardFault fault = ParseRam(at + 1, &bytes)) return fault;
  *board = WithDram(*found, bytes);
  return CheckBoard(*board);
}

namespace {

// Numbers that say how much of the structure is in use, and single values.
BoardFault CheckCounts(const BoardSpec& board) {
  if (board.name == nullptr) return {"name", 0, "a string"};
  if (board.id == 0) return {"id", board.id, "from 1 to 255"};
  if (board.smmu_count == 0 || board.smmu_count > kMaxSmmus) {
    return {"smmu_count", board.smmu_count, "from 1 to 3"};
  }
  if (board.dram_count == 0 || board.dram_count > kMaxDram) {
    return {"dram_count", board.dram_count, "from 1 to 4"};
  }
  // Stream IDs are in the first window, and the second reaches all channels.
  if (board.mc_window_count < 2 || board.mc_window_count > kMaxMcWindows) {
    return {"mc_window_count", board.mc_window_count, "from 2 to 18"};
  }
  if (board.host_mmio_count > kMaxHostMmio) {
    return {"host_mmio_count", board.host_mmio_count, "at most 8"};
  }
  if (board.el2_only_count > kMaxEl2Ranges) {
    return {"el2_only_count", board.el2_only_count, "at most 32"};
  }
  if ((board.mc_security_reset & ~0x00010101u) != 0) {
    return {"mc_security_reset", board.mc_security_reset, "bits 0, 8 and 16"};
  }
  if (board.mc_override_reset > 0xff) {
    return {"mc_override_reset", board.mc_override_reset, "at most 0xff"};
  }
  if (board.sync_timeout_us == 0) return {"sync_timeout_us", 0, "at least 1"};
  if (!SoundBootStreams(board)) {
    return {"boot_stream", board.boot_stream_count,
            "at most 4, each once, 1 to 0x7d, with an entry of EL2 on its side"};
  }
  return {};
}

// RAM is the host's, apart from the pool, which EL2 guards.
BoardFault CheckMemory(const BoardSpec& board) {
  bool inside = false;
  for (size_t i = 0; i < board.dram_count; ++i) {
    const Range& dram = board.dram[i];
    if (!Sound(dram)) return {"dram", dram.start, kWholePages};
    if (OverlapsAny(dram, board.dram, i)) return {"dram", dram.start, "ranges that do not overlap"};
    if (dram.end() > kFormatBit) return {"dram", dram.end(), kBelowBit39};
    inside |= Within(board.pool, dram);
  }
  if (!Sound(board.pool) || !inside) {
    return {"pool", board.pool.start, "whole pages, within one range of RAM that has room for it"};
  }
  bool pool_guarded = false;
  for (size_t i = 0; i < board.el2_only_count; ++i) {
    const Range& range = board.el2_only[i];
    if (!Sound(range)) return {"el2_only", range.start, kWholePages};
    if (range.end() > kFormatBit) return {"el2_only", range.end(), kBelowBit39};
    pool_guarded |= Within(board.pool, range);
  }
  if (!pool_guarded) return {"el2_only", board.pool.start, "ranges that hold the pool"};
  for (size_t i = 0; i < board.host_mmio_count; ++i) {
    const Range& range = board.host_mmio[i];
    if (!Sound(range)) return {"host_mmio", range.start, kWholePages};
    if (range.end() > kFormatBit) return {"host_mmio", range.end(), kBelowBit39};
    if (OverlapsAny(range, board.el2_only, board.el2_only_count) ||
        OverlapsAny(range, board.dram, board.dram_count) ||
        OverlapsAny(range, board.host_mmio, i)) {
      return {"host_mmio", range.start, kApart};
    }
  }
  return {};
}

}  // namespace

BoardFault CheckBoard(const BoardSpec& board) {
  if (const BoardFault fault = CheckCounts(board)) return fault;
  for (size_t i = 0; i < board.smmu_count; ++i) {
    if (const BoardFault fault = CheckSmmu(board.smmu[i])) return fault;
    const bool cttw = (board.smmu[i].idr[0] >> 14 & 1) != 0;
    if (cttw != board.coherent_walk) {
      return {"coherent_walk", board.coherent_walk, "IDR0.CTTW (14) of every SMMU"};
    }
  }
  if (const BoardFault fault = CheckMemory(board)) return fault;
  if (const BoardFault fault = CheckWindows(board)) return fault;
  for (size_t i = 0; i < board.el2_only_count; ++i) {
    const Range& range = board.el2_only[i];
    if (Within(range, board.pool)) continue;
    if (OverlapsAny(range, board.dram, board.dram_count)) {
      return {"el2_only", range.start, "no RAM but the pool"};
    }
  }
  return {};
}

}  // namespace sidewall::model
