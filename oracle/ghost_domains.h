// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the calls about domains, VMs and units mean when they return: whose a stream is, where it is
// attached, and what a domain maps. Derived from arguments and statuses alone.
//
//     GhostDomains domains;
//     const char* wrong = domains.Breach(call);     // an OK would be a breach of authority
//     domains.OnCall(call, result);
//     domains.StreamOwner(side, sid);
//     domains.Find(side, sid, iova, write, &pa);    // what a legal transfer there must reach
#ifndef SIDEWALL_ORACLE_GHOST_DOMAINS_H_
#define SIDEWALL_ORACLE_GHOST_DOMAINS_H_

#include <array>
#include <bitset>
#include <cstdint>
#include <utility>

#include "oracle/engine.h"
#include "oracle/flat_map.h"
#include "oracle/page_map.h"

namespace sidewall {

class GhostDomains {
 public:
  static constexpr size_t kSides = 3;
  static constexpr size_t kSids = 128;
  using SidSet = std::bitset<kSids>;
  using Streams = std::array<SidSet, kSides>;

  void Reset();
  void Save();
  void Restore();

  // Null, or what of the call its caller has no right to name. Before OnCall.
  const char* Breach(const Call& call) const;
  void OnCall(const Call& call, const struct sidewall_result& result);

  uint8_t StreamOwner(uint8_t side, uint16_t sid) const { return now_.owner[side][sid & 0x7f]; }
  // An entry of EL2's may match the stream, so that those of the host that do are held back.
  bool HeldByEl2(uint8_t side, uint16_t sid) const;
  // The streams that VM `vm` has.
  Streams StreamsOfVm(uint32_t vm) const;
  // What a stream on a domain meets: it must reach `pa`; or must not be served, since the page is
  // mapped for another access and nothing of the domain waits for a sync; or nothing is claimed.
  enum class Access : uint8_t { kUnknown, kServed, kDenied };
  Access Find(uint8_t side, uint16_t sid, uint64_t address, bool write, bool instruction,
              uint64_t* pa) const;

  // ---- For what a call must return. Handles are those that exist, whoever asks.
  bool IsAttached(uint32_t domain) const;
  // Some stream of the domain, or of its owner, may have been detached or not, or it is dying.
  bool IsUnclear(uint32_t domain) const;
  bool AnyStreamOf(uint32_t domain, uint8_t* side, uint16_t* sid) const;
  uint64_t PageCount(uint32_t domain) const;
  bool LookUp(uint32_t domain, uint64_t iova, uint64_t* pa) const;
  // It is there, and nothing of it waits for a sync.
  bool IsPlain(uint32_t domain) const;
  // Bytes from iova on, at most `size`, that are mapped, or that are not.
  uint64_t Run(uint32_t domain, uint64_t iova, uint64_t size, bool mapped) const;
  // Bytes from iova on, at most `size`, before what may be a block that the range holds a part of.
  uint64_t BeforeSplit(uint32_t domain, uint64_t iova, uint64_t size) const;
  bool VmExists(uint32_t vm) const;
  bool MayFinalize(uint32_t vm) const;
  bool MayRoute(const Call& call) const;
  // A stream of the host that is not on a domain, though it may wait for the end of one.
  bool MayHaveIdentity(uint64_t side, uint64_t sid) const;
  // There is no domain and no VM.
  bool IsEmpty() const;
  // The streams that a call gives a place, or takes one from: one, or all of a device.
  Streams StreamsOf(const Call& call) const;
  // Of all these streams: whose they are, and whether they are on a domain. kUnclear: some call
  // about one did not say how it ended.
  enum class Standing : uint8_t { kFree, kAttached, kUnclear, kForeign };
  Standing StandingOf(const Streams& streams, uint8_t owner) const;
  // The host has asked for its identity map, so that an entry of EL2's may stand in for its own.
  bool MayStandIn(uint8_t side, uint16_t sid) const { return now_.identity[side][sid & 0x7f]; }
  bool IsUnclear(uint8_t side) const { return now_.unclear[side].any(); }
  bool IsDying(uint32_t vm) const { return VmExists(vm) && now_.vm[vm].stage == VmStage::kDying; }
  // Domains that have streams on this side: those of an owner, or whether one has. Without
  // `surely`, also where the end of its VM may have detached them.
  uint32_t BanksOf(uint8_t side, uint8_t owner, bool surely) const;
  bool HasBank(uint8_t side, uint32_t domain) const;
  bool IsOn(const Streams& streams, uint32_t domain) const;  // each of them, surely
  uint32_t DomainCount(uint32_t vm) const;
  uint32_t DomainsOf(uint8_t owner) const;
  bool HasPvIommu(uint32_t vm, uint32_t pviommu) const;
  // Bit n: what the call says may rest on an answer of the unit of side n.
  uint8_t SidesOf(const Call& call) const;
  // The stream that a call attaches, detaches, assigns or returns; false for others.
  bool StreamOf(const Call& call, uint8_t* side, uint16_t* sid) const;
  // True for calls that map or unmap pages; the domain that they name.
  static bool ChangesPages(const Call& call, uint32_t* domain);

  // Streams whose owner the last OnCall changed, and whether they fault until the host attaches.
  const SidSet& moved(uint8_t side) const { return moved_[side]; }
  const SidSet& returned(uint8_t side) const { return returned_[side]; }

 private:
  static constexpr uint32_t kNoDomain = ~0u;

  struct Mapping {
    uint64_t pa = 0;
    uint32_t prot = 0;
  };
  struct Domain {
    uint8_t owner = 0;
    bool dying = false;    // serves no call but free
    bool waiting = false;  // something was unmapped and may not be synced
    uint8_t sides = 0;     // bit n: it was attached on side n
    PageMap<Mapping> page;
    FlatMap<uint64_t, bool> chunk;  // those of 2 MiB that may be mapped by a block
  };
  enum class VmStage : uint8_t { kNone, kOpen, kFinal, kDying };
  using Stream = std::pair<uint8_t, uint8_t>;  // side and stream ID
  struct Vm {
    VmStage stage = VmStage::kNone;
    FlatMap<std::pair<uint32_t, uint32_t>, Stream> route;
  };
  struct State {
    State();
    std::array<std::array<uint8_t, kSids>, kSides> owner;
    std::array<std::array<uint32_t, kSids>, kSides> attached;
    std::array<SidSet, kSides> unclear;  // a call about it did not say how it ended
    std::array<SidSet, kSides> identity;
    FlatMap<uint32_t, Domain> domain;
    std::array<Vm, SIDEWALL_MAX_VMS> vm;
  };

  // What the stream's domain maps there; null also where the stream is on none, or may be.
  const Mapping* MappingAt(uint8_t side, uint16_t sid, uint64_t address,
                           const Domain** domain) const;
  const Domain* Live(uint32_t handle, uint8_t owner) const;
  const Vm* Serving(uint32_t vm) const;
  static Streams UnitOf(const Stream& stream);
  uint8_t SidesOfOwner(uint8_t owner) const;
  const Stream* Route(const Call& call) const;
  const char* HostBreach(const Call& call) const;
  const char* GuestBreach(const Call& call) const;
  const char* UnitBreach(const Call& call) const;

  void OnDomain(const Call& call, const struct sidewall_result& result);
  void OnVm(const Call& call, const struct sidewall_result& result);
  void OnGuest(const Call& call, const struct sidewall_result& result);
  void MapRange(uint32_t domain, uint64_t iova, uint64_t pa, uint64_t bytes, uint32_t prot);
  void UnmapRange(uint32_t domain, uint64_t iova, uint64_t bytes);
  void Free(uint32_t domain, const struct sidewall_result& result);
  void Attach(const Stream& stream, uint32_t domain, uint32_t status);
  void Detach(const Stream& stream, uint32_t status);
  void MoveUnit(const Stream& stream, uint8_t owner);
  void EndVm(uint32_t vm, bool done);
  void EndWaits(const Call& call);

  State now_, saved_;
  bool dirty_ = false;
  std::array<SidSet, kSides> moved_;
  std::array<SidSet, kSides> returned_;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_GHOST_DOMAINS_H_
