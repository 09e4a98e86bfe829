#!/bin/bash
# Lets the kernel start foreign programs, in containers too:  tests/lib/binfmt.sh [arm aarch64 …]
# Mounts binfmt_misc where it is not and registers qemu-user with the F flag (the interpreter is
# opened now, and needs not be in the container). Exit status 77 and the reason where that fails.
set -euo pipefail
[ $# -gt 0 ] || set -- arm aarch64 s390x
misc=/proc/sys/fs/binfmt_misc

cannot() { echo "foreign programs cannot be started here: $*" >&2; exit 77; }

# Under systemd this is an automount: looking inside mounts it.
if [ ! -e $misc/register ]; then
	[ "$(id -u)" = 0 ] || cannot "binfmt_misc is not mounted, and this is not root"
	modprobe -q binfmt_misc 2>/dev/null || true
	mount -t binfmt_misc binfmt_misc $misc 2>/dev/null || cannot "the kernel has no binfmt_misc"
fi
for machine; do
	entry=$misc/qemu-$machine
	if [ -e "$entry" ]; then
		grep -q '^flags:.*F' "$entry" || cannot "qemu-$machine is registered without the F flag"
		continue
	fi
	[ "$(id -u)" = 0 ] || cannot "qemu-$machine is not registered, and this is not root"
	conf=/usr/lib/binfmt.d/qemu-$machine.conf
	[ -e "$conf" ] || cannot "$conf is missing (package qemu-user-static or qemu-user-binfmt)"
	grep '^:' "$conf" >$misc/register || cannot "the kernel refused $conf"
done
