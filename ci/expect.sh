# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# For tests of programs as a person meets them. A test sources this file:
#
#     . ci/expect.sh
#     expect 2 "no verb 'x'" ./sidewall x
#     verdict

# shellcheck shell=bash
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# expect CODE PATTERN COMMAND...: the exit code, and a pattern that one of the streams must hold.
expect() {
  local code=$1 pattern=$2 got
  shift 2
  "$@" >"$scratch/out" 2>&1 </dev/null
  got=$?
  if ((got != code)); then
    echo "'$*' ends with $got, not $code, and says:"
    cat "$scratch/out"
    failures=$((failures + 1))
  elif ! grep -qE -e "$pattern" "$scratch/out"; then
    echo "'$*' does not say '$pattern' but:"
    cat "$scratch/out"
    failures=$((failures + 1))
  fi
}

verdict() {
  ((failures == 0)) && echo "passed"
  exit $((failures > 0))
}
