#!/bin/bash
# Installs the Debian packages that a goal needs and this machine lacks, and says which.
#
#   tests/lib/deps.sh build|demo|unit|lint|check|bench|fuzz|deb|image     installs
#   tests/lib/deps.sh --print GOAL                         only prints the apt-get line, if any
#
# Exit status: 0 nothing is missing any more, 2 no right to install (the line to run is printed),
# 1 apt-get failed. The lists hold for Debian 12 and 13; in a list
#   a|b   is satisfied by either, and the first one apt knows gets installed
#   a?    is left out where apt does not know it: its tests then skip and say so
set -euo pipefail

build='make gcc libc6-dev pkg-config libarchive-dev libelf-dev libdeflate-dev libzstd-dev
	libjansson-dev libfyaml-dev libssl-dev zlib1g-dev libcurl4-openssl-dev|libcurl4-gnutls-dev'
# Linked programs for the other machine, and a processor for them. From Debian 13 on qemu-user is
# static itself, and its binfmt lines are in qemu-user-binfmt.
armhf='gcc-arm-linux-gnueabihf libc6-dev-armhf-cross'
cross="$armhf gcc-aarch64-linux-gnu libc6-dev-arm64-cross mmdebstrap debian-archive-keyring"
emulator='qemu-user-static|qemu-user-binfmt'
unit='libcmocka-dev binutils gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
	gcc-arm-linux-gnueabi libc6-dev-armel-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	musl-tools strace'
# In Debian 13 the client is no longer part of docker.io.
engines='docker.io docker-cli? docker-registry apache2-utils containerd runc skopeo
	umoci? buildah podman'
e2e='bats python3 curl openssl iproute2 zstd libdeflate-tools jq attr file binutils util-linux procps mmdebstrap
	debian-archive-keyring scdoc golang-go chromium? zsh fish tmux
	python3-jsonschema python3-yaml npm? shellcheck lintian openssh-client openssh-server time'

lint='clang clang-tidy cppcheck shellcheck pmccabe'

packages_of() {
	case $1 in
	build) echo "$build" ;;
	demo) echo "$build $armhf $emulator scdoc" ;;
	unit) echo "$build $unit" ;;
	lint) echo "$build $lint" ;;
	check) echo "$build $unit $armhf $emulator $engines $e2e $lint" ;;
	bench) echo "$build $armhf libtree pax-utils python3-pyelftools docker.io docker-cli? docker-registry?
		containerd runc buildah umoci? skopeo pigz zstd strace python3 curl util-linux mmdebstrap
		debian-archive-keyring" ;;
	deb | image) echo "$build $cross scdoc dpkg-dev" ;;
	fuzz) echo "$build clang llvm" ;;
	*)
		echo "usage: tests/lib/deps.sh [--print] build|demo|unit|lint|check|bench|fuzz|deb|image" >&2
		exit 2
		;;
	esac
}

# Every package that is installed here, by name and by what it provides.
installed_names() {
	dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' |
		sed -n 's/^installed //p' | sed 's/([^)]*)//g' | tr -s ' ,' '\n\n' | sed 's/:.*//'
}

known_to_apt() { # PACKAGE
	apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

# One line for each package to install; empty where nothing is missing.
missing() { # WORD...
	local have word name names
	have=$(installed_names)
	for word; do
		names=${word%\?}
		names=${names//|/ }
		for name in $names; do
			grep -qxF -- "$name" <<<"$have" && continue 2
		done
		for name in $names; do
			known_to_apt "$name" && { echo "$name"; continue 2; }
		done
		# Nobody knows it: apt-get shall say so, unless we can do without.
		[[ $word == *\? ]] || echo "${names%% *}"
	done | sort -u
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

only_print=false
[ "${1-}" != --print ] || { only_print=true; shift; }
goal=${1-}
list=$(packages_of "$goal") || exit 2
# shellcheck disable=SC2206
words=($list)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "This is not Debian: $goal needs what these Debian packages hold: ${words[*]}" >&2
	$only_print && exit 0 || exit 2
fi
todo=$(missing "${words[@]}")
[ -n "$todo" ] || exit 0
todo_line=${todo//$'\n'/ }

if $only_print; then
	echo "apt-get install --no-install-recommends $todo_line"
	exit 0
fi
if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
	echo "make $goal needs Debian packages that are not installed. As root, run:"
	echo "apt-get update && apt-get install -y --no-install-recommends $todo_line"
	exit 2
fi

echo "Installing for make $goal: $todo_line"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null
}
# A fresh machine has no package lists, an old one has stale ones: then once more with new lists.
install() {
	# shellcheck disable=SC2086
	apt install -y --no-install-recommends $(missing "${words[@]}")
}
lists_complete() {
	local name
	for name in $todo; do known_to_apt "$name" || return 1; done
}
if ! lists_complete || ! install; then
	apt update || true
	install || {
		cat "$log" >&2
		echo "apt-get could not install: $(missing "${words[@]}" | tr '\n' ' ')" >&2
		exit 1
	}
fi
