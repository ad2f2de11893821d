// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a kernel would do that wants out. Each access is one instruction, told before it is made:
//
//     sidewall: try 7 W 4 0x12000000 0x201c37 CLIENTPD on niso0
//     sidewall: got 7 done
//
// and goes to the registers from here, through /dev/mem, so that an abort ends in a signal and not
// in the kernel. The tool holds the list against what trapped.
#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <initializer_list>

#include "replay/boot/guest/guest.h"

namespace sidewall::boot {
namespace {

constexpr size_t kSmmuSize = 0x1000000;
constexpr uint64_t kNiso0 = 0x12000000;
constexpr size_t kMcSize = 0x10000;

// Global registers, and those of a context bank.
constexpr uint32_t kSCr0 = 0x0;
constexpr uint32_t kSAcr = 0x10;
constexpr uint32_t kIdr0 = 0x20;
constexpr uint32_t kNsCr0 = 0x400;
constexpr uint32_t kSmr = 0x800;
constexpr uint32_t kS2cr = 0xc00;
constexpr uint32_t kCbar = 0x10000;
constexpr uint32_t kCba2r = 0x10800;
constexpr uint32_t kBank = 0x800000;
constexpr uint32_t kSctlr = 0x0;
constexpr uint32_t kActlr = 0x4;
constexpr uint32_t kTcr2 = 0x10;
constexpr uint32_t kTtbr0 = 0x20;
constexpr uint32_t kTcr = 0x30;
constexpr uint32_t kMair0 = 0x38;

// What the kernel itself writes there; see a trace of it.
constexpr uint32_t kLinuxSCr0 = 0x00201c36;
constexpr uint32_t kLinuxTcr = 0x00802010;
constexpr uint32_t kLinuxTcr2 = 0x00038015;
constexpr uint32_t kLinuxMair0 = 0xf404ff44;
constexpr uint32_t kLinuxSctlr = 0x1067;
constexpr uint32_t kSctlrQuiet = kLinuxSctlr & ~0x40u;  // the kernel is not to hear of our faults

// An entry and a bank that the kernel does not use, and a stream that no master has.
constexpr uint32_t kSpare = 100;
constexpr uint32_t kSpareSid = kHostileSid;
constexpr uint32_t kValid = 0x80000000;
constexpr uint32_t kFault = 0x00020000;
constexpr uint32_t kFirstOfEl2 = 112;
constexpr uint32_t kLast = 127;

struct Window {
  const char* name;
  uint64_t address;
  size_t size;
  volatile uint8_t* at;
};

Window g_smmus[] = {
    {"niso1", 0x08000000, kSmmuSize, nullptr}, {"niso1m", 0x07000000, kSmmuSize, nullptr},
    {"niso0", kNiso0, kSmmuSize, nullptr},     {"niso0m", 0x11000000, kSmmuSize, nullptr},
    {"iso", 0x10000000, kSmmuSize, nullptr},
};
Window g_mc_sid = {"mc_sid", 0x02c00000, kMcSize, nullptr};
Window g_mc_broadcast = {"mc_bcast", 0x02c10000, kMcSize, nullptr};
Window g_mc_channel = {"mc_ch0", 0x02c20000, kMcSize, nullptr};

enum class Shape { kPlain, kPair, kWriteBack };

sigjmp_buf g_back;
uint64_t g_number;

void OnBusError(int) { siglongjmp(g_back, 1); }

void StoreOne(volatile uint8_t* at, unsigned width, uint64_t value) {
  if (width == 1) asm volatile("strb %w0, [%1]" : : "r"(value), "r"(at) : "memory");
  if (width == 2) asm volatile("strh %w0, [%1]" : : "r"(value), "r"(at) : "memory");
  if (width == 4) asm volatile("str %w0, [%1]" : : "r"(value), "r"(at) : "memory");
  if (width == 8) asm volatile("str %0, [%1]" : : "r"(value), "r"(at) : "memory");
}

uint64_t LoadOne(volatile uint8_t* at, unsigned width) {
  uint64_t value = 0;
  if (width == 1) asm volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  if (width == 2) asm volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  if (width == 4) asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  if (width == 8) asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return value;
}

// A pair, or an address that the instruction itself changes: the syndrome does not tell what it is.
uint64_t Odd(Shape shape, bool write, volatile uint8_t* at, uint64_t value) {
  uint64_t other = value;
  if (shape == Shape::kPair && write) {
    asm volatile("stp %w0, %w1, [%2]" : : "r"(value), "r"(other), "r"(at) : "memory");
  } else if (shape == Shape::kPair) {
    asm volatile("ldp %w0, %w1, [%2]" : "=r"(value), "=r"(other) : "r"(at) : "memory");
  } else if (write) {
    asm volatile("str %w1, [%0], #4" : "+r"(at) : "r"(value) : "memory");
  } else {
    asm volatile("ldr %w1, [%0], #4" : "+r"(at), "=r"(value) : : "memory");
  }
  return value;
}

void Try(const Window& window, uint32_t offset, bool write, unsigned width, uint64_t value,
         const char* why, Shape shape = Shape::kPlain) {
  if (window.at == nullptr) return;
  ++g_number;
  // A width of 0 says that the syndrome cannot tell it.
  Say("try %lu %c %u 0x%lx 0x%lx %s on %s", g_number, write ? 'W' : 'R',
      shape == Shape::kPlain ? width : 0, window.address + offset, value, why, window.name);
  if (sigsetjmp(g_back, 1) != 0) {
    Say("got %lu abort", g_number);
    return;
  }
  volatile uint8_t* at = window.at + offset;
  uint64_t read = 0;
  if (shape != Shape::kPlain) {
    read = Odd(shape, write, at, value);
  } else if (write) {
    StoreOne(at, width, value);
  } else {
    read = LoadOne(at, width);
  }
  if (write) {
    Say("got %lu done", g_number);
  } else {
    Say("got %lu 0x%lx", g_number, read);
  }
}

void Put(const Window& window, uint32_t offset, uint64_t value, const char* why) {
  Try(window, offset, true, 4, value, why);
}

void Map(Window* window) {
  window->at = static_cast<volatile uint8_t*>(MapPhysical(window->address, window->size));
}

uint64_t PhysicalOf(const void* at) {
  const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  uint64_t entry = 0;
  const auto offset = static_cast<off_t>(reinterpret_cast<uintptr_t>(at) / 4096 * 8);
  const bool done = fd >= 0 && pread(fd, &entry, sizeof(entry), offset) == sizeof(entry);
  if (fd >= 0) close(fd);
  return done && (entry >> 63) != 0 ? (entry & 0x7fffffffffffff) * 4096 : 0;
}

}  // namespace

Page OwnPage() {
  void* at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
  if (at == MAP_FAILED) return {};
  return {at, PhysicalOf(at)};
}

namespace {

// Stage-1 tables of our own, which map every address of RAM to itself: two pages, one with a link
// and one with blocks of 1 GiB. Returns the address of the root, 0 when it cannot be had.
uint64_t IdentityTables() {
  void* pages = mmap(nullptr, 8192, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
  if (pages == MAP_FAILED) return 0;
  auto* root = static_cast<volatile uint64_t*>(pages);
  volatile uint64_t* blocks = root + 512;
  const uint64_t root_at = PhysicalOf(pages);
  const uint64_t blocks_at = PhysicalOf(static_cast<uint8_t*>(pages) + 4096);
  if (root_at == 0 || blocks_at == 0) return 0;
  for (uint64_t i = 0; i < 4; ++i) blocks[i] = i << 30 | 0x741;
  root[0] = blocks_at | 3;
  return root_at;
}

// ---- Bytes, moved by the GPCDMA engine on a stream and tables of our own.

// Words that are copied.
constexpr uint32_t kWords = 16;
volatile uint32_t* g_engine;
struct Buffer {
  volatile uint32_t* words = nullptr;
  uint64_t address = 0;
};
Buffer g_from;
Buffer g_to;

// Pages that the first instance of a pair carries, whose registers have been attacked by then: odd
// pages go through the second. The marked page is an even one.
void MakePages() {
  constexpr size_t kPages = 16;
  void* at = mmap(nullptr, kPages * 4096, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
  if (at == MAP_FAILED) return;
  for (size_t i = 0; i < kPages; ++i) {
    uint8_t* page = static_cast<uint8_t*>(at) + i * 4096;
    const uint64_t address = PhysicalOf(page);
    if (address == 0 || address / 4096 % 2 != 0) continue;
    Buffer& wanted = g_from.address == 0 ? g_from : g_to;
    wanted = {reinterpret_cast<volatile uint32_t*>(page), address};
  }
  for (uint32_t i = 0; i < 1024 && g_from.words != nullptr; ++i) g_from.words[i] = 0xa5000000 + i;
  g_engine = static_cast<volatile uint32_t*>(MapPhysical(kGpcdma, kGpcdmaSize));
}

// Copies from an address to our page; true when the engine says that it is done.
bool Copy(uint64_t from) {
  volatile uint32_t* channel = g_engine + 0x60000 / 4;
  channel[0x04 / 4] = ~0u;
  channel[0x30 / 4] = ~0u;
  channel[0x20 / 4] = kWords - 1;
  channel[0x0c / 4] = static_cast<uint32_t>(from);
  channel[0x10 / 4] = static_cast<uint32_t>(g_to.address);
  channel[0x14 / 4] = 0;
  channel[0x18 / 4] = kSpareSid | kSpareSid << 7;
  channel[0x00 / 4] = 0x80800000;
  return (channel[0x04 / 4] >> 30 & 1) != 0 && channel[0x30 / 4] == 0;
}

void MoveBytes() {
  MakePages();
  if (g_engine == nullptr || g_from.address == 0 || g_to.address == 0) {
    Say("dma: no engine, or no pages");
    return;
  }
  const bool copied = Copy(g_from.address) && g_to.words[0] == g_from.words[0] &&
                      g_to.words[kWords - 1] == g_from.words[kWords - 1];
  Say("dma: the control %s", copied ? "was copied" : "was not copied");
  for (uint32_t i = 0; i < kWords; ++i) g_to.words[i] = 0;
  bool came = Copy(ReadBench(kBenchSecret));
  for (uint32_t i = 0; i < kWords; ++i) came = came || g_to.words[i] != 0;
  Say("dma: the marked page %s", came ? "came" : "stayed");
}

// ---- The list.

void AttackGlobal(const Window& smmu) {
  Put(smmu, kSCr0, kLinuxSCr0 | 1, "CLIENTPD");
  Put(smmu, kSCr0, kLinuxSCr0 & ~0x400u, "USFCFG 0");
  Put(smmu, kSCr0, kLinuxSCr0 & ~0x200000u, "SMCFCFG 0");
  Put(smmu, kSCr0, kLinuxSCr0 | 0xc0000008, "VMID16EN, HYPMODE, EXIDENABLE");
  Put(smmu, kSAcr, 0xffffffff, "sACR");
  Put(smmu, kNsCr0, 1, "the secure alias of sCR0");
  Put(smmu, kIdr0, 0, "an identification register");
  Put(smmu, kSCr0, kLinuxSCr0, "sCR0 as it was");
}

void AttackStreams(const Window& smmu) {
  const uint32_t s2cr = kS2cr + 4 * kSpare;
  const uint32_t smr = kSmr + 4 * kSpare;
  Put(smmu, s2cr, 0x00010000, "S2CR bypass");
  Put(smmu, smr, kValid | kSpareSid, "SMR of a stream in bypass");
  Put(smmu, smr, kValid | 0x7fff0000, "SMR that matches every stream");
  Put(smmu, smr, 0xff80007e, "SMR of the quarantine");
  Put(smmu, smr, 0xff80007f, "SMR of the passthrough stream");
  Put(smmu, smr, kValid | kSpareSid, "SMR of one stream");
  Put(smmu, s2cr, 0x00030000, "S2CR of the reserved type");
  Put(smmu, s2cr, kFirstOfEl2, "S2CR that names a bank of EL2");
  Put(smmu, s2cr, kLast - 1, "S2CR that names the host's stage 2");
  Put(smmu, kS2cr + 4 * kLast, 0x00010000, "S2CR of EL2");
  Put(smmu, kSmr + 4 * kLast, kValid | kSpareSid, "SMR of EL2");
}

void AttackBank(const Window& smmu, uint64_t tables) {
  const uint32_t bank = kBank + (kSpare << 16);
  const uint32_t cbar = kCbar + 4 * kSpare;
  Put(smmu, kS2cr + 4 * kSpare, kFault, "S2CR fault");
  Put(smmu, kCba2r + 4 * kSpare, 1, "CBA2R");
  Put(smmu, cbar, 0x0001f300, "CBAR stage 1 only");
  Put(smmu, bank + kTcr2, kLinuxTcr2, "TCR2");
  Put(smmu, bank + kTcr, kLinuxTcr, "TCR");
  Try(smmu, bank + kTtbr0, true, 8, tables, "TTBR0 of identity tables");
  Put(smmu, bank + kMair0, kLinuxMair0, "MAIR0");
  Put(smmu, bank + kSctlr, kSctlrQuiet, "SCTLR on");
  Put(smmu, kS2cr + 4 * kSpare, kSpare, "S2CR to a context of identity tables");
  if (smmu.address == kNiso0) {
    Put(smmu, kSmr + 4 * kLast, 0, "SMR of EL2 off");
    Put(smmu, kSmr + 4 * kSpare, kValid | kSpareSid, "SMR of the stream of the transfers");
    MoveBytes();
  }
  Put(smmu, bank + kActlr, 0xffffffff, "ACTLR");
  Put(smmu, bank + kSctlr, kSctlrQuiet & ~1u, "SCTLR.M 0");
  Put(smmu, bank + kSctlr, kSctlrQuiet, "SCTLR.M 1");
  Put(smmu, cbar, 0, "CBAR stage 2 of our own");
  Put(smmu, cbar, 0x00030000 | (kLast - 1) << 8, "CBAR nested over the host's stage 2");
  Put(smmu, cbar, 0x00030000 | kSpare << 8, "CBAR nested over itself");
  Put(smmu, kCba2r + 4 * kSpare, 0, "CBA2R AArch32");
  const uint32_t foreign = kBank + ((kLast - 1) << 16);
  Try(smmu, foreign + kTtbr0, true, 8, tables, "TTBR0 of the host's stage 2");
  Put(smmu, foreign + kSctlr, 0, "SCTLR of the host's stage 2");
  Put(smmu, kCbar + 4 * (kLast - 1), 0x0001f300, "CBAR of the host's stage 2");
}

void AttackWidths(const Window& smmu) {
  Try(smmu, kSCr0, true, 1, 0x37, "8 bits of sCR0");
  Try(smmu, kSCr0, true, 2, 0x1837, "16 bits of sCR0");
  Try(smmu, kSCr0, true, 8, kLinuxSCr0 | 1, "64 bits at sCR0");
  Try(smmu, kSmr + 4 * kSpare, true, 8, 0xffff00008000007f, "64 bits at SMR");
  Try(smmu, kIdr0, false, 1, 0, "8 bits of IDR0");
  Try(smmu, kSCr0, false, 8, 0, "64 bits at sCR0");
  Try(smmu, kSCr0, true, 4, kLinuxSCr0 | 1, "a store pair", Shape::kPair);
  Try(smmu, kSmr, false, 4, 0, "a load pair", Shape::kPair);
  Try(smmu, kSCr0, true, 4, kLinuxSCr0 | 1, "a store with write-back", Shape::kWriteBack);
  Try(smmu, kSCr0, false, 4, 0, "a load with write-back", Shape::kWriteBack);
}

void CleanUp(const Window& smmu) {
  Put(smmu, kSmr + 4 * kSpare, 0, "SMR off");
  Put(smmu, kSmr + 4 * kSpare + 4, 0, "the SMR after it off");
  Put(smmu, kSmr + 4 * kLast, 0, "SMR of EL2 off");
  Put(smmu, kS2cr + 4 * kLast, kFault, "S2CR of EL2 fault");
  Put(smmu, kS2cr + 4 * kSpare, kFault, "S2CR fault");
  Put(smmu, kBank + (kSpare << 16) + kSctlr, 0, "SCTLR off");
  Put(smmu, kSCr0, kLinuxSCr0, "sCR0 as it was");
}

void AttackMemoryController() {
  constexpr uint32_t kMgbe = 0x2c0;  // OVERRIDE of a client of MGBE 0; its SECURITY follows
  Put(g_mc_sid, kMgbe, 0x04, "OVERRIDE to the stream of another device");
  Put(g_mc_sid, kMgbe, 0x7f, "OVERRIDE to the stream that passes by");
  Put(g_mc_sid, kMgbe, 0x00, "OVERRIDE to no stream");
  Put(g_mc_sid, kMgbe, 0x106, "OVERRIDE with a bit above the stream");
  Put(g_mc_sid, kMgbe + 4, 0x0, "SECURITY without the override");
  Put(g_mc_sid, kMgbe + 4, 0x101, "SECURITY non-secure");
  Put(g_mc_sid, kMgbe + 4, 0x10100, "SECURITY locked");
  Put(g_mc_sid, 0x0, 0x7f, "OVERRIDE of the walker itself");
  Put(g_mc_sid, 0x1000, 0x7f, "an offset of no client");
  Try(g_mc_sid, kMgbe, true, 8, 0x7f, "64 bits over OVERRIDE and SECURITY");
  Try(g_mc_sid, kMgbe, true, 1, 0x7f, "8 bits of OVERRIDE");
  Try(g_mc_sid, kMgbe, true, 2, 0x7f, "16 bits of OVERRIDE");
  Try(g_mc_sid, kMgbe, true, 4, 0x7f, "a store pair", Shape::kPair);
  Try(g_mc_sid, kMgbe, true, 4, 0x7f, "a store with write-back", Shape::kWriteBack);
  Put(g_mc_broadcast, 0x1820, 0, "the bypass mode of all channels");
  Put(g_mc_channel, 0x1820, 0, "the bypass mode of one channel");
  Put(g_mc_sid, kMgbe, 0x06, "OVERRIDE as it was");
  Put(g_mc_sid, kMgbe + 4, 0x101, "SECURITY as it was");
}

}  // namespace

void Hostile() {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = OnBusError;
  sigaction(SIGBUS, &action, nullptr);
  sigaction(SIGSEGV, &action, nullptr);
  for (Window& smmu : g_smmus) Map(&smmu);
  for (Window* window : {&g_mc_sid, &g_mc_broadcast, &g_mc_channel}) Map(window);
  const uint64_t tables = IdentityTables();
  if (tables == 0) Say("no identity tables");
  Mark(kMarkHostile);
  for (const Window& smmu : g_smmus) {
    AttackGlobal(smmu);
    AttackStreams(smmu);
    AttackBank(smmu, tables);
    AttackWidths(smmu);
    CleanUp(smmu);
  }
  AttackMemoryController();
  AttackQueue();
  WriteBench(kBenchAttempts, g_number);
  Mark(kMarkHostileDone);
  Say("attempts %lu", g_number);
}

}  // namespace sidewall::boot
