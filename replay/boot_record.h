// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the EL2 image recorded of a run, as a trace and as figures.
//
//     BootRecord record;
//     if (!ReadRecord(machine.ram(), &record, &why)) Fail(why);
//     WriteTrace("boot.trace.zst", TraceOf(record, provenance), &error);
#ifndef SIDEWALL_REPLAY_BOOT_RECORD_H_
#define SIDEWALL_REPLAY_BOOT_RECORD_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "replay/boot/block.h"
#include "replay/trace.h"

namespace sidewall::replay {

struct BootTable {
  uint64_t row = 0;  // as it was before this row
  TableRecord table;
};

struct BootRecord {
  boot::Block block = {};
  std::vector<boot::Row> rows;
  std::vector<BootTable> tables;
  std::string log;
};

// False, with the reason, when the block contradicts itself.
bool ReadRecord(void* ram, BootRecord* record, std::string* why);

struct BootProvenance {
  std::string kernel;
  std::string driver;
  std::string date;
  std::string capture;
};

// Accesses, marks, transfers and tables of the run. Left out, and counted, are accesses from before
// the takeover, and those whose width the syndrome does not tell.
Trace TraceOf(const BootRecord& record, const BootProvenance& provenance);

// Where an access went, as people sort them: "SMR and S2CR", "context bank", ...
std::string ClassOf(const boot::Row& row);

struct CostRow {
  uint64_t accesses = 0;
  uint64_t driver = 0;  // instructions
  uint64_t model = 0;
};
// By class and, within it, reads before writes. Accesses before the takeover are not counted.
std::map<std::pair<std::string, bool>, CostRow> CostsOf(const BootRecord& record);

const char* DecisionName(uint8_t decision);
const char* ReasonName(uint16_t reason);
const char* PhaseName(boot::Phase phase);

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_BOOT_RECORD_H_
