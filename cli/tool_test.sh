#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# The program as a person meets it: exit codes, what goes to which stream, machine-readable output.
#
#     SIDEWALL_ROOT=. cli/tool_test.sh build/dev/cli/sidewall-tool
set -u

tool=$1
. "$SIDEWALL_ROOT/ci/expect.sh"

# Data is on stdout, and what --json prints is JSON with a schema.
json() {
  "$tool" "$@" --json 2>/dev/null |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["schema"])'
}

expect 2 'subcommand is required' "$tool"
expect 2 'subcommand is required' "$tool" frobnicate
expect 0 'demo' "$tool" --help
expect 2 'not in' "$tool" list everything
expect 0 'ISO01 +reach' "$tool" list
expect 0 '^  tiny ' "$tool" list boards
expect 0 '^  tegra234:8G +8192 MiB' "$tool" list boards --board=tegra234:8G
expect 0 '"memory_mib": 66,' "$tool" list boards --board=tiny:66M --json
expect 2 'no board tegra234:7' "$tool" list boards --board=tegra234:7
expect 0 'sidewall.list/1' json list
expect 0 'SB001' "$tool" list bugs

expect 0 '^ISO05 floor$' "$tool" explain iso05
expect 0 'Iso05FloorEntry \(oracle/.*:[0-9]+\)' "$tool" explain ISO05
expect 0 'corpus/board/good/iso05' "$tool" explain ISO05
expect 0 'corpus/board/bad/iso05' "$tool" explain ISO05
expect 0 '^in part, by:' "$tool" explain MEM01
expect 0 'MEM01 +memory +in part' "$tool" list invariants
expect 0 'sidewall.explain/1' json explain ISO01
expect 2 'no invariant ISO99' "$tool" explain ISO99
expect 2 'id is required' "$tool" explain

# What is refused is refused before anything is printed.
expect 2 'list bugs' "$tool" bugs NOPE
expect 0 '^0$' bash -c "'$tool' bugs NOPE 2>/dev/null | wc -c"
expect 2 'not in range' "$tool" bugs --seed=0

# What a hunt asks of the driver that ships: whether the smallest program breaks it, too.
board=$SIDEWALL_ROOT/corpus/board
expect 0 '"verdict":null' "$tool" bugs --witness="$board"/bad/iso11-sb143-clients-of-before-power.sw
expect 0 '"verdict":"ISO02"' \
  "$tool" bugs --witness="$board"/assumptions/a07-a-flush-of-a-vmid-leaves-stage-two.sw

# Without QEMU, or without an image for it, there is nothing to compare with; never half a result.
expect 2 'not in' "$tool" bench everything
expect 2 'what is required' "$tool" bench
expect 2 'not in range' "$tool" bench walk --cases=0
expect 2 'not in range' "$tool" bench walk --first=18446744073709551610 --cases=10
expect 2 'not in range' "$tool" bench walk --seed=18446744073709551616
expect 125 'image|qemu-system-aarch64' env PATH=/nowhere "$tool" bench walk --cases=1
expect 125 'image' env SIDEWALL_CHECK_IMAGE=/nowhere/x.elf "$tool" bench model

# Nothing is claimed to be written that was not.
expect 125 'cannot write' bash -c "'$tool' list --json >/dev/full"
expect 125 'cannot write' bash -c "'$tool' --help >/dev/full"
expect 125 'cannot write' bash -c "'$tool' list >/dev/full"
expect 125 'start this program through ./sidewall' env -u SIDEWALL_ROOT "$tool" list bugs
expect 2 'under what was named' "$tool" check /nowhere

verdict
