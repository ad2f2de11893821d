/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
 *
 * Entry and vectors of the EL2 image. QEMU enters at _start, at EL2, with the MMU off; the guest is
 * left and entered by exceptions only, so the stack is empty whenever it runs.
 */
    .section .text.start, "ax"
    .global _start
_start:
    adrp x0, stack_top
    add x0, x0, :lo12:stack_top
    mov sp, x0
    adrp x0, vectors
    add x0, x0, :lo12:vectors
    msr vbar_el2, x0
    isb
    bl boot_main
    /* boot_main leaves ELR and SPSR set; x0 is the device tree. */
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    mov x\n, xzr
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    mov x\n, xzr
    .endr
    eret

/* The general registers of the guest, as struct sidewall_regs has them. */
    .macro guest_exception handler
    sub sp, sp, #256
    stp x0, x1, [sp, #0]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    str x30, [sp, #240]
    mov x0, sp
    bl \handler
    b guest_return
    .endm

    .macro own_exception
    .balign 128
    bl el2_exception
    b .
    .endm

    .section .text.vectors, "ax"
    .balign 2048
    .global vectors
vectors:
    .rept 8
    own_exception
    .endr
    .balign 128
    b guest_sync
    .rept 7
    own_exception
    .endr

guest_sync:
    guest_exception el2_guest_sync

guest_return:
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x19, [sp, #144]
    ldp x20, x21, [sp, #160]
    ldp x22, x23, [sp, #176]
    ldp x24, x25, [sp, #192]
    ldp x26, x27, [sp, #208]
    ldp x28, x29, [sp, #224]
    ldr x30, [sp, #240]
    ldp x0, x1, [sp, #0]
    add sp, sp, #256
    eret

/* PSCI, in QEMU's firmware: x0 to x3 in, x0 out. */
    .section .text.smc, "ax"
    .global el2_smc
el2_smc:
    smc #0
    ret

    .section .bss.stack, "aw", @nobits
    .balign 4096
    .space 65536
stack_top:
