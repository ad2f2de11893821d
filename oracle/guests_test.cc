// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Guests and domains over the shipped driver: what is legal works, the oracle stays silent over any
// order of calls, and it notices a driver that gives a guest's streams away.
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <string>

#include "oracle/engine_native.h"
#include "oracle/harness.h"

namespace sidewall {
namespace {

constexpr uint64_t kNiso0 = 1;
constexpr uint64_t kSid = 6;  // mgbea, on niso0
constexpr uint64_t kOther = 3;
constexpr uint64_t kRw = SIDEWALL_PROT_RW;
constexpr uint64_t kFirstGuestDomain = SIDEWALL_HOST_DOMAINS;

class GuestsTest : public testing::Test {
 protected:
  explicit GuestsTest(const char* board = "tegra234")
      : harness_({.board = model::FindBoard(board), .trap = false}) {
    harness_.Begin({});
    dram_ = harness_.board().spec().dram[0].start;
  }

  Outcome Do(EventKind kind, std::initializer_list<uint64_t> arguments) {
    Event event = {.kind = kind};
    std::copy(arguments.begin(), arguments.end(), event.arg);
    return harness_.Apply(event);
  }
  void Ok(EventKind kind, std::initializer_list<uint64_t> arguments) {
    const Outcome outcome = Do(kind, arguments);
    EXPECT_EQ(outcome.result, Expect::kOk) << FindEventSpec(kind)->name;
  }
  void Refused(EventKind kind, std::initializer_list<uint64_t> arguments) {
    const Outcome outcome = Do(kind, arguments);
    EXPECT_EQ(outcome.result, Expect::kRefused) << FindEventSpec(kind)->name;
  }
  Outcome Stream(uint64_t address, bool write = false, uint64_t instance = 0, uint64_t sid = kSid) {
    return Do(EventKind::kDmaStream, {kNiso0, sid, address, write ? kDmaWrite : 0, instance});
  }
  void HostWrite(uint64_t offset, uint64_t value) {
    Do(EventKind::kHostWrite, {2, offset, 4, value, 0});
    Do(EventKind::kHostWrite, {3, offset, 4, value, 0});
  }
  void ExpectClean() {
    EXPECT_FALSE(harness_.violated())
        << harness_.verdict().title << " at event " << harness_.verdict().event_index;
  }
  // VM 0 with stream 6 behind vSID 7 of pvIOMMU 1, and a pool.
  void Start() {
    Ok(EventKind::kVmCreate, {0});
    Ok(EventKind::kVmAssign, {0, kNiso0, kSid});
    Ok(EventKind::kVmRouteAdd, {0, 1, 7, kNiso0, kSid});
    Ok(EventKind::kVmFinalize, {0});
    Ok(EventKind::kPoolAdd, {SIDEWALL_POOL_VM0, 16});
  }

  // Two VMs with two streams, three pages and a domain each.
  void StartBoth() {
    for (uint64_t vm : {0, 1}) {
      Ok(EventKind::kVmCreate, {vm});
      Ok(EventKind::kPoolAdd, {SIDEWALL_POOL_VM0 + vm, 12});
      Ok(EventKind::kHypDonate, {dram_ + 0x3000 + vm * 0x3000, 3, model::kOwnerGuest0 + vm});
      for (uint64_t i : {0, 1}) {
        Ok(EventKind::kVmAssign, {vm, kNiso0, 1 + 2 * vm + i});
        Ok(EventKind::kVmRouteAdd, {vm, 1, i, kNiso0, 1 + 2 * vm + i});
      }
      Ok(EventKind::kVmFinalize, {vm});
      Ok(EventKind::kGuestAlloc, {vm, 1});
    }
  }

  Harness<NativeEngine> harness_;
  uint64_t dram_ = 0;
};

TEST_F(GuestsTest, AGuestReachesItsOwnMemoryAndNothingElse) {
  Start();
  Ok(EventKind::kHypDonate, {dram_ + 0x10000, 4, model::kOwnerGuest0});
  const uint64_t domain = Do(EventKind::kGuestAlloc, {0, 1}).value;
  EXPECT_EQ(domain, kFirstGuestDomain);
  EXPECT_EQ(Stream(0x5000).result, Expect::kFault);
  Ok(EventKind::kGuestMap, {0, domain, 0x5000, dram_ + 0x10000, 0x4000, kRw});
  Refused(EventKind::kGuestMap, {0, domain, 0x20000, dram_ + 0x14000, 0x1000, kRw});
  Ok(EventKind::kGuestAttach, {0, 1, 7, domain, 0});
  for (uint64_t instance : {0, 1}) {
    const Outcome outcome = Stream(0x6123, true, instance);
    EXPECT_EQ(outcome.result, Expect::kOk);
    EXPECT_EQ(outcome.value, dram_ + 0x11123);
  }
  EXPECT_EQ(Stream(0x9000).result, Expect::kFault);
  EXPECT_EQ(Stream(dram_ + 0x10000).result, Expect::kFault);
  Refused(EventKind::kHypReclaim, {dram_ + 0x10000, 1, model::kOwnerGuest0});
  Ok(EventKind::kGuestUnmap, {0, domain, 0x5000, 0x1000});
  EXPECT_EQ(Stream(0x5000).result, Expect::kFault);
  EXPECT_EQ(Stream(0x6000).result, Expect::kOk);
  Ok(EventKind::kHypReclaim, {dram_ + 0x10000, 1, model::kOwnerGuest0});
  ExpectClean();
  EXPECT_GT(harness_.board().coverage().evaluated[static_cast<int>(Invariant::kFun03)], 0u);
}

TEST_F(GuestsTest, TheHostsStreamGoesAndComesBackFaulting) {
  HostWrite(0xc00, 0x10000);
  HostWrite(0x800, 0x80000000 | 0x7f80u << 16 | kSid);
  EXPECT_EQ(Stream(dram_ + 0x3000).result, Expect::kOk);
  Start();
  EXPECT_EQ(Stream(dram_ + 0x3000).result, Expect::kFault);
  HostWrite(0xc00, 0x10000);
  EXPECT_EQ(Stream(dram_ + 0x3000).result, Expect::kFault);
  const Outcome end = Do(EventKind::kVmDestroy, {0});
  EXPECT_EQ(end.result, Expect::kOk);
  EXPECT_EQ(end.value, 1u);
  EXPECT_EQ(Stream(dram_ + 0x3000).result, Expect::kFault) << "until the host attaches it";
  HostWrite(0xc00, 0x10000);
  EXPECT_EQ(Stream(dram_ + 0x3000).result, Expect::kOk);
  ExpectClean();
}

TEST_F(GuestsTest, TheEndOfAVmReleasesItsPages) {
  Start();
  Ok(EventKind::kHypDonate, {dram_ + 0x10000, 8, model::kOwnerGuest0});
  const uint64_t domain = Do(EventKind::kGuestAlloc, {0, 1}).value;
  Ok(EventKind::kGuestMap, {0, domain, 0, dram_ + 0x10000, 0x8000, kRw});
  Ok(EventKind::kGuestAttach, {0, 1, 7, domain, 0});
  EXPECT_EQ(Stream(0x1000).result, Expect::kOk);
  Refused(EventKind::kHypReclaim, {dram_ + 0x10000, 8, model::kOwnerGuest0});
  Do(EventKind::kHwSync, {2, kSyncNever, 0});
  EXPECT_EQ(Do(EventKind::kVmDestroy, {0}).result, Expect::kDegraded);
  EXPECT_EQ(Stream(0x1000).result, Expect::kFault);
  Refused(EventKind::kHypReclaim, {dram_ + 0x10000, 8, model::kOwnerGuest0});
  Do(EventKind::kHwSync, {2, kSyncImmediate, 0});
  Ok(EventKind::kVmDestroy, {0});
  Ok(EventKind::kHypReclaim, {dram_ + 0x10000, 8, model::kOwnerGuest0});
  Ok(EventKind::kPoolReclaim, {SIDEWALL_POOL_VM0, 16});
  ExpectClean();
}

TEST_F(GuestsTest, TheHostHasDomainsToo) {
  Ok(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 16});
  Ok(EventKind::kHvcAllocDomain, {3, 0});
  Ok(EventKind::kHvcMapPages, {3, 0x40000000, dram_ + 0x3000, kPageSize, 2, kRw});
  Ok(EventKind::kHvcAttachDev, {kNiso0, 3, kSid, 0, 0});
  EXPECT_EQ(Stream(0x40001000).value, dram_ + 0x4000);
  Refused(EventKind::kHypDonate, {dram_ + 0x3000, 1, model::kOwnerGuest0});
  Ok(EventKind::kHvcUnmapPages, {3, 0x40000000, kPageSize, 2});
  EXPECT_EQ(Stream(0x40001000).result, Expect::kFault);
  Ok(EventKind::kHypDonate, {dram_ + 0x3000, 1, model::kOwnerGuest0});
  Ok(EventKind::kHvcDetachDev, {kNiso0, 3, kSid, 0});
  Ok(EventKind::kHvcFreeDomain, {3});
  Ok(EventKind::kPoolReclaim, {SIDEWALL_POOL_HOST, 16});
  ExpectClean();
}

class TinyGuestsTest : public GuestsTest {
 protected:
  TinyGuestsTest() : GuestsTest("tiny") {}
};

TEST_F(TinyGuestsTest, WithoutAnIndexToSpareAttachmentIsRefused) {
  Start();
  Ok(EventKind::kGuestAlloc, {0, 1});
  Refused(EventKind::kGuestAttach, {0, 1, 7, kFirstGuestDomain, 0});
  Refused(EventKind::kVmAssign, {0, kNiso0, kOther});
  EXPECT_EQ(Stream(dram_).result, Expect::kFault);
  ExpectClean();
}

// Calls with small arguments, in any order, beside everything else that changes hands.
class AnyOrder {
 public:
  explicit AnyOrder(unsigned seed, uint64_t dram) : random_(seed), dram_(dram) {}

  Event Next() {
    constexpr EventKind kKinds[] = {
        EventKind::kHvcAllocDomain, EventKind::kHvcFreeDomain, EventKind::kHvcAttachDev,
        EventKind::kHvcDetachDev,   EventKind::kHvcMapPages,   EventKind::kHvcMapPages,
        EventKind::kHvcUnmapPages,  EventKind::kHvcIotlbSync,  EventKind::kHvcDevBlockDma,
        EventKind::kVmCreate,       EventKind::kVmRouteAdd,    EventKind::kVmFinalize,
        EventKind::kVmDestroy,      EventKind::kVmAssign,      EventKind::kVmAssign,
        EventKind::kVmUnassign,     EventKind::kPoolAdd,       EventKind::kPoolReclaim,
        EventKind::kGuestAttach,    EventKind::kGuestAttach,   EventKind::kGuestDetach,
        EventKind::kGuestAlloc,     EventKind::kGuestFree,     EventKind::kGuestMap,
        EventKind::kGuestMap,       EventKind::kGuestUnmap,    EventKind::kHypDonate,
        EventKind::kHypReclaim,     EventKind::kHypShare,      EventKind::kHypUnshare,
        EventKind::kDmaStream,      EventKind::kDmaStream,     EventKind::kHostWrite,
        EventKind::kHostWrite,      EventKind::kHwSync,        EventKind::kHvcSetIdentity,
    };
    Event event = {.kind = kKinds[Pick(sizeof(kKinds) / sizeof(kKinds[0]))]};
    // What ends much, or stops all progress, is rare.
    const bool rare =
        event.kind == EventKind::kVmDestroy || event.kind == EventKind::kPoolReclaim ||
        event.kind == EventKind::kVmUnassign || event.kind == EventKind::kHwSync ||
        event.kind == EventKind::kHvcFreeDomain || event.kind == EventKind::kGuestFree;
    if (rare && Pick(8) != 0) event.kind = EventKind::kDmaStream;
    Fill(&event);
    event.fail_nth = static_cast<uint16_t>(Pick(8) == 0 ? 1 + Pick(3) : 0);
    return event;
  }

 private:
  uint64_t Pick(uint64_t count) { return random_() % count; }
  uint64_t Sid() { return 1 + Pick(5); }
  uint64_t Iova() { return 0x1000 * Pick(4); }
  uint64_t Pa() { return dram_ + 0x3000 + 0x1000 * Pick(8); }
  uint64_t GuestDomain(uint64_t vm) {
    return kFirstGuestDomain + vm * SIDEWALL_VM_DOMAINS + (Pick(8) == 0);
  }
  // Mostly its own.
  uint64_t GuestPa(uint64_t vm) {
    return Pick(4) == 0 ? Pa() : dram_ + 0x3000 + vm * 0x3000 + 0x1000 * Pick(3);
  }
  void Set(Event* event, std::initializer_list<uint64_t> arguments) {
    std::copy(arguments.begin(), arguments.end(), event->arg);
  }

  void Fill(Event* event) {
    const uint64_t vm = Pick(2);
    switch (event->kind) {
      case EventKind::kHvcAttachDev:
        return Set(event, {kNiso0, Pick(3), Sid()});
      case EventKind::kHvcDetachDev:
        return Set(event, {kNiso0, Pick(3), Sid()});
      case EventKind::kHvcMapPages:
        return Set(event, {Pick(3), Iova(), Pa(), kPageSize, 1 + Pick(3), 1 + Pick(3)});
      case EventKind::kHvcUnmapPages:
        return Set(event, {Pick(3), Iova(), kPageSize, 1 + Pick(4)});
      case EventKind::kHvcDevBlockDma:
      case EventKind::kHvcSetIdentity:
        return Set(event, {kNiso0, Sid(), Pick(2)});
      case EventKind::kVmRouteAdd:
        return Set(event, {vm, 1, Pick(3), kNiso0, Sid()});
      case EventKind::kVmAssign:
      case EventKind::kVmUnassign:
        return Set(event, {vm, kNiso0, Sid()});
      case EventKind::kPoolAdd:
      case EventKind::kPoolReclaim:
        return Set(event, {Pick(4), 1 + Pick(8)});
      case EventKind::kGuestAttach:
      case EventKind::kGuestDetach:
        return Set(event, {vm, 1, Pick(3), GuestDomain(vm), 0});
      case EventKind::kGuestAlloc:
        return Set(event, {vm, 1});
      case EventKind::kGuestFree:
        return Set(event, {vm, GuestDomain(vm)});
      case EventKind::kGuestMap:
        return Set(event,
                   {vm, GuestDomain(vm), Iova(), GuestPa(vm), 0x1000 * (1 + Pick(2)), 1 + Pick(3)});
      case EventKind::kGuestUnmap:
        return Set(event, {vm, GuestDomain(vm), Iova(), 0x1000 * (1 + Pick(4))});
      case EventKind::kHypDonate:
      case EventKind::kHypReclaim:
      case EventKind::kHypShare:
      case EventKind::kHypUnshare:
        return Set(event, {Pa(), 1 + Pick(2), Pick(4)});
      case EventKind::kDmaStream:
        return Set(event,
                   {kNiso0, Sid(), Pick(2) != 0 ? Iova() : Pa(), Pick(2) * kDmaWrite, Pick(2)});
      case EventKind::kHostWrite:
        return FillWrite(event);
      case EventKind::kHwSync:
        return Set(event, {2 + Pick(2), Pick(4) == 0 ? kSyncNever : Pick(2), 3});
      default:
        return Set(event, {Pick(3), 0});
    }
  }
  void FillWrite(Event* event) {
    const uint64_t entry = Pick(3);
    const uint64_t mask = Pick(4) == 0 ? 0x7f80 | Pick(8) : 0x7f80;
    const uint64_t smr = Pick(4) == 0 ? 0 : 0x80000000 | mask << 16 | Sid();
    const uint64_t s2cr = Pick(3) << 16;
    if (Pick(2) != 0) return Set(event, {2, 0x800 + 4 * entry, 4, smr, 0});
    Set(event, {2, 0xc00 + 4 * entry, 4, s2cr, 0});
  }

  std::mt19937 random_;
  uint64_t dram_;
};

TEST_F(GuestsTest, NothingIsFoundInAnyOrderOfCalls) {
  unsigned guests = 0;
  unsigned done = 0;
  unsigned delivered = 0;
  for (unsigned seed = 1; seed <= 400 && !harness_.violated(); seed++) {
    harness_.Begin({});
    Ok(EventKind::kPoolAdd, {SIDEWALL_POOL_HOST, 12});
    StartBoth();
    AnyOrder order(seed, dram_);
    for (int step = 0; step < 300 && !harness_.violated(); step++) {
      const Event event = order.Next();
      const Outcome outcome = harness_.Apply(event);
      const bool ok = outcome.result == Expect::kOk;
      const bool transfer = ok && event.kind == EventKind::kDmaStream;
      delivered += transfer;
      guests += transfer && harness_.board().ghost().StreamOwner(
                                kNiso0, static_cast<uint16_t>(event.arg[1])) != model::kOwnerHost;
      done += ok && event.kind >= EventKind::kHvcAllocDomain;
    }
    EXPECT_FALSE(harness_.violated()) << "seed " << seed << ": " << harness_.verdict().title
                                      << " at " << harness_.verdict().event_index;
  }
  EXPECT_GT(done, 5000u);
  EXPECT_GT(delivered, 1000u);
  EXPECT_GT(guests, 500u);
}

// A driver that agrees to everything and does nothing.
class YesMan final : public Caller {
 public:
  explicit YesMan(Board& board) : engine_(board) {}
  struct sidewall_result Call(const sidewall::Call& call) override {
    const bool passed = call.id == CallId::kInit || call.id == CallId::kFinalize ||
                        call.id == CallId::kHandleDabt || call.id == CallId::kHostStage2Idmap ||
                        call.id == CallId::kHostStage2IdmapComplete;
    if (passed) return engine_.Invoke(call);
    return {SIDEWALL_OK, 0, 1};
  }

 private:
  NativeEngine engine_;
};

class YesTest : public testing::Test {
 protected:
  YesTest() : board_({.board = model::FindBoard("tegra234")}), driver_(board_) {
    board_.Boot(driver_);
    board_.Save();
  }
  void Do(EventKind kind, std::initializer_list<uint64_t> arguments) {
    Event event = {.kind = kind};
    std::copy(arguments.begin(), arguments.end(), event.arg);
    board_.Apply(event, driver_);
  }
  std::string Found() const {
    const InvariantInfo* info = FindInvariant(board_.verdict().id);
    return info ? info->code : "none";
  }
  Board board_;
  YesMan driver_;
};

TEST_F(YesTest, WhoeverNamesWhatIsNotItsOwnIsFound) {
  const std::initializer_list<uint64_t> cases[] = {{0}, {0, 1}};
  const EventKind kinds[] = {EventKind::kHvcFreeDomain, EventKind::kGuestAlloc};
  for (size_t i = 0; i < 2; i++) {
    board_.Restore();
    EXPECT_EQ(Found(), "none");
    Do(kinds[i], cases[i]);
    EXPECT_EQ(Found(), "ISO12");
  }
  board_.Restore();
  Do(EventKind::kVmCreate, {0});
  Do(EventKind::kVmCreate, {1});
  Do(EventKind::kVmAssign, {0, kNiso0, kSid});
  EXPECT_EQ(Found(), "none");
  Do(EventKind::kVmAssign, {1, kNiso0, kSid});
  EXPECT_EQ(Found(), "ISO12");
}

TEST_F(YesTest, AStreamThatOnlyTheListGaveAwayIsFound) {
  Do(EventKind::kHostWrite, {2, 0xc00, 4, 0x10000, 0});
  Do(EventKind::kHostWrite, {2, 0x800, 4, 0x80000000 | 0x7f80u << 16 | kSid, 0});
  EXPECT_EQ(Found(), "none") << board_.verdict().title;
  Do(EventKind::kVmCreate, {0});
  Do(EventKind::kVmAssign, {0, kNiso0, kSid});
  EXPECT_EQ(Found(), "ISO01") << "the guest's stream still has the host's stage 2";
}

TEST_F(YesTest, AStreamThatComesBackAliveIsFound) {
  Do(EventKind::kVmCreate, {0});
  Do(EventKind::kVmAssign, {0, kNiso0, kSid});
  Do(EventKind::kHostWrite, {2, 0xc00, 4, 0x10000, 0});
  EXPECT_EQ(Found(), "none") << board_.verdict().title;
  // The host made an entry for it just before it came back, and nothing closes it.
  const model::SmmuSpec& smmu = board_.spec().smmu[1];
  Do(EventKind::kVmUnassign, {0, kNiso0, kSid});
  EXPECT_EQ(Found(), "none");
  Do(EventKind::kHostWrite, {2, 0x800, 4, 0x80000000 | 0x7f80u << 16 | kSid, 0});
  Do(EventKind::kHvcDevBlockDma, {kNiso0, kSid, 1});
  EXPECT_EQ(Found(), "none");
  EXPECT_EQ(smmu.side, kNiso0);
}

}  // namespace
}  // namespace sidewall
