// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The adapter over the driver that ships: a board from init to the end of a VM, through nothing but
// the callbacks. Registers are plain words, so that hardware always answers at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "driver/adapter/android16/fake_pkvm_test.h"
#include "driver/board_test.h"

namespace {

using sidewall_test::kDram;
using sidewall_test::kFakeEl2;
using sidewall_test::kFakePages;
using sidewall_test::kIso;
using sidewall_test::kMcBroadcast;
using sidewall_test::kMcSid;
using sidewall_test::kNiso1;
using sidewall_test::kNiso1m;
using sidewall_test::kWindowSize;
using sidewall_test::Pkvm;

}  // namespace

extern "C" {

const sidewall_cfg android16_board = sidewall_test::TestBoard(3, 2, sidewall_test::kFakeEl2);
// For the GiB of RAM no page more than it takes.
const sidewall_range android16_tables = {sidewall_test::kFakeEl2, (512 + 1 + 3) * 4096};

struct pkvm_hyp_vm {
  int unused;
};

}  // extern "C"

namespace {

const kvm_iommu_ops& ops = android16_ops;

void PowerUpBoard() {
  for (const auto& [pa, size] : {std::pair{kIso, kWindowSize},
                                 {kNiso1, kWindowSize},
                                 {kNiso1m, kWindowSize},
                                 {kMcSid, uint64_t{0x10000}},
                                 {kMcBroadcast, uint64_t{0x10000}}}) {
    Pkvm().windows[pa] = {size, std::make_unique<uint32_t[]>(size / 4)};
  }
  const uint32_t ids[] = {0xfc013e08, 0xe0000008, 0x0000d555, 0, 0, 0, 0, 0x21};
  for (uint64_t window : {kIso, kNiso1, kNiso1m}) {
    for (uint32_t i = 0; i < 8; ++i) Pkvm().Register(window + 0x20 + 4 * i) = ids[i];
  }
  for (uint32_t i = 0; i < 512; ++i) {
    Pkvm().Register(kMcSid + 8 * i) = 0x7f;
    Pkvm().Register(kMcSid + 8 * i + 4) = 1;
  }
  Pkvm().Register(kMcBroadcast + 0x1820) = 0x80000002;
}

int BootWithTablesAt(uint64_t start) {
  sidewall_cfg other = android16_board;
  other.el2_range[0] = {start, android16_tables.size};
  if (android16_take_tables(&other, &other.el2_range[0]) != 0) return 1;
  if (ops.init() != 0) return 2;
  ops.host_stage2_idmap(nullptr, kDram, kDram + 0x100000, IOMMU_READ | IOMMU_WRITE);
  ops.host_stage2_idmap_complete(true);
  return android16_finalize() == -EBUSY ? 0 : 3;
}

// Runs before the test of the whole, since what is taken stays taken.
TEST(Linked, TablesLieInAnEl2Range) {
  PowerUpBoard();
  const uint64_t size = android16_tables.size;
  const sidewall_range wrong[] = {
      {kFakePages, size},       // RAM that could be the host's
      {kFakeEl2 - 4096, size},  // in part
      {kDram + sidewall_test::kDramSize - size + 4096, size},
      {kMcSid, size},  // EL2's, but no RAM
      {kFakeEl2 + 8, size},
      {kFakeEl2, size + 8},
      {kFakeEl2, ~uint64_t{0} - 4095},
      {~uint64_t{0} - 4095, 8192},
  };
  for (const sidewall_range& range : wrong) {
    EXPECT_EQ(android16_take_tables(&android16_board, &range), -EINVAL) << std::hex << range.start;
  }
  const sidewall_range small = {kFakeEl2, size - 4096}, none = {kFakeEl2, 0};
  EXPECT_EQ(android16_take_tables(&android16_board, &small), -ENOMEM);
  EXPECT_EQ(android16_take_tables(&android16_board, &none), -ENOMEM);
  Pkvm().donate_fails = true;  // the host does not own them
  EXPECT_EQ(ops.init(), -EBUSY);
  Pkvm().donate_fails = false;
  EXPECT_TRUE(Pkvm().donated.empty());
  // The driver itself accepts no table from elsewhere, and says so.
  EXPECT_EXIT(std::_Exit(BootWithTablesAt(kFakePages)), ::testing::ExitedWithCode(0), "");
}

TEST(Linked, FromInitToTheEndOfAVm) {
  PowerUpBoard();
  ASSERT_EQ(ops.init(), 0) << "line " << android16_notes.refused_line;
  EXPECT_EQ(Pkvm().donated, (std::vector<std::pair<uint64_t, uint64_t>>{{kFakeEl2 >> 12, 516}}));
  // More than there is memory for: the atomic pool does not serve yet.
  EXPECT_DEATH(ops.host_stage2_idmap(nullptr, 0, kDram, IOMMU_READ), "hyp_panic: the adapter");
  ops.host_stage2_idmap(nullptr, kDram, kDram + 0x100000, IOMMU_READ | IOMMU_WRITE);
  // The rest of a snapshot: nothing behind the RAM was ever given away.
  ops.host_stage2_idmap(nullptr, kDram + sidewall_test::kDramSize, uint64_t{1} << 48, IOMMU_READ);
  ops.host_stage2_idmap_complete(true);
  EXPECT_TRUE(Pkvm().pools.empty());
  ASSERT_EQ(android16_finalize(), 0) << "line " << android16_notes.refused_line;

  // The host reads IDR0 through the trap: nested translation is not for it.
  user_pt_regs regs{};
  ASSERT_TRUE(
      ops.dabt_handler(&regs, (0x24ull << 26) | (0x3ull << 24) | (2ull << 22) | 5, kIso + 0x20));
  EXPECT_EQ(regs.regs[0] & (1u << 28), 0u);
  EXPECT_NE(regs.regs[0], 0u);
  EXPECT_FALSE(ops.dabt_handler(&regs, (0x24ull << 26) | (0x3ull << 24) | 5, 0x03000000));

  kvm_hyp_iommu* iso = ops.get_iommu_by_id(SIDEWALL_SIDE_ISO);
  uint64_t token = 0;
  EXPECT_EQ(ops.get_iommu_token_by_id(SIDEWALL_SIDE_ISO, &token), 0);
  EXPECT_EQ(token, kIso);

  kvm_hyp_iommu_domain domain{1, 4, nullptr, nullptr};
  ASSERT_EQ(ops.alloc_domain(&domain, KVM_IOMMU_DOMAIN_PAGED), 0);
  size_t total = 0;
  Pkvm().pages_left = 0;
  EXPECT_EQ(ops.map_pages(&domain, 0x1000, kDram, 4096, 2, IOMMU_READ, &total), -ENOMEM);
  EXPECT_EQ(total, 0u);
  ASSERT_EQ(Pkvm().requests.size(), 1u);
  Pkvm().pages_left = Pkvm().requests[0].count;  // the host refills, and comes again
  EXPECT_EQ(ops.map_pages(&domain, 0x1000, kDram, 4096, 2, IOMMU_READ, &total), 0);
  EXPECT_EQ(total, 0x2000u);
  EXPECT_EQ(ops.iova_to_phys(&domain, 0x2abc), kDram + 0x1abc);
  EXPECT_EQ(ops.unmap_pages(&domain, 0x1000, 4096, 2, nullptr), 0x2000u);
  EXPECT_TRUE(Pkvm().unused.empty());
  ops.iotlb_sync(&domain, nullptr);
  EXPECT_EQ(Pkvm().unused, (std::vector<std::pair<uint64_t, uint64_t>>{{kDram, 0x2000}}));
  ops.free_domain(&domain);

  EXPECT_EQ(ops.suspend(iso), 0);
  EXPECT_FALSE(
      ops.dabt_handler(&regs, (0x24ull << 26) | (0x3ull << 24) | (2ull << 22) | 5, kIso + 0x20));
  EXPECT_EQ(ops.resume(iso), 0);
  Pkvm().pages_left = 64;
  pkvm_hyp_vm vm{};
  const android16_route route{SIDEWALL_SIDE_ISO, 0x01};
  EXPECT_EQ(ops.dev_block_dma(iso, 0x01, true), 0);
  ASSERT_EQ(android16_vm_start(&vm, &route, 1), 0);
  kvm_hyp_iommu_domain guest{1, 300, nullptr, &vm};
  ASSERT_EQ(ops.alloc_domain(&guest, KVM_IOMMU_DOMAIN_PAGED), 0);
  EXPECT_EQ(ops.map_pages(&guest, 0, kDram + 0x10000, 4096, 1, IOMMU_WRITE, &total), 0);
  EXPECT_EQ(total, 0x1000u);
  EXPECT_EQ(ops.attach_dev(iso, &guest, 0x01, 0, 0, 0), 0);
  EXPECT_EQ(ops.attach_dev(iso, &guest, 0x02, 0, 0, 0), -EINVAL);  // no route of the VM's
  EXPECT_EQ(ops.detach_dev(iso, &guest, 0x01, 0), 0);
  ops.free_domain(&guest);
  EXPECT_EQ(Pkvm().unused.back().first, kDram + 0x10000);
  EXPECT_EQ(android16_vm_stop(&vm), 0);
  EXPECT_EQ(ops.dev_block_dma(iso, 0x01, false), 0);

  // A page leaves the host.
  ops.host_stage2_idmap(nullptr, kDram + 0x5000, kDram + 0x6000, 0);
  ops.host_stage2_idmap_complete(false);
  android16_tick();
  EXPECT_TRUE(Pkvm().held.empty());
}

// After the one above: what the board's memory for tables has no room for comes from there now.
TEST(Linked, TheAtomicPoolServesAfterFinalize) {
  Pkvm().pages_left = 2000;
  Pkvm().pools.clear();
  ops.host_stage2_idmap(nullptr, 0, kDram, IOMMU_READ);
  EXPECT_FALSE(Pkvm().pools.empty());
  EXPECT_EQ(std::count(Pkvm().pools.begin(), Pkvm().pools.end(), 'a'),
            static_cast<ptrdiff_t>(Pkvm().pools.size()));
  EXPECT_TRUE(Pkvm().held.empty());
}

}  // namespace
