#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# boot_test.sh TOOL KERNEL: a real kernel under the aarch64 driver, with what is in the cache.
# Nothing is downloaded: without QEMU or that kernel it is a skip (77) that says why.
set -u
tool=$(readlink -f "$1")
# The image's folder is this build's, so that another build's run is not counted.
machine="qemu-system-aarch64 .*$(dirname "$(dirname "$tool")")/replay/boot-"
kernel=$2
traces=$(cd "$(dirname "$0")/../corpus/traces" && pwd -P)
out=$(mktemp -d "${TEST_TMPDIR:-/tmp}/boot.XXXXXX") || exit 1
trap 'rm -rf "$out"' EXIT

skip() {
  echo "SKIPPED: $*"
  exit 77
}

# expect CODE TEXT ARGUMENTS...: exits with CODE, and says TEXT. `with` is a setting for the tool.
with=
expect() {
  local code=$1 text=$2 got
  shift 2
  env ${with:+"$with"} "$tool" boot --no-fetch --out="$out/run" "$@" >"$out/said" 2>&1
  got=$?
  if ((got != code)) || ! grep -qF -- "$text" "$out/said"; then
    echo "boot $*: exit $got, not $code, or it does not say '$text':"
    tail -n 30 "$out/said"
    exit 1
  fi
}

# said TEXT...: so does what was said last.
said() {
  local text
  for text in "$@"; do
    grep -qE -- "$text" "$out/said" && continue
    echo "the report does not say '$text':"
    tail -n 60 "$out/said"
    exit 1
  done
}

# recorded RUN TRACE: the trace of the run replays on both builds, and has what the one in corpus/
# has, if that is of the same kernel: as many rows of each kind, but for those that follow the time
# that the driver takes, and the same stores to streams, contexts and the memory controller, in the
# same order.
recorded() {
  local new=$out/run/$1/boot.trace.zst old=$traces/$2.trace.zst
  if ! "$tool" replay --quiet --image=both "$new" >"$out/replayed" 2>&1; then
    echo "the trace of $1 does not replay:"
    cat "$out/replayed"
    exit 1
  fi
  "$tool" trace show "$new" >"$out/new" && "$tool" trace show "$old" >"$out/old" || exit 1
  if ! diff <(grep '^# kernel: ' "$out/old") <(grep '^# kernel: ' "$out/new"); then
    echo "boot: $2 is of another kernel, so $1 is not compared with it"
    return
  fi
  if ! diff <(counts "$out/old") <(counts "$out/new") >"$out/differ" ||
    ! diff <(stores "$out/old") <(stores "$out/new") >>"$out/differ"; then
    echo "$1 is not as it was recorded in $2:"
    head -n 20 "$out/differ"
    exit 1
  fi
}

# Of dmatest, the kernel draws what it transfers; and what it invalidates then, it draws, too.
counts() {
  local drawn='date|hash'
  grep -q '^# kernel: .* config ' "$1" && drawn='smmu|dma'
  grep '^# counts: ' "$1" | tr ' ' '\n' | grep -vE "^($drawn)="
}

stores() {
  awk '$1 == "W" && ($5 ~ /^mc_/ || $9 ~ /^(S2CR|SMR|CBAR|CBA2R|sCR0|sACR)/) {
    print $5, $6, $7; ++count }
    END { if (count < 100) print "only", count, "stores", FILENAME }' "$1"
}

no_machine_left() {
  if pgrep -f "$machine" >/dev/null; then
    echo "a machine was left running"
    exit 1
  fi
}

# ---- What needs no kernel.
with=PATH=$out expect 125 "no qemu-system-aarch64"

command -v qemu-system-aarch64 >/dev/null || skip "no qemu-system-aarch64: install qemu-system-arm"
with=SIDEWALL_BOOT_CACHE=$out/none expect 125 "no kernel '$kernel'" --kernel="$kernel"
cache=${SIDEWALL_BOOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sidewall/boot}
[[ -f $cache/$kernel/version ]] ||
  skip "no kernel in $cache/$kernel: './sidewall boot --kernel=$kernel' gets it, once"
limit=500

# ---- The small kernel: overrides, transfers, sleep.
if [[ $kernel == tegra234 ]]; then
  # One of another configuration is not taken for the present one.
  mkdir -p "$out/cache/tegra234"
  sed 's/config .*/config 0123456789abcdef/' "$cache/tegra234/version" \
    >"$out/cache/tegra234/version"
  touch "$out/cache/tegra234/Image"
  with=SIDEWALL_BOOT_CACHE=$out/cache expect 125 "builds it again" --kernel=tegra234
  "$tool" boot --no-fetch --out="$out/run" --kernel=tegra234 --kernel-file=/dev/null --limit=1 \
    >"$out/said" 2>&1
  (($? == 125)) && skip "$(tail -n 1 "$out/said")"

  expect 0 "dmatest: 141 tests, 1 failures" --kernel=tegra234 --no-compare --limit=$limit
  said "overrides: [1-9][0-9]* read by the kernel, 2 written, 2 refused" \
    "sleep of the machine: 1, SMMUs without power 3, calls that failed 0"
  recorded tegra234-shipped boot-6.12-tegra234
  expect 0 "dmatest: 141 tests, 1 failures" --kernel=tegra234 --takeover=late --limit=$limit
  expect 0 "dmatest: 161 tests, 1 failures" --kernel=tegra234 --hostile --limit=$limit
  said "reachable after 0 accesses"
  # Over the canary what was given away comes.
  expect 1 "pieces were delivered on the page that was given away" --kernel=tegra234 \
    --driver=passthrough --limit=$limit
  said "bytes of the page that was given away came" "did not fault"
  no_machine_left
  echo "boot: transfers, sleep, a late takeover and an attack under the small kernel"
  exit 0
fi

# ---- Input that is wrong.
echo "not a device tree" >"$out/tree"
expect 2 "not a device tree with a node" --device-tree="$out/tree"
# A tree as it should be, but of a machine without SMMUs.
python3 - "$out/tree" <<'END'
import struct, sys
strings = b"compatible\0"
name, value = b"\0\0\0\0", b"linux,dummy-virt\0\0\0\0"
tree = struct.pack(">I", 1) + name + struct.pack(">III", 3, 17, 0) + value
tree += struct.pack(">II", 2, 9)
head = (0xd00dfeed, 56 + len(tree) + len(strings), 56, 56 + len(tree), 40, 17, 16, 0, len(strings),
        len(tree))
open(sys.argv[1], "wb").write(struct.pack(">10I", *head) + bytes(16) + tree + strings)
END
expect 2 "not a device tree with a node" --device-tree="$out/tree"
{ printf '\xd0\x0d\xfe\xed'; head -c 2200000 /dev/zero; echo "nvidia,tegra234-smmu"; } >"$out/tree"
expect 2 "longer than 2097152 bytes" --device-tree="$out/tree"
expect 2 "/dev/zero: longer than" --kernel-file=/dev/zero
# A kernel that goes round and round: one instruction, which branches to itself.
printf '\x00\x00\x00\x14' >"$out/hang"
expect 1 "did not end within 5 s" --kernel-file="$out/hang" --limit=5
no_machine_left
# What it did is kept.
for log in kernel.log el2.log report.json; do
  [[ -f $out/run/stock-shipped/$log ]] || { echo "no $log of a kernel that hangs"; exit 1; }
done

# stopped SIGNAL CODE: the tool is ended by a signal, and its machine with it.
stopped() {
  (
    trap - INT
    exec "$tool" boot --no-fetch --out="$out/run" --kernel-file="$out/hang" --limit=300
  ) >"$out/said" 2>&1 &
  local pid=$! i code
  for ((i = 0; i < 600; i++)); do
    pgrep -P "$pid" qemu-system >/dev/null && break
    sleep 0.1
  done
  pgrep -P "$pid" qemu-system >/dev/null ||
    { echo "no machine was started:"; cat "$out/said"; exit 1; }
  kill "-$1" "$pid"
  wait "$pid" 2>/dev/null
  code=$?
  for ((i = 0; i < 50; i++)); do
    pgrep -f "$machine" >/dev/null || break
    sleep 0.1
  done
  ((code == $2)) || { echo "boot that SIG$1 ends: exit $code, not $2"; exit 1; }
  no_machine_left
}
stopped INT 130
stopped TERM 143
stopped KILL 137

expect 1 "the kernel panicked: " --append=rdinit=/none --limit=500
grep -q "Kernel panic - not syncing" "$out/run/stock-shipped/kernel.log" ||
  { echo "the log of a kernel that panics is not kept"; exit 1; }
no_machine_left

# ---- Nothing but a boot, and what it costs beside the canary.
expect 0 "instructions an access, driver" --limit=$limit
said "takeover, instructions" "SMMUs probed 3; trapped accesses [1-9]" "faulted 0"
recorded stock-shipped boot-6.12-stock
"$tool" boot --no-fetch --out="$out/run" --limit=$limit --quiet --json >"$out/json" &&
  python3 - "$out/json" <<'END' || exit 1
import json, sys
report = json.load(open(sys.argv[1]))
rows = {row["what"]: row for row in report["ratios"]["run"]}
assert rows["instructions an access, driver"]["ratio"] > 1, rows
assert any("ratio" in row for row in report["ratios"]["driver_instructions_an_access"])
assert report["runs"][0]["counters"]["traps"] == report["runs"][0]["accesses"]
END
no_machine_left

# ---- The kernel lives, the attacker does not get through; over the canary it does.
expect 0 "the guest switched off" --hostile --limit=$limit
said "reachable after 0 accesses" "hostile accesses: 295 attempted, 295 recorded, 295 decided"
recorded stock-shipped-hostile boot-6.12-stock-hostile
expect 1 "the marked page could be reached" --hostile --driver=passthrough --limit=$limit
no_machine_left

# ---- The driver comes when the kernel has already probed.
expect 0 "the guest switched off" --takeover=late --limit=$limit
recorded stock-shipped-late boot-6.12-stock-late
no_machine_left
echo "boot: a kernel booted under the driver, was attacked from, and its traces are as recorded"
