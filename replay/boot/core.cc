// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The hypervisor's core, as far as this image has one: a pool of pages for the driver, and the
// calls that tell it who owns what.
#include "replay/boot/el2.h"

namespace sidewall::boot {
namespace {

constexpr size_t kPages = kPoolSize / 4096;
constexpr int kMaxCalls = 4096;

uint32_t g_free[kPages];
size_t g_free_count;

}  // namespace

void ResetCore() {
  g_free_count = kPages;
  for (size_t i = 0; i < kPages; ++i) g_free[i] = static_cast<uint32_t>(kPages - 1 - i);
}

uint64_t TakePoolPage() {
  if (g_free_count == 0) return 0;
  return kPool + uint64_t{g_free[--g_free_count]} * 4096;
}

void ReturnPoolPage(uint64_t pa) {
  if (pa < kPool || pa >= kPool + kPoolSize || g_free_count == kPages) {
    Finish(Phase::kCallFailed, __LINE__, pa);
  }
  g_free[g_free_count++] = static_cast<uint32_t>((pa - kPool) / 4096);
}

bool Idmap(uint64_t start, uint64_t end, bool map) {
  const uint32_t prot = map ? SIDEWALL_PROT_RW : SIDEWALL_PROT_NONE;
  for (int i = 0; i < kMaxCalls && start < end; ++i) {
    const struct sidewall_result result =
        sidewall_host_stage2_idmap(DriverState(), start, end, prot);
    if (result.status != SIDEWALL_OK || result.progress == 0) return false;
    start += result.progress;
  }
  if (start < end) return false;
  return sidewall_host_stage2_idmap_complete(DriverState(), map ? 1 : 0).status == SIDEWALL_OK;
}

}  // namespace sidewall::boot
