#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# The canary target, run with a fixed seed, must crash and leave the input that did it; that input
# must crash it again.
set -u
fuzzer=$1
folder=$(mktemp -d) || exit 125
trap 'rm -rf "$folder"' EXIT
if "$fuzzer" -runs=200000 -seed=1 -max_len=20480 -artifact_prefix="$folder/" \
  >"$folder/log" 2>&1; then
  tail -n 5 "$folder/log"
  echo "the canary lived: the campaign ended without a finding"
  exit 1
fi
for artifact in "$folder"/crash-*; do
  if [ ! -s "$artifact" ]; then
    tail -n 20 "$folder/log"
    echo "the canary died without leaving its input"
    exit 1
  fi
  if "$fuzzer" "$artifact" >/dev/null 2>&1; then
    echo "the input that was left does not crash the canary"
    exit 1
  fi
done
echo "the canary died, as it must"
