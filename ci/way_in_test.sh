#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# What ./sidewall does before anything is built: usage, missing packages, a folder that cannot be
# written, a build that fails. Programs of the machine are replaced by ones that only note that they
# were called:
#
#     ci/way_in_test.sh
set -u

root=$(cd "$(dirname "$0")/.." && pwd -P)
. "$root/ci/expect.sh"

# fake NAME LINES: a program that is found before the real one.
fake() {
  printf '#!/bin/bash\n%s\n' "$2" >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}

mkdir "$scratch/bin"
export PATH=$scratch/bin:$PATH
export SIDEWALL_BUILD_ROOT=$scratch/build

expect 0 '^  fuzz ' "$root/sidewall"
expect 0 '^  replay ' "$root/sidewall" --help
expect 2 "no verb 'frobnicate'" "$root/sidewall" frobnicate
expect 2 "no argument '--fast'" "$root/sidewall" test --fast

# A package is missing: it is asked for by name; when that fails the log is shown.
fake dpkg-query '[[ ${!#} == ninja-build ]] || printf installed'
fake sudo 'exit 1'
fake apt-get 'echo "called: $*"; exit 100'
if ((EUID == 0)); then
  expect 125 'installing ninja-build$' "$root/sidewall" list
  expect 125 'called: .*update' "$root/sidewall" list
else
  expect 125 'sudo apt-get install .*ninja-build$' "$root/sidewall" list
fi
# Only the groups of the verb count.
fake dpkg-query '[[ ${!#} == libunicorn-dev ]] || printf installed'
fake cmake 'echo "cmake $*"; exit 1'
expect 125 "build 'dev' failed" "$root/sidewall" replay --image=host x.trace.zst
expect 125 "libunicorn-dev" "$root/sidewall" replay --image both x.trace.zst
expect 125 "libunicorn-dev" "$root/sidewall" replay --image=el2 x.trace.zst
expect 125 "build 'dev' failed" "$root/sidewall" replay x.trace.zst -- --image=el2
fake dpkg-query '[[ ${!#} == python3-capstone ]] || printf installed'
expect 125 'python3-capstone' "$root/sidewall" ship

# A build that fails shows its log and where the whole of it is.
fake dpkg-query 'printf installed'
expect 125 'cmake --preset dev' "$root/sidewall" list
expect 125 "the whole log is $scratch/build/dev.log" "$root/sidewall" list
expect 125 'cmake --preset fuzz' "$root/sidewall" fuzz --for=1s
expect 125 'cmake --preset afl' "$root/sidewall" fuzz --engine=afl

# A folder that cannot be made.
touch "$scratch/file"
SIDEWALL_BUILD_ROOT=$scratch/file/build \
  expect 125 'set SIDEWALL_BUILD_ROOT' "$root/sidewall" list

# Through a link, from another folder, the sources are still found.
ln -s "$root/sidewall" "$scratch/bin/linked"
cd / && expect 2 "no verb 'x'" linked x

# A run of the tests leaves evidence where the files are those of a commit, and else none.
fake cmake 'exit 0'
fake ctest 'while (($#)); do
  [[ $1 == --output-junit ]] &&
    echo "<testsuite><testcase name=\"a\" status=\"run\"/></testsuite>" >"$2"
  shift
done
echo "100% tests passed"'
SIDEWALL_BUILD_ROOT=$scratch/evidence expect 0 '100% tests passed' "$root/sidewall" test -- -R x
if [[ -n $("$root/ci/evidence.py" tree) ]]; then
  expect 0 '"passed": 1,' cat "$scratch/evidence/test/evidence.json"
else
  expect 2 'No such file' ls "$scratch/evidence/test/evidence.json"
fi

verdict
