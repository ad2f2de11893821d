// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/adapter/android16/fake_pkvm_test.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace sidewall_test {
namespace {

[[noreturn]] void Broken(const char* what) {
  std::fprintf(stderr, "fake pKVM: %s\n", what);
  std::abort();
}

void* Donate(char pool) {
  FakePkvm& pkvm = Pkvm();
  pkvm.pools.push_back(pool);
  if (pkvm.pages_left == 0) return nullptr;
  --pkvm.pages_left;
  const uint64_t pa = pkvm.next_page;
  pkvm.next_page += 4096;
  return (pkvm.pages[pa] = std::make_unique<uint64_t[]>(512)).get();
}

void Reclaim(void* page) {
  FakePkvm& pkvm = Pkvm();
  if (pkvm.pages.erase(hyp_virt_to_phys(page)) != 1) Broken("a page came back twice");
  ++pkvm.pages_left;
}

}  // namespace

FakePkvm& Pkvm() {
  static FakePkvm pkvm;
  return pkvm;
}

uint32_t& FakePkvm::Register(uint64_t pa) {
  for (auto& [start, window] : windows) {
    if (pa - start < window.size) return window.words[(pa - start) / 4];
  }
  Broken("no window is mapped there");
}

uint64_t* FakePkvm::Page(uint64_t pa) {
  const auto found = pages.find(pa & ~uint64_t{4095});
  if (found == pages.end()) Broken("no page of EL2's lies there");
  return found->second.get() + (pa & 4095) / 8;
}

}  // namespace sidewall_test

using sidewall_test::Pkvm;

extern "C" {

int kvm_iommu_request(kvm_hyp_req* req) {
  Pkvm().requests.push_back(*req);
  return 0;
}

void* kvm_iommu_donate_pages(u8, int) { return sidewall_test::Donate('h'); }
void* kvm_iommu_donate_pages_atomic(u8) { return sidewall_test::Donate('a'); }
void kvm_iommu_reclaim_pages(void* page, u8) {
  Pkvm().pools.push_back('H');
  sidewall_test::Reclaim(page);
}
void kvm_iommu_reclaim_pages_atomic(void* page, u8) {
  Pkvm().pools.push_back('A');
  sidewall_test::Reclaim(page);
}

// The pages hold what the host has left in them.
int __pkvm_host_donate_hyp(u64 pfn, u64 nr_pages) {
  if (Pkvm().donate_fails) return -EBUSY;
  Pkvm().donated.emplace_back(pfn, nr_pages);
  for (u64 i = 0; i < nr_pages; ++i) {
    auto& page = Pkvm().pages[(pfn + i) << 12];
    if (page != nullptr) sidewall_test::Broken("a page is donated twice");
    page = std::make_unique<uint64_t[]>(512);
    std::fill_n(page.get(), 512, ~uint64_t{0});
  }
  return 0;
}

int __pkvm_host_unuse_dma(phys_addr_t phys, size_t size) {
  Pkvm().unused.emplace_back(phys, size);
  return Pkvm().unuse_fails ? -EINVAL : 0;
}

int __pkvm_create_private_mapping(phys_addr_t phys, size_t size, int prot, unsigned long* va) {
  if (prot != PAGE_HYP_DEVICE || Pkvm().mappings_left == 0) return -ENOMEM;
  --Pkvm().mappings_left;
  auto& window = Pkvm().windows[phys];
  // Kept when it is mapped again, as hardware would be.
  if (window.words == nullptr) window = {size, std::make_unique<uint32_t[]>(size / 4)};
  *va = reinterpret_cast<unsigned long>(window.words.get());
  return 0;
}

void* hyp_phys_to_virt(phys_addr_t phys) { return Pkvm().Page(phys); }

phys_addr_t hyp_virt_to_phys(void* va) {
  for (const auto& [pa, page] : Pkvm().pages) {
    if (page.get() == va) return pa;
  }
  sidewall_test::Broken("no page of EL2's");
}

void kvm_flush_dcache_to_poc(unsigned long va, unsigned long size) {
  Pkvm().flushed.emplace_back(va, size);
}

void hyp_spin_lock(hyp_spinlock_t* lock) {
  auto& held = Pkvm().held;
  if (std::find(held.begin(), held.end(), lock) != held.end()) {
    sidewall_test::Broken("a lock is taken twice");
  }
  held.push_back(lock);
}

void hyp_spin_unlock(hyp_spinlock_t* lock) {
  auto& held = Pkvm().held;
  const auto found = std::find(held.begin(), held.end(), lock);
  if (found == held.end()) sidewall_test::Broken("a lock that is not held is dropped");
  held.erase(found);
}

unsigned int hyp_smp_processor_id(void) { return 3; }
u64 hyp_counter(void) { return Pkvm().counter += 100; }
u64 hyp_counter_hz(void) { return Pkvm().counter_hz; }

void hyp_panic(void) {
  const uint32_t line = android16_notes.panic_line;
  std::fprintf(stderr, "hyp_panic: %s\n", line >> 31 != 0 ? "the adapter" : "the driver");
  std::abort();
}

}  // extern "C"
