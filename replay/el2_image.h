// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The aarch64 image of the driver, as an ELF file: what to map where, and which address has which
// name.
//
//     El2Image image = El2Image::Load("driver.elf");      // throws EngineError
//     uint64_t entry = image.Address("sidewall_init");
//     image.Where(entry + 8);                             // "sidewall_init+0x8"
#ifndef SIDEWALL_REPLAY_EL2_IMAGE_H_
#define SIDEWALL_REPLAY_EL2_IMAGE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "replay/engine_error.h"

namespace sidewall::replay {

class El2Image {
 public:
  struct Segment {
    uint64_t address = 0;  // page aligned
    uint32_t prot = 0;     // of uc_prot
    std::vector<uint8_t> bytes;
  };

  static El2Image Load(const std::string& path);

  const std::vector<Segment>& segments() const { return segments_; }
  // Of a symbol; throws when the image has none of that name.
  uint64_t Address(const std::string& name) const;
  bool Has(const std::string& name) const { return by_name_.count(name) != 0; }
  // The symbol at or before `address`, with the distance.
  std::string Where(uint64_t address) const;
  // The instructions from `address` to the end of their block, a line each; at most 16.
  std::vector<std::string> Disassemble(uint64_t address) const;

 private:
  std::string path_;
  std::vector<Segment> segments_;
  std::map<std::string, uint64_t> by_name_;
  std::map<uint64_t, std::string> by_address_;
};

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_EL2_IMAGE_H_
