// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The Unicorn engine over a toy driver (testdata/toy_driver.c), whose calls each do one thing that
// an engine must carry over or must catch.
#include "replay/engine_unicorn.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <numeric>
#include <vector>

namespace sidewall::replay {
namespace {

// A platform of plain maps.
class ToyPlatform final : public Platform {
 public:
  bool Read32(uint64_t pa, uint32_t* value) override {
    if (registers.count(pa) == 0) return false;
    *value = static_cast<uint32_t>(registers[pa]);
    if (throw_on_read) throw std::runtime_error("from the platform");
    return true;
  }
  bool Read64(uint64_t, uint64_t*) override { return false; }
  void Write32(uint64_t pa, uint32_t value) override { registers[pa] = value; }
  void Write64(uint64_t pa, uint64_t value) override { registers[pa] = value; }
  void TableWrite64(uint64_t pa, uint64_t value) override { pool[(pa - pool_start()) / 8] = value; }
  void TableZero(uint64_t) override {}
  const uint64_t* pool_view() const override { return pool.data(); }
  uint64_t pool_start() const override { return 0x80000000; }
  uint64_t pool_size() const override { return pool.size() * 8; }
  void Barrier() override {}
  void CleanPoc(uint64_t, uint64_t) override {}
  uint64_t PageAlloc(uint32_t) override { return 0; }
  void PageFree(uint32_t, uint64_t) override {}
  void UnuseDma(uint64_t, uint64_t) override {}
  void Lock(uint32_t) override {}
  void Unlock(uint32_t) override {}
  uint32_t CpuId() override { return 0; }
  void Relax() override {}
  uint64_t TimeUs() override { return 0; }
  void Notify(uint32_t owner, const sidewall_fault& f) override {
    notified_owner = owner;
    fault = f;
  }
  void Log(uint32_t, uint64_t, uint64_t) override {}
  void Panic(uint32_t line) override { panic_line = line; }

  std::map<uint64_t, uint64_t> registers;
  std::vector<uint64_t> pool = std::vector<uint64_t>(2 * 512);
  bool throw_on_read = false;
  uint32_t notified_owner = ~0u;
  sidewall_fault fault = {};
  uint32_t panic_line = 0;
};

class UnicornEngineTest : public testing::Test {
 protected:
  UnicornEngineTest() {
    const char* build = std::getenv("SIDEWALL_BUILD_DIR");
    UnicornEngine::SetImage(std::string(build == nullptr ? "." : build) + "/replay/toy-el2.elf");
    engine = std::make_unique<UnicornEngine>(platform);
    sidewall_cfg cfg = {};
    cfg.smmu_count = 3;
    init = engine->Invoke({.id = CallId::kInit, .cfg = &cfg});
  }
  // What the engine throws when it makes this call.
  std::string Error(const Call& call) {
    try {
      engine->Invoke(call);
    } catch (const EngineError& error) {
      return error.what();
    }
    return "";
  }

  ToyPlatform platform;
  std::unique_ptr<UnicornEngine> engine;
  struct sidewall_result init = {};
};

TEST_F(UnicornEngineTest, InitCarriesConfigurationSizeAndAllResultFields) {
  EXPECT_EQ(init.status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(init.pages_needed, 3u);
  EXPECT_EQ(init.progress, uint64_t{SIDEWALL_STATE_SIZE});
}

TEST_F(UnicornEngineTest, ReadsAndWritesReachThePlatform) {
  platform.registers[0x5000] = 0x1234;
  const auto result = engine->Invoke({.id = CallId::kTick, .arg = {0x5000}});
  EXPECT_EQ(result.status, uint32_t{SIDEWALL_OK});
  EXPECT_EQ(result.progress, 0x1'00001234u);
  EXPECT_EQ(platform.registers[0x5004], 0xffffedcbu);
}

TEST_F(UnicornEngineTest, AReadWithoutAnAnswerIsAnError) {
  EXPECT_EQ(engine->Invoke({.id = CallId::kTick, .arg = {0x6000}}).status,
            uint32_t{SIDEWALL_DEGRADED});
}

TEST_F(UnicornEngineTest, TheViewShowsTableMemoryAsItIsNow) {
  std::iota(platform.pool.begin() + 512, platform.pool.end(), 1);
  const Call call = {.id = CallId::kIovaToPhys, .arg = {7, 0x80001000}};
  EXPECT_EQ(engine->Invoke(call).progress, 7u + 512 * 513 / 2);
  platform.pool[512] = 0;
  EXPECT_EQ(engine->Invoke(call).progress, 7u + 512 * 513 / 2 - 1);
  EXPECT_EQ(engine->Invoke({.id = CallId::kIovaToPhys, .arg = {7, 0x80002000}}).status,
            uint32_t{SIDEWALL_REFUSED});
}

TEST_F(UnicornEngineTest, StructuresComeBack) {
  sidewall_regs regs = {};
  regs.x[0] = 1;
  regs.x[30] = 99;
  engine->Invoke({.id = CallId::kHandleDabt, .arg = {10, 100}, .regs = &regs});
  EXPECT_EQ(regs.x[1], 111u);
  EXPECT_EQ(regs.x[30], 99u);
  sidewall_ring_record ring = {};
  engine->Invoke({.id = CallId::kRingRead, .arg = {SIDEWALL_OWNER_EL2, 41}, .ring = &ring});
  EXPECT_EQ(ring.sequence, 41u);
  engine->Invoke({.id = CallId::kFaultIrq, .arg = {2}});
  EXPECT_EQ(platform.notified_owner, uint32_t{SIDEWALL_OWNER_HOST});
  EXPECT_EQ(platform.fault.side, 2u);
  EXPECT_EQ(platform.fault.bank, 7u);
  EXPECT_EQ(platform.fault.far_, 0xdead0000u);
}

TEST_F(UnicornEngineTest, RestoreBringsTheStateBack) {
  platform.registers[0x5000] = 0;
  engine->Save();
  engine->Invoke({.id = CallId::kTick, .arg = {0x5000}});
  EXPECT_EQ(engine->Invoke({.id = CallId::kTick, .arg = {0x5000}}).progress, 2ull << 32);
  engine->Restore();
  EXPECT_EQ(engine->Invoke({.id = CallId::kTick, .arg = {0x5000}}).progress, 1ull << 32);
}

TEST_F(UnicornEngineTest, APanicAbandonsTheCall) {
  const auto result = engine->Invoke({.id = CallId::kSuspend, .arg = {123}});
  EXPECT_EQ(platform.panic_line, 123u);
  EXPECT_EQ(result.status, uint32_t{SIDEWALL_UNSUPPORTED});
  platform.registers[0x5000] = 0;
  EXPECT_EQ(engine->Invoke({.id = CallId::kTick, .arg = {0x5000}}).progress, 1ull << 32);
}

TEST_F(UnicornEngineTest, WhatThePlatformThrowsComesOut) {
  platform.registers[0x5000] = 0;
  platform.throw_on_read = true;
  EXPECT_THROW(engine->Invoke({.id = CallId::kTick, .arg = {0x5000}}), std::runtime_error);
}

TEST_F(UnicornEngineTest, AStoreIntoTableMemoryIsNamed) {
  const std::string error = Error({.id = CallId::kResume, .arg = {0}});
  EXPECT_NE(error.find("write of 8 bytes"), std::string::npos) << error;
  EXPECT_NE(error.find("sidewall_resume+"), std::string::npos) << error;
  EXPECT_NE(error.find("str"), std::string::npos) << error;
  EXPECT_EQ(platform.pool[0], 0u);
}

TEST_F(UnicornEngineTest, AStrayStoreIsNamed) {
  const std::string error = Error({.id = CallId::kResume, .arg = {1}});
  EXPECT_NE(error.find("0x1000"), std::string::npos) << error;
}

TEST_F(UnicornEngineTest, ATrapInstructionIsNamed) {
  const std::string error = Error({.id = CallId::kPowerOff});
  EXPECT_NE(error.find("sidewall_power_off"), std::string::npos) << error;
  EXPECT_NE(error.find("brk"), std::string::npos) << error;
}

TEST_F(UnicornEngineTest, AForeignCookieIsNoticed) {
  const std::string error = Error({.id = CallId::kPowerOn, .arg = {5}});
  EXPECT_NE(error.find("cookie"), std::string::npos) << error;
}

TEST(El2ImageTest, WhatIsNoImageIsRefused) {
  EXPECT_THROW(El2Image::Load("/nonexistent.elf"), EngineError);
  EXPECT_THROW(El2Image::Load("/proc/self/exe"), EngineError);
}

}  // namespace
}  // namespace sidewall::replay
