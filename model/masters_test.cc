// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// DMA masters: every client of the memory controller, its wiring, and the stream ID that it comes
// to its SMMU with.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "model/registers.h"
#include "model/testing.h"

namespace sidewall::model {
namespace {

class Masters : public ::testing::Test {
 protected:
  void SetUp() override {
    for (size_t i = 0; i < kMaxInstances; ++i) rig.Open(i);
  }
  void Set(uint16_t client, uint32_t sid, uint32_t security) {
    rig.machine->Write32(kSid + 8u * client, sid);
    rig.machine->Write32(kSid + 8u * client + 4, security);
  }
  DmaResult Dma(uint16_t client, uint16_t own_sid = 0) {
    DmaRequest request;
    request.client = client;
    request.own_sid = own_sid;
    request.address = 0x80001000;
    return rig.machine->Dma(request);
  }
  static constexpr uint64_t kSid = 0x02c00000;
  static constexpr uint32_t kOn = 0x101;
  Rig rig{"tegra234"};
};

TEST_F(Masters, EachComesToTheSmmuThatItIsWiredToWithTheIdOfItsRegister) {
  size_t count = 0;
  const ClientInfo* clients = Clients(&count);
  unsigned wired = 0;
  for (size_t i = 0; i < count; ++i) {
    const ClientInfo& client = clients[i];
    if (client.side == kUnknownSide || client.default_sid == 0) continue;
    ++wired;
    Set(client.id, client.default_sid, kOn);
    rig.Choose({});
    const DmaResult result = Dma(client.id, 0x1234);
    EXPECT_EQ(result.fault, FaultKind::kUnmatchedStream) << client.name;
    EXPECT_EQ(result.sid, client.default_sid) << client.name;
    EXPECT_EQ(result.instance, client.side * 2) << client.name;
    EXPECT_EQ(rig.Read(result.instance, 0x54), client.default_sid) << client.name;  // sGFSYNR1
    rig.Write(result.instance, 0x48, 0xffffffff);
  }
  EXPECT_EQ(wired, 82u);
}

// The table's rows by side, and some by name.
TEST_F(Masters, TheTableHasTheClientsOfTegra234) {
  size_t count = 0;
  const ClientInfo* clients = Clients(&count);
  std::map<unsigned, unsigned> sides;
  for (size_t i = 0; i < count; ++i) ++sides[clients[i].side];
  EXPECT_EQ(count, 202u);
  EXPECT_EQ(sides[0] + sides[1] + sides[2], 82u + 7u);  // the table, and those of device tree nodes
  struct Wiring {
    const char* name;
    uint16_t id;
    uint8_t side, default_sid, node_sid;
  };
  constexpr Wiring kSome[] = {{"hdar", 0x15, 1, 0x03, 0},       {"host1xdmar", 0x16, 0, 0, 0x27},
                              {"nvencsrd", 0x1c, 1, 0x24, 0},   {"pcie6ar", 0x28, 1, 0x15, 0},
                              {"xusb_hostr", 0x4a, 0, 0, 0x0e}, {"xusb_devw", 0x4d, 0, 0, 0x0f},
                              {"mgbeard", 0x58, 1, 0x06, 0},    {"sdmmcra", 0x60, 0, 0, 0x01},
                              {"sdmmcrab", 0x63, 0, 0x02, 0},   {"viw", 0x72, 2, 0x02, 0},
                              {"axisr", 0x8c, 3, 0, 0},         {"nvdisplayr", 0x92, 2, 0x01, 0},
                              {"bpmpr", 0x93, 0, 0x10, 0},      {"dla0rda", 0xbe, 0, 0x2b, 0},
                              {"nvjpg1swr", 0x124, 1, 0x25, 0}, {"ptcr", 0, 3, 0, 0}};
  for (const Wiring& w : kSome) {
    const ClientInfo* client = FindClient(w.name);
    ASSERT_NE(client, nullptr) << w.name;
    EXPECT_EQ(client->id, w.id) << w.name;
    EXPECT_EQ(client->side, w.side) << w.name;
    EXPECT_EQ(client->default_sid, w.default_sid) << w.name;
    EXPECT_EQ(client->node_sid, w.node_sid) << w.name;
  }
}

// Where the wiring is not known, the hardware chooses: niso0, niso1 or iso.
TEST_F(Masters, UnknownWiringIsAChoice) {
  Set(0x8c, 4, kOn);  // axisr
  constexpr uint8_t kSides[] = {1, 0, 2};
  for (uint8_t choice = 0; choice < 3; ++choice) {
    rig.Choose({choice});
    EXPECT_EQ(Dma(0x8c).instance, kSides[choice] * 2) << int{choice};
  }
}

TEST_F(Masters, WithoutTheOverrideADeviceDrivesItsOwnId) {
  Set(0x58, 6, 0x001);
  rig.Choose({});
  EXPECT_EQ(Dma(0x58, 0x1234).sid, 0x1234);
  EXPECT_EQ(Dma(0x58, 0x7e).sid, 0x7e);      // also one that no stream of the board has
  EXPECT_EQ(Dma(0x58, 0xffff).sid, 0x7fff);  // 15 bits
  EXPECT_EQ(Dma(0x58, 0x7f).via.route, Route::kBypass);
  Set(0x58, 6, kOn);
  EXPECT_EQ(Dma(0x58, 0x7f).sid, 6);
}

TEST_F(Masters, UpperBitsOfTheIdAreAChoice) {
  Set(0x58, 6, kOn);
  rig.Choose({0, 0x10});  // instance 0, then bits 14:7
  EXPECT_EQ(Dma(0x58).sid, 0x10 << 7 | 6);
  rig.Choose({1, 0xff});
  EXPECT_EQ(Dma(0x58).sid, 0x7f86);
}

TEST_F(Masters, PassthroughIdGoesPastUnderTheModeOfFirmware) {
  Set(0x58, 0x7f, kOn);
  EXPECT_EQ(Dma(0x58).fault, FaultKind::kNone);
  EXPECT_EQ(Dma(0x58).via.route, Route::kBypass);
  Set(0x58, 0, kOn);  // "invalid" is an ID like others: it matches no entry
  EXPECT_EQ(Dma(0x58).fault, FaultKind::kUnmatchedStream);
}

// All bits of the ID are compared, or the seven that real streams have: nobody says.
TEST_F(Masters, PassthroughIdMayBeComparedInSevenBits) {
  constexpr uint16_t kPast = MemoryController::kPast;
  Set(0x58, 0xff, kOn);
  EXPECT_EQ(rig.machine->ClientSid(0x58, 0), kPast) << "the weaker of the two";
  rig.Choose({0});
  EXPECT_EQ(Dma(0x58).sid, 0xff);
  rig.Choose({1});
  EXPECT_EQ(Dma(0x58).via.route, Route::kBypass);
  Set(0x58, 6, 0x001);  // the device drives its own
  for (const bool narrow : {false, true}) {
    rig.Choose({narrow});
    EXPECT_EQ(Dma(0x58, 0x47f).via.route, narrow ? Route::kBypass : Route::kUnmatched);
  }
  rig.Choose({1});  // the instance: nothing else is to be chosen of another ID
  EXPECT_EQ(Dma(0x58, 0x47e).instance, 3);
}

// The NVLink ports of the table have no override, so they come with the ID that they drive.
TEST_F(Masters, ClientsWithoutRegistersKeepTheirOwnId) {
  for (const char* name : {"nvl1r", "nvl1w"}) {
    const uint16_t id = FindClient(name)->id;
    Set(id, 5, kOn);
    uint32_t value = 1;
    EXPECT_TRUE(rig.machine->Read32(kSid + 8u * id, &value));
    EXPECT_EQ(value, 0u) << name;
    EXPECT_TRUE(rig.machine->Read32(kSid + 8u * id + 4, &value));
    EXPECT_EQ(value, 0u) << name;
    EXPECT_EQ(rig.machine->ClientSid(id, 0x33), 0x33) << name;
  }
}

TEST(MemoryControllerModes, DecideWhatGoesPast) {
  MemoryController mc;
  mc.Reset(*FindBoard("tegra234"));
  constexpr uint16_t kPast = MemoryController::kPast;
  struct Mode {
    uint32_t mode;
    uint16_t plain, passthrough;
  };
  for (const Mode m :
       {Mode{0, kPast, kPast}, Mode{1, 6, kPast}, Mode{2, 6, kPast}, Mode{3, 6, 0x7f}}) {
    for (size_t channel = 0; channel < 16; ++channel) mc.SetBypassConfig(channel, m.mode);
    mc.SetClient(0x58, 6, 0x100);
    EXPECT_EQ(mc.ClientSid(0x58, 0), m.plain) << m.mode;
    mc.SetClient(0x58, 0x7f, 0x100);
    EXPECT_EQ(mc.ClientSid(0x58, 0), m.passthrough) << m.mode;
  }
}

TEST(MemoryControllerClients, LockedAndDeafOnesIgnoreWrites) {
  MemoryController mc;
  mc.Reset(*FindBoard("tegra234"));
  mc.Write32(0, 8 * 0x58, 6);
  mc.SetDeaf(0x58);
  mc.Write32(0, 8 * 0x58, 7);
  mc.Write32(0, 8 * 0x58 + 4, 0);
  EXPECT_EQ(mc.Read32(0, 8 * 0x58), 6u);
  EXPECT_EQ(mc.Read32(0, 8 * 0x58 + 4), 0x101u);
  mc.Write32(0, 8 * 0x59, 7);
  EXPECT_EQ(mc.Read32(0, 8 * 0x59), 7u);
  mc.Write32(0, 8 * 0x59 + 4, 0x10100);
  mc.Write32(0, 8 * 0x59, 8);
  EXPECT_EQ(mc.Read32(0, 8 * 0x59), 7u);
  mc.Reset(*FindBoard("tegra234"));
  EXPECT_FALSE(mc.deaf(0x58));
}

}  // namespace
}  // namespace sidewall::model
