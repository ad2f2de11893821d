/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
 *
 * The waist: everything that passes between the EL2 driver and the hypervisor that embeds it.
 *
 *     static _Alignas(SIDEWALL_STATE_ALIGN) char block[SIDEWALL_STATE_SIZE];
 *     struct sidewall_state *s = (struct sidewall_state *)block;
 *
 *     r = sidewall_init(s, sizeof(block), cookie, &cfg);          // hardware may be in any state
 *     r = sidewall_host_stage2_idmap(s, 0x80000000, 0x90000000, SIDEWALL_PROT_RW);
 *     r = sidewall_host_stage2_idmap_complete(s, 1);
 *     r = sidewall_finalize(s);                          // nothing is registered after it
 *     ...
 *     r = sidewall_handle_dabt(s, &regs, esr, ipa);                // on every trapped host access
 *
 * The upper half is what the driver offers, the lower half (sidewall_plat_*) is what it needs.
 * Both are resolved at link time. All driver state lies in the one caller-supplied block.
 *
 * Outcomes. A call has three, and no fourth:
 *   OK        done, as far as `progress` says;
 *   REFUSED   nothing that can be observed has changed, except that what an earlier call had to
 *             leave unfinished (DEGRADED) may have come to its end;
 *   DEGRADED  hardware did not answer: streams fault, pages and indices are kept, the unit is
 *             flagged, and a later call whose sync completes ends it (one that the host makes with
 *             registers is none of a call's). Of a removal from the host's stage 2:
 *             the pages stay the host's, but they are gone from its devices' tables, also after
 *             that sync, until host_stage2_idmap gives them again.
 * UNSUPPORTED is returned by calls whose bodies are not written yet; it changes nothing.
 *
 * `iommu` is a logical SMMU, named by its side (enum sidewall_side); `sid` is a stream ID as the
 * memory controller knows it, 7 bits.
 *
 * Units: addresses, sizes and progress are bytes, times are microseconds. Locks: every call is
 * entered with no driver lock held and takes what it needs through sidewall_plat_lock; the caller
 * may hold the hypervisor's own host lock, which is ordered before all driver locks.
 */
#ifndef SIDEWALL_DRIVER_H
#define SIDEWALL_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Public symbols carry a prefix, so that several drivers can be linked side by side. */
#ifndef SIDEWALL_PREFIX
#define SIDEWALL_PREFIX sidewall_
#endif
#define SIDEWALL_CAT2(a, b) a##b
#define SIDEWALL_CAT(a, b) SIDEWALL_CAT2(a, b)
#define SIDEWALL_SYM(name) SIDEWALL_CAT(SIDEWALL_PREFIX, name)

#define SIDEWALL_ABI 1u
#define SIDEWALL_STATE_SIZE (256u * 1024u)
#define SIDEWALL_STATE_ALIGN 64u

struct sidewall_state;

enum sidewall_status {
  SIDEWALL_OK = 0,
  SIDEWALL_REFUSED = 1,
  SIDEWALL_DEGRADED = 2,
  SIDEWALL_UNSUPPORTED = 3,
};

/* `progress` is bytes done (or the value asked for, where a call says so); `pages_needed` is how
 * many pool pages a retry would want, 0 when memory was not the reason to stop. */
struct sidewall_result {
  uint32_t status;
  uint32_t pages_needed;
  uint64_t progress;
};

enum sidewall_prot {
  SIDEWALL_PROT_NONE = 0,
  SIDEWALL_PROT_R = 1,
  SIDEWALL_PROT_W = 2,
  SIDEWALL_PROT_RW = 3,
  SIDEWALL_PROT_MMIO = 4, /* device memory */
  SIDEWALL_PROT_NOEXEC = 8,
};

/* Owners of pages, streams and hardware indices. Guests are SIDEWALL_OWNER_GUEST0 + vm. */
enum sidewall_owner { SIDEWALL_OWNER_HOST = 0, SIDEWALL_OWNER_EL2 = 1, SIDEWALL_OWNER_GUEST0 = 2 };

/* The three sides of the memory controller: which SMMU a client is wired to. */
enum sidewall_side { SIDEWALL_SIDE_NISO1 = 0, SIDEWALL_SIDE_NISO0 = 1, SIDEWALL_SIDE_ISO = 2 };

/* ---------------------------------------------------------------- configuration (board data) */

struct sidewall_range {
  uint64_t start;
  uint64_t size;
};

#define SIDEWALL_MAX_SMMUS 3u
#define SIDEWALL_MAX_INSTANCES 2u
#define SIDEWALL_MAX_MC_WINDOWS 18u
#define SIDEWALL_MAX_DRAM 8u
#define SIDEWALL_MAX_EL2_RANGES 32u
#define SIDEWALL_MAX_BOOT_STREAMS 16u

/* One logical SMMU: one window, or two windows that must be programmed alike. The counts are what
 * EL2 keeps for itself; they are the top ones, so that virtual index i is physical index i. */
struct sidewall_smmu_cfg {
  uint64_t window[SIDEWALL_MAX_INSTANCES];
  uint32_t window_count; /* 1 or 2 */
  uint32_t side;         /* enum sidewall_side */
  uint64_t window_size;  /* bytes, each: twice the pages that IDR1.NUMPAGENDXB tells */
  uint32_t el2_banks;    /* at least 2: the host's stage 2 and the fault bank */
  uint32_t el2_entries;
  uint32_t host_vmid; /* the one VMID of all host, identity and boot streams of this SMMU */
  uint32_t reserved;
};

/* A stream that a boot loader left active. It has the host's identity map from init on, until the
 * host makes an entry valid that matches it; the first VM, or boot_stream_timeout_us after
 * finalize, ends what is left. The map is empty until the first gain, and while init or finalize
 * runs every stream faults. Of a side, at most el2_entries streams. */
struct sidewall_boot_stream {
  uint32_t side;
  uint32_t sid;
};

struct sidewall_cfg {
  uint32_t abi; /* SIDEWALL_ABI */
  uint32_t smmu_count;
  struct sidewall_smmu_cfg smmu[SIDEWALL_MAX_SMMUS];
  /* Window 0 holds the SID registers, window 1 is the broadcast window, the rest are channels. */
  uint32_t mc_window_count;
  uint32_t dram_count;
  struct sidewall_range mc_window[SIDEWALL_MAX_MC_WINDOWS];
  struct sidewall_range dram[SIDEWALL_MAX_DRAM];
  /* Never in any stage 2, even if idmap names them: SMMU, MC, GIC, EL2's own memory and UART. */
  uint32_t el2_range_count;
  uint32_t boot_stream_count;
  struct sidewall_range el2_range[SIDEWALL_MAX_EL2_RANGES];
  struct sidewall_boot_stream boot_stream[SIDEWALL_MAX_BOOT_STREAMS];
  uint32_t boot_stream_timeout_us;
  uint32_t sync_timeout_us; /* bound of every poll for a TLB sync */
  uint32_t flags;           /* SIDEWALL_CFG_ */
  uint32_t reserved;
};
#define SIDEWALL_CFG_NO_RING 1u /* keep no trace ring */

/* General registers of the trapped context, x0 to x30. */
struct sidewall_regs {
  uint64_t x[31];
};

/* ---------------------------------------------------------------- records */

/* One mediated access in the trace ring. The layout is fixed: 48 bytes, little endian. */
struct sidewall_ring_record {
  uint64_t time_us;
  uint64_t ipa;
  uint64_t value;    /* what the host wrote, or was given */
  uint64_t hw_value; /* what reached hardware, where something did */
  uint16_t reason;   /* enum sidewall_reason */
  uint8_t cpu;
  uint8_t width; /* bytes */
  uint8_t is_write;
  uint8_t decision; /* enum sidewall_decision */
  uint16_t owner;
  uint64_t sequence;
};

enum sidewall_decision {
  SIDEWALL_DECISION_FORWARDED = 0, /* reached hardware as written */
  SIDEWALL_DECISION_COMPOSED = 1,  /* reached hardware in another form */
  SIDEWALL_DECISION_VIRTUAL = 2,   /* answered from the virtual state */
  SIDEWALL_DECISION_ABSORBED = 3,  /* second half of a mirrored pair */
  SIDEWALL_DECISION_IGNORED = 4,   /* RAZ/WI */
  SIDEWALL_DECISION_REFUSED = 5,   /* the host gets an abort */
};

enum sidewall_reason {
  SIDEWALL_REASON_NONE = 0,
  SIDEWALL_REASON_UNKNOWN_REGISTER = 1,
  SIDEWALL_REASON_WIDTH = 2,
  SIDEWALL_REASON_ALIGNMENT = 3,
  SIDEWALL_REASON_SYNDROME = 4, /* ISV 0, CM, S1PTW, FnV, EA, or no fault of stage 2 */
  SIDEWALL_REASON_INDEX = 5,    /* beyond the host's share of banks or entries */
  SIDEWALL_REASON_FLOOR = 6,    /* a bit that EL2 fixes */
  SIDEWALL_REASON_OVERLAP = 7,  /* the entry overlaps another, or a SID not the host's */
  SIDEWALL_REASON_CONTEXT = 8,  /* a bank whose type or format the host may not have */
  SIDEWALL_REASON_SID = 9,      /* an MC override to a SID that is not the client's */
  SIDEWALL_REASON_CLIENT = 10,  /* an MC register of no client, or of an untouchable one */
  SIDEWALL_REASON_LOCKED = 11,
  SIDEWALL_REASON_FAULT_DROPPED = 12, /* a stage-2 fault that names no bank of the host's */
  SIDEWALL_REASON_POWER = 13, /* the unit is suspended, off, or not restored or finalized yet */
  SIDEWALL_REASON_COUNT = 14,
};

struct sidewall_counters {
  uint64_t traps;
  uint64_t stores; /* MMIO stores of the driver */
  uint64_t table_stores;
  uint64_t syncs;
  uint64_t sync_timeouts;
  uint64_t pages;        /* pool pages that the driver holds */
  uint64_t mapped_pages; /* 4K leaves in the host's identity stage 2 */
  uint64_t degraded;     /* bit n: logical SMMU n waits for a completed sync */
  uint64_t by_decision[8];
  uint64_t by_reason[SIDEWALL_REASON_COUNT];
};

/* A fault as its owner is told of it. */
struct sidewall_fault {
  uint32_t side;
  uint32_t instance;
  uint32_t bank; /* virtual index; ~0 for a global fault */
  uint32_t sid;
  uint32_t fsr;
  uint32_t fsynr0;
  uint64_t far_;
};

/* ---------------------------------------------------------------- what the driver offers */

#define SIDEWALL_R struct sidewall_result SIDEWALL_SYM
#define SIDEWALL_S struct sidewall_state* s

/* Takes over the hardware, whatever state it is in. `size` is the size of the block at `s`, at
 * least SIDEWALL_STATE_SIZE, and all zero before the first call; `ctx` is handed to every
 * sidewall_plat_ function. REFUSED when cfg contradicts itself or the hardware, or the block is
 * live (`progress` is then the line number of the check). A takeover that fails half-way is
 * REFUSED too: the board is not taken, though its streams may be closed. */
SIDEWALL_R(init)(SIDEWALL_S, uint64_t size, void* ctx, const struct sidewall_cfg* cfg);
/* Re-reads and re-writes everything, since the host may have written raw until now, and looks
 * whether EL2's tables are still an identity map of as many pages as were given, in pages of an
 * el2_range; so pools are to give no others, or REFUSED is all that can come of it. The memory
 * controller's words are put back to what init found or set. REFUSED when hardware does not take
 * it (`progress` is then the line number of the check): it may be taken over in part, with its
 * streams closed. Once finalize has begun, and until one has returned OK, handle_dabt is REFUSED;
 * idmap goes on, and finalize may be tried again. After an OK it is REFUSED and changes nothing. */
SIDEWALL_R(finalize)(SIDEWALL_S);

/* The raw data abort: ESR_EL2 and the faulting IPA with its low 12 bits. The caller knows that it
 * is the IPA of this abort: HPFAR_EL2 has it of a translation and of an access flag fault, and not
 * for certain of a permission fault. OK: emulated, skip the instruction. REFUSED: not a window of
 * ours, not decodable, or finalize has begun and not yet returned OK; give the host an abort. */
SIDEWALL_R(handle_dabt)(SIDEWALL_S, struct sidewall_regs* regs, uint64_t esr, uint64_t ipa);

/* Mirrors a change of host ownership of [start, end): prot NONE takes the range away, anything
 * else gives it. Called by EL2 only, under the host lock. Bytes done in `progress`; call again
 * with the rest (after refilling the atomic pool when pages_needed is not 0). Address bit 39
 * selects a format, not memory: what a gain names at or above it is progress and never mapped, and
 * so is what a removal names there; but a removal that begins there is REFUSED, since its pages may
 * be mapped below. */
SIDEWALL_R(host_stage2_idmap)(SIDEWALL_S, uint64_t start, uint64_t end, uint32_t prot);
/* Ends a batch of idmap calls; after OK of a removal (map 0) no device can reach what was removed.
 * DEGRADED: some unit did not complete its sync, so a device may still reach them through its TLB.
 * The caller must leave them the host's. They stay out of the tables all the same, so that the
 * host's devices do without them until host_stage2_idmap gives them again. */
SIDEWALL_R(host_stage2_idmap_complete)(SIDEWALL_S, uint32_t map);

/* Host calls; after finalize only. `iommu` is the side of the logical SMMU. A domain is one stage-2
 * tree of EL2's, with one owner. The host names its domains itself, below SIDEWALL_HOST_DOMAINS;
 * guests' are numbered by the driver from there on. pasid, pasid_bits and flags must be 0.
 *
 * alloc_domain, attach_dev: pages_needed of a refusal says how many pool pages a retry wants.
 * attach_dev: of a stream that is the host's, and that no live entry of the host's own matches.
 *   DEGRADED: a detachment that it needs the end of still waits; the stream goes where it went.
 *   A domain that is attached takes one of EL2's banks of the unit; the host, and each VM that
 *   there can be, is sure of a fifth of them, rounded down, whatever the others take.
 * detach_dev: DEGRADED: what was under way was not seen to end, and the stream faults, but that an
 *   entry of the host's own which matches it is in force once a sync has drained the stream.
 * map_pages: the caller has taken a DMA reference on every page of the range and drops those of
 *   what was not mapped. page_size is 4 KiB or 2 MiB. OK with the bytes mapped, 0 included, in
 *   whole pages of that size; the rest needs pool pages (pages_needed), or another call. Stops in
 *   front of an address that is mapped, or was until its sync; REFUSED when that is the first.
 * unmap_pages: OK with the bytes unmapped, in whole pages of page_size from iova on. Stops in front
 *   of a hole and of a block that the range does not hold whole; REFUSED when that is the first.
 *   Devices may still reach what was unmapped, and it stays referenced, until iotlb_sync.
 * iotlb_sync: drops the references of all that was unmapped. DEGRADED: none of a unit that did not
 *   answer; a later call tries again.
 * iova_to_phys: the address in `progress`; REFUSED when nothing is mapped there.
 * dev_block_dma: when OK the stream faults, and nothing of it is under way. A stream of the host's
 *   stays so until the host attaches it anew: by attach_dev, by set_identity, or by an entry that
 *   matches it and whose S2CR it has written since. No other entry ever leads it anywhere: one that
 *   comes to match it by a write of its SMR alone faults, for whatever it matches. REFUSED when an
 *   entry of the host's matches other streams too, or the stream is attached to a domain of the
 *   host's.
 * iotlb_sync and free_domain do a bounded part of the work: `progress` is 1 when all is done, 0
 * when the same call is wanted again; a domain that is being freed serves no other call. */
#define SIDEWALL_HOST_DOMAINS 32u
#define SIDEWALL_VM_DOMAINS 8u /* of each VM */
#define SIDEWALL_MAX_VMS 4u
#define SIDEWALL_MAX_ROUTES 16u /* of each VM */
enum sidewall_domain_type { SIDEWALL_DOMAIN_PAGED = 0 };
SIDEWALL_R(alloc_domain)(SIDEWALL_S, uint32_t domain, uint32_t type);
SIDEWALL_R(free_domain)(SIDEWALL_S, uint32_t domain);
SIDEWALL_R(attach_dev)(SIDEWALL_S, uint32_t iommu, uint32_t domain, uint32_t sid, uint32_t pasid,
                       uint32_t pasid_bits, uint64_t flags);
SIDEWALL_R(detach_dev)(SIDEWALL_S, uint32_t iommu, uint32_t domain, uint32_t sid, uint32_t pasid);
SIDEWALL_R(map_pages)(SIDEWALL_S, uint32_t domain, uint64_t iova, uint64_t pa, uint64_t page_size,
                      uint64_t page_count, uint32_t prot);
SIDEWALL_R(unmap_pages)(SIDEWALL_S, uint32_t domain, uint64_t iova, uint64_t page_size,
                        uint64_t page_count);
SIDEWALL_R(iova_to_phys)(SIDEWALL_S, uint32_t domain, uint64_t iova);
SIDEWALL_R(iotlb_sync)(SIDEWALL_S, uint32_t domain);
SIDEWALL_R(iotlb_sync_map)(SIDEWALL_S, uint32_t domain, uint64_t iova, uint64_t size);
/* On: a stream of the host that no live entry of the host matches gets the host's identity map,
 * until the host makes such an entry, or asks for off: then it faults. Both say what is to be, so
 * that saying it twice changes nothing. REFUSED where a live entry of the host matches the stream,
 * and when EL2 has no entry left. DEGRADED: its last detachment waits for a sync still. */
SIDEWALL_R(set_identity)(SIDEWALL_S, uint32_t iommu, uint32_t sid, uint32_t on);
SIDEWALL_R(dev_block_dma)(SIDEWALL_S, uint32_t iommu, uint32_t sid, uint32_t host_to_guest);
/* The token is the address of the unit's first window, in `progress`. */
SIDEWALL_R(get_iommu_token)(SIDEWALL_S, uint32_t iommu);
/* Only confirms what EL2 knows: OK when its own table gives `client` this side and `sid`, as often
 * as it is asked, and nothing changes. REFUSED otherwise, and once finalize has begun. */
SIDEWALL_R(mc_register_sid)(SIDEWALL_S, uint32_t client, uint32_t side, uint32_t sid);
/* What was done since init. `owner` is who is to see it: EL2 sees all; the host all but what would
 * tell it what guests do, which is what their calls took, the end of their domains, the search for
 * faults, and suspend and resume, which tell how many banks are in use; guests are REFUSED.
 * `stats` is the host's view. Whether a unit is degraded everybody would notice anyway. */
SIDEWALL_R(stats_of)(SIDEWALL_S, uint32_t owner, struct sidewall_counters* out);
SIDEWALL_R(stats)(SIDEWALL_S, struct sidewall_counters* out);
/* The trace ring keeps the last 64 accesses to each logical SMMU and to the memory controller, in
 * four rings: sequence modulo 4 is the ring (index of the SMMU in cfg, or 3), and a ring's records
 * are 4 apart. A reader of everything reads each from its number on, and merges by time.
 *   OK       the record, and in `progress` the sequence to ask for next;
 *   REFUSED  not there (any more, or yet): in `progress` the oldest that is, or the next to come.
 * `owner` is who is to see it: EL2 sees all, the host its own accesses without what EL2 made of
 * them (hw_value 0); guests make no accesses, and are REFUSED. */
SIDEWALL_R(ring_read)(SIDEWALL_S, uint32_t owner, uint64_t sequence,
                      struct sidewall_ring_record* out);

/* VM life and assignment, called by EL2's core; after finalize only. A unit is a device: all its
 * streams and clients, on every side that it has some on.
 *
 * route_add: before vm_finalize only. A vSID of a pvIOMMU and a stream each have one route.
 * vm_finalize: REFUSED unless every route leads to a stream that is assigned to the VM. The routes
 *   do not change any more, and guest calls are served from now on.
 * assign_unit: the streams become the VM's, and fault until the guest attaches them. REFUSED while
 *   a live entry of the host's matches one of them and a stream that is not of the unit. DEGRADED:
 *   assigned, but transfers that were under way may still arrive.
 * unassign_unit: back to the host, where they fault until the host attaches them anew, as after
 *   dev_block_dma. REFUSED while one is attached. DEGRADED: they stay the VM's.
 * vm_destroy: detaches, frees and unassigns what is left, in this order, a bounded part each call:
 *   `progress` is 1 when the VM is gone, 0 when the same call is wanted again. Guest calls are
 *   REFUSED from the first one on. DEGRADED: a unit did not answer, and the streams are still the
 *   VM's; a later call goes on.
 * pool_add: says that pages were donated to a pool, of a VM that exists. pool_reclaim: gives back
 * up to that many pages that the driver keeps in store; `progress` is their bytes. */
SIDEWALL_R(vm_create)(SIDEWALL_S, uint32_t vm);
SIDEWALL_R(route_add)(SIDEWALL_S, uint32_t vm, uint32_t pviommu, uint32_t vsid, uint32_t iommu,
                      uint32_t sid);
SIDEWALL_R(vm_finalize)(SIDEWALL_S, uint32_t vm);
SIDEWALL_R(vm_destroy)(SIDEWALL_S, uint32_t vm);
SIDEWALL_R(assign_unit)(SIDEWALL_S, uint32_t vm, uint32_t iommu, uint32_t sid);
SIDEWALL_R(unassign_unit)(SIDEWALL_S, uint32_t vm, uint32_t iommu, uint32_t sid);
SIDEWALL_R(pool_add)(SIDEWALL_S, uint32_t pool, uint64_t pages);
SIDEWALL_R(pool_reclaim)(SIDEWALL_S, uint32_t pool, uint64_t pages);

/* Guest calls (pvIOMMU), routed by (pviommu, vsid). guest_alloc returns the handle in `progress`.
 * guest_map: `ipa` is the physical address of pages that the core has looked up in the guest's
 *   stage 2 and taken a DMA reference on; otherwise as map_pages, in leaves of 4 KiB.
 * guest_unmap: as unmap_pages and iotlb_sync in one, at most 16 MiB a call, after what an earlier
 *   call has left; OK with 0 when that was all there was. DEGRADED: `progress` bytes are unmapped,
 *   and their references are kept until a later sync of this domain completes. */
SIDEWALL_R(guest_attach)(SIDEWALL_S, uint32_t vm, uint32_t pviommu, uint32_t vsid, uint32_t pasid,
                         uint32_t domain, uint32_t pasid_bits);
SIDEWALL_R(guest_detach)(SIDEWALL_S, uint32_t vm, uint32_t pviommu, uint32_t vsid, uint32_t pasid,
                         uint32_t domain);
SIDEWALL_R(guest_alloc)(SIDEWALL_S, uint32_t vm, uint32_t pviommu);
SIDEWALL_R(guest_free)(SIDEWALL_S, uint32_t vm, uint32_t domain);
SIDEWALL_R(guest_map)(SIDEWALL_S, uint32_t vm, uint32_t domain, uint64_t iova, uint64_t ipa,
                      uint64_t size, uint32_t prot);
SIDEWALL_R(guest_unmap)(SIDEWALL_S, uint32_t vm, uint32_t domain, uint64_t iova, uint64_t size);

/* Power of a unit. suspend and power_off are called before the power goes, while registers still
 * answer: every stream of the unit faults from then on. Until resume or power_on, called once it is
 * back, no register is touched; handle_dabt is REFUSED there, and so is what gives a stream a new
 * place (attach_dev, guest_attach, assign_unit, set_identity); all other calls go on, and what they
 * change is in force when the unit is. resume ends suspend, power_on ends power_off; any other
 * order is REFUSED. DEGRADED of suspend or power_off: what was under way was not seen to end, the
 * unit is as it was, and its power must stay on. DEGRADED of resume or power_on: hardware did not
 * take its state (`progress` is the line of the check), every stream of the unit faults, removals
 * from it are DEGRADED, and the unit stays down until another try succeeds. */
SIDEWALL_R(suspend)(SIDEWALL_S, uint32_t iommu);
SIDEWALL_R(resume)(SIDEWALL_S, uint32_t iommu);
SIDEWALL_R(power_off)(SIDEWALL_S, uint32_t iommu);
SIDEWALL_R(power_on)(SIDEWALL_S, uint32_t iommu);
/* Tells owners of faults, through sidewall_plat_notify, at most 16 a call; `progress` is how many.
 * More may be left: the next call goes on where this one stopped. A fault that its host reads and
 * clears in its registers is told once; all others are cleared when they are told. */
SIDEWALL_R(fault_irq)(SIDEWALL_S, uint32_t iommu);
/* Called now and then, with the time of sidewall_plat_time_us: ends boot streams, tries units that
 * are DEGRADED again (each up to the first sync that times out), and does what fault_irq does for
 * each unit, whose guests' faults raise no interrupt. DEGRADED: some unit still is. */
SIDEWALL_R(tick)(SIDEWALL_S, uint64_t now_us);

#undef SIDEWALL_R
#undef SIDEWALL_S

/* ---------------------------------------------------------------- what the driver needs
 *
 * `ctx` is the cookie given to init. unuse_dma, page_alloc, page_free, notify and log are called
 * with no driver lock held. None of them may call back into the driver. */

/* Memory-mapped registers. A read returns 0, or non-zero when the bus gave no answer (`*value` is
 * then untouched). Each is one single-copy atomic access of that width. */
int sidewall_plat_read32(void* ctx, uint64_t pa, uint32_t* value);
int sidewall_plat_read64(void* ctx, uint64_t pa, uint64_t* value);
void sidewall_plat_write32(void* ctx, uint64_t pa, uint32_t value);
void sidewall_plat_write64(void* ctx, uint64_t pa, uint64_t value);

/* The only writes to page-table memory. `pa` of table_zero is page aligned, 4 KiB are cleared. */
void sidewall_plat_table_write64(void* ctx, uint64_t pa, uint64_t value);
void sidewall_plat_table_zero(void* ctx, uint64_t pa);
/* A read-only view of the 4 KiB table page at pa: 512 entries. */
const uint64_t* sidewall_plat_table_ptr(void* ctx, uint64_t pa);

/* DSB SY, and clean of [pa, pa + size) to the point of coherency. */
void sidewall_plat_barrier(void* ctx);
void sidewall_plat_clean_poc(void* ctx, uint64_t pa, uint64_t size);

/* One zeroed 4 KiB page from a donated pool, 0 when it is empty; and its return. */
enum sidewall_pool {
  SIDEWALL_POOL_HOST = 0,
  SIDEWALL_POOL_ATOMIC = 1,
  SIDEWALL_POOL_VM0 = 2, /* + VM */
};
uint64_t sidewall_plat_page_alloc(void* ctx, uint32_t pool);
void sidewall_plat_page_free(void* ctx, uint32_t pool, uint64_t pa);

/* Drops the DMA references on [pa, pa + size); only after the sync that made them unreachable. */
void sidewall_plat_unuse_dma(void* ctx, uint64_t pa, uint64_t size);

/* Locks, in the order in which they may be taken. */
enum sidewall_lock {
  SIDEWALL_LOCK_IDMAP = 0,
  SIDEWALL_LOCK_DOMAINS = 1, /* domains with their tables, VMs and routes */
  SIDEWALL_LOCK_SMMU0 = 2,   /* + logical SMMU */
  SIDEWALL_LOCK_MC = 5,
  SIDEWALL_LOCK_COUNT = 6,
};
void sidewall_plat_lock(void* ctx, uint32_t id);
void sidewall_plat_unlock(void* ctx, uint32_t id);
uint32_t sidewall_plat_cpu_id(void* ctx);
void sidewall_plat_relax(void* ctx);
uint64_t sidewall_plat_time_us(void* ctx);

/* The owner may be coming to an end on another CPU; vm_destroy does not say that a VM is gone
 * before all that was found for it has been told. */
void sidewall_plat_notify(void* ctx, uint32_t owner, const struct sidewall_fault* fault);
/* Free-form event log: an enum sidewall_reason and two numbers. FAULT_DROPPED: the address of the
 * access that met the record, and its FSR (upper half) and FSYNR0. At most one line a call. */
void sidewall_plat_log(void* ctx, uint32_t reason, uint64_t a, uint64_t b);
/* For what is impossible. No host, guest or device input may cause one. Does not return. */
void sidewall_plat_panic(void* ctx, uint32_t line) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif /* SIDEWALL_DRIVER_H */
