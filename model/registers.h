// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The model's own table of registers and fields, typed from the specification, apart from the
// driver's (two witnesses). It gives text its names:
//
//     char name[48];
//     RegisterName(Window::kNiso0, 0xc14, name, sizeof(name));       // "S2CR[5]"
//     uint32_t offset;
//     ParseRegisterName(Window::kNiso0, "CB[3].SCTLR", &offset);      // 0x830000
#ifndef SIDEWALL_MODEL_REGISTERS_H_
#define SIDEWALL_MODEL_REGISTERS_H_

#include <stddef.h>
#include <stdint.h>

#include "model/event.h"

namespace sidewall::model {

struct FieldInfo {
  const char* name;
  uint8_t high;
  uint8_t low;
  const char* const* values;  // null, or names of the values from 0 up, ended by null
};

enum class Access : uint8_t { kReadWrite, kReadOnly, kWriteOnly, kWrite1Clear, kRazWi };

// Which page a register lies in; kMcSid is the MC's window of SID registers.
enum class Page : uint8_t { kGr0, kGr1, kGid, kPmu, kSsd, kBank, kMcSid, kMcChannel };

struct RegisterInfo {
  const char* name;  // as the manual writes it, without index: "S2CR"
  Page page;
  uint32_t offset;  // in the page
  uint32_t stride;  // of repeated registers, bytes
  uint16_t count;   // 1, or how many
  uint8_t width;    // bytes, 4 or 8
  Access access;
  uint64_t reset;
  uint64_t writable;        // bits that a store may change; for kWrite1Clear, that a one clears
  const FieldInfo* fields;  // null, or ended by a null name
};

const RegisterInfo* Registers(size_t* count);
// The same as `writable`, in a stage-2 bank.
uint64_t WritableInStage2(const RegisterInfo& row);

// The register that covers (window, offset), with its index (and its bank, for kBank); null: none.
const RegisterInfo* FindRegister(Window window, uint32_t offset, uint16_t* index, uint16_t* bank);

// "S2CR[5]", "CB[3].SCTLR", "OVERRIDE[mgbeard]"; a 64-bit register's upper half ends in "+4";
// "+0x1234" where no register is. Returns the length, always terminates.
size_t RegisterName(Window window, uint32_t offset, char* out, size_t size);
bool ParseRegisterName(Window window, const char* name, uint32_t* offset);

// "niso0m", "mc_ch3". Parse returns false on an unknown name.
const char* WindowName(Window window);
bool ParseWindow(const char* name, Window* window);

// Clients of the memory controller, by name and by id. Null or kNoClient when there is none.
inline constexpr uint16_t kNoClient = 0xffff;
struct ClientInfo {
  const char* name;
  uint16_t id;
  uint8_t side;          // 0 niso1, 1 niso0, 2 iso; where the wiring is not known: kUnknownSide
  uint8_t default_sid;   // of the table; 0 where there is none
  uint8_t node_sid = 0;  // without one there: that of the device tree; 0 where it has none
  bool has_registers = true;  // override and security; without them it drives its own stream ID
};
inline constexpr uint8_t kUnknownSide = 3;
// The stream ID of a client's device: that of the table, or else that of its node; 0: it has none.
constexpr uint8_t OwnSid(const ClientInfo& client) {
  return client.default_sid != 0 ? client.default_sid : client.node_sid;
}
const ClientInfo* Clients(size_t* count);
const ClientInfo* FindClient(uint16_t id);
const ClientInfo* FindClient(const char* name);

// Streams of devices that have several, typed from the list of names that the bindings have for
// stream IDs: by side, as ranges. What is not here has one stream.
enum class Device : uint8_t {
  kApe,
  kEqos,
  kGpcdma,
  kHost1x,
  kIsp,
  kPva,
  kRce,
  kTsec,
  kUfs,
  kVi,
  kVi2,
  kXusb,
};
struct DeviceStreams {
  Device device;
  uint8_t side;
  uint8_t first, last;
};
inline constexpr size_t kDeviceRanges = 30;
const DeviceStreams (&Devices())[kDeviceRanges];
const DeviceStreams* DeviceOf(uint64_t side, uint64_t sid);  // null: a device of its own

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_REGISTERS_H_
