// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/canary/canary.h"

#include "model/registers.h"
#include "oracle/clients.h"

namespace canary {
namespace {

constexpr uint32_t kSCr0Closed = (1u << 10) | (1u << 21);  // USFCFG, SMCFCFG; CLIENTPD 0
constexpr uint32_t kCacheLock = 1u << 26;
constexpr uint32_t kS2crFault = 2u << 16;
constexpr uint32_t kNestedContext = 3u << 16;
constexpr uint32_t kOverrideEnable = 1u << 8;
constexpr uint32_t kQuarantineSid = 0x7e;

void CloseInstance(const Canary& c, const struct sidewall_smmu_cfg& smmu, uint64_t window) {
  uint32_t idr0 = 0;
  uint32_t idr1 = 0;
  uint32_t sacr = 0;
  sidewall_plat_read32(c.ctx, window + 0x20, &idr0);
  sidewall_plat_read32(c.ctx, window + 0x24, &idr1);
  sidewall_plat_read32(c.ctx, window + 0x10, &sacr);
  sidewall_plat_write32(c.ctx, window + 0x10, sacr & ~kCacheLock);
  const uint32_t entries = idr0 & 0xff;
  const uint32_t banks = idr1 & 0xff;
  for (uint32_t i = 0; i < entries; i++) {
    sidewall_plat_write32(c.ctx, window + 0x800 + 4 * i, 0);
    sidewall_plat_write32(c.ctx, window + 0xc00 + 4 * i, kS2crFault);
  }
  for (uint32_t i = 0; i < banks; i++) {
    const uint64_t bank = window + smmu.window_size / 2 + i * 0x10000;
    const bool host = i < banks - smmu.el2_banks;
    sidewall_plat_write32(c.ctx, bank, 0);
    sidewall_plat_write32(c.ctx, bank + 0x4, 0);
    sidewall_plat_write32(c.ctx, window + 0x10000 + 4 * i, host ? kNestedContext : 0);
    sidewall_plat_write32(c.ctx, window + 0x10800 + 4 * i, 1);
  }
  sidewall_plat_write32(c.ctx, window, kSCr0Closed);
  sidewall_plat_write32(c.ctx, window + 0x68, 0);
  sidewall_plat_write32(c.ctx, window + 0x70, 0);
  uint32_t active = 1;
  for (int i = 0; i < 1000 && active != 0; i++) {
    sidewall_plat_read32(c.ctx, window + 0x74, &active);
  }
}

void SetClients(const Canary& c) {
  size_t count = 0;
  const sidewall::model::ClientInfo* clients = sidewall::model::Clients(&count);
  for (size_t i = 0; i < count; i++) {
    if (clients[i].id >= 0x200 || sidewall::IsUntouchable(clients[i].id)) continue;
    const uint64_t pa = c.cfg.mc_window[0].start + 8u * clients[i].id;
    uint32_t security = 0;
    sidewall_plat_write32(c.ctx, pa,
                          clients[i].default_sid ? clients[i].default_sid : kQuarantineSid);
    sidewall_plat_read32(c.ctx, pa + 4, &security);
    sidewall_plat_write32(c.ctx, pa + 4, security | kOverrideEnable);
  }
}

}  // namespace

Canary* Take(struct sidewall_state* s, void* ctx, const struct sidewall_cfg* cfg) {
  Canary* c = Get(s);
  c->ctx = ctx;
  c->cfg = *cfg;
  for (uint32_t i = 0; i < cfg->smmu_count; i++) {
    const struct sidewall_smmu_cfg& smmu = cfg->smmu[i];
    for (uint32_t n = 0; n < smmu.window_count; n++) CloseInstance(*c, smmu, smmu.window[n]);
  }
  SetClients(*c);
  return c;
}

bool Owns(const Canary& canary, uint64_t ipa) {
  for (uint32_t i = 0; i < canary.cfg.smmu_count; i++) {
    const struct sidewall_smmu_cfg& smmu = canary.cfg.smmu[i];
    for (uint32_t n = 0; n < smmu.window_count; n++) {
      if (ipa >= smmu.window[n] && ipa - smmu.window[n] < smmu.window_size) return true;
    }
  }
  for (uint32_t i = 0; i < canary.cfg.mc_window_count; i++) {
    const struct sidewall_range& window = canary.cfg.mc_window[i];
    if (ipa >= window.start && ipa - window.start < window.size) return true;
  }
  return false;
}

}  // namespace canary

extern "C" {

// A canary has no tables: whatever the core says of memory is fine by it.
struct sidewall_result SIDEWALL_SYM(host_stage2_idmap)(struct sidewall_state*, uint64_t start,
                                                       uint64_t end, uint32_t) {
  return {SIDEWALL_OK, 0, end - start};
}
struct sidewall_result SIDEWALL_SYM(host_stage2_idmap_complete)(struct sidewall_state*, uint32_t) {
  return canary::kOk;
}
struct sidewall_result SIDEWALL_SYM(finalize)(struct sidewall_state*) { return canary::kOk; }
struct sidewall_result SIDEWALL_SYM(stats_of)(struct sidewall_state*, uint32_t,
                                              struct sidewall_counters* out) {
  *out = {};
  return canary::kOk;
}
struct sidewall_result SIDEWALL_SYM(stats)(struct sidewall_state* state,
                                           struct sidewall_counters* out) {
  return SIDEWALL_SYM(stats_of)(state, 0, out);
}

#define CANARY_LACKS(name, ...)                                                    \
  struct sidewall_result SIDEWALL_SYM(name)(struct sidewall_state*, __VA_ARGS__) { \
    return canary::kUnsupported;                                                   \
  }
CANARY_LACKS(alloc_domain, uint32_t, uint32_t)
CANARY_LACKS(free_domain, uint32_t)
CANARY_LACKS(attach_dev, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint64_t)
CANARY_LACKS(detach_dev, uint32_t, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(map_pages, uint32_t, uint64_t, uint64_t, uint64_t, uint64_t, uint32_t)
CANARY_LACKS(unmap_pages, uint32_t, uint64_t, uint64_t, uint64_t)
CANARY_LACKS(iova_to_phys, uint32_t, uint64_t)
CANARY_LACKS(iotlb_sync, uint32_t)
CANARY_LACKS(iotlb_sync_map, uint32_t, uint64_t, uint64_t)
CANARY_LACKS(set_identity, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(dev_block_dma, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(get_iommu_token, uint32_t)
CANARY_LACKS(mc_register_sid, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(ring_read, uint32_t, uint64_t, struct sidewall_ring_record*)
CANARY_LACKS(vm_create, uint32_t)
CANARY_LACKS(route_add, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(vm_finalize, uint32_t)
CANARY_LACKS(vm_destroy, uint32_t)
CANARY_LACKS(assign_unit, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(unassign_unit, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(pool_add, uint32_t, uint64_t)
CANARY_LACKS(pool_reclaim, uint32_t, uint64_t)
CANARY_LACKS(guest_attach, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(guest_detach, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t)
CANARY_LACKS(guest_alloc, uint32_t, uint32_t)
CANARY_LACKS(guest_free, uint32_t, uint32_t)
CANARY_LACKS(guest_map, uint32_t, uint32_t, uint64_t, uint64_t, uint64_t, uint32_t)
CANARY_LACKS(guest_unmap, uint32_t, uint32_t, uint64_t, uint64_t)
CANARY_LACKS(suspend, uint32_t)
CANARY_LACKS(resume, uint32_t)
CANARY_LACKS(power_off, uint32_t)
CANARY_LACKS(power_on, uint32_t)
CANARY_LACKS(fault_irq, uint32_t)
CANARY_LACKS(tick, uint64_t)
#undef CANARY_LACKS

}  // extern "C"
