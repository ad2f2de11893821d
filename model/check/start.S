/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
 *
 * Entry and vectors of the bare image. An AT instruction that meets an external abort takes an
 * exception: its syndrome is noted and the instruction is passed over.
 */
    .section .text.start, "ax"
    .globl _start
_start:
    ldr x0, =sidewall_check_stack_top
    mov sp, x0
    adr x0, vectors
    msr vbar_el2, x0
    isb
    bl CheckMain
1:  wfi
    b 1b

    .balign 2048
vectors:
    .rept 4
    b .                     /* with SP_EL0: never used */
    .balign 128
    .endr
    /* The current level with its own stack pointer, synchronous. */
    stp x0, x1, [sp, #-16]!
    mrs x0, esr_el2
    adrp x1, check_syndrome
    str x0, [x1, :lo12:check_syndrome]
    mrs x0, elr_el2
    add x0, x0, #4
    msr elr_el2, x0
    ldp x0, x1, [sp], #16
    eret
    .balign 128
    .rept 11
    b .
    .balign 128
    .endr
