// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The EL2 image: a hypervisor just large enough to have the driver under a real kernel. It makes
// the modelled hardware, has the driver take it over, and enters the kernel at EL1.
#include "replay/boot/el2.h"
#include "replay/boot/sysreg.h"

namespace sidewall::boot {
namespace {

constexpr uint64_t kHcr = uint64_t{1} << 31 | uint64_t{1} << 41 | uint64_t{1} << 40 |
                          uint64_t{1} << 19 | 1;  // RW, API, APK, TSC, VM
constexpr uint64_t kGicVirt = 0x08000000;
constexpr uint64_t kGicGroup = 0x080;
constexpr uint64_t kGicPriority = 0x400;
// QEMU's interrupt controller has more lines than it tells; the kernel leaves those beyond alone,
// and the SMMUs use them. Left in group 0, a pending one would starve the guest.
constexpr uint64_t kGicFirstLeft = 256;
constexpr uint64_t kGicEnd = 288;

alignas(64) model::Machine g_machine;
alignas(SIDEWALL_STATE_ALIGN) char g_driver[SIDEWALL_STATE_SIZE];
uint64_t g_heap;
bool g_taken_over;

void CopyRange(const model::Range& from, struct sidewall_range* to) {
  to->start = from.start;
  to->size = from.size;
}

void FillConfig(const model::BoardSpec& board, struct sidewall_cfg* cfg) {
  cfg->abi = SIDEWALL_ABI;
  cfg->smmu_count = static_cast<uint32_t>(board.smmu_count);
  for (size_t i = 0; i < board.smmu_count; ++i) {
    const model::SmmuSpec& from = board.smmu[i];
    struct sidewall_smmu_cfg& to = cfg->smmu[i];
    to.window[0] = from.window[0];
    to.window[1] = from.window[1];
    to.window_count = from.instance_count;
    to.side = from.side;
    to.window_size = from.window_size;
    to.el2_banks = from.el2_banks;
    to.el2_entries = from.el2_entries;
    to.host_vmid = from.host_vmid;
  }
  cfg->mc_window_count = static_cast<uint32_t>(board.mc_window_count);
  for (size_t i = 0; i < board.mc_window_count; ++i) {
    CopyRange(board.mc_window[i], &cfg->mc_window[i]);
  }
  cfg->dram_count = static_cast<uint32_t>(board.dram_count);
  for (size_t i = 0; i < board.dram_count; ++i) CopyRange(board.dram[i], &cfg->dram[i]);
  for (size_t i = 0; i < board.el2_only_count; ++i) {
    CopyRange(board.el2_only[i], &cfg->el2_range[cfg->el2_range_count++]);
  }
  cfg->sync_timeout_us = static_cast<uint32_t>(board.sync_timeout_us);
}

void MakeHardware() {
  const model::BoardSpec* board = model::FindBoard("tegra234-virt");
  const bool fits = board != nullptr && board->pool.start == kPool &&
                    board->pool.size == kPoolSize && board->dram[0].start == kRam;
  if (!fits) Finish(Phase::kCallFailed, __LINE__, 0);
  static model::Choices well_behaved;
  model::Arena arena;
  arena.pool = reinterpret_cast<uint64_t*>(kPool);
  arena.pool_pages = kPoolSize / 4096;
  arena.work_size = model::Machine::WorkSize(arena.pool_pages);
  arena.work = Allocate(arena.work_size, 4096);
  arena.direct = true;
  g_machine.Reset(*board, arena, &well_behaved, nullptr);
  ResetCore();
}

void Require(const struct sidewall_result& result, uint64_t line) {
  if (result.status != SIDEWALL_OK) Finish(Phase::kCallFailed, line, result.progress);
}

// The host owns all RAM but what is a guest's.
void TellMemory() {
  if (!Idmap(kRam, kCarveOut, true)) Finish(Phase::kCallFailed, __LINE__, kRam);
  const uint64_t rest = kSecretPage + 4096;
  if (!Idmap(rest, kHostRamEnd, true)) Finish(Phase::kCallFailed, __LINE__, rest);
}

void SetUpCounters() {
  WriteSysreg(mdcr_el2, ReadSysreg(pmcr_el0) >> 11 & 31);
  WriteSysreg(pmccfiltr_el0, uint64_t{1} << 27);  // counts at EL2, too
  WriteSysreg(pmcntenset_el0, uint64_t{1} << 31);
  WriteSysreg(pmcr_el0, 1u << 6 | 1u);
  Isb();
}

void SetUpGic() {
  for (uint64_t n = kGicFirstLeft; n < kGicEnd; n += 32) {
    Store32(kGicVirt + kGicGroup + n / 8, 0xffffffff);
  }
  for (uint64_t n = kGicFirstLeft; n < kGicEnd; n += 4) {
    Store32(kGicVirt + kGicPriority + n, 0xa0a0a0a0);
  }
}

void SetUpGuest() {
  WriteSysreg(hcr_el2, kHcr);
  WriteSysreg(cnthctl_el2, 3);
  WriteSysreg(cntvoff_el2, 0);
  WriteSysreg(cptr_el2, 0x33ff);
  WriteSysreg(hstr_el2, 0);
  WriteSysreg(vpidr_el2, ReadSysreg(midr_el1));
  WriteSysreg(vmpidr_el2, ReadSysreg(mpidr_el1));
  WriteSysreg(s3_4_c12_c9_5, 0xf);  // ICC_SRE_EL2: system registers, for EL1 too
  Isb();
  WriteSysreg(s3_4_c12_c11_0, 0);  // ICH_HCR_EL2: no virtual interrupts
  WriteSysreg(sctlr_el1, kSctlrEl1Reset);
  WriteSysreg(elr_el2, Shared().kernel);
  WriteSysreg(spsr_el2, 0x3c5);
  Isb();
}

}  // namespace

model::Machine& Hardware() { return g_machine; }
struct sidewall_state* DriverState() { return reinterpret_cast<struct sidewall_state*>(g_driver); }
bool TakenOver() { return g_taken_over; }

void* Allocate(size_t size, size_t alignment) {
  const uint64_t start = (g_heap + alignment - 1) & ~(uint64_t{alignment} - 1);
  if (start + size > kHeap + kHeapSize) Finish(Phase::kCallFailed, __LINE__, size);
  g_heap = start + size;
  return reinterpret_cast<void*>(start);
}

void TakeOver() {
  static struct sidewall_cfg cfg;
  const uint64_t start = Instructions();
  FillConfig(g_machine.board(), &cfg);
  Require(sidewall_init(DriverState(), SIDEWALL_STATE_SIZE, nullptr, &cfg), __LINE__);
  g_taken_over = true;
  Shared().phase = Phase::kTakenOver;
  TellMemory();
  Require(sidewall_finalize(DriverState()), __LINE__);
  Shared().phase = Phase::kFinalized;
  Shared().boot_instructions = Instructions() - start;
  HideFromGuest(kSecretPage);
}

}  // namespace sidewall::boot

// Returns what the kernel gets in x0.
extern "C" uint64_t boot_main() {
  using namespace sidewall::boot;
  Block& block = Shared();
  if (block.magic != kBlockMagic || block.abi != kBlockAbi) {
    Finish(Phase::kCallFailed, __LINE__, block.magic);
  }
  block.phase = Phase::kStarted;
  g_heap = kHeap;
  SetUpCounters();
  MakeHardware();
  MakeStage2();
  MarkSecret();
  if ((block.modes & kModeLateTakeover) == 0) TakeOver();
  SetUpGic();
  SetUpGuest();
  block.phase = Phase::kGuest;
  block.guest_started_ns = TimeNs();
  DsbSy();
  return block.device_tree;
}
