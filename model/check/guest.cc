// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The bare image: an EL2 that does nothing but put tables and registers in place, execute one
// address translation instruction a case, and note PAR_EL1. QEMU enters it at _start and talks to
// it through the mailbox; Unicorn calls CheckRunBatch.
#include "model/check/batch.h"

using sidewall::check::Batch;
using sidewall::check::BatchCase;
using sidewall::check::Mailbox;
using sidewall::check::Operation;
using sidewall::check::TableStore;

extern "C" {
// Written by the vector of start.S, behind the compiler's back.
volatile uint64_t check_syndrome;
void CheckMain();
void CheckRunBatch(Batch* batch);
}

namespace {

#define WRITE_REGISTER(name, value) asm volatile("msr " #name ", %0" ::"r"(value) : "memory")
#define TRANSLATE(name, address) asm volatile("at " #name ", %0" ::"r"(address) : "memory")

void Translate(uint32_t operation, uint64_t address) {
  switch (operation) {
    case Operation::kS1E1R:
      TRANSLATE(s1e1r, address);
      break;
    case Operation::kS1E1W:
      TRANSLATE(s1e1w, address);
      break;
    case Operation::kS1E0R:
      TRANSLATE(s1e0r, address);
      break;
    case Operation::kS1E0W:
      TRANSLATE(s1e0w, address);
      break;
    case Operation::kS12E1R:
      TRANSLATE(s12e1r, address);
      break;
    case Operation::kS12E1W:
      TRANSLATE(s12e1w, address);
      break;
    case Operation::kS12E0R:
      TRANSLATE(s12e0r, address);
      break;
    default:
      TRANSLATE(s12e0w, address);
      break;
  }
}

void SetRegisters(const BatchCase& one, bool has_el2) {
  WRITE_REGISTER(tcr_el1, one.tcr);
  WRITE_REGISTER(ttbr0_el1, one.ttbr0);
  WRITE_REGISTER(ttbr1_el1, one.ttbr1);
  WRITE_REGISTER(mair_el1, one.mair);
  if (has_el2) {
    WRITE_REGISTER(vtcr_el2, one.vtcr);
    WRITE_REGISTER(vttbr_el2, one.vttbr);
    WRITE_REGISTER(hcr_el2, one.hcr);
    asm volatile("dsb sy\n\tisb\n\ttlbi alle1\n\tdsb sy\n\tisb" ::: "memory");
  } else {
    asm volatile("dsb sy\n\tisb\n\ttlbi vmalle1\n\tdsb sy\n\tisb" ::: "memory");
  }
  WRITE_REGISTER(sctlr_el1, one.sctlr);
  asm volatile("isb" ::: "memory");
}

}  // namespace

void CheckRunBatch(Batch* batch) {
  for (uint32_t i = 0; i < batch->case_count; ++i) {
    const BatchCase& one = batch->cases[i];
    const TableStore* stores = batch->stores + one.first_store;
    for (uint32_t n = 0; n < one.store_count; ++n) {
      *reinterpret_cast<volatile uint64_t*>(stores[n].pa) = stores[n].value;
    }
    SetRegisters(one, batch->has_el2 != 0);
    check_syndrome = 0;
    for (uint32_t n = 0; n < one.repeat; ++n) Translate(one.operation, one.address);
    uint64_t par;
    asm volatile("isb\n\tmrs %0, par_el1" : "=r"(par)::"memory");
    if (batch->has_el2 == 0) WRITE_REGISTER(sctlr_el1, one.sctlr & ~uint64_t{1});
    asm volatile("isb" ::: "memory");
    batch->results[i] = {par, check_syndrome};
    for (uint32_t n = 0; n < one.store_count; ++n) {
      *reinterpret_cast<volatile uint64_t*>(stores[n].pa) = 0;
    }
  }
}

void CheckMain() {
  auto* mailbox = reinterpret_cast<Mailbox*>(sidewall::check::kMailboxStart);
  __atomic_store_n(&mailbox->alive, sidewall::check::kAlive, __ATOMIC_RELEASE);
  for (uint32_t sequence = 1;; ++sequence) {
    while (__atomic_load_n(&mailbox->submitted, __ATOMIC_ACQUIRE) < sequence) {
      if (__atomic_load_n(&mailbox->stop, __ATOMIC_ACQUIRE) != 0) {
        constexpr uint64_t kSystemOff = 0x84000008;  // PSCI
        register uint64_t function asm("x0") = kSystemOff;
        asm volatile("smc #0" : "+r"(function)::"memory");
      }
      asm volatile("yield" ::: "memory");
    }
    CheckRunBatch(&mailbox->batch[sequence % 2]);
    __atomic_store_n(&mailbox->done, sequence, __ATOMIC_RELEASE);
  }
}
