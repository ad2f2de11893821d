// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Every callback: which call of the driver it makes, with what, and what becomes of each answer.
// The driver is a fake one here, which notes calls and gives the answers that a test prepared.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "driver/adapter/android16/fake_pkvm_test.h"

namespace sidewall_test {
namespace {

using Args = std::vector<uint64_t>;

struct Call {
  std::string name;
  Args args;
  bool operator==(const Call&) const = default;
};

struct FakeDriver {
  std::vector<Call> calls;
  std::map<std::string, std::deque<sidewall_result>> answers;

  // What was not prepared is OK, and done.
  sidewall_result Answer(const char* name, Args args) {
    calls.push_back({name, std::move(args)});
    auto& prepared = answers[name];
    if (prepared.empty()) return {SIDEWALL_OK, 0, 1};
    const sidewall_result result = prepared.front();
    prepared.pop_front();
    return result;
  }
};

FakeDriver driver;

constexpr sidewall_result Ok(uint64_t progress) { return {SIDEWALL_OK, 0, progress}; }
constexpr sidewall_result kRefused = {SIDEWALL_REFUSED, 0, 0};
constexpr sidewall_result kDegraded = {SIDEWALL_DEGRADED, 0, 0};
constexpr sidewall_result kWantsMemory = {SIDEWALL_REFUSED, 3, 0};

uint64_t IdOf(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

}  // namespace
}  // namespace sidewall_test

using sidewall_test::Args;
using sidewall_test::driver;
using sidewall_test::IdOf;

#define ANSWER(name, ...) return driver.Answer(#name, Args{__VA_ARGS__})

extern "C" {

const sidewall_cfg android16_board = [] {
  sidewall_cfg cfg{};
  cfg.abi = SIDEWALL_ABI;
  cfg.smmu_count = 2;
  cfg.smmu[0] = {{0x08000000, 0x07000000}, 2, SIDEWALL_SIDE_NISO1, 0x10000, 2, 1, 1, 0};
  cfg.smmu[1] = {{0x10000000, 0}, 1, SIDEWALL_SIDE_ISO, 0x10000, 2, 1, 2, 0};
  cfg.mc_window_count = 1;
  cfg.mc_window[0] = {0x02c00000, 0x1000};
  cfg.dram_count = 1;
  cfg.dram[0] = {sidewall_test::kFakeEl2, 0x200000};
  cfg.el2_range_count = 1;
  cfg.el2_range[0] = {sidewall_test::kFakeEl2, 0x100000};
  return cfg;
}();
const sidewall_range android16_tables = {sidewall_test::kFakeEl2, 5 * 4096};

sidewall_result sidewall_init(sidewall_state* s, uint64_t size, void* ctx,
                              const sidewall_cfg* cfg) {
  ANSWER(init, IdOf(s) % SIDEWALL_STATE_ALIGN, size, IdOf(ctx), IdOf(cfg));
}
sidewall_result sidewall_finalize(sidewall_state*) { ANSWER(finalize); }
sidewall_result sidewall_handle_dabt(sidewall_state*, sidewall_regs* regs, uint64_t esr,
                                     uint64_t ipa) {
  regs->x[30] = regs->x[0] + 1;
  ANSWER(handle_dabt, esr, ipa);
}
sidewall_result sidewall_host_stage2_idmap(sidewall_state*, uint64_t a, uint64_t b, uint32_t c) {
  ANSWER(idmap, a, b, c);
}
sidewall_result sidewall_host_stage2_idmap_complete(sidewall_state*, uint32_t a) {
  ANSWER(complete, a);
}
sidewall_result sidewall_alloc_domain(sidewall_state*, uint32_t a, uint32_t b) {
  ANSWER(alloc, a, b);
}
sidewall_result sidewall_free_domain(sidewall_state*, uint32_t a) { ANSWER(free, a); }
sidewall_result sidewall_attach_dev(sidewall_state*, uint32_t a, uint32_t b, uint32_t c, uint32_t d,
                                    uint32_t e, uint64_t f) {
  ANSWER(attach, a, b, c, d, e, f);
}
sidewall_result sidewall_detach_dev(sidewall_state*, uint32_t a, uint32_t b, uint32_t c,
                                    uint32_t d) {
  ANSWER(detach, a, b, c, d);
}
sidewall_result sidewall_map_pages(sidewall_state*, uint32_t a, uint64_t b, uint64_t c, uint64_t d,
                                   uint64_t e, uint32_t f) {
  ANSWER(map, a, b, c, d, e, f);
}
sidewall_result sidewall_unmap_pages(sidewall_state*, uint32_t a, uint64_t b, uint64_t c,
                                     uint64_t d) {
  ANSWER(unmap, a, b, c, d);
}
sidewall_result sidewall_iova_to_phys(sidewall_state*, uint32_t a, uint64_t b) {
  ANSWER(iova_to_phys, a, b);
}
sidewall_result sidewall_iotlb_sync(sidewall_state*, uint32_t a) { ANSWER(sync, a); }
sidewall_result sidewall_set_identity(sidewall_state*, uint32_t a, uint32_t b, uint32_t c) {
  ANSWER(set_identity, a, b, c);
}
sidewall_result sidewall_dev_block_dma(sidewall_state*, uint32_t a, uint32_t b, uint32_t c) {
  ANSWER(dev_block_dma, a, b, c);
}
sidewall_result sidewall_get_iommu_token(sidewall_state*, uint32_t a) { ANSWER(token, a); }
sidewall_result sidewall_vm_create(sidewall_state*, uint32_t a) { ANSWER(vm_create, a); }
sidewall_result sidewall_route_add(sidewall_state*, uint32_t a, uint32_t b, uint32_t c, uint32_t d,
                                   uint32_t e) {
  ANSWER(route_add, a, b, c, d, e);
}
sidewall_result sidewall_assign_unit(sidewall_state*, uint32_t a, uint32_t b, uint32_t c) {
  ANSWER(assign_unit, a, b, c);
}
sidewall_result sidewall_vm_finalize(sidewall_state*, uint32_t a) { ANSWER(vm_finalize, a); }
sidewall_result sidewall_vm_destroy(sidewall_state*, uint32_t a) { ANSWER(vm_destroy, a); }
sidewall_result sidewall_guest_attach(sidewall_state*, uint32_t a, uint32_t b, uint32_t c,
                                      uint32_t d, uint32_t e, uint32_t f) {
  ANSWER(guest_attach, a, b, c, d, e, f);
}
sidewall_result sidewall_guest_detach(sidewall_state*, uint32_t a, uint32_t b, uint32_t c,
                                      uint32_t d, uint32_t e) {
  ANSWER(guest_detach, a, b, c, d, e);
}
sidewall_result sidewall_guest_alloc(sidewall_state*, uint32_t a, uint32_t b) {
  ANSWER(guest_alloc, a, b);
}
sidewall_result sidewall_guest_free(sidewall_state*, uint32_t a, uint32_t b) {
  ANSWER(guest_free, a, b);
}
sidewall_result sidewall_guest_map(sidewall_state*, uint32_t a, uint32_t b, uint64_t c, uint64_t d,
                                   uint64_t e, uint32_t f) {
  ANSWER(guest_map, a, b, c, d, e, f);
}
sidewall_result sidewall_guest_unmap(sidewall_state*, uint32_t a, uint32_t b, uint64_t c,
                                     uint64_t d) {
  ANSWER(guest_unmap, a, b, c, d);
}
sidewall_result sidewall_suspend(sidewall_state*, uint32_t a) { ANSWER(suspend, a); }
sidewall_result sidewall_resume(sidewall_state*, uint32_t a) { ANSWER(resume, a); }
sidewall_result sidewall_tick(sidewall_state*, uint64_t a) { ANSWER(tick, a); }

// A VM is known by its address only.
struct pkvm_hyp_vm {
  int unused;
};

}  // extern "C"

namespace sidewall_test {
namespace {

const kvm_iommu_ops& ops = android16_ops;

class AdapterTest : public ::testing::Test {
 public:
  AdapterTest() {
    driver = {};
    // The memory for tables stays the adapter's, whatever else begins anew.
    auto pages = std::move(Pkvm().pages);
    std::erase_if(pages, [](const auto& page) { return page.first < kFakeEl2; });
    Pkvm() = {};
    Pkvm().pages = std::move(pages);
  }
  ~AdapterTest() override {
    EXPECT_TRUE(Pkvm().held.empty());
    for (pkvm_hyp_vm& vm : vms) {
      driver.answers.clear();
      android16_vm_stop(&vm);
    }
  }

  void Prepare(const char* name, std::initializer_list<sidewall_result> results) {
    for (const sidewall_result& result : results) driver.answers[name].push_back(result);
  }
  void ExpectCalls(std::vector<Call> calls) {
    EXPECT_EQ(driver.calls.size(), calls.size());
    for (size_t i = 0; i < std::min(calls.size(), driver.calls.size()); ++i) {
      EXPECT_EQ(driver.calls[i].name, calls[i].name);
      EXPECT_EQ(driver.calls[i].args, calls[i].args) << calls[i].name;
    }
    driver.calls.clear();
  }
  kvm_hyp_iommu_domain HostDomain(uint32_t id) {
    kvm_hyp_iommu_domain domain{0, id, nullptr, nullptr};
    EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED), 0);
    driver.calls.clear();
    return domain;
  }
  // A domain of a running VM, for which the driver's handle is 40.
  kvm_hyp_iommu_domain GuestDomain() {
    const android16_route route{SIDEWALL_SIDE_ISO, 0x2a};
    EXPECT_EQ(android16_vm_start(&vms[0], &route, 1), 0);
    kvm_hyp_iommu_domain domain{0, 300, nullptr, &vms[0]};
    Prepare("guest_alloc", {Ok(40)});
    EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED), 0);
    driver.calls.clear();
    return domain;
  }
  // What each answer of the driver becomes, for a callback that returns an error.
  void ExpectErrors(const char* name, const std::function<int()>& callback, int degraded = -EBUSY) {
    Prepare(name, {Ok(0), kRefused, kDegraded, {SIDEWALL_UNSUPPORTED, 0, 0}, kWantsMemory});
    for (int expected : {0, -EINVAL, degraded, -EOPNOTSUPP}) {
      EXPECT_EQ(callback(), expected) << name;
    }
    EXPECT_TRUE(Pkvm().requests.empty());
    EXPECT_EQ(callback(), -ENOMEM) << name;
    ASSERT_EQ(Pkvm().requests.size(), 1u) << name;
    EXPECT_EQ(Pkvm().requests[0].dest, uint32_t{KVM_HYP_REQ_DEST_IOMMU});
    EXPECT_EQ(Pkvm().requests[0].order, 0u);
    EXPECT_EQ(Pkvm().requests[0].count, 3u);
    driver.calls.clear();
  }

  kvm_hyp_iommu* iso = ops.get_iommu_by_id(SIDEWALL_SIDE_ISO);
  pkvm_hyp_vm vms[5] = {};
};

TEST_F(AdapterTest, Init) {
  EXPECT_EQ(ops.init(), 0);
  ExpectCalls({{"init", {0, SIDEWALL_STATE_SIZE, 0, IdOf(&android16_board)}}});
  EXPECT_EQ(Pkvm().windows.size(), 4u);
  Prepare("init", {{SIDEWALL_REFUSED, 0, 77}});
  EXPECT_EQ(ops.init(), -EINVAL);
  EXPECT_EQ(android16_notes.refused_line, 77u);
  Pkvm().mappings_left = 3;
  driver.calls.clear();
  EXPECT_EQ(ops.init(), -ENOMEM);
  ExpectCalls({});
}

TEST_F(AdapterTest, Finalize) {
  EXPECT_EQ(android16_finalize(), 0);
  Prepare("finalize", {{SIDEWALL_REFUSED, 0, 78}});
  EXPECT_EQ(android16_finalize(), -EBUSY);
  EXPECT_EQ(android16_notes.refused_line, 78u);
}

TEST_F(AdapterTest, IommuById) {
  ASSERT_EQ(ops.init(), 0);
  EXPECT_NE(ops.get_iommu_by_id(SIDEWALL_SIDE_NISO1), nullptr);
  EXPECT_EQ(ops.get_iommu_by_id(SIDEWALL_SIDE_ISO)->id, uint32_t{SIDEWALL_SIDE_ISO});
  EXPECT_EQ(ops.get_iommu_by_id(SIDEWALL_SIDE_NISO0), nullptr);  // not on this board
  EXPECT_EQ(ops.get_iommu_by_id(3), nullptr);
  EXPECT_EQ(ops.get_iommu_by_id(~0u), nullptr);
}

TEST_F(AdapterTest, Token) {
  uint64_t token = 5;
  Prepare("token", {Ok(0x10000000), kRefused});
  EXPECT_EQ(ops.get_iommu_token_by_id(2, &token), 0);
  EXPECT_EQ(token, 0x10000000u);
  EXPECT_EQ(ops.get_iommu_token_by_id(9, &token), -ENODEV);
  EXPECT_EQ(token, 0x10000000u);
  ExpectCalls({{"token", {2}}, {"token", {9}}});
}

TEST_F(AdapterTest, AllocAndFree) {
  kvm_hyp_iommu_domain domain{0, 7, nullptr, nullptr};
  EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED), 0);
  Prepare("free", {Ok(0), Ok(0), Ok(1)});
  ops.free_domain(&domain);
  EXPECT_EQ(domain.priv, nullptr);
  ExpectCalls({{"alloc", {7, SIDEWALL_DOMAIN_PAGED}}, {"free", {7}}, {"free", {7}}, {"free", {7}}});
  ops.free_domain(&domain);  // nothing is behind it any more
  ExpectCalls({});
  ExpectErrors("alloc", [&] { return ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED); });
  EXPECT_EQ(domain.priv, nullptr);  // after the last one, which failed
}

TEST_F(AdapterTest, AllocOutOfRange) {
  kvm_hyp_iommu_domain domain{0, SIDEWALL_HOST_DOMAINS, nullptr, nullptr};
  EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED), -ENOSPC);
  EXPECT_EQ(ops.alloc_domain(&domain, 2), -EOPNOTSUPP);
  domain.vm = &vms[1];
  EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_IDENTITY), -EOPNOTSUPP);
  ExpectCalls({});
}

// Hardware did not answer while a domain was freed: its number is not used again before it has.
TEST_F(AdapterTest, FreeDegraded) {
  kvm_hyp_iommu_domain domain = HostDomain(8);
  Prepare("free", {Ok(0), kDegraded, kDegraded});
  ops.free_domain(&domain);
  ExpectCalls({{"free", {8}}, {"free", {8}}});
  EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED), -EBUSY);
  ExpectCalls({{"free", {8}}});
  Prepare("free", {Ok(1)});
  EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED), 0);
  ExpectCalls({{"free", {8}}, {"alloc", {8, 0}}});
  ops.free_domain(&domain);
  EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED), 0);
  ExpectCalls({{"free", {8}}, {"alloc", {8, 0}}});
}

TEST_F(AdapterTest, AttachAndDetach) {
  kvm_hyp_iommu_domain domain = HostDomain(3);
  EXPECT_EQ(ops.attach_dev(iso, &domain, 0x2a, 1, 2, 4), 0);
  EXPECT_EQ(ops.detach_dev(iso, &domain, 0x2a, 1), 0);
  ExpectCalls({{"attach", {2, 3, 0x2a, 1, 2, 4}}, {"detach", {2, 3, 0x2a, 1}}});
  ExpectErrors("attach", [&] { return ops.attach_dev(iso, &domain, 0x2a, 0, 0, 0); });
  Pkvm().requests.clear();
  // One that waits for its sync is one all the same.
  ExpectErrors("detach", [&] { return ops.detach_dev(iso, &domain, 0x2a, 0); }, 0);
}

TEST_F(AdapterTest, Identity) {
  kvm_hyp_iommu_domain domain{0, 200, nullptr, nullptr};
  EXPECT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_IDENTITY), 0);
  EXPECT_EQ(ops.attach_dev(iso, &domain, 0x2a, 0, 0, 0), 0);
  EXPECT_EQ(ops.detach_dev(iso, &domain, 0x2a, 0), 0);
  ExpectCalls({{"set_identity", {2, 0x2a, 1}}, {"set_identity", {2, 0x2a, 0}}});
  EXPECT_EQ(ops.attach_dev(iso, &domain, 0x2a, 1, 0, 0), -EINVAL);
  EXPECT_EQ(ops.attach_dev(iso, &domain, 0x2a, 0, 1, 0), -EINVAL);
  EXPECT_EQ(ops.attach_dev(iso, &domain, 0x2a, 0, 0, 1), -EINVAL);
  EXPECT_EQ(ops.detach_dev(iso, &domain, 0x2a, 1), -EINVAL);
  size_t total = 9;
  EXPECT_EQ(ops.map_pages(&domain, 0, 0, 4096, 1, IOMMU_READ, &total), -EINVAL);
  EXPECT_EQ(total, 0u);
  EXPECT_EQ(ops.unmap_pages(&domain, 0, 4096, 1, nullptr), 0u);
  EXPECT_EQ(ops.iova_to_phys(&domain, 0), 0u);
  ops.iotlb_sync(&domain, nullptr);
  ops.free_domain(&domain);
  // A domain that was never made, or is gone.
  EXPECT_EQ(ops.attach_dev(iso, &domain, 0x2a, 0, 0, 0), -EINVAL);
  EXPECT_EQ(ops.detach_dev(iso, &domain, 0x2a, 0), -EINVAL);
  ExpectCalls({});
  domain.priv = nullptr;
}

TEST_F(AdapterTest, MapWithItsProgress) {
  kvm_hyp_iommu_domain domain = HostDomain(3);
  size_t total = 9;
  Prepare("map",
          {Ok(0x3000), {SIDEWALL_OK, 2, 0x1000}, {SIDEWALL_OK, 5, 0}, kRefused, kDegraded, Ok(0)});
  EXPECT_EQ(ops.map_pages(&domain, 0x1000, 0x80000000, 4096, 3, IOMMU_READ, &total), 0);
  EXPECT_EQ(total, 0x3000u);
  ExpectCalls({{"map", {3, 0x1000, 0x80000000, 4096, 3, SIDEWALL_PROT_R}}});
  // Done in part: the rest wants memory, and the part is no error.
  EXPECT_EQ(ops.map_pages(&domain, 0x1000, 0x80000000, 4096, 3, IOMMU_READ, &total), 0);
  EXPECT_EQ(total, 0x1000u);
  EXPECT_EQ(ops.map_pages(&domain, 0x1000, 0x80000000, 4096, 3, IOMMU_READ, &total), -ENOMEM);
  EXPECT_EQ(total, 0u);
  ASSERT_EQ(Pkvm().requests.size(), 2u);
  EXPECT_EQ(Pkvm().requests[0].count, 2u);
  EXPECT_EQ(Pkvm().requests[1].count, 5u);
  total = 9;
  EXPECT_EQ(ops.map_pages(&domain, 0x1000, 0x80000000, 4096, 3, IOMMU_READ, &total), -EINVAL);
  EXPECT_EQ(total, 0u);
  EXPECT_EQ(ops.map_pages(&domain, 0x1000, 0x80000000, 4096, 3, IOMMU_READ, &total), -EBUSY);
  EXPECT_EQ(ops.map_pages(&domain, 0x1000, 0x80000000, 4096, 3, IOMMU_READ, &total), 0);
  EXPECT_EQ(total, 0u);  // no error, no progress: the caller may come again
  driver.calls.clear();
  EXPECT_EQ(ops.map_pages(&domain, 0, 0, size_t{1} << 40, size_t{1} << 30, 1, &total), -EINVAL);
  ExpectCalls({});
}

TEST_F(AdapterTest, Rights) {
  kvm_hyp_iommu_domain domain = HostDomain(3);
  const std::pair<int, uint32_t> table[] = {
      {IOMMU_READ, SIDEWALL_PROT_R},
      {IOMMU_WRITE, SIDEWALL_PROT_W},
      {IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE | IOMMU_PRIV, SIDEWALL_PROT_RW},
      {IOMMU_READ | IOMMU_NOEXEC, SIDEWALL_PROT_R | SIDEWALL_PROT_NOEXEC},
      {IOMMU_READ | IOMMU_MMIO, SIDEWALL_PROT_R | SIDEWALL_PROT_MMIO},
  };
  for (const auto& [theirs, ours] : table) {
    size_t total = 0;
    EXPECT_EQ(ops.map_pages(&domain, 0, 0x80000000, 4096, 1, theirs, &total), 0);
    ExpectCalls({{"map", {3, 0, 0x80000000, 4096, 1, ours}}});
  }
}

TEST_F(AdapterTest, UnmapAndSync) {
  kvm_hyp_iommu_domain domain = HostDomain(3);
  Prepare("unmap", {Ok(0x2000), kRefused, {SIDEWALL_OK, 4, 0}});
  EXPECT_EQ(ops.unmap_pages(&domain, 0x1000, 4096, 3, nullptr), 0x2000u);
  EXPECT_EQ(ops.unmap_pages(&domain, 0x1000, 4096, 3, nullptr), 0u);
  EXPECT_TRUE(Pkvm().requests.empty());
  EXPECT_EQ(ops.unmap_pages(&domain, 0x1000, 4096, 3, nullptr), 0u);
  EXPECT_EQ(Pkvm().requests.size(), 1u);
  EXPECT_EQ(ops.unmap_pages(&domain, 0, size_t{1} << 40, size_t{1} << 30, nullptr), 0u);
  Prepare("sync", {Ok(0), Ok(1), Ok(0), kDegraded});
  const Call unmap{"unmap", {3, 0x1000, 4096, 3}}, sync{"sync", {3}};
  ExpectCalls({unmap, unmap, unmap});
  ops.iotlb_sync(&domain, nullptr);
  ExpectCalls({sync, sync});
  ops.iotlb_sync(&domain, nullptr);  // hardware does not answer: no panic, and no second try
  ExpectCalls({sync, sync});
}

TEST_F(AdapterTest, IovaToPhys) {
  kvm_hyp_iommu_domain domain = HostDomain(3);
  Prepare("iova_to_phys", {Ok(0x80001234), {SIDEWALL_REFUSED, 0, 99}});
  EXPECT_EQ(ops.iova_to_phys(&domain, 0x234), 0x80001234u);
  EXPECT_EQ(ops.iova_to_phys(&domain, 0x234), 0u);
  ExpectCalls({{"iova_to_phys", {3, 0x234}}, {"iova_to_phys", {3, 0x234}}});
}

TEST_F(AdapterTest, Dabt) {
  user_pt_regs regs{};
  regs.regs[0] = 41;
  Prepare("handle_dabt", {Ok(0), kRefused, kDegraded, {SIDEWALL_UNSUPPORTED, 0, 0}});
  EXPECT_TRUE(ops.dabt_handler(&regs, 0x93830005, 0x10000048));
  EXPECT_EQ(regs.regs[30], 42u);  // the registers are the trapped ones
  ExpectCalls({{"handle_dabt", {0x93830005, 0x10000048}}});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(ops.dabt_handler(&regs, 0, 0));
}

TEST_F(AdapterTest, Idmap) {
  Prepare("idmap", {Ok(0x1000), Ok(0x3000), Ok(0x2000)});
  ops.host_stage2_idmap(nullptr, 0x80000000, 0x80004000, IOMMU_READ | IOMMU_WRITE);
  ops.host_stage2_idmap(nullptr, 0x90000000, 0x90002000, 0);
  ops.host_stage2_idmap(nullptr, 0x90000000, 0x90000000, 0);
  ExpectCalls({{"idmap", {0x80000000, 0x80004000, SIDEWALL_PROT_RW}},
               {"idmap", {0x80001000, 0x80004000, SIDEWALL_PROT_RW}},
               {"idmap", {0x90000000, 0x90002000, SIDEWALL_PROT_NONE}}});
  ops.host_stage2_idmap_complete(true);
  ops.host_stage2_idmap_complete(false);
  ExpectCalls({{"complete", {1}}, {"complete", {0}}});
}

// These return nothing, and the page changes its owner when they do.
// What pKVM's snapshot says of what was never touched: all of it is the host's.
TEST_F(AdapterTest, AGainEndsWithTheRam) {
  const uint64_t end = kFakeEl2 + 0x200000;
  Prepare("idmap", {Ok(0x1000), Ok(uint64_t{1} << 39)});
  ops.host_stage2_idmap(nullptr, end - 0x1000, uint64_t{1} << 39, IOMMU_READ | IOMMU_WRITE);
  ops.host_stage2_idmap(nullptr, end, uint64_t{1} << 48, IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO);
  ops.host_stage2_idmap(nullptr, end, end + (uint64_t{1} << 39), 0);
  ExpectCalls({{"idmap", {end - 0x1000, end, SIDEWALL_PROT_RW}},
               {"idmap", {end, end + (uint64_t{1} << 39), SIDEWALL_PROT_NONE}}});
}

TEST_F(AdapterTest, IdmapPanics) {
  const sidewall_result failures[] = {kRefused, kDegraded, {SIDEWALL_OK, 1, 0}, Ok(0)};
  for (const sidewall_result& failure : failures) {
    for (int prot : {0, int{IOMMU_READ}}) {
      EXPECT_DEATH(
          {
            Prepare("idmap", {Ok(0x1000), failure});
            ops.host_stage2_idmap(nullptr, 0x80000000, 0x80004000, prot);
          },
          "hyp_panic: the adapter");
    }
  }
  for (const sidewall_result& failure : {kRefused, kDegraded}) {
    EXPECT_DEATH(
        {
          Prepare("complete", {failure});
          ops.host_stage2_idmap_complete(false);
        },
        "hyp_panic: the adapter");
  }
  EXPECT_DEATH(ops.host_stage2_idmap(nullptr, 0, 4096, IOMMU_CACHE), "hyp_panic: the adapter");
}

TEST_F(AdapterTest, Power) {
  EXPECT_EQ(ops.suspend(iso), 0);
  EXPECT_EQ(ops.resume(iso), 0);
  ExpectCalls({{"suspend", {2}}, {"resume", {2}}});
  ExpectErrors("suspend", [&] { return ops.suspend(iso); });
  Pkvm().requests.clear();
  ExpectErrors("resume", [&] { return ops.resume(iso); });
}

TEST_F(AdapterTest, BlockDma) {
  EXPECT_EQ(ops.dev_block_dma(iso, 0x2a, true), 0);
  EXPECT_EQ(ops.dev_block_dma(iso, 0x2a, false), 0);
  ExpectCalls({{"dev_block_dma", {2, 0x2a, 1}}, {"dev_block_dma", {2, 0x2a, 0}}});
  ExpectErrors("dev_block_dma", [&] { return ops.dev_block_dma(iso, 0x2a, true); });
}

TEST_F(AdapterTest, GuestCalls) {
  kvm_hyp_iommu_domain domain = GuestDomain();
  const uint32_t vsid = 2 << 16 | 0x2a;
  size_t total = 0;
  EXPECT_EQ(ops.attach_dev(iso, &domain, 0x2a, 0, 0, 0), 0);
  Prepare("guest_map", {Ok(0x2000), {SIDEWALL_OK, 1, 0x1000}});
  EXPECT_EQ(ops.map_pages(&domain, 0x5000, 0x81000000, 4096, 2, IOMMU_WRITE, &total), 0);
  EXPECT_EQ(total, 0x2000u);
  EXPECT_EQ(ops.map_pages(&domain, 0x5000, 0x81000000, 4096, 2, IOMMU_WRITE, &total), 0);
  EXPECT_EQ(total, 0x1000u);
  EXPECT_EQ(Pkvm().requests.size(), 1u);
  Prepare("guest_unmap", {Ok(0x2000), {SIDEWALL_DEGRADED, 0, 0x1000}, kRefused});
  EXPECT_EQ(ops.unmap_pages(&domain, 0x5000, 4096, 2, nullptr), 0x2000u);
  EXPECT_EQ(ops.unmap_pages(&domain, 0x5000, 4096, 2, nullptr), 0x1000u);
  EXPECT_EQ(ops.unmap_pages(&domain, 0x5000, 4096, 2, nullptr), 0u);
  ops.iotlb_sync(&domain, nullptr);  // guest_unmap has done it
  EXPECT_EQ(ops.iova_to_phys(&domain, 0x5000), 0u);
  EXPECT_EQ(ops.detach_dev(iso, &domain, 0x2a, 0), 0);
  Prepare("guest_free", {Ok(0), Ok(1)});
  ops.free_domain(&domain);
  const Call map{"guest_map", {0, 40, 0x5000, 0x81000000, 0x2000, SIDEWALL_PROT_W}};
  const Call unmap{"guest_unmap", {0, 40, 0x5000, 0x2000}};
  ExpectCalls({{"guest_attach", {0, 0, vsid, 0, 40, 0}},
               map,
               map,
               unmap,
               unmap,
               unmap,
               {"guest_detach", {0, 0, vsid, 0, 40}},
               {"guest_free", {0, 40}},
               {"guest_free", {0, 40}}});
}

TEST_F(AdapterTest, GuestErrors) {
  kvm_hyp_iommu_domain domain = GuestDomain();
  EXPECT_EQ(ops.attach_dev(iso, &domain, 0x2a, 0, 0, 1), -EINVAL);
  // It would be the number of another stream.
  kvm_hyp_iommu* niso1 = ops.get_iommu_by_id(SIDEWALL_SIDE_NISO1);
  EXPECT_EQ(ops.attach_dev(niso1, &domain, 2 << 16 | 0x2a, 0, 0, 0), -EINVAL);
  EXPECT_EQ(ops.detach_dev(niso1, &domain, 2 << 16 | 0x2a, 0), -EINVAL);
  ExpectCalls({});
  ExpectErrors("guest_attach", [&] { return ops.attach_dev(iso, &domain, 0x2a, 0, 0, 0); });
  Pkvm().requests.clear();
  ExpectErrors("guest_detach", [&] { return ops.detach_dev(iso, &domain, 0x2a, 0); }, 0);
  Pkvm().requests.clear();
  // Hardware does not answer: what is left goes with the VM, and the number is not ours to keep.
  Prepare("guest_free", {kDegraded});
  ops.free_domain(&domain);
  EXPECT_EQ(domain.priv, nullptr);
  ExpectErrors("guest_alloc", [&] { return ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED); });
  // A VM that the adapter was not told of is none of the driver's.
  kvm_hyp_iommu_domain other{0, 301, nullptr, &vms[4]};
  Prepare("guest_alloc", {kRefused});
  EXPECT_EQ(ops.alloc_domain(&other, KVM_IOMMU_DOMAIN_PAGED), -EINVAL);
  ExpectCalls({{"guest_alloc", {SIDEWALL_MAX_VMS, 0}}});
}

TEST_F(AdapterTest, VmStart) {
  const android16_route routes[] = {{0, 5}, {2, 6}};
  EXPECT_EQ(android16_vm_start(&vms[0], routes, 2), 0);
  ExpectCalls({{"vm_create", {0}},
               {"route_add", {0, 0, 5, 0, 5}},
               {"assign_unit", {0, 0, 5}},
               {"route_add", {0, 0, 0x20006, 2, 6}},
               {"assign_unit", {0, 2, 6}},
               {"vm_finalize", {0}}});
  EXPECT_EQ(android16_vm_start(&vms[0], routes, 2), -EBUSY);
  EXPECT_EQ(android16_vm_start(nullptr, routes, 2), -EINVAL);
  ExpectCalls({});
  for (int i = 1; i < 4; ++i) EXPECT_EQ(android16_vm_start(&vms[i], routes, 0), 0);
  EXPECT_EQ(android16_vm_start(&vms[4], routes, 0), -ENOSPC);
  EXPECT_EQ(android16_vm_stop(&vms[2]), 0);
  driver.calls.clear();
  EXPECT_EQ(android16_vm_start(&vms[4], routes, 0), 0);
  ExpectCalls({{"vm_create", {2}}, {"vm_finalize", {2}}});
}

TEST_F(AdapterTest, VmStartFails) {
  const android16_route routes[] = {{0, 5}, {2, 6}};
  Prepare("route_add", {Ok(0), kRefused});
  EXPECT_EQ(android16_vm_start(&vms[0], routes, 2), -EINVAL);
  EXPECT_EQ(driver.calls.back().name, "route_add");
  EXPECT_EQ(android16_vm_stop(&vms[0]), 0);
  // A second stream of a device is assigned already; that all are is vm_finalize's to say.
  Prepare("assign_unit", {Ok(0), kRefused});
  Prepare("vm_finalize", {kRefused});
  EXPECT_EQ(android16_vm_start(&vms[0], routes, 2), -EINVAL);
  EXPECT_EQ(driver.calls.back().name, "vm_finalize");
  EXPECT_EQ(android16_vm_stop(&vms[0]), 0);
  // Assigned, but what was under way may still arrive.
  Prepare("assign_unit", {kDegraded});
  EXPECT_EQ(android16_vm_start(&vms[0], routes, 2), -EBUSY);
  EXPECT_EQ(driver.calls.back().name, "assign_unit");
  EXPECT_EQ(android16_vm_stop(&vms[0]), 0);
  Prepare("vm_create", {kWantsMemory});
  EXPECT_EQ(android16_vm_start(&vms[0], routes, 2), -ENOMEM);
  // Never made: the driver refuses to end it, and the place is free again.
  Prepare("vm_destroy", {kRefused});
  EXPECT_EQ(android16_vm_stop(&vms[0]), 0);
  EXPECT_EQ(android16_vm_start(&vms[0], routes, 0), 0);
}

TEST_F(AdapterTest, VmStop) {
  EXPECT_EQ(android16_vm_start(&vms[0], nullptr, 0), 0);
  driver.calls.clear();
  Prepare("vm_destroy", {Ok(0), kDegraded, Ok(0), Ok(1)});
  EXPECT_EQ(android16_vm_stop(&vms[0]), -EBUSY);
  EXPECT_EQ(android16_vm_stop(&vms[0]), 0);
  EXPECT_EQ(android16_vm_stop(&vms[0]), 0);  // nothing is left to end
  EXPECT_EQ(android16_vm_stop(nullptr), 0);
  const Call destroy{"vm_destroy", {0}};
  ExpectCalls({destroy, destroy, destroy, destroy});
}

TEST_F(AdapterTest, Tick) {
  Pkvm().counter = 31250000ull * 100000000ull - 100;  // three years
  android16_tick();
  ExpectCalls({{"tick", {100000000000000ull}}});
}

TEST_F(AdapterTest, Registers) {
  ASSERT_EQ(ops.init(), 0);
  uint32_t value = 0;
  uint64_t wide = 0;
  sidewall_plat_write32(nullptr, 0x0700fffc, 5);
  sidewall_plat_write64(nullptr, 0x10000010, 0x100000002);
  EXPECT_EQ(Pkvm().Register(0x0700fffc), 5u);
  EXPECT_EQ(Pkvm().Register(0x10000014), 1u);
  EXPECT_EQ(sidewall_plat_read32(nullptr, 0x0700fffc, &value), 0);
  EXPECT_EQ(value, 5u);
  EXPECT_EQ(sidewall_plat_read64(nullptr, 0x10000010, &wide), 0);
  EXPECT_EQ(wide, 0x100000002u);
  EXPECT_DEATH(sidewall_plat_read32(nullptr, 0x07010000, &value), "hyp_panic: the driver");
  EXPECT_DEATH(sidewall_plat_write32(nullptr, 0x06ffffff, 0), "hyp_panic: the driver");
}

// Each page is zeroed, whatever the host or a table has left in it.
TEST_F(AdapterTest, TablesOfTheHost) {
  ASSERT_EQ(ops.init(), 0);
  std::vector<uint64_t> pages;
  for (int round = 0; round < 2; ++round) {
    pages.clear();
    for (uint64_t i = 0; i < 5; ++i) {
      pages.push_back(sidewall_plat_page_alloc(nullptr, SIDEWALL_POOL_ATOMIC));
      ASSERT_NE(pages.back(), 0u);
      const uint64_t* words = sidewall_plat_table_ptr(nullptr, pages.back());
      EXPECT_TRUE(std::all_of(words, words + 512, [](uint64_t word) { return word == 0; }));
      for (uint32_t j = 0; j < 512; ++j) {
        sidewall_plat_table_write64(nullptr, pages.back() + 8 * j, ~uint64_t{0});
      }
    }
    std::sort(pages.begin(), pages.end());
    for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(pages[i], kFakeEl2 + i * 4096);
    EXPECT_TRUE(Pkvm().pools.empty());
    if (round == 0) {
      for (uint64_t page : pages) sidewall_plat_page_free(nullptr, SIDEWALL_POOL_ATOMIC, page);
    }
  }
  EXPECT_EQ(android16_finalize(), 0);
  const uint64_t atomic = sidewall_plat_page_alloc(nullptr, SIDEWALL_POOL_ATOMIC);
  EXPECT_GE(atomic, kFakePages);
  EXPECT_LT(atomic, kFakeEl2);
  sidewall_plat_page_free(nullptr, SIDEWALL_POOL_ATOMIC, atomic);
  for (uint64_t page : pages) sidewall_plat_page_free(nullptr, SIDEWALL_POOL_ATOMIC, page);
  EXPECT_EQ(std::string(Pkvm().pools.begin(), Pkvm().pools.end()), "aA");
}

TEST_F(AdapterTest, Pages) {
  // The atomic pool comes last.
  ASSERT_EQ(ops.init(), 0);
  ASSERT_EQ(android16_finalize(), 0);
  uint64_t tables[5];
  for (uint64_t& page : tables) page = sidewall_plat_page_alloc(nullptr, SIDEWALL_POOL_ATOMIC);
  const uint64_t host = sidewall_plat_page_alloc(nullptr, SIDEWALL_POOL_HOST);
  const uint64_t atomic = sidewall_plat_page_alloc(nullptr, SIDEWALL_POOL_ATOMIC);
  const uint64_t guest = sidewall_plat_page_alloc(nullptr, SIDEWALL_POOL_VM0 + 1);
  sidewall_plat_table_write64(nullptr, host + 8, 7);
  EXPECT_EQ(Pkvm().Page(host)[1], 7u);
  EXPECT_EQ(sidewall_plat_table_ptr(nullptr, host)[1], 7u);
  sidewall_plat_clean_poc(nullptr, host + 8, 8);
  EXPECT_EQ(Pkvm().flushed,
            (std::vector<std::pair<uint64_t, uint64_t>>{{IdOf(Pkvm().Page(host) + 1), 8}}));
  sidewall_plat_table_write64(nullptr, host + 4088, 9);
  sidewall_plat_table_zero(nullptr, host);
  EXPECT_EQ(Pkvm().Page(host)[1], 0u);
  EXPECT_EQ(Pkvm().Page(host)[511], 0u);
  sidewall_plat_page_free(nullptr, SIDEWALL_POOL_VM0 + 1, guest);
  sidewall_plat_page_free(nullptr, SIDEWALL_POOL_ATOMIC, atomic);
  sidewall_plat_page_free(nullptr, SIDEWALL_POOL_HOST, host);
  EXPECT_EQ(std::string(Pkvm().pools.begin(), Pkvm().pools.end()), "hahHAH");
  Pkvm().pages_left = 0;
  EXPECT_EQ(sidewall_plat_page_alloc(nullptr, SIDEWALL_POOL_HOST), 0u);
  EXPECT_EQ(sidewall_plat_page_alloc(nullptr, SIDEWALL_POOL_ATOMIC), 0u);
  for (uint64_t page : tables) sidewall_plat_page_free(nullptr, SIDEWALL_POOL_ATOMIC, page);
}

TEST_F(AdapterTest, References) {
  sidewall_plat_unuse_dma(nullptr, 0x80000000, 0x3000);
  EXPECT_EQ(Pkvm().unused, (std::vector<std::pair<uint64_t, uint64_t>>{{0x80000000, 0x3000}}));
  Pkvm().unuse_fails = true;
  EXPECT_DEATH(sidewall_plat_unuse_dma(nullptr, 0x80000000, 0x3000), "hyp_panic: the driver");
}

TEST_F(AdapterTest, Rest) {
  sidewall_plat_lock(nullptr, SIDEWALL_LOCK_IDMAP);
  sidewall_plat_lock(nullptr, SIDEWALL_LOCK_MC);
  EXPECT_EQ(Pkvm().held.size(), 2u);
  sidewall_plat_unlock(nullptr, SIDEWALL_LOCK_MC);
  sidewall_plat_unlock(nullptr, SIDEWALL_LOCK_IDMAP);
  EXPECT_EQ(sidewall_plat_cpu_id(nullptr), 3u);
  const uint64_t before = android16_notes.notices, logs = android16_notes.logs;
  const sidewall_fault fault{};
  sidewall_plat_notify(nullptr, SIDEWALL_OWNER_GUEST0, &fault);
  sidewall_plat_log(nullptr, SIDEWALL_REASON_SID, 1, 2);
  EXPECT_EQ(android16_notes.notices, before + 1);
  EXPECT_EQ(android16_notes.logs, logs + 1);
  sidewall_plat_barrier(nullptr);
  sidewall_plat_relax(nullptr);
  EXPECT_DEATH(sidewall_plat_panic(nullptr, 5), "hyp_panic: the driver");
}

}  // namespace
}  // namespace sidewall_test
