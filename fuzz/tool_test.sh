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
missing="$folder/missing.sw" drawn="$folder/missing.swb"
printf '%s\n%s\n' "$head" '  hw.fault niso0 bank=200 fsr=2' >"$missing"

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
expect 2 'binary already' "$tool" asm "$folder/good.swb"
expect 2 'is binary' "$tool" fmt --upgrade "$folder/good.swb"
expect 125 '/dev/full' "$tool" asm -o /dev/full "$good"
expect 0 'character special' stat -c %F /dev/full
expect 2 'one program' "$tool" asm -o "$folder/x" "$good" "$wrong"
printf 'SWP1' >"$folder/short.swb"
expect 2 'ends inside the header' "$tool" fmt "$folder/short.swb"

expect 0 '1 of 1 as expected' "$tool" repro "$good"
expect 0 '^\[0\] dma client=mgbeard' "$tool" repro "$good"
expect 1 'event 0 gave fault' "$tool" repro --quiet "$wrong"
expect 2 'unknown event' "$tool" repro "$broken"
"$tool" asm -o "$drawn" "$missing" || failures=$((failures + 1))
expect 2 'missing.sw:4:3: this event names what is not there' "$tool" repro "$missing"
expect 0 '1 of 1 as expected' "$tool" repro --quiet "$drawn"
expect 2 'no invariant ISO99' "$tool" repro --only=ISO99 "$good"
expect 2 'driver is shipped' "$tool" repro --driver=mine "$good"
expect 2 'no seeded bug SB999; see: sidewall list bugs' "$tool" repro --driver=bug/SB999 "$good"
expect 2 'holds the shipped driver only' "$tool" repro --image=both --driver=passthrough "$good"
# An image that is not there or broken says nothing of the driver.
expect 125 'image' env SIDEWALL_EL2_IMAGE="$good" "$tool" repro --image=both "$good"
expect 0 'as expected' "$tool" repro --only=ERR01 "$good"
expect 2 'leave no invariant' "$tool" repro --only=ISO05 --without=ISO05 "$good"
# A bug whose tool was not built is the builder's affair, not the program's.
cp "$tool" "$folder/sidewall-tool"
expect 125 'build the target sidewall-tools' \
  "$folder/sidewall-tool" repro --driver=bug/SB001 "$good"
rm "$folder/sidewall-tool"

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
expect 2 "no programs" "$tool" fmt "$folder/empty"

expect 2 'cannot write to /proc/none' "$tool" fuzz canary --out=/proc/none --runs=1
expect 2 'is a time' "$tool" fuzz canary --for=soon --out="$folder/out"
expect 2 'no target nonsense' "$tool" fuzz nonsense --out="$folder/out"
expect 2 'no board huge' "$tool" fuzz board --board=huge --out="$folder/out"
expect 2 'see: sidewall list bugs' "$tool" fuzz --bug=SB999 --out="$folder/out"
expect 2 'see: sidewall list bugs' "$tool" fuzz --bug=../../etc --out="$folder/out"
expect 2 'not in range' "$tool" fuzz --seed=0 --out="$folder/out"
expect 1 '' test -e "$folder/out"

# An engine that is not there to be played: a target of our own answers as libFuzzer does.
build="$folder/build"
mkdir -p "$build/fuzz" "$build/cli"
engine="$build/fuzz/canary_fuzzer"
printf '#!/bin/sh\n%s\n' 'echo "#7: cov: 15 ft: 30 corp: 8 exec/s: 0"' >"$engine"
chmod +x "$engine"
out="$folder/out"
fuzz() { SIDEWALL_BUILD_DIR="$build" "$tool" fuzz canary --out="$out" "$@"; }
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
# A crash that no sanitizer explains is not one of memory; what is told can be pasted into a shell.
sed -i 's/AddressSanitizer: SEGV here.cc:7/libFuzzer: deadly signal/' "$engine"
mkdir "$folder/it's"
out="$folder/it's/out"
report "$talk" 1 "d['findings'][0]['invariant'] is None and
  d['findings'][0]['bucket'].startswith('crash-call-')" fuzz --runs=7 --json
expect 1 "canary_fuzzer '$folder/it'.*''s/out/artifacts/crash-1'$" fuzz --runs=7
out="$folder/out"
# Ctrl-C ends the engine, and what was found is told as ever; a second campaign stays out.
cat >"$engine" <<'END'
#!/bin/sh
for argument; do
  case $argument in
    -artifact_prefix=*) echo x >"${argument#*=}crash-1" ;;
    */crash-1) echo "SUMMARY: AddressSanitizer: SEGV here.cc:7"; exit 77 ;;
  esac
done
echo $$ >"$ENGINE_PID"
exec sleep 600
END
ENGINE_PID="$folder/engine.pid"
export ENGINE_PID
begin() {
  rm -f "$ENGINE_PID"
  SIDEWALL_BUILD_DIR="$build" "$tool" fuzz canary --out="$folder/out" --for=5m >"$talk" 2>&1 &
  campaign=$!
  for _ in $(seq 100); do [ -s "$ENGINE_PID" ] && break; sleep 0.1; done
}
gone() {
  for _ in $(seq 100); do kill -0 "$(cat "$ENGINE_PID")" 2>/dev/null || return 0; sleep 0.1; done
  return 1
}
for signal in INT TERM; do
  begin
  expect 2 'another campaign is running' fuzz --runs=7
  kill -"$signal" "$campaign"
  wait "$campaign"
  expect 0 '^1$' echo $?
  expect 0 'here.cc:7' cat "$talk"
  expect 0 '' gone
done
begin
kill -KILL "$campaign"
wait "$campaign" 2>/dev/null
expect 0 '' gone
printf '#!/bin/sh\n' >"$engine"

# A program of an earlier campaign is not taken on trust.
canary="$tool.passthrough"
attack="$SIDEWALL_ROOT/corpus/board/attacks/023-bypass.sw"
triage() { "$canary" fuzz --triage="$attack" --out="$folder/triage"; }
if [ -x "$canary" ]; then
  expect 1 'min.sw$' triage
  found=$(echo "$folder"/triage/findings/*/min.sw)
  cp "$found" "$folder/found.sw"
  cp "$good" "$found"
  expect 1 'min.sw$' triage
  expect 0 '' cmp "$found" "$folder/found.sw"
fi

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
# Nobody's files are removed: a folder that no campaign made is refused as it is.
mkdir -p "$folder/mine/corpus"
echo keep >"$folder/mine/corpus/keep"
out="$folder/mine"
expect 2 'no campaign made it' fuzz
expect 0 'keep' cat "$folder/mine/corpus/keep"
out="$good"
expect 2 'is not a folder' fuzz
out="$folder/out"
# Seeds that lie in the campaign's own folder are read before it is cleared.
echo seed >"$folder/out/corpus/mine"
expect 0 'seeds' three_jobs --corpus="$folder/out/corpus"
expect 0 'seed' grep -rx seed "$folder/out/corpus"
FAILING_JOB=secondary2
export FAILING_JOB
expect 125 'the engine ended with code 1' three_jobs --json

[ "$failures" = 0 ] || exit 1
echo "fmt, asm, repro and fuzz do as they say"
