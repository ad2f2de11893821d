// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The vocabulary of the whole system: one closed list of typed events. Fuzzers, text programs,
// traces and unit tests all speak it. A program is a list of these records:
//
//     host.write32 niso0 S2CR[5] type=bypass
//     dma client=mgbeard addr=0x80001000 read -> fault
//
// A record has one fixed layout for every kind; kEventSpecs says what the arguments of a kind
// mean and how text spells them. Numbers of kinds are never changed and never reused.
#ifndef SIDEWALL_MODEL_EVENT_H_
#define SIDEWALL_MODEL_EVENT_H_

#include <stddef.h>
#include <stdint.h>

namespace sidewall {

enum class EventKind : uint8_t {
  kNone = 0,
  // The host kernel at EL1.
  kHostRead = 1,
  kHostWrite = 2,
  kHostAbort = 3,
  kHostStore64 = 4,
  // Devices.
  kDma = 5,
  kDmaStream = 6,
  // The hypervisor's core: ownership of memory.
  kHypDonate = 7,
  kHypReclaim = 8,
  kHypShare = 9,
  kHypUnshare = 10,
  // Hardware.
  kHwFault = 11,
  kHwSync = 12,
  kHwReadFail = 13,
  kHwPowerLoss = 14,
  // Boot. A program without these runs on a board that is up.
  kBootInit = 15,
  kBootFinalize = 16,
  kMark = 17,
  kHwContrary = 18,  // no campaign draws it: see docs/assumptions.md
  // Host calls.
  kHvcAllocDomain = 20,
  kHvcFreeDomain = 21,
  kHvcAttachDev = 22,
  kHvcDetachDev = 23,
  kHvcMapPages = 24,
  kHvcUnmapPages = 25,
  kHvcIovaToPhys = 26,
  kHvcIotlbSync = 27,
  kHvcIotlbSyncMap = 28,
  kHvcSetIdentity = 29,
  kHvcDevBlockDma = 30,
  kHvcGetIommuToken = 31,
  kHvcMcRegisterSid = 32,
  kHvcStats = 33,
  // VM life, called by the hypervisor's core.
  kVmCreate = 40,
  kVmRouteAdd = 41,
  kVmFinalize = 42,
  kVmDestroy = 43,
  kVmAssign = 44,
  kVmUnassign = 45,
  kPoolAdd = 46,
  kPoolReclaim = 47,
  // Guest calls (pvIOMMU).
  kGuestAttach = 50,
  kGuestDetach = 51,
  kGuestAlloc = 52,
  kGuestFree = 53,
  kGuestMap = 54,
  kGuestUnmap = 55,
  // Power, interrupts, time.
  kPowerSuspend = 60,
  kPowerResume = 61,
  kPowerOff = 62,
  kPowerOn = 63,
  kIrqFault = 64,
  kTick = 65,
};

// What a program says the event must give (`-> ok`); kNone says nothing.
enum class Expect : uint8_t {
  kNone = 0,
  kOk = 1,     // dma: delivered; a call: OK
  kFault = 2,  // dma: not delivered; a trapped access: the host gets an abort
  kRefused = 3,
  kDegraded = 4,
  kValue = 5,  // ok, with arg[5] as the value read, or the physical address of a dma
};

inline constexpr size_t kEventArgs = 6;

struct Event {
  EventKind kind = EventKind::kNone;
  uint8_t cpu = 0;
  uint16_t fail_nth = 0;  // n > 0: the n-th allocation inside this event fails
  Expect expect = Expect::kNone;
  uint8_t reserved[3] = {};
  uint64_t arg[kEventArgs] = {};
};
static_assert(sizeof(Event) == 56, "the record is part of the binary format");

// How text spells an argument and what range it has.
enum class ArgType : uint8_t {
  kUnused,
  kWindow,    // positional: niso1 niso1m niso0 niso0m iso mc_sid mc_bcast mc_ch0..mc_ch15
  kRegister,  // positional: a register name with index (S2CR[5], CB[3].SCTLR) or +0xoffset
  kWidth,     // bytes; text puts it into the verb: host.write32
  kRegValue,  // positional: number, or field=value ... of the register named before it
  kSrt,       // reg=x0..x30 or reg=xzr: the register that the trapped instruction uses
  kNumber,    // name=0x..
  kPa,        // name=0x..
  kPages,     // pages=PA+COUNT, spans this argument and the next
  kCount,     // the second half of kPages
  kOwner,     // to=host, from=guest0, with=el2
  kClient,    // client=mgbeard, or a number
  kSide,      // stream=niso0:0x4, spans this argument and the next
  kSid,       // the second half of kSide
  kDmaFlags,  // read | write [priv] [inst] [late] [own=0xSID]
  kInstance,  // instance=0|1; 255, the default: the hardware chooses
  kIommu,     // iommu=niso0: a logical SMMU by side
};

struct ArgSpec {
  const char* name;
  ArgType type;
  uint64_t default_value;
};

struct EventSpec {
  EventKind kind;
  const char* name;
  ArgSpec arg[kEventArgs];
};

// kDma and kDmaStream, flags argument.
inline constexpr uint64_t kDmaWrite = 1;
inline constexpr uint64_t kDmaPrivileged = 2;
inline constexpr uint64_t kDmaInstruction = 4;
inline constexpr uint64_t kDmaLate = 8;          // its end is still under way: see Machine
inline constexpr unsigned kDmaOwnSidShift = 16;  // SID that the device drives itself, 15 bits
inline constexpr uint64_t kDmaAnyInstance = 255;

// kHwSync, mode argument.
inline constexpr uint64_t kSyncImmediate = 0;  // the default
inline constexpr uint64_t kSyncSlow = 1;       // completes after `polls` reads of the status
inline constexpr uint64_t kSyncNever = 2;
inline constexpr uint64_t kSyncDrawn = 3;  // each sync takes a choice: polls, or 255 for never

// kHwFault, bank argument: a global fault.
inline constexpr uint64_t kGlobalFault = 0xffff;

// kBootInit, state argument: what the hardware looks like when init is called.
inline constexpr uint64_t kBootReset = 0;      // the reset values
inline constexpr uint64_t kBootArbitrary = 1;  // drawn from the hardware-choice section
inline constexpr uint64_t kBootOdd = 2;        // the same of odd hardware, which is drawn first

// The windows of a trapped access. A pair is the two instances of one logical SMMU.
enum class Window : uint8_t {
  kNiso1 = 0,
  kNiso1Mirror = 1,
  kNiso0 = 2,
  kNiso0Mirror = 3,
  kIso = 4,
  kMcSid = 5,
  kMcBroadcast = 6,
  kMcChannel0 = 7,  // to 22: mc_ch15
};
inline constexpr uint8_t kSmmuWindows = 5;
inline constexpr uint8_t kWindowCount = 23;

#define SIDEWALL_NO_ARG {nullptr, ArgType::kUnused, 0}

inline constexpr EventSpec kEventSpecs[] = {
    {EventKind::kHostRead,
     "host.read",
     {{"window", ArgType::kWindow, 0},
      {"offset", ArgType::kRegister, 0},
      {"width", ArgType::kWidth, 4},
      SIDEWALL_NO_ARG,
      {"reg", ArgType::kSrt, 0},
      SIDEWALL_NO_ARG}},
    {EventKind::kHostWrite,
     "host.write",
     {{"window", ArgType::kWindow, 0},
      {"offset", ArgType::kRegister, 0},
      {"width", ArgType::kWidth, 4},
      {"value", ArgType::kRegValue, 0},
      {"reg", ArgType::kSrt, 0},
      SIDEWALL_NO_ARG}},
    {EventKind::kHostAbort,
     "host.abort",
     {{"ipa", ArgType::kPa, 0},
      {"esr", ArgType::kNumber, 0},
      {"value", ArgType::kNumber, 0},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kHostStore64,
     "host.store64",
     {{"pa", ArgType::kPa, 0},
      {"value", ArgType::kNumber, 0},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kDma,
     "dma",
     {{"client", ArgType::kClient, 0},
      {"addr", ArgType::kPa, 0},
      {"access", ArgType::kDmaFlags, 0},
      {"len", ArgType::kNumber, 8},
      {"instance", ArgType::kInstance, kDmaAnyInstance},
      SIDEWALL_NO_ARG}},
    {EventKind::kDmaStream,
     "dma.stream",
     {{"stream", ArgType::kSide, 0},
      {"sid", ArgType::kSid, 0},
      {"addr", ArgType::kPa, 0},
      {"access", ArgType::kDmaFlags, 0},
      {"instance", ArgType::kInstance, kDmaAnyInstance},
      SIDEWALL_NO_ARG}},
    {EventKind::kHypDonate,
     "hyp.donate",
     {{"pages", ArgType::kPages, 0},
      {"count", ArgType::kCount, 1},
      {"to", ArgType::kOwner, 2},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kHypReclaim,
     "hyp.reclaim",
     {{"pages", ArgType::kPages, 0},
      {"count", ArgType::kCount, 1},
      {"from", ArgType::kOwner, 2},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kHypShare,
     "hyp.share",
     {{"pages", ArgType::kPages, 0},
      {"count", ArgType::kCount, 1},
      {"with", ArgType::kOwner, 2},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kHypUnshare,
     "hyp.unshare",
     {{"pages", ArgType::kPages, 0},
      {"count", ArgType::kCount, 1},
      {"with", ArgType::kOwner, 2},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kHwFault,
     "hw.fault",
     {{"window", ArgType::kWindow, 0},
      {"bank", ArgType::kNumber, kGlobalFault},
      {"fsr", ArgType::kNumber, 2},
      {"fsynr0", ArgType::kNumber, 0},
      {"far", ArgType::kNumber, 0},
      {"sid", ArgType::kNumber, 0}}},
    {EventKind::kHwSync,
     "hw.sync",
     {{"window", ArgType::kWindow, 0},
      {"mode", ArgType::kNumber, 0},
      {"polls", ArgType::kNumber, 0},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kHwReadFail,
     "hw.readfail",
     {{"window", ArgType::kWindow, 0},
      {"reads", ArgType::kNumber, 1},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kHwPowerLoss,
     "hw.powerloss",
     {{"iommu", ArgType::kIommu, 0},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kHwContrary,
     "hw.contrary",
     {{"assumption", ArgType::kNumber, 0},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kBootInit,
     "boot.init",
     {{"state", ArgType::kNumber, 0},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kBootFinalize,
     "boot.finalize",
     {SIDEWALL_NO_ARG, SIDEWALL_NO_ARG, SIDEWALL_NO_ARG, SIDEWALL_NO_ARG, SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
    {EventKind::kMark,
     "mark",
     {{"value", ArgType::kNumber, 0},
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG,
      SIDEWALL_NO_ARG}},
#define SIDEWALL_N(text) {text, ArgType::kNumber, 0}
#define SIDEWALL_CALL(kind, text, a, b, c, d, e, f) \
  {                                                 \
    EventKind::kind, text, { a, b, c, d, e, f }     \
  }
#define SIDEWALL_0 SIDEWALL_NO_ARG
#define SIDEWALL_U {"iommu", ArgType::kIommu, 0}
    SIDEWALL_CALL(kHvcAllocDomain, "hvc.alloc_domain", SIDEWALL_N("domain"), SIDEWALL_N("type"),
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcFreeDomain, "hvc.free_domain", SIDEWALL_N("domain"), SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcAttachDev, "hvc.attach_dev", SIDEWALL_U, SIDEWALL_N("domain"),
                  SIDEWALL_N("sid"), SIDEWALL_N("pasid"), SIDEWALL_N("flags"), SIDEWALL_0),
    SIDEWALL_CALL(kHvcDetachDev, "hvc.detach_dev", SIDEWALL_U, SIDEWALL_N("domain"),
                  SIDEWALL_N("sid"), SIDEWALL_N("pasid"), SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcMapPages, "hvc.map_pages", SIDEWALL_N("domain"), SIDEWALL_N("iova"),
                  SIDEWALL_N("pa"), SIDEWALL_N("size"), SIDEWALL_N("npages"), SIDEWALL_N("prot")),
    SIDEWALL_CALL(kHvcUnmapPages, "hvc.unmap_pages", SIDEWALL_N("domain"), SIDEWALL_N("iova"),
                  SIDEWALL_N("size"), SIDEWALL_N("npages"), SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcIovaToPhys, "hvc.iova_to_phys", SIDEWALL_N("domain"), SIDEWALL_N("iova"),
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcIotlbSync, "hvc.iotlb_sync", SIDEWALL_N("domain"), SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcIotlbSyncMap, "hvc.iotlb_sync_map", SIDEWALL_N("domain"), SIDEWALL_N("iova"),
                  SIDEWALL_N("size"), SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcSetIdentity, "hvc.set_identity", SIDEWALL_U, SIDEWALL_N("sid"),
                  SIDEWALL_N("on"), SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcDevBlockDma, "hvc.dev_block_dma", SIDEWALL_U, SIDEWALL_N("sid"),
                  SIDEWALL_N("to_guest"), SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcGetIommuToken, "hvc.get_iommu_token", SIDEWALL_U, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcMcRegisterSid, "hvc.mc_register_sid", SIDEWALL_N("mcclient"), SIDEWALL_U,
                  SIDEWALL_N("sid"), SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kHvcStats, "hvc.stats", SIDEWALL_0, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kVmCreate, "vm.create", SIDEWALL_N("vm"), SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kVmRouteAdd, "vm.route_add", SIDEWALL_N("vm"), SIDEWALL_N("pviommu"),
                  SIDEWALL_N("vsid"), SIDEWALL_U, SIDEWALL_N("sid"), SIDEWALL_0),
    SIDEWALL_CALL(kVmFinalize, "vm.finalize", SIDEWALL_N("vm"), SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kVmDestroy, "vm.destroy", SIDEWALL_N("vm"), SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kVmAssign, "vm.assign", SIDEWALL_N("vm"), SIDEWALL_U, SIDEWALL_N("sid"),
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kVmUnassign, "vm.unassign", SIDEWALL_N("vm"), SIDEWALL_U, SIDEWALL_N("sid"),
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kPoolAdd, "pool.add", SIDEWALL_N("pool"), SIDEWALL_N("npages"), SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kPoolReclaim, "pool.reclaim", SIDEWALL_N("pool"), SIDEWALL_N("npages"),
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kGuestAttach, "guest.attach", SIDEWALL_N("vm"), SIDEWALL_N("pviommu"),
                  SIDEWALL_N("vsid"), SIDEWALL_N("domain"), SIDEWALL_N("pasid"), SIDEWALL_0),
    SIDEWALL_CALL(kGuestDetach, "guest.detach", SIDEWALL_N("vm"), SIDEWALL_N("pviommu"),
                  SIDEWALL_N("vsid"), SIDEWALL_N("domain"), SIDEWALL_N("pasid"), SIDEWALL_0),
    SIDEWALL_CALL(kGuestAlloc, "guest.alloc", SIDEWALL_N("vm"), SIDEWALL_N("pviommu"), SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kGuestFree, "guest.free", SIDEWALL_N("vm"), SIDEWALL_N("domain"), SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kGuestMap, "guest.map", SIDEWALL_N("vm"), SIDEWALL_N("domain"),
                  SIDEWALL_N("iova"), SIDEWALL_N("ipa"), SIDEWALL_N("size"), SIDEWALL_N("prot")),
    SIDEWALL_CALL(kGuestUnmap, "guest.unmap", SIDEWALL_N("vm"), SIDEWALL_N("domain"),
                  SIDEWALL_N("iova"), SIDEWALL_N("size"), SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kPowerSuspend, "power.suspend", SIDEWALL_U, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kPowerResume, "power.resume", SIDEWALL_U, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kPowerOff, "power.off", SIDEWALL_U, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kPowerOn, "power.on", SIDEWALL_U, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0),
    SIDEWALL_CALL(kIrqFault, "irq.fault", SIDEWALL_U, SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
    SIDEWALL_CALL(kTick, "tick", SIDEWALL_N("now_us"), SIDEWALL_0, SIDEWALL_0, SIDEWALL_0,
                  SIDEWALL_0, SIDEWALL_0),
#undef SIDEWALL_N
#undef SIDEWALL_CALL
#undef SIDEWALL_0
#undef SIDEWALL_U
};
#undef SIDEWALL_NO_ARG

inline constexpr size_t kEventSpecCount = sizeof(kEventSpecs) / sizeof(kEventSpecs[0]);

constexpr const EventSpec* FindEventSpec(EventKind kind) {
  for (const EventSpec& spec : kEventSpecs) {
    if (spec.kind == kind) return &spec;
  }
  return nullptr;
}

}  // namespace sidewall

#endif  // SIDEWALL_MODEL_EVENT_H_
