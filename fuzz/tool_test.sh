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

# report FILE CODE CONDITION COMMAND...: stdout is one JSON document of which the condition, in
# Python with the document as `d`, is true. What is told goes to FILE.
report() {
  told=$1 code=$2 condition=$3
  shift 3
  document=$("$@" 2>"$told")
  got=$?
  if [ "$got" != "$code" ] || ! printf '%s' "$document" | python3 -c "
import json, sys
d = json.load(sys.stdin)
sys.exit(0 if ($condition) else 1)"; then
    echo "FAILED: $*"
    echo "  exit code $got, not $code; or this is not: $condition"
    printf '%s\n' "$document" | tail -n 20
    failures=$((failures + 1))
  fi
}
talk="$folder/talk"
report "$talk" 0 'd["schema"] == "sidewall.repro/1" and d["driver"] == "shipped" and
  d["image"] == "host" and d["good"] == 1 and len(d["programs"]) == 1 and
  d["programs"][0]["good"] and d["programs"][0]["expect"] == "pass" and
  d["programs"][0]["result"] == "pass" and d["programs"][0]["verdict"] is None and
  d["programs"][0]["board"] == "tiny" and d["programs"][0]["events"] == 1' \
  "$tool" repro --json "$good"
expect 0 '^\[0\] dma client=mgbeard' cat "$talk"
report "$talk" 1 'd["good"] == 1 and [p["good"] for p in d["programs"]] == [True, False] and
  d["programs"][1]["result"].startswith("event 0 gave fault")' \
  "$tool" repro --json --quiet "$good" "$wrong"
expect 0 '^0$' sh -c "wc -c <'$talk'"
# A file that cannot be read leaves nothing half written.
expect 2 '^0$' sh -c "'$tool' repro --json '$good' '$broken' 2>'$talk' | wc -c; exit 2"
expect 0 'unknown event' cat "$talk"
mkdir "$folder/empty"
expect 2 "no programs" "$tool" repro "$folder/empty"

expect 2 'cannot write to /proc/none' "$tool" fuzz canary --out=/proc/none --runs=1
expect 2 'is a time' "$tool" fuzz canary --for=soon --out="$folder/out"
expect 2 'no target nonsense' "$tool" fuzz nonsense --out="$folder/out"
expect 2 'no board huge' "$tool" fuzz board --board=huge --out="$folder/out"

# An engine that is not there to be played: a target of our own answers as libFuzzer does.
build="$folder/build"
mkdir -p "$build/fuzz" "$build/cli"
engine="$build/fuzz/canary_fuzzer"
printf '#!/bin/sh\n%s\n' 'echo "#7: cov: 15 ft: 30 corp: 8 exec/s: 0"' >"$engine"
chmod +x "$engine"
fuzz() { SIDEWALL_BUILD_DIR="$build" "$tool" fuzz canary --out="$folder/out" "$@"; }
campaign='d["schema"] == "sidewall.fuzz/1" and d["target"] == "canary" and d["seeds"] == 0 and
  d["engine"] == "libfuzzer" and d["jobs"] == 1 and d["seed"] == 3 and d["executions"] == 7 and
  d["corpus"] == 8 and d["edges"] == 15 and d["exercised"] is None and d["bug"] is None'
report "$talk" 0 "$campaign and d['findings'] == []" fuzz --runs=7 --seed=3 --json
expect 0 'exec=7 .* corp=8' cat "$talk"
expect 0 '^no findings' fuzz --runs=7
# One that leaves an input behind, and says the same when it is run on it again.
cat >"$engine" <<'END'
#!/bin/sh
for argument; do
  case $argument in
    -artifact_prefix=*) echo x >"${argument#*=}crash-1" ;;
  esac
done
echo "SUMMARY: AddressSanitizer: SEGV here.cc:7 (0x1234)"
exit 77
END
report "$talk" 1 "len(d['findings']) == 1 and d['findings'][0]['invariant'] == 'MEM01' and
  d['findings'][0]['bucket'].startswith('MEM01-call-') and
  'here.cc:7' in d['findings'][0]['title'] and
  d['findings'][0]['repro'].endswith('canary_fuzzer $folder/out/artifacts/crash-1')" \
  fuzz --runs=7 --json
expect 1 'here.cc:7' fuzz --runs=7
# Jobs of AFL++ are heard one by one, and one that fails is not lost among those that do not.
mkdir -p "$folder/afl/fuzz" "$folder/path"
cp "$engine" "$folder/afl/fuzz/canary_fuzzer"
cat >"$folder/path/afl-fuzz" <<'END'
#!/bin/sh
while [ $# != 0 ]; do
  case $1 in
    -o) out=$2 ;;
    -[MS]?*) job=${1#-?} ;;
    -E) runs=$2 ;;
  esac
  shift
done
mkdir -p "$out/$job"
printf 'execs_done : %s\ncorpus_count : 9\nedges_found : 4\n' "$runs" >"$out/$job/fuzzer_stats"
seq 20000   # more than a pipe holds
[ "$job" != "$FAILING_JOB" ]
END
chmod +x "$folder/path/afl-fuzz"
three_jobs() { PATH="$folder/path:$PATH" fuzz --engine=afl --jobs=3 --runs=20 "$@"; }
report "$talk" 0 "d['executions'] == 21 and d['corpus'] == 9 and d['edges'] == 4 and
  d['jobs'] == 3" \
  three_jobs --json
FAILING_JOB=secondary2
export FAILING_JOB
expect 125 'the engine ended with code 1' three_jobs --json

[ "$failures" = 0 ] || exit 1
echo "fmt, asm, repro and fuzz do as they say"
