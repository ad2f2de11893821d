#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Compiles the model as EL2 would run it, aarch64 without a C library, and checks that the objects
# need nothing but the four mem functions and what a pure virtual call would end in:
#
#     sh model/freestanding.sh . machine.cc walk.cc ...
set -eu
root=$1
shift
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for source in "$@"; do
  clang++-19 --target=aarch64-none-elf -std=c++20 -O2 -ffreestanding -mgeneral-regs-only \
    -fno-exceptions -fno-rtti -fno-threadsafe-statics -nostdinc++ -Wall -Wextra -Wshadow -Werror \
    -I"$root" -I"$root/driver/include" -c "$root/model/$source" -o "$out/${source%.cc}.o"
done
# What one object needs and another has is no matter.
ld.lld-19 -r -o "$out/model.elf" "$out"/*.o
needed=$(llvm-nm-19 --undefined-only --just-symbol-name "$out/model.elf" | sort -u |
  grep -vxE 'mem(cpy|set|move|cmp)|__cxa_pure_virtual' || true)
if [ -n "$needed" ]; then
  echo "the model needs what EL2 does not have: $needed" >&2
  exit 1
fi
