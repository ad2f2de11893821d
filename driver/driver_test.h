// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// For the driver's own tests: a platform of plain storage, which records every store in order. It
// knows nothing of translation; only what the driver could not run without is imitated (ID
// registers, write-1-to-clear, TLB status, locked registers).
//
//     DriverTest t;                          // a fixture: two units, one of them a pair
//     t.Boot();
//     t.Write(kNiso1 + 0xc00, 0x00010000);   // the host writes S2CR[0], through the trap
//     EXPECT_EQ(t.fake.Reg(kNiso1 + 0xc00), 0x00000006u);
#ifndef SIDEWALL_DRIVER_DRIVER_TEST_H_
#define SIDEWALL_DRIVER_DRIVER_TEST_H_

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "driver/board_test.h"
#include "sidewall/driver.h"

namespace sidewall_test {

inline constexpr uint64_t kGr1 = 0x10000;
inline constexpr uint64_t kBank0 = 0x800000;
inline constexpr uint64_t kBankStep = 0x10000;

// Eight banks and entries, of which the host has six banks and seven entries.
inline constexpr uint32_t kHostBanks = 6;
inline constexpr uint32_t kHostEntries = 7;
inline constexpr uint32_t kHostStage2 = 6;
inline constexpr uint32_t kFaultBank = 7;

constexpr uint64_t Bank(uint64_t window, uint32_t bank) {
  return window + kBank0 + kBankStep * bank;
}

struct Store {
  enum Kind { kRegister, kTable, kZero, kClean, kBarrier } kind;
  uint64_t pa = 0;
  uint64_t value = 0;
  bool operator==(const Store&) const = default;
};

class FakePlatform {
 public:
  FakePlatform();

  uint32_t Reg(uint64_t pa) const;
  const std::unordered_map<uint64_t, uint32_t>& registers() const { return registers_; }
  std::map<uint64_t, std::array<uint64_t, 512>> TableImage() const;
  void Poke(uint64_t pa, uint32_t value) { registers_[pa] = value; }
  void MovePool(uint64_t first) { next_page_ = first; }
  void Preset(uint64_t first, uint64_t count, uint64_t stride, uint32_t value);

  // What the driver calls.
  bool Read(uint64_t pa, unsigned width, uint64_t* value);
  void Write(uint64_t pa, unsigned width, uint64_t value);
  uint64_t* Page(uint64_t pa);
  uint64_t Alloc(uint32_t pool);
  void Free(uint32_t pool, uint64_t pa);
  // Pages of the pool that the driver has.
  size_t PagesOut(uint32_t pool) const;
  void Unuse(uint64_t pa, uint64_t size);
  void Notify(uint32_t owner, const sidewall_fault& fault);
  void Lock(uint32_t id);
  void Unlock(uint32_t id);

  std::vector<Store> log;
  std::set<uint64_t> read_only;   // registers that keep their value
  std::set<uint64_t> unreadable;  // registers that give no answer
  std::set<uint64_t> stuck;       // windows whose sync never completes
  size_t pool_left = 64;
  size_t fail_nth = 0;       // the n-th request for a page from now on finds the pool empty
  size_t fail_nth_read = 0;  // the n-th read of a register from now on gives no answer
  size_t pages_out = 0;
  uint64_t time_us = 0;
  std::vector<uint32_t> held;
  bool lock_error = false;
  std::map<uint32_t, size_t> locks_taken;  // by lock, since the start
  // Runs once, in place of another CPU, where the driver is about to take its next lock.
  std::function<void()> before_next_lock;
  // Runs, in place of another CPU, wherever the driver calls the platform without a lock.
  std::function<void()> in_gap;
  // Runs where a register is about to be read, in place of hardware.
  std::function<void(uint64_t pa)> before_read;
  // Runs where a reference is about to drop.
  std::function<void()> before_unuse;
  // A lock was dropped over table stores that no barrier had completed.
  bool unlocked_unordered = false;
  struct Event {
    uint32_t reason;
    uint64_t a, b;
    size_t locks;  // held meanwhile
  };
  std::vector<Event> events;  // the event log
  struct Notice {
    uint32_t owner;
    sidewall_fault fault;
    size_t locks;  // held meanwhile
  };
  std::vector<Notice> notices;
  std::map<uint32_t, size_t> telling;  // notices to an owner that are under way
  struct Unused {
    uint64_t pa, size;
    size_t at;  // how long the log of stores was
  };
  std::vector<Unused> unused;     // references dropped
  std::set<uint32_t> pools_used;  // that a page was asked of

 private:
  std::unordered_map<uint64_t, uint32_t> registers_;
  std::map<uint64_t, std::unique_ptr<std::array<uint64_t, 512>>> pages_;
  std::map<uint64_t, uint32_t> pool_of_;  // by page
  uint64_t next_page_ = kPool;

  void Gap();
};

class DriverTest : public ::testing::Test {
 public:
  DriverTest();
  ~DriverTest() override;

  sidewall_result Init();
  void Boot();  // init and finalize, both OK

  // Traps of the host, with the syndrome of a plain load or store.
  sidewall_result Trap(uint64_t ipa, unsigned width, bool is_write, uint64_t* value);
  void Write(uint64_t ipa, uint64_t value, unsigned width = 4);
  uint64_t Read(uint64_t ipa, unsigned width = 4);
  struct sidewall_counters Counters(uint32_t owner = SIDEWALL_OWNER_HOST);

  // Makes a bank legal, as Linux does, and points entry `entry` at it.
  void Attach(uint64_t window, uint32_t entry, uint32_t bank);

  // Values stored to registers in this order since the last call of ClearLog, nothing else.
  std::vector<std::pair<uint64_t, uint64_t>> RegisterStores() const;
  void ClearLog() { fake.log.clear(); }

  FakePlatform fake;
  sidewall_cfg cfg{};
  sidewall_state* state = nullptr;

 private:
  std::unique_ptr<std::array<uint64_t, SIDEWALL_STATE_SIZE / 8 + 16>> block_;
};

}  // namespace sidewall_test

#endif  // SIDEWALL_DRIVER_DRIVER_TEST_H_
