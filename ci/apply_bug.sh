#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Puts a copy of the driver with one seeded bug into a build folder:
#
#     apply_bug.sh driver oracle/bugs/SB001-forward-bypass.patch build/dev/bugs/SB001
#
# A patch must apply without fuzz: one that needs guessing may plant another bug than its name says.
set -eu
driver=$1
patch_file=$2
copy=$3

rm -rf "$copy/driver"
mkdir -p "$copy"
cp -R "$driver" "$copy/driver"
if ! patch -d "$copy" -p1 --fuzz=0 --no-backup-if-mismatch -s <"$patch_file" >"$copy/patch.log" 2>&1
then
  cat "$copy/patch.log" >&2
  echo "$patch_file does not apply to driver/ as it is now." >&2
  echo "Make the change by hand in a copy and write it as a new patch: see oracle/README.md." >&2
  exit 1
fi
