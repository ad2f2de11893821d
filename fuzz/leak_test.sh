#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# secrecy_fuzzer over a driver with a planted leak, run from nothing with a fixed seed, must end in
# ISO13 and leave the input that did it; that input must do it again.
set -u
fuzzer=$1
folder=$(mktemp -d) || exit 125
trap 'rm -rf "$folder"' EXIT
"$fuzzer" -runs=4000 -seed=1 -max_len=20480 -artifact_prefix="$folder/" >"$folder/log" 2>&1
if ! grep -q '^sidewall: ISO13-' "$folder/log"; then
  tail -n 20 "$folder/log"
  echo "the leak was not found"
  exit 1
fi
for artifact in "$folder"/crash-*; do
  if ! "$fuzzer" "$artifact" 2>&1 | grep -q '^sidewall: ISO13-'; then
    echo "the input that was left does not show the leak"
    exit 1
  fi
done
echo "the leak was found, and is there again"
