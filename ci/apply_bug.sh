#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Puts a copy of some sources, named from the root, with one patch applied into a build folder:
#
#     apply_bug.sh . oracle/bugs/SB001-forward-bypass.patch build/dev/bugs/SB001 driver/domain.cc
#
# A patch must apply without fuzz: one that needs guessing may plant another bug than its name says.
set -eu
root=$1
patch_file=$2
copy=$3
shift 3

for file; do
  mkdir -p "$copy/$(dirname "$file")"
  rm -f "$copy/$file"
  # Without it there would be nothing to patch, and patch says so below.
  [ ! -f "$root/$file" ] || cp "$root/$file" "$copy/$file"
done
if ! patch -d "$copy" -p1 --fuzz=0 --force --no-backup-if-mismatch -s <"$patch_file" \
  >"$copy/patch.log" 2>&1
then
  cat "$copy/patch.log" >&2
  echo "$patch_file does not apply to the sources as they are now." >&2
  echo "./sidewall bugs --rebase carries patches over a change of the driver." >&2
  exit 1
fi
