// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The four functions that a compiler may call of its own accord, for the freestanding build. The
// empty asm keeps each loop from being recognised and turned into a call of the function itself.
#include <stddef.h>
#include <stdint.h>

extern "C" {

void* memcpy(void* to, const void* from, size_t size);
void* memmove(void* to, const void* from, size_t size);
void* memset(void* to, int value, size_t size);
int memcmp(const void* a, const void* b, size_t size);

void* memcpy(void* to, const void* from, size_t size) {
  uint8_t* out = static_cast<uint8_t*>(to);
  const uint8_t* in = static_cast<const uint8_t*>(from);
  for (size_t i = 0; i < size; ++i) {
    out[i] = in[i];
    asm volatile("" ::: "memory");
  }
  return to;
}

void* memmove(void* to, const void* from, size_t size) {
  uint8_t* out = static_cast<uint8_t*>(to);
  const uint8_t* in = static_cast<const uint8_t*>(from);
  const bool forward = reinterpret_cast<uintptr_t>(to) <= reinterpret_cast<uintptr_t>(from);
  for (size_t i = 0; i < size; ++i) {
    const size_t at = forward ? i : size - 1 - i;
    out[at] = in[at];
    asm volatile("" ::: "memory");
  }
  return to;
}

void* memset(void* to, int value, size_t size) {
  uint8_t* out = static_cast<uint8_t*>(to);
  for (size_t i = 0; i < size; ++i) {
    out[i] = static_cast<uint8_t>(value);
    asm volatile("" ::: "memory");
  }
  return to;
}

int memcmp(const void* a, const void* b, size_t size) {
  const uint8_t* left = static_cast<const uint8_t*>(a);
  const uint8_t* right = static_cast<const uint8_t*>(b);
  for (size_t i = 0; i < size; ++i) {
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
    asm volatile("" ::: "memory");
  }
  return 0;
}

}  // extern "C"
