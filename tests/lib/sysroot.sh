#!/bin/bash
# Unpacks a foreign Debian without running anything of it, and prints where it is:
#
#   tests/lib/sysroot.sh ARCH [programs|minbase|dev|pi|python|musl]
#
# programs: some 50 packages with a few hundred dynamic programs and a good spread of libraries, and
# an ld.so.cache by its own ldconfig; minbase: a small Debian as images hold it, with some programs
# and what its packages' scripts would have made; dev: what a cross build of imgmin needs; pi: Python
# with the modules for a Raspberry Pi's pins, and what embeds it; python: some forty packages that
# bring commands written in Python; musl: musl's headers and libc.a.
# Kept in $SYSROOTS (build/sysroots), named by architecture, suite and list. About ten seconds each.
# Exit status 77 and a reason on stderr where it cannot be had here.
set -euo pipefail
arch=$1
kind=${2:-programs}
here=$(cd "$(dirname "$0")" && pwd)
store=${SYSROOTS:-$here/../../build/sysroots}

cannot() { echo "no $arch sysroot: $*" >&2; exit 77; }

case $kind in
programs)
	list='libc-bin bash coreutils util-linux mosquitto mosquitto-clients sqlite3 curl redis-server
	python3 git openssh-client openssh-server nginx-light busybox vim-tiny rsync tcpdump gdbserver
	strace tmux htop iperf3 socat bluez i2c-tools gpiod can-utils alsa-utils wpasupplicant
	dnsmasq-base chrony nftables iproute2 openssl gawk xz-utils zstd jq lua5.4 avahi-daemon
	usbutils pciutils lighttpd ninja-build'
	;;
minbase)
	list='?priority(required) apt sqlite3 nginx-light python3 curl busybox openssh-client git ca-certificates
	openssl libc-bin'
	;;
dev)
	list='libc6-dev libgcc-s1 libarchive-dev libelf-dev libdeflate-dev libzstd-dev libjansson-dev
		libfyaml-dev 	libssl-dev zlib1g-dev libcurl4-openssl-dev'
	;;
pi)
	list='python3 libpython3-dev python3-rpi.gpio python3-gpiozero'
	;;
python)
	list='python3 coreutils python3-autopep8 bumpversion python3-chardet codespell ddgr dput
	python3-flask gitlint gunicorn python3-invoke isort python3-markdown-it python3-mutagen
	python3-charset-normalizer pssh python3-gpiozero python3-pkginfo pycodestyle pyflakes3
	python3-pygments python3-serial python3-dotenv python3-coverage s3cmd sshuttle speedtest-cli
	python3-tabulate python3-tqdm trash-cli vcstool python3-waitress python3-watchdog yamllint
	flake8 python3-jsonschema pydocstyle docutils supervisor radicale python3-logilab-common'
	;;
musl)
	list='musl-dev'
	;;
*) cannot "unknown kind $kind" ;;
esac

[ "$(id -u)" = 0 ] || cannot "needs root"
command -v mmdebstrap >/dev/null || cannot "mmdebstrap is not installed"

# The suite of this machine and the mirror it uses for it.
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
mirror_of() { # SUITE
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
		awk -v suite="$1" '$1 == suite && $2 == "main" && !/security/ {print $3; exit}'
}
mirror=$(mirror_of "$suite")
if [ -z "$mirror" ]; then # no package lists yet
	apt-get -qq update >&2 || true
	mirror=$(mirror_of "$suite")
fi
[ -n "$mirror" ] || cannot "apt knows no mirror of $suite"

mkdir -p "$store"
store=$(cd "$store" && pwd)
root=$store/$arch-$kind-$(cksum <<<"$suite $list" | cut -d' ' -f1)
exec 9>"$root.lock"
flock 9
if [ -d "$root" ]; then echo "$root"; exit; fi

# One sysroot with /lib as a link into /usr, one with the old layout where the suite still has it.
hooks=()
if [ "$arch" = armhf ] || [ "$kind" = minbase ] || [ "$suite" != bookworm ]; then
	hooks=(--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr)
fi
rm -rf "$root.part"
set -f
# shellcheck disable=SC2086
mmdebstrap --quiet --variant=extract --architectures="$arch" "${hooks[@]}" \
	$(printf -- "--include=%s " $list) "$suite" "$root.part" "deb $mirror $suite main" \
	>"$root.log" 2>&1 9>&- </dev/null || {
	rm -rf "$root.part"
	cannot "mmdebstrap failed: $(tail -n 1 "$root.log")"
}

# What the scripts of base-passwd, libc-bin, tzdata, ca-certificates and nginx do.
configure() { # ROOT
	local share=$1/usr/share
	cp "$share/base-passwd/passwd.master" "$1/etc/passwd"
	cp "$share/base-passwd/group.master" "$1/etc/group"
	cp "$share/libc-bin/nsswitch.conf" "$1/etc/nsswitch.conf"
	ln -sf /usr/share/zoneinfo/Etc/UTC "$1/etc/localtime"
	find "$share/ca-certificates" -name '*.crt' | sort | xargs cat \
		>"$1/etc/ssl/certs/ca-certificates.crt"
	ln -s /etc/nginx/sites-available/default "$1/etc/nginx/sites-enabled/default"
	chown 33:4 "$1/var/log/nginx"
}

[ "$kind" != minbase ] || configure "$root.part"
if [ "$kind" = programs ] || [ "$kind" = minbase ]; then
	"$here/inroot.sh" "$root.part" /sbin/ldconfig >>"$root.log" 2>&1 9>&- ||
		cannot "its ldconfig did not run: $(tail -n 1 "$root.log")"
fi
mv "$root.part" "$root"
echo "$root"
