// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the canary takes of a C library, over the mem functions.
#include <stddef.h>

extern "C" size_t strlen(const char* text);

extern "C" size_t strlen(const char* text) {
  size_t length = 0;
  for (const volatile char* at = text; *at != '\0'; ++at) ++length;
  return length;
}
