// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/mutator.h"

#include <algorithm>

#include "fuzz/aim.h"
#include "fuzz/boards.h"
#include "fuzz/layout.h"
#include "fuzz/probe_macros.h"

namespace sidewall::fuzz {
namespace {

constexpr size_t kHeaderSize = 24;
constexpr size_t kUsualChoices = 64;
constexpr size_t kUsualCpus = 4;
constexpr size_t kUsualTransfers = 4;  // of those that a schedule may repeat
// What of a hundred events should be DMA that is delivered, DMA that faults, and events that make
// the driver store.
constexpr size_t kDeliveredShare = 22;
constexpr size_t kFaultShare = 18;
constexpr size_t kActShare = 60;
constexpr size_t kMaxMissing = 12;
constexpr uint64_t kFreshOne = 8;  // one in how many mutations is a program of its own

// Taking the hardware over takes as long as thousands of other events, and an engine likes what it
// covers; so most children of a program that does it do not.
bool IsBoot(const Event& event) {
  return event.kind == EventKind::kBootInit || event.kind == EventKind::kBootFinalize;
}

// Hardware on which an assumption is false breaks the driver that ships, as it must; what finds
// that again finds nothing.
bool IsContrary(const Event& event) { return event.kind == EventKind::kHwContrary; }

// Where hardware draws what it does; without choices it always does the same.
bool Draws(const Event& event) {
  const bool sync = event.kind == EventKind::kHwSync && event.arg[1] == kSyncDrawn;
  return sync || event.kind == EventKind::kHwPowerLoss;
}

// How many events are missing to a share of all, at most a handful.
size_t Missing(size_t have, size_t size, size_t share) {
  const size_t want = size * share / 100 + 1;
  return want <= have ? 0 : std::min(want - have, kMaxMissing);
}

// Events on which the driver mostly stores.
bool MayAct(const Event& event) {
  if (event.kind == EventKind::kHypDonate || event.kind == EventKind::kHypReclaim) return true;
  if (event.kind >= EventKind::kVmCreate && event.kind <= EventKind::kPowerOn) return true;
  if (event.kind >= EventKind::kHvcAllocDomain && event.kind <= EventKind::kHvcDevBlockDma) {
    return true;
  }
  if (event.kind != EventKind::kHostWrite || event.arg[0] >= kSmmuWindows) return false;
  if (event.arg[0] % 2 != 0) return false;  // the second half of a pair
  const uint64_t offset = event.arg[1];
  if (offset >= layout::kBankBase) return true;
  if (offset >= layout::kS2cr && offset < layout::kCbar) return event.arg[3] != layout::kS2crFault;
  return offset >= layout::kSmr ? offset < layout::kS2cr : offset >= layout::kTlbivmid;
}

Sketch SketchOf(const Program& program, const Values& values, size_t end) {
  Sketch sketch(values);
  for (size_t i = 0; i < end; ++i) sketch.Note(program.events[i]);
  return sketch;
}

// Cuts a stretch out of a list that is too long. The end is no better a place than any other: it
// holds what was added last.
void ShrinkTo(Random* random, size_t limit, std::vector<Event>* events) {
  if (events->size() <= limit) return;
  const size_t extra = events->size() - limit;
  const auto first = events->begin() + static_cast<ptrdiff_t>(random->Below(limit + 1));
  events->erase(first, first + static_cast<ptrdiff_t>(extra));
}

template <typename T>
void InsertAt(std::vector<T>* list, size_t at, const std::vector<T>& items) {
  list->insert(list->begin() + static_cast<ptrdiff_t>(at), items.begin(), items.end());
}

}  // namespace

size_t EventsThatFit(size_t max_size, const Program& program) {
  const size_t rest = kHeaderSize + program.choices.size() + program.schedule.size();
  return max_size <= rest ? 0 : (max_size - rest) / sizeof(Event);
}

const model::BoardSpec* Mutator::DrawBoard() {
  // Small boards run out of entries and banks in a few events, and their runs are short.
  const char* name = random_.OneIn(2) ? "tegra234" : "tiny";
  const model::BoardSpec* board = model::FindBoard(name);
  size_t count = 0;
  return board != nullptr ? board : model::Boards(&count);
}

Program Mutator::Fresh(const model::BoardSpec& board) {
  Program program;
  SetBoard(&program, board);
  const Values values(board);
  if (random_.OneIn(8)) {
    // What the hardware looks like is drawn from the choices.
    DrawChoices(&program);
    ProbeMacros(values, &random_).BootAnew(&program.events);
  }
  const size_t macros = 1 + random_.Below(3);
  for (size_t i = 0; i < macros; ++i) InsertMacro(&program, values, program.events.size());
  Mend(&program, values);
  return program;
}

void Mutator::InsertMacro(Program* program, const Values& values, size_t at) {
  Events events;
  Macros(values, &random_).Any(SketchOf(*program, values, at), &events);
  InsertAt(&program->events, at, events);
}

void Mutator::FillArgument(Event* event, const Values& values, const Sketch& sketch, size_t i) {
  const EventSpec* spec = FindEventSpec(event->kind);
  if (spec == nullptr) return;
  switch (spec->arg[i].type) {
    case ArgType::kUnused:
      return;
    case ArgType::kRegister:
      event->arg[i] = values.Register(&random_, event->arg[0]);
      return;
    case ArgType::kRegValue:
      event->arg[i] = values.RegisterValue(&random_, event->arg[0], event->arg[1]);
      return;
    case ArgType::kSid:
      event->arg[i] = values.Sid(&random_, event->arg[i - 1]);
      return;
    case ArgType::kNumber:
      event->arg[i] = AimedNumber(&random_, values, sketch, *event, i);
      return;
    default:
      event->arg[i] = values.Argument(&random_, spec->arg[i].type);
  }
}

Event Mutator::AnyEvent(const Values& values, const Sketch& sketch) {
  constexpr EventKind kKinds[] = {
      EventKind::kHostWrite,   EventKind::kHostRead,   EventKind::kDma,      EventKind::kDmaStream,
      EventKind::kHypDonate,   EventKind::kHypReclaim, EventKind::kHypShare, EventKind::kHypUnshare,
      EventKind::kHostStore64, EventKind::kHostAbort,  EventKind::kHwSync,   EventKind::kHwReadFail,
      EventKind::kHwFault,     EventKind::kTick,       EventKind::kNone,
  };
  constexpr unsigned kWeights[] = {44, 6, 12, 5, 8, 6, 3, 3, 2, 2, 2, 1, 1, 2, 24};
  static_assert(std::size(kKinds) == std::size(kWeights));
  EventKind kind = kKinds[random_.Weighted(kWeights)];
  while (kind == EventKind::kNone || kind == EventKind::kHwContrary) {
    kind = kEventSpecs[random_.Below(kEventSpecCount)].kind;
  }
  Event event = MakeEvent(kind);
  // An argument may depend on those before it: the value of a register on the register.
  for (size_t i = 0; i < kEventArgs; ++i) FillArgument(&event, values, sketch, i);
  if (kind == EventKind::kHostWrite && !random_.OneIn(16)) {
    event.arg[2] = event.arg[3] > UINT32_MAX ? 8 : 4;
    if (!random_.OneIn(8)) event.arg[4] = 0;
  }
  if (kind == EventKind::kDma) event.arg[3] = 8;
  return event;
}

void Mutator::InsertEvent(Program* program, const Values& values, size_t at) {
  InsertAt(&program->events, at, {AnyEvent(values, SketchOf(*program, values, at))});
}

void Mutator::ChangeArgument(Program* program, const Values& values) {
  if (program->events.empty()) return;
  const size_t at = random_.Below(program->events.size());
  const Sketch sketch = SketchOf(*program, values, at);
  Event& event = program->events[at];
  const EventSpec* spec = FindEventSpec(event.kind);
  const size_t start = random_.Below(kEventArgs);
  for (size_t n = 0; n < kEventArgs; ++n) {
    const size_t i = (start + n) % kEventArgs;
    if (spec == nullptr || spec->arg[i].type == ArgType::kUnused) continue;
    switch (random_.Below(6)) {
      case 0:
        event.arg[i] ^= uint64_t{1} << random_.Below(spec->arg[i].type == ArgType::kPa ? 48 : 32);
        return;
      case 1:
        event.arg[i] += random_.OneOf({1, 4, 8, kPage, ~uint64_t{0}, ~uint64_t{7}});
        return;
      default:
        FillArgument(&event, values, sketch, i);
        return;
    }
  }
}

void Mutator::ChangeAttributes(Program* program) {
  if (program->events.empty()) return;
  Event& event = program->events[random_.Below(program->events.size())];
  if (random_.OneIn(2)) {
    event.cpu = static_cast<uint8_t>(random_.Below(kUsualCpus));
  } else {
    event.fail_nth = static_cast<uint16_t>(random_.OneIn(2) ? 0 : 1 + random_.Below(4));
  }
}

void Mutator::DeleteSome(Program* program) {
  const size_t size = program->events.size();
  if (size == 0) return;
  const size_t at = random_.Below(size);
  const size_t count = 1 + random_.Below(std::min<size_t>(size - at, random_.OneIn(4) ? 8 : 1));
  const auto first = program->events.begin() + static_cast<ptrdiff_t>(at);
  program->events.erase(first, first + static_cast<ptrdiff_t>(count));
}

void Mutator::MoveEvent(Program* program) {
  const size_t size = program->events.size();
  if (size < 2) return;
  // Neighbours mostly: the order of two stores is what matters.
  const size_t a = random_.Below(size - 1);
  const size_t b = random_.OneIn(3) ? random_.Below(size) : a + 1;
  std::swap(program->events[a], program->events[b]);
}

void Mutator::DuplicateEvent(Program* program) {
  const size_t size = program->events.size();
  if (size == 0) return;
  const Event event = program->events[random_.Below(size)];
  InsertAt(&program->events, random_.Below(size + 1), {event});
}

void Mutator::DrawChoices(Program* program) {
  program->choices.resize(kUsualChoices);
  for (uint8_t& choice : program->choices) {
    choice =
        static_cast<uint8_t>(random_.OneIn(2) ? random_.OneOf({0, 0, 1, 0xff}) : random_.Next());
  }
}

void Mutator::ChangeChoices(Program* program) {
  std::vector<uint8_t>& choices = program->choices;
  switch (random_.Below(4)) {
    case 0:
      choices.clear();
      return;
    case 1:
      choices.resize(random_.Below(kUsualChoices));
      [[fallthrough]];
    default:
      if (choices.empty()) choices.resize(1 + random_.Below(8));
      for (uint64_t i = 1 + random_.Below(4); i > 0; --i) {
        choices[random_.Below(choices.size())] =
            static_cast<uint8_t>(random_.OneOf({0, 1, 2, 0xff, random_.Next()}));
      }
  }
}

void Mutator::ChangeSchedule(Program* program) {
  std::vector<uint8_t>& schedule = program->schedule;
  if (schedule.empty() || random_.OneIn(4)) schedule.resize(random_.Below(kUsualChoices));
  if (schedule.empty()) return;
  schedule[random_.Below(schedule.size())] = static_cast<uint8_t>(random_.Below(kUsualTransfers));
}

// Deletions, moves and splices leave DMA without its attach, and then nearly all of it faults for
// the same dull reason; and pages are given away twice, which is refused. Some of both is set
// right.
void Mutator::Retarget(Program* program, const Values& values) {
  Macros macros(values, &random_);
  Sketch sketch(values);
  for (Event& event : program->events) {
    if (event.kind == EventKind::kDma && event.arg[0] < model::kNoClient && !random_.OneIn(3)) {
      const auto* client = model::FindClient(static_cast<uint16_t>(event.arg[0]));
      Target target;
      const bool lost =
          client == nullptr || client->side >= model::kUnknownSide || !sketch.Reaches(*client);
      if (lost && sketch.FindTarget(&random_, &target)) event = macros.DmaThrough(sketch, target);
    }
    const bool given = sketch.IsGiven(event.arg[0]);
    if (event.kind == EventKind::kHypDonate && given && !random_.OneIn(4)) {
      event.arg[0] = sketch.PlainPage(&random_);
    }
    if (event.kind == EventKind::kHypReclaim && !given && !random_.OneIn(4)) {
      event.kind = EventKind::kHypDonate;
      event.arg[0] = sketch.PlainPage(&random_);
    }
    sketch.Note(event);
  }
}

// Mutation and an engine's trimming wear away what makes a program do something: DMA that is
// delivered, and events on which the driver acts (much of what a kernel writes is only remembered).
// What is short of either is made up at the end, a few events at a time.
void Mutator::Mend(Program* program, const Values& values) {
  Retarget(program, values);
  Sketch sketch(values);
  size_t delivered = 0;
  size_t acts = 0;
  size_t faults = 0;
  for (const Event& event : program->events) {
    const bool dma = event.kind == EventKind::kDma || event.kind == EventKind::kDmaStream;
    const bool good = dma && sketch.Delivers(event);
    delivered += good;
    faults += dma && !good;
    acts += MayAct(event);
    sketch.Note(event);
  }
  const size_t size = program->events.size();
  const bool draws = std::any_of(program->events.begin(), program->events.end(), Draws);
  if (draws && program->choices.empty() && !random_.OneIn(4)) DrawChoices(program);
  Macros macros(values, &random_);
  Events events;
  for (size_t n = Missing(delivered, size, kDeliveredShare); n > 0; --n) {
    const size_t before = events.size();
    macros.GoodDma(sketch, &events);
    for (size_t i = before; i < events.size(); ++i) sketch.Note(events[i]);
  }
  for (size_t n = Missing(faults, size, kFaultShare); n > 0; n /= 2) {
    macros.BadDma(sketch, &events);
  }
  for (size_t n = Missing(acts, size, kActShare); n > 0; n -= std::min<size_t>(n, 2)) {
    if (random_.OneIn(2)) {
      macros.FlushAll(&events);
    } else {
      macros.PassAround(sketch, &events);
    }
  }
  InsertAt(&program->events, size, events);
}

void Mutator::Mutate(Program* program, size_t max_events) {
  const model::BoardSpec* board = BoardOf(*program);
  if (board == nullptr) return;
  const Values values(*board);
  max_events = std::min(max_events, kMaxEvents);
  if (!random_.OneIn(4)) std::erase_if(program->events, IsBoot);
  std::erase_if(program->events, IsContrary);
  const size_t changes = 1 + random_.Below(6);
  for (size_t n = 0; n < changes; ++n) {
    const size_t size = program->events.size();
    // Later places mostly, so that what was found early on keeps working.
    const size_t at = random_.OneIn(2) ? size : random_.Below(size + 1);
    constexpr unsigned kWeights[] = {40, 12, 18, 2, 14, 8, 4, 3, 1};
    switch (size == 0 ? 0 : random_.Weighted(kWeights)) {
      case 0:
        InsertMacro(program, values, at);
        break;
      case 1:
        InsertEvent(program, values, at);
        break;
      case 2:
        ChangeArgument(program, values);
        break;
      case 3:
        ChangeAttributes(program);
        break;
      case 4:
        DeleteSome(program);
        break;
      case 5:
        MoveEvent(program);
        break;
      case 6:
        DuplicateEvent(program);
        break;
      case 7:
        ChangeChoices(program);
        break;
      default:
        ChangeSchedule(program);
    }
  }
  Mend(program, values);
  ShrinkTo(&random_, max_events, &program->events);
  for (Event& event : program->events) event.expect = Expect::kNone;
  program->driver = kDriverShipped;
  program->expect = 0;
}

Program Mutator::Splice(const Program& a, const Program& b, size_t max_events) {
  Program result = a;
  const size_t head = random_.Below(a.events.size() + 1);
  const size_t tail = random_.Below(b.events.size() + 1);
  result.events.resize(head);
  result.events.insert(result.events.end(), b.events.begin() + static_cast<ptrdiff_t>(tail),
                       b.events.end());
  std::erase_if(result.events, IsContrary);
  if (random_.OneIn(4)) result.choices = b.choices;
  if (random_.OneIn(4)) result.schedule = b.schedule;
  max_events = std::min(max_events, kMaxEvents);
  const model::BoardSpec* board = BoardOf(a);
  if (board != nullptr) Retarget(&result, Values(*board));
  ShrinkTo(&random_, max_events, &result.events);
  for (Event& event : result.events) event.expect = Expect::kNone;
  result.driver = kDriverShipped;
  result.expect = 0;
  return result;
}

std::vector<uint8_t> Mutator::MutateBytes(const uint8_t* data, size_t size, size_t max_size,
                                          const model::BoardSpec* board) {
  std::optional<Program> program = Decode(data, size);
  // What an engine keeps grows out of what it met first; some begin anew.
  const bool anew = random_.OneIn(kFreshOne);
  if (anew || !program.has_value() || (board != nullptr && BoardOf(*program) != board)) {
    program = Fresh(board != nullptr ? *board : *DrawBoard());
  } else {
    Mutate(&*program, kMaxEvents);
  }
  ShrinkTo(&random_, EventsThatFit(max_size, *program), &program->events);
  std::vector<uint8_t> bytes = Encode(*program);
  if (bytes.size() > max_size) bytes.clear();
  return bytes;
}

std::vector<uint8_t> Mutator::CrossOverBytes(const uint8_t* a, size_t a_size, const uint8_t* b,
                                             size_t b_size, size_t max_size) {
  const std::optional<Program> first = Decode(a, a_size);
  const std::optional<Program> second = Decode(b, b_size);
  if (!first.has_value() || !second.has_value()) return MutateBytes(a, a_size, max_size, nullptr);
  Program program = Splice(*first, *second, kMaxEvents);
  ShrinkTo(&random_, EventsThatFit(max_size, program), &program.events);
  std::vector<uint8_t> bytes = Encode(program);
  if (bytes.size() > max_size) bytes.clear();
  return bytes;
}

}  // namespace sidewall::fuzz
