// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/invariant.h"

namespace sidewall {
namespace {

constexpr InvariantInfo kInvariants[] = {
    {Invariant::kIso01, "ISO01", "reach",
     "After every store, all that hardware may deliver for a stream lies in pages its owner may "
     "touch, with that permission.",
     true, true},
    {Invariant::kIso02, "ISO02", "stale",
     "A page changes owner, or a table page is freed, only after an invalidation that covers every "
     "entry that may cache it, on every instance, and its sync was seen complete.",
     true, true},
    {Invariant::kIso03, "ISO03", "stream-exclusive",
     "For every possible 15-bit stream ID at most one valid hardware entry matches; never entries "
     "of two owners, not even between two stores.",
     true, true},
    {Invariant::kIso04, "ISO04", "index-owner",
     "The owner of a bank is the owner of the streams whose S2CR names it; what a live S2CR names "
     "is live; a bank that no S2CR names is off in hardware when a call returns.",
     true, true},
    {Invariant::kIso05, "ISO05", "floor",
     "CLIENTPD 0, USFCFG 1, SMCFCFG 1, EXIDENABLE 0, VMID16EN 0, no stall, S2CR never BYPASS, CBAR "
     "type 3 for host banks and type 0 for EL2's only, ACTLR.CPRE 0, fixed sACR and ACTLR.",
     true, true},
    {Invariant::kIso06, "ISO06", "mirror",
     "Both instances of a pair hold the same policy image when a call returns; every invalidation "
     "and sync goes to both.",
     true, true},
    {Invariant::kIso07, "ISO07", "idmap",
     "The host's identity stage 2 equals host ownership at every quiet point, apart from "
     "documented "
     "over-restriction; EL2-owned registers are never in it.",
     true, true},
    {Invariant::kIso08, "ISO08", "tag",
     "Contexts of two owners, or over different EL2-built tables, never share a VMID; a reused "
     "VMID "
     "was flushed before.",
     true, true},
    {Invariant::kIso09, "ISO09", "mc-sid",
     "After takeover the SID that reaches the SMMU for a client is one its owner may use; "
     "security, "
     "lock and unlisted registers are unchanged; never 0x7f.",
     true, true},
    {Invariant::kIso10, "ISO10", "fail-closed",
     "On time-out, unknown hardware or exhausted pool, streams stay faulting and nothing is "
     "released.",
     true, true},
    {Invariant::kIso11, "ISO11", "resume",
     "After power loss every floor bit, entry, bank and MC register is restored and the TLB "
     "flushed "
     "before any stream can translate.",
     true, true},
    {Invariant::kIso12, "ISO12", "authority",
     "A caller can name only handles, vSIDs and devices that it owns.", true, true},
    {Invariant::kIso13, "ISO13", "secrecy",
     "Two runs that differ only in another owner's secrets give the host the same reads, results, "
     "faults and counters.",
     true, true},
    {Invariant::kFun01, "FUN01", "faithful",
     "What the host reads back is what a real SMMUv2 with the advertised IDs would show after the "
     "same accesses, apart from the table of deviations.",
     true, true},
    {Invariant::kFun02, "FUN02", "result", "Every call returns what the reference model allows.",
     true, true},
    {Invariant::kFun03, "FUN03", "works",
     "Legal DMA of host and guest succeeds, at every store, with the right page and permission.",
     true, true},
    {Invariant::kFun04, "FUN04", "progress",
     "Partial work is reported exactly; a retry after refill converges; nothing is mapped twice or "
     "skipped.",
     true, true},
    {Invariant::kFun05, "FUN05", "faults",
     "A fault is recorded, reported to its owner, and to nobody else.", true, true},
    {Invariant::kErr01, "ERR01", "atomic",
     "A refused call changes nothing that can be observed; locks are balanced and ordered on every "
     "path.",
     true, true},
    {Invariant::kErr02, "ERR02", "balance",
     "References, pool pages and indices are back at the start after full teardown.", true, true},
    {Invariant::kErr03, "ERR03", "alive",
     "Work per call is bounded; no input of a host, guest or device panics EL2.", true, true},
    {Invariant::kMem01, "MEM01", "memory",
     "No out-of-bounds access, overflow, uninitialised read or undefined behaviour.", false, true},
    {Invariant::kMem02, "MEM02", "order",
     "Fill, then publish; unpublish, then free; break before make; clean to PoC and barrier before "
     "use.",
     true, true},
    {Invariant::kMem03, "MEM03", "geometry",
     "Start level, T0SZ, granule, PASize, attributes and alignment in registers fit the tables "
     "that "
     "were built.",
     true, true},
    {Invariant::kDif01, "DIF01", "same-binary",
     "Host build and aarch64 build make the same stores, in the same order, and return the same.",
     true, false},
};

// FNV-1a, 32 bits: eight hexadecimal digits are enough to tell buckets apart, and it needs no
// table.
uint32_t Hash(uint32_t hash, std::string_view text) {
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

}  // namespace

const InvariantInfo* Invariants(size_t* count) {
  *count = sizeof(kInvariants) / sizeof(kInvariants[0]);
  return kInvariants;
}

const InvariantInfo* FindInvariant(Invariant id) {
  for (const InvariantInfo& info : kInvariants) {
    if (info.id == id) return &info;
  }
  return nullptr;
}

const InvariantInfo* FindInvariant(std::string_view code) {
  for (const InvariantInfo& info : kInvariants) {
    if (code == info.code) return &info;
  }
  return nullptr;
}

InvariantSet AllInvariants() {
  InvariantSet all = 0;
  for (const InvariantInfo& info : kInvariants) all |= Bit(info.id);
  return all;
}

std::string Verdict::Bucket() const {
  const InvariantInfo* info = FindInvariant(id);
  const char* code = info ? info->code : "NONE";
  uint32_t hash = Hash(2166136261u, code);
  hash = Hash(hash, "|");
  hash = Hash(hash, object);
  for (size_t i = 0; i < frames.size() && i < 3; i++) {
    hash = Hash(hash, "|");
    hash = Hash(hash, frames[i]);
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string bucket = std::string(code) + "-" + object + "-";
  for (int shift = 28; shift >= 0; shift -= 4) bucket += kDigits[(hash >> shift) & 15];
  return bucket;
}

}  // namespace sidewall
