/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
 *
 * The driver behind the IOMMU callbacks of android16-6.12.
 *
 *     __pkvm_iommu_register_ops(&android16_ops)             where pKVM takes its driver
 *     android16_finalize()                                  after the snapshot of the host's memory
 *     android16_vm_start(vm, routes, count)                 where pKVM freezes the routes of a VM
 *     android16_tick(), android16_vm_stop(vm)               now and then; when the VM is gone
 *
 * The callbacks do not say when the host stops writing registers raw, nor when a VM comes and goes,
 * nor what time it is. The functions below do, and pKVM's core has to call them.
 */
#ifndef SIDEWALL_ADAPTER_ANDROID16_ANDROID16_H
#define SIDEWALL_ADAPTER_ANDROID16_ANDROID16_H

#include "pkvm.h"
#include "sidewall/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the board is made of; the board's own file defines it. */
extern const struct sidewall_cfg android16_board;

/* Memory for the tables of the host's stage 2, which the board's own file defines too: whole pages
 * of RAM within one el2_range of the board, 4 KiB for each 2 MiB that the host has, for each GiB,
 * and three more. The atomic pool serves once android16_finalize has returned 0, and not before. */
extern const struct sidewall_range android16_tables;

extern const struct kvm_iommu_ops android16_ops;

/* A stream of a device that is given to a VM. The id of an IOMMU is its side. */
struct android16_route {
  pkvm_handle_t iommu;
  u32 endpoint;
};

/* 0, or -EBUSY when hardware does not take its final state: the board must not run guests. */
int android16_finalize(void);

/* For one VM, start, stop and callbacks of its domains come one after the other: pKVM's core sees
 * to that.
 *
 * Gives the devices to the VM; their streams fault until the guest attaches them. On an error the
 * VM must not run, and android16_vm_stop has to be called for it. */
int android16_vm_start(struct pkvm_hyp_vm* vm, const struct android16_route* routes, u32 count);
/* 0 when nothing of the VM is left. -EBUSY: hardware did not answer; its pages stay referenced, and
 * the call is wanted again. */
int android16_vm_stop(struct pkvm_hyp_vm* vm);

/* Ends boot streams, tries again what hardware did not answer, collects guests' faults. */
void android16_tick(void);

/* Between the two sources of the adapter, from here on: maps the windows of a board. 0 or -ENOMEM.
 */
int android16_map_windows(const struct sidewall_cfg* cfg);
/* Takes the memory for tables from the host. 0, or -EINVAL: it is not as android16_tables says,
 * -ENOMEM: too small for the board's RAM, or what pKVM says when the host does not own it. What was
 * taken stays, so that init may be tried again. */
int android16_take_tables(const struct sidewall_cfg* cfg, const struct sidewall_range* tables);
/* From here on the atomic pool serves, when the memory for tables is used up. */
void android16_open_atomic_pool(void);

/* For a debugger, after a panic and in between. */
struct android16_notes {
  u32 refused_line; /* of init or finalize: the check that said no */
  u32 panic_line;   /* of the driver, or of the adapter with bit 31 set */
  u64 notices;      /* faults that the driver told of */
  u64 logs;
};
extern struct android16_notes android16_notes;

#ifdef __cplusplus
}
#endif

#endif
