#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Fetches Debian's 6.12 kernel for arm64, by a private apt state, so that the machine needs no
# foreign architecture and its own package lists stay as they are:
#
#     fetch.sh ~/.cache/sidewall/boot stock     # leaves stock/{Image,version,modules/}
#     fetch.sh ~/.cache/sidewall/boot source    # leaves source/{version,linux-source-*.tar.*}
#
# What is there is not fetched again. Exit 125, with the reason on stderr, when it cannot be had.
set -u

cache=${1:?cache folder}
what=${2:?stock or source}
mirror=${SIDEWALL_DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
limit=${SIDEWALL_FETCH_LIMIT:-900}

fail() {
  echo "boot: $*" >&2
  exit 125
}

say() { echo "boot: $*" >&2; }

# Whatever ends this script ends what it has started, which is all in its process group. A shell
# hears a signal only while it waits, so what takes long runs beside it.
trap 'trap "" INT TERM; kill -TERM 0; exit 130' INT TERM
limited() {
  timeout --foreground -k 10 "$limit" "$@" 9>&- &
  wait "$!"
}

mkdir -p "$cache" 2>/dev/null || fail "cannot write to $cache: set SIDEWALL_BOOT_CACHE"
cache=$(cd "$cache" && pwd -P)
[[ -f $cache/$what/version ]] && exit 0

for program in apt-get apt-cache dpkg-deb; do
  command -v "$program" >/dev/null ||
    fail "no $program here: put Image and modules/ into $cache/$what by hand, and a file version"
done
[[ -f $keyring ]] || fail "no $keyring: install debian-archive-keyring"

exec 9>"$cache/lock"
flock -w "$limit" 9 || fail "another run has been fetching into $cache for $limit s"
[[ -f $cache/$what/version ]] && exit 0

# Debian 12 has 6.12 in its backports, later releases in the release itself.
codename=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")
[[ $codename =~ ^(bookworm|trixie)$ ]] || codename=trixie

apt=$cache/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/etc" || fail "cannot write to $apt"
: >"$apt/status"
for suite in "$codename" "$codename-backports"; do
  echo "deb [signed-by=$keyring] $mirror $suite main"
done >"$apt/etc/sources.list"
cat >"$apt/apt.conf" <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Etc::sourcelist "$apt/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Log "$apt";
END
export APT_CONFIG=$apt/apt.conf

say "package lists of $codename, arm64"
limited apt-get -q update >"$apt/log" 2>&1 ||
  fail "no network, or no Debian at $mirror (log: $apt/log); SIDEWALL_DEBIAN_MIRROR names another"

# The newest package whose name matches; point releases vanish from the archive, so none is named.
newest() {
  apt-cache search --names-only "$1" | cut -d' ' -f1 | sort -V | tail -n 1
}

# fetch PACKAGE: leaves its .deb in $apt/archives, and its name in $deb.
fetch() {
  local package=$1
  say "fetching $package"
  limited env -C "$apt/archives" apt-get -q download "$package" >>"$apt/log" 2>&1 ||
    fail "could not fetch $package from $mirror (log: $apt/log); the next run goes on from here"
  deb=$(ls -t "$apt/archives/$package"_*.deb | head -n 1)
}

work=$cache/$what.new
rm -rf "$work"
mkdir -p "$work/root" || fail "cannot write to $work"
case $what in
  stock)
    package=$(newest '^linux-image-6\.12\.[0-9.]+\+deb[0-9.]+-arm64$')
    [[ -n $package ]] || fail "no package linux-image-6.12*-arm64 in $codename at $mirror"
    fetch "$package"
    dpkg-deb -x "$deb" "$work/root" || fail "$deb cannot be unpacked: remove it and try again"
    cp "$work"/root/boot/vmlinuz-* "$work/Image" || fail "$package has no kernel"
    mkdir "$work/modules"
    for module in failover net_failover virtio_net virtio_mmio; do
      find "$work/root" -name "$module.ko*" -exec cp {} "$work/modules/" \;
      compgen -G "$work/modules/$module.ko*" >/dev/null || fail "$package has no module $module"
    done
    ;;
  source)
    package=$(newest '^linux-source-6\.12$')
    [[ -n $package ]] || fail "no package linux-source-6.12 in $codename at $mirror"
    fetch "$package"
    dpkg-deb -x "$deb" "$work/root" || fail "$deb cannot be unpacked: remove it and try again"
    cp "$work"/root/usr/src/linux-source-6.12.tar.* "$work/" || fail "$package has no source"
    ;;
  *)
    fail "there is nothing called '$what' to fetch"
    ;;
esac
rm -rf "$work/root"
basename "$deb" .deb >"$work/version"
rm -rf "${cache:?}/$what"
mv "$work" "$cache/$what" || fail "cannot write to $cache"
say "$(cat "$cache/$what/version") is in $cache/$what"
