#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# README.md shows the output of `demo` exactly as it is:
#
#     SIDEWALL_ROOT=. cli/demo_test.sh build/dev/cli/sidewall-tool            # compares
#     SIDEWALL_ROOT=. cli/demo_test.sh build/dev/cli/sidewall-tool --update   # writes README.md
set -u

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The block that begins with the command, without the command and the fences.
awk '/^\$ \.\/sidewall demo$/ { on = 1; next } /^```/ { on = 0 } on' \
  "$SIDEWALL_ROOT/README.md" >"$scratch/readme"
"$1" demo >"$scratch/demo" 2>"$scratch/talk" </dev/null || {
  cat "$scratch/talk"
  echo "demo failed"
  exit 1
}
if [[ ${2:-} == --update ]]; then
  awk -v output="$scratch/demo" '
    /^```/ && on { on = 0 }
    !on
    /^\$ \.\/sidewall demo$/ { on = 1; while ((getline line <output) > 0) print line }' \
    "$SIDEWALL_ROOT/README.md" >"$scratch/new" &&
    cp "$scratch/new" "$SIDEWALL_ROOT/README.md"
  exit
fi
[[ -s $scratch/readme ]] || echo "README.md shows no output of ./sidewall demo"
diff -u --label README.md "$scratch/readme" --label 'sidewall demo' "$scratch/demo"
