// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/aim.h"

#include <cstring>

namespace sidewall::fuzz {
namespace {

constexpr uint64_t kBlock = uint64_t{2} << 20;

uint64_t Plain(Random* random) {
  // Handles, lengths and indices are small; anything else is an attack that one try finds.
  return random->OneIn(4) ? Values::Number(random) : random->Below(8);
}

uint64_t DomainOf(Random* random, const Sketch& sketch) {
  const Roster::Domain* domain = sketch.roster().AnyDomain(random);
  if (domain == nullptr || random->OneIn(6)) return random->Below(kHostDomainCount + 16);
  return domain->handle;
}

uint64_t VmOf(Random* random, const Sketch& sketch) {
  const Roster::Domain* domain = sketch.roster().AnyDomain(random);
  if (domain == nullptr || domain->of_host() || random->OneIn(6)) {
    return random->Below(kVmCount + 1);
  }
  return domain->vm();
}

// Where a mapping begins or ends, of the domain that the event names if it names one.
uint64_t IovaOf(Random* random, const Sketch& sketch) {
  const Roster::Mapping* mapping = sketch.roster().AnyMapping(random);
  if (mapping == nullptr || random->OneIn(4)) {
    const uint64_t edge = uint64_t{1} << random->OneOf({12, 21, 30, 39, 40, 48});
    return edge + random->OneOf({0, kPage, ~(kPage - 1)});
  }
  return random->OneOf({mapping->iova, mapping->iova, mapping->iova + mapping->size,
                        mapping->iova + mapping->size - kPage, mapping->iova - kPage,
                        mapping->iova + 1});
}

uint64_t PageOf(Random* random, const Values& values, const Sketch& sketch) {
  const auto& given = sketch.given();
  if (!given.empty() && random->OneIn(2)) return given[random->Below(given.size())].page;
  return random->OneIn(8) ? values.Address(random) : sketch.PlainPage(random);
}

uint64_t SidOf(Random* random, const Values& values, const Sketch& sketch) {
  const Roster::Stream* stream = sketch.roster().AnyStream(random);
  if (stream != nullptr && random->OneIn(2)) return stream->sid;
  return values.Sid(random, random->Below(3));
}

}  // namespace

uint64_t AimedNumber(Random* random, const Values& values, const Sketch& sketch, const Event& event,
                     size_t index) {
  const EventSpec* spec = FindEventSpec(event.kind);
  const char* name = spec == nullptr ? nullptr : spec->arg[index].name;
  const bool is_call =
      event.kind >= EventKind::kHvcAllocDomain && event.kind <= EventKind::kGuestUnmap;
  if (name == nullptr || !is_call || random->OneIn(16)) return Plain(random);
  const auto is = [&](const char* other) { return std::strcmp(name, other) == 0; };
  if (is("domain")) return DomainOf(random, sketch);
  if (is("vm")) return VmOf(random, sketch);
  if (is("sid")) return SidOf(random, values, sketch);
  if (is("iova")) return IovaOf(random, sketch);
  if (is("pa") || is("ipa")) return PageOf(random, values, sketch);
  if (is("prot")) return random->OneOf({3, 3, 1, 2, 0, random->Below(16)});
  if (is("type") || is("pasid") || is("flags")) return random->OneOf({0, 0, 0, 0, 0, 1});
  if (is("pool")) return random->Below(7);
  if (is("size")) {
    const bool guest = event.kind >= EventKind::kGuestAttach;
    return random->OneOf({kPage, kPage, guest ? 2 * kPage : kBlock, guest ? 0x10 * kPage : kPage,
                          kPage - 1, 0, uint64_t{1} << 30});
  }
  if (is("npages")) return random->OneOf({1, 1, 2, 3, 16, 512, 0});
  if (is("pviommu") || is("vsid")) {
    const Roster::Stream* stream = sketch.roster().AnyStream(random);
    if (stream == nullptr || !stream->routed || random->OneIn(4)) return random->Below(8);
    return is("vsid") ? stream->vsid : stream->pviommu;
  }
  if (is("mcclient")) return values.Client(random);
  return Plain(random);
}

}  // namespace sidewall::fuzz
