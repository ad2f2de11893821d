// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the parts of the guest's program share.
//
//     Mark(kMarkHostile);
//     if (Command(kCommandDonateNext) != 0) Say("no page will be given away");
#ifndef SIDEWALL_REPLAY_BOOT_GUEST_GUEST_H_
#define SIDEWALL_REPLAY_BOOT_GUEST_GUEST_H_

#include <cstddef>
#include <cstdint>

#include "replay/boot/block.h"

namespace sidewall::boot {

// One line on the console, after "sidewall: ".
void Say(const char* format, ...) __attribute__((format(printf, 1, 2)));
// Registers at a physical address; null, and said, when the kernel does not let us.
void* MapPhysical(uint64_t address, size_t size);
bool WriteFile(const char* path, const char* text);

void Mark(uint64_t value);
uint64_t ReadBench(uint64_t offset);
void WriteBench(uint64_t offset, uint64_t value);
uint64_t Command(uint64_t command);

// A page of ours that stays where it is; an address of 0: it cannot be had.
struct Page {
  void* at = nullptr;
  uint64_t address = 0;
};
Page OwnPage();

// The accesses that a hostile kernel would make, each told before it is made.
void Hostile();
// A master that is told to read the marked page, by its own registers.
void AttackQueue();
// Transfers of the GPCDMA engine, told by the kernel.
void Dmatest();
void DmatestAfterAttack();
void SuspendDevices();
// The whole machine: the kernel asks firmware to switch it off, and goes on when it wakes.
void SuspendMachine();

}  // namespace sidewall::boot

#endif  // SIDEWALL_REPLAY_BOOT_GUEST_GUEST_H_
