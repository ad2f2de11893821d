// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The host's streams on domains: order of stores, indices and their life, time-outs.
#include "driver/domain_test.h"

namespace sidewall_test {
namespace {

constexpr uint64_t kCtx = kFirstContext;
constexpr uint64_t kOwn = kFirstOwnEntry;

class AttachTest : public DomainTest {
 public:
  // The same store on both windows of the pair.
  static void Both(Stores* stores, uint64_t offset, uint64_t value) {
    stores->push_back({kNiso1 + offset, value});
    stores->push_back({kNiso1m + offset, value});
  }
};

TEST_F(AttachTest, BankThenTargetThenMatch) {
  ASSERT_EQ(Alloc(0), kOk);
  ClearLog();
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  const uint64_t root = Ttbr0(kNiso1, kFirstContext);
  const uint64_t vmid = Cbar(kNiso1, kFirstContext);
  Stores wanted;
  for (uint64_t window : {kNiso1, kNiso1m}) {
    wanted.push_back({window + kGr1 + 0x800 + 4 * kCtx, 1});
    wanted.push_back({window + kGr1 + 4 * kCtx, vmid});
    wanted.push_back({window + kGr1 + 0x400 + 4 * kCtx, 0});
    wanted.push_back({window + kBank0 + kBankStep * kCtx + 0x20, root});
    wanted.push_back({window + kBank0 + kBankStep * kCtx + 0x30, 0x80052090});
  }
  Both(&wanted, kBank0 + kBankStep * kCtx + 0x58, 0x800001fe);
  Both(&wanted, kBank0 + kBankStep * kCtx, 0x2121);
  Both(&wanted, 0xc00 + 4 * kOwn, kCtx);
  Both(&wanted, 0x800 + 4 * kOwn, 0xff80000e);
  EXPECT_EQ(RegisterStores(), wanted);
  EXPECT_EQ(vmid >> 16, 0u) << "type 0";
  EXPECT_NE(vmid, kHostVmid);
  EXPECT_NE(vmid, kFaultVmid);
  EXPECT_NE(root, Ttbr0(kNiso1, 3));
}

TEST_F(AttachTest, FaultThenOffThenFlushThenRelease) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  const uint64_t vmid = Cbar(kNiso1, kFirstContext) & 0xff;
  ClearLog();
  ASSERT_EQ(Detach(kNiso1Side, 0, 0x0e), kOk);
  Stores wanted;
  Both(&wanted, kBank0 + kBankStep * kFault, 0x2121);
  Both(&wanted, 0xc00 + 4 * kOwn, kFault);
  // A stage 2 that is off is bypassed, so that what runs through it drains first.
  Both(&wanted, 0x70, 0);
  Both(&wanted, kBank0 + kBankStep * kCtx, 0);
  Both(&wanted, 0x64, vmid);
  Both(&wanted, 0x70, 0);
  Both(&wanted, 0x800 + 4 * kOwn, 0);
  Both(&wanted, 0xc00 + 4 * kOwn, 0x00020000);
  Both(&wanted, 0x70, 0);
  Both(&wanted, kBank0 + kBankStep * kFault, 0);
  EXPECT_EQ(RegisterStores(), wanted);
  EXPECT_EQ(Detach(kNiso1Side, 0, 0x0e), kRefused);
}

TEST_F(AttachTest, OneBankForAllStreamsOfADomainOnAUnit) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  ClearLog();
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0f), kOk);
  Stores wanted;
  Both(&wanted, 0xc00 + 4 * (kOwn + 1), kCtx);
  Both(&wanted, 0x800 + 4 * (kOwn + 1), 0xff80000f);
  EXPECT_EQ(RegisterStores(), wanted);
  ASSERT_EQ(Detach(kNiso1Side, 0, 0x0e), kOk);
  EXPECT_EQ(Sctlr(kNiso1, kFirstContext), 0x2121u) << "the other stream is still there";
  EXPECT_EQ(Free(0).status, kRefused);
  ASSERT_EQ(Detach(kNiso1Side, 0, 0x0f), kOk);
  EXPECT_EQ(Sctlr(kNiso1, kFirstContext), 0u);
  EXPECT_EQ(Free(0).progress, 1u);
}

TEST_F(AttachTest, WhatCannotBeAttachedIsRefused) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Alloc(1), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  ClearLog();
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x0e), kRefused) << "twice";
  EXPECT_EQ(Attach(kNiso1Side, 1, 0x0e), kRefused) << "a stream has one domain";
  EXPECT_EQ(Attach(SIDEWALL_SIDE_NISO0, 0, 0x0e), kRefused) << "no such unit";
  EXPECT_EQ(Attach(3, 0, 0x0e), kRefused);
  for (uint32_t sid : {0u, 0x7eu, 0x7fu, 0x80u, 0x80eu, ~0u}) {
    EXPECT_EQ(Attach(kNiso1Side, 0, sid), kRefused) << sid;
    EXPECT_EQ(Detach(kNiso1Side, 0, sid), kRefused) << sid;
  }
  EXPECT_EQ(sidewall_attach_dev(state, kNiso1Side, 0, 0x0f, 1, 0, 0).status, kRefused);
  EXPECT_EQ(sidewall_attach_dev(state, kNiso1Side, 0, 0x0f, 0, 1, 0).status, kRefused);
  EXPECT_EQ(sidewall_attach_dev(state, kNiso1Side, 0, 0x0f, 0, 0, 1).status, kRefused);
  EXPECT_EQ(sidewall_detach_dev(state, kNiso1Side, 0, 0x0e, 1).status, kRefused);
  EXPECT_EQ(Detach(kNiso1Side, 1, 0x0e), kRefused) << "another domain's";
  EXPECT_EQ(Detach(kIsoSide, 0, 0x0e), kRefused) << "another unit's";
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(AttachTest, AnEntryOfTheHostComesFirst) {
  ASSERT_EQ(Alloc(0), kOk);
  Write(kNiso1 + 0x800, 0xff80000e);
  ClearLog();
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x0e), kRefused);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x0f), kOk);
  Write(kNiso1 + 0x800, 0);
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  // Now the host's entry waits until the stream is free again.
  Write(kNiso1 + 0x800, 0xff80000e);
  EXPECT_EQ(Read(kNiso1 + 0x800), 0xff80000eu);
  EXPECT_EQ(Smr(kNiso1, 0), 0u);
  ASSERT_EQ(Detach(kNiso1Side, 0, 0x0e), kOk);
  EXPECT_EQ(Smr(kNiso1, 0), 0xff80000eu);
}

TEST_F(AttachTest, ExhaustionIsRefusedAndUndone) {
  for (uint32_t domain = 0; domain < 4; ++domain) ASSERT_EQ(Alloc(domain), kOk);
  for (uint32_t domain = 0; domain < 3; ++domain) {
    ASSERT_EQ(Attach(kNiso1Side, domain, 0x10 + domain), kOk);
  }
  ClearLog();
  EXPECT_EQ(Attach(kNiso1Side, 3, 0x20), kRefused) << "three banks";
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x20), kOk);
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x21), kRefused) << "four entries";
  ASSERT_EQ(Detach(kNiso1Side, 1, 0x11), kOk);
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x21), kOk);
  EXPECT_EQ(Attach(kNiso1Side, 3, 0x22), kRefused) << "a bank, but no entry";
  ASSERT_EQ(Detach(kNiso1Side, 0, 0x21), kOk);
  EXPECT_EQ(Attach(kNiso1Side, 3, 0x22), kOk) << "and the bank was not lost";
  EXPECT_EQ(Attach(kIsoSide, 3, 0x01), kOk) << "each unit has its own";
}

class NoSpareIndexTest : public DriverTest {};

TEST_F(NoSpareIndexTest, ABoardWithoutBanksToSpareRefuses) {
  Boot();
  ASSERT_EQ(sidewall_alloc_domain(state, 0, 0).status, kOk);
  EXPECT_EQ(sidewall_attach_dev(state, kNiso1Side, 0, 0x0e, 0, 0, 0).status, kRefused);
  EXPECT_TRUE(RegisterStores().empty());
}

// Hardware of more banks and entries, of which EL2 has so many.
class ShareTest : public DriverTest {
 public:
  void Start(uint32_t el2_banks) {
    for (uint64_t window : {kNiso1, kNiso1m, kIso}) {
      fake.Poke(window + 0x20, (fake.Reg(window + 0x20) & ~0xffu) | 64);
      fake.Poke(window + 0x24, (fake.Reg(window + 0x24) & ~0xffu) | 32);
    }
    for (uint32_t i = 0; i < cfg.smmu_count; ++i) {
      cfg.smmu[i].el2_banks = el2_banks;
      cfg.smmu[i].el2_entries = 48;
    }
    Boot();
  }
  // How many domains of the host can be attached until one is refused.
  uint32_t Fill(uint32_t first) {
    uint32_t count = 0;
    while (first + count < SIDEWALL_HOST_DOMAINS) {
      const uint32_t domain = first + count;
      EXPECT_EQ(sidewall_alloc_domain(state, domain, 0).status, kOk);
      const uint32_t sid = 0x40 + domain;
      if (sidewall_attach_dev(state, kNiso1Side, domain, sid, 0, 0, 0).status != kOk) break;
      ++count;
    }
    return count;
  }
  uint32_t GuestFill(uint32_t vm, uint32_t first_sid) {
    EXPECT_EQ(sidewall_vm_create(state, vm).status, kOk);
    for (uint32_t i = 0; i < SIDEWALL_VM_DOMAINS; ++i) {
      EXPECT_EQ(sidewall_assign_unit(state, vm, kNiso1Side, first_sid + i).status, kOk);
      EXPECT_EQ(sidewall_route_add(state, vm, 1, i, kNiso1Side, first_sid + i).status, kOk);
    }
    EXPECT_EQ(sidewall_vm_finalize(state, vm).status, kOk);
    uint32_t count = 0;
    for (uint32_t i = 0; i < SIDEWALL_VM_DOMAINS; ++i) {
      const sidewall_result domain = sidewall_guest_alloc(state, vm, 1);
      EXPECT_EQ(domain.status, kOk);
      const uint32_t handle = static_cast<uint32_t>(domain.progress);
      if (sidewall_guest_attach(state, vm, 1, i, 0, handle, 0).status == kOk) ++count;
    }
    return count;
  }
};

TEST_F(ShareTest, EachOwnerIsSureOfAFifth) {
  Start(2 + 12);  // two of twelve for each
  EXPECT_EQ(Fill(0), 12u - 4 * 2) << "the host is alone, and leaves each VM its own";
  EXPECT_EQ(GuestFill(0, 0x60), 2u);
  EXPECT_EQ(GuestFill(1, 0x68), 2u);
  EXPECT_EQ(sidewall_detach_dev(state, kNiso1Side, 0, 0x40, 0).status, kOk);
  EXPECT_EQ(sidewall_attach_dev(state, kNiso1Side, 0, 0x40, 0, 0, 0).status, kOk)
      << "what came free is anybody's";
}

TEST_F(ShareTest, AGuestLeavesTheHostAndOtherGuestsTheirs) {
  Start(2 + 12);
  EXPECT_EQ(GuestFill(0, 0x60), 12u - 4 * 2);
  EXPECT_EQ(Fill(0), 2u);
}

TEST_F(ShareTest, WhereThereIsNotOneForEachTheFirstOneTakesAll) {
  Start(2 + 4);
  EXPECT_EQ(Fill(0), 4u);
}

TEST_F(AttachTest, VmidsGoRoundAndAreNeverSomebodyElses) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Alloc(1), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 1, 0x0f), kOk);
  const uint32_t other = Cbar(kNiso1, kFirstContext) & 0xff;
  std::set<uint32_t> seen;
  uint32_t last = ~0u;
  for (int i = 0; i < 600; ++i) {
    ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
    const uint32_t vmid = Cbar(kNiso1, kFirstContext + 1) & 0xff;
    EXPECT_NE(vmid, last) << "used again as late as possible";
    EXPECT_NE(vmid, other);
    EXPECT_NE(vmid, kHostVmid);
    EXPECT_NE(vmid, kFaultVmid);
    seen.insert(vmid);
    last = vmid;
    ASSERT_EQ(Detach(kNiso1Side, 0, 0x0e), kOk);
  }
  // A third of 256, and that of the other context, the host's and the fault bank's lie in it.
  EXPECT_EQ(seen.size(), 86u - 3);
}

TEST_F(AttachTest, NoVmidIsHandedOutOnTwoUnits) {
  ASSERT_EQ(Alloc(0), kOk);
  std::set<uint32_t> niso1, iso;
  for (int i = 0; i < 90; ++i) {
    ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
    ASSERT_EQ(Attach(kIsoSide, 0, 0x0e), kOk);
    niso1.insert(Cbar(kNiso1, kFirstContext) & 0xff);
    iso.insert(Cbar(kIso, kFirstContext) & 0xff);
    ASSERT_EQ(Detach(kNiso1Side, 0, 0x0e), kOk);
    ASSERT_EQ(Detach(kIsoSide, 0, 0x0e), kOk);
  }
  EXPECT_EQ(niso1.size(), 84u);
  EXPECT_EQ(iso.size(), 85u);
  for (const uint32_t vmid : iso) EXPECT_FALSE(niso1.contains(vmid)) << vmid;
}

TEST_F(AttachTest, ADetachmentThatTimesOutKeepsEverything) {
  ASSERT_EQ(Alloc(0), kOk);
  Map(0, 0, kDram, 2);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  Unmap(0, 0, 1);
  fake.stuck.insert(kNiso1);
  EXPECT_EQ(Detach(kNiso1Side, 0, 0x0e), kDegraded);
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry), kFault) << "the stream faults";
  EXPECT_EQ(Smr(kNiso1, kFirstOwnEntry), 0xff80000eu);
  EXPECT_EQ(Sctlr(kNiso1, kFirstContext), 0x2121u) << "off would be bypass";
  EXPECT_EQ(Counters().degraded, 1u);
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x0e), kDegraded);
  EXPECT_EQ(Sync(0).status, kDegraded);
  EXPECT_EQ(Free(0).status, kDegraded);
  EXPECT_EQ(Free(0).status, kDegraded);
  EXPECT_TRUE(fake.unused.empty());
  // A bank that drains is nobody's.
  ASSERT_EQ(Alloc(1), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 1, 0x0f), kOk);
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry + 1), kFirstContext + 1);
  fake.stuck.clear();
  EXPECT_EQ(Free(0).progress, 1u);
  EXPECT_EQ(Unused(), 2 * kPage);
  EXPECT_EQ(Smr(kNiso1, kFirstOwnEntry), 0u);
  EXPECT_EQ(Counters().degraded, 0u);
}

TEST_F(AttachTest, WhomNoWaitHelpsIsNotMadeToWait) {
  for (uint32_t i = 0; i < 4; ++i) ASSERT_EQ(Alloc(i), kOk);
  for (uint32_t i = 0; i < 3; ++i) ASSERT_EQ(Attach(kNiso1Side, i, 0x0e + i), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 1, 0x11), kOk) << "the last entry";
  Write(kNiso1 + 0x800, 0xff800012);
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(Detach(kNiso1Side, 0, 0x0e), kDegraded);
  ClearLog();
  EXPECT_EQ(Attach(kNiso1Side, 3, 0x0f), kRefused) << "on a domain, and no bank is free";
  EXPECT_EQ(Attach(kNiso1Side, 3, 0x12), kRefused) << "the host's entry leads it";
  EXPECT_EQ(sidewall_set_identity(state, kNiso1Side, 0x12, 1).status, kRefused);
  EXPECT_TRUE(RegisterStores().empty());
  EXPECT_EQ(Attach(kNiso1Side, 3, 0x13), kDegraded) << "a bank and an entry may come of it";
  EXPECT_EQ(sidewall_set_identity(state, kNiso1Side, 0x13, 1).status, kDegraded);
}

TEST_F(AttachTest, AnybodysCompletedSyncEndsADetachment) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(Detach(kNiso1Side, 0, 0x0e), kDegraded);
  fake.stuck.clear();
  sidewall_host_stage2_idmap(state, kDram, kDram + kPage, SIDEWALL_PROT_RW);
  sidewall_host_stage2_idmap(state, kDram, kDram + kPage, SIDEWALL_PROT_NONE);
  ASSERT_EQ(sidewall_host_stage2_idmap_complete(state, 0).status, kOk);
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry), kFirstContext) << "the bank that it had";
  EXPECT_EQ(Sctlr(kNiso1, kFirstContext), 0x2121u);
  EXPECT_EQ(Counters().degraded, 0u);
}

TEST_F(AttachTest, ABankThatDrainsIsFreeAfterATick) {
  for (uint32_t i = 0; i < 4; ++i) ASSERT_EQ(Alloc(i), kOk);
  for (uint32_t i = 0; i < 3; ++i) ASSERT_EQ(Attach(kNiso1Side, i, 0x0e + i), kOk);
  EXPECT_EQ(Attach(kNiso1Side, 3, 0x11), kRefused) << "there are three banks";
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(Detach(kNiso1Side, 0, 0x0e), kDegraded);
  EXPECT_EQ(sidewall_tick(state, 0).status, kDegraded);
  fake.stuck.clear();
  EXPECT_EQ(sidewall_tick(state, 0).status, kOk);
  EXPECT_EQ(Sctlr(kNiso1, kFirstContext), 0u);
  EXPECT_EQ(Attach(kNiso1Side, 3, 0x11), kOk);
}

TEST_F(AttachTest, WhatAFailedResumeHasDrainedIsNotFlushed) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  ASSERT_EQ(sidewall_suspend(state, kNiso1Side).status, kOk);
  fake.unreadable.insert(kNiso1 + 0x20);
  EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kDegraded);
  EXPECT_EQ(Detach(kNiso1Side, 0, 0x0e), kDegraded);
  EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kDegraded);
  EXPECT_EQ(Sync(0).status, kDegraded);
  fake.unreadable.clear();
  // The sync that follows the streams' closing completes, and the one behind the flush does not.
  size_t syncs = 0;
  fake.before_read = [&](uint64_t pa) {
    if (pa == kNiso1 + 0x74 && ++syncs == 2) fake.stuck.insert(kNiso1);
  };
  EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kDegraded);
  EXPECT_GE(syncs, 2u);
  EXPECT_EQ(Sync(0).status, kDegraded);
  fake.before_read = nullptr;
  fake.stuck.clear();
  EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kOk);
  EXPECT_EQ(Sync(0).progress, 1u);
}

TEST_F(AttachTest, TheHostCannotNameWhatIsEl2s) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  Write(kNiso1 + 0xc00, kFirstContext);
  EXPECT_EQ(S2cr(kNiso1, 0), 0x00020000u);
  ClearLog();
  Write(kNiso1 + 0xc00 + 4 * kOwn, 0);
  Write(kNiso1 + 0x800 + 4 * kOwn, 0);
  Write(sidewall_test::Bank(kNiso1, kFirstContext), 0);
  Write(kNiso1 + 0x64, Cbar(kNiso1, kFirstContext) & 0xff);
  EXPECT_EQ(RegisterStores(), (Stores{{kNiso1 + 0x64, kHostVmid}, {kNiso1m + 0x64, kHostVmid}}));
}

TEST_F(AttachTest, AStreamOnADomainIsNotTheIdentityMaps) {
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk);
  ClearLog();
  EXPECT_EQ(sidewall_set_identity(state, kNiso1Side, 0x0e, 1).status, kRefused);
  EXPECT_EQ(sidewall_set_identity(state, kNiso1Side, 0x0e, 0).status, kRefused);
  EXPECT_TRUE(RegisterStores().empty());
  ASSERT_EQ(Detach(kNiso1Side, 0, 0x0e), kOk);
  EXPECT_EQ(sidewall_set_identity(state, kNiso1Side, 0x0e, 1).status, kOk);
  EXPECT_EQ(Attach(kNiso1Side, 0, 0x0e), kOk) << "takes its place";
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry), kFirstContext);
}

TEST_F(AttachTest, BlockedStreamsOfTheHostWaitForIt) {
  DriverTest::Attach(kNiso1, 0, 1);
  Write(kNiso1 + 0x800, 0xff80000e);
  EXPECT_EQ(S2cr(kNiso1, 0), 1u);
  ClearLog();
  EXPECT_EQ(sidewall_dev_block_dma(state, kNiso1Side, 0x0e, 1).status, kOk);
  EXPECT_EQ(S2cr(kNiso1, 0), 0x00020000u);
  EXPECT_EQ(Read(kNiso1 + 0xc00), 1u) << "reads back as written";
  size_t syncs = 0;
  for (const auto& [pa, value] : RegisterStores()) syncs += pa == kNiso1m + 0x70;
  EXPECT_GE(syncs, 1u);
  // What makes the bank legal again is no attachment.
  Write(kNiso1 + kGr1 + 4, 0x00020000);
  Write(kNiso1 + kGr1 + 4, 0x0001f300);
  EXPECT_EQ(S2cr(kNiso1, 0), 0x00020000u);
  Write(kNiso1 + 0xc00, 1);
  EXPECT_EQ(S2cr(kNiso1, 0), 1u);
  Write(kNiso1 + 0x800, 0xff8f000e);
  EXPECT_EQ(sidewall_dev_block_dma(state, kNiso1Side, 0x0e, 1).status, kRefused) << "broad";
  EXPECT_EQ(sidewall_dev_block_dma(state, kNiso1Side, 0x7e, 1).status, kRefused);
  EXPECT_EQ(sidewall_dev_block_dma(state, kNiso1Side, 0x0e, 2).status, kRefused);
}

}  // namespace
}  // namespace sidewall_test
