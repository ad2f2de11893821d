// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Every request for a page, of every call that makes some, fails once. A call that reports progress
// is then OK with what it did and with the pages that it wants; any other is REFUSED, and nothing
// has changed; and the same call again ends where it would have ended at once.
#include <cstring>
#include <string>

#include "driver/domain_test.h"

namespace sidewall_test {
namespace {

constexpr uint32_t kSdmmc = 0x02;
constexpr uint64_t kIova = 0x1ff000;  // two chunks from here on

class Fixture : public DomainTest {
 public:
  void TestBody() override {}
};

struct Scenario {
  const char* what;
  bool partial;     // reports progress
  uint64_t size;    // of the whole, in bytes
  size_t requests;  // for pages, when none fails
  void (*prepare)(Fixture& board);
  // What is left from `done` bytes on.
  sidewall_result (*call)(Fixture& board, uint64_t done);
};

void Nothing(Fixture&) {}
void OneDomain(Fixture& board) { ASSERT_EQ(board.Alloc(0), kOk); }
void Mapped(Fixture& board) {
  OneDomain(board);
  ASSERT_EQ(board.Map(0, kIova, kDram, 2).progress, 2 * kPage);
}
void Attached(Fixture& board) {
  Mapped(board);
  ASSERT_EQ(board.Attach(kNiso1Side, 0, 0x0f), kOk);
}
void Given(Fixture& board) {
  ASSERT_EQ(sidewall_host_stage2_idmap(board.state, kDram, kDram + kBlockSize, 3).status, kOk);
}
void Guest(Fixture& board) {
  ASSERT_EQ(sidewall_vm_create(board.state, 0).status, kOk);
  ASSERT_EQ(sidewall_assign_unit(board.state, 0, kNiso1Side, kSdmmc).status, kOk);
  ASSERT_EQ(sidewall_route_add(board.state, 0, 1, 7, kNiso1Side, kSdmmc).status, kOk);
  ASSERT_EQ(sidewall_vm_finalize(board.state, 0).status, kOk);
}
void GuestDomain(Fixture& board) {
  Guest(board);
  ASSERT_EQ(sidewall_guest_alloc(board.state, 0, 1).progress, SIDEWALL_HOST_DOMAINS);
}
void GuestMapped(Fixture& board) {
  GuestDomain(board);
  ASSERT_EQ(sidewall_guest_map(board.state, 0, SIDEWALL_HOST_DOMAINS, 0, kDram, kPage, 3).progress,
            kPage);
}
void Suspended(Fixture& board) { ASSERT_EQ(sidewall_suspend(board.state, kNiso1Side).status, kOk); }

// Calls that are in no row make no request, or are in the last rows, which say so.
constexpr Scenario kScenarios[] = {
    {"map_pages", true, 3 * kPage, 4, OneDomain,
     [](Fixture& b, uint64_t done) {
       return b.Map(0, kIova + done, kDram + done, (3 * kPage - done) / kPage);
     }},
    {"map_pages over what is there", true, 2 * kPage, 1, Mapped,
     [](Fixture& b, uint64_t done) {
       return b.Map(0, kBlockSize * 2 - kPage + done, kDram + done, (2 * kPage - done) / kPage);
     }},
    {"map_pages, blocks", true, 2 * kBlockSize, 2, OneDomain,
     [](Fixture& b, uint64_t done) {
       return b.Map(0, done, kDram + done, (2 * kBlockSize - done) / kBlockSize, 3, kBlockSize);
     }},
    {"guest_map", true, 3 * kPage, 4, GuestDomain,
     [](Fixture& b, uint64_t done) {
       return sidewall_guest_map(b.state, 0, SIDEWALL_HOST_DOMAINS, kIova + done, kDram + done,
                                 3 * kPage - done, SIDEWALL_PROT_RW);
     }},
    {"host_stage2_idmap, a gain", true, 3 * kBlockSize, 5, Nothing,
     [](Fixture& b, uint64_t done) {
       return sidewall_host_stage2_idmap(b.state, kDram + done, kDram + 3 * kBlockSize, 3);
     }},
    {"alloc_domain", false, 0, 1, Nothing,
     [](Fixture& b, uint64_t) { return sidewall_alloc_domain(b.state, 0, 0); }},
    {"guest_alloc", false, 0, 1, Guest,
     [](Fixture& b, uint64_t) { return sidewall_guest_alloc(b.state, 0, 1); }},
    {"attach_dev", false, 0, 0, Mapped,
     [](Fixture& b, uint64_t) {
       return sidewall_attach_dev(b.state, kNiso1Side, 0, 0x0f, 0, 0, 0);
     }},
    {"detach_dev", false, 0, 0, Attached,
     [](Fixture& b, uint64_t) { return sidewall_detach_dev(b.state, kNiso1Side, 0, 0x0f, 0); }},
    {"unmap_pages", false, 0, 0, Attached,
     [](Fixture& b, uint64_t) { return b.Unmap(0, kIova, 1); }},
    {"iotlb_sync", false, 0, 0, Attached, [](Fixture& b, uint64_t) { return b.Sync(0); }},
    {"free_domain", false, 0, 0, Mapped, [](Fixture& b, uint64_t) { return b.Free(0); }},
    {"host_stage2_idmap, a loss", false, 0, 0, Given,
     [](Fixture& b, uint64_t) {
       return sidewall_host_stage2_idmap(b.state, kDram + kPage, kDram + 2 * kPage, 0);
     }},
    {"host_stage2_idmap_complete", false, 0, 0, Given,
     [](Fixture& b, uint64_t) { return sidewall_host_stage2_idmap_complete(b.state, 0); }},
    {"assign_unit", false, 0, 0,
     [](Fixture& b) { ASSERT_EQ(sidewall_vm_create(b.state, 0).status, kOk); },
     [](Fixture& b, uint64_t) { return sidewall_assign_unit(b.state, 0, kNiso1Side, kSdmmc); }},
    {"guest_attach", false, 0, 0, GuestDomain,
     [](Fixture& b, uint64_t) {
       return sidewall_guest_attach(b.state, 0, 1, 7, 0, SIDEWALL_HOST_DOMAINS, 0);
     }},
    {"guest_unmap", false, 0, 0, GuestMapped,
     [](Fixture& b, uint64_t) {
       return sidewall_guest_unmap(b.state, 0, SIDEWALL_HOST_DOMAINS, 0, kPage);
     }},
    {"vm_destroy", false, 0, 0, GuestMapped,
     [](Fixture& b, uint64_t) { return sidewall_vm_destroy(b.state, 0); }},
    {"set_identity", false, 0, 0, Nothing,
     [](Fixture& b, uint64_t) { return sidewall_set_identity(b.state, kIsoSide, 1, 1); }},
    {"resume", false, 0, 0, Suspended,
     [](Fixture& b, uint64_t) { return sidewall_resume(b.state, kNiso1Side); }},
    {"tick", false, 0, 0, Given, [](Fixture& b, uint64_t) { return sidewall_tick(b.state, 0); }},
};

// What a board came to, as hardware and the accounts see it.
struct Account {
  std::vector<uint64_t> leaves;
  uint64_t mapped = 0;
  uint64_t pages = 0;
  size_t out = 0;
  bool operator==(const Account&) const = default;
};

uint64_t Ttbr0Of(Fixture& board, uint32_t bank) { return board.Ttbr0(kNiso1, bank); }

Account Look(Fixture& board) {
  Account account;
  const uint64_t root = Ttbr0Of(board, kFault - 1);
  for (uint64_t page = 0; page < 3 * 512; ++page) {
    account.leaves.push_back(board.Walk(root, kDram + page * kPage));
  }
  for (uint64_t page = 0; page < 1200; ++page) {
    account.leaves.push_back(board.Phys(0, page * kPage));
  }
  account.mapped = board.Counters().mapped_pages;
  account.pages = board.Counters(SIDEWALL_OWNER_EL2).pages;
  account.out = board.fake.pages_out;
  EXPECT_EQ(account.pages, account.out);
  return account;
}

std::string BytesOf(const Fixture& board) {
  return std::string(reinterpret_cast<const char*>(board.state), SIDEWALL_STATE_SIZE);
}

// Calls until all is done, with no page refused any more.
void Converge(const Scenario& scenario, Fixture& board, uint64_t done) {
  for (int i = 0; i < 8; ++i) {
    const sidewall_result result = scenario.call(board, done);
    EXPECT_EQ(result.status, kOk);
    EXPECT_EQ(result.pages_needed, 0u);
    if (!scenario.partial) return;
    done += result.progress;
    if (done == scenario.size) return;
  }
  FAIL() << "it does not end";
}

void FailAt(const Scenario& scenario, size_t nth, const Account& wanted) {
  Fixture board;
  scenario.prepare(board);
  board.ClearLog();
  const std::string before = BytesOf(board);
  const size_t out = board.fake.pages_out;
  board.fake.fail_nth = nth;
  const sidewall_result result = scenario.call(board, 0);
  ASSERT_EQ(board.fake.fail_nth, 0u) << "there was no such request";
  EXPECT_NE(result.pages_needed, 0u);
  if (scenario.partial) {
    EXPECT_EQ(result.status, kOk);
    EXPECT_LT(result.progress, scenario.size);
  } else {
    EXPECT_EQ(result.status, kRefused);
    EXPECT_EQ(BytesOf(board), before);
    EXPECT_EQ(board.fake.pages_out, out);
    EXPECT_TRUE(board.fake.log.empty());
  }
  // What the pool was told suffices for the rest.
  board.fake.pool_left = result.pages_needed;
  Converge(scenario, board, scenario.partial ? result.progress : 0);
  EXPECT_EQ(Look(board), wanted);
}

TEST(AllocFailure, EveryRequestOfEveryCall) {
  for (const Scenario& scenario : kScenarios) {
    SCOPED_TRACE(scenario.what);
    Fixture whole;
    scenario.prepare(whole);
    whole.ClearLog();
    const size_t left = whole.fake.pool_left;
    constexpr size_t kNever = 1000;
    whole.fake.fail_nth = kNever;
    Converge(scenario, whole, 0);
    EXPECT_EQ(kNever - whole.fake.fail_nth, scenario.requests);
    if (scenario.requests == 0) {
      EXPECT_LE(left, whole.fake.pool_left) << "it takes no page";
      continue;
    }
    const Account wanted = Look(whole);
    for (size_t nth = 1; nth <= scenario.requests; ++nth) {
      SCOPED_TRACE(nth);
      FailAt(scenario, nth, wanted);
    }
  }
}

class NoBoot : public DriverTest {
 public:
  void TestBody() override {}
};

TEST(AllocFailure, InitTouchesNothing) {
  for (size_t nth = 1; nth <= 2; ++nth) {
    NoBoot board;
    board.fake.fail_nth = nth;
    const sidewall_result result = board.Init();
    EXPECT_EQ(result.status, uint32_t{SIDEWALL_REFUSED});
    EXPECT_EQ(result.pages_needed, 2u);
    EXPECT_EQ(board.fake.pages_out, 0u);
    EXPECT_TRUE(board.fake.log.empty());
    board.fake.pool_left = 2;
    board.Boot();
  }
}

}  // namespace
}  // namespace sidewall_test
