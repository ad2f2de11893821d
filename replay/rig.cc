// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/rig.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/registers.h"
#include "oracle/engine_native.h"

namespace sidewall::replay {
namespace {

HarnessOptions WithLog(HarnessOptions options, std::vector<Access>* log) {
  options.access_log = log;
  return options;
}

class HostRig final : public Rig {
 public:
  explicit HostRig(const HarnessOptions& options) : Rig("host", options), engine_(board_) {}

 private:
  struct sidewall_result Call(const sidewall::Call& call) override { return engine_.Invoke(call); }

  NativeEngine engine_;
};

}  // namespace

Rig::Rig(const char* name, const HarnessOptions& options)
    : name_(name), board_(WithLog(options, &log_)) {}

std::unique_ptr<Rig> MakeHostRig(const HarnessOptions& options) {
  return std::make_unique<HostRig>(options);
}

size_t FirstDifference(const std::vector<Access>& a, const std::vector<Access>& b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() && y == b.end()) return kSame;
  return static_cast<size_t>(x - a.begin());
}

std::string DescribeLogged(const Board& board, const std::vector<Access>& log, size_t index) {
  static constexpr const char* kKinds[] = {
      "read32", "read64", "write32", "write64", "table write", "table zero", "barrier", "clean",
      "alloc",  "free",   "lock",    "unlock",  "unuse",       "notify",     "return"};
  if (index >= log.size()) return "nothing more";
  const Access& access = log[index];
  std::string where = fmt::format("{:#x}", access.address);
  Window window = Window::kNiso1;
  uint32_t offset = 0;
  if (access.kind <= Access::kWrite64 && board.WindowOf(access.address, &window, &offset)) {
    char name[64];
    model::RegisterName(window, offset, name, sizeof(name));
    where = fmt::format("{} {}", model::WindowName(window), name);
  }
  return fmt::format("{} {} {:#x}", kKinds[access.kind], where, access.value);
}

}  // namespace sidewall::replay
