// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// SHA-256 (FIPS 180-4), so that a trace can carry a hash that any other tool can recompute:
//
//     Sha256 hash;
//     hash.Update("abc");
//     hash.Hex();   // "ba7816bf..."
#ifndef SIDEWALL_REPLAY_SHA256_H_
#define SIDEWALL_REPLAY_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sidewall::replay {

class Sha256 {
 public:
  void Update(std::string_view data);
  std::string Hex();  // ends the message

 private:
  void Block(const uint8_t* data);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> buffer_ = {};
  size_t used_ = 0;
  uint64_t length_ = 0;
};

}  // namespace sidewall::replay

#endif  // SIDEWALL_REPLAY_SHA256_H_
