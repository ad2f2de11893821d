# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Everything that is the driver, relative to this folder, so that a patched copy of the folder can
# be built too: compile each with -I<parent of the copy> -I<copy>/include.
set(DRIVER_SOURCES
    abort_decode.cc
    api.cc
    api_power.cc
    attach.cc
    bank_life.cc
    config.cc
    domain.cc
    domain_api.cc
    el2_stream.cc
    fault_scan.cc
    index_life.cc
    mc.cc
    power.cc
    references.cc
    register_table.cc
    ring.cc
    smmu_access.cc
    smmu_bank.cc
    smmu_fault.cc
    smmu_global.cc
    smmu_stream.cc
    smmu_tlb.cc
    stage2.cc
    tables.cc
    takeover.cc
    units.cc
    vm.cc)
# Only where nobody else provides memcpy, memmove, memset and memcmp.
set(DRIVER_FREESTANDING_SOURCES mem.cc)
# For every build of the driver, hosted ones too: what it may not use at EL2, it does not use.
set(DRIVER_COMPILE_OPTIONS -fno-exceptions -fno-rtti)
