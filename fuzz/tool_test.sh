#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# The verbs fmt, asm, repro and fuzz from outside: what they print, and their exit codes.
set -u
tool=$1
folder=$(mktemp -d) || exit 125
trap 'rm -rf "$folder"' EXIT
failures=0

# expect CODE PATTERN COMMAND...: the exit code, and a line of the output that matches.
expect() {
  code=$1 pattern=$2
  shift 2
  output=$("$@" 2>&1)
  got=$?
  if [ "$got" != "$code" ] || ! printf '%s\n' "$output" | grep -q -e "$pattern"; then
    echo "FAILED: $*"
    echo "  exit code $got, not $code; or no line matches '$pattern' in:"
    printf '%s\n' "$output" | tail -n 20
    failures=$((failures + 1))
  fi
}

head='# sidewall-program v1
# board: tiny
# driver: shipped'
good="$folder/good.sw" wrong="$folder/wrong.sw" broken="$folder/broken.sw" loose="$folder/loose.sw"
printf '%s\n# expect: pass\n%s\n' "$head" \
  'dma client=mgbeard addr=0x80001000 read -> fault' >"$good"
printf '%s\n%s\n' "$head" 'dma client=mgbeard addr=0x80001000 read -> ok' >"$wrong"
printf '%s\n%s\n' "$head" 'host.wrote32 niso0 S2CR[0] 0' >"$broken"
printf '%s\n# expect: pass\n%s\n' "$head" '# why' >"$loose"
printf '%s\n' 'tick   now_us=16   # later' >>"$loose"

expect 0 'mgbeard' "$tool" fmt "$good"
expect 0 '^$' "$tool" fmt --check "$good"
expect 1 'not canonical' "$tool" fmt --check "$loose"
expect 0 'rewrote' "$tool" fmt --upgrade "$loose"
expect 0 'tick now_us=0x10  # later' cat "$loose"
expect 0 '^$' "$tool" fmt --check "$loose"
expect 2 'broken.sw:4:1: unknown event "host.wrote32" (nearest is "host.write32")' \
  "$tool" fmt "$broken"
expect 2 'no such file' "$tool" fmt "$folder/none.sw"

expect 0 '^$' "$tool" asm "$good"

"$tool" fmt "$folder/good.swb" >"$folder/again.sw" || failures=$((failures + 1))
cmp "$good" "$folder/again.sw" || failures=$((failures + 1))
expect 2 'unknown event' "$tool" asm "$broken"
expect 2 'one program' "$tool" asm -o "$folder/x" "$good" "$wrong"
printf 'SWP1' >"$folder/short.swb"
expect 2 'ends inside the header' "$tool" fmt "$folder/short.swb"

expect 0 '1 of 1 as expected' "$tool" repro "$good"
expect 0 '^\[0\] dma client=mgbeard' "$tool" repro "$good"
expect 1 'event 0 gave fault' "$tool" repro --quiet "$wrong"
expect 2 'unknown event' "$tool" repro "$broken"
expect 2 'no invariant ISO99' "$tool" repro --only=ISO99 "$good"
expect 2 'driver is shipped' "$tool" repro --driver=mine "$good"
expect 125 'was not built' "$tool" repro --driver=bug/SB999 "$good"
mkdir "$folder/empty"
expect 2 "no programs" "$tool" repro "$folder/empty"

expect 2 'cannot write to /proc/none' "$tool" fuzz canary --out=/proc/none --runs=1
expect 2 'is a time' "$tool" fuzz canary --for=soon --out="$folder/out"
expect 2 'no target nonsense' "$tool" fuzz nonsense --out="$folder/out"
expect 2 'no board huge' "$tool" fuzz board --board=huge --out="$folder/out"

[ "$failures" = 0 ] || exit 1
echo "fmt, asm, repro and fuzz do as they say"
