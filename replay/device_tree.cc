// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/device_tree.h"

#include <cstring>
#include <optional>

#include "replay/boot/block.h"

namespace sidewall::replay {
namespace {

constexpr uint32_t kMagic = 0xd00dfeed;
constexpr uint32_t kBeginNode = 1;
constexpr uint32_t kEndNode = 2;
constexpr uint32_t kProperty = 3;
constexpr uint32_t kNothing = 4;
constexpr uint32_t kEnd = 9;
constexpr size_t kHeaderSize = 40;
constexpr size_t kReserveSize = 16;

// Phandles.
constexpr uint32_t kGic = 1;
constexpr uint32_t kClock = 2;
constexpr uint32_t kMc = 3;
constexpr uint32_t kNiso1 = 4;
constexpr uint32_t kNiso0 = 5;
constexpr uint32_t kIso = 6;

constexpr uint32_t kSpi = 0;
constexpr uint32_t kPpi = 1;
constexpr uint32_t kEdge = 1;
constexpr uint32_t kLevelHigh = 4;
constexpr uint32_t kLevelLow = 8;
constexpr uint32_t kWindowSize = 0x1000000;
// A stream ID is 7 bits; what is above them is not compared.
constexpr uint32_t kMatchMask = 0x7f80;

void PutWord(std::vector<uint8_t>* bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes->push_back(static_cast<uint8_t>(value >> shift));
  }
}

// A blob that anybody may have made: what lies outside of it is not there.
class TreeReader {
 public:
  explicit TreeReader(const std::vector<uint8_t>& blob) : blob_(blob) {}
  std::optional<uint32_t> Word(size_t at) const {
    if (at > blob_.size() || blob_.size() - at < 4) return std::nullopt;
    uint32_t word = 0;
    for (size_t i = 0; i < 4; ++i) word = word << 8 | blob_[at + i];
    return word;
  }
  std::string_view Text(size_t at) const {
    if (at >= blob_.size()) return {};
    const char* text = reinterpret_cast<const char*>(blob_.data()) + at;
    return {text, strnlen(text, blob_.size() - at)};
  }
  // Whether one of the strings in [at, at + size) is `wanted`.
  bool Lists(size_t at, size_t size, std::string_view wanted) const {
    if (at > blob_.size() || blob_.size() - at < size) return false;
    for (const size_t end = at + size; at < end; at += Text(at).size() + 1) {
      if (Text(at) == wanted) return true;
    }
    return false;
  }

 private:
  const std::vector<uint8_t>& blob_;
};

std::vector<uint32_t> Range(uint64_t address, uint64_t size) {
  return {static_cast<uint32_t>(address >> 32), static_cast<uint32_t>(address),
          static_cast<uint32_t>(size >> 32), static_cast<uint32_t>(size)};
}

void Append(std::vector<uint32_t>* to, const std::vector<uint32_t>& more) {
  to->insert(to->end(), more.begin(), more.end());
}

void AddMachine(TreeWriter* tree) {
  tree->Begin("cpus");
  tree->Cells("#address-cells", {1});
  tree->Cells("#size-cells", {0});
  tree->Begin("cpu@0");
  tree->Strings("device_type", {"cpu"});
  tree->Strings("compatible", {"arm,armv8"});
  tree->Strings("enable-method", {"psci"});
  tree->Cells("reg", {0});
  tree->End();
  tree->End();
  tree->Begin("psci");
  tree->Strings("compatible", {"arm,psci-1.0", "arm,psci-0.2"});
  tree->Strings("method", {"smc"});
  tree->End();
  tree->Begin("timer");
  tree->Strings("compatible", {"arm,armv8-timer"});
  std::vector<uint32_t> timers;
  for (uint32_t line : {13, 14, 11, 10}) Append(&timers, {kPpi, line, 0x100 | kLevelLow});
  tree->Cells("interrupts", timers);
  tree->Flag("always-on");
  tree->End();
  tree->Begin("clock");
  tree->Strings("compatible", {"fixed-clock"});
  tree->Cells("#clock-cells", {0});
  tree->Cells("clock-frequency", {24000000});
  tree->Cells("phandle", {kClock});
  tree->End();
}

void AddGic(TreeWriter* tree) {
  tree->Begin("interrupt-controller@f400000");
  tree->Strings("compatible", {"arm,gic-v3"});
  tree->Cells("#interrupt-cells", {3});
  tree->Cells("#address-cells", {0});
  tree->Flag("interrupt-controller");
  std::vector<uint32_t> reg = Range(boot::kGicDistributor, 0x10000);
  Append(&reg, Range(boot::kGicRedistributor, 0x20000));
  tree->Cells("reg", reg);
  tree->Cells("phandle", {kGic});
  tree->End();
}

void AddUart(TreeWriter* tree) {
  tree->Begin("serial@31d0000");
  tree->Strings("compatible", {"arm,pl011", "arm,primecell"});
  tree->Cells("reg", Range(boot::kUart, 0x1000));
  tree->Cells("interrupts", {kSpi, 1, kLevelHigh});
  tree->Cells("clocks", {kClock, kClock});
  tree->Strings("clock-names", {"uartclk", "apb_pclk"});
  tree->End();
}

struct Smmu {
  const char* name;
  uint32_t phandle;
  uint64_t window[2];
  uint32_t line[2];
};

constexpr Smmu kSmmus[] = {
    {"iommu@8000000", kNiso1, {0x08000000, 0x07000000}, {238, 242}},
    {"iommu@10000000", kIso, {0x10000000, 0}, {240, 0}},
    {"iommu@12000000", kNiso0, {0x12000000, 0x11000000}, {170, 232}},
};

// One line for each instance, then one for each of 128 contexts: the first of them are those of the
// instances again.
void AddSmmu(TreeWriter* tree, const Smmu& smmu) {
  const uint32_t instances = smmu.window[1] == 0 ? 1 : 2;
  std::vector<uint32_t> reg;
  std::vector<uint32_t> lines;
  for (uint32_t n = 0; n < instances; ++n) {
    Append(&reg, Range(smmu.window[n], kWindowSize));
    Append(&lines, {kSpi, smmu.line[n], kLevelHigh});
  }
  for (uint32_t n = 0; n < 128; ++n) {
    Append(&lines, {kSpi, smmu.line[n < instances ? n : 0], kLevelHigh});
  }
  tree->Begin(smmu.name);
  tree->Strings("compatible", {"nvidia,tegra234-smmu", "nvidia,smmu-500"});
  tree->Cells("reg", reg);
  tree->Cells("interrupts", lines);
  tree->Cells("stream-match-mask", {kMatchMask});
  tree->Cells("#global-interrupts", {instances});
  tree->Cells("#iommu-cells", {1});
  tree->Cells("nvidia,memory-controller", {kMc});
  tree->Cells("phandle", {smmu.phandle});
  tree->End();
}

void AddMemoryController(TreeWriter* tree) {
  std::vector<uint32_t> reg;
  std::vector<std::string> names = {"sid", "broadcast"};
  for (uint64_t n = 0; n < 6; ++n) Append(&reg, Range(0x02c00000 + n * 0x10000, 0x10000));
  for (uint64_t n = 0; n < 4; ++n) Append(&reg, Range(0x02b80000 + n * 0x10000, 0x10000));
  for (uint64_t n = 0; n < 8; ++n) Append(&reg, Range(0x01700000 + n * 0x10000, 0x10000));
  for (int n = 0; n < 16; ++n) names.push_back("ch" + std::to_string(n));
  tree->Begin("memory-controller@2c00000");
  // The second name is for kernels that know no Tegra234: SMMUs wait for a driver of this node.
  tree->Strings("compatible", {"nvidia,tegra234-mc", "nvidia,tegra210-mc"});
  tree->Cells("reg", reg);
  tree->Strings("reg-names", names);
  tree->Cells("interrupts", {kSpi, 223, kLevelHigh});
  tree->Cells("#interconnect-cells", {1});
  tree->Cells("#iommu-cells", {1});
  tree->Cells("#reset-cells", {1});
  tree->Cells("clocks", {kClock});
  tree->Strings("clock-names", {"mc"});
  tree->Cells("phandle", {kMc});
  tree->End();
}

// By side.
constexpr uint32_t kSmmuOfSide[] = {kNiso1, kNiso0, kIso};

// A master that is described wrongly: its clients are those of the audio device, whose stream is 3,
// and the stream is another's. The kernel's driver of the memory controller then writes an override
// that is not the clients'; all others it finds as it wants them, and only reads.
constexpr boot::Master kMisdescribed = {28, 1, 0x0b, {0x15, 0x35}};

void AddMaster(TreeWriter* tree, const boot::Master& master, const TreeOptions& options) {
  constexpr char kDigits[] = "0123456789abcdef";
  const uint64_t address = boot::kVirtio + master.slot * boot::kSlotSize;
  std::string name = "virtio@";
  for (int shift = 24; shift >= 0; shift -= 4) name += kDigits[address >> shift & 15];
  name.replace(7, name.find_first_not_of('0', 7) - 7, "");
  tree->Begin(name);
  tree->Strings("compatible", {"virtio,mmio"});
  tree->Cells("reg", Range(address, boot::kSlotSize));
  tree->Cells("interrupts", {kSpi, 16 + master.slot, kEdge});
  if (options.smmus) tree->Cells("iommus", {kSmmuOfSide[master.side], master.sid});
  if (options.clients) {
    tree->Cells("interconnects", {kMc, master.client[0], kMc, master.client[1]});
    tree->Strings("interconnect-names", {"dma-mem", "write"});
  }
  tree->End();
}

void AddGpcdma(TreeWriter* tree) {
  constexpr uint32_t kResets = 7;
  tree->Begin("reset-controller@3f10000");
  tree->Strings("compatible", {"snps,dw-low-reset"});
  tree->Cells("reg", Range(boot::kResetLine, 0x1000));
  tree->Cells("#reset-cells", {1});
  tree->Cells("phandle", {kResets});
  tree->End();
  tree->Begin("dma-controller@2600000");
  tree->Strings("compatible", {"nvidia,tegra234-gpcdma", "nvidia,tegra186-gpcdma"});
  tree->Cells("reg", Range(boot::kGpcdma, boot::kGpcdmaSize));
  tree->Cells("resets", {kResets, 0});
  tree->Strings("reset-names", {"gpcdma"});
  std::vector<uint32_t> lines;
  for (uint32_t channel = 0; channel < 32; ++channel) {
    Append(&lines, {kSpi, 75 + channel, kLevelHigh});
  }
  tree->Cells("interrupts", lines);
  tree->Cells("#dma-cells", {1});
  tree->Cells("iommus", {kNiso0, 0x04});
  tree->Cells("dma-channel-mask", {0xfffffffe});
  tree->Flag("dma-coherent");
  tree->End();
}

void AddMemory(TreeWriter* tree) {
  tree->Begin("memory@40000000");
  tree->Strings("device_type", {"memory"});
  tree->Cells("reg", Range(boot::kRam, boot::kHostRamEnd - boot::kRam));
  tree->End();
  tree->Begin("reserved-memory");
  tree->Cells("#address-cells", {2});
  tree->Cells("#size-cells", {2});
  tree->Flag("ranges");
  tree->Begin("guest@aff00000");
  tree->Cells("reg", Range(boot::kCarveOut, boot::kCarveOutSize));
  tree->Flag("no-map");
  tree->End();
  tree->End();
}

void AddChosen(TreeWriter* tree, const TreeOptions& options) {
  tree->Begin("chosen");
  tree->Strings("bootargs", {options.arguments});
  tree->Strings("stdout-path", {"/serial@31d0000"});
  if (options.initrd_size != 0) {
    tree->Cells("linux,initrd-start", {0, static_cast<uint32_t>(boot::kInitrd)});
    tree->Cells("linux,initrd-end",
                {0, static_cast<uint32_t>(boot::kInitrd + options.initrd_size)});
  }
  tree->End();
}

}  // namespace

void TreeWriter::Word(uint32_t value) { PutWord(&structure_, value); }

void TreeWriter::Pad() {
  while (structure_.size() % 4 != 0) structure_.push_back(0);
}

void TreeWriter::Begin(std::string_view name) {
  Word(kBeginNode);
  structure_.insert(structure_.end(), name.begin(), name.end());
  structure_.push_back(0);
  Pad();
}

void TreeWriter::End() { Word(kEndNode); }

void TreeWriter::Property(std::string_view name, const std::vector<uint8_t>& value) {
  Word(kProperty);
  Word(static_cast<uint32_t>(value.size()));
  Word(static_cast<uint32_t>(strings_.size()));
  strings_.append(name);
  strings_.push_back('\0');
  structure_.insert(structure_.end(), value.begin(), value.end());
  Pad();
}

void TreeWriter::Cells(std::string_view name, const std::vector<uint32_t>& cells) {
  std::vector<uint8_t> value;
  for (uint32_t cell : cells) PutWord(&value, cell);
  Property(name, value);
}

void TreeWriter::Strings(std::string_view name, const std::vector<std::string>& strings) {
  std::vector<uint8_t> value;
  for (const std::string& text : strings) {
    value.insert(value.end(), text.begin(), text.end());
    value.push_back(0);
  }
  Property(name, value);
}

std::vector<uint8_t> TreeWriter::Finish() {
  Word(kEnd);
  const auto structure_at = static_cast<uint32_t>(kHeaderSize + kReserveSize);
  const auto structure_size = static_cast<uint32_t>(structure_.size());
  const uint32_t strings_at = structure_at + structure_size;
  const auto strings_size = static_cast<uint32_t>(strings_.size());
  std::vector<uint8_t> blob;
  for (uint32_t word :
       {kMagic, strings_at + strings_size, structure_at, strings_at,
        static_cast<uint32_t>(kHeaderSize), 17u, 16u, 0u, strings_size, structure_size}) {
    PutWord(&blob, word);
  }
  blob.resize(kHeaderSize + kReserveSize);
  blob.insert(blob.end(), structure_.begin(), structure_.end());
  blob.insert(blob.end(), strings_.begin(), strings_.end());
  return blob;
}

std::vector<uint8_t> MakeDeviceTree(const TreeOptions& options) {
  TreeWriter tree;
  tree.Begin("");
  tree.Cells("#address-cells", {2});
  tree.Cells("#size-cells", {2});
  tree.Cells("interrupt-parent", {kGic});
  tree.Strings("compatible", {"sidewall,tegra234-virt", "linux,dummy-virt"});
  tree.Strings("model", {"Sidewall: Tegra234's SMMUs on QEMU virt"});
  AddChosen(&tree, options);
  AddMemory(&tree);
  AddMachine(&tree);
  AddGic(&tree);
  AddUart(&tree);
  AddMemoryController(&tree);
  if (options.smmus) {
    for (const Smmu& smmu : kSmmus) AddSmmu(&tree, smmu);
  }
  for (const boot::Master& master : boot::kMasters) AddMaster(&tree, master, options);
  if (options.clients) AddMaster(&tree, kMisdescribed, options);
  if (options.gpcdma && options.smmus) AddGpcdma(&tree);
  tree.End();
  return tree.Finish();
}

bool TreeHas(const std::vector<uint8_t>& blob, std::string_view wanted) {
  const TreeReader tree(blob);
  if (tree.Word(0) != kMagic || tree.Word(4).value_or(~0u) > blob.size()) return false;
  const size_t strings = tree.Word(12).value_or(0);
  size_t at = tree.Word(8).value_or(0);
  for (;;) {
    const auto token = tree.Word(at);
    at += 4;
    if (token == kBeginNode) {
      at += (tree.Text(at).size() + 4) / 4 * 4;
    } else if (token == kProperty) {
      const size_t size = tree.Word(at).value_or(0);
      const bool compatible = tree.Text(strings + tree.Word(at + 4).value_or(0)) == "compatible";
      at += 8;
      if (compatible && tree.Lists(at, size, wanted)) return true;
      at += (size + 3) / 4 * 4;
    } else if (token != kEndNode && token != kNothing) {
      return false;
    }
  }
}

}  // namespace sidewall::replay
