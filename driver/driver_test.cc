// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "driver/driver_test.h"

#include <cstdlib>
#include <utility>

namespace sidewall_test {
namespace {

bool InSmmu(uint64_t pa, uint64_t* window) {
  for (uint64_t base : {kNiso1, kNiso1m, kIso}) {
    if (pa >= base && pa - base < kWindowSize) {
      *window = base;
      return true;
    }
  }
  return false;
}

bool IsWrite1Clear(uint64_t pa) {
  uint64_t window = 0;
  if (!InSmmu(pa, &window)) return false;
  const uint64_t offset = pa - window;
  return offset == 0x48 || (offset >= kBank0 && offset % kBankStep == 0x58);
}

FakePlatform& Fake(void* ctx) { return *static_cast<FakePlatform*>(ctx); }

}  // namespace

FakePlatform::FakePlatform() {
  for (uint64_t window : {kNiso1, kNiso1m, kIso}) {
    const uint32_t ids[] = {0xfc013e08, 0xe0000008, 0x0000d555, 0, 0, 0, 0, 0x21};
    for (uint32_t i = 0; i < 8; ++i) {
      Poke(window + 0x20 + 4 * i, ids[i]);
      read_only.insert(window + 0x20 + 4 * i);
    }
    Poke(window, 0x00200001);
  }
  Poke(kMcBroadcast + 0x1820, 0x80000002);
  read_only.insert(kMcBroadcast + 0x1820);
  Preset(kMcSid, 512, 8, 0x7f);
  Preset(kMcSid + 4, 512, 8, 1);
}

void FakePlatform::Preset(uint64_t first, uint64_t count, uint64_t stride, uint32_t value) {
  for (uint64_t i = 0; i < count; ++i) Poke(first + i * stride, value);
}

uint32_t FakePlatform::Reg(uint64_t pa) const {
  const auto found = registers_.find(pa);
  return found == registers_.end() ? 0 : found->second;
}

std::map<uint64_t, std::array<uint64_t, 512>> FakePlatform::TableImage() const {
  std::map<uint64_t, std::array<uint64_t, 512>> image;
  for (const auto& [pa, page] : pages_) image[pa] = *page;
  return image;
}

bool FakePlatform::Read(uint64_t pa, unsigned width, uint64_t* value) {
  if (before_read) before_read(pa);
  if (fail_nth_read != 0 && --fail_nth_read == 0) return false;
  if (unreadable.count(pa) != 0) return false;
  uint64_t window = 0;
  if (InSmmu(pa, &window) && pa - window == 0x74) {
    *value = stuck.count(window) != 0 ? 1 : 0;
    return true;
  }
  *value = Reg(pa);
  if (width == 8) *value |= uint64_t{Reg(pa + 4)} << 32;
  return true;
}

void FakePlatform::Write(uint64_t pa, unsigned width, uint64_t value) {
  log.push_back({Store::kRegister, pa, value});
  for (unsigned i = 0; i < width; i += 4) {
    const uint32_t word = static_cast<uint32_t>(value >> (8 * i));
    if (read_only.count(pa + i) != 0) continue;
    Poke(pa + i, IsWrite1Clear(pa + i) ? Reg(pa + i) & ~word : word);
  }
}

uint64_t* FakePlatform::Page(uint64_t pa) {
  const auto found = pages_.find(pa & ~uint64_t{0xfff});
  EXPECT_NE(found, pages_.end()) << "no table page at " << std::hex << pa;
  if (found == pages_.end()) std::abort();
  return found->second->data() + (pa & 0xfff) / 8;
}

void FakePlatform::Gap() {
  if (held.empty() && in_gap) in_gap();
}

size_t FakePlatform::PagesOut(uint32_t pool) const {
  size_t pages = 0;
  for (const auto& [pa, owner] : pool_of_) pages += owner == pool;
  return pages;
}

uint64_t FakePlatform::Alloc(uint32_t pool) {
  Gap();
  pools_used.insert(pool);
  EXPECT_TRUE(held.empty()) << "page_alloc under a lock";
  if (fail_nth != 0 && --fail_nth == 0) return 0;
  if (pool_left == 0) return 0;
  --pool_left;
  ++pages_out;
  const uint64_t pa = next_page_;
  next_page_ += 4096;
  pages_[pa] = std::make_unique<std::array<uint64_t, 512>>();
  pool_of_[pa] = pool;
  return pa;
}

void FakePlatform::Free(uint32_t pool, uint64_t pa) {
  Gap();
  EXPECT_EQ(pool_of_[pa], pool) << "the page is another pool's";
  pool_of_.erase(pa);
  EXPECT_TRUE(held.empty()) << "page_free under a lock";
  EXPECT_EQ(pages_.erase(pa), 1u);
  --pages_out;
  ++pool_left;
}

void FakePlatform::Unuse(uint64_t pa, uint64_t size) {
  EXPECT_TRUE(held.empty()) << "unuse_dma under a lock";
  Gap();
  if (before_unuse) before_unuse();
  unused.push_back({pa, size, log.size()});
}

void FakePlatform::Notify(uint32_t owner, const sidewall_fault& fault) {
  ++telling[owner];
  Gap();
  notices.push_back({owner, fault, held.size()});
  --telling[owner];
}

void FakePlatform::Lock(uint32_t id) {
  if (before_next_lock) {
    const std::function<void()> other_cpu = std::move(before_next_lock);
    before_next_lock = nullptr;
    other_cpu();
  }
  Gap();
  ++locks_taken[id];
  if (!held.empty() && held.back() >= id) lock_error = true;
  held.push_back(id);
}

void FakePlatform::Unlock(uint32_t id) {
  if (held.empty() || held.back() != id) {
    lock_error = true;
    return;
  }
  for (auto store = log.rbegin(); store != log.rend(); ++store) {
    if (store->kind == Store::kBarrier) break;
    if (store->kind != Store::kRegister) unlocked_unordered = true;
  }
  held.pop_back();
}

DriverTest::DriverTest()
    : block_(std::make_unique<std::array<uint64_t, SIDEWALL_STATE_SIZE / 8 + 16>>()) {
  const uintptr_t raw = reinterpret_cast<uintptr_t>(block_->data());
  const uintptr_t aligned = (raw + SIDEWALL_STATE_ALIGN - 1) & ~uintptr_t{SIDEWALL_STATE_ALIGN - 1};
  state = reinterpret_cast<sidewall_state*>(aligned);
  cfg = TestBoard(2, 1, kPool);
}

DriverTest::~DriverTest() {
  EXPECT_TRUE(fake.held.empty());
  EXPECT_FALSE(fake.lock_error);
  EXPECT_FALSE(fake.unlocked_unordered) << "another CPU could flush before the walker sees it";
}

sidewall_result DriverTest::Init() {
  return sidewall_init(state, SIDEWALL_STATE_SIZE, &fake, &cfg);
}

void DriverTest::Boot() {
  const sidewall_result init = Init();
  ASSERT_EQ(init.status, uint32_t{SIDEWALL_OK}) << "line " << init.progress;
  ASSERT_EQ(sidewall_finalize(state).status, uint32_t{SIDEWALL_OK});
  ClearLog();
}

sidewall_result DriverTest::Trap(uint64_t ipa, unsigned width, bool is_write, uint64_t* value) {
  uint64_t size = 0;
  while ((1u << size) < width) ++size;
  constexpr uint64_t kRegister = 5;
  const uint64_t esr = (uint64_t{0x24} << 26) | (1u << 25) | (1u << 24) | (size << 22) |
                       (kRegister << 16) | (uint64_t{width == 8} << 15) |
                       (uint64_t{is_write} << 6) | 0x5;
  sidewall_regs regs{};
  regs.x[kRegister] = *value;
  const sidewall_result result = sidewall_handle_dabt(state, &regs, esr, ipa);
  *value = regs.x[kRegister];
  return result;
}

void DriverTest::Write(uint64_t ipa, uint64_t value, unsigned width) {
  EXPECT_EQ(Trap(ipa, width, true, &value).status, uint32_t{SIDEWALL_OK}) << std::hex << ipa;
}

uint64_t DriverTest::Read(uint64_t ipa, unsigned width) {
  uint64_t value = ~uint64_t{0};
  EXPECT_EQ(Trap(ipa, width, false, &value).status, uint32_t{SIDEWALL_OK}) << std::hex << ipa;
  return value;
}

struct sidewall_counters DriverTest::Counters(uint32_t owner) {
  struct sidewall_counters counters{};
  EXPECT_EQ(sidewall_stats_of(state, owner, &counters).status, uint32_t{SIDEWALL_OK});
  return counters;
}

void DriverTest::Attach(uint64_t window, uint32_t entry, uint32_t bank) {
  Write(window + kGr1 + 0x800 + 4 * bank, 1);
  Write(window + kGr1 + 4 * bank, 0x0001f300);
  Write(Bank(window, bank), 0x1067);
  Write(window + 0xc00 + 4 * entry, bank);
}

std::vector<std::pair<uint64_t, uint64_t>> DriverTest::RegisterStores() const {
  std::vector<std::pair<uint64_t, uint64_t>> out;
  for (const Store& store : fake.log) {
    if (store.kind == Store::kRegister) out.emplace_back(store.pa, store.value);
  }
  return out;
}

}  // namespace sidewall_test

using sidewall_test::Fake;
using sidewall_test::FakePlatform;

extern "C" {

int sidewall_plat_read32(void* ctx, uint64_t pa, uint32_t* value) {
  uint64_t wide = 0;
  if (!Fake(ctx).Read(pa, 4, &wide)) return 1;
  *value = static_cast<uint32_t>(wide);
  return 0;
}
int sidewall_plat_read64(void* ctx, uint64_t pa, uint64_t* value) {
  return Fake(ctx).Read(pa, 8, value) ? 0 : 1;
}
void sidewall_plat_write32(void* ctx, uint64_t pa, uint32_t value) {
  Fake(ctx).Write(pa, 4, value);
}
void sidewall_plat_write64(void* ctx, uint64_t pa, uint64_t value) {
  Fake(ctx).Write(pa, 8, value);
}
void sidewall_plat_table_write64(void* ctx, uint64_t pa, uint64_t value) {
  Fake(ctx).log.push_back({sidewall_test::Store::kTable, pa, value});
  *Fake(ctx).Page(pa) = value;
}
void sidewall_plat_table_zero(void* ctx, uint64_t pa) {
  Fake(ctx).log.push_back({sidewall_test::Store::kZero, pa, 0});
  uint64_t* page = Fake(ctx).Page(pa);
  for (int i = 0; i < 512; ++i) page[i] = 0;
}
const uint64_t* sidewall_plat_table_ptr(void* ctx, uint64_t pa) { return Fake(ctx).Page(pa); }
void sidewall_plat_barrier(void* ctx) {
  Fake(ctx).log.push_back({sidewall_test::Store::kBarrier, 0, 0});
}
void sidewall_plat_clean_poc(void* ctx, uint64_t pa, uint64_t size) {
  Fake(ctx).log.push_back({sidewall_test::Store::kClean, pa, size});
}
uint64_t sidewall_plat_page_alloc(void* ctx, uint32_t pool) { return Fake(ctx).Alloc(pool); }
void sidewall_plat_page_free(void* ctx, uint32_t pool, uint64_t pa) { Fake(ctx).Free(pool, pa); }
void sidewall_plat_unuse_dma(void* ctx, uint64_t pa, uint64_t size) { Fake(ctx).Unuse(pa, size); }
void sidewall_plat_lock(void* ctx, uint32_t id) { Fake(ctx).Lock(id); }
void sidewall_plat_unlock(void* ctx, uint32_t id) { Fake(ctx).Unlock(id); }
uint32_t sidewall_plat_cpu_id(void*) { return 0; }
void sidewall_plat_relax(void* ctx) { Fake(ctx).time_us += 7; }
uint64_t sidewall_plat_time_us(void* ctx) { return Fake(ctx).time_us; }
void sidewall_plat_notify(void* ctx, uint32_t owner, const struct sidewall_fault* fault) {
  EXPECT_TRUE(Fake(ctx).held.empty()) << "notify under a lock";
  Fake(ctx).Notify(owner, *fault);
}
void sidewall_plat_log(void* ctx, uint32_t reason, uint64_t a, uint64_t b) {
  EXPECT_TRUE(Fake(ctx).held.empty()) << "log under a lock";
  Fake(ctx).events.push_back({reason, a, b, Fake(ctx).held.size()});
}
void sidewall_plat_panic(void*, uint32_t line) {
  ADD_FAILURE() << "the driver panicked at line " << line;
  std::abort();
}

}  // extern "C"
