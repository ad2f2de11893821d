// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What a harness needs of an engine, the thing that executes a driver: NativeEngine links it in,
// UnicornEngine (replay/) runs its aarch64 image.
//
//     Engine engine(board);                       // board answers the driver's platform calls
//     sidewall_result r = engine.Invoke({.id = CallId::kHostStage2Idmap,
//                                        .arg = {0x80000000, 0x80001000, SIDEWALL_PROT_NONE}});
#ifndef SIDEWALL_ORACLE_ENGINE_H_
#define SIDEWALL_ORACLE_ENGINE_H_

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "sidewall/driver.h"

namespace sidewall {

// Every entry point of the waist: enumerator, symbol without prefix, count of plain arguments.
// Plain arguments follow the state pointer, each passed as 64 bits.
#define SIDEWALL_CALLS(X)                                    \
  X(kFinalize, finalize, 0)                                  \
  X(kHostStage2Idmap, host_stage2_idmap, 3)                  \
  X(kHostStage2IdmapComplete, host_stage2_idmap_complete, 1) \
  X(kAllocDomain, alloc_domain, 2)                           \
  X(kFreeDomain, free_domain, 1)                             \
  X(kAttachDev, attach_dev, 6)                               \
  X(kDetachDev, detach_dev, 4)                               \
  X(kMapPages, map_pages, 6)                                 \
  X(kUnmapPages, unmap_pages, 4)                             \
  X(kIovaToPhys, iova_to_phys, 2)                            \
  X(kIotlbSync, iotlb_sync, 1)                               \
  X(kIotlbSyncMap, iotlb_sync_map, 3)                        \
  X(kSetIdentity, set_identity, 3)                           \
  X(kDevBlockDma, dev_block_dma, 3)                          \
  X(kGetIommuToken, get_iommu_token, 1)                      \
  X(kMcRegisterSid, mc_register_sid, 3)                      \
  X(kVmCreate, vm_create, 1)                                 \
  X(kRouteAdd, route_add, 5)                                 \
  X(kVmFinalize, vm_finalize, 1)                             \
  X(kVmDestroy, vm_destroy, 1)                               \
  X(kAssignUnit, assign_unit, 3)                             \
  X(kUnassignUnit, unassign_unit, 3)                         \
  X(kPoolAdd, pool_add, 2)                                   \
  X(kPoolReclaim, pool_reclaim, 2)                           \
  X(kGuestAttach, guest_attach, 6)                           \
  X(kGuestDetach, guest_detach, 5)                           \
  X(kGuestAlloc, guest_alloc, 2)                             \
  X(kGuestFree, guest_free, 2)                               \
  X(kGuestMap, guest_map, 6)                                 \
  X(kGuestUnmap, guest_unmap, 4)                             \
  X(kSuspend, suspend, 1)                                    \
  X(kResume, resume, 1)                                      \
  X(kPowerOff, power_off, 1)                                 \
  X(kPowerOn, power_on, 1)                                   \
  X(kFaultIrq, fault_irq, 1)                                 \
  X(kTick, tick, 1)

enum class CallId : uint8_t {
  kInit,        // cfg
  kHandleDabt,  // regs (in and out), arg[0] esr, arg[1] ipa
  kStats,       // stats (out)
  kRingRead,    // arg[0] owner, arg[1] sequence, ring (out)
#define SIDEWALL_ENUM(id, symbol, count) id,
  SIDEWALL_CALLS(SIDEWALL_ENUM)
#undef SIDEWALL_ENUM
};

struct Call {
  CallId id;
  uint64_t arg[6] = {};
  const sidewall_cfg* cfg = nullptr;
  sidewall_regs* regs = nullptr;
  struct sidewall_counters* stats = nullptr;
  sidewall_ring_record* ring = nullptr;
};

const char* CallName(CallId id);

// What the driver asks of its platform. The engine forwards each sidewall_plat_ call to one of
// these; the first parameter, the cookie, is the Platform itself.
class Platform {
 public:
  virtual bool Read32(uint64_t pa, uint32_t* value) = 0;
  virtual bool Read64(uint64_t pa, uint64_t* value) = 0;
  virtual void Write32(uint64_t pa, uint32_t value) = 0;
  virtual void Write64(uint64_t pa, uint64_t value) = 0;
  virtual void TableWrite64(uint64_t pa, uint64_t value) = 0;
  virtual void TableZero(uint64_t pa) = 0;
  // The read-only view of the pool: TablePtr of pa is pool_view() + (pa - pool_start()).
  virtual const uint64_t* pool_view() const = 0;
  virtual uint64_t pool_start() const = 0;
  virtual uint64_t pool_size() const = 0;
  virtual void Barrier() = 0;
  virtual void CleanPoc(uint64_t pa, uint64_t size) = 0;
  virtual uint64_t PageAlloc(uint32_t pool) = 0;
  virtual void PageFree(uint32_t pool, uint64_t pa) = 0;
  virtual void UnuseDma(uint64_t pa, uint64_t size) = 0;
  virtual void Lock(uint32_t id) = 0;
  virtual void Unlock(uint32_t id) = 0;
  virtual uint32_t CpuId() = 0;
  virtual void Relax() = 0;
  virtual uint64_t TimeUs() = 0;
  virtual void Notify(uint32_t owner, const sidewall_fault& fault) = 0;
  virtual void Log(uint32_t reason, uint64_t a, uint64_t b) = 0;
  // A panic of the driver is an ERR03 verdict. This only records it and returns; the engine then
  // abandons the call.
  virtual void Panic(uint32_t line) = 0;

  // Where in the driver's code the next store comes from, where the engine knows.
  void set_store_site(const void* site) { store_site_ = site; }

 protected:
  ~Platform() = default;
  const void* store_site() const { return store_site_; }

 private:
  const void* store_site_ = nullptr;
};

// An engine owns the driver's state block. Save keeps a copy of it, Restore brings it back.
template <typename E>
concept EngineLike = requires(E engine, const Call& call) {
  { engine.Invoke(call) } -> std::same_as<sidewall_result>;
  engine.Save();
  engine.Restore();
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_ENGINE_H_
