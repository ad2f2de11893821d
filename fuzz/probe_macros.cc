// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/probe_macros.h"

#include "fuzz/domain_macros.h"
#include "fuzz/layout.h"

namespace sidewall::fuzz {
namespace {

constexpr uint64_t kZeroRegister = 31;
constexpr uint64_t kClientIds = 0x200;
constexpr uint64_t kMcSidWindow = static_cast<uint64_t>(Window::kMcSid);

}  // namespace

void ProbeMacros::Sweep(const Sketch& sketch, Events* out) {
  const auto [side, bank] = sketch.SomeBank(&random_);
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(side));
  const bool writes = random_.OneIn(2);
  for (uint64_t n = 4 + random_.Below(20); n > 0; --n) {
    uint64_t offset = 0;
    const model::RegisterInfo* reg = values_.AnyRegister(&random_, side, bank, true, &offset);
    if (reg == nullptr) return;
    if (writes) {
      const uint64_t usual = Values::UsualValue(*reg);
      const uint64_t value = random_.OneOf({~uint64_t{0}, usual ^ ~uint64_t{0}, random_.Next(),
                                            usual ^ uint64_t{1} << random_.Below(32)});
      out->push_back(WriteWhole(*reg, window, offset, value));
    }
    out->push_back(HostRead(window, offset, reg->width));
  }
}

// A register, beside one, or where it would be if pages or banks were of another size.
uint64_t ProbeMacros::OddOffset(uint64_t window) {
  const uint64_t offset = values_.Register(&random_, window);
  switch (random_.Below(6)) {
    case 0:
      return offset + 1 + random_.Below(7);
    case 1:
      return offset + layout::kCbar * (1 + random_.Below(4));
    case 2:
      return (offset & 0xfff) + 0x1000 * random_.Below(random_.OneIn(2) ? 0x10 : 0x1000);
    case 3:
      return 0x400 + (offset & 0x3ff);
    case 4:
      return random_.Below(0x400) * 4;
    default:
      return offset;
  }
}

void ProbeMacros::OddAccesses(Events* out) {
  const uint64_t window =
      random_.OneIn(2) ? values_.WindowOf(&random_) : random_.Below(kWindowCount);
  for (uint64_t n = 3 + random_.Below(12); n > 0; --n) {
    const uint64_t offset = OddOffset(window);
    const uint64_t width = random_.OneOf({4, 4, 8, 8, 2, 1});
    if (random_.OneIn(2)) {
      const uint64_t value = random_.OneOf({~uint64_t{0}, 1, 0, random_.Next()});
      out->push_back(HostWrite(window, offset, width, value));
      if (random_.OneIn(6)) out->back().arg[4] = kZeroRegister;
    }
    out->push_back(HostRead(window, offset, width));
  }
}

void ProbeMacros::ClientWords(Events* out) {
  for (uint64_t n = 1 + random_.Below(6); n > 0; --n) {
    const model::ClientInfo* known = values_.KnownClient(&random_);
    uint64_t client = known != nullptr ? known->id : values_.Client(&random_);
    const uint64_t sid = known != nullptr ? known->default_sid : 0;
    if (random_.OneIn(4)) client = random_.Below(kClientIds);
    const uint64_t width = random_.OneIn(6) ? random_.OneOf({1, 2, 8}) : 4;
    const uint64_t any = random_.Next();
    if (random_.OneIn(2)) {
      const uint64_t word = random_.OneOf({0, 1, 0x100, 0x101, 0x10000, 0x10100, 0x10101, any});
      out->push_back(HostWrite(kMcSidWindow, 8 * client + 4, width, word & 0xffffffff));
      if (random_.OneIn(2)) out->push_back(HostRead32(kMcSidWindow, 8 * client + 4));
    }
    if (random_.OneIn(2)) {
      const uint64_t wrong = values_.Sid(&random_, random_.Below(3));
      const uint64_t word = random_.OneOf({sid, sid | 0x100, 0x7f, 0, wrong, any});
      out->push_back(HostWrite(kMcSidWindow, 8 * client, width, word));
      if (random_.OneIn(2)) out->push_back(HostRead32(kMcSidWindow, 8 * client));
    }
    if (random_.OneIn(2)) {
      const uint64_t own = random_.OneOf({0, 0x7f, sid, values_.Sid(&random_, random_.Below(3))});
      Event dma = DmaEvent(client, values_.Address(&random_), false);
      dma.arg[2] = (random_.OneIn(2) ? kDmaWrite : 0) | own << kDmaOwnSidShift;
      out->push_back(dma);
    }
  }
}

void ProbeMacros::UpperBits(const Sketch& sketch, Events* out) {
  const model::ClientInfo* client = sketch.FindUnmatched(&random_);
  if (client == nullptr) return;
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(client->side));
  const uint64_t first = sketch.FreeEntry(&random_, client->side);
  const uint64_t upper[] = {random_.Below(256), random_.Below(256)};
  for (uint64_t n = 0; n < 2; ++n) {
    const uint64_t entry = 4 * (first + n);
    const uint64_t sid = client->default_sid | upper[n] << 7;
    const uint64_t mask = random_.OneOf({0, 0, 0, layout::kSmrMask, 0x7f});
    out->push_back(HostWrite32(window, layout::kSmr + entry, layout::kSmrValid | mask << 16 | sid));
    out->push_back(HostWrite32(window, layout::kS2cr + entry, layout::kS2crBypass));
  }
  for (uint64_t n = 0; n < 4; ++n) {
    uint64_t sid = client->default_sid | upper[n % 2] << 7;
    if (n == 3) sid ^= uint64_t{1} << (7 + random_.Below(8));
    out->push_back(StreamDma(client->side, sid, sketch.PlainPage(&random_)));
  }
}

// Clients as the host's driver reports them while it probes: rightly, or of another side or stream.
void ProbeMacros::Register(Events* out) {
  for (uint64_t n = random_.Below(4); n > 0; --n) {
    // Any row, also of clients whose stream only the device tree says, which make no DMA here.
    size_t count = 0;
    const model::ClientInfo* clients = model::Clients(&count);
    const model::ClientInfo& client = clients[random_.Below(count)];
    const uint64_t own = model::OwnSid(client);
    const uint64_t side = random_.OneIn(3) ? random_.Below(3) : client.side;
    const uint64_t sid = random_.OneIn(4) ? values_.Sid(&random_, side) : own;
    out->push_back(CallEvent(EventKind::kHvcMcRegisterSid, {client.id, side, sid}));
  }
}

// Hardware that does not answer while it is taken over.
Event ProbeMacros::Trouble() {
  const uint64_t window = static_cast<uint64_t>(WindowOfSide(values_.Smmu(&random_).side));
  if (random_.OneIn(2)) return CallEvent(EventKind::kHwSync, {window, kSyncNever, 0});
  return CallEvent(EventKind::kHwReadFail, {window, 1 + random_.Below(40)});
}

void ProbeMacros::BootAnew(Events* out) {
  const auto probe = [&] {
    const model::ClientInfo* known = values_.KnownClient(&random_);
    if (known == nullptr) return;
    const uint64_t sid = random_.OneIn(4) ? random_.Below(128) : known->default_sid;
    const uint64_t page = values_.Page(&random_);
    out->push_back(AnyStreamDma(&random_, known->side, sid, page));
  };
  Event init = MakeEvent(EventKind::kBootInit);
  init.arg[0] = random_.OneOf({kBootArbitrary, kBootArbitrary, kBootArbitrary, kBootReset});
  out->push_back(init);
  Register(out);
  for (uint64_t n = random_.Below(3); n > 0; --n) probe();
  // What the host does while nobody looks.
  for (uint64_t n = random_.OneIn(2) ? 0 : 1 + random_.Below(6); n > 0; --n) {
    const uint64_t window = values_.WindowOf(&random_);
    const uint64_t offset = values_.Register(&random_, window);
    out->push_back(HostWrite32(window, offset, values_.RegisterValue(&random_, window, offset)));
    if (random_.OneIn(2)) out->back().arg[3] &= 0xffffffff;
  }
  if (random_.OneIn(3)) out->push_back(Trouble());
  out->push_back(MakeEvent(EventKind::kBootFinalize));
  for (uint64_t n = 4 + random_.Below(6); n > 0; --n) probe();
}

void ProbeMacros::Any(const Sketch& sketch, Events* out) {
  switch (random_.Below(7)) {
    case 0:
    case 1:
      return Sweep(sketch, out);
    case 2:
    case 3:
      return OddAccesses(out);
    case 4:
      return UpperBits(sketch, out);
    default:
      return ClientWords(out);
  }
}

}  // namespace sidewall::fuzz
