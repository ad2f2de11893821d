// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The device tree that a kernel under the EL2 image gets: QEMU's `virt` where there is no Tegra,
// and Tegra234's SMMUs, memory controller and masters at their own addresses.
//
//     TreeOptions options;
//     options.arguments = "console=ttyAMA0 panic=-1";
//     std::vector<uint8_t> blob = MakeDeviceTree(options);
#ifndef SIDEWALL_REPLAY_DEVICE_TREE_H_
#define SIDEWALL_REPLAY_DEVICE_TREE_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sidewall::replay {

// A flattened device tree, node for node.
class TreeWriter {
 public:
  void Begin(std::string_view name);
  void End();
  void Cells(std::string_view name, const std::vector<uint32_t>& cells);
  void Strings(std::string_view name, const std::vector<std::string>& strings);
  void Flag(std::string_view name) { Property(name, {}); }
  std::vector<uint8_t> Finish();

 private:
  void Property(std::string_view name, const std::vector<uint8_t>& value);
  void Word(uint32_t value);
  void Pad();

  std::vector<uint8_t> structure_;
  std::string strings_;
};

struct TreeOptions {
  std::string arguments;
  uint64_t initrd_size = 0;
  bool smmus = true;
  // True: masters name their clients of the memory controller, which sets their stream IDs.
  bool clients = false;
  bool gpcdma = false;
};

std::vector<uint8_t> MakeDeviceTree(const TreeOptions& options);

// True when a blob is a device tree with a node that is compatible with `wanted`.
bool TreeHas(const std::vector<uint8_t>& blob, std::string_view wanted);

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_DEVICE_TREE_H_
