// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <cinttypes>
#include <cstdio>
#include <set>

#include "cli/witness.h"
#include "model/mc.h"
#include "model/registers.h"
#include "model/smmu_state.h"
#include "oracle/clients.h"

namespace sidewall {
namespace {

using model::Access;
using model::FieldInfo;
using model::Page;
using model::RegisterInfo;

std::string PageName(Page page) {
  constexpr const char* kNames[] = {"gr0", "gr1", "gid", "pmu", "ssd", "bank", "mc", "mcch"};
  return kNames[static_cast<size_t>(page)];
}

void AddField(const std::string& name, const FieldInfo& field, Witness* out) {
  (*out)[name + ".high"] = field.high;
  (*out)[name + ".low"] = field.low;
  for (size_t i = 0; field.values != nullptr && field.values[i] != nullptr; ++i) {
    (*out)[name + "=" + field.values[i]] = i;
  }
}

void AddRow(const RegisterInfo& row, Witness* out) {
  const std::string name = PageName(row.page) + "." + row.name;
  (*out)[name + ".offset"] = row.offset;
  (*out)[name + ".width"] = row.width;
  (*out)[name + ".count"] = row.count;
  if (row.count > 1) (*out)[name + ".stride"] = row.stride;
  (*out)[name + ".access"] = static_cast<uint64_t>(row.access);
  (*out)[name + ".writable"] = row.writable;
  (*out)[name + ".reset"] = row.reset;
  for (const FieldInfo* f = row.fields; f != nullptr && f->name != nullptr; ++f) {
    AddField(name + "." + f->name, *f, out);
  }
}

// The driver's classes: 1 the table's stream ID, 2 the device tree's, 3 none known, 4 not for an
// SMMU. A client that has none gets the ID that no stream has.
void AddClients(Witness* out) {
  constexpr uint8_t kQuarantineSid = 0x7e;
  size_t count = 0;
  const model::ClientInfo* clients = model::Clients(&count);
  for (size_t i = 0; i < count; ++i) {
    const model::ClientInfo& client = clients[i];
    const std::string name = "client." + std::to_string(client.id);
    const bool out_of_reach = IsUntouchable(client.id);
    const bool known = client.default_sid != 0 || client.node_sid != 0;
    (*out)[name + ".class"] = out_of_reach              ? 4
                              : client.default_sid != 0 ? 1
                              : client.node_sid != 0    ? 2
                                                        : 3;
    (*out)[name + ".side"] = client.side;
    (*out)[name + ".sid"] = client.default_sid != 0 ? client.default_sid
                            : known                 ? client.node_sid
                            : out_of_reach          ? 0
                                                    : kQuarantineSid;
  }
}

}  // namespace

Witness ModelSays() {
  Witness out;
  size_t count = 0;
  const RegisterInfo* rows = model::Registers(&count);
  for (size_t i = 0; i < count; ++i) AddRow(rows[i], &out);
  out["bank.TCR.stage2_one"] = model::kTcrStage2One;
  out["mc.client_count"] = model::kMcClients;
  out["mc.passthrough_sid"] = model::MemoryController::kPassthroughSid;
  AddClients(&out);
  return out;
}

std::vector<std::string> Compare(const Witness& driver, const Witness& model) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const auto& [name, value] : driver) {
    const auto other = model.find(name);
    const Known* reason = nullptr;
    for (const Known& known : KnownDifferences()) {
      if (name == known.what) reason = &known;
    }
    if (other != model.end() && other->second == value) continue;
    if (reason != nullptr && reason->driver == value &&
        reason->model == (other == model.end() ? kAbsent : other->second)) {
      seen.insert(name);
      continue;
    }
    char text[96];
    snprintf(text, sizeof(text), ": 0x%" PRIx64 " and 0x%" PRIx64, value,
             other == model.end() ? kAbsent : other->second);
    out.push_back(name + text);
  }
  for (const Known& known : KnownDifferences()) {
    if (seen.count(known.what) == 0) out.push_back(std::string(known.what) + ": no difference");
  }
  return out;
}

}  // namespace sidewall
