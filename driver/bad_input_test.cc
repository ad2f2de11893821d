// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Bad input, call by call. Each call of the waist is given arguments that it takes, and then each
// of its arguments alone is bad: REFUSED, and nothing that can be observed has changed. The good
// call comes last, which proves that it was that one argument. The list of calls and arguments is
// held against the header, so that none can be forgotten.
//
// What "observed" means: the state block byte for byte (without statistics, for an abort), every
// register, table page and pool, references, notices, and that nothing at all was stored.
#include <cstring>
#include <fstream>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "driver/domain_test.h"
#include "driver/state.h"

namespace sidewall_test {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};
constexpr uint64_t kTop = uint64_t{1} << 48;  // of what a domain can map
constexpr uint64_t kFormat = uint64_t{1} << 39;
constexpr uint64_t kSid = 0x0f;    // niso1, the host's, on domain 0
constexpr uint64_t kFree = 0x11;   // niso1, the host's
constexpr uint64_t kLive = 0x0e;   // niso1, an entry of the host's matches it
constexpr uint64_t kSdmmc = 0x02;  // niso1, VM 0's, attached to domain 32
constexpr uint64_t kPcie1 = 0x05;  // niso1, VM 1's
constexpr uint64_t kPcie2 = 0x06;  // niso1, VM 2's, which is not final
constexpr uint64_t kGuest0 = SIDEWALL_HOST_DOMAINS;
constexpr uint64_t kGuest1 = SIDEWALL_HOST_DOMAINS + SIDEWALL_VM_DOMAINS;
constexpr uint64_t kMapped = 0x10000;  // four pages in domains 0 and 32
constexpr uint64_t kHole = 0x40000;
constexpr uint64_t kBlockAt = 8 * kBlockSize;  // a block in domain 0

enum class Stage { kZero, kTakenOver, kUnsettled, kFinal };

// A board on which everything that can be named is there, and something of each that cannot.
class Busy : public DriverTest {
 public:
  explicit Busy(Stage stage) : stage_(stage) {
    for (uint64_t window : {kNiso1, kNiso1m, kIso}) {
      fake.Poke(window + 0x20, (fake.Reg(window + 0x20) & ~0xffu) | 32);
      fake.Poke(window + 0x24, (fake.Reg(window + 0x24) & ~0xffu) | 16);
    }
    for (uint32_t i = 0; i < cfg.smmu_count; ++i) {
      cfg.smmu[i].el2_banks = 10;
      cfg.smmu[i].el2_entries = 16;
    }
    if (stage == Stage::kZero) return;
    EXPECT_EQ(Init().status, kOk);
    EXPECT_EQ(sidewall_host_stage2_idmap(state, kDram, kDram + kBlockSize, 3).status, kOk);
    if (stage == Stage::kUnsettled) Unsettle();
    if (stage == Stage::kFinal) Furnish();
    ClearLog();
  }
  void TestBody() override {}
  Stage stage() const { return stage_; }

 private:
  void Unsettle() {
    fake.stuck.insert(kNiso1);
    EXPECT_EQ(sidewall_finalize(state).status, kRefused);
    fake.stuck.clear();
  }
  void Vm(uint32_t vm, uint32_t sid) {
    EXPECT_EQ(sidewall_vm_create(state, vm).status, kOk);
    EXPECT_EQ(sidewall_assign_unit(state, vm, kNiso1Side, sid).status, kOk);
  }
  void FinalVm(uint32_t vm, uint32_t sid) {
    Vm(vm, sid);
    EXPECT_EQ(sidewall_route_add(state, vm, 1, 7, kNiso1Side, sid).status, kOk);
    EXPECT_EQ(sidewall_vm_finalize(state, vm).status, kOk);
    EXPECT_EQ(sidewall_guest_alloc(state, vm, 1).status, kOk);
    EXPECT_EQ(sidewall_guest_alloc(state, vm, 1).status, kOk);
  }
  void Furnish() {
    EXPECT_EQ(sidewall_finalize(state).status, kOk);
    for (uint32_t domain = 0; domain < 4; ++domain) {
      EXPECT_EQ(sidewall_alloc_domain(state, domain, 0).status, kOk);
    }
    EXPECT_EQ(sidewall_free_domain(state, 3).status, kOk);
    EXPECT_EQ(sidewall_map_pages(state, 0, kMapped, kDram, kPage, 4, 3).progress, 4 * kPage);
    EXPECT_EQ(sidewall_map_pages(state, 0, kBlockAt, kDram, kBlockSize, 1, 3).progress, kBlockSize);
    EXPECT_EQ(sidewall_attach_dev(state, kNiso1Side, 0, kSid, 0, 0, 0).status, kOk);
    FinalVm(0, kSdmmc);
    FinalVm(1, kPcie1);
    Vm(2, kPcie2);
    EXPECT_EQ(sidewall_guest_map(state, 0, kGuest0, kMapped, kDram, 4 * kPage, 3).progress,
              4 * kPage);
    EXPECT_EQ(sidewall_guest_attach(state, 0, 1, 7, 0, kGuest0, 0).status, kOk);
    Attach(kNiso1, 0, 1);
    Write(kNiso1 + 0x800, 0xff800000 | kLive);
    EXPECT_EQ(sidewall_suspend(state, kIsoSide).status, kOk);
  }

  Stage stage_;
};

// All that a caller, a device or a later call could tell apart.
struct Observed {
  std::string block;
  std::unordered_map<uint64_t, uint32_t> registers;
  std::map<uint64_t, std::array<uint64_t, 512>> tables;
  size_t pool_left, pages_out, unused, notices, events;
  bool operator==(const Observed&) const = default;
};

// Without statistics an abort that is refused changes nothing; with them no other call does.
Observed Look(const Busy& board, bool statistics) {
  Observed out;
  auto copy = std::make_unique<sidewall_state>();
  std::memcpy(static_cast<void*>(copy.get()), board.state, sizeof(sidewall_state));
  if (!statistics) {
    for (auto& smmu : copy->body.smmu) {
      smmu.counters = {};
      smmu.ring = {};
    }
    copy->body.mc.counters = {};
    copy->body.mc.ring = {};
  }
  out.block.assign(reinterpret_cast<const char*>(copy.get()), sizeof(sidewall_state));
  out.registers = board.fake.registers();
  out.tables = board.fake.TableImage();
  out.pool_left = board.fake.pool_left;
  out.pages_out = board.fake.pages_out;
  out.unused = board.fake.unused.size();
  out.notices = board.fake.notices.size();
  out.events = board.fake.events.size();
  return out;
}

struct Argument {
  const char* name;
  uint64_t good;
  std::vector<uint64_t> bad;
  const char* any;  // why no value of it is bad, where `bad` is empty
};

using Arguments = const std::vector<uint64_t>&;

struct Entry {
  const char* name;
  std::vector<Argument> arguments;
  sidewall_result (*call)(Busy& board, Arguments a);
  // OK or REFUSED, once more with the same arguments.
  uint32_t again = kOk;
  Stage stage = Stage::kFinal;  // in which the arguments are good
  std::set<Stage> served = {Stage::kFinal};
};

uint32_t W(uint64_t value) { return static_cast<uint32_t>(value); }

const std::vector<uint64_t> kNoIommu = {1, 3, 0x7f, 0x80000000, 0xffffffff};
const std::vector<uint64_t> kNoHostDomain = {3,  4,  31,   kGuest0, kGuest1,
                                             63, 64, 0xfe, 0xff,    0xffffffff};
const std::vector<uint64_t> kNoGuest0Domain = {0,  1,  kGuest0 + 2, kGuest1,
                                               63, 64, 0xff,        0xffffffff};
const std::vector<uint64_t> kNotZero = {1, 2, 0x80000000, 0xffffffff};
const std::vector<uint64_t> kNoStream = {0, 0x7e, 0x7f, 0x80, 0x8f, 0xff, 0x10f, 0xffffffff};
const std::vector<uint64_t> kNoServingVm = {2, 3, 4, 5, 0x80, 0xffffffff};
const std::vector<uint64_t> kNoProt = {0, 4, 8, 12, 16, 19, 0x80000003, 0xffffffff};
const std::vector<uint64_t> kNoIova = {0x10800, kMapped,      kMapped + 3 * kPage,
                                       kTop,    kTop - 1,     kTop + kPage,
                                       kAll,    kAll - 0xfff, uint64_t{1} << 63};
const std::vector<uint64_t> kNoPa = {kDram + 1,        kDram + 0x800, kPool,        kPool + 0x1000,
                                     kNiso1,           kIso,          kMcSid,       kFormat,
                                     kFormat | kDram,  kAll,          kAll - 0xfff, kPool - kPage,
                                     uint64_t{1} << 48};

std::vector<uint64_t> With(std::vector<uint64_t> values, std::vector<uint64_t> more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

constexpr uint64_t kGoodAbort = 0x24ull << 26 | 1u << 25 | 1u << 24 | 2u << 22 | 5u << 16 | 5;

const std::set<Stage> kFromInit = {Stage::kTakenOver, Stage::kUnsettled, Stage::kFinal};

std::vector<Entry> BoardCalls() {
  return {
      {"init",
       {{"size", SIDEWALL_STATE_SIZE, {0, 1, SIDEWALL_STATE_SIZE - 1, 0x8000}, nullptr},
        {"ctx", 1, {}, "a cookie that is only handed back; 1 stands for the platform here"},
        {"cfg", 1, {0}, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_init(b.state, a[0], &b.fake, a[2] != 0 ? &b.cfg : nullptr);
       },
       kRefused,
       Stage::kZero,
       {Stage::kZero}},
      {"finalize",
       {},
       [](Busy& b, Arguments) { return sidewall_finalize(b.state); },
       kRefused,
       Stage::kTakenOver,
       {Stage::kTakenOver, Stage::kUnsettled}},
      {"handle_dabt",
       {{"regs", 1, {0}, nullptr},
        {"esr",
         kGoodAbort,
         {0, kAll, kGoodAbort ^ 1ull << 26, 0x20ull << 26, 0x25ull << 26, kGoodAbort ^ 1u << 24,
          kGoodAbort | 1u << 10, kGoodAbort | 1u << 9, kGoodAbort | 1u << 8, kGoodAbort | 1u << 7,
          kGoodAbort ^ 5, kGoodAbort ^ 5 ^ 0x10, kGoodAbort ^ 5 ^ 0x21, kGoodAbort ^ 5 ^ 0x30},
         nullptr},
        {"ipa",
         kNiso1 + 0x20,
         {0, kNiso1m - 1, kNiso1 + kWindowSize, kIso - 1, kIso, kIso + kWindowSize, kDram, kAll,
          kNiso1 + 0x21, kNiso1 + 0x22, kMcSid - 4, kMcSid + 0x20000, kNiso1 | kFormat},
         nullptr}},
       [](Busy& b, Arguments a) {
         sidewall_regs regs{};
         return sidewall_handle_dabt(b.state, a[0] != 0 ? &regs : nullptr, a[1], a[2]);
       },
       kOk,
       Stage::kFinal,
       {Stage::kTakenOver, Stage::kFinal}},
  };
}

std::vector<Entry> MemoryCalls() {
  return {
      {"host_stage2_idmap",
       {{"start",
         kDram + kPage,
         {kDram + 2 * kPage + 1, kAll, kTop, kFormat, kFormat | kDram},
         nullptr},
        {"end", kDram + 2 * kPage, {0, kDram}, nullptr},
        {"prot", 0, {4, 8, 12, 16, 32, 0x80000000, 0xffffffff}, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_host_stage2_idmap(b.state, a[0], a[1], W(a[2]));
       },
       kOk,
       Stage::kFinal,
       kFromInit},
      {"host_stage2_idmap_complete",
       {{"map", 0, {}, "0 is a removal, all else a gain"}},
       [](Busy& b, Arguments a) { return sidewall_host_stage2_idmap_complete(b.state, W(a[0])); },
       kOk,
       Stage::kFinal,
       kFromInit},
      {"get_iommu_token",
       {{"iommu", kNiso1Side, kNoIommu, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_get_iommu_token(b.state, W(a[0])); },
       kOk,
       Stage::kFinal,
       kFromInit},
      {"mc_register_sid",
       {{"client", 0x2a, {0, 0x15, 0x28, 0x1ff, 0x200, 0x22a, 0x80000000, 0xffffffff}, nullptr},
        {"side", kNiso1Side, {1, 2, 3, 0xffffffff}, nullptr},
        {"sid", 0x08, {0, 1, 0x07, 0x7e, 0x7f, 0x88, 0x108, 0xffffffff}, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_mc_register_sid(b.state, W(a[0]), W(a[1]), W(a[2]));
       },
       kOk,
       Stage::kTakenOver,
       {Stage::kTakenOver}},
      {"stats_of",
       {{"owner", 0, {2, 3, 0xff, 0x100, 0xffffffff}, nullptr}, {"out", 1, {0}, nullptr}},
       [](Busy& b, Arguments a) {
         struct sidewall_counters out;
         return sidewall_stats_of(b.state, W(a[0]), a[1] != 0 ? &out : nullptr);
       },
       kOk,
       Stage::kFinal,
       kFromInit},
      {"stats",
       {{"out", 1, {0}, nullptr}},
       [](Busy& b, Arguments a) {
         struct sidewall_counters out;
         return sidewall_stats(b.state, a[0] != 0 ? &out : nullptr);
       },
       kOk,
       Stage::kFinal,
       kFromInit},
      {"ring_read",
       {{"owner", 0, {2, 3, 0xff, 0x100, 0xffffffff}, nullptr},
        {"sequence", 0, {1, 2, 3, 4 * 1000, kAll, kAll - 3, uint64_t{1} << 63}, nullptr},
        {"out", 1, {0}, nullptr}},
       [](Busy& b, Arguments a) {
         sidewall_ring_record out;
         return sidewall_ring_read(b.state, W(a[0]), a[1], a[2] != 0 ? &out : nullptr);
       },
       kOk,
       Stage::kFinal,
       kFromInit},
  };
}

std::vector<Entry> HostCalls() {
  return {
      {"alloc_domain",
       {{"domain", 4, {0, 1, 2, 32, kGuest1, 64, 0xff, 0xffffffff}, nullptr},
        {"type", 0, kNotZero, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_alloc_domain(b.state, W(a[0]), W(a[1])); },
       kRefused},
      {"free_domain",
       {{"domain", 1, With(kNoHostDomain, {0}), nullptr}},
       [](Busy& b, Arguments a) { return sidewall_free_domain(b.state, W(a[0])); },
       kRefused},
      {"attach_dev",
       {{"iommu", kNiso1Side, With(kNoIommu, {kIsoSide}), nullptr},
        {"domain", 1, kNoHostDomain, nullptr},
        {"sid", kFree, With(kNoStream, {kSid, kLive, kSdmmc, kPcie1, kPcie2}), nullptr},
        {"pasid", 0, kNotZero, nullptr},
        {"pasid_bits", 0, kNotZero, nullptr},
        {"flags", 0, With(kNotZero, {uint64_t{1} << 32, kAll}), nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_attach_dev(b.state, W(a[0]), W(a[1]), W(a[2]), W(a[3]), W(a[4]), a[5]);
       },
       kRefused},
      {"detach_dev",
       {{"iommu", kNiso1Side, With(kNoIommu, {kIsoSide}), nullptr},
        {"domain", 0, With(kNoHostDomain, {1, 2}), nullptr},
        {"sid", kSid, With(kNoStream, {kFree, kLive, kSdmmc, kPcie1}), nullptr},
        {"pasid", 0, kNotZero, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_detach_dev(b.state, W(a[0]), W(a[1]), W(a[2]), W(a[3]));
       },
       kRefused},
  };
}

std::vector<Entry> MappingCalls() {
  return {
      {"map_pages",
       {{"domain", 0, kNoHostDomain, nullptr},
        {"iova", kHole, With(kNoIova, {kTop - kPage, kBlockAt}), nullptr},
        {"pa", kDram, kNoPa, nullptr},
        {"page_size", kPage, {0, 1, 0x800, 0x2000, kBlockSize, 1 << 30, kAll, kPage + 1}, nullptr},
        {"page_count", 2, {0, kAll, kAll / kPage, uint64_t{1} << 52, uint64_t{1} << 36}, nullptr},
        {"prot", 3, kNoProt, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_map_pages(b.state, W(a[0]), a[1], a[2], a[3], a[4], W(a[5]));
       },
       kRefused},
      {"unmap_pages",
       {{"domain", 0, With(kNoHostDomain, {1}), nullptr},
        {"iova",
         kMapped,
         {kMapped + 1, kHole, kBlockAt, kBlockAt + kPage, kTop, kAll, kAll - 0xfff},
         nullptr},
        {"page_size", kPage, {0, 1, 0x800, kBlockSize, 1 << 30, kAll}, nullptr},
        {"page_count", 2, {0, kAll, uint64_t{1} << 52, uint64_t{1} << 36}, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_unmap_pages(b.state, W(a[0]), a[1], a[2], a[3]);
       },
       kRefused},
      {"iova_to_phys",
       {{"domain", 0, With(kNoHostDomain, {1}), nullptr},
        {"iova", kMapped, {0, kMapped - 1, kHole, kTop, kTop | kMapped, kAll}, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_iova_to_phys(b.state, W(a[0]), a[1]); }},
      {"iotlb_sync",
       {{"domain", 0, kNoHostDomain, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_iotlb_sync(b.state, W(a[0])); }},
      {"iotlb_sync_map",
       {{"domain", 0, kNoHostDomain, nullptr},
        {"iova", kMapped, {kTop, kTop - 1, kAll}, nullptr},
        {"size", kPage, {0, kTop, kAll, kAll - kMapped + 1}, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_iotlb_sync_map(b.state, W(a[0]), a[1], a[2]); }},
      {"set_identity",
       {{"iommu", kNiso1Side, With(kNoIommu, {kIsoSide}), nullptr},
        {"sid", kFree, With(kNoStream, {kSid, kLive, kSdmmc, kPcie2}), nullptr},
        {"on", 1, {2, 0x100, 0x80000000, 0xffffffff}, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_set_identity(b.state, W(a[0]), W(a[1]), W(a[2]));
       }},
      {"dev_block_dma",
       {{"iommu", kNiso1Side, kNoIommu, nullptr},
        {"sid", kFree, With(kNoStream, {kSid}), nullptr},
        {"host_to_guest", 1, {2, 0x100, 0x80000000, 0xffffffff}, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_dev_block_dma(b.state, W(a[0]), W(a[1]), W(a[2]));
       }},
  };
}

std::vector<Entry> CoreCalls() {
  return {
      {"vm_create",
       {{"vm", 3, {0, 1, 2, 4, 5, 0xffffffff}, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_vm_create(b.state, W(a[0])); },
       kRefused},
      {"route_add",
       {{"vm", 2, {0, 1, 3, 4, 0xffffffff}, nullptr},
        {"pviommu", 1, {}, "a number that the caller makes up"},
        {"vsid", 9, {}, "a number that the caller makes up; the same one twice is the row `again`"},
        {"iommu", kNiso1Side, kNoIommu, nullptr},
        {"sid", kPcie2, kNoStream, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_route_add(b.state, W(a[0]), W(a[1]), W(a[2]), W(a[3]), W(a[4]));
       },
       kRefused},
      {"vm_finalize",
       {{"vm", 2, {0, 1, 3, 4, 0xffffffff}, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_vm_finalize(b.state, W(a[0])); },
       kRefused},
      {"vm_destroy",
       {{"vm", 1, {3, 4, 5, 0xffffffff}, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_vm_destroy(b.state, W(a[0])); },
       kRefused},
      {"assign_unit",
       {{"vm", 2, {3, 4, 0xffffffff}, nullptr},
        {"iommu", kNiso1Side, With(kNoIommu, {kIsoSide}), nullptr},
        {"sid", kFree, With(kNoStream, {kSid, kSdmmc, kPcie1, kPcie2}), nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_assign_unit(b.state, W(a[0]), W(a[1]), W(a[2]));
       },
       kRefused},
      {"unassign_unit",
       {{"vm", 1, {0, 2, 3, 4, 0xffffffff}, nullptr},
        {"iommu", kNiso1Side, With(kNoIommu, {kIsoSide}), nullptr},
        {"sid", kPcie1, With(kNoStream, {kFree, kSid, kLive, kSdmmc, kPcie2}), nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_unassign_unit(b.state, W(a[0]), W(a[1]), W(a[2]));
       },
       kRefused},
  };
}

std::vector<Entry> PowerCalls() {
  return {
      {"pool_add",
       {{"pool", SIDEWALL_POOL_VM0, {5, 6, 7, 0x80000000, 0xffffffff}, nullptr},
        {"pages", 4, {kAll, kAll / kPage + 1, uint64_t{1} << 52}, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_pool_add(b.state, W(a[0]), a[1]); }},
      {"pool_reclaim",
       {{"pool", SIDEWALL_POOL_ATOMIC, {6, 7, 0x80000000, 0xffffffff}, nullptr},
        {"pages", 1, {}, "a number above what there is gives what there is"}},
       [](Busy& b, Arguments a) { return sidewall_pool_reclaim(b.state, W(a[0]), a[1]); }},
      {"suspend",
       {{"iommu", kNiso1Side, With(kNoIommu, {kIsoSide}), nullptr}},
       [](Busy& b, Arguments a) { return sidewall_suspend(b.state, W(a[0])); },
       kRefused},
      {"resume",
       {{"iommu", kIsoSide, With(kNoIommu, {kNiso1Side}), nullptr}},
       [](Busy& b, Arguments a) { return sidewall_resume(b.state, W(a[0])); },
       kRefused},
      {"power_off",
       {{"iommu", kNiso1Side, With(kNoIommu, {kIsoSide}), nullptr}},
       [](Busy& b, Arguments a) { return sidewall_power_off(b.state, W(a[0])); },
       kRefused},
      {"power_on",
       {{"iommu", kNiso1Side, With(kNoIommu, {kIsoSide}), nullptr}},
       [](Busy& b, Arguments a) {
         // Which is off here, since resume ends a suspend only and power_on a power_off.
         if (a[0] == kNiso1Side) static_cast<void>(sidewall_power_off(b.state, kNiso1Side));
         return sidewall_power_on(b.state, W(a[0]));
       }},
      {"fault_irq",
       {{"iommu", kNiso1Side, kNoIommu, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_fault_irq(b.state, W(a[0])); }},
      {"tick",
       {{"now_us", 1, {}, "every time is one"}},
       [](Busy& b, Arguments a) { return sidewall_tick(b.state, a[0]); }},
  };
}

std::vector<Entry> GuestCalls() {
  return {
      {"guest_attach",
       {{"vm", 1, With(kNoServingVm, {0}), nullptr},
        {"pviommu", 1, {0, 2, 0x80000001, 0xffffffff}, nullptr},
        {"vsid", 7, {0, 6, 8, kPcie1, 0x80000007, 0xffffffff}, nullptr},
        {"pasid", 0, kNotZero, nullptr},
        {"domain",
         kGuest1,
         {0, 1, kGuest0, kGuest0 + 1, kGuest1 + 2, 63, 64, 0xff, 0xffffffff},
         nullptr},
        {"pasid_bits", 0, kNotZero, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_guest_attach(b.state, W(a[0]), W(a[1]), W(a[2]), W(a[3]), W(a[4]),
                                      W(a[5]));
       },
       kRefused},
      {"guest_detach",
       {{"vm", 0, With(kNoServingVm, {1}), nullptr},
        {"pviommu", 1, {0, 2, 0x80000001, 0xffffffff}, nullptr},
        {"vsid", 7, {0, 6, 8, kSdmmc, 0x80000007, 0xffffffff}, nullptr},
        {"pasid", 0, kNotZero, nullptr},
        {"domain", kGuest0, With(kNoGuest0Domain, {kGuest0 + 1}), nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_guest_detach(b.state, W(a[0]), W(a[1]), W(a[2]), W(a[3]), W(a[4]));
       },
       kRefused},
      {"guest_alloc",
       {{"vm", 0, kNoServingVm, nullptr}, {"pviommu", 1, {0, 2, 7, 0xffffffff}, nullptr}},
       [](Busy& b, Arguments a) { return sidewall_guest_alloc(b.state, W(a[0]), W(a[1])); }},
      {"guest_free",
       {{"vm", 0, With(kNoServingVm, {1}), nullptr},
        {"domain", kGuest0 + 1, With(kNoGuest0Domain, {kGuest0}), nullptr}},
       [](Busy& b, Arguments a) { return sidewall_guest_free(b.state, W(a[0]), W(a[1])); },
       kRefused},
      {"guest_map",
       {{"vm", 0, With(kNoServingVm, {1}), nullptr},
        {"domain", kGuest0, kNoGuest0Domain, nullptr},
        {"iova", kHole, With(kNoIova, {kTop - kPage}), nullptr},
        {"ipa", kDram, kNoPa, nullptr},
        {"size", 2 * kPage, {0, 1, kPage + 1, kAll, kAll - 0xfff, kTop, kFormat}, nullptr},
        {"prot", 3, kNoProt, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_guest_map(b.state, W(a[0]), W(a[1]), a[2], a[3], a[4], W(a[5]));
       },
       kRefused},
      {"guest_unmap",
       {{"vm", 0, With(kNoServingVm, {1}), nullptr},
        {"domain", kGuest0, With(kNoGuest0Domain, {kGuest0 + 1}), nullptr},
        {"iova", kMapped, {kMapped + 1, kHole, kTop, kAll, kAll - 0xfff}, nullptr},
        {"size", 2 * kPage, {0, 1, kPage + 1, kAll, kAll - 0xfff, kTop}, nullptr}},
       [](Busy& b, Arguments a) {
         return sidewall_guest_unmap(b.state, W(a[0]), W(a[1]), a[2], a[3]);
       },
       kRefused},
  };
}

const std::vector<Entry>& Calls() {
  static const std::vector<Entry> calls = [] {
    std::vector<Entry> all = BoardCalls();
    for (const auto& group :
         {MemoryCalls(), HostCalls(), MappingCalls(), CoreCalls(), PowerCalls(), GuestCalls()}) {
      all.insert(all.end(), group.begin(), group.end());
    }
    return all;
  }();
  return calls;
}

std::vector<uint64_t> Good(const Entry& entry) {
  std::vector<uint64_t> values;
  for (const Argument& argument : entry.arguments) values.push_back(argument.good);
  return values;
}

std::string Spelt(const Entry& entry, Arguments values) {
  std::ostringstream text;
  text << entry.name << std::hex;
  for (size_t i = 0; i < values.size(); ++i) {
    text << ' ' << entry.arguments[i].name << "=0x" << values[i];
  }
  return text.str();
}

void ExpectSame(Busy& board, const Observed& before, bool statistics) {
  EXPECT_TRUE(board.fake.log.empty()) << "it stored something";
  EXPECT_TRUE(Look(board, statistics) == before);
}

bool IsAbort(const Entry& entry) { return std::string_view(entry.name) == "handle_dabt"; }

TEST(BadInput, EachBadValueAloneIsRefusedAndChangesNothing) {
  for (const Entry& entry : Calls()) {
    Busy board(entry.stage);
    const bool statistics = !IsAbort(entry);
    const Observed before = Look(board, statistics);
    for (size_t i = 0; i < entry.arguments.size(); ++i) {
      for (uint64_t bad : entry.arguments[i].bad) {
        std::vector<uint64_t> values = Good(entry);
        values[i] = bad;
        SCOPED_TRACE(Spelt(entry, values));
        EXPECT_EQ(entry.call(board, values).status, kRefused);
        ExpectSame(board, before, statistics);
        board.ClearLog();
      }
    }
    SCOPED_TRACE(Spelt(entry, Good(entry)));
    EXPECT_EQ(entry.call(board, Good(entry)).status, kOk) << "it was something else that was bad";
  }
}

TEST(BadInput, OnceMore) {
  for (const Entry& entry : Calls()) {
    SCOPED_TRACE(entry.name);
    Busy board(entry.stage);
    ASSERT_EQ(entry.call(board, Good(entry)).status, kOk);
    board.ClearLog();
    const Observed before = Look(board, !IsAbort(entry));
    EXPECT_EQ(entry.call(board, Good(entry)).status, entry.again);
    if (entry.again == kRefused) ExpectSame(board, before, true);
  }
}

TEST(BadInput, OutOfOrder) {
  for (const Entry& entry : Calls()) {
    for (Stage stage : {Stage::kZero, Stage::kTakenOver, Stage::kUnsettled, Stage::kFinal}) {
      if (entry.served.count(stage) != 0) continue;
      SCOPED_TRACE(Spelt(entry, Good(entry)) + " at stage " +
                   std::to_string(static_cast<int>(stage)));
      Busy board(stage);
      // A refused access is counted, on a board that is there.
      const bool statistics = stage == Stage::kZero || !IsAbort(entry);
      const Observed before = Look(board, statistics);
      EXPECT_EQ(entry.call(board, Good(entry)).status, kRefused);
      ExpectSame(board, before, statistics);
    }
    if (entry.served.count(Stage::kTakenOver) != 0 && entry.stage == Stage::kFinal) {
      Busy board(Stage::kTakenOver);
      const bool has_record = std::string_view(entry.name) != "ring_read";
      EXPECT_EQ(entry.call(board, Good(entry)).status, has_record ? kOk : kRefused) << entry.name;
    }
  }
}

TEST(BadInput, WithoutABlock) {
  for (const Entry& entry : Calls()) {
    SCOPED_TRACE(entry.name);
    Busy board(Stage::kZero);
    board.state = nullptr;
    EXPECT_EQ(entry.call(board, Good(entry)).status, kRefused);
    EXPECT_TRUE(board.fake.log.empty());
  }
}

constexpr uint64_t kLimits[] = {0,
                                1,
                                2,
                                3,
                                4,
                                7,
                                8,
                                31,
                                32,
                                33,
                                63,
                                64,
                                65,
                                127,
                                128,
                                129,
                                255,
                                256,
                                257,
                                0xfff,
                                0x1000,
                                0x1001,
                                0xffff,
                                0x10000,
                                kBlockSize - 1,
                                kBlockSize,
                                kBlockSize + 1,
                                0x7fffffff,
                                0x80000000,
                                0x80001000,
                                0xffffffff,
                                0x100000000,
                                kFormat - 1,
                                kFormat,
                                kFormat + 1,
                                uint64_t{1} << 44,
                                kTop - 0x1000,
                                kTop - 1,
                                kTop,
                                kTop + 1,
                                uint64_t{1} << 52,
                                uint64_t{1} << 63,
                                kAll - 0xfff,
                                kAll - 1,
                                kAll};
constexpr uint64_t kPairLimits[] = {0,
                                    1,
                                    2,
                                    7,
                                    32,
                                    64,
                                    0xff,
                                    0x1000,
                                    kBlockSize,
                                    0x80001000,
                                    0xffffffff,
                                    kFormat - 0x1000,
                                    kFormat,
                                    kTop - 0x1000,
                                    kTop,
                                    uint64_t{1} << 52,
                                    uint64_t{1} << 63,
                                    kAll - 0xfff,
                                    kAll};

// One board for many calls, made anew after each that was not refused.
class Limits {
 public:
  explicit Limits(const Entry& entry) : entry_(entry) { Renew(); }

  void Try(Arguments values, bool look) {
    SCOPED_TRACE(Spelt(entry_, values));
    const size_t lines = board_->fake.events.size();
    const uint32_t status = entry_.call(*board_, values).status;
    ASSERT_LE(status, kDegraded);
    EXPECT_TRUE(board_->fake.held.empty());
    EXPECT_LE(board_->fake.events.size(), lines + 1);
    if (status != kRefused) return Renew();
    EXPECT_TRUE(board_->fake.log.empty()) << "it stored something";
    if (look) {
      EXPECT_TRUE(Look(*board_, !IsAbort(entry_)) == before_);
    }
  }

 private:
  void Renew() {
    board_ = std::make_unique<Busy>(entry_.stage);
    before_ = Look(*board_, !IsAbort(entry_));
  }

  const Entry& entry_;
  std::unique_ptr<Busy> board_;
  Observed before_;
};

// Any of the three outcomes, no panic, locks in order; and what is refused has changed nothing.
TEST(BadInput, Limits) {
  for (const Entry& entry : Calls()) {
    Limits limits(entry);
    for (size_t i = 0; i < entry.arguments.size(); ++i) {
      for (uint64_t value : kLimits) {
        std::vector<uint64_t> values = Good(entry);
        values[i] = value;
        limits.Try(values, true);
      }
    }
  }
}

TEST(BadInput, LimitsInPairs) {
  size_t tried = 0;
  for (const Entry& entry : Calls()) {
    Limits limits(entry);
    std::vector<uint64_t> values = Good(entry);
    for (size_t i = 0; i < values.size(); ++i) {
      for (size_t j = i + 1; j < values.size(); ++j) {
        for (uint64_t first : kPairLimits) {
          for (uint64_t second : kPairLimits) {
            values = Good(entry);
            values[i] = first;
            values[j] = second;
            limits.Try(values, false);
            ++tried;
          }
        }
      }
    }
  }
  EXPECT_GT(tried, 30000u);
}

// Board data, word by word, which is every field of it. What is refused leaves no board behind.
TEST(BadInput, EveryWordOfTheConfiguration) {
  constexpr size_t kWords = sizeof(sidewall_cfg) / sizeof(uint32_t);
  size_t refused = 0;
  for (size_t word = 0; word < kWords; ++word) {
    for (uint32_t value : {0u, 1u, 0x1000u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
      SCOPED_TRACE(std::to_string(word) + " is " + std::to_string(value));
      Busy board(Stage::kZero);
      std::array<uint32_t, kWords> words;
      std::memcpy(words.data(), &board.cfg, sizeof(board.cfg));
      words[word] = value;
      std::memcpy(static_cast<void*>(&board.cfg), words.data(), sizeof(board.cfg));
      const sidewall_result result = board.Init();
      ASSERT_LE(result.status, kRefused);
      if (result.status == kOk) continue;
      ++refused;
      EXPECT_NE(result.progress, 0u) << "which check was it?";
      EXPECT_EQ(board.fake.pages_out, 0u);
      EXPECT_EQ(sidewall_finalize(board.state).status, kRefused);
    }
  }
  EXPECT_GT(refused, 100u);
}

std::string ReadHeader() {
  std::ifstream file("driver/include/sidewall/driver.h");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// "name argument argument" of each function that the header declares, and that are listed here.
std::set<std::string> Declared() {
  const std::string header = ReadHeader();
  const std::regex call(R"(\nSIDEWALL_R\((\w+)\)\(([^;]*)\);)");
  const std::regex argument(R"((\w+)\s*$)");
  std::set<std::string> out;
  for (std::sregex_iterator it(header.begin(), header.end(), call), end; it != end; ++it) {
    std::string row = (*it)[1];
    std::stringstream list((*it)[2]);
    for (std::string one; std::getline(list, one, ',');) {
      std::smatch name;
      if (one.find("SIDEWALL_S") != std::string::npos) continue;
      EXPECT_TRUE(std::regex_search(one, name, argument)) << one;
      row += " " + std::string(name[1]);
    }
    out.insert(row);
  }
  return out;
}

TEST(BadInput, EveryArgumentOfEveryCallIsHere) {
  std::set<std::string> listed;
  for (const Entry& entry : Calls()) {
    std::string row = entry.name;
    for (const Argument& argument : entry.arguments) {
      row += std::string(" ") + argument.name;
      EXPECT_EQ(argument.bad.empty(), argument.any != nullptr)
          << entry.name << ": " << argument.name << " needs bad values, or a reason";
    }
    listed.insert(row);
  }
  const std::set<std::string> declared = Declared();
  EXPECT_EQ(listed, declared);
  EXPECT_EQ(declared.size(), Calls().size());
  EXPECT_GE(declared.size(), 40u) << "the header is not read rightly";
}

}  // namespace
}  // namespace sidewall_test
