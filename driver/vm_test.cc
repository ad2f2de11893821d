// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// VMs: routes, assignment of whole units, guests' domains, and the end of it all.
#include <algorithm>
#include <cstring>

#include "driver/domain_test.h"

namespace sidewall_test {
namespace {

constexpr uint32_t kSdmmc = 0x02;   // niso1, no other stream
constexpr uint32_t kPcie1 = 0x05;   // niso1, no other stream
constexpr uint32_t kXusb = 0x0e;    // niso1, with virtual functions 0x1a to 0x1d
constexpr uint32_t kHost1x = 0x27;  // niso1, with contexts 0x35 to 0x44
constexpr uint32_t kFirstGuestDomain = SIDEWALL_HOST_DOMAINS;
constexpr uint32_t kFaultS2cr = 0x00020000;
constexpr uint32_t kGuest0 = SIDEWALL_OWNER_GUEST0;
constexpr uint64_t kGfar = 0x40;
constexpr uint64_t kGfsr = 0x48;

class VmTest : public DomainTest {
 public:
  uint32_t Create(uint32_t vm) { return sidewall_vm_create(state, vm).status; }
  uint32_t Assign(uint32_t vm, uint32_t sid, uint32_t side = kNiso1Side) {
    return sidewall_assign_unit(state, vm, side, sid).status;
  }
  uint32_t Unassign(uint32_t vm, uint32_t sid, uint32_t side = kNiso1Side) {
    return sidewall_unassign_unit(state, vm, side, sid).status;
  }
  uint32_t Route(uint32_t vm, uint32_t pviommu, uint32_t vsid, uint32_t sid,
                 uint32_t side = kNiso1Side) {
    return sidewall_route_add(state, vm, pviommu, vsid, side, sid).status;
  }
  uint32_t Finalize(uint32_t vm) { return sidewall_vm_finalize(state, vm).status; }
  sidewall_result Destroy(uint32_t vm) { return sidewall_vm_destroy(state, vm); }
  sidewall_result GuestAlloc(uint32_t vm, uint32_t pviommu = 1) {
    return sidewall_guest_alloc(state, vm, pviommu);
  }
  uint32_t GuestAttach(uint32_t vm, uint32_t vsid, uint32_t domain, uint32_t pviommu = 1) {
    return sidewall_guest_attach(state, vm, pviommu, vsid, 0, domain, 0).status;
  }
  uint32_t GuestDetach(uint32_t vm, uint32_t vsid, uint32_t domain) {
    return sidewall_guest_detach(state, vm, 1, vsid, 0, domain).status;
  }
  sidewall_result GuestMap(uint32_t vm, uint32_t domain, uint64_t iova, uint64_t pa,
                           uint64_t size) {
    return sidewall_guest_map(state, vm, domain, iova, pa, size, SIDEWALL_PROT_RW);
  }
  sidewall_result GuestUnmap(uint32_t vm, uint32_t domain, uint64_t iova, uint64_t size) {
    return sidewall_guest_unmap(state, vm, domain, iova, size);
  }

  void RaiseBank(uint64_t window, uint32_t bank, uint32_t sid) {
    fake.Poke(sidewall_test::Bank(window, bank) + 0x58, 2);
    fake.Poke(sidewall_test::Bank(window, bank) + 0x60, 0x7654000);
    fake.Poke(window + kGr1 + 0x400 + 4 * bank, sid);
  }
  uint32_t BankFsr(uint64_t window, uint32_t bank) {
    return fake.Reg(sidewall_test::Bank(window, bank) + 0x58);
  }
  void RaiseGlobal(uint64_t window, uint32_t sid) {
    fake.Poke(window + kGfsr, 2);
    fake.Poke(window + kGfar, 0x7654000);
    fake.Poke(window + 0x50, 0x11);
    fake.Poke(window + 0x54, sid);
    fake.Poke(window + 0x58, 0x5eced);
  }
  // The owners that one tick tells of a fault.
  std::vector<uint32_t> Told() {
    fake.notices.clear();
    EXPECT_EQ(sidewall_tick(state, 0).status, kOk);
    std::vector<uint32_t> owners;
    for (const FakePlatform::Notice& notice : fake.notices) owners.push_back(notice.owner);
    return owners;
  }
  static std::vector<uint32_t> Sorted(std::vector<uint32_t> owners) {
    std::sort(owners.begin(), owners.end());
    return owners;
  }

  // A VM that has the device behind vSID 7 of pvIOMMU 1, ready to run.
  void Start(uint32_t vm, uint32_t sid) {
    ASSERT_EQ(Create(vm), kOk);
    ASSERT_EQ(Assign(vm, sid), kOk);
    ASSERT_EQ(Route(vm, 1, 7, sid), kOk);
    ASSERT_EQ(Finalize(vm), kOk);
  }
};

TEST_F(VmTest, VmsHaveALife) {
  EXPECT_EQ(Create(SIDEWALL_MAX_VMS), kRefused);
  EXPECT_EQ(Create(~0u), kRefused);
  for (uint32_t vm : {0u, SIDEWALL_MAX_VMS, ~0u}) {
    EXPECT_EQ(Route(vm, 1, 1, kSdmmc), kRefused);
    EXPECT_EQ(Finalize(vm), kRefused);
    EXPECT_EQ(Destroy(vm).status, kRefused);
    EXPECT_EQ(Assign(vm, kSdmmc), kRefused);
    EXPECT_EQ(Unassign(vm, kSdmmc), kRefused);
    EXPECT_EQ(GuestAlloc(vm).status, kRefused);
    EXPECT_EQ(GuestMap(vm, kFirstGuestDomain, 0, kDram, kPage).status, kRefused);
    EXPECT_EQ(sidewall_guest_free(state, vm, kFirstGuestDomain).status, kRefused);
    EXPECT_EQ(GuestAttach(vm, 7, kFirstGuestDomain), kRefused);
  }
  EXPECT_EQ(sidewall_pool_add(state, SIDEWALL_POOL_VM0, 1).status, kRefused);
  EXPECT_EQ(sidewall_pool_add(state, ~0u, 1).status, kRefused);
  EXPECT_EQ(Create(3), kOk);
  EXPECT_EQ(Create(3), kRefused);
  EXPECT_EQ(GuestAlloc(3).status, kRefused) << "not finalized";
  EXPECT_EQ(sidewall_pool_add(state, SIDEWALL_POOL_VM0 + 3, 5).status, kOk);
  EXPECT_EQ(Finalize(3), kOk);
  EXPECT_EQ(Finalize(3), kRefused);
  EXPECT_EQ(GuestAlloc(3).status, kRefused) << "no pvIOMMU";
  EXPECT_EQ(Destroy(3).progress, 1u);
  EXPECT_EQ(Destroy(3).status, kRefused);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(VmTest, RoutesAreFixedOnceFinal) {
  ASSERT_EQ(Create(0), kOk);
  EXPECT_EQ(Route(0, 1, 7, 0), kRefused);
  EXPECT_EQ(Route(0, 1, 7, 0x7f), kRefused);
  EXPECT_EQ(Route(0, 1, 7, kSdmmc, SIDEWALL_SIDE_NISO0), kRefused) << "no such unit";
  EXPECT_EQ(Route(0, 1, 7, kSdmmc), kOk);
  EXPECT_EQ(Route(0, 1, 7, kPcie1), kRefused) << "the vSID is taken";
  EXPECT_EQ(Route(0, 2, 7, kSdmmc), kRefused) << "the stream is";
  EXPECT_EQ(Route(0, 2, 7, kPcie1), kOk);
  for (uint32_t i = 2; i < SIDEWALL_MAX_ROUTES; ++i) EXPECT_EQ(Route(0, 3, i, 0x50 + i), kOk);
  EXPECT_EQ(Route(0, 4, 1, 0x70), kRefused) << "no room";
  EXPECT_EQ(Finalize(0), kRefused) << "the streams are not its own";
  EXPECT_EQ(Destroy(0).progress, 1u);
  Start(0, kSdmmc);
  EXPECT_EQ(Route(0, 2, 7, kPcie1), kRefused);
}

TEST_F(VmTest, AssignmentBlocksBeforeAnythingElse) {
  ASSERT_EQ(Create(0), kOk);
  DriverTest::Attach(kNiso1, 0, 1);
  Write(kNiso1 + 0x800, 0xff800002);
  ClearLog();
  ASSERT_EQ(Assign(0, kSdmmc), kOk);
  const uint64_t own = kFirstOwnEntry;
  EXPECT_EQ(RegisterStores(), (Stores{{kNiso1 + 0x800, 0},
                                      {kNiso1m + 0x800, 0},
                                      {sidewall_test::Bank(kNiso1, kFault), 0x2121},
                                      {sidewall_test::Bank(kNiso1m, kFault), 0x2121},
                                      {kNiso1 + 0xc00 + 4 * own, kFault},
                                      {kNiso1m + 0xc00 + 4 * own, kFault},
                                      {kNiso1 + 0x800 + 4 * own, 0xff800002},
                                      {kNiso1m + 0x800 + 4 * own, 0xff800002},
                                      {kNiso1 + 0x64, kHostVmid},
                                      {kNiso1m + 0x64, kHostVmid},
                                      {kNiso1 + 0x70, 0},
                                      {kNiso1m + 0x70, 0}}));
  EXPECT_EQ(Read(kNiso1 + 0x800), 0xff800002u) << "reads back as written";
  // Whatever the host writes meanwhile, the stream is not its own.
  Write(kNiso1 + 0x800, 0xff800002);
  Write(kNiso1 + 0x804, 0xffff0000);
  EXPECT_EQ(Smr(kNiso1, 0), 0u);
  EXPECT_EQ(Smr(kNiso1, 1), 0u);
  EXPECT_EQ(Assign(0, kSdmmc), kRefused) << "twice";
  ASSERT_EQ(Create(1), kOk);
  EXPECT_EQ(Assign(1, kSdmmc), kRefused) << "another VM's";
  EXPECT_EQ(Unassign(1, kSdmmc), kRefused);
  ASSERT_EQ(Alloc(0), kOk);
  EXPECT_EQ(Attach(kNiso1Side, 0, kSdmmc), kRefused) << "the host's domain";
  EXPECT_EQ(Assign(0, 0x7e), kRefused);
  EXPECT_EQ(Assign(0, 0), kRefused);
}

TEST_F(VmTest, TheHostNarrowsItsEntryFirst) {
  ASSERT_EQ(Create(0), kOk);
  Write(kNiso1 + 0x800, 0xff830000);  // 0 to 3
  ClearLog();
  EXPECT_EQ(Assign(0, kSdmmc), kRefused);
  EXPECT_TRUE(RegisterStores().empty());
  Write(kNiso1 + 0x800, 0xff810000);  // 0 and 1
  EXPECT_EQ(Assign(0, kSdmmc), kOk);
  EXPECT_EQ(Smr(kNiso1, 0), 0xff810000u) << "has nothing to do with it";
  Write(kNiso1 + 0x804, 0xff80001a);
  EXPECT_EQ(Assign(0, kXusb), kOk) << "an entry for a stream of the same unit";
  EXPECT_EQ(Smr(kNiso1, 1), 0u);
}

TEST_F(VmTest, AUnitMovesWhole) {
  ASSERT_EQ(Create(0), kOk);
  ASSERT_EQ(Create(1), kOk);
  ASSERT_EQ(Assign(0, 0x1b), kOk) << "named by any of its streams";
  for (uint32_t sid : {kXusb, 0x1au, 0x1bu, 0x1cu, 0x1du}) {
    EXPECT_EQ(Assign(1, sid), kRefused) << sid;
    Write(kNiso1 + 0x800, 0xff800000 | sid);
    EXPECT_EQ(Smr(kNiso1, 0), 0u) << sid;
  }
  Write(kNiso1 + 0x800, 0xff80001e);
  EXPECT_EQ(Smr(kNiso1, 0), 0xff80001eu) << "somebody else's";
  Write(kNiso1 + 0x800, 0);
  EXPECT_EQ(Unassign(0, 0x1d), kOk);
  EXPECT_EQ(Assign(1, kXusb), kOk);
  // The iso side has the same number for another device.
  EXPECT_EQ(Assign(0, kXusb, kIsoSide), kOk);
}

TEST_F(VmTest, AnAttachedStreamIsNotAssigned) {
  ASSERT_EQ(Create(0), kOk);
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, 0x1c), kOk);
  ClearLog();
  EXPECT_EQ(Assign(0, kXusb), kRefused) << "a stream of the unit is attached";
  EXPECT_TRUE(RegisterStores().empty());
  ASSERT_EQ(Detach(kNiso1Side, 0, 0x1c), kOk);
  EXPECT_EQ(Assign(0, kXusb), kOk);
}

TEST_F(VmTest, WithoutAnEntryNothingIsAssigned) {
  for (uint32_t vm = 0; vm < 2; ++vm) ASSERT_EQ(Create(vm), kOk);
  for (uint32_t sid : {2u, 5u, 6u, 7u}) ASSERT_EQ(Assign(0, sid), kOk);
  ClearLog();
  EXPECT_EQ(Assign(1, 8), kRefused);
  EXPECT_TRUE(RegisterStores().empty());
  ASSERT_EQ(Unassign(0, 6), kOk);
  EXPECT_EQ(Assign(1, 8), kOk);
}

TEST_F(VmTest, AClientThatIsNotPinnedKeepsItsUnitBack) {
  ASSERT_EQ(Create(0), kOk);
  std::vector<uint64_t> clients;
  for (uint64_t id = 0; id < 0x200; ++id) {
    if (fake.Reg(kMcSid + 8 * id) == kSdmmc) clients.push_back(id);
  }
  ASSERT_FALSE(clients.empty());
  for (uint64_t id : clients) fake.Poke(kMcSid + 8 * id, 0x7f);
  EXPECT_EQ(Assign(0, kSdmmc), kRefused);
  for (uint64_t id : clients) fake.Poke(kMcSid + 8 * id, kSdmmc);
  EXPECT_EQ(Assign(0, kSdmmc), kOk);
}

// Pages that lie apart are references apart: a call takes no more than it can drop.
TEST_F(VmTest, AGuestsUnmapDropsAllThatItUnmapped) {
  constexpr uint64_t kPages = 5000;
  Start(0, kSdmmc);
  fake.pool_left = 1000;
  const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
  for (uint64_t i = 0; i < kPages; ++i) {
    const uint64_t pa = kDram + (i * 7919 % kPages) * 2 * kPage;
    ASSERT_EQ(GuestMap(0, domain, i * kPage, pa, kPage).progress, kPage);
  }
  uint64_t done = 0;
  for (uint32_t calls = 0; done < kPages * kPage; ++calls) {
    ASSERT_LT(calls, 10u);
    const sidewall_result result = GuestUnmap(0, domain, done, kPages * kPage - done);
    ASSERT_EQ(result.status, kOk);
    done += result.progress;
    EXPECT_EQ(Unused(), done) << "what is unmapped is dropped";
  }
  EXPECT_EQ(GuestUnmap(0, domain, 0, kPage).status, kRefused);
}

// A guest has no sync of its own: the same call ends what a time-out has left.
TEST_F(VmTest, AGuestsUnmapThatTimedOutEndsWithTheNext) {
  Start(0, kSdmmc);
  const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
  ASSERT_EQ(GuestMap(0, domain, 0, kDram, 2 * kPage).progress, 2 * kPage);
  ASSERT_EQ(GuestAttach(0, 7, domain), kOk);
  fake.stuck.insert(kNiso1m);
  const sidewall_result first = GuestUnmap(0, domain, 0, kPage);
  EXPECT_EQ(first.status, kDegraded);
  EXPECT_EQ(first.progress, kPage);
  EXPECT_EQ(GuestUnmap(0, domain, 0, kPage).status, kDegraded);
  EXPECT_EQ(Unused(), 0u);
  fake.stuck.clear();
  const sidewall_result again = GuestUnmap(0, domain, 0, kPage);
  EXPECT_EQ(again.status, kOk);
  EXPECT_EQ(again.progress, 0u);
  EXPECT_EQ(Unused(), kPage);
  EXPECT_EQ(GuestUnmap(0, domain, 0, kPage).status, kRefused);
  EXPECT_EQ(GuestUnmap(0, domain, kPage, kPage).progress, kPage);
  EXPECT_EQ(Unused(), 2 * kPage);
}

TEST_F(VmTest, ReturnedStreamsFaultUntilTheHostAttaches) {
  DriverTest::Attach(kNiso1, 0, 1);
  Write(kNiso1 + 0x800, 0xff800002);
  ASSERT_EQ(Create(0), kOk);
  ASSERT_EQ(Assign(0, kSdmmc), kOk);
  Write(kNiso1 + 0xc00, 1);
  ClearLog();
  ASSERT_EQ(Unassign(0, kSdmmc), kOk);
  const uint64_t own = kFirstOwnEntry;
  const Stores stores = RegisterStores();
  ASSERT_GE(stores.size(), 4u);
  EXPECT_EQ(stores[0], (std::pair<uint64_t, uint64_t>{kNiso1 + 0x70, 0})) << "what was under way";
  EXPECT_EQ(Smr(kNiso1, kFirstOwnEntry), 0u);
  EXPECT_EQ(Smr(kNiso1, 0), 0xff800002u) << "valid again";
  EXPECT_EQ(S2cr(kNiso1, 0), kFaultS2cr) << "and faulting";
  EXPECT_EQ(Read(kNiso1 + 0xc00), 1u);
  // EL2's entry goes before the host's comes.
  size_t gone = 0;
  size_t back = 0;
  for (size_t i = 0; i < stores.size(); ++i) {
    if (stores[i].first == kNiso1m + 0x800 + 4 * own) gone = i;
    if (stores[i].first == kNiso1 + 0x800) back = i;
  }
  EXPECT_LT(gone, back);
  Write(kNiso1 + 0xc00, 1);
  EXPECT_EQ(S2cr(kNiso1, 0), 1u);
  EXPECT_EQ(Unassign(0, kSdmmc), kRefused);
}

TEST_F(VmTest, ATimeOutKeepsTheUnitWhereItWas) {
  ASSERT_EQ(Create(0), kOk);
  fake.stuck.insert(kNiso1m);
  EXPECT_EQ(Assign(0, kSdmmc), kDegraded);
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry), kFault) << "the VM's, and faulting";
  EXPECT_EQ(Unassign(0, kSdmmc), kDegraded);
  Write(kNiso1 + 0x800, 0xff800002);
  EXPECT_EQ(Smr(kNiso1, 0), 0u) << "still the VM's";
  fake.stuck.clear();
  EXPECT_EQ(Unassign(0, kSdmmc), kOk);
  EXPECT_EQ(Smr(kNiso1, 0), 0xff800002u);
}

TEST_F(VmTest, AGuestMapsItsOwn) {
  Start(2, kSdmmc);
  const sidewall_result made = GuestAlloc(2);
  ASSERT_EQ(made.status, kOk);
  const uint32_t domain = static_cast<uint32_t>(made.progress);
  EXPECT_EQ(domain, kFirstGuestDomain + 2 * SIDEWALL_VM_DOMAINS);
  EXPECT_EQ(GuestMap(2, domain, 0x1000, kDram, 3 * kPage).progress, 3 * kPage);
  EXPECT_EQ(fake.pools_used.count(SIDEWALL_POOL_VM0 + 2), 1u);
  ClearLog();
  ASSERT_EQ(GuestAttach(2, 7, domain), kOk);
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry), kFirstContext);
  for (const auto& [pa, value] : RegisterStores()) {
    EXPECT_NE(pa, kNiso1 + 0x800 + 4 * kFirstOwnEntry) << "the entry is valid already";
  }
  EXPECT_EQ(Walk(Ttbr0(kNiso1, kFirstContext), 0x2000) & 0xfffff000, kDram + kPage);
  EXPECT_EQ(GuestUnmap(2, domain, 0x1000, 2 * kPage).progress, 2 * kPage);
  EXPECT_EQ(Unused(), 2 * kPage) << "with a sync of its own";
  EXPECT_EQ(GuestMap(2, domain, 0x1000, kDram + 0x5000, kPage).progress, kPage);
  ASSERT_EQ(GuestDetach(2, 7, domain), kOk);
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry), kFault);
  EXPECT_EQ(Smr(kNiso1, kFirstOwnEntry), 0xff800002u);
  EXPECT_EQ(sidewall_guest_free(state, 2, domain).progress, 1u);
  EXPECT_EQ(Unused(), 4 * kPage);
}

TEST_F(VmTest, NobodyNamesWhatIsSomebodyElses) {
  Start(0, kSdmmc);
  Start(1, kPcie1);
  const uint32_t mine = static_cast<uint32_t>(GuestAlloc(0).progress);
  const uint32_t other = static_cast<uint32_t>(GuestAlloc(1).progress);
  ASSERT_NE(mine, other);
  ASSERT_EQ(Alloc(0), kOk);
  GuestMap(1, other, 0, kDram, kPage);
  ClearLog();
  const uint64_t stores = Counters().table_stores;
  for (uint32_t domain : {other, 0u, mine + 1, 1000u, ~0u}) {
    EXPECT_EQ(GuestMap(0, domain, 0x5000, kDram, kPage).status, kRefused) << domain;
    EXPECT_EQ(GuestUnmap(0, domain, 0, kPage).status, kRefused) << domain;
    EXPECT_EQ(GuestAttach(0, 7, domain), kRefused) << domain;
    EXPECT_EQ(GuestDetach(0, 7, domain), kRefused) << domain;
    EXPECT_EQ(sidewall_guest_free(state, 0, domain).status, kRefused) << domain;
  }
  for (uint32_t domain : {mine, other}) {
    EXPECT_EQ(Map(domain, 0x5000, kDram).status, kRefused) << "the host";
    EXPECT_EQ(Unmap(domain, 0).status, kRefused);
    EXPECT_EQ(Sync(domain).status, kRefused);
    EXPECT_EQ(Phys(domain, 0), ~uint64_t{0}) << "learns nothing";
    EXPECT_EQ(Free(domain).status, kRefused);
    EXPECT_EQ(Attach(kNiso1Side, domain, 0x0f), kRefused);
  }
  EXPECT_EQ(GuestAttach(0, 8, mine), kRefused) << "no such vSID";
  EXPECT_EQ(GuestAttach(0, 7, mine, 2), kRefused) << "no such pvIOMMU";
  EXPECT_EQ(sidewall_guest_attach(state, 0, 1, 7, 1, mine, 0).status, kRefused);
  EXPECT_EQ(sidewall_guest_attach(state, 0, 1, 7, 0, mine, 1).status, kRefused);
  EXPECT_EQ(GuestAlloc(0, 2).status, kRefused);
  EXPECT_EQ(Counters().table_stores, stores);
  EXPECT_TRUE(RegisterStores().empty());
}

TEST_F(VmTest, AStreamThatWentBackIsNotTheGuestsAnyMore) {
  Start(0, kSdmmc);
  const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
  ASSERT_EQ(GuestAttach(0, 7, domain), kOk);
  EXPECT_EQ(Unassign(0, kSdmmc), kRefused) << "while it is attached";
  ASSERT_EQ(GuestDetach(0, 7, domain), kOk);
  ASSERT_EQ(Unassign(0, kSdmmc), kOk);
  EXPECT_EQ(GuestAttach(0, 7, domain), kRefused);
}

TEST_F(VmTest, OneGuestDoesNotUseUpTheOthersDomains) {
  Start(0, kSdmmc);
  Start(1, kPcie1);
  for (uint32_t i = 0; i < SIDEWALL_VM_DOMAINS; ++i) EXPECT_EQ(GuestAlloc(0).status, kOk);
  EXPECT_EQ(GuestAlloc(0).status, kRefused);
  EXPECT_EQ(GuestAlloc(1).status, kOk);
}

// What a guest does is EL2's to know: the host would learn from it what the guest is about.
TEST_F(VmTest, TheHostsCountersDoNotHangOnWhatAGuestDoes) {
  Start(0, kSdmmc);
  const sidewall_counters before = Counters();
  const sidewall_counters all = Counters(SIDEWALL_OWNER_EL2);
  const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
  ASSERT_EQ(GuestMap(0, domain, 0x1000, kDram, 700 * kPage).progress, 700 * kPage);
  ASSERT_EQ(GuestAttach(0, 7, domain), kOk);
  ASSERT_EQ(GuestUnmap(0, domain, 0x1000, 600 * kPage).progress, 600 * kPage);
  RaiseBank(kNiso1, kFirstContext, kSdmmc);
  EXPECT_EQ(Told(), std::vector<uint32_t>{kGuest0});
  // That EL2 sees all of it shows that there was something to hide.
  sidewall_counters more = Counters(SIDEWALL_OWNER_EL2);
  EXPECT_GE(more.table_stores, all.table_stores + 1300);
  EXPECT_GT(more.stores, all.stores);
  EXPECT_GT(more.syncs, all.syncs);
  EXPECT_GT(more.pages, all.pages);
  ASSERT_EQ(GuestDetach(0, 7, domain), kOk);
  EXPECT_EQ(sidewall_guest_free(state, 0, domain).progress, 1u);
  const sidewall_counters after = Counters();
  EXPECT_EQ(std::memcmp(&before, &after, sizeof(after)), 0);
  for (uint32_t owner : {kGuest0, kGuest0 + 3, 0xffffffffu}) {
    EXPECT_EQ(sidewall_stats_of(state, owner, &more).status, kRefused);
  }
}

// How many banks there are to switch off and on again is what guests have attached.
TEST_F(VmTest, TheHostsCountersDoNotHangOnTheBanksThatGuestsUse) {
  Start(0, kSdmmc);
  const auto stores_of_a_suspend = [this] {
    const uint64_t before = Counters().stores;
    EXPECT_EQ(sidewall_suspend(state, kNiso1Side).status, kOk);
    EXPECT_EQ(sidewall_resume(state, kNiso1Side).status, kOk);
    return Counters().stores - before;
  };
  const uint64_t alone = stores_of_a_suspend();
  const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
  ASSERT_EQ(GuestAttach(0, 7, domain), kOk);
  EXPECT_EQ(stores_of_a_suspend(), alone);
}

TEST_F(VmTest, AnEmptyPoolIsSaid) {
  Start(0, kSdmmc);
  fake.pool_left = 0;
  sidewall_result result = GuestAlloc(0);
  EXPECT_EQ(result.status, kRefused);
  EXPECT_EQ(result.pages_needed, 1u);
  fake.pool_left = 2;
  result = GuestAlloc(0);
  ASSERT_EQ(result.status, kOk);
  const uint32_t domain = static_cast<uint32_t>(result.progress);
  result = GuestMap(0, domain, 0, kDram, kPage);
  EXPECT_EQ(result.status, kOk);
  EXPECT_EQ(result.progress, 0u);
  EXPECT_EQ(result.pages_needed, 3u);
  EXPECT_EQ(fake.pool_left, 1u) << "what did not suffice went back";
}

TEST_F(VmTest, TheEndOfAVmGivesAllBack) {
  const size_t pages = fake.pages_out;
  DriverTest::Attach(kNiso1, 0, 1);
  Write(kNiso1 + 0x800, 0xff800002);
  Start(0, kSdmmc);
  for (int i = 0; i < 3; ++i) {
    const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
    GuestMap(0, domain, 0x1000 * i, kDram + 0x10000 * i, (i + 1) * kPage);
    if (i == 0) {
      ASSERT_EQ(GuestAttach(0, 7, domain), kOk);
    }
  }
  ClearLog();
  EXPECT_EQ(Destroy(0).progress, 1u);
  EXPECT_EQ(Unused(), 6 * kPage);
  EXPECT_EQ(fake.pages_out, pages);
  EXPECT_EQ(Sctlr(kNiso1, kFirstContext), 0u);
  EXPECT_EQ(Smr(kNiso1, kFirstOwnEntry), 0u);
  EXPECT_EQ(Smr(kNiso1, 0), 0xff800002u);
  EXPECT_EQ(S2cr(kNiso1, 0), kFaultS2cr);
  // The stream faults before its pages are released.
  const Stores stores = RegisterStores();
  EXPECT_EQ(stores[2],
            (std::pair<uint64_t, uint64_t>{kNiso1 + 0xc00 + 4 * kFirstOwnEntry, kFault}));
  Start(0, kSdmmc);
  EXPECT_EQ(GuestAlloc(0).progress, kFirstGuestDomain) << "everything is as it was";
}

TEST_F(VmTest, AVmThatCannotEndServesNobody) {
  Start(0, kSdmmc);
  const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
  GuestMap(0, domain, 0, kDram, 4 * kPage);
  ASSERT_EQ(GuestAttach(0, 7, domain), kOk);
  fake.stuck.insert(kNiso1);
  EXPECT_EQ(Destroy(0).status, kDegraded);
  EXPECT_EQ(Destroy(0).status, kDegraded);
  EXPECT_TRUE(fake.unused.empty());
  EXPECT_EQ(S2cr(kNiso1, kFirstOwnEntry), kFault);
  EXPECT_EQ(GuestMap(0, domain, 0x10000, kDram, kPage).status, kRefused);
  EXPECT_EQ(GuestAlloc(0).status, kRefused);
  EXPECT_EQ(Assign(0, kPcie1), kRefused);
  EXPECT_EQ(Create(0), kRefused);
  fake.stuck.clear();
  EXPECT_EQ(Destroy(0).progress, 1u);
  EXPECT_EQ(Unused(), 4 * kPage);
  EXPECT_EQ(Create(0), kOk);
}

TEST_F(VmTest, AVmThatIsMadeAnewMeanwhileIsNotEnded) {
  Start(0, kSdmmc);
  GuestAlloc(0);
  uint32_t domain = 0;
  const auto end_and_begin = [&] {
    EXPECT_EQ(Destroy(0).progress, 1u);
    Start(0, kPcie1);
    domain = static_cast<uint32_t>(GuestAlloc(0).progress);
    EXPECT_EQ(GuestMap(0, domain, 0, kDram, kPage).progress, kPage);
    GuestAlloc(0);
  };
  // Another CPU ends the VM too, between the first and the second step of this one.
  fake.before_next_lock = [&] { fake.before_next_lock = end_and_begin; };
  EXPECT_EQ(Destroy(0).progress, 1u);
  EXPECT_EQ(GuestAttach(0, 7, domain), kOk) << "the new VM has all that it had";
  EXPECT_EQ(GuestMap(0, domain, 0, kDram, kPage).status, kRefused) << "it is still mapped";
  EXPECT_EQ(GuestMap(0, domain + 1, 0, kDram, kPage).status, kOk);
}

// The VM made anew is dying too by then, with all that it has: nothing of it is this CPU's to end.
TEST(Vm, ASuccessorThatDiesTooIsNotTheOneThatIsDestroyed) {
  class Board : public VmTest {
   public:
    void TestBody() override {}
    // Returns how many gaps there were.
    size_t Run(size_t n, size_t* successors) {
      Start(0, kSdmmc);
      GuestAlloc(0);
      size_t gaps = 0;
      bool made = false;
      fake.in_gap = [&] {
        if (++gaps == n) made = MakeAnotherThatDies();
      };
      const sidewall_result result = Destroy(0);
      fake.in_gap = nullptr;
      EXPECT_EQ(result.status, kOk) << n;
      if (!made) return gaps;
      ++*successors;
      EXPECT_EQ(Create(0), kRefused) << n << ": it is there still";
      EXPECT_GE(fake.PagesOut(SIDEWALL_POOL_VM0), 1u) << n << ": with its domain";
      while (Destroy(0).progress == 0) continue;
      EXPECT_EQ(Unused(), kPage) << n;
      EXPECT_EQ(fake.PagesOut(SIDEWALL_POOL_VM0), 0u) << n;
      return gaps;
    }

   private:
    // False: the other CPU has something of the first VM in hand, which is not gone before.
    bool MakeAnotherThatDies() {
      if (Destroy(0).progress == 0) return false;
      Start(0, kPcie1);
      const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
      EXPECT_EQ(GuestMap(0, domain, 0, kDram, kPage).progress, kPage);
      EXPECT_EQ(GuestAttach(0, 7, domain), kOk);
      fake.stuck.insert(kNiso1m);
      EXPECT_EQ(Destroy(0).status, kDegraded);
      fake.stuck.clear();
      return true;
    }
  };
  size_t successors = 0;
  // In the first gap the call has not begun, and it is the new VM that it is about.
  for (size_t n = 2; Board().Run(n, &successors) >= n;) ++n;
  EXPECT_GE(successors, 8u);
}

TEST_F(VmTest, IndicesGoRoundThroughManyLives) {
  const size_t pages = fake.pages_out;
  for (int life = 0; life < 300; ++life) {
    Start(0, kSdmmc);
    const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
    ASSERT_EQ(GuestMap(0, domain, 0, kDram, kPage).progress, kPage);
    ASSERT_EQ(GuestAttach(0, 7, domain), kOk) << "life " << life;
    ASSERT_EQ(Cbar(kNiso1, kFirstContext) & 0x30000, 0u);
    ASSERT_EQ(Destroy(0).progress, 1u);
  }
  EXPECT_EQ(Unused(), 300 * kPage);
  EXPECT_EQ(fake.pages_out, pages);
}

TEST_F(VmTest, AGuestsUnmapThatTimesOutKeepsItsReferences) {
  Start(0, kSdmmc);
  const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
  GuestMap(0, domain, 0, kDram, 4 * kPage);
  ASSERT_EQ(GuestAttach(0, 7, domain), kOk);
  fake.stuck.insert(kNiso1);
  const sidewall_result result = GuestUnmap(0, domain, 0, kPage);
  EXPECT_EQ(result.status, kDegraded);
  EXPECT_EQ(result.progress, kPage);
  EXPECT_TRUE(fake.unused.empty());
  EXPECT_EQ(GuestMap(0, domain, 0, kDram, kPage).status, kRefused);
  fake.stuck.clear();
  EXPECT_EQ(GuestUnmap(0, domain, kPage, kPage).status, kOk);
  EXPECT_EQ(Unused(), 2 * kPage);
}

TEST_F(VmTest, SparesOfTheAtomicPoolGoBack) {
  fake.pool_left = 2;
  sidewall_host_stage2_idmap(state, kDram, kDram + kPage, SIDEWALL_PROT_RW);
  const size_t pages = fake.pages_out;
  const sidewall_result result = sidewall_pool_reclaim(state, SIDEWALL_POOL_ATOMIC, 1);
  EXPECT_EQ(result.progress, kPage);
  EXPECT_EQ(fake.pages_out, pages - 1);
  EXPECT_EQ(Counters().pages, fake.pages_out);
  EXPECT_EQ(sidewall_pool_reclaim(state, SIDEWALL_POOL_ATOMIC, ~uint64_t{0}).progress, kPage);
  EXPECT_EQ(sidewall_pool_reclaim(state, SIDEWALL_POOL_ATOMIC, 1).progress, 0u);
  EXPECT_EQ(sidewall_pool_reclaim(state, SIDEWALL_POOL_HOST, 1).progress, 0u);
  EXPECT_EQ(sidewall_pool_reclaim(state, 9, 1).status, kRefused);
  EXPECT_EQ(sidewall_pool_add(state, SIDEWALL_POOL_HOST, ~uint64_t{0}).status, kRefused);
  EXPECT_EQ(sidewall_pool_add(state, SIDEWALL_POOL_ATOMIC, 4).progress, 4 * kPage);
}

TEST_F(VmTest, AGlobalRecordOfAGuestIsNotShown) {
  ASSERT_EQ(Create(0), kOk);
  RaiseGlobal(kNiso1, kSdmmc);
  EXPECT_EQ(Read(kNiso1 + kGfsr), 2u);
  ASSERT_EQ(Assign(0, kSdmmc), kOk);
  RaiseGlobal(kNiso1, kSdmmc);
  for (uint64_t offset : {0x40, 0x44, 0x48, 0x50, 0x54, 0x58}) {
    EXPECT_EQ(Read(kNiso1 + offset), 0u) << offset;
  }
  Write(kNiso1 + kGfsr, ~0u);
  EXPECT_EQ(fake.Reg(kNiso1 + kGfsr), 2u) << "nor cleared";
  EXPECT_EQ(Told(), (std::vector<uint32_t>{kGuest0}));
  EXPECT_EQ(fake.Reg(kNiso1 + kGfar), 0u) << "nothing of it stays behind";
  EXPECT_EQ(Assign(0, kHost1x), kOk) << "seventeen streams, one client";
}

// In every bank that can name a guest's stream, and in the global record, on both instances.
TEST_F(VmTest, WhatADeadGuestLeftRecordedIsToldToNobody) {
  Start(0, kXusb);
  const uint32_t domain = static_cast<uint32_t>(GuestAlloc(0).progress);
  ASSERT_EQ(GuestAttach(0, 7, domain), kOk);
  for (uint64_t window : {kNiso1, kNiso1m}) {
    RaiseGlobal(window, 0x81b);
    RaiseBank(window, kFault, 0x1c);
    RaiseBank(window, kFirstContext, 0x80e);
  }
  ASSERT_EQ(Destroy(0).progress, 1u);
  for (uint64_t window : {kNiso1, kNiso1m}) {
    for (uint64_t offset : {0x40, 0x44, 0x48, 0x50, 0x54, 0x58}) {
      EXPECT_EQ(fake.Reg(window + offset), 0u) << offset;
      EXPECT_EQ(Read(window + offset), 0u) << offset;
    }
    EXPECT_EQ(BankFsr(window, kFault), 0u);
    EXPECT_EQ(BankFsr(window, kFirstContext), 0u);
  }
  EXPECT_EQ(Told(), (std::vector<uint32_t>{}));
}

TEST_F(VmTest, WhatTheHostsStreamLeftRecordedIsNotToldToItsGuest) {
  ASSERT_EQ(Create(0), kOk);
  ASSERT_EQ(Alloc(0), kOk);
  ASSERT_EQ(Attach(kNiso1Side, 0, kSdmmc), kOk);
  for (uint64_t window : {kNiso1, kNiso1m}) {
    RaiseGlobal(window, kSdmmc);
    RaiseBank(window, kFault, kSdmmc);
    RaiseBank(window, kFirstContext, kSdmmc);
  }
  EXPECT_EQ(Told().size(), 6u);
  for (uint64_t window : {kNiso1, kNiso1m}) {
    RaiseBank(window, kFault, kSdmmc);
    RaiseBank(window, kFirstContext, kSdmmc);
  }
  ASSERT_EQ(Detach(kNiso1Side, 0, kSdmmc), kOk);
  ASSERT_EQ(Assign(0, kSdmmc), kOk);
  EXPECT_EQ(Told(), (std::vector<uint32_t>{}));
  RaiseGlobal(kNiso1m, kSdmmc);
  EXPECT_EQ(Told(), (std::vector<uint32_t>{kGuest0})) << "although the last one was the host's";
}

// Its number is nobody else's, and it is not gone, before it has been told.
TEST_F(VmTest, DestroyWaitsForANoticeThatIsUnderWay) {
  EXPECT_EQ(Create(0), kOk);
  EXPECT_EQ(Assign(0, kSdmmc), kOk);
  RaiseBank(kNiso1m, kFault, kSdmmc);
  size_t destroyed = 0;
  fake.in_gap = [&] {
    if (fake.telling[kGuest0] == 0) return;
    fake.in_gap = nullptr;
    ++destroyed;
    for (int again = 0; again < 3; ++again) {
      const sidewall_result result = Destroy(0);
      EXPECT_EQ(result.status, kOk);
      EXPECT_EQ(result.progress, 0u);
    }
    EXPECT_EQ(Create(0), kRefused);
    EXPECT_EQ(Assign(1, kSdmmc), kRefused) << "there is no VM 1";
    EXPECT_EQ(Create(1), kOk);
    EXPECT_EQ(Assign(1, kSdmmc), kOk) << "its streams are free already";
  };
  EXPECT_EQ(sidewall_fault_irq(state, kNiso1Side).progress, 1u);
  EXPECT_EQ(destroyed, 1u);
  ASSERT_EQ(fake.notices.size(), 1u);
  EXPECT_EQ(fake.notices[0].owner, kGuest0);
  EXPECT_EQ(Destroy(0).progress, 1u);
  EXPECT_EQ(Create(0), kOk);
}

TEST_F(VmTest, RecordsOfOthersStayWhereAStreamChangesHands) {
  Start(0, kXusb);
  Start(1, kPcie1);
  DriverTest::Attach(kNiso1, 0, 1);
  const auto raise = [this] {
    RaiseBank(kNiso1, 1, kXusb);  // of the time when it was the host's
    RaiseBank(kNiso1, kFault, kPcie1);
    RaiseBank(kNiso1m, kFirstContext, kPcie1);
    RaiseGlobal(kNiso1, kPcie1);
    RaiseGlobal(kNiso1m, kSdmmc);
  };
  const std::vector<uint32_t> all = {0, kGuest0 + 1, kGuest0 + 1, kGuest0 + 1, 0};
  raise();
  ASSERT_EQ(Unassign(0, kXusb), kOk);
  EXPECT_EQ(Sorted(Told()), Sorted(all));
  Write(sidewall_test::Bank(kNiso1, 1) + 0x58, ~0u);
  Write(kNiso1m + kGfsr, ~0u);
  raise();
  ASSERT_EQ(Assign(0, kXusb), kOk);
  EXPECT_EQ(Sorted(Told()), Sorted(all));
  EXPECT_EQ(Read(sidewall_test::Bank(kNiso1, 1) + 0x58), 2u) << "its own bank, its own record";
}

TEST_F(VmTest, RecordsThatDoNotSayWhoseTheyAreEndWithTheirStreams) {
  Start(0, kSdmmc);
  RaiseBank(kNiso1, kFault, kPcie1);
  fake.unreadable = {kNiso1 + kGr1 + 0x400 + 4 * kFault, kNiso1m + kGfsr};
  RaiseGlobal(kNiso1m, kPcie1);
  ASSERT_EQ(Destroy(0).progress, 1u);
  EXPECT_EQ(BankFsr(kNiso1, kFault), 0u);
  EXPECT_EQ(fake.Reg(kNiso1m + kGfsr), 0u);
  EXPECT_EQ(fake.Reg(kNiso1m + kGfar), 0u);
}

TEST_F(VmTest, RecordsOfAUnitWithoutPowerEndWithTheRestore) {
  Start(0, kSdmmc);
  ASSERT_EQ(sidewall_suspend(state, kNiso1Side).status, kOk);
  RaiseGlobal(kNiso1, kSdmmc);
  RaiseBank(kNiso1m, kFault, kSdmmc);
  ClearLog();
  ASSERT_EQ(Destroy(0).progress, 1u);
  EXPECT_TRUE(RegisterStores().empty());
  ASSERT_EQ(sidewall_resume(state, kNiso1Side).status, kOk);
  EXPECT_EQ(Told(), (std::vector<uint32_t>{}));
  EXPECT_EQ(Read(kNiso1 + kGfsr), 0u);
  EXPECT_EQ(fake.Reg(kNiso1 + kGfar), 0u);
}

}  // namespace
}  // namespace sidewall_test
