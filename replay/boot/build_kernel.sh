#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Builds the small kernel of `boot --kernel=tegra234` from Debian's source, which fetch.sh leaves:
#
#     build_kernel.sh ~/.cache/sidewall/boot     # leaves tegra234/{Image,version}
#
# It takes 4 to 5 minutes on two idle cores, once for each source and configuration: the file
# `version` names both. Exit 125, with the reason on stderr, when it cannot be built.
set -u

cache=${1:?cache folder}
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd -P)
config=$here/tegra234.config
limit=${SIDEWALL_KERNEL_LIMIT:-7200}

fail() {
  echo "boot: $*" >&2
  exit 125
}

say() { echo "boot: $*" >&2; }

# As in fetch.sh: whatever ends this script ends all that it has started.
trap 'trap "" INT TERM; kill -TERM 0; exit 130' INT TERM
limited() {
  timeout --foreground -k 10 "$limit" "$@" 9>&- &
  wait "$!"
}

limited "$here/fetch.sh" "$cache" source || exit 125
cache=$(cd "$cache" && pwd -P)
source_version=$(cat "$cache/source/version")
hash=$( (echo "$source_version" && cat "$config") | sha256sum | cut -c1-16)
version="$source_version config $hash"
[[ -f $cache/tegra234/version && $(cat "$cache/tegra234/version") == "$version" ]] && exit 0

for program in make flex bison bc aarch64-linux-gnu-gcc-12 tar xz; do
  command -v "$program" >/dev/null || fail "no $program here, which the kernel's build needs"
done

exec 9>"$cache/kernel.lock"
flock -n 9 || fail "another run is building the kernel in $cache"
tree=$cache/tree-$hash
log=$cache/kernel.log
if [[ ! -f $tree/.unpacked ]]; then
  say "unpacking $source_version (1.5 GB)"
  rm -rf "$tree"
  mkdir -p "$tree" || fail "cannot write to $cache"
  limited tar -xf "$cache"/source/linux-source-*.tar.* -C "$tree" --strip-components=1 ||
    fail "the source cannot be unpacked: is the disc full?"
  touch "$tree/.unpacked"
fi
kernel_make() {
  limited nice -n 19 make -C "$tree" O="$tree/out" ARCH=arm64 \
    CROSS_COMPILE=aarch64-linux-gnu- CC="${SIDEWALL_KERNEL_CC:-aarch64-linux-gnu-gcc-12}" "$@"
}
say "building the kernel (log: $log)"
mkdir -p "$tree/out"
{
  KCONFIG_ALLCONFIG=$config kernel_make allnoconfig &&
    kernel_make -j"$(nproc)" Image
} >"$log" 2>&1 || {
  grep -m 5 -iE 'error|not found' "$log" >&2
  fail "the kernel does not build; the whole log is $log"
}
grep -E '^CONFIG_[A-Z0-9_]+=y' "$config" | while read -r line; do
  grep -qx "$line" "$tree/out/.config" || echo "boot: the kernel has no $line" >&2
done
rm -rf "$cache/tegra234"
mkdir -p "$cache/tegra234"
cp "$tree/out/arch/arm64/boot/Image" "$tree/out/.config" "$cache/tegra234/" ||
  fail "cannot write to $cache"
echo "$version" >"$cache/tegra234/version"
say "$version is in $cache/tegra234"
# What was built is what is kept: the tree is 2 GB.
[[ -n ${SIDEWALL_KEEP_TREE:-} ]] || rm -rf "$tree"
