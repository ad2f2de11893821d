// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the host and the bare image exchange: cases to run and what came of them, in RAM that both
// see.
//
//     Batch& batch = MailboxAt(ram)->batch[0];
//     batch.cases[0] = {.tcr = 0x10, .address = 0x1000, .operation = kS1E1R};
//     batch.case_count = 1;
//     // the image runs it; then batch.results[0].par is PAR_EL1
//
// Compiled for the host and, freestanding, for aarch64.
#ifndef SIDEWALL_MODEL_CHECK_BATCH_H_
#define SIDEWALL_MODEL_CHECK_BATCH_H_

#include <stdint.h>

namespace sidewall::check {

// RAM of the machine. The image and its stack lie at the bottom, then the mailbox, then tables.
inline constexpr uint64_t kRamStart = 0x40000000;
inline constexpr uint64_t kRamSize = 0x08000000;
inline constexpr uint64_t kMailboxStart = 0x42000000;
inline constexpr uint64_t kTablesStart = 0x46000000;
inline constexpr uint64_t kTablesEnd = kRamStart + kRamSize;
inline constexpr uint64_t kStackTop = 0x41000000;
// Nothing answers here, on the machine as on the model's board: reading it is an external abort.
inline constexpr uint64_t kHoleStart = kTablesEnd;
inline constexpr uint64_t kHoleEnd = 0x80000000;

// The address translation instructions.
enum Operation : uint32_t {
  kS1E1R,
  kS1E1W,
  kS1E0R,
  kS1E0W,
  kS12E1R,
  kS12E1W,
  kS12E0R,
  kS12E0W,
  kOperationCount,
};
constexpr bool IsWrite(uint32_t operation) { return (operation & 1) != 0; }
constexpr bool IsUser(uint32_t operation) { return (operation & 2) != 0; }
constexpr bool IsBothStages(uint32_t operation) { return operation >= kS12E1R; }

// A descriptor in memory while the case runs; the word is zero before and after.
struct TableStore {
  uint64_t pa;
  uint64_t value;
};

struct BatchCase {
  uint64_t sctlr;
  uint64_t tcr;
  uint64_t ttbr0;
  uint64_t ttbr1;
  uint64_t mair;
  uint64_t hcr;
  uint64_t vtcr;
  uint64_t vttbr;
  uint64_t address;
  uint32_t operation;
  uint32_t first_store;
  uint32_t store_count;
  uint32_t repeat;  // how often the instruction is executed, for measuring
};

struct BatchResult {
  uint64_t par;
  uint64_t esr;  // not zero: the instruction took an exception, with this syndrome
};

inline constexpr uint32_t kBatchCases = 2048;
inline constexpr uint32_t kBatchStores = kBatchCases * 40;

struct Batch {
  uint32_t case_count;
  // 0: the image is at EL1 and leaves the registers of EL2 alone. It goes itself through the
  // translation that it tries, which has to map RAM where it is, and only while it tries it.
  uint32_t has_el2;
  BatchCase cases[kBatchCases];
  BatchResult results[kBatchCases];
  TableStore stores[kBatchStores];
};

// The image runs batch n % 2 when `submitted` reaches n, and then sets `done` to n; n counts from
// one. `stop` makes it turn the machine off.
struct Mailbox {
  uint32_t submitted;
  uint32_t done;
  uint32_t stop;
  uint32_t alive;  // kAlive once the image runs
  Batch batch[2];
};
inline constexpr uint32_t kAlive = 0x51de3a11;

static_assert(kMailboxStart + sizeof(Mailbox) <= kTablesStart);

}  // namespace sidewall::check

#endif  // SIDEWALL_MODEL_CHECK_BATCH_H_
