# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Everything that is the driver, relative to this folder, so that a patched copy of the folder can
# be built too: compile each with -I<parent of the copy> -I<copy>/include.
set(DRIVER_SOURCES
    abort_decode.cc
    api.cc
    attach.cc
    config.cc
    domain.cc
    domain_api.cc
    index_life.cc
    mc.cc
    references.cc
    register_table.cc
    smmu_access.cc
    smmu_bank.cc
    smmu_bank_life.cc
    smmu_el2_stream.cc
    smmu_fault.cc
    smmu_global.cc
    smmu_stream.cc
    smmu_tlb.cc
    stage2.cc
    tables.cc
    takeover.cc
    units.cc
    unsupported.cc
    vm.cc)
# Only where nobody else provides memcpy, memmove, memset and memcmp.
set(DRIVER_FREESTANDING_SOURCES mem.cc)
# For every build of the driver, hosted ones too: what it may not use at EL2, it does not use.
set(DRIVER_COMPILE_OPTIONS -fno-exceptions -fno-rtti)
