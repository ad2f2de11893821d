# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# The verb `test` of ./sidewall, which sources this file:
#
#     ./sidewall test [--timings] [-- CTEST ARGUMENTS]
#
# All builds, then one ctest run over the tests of all of them, so that its summary is the verdict.

# shellcheck shell=bash disable=SC2154 # build_root is set by the script that sources this

# Presets that have tests. dev has every test; the others have those that mean something there.
test_presets=(dev asan msan fuzz el2)
ledger=()

# timed NAME COMMAND...: runs it and adds a row to the ledger.
timed() {
  local name=$1 start=$EPOCHREALTIME
  shift
  "$@"
  ledger+=("$(awk -v a="$start" -v b="$EPOCHREALTIME" -v n="$name" \
    'BEGIN { printf "%-14s %7.1f s", n, b - a }')")
}

print_ledger() {
  echo "ledger (the rows of tests are summed over parallel runs)"
  printf '  %s\n' "${ledger[@]}"
}

# What model.walk_check compared in this run, or why it did not. ctest shows nothing of a test that
# passed.
walk_histogram=$build_root/el2/model/check/walk_histogram.txt
print_walk_histogram() {
  [[ -f $walk_histogram ]] && cat "$walk_histogram"
}

# Copies ctest's output, line by line, up to its summary; then come the walk comparison's histogram,
# the ledger on stderr and the summary, so that it is what is seen last.
copy_with_ledger() {
  local timings=$1 line label seconds summary=()
  while IFS= read -r line; do
    if ((${#summary[@]} == 0)) && [[ ! $line =~ ^[0-9]+%\ tests\ passed ]]; then
      printf '%s\n' "$line"
      continue
    fi
    summary+=("$line")
    read -r label _ seconds _ <<<"$line"
    [[ $line == *"sec*proc"* ]] &&
      ledger+=("$(printf '%-14s %7.1f s' "$label" "$seconds")")
  done
  print_walk_histogram
  ((timings)) && print_ledger >&2
  ((${#summary[@]})) && printf '%s\n' "${summary[@]}"
}

run_tests() {
  local timings=0 preset
  while (($#)); do
    case $1 in
      --timings) timings=1 ;;
      -h | --help)
        echo "usage: ./sidewall test [--timings] [-- CTEST ARGUMENTS]"
        exit 0
        ;;
      --)
        shift
        break
        ;;
      *)
        say "test: there is no argument '$1'; try --timings"
        exit 2
        ;;
    esac
    shift
  done
  timed install need_packages core el2 qemu ship test
  local tree
  tree=$("$root/ci/evidence.py" tree)
  for preset in "${test_presets[@]}"; do
    timed "build $preset" build "$preset"
  done
  timed "build bugs" build fuzz bugs_quick
  local dir=$build_root/test
  mkdir -p "$dir"
  printf "subdirs(\"$build_root/%s\")\n" "${test_presets[@]}" >"$dir/CTestTestfile.cmake"
  set -o pipefail
  rm -f "$walk_histogram" "$dir/junit.xml"
  ctest --test-dir "$dir" --output-on-failure --no-tests=error --output-junit "$dir/junit.xml" \
    -j "$(nproc)" "$@" 2>&1 </dev/null | copy_with_ledger "$timings"
  # ctest has codes of its own; a test that failed is a finding.
  local code=${PIPESTATUS[0]}
  # For the bundle of `sidewall ship`: what was tested, where that is a commit.
  "$root/ci/evidence.py" write --tree="$tree" --junit="$dir/junit.xml" --out="$dir/evidence.json" \
    -- "${test_presets[*]}" "$@"
  # The reason of each test that was skipped; ctest only says that it was.
  sed -n 's/^SKIPPED: /sidewall: a test was skipped: /p' "$dir/Testing/Temporary/LastTest.log" >&2
  exit $((code == 0 ? 0 : 1))
}
