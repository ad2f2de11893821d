// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Values that are worth trying on one board: registers, clients, addresses, and what a register
// may legally hold. All chance comes from the caller's Random.
//
//     Values values(board);
//     event.arg[1] = values.Register(&random, Window::kNiso0);
//     event.arg[3] = values.RegisterValue(&random, Window::kNiso0, event.arg[1]);
#ifndef SIDEWALL_FUZZ_VALUES_H_
#define SIDEWALL_FUZZ_VALUES_H_

#include <cstdint>
#include <vector>

#include "fuzz/random.h"
#include "model/board.h"
#include "model/event.h"
#include "model/registers.h"

namespace sidewall::fuzz {

inline constexpr uint64_t kPage = 4096;

class Values {
 public:
  explicit Values(const model::BoardSpec& board);

  const model::BoardSpec& board() const { return board_; }

  // Sides that the board has. Client: one that has a stream ID on one of those sides.
  const model::SmmuSpec& Smmu(Random* random) const;
  const model::SmmuSpec* SmmuOfSide(uint64_t side) const;
  const model::ClientInfo* KnownClient(Random* random) const;
  uint64_t Client(Random* random) const;
  uint16_t Sid(Random* random, uint64_t side) const;
  const std::vector<const model::ClientInfo*>& clients() const { return clients_; }

  // The n-th page of RAM that the host owns at the start, round and round.
  uint64_t HostPage(uint64_t n) const;
  uint64_t host_pages() const { return host_pages_; }
  uint64_t Address(Random* random) const;
  uint64_t Page(Random* random) const { return Address(random) & ~(kPage - 1); }

  uint64_t WindowOf(Random* random) const;
  uint64_t Register(Random* random, uint64_t window) const;
  uint64_t RegisterValue(Random* random, uint64_t window, uint64_t offset) const;
  // A register of the host's SMMU window, each name as likely as the next, where `read_only` of any
  // access; one of a bank is that of `bank`. Null when none was found.
  const model::RegisterInfo* AnyRegister(Random* random, uint64_t side, uint64_t bank,
                                         bool read_only, uint64_t* offset) const;
  // What Linux leaves in a register, else its reset value.
  static uint64_t UsualValue(const model::RegisterInfo& reg);
  // Index of a bank or entry: small ones mostly, the host's last, EL2's first, beyond the end.
  uint64_t Bank(Random* random, uint64_t side) const;
  uint64_t Entry(Random* random, uint64_t side) const;

  // The value of an argument that depends on no other event.
  uint64_t Argument(Random* random, ArgType type) const;
  static uint64_t Number(Random* random);

 private:
  uint64_t ModelRegister(Random* random, bool mc) const;
  uint64_t FromFields(Random* random, const model::RegisterInfo& reg) const;
  uint64_t Index(Random* random, uint64_t count, uint64_t reserved) const;

  const model::BoardSpec& board_;
  std::vector<const model::ClientInfo*> clients_;
  // Those whose stream only the device tree says.
  std::vector<const model::ClientInfo*> nodes_;
  std::vector<model::Range> host_ram_;
  uint64_t host_pages_ = 0;
};

// The side whose register file a window shows; the MC's windows have none, and give 0.
constexpr uint64_t SideOfWindow(uint64_t window) { return window < kSmmuWindows ? window / 2 : 0; }
// The first window of a side.
constexpr Window WindowOfSide(uint64_t side) { return static_cast<Window>(side * 2); }

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_VALUES_H_
