#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# boot_test.sh TOOL: a real kernel under the aarch64 driver, with what is in the cache. Nothing is
# downloaded: without QEMU or a kernel it is a skip (77) that says why.
set -u
tool=$1
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

no_machine_left() {
  # The image's folder is this build's, so that another build's run is not counted.
  if pgrep -f "qemu-system-aarch64 .*$(dirname "$(dirname "$tool")")/replay/boot-" >/dev/null; then
    echo "a machine was left running"
    exit 1
  fi
}

# ---- What needs no kernel.
with=PATH=$out expect 125 "no qemu-system-aarch64"

command -v qemu-system-aarch64 >/dev/null || skip "no qemu-system-aarch64: install qemu-system-arm"
with=SIDEWALL_BOOT_CACHE=$out/none expect 125 "no kernel 'stock'"
cache=${SIDEWALL_BOOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sidewall/boot}
[[ -f $cache/stock/version ]] ||
  skip "no kernel in $cache: './sidewall boot' fetches it, once"

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
expect 2 "a kernel takes a device tree of at most 2097152" --device-tree="$out/tree"
# A kernel that goes round and round: one instruction, which branches to itself.
printf '\x00\x00\x00\x14' >"$out/hang"
expect 1 "did not end within 5 s" --kernel-file="$out/hang" --limit=5
no_machine_left

# Ctrl-C ends the tool and its machine.
(
  trap - INT
  exec "$tool" boot --no-fetch --out="$out/run" --kernel-file="$out/hang" --limit=300
) >"$out/said" 2>&1 &
pid=$!
for ((i = 0; i < 600; i++)); do
  pgrep -P "$pid" qemu-system >/dev/null && break
  sleep 0.1
done
pgrep -P "$pid" qemu-system >/dev/null ||
  { echo "no machine was started:"; cat "$out/said"; exit 1; }
kill -INT "$pid"
wait "$pid"
code=$?
for ((i = 0; i < 50; i++)); do
  pgrep -f "qemu-system-aarch64 .*$(dirname "$(dirname "$tool")")/replay/boot-" >/dev/null || break
  sleep 0.1
done
((code == 130)) || { echo "boot that is interrupted: exit $code, not 130"; exit 1; }
no_machine_left

expect 1 "the kernel panicked: " --append=rdinit=/none --limit=500
no_machine_left

# ---- Nothing but a boot, and what it costs beside the canary.
expect 0 "instructions an access, driver" --limit=500
grep -q "takeover, instructions" "$out/said" ||
    { cat "$out/said"; exit 1; }
no_machine_left

# ---- The kernel lives, the attacker does not get through; over the canary it does.
limit=500
expect 0 "the guest switched off" --hostile --limit=$limit
grep -q "reachable after 0 accesses" "$out/said" ||
    { cat "$out/said"; exit 1; }
if ! "$tool" replay --quiet --image=both "$out/run/stock-shipped-hostile/boot.trace.zst" \
  >"$out/replayed" 2>&1; then
  echo "the trace of that run does not replay:"
  cat "$out/replayed"
  exit 1
fi
expect 1 "the marked page could be reached" --hostile --driver=passthrough --limit=$limit
no_machine_left
# ---- The driver comes when the kernel has already probed; and real transfers, where the kernel
# that has them was built.
expect 0 "the guest switched off" --takeover=late --limit=$limit
if [[ -f $cache/tegra234/version ]]; then
  expect 0 "dmatest: 141 tests, 1 failures" --kernel=tegra234 --no-compare --limit=$limit
  grep -Eq "overrides: [1-9][0-9]* read by the kernel, [1-9][0-9]* written, [1-9]" "$out/said" ||
    { cat "$out/said"; exit 1; }
  grep -q "sleep of the machine: 1, SMMUs without power 3, calls that failed 0" "$out/said" ||
    { cat "$out/said"; exit 1; }
  expect 0 "dmatest: 141 tests, 1 failures" --kernel=tegra234 --takeover=late --limit=$limit
else
  echo "boot: without dmatest, since no kernel 'tegra234' is in $cache"
fi
no_machine_left
echo "boot: a kernel booted under the driver, was attacked from, and its trace replayed"
