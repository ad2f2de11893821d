#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# What `sidewall replay` exits with: 0 as recorded, 1 findings, 2 a bad file, 4 divergence, 125 no
# image.
#
#     exit_codes_test.sh build/el2/cli/sidewall-tool [build/el2/replay]
#
# The second argument is the folder of the aarch64 images, where the build has them.
set -eu
tool=$1
images=${2:-}
trace=corpus/traces/linux-6.12-tegra234-dma.trace.zst
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/exit-codes.XXXXXX")
trap 'rm -rf "$work"' EXIT
status=0

# expect CODE WORDS COMMAND...: the code, and words that the output must have.
expect() {
  wanted=$1
  words=$2
  shift 2
  code=0
  "$@" >"$work/out" 2>&1 || code=$?
  if [ "$code" != "$wanted" ] || ! grep -qF -- "$words" "$work/out"; then
    echo "wanted exit $wanted and '$words', got exit $code from: $*" >&2
    head -n 20 "$work/out" >&2
    status=1
  fi
}

# seal FILE: the hash in the head is made that of all other lines.
seal() {
  hash=$(grep -v '^# hash:' "$1" | sha256sum | cut -d' ' -f1)
  sed -i "s/^# hash: .*/# hash: sha256:$hash/" "$1"
}

expect 0 "DMA rows as recorded 978 of 978" "$tool" replay --quiet "$trace"
expect 0 "Linux in QEMU, not a board" "$tool" replay --quiet "$trace"
expect 0 '"schema": "sidewall.replay/1"' "$tool" replay --quiet --json "$trace"

"$tool" trace show "$trace" >"$work/good.trace"
expect 0 "SMMU + MC rows replayed 25244 of 25244" "$tool" replay --quiet "$work/good.trace"
sed '0,/^\(R 4 .*\) 0x00005555 ;/s//\1 0x00005545 ;/' "$work/good.trace" >"$work/edited.trace"
expect 2 "it was changed" "$tool" replay --quiet "$work/edited.trace"
seal "$work/edited.trace"
expect 1 "unexplained reads: 1" "$tool" replay --quiet "$work/edited.trace"

head -c 100000 "$trace" >"$work/cut.trace.zst"
expect 2 "truncated" "$tool" replay --quiet "$work/cut.trace.zst"
head -n 1000 "$work/good.trace" >"$work/cut.trace"
expect 2 "truncated" "$tool" replay --quiet "$work/cut.trace"
{ head -c 50000 "$trace" && printf 'xxxx' && tail -c +50005 "$trace"; } >"$work/bad.trace.zst"
expect 2 "what to do" "$tool" replay --quiet "$work/bad.trace.zst"
expect 2 "not a trace of this format" "$tool" replay --quiet "$0"
expect 2 "cannot be opened" "$tool" replay --quiet "$work/none.trace"
expect 2 "--image" "$tool" replay --image=arm "$trace"

expect 0 '"register": "OVERRIDE[*]"' "$tool" replay --quiet --json "$trace"
expect 0 '"mask": "0x0000007f"' "$tool" replay --quiet --json "$trace"
expect 0 '"section": "IDR0.CTTW, assumption A-04"' "$tool" replay --quiet --json "$trace"
expect 0 "Linux in QEMU, not a board" "$tool" replay --help

# A head that does not fit its board, and a trace of nothing.
sed 's/^# board: .*/# board: nonesuch/' "$work/good.trace" >"$work/board.trace"
expect 2 "no board is called 'nonesuch'" "$tool" replay --quiet "$work/board.trace"
sed 's/^# ram: .*/# ram: 0x40000000-0x140000000/' "$work/good.trace" >"$work/ram.trace"
expect 2 "is not RAM of the host" "$tool" replay --quiet "$work/ram.trace"
zeros="smmu=0 mc=0 marks=0 dma=0 dma-faults=0 hw-faults=0 tables=0 left-out=0"
grep '^#' "$work/good.trace" | sed "s/^# counts: .*/# counts: $zeros/" >"$work/empty.trace"
seal "$work/empty.trace"
expect 2 "nothing to replay" "$tool" replay --quiet "$work/empty.trace"

# small OUT OPTIONS...: imports the small recording.
small() {
  out=$1
  shift
  "$tool" trace import replay/testdata/small.csv replay/testdata/small.tables.csv --out="$out" "$@"
}
machine="--machine=Linux in QEMU, not a board"
expect 0 "13 SMMU and 2 MC rows" small "$work/small.trace.zst" "$machine"
expect 0 "hw.fault 0.000110000 niso0 bank=0" "$tool" trace show "$work/small.trace.zst"
expect 2 "cannot be written" small "$work/none/small.trace.zst" "$machine"
expect 2 "give --machine=" small "$work/unsaid.trace"
expect 2 "control character" small "$work/unsaid.trace" "$machine" --kernel="$(printf 'a\nb')"
if [ -e "$work/unsaid.trace" ]; then
  echo "a refused import left a file" >&2
  status=1
fi
expect 0 "can never be replayed" small "$work/lost.trace" "$machine" --lost=7
expect 2 "the capture lost 7 events" "$tool" replay --quiet "$work/lost.trace"
# By its name in /proc, where not even a wrong writer could put a file in the pipe's place.
piped() { small /proc/self/fd/1 "$machine" | cat; }
expect 0 "# sidewall-trace v1" piped

if [ -n "$images" ]; then
  expect 0 "divergences 0" "$tool" replay --quiet --image=both "$trace"
  SIDEWALL_EL2_IMAGE=$images/driver-el2-mask.elf
  export SIDEWALL_EL2_IMAGE
  expect 4 "DIF01: event " "$tool" replay --quiet --image=both "$trace"
  SIDEWALL_EL2_IMAGE=$work/none.elf
  expect 125 "what to do" "$tool" replay --quiet --image=both "$trace"
else
  expect 125 "what to do" "$tool" replay --quiet --image=both "$trace"
fi
exit $status
