// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/secrecy.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "model/registers.h"
#include "oracle/checks.h"
#include "oracle/fault_view.h"
#include "oracle/smmu_layout.h"
#include "oracle/trap.h"

namespace sidewall::fuzz {
namespace {

// Guests map 64 pages further on, or back, inside one table: as many tables as before.
constexpr uint64_t kMove = 64 * kPageSize;
constexpr uint64_t kFar = uint64_t{1} << 36;  // where no guest has mapped anything
constexpr uint64_t kRegister = 1;             // in which the host loads what it compares

bool IsGuestCall(EventKind kind) {
  return kind >= EventKind::kGuestAttach && kind <= EventKind::kGuestUnmap;
}

unsigned long long Wide(uint64_t value) { return value; }

// Where a guest's range lies in a mapping call.
const uint64_t* SizeOf(const Event& event) {
  return event.kind == EventKind::kGuestMap ? &event.arg[4] : &event.arg[3];
}

bool Maps(EventKind kind) { return kind == EventKind::kGuestMap || kind == EventKind::kGuestUnmap; }

// Hardware, or a pool, is not as ever; then nothing is done twice.
bool IsTrouble(const Event& event) {
  return event.fail_nth != 0 || event.kind == EventKind::kHwSync ||
         event.kind == EventKind::kHwReadFail || event.kind == EventKind::kHwPowerLoss ||
         event.kind == EventKind::kHwContrary;
}

}  // namespace

Secrecy::Side::Side(const HarnessOptions& options) : harness(options) {}

Secrecy::Secrecy(const model::BoardSpec& board, bool forks)
    : board_(board),
      plain_({.board = &board, .armed = 0, .forks = forks, .coverage = &exercised_}),
      other_({.board = &board, .armed = 0, .forks = forks}) {}

bool Secrecy::HasSecrets(const Program& program) {
  return std::any_of(program.events.begin(), program.events.end(), [](const Event& event) {
    return IsGuestCall(event.kind) || event.kind == EventKind::kVmCreate;
  });
}

// What the host is shown in a bank of its own, whoever has the stream by now.
bool Secrecy::IsHosts(const Event& fault) {
  Board& board = plain_.harness.board();
  for (size_t i = 0; i < board_.smmu_count; i++) {
    const model::SmmuSpec& spec = board_.smmu[i];
    if (spec.side != fault.arg[0] / 2) continue;
    const size_t instance = board.machine().InstanceIndex(spec.side, fault.arg[0] % 2);
    const auto host_banks = static_cast<uint16_t>(spec.banks - spec.el2_banks);
    return IsShownToHost(board.machine().smmu(instance), host_banks, fault.arg[1], fault.arg[3]);
  }
  return false;
}

// By what the plain board says of owners now.
bool Secrecy::OfGuest(const Event& event) {
  if (IsGuestCall(event.kind)) return true;
  const Ghost& ghost = plain_.harness.board().ghost();
  const auto owned = [&](uint64_t side, uint64_t sid) {
    return side < 3 && model::IsGuest(ghost.StreamOwner(static_cast<uint8_t>(side),
                                                        static_cast<uint16_t>(sid & 0x7f)));
  };
  if (event.kind == EventKind::kDmaStream) return owned(event.arg[0], event.arg[1]);
  if (event.kind == EventKind::kHwFault) {
    // What the memory controller says of a transfer is the host's to read, whoever made it.
    const bool of_smmu = event.arg[0] < kSmmuWindows;
    return of_smmu && !IsHosts(event) && owned(event.arg[0] / 2, event.arg[5]);
  }
  if (event.kind != EventKind::kDma || event.arg[0] >= 0x200) return false;
  const model::ClientInfo* client = model::FindClient(static_cast<uint16_t>(event.arg[0]));
  return client != nullptr && owned(client->side, OwnSid(*client));
}

Event Secrecy::Twisted(const Event& event) {
  Event twisted = event;
  if (!OfGuest(event)) return twisted;
  if (Maps(event.kind) && moves_) twisted.arg[2] ^= kMove;
  // Every transfer that was delivered now faults; what a fault says is another address.
  if (event.kind == EventKind::kDmaStream) twisted.arg[2] ^= kFar;
  if (event.kind == EventKind::kDma) twisted.arg[1] ^= kFar;
  if (event.kind == EventKind::kHwFault) twisted.arg[4] ^= kFar | kMove;
  twisted_ += !std::equal(std::begin(event.arg), std::end(event.arg), std::begin(twisted.arg));
  return twisted;
}

// What lies in memory that the host may not touch differs in every page that it once had.
void Secrecy::KeepSecrets() {
  const model::Range& dram = board_.dram[0];
  constexpr uint64_t kPages = 64;
  for (uint64_t pa = dram.start; pa < dram.start + kPages * kPageSize; pa += kPageSize) {
    if (!model::IsGuest(other_.harness.board().ghost().owner(pa))) continue;
    for (uint64_t at = 0; at < 64; at += 8) {
      other_.harness.board().StoreSecret(pa + at, (dram.start + 0x5000) | 0xf47);
    }
  }
}

// How much a guest maps is a secret too: the second one unmaps what it has just mapped, and maps it
// again, so that it is where it was and all that hangs on it goes on as before.
void Secrecy::Repeat(const Event& map, const Outcome& outcome) {
  if (!repeats_ || map.kind != EventKind::kGuestMap) return;
  if (outcome.result != Expect::kOk || outcome.value != map.arg[4]) return;
  const Event unmap = {.kind = EventKind::kGuestUnmap,
                       .arg = {map.arg[0], map.arg[1], map.arg[2], map.arg[4], 0, 0}};
  other_.harness.Apply(unmap);
  other_.harness.Apply(map);
  twisted_++;
}

// "" or what the host can tell.
std::string Secrecy::Step(const Event& event) {
  plain_.log.clear();
  other_.log.clear();
  const bool guest = OfGuest(event);
  const Event twisted = Twisted(event);
  KeepSecrets();
  const Outcome a = plain_.harness.Apply(event);
  const Outcome b = other_.harness.Apply(twisted);
  Repeat(twisted, b);
  compared_++;
  const bool of_el2 = event.kind == EventKind::kTick || event.kind == EventKind::kIrqFault;
  if (!guest && !of_el2 && (a.result != b.result || a.value != b.value)) {
    return Print(
        "an event of the host gives %u, 0x%llx with one secret, and %u, 0x%llx with another",
        static_cast<unsigned>(a.result), Wide(a.value), static_cast<unsigned>(b.result),
        Wide(b.value));
  }
  return CompareTold();
}

std::string Secrecy::CompareTold() const {
  const auto told = [](const std::vector<Access>& log) {
    std::vector<Access> of_host;
    std::copy_if(log.begin(), log.end(), std::back_inserter(of_host), [](const Access& access) {
      return access.kind == Access::kNotify && access.address == model::kOwnerHost;
    });
    return of_host;
  };
  if (told(plain_.log) == told(other_.log)) return "";
  return "the host is told of faults that hang on a secret";
}

// One load of the host's on both boards. There are tens of thousands after each program, so that
// the driver is asked without what the harness does around an event; a board that was switched off
// and on may not be up, and then what the load reaches is the harness's affair.
std::string Secrecy::Read(uint64_t window, uint32_t offset) {
  if (plain_.harness.board().needs_boot() || other_.harness.board().needs_boot()) {
    return Step({.kind = EventKind::kHostRead, .arg = {window, offset, 4, 0, kRegister, 0}});
  }
  const uint64_t pa = plain_.harness.board().AddressOf(static_cast<Window>(window), offset);
  uint64_t loaded[2] = {};
  uint32_t status[2] = {};
  Side* both[2] = {&plain_, &other_};
  for (size_t s = 0; s < 2; s++) {
    struct sidewall_regs regs = {};
    Call call = {.id = CallId::kHandleDabt, .arg = {MakeSyndrome(4, kRegister, false), pa}};
    call.regs = &regs;
    both[s]->log.clear();
    status[s] = static_cast<uint32_t>(both[s]->harness.engine().Invoke(call).status);
    loaded[s] = regs.x[kRegister];
  }
  compared_++;
  if (status[0] != status[1] || loaded[0] != loaded[1]) {
    return Print("a load gives %u, 0x%llx with one secret, and %u, 0x%llx with another", status[0],
                 Wide(loaded[0]), status[1], Wide(loaded[1]));
  }
  return CompareTold();
}

// Each register that has a name, in every window, as the host reads it.
std::string Secrecy::CompareReads() {
  for (size_t i = 0; i < board_.smmu_count; i++) {
    const model::SmmuSpec& spec = board_.smmu[i];
    std::vector<uint32_t> offsets = layout::PolicyOffsets(spec);
    for (uint32_t at = 0; at < 0x100; at += 4) offsets.push_back(at);
    for (uint32_t bank = 0; bank < spec.banks; bank++) {
      offsets.push_back(layout::PageSize(spec) + 0x400 + 4 * bank);  // CBFRSYNRA
      for (uint32_t at = 0x40; at < 0x80; at += 4) offsets.push_back(layout::Bank(spec, bank) + at);
    }
    for (uint8_t n = 0; n < spec.instance_count; n++) {
      const uint64_t window = spec.side * 2u + n;
      for (const uint32_t offset : offsets) {
        const std::string told = Read(window, offset);
        if (told.empty()) continue;
        char name[64];
        model::RegisterName(static_cast<Window>(window), offset, name, sizeof(name));
        return Print("%s of %s: ", name, model::WindowName(static_cast<Window>(window))) + told;
      }
    }
  }
  return "";
}

// The counters, and the host's own records of the ring, apart from when they were made.
std::string Secrecy::CompareCounters() {
  struct sidewall_counters counters[2] = {};
  Side* both[2] = {&plain_, &other_};
  for (size_t s = 0; s < 2; s++) {
    Call call = {.id = CallId::kStats};
    call.stats = &counters[s];
    both[s]->harness.engine().Invoke(call);
  }
  compared_++;
  if (memcmp(&counters[0], &counters[1], sizeof(counters[0])) != 0) return "counters differ";
  constexpr uint64_t kRings = 4;
  for (uint64_t ring = 0; ring < kRings; ring++) {
    uint64_t next[2] = {ring, ring};
    for (unsigned i = 0; i < 64; i++) {
      sidewall_ring_record records[2] = {};
      struct sidewall_result results[2] = {};
      for (size_t s = 0; s < 2; s++) {
        Call call = {.id = CallId::kRingRead, .arg = {model::kOwnerHost, next[s]}};
        call.ring = &records[s];
        results[s] = both[s]->harness.engine().Invoke(call);
        next[s] = results[s].progress;
        records[s].time_us = 0;
      }
      compared_++;
      if (results[0].status != results[1].status || next[0] != next[1] ||
          memcmp(&records[0], &records[1], sizeof(records[0])) != 0) {
        return Print("record %llu of the trace ring is not the same", Wide(records[0].sequence));
      }
    }
  }
  return "";
}

// What hardware draws hangs on no secret: each event draws from a place of its own, so that a
// transfer of a guest's which draws less, since it faults, changes nothing for those after it.
void Secrecy::DrawFor(const Program& program, size_t event) {
  std::span<const uint8_t> choices(program.choices);
  if (!choices.empty()) choices = choices.subspan(event % choices.size());
  for (Side* side : {&plain_, &other_}) side->harness.board().SetChoices(choices);
}

// "" or what the host can tell while the program runs; `ran` counts the events that told nothing.
std::string Secrecy::RunEvents(const Program& program, size_t* ran) {
  for (Side* side : {&plain_, &other_}) {
    side->harness.board().set_access_log(&side->log);
    // Without a schedule: how many stores a guest's call takes is no measure of how often a device
    // of the host's tries again.
    side->harness.Begin(program.choices);
  }
  // Addresses move where that changes nothing but which leaf of which table is meant.
  moves_ = std::all_of(program.events.begin(), program.events.end(), [](const Event& event) {
    if (!Maps(event.kind)) return true;
    const uint64_t size = *SizeOf(event);
    return size != 0 && size <= kMove && event.arg[2] / kMove == (event.arg[2] + size - 1) / kMove;
  });
  repeats_ = moves_ && program.choices.empty() && program.schedule.empty() &&
             std::none_of(program.events.begin(), program.events.end(), IsTrouble);
  for (const Event& event : program.events) {
    DrawFor(program, *ran);
    const std::string told = Step(event);
    if (!told.empty()) return told;
    ++*ran;
  }
  return "";
}

Verdict Secrecy::Run(const Program& program) {
  Verdict verdict;
  const uint64_t compared = compared_;
  std::string told = RunEvents(program, &verdict.event_index);
  const Coverage of_events = exercised_;
  if (told.empty()) told = CompareReads();
  if (told.empty()) told = CompareCounters();
  exercised_ = of_events;
  exercised_.evaluated[static_cast<size_t>(Invariant::kIso13)] += compared_ - compared;
  if (told.empty()) return Verdict();
  verdict.id = Invariant::kIso13;
  verdict.at_store = false;
  verdict.object = "call";
  verdict.frames = {"Iso13Secrecy", "-", "two boards"};
  verdict.title = "ISO13: " + told;
  verdict.text = {
      "Both boards ran the same program, and the guests of the second had other secrets:",
      "other contents of their memory, other addresses, other faults."};
  return verdict;
}

void Secrecy::Undo() {
  const uint64_t programs = exercised_.programs;
  plain_.harness.Begin({});
  other_.harness.Begin({});
  exercised_.programs = programs;
}

}  // namespace sidewall::fuzz
