// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/abort_decode.h"

#include <gtest/gtest.h>

namespace SIDEWALL_NS {
namespace {

constexpr uint64_t kDataAbort = uint64_t{0x24} << 26;
constexpr uint64_t kIsvBit = 1u << 24;
constexpr uint64_t kTranslation3 = 0x07;
constexpr uint64_t kIsv = kIsvBit | kTranslation3;  // what any good abort has
constexpr uint64_t Sas(uint64_t size) { return size << 22; }
constexpr uint64_t kSse = 1u << 21;
constexpr uint64_t Srt(uint64_t number) { return number << 16; }
constexpr uint64_t kSf = 1u << 15;
constexpr uint64_t kWnr = 1u << 6;

TEST(AbortDecode, EveryWidthAndRegister) {
  for (uint32_t size = 0; size < 4; ++size) {
    for (uint32_t srt = 0; srt < 32; ++srt) {
      Abort abort;
      ASSERT_TRUE(DecodeAbort(kDataAbort | kIsv | Sas(size) | Srt(srt) | kWnr, &abort));
      EXPECT_EQ(abort.width, 1u << size);
      EXPECT_EQ(abort.srt, srt);
      EXPECT_TRUE(abort.is_write);
    }
  }
}

TEST(AbortDecode, RefusesWhatCannotBeEmulated) {
  Abort abort;
  EXPECT_TRUE(DecodeAbort(kDataAbort | kIsv, &abort));
  EXPECT_FALSE(DecodeAbort(kDataAbort | kTranslation3, &abort)) << "ISV";
  EXPECT_FALSE(DecodeAbort(kDataAbort | kIsv | 1u << 10, &abort)) << "FnV";
  EXPECT_FALSE(DecodeAbort(kDataAbort | kIsv | 1u << 9, &abort)) << "EA";
  EXPECT_FALSE(DecodeAbort(kDataAbort | kIsv | 1u << 8, &abort)) << "CM";
  EXPECT_FALSE(DecodeAbort(kDataAbort | kIsv | 1u << 7, &abort)) << "S1PTW";
  for (uint64_t ec = 0; ec < 64; ++ec) {
    EXPECT_EQ(DecodeAbort(ec << 26 | kIsv, &abort), ec == 0x24) << ec;
  }
}

struct Cause {
  uint64_t first, last;  // DFSC
  bool emulated;
  const char* name;
};

// Every value of DFSC, once.
constexpr Cause kCauses[] = {
    {0x00, 0x03, false, "address size, level 0 to 3"},
    {0x04, 0x07, true, "translation, level 0 to 3"},
    {0x08, 0x0b, true, "access flag, level 0 to 3"},
    {0x0c, 0x0f, true, "permission, level 0 to 3"},
    {0x10, 0x10, false, "synchronous external abort"},
    {0x11, 0x11, false, "tag check"},
    {0x12, 0x17, false, "external abort of a walk, level -2 to 3"},
    {0x18, 0x18, false, "parity"},
    {0x19, 0x1b, false, "reserved"},
    {0x1c, 0x1f, false, "parity of a walk, level 0 to 3"},
    {0x20, 0x20, false, "reserved"},
    {0x21, 0x21, false, "alignment"},
    {0x22, 0x28, false, "granule protection, walks of level -2 to 3 and the access"},
    {0x29, 0x2d, false, "address size and translation below level 0"},
    {0x2e, 0x2f, false, "reserved"},
    {0x30, 0x30, false, "TLB conflict"},
    {0x31, 0x31, false, "hardware update of flags"},
    {0x32, 0x33, false, "reserved"},
    {0x34, 0x34, false, "lockdown, implementation defined"},
    {0x35, 0x35, false, "exclusive or atomic that memory does not support"},
    {0x36, 0x3f, false, "reserved"},
};

TEST(AbortDecode, OnlyFaultsOfStage2AreAccesses) {
  uint64_t next = 0;
  for (const Cause& cause : kCauses) {
    ASSERT_EQ(cause.first, next);
    for (; next <= cause.last; ++next) {
      for (const uint64_t rest : {uint64_t{0}, kWnr | kSf | Sas(3) | Srt(30)}) {
        Abort abort;
        EXPECT_EQ(DecodeAbort(kDataAbort | kIsvBit | rest | next, &abort), cause.emulated)
            << cause.name << ", DFSC " << next;
      }
    }
  }
  EXPECT_EQ(next, 64u);
}

TEST(AbortDecode, ZeroRegister) {
  sidewall_regs regs;
  for (uint64_t& x : regs.x) x = 0x1111111111111111;
  const sidewall_regs before = regs;
  Abort abort;
  ASSERT_TRUE(DecodeAbort(kDataAbort | kIsv | Sas(2) | Srt(31), &abort));
  EXPECT_EQ(AbortValue(abort, regs), 0u);
  DeliverRead(abort, 0xffffffff, &regs);
  for (int i = 0; i < 31; ++i) EXPECT_EQ(regs.x[i], before.x[i]);
}

TEST(AbortDecode, WriteTakesTheLowBytes) {
  sidewall_regs regs{};
  regs.x[30] = 0x8877665544332211;
  const uint64_t expected[] = {0x11, 0x2211, 0x44332211, 0x8877665544332211};
  for (uint32_t size = 0; size < 4; ++size) {
    Abort abort;
    ASSERT_TRUE(DecodeAbort(kDataAbort | kIsv | Sas(size) | Srt(30) | kWnr, &abort));
    EXPECT_EQ(AbortValue(abort, regs), expected[size]);
  }
}

struct ReadCase {
  uint64_t iss;
  uint64_t value;
  uint64_t expected;
};

TEST(AbortDecode, ReadExtends) {
  const ReadCase cases[] = {
      {Sas(0), 0x80, 0x80},
      {Sas(0) | kSse, 0x80, 0xffffff80},
      {Sas(0) | kSse | kSf, 0x80, 0xffffffffffffff80},
      {Sas(1) | kSse, 0x18000, 0xffff8000},
      {Sas(2), 0x180000000, 0x80000000},
      {Sas(2) | kSf, 0x80000000, 0x80000000},
      {Sas(2) | kSse | kSf, 0x80000000, 0xffffffff80000000},
      {Sas(2) | kSse | kSf, 0x7fffffff, 0x7fffffff},
      {Sas(3) | kSf, 0x8000000000000001, 0x8000000000000001},
  };
  for (const ReadCase& c : cases) {
    sidewall_regs regs{};
    regs.x[7] = ~uint64_t{0};
    Abort abort;
    ASSERT_TRUE(DecodeAbort(kDataAbort | kIsv | Srt(7) | c.iss, &abort));
    DeliverRead(abort, c.value, &regs);
    EXPECT_EQ(regs.x[7], c.expected) << std::hex << c.iss;
  }
}

}  // namespace
}  // namespace SIDEWALL_NS
