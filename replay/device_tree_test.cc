// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/device_tree.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "replay/initrd.h"

namespace sidewall::replay {
namespace {

uint32_t WordAt(const std::vector<uint8_t>& blob, size_t at) {
  return uint32_t{blob[at]} << 24 | uint32_t{blob[at + 1]} << 16 | uint32_t{blob[at + 2]} << 8 |
         blob[at + 3];
}

// A reader of its own: every node by its path, with its properties.
using Properties = std::map<std::string, std::vector<uint8_t>>;

std::map<std::string, Properties> ParseTree(const std::vector<uint8_t>& blob) {
  std::map<std::string, Properties> nodes;
  std::string path;
  size_t at = WordAt(blob, 8);
  const size_t strings = WordAt(blob, 12);
  for (;;) {
    const uint32_t token = WordAt(blob, at);
    at += 4;
    if (token == 1) {
      const std::string name = reinterpret_cast<const char*>(&blob[at]);
      at += (name.size() + 4) / 4 * 4;
      path += "/" + name;
      nodes[path];
    } else if (token == 2) {
      path.resize(path.rfind('/'));
    } else if (token == 3) {
      const uint32_t size = WordAt(blob, at);
      const char* name = reinterpret_cast<const char*>(&blob[strings + WordAt(blob, at + 4)]);
      at += 8;
      nodes[path][name] = {blob.begin() + static_cast<long>(at),
                           blob.begin() + static_cast<long>(at + size)};
      at += (size + 3) / 4 * 4;
    } else {
      EXPECT_EQ(token, 9u);
      EXPECT_TRUE(path.empty());
      return nodes;
    }
  }
}

TEST(DeviceTree, HasTheSmmusOfTheBoard) {
  const auto blob = MakeDeviceTree({});
  EXPECT_EQ(WordAt(blob, 0), 0xd00dfeedu);
  EXPECT_EQ(WordAt(blob, 4), blob.size());
  const auto nodes = ParseTree(blob);
  const auto& niso0 = nodes.at("//iommu@12000000");
  EXPECT_EQ(WordAt(niso0.at("reg"), 4), 0x12000000u);
  EXPECT_EQ(WordAt(niso0.at("reg"), 20), 0x11000000u);
  EXPECT_EQ(niso0.at("interrupts").size(), 130u * 12);
  EXPECT_EQ(nodes.at("//iommu@10000000").at("interrupts").size(), 129u * 12);
  EXPECT_EQ(WordAt(niso0.at("stream-match-mask"), 0), 0x7f80u);
  const auto& master = nodes.at("//virtio@a003e00");
  EXPECT_EQ(WordAt(master.at("iommus"), 0), WordAt(niso0.at("phandle"), 0));
  EXPECT_EQ(master.count("interconnects"), 0u);
  EXPECT_EQ(nodes.count("//dma-controller@2600000"), 0u);
  EXPECT_TRUE(TreeHas(blob, "nvidia,tegra234-smmu"));
}

TEST(DeviceTree, OffersWhatIsAskedFor) {
  TreeOptions options;
  options.clients = true;
  options.gpcdma = true;
  options.initrd_size = 0x1000;
  options.arguments = "panic=-1";
  const auto nodes = ParseTree(MakeDeviceTree(options));
  EXPECT_EQ(WordAt(nodes.at("//virtio@a003e00").at("interconnects"), 4), 0x58u);
  EXPECT_EQ(nodes.count("//dma-controller@2600000"), 1u);
  EXPECT_EQ(WordAt(nodes.at("//chosen").at("linux,initrd-end"), 4), 0x4c001000u);
  EXPECT_EQ(std::memcmp(nodes.at("//chosen").at("bootargs").data(), "panic=-1", 9), 0);
}

TEST(DeviceTree, WithoutSmmusNothingNamesOne) {
  TreeOptions options;
  options.smmus = false;
  const auto blob = MakeDeviceTree(options);
  EXPECT_FALSE(TreeHas(blob, "nvidia,tegra234-smmu"));
  EXPECT_EQ(ParseTree(blob).at("//virtio@a003e00").count("iommus"), 0u);
  // Elsewhere than as what a node is compatible with, the name says nothing.
  options.arguments = "nvidia,tegra234-smmu";
  EXPECT_FALSE(TreeHas(MakeDeviceTree(options), "nvidia,tegra234-smmu"));
  const std::string text = "nvidia,tegra234-smmu and forty more bytes, but no tree";
  EXPECT_FALSE(TreeHas({text.begin(), text.end()}, "nvidia,tegra234-smmu"));
}

TEST(DeviceTree, ABlobThatIsCutHasNothing) {
  const auto blob = MakeDeviceTree({});
  size_t had = 0;
  for (size_t size = 0; size < blob.size(); ++size) {
    // A heap block of exactly this size, so that a read beyond it is seen.
    const std::vector<uint8_t> part(blob.begin(), blob.begin() + static_cast<long>(size));
    if (TreeHas(part, "nvidia,tegra234-smmu")) ++had;
  }
  EXPECT_EQ(had, 0u);
  std::vector<uint8_t> wild = blob;
  wild[8] = wild[12] = 0xff;
  EXPECT_FALSE(TreeHas(wild, "nvidia,tegra234-smmu"));
}

TEST(Initrd, IsAnArchiveOfFiles) {
  Initrd initrd;
  initrd.AddFile("init", 0755, "hello");
  initrd.AddDevice("dev/console", 5, 1);
  const std::string archive = initrd.Finish();
  EXPECT_EQ(archive.size() % 512, 0u);
  EXPECT_EQ(archive.substr(0, 6), "070701");
  EXPECT_EQ(archive.substr(14, 8), "000081ed");  // a file, rwxr-xr-x
  EXPECT_EQ(archive.substr(54, 8), "00000005");  // its size
  EXPECT_EQ(archive.substr(110, 5), std::string("init\0", 5));
  EXPECT_EQ(archive.substr(116, 5), "hello");
  // The next entry begins at a multiple of four.
  EXPECT_EQ(archive.substr(124, 6), "070701");
  EXPECT_NE(archive.find("TRAILER!!!"), std::string::npos);
}

}  // namespace
}  // namespace sidewall::replay
