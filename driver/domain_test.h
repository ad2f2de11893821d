// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// For tests of domains: the two units of driver_test.h, of which EL2 has three banks beside the
// host's stage 2 and the fault bank, and four entries.
//
//     class AttachTest : public DomainTest {};
//     TEST_F(AttachTest, X) { Alloc(0); Map(0, 0x1000, kDram); Attach(kNiso1Side, 0, 0x0e); }
#ifndef SIDEWALL_DRIVER_DOMAIN_TEST_H_
#define SIDEWALL_DRIVER_DOMAIN_TEST_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "driver/driver_test.h"

namespace sidewall_test {

inline constexpr uint32_t kOk = SIDEWALL_OK;
inline constexpr uint32_t kRefused = SIDEWALL_REFUSED;
inline constexpr uint32_t kDegraded = SIDEWALL_DEGRADED;
inline constexpr uint32_t kNiso1Side = SIDEWALL_SIDE_NISO1;
inline constexpr uint32_t kIsoSide = SIDEWALL_SIDE_ISO;
inline constexpr uint64_t kPage = 4096;
inline constexpr uint64_t kBlockSize = uint64_t{1} << 21;

// Of eight banks and eight entries on each unit.
inline constexpr uint32_t kFault = 4;          // 3 is the host's stage 2
inline constexpr uint32_t kFirstContext = 5;   // to 7
inline constexpr uint32_t kFirstOwnEntry = 4;  // to 7
inline constexpr uint32_t kHostVmid = 9;
inline constexpr uint32_t kFaultVmid = 0xff;

using Stores = std::vector<std::pair<uint64_t, uint64_t>>;

class DomainTest : public DriverTest {
 public:
  DomainTest() {
    for (uint32_t i = 0; i < cfg.smmu_count; ++i) {
      cfg.smmu[i].el2_banks = 5;
      cfg.smmu[i].el2_entries = 4;
    }
    Boot();
  }

  uint32_t Alloc(uint32_t domain) { return sidewall_alloc_domain(state, domain, 0).status; }
  sidewall_result Free(uint32_t domain) { return sidewall_free_domain(state, domain); }
  uint32_t Attach(uint32_t side, uint32_t domain, uint32_t sid) {
    return sidewall_attach_dev(state, side, domain, sid, 0, 0, 0).status;
  }
  uint32_t Detach(uint32_t side, uint32_t domain, uint32_t sid) {
    return sidewall_detach_dev(state, side, domain, sid, 0).status;
  }
  sidewall_result Map(uint32_t domain, uint64_t iova, uint64_t pa, uint64_t count = 1,
                      uint32_t prot = SIDEWALL_PROT_RW, uint64_t page_size = kPage) {
    return sidewall_map_pages(state, domain, iova, pa, page_size, count, prot);
  }
  sidewall_result Unmap(uint32_t domain, uint64_t iova, uint64_t count = 1,
                        uint64_t page_size = kPage) {
    return sidewall_unmap_pages(state, domain, iova, page_size, count);
  }
  sidewall_result Sync(uint32_t domain) { return sidewall_iotlb_sync(state, domain); }
  uint64_t Phys(uint32_t domain, uint64_t iova) {
    const sidewall_result result = sidewall_iova_to_phys(state, domain, iova);
    return result.status == kOk ? result.progress : ~uint64_t{0};
  }

  uint32_t Smr(uint64_t window, uint32_t entry) { return fake.Reg(window + 0x800 + 4 * entry); }
  uint32_t S2cr(uint64_t window, uint32_t entry) { return fake.Reg(window + 0xc00 + 4 * entry); }
  uint32_t Cbar(uint64_t window, uint32_t bank) { return fake.Reg(window + kGr1 + 4 * bank); }
  uint64_t Ttbr0(uint64_t window, uint32_t bank) {
    return fake.Reg(sidewall_test::Bank(window, bank) + 0x20) |
           uint64_t{fake.Reg(sidewall_test::Bank(window, bank) + 0x24)} << 32;
  }
  uint32_t Sctlr(uint64_t window, uint32_t bank) {
    return fake.Reg(sidewall_test::Bank(window, bank));
  }

  // The entry of a tree that hardware would find for an address, at any level.
  uint64_t Walk(uint64_t root, uint64_t iova) {
    uint64_t table = root;
    for (int shift = 39;; shift -= 9) {
      const uint64_t entry = fake.Page(table)[(iova >> shift) & 511];
      if (shift == 12 || (entry & 3) != 3) return entry;
      table = entry & 0x0000fffffffff000;
    }
  }

  uint64_t Unused() {
    uint64_t bytes = 0;
    for (const auto& drop : fake.unused) bytes += drop.size;
    return bytes;
  }
};

}  // namespace sidewall_test

#endif  // SIDEWALL_DRIVER_DOMAIN_TEST_H_
