#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# The gate in an empty Debian, to find what ci/packages.txt lacks:
#
#     ci/fresh.sh             # what is committed
#     ci/fresh.sh --worktree  # what lies here, committed or not
#
# The mirror, its suites and its keys are those of this machine's apt. Needs root, debootstrap and
# 10 GB below $TMPDIR. What it mounts is mounted in a name space of its own and goes with it.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)

fail() {
  echo "fresh: $*" >&2
  exit 125
}

# One line for each index of Debian that apt reads: address, suite, component.
indices() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' \
    'Identifier: Packages' | awk '$4 == "Debian" { print $1, $2, $3 }' | sort -u
}

# The keys that apt is told to trust for Debian, or those of Debian's own package.
keyring() {
  local named
  named=$(grep -rhoiE '^signed-by: *[^ ]+|signed-by=[^] ]+' /etc/apt/sources.list \
    /etc/apt/sources.list.d --include='*.sources' --include='*.list' 2>/dev/null |
    sed -E 's/^[^:=]*[:=] *//' | grep -i debian | head -n 1) || true
  echo "${named:-/usr/share/keyrings/debian-archive-keyring.gpg}"
}

make_chroot() {
  local chroot=$1 suite mirror keys
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(indices | awk -v suite="$suite" '$2 == suite { print $1; exit }')
  [[ -n $mirror ]] || fail "apt knows no Debian mirror of $suite; run apt-get update"
  keys=$(keyring)
  echo "fresh: debootstrap $suite" >&2
  debootstrap --variant=minbase --keyring="$keys" "$suite" "$chroot" "$mirror" \
    >"$chroot.log" 2>&1 || { tail -n 20 "$chroot.log" >&2; fail "debootstrap failed"; }
  indices | sed 's/^/deb /' >"$chroot/etc/apt/sources.list"
  apt-config dump --format '%f "%v";%n' Acquire |
    grep -iE '^Acquire::(https?::|Check-|Retries)' >"$chroot/etc/apt/apt.conf.d/99machine" || true
  cp /etc/resolv.conf /etc/hosts "$chroot/etc/"
}

copy_sources() {
  local to=$1
  mkdir -p "$to"
  if [[ ${2:-} == --worktree ]]; then
    git -C "$root" ls-files -z --cached --others --exclude-standard |
      tar -C "$root" --null --files-from=- --ignore-failed-read -c | tar -C "$to" -x
  else
    git -C "$root" archive HEAD | tar -C "$to" -x
  fi
}

((EUID == 0)) || fail "needs root, for chroot"
command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"
command -v git >/dev/null || fail "needs git: apt-get install git"
[[ ${1:---worktree} == --worktree ]] || fail "there is no argument '$1'; try --worktree"

folder=$(mktemp -d)
trap 'rm -rf --one-file-system "$folder"' EXIT
trap 'exit 130' INT TERM HUP
make_chroot "$folder/debian"
copy_sources "$folder/debian/src/sidewall" "${1:-}"

code=0
unshare --mount --pid --fork --kill-child --mount-proc="$folder/debian/proc" \
  chroot "$folder/debian" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
  CI=true /src/sidewall/sidewall test --timings </dev/null || code=$?
((code == 0)) && echo "fresh: an empty Debian needs nothing but ci/packages.txt" >&2
exit "$code"
