// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/engine_unicorn.h"

#include <fmt/format.h>
#include <unicorn/unicorn.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <vector>

namespace sidewall::replay {
namespace {

constexpr uint64_t kPage = 4096;
// Where things lie in the address space of the image; all far apart, nothing else is mapped.
constexpr uint64_t kStateAddress = 0x20000000;
constexpr uint64_t kStackAddress = 0x30000000;
constexpr uint64_t kStackSize = 0x10000;
constexpr uint64_t kArgumentAddress = 0x40000000;
constexpr uint64_t kArgumentSize = 0x4000;
constexpr uint64_t kPoolAddress = 0x100000000;
// The cookie of the waist. The driver must hand it back unchanged, and never look behind it.
constexpr uint64_t kCookie = 0x51de3a11c00c1e00;
constexpr uint32_t kRet = 0xd65f03c0;
constexpr uint32_t kSlotSize = 16;

// What the driver asks of its platform, in the order of the switch in Serve.
enum class Service : uint8_t {
  kRead32,
  kRead64,
  kWrite32,
  kWrite64,
  kTableWrite64,
  kTableZero,
  kTablePtr,
  kBarrier,
  kCleanPoc,
  kPageAlloc,
  kPageFree,
  kUnuseDma,
  kLock,
  kUnlock,
  kCpuId,
  kRelax,
  kTimeUs,
  kNotify,
  kLog,
  kPanic,
  kCount,
};
constexpr std::array<const char*, static_cast<size_t>(Service::kCount)> kServiceNames = {
    "read32",  "read64",    "write32",    "write64",   "table_write64", "table_zero", "table_ptr",
    "barrier", "clean_poc", "page_alloc", "page_free", "unuse_dma",     "lock",       "unlock",
    "cpu_id",  "relax",     "time_us",    "notify",    "log",           "panic",
};

std::string& ImagePath() {
  static std::string path;
  return path;
}

// What was set, else what the environment names, else what this build made.
std::string FindImage() {
  if (!ImagePath().empty()) return ImagePath();
  const char* path = std::getenv("SIDEWALL_EL2_IMAGE");
  return path != nullptr ? path : SIDEWALL_EL2_IMAGE;
}

// Page-aligned memory that lives on both sides.
struct Region {
  uint64_t address = 0;
  std::vector<uint8_t> bytes;
};

void Check(uc_err code, const char* what) {
  if (code != UC_ERR_OK) throw EngineError(fmt::format("Unicorn: {}: {}", what, uc_strerror(code)));
}

}  // namespace

struct UnicornEngine::Impl {
  explicit Impl(Platform& p) : platform(p), image(El2Image::Load(FindImage())) {
    Check(uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &uc), "open");
    try {
      MapMemory();
      MapTrapPage();
      FindEntries();
    } catch (...) {
      uc_close(uc);
      throw;
    }
  }
  ~Impl() { uc_close(uc); }

  void Map(uint64_t address, void* bytes, size_t size, uint32_t prot) {
    Check(uc_mem_map_ptr(uc, address, size, prot, bytes), "map");
  }

  void MapMemory() {
    for (const El2Image::Segment& segment : image.segments()) {
      segments.push_back({segment.address, segment.bytes});
      Map(segment.address, segments.back().bytes.data(), segment.bytes.size(), segment.prot);
    }
    for (auto [region, address, size] :
         {std::tuple(&state, kStateAddress, uint64_t{SIDEWALL_STATE_SIZE}),
          std::tuple(&stack, kStackAddress, kStackSize),
          std::tuple(&arguments, kArgumentAddress, kArgumentSize)}) {
      region->address = address;
      region->bytes.resize(size);
      Map(address, region->bytes.data(), size, UC_PROT_READ | UC_PROT_WRITE);
    }
    // Unicorn writes nothing through a mapping without write permission.
    void* pool = const_cast<uint64_t*>(platform.pool_view());
    if (platform.pool_size() != 0) Map(kPoolAddress, pool, platform.pool_size(), UC_PROT_READ);
  }

  void MapTrapPage() {
    trap_address = image.Address("sidewall_plat_read32") & ~(kPage - 1);
    trap.address = trap_address;
    trap.bytes.resize(kPage);
    for (size_t i = 0; i < kPage; i += sizeof(kRet)) memcpy(&trap.bytes[i], &kRet, sizeof(kRet));
    Map(trap_address, trap.bytes.data(), kPage, UC_PROT_READ | UC_PROT_EXEC);
    stop_address = trap_address + kPage - kSlotSize;
    for (size_t i = 0; i < kServiceNames.size(); ++i) {
      const std::string name = std::string("sidewall_plat_") + kServiceNames[i];
      const uint64_t offset = image.Address(name) - trap_address;
      if (offset >= kPage - kSlotSize || offset % kSlotSize != 0) {
        throw EngineError(name + " is not in the trap page: the image was linked in another way");
      }
      service_at[offset / kSlotSize] = static_cast<Service>(i);
    }
    uc_hook hook = 0;
    Check(uc_hook_add(uc, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(&Impl::OnTrap), this,
                      trap_address, stop_address - 1),
          "hook");
    Check(uc_hook_add(uc, &hook, UC_HOOK_MEM_INVALID, reinterpret_cast<void*>(&Impl::OnStray), this,
                      1, 0),
          "hook");
  }

  void FindEntries() {
    const auto add = [this](CallId id, const char* symbol) {
      entries[static_cast<size_t>(id)] = image.Address(std::string("sidewall_") + symbol);
    };
    add(CallId::kInit, "init");
    add(CallId::kHandleDabt, "handle_dabt");
    add(CallId::kStats, "stats");
    add(CallId::kRingRead, "ring_read");
#define SIDEWALL_ENTRY(id, symbol, count) add(CallId::id, #symbol);
    SIDEWALL_CALLS(SIDEWALL_ENTRY)
#undef SIDEWALL_ENTRY
  }

  uint64_t X(int n) const {
    uint64_t value = 0;
    uc_reg_read(uc, UC_ARM64_REG_X0 + n, &value);
    return value;
  }
  void SetX(int n, uint64_t value) { uc_reg_write(uc, UC_ARM64_REG_X0 + n, &value); }

  // The bytes behind an address that the driver passes to its platform.
  void* Pointer(uint64_t address, size_t size) {
    for (Region* region : {&stack, &state, &arguments}) {
      if (address >= region->address && address - region->address <= region->bytes.size() - size) {
        return region->bytes.data() + (address - region->address);
      }
    }
    throw EngineError(
        fmt::format("the driver passes the address {:#x}, which is not its own", address));
  }

  uint64_t TablePtr(uint64_t pa) const {
    if (pa < platform.pool_start() || pa - platform.pool_start() >= platform.pool_size()) return 0;
    return kPoolAddress + (pa - platform.pool_start());
  }

  template <typename T>
  uint64_t Read(bool (Platform::*read)(uint64_t, T*)) {
    T value = 0;
    void* target = Pointer(X(2), sizeof(T));
    if (!(platform.*read)(X(1), &value)) return static_cast<uint32_t>(-1);
    memcpy(target, &value, sizeof(T));
    return 0;
  }

  // Performs one service and returns what goes into x0.
  uint64_t Serve(Service service) {
    switch (service) {
      case Service::kRead32:
        return Read<uint32_t>(&Platform::Read32);
      case Service::kRead64:
        return Read<uint64_t>(&Platform::Read64);
      case Service::kWrite32:
        platform.Write32(X(1), static_cast<uint32_t>(X(2)));
        return 0;
      case Service::kWrite64:
        platform.Write64(X(1), X(2));
        return 0;
      case Service::kTableWrite64:
        platform.TableWrite64(X(1), X(2));
        return 0;
      case Service::kTableZero:
        platform.TableZero(X(1));
        return 0;
      case Service::kTablePtr:
        return TablePtr(X(1));
      case Service::kBarrier:
        platform.Barrier();
        return 0;
      case Service::kCleanPoc:
        platform.CleanPoc(X(1), X(2));
        return 0;
      default:
        return ServeRest(service);
    }
  }

  uint64_t ServeRest(Service service) {
    const auto word = static_cast<uint32_t>(X(1));
    switch (service) {
      case Service::kPageAlloc:
        return platform.PageAlloc(word);
      case Service::kPageFree:
        platform.PageFree(word, X(2));
        return 0;
      case Service::kUnuseDma:
        platform.UnuseDma(X(1), X(2));
        return 0;
      case Service::kLock:
        platform.Lock(word);
        return 0;
      case Service::kUnlock:
        platform.Unlock(word);
        return 0;
      case Service::kCpuId:
        return platform.CpuId();
      case Service::kRelax:
        platform.Relax();
        return 0;
      case Service::kTimeUs:
        return platform.TimeUs();
      case Service::kNotify: {
        sidewall_fault fault;
        memcpy(&fault, Pointer(X(2), sizeof(fault)), sizeof(fault));
        platform.Notify(word, fault);
        return 0;
      }
      case Service::kLog:
        platform.Log(word, X(2), X(3));
        return 0;
      case Service::kPanic:
        panicked = true;
        panic_line = word;
        uc_emu_stop(uc);
        return 0;
      default:
        throw EngineError("the driver calls an address between the platform's functions");
    }
  }

  // Nothing may be thrown through Unicorn's own frames: what a service throws waits in `thrown`
  // until emulation has stopped.
  static void OnTrap(uc_engine*, uint64_t address, uint32_t, void* self) {
    Impl& impl = *static_cast<Impl*>(self);
    try {
      const uint64_t offset = address - impl.trap_address;
      const Service service =
          offset % kSlotSize == 0 ? impl.service_at[offset / kSlotSize] : Service::kCount;
      if (impl.X(0) != kCookie) throw EngineError("the driver hands back another cookie");
      impl.SetX(0, impl.Serve(service));
    } catch (...) {
      impl.thrown = std::current_exception();
      uc_emu_stop(impl.uc);
    }
  }

  static bool OnStray(uc_engine*, uc_mem_type type, uint64_t address, int size, int64_t,
                      void* self) {
    Impl& impl = *static_cast<Impl*>(self);
    const bool write = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
    const bool fetch = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
    impl.stray = fmt::format("{} of {} bytes at {:#x}, which is not mapped for that",
                             fetch   ? "fetch"
                             : write ? "write"
                                     : "read",
                             size, address);
    return false;
  }

  void SetArguments(const Call& call) {
    for (int i = 0; i < 6; ++i) SetX(i + 1, call.arg[i]);
    SetX(0, kStateAddress);
    SetX(7, 0);
    switch (call.id) {
      case CallId::kInit:
        // A cold boot: the block is as the loader left it.
        memset(state.bytes.data(), 0, state.bytes.size());
        memcpy(arguments.bytes.data(), call.cfg, sizeof(*call.cfg));
        SetX(1, SIDEWALL_STATE_SIZE);
        SetX(2, kCookie);
        SetX(3, kArgumentAddress);
        break;
      case CallId::kHandleDabt:
        memcpy(arguments.bytes.data(), call.regs, sizeof(*call.regs));
        SetX(1, kArgumentAddress);
        SetX(2, call.arg[0]);
        SetX(3, call.arg[1]);
        break;
      case CallId::kStats:
        SetX(1, kArgumentAddress);
        break;
      case CallId::kRingRead:
        SetX(3, kArgumentAddress);
        break;
      default:
        break;
    }
  }

  void TakeResults(const Call& call) {
    const void* bytes = arguments.bytes.data();
    if (call.id == CallId::kHandleDabt) memcpy(call.regs, bytes, sizeof(*call.regs));
    if (call.id == CallId::kStats) memcpy(call.stats, bytes, sizeof(*call.stats));
    if (call.id == CallId::kRingRead) memcpy(call.ring, bytes, sizeof(*call.ring));
  }

  [[noreturn]] void Fail(const Call& call, const std::string& what) {
    uint64_t pc = 0;
    uc_reg_read(uc, UC_ARM64_REG_PC, &pc);
    // Unicorn knows the PC of a memory fault only to the block, so the whole block is shown.
    std::string text = fmt::format(
        "the aarch64 build, in sidewall_{}: {}\n  it stopped in this block:", CallName(call.id),
        what);
    for (const std::string& line : image.Disassemble(pc)) text += "\n    " + line;
    throw EngineError(text);
  }

  struct sidewall_result Run(const Call& call) {
    SetArguments(call);
    const uint64_t stack_top = kStackAddress + kStackSize;
    uc_reg_write(uc, UC_ARM64_REG_SP, &stack_top);
    uc_reg_write(uc, UC_ARM64_REG_LR, &stop_address);
    panicked = false;
    stray.clear();
    thrown = nullptr;
    const uint64_t entry = entries[static_cast<size_t>(call.id)];
    const uc_err code = uc_emu_start(uc, entry, stop_address, 0, 0);
    if (thrown != nullptr) std::rethrow_exception(thrown);
    if (panicked) {
      platform.Panic(panic_line);
      return {SIDEWALL_UNSUPPORTED, 0, 0};
    }
    if (!stray.empty()) Fail(call, stray);
    if (code != UC_ERR_OK) Fail(call, uc_strerror(code));
    uint64_t sp = 0;
    uc_reg_read(uc, UC_ARM64_REG_SP, &sp);
    if (sp != stack_top) Fail(call, "returns with another stack pointer");
    TakeResults(call);
    const uint64_t first = X(0);
    return {static_cast<uint32_t>(first), static_cast<uint32_t>(first >> 32), X(1)};
  }

  Platform& platform;
  El2Image image;
  uc_engine* uc = nullptr;
  std::vector<Region> segments;
  Region state;
  Region stack;
  Region arguments;
  Region trap;
  std::vector<uint8_t> saved = std::vector<uint8_t>(SIDEWALL_STATE_SIZE);
  uint64_t trap_address = 0;
  uint64_t stop_address = 0;
  std::array<Service, kPage / kSlotSize> service_at = AllUnknown();
  std::array<uint64_t, 64> entries = {};
  bool panicked = false;
  uint32_t panic_line = 0;
  std::string stray;
  std::exception_ptr thrown;

  static std::array<Service, kPage / kSlotSize> AllUnknown() {
    std::array<Service, kPage / kSlotSize> all;
    all.fill(Service::kCount);
    return all;
  }
};

void UnicornEngine::SetImage(const std::string& path) { ImagePath() = path; }

UnicornEngine::UnicornEngine(Platform& platform) : impl_(new Impl(platform)) {}
UnicornEngine::~UnicornEngine() = default;

struct sidewall_result UnicornEngine::Invoke(const Call& call) { return impl_->Run(call); }
void UnicornEngine::Save() { impl_->saved = impl_->state.bytes; }
void UnicornEngine::Restore() {
  memcpy(impl_->state.bytes.data(), impl_->saved.data(), impl_->saved.size());
}

}  // namespace sidewall::replay
