#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Puts a copy of files of the driver with one seeded bug into a build folder:
#
#     apply_bug.sh driver oracle/bugs/SB001-forward-bypass.patch build/dev/bugs/SB001 domain.cc
#
# A patch must apply without fuzz: one that needs guessing may plant another bug than its name says.
set -eu
driver=$1
patch_file=$2
copy=$3
shift 3

rm -rf "$copy/driver"
for file; do
  mkdir -p "$copy/driver/$(dirname "$file")"
  # Without it there would be nothing to patch, and patch says so below.
  [ ! -f "$driver/$file" ] || cp "$driver/$file" "$copy/driver/$file"
done
if ! patch -d "$copy" -p1 --fuzz=0 --force --no-backup-if-mismatch -s <"$patch_file" \
  >"$copy/patch.log" 2>&1
then
  cat "$copy/patch.log" >&2
  echo "$patch_file does not apply to driver/ as it is now." >&2
  echo "./sidewall bugs --rebase carries patches over a change of the driver." >&2
  exit 1
fi
