// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/draw.h"

#include "model/check/tables.h"

namespace sidewall::check {
namespace {

constexpr unsigned kSizes[6] = {32, 36, 40, 42, 44, 48};

// Device memory of the four kinds, and normal memory with every pair of defined halves.
uint8_t DrawMemoryAttribute(Random& random) {
  if (random.OneIn(4)) return static_cast<uint8_t>(random.Below(4) << 2);
  return static_cast<uint8_t>((1 + random.Below(15)) << 4 | (1 + random.Below(15)));
}

unsigned DrawGranule(Random& random) { return random.OneIn(2) ? 12 : 16; }

// The level at which a walk of so many bits begins, when a single table does.
unsigned StartLevel(unsigned input_bits, unsigned page_bits) {
  const unsigned step = page_bits - 3;
  return 4 - (input_bits - page_bits + step - 1) / step;
}

// What is wanted of one walk of one stage.
Plan DrawPlan(Random& random, Aim aim, unsigned granule) {
  Plan plan;
  plan.aim = aim;
  const unsigned first_leaf = granule == 12 ? 1 : 2;
  plan.level = first_leaf + random.Below(4 - first_leaf);
  if (aim == Aim::kTranslationFault) plan.level = random.Below(4);
  if (aim == Aim::kAddressSizeFault) plan.level = random.Below(4);
  return plan;
}

Aim DrawAim(Random& random, unsigned granule) {
  // One share for each row of the histogram.
  const unsigned delivered = granule == 12 ? 3 : 2;
  unsigned pick = random.Below(delivered + 4 + 3 + 1);
  if (pick < delivered) return Aim::kDelivered;
  pick -= delivered;
  if (pick < 4) return Aim::kTranslationFault;
  pick -= 4;
  if (pick == 0) return Aim::kAccessFlagFault;
  if (pick == 1) return Aim::kPermissionFault;
  if (pick == 2) return Aim::kAddressSizeFault;
  return random.OneIn(4) ? Aim::kExternalAbort : Aim::kAnything;
}

// T0SZ such that a walk begins at `level` or before it: at exactly that level for a fault there.
unsigned DrawSize(Random& random, unsigned granule, unsigned level) {
  for (;;) {
    const unsigned size = 16 + random.Below(24);
    if (StartLevel(64 - size, granule) <= level) return size;
  }
}

void DrawStage1(Random& random, Case* one, unsigned granule, const Plan& plan) {
  Stage1& stage = one->stage1;
  stage.on = true;
  stage.wxn = random.OneIn(2);
  stage.walk_attr = random.Below(4096);
  stage.asid_of_one = random.OneIn(2);
  stage.output = plan.aim == Aim::kAddressSizeFault ? random.Below(5)
                 : random.OneIn(4)                  ? 1 + random.Below(5)
                                                    : 5;
  for (unsigned i = 0; i < 8; ++i) stage.mair |= uint64_t{DrawMemoryAttribute(random)} << (8 * i);
  for (unsigned half = 0; half < 2; ++half) {
    stage.size[half] = 16 + random.Below(24);
    stage.granule[half] = DrawGranule(random);
    stage.disabled[half] = random.OneIn(2);
    stage.top_byte[half] = random.OneIn(2);
    stage.asid[half] = static_cast<uint16_t>(random.Next());
    stage.root[half] = random.Next() & 0x0000fffffffff000;
  }
  const unsigned half = random.Below(2);
  stage.granule[half] = granule;
  stage.disabled[half] = false;
  stage.size[half] = DrawSize(random, granule,
                              plan.level > 3    ? 3
                              : plan.level == 0 ? 1
                                                : plan.level);
  if (plan.aim == Aim::kTranslationFault && plan.level == 0 && granule == 12 && random.OneIn(2)) {
    stage.size[half] = 16 + random.Below(9);
  }
  one->stage1_granule = granule;
  const unsigned bits = 64 - stage.size[half];
  const uint64_t inside = random.Next() & ((uint64_t{1} << bits) - 1);
  one->address = half == 0 ? inside : ~uint64_t{0} << bits | inside;
}

// Ways to a level-0 fault without any descriptor.
void SpoilStage1(Random& random, Case* one) {
  Stage1& stage = one->stage1;
  const unsigned half = (one->address >> 55 & 1) != 0 ? 1 : 0;
  const unsigned bits = 64 - stage.size[half];
  // With 48 bits the halves meet on the bus, and there is no outside.
  switch (bits == 48 ? 2 * random.Below(2) : random.Below(3)) {
    case 0:
      stage.disabled[half] = true;
      break;
    case 1:
      // Outside of the half, but not in the other one, which bit 48 of the bus tells.
      one->address ^= uint64_t{1} << (bits + random.Below(48 - bits));
      one->address = static_cast<uint64_t>(static_cast<int64_t>(one->address << 15) >> 15);
      break;
    default:
      stage.size[half] = random.OneIn(2) ? random.Below(16) : 40 + random.Below(24);
      break;
  }
}

// What the architecture leaves open; see README.md, Not drawn.
bool IsOpen(const Stage2& stage) {
  if (stage.size < 16 || stage.size > 39) return false;
  const unsigned output = kSizes[stage.output];
  return 64 - stage.size > output || (stage.start == 2 && output <= 42);
}

struct Stage2Shape {
  unsigned granule, start, level, least, most;  // T0SZ
};
constexpr Stage2Shape kShapes[] = {
    {12, 2, 0, 16, 24}, {12, 1, 1, 21, 33}, {12, 0, 2, 30, 39},
    {16, 2, 1, 16, 21}, {16, 1, 2, 18, 34}, {16, 0, 3, 31, 39},
};

// A shape whose walks can end at `level`. The output is at least as wide as the input, and wide
// enough for the start level; see README.md, Not drawn.
void DrawStage2(Random& random, Case* one, unsigned granule, const Plan& plan) {
  Stage2& stage = one->stage2;
  stage.on = true;
  stage.granule = granule;
  stage.vmid = static_cast<uint8_t>(random.Next());
  stage.walk_attr = random.Below(64);
  const bool narrow = plan.aim == Aim::kAddressSizeFault;
  for (;;) {
    const Stage2Shape& shape = kShapes[random.Below(6)];
    if (shape.granule != granule || shape.level > plan.level) {
      const bool first = shape.granule == granule && plan.level == 0 && shape.level == 1;
      if (!first) continue;
    }
    stage.start = shape.start;
    stage.size = shape.least + random.Below(shape.most - shape.least + 1);
    stage.output = narrow ? random.Below(5) : random.OneIn(4) ? random.Below(6) : 5;
    if (!IsOpen(stage)) return;
  }
}

bool Fits(const Stage2& stage) {
  for (const Stage2Shape& shape : kShapes) {
    if (shape.granule == stage.granule && shape.start == stage.start && stage.size >= shape.least &&
        stage.size <= shape.most) {
      return true;
    }
  }
  return false;
}

// A start level and a size that do not belong together.
void SpoilStage2(Random& random, Case* one) {
  const Stage2 before = one->stage2;
  Stage2& stage = one->stage2;
  do {
    stage = before;
    if (random.OneIn(2)) {
      constexpr unsigned kReservedStart = 3;
      stage.start = random.OneIn(4) ? kReservedStart : (stage.start + 1 + random.Below(2)) % 3;
    } else {
      stage.size = random.OneIn(4) ? random.Below(64) : 16 + random.Below(24);
    }
  } while (Fits(stage) || IsOpen(stage));
}

void DrawAddress(Random& random, Case* one) {
  const unsigned bits = 64 - one->stage2.size;
  one->address = random.Next() & ((uint64_t{1} << bits) - 1);
  if (one->stage2.alone) {
    if (bits < 48 && random.OneIn(40))
      one->address |= uint64_t{1} << (bits + random.Below(48 - bits));
    return;
  }
  // Through a stage 1 that is off, also beyond what a physical address can be.
  if (random.OneIn(40)) one->address |= uint64_t{1} << (40 + random.Below(9));
  one->address = static_cast<uint64_t>(static_cast<int64_t>(one->address << 15) >> 15);
}

uint32_t DrawOperation(Random& random, const Case& one) {
  if (!one.stage2.on) return random.Below(kOperationCount);
  if (one.stage1.on && random.OneIn(5)) return random.Below(kS12E1R);
  return kS12E1R + random.Below(4);
}

}  // namespace

Case DrawCase(uint64_t seed, uint64_t index) {
  Random random(seed * 0x9e3779b97f4a7c15u + index);
  for (;;) {
    Case one;
    one.index = index;
    const unsigned kind = random.Below(100);
    const bool first = kind < 40 || kind >= 66;
    const bool second = kind >= 40;
    const bool target_second = second && (!first || random.OneIn(2));
    const unsigned granule = DrawGranule(random);
    const Aim aim = one.aim = DrawAim(random, granule);
    const unsigned other = DrawGranule(random);
    Plan plan1 =
        DrawPlan(random, target_second ? Aim::kDelivered : aim, target_second ? other : granule);
    Plan plan2 =
        DrawPlan(random, target_second ? aim : Aim::kDelivered, target_second ? granule : other);
    if (second) DrawStage2(random, &one, target_second ? granule : other, plan2);
    one.stage2.alone = second && !first && random.OneIn(2);
    if (first) {
      DrawStage1(random, &one, target_second ? other : granule, plan1);
    } else {
      DrawAddress(random, &one);
    }
    one.stage2.protect_walk = second && random.OneIn(4);
    one.operation = DrawOperation(random, one);
    one.stream = static_cast<uint16_t>(random.Below(128));
    one.bank1 = static_cast<uint8_t>(random.Below(128));
    one.bank2 = static_cast<uint8_t>((one.bank1 + 1 + random.Below(127)) % 128);
    // A fault of stage 2 may be one of the fetch of any table of stage 1.
    plan2.of_fetch = first && target_second && random.OneIn(2) ? 1 + random.Below(3) : 0;
    TableBuilder builder(random, &one, plan1, plan2);
    if (!builder.Build()) continue;
    const bool level0 = aim == Aim::kTranslationFault && (target_second ? plan2 : plan1).level == 0;
    if (level0 && random.OneIn(2)) {
      if (target_second) {
        SpoilStage2(random, &one);
      } else {
        SpoilStage1(random, &one);
      }
    }
    // The top byte is free where it is ignored.
    const unsigned half = one.address >> 55 & 1;
    if (one.stage1.on && one.stage1.top_byte[half]) {
      one.address = (one.address & ~(uint64_t{0xff} << 56)) | random.Next() << 56;
    }
    return one;
  }
}

}  // namespace sidewall::check
