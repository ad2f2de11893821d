#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# fetch.sh and build_kernel.sh without a network: what they say when something is not to be had, and
# that nothing goes on when they are told to stop. Programs of the machine are replaced by ones that
# wait:
#
#     replay/boot/scripts_test.sh
set -u

root=$(cd "$(dirname "$0")/../.." && pwd -P)
. "$root/ci/expect.sh"

scripts=$root/replay/boot
cache=$scratch/cache
mkdir "$scratch/bin"

# fake NAME LINES: a program that is found before the real one.
fake() {
  printf '#!/bin/bash\n%s\n' "$2" >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}

# A program that waits in a child of its own, with a name by which it is found.
waiting="$scratch/bin/waits"
cp /bin/sleep "$waiting"

# stops SCRIPT ARGUMENTS...: told to stop once its program waits, it ends, and nothing is left.
stops() {
  local pid i
  setsid "$@" >"$scratch/said" 2>&1 </dev/null &
  pid=$!
  for ((i = 0; i < 200; i++)); do
    pgrep -f "^$waiting" >/dev/null && break
    sleep 0.05
  done
  if ! pgrep -f "^$waiting" >/dev/null; then
    echo "'$*' never came to what takes long:"
    cat "$scratch/said"
    failures=$((failures + 1))
    return
  fi
  kill -TERM "$pid"
  wait "$pid"
  local code=$?
  for ((i = 0; i < 100; i++)); do
    pgrep -f "^$waiting" >/dev/null || break
    sleep 0.05
  done
  if ((code != 130)) || pgrep -f "^$waiting" >/dev/null; then
    echo "'$*' ends with $code when it is told to stop, and leaves:"
    pgrep -af "^$waiting"
    pkill -f "^$waiting"
    failures=$((failures + 1))
  fi
}

export PATH=$scratch/bin:$PATH
fake apt-cache '[[ $* == *linux-source* ]] && echo "linux-source-6.12 - the source"'
fake dpkg-deb 'exit 0'

# ---- What is not to be had.
fake apt-get 'exit 100'
if [[ -f /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
  expect 125 "no network, or no Debian at http://nowhere" \
    env SIDEWALL_DEBIAN_MIRROR=http://nowhere "$scripts/fetch.sh" "$cache" stock
  fake apt-get 'exit 0'
  expect 125 "no package linux-image-6.12" "$scripts/fetch.sh" "$cache" stock
  fake apt-get "[[ \$2 == update ]] || exit 100"
  expect 125 "could not fetch linux-source-6.12" "$scripts/fetch.sh" "$cache" source

  # ---- Told to stop while it fetches.
  fake apt-get "$waiting 600 & wait"
  stops "$scripts/fetch.sh" "$cache" stock
  stops "$scripts/build_kernel.sh" "$cache"
else
  expect 125 "install debian-archive-keyring" "$scripts/fetch.sh" "$cache" stock
fi
touch "$scratch/file"
expect 125 "cannot write to" "$scripts/fetch.sh" "$scratch/file/cache" stock

# ---- And while it builds.
mkdir -p "$cache/source" "$scratch/tree"
echo "linux-source-6.12_1" >"$cache/source/version"
touch "$scratch/tree/Makefile"
tar -C "$scratch" -cf "$cache/source/linux-source-6.12.tar.xz" tree
for program in flex bison bc aarch64-linux-gnu-gcc-12; do fake "$program" 'exit 0'; done
fake make "$waiting 600 & wait"
stops "$scripts/build_kernel.sh" "$cache"
fake make 'echo "error: a line of the compiler"; exit 2'
expect 125 "the kernel does not build; the whole log is" "$scripts/build_kernel.sh" "$cache"

verdict
